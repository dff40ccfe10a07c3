//! Families of loci, and which locus of which family a fragment comes from.

use super::random::Random;

/// Share of all loci in the giant family.
const GIANT: f64 = 0.35;

/// Loci `0..n`, parted into families of consecutive ranks.
pub(super) struct Families {
    /// First rank of each family, and one behind the last.
    pub(super) starts: Vec<usize>,
    /// Locus of each rank: expression falls with rank, and has nothing to do with the locus number.
    pub(super) locus_of_rank: Vec<usize>,
    /// Cumulative weights.
    weights: Vec<f64>,
}

impl Families {
    pub(super) fn new(loci: usize, random: &mut Random) -> Self {
        let mut starts = vec![0, ((GIANT * loci as f64) as usize).max(1).min(loci)];
        let mut at = starts[1];
        while at < loci {
            // Pareto with index 1.1, cut off.
            let size = 1.0 + 1.5 * ((1.0 - random.unit()).powf(-1.0 / 1.1) - 1.0);
            at = (at + (size as usize).clamp(1, loci / 12 + 2)).min(loci);
            starts.push(at);
        }
        let mut locus_of_rank: Vec<usize> = (0..loci).collect();
        let mut weights = Vec::with_capacity(starts.len());
        let mut sum = 0.0;
        for family in starts.windows(2) {
            random.shuffle(&mut locus_of_rank[family[0]..family[1]]);
            // Log-normal, from the sum of twelve uniform numbers.
            let normal: f64 = (0..12).map(|_| random.unit()).sum::<f64>() - 6.0;
            sum += ((family[1] - family[0]) as f64).powf(0.9) * normal.exp();
            weights.push(sum);
        }
        Self { starts, locus_of_rank, weights }
    }

    /// A family and a rank within it, low ranks more often.
    pub(super) fn draw(&self, random: &mut Random) -> (usize, usize) {
        let last = self.weights.len() - 1;
        let wanted = random.unit() * self.weights[last];
        let family = self.weights.partition_point(|&sum| sum <= wanted).min(last);
        let size = self.size(family);
        let rank = (size as f64).powf(random.unit()) as usize - 1;
        (family, rank.min(size - 1))
    }

    pub(super) fn size(&self, family: usize) -> usize {
        self.starts[family + 1] - self.starts[family]
    }

    /// The locus of a rank of a family; ranks wrap around.
    pub(super) fn locus(&self, family: usize, rank: usize) -> usize {
        self.locus_of_rank[self.starts[family] + rank % self.size(family)]
    }
}
