use super::*;

fn plan(text: &str) -> Plan {
    Plan::parse(text).unwrap()
}

fn holds(constraint: &str, text: &str, threads: i64) -> Option<bool> {
    Constraint::parse(constraint).unwrap().holds(&plan(text), threads)
}

#[test]
fn sums_and_products_compare() {
    assert_eq!(holds("workers * (1 + per-reader) <= threads", "workers=2,per-reader=1", 4), Some(true));
    assert_eq!(holds("workers * (1 + per-reader) <= threads", "workers=2,per-reader=2", 4), Some(false));
    assert_eq!(holds("1+2*3 == 7", "", 1), Some(true));
    assert_eq!(holds("a != b", "a=1,b=1", 1), Some(false));
    assert_eq!(holds("a < 2", "a=1", 1), Some(true));
    assert_eq!(holds("a > 2", "a=2", 1), Some(false));
}

#[test]
fn implications_bind_only_where_they_apply() {
    let pinned = "decode == inline -> decode-threads == 0";
    assert_eq!(holds(pinned, "decode=inline,decode-threads=0", 4), Some(true));
    assert_eq!(holds(pinned, "decode=inline,decode-threads=1", 4), Some(false));
    assert_eq!(holds(pinned, "decode=shared-pool,decode-threads=1", 4), Some(true));
    let both = "decode == shared-pool and reader == htslib -> decode-threads >= 1";
    assert_eq!(holds(both, "decode=shared-pool,reader=htslib,decode-threads=0", 4), Some(false));
    assert_eq!(holds(both, "decode=shared-pool,reader=raw,decode-threads=0", 4), Some(true));
}

#[test]
fn open_axes_leave_the_answer_open() {
    assert_eq!(holds("workers <= threads", "", 4), None);
    assert_eq!(holds("decode == inline -> decode-threads == 0", "decode-threads=1", 4), None);
    // Whatever `decode` will be, this can't fail any more.
    assert_eq!(holds("decode == inline -> decode-threads == 0", "decode-threads=0", 4), Some(true));
    assert_eq!(holds("decode == inline -> decode-threads == 0", "decode=shared-pool", 4), Some(true));
}

#[test]
fn busy_threads_are_what_the_budget_limits() {
    let busy = |constraint: &str, text: &str| Constraint::parse(constraint).unwrap().busy_threads(&plan(text));
    assert_eq!(busy("workers + pool <= threads", "workers=3,pool=2"), Some(5));
    assert_eq!(busy("decode == inline -> workers <= threads", "decode=inline,workers=3"), Some(3));
    assert_eq!(busy("decode == inline -> workers <= threads", "decode=shared-pool,workers=3"), None);
    assert_eq!(busy("workers >= 1", "workers=3"), None);
}

#[test]
fn amounts_are_zero_where_they_do_not_apply() {
    let amount = Amount::parse("decode == per-reader -> workers").unwrap();
    assert_eq!(amount.value(&plan("decode=per-reader,workers=3"), 8), Some(3));
    assert_eq!(amount.value(&plan("decode=inline,workers=3"), 8), Some(0));
    assert_eq!(Amount::parse("1").unwrap().value(&plan(""), 8), Some(1));
}

#[test]
fn faults_say_where() {
    for (text, fault) in [
        ("workers", "a comparison"),
        ("workers <=", "a number, a name"),
        ("(workers <= 2", "`)` expected"),
        ("a == b and c == d", "`->` is missing"),
        ("a == b -> c == d e", "nothing more"),
        ("a == 99999999999999999999", "fits 64 bits"),
    ] {
        let error = Constraint::parse(text).unwrap_err().to_string();
        assert!(error.contains(fault), "{text}: {error}");
    }
}

#[test]
fn depth_has_an_end() {
    let nested = |depth: usize| format!("{}a{} <= 1", "(".repeat(depth), ")".repeat(depth));
    Constraint::parse(&nested(32)).unwrap();
    let error = Constraint::parse(&nested(1_000_000)).unwrap_err().to_string();
    assert!(error.contains("fewer parentheses"));
}

#[test]
fn text_is_kept_as_written() {
    let text = "decode == inline  ->  decode-threads == 0";
    let constraint = Constraint::parse(text).unwrap();
    assert_eq!(constraint.to_string(), text);
    assert_eq!(serde_json::to_string(&constraint).unwrap(), format!("\"{text}\""));
}
