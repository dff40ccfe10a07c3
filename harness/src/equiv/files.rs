//! The thin layer over files and folders.

use super::difference::{Difference, EquivError, Fault};
use super::{compare_bytes, compare_json, compare_npy, compare_tsv};
use crate::trial::Equivalence;
use flate2::bufread::MultiGzDecoder;
use scaletune_descriptor::{Inputs, Output};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// How much is read at once.
const BUFFER: usize = 1 << 16;

/// Compares every declared output of a run with the reference's, in declared order. An optional output may be absent,
/// but only from both.
///
/// # Errors
/// A file can't be read, or the reference's is defective.
pub fn compare_folders(
    reference: &Path,
    folder: &Path,
    outputs: &[Output],
    inputs: &Inputs,
) -> Result<Equivalence, EquivError> {
    let difference = first_difference(reference, folder, outputs, inputs)?;
    Ok(difference.map_or(Equivalence::Same, |difference| Equivalence::Different(difference.to_string())))
}

/// As [`compare_folders`], with the difference in its parts.
///
/// # Errors
/// A file can't be read, or the reference's is defective.
pub fn first_difference(
    reference: &Path,
    folder: &Path,
    outputs: &[Output],
    inputs: &Inputs,
) -> Result<Option<Difference>, EquivError> {
    let mut present = names(reference)?;
    present.extend(names(folder)?);
    present.sort();
    present.dedup();
    for output in outputs {
        let files = output.files(inputs, present.iter().map(String::as_str));
        if files.is_empty() && !output.optional {
            let fault = Fault::Missing { what: "every file, here and in the reference,".into() };
            return Ok(Some(Difference { file: output.file.clone(), fault }));
        }
        for file in files {
            let (expected, found) = (reference.join(&file), folder.join(&file));
            let fault = match (expected.exists(), found.exists()) {
                (true, true) => compare_files(&expected, &found, output)?.map(|difference| difference.fault),
                (true, false) => Some(Fault::Missing { what: "the file".into() }),
                (false, true) => Some(Fault::Extra { what: "the file".into() }),
                (false, false) if output.optional => None,
                (false, false) => Some(Fault::Missing { what: "the file, here and in the reference,".into() }),
            };
            if let Some(fault) = fault {
                return Ok(Some(Difference { file, fault }));
            }
        }
    }
    Ok(None)
}

/// What a file holds as text; gzip is undone.
///
/// # Errors
/// It can't be read, or is not text.
pub fn read_text(path: &Path) -> Result<String, EquivError> {
    std::io::read_to_string(open(path)?).map_err(read_error(path))
}

/// The names of the files in a folder.
fn names(folder: &Path) -> Result<Vec<String>, EquivError> {
    let failed = |source| EquivError::Read { path: folder.into(), source };
    let entries = std::fs::read_dir(folder).map_err(failed)?;
    entries.map(|entry| Ok(entry.map_err(failed)?.file_name().to_string_lossy().into_owned())).collect()
}

/// The first difference between two files by the rules of `output`.
///
/// # Errors
/// A file can't be read, or the expected one is defective.
pub fn compare_files(expected: &Path, found: &Path, output: &Output) -> Result<Option<Difference>, EquivError> {
    if same_bytes(expected, found)? {
        return Ok(None);
    }
    let fault = match output.format.as_str() {
        "tsv" => {
            // An error while reading the pair: whichever file can't be read to its end alone is named.
            let compared = compare_tsv(open(expected)?, open(found)?, output);
            compared.map_err(|error| blame(error, expected, found))?
        }
        "npy" => {
            let compared = compare_npy(open(expected)?, open(found)?, output);
            compared.map_err(|error| blame(error, expected, found))?
        }
        "json" => match (json(expected)?, json(found)?) {
            (Err(fault), _) => return Err(EquivError::Defective { path: expected.into(), fault }),
            (_, Err(fault)) => Some(Fault::Other { place: "the file".into(), expected: "JSON".into(), found: fault }),
            (Ok(left), Ok(right)) => compare_json(&left, &right, output),
        },
        _ => compare_bytes(open(expected)?, open(found)?).map_err(|error| blame(error, expected, found))?,
    };
    let name = found.file_name().unwrap_or(found.as_os_str()).to_string_lossy().into_owned();
    Ok(fault.map(|fault| Difference { file: name, fault }))
}

fn read_error(path: &Path) -> impl FnOnce(std::io::Error) -> EquivError {
    move |source| EquivError::Read { path: path.into(), source }
}

/// Which of two files made a comparison fail: the one that can't be read to its end.
fn blame(source: std::io::Error, expected: &Path, found: &Path) -> EquivError {
    let readable = open(expected).is_ok_and(|mut file| std::io::copy(&mut file, &mut std::io::sink()).is_ok());
    EquivError::Read { path: if readable { found } else { expected }.into(), source }
}

fn same_bytes(expected: &Path, found: &Path) -> Result<bool, EquivError> {
    let size = |path: &Path| Ok(std::fs::metadata(path).map_err(read_error(path))?.len());
    if size(expected)? != size(found)? {
        return Ok(false);
    }
    let plain = |path: &Path| Ok(BufReader::with_capacity(BUFFER, File::open(path).map_err(read_error(path))?));
    let fault = compare_bytes(plain(expected)?, plain(found)?);
    Ok(fault.map_err(|error| blame(error, expected, found))?.is_none())
}

