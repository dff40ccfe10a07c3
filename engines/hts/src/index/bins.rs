//! What BAI and CSI have in common: bins of nested sizes, each with the stretches of the file that hold its records.

use super::{ContigStatistics, Statistics, cursor::Cursor};
use crate::unit::VirtualOffset;

/// The nesting of the bins: each of the `depth` levels below the widest bin has eight times as many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scheme {
    /// Bits of a position within a smallest bin.
    pub(crate) smallest: u32,
    /// Levels below the bin that holds everything.
    pub(crate) depth: u32,
}

impl Scheme {
    /// Bins are numbered in 32 bits and positions in 63.
    pub(super) fn is_possible(&self) -> bool {
        self.depth <= 9 && self.smallest + 3 * self.depth < 62
    }

    /// Number of the first bin of a level.
    fn first_of(level: u32) -> u32 {
        ((1 << (3 * level)) - 1) / 7
    }

    /// Bins in all; one more than the widest number.
    fn count(&self) -> u32 {
        Self::first_of(self.depth + 1)
    }

    /// The number that stands for statistics instead of a bin.
    fn statistics(&self) -> u32 {
        self.count() + 1
    }

    /// The bin of a level that holds a position; positions beyond the last bin count to that.
    fn bin_of(&self, level: u32, position: i64) -> u32 {
        let shift = self.smallest + 3 * (self.depth - level);
        let within = (position.max(0) >> shift).min((1 << (3 * level)) - 1);
        Self::first_of(level) + within as u32
    }

    fn parent_of(bin: u32) -> u32 {
        (bin - 1) >> 3
    }
}

/// A stretch of the file from one record's start to another's, or to the end of the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) begin: VirtualOffset,
    pub(crate) end: VirtualOffset,
}

pub(super) fn read_chunks(bytes: &mut Cursor<'_>) -> Result<Vec<Chunk>, String> {
    let count = bytes.count(16)?;
    let mut chunks = Vec::with_capacity(count);
    for _ in 0..count {
        let begin = VirtualOffset::from_bits(bytes.u64()?);
        chunks.push(Chunk { begin, end: VirtualOffset::from_bits(bytes.u64()?) });
    }
    Ok(chunks)
}

#[derive(Debug)]
struct Bin {
    number: u32,
    /// CSI: the first record that overlaps the bin's first smallest bin, as far as the index knows. Zero in BAI.
    first: VirtualOffset,
    chunks: Vec<Chunk>,
}

/// One contig's bins.
#[derive(Debug, Default)]
pub(crate) struct Contig {
    bins: Vec<Bin>,
    /// BAI: for every window of 16 kb the first record that overlaps it; 0 for none.
    pub(super) windows: Vec<VirtualOffset>,
    statistics: Option<ContigStatistics>,
}

impl Contig {
    pub(super) fn add(
        &mut self,
        scheme: &Scheme,
        number: u32,
        first: VirtualOffset,
        chunks: Vec<Chunk>,
    ) -> Result<(), String> {
        if number == scheme.statistics() {
            if let [_, Chunk { begin: mapped, end: unmapped }] = chunks.as_slice() {
                self.statistics = Some(ContigStatistics { mapped: mapped.bits(), unmapped: unmapped.bits() });
            }
            return Ok(());
        }
        if number >= scheme.count() {
            return Err(format!("has a bin {number}, and {} is the last possible", scheme.count() - 1));
        }
        if let Some(chunk) = chunks.iter().find(|chunk| chunk.begin > chunk.end) {
            return Err(format!(
                "has a stretch that ends before it begins ({} to {})",
                chunk.begin.bits(),
                chunk.end.bits()
            ));
        }
        self.bins.push(Bin { number, first, chunks });
        Ok(())
    }

    pub(super) fn finish(&mut self) {
        self.bins.sort_by_key(|bin| bin.number);
    }

