//! What the engine says of itself.

use crate::simulation;
use scaletune_sdk::{Amount, Axis, Constraint, Descriptor, Input, IntegerDefault, Output, Plan, Role, Rule, Stage};

/// Constraints between the axes. The last ones say what an input allows: a table of scores has nothing to load, so that
/// all ways of loading are one plan.
const CONSTRAINTS: &[&str] = &[
    "decode == inline -> decode-threads == 0",
    "decode != inline -> decode-threads >= 1",
    "decode != per-reader -> workers + decode-threads <= threads",
    "decode == per-reader -> workers * (1 + decode-threads) <= threads",
    "reader != htslib -> decode == inline",
    "workers == 1 -> loading != parallel",
    "format == cram -> reader == htslib",
    "format == sam -> reader == htslib",
    "format == sam -> decode == inline",
    "format == scores -> loading == sequential",
    "format == scores -> reader == raw",
    "format == scores -> decode == inline",
    "order == collated -> loading != indexed",
];

/// Threads beyond the budget: the main thread that waits, htslib's read-ahead thread of every reader with threads, and
/// the EM's workers, which wait while others load.
const HELPERS: &[&str] = &["1", "decode != inline -> workers", "loading == parallel -> workers"];

/// What a strategy that sums in another order may change.
const SUMS: Rule = Rule::Tolerance { abs: 0.0, rel: 1e-10 };

/// Inputs, axes, constraints, outputs.
pub fn descriptor() -> Descriptor {
    let parse = |text: &&str| Constraint::parse(text).expect("a constraint of this file follows the grammar");
    let amount = |text: &&str| Amount::parse(text).expect("an amount of this file follows the grammar");
    Descriptor::new(
        "em",
        env!("CARGO_PKG_VERSION"),
        "Assigns multi-mapping fragments to loci by expectation maximisation (as Telescope does)",
    )
    .build(option_env!("SCALETUNE_BUILD").unwrap_or_default())
    .inputs(inputs())
    .axes(axes())
    .constraints(CONSTRAINTS.iter().map(parse))
    .fact("format", &["bam", "cram", "sam", "scores"])
    .fact("order", &["collated", "sorted", "none"])
    .helpers(HELPERS.iter().map(amount))
    .reference(
        Plan::parse("solver=stock,loading=sequential,reader=htslib,decode=inline,workers=1")
            .expect("a plan of this file can be read"),
    )
    .outputs(outputs())
    .stages(
        [
            ("annotation", "reads the annotation, checks the alignments"),
            ("load", "reads alignments, works out the score matrix"),
            ("em", "iterates"),
            ("reassign", "counts under every mode"),
        ]
        .map(|(name, help)| Stage::new(name, help)),
    )
    .simulates(simulation::offer())
}

fn inputs() -> Vec<Input> {
    vec![
        Input::path(
            "bam",
            &["bam", "cram", "sam"],
            "Alignments, collated by name or sorted by coordinate, - for standard input; several make one count table",
        )
        .repeated()
        .streamed(),
        Input::path("gtf", &["gtf", "gtf.gz", "gff3", "gff3.gz", "gff"], "Annotation: GTF or GFF3, plain or gzipped")
            .streamed(),
        Input::path("reference", &["fa", "fasta"], "Reference sequence, for CRAM"),
        Input::path("scores", &["tsv"], "Instead of alignments: fragment, locus, raw score").streamed(),
        Input::path("features", &["tsv"], "Columns of --scores: column, locus, length").streamed(),
        Input::path("resume", &["checkpoint"], "Instead of alignments: a checkpoint of an earlier run"),
        Input::text("attribute", "Attribute that names the locus").or("locus").named("NAME"),
        Input::text("feature-type", "Rows of the annotation that count").or("exon").named("TYPE"),
        Input::text("no-feature-key", "Name of the feature of fragments that hit no locus")
            .or("__no_feature")
            .named("NAME"),
        Input::choice(
            "reassign-mode",
            &["exclude", "choose", "average", "conf", "unique", "all"],
            "How the count table reassigns",
        ),
        Input::float("conf-prob", 0.0, 1.0, "Threshold of the mode conf").or(0.9),
        Input::choice(
            "overlap-mode",
            &["threshold", "union", "intersection-strict"],
            "How overlap decides on the locus",
        ),
        Input::float("overlap-threshold", 0.0, 1.0, "Share of an alignment that must overlap, in the mode threshold")
            .or(0.2),
        Input::choice("overlap-rule", &["telescope", "exact"], "How overlapping bases are counted"),
        Input::choice(
            "stranded-mode",
            &["None", "RF", "R", "FR", "F"],
            "Direction of a sense fragment: FR, RF for pairs (read 1 first), F, R for single reads",
        ),
        Input::choice(
            "strand-rule",
            &["telescope", "exact"],
            "How a read's direction is taken; exact: read 2 alone, too",
        ),
        Input::choice(
            "same-ends",
            &["telescope", "keep"],
            "Two alignments of a pair with the same ends; telescope: one may be lost, keep: both count",
        ),
        Input::float("pi-prior", 0.0, f64::INFINITY, "Prior on pi").or(0.0),
        Input::float("theta-prior", 0.0, f64::INFINITY, "Prior on theta").or(200_000.0),
        Input::float("em-epsilon", 0.0, f64::INFINITY, "Stop once a step changes less than this").or(1e-7),
        Input::integer("max-iter", 0, i64::from(u32::MAX), "Most steps; 0 is as 1, as in Telescope").or(100),
        Input::flag("use-likelihood", "Stop on the change of the log-likelihood"),
        Input::flag("trace-likelihood", "Write the log-likelihood of every step"),
        Input::flag("skip-em", "Stop after loading, and write the checkpoint"),
        Input::integer(
            "seed",
            0,
            i64::from(u32::MAX),
            "Seed of the random stream [default: Telescope's, from the input]",
        ),
        Input::text("exp-tag", "Start of each file's name").or("telescope").named("TAG"),
        Input::flag("updated-sam", "Write a BAM with each alignment's assignment"),
        Input::flag("checkpoint", "Write a checkpoint, to resume with other options"),
    ]
}

