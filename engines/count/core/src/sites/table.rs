//! The rows of the output, and the distinct sites behind them.

use std::cmp::Ordering;

use super::select::{Row, Selection};
use crate::{
    regions::{Regions, bins::BinIndex},
    words::{Word, Words},
};

/// One row of the output.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TableRow {
    pub(crate) row: Row,
    /// Names of the region; empty without regions.
    pub(crate) labels: [Word; 2],
}

/// A distinct place that is looked up; one or more rows show its counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Site {
    pub(crate) contig: u32,
    /// 1-based.
    pub(crate) position: u32,
    /// Number of its first row: its alleles count, and its place in the order of sites.
    pub(crate) first_row: u32,
}

/// The rows of the output in order; exact duplicates once, but for given sites.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) rows: Vec<TableRow>,
    /// Sorted by contig, position and first row.
    pub(crate) sites: Vec<Site>,
    /// For every row, the number of its site.
    pub(crate) site_of_row: Vec<u32>,
    pub(crate) words: Words,
    pub(crate) contigs: Vec<String>,
    /// Names of the region columns.
    pub(crate) label_columns: Vec<String>,
    pub(crate) has_genotypes: bool,
}

impl Table {
    /// Crosses rows with regions. With `by_position` all rows at one position share the first row's site.
    pub(crate) fn new(selection: Selection, regions: Option<&Regions>, has_genotypes: bool, by_position: bool) -> Self {
        let Selection { rows, words, contigs, keeps_equal_rows, .. } = selection;
        let rows = match regions {
            None => rows.into_iter().map(|row| TableRow { row, labels: Default::default() }).collect(),
            Some(regions) => cross(&rows, &words, regions),
        };
        let rows = if keeps_equal_rows { rows } else { without_duplicates(rows) };
        let (sites, site_of_row) = find_sites(&rows, by_position);
        let label_columns = regions.map(|regions| regions.columns.clone()).unwrap_or_default();
        Table { rows, sites, site_of_row, words, contigs, label_columns, has_genotypes }
    }

    pub(crate) fn contig_name(&self, contig: u32) -> &str {
        &self.contigs[contig as usize]
    }
}

/// Every pair of a row and a region that holds a base of its REF.
fn cross(rows: &[Row], words: &Words, regions: &Regions) -> Vec<TableRow> {
    let index = BinIndex::new(&regions.entries);
    let mut found = Vec::new();
    let mut pairs = Vec::new();
    for &row in rows {
        let end = row.start.saturating_add(words.text(row.reference).len() as u32);
        index.overlapping(&regions.entries, row.contig, row.start, end, &mut found);
        pairs.extend(found.iter().map(|&entry| TableRow { row, labels: regions.entries[entry as usize].labels }));
    }
    pairs
}

/// Keeps the first of equal rows.
fn without_duplicates(mut rows: Vec<TableRow>) -> Vec<TableRow> {
    let key = |&TableRow { row, labels }: &TableRow| {
        (row.contig, row.start, row.position, row.reference, row.alternate, row.genotype, labels)
    };
    let place = |TableRow { row, .. }: &TableRow| (row.contig, row.start);
    if rows.is_sorted_by(|a, b| place(a) < place(b)) {
        return rows;
    }
    let sorted = sorted_by(&rows, place, |a, b| key(a).cmp(&key(b)));
    let mut duplicate = vec![false; rows.len()];
    for pair in sorted.windows(2) {
        let [first, second] = [pair[0] as usize, pair[1] as usize];
        duplicate[second] = key(&rows[first]) == key(&rows[second]);
    }
    let mut duplicate = duplicate.into_iter();
    rows.retain(|_| !duplicate.next().unwrap_or(false));
    rows
}

/// Groups rows into sites; gives these, and the site of every row.
fn find_sites(rows: &[TableRow], by_position: bool) -> (Vec<Site>, Vec<u32>) {
    let key = |&TableRow { row, .. }: &TableRow| {
        let alleles = if by_position { Default::default() } else { (row.reference, row.alternate) };
        (row.contig, row.position, alleles)
    };
    let place = |TableRow { row, .. }: &TableRow| (row.contig, row.position);
    // One row at every place, in order: each is its own site, and nothing need be looked for.
    if rows.is_sorted_by(|a, b| place(a) < place(b)) {
        let sites = (0..).zip(rows).map(|(first_row, TableRow { row, .. })| Site {
            contig: row.contig,
            position: row.position,
            first_row,
        });
        return (sites.collect(), (0..rows.len() as u32).collect());
    }
    let sorted = sorted_by(rows, place, |a, b| key(a).cmp(&key(b)));
    // The sort is stable, so that a group begins with its first row.
    let mut sites: Vec<Site> = Vec::new();
    let mut group = vec![0; rows.len()];
    for (index, &number) in sorted.iter().enumerate() {
        let row = &rows[number as usize];
        if index == 0 || key(&rows[sorted[index - 1] as usize]) != key(row) {
            sites.push(Site { contig: row.row.contig, position: row.row.position, first_row: number });
        }
        group[number as usize] = sites.len() as u32 - 1;
    }
    let order = sorted_by(
        &sites,
        |site| (site.contig, site.position),
        |a, b| (a.contig, a.position, a.first_row).cmp(&(b.contig, b.position, b.first_row)),
    );
    let mut rank = vec![0; sites.len()];
    for (new, &old) in (0..).zip(&order) {
        rank[old as usize] = new;
    }
    for site in &mut group {
        *site = rank[*site as usize];
    }
    (order.iter().map(|&old| sites[old as usize]).collect(), group)
}

