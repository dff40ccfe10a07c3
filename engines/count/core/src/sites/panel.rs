//! The sites as a scan reads them: arrays in order of position.

use std::collections::HashMap;

use super::table::Table;
use crate::allele::{UNMATCHED, code};

/// Marks the alleles of a site that are longer than one base.
const LONG: [u8; 2] = [0xfe, 0xfe];

/// Alleles as a scan compares them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alleles<'a> {
    /// 4-bit codes of one-base REF and ALT.
    Snp([u8; 2]),
    /// Letters of REF and ALT.
    Long(&'a [u8], &'a [u8]),
}

/// A site with alleles longer than one base.
#[derive(Debug)]
struct LongSite {
    site: u32,
    reference: Box<[u8]>,
    alternate: Box<[u8]>,
}

/// The sites of one contig of the alignment file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ContigSites {
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// True when the order of the sites is the order of their positions, as in a sorted variant file.
    pub(crate) in_order: bool,
}

/// All sites. Numbers are those of [`Table::sites`].
#[derive(Debug)]
pub(crate) struct Panel {
    /// 0-based.
    pub(crate) positions: Vec<i32>,
    /// The order of the sites: that of their first rows.
    pub(crate) order: Vec<u32>,
    codes: Vec<[u8; 2]>,
    /// The sites with longer alleles, by number.
    long: Vec<LongSite>,
    /// By reference id of the alignment file.
    pub(crate) contigs: Vec<ContigSites>,
}

impl Panel {
    /// `references` are the contig names of the alignment file.
    pub(crate) fn new<'a>(table: &Table, references: impl Iterator<Item = &'a str>, fold_case: bool) -> Self {
        let fold = |text: &str| if fold_case { text.to_ascii_uppercase() } else { text.to_owned() };
        let mut panel = Panel {
            positions: Vec::with_capacity(table.sites.len()),
            order: Vec::with_capacity(table.sites.len()),
            codes: Vec::with_capacity(table.sites.len()),
            long: Vec::new(),
            contigs: Vec::new(),
        };
        let mut by_contig = vec![ContigSites::default(); table.contigs.len()];
        for (number, site) in (0..).zip(&table.sites) {
            let row = &table.rows[site.first_row as usize].row;
            let [reference, alternate] = [row.reference, row.alternate].map(|word| fold(table.words.text(word)));
            let contig = &mut by_contig[site.contig as usize];
            if contig.end == 0 {
                *contig = ContigSites { start: number, end: number, in_order: true };
            } else if panel.order.last().is_some_and(|&last| last > site.first_row) {
                contig.in_order = false;
            }
            contig.end = number + 1;
            // Selection sees to it that positions fit.
            panel.positions.push(site.position as i32 - 1);
            panel.order.push(site.first_row);
            panel.codes.push(match (reference.as_bytes(), alternate.as_bytes()) {
                (&[reference], &[alternate]) => [code(reference), code(alternate)],
                (reference, alternate) => {
                    let (reference, alternate) = (reference.into(), alternate.into());
                    panel.long.push(LongSite { site: number, reference, alternate });
                    LONG
                }
            });
        }
        let known: HashMap<&str, ContigSites> = table.contigs.iter().map(String::as_str).zip(by_contig).collect();
        panel.contigs = references.map(|name| known.get(name).copied().unwrap_or_default()).collect();
        panel
    }

    pub(crate) fn len(&self) -> usize {
        self.positions.len()
    }

    #[inline]
    pub(crate) fn alleles(&self, site: u32) -> Alleles<'_> {
        let codes = self.codes[site as usize];
        if codes != LONG {
            return Alleles::Snp(codes);
        }
        match self.long.binary_search_by_key(&site, |long| long.site) {
            Ok(index) => Alleles::Long(&self.long[index].reference, &self.long[index].alternate),
            Err(_) => Alleles::Snp([UNMATCHED; 2]),
        }
    }

    /// The contig that holds a site that a record covered.
    pub(crate) fn contig_of(&self, site: u32) -> ContigSites {
        let holds = |contig: &&ContigSites| (contig.start..contig.end).contains(&site);
        self.contigs.iter().find(holds).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sites::{
        select::{Row, Selection},
        table::Table,
    };

    #[test]
    fn sites_stand_by_contig_of_the_alignment_file() {
        let mut selection = Selection { contigs: vec!["b".into(), "absent".into(), "a".into()], ..Default::default() };
        for (contig, position, reference, alternate) in
            [(0, 7, "A", "g"), (0, 3, "A", "AT"), (1, 5, "C", "T"), (2, 1, "G", "*"), (2, 2, "G", "C")]
        {
            let row = Row {
                contig,
                start: position - 1,
                position,
                reference: selection.words.insert(reference),
                alternate: selection.words.insert(alternate),
                genotype: Default::default(),
            };
            selection.rows.push(row);
        }
        let table = Table::new(selection, None, false, false);
        let panel = Panel::new(&table, ["a", "empty", "b"].into_iter(), false);
        assert_eq!(panel.positions, [2, 6, 4, 0, 1]);
        assert_eq!(panel.contigs[0], ContigSites { start: 3, end: 5, in_order: true });
        assert_eq!(panel.contigs[1], ContigSites::default());
        assert_eq!(panel.contigs[2], ContigSites { start: 0, end: 2, in_order: false });
        assert_eq!(panel.alleles(0), Alleles::Long(b"A", b"AT"));
        assert_eq!(panel.alleles(1), Alleles::Snp([1, UNMATCHED]));
        assert_eq!(panel.alleles(3), Alleles::Snp([4, UNMATCHED]));
        assert_eq!(panel.contig_of(1), panel.contigs[2]);
        let folded = Panel::new(&table, ["b"].into_iter(), true);
        assert_eq!(folded.alleles(1), Alleles::Snp([1, 4]));
    }
}
