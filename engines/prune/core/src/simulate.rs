//! Trees and matrices drawn from the model, from a seed: for tests, benches and power studies.

use std::path::Path;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::error::{Error, Result};
use crate::model::gamma::category_rates;
use crate::model::{Rates, RootPrior, Transition};
use crate::newick::to_newick;
use crate::states::{State, TipStates};
use crate::tree::{NONE, Tree};

/// What is drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Simulation {
    /// Number of tips, named `t1`, `t2`, and so on.
    pub taxa: usize,
    /// Number of families, named `fam1`, `fam2`, and so on.
    pub families: usize,
    /// Rates of every family.
    pub rates: Rates,
    /// The root's prior.
    pub root: RootPrior,
    /// Mean branch length; lengths are exponential.
    pub mean_length: f64,
    /// Standard deviation of each family's log rates around `rates`; 0 for the same.
    pub rate_spread: f64,
    /// Gamma categories and shape by which families are faster or slower.
    pub gamma: Option<(usize, f64)>,
    /// Share of cells that are missing.
    pub missing: f64,
    /// Leave out families that are absent everywhere and draw others instead.
    pub only_present: bool,
    /// The same seed gives the same data.
    pub seed: u64,
}

impl Default for Simulation {
    fn default() -> Self {
        Self {
            taxa: 100,
            families: 1000,
            rates: Rates { gain: 0.5, loss: 1.5 },
            root: RootPrior::Stationary,
            mean_length: 0.2,
            rate_spread: 0.0,
            gamma: None,
            missing: 0.0,
            only_present: false,
            seed: 1,
        }
    }
}

/// What came out.
#[derive(Debug, Clone)]
pub struct Simulated {
    /// The tree.
    pub tree: Tree,
    /// States at its tips.
    pub states: TipStates,
    /// Rates that each family was drawn with, categories left out.
    pub rates: Vec<Rates>,
}

/// Draws a tree by joining random pairs, and families along it.
pub fn simulate(request: &Simulation) -> Result<Simulated> {
    let valid = request.taxa > 0
        && request.families > 0
        && request.mean_length >= 0.0
        && request.mean_length.is_finite()
        && request.rate_spread >= 0.0
        && request.rate_spread.is_finite()
        && (0.0..1.0).contains(&request.missing);
    if !valid {
        return Err(Error::Option(
            "simulation: taxa and families from 1, mean length and spread not negative, missing below 1".to_owned(),
        ));
    }
    let mut rng = ChaCha8Rng::seed_from_u64(request.seed);
    let tree = random_tree(request.taxa, request.mean_length, &mut rng);
    let (states, rates) = simulate_on(&tree, request, &mut rng)?;
    Ok(Simulated { tree, states, rates })
}

/// Draws families along a given tree.
pub fn simulate_states(tree: &Tree, request: &Simulation) -> Result<(TipStates, Vec<Rates>)> {
    simulate_on(tree, request, &mut ChaCha8Rng::seed_from_u64(request.seed))
}

fn random_tree(taxa: usize, mean_length: f64, rng: &mut ChaCha8Rng) -> Tree {
    // Nodes in order of making, two children each; numbered in postorder afterwards.
    let mut children: Vec<Option<[usize; 2]>> = vec![None; taxa];
    let mut open: Vec<usize> = (0..taxa).collect();
    while open.len() > 1 {
        let a = open.swap_remove(rng.random_range(0..open.len()));
        let b = open.swap_remove(rng.random_range(0..open.len()));
        children.push(Some([a, b]));
        open.push(children.len() - 1);
    }
    let root = children.len() - 1;
    let mut order = Vec::with_capacity(children.len());
    let mut stack = vec![(root, false)];
    while let Some((node, done)) = stack.pop() {
        match children[node] {
            Some([a, b]) if !done => stack.extend([(node, true), (b, false), (a, false)]),
            _ => order.push(node),
        }
    }
    let mut number = vec![0; children.len()];
    for (new, &old) in order.iter().enumerate() {
        number[old] = new;
    }
    let mut parents = vec![NONE; order.len()];
    for (old, pair) in children.iter().enumerate() {
        for &child in pair.iter().flatten() {
            parents[number[child]] = number[old] as u32;
        }
    }
    let names = order.iter().map(|&old| (old < taxa).then(|| format!("t{}", old + 1))).collect();
    let lengths = parents
        .iter()
        .map(|&parent| {
            let uniform: f64 = rng.random();
            // Seven digits, as trees in files have them.
            let length: f64 = -(1.0 - uniform).ln() * mean_length;
            if parent == NONE { 0.0 } else { (length * 1e7).round() / 1e7 }
        })
        .collect();
    Tree::from_parts(names, lengths, parents)
}

