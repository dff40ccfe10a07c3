//! Random small alignment files, variants, regions and options, with everything that makes counting hard close together.

use std::{
    fs,
    io::{Read, Write},
    path::{Path, PathBuf},
};

use flate2::{Compression, Crc, read::MultiGzDecoder, write::DeflateEncoder};
use rust_htslib::bam::{self, Header, HeaderView, Record, header::HeaderRecord};
use scaletune_count_core::{AlleleOptions, Compat, CountOptions, Filters, IndelRule, Policy, RegionOptions};

/// SplitMix64.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((value ^ value >> 31) % end as u64) as usize
    }

    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.roll(items.len())]
    }

    pub fn one_in(&mut self, end: usize) -> bool {
        self.roll(end) == 0
    }
}

/// A record as SAM text would have it.
#[derive(Debug, Clone)]
pub struct Read1 {
    pub contig: usize,
    /// 0-based.
    pub start: i64,
    pub name: String,
    pub flags: u16,
    pub mapping_quality: u8,
    pub cigar: Vec<(char, u32)>,
    pub sequence: Vec<u8>,
    /// Empty where missing.
    pub qualities: Vec<u8>,
    pub barcode: Option<&'static str>,
}

/// A record of the variant file.
#[derive(Debug, Clone)]
pub struct Site1 {
    pub contig: String,
    pub position: u32,
    pub reference: String,
    pub alternates: String,
    pub genotype: &'static str,
}

pub const CONTIGS: [(&str, u32); 3] = [("one", 120_000), ("two", 70_000), ("none", 30_000)];
pub const BARCODES: [&str; 4] = ["AA-1", "CC-1", "GG-1", "TT-1"];
/// Of the barcodes, the first so many are on the list.
pub const LISTED: usize = 3;

/// Everything of one case, and its files.
pub struct Case {
    pub folder: tempfile::TempDir,
    pub reads: Vec<Read1>,
    pub sites: Vec<Site1>,
    /// Contig, start, end.
    pub regions: Vec<(String, u32, u32)>,
    pub options: CountOptions,
}

impl Case {
    pub fn new(seed: u64) -> Self {
        let dice = &mut Dice(seed);
        let folder = tempfile::tempdir().unwrap();
        // Places around which all happens: at the borders of the index's windows of 16 kb, and elsewhere.
        let places: Vec<(usize, i64)> = (0..2 + dice.roll(4))
            .map(|_| {
                let contig = dice.roll(2);
                let windows = CONTIGS[contig].1 as usize / 16_384;
                let border = (1 + dice.roll(windows)) as i64 * 16_384;
                (contig, if dice.one_in(3) { 500 + dice.roll(50_000) as i64 } else { border })
            })
            .collect();
        let reads = reads(dice, &places);
        let sites = sites(dice, &places);
        let regions = regions(dice, &places);
        let options = options(dice, folder.path());
        let case = Case { folder, reads, sites, regions, options };
        case.write(dice);
        case
    }

    fn write(&self, dice: &mut Dice) {
        let path = &self.options.alignments;
        write_bam(path, &self.reads);
        if dice.one_in(2) {
            let bytes = inflate(path);
            fs::write(path, reblock(&bytes, dice)).unwrap();
        }
        bam::index::build(path, None, bam::index::Type::Bai, 1).unwrap();
        let mut text = String::from("##fileformat=VCFv4.2\n##FORMAT=<ID=GT,Number=1,Type=String,Description=\"g\">\n");
        text.push_str("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS\n");
        for Site1 { contig, position, reference, alternates, genotype } in &self.sites {
            text.push_str(&format!("{contig}\t{position}\t.\t{reference}\t{alternates}\t.\t.\t.\tGT\t{genotype}\n"));
        }
        fs::write(&self.options.variants, text).unwrap();
        let bed: String =
            self.regions.iter().map(|(contig, start, end)| format!("{contig}\t{start}\t{end}\n")).collect();
        fs::write(self.folder.path().join("r.bed"), bed).unwrap();
        let list: String = BARCODES[..LISTED].iter().map(|barcode| format!("{barcode}\n")).collect();
        fs::write(self.folder.path().join("cells.txt"), list).unwrap();
    }
}

