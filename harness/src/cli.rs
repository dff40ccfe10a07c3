//! The command line: reads it, hands each command its own module, turns the outcome into an exit status.
//!
//! The flags of `run`, `tune` and `simulate` depend on the engine, so the line is looked through once for the engine's
//! name before it is parsed in full.

mod arguments;
mod check;
mod check_engine;
mod choice;
mod compare;
mod completions;
mod doctor;
mod earlier;
mod engines;
mod exit;
mod gate;
mod line;
mod manual;
mod new_engine;
mod overhead;
mod predict;
mod profile;
mod report;
mod result;
mod run;
mod simulate;
mod summary;
mod sweep;
mod terminal;
mod trials;
mod tune;
mod verify;
mod workload;

use crate::interrupt;
use crate::measure::{ThreadBudget, unread_limits};
use crate::plugin::{Catalogue, Plugin, SearchPath, Trust};
use crate::sweep::Sweep;
use crate::version::Version;
use crate::worker::{self, Worker};
use arguments::{Arguments, Command};
use clap::{CommandFactory, FromArgMatches};
use exit::Exit;
use line::{ENGINE_COMMANDS, EarlyLook, as_meant};
use scaletune_descriptor::Descriptor;
use serde::Serialize;
use serde_json::json;
use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use terminal::Terminal;

/// Where all randomness starts, of the order of trials and of redrawing: fixed, so that what a command does can be repeated.
const SEED: u64 = 1;

/// What every command works with.
struct Context {
    catalogue: Catalogue,
    worker: Worker,
    terminal: Terminal,
    json: bool,
}

impl Context {
    /// How many threads may be busy where the user does not say; warns where a limit may have been missed.
    ///
    /// # Errors
    /// `SCALETUNE_THREADS` is not a number of threads.
    fn budget(&mut self) -> Result<ThreadBudget, Exit> {
        unread_limits().iter().for_each(|fault| self.terminal.warn(&unread_limit(fault)));
        let budget = ThreadBudget::of_this_process().map_err(Exit::input)?;
        budget.unread.iter().for_each(|fault| self.terminal.warn(fault));
        Ok(budget)
    }
}

/// What to say of a control group's file that can't be read.
fn unread_limit(fault: &str) -> String {
    format!("{fault}: can't be read, so any CPU or memory limit in it is ignored")
}

/// The program.
pub fn main() -> ExitCode {
    let line: Vec<OsString> = std::env::args_os().collect();
    if line.get(1).is_some_and(|word| word == worker::ENTRY_ARGUMENT) {
        return match worker::child_main() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("worker: {error:#}");
                ExitCode::from(3)
            }
        };
    }
    match command(&line) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Exit { status, message }) => {
            if !message.is_empty() {
                // Standard error may be closed; the status still tells.
                drop(writeln!(std::io::stderr(), "scaletune: {message}"));
            }
            ExitCode::from(status)
        }
    }
}

fn command(line: &[OsString]) -> Result<(), Exit> {
    interrupt::install()?;
    let worker = Worker::this_program()?;
    let line = as_meant(line);
    let early = EarlyLook::at(&line);
    let trust = Trust::of_this_process(&early.trust).map_err(Exit::input)?;
    let catalogue = Catalogue::new(SearchPath::of_this_process(&early.engine_path), trust, worker.clone());
    let plugin = early.engine.map(|name| catalogue.find(&name)).transpose();
    if interrupt::requested() {
        return Err(Exit::interrupted());
    }
    let plugin = plugin?;
    let parser = full_command(plugin.as_ref(), &early.command);
    let matches = match parser.try_get_matches_from(line) {
        Ok(matches) => matches,
        Err(error) => {
            if let Some(hint) = line::instead_of(&error, &catalogue) {
                return Err(Exit::input(hint));
            }
            // Help and version are not errors; a broken pipe behind them is not ours.
            drop(error.print());
            return if error.exit_code() == 0 { Ok(()) } else { Err(Exit { status: 2, message: String::new() }) };
        }
    };
    let arguments = Arguments::from_arg_matches(&matches).map_err(|error| Exit::input(error.to_string()))?;
    let common = &arguments.common;
    let terminal = Terminal::new(common.quiet, common.verbose, !common.no_progress && !common.json);
    let mut context = Context { catalogue, worker, terminal, json: common.json };
    let own = matches.subcommand().map(|(_, own)| own);
    let outcome = match (&arguments.command, plugin, own) {
        (Command::Engines(arguments), ..) => engines::run(&context, arguments),
        (Command::Doctor(arguments), ..) => doctor::run(&context, arguments),
        (Command::Completions(arguments), ..) => completions::run(&context, arguments),
        (Command::Man(arguments), ..) => manual::run(&context, arguments),
        (Command::Check(arguments), ..) => check::run(&mut context, arguments),
        (Command::NewEngine(arguments), ..) => new_engine::run(&context, arguments),
        (Command::CheckEngine(arguments), ..) => check_engine::run(&mut context, arguments),
        (Command::Run(arguments), Some(plugin), Some(own)) => {
            run::run(&mut context, &plugin, arguments, own).or_else(|exit| as_document(&context, exit))
        }
        (Command::Tune(arguments), Some(plugin), Some(own)) => tune::run(&mut context, &plugin, arguments, own),
        (Command::Sweep(arguments), Some(plugin), Some(own)) => sweep::run(&mut context, &plugin, arguments, own),
        (Command::Profile(arguments), ..) => profile::run(&context, arguments),
        (Command::Gate(arguments), ..) => gate::run(&mut context, arguments),
        (Command::Report(arguments), ..) => report::run(&context, arguments),
        (Command::Compare(arguments), ..) => compare::run(&context, arguments),
        (Command::Predict(arguments), ..) => predict::run(&context, arguments),
        (Command::Summary(arguments), ..) => summary::run(&context, arguments),
        (Command::Simulate(arguments), Some(plugin), Some(own)) => {
            let sizes =
                plugin.descriptor.simulate.as_ref().map(|offer| workload::given(own, &offer.sizes)).transpose()?;
            simulate::run(&mut context, &plugin, arguments, sizes.unwrap_or_default())
        }
        _ => Err(Exit::input("the engine's name must come right after the command, as in `scaletune run count ...`")),
    };
    context.terminal.finish();
    outcome
}

