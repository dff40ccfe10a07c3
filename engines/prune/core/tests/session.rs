//! From files to files: every table, every kind of rates, and faults of a user's.
#![allow(clippy::unwrap_used)]

#[path = "session/warnings.rs"]
mod warnings;

use std::path::{Path, PathBuf};

use scaletune_prune_core::error::ErrorKind;
use scaletune_prune_core::fit::ParameterPrior;
use scaletune_prune_core::likelihood::Ascertainment;
use scaletune_prune_core::model::{Rates, RootPrior};
use scaletune_prune_core::monitor::Unwatched;
use scaletune_prune_core::naming::Matching;
use scaletune_prune_core::newick::{NegativeLengths, TreeChoice};
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
    let written = outcome.write(&out, &Unwatched).unwrap();
    let expected =
        ["families.tsv", "retention.tsv", "ancestral.tsv", "branch_families.tsv", "branches.tsv", "tree.nwk"];
    assert_eq!(written.names, expected);
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
    let simulation = Simulation { taxa: 12, families: 300, only_present: true, ..Simulation::default() };
    (request.tree, request.matrix) = workload(folder.path(), &simulation);
    let session = Session::open(request.clone(), &Unwatched).unwrap();
    let outcome = run(request);
    assert!(session.warnings().is_empty() && outcome.warnings().is_empty(), "{:?}", outcome.warnings());
}

/// Without any change in the data the likelihood tends to 1 as gain vanishes: flat, which is not a maximum.
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

/// A text packed as gzip packs it.
fn packed(text: &str) -> Vec<u8> {
    use std::io::Write;
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(text.as_bytes()).unwrap();
    packer.finish().unwrap()
}

/// Every form of the same tree and the same matrix gives the same numbers.
#[test]
fn every_form_of_input_gives_the_same_values() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let newick = "((A:0.1,B:0.2):0.1,(C:0.3,D_d:0.1):0.2);";
    let nexus = "#NEXUS\nBegin trees;\ntranslate 1 A, 2 B, 3 C, 4 D_d;\ntree x = [&R] ((1:0.1,2:0.2):0.1,(3:0.3,4:0.1):0.2);\nEnd;\n";
    let trees = [file("t.nwk", newick.as_bytes()), file("t.nex", nexus.as_bytes()), file("t.gz", &packed(newick))];
    let tsv = "id\tA\tB\tC\tD_d\nf\t1\t1\t1\t1\ng\t1\t0\t1\t0\nh\t0\t0\t?\t1\n";
    let roary = "GENE,Non-unique Gene name,annotation,No. isolates,A,B,C,D_d\nf,,\"a, b\",4,1,1,1,1\ng,,,2,1,0,1,0\nh,,,1,0,0,?,1\n";
    let matrices = [
        file("m.tsv", tsv.as_bytes()),
        file("m.tsv.gz", &packed(tsv)),
        file("m.csv", roary.as_bytes()),
        file("m.phy", b"4 3\nA 110\nB 100\nC 11?\nD_d 101\n"),
        file("m.fasta.gz", &packed(">A\n110\n>B b\n10\n0\n>C\n11-\n>D_d\n101\n")),
    ];
    let mut first = None;
    for tree in &trees {
        for matrix in &matrices {
            let outcome = run(Request::new(tree, matrix, RateSource::Global(GIVEN)));
            let values = outcome.values().to_vec();
            assert_eq!(*first.get_or_insert(values.clone()), values, "{} {}", tree.display(), matrix.display());
        }
    }
    // Counts say the same from the right number on.
    let counts = file("counts.tsv", b"id\tA\tB\tC\tD_d\nf\t2\t3\t2\t9\ng\t2\t1\t2\t0\nh\t0\t1\t?\t2\n");
    let mut request = Request::new(&trees[0], &counts, RateSource::Global(GIVEN));
    request.matrix_options.present_from = std::num::NonZeroU32::new(2);
    assert_eq!(Some(run(request.clone()).values().to_vec()), first);
    request.matrix_options.present_from = None;
    assert!(fault(request).contains("counts.tsv:2:3: '2' is neither 0 nor 1; if cells are counts, --present-from"));
}

