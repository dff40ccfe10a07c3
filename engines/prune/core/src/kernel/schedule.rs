//! The order of work on one tree: a stack machine whose top lives in registers.
//!
//! Deeper children come first, so that few partial results wait at once (Sethi and Ullman 1970). Small groups
//! of tips become *clusters*: all their states together make a number of at most 4 bits, and what they
//! contribute is read from a table of 16 entries instead of being computed family by family.
//! Leaves out rates: one schedule serves every evaluation.

use super::lanes::BLOCK_FAMILIES;
use super::workers::Workers;
use crate::error::Result;
use crate::monitor::Unwatched;
use crate::states::TipStates;
use crate::tree::Tree;

/// Bits of the code of a cluster at most: tables of 16 entries fit into registers.
pub(crate) const CODE_BITS: u32 = 4;

/// Something that is known without looking below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leaf {
    /// A tip, carried to the upper end of its branch.
    Tip(u32),
    /// A cluster, by index.
    Cluster(u32),
}

/// One instruction. "The top" is a pair of partials per family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The top becomes a leaf.
    Start(Leaf),
    /// The top is multiplied by a leaf.
    Multiply(Leaf),
    /// The top is carried to the upper end of the branch above a node.
    Carry(u32),
    /// The top is put aside.
    Push,
    /// The top is multiplied by what was last put aside.
    MultiplyPopped,
}

/// Subtrees below one node (or the whole tree) that are looked up together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cluster {
    /// Nodes of the subtrees, children before parents.
    pub(crate) nodes: Vec<u32>,
    /// Roots of the subtrees: what they carry upwards is multiplied.
    pub(crate) tops: Vec<u32>,
    /// Tips (by rank), each with the bit of the code that says "present", and that which says "missing" if the
    /// tip has missing data.
    pub(crate) tips: Vec<(u32, u32, Option<u32>)>,
    /// Bits in use.
    pub(crate) bits: u32,
}

/// Instructions for one tree.
#[derive(Debug, Clone)]
pub(crate) struct Schedule {
    pub(crate) steps: Vec<Step>,
    /// Most results put aside at once.
    pub(crate) depth: usize,
    pub(crate) clusters: Vec<Cluster>,
}

impl Schedule {
    /// Plans the work; `cluster_bits` of 0 means no clusters.
    pub(crate) fn new(tree: &Tree, states: &TipStates, cluster_bits: u32) -> Self {
        let bits = code_bits(tree, states);
        let is_leaf = |node: usize| tree.tip_rank(node).is_some() || bits[node] <= cluster_bits;
        let mut clusters = vec![];
        // As many to one table as fit.
        let group = |leaves: &[u32], into: &mut Vec<Leaf>| {
            let mut rest = leaves;
            while let Some((&first, _)) = rest.split_first() {
                let mut taken = 1;
                let mut sum = bits[first as usize];
                while taken < rest.len() && sum + bits[rest[taken] as usize] <= cluster_bits {
                    sum += bits[rest[taken] as usize];
                    taken += 1;
                }
                into.push(match tree.tip_rank(first as usize) {
                    Some(tip) if taken == 1 => Leaf::Tip(tip as u32),
                    _ => {
                        clusters.push(Cluster::of(tree, states, &rest[..taken]));
                        Leaf::Cluster((clusters.len() - 1) as u32)
                    }
                });
                rest = &rest[taken..];
            }
        };
        let (steps, depth) = walk(tree, is_leaf, group);
        Self { steps, depth, clusters }
    }

    /// Plans the work above `folded` subtrees: each a cluster of its own, by place in the list of their roots.
    pub(crate) fn above(tree: &Tree, folded: &[u32]) -> Self {
        let mut place = vec![None; tree.node_count()];
        folded.iter().enumerate().for_each(|(index, &node)| place[node as usize] = Some(index as u32));
        let is_leaf = |node: usize| tree.tip_rank(node).is_some() || place[node].is_some();
        let group = |leaves: &[u32], into: &mut Vec<Leaf>| {
            into.extend(leaves.iter().map(|&node| match (place[node as usize], tree.tip_rank(node as usize)) {
                (Some(index), _) => Leaf::Cluster(index),
                // What is not a cluster is a tip.
                (None, tip) => Leaf::Tip(tip.unwrap_or_default() as u32),
            }));
        };
        let (steps, depth) = walk(tree, is_leaf, group);
        Self { steps, depth, clusters: vec![] }
    }
}

