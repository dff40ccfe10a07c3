//! The rules once more, as slowly and plainly as they can be said: sequential, base by base, sharing nothing with the
//! engine.

use std::collections::{BTreeMap, HashMap, HashSet};

use scaletune_count_core::{Compat, CountOptions, IndelRule, Policy};

use super::case::{BARCODES, CONTIGS, Case, LISTED, Read1, Site1};

/// A row before its counts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Row {
    contig: String,
    start: u32,
    position: u32,
    reference: String,
    alternate: String,
    genotype: String,
    region: String,
}

/// What is looked up; rows that share one share its counts.
type Key = (String, u32, String, String);

pub struct Answer {
    /// The table.
    pub text: String,
    /// By (contig, position, REF, ALT) of every row: records whose reference span holds the site, and counts.
    pub overlapping: BTreeMap<Key, u64>,
    pub counted: BTreeMap<Key, u64>,
}

pub fn answer(case: &Case) -> Answer {
    let options = &case.options;
    let rows = with_regions(select(&case.sites, options), case, options);
    let compat = options.compat.is_some();
    let key = |row: &Row| {
        let alleles = if compat { Default::default() } else { (row.reference.clone(), row.alternate.clone()) };
        (row.contig.clone(), row.position, alleles.0, alleles.1)
    };
    let mut sites: Vec<(Key, Row)> = vec![];
    for row in &rows {
        if !sites.iter().any(|(known, _)| *known == key(row)) {
            sites.push((key(row), row.clone()));
        }
    }
    let mut counts: HashMap<(Key, &str), [u32; 3]> = HashMap::new();
    let mut overlapping: HashMap<Key, u64> = HashMap::new();
    for (contig, (name, _)) in CONTIGS.iter().enumerate() {
        let here: Vec<&(Key, Row)> = sites.iter().filter(|(_, row)| row.contig == *name).collect();
        let reads: Vec<&Read1> = case.reads.iter().filter(|read| read.contig == contig).collect();
        for (site, row) in &here {
            let spans = |read: &&&Read1| span(read).contains(&(i64::from(row.position) - 1));
            *overlapping.entry(site.clone()).or_default() += reads.iter().filter(spans).count() as u64;
        }
        for (site, cell, class) in count_contig(&here, &reads, options) {
            counts.entry((here[site].0.clone(), cell)).or_default()[class] += 1;
        }
    }
    let mut by_row = Answer { text: String::new(), overlapping: BTreeMap::new(), counted: BTreeMap::new() };
    for row in &rows {
        let own = (row.contig.clone(), row.position, row.reference.clone(), row.alternate.clone());
        let key = key(row);
        by_row.overlapping.insert(own.clone(), overlapping.get(&key).copied().unwrap_or(0));
        let sum = counts
            .iter()
            .filter(|((site, _), _)| *site == key)
            .flat_map(|(_, counts)| counts)
            .map(|&n| u64::from(n))
            .sum();
        by_row.counted.insert(own, sum);
    }
    by_row.text = if options.barcodes.is_some() { cells(&sites, &counts) } else { bulk(&rows, &counts, key, options) };
    by_row
}

fn bulk(
    rows: &[Row],
    counts: &HashMap<(Key, &str), [u32; 3]>,
    key: impl Fn(&Row) -> Key,
    options: &CountOptions,
) -> String {
    let (regions, sample) = (options.regions.is_some(), options.sample.is_some());
    let mut text = String::from(if regions { "chrom\tpos\tref\talt" } else { "chrom\tpos0\tpos\tref\talt" });
    text.push_str(if sample { "\tGT" } else { "" });
    text.push_str(if regions { "\tregion" } else { "" });
    text.push_str("\tref_count\talt_count\tother_count\n");
    for row in rows {
        let Row { contig, start, position, reference, alternate, genotype, region } = row;
        text.push_str(contig);
        if !regions {
            text.push_str(&format!("\t{start}"));
        }
        text.push_str(&format!("\t{position}\t{reference}\t{alternate}"));
        if sample {
            text.push_str(&format!("\t{genotype}"));
        }
        if regions {
            text.push_str(&format!("\t{region}"));
        }
        let [one, two, three] = counts.get(&(key(row), "")).copied().unwrap_or_default();
        text.push_str(&format!("\t{one}\t{two}\t{three}\n"));
    }
    text
}

