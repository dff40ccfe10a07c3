//! How to do the work: every plan gives the same bytes.

use crate::Error;

/// A way to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountPlan {
    /// How the file is cut into units.
    pub partition: Partition,
    /// Who inflates.
    pub decode: Decode,
    /// Who parses records.
    pub reader: Reader,
    /// Whether the index is used.
    pub traversal: Traversal,
    /// Threads that count.
    pub workers: usize,
    /// Threads that only inflate: per reader, or in the shared pool. 0 for [`Decode::Inline`].
    pub decode_threads: usize,
    /// Units a worker, for the partitions that cut to a number.
    pub tasks_per_worker: usize,
}

/// How the file is cut into units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Partition {
    /// One unit a chromosome.
    Chromosome,
    /// Equal numbers of sites.
    Sites,
    /// Equal compressed bytes.
    Bytes,
}

/// Who inflates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decode {
    /// The worker itself.
    Inline,
    /// Threads of its own for every reader.
    PerReader,
    /// One pool for all readers.
    SharedPool,
}

/// Who parses records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// htslib: BAM and CRAM.
    Htslib,
    /// The own block walk over libdeflate, records parsed in place: BAM only.
    Raw,
    /// noodles, an independent decoder: BAM only.
    Noodles,
}

/// Whether the index is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Traversal {
    /// Units from the index; blocks that hold no site are left out.
    Index,
    /// One pass over the whole file; needs no index.
    Stream,
}

impl Default for CountPlan {
    /// The serial plan that others are compared with.
    fn default() -> Self {
        CountPlan {
            partition: Partition::Bytes,
            decode: Decode::Inline,
            reader: Reader::Htslib,
            traversal: Traversal::Index,
            workers: 1,
            decode_threads: 0,
            tasks_per_worker: 4,
        }
    }
}

impl CountPlan {
    /// Rejects what can't be done, with the rule that forbids it.
    ///
    /// # Errors
    /// [`Error::Plan`].
    pub fn validate(&self) -> Result<(), Error> {
        let refuse = |text: &str| Err(Error::Plan(text.to_owned()));
        if self.workers == 0 {
            return refuse("workers must be at least 1");
        }
        if self.tasks_per_worker == 0 {
            return refuse("tasks-per-worker must be at least 1");
        }
        if (self.decode == Decode::Inline) != (self.decode_threads == 0) {
            return refuse("decode=inline goes with decode-threads=0, the other values of decode with at least 1");
        }
        if self.reader != Reader::Htslib && self.decode != Decode::Inline {
            return refuse("decode threads need reader=htslib; the other readers inflate inline");
        }
        if self.traversal == Traversal::Stream && self.workers > 1 {
            return refuse("traversal=stream is one pass, so workers must be 1; decode threads may help it");
        }
        Ok(())
    }

    /// Threads that can be busy: workers and decompression, without htslib's read-ahead helpers.
    pub fn threads_used(&self) -> usize {
        self.workers
            + match self.decode {
                Decode::Inline => 0,
                Decode::PerReader => self.workers * self.decode_threads,
                Decode::SharedPool => self.decode_threads,
            }
    }

    /// Units to cut into.
    pub(crate) fn units(&self) -> usize {
        self.workers.saturating_mul(self.tasks_per_worker)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_plans_are_refused_with_the_rule() {
        let plan = CountPlan::default();
        assert!(plan.validate().is_ok());
        for (plan, rule) in [
            (CountPlan { workers: 0, ..plan }, "workers"),
            (CountPlan { tasks_per_worker: 0, ..plan }, "tasks-per-worker"),
            (CountPlan { decode_threads: 1, ..plan }, "decode-threads=0"),
            (CountPlan { decode: Decode::PerReader, ..plan }, "at least 1"),
            (CountPlan { decode: Decode::SharedPool, decode_threads: 2, reader: Reader::Raw, ..plan }, "reader=htslib"),
            (CountPlan { traversal: Traversal::Stream, workers: 2, ..plan }, "one pass"),
        ] {
            let text = plan.validate().unwrap_err().to_string();
            assert!(text.contains(rule), "{text}");
        }
    }

    #[test]
    fn threads_are_workers_and_decompression() {
        let plan = CountPlan { workers: 3, decode_threads: 2, ..CountPlan::default() };
        let used = |decode| CountPlan { decode, ..plan }.threads_used();
        assert_eq!((used(Decode::PerReader), used(Decode::SharedPool)), (9, 5));
        assert_eq!(CountPlan { decode_threads: 0, ..plan }.threads_used(), 3);
    }
}
