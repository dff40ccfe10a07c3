//! Counts the records of an alignment file: `records FILE [raw|htslib] [THREADS]`.
//!
//! What is timed when a reader is compared with `samtools view -c` or `bgzip -dc`.

use std::{path::Path, process::ExitCode};

use scaletune_hts::{Alignment, AlignmentFile, Decode, Decoder, Error, OpenOptions, Reader, ReaderPlan, Visitor, flag};

#[derive(Default)]
struct Count {
    mapped: u64,
    unmapped: u64,
}

impl Visitor for Count {
    type Error = Error;

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
    let path = arguments.first().ok_or("usage: records FILE [raw|htslib] [THREADS]")?;
    let decoder = match arguments.get(1).map(String::as_str) {
        None | Some("raw") => Decoder::Raw,
        Some("htslib") => Decoder::Htslib,
        Some(other) => return Err(format!("no reader '{other}'; there are raw and htslib").into()),
    };
    let decode = match arguments.get(2) {
        None => Decode::Inline,
        Some(threads) => Decode::PerReader(threads.parse()?),
    };
    let file = AlignmentFile::open(Path::new(path), &OpenOptions::default())?;
    let mut reader = Reader::open(&file, &ReaderPlan { decoder, decode })?;
    let mut count = Count::default();
    reader.walk(&file.whole_file(), &mut count)?;
    println!("{} mapped, {} unmapped", count.mapped, count.unmapped);
    Ok(())
}