fn cells(sites: &[(Key, Row)], counts: &HashMap<(Key, &str), [u32; 3]>) -> String {
    let mut lines: Vec<_> = counts
        .iter()
        .map(|((site, cell), counts)| {
            let row = &sites.iter().find(|(key, _)| key == site).unwrap().1;
            (row.contig.clone(), row.position, row.reference.clone(), row.alternate.clone(), *cell, *counts)
        })
        .collect();
    lines.sort();
    let mut text = String::from("chrom\tpos\tref\talt\tbarcode\tref_count\talt_count\tother_count\n");
    for (contig, position, reference, alternate, cell, [one, two, three]) in lines {
        text.push_str(&format!("{contig}\t{position}\t{reference}\t{alternate}\t{cell}\t{one}\t{two}\t{three}\n"));
    }
    text
}

fn select(sites: &[Site1], options: &CountOptions) -> Vec<Row> {
    let substring = options.compat.is_some() || options.alleles.indel_rule == Some(IndelRule::Substring);
    let mut rows = vec![];
    for site in sites {
        let alternates: Vec<&str> = if site.alternates == "." { vec![] } else { site.alternates.split(',').collect() };
        if alternates.len() > 1 && !options.alleles.include_multiallelic {
            continue;
        }
        let carried: Vec<&str> = site.genotype.split(['|', '/']).collect();
        let heterozygous = !carried.contains(&".") && carried.iter().any(|allele| *allele != carried[0]);
        for (number, alternate) in alternates.iter().enumerate() {
            if options.sample.is_some() && !(heterozygous && carried.contains(&(number + 1).to_string().as_str())) {
                continue;
            }
            let symbolic = alternate.starts_with('<') || alternate.contains(']');
            let (long, short) = (site.reference.len().max(alternate.len()), site.reference.len().min(alternate.len()));
            let snp = long == 1;
            let indel = !snp && options.alleles.include_indels && long - short <= 10;
            if !(snp || indel) || symbolic && !substring {
                continue;
            }
            let shift = if options.compat == Some(Compat::Wasp2V1_5) { site.reference.len() as u32 - 1 } else { 0 };
            rows.push(Row {
                contig: site.contig.clone(),
                start: site.position - 1,
                position: site.position + shift,
                reference: site.reference.clone(),
                alternate: alternate.to_string(),
                genotype: if options.sample.is_some() { site.genotype.to_owned() } else { String::new() },
                region: String::new(),
            });
        }
    }
    rows
}

fn with_regions(rows: Vec<Row>, case: &Case, options: &CountOptions) -> Vec<Row> {
    let mut crossed = vec![];
    for row in rows {
        if options.regions.is_none() {
            crossed.push(row);
            continue;
        }
        let end = row.start + row.reference.len() as u32;
        let mut found: Vec<_> = case
            .regions
            .iter()
            .enumerate()
            .filter(|(_, region)| region.0 == row.contig && region.1 < end && region.2 > row.start)
            .map(|(number, (contig, start, end))| {
                // The smallest bin of 16 kb * 8^level that holds the region.
                let mut level = 0;
                while start >> (14 + 3 * level) != (end - 1) >> (14 + 3 * level) {
                    level += 1;
                }
                (level, start >> (14 + 3 * level), number, format!("{contig}_{start}_{end}"))
            })
            .collect();
        found.sort();
        crossed.extend(found.into_iter().map(|(_, _, _, region)| Row { region, ..row.clone() }));
    }
    let mut seen = HashSet::new();
    crossed.retain(|row| seen.insert(row.clone()));
    crossed
}

/// Reference positions of a read's span.
fn span(read: &Read1) -> std::ops::Range<i64> {
    let length: u32 =
        read.cigar.iter().filter(|(letter, _)| "MDN=X".contains(*letter)).map(|&(_, length)| length).sum();
    read.start..read.start + i64::from(length)
}

/// One column of an alignment: letter of the operation, reference position (of the last reference base for insertions
/// and clips), query index.
type Column = (char, i64, Option<usize>);

fn columns(read: &Read1) -> Vec<Column> {
    let (mut position, mut query, mut columns) = (read.start - 1, 0, vec![]);
    for &(letter, length) in &read.cigar {
        for _ in 0..length {
            if "MDN=X".contains(letter) {
                position += 1;
            }
            let here = "MIS=X".contains(letter).then_some(query);
            query += usize::from(here.is_some());
            columns.push((if "M=X".contains(letter) { 'M' } else { letter }, position, here));
        }
    }
    columns
}

