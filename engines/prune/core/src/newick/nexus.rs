//! The trees of a NEXUS file (Maddison, Swofford and Maddison 1997, Syst. Biol. 46:590): TREES blocks with their
//! translate tables. Leaves out every other block.

use std::collections::HashMap;

use super::parser::Parser;
use super::{NamedTree, TreeChoice};
use crate::error::Result;

const MARK: &str = "#nexus";

/// Does the text say that it is NEXUS?
pub(super) fn begins(text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    text.get(..MARK.len()).is_some_and(|start| start.eq_ignore_ascii_case(MARK))
}

/// Reads the trees of all TREES blocks.
pub(super) fn trees(parser: &mut Parser<'_>, choice: TreeChoice) -> Result<Vec<NamedTree>> {
    parser.skip_blank()?;
    parser.at += MARK.len();
    let mut found: Vec<NamedTree> = Vec::new();
    let mut translate = HashMap::new();
    let mut inside = false;
    loop {
        parser.skip_blank()?;
        let start = parser.at;
        if start >= parser.bytes.len() {
            break;
        }
        match word(parser).to_ascii_lowercase().as_str() {
            "begin" => {
                parser.skip_blank()?;
                inside = word(parser).eq_ignore_ascii_case("trees");
                translate.clear();
                skip_command(parser);
            }
            "end" | "endblock" => {
                inside = false;
                skip_command(parser);
            }
            "translate" if inside => translation(parser, &mut translate)?,
            "tree" | "utree" if inside => {
                if !found.is_empty() && choice == TreeChoice::First {
                    break;
                }
                if !found.is_empty() && choice == TreeChoice::Only {
                    return Err(parser.error(
                        start,
                        "a second tree; --trees first takes the first one, and --trees all computes every one",
                    ));
                }
                let name = tree_name(parser)?;
                found.push(parser.tree(Some(name), &translate)?);
            }
            _ => skip_command(parser),
        }
    }
    if found.is_empty() {
        return Err(parser.error(0, "no tree in this NEXUS file: it has no TREES block with a tree in it"));
    }
    Ok(found)
}

/// The word that begins here; empty where there is none.
fn word<'a>(parser: &mut Parser<'a>) -> &'a str {
    let rest = &parser.bytes[parser.at..];
    let ends = |b: &u8| b"()[]=;,'\"*".contains(b) || b.is_ascii_whitespace();
    let length = rest.iter().position(ends).unwrap_or(rest.len());
    let found = &parser.text[parser.at..parser.at + length];
    parser.at += length;
    found
}

/// Moves past the command's semicolon. Quotes do not count: other blocks may hold a lone one, and a semicolon in
/// quotes only makes two commands of one that nobody asked for.
fn skip_command(parser: &mut Parser<'_>) {
    let rest = &parser.bytes[parser.at..];
    parser.at += rest.iter().position(|&b| b == b';').map_or(rest.len(), |found| found + 1);
}

/// `key name, key name;`
fn translation(parser: &mut Parser<'_>, into: &mut HashMap<String, String>) -> Result<()> {
    loop {
        parser.skip_blank()?;
        match parser.bytes.get(parser.at) {
            Some(b';') => {
                parser.at += 1;
                return Ok(());
            }
            Some(b',') => parser.at += 1,
            Some(_) => {
                let start = parser.at;
                let (key, _) = entry(parser)?;
                parser.skip_blank()?;
                let (_, name) = entry(parser)?;
                if into.contains_key(&key) {
                    return Err(parser.error(start, format!("'{key}' is translated twice")));
                }
                into.insert(key, name);
                parser.skip_blank()?;
                if !matches!(parser.bytes.get(parser.at), Some(b',' | b';')) {
                    return Err(parser.error(
                        parser.at,
                        "a pair of the translate table ends with a comma or a semicolon; quote names with blanks",
                    ));
                }
            }
            None => return Err(parser.error(parser.at, "the translate table ends without ';'")),
        }
    }
}

/// A label of the table as it is written, and the name that it stands for.
fn entry(parser: &mut Parser<'_>) -> Result<(String, String)> {
    if matches!(parser.bytes.get(parser.at), None | Some(b',' | b';' | b'(' | b')' | b':')) {
        return Err(parser.error(parser.at, "a pair of the translate table needs a key and a name"));
    }
    let label = parser.label()?;
    let name = label.name(parser.options());
    Ok((label.text, name))
}

