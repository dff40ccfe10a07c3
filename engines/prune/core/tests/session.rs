//! From files to files: every table, every kind of rates, and faults of a user's.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use scaletune_prune_core::error::ErrorKind;
use scaletune_prune_core::fit::ParameterPrior;
use scaletune_prune_core::likelihood::Ascertainment;
use scaletune_prune_core::model::{Rates, RootPrior};
use scaletune_prune_core::monitor::Unwatched;
use scaletune_prune_core::plan::Plan;
use scaletune_prune_core::session::{GammaChoice, Outcome, RateSource, Request, RootChoice, Session};
use scaletune_prune_core::simulate::{Simulation, simulate, write};

fn workload(folder: &Path, request: &Simulation) -> (PathBuf, PathBuf) {
    write(&simulate(request).unwrap(), folder).unwrap();
    (folder.join("tree.nwk"), folder.join("matrix.tsv"))
}

fn run(request: Request) -> Outcome {
    let session = Session::open(request, &Unwatched).unwrap();
    let prepared = session.prepare(Plan::default()).unwrap();
    let outcome = prepared.run(&Unwatched).unwrap();
    assert_eq!(prepared.run(&Unwatched).unwrap().values(), outcome.values(), "runs repeat");
    outcome
}

fn fault(request: Request) -> String {
    match Session::open(request, &Unwatched) {
        Ok(_) => panic!("accepted"),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::BadInput);
            error.to_string()
        }
    }
}

const GIVEN: Rates = Rates { gain: 0.4, loss: 1.2 };

fn fitted() -> RateSource {
    RateSource::Fit { prior: ParameterPrior::None, start: None }
}

#[test]
fn every_table_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let simulation = Simulation { taxa: 12, families: 150, missing: 0.05, seed: 8, ..Simulation::default() };
    let (tree, matrix) = workload(folder.path(), &simulation);
    let families = folder.path().join("sets.txt");
    std::fs::write(&families, "a\tfam1\na\tfam2\na\tfam3\nb\tfam9\nb\tfam4\n").unwrap();
    let mut request = Request::new(tree, matrix, fitted());
    request.retention = Some(families);
    (request.ancestral, request.branches) = (true, true);
    let outcome = run(request);
    let out = folder.path().join("out");
    std::fs::create_dir(&out).unwrap();
    let written = outcome.write(&out).unwrap();
    let expected =
        ["families.tsv", "retention.tsv", "ancestral.tsv", "branches.tsv", "branch_families.tsv", "tree.nwk"];
    assert_eq!(written, expected);
    let lines = |name: &str| {
        let text = std::fs::read_to_string(out.join(name)).unwrap();
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let families = lines("families.tsv");
    assert_eq!((families[0].as_str(), families.len()), ("family\tgain\tloss\tlog_likelihood", 151));
    let sum: f64 = families[1..].iter().map(|l| l.rsplit('\t').next().unwrap().parse::<f64>().unwrap()).sum();
    let (summary, fit) = (outcome.summary(), outcome.fit().unwrap());
    assert_eq!(sum, summary.log_likelihood, "digits round-trip and the total is in family order");
    assert_eq!((summary.families, summary.taxa, summary.impossible_families), (150, 12, 0));
    assert!((fit.log_likelihood - summary.log_likelihood).abs() < 1e-9);
    assert!(fit.converged && fit.evaluations < 60, "{fit:?}");
    assert!((fit.aic - (4.0 - 2.0 * fit.log_likelihood)).abs() < 1e-12);
    assert!((fit.bic - (2.0 * 150f64.ln() - 2.0 * fit.log_likelihood)).abs() < 1e-12);
    let json = serde_json::to_value(fit).unwrap();
    assert!(json["standard_errors"]["log_gain"].is_number() && json["theta"].is_null());
    let retention = lines("retention.tsv");
    assert_eq!(retention[0], "set\tfamilies\ttheta\tloglik_null\tloglik_alt\tstatistic\tp\tq");
    assert_eq!(retention.len(), 3);
    for test in outcome.retention() {
        assert!(test.q >= test.p && test.log_likelihood_alternative >= test.log_likelihood_null - 1e-9, "{test:?}");
    }
    assert_eq!((lines("ancestral.tsv").len(), lines("branches.tsv").len()), (151, 23));
    // What the families list adds up to what the branches say, but for what is too improbable to be listed.
    let listed: f64 =
        lines("branch_families.tsv")[1..].iter().map(|l| l.split('\t').nth(2).unwrap().parse::<f64>().unwrap()).sum();
    let gains: f64 =
        lines("branches.tsv")[1..].iter().map(|l| l.split('\t').nth(3).unwrap().parse::<f64>().unwrap()).sum();
    assert!(listed <= gains && listed > 0.8 * gains, "{listed} {gains}");
    assert!(lines("tree.nwk")[0].contains("node"));
}

