//! The kernels of the hot path, for the benchmarks only: no part of what this crate offers.

use std::ops::Range;

use crate::{
    allele::Class,
    cigar,
    harvest::Candidate,
    names::{Names, Outcome},
    options::Policy,
};

/// Sites that records cover: each as the bytes of its CIGAR and its start.
pub fn covered(records: &[(Vec<u8>, i64)], positions: &[i32]) -> usize {
    let mut places = Vec::new();
    let mut total = 0;
    for (operations, start) in records {
        let first = positions.partition_point(|&position| i64::from(position) < *start);
        places.clear();
        cigar::covered(operations, *start, &positions[first..], first as u32, usize::MAX, &mut places);
        total += places.len();
    }
    total
}

/// Candidates of so many templates, each seen twice, over so many sites, in file order.
pub fn candidates(templates: u64, sites: u32) -> Candidates {
    let name = |template: u64| {
        let half = template.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ template >> 7;
        u128::from(half) << 64 | u128::from(half.wrapping_mul(0xbf58_476d_1ce4_e5b9))
    };
    let at = |template: u64| (template * u64::from(sites) / templates) as u32;
    let both = (0..templates).flat_map(|template| [template, template.saturating_sub(3)]);
    Candidates(both.map(|template| Candidate::new(name(template), at(template), Class::Reference, 0)).collect())
}

/// What [`candidates`] makes.
pub struct Candidates(Vec<Candidate>);

/// Counts that stand under a policy, when all sites are on one chromosome.
pub fn resolve(candidates: &Candidates, policy: Policy) -> u64 {
    struct Count(u64);
    impl Outcome for Count {
        fn count(&mut self, _: &Candidate) {
            self.0 += 1;
        }
        fn name_used(&mut self, _: &Candidate) {}
        fn chromosome(&self, _: u32) -> Range<u32> {
            0..u32::MAX
        }
        fn order(&self, site: u32) -> u32 {
            site
        }
    }
    let mut outcome = Count(0);
    let mut names = Names::new(policy, false);
    names.resolve(&candidates.0, &mut outcome);
    names.finish(&mut outcome);
    outcome.0
}
