//! What the texts and the help say works: each command line of README.md and docs/ is run, each example of the help too.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;
#[path = "docs/markdown.rs"]
mod markdown;
#[path = "docs/world.rs"]
mod world;

use std::path::{Path, PathBuf};
use world::World;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The texts for users: at the root, and the guides.
fn texts() -> Vec<PathBuf> {
    let markdown = |folder: PathBuf| {
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|file| file.extension().is_some_and(|it| it == "md")).collect::<Vec<_>>()
    };
    let mut texts = [markdown(root().to_path_buf()), markdown(root().join("docs"))].concat();
    texts.sort();
    texts
}

/// Runs every command of a text in a world of its own; what went wrong.
fn run(text: &Path) -> Vec<String> {
    let name = text.strip_prefix(root()).unwrap().display();
    let commands = match markdown::commands(&std::fs::read_to_string(text).unwrap()) {
        Ok(commands) => commands,
        Err(fault) => return vec![format!("{name}: {fault}")],
    };
    if commands.is_empty() {
        return Vec::new();
    }
    let world = World::new();
    let mut faults = Vec::new();
    for command in &commands {
        let (status, printed) = world.run(&command.text);
        let place = format!("{name}:{}: `{}`", command.line, command.text);
        match &command.printed {
            // A transcript may show a failure, and says so by what is printed.
            Some(expected) if !markdown::matches(expected, &printed) => {
                faults.push(format!("{place} prints (status {status})\n{printed}"));
            }
            None if status != 0 => faults.push(format!("{place} ends with status {status}:\n{printed}")),
            _ => {}
        }
    }
    eprintln!("{name}: {} commands", commands.len());
    faults
}

#[test]
fn every_command_of_the_texts_runs() {
    let faults: Vec<String> = texts().iter().flat_map(|text| run(text)).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The example lines of a help text: what stands behind `Example:`, or below `Examples:`, without the remark that two
/// spaces part from it.
fn examples(help: &str) -> Vec<String> {
    let lines = help.lines().map(|line| line.trim().trim_start_matches("Example: "));
    let commands = lines.filter(|line| line.starts_with("scaletune "));
    commands.map(|line| line.split("  ").next().unwrap_or_default().to_string()).collect()
}

#[test]
fn every_command_shows_an_example_that_runs() {
    let world = World::new();
    let commands = world::commands(&world);
    assert!(commands.len() > 8, "{commands:?}");
    let mut faults = Vec::new();
    for words in &commands {
        let help = world::help(&world, words);
        let examples = examples(&help);
        let groups = help.contains("\nCommands:\n");
        if examples.is_empty() && !groups {
            faults.push(format!("`scaletune {}` shows no example", words.join(" ")));
        }
        // Those of one command follow on each other: what one writes the next may read.
        let world = World::new();
        for example in examples {
            if !example.starts_with(&format!("scaletune {}", words.join(" "))) {
                faults.push(format!("`{example}` is not an example of `scaletune {}`", words.join(" ")));
            }
            let (status, printed) = world.run(&example);
            if status != 0 {
                faults.push(format!("`{example}` ends with status {status}:\n{printed}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_engine_shows_an_example_of_its_own_that_runs() {
    let world = World::new();
    for engine in ["count", "em", "prune"] {
        for command in ["run", "tune", "sweep", "simulate"] {
            let examples = examples(&world::help(&world, &[command.to_string(), engine.to_string()]));
            assert!(!examples.is_empty(), "{command} {engine} shows no example");
            for example in examples {
                assert!(example.starts_with(&format!("scaletune {command} {engine} ")), "{example}");
                // Measuring the built-in workload takes minutes; that the line runs is seen on the smallest engine.
                if ["run", "simulate"].contains(&command) {
                    let (status, printed) = world.run(&example);
                    assert_eq!(status, 0, "{example}: {printed}");
                }
            }
        }
    }
}

#[test]
fn links_between_the_texts_lead_somewhere() {
    let mut faults = Vec::new();
    for text in texts() {
        let content = std::fs::read_to_string(&text).unwrap();
        for target in content.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or_default();
            let elsewhere = file.contains("://") || file.is_empty() || file.contains(' ');
            if !elsewhere && !text.parent().unwrap().join(file).exists() {
                faults.push(format!("{}: {target}", text.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
