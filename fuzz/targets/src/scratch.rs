//! Bytes as a file, for readers that take a path.

use std::cell::OnceCell;
use std::path::Path;
use tempfile::TempDir;

thread_local! {
    static FOLDER: OnceCell<TempDir> = const { OnceCell::new() };
}

/// Calls `with` with the path of a file `name` that holds `data`. In memory where the system has a place for that: a
/// million files on a disk take long.
pub(crate) fn file<T>(name: &str, data: &[u8], with: impl FnOnce(&Path) -> T) -> T {
    FOLDER.with(|folder| {
        let folder = folder.get_or_init(|| {
            let memory = TempDir::with_prefix_in("scaletune-fuzz-", "/dev/shm");
            memory.or_else(|_| tempfile::tempdir()).expect("a folder for scratch files")
        });
        let path = folder.path().join(name);
        std::fs::write(&path, data).expect("a scratch file");
        with(&path)
    })
}