/// The tree's name, and the equals sign after it.
fn tree_name(parser: &mut Parser<'_>) -> Result<String> {
    parser.skip_blank()?;
    if parser.bytes.get(parser.at) == Some(&b'*') {
        parser.at += 1;
        parser.skip_blank()?;
    }
    let name = match parser.bytes.get(parser.at) {
        Some(b'\'' | b'"') => parser.label()?.text,
        _ => word(parser).to_owned(),
    };
    parser.skip_blank()?;
    if name.is_empty() || parser.bytes.get(parser.at) != Some(&b'=') {
        return Err(parser.error(parser.at, "a tree in a TREES block is written `tree NAME = (...);`"));
    }
    parser.at += 1;
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::super::{MissingLengths, TreeOptions, read_all};
    use super::*;
    use std::path::Path;

    fn read(text: &str, choice: TreeChoice) -> Result<Vec<NamedTree>> {
        read_all(text, Path::new("t.nex"), MissingLengths::Refuse.into(), choice)
    }

    const FILE: &str = "#NEXUS\n[made by hand; (x)]\nBegin taxa;\n  title 'odd;\n  dimensions ntax=3;\nend;\n\
        begin Trees;\n  translate\n    1 Homo_sapiens,\n    2 'Pan ''p''',\n    3 [c] Gorilla\n  ;\n  \
        tree * first [&lnP=-1.5] = [&R] ((1:1,2:2)3:1,3:3);\n  UTREE 'the second'=[&U](2:1,1:1,Gorilla:5);\nEND;\n\
        begin figtree;\n set x=\"a;b\";\nend;\n";

    #[test]
    fn translate_tables_name_the_tips() {
        let found = read(FILE, TreeChoice::All).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].name.as_deref(), found[0].line), (Some("first"), 13));
        // An inner label is a label, whatever the table says.
        assert_eq!(found[0].tree.labels(), ["Homo_sapiens", "Pan 'p'", "3", "Gorilla", "node4"]);
        assert_eq!(found[0].tree.lengths, [1.0, 2.0, 1.0, 3.0, 0.0]);
        assert_eq!(found[1].name.as_deref(), Some("the second"));
        assert_eq!(found[1].tree.labels(), ["Pan 'p'", "Homo_sapiens", "Gorilla", "node3"]);
        let blanks = TreeOptions { blanks: true, ..MissingLengths::Refuse.into() };
        let found = read_all(FILE, Path::new("t"), blanks, TreeChoice::First).unwrap();
        assert_eq!((found.len(), found[0].tree.tip_name(0)), (1, "Homo sapiens"));
    }

    #[test]
    fn faults_name_their_place() {
        for (text, expected) in [
            (FILE, "t.nex:14:3: a second tree; --trees first"),
            ("#nexus\nbegin data;\nmatrix a 01;\nend;\n", "t.nex:1:1: no tree in this NEXUS file"),
            ("#NEXUS begin trees; tree x (a:1,b:1); end;", "t.nex:1:28: a tree in a TREES block is written"),
            ("#NEXUS begin trees; translate 1 a, 1 b; tree x=1; end;", "t.nex:1:36: '1' is translated twice"),
            ("#NEXUS begin trees; translate 1 a b; tree x=1; end;", "t.nex:1:35: a pair of the translate table ends"),
            ("#NEXUS begin trees; translate 1, 2 b; tree x=1;", "t.nex:1:32: a pair of the translate table needs"),
            ("#NEXUS begin trees; translate 1 a", "t.nex:1:34: a pair of the translate table ends"),
            ("#NEXUS begin trees; tree x=(a:1,b:-1); end;", "t.nex:1:35: branch length -1 is negative"),
            ("#NEXUS begin trees; tree x=(a:1,b:1)", "t.nex:1:37: the tree ends without ';'"),
            ("#NEXUS [x", "t.nex:1:8: comment without"),
        ] {
            let found = read(text, TreeChoice::Only).unwrap_err().to_string();
            assert!(found.starts_with(expected), "{text}: {found}");
        }
    }
}
