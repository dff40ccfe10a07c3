//! The input class: the sizes of a workload that matter for speed, and the facts that rule plans out.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The sizes of one workload that matter for speed, and its facts: name to number or text. Profiles match on it.
///
/// ```
/// # use scaletune_descriptor::InputClass;
/// let class = InputClass::new().with("format", "bam").with("alignment_bytes", 105_000_000_u64);
/// assert_eq!(class.as_map()["format"], "bam");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InputClass(Map<String, Value>);

impl InputClass {
    /// A class that says nothing.
    pub fn new() -> InputClass {
        InputClass::default()
    }

    /// The class with one more size or fact. One of the same name is replaced.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> InputClass {
        self.0.insert(name.into(), value.into());
        self
    }

    /// As a JSON object.
    pub fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }
}