/// Counts of one contig in the order of records, as (site, cell, class).
fn count_contig<'a>(sites: &[&(Key, Row)], reads: &[&Read1], options: &CountOptions) -> Vec<(usize, &'a str, usize)> {
    let per_cell = options.barcodes.is_some();
    let filters = options.filters;
    let mut all: Vec<(usize, usize, usize)> = vec![];
    for (number, read) in reads.iter().enumerate() {
        let dropped = read.flags & 4 != 0
            || read.flags & filters.exclude_flags != 0
            || read.flags & filters.require_flags != filters.require_flags
            || read.mapping_quality < filters.min_mapping_quality
            || read.sequence.is_empty()
            || per_cell && !read.barcode.is_some_and(|barcode| BARCODES[..LISTED].contains(&barcode));
        if dropped {
            continue;
        }
        let columns = columns(read);
        for (index, (_, row)) in sites.iter().enumerate() {
            let covered =
                columns.iter().position(|&(kind, position, _)| kind == 'M' && position == i64::from(row.position) - 1);
            if let Some(column) = covered {
                all.push((number, index, column));
            }
        }
    }
    let mut counted = vec![];
    let mut used: HashSet<(String, usize)> = HashSet::new();
    // The order in which a sequential program looks: record by record, or per cell and `wasp2` site by site.
    let wasp2 = options.policy == Policy::Wasp2;
    if wasp2 {
        // A record is looked at at its first listed site only.
        let mut first: BTreeMap<usize, (usize, usize, usize)> = BTreeMap::new();
        for &(number, index, column) in &all {
            let known = first.entry(number).or_insert((number, index, column));
            if index < known.1 {
                *known = (number, index, column);
            }
        }
        all = first.into_values().collect();
        if per_cell {
            all.sort_by_key(|&(number, index, _)| (index, number));
        }
    }
    for (number, index, column) in all {
        let read = reads[number];
        let name = (read.name.clone(), if wasp2 { 0 } else { index });
        if options.policy != Policy::Read && used.contains(&name) {
            continue;
        }
        let Some(class) = classify(read, &columns(read), column, &sites[index].1, options) else { continue };
        used.insert(name);
        counted.push((index, if per_cell { read.barcode.unwrap() } else { "" }, class));
    }
    counted
}

fn classify(read: &Read1, columns: &[Column], column: usize, row: &Row, options: &CountOptions) -> Option<usize> {
    let query = columns[column].2?;
    let quality = read.qualities.get(query).copied().unwrap_or(255);
    if options.filters.min_base_quality > 0 && quality != 255 && quality < options.filters.min_base_quality {
        return None;
    }
    let fold = |text: &str| if options.alleles.fold_case { text.to_uppercase() } else { text.to_owned() };
    let (reference, alternate) = (fold(&row.reference), fold(&row.alternate));
    if reference.len() == 1 && alternate.len() == 1 {
        let base = char::from(read.sequence[query]).to_string();
        let plain = "ACGTN".contains(&base);
        return match options.barcodes {
            None if !plain => None,
            _ if base == reference => Some(0),
            _ if base == alternate => Some(1),
            _ => Some(2),
        };
    }
    if options.compat.is_some() || options.alleles.indel_rule == Some(IndelRule::Substring) {
        let end = read.sequence.len().min(query + reference.len().max(alternate.len()));
        let letters: String =
            read.sequence[query..end].iter().map(|&l| if b"ACGT".contains(&l) { char::from(l) } else { 'N' }).collect();
        return Some(match () {
            () if letters == reference => 0,
            () if letters == alternate => 1,
            () if letters.starts_with(&reference) => 0,
            () if letters.starts_with(&alternate) => 1,
            () => 2,
        });
    }
    // By CIGAR evidence: the letters in the place of REF, and what stands behind.
    let start = columns[column].1;
    let last = start + reference.len() as i64 - 1;
    let inside: Vec<&Column> = columns[column..].iter().take_while(|c| c.1 <= last && !"SH".contains(c.0)).collect();
    let behind = columns[column + inside.len()..].first().map(|c| c.0);
    let complete = inside.iter().filter(|c| "MD".contains(c.0)).count() == reference.len();
    let goes_on = matches!(behind, Some('M' | 'N')) || reference.len() == alternate.len() && behind != Some('D');
    if !complete || !goes_on {
        return Some(2);
    }
    let letters: String = inside.iter().filter_map(|c| c.2).map(|query| char::from(read.sequence[query])).collect();
    Some(if letters == reference {
        0
    } else if letters == alternate {
        1
    } else {
        2
    })
}
