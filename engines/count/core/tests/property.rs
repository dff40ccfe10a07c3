//! Random small files under every plan, against a sequential oracle.

// Not only in test functions: helpers of a test may unwrap, too.
#![allow(clippy::unwrap_used)]

mod common;

use common::{
    all_plans, assert_same,
    case::{Case, keep},
    count_with,
    oracle::{Answer, answer},
};
use scaletune_count_core::Error;

const CASES: u64 = 240;

/// The sums of a ledger row are the records that overlap it.
fn check_ledger(ledger: &str, answer: &Answer) {
    let mut rows = 0;
    for line in ledger.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let key = (columns[0].to_owned(), columns[1].parse().unwrap(), columns[2].to_owned(), columns[3].to_owned());
        let reasons: u64 = columns[4..].iter().map(|count| count.parse::<u64>().unwrap()).sum();
        assert_eq!(reasons + answer.counted[&key], answer.overlapping[&key], "{line}");
        rows += 1;
    }
    assert_eq!(rows, answer.counted.len(), "one row a site");
}

fn check(case: &Case) -> u64 {
    let expected = answer(case);
    let (files, _) = match count_with(&case.options, &all_plans()) {
        Ok(found) => found,
        // Only a panel that lies wholly on contigs that the file lacks is refused.
        Err(Error::File { problem, .. }) if problem.contains("are not those of") => {
            assert!(expected.text.lines().skip(1).all(|line| line.starts_with("absent\t")));
            return 0;
        }
        Err(error) => panic!("{error}"),
    };
    assert_same(&expected.text, &files[0].1, "against the oracle");
    if case.options.ledger {
        check_ledger(&files[1].1, &expected);
    }
    expected.counted.values().sum()
}

#[test]
fn every_plan_gives_the_oracles_answer() {
    let mut counted = 0;
    for seed in 0..CASES {
        let case = Case::new(seed);
        match std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(&case))) {
            Ok(count) => counted += count,
            Err(panic) => {
                eprintln!("case {seed}: {:#?}", case.options);
                eprintln!("its files are kept in {}", keep(case).display());
                std::panic::resume_unwind(panic);
            }
        }
    }
    // The cases are about something.
    assert!(counted > 20 * CASES, "{counted} counts in {CASES} cases");
}
