//! What several tests share: the goldens that live beside the checkout, read as data.

use std::path::{Path, PathBuf};

use scaletune_em_core::EmOptions;
use serde_json::Value;

/// The crate's own test data.
pub(crate) fn data(path: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data")).join(path)
}

/// A golden: the crate's own copy, else the one in the shared folder beside the checkout; `None`, with a visible line,
/// where neither is there.
pub(crate) fn golden(set: &str) -> Option<PathBuf> {
    let shared = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../../shared/golden/em")).join(set);
    let found = [data(set), shared].into_iter().find(|folder| folder.exists());
    if found.is_none() {
        eprintln!("SKIPPED: the golden {set} is neither in tests/data nor in ../shared/golden/em");
    }
    found
}

/// A `golden.json`.
pub(crate) struct Golden(Value);

impl Golden {
    pub(crate) fn read(folder: &Path) -> Self {
        Self(serde_json::from_slice(&std::fs::read(folder.join("golden.json")).unwrap()).unwrap())
    }

    pub(crate) fn loci(&self) -> Vec<&str> {
        self.0["loci"].as_array().unwrap().iter().map(|locus| locus.as_str().unwrap()).collect()
    }

    pub(crate) fn variants(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.0["em"].as_object().unwrap().iter()
    }

    pub(crate) fn seed(&self) -> u64 {
        self.0["seed"].as_u64().unwrap()
    }

    pub(crate) fn value(&self, key: &str) -> &Value {
        &self.0[key]
    }

    pub(crate) fn option<'a>(&'a self, variant: &'a Value, name: &str) -> &'a Value {
        variant["opts"].get(name).unwrap_or(&self.0["options"][name])
    }

    pub(crate) fn options(&self, variant: &Value) -> EmOptions {
        let float = |name| self.option(variant, name).as_f64().unwrap();
        EmOptions {
            pi_prior: float("pi_prior"),
            theta_prior: float("theta_prior"),
            epsilon: float("em_epsilon"),
            max_iterations: u32::try_from(self.option(variant, "max_iter").as_u64().unwrap()).unwrap(),
            use_likelihood: self.option(variant, "use_likelihood").as_bool().unwrap(),
            trace_likelihood: false,
        }
    }

    pub(crate) fn floats(value: &Value) -> Vec<f64> {
        value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
    }
}

pub(crate) fn relative_difference(a: f64, b: f64) -> f64 {
    if a == b { 0.0 } else { (a - b).abs() / a.abs().max(b.abs()) }
}
