//! Files as people have them: odd and healthy, counted right or refused with the reason.

// Not only in test functions: helpers of a test may unwrap, too.
#![allow(clippy::unwrap_used)]

mod common;

use std::{fs, path::PathBuf};

use common::{
    all_plans,
    case::{Read1, write_bam},
    count_with, some_plans,
};
use rust_htslib::bam;
use scaletune_count_core::{Compat, CountOptions, Error, Policy, Session, Unwatched, Warning};

struct Files(tempfile::TempDir);

impl Files {
    /// Reads of 20 bases on the contig `one`, each an A at every place, at these starts, with barcodes.
    fn new(starts: &[i64], barcode: impl Fn(usize) -> Option<&'static str>) -> Self {
        let files = Files(tempfile::tempdir().unwrap());
        let reads: Vec<Read1> = starts
            .iter()
            .enumerate()
            .map(|(number, &start)| Read1 {
                contig: 0,
                start,
                name: format!("r{number}"),
                flags: 0,
                mapping_quality: 60,
                cigar: vec![('M', 20)],
                sequence: vec![b'A'; 20],
                qualities: vec![30; 20],
                barcode: barcode(number),
            })
            .collect();
        write_bam(&files.path("a.bam"), &reads);
        bam::index::build(files.path("a.bam"), None, bam::index::Type::Bai, 1).unwrap();
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn options(&self, variants: &str) -> CountOptions {
        fs::write(self.path("v.vcf"), variants).unwrap();
        CountOptions { alignments: self.path("a.bam"), variants: self.path("v.vcf"), ..Default::default() }
    }

    /// The table without its header.
    fn rows(&self, variants: &str, change: impl Fn(&mut CountOptions)) -> Vec<String> {
        let mut options = self.options(variants);
        change(&mut options);
        count_with(&options, &some_plans()).unwrap().0[0].1.lines().skip(1).map(str::to_owned).collect()
    }
}

fn vcf(lines: &[&str]) -> String {
    let head = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS\n";
    lines.iter().fold(head.to_owned(), |text, line| text + line + "\n")
}

fn row(position: u32, reference: &str, alternates: &str, genotype: &str) -> String {
    format!("one\t{position}\t.\t{reference}\t{alternates}\t.\t.\t.\tGT\t{genotype}")
}

#[test]
fn records_behind_their_contigs_end_count_and_the_first_is_named() {
    let length = {
        let files = Files::new(&[0], |_| None);
        let header = bam::Reader::from_path(files.path("a.bam")).unwrap();
        use bam::Read;
        header.header().target_len(0).unwrap() as i64
    };
    let starts: Vec<i64> = (0..40).map(|number| length - 200 + number * 10).collect();
    let files = Files::new(&starts, |_| None);
    let inside = row((length - 100) as u32, "A", "C", "0/1");
    let outside = row((length + 25) as u32, "A", "C", "0/1");
    let (found, warnings) = count_with(&files.options(&vcf(&[&inside, &outside])), &all_plans()).unwrap();
    let counts: Vec<&str> = found[0].1.lines().skip(1).map(|line| line.split('\t').nth(5).unwrap()).collect();
    assert_eq!(counts, ["2", "2"], "{}", found[0].1);
    let Some(warning @ Warning::BeyondContig { records: 20, name, .. }) = warnings.first() else {
        panic!("{warnings:?}")
    };
    assert_eq!((name.as_str(), warnings.len()), ("r20", 1));
    let text = warning.to_string();
    assert!(text.contains(&format!("r20 at one:{}, and one has {length} bases", length + 1)), "{text}");
    // A file of records within their contigs says nothing.
    let files = Files::new(&starts[..20], |_| None);
    assert_eq!(count_with(&files.options(&vcf(&[&inside])), &all_plans()).unwrap().1, []);
}

#[test]
fn placeholders_of_gvcf_and_spanning_deletions_are_no_second_allele() {
    let files = Files::new(&[90, 95, 100], |_| None);
    let records = [
        row(101, "A", "C,<NON_REF>", "0/1"),
        row(102, "A", "C,<*>", "0|1"),
        row(103, "A", "C,*", "0/1"),
        row(104, "A", "*,C", "0/2"),
        row(105, "A", "<NON_REF>", "0/0"),
        row(106, "A", "C,G,<NON_REF>", "0/1"),
        row(107, "A", "C,*", "1/2"),
        row(108, "A", "C,*", "0/2"),
        row(109, "A", "C,*,<NON_REF>", "0/1"),
    ];
    let text = vcf(&records.each_ref().map(String::as_str));
    let positions = |rows: Vec<String>| -> Vec<String> {
        rows.iter().map(|row| row.split('\t').skip(2).take(3).collect::<Vec<_>>().join("")).collect()
    };
    let sample = |options: &mut CountOptions| options.sample = Some("S".into());
    assert_eq!(positions(files.rows(&text, sample)), ["101AC", "102AC", "103AC", "104AC", "109AC"]);
    // Without a sample a deletion may be in the reads.
    assert_eq!(positions(files.rows(&text, |_| {})), ["101AC", "102AC"]);
    let multiallelic = |options: &mut CountOptions| {
        sample(options);
        options.alleles.include_multiallelic = true;
    };
    let rows = positions(files.rows(&text, multiallelic));
    assert_eq!(rows, ["101AC", "102AC", "103AC", "104AC", "106AC", "107AC", "107A*", "108A*", "109AC"]);
    let upstream = |options: &mut CountOptions| {
        sample(options);
        options.compat = Some(Compat::Wasp2V1_5);
    };
    assert_eq!(positions(files.rows(&text, upstream)), [""; 0]);
    // Placeholders are not reported as alleles that were left out.
    let warnings = count_with(&files.options(&text), &some_plans()).unwrap().1;
    assert_eq!(warnings, []);
}

#[test]
fn line_ends_headers_order_and_repeats_of_records_change_no_count() {
    let files = Files::new(&[90, 95, 100, 300, 305], |_| None);
    let [first, second] = [row(101, "A", "C", "0/1"), row(306, "A", "G", "0/1")];
    let text = vcf(&[&first, &second]);
    for policy in [Policy::Wasp2, Policy::Fragment, Policy::Read] {
        let rows = |text: &str| files.rows(text, |options| options.policy = policy);
        let expected = rows(&text);
        assert_eq!(expected.len(), 2);
        assert!(expected[0].ends_with("\tA\tC\t3\t0\t0") && expected[1].ends_with("\tA\tG\t2\t0\t0"), "{expected:?}");
        assert_eq!(rows(&text.replace('\n', "\r\n")), expected);
        assert_eq!(
            rows(&text.replace("##fileformat=VCFv4.2\n", "##fileformat=VCFv4.2\n##contig=<ID=one>\n")),
            expected
        );
        assert_eq!(rows(&vcf(&[&first, &second, &first])), expected, "exact duplicates stand once");
        let backwards: Vec<String> = expected.iter().rev().cloned().collect();
        assert_eq!(rows(&vcf(&[&second, &first])), backwards, "rows stand in the file's order");
    }
}

#[test]
fn barcodes_are_matched_across_quotes_suffixes_and_tags() {
    let files = Files::new(&[90, 95, 100], |number| Some(["AA-1", "CC-1", "AA-1"][number]));
    let text = vcf(&[&row(101, "A", "C", "0/1")]);
    let count = |list: &str, tag: &str| {
        fs::write(files.path("cells.tsv"), list).unwrap();
        let mut options = files.options(&text);
        options.barcodes = Some(files.path("cells.tsv"));
        options.barcode_tag = tag.parse().unwrap();
        let (found, warnings) = count_with(&options, &all_plans()).unwrap();
        let rows: Vec<String> =
            found[0].1.lines().skip(1).map(|row| row.split('\t').skip(4).take(2).collect()).collect();
        (rows, warnings.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    assert_eq!(count("AA-1\nCC-1\n", "CB"), (vec!["AA-12".into(), "CC-11".into()], vec![]));
    let (rows, said) = count("\"AA\"\nCC-1\nCC-1\n", "CB");
    assert_eq!(rows, ["AA2", "CC-11"]);
    assert!(said[0].contains("1 barcodes stand in quotes"), "{said:?}");
    assert!(said[1].contains("1 lines repeat a barcode") && said[1].contains("line 3, CC-1"), "{said:?}");
    assert!(said[2].contains("2 of 3 records") && said[2].contains("'-1'"), "{said:?}");
    let (rows, said) = count("GGG\n", "CB");
    assert_eq!(rows, [""; 0]);
    assert!(said[0].contains("the list has GGG, and tag CB of the records has AA-1"), "{said:?}");
    let (_, said) = count("AA-1\n", "RG");
    assert!(said[0].contains("none of 3 records at the sites has a barcode in tag RG"), "{said:?}");
}

#[test]
fn barcodes_of_compat_are_matched_as_they_stand() {
    let files = Files::new(&[90], |_| Some("AA-1"));
    fs::write(files.path("cells.tsv"), "AA\n").unwrap();
    let mut options = files.options(&vcf(&[&row(101, "A", "C", "0/1")]));
    options.barcodes = Some(files.path("cells.tsv"));
    let count = |options: &CountOptions| count_with(options, &some_plans()).unwrap().0[0].1.lines().count() - 1;
    assert_eq!(count(&options), 1);
    options.compat = Some(Compat::Wasp2V1_5);
    assert_eq!(count(&options), 0);
}

#[test]
fn streams_are_refused_with_the_reason() {
    let files = Files::new(&[90], |_| None);
    let options = files.options(&vcf(&[&row(101, "A", "C", "0/1")]));
    for stream in ["-", "/dev/null"] {
        for options in [
            CountOptions { alignments: stream.into(), ..options.clone() },
            CountOptions { variants: stream.into(), ..options.clone() },
        ] {
            let Err(error @ Error::Stream { .. }) = Session::open(options, &Unwatched) else {
                panic!("{stream} was taken")
            };
            let text = error.to_string();
            assert!(text.starts_with(stream) && text.contains("read more than once"), "{text}");
        }
    }
    // Its healthy neighbours: a file, and a link to one.
    let link = options.alignments.with_file_name("link.bam");
    std::os::unix::fs::symlink(&options.alignments, &link).unwrap();
    for alignments in [options.alignments.clone(), link] {
        assert!(Session::open(CountOptions { alignments, ..options.clone() }, &Unwatched).is_ok());
    }
}
