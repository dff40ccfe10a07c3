//! Files for the tests, and records as plain values.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rust_htslib::bam::{
    self,
    header::HeaderRecord,
    record::{Aux, Cigar, CigarString},
};
use scaletune_hts::{
    Alignment, AlignmentFile, Decode, Decoder, Error, Field, Fields, OpenOptions, Reader, ReaderPlan, Unit, Visitor,
};

/// The contigs of every test file; the second never has a record.
pub(crate) const CONTIGS: [(&str, u64); 4] = [("one", 300_000), ("bare", 20_000), ("two", 70_000), ("three", 200_000)];

/// Everything that a reader tells of a record.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seen {
    pub(crate) reference_id: i32,
    pub(crate) start: i64,
    pub(crate) flags: u16,
    pub(crate) mapping_quality: u8,
    pub(crate) name: String,
    pub(crate) cigar: Vec<(u8, u32)>,
    pub(crate) bases: (usize, Vec<u8>),
    pub(crate) qualities: Vec<u8>,
    pub(crate) mate: (i32, i64, i64),
    pub(crate) fields: Vec<String>,
    pub(crate) reference_length: u64,
}

impl Seen {
    fn of<A: Alignment>(record: &A) -> Result<Self, Error> {
        let mut fields = Vec::new();
        for tag in [*b"NM", *b"CB", *b"XA", *b"XF", *b"XB", *b"XH", *b"CG", *b"ZZ"] {
            fields.push(match record.field(tag)? {
                Some(Field::Text(text)) => String::from_utf8_lossy(text).into_owned(),
                other => format!("{other:?}"),
            });
        }
        Ok(Seen {
            reference_id: record.reference_id(),
            start: record.start(),
            flags: record.flags(),
            mapping_quality: record.mapping_quality(),
            name: String::from_utf8_lossy(record.name()).into_owned(),
            cigar: scaletune_hts::alignment::cigar_operations(record.cigar()).collect(),
            bases: (record.sequence_length(), record.packed_sequence().to_vec()),
            qualities: record.qualities().to_vec(),
            mate: (record.mate_reference_id(), record.mate_start(), record.template_length()),
            fields,
            reference_length: record.reference_length(),
        })
    }

    /// Behind the last base, as the index counts: an unmapped record takes one.
    pub(crate) fn end(&self) -> i64 {
        let is_unmapped = self.flags & 4 != 0;
        self.start + if is_unmapped { 1 } else { i64::try_from(self.reference_length).unwrap().max(1) }
    }
}

/// Keeps what it sees.
#[derive(Default)]
pub(crate) struct Collect(pub(crate) Vec<Seen>);

impl Visitor for Collect {
    type Error = Error;

    fn record<A: Alignment>(&mut self, record: &A) -> Result<(), Error> {
        self.0.push(Seen::of(record)?);
        Ok(())
    }
}

/// The records of a unit.
pub(crate) fn walk(reader: &mut Reader, unit: &Unit) -> Result<Vec<Seen>, Error> {
    let mut collect = Collect::default();
    reader.walk(unit, &mut collect)?;
    Ok(collect.0)
}

pub(crate) fn reader(file: &AlignmentFile, decoder: Decoder, decode: Decode) -> Reader {
    Reader::open(file, &ReaderPlan { decoder, decode, fields: Fields::ALL }).unwrap()
}

pub(crate) fn open(path: &Path) -> Result<AlignmentFile, Error> {
    AlignmentFile::open(path, &OpenOptions::default())
}

/// All records of a file by a reader of its own.
pub(crate) fn read_all(path: &Path, decoder: Decoder) -> Result<Vec<Seen>, Error> {
    let file = open(path)?;
    walk(&mut reader(&file, decoder, Decode::Inline), &file.whole_file())
}

/// A record to write.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) reference_id: i32,
    pub(crate) start: i64,
    pub(crate) flags: u16,
    pub(crate) cigar: Vec<Cigar>,
    /// Whether base qualities are missing.
    pub(crate) bare: bool,
    /// Bytes of a text field: makes records of any size.
    pub(crate) padding: usize,
}

impl Draft {
    /// A mapped record.
    pub(crate) fn new(reference_id: i32, start: i64, cigar: Vec<Cigar>) -> Self {
        Draft { reference_id, start, flags: 0, cigar, bare: false, padding: 0 }
    }

