//! Reading and writing Newick without recursion, so that depth costs no stack.
//!
//! Understood: quoted labels (`'` and `"`, doubled to stand for themselves), comments in brackets (nested too),
//! inner labels, polytomies, unary nodes, a length on the root edge (ignored), any white space.
//! Underscores stay underscores. Leaves out rich comments (NHX and BEAST annotations are skipped as comments).

mod write;

use std::collections::HashMap;
use std::path::Path;

use crate::error::{Error, Result};
use crate::tree::{NONE, Tree};

pub use write::to_newick;

/// What to do with a branch that has no length.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MissingLengths {
    /// An error that says where.
    Refuse,
    /// Take this length.
    Use(f64),
}

/// Reads a Newick file.
pub fn read(path: &Path, missing: MissingLengths) -> Result<Tree> {
    parse(&text_of(path)?, path, missing)
}

/// The text of a Newick file.
pub fn text_of(path: &Path) -> Result<String> {
    let bytes = std::fs::read(path).map_err(|e| Error::read(path, e))?;
    String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        let (line, column) = place(&String::from_utf8_lossy(&e.as_bytes()[..at]), at);
        Error::syntax(path, line, column, "not UTF-8 text; convert the file, for example with iconv")
    })
}

/// Parses Newick `text`; `path` is only for error messages.
pub fn parse(text: &str, path: &Path, missing: MissingLengths) -> Result<Tree> {
    if let MissingLengths::Use(length) = missing
        && !(length >= 0.0 && length.is_finite())
    {
        return Err(Error::Option(format!("missing length {length}: must be finite and not negative")));
    }
    Parser { text, bytes: text.as_bytes(), at: 0, path }.tree(missing)
}

/// Line and column (in characters), both from 1, of byte `at`.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = &text[..at.min(text.len())];
    let line = before.bytes().filter(|&b| b == b'\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |i| i + 1);
    (line, before[start..].chars().count() + 1)
}

struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    path: &'a Path,
}

/// Nodes as they are met: parents before children.
#[derive(Default)]
struct Draft {
    parents: Vec<u32>,
    names: Vec<Option<(String, usize)>>,
    lengths: Vec<Option<f64>>,
    opened_at: Vec<usize>,
    has_children: Vec<bool>,
}

impl Draft {
    fn push(&mut self, parent: u32, at: usize) -> u32 {
        if parent != NONE {
            self.has_children[parent as usize] = true;
        }
        self.parents.push(parent);
        self.names.push(None);
        self.lengths.push(None);
        self.opened_at.push(at);
        self.has_children.push(false);
        (self.parents.len() - 1) as u32
    }
}

