//! CRAM and its reference: embedded, found by checksum, or said by its contig's name where it does not fit.
#![allow(unsafe_code)] // the binding's writer has no option to embed a reference

use std::{
    ffi::CString,
    fs,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    process::Command,
};

use scaletune_hts::{AlignmentFile, Decode, Decoder, Error, IndexKind, OpenOptions, index_alignments};

use crate::common::{Seen, reader, walk};

/// Names the CRAM file for the test that runs in a process of its own.
const FILE: &str = "SCALETUNE_TEST_CRAM";

/// Bases of a contig, without a pattern that another has.
fn bases(seed: u64, length: usize) -> String {
    let mut state = seed;
    (0..length)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b"ACGT"[(state >> 60) as usize % 4])
        })
        .collect()
}

/// A CRAM file with its index in a folder: records on the first and the third of three contigs.
struct Files {
    folder: tempfile::TempDir,
    cram: PathBuf,
    fasta: PathBuf,
}

impl Files {
    fn new(embeds: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let (sam, cram, fasta) = (at("a.sam"), at("a.cram"), at("a.fa"));
        let contigs = [("one", bases(1, 3000)), ("bare", bases(2, 500)), ("two", bases(3, 2000))];
        let mut text = "@HD\tVN:1.6\tSO:coordinate\n".to_owned();
        text.extend(contigs.iter().map(|(name, bases)| format!("@SQ\tSN:{name}\tLN:{}\n", bases.len())));
        for (name, bases) in [&contigs[0], &contigs[2]] {
            for start in (0..1500).step_by(50) {
                let (read, quality) = (&bases[start..start + 60], "I".repeat(60));
                text += &format!("{name}{start}\t0\t{name}\t{}\t60\t60M\t*\t0\t0\t{read}\t{quality}\n", start + 1);
            }
        }
        fs::write(&sam, text).unwrap();
        fs::write(&fasta, fasta_of(&contigs)).unwrap();
        convert(&sam, &cram, &fasta, embeds);
        index_alignments(&cram, IndexKind::Bai).unwrap();
        // The header says where the FASTA file was: it is found from now on under another name only.
        let moved = folder.path().join("moved.fa");
        fs::rename(&fasta, &moved).unwrap();
        fs::remove_file(folder.path().join("a.fa.fai")).unwrap();
        Files { fasta: moved, cram, folder }
    }

    /// What comes of a walk with this reference: over the whole file, and over the units of a plan.
    fn walks(&self, reference: Option<&Path>) -> [Result<Vec<Seen>, Error>; 2] {
        let options = OpenOptions { reference: reference.map(Path::to_owned), ..OpenOptions::default() };
        let file = AlignmentFile::open(&self.cram, &options).unwrap();
        let mut by_htslib = reader(&file, Decoder::Htslib, Decode::Inline);
        let whole = walk(&mut by_htslib, &file.whole_file());
        let mut by_htslib = reader(&file, Decoder::Htslib, Decode::Inline);
        let units = file.planner().unwrap().by_reference();
        let in_units: Result<Vec<_>, _> = units.iter().map(|unit| walk(&mut by_htslib, unit)).collect();
        [whole, in_units.map(|units| units.concat())]
    }

    /// Another FASTA file, made of what `change` leaves of the contigs.
    fn other(&self, change: impl Fn(&mut Vec<(&str, String)>)) -> PathBuf {
        let mut contigs = vec![("one", bases(1, 3000)), ("bare", bases(2, 500)), ("two", bases(3, 2000))];
        change(&mut contigs);
        let path = self.folder.path().join("other.fa");
        fs::write(&path, fasta_of(&contigs)).unwrap();
        fs::remove_file(self.folder.path().join("other.fa.fai")).ok();
        path
    }
}

fn fasta_of(contigs: &[(&str, String)]) -> String {
    contigs.iter().map(|(name, bases)| format!(">{name}\n{bases}\n")).collect()
}

fn convert(sam: &Path, cram: &Path, fasta: &Path, embeds: bool) {
    let name = |path: &Path| CString::new(path.as_os_str().as_bytes()).unwrap();
    // SAFETY: every string ends with NUL and lives over its call; what is opened is closed here, in order.
    unsafe {
        let input = hts_sys::hts_open(name(sam).as_ptr(), c"r".as_ptr());
        let output = hts_sys::hts_open(name(cram).as_ptr(), c"wc".as_ptr());
        assert_eq!(hts_sys::hts_set_fai_filename(output, name(fasta).as_ptr()), 0);
        if embeds {
            assert_eq!(hts_sys::hts_set_opt(output, hts_sys::hts_fmt_option_CRAM_OPT_EMBED_REF, 1_i32), 0);
        }
        let header = hts_sys::sam_hdr_read(input);
        assert_eq!(hts_sys::sam_hdr_write(output, header), 0);
        let record = hts_sys::bam_init1();
        while hts_sys::sam_read1(input, header, record) >= 0 {
            assert!(hts_sys::sam_write1(output, header, record) >= 0);
        }
        hts_sys::bam_destroy1(record);
        hts_sys::sam_hdr_destroy(header);
        assert_eq!(hts_sys::hts_close(output), 0);
        hts_sys::hts_close(input);
    }
}

