//! Bad input to the counting engine: a clear error with exit status 2, and nothing written.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{home, names, need_count_engine, outcome, scaletune, succeed};
use std::path::{Path, PathBuf};

/// A simulated workload, and a way to run the counter on changed copies of it.
struct Bench {
    home: tempfile::TempDir,
}

impl Bench {
    fn new() -> Bench {
        need_count_engine();
        let home = home();
        let mut command = scaletune(home.path());
        succeed(command.args(["simulate", "count", "-q", "--preset", "tiny", "--out", "work"]));
        std::fs::create_dir(home.path().join("out")).unwrap();
        Bench { home }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join("work").join(name)
    }

    fn bam(&self) -> PathBuf {
        self.path("simulated.bam")
    }

    /// A copy of the BAM with its index, changed by `change`; the index is the newer file.
    fn copy(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) -> PathBuf {
        let mut bytes = std::fs::read(self.bam()).unwrap();
        change(&mut bytes);
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        std::fs::copy(self.path("simulated.bam.bai"), self.path(&format!("{name}.bai"))).unwrap();
        path
    }

    /// Exit status and standard error of a run; a failed one must leave nothing.
    fn run(&self, bam: &Path, variants: &Path, more: &[&str]) -> (i32, String) {
        let mut command = scaletune(self.home.path());
        command.args(["run", "count", "--no-profile", "-o", "out/counts.tsv", "--bam"]).arg(bam);
        let (status, _, stderr) = outcome(command.arg("--variants").arg(variants).args(more));
        if status != 0 {
            assert_eq!(names(&self.home.path().join("out")), [""; 0], "{stderr}");
        }
        (status, stderr)
    }

    /// The error of a run that must be refused as bad input, under both readers of BAM.
    fn refused(&self, bam: &Path, variants: &Path, more: &[&str]) -> String {
        let mut last = String::new();
        for reader in ["reader=raw", "reader=htslib"] {
            let mut arguments = vec!["--set", reader];
            arguments.extend(more);
            let (status, stderr) = self.run(bam, variants, &arguments);
            assert_eq!(status, 2, "{reader}: {stderr}");
            let error = stderr.lines().last().unwrap_or_default();
            assert!(error.starts_with("scaletune: "), "{stderr}");
            last = error.to_string();
        }
        last
    }

    fn refused_bam(&self, bam: &Path) -> String {
        let error = self.refused(bam, &self.path("simulated.vcf.gz"), &[]);
        assert!(error.contains(&*bam.file_name().unwrap().to_string_lossy()), "names no file: {error}");
        error
    }
}

/// Where each BGZF block begins.
fn blocks(bytes: &[u8]) -> Vec<usize> {
    let mut starts = Vec::new();
    let mut at = 0;
    while at + 18 <= bytes.len() {
        starts.push(at);
        at += usize::from(u16::from_le_bytes([bytes[at + 16], bytes[at + 17]])) + 1;
    }
    starts
}

#[test]
fn a_cut_file_is_refused_wherever_it_is_cut() {
    let bench = Bench::new();
    let inside = bench.copy("inside.bam", |bytes| bytes.truncate(bytes.len() * 6 / 10));
    assert!(bench.refused_bam(&inside).contains("end-of-file"), "{}", bench.refused_bam(&inside));
    let middle = |bytes: &[u8]| {
        let starts = blocks(bytes);
        starts[starts.len() * 6 / 10]
    };
    let between = bench.copy("between.bam", |bytes| bytes.truncate(middle(bytes)));
    assert!(bench.refused_bam(&between).contains("end-of-file"));
    // Somebody appended an end-of-file block: only the index knows that there was more.
    let ended = bench.copy("ended.bam", |bytes| {
        let end = bytes[bytes.len() - 28..].to_vec();
        bytes.truncate(middle(bytes));
        bytes.extend(end);
    });
    let error = bench.refused_bam(&ended);
    assert!(error.contains("index"), "{error}");
}

#[test]
fn a_damaged_block_is_refused() {
    let bench = Bench::new();
    let damaged = bench.copy("damaged.bam", |bytes| {
        let starts = blocks(bytes);
        let at = starts[starts.len() / 2] + 1000;
        bytes[at] ^= 0x40;
    });
    bench.refused_bam(&damaged);
}

#[test]
fn a_file_without_index_names_the_command_that_makes_one() {
    let bench = Bench::new();
    let bam = bench.copy("bare.bam", |_| ());
    std::fs::remove_file(bench.path("bare.bam.bai")).unwrap();
    assert!(bench.refused_bam(&bam).contains("samtools index"));
    let (status, stderr) = bench.run(&bam, &bench.path("simulated.vcf.gz"), &["--set", "traversal=stream"]);
    assert_eq!(status, 0, "{stderr}");
}

#[test]
fn an_index_older_than_the_file_is_a_warning() {
    let bench = Bench::new();
    let bam = bench.copy("stale.bam", |_| ());
    let index = std::fs::File::options().write(true).open(bench.path("stale.bam.bai")).unwrap();
    index.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(3600)).unwrap();
    let (status, stderr) = bench.run(&bam, &bench.path("simulated.vcf.gz"), &[]);
    assert_eq!(status, 0, "{stderr}");
    assert!(stderr.contains("warning: ") && stderr.contains("stale.bam.bai") && stderr.contains("older"), "{stderr}");
}

