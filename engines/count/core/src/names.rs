//! Which of a template's counts stands.
//!
//! Candidates arrive in file order, whatever the partition was. Three rules, each exact:
//! - once per chromosome, first in file order (`wasp2`);
//! - once per site, first in file order (`fragment`);
//! - once per chromosome at the lowest site, then first in file order (`wasp2` per cell, which upstream counts site by
//!   site): known only when the chromosome is done.

use std::{collections::hash_map::Entry, ops::Range};

use crate::{
    harvest::Candidate,
    hashing::{FastMap, FastSet},
    options::Policy,
};

/// What becomes of candidates.
pub(crate) trait Outcome {
    /// A candidate counts.
    fn count(&mut self, candidate: &Candidate);
    /// A candidate's name is used.
    fn name_used(&mut self, candidate: &Candidate);
    /// The sites of the chromosome that holds a site.
    fn chromosome(&self, site: u32) -> Range<u32>;
    /// The place of a site in the order of sites.
    fn order(&self, site: u32) -> u32;
}

/// Keeps the names of the chromosome at hand.
pub(crate) struct Names {
    rule: Rule,
    chromosome: Range<u32>,
}

enum Rule {
    All,
    PerChromosome(FastSet<u128>),
    PerSite(FastSet<(u128, u32)>),
    LowestSite(FastMap<u128, Candidate>),
}

impl Names {
    pub(crate) fn new(policy: Policy, per_cell: bool) -> Self {
        let rule = match policy {
            Policy::Read => Rule::All,
            Policy::Fragment => Rule::PerSite(FastSet::default()),
            Policy::Wasp2 if per_cell => Rule::LowestSite(FastMap::default()),
            Policy::Wasp2 => Rule::PerChromosome(FastSet::default()),
        };
        Names { rule, chromosome: 0..0 }
    }

    /// Takes candidates, in file order.
    pub(crate) fn resolve(&mut self, candidates: &[Candidate], outcome: &mut impl Outcome) {
        for candidate in candidates {
            if !self.chromosome.contains(&candidate.site) {
                self.finish(outcome);
                self.chromosome = outcome.chromosome(candidate.site);
            }
            let first = match &mut self.rule {
                Rule::All => true,
                Rule::PerChromosome(seen) => seen.insert(candidate.name()),
                Rule::PerSite(seen) => seen.insert((candidate.name(), candidate.site)),
                Rule::LowestSite(best) => {
                    match best.entry(candidate.name()) {
                        Entry::Vacant(entry) => {
                            entry.insert(*candidate);
                        }
                        Entry::Occupied(mut entry) => {
                            if outcome.order(candidate.site) < outcome.order(entry.get().site) {
                                outcome.name_used(&entry.insert(*candidate));
                            } else {
                                outcome.name_used(candidate);
                            }
                        }
                    }
                    continue;
                }
            };
            if first {
                outcome.count(candidate);
            } else {
                outcome.name_used(candidate);
            }
        }
    }

    /// The chromosome at hand is done.
    pub(crate) fn finish(&mut self, outcome: &mut impl Outcome) {
        match &mut self.rule {
            Rule::All => {}
            Rule::PerChromosome(seen) => seen.clear(),
            Rule::PerSite(seen) => seen.clear(),
            // Counting is a sum, so that the order of the map does not matter.
            Rule::LowestSite(best) => best.drain().for_each(|(_, candidate)| outcome.count(&candidate)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::allele::Class;
    use proptest::prelude::*;

    /// Sites 0..10 and 10..20 are chromosomes; order runs against the numbers within each.
    #[derive(Default)]
    struct Log {
        counted: Vec<(u128, u32)>,
        used: usize,
    }

    impl Outcome for Log {
        fn count(&mut self, candidate: &Candidate) {
            self.counted.push((candidate.name(), candidate.site));
        }

        fn name_used(&mut self, _: &Candidate) {
            self.used += 1;
        }

        fn chromosome(&self, site: u32) -> Range<u32> {
            if site < 10 { 0..10 } else { 10..20 }
        }

        fn order(&self, site: u32) -> u32 {
            100 - site
        }
    }

    proptest! {
        /// Each rule against its definition, however the candidates are cut into parts.
        #[test]
        fn every_rule_equals_its_definition(
            mut events in proptest::collection::vec((0u128..6, 0u32..20), 0..60),
            cut in 1usize..9,
        ) {
            events.sort_by_key(|&(_, site)| site / 10);
            let candidates: Vec<Candidate> =
                events.iter().map(|&(name, site)| Candidate::new(name, site, Class::Other, 0)).collect();
            for (policy, per_cell) in
                [(Policy::Read, false), (Policy::Wasp2, false), (Policy::Fragment, false), (Policy::Wasp2, true)]
            {
                let (mut names, mut log) = (Names::new(policy, per_cell), Log::default());
                candidates.chunks(cut).for_each(|part| names.resolve(part, &mut log));
                names.finish(&mut log);
                let stands = |&(index, &(name, site)): &(usize, &(u128, u32))| {
                    let rivals = || events.iter().enumerate().filter(|(_, rival)| rival.0 == name);
                    let near = |rival: u32| rival / 10 == site / 10;
                    match policy {
                        Policy::Read => true,
                        Policy::Fragment => rivals().all(|(other, rival)| rival.1 != site || other >= index),
                        Policy::Wasp2 if per_cell => rivals().all(|(other, rival)| {
                            !near(rival.1) || rival.1 < site || rival.1 == site && other >= index
                        }),
                        Policy::Wasp2 => rivals().all(|(other, rival)| !near(rival.1) || other >= index),
                    }
                };
                let mut expected: Vec<_> = events.iter().enumerate().filter(stands).map(|(_, &event)| event).collect();
                expected.sort_unstable();
                log.counted.sort_unstable();
                prop_assert_eq!(log.used, events.len() - expected.len());
                prop_assert_eq!(log.counted, expected);
            }
        }
    }
}
