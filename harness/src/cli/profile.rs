//! `scaletune profile`: what has been tuned, where it lies, whether it is of use here.
//!
//! - `list`, `show`, `check` look; `merge`, `export` write a profile; `rm` removes some.
//!
//! A profile that can't be read never stops any of them: it is told with the reason.

mod check;
mod export;
mod list;
pub(super) mod look;
mod merge;
mod remove;
mod show;

use super::Context;
use super::exit::Exit;
use crate::profile::{Profile, ProfileError, Store, StoreError, Stored};
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `scaletune profile`
#[derive(Args, Debug)]
pub(super) struct ProfileArguments {
    /// What to do.
    #[command(subcommand)]
    command: ProfileCommand,
}

/// What to do.
#[derive(Debug, Subcommand)]
enum ProfileCommand {
    /// List the profiles of all folders, in the order in which they are searched
    #[command(after_help = "Example: scaletune profile list")]
    List,
    /// Show one in full: each thread budget's plan and what speaks for it
    #[command(after_help = "Example: scaletune profile show latest")]
    Show {
        /// The profile: its name in a searched folder or the beginning of it, `latest`, an engine (its latest), or a path
        #[arg(value_name = "NAME|FILE")]
        name: String,
    },
    /// Check that profiles can be read, that their plans are still plans, and that the machine is alike
    #[command(after_help = "Example: scaletune profile check\n\
        Exit status 1 where one can't be used here.")]
    Check {
        /// Profiles, by name or path [default: all in the searched folders]
        #[arg(value_name = "NAME|FILE")]
        names: Vec<String>,
    },
    /// Merge several of one engine, machine and class of inputs: for each thread budget the best evidence
    #[command(after_help = "Example: scaletune profile merge monday.json tuesday.json --out both.json")]
    Merge {
        /// Profiles, by name or path
        #[arg(value_name = "NAME|FILE", required = true, num_args = 2..)]
        names: Vec<String>,
        /// Write the merged profile to FILE [default: where `run` looks]
        #[arg(short, long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Write a copy of one to a file, or to standard output
    #[command(after_help = "Example: scaletune profile export count-1f0c7a52-43770b4f --out for-the-cluster.json")]
    Export {
        /// The profile: its name in a searched folder or the beginning of it, `latest`, an engine (its latest), or a path
        #[arg(value_name = "NAME|FILE")]
        name: String,
        /// Write to FILE [default: standard output]
        #[arg(short, long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Remove profiles from the searched folders
    #[command(after_help = "Example: scaletune profile rm count-1f0c7a52-43770b4f")]
    Rm {
        /// Profiles, by name or path
        #[arg(value_name = "NAME|FILE", required = true)]
        names: Vec<String>,
    },
}

pub(super) fn run(context: &Context, arguments: &ProfileArguments) -> Result<(), Exit> {
    let store = Store::of_this_process();
    match &arguments.command {
        ProfileCommand::List => list::run(context, &store),
        ProfileCommand::Show { name } => show::run(context, &store, name),
        ProfileCommand::Check { names } => check::run(context, &store, names),
        ProfileCommand::Merge { names, out } => merge::run(context, &store, names, out.as_deref()),
        ProfileCommand::Export { name, out } => export::run(context, &store, name, out.as_deref()),
        ProfileCommand::Rm { names } => remove::run(context, &store, names),
    }
}

/// The profile that a user names; it must be readable.
fn named(store: &Store, name: &str) -> Result<Stored, Exit> {
    let path = store.find(name)?;
    let profile = Profile::load(&path)?;
    Ok(Stored { path, profile })
}

/// The same for one that is only looked at, which may be named in short.
fn named_in_short(store: &Store, name: &str) -> Result<Stored, Exit> {
    let path = store.find_to_read(name)?;
    let profile = Profile::load(&path)?;
    Ok(Stored { path, profile })
}

/// Writes a profile to `path`; a file there that is not a profile is not replaced.
fn save(profile: &Profile, path: &std::path::Path) -> Result<(), Exit> {
    if path.exists() {
        Profile::load(path).map_err(|error| Exit::input(format!("{error}; it is not replaced: name another file")))?;
    }
    profile.save(path).map_err(Exit::from)
}

impl From<StoreError> for Exit {
    fn from(error: StoreError) -> Exit {
        Exit::input(error.to_string())
    }
}

impl From<ProfileError> for Exit {
    fn from(error: ProfileError) -> Exit {
        Exit::input(error.to_string())
    }
}
