//! Another engine, with an error planted in what it writes: for the tests that must see such an error caught.
//!
//! It loads the engine that it stands for and hands every call on; only behind `write` it changes one value of one file,
//! as a defect in the engine would. What and where it is told by the environment variable `SCALETUNE_PLANTED_ERROR`, as
//! JSON ([`Plant`]). It is built with the workspace and installed nowhere.

mod plant;

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use plant::Plant;
use scaletune_abi::{ENTRY_SYMBOL, EngineTable, EntryPoint, SessionHandle, Status, Text};
use std::mem::ManuallyDrop;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// The engine that this one stands for, and the error.
struct Copy {
    original: EngineTable,
    planted: EngineTable,
    plant: Plant,
}

static COPY: OnceLock<Option<Copy>> = OnceLock::new();
/// Whether the plan of the session is one under which the error shows. A worker has one session.
static SHOWS: AtomicBool = AtomicBool::new(false);

fn load() -> Option<Copy> {
    let told = std::env::var(plant::VARIABLE).ok()?;
    let plant: Plant =
        serde_json::from_str(&told).inspect_err(|error| eprintln!("{}: {error}", plant::VARIABLE)).ok()?;
    // SAFETY: the test names an engine of the workspace; what it runs on loading is what the engine itself would.
    let library = unsafe { Library::open(Some(&plant.engine), RTLD_NOW | RTLD_LOCAL) };
    // Never unloaded, as the host does with every plugin.
    let library = ManuallyDrop::new(library.inspect_err(|error| eprintln!("{error}")).ok()?);
    // SAFETY: the contract gives the symbol this type.
    let entry = unsafe { library.get::<EntryPoint>(ENTRY_SYMBOL.as_bytes()) }.ok()?;
    // SAFETY: the contract lets it be called at any time; the table lives as long as the process.
    let original = unsafe { EngineTable::read(entry()) }
        .inspect_err(|prefix| eprintln!("an engine of another version of the ABI: {prefix:?}"))
        .ok()?;
    let planted = EngineTable { prepare: Some(prepare), write: Some(write), ..original };
    Some(Copy { original, planted, plant })
}

fn copy() -> Option<&'static Copy> {
    COPY.get_or_init(load).as_ref()
}

/// The plugin's entry point.
///
/// # Safety
/// As the contract has it: none is asked of the caller.
// SAFETY: the name is the contract's, and a plugin is loaded with RTLD_LOCAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scaletune_engine_v1() -> *const EngineTable {
    copy().map_or(std::ptr::null(), |copy| &raw const copy.planted)
}

unsafe extern "C" fn prepare(session: *mut SessionHandle, plan: Text) -> Status {
    let Some((copy, original)) = copy().and_then(|copy| Some((copy, copy.original.prepare?))) else {
        return Status::FAILED;
    };
    // SAFETY: the host lends the text for the length of this call.
    let text = unsafe { plan.borrow() }.unwrap_or_default();
    SHOWS.store(copy.plant.shows_under(text), Ordering::Relaxed);
    // SAFETY: handed on as it came.
    unsafe { original(session, plan) }
}

unsafe extern "C" fn write(session: *mut SessionHandle, folder: Text) -> Status {
    let Some((copy, original)) = copy().and_then(|copy| Some((copy, copy.original.write?))) else {
        return Status::FAILED;
    };
    // SAFETY: handed on as it came.
    let status = unsafe { original(session, folder) };
    // SAFETY: the host lends the text for the length of this call.
    let folder = unsafe { folder.borrow() }.unwrap_or_default();
    if status != Status::OK || !SHOWS.load(Ordering::Relaxed) {
        return status;
    }
    match copy.plant.spoil(Path::new(folder)) {
        Ok(()) => status,
        Err(reason) => {
            eprintln!("{reason}");
            Status::FAILED
        }
    }
}
