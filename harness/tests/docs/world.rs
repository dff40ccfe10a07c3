//! A folder with small simulated files under the names that the texts use.

use crate::common::{need_count_engine, scaletune, succeed};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// Made once; every use works on a copy.
static WORLD: OnceLock<tempfile::TempDir> = OnceLock::new();

/// Measuring commands of the texts would go on until intervals are narrow; here this long is enough.
const MEASURE: &str = " --max-time 15s";

/// A copy of the world.
pub(crate) struct World(tempfile::TempDir);

impl World {
    /// A fresh copy.
    pub(crate) fn new() -> World {
        let original = WORLD.get_or_init(make);
        let copy = tempfile::tempdir().unwrap();
        copy_folder(original.path(), copy.path());
        World(copy)
    }

    /// Runs a line of a text by bash, in the world: status, and standard output and error as they come.
    pub(crate) fn run(&self, line: &str) -> (i32, String) {
        let measures = ["scaletune tune ", "scaletune sweep "].iter().any(|command| line.contains(command));
        let bounded = !measures || ["--max-time", "--help", "--repeat"].iter().any(|flag| line.contains(flag));
        let mut line = if bounded { line.to_string() } else { line.to_string() + MEASURE };
        // Of a gate, the answers are what can be told of a busy machine.
        if line.contains("scaletune gate ") && !line.contains("--help") {
            // No time for the speed: what is left open is not a fault of the text.
            line = line.replace(" --strict", "");
            line += if line.contains("--write") { " --rounds 8" } else { " --max-time 0s" };
        }
        let home = self.0.path();
        let program = Path::new(env!("CARGO_BIN_EXE_scaletune")).parent().unwrap();
        let mut path = program.as_os_str().to_os_string();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap());
        let Output { status, stdout, .. } = Command::new("bash")
            .args(["-euo", "pipefail", "-c", &format!("exec 2>&1\n{line}")])
            .current_dir(home)
            .env("PATH", path)
            .env("HOME", home)
            .env("SCALETUNE_PROFILES", home.join("profiles"))
            .env_remove("SCALETUNE_ENGINE_PATH")
            .env_remove("XDG_DATA_HOME")
            .output()
            .unwrap();
        (status.code().unwrap_or(-1), String::from_utf8_lossy(&stdout).into_owned())
    }
}

fn copy_folder(from: &Path, to: &Path) {
    // In order of age: an index must not become older than what it is of.
    let mut entries: Vec<PathBuf> = fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort_by_key(|path| path.metadata().unwrap().modified().unwrap());
    for path in entries {
        let to = to.join(path.file_name().unwrap());
        if path.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(&path).unwrap(), &to).unwrap();
        } else if path.is_dir() {
            fs::create_dir(&to).unwrap();
            copy_folder(&path, &to);
        } else {
            fs::copy(&path, &to).unwrap();
        }
    }
}

fn make() -> tempfile::TempDir {
    need_count_engine();
    let home = crate::common::home();
    let folder = home.path();
    let run = |arguments: &[&str]| succeed(scaletune(folder).args(arguments));
    for engine in ["count", "em", "prune"] {
        run(&["simulate", engine, "--preset", "tiny", "--out", &format!("{engine}-tiny")]);
    }
    counting(folder);
    earlier_run(folder, &run);
    multi_mapping(folder);
    tree(folder);
    sweeps(folder, &run);
    profiles(folder, &run);
    gates(folder, &run);
    golden(folder);
    // Where shells look for completions.
    for completions in [".local/share/bash-completion/completions", ".zfunc", ".config/fish/completions"] {
        fs::create_dir_all(folder.join(completions)).unwrap();
    }
    // Plugins, as if they had been built here.
    let built = Path::new(env!("CARGO_BIN_EXE_scaletune")).parent().unwrap();
    fs::create_dir(folder.join("target")).unwrap();
    std::os::unix::fs::symlink(built, folder.join("target/debug")).unwrap();
    home
}

/// A golden case: what the simulator says must come out.
fn golden(folder: &Path) {
    let case = folder.join("cases/simulated");
    fs::create_dir_all(&case).unwrap();
    fs::copy(folder.join("count-tiny/expected.tsv"), case.join("counts.tsv")).unwrap();
    let text = "engine = \"count\"\nabout = \"A simulated file\"\nanswer = \"the simulator\"\n\n\
                [inputs]\nbam = \"../../S.bam\"\nvariants = \"../../V.vcf.gz\"\nsample = \"S\"\n\n\
                [[expected]]\noutput = \"counts\"\nfile = \"counts.tsv\"\n";
    fs::write(case.join("case.toml"), text).unwrap();
}

