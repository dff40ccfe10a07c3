//! The engine's own threads: a pool of exactly as many workers as the plan says, never a global pool and never a
//! count of its own.

use std::time::Instant;

use rayon::prelude::*;

use crate::{EmError, Monitor};

/// A fixed number of workers. One worker is the calling thread itself; more are a pool while the caller waits.
#[derive(Debug)]
pub struct Workers {
    pool: Option<rayon::ThreadPool>,
    count: usize,
}

impl Workers {
    /// Starts `count` workers.
    ///
    /// # Errors
    /// If `count` is 0 or the system refuses the threads.
    pub fn new(count: usize) -> Result<Self, EmError> {
        if count == 0 {
            return Err(EmError::Option { option: "workers", value: "0".to_owned(), remedy: "give at least 1" });
        }
        let pool = (count > 1)
            .then(|| {
                rayon::ThreadPoolBuilder::new()
                    .num_threads(count)
                    .thread_name(|index| format!("em-worker-{index}"))
                    .build()
                    .map_err(|error| EmError::Threads { workers: count, reason: error.to_string() })
            })
            .transpose()?;
        Ok(Self { pool, count })
    }

    /// Number of workers.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Sorts on all workers.
    pub(crate) fn sort(&self, values: &mut [u64]) {
        match &self.pool {
            Some(pool) => pool.install(|| values.par_sort_unstable()),
            None => values.sort_unstable(),
        }
    }

    /// Runs `task` once for every item, in any order and on any worker. Checks for cancellation between items.
    pub(crate) fn for_each<T: Send>(
        &self,
        monitor: &dyn Monitor,
        name: &'static str,
        items: &mut [T],
        task: impl Fn(usize, &mut T) + Sync,
    ) -> Result<(), EmError> {
        let run = |index: usize, item: &mut T| {
            if !monitor.cancelled() {
                let start = Instant::now();
                task(index, item);
                monitor.span(name, rayon::current_thread_index().unwrap_or(0), start, Instant::now());
            }
        };
        match &self.pool {
            Some(pool) if items.len() > 1 => pool.install(|| {
                items.par_iter_mut().with_max_len(1).enumerate().for_each(|(index, item)| run(index, item));
            }),
            _ => items.iter_mut().enumerate().for_each(|(index, item)| run(index, item)),
        }
        if monitor.cancelled() { Err(EmError::Cancelled) } else { Ok(()) }
    }
}
