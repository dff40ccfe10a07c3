//! What an engine writes, and by which rule two such files count as equal.

use crate::Inputs;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One output file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Output {
    /// As reports call it, such as `counts`.
    pub name: String,
    /// File name in the folder given to `write`; `{input}` stands for that input's value. One `*` stands for anything:
    /// the output is then as many files as there are, such as one a sample.
    pub file: String,
    /// `tsv`, `json`, `npy`, `bam`, or another word; the host compares a format that it does not know byte by byte.
    pub format: String,
    /// Where the user wants it.
    #[serde(default)]
    pub place: Place,
    /// True where some runs do not write it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    /// One line for `--help`.
    pub help: String,
    /// Columns that name a row in a report of differences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    /// The rule for every column, or JSON member, that `columns` does not name.
    #[serde(default)]
    pub rule: Rule,
    /// Rules by column name, or by a JSON member's path such as `pi` or `reassign.final_average`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, Rule>,
}

/// Where an output goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Place {
    /// The only such output of an engine goes to `-o FILE`; of several, each goes to `--outdir DIR`.
    #[default]
    Main,
    /// Written only where its own flag names a file.
    Flag(String),
    /// Beside the main output, with this appended to its name.
    Beside(String),
}

/// When two values count as equal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Rule {
    /// The same text.
    #[default]
    Exact,
    /// `|a - b| <= abs + rel * max(|a|, |b|)`; infinities only equal themselves, NaN only NaN.
    Tolerance {
        /// Absolute part, in the column's unit.
        abs: f64,
        /// Relative part.
        rel: f64,
    },
    /// At most this many representable numbers apart.
    Ulp(u64),
    /// May differ at will, such as a version.
    Ignore,
}

impl Rule {
    /// True where whatever this rule lets pass `other` lets pass, too. Of rules of different kinds only exactness and
    /// ignorance are known to compare.
    pub fn is_within(self, other: Rule) -> bool {
        match (self, other) {
            (Rule::Exact, _) | (_, Rule::Ignore) => true,
            (Rule::Tolerance { abs, rel }, Rule::Tolerance { abs: most_abs, rel: most_rel }) => {
                abs <= most_abs && rel <= most_rel
            }
            (Rule::Ulp(steps), Rule::Ulp(most)) => steps <= most,
            _ => false,
        }
    }
}

impl Output {
    /// An output in the main place whose columns must be exactly equal.
    pub fn new(name: &str, file: &str, format: &str, help: &str) -> Output {
        Output {
            name: name.into(),
            file: file.into(),
            format: format.into(),
            place: Place::Main,
            optional: false,
            help: help.into(),
            keys: Vec::new(),
            rule: Rule::Exact,
            columns: BTreeMap::new(),
        }
    }

    /// The output, its rows named by these columns.
    pub fn keyed_by(mut self, keys: &[&str]) -> Output {
        self.keys = keys.iter().map(|key| key.to_string()).collect();
        self
    }

    /// The output, placed elsewhere and therefore optional.
    pub fn placed(mut self, place: Place) -> Output {
        self.place = place;
        self.optional = true;
        self
    }

    /// The output, which some runs do not write.
    pub fn optional(mut self) -> Output {
        self.optional = true;
        self
    }

    /// The output, with the rule for every column that has none of its own.
    pub fn ruled(mut self, rule: Rule) -> Output {
        self.rule = rule;
        self
    }

    /// The output, with a rule for one column.
    pub fn compare(mut self, column: &str, rule: Rule) -> Output {
        self.columns.insert(column.into(), rule);
        self
    }

    /// Whether its name, filled in, is that of a file in a folder, and not a way out of it.
    pub fn is_plain_name(&self, inputs: &Inputs) -> bool {
        is_plain(&inputs.fill(&self.file))
    }

