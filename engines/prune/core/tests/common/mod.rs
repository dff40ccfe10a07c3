//! What several test files share: finding data, reading golden sets, comparing.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use scaletune_prune_core::kernel::InstructionSet;
use scaletune_prune_core::kernel::evaluator::{Evaluator, Rating, Workers};
use scaletune_prune_core::matrix::{self, ReadOptions};
use scaletune_prune_core::model::{Rates, RootPrior};
use scaletune_prune_core::monitor::Unwatched;
use scaletune_prune_core::naming::Matching;
use scaletune_prune_core::newick::{self, MissingLengths};
use scaletune_prune_core::plan::{Kernel, Plan};
use scaletune_prune_core::states::TipStates;
use scaletune_prune_core::tree::Tree;

/// A tree, a matrix, and what should come out.
#[derive(Debug)]
pub struct Set {
    pub name: String,
    pub tree: Arc<Tree>,
    pub states: Arc<TipStates>,
    pub rates: Vec<Rates>,
    pub expected: Vec<f64>,
}

impl Set {
    pub fn same_rates(&self) -> Option<Rates> {
        self.rates.iter().all(|r| *r == self.rates[0]).then(|| self.rates[0])
    }
}

/// `../shared/golden/prune` beside the checkout; says so where it is absent.
pub fn shared_golden() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/golden/prune");
    if path.is_dir() {
        return Some(path);
    }
    eprintln!("SKIPPED: no golden sets at {}", path.display());
    None
}

pub fn own_data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

/// Folders below `root` that hold a set.
pub fn set_folders(root: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("expected.tsv").is_file())
        .collect();
    folders.sort();
    assert!(!folders.is_empty(), "no sets in {}", root.display());
    folders
}

pub fn read_set(folder: &Path) -> Set {
    let tree = newick::read(&folder.join("tree.nwk"), MissingLengths::Use(0.0)).unwrap();
    let table = matrix::read(&folder.join("matrix.tsv"), ReadOptions::default(), &|_| false, &Unwatched).unwrap();
    let matched = TipStates::matched(&tree, table, Matching::Exact).unwrap();
    assert!(matched.warnings.is_empty(), "{:?}", matched.warnings);
    let text = std::fs::read_to_string(folder.join("expected.tsv")).unwrap();
    let mut rates = Vec::new();
    let mut values = Vec::new();
    for (line, family) in text.lines().skip(1).zip(matched.states.families()) {
        let fields: Vec<&str> = line.split('\t').collect();
        assert_eq!(fields[0], family);
        rates.push(Rates::new(fields[1].parse().unwrap(), fields[2].parse().unwrap()).unwrap());
        values.push(fields[3].parse().unwrap());
    }
    assert_eq!(values.len(), matched.states.family_count());
    Set {
        name: folder.file_name().unwrap().to_string_lossy().into_owned(),
        tree: Arc::new(tree),
        states: Arc::new(matched.states),
        rates,
        expected: values,
    }
}

/// Values of a set under one kernel; rates per family where they differ.
pub fn values(set: &Set, kernel: Kernel, instructions: InstructionSet, workers: usize, chunk: usize) -> Vec<f64> {
    let plan = Plan { kernel, chunk, workers };
    let threads = Arc::new(Workers::new(workers).unwrap());
    let (own, rating) = match set.same_rates() {
        Some(rates) => (None, Rating::Same(rates)),
        None => (Some(set.rates.as_slice()), Rating::Own { factor: 1.0 }),
    };
    Evaluator::with_instruction_set(set.tree.clone(), set.states.clone(), own, plan, threads, instructions)
        .unwrap()
        .log_likelihoods(rating, RootPrior::Stationary, &Unwatched)
        .unwrap()
}

/// Relative agreement, -inf only with -inf.
pub fn assert_close(found: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (i, (f, e)) in found.iter().zip(expected).enumerate() {
        let agree = f == e || (f - e).abs() <= tolerance * e.abs();
        assert!(agree, "{what}: family {i}: {f:?} instead of {e:?}");
    }
}
