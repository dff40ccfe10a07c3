//! What a worker says on its two pipes, read by a thread each so that neither can fill up and block it.

use super::protocol::Event;
use std::io::{BufRead, BufReader, Read};
use std::sync::mpsc::{Receiver, sync_channel};

/// How much of an engine's standard error is kept.
const KEPT_STDERR: usize = 8 * 1024;

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

/// The last bytes of a stream, as text.
pub(super) fn tail(mut stream: impl Read) -> String {
    let mut kept = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        kept.extend_from_slice(&buffer[..read]);
        if kept.len() > 2 * KEPT_STDERR {
            kept.drain(..kept.len() - KEPT_STDERR);
        }
    }
    String::from_utf8_lossy(&kept[kept.len().saturating_sub(KEPT_STDERR)..]).into_owned()
}
