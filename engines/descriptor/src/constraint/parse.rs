//! The reader of the constraint grammar: one function a rule.

use super::{Comparison, ParseError, Relation, Sum};

/// What stands before `->`, and after it.
pub(super) fn constraint(text: &str) -> Result<(Vec<Comparison>, Comparison), ParseError> {
    let mut parser = Parser { text, at: 0, depth: 0 };
    let mut comparisons = vec![parser.comparison()?];
    while parser.word("and") {
        comparisons.push(parser.comparison()?);
    }
    let then = if parser.symbol("->") {
        parser.comparison()?
    } else if comparisons.len() == 1 {
        return parser.end().map(|()| (Vec::new(), comparisons.remove(0)));
    } else {
        return Err(parser.fault("`->` is missing after the conditions"));
    };
    parser.end()?;
    Ok((comparisons, then))
}

/// What stands before `->`, if anything, and the sum after it.
pub(super) fn amount(text: &str) -> Result<(Vec<Comparison>, Sum), ParseError> {
    let mut parser = Parser { text, at: 0, depth: 0 };
    let mut when = Vec::new();
    if text.contains("->") {
        when.push(parser.comparison()?);
        while parser.word("and") {
            when.push(parser.comparison()?);
        }
        if !parser.symbol("->") {
            return Err(parser.fault("`->` expected"));
        }
    }
    let sum = parser.sum()?;
    parser.end()?;
    Ok((when, sum))
}

/// Parentheses within each other. What evaluates a sum calls itself, too, and the stack has an end.
const MOST_DEPTH: usize = 32;

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn fault(&self, fault: &'static str) -> ParseError {
        ParseError { text: self.text.to_string(), fault, at: self.at }
    }

    fn rest(&mut self) -> &str {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        &self.text[self.at..]
    }

    fn symbol(&mut self, symbol: &str) -> bool {
        let found = self.rest().starts_with(symbol);
        if found {
            self.at += symbol.len();
        }
        found
    }

    fn name_length(&mut self) -> usize {
        let rest = self.rest();
        // A hyphen is part of a name, but not where it begins an arrow.
        let inside =
            |(i, c): (usize, char)| c.is_ascii_alphanumeric() || c == '_' || (c == '-' && !rest[i..].starts_with("->"));
        rest.char_indices().take_while(|pair| inside(*pair)).count()
    }

    fn word(&mut self, word: &str) -> bool {
        let length = self.name_length();
        let found = self.rest()[..length] == *word;
        if found {
            self.at += length;
        }
        found
    }

    fn end(&mut self) -> Result<(), ParseError> {
        if self.rest().is_empty() { Ok(()) } else { Err(self.fault("nothing more expected")) }
    }

    fn comparison(&mut self) -> Result<Comparison, ParseError> {
        let left = self.sum()?;
        // Two-letter signs first, so that `<` does not take half of `<=`.
        let signs = [
            ("<=", Relation::AtMost),
            (">=", Relation::AtLeast),
            ("==", Relation::Equal),
            ("!=", Relation::Unequal),
            ("<", Relation::Less),
            (">", Relation::More),
        ];
        for (sign, relation) in signs {
            if self.symbol(sign) {
                return Ok(Comparison { left, relation, right: self.sum()? });
            }
        }
        Err(self.fault("a comparison (<=, >=, ==, !=, <, >) expected"))
    }

    fn sum(&mut self) -> Result<Sum, ParseError> {
        let mut parts = vec![self.product()?];
        while self.symbol("+") {
            parts.push(self.product()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Sum::Add(parts) })
    }

    fn product(&mut self) -> Result<Sum, ParseError> {
        let mut parts = vec![self.atom()?];
        while self.symbol("*") {
            parts.push(self.atom()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Sum::Multiply(parts) })
    }

    fn atom(&mut self) -> Result<Sum, ParseError> {
        if self.symbol("(") {
            if self.depth == MOST_DEPTH {
                return Err(self.fault("fewer parentheses within each other expected"));
            }
            self.depth += 1;
            let sum = self.sum()?;
            self.depth -= 1;
            return if self.symbol(")") { Ok(sum) } else { Err(self.fault("`)` expected")) };
        }
        let length = self.name_length();
        if length == 0 {
            return Err(self.fault("a number, a name or `(` expected"));
        }
        let name = self.rest()[..length].to_string();
        let starts_like_a_number = name.starts_with(|c: char| c.is_ascii_digit());
        let sum = match name.parse() {
            Ok(number) => Sum::Number(number),
            Err(_) if starts_like_a_number => return Err(self.fault("a number that fits 64 bits expected")),
            Err(_) => Sum::Name(name),
        };
        self.at += length;
        Ok(sum)
    }
}