    fn record(&self, number: usize) -> bam::Record {
        let mut record = bam::Record::new();
        let length: u32 = self
            .cigar
            .iter()
            .map(|operation| match operation {
                Cigar::Match(n) | Cigar::Ins(n) | Cigar::SoftClip(n) | Cigar::Equal(n) | Cigar::Diff(n) => *n,
                _ => 0,
            })
            .sum();
        let bases: Vec<u8> = (0..length as usize).map(|at| b"ACGTN"[(at * 7 + number) % 5]).collect();
        let qualities: Vec<u8> =
            bases.iter().enumerate().map(|(at, _)| if self.bare { 255 } else { ((at + number) % 41) as u8 }).collect();
        let cigar = CigarString(self.cigar.clone());
        record.set(format!("read{number}").as_bytes(), Some(&cigar), &bases, &qualities);
        record.set_tid(self.reference_id);
        record.set_pos(self.start);
        record.set_flags(self.flags);
        record.set_mapq((number % 61) as u8);
        record.set_mtid(self.reference_id);
        record.set_mpos(self.start);
        record.set_insert_size(-(number as i64 % 1000));
        record.push_aux(b"NM", Aux::U16(number as u16)).unwrap();
        record.push_aux(b"XA", Aux::Char(b'q')).unwrap();
        record.push_aux(b"XF", Aux::Float(0.5)).unwrap();
        let numbers = [1_i32, -2];
        record.push_aux(b"XB", Aux::ArrayI32((&numbers[..]).into())).unwrap();
        record.push_aux(b"XH", Aux::HexByteArray("1AE3")).unwrap();
        record.push_aux(b"CB", Aux::String(&noise(self.padding, number))).unwrap();
        record
    }
}

/// Letters that hardly compress.
fn noise(length: usize, seed: usize) -> String {
    let mut state = seed as u64 * 2 + 0x9E37_79B9_7F4A_7C15;
    let letters = (0..length).map(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b'!' + (state % 90) as u8)
    });
    letters.collect()
}

/// The order of a sorted file: records without a contig last.
pub(crate) fn sort(drafts: &mut [Draft]) {
    drafts.sort_by_key(|draft| (draft.reference_id as u32, draft.start));
}

pub(crate) fn header(order: &str) -> bam::Header {
    let mut header = bam::Header::new();
    header.push_record(HeaderRecord::new(b"HD").push_tag(b"VN", "1.6").push_tag(b"SO", order));
    for (name, length) in CONTIGS {
        header.push_record(HeaderRecord::new(b"SQ").push_tag(b"SN", name).push_tag(b"LN", length));
    }
    header
}

/// Writes a BAM file.
pub(crate) fn write(path: &Path, drafts: &[Draft]) {
    let mut writer = bam::Writer::from_path(path, &header("coordinate"), bam::Format::Bam).unwrap();
    for (number, draft) in drafts.iter().enumerate() {
        writer.write(&draft.record(number)).unwrap();
    }
}

/// A folder and a BAM file of `count` records in it, in small blocks over whose edges records lie, with its index.
pub(crate) fn small_file(count: usize) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("small.bam");
    let mut drafts: Vec<Draft> = (0..count)
        .map(|number| {
            let reference_id = [0, 2, 3][number % 3];
            Draft::new(reference_id, (number as i64 * 7919) % 60_000, vec![Cigar::Match(40)])
        })
        .collect();
    drafts.extend((0..5).map(|_| Draft { flags: 4, ..Draft::new(-1, -1, vec![]) }));
    sort(&mut drafts);
    write(&path, &drafts);
    crate::bgzf::rewrite(&path, 1777, 5);
    scaletune_hts::index_alignments(&path, scaletune_hts::IndexKind::Bai).unwrap();
    (folder, path)
}

/// Moves every place of a BAI index; its counts stay.
pub(crate) fn move_places(index: &Path, mut to: impl FnMut(u64) -> u64) {
    let mut bytes = fs::read(index).unwrap();
    let number = |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let mut move_place = |bytes: &mut [u8], at: usize| {
        let place = u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
        bytes[at..at + 8].copy_from_slice(&to(place).to_le_bytes());
    };
    let mut at = 8;
    for _ in 0..number(&bytes, 4) {
        let bins = number(&bytes, at);
        at += 4;
        for _ in 0..bins {
            let (bin, chunks) = (number(&bytes, at), number(&bytes, at + 4) as usize);
            at += 8;
            // Of the bin that holds the statistics only the first pair are places.
            let places = if bin == 37450 { 2 } else { 2 * chunks };
            (0..places).for_each(|place| move_place(&mut bytes, at + 8 * place));
            at += 16 * chunks;
        }
        let windows = number(&bytes, at) as usize;
        at += 4;
        (0..windows).for_each(|window| move_place(&mut bytes, at + 8 * window));
        at += 8 * windows;
    }
    fs::write(index, bytes).unwrap();
}
