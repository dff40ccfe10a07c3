//! What a plugin says of itself, as the parent gets to know it.

use scaletune_descriptor::Descriptor;
use serde_json::Value;

/// What a plugin says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// The document.
    pub json: Value,
    /// Why it is not a descriptor: which member, on which line.
    pub(super) fault: Option<String>,
}

impl Description {
    /// The descriptor, sound and complete.
    ///
    /// # Errors
    /// The document is not a descriptor, or one that contradicts itself.
    pub fn descriptor(&self) -> Result<Descriptor, String> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let descriptor: Descriptor = serde_json::from_value(self.json.clone()).map_err(|error| error.to_string())?;
        descriptor.validate().map_err(|error| error.to_string())?;
        Ok(descriptor)
    }
}
