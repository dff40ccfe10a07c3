//! Writing the tables.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
};

use crate::{
    Error,
    cells::Barcodes,
    harvest::Counts,
    ledger::{self, Reasons},
    merge::{CellCounts, Totals},
    sites::table::{Table, TableRow},
};

const BUFFER: usize = 1 << 18;

/// Creates a file, lets `content` write it, and sees that all of it got out.
fn create(path: &Path, content: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> Result<(), Error> {
    File::create(path)
        .map(|file| BufWriter::with_capacity(BUFFER, file))
        .and_then(|mut writer| content(&mut writer).and_then(|()| writer.flush()))
        .map_err(Error::write(path))
}

impl Table {
    fn text(&self, row: &TableRow) -> [&str; 4] {
        let words = &self.words;
        [
            self.contig_name(row.row.contig),
            words.text(row.row.reference),
            words.text(row.row.alternate),
            words.text(row.row.genotype),
        ]
    }
}

/// One row per allele, and region.
pub(crate) fn write_counts(path: &Path, table: &Table, totals: &Totals) -> Result<(), Error> {
    create(path, |out| {
        let regions = !table.label_columns.is_empty();
        out.write_all(if regions { b"chrom\tpos\tref\talt" } else { b"chrom\tpos0\tpos\tref\talt" })?;
        if table.has_genotypes {
            out.write_all(b"\tGT")?;
        }
        for column in &table.label_columns {
            write!(out, "\t{column}")?;
        }
        out.write_all(b"\tref_count\talt_count\tother_count\n")?;
        let mut line = Vec::new();
        for (row, &site) in table.rows.iter().zip(&table.site_of_row) {
            let [contig, reference, alternate, genotype] = table.text(row);
            line.clear();
            line.extend_from_slice(contig.as_bytes());
            if !regions {
                push_number(&mut line, row.row.start);
            }
            push_number(&mut line, row.row.position);
            push_text(&mut line, reference);
            push_text(&mut line, alternate);
            if table.has_genotypes {
                push_text(&mut line, genotype);
            }
            for (_, &label) in table.label_columns.iter().zip(&row.labels) {
                push_text(&mut line, table.words.text(label));
            }
            for count in totals.counts[site as usize] {
                push_number(&mut line, count);
            }
            line.push(b'\n');
            out.write_all(&line)?;
        }
        Ok(())
    })
}

/// Appends a column.
fn push_text(line: &mut Vec<u8>, text: &str) {
    line.push(b'\t');
    line.extend_from_slice(text.as_bytes());
}

/// Appends a column with a number: many times faster than the machinery of `write!`, which shows in large tables.
fn push_number(line: &mut Vec<u8>, mut number: u32) {
    let mut digits = [0; 10];
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    line.push(b'\t');
    line.extend_from_slice(&digits[first..]);
}

/// One row per site and cell that counted, sorted by chromosome (as bytes), position, alleles and barcode.
pub(crate) fn write_cells(path: &Path, table: &Table, barcodes: &Barcodes, cells: &CellCounts) -> Result<(), Error> {
    let mut rows: Vec<_> = cells
        .iter()
        .map(|(&(site, cell), counts)| {
            let row = &table.rows[table.sites[site as usize].first_row as usize];
            let [contig, reference, alternate, _] = table.text(row);
            (contig, row.row.position, reference, alternate, barcodes.names[cell as usize].as_str(), counts)
        })
        .collect();
    rows.sort_unstable();
    create(path, |out| {
        out.write_all(b"chrom\tpos\tref\talt\tbarcode\tref_count\talt_count\tother_count\n")?;
        for (contig, position, reference, alternate, barcode, counts) in rows {
            let [ref_count, alt_count, other_count] = counts;
            writeln!(
                out,
                "{contig}\t{position}\t{reference}\t{alternate}\t{barcode}\t{ref_count}\t{alt_count}\t{other_count}"
            )?;
        }
        Ok(())
    })
}

/// The numbers of the sites in the order of the variant file.
pub(crate) fn in_file_order(table: &Table) -> Vec<u32> {
    let mut order: Vec<u32> = (0..table.sites.len() as u32).collect();
    order.sort_unstable_by_key(|&site| table.sites[site as usize].first_row);
    order
}

/// The names of the matrices, by class.
pub(crate) const MATRICES: [&str; 3] = ["ref.mtx", "alt.mtx", "other.mtx"];
/// The names of the matrices' rows and columns.
pub(crate) const AXES: [&str; 2] = ["sites.tsv", "barcodes.tsv"];

/// Three matrices in MatrixMarket's coordinate form, sites x cells, and the names of their rows and columns.
pub(crate) fn write_matrices(
    folder: &Path,
    table: &Table,
    barcodes: &Barcodes,
    cells: &CellCounts,
) -> Result<(), Error> {
    // Rows are the sites in the order of the variant file.
    let order = in_file_order(table);
    let mut row_of = vec![0; order.len()];
    for (row, &site) in (1..).zip(&order) {
        row_of[site as usize] = row;
    }
    let mut entries: Vec<(u32, u32, Counts)> =
        cells.iter().map(|(&(site, cell), &counts)| (row_of[site as usize], cell + 1, counts)).collect();
    entries.sort_unstable();
    for (class, name) in MATRICES.iter().enumerate() {
        create(&folder.join(name), |out| {
            let filled = || entries.iter().filter(|entry| entry.2[class] > 0);
            out.write_all(b"%%MatrixMarket matrix coordinate integer general\n")?;
            writeln!(out, "{} {} {}", order.len(), barcodes.names.len(), filled().count())?;
            for (row, column, counts) in filled() {
                writeln!(out, "{row} {column} {}", counts[class])?;
            }
            Ok(())
        })?;
    }
    create(&folder.join(AXES[0]), |out| {
        out.write_all(b"chrom\tpos\tref\talt\n")?;
        for &site in &order {
            let row = &table.rows[table.sites[site as usize].first_row as usize];
            let [contig, reference, alternate, _] = table.text(row);
            writeln!(out, "{contig}\t{}\t{reference}\t{alternate}", row.row.position)?;
        }
        Ok(())
    })?;
    create(&folder.join(AXES[1]), |out| {
        out.write_all(b"barcode\tlabel\n")?;
        for (name, label) in barcodes.names.iter().zip(&barcodes.labels) {
            writeln!(out, "{name}\t{label}")?;
        }
        Ok(())
    })
}

/// Per site, why overlapping records did not count there; with cells one more reason.
pub(crate) fn write_ledger(path: &Path, table: &Table, reasons: &[Reasons], per_cell: bool) -> Result<(), Error> {
    let columns = ledger::NAMES.len() - usize::from(!per_cell);
    // Rows that differ only in genotype or region show the same site; it stands once.
    let key = |row: &TableRow| (row.row.contig, row.row.position, row.row.reference, row.row.alternate);
    let mut order: Vec<u32> = (0..table.rows.len() as u32).collect();
    order.sort_by_key(|&number| key(&table.rows[number as usize]));
    let mut first = vec![true; order.len()];
    for pair in order.windows(2) {
        first[pair[1] as usize] = key(&table.rows[pair[0] as usize]) != key(&table.rows[pair[1] as usize]);
    }
    create(path, |out| {
        out.write_all(b"chrom\tpos\tref\talt")?;
        for name in &ledger::NAMES[..columns] {
            write!(out, "\t{name}")?;
        }
        out.write_all(b"\n")?;
        for ((row, &site), _) in table.rows.iter().zip(&table.site_of_row).zip(first).filter(|(_, first)| *first) {
            let [contig, reference, alternate, _] = table.text(row);
            write!(out, "{contig}\t{}\t{reference}\t{alternate}", row.row.position)?;
            for count in &reasons[site as usize][..columns] {
                write!(out, "\t{count}")?;
            }
            out.write_all(b"\n")?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_in_full() {
        let mut line = Vec::new();
        for number in [0, 7, 10, 4_294_967_295] {
            push_number(&mut line, number);
        }
        assert_eq!(line, b"\t0\t7\t10\t4294967295");
    }
}
