//! `scaletune run`: one production run.

use super::arguments::{PlanArguments, WorkloadArguments, duration, size};
use super::choice;
use super::earlier::Earlier;
use super::exit::Exit;
use super::workload::Workload;
use super::{Context, print, result, simulate, verify};
use crate::measure::Machine;
use crate::plugin::Plugin;
use crate::profile::{Choice, Occasion, Store, choose};
use crate::publish::{FileFigures, Target};
use crate::version::Version;
use crate::worker::{FailureKind, Limits, RepeatRule, Report, Run};
use clap::{ArgMatches, Args};
use scaletune_descriptor::Descriptor;
use serde_json::{Map, Value, json};
use std::path::PathBuf;

/// Version of the manifest's form.
const SCHEMA_VERSION: u32 = 1;
/// Most tasks that a manifest lists.
const MOST_TASKS: usize = 4096;

/// `scaletune run`
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    scaletune run count --demo -o counts.tsv\n  \
    scaletune run count --bam S.bam --variants V.vcf.gz --sample S -o counts.tsv   (your files)\n\
    `scaletune run ENGINE --help` shows an engine's inputs.")]
pub(super) struct RunArguments {
    /// The engine
    #[arg(value_name = "ENGINE")]
    pub(super) engine: String,
    /// Which workload.
    #[command(flatten)]
    pub(super) workload: WorkloadArguments,
    /// Which plan.
    #[command(flatten)]
    pub(super) plan: PlanArguments,
    /// Threads that may be busy at once, decompression included [default: the usable cores, or fewer by
    /// SCALETUNE_THREADS or the batch system]
    #[arg(short = 't', short_alias = '@', long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(super) threads: Option<u32>,
    /// Write the result to FILE (.gz compresses, - is standard output)
    #[arg(short, long, value_name = "FILE", conflicts_with = "outdir")]
    pub(super) output: Option<PathBuf>,
    /// Write the results to the folder DIR
    #[arg(long, value_name = "DIR")]
    pub(super) outdir: Option<PathBuf>,
    /// Take a folder over that holds another run's outputs, and remove those that its run.json lists
    #[arg(long)]
    pub(super) force: bool,
    /// Do nothing if the outputs are there already, of the same engine, inputs and options
    #[arg(long)]
    pub(super) skip_done: bool,
    /// Give up after this long, such as 90s, 30m, 12h
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(super) time_limit: Option<std::time::Duration>,
    /// Stop if the engine holds more memory than this, such as 4G [default: what the machine or control group has]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(super) max_memory: Option<u64>,
    /// Run the reference plan, too, and write nothing if it gives another answer; 1/N does so for one run of N
    #[arg(long, value_name = "1/N", num_args = 0..=1, default_missing_value = "1/1", value_parser = verify::share)]
    pub(super) verify: Option<verify::Share>,
}

