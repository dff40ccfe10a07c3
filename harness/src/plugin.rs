//! Engines as plugins: where they are found, whether they can be trusted, and what they say of themselves.
//!
//! A plugin is a file `libscaletune_NAME.so`. Nothing is loaded here: a worker asks it for its descriptor.

mod catalogue;
mod file;
mod search;
mod trust;

pub use catalogue::{Catalogue, Entry, Plugin, PluginError, nearest};
pub use file::{PluginFile, short};
pub use search::SearchPath;
pub use trust::Trust;
