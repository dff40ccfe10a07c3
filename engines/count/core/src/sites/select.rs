//! Which alleles of which records become rows.

use std::collections::HashMap;

use scaletune_hts::variants::{Variant, VariantReader};

use crate::{
    Error, Monitor,
    options::{Compat, CountOptions, IndelRule},
    words::{Word, Words},
};

/// Alleles whose lengths differ by more are never rows.
const MAX_LENGTH_DIFFERENCE: usize = 10;

/// What stands for alleles that no read showed (gVCF), and is none.
const PLACEHOLDERS: [&str; 2] = ["<NON_REF>", "<*>"];

/// The allele of a deletion that begins in front of the record.
const DELETION: &str = "*";

/// Records between two questions whether to go on.
const POLLED: u64 = 1 << 12;

/// One allele of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    /// Number of the contig in [`Selection::contigs`].
    pub(crate) contig: u32,
    /// POS - 1.
    pub(crate) start: u32,
    /// 1-based position that is written and looked up.
    pub(crate) position: u32,
    pub(crate) reference: Word,
    pub(crate) alternate: Word,
    /// Empty without a sample.
    pub(crate) genotype: Word,
}

/// All rows, in the order of the file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Selection {
    pub(crate) rows: Vec<Row>,
    pub(crate) words: Words,
    /// Contigs with rows, in the order of the file.
    pub(crate) contigs: Vec<String>,
    /// Records read.
    pub(crate) records: u64,
    /// Symbolic and breakend alleles left out.
    pub(crate) symbolic: u64,
    /// Rows with an allele in lower case that no base can match.
    pub(crate) lower_case: u64,
    /// Equal rows all stay, as their places have a meaning.
    pub(crate) keeps_equal_rows: bool,
}

/// Reads a variant file and keeps what the options want.
pub(crate) fn select(options: &CountOptions, monitor: &dyn Monitor) -> Result<Selection, Error> {
    if let Some(sites) = &options.sites {
        return Ok(sites.select(options.alleles.fold_case));
    }
    let mut reader = VariantReader::open(&options.variants, options.sample.as_deref())?;
    let mut selection = Selection::default();
    let mut contigs: HashMap<String, u32> = HashMap::new();
    let mut last = (String::new(), u32::MAX);
    let mut variant = Variant::default();
    while reader.read(&mut variant)? {
        selection.records += 1;
        if selection.records.is_multiple_of(POLLED) && monitor.cancelled() {
            return Err(Error::Cancelled);
        }
        let before = selection.rows.len();
        if last.0 != variant.contig || last.1 == u32::MAX {
            let fresh = selection.contigs.len() as u32;
            last = (variant.contig.clone(), contigs.get(&variant.contig).copied().unwrap_or(fresh));
        }
        selection.take(&variant, last.1, options).map_err(|problem| Error::File {
            path: options.variants.clone(),
            line: 0,
            problem: format!("{}: {problem}", reader.place()),
        })?;
        if selection.rows.len() > before && last.1 as usize == selection.contigs.len() {
            contigs.insert(variant.contig.clone(), last.1);
            selection.contigs.push(variant.contig.clone());
        }
    }
    if u32::try_from(selection.rows.len()).is_err() {
        return Err(Error::file(&options.variants, 0, "more than 4294967295 rows; split the file by chromosome"));
    }
    Ok(selection)
}

