//! What a panic says, caught at the border.
//!
//! A plugin carries its own copy of the standard library, so its panic hook is its own too: silencing it here leaves
//! the host's untouched. The hook keeps place and text, also of a worker thread's panic whose payload alone arrives at
//! the thread that joins it.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, Once, PoisonError};

thread_local! {
    /// The first panic of this thread since the call began.
    static HERE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// The first panic of any thread since a call began.
static ANYWHERE: Mutex<Option<String>> = Mutex::new(None);

/// Runs `work`; a panic becomes its text: what, and where.
pub(crate) fn catch<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        std::panic::set_hook(Box::new(|info| {
            let place = info.location().map(|place| format!(" at {}:{}", place.file(), place.line()));
            let text = format!("{}{}", payload_text(info.payload()), place.unwrap_or_default());
            // The first panic is the cause; the others are threads that found it dead.
            ANYWHERE.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| text.clone());
            HERE.with_borrow_mut(|here| here.get_or_insert(text).len());
        }));
    });
    ANYWHERE.lock().unwrap_or_else(PoisonError::into_inner).take();
    HERE.take();
    // What the work left half done is never looked at again: the caller drops the session.
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| {
        let anywhere = || ANYWHERE.lock().unwrap_or_else(PoisonError::into_inner).take();
        let text = HERE.take().or_else(anywhere).unwrap_or_else(|| payload_text(payload.as_ref()));
        // Dropping a payload may panic as well; it is small, and leaking it is safe.
        std::mem::forget(payload);
        text
    })
}

fn payload_text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| text.to_string());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panic without a text".into())
}
