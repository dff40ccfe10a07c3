//! New expected files from what the reference plan wrote: shown as a diff, written only when told to.
//!
//! An engine that is asked what is right always agrees with itself: whoever writes a new golden must have the answer from
//! elsewhere first.

use super::golden::Golden;
use super::verdict::CaseReport;
use serde::Serialize;
use similar::TextDiff;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Lines shown around a change.
const CONTEXT: usize = 1;

/// An expected file that would change.
#[derive(Debug, Serialize)]
pub struct Proposal {
    /// The file.
    pub path: PathBuf,
    /// What would change, as a person reads it.
    pub diff: String,
    #[serde(skip)]
    contents: Vec<u8>,
}

impl Proposal {
    /// Whether both would hold the same.
    pub fn same_contents(&self, other: &Proposal) -> bool {
        self.contents == other.contents
    }
}

/// A case whose expected files can't be written anew.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The case.
    pub case: String,
    /// Why.
    pub reason: String,
}

/// What new expected files a case would get.
///
/// # Errors
/// Why it can get none.
pub fn propose(golden: &Golden<'_>, report: &CaseReport) -> Result<Vec<Proposal>, Refusal> {
    let refuse = |reason: String| Refusal { case: report.case.clone(), reason };
    if !golden.case.writable {
        return Err(refuse("its files are compiled into the program; name a folder by --golden".into()));
    }
    // Plans that do not even agree with each other have no answer to offer.
    if let Some(failure) = report.failures().next() {
        return Err(refuse(format!("under {}: {}", failure.plan, failure.verdict)));
    }
    let Some(written) = &report.written else {
        return Err(refuse("the reference plan failed".into()));
    };
    let mut present: Vec<String> = Vec::new();
    for entry in std::fs::read_dir(written.path()).map_err(|error| refuse(error.to_string()))? {
        present.push(entry.map_err(|error| refuse(error.to_string()))?.file_name().to_string_lossy().into_owned());
    }
    let mut proposals = Vec::new();
    for expected in &golden.expected {
        let file = expected.file(&golden.inputs, &present).map_err(&refuse)?;
        let path = expected.as_written();
        if let Some(path) = path
            && !path.exists()
        {
            proposals.extend(proposal(path, &written.path().join(&file)).map_err(|error| refuse(error.to_string()))?);
            continue;
        }
        if expected.compare(written.path(), &file).map_err(&refuse)?.is_none() {
            continue;
        }
        let path = path.ok_or_else(|| {
            let name = &expected.output.name;
            refuse(format!("the expected `{name}` is not in the form that the engine writes; change it by hand"))
        })?;
        proposals.extend(proposal(path, &written.path().join(&file)).map_err(|error| refuse(error.to_string()))?);
    }
    Ok(proposals)
}

fn proposal(path: &Path, found: &Path) -> std::io::Result<Option<Proposal>> {
    let contents = std::fs::read(found)?;
    let old = if path.exists() { std::fs::read(path)? } else { Vec::new() };
    if path.exists() && old == contents {
        return Ok(None);
    }
    let diff = match (std::str::from_utf8(&old), std::str::from_utf8(&contents)) {
        (Ok(old), Ok(new)) => {
            let (from, to) = (format!("{} (now)", path.display()), format!("{} (new)", path.display()));
            TextDiff::from_lines(old, new).unified_diff().context_radius(CONTEXT).header(&from, &to).to_string()
        }
        _ => format!("{}: {} bytes now, {} bytes new, not text\n", path.display(), old.len(), contents.len()),
    };
    Ok(Some(Proposal { path: path.into(), diff, contents }))
}

/// Writes the new files, each whole or not at all.
///
/// # Errors
/// The first that can't be written.
pub fn write(proposals: &[Proposal]) -> Result<(), (PathBuf, std::io::Error)> {
    for proposal in proposals {
        let fault = |error| (proposal.path.clone(), error);
        let folder = proposal.path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(fault)?;
        file.write_all(&proposal.contents).and_then(|()| file.as_file().sync_all()).map_err(fault)?;
        let permissions = match std::fs::metadata(&proposal.path) {
            Ok(old) => old.permissions(),
            Err(_) => std::os::unix::fs::PermissionsExt::from_mode(0o644),
        };
        file.as_file().set_permissions(permissions).map_err(fault)?;
        file.persist(&proposal.path).map_err(|error| fault(error.error))?;
    }
    Ok(())
}