impl Selection {
    /// Adds the wanted alleles of one record.
    fn take(&mut self, variant: &Variant, contig: u32, options: &CountOptions) -> Result<(), String> {
        let alleles = &options.alleles;
        let is_allele = |alternate: &str| options.compat.is_some() || !PLACEHOLDERS.contains(&alternate);
        let count = variant.alternate_alleles().filter(|alternate| is_allele(alternate)).count();
        if count == 0 {
            return Ok(());
        }
        let carried = match &options.sample {
            None => None,
            Some(_) => match variant.genotype.as_deref().map(heterozygous).transpose()?.flatten() {
                None => return Ok(()),
                carried => carried,
            },
        };
        if count > 1 && !alleles.include_multiallelic {
            // A spanning deletion is an allele of other samples where this one does not carry it.
            let is_elsewhere = |number, alternate: &str| {
                alternate == DELETION && carried.as_ref().is_some_and(|carried| !carried.contains(&number))
            };
            let elsewhere = (1..).zip(variant.alternate_alleles()).filter(|&(number, it)| is_elsewhere(number, it));
            if options.compat.is_some() || count - elsewhere.count() > 1 {
                return Ok(());
            }
        }
        let reference = variant.reference.as_str();
        for (number, alternate) in (1..).zip(variant.alternate_alleles()) {
            if !is_allele(alternate) {
                continue;
            }
            if carried.as_ref().is_some_and(|carried| !carried.contains(&number)) {
                continue;
            }
            let symbolic = is_symbolic(alternate);
            if symbolic && !(alleles.include_indels && options.indel_rule() == IndelRule::Substring) {
                self.symbolic += 1;
                continue;
            }
            let snp = reference.len() == 1 && alternate.len() == 1;
            let near = reference.len().abs_diff(alternate.len()) <= MAX_LENGTH_DIFFERENCE;
            if !(snp || alleles.include_indels && near) {
                continue;
            }
            let Some(start) = variant.position.checked_sub(1) else {
                return Err(format!("POS is 0, but {reference}>{alternate} needs a base of the reference there"));
            };
            let lower = |text: &str| text.bytes().any(|letter| letter.is_ascii_lowercase());
            if !alleles.fold_case && (lower(reference) || !symbolic && lower(alternate)) {
                self.lower_case += 1;
            }
            let position = match options.compat {
                None => variant.position,
                Some(Compat::Wasp2V1_5) => u32::try_from(reference.len())
                    .ok()
                    .and_then(|length| start.checked_add(length))
                    .filter(|&position| position <= i32::MAX as u32)
                    .ok_or("REF reaches past the largest position")?,
            };
            let genotype = variant.genotype.as_deref().unwrap_or_default();
            self.rows.push(Row {
                contig,
                start,
                position,
                reference: self.words.insert(reference),
                alternate: self.words.insert(alternate),
                genotype: self.words.insert(genotype),
            });
        }
        Ok(())
    }
}

/// The numbers of the alleles of a genotype; the usual two without an allocation.
#[derive(Debug)]
enum Carried {
    Two([u32; 2]),
    Many(Vec<u32>),
}

impl std::ops::Deref for Carried {
    type Target = [u32];

    fn deref(&self) -> &[u32] {
        match self {
            Carried::Two(alleles) => alleles,
            Carried::Many(alleles) => alleles,
        }
    }
}

/// The alleles of a heterozygous genotype; `None` for a homozygous, haploid or partly missing one.
fn heterozygous(genotype: &str) -> Result<Option<Carried>, String> {
    if let &[first @ b'0'..=b'9', b'|' | b'/', second @ b'0'..=b'9'] = genotype.as_bytes() {
        let alleles = [first, second].map(|digit| u32::from(digit - b'0'));
        return Ok((first != second).then_some(Carried::Two(alleles)));
    }
    if genotype.contains('.') {
        return Ok(None);
    }
    // VCF 4.4 lets a genotype begin with the phase of its first allele.
    let text = genotype.strip_prefix(['|', '/']).unwrap_or(genotype);
    let alleles = text
        .split(['|', '/'])
        .map(str::parse)
        .collect::<Result<Vec<u32>, _>>()
        .map_err(|_| format!("genotype '{genotype}' is not a list of allele numbers"))?;
    Ok(alleles.windows(2).any(|pair| pair[0] != pair[1]).then_some(Carried::Many(alleles)))
}

