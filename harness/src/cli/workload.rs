//! What an engine adds to the command line: a flag for each of its inputs, and for outputs that have one.

mod streams;

use super::arguments::WorkloadArguments;
use super::exit::Exit;
use crate::input_file;
use crate::measure::file_system;
use crate::scratch::Scratch;
use clap::{Arg, ArgAction, ArgMatches, Command};
use scaletune_descriptor::{Descriptor, Input, InputKind, Inputs, NotText, map_paths};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use streams::Streams;

/// Longest name of an output, bytes: what most file systems hold.
const LONGEST_NAME: usize = 255;

/// Flags that every command has without listing them.
const COMMON_FLAGS: [&str; 8] = ["engine-path", "trust", "json", "quiet", "verbose", "no-progress", "help", "version"];

/// A workload: checked inputs, paths absolute.
#[derive(Clone, Debug)]
pub(super) struct Workload {
    /// The inputs, defaults filled in.
    pub(super) inputs: Inputs,
    /// The same as the JSON object that an engine gets.
    pub(super) values: Map<String, Value>,
    /// Keeps a simulated workload's folder for as long as it is used.
    pub(super) _keep: Option<Arc<Scratch>>,
    streams: Streams,
}

/// Adds a flag for each input to `command`: `--NAME`, or `--input-NAME` where the command has a flag `--NAME` of its own,
/// as `sweep` has `--resume`.
pub(super) fn add_inputs(command: Command, inputs: &[Input], heading: &str) -> Command {
    let mut taken: Vec<String> = command.get_arguments().filter_map(|own| own.get_long().map(str::to_string)).collect();
    taken.extend(COMMON_FLAGS.map(str::to_string));
    let arguments = inputs.iter().map(|input| {
        let flag = if taken.contains(&input.name) { format!("input-{}", input.name) } else { input.name.clone() };
        let argument = Arg::new(id(&input.name)).long(flag).help_heading(heading.to_string());
        let default = match &input.default {
            Some(Value::String(text)) => format!(" [default: {text}]"),
            Some(value) => format!(" [default: {value}]"),
            None if input.required => " (required)".into(),
            None => String::new(),
        };
        let argument = argument.help(format!("{}{default}", input.help));
        match &input.kind {
            InputKind::Flag => argument.action(ArgAction::SetTrue),
            kind => {
                let action = if input.repeat { ArgAction::Append } else { ArgAction::Set };
                let words = match kind {
                    InputKind::Choice { values } => values.join("|"),
                    InputKind::Path { .. } => "FILE".into(),
                    InputKind::Integer { .. } => "N".into(),
                    InputKind::Float { .. } => "X".into(),
                    _ => "TEXT".into(),
                };
                let argument = argument.action(action).value_parser(clap::value_parser!(OsString));
                argument.value_name(input.value_name.clone().unwrap_or(words)).allow_hyphen_values(true)
            }
        }
    });
    command.args(arguments.collect::<Vec<_>>())
}

/// An input's flag within a command line: apart from the command's own flags.
fn id(input: &str) -> String {
    format!("input {input}")
}

/// Adds a flag for each output that has one.
pub(super) fn add_outputs(command: Command, descriptor: &Descriptor) -> Command {
    let heading = format!("Inputs and outputs of {}", descriptor.name);
    let arguments = descriptor.flagged_outputs().map(|(flag, output)| {
        let argument = Arg::new(flag.to_string()).long(flag.to_string()).value_name("FILE").help(output.help.clone());
        argument.value_parser(clap::value_parser!(PathBuf)).help_heading(heading.clone())
    });
    command.args(arguments.collect::<Vec<_>>())
}

/// The inputs given as flags.
///
/// # Errors
/// A value that its input does not take.
pub(super) fn given(matches: &ArgMatches, inputs: &[Input]) -> Result<Map<String, Value>, Exit> {
    let mut values = Map::new();
    for input in inputs {
        let id = id(&input.name);
        if input.kind == InputKind::Flag {
            if matches.try_get_one::<bool>(&id).is_ok_and(|given| given == Some(&true)) {
                values.insert(input.name.clone(), Value::Bool(true));
            }
            continue;
        }
        let Ok(Some(given)) = matches.try_get_many::<OsString>(&id) else { continue };
        let mut parsed = Vec::new();
        for given in given {
            let text = given.to_str().ok_or_else(|| {
                let error = NotText { input: input.name.clone(), path: given.into() };
                Exit::input(error.to_string())
            })?;
            parsed.push(input.parse(text).map_err(|error| Exit::input(error.to_string()))?);
        }
        let value = if input.repeat { Some(Value::Array(parsed)) } else { parsed.pop() };
        values.extend(value.map(|value| (input.name.clone(), value)));
    }
    Ok(values)
}

