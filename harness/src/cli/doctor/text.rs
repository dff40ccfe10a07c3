//! The findings for a person: a heading for each part, a line for each thing.

use super::findings::{EngineState, Findings, Folder};
use crate::cli::profile::look::{EngineFit, Look};
use crate::profile::MachineFit;
use std::fmt::Write as _;

pub(super) fn text(findings: &Findings) -> String {
    let mut text = String::new();
    section(
        &mut text,
        "Program",
        [format!("scaletune {}", findings.scaletune.version), findings.scaletune.path.display().to_string()],
    );
    section(&mut text, "Machine", machine(findings));
    section(&mut text, "Counters", counters(findings));
    section(&mut text, "Engines", engines(findings));
    section(&mut text, "Profiles", profiles(findings));
    section(&mut text, "Left by runs", leftovers(findings));
    section(&mut text, "Peers for `cargo xtask bench`", findings.peers.iter().map(|peer| peer.line()));
    let problems = if findings.problems.is_empty() { vec!["none".into()] } else { findings.problems.clone() };
    section(&mut text, "Problems", problems);
    text.truncate(text.trim_end().len());
    text + "\n"
}

fn section(text: &mut String, heading: &str, lines: impl IntoIterator<Item = String>) {
    _ = writeln!(text, "{heading}");
    for line in lines {
        _ = writeln!(text, "  {line}");
    }
    text.push('\n');
}

fn gib(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30))
}

fn machine(findings: &Findings) -> Vec<String> {
    let (cores, memory) = (&findings.cores, &findings.memory);
    let quota = cores.cpu_quota.map_or("no CPU quota".into(), |quota| format!("a CPU quota of {quota:.2}"));
    vec![
        format!("{}, {}", findings.machine.cpu, findings.machine.os),
        format!("hardware: {}", findings.machine.hardware),
        format!(
            "cores: {} usable; {} online, {} in the affinity mask, {quota}",
            cores.usable, cores.online, cores.affinity
        ),
        match &findings.threads {
            Some(budget) => {
                let why = budget.reason().unwrap_or_else(|| "the usable cores".into());
                format!("default threads: {} ({why})", budget.threads)
            }
            None => "default threads: not known; see Problems".into(),
        },
        format!("memory: {} usable of {}", gib(memory.usable_bytes), gib(memory.total_bytes)),
        if findings.fence {
            "engines: kept from writing elsewhere than to their own folders (Landlock)".into()
        } else {
            "engines: free to write anywhere; this kernel has no Landlock".into()
        },
    ]
}

fn counters(findings: &Findings) -> Vec<String> {
    let counters = &findings.counters;
    let level = match (counters.paranoid, &counters.fault) {
        (Some(level), _) => format!("perf_event_paranoid {level}"),
        (None, Some(fault)) => fault.clone(),
        (None, None) => "no perf events".into(),
    };
    let hardware = match (counters.hardware, counters.permitted) {
        (true, true) => format!("hardware: available ({level})"),
        (true, false) => format!("hardware: not for this user ({level}); 2 or less would do"),
        (false, _) => format!("hardware: the kernel shows none, as in many virtual machines ({level})"),
    };
    let valgrind = match &counters.valgrind {
        Some(path) => format!("valgrind: {}", path.display()),
        None => "valgrind: missing; Debian's package valgrind".into(),
    };
    vec![hardware, valgrind]
}

fn folders(folders: &[Folder]) -> Vec<String> {
    let line = |folder: &Folder| {
        let absent = if folder.exists { "" } else { " (absent)" };
        format!("looked in: {}{absent}", folder.path.display())
    };
    folders.iter().map(line).collect()
}

fn engines(findings: &Findings) -> Vec<String> {
    let mut lines: Vec<String> = findings
        .engines
        .iter()
        .map(|engine| {
            let path = engine.path.display();
            match &engine.state {
                EngineState::Usable { name, version } => format!("{name} {version}: {path}"),
                EngineState::Hidden { reason } => format!("not used: {path}: {reason}"),
                EngineState::Refused { reason } => format!("refused: {path}: {reason}"),
            }
        })
        .collect();
    if lines.is_empty() {
        lines.push("none".into());
    }
    lines.extend(folders(&findings.engine_folders));
    lines
}

fn profiles(findings: &Findings) -> Vec<String> {
    let mut lines: Vec<String> = findings.profiles.iter().map(|profile| line(&profile.0)).collect();
    if lines.is_empty() {
        lines.push("none; `scaletune tune ENGINE` makes one".into());
    }
    lines.extend(folders(&findings.profile_folders));
    lines
}

fn line(look: &Look) -> String {
    let path = look.path.display();
    match &look.seen {
        Err(error) => format!("unreadable: {error}"),
        Ok(seen) => {
            let state = match (look.is_usable(), &seen.machine) {
                (false, _) => "not used",
                (true, MachineFit::Exact) if matches!(seen.engine, EngineFit::Same) => "in use",
                (true, _) => "in use where none fits better",
            };
            let (engine, fit) = (&seen.profile.engine, seen.fit().join("; "));
            format!("{state}: {engine}, threads {}: {path}: {fit}", seen.budgets())
        }
    }
}

fn leftovers(findings: &Findings) -> Vec<String> {
    let lines: Vec<String> = findings
        .leftovers
        .iter()
        .map(|left| {
            let state = match left.in_use {
                Some(true) => "a run is at work",
                Some(false) => "its run was killed; the next one of its kind clears it away",
                None => "another user's: a run is at work, or was killed",
            };
            format!("{}: {state}", left.path.display())
        })
        .collect();
    if lines.is_empty() { vec!["nothing".into()] } else { lines }
}
