//! The glue, driven as a host would: through the table only.

use crate::glue::{EngineTable, Text, table};
use crate::*;
use scaletune_abi::{ABI_MAJOR, ABI_MINOR, HOST_BYTES_1_0, HostTable, Level, SessionHandle, Status};
use std::cell::RefCell;
use std::ffi::c_void;
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

/// An engine that does what its input says.
struct Puppet;

struct Strings {
    order: String,
}

impl Engine for Puppet {
    type Session = Strings;

    fn describe() -> Descriptor {
        Descriptor::new("puppet", "1", "does as told")
            .inputs([Input::text("order", "what to do").required()])
            .axes([Axis::threads("workers", "threads", Role::Compute, 1, IntegerDefault::MAX)])
            .constraints([Constraint::parse("workers <= threads").unwrap()])
            .outputs([Output::new("out", "out.txt", "text", "")])
    }

    fn open(call: &Call<'_>, inputs: &Inputs) -> Result<Strings, Error> {
        call.info("opening");
        let order = inputs.text("order").unwrap_or_default().to_string();
        if order == "refuse" { Err(Error::bad_input("no such order")) } else { Ok(Strings { order }) }
    }
}

impl Session for Strings {
    fn prepare(&mut self, _: &Call<'_>, plan: &Plan) -> Result<(), Error> {
        assert_eq!(plan.integer("workers"), Some(2));
        Ok(())
    }

    fn run(&mut self, call: &Call<'_>) -> Result<(), Error> {
        match self.order.as_str() {
            "panic" => panic!("as told"),
            "panic in a thread" => std::thread::scope(|scope| {
                scope.spawn(|| panic!("in a thread")).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            }),
            "wait" => call.check_cancelled(),
            _ => {
                call.stage("work", || call.progress("work", 1, 2));
                Ok(())
            }
        }
    }

    fn write(&mut self, _: &Call<'_>, _: &Path) -> Result<(), Error> {
        Ok(())
    }
}

impl Drop for Strings {
    fn drop(&mut self) {
        assert_ne!(self.order, "panic on drop");
    }
}

