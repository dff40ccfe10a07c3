//! The host side of the ABI in the child: what an engine says becomes events.
//!
//! Any thread of the engine may call, and nothing it says is trusted: texts that are not UTF-8, or would steer a
//! terminal, are repaired and cut; progress is thinned out, so that a chatty engine can't drown the parent.

use super::protocol::{Event, Level};
use crate::trial::{StageTime, Task};
use scaletune_abi::{ABI_MAJOR, ABI_MINOR, HostTable, Level as AbiLevel, Text};
use serde_json::Value;
use std::ffi::c_void;
use std::fs::File;
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Most bytes of a text that an engine gets through.
const MOST_TEXT: usize = 16 * 1024;
/// Most log lines and metrics of one job.
const MOST_LINES: u64 = 10_000;
/// Most task spans of one run.
const MOST_SPANS: usize = 1 << 18;
/// Shortest time between two progress events.
const PROGRESS_EVERY_NS: u64 = 50_000_000;

/// What the callbacks share.
pub(super) struct Host {
    channel: Mutex<File>,
    began: Instant,
    failure: Mutex<Option<String>>,
    running_stage: Mutex<Option<(String, Instant)>>,
    stages: Mutex<Vec<StageTime>>,
    spans: Mutex<Vec<Span>>,
    last_progress: AtomicU64,
    lines: AtomicU64,
    cancelled: fn() -> bool,
}

/// A task as the engine reported it, nanoseconds on the host's clock.
struct Span {
    name: String,
    worker: u32,
    begin: u64,
    end: u64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Host {
    /// A host that reports to `channel`.
    pub(super) fn new(channel: File, cancelled: fn() -> bool) -> Host {
        Host {
            channel: Mutex::new(channel),
            began: Instant::now(),
            failure: Mutex::new(None),
            running_stage: Mutex::new(None),
            stages: Mutex::new(Vec::new()),
            spans: Mutex::new(Vec::new()),
            last_progress: AtomicU64::new(0),
            lines: AtomicU64::new(0),
            cancelled,
        }
    }

    /// Sends an event. A parent that is gone can't be told anything: the child ends.
    pub(super) fn send(&self, event: &Event) {
        let mut line = match serde_json::to_vec(event) {
            Ok(line) => line,
            // Only a figure that is not a JSON number (NaN, infinity) can do that.
            Err(_) => return,
        };
        line.push(b'\n');
        if lock(&self.channel).write_all(&line).is_err() {
            std::process::exit(3);
        }
    }

    /// The table for the engine. Valid for as long as `self`.
    pub(super) fn table(&self) -> HostTable {
        HostTable {
            size: size_of::<HostTable>() as u32,
            abi_major: ABI_MAJOR,
            abi_minor: ABI_MINOR,
            context: std::ptr::from_ref(self).cast_mut().cast(),
            fail,
            log,
            progress,
            cancelled,
            metric,
            stage_begin,
            stage_end,
            now,
            task_span,
        }
    }

    /// Why the last call failed, as the engine put it.
    pub(super) fn take_failure(&self) -> Option<String> {
        lock(&self.failure).take()
    }

    /// The engine's own stages since the last call of this.
    pub(super) fn take_stages(&self) -> Vec<StageTime> {
        lock(&self.running_stage).take();
        std::mem::take(&mut lock(&self.stages))
    }

    /// Nanoseconds on the host's clock.
    pub(super) fn now(&self) -> u64 {
        self.began.elapsed().as_nanos() as u64
    }

    /// The tasks since the last call of this, as seconds since `began` on the host's clock.
    pub(super) fn take_tasks(&self, began: u64) -> Vec<Task> {
        let seconds = |nanoseconds: u64| nanoseconds.saturating_sub(began) as f64 / 1e9;
        let spans = std::mem::take(&mut *lock(&self.spans));
        let task = |span: Span| Task {
            name: span.name,
            worker: span.worker,
            begin_s: seconds(span.begin),
            end_s: seconds(span.end.max(span.begin)),
        };
        spans.into_iter().map(task).collect()
    }

    fn line(&self, event: &Event) {
        if self.lines.fetch_add(1, Ordering::Relaxed) < MOST_LINES {
            self.send(event);
        }
    }
}

/// The host behind a context.
///
/// # Safety
/// `context` is the one of a table that [`Host::table`] made, and the host still lives.
unsafe fn host<'a>(context: *mut c_void) -> &'a Host {
    // SAFETY: the caller vouches for it.
    unsafe { &*context.cast::<Host>() }
}

/// A text of the engine, repaired and cut.
///
/// # Safety
/// The text is valid for the call.
unsafe fn text(text: Text) -> String {
    if text.ptr.is_null() || text.len == 0 {
        return String::new();
    }
    // SAFETY: the caller vouches for it.
    let bytes = unsafe { std::slice::from_raw_parts(text.ptr, text.len.min(MOST_TEXT)) };
    harmless(&String::from_utf8_lossy(bytes))
}

/// The text without what would steer a terminal.
pub(super) fn harmless(text: &str) -> String {
    let repaired = |c: char| if c.is_control() && c != '\n' && c != '\t' { char::REPLACEMENT_CHARACTER } else { c };
    text.chars().map(repaired).collect()
}

/// The same for every text in a document.
pub(super) fn harmless_document(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(harmless(&text)),
        Value::Array(values) => values.into_iter().map(harmless_document).collect(),
        Value::Object(members) => {
            members.into_iter().map(|(name, value)| (harmless(&name), harmless_document(value))).collect()
        }
        other => other,
    }
}

