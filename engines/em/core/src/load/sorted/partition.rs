//! The records of one partition: those whose names fall into it, brought together by name.

use std::hash::BuildHasherDefault;

use hashbrown::HashMap;

use super::super::Leader;
use super::super::extract::AsIs;
use super::{Bucket, Member};
use crate::fragment::{Bundle, Record, leader_of};

/// The buckets of one partition, stretch by stretch.
pub(super) struct PartitionSource<'a> {
    pub(super) buckets: Vec<&'a Bucket>,
    pub(super) first_ordinals: &'a [u64],
    pub(super) leader: Leader,
}

impl PartitionSource<'_> {
    pub(super) fn hash(&self, (stretch, at): Member) -> u128 {
        self.buckets[stretch as usize].hashes[at as usize]
    }

    fn record(&self, (stretch, at): Member) -> &Record {
        &self.buckets[stretch as usize].records.records[at as usize]
    }

    fn ordinal(&self, (stretch, at): Member) -> u64 {
        self.first_ordinals[stretch as usize] + self.buckets[stretch as usize].records.ordinals[at as usize]
    }

    /// Place in the file of the record that decides the group's kind and order.
    pub(super) fn leader(&self, group: &[Member]) -> u64 {
        let leader = match self.leader {
            Leader::First => 0,
            Leader::Primary => leader_of(group.iter().map(|&member| self.record(member))),
        };
        self.ordinal(group[leader])
    }

    pub(super) fn fill(&self, bundle: &mut Bundle, group: &[Member]) {
        bundle.clear();
        for &member in group {
            let record = *self.record(member);
            bundle.push_blocks(record, self.buckets[member.0 as usize].records.blocks_of(&record));
            bundle.ordinals.push(self.ordinal(member));
        }
        if self.leader == Leader::Primary {
            bundle.lead_by_primary();
        }
    }

    /// The members of each name side by side, in the order of the file, and where each name begins; names by their
    /// first members.
    pub(super) fn by_name(&self) -> (Vec<Member>, Vec<u32>) {
        let size = self.buckets.iter().map(|bucket| bucket.hashes.len()).sum();
        let mut numbers: HashMap<u128, u32, BuildHasherDefault<AsIs>> = HashMap::default();
        let mut bounds = vec![0_u32];
        let mut number_of = Vec::with_capacity(size);
        for hash in self.buckets.iter().flat_map(|bucket| &bucket.hashes) {
            let next = numbers.len() as u32;
            let number = *numbers.entry(*hash).or_insert(next);
            if number == next {
                bounds.push(0);
            }
            bounds[number as usize + 1] += 1;
            number_of.push(number);
        }
        for number in 1..bounds.len() {
            bounds[number] += bounds[number - 1];
        }
        let mut next = bounds.clone();
        let mut members = vec![(0, 0); size];
        let mut numbers = number_of.into_iter();
        for (stretch, bucket) in self.buckets.iter().enumerate() {
            for (at, number) in numbers.by_ref().take(bucket.hashes.len()).enumerate() {
                let slot = &mut next[number as usize];
                members[*slot as usize] = (stretch as u32, at as u32);
                *slot += 1;
            }
        }
        (members, bounds)
    }
}
