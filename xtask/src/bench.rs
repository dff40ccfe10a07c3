//! `cargo xtask bench`: engines against the peers that are installed, as interleaved whole processes.
//!
//! Every round runs every contender once, in the same order, so that a slow spell of the machine hits all; figures are
//! medians, ratios are taken within a round before their median is. Wall, user and system time are those of the whole
//! process and its children, as bash's `time` reports them.

mod count;
mod em;
mod levels;
mod manifests;
mod prune;
mod schedule;
mod section;
mod strategies;
mod table;

use crate::{cargo, root, run, target};
use section::Section;
use std::path::PathBuf;
use std::process::{Command, Stdio};

const USAGE: &str =
    "usage: cargo xtask bench [ENGINE] [--size tiny|small|medium|large] [--rounds N] [--also NAME=COMMAND]...

  count   the engine and the peers that are installed (bgzip, samtools, bcftools, alleleCounter, wasp2-count);
          the four levels of its optimisation plan at 1 to 8 threads
  em      the engine's strategies and telescope, where installed; stage by stage; the six ways to reassign
  prune   the engine's strategies; values and fits at 10x100 to 100x5000 beside iqtree2, raxml-ng (libpll) and BEAGLE's
          synthetictest, where installed

  Without ENGINE all of them. On simulated workloads, in rounds; writes reports/bench-ENGINE.md and .json, or
  reports/bench.md and .json. In COMMAND of --also, which needs ENGINE, {workload} stands for the workload's folder,
  {bam} and {sites} for files of the counter's.";

const ENGINES: [&str; 3] = ["count", "em", "prune"];

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
    /// Not of this project: where it fails, it is left out, and the rest goes on.
    pub(crate) peer: bool,
}

impl Contender {
    pub(crate) fn ours(name: &str, command: String) -> Contender {
        Contender { name: name.into(), command, peer: false }
    }

    pub(crate) fn peer(name: &str, command: String) -> Contender {
        Contender { name: name.into(), command, peer: true }
    }
}

/// What one run took, seconds.
#[derive(Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) wall: f64,
    pub(crate) cpu: f64,
}

pub(crate) fn bench() -> Result<(), String> {
    let mut words = std::env::args().skip(2).peekable();
    let engine = words.next_if(|word| !word.starts_with("--"));
    if engine.as_ref().is_some_and(|engine| !ENGINES.contains(&engine.as_str())) {
        return Err(USAGE.into());
    }
    let wish = wish(words)?;
    if engine.is_none() && !wish.also.is_empty() {
        return Err(USAGE.into());
    }
    run(&mut cargo(&["build", "--release"]))?;
    let mut sections = Vec::new();
    for name in ENGINES.iter().filter(|name| engine.as_ref().is_none_or(|engine| engine == *name)) {
        sections.extend(sections_of(name, &wish)?);
    }
    let name = engine.map_or("bench".into(), |engine| format!("bench-{engine}"));
    table::write(&root().join("reports"), &name, &wish.size, wish.rounds, &sections)
}

/// What there is to measure of an engine: whole programs first, then the tables of its optimisation plan.
fn sections_of(engine: &str, wish: &Wish) -> Result<Vec<Section>, String> {
    let workload = workload(engine, &wish.size)?;
    let mut contenders =
        if engine == "count" { count::contenders(&workload)? } else { strategies::contenders(engine, &workload) };
    for (name, command) in &wish.also {
        let command = command
            .replace("{workload}", &workload.display().to_string())
            .replace("{bam}", &workload.join("simulated.bam").display().to_string())
            .replace("{sites}", &workload.join("probe.tsv").display().to_string());
        contenders.push(Contender::peer(name, command));
    }
    let samples = rounds(&mut contenders, wish.rounds)?;
    let mut sections = vec![Section::of_programs(format!("{engine}: whole programs"), &contenders, &samples)];
    match engine {
        "count" => {
            sections[0].say(&schedule::projection(&workload)?);
            sections.push(levels::section(&workload, wish.rounds)?);
        }
        "em" => sections.extend([em::stages(&workload, wish.rounds)?, em::modes(&workload, wish.rounds)?]),
        _ => sections.extend(prune::sections(wish.rounds)?),
    }
    Ok(sections)
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
    simulated(engine, size, &["--preset", size])
}

/// A simulated workload, made once.
fn simulated(engine: &str, name: &str, sizes: &[&str]) -> Result<PathBuf, String> {
    let folder = target().join("bench").join(format!("{engine}-{name}"));
    if !folder.exists() {
        std::fs::create_dir_all(target().join("bench")).map_err(|error| error.to_string())?;
        let mut command = Command::new(target().join("release/scaletune"));
        run(command.args(["simulate", engine]).args(sizes).arg("--out").arg(&folder))?;
    }
    Ok(folder)
}

/// Samples of each contender; peers that fail are taken out.
fn rounds(contenders: &mut Vec<Contender>, rounds: usize) -> Result<Vec<Vec<Sample>>, String> {
    // One round to warm the page cache, not counted, in which peers that can't be run are found.
    let mut able = Vec::new();
    for contender in contenders.drain(..) {
        match measure(&contender.command) {
            Ok(sample) => {
                tell(0, &sample, &contender);
                able.push(contender);
            }
            Err(error) if contender.peer && !able.is_empty() => eprintln!("left out: {}: {error}", contender.name),
            Err(error) => return Err(format!("{}: {error}", contender.name)),
        }
    }
    *contenders = able;
    let mut samples = vec![Vec::new(); contenders.len()];
    for round in 1..=rounds {
        for (contender, samples) in contenders.iter().zip(&mut samples) {
            let sample = measure(&contender.command).map_err(|error| format!("{}: {error}", contender.name))?;
            tell(round, &sample, contender);
            samples.push(sample);
        }
    }
    Ok(samples)
}

fn tell(round: usize, sample: &Sample, contender: &Contender) {
    eprintln!("round {round}: {:9.3} s wall {:9.3} s CPU  {}", sample.wall, sample.cpu, contender.name);
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
