//! Site selection from a VCF. The first byte holds the options.

use crate::scratch;
use scaletune_count_core::{AlleleOptions, Compat, CountOptions, IndelRule, probes};

/// Selects sites.
pub fn target(data: &[u8]) -> bool {
    let Some((first, rest)) = data.split_first() else { return false };
    let has = |bit: u8| first & bit != 0;
    scratch::file("sites.vcf", rest, |path| {
        let options = CountOptions {
            variants: path.into(),
            sample: has(1).then(|| "S1".into()),
            alleles: AlleleOptions {
                include_indels: has(2),
                include_multiallelic: has(4),
                fold_case: has(8),
                indel_rule: has(16).then_some(IndelRule::Substring),
            },
            compat: has(32).then_some(Compat::Wasp2V1_5),
            ..CountOptions::default()
        };
        probes::sites(&options).is_ok()
    })
}

/// SNPs, indels, several alternates, genotypes of every form.
pub fn seeds() -> Vec<Vec<u8>> {
    let body = "##fileformat=VCFv4.2\n##contig=<ID=chr1,length=1000>\n\
        ##FORMAT=<ID=GT,Number=1,Type=String,Description=\"Genotype\">\n\
        #CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1\tS2\n\
        chr1\t10\t.\tA\tC\t50\tPASS\tDP=1\tGT:DP\t0/1:3\t1|1:2\n\
        chr1\t20\trs1\tAT\tA,ATT\t.\t.\t.\tGT\t1|2\t./.\n\
        chr1\t30\t.\tg\t<DEL>,*\t.\t.\t.\tDP:GT\t5:0/2\t1:.\n\
        chr2\t1\t.\tN\tA\t.\t.\t.\tGT\t1\t0/1/1\n";
    [0u8, 1, 7, 15, 31, 63].iter().map(|bits| [&[*bits], body.as_bytes()].concat()).collect()
}
