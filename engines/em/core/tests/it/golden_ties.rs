//! Ties in the final weights: equal weights must stay equal to the last bit, and random draws come from the right place
//! of the right stream.

use crate::common::{Golden, data, relative_difference};
use scaletune_em_core::fragment::OverlapOptions;
use scaletune_em_core::load::LoadOptions;
use scaletune_em_core::model::Model;
use scaletune_em_core::session::{Options, Output, Plan, Session, Source};
use scaletune_em_core::{EmOptions, Mode, Solver, Unwatched, Workers, fit, reassign};

fn expected() -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(data("ties/expected.json")).unwrap()).unwrap()
}

fn source() -> Source {
    Source::Table { scores: data("ties/scores.tsv"), features: Some(data("ties/features.tsv")) }
}

fn options(mode: Mode) -> Options {
    let load = LoadOptions { overlap: OverlapOptions::default(), ..LoadOptions::default() };
    Options { mode, load, seed: Some(4242), ..Options::default() }
}

#[test]
fn every_mode_counts_as_the_oracle_does_with_every_solver() {
    let expected = expected();
    for solver in [Solver::Stock, Solver::Fused, Solver::Blocked] {
        for mode in Mode::ALL {
            let mut session = Session::open(&source(), options(mode), &Unwatched).unwrap();
            session.prepare(Plan { workers: 2, solver, ..Plan::default() }).unwrap();
            let results = session.run(&Unwatched).unwrap();
            let sample = &results.samples[0];
            let result = sample.result.as_ref().unwrap();
            assert_eq!(u64::from(result.fit.iterations), expected["iterations"].as_u64().unwrap());
            let lnl = expected["log_likelihood"].as_f64().unwrap();
            assert!(relative_difference(result.fit.log_likelihood, lnl) <= 1e-12);
            for (ours, theirs) in result.fit.parameters.pi.iter().zip(Golden::floats(&expected["pi"])) {
                assert!(relative_difference(*ours, theirs) <= 1e-10);
            }
            for (ours, theirs) in
                result.counts.report(mode).iter().zip(Golden::floats(&expected["report"][mode.name()]))
            {
                assert!((ours - theirs).abs() <= 1e-9, "{solver:?} {mode:?}");
            }
            let report = serde_json::to_value(session.em_report(sample).unwrap()).unwrap();
            for (name, theirs) in expected["fresh"].as_object().unwrap() {
                for (ours, theirs) in Golden::floats(&report["reassign"][name]).iter().zip(Golden::floats(theirs)) {
                    assert!((ours - theirs).abs() <= 1e-9, "{solver:?} {name}");
                }
            }
        }
    }
    // Otherwise this golden could not tell one place of the stream from another.
    assert_ne!(expected["report"]["choose"], expected["fresh"]["final_choose"]);
}

#[test]
fn each_fragments_assignment_adds_up_to_the_counts() {
    for mode in [Mode::Exclude, Mode::Choose, Mode::Unique, Mode::All] {
        let session = Session::open(&source(), options(mode), &Unwatched).unwrap();
        let mut session = session;
        session.prepare(Plan::default()).unwrap();
        let results = session.run(&Unwatched).unwrap();
        let sample = &results.samples[0];
        let result = sample.result.as_ref().unwrap();
        let matrix = &sample.scores.matrix;
        let model = Model::new(matrix, &EmOptions::default());
        let mut rows = result.counts.assignments(&model, &result.fit, mode, 0.9);
        let mut sums = vec![0.0; matrix.features()];
        for _ in 0..matrix.rows() {
            rows.next_row().iter().filter(|share| share.assigned).for_each(|share| sums[share.column] += 1.0);
        }
        assert_eq!(sums, result.counts.report(mode), "{mode:?}");
    }
}

#[test]
fn the_count_table_of_choose_follows_the_one_stream() {
    let mut session = Session::open(&source(), options(Mode::Choose), &Unwatched).unwrap();
    session.prepare(Plan::default()).unwrap();
    let results = session.run(&Unwatched).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let output = Output { folder: folder.path(), tag: "t", version: "0", command_line: "" };
    session.write(&results, &output, false, &Unwatched).unwrap();
    let counts = std::fs::read_to_string(folder.path().join("t-TE_counts.tsv")).unwrap();
    let expected = expected();
    let theirs = Golden::floats(&expected["report"]["choose"]);
    // Columns 1 and 2 are the pair.
    assert!(counts.contains(&format!("P1\t{}\n", theirs[1] as u64)), "{counts}");
    assert!(counts.contains(&format!("P2\t{}\n", theirs[2] as u64)), "{counts}");
    let stats = std::fs::read_to_string(folder.path().join("t-run_stats.tsv")).unwrap();
    assert!(stats.starts_with("## RunInfo\tversion:0\tannotated_features:13\ttotal_fragments:240\tpair_mapped:NA\t"));
}

#[test]
fn squarem_reaches_the_fixed_point_of_a_long_em() {
    let expected = expected();
    let scores = Session::open(&source(), options(Mode::Exclude), &Unwatched).unwrap();
    let mut session = scores;
    session.prepare(Plan::default()).unwrap();
    let results = session.run(&Unwatched).unwrap();
    let matrix = &results.samples[0].scores.matrix;
    let workers = Workers::new(1).unwrap();
    let options = EmOptions { epsilon: 1e-13, max_iterations: 1_000, ..EmOptions::default() };
    let found = fit(matrix, &options, Solver::Squarem, &workers, &Unwatched).unwrap();
    assert!(found.converged);
    assert!(u64::from(found.iterations) < expected["long_em"]["iterations"].as_u64().unwrap());
    let long = Golden::floats(&expected["long_em"]["pi"]);
    let apart: f64 = found.parameters.pi.iter().zip(&long).map(|(a, b)| (a - b).abs()).sum();
    assert!(apart < 1e-9, "{apart}");
    // The pair is still a tie: the leap treats equal columns equally.
    let counts = reassign(&Model::new(matrix, &options), &found, 0.9, 1, &workers, &Unwatched).unwrap();
    assert_eq!(counts.last.mode(Mode::Exclude)[1..3], [0.0, 0.0]);
}