fn check_whole(found: [Result<Vec<Seen>, Error>; 2]) {
    for seen in found {
        let seen = seen.unwrap();
        assert_eq!(seen.len(), 60);
        assert_eq!(seen[0].bases.0, 60);
    }
}

fn check_refused(found: [Result<Vec<Seen>, Error>; 2], says: &[&str]) {
    for seen in found {
        let error = seen.map(|seen| seen.len()).unwrap_err().to_string();
        assert!(says.iter().all(|words| error.contains(words)), "{error}");
    }
}

#[test]
fn a_reference_that_does_not_fit_is_said_by_its_contig() {
    let files = Files::new(false);
    check_whole(files.walks(Some(&files.fasta)));
    // Contigs without records may be absent or different.
    check_whole(files.walks(Some(&files.other(|contigs| drop(contigs.remove(1))))));
    check_whole(files.walks(Some(&files.other(|contigs| contigs[1].1 = "ACGT".into()))));
    check_whole(files.walks(Some(&files.other(|contigs| contigs[0].1.truncate(2990)))));
    let lacking = files.other(|contigs| drop(contigs.remove(2)));
    check_refused(files.walks(Some(&lacking)), &["a.cram: the reference", "other.fa lacks contig two;"]);
    let short = files.other(|contigs| contigs[0].1.truncate(700));
    check_refused(files.walks(Some(&short)), &["contig one has other bases in the reference", "other.fa", "MD5"]);
    let different = files.other(|contigs| contigs[2].1 = bases(9, 2000));
    check_refused(files.walks(Some(&different)), &["contig two has other bases in the reference", "MD5"]);
}

#[test]
fn a_missing_index_of_the_reference_is_not_made_beside_it() {
    let files = Files::new(false);
    let names = || {
        let entries = fs::read_dir(files.folder.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = names();
    assert!(!before.iter().any(|name| name == "moved.fa.fai"));
    check_whole(files.walks(Some(&files.fasta)));
    assert_eq!(names(), before);
}

#[test]
fn an_embedded_reference_needs_no_other() {
    let files = Files::new(true);
    check_whole(files.walks(None));
    check_whole(files.walks(Some(&files.fasta)));
    check_whole(files.walks(Some(&files.other(|contigs| contigs.truncate(1)))));
}

/// Runs the test below in a process with these variables; whether it passed, and what it said.
fn alone(cram: &Path, variables: &[(&str, String)]) -> (bool, String) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["references::a_process_of_its_own", "--exact", "--ignored", "--nocapture"])
        .env(FILE, cram)
        .env_remove("REF_CACHE")
        .env("REF_PATH", ":")
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn without_a_reference_the_checksum_leads_to_one() {
    let files = Files::new(false);
    let header = AlignmentFile::open(&files.cram, &OpenOptions::default()).unwrap().header().text.clone();
    let cache = files.folder.path().join("cache");
    fs::create_dir(&cache).unwrap();
    let sums = header.split("M5:").skip(1).map(|rest| rest.split(['\t', '\n']).next().unwrap());
    for (sum, bases) in sums.zip([bases(1, 3000), bases(2, 500), bases(3, 2000)]) {
        fs::write(cache.join(sum), bases).unwrap();
    }
    let (passed, said) = alone(&files.cram, &[]);
    assert!(!passed && said.contains("the reference sequence of contig one is not in it and was not found"), "{said}");
    assert!(said.contains("REF_PATH or REF_CACHE lead to the sequence of MD5"), "{said}");
    for variable in ["REF_PATH", "REF_CACHE"] {
        let (passed, said) = alone(&files.cram, &[(variable, format!("{}/%s", cache.display()))]);
        assert!(passed, "{variable}: {said}");
    }
}

#[test]
#[ignore = "a part of the test above, with variables that every thread of a process shares"]
fn a_process_of_its_own() {
    let cram = std::env::var_os(FILE).unwrap();
    let file = AlignmentFile::open(Path::new(&cram), &OpenOptions::default()).unwrap();
    let found = walk(&mut reader(&file, Decoder::Htslib, Decode::Inline), &file.whole_file());
    assert_eq!(found.map(|seen| seen.len()).map_err(|error| error.to_string()), Ok(60));
}

#[test]
fn an_index_that_is_missing_is_made_for_now_and_the_folder_stays_as_it_is() {
    let files = Files::new(false);
    let before = fs::read_dir(files.folder.path()).unwrap().count();
    let warnings = || {
        let options = OpenOptions { reference: Some(files.fasta.clone()), ..OpenOptions::default() };
        let file = AlignmentFile::open(&files.cram, &options).unwrap();
        file.warnings().iter().map(ToString::to_string).collect::<String>()
    };
    let said = warnings();
    assert!(said.contains("moved.fa: has no index; one was made for now"), "{said}");
    check_whole(files.walks(Some(&files.fasta)));
    assert_eq!(fs::read_dir(files.folder.path()).unwrap().count(), before);
    // With one beside it nothing is said.
    fs::write(
        files.folder.path().join("moved.fa.fai"),
        "one\t3000\t5\t3000\t3001\nbare\t500\t3012\t500\t501\ntwo\t2000\t3518\t2000\t2001\n",
    )
    .unwrap();
    assert_eq!(warnings(), "");
    check_whole(files.walks(Some(&files.fasta)));
}