    fn bin(&self, number: u32) -> Option<&Bin> {
        self.bins.binary_search_by_key(&number, |bin| bin.number).ok().map(|at| &self.bins[at])
    }

    fn chunks(&self) -> impl Iterator<Item = &Chunk> {
        self.bins.iter().flat_map(|bin| &bin.chunks)
    }

    /// Where the first record stands; `None` without records.
    pub(crate) fn begin(&self) -> Option<VirtualOffset> {
        self.chunks().map(|chunk| chunk.begin).min()
    }

    /// Behind the last record; `None` without records.
    pub(crate) fn end(&self) -> Option<VirtualOffset> {
        self.chunks().map(|chunk| chunk.end).max()
    }

    /// Every place at which a record is known to start, and possibly the end of the last one; in no order.
    pub(crate) fn places(&self) -> impl Iterator<Item = VirtualOffset> {
        let firsts = self.bins.iter().map(|bin| bin.first);
        let ends = self.chunks().flat_map(|chunk| [chunk.begin, chunk.end]);
        self.windows.iter().copied().chain(firsts).filter(|place| place.bits() > 0).chain(ends)
    }

    /// A place in front of every record that overlaps `position` or stands behind it, as late as the index knows one; `None`
    /// without such records.
    pub(crate) fn place_before(&self, scheme: &Scheme, position: i64) -> Option<VirtualOffset> {
        let begin = self.begin()?;
        if self.windows.is_empty() {
            return Some(self.first_from_bins(scheme, position).max(begin));
        }
        // Where no record overlaps a window, htslib writes what the one before it has; others write 0.
        let window = usize::try_from(position.max(0) >> scheme.smallest).unwrap_or(usize::MAX);
        let from = self.windows.get(window..)?;
        Some(from.iter().find(|place| place.bits() > 0)?.max(&begin).to_owned())
    }

    /// About the byte of the file at which the records that start at `position` lie: between the places that the index has in
    /// front of it and behind it.
    pub(crate) fn byte_near(&self, scheme: &Scheme, position: i64) -> u64 {
        let end = self.end().map_or(0, VirtualOffset::block);
        let byte = |position| self.place_before(scheme, position).map_or(end, VirtualOffset::block);
        let window = 1_i64 << scheme.smallest;
        let (before, behind) = (byte(position), byte(position.saturating_add(window)));
        before + behind.saturating_sub(before) * (position.max(0) % window) as u64 / window as u64
    }

    /// CSI's way: the nearest bin at or before the position that the index has.
    fn first_from_bins(&self, scheme: &Scheme, position: i64) -> VirtualOffset {
        let mut number = scheme.bin_of(scheme.depth, position);
        loop {
            if let Some(bin) = self.bin(number) {
                return bin.first;
            }
            if number == 0 {
                return VirtualOffset::from_bits(0);
            }
            let parent = Scheme::parent_of(number);
            number = if number > 8 * parent + 1 { number - 1 } else { parent };
        }
    }

    /// The stretches of the file that can hold a record that overlaps `start..end`, in no order.
    pub(crate) fn overlapping(&self, scheme: &Scheme, start: i64, end: i64) -> Vec<Chunk> {
        let Some(from) = self.place_before(scheme, start) else { return Vec::new() };
        let mut found = Vec::new();
        for level in 0..=scheme.depth {
            let (first, last) = (scheme.bin_of(level, start), scheme.bin_of(level, (end - 1).max(start)));
            let at = self.bins.partition_point(|bin| bin.number < first);
            for bin in self.bins[at..].iter().take_while(|bin| bin.number <= last) {
                found.extend(
                    bin.chunks
                        .iter()
                        .filter(|chunk| chunk.end > from)
                        .map(|chunk| Chunk { begin: chunk.begin.max(from), end: chunk.end }),
                );
            }
        }
        found
    }
}

