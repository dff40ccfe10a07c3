//! The states at the tips of one tree: matrix and tree brought together by name.
//!
//! Which side of the matrix holds the taxa follows from the names, never from a header word.
//! A tip that the matrix lacks is missing data; a matrix name that the tree lacks is an error.

mod patterns;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use crate::bits::BitRows;
use crate::error::{Error, NameMismatch, Result, listing};
use crate::matrix::Table;
use crate::tree::Tree;

pub(crate) use patterns::Patterns;

/// State of one cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// 0.
    Absent,
    /// 1.
    Present,
    /// Unknown: either.
    Missing,
}

/// States of every family at every tip, one bit each, tips in the tree's order.
#[derive(Debug, Clone, Default)]
pub struct TipStates {
    families: Vec<String>,
    present: BitRows,
    missing: Vec<Option<Box<[u8]>>>,
    /// Found when first asked for; the states decide them.
    patterns: OnceLock<Arc<Patterns>>,
}

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
    pub fn matched(tree: &Tree, table: Table) -> Result<Matched> {
        let tips = tree.tip_index();
        let Table { path, row_names, column_names, present, missing, rows_are_families } = table;
        let hits = |names: &[String]| names.iter().filter(|n| tips.contains_key(n.as_str())).count();
        let (row_hits, column_hits) = (hits(&row_names), hits(&column_names));
        let taxa_are_rows = !rows_are_families
            && match (row_hits, column_hits) {
                (0, _) => false,
                (_, 0) => true,
                (r, c) => match (r == row_names.len(), c == column_names.len()) {
                    (true, false) => true,
                    (false, true) => false,
                    _ if r != c => r > c,
                    _ => {
                        return Err(Error::Syntax {
                            path,
                            line: 1,
                            column: 1,
                            message: "taxa of the tree name both rows and columns, so that it can't be told which \
                                      are families; rename the families"
                                .to_owned(),
                        });
                    }
                },
            };
        let (taxa, families) = if taxa_are_rows { (row_names, column_names) } else { (column_names, row_names) };
        let unknown: Vec<String> = taxa.iter().filter(|n| !tips.contains_key(n.as_str())).cloned().collect();
        let known: HashMap<&str, usize> = taxa.iter().enumerate().map(|(i, n)| (n.as_str(), i)).collect();
        let unused: Vec<String> = (0..tree.tip_count())
            .map(|rank| tree.tip_name(rank))
            .filter(|name| !known.contains_key(name))
            .map(str::to_owned)
            .collect();
        if !unknown.is_empty() {
            return Err(Error::Names(Box::new(NameMismatch {
                path,
                sought_in: "the tree".to_owned(),
                what: "taxa",
                unknown,
                unused,
                remedy: "rows and tips are matched by name: rename them, or prune them from the matrix",
            })));
        }
        let places: Vec<usize> = taxa.iter().map(|name| tips[name.as_str()]).collect();
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
        let mut warnings = Vec::new();
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

    /// All states missing.
    pub fn unknown(families: Vec<String>, tips: usize) -> Self {
        let present = BitRows::zeros(tips, families.len());
        let all = all_bits(families.len(), present.row(0).len());
        Self { families, present, missing: vec![Some(all); tips], patterns: OnceLock::new() }
    }

    /// All states absent, to be filled in with [`Self::set`].
    pub fn absent(families: Vec<String>, tips: usize) -> Self {
        let present = BitRows::zeros(tips, families.len());
        Self { families, present, missing: vec![None; tips], patterns: OnceLock::new() }
    }

    /// Sets one state.
    pub fn set(&mut self, tip: usize, family: usize, state: State) {
        self.patterns.take();
        let (byte, bit) = (family / 8, 1u8 << (family % 8));
        let row = &mut self.present.row_mut(tip)[byte];
        if state == State::Present {
            *row |= bit;
        } else {
            *row &= !bit;
        }
        if state == State::Missing {
            let stride = self.present.row(tip).len();
            self.missing[tip].get_or_insert_with(|| vec![0; stride].into())[byte] |= bit;
        } else if let Some(missing) = &mut self.missing[tip] {
            missing[byte] &= !bit;
        }
    }

    /// Sets all states of a tip: one byte a family, 0 absent, 1 present, anything else missing.
    ///
    /// # Panics
    /// If there are not as many bytes as families.
    pub fn set_tip(&mut self, tip: usize, cells: &[u8]) {
        assert_eq!(cells.len(), self.families.len(), "one cell a family");
        self.patterns.take();
        /// The lowest bit of each byte.
        const ONES: u64 = 0x0101_0101_0101_0101;
        /// Brings the lowest bits of eight bytes together in the highest one, the first byte lowest.
        const GATHER: u64 = 0x0102_0408_1020_4080;
        let mut missing: Option<Box<[u8]>> = None;
        let row = self.present.row_mut(tip);
        row.fill(0);
        let stride = row.len();
        for (place, chunk) in cells.chunks(8).enumerate() {
            let mut bytes = [0; 8];
            bytes[..chunk.len()].copy_from_slice(chunk);
            let word = u64::from_le_bytes(bytes);
            if word & !ONES == 0 {
                row[place] = (word.wrapping_mul(GATHER) >> 56) as u8;
                continue;
            }
            let gaps = missing.get_or_insert_with(|| vec![0; stride].into());
            for (bit, cell) in chunk.iter().enumerate() {
                row[place] |= u8::from(*cell == 1) << bit;
                gaps[place] |= u8::from(*cell > 1) << bit;
            }
        }
        self.missing[tip] = missing;
    }

    /// One state.
    pub fn get(&self, tip: usize, family: usize) -> State {
        let is = |row: &[u8]| row[family / 8] >> (family % 8) & 1 == 1;
        if self.missing[tip].as_ref().is_some_and(|row| is(row)) {
            State::Missing
        } else if is(self.present.row(tip)) {
            State::Present
        } else {
            State::Absent
        }
    }

    /// Family names, in the order of every per-family result.
    pub fn families(&self) -> &[String] {
        &self.families
    }

    /// Number of families.
    pub fn family_count(&self) -> usize {
        self.families.len()
    }

    /// Number of tips.
    pub fn tip_count(&self) -> usize {
        self.missing.len()
    }

    /// Is any state unknown?
    pub fn has_missing(&self) -> bool {
        self.missing.iter().any(Option::is_some)
    }

    /// Size of the packed states in memory.
    pub fn size_bytes(&self) -> usize {
        self.present.size_bytes() + self.missing.iter().flatten().map(|row| row.len()).sum::<usize>()
    }

    /// Presence bits of a tip, padded; 0 where missing.
    pub(crate) fn present_row(&self, tip: usize) -> &[u8] {
        self.present.row(tip)
    }

    /// Number of distinct columns.
    pub fn distinct_columns(&self) -> usize {
        self.patterns().count()
    }

    /// Which columns are equal.
    pub(crate) fn patterns(&self) -> &Arc<Patterns> {
        self.patterns.get_or_init(|| {
            let missing = self.has_missing().then(|| {
                let mut rows = BitRows::zeros(self.tip_count(), self.family_count());
                for (tip, row) in self.missing.iter().enumerate() {
                    if let Some(row) = row {
                        rows.row_mut(tip).copy_from_slice(row);
                    }
                }
                rows.transposed()
            });
            Arc::new(Patterns::of_rows(&self.present.transposed(), missing.as_ref()))
        })
    }

    /// Missing bits of a tip, padded; `None` if it has none.
    pub(crate) fn missing_row(&self, tip: usize) -> Option<&[u8]> {
        self.missing[tip].as_deref()
    }

    /// Families of which nothing is known at any tip.
    pub fn wholly_missing(&self) -> Vec<u32> {
        let Some(rows) = self.missing.iter().map(Option::as_deref).collect::<Option<Vec<&[u8]>>>() else {
            return vec![];
        };
        let known_nowhere = |family: &usize| rows.iter().all(|row| row[family / 8] >> (family % 8) & 1 == 1);
        (0..self.family_count()).filter(known_nowhere).map(|family| family as u32).collect()
    }

    /// The chosen families, in the given order.
    pub fn select(&self, chosen: &[u32]) -> Self {
        let names = chosen.iter().map(|&f| self.families[f as usize].clone()).collect();
        self.select_unnamed(chosen, names)
    }

    pub(crate) fn select_unnamed(&self, chosen: &[u32], families: Vec<String>) -> Self {
        let tips = self.tip_count();
        let mut present = BitRows::zeros(tips, chosen.len());
        let mut missing = Vec::with_capacity(tips);
        let gather = |from: &[u8], to: &mut [u8]| {
            for (new, &old) in chosen.iter().enumerate() {
                to[new / 8] |= (from[old as usize / 8] >> (old % 8) & 1) << (new % 8);
            }
        };
        for tip in 0..tips {
            gather(self.present.row(tip), present.row_mut(tip));
            missing.push(self.missing[tip].as_ref().and_then(|row| {
                let mut out = vec![0; present.row(tip).len()];
                gather(row, &mut out);
                out.iter().any(|&b| b != 0).then(|| out.into_boxed_slice())
            }));
        }
        Self { families, present, missing, patterns: OnceLock::new() }
    }
}