/// `<DEL>`, `<*>`, breakends with a mate (`G]17:198982]`) and without (`G.`, `.G`). `*` is an allele like others.
fn is_symbolic(allele: &str) -> bool {
    allele.contains(['<', '[', ']']) || allele.len() > 1 && (allele.starts_with('.') || allele.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::AlleleOptions;

    fn rows(options: &CountOptions, records: &[(u32, &str, &str, &str)]) -> (Vec<String>, Selection) {
        let mut selection = Selection::default();
        for &(position, reference, alternates, genotype) in records {
            let variant = Variant {
                contig: "c".into(),
                position,
                reference: reference.into(),
                alternates: alternates.into(),
                genotype: options.sample.as_ref().map(|_| genotype.to_owned()),
            };
            selection.take(&variant, 0, options).unwrap();
        }
        let word = |word| selection.words.text(word);
        let rows = selection
            .rows
            .iter()
            .map(|row| format!("{}{}>{}", row.position, word(row.reference), word(row.alternate)))
            .collect();
        (rows, selection)
    }

    #[test]
    fn genotypes() {
        for (genotype, expected) in [
            ("0|1", Some(vec![0, 1])),
            ("1/2", Some(vec![1, 2])),
            ("|0|1", Some(vec![0, 1])),
            ("0/0/1", Some(vec![0, 0, 1])),
            ("1|1", None),
            ("1", None),
            ("./1", None),
            (".", None),
        ] {
            assert_eq!(heterozygous(genotype).unwrap().as_deref(), expected.as_deref(), "{genotype}");
        }
        assert!(heterozygous("0|x").is_err());
    }

    #[test]
    fn default_takes_biallelic_snps() {
        let records = [
            (1, "A", "G", ""),
            (2, "A", "G,C", ""),
            (3, "A", "AT", ""),
            (4, "A", "*", ""),
            (5, "A", ".", ""),
            (6, "A", "<DEL>", ""),
            (7, "a", "g", ""),
        ];
        let (rows, selection) = rows(&CountOptions::default(), &records);
        assert_eq!(rows, ["1A>G", "4A>*", "7a>g"]);
        assert_eq!((selection.symbolic, selection.lower_case), (1, 1));
    }

    #[test]
    fn a_sample_takes_what_it_carries() {
        let options = CountOptions {
            sample: Some("s".into()),
            alleles: AlleleOptions { include_multiallelic: true, ..Default::default() },
            ..Default::default()
        };
        let records = [
            (1, "A", "G,C", "1|2"),
            (2, "A", "G,C", "0|2"),
            (3, "A", "G,C", "2|2"),
            (4, "A", "G", "1"),
            (5, "A", "G", "."),
            (6, "A", "<X>,C", "1/2"),
        ];
        let (rows, selection) = rows(&options, &records);
        assert_eq!(rows, ["1A>G", "1A>C", "2A>C", "6A>C"]);
        assert_eq!(selection.symbolic, 1);
    }

    #[test]
    fn indels_within_ten_bases_and_the_position_of_wasp2() {
        let alleles = AlleleOptions { include_indels: true, ..Default::default() };
        let records = [
            (10, "A", "ACCCCCCCCCC", ""),
            (11, "A", "ACCCCCCCCCCC", ""),
            (12, "ACG", "A", ""),
            (13, "AC", "GT", ""),
            (14, "A", "<DEL>", ""),
            (15, "A", "A]chr2:10]", ""),
        ];
        let (fixed, _) = rows(&CountOptions { alleles, ..Default::default() }, &records);
        assert_eq!(fixed, ["10A>ACCCCCCCCCC", "12ACG>A", "13AC>GT"]);
        let compat = CountOptions { alleles, compat: Some(Compat::Wasp2V1_5), ..Default::default() };
        let (upstream, selection) = rows(&compat, &records);
        assert_eq!(upstream, ["10A>ACCCCCCCCCC", "14ACG>A", "14AC>GT", "14A><DEL>", "15A>A]chr2:10]"]);
        assert_eq!((selection.symbolic, selection.lower_case), (0, 0));
    }
}