fn simulate_on(tree: &Tree, request: &Simulation, rng: &mut ChaCha8Rng) -> Result<(TipStates, Vec<Rates>)> {
    const ATTEMPTS: usize = 100_000;
    let categories = match request.gamma {
        Some((count, shape)) => category_rates(count, shape)?,
        None => vec![1.0],
    };
    let names = (1..=request.families).map(|i| format!("fam{i}")).collect();
    let mut states = TipStates::absent(names, tree.tip_count());
    let mut rates = Vec::with_capacity(request.families);
    let same = request.rate_spread == 0.0;
    let tables: Vec<(Rates, Vec<Transition>)> = categories
        .iter()
        .map(|&k| (request.rates.scaled(k), crate::kernel::reference::transitions(tree, request.rates.scaled(k))))
        .collect();
    let mut present = vec![false; tree.node_count()];
    for family in 0..request.families {
        let own = if same {
            request.rates
        } else {
            let spread = |rate: f64, rng: &mut ChaCha8Rng| rate * (request.rate_spread * normal(rng)).exp();
            Rates { gain: spread(request.rates.gain, rng), loss: spread(request.rates.loss, rng) }
        };
        rates.push(own);
        let mut attempts = 0;
        loop {
            let k = if categories.len() > 1 { rng.random_range(0..categories.len()) } else { 0 };
            let made;
            let (drawn, transitions) = if same {
                (tables[k].0, &tables[k].1)
            } else {
                let drawn = own.scaled(categories[k]);
                made = crate::kernel::reference::transitions(tree, drawn);
                (drawn, &made)
            };
            let prior = request.root.probabilities(drawn);
            for node in (0..tree.node_count()).rev() {
                let chance = match tree.parent(node) {
                    None => prior[1],
                    Some(parent) => transitions[node].0[usize::from(present[parent])][1],
                };
                present[node] = rng.random::<f64>() < chance;
            }
            if !request.only_present || tree.tips().iter().any(|&tip| present[tip as usize]) {
                break;
            }
            attempts += 1;
            if attempts == ATTEMPTS {
                return Err(Error::Option(
                    "simulation: families are absent everywhere nearly always; raise the gain rate".to_owned(),
                ));
            }
        }
        for (tip, &node) in tree.tips().iter().enumerate() {
            if request.missing > 0.0 && rng.random::<f64>() < request.missing {
                states.set(tip, family, State::Missing);
            } else if present[node as usize] {
                states.set(tip, family, State::Present);
            }
        }
    }
    Ok((states, rates))
}

/// A standard normal number (Box and Muller 1958).
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (a, b): (f64, f64) = (rng.random(), rng.random());
    (-2.0 * (1.0 - a).ln()).sqrt() * (2.0 * std::f64::consts::PI * b).cos()
}

/// Writes `tree.nwk`, `matrix.tsv` and `rates.tsv`.
pub fn write(simulated: &Simulated, folder: &Path) -> Result<()> {
    let save = |name: &str, text: String| {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|e| Error::write(&path, e))
    };
    save("tree.nwk", to_newick(&simulated.tree, &simulated.tree.labels()))?;
    let states = &simulated.states;
    let mut text = String::from("family");
    for tip in 0..states.tip_count() {
        text.push('\t');
        text.push_str(simulated.tree.tip_name(tip));
    }
    text.push('\n');
    for (family, name) in states.families().iter().enumerate() {
        text.push_str(name);
        for tip in 0..states.tip_count() {
            text.push_str(match states.get(tip, family) {
                State::Absent => "\t0",
                State::Present => "\t1",
                State::Missing => "\t?",
            });
        }
        text.push('\n');
    }
    save("matrix.tsv", text)?;
    let mut text = String::from("family\tgain\tloss\n");
    for (name, rates) in states.families().iter().zip(&simulated.rates) {
        text.push_str(&format!("{name}\t{:?}\t{:?}\n", rates.gain, rates.loss));
    }
    save("rates.tsv", text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequencies_are_those_of_the_model() {
        let request = Simulation { taxa: 20, families: 4000, seed: 3, ..Simulation::default() };
        let drawn = simulate(&request).unwrap();
        assert_eq!((drawn.tree.tip_count(), drawn.tree.node_count()), (20, 39));
        let present = |tip: usize| (0..4000).filter(|&f| drawn.states.get(tip, f) == State::Present).count() as f64;
        for tip in 0..20 {
            // Stationary presence is 1/4; five standard errors.
            assert!((present(tip) / 4000.0 - 0.25).abs() < 5.0 * (0.25f64 * 0.75 / 4000.0).sqrt(), "{tip}");
        }
    }

    #[test]
    fn seeds_decide_and_options_hold() {
        let request = Simulation {
            taxa: 5,
            families: 300,
            missing: 0.2,
            rate_spread: 0.5,
            gamma: Some((4, 0.7)),
            rates: Rates { gain: 0.05, loss: 1.0 },
            ..Simulation::default()
        };
        let cells = |r: &Simulation| {
            let drawn = simulate(r).unwrap();
            (0..300).flat_map(|f| (0..5).map(move |t| (t, f))).map(|(t, f)| drawn.states.get(t, f)).collect::<Vec<_>>()
        };
        let first = cells(&request);
        assert_eq!(first, cells(&request));
        assert_ne!(first, cells(&Simulation { seed: 2, ..request.clone() }));
        let missing = first.iter().filter(|s| **s == State::Missing).count() as f64 / 1500.0;
        assert!((missing - 0.2).abs() < 0.06, "{missing}");
        let seen = simulate(&Simulation { only_present: true, missing: 0.0, ..request.clone() }).unwrap();
        assert!((0..300).all(|f| (0..5).any(|t| seen.states.get(t, f) == State::Present)));
        assert!(simulate(&Simulation { taxa: 0, ..request }).is_err());
    }
}
