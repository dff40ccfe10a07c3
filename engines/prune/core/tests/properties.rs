//! Every kernel against the sum over all states of all nodes, on small random trees of every shape.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;
use std::sync::Arc;

use common::{Set, assert_close, values};
use proptest::prelude::*;
use scaletune_prune_core::kernel::InstructionSet;
use scaletune_prune_core::kernel::evaluator::{Evaluator, Rating, Workers};
use scaletune_prune_core::likelihood::Parameters;
use scaletune_prune_core::model::{Rates, RootPrior};
use scaletune_prune_core::monitor::Unwatched;
use scaletune_prune_core::newick::{MissingLengths, parse};
use scaletune_prune_core::plan::{Kernel, Plan};
use scaletune_prune_core::posterior::{BranchChanges, FamilyChange, Posterior, Posteriors, Wanted};
use scaletune_prune_core::simulate::{Simulation, simulate};
use scaletune_prune_core::states::{State, TipStates};
use scaletune_prune_core::tree::Tree;

/// `exp(Q t)` by its own closed form, apart from the crate's.
fn transition(rates: Rates, t: f64) -> [[f64; 2]; 2] {
    let r = rates.gain + rates.loss;
    if r == 0.0 {
        return [[1.0, 0.0], [0.0, 1.0]];
    }
    let (e, keep) = (-(-r * t).exp_m1(), (-r * t).exp());
    let (g, l) = (rates.gain / r, rates.loss / r);
    [[l + g * keep, g * e], [l * e, g + l * keep]]
}

/// Sum over every assignment of states to nodes that fits the data; `visit` gets each assignment and its weight.
fn brute(tree: &Tree, states: &TipStates, family: usize, rates: Rates, mut visit: impl FnMut(u32, f64)) -> f64 {
    let nodes = tree.node_count();
    let prior = rates.stationary();
    let matrices: Vec<[[f64; 2]; 2]> = (0..nodes).map(|node| transition(rates, tree.length(node))).collect();
    let mut fixed = 0u32;
    let mut open: Vec<usize> = Vec::new();
    for node in 0..nodes {
        match tree.tip_rank(node).map(|tip| states.get(tip, family)) {
            Some(State::Present) => fixed |= 1 << node,
            Some(State::Absent) => {}
            Some(State::Missing) | None => open.push(node),
        }
    }
    let mut sum = 0.0;
    for choice in 0u32..1 << open.len() {
        let assignment = open.iter().enumerate().fold(fixed, |a, (i, &node)| a | (choice >> i & 1) << node);
        let state = |node: usize| (assignment >> node & 1) as usize;
        let mut weight = prior[state(tree.root())];
        for node in 0..nodes {
            if let Some(parent) = tree.parent(node) {
                weight *= matrices[node][state(parent)][state(node)];
            }
        }
        sum += weight;
        visit(assignment, weight);
    }
    sum
}

/// A random tree of up to 7 tips and 11 nodes: unary nodes, polytomies, odd lengths.
fn tree_text() -> impl Strategy<Value = String> {
    let length = prop_oneof![
        Just("0".to_owned()),
        Just("1e4".to_owned()),
        Just("1e-15".to_owned()),
        Just("1e-6".to_owned()),
        (1e-3..3.0f64).prop_map(|x| format!("{x}")),
        (1e-3..3.0f64).prop_map(|x| format!("{x}")),
    ];
    let lengths = proptest::collection::vec(length, 16);
    (1usize..=7, proptest::collection::vec((any::<u16>(), 1usize..=4), 8), lengths).prop_map(
        |(tips, joins, lengths)| {
            let mut at = 0;
            let mut next = || {
                at += 1;
                lengths[at % lengths.len()].clone()
            };
            let mut open: Vec<String> = (0..tips).map(|i| format!("t{i}:{}", next())).collect();
            for (nodes, (pick, arity)) in (tips..).zip(joins) {
                if nodes >= 10 || open.len() == 1 {
                    break;
                }
                let mut parts = Vec::new();
                for k in 0..arity.min(open.len()) {
                    let index = (pick as usize * (k + 3)) % open.len();
                    parts.push(open.swap_remove(index));
                }
                open.push(format!("({}):{}", parts.join(","), next()));
            }
            format!("({});", open.join(","))
        },
    )
}

