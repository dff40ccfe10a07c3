//! `scaletune man`: the manual pages, made from the definition of the command line: one for the program, one a command,
//! and one for each command and engine that are found, with the engine's flags.

use super::exit::Exit;
use super::{Context, ENGINE_COMMANDS, as_json, bare_command, of_engine, print};
use clap::{Args, Command};
use clap_mangen::Man;
use std::path::{Path, PathBuf};

/// `scaletune man`
#[derive(Args, Debug)]
#[command(after_help = "Example: scaletune man --out share/man/man1")]
pub(super) struct ManualArguments {
    /// Write the pages to this folder
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub(super) fn run(context: &Context, arguments: &ManualArguments) -> Result<(), Exit> {
    let folder = &arguments.out;
    std::fs::create_dir_all(folder).map_err(|error| Exit::input(format!("{}: {error}", folder.display())))?;
    let mut written = Vec::new();
    pages(bare_command(), "scaletune", folder, &mut written)?;
    for engine in context.catalogue.entries().into_iter().filter_map(|entry| entry.plugin.ok()) {
        for wanted in ENGINE_COMMANDS {
            let mut whole = of_engine(bare_command(), &engine.descriptor, wanted);
            whole.build();
            let Some(command) = whole.find_subcommand(wanted) else { continue };
            let name = format!("scaletune-{wanted}-{}", engine.descriptor.name);
            let about = format!("{} ({})", command.get_about().cloned().unwrap_or_default(), engine.descriptor.summary);
            page(command.clone().about(about), name, folder, &mut written)?;
        }
    }
    if context.json {
        return print(&as_json(&written)?);
    }
    context.terminal.note(&format!("{} pages in {}", written.len(), folder.display()));
    Ok(())
}

/// The page of a command, and those of the commands below it, but for hidden ones.
fn pages(command: Command, name: &str, folder: &Path, written: &mut Vec<PathBuf>) -> Result<(), Exit> {
    let mut command = command;
    // Flags that every command takes come to the commands below by this.
    command.build();
    for below in command.get_subcommands().filter(|below| !below.is_hide_set() && below.get_name() != "help") {
        pages(below.clone(), &format!("{name}-{}", below.get_name()), folder, written)?;
    }
    page(command, name.into(), folder, written)
}

fn page(command: Command, name: String, folder: &Path, written: &mut Vec<PathBuf>) -> Result<(), Exit> {
    let path = folder.join(format!("{name}.1"));
    let failed = |error: std::io::Error| Exit::failed(format!("{}: {error}", path.display()));
    let mut text = Vec::new();
    Man::new(command.name(name)).render(&mut text).map_err(failed)?;
    std::fs::write(&path, text).map_err(failed)?;
    written.push(path);
    Ok(())
}
