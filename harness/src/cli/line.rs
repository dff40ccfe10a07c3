//! The command line before it is parsed: what is meant by it, and where plugins lie and which engine it names.

use crate::plugin::{Catalogue, nearest};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// Commands whose second word is an engine.
pub(super) const ENGINE_COMMANDS: &[&str] = &["run", "tune", "sweep", "simulate"];

/// The line as it is meant: `help run count` is `run count --help`, and `run --inputs FILE` takes the engine that the file
/// names. Any other line stays as it is, also where the file can't be read: whoever reads it for good says why.
pub(super) fn as_meant(line: &[OsString]) -> Vec<OsString> {
    let is_command = |word: &OsString| ENGINE_COMMANDS.iter().any(|command| word == command);
    if let [program, help, command, engine] = line
        && help == "help"
        && is_command(command)
    {
        return vec![program.clone(), command.clone(), engine.clone(), "--help".into()];
    }
    let mut line = line.to_vec();
    let early = EarlyLook::at(&line);
    if !early.command.is_empty()
        && early.engine.is_none()
        && let Some(engine) = engine_of_inputs(&line)
    {
        line.insert(early.command_at + 1, engine.into());
    }
    line
}

/// The engine that the file of `--inputs` names; none without such a flag or file.
fn engine_of_inputs(line: &[OsString]) -> Option<String> {
    let following = line.iter().skip(1).map(Some).chain([None]);
    let file =
        line.iter().zip(following).find_map(|(word, next)| match word.as_bytes().strip_prefix(b"--inputs=") {
            Some(file) => Some(OsStr::from_bytes(file).to_os_string()),
            None => next.filter(|_| word == "--inputs").cloned(),
        })?;
    // To read a pipe would take what it holds from who reads the file for good, and may wait for ever.
    if !std::fs::metadata(&file).is_ok_and(|found| found.is_file()) {
        return None;
    }
    let text = std::fs::read_to_string(&file).ok()?;
    let document: toml::Table = text.parse().ok()?;
    document.get("engine")?.as_str().map(str::to_string)
}

/// What was probably meant by a command that there is not: an engine, or a command of nearly that name. None where nothing
/// comes near it.
pub(super) fn instead_of(error: &clap::Error, catalogue: &Catalogue) -> Option<String> {
    if error.kind() != ErrorKind::InvalidSubcommand {
        return None;
    }
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else { return None };
    let engines: Vec<String> =
        catalogue.entries().into_iter().filter_map(|entry| Some(entry.plugin.ok()?.descriptor.name)).collect();
    if engines.contains(word) {
        return Some(format!("`{word}` is an engine, not a command: write `scaletune run {word} ...`"));
    }
    let engine = nearest(word, engines.iter().map(String::as_str))?;
    // A command that is as near is told by the parser.
    error
        .get(ContextKind::SuggestedSubcommand)
        .is_none()
        .then(|| format!("there is no command `{word}`; did you mean `scaletune run {engine}`?"))
}

/// What must be known before the line can be parsed.
#[derive(Debug, Default, PartialEq)]
pub(super) struct EarlyLook {
    pub(super) command: String,
    /// Its place among the words.
    command_at: usize,
    pub(super) engine: Option<String>,
    pub(super) engine_path: Vec<PathBuf>,
    pub(super) trust: Vec<PathBuf>,
}

impl EarlyLook {
    /// Where the value of this flag goes, if it names folders of plugins, and the value where it is part of the word.
    fn folders(&mut self, word: &OsStr) -> Option<(&mut Vec<PathBuf>, Option<PathBuf>)> {
        let bytes = word.as_bytes();
        let end = bytes.iter().position(|byte| *byte == b'=');
        let value = end.map(|end| PathBuf::from(OsStr::from_bytes(&bytes[end + 1..])));
        match &bytes[..end.unwrap_or(bytes.len())] {
            b"--engine-path" => Some((&mut self.engine_path, value)),
            b"--trust" => Some((&mut self.trust, value)),
            _ => None,
        }
    }

    pub(super) fn at(line: &[OsString]) -> EarlyLook {
        let mut look = EarlyLook::default();
        let mut free = Vec::new();
        let mut words = line.iter().enumerate().skip(1);
        while let Some((at, word)) = words.next() {
            let text = word.to_string_lossy();
            if let Some((folders, given)) = look.folders(word) {
                folders.extend(given.or_else(|| words.next().map(|(_, word)| PathBuf::from(word))));
            } else if text == "--" {
                break;
            } else if !text.starts_with('-') {
                if free.is_empty() {
                    look.command_at = at;
                }
                free.push(text.into_owned());
            } else if free.len() == 1
                && !["--json", "-q", "--quiet", "-v", "--verbose", "--no-progress"].contains(&&*text)
            {
                // A flag that may take a value: what follows need not be the engine.
                free.push(String::new());
            }
        }
        let mut free = free.into_iter();
        look.command = free.next().filter(|word| ENGINE_COMMANDS.contains(&word.as_str())).unwrap_or_default();
        if !look.command.is_empty() {
            look.engine = free.next().filter(|word| !word.is_empty());
        }
        look
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(line: &str) -> EarlyLook {
        EarlyLook::at(&line.split(' ').map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn the_engine_is_found_before_the_line_is_parsed() {
        let found = look("scaletune --engine-path here -q run count --bam run --engine-path=there");
        assert_eq!((found.command.as_str(), found.engine.as_deref()), ("run", Some("count")));
        assert_eq!(found.engine_path, ["here", "there"].map(PathBuf::from));
        assert_eq!(look("scaletune run --json count").engine.as_deref(), Some("count"));
        assert_eq!(look("scaletune run --threads 2 count").engine, None);
        assert_eq!(look("scaletune engines count").engine, None);
        assert_eq!(look("scaletune tune --help").engine, None);
    }

    #[test]
    fn what_is_meant_is_what_is_parsed() {
        let meant = |line: &str| -> String {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            as_meant(&words).iter().map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(meant("scaletune help run count"), "scaletune run count --help");
        assert_eq!(meant("scaletune help run"), "scaletune help run");
        assert_eq!(meant("scaletune help engines count"), "scaletune help engines count");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("inputs.toml");
        std::fs::write(&file, "engine = \"count\"\n[inputs]\n").unwrap();
        let file = file.display();
        assert_eq!(
            meant(&format!("scaletune -q run --inputs {file} -o out.tsv")),
            format!("scaletune -q run count --inputs {file} -o out.tsv")
        );
        assert_eq!(meant(&format!("scaletune tune --inputs={file}")), format!("scaletune tune count --inputs={file}"));
        assert_eq!(
            meant(&format!("scaletune --engine-path run run --inputs {file}")),
            format!("scaletune --engine-path run run count --inputs {file}")
        );
        let pipe = folder.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        let pipe = format!("scaletune run --inputs {}", pipe.display());
        assert_eq!(meant(&pipe), pipe, "nobody writes to it: reading would wait for ever");
        for as_it_is in [format!("scaletune run em --inputs {file}"), "scaletune run --inputs absent -o out".into()] {
            assert_eq!(meant(&as_it_is), as_it_is);
        }
    }
}
