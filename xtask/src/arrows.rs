//! The dependency arrows of ARCHITECTURE.md, held by a test.

#![cfg(test)]

use crate::root;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Our own crates that each of our crates may depend on. Whoever adds a crate decides here where it stands.
const ALLOWED: &[(&str, &[&str])] = &[
    ("scaletune-abi", &[]),
    ("scaletune-descriptor", &[]),
    ("scaletune-sdk", &["scaletune-abi", "scaletune-descriptor"]),
    ("scaletune-hts", &[]),
    ("scaletune-count-core", &["scaletune-hts"]),
    ("scaletune-em-core", &["scaletune-hts"]),
    ("scaletune-prune-core", &[]),
    ("scaletune-count-face", &["scaletune-count-core", "scaletune-sdk"]),
    ("scaletune-em-face", &["scaletune-em-core", "scaletune-hts", "scaletune-sdk"]),
    ("scaletune-prune-face", &["scaletune-prune-core", "scaletune-sdk"]),
    ("scaletune-count", &["scaletune-count-face", "scaletune-sdk"]),
    ("scaletune-em", &["scaletune-em-face", "scaletune-sdk"]),
    ("scaletune-prune", &["scaletune-prune-face", "scaletune-sdk"]),
    ("scaletune-hostile", &["scaletune-sdk"]),
    ("scaletune-planted", &["scaletune-abi"]),
    // The harness names no engine.
    ("scaletune", &["scaletune-abi", "scaletune-descriptor"]),
    // Cores and their faces without plugins; of the harness, how plans are chosen.
    (
        "scaletune-python",
        &[
            "scaletune",
            "scaletune-descriptor",
            "scaletune-sdk",
            "scaletune-hts",
            "scaletune-count-core",
            "scaletune-em-core",
            "scaletune-prune-core",
            "scaletune-count-face",
            "scaletune-em-face",
            "scaletune-prune-face",
        ],
    ),
    ("xtask", &[]),
    // Test only: the readers of every part, under hostile input.
    (
        "scaletune-fuzz-targets",
        &[
            "scaletune",
            "scaletune-count-core",
            "scaletune-descriptor",
            "scaletune-em-core",
            "scaletune-hts",
            "scaletune-prune-core",
        ],
    ),
];

/// Where `unsafe` may stand: a crate, or a file or folder of one. Everything else forbids it.
const UNSAFE: &[&str] = &[
    "engines/abi/",
    "engines/sdk/",
    "engines/hts/",
    "harness/src/worker.rs",
    "harness/src/worker/",
    // Test only: it is there to misbehave.
    "engines/hostile/",
    "engines/planted/",
    // Vector kernels, and those whose gathers must not be checked twice.
    "engines/prune/core/src/kernel/",
    "engines/em/core/src/solver/",
];

/// Crates whose engine-side `core` must not know of plugins, plans in text form, or JSON.
const CORES: &[&str] = &["scaletune-count-core", "scaletune-em-core", "scaletune-prune-core"];

struct Package {
    folder: PathBuf,
    dependencies: BTreeSet<String>,
}

/// Every member of the workspace, by name, with what it depends on outside its tests.
fn packages() -> BTreeMap<String, Package> {
    let read = |path: &Path| -> toml::Table { std::fs::read_to_string(path).unwrap().parse().unwrap() };
    let workspace = read(&root().join("Cargo.toml"));
    let members = workspace["workspace"]["members"].as_array().unwrap();
    members
        .iter()
        .map(|member| {
            let folder = PathBuf::from(member.as_str().unwrap());
            let manifest = read(&root().join(&folder).join("Cargo.toml"));
            let tables = ["dependencies", "build-dependencies"].into_iter().filter_map(|table| manifest.get(table));
            let dependencies = tables.flat_map(|table| table.as_table().unwrap().keys().cloned()).collect();
            (manifest["package"]["name"].as_str().unwrap().to_string(), Package { folder, dependencies })
        })
        .collect()
}

