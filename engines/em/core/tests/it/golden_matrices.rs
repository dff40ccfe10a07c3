//! The EM against Telescope's answers, from the score matrices of the shared goldens.

use crate::common::{Golden, golden, relative_difference};
use scaletune_em_core::reassign::Mode;
use scaletune_em_core::scores::read_table;
use scaletune_em_core::{EmOptions, Solver, Unwatched, Workers, fit, model::Model, reassign};

const SETS: [&str; 5] =
    ["mx-tiny", "bam-tiny/expected", "edge/expected-None", "edge/expected-FR", "telescope/expected"];

fn check(set: &str, solver: Solver, workers: usize) {
    let Some(folder) = golden(set) else { return };
    let expected = Golden::read(&folder);
    let scores =
        read_table(&folder.join("raw_scores.coo.tsv"), Some(&folder.join("features.tsv")), "__no_feature").unwrap();
    let workers = Workers::new(workers).unwrap();
    assert_eq!(scores.features.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(), expected.loci());
    for (name, variant) in expected.variants() {
        let place = format!("{set} {name} {solver:?}");
        let options = EmOptions { trace_likelihood: true, ..expected.options(variant) };
        let found = fit(&scores.matrix, &options, solver, &workers, &Unwatched).unwrap();
        assert_eq!(u64::from(found.iterations), variant["iterations"].as_u64().unwrap(), "{place}");
        assert_eq!(found.converged, variant["converged"].as_bool().unwrap(), "{place}");
        let lnl = variant["lnl"].as_f64().unwrap();
        assert!(relative_difference(found.log_likelihood, lnl) <= 1e-12, "{place}: {} {lnl}", found.log_likelihood);
        let trace = variant["trace"].as_array().unwrap();
        for (row, theirs) in found.trace.iter().zip(trace) {
            let lnl = row.log_likelihood.unwrap();
            assert!(relative_difference(lnl, theirs[1].as_f64().unwrap()) <= 1e-12, "{place} {row:?}");
            assert!((row.difference - theirs[2].as_f64().unwrap()).abs() <= 1e-14, "{place} {row:?}");
        }
        // To the last bit: the order of every sum is Telescope's. (Its matrices drop entries that underflow to 0, which
        // shifts the order in such rows: theta of a column with next to nothing shows it.)
        assert_eq!(found.parameters.pi, Golden::floats(&variant["pi"]), "{place} pi");
        for (ours, theirs) in found.parameters.theta.iter().zip(Golden::floats(&variant["theta"])) {
            assert!(relative_difference(*ours, theirs) <= 1e-14, "{place} theta {ours} {theirs}");
        }
        let model = Model::new(&scores.matrix, &options);
        let conf_prob = expected.option(variant, "conf_prob").as_f64().unwrap();
        let seed = u32::try_from(expected.seed()).unwrap();
        let counts = reassign(&model, &found, conf_prob, seed, &workers, &Unwatched).unwrap();
        for mode in Mode::ALL {
            let vectors = &variant["reassign_seeded_each"];
            let last = Golden::floats(&vectors[format!("final_{}", mode.name())]);
            let initial = Golden::floats(&vectors[format!("init_{}", mode.name())]);
            if mode == Mode::Average || mode == Mode::Conf {
                for (ours, theirs) in counts.last.mode(mode).iter().zip(&last) {
                    assert!((ours - theirs).abs() <= 1e-9, "{place} final {mode:?}");
                }
                for (ours, theirs) in counts.initial.mode(mode).iter().zip(&initial) {
                    assert!((ours - theirs).abs() <= 1e-9, "{place} initial {mode:?}");
                }
            } else {
                assert_eq!(counts.last.mode(mode), last, "{place} final {mode:?}");
                assert_eq!(counts.initial.mode(mode), initial, "{place} initial {mode:?}");
            }
        }
    }
}

#[test]
fn stock_gives_telescopes_numbers() {
    SETS.iter().for_each(|set| check(set, Solver::Stock, 1));
}

#[test]
fn fused_gives_telescopes_numbers() {
    SETS.iter().for_each(|set| check(set, Solver::Fused, 2));
}

#[test]
fn blocked_gives_telescopes_numbers() {
    SETS.iter().for_each(|set| check(set, Solver::Blocked, 2));
}

#[test]
fn the_bundled_data_of_telescope_gives_the_published_figures() {
    let Some(folder) = golden("telescope/expected") else { return };
    let scores =
        read_table(&folder.join("raw_scores.coo.tsv"), Some(&folder.join("features.tsv")), "__no_feature").unwrap();
    let workers = Workers::new(1).unwrap();
    let run = |use_likelihood| {
        let options = EmOptions { use_likelihood, ..EmOptions::default() };
        let found = fit(&scores.matrix, &options, Solver::Fused, &workers, &Unwatched).unwrap();
        (found.log_likelihood, found.iterations)
    };
    let (lnl, iterations) = run(false);
    assert!(relative_difference(lnl, 95_252.596_292_786_04) <= 1e-14, "{lnl}");
    assert_eq!(iterations, 16);
    let (lnl, iterations) = run(true);
    assert!(relative_difference(lnl, 95_252.596_614_420_68) <= 1e-14, "{lnl}");
    assert_eq!(iterations, 25);
}
