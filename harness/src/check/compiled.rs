//! The project's own goldens, compiled into the program: what `check` runs where there is no checkout.

use super::find::{Case, CaseError, from_folder};
use crate::scratch::Scratch;
use std::path::Path;

/// The files of `testdata/` that cases need: path, contents.
const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/testdata.rs"));

/// The cases compiled in, and the temporary folder that they lie in for as long as it is kept.
///
/// # Errors
/// The folder can't be made.
pub fn compiled_in() -> Result<(Vec<Case>, Scratch), CaseError> {
    let root = Scratch::new();
    let root = root.map_err(|error| CaseError::Read { path: std::env::temp_dir(), source: error.into() })?;
    for (name, contents) in FILES {
        let path = root.path().join(name);
        let folder = path.parent().unwrap_or(Path::new("/"));
        let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, contents));
        written.map_err(|source| CaseError::Read { path: path.clone(), source })?;
    }
    let mut cases = from_folder(root.path())?;
    cases.iter_mut().for_each(|case| case.writable = false);
    Ok((cases, root))
}
