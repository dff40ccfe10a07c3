//! Names, each kept once, in one text, and numbered in order of first appearance.

use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

/// Names by number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Names {
    text: String,
    /// Where each name ends in the text.
    ends: Vec<u64>,
}

impl Names {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn get(&self, number: usize) -> &str {
        let start = if number == 0 { 0 } else { self.ends[number - 1] };
        &self.text[start as usize..self.ends[number] as usize]
    }

    fn push(&mut self, name: &str) {
        self.text.push_str(name);
        self.ends.push(self.text.len() as u64);
    }

    fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
    }
}

/// Numbers names while they come.
#[derive(Debug, Default)]
pub(super) struct Interner {
    names: Names,
    /// Numbers with half of each name's hash, so that growing reads no name.
    numbers: HashTable<(u32, u32)>,
    /// The number that was given last: rows of one locus mostly follow each other.
    last: u32,
}

/// The table wants a whole hash, and keeps half.
fn spread(half: u32) -> u64 {
    u64::from(half) << 32 | u64::from(half)
}

impl Interner {
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// The part of a name's hash that the table keeps.
    pub(super) fn half(name: &str) -> u32 {
        xxh3_64(name.as_bytes()) as u32
    }

    /// Fetches what [`number`](Self::number) will read. A table of millions of names lies outside the caches, and
    /// fetches that do not wait for each other take the time of one.
    pub(super) fn fetch(&self, half: u32) {
        std::hint::black_box(self.numbers.find(spread(half), |_| false).is_some());
    }

    /// The number of `name`, whose hash begins with `half`; a new one if it has not been seen.
    pub(super) fn number(&mut self, name: &str, half: u32) -> u32 {
        let Self { names, numbers, last } = self;
        if names.len() > 0 && names.get(*last as usize) == name {
            return *last;
        }
        let next = names.len() as u32;
        let same = |&(known, number): &(u32, u32)| known == half && names.get(number as usize) == name;
        let number = numbers.entry(spread(half), same, |(half, _)| spread(*half)).or_insert((half, next)).get().1;
        if number == next {
            names.push(name);
        }
        *last = number;
        number
    }

    pub(super) fn finish(self) -> Names {
        let mut names = self.names;
        names.shrink();
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_numbers() {
        let mut interner = Interner::default();
        let name = |number: u32| if number == 7 { String::new() } else { format!("L{number}") };
        for round in 0..2 {
            for number in 0..5_000 {
                let name = name(number);
                let half = Interner::half(&name);
                interner.fetch(half);
                assert_eq!(interner.number(&name, half), number, "round {round}");
                assert_eq!(interner.number(&name, half), number);
            }
        }
        // Equal halves do not make names equal.
        assert_eq!(interner.number("new", Interner::half("L3")), 5_000);
        let names = interner.finish();
        assert_eq!(names.len(), 5_001);
        assert!((0..5_000).all(|number| names.get(number as usize) == name(number)));
    }
}
