//! Counting from plain Rust: `count BAM VARIANTS FOLDER [reader [partition [workers [tasks_per_worker [policy [sample]]]]]]`.
//!
//! Writes the table into the folder and says how long each stage took: enough to compare plans under a profiler.

use std::{env, path::PathBuf, time::Instant};

use scaletune_count_core::{CountOptions, CountPlan, Partition, Policy, Reader, Session, Traversal, Unwatched};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [bam, variants, folder, rest @ ..] = arguments.as_slice() else {
        return Err("usage: count BAM VARIANTS FOLDER [reader [partition [workers [tasks [policy [sample]]]]]]".into());
    };
    let word = |index: usize, default: &str| rest.get(index).cloned().unwrap_or_else(|| default.to_owned());
    let (partition, traversal) = match word(1, "bytes").as_str() {
        "bytes" => (Partition::Bytes, Traversal::Index),
        "sites" => (Partition::Sites, Traversal::Index),
        "chromosome" => (Partition::Chromosome, Traversal::Index),
        "stream" => (Partition::Bytes, Traversal::Stream),
        other => return Err(format!("{other}: no partition").into()),
    };
    let reader = match word(0, "raw").as_str() {
        "raw" => Reader::Raw,
        "htslib" => Reader::Htslib,
        "noodles" => Reader::Noodles,
        other => return Err(format!("{other}: no reader").into()),
    };
    let policy = match word(4, "wasp2").as_str() {
        "wasp2" => Policy::Wasp2,
        "fragment" => Policy::Fragment,
        "read" => Policy::Read,
        other => return Err(format!("{other}: no policy").into()),
    };
    let plan = CountPlan {
        partition,
        reader,
        traversal,
        workers: word(2, "1").parse()?,
        tasks_per_worker: word(3, "4").parse()?,
        ..CountPlan::default()
    };
    let options = CountOptions {
        alignments: bam.into(),
        variants: variants.into(),
        policy,
        sample: rest.get(5).cloned(),
        ..Default::default()
    };
    let mut clock = Instant::now();
    let mut lap = |stage: &str| {
        eprintln!("{stage:8} {:.3} s, peak memory {}", clock.elapsed().as_secs_f64(), peak_memory());
        clock = Instant::now();
    };
    let mut session = Session::open(options, &Unwatched)?;
    lap("open");
    session.prepare(&plan)?;
    lap("prepare");
    session.run(&Unwatched)?;
    lap("run");
    session.write(&PathBuf::from(folder))?;
    lap("write");
    for warning in session.warnings() {
        eprintln!("warning: {warning}");
    }
    eprintln!("REF, ALT, other: {:?}", session.sums());
    Ok(())
}

/// The peak of resident memory so far, as Linux says it.
fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("unknown");
    peak.trim().to_owned()
}
