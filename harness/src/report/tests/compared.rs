//! Two sweeps side by side.

use super::*;

#[test]
fn sweeps_are_compared_plan_by_plan() {
    let a = sweep_of(amdahl, &[1, 2, 4], 4, 0.05);
    let b = sweep_of(|threads| amdahl(threads) * if threads == 4 { 1.5 } else { 1.0 }, &[1, 2, 4], 4, 0.05);
    let comparison = Comparison::new(&a, &b, 1);
    assert!(comparison.caveats.is_empty() && comparison.only_a.is_empty() && comparison.only_b.is_empty());
    assert_eq!(comparison.pairs.len(), a.rows.len());
    for pair in &comparison.pairs {
        let interval = pair.interval.unwrap();
        let truth = if pair.threads == 4 { 1.5 } else { 1.0 };
        assert!((pair.ratio - truth).abs() < 0.1 && interval.contains(pair.ratio), "{pair:?}");
        assert_eq!(interval.low > 1.0, pair.threads == 4, "{pair:?}");
    }
    let text = comparison.markdown();
    assert!(text.contains("not told apart") && text.contains("as long"), "{text}");
    let slower = a.rows.iter().filter(|row| row.threads == 4).count();
    assert!(
        text.starts_with(&format!("Of {} plans and budgets B is faster in 0, slower in {slower}; ", a.rows.len())),
        "{text}"
    );
    assert!(text.contains("| a (workers 2) | 2 |"), "{text}");
    let mut other = b.clone();
    other.machine.usable_cores = 64;
    other.rows.retain(|row| row.threads < 4);
    let comparison = Comparison::new(&a, &other, 1);
    assert_eq!(comparison.only_a.len(), 3);
    assert!(comparison.caveats[0].contains("usable cores 4 here, 64 there"));
    let on = |file_system: &str| {
        let mut sweep = a.clone();
        let file = |name: &str| InputFile {
            input: "bam".into(),
            file: name.into(),
            bytes: 5,
            file_system: (!file_system.is_empty()).then(|| file_system.into()),
        };
        sweep.files = vec![file("a.bam"), file("b.bam")];
        sweep
    };
    let caveats = |one: &str, other: &str| Comparison::new(&on(one), &on(other), 1).caveats;
    assert_eq!(caveats("ext4", "lustre"), ["the inputs lay on ext4 in A, on lustre in B"]);
    assert_eq!((caveats("ext4", "ext4"), caveats("", "lustre")), (vec![], vec![]));
}
