//! Short texts that occur often (alleles, genotypes, region names), each held once.

use std::collections::HashMap;

use crate::hashing::FastMap;

/// Number of a text in [`Words`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Word(u32);

/// The texts. Word 0 is the empty text.
#[derive(Debug, Clone)]
pub(crate) struct Words {
    texts: Vec<Box<str>>,
    /// Alleles and genotypes are short nearly always: up to seven bytes stand in one number.
    short: FastMap<u64, Word>,
    long: HashMap<Box<str>, Word>,
}

impl Default for Words {
    fn default() -> Self {
        let mut words = Words { texts: Vec::new(), short: FastMap::default(), long: HashMap::new() };
        words.insert("");
        words
    }
}

/// A short text as a number: its bytes, and its length in the highest one.
fn packed(text: &str) -> Option<u64> {
    let mut bytes = [0; 8];
    bytes[..7].get_mut(..text.len())?.copy_from_slice(text.as_bytes());
    bytes[7] = text.len() as u8;
    Some(u64::from_le_bytes(bytes))
}

impl Words {
    /// The number of a text; the same text always has the same number.
    pub(crate) fn insert(&mut self, text: &str) -> Word {
        let packed = packed(text);
        let known = match packed {
            Some(number) => self.short.get(&number),
            None => self.long.get(text),
        };
        if let Some(&word) = known {
            return word;
        }
        // Four thousand million different texts do not fit in the memory of a file's reader.
        let word = Word(u32::try_from(self.texts.len()).unwrap_or(u32::MAX));
        self.texts.push(text.into());
        match packed {
            Some(number) => self.short.insert(number, word),
            None => self.long.insert(text.into(), word),
        };
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
        let texts = ["A", "A\0", "0|1", "1234567", "12345678", "1234567890", ""];
        let numbers = texts.map(|text| words.insert(text));
        assert_eq!(texts.map(|text| words.insert(text)), numbers);
        assert_eq!(numbers.map(|number| words.text(number)), texts);
        assert_eq!(numbers[6], Word::default());
    }
}
