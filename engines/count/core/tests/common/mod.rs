//! What the integration tests share.
// Every test file uses a part of this, and a test may unwrap.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used)]

pub mod case;
pub mod oracle;

use std::{fs, path::PathBuf};

use scaletune_count_core::{
    CountOptions, CountPlan, Decode, Error, Partition, Reader, Session, Traversal, Unwatched, Warning,
};

/// The folder of shared right answers, where this checkout has one beside it.
pub fn shared() -> Option<PathBuf> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../../shared/golden/count"));
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("SKIPPED: {} is not there", folder.display());
    None
}

/// Every plan worth telling apart: partitions x readers and decoders x workers, and the plan without an index.
pub fn all_plans() -> Vec<CountPlan> {
    let mut plans = vec![];
    let decoders = [
        (Reader::Raw, Decode::Inline, 0),
        (Reader::Htslib, Decode::Inline, 0),
        (Reader::Htslib, Decode::PerReader, 1),
        (Reader::Htslib, Decode::SharedPool, 2),
        (Reader::Noodles, Decode::Inline, 0),
    ];
    for (reader, decode, decode_threads) in decoders {
        for partition in [Partition::Chromosome, Partition::Sites, Partition::Bytes] {
            for workers in [1, 2, 4] {
                plans.push(CountPlan {
                    partition,
                    decode,
                    reader,
                    traversal: Traversal::Index,
                    workers,
                    decode_threads,
                    tasks_per_worker: 3,
                });
            }
        }
        plans.push(CountPlan {
            partition: Partition::Bytes,
            decode,
            reader,
            traversal: Traversal::Stream,
            workers: 1,
            decode_threads,
            tasks_per_worker: 1,
        });
    }
    plans
}

/// A few plans that differ in everything.
pub fn some_plans() -> Vec<CountPlan> {
    all_plans()
        .into_iter()
        .enumerate()
        .filter(|(index, _)| [0, 5, 9, 17, 22, 38].contains(index))
        .map(|(_, plan)| plan)
        .collect()
}

/// The output files of a count as (name, text).
pub type Files = Vec<(&'static str, String)>;

/// Opens once and runs every plan, the first one twice; all must give the same files.
pub fn count_with(options: &CountOptions, plans: &[CountPlan]) -> Result<(Files, Vec<Warning>), Error> {
    let mut session = Session::open(options.clone(), &Unwatched)?;
    let mut first: Option<Files> = None;
    for plan in plans {
        session.prepare(plan)?;
        for repeat in 0..if first.is_none() { 2 } else { 1 } {
            session.run(&Unwatched)?;
            let files = written(&session)?;
            match &first {
                None => first = Some(files),
                Some(first) => {
                    for (expected, found) in first.iter().zip(&files) {
                        assert_eq!(expected.0, found.0);
                        assert_same(&expected.1, &found.1, &format!("{} under {plan:?}, run {repeat}", found.0));
                    }
                }
            }
        }
    }
    Ok((first.unwrap_or_default(), session.warnings().to_vec()))
}

pub fn written(session: &Session) -> Result<Files, Error> {
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    session.write(folder.path())?;
    let names = session.output_files();
    assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), names.len(), "files that were not announced");
    Ok(names
        .into_iter()
        .map(|name| (name, fs::read_to_string(folder.path().join(name)).expect("an output file")))
        .collect())
}

/// Compares two tables and names the first line that differs.
#[track_caller]
pub fn assert_same(expected: &str, found: &str, what: &str) {
    if expected == found {
        return;
    }
    for (number, (one, other)) in (1..).zip(expected.lines().zip(found.lines())) {
        assert_eq!(one, other, "{what}: line {number}, expected (left) and found (right)");
    }
    panic!("{what}: {} lines expected, {} found", expected.lines().count(), found.lines().count());
}
