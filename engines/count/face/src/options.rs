//! Inputs and plans of the contract, as the core's own types.

use scaletune_count_core::{
    AlleleOptions, BarcodeFormat, Compat, CountOptions, CountPlan, Decode, Filters, IndelRule, Partition, Policy,
    Reader, RegionOptions, Traversal,
};
use scaletune_sdk::{Error, Inputs, Plan, TypedInputs, TypedPlan};

/// The core's options. `inputs` is checked against the descriptor.
///
/// # Errors
/// Inputs that do not go together.
pub fn options(inputs: &Inputs) -> Result<CountOptions, Error> {
    let text = |name: &str| inputs.text(name).map(str::to_string);
    let regions = inputs.path("regions").map(|path| RegionOptions {
        path,
        use_names: inputs.flag("use-region-names"),
        feature: text("feature"),
        attribute: text("attribute"),
        parent: text("parent"),
    });
    for name in ["use-region-names", "feature", "attribute", "parent"] {
        if regions.is_none() && inputs.flag(name) {
            return Err(Error::bad_input(format!(
                "--{name} says how regions are read, and there are none: give --regions"
            )));
        }
    }
    Ok(CountOptions {
        alignments: inputs.needed_path("bam")?,
        variants: inputs.needed_path("variants")?,
        sites: None,
        sample: text("sample"),
        regions,
        alleles: AlleleOptions {
            include_indels: inputs.flag("include-indels"),
            include_multiallelic: inputs.flag("include-multiallelic"),
            fold_case: inputs.flag("fold-case"),
            indel_rule: inputs
                .one_of("indel-rule", &[("cigar", IndelRule::Cigar), ("substring", IndelRule::Substring)])?,
        },
        policy: inputs
            .one_of("policy", &[("wasp2", Policy::Wasp2), ("fragment", Policy::Fragment), ("read", Policy::Read)])?
            .unwrap_or_default(),
        filters: Filters {
            min_base_quality: inputs.number("min-base-quality")?.unwrap_or_default(),
            min_mapping_quality: inputs.number("min-mapping-quality")?.unwrap_or_default(),
            exclude_flags: inputs.number("exclude-flags")?.unwrap_or_default(),
            require_flags: inputs.number("require-flags")?.unwrap_or_default(),
        },
        barcodes: inputs.path("barcodes"),
        barcode_tag: match inputs.text("barcode-tag") {
            None => Default::default(),
            Some(tag) => tag.parse().map_err(|problem| Error::bad_input(format!("--barcode-tag: {problem}")))?,
        },
        barcode_format: inputs
            .one_of("barcode-format", &[("tsv", BarcodeFormat::Tsv), ("mtx", BarcodeFormat::MatrixMarket)])?
            .unwrap_or_default(),
        ledger: inputs.flag("ledger"),
        reference: inputs.path("reference"),
        compat: inputs.one_of("compat", &[("wasp2-1.5", Compat::Wasp2V1_5)])?,
    })
}

/// The core's plan.
///
/// # Errors
/// The plan lacks an axis, or has a value that the engine does not know.
pub fn plan(plan: &Plan) -> Result<CountPlan, Error> {
    Ok(CountPlan {
        partition: plan.one_of(
            "partition",
            &[("chromosome", Partition::Chromosome), ("sites", Partition::Sites), ("bytes", Partition::Bytes)],
        )?,
        decode: plan.one_of(
            "decode",
            &[("inline", Decode::Inline), ("per-reader", Decode::PerReader), ("shared-pool", Decode::SharedPool)],
        )?,
        reader: plan
            .one_of("reader", &[("htslib", Reader::Htslib), ("raw", Reader::Raw), ("noodles", Reader::Noodles)])?,
        traversal: plan.one_of("traversal", &[("index", Traversal::Index), ("stream", Traversal::Stream)])?,
        workers: plan.count("workers")?,
        decode_threads: plan.count("decode-threads")?,
        tasks_per_worker: plan.count("tasks-per-worker")?,
    })
}
