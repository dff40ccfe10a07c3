//! Matrix and tree brought together by name.
//!
//! Which side of the matrix holds the taxa follows from the names, never from a header word.
//! A tip that the matrix lacks is missing data; a matrix name that the tree lacks is an error.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use super::{Patterns, TipStates, all_bits};
use crate::bits::BitRows;
use crate::error::{Error, Result, listing};
use crate::matrix::{RowsAre, Table};
use crate::naming::{Matching, Placed, TipNames};
use crate::tree::Tree;

/// [`TipStates`] and what a user should hear about the matching.
#[derive(Debug, Clone)]
pub struct Matched {
    /// The states.
    pub states: TipStates,
    /// Sentences for the user, such as tips without data.
    pub warnings: Vec<String>,
}

impl TipStates {
    /// Brings a matrix into the order of a tree's tips.
    pub fn matched(tree: &Tree, table: Table, how: Matching) -> Result<Matched> {
        let tips = TipNames::new(tree, how);
        let Table { path, row_names, column_names, present, missing, rows, notes } = table;
        let taxa_are_rows = match rows {
            RowsAre::Families => false,
            RowsAre::Taxa => true,
            RowsAre::ToldByNames => rows_hold_taxa(&path, &row_names, &column_names, |name| tips.has(name))?,
        };
        let (taxa, families) = if taxa_are_rows { (row_names, column_names) } else { (column_names, row_names) };
        let remedy = "rows and tips are matched by name: rename them, or prune them from the matrix";
        let Placed { tips: places, unnamed, notes: renamed } = tips.place(&taxa, &path, remedy)?;
        let unused: Vec<String> = unnamed.iter().map(|&tip| tree.tip_name(tip).to_owned()).collect();
        let tip_count = tree.tip_count();
        let patterns = OnceLock::new();
        let in_tip_order = |rows: BitRows| {
            if taxa_are_rows { rows.placed(tip_count, &places) } else { rows.transposed_to(tip_count, &places) }
        };
        if !taxa_are_rows {
            // The rows are the columns to come: compared here, they need not be brought together again.
            let found = Patterns::of_rows(&present, missing.as_ref());
            patterns.get_or_init(|| Arc::new(found));
        }
        let present = in_tip_order(present);
        let missing = missing.map(in_tip_order);
        let wholly = all_bits(families.len(), present.row(0).len());
        let mut unread = vec![true; tip_count];
        places.iter().for_each(|&tip| unread[tip] = false);
        let of_tip = |tip: usize| -> Option<Box<[u8]>> {
            if unread[tip] {
                return Some(wholly.clone());
            }
            missing.as_ref().map(|rows| rows.row(tip)).filter(|row| row.iter().any(|&b| b != 0)).map(Box::from)
        };
        let states = Self { families, present, missing: (0..tip_count).map(of_tip).collect(), patterns };
        let mut warnings = notes;
        warnings.extend(renamed);
        if !unused.is_empty() {
            warnings.push(format!(
                "{} tips of the tree are not in {} and count as missing data: {}",
                unused.len(),
                path.display(),
                listing(&unused)
            ));
        }
        Ok(Matched { states, warnings })
    }
}

