//! BAM bytes through `hts`. The first byte says who reads, and whether the bytes are a file, or the content that is
//! wrapped in sound blocks, long or short, first: mutations of compressed bytes seldom get past a block's checksum.

use crate::scratch;
use scaletune_hts::{
    Alignment, AlignmentFile, Decode, Decoder, Error, Fields, OpenOptions, Reader, ReaderPlan, Visitor, alignment,
};

/// Looks at every field of every record.
#[derive(Default)]
struct Look {
    records: u64,
    sum: u64,
}

impl Visitor for Look {
    type Error = Error;

    fn record<A: Alignment>(&mut self, record: &A) -> Result<(), Error> {
        self.records += 1;
        let bytes = |bytes: &[u8]| bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>();
        let numbers = u64::from(record.reference_id().unsigned_abs())
            ^ record.start().unsigned_abs()
            ^ u64::from(record.flags())
            ^ u64::from(record.mapping_quality())
            ^ record.sequence_length() as u64
            ^ u64::from(record.mate_reference_id().unsigned_abs())
            ^ record.mate_start().unsigned_abs()
            ^ record.template_length().unsigned_abs()
            ^ record.reference_length();
        let operations: u64 = alignment::cigar_operations(record.cigar()).map(|(_, length)| u64::from(length)).sum();
        let texts = bytes(record.name()) + bytes(record.packed_sequence()) + bytes(record.qualities());
        self.sum = self.sum.wrapping_add(numbers).wrapping_add(operations).wrapping_add(texts);
        for tag in [*b"NM", *b"CB", *b"XB", *b"ZZ"] {
            self.sum = self.sum.wrapping_add(u64::from(record.field(tag)?.is_some()));
        }
        Ok(())
    }
}

/// Reads a whole file, and the same in pieces: those hold the same records, or end with an error.
pub fn target(data: &[u8]) -> bool {
    let Some((first, rest)) = data.split_first() else { return false };
    let decoder = [Decoder::Raw, Decoder::Htslib, Decoder::Noodles][usize::from(first & 3) % 3];
    let file = match first & 12 {
        0 => wrapped(rest, 40_000),
        8 => wrapped(rest, 100),
        _ => rest.to_vec(),
    };
    scratch::file("a.bam", &file, |path| {
        let options = OpenOptions { without_index: true, ..OpenOptions::default() };
        let Ok(file) = AlignmentFile::open(path, &options) else { return false };
        let open = || Reader::open(&file, &ReaderPlan { decoder, decode: Decode::Inline, fields: Fields::ALL });
        let Ok(mut reader) = open() else { return false };
        let mut look = Look::default();
        let outcome = reader.walk(&file.whole_file(), &mut look);
        if decoder == Decoder::Raw
            && let Ok(mut reader) = open()
        {
            let mut again = Look::default();
            if file.pieces(4).iter().try_for_each(|piece| reader.walk(piece, &mut again)).is_ok() {
                assert!(outcome.is_ok() && (again.records, again.sum) == (look.records, look.sum));
            }
        }
        std::hint::black_box(look.sum);
        outcome.is_ok() && look.records > 0
    })
}

/// The empty block at the end of every BGZF file.
const END: [u8; 28] =
    [0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff, 6, 0, 0x42, 0x43, 2, 0, 0x1b, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// The content as BGZF: stored, not compressed, since that is fast and keeps every byte.
fn wrapped(content: &[u8], length: usize) -> Vec<u8> {
    let mut file = Vec::new();
    for block in content.chunks(length) {
        let length = block.len() as u16;
        let total = 18 + 5 + block.len() + 8;
        file.extend([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff, 6, 0, 0x42, 0x43, 2, 0]);
        file.extend((total as u16 - 1).to_le_bytes());
        file.push(1);
        file.extend(length.to_le_bytes());
        file.extend((!length).to_le_bytes());
        file.extend(block);
        let mut checksum = libdeflater::Crc::new();
        checksum.update(block);
        file.extend(checksum.sum().to_le_bytes());
        file.extend(u32::from(length).to_le_bytes());
    }
    file.extend(END);
    file
}

/// The content of a BAM file of two contigs and three records, for each reader; and one as a file.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut content = b"BAM\x01".to_vec();
    let text = b"@HD\tVN:1.6\tSO:coordinate\n@SQ\tSN:one\tLN:1000\n@SQ\tSN:two\tLN:500\n";
    content.extend((text.len() as u32).to_le_bytes());
    content.extend(text);
    content.extend(2u32.to_le_bytes());
    for (name, length) in [("one", 1000u32), ("two", 500)] {
        content.extend((name.len() as u32 + 1).to_le_bytes());
        content.extend(name.as_bytes());
        content.push(0);
        content.extend(length.to_le_bytes());
    }
    for (contig, start) in [(0i32, 10i32), (0, 20), (1, 5)] {
        record(&mut content, contig, start);
    }
    let mut seeds: Vec<Vec<u8>> = [0, 1, 2, 8].map(|first| [&[first], content.as_slice()].concat()).to_vec();
    seeds.push([&[4], wrapped(&content, 40_000).as_slice()].concat());
    seeds
}

/// One record: 4 bases, `3M1S`, a text, a number and an array.
fn record(content: &mut Vec<u8>, contig: i32, start: i32) {
    let mut body = Vec::new();
    body.extend(contig.to_le_bytes());
    body.extend(start.to_le_bytes());
    body.extend([5, 60]);
    body.extend(4681u16.to_le_bytes());
    body.extend(2u16.to_le_bytes());
    body.extend(99u16.to_le_bytes());
    body.extend(4u32.to_le_bytes());
    body.extend(contig.to_le_bytes());
    body.extend((start + 30).to_le_bytes());
    body.extend(34i32.to_le_bytes());
    body.extend(b"read\0");
    body.extend((3u32 << 4).to_le_bytes());
    body.extend((1u32 << 4 | 4).to_le_bytes());
    body.extend([0x12, 0x48, 30, 31, 32, 33]);
    body.extend(b"CBZcell\0NMC\x01XBBs\x02\0\0\0\x01\0\x02\0");
    content.extend((body.len() as u32).to_le_bytes());
    content.extend(body);
}
