//! Walks alignment files in every way there is and compares the ways: `ways [--reference FASTA] FILE...`.
//!
//! Meant for files that nobody here made, such as the test suites of other programs: one line a file says that all readers
//! and traversals show the same records, which of them refuses the file and why, or which differ.

use std::{collections::hash_map::DefaultHasher, error, hash::Hasher, path::Path, path::PathBuf, process::ExitCode};

use scaletune_hts::{
    Alignment, AlignmentFile, Decode, Decoder, Error, Fields, Format, Interval, OpenOptions, Place, Reader, ReaderPlan,
    Unit, Visitor,
};

/// Records with a contig, records without, and a hash over the former in their order.
#[derive(Debug, Default, Clone, PartialEq)]
struct Shown {
    placed: u64,
    unplaced: u64,
    hash: u64,
}

impl Visitor for Shown {
    type Error = Error;

    fn record<A: Alignment>(&mut self, record: &A) -> Result<(), Error> {
        record.field(*b"CB")?;
        if record.reference_id() < 0 {
            self.unplaced += 1;
            return Ok(());
        }
        self.placed += 1;
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.hash);
        hasher.write_i64(i64::from(record.reference_id()));
        hasher.write_i64(record.start());
        hasher.write_u16(record.flags());
        for bytes in [record.name(), record.cigar(), record.packed_sequence(), record.qualities()] {
            hasher.write(bytes);
        }
        self.hash = hasher.finish();
        Ok(())
    }
}

fn main() -> Result<ExitCode, Box<dyn error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (mut reference, mut is_good) = (None, true);
    while let Some(argument) = arguments.next() {
        if argument == "--reference" {
            reference = Some(PathBuf::from(arguments.next().ok_or("--reference needs a FASTA file")?));
            continue;
        }
        let said = try_file(Path::new(&argument), reference.clone());
        is_good &= said.is_ok();
        println!("{argument}: {}", said.unwrap_or_else(|problem| problem));
    }
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn try_file(path: &Path, reference: Option<PathBuf>) -> Result<String, String> {
    let options = OpenOptions { reference, ..OpenOptions::default() };
    let file = AlignmentFile::open(path, &options).map_err(|error| format!("REFUSED at opening: {error}"))?;
    let decoders: &[(&str, Decoder)] = match file.format() {
        Format::Bam => &[("raw", Decoder::Raw), ("htslib", Decoder::Htslib), ("noodles", Decoder::Noodles)],
        Format::Cram | Format::Sam => &[("htslib", Decoder::Htslib)],
    };
    let traversals = traversals(&file);
    let mut first: Option<Shown> = None;
    for (name, decoder) in decoders {
        for (traversal, units, is_all) in &traversals {
            if *traversal == "pieces" && *decoder != Decoder::Raw {
                continue;
            }
            let way = format!("{name}, {traversal}");
            let shown = walk(&file, *decoder, units).map_err(|error| format!("REFUSED by {way}: {error}"))?;
            let wanted = first.get_or_insert_with(|| shown.clone());
            let same =
                if *is_all { shown == *wanted } else { (shown.placed, shown.hash) == (wanted.placed, wanted.hash) };
            if !same {
                return Err(format!("DIFFERENT by {way}: {shown:?}, not {wanted:?}"));
            }
        }
    }
    let shown = first.unwrap_or_default();
    let counted = file.statistics().map(|statistics| {
        let placed: u64 = statistics.contigs.iter().map(|contig| contig.mapped + contig.unmapped).sum();
        (placed, statistics.unplaced)
    });
    if let Some((placed, unplaced)) = counted
        && (placed != shown.placed || unplaced.is_some_and(|unplaced| unplaced != shown.unplaced))
    {
        return Err(format!("MISCOUNTED by its index: {placed} and {unplaced:?}, not {shown:?}"));
    }
    let index = file.index_path().map_or("none".into(), |index| index.display().to_string());
    let warnings: String = file.warnings().iter().map(|warning| format!("; warning: {warning}")).collect();
    Ok(format!("{} and {} records, index {index}{warnings}", shown.placed, shown.unplaced))
}

/// Names, units, and whether those hold the records without a contig too.
fn traversals(file: &AlignmentFile) -> Vec<(&'static str, Vec<Unit>, bool)> {
    let mut traversals = vec![("whole", vec![file.whole_file()], true), ("pieces", file.pieces(5), true)];
    let Ok(planner) = file.planner() else { return traversals };
    let everywhere: Vec<Interval> = file
        .contigs()
        .iter()
        .enumerate()
        .map(|(reference, _)| Interval { reference, start: 0, end: i64::MAX })
        .collect();
    let sites: Vec<Place> = (0..file.contigs().len())
        .flat_map(|reference| (0..9).map(move |at| Place { reference, position: at * 1777 }))
        .collect();
    let plans = [
        ("by reference", planner.by_reference()),
        ("by bytes", planner.by_bytes(4)),
        ("by sites", planner.by_sites(&sites, 4)),
        ("overlapping everything", planner.overlapping(planner.by_bytes(3), &everywhere)),
    ];
    for (name, units) in plans {
        traversals.push((name, units.clone(), false));
        if let Some(unplaced) = planner.unplaced() {
            traversals.push((name, [units, vec![unplaced]].concat(), true));
        }
    }
    traversals
}

fn walk(file: &AlignmentFile, decoder: Decoder, units: &[Unit]) -> Result<Shown, Error> {
    let mut reader = Reader::open(file, &ReaderPlan { decoder, decode: Decode::Inline, fields: Fields::ALL })?;
    let mut shown = Shown::default();
    for unit in units {
        reader.walk(unit, &mut shown)?;
    }
    Ok(shown)
}
