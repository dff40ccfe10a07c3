//! What this program is: its version, the commit it was built from, the ABI it speaks with plugins.
#![forbid(unsafe_code)]

use serde::Serialize;

/// Version, commit and ABI of this program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Version {
    /// The release, such as `0.1.0`.
    pub version: &'static str,
    /// Twelve digits of the commit; none where the sources were not a git checkout.
    pub commit: Option<&'static str>,
    /// Major and minor version of the plugins' ABI, such as `1.0`.
    pub abi: String,
}

impl Version {
    /// That of this program.
    pub fn this() -> Version {
        Version {
            version: env!("CARGO_PKG_VERSION"),
            commit: option_env!("SCALETUNE_COMMIT"),
            abi: format!("{}.{}", scaletune_abi::ABI_MAJOR, scaletune_abi::ABI_MINOR),
        }
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Version { version, commit, abi } = self;
        write!(f, "{version} (commit {}, ABI {abi})", commit.unwrap_or("unknown"))
    }
}