fn counting(folder: &Path) {
    let from = folder.join("count-tiny");
    for (name, to) in [("simulated.bam", "S.bam"), ("simulated.bam.bai", "S.bam.bai"), ("barcodes.tsv", "cells.tsv")] {
        fs::copy(from.join(name), folder.join(to)).unwrap();
    }
    // The sample is called S in the texts.
    let mut text = String::new();
    let compressed = fs::File::open(from.join("simulated.vcf.gz")).unwrap();
    flate2::read::MultiGzDecoder::new(compressed).read_to_string(&mut text).unwrap();
    assert!(text.contains("\tSIM1\n") || text.contains("\tSIM1\t"));
    let to = fs::File::create(folder.join("V.vcf.gz")).unwrap();
    let mut writer = flate2::write::GzEncoder::new(to, flate2::Compression::default());
    writer.write_all(text.replacen("\tSIM1", "\tS", 1).as_bytes()).unwrap();
    writer.finish().unwrap();
    // Regions and genes around some of the sites.
    let (mut bed, mut gtf) = (String::new(), String::new());
    let expected = fs::read_to_string(from.join("expected.tsv")).unwrap();
    for (number, row) in expected.lines().skip(1).step_by(20).enumerate() {
        let cells: Vec<&str> = row.split('\t').collect();
        let (chrom, pos): (&str, i64) = (cells[0], cells[2].parse().unwrap());
        let start = (pos - 500).max(1);
        bed += &format!("{chrom}\t{start}\t{}\tpeak{number}\n", pos + 500);
        gtf += &format!(
            "{chrom}\tx\texon\t{start}\t{}\t.\t+\t.\tgene_id \"g{number}\"; transcript_id \"t{number}\";\n",
            pos + 500
        );
    }
    fs::write(folder.join("peaks.bed"), bed).unwrap();
    fs::write(folder.join("genes.gtf"), gtf).unwrap();
}

/// A run that was made before, with its manifest.
fn earlier_run(folder: &Path, run: &dyn Fn(&[&str]) -> String) {
    fs::create_dir(folder.join("earlier")).unwrap();
    let line = ["run", "count", "-q", "--threads", "1", "--no-profile", "--inputs", "count-tiny/inputs.toml"];
    run(&[&line[..], &["-o", "earlier/counts.tsv"]].concat());
}

fn multi_mapping(folder: &Path) {
    for (name, to) in [("collated.bam", "A.bam"), ("collated.bam", "B.bam"), ("annotation.gtf", "G.gtf")] {
        fs::copy(folder.join("em-tiny").join(name), folder.join(to)).unwrap();
    }
}

fn tree(folder: &Path) {
    let from = folder.join("prune-tiny");
    for (name, to) in [("tree.nwk", "T.nwk"), ("matrix.tsv", "M.tsv"), ("rates.tsv", "R.tsv")] {
        fs::copy(from.join(name), folder.join(to)).unwrap();
    }
    // The same matrix as Panaroo writes it: gene names where a gene is, nothing where it is not.
    let matrix = fs::read_to_string(folder.join("M.tsv")).unwrap();
    let mut lines = matrix.lines();
    let taxa: Vec<&str> = lines.next().unwrap().split('\t').skip(1).collect();
    let mut csv = format!("Gene,Non-unique Gene name,Annotation,{}\n", taxa.join(","));
    for line in lines {
        let (family, cells) = line.split_once('\t').unwrap();
        let cells = cells.split('\t').zip(&taxa);
        let cells: Vec<String> =
            cells.map(|(cell, taxon)| if cell == "1" { format!("{taxon}_{family}") } else { String::new() }).collect();
        csv += &format!("{family},,,{}\n", cells.join(","));
    }
    fs::write(folder.join("gene_presence_absence.csv"), csv).unwrap();
    fs::write(folder.join("sets.txt"), "first\tfam1\nfirst\tfam2\nsecond\tfam3\nsecond\tfam4\nsecond\tfam5\n").unwrap();
}