/// The result on each tree is that of a file with this tree alone, whatever the order of its tips.
#[test]
fn a_sample_of_trees_has_the_result_of_each() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let trees = ["((a:1,b:2):1,(c:1,d:.5):1);", "((d:1,c:2):1,(b:1,a:1):.1);", "(a:1,(b:.3,(d:1,c:1):2):1);"];
    let both = file("all.nwk", &trees.join("\n"));
    let rows: String = (0..40).map(|i| format!("f{i}\t{}\t{}\t{}\t?\n", i % 2, i / 2 % 2, i / 4 % 2)).collect();
    let matrix = file("m.tsv", &format!("g\ta\tb\tc\td\n{}", rows.replace("0\t?", "0\t1")));
    let mut request = Request::new(&both, &matrix, fitted());
    request.branches = true;
    assert!(fault(request.clone()).contains("all.nwk:2:1: text after the tree's ';'"));
    request.trees = TreeChoice::All;
    let session = Session::open(request.clone(), &Unwatched).unwrap();
    assert!(session.is_sample());
    let sample = session.prepare(Plan::default()).unwrap().run_sample(&Unwatched).unwrap();
    assert_eq!(sample.trees.len(), 3);
    for (text, found) in trees.iter().zip(&sample.trees) {
        let alone = run(Request { tree: file("one.nwk", text), trees: TreeChoice::Only, ..request.clone() });
        assert_eq!(alone.values(), found.outcome.values());
        assert_eq!(alone.fit(), found.outcome.fit());
        let posterior = |outcome: &Outcome| outcome.posterior(&Unwatched).unwrap();
        assert_eq!(posterior(&alone), posterior(&found.outcome));
    }
    let out = folder.path().join("out");
    std::fs::create_dir(&out).unwrap();
    sample.write(&out, &Unwatched).unwrap();
    let text = |name: &str| std::fs::read_to_string(out.join(name)).unwrap();
    let table = text("trees.tsv");
    assert!(
        table.starts_with("tree\tname\tlog_likelihood\timpossible_families\tgain\tloss\taic\tgains\tlosses\n1\tNA\t")
    );
    assert_eq!((table.lines().count(), text("sample.tsv").lines().count()), (4, 8));
    assert_eq!(text("sample_families.tsv").lines().count(), 41);
    assert!(out.join("tree-3.branches.tsv").is_file() && out.join("tree-2.families.tsv").is_file());
    // Trees over other tips are not a sample.
    let other = file("other.nwk", "(a:1,b:1,c:1,d:1);\n(a:1,b:1,e:1);\n");
    let odd = fault(Request { tree: other, ..request });
    assert!(
        odd.contains("other.nwk:2:1: this tree has other tips than the first one: it lacks 'c', 'd' it has"),
        "{odd}"
    );
}

#[test]
fn names_are_matched_as_asked() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let tree = file("t.nwk", "(Homo_sapiens:1,(Pan_paniscus:1,G1.1:1):1);");
    let matrix = file("m.tsv", "g\tHomo sapiens\tPan_paniscus\tG1.1_genomic\nf\t1\t0\t1\n");
    let mut request = Request::new(&tree, &matrix, RateSource::Global(GIVEN));
    let told = fault(request.clone());
    assert!(
        told.contains("'Homo sapiens' is nearly 'Homo_sapiens' (--match newick takes one for the other)"),
        "{told}"
    );
    assert!(told.contains("'G1.1_genomic' is nearly 'G1.1' (--match prefix takes one for the other)"), "{told}");
    request.matching = Matching::Prefix;
    assert!(fault(request.clone()).contains("1 taxa not in the tree: 'Homo sapiens'"));
    let matrix = file("m.tsv", "g\tHomo_sapiens\tPan_paniscus\tG1.1_genomic\nf\t1\t0\t1\n");
    let session = Session::open(request.clone(), &Unwatched).unwrap();
    assert!(session.warnings()[0].contains("1 taxa are not the text of their tips"), "{:?}", session.warnings());
    let prefixed = run(request.clone()).values().to_vec();
    file("m.tsv", "g\tHomo sapiens\tPan_paniscus\tG1.1\nf\t1\t0\t1\n");
    (request.matching, request.tree_options.blanks) = (Matching::Newick, true);
    assert_eq!(run(request).values(), prefixed);
    drop(matrix);
}
