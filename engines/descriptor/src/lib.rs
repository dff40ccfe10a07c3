//! What an engine says of itself, and the plans that follow from it.
//!
//! This is the half of the plugin contract that travels as JSON, shared by the SDK and the harness:
//! - [`Descriptor`]: name, [`Input`]s, [`Axis`] by axis what may be chosen, [`Constraint`]s between the axes,
//!   [`Output`]s with the rule by which each column is compared, stages.
//! - [`Plan`]: one value for every axis.
//! - [`PlanSpace`]: the plans that a thread budget allows: all of them, the engine's default, or what is left once a
//!   user has fixed some axes.
//!
//! Pure data and arithmetic: nothing here reads a file, starts a thread or knows a particular engine.
#![forbid(unsafe_code)]

mod axis;
mod constraint;
mod descriptor;
mod input;
mod input_class;
mod inputs;
mod output;
mod plan;
mod read;
#[cfg(test)]
mod schema;
mod space;

pub use axis::{Axis, AxisKind, ChoiceValue, IntegerDefault, Role, Scale};
pub use constraint::{Amount, Constraint, ParseError};
pub use descriptor::{DefectiveDescriptor, Descriptor, Simulation, Stage};
pub use input::{Input, InputError, InputKind};
pub use input_class::InputClass;
pub use inputs::{Inputs, NotText, map_paths};
pub use output::{Output, Place, Rule};
pub use plan::{Plan, PlanError, Value};
pub use read::UnreadableDescriptor;
pub use space::{NoPlan, PlanSpace};
