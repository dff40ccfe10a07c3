//! The cells that are counted: a list of barcodes.

use std::{collections::HashMap, io::BufRead, path::Path};

use scaletune_hts::variants::open_text;

use crate::Error;

/// The most barcodes a list may hold: a count's cell number shares a word with its class.
const MOST: usize = 1 << 30;

/// Barcodes in the order of their file.
#[derive(Debug, Default)]
pub(crate) struct Barcodes {
    pub(crate) names: Vec<String>,
    /// The second column of the file; empty where there is none.
    pub(crate) labels: Vec<String>,
    numbers: HashMap<Box<[u8]>, u32>,
}

impl Barcodes {
    /// Reads one barcode a line, with an optional label after a tab; a repeated barcode keeps its first line.
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let mut barcodes = Barcodes::default();
        for (line, text) in (1..).zip(open_text(path).map_err(Error::read(path))?.lines()) {
            let text = text.map_err(|source| Error::file(path, line, format!("can't be read: {source}")))?;
            let mut columns = text.trim_end().split('\t');
            let name = columns.next().unwrap_or_default();
            if name.is_empty() {
                continue;
            }
            if barcodes.names.len() == MOST {
                return Err(Error::file(path, line, format!("more than {MOST} barcodes")));
            }
            let number = barcodes.names.len() as u32;
            if *barcodes.numbers.entry(name.as_bytes().into()).or_insert(number) == number {
                barcodes.names.push(name.to_owned());
                barcodes.labels.push(columns.next().unwrap_or_default().to_owned());
            }
        }
        if barcodes.names.is_empty() {
            return Err(Error::file(path, 0, "holds no barcodes; it needs one barcode a line"));
        }
        Ok(barcodes)
    }

    /// The number of a listed barcode.
    #[inline]
    pub(crate) fn number(&self, barcode: &[u8]) -> Option<u32> {
        self.numbers.get(barcode).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_barcode_a_line_with_an_optional_label() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cells.tsv");
        std::fs::write(&path, "AA-1\tT cell\nCC-1\r\n\nAA-1\tagain\n").unwrap();
        let barcodes = Barcodes::read(&path).unwrap();
        assert_eq!(barcodes.names, ["AA-1", "CC-1"]);
        assert_eq!(barcodes.labels, ["T cell", ""]);
        assert_eq!([barcodes.number(b"CC-1"), barcodes.number(b"CC")], [Some(1), None]);
        std::fs::write(&path, "\n").unwrap();
        assert!(Barcodes::read(&path).unwrap_err().to_string().contains("holds no barcodes"));
        assert!(matches!(Barcodes::read(&folder.path().join("absent")), Err(Error::Read { .. })));
    }
}
