//! Subtree repeats: at every node each distinct pattern of the tips below it is computed once
//! (Kobert, Stamatakis, Flouri 2017, Syst. Biol. 66:205). Patterns are found once; evaluations reuse them.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;

use super::wide::{Wide, row_times};
use super::workers::Workers;
use crate::bits::numbers;
use crate::error::Result;
use crate::model::Transition;
use crate::monitor::Unwatched;
use crate::states::TipStates;
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

/// A subtree whose patterns were found and that is part of no larger such one.
#[derive(Debug, Clone)]
pub(super) struct Top {
    pub(super) operand: u32,
    /// Its root.
    pub(super) node: u32,
    /// Class of each family.
    pub(super) classes: Vec<u32>,
}

/// How large subtrees may become.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    /// Distinct patterns at most.
    pub(super) classes: usize,
    /// Tips at most.
    pub(super) tips: usize,
}

impl Limit {
    const NONE: Self = Self { classes: usize::MAX, tips: usize::MAX };
}

/// The distinct subtree patterns of some families.
#[derive(Debug, Clone)]
pub(crate) struct Repeats {
    families: Range<usize>,
    joins: Vec<Join>,
    pairs: Vec<[u32; 2]>,
    /// Unary nodes above each operand, innermost first, including the operand's own branch for tips.
    chains: Vec<Vec<u32>>,
    /// The whole tree, if nothing limits them.
    tops: Vec<Top>,
    tips: usize,
}

/// What is known of a node that waits for its parent.
#[derive(Clone)]
struct Part {
    node: u32,
    operand: u32,
    classes: Vec<u32>,
    distinct: usize,
}

impl Part {
    fn top(self) -> Top {
        Top { operand: self.operand, node: self.node, classes: self.classes }
    }
}

pub(super) const TIP_CLASSES: usize = 3;

impl Repeats {
    /// Finds the patterns of `families`, of the whole tree.
    pub(crate) fn find(tree: &Tree, states: &TipStates, families: Range<usize>) -> Self {
        Self::find_within(tree, states, families, Limit::NONE)
    }

    /// Finds the patterns of every `chunk` columns.
    pub(super) fn find_all(tree: &Tree, columns: &TipStates, chunk: usize, workers: &Workers) -> Result<Vec<Self>> {
        let count = columns.family_count();
        let ranges = (0..count).step_by(chunk).map(|first| first..(first + chunk).min(count)).collect();
        workers.ordered("repeats", ranges, &Unwatched, |range| Self::find(tree, columns, range))
    }

    /// No patterns at all.
    pub(super) fn none(tree: &Tree, families: Range<usize>) -> Self {
        let tips = tree.tip_count();
        Self { families, joins: vec![], pairs: vec![], chains: vec![vec![]; tips], tops: vec![], tips }
    }

    /// Without the classes of families, for those that keep them elsewhere.
    pub(super) fn without_classes(mut self) -> Self {
        self.tops.iter_mut().for_each(|top| top.classes = vec![]);
        self.joins.shrink_to_fit();
        self.pairs.shrink_to_fit();
        self
    }

    /// Finds the patterns of the largest subtrees within a limit; single tips are none, unless one is the tree.
    pub(super) fn find_within(tree: &Tree, states: &TipStates, families: Range<usize>, limit: Limit) -> Self {
        let mut finder = Finder::default();
        let mut found = Self::none(tree, families);
        let mut waiting: Vec<Option<Part>> = std::iter::repeat_with(|| None).take(tree.node_count()).collect();
        let tips_below = tips_below(tree);
        for node in 0..tree.node_count() {
            let part = if let Some(tip) = tree.tip_rank(node) {
                let classes = tip_classes(states, tip, &found.families);
                Some(Part { node: node as u32, operand: tip as u32, classes, distinct: TIP_CLASSES })
            } else {
                let children = tree.children(node);
                let parts: Vec<Part> = children.iter().filter_map(|&child| waiting[child as usize].take()).collect();
                let whole = parts.len() == children.len() && tips_below[node] <= limit.tips;
                let product = if whole { found.product(&mut finder, tree, node, &parts, limit.classes) } else { None };
                if product.is_none() {
                    // What could be joined no further stands for itself.
                    let inner = parts.into_iter().filter(|part| tree.tip_rank(part.node as usize).is_none());
                    found.tops.extend(inner.map(Part::top));
                }
                product
            };
            let Some(part) = part else { continue };
            if node == tree.root() {
                found.tops.push(part.top());
            } else {
                if tree.children(node).len() < 2 {
                    found.chains[part.operand as usize].push(node as u32);
                }
                waiting[node] = Some(part);
            }
        }
        found
    }