/// Does the side of the rows name the tree's tips, rather than that of the columns?
fn rows_hold_taxa(path: &Path, rows: &[String], columns: &[String], known: impl Fn(&str) -> bool) -> Result<bool> {
    let hits = |names: &[String]| names.iter().filter(|name| known(name)).count();
    match (hits(rows), hits(columns)) {
        (0, _) => Ok(false),
        (_, 0) => Ok(true),
        (r, c) => match (r == rows.len(), c == columns.len()) {
            (true, false) => Ok(true),
            (false, true) => Ok(false),
            _ if r != c => Ok(r > c),
            _ => Err(Error::Syntax {
                path: path.to_owned(),
                line: 1,
                column: 1,
                message: "taxa of the tree name both rows and columns, so that it can't be told which are families; \
                          rename the families"
                    .to_owned(),
            }),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;
    use crate::newick::{MissingLengths, parse};

    fn tree() -> Tree {
        parse("((A:1,B:1):1,C:1);", Path::new("t"), MissingLengths::Refuse).unwrap()
    }

    fn table(rows: &[&str], columns: &[&str], cells: &[&str]) -> Table {
        let mut present = BitRows::zeros(rows.len(), columns.len());
        let mut missing = BitRows::zeros(rows.len(), columns.len());
        for (r, line) in cells.iter().enumerate() {
            for (c, cell) in line.bytes().enumerate() {
                match cell {
                    b'1' => present.set(r, c),
                    b'?' => missing.set(r, c),
                    _ => {}
                }
            }
        }
        let owned = |names: &[&str]| names.iter().map(|&n| n.to_owned()).collect::<Vec<_>>();
        Table {
            path: "m.tsv".into(),
            row_names: owned(rows),
            column_names: owned(columns),
            present,
            missing: missing.any().then_some(missing),
            rows: RowsAre::ToldByNames,
            notes: vec![],
        }
    }

    fn bring(table: Table) -> Result<Matched> {
        TipStates::matched(&tree(), table, Matching::Exact)
    }

    fn text(states: &TipStates) -> Vec<String> {
        (0..states.family_count())
            .map(|f| {
                (0..states.tip_count())
                    .map(|t| match states.get(t, f) {
                        State::Absent => '0',
                        State::Present => '1',
                        State::Missing => '?',
                    })
                    .collect()
            })
            .collect()
    }

    #[test]
    fn either_orientation_gives_the_same_states() {
        let wide = table(&["f1", "f2"], &["C", "A", "B"], &["10?", "011"]);
        let tall = table(&["C", "A", "B"], &["f1", "f2"], &["10", "01", "?1"]);
        for matrix in [wide, tall] {
            let matched = bring(matrix).unwrap();
            assert_eq!(text(&matched.states), ["0?1", "110"]);
            assert!(matched.warnings.is_empty());
        }
    }

    #[test]
    fn a_tip_without_data_is_missing() {
        let matched = bring(table(&["f1"], &["A", "C"], &["11"])).unwrap();
        assert_eq!(text(&matched.states), ["1?1"]);
        assert!(matched.warnings[0].contains("1 tips of the tree are not in m.tsv"));
    }

    #[test]
    fn names_without_partner_are_listed() {
        let fault = bring(table(&["f1"], &["A", "B", "X"], &["111"])).unwrap_err().to_string();
        assert!(fault.starts_with("m.tsv: 1 taxa not in the tree: 'X'; without a partner there: 'C'"), "{fault}");
    }

    #[test]
    fn families_named_like_taxa_do_not_confuse() {
        let matched = bring(table(&["A", "f2"], &["A", "B", "C"], &["100", "011"])).unwrap();
        assert_eq!(text(&matched.states), ["100", "011"]);
        let fault = bring(table(&["A", "B"], &["B", "A"], &["10", "01"])).unwrap_err();
        assert!(fault.to_string().contains("rename the families"), "{fault}");
    }

    #[test]
    fn equal_columns_are_found_in_either_orientation() {
        let wide = table(&["f1", "f2", "f3", "f4"], &["C", "A"], &["10", "1?", "10", "0?"]);
        let tall = table(&["C", "A"], &["f1", "f2", "f3", "f4"], &["1110", "0?0?"]);
        for matrix in [wide, tall] {
            let mut states = bring(matrix).unwrap().states;
            assert_eq!(states.patterns().of_family, [0, 1, 0, 2]);
            assert_eq!(states.patterns().representatives, [0, 1, 3]);
            states.set(2, 3, State::Present);
            assert_eq!(states.patterns().of_family, [0, 1, 0, 1]);
        }
    }

    #[test]
    fn selecting_keeps_states() {
        let matched = bring(table(&["f1", "f2", "f3"], &["A", "B", "C"], &["10?", "011", "??0"]));
        let states = matched.unwrap().states;
        assert_eq!(text(&states.select(&[2, 0, 2])), ["??0", "10?", "??0"]);
    }
}
