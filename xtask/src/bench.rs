//! `cargo xtask bench`: engines against the peers that are installed, as interleaved whole processes.
//!
//! Every round runs every contender once, in the same order, so that a slow spell of the machine hits all; figures are
//! medians, ratios are taken within a round before their median is. Wall, user and system time are those of the whole
//! process and its children, as bash's `time` reports them.

mod count;
mod schedule;
mod strategies;
mod table;

use crate::{cargo, root, run, target};
use std::path::PathBuf;
use std::process::{Command, Stdio};

const USAGE: &str =
    "usage: cargo xtask bench ENGINE [--size tiny|small|medium|large] [--rounds N] [--also NAME=COMMAND]...

  count       the engine and the peers that are installed (bgzip, samtools, bcftools, alleleCounter)
  em, prune   the engine's strategies against its reference plan

  All on a simulated workload, in rounds; writes reports/bench-ENGINE.md and reports/bench-ENGINE.json.
  In COMMAND of --also, {workload} stands for the workload's folder, {bam} and {sites} for files of the counter's.";

/// What the command line asks for.
struct Wish {
    size: String,
    rounds: usize,
    /// More contenders: name, shell command.
    also: Vec<(String, String)>,
}

/// A program and how it is called.
pub(crate) struct Contender {
    pub(crate) name: String,
    /// A command for bash; what it prints is thrown away.
    pub(crate) command: String,
}

/// What one run took, seconds.
#[derive(Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) wall: f64,
    pub(crate) cpu: f64,
}

pub(crate) fn bench() -> Result<(), String> {
    let mut words = std::env::args().skip(2);
    let engine = words.next().filter(|engine| ["count", "em", "prune"].contains(&engine.as_str())).ok_or(USAGE)?;
    let wish = wish(words)?;
    run(&mut cargo(&["build", "--release"]))?;
    let workload = workload(&engine, &wish.size)?;
    let mut contenders =
        if engine == "count" { count::contenders(&workload)? } else { strategies::contenders(&engine, &workload) };
    for (name, command) in wish.also {
        let command = command
            .replace("{workload}", &workload.display().to_string())
            .replace("{bam}", &workload.join("simulated.bam").display().to_string())
            .replace("{sites}", &workload.join("probe.tsv").display().to_string());
        contenders.push(Contender { name, command });
    }
    let samples = rounds(&contenders, wish.rounds)?;
    let reports = root().join("reports");
    let projection = if engine == "count" { schedule::projection(&workload)? } else { String::new() };
    table::write(&reports, &format!("bench-{engine}"), &wish.size, &contenders, &samples, &projection)
}

fn wish(mut words: impl Iterator<Item = String>) -> Result<Wish, String> {
    let mut wish = Wish { size: "medium".into(), rounds: 5, also: Vec::new() };
    while let Some(word) = words.next() {
        let value = words.next().ok_or(USAGE)?;
        match word.as_str() {
            "--size" => wish.size = value,
            "--rounds" => wish.rounds = value.parse().ok().filter(|rounds| *rounds > 0).ok_or(USAGE)?,
            "--also" => {
                let (name, command) = value.split_once('=').ok_or(USAGE)?;
                wish.also.push((name.into(), command.into()));
            }
            _ => return Err(USAGE.into()),
        }
    }
    Ok(wish)
}

/// The simulated workload of that size, made once.
fn workload(engine: &str, size: &str) -> Result<PathBuf, String> {
    let folder = target().join("bench").join(format!("{engine}-{size}"));
    if !folder.exists() {
        std::fs::create_dir_all(target().join("bench")).map_err(|error| error.to_string())?;
        let mut command = Command::new(target().join("release/scaletune"));
        run(command.args(["simulate", engine, "--preset", size, "--out"]).arg(&folder))?;
    }
    Ok(folder)
}

fn rounds(contenders: &[Contender], rounds: usize) -> Result<Vec<Vec<Sample>>, String> {
    let mut samples = vec![Vec::new(); contenders.len()];
    // One round to warm the page cache, not counted.
    for round in 0..=rounds {
        for (contender, samples) in contenders.iter().zip(&mut samples) {
            let sample = measure(&contender.command).map_err(|error| format!("{}: {error}", contender.name))?;
            eprintln!("round {round}: {:9.3} s wall {:9.3} s CPU  {}", sample.wall, sample.cpu, contender.name);
            if round > 0 {
                samples.push(sample);
            }
        }
    }
    Ok(samples)
}

fn measure(command: &str) -> Result<Sample, String> {
    let script = format!("exec 3>/dev/null; TIMEFORMAT='%3R %3U %3S'; time {{ ( {command} ) >/dev/null 2>&3; }}");
    let output =
        Command::new("bash").args(["-c", &script]).stdout(Stdio::null()).output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(format!("`{command}` ended with {}", output.status));
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let figures: Vec<f64> = text.split_whitespace().rev().take(3).filter_map(|word| word.parse().ok()).collect();
    match figures.as_slice() {
        [system, user, wall] => Ok(Sample { wall: *wall, cpu: user + system }),
        _ => Err(format!("bash reported no times: {text}")),
    }
}
