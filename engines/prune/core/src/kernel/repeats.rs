//! Subtree repeats: at every node each distinct pattern of the tips below it is computed once
//! (Kobert, Stamatakis, Flouri 2017, Syst. Biol. 66:205). Patterns are found once; evaluations reuse them.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;

use super::wide::{Wide, row_times};
use crate::model::Transition;
use crate::states::{State, TipStates};
use crate::tree::Tree;

/// One step: distinct pairs of classes of two operands become the classes of a new one.
#[derive(Debug, Clone)]
pub(super) struct Join {
    /// Operands, by number: tips first (by rank), then joins in order.
    pub(super) left: u32,
    pub(super) right: u32,
    /// Pairs of classes.
    pairs: Range<usize>,
    /// The node whose branch the product is carried along; `None` inside a polytomy and at the root.
    carry: Option<u32>,
}

/// The distinct subtree patterns of some families.
#[derive(Debug, Clone)]
pub(crate) struct Repeats {
    families: Range<usize>,
    joins: Vec<Join>,
    pairs: Vec<[u32; 2]>,
    /// Unary nodes above each operand, innermost first, including the operand's own branch for tips.
    chains: Vec<Vec<u32>>,
    /// Class at the root of each family, of operand `root`.
    classes: Vec<u32>,
    tips: usize,
}

pub(super) const TIP_CLASSES: usize = 3;

impl Repeats {
    /// Finds the patterns of `families`.
    pub(crate) fn find(tree: &Tree, states: &TipStates, families: Range<usize>) -> Self {
        let count = families.len();
        let tips = tree.tip_count();
        let mut finder = Finder::default();
        let mut joins: Vec<Join> = Vec::new();
        let mut pairs: Vec<[u32; 2]> = Vec::new();
        let mut chains: Vec<Vec<u32>> = vec![vec![]; tips];
        // Operand and classes of each node that waits for its parent.
        let mut waiting: Vec<Option<(u32, Vec<u32>, usize)>> = vec![None; tree.node_count()];
        let mut root = None;
        for node in 0..tree.node_count() {
            let (operand, classes, distinct) = if let Some(tip) = tree.tip_rank(node) {
                let classes = families.clone().map(|family| class_of(states.get(tip, family))).collect();
                (tip as u32, classes, TIP_CLASSES)
            } else {
                let mut product: Option<(u32, Vec<u32>, usize)> = None;
                let children = tree.children(node);
                for (i, &child) in children.iter().enumerate() {
                    let Some(next) = waiting[child as usize].take() else { continue };
                    product = Some(match product {
                        None => next,
                        Some((left, left_classes, left_count)) => {
                            let (right, right_classes, right_count) = next;
                            let start = pairs.len();
                            let classes =
                                finder.join((&left_classes, left_count), (&right_classes, right_count), &mut pairs);
                            let carry = (i + 1 == children.len() && node != tree.root()).then_some(node as u32);
                            joins.push(Join { left, right, pairs: start..pairs.len(), carry });
                            chains.push(vec![]);
                            ((tips + joins.len() - 1) as u32, classes, pairs.len() - start)
                        }
                    });
                }
                match product {
                    Some(product) => product,
                    None => continue,
                }
            };
            if node == tree.root() {
                root = Some((operand, classes));
            } else {
                if tree.children(node).len() < 2 {
                    chains[operand as usize].push(node as u32);
                }
                waiting[node] = Some((operand, classes, distinct));
            }
        }
        let classes = root.map_or_else(|| vec![0; count], |(_, classes)| classes);
        Self { families, joins, pairs, chains, classes, tips }
    }

    /// Distinct patterns over all joins: the work of one evaluation.
    pub(crate) fn distinct(&self) -> usize {
        self.pairs.len()
    }

    pub(crate) fn families(&self) -> Range<usize> {
        self.families.clone()
    }

    pub(super) fn tip_count(&self) -> usize {
        self.tips
    }

    pub(super) fn joins(&self) -> &[Join] {
        &self.joins
    }

    pub(super) fn pairs(&self, join: &Join) -> &[[u32; 2]] {
        &self.pairs[join.pairs.clone()]
    }

    /// Class at the root of each family.
    pub(super) fn classes(&self) -> &[u32] {
        &self.classes
    }

    /// Nodes whose branches an operand is carried along, lowest first.
    pub(super) fn path(&self, operand: usize) -> impl Iterator<Item = u32> {
        let carry = operand.checked_sub(self.tips).and_then(|join| self.joins[join].carry);
        carry.into_iter().chain(self.chains[operand].iter().copied())
    }

    /// The operand that is the whole tree.
    pub(super) fn root(&self) -> u32 {
        (self.tips + self.joins.len() - 1) as u32
    }

