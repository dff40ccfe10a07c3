//! The ninth column of a row: attributes as GTF writes them (`name "value";`), and as others do.
//!
//! What Telescope's pattern `(\w+)\s+"(.+?)";` finds is found with the same value, but for three forms that it loses or
//! takes for part of another value: an empty value, a blank before the semicolon, and no semicolon behind the last one.
//! Besides: unquoted values, values in single quotes, and GFF3's `name=value` with its percent codes.

use std::borrow::Cow;

/// The value of an attribute that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// The row has no such attribute, or it is empty.
    Nothing,
    /// Its value.
    Value(Cow<'a, [u8]>),
    /// Its value begins with a quote that nothing closes.
    Unclosed,
}

/// The value of attribute `name`, the last one if there are several.
pub(super) fn find<'a>(attributes: &'a [u8], name: &[u8]) -> Found<'a> {
    find_canonical(attributes, name).unwrap_or_else(|| find_any(attributes, name))
}

/// Letters, digits and `_`.
const WORD: [bool; 256] = {
    let mut word = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        word[byte] = (byte as u8).is_ascii_alphanumeric() || byte as u8 == b'_';
        byte += 1;
    }
    word
};

/// The same for attributes that are written `word "value";` throughout, as in nearly all files; `None` for others.
fn find_canonical<'a>(attributes: &'a [u8], name: &[u8]) -> Option<Found<'a>> {
    let mut found = Found::Nothing;
    let mut rest = attributes;
    loop {
        rest = rest.trim_ascii_start();
        if rest.is_empty() {
            return Some(found);
        }
        let length = rest.iter().position(|byte| !WORD[usize::from(*byte)])?;
        let body = rest[length..].strip_prefix(b" \"")?;
        let end = memchr::memchr(b'"', body)?;
        if length == 0 || end == 0 || body.get(end + 1) != Some(&b';') {
            return None;
        }
        if &rest[..length] == name {
            found = Found::Value(Cow::Borrowed(&body[..end]));
        }
        rest = &body[end + 2..];
    }
}

fn find_any<'a>(attributes: &'a [u8], name: &[u8]) -> Found<'a> {
    let mut found = Found::Nothing;
    let mut walk = Attributes { rest: attributes };
    while let Some(attribute) = walk.next() {
        if attribute.is_called(name) {
            found = match attribute.value {
                Value::Empty => continue,
                Value::Plain(value) => Found::Value(Cow::Borrowed(value)),
                Value::Coded(value) => Found::Value(decode(value)),
                Value::Unclosed => Found::Unclosed,
            };
        }
    }
    found
}

/// The names of all attributes, in their order.
pub(super) fn names(attributes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut walk = Attributes { rest: attributes };
    std::iter::from_fn(move || walk.next()).map(|attribute| attribute.name)
}

struct Attribute<'a> {
    name: &'a [u8],
    value: Value<'a>,
}

enum Value<'a> {
    Empty,
    Plain(&'a [u8]),
    /// As GFF3 writes it, with percent codes.
    Coded(&'a [u8]),
    Unclosed,
}

impl Attribute<'_> {
    /// Telescope takes the last word for the name.
    fn is_called(&self, name: &[u8]) -> bool {
        self.name == name || last_word(self.name) == name
    }
}

struct Attributes<'a> {
    rest: &'a [u8],
}

impl<'a> Attributes<'a> {
    fn next(&mut self) -> Option<Attribute<'a>> {
        loop {
            let from = self.rest.iter().position(|byte| !byte.is_ascii_whitespace() && *byte != b';')?;
            self.rest = &self.rest[from..];
            let end = memchr::memchr(b';', self.rest).unwrap_or(self.rest.len());
            let segment = &self.rest[..end];
            let Some((name, coded, at)) = value_of(segment) else {
                // A word without a value.
                self.rest = &self.rest[end..];
                continue;
            };
            let quote = segment.get(at).copied().filter(|byte| matches!(byte, b'"' | b'\''));
            let body = at + usize::from(quote.is_some());
            let value = match quote.map(|quote| closing(&self.rest[body..], quote)) {
                Some(Some(length)) => {
                    let value = &self.rest[body..body + length];
                    self.rest = &self.rest[body + length + 1..];
                    value
                }
                Some(None) if quote == Some(b'"') => {
                    self.rest = &self.rest[end..];
                    return Some(Attribute { name, value: Value::Unclosed });
                }
                // An apostrophe, or no quote at all.
                _ => {
                    self.rest = &self.rest[end..];
                    segment[at..].trim_ascii_end()
                }
            };
            let value = match value {
                [] => Value::Empty,
                value if coded => Value::Coded(value),
                value => Value::Plain(value),
            };
            return Some(Attribute { name, value });
        }
    }
}