/// The file's contents; gzip is undone.
fn open(path: &Path) -> Result<Box<dyn BufRead>, EquivError> {
    let mut file = BufReader::with_capacity(BUFFER, File::open(path).map_err(read_error(path))?);
    let gzipped = file.fill_buf().map_err(read_error(path))?.starts_with(&[0x1f, 0x8b]);
    Ok(if gzipped { Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(file))) } else { Box::new(file) })
}

/// The document, or what is wrong with it.
fn json(path: &Path) -> Result<Result<serde_json::Value, String>, EquivError> {
    match serde_json::from_reader(open(path)?) {
        Ok(value) => Ok(Ok(value)),
        Err(error) if error.is_io() => Err(EquivError::Read { path: path.into(), source: error.into() }),
        Err(error) => Ok(Err(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scaletune_descriptor::Rule;
    use std::fs;
    use std::io::Write;

    struct Folders {
        expected: tempfile::TempDir,
        found: tempfile::TempDir,
    }

    fn outputs() -> Vec<Output> {
        let loose = Rule::Tolerance { abs: 0.1, rel: 0.0 };
        vec![
            Output::new("t", "t.tsv", "tsv", "").keyed_by(&["k"]).compare("x", loose),
            Output::new("j", "j.json", "json", "").compare("x", loose).optional(),
            Output::new("b", "b.bam", "bam", "").optional(),
        ]
    }

    impl Folders {
        fn new() -> Folders {
            let folders = Folders { expected: tempfile::tempdir().unwrap(), found: tempfile::tempdir().unwrap() };
            folders.both("t.tsv", "k\tx\na\t1\n", "k\tx\na\t1\n");
            folders
        }

        fn both(&self, name: &str, expected: impl AsRef<[u8]>, found: impl AsRef<[u8]>) {
            fs::write(self.expected.path().join(name), expected).unwrap();
            fs::write(self.found.path().join(name), found).unwrap();
        }

        fn compare(&self) -> Result<Equivalence, EquivError> {
            compare_folders(self.expected.path(), self.found.path(), &outputs(), &Inputs::default())
        }

        fn difference(&self) -> String {
            match self.compare().unwrap() {
                Equivalence::Different(text) => text,
                other => panic!("{other:?}"),
            }
        }
    }

    fn gzip(text: &str, level: u32) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(level));
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn each_format_by_its_rules() {
        let folders = Folders::new();
        folders.both("j.json", r#"{"x": 1.0}"#, r#"{"x":1.05}"#);
        folders.both("b.bam", "abc", "abc");
        assert_eq!(folders.compare().unwrap(), Equivalence::Same);
        folders.both("b.bam", "abc", "abd");
        assert!(folders.difference().starts_with("b.bam: offset 2"));
        folders.both("j.json", r#"{"x": 1.0}"#, r#"{"x":1.5}"#);
        assert_eq!(folders.difference(), "j.json: at x: expected 1.0, found 1.5 (within 1e-1)");
        folders.both("t.tsv", "k\tx\na\t1\n", "k\tx\na\t2\n");
        assert_eq!(folders.difference(), "t.tsv: row 1 (k a), column x: expected 1, found 2 (within 1e-1)");
    }

    #[test]
    fn gzip_is_looked_through() {
        let folders = Folders::new();
        folders.both("t.tsv", gzip("k\tx\na\t1\n", 1), gzip("k\tx\na\t1.05\n", 9));
        assert_eq!(folders.compare().unwrap(), Equivalence::Same);
        // Two members in a row, as BGZF has them, are one text.
        let blocks = [gzip("k\tx\n", 6), gzip("a\t3\n", 6)].concat();
        folders.both("t.tsv", gzip("k\tx\na\t1\n", 6), blocks);
        assert!(folders.difference().contains("expected 1, found 3"));
        let whole = gzip("k\tx\na\t1\n", 6);
        folders.both("t.tsv", &whole, &whole[..whole.len() - 9]);
        let error = folders.compare().unwrap_err().to_string();
        assert!(error.contains(&*folders.found.path().join("t.tsv").to_string_lossy()), "{error}");
    }

    #[test]
    fn files_that_lack_or_are_too_many() {
        let folders = Folders::new();
        fs::write(folders.found.path().join("j.json"), "{}").unwrap();
        assert_eq!(folders.difference(), "j.json: the file should not be there");
        fs::rename(folders.found.path().join("j.json"), folders.expected.path().join("j.json")).unwrap();
        assert_eq!(folders.difference(), "j.json: the file is missing");
        fs::remove_file(folders.found.path().join("t.tsv")).unwrap();
        fs::remove_file(folders.expected.path().join("t.tsv")).unwrap();
        assert_eq!(folders.difference(), "t.tsv: the file, here and in the reference, is missing");
    }

    #[test]
    fn defective_json_is_named() {
        let folders = Folders::new();
        folders.both("j.json", "{}", "{");
        assert!(folders.difference().starts_with("j.json: the file: expected JSON, found"));
        folders.both("j.json", "{", "{}");
        assert!(matches!(folders.compare().unwrap_err(), EquivError::Defective { .. }));
    }
}
