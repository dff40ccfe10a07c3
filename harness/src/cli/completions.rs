//! `scaletune completions`: what a shell needs to complete the command line, made from its definition and from the engines
//! that are found: their names, and the flags of all of them.

use super::exit::Exit;
use super::{Context, ENGINE_COMMANDS, bare_command, print, with_inputs};
use clap::Args;
use clap_complete::Shell;
use scaletune_descriptor::Descriptor;

/// `scaletune completions`
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    scaletune completions bash > ~/.local/share/bash-completion/completions/scaletune\n  \
    scaletune completions zsh > ~/.zfunc/_scaletune\n  \
    scaletune completions fish > ~/.config/fish/completions/scaletune.fish")]
pub(super) struct CompletionsArguments {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

pub(super) fn run(context: &Context, arguments: &CompletionsArguments) -> Result<(), Exit> {
    let engines = context.catalogue.entries().into_iter().filter_map(|entry| Some(entry.plugin.ok()?.descriptor));
    let mut command = with_engines(bare_command(), &engines.collect::<Vec<_>>());
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "scaletune", &mut script);
    print(&String::from_utf8_lossy(&script))
}

/// The command line with the names and the flags of all `engines`: a shell does not know of which one a line is.
fn with_engines(command: clap::Command, engines: &[Descriptor]) -> clap::Command {
    let names: Vec<String> = engines.iter().map(|engine| engine.name.clone()).collect();
    ENGINE_COMMANDS.iter().fold(command, |command, wanted| {
        command.mut_subcommand(wanted, |own| {
            let of_each = engines.iter().map(|engine| with_inputs(own.clone(), engine, wanted)).collect::<Vec<_>>();
            let own = of_each.iter().flat_map(clap::Command::get_arguments).fold(own, add_new);
            if names.is_empty() { own } else { own.mut_arg("engine", |engine| engine.value_parser(names.clone())) }
        })
    })
}

/// Adds a flag, unless the command has it: of its own, or of another engine.
fn add_new(command: clap::Command, argument: &clap::Arg) -> clap::Command {
    let is_there = |own: &clap::Arg| {
        own.get_id() == argument.get_id() || (own.get_long().is_some() && own.get_long() == argument.get_long())
    };
    if command.get_arguments().any(is_there) { command } else { command.arg(argument.clone()) }
}