/// A variant file with the given rows for the simulated sample.
fn variants(bench: &Bench, rows: &[&str]) -> PathBuf {
    let path = bench.path("own.vcf");
    let mut text =
        String::from("##fileformat=VCFv4.2\n##FORMAT=<ID=GT,Number=1,Type=String,Description=\"Genotype\">\n");
    text += "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1\tS2\n";
    rows.iter().for_each(|row| text += &format!("{row}\n"));
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn a_wrong_sample_lists_the_samples() {
    let bench = Bench::new();
    let own = variants(&bench, &["chr1\t1000\t.\tA\tC\t.\t.\t.\tGT\t0/1\t1/1"]);
    for wish in ["S3", "S1,S2"] {
        let error = bench.refused(&bench.bam(), &own, &["--sample", wish]);
        assert!(error.contains("own.vcf") && error.contains("S1") && error.contains("S2"), "{error}");
    }
}

#[test]
fn other_chromosome_names_are_an_error_with_a_hint() {
    let bench = Bench::new();
    let own = variants(&bench, &["1\t1000\t.\tA\tC\t.\t.\t.\tGT\t0/1\t1/1"]);
    let error = bench.refused(&bench.bam(), &own, &[]);
    assert!(error.contains("chr1") && error.contains("chr") && error.contains("--rename-chrs"), "{error}");
}

#[test]
fn an_empty_selection_is_a_header_and_a_warning() {
    let bench = Bench::new();
    let own = variants(&bench, &["chr1\t1000\t.\tA\tC\t.\t.\t.\tGT\t0/0\t1/1"]);
    let (status, stderr) = bench.run(&bench.bam(), &own, &["--sample", "S1"]);
    assert_eq!(status, 0, "{stderr}");
    assert!(stderr.contains("warning: no site is left"), "{stderr}");
    let table = std::fs::read_to_string(bench.home.path().join("out/counts.tsv")).unwrap();
    assert_eq!(table, "chrom\tpos0\tpos\tref\talt\tGT\tref_count\talt_count\tother_count\n");
}

#[test]
fn an_unsorted_file_is_refused_by_header_and_by_what_is_read() {
    let bench = Bench::new();
    let Ok(samtools) = std::process::Command::new("samtools").arg("--version").output() else {
        eprintln!("SKIPPED: no samtools to make unsorted files with");
        return;
    };
    assert!(samtools.status.success());
    let by_name = bench.path("by-name.bam");
    let sort =
        std::process::Command::new("samtools").args(["sort", "-n", "-o"]).arg(&by_name).arg(bench.bam()).output();
    assert!(sort.unwrap().status.success());
    let error = bench.refused(&by_name, &bench.path("simulated.vcf.gz"), &["--set", "traversal=stream"]);
    assert!(error.contains("by-name.bam") && error.contains("samtools sort"), "{error}");
    // The header says sorted, the records are not.
    let liar = bench.path("liar.bam");
    let reheader = format!(
        "(samtools view -H {sorted}; samtools view {by_name}) | samtools view -b -o {liar} -",
        sorted = bench.bam().display(),
        by_name = by_name.display(),
        liar = liar.display()
    );
    assert!(std::process::Command::new("sh").args(["-c", &reheader]).status().unwrap().success());
    let error = bench.refused(&liar, &bench.path("simulated.vcf.gz"), &["--set", "traversal=stream"]);
    assert!(error.contains("liar.bam") && error.contains("sort"), "{error}");
}

#[test]
fn outputs_are_checked_before_any_work() {
    let bench = Bench::new();
    let mut command = scaletune(bench.home.path());
    command.args(["run", "count", "--inputs", "work/inputs.toml", "-o"]);
    let (status, _, stderr) = outcome(command.arg(bench.bam()));
    assert_eq!(status, 2);
    assert!(stderr.contains("is an input"), "{stderr}");
    let run = |arguments: &[&str]| {
        outcome(scaletune(bench.home.path()).args(["run", "count", "--inputs", "work/inputs.toml"]).args(arguments))
    };
    assert!(run(&[]).2.contains("give -o FILE"));
    assert!(run(&["-o", "out"]).2.contains("is a folder"));
    assert!(run(&["-o", "absent/x.tsv"]).2.contains("its folder does not exist"));
    assert!(run(&["--outdir", "out"]).2.contains("writes one file; give -o FILE"));
    assert!(run(&["-o", "out/x.tsv", "--set", "wrokers=2"]).2.contains("has no axis `wrokers`"));
    let (status, _, stderr) =
        run(&["-o", "out/x.tsv", "--threads", "2", "--set", "decode=shared-pool", "--set", "workers=4"]);
    assert_eq!(status, 2);
    assert!(
        stderr.contains("workers + decode-threads <= threads") && stderr.contains("5 threads would do"),
        "{stderr}"
    );
}