/// Sweeps as an eight-core machine would give them: measured here, then put on Amdahl's law, so that whatever reads them
/// does not depend on how busy this machine is.
fn sweeps(folder: &Path, run: &dyn Fn(&[&str]) -> String) {
    let line = ["sweep", "count", "--inputs", "count-tiny/inputs.toml", "--threads", "1,2,4,8", "--repeat", "3"];
    let rest = ["--axes", "reader", "--out", "reports/count"];
    fs::create_dir(folder.join("reports")).unwrap();
    run(&[&line[..], &rest[..]].concat());
    let document = folder.join("reports/count/sweep.json");
    let mut sweep: Value = serde_json::from_str(&fs::read_to_string(&document).unwrap()).unwrap();
    sweep["machine"]["usable_cores"] = json!(8);
    for (name, serial) in [("reports/count", 0.1), ("before", 0.1), ("after", 0.05)] {
        on_a_law(&mut sweep, serial);
        fs::create_dir_all(folder.join(name)).unwrap();
        fs::write(folder.join(name).join("sweep.json"), sweep.to_string()).unwrap();
    }
}

fn on_a_law(sweep: &mut Value, serial: f64) {
    for (number, row) in sweep["rows"].as_array_mut().unwrap().iter_mut().enumerate() {
        let threads = row["threads"].as_f64().unwrap();
        let seconds = (serial + (1.0 - serial) / threads) * (1.0 + 0.01 * number as f64);
        for (sample, factor) in row["samples"].as_array_mut().unwrap().iter_mut().zip([0.99, 1.0, 1.01]) {
            sample["wall_s"] = json!(seconds * factor);
        }
        (row["median_s"], row["ci_low_s"], row["ci_high_s"]) =
            (json!(seconds), json!(seconds * 0.99), json!(seconds * 1.01));
        row["oversubscribed"] = json!(false);
    }
}

/// Profiles under the names that the texts use.
fn profiles(folder: &Path, run: &dyn Fn(&[&str]) -> String) {
    let fixed = ["--set", "reader=raw", "--set", "traversal=index", "--set", "partition=bytes"];
    let line = ["tune", "count", "--inputs", "count-tiny/inputs.toml", "--threads", "1,2", "--effort", "quick"];
    run(&[&line[..], &fixed, &["--max-time", "20s", "--save", "monday.json"]].concat());
    fs::create_dir(folder.join("profiles")).unwrap();
    for name in ["tuesday.json", "profiles/count-1f0c7a52-43770b4f.json"] {
        fs::copy(folder.join("monday.json"), folder.join(name)).unwrap();
    }
}

/// Older plugins, a suite, and a baseline.
fn gates(folder: &Path, run: &dyn Fn(&[&str]) -> String) {
    fs::create_dir(folder.join("old")).unwrap();
    let built = Path::new(env!("CARGO_BIN_EXE_scaletune")).with_file_name("libscaletune_count.so");
    // Another build: a loader does not look behind the end. One file on both sides is refused.
    let older = [fs::read(built).unwrap().as_slice(), b"older"].concat();
    fs::write(folder.join("old/libscaletune_count.so"), older).unwrap();
    let suite = "[[case]]\nengine = \"count\"\ninputs = \"count-tiny/inputs.toml\"\nthreads = [1]\n";
    fs::write(folder.join("gate.toml"), suite).unwrap();
    run(&["gate", "--baseline", "baseline.json", "--write", "--suite", "gate.toml", "--rounds", "8"]);
}

/// The commands that the program itself lists, found by its help: each as the words behind `scaletune`.
pub(crate) fn commands(world: &World) -> BTreeSet<Vec<String>> {
    let mut found = BTreeSet::new();
    let mut open: Vec<Vec<String>> = vec![Vec::new()];
    while let Some(words) = open.pop() {
        let help = help(world, &words);
        let listed = help.split("\nCommands:\n").nth(1).unwrap_or_default();
        // An entry begins two columns in; what its text is broken into stands further to the right.
        let entries = listed.lines().take_while(|line| !line.is_empty());
        let names = entries.filter_map(|line| line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')));
        let names: Vec<&str> = names.filter_map(|rest| rest.split_whitespace().next()).collect();
        for name in names.into_iter().filter(|name| *name != "help") {
            open.push([words.clone(), vec![name.to_string()]].concat());
        }
        found.insert(words);
    }
    found
}

/// What `scaletune WORDS --help` says.
pub(crate) fn help(world: &World, words: &[String]) -> String {
    let (status, text) = world.run(&format!("scaletune {} --help", words.join(" ")));
    assert_eq!(status, 0, "{words:?}: {text}");
    text
}
