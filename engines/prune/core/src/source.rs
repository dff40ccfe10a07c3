//! Files as they come, compressed or not: what begins as gzip does is unpacked, whatever the file is called.
//! Leaves out what the text means.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use crate::error::{Error, Result};

const BUFFER: usize = 1 << 18;
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Opens a text. bgzip's blocks are members of a gzip file, and are read as such.
pub(crate) fn open(path: &Path) -> Result<Box<dyn BufRead>> {
    let failed = |source| Error::read(path, source);
    let mut file = BufReader::with_capacity(BUFFER, File::open(path).map_err(failed)?);
    if file.fill_buf().map_err(failed)?.starts_with(&GZIP) {
        return Ok(Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(file))));
    }
    Ok(Box::new(file))
}

/// The whole of a text.
pub(crate) fn text(path: &Path) -> Result<String> {
    let mut bytes = Vec::new();
    open(path)?.read_to_end(&mut bytes).map_err(|source| Error::read(path, source))?;
    String::from_utf8(bytes).map_err(|fault| {
        let good = String::from_utf8_lossy(&fault.as_bytes()[..fault.utf8_error().valid_up_to()]).into_owned();
        let (line, column) = place(&good, good.len());
        Error::syntax(path, line, column, "not UTF-8 text; convert the file, for example with iconv")
    })
}

/// Line and column (in characters), both from 1, of byte `at`.
pub(crate) fn place(text: &str, at: usize) -> (usize, usize) {
    let before = &text[..at.min(text.len())];
    let line = before.bytes().filter(|&b| b == b'\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |i| i + 1);
    (line, before[start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut packer = GzEncoder::new(Vec::new(), Compression::default());
        packer.write_all(text).unwrap();
        packer.finish().unwrap()
    }

    fn read(bytes: &[u8]) -> Result<String> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        text(file.path())
    }

    #[test]
    fn gzip_of_several_members_is_one_text() {
        let both = [packed(b"one\n"), packed(b""), packed(b"two\n")].concat();
        assert_eq!(read(&both).unwrap(), "one\ntwo\n");
        assert_eq!(read(b"plain\n").unwrap(), "plain\n");
        assert_eq!(read(b"").unwrap(), "");
    }

    #[test]
    fn a_cut_file_is_refused() {
        let whole = packed(&b"a line of text\n".repeat(500));
        let fault = read(&whole[..whole.len() - 9]).unwrap_err().to_string();
        assert!(fault.contains("cannot be read: ") && fault.contains("cut short"), "{fault}");
        assert!(read(b"a\nb \xff").unwrap_err().to_string().contains(":2:3: not UTF-8"));
    }
}