/// Steps for a tree whose leaves are known without looking below them, and how many results wait at once.
/// `group` makes leaves of those children of one node that are.
fn walk(
    tree: &Tree,
    is_leaf: impl Fn(usize) -> bool,
    mut group: impl FnMut(&[u32], &mut Vec<Leaf>),
) -> (Vec<Step>, usize) {
    let (mut steps, mut waiting, mut depth) = (vec![], 0usize, 0usize);
    let mut leaves = vec![];
    if is_leaf(tree.root()) {
        group(&[tree.root() as u32], &mut leaves);
        return (leaves.into_iter().map(Step::Start).collect(), 0);
    }
    let need = depths(tree, &is_leaf);
    let inner_children = |node: usize| {
        let mut children: Vec<u32> = tree.children(node).iter().copied().filter(|&c| !is_leaf(c as usize)).collect();
        children.sort_by(|&a, &b| need[b as usize].cmp(&need[a as usize]));
        children
    };
    // (node, its inner children, how many of them are done)
    let mut path = vec![(tree.root(), inner_children(tree.root()), 0usize)];
    while let Some((node, children, done)) = path.last_mut() {
        if *done > 1 {
            steps.push(Step::MultiplyPopped);
            waiting -= 1;
        }
        if let Some(&child) = children.get(*done) {
            if *done > 0 {
                steps.push(Step::Push);
                waiting += 1;
                depth = depth.max(waiting);
            }
            *done += 1;
            let child = child as usize;
            path.push((child, inner_children(child), 0));
            continue;
        }
        let (node, mut started) = (*node, *done > 0);
        path.pop();
        let own: Vec<u32> = tree.children(node).iter().copied().filter(|&c| is_leaf(c as usize)).collect();
        leaves.clear();
        group(&own, &mut leaves);
        for &leaf in &leaves {
            steps.push(if started { Step::Multiply(leaf) } else { Step::Start(leaf) });
            started = true;
        }
        if node != tree.root() {
            steps.push(Step::Carry(node as u32));
        }
    }
    (steps, depth)
}

impl Cluster {
    fn of(tree: &Tree, states: &TipStates, tops: &[u32]) -> Self {
        let mut nodes = Vec::new();
        let mut tips = Vec::new();
        let mut bits = 0;
        let mut open: Vec<u32> = tops.to_vec();
        while let Some(node) = open.pop() {
            nodes.push(node);
            open.extend(tree.children(node as usize));
            if let Some(tip) = tree.tip_rank(node as usize) {
                let missing = states.missing_row(tip).map(|_| bits + 1);
                tips.push((tip as u32, bits, missing));
                bits += 1 + u32::from(missing.is_some());
            }
        }
        nodes.reverse();
        Self { nodes, tops: tops.to_vec(), tips, bits }
    }
}

/// Bits that the states of all tips below a node take, saturating above [`CODE_BITS`].
fn code_bits(tree: &Tree, states: &TipStates) -> Vec<u32> {
    let mut bits = vec![0u32; tree.node_count()];
    for node in 0..tree.node_count() {
        if let Some(tip) = tree.tip_rank(node) {
            bits[node] = 1 + u32::from(states.missing_row(tip).is_some());
        }
        if let Some(parent) = tree.parent(node) {
            bits[parent] = (bits[parent] + bits[node]).min(CODE_BITS + 1);
        }
    }
    bits
}

/// Results that wait while a node is computed, the deepest child first; 0 for leaves.
fn depths(tree: &Tree, is_leaf: &impl Fn(usize) -> bool) -> Vec<u32> {
    let mut need = vec![0u32; tree.node_count()];
    let mut below = Vec::new();
    for node in 0..tree.node_count() {
        if !is_leaf(node) {
            below.clear();
            below.extend(tree.children(node).iter().filter(|&&c| !is_leaf(c as usize)).map(|&c| need[c as usize]));
            below.sort_unstable_by(|a, b| b.cmp(a));
            need[node] = below.iter().enumerate().map(|(i, n)| n + u32::from(i > 0)).max().unwrap_or(0);
        }
    }
    need
}

/// Codes of every cluster for every family, two to a byte. Those of a block of families lie together, cluster after
/// cluster, as they are read: rows of whole clusters would compete for places in the caches.
#[derive(Debug, Clone, Default)]
pub(crate) struct Codes {
    clusters: usize,
    bytes: Vec<u8>,
}

/// Bytes of a cluster's codes for one block of families.
const BLOCK_BYTES: usize = BLOCK_FAMILIES / 2;
/// Blocks whose codes a worker makes at a time.
const PIECE_BLOCKS: usize = 64;

