//! Sites that a caller gives one by one, instead of a variant file.

use std::collections::HashMap;

use super::select::{Row, Selection};

/// Sites in the order of their rows. Rows stand as they are given: also where two are equal.
#[derive(Debug, Clone, Default)]
pub struct SiteList {
    selection: Selection,
    contigs: HashMap<String, u32>,
    last: u32,
}

impl SiteList {
    /// Adds a site.
    ///
    /// # Errors
    /// What is wrong with it: a 1-based `position` outside 1 to 2^31 - 1, an allele without a letter, more sites than can
    /// be numbered.
    pub fn push(&mut self, contig: &str, position: i64, reference: &str, alternate: &str) -> Result<(), String> {
        let Some(position) = u32::try_from(position).ok().filter(|&it| it > 0 && i32::try_from(it).is_ok()) else {
            return Err(format!("position {position} is not from 1 to {}; positions count from 1", i32::MAX));
        };
        if reference.is_empty() || alternate.is_empty() {
            return Err("an allele has no letter".into());
        }
        let selection = &mut self.selection;
        if selection.rows.len() >= u32::MAX as usize {
            return Err("there are more than 4294967295 sites".into());
        }
        // Sites of one contig mostly follow each other.
        if selection.contigs.get(self.last as usize).is_none_or(|last| last != contig) {
            let fresh = selection.contigs.len() as u32;
            self.last = *self.contigs.entry(contig.to_owned()).or_insert(fresh);
            if self.last == fresh {
                selection.contigs.push(contig.to_owned());
            }
        }
        selection.rows.push(Row {
            contig: self.last,
            start: position - 1,
            position,
            reference: selection.words.insert(reference),
            alternate: selection.words.insert(alternate),
            genotype: Default::default(),
        });
        Ok(())
    }

    /// Number of sites.
    pub fn len(&self) -> usize {
        self.selection.rows.len()
    }

    /// True where there is none.
    pub fn is_empty(&self) -> bool {
        self.selection.rows.is_empty()
    }

    /// The rows, as if they had been selected from a file.
    pub(crate) fn select(&self, fold_case: bool) -> Selection {
        let mut selection = Selection { keeps_equal_rows: true, ..self.selection.clone() };
        selection.records = selection.rows.len() as u64;
        if !fold_case {
            let words = &selection.words;
            let lower = |word| words.text(word).bytes().any(|letter| letter.is_ascii_lowercase());
            let rows = selection.rows.iter().filter(|row| lower(row.reference) || lower(row.alternate));
            selection.lower_case = rows.count() as u64;
        }
        selection
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sites::table::Table;

    #[test]
    fn equal_rows_stand_and_share_a_site() {
        let mut list = SiteList::default();
        for (contig, position) in [("b", 7), ("a", 3), ("b", 7), ("b", 5)] {
            list.push(contig, position, "A", "g").unwrap();
        }
        assert_eq!(list.select(false).lower_case, 4);
        let selection = list.select(true);
        assert_eq!((selection.lower_case, selection.contigs.clone()), (0, vec!["b".to_owned(), "a".to_owned()]));
        let table = Table::new(selection, None, false, false);
        assert_eq!((table.rows.len(), table.sites.len()), (4, 3));
        assert_eq!(table.site_of_row[0], table.site_of_row[2]);
    }

    #[test]
    fn faults_are_told() {
        let mut list = SiteList::default();
        for (position, reference, fault) in
            [(0, "A", "from 1"), (-4, "A", "-4"), (1 << 31, "A", "from 1"), (1, "", "letter")]
        {
            assert!(list.push("a", position, reference, "C").unwrap_err().contains(fault));
        }
        assert!(list.is_empty());
    }
}