fn options(dice: &mut Dice, folder: &Path) -> CountOptions {
    let compat = dice.one_in(5).then_some(Compat::Wasp2V1_5);
    let rules = [None, Some(IndelRule::Substring), Some(IndelRule::Cigar)];
    let exclude_flags = *dice.pick(&[0, 0, 0x400, 0x900]);
    CountOptions {
        alignments: folder.join("a.bam"),
        variants: folder.join("v.vcf"),
        sample: dice.one_in(2).then(|| "S".to_owned()),
        regions: dice.one_in(3).then(|| RegionOptions { path: folder.join("r.bed"), ..Default::default() }),
        alleles: AlleleOptions {
            include_indels: dice.one_in(2),
            include_multiallelic: dice.one_in(2),
            fold_case: dice.one_in(4),
            indel_rule: if compat.is_some() { None } else { *dice.pick(&rules) },
        },
        policy: *dice.pick(&[Policy::Wasp2, Policy::Wasp2, Policy::Fragment, Policy::Read]),
        filters: Filters {
            min_base_quality: *dice.pick(&[0, 0, 20]),
            min_mapping_quality: *dice.pick(&[0, 0, 10]),
            exclude_flags,
            require_flags: *dice.pick(&[0, 0, 0, 1]),
        },
        barcodes: dice.one_in(3).then(|| folder.join("cells.txt")),
        ledger: dice.one_in(2),
        compat,
        ..Default::default()
    }
}

fn reads(dice: &mut Dice, places: &[(usize, i64)]) -> Vec<Read1> {
    let names = 4 + dice.roll(60);
    let mut reads: Vec<Read1> = (0..dice.roll(220))
        .map(|_| {
            let &(contig, place) = dice.pick(places);
            let cigar = cigar(dice);
            let query: u32 =
                cigar.iter().filter(|(letter, _)| "MIS=X".contains(*letter)).map(|&(_, length)| length).sum();
            let missing = dice.one_in(25);
            let sequence: Vec<u8> =
                if missing { vec![] } else { (0..query).map(|_| *dice.pick(b"AAAAACCCCGGGGTTTTNR")).collect() };
            let qualities =
                if dice.one_in(10) { vec![] } else { sequence.iter().map(|_| *dice.pick(&[2, 19, 20, 37])).collect() };
            Read1 {
                contig,
                start: place - 45 + dice.roll(60) as i64,
                name: format!("t{}", dice.roll(names)),
                flags: *dice.pick(&[0, 99, 147, 99, 147, 256, 1024, 2048, 4, 73, 0x200]),
                mapping_quality: *dice.pick(&[0, 9, 10, 60, 60, 60]),
                cigar,
                sequence,
                qualities,
                barcode: (!dice.one_in(6)).then(|| *dice.pick(&BARCODES)),
            }
        })
        .collect();
    reads.sort_by_key(|read| (read.contig, read.start));
    reads
}

fn cigar(dice: &mut Dice) -> Vec<(char, u32)> {
    if dice.one_in(30) {
        return vec![];
    }
    let mut cigar = vec![];
    if dice.one_in(8) {
        cigar.push(('H', 3));
    }
    if dice.one_in(5) {
        cigar.push(('S', 1 + dice.roll(5) as u32));
    }
    for part in 0..1 + dice.roll(3) {
        if part > 0 {
            match dice.roll(6) {
                0 => cigar.push(('I', 1 + dice.roll(3) as u32)),
                1 | 2 => cigar.push(('D', 1 + dice.roll(4) as u32)),
                // Sometimes over a border of the index, or several.
                3 => cigar.push(('N', 5 + dice.roll(40_000) as u32)),
                4 => cigar.push(('N', 5 + dice.roll(30) as u32)),
                _ => cigar.push(('P', 1)),
            }
        }
        cigar.push((*dice.pick(&['M', 'M', 'M', '=', 'X']), 4 + dice.roll(30) as u32));
    }
    if dice.one_in(5) {
        cigar.push(('S', 1 + dice.roll(5) as u32));
    }
    cigar
}

