//! Completions and manual pages: from the same definitions as the command line.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{home, names, need_count_engine, outcome, scaletune};
use std::process::{Command, Stdio};

#[test]
fn completions_know_commands_engines_and_their_flags() {
    need_count_engine();
    let home = home();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (status, script, stderr) = outcome(scaletune(home.path()).args(["completions", shell]));
        assert_eq!(status, 0, "{stderr}");
        for word in ["profile", "max-memory", "variants", "count"] {
            assert!(script.contains(word), "{shell} does not know {word}");
        }
        std::fs::write(home.path().join(shell), script).unwrap();
    }
    let (status, _, stderr) = outcome(scaletune(home.path()).args(["completions", "tcsh"]));
    assert!(status == 2 && stderr.contains("bash"), "{stderr}");
    // Bash takes the script, and completes by it.
    let script = "source ./bash; COMP_WORDS=(scaletune tune count --max-m); COMP_CWORD=3; \
                  _scaletune scaletune --max-m count; echo ${COMPREPLY[@]}";
    match Command::new("bash").args(["-c", script]).current_dir(home.path()).stdin(Stdio::null()).output() {
        Ok(output) => assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), "--max-memory"),
        Err(error) => eprintln!("SKIPPED: no bash ({error})"),
    }
}

#[test]
fn manual_pages_are_written_for_commands_and_engines() {
    need_count_engine();
    let home = home();
    let (status, _, stderr) = outcome(scaletune(home.path()).args(["man", "--out", "man1"]));
    assert_eq!(status, 0, "{stderr}");
    let pages = names(&home.path().join("man1"));
    for page in ["scaletune.1", "scaletune-tune.1", "scaletune-profile-merge.1", "scaletune-run-count.1"] {
        assert!(pages.iter().any(|it| it == page), "{page}: {pages:?}");
    }
    assert!(!pages.iter().any(|it| it.contains("-man.1") || it.contains("help")), "{pages:?}");
    let read = |page: &str| std::fs::read_to_string(home.path().join("man1").join(page)).unwrap();
    let page = read("scaletune-run-count.1");
    assert!(page.starts_with(".ie") || page.contains(".TH"), "{page}");
    assert!(page.contains("base\\-quality") && page.contains("threads") && page.contains("engine"), "{page}");
    assert!(!read("scaletune-run.1").contains("base\\-quality"));
}