/// With `--json` a failure is a document, too: the status, its reason in a word, and the message.
fn as_document(context: &Context, exit: Exit) -> Result<(), Exit> {
    if context.json {
        print(&json!({"status": exit.status, "reason": exit.reason(), "message": exit.message}).to_string())?;
    }
    Err(exit)
}

/// The command line without any engine's flags.
fn bare_command() -> clap::Command {
    Arguments::command().long_version(Version::this().to_string())
}

/// The command line of this engine: every command as it is, and `wanted` with the engine's inputs.
fn full_command(plugin: Option<&Plugin>, wanted: &str) -> clap::Command {
    let command = bare_command();
    let Some(Plugin { descriptor, .. }) = plugin else { return command };
    of_engine(command, descriptor, wanted)
}

/// `command` with what this engine adds to the command `wanted`.
fn of_engine(command: clap::Command, descriptor: &Descriptor, wanted: &str) -> clap::Command {
    let example = example(descriptor, wanted);
    command.mut_subcommand(wanted, |command| {
        let command = if example.is_empty() { command } else { command.after_help(example) };
        with_inputs(command, descriptor, wanted)
    })
}

/// A line that works as it is, for an engine that can make its own workload; else nothing.
fn example(descriptor: &Descriptor, wanted: &str) -> String {
    let name = &descriptor.name;
    let Some(offer) = &descriptor.simulate else { return String::new() };
    let rest = match wanted {
        "run" if descriptor.main_outputs().count() > 1 => format!(" --demo --outdir {name}-out"),
        "run" => match descriptor.main_outputs().next() {
            Some(output) => format!(" --demo -o {}", output.file),
            None => return String::new(),
        },
        "simulate" => match offer.presets.first() {
            Some(preset) => format!(" --preset {preset} --out {name}-workload"),
            None => format!(" --out {name}-workload"),
        },
        "sweep" => " --demo --threads 1,2 --max-time 20s".into(),
        _ => " --demo".into(),
    };
    format!("Example: scaletune {wanted} {name}{rest}")
}

/// The flags that the engine adds.
fn with_inputs(command: clap::Command, descriptor: &Descriptor, wanted: &str) -> clap::Command {
    match wanted {
        "simulate" => {
            let sizes = descriptor.simulate.as_ref().map(|offer| offer.sizes.as_slice()).unwrap_or_default();
            workload::add_inputs(command, sizes, &format!("Sizes of {}", descriptor.name))
        }
        "run" => {
            let heading = format!("Inputs and outputs of {}", descriptor.name);
            workload::add_outputs(workload::add_inputs(command, &descriptor.inputs, &heading), descriptor)
        }
        _ => workload::add_inputs(command, &descriptor.inputs, &format!("Inputs of {}", descriptor.name)),
    }
}

/// The sweep of a document.
fn load(path: &Path) -> Result<Sweep, Exit> {
    Ok(Sweep::load(path)?)
}

/// A result for `--json`.
fn as_json(result: &impl Serialize) -> Result<String, Exit> {
    serde_json::to_string(result).map_err(|error| Exit::failed(error.to_string()))
}

/// Prints a result on standard output.
fn print(text: &str) -> Result<(), Exit> {
    let mut stdout = std::io::stdout().lock();
    let newline = if text.ends_with('\n') { "" } else { "\n" };
    match write!(stdout, "{text}{newline}").and_then(|()| stdout.flush()) {
        // A reader that has seen enough, such as `head`, is not a failure.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Exit::failed(format!("standard output: {error}")))
        }
        _ => Ok(()),
    }
}
