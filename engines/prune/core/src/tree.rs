//! A rooted tree with branch lengths as flat arrays in postorder, children before parents, root last.
//! Leaves out reading and writing (see [`crate::newick`]) and everything about rates.

use std::collections::HashMap;

/// Index of "no node".
pub const NONE: u32 = u32::MAX;

/// A rooted tree. Nodes are numbered in postorder, left to right as in the file; the root is the last.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree {
    pub(crate) names: Vec<Option<String>>,
    pub(crate) lengths: Vec<f64>,
    pub(crate) parents: Vec<u32>,
    pub(crate) child_starts: Vec<u32>,
    pub(crate) children: Vec<u32>,
    pub(crate) tips: Vec<u32>,
    pub(crate) tip_ranks: Vec<u32>,
}

impl Tree {
    /// Puts the derived arrays beside the given ones. `parents[root] == NONE`, the root is the last node,
    /// and siblings stand in the order of their numbers.
    pub(crate) fn from_parts(names: Vec<Option<String>>, lengths: Vec<f64>, parents: Vec<u32>) -> Self {
        let count = parents.len();
        let mut child_starts = vec![0u32; count + 1];
        for &parent in parents.iter().filter(|&&p| p != NONE) {
            child_starts[parent as usize + 1] += 1;
        }
        for node in 0..count {
            child_starts[node + 1] += child_starts[node];
        }
        let mut next = child_starts.clone();
        let mut children = vec![0u32; count.saturating_sub(1)];
        for (node, &parent) in parents.iter().enumerate() {
            if parent != NONE {
                let place = &mut next[parent as usize];
                children[*place as usize] = node as u32;
                *place += 1;
            }
        }
        let mut tips = Vec::new();
        let mut tip_ranks = vec![NONE; count];
        for node in 0..count {
            if child_starts[node] == child_starts[node + 1] {
                tip_ranks[node] = tips.len() as u32;
                tips.push(node as u32);
            }
        }
        Self { names, lengths, parents, child_starts, children, tips, tip_ranks }
    }

    /// Number of nodes, tips and root included.
    pub fn node_count(&self) -> usize {
        self.parents.len()
    }

    /// Number of tips.
    pub fn tip_count(&self) -> usize {
        self.tips.len()
    }

    /// The root's number: the last.
    pub fn root(&self) -> usize {
        self.parents.len() - 1
    }

    /// Children of `node`, left to right; none for a tip.
    pub fn children(&self, node: usize) -> &[u32] {
        &self.children[self.child_starts[node] as usize..self.child_starts[node + 1] as usize]
    }

    /// Parent of `node`, `None` for the root.
    pub fn parent(&self, node: usize) -> Option<usize> {
        (self.parents[node] != NONE).then_some(self.parents[node] as usize)
    }

    /// Length of the branch above `node`, in the units that rates are per. 0 for the root.
    pub fn length(&self, node: usize) -> f64 {
        self.lengths[node]
    }

    /// Nodes that are tips, left to right.
    pub fn tips(&self) -> &[u32] {
        &self.tips
    }

    /// Place of `node` among the tips, `None` for an inner node.
    pub fn tip_rank(&self, node: usize) -> Option<usize> {
        (self.tip_ranks[node] != NONE).then_some(self.tip_ranks[node] as usize)
    }

    /// The label in the file, if there was one.
    pub fn name(&self, node: usize) -> Option<&str> {
        self.names[node].as_deref()
    }

    /// Name of the tip at `rank`.
    pub fn tip_name(&self, rank: usize) -> &str {
        self.names[self.tips[rank] as usize].as_deref().unwrap_or_default()
    }

    /// Tip names with their ranks.
    pub fn tip_index(&self) -> HashMap<&str, usize> {
        (0..self.tip_count()).map(|rank| (self.tip_name(rank), rank)).collect()
    }

    /// More than two branches meet at the root: the usual sign of a tree that nobody rooted.
    pub fn looks_unrooted(&self) -> bool {
        self.children(self.root()).len() > 2
    }

    /// One label a node, no two alike: the file's own, or `node<k>` (k: the postorder number) where the file
    /// has none or an inner label is not unique, as support values are.
    pub fn labels(&self) -> Vec<String> {
        let mut uses: HashMap<&str, u32> = HashMap::new();
        for name in self.names.iter().flatten() {
            *uses.entry(name).or_default() += 1;
        }
        let mut taken: std::collections::HashSet<String> =
            uses.iter().filter(|(_, n)| **n == 1).map(|(name, _)| (*name).to_owned()).collect();
        taken.extend(self.tips.iter().filter_map(|&t| self.names[t as usize].clone()));
        (0..self.node_count())
            .map(|node| match &self.names[node] {
                Some(name) if self.tip_ranks[node] != NONE || uses[name.as_str()] == 1 => name.clone(),
                _ => {
                    let mut label = format!("node{node}");
                    while !taken.insert(label.clone()) {
                        label.push('_');
                    }
                    label
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::newick::{MissingLengths, parse};
    use std::path::Path;

    #[test]
    fn labels_are_unique_and_postorder() {
        let text = "(((a:1,b:1)95:1,(c:1,d:1)95:1)x:1,node0:1);";
        let tree = parse(text, Path::new("t.nwk"), MissingLengths::Refuse).unwrap();
        assert_eq!(tree.labels(), ["a", "b", "node2", "c", "d", "node5", "x", "node0", "node8"]);
        let clash = parse("((node2:1,b:1):1,c:1);", Path::new("t.nwk"), MissingLengths::Refuse).unwrap();
        assert_eq!(clash.labels(), ["node2", "b", "node2_", "c", "node4"]);
    }
}
