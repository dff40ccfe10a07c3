//! Short texts that occur often (alleles, genotypes, region names), each held once.

use std::collections::HashMap;

/// Number of a text in [`Words`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Word(u32);

/// The texts. Word 0 is the empty text.
#[derive(Debug)]
pub(crate) struct Words {
    texts: Vec<Box<str>>,
    numbers: HashMap<Box<str>, Word>,
}

impl Default for Words {
    fn default() -> Self {
        let mut words = Words { texts: Vec::new(), numbers: HashMap::new() };
        words.insert("");
        words
    }
}

impl Words {
    /// The number of a text; the same text always has the same number.
    pub(crate) fn insert(&mut self, text: &str) -> Word {
        if let Some(&word) = self.numbers.get(text) {
            return word;
        }
        // Four thousand million different texts do not fit in the memory of a file's reader.
        let word = Word(u32::try_from(self.texts.len()).unwrap_or(u32::MAX));
        self.texts.push(text.into());
        self.numbers.insert(text.into(), word);
        word
    }

    pub(crate) fn text(&self, word: Word) -> &str {
        &self.texts[word.0 as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_one_number() {
        let mut words = Words::default();
        let (a, b) = (words.insert("A"), words.insert("0|1"));
        assert_ne!(a, b);
        assert_eq!(words.insert("A"), a);
        assert_eq!((words.text(a), words.text(b), words.text(Word::default())), ("A", "0|1", ""));
    }
}