fn sites(dice: &mut Dice, places: &[(usize, i64)]) -> Vec<Site1> {
    let mut sites: Vec<Site1> = (0..dice.roll(60))
        .map(|_| {
            let &(contig, place) = dice.pick(places);
            let contig = if dice.one_in(15) { "absent" } else { CONTIGS[contig].0 };
            // Clustered, so that many reads cover several, and several share a position.
            let position = (place - 40 + dice.roll(80) as i64) as u32;
            let (reference, alternates) = *dice.pick(&[
                ("A", "G"),
                ("A", "C"),
                ("C", "T"),
                ("G", "A"),
                ("T", "A"),
                ("A", "G"),
                ("C", "G"),
                ("A", "G,C"),
                ("T", "*"),
                ("a", "g"),
                ("A", "AC"),
                ("A", "AA"),
                ("CA", "C"),
                ("ACG", "A"),
                ("AC", "GT"),
                ("A", "<X>"),
                ("A", "<DEL>,G"),
                ("G", "*,GT"),
                ("R", "A"),
                ("A", "."),
                ("N", "A"),
                ("A", "]one:5]A"),
            ]);
            let genotype = *dice.pick(&["0|1", "1|0", "0/1", "1|1", "0|0", "./.", "1", "1|2", ".|1"]);
            let [reference, alternates] = [reference, alternates].map(str::to_owned);
            Site1 { contig: contig.to_owned(), position, reference, alternates, genotype }
        })
        .collect();
    // Now and then the variant file is not sorted: the order of its rows is the order of the sites.
    if !dice.one_in(4) {
        sites.sort_by_key(|site| (CONTIGS.iter().position(|contig| contig.0 == site.contig), site.position));
    }
    sites
}

fn regions(dice: &mut Dice, places: &[(usize, i64)]) -> Vec<(String, u32, u32)> {
    (0..dice.roll(12))
        .map(|_| {
            let &(contig, place) = dice.pick(places);
            let start = (place - 60).max(0) as u32 + dice.roll(80) as u32;
            let length = *dice.pick(&[1, 30, 200, 20_000]);
            (CONTIGS[contig].0.to_owned(), start.saturating_sub(length / 2), start + length)
        })
        .collect()
}

/// Writes reads through htslib, in the order given.
pub fn write_bam(path: &Path, reads: &[Read1]) {
    let mut header = Header::new();
    header.push_record(HeaderRecord::new(b"HD").push_tag(b"VN", "1.6").push_tag(b"SO", "coordinate"));
    for (name, length) in CONTIGS {
        header.push_record(HeaderRecord::new(b"SQ").push_tag(b"SN", name).push_tag(b"LN", length));
    }
    let view = HeaderView::from_header(&header);
    let mut writer = bam::Writer::from_path(path, &header, bam::Format::Bam).unwrap();
    for read in reads {
        let cigar: String = read.cigar.iter().map(|(letter, length)| format!("{length}{letter}")).collect();
        let star = |text: String| if text.is_empty() { "*".to_owned() } else { text };
        let sequence = star(String::from_utf8(read.sequence.clone()).unwrap());
        let qualities = star(read.qualities.iter().map(|&quality| char::from(quality + 33)).collect());
        let barcode = read.barcode.map_or(String::new(), |barcode| format!("\tCB:Z:{barcode}"));
        let Read1 { contig, start, name, flags, mapping_quality, .. } = read;
        let (contig, start) = (CONTIGS[*contig].0, start + 1);
        let line = format!(
            "{name}\t{flags}\t{contig}\t{start}\t{mapping_quality}\t{}\t*\t0\t0\t{sequence}\t{qualities}{barcode}",
            star(cigar)
        );
        writer.write(&Record::from_sam(&view, line.as_bytes()).unwrap()).unwrap();
    }
}

pub fn inflate(path: &Path) -> Vec<u8> {
    let mut bytes = vec![];
    MultiGzDecoder::new(fs::File::open(path).unwrap()).read_to_end(&mut bytes).unwrap();
    bytes
}

/// The same bytes in small blocks that records lie across, with empty blocks between.
pub fn reblock(mut bytes: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut file = vec![];
    while !bytes.is_empty() {
        let length = (1 + dice.roll(900)).min(bytes.len());
        block(&bytes[..length], &mut file);
        if dice.one_in(10) {
            block(&[], &mut file);
        }
        bytes = &bytes[length..];
    }
    block(&[], &mut file);
    file
}

/// Appends a BGZF block.
pub fn block(bytes: &[u8], file: &mut Vec<u8>) {
    let mut encoder = DeflateEncoder::new(vec![], Compression::default());
    encoder.write_all(bytes).unwrap();
    let packed = encoder.finish().unwrap();
    let mut sum = Crc::new();
    sum.update(bytes);
    file.extend([31, 139, 8, 4, 0, 0, 0, 0, 0, 255, 6, 0, 66, 67, 2, 0]);
    file.extend((packed.len() as u16 + 25).to_le_bytes());
    file.extend(packed);
    file.extend(sum.sum().to_le_bytes());
    file.extend((bytes.len() as u32).to_le_bytes());
}

/// Keeps the folder of a failed case for a look at it.
pub fn keep(case: Case) -> PathBuf {
    case.folder.keep()
}
