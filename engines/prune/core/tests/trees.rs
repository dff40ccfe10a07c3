//! Trees and plans at the edge: very deep, very wide, very small; any number of workers.
#![allow(clippy::unwrap_used)]

mod common;

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use common::{Set, assert_close, values};
use scaletune_prune_core::kernel::InstructionSet;
use scaletune_prune_core::kernel::evaluator::{Evaluator, Rating, Workers};
use scaletune_prune_core::model::{Rates, RootPrior};
use scaletune_prune_core::monitor::{Monitor, Unwatched};
use scaletune_prune_core::newick::{MissingLengths, parse};
use scaletune_prune_core::plan::{Kernel, Plan};
use scaletune_prune_core::simulate::{Simulation, simulate};
use scaletune_prune_core::states::{State, TipStates};

fn set(text: &str, families: usize, rates: Rates, state: impl Fn(usize, usize) -> State) -> Set {
    let tree = parse(text, Path::new("t.nwk"), MissingLengths::Refuse).unwrap();
    let names = (0..families).map(|i| format!("f{i}")).collect();
    let mut states = TipStates::absent(names, tree.tip_count());
    for family in 0..families {
        for tip in 0..tree.tip_count() {
            states.set(tip, family, state(tip, family));
        }
    }
    Set {
        name: text.chars().take(30).collect(),
        tree: Arc::new(tree),
        states: Arc::new(states),
        rates: vec![rates; families],
        expected: vec![],
    }
}

const RATES: Rates = Rates { gain: 0.5, loss: 1.5 };

/// All kernels on all instruction sets agree with the reference.
fn all_agree(set: &Set) -> Vec<f64> {
    let first = InstructionSet::available()[0];
    let expected = values(set, Kernel::PerFamily, first, 1, 64);
    for instructions in InstructionSet::available() {
        for kernel in Kernel::ALL {
            let what = format!("{} {} {}", set.name, kernel.name(), instructions.name());
            assert_close(&values(set, kernel, instructions, 1, 64), &expected, 1e-10, &what);
        }
    }
    expected
}

#[test]
fn one_family_and_one_tip() {
    for text in ["a;", "(a:0.3);", "((a:0.3):0.1)r:9;"] {
        let both = set(text, 2, RATES, |_, family| if family == 0 { State::Present } else { State::Absent });
        assert_close(&all_agree(&both), &[0.25f64.ln(), 0.75f64.ln()], 1e-14, text);
        let one = set(text, 1, RATES, |_, _| State::Present);
        assert_close(&all_agree(&one), &[0.25f64.ln()], 1e-14, text);
    }
}

#[test]
fn a_caterpillar_of_a_hundred_thousand_tips() {
    let tips = 100_000;
    let mut text = "(".repeat(tips - 1);
    text.push_str("t0:0.1");
    for tip in 1..tips {
        let end = if tip + 1 == tips { ";" } else { ":0.01" };
        write!(text, ",t{tip}:0.1){end}").unwrap();
    }
    let deep = set(
        &text,
        3,
        RATES,
        |tip, family| {
            if (tip * 7 + family).is_multiple_of(4) { State::Present } else { State::Absent }
        },
    );
    let found = all_agree(&deep);
    assert!(found.iter().all(|v| v.is_finite() && *v < -10_000.0), "{found:?}");
}

/// Half of a large polytomy says absent, half present, over branches on which change is nearly impossible: each of
/// the two partials alone leaves the range of doubles, in opposite directions, before they meet.
#[test]
fn polytomies_of_near_identical_tips_keep_both_states() {
    let tips = 260;
    let length = 1e-6;
    let star: Vec<String> = (0..tips).map(|i| format!("t{i}:{length}")).collect();
    // The same again with the polytomy resolved by branches of length 0, and below a root of its own.
    let mut ladder = format!("({},{})", star[0], star[1]);
    for tip in &star[2..] {
        ladder = format!("({ladder}:0,{tip})");
    }
    let star = star.join(",");
    for text in [format!("({star});"), format!("{ladder};"), format!("(({star}):0.1,x:0.2);")] {
        let polytomy =
            set(&text, 70, RATES, |tip, family| if tip * 70 < family * tips { State::Present } else { State::Absent });
        let found = all_agree(&polytomy);
        if text.contains('x') {
            continue;
        }
        // Exactly: ln of the sum over the state at the centre.
        for (family, value) in found.iter().enumerate() {
            let present = (0..tips).filter(|tip| tip * 70 < family * tips).count() as f64;
            let absent = tips as f64 - present;
            let change = -(-2.0f64 * length).exp_m1() / 2.0;
            let (gain, loss) = (0.5 * change, 1.5 * change);
            let from_absent = 0.75f64.ln() + absent * (-gain).ln_1p() + present * gain.ln();
            let from_present = 0.25f64.ln() + present * (-loss).ln_1p() + absent * loss.ln();
            let larger = from_absent.max(from_present);
            let expected = larger + ((from_absent - larger).exp() + (from_present - larger).exp()).ln();
            assert!((value / expected - 1.0).abs() < 1e-12, "{family}: {value} {expected}");
        }
    }
}