    /// The files of this output: of `present`, the names of all files written, those that fit; where its name is fixed,
    /// that name, whether it is there or not.
    pub fn files<'a>(&self, inputs: &Inputs, present: impl Iterator<Item = &'a str>) -> Vec<String> {
        let name = inputs.fill(&self.file);
        let Some((begin, end)) = name.split_once('*') else { return vec![name] };
        let fits =
            |file: &&str| file.len() >= begin.len() + end.len() && file.starts_with(begin) && file.ends_with(end);
        let mut files: Vec<String> = present.filter(fits).map(str::to_string).collect();
        files.sort();
        files
    }

    /// The rule for a column, or for a JSON member's path: the longest declared prefix of the path decides.
    pub fn rule_for(&self, column: &str) -> Rule {
        let mut path = column;
        loop {
            if let Some(rule) = self.columns.get(path) {
                return *rule;
            }
            match path.rfind('.') {
                Some(dot) => path = &path[..dot],
                None => return self.rule,
            }
        }
    }
}

/// Whether `name` is one component of a path that stays where it is.
pub(crate) fn is_plain(name: &str) -> bool {
    !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\0'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_decides() {
        let loose = Rule::Tolerance { abs: 0.0, rel: 1e-10 };
        let output = Output::new("em", "em.json", "json", "").compare("reassign", Rule::Ulp(1)).compare("pi", loose);
        assert_eq!(output.rule_for("pi.3"), loose);
        assert_eq!(output.rule_for("reassign.final_average.0"), Rule::Ulp(1));
        assert_eq!(output.rule_for("iterations"), Rule::Exact);
    }

    #[test]
    fn a_star_stands_for_any_number_of_files() {
        let inputs = Inputs::default();
        let present = ["t-run.tsv", "t-b-run.tsv", "t-a-run.tsv", "t-counts.tsv", "t-run.tsv.x"];
        let files = |file: &str| Output::new("x", file, "tsv", "").files(&inputs, present.into_iter());
        assert_eq!(files("t-*run.tsv"), ["t-a-run.tsv", "t-b-run.tsv", "t-run.tsv"]);
        assert_eq!(files("t-counts.tsv"), ["t-counts.tsv"]);
        assert_eq!(files("absent.tsv"), ["absent.tsv"]);
        assert_eq!(files("absent*.tsv"), [""; 0]);
    }

    #[test]
    fn a_way_out_of_the_folder_is_no_name() {
        let given = |tag: &str| {
            let values = [("tag".to_string(), tag.into())].into_iter().collect();
            Inputs::check(values, &[crate::Input::text("tag", "")], &[]).unwrap()
        };
        let output = Output::new("x", "{tag}-x.tsv", "tsv", "");
        assert!(output.is_plain_name(&given("a")) && output.is_plain_name(&given("..")));
        assert!(!output.is_plain_name(&given("../a")) && !output.is_plain_name(&given("/a")));
        assert!(!is_plain("..") && !is_plain("") && !is_plain("a/b"));
    }

    #[test]
    fn stricter_rules_are_within_looser_ones() {
        let tolerance = |abs, rel| Rule::Tolerance { abs, rel };
        let all = [Rule::Exact, tolerance(0.0, 1e-9), tolerance(1e-9, 1e-9), Rule::Ulp(1), Rule::Ulp(2), Rule::Ignore];
        let within = |a: usize, b: usize| all[a].is_within(all[b]);
        assert!(all.iter().all(|rule| Rule::Exact.is_within(*rule) && rule.is_within(Rule::Ignore)));
        assert!(all.iter().all(|rule| rule.is_within(*rule)));
        assert!(within(1, 2) && !within(2, 1) && within(3, 4) && !within(4, 3));
        assert!(!within(1, 0) && !within(5, 2) && !within(3, 1) && !within(1, 3));
    }

    #[test]
    fn rules_read_well_in_json() {
        assert_eq!(serde_json::to_string(&Rule::Exact).unwrap(), r#""exact""#);
        let rule: Rule = serde_json::from_str(r#"{"tolerance": {"abs": 0.0, "rel": 1e-10}}"#).unwrap();
        assert_eq!(rule, Rule::Tolerance { abs: 0.0, rel: 1e-10 });
    }
}
