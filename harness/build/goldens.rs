//! Lists the files of `testdata/` that golden cases need, to be compiled in.

use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Generators, oracles, prose and the index of other data are of no use in a program.
const LEFT_OUT: &[&str] = &["py", "md", "sh"];

/// Writes the list that `src/check/compiled.rs` includes.
pub(super) fn list() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new(&std::env::var("CARGO_MANIFEST_DIR")?).join("../testdata").canonicalize()?;
    println!("cargo::rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&root)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, &mut files)?;
        }
    }
    files.sort();
    let mut list = String::from("&[\n");
    for file in files {
        println!("cargo::rerun-if-changed={}", file.display());
        let name = file.strip_prefix(&root)?.to_str().ok_or("a name that is not text")?;
        writeln!(list, "({name:?}, include_bytes!({:?})),", file.to_str().ok_or("a path that is not text")?)?;
    }
    list.push(']');
    std::fs::write(Path::new(&std::env::var("OUT_DIR")?).join("testdata.rs"), list)?;
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    println!("cargo::rerun-if-changed={}", folder.display());
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if !path.extension().is_some_and(|it| LEFT_OUT.iter().any(|out| it == *out)) {
            files.push(path);
        }
    }
    Ok(())
}
