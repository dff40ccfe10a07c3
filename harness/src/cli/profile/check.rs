//! `scaletune profile check`

use super::look::{EngineFit, Look, Looker};
use crate::cli::exit::Exit;
use crate::cli::{Context, print};
use crate::profile::{Found, MachineFit, Profile, Store};
use serde_json::json;

pub(super) fn run(context: &Context, store: &Store, names: &[String]) -> Result<(), Exit> {
    let found = match names {
        [] => store.all(),
        names => names.iter().map(|name| found(store, name)).collect::<Result<_, Exit>>()?,
    };
    let mut looker = Looker::new(&context.catalogue);
    let looks: Vec<Look> = found.into_iter().map(|found| looker.look(found)).collect();
    let unusable = looks.iter().filter(|look| !look.is_usable()).count();
    if context.json {
        let profiles: Vec<_> = looks.iter().map(Look::json).collect();
        print(&json!({"profiles": profiles, "unusable": unusable}).to_string())?;
    } else if looks.is_empty() {
        print("there is no profile to check")?;
    } else {
        print(&looks.iter().map(verdict).collect::<String>())?;
    }
    if unusable == 0 {
        return Ok(());
    }
    Err(Exit { status: 1, message: format!("{unusable} of {} profiles can't be used here", looks.len()) })
}

fn found(store: &Store, name: &str) -> Result<Found, Exit> {
    let path = store.find(name)?;
    Ok(Found { profile: Profile::load(&path), path })
}

/// One profile's lines: the verdict first.
fn verdict(look: &Look) -> String {
    let path = look.path.display();
    let seen = match &look.seen {
        Ok(seen) => seen,
        Err(error) => return format!("unreadable  {path}\n    {error}\n"),
    };
    let alike = matches!((&seen.machine, &seen.engine), (MachineFit::Exact, EngineFit::Same));
    let word = match (look.is_usable(), alike) {
        (false, _) => "unusable",
        // None of its plans is more than a guess.
        (true, _) if seen.provisional().len() == seen.profile.points.len() => "provisional",
        (true, true) => "exact",
        (true, false) => "compatible",
    };
    let lines: String = seen.fit().iter().map(|line| format!("    {line}\n")).collect();
    format!("{word}  {path}\n{lines}")
}
