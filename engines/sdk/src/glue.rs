//! The C side of [`Engine`]: one function of the table each. Reached through [`crate::export_engine`] only.

use crate::{Call, Engine, Error, Inputs, Plan, Session, panics};
use scaletune_abi::{ABI_MAJOR, ABI_MINOR, HostTable, SessionHandle, Status};
pub use scaletune_abi::{EngineTable, Text};
use std::path::Path;
use std::sync::OnceLock;

/// A session behind the opaque pointer.
struct Slot<E: Engine> {
    /// The host's table does not change between `open` and `close`.
    host: HostTable,
    /// None once a panic has left it in an unknown state.
    session: Option<E::Session>,
    /// What `input_class` lends.
    class: String,
}

/// The table of an engine.
pub const fn table<E: Engine>(describe: extern "C" fn() -> Text) -> EngineTable {
    EngineTable {
        size: size_of::<EngineTable>() as u32,
        abi_major: ABI_MAJOR,
        abi_minor: ABI_MINOR,
        describe: Some(describe),
        open: Some(open::<E>),
        prepare: Some(prepare::<E>),
        run: Some(run::<E>),
        write: Some(write::<E>),
        input_class: Some(input_class::<E>),
        close: Some(close::<E>),
        simulate: Some(simulate::<E>),
    }
}

/// The descriptor as JSON; empty where it can't be had, which the host reports as a defect.
pub fn describe<E: Engine>(text: &'static OnceLock<String>) -> Text {
    let json = text.get_or_init(|| {
        let made = panics::catch(|| serde_json::to_string(&E::describe()));
        match made {
            Ok(Ok(json)) => json,
            Ok(Err(_)) | Err(_) => String::new(),
        }
    });
    Text::lend(json)
}

/// The host's table, whatever its minor version; none where it is null or of another major version. Such a host can't be
/// given a reason: where its `fail` lies is not known.
///
/// # Safety
/// `host` is null, or points to as many readable bytes as its prefix says.
unsafe fn known(host: *const HostTable) -> Option<HostTable> {
    if host.is_null() {
        return None;
    }
    // SAFETY: not null; the caller keeps the rest.
    unsafe { HostTable::read(host) }.ok()
}

/// Does `work` on behalf of the host; an error or a panic becomes a status and a text.
///
/// # Safety
/// The context and the functions of `host` are valid for the call, which runs on this thread.
unsafe fn answer(host: &HostTable, work: impl FnOnce(&Call<'_>) -> Result<(), Error>) -> (Status, bool) {
    // SAFETY: the caller keeps the condition.
    let call = unsafe { Call::new(host) };
    match panics::catch(|| work(&call)) {
        Ok(Ok(())) => (Status::OK, false),
        Ok(Err(error)) => {
            call.fail(&error.to_string());
            (error.status(), false)
        }
        Err(panic) => {
            call.fail(&format!("panicked: {panic}"));
            (Status::PANICKED, true)
        }
    }
}

/// Lends a text of the host.
///
/// # Safety
/// The text is valid for the call.
unsafe fn lent<'a>(text: Text, what: &str) -> Result<&'a str, Error> {
    // SAFETY: the caller vouches for it.
    unsafe { text.borrow() }.map_err(|error| Error::failed(format!("the host's {what} is not UTF-8: {error}")))
}

fn json<T: serde::de::DeserializeOwned>(text: &str, what: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| Error::failed(format!("the host's {what} can't be read: {error}")))
}