    /// The patterns of `node` from those of all its children, unless there are more than `most`.
    fn product(&mut self, finder: &mut Finder, tree: &Tree, node: usize, parts: &[Part], most: usize) -> Option<Part> {
        let (first, others) = parts.split_first()?;
        let (joins, pairs) = (self.joins.len(), self.pairs.len());
        let mut product = Part { node: node as u32, ..first.clone() };
        for (i, right) in others.iter().enumerate() {
            let start = self.pairs.len();
            let left = (product.classes.as_slice(), product.distinct);
            let right_classes = (right.classes.as_slice(), right.distinct);
            let Some(classes) = finder.join(left, right_classes, most, &mut self.pairs) else {
                self.joins.truncate(joins);
                self.chains.truncate(self.tips + joins);
                self.pairs.truncate(pairs);
                return None;
            };
            let carry = (i + 1 == others.len() && node != tree.root()).then_some(node as u32);
            let (left, right) = (product.operand, right.operand);
            self.joins.push(Join { left, right, pairs: start..self.pairs.len(), carry });
            self.chains.push(vec![]);
            let operand = (self.tips + self.joins.len() - 1) as u32;
            product = Part { node: node as u32, operand, classes, distinct: self.pairs.len() - start };
        }
        Some(product)
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

    /// Subtrees that are part of no larger one.
    pub(super) fn tops(&self) -> &[Top] {
        &self.tops
    }

    /// Class at the root of each family, if nothing limited the search.
    pub(super) fn classes(&self) -> &[u32] {
        self.tops.first().map_or(&[], |top| &top.classes)
    }

    /// Nodes whose branches an operand is carried along, lowest first.
    pub(super) fn path(&self, operand: usize) -> impl Iterator<Item = u32> {
        let carry = operand.checked_sub(self.tips).and_then(|join| self.joins[join].carry);
        carry.into_iter().chain(self.chains[operand].iter().copied())
    }

    /// The operand that is the whole tree.
    pub(super) fn root(&self) -> u32 {
        self.tops.first().map_or(0, |top| top.operand)
    }

    /// Classes of an operand, as a range among those of all.
    pub(super) fn classes_of(&self, operand: u32) -> Range<usize> {
        let start = self.offset(operand);
        match (operand as usize).checked_sub(self.tips) {
            None => start..start + TIP_CLASSES,
            Some(join) => start..start + self.joins[join].pairs.len(),
        }
    }

    /// Classes of all operands together.
    pub(super) fn class_count(&self) -> usize {
        self.tips * TIP_CLASSES + self.pairs.len()
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
        for (out, &class) in out.iter_mut().zip(self.classes()) {
            *out = logs[class as usize];
        }
    }
}

/// Vectors of a tip that is absent, present, missing.
pub(super) const TIP_VECTORS: [[f64; 2]; TIP_CLASSES] = [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]];

/// Places in [`TIP_VECTORS`] of the families' states.
fn tip_classes(states: &TipStates, tip: usize, families: &Range<usize>) -> Vec<u32> {
    let mut classes = numbers(states.present_row(tip), families);
    if let Some(missing) = states.missing_row(tip) {
        let missing = numbers(missing, families);
        classes.iter_mut().zip(missing).for_each(|(class, missing)| *class = if missing == 1 { 2 } else { *class });
    }
    classes
}

/// Tips below every node.
fn tips_below(tree: &Tree) -> Vec<usize> {
    let mut count = vec![0; tree.node_count()];
    for node in 0..tree.node_count() {
        count[node] += usize::from(tree.tip_rank(node).is_some());
        if let Some(parent) = tree.parent(node) {
            count[parent] += count[node];
        }
    }
    count
}

/// Pairs for which a table is worth clearing however few families there are: it fits into the second cache.
const TABLE_PAIRS: usize = 1 << 16;

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
    /// Classes of the pairs of two operands' classes, `None` if there are more than `most`.
    fn join(
        &mut self,
        left: (&[u32], usize),
        right: (&[u32], usize),
        most: usize,
        pairs: &mut Vec<[u32; 2]>,
    ) -> Option<Vec<u32>> {
        const EMPTY: u32 = u32::MAX;
        let start = pairs.len();
        let count = left.0.len();
        let mut classes = Vec::with_capacity(count);
        if left.1.saturating_mul(right.1) <= (4 * count).max(TABLE_PAIRS) {
            // Few enough pairs are possible for a table.
            self.table.clear();
            self.table.resize(left.1 * right.1, EMPTY);
            for (&a, &b) in left.0.iter().zip(right.0) {
                let entry = &mut self.table[a as usize * right.1 + b as usize];
                if *entry == EMPTY {
                    *entry = (pairs.len() - start) as u32;
                    if *entry as usize >= most {
                        return None;
                    }
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
                    if fresh as usize >= most {
                        return None;
                    }
                    pairs.push([a, b]);
                }
                classes.push(id);
            }
        }
        self.sort(left.1, &mut pairs[start..], &mut classes);
        Some(classes)
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
