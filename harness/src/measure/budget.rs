//! How many threads a command uses where nobody says: the usable cores, or fewer where a batch system or the user's
//! environment says so.
//!
//! Many schedulers grant cores without binding a job to them: only a variable says how many there are then.

use super::cores::usable_cores;
use serde::Serialize;
use std::ffi::OsString;

/// The variable of this program, which is the user's own word.
const OWN: &str = "SCALETUNE_THREADS";
/// Those of batch systems and of OpenMP, with what sets each.
const OTHERS: [(&str, &str); 5] = [
    ("SLURM_CPUS_PER_TASK", "Slurm"),
    ("NCPUS", "PBS"),
    ("NSLOTS", "Grid Engine"),
    ("LSB_DJOB_NUMPROC", "LSF"),
    ("OMP_NUM_THREADS", "OpenMP"),
];

/// The default thread budget of a process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ThreadBudget {
    /// Threads that may be busy at once, at least 1.
    pub threads: usize,
    /// Cores that this process may use: affinity and CPU quota counted in.
    pub usable_cores: usize,
    /// The variable that allows fewer than the usable cores, as `NAME=VALUE`.
    pub limited_by: Option<String>,
    /// Variables that are set to something other than a number of threads; they are ignored.
    pub unread: Vec<String>,
}

impl ThreadBudget {
    /// That of this process.
    ///
    /// # Errors
    /// `SCALETUNE_THREADS` is not a number of threads.
    pub fn of_this_process() -> Result<ThreadBudget, String> {
        ThreadBudget::of(usable_cores(), |name| std::env::var_os(name))
    }

    /// The least of the usable cores and of what each variable allows.
    fn of(usable_cores: usize, variable: impl Fn(&str) -> Option<OsString>) -> Result<ThreadBudget, String> {
        let mut budget = ThreadBudget { threads: usable_cores, usable_cores, limited_by: None, unread: Vec::new() };
        if let Some(value) = variable(OWN).filter(|value| !value.is_empty()) {
            let shown = value.to_string_lossy();
            let threads = parse(&shown);
            let threads = threads.ok_or_else(|| {
                format!("{OWN}={shown}: is not a number of threads; set it to 1 or more, or unset it")
            })?;
            budget.limit(OWN, &shown, threads);
        }
        for (name, system) in OTHERS {
            let Some(value) = variable(name).filter(|value| !value.is_empty()) else { continue };
            let shown = value.to_string_lossy();
            // OpenMP has a list, one number a nesting level: the first is that of the outermost.
            match parse(shown.split(',').next().unwrap_or_default()) {
                Some(threads) => budget.limit(name, &shown, threads),
                None => budget.unread.push(format!("{name}={shown} ({system}): is not a number of threads; ignored")),
            }
        }
        Ok(budget)
    }

    fn limit(&mut self, name: &str, shown: &str, threads: usize) {
        if threads < self.threads {
            self.threads = threads;
            self.limited_by = Some(format!("{name}={shown}"));
        }
    }

    /// Why it is no more than it is, in words; none where it is the usable cores.
    pub fn reason(&self) -> Option<String> {
        let limit = self.limited_by.as_ref()?;
        let (threads, cores) = (self.threads, self.usable_cores);
        Some(format!("{threads} of {cores} usable cores, by {limit}"))
    }
}

fn parse(text: &str) -> Option<usize> {
    text.trim().parse().ok().filter(|threads| *threads >= 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(usable: usize, variables: &[(&str, &str)]) -> Result<ThreadBudget, String> {
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name);
        ThreadBudget::of(usable, |name| find(name).map(|(_, value)| value.into()))
    }

    #[test]
    fn the_least_limit_counts_and_is_named() {
        let free = budget(8, &[]).unwrap();
        assert_eq!((free.threads, free.reason()), (8, None));
        for (name, _) in OTHERS {
            let limited = budget(8, &[(name, "3")]).unwrap();
            assert_eq!(limited.threads, 3);
            assert_eq!(limited.reason().unwrap(), format!("3 of 8 usable cores, by {name}=3"));
        }
        let both = budget(8, &[("SLURM_CPUS_PER_TASK", "4"), ("SCALETUNE_THREADS", "2")]).unwrap();
        assert_eq!((both.threads, both.limited_by.as_deref()), (2, Some("SCALETUNE_THREADS=2")));
        let more = budget(2, &[("NSLOTS", "64"), ("SCALETUNE_THREADS", "16")]).unwrap();
        assert_eq!((more.threads, more.reason()), (2, None), "a grant makes no cores");
        assert_eq!(budget(8, &[("OMP_NUM_THREADS", "4,2")]).unwrap().threads, 4);
    }

    #[test]
    fn what_is_not_a_number_is_an_error_of_the_users_own_and_ignored_of_others() {
        for value in ["0", "-1", "many", "1.5"] {
            let error = budget(8, &[("SCALETUNE_THREADS", value)]).unwrap_err();
            assert!(error.starts_with(&format!("SCALETUNE_THREADS={value}: ")), "{error}");
            let other = budget(8, &[("NCPUS", value)]).unwrap();
            assert_eq!((other.threads, other.unread.len()), (8, 1));
            assert!(other.unread[0].starts_with(&format!("NCPUS={value} (PBS): ")), "{:?}", other.unread);
        }
        assert_eq!(budget(8, &[("SCALETUNE_THREADS", ""), ("NCPUS", "")]).unwrap(), budget(8, &[]).unwrap());
    }
}
