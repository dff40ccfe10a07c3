//! Finds the intervals under a stretch of a contig.

use coitrees::{BasicCOITree, Interval as Node, IntervalTree};

use super::{Annotation, Strand};

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
pub struct Lookup {
    trees: Vec<Option<BasicCOITree<Payload, u32>>>,
    /// Rank of each locus by name: settles ties.
    name_ranks: Vec<u32>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Payload {
    locus: u32,
    strand: Strand,
}

impl Lookup {
    /// Indexes the intervals on `contigs`, which are an alignment file's names in order.
    pub fn new<'a>(annotation: &Annotation, contigs: impl IntoIterator<Item = &'a str>) -> Self {
        let tree = |contig: &str| {
            let nodes: Vec<Node<Payload>> = annotation
                .intervals(contig)
                .map(|interval| {
                    let payload = Payload { locus: interval.locus, strand: interval.strand };
                    Node::new(interval.first, interval.last, payload)
                })
                .collect();
            (!nodes.is_empty()).then(|| BasicCOITree::new(&nodes))
        };
        let mut by_name: Vec<u32> = (0..annotation.loci().len() as u32).collect();
        by_name.sort_by_key(|&locus| &annotation.loci()[locus as usize].name);
        let mut name_ranks = vec![0; by_name.len()];
        for (rank, locus) in by_name.into_iter().enumerate() {
            name_ranks[locus as usize] = rank as u32;
        }
        Self { trees: contigs.into_iter().map(tree).collect(), name_ranks }
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
            let Payload { locus, strand } = node.metadata;
            visit(Hit { locus, first: node.first, strand, overlap });
        });
    }

    /// Place of a locus in the order of names.
    pub fn name_rank(&self, locus: u32) -> u32 {
        self.name_ranks[locus as usize]
    }
}

impl std::fmt::Debug for Lookup {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Lookup").field("contigs", &self.trees.len()).finish_non_exhaustive()
    }
}