fn axes() -> Vec<Axis> {
    vec![
        Axis::choice(
            "solver",
            "How the EM is computed",
            &[
                ("fused", "E and M step in one pass over packed rows"),
                ("stock", "row by row in one thread, in Telescope's order"),
                ("blocked", "connected components in lockstep"),
                ("squarem", "squared extrapolation: another path to the fixed point"),
            ],
        )
        .with_opt_in("squarem")
        .in_stage("em"),
        Axis::choice(
            "loading",
            "How alignments are loaded",
            &[
                ("parallel", "workers share the work"),
                ("sequential", "one thread reads and works"),
                ("indexed", "sorted input with an index: only fragments near a locus are worked out in full"),
            ],
        )
        .in_stage("load"),
        Axis::choice(
            "reader",
            "Who inflates and parses",
            &[
                ("raw", "own block walk over libdeflate; BAM only"),
                ("htslib", "htslib: BAM, CRAM and SAM"),
                ("noodles", "an independent decoder; BAM only"),
            ],
        )
        .in_stage("load"),
        Axis::choice(
            "decode",
            "Which threads inflate under reader=htslib",
            &[
                ("inline", "the worker itself"),
                ("per-reader", "threads of its own for each reader"),
                ("shared-pool", "one pool for all readers"),
            ],
        )
        .in_stage("load"),
        Axis::threads("workers", "Threads that work", Role::Compute, 1, IntegerDefault::MAX),
        Axis::threads("decode-threads", "Threads that only inflate", Role::Io, 0, IntegerDefault::Number(0))
            .in_stage("load"),
    ]
}

fn outputs() -> Vec<Output> {
    vec![
        Output::new("run_stats", "{exp-tag}-*run_stats.tsv", "tsv", "Statistics by locus")
            .optional()
            .keyed_by(&["transcript"]),
        Output::new("counts", "{exp-tag}-TE_counts.tsv", "tsv", "Counts by locus")
            .optional()
            .keyed_by(&["transcript"])
            .compare("count", Rule::Tolerance { abs: 0.0, rel: 1e-9 }),
        Output::new("em", "{exp-tag}-*em.json", "json", "The EM in full")
            .optional()
            .compare("pi", SUMS)
            .compare("theta", SUMS)
            .compare("log_likelihood", SUMS)
            .compare("trace", Rule::Tolerance { abs: 1e-14, rel: 1e-10 })
            .compare("reassign.final_average", Rule::Tolerance { abs: 0.0, rel: 1e-9 })
            .compare("reassign.final_conf", Rule::Tolerance { abs: 0.0, rel: 1e-9 })
            .compare("near_ties", Rule::Ignore),
        Output::new("updated", "{exp-tag}-*updated.bam", "bam", "Alignments with their assignment").optional(),
        Output::new("checkpoint", "{exp-tag}-*checkpoint", "checkpoint", "Scores, to resume from").optional(),
    ]
}
