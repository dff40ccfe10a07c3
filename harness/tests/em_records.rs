//! Alignments as users have them, through the program: sorted with and without an index, under headers that lie, as text, from
//! standard input and FIFOs; what is refused, and its healthy neighbour.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{home, names, outcome, scaletune, succeed};
use rustix::fs::{CWD, FileType, mknodat};
use serde_json::Value;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

const HEADER: &str = "@SQ\tSN:a\tLN:100000\n@SQ\tSN:b\tLN:100000\n";

/// Three single reads, each with an alignment on L1, one on L2 with a lower score, one on no locus.
const READS: &str = "\
r0\t0\ta\t1100\t9\t50M\t*\t0\t0\t*\t*\tAS:i:98\nr0\t256\ta\t5100\t9\t50M\t*\t0\t0\t*\t*\tAS:i:90\n\
r0\t256\tb\t100\t9\t50M\t*\t0\t0\t*\t*\tAS:i:80\nr1\t0\ta\t1101\t9\t50M\t*\t0\t0\t*\t*\tAS:i:98\n\
r1\t256\ta\t5101\t9\t50M\t*\t0\t0\t*\t*\tAS:i:90\nr1\t256\tb\t101\t9\t50M\t*\t0\t0\t*\t*\tAS:i:80\n\
r2\t0\ta\t1102\t9\t50M\t*\t0\t0\t*\t*\tAS:i:98\nr2\t256\ta\t5102\t9\t50M\t*\t0\t0\t*\t*\tAS:i:90\n\
r2\t256\tb\t102\t9\t50M\t*\t0\t0\t*\t*\tAS:i:80\n";

fn annotation(home: &Path) {
    let row = |from, to, name| format!("a\tx\texon\t{from}\t{to}\t.\t+\t.\tlocus \"{name}\";\n");
    fs::write(home.join("g.gtf"), row(1001, 2000, "L1") + &row(5001, 6000, "L2")).unwrap();
}

/// The reads as SAM text under the header line `order`, by name or by place.
fn text(order: &str, by_place: bool) -> String {
    let mut lines: Vec<&str> = READS.lines().collect();
    if by_place {
        let key = |line: &&str| {
            let fields: Vec<&str> = line.split('\t').collect();
            (fields[2].to_string(), fields[3].parse::<u32>().unwrap())
        };
        lines.sort_by_key(key);
    }
    format!("@HD\tVN:1.6{order}\n{HEADER}{}\n", lines.join("\n"))
}

fn em(home: &Path, arguments: &[&str]) -> Command {
    let mut command = scaletune(home);
    command.args(["run", "em", "-q", "--no-profile", "--gtf", "g.gtf", "--force", "--outdir", "out"]).args(arguments);
    command
}

/// The count table of the run before, which is removed with all else of that run.
fn counts(home: &Path) -> String {
    let counts = fs::read_to_string(home.join("out/telescope-TE_counts.tsv")).unwrap();
    fs::remove_dir_all(home.join("out")).unwrap();
    counts.lines().skip(1).map(|line| line.replace('\t', "=")).collect::<Vec<_>>().join(" ")
}

const EXPECTED: &str = "L1=3 L2=0 __no_feature=0";

#[test]
fn text_is_read_by_any_number_of_threads_in_either_order() {
    let home = home();
    let home = home.path();
    annotation(home);
    for (order, by_place) in
        [("\tGO:query", false), ("", false), ("", true), ("\tSO:coordinate", true), ("\tSO:coordinate\tGO:query", true)]
    {
        fs::write(home.join("x.sam"), text(order, by_place)).unwrap();
        for threads in ["1", "2", "5"] {
            succeed(&mut em(home, &["--bam", "x.sam", "--threads", threads, "--updated-sam"]));
            assert!(names(&home.join("out")).contains(&"telescope-updated.bam".to_string()));
            assert_eq!(counts(home), EXPECTED, "{order} {by_place} {threads}");
        }
    }
}