/// Numbers of the items in stable order. `place` is what `compare` looks at first: where the items are sorted by it already,
/// as files are nearly always, only those at one place are sorted.
fn sorted_by<T, P: Ord>(items: &[T], place: impl Fn(&T) -> P, compare: impl Fn(&T, &T) -> Ordering) -> Vec<u32> {
    let mut order: Vec<u32> = (0..items.len() as u32).collect();
    let compare = |&a: &u32, &b: &u32| compare(&items[a as usize], &items[b as usize]);
    if items.is_sorted_by_key(&place) {
        for run in order.chunk_by_mut(|&a, &b| place(&items[a as usize]) == place(&items[b as usize])) {
            run.sort_by(compare);
        }
    } else {
        order.sort_by(compare);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::regions::Region;

    /// Rows as (contig, 1-based position, REF, ALT).
    fn selection(rows: &[(u32, u32, &str, &str)]) -> Selection {
        let mut selection = Selection { contigs: vec!["one".into(), "two".into()], ..Default::default() };
        for &(contig, position, reference, alternate) in rows {
            let row = Row {
                contig,
                start: position - 1,
                position,
                reference: selection.words.insert(reference),
                alternate: selection.words.insert(alternate),
                genotype: Word::default(),
            };
            selection.rows.push(row);
        }
        selection
    }

    #[test]
    fn equal_rows_are_kept_once_and_sites_are_sorted() {
        let rows = [(1, 9, "A", "C"), (0, 5, "A", "G"), (0, 3, "A", "C"), (0, 5, "A", "C"), (0, 5, "A", "G")];
        let table = Table::new(selection(&rows), None, false, false);
        assert_eq!(table.rows.len(), 4);
        let sites: Vec<_> = table.sites.iter().map(|site| (site.contig, site.position, site.first_row)).collect();
        assert_eq!(sites, [(0, 3, 2), (0, 5, 1), (0, 5, 3), (1, 9, 0)]);
        assert_eq!(table.site_of_row, [3, 1, 0, 2]);
        let table = Table::new(selection(&rows), None, false, true);
        assert_eq!(table.sites.len(), 3);
        assert_eq!(table.site_of_row, [2, 1, 0, 1]);
    }

    #[test]
    fn rows_in_order_are_their_own_sites() {
        let rows = [(0, 3, "A", "C"), (0, 5, "A", "G"), (1, 2, "A", "C")];
        let table = Table::new(selection(&rows), None, false, false);
        let sites: Vec<_> = table.sites.iter().map(|site| (site.contig, site.position, site.first_row)).collect();
        assert_eq!(sites, [(0, 3, 0), (0, 5, 1), (1, 2, 2)]);
        assert_eq!(table.site_of_row, [0, 1, 2]);
        // Out of order by contig alone: the general way.
        let rows = [(1, 2, "A", "C"), (0, 3, "A", "C")];
        assert_eq!(Table::new(selection(&rows), None, false, false).site_of_row, [1, 0]);
    }

    #[test]
    fn sorted_and_unsorted_items_are_put_in_the_same_order() {
        for items in
            [vec![], vec![(1, 3), (1, 2), (1, 3), (2, 0), (4, 9), (4, 1)], vec![(2, 1), (1, 5), (2, 0), (1, 5)]]
        {
            let mut expected: Vec<u32> = (0..items.len() as u32).collect();
            expected.sort_by_key(|&number| items[number as usize]);
            assert_eq!(sorted_by(&items, |item| item.0, |a, b| a.cmp(b)), expected, "{items:?}");
        }
    }

    #[test]
    fn a_row_in_two_regions_is_two_rows_of_one_site() {
        let mut selection = selection(&[(0, 5, "A", "G"), (0, 50, "A", "G"), (1, 5, "A", "G")]);
        let mut region = |contig, start, end, name: &str| Region {
            contig,
            start,
            end,
            labels: [selection.words.insert(name), Word::default()],
        };
        let entries =
            vec![region(0, 4, 5, "b"), region(0, 0, 20, "a"), region(0, 5, 9, "beside"), region(0, 4, 6, "b")];
        let regions = Regions { entries, columns: vec!["region".into()] };
        let table = Table::new(selection, Some(&regions), false, false);
        let labels: Vec<_> = table.rows.iter().map(|row| table.words.text(row.labels[0])).collect();
        assert_eq!(labels, ["b", "a"]);
        assert_eq!(table.sites.len(), 1);
    }
}
