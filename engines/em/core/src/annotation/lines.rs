//! The lines of a file, in a buffer that is filled in blocks: no line is copied but one that a block cuts.

use std::io::{self, ErrorKind, Read};

/// Bytes of a block, at first: a longer line makes it grow.
const BLOCK: usize = 1 << 18;

/// Reads lines, one after the other.
pub(super) struct Lines<R> {
    reader: R,
    buffer: Vec<u8>,
    /// Where the next line begins, and where what was read ends.
    at: usize,
    filled: usize,
    ended: bool,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self::with_block(reader, BLOCK)
    }

    fn with_block(reader: R, block: usize) -> Self {
        Self { reader, buffer: vec![0; block], at: 0, filled: 0, ended: false }
    }

    /// The next line, with its end if it has one.
    pub(super) fn next(&mut self) -> io::Result<Option<&[u8]>> {
        let mut searched = self.at;
        let end = loop {
            if let Some(found) = memchr::memchr(b'\n', &self.buffer[searched..self.filled]) {
                break searched + found + 1;
            }
            if self.ended {
                break self.filled;
            }
            searched = self.filled - self.at;
            self.fill()?;
        };
        let line = self.at..end;
        self.at = end;
        Ok((!line.is_empty()).then(|| &self.buffer[line]))
    }

    /// Moves the line that is cut to the front, and reads on behind it.
    fn fill(&mut self) -> io::Result<()> {
        self.buffer.copy_within(self.at..self.filled, 0);
        self.filled -= self.at;
        self.at = 0;
        if self.filled == self.buffer.len() {
            self.buffer.resize(2 * self.buffer.len(), 0);
        }
        let read = loop {
            match self.reader.read(&mut self.buffer[self.filled..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        self.ended = read == 0;
        self.filled += read;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Gives a few bytes at a time.
    struct Drops<'a>(&'a [u8], usize);

    impl Read for Drops<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let most = self.1.min(buffer.len());
            self.0.read(&mut buffer[..most])
        }
    }

    proptest! {
        #[test]
        fn lines_are_those_of_the_text(text in "[ab\\r\\n]{0,60}", drop in 1..9_usize, block in 1..9_usize) {
            let expected: Vec<&str> = text.split_inclusive('\n').collect();
            let mut lines = Lines::with_block(Drops(text.as_bytes(), drop), block);
            for line in expected {
                prop_assert_eq!(lines.next().unwrap(), Some(line.as_bytes()));
            }
            prop_assert_eq!(lines.next().unwrap(), None);
            prop_assert_eq!(lines.next().unwrap(), None);
        }
    }
}
