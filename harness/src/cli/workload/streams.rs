//! Inputs that come as a stream: standard input (`-`), a FIFO, the shell's `<(...)`. An engine reads its files more than
//! once and in any place, and a worker has a standard input of its own; so a stream is read to its end first, into a file
//! that is kept for as long as the workload is used.

use crate::cli::exit::Exit;
use crate::interrupt;
use crate::scratch::Scratch;
use scaletune_descriptor::{Input, InputKind};
use serde_json::{Map, Value};
use std::fs::{self, File};
use std::io::{self, IsTerminal, Read, Write};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

/// Bytes read at once.
const BUFFER: usize = 1 << 20;
/// How often an interrupt is looked for while nothing comes.
const PATIENCE: Duration = Duration::from_millis(50);
/// Names of standard input.
const STANDARD_INPUT: [&str; 4] = ["-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"];

/// The streams among the inputs, kept as files.
#[derive(Clone, Debug, Default)]
pub(super) struct Streams {
    /// Each file, and what the user called the stream.
    kept: Vec<(PathBuf, String)>,
    /// Holds the files.
    _folder: Option<Arc<Scratch>>,
}

impl Streams {
    /// Reads every stream among the values that the user gave, and puts the file in its place.
    ///
    /// # Errors
    /// An input takes no stream, standard input is given twice, reading or keeping a stream fails, or the user interrupted.
    pub(super) fn keep(values: &mut Map<String, Value>, declared: &[Input]) -> Result<Streams, Exit> {
        let (mut kept, mut folder) = (Vec::new(), None::<Arc<Scratch>>);
        for input in declared.iter().filter(|input| matches!(input.kind, InputKind::Path { .. })) {
            let each: &mut [Value] = match values.get_mut(&input.name) {
                Some(Value::Array(values)) => values,
                Some(value) => std::slice::from_mut(value),
                None => continue,
            };
            for value in each {
                let Some(text) = value.as_str().map(str::to_string) else { continue };
                let fault = |what: &str| Exit::input(format!("input `{}`: {text}: {what}", input.name));
                let file = match Kind::of(&text) {
                    Kind::NoStream => continue,
                    Kind::File(path) => path,
                    Kind::Terminal => return Err(fault("standard input is a terminal; give a file, or pipe one in")),
                    Kind::Stream if !input.stream => {
                        return Err(fault(
                            "is a stream, and this input is read more than once; write it to a file and name that file",
                        ));
                    }
                    Kind::Stream
                        if is_standard(&text) && kept.iter().any(|(_, known): &(_, String)| is_standard(known)) =>
                    {
                        return Err(fault("standard input can be given to one input only; give a file here"));
                    }
                    Kind::Stream => {
                        let scratch = match &folder {
                            Some(scratch) => scratch,
                            None => folder.insert(Arc::new(Scratch::new()?)),
                        };
                        let file = copy(&text, &scratch.path().join(kept.len().to_string()))
                            .map_err(|error| error.exit(&input.name, &text))?;
                        kept.push((file.clone(), text.clone()));
                        file
                    }
                };
                let file = file.into_os_string().into_string().map_err(|_| fault("the path is not valid UTF-8"))?;
                *value = Value::from(file);
            }
        }
        Ok(Streams { kept, _folder: folder })
    }

    /// A document with every kept file called what the user called the stream.
    pub(super) fn renamed(&self, value: Value) -> Value {
        match value {
            Value::String(text) => {
                let name = self.kept.iter().find(|(file, _)| file.as_os_str() == text.as_str());
                Value::String(name.map_or(text, |(_, name)| name.clone()))
            }
            Value::Array(values) => values.into_iter().map(|value| self.renamed(value)).collect(),
            Value::Object(values) => {
                Value::Object(values.into_iter().map(|(name, value)| (name, self.renamed(value))).collect())
            }
            other => other,
        }
    }
}

fn is_standard(text: &str) -> bool {
    STANDARD_INPUT.contains(&text)
}

/// What a path is.
enum Kind {
    /// A file by its own name, or nothing that is there: for others to judge.
    NoStream,
    /// A file behind a name of this process's, such as `/dev/stdin`, which means another one in a worker.
    File(PathBuf),
    /// A keyboard.
    Terminal,
    /// A pipe, FIFO or socket.
    Stream,
}

impl Kind {
    fn of(text: &str) -> Kind {
        let path = Path::new(if text == "-" { "/dev/stdin" } else { text });
        let own = is_standard(text) || path.starts_with("/dev/fd") || path.starts_with("/proc/self/fd");
        let Ok(about) = fs::metadata(path) else { return Kind::NoStream };
        let kind = about.file_type();
        if !own {
            return if kind.is_fifo() { Kind::Stream } else { Kind::NoStream };
        }
        if is_standard(text) && io::stdin().is_terminal() {
            return Kind::Terminal;
        }
        match fs::canonicalize(path) {
            Ok(file) if kind.is_file() => Kind::File(file),
            // A file that has no name any more can be read like a pipe.
            _ => Kind::Stream,
        }
    }
}

