//! Plans as users and files give them: `axis=value,...` and JSON.

use crate::descriptor::SMALL;
use scaletune_descriptor::{Amount, Constraint, Descriptor, Plan, PlanSpace};
use std::sync::LazyLock;

static DESCRIPTOR: LazyLock<Descriptor> =
    LazyLock::new(|| serde_json::from_str(SMALL).expect("the seed is a descriptor"));

/// Reads the bytes as a plan in both forms, as a constraint and as an amount.
pub fn target(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let mut taken = false;
    for plan in [Plan::parse(text).ok(), serde_json::from_str::<Plan>(text).ok()].into_iter().flatten() {
        taken = true;
        if DESCRIPTOR.check_plan(&plan).is_ok() {
            for threads in [1, 4] {
                if let Ok(full) = PlanSpace::new(&DESCRIPTOR, threads, &plan).default_plan() {
                    assert!(DESCRIPTOR.threads_used(&full) <= threads, "{full}");
                    let again = Plan::parse(&full.to_string()).expect("a plan's text can be read");
                    assert!(again == full);
                }
            }
        }
        let json = serde_json::to_string(&plan).expect("a plan can be written");
        assert!(serde_json::from_str::<Plan>(&json).expect("and read again") == plan);
        if let Ok(constraint) = Constraint::parse(text) {
            constraint.holds(&plan, 4);
        }
    }
    if let Ok(constraint) = Constraint::parse(text) {
        taken = true;
        constraint.holds(&Plan::new(), 4);
        assert!(Constraint::parse(&constraint.to_string()).expect("its text can be read") == constraint);
    }
    if let Ok(amount) = Amount::parse(text) {
        taken = true;
        amount.value(&Plan::new(), 4);
    }
    taken
}

/// Plans in both forms, constraints, an amount.
pub fn seeds() -> Vec<Vec<u8>> {
    crate::texts(&[
        "decode=pool,workers=2,decode-threads=1,block=8",
        r#"{"decode":"inline","workers":3}"#,
        "workers * (1 + decode-threads) <= threads",
        "decode == pool and workers > 1 -> decode-threads != 0",
        "decode == pool -> workers",
    ])
}