#[test]
fn fits_find_the_simulated_parameters() {
    let folder = tempfile::tempdir().unwrap();
    let simulation = Simulation {
        taxa: 60,
        families: 3000,
        rates: GIVEN,
        root: RootPrior::Fixed([0.2, 0.8]),
        gamma: Some((4, 0.6)),
        seed: 12,
        ..Simulation::default()
    };
    let (tree, matrix) = workload(folder.path(), &simulation);
    let mut request = Request::new(tree, matrix, fitted());
    request.root = RootChoice::Fit;
    request.gamma = Some(GammaChoice { categories: 4, shape: None });
    let outcome = run(request.clone());
    let fit = outcome.fit().unwrap();
    assert!(fit.converged, "{fit:?}");
    assert_eq!(fit.parameters, 4);
    let errors = &fit.standard_errors;
    assert!((fit.log_gain - GIVEN.gain.ln()).abs() < 4.0 * errors.log_gain.unwrap(), "{fit:?}");
    assert!((fit.log_loss - GIVEN.loss.ln()).abs() < 4.0 * errors.log_loss.unwrap(), "{fit:?}");
    assert!((fit.gamma_shape.unwrap() / 0.6 - 1.0).abs() < 0.25, "{fit:?}");
    assert!((fit.root_present.unwrap() - 0.8).abs() < 0.1, "{fit:?}");
    // From the optimum itself the climb has little left to do.
    request.rates =
        RateSource::Fit { prior: ParameterPrior::None, start: Some(Rates { gain: fit.gain, loss: fit.loss }) };
    let again = run(request);
    let again = again.fit().unwrap();
    assert!((again.objective - fit.objective).abs() < 1e-7);
    assert!(again.evaluations <= fit.evaluations);
}

/// Branches so short that the data ask for rates beyond any bound: the climb must stop there, and say so.
#[test]
fn rates_stop_at_their_bounds() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("t"), "((a:1e-9,b:1e-9):1e-9,(c:1e-9,d:1e-9):1e-9);").unwrap();
    let rows: String = (0..40).map(|i| format!("f{i}\t{}\t1\t0\t{}\n", i % 2, i / 2 % 2)).collect();
    std::fs::write(folder.path().join("m"), format!("g\ta\tb\tc\td\n{rows}")).unwrap();
    let outcome = run(Request::new(folder.path().join("t"), folder.path().join("m"), fitted()));
    let fit = outcome.fit().unwrap();
    assert_eq!(fit.at_bound, ["log_gain", "log_loss"], "{fit:?}");
    assert!((fit.gain / 1e6 - 1.0).abs() < 1e-9 && (fit.loss / 1e6 - 1.0).abs() < 1e-9, "{fit:?}");
    assert!(fit.standard_errors.log_gain.is_none() && fit.log_likelihood.is_finite());
    let told = outcome.warnings();
    assert!(told.len() == 2 && told[0].starts_with("fit: gain ended at its upper bound, 1.0e6: "), "{told:?}");
    assert!(told[1].starts_with("fit: loss ended at its upper bound, 1.0e6: "), "{told:?}");
}

/// Families that can't have been seen drive gain to nothing, where the climb ends as if all were well.
#[test]
fn a_matrix_of_absence_under_ascertainment_is_told() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("t"), "((a:1,b:1):1,(c:1,d:1):1);").unwrap();
    let write = |rows: String| std::fs::write(folder.path().join("m"), format!("g\ta\tb\tc\td\n{rows}")).unwrap();
    let mut request = Request::new(folder.path().join("t"), folder.path().join("m"), fitted());
    request.ascertainment = Ascertainment::AbsentUnseen;
    write((0..40).map(|i| format!("f{i}\t0\t0\t0\t0\n")).collect());
    let session = Session::open(request.clone(), &Unwatched).unwrap();
    assert!(session.warnings()[0].contains("m: 40 of 40 families are absent everywhere"), "{:?}", session.warnings());
    let outcome = run(request.clone());
    let fit = outcome.fit().unwrap();
    assert!(fit.at_bound.contains(&"log_gain"), "{fit:?}");
    assert!(outcome.warnings()[0].starts_with("fit: gain ended at its lower bound, 1.0e-9: "), "{fit:?}");
    // A sound matrix has nothing to tell.
    write((0..40).map(|i| format!("f{i}\t1\t{}\t{}\t{}\n", i % 2, i / 2 % 2, i / 4 % 2)).collect());
    let session = Session::open(request.clone(), &Unwatched).unwrap();
    let outcome = run(request);
    assert!(session.warnings().is_empty() && outcome.warnings().is_empty(), "{:?}", outcome.warnings());
}

