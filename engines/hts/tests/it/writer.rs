//! Written files hold what was written, and say who wrote it.

use std::path::Path;

use rust_htslib::bam::record::Cigar;
use scaletune_hts::{
    Decode, Decoder, Error,
    writer::{Aux, Program, Record, Writer},
};

use crate::common::{Draft, Seen, open, read_all, small_file, write};

fn program() -> Program {
    Program {
        name: "scaletune".to_owned(),
        version: "9.8".to_owned(),
        command_line: "scaletune run em\t--bam x".to_owned(),
    }
}

fn copy(from: &Path, to: &Path, threads: usize, edit: impl FnMut(&mut Record) -> Result<bool, Error>) {
    let input = open(from).unwrap();
    let mut writer = Writer::create(to, &input, &program(), threads).unwrap();
    writer.copy(&input, &Decode::Inline, edit).unwrap();
    writer.finish().unwrap();
}

#[test]
fn a_plain_copy_has_the_same_records_and_one_more_line() {
    let (folder, path) = small_file(700);
    for threads in [0, 2] {
        let copied = folder.path().join("copy.bam");
        copy(&path, &copied, threads, |_| Ok(true));
        assert_eq!(read_all(&copied, Decoder::Raw).unwrap(), read_all(&path, Decoder::Raw).unwrap());
        let text = open(&copied).unwrap().header().text.clone();
        let line = "@PG\tID:scaletune\tPN:scaletune\tVN:9.8\tCL:scaletune run em --bam x";
        assert_eq!(text.lines().last(), Some(line));
        assert_eq!(text.lines().count(), open(&path).unwrap().header().text.lines().count() + 1);
    }
    // A second program of the same name gets an id of its own and points to the first.
    let twice = folder.path().join("twice.bam");
    copy(&folder.path().join("copy.bam"), &twice, 0, |_| Ok(true));
    let text = open(&twice).unwrap().header().text.clone();
    assert!(text.lines().last().unwrap().starts_with("@PG\tID:scaletune.1\tPN:scaletune\tPP:scaletune\t"), "{text}");
}

#[test]
fn changed_fields_are_written_and_records_can_be_left_out() {
    let (folder, path) = small_file(300);
    let changed = folder.path().join("changed.bam");
    let mut number = 0;
    copy(&path, &changed, 0, |record| {
        number += 1;
        record.set_flags(record.flags() | 0x100);
        record.set_mapq(7);
        record.remove_aux(b"NM").unwrap();
        record.push_aux(b"ZZ", Aux::String("TE1")).unwrap();
        Ok(number % 3 != 0)
    });
    let (before, after) = (read_all(&path, Decoder::Raw).unwrap(), read_all(&changed, Decoder::Raw).unwrap());
    let kept: Vec<Seen> = before.into_iter().enumerate().filter(|(at, _)| at % 3 != 2).map(|(_, seen)| seen).collect();
    assert_eq!(after.len(), kept.len());
    for (new, mut old) in after.into_iter().zip(kept) {
        old.flags |= 0x100;
        old.mapping_quality = 7;
        old.fields[0] = "None".to_owned();
        old.fields[7] = "TE1".to_owned();
        assert_eq!(new, old);
    }
}

#[test]
fn a_long_cigar_survives() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copied) = (folder.path().join("long.bam"), folder.path().join("copy.bam"));
    let operations = (0..70_000).map(|at| if at % 2 == 0 { Cigar::Match(2) } else { Cigar::Del(1) }).collect();
    write(&path, &[Draft::new(0, 200, operations)]);
    copy(&path, &copied, 0, |_| Ok(true));
    assert_eq!(read_all(&copied, Decoder::Raw).unwrap()[0].cigar.len(), 70_000);
}

#[test]
fn what_can_not_be_written_is_an_error() {
    let (folder, path) = small_file(3000);
    let input = open(&path).unwrap();
    let Err(error) = Writer::create(&folder.path().join("no/such/out.bam"), &input, &program(), 0) else {
        panic!("made")
    };
    assert!(error.to_string().contains("out.bam: can't be written"), "{error}");
    if Path::new("/dev/full").exists() {
        // A full disk: noticed at the latest when the file is closed.
        let full = Path::new("/dev/full");
        let done = Writer::create(full, &input, &program(), 0).and_then(|mut writer| {
            writer.copy(&input, &Decode::Inline, |_| Ok::<_, Error>(true))?;
            writer.finish()
        });
        assert!(matches!(done, Err(Error::Write { .. })), "{done:?}");
    }
}