fn rate() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), Just(1e-11), Just(30.0), 0.01..3.0f64, 0.01..3.0f64]
}

fn a_set() -> impl Strategy<Value = Set> {
    let cells = proptest::collection::vec(0u8..10, 7 * 70);
    let rates = proptest::collection::vec((rate(), rate()), 70);
    (tree_text(), cells, rates, any::<bool>(), 1usize..70).prop_map(|(text, cells, rates, same, families)| {
        let tree = parse(&text, Path::new("random"), MissingLengths::Refuse).unwrap();
        let names = (0..families).map(|i| format!("f{i}")).collect();
        let mut states = TipStates::absent(names, tree.tip_count());
        for family in 0..families {
            for tip in 0..tree.tip_count() {
                states.set(
                    tip,
                    family,
                    match cells[family * 7 + tip] {
                        0..=3 => State::Absent,
                        4..=8 => State::Present,
                        _ => State::Missing,
                    },
                );
            }
        }
        let pair = |i: usize| Rates { gain: rates[i].0, loss: rates[i].1 };
        let rates: Vec<Rates> = (0..families).map(|i| pair(if same { 0 } else { i })).collect();
        let expected = (0..families).map(|f| brute(&tree, &states, f, rates[f], |_, _| ()).ln()).collect();
        Set { name: text, tree: Arc::new(tree), states: Arc::new(states), rates, expected }
    })
}

/// Agreement where the expected value is itself a double: its logarithm near 0 has lost digits.
fn assert_agrees(found: &[f64], expected: &[f64], what: &str) {
    for (family, (f, e)) in found.iter().zip(expected).enumerate() {
        let agrees = f == e || (f - e).abs() <= 1e-10 * e.abs() + 1e-14;
        assert!(agrees, "{what}: family {family}: {f:?} instead of {e:?}");
    }
}

fn posterior(
    set: &Set,
    rating: Rating,
    categories: Vec<f64>,
    kernel: Kernel,
    instructions: InstructionSet,
    workers: usize,
    chunk: usize,
) -> Posterior {
    let parameters = Parameters { rating, prior: RootPrior::Stationary, categories };
    let (wanted, plan) = (Wanted { states: true, changes: Some(0.0) }, Plan { kernel, chunk, workers });
    let threads = Arc::new(Workers::new(workers).unwrap());
    let (tree, states, own) = (&set.tree, &set.states, Some(set.rates.as_slice()));
    let posteriors =
        Posteriors::with_instruction_set(tree, states, &parameters, own, wanted, plan, &threads, instructions);
    posteriors.unwrap().collect(&Unwatched).unwrap()
}

/// States, and gains and losses of every family on every branch, from the sum over all states. Events are left out.
fn brute_posterior(set: &Set) -> Posterior {
    let nodes = set.tree.node_count();
    let inner: Vec<u32> = (0..nodes).filter(|&n| set.tree.tip_rank(n).is_none()).map(|n| n as u32).collect();
    let mut result = Posterior { inner, branches: vec![BranchChanges::default(); nodes], ..Posterior::default() };
    for family in 0..set.states.family_count() {
        let mut present = vec![0.0; nodes];
        let mut ends = vec![[0.0; 2]; nodes];
        let total = brute(&set.tree, &set.states, family, set.rates[family], |assignment, weight| {
            for node in 0..nodes {
                let own = assignment >> node & 1;
                present[node] += f64::from(own) * weight;
                if let Some(parent) = set.tree.parent(node) {
                    let above = assignment >> parent & 1;
                    if above != own {
                        ends[node][above as usize] += weight;
                    }
                }
            }
        });
        // 0 / 0 is NaN, as it should be.
        result.present.extend(result.inner.iter().map(|&node| present[node as usize] / total));
        if total > 0.0 {
            for (node, [gain, loss]) in ends.into_iter().enumerate() {
                let (gain, loss) = (gain / total, loss / total);
                result.branches[node].gains += gain;
                result.branches[node].losses += loss;
                if node != set.tree.root() {
                    result.families.push(FamilyChange { node: node as u32, family: family as u32, gain, loss });
                }
            }
        }
    }
    result.families.sort_by_key(|change| (change.node, change.family));
    result
}