/// Reads an inputs file: TOML whose `[inputs]` table holds values by name, paths relative to the file.
///
/// # Errors
/// The file can't be read, or is for another engine.
pub(super) fn read_file(path: &Path, descriptor: &Descriptor) -> Result<Map<String, Value>, Exit> {
    let fault = |what: &str| Exit::input(format!("{}: {what}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| fault(&error.to_string()))?;
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| fault(&error.to_string()))?;
    if let Some(engine) = table.get("engine").and_then(toml::Value::as_str)
        && engine != descriptor.name
    {
        return Err(fault(&format!("is for engine `{engine}`, not `{}`", descriptor.name)));
    }
    let inputs = table.get("inputs").and_then(toml::Value::as_table);
    let inputs = inputs.ok_or_else(|| fault("has no table [inputs]"))?;
    let mut values = Map::new();
    for (name, value) in inputs {
        let value = serde_json::to_value(value).map_err(|error| fault(&error.to_string()))?;
        values.insert(name.clone(), value);
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    map_paths(&mut values, &descriptor.inputs, |text| folder.join(text))
        .map_err(|error| Exit::input(error.to_string()))?;
    Ok(values)
}

impl Workload {
    /// Puts together what the flags, an inputs file and the engine's defaults give; `wanted_outputs` are the outputs
    /// with a flag of their own that are to be written.
    ///
    /// # Errors
    /// An input that is unknown, missing, of the wrong kind, or a file that is not there.
    pub(super) fn new(
        descriptor: &Descriptor,
        matches: &ArgMatches,
        arguments: &WorkloadArguments,
        demo: impl FnOnce() -> Result<(PathBuf, Scratch), Exit>,
        wanted_outputs: &[&str],
    ) -> Result<Workload, Exit> {
        let (mut values, keep) = match (&arguments.inputs, arguments.demo) {
            (Some(path), _) => (read_file(path, descriptor)?, None),
            (None, true) => {
                let (path, folder) = demo()?;
                (read_file(&path, descriptor)?, Some(Arc::new(folder)))
            }
            (None, false) => (Map::new(), None),
        };
        let mut given = given(matches, &descriptor.inputs)?;
        let streams = Streams::keep(&mut given, &descriptor.inputs)?;
        values.extend(given);
        for output in wanted_outputs {
            values.insert(output.to_string(), Value::Bool(true));
        }
        Ok(Workload { streams, ..Workload::checked(descriptor, values, keep)? })
    }

    /// The workload of an inputs file; `keep` is a folder to keep for as long as the workload is used.
    ///
    /// # Errors
    /// As [`Workload::new`].
    pub(super) fn of_file(descriptor: &Descriptor, path: &Path, keep: Option<Arc<Scratch>>) -> Result<Workload, Exit> {
        Workload::checked(descriptor, read_file(path, descriptor)?, keep)
    }

    /// As [`Workload::of_file`], with the settings of `like` that the file says nothing of: flags, choices and numbers, which
    /// name no file, sample or column that another workload would lack.
    ///
    /// # Errors
    /// As [`Workload::new`].
    pub(super) fn of_file_like(
        descriptor: &Descriptor,
        path: &Path,
        keep: Option<Arc<Scratch>>,
        like: &Workload,
    ) -> Result<Workload, Exit> {
        let mut values = read_file(path, descriptor)?;
        let settings = descriptor.inputs.iter().filter(|input| {
            !matches!(input.kind, InputKind::Path { .. } | InputKind::String) && !values.contains_key(&input.name)
        });
        let settings: Vec<_> =
            settings.filter_map(|input| Some((input.name.clone(), like.values.get(&input.name)?.clone()))).collect();
        values.extend(settings);
        Workload::checked(descriptor, values, keep)
    }

    /// What the engine's defaults alone give.
    ///
    /// # Errors
    /// An input must be given.
    pub(super) fn of_defaults(descriptor: &Descriptor) -> Result<Workload, Exit> {
        Workload::checked(descriptor, Map::new(), None)
    }

    /// Checks values by name, and that every file among them can be read.
    fn checked(
        descriptor: &Descriptor,
        values: Map<String, Value>,
        keep: Option<Arc<Scratch>>,
    ) -> Result<Workload, Exit> {
        let extra: Vec<&str> = descriptor.flagged_outputs().map(|(flag, _)| flag).collect();
        let checked =
            Inputs::check(values, &descriptor.inputs, &extra).map_err(|error| Exit::input(error.to_string()))?;
        let mut values: Map<String, Value> =
            checked.iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
        map_paths(&mut values, &descriptor.inputs, input_file::absolute)
            .map_err(|error| Exit::input(error.to_string()))?;
        let inputs = Inputs::check(values.clone(), &descriptor.inputs, &extra)
            .map_err(|error| Exit::input(error.to_string()))?;
        if let Some(output) = descriptor.outputs.iter().find(|output| inputs.fill(&output.file).len() > LONGEST_NAME) {
            return Err(Exit::input(format!(
                "output `{}` would have a name of {} bytes, and file names end at 255; shorten the input that names it",
                output.name,
                inputs.fill(&output.file).len()
            )));
        }
        if let Some(output) = descriptor.outputs.iter().find(|output| !output.is_plain_name(&inputs)) {
            let name = inputs.fill(&output.file);
            return Err(Exit::input(format!(
                "output `{}` would be called `{name}`: that leads out of its folder; change the input that names it",
                output.name
            )));
        }
        let workload = Workload { inputs, values, _keep: keep, streams: Streams::default() };
        let files = workload.files(descriptor);
        files.iter().try_for_each(|(input, path)| input_file::check(input, path)).map_err(Exit::input)?;
        Ok(workload)
    }

    /// A part of a manifest, with streams called what the user called them, not the files in which they are kept.
    pub(super) fn as_given(&self, part: Value) -> Value {
        self.streams.renamed(part)
    }

    /// The inputs as a report states them: files by their names, without folders.
    pub(super) fn stated(&self, descriptor: &Descriptor) -> Map<String, Value> {
        let mut values = self.values.clone();
        let mapped = map_paths(&mut values, &descriptor.inputs, |text| {
            Path::new(text).file_name().map_or_else(|| text.into(), PathBuf::from)
        });
        debug_assert_eq!(mapped, Ok(()), "the last part of a path that is text is text");
        values
    }

    /// The files among the inputs, with the input's name.
    pub(super) fn files(&self, descriptor: &Descriptor) -> Vec<(String, PathBuf)> {
        let paths = descriptor.inputs.iter().filter(|input| matches!(input.kind, InputKind::Path { .. }));
        paths
            .flat_map(|input| self.inputs.paths(&input.name).into_iter().map(|path| (input.name.clone(), path)))
            .collect()
    }

    /// Types of the file systems that its files lie on, sorted; none where one of them is not known.
    pub(super) fn file_systems(&self, descriptor: &Descriptor) -> Vec<String> {
        let types = self.files(descriptor).into_iter().map(|(_, path)| file_system(&path));
        types.collect::<Option<BTreeSet<String>>>().unwrap_or_default().into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::arguments::Arguments;
    use clap::CommandFactory;

    #[test]
    fn the_common_flags_are_all_known() {
        let mut command = Arguments::command();
        command.build();
        let own = command.get_arguments().filter_map(Arg::get_long);
        assert_eq!(own.filter(|flag| !COMMON_FLAGS.contains(flag)).collect::<Vec<_>>(), [""; 0]);
    }

    #[test]
    fn an_input_that_is_called_like_a_flag_of_the_command_gets_another() {
        let inputs = ["resume", "json", "bam"].map(|name| Input::path(name, &["x"], "a file"));
        let command = Command::new("sweep").arg(Arg::new("resume").long("resume").action(ArgAction::SetTrue));
        let command = add_inputs(command, &inputs, "Inputs");
        let line = ["sweep", "--resume", "--input-resume", "checkpoint", "--input-json", "j", "--bam", "b"];
        let matches = command.try_get_matches_from(line).unwrap();
        assert!(matches.get_flag("resume"));
        let values = given(&matches, &inputs).unwrap();
        assert_eq!(Value::from(values), serde_json::json!({"resume": "checkpoint", "json": "j", "bam": "b"}));
    }
}