/// Why a stream was not kept.
enum NotKept {
    Interrupted,
    Read(io::Error),
    Write(PathBuf, io::Error),
}

impl NotKept {
    fn exit(self, input: &str, text: &str) -> Exit {
        match self {
            NotKept::Interrupted => Exit::interrupted(),
            NotKept::Read(error) => Exit::input(format!("input `{input}`: {text}: {error}")),
            NotKept::Write(path, error) => Exit::failed(format!(
                "{}: {error}; input `{input}` is a stream and is kept there: set TMPDIR to a folder with more room, or \
                 give a file",
                path.display()
            )),
        }
    }
}

/// Reads the stream to its end, into a file in `folder`, which is made.
fn copy(text: &str, folder: &Path) -> Result<PathBuf, NotKept> {
    let name =
        if is_standard(text) { "stdin".as_ref() } else { Path::new(text).file_name().unwrap_or("stream".as_ref()) };
    let path = folder.join(name);
    let failed = |error| NotKept::Write(path.clone(), error);
    fs::create_dir(folder).map_err(failed)?;
    let mut file = File::create_new(&path).map_err(failed)?;
    // A thread of its own: opening a FIFO waits for somebody who writes, reading for what is written, and neither ends on a
    // signal. After an interrupt the thread ends with the process.
    let (send, receive) = sync_channel(4);
    let from = if is_standard(text) { None } else { Some(PathBuf::from(text)) };
    std::thread::spawn(move || {
        let opened = match from {
            None => Ok(Box::new(io::stdin()) as Box<dyn Read>),
            Some(path) => File::open(path).map(|file| Box::new(file) as Box<dyn Read>),
        };
        let mut stream = match opened {
            Ok(stream) => stream,
            Err(error) => return drop(send.send(Err(error))),
        };
        loop {
            let mut bytes = vec![0; BUFFER];
            let read = match stream.read(&mut bytes) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read.map(|length| {
                    bytes.truncate(length);
                    bytes
                }),
            };
            let is_last = !read.as_ref().is_ok_and(|bytes| !bytes.is_empty());
            // A receiver that is gone wants no more.
            if send.send(read).is_err() || is_last {
                return;
            }
        }
    });
    loop {
        if interrupt::requested() {
            return Err(NotKept::Interrupted);
        }
        match receive.recv_timeout(PATIENCE) {
            Ok(Ok(bytes)) if bytes.is_empty() => return Ok(path),
            Ok(Ok(bytes)) => file.write_all(&bytes).map_err(|error| NotKept::Write(path.clone(), error))?,
            Ok(Err(error)) => return Err(NotKept::Read(error)),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err(NotKept::Read(io::Error::other("the thread that reads it ended")));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{CWD, FileType, mknodat};
    use serde_json::json;

    fn declared() -> Vec<Input> {
        vec![Input::path("bam", &["bam"], "").repeated().streamed(), Input::path("tree", &["nwk"], "")]
    }

    #[test]
    fn a_fifo_is_kept_as_a_file_where_the_input_takes_streams() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("x.bam");
        mknodat(CWD, &fifo, FileType::Fifo, 0o600.into(), 0).unwrap();
        let written: Vec<u8> = (0..3_000_000_u32).map(|number| number as u8).collect();
        let (path, bytes) = (fifo.clone(), written.clone());
        let writer = std::thread::spawn(move || fs::write(path, bytes).unwrap());
        let given = json!({"bam": ["/nonexistent", fifo], "tree": folder.path()});
        let mut values = given.as_object().unwrap().clone();
        let streams = Streams::keep(&mut values, &declared()).unwrap();
        writer.join().unwrap();
        let file = PathBuf::from(values["bam"][1].as_str().unwrap());
        assert_eq!(file.file_name(), fifo.file_name());
        assert!(fs::read(&file).unwrap() == written);
        assert_eq!(values["bam"][0], given["bam"][0], "what is not a stream stays");
        assert_eq!(streams.renamed(Value::Object(values)), given);
        drop(streams);
        assert!(!file.exists(), "what was kept goes with the workload");
    }

    #[test]
    fn other_inputs_take_no_stream() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("x.nwk");
        mknodat(CWD, &fifo, FileType::Fifo, 0o600.into(), 0).unwrap();
        let mut values = json!({"tree": fifo}).as_object().unwrap().clone();
        let error = Streams::keep(&mut values, &declared()).unwrap_err();
        assert_eq!(error.status, 2);
        assert!(error.message.starts_with("input `tree`: ") && error.message.contains("write it to a file"));
    }
}
