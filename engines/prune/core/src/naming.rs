//! Which tip of a tree a name stands for, and what was probably meant where it stands for none.
//! Leaves out where names come from.

use std::collections::HashMap;
use std::path::Path;

use crate::error::{Error, NameMismatch, Result, listing};
use crate::tree::Tree;

/// When a name stands for a tip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Matching {
    /// Both are the same text.
    #[default]
    Exact,
    /// Newick's own rule: `_` in a tip's label without quotes is a blank (see [`crate::newick::TreeOptions`]), and a
    /// name may have either.
    Newick,
    /// One begins with the other, followed by something that is neither a letter nor a digit. Names that are the same
    /// text find each other first.
    Prefix,
}

/// Names found among the tips of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// The tip of each name.
    pub tips: Vec<usize>,
    /// Tips without a name.
    pub unnamed: Vec<usize>,
    /// Sentences for the user: who was matched without being the same text.
    pub notes: Vec<String>,
}

/// The tips of a tree by their names.
pub struct TipNames<'a> {
    tree: &'a Tree,
    index: HashMap<&'a str, usize>,
    how: Matching,
    /// Tips by name, where a name may be their beginning.
    sorted: Vec<(&'a str, usize)>,
}

impl<'a> TipNames<'a> {
    /// Looks the tips up.
    pub fn new(tree: &'a Tree, how: Matching) -> Self {
        let index = tree.tip_index();
        let mut sorted = Vec::new();
        if how == Matching::Prefix {
            sorted.extend(index.iter().map(|(&name, &tip)| (name, tip)));
            sorted.sort_unstable();
        }
        Self { tree, index, how, sorted }
    }

    /// Does a name stand for a tip, or perhaps for one of several?
    pub fn has(&self, name: &str) -> bool {
        self.same(name).is_some() || !self.alike(name, &|_| true).is_empty()
    }

    /// The tip of that very name.
    fn same(&self, name: &str) -> Option<usize> {
        self.index.get(name).copied()
    }

    /// Tips that it may stand for without being the same text, of those that are `open`.
    fn alike(&self, name: &str, open: &dyn Fn(usize) -> bool) -> Vec<usize> {
        let found: Vec<usize> = match self.how {
            Matching::Exact => vec![],
            Matching::Newick => self.same(&name.replace('_', " ")).into_iter().collect(),
            Matching::Prefix => {
                let shorter = name.char_indices().filter(|(_, c)| !c.is_alphanumeric());
                let shorter = shorter.filter_map(|(end, _)| self.same(&name[..end]));
                let from = self.sorted.partition_point(|(tip, _)| *tip <= name);
                let longer = self.sorted[from..].iter().take_while(|(tip, _)| tip.starts_with(name));
                let longer = longer.filter(|(tip, _)| !tip[name.len()..].starts_with(char::is_alphanumeric));
                shorter.chain(longer.map(|(_, tip)| *tip)).collect()
            }
        };
        found.into_iter().filter(|&tip| open(tip)).collect()
    }

    /// Finds every name's tip. `path` and `remedy` are for the error where one has none.
    ///
    /// # Errors
    /// Names without a tip, with several, or two names for one tip.
    pub fn place(&self, names: &[impl AsRef<str>], path: &Path, remedy: &'static str) -> Result<Placed> {
        let mut owners: Vec<Option<usize>> = vec![None; self.tree.tip_count()];
        let mut tips: Vec<Option<usize>> = names.iter().map(|name| self.same(name.as_ref())).collect();
        tips.iter().enumerate().for_each(|(at, tip)| {
            tip.iter().for_each(|&tip| owners[tip] = Some(at));
        });
        let taken: Vec<bool> = owners.iter().map(Option::is_some).collect();
        let mut pairs = Vec::new();
        let mut unknown = Vec::new();
        for (at, name) in names.iter().enumerate().map(|(at, name)| (at, name.as_ref())) {
            if tips[at].is_some() {
                continue;
            }
            // A tip whose very name is there is nobody else's.
            let found = self.alike(name, &|tip| !taken[tip]);
            match found[..] {
                [] => unknown.push(name.to_owned()),
                [tip] => {
                    let label = self.tree.tip_name(tip);
                    if let Some(first) = owners[tip].replace(at) {
                        return Err(Error::Option(format!(
                            "{}: '{}' and '{name}' both match the tip '{label}'; rename or leave out one of them",
                            path.display(),
                            names[first].as_ref()
                        )));
                    }
                    tips[at] = Some(tip);
                    pairs.push(format!("'{name}' as '{label}'"));
                }
                _ => {
                    let labels: Vec<String> = found.iter().map(|&tip| self.tree.tip_name(tip).to_owned()).collect();
                    return Err(Error::Option(format!(
                        "{}: '{name}' matches several tips of the tree: {}; rename it to one of them",
                        path.display(),
                        listing(&labels)
                    )));
                }
            }
        }
        let unnamed: Vec<usize> = (0..owners.len()).filter(|&tip| owners[tip].is_none()).collect();
        if !unknown.is_empty() {
            let unused: Vec<String> = unnamed.iter().map(|&tip| self.tree.tip_name(tip).to_owned()).collect();
            return Err(Error::Names(Box::new(NameMismatch {
                path: path.to_owned(),
                sought_in: "the tree".to_owned(),
                what: "taxa",
                near: near_misses(&unknown, &unused),
                unknown,
                unused,
                remedy,
            })));
        }
        let mut notes = Vec::new();
        if !pairs.is_empty() {
            const SHOWN: usize = 20;
            let more = pairs.len().saturating_sub(SHOWN);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let count = pairs.len();
            pairs.truncate(SHOWN);
            notes.push(format!(
                "{}: {count} taxa are not the text of their tips and were matched to them: {}{more}",
                path.display(),
                pairs.join(", ")
            ));
        }
        // Every name has a tip by now.
        Ok(Placed { tips: tips.into_iter().flatten().collect(), unnamed, notes })
    }
}

