//! Contigs, their bases, and the variants of one diploid sample.

use std::{io, io::Write, path::Path};

use super::{
    SAMPLE, SimulateOptions,
    bgzf::BgzfWriter,
    random::{Random, mix},
};

/// Lengths of the human chromosomes 1 to 22 and X (GRCh38).
const HUMAN: [u32; 23] = [
    248_956_422,
    242_193_529,
    198_295_559,
    190_214_555,
    181_538_259,
    170_805_979,
    159_345_973,
    145_138_636,
    138_394_717,
    133_797_422,
    135_086_622,
    133_275_309,
    114_364_328,
    107_043_718,
    101_991_189,
    90_338_345,
    83_257_441,
    80_373_285,
    58_617_616,
    64_444_167,
    46_709_983,
    50_818_468,
    156_040_895,
];
/// No contig is shorter.
const SHORTEST: f64 = 6_000.0;
/// No variant is nearer to a contig's end.
const MARGIN: i64 = 200;
const CELLS: u64 = 200;
/// Cells on the list; the others occur but are not wanted.
const LISTED: usize = 150;
const BASES: &[u8; 4] = b"ACGT";

pub(super) struct Genome {
    pub(super) contigs: Vec<Contig>,
    pub(super) barcodes: Vec<String>,
    seed: u64,
}

pub(super) struct Contig {
    pub(super) name: String,
    pub(super) length: i64,
    /// Sorted by position.
    pub(super) variants: Vec<Variant>,
}

pub(super) struct Variant {
    /// 0-based.
    pub(super) position: i32,
    pub(super) reference: u8,
    pub(super) kind: Kind,
    pub(super) genotype: &'static str,
}

/// What a record's ALT says.
pub(super) enum Kind {
    Snp(u8),
    Two(u8, u8),
    Insertion(Vec<u8>),
    /// Deleted bases behind the first.
    Deletion(u8),
    Replacement([u8; 2]),
    Star(u8),
    Symbolic,
}

impl Variant {
    pub(super) fn is_heterozygous(&self) -> bool {
        matches!(self.genotype, "0|1" | "1|0" | "0/1" | "1/0" | "1|2" | "0|2")
    }

    /// The number of the allele that a haplotype (0 or 1) carries; 0 for REF and for an unknown genotype.
    pub(super) fn allele(&self, haplotype: usize) -> usize {
        match self.genotype.as_bytes() {
            [first, _, second] => match [first, second][haplotype] {
                digit @ b'0'..=b'9' => usize::from(digit - b'0'),
                _ => 0,
            },
            [b'1'] => 1,
            _ => 0,
        }
    }
}

impl Genome {
    pub(super) fn new(options: &SimulateOptions, random: &mut Random) -> Self {
        let mut genome = Genome { contigs: Vec::new(), barcodes: Vec::new(), seed: options.seed };
        genome.barcodes = (0..CELLS).map(|_| barcode(random)).collect();
        let lengths = HUMAN.map(|length| (f64::from(length) * options.scale).max(SHORTEST) as i64);
        let total: i64 = lengths.iter().sum();
        for (number, length) in lengths.into_iter().enumerate() {
            let name = if number == 22 { "chrX".to_owned() } else { format!("chr{}", number + 1) };
            let count = (options.variants as f64 * length as f64 / total as f64) as u64;
            let positions = positions(length, count.max(5), random);
            let mut variants = Vec::with_capacity(positions.len());
            let mut free = 0;
            for position in positions {
                genome.add_variant(number, position, &mut free, &mut variants, random);
            }
            genome.contigs.push(Contig { name, length, variants });
        }
        genome.contigs.push(Contig { name: "chrEmpty".into(), length: SHORTEST as i64, variants: Vec::new() });
        let empty = genome.contigs.len() - 1;
        for position in [1_000, 1_100] {
            let reference = genome.base(empty, position);
            let kind = Kind::Snp(other(reference, 1));
            genome.contigs[empty].variants.push(Variant {
                position: position as i32,
                reference,
                kind,
                genotype: "0|1",
            });
        }
        genome
    }

    /// Adds a variant, now and then two; indels keep their distance from each other by `free`.
    fn add_variant(
        &self,
        contig: usize,
        position: i64,
        free: &mut i64,
        variants: &mut Vec<Variant>,
        random: &mut Random,
    ) {
        let reference = self.base(contig, position);
        let genotype = match random.below(100) {
            0..40 => "0|1",
            40..80 => "1|0",
            80..84 => "0/1",
            84..90 => "1|1",
            90..95 => "0|0",
            95..98 => "./.",
            98 => "1",
            _ => "1/0",
        };
        let turn = random.below(3) + 1;
        let snp = other(reference, turn);
        let mut add = |kind, genotype| variants.push(Variant { position: position as i32, reference, kind, genotype });
        let kind = random.below(200);
        let roomy = position >= *free;
        match kind {
            0..180 => add(Kind::Snp(snp), genotype),
            180..184 => {
                let genotype = random.choose(&["1|2", "0|2", "0|1"]);
                add(Kind::Two(snp, other(reference, turn % 3 + 1)), genotype);
            }
            184..190 if roomy => {
                let length = random.choose(&[1, 1, 1, 2, 2, 3, 4, 6, 12]);
                add(Kind::Insertion((0..length).map(|_| random.choose(BASES)).collect()), genotype);
                *free = position + 30;
            }
            190..196 if roomy => {
                add(Kind::Deletion(random.choose(&[1, 1, 2, 3, 4, 6, 12])), genotype);
                *free = position + 40;
            }
            196 => add(Kind::Replacement([snp, other(self.base(contig, position + 1), 1)]), genotype),
            197 => add(Kind::Star(snp), genotype),
            198 => add(Kind::Symbolic, genotype),
            199 => {
                add(Kind::Snp(snp), genotype);
                add(Kind::Snp(other(reference, turn % 3 + 1)), "0|1");
            }
            _ => add(Kind::Snp(snp), genotype),
        }
    }

