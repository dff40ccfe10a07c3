//! The same model in IQ-TREE, where it is installed: likelihoods, ascertainment, categories and the fit.
//!
//! IQ-TREE normalises its rates to one change per unit, so that branches are multiplied by `2 g l / (g + l)`; it
//! reports four decimals of the total.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

use scaletune_prune_core::fit::ParameterPrior;
use scaletune_prune_core::likelihood::Ascertainment;
use scaletune_prune_core::model::Rates;
use scaletune_prune_core::monitor::Unwatched;
use scaletune_prune_core::newick::{MissingLengths, read};
use scaletune_prune_core::plan::Plan;
use scaletune_prune_core::session::{GammaChoice, Outcome, RateSource, Request, Session};
use scaletune_prune_core::simulate::{Simulation, simulate, write};
use scaletune_prune_core::states::State;

const RATES: Rates = Rates { gain: 0.5, loss: 1.5 };

fn program() -> Option<&'static str> {
    let found = ["iqtree2", "iqtree"].into_iter().find(|name| Command::new(name).arg("--version").output().is_ok());
    if found.is_none() {
        eprintln!("SKIPPED: neither iqtree2 nor iqtree is installed");
    }
    found
}

/// Writes a workload and IQ-TREE's form of it.
fn workload(folder: &Path) -> (PathBuf, PathBuf) {
    let request =
        Simulation { taxa: 30, families: 300, rates: RATES, only_present: true, seed: 21, ..Simulation::default() };
    let drawn = simulate(&request).unwrap();
    write(&drawn, folder).unwrap();
    let scale = 2.0 * RATES.gain * RATES.loss / RATES.total();
    let tree = read(&folder.join("tree.nwk"), MissingLengths::Refuse).unwrap();
    // Newick again, with lengths in changes per family.
    let mut parts: Vec<String> = Vec::new();
    for node in 0..tree.node_count() {
        let children: Vec<&str> = tree.children(node).iter().map(|&c| parts[c as usize].as_str()).collect();
        let name = tree.name(node).unwrap_or_default();
        let inner = if children.is_empty() { String::new() } else { format!("({})", children.join(",")) };
        let length = if node == tree.root() { ";".to_owned() } else { format!(":{}", tree.length(node) * scale) };
        parts.push(format!("{inner}{name}{length}"));
    }
    std::fs::write(folder.join("scaled.nwk"), &parts[tree.root()]).unwrap();
    let mut fasta = String::new();
    for tip in 0..tree.tip_count() {
        fasta.push_str(&format!(">{}\n", tree.tip_name(tip)));
        let cell = |family| if drawn.states.get(tip, family) == State::Present { '1' } else { '0' };
        fasta.extend((0..drawn.states.family_count()).map(cell));
        fasta.push('\n');
    }
    std::fs::write(folder.join("matrix.fa"), fasta).unwrap();
    (folder.join("tree.nwk"), folder.join("matrix.tsv"))
}

fn iqtree(program: &str, folder: &Path, arguments: &[&str]) -> f64 {
    let output = Command::new(program)
        .current_dir(folder)
        .args([
            "-s",
            "matrix.fa",
            "-st",
            "BIN",
            "-te",
            "scaled.nwk",
            "-blmin",
            "1e-12",
            "-keep-ident",
            "-redo",
            "-nt",
            "1",
        ])
        .args(arguments)
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = log.lines().find_map(|line| line.strip_prefix("BEST SCORE FOUND : "));
    line.unwrap_or_else(|| panic!("no score in IQ-TREE's output:\n{log}")).trim().parse().unwrap()
}

fn ours(request: Request) -> Outcome {
    Session::open(request, &Unwatched).unwrap().prepare(Plan::default()).unwrap().run(&Unwatched).unwrap()
}

#[test]
fn totals_agree() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (tree, matrix) = workload(folder.path());
    let given = Request::new(&tree, &matrix, RateSource::Global(RATES));
    let check = |name: &str, theirs: f64, ours: f64| {
        eprintln!("{name}: {theirs} {ours}");
        assert!((theirs - ours).abs() < 2e-3, "{name}: IQ-TREE {theirs}, here {ours}");
    };
    let fixed = "GTR2+F{0.75,0.25}";
    let plain = ours(given.clone()).summary().log_likelihood;
    check("fixed", iqtree(program, folder.path(), &["-blfix", "-m", fixed]), plain);
    let mut conditioned = given.clone();
    conditioned.gamma = Some(GammaChoice { categories: 4, shape: Some(0.7) });
    let gamma = ours(conditioned).summary().log_likelihood;
    check("gamma", iqtree(program, folder.path(), &["-blfix", "-m", &format!("{fixed}+G4{{0.7}}")]), gamma);
    let mut fit = given;
    fit.rates = RateSource::Fit { prior: ParameterPrior::None, start: None };
    let fitted = ours(fit).fit().unwrap().log_likelihood;
    let theirs = iqtree(program, folder.path(), &["-blscale", "-m", "GTR2+FO"]);
    // Its climb ends up to 0.01 below the top.
    eprintln!("fit: {theirs} {fitted}");
    assert!(theirs <= fitted + 1e-3 && theirs > fitted - 0.02, "fit: IQ-TREE {theirs}, here {fitted}");
    let mut seen = Request::new(&tree, &matrix, RateSource::Global(RATES));
    seen.ascertainment = Ascertainment::AbsentUnseen;
    // IQ-TREE conditions on a column not being constant, in either state; ours on not being absent everywhere.
    let ours = ours(seen).summary().log_likelihood;
    assert!(ours > plain);
}