impl Parser<'_> {
    fn error(&self, at: usize, message: impl Into<String>) -> Error {
        let (line, column) = place(self.text, at);
        Error::syntax(self.path, line, column, message)
    }

    fn skip_blank(&mut self) -> Result<()> {
        while let Some(&byte) = self.bytes.get(self.at) {
            match byte {
                b'[' => {
                    let start = self.at;
                    let mut depth = 0usize;
                    loop {
                        match self.bytes.get(self.at) {
                            Some(b'[') => depth += 1,
                            Some(b']') => depth -= 1,
                            Some(_) => {}
                            None => return Err(self.error(start, "comment without its closing ']'")),
                        }
                        self.at += 1;
                        if depth == 0 {
                            break;
                        }
                    }
                }
                b if b.is_ascii_whitespace() => self.at += 1,
                // A byte order mark at the start, as some editors leave it.
                0xEF if self.at == 0 && self.text.starts_with('\u{feff}') => self.at = 3,
                _ => break,
            }
        }
        Ok(())
    }

    fn draft(&mut self) -> Result<Draft> {
        let mut draft = Draft::default();
        self.skip_blank()?;
        let mut current = draft.push(NONE, self.at);
        loop {
            self.skip_blank()?;
            let start = self.at;
            let Some(&byte) = self.bytes.get(self.at) else {
                return Err(self.error(start, "the tree ends without ';'"));
            };
            let node = current as usize;
            match byte {
                b'(' => {
                    if draft.has_children[node] || draft.names[node].is_some() || draft.lengths[node].is_some() {
                        return Err(self.error(start, "'(' after a finished node; a comma is missing"));
                    }
                    self.at += 1;
                    current = draft.push(current, start);
                }
                b',' | b')' => {
                    let parent = draft.parents[node];
                    if parent == NONE {
                        return Err(self.error(start, format!("'{}' without an open '('", byte as char)));
                    }
                    self.at += 1;
                    current = if byte == b',' { draft.push(parent, self.at) } else { parent };
                }
                b':' => {
                    if draft.lengths[node].is_some() {
                        return Err(self.error(start, "a second length for one branch"));
                    }
                    self.at += 1;
                    draft.lengths[node] = Some(self.length()?);
                }
                b';' => {
                    if draft.parents[node] != NONE {
                        return Err(self.error(start, "';' before every '(' is closed"));
                    }
                    self.at += 1;
                    self.skip_blank()?;
                    if self.at < self.bytes.len() {
                        return Err(self.error(self.at, "text after the tree's ';'; give one tree a file"));
                    }
                    return Ok(draft);
                }
                _ => {
                    if draft.names[node].is_some() || draft.lengths[node].is_some() {
                        return Err(self.error(
                            start,
                            "text after a finished label or length; quote labels that contain blanks or brackets",
                        ));
                    }
                    let name = self.label()?;
                    draft.names[node] = (!name.is_empty()).then_some((name, start));
                }
            }
        }
    }

    fn label(&mut self) -> Result<String> {
        let start = self.at;
        let quote = self.bytes[start];
        if quote == b'\'' || quote == b'"' {
            let mut label = String::new();
            let mut from = start + 1;
            loop {
                let Some(length) = self.bytes[from..].iter().position(|&b| b == quote) else {
                    return Err(self.error(start, "label without its closing quote"));
                };
                label.push_str(&self.text[from..from + length]);
                from += length + 1;
                if self.bytes.get(from) != Some(&quote) {
                    self.at = from;
                    return Ok(label);
                }
                label.push(quote as char);
                from += 1;
            }
        }
        let rest = &self.bytes[start..];
        let length = rest.iter().position(|b| b"(),:;[]".contains(b) || b.is_ascii_whitespace()).unwrap_or(rest.len());
        if length == 0 {
            return Err(self.error(start, "']' without its '['"));
        }
        self.at = start + length;
        Ok(self.text[start..self.at].to_owned())
    }

    fn length(&mut self) -> Result<f64> {
        self.skip_blank()?;
        let start = self.at;
        let rest = &self.bytes[start..];
        let length = rest.iter().position(|b| b"(),:;[".contains(b) || b.is_ascii_whitespace()).unwrap_or(rest.len());
        self.at = start + length;
        let text = &self.text[start..self.at];
        let value: f64 =
            text.parse().map_err(|_| self.error(start, format!("branch length '{text}' is not a number")))?;
        if value.is_nan() || value.is_infinite() {
            return Err(self.error(start, format!("branch length '{text}' is not finite")));
        }
        if value < 0.0 {
            return Err(self.error(
                start,
                format!("branch length {text} is negative; set such branches to 0 or estimate the tree again"),
            ));
        }
        Ok(value.abs())
    }

    fn tree(mut self, missing: MissingLengths) -> Result<Tree> {
        let draft = self.draft()?;
        let count = draft.parents.len();
        // Draft order is preorder; postorder = reversed "root, right to left" order.
        let mut first_child = vec![NONE; count];
        let mut next_sibling = vec![NONE; count];
        for node in (1..count).rev() {
            let parent = draft.parents[node] as usize;
            next_sibling[node] = first_child[parent];
            first_child[parent] = node as u32;
        }
        let mut numbers = vec![NONE; count];
        let mut order = Vec::with_capacity(count);
        let mut node = 0u32;
        'walk: loop {
            while first_child[node as usize] != NONE {
                node = first_child[node as usize];
            }
            loop {
                numbers[node as usize] = order.len() as u32;
                order.push(node);
                if next_sibling[node as usize] != NONE {
                    node = next_sibling[node as usize];
                    break;
                }
                node = draft.parents[node as usize];
                if node == NONE {
                    break 'walk;
                }
            }
        }
        let mut names = Vec::with_capacity(count);
        let mut lengths = Vec::with_capacity(count);
        let mut parents = Vec::with_capacity(count);
        let mut seen: HashMap<&str, usize> = HashMap::new();
        for &old in &order {
            let old = old as usize;
            let is_root = draft.parents[old] == NONE;
            let is_tip = !draft.has_children[old];
            match (&draft.names[old], is_tip) {
                (None, true) => return Err(self.error(draft.opened_at[old], "a tip without a name")),
                (Some((name, at)), true) => {
                    if let Some(first) = seen.insert(name, *at) {
                        let (line, column) = place(self.text, first);
                        return Err(self.error(
                            *at,
                            format!("taxon '{name}' stands twice in the tree, first at {line}:{column}; rename one"),
                        ));
                    }
                }
                _ => {}
            }
            names.push(draft.names[old].as_ref().map(|(name, _)| name.clone()));
            lengths.push(match (is_root, draft.lengths[old], missing) {
                (true, _, _) => 0.0,
                (false, Some(length), _) => length,
                (false, None, MissingLengths::Use(length)) => length,
                (false, None, MissingLengths::Refuse) => {
                    let what =
                        draft.names[old].as_ref().map_or("an unnamed node".to_owned(), |(n, _)| format!("'{n}'"));
                    return Err(self.error(
                        draft.opened_at[old],
                        format!(
                            "the branch above {what} has no length; add lengths, or give one with --missing-length"
                        ),
                    ));
                }
            });
            parents.push(if is_root { NONE } else { numbers[draft.parents[old] as usize] });
        }
        Ok(Tree::from_parts(names, lengths, parents))
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
