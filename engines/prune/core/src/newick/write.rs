//! Writing Newick: every label is written, quoted where the format needs it, lengths with round-trip digits.

use std::fmt::Write as _;

use crate::tree::Tree;

/// `tree` with one label a node (see [`Tree::labels`]), ending in `;` and a line feed.
pub fn to_newick(tree: &Tree, labels: &[String]) -> String {
    let mut out = String::new();
    // (node, how many of its children are written)
    let mut path: Vec<(usize, usize)> = vec![(tree.root(), 0)];
    while let Some(top) = path.last_mut() {
        let (node, done) = *top;
        let children = tree.children(node);
        if done < children.len() {
            out.push(if done == 0 { '(' } else { ',' });
            top.1 += 1;
            path.push((children[done] as usize, 0));
            continue;
        }
        if !children.is_empty() {
            out.push(')');
        }
        push_label(&mut out, &labels[node]);
        if node != tree.root() {
            // Writing to a String can't fail.
            let _ = write!(out, ":{:?}", tree.length(node));
        }
        path.pop();
    }
    out.push_str(";\n");
    out
}

fn push_label(out: &mut String, label: &str) {
    // A byte order mark that begins a label would be taken for the file's where the label stands first.
    let plain = !label.is_empty()
        && !label.starts_with('\u{feff}')
        && !label.bytes().any(|b| b"()[],:;'\"".contains(&b) || b.is_ascii_whitespace());
    if plain {
        out.push_str(label);
    } else {
        out.push('\'');
        out.push_str(&label.replace('\'', "''"));
        out.push('\'');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::newick::{MissingLengths, parse};
    use std::path::Path;

    #[test]
    fn what_is_written_is_read_again() {
        let text = "('it''s':0.1,(b:1e-300,'c d':20000.5)95:3)top;";
        let tree = parse(text, Path::new("t"), MissingLengths::Refuse).unwrap();
        let written = to_newick(&tree, &tree.labels());
        assert_eq!(written, "('it''s':0.1,(b:1e-300,'c d':20000.5)95:3.0)top;\n");
        assert_eq!(parse(&written, Path::new("t"), MissingLengths::Refuse).unwrap(), tree);
    }

    /// Found by mutating trees at random.
    #[test]
    fn a_byte_order_mark_in_a_name_stays_in_it() {
        let tree = parse("[x]\u{feff}a;", Path::new("t"), MissingLengths::Refuse).unwrap();
        assert_eq!(tree.tip_name(0), "\u{feff}a");
        let again = parse(&to_newick(&tree, &tree.labels()), Path::new("t"), MissingLengths::Refuse).unwrap();
        assert_eq!(again.tip_name(0), "\u{feff}a");
    }
}