#[test]
fn workers_chunks_and_order_change_no_bit() {
    let request = Simulation { taxa: 40, families: 3000, missing: 0.02, seed: 5, ..Simulation::default() };
    let drawn = simulate(&request).unwrap();
    let (tree, states) = (Arc::new(drawn.tree), Arc::new(drawn.states));
    let own: Vec<Rates> = (0..3000).map(|i| Rates { gain: 0.2 + f64::from(i % 7), loss: 1.0 }).collect();
    for kernel in Kernel::ALL {
        let run = |workers: usize, chunk: usize| {
            let threads = Arc::new(Workers::new(workers).unwrap());
            let plan = Plan { kernel, chunk, workers };
            let same = Evaluator::new(tree.clone(), states.clone(), None, plan, threads.clone()).unwrap();
            let each = Evaluator::new(tree.clone(), states.clone(), Some(&own), plan, threads).unwrap();
            let prior = RootPrior::Stationary;
            let mut bits: Vec<u64> = Vec::new();
            let mut keep = |values: Vec<f64>| bits.extend(values.iter().map(|v| v.to_bits()));
            keep(same.log_likelihoods(Rating::Same(RATES), prior, &Unwatched).unwrap());
            keep(each.log_likelihoods(Rating::Own { factor: 1.0 }, prior, &Unwatched).unwrap());
            let (values, gradient) = same.gradient(RATES, prior, None, &Unwatched).unwrap();
            keep(values);
            keep(gradient.lengths);
            keep(vec![gradient.gain, gradient.loss]);
            bits
        };
        let expected = run(1, 4096);
        for (workers, chunk) in [(1, 64), (2, 200), (3, 1000), (3, 100_000)] {
            assert!(run(workers, chunk) == expected, "{} {workers} {chunk}", kernel.name());
        }
    }
}

#[test]
fn impossible_plans_are_refused_and_cancelling_works() {
    assert!(Plan { workers: 0, ..Plan::default() }.validated().is_err());
    assert!(Plan { chunk: 0, ..Plan::default() }.validated().is_err());
    assert!("fast".parse::<Kernel>().unwrap_err().to_string().contains("per-family, lanes, patterns, repeats, auto"));
    struct Stop;
    impl Monitor for Stop {
        fn cancelled(&self) -> bool {
            true
        }
    }
    let small = set("(a:1,b:1);", 5, RATES, |_, _| State::Present);
    for workers in [1, 2] {
        let plan = Plan { workers, ..Plan::default() };
        let threads = Arc::new(Workers::new(workers).unwrap());
        let evaluator = Evaluator::new(small.tree.clone(), small.states.clone(), None, plan, threads).unwrap();
        let stopped = evaluator.log_likelihoods(Rating::Same(RATES), RootPrior::Stationary, &Stop);
        assert_eq!(stopped.unwrap_err().to_string(), "cancelled");
    }
}

/// Gradients where values are scaled on their way (a large tree), and where doubles can't carry them (a polytomy of
/// near-identical tips), against the reference kernel.
#[test]
fn gradients_survive_scaling() {
    let drawn = simulate(&Simulation { taxa: 1500, families: 20, seed: 2, ..Simulation::default() }).unwrap();
    let large = (Arc::new(drawn.tree), Arc::new(drawn.states));
    let star: Vec<String> = (0..260).map(|i| format!("t{i}:1e-6")).collect();
    let text = format!("(({}):0.1,x:0.2);", star.join(","));
    let state = |tip: usize, family: usize| if tip < family * 13 { State::Present } else { State::Absent };
    let wide = set(&text, 20, RATES, state);
    for (tree, states) in [large, (wide.tree, wide.states)] {
        let gradient = |kernel, instructions| {
            let threads = Arc::new(Workers::new(1).unwrap());
            let plan = Plan { kernel, ..Plan::default() };
            Evaluator::with_instruction_set(tree.clone(), states.clone(), None, plan, threads, instructions)
                .unwrap()
                .gradient(RATES, RootPrior::Stationary, None, &Unwatched)
                .unwrap()
        };
        let (values, expected) = gradient(Kernel::PerFamily, InstructionSet::available()[0]);
        for instructions in InstructionSet::available() {
            for kernel in [Kernel::Lanes, Kernel::Repeats, Kernel::Auto] {
                let what = format!("{} {}", kernel.name(), instructions.name());
                let (other, found) = gradient(kernel, instructions);
                assert_close(&other, &values, 1e-10, &what);
                assert_close(&found.lengths, &expected.lengths, 1e-8, &what);
                assert_close(&[found.gain, found.loss], &[expected.gain, expected.loss], 1e-8, &what);
            }
        }
    }
}
