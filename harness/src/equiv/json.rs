//! JSON documents.
//!
//! Members are named by their path, `reassign.final_average.3`; the output's longest declared prefix of the path gives
//! the rule. Under an exact rule two numbers agree if their values do, all else if it is the same. An ignored member must
//! be there all the same.

use super::difference::Fault;
use super::rule::{cells_agree, numbers_agree};
use scaletune_descriptor::{Output, Rule};
use serde_json::{Map, Value};
use std::fmt::{Display, Write};

/// The first difference between two documents by the rules of `output`, in the order of `expected`.
pub fn compare_json(expected: &Value, found: &Value, output: &Output) -> Option<Fault> {
    Walk { output, path: String::new() }.compare(expected, found)
}

struct Walk<'a> {
    output: &'a Output,
    path: String,
}

impl Walk<'_> {
    fn compare(&mut self, expected: &Value, found: &Value) -> Option<Fault> {
        let rule = self.output.rule_for(&self.path);
        if rule == Rule::Ignore && !self.has_deeper_rules() {
            return None;
        }
        match (expected, found) {
            (Value::Object(left), Value::Object(right)) => self.compare_objects(left, right),
            (Value::Array(left), Value::Array(right)) => self.compare_arrays(left, right),
            _ if scalars_agree(expected, found, rule) => None,
            _ => Some(Fault::Cell {
                row: String::new(),
                column: if self.path.is_empty() { "the top".into() } else { self.path.clone() },
                expected: expected.to_string(),
                found: found.to_string(),
                rule,
            }),
        }
    }

    fn compare_objects(&mut self, expected: &Map<String, Value>, found: &Map<String, Value>) -> Option<Fault> {
        for (name, value) in expected {
            let Some(other) = found.get(name) else { return Some(Fault::Missing { what: self.member(name) }) };
            let fault = self.within(name, |walk| walk.compare(value, other));
            if fault.is_some() {
                return fault;
            }
        }
        let extra = found.keys().find(|name| !expected.contains_key(*name))?;
        Some(Fault::Extra { what: self.member(extra) })
    }

    fn compare_arrays(&mut self, expected: &[Value], found: &[Value]) -> Option<Fault> {
        for (index, (value, other)) in expected.iter().zip(found).enumerate() {
            let fault = self.within(index, |walk| walk.compare(value, other));
            if fault.is_some() {
                return fault;
            }
        }
        if expected.len() > found.len() {
            return Some(Fault::Missing { what: self.member(found.len()) });
        }
        (expected.len() < found.len()).then(|| Fault::Extra { what: self.member(expected.len()) })
    }

    /// Runs `job` with `name` appended to the path.
    fn within<T>(&mut self, name: impl Display, job: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.path.len();
        let dot = if length == 0 { "" } else { "." };
        // Writing to a string can't fail.
        let _ = write!(self.path, "{dot}{name}");
        let result = job(self);
        self.path.truncate(length);
        result
    }

    fn member(&mut self, name: impl Display) -> String {
        self.within(name, |walk| format!("member {}", walk.path))
    }

    /// Whether a rule is declared for something below the path.
    fn has_deeper_rules(&self) -> bool {
        let below = |column: &String| {
            self.path.is_empty() || column.strip_prefix(&self.path).is_some_and(|rest| rest.starts_with('.'))
        };
        self.output.columns.keys().any(below)
    }
}

