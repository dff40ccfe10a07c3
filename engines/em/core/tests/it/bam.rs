//! Small BAM files, made record by record (SAM specification, sections 4.1 and 4.2): no sequences, no qualities.

use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

/// Bases of each contig.
const CONTIG: u32 = 100_000;

/// A record whose bases all match, and the place of its mate on the same contig.
#[derive(Clone, Copy)]
pub(crate) struct Read {
    pub(crate) name: &'static str,
    pub(crate) flags: u16,
    pub(crate) contig: i32,
    /// Counted from 1.
    pub(crate) start: i32,
    pub(crate) length: u32,
    pub(crate) mate: Option<i32>,
}

impl Read {
    fn encode(&self, out: &mut Vec<u8>) {
        let mut body = Vec::new();
        let mapped = self.flags & 4 == 0;
        let mate = self.mate.map_or((-1, -1), |start| (self.contig, start - 1));
        let template = self.mate.map_or(0, |start| start - self.start);
        body.extend(self.contig.to_le_bytes());
        body.extend((self.start - 1).to_le_bytes());
        body.extend([self.name.len() as u8 + 1, 60]);
        body.extend(4681_u16.to_le_bytes());
        body.extend(u16::from(mapped).to_le_bytes());
        body.extend(self.flags.to_le_bytes());
        body.extend(0_u32.to_le_bytes());
        body.extend(mate.0.to_le_bytes());
        body.extend(mate.1.to_le_bytes());
        body.extend(template.to_le_bytes());
        body.extend(self.name.as_bytes());
        body.push(0);
        if mapped {
            body.extend((self.length << 4).to_le_bytes());
            body.extend(b"ASi");
            body.extend(50_i32.to_le_bytes());
        }
        out.extend((body.len() as u32).to_le_bytes());
        out.extend(body);
    }
}

/// Writes a file that says that it is grouped by name.
pub(crate) fn write_bam(path: &Path, contigs: &[&str], reads: &[Read]) {
    let mut text = "@HD\tVN:1.6\tSO:unsorted\tGO:query\n".to_owned();
    contigs.iter().for_each(|contig| text += &format!("@SQ\tSN:{contig}\tLN:{CONTIG}\n"));
    let mut bytes = b"BAM\x01".to_vec();
    bytes.extend((text.len() as u32).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.extend((contigs.len() as u32).to_le_bytes());
    for contig in contigs {
        bytes.extend((contig.len() as u32 + 1).to_le_bytes());
        bytes.extend(contig.as_bytes());
        bytes.push(0);
        bytes.extend(CONTIG.to_le_bytes());
    }
    reads.iter().for_each(|read| read.encode(&mut bytes));
    write_blocks(path, &bytes, 60_000);
}

/// Writes bytes in blocks of `length`, and the empty block that ends a file.
pub(crate) fn write_blocks(path: &Path, bytes: &[u8], length: usize) {
    let mut out = Vec::new();
    for piece in bytes.chunks(length).chain([&[][..]]) {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(piece).unwrap();
        let data = encoder.finish().unwrap();
        out.extend([31, 139, 8, 4, 0, 0, 0, 0, 0, 255, 6, 0, 66, 67, 2, 0]);
        out.extend(u16::try_from(data.len() + 25).unwrap().to_le_bytes());
        out.extend(data);
        let mut crc = Crc::new();
        crc.update(piece);
        out.extend(crc.sum().to_le_bytes());
        out.extend((piece.len() as u32).to_le_bytes());
    }
    fs::write(path, out).unwrap();
}