#[test]
fn a_sorted_file_without_an_index_is_read_under_every_way_of_loading() {
    let home = home();
    succeed(scaletune(home.path()).args(["simulate", "em", "-q", "--preset", "tiny", "--out", "w"]));
    let home = home.path();
    let folder = home.join("w");
    let found = |ending: &str| {
        let all: Vec<String> = names(&folder).into_iter().filter(|name| name.ends_with(ending)).collect();
        format!("w/{}", all[0])
    };
    let (sorted, gtf, index) = (found("sorted.bam"), found(".gtf"), found(".bai"));
    fs::copy(home.join(gtf), home.join("g.gtf")).unwrap();
    succeed(&mut em(home, &["--bam", &sorted, "--threads", "2"]));
    let expected = counts(home);
    fs::remove_file(home.join(index)).unwrap();
    for loading in ["sequential", "parallel", "indexed"] {
        for reader in ["raw", "htslib", "noodles"] {
            let set = [format!("loading={loading}"), format!("reader={reader}")];
            succeed(&mut em(home, &["--bam", &sorted, "--threads", "2", "--set", &set[0], "--set", &set[1]]));
            assert_eq!(counts(home), expected, "{set:?}");
        }
    }
}

#[test]
fn a_header_that_claims_collation_of_a_sorted_file_is_found_out() {
    let home = home();
    let home = home.path();
    annotation(home);
    fs::write(home.join("x.sam"), text("\tSO:queryname", true)).unwrap();
    for threads in ["1", "3"] {
        let (status, _, stderr) = outcome(&mut em(home, &["--bam", "x.sam", "--threads", threads]));
        assert_eq!(status, 2, "{stderr}");
        for part in ["x.sam", "\"r0\" comes back in record 4", "SO:queryname", "samtools collate"] {
            assert!(stderr.contains(part), "\"{part}\" is not in: {stderr}");
        }
        assert!(!home.join("out").exists() || names(&home.join("out")).is_empty());
    }
}

/// Runs with `input` as standard input, through a pipe.
fn piped(command: &mut Command, input: &str) -> (i32, String) {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    // A program that refuses its input closes it early.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn alignments_come_from_standard_input_and_fifos() {
    let home = home();
    let home = home.path();
    annotation(home);
    let alignments = text("\tGO:query", false);
    fs::write(home.join("x.sam"), &alignments).unwrap();
    for name in ["-", "/dev/stdin", "/dev/fd/0"] {
        let (status, stderr) = piped(&mut em(home, &["--bam", name, "--threads", "2"]), &alignments);
        assert_eq!(status, 0, "{name}: {stderr}");
        let manifest: Value = serde_json::from_str(&fs::read_to_string(home.join("out/run.json")).unwrap()).unwrap();
        assert_eq!(manifest["inputs"]["bam"][0], *name, "the manifest names no file that is gone");
        assert_eq!(manifest["input_files"][0]["size"], alignments.len());
        assert_eq!(counts(home), EXPECTED);
        // A file under the name of standard input is that file.
        succeed(em(home, &["--bam", name]).stdin(File::open(home.join("x.sam")).unwrap()));
        assert_eq!(counts(home), EXPECTED);
    }
    let fifo = home.join("fifo.sam");
    mknodat(CWD, &fifo, FileType::Fifo, 0o600.into(), 0).unwrap();
    let writer = std::thread::spawn(move || fs::write(fifo, alignments).unwrap());
    succeed(&mut em(home, &["--bam", "fifo.sam"]));
    writer.join().unwrap();
    assert_eq!(counts(home), EXPECTED);
}

