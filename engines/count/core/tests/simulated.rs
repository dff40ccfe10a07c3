//! A simulated workload: its own table, other programs, and the order of the pieces.

// Not only in test functions: helpers of a test may unwrap, too.
#![allow(clippy::unwrap_used)]

mod common;

use std::{collections::HashMap, fs, path::Path, process::Command};

use common::{all_plans, assert_same, count_with, some_plans};
use scaletune_count_core::{
    CountOptions, CountPlan, Filters, Policy, Reader, Session, Traversal, Unwatched,
    simulate::{Preset, Simulated, simulate},
};

fn workload() -> (tempfile::TempDir, Simulated) {
    let folder = tempfile::tempdir().unwrap();
    let made = simulate(&Preset::Tiny.options(3), folder.path(), &Unwatched).unwrap();
    (folder, made)
}

fn options(folder: &Path, made: &Simulated) -> CountOptions {
    CountOptions {
        alignments: folder.join(made.alignments),
        variants: folder.join(made.variants),
        sample: Some(made.sample.to_owned()),
        ..Default::default()
    }
}

#[test]
fn every_plan_gives_the_expected_table() {
    let (folder, made) = workload();
    let expected = fs::read_to_string(folder.path().join(made.expected)).unwrap();
    let (files, _) = count_with(&options(folder.path(), &made), &all_plans()).unwrap();
    assert_same(&expected, &files[0].1, "expected.tsv");
    let total: u64 =
        expected.lines().skip(1).flat_map(|line| line.split('\t').skip(6)).map(|n| n.parse::<u64>().unwrap()).sum();
    assert!(total > 800, "{total} counts");
}

#[test]
fn the_index_knows_the_records_and_the_class_says_so() {
    let (folder, made) = workload();
    let session = Session::open(options(folder.path(), &made), &Unwatched).unwrap();
    let class = session.input_class();
    assert_eq!(class.records, Some(made.records));
    assert_eq!(class.contigs, 24);
    assert!(!class.cram && class.sites > 500 && class.sites <= class.rows && class.alignment_bytes > 100_000);
}

/// A few sites: only their part of the file is read, and the counts are the same.
#[test]
fn sparse_panels_count_the_same() {
    let (folder, made) = workload();
    let all = options(folder.path(), &made);
    let (full, _) = count_with(&all, &some_plans()).unwrap();
    let rows: Vec<&str> = full[0].1.lines().skip(1).collect();
    for (step, policy) in [(97, Policy::Fragment), (61, Policy::Read), (200, Policy::Wasp2)] {
        let wanted: Vec<&str> = rows.iter().copied().step_by(step).collect();
        let mut text = String::from("##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n");
        for row in &wanted {
            let columns: Vec<&str> = row.split('\t').collect();
            text.push_str(&format!("{}\t{}\t.\t{}\t{}\t.\t.\t.\n", columns[0], columns[2], columns[3], columns[4]));
        }
        let variants = folder.path().join("few.vcf");
        fs::write(&variants, text).unwrap();
        let few = CountOptions { variants, sample: None, policy, ledger: true, ..all.clone() };
        let stream: Vec<CountPlan> =
            all_plans().into_iter().filter(|plan| plan.traversal == Traversal::Stream).collect();
        let (by_stream, _) = count_with(&few, &stream).unwrap();
        let (by_index, _) = count_with(&few, &all_plans()).unwrap();
        assert_same(&by_stream[0].1, &by_index[0].1, "few sites");
        assert_same(&by_stream[1].1, &by_index[1].1, "few sites' ledger");
    }
}

fn samtools() -> bool {
    let found = Command::new("samtools").arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        eprintln!("SKIPPED: samtools is not installed");
    }
    found
}

/// REF, ALT and other at every position, as samtools mpileup shows them without any of its own filters.
fn mpileup(folder: &Path, made: &Simulated, flags: u16, qualities: [u8; 2]) -> HashMap<(String, u32), String> {
    let output = Command::new("samtools")
        .args(["mpileup", "-B", "-A", "-x", "-d", "0", "--ff", &flags.to_string()])
        .args(["-q", &qualities[0].to_string(), "-Q", &qualities[1].to_string()])
        .arg(folder.join(made.alignments))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let columns = text.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    columns.map(|row| ((row[0].to_owned(), row[1].parse().unwrap()), bases(row[4]))).collect()
}