#[test]
fn dependencies_run_one_way() {
    for (name, package) in packages() {
        let allowed = ALLOWED.iter().find(|(known, _)| *known == name);
        let (_, allowed) = allowed.unwrap_or_else(|| panic!("{name} has no place in ALLOWED"));
        for dependency in &package.dependencies {
            let ours = ALLOWED.iter().any(|(known, _)| known == dependency);
            assert!(!ours || allowed.contains(&dependency.as_str()), "{name} must not depend on {dependency}");
            let knows_json =
                CORES.contains(&name.as_str()) && ["serde_json", "libloading"].contains(&dependency.as_str());
            assert!(!knows_json, "{name} must not depend on {dependency}: a core knows nothing of plugins or JSON");
        }
    }
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Whether the text has such code: the keyword in front of a block, a function, an implementation or an attribute's
/// bracket, not in a lint's name, a comment or a word of a text.
fn says_unsafe(text: &str) -> bool {
    // Put together, so that this file does not find itself.
    let keyword = concat!("un", "safe");
    let begins = ["{", "fn ", "impl ", "extern ", "trait "];
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).any(|code| {
        code.contains(&format!("#[{keyword}("))
            || code.split(keyword).skip(1).any(|rest| begins.iter().any(|begin| rest.trim_start().starts_with(begin)))
    })
}

#[test]
fn unsafe_code_stands_only_where_it_may() {
    let root = root();
    for (name, package) in packages() {
        let mut files = Vec::new();
        rust_files(&root.join(&package.folder).join("src"), &mut files);
        let mut whole_crate_is_safe = true;
        for file in files {
            let relative = file.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
            let may = UNSAFE.iter().any(|place| relative.starts_with(place));
            whole_crate_is_safe &= !may;
            let text = std::fs::read_to_string(&file).unwrap();
            assert!(may || !says_unsafe(&text), "{relative} holds unsafe code; {name} may not, or not there");
        }
        if whole_crate_is_safe {
            let entry = ["lib.rs", "main.rs"].map(|file| root.join(&package.folder).join("src").join(file));
            let text = entry.iter().filter_map(|path| std::fs::read_to_string(path).ok()).next().unwrap();
            assert!(text.contains("#![forbid(unsafe_code)]"), "{name} lacks #![forbid(unsafe_code)]");
        }
    }
}

#[test]
fn no_shell_is_started() {
    let mut files = Vec::new();
    for folder in ["harness/src", "engines", "fuzz/targets"] {
        rust_files(&root().join(folder), &mut files);
    }
    // Put together, so that this file does not find itself.
    let shells = ["sh", "bash", "dash", "zsh"].map(|name| format!("Command::new(\"{name}\"")).into_iter();
    let shells: Vec<String> = shells.chain([format!("{} -c", "sh"), format!("libc::{}(", "system")]).collect();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        // A test may start one, to have a process with children.
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let code: String = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        for shell in &shells {
            assert!(!code.contains(shell.as_str()), "{} starts a shell: {shell}", file.display());
        }
    }
}

#[test]
fn the_harness_names_no_engine() {
    let mut files = Vec::new();
    rust_files(&root().join("harness/src"), &mut files);
    // In tests a name may stand as data.
    let own_tests = |file: &Path| file.iter().any(|part| part == "tests" || part == "tests.rs");
    let mut found = Vec::new();
    for file in files.iter().filter(|file| !own_tests(file)) {
        let text = std::fs::read_to_string(file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let code: String = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        // A file's name in the text of a help is not knowledge of an engine.
        let named = ["count", "em", "prune"].into_iter().filter(|name| {
            let forms = [format!("\"{name}\""), format!("scaletune_{name}::"), format!("scaletune_{name}_")];
            forms.iter().any(|form| code.contains(form))
        });
        found.extend(named.map(|name| format!("{} names an engine: {name}", file.display())));
    }
    assert!(found.is_empty(), "{found:#?}");
}