/// Events only where the expected ones are known.
fn assert_posteriors_agree(found: &Posterior, expected: &Posterior, tolerance: f64, what: &str) {
    let close = |f: f64, e: f64| (f - e).abs() <= tolerance * e.abs().max(1.0) || (f.is_nan() && e.is_nan());
    assert_eq!((&found.inner, found.present.len()), (&expected.inner, expected.present.len()), "{what}");
    for (at, (&f, &e)) in found.present.iter().zip(&expected.present).enumerate() {
        assert!(close(f, e), "{what}: state {at}: {f} instead of {e}");
    }
    for (node, (f, e)) in found.branches.iter().zip(&expected.branches).enumerate() {
        assert!(close(f.gains, e.gains) && close(f.losses, e.losses), "{what}: branch {node}: {f:?} instead of {e:?}");
        let events = close(f.gain_events, e.gain_events) && close(f.loss_events, e.loss_events);
        assert!(
            events || *e == BranchChanges { gains: e.gains, losses: e.losses, ..Default::default() },
            "{what}: {node}"
        );
    }
    assert_eq!(found.families.len(), expected.families.len(), "{what}");
    for (f, e) in found.families.iter().zip(&expected.families) {
        assert_eq!((f.node, f.family), (e.node, e.family), "{what}");
        assert!(close(f.gain, e.gain) && close(f.loss, e.loss), "{what}: {f:?} instead of {e:?}");
    }
}

