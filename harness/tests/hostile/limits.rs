//! Limits of time and memory.

use super::*;

#[test]
fn a_hang_ends_at_the_time_limit() {
    for told in ["hang", "deaf"] {
        let began = Instant::now();
        let (status, line) = deed(told, &["--time-limit", "300ms"]);
        assert_eq!(status, 5);
        assert!(line.contains("gave no answer in run after 0.3 s: time limit reached"), "{line}");
        assert!(began.elapsed() < Duration::from_secs(10));
    }
}

#[test]
fn memory_without_end_ends_at_the_limit() {
    // For programs the reason is a word, too.
    let home = home();
    let mut command = told_run(home.path(), "allocate");
    let (status, stdout, _) = outcome(command.args(["--max-memory", "200M", "-o", "answer.tsv", "--json"]));
    let told: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(
        (status, told["status"].as_i64(), told["reason"].as_str()),
        (6, Some(6), Some("memory_limit")),
        "{told}"
    );
    assert!(told["message"].as_str().unwrap().contains("of memory in run"), "{told}");

    let (status, line) = deed("allocate", &["--max-memory", "200M"]);
    assert_eq!(status, 6, "{line}");
    assert!(line.contains("of memory in run: the limit of 210 MB is reached; --max-memory"), "{line}");
    // An engine that keeps within it is left alone.
    let (status, line) = deed("behave", &["--max-memory", "200M"]);
    assert_eq!(status, 0, "{line}");
}
