//! The reader over noodles: an independent decoder of BAM, to compare the others with.
//!
//! noodles takes some damage for the end of the file (a block's header cut short, a record of size 0); here the end is
//! believed only where the file ends.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
};

use noodles_bam as bam;
use noodles_bgzf as bgzf;
use noodles_sam::alignment::record::data::field::Value;

use crate::{
    AlignmentFile, Error, Visitor,
    alignment::{Alignment, BEFORE_CONTIG, CIGAR_MISFIT, Field, query_length},
    bgzf::Source,
    flag,
    raw::damaged_fields,
    unit::{Range, VirtualOffset},
};

/// Compressed bytes read at once.
const BUFFER: usize = 128 << 10;

/// No byte of DEFLATE inflates to more.
const LARGEST_RATIO: u64 = 1032;

type Blocks = bgzf::io::Reader<BufReader<File>>;

/// Reads units of one BAM file.
pub(crate) struct NoodlesReader {
    source: Source,
    contigs: usize,
    reader: bam::io::Reader<Blocks>,
    record: bam::Record,
    /// Qualities of a record that has none, which noodles leaves out.
    missing: Vec<u8>,
}

impl NoodlesReader {
    pub(crate) fn open(file: &AlignmentFile) -> Result<Self, Error> {
        let open = File::open(file.path()).map_err(|source| Error::Open { path: file.path().to_owned(), source })?;
        let blocks = bgzf::io::Reader::new(BufReader::with_capacity(BUFFER, open));
        Ok(NoodlesReader {
            source: file.source().clone(),
            contigs: file.contigs().len(),
            reader: bam::io::Reader::from(blocks),
            record: bam::Record::default(),
            missing: Vec::new(),
        })
    }

    /// Shows the visitor every record that starts in the range, whatever its `until`.
    pub(crate) fn walk<V: Visitor>(&mut self, range: &Range, visitor: &mut V) -> Result<(), V::Error> {
        let begin = bgzf::VirtualPosition::from(range.begin.bits());
        self.reader.get_mut().seek(begin).map_err(|error| self.misplaced(range.begin, &error.to_string()))?;
        loop {
            let blocks = self.reader.get_mut();
            let (is_end, size) = match blocks.fill_buf() {
                Ok(bytes) => (bytes.is_empty(), bytes.first_chunk().map_or(0, |size| u32::from_le_bytes(*size))),
                Err(error) => return Err(self.damaged(&error).into()),
            };
            let place = VirtualOffset::from_bits(self.reader.get_ref().virtual_position().into());
            if is_end {
                return Ok(self.check_end(range)?);
            }
            if place >= range.end {
                return Ok(());
            }
            // noodles makes room for whatever size a record gives itself, up to 4 GiB.
            if u64::from(size) > (self.source.size().saturating_sub(place.block())).saturating_mul(LARGEST_RATIO) {
                return Err(self.bad_record(place, "a record gives itself more bytes than the file can hold").into());
            }
            let size = self.reader.read_record(&mut self.record).map_err(|error| self.damaged(&error))?;
            if size == 0 {
                return Err(self.bad_record(place, "a record gives itself a size of 0").into());
            }
            let wanted = self.record.sequence().len();
            if self.missing.len() < wanted {
                self.missing.resize(wanted, u8::MAX);
            }
            let record = NoodlesRecord::new(&self.record, self.contigs, &self.missing)
                .map_err(|problem| self.bad_record(place, problem))?;
            visitor.record(&record)?;
        }
    }

    /// Believes the end only where the file ends, and only a range that goes on to there.
    fn check_end(&self, range: &Range) -> Result<(), Error> {
        let position = self.reader.get_ref().position();
        if position != self.source.size() {
            return Err(self.source.damaged(position, "the file ends within the block that begins here"));
        }
        // The last range may end at the end-of-file block.
        if range.end != VirtualOffset::END && range.end.block() > position {
            return Err(self.misplaced(range.end, "the file ends before the range does"));
        }
        Ok(())
    }

    fn damaged(&self, error: &io::Error) -> Error {
        let problem = format!("a block or record here can't be read ({error})");
        self.source.damaged(self.reader.get_ref().position(), problem)
    }

    fn bad_record(&self, place: VirtualOffset, problem: &str) -> Error {
        Error::Record { path: self.source.owned_path(), offset: place.block(), problem: problem.to_owned() }
    }