/// Without any change in the data the likelihood tends to 1 as gain vanishes: flat, which is no maximum.
#[test]
fn flat_likelihoods_do_not_count_as_converged() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("t"), "((a:1,b:1):1,(c:1,d:1):1);").unwrap();
    let rows: String = (0..40).map(|i| format!("f{i}\t0\t0\t0\t0\n")).collect();
    std::fs::write(folder.path().join("m"), format!("g\ta\tb\tc\td\n{rows}")).unwrap();
    let outcome = run(Request::new(folder.path().join("t"), folder.path().join("m"), fitted()));
    let fit = outcome.fit().unwrap();
    assert!(fit.log_likelihood > -1e-5 && fit.log_likelihood <= 0.0, "{fit:?}");
    assert!(!fit.converged && fit.standard_errors.log_gain.is_none(), "{fit:?}");
}

#[test]
fn ascertained_fits_undo_the_selection() {
    let folder = tempfile::tempdir().unwrap();
    let simulation = Simulation {
        taxa: 10,
        families: 4000,
        rates: Rates { gain: 0.1, loss: 1.0 },
        only_present: true,
        seed: 4,
        ..Simulation::default()
    };
    let (tree, matrix) = workload(folder.path(), &simulation);
    let mut request = Request::new(tree, matrix, fitted());
    let naive = run(request.clone()).fit().unwrap().clone();
    request.ascertainment = Ascertainment::AbsentUnseen;
    let fair = run(request).fit().unwrap().clone();
    let off = |fit: &scaletune_prune_core::fit::Fit| (fit.log_gain - 0.1f64.ln()).abs();
    assert!(off(&fair) < 4.0 * fair.standard_errors.log_gain.unwrap(), "{fair:?}");
    assert!(off(&naive) > 4.0 * naive.standard_errors.log_gain.unwrap(), "{naive:?}");
}

#[test]
fn tables_of_rates_and_their_faults() {
    let folder = tempfile::tempdir().unwrap();
    let simulation = Simulation { taxa: 6, families: 90, rate_spread: 1.0, ..Simulation::default() };
    let (tree, matrix) = workload(folder.path(), &simulation);
    let table = RateSource::Table(folder.path().join("rates.tsv"));
    let mut request = Request::new(&tree, &matrix, table.clone());
    request.gamma = Some(GammaChoice { categories: 3, shape: Some(2.0) });
    request.ascertainment = Ascertainment::AbsentUnseen;
    let outcome = run(request.clone());
    assert!(outcome.summary().log_likelihood.is_finite() && outcome.fit().is_none());
    request.retention = Some(matrix.clone());
    assert!(fault(request.clone()).contains("leave the table of rates out"));
    request.retention = None;
    request.root = RootChoice::Fit;
    assert!(fault(request).contains("needs fitted rates"));
    let mut shape = Request::new(&tree, &matrix, RateSource::Global(GIVEN));
    shape.gamma = Some(GammaChoice { categories: 4, shape: None });
    assert!(fault(shape).contains("a fitted gamma shape needs fitted rates"));
}

#[test]
fn names_and_places_of_faults() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let tree = file("t.nwk", "(a:1,b:1,c:1);");
    let matrix = file("m.tsv", "g\ta\tb\tc\nf\t0\t1\t1\n");
    let given = || RateSource::Global(GIVEN);
    let missing = fault(Request::new(folder.path().join("none.nwk"), &matrix, given()));
    assert!(missing.contains("none.nwk: cannot be read"), "{missing}");
    let negative = fault(Request::new(file("n.nwk", "(a:1,b:-1);"), &matrix, given()));
    assert!(negative.contains("n.nwk:1:8: branch length -1 is negative"), "{negative}");
    let names = fault(Request::new(&tree, file("x.tsv", "g\ta\tb\tz\nf\t0\t1\t1\n"), given()));
    assert!(names.contains("1 taxa not in the tree: 'z'; without a partner there: 'c'"), "{names}");
    let cell = fault(Request::new(&tree, file("y.tsv", "g\ta\tb\tc\nf\t0\tx\t1\n"), given()));
    assert!(cell.contains("y.tsv:2:5: 'x' is neither 0 nor 1"), "{cell}");
    let mut rooted = Request::new(&tree, &matrix, given());
    rooted.root = RootChoice::Given(RootPrior::fixed(0.5, 0.5).unwrap());
    let warned = Session::open(rooted, &Unwatched).unwrap();
    assert!(warned.warnings()[0].contains("3 branches meet at the root"), "{:?}", warned.warnings());
    assert!(RootPrior::fixed(0.5, 0.6).is_err());
    assert!(Rates::new(-1.0, 1.0).is_err() && Rates::new(f64::NAN, 1.0).is_err());
}
