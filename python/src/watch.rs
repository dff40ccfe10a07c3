//! Work off the interpreter. Long work runs in a thread of its own, while the caller's thread waits without the
//! interpreter's lock and looks every little while whether a signal (Ctrl-C) has come. Starting a thread costs as much as a
//! small analysis: what is brief stays in the caller's, likewise without the lock.

use crate::failure::{Failure, Result, keywords};
use pyo3::exceptions::PyUserWarning;
use pyo3::prelude::*;
use std::any::Any;
use std::ffi::CString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// How long a signal may wait until it is seen.
const PATIENCE: Duration = Duration::from_millis(50);
/// As much as a main thread has.
const STACK: usize = 8 << 20;

/// What the engines see of the caller.
#[derive(Default)]
pub(crate) struct Watch {
    cancelled: AtomicBool,
    warnings: Mutex<Vec<String>>,
}

impl Watch {
    /// Tells the user something, once, when the work is done.
    pub(crate) fn warn(&self, text: &str) {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        if !warnings.iter().any(|known| known == text) {
            warnings.push(text.to_owned());
        }
    }
}

impl scaletune_count_core::Monitor for Watch {
    fn cancelled(&self) -> bool {
        self.cancelled.load(Relaxed)
    }
}

impl scaletune_em_core::Monitor for Watch {
    fn cancelled(&self) -> bool {
        self.cancelled.load(Relaxed)
    }

    fn warning(&self, text: &str) {
        self.warn(text);
    }
}

impl scaletune_prune_core::monitor::Monitor for Watch {
    fn cancelled(&self) -> bool {
        self.cancelled.load(Relaxed)
    }
}

/// Does `work` without the interpreter's lock. Its warnings become Python's, a panic a RuntimeError, and a signal whose
/// handler raises stops it and is raised.
pub(crate) fn run<T: Send>(py: Python<'_>, work: impl FnOnce(&Watch) -> Result<T> + Send) -> PyResult<T> {
    watched(py, |watch| wait(watch, work))
}

/// As [`run`], for work that ends sooner than anybody would look for a signal: it stays in the caller's thread.
pub(crate) fn run_briefly<T: Send>(py: Python<'_>, work: impl FnOnce(&Watch) -> Result<T> + Send) -> PyResult<T> {
    watched(py, |watch| (guarded(watch, work), None))
}

fn watched<T: Send>(py: Python<'_>, work: impl FnOnce(&Watch) -> (Result<T>, Option<PyErr>) + Send) -> PyResult<T> {
    let watch = Watch::default();
    let (outcome, interrupt) = py.detach(|| work(&watch));
    if let Some(interrupt) = interrupt {
        return Err(interrupt);
    }
    let value = outcome?;
    for text in watch.warnings.into_inner().unwrap_or_else(PoisonError::into_inner) {
        // A NUL can only come from a file's name, where the system forbids it.
        let text = CString::new(keywords(&text).replace('\0', " ")).unwrap_or_default();
        PyErr::warn(py, &py.get_type::<PyUserWarning>(), &text, 2)?;
    }
    Ok(value)
}

fn guarded<T>(watch: &Watch, work: impl FnOnce(&Watch) -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(|| work(watch))).unwrap_or_else(|panic| Err(of_panic(panic.as_ref())))
}

fn wait<T: Send>(watch: &Watch, work: impl FnOnce(&Watch) -> Result<T> + Send) -> (Result<T>, Option<PyErr>) {
    thread::scope(|scope| {
        let (done, finished) = mpsc::channel::<()>();
        let job = move || {
            let _done = done;
            guarded(watch, work)
        };
        let worker = match thread::Builder::new().name("scaletune".into()).stack_size(STACK).spawn_scoped(scope, job) {
            Ok(worker) => worker,
            Err(error) => return (Err(Failure::Runtime(format!("can't start a thread: {error}"))), None),
        };
        let mut interrupt = None;
        while finished.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            if interrupt.is_none()
                && let Err(raised) = Python::attach(|py| py.check_signals())
            {
                interrupt = Some(raised);
                watch.cancelled.store(true, Relaxed);
            }
        }
        (worker.join().unwrap_or_else(|panic| Err(of_panic(panic.as_ref()))), interrupt)
    })
}

fn of_panic(panic: &(dyn Any + Send)) -> Failure {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Failure::Runtime(format!("internal error: {}; please report it", text.unwrap_or("an engine panicked")))
}