/// The letters of a column of mpileup, in capitals, without what it says about starts, ends, gaps and indels.
fn bases(text: &str) -> String {
    let (mut letters, mut rest) = (String::new(), text.chars().peekable());
    while let Some(letter) = rest.next() {
        match letter {
            '^' => {
                rest.next();
            }
            '+' | '-' => {
                let mut length = 0;
                while let Some(digit) = rest.peek().and_then(|digit| digit.to_digit(10)) {
                    length = 10 * length + digit;
                    rest.next();
                }
                (0..length).for_each(|_| {
                    rest.next();
                });
            }
            '$' | '*' | '#' | '<' | '>' => {}
            letter => letters.push(letter.to_ascii_uppercase()),
        }
    }
    letters
}

#[test]
fn the_read_policy_is_samtools_mpileup() {
    if !samtools() {
        return;
    }
    let (folder, made) = workload();
    // Secondary records are left out of both: mpileup shows one without a sequence as N, which is not a base here.
    for (exclude_flags, qualities) in [(256, [0, 0]), (0xf00, [10, 20])] {
        let pileup = mpileup(folder.path(), &made, exclude_flags | 4, qualities);
        let filters = Filters {
            exclude_flags,
            min_mapping_quality: qualities[0],
            min_base_quality: qualities[1],
            require_flags: 0,
        };
        let options = CountOptions { policy: Policy::Read, filters, sample: None, ..options(folder.path(), &made) };
        let (files, _) = count_with(&options, &some_plans()).unwrap();
        let mut covered = 0;
        for line in files[0].1.lines().skip(1) {
            let columns: Vec<&str> = line.split('\t').collect();
            let place = (columns[0].to_owned(), columns[2].parse().unwrap());
            let letters = pileup.get(&place).map(String::as_str).unwrap_or_default();
            let count = |wanted: &str| letters.matches(wanted).count();
            let (reference, alternate) = (count(columns[3]), count(columns[4]));
            let other = letters.chars().filter(|letter| "ACGTN".contains(*letter)).count() - reference - alternate;
            assert_eq!(columns[5..], [reference, alternate, other].map(|count| count.to_string()), "{line}: {letters}");
            covered += usize::from(!letters.is_empty());
        }
        assert!(covered > 300, "{covered} covered sites");
    }
}

#[test]
fn cram_counts_as_bam() {
    if !samtools() {
        return;
    }
    let (folder, made) = workload();
    let options = options(folder.path(), &made);
    let (expected, _) = count_with(&options, &some_plans()).unwrap();
    let fasta = folder.path().join("reference.fa");
    // Any reference of the right lengths does: CRAM keeps what differs from it.
    let header = Command::new("samtools").arg("view").arg("-H").arg(&options.alignments).output().unwrap().stdout;
    let mut text = String::new();
    for line in String::from_utf8(header).unwrap().lines().filter(|line| line.starts_with("@SQ")) {
        let value = |tag: &str| line.split('\t').find_map(|field| field.strip_prefix(tag)).unwrap();
        let length: usize = value("LN:").parse().unwrap();
        text.push_str(&format!(">{}\n{}\n", value("SN:"), &"ACGT".repeat(length / 4 + 1)[..length]));
    }
    fs::write(&fasta, text).unwrap();
    let cram = folder.path().join("simulated.cram");
    let made = Command::new("samtools")
        .args(["view", "-C", "-T"])
        .arg(&fasta)
        .arg("-o")
        .arg(&cram)
        .arg(&options.alignments)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    assert!(Command::new("samtools").arg("index").arg(&cram).status().unwrap().success());
    let cram_options = CountOptions { alignments: cram, reference: Some(fasta), ..options };
    let plans: Vec<CountPlan> = all_plans().into_iter().filter(|plan| plan.reader == Reader::Htslib).collect();
    let (files, _) = count_with(&cram_options, &plans).unwrap();
    assert_same(&expected[0].1, &files[0].1, "CRAM");
    // The other readers can't, and say so.
    let plan = CountPlan { reader: Reader::Raw, ..CountPlan::default() };
    let error = count_with(&cram_options, &[plan]).unwrap_err();
    assert_eq!(error.kind(), scaletune_count_core::ErrorKind::UnsupportedPlan, "{error}");
}
