//! One tree of a text, from its first parenthesis to its semicolon, without recursion.
//! Leaves out where in a file trees stand (see [`super::read_all`] and [`super::nexus`]).

use std::collections::HashMap;
use std::path::Path;

use super::{MissingLengths, NamedTree, NegativeLengths, TreeOptions};
use crate::error::{Error, Result};
use crate::source::place;
use crate::tree::{NONE, Tree};

/// A place in a text, and what is asked of the trees there.
pub(super) struct Parser<'a> {
    pub(super) text: &'a str,
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
    path: &'a Path,
    options: TreeOptions,
    /// Negative lengths that were set to 0 in the tree at hand, and the lowest of them.
    zeroed: (usize, f64),
}

/// A label, and whether it stood in quotes.
pub(super) struct Label {
    pub(super) text: String,
    quoted: bool,
}

impl Label {
    /// The name that it stands for.
    pub(super) fn name(&self, options: TreeOptions) -> String {
        if options.blanks && !self.quoted { self.text.replace('_', " ") } else { self.text.clone() }
    }
}

/// Nodes as they are met: parents before children.
#[derive(Default)]
struct Draft {
    /// Where the tree begins.
    start: usize,
    parents: Vec<u32>,
    names: Vec<Option<(Label, usize)>>,
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

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str, path: &'a Path, options: TreeOptions) -> Self {
        Self { text, bytes: text.as_bytes(), at: 0, path, options, zeroed: (0, 0.0) }
    }

    pub(super) fn options(&self) -> TreeOptions {
        self.options
    }

    pub(super) fn error(&self, at: usize, message: impl Into<String>) -> Error {
        let (line, column) = place(self.text, at);
        Error::syntax(self.path, line, column, message)
    }

    /// Moves past white space and comments.
    pub(super) fn skip_blank(&mut self) -> Result<()> {
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

    /// The nodes up to the semicolon that ends the tree.
    fn draft(&mut self) -> Result<Draft> {
        let mut draft = Draft::default();
        self.skip_blank()?;
        draft.start = self.at;
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
                    return Ok(draft);
                }
                _ => {
                    if draft.names[node].is_some() || draft.lengths[node].is_some() {
                        return Err(self.error(
                            start,
                            "text after a finished label or length; quote labels that contain blanks or brackets",
                        ));
                    }
                    let label = self.label()?;
                    draft.names[node] = (!label.text.is_empty()).then_some((label, start));
                }
            }
        }
    }

    /// The label that begins here.
    pub(super) fn label(&mut self) -> Result<Label> {
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
                    return Ok(Label { text: label, quoted: true });
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
        Ok(Label { text: self.text[start..self.at].to_owned(), quoted: false })
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
            if self.options.negative == NegativeLengths::Refuse {
                return Err(self.error(
                    start,
                    format!(
                        "branch length {text} is negative; take such branches as 0 with --negative-branches zero, or \
                         estimate the tree again"
                    ),
                ));
            }
            self.zeroed = (self.zeroed.0 + 1, self.zeroed.1.min(value));
            return Ok(0.0);
        }
        Ok(value.abs())
    }

    /// The tree that begins here. `translate`: names that tips' labels stand for.
    pub(super) fn tree(&mut self, name: Option<String>, translate: &HashMap<String, String>) -> Result<NamedTree> {
        self.zeroed = (0, 0.0);
        let draft = self.draft()?;
        let line = place(self.text, draft.start).0;
        let tree = self.postordered(&draft, translate)?;
        Ok(NamedTree { tree, name, line, zeroed: self.zeroed })
    }

    fn postordered(&self, draft: &Draft, translate: &HashMap<String, String>) -> Result<Tree> {
        let missing = self.options.missing;
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
        let mut seen: HashMap<String, usize> = HashMap::new();
        for &old in &order {
            let old = old as usize;
            let is_root = draft.parents[old] == NONE;
            let is_tip = !draft.has_children[old];
            let name = draft.names[old].as_ref().map(|(label, _)| match translate.get(&label.text) {
                Some(name) if is_tip => name.clone(),
                _ => label.name(self.options),
            });
            match (&draft.names[old], &name, is_tip) {
                (None, _, true) => return Err(self.error(draft.opened_at[old], "a tip without a name")),
                (Some((_, at)), Some(name), true) => {
                    if let Some(first) = seen.insert(name.clone(), *at) {
                        let (line, column) = place(self.text, first);
                        return Err(self.error(
                            *at,
                            format!("taxon '{name}' stands twice in the tree, first at {line}:{column}; rename one"),
                        ));
                    }
                }
                _ => {}
            }
            names.push(name);
            lengths.push(match (is_root, draft.lengths[old], missing) {
                (true, _, _) => 0.0,
                (false, Some(length), _) => length,
                (false, None, MissingLengths::Use(length)) => length,
                (false, None, MissingLengths::Refuse) => {
                    let what = draft.names[old]
                        .as_ref()
                        .map_or("an unnamed node".to_owned(), |(label, _)| format!("'{}'", label.text));
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
