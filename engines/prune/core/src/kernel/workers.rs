//! The threads of a plan, and memory that its calls share.
//! Leaves out what the threads do.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::monitor::Monitor;

/// Threads of one plan: the calling one, and a pool of the others.
pub struct Workers {
    pool: Option<rayon::ThreadPool>,
    count: usize,
}

impl Workers {
    /// Starts the plan's threads.
    pub fn new(count: usize) -> Result<Self> {
        let pool = (count > 1)
            .then(|| {
                let name = |i: usize| format!("prune-{}", i + 1);
                rayon::ThreadPoolBuilder::new().num_threads(count - 1).thread_name(name).build()
            })
            .transpose()
            .map_err(|e| Error::Failed(format!("{count} worker threads could not be started: {e}")))?;
        Ok(Self { pool, count })
    }

    /// How many compute.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Items of a piece, so that every worker gets many and none is too short to be worth handing out: at most
    /// `chunk`, nor so many that who cancels waits long. `work`: what one item costs, in node updates.
    pub(crate) fn piece(&self, items: usize, work: usize, chunk: usize) -> usize {
        const PIECES: usize = 64;
        const SHORTEST: usize = 1 << 18;
        const LONGEST: usize = 1 << 22;
        let chunk = chunk.min(LONGEST / work.max(1)).max(1);
        if self.count == 1 {
            return chunk;
        }
        items.div_ceil(PIECES * self.count).max(SHORTEST / work.max(1)).min(chunk)
    }

    /// Runs `work(scratch, index, piece)` for every piece, each worker with a scratch of its own.
    pub(crate) fn each<P: Send, S: Default>(
        &self,
        task: &str,
        pieces: Vec<P>,
        monitor: &dyn Monitor,
        work: impl Fn(&mut S, usize, P) + Sync,
    ) -> Result<()> {
        let stopped = AtomicBool::new(false);
        let done = AtomicU64::new(0);
        let total = pieces.len() as u64;
        let step = |worker: usize, scratch: &mut S, index: usize, piece: P| {
            if stopped.load(Ordering::Relaxed) || monitor.cancelled() {
                stopped.store(true, Ordering::Relaxed);
                return;
            }
            let start = Instant::now();
            work(scratch, index, piece);
            monitor.span(task, worker, start, Instant::now());
            monitor.progress(task, done.fetch_add(1, Ordering::Relaxed) + 1, total);
        };
        // In their order, each worker the next: what is put together in order need not wait for long.
        let queue = Mutex::new(pieces.into_iter().enumerate());
        let drain = |worker: usize| {
            let mut scratch = S::default();
            loop {
                let next = lock(&queue).next();
                let Some((index, piece)) = next else { break };
                step(worker, &mut scratch, index, piece);
            }
        };
        match &self.pool {
            // One piece needs nobody to be woken.
            Some(pool) if total > 1 => pool.in_place_scope(|scope| {
                scope.spawn_broadcast(|_, others| drain(others.index() + 1));
                drain(0);
            }),
            _ => drain(0),
        }
        if stopped.load(Ordering::Relaxed) { Err(Error::Cancelled) } else { Ok(()) }
    }
}

impl Workers {
    /// What `work` makes of every piece, in the order of the pieces.
    pub(crate) fn ordered<P: Send, R: Send>(
        &self,
        task: &str,
        pieces: Vec<P>,
        monitor: &dyn Monitor,
        work: impl Fn(P) -> R + Sync,
    ) -> Result<Vec<R>> {
        let made = Mutex::new(Vec::with_capacity(pieces.len()));
        self.each(task, pieces, monitor, |(): &mut (), index, piece| {
            let result = work(piece);
            lock(&made).push((index, result));
        })?;
        let mut made = made.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        made.sort_by_key(|(index, _)| *index);
        Ok(made.into_iter().map(|(_, result)| result).collect())
    }
}

/// The next piece to be handed on.
struct Turn<T> {
    next: usize,
    take: T,
    failed: Option<Error>,
}

/// Tells the others that a piece will never come.
struct Broken<'a>(&'a AtomicBool);

impl Drop for Broken<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

impl Workers {
    /// Hands what `work` makes of every piece on to `take`, one at a time and in the order of the pieces. A worker waits
    /// until its piece is the next: so many results are in memory as there are workers.
    pub(crate) fn in_order<P: Send, S: Default, R: Send>(
        &self,
        task: &str,
        pieces: Vec<P>,
        monitor: &dyn Monitor,
        work: impl Fn(&mut S, P) -> R + Sync,
        take: impl FnMut(R) -> Result<()> + Send,
    ) -> Result<()> {
        /// How often one who waits looks whether the caller wants to stop.
        const LOOK: Duration = Duration::from_millis(20);
        let turn = Mutex::new(Turn { next: 0, take, failed: None });
        let (moved, broken) = (Condvar::new(), AtomicBool::new(false));
        let done = self.each(task, pieces, monitor, |scratch: &mut S, index, piece| {
            if broken.load(Ordering::Relaxed) {
                return;
            }
            let _guard = Broken(&broken);
            let made = work(scratch, piece);
            let mut own = lock(&turn);
            while own.next != index {
                // Those before this one may have been left out.
                if broken.load(Ordering::Relaxed) || monitor.cancelled() {
                    broken.store(true, Ordering::Relaxed);
                    return;
                }
                own = moved.wait_timeout(own, LOOK).unwrap_or_else(std::sync::PoisonError::into_inner).0;
            }
            if let Err(error) = (own.take)(made) {
                broken.store(true, Ordering::Relaxed);
                own.failed = Some(error);
                return;
            }
            own.next += 1;
            moved.notify_all();
        });
        match turn.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner).failed {
            Some(error) => Err(error),
            None if broken.into_inner() => Err(Error::Cancelled),
            None => done,
        }
    }
}

/// Scratch memory that outlives a call.
#[derive(Default)]
pub(super) struct Kept<S>(Mutex<Vec<S>>);

impl<S: Default> Kept<S> {
    pub(super) fn with<R>(&self, work: impl FnOnce(&mut S) -> R) -> R {
        let kept = lock(&self.0).pop();
        let mut scratch = kept.unwrap_or_default();
        let result = work(&mut scratch);
        lock(&self.0).push(scratch);
        result
    }
}

/// A lock whose holder panicked still guards whole results: the panic itself is what ends the call.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
