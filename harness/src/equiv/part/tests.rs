use super::*;
use scaletune_descriptor::Rule;

fn table() -> Output {
    let loose = Rule::Tolerance { abs: 0.0, rel: 1e-6 };
    Output::new("t", "t.tsv", "tsv", "").keyed_by(&["name"]).compare("lnl", loose)
}

fn only(pairs: &[(&str, &str)]) -> Part {
    let only = pairs.iter().map(|(own, theirs)| (own.to_string(), theirs.to_string())).collect();
    Part { only: Some(only), ..Part::default() }
}

fn say(expected: &str, found: &str, output: &Output, part: &Part) -> Option<String> {
    compare_part(expected, found, output, part).unwrap().map(|fault| fault.to_string())
}

#[test]
fn named_columns_are_compared_by_the_outputs_rules() {
    let part = only(&[("name", "family"), ("lnl", "logL")]);
    let expected = "family\tx\tlogL\na\t1\t-2.0\nb\t1\t-3.0\n";
    assert_eq!(say(expected, "lnl\tname\ty\n-2.0000001\ta\t9\n-3.0\tb\t8\n", &table(), &part), None);
    assert_eq!(
        say(expected, "lnl\tname\n-2.0\ta\n-3.1\tb\n", &table(), &part).unwrap(),
        "row 2 (name b), column lnl: expected -3.0, found -3.1 (within 1e-6 of the larger)"
    );
    assert_eq!(say(expected, "lnl\tname\n-2.0\ta\n", &table(), &part).unwrap(), "row 2 (name b) is missing");
    let fault = say(expected, "lnl\tname\n-2.0\n-3.0\tb\n", &table(), &part);
    assert!(fault.is_some(), "a short row is a difference");
}

#[test]
fn a_column_that_is_not_there_is_never_passed_over() {
    let part = only(&[("name", "name"), ("lnl", "logL")]);
    let error = compare_part("name\tlnl\na\t1\n", "name\tlnl\na\t1\n", &table(), &part).unwrap_err();
    assert!(error.contains("logL"), "{error}");
    let fault = say("name\tlogL\na\t1\n", "name\na\n", &table(), &part).unwrap();
    assert!(fault.contains("lnl") && fault.contains("missing"), "{fault}");
    let except = Part { except: vec!["z".into()], ..Part::default() };
    assert!(say("name\na\n", "name\na\n", &table(), &except).unwrap().contains("z, which is left out"));
    assert_eq!(say("name\na\n", "name\tz\na\t1\n", &table(), &except), None);
}

#[test]
fn columns_and_cells_of_the_preamble_can_be_left_out() {
    let part = Part { except: vec!["##version".into(), "note".into()], ..Part::default() };
    let expected = "## Info\tversion:1\tn:3\nname\tnote\na\tx\n";
    assert_eq!(say(expected, "## Info\tversion:2\tn:3\nname\tnote\na\ty\n", &table(), &part), None);
    let fault = say(expected, "## Info\tversion:2\tn:4\nname\tnote\na\ty\n", &table(), &part).unwrap();
    assert_eq!(fault, "preamble, column ##n: expected 3, found 4");
}

#[test]
fn rows_can_be_matched_by_their_keys() {
    let part = Part { any_order: true, ..Part::default() };
    let expected = "name\tn\nb\t1\na\t2\nc\t3\n";
    assert_eq!(say(expected, "name\tn\nc\t3\na\t2\nb\t1\n", &table(), &part), None);
    let fault = say(expected, "name\tn\nc\t3\na\t9\nb\t1\n", &table(), &part).unwrap();
    assert_eq!(fault, "row 2 (name a), column n: expected 2, found 9");
    assert!(say(expected, "name\tn\nc\t3\nb\t1\n", &table(), &part).is_some());
    assert!(say(expected, "name\tn\nc\t3\nb\t1\na\t2\nd\t4\n", &table(), &part).unwrap().contains("name d"));
    let unkeyed = Output::new("t", "t.tsv", "tsv", "");
    assert!(compare_part(expected, expected, &unkeyed, &part).is_err());
}

#[test]
fn members_of_a_document_by_path() {
    let loose = Rule::Tolerance { abs: 0.0, rel: 1e-6 };
    let output = Output::new("fit", "fit.json", "json", "").compare("rate", loose);
    let part = only(&[("rate", "runs.1.gain"), ("n", "families")]);
    let expected = r#"{"families": 3, "runs": [{}, {"gain": 0.5}], "se": 1}"#;
    assert_eq!(say(expected, r#"{"rate": 0.50000001, "n": 3, "more": 1}"#, &output, &part), None);
    assert!(say(expected, r#"{"rate": 0.6, "n": 3}"#, &output, &part).unwrap().starts_with("at rate: expected 0.5"));
    let dotted = only(&[("n", "em.conf_0.5.n.1")]);
    assert_eq!(say(r#"{"em": {"conf_0": 1, "conf_0.5": {"n": [1, 2]}}}"#, r#"{"n": 2}"#, &output, &dotted), None);
    assert_eq!(say(expected, r#"{"rate": 0.5}"#, &output, &part).unwrap(), "member n is missing");
    assert!(compare_part("{}", "{}", &output, &part).is_err());
    let except = Part { except: vec!["a.b".into()], ..Part::default() };
    assert_eq!(say(r#"{"a": {"b": 1, "c": 2}}"#, r#"{"a": {"b": 5, "c": 2}}"#, &output, &except), None);
}

#[test]
fn numbers_in_quotes_stand_for_numbers() {
    let loose = Rule::Tolerance { abs: 0.0, rel: 1e-6 };
    let output = Output::new("fit", "fit.json", "json", "").compare("rate", loose);
    let part = Part { numbers_in_quotes: true, ..Part::default() };
    let expected = r#"{"rate": ["0.50000000000000001", "0.25"], "name": "1"}"#;
    assert_eq!(say(expected, r#"{"rate": [0.5, 0.25], "name": "1"}"#, &output, &part), None);
    assert!(say(expected, r#"{"rate": [0.5, 0.26], "name": "1"}"#, &output, &part).is_some());
    assert!(say(expected, r#"{"rate": [0.5], "name": "1"}"#, &output, &part).is_some());
}

#[test]
fn other_formats_have_no_parts() {
    let output = Output::new("b", "b.bam", "bam", "");
    let part = Part { any_order: true, ..Part::default() };
    assert!(compare_part("", "", &output, &part).is_err());
}