#[test]
fn streams_that_can_not_be_used_are_refused_with_the_reason() {
    let home = home();
    let home = home.path();
    annotation(home);
    let refused = |command: &mut Command, parts: &[&str]| {
        let (status, stderr) = piped(command, "");
        assert_eq!(status, 2, "{stderr}");
        for part in parts {
            assert!(stderr.contains(part), "\"{part}\" is not in: {stderr}");
        }
    };
    refused(&mut em(home, &["--bam", "-"]), &["it is empty"]);
    refused(&mut em(home, &["--bam", "-", "--bam", "-"]), &["input `bam`: -: ", "one input only"]);
    refused(&mut em(home, &["--resume", "-"]), &["input `resume`: -: is a stream", "write it to a file"]);
}

#[test]
fn no_steps_are_one_as_in_telescope() {
    let home = home();
    let home = home.path();
    annotation(home);
    fs::write(home.join("x.sam"), text("\tGO:query", false)).unwrap();
    let run = |solver: &str, most: &str| {
        let solver = format!("solver={solver}");
        succeed(&mut em(home, &["--bam", "x.sam", "--max-iter", most, "--set", &solver]));
        let report = fs::read_to_string(home.join("out/telescope-em.json")).unwrap();
        counts(home);
        report
    };
    for solver in ["stock", "fused", "blocked", "squarem"] {
        let none = run(solver, "0");
        assert_eq!(none, run(solver, "1"), "{solver}");
        assert!(none.contains("\"iterations\":1,\"converged\":false"), "{none}");
    }
}

#[test]
fn scores_that_are_not_whole_numbers_are_named() {
    let home = home();
    let home = home.path();
    annotation(home);
    let alignments = text("\tGO:query", false);
    fs::write(home.join("x.sam"), alignments.replace("AS:i:98", "AS:f:98")).unwrap();
    succeed(&mut em(home, &["--bam", "x.sam"]));
    assert_eq!(counts(home), EXPECTED);
    fs::write(home.join("x.sam"), alignments.replace("AS:i:90", "AS:f:90.5")).unwrap();
    let (status, _, stderr) = outcome(&mut em(home, &["--bam", "x.sam"]));
    assert_eq!(status, 2);
    assert!(stderr.contains("x.sam: record \"r0\" is mapped and has the alignment score AS:f:90.5"), "{stderr}");
}

#[test]
fn what_the_order_may_change_is_counted_and_kept_on_request() {
    let home = home();
    let home = home.path();
    annotation(home);
    // Two alignments of a pair between the same ends: most of the better one lies on L1, most of the other on L2.
    let record = |flags, start, cigar, mate, length: i64, score| {
        format!("y\t{flags}\ta\t{start}\t9\t{cigar}\t=\t{mate}\t{length}\t*\t*\tAS:i:{score}\n")
    };
    let lines = [
        record(99, 1961, "40M3950N10M", 6100, 4189, 98),
        record(355, 1961, "10M3980N40M", 6100, 4189, 97),
        record(147, 6100, "50M", 1961, -4189, 98),
        record(403, 6100, "50M", 1961, -4189, 97),
    ];
    fs::write(home.join("x.sam"), format!("@HD\tVN:1.6\tGO:query\n{HEADER}{}", lines.concat())).unwrap();
    let found = |more: &[&str]| {
        let stderr = succeed(&mut em(home, &[&["--bam", "x.sam"], more].concat()));
        let em: Value = serde_json::from_str(&fs::read_to_string(home.join("out/telescope-em.json")).unwrap()).unwrap();
        let number = |name: &str| em["alignments"][name].as_u64().unwrap();
        ((number("same_ends"), number("lost_to_same_ends"), number("kind_by_order")), counts(home), stderr)
    };
    let (numbers, table, stderr) = found(&[]);
    assert_eq!((numbers, table.as_str()), ((1, 1, 0), "L2=1 __no_feature=0"));
    assert!(stderr.contains("1 records in 1 fragments were lost") && stderr.contains("--same-ends keep"), "{stderr}");
    let (numbers, table, stderr) = found(&["--same-ends", "keep"]);
    assert_eq!((numbers, table.as_str()), ((1, 0, 0), "L1=1 L2=0 __no_feature=0"));
    assert!(!stderr.contains("lost"), "{stderr}");
}