thread_local! {
    static HEARD: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

fn hear(what: String) {
    HEARD.with_borrow_mut(|heard| heard.push(what));
}

fn text(text: Text) -> String {
    // SAFETY: lent for the call.
    unsafe { text.borrow() }.unwrap().to_string()
}

unsafe extern "C" fn fail(_: *mut c_void, message: Text) {
    hear(format!("fail: {}", text(message)));
}
unsafe extern "C" fn log(_: *mut c_void, level: Level, message: Text) {
    hear(format!("log {}: {}", level.0, text(message)));
}
unsafe extern "C" fn progress(_: *mut c_void, stage: Text, done: u64, total: u64) {
    hear(format!("progress {} {done}/{total}", text(stage)));
}
unsafe extern "C" fn cancelled(_: *mut c_void) -> i32 {
    1
}
unsafe extern "C" fn metric(_: *mut c_void, _: Text, _: f64, _: Text) {}
unsafe extern "C" fn begin(_: *mut c_void, stage: Text) {
    hear(format!("begin {}", text(stage)));
}
unsafe extern "C" fn end(_: *mut c_void, stage: Text) {
    hear(format!("end {}", text(stage)));
}
unsafe extern "C" fn now(_: *mut c_void) -> u64 {
    0
}
unsafe extern "C" fn span(_: *mut c_void, _: Text, _: u32, _: u64, _: u64) {}

fn host() -> HostTable {
    HostTable {
        size: size_of::<HostTable>() as u32,
        abi_major: ABI_MAJOR,
        abi_minor: ABI_MINOR,
        context: std::ptr::null_mut(),
        fail,
        log,
        progress,
        cancelled,
        metric,
        stage_begin: begin,
        stage_end: end,
        now,
        task_span: span,
    }
}

extern "C" fn describe() -> Text {
    static DESCRIPTION: OnceLock<String> = OnceLock::new();
    glue::describe::<Puppet>(&DESCRIPTION)
}

const TABLE: EngineTable = table::<Puppet>(describe);

/// A panic in a worker thread is told by a place that all threads share: one play at a time.
static STAGE: Mutex<()> = Mutex::new(());

/// Opens, prepares, runs twice, closes; the statuses, and what the host heard.
fn play(order: &str) -> (Vec<i32>, Vec<String>) {
    let _stage = STAGE.lock().unwrap_or_else(PoisonError::into_inner);
    HEARD.take();
    let (host, mut session) = (host(), std::ptr::null_mut::<SessionHandle>());
    let inputs = serde_json::json!({ "order": order }).to_string();
    let mut statuses = Vec::new();
    // SAFETY: the calls follow the contract in scaletune.h.
    unsafe {
        statuses.push(TABLE.open.unwrap()(&host, Text::lend(&inputs), &mut session));
        if !session.is_null() {
            let plan = r#"{"threads": 2, "axes": {"workers": 2}}"#;
            statuses.push(TABLE.prepare.unwrap()(session, Text::lend(plan)));
            statuses.push(TABLE.run.unwrap()(session));
            statuses.push(TABLE.run.unwrap()(session));
            statuses.push(TABLE.close.unwrap()(session));
        }
    }
    (statuses.into_iter().map(|status| status.0).collect(), HEARD.take())
}

#[test]
fn the_descriptor_arrives() {
    let descriptor: Descriptor = serde_json::from_str(&text(describe())).unwrap();
    descriptor.validate().unwrap();
    assert_eq!(descriptor, Puppet::describe());
}

#[test]
fn work_is_reported() {
    let (statuses, heard) = play("work");
    assert_eq!(statuses, [0; 5]);
    assert_eq!(heard[..4], ["log 3: opening", "begin work", "progress work 1/2", "end work"]);
}

#[test]
fn errors_carry_class_and_text() {
    assert_eq!(
        play("refuse"),
        (vec![Status::BAD_INPUT.0], vec!["log 3: opening".into(), "fail: no such order".into()])
    );
    assert_eq!(play("wait").0, [0, 0, Status::CANCELLED.0, Status::CANCELLED.0, 0]);
}

#[test]
fn inputs_are_checked_before_the_engine_sees_them() {
    HEARD.take();
    let (host, mut session) = (host(), std::ptr::null_mut::<SessionHandle>());
    // SAFETY: as in `play`.
    let status = unsafe { TABLE.open.unwrap()(&host, Text::lend("{}"), &mut session) };
    assert_eq!((status, session.is_null()), (Status::BAD_INPUT, true));
    assert_eq!(HEARD.take(), ["fail: input `order` is missing; give --order"]);
}

#[test]
fn a_panic_poisons_the_session_and_no_more() {
    for order in ["panic", "panic in a thread"] {
        let (statuses, heard) = play(order);
        assert_eq!(statuses, [0, 0, Status::PANICKED.0, Status::FAILED.0, 0], "{order}");
        assert!(heard[1].starts_with("fail: panicked: ") && heard[1].contains("src/tests.rs:"), "{heard:?}");
        assert!(heard[2].contains("earlier call panicked"), "{heard:?}");
    }
}

#[test]
fn a_panic_while_closing_is_caught() {
    assert_eq!(play("panic on drop").0, [0, 0, 0, 0, Status::PANICKED.0]);
}

#[test]
fn a_foreign_host_is_refused() {
    for (size, abi_major) in [(size_of::<HostTable>() as u32, 2), (HOST_BYTES_1_0 as u32 - 1, ABI_MAJOR)] {
        let host = HostTable { size, abi_major, ..host() };
        let mut session = std::ptr::null_mut::<SessionHandle>();
        // SAFETY: as in `play`.
        let status = unsafe { TABLE.open.unwrap()(&host, Text::lend("{}"), &mut session) };
        assert_eq!((status, session.is_null()), (Status::FAILED, true));
        // SAFETY: as in `play`.
        let status = unsafe { TABLE.simulate.unwrap()(&host, Text::lend("{}"), Text::EMPTY) };
        assert_eq!(status, Status::FAILED);
    }
}

#[test]
fn hosts_of_1_0_and_of_later_minor_versions_are_welcome() {
    #[repr(C)]
    struct Later {
        known: HostTable,
        appended: u64,
    }
    for (size, abi_minor) in [(HOST_BYTES_1_0, 0), (size_of::<Later>(), 1)] {
        let known = HostTable { size: size as u32, abi_minor, ..host() };
        let later = Later { known, appended: u64::MAX };
        let mut session = std::ptr::null_mut::<SessionHandle>();
        let inputs = Text::lend(r#"{"order": "work"}"#);
        // SAFETY: the table is at least as long as it says, and lives until `close`.
        let status = unsafe { TABLE.open.unwrap()((&raw const later).cast(), inputs, &mut session) };
        assert_eq!((status, session.is_null()), (Status::OK, false), "{size} bytes");
        // SAFETY: opened above.
        assert_eq!(unsafe { TABLE.close.unwrap()(session) }, Status::OK);
    }
}