pub(super) fn run(
    context: &mut Context,
    plugin: &Plugin,
    arguments: &RunArguments,
    matches: &ArgMatches,
) -> Result<(), Exit> {
    let descriptor = &plugin.descriptor;
    let target = target(descriptor, arguments, matches)?;
    let wanted: Vec<&str> =
        descriptor.flagged_outputs().map(|(flag, _)| flag).filter(|flag| matches.contains_id(flag)).collect();
    let demo = || simulate::demo(context, plugin);
    let workload = Workload::new(descriptor, matches, &arguments.workload, demo, &wanted)?;
    let files = workload.files(descriptor);
    target.check_against(&files.iter().map(|(_, path)| path.clone()).collect::<Vec<_>>())?;

    let inputs_before = input_figures(&files)?;
    let plugin_file = plugin.file()?;
    let as_given = |part: Value| workload.as_given(part);
    let earlier = Earlier::at(&target)?;
    let given = as_given(Value::Object(workload.values.clone()));
    if let Some(earlier) = &earlier {
        let figures = as_given(Value::Array(inputs_before.clone()));
        if arguments.skip_done && earlier.is_done(&target, (descriptor, plugin_file), &given, &figures) {
            context.terminal.note(&format!("{}: done already, nothing to do", target.shown()));
            return if context.json { print(&json!({"skipped": target.shown()}).to_string()) } else { Ok(()) };
        }
        let is_another = !earlier.is_of(descriptor, &given, arguments.workload.demo);
        if target.is_folder() && is_another && !arguments.force {
            return Err(Exit::input(format!(
                "{}: holds the outputs of another run ({}); name another folder, or give --force to remove what its run.json \
                 lists",
                target.shown(),
                earlier.told()
            )));
        }
    }

    let budget = context.budget()?;
    let usable = budget.usable_cores;
    let threads = arguments.threads.map_or(budget.threads as i64, i64::from);
    let limit = if arguments.threads.is_none() { budget.reason() } else { None };
    if threads > usable as i64 {
        context.terminal.warn(&format!("{threads} threads are more than the {usable} usable cores"));
    }
    let wish = choice::wish(descriptor, &arguments.plan, threads)?;
    if arguments.verify.is_some() {
        verify::check(plugin, &choice::fixed(descriptor, &arguments.plan.set, arguments.plan.plan.as_deref())?)?;
    }
    let file_systems = workload.file_systems(descriptor);
    let staging = target.stage()?;
    let began = jiff::Timestamp::now();
    let job = Run {
        plugin: &plugin.path,
        inputs: &workload.values,
        folder: &staging.files(),
        repeat: RepeatRule::ONCE,
        limits: Limits::new(arguments.time_limit, arguments.max_memory),
    };
    let mut chosen: Option<Choice> = None;
    let mut notes = Vec::new();
    let report = context.worker.run(
        &job,
        &mut |class| {
            let occasion =
                Occasion { descriptor, plugin_sha256: Some(plugin_file.sha256()), class, file_systems: &file_systems };
            let choice = choose(&occasion, &wish, &Store::of_this_process(), &mut notes)?;
            let answer = (threads, choice.plan.clone());
            chosen = Some(choice);
            Ok(answer)
        },
        &mut context.terminal,
    );
    notes.iter().for_each(|note| context.terminal.warn(note));
    if let Some(choice) = &chosen {
        let limit = limit.as_ref().map(|limit| format!("; {limit}")).unwrap_or_default();
        let used = descriptor.threads_used(&choice.plan);
        let idle = if used < threads { format!("; {used} of {threads} threads used") } else { String::new() };
        context.terminal.note(&format!("plan: {} ({}{limit}{idle})", choice.plan, choice.reason));
    }
    let report = report.map_err(|failure| {
        context.terminal.detail(failure.stderr.trim_end());
        if let Err(why) = plugin_file.check_unchanged() {
            context.terminal.warn(&why);
        }
        // What changed under the engine's hands explains its failure better than the engine can.
        if failure.kind != FailureKind::Cancelled
            && let Err(changed) = check_unchanged(&inputs_before, &files)
        {
            context.terminal.detail(&failure.message);
            return changed;
        }
        let plan = chosen.as_ref().map(|choice| choice.plan.to_string());
        Exit::of_worker(&descriptor.name, plan.as_deref(), &failure)
    })?;
    let Some(choice) = chosen else { return Err(Exit::failed("the worker asked for no plan")) };
    context.terminal.finish();
    check_unchanged(&inputs_before, &files)?;
    check_threads(context, descriptor, &choice, &report);

    let verified = match arguments.verify {
        None => Value::Null,
        Some(share) => {
            let subject = verify::Subject {
                plugin,
                workload: &workload,
                inputs: &inputs_before,
                plan: &choice.plan,
                written: &staging.files(),
                limits: job.limits,
            };
            let verified = verify::compare(context, share, &subject)?;
            check_unchanged(&inputs_before, &files)?;
            verified
        }
    };
    // The worker loaded what was there when the run began; that stays mapped, and the answer is its own.
    if let Err(why) = plugin_file.check_unchanged() {
        context.terminal.warn(&format!("{why}; the run began with the former, which the manifest names"));
    }
    let warnings = context.terminal.warnings().to_vec();
    let manifest = |outputs: Vec<FileFigures>| {
        json!({
            "schema_version": SCHEMA_VERSION,
            "scaletune": Version::this(),
            "engine": {
                "name": descriptor.name, "version": descriptor.version, "build": descriptor.build, "path": plugin.path,
                "sha256": plugin_file.sha256(), "trusted_by": plugin.vouched,
            },
            "host": rustix::system::uname().nodename().to_string_lossy(),
            "command_line": std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>(),
            "job": job_id(),
            "began": began.to_string(),
            "ended": jiff::Timestamp::now().to_string(),
            "threads": threads,
            "threads_limited_by": limit,
            "threads_used": descriptor.threads_used(&choice.plan),
            "plan": choice.plan,
            "plan_reason": choice.reason,
            "profile": choice.profile,
            "verified": verified,
            "inputs": given,
            "input_files": workload.as_given(Value::Array(inputs_before.clone())),
            "input_file_systems": file_systems,
            "input_class": report.input_class,
            "outputs": outputs,
            "wall_s": report.wall_s,
            "cpu_s": report.usage.cpu_s,
            "peak_rss_bytes": report.peak_rss_bytes,
            "peak_threads": report.peak_threads,
            "stages": stages(&report),
            "metrics": metrics(&report),
            "tasks": tasks(&report),
            "warnings": warnings,
            "machine": Machine::this(),
        })
    };
    let mut written = Value::Null;
    target.publish(&staging, &descriptor.outputs, &workload.inputs, |outputs| {
        written = manifest(outputs);
        serde_json::to_string_pretty(&written).unwrap_or_default() + "\n"
    })?;
    if let Some(earlier) = earlier.filter(|_| target.is_folder()) {
        let files = written["outputs"].as_array().into_iter().flatten();
        let names: Vec<String> = files.filter_map(|file| Some(file["file"].as_str()?.to_string())).collect();
        earlier.remove_rest(&names)?;
    }
    if context.json {
        return print(&written.to_string());
    }
    result::line(&report.metrics).into_iter().for_each(|line| context.terminal.note(&line));
    context.terminal.note(&format!(
        "{}: {:.2} s, {:.2} s CPU, {:.0} MB",
        target.shown(),
        report.wall_s,
        report.usage.cpu_s,
        report.peak_rss_bytes as f64 / 1e6
    ));
    Ok(())
}

