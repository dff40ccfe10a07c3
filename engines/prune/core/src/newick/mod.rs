//! Reading and writing trees without recursion, so that depth costs no stack.
//!
//! Understood: Newick with quoted labels (`'` and `"`, doubled to stand for themselves), comments in brackets (nested
//! too), inner labels, polytomies, unary nodes, a length on the root edge (ignored), any white space; several trees in
//! a text; the trees of a NEXUS file, with its translate table; both packed by gzip.
//! Leaves out rich comments (NHX and BEAST annotations are skipped as comments).

mod nexus;
mod parser;
mod write;

use std::collections::HashMap;
use std::path::Path;

use crate::error::{Error, Result};
use crate::source;
use crate::tree::Tree;
use parser::Parser;

pub use write::to_newick;

/// What to do with a branch that has no length.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MissingLengths {
    /// An error that says where.
    Refuse,
    /// Take this length.
    Use(f64),
}

/// What to do with a branch of negative length, as neighbour joining makes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NegativeLengths {
    /// An error that says where.
    #[default]
    Refuse,
    /// Take 0.
    Zero,
}

/// Which trees of a file are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TreeChoice {
    /// The only one: a second is an error.
    #[default]
    Only,
    /// The first; others are not looked at.
    First,
    /// All of them.
    All,
}

/// How trees are read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TreeOptions {
    /// Branches without a length.
    pub missing: MissingLengths,
    /// Branches of negative length.
    pub negative: NegativeLengths,
    /// Newick's own rule: `_` in a label without quotes is a blank.
    pub blanks: bool,
}

impl From<MissingLengths> for TreeOptions {
    fn from(missing: MissingLengths) -> Self {
        Self { missing, negative: NegativeLengths::Refuse, blanks: false }
    }
}

/// A tree of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedTree {
    /// The tree.
    pub tree: Tree,
    /// Its name, where the file gives one (NEXUS does).
    pub name: Option<String>,
    /// The line at which it begins.
    pub line: usize,
    /// How many negative lengths are taken as 0, and the lowest of them.
    pub zeroed: (usize, f64),
}

/// Reads a file with one tree.
pub fn read(path: &Path, options: impl Into<TreeOptions>) -> Result<Tree> {
    parse(&text_of(path)?, path, options)
}

/// The text of a file of trees.
pub fn text_of(path: &Path) -> Result<String> {
    source::text(path)
}

/// Parses the only tree of `text`; `path` is only for error messages.
pub fn parse(text: &str, path: &Path, options: impl Into<TreeOptions>) -> Result<Tree> {
    let mut trees = read_all(text, path, options.into(), TreeChoice::Only)?;
    match trees.pop() {
        Some(found) => Ok(found.tree),
        None => Err(Error::syntax(path, 1, 1, "the file holds no tree")),
    }
}

