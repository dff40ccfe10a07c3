use super::*;
use proptest::prelude::*;

fn output() -> Output {
    let loose = Rule::Tolerance { abs: 0.0, rel: 1e-6 };
    Output::new("t", "t.tsv", "tsv", "")
        .keyed_by(&["chrom", "pos"])
        .compare("share", loose)
        .compare("note", Rule::Ignore)
        .compare("##version", Rule::Ignore)
        .compare("##lnl", loose)
}

fn say(expected: &str, found: &str) -> Option<String> {
    compare_tsv(expected.as_bytes(), found.as_bytes(), &output()).unwrap().map(|fault| fault.to_string())
}

const HEAD: &str = "chrom\tpos\tcount\tshare\tnote\n";

fn table(rows: &[&str]) -> String {
    HEAD.to_string() + &rows.iter().map(|row| row.replace(' ', "\t") + "\n").collect::<String>()
}

#[test]
fn equal_by_the_rules() {
    let expected = table(&["chr1 5 3 0.5 x", "chr1 9 0 nan x"]);
    assert_eq!(say(&expected, &expected), None);
    assert_eq!(say(&expected, &table(&["chr1 5 3 0.50000001 y", "chr1 9 0 NaN z"])), None);
    assert_eq!(say("", ""), None);
    assert_eq!(say(HEAD, HEAD), None);
}

#[test]
fn a_cell_is_named_by_row_keys_and_column() {
    let expected = table(&["chr1 5 3 0.5 x", "chr1 9 4 0.5 x"]);
    assert_eq!(
        say(&expected, &table(&["chr1 5 3 0.5 x", "chr1 9 5 0.5 x"])).unwrap(),
        "row 2 (chrom chr1, pos 9), column count: expected 4, found 5"
    );
    assert_eq!(
        say(&expected, &table(&["chr1 5 3 0.51 x", "chr1 9 4 0.5 x"])).unwrap(),
        "row 1 (chrom chr1, pos 5), column share: expected 0.5, found 0.51 (within 1e-6 of the larger)"
    );
}

#[test]
fn rows_and_cells_that_lack_or_are_too_many() {
    let (one, two) = (table(&["chr1 5 3 0.5 x"]), table(&["chr1 5 3 0.5 x", "chr1 9 4 0.5 x"]));
    assert_eq!(say(&two, &one).unwrap(), "row 2 (chrom chr1, pos 9) is missing");
    assert_eq!(say(&one, &two).unwrap(), "row 2 (chrom chr1, pos 9) should not be there");
    let short = table(&["chr1 5 3"]);
    assert_eq!(say(&one, &short).unwrap(), "row 1 (chrom chr1, pos 5), column share is missing");
    assert_eq!(say(&short, &one).unwrap(), "row 1 (chrom chr1, pos 5), column share should not be there");
    let long = table(&["chr1 5 3 0.5 x y z"]);
    assert_eq!(
        say(&one, &long).unwrap(),
        "row 1 (chrom chr1, pos 5), after its last column: expected \"no cell\", found \"y\\tz\""
    );
    assert!(say("a\n1\n", "a\n1\t\n").is_some() && say("a\n1\t\n", "a\n1\n").is_some());
    assert!(say(&one, "").is_some() && say("", &one).is_some() && say(&one, HEAD).is_some());
}

#[test]
fn columns_are_part_of_the_answer() {
    assert_eq!(say("a\tb\n", "a\n").unwrap(), "column b is missing");
    assert_eq!(say("a\n", "a\tb\n").unwrap(), "column b should not be there");
    assert_eq!(say("a\tb\n", "b\ta\n").unwrap(), "order of the columns: expected a,b, found b,a");
    assert_eq!(say("a\ta\n", "a\n").unwrap(), "order of the columns: expected a,a, found a");
}

#[test]
fn the_last_line_needs_its_end() {
    assert_eq!(say("a\n1\n", "a\n1").unwrap(), "after the last line: expected \"an end of line\", found none");
    assert!(say("a\n1\n", "a\r\n1\r\n").is_some());
    assert_eq!(say("a\n1\n", "a\n1\n\n").unwrap(), "row 2 should not be there");
}

#[test]
fn a_preamble_has_rules_of_its_own() {
    let with = |line: &str| format!("## RunInfo\t{line}\n{HEAD}");
    let expected = with("version:1\ttotal:7\tlnl:-5.0");
    assert_eq!(say(&expected, &with("version:2\ttotal:7\tlnl:-5.000001")), None);
    assert_eq!(
        say(&expected, &with("version:1\ttotal:8\tlnl:-5.0")).unwrap(),
        "preamble, column ##total: expected 7, found 8"
    );
    assert_eq!(say(&expected, &with("version:1\ttotal:7")).unwrap(), "lnl:-5.0 of the preamble is missing");
    assert!(say(&expected, HEAD).unwrap().ends_with("is missing"));
    assert!(say(HEAD, &expected).unwrap().ends_with("should not be there"));
    // Only before the header: later such a line is a row.
    assert_eq!(say("a\n##x\n", "a\n##y\n").unwrap(), "row 1, column a: expected ##x, found ##y");
}

#[test]
fn bytes_that_are_no_text_are_compared_all_the_same() {
    let compare = |a: &[u8], b: &[u8]| compare_tsv(a, b, &output()).unwrap();
    assert!(compare(b"a\n\xff\n", b"a\n\xff\n").is_none());
    assert!(compare(b"a\n\xff\n", b"a\nx\n").is_some());
    let fault = compare(b"a\n\xff\n", b"a\n\xfe\n").unwrap().to_string();
    assert_eq!(fault, "row 1, column a: expected \\xff, found \\xfe");
    assert!(compare(b"\xff\n", b"\xfe\n").is_some());
    assert!(compare(b"##k:\xff\na\n", b"##k:\xfe\na\n").is_some());
    assert!(compare(b"note\n\xff\n", b"note\n\xfe\n").is_none());
    assert!(compare(b"share\n\xff\n", b"share\n\xfe\n").is_some());
}

proptest! {
    /// Brute force: with exact rules only, two tables agree exactly if their bytes do.
    #[test]
    fn exact_means_the_same_bytes(a in "a\tb\n([01]\t[01]\n){0,3}[01\t\n]{0,3}", b in "a\tb\n([01]\t[01]\n){0,3}[01\t\n]{0,3}") {
        let exact = Output::new("t", "t.tsv", "tsv", "");
        let fault = compare_tsv(a.as_bytes(), b.as_bytes(), &exact).unwrap();
        prop_assert_eq!(fault.is_none(), a == b, "{:?} {:?} {:?}", a, b, fault);
    }

    #[test]
    fn one_changed_count_is_found(rows in proptest::collection::vec(0..50i64, 1..20), at: prop::sample::Index) {
        let at = at.index(rows.len());
        let write = |rows: &[i64]| table(&rows.iter().enumerate().map(|(i, n)| format!("c {i} {n} 0 x")).collect::<Vec<_>>()
            .iter().map(String::as_str).collect::<Vec<_>>());
        let mut other = rows.clone();
        other[at] += 1;
        let expected = format!("row {} (chrom c, pos {at}), column count: expected {}, found {}", at + 1, rows[at], other[at]);
        prop_assert_eq!(say(&write(&rows), &write(&other)), Some(expected));
    }
}