    fn misplaced(&self, place: VirtualOffset, problem: &str) -> Error {
        Error::Misplaced { path: self.source.owned_path(), offset: place.block(), problem: problem.to_owned() }
    }
}

/// A record of noodles with its numbers checked.
struct NoodlesRecord<'a> {
    record: &'a bam::Record,
    reference_id: i32,
    start: i64,
    mate_reference_id: i32,
    mate_start: i64,
    missing: &'a [u8],
}

impl<'a> NoodlesRecord<'a> {
    fn new(record: &'a bam::Record, contigs: usize, missing: &'a [u8]) -> Result<Self, &'static str> {
        let contig = |number: Option<io::Result<usize>>| match number {
            None => Ok(-1),
            Some(Ok(number)) if number < contigs => {
                i32::try_from(number).map_err(|_| "a record names a contig that the header does not have")
            }
            Some(_) => Err("a record names a contig that the header does not have"),
        };
        let start = |position: Option<io::Result<_>>| match position {
            None => Ok(-1),
            Some(Ok(position)) => Ok(usize::from(position) as i64 - 1),
            Some(Err(_)) => Err(BEFORE_CONTIG),
        };
        let record = NoodlesRecord {
            record,
            reference_id: contig(record.reference_sequence_id())?,
            start: start(record.alignment_start())?,
            mate_reference_id: contig(record.mate_reference_sequence_id())?,
            mate_start: start(record.mate_alignment_start()).unwrap_or(-1),
            missing,
        };
        let is_free =
            record.cigar().is_empty() || record.sequence_length() == 0 || record.flags() & flag::UNMAPPED != 0;
        if !is_free && query_length(record.cigar()) != record.sequence_length() as u64 {
            return Err(CIGAR_MISFIT);
        }
        Ok(record)
    }

    /// Whether the CIGAR stands among the optional fields, in the tag CG.
    fn has_long_cigar(&self) -> bool {
        let fields = self.record.data().as_bytes().as_ptr_range();
        fields.contains(&self.record.cigar().as_bytes().as_ptr())
    }
}

impl Alignment for NoodlesRecord<'_> {
    fn reference_id(&self) -> i32 {
        self.reference_id
    }

    fn start(&self) -> i64 {
        self.start
    }

    fn flags(&self) -> u16 {
        self.record.flags().bits()
    }

    fn mapping_quality(&self) -> u8 {
        self.record.mapping_quality().map_or(u8::MAX, u8::from)
    }

    fn name(&self) -> &[u8] {
        self.record.name().map_or(b"*", |name| name.as_ref())
    }

    fn cigar(&self) -> &[u8] {
        self.record.cigar().as_bytes()
    }

    fn sequence_length(&self) -> usize {
        self.record.sequence().len()
    }

    fn packed_sequence(&self) -> &[u8] {
        self.record.sequence().as_bytes()
    }

    fn qualities(&self) -> &[u8] {
        let qualities = self.record.quality_scores().as_bytes();
        if qualities.is_empty() { &self.missing[..self.sequence_length()] } else { qualities }
    }

    fn mate_reference_id(&self) -> i32 {
        self.mate_reference_id
    }

    fn mate_start(&self) -> i64 {
        self.mate_start
    }

    fn template_length(&self) -> i64 {
        i64::from(self.record.template_length())
    }

    fn field(&self, tag: [u8; 2]) -> Result<Option<Field<'_>>, Error> {
        // A CIGAR that was moved to its place is not a field any more.
        if tag == *b"CG" && self.has_long_cigar() {
            return Ok(None);
        }
        let Some(value) = self.record.data().get(&tag) else { return Ok(None) };
        let value = value.map_err(|_| damaged_fields(self, "its optional fields can't be read"))?;
        Ok(Some(match value {
            Value::Character(letter) => Field::Character(letter),
            Value::Int8(number) => Field::Integer(number.into()),
            Value::UInt8(number) => Field::Integer(number.into()),
            Value::Int16(number) => Field::Integer(number.into()),
            Value::UInt16(number) => Field::Integer(number.into()),
            Value::Int32(number) => Field::Integer(number.into()),
            Value::UInt32(number) => Field::Integer(number.into()),
            Value::Float(number) => Field::Float(number),
            Value::String(text) => Field::Text(text.as_ref()),
            Value::Hex(text) => Field::Hex(text.as_ref()),
            Value::Array(_) => Field::Array,
        }))
    }
}
