//! What the author of a scaletune engine uses: a safe trait on one side, the C ABI on the other.
//!
//! An engine is a type that implements [`Engine`], in a crate of type `cdylib` named `scaletune-NAME`:
//!
//! ```
//! use scaletune_sdk::{Axis, Call, Constraint, Descriptor, Engine, Error, Input, Inputs, IntegerDefault, Output, Plan, Role, Session};
//! use std::path::Path;
//!
//! struct Pi;
//!
//! struct Sum {
//!     terms: i64,
//!     workers: i64,
//!     pi: f64,
//! }
//!
//! impl Engine for Pi {
//!     type Session = Sum;
//!
//!     fn describe() -> Descriptor {
//!         Descriptor::new("pi", env!("CARGO_PKG_VERSION"), "Adds up Leibniz' series")
//!             .inputs([Input::integer("terms", 1, 1 << 40, "terms to add").or(1000)])
//!             .axes([Axis::threads("workers", "threads that add", Role::Compute, 1, IntegerDefault::MAX)])
//!             .constraints([Constraint::parse("workers <= threads").expect("grammar")])
//!             .outputs([Output::new("pi", "pi.txt", "text", "the sum")])
//!     }
//!
//!     fn open(_call: &Call<'_>, inputs: &Inputs) -> Result<Sum, Error> {
//!         let terms = inputs.integer("terms").unwrap_or(1000);
//!         Ok(Sum { terms, workers: 1, pi: 0.0 })
//!     }
//! }
//!
//! impl Session for Sum {
//!     fn prepare(&mut self, _call: &Call<'_>, plan: &Plan) -> Result<(), Error> {
//!         self.workers = plan.integer("workers").unwrap_or(1);
//!         Ok(())
//!     }
//!
//!     fn run(&mut self, call: &Call<'_>) -> Result<(), Error> {
//!         let share = |worker: i64| -> f64 {
//!             let own = (worker..self.terms).step_by(self.workers as usize);
//!             own.map(|k| 4.0 * (1.0 - 2.0 * (k % 2) as f64) / (2 * k + 1) as f64).sum()
//!         };
//!         call.check_cancelled()?;
//!         self.pi = std::thread::scope(|scope| {
//!             let workers: Vec<_> = (0..self.workers).map(|worker| scope.spawn(move || share(worker))).collect();
//!             workers.into_iter().map(|worker| worker.join().expect("a share can't panic")).sum()
//!         });
//!         Ok(())
//!     }
//!
//!     fn write(&mut self, _call: &Call<'_>, folder: &Path) -> Result<(), Error> {
//!         std::fs::write(folder.join("pi.txt"), format!("{}\n", self.pi))
//!             .map_err(|error| Error::failed(format!("{}: {error}", folder.display())))
//!     }
//! }
//!
//! scaletune_sdk::export_engine!(Pi);
//! # fn main() {}
//! ```
//!
//! What the types see to, so that an author need not:
//! - A panic ends the call with a status and the panic's text; the session is poisoned, the process lives.
//! - The host is lent per call ([`Call`], [`Host`]): no thread can keep it beyond the call, which the contract forbids.
//! - What only the calling thread may do ([`Call`]) can't be done from another one: [`Call`] is not `Sync`.

mod call;
mod engine;
mod error;
#[doc(hidden)]
pub mod glue;
mod panics;
mod typed;

pub use call::{Call, Host};
pub use engine::{Engine, Session, SimulationRequest};
pub use error::{Error, Kind};
pub use scaletune_descriptor::{
    Amount, Axis, AxisKind, ChoiceValue, Constraint, DefectiveDescriptor, Descriptor, Input, InputClass, InputError,
    InputKind, Inputs, IntegerDefault, NotText, Output, ParseError, Place, Plan, PlanError, Role, Rule, Scale,
    Simulation, Stage, Value,
};
pub use typed::{TypedInputs, TypedPlan};

/// Exports a type that implements [`Engine`] as this plugin's engine.
#[macro_export]
macro_rules! export_engine {
    ($engine:ty) => {
        /// The plugin's entry point; see `scaletune.h`.
        #[unsafe(no_mangle)]
        pub extern "C" fn scaletune_engine_v1() -> *const $crate::glue::EngineTable {
            static DESCRIPTION: ::std::sync::OnceLock<::std::string::String> = ::std::sync::OnceLock::new();
            extern "C" fn describe() -> $crate::glue::Text {
                $crate::glue::describe::<$engine>(&DESCRIPTION)
            }
            static TABLE: $crate::glue::EngineTable = $crate::glue::table::<$engine>(describe);
            &TABLE
        }
    };
}

#[cfg(test)]
mod tests;