unsafe extern "C" fn open<E: Engine>(host: *const HostTable, inputs: Text, out: *mut *mut SessionHandle) -> Status {
    // SAFETY: the host keeps the contract.
    let Some(host) = (unsafe { known(host) }) else { return Status::FAILED };
    let work = |call: &Call<'_>| {
        // SAFETY: lent by the host for the call.
        let given = json(unsafe { lent(inputs, "inputs") }?, "inputs")?;
        let descriptor = E::describe();
        let extra: Vec<&str> = descriptor.flagged_outputs().map(|(flag, _)| flag).collect();
        let inputs = Inputs::check(given, &descriptor.inputs, &extra)?;
        let session = E::open(call, &inputs)?;
        let slot = Box::new(Slot::<E> { host, session: Some(session), class: String::new() });
        // SAFETY: the host gives a place for one pointer.
        unsafe { out.write(Box::into_raw(slot).cast()) };
        Ok(())
    };
    // SAFETY: the host's table is valid from here to `close`.
    unsafe { answer(&host, work) }.0
}

/// Calls into a session; a panic takes it away, so that later calls fail cleanly.
///
/// # Safety
/// `session` came from `open::<E>` and is not closed, and no other call on it is running.
unsafe fn with_session<E: Engine>(
    session: *mut SessionHandle,
    work: impl FnOnce(&Call<'_>, &mut E::Session, &mut String) -> Result<(), Error>,
) -> Status {
    // SAFETY: the caller vouches for it.
    let Some(slot) = (unsafe { session.cast::<Slot<E>>().as_mut() }) else { return Status::FAILED };
    let Slot { host, session, class } = slot;
    let (status, panicked) = {
        let work = |call: &Call<'_>| match session.as_mut() {
            Some(session) => work(call, session, class),
            None => Err(Error::failed("the session is unusable since an earlier call panicked")),
        };
        // SAFETY: the host's table is valid until `close`.
        unsafe { answer(host, work) }
    };
    if panicked {
        // Its own drop may panic too: what is left of it stays where it is.
        std::mem::forget(session.take());
    }
    status
}

#[derive(serde::Deserialize)]
struct PlanDocument {
    axes: Plan,
}

unsafe extern "C" fn prepare<E: Engine>(session: *mut SessionHandle, plan: Text) -> Status {
    // SAFETY: the host keeps the contract.
    unsafe {
        with_session::<E>(session, |call, session, _| {
            let document: PlanDocument = json(lent(plan, "plan")?, "plan")?;
            session.prepare(call, &document.axes)
        })
    }
}

unsafe extern "C" fn run<E: Engine>(session: *mut SessionHandle) -> Status {
    // SAFETY: the host keeps the contract.
    unsafe { with_session::<E>(session, |call, session, _| session.run(call)) }
}

unsafe extern "C" fn write<E: Engine>(session: *mut SessionHandle, folder: Text) -> Status {
    // SAFETY: the host keeps the contract.
    unsafe { with_session::<E>(session, |call, session, _| session.write(call, Path::new(lent(folder, "folder")?))) }
}

unsafe extern "C" fn input_class<E: Engine>(session: *mut SessionHandle, out: *mut Text) -> Status {
    // SAFETY: the host keeps the contract and gives a place for one text.
    unsafe {
        with_session::<E>(session, |_, session, class| {
            *class = serde_json::to_string(&session.input_class())
                .map_err(|error| Error::failed(format!("the input class can't be written as JSON: {error}")))?;
            out.write(Text::lend(class));
            Ok(())
        })
    }
}

unsafe extern "C" fn close<E: Engine>(session: *mut SessionHandle) -> Status {
    if session.is_null() {
        return Status::OK;
    }
    // SAFETY: it came from `open::<E>` and the host closes it once.
    let slot = unsafe { Box::from_raw(session.cast::<Slot<E>>()) };
    let host = slot.host;
    // SAFETY: the host's table is valid until `close` returns.
    unsafe {
        answer(&host, |_| {
            drop(slot);
            Ok(())
        })
        .0
    }
}

unsafe extern "C" fn simulate<E: Engine>(host: *const HostTable, request: Text, folder: Text) -> Status {
    // SAFETY: the host keeps the contract.
    unsafe {
        let Some(host) = known(host) else { return Status::FAILED };
        answer(&host, |call| {
            let request = json(lent(request, "request")?, "request")?;
            E::simulate(call, &request, Path::new(lent(folder, "folder")?))
        })
        .0
    }
}