/// Parses the trees of `text`, at least one; `path` is only for error messages.
pub fn read_all(text: &str, path: &Path, options: TreeOptions, choice: TreeChoice) -> Result<Vec<NamedTree>> {
    if let MissingLengths::Use(length) = options.missing
        && !(length >= 0.0 && length.is_finite())
    {
        return Err(Error::Option(format!("missing length {length}: must be finite and not negative")));
    }
    let mut parser = Parser::new(text, path, options);
    if nexus::begins(text) {
        return nexus::trees(&mut parser, choice);
    }
    let mut trees = vec![parser.tree(None, &HashMap::new())?];
    if choice == TreeChoice::First {
        return Ok(trees);
    }
    loop {
        parser.skip_blank()?;
        if parser.at == text.len() {
            return Ok(trees);
        }
        if choice == TreeChoice::Only {
            return Err(parser.error(
                parser.at,
                "text after the tree's ';'; if it is another tree, --trees first takes the first one, and --trees all \
                 computes every one",
            ));
        }
        trees.push(parser.tree(None, &HashMap::new())?);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(text: &str) -> Result<Tree> {
        parse(text, Path::new("t.nwk"), MissingLengths::Refuse)
    }

    fn message(text: &str) -> String {
        tree(text).unwrap_err().to_string()
    }

    #[test]
    fn reads_quotes_comments_labels_and_unary_nodes() {
        let t = tree("[&R] ('it''s (a)':1e-3[x[y]],(\"b c\" : 2 )un_1:.5 , c:0 )root:9;\n").unwrap();
        assert_eq!(t.labels(), ["it's (a)", "b c", "un_1", "c", "root"]);
        assert_eq!(t.lengths, [1e-3, 2.0, 0.5, 0.0, 0.0]);
        assert_eq!(t.children(4), [0, 2, 3]);
        assert_eq!(t.children(2), [1]);
        assert_eq!(t.tips(), [0, 1, 3]);
    }

    #[test]
    fn one_tip_is_a_tree() {
        let t = tree("a;").unwrap();
        assert_eq!((t.node_count(), t.tip_count(), t.root()), (1, 1, 0));
    }

    #[test]
    fn faults_name_their_place() {
        for (text, expected) in [
            ("(a:1,\n b:-0.5);", "t.nwk:2:4: branch length -0.5 is negative"),
            ("(a:1,b:NaN);", "t.nwk:1:8: branch length 'NaN' is not finite"),
            ("(a:1,b:inf);", "t.nwk:1:8: branch length 'inf' is not finite"),
            ("(a:1,b:1x);", "t.nwk:1:8: branch length '1x' is not a number"),
            ("(a:1,(b:1,a:2):1);", "t.nwk:1:11: taxon 'a' stands twice in the tree, first at 1:2"),
            ("(a:1,b);", "t.nwk:1:6: the branch above 'b' has no length"),
            ("(a:1,b:1)", "t.nwk:1:10: the tree ends without ';'"),
            ("(a:1,b:1));", "t.nwk:1:10: ')' without an open '('"),
            ("((a:1,b:1);", "t.nwk:1:11: ';' before every '(' is closed"),
            ("(a:1,:1);", "t.nwk:1:6: a tip without a name"),
            ("(a b:1,c:1);", "t.nwk:1:4: text after a finished label"),
            ("(a:1,b:1);(c:1,d:1);", "t.nwk:1:11: text after the tree's ';'"),
            ("(a:1,'b:1);", "t.nwk:1:6: label without its closing quote"),
            ("(a:1[x,b:1);", "t.nwk:1:5: comment without its closing ']'"),
            ("(a:1:2,b:1);", "t.nwk:1:5: a second length"),
            ("(a:1,b:1)(c:1,d:1);", "t.nwk:1:10: '(' after a finished node"),
            ("", "t.nwk:1:1: the tree ends without ';'"),
        ] {
            let found = message(text);
            assert!(found.starts_with(expected), "{text}: {found}");
        }
    }

    #[test]
    fn several_trees_are_read_on_demand() {
        let text = "[x](a:1,b:2);\n\n (b:3,a:4)r; \n[end]";
        let all = |choice| read_all(text, Path::new("t.nwk"), MissingLengths::Refuse.into(), choice);
        let found = all(TreeChoice::All).unwrap();
        assert_eq!(found.iter().map(|it| it.line).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(found[1].tree.lengths, [3.0, 4.0, 0.0]);
        assert_eq!(all(TreeChoice::First).unwrap().len(), 1);
        let fault = all(TreeChoice::Only).unwrap_err().to_string();
        assert!(fault.starts_with("t.nwk:3:2: text after the tree's ';'") && fault.contains("--trees all"), "{fault}");
        let text = "(a:1,b:2);\n(a:1,b:2)";
        let fault = read_all(text, Path::new("t.nwk"), MissingLengths::Refuse.into(), TreeChoice::All).unwrap_err();
        assert!(fault.to_string().starts_with("t.nwk:2:10: the tree ends without ';'"), "{fault}");
    }

    #[test]
    fn negative_lengths_can_be_taken_as_nothing() {
        let zero = TreeOptions { negative: NegativeLengths::Zero, ..MissingLengths::Refuse.into() };
        let found = read_all("(a:-1e-3,(b:1,c:-2):1);", Path::new("t"), zero, TreeChoice::Only).unwrap();
        assert_eq!(found[0].tree.lengths, [0.0, 1.0, 0.0, 1.0, 0.0]);
        assert_eq!(found[0].zeroed, (2, -2.0));
    }

    #[test]
    fn underscores_are_blanks_by_newicks_rule() {
        let blanks = TreeOptions { blanks: true, ..MissingLengths::Refuse.into() };
        let t = parse("(H_sapiens:1,'P_paniscus':1)in_ner;", Path::new("t"), blanks).unwrap();
        assert_eq!(t.labels(), ["H sapiens", "P_paniscus", "in ner"]);
        let fault = parse("(a_b:1,'a b':1);", Path::new("t"), blanks).unwrap_err().to_string();
        assert!(fault.contains("taxon 'a b' stands twice"), "{fault}");
    }

    #[test]
    fn missing_lengths_can_be_given() {
        let t = parse("((a,b),c:2);", Path::new("t"), MissingLengths::Use(0.25)).unwrap();
        assert_eq!(t.lengths, [0.25, 0.25, 0.25, 2.0, 0.0]);
        assert!(parse("a;", Path::new("t"), MissingLengths::Use(f64::NAN)).is_err());
    }

    #[test]
    fn deep_trees_need_no_stack() {
        let depth = 200_000;
        let mut text = "(".repeat(depth);
        text.push_str("t0:1");
        for i in 1..=depth {
            text.push_str(&format!(",t{i}:1){}", if i == depth { ";" } else { ":1" }));
        }
        let t = tree(&text).unwrap();
        assert_eq!(t.tip_count(), depth + 1);
        assert_eq!(tree(&to_newick(&t, &t.labels())).unwrap().parents, t.parents);
    }
}
