//! Counts the records of an alignment file: `records FILE [raw|htslib|noodles] [THREADS] [EVERY]`.
//!
//! THREADS (htslib only; 0 for none) decompress. With EVERY, only what the index says can hold records over one position in
//! so many bases is read. This is what is timed when a reader is compared with `samtools view -c` or `bgzip -dc`.

use std::{path::Path, process::ExitCode};

use scaletune_hts::{
    Alignment, AlignmentFile, Decode, Decoder, Error, Fields, Interval, OpenOptions, Reader, ReaderPlan, Unit, Visitor,
    flag,
};

#[derive(Default)]
struct Count {
    mapped: u64,
    unmapped: u64,
}

impl Visitor for Count {
    type Error = Error;

    #[inline]
    fn record<A: Alignment>(&mut self, record: &A) -> Result<(), Error> {
        if record.flags() & flag::UNMAPPED == 0 {
            self.mapped += 1;
        } else {
            self.unmapped += 1;
        }
        Ok(())
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let path = arguments.first().ok_or("usage: records FILE [raw|htslib|noodles] [THREADS] [EVERY]")?;
    let decoder = match arguments.get(1).map(String::as_str) {
        None | Some("raw") => Decoder::Raw,
        Some("htslib") => Decoder::Htslib,
        Some("noodles") => Decoder::Noodles,
        Some(other) => return Err(format!("no reader '{other}'; there are raw, htslib and noodles").into()),
    };
    let decode = match arguments.get(2).map_or(Ok(0), |threads| threads.parse())? {
        0 => Decode::Inline,
        threads => Decode::PerReader(threads),
    };
    let file = AlignmentFile::open(Path::new(path), &OpenOptions::default())?;
    let units = match arguments.get(3) {
        None => vec![file.whole_file()],
        Some(every) => sparse(&file, every.parse()?)?,
    };
    let mut reader = Reader::open(&file, &ReaderPlan { decoder, decode, fields: Fields::ALL })?;
    let mut count = Count::default();
    for unit in &units {
        reader.walk(unit, &mut count)?;
    }
    let bytes: u64 = units.iter().map(Unit::compressed_bytes).sum();
    println!("{} mapped, {} unmapped in at most {bytes} bytes", count.mapped, count.unmapped);
    Ok(())
}

fn sparse(file: &AlignmentFile, every: usize) -> Result<Vec<Unit>, Error> {
    let mut intervals = Vec::new();
    for (reference, contig) in file.contigs().iter().enumerate() {
        for start in (0..contig.length as i64).step_by(every.max(1)).skip(1) {
            intervals.push(Interval { reference, start, end: start + 1 });
        }
    }
    let planner = file.planner()?;
    Ok(planner.overlapping(planner.by_bytes(1), &intervals))
}