    /// A base of the reference; made when it is asked for, 32 from one word.
    pub(super) fn base(&self, contig: usize, position: i64) -> u8 {
        let word = mix(mix(self.seed ^ (contig as u64) << 40) ^ (position as u64 >> 5));
        BASES[(word >> (2 * (position & 31)) & 3) as usize]
    }

    /// Appends bases of the reference.
    pub(super) fn extend(&self, contig: usize, positions: std::ops::Range<i64>, letters: &mut Vec<u8>) {
        let key = mix(self.seed ^ (contig as u64) << 40);
        let mut word = 0;
        for position in positions.clone() {
            if position & 31 == 0 || position == positions.start {
                word = mix(key ^ (position as u64 >> 5));
            }
            letters.push(BASES[(word >> (2 * (position & 31)) & 3) as usize]);
        }
    }

    pub(super) fn bam_header(&self) -> Vec<u8> {
        let mut text = String::from("@HD\tVN:1.6\tSO:coordinate\n");
        for contig in &self.contigs {
            text.push_str(&format!("@SQ\tSN:{}\tLN:{}\n", contig.name, contig.length));
        }
        text.push_str(&format!("@RG\tID:sim\tSM:{SAMPLE}\n"));
        let mut bytes = b"BAM\x01".to_vec();
        bytes.extend((text.len() as u32).to_le_bytes());
        bytes.extend(text.as_bytes());
        bytes.extend((self.contigs.len() as u32).to_le_bytes());
        for contig in &self.contigs {
            bytes.extend((contig.name.len() as u32 + 1).to_le_bytes());
            bytes.extend(contig.name.as_bytes());
            bytes.push(0);
            bytes.extend((contig.length as u32).to_le_bytes());
        }
        bytes
    }

    pub(super) fn barcode_list(&self) -> String {
        self.barcodes[..LISTED].iter().map(|barcode| format!("{barcode}\n")).collect()
    }

    pub(super) fn write_variants(&self, path: &Path) -> io::Result<()> {
        let mut writer = BgzfWriter::create(path)?;
        let mut line = Vec::new();
        writeln!(line, "##fileformat=VCFv4.2")?;
        for contig in &self.contigs {
            writeln!(line, "##contig=<ID={},length={}>", contig.name, contig.length)?;
        }
        writeln!(line, "##ALT=<ID=DEL,Description=\"Deletion\">")?;
        writeln!(line, "##FORMAT=<ID=GT,Number=1,Type=String,Description=\"Genotype\">")?;
        writeln!(line, "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{SAMPLE}")?;
        writer.write(&line)?;
        for (number, contig) in self.contigs.iter().enumerate() {
            for variant in &contig.variants {
                let (reference, alternate) = self.alleles(number, variant);
                let Variant { position, genotype, .. } = variant;
                line.clear();
                let row = format!("{}\t{}\t.\t{reference}\t{alternate}", contig.name, position + 1);
                writeln!(line, "{row}\t.\tPASS\t.\tGT\t{genotype}")?;
                writer.write(&line)?;
            }
        }
        writer.finish()
    }

    /// REF and ALT as VCF writes them.
    fn alleles(&self, contig: usize, variant: &Variant) -> (String, String) {
        let first = char::from(variant.reference);
        let behind = |count: u8| {
            let mut letters = Vec::new();
            let start = i64::from(variant.position) + 1;
            self.extend(contig, start..start + i64::from(count), &mut letters);
            letters.into_iter().map(char::from).collect::<String>()
        };
        match &variant.kind {
            Kind::Snp(letter) => (first.into(), char::from(*letter).into()),
            Kind::Two(one, two) => (first.into(), format!("{},{}", char::from(*one), char::from(*two))),
            Kind::Insertion(letters) => {
                (first.into(), format!("{first}{}", letters.iter().map(|&l| char::from(l)).collect::<String>()))
            }
            Kind::Deletion(count) => (format!("{first}{}", behind(*count)), first.into()),
            Kind::Replacement(letters) => (format!("{first}{}", behind(1)), letters.map(char::from).iter().collect()),
            Kind::Star(letter) => (first.into(), format!("*,{}", char::from(*letter))),
            Kind::Symbolic => (first.into(), "<DEL>".into()),
        }
    }
}

/// Sorted and distinct: four in five spread out, the others near one of those.
fn positions(length: i64, count: u64, random: &mut Random) -> Vec<i64> {
    let (low, high) = (MARGIN, length - MARGIN);
    let spread: Vec<i64> = (0..count * 4 / 5).map(|_| random.between(low, high)).collect();
    let mut all = spread.clone();
    for _ in 0..count - spread.len() as u64 {
        let near = random.choose(&spread) + random.between(-40, 41);
        all.push(near.clamp(low, high - 1));
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// Another base than this one, by a number from 1 to 3.
fn other(letter: u8, turn: u64) -> u8 {
    let index = BASES.iter().position(|&base| base == letter).unwrap_or(0);
    BASES[(index + turn as usize) % 4]
}

fn barcode(random: &mut Random) -> String {
    let letters: String = (0..16).map(|_| char::from(random.choose(BASES))).collect();
    letters + "-1"
}
