//! The host as an engine sees it, lent for the length of one call.

use crate::Error;
use scaletune_abi::{HostTable, Level, Text};
use std::marker::PhantomData;
use std::ops::Deref;

/// What any thread may do while a call runs.
#[derive(Clone, Copy)]
pub struct Host<'a> {
    table: &'a HostTable,
}

// SAFETY: of the table's functions, `Host` offers only those that the contract lets any thread call, and it can't
// outlive the call, for which the host keeps the table and its context alive.
unsafe impl Send for Host<'_> {}
// SAFETY: as above.
unsafe impl Sync for Host<'_> {}

impl Host<'_> {
    /// Whether to stop: ask at least every 100 ms of work.
    pub fn cancelled(&self) -> bool {
        // SAFETY: table and context are valid for as long as `Host` can exist.
        unsafe { (self.table.cancelled)(self.table.context) != 0 }
    }

    /// `Err(Error::cancelled())` where the host wants the engine to stop.
    ///
    /// # Errors
    /// The host wants it to stop.
    pub fn check_cancelled(&self) -> Result<(), Error> {
        if self.cancelled() { Err(Error::cancelled()) } else { Ok(()) }
    }

    /// How far a stage has come; `total` 0 = not known.
    pub fn progress(&self, stage: &str, done: u64, total: u64) {
        // SAFETY: as in `cancelled`; the text is lent for the call.
        unsafe { (self.table.progress)(self.table.context, Text::lend(stage), done, total) }
    }

    /// A figure worth keeping beside the timings.
    pub fn metric(&self, name: &str, value: f64, unit: &str) {
        // SAFETY: as in `progress`.
        unsafe { (self.table.metric)(self.table.context, Text::lend(name), value, Text::lend(unit)) }
    }

    /// Something the user should know.
    pub fn warn(&self, message: &str) {
        self.log(Level::WARN, message);
    }

    /// Something the user may like to know.
    pub fn info(&self, message: &str) {
        self.log(Level::INFO, message);
    }

    /// Something for the engine's author.
    pub fn debug(&self, message: &str) {
        self.log(Level::DEBUG, message);
    }

    fn log(&self, level: Level, message: &str) {
        // SAFETY: as in `progress`.
        unsafe { (self.table.log)(self.table.context, level, Text::lend(message)) }
    }

    /// One of the stages that the descriptor declares begins. Stages are not nested and do not overlap.
    pub fn stage_begin(&self, name: &str) {
        // SAFETY: as in `progress`.
        unsafe { (self.table.stage_begin)(self.table.context, Text::lend(name)) }
    }

    /// A stage ends.
    pub fn stage_end(&self, name: &str) {
        // SAFETY: as in `progress`.
        unsafe { (self.table.stage_end)(self.table.context, Text::lend(name)) }
    }

    /// Does `work` as one of the stages that the descriptor declares.
    pub fn stage<T>(&self, name: &str, work: impl FnOnce() -> T) -> T {
        self.stage_begin(name);
        // A panic leaves the stage open: the session is poisoned then, and its figures are of no use.
        let result = work();
        self.stage_end(name);
        result
    }

    /// Nanoseconds on the host's clock, for [`Host::task_span`].
    pub fn now(&self) -> u64 {
        // SAFETY: as in `cancelled`.
        unsafe { (self.table.now)(self.table.context) }
    }

    /// Worker number `worker` (from 0) spent `begin..end` of the host's nanoseconds on a task.
    pub fn task_span(&self, task: &str, worker: u32, begin: u64, end: u64) {
        // SAFETY: as in `progress`.
        unsafe { (self.table.task_span)(self.table.context, Text::lend(task), worker, begin, end) }
    }
}

/// What the thread that the host called may do, and all that [`Host`] offers.
pub struct Call<'a> {
    host: Host<'a>,
    /// Neither `Send` nor `Sync`: a failure belongs to the calling thread.
    thread_bound: PhantomData<*const ()>,
}

impl<'a> Call<'a> {
    /// The call that runs now.
    ///
    /// # Safety
    /// `table` is a host's, valid with its context for `'a`, and this thread is the one that the host called.
    pub(crate) unsafe fn new(table: &'a HostTable) -> Call<'a> {
        Call { host: Host { table }, thread_bound: PhantomData }
    }

    /// The part that may be shared with other threads.
    pub fn host(&self) -> Host<'a> {
        self.host
    }

    /// Why the call that runs is about to fail.
    pub(crate) fn fail(&self, message: &str) {
        // SAFETY: as in `stage`.
        unsafe { (self.host.table.fail)(self.host.table.context, Text::lend(message)) }
    }
}

impl<'a> Deref for Call<'a> {
    type Target = Host<'a>;

    fn deref(&self) -> &Host<'a> {
        &self.host
    }
}
