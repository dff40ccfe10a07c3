//! `scaletune doctor`: what is found here and what is missing.

mod findings;
mod peers;
mod text;

use super::Context;
use super::exit::Exit;
use clap::Args;
use findings::Findings;
use std::path::PathBuf;

/// `scaletune doctor`
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    scaletune doctor\n  \
    scaletune doctor --json\n\
    Exit status 1: something that is found can't be used, or no engine is found.")]
pub(super) struct DoctorArguments {
    /// Look in these folders, too, for what killed runs left [default: this folder]
    #[arg(value_name = "DIR")]
    pub(super) folders: Vec<PathBuf>,
}

pub(super) fn run(context: &Context, arguments: &DoctorArguments) -> Result<(), Exit> {
    if let Some(folder) = arguments.folders.iter().find(|folder| !folder.is_dir()) {
        return Err(Exit::input(format!("{}: is not a folder", folder.display())));
    }
    let findings = Findings::gather(&context.catalogue, &arguments.folders)?;
    super::print(&if context.json { super::as_json(&findings)? } else { text::text(&findings) })?;
    if findings.problems.is_empty() {
        Ok(())
    } else {
        // The problems have been listed.
        Err(Exit { status: 1, message: String::new() })
    }
}
