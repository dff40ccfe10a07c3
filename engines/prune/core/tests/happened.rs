//! Files of states and changes: every form says the same, and no cut of the work changes a byte.
#![allow(clippy::unwrap_used)]

use std::io::Read;
use std::path::{Path, PathBuf};

use scaletune_prune_core::error::{Error, ErrorKind};
use scaletune_prune_core::model::Rates;
use scaletune_prune_core::monitor::{Monitor, Unwatched};
use scaletune_prune_core::plan::{Kernel, Plan};
use scaletune_prune_core::session::{Digits, Form, Outcome, RateSource, Request, Session, StatesForm};
use scaletune_prune_core::simulate::{Simulation, simulate, write};

/// A workload of several units, with columns that occur often and missing data.
fn request(folder: &Path) -> Request {
    let simulation = Simulation { taxa: 7, families: 2600, missing: 0.01, seed: 5, ..Simulation::default() };
    write(&simulate(&simulation).unwrap(), folder).unwrap();
    let rates = RateSource::Global(Rates { gain: 0.4, loss: 1.2 });
    let mut request = Request::new(folder.join("tree.nwk"), folder.join("matrix.tsv"), rates);
    (request.ancestral, request.branches) = (true, true);
    request
}

fn outcome(request: &Request, plan: Plan) -> Outcome {
    Session::open(request.clone(), &Unwatched).unwrap().prepare(plan).unwrap().run(&Unwatched).unwrap()
}

/// Writes into a new folder, and returns it.
fn written(request: &Request, plan: Plan) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let names = outcome(request, plan).write(folder.path(), &Unwatched).unwrap().names;
    let mut found: Vec<PathBuf> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    let mut expected: Vec<PathBuf> = names.iter().map(|name| folder.path().join(name)).collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    folder
}

fn text(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap()
}

fn cells(text: &str) -> Vec<Vec<&str>> {
    text.lines().map(|line| line.split('\t').collect()).collect()
}

#[test]
fn every_form_says_the_same() {
    let data = tempfile::tempdir().unwrap();
    let mut request = request(data.path());
    let with = |request: &mut Request, states, digits| {
        request.form = Form { states, digits };
        written(request, Plan::default())
    };
    let exact = with(&mut request, StatesForm::Tsv, Digits::Exact);
    let few = with(&mut request, StatesForm::Tsv, Digits::default());
    let packed = with(&mut request, StatesForm::TsvGz, Digits::default());
    let array = with(&mut request, StatesForm::Npy, Digits::default());
    let known = text(exact.path(), "ancestral.tsv");
    let known = cells(&known);
    // Rounded.
    let rounded = text(few.path(), "ancestral.tsv");
    assert!(known.len() == 2601 && rounded.len() < text(exact.path(), "ancestral.tsv").len() / 2);
    for (row, own) in known.iter().zip(cells(&rounded)).skip(1) {
        let round =
            |cell: &&str| format!("{:?}", format!("{:.3e}", cell.parse::<f64>().unwrap()).parse::<f64>().unwrap());
        assert_eq!(own[1..], row[1..].iter().map(round).collect::<Vec<_>>());
        assert_eq!(own[0], row[0]);
    }
    // Packed, in several members.
    let mut unpacked = String::new();
    let file = std::fs::File::open(packed.path().join("ancestral.tsv.gz")).unwrap();
    flate2::read::MultiGzDecoder::new(file).read_to_string(&mut unpacked).unwrap();
    assert!(unpacked == rounded);
    let size = std::fs::metadata(packed.path().join("ancestral.tsv.gz")).unwrap().len() as usize;
    assert!(size * 10 < rounded.len() * 6, "{size} of {}", rounded.len());
    // An array: header, then the very numbers.
    let bytes = std::fs::read(array.path().join("ancestral.npy")).unwrap();
    let length = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let header = std::str::from_utf8(&bytes[10..length]).unwrap();
    let shape = format!("'shape': (2600, {})", known[0].len() - 1);
    assert!(
        bytes.starts_with(b"\x93NUMPY\x01\0")
            && header.contains("'<f8', 'fortran_order': False")
            && header.contains(&shape)
    );
    let numbers = bytes[length..].as_chunks::<8>().0.iter().map(|&bytes| f64::from_le_bytes(bytes));
    let expected = known[1..].iter().flat_map(|row| &row[1..]).map(|cell| cell.parse::<f64>().unwrap());
    assert!(numbers.eq(expected));
    let names = known[1..].iter().map(|row| row[0]);
    assert!(text(array.path(), "ancestral_families.txt").lines().eq(names));
    assert!(text(array.path(), "ancestral_nodes.txt").lines().eq(known[0][1..].iter().copied()));
    // Sums keep all their digits.
    for folder in [&few, &packed, &array] {
        assert_eq!(text(folder.path(), "branches.tsv"), text(exact.path(), "branches.tsv"));
    }
}

