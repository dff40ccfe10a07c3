//! Inputs and plans of the contract, as the core's own types.

use scaletune_count_core::{
    AlleleOptions, BarcodeFormat, Compat, CountOptions, CountPlan, Decode, Filters, IndelRule, Partition, Policy,
    Reader, RegionOptions, Traversal,
};
use scaletune_sdk::{Error, Inputs, Plan};

/// The core's options. `inputs` is checked against the descriptor.
pub(crate) fn options(inputs: &Inputs) -> Result<CountOptions, Error> {
    let text = |name: &str| inputs.text(name).map(str::to_string);
    let path = |name: &str| inputs.path(name).ok_or_else(|| Error::bad_input(format!("input `{name}` is missing")));
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
        alignments: path("bam")?,
        variants: path("variants")?,
        sample: text("sample"),
        regions,
        alleles: AlleleOptions {
            include_indels: inputs.flag("include-indels"),
            include_multiallelic: inputs.flag("include-multiallelic"),
            fold_case: inputs.flag("fold-case"),
            indel_rule: word(
                inputs,
                "indel-rule",
                &[("cigar", IndelRule::Cigar), ("substring", IndelRule::Substring)],
            )?,
        },
        policy: word(
            inputs,
            "policy",
            &[("wasp2", Policy::Wasp2), ("fragment", Policy::Fragment), ("read", Policy::Read)],
        )?
        .unwrap_or_default(),
        filters: Filters {
            min_base_quality: number(inputs, "min-base-quality")?,
            min_mapping_quality: number(inputs, "min-mapping-quality")?,
            exclude_flags: number(inputs, "exclude-flags")?,
            require_flags: number(inputs, "require-flags")?,
        },
        barcodes: inputs.path("barcodes"),
        barcode_format: word(
            inputs,
            "barcode-format",
            &[("tsv", BarcodeFormat::Tsv), ("mtx", BarcodeFormat::MatrixMarket)],
        )?
        .unwrap_or_default(),
        ledger: inputs.flag("ledger"),
        reference: inputs.path("reference"),
        compat: word(inputs, "compat", &[("wasp2-1.5", Compat::Wasp2V1_5)])?,
    })
}

/// The core's plan.
pub(crate) fn plan(plan: &Plan) -> Result<CountPlan, Error> {
    Ok(CountPlan {
        partition: axis(
            plan,
            "partition",
            &[("chromosome", Partition::Chromosome), ("sites", Partition::Sites), ("bytes", Partition::Bytes)],
        )?,
        decode: axis(
            plan,
            "decode",
            &[("inline", Decode::Inline), ("per-reader", Decode::PerReader), ("shared-pool", Decode::SharedPool)],
        )?,
        reader: axis(
            plan,
            "reader",
            &[("htslib", Reader::Htslib), ("raw", Reader::Raw), ("noodles", Reader::Noodles)],
        )?,
        traversal: axis(plan, "traversal", &[("index", Traversal::Index), ("stream", Traversal::Stream)])?,
        workers: count(plan, "workers")?,
        decode_threads: count(plan, "decode-threads")?,
        tasks_per_worker: count(plan, "tasks-per-worker")?,
    })
}

fn pick<T: Copy>(value: Option<&str>, values: &[(&str, T)]) -> Option<T> {
    values.iter().find(|(name, _)| Some(*name) == value).map(|(_, value)| *value)
}

fn word<T: Copy>(inputs: &Inputs, name: &str, values: &[(&str, T)]) -> Result<Option<T>, Error> {
    match inputs.text(name) {
        None => Ok(None),
        Some(text) => pick(Some(text), values)
            .map(Some)
            .ok_or_else(|| Error::bad_input(format!("input `{name}` can't be `{text}`"))),
    }
}

fn number<T: TryFrom<i64>>(inputs: &Inputs, name: &str) -> Result<T, Error> {
    let number = inputs.integer(name).unwrap_or(0);
    T::try_from(number).map_err(|_| Error::bad_input(format!("input `{name}` can't be {number}")))
}

fn axis<T: Copy>(plan: &Plan, name: &str, values: &[(&str, T)]) -> Result<T, Error> {
    pick(plan.word(name), values).ok_or_else(|| Error::unsupported_plan(format!("axis `{name}` is missing or unknown")))
}

fn count(plan: &Plan, name: &str) -> Result<usize, Error> {
    let number = plan.integer(name).and_then(|number| usize::try_from(number).ok());
    number.ok_or_else(|| Error::unsupported_plan(format!("axis `{name}` is missing or below zero")))
}