/// The batch system's number of the job that this is part of.
fn job_id() -> Option<String> {
    let variables = ["SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "JOB_ID"];
    variables.iter().find_map(|name| std::env::var(name).ok().filter(|text| !text.is_empty()))
}

/// Where the outputs go, checked before any work is done.
fn target(descriptor: &Descriptor, arguments: &RunArguments, matches: &ArgMatches) -> Result<Target, Exit> {
    let single = descriptor.main_outputs().count() == 1;
    let name = &descriptor.name;
    let mut target = match (&arguments.output, &arguments.outdir) {
        (Some(path), None) if single => Target::file(path)?,
        (None, Some(path)) if !single => Target::folder(path)?,
        (Some(_), None) => return Err(Exit::input(format!("`{name}` writes several files; give --outdir DIR"))),
        (None, Some(_)) => return Err(Exit::input(format!("`{name}` writes one file; give -o FILE"))),
        _ if single => return Err(Exit::input("no output is named; give -o FILE (- is standard output)")),
        _ => return Err(Exit::input("no output is named; give --outdir DIR")),
    };
    for (flag, _) in descriptor.flagged_outputs() {
        if let Some(path) = matches.get_one::<PathBuf>(flag) {
            target.add_flagged(flag, path)?;
        }
    }
    Ok(target)
}

/// A plan that keeps more threads busy than it says would spoil its own figures, and other people's nodes.
fn check_threads(context: &mut Context, descriptor: &Descriptor, choice: &Choice, report: &Report) {
    let allowed = descriptor.threads_used(&choice.plan) + descriptor.helper_threads(&choice.plan);
    if report.peak_threads as i64 > allowed {
        let (name, seen) = (&descriptor.name, report.peak_threads);
        context.terminal.warn(&format!("engine `{name}` ran {seen} threads; its plan allows {allowed}"));
    }
    if report.threads_left > 0 {
        let (name, left) = (&descriptor.name, report.threads_left);
        let threads = if left == 1 { "thread" } else { "threads" };
        context.terminal.warn(&format!("engine `{name}` left {left} {threads} behind; ended with its process"));
    }
    if report.processes_left > 0 {
        let (name, left) = (&descriptor.name, report.processes_left);
        let processes = if left == 1 { "process" } else { "processes" };
        context.terminal.warn(&format!("engine `{name}` left {left} {processes} running; ended with its worker"));
    }
}

fn stages(report: &Report) -> Value {
    let pairs = report.stages.iter().map(|stage| (stage.name.clone(), Value::from(stage.seconds)));
    Value::Object(pairs.collect())
}

fn metrics(report: &Report) -> Value {
    let pairs = report.metrics.iter().map(|(name, value, unit)| (name.clone(), json!({"value": value, "unit": unit})));
    Value::Object(pairs.collect())
}

/// Who did which task when, in seconds since the run began: what a schedule for more workers can be worked out from.
fn tasks(report: &Report) -> Value {
    let tasks = report.trace.tasks.iter().take(MOST_TASKS).map(|task| json!(task));
    Value::Array(tasks.collect())
}

/// Refuses inputs that are not what they were.
fn check_unchanged(before: &[Value], files: &[(String, PathBuf)]) -> Result<(), Exit> {
    for (before, after) in before.iter().zip(input_figures(files)?) {
        if *before != after {
            let path = before["path"].as_str().unwrap_or_default();
            return Err(Exit::input(format!("{path}: changed while it was read; nothing was written; run again")));
        }
    }
    Ok(())
}

/// Path, size and time of change of every input file.
pub(super) fn input_figures(files: &[(String, PathBuf)]) -> Result<Vec<Value>, Exit> {
    let figures = files.iter().map(|(input, path)| {
        let fault = |error: std::io::Error| Exit::input(format!("input `{input}`: {}: {error}", path.display()));
        let metadata = std::fs::metadata(path).map_err(fault)?;
        let changed = metadata.modified().map_err(fault)?;
        let changed = changed.duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let entry: Map<String, Value> = [
            ("input".to_string(), json!(input)),
            ("path".to_string(), json!(path)),
            ("size".to_string(), json!(metadata.len())),
            ("modified".to_string(), json!(changed)),
        ]
        .into_iter()
        .collect();
        Ok(Value::Object(entry))
    });
    figures.collect()
}