impl Codes {
    pub(crate) fn new(schedule: &Schedule, states: &TipStates, workers: &Workers) -> Result<Self> {
        let clusters = schedule.clusters.len();
        if clusters == 0 || states.family_count() == 0 {
            return Ok(Self::default());
        }
        let mut bytes = vec![0u8; states.present_row(0).len() * 4 * clusters];
        let pieces = bytes.chunks_mut(PIECE_BLOCKS * clusters * BLOCK_BYTES).collect();
        workers.each("codes", pieces, &Unwatched, |row: &mut Vec<u8>, piece, bytes: &mut [u8]| {
            let first = piece * PIECE_BLOCKS * BLOCK_FAMILIES / 8;
            row.resize(bytes.len() / clusters, 0);
            let own = first..first + row.len() / 4;
            for (index, cluster) in schedule.clusters.iter().enumerate() {
                row.fill(0);
                for &(tip, present, missing) in &cluster.tips {
                    spread(&states.present_row(tip as usize)[own.clone()], present, row);
                    if let (Some(bit), Some(bits)) = (missing, states.missing_row(tip as usize)) {
                        spread(&bits[own.clone()], bit, row);
                    }
                }
                let places = bytes.chunks_exact_mut(BLOCK_BYTES).skip(index).step_by(clusters);
                places.zip(row.chunks_exact(BLOCK_BYTES)).for_each(|(to, from)| to.copy_from_slice(from));
            }
        })?;
        Ok(Self { clusters, bytes })
    }

    /// Codes of `family`, an even number, and of those after it in its block.
    pub(crate) fn of(&self, cluster: u32, family: usize) -> &[u8] {
        let start = (family / BLOCK_FAMILIES * self.clusters + cluster as usize) * BLOCK_BYTES;
        &self.bytes[start + family % BLOCK_FAMILIES / 2..start + BLOCK_BYTES]
    }

    pub(crate) fn size_bytes(&self) -> usize {
        self.bytes.len()
    }
}

/// Bit i of `bits` goes to bit `4 i + bit` of `row`.
fn spread(bits: &[u8], bit: u32, row: &mut [u8]) {
    for (&byte, out) in bits.iter().zip(row.as_chunks_mut::<4>().0) {
        // Doubles the gaps between bits twice: 8 bits become 8 nibbles.
        let mut x = u32::from(byte);
        x = (x | x << 12) & 0x000F_000F;
        x = (x | x << 6) & 0x0303_0303;
        x = (x | x << 3) & 0x1111_1111;
        *out = (u32::from_le_bytes(*out) | x << bit).to_le_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::newick::{MissingLengths, parse};
    use crate::states::State;
    use std::path::Path;

    fn tree(text: &str) -> Tree {
        parse(text, Path::new("t"), MissingLengths::Use(1.0)).unwrap()
    }

    fn states(tips: usize) -> TipStates {
        TipStates::absent((0..20).map(|i| format!("f{i}")).collect(), tips)
    }

    #[test]
    fn balanced_trees_wait_once_a_level() {
        let mut text = "x".to_owned();
        for level in 0..5 {
            text =
                format!("({},{})", text.replace('x', &format!("{level}ax")), text.replace('x', &format!("{level}bx")));
        }
        let t = tree(&format!("{text};"));
        assert_eq!(t.tip_count(), 32);
        assert_eq!(Schedule::new(&t, &states(32), 0).depth, 4);
        let clustered = Schedule::new(&t, &states(32), CODE_BITS);
        assert_eq!((clustered.depth, clustered.clusters.len()), (2, 8));
    }

    #[test]
    fn stars_are_looked_up_in_fours() {
        let t = tree("(a,b,c,d,e,f,g,h,i);");
        let schedule = Schedule::new(&t, &states(9), CODE_BITS);
        use Step::{Multiply, Start};
        let expected = [Start(Leaf::Cluster(0)), Multiply(Leaf::Cluster(1)), Multiply(Leaf::Tip(8))];
        assert_eq!(schedule.steps, expected);
    }

    #[test]
    fn codes_hold_every_state() {
        let t = tree("((a,b),(c,d),e);");
        // Several pieces, the last not whole.
        let families = PIECE_BLOCKS * BLOCK_FAMILIES + 700;
        let mut s = TipStates::absent(vec![String::new(); families], 5);
        for family in 0..families {
            for tip in 0..5 {
                s.set(tip, family, if (family * 7 + tip * 3) % 5 < 2 { State::Present } else { State::Absent });
            }
        }
        s.set(2, 11, State::Missing);
        let schedule = Schedule::new(&t, &s, CODE_BITS);
        let codes = Codes::new(&schedule, &s, &Workers::new(2).unwrap()).unwrap();
        let mut seen = 0;
        for (index, cluster) in schedule.clusters.iter().enumerate() {
            for &(tip, present, missing) in &cluster.tips {
                seen += 1;
                for family in 0..families {
                    let code = u32::from(codes.of(index as u32, family & !1)[0]) >> (4 * (family % 2)) & 15;
                    let found = match (missing.is_some_and(|m| code >> m & 1 == 1), code >> present & 1) {
                        (true, _) => State::Missing,
                        (_, 1) => State::Present,
                        _ => State::Absent,
                    };
                    assert_eq!(found, s.get(tip as usize, family), "{tip} {family}");
                }
            }
        }
        assert_eq!(seen, 5);
    }
}
