//! Records that wait for their mates, in the order in which they came: found by a look at each while they are few, by a
//! table once they are many, so that a fragment with thousands of alignments takes no quadratic time.

use hashbrown::HashMap;

use super::pairing::Key;

/// From this many on a table is kept.
const MANY: usize = 32;

/// At most one record a key.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// In the order of their keys' arrival; `None` where a mate has come since a table is kept.
    slots: Vec<Option<(Key, u32)>>,
    /// The slot of each key, once there are many.
    table: HashMap<Key, u32>,
    has_table: bool,
}

impl Waiting {
    pub(super) fn clear(&mut self) {
        self.slots.clear();
        self.table.clear();
        self.has_table = false;
    }

    fn slot(&self, key: &Key) -> Option<usize> {
        if self.has_table {
            return self.table.get(key).map(|&slot| slot as usize);
        }
        self.slots.iter().position(|slot| slot.is_some_and(|(other, _)| other == *key))
    }

    /// The record that waits under `key`, which waits no more.
    pub(super) fn take(&mut self, key: &Key) -> Option<u32> {
        let slot = self.slot(key)?;
        let taken = if self.has_table {
            self.table.remove(key);
            self.slots[slot].take()
        } else {
            self.slots.remove(slot)
        };
        taken.map(|(_, record)| record)
    }

    /// Lets `record` wait under `key`; true if it takes the place of another one.
    pub(super) fn put(&mut self, key: Key, record: u32) -> bool {
        if let Some(slot) = self.slot(&key) {
            self.slots[slot] = Some((key, record));
            return true;
        }
        if !self.has_table && self.slots.len() == MANY {
            self.has_table = true;
            let keys = self.slots.iter().enumerate().filter_map(|(at, slot)| slot.map(|(key, _)| (key, at as u32)));
            self.table.extend(keys);
        }
        if self.has_table {
            self.table.insert(key, self.slots.len() as u32);
        }
        self.slots.push(Some((key, record)));
        false
    }

    /// Those that still wait.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = u32> + '_ {
        self.slots.drain(..).flatten().map(|(_, record)| record)
    }
}
