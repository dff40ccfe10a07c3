//! What the engine says of itself.

use crate::simulation;
use scaletune_sdk::{Amount, Axis, Constraint, Descriptor, Input, IntegerDefault, Output, Place, Plan, Role, Stage};

/// Constraints between the axes. The last two say what an input allows.
const CONSTRAINTS: &[&str] = &[
    "decode == inline -> decode-threads == 0",
    "decode != inline -> decode-threads >= 1",
    "decode != per-reader -> workers + decode-threads <= threads",
    "decode == per-reader -> workers * (1 + decode-threads) <= threads",
    "reader != htslib -> decode == inline",
    "traversal == stream -> workers == 1",
    "traversal == stream -> partition == bytes",
    "traversal == stream -> tasks-per-worker == 1",
    "partition == chromosome -> tasks-per-worker == 1",
    "format == cram -> reader == htslib",
];

/// Threads beyond the budget: the main thread that waits, and htslib's read-ahead thread of every reader with threads.
const HELPERS: &[&str] = &["1", "decode != inline -> workers"];

/// Inputs, axes, constraints, outputs.
pub fn descriptor() -> Descriptor {
    let parse = |text: &&str| Constraint::parse(text).expect("a constraint of this file follows the grammar");
    let amount = |text: &&str| Amount::parse(text).expect("an amount of this file follows the grammar");
    Descriptor::new(
        "count",
        env!("CARGO_PKG_VERSION"),
        "Counts the alleles that reads show at known sites (as WASP2 does)",
    )
    .build(option_env!("SCALETUNE_BUILD").unwrap_or_default())
    .inputs(inputs())
    .axes(axes())
    .constraints(CONSTRAINTS.iter().map(parse))
    .fact("format", &["bam", "cram"])
    .helpers(HELPERS.iter().map(amount))
    .reference(
        Plan::parse("reader=htslib,partition=chromosome,decode=inline,traversal=index,workers=1")
            .expect("a plan of this file can be read"),
    )
    .outputs(outputs())
    .stages(
        [
            ("sites", "reads variants and regions, checks them against the alignments"),
            ("scan", "inflates and parses records, looks up sites"),
            ("merge", "resolves names across tasks, in file order"),
        ]
        .map(|(name, help)| Stage::new(name, help)),
    )
    .simulates(simulation::offer())
}

fn inputs() -> Vec<Input> {
    let flags = |name, help| Input::integer(name, 0, 0xffff, help).or(0).named("FLAGS");
    vec![
        Input::path("bam", &["bam", "cram"], "Coordinate-sorted, indexed alignments").required(),
        Input::path("variants", &["vcf", "vcf.gz", "bcf"], "Sites to count at").required(),
        Input::text("sample", "Count only where this sample is heterozygous").named("NAME"),
        Input::path("regions", &["bed", "narrowPeak", "broadPeak", "gtf", "gff3"], "Count only inside these regions"),
        Input::choice(
            "policy",
            &["wasp2", "fragment", "read"],
            "A template counts once a chromosome, once a site, or each read",
        ),
        Input::integer("min-base-quality", 0, 254, "Drop bases below this quality").or(0).named("Q"),
        Input::integer("min-mapping-quality", 0, 255, "Drop records below this MAPQ").or(0).named("Q"),
        flags("exclude-flags", "Drop records with any of these SAM flags, such as 0xF04"),
        flags("require-flags", "Drop records without all of these SAM flags"),
        Input::flag("include-indels", "Count insertions and deletions too"),
        Input::new(
            "indel-rule",
            scaletune_sdk::InputKind::Choice { values: vec!["cigar".into(), "substring".into()] },
            "How a read is compared with an indel's alleles [default: cigar]",
        ),
        Input::flag("include-multiallelic", "Count records with several ALTs, a row for each"),
        Input::flag("fold-case", "Compare alleles without regard to case"),
        Input::flag("use-region-names", "Name BED regions by their fourth column"),
        Input::text("feature", "GTF/GFF3: count inside features of this type").named("TYPE"),
        Input::text("attribute", "GTF/GFF3: name regions by this attribute").named("NAME"),
        Input::text("parent", "GTF/GFF3: also write this attribute").named("NAME"),
        Input::path("barcodes", &["txt", "tsv"], "Count per cell: barcodes, one a line"),
        Input::text("barcode-tag", "SAM tag with a record's barcode [default: CB]").named("TAG"),
        Input::choice("barcode-format", &["tsv", "mtx"], "How counts per cell are written"),
        Input::path("reference", &["fa", "fasta"], "Reference sequence, for CRAM"),
        Input::new(
            "compat",
            scaletune_sdk::InputKind::Choice { values: vec!["wasp2-1.5".into()] },
            "Repeat this version's defects, to compare with its results",
        ),
    ]
}

fn axes() -> Vec<Axis> {
    vec![
        Axis::choice(
            "traversal",
            "How the file is walked",
            &[
                ("index", "by the index: only blocks that can hold a site"),
                ("stream", "one pass over the whole file, needs no index"),
            ],
        )
        .in_stage("scan"),
        Axis::choice(
            "reader",
            "Who inflates and parses",
            &[
                ("raw", "own block walk over libdeflate, records parsed in place; BAM only"),
                ("htslib", "htslib: BAM and CRAM"),
                ("noodles", "an independent decoder; BAM only"),
            ],
        )
        .in_stage("scan"),
        Axis::choice(
            "partition",
            "How the file is cut into tasks",
            &[
                ("bytes", "equal compressed bytes, by the index"),
                ("sites", "equal numbers of sites"),
                ("chromosome", "one task a chromosome"),
            ],
        )
        .in_stage("scan"),
        Axis::choice(
            "decode",
            "Which threads inflate under reader=htslib",
            &[
                ("inline", "the worker itself"),
                ("per-reader", "threads of its own for each worker's reader"),
                ("shared-pool", "one pool for all readers"),
            ],
        )
        .in_stage("scan"),
        Axis::threads("workers", "Threads that count", Role::Compute, 1, IntegerDefault::MAX).in_stage("scan"),
        Axis::threads("decode-threads", "Threads that only inflate", Role::Io, 0, IntegerDefault::Number(0))
            .in_stage("scan"),
        Axis::size("tasks-per-worker", "Tasks for each worker: more balance better, fewer cost less", 1, 256, 8)
            .in_stage("scan"),
    ]
}

fn outputs() -> Vec<Output> {
    let site = ["chrom", "pos", "ref", "alt"];
    let matrix = |name: &str, help: &str| {
        Output::new(name, &format!("{name}.mtx"), "mtx", help).placed(Place::Beside(format!(".{name}.mtx")))
    };
    vec![
        Output::new(
            "counts",
            "counts.tsv",
            "tsv",
            "Counts by site; with barcode-format=mtx the sites, which are the matrices' rows",
        )
        .keyed_by(&site),
        matrix("ref", "With barcode-format=mtx: REF counts, sites x cells"),
        matrix("alt", "With barcode-format=mtx: ALT counts, sites x cells"),
        matrix("other", "With barcode-format=mtx: other counts, sites x cells"),
        Output::new(
            "barcodes",
            "barcodes.tsv",
            "tsv",
            "With barcode-format=mtx: the cells, which are the matrices' columns",
        )
        .placed(Place::Beside(".barcodes.tsv".into())),
        Output::new("ledger", "ledger.tsv", "tsv", "Also write why overlapping records did not count, by site")
            .keyed_by(&site)
            .placed(Place::Flag("ledger".into())),
    ]
}