/// A row with the first `count` bits set.
fn all_bits(count: usize, bytes: usize) -> Box<[u8]> {
    (0..bytes).map(|byte| (0..8).fold(0, |bits, bit| bits | u8::from(byte * 8 + bit < count) << bit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::newick::{MissingLengths, parse};
    use std::path::Path;

    #[test]
    fn a_tip_is_set_as_its_states_one_by_one() {
        let cells: Vec<u8> = (0..21u8).map(|k| [0, 1, 1, 255, 0, 7, 1][usize::from(k % 7)]).collect();
        let plain = [1, 0, 1, 1, 0, 0, 1, 0, 1, 1];
        for cells in [cells.as_slice(), &plain, &[]] {
            let names = vec![String::new(); cells.len()];
            let (mut whole, mut single) = (TipStates::unknown(names.clone(), 2), TipStates::unknown(names, 2));
            whole.set_tip(1, cells);
            for (family, cell) in cells.iter().enumerate() {
                let state = [State::Absent, State::Present, State::Missing][usize::from(*cell).min(2)];
                single.set(1, family, state);
                assert_eq!(whole.get(1, family), state);
            }
            assert_eq!(whole.present_row(1), single.present_row(1));
        }
    }

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
            rows_are_families: false,
        }
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
            let matched = TipStates::matched(&tree(), matrix).unwrap();
            assert_eq!(text(&matched.states), ["0?1", "110"]);
            assert!(matched.warnings.is_empty());
        }
    }

    #[test]
    fn a_tip_without_data_is_missing() {
        let matched = TipStates::matched(&tree(), table(&["f1"], &["A", "C"], &["11"])).unwrap();
        assert_eq!(text(&matched.states), ["1?1"]);
        assert!(matched.warnings[0].contains("1 tips of the tree are not in m.tsv"));
    }

    #[test]
    fn names_without_partner_are_listed() {
        let fault = TipStates::matched(&tree(), table(&["f1"], &["A", "B", "X"], &["111"])).unwrap_err().to_string();
        assert!(fault.starts_with("m.tsv: 1 taxa not in the tree: 'X'; without a partner there: 'C'"), "{fault}");
    }

    #[test]
    fn families_named_like_taxa_do_not_confuse() {
        let matched = TipStates::matched(&tree(), table(&["A", "f2"], &["A", "B", "C"], &["100", "011"])).unwrap();
        assert_eq!(text(&matched.states), ["100", "011"]);
        let fault = TipStates::matched(&tree(), table(&["A", "B"], &["B", "A"], &["10", "01"])).unwrap_err();
        assert!(fault.to_string().contains("rename the families"), "{fault}");
    }

    #[test]
    fn equal_columns_are_found_in_either_orientation() {
        let wide = table(&["f1", "f2", "f3", "f4"], &["C", "A"], &["10", "1?", "10", "0?"]);
        let tall = table(&["C", "A"], &["f1", "f2", "f3", "f4"], &["1110", "0?0?"]);
        for matrix in [wide, tall] {
            let mut states = TipStates::matched(&tree(), matrix).unwrap().states;
            assert_eq!(states.patterns().of_family, [0, 1, 0, 2]);
            assert_eq!(states.patterns().representatives, [0, 1, 3]);
            states.set(2, 3, State::Present);
            assert_eq!(states.patterns().of_family, [0, 1, 0, 1]);
        }
    }

    #[test]
    fn selecting_keeps_states() {
        let matched = TipStates::matched(&tree(), table(&["f1", "f2", "f3"], &["A", "B", "C"], &["10?", "011", "??0"]));
        let states = matched.unwrap().states;
        assert_eq!(text(&states.select(&[2, 0, 2])), ["??0", "10?", "??0"]);
    }
}
