//! An installed program: `<prefix>/bin`, `<prefix>/lib/scaletune/engines`, `<prefix>/share/scaletune/profiles`.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{home, need_count_engine};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

#[test]
fn program_engines_and_profiles_find_each_other() {
    need_count_engine();
    let home = home();
    let prefix = home.path().join("prefix").join("with spaces");
    let (bin, engines, profiles) =
        (prefix.join("bin"), prefix.join("lib/scaletune/engines"), prefix.join("share/scaletune/profiles"));
    for folder in [&bin, &engines, &profiles] {
        std::fs::create_dir_all(folder).unwrap();
    }
    let built = Path::new(env!("CARGO_BIN_EXE_scaletune"));
    let program = bin.join("scaletune");
    std::fs::copy(built, &program).unwrap();
    std::fs::copy(built.with_file_name("libscaletune_prune.so"), engines.join("libscaletune_prune.so")).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        command.args(arguments).current_dir(home.path());
        command.env_remove("SCALETUNE_ENGINE_PATH").env_remove("SCALETUNE_PROFILES").env("HOME", home.path());
        let output = command.env_remove("XDG_DATA_HOME").output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (status, _, error) = run(&["simulate", "prune", "-q", "--preset", "tiny", "--out", "work"]);
    assert_eq!(status, Some(0), "{error}");
    let tune = ["tune", "prune", "--inputs", "work/inputs.toml", "--threads", "1", "--effort", "quick"];
    let (status, _, error) = run(&tune);
    assert_eq!(status, Some(0), "{error}");
    // What was tuned is saved for the user; what is shipped lies under the prefix, and is looked at last.
    let saved = home.path().join(".local/share/scaletune/profiles");
    let file = std::fs::read_dir(&saved).unwrap().next().unwrap().unwrap();
    std::fs::rename(file.path(), profiles.join(file.file_name())).unwrap();

    let (status, text, error) = run(&["doctor", "--json"]);
    assert_eq!(status, Some(0), "{error}");
    let found: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(found["engines"][0]["path"], engines.join("libscaletune_prune.so").to_str().unwrap());
    assert_eq!(found["profiles"][0]["path"], profiles.join(file.file_name()).to_str().unwrap());
    let (status, _, error) =
        run(&["run", "prune", "--inputs", "work/inputs.toml", "--threads", "1", "--outdir", "out"]);
    assert_eq!(status, Some(0), "{error}");
    assert!(error.contains("share/scaletune/profiles") && error.contains("exact match"), "{error}");
}
