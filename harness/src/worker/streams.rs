//! What a worker says on its two pipes, read by a thread each so that neither can fill up and block it.

use super::protocol::Event;
use std::io::{BufRead, BufReader, Read};
use std::sync::mpsc::{Receiver, channel};

/// How much of an engine's standard error is kept.
const KEPT_STDERR: usize = 8 * 1024;

/// A thread that reads events until the pipe ends.
pub(super) fn listen_to(stdout: Option<impl Read + Send + 'static>) -> Receiver<std::io::Result<Event>> {
    let (sender, receiver) = channel();
    if let Some(stdout) = stdout {
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines() {
                let event = line.and_then(|line| serde_json::from_str(&line).map_err(std::io::Error::from));
                // Nobody listens any more once the outcome is known.
                if sender.send(event).is_err() {
                    return;
                }
            }
        });
    }
    receiver
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