unsafe extern "C" fn fail(context: *mut c_void, message: Text) {
    // SAFETY: here and below, the engine keeps the contract of scaletune.h.
    unsafe { *lock(&host(context).failure) = Some(text(message)) }
}

unsafe extern "C" fn log(context: *mut c_void, level: AbiLevel, message: Text) {
    let level = match level {
        AbiLevel::ERROR => Level::Error,
        AbiLevel::WARN => Level::Warn,
        AbiLevel::INFO => Level::Info,
        _ => Level::Debug,
    };
    // SAFETY: as in `fail`.
    unsafe { host(context).line(&Event::Log { level, message: text(message) }) }
}

unsafe extern "C" fn progress(context: *mut c_void, stage: Text, done: u64, total: u64) {
    // SAFETY: as in `fail`.
    let host = unsafe { host(context) };
    let (now, last) = (host.began.elapsed().as_nanos() as u64, host.last_progress.load(Ordering::Relaxed));
    let finished = total > 0 && done >= total;
    let due = now.saturating_sub(last) >= if finished { PROGRESS_EVERY_NS / 5 } else { PROGRESS_EVERY_NS };
    // Whoever wins the exchange reports; the others find that it has just been done.
    if due && host.last_progress.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
        // SAFETY: as in `fail`.
        host.send(&Event::Progress { stage: unsafe { text(stage) }, done, total });
    }
}

unsafe extern "C" fn cancelled(context: *mut c_void) -> i32 {
    // SAFETY: as in `fail`.
    i32::from(unsafe { (host(context).cancelled)() })
}

unsafe extern "C" fn metric(context: *mut c_void, name: Text, value: f64, unit: Text) {
    // SAFETY: as in `fail`.
    unsafe { host(context).line(&Event::Metric { name: text(name), value, unit: text(unit) }) }
}

unsafe extern "C" fn stage_begin(context: *mut c_void, stage: Text) {
    // SAFETY: as in `fail`.
    unsafe { *lock(&host(context).running_stage) = Some((text(stage), Instant::now())) }
}

unsafe extern "C" fn stage_end(context: *mut c_void, stage: Text) {
    // SAFETY: as in `fail`.
    let (host, name) = unsafe { (host(context), text(stage)) };
    if let Some((running, began)) = lock(&host.running_stage).take()
        && running == name
    {
        lock(&host.stages).push(StageTime { name, seconds: began.elapsed().as_secs_f64() });
    }
}

unsafe extern "C" fn now(context: *mut c_void) -> u64 {
    // SAFETY: as in `fail`.
    unsafe { host(context) }.now()
}

unsafe extern "C" fn task_span(context: *mut c_void, task: Text, worker: u32, begin: u64, end: u64) {
    // SAFETY: as in `fail`.
    let (host, name) = unsafe { (host(context), text(task)) };
    let mut spans = lock(&host.spans);
    if spans.len() < MOST_SPANS {
        spans.push(Span { name, worker, begin, end });
    }
}