/// A BAI or CSI index.
#[derive(Debug)]
pub(crate) struct BinIndex {
    pub(crate) scheme: Scheme,
    pub(crate) contigs: Vec<Contig>,
    pub(crate) unplaced: Option<u64>,
}

impl BinIndex {
    /// The largest place at which the index lets a record start.
    pub(super) fn last_begin(&self) -> Option<VirtualOffset> {
        let chunks = self.contigs.iter().flat_map(Contig::chunks);
        chunks.filter(|chunk| chunk.begin < chunk.end).map(|chunk| chunk.begin).max()
    }

    /// The largest place at which the index lets a record end, or any other that it names.
    pub(super) fn last_end(&self) -> Option<VirtualOffset> {
        self.contigs.iter().flat_map(Contig::places).max()
    }

    pub(super) fn statistics(&self, contigs: usize) -> Option<Statistics> {
        let mut counted = vec![ContigStatistics::default(); contigs];
        for (contig, place) in self.contigs.iter().zip(&mut counted) {
            match contig.statistics {
                Some(statistics) => *place = statistics,
                None if contig.bins.is_empty() => {}
                None => return None,
            }
        }
        Some(Statistics { contigs: counted, unplaced: self.unplaced })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BAI: Scheme = Scheme { smallest: 14, depth: 5 };

    #[test]
    fn bins_are_numbered_as_the_specification_says() {
        assert_eq!(BAI.count(), 37449);
        assert_eq!(BAI.statistics(), 37450);
        assert_eq!(BAI.bin_of(5, 0), 4681);
        assert_eq!(BAI.bin_of(5, 16384), 4682);
        assert_eq!(BAI.bin_of(4, 131_072), 586);
        assert_eq!(BAI.bin_of(0, 1 << 29), 0);
        assert_eq!(BAI.bin_of(5, (1 << 29) + 5), 37448, "positions beyond the last bin count to it");
        assert_eq!(Scheme::parent_of(4681), 585);
        assert_eq!(Scheme::parent_of(4689), 586);
    }

    fn contig(bins: &[(u32, u64)]) -> Contig {
        let mut contig = Contig::default();
        for &(number, first) in bins {
            let first = VirtualOffset::from_bits(first);
            contig.add(&BAI, number, first, vec![Chunk { begin: first, end: VirtualOffset::from_bits(900) }]).unwrap();
        }
        contig.finish();
        contig
    }

    #[test]
    fn without_windows_the_nearest_bin_at_or_before_a_position_tells_where_its_records_begin() {
        let contig = contig(&[(0, 5), (585, 10), (4681, 20), (4683, 30), (586, 40)]);
        let place = |position| contig.place_before(&BAI, position).unwrap().bits();
        assert_eq!(place(0), 20, "the smallest bin itself");
        assert_eq!(place(16_384), 20, "its neighbour in front");
        assert_eq!(place(3 << 14), 30, "a neighbour further in front");
        assert_eq!(place(8 << 14), 40, "the bin around it, where it has no neighbour in front");
        assert_eq!(place(17 << 14), 40, "the neighbour in front of that");
        assert_eq!(place(70 << 14), 5, "the bin of everything");
        assert!(Contig::default().place_before(&BAI, 0).is_none());
    }

    #[test]
    fn windows_without_records_are_passed_over() {
        let mut contig = contig(&[(4681, 20)]);
        contig.windows = [0, 30, 0, 50].map(VirtualOffset::from_bits).to_vec();
        let place = |position| contig.place_before(&BAI, position).map(VirtualOffset::bits);
        assert_eq!(place(0), Some(30));
        assert_eq!(place(2 << 14), Some(50));
        assert_eq!(place(4 << 14), None, "no record reaches so far");
    }

    #[test]
    fn shapes_that_overflow_are_refused() {
        assert!(BAI.is_possible());
        assert!(!Scheme { smallest: 14, depth: 10 }.is_possible());
        assert!(!Scheme { smallest: 60, depth: 5 }.is_possible());
    }
}
