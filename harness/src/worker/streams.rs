//! What a worker says on its two pipes, read by a thread each so that neither can fill up and block it.

use super::protocol::Event;
use std::io::{BufRead, BufReader, Read};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How much of an engine's standard error is kept.
const KEPT_STDERR: usize = 8 * 1024;

/// How long to wait for the end of a stream whose writers have ended.
const PATIENCE: Duration = Duration::from_millis(200);

/// Most bytes of an event; the longest is a descriptor.
const LONGEST_EVENT: u64 = 1 << 26;

/// A thread that reads events until the pipe ends.
pub(super) fn listen_to(stdout: Option<impl Read + Send + 'static>) -> Receiver<std::io::Result<Event>> {
    // Bounded: a worker that says more than anybody can hear has to wait.
    let (sender, receiver) = sync_channel(1024);
    if let Some(stdout) = stdout {
        std::thread::spawn(move || {
            let mut stdout = BufReader::new(stdout);
            while let Some(line) = next_line(&mut stdout).transpose() {
                // The supervisor begins a new line, whatever the worker died in.
                if line.as_ref().is_ok_and(|line| line == b"\n") {
                    continue;
                }
                let event = line.and_then(|line| serde_json::from_slice(&line).map_err(std::io::Error::from));
                // Nobody listens any more once the outcome is known.
                if sender.send(event).is_err() {
                    return;
                }
            }
        });
    }
    receiver
}

/// The next line; none at the end.
fn next_line(stdout: &mut impl BufRead) -> std::io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let read = stdout.by_ref().take(LONGEST_EVENT).read_until(b'\n', &mut line)?;
    if read as u64 == LONGEST_EVENT {
        return Err(std::io::Error::other("a line without end"));
    }
    Ok((read > 0).then_some(line))
}

/// The last bytes of a stream, gathered by a thread.
pub(super) struct Tail {
    kept: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Tail {
    /// Reads `stream` until its end.
    pub(super) fn of(mut stream: impl Read + Send + 'static) -> Tail {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let gathered = Arc::clone(&kept);
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = stream.read(&mut buffer) {
                let mut kept = gathered.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend_from_slice(&buffer[..read]);
                let surplus = kept.len().saturating_sub(KEPT_STDERR);
                if surplus > KEPT_STDERR {
                    kept.drain(..surplus);
                }
            }
        });
        Tail { kept, reader }
    }

    /// What came last, as text. The stream has ended, or is about to; one that a process holds which could not be ended
    /// is not waited for.
    pub(super) fn text(&self) -> String {
        let asked = Instant::now();
        while !self.reader.is_finished() && asked.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(1));
        }
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&kept[kept.len().saturating_sub(KEPT_STDERR)..]).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn the_end_of_a_stream_is_kept_and_an_open_one_not_waited_for() {
        let long = vec![b'a'; 5 * KEPT_STDERR];
        assert_eq!(Tail::of(std::io::Cursor::new(long)).text().len(), KEPT_STDERR);
        let (reader, mut writer) = std::io::pipe().unwrap();
        let tail = Tail::of(reader);
        writer.write_all(b"said").unwrap();
        assert_eq!(tail.text(), "said");
        drop(writer);
    }
}
