//! What a run counted, for callers who want it in memory instead of in files.

use super::Session;
use crate::{sites::table::TableRow, tables::in_file_order};

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row<'a> {
    /// Its contig.
    pub contig: &'a str,
    /// 0-based start of REF.
    pub start: u32,
    /// 1-based position that was looked up.
    pub position: u32,
    /// REF.
    pub reference: &'a str,
    /// ALT.
    pub alternate: &'a str,
    /// GT; empty without a sample.
    pub genotype: &'a str,
    /// Names of the region, one for each of [`Session::label_columns`].
    pub labels: [&'a str; 2],
    /// REF, ALT and other; all zero when counting per cell.
    pub counts: [u32; 3],
}

/// Counts of one cell at one site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// Number of the site among [`Session::distinct_sites`].
    pub site: u32,
    /// Number of the barcode among [`Session::barcodes`].
    pub barcode: u32,
    /// REF, ALT and other.
    pub counts: [u32; 3],
}

impl Session {
    /// Names of the columns with regions; empty without regions.
    pub fn label_columns(&self) -> &[String] {
        &self.table.label_columns
    }

    /// The rows of the table in its order; none before a run.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        let rows = self.table.rows.iter().zip(&self.table.site_of_row);
        self.totals
            .iter()
            .flat_map(move |totals| rows.clone().map(|(row, &site)| self.row(row, totals.counts[site as usize])))
    }

    /// Rows of the table, and how many of them have a count; none before a run.
    pub fn coverage(&self) -> Option<(usize, usize)> {
        let counts = &self.totals.as_ref()?.counts;
        let covered = self.table.site_of_row.iter().filter(|site| counts[**site as usize] != [0; 3]).count();
        Some((self.table.site_of_row.len(), covered))
    }

    fn row(&self, row: &TableRow, counts: [u32; 3]) -> Row<'_> {
        let text = |word| self.table.words.text(word);
        Row {
            contig: self.table.contig_name(row.row.contig),
            start: row.row.start,
            position: row.row.position,
            reference: text(row.row.reference),
            alternate: text(row.row.alternate),
            genotype: text(row.row.genotype),
            labels: row.labels.map(text),
            counts,
        }
    }

    /// The sites that cells are counted at, once each, in the order of the variant file.
    pub fn distinct_sites(&self) -> Vec<Row<'_>> {
        let sites = in_file_order(&self.table).into_iter().map(|site| self.table.sites[site as usize].first_row);
        sites.map(|row| self.row(&self.table.rows[row as usize], [0; 3])).collect()
    }

    /// Barcodes and their labels, in the order of their file; empty when not counting per cell.
    pub fn barcodes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.barcodes
            .iter()
            .flat_map(|it| it.names.iter().map(String::as_str).zip(it.labels.iter().map(String::as_str)))
    }

    /// Cells that counted, by site, then barcode; empty before a run, and when not counting per cell.
    pub fn cells(&self) -> Vec<Cell> {
        let mut place = vec![0; self.table.sites.len()];
        for (number, site) in (0..).zip(in_file_order(&self.table)) {
            place[site as usize] = number;
        }
        let counted = self.totals.iter().flat_map(|totals| &totals.cells);
        let cell = |(&(site, barcode), &counts): (&(u32, u32), &[u32; 3])| Cell {
            site: place[site as usize],
            barcode,
            counts,
        };
        let mut cells: Vec<Cell> = counted.map(cell).collect();
        cells.sort_unstable_by_key(|cell| (cell.site, cell.barcode));
        cells
    }
}
