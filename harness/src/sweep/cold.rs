//! Trials on inputs that have to be read from the disk.

use crate::trial::{Executor, Measurement, TrialError};
use scaletune_descriptor::Plan;
use std::fs::File;
use std::path::{Path, PathBuf};

/// An executor that asks the kernel to forget the input files before each trial. No right beyond reading them is needed.
///
/// The kernel keeps pages that another process has mapped or that are not yet on the disk; the latter are written first.
/// Where a trial repeats its work, only the first run is cold: the executor within must run it once.
pub struct Cold<E> {
    executor: E,
    files: Vec<PathBuf>,
}

impl<E> Cold<E> {
    /// Trials of `executor` whose inputs are these files.
    pub fn new(executor: E, files: Vec<PathBuf>) -> Cold<E> {
        Cold { executor, files }
    }
}

impl<E: Executor> Executor for Cold<E> {
    fn measure(&mut self, plan: &Plan) -> Result<Measurement, TrialError> {
        for path in &self.files {
            forget(path).map_err(|error| TrialError::Failed(format!("{}: {error}", path.display())))?;
        }
        self.executor.measure(plan)
    }

    fn yardstick_s(&mut self) -> Option<f64> {
        self.executor.yardstick_s()
    }
}

/// Drops a file from the page cache.
fn forget(path: &Path) -> std::io::Result<()> {
    let file = File::open(path)?;
    rustix::fs::fdatasync(&file)?;
    rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counted(usize);

    impl Executor for Counted {
        fn measure(&mut self, _plan: &Plan) -> Result<Measurement, TrialError> {
            self.0 += 1;
            Err(TrialError::Cancelled)
        }
    }

    #[test]
    fn files_are_dropped_before_the_trial_and_faults_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), vec![7; 1 << 20]).unwrap();
        let mut cold = Cold::new(Counted(0), vec![file.path().into()]);
        assert_eq!(cold.measure(&Plan::new()), Err(TrialError::Cancelled));
        assert_eq!(cold.executor.0, 1);
        assert_eq!(std::fs::read(file.path()).unwrap().len(), 1 << 20);
        let mut cold = Cold::new(Counted(0), vec!["/no/such/file".into()]);
        assert!(matches!(cold.measure(&Plan::new()), Err(TrialError::Failed(why)) if why.starts_with("/no/such/file")));
        assert_eq!(cold.executor.0, 0);
    }
}
