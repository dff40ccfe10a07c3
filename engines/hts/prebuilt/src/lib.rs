//! The calls that the build script of hts-sys makes of bindgen, answered with the bindings that hts-sys ships.
//!
//! That is sound as long as the shipped bindings are of the htslib that is shipped beside them: a test of `scaletune-hts`
//! compares the version in the bindings with that of the library.
#![forbid(unsafe_code)]

use std::io::{Error, Result};
use std::path::{Path, PathBuf};

/// Takes what hts-sys says of its header, and needs none of it.
#[derive(Debug, Default)]
pub struct Builder(());

impl Builder {
    /// The header that the bindings are of.
    pub fn header(self, _: &str) -> Builder {
        self
    }

    /// Whether bindings hold tests of layouts: those that are shipped hold none.
    pub fn layout_tests(self, _: bool) -> Builder {
        self
    }

    /// Whether bindings hold comments.
    pub fn generate_comments(self, _: bool) -> Builder {
        self
    }

    /// A function to leave out.
    pub fn blocklist_function(self, _: &str) -> Builder {
        self
    }

    /// A type to leave out.
    pub fn blocklist_type(self, _: &str) -> Builder {
        self
    }

    /// Finds the shipped bindings.
    ///
    /// # Errors
    /// Another crate than hts-sys asks, the system is not Linux, or there are none.
    pub fn generate(self) -> Result<Bindings> {
        let variable = |name: &str| std::env::var(name).unwrap_or_default();
        let (package, system) = (variable("CARGO_PKG_NAME"), variable("CARGO_CFG_TARGET_OS"));
        if package != "hts-sys" || system != "linux" {
            let fault = format!(
                "this stand-in for bindgen serves hts-sys on Linux alone, not `{package}` on {system}; take \
                 [patch.crates-io] out of the workspace's Cargo.toml and install libclang"
            );
            return Err(Error::other(fault));
        }
        let shipped = PathBuf::from(variable("CARGO_MANIFEST_DIR")).join("linux_prebuilt_bindings.rs");
        match shipped.is_file() {
            true => Ok(Bindings(shipped)),
            false => Err(Error::other(format!("hts-sys no longer ships {}", shipped.display()))),
        }
    }
}

/// The shipped bindings.
#[derive(Debug)]
pub struct Bindings(PathBuf);

impl Bindings {
    /// Copies them.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn write_to_file(&self, path: impl AsRef<Path>) -> Result<()> {
        std::fs::copy(&self.0, path).map(drop)
    }
}