/// A name and what was probably meant by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearMiss {
    /// What was not found.
    pub name: String,
    /// What is there.
    pub meant: String,
    /// What takes one for the other, if an option does.
    pub option: Option<&'static str>,
}

/// For the first names of `unknown` the nearest of `known`, where one is near.
pub(crate) fn near_misses(unknown: &[String], known: &[String]) -> Vec<NearMiss> {
    // As many as messages list.
    unknown.iter().take(20).filter_map(|name| near_miss(name, known)).collect()
}

fn near_miss(name: &str, known: &[String]) -> Option<NearMiss> {
    let miss = |meant: &str, option| Some(NearMiss { name: name.to_owned(), meant: meant.to_owned(), option });
    let blank = |text: &str| text.replace('_', " ");
    let own = blank(name);
    if let Some(meant) = known.iter().find(|meant| blank(meant) == own) {
        return miss(meant, Some("--match newick"));
    }
    let begins = |long: &str, short: &str| {
        !short.is_empty() && long.strip_prefix(short).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
    };
    if let Some(meant) = known.iter().find(|meant| begins(meant, name) || begins(name, meant)) {
        return miss(meant, Some("--match prefix"));
    }
    let letters =
        |text: &str| -> String { text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect() };
    let own = letters(name);
    if let Some(meant) = known.iter().find(|meant| !own.is_empty() && letters(meant) == own) {
        return miss(meant, None);
    }
    // One letter in five may be wrong; more would call everything near everything.
    let length = name.chars().count();
    let most = (length / 5).min(3);
    let close = known.iter().filter(|meant| meant.chars().count().abs_diff(length) <= most);
    let nearest = close.map(|meant| (strsim::osa_distance(name, meant), meant)).min()?;
    if nearest.0 <= most { miss(nearest.1, None) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::newick::{MissingLengths, TreeOptions, parse};

    fn tree(text: &str, how: Matching) -> Tree {
        let options = TreeOptions { blanks: how == Matching::Newick, ..MissingLengths::Refuse.into() };
        parse(text, Path::new("t"), options).unwrap()
    }

    fn place(text: &str, how: Matching, names: &[&str]) -> Result<Placed> {
        TipNames::new(&tree(text, how), how).place(names, Path::new("m.tsv"), "mend it")
    }

    const TREE: &str = "(GCF_1:1,GCF_1.2_x:1,'H sapiens':1,P_paniscus:1,t1:1);";

    #[test]
    fn newicks_rule_takes_either() {
        let found = place(TREE, Matching::Newick, &["P paniscus", "H_sapiens", "GCF_1", "t1"]).unwrap();
        assert_eq!((found.tips, found.unnamed), (vec![3, 2, 0, 4], vec![1]));
        assert!(found.notes[0].contains("2 taxa are not") || found.notes[0].contains("'H_sapiens' as 'H sapiens'"));
        let twice = place(TREE, Matching::Newick, &["P paniscus", "P_paniscus"]).unwrap_err().to_string();
        assert!(twice.contains("both match the tip") || twice.contains("not in the tree"), "{twice}");
        assert!(place(TREE, Matching::Exact, &["P paniscus"]).is_err());
        assert!(place("('P_paniscus':1,a:1);", Matching::Newick, &["P paniscus"]).is_err());
    }

    #[test]
    fn prefixes_end_where_a_word_ends() {
        let found = place(TREE, Matching::Prefix, &["t1.fasta", "GCF_1", "GCF_1.2", "P"]).unwrap();
        assert_eq!(found.tips, [4, 0, 1, 3]);
        assert!(found.notes[0].starts_with("m.tsv: 3 taxa ") && found.notes[0].contains("'t1.fasta' as 't1'"));
        // t1 does not begin t10.
        assert!(place(TREE, Matching::Prefix, &["t10"]).is_err());
        let several = place(TREE, Matching::Prefix, &["GCF"]).unwrap_err().to_string();
        assert!(several.contains("'GCF' matches several tips of the tree: 'GCF_1', 'GCF_1.2_x'"), "{several}");
        let twice = place(TREE, Matching::Prefix, &["t1.a", "t1.b"]).unwrap_err().to_string();
        assert!(twice.contains("'t1.a' and 't1.b' both match the tip 't1'"), "{twice}");
    }

    #[test]
    fn near_misses_say_what_was_meant() {
        let known = ["Homo_sapiens", "GCF_1.2", "Escherichia", "x1"].map(str::to_owned);
        let meant = |name: &str| near_miss(name, &known).map(|it| (it.meant, it.option));
        let some = |name: &str, option| Some((name.to_owned(), option));
        assert_eq!(meant("Homo sapiens"), some("Homo_sapiens", Some("--match newick")));
        assert_eq!(meant("GCF_1.2.fna"), some("GCF_1.2", Some("--match prefix")));
        assert_eq!(meant("homo-sapiens"), some("Homo_sapiens", None));
        assert_eq!(meant("Escherihcia"), some("Escherichia", None));
        assert_eq!(meant("x2"), None);
        assert_eq!(meant("Salmonella"), None);
    }
}
