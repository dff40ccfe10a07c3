//! Every target on its seeds, and on seeds that are mutated at random: a short form of what libFuzzer does by hand.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use scaletune_fuzz_targets::TARGETS;

/// One change of the bytes.
#[derive(Clone, Debug)]
enum Change {
    Set(Index, u8),
    Flip(Index, u8),
    Cut(Index, Index),
    Double(Index, Index),
    Insert(Index, Vec<u8>),
}

/// What parsers stumble over.
const WORDS: &[&[u8]] = &[
    b"\0",
    b"\n",
    b"\t",
    b"\"",
    b"-1",
    b"0",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"1e999",
    b"NaN",
    b"((((",
    b"[[[[",
    b"{}",
    b"null",
    b"\xff\xfe",
    b"\xff\xff\xff\x7f",
    b"\0\0\0\x80",
    b"\xef\xbb\xbf",
    b"../",
    b";",
    b",",
    b":",
];

fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        (at(), 0u8..8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        (at(), at()).prop_map(|(from, to)| Change::Cut(from, to)),
        (at(), at()).prop_map(|(from, to)| Change::Double(from, to)),
        (
            at(),
            prop_oneof![
                proptest::sample::select(WORDS).prop_map(<[u8]>::to_vec),
                proptest::collection::vec(any::<u8>(), 1..9),
            ]
        )
            .prop_map(|(at, bytes)| Change::Insert(at, bytes)),
    ]
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    let range = |from: &Index, to: &Index, length: usize| {
        let (from, to) = (from.index(length), to.index(length));
        from.min(to)..from.max(to)
    };
    match change {
        _ if bytes.is_empty() => {}
        Change::Set(at, byte) => {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        Change::Flip(at, bit) => {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        Change::Cut(from, to) => drop(bytes.drain(range(from, to, bytes.len()))),
        Change::Double(from, to) if bytes.len() < 1 << 16 => {
            let copy = bytes[range(from, to, bytes.len())].to_vec();
            let at = to.index(bytes.len());
            drop(bytes.splice(at..at, copy));
        }
        Change::Double(..) => {}
        Change::Insert(at, new) => {
            let at = at.index(bytes.len());
            drop(bytes.splice(at..at, new.iter().copied()));
        }
    }
}

#[test]
fn every_target_takes_its_seeds() {
    for target in TARGETS {
        for (number, seed) in (target.seeds)().iter().enumerate() {
            assert!((target.run)(seed), "target {} refuses its seed {number}", target.name);
        }
        assert!(!(target.run)(b"\x07"), "target {} takes what is nothing", target.name);
    }
}

fn bears_mutated_seeds(name: &str) {
    for target in TARGETS.iter().filter(|target| target.name == name) {
        let seeds = (target.seeds)();
        let case = (any::<Index>(), proptest::collection::vec(change(), 1..6));
        let mut runner = TestRunner::new(Config { cases: 2000, failure_persistence: None, ..Config::default() });
        let outcome = runner.run(&case, |(seed, changes)| {
            let mut bytes = seeds[seed.index(seeds.len())].clone();
            changes.iter().for_each(|change| apply(&mut bytes, change));
            (target.run)(&bytes);
            Ok(())
        });
        outcome.unwrap_or_else(|error| panic!("target {}: {error}", target.name));
    }
}

/// A test for each target, so that they run side by side and a failure says which.
macro_rules! mutated {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                bears_mutated_seeds(stringify!($name));
            }
        )*

        #[test]
        fn no_target_is_left_out() {
            let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(names, [$(stringify!($name)),*]);
        }
    };
}
mutated!(descriptor plan profile newick gtf regions matrix sites alignments);