/// Large enough for rescaling, for several units, and for numbers that lanes can't carry; columns that occur often.
#[test]
fn posteriors_of_larger_sets_agree_and_no_cut_changes_a_digit() {
    for (taxa, families, missing, rates) in [
        (700, 200, 0.02, Rates { gain: 0.5, loss: 1.5 }),
        (6, 2300, 0.0, Rates { gain: 0.5, loss: 1.5 }),
        (40, 300, 0.0, Rates { gain: 1e-160, loss: 0.3 }),
        (1, 70, 0.1, Rates { gain: 0.5, loss: 1.5 }),
    ] {
        let request = Simulation { taxa, families, missing, seed: 3, ..Simulation::default() };
        let drawn = simulate(&request).unwrap();
        let pair = |family: usize| if taxa == 40 { rates } else { rates.scaled(1.0 + (family % 7) as f64 / 10.0) };
        let set = Set {
            name: format!("{taxa}x{families}"),
            tree: Arc::new(drawn.tree),
            states: Arc::new(drawn.states),
            rates: (0..families).map(pair).collect(),
            expected: vec![],
        };
        for rating in [Rating::Same(rates), Rating::Own { factor: 1.0 }] {
            let of = |kernel, instructions, workers, chunk| {
                posterior(&set, rating, vec![1.0], kernel, instructions, workers, chunk)
            };
            let best = InstructionSet::available()[0];
            let expected = of(Kernel::PerFamily, best, 1, 4096);
            for instructions in InstructionSet::available() {
                for kernel in [Kernel::Lanes, Kernel::Auto] {
                    let what = format!("{} {} {}", set.name, kernel.name(), instructions.name());
                    assert_posteriors_agree(&of(kernel, instructions, 1, 4096), &expected, 1e-10, &what);
                }
            }
            for kernel in [Kernel::PerFamily, Kernel::Auto] {
                let whole = of(kernel, best, 1, 1 << 16);
                for (workers, chunk) in [(1, 1), (2, 3), (3, 64), (2, 4096)] {
                    // NaN is not itself.
                    let cut = format!("{:?}", of(kernel, best, workers, chunk));
                    assert!(cut == format!("{whole:?}"), "{} {} {workers} {chunk}", set.name, kernel.name());
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, ..ProptestConfig::default() })]

    #[test]
    fn kernels_agree_with_the_sum_over_all_states(set in a_set()) {
        for instructions in InstructionSet::available() {
            for kernel in Kernel::ALL {
                let what = format!("{} {} {}", set.name, kernel.name(), instructions.name());
                assert_agrees(&values(&set, kernel, instructions, 1, 64), &set.expected, &what);
            }
        }
    }

    #[test]
    fn posteriors_agree_with_the_sum_over_all_states(set in a_set()) {
        let expected = brute_posterior(&set);
        for instructions in InstructionSet::available() {
            for kernel in [Kernel::PerFamily, Kernel::Lanes, Kernel::Auto] {
                let rating = set.same_rates().map_or(Rating::Own { factor: 1.0 }, Rating::Same);
                let found = posterior(&set, rating, vec![1.0], kernel, instructions, 1, 4096);
                let what = format!("{} {} {}", set.name, kernel.name(), instructions.name());
                assert_posteriors_agree(&found, &expected, 1e-9, &what);
                for branch in &found.branches {
                    prop_assert!(branch.gain_events >= branch.gains * (1.0 - 1e-9) - 1e-12);
                    prop_assert!(branch.loss_events >= branch.losses * (1.0 - 1e-9) - 1e-12);
                }
            }
        }
    }

    #[test]
    fn gradients_agree_between_kernels_and_with_differences(set in a_set(), gain in 0.05..2.0f64, loss in 0.05..2.0f64) {
        let rates = Rates { gain, loss };
        let workers = Arc::new(Workers::new(1).unwrap());
        let evaluator = |kernel, instructions| {
            let plan = Plan { kernel, ..Plan::default() };
            let (tree, states) = (set.tree.clone(), set.states.clone());
            Evaluator::with_instruction_set(tree, states, None, plan, workers.clone(), instructions).unwrap()
        };
        let first = InstructionSet::available()[0];
        let prior = RootPrior::Stationary;
        let reference = evaluator(Kernel::PerFamily, first);
        let (values, expected) = reference.gradient(rates, prior, None, &Unwatched).unwrap();
        let scale = 1e-9 * (1.0 + expected.gain.abs() + expected.loss.abs());
        for instructions in InstructionSet::available() {
            for kernel in [Kernel::Lanes, Kernel::Repeats, Kernel::Auto] {
                let (other, found) = evaluator(kernel, instructions).gradient(rates, prior, None, &Unwatched).unwrap();
                assert_close(&other, &values, 1e-10, &set.name);
                prop_assert!((found.gain - expected.gain).abs() < scale, "{found:?} {expected:?}");
                prop_assert!((found.loss - expected.loss).abs() < scale, "{found:?} {expected:?}");
                for (f, e) in found.lengths.iter().zip(&expected.lengths) {
                    prop_assert!((f - e).abs() <= 1e-9 * e.abs().max(1.0), "{}: {f} {e}", set.name);
                }
            }
        }
        let total = |rates| -> f64 {
            let values = reference.log_likelihoods(Rating::Same(rates), prior, &Unwatched).unwrap();
            values.iter().filter(|v| v.is_finite()).sum()
        };
        let slope = expected.with_stationary_prior(rates);
        for (found, up, down, h) in [
            (slope.gain, Rates { gain: gain * 1.0001, loss }, Rates { gain: gain * 0.9999, loss }, gain * 1e-4),
            (slope.loss, Rates { gain, loss: loss * 1.0001 }, Rates { gain, loss: loss * 0.9999 }, loss * 1e-4),
        ] {
            let difference = (total(up) - total(down)) / (2.0 * h);
            prop_assert!((found - difference).abs() <= 1e-5 * (1.0 + difference.abs()), "{}: {found} {difference}", set.name);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn posteriors_average_over_categories(set in a_set(), categories in proptest::collection::vec(0.01..3.0f64, 2..4)) {
        let rating = set.same_rates().map_or(Rating::Own { factor: 1.0 }, Rating::Same);
        let of = |kernel, instructions| posterior(&set, rating, categories.clone(), kernel, instructions, 1, 64);
        let expected = of(Kernel::PerFamily, InstructionSet::Portable);
        for instructions in InstructionSet::available() {
            for kernel in [Kernel::Lanes, Kernel::Auto] {
                let what = format!("{} {} {}", set.name, kernel.name(), instructions.name());
                assert_posteriors_agree(&of(kernel, instructions), &expected, 1e-11, &what);
            }
        }
    }
}
