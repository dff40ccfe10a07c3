//! The shared right answers, byte for byte.

// Not only in test functions: helpers of a test may unwrap, too.
#![allow(clippy::unwrap_used)]

mod common;

use std::{fs, path::Path};

use common::{all_plans, assert_same, count_with, shared, some_plans};
use scaletune_count_core::{AlleleOptions, Compat, CountOptions, Filters, IndelRule, Policy, RegionOptions};

/// The options of a table, read off its name: `wasp2.*` repeats WASP2's defects, `fixed.POLICY.*` does not.
fn options_of(folder: &Path, name: &str) -> CountOptions {
    let set = name.split('.').next().unwrap();
    let mut options = CountOptions {
        alignments: folder.join(format!("{set}.bam")),
        variants: folder.join(if set == "tiny" { "tiny.vcf.gz".to_owned() } else { format!("{set}.vcf") }),
        ..Default::default()
    };
    let regions = |ending: &str| Some(RegionOptions { path: folder.join(ending), ..Default::default() });
    let edge = set.starts_with("edge");
    if edge {
        options.sample = Some("S".into());
        // Without the word `default` (no options) or `minbq20` (that option only), both kinds of alleles are in.
        let all = !name.contains("default") && !name.contains("minbq20");
        options.alleles = AlleleOptions { include_indels: all, include_multiallelic: all, ..Default::default() };
    }
    let mut fixed = false;
    for word in name.split('.').skip(1) {
        match word {
            "fixed" => fixed = true,
            "wasp2" if !fixed => options.compat = Some(Compat::Wasp2V1_5),
            "wasp2" => options.policy = Policy::Wasp2,
            "fragment" => options.policy = Policy::Fragment,
            "read" => options.policy = Policy::Read,
            "S1" => options.sample = Some("SAMPLE1".into()),
            "S2" => options.sample = Some("SAMPLE2".into()),
            "multi" => options.alleles.include_multiallelic = true,
            "indels" => options.alleles.include_indels = true,
            "minbq20" => options.filters.min_base_quality = 20,
            "q10" => {
                options.filters =
                    Filters { min_mapping_quality: 10, min_base_quality: 20, exclude_flags: 3844, require_flags: 0 };
            }
            "bed" => options.regions = regions("tiny.peaks.bed"),
            "gtf" => options.regions = regions("tiny.genes.gtf"),
            "gff3" => options.regions = regions("tiny.genes.gff3"),
            "names" => options.regions.as_mut().unwrap().use_names = true,
            "exon" => options.regions.as_mut().unwrap().feature = Some("exon".into()),
            "sc" => options.barcodes = Some(folder.join("tiny.barcodes.tsv")),
            "tiny" | "edge" | "edge_pad" | "edge_noseq" | "nosample" | "default" | "expected" | "bq20" | "F3844"
            | "tsv" => {}
            other => panic!("{name}: what does {other} mean?"),
        }
    }
    if fixed && options.alleles.include_indels {
        options.alleles.indel_rule = Some(IndelRule::Substring);
    }
    options
}

fn compare(folder: &Path, name: &str, everywhere: bool) {
    let expected = fs::read_to_string(folder.join(name)).unwrap();
    let plans = if everywhere { all_plans() } else { some_plans() };
    let (files, _) = count_with(&options_of(folder, name), &plans).unwrap();
    assert_same(&expected, &files[0].1, name);
}

/// Every table of a folder.
fn tables(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".tsv") && !name.contains("barcodes") && !name.contains("rules"))
        .collect();
    names.sort();
    names
}

#[test]
fn tiny() {
    let Some(folder) = shared().map(|folder| folder.join("tiny")) else { return };
    let names = tables(&folder);
    assert_eq!(names.len(), 21, "{names:?}");
    for name in names {
        // The plain table and the one with most rules under every plan, the others under a few.
        let everywhere =
            ["tiny.wasp2.S1.tsv", "tiny.fixed.wasp2.S1.indels.multi.tsv", "tiny.sc.S1.tsv"].contains(&name.as_str());
        compare(&folder, &name, everywhere);
    }
}

#[test]
fn edge() {
    let Some(folder) = shared().map(|folder| folder.join("edge")) else { return };
    let names = tables(&folder);
    assert_eq!(names.len(), 7, "{names:?}");
    for name in names {
        compare(&folder, &name, true);
    }
}

#[test]
fn every_variant_format_gives_the_same_table() {
    let Some(folder) = shared().map(|folder| folder.join("tiny")) else { return };
    for name in ["tiny.wasp2.S1.tsv", "tiny.wasp2.S2.tsv", "tiny.wasp2.nosample.indels.multi.tsv"] {
        let expected = fs::read_to_string(folder.join(name)).unwrap();
        for variants in ["tiny.vcf", "tiny.bcf"] {
            let options = CountOptions { variants: folder.join(variants), ..options_of(&folder, name) };
            let (files, _) = count_with(&options, &some_plans()[..1]).unwrap();
            assert_same(&expected, &files[0].1, variants);
        }
    }
}

/// Every table again with a ledger: the engine holds its sums to the overlapping records, and counts stay the same.
#[test]
fn ledgers_add_up() {
    let Some(folder) = shared() else { return };
    for set in ["tiny", "edge"] {
        let folder = folder.join(set);
        for name in tables(&folder) {
            let expected = fs::read_to_string(folder.join(&name)).unwrap();
            let options = CountOptions { ledger: true, ..options_of(&folder, &name) };
            let (files, _) = count_with(&options, &some_plans()[..2]).unwrap();
            assert_same(&expected, &files[0].1, &name);
            assert_eq!(files[1].0, "ledger.tsv");
        }
    }
}