    /// Where the classes of an operand begin among those of all.
    pub(super) fn offset(&self, operand: u32) -> usize {
        let operand = operand as usize;
        match operand.checked_sub(self.tips) {
            None => operand * TIP_CLASSES,
            Some(join) => self.tips * TIP_CLASSES + self.joins[join].pairs.start,
        }
    }

    /// Log-likelihoods of the families under one pair of rates, in numbers that can't underflow.
    pub(crate) fn wide_log_likelihoods(&self, transitions: &[Transition], prior: [f64; 2], out: &mut [f64]) {
        let mut values: Vec<[Wide; 2]> = Vec::with_capacity(self.tips * TIP_CLASSES + self.pairs.len());
        let along = |operand: usize, vector: [Wide; 2]| {
            self.path(operand)
                .fold(vector, |vector, node| transitions[node as usize].0.map(|row| row_times(row, vector)))
        };
        for tip in 0..self.tips {
            for vector in TIP_VECTORS {
                values.push(along(tip, vector.map(Wide::new)));
            }
        }
        for (index, join) in self.joins.iter().enumerate() {
            let (left, right) = (self.offset(join.left), self.offset(join.right));
            for &[a, b] in self.pairs(join) {
                let (u, v) = (values[left + a as usize], values[right + b as usize]);
                values.push(along(self.tips + index, [u[0].times(v[0]), u[1].times(v[1])]));
            }
        }
        let root = self.offset(self.root());
        let logs: Vec<f64> = values[root..].iter().map(|&value| row_times(prior, value).ln()).collect();
        for (out, &class) in out.iter_mut().zip(&self.classes) {
            *out = logs[class as usize];
        }
    }
}

/// Vectors of a tip that is absent, present, missing.
pub(super) const TIP_VECTORS: [[f64; 2]; TIP_CLASSES] = [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]];

fn class_of(state: State) -> u32 {
    match state {
        State::Absent => 0,
        State::Present => 1,
        State::Missing => 2,
    }
}

/// Numbers distinct pairs.
#[derive(Default)]
struct Finder {
    table: Vec<u32>,
    starts: Vec<u32>,
    unsorted: Vec<[u32; 2]>,
    numbers: Vec<u32>,
    map: HashMap<u64, u32, BuildHasherDefault<PairHasher>>,
}

impl Finder {
    fn join(&mut self, left: (&[u32], usize), right: (&[u32], usize), pairs: &mut Vec<[u32; 2]>) -> Vec<u32> {
        const EMPTY: u32 = u32::MAX;
        let start = pairs.len();
        let count = left.0.len();
        let mut classes = Vec::with_capacity(count);
        if left.1.saturating_mul(right.1) <= 4 * count + 64 {
            // Few enough pairs are possible for a table.
            self.table.clear();
            self.table.resize(left.1 * right.1, EMPTY);
            for (&a, &b) in left.0.iter().zip(right.0) {
                let entry = &mut self.table[a as usize * right.1 + b as usize];
                if *entry == EMPTY {
                    *entry = (pairs.len() - start) as u32;
                    pairs.push([a, b]);
                }
                classes.push(*entry);
            }
        } else {
            self.map.clear();
            for (&a, &b) in left.0.iter().zip(right.0) {
                let fresh = (pairs.len() - start) as u32;
                let id = *self.map.entry(u64::from(a) << 32 | u64::from(b)).or_insert(fresh);
                if id == fresh {
                    pairs.push([a, b]);
                }
                classes.push(id);
            }
        }
        self.sort(left.1, &mut pairs[start..], &mut classes);
        classes
    }

    /// Renumbers classes so that pairs with the same left class stand together: passes over them then touch that
    /// class once a run, and no right class twice in a run.
    fn sort(&mut self, left_classes: usize, pairs: &mut [[u32; 2]], classes: &mut [u32]) {
        self.starts.clear();
        self.starts.resize(left_classes + 1, 0);
        for &[a, _] in pairs.iter() {
            self.starts[a as usize + 1] += 1;
        }
        for a in 0..left_classes {
            self.starts[a + 1] += self.starts[a];
        }
        self.unsorted.clear();
        self.unsorted.extend_from_slice(pairs);
        self.numbers.clear();
        for &pair in &self.unsorted {
            let place = &mut self.starts[pair[0] as usize];
            pairs[*place as usize] = pair;
            self.numbers.push(*place);
            *place += 1;
        }
        for class in classes {
            *class = self.numbers[*class as usize];
        }
    }
}

/// Multiplies by an odd constant and folds: enough for pairs of small numbers, and quick.
#[derive(Default)]
struct PairHasher(u64);

impl Hasher for PairHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(self.0 ^ u64::from(byte));
        }
    }

    fn write_u64(&mut self, key: u64) {
        let product = u128::from(key) * 0x9E37_79B9_7F4A_7C15;
        self.0 = (product >> 64) as u64 ^ product as u64;
    }
}
