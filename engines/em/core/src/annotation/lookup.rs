//! Finds the intervals under a stretch of a contig.

use coitrees::{BasicCOITree, Interval as Node, IntervalTree};

use super::interval::Tagged;
use super::{Annotation, Interval, Strand};
use crate::{EmError, Monitor, Workers};

/// One interval under a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// Number of the locus.
    pub locus: u32,
    /// First base of the interval.
    pub first: i32,
    /// Its strand.
    pub strand: Strand,
    /// Bases shared with the query.
    pub overlap: i64,
}

/// One search tree a contig, numbered as in an alignment file.
pub struct Lookup<'a> {
    trees: Vec<Option<BasicCOITree<Tagged, u32>>>,
    annotation: &'a Annotation,
}

impl<'a> Lookup<'a> {
    /// Indexes the intervals on `contigs`, which are an alignment file's names in order; those of other contigs are
    /// left alone. Contigs are shared among the workers.
    ///
    /// # Errors
    /// If the caller asked to stop.
    pub fn new<'c>(
        annotation: &'a Annotation,
        contigs: impl IntoIterator<Item = &'c str>,
        workers: &Workers,
        monitor: &dyn Monitor,
    ) -> Result<Self, EmError> {
        let mut work: Vec<_> = contigs.into_iter().map(|contig| (annotation.intervals(contig), None)).collect();
        workers.for_each(monitor, "load", &mut work, |_, (intervals, tree)| *tree = tree_of(intervals))?;
        Ok(Self { trees: work.into_iter().map(|(_, tree)| tree).collect(), annotation })
    }

    /// Whether any contig carries a locus.
    pub fn is_empty(&self) -> bool {
        self.trees.iter().all(Option::is_none)
    }

    /// Calls `visit` for every interval that shares a base with `first..=last` of contig number `contig`, in no
    /// particular order.
    pub fn visit(&self, contig: i32, first: i32, last: i32, mut visit: impl FnMut(Hit)) {
        let tree = usize::try_from(contig).ok().and_then(|contig| self.trees.get(contig));
        let Some(Some(tree)) = tree else { return };
        tree.query(first, last, |node| {
            let overlap = i64::from(node.last.min(last)) - i64::from(node.first.max(first)) + 1;
            let (locus, strand) = (node.metadata.locus(), node.metadata.strand());
            visit(Hit { locus, first: node.first, strand, overlap });
        });
    }

    /// The name of a locus.
    pub fn name(&self, locus: u32) -> &'a str {
        self.annotation.name(locus)
    }
}

fn tree_of(intervals: &[Interval]) -> Option<BasicCOITree<Tagged, u32>> {
    if intervals.is_empty() {
        return None;
    }
    let nodes: Vec<Node<Tagged>> = intervals.iter().map(|it| Node::new(it.first, it.last, it.tagged)).collect();
    Some(BasicCOITree::new(&nodes))
}

impl std::fmt::Debug for Lookup<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Lookup").field("contigs", &self.trees.len()).finish_non_exhaustive()
    }
}
