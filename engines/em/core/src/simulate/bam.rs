//! Enough of BAM to write simulated records (SAM specification, sections 4.1 and 4.2): no sequences, no qualities,
//! the tag AS. Blocks are deflated by one implementation at one level, so that the bytes are the same everywhere.

use std::io::{self, Write};

use flate2::{Compress, Compression, Crc, FlushCompress};

/// Inflated bytes of a block.
const BLOCK: usize = 0xFF00;

const END_BLOCK: [u8; 28] =
    [31, 139, 8, 4, 0, 0, 0, 0, 0, 255, 6, 0, 66, 67, 2, 0, 27, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// A record.
#[derive(Debug, Clone)]
pub(super) struct BamRecord {
    pub(super) fragment: usize,
    pub(super) flags: u16,
    pub(super) place: Option<(i32, i32)>,
    pub(super) mate: Option<(i32, i32)>,
    pub(super) template_length: i32,
    /// Operation (`MIDNSHP=X` from 0) and length.
    pub(super) cigar: Vec<(u8, u32)>,
    pub(super) score: Option<i32>,
}

impl BamRecord {
    /// Contig (none last) and start: the order of a sorted file.
    pub(super) fn sort_key(&self) -> (u32, i32) {
        self.place.map_or((u32::MAX, -1), |(contig, start)| (contig as u32, start))
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let from = out.len();
        out.extend([0; 4]);
        let (contig, start) = self.place.unwrap_or((-1, -1));
        let (mate_contig, mate_start) = self.mate.unwrap_or((-1, -1));
        let name = format!("frag{:08}\0", self.fragment);
        let covered: u32 = self.cigar.iter().filter(|(kind, _)| [0, 2, 3, 7, 8].contains(kind)).map(|(_, n)| n).sum();
        let end = start + i32::try_from(covered.max(1)).unwrap_or(i32::MAX);
        out.extend(contig.to_le_bytes());
        out.extend(start.to_le_bytes());
        out.push(name.len() as u8);
        out.push(if self.score.is_some() { 30 } else { 0 });
        out.extend(bin(start, end).to_le_bytes());
        out.extend((self.cigar.len() as u16).to_le_bytes());
        out.extend(self.flags.to_le_bytes());
        out.extend(0_u32.to_le_bytes());
        out.extend(mate_contig.to_le_bytes());
        out.extend(mate_start.to_le_bytes());
        out.extend(self.template_length.to_le_bytes());
        out.extend(name.as_bytes());
        for (kind, length) in &self.cigar {
            out.extend((length << 4 | u32::from(*kind)).to_le_bytes());
        }
        if let Some(score) = self.score {
            out.extend(b"ASi");
            out.extend(score.to_le_bytes());
        }
        let size = (out.len() - from - 4) as u32;
        out[from..from + 4].copy_from_slice(&size.to_le_bytes());
    }
}

/// The bin of a stretch (SAM specification, section 5.3).
fn bin(start: i32, end: i32) -> u16 {
    let (start, last) = (start, end - 1);
    if start < 0 {
        return 4680;
    }
    for (shift, first) in [(14, 4681), (17, 585), (20, 73), (23, 9), (26, 1)] {
        if start >> shift == last >> shift {
            return (first + (start >> shift)) as u16;
        }
    }
    0
}

/// Writes a whole file.
pub(super) fn write_bam(
    out: &mut dyn Write,
    contigs: &[(String, u32)],
    sorted: bool,
    records: &[BamRecord],
) -> io::Result<()> {
    let order = if sorted { "SO:coordinate" } else { "SO:unsorted\tGO:query" };
    let mut text = format!("@HD\tVN:1.6\t{order}\n");
    for (name, length) in contigs {
        text += &format!("@SQ\tSN:{name}\tLN:{length}\n");
    }
    let mut bytes = b"BAM\x01".to_vec();
    bytes.extend((text.len() as u32).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.extend((contigs.len() as u32).to_le_bytes());
    for (name, length) in contigs {
        bytes.extend((name.len() as u32 + 1).to_le_bytes());
        bytes.extend(name.as_bytes());
        bytes.push(0);
        bytes.extend(length.to_le_bytes());
    }
    let mut blocks = Blocks { compress: Compress::new(Compression::new(6), false), packed: vec![0; BLOCK + 1024] };
    for record in records {
        record.encode(&mut bytes);
        while bytes.len() >= BLOCK {
            blocks.write(out, &bytes[..BLOCK])?;
            bytes.drain(..BLOCK);
        }
    }
    blocks.write(out, &bytes)?;
    out.write_all(&END_BLOCK)
}

struct Blocks {
    compress: Compress,
    packed: Vec<u8>,
}

impl Blocks {
    fn write(&mut self, out: &mut dyn Write, bytes: &[u8]) -> io::Result<()> {
        self.compress.reset();
        self.compress.compress(bytes, &mut self.packed, FlushCompress::Finish)?;
        let packed = &self.packed[..self.compress.total_out() as usize];
        let mut checksum = Crc::new();
        checksum.update(bytes);
        out.write_all(&[31, 139, 8, 4, 0, 0, 0, 0, 0, 255, 6, 0, b'B', b'C', 2, 0])?;
        out.write_all(&((packed.len() + 25) as u16).to_le_bytes())?;
        out.write_all(packed)?;
        out.write_all(&checksum.sum().to_le_bytes())?;
        out.write_all(&(bytes.len() as u32).to_le_bytes())
    }
}