#[test]
fn no_cut_of_the_work_changes_a_byte() {
    let data = tempfile::tempdir().unwrap();
    let mut request = request(data.path());
    for form in [StatesForm::Tsv, StatesForm::TsvGz, StatesForm::Npy] {
        request.form.states = form;
        for kernel in [Kernel::Auto, Kernel::Lanes] {
            let first = written(&request, Plan { kernel, chunk: 1 << 16, workers: 1 });
            for (workers, chunk) in [(1, 1), (2, 3), (3, 64), (8, 4096)] {
                let other = written(&request, Plan { kernel, chunk, workers });
                for entry in std::fs::read_dir(first.path()).unwrap() {
                    let name = entry.unwrap().file_name();
                    let bytes = |folder: &Path| std::fs::read(folder.join(&name)).unwrap();
                    assert!(bytes(first.path()) == bytes(other.path()), "{name:?} {} {workers} {chunk}", kernel.name());
                }
            }
        }
    }
}

#[test]
fn families_are_listed_from_the_probability_asked_for() {
    let data = tempfile::tempdir().unwrap();
    let mut request = request(data.path());
    request.form.digits = Digits::Exact;
    request.ancestral = false;
    request.min_expected = 0.0;
    let all = text(written(&request, Plan::default()).path(), "branch_families.tsv");
    let all = cells(&all);
    // Every family on every branch: 7 tips and 5 inner nodes below the root.
    assert_eq!(all.len(), 1 + 2600 * 12);
    for least in [0.01, 0.3, 1.0] {
        request.min_expected = least;
        let found = text(written(&request, Plan::default()).path(), "branch_families.tsv");
        let probable = |row: &&Vec<&str>| row[2..].iter().any(|cell| cell.parse::<f64>().unwrap() >= least);
        let expected: Vec<_> = all[1..].iter().filter(probable).cloned().collect();
        assert_eq!(cells(&found)[1..], expected);
    }
    request.min_expected = f64::NAN;
    assert_eq!(Session::open(request, &Unwatched).err().unwrap().kind(), ErrorKind::BadInput);
}

/// A caller that stops after so many looks.
struct Impatient(std::sync::atomic::AtomicI32);

impl Monitor for Impatient {
    fn cancelled(&self) -> bool {
        self.0.fetch_sub(1, std::sync::atomic::Ordering::Relaxed) <= 0
    }
}

#[test]
fn who_stops_need_not_wait_and_a_full_disk_is_told() {
    let data = tempfile::tempdir().unwrap();
    let request = request(data.path());
    let folder = tempfile::tempdir().unwrap();
    for workers in [1, 3] {
        let outcome = outcome(&request, Plan { workers, chunk: 64, ..Plan::default() });
        for looks in [0, 1, 2] {
            let stopped = outcome.write(folder.path(), &Impatient(looks.into()));
            assert!(matches!(stopped, Err(Error::Cancelled)), "{stopped:?}");
        }
        let told = outcome.write(&folder.path().join("nowhere"), &Unwatched).unwrap_err().to_string();
        assert!(told.contains("families.tsv: cannot be written"), "{told}");
        std::fs::create_dir_all(folder.path().join("taken/ancestral.tsv")).unwrap();
        let told = outcome.write(&folder.path().join("taken"), &Unwatched).unwrap_err().to_string();
        assert!(told.contains("ancestral.tsv: cannot be written"), "{told}");
        // The device that is always full.
        let full = folder.path().join(format!("full-{workers}"));
        std::fs::create_dir(&full).unwrap();
        std::os::unix::fs::symlink("/dev/full", full.join("ancestral.tsv")).unwrap();
        let told = outcome.write(&full, &Unwatched).unwrap_err().to_string();
        assert!(told.contains("ancestral.tsv: cannot be written: No space left"), "{told}");
    }
}
