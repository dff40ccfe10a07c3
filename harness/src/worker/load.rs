//! Loading a plugin file, and calling it through the C ABI.
//!
//! A plugin is never unloaded: after a successful `dlclose` Rust plugins were seen to stay mapped with live threads.

use super::protocol::Defect;
use scaletune_abi::{
    ABI_MAJOR, ABI_MINOR, ENGINE_BYTES_1_0, ENTRY_SYMBOL, EngineTable, EntryPoint, HostTable, SessionHandle, Status,
    Text,
};
use std::mem::ManuallyDrop;
use std::path::Path;

/// Most bytes of a descriptor: ours have some thousand.
const MOST_DESCRIPTION: usize = 1 << 22;

/// A loaded plugin whose table has been checked: every required function is there.
pub(super) struct Engine {
    table: EngineTable,
    /// Never dropped, so never unloaded.
    _library: ManuallyDrop<libloading::os::unix::Library>,
}

impl Engine {
    /// Loads `path`.
    ///
    /// # Errors
    /// What makes it no plugin for this host, field by field.
    pub(super) fn load(path: &Path) -> Result<Engine, (Defect, String)> {
        use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
        // SAFETY: loading runs the library's initialisers: this process exists to bear what they do. The caller has
        // refused files that others may write.
        let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) };
        let library = ManuallyDrop::new(library.map_err(|error| (Defect::File, format!("can't be loaded: {error}")))?);
        // SAFETY: the contract gives the symbol this type.
        let entry = unsafe { library.get::<EntryPoint>(ENTRY_SYMBOL.as_bytes()) };
        let stranger = || format!("exports no `{ENTRY_SYMBOL}`: not an engine of scaletune");
        let entry = entry.map_err(|_| (Defect::Symbol, stranger()))?;
        // SAFETY: the contract lets it be called at any time.
        let table = unsafe { entry() };
        if table.is_null() {
            return Err((Defect::Table, format!("`{ENTRY_SYMBOL}` returned null")));
        }
        // SAFETY: every table begins with the prefix, is as long as that says, and lives as long as the process.
        let table = unsafe { EngineTable::read(table) }.map_err(|prefix| {
            let message = format!(
                "engine: abi {}.{}, {} bytes; host: abi {ABI_MAJOR}.{ABI_MINOR}, at least {ENGINE_BYTES_1_0} bytes; \
                 build the engine against this version's scaletune.h or SDK",
                prefix.abi_major, prefix.abi_minor, prefix.size
            );
            (Defect::Version, message)
        })?;
        let missing: Vec<&str> = [
            ("describe", table.describe.is_none()),
            ("open", table.open.is_none()),
            ("prepare", table.prepare.is_none()),
            ("run", table.run.is_none()),
            ("write", table.write.is_none()),
            ("input_class", table.input_class.is_none()),
            ("close", table.close.is_none()),
        ]
        .into_iter()
        .filter_map(|(name, missing)| missing.then_some(name))
        .collect();
        if !missing.is_empty() {
            return Err((Defect::Functions, format!("its table has no function for {}", missing.join(", "))));
        }
        Ok(Engine { table, _library: library })
    }

    /// The descriptor's JSON.
    ///
    /// # Errors
    /// It is not UTF-8, or empty.
    pub(super) fn describe(&self) -> Result<&'static str, String> {
        let describe = self.table.describe.ok_or("no `describe`")?;
        // SAFETY: the contract keeps the text alive for the life of the process.
        let text = unsafe { describe().borrow::<'static>() };
        match text {
            Ok("") => Err("describe() returned nothing".into()),
            Ok(text) if text.len() > MOST_DESCRIPTION => {
                Err(format!("describe() returned {} bytes; {MOST_DESCRIPTION} are allowed", text.len()))
            }
            Ok(text) => Ok(text),
            Err(error) => Err(format!("describe() returned no UTF-8: {error}")),
        }
    }

    /// Opens a workload.
    pub(super) fn open(&self, host: &HostTable, inputs: &str) -> (Status, *mut SessionHandle) {
        let mut session = std::ptr::null_mut();
        // SAFETY: the host lives until `close`; the text is lent for the call.
        let status =
            self.table.open.map_or(Status::FAILED, |open| unsafe { open(host, Text::lend(inputs), &mut session) });
        (status, session)
    }

    /// `prepare`.
    ///
    /// # Safety
    /// Here and below: `session` came from [`Engine::open`] of this engine and is not closed.
    pub(super) unsafe fn prepare(&self, session: *mut SessionHandle, plan: &str) -> Status {
        // SAFETY: the caller keeps the condition on the session.
        self.table.prepare.map_or(Status::FAILED, |prepare| unsafe { prepare(session, Text::lend(plan)) })
    }

    /// `run`.
    ///
    /// # Safety
    /// As [`Engine::prepare`].
    pub(super) unsafe fn run(&self, session: *mut SessionHandle) -> Status {
        // SAFETY: the caller keeps the condition on the session.
        self.table.run.map_or(Status::FAILED, |run| unsafe { run(session) })
    }

    /// `write`.
    ///
    /// # Safety
    /// As [`Engine::prepare`].
    pub(super) unsafe fn write(&self, session: *mut SessionHandle, folder: &str) -> Status {
        // SAFETY: the caller keeps the condition on the session.
        self.table.write.map_or(Status::FAILED, |write| unsafe { write(session, Text::lend(folder)) })
    }

    /// `input_class`: its JSON.
    ///
    /// # Safety
    /// As [`Engine::prepare`].
    pub(super) unsafe fn input_class(&self, session: *mut SessionHandle) -> (Status, Result<String, String>) {
        let mut text = Text::EMPTY;
        // SAFETY: the caller keeps the condition on the session.
        let status = self.table.input_class.map_or(Status::FAILED, |class| unsafe { class(session, &mut text) });
        if status != Status::OK {
            return (status, Ok(String::new()));
        }
        // SAFETY: valid until the next call on the session, and copied at once.
        let text = unsafe { text.borrow() }.map(str::to_string);
        (status, text.map_err(|error| format!("input_class() returned no UTF-8: {error}")))
    }

    /// `close`.
    ///
    /// # Safety
    /// As [`Engine::prepare`]; the session is gone afterwards.
    pub(super) unsafe fn close(&self, session: *mut SessionHandle) -> Status {
        // SAFETY: the caller keeps the condition on the session.
        self.table.close.map_or(Status::FAILED, |close| unsafe { close(session) })
    }

    /// `simulate`; none where the engine offers none.
    pub(super) fn simulate(&self, host: &HostTable, request: &str, folder: &str) -> Option<Status> {
        // SAFETY: the texts are lent for the call.
        self.table.simulate.map(|simulate| unsafe { simulate(host, Text::lend(request), Text::lend(folder)) })
    }
}