/// The name of the attribute in `segment`, whether it is GFF3's form, and where its value begins.
fn value_of(segment: &[u8]) -> Option<(&[u8], bool, usize)> {
    let is_gap = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'=';
    // A quote behind a gap begins a value, whatever words stand before.
    if let Some(quote) = memchr::memchr(b'"', segment)
        && quote > 0
        && is_gap(&segment[quote - 1])
    {
        let length = segment[..quote].iter().rposition(|byte| !is_gap(byte)).map_or(0, |last| last + 1);
        if length > 0 {
            return Some((&segment[..length], segment[length..quote].contains(&b'='), quote));
        }
    }
    let length = segment.iter().position(is_gap)?;
    let gap = segment[length..].iter().position(|byte| !is_gap(byte));
    let at = gap.map_or(segment.len(), |gap| length + gap);
    (length > 0).then(|| (&segment[..length], segment[length..at].contains(&b'='), at))
}

/// Where a value that begins behind a `quote` ends: at the next one that a semicolon or nothing follows.
fn closing(text: &[u8], quote: u8) -> Option<usize> {
    memchr::memchr_iter(quote, text).find(|at| {
        let next = text[at + 1..].iter().find(|byte| !byte.is_ascii_whitespace());
        matches!(next, None | Some(b';'))
    })
}

fn last_word(name: &[u8]) -> &[u8] {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || !byte.is_ascii();
    let start = name.iter().rposition(|byte| !is_word(byte)).map_or(0, |at| at + 1);
    &name[start..]
}