fn scalars_agree(expected: &Value, found: &Value, rule: Rule) -> bool {
    match (expected, found) {
        (Value::Number(left), Value::Number(right)) => {
            // As numbers are stored, whole numbers compare without rounding; 1 and 1.0 are told apart by exact rules.
            left == right
                || match (left.as_f64(), right.as_f64()) {
                    (Some(left), Some(right)) if rule != Rule::Exact => numbers_agree(left, right, rule),
                    _ => false,
                }
        }
        // JSON has no NaN and no infinities; engines write them as text.
        (Value::String(left), Value::String(right)) => cells_agree(left, right, rule),
        _ => expected == found || rule == Rule::Ignore,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn output() -> Output {
        let loose = Rule::Tolerance { abs: 0.0, rel: 1e-6 };
        let output = Output::new("em", "em.json", "json", "").compare("pi", loose).compare("counts.best", Rule::Ulp(1));
        output.compare("build", Rule::Ignore).compare("build.commit", Rule::Exact)
    }

    fn say(expected: Value, found: Value) -> Option<String> {
        compare_json(&expected, &found, &output()).map(|fault| fault.to_string())
    }

    #[test]
    fn equal_by_the_rules() {
        let expected = json!({"pi": [0.25, {"x": 0.5}], "n": 3, "t": "a", "build": {"host": "a", "commit": "c"}});
        assert_eq!(say(expected.clone(), expected.clone()), None);
        let found = json!({"t": "a", "n": 3, "build": {"host": [1], "commit": "c"}, "pi": [0.25000001, {"x": 0.5}]});
        assert_eq!(say(expected, found), None);
        assert_eq!(say(json!({"pi": "nan"}), json!({"pi": "NaN"})), None);
        assert_eq!(say(json!({"pi": 1}), json!({"pi": 1.0})), None);
    }

    #[test]
    fn a_member_is_named_by_its_path() {
        assert_eq!(
            say(json!({"pi": [0.25, 0.5]}), json!({"pi": [0.25, 0.51]})).unwrap(),
            "at pi.1: expected 0.5, found 0.51 (within 1e-6 of the larger)"
        );
        assert_eq!(
            say(json!({"counts": {"best": [1.0]}}), json!({"counts": {"best": [2.0]}})).unwrap(),
            "at counts.best.0: expected 1.0, found 2.0 (within 1 ulp)"
        );
        assert_eq!(say(json!({"n": 3}), json!({"n": "3"})).unwrap(), "at n: expected 3, found \"3\"");
        assert_eq!(say(json!({"n": null}), json!({"n": 0})).unwrap(), "at n: expected null, found 0");
        assert_eq!(say(json!({"n": 1}), json!({"n": 1.0})).unwrap(), "at n: expected 1, found 1.0");
        assert_eq!(say(json!(1), json!(2)).unwrap(), "at the top: expected 1, found 2");
        assert!(say(json!({"build": {"commit": "c"}}), json!({"build": {"commit": "d"}})).is_some());
        assert!(say(json!({"pi": [[1.0]]}), json!({"pi": [1.0]})).is_some());
        let big = 9_007_199_254_740_993u64;
        assert!(say(json!({"n": big}), json!({"n": big - 1})).is_some());
    }

    #[test]
    fn members_that_lack_or_are_too_many() {
        assert_eq!(say(json!({"a": {"b": 1}}), json!({"a": {}})).unwrap(), "member a.b is missing");
        assert_eq!(say(json!({}), json!({"a": 1})).unwrap(), "member a should not be there");
        assert_eq!(say(json!({"pi": [1, 2]}), json!({"pi": [1]})).unwrap(), "member pi.1 is missing");
        assert_eq!(say(json!([1]), json!([1, 2])).unwrap(), "member 1 should not be there");
        assert_eq!(say(json!({"build": 1}), json!({})).unwrap(), "member build is missing");
    }

    fn document() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![Just(json!(null)), (0..3i64).prop_map(|n| json!(n)), "[ab]".prop_map(|s| json!(s))];
        leaf.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                proptest::collection::btree_map("[xyz]", inner, 0..3).prop_map(|map| json!(map)),
            ]
        })
    }

    proptest! {
        #[test]
        fn exact_rules_mean_equal_documents(a in document(), b in document()) {
            let exact = Output::new("x", "x.json", "json", "");
            prop_assert_eq!(compare_json(&a, &b, &exact).is_none(), a == b);
            prop_assert_eq!(compare_json(&a, &a, &exact), None);
        }
    }
}
