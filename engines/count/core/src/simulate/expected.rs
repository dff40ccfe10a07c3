//! The counts that the workload must give, by the slowest and plainest reading of the rules.
//!
//! Shares no code with the engine: it sees the records as they are made, one after another in the order of the file,
//! and keeps the names it has counted on a contig.

use std::{
    collections::{HashMap, HashSet},
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
};

use super::{
    genome::{Genome, Kind},
    record::{Record, op},
};

/// Counts of the sample's heterozygous SNPs, a name once per contig.
pub(super) struct Expected<'a> {
    genome: &'a Genome,
    /// By contig: rows in order, as (position, REF, ALT, GT, counts).
    contigs: Vec<Contig>,
    names: HashSet<String>,
    reference: i32,
}

#[derive(Default)]
struct Contig {
    rows: Vec<Row>,
    /// Number of the first row at a position.
    first: HashMap<i32, usize>,
    /// Sorted positions of the rows.
    positions: Vec<i32>,
}

struct Row {
    position: i32,
    reference: u8,
    alternate: u8,
    genotype: &'static str,
    counts: [u32; 3],
}

impl<'a> Expected<'a> {
    pub(super) fn new(genome: &'a Genome) -> Self {
        let contig = |variants: &[super::genome::Variant]| {
            let mut contig = Contig::default();
            for variant in variants {
                if let (Kind::Snp(alternate), true) = (&variant.kind, variant.is_heterozygous()) {
                    contig.first.entry(variant.position).or_insert(contig.rows.len());
                    contig.positions.push(variant.position);
                    contig.rows.push(Row {
                        position: variant.position,
                        reference: variant.reference,
                        alternate: *alternate,
                        genotype: variant.genotype,
                        counts: [0; 3],
                    });
                }
            }
            contig
        };
        let contigs = genome.contigs.iter().map(|about| contig(&about.variants)).collect();
        Expected { genome, contigs, names: HashSet::new(), reference: -1 }
    }

    pub(super) fn see(&mut self, record: &Record) {
        if record.reference != self.reference {
            self.reference = record.reference;
            self.names.clear();
        }
        if record.flags & 4 != 0 || record.sequence.is_empty() {
            return;
        }
        let Some(contig) = usize::try_from(record.reference).ok().and_then(|id| self.contigs.get_mut(id)) else {
            return;
        };
        let next = contig.positions.partition_point(|&position| position < record.start);
        if contig.positions.get(next).is_none_or(|&position| position >= record.reference_end()) {
            return;
        }
        let Some((row, letter)) = first_covered(record, &contig.first) else { return };
        let row = &mut contig.rows[row];
        let class = match letter {
            letter if letter == row.reference => 0,
            letter if letter == row.alternate => 1,
            b'A' | b'C' | b'G' | b'T' | b'N' => 2,
            _ => return,
        };
        if self.names.insert(record.name.clone()) {
            row.counts[class] += 1;
        }
    }

    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        let mut out = BufWriter::new(File::create(path)?);
        out.write_all(b"chrom\tpos0\tpos\tref\talt\tGT\tref_count\talt_count\tother_count\n")?;
        for (contig, about) in self.contigs.iter().zip(&self.genome.contigs) {
            for row in &contig.rows {
                let [reference, alternate] = [row.reference, row.alternate].map(char::from);
                write!(
                    out,
                    "{}\t{}\t{}\t{reference}\t{alternate}\t{}",
                    about.name,
                    row.position,
                    row.position + 1,
                    row.genotype
                )?;
                writeln!(out, "\t{}\t{}\t{}", row.counts[0], row.counts[1], row.counts[2])?;
            }
        }
        out.flush()
    }
}

/// The first row with an aligned base of the record on it, and that base.
fn first_covered(record: &Record, rows: &HashMap<i32, usize>) -> Option<(usize, u8)> {
    let (mut position, mut query) = (record.start, 0);
    for &(operation, length) in &record.cigar {
        for _ in 0..length {
            match operation {
                op::MATCH | op::EQUAL | op::DIFFERENT => {
                    if let Some(&row) = rows.get(&position) {
                        return Some((row, record.sequence[query]));
                    }
                    position += 1;
                    query += 1;
                }
                op::INSERTION | op::SOFT_CLIP => query += 1,
                op::DELETION | op::SKIP => position += 1,
                _ => {}
            }
        }
    }
    None
}