/// Resolves `%41` and its like.
fn decode(value: &[u8]) -> Cow<'_, [u8]> {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    if memchr::memchr(b'%', value).is_none() {
        return Cow::Borrowed(value);
    }
    let mut decoded = Vec::with_capacity(value.len());
    let mut at = 0;
    while let Some(&byte) = value.get(at) {
        match (byte, digit(value.get(at + 1)), digit(value.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high * 16 + low) as u8);
                at += 3;
            }
            _ => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    Cow::Owned(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value(attributes: &str, name: &str) -> Option<String> {
        match find(attributes.as_bytes(), name.as_bytes()) {
            Found::Nothing => None,
            Found::Unclosed => Some("UNCLOSED".to_owned()),
            Found::Value(value) => Some(String::from_utf8(value.into_owned()).unwrap()),
        }
    }

    #[test]
    fn values_are_found_in_every_form() {
        for (attributes, expected) in [
            // As Telescope finds them.
            ("gene_id \"a\"; locus \"b c\";", Some("b c")),
            ("locus \"b\"; locus \"c\";", Some("c")),
            ("old_locus \"b\";", None),
            ("old-locus \"b\";", Some("b")),
            ("note \"locus b;\"; locus \"c;d\";", Some("c;d")),
            ("locus \"a \"b\" c\";", Some("a \"b\" c")),
            ("see the locus \"b\";", Some("b")),
            ("locus\"b\"; x 3;", None),
            ("", None),
            (" ; ;", None),
            ("locus", None),
            // What it loses.
            ("locus \"b\"", Some("b")),
            ("gene_id \"a\"; locus \"b\"  ", Some("b")),
            ("gene_id \"\"; locus \"b\";", Some("b")),
            ("a \"x\" ; locus   \"b\" ;", Some("b")),
            ("locus \"\";", None),
            ("locus \"a\"; locus \"\";", Some("a")),
            // Other forms.
            ("gene_id a; locus b; x 3", Some("b")),
            ("locus b", Some("b")),
            ("locus b c ;", Some("b c")),
            ("gene_id 'a;b'; locus 'b c';", Some("b c")),
            ("note 5' end; locus b's;", Some("b's")),
            ("locus 'til;", Some("'til")),
            ("ID=x;locus=b", Some("b")),
            ("ID=locus c;locus=b%2C%20c%;", Some("b, c%")),
            ("locus = \"b\";", Some("b")),
            ("locus=", None),
            ("locus b%2C", Some("b%2C")),
            ("ID=\"a;locus=c\";locus=b", Some("b")),
            // Not to be read.
            ("locus \"b; x \"c\"", Some("b; x \"c")),
            ("locus \"b; x 3;", Some("UNCLOSED")),
            ("x \"b; locus c;", Some("c")),
        ] {
            assert_eq!(value(attributes, "locus").as_deref(), expected, "{attributes}");
        }
        let all: Vec<_> = names(b"gene_id \"a;b\"; ID=3;;x y z; w").collect();
        assert_eq!(all, [&b"gene_id"[..], b"ID", b"x"]);
    }

    /// Attributes as Telescope's pattern takes them.
    fn by_the_pattern(attributes: &[(String, String)]) -> String {
        attributes.iter().map(|(name, value)| format!("{name} \"{value}\"; ")).collect()
    }

    proptest! {
        #[test]
        fn well_formed_rows_give_what_was_written(
            pairs in prop::collection::vec(("[a-c]{1,2}", "[^\"\\x00-\\x1f]([^\"\\x00-\\x1f]|\"[a-z])*"), 0..6)
        ) {
            let expected = |name: &str| pairs.iter().rev().find(|pair| pair.0 == name).map(|pair| pair.1.clone());
            let text = by_the_pattern(&pairs);
            let (no_end, tight) = (text.trim_end_matches("; ").to_owned(), text.replace("\"; ", "\";"));
            for name in ["a", "b", "ab"] {
                for text in [&text, &no_end, &tight] {
                    prop_assert_eq!(value(text, name), expected(name), "{}", text);
                }
            }
        }

        #[test]
        fn gff3_gives_what_was_written(pairs in prop::collection::vec(("[a-c]{1,2}", "[ -~]{1,8}"), 0..6)) {
            let code = |value: &String| -> String {
                value.bytes().map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02x}") }).collect()
            };
            let text: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={}", code(value))).collect();
            for name in ["a", "b", "ab"] {
                let expected = pairs.iter().rev().find(|pair| pair.0 == name).map(|pair| pair.1.clone());
                prop_assert_eq!(value(&text.join(";"), name), expected);
            }
        }

        #[test]
        fn no_text_is_too_odd(text in "[ab=;\"' \t%4]{0,40}") {
            find(text.as_bytes(), b"a");
            names(text.as_bytes()).for_each(drop);
        }

        #[test]
        fn the_short_way_finds_what_the_general_one_finds(
            pieces in prop::collection::vec(
                prop::sample::select(vec![
                    "a", "b", "a_1", "ab-a", " ", "  ", "\t", "\"", " \"", "\"x\"", "\";", "\"; ", ";", "=", "'", "a \"x\"; ", "b \"y;z\"; ", "a \"\";",
                    "b \"q\" r\"; ", "\u{e4}", "a \"\u{e4}\";",
                ]),
                0..12,
            )
        ) {
            let text = pieces.concat();
            for name in ["a", "b", "a_1"] {
                if let Some(found) = find_canonical(text.as_bytes(), name.as_bytes()) {
                    prop_assert_eq!(found, find_any(text.as_bytes(), name.as_bytes()), "{}", text);
                }
            }
        }

        #[test]
        fn well_formed_rows_go_the_short_way(pairs in prop::collection::vec(("[a-c]{1,2}", "[^\"\\x00-\\x1f]+"), 0..6)) {
            let text = by_the_pattern(&pairs);
            prop_assert!(find_canonical(text.as_bytes(), b"a").is_some(), "{}", text);
        }
    }
}
