//! What the engine says of itself.

use crate::simulation;
use scaletune_sdk::{
    Amount, Axis, Constraint, Descriptor, Input, InputKind, IntegerDefault, Output, Plan, Role, Rule, Stage,
};

/// Log-likelihoods of all kernels agree to this; what is fitted to them hangs on where the climb ends.
const VALUES: Rule = Rule::Tolerance { abs: 0.0, rel: 1e-10 };
const FITTED: Rule = Rule::Tolerance { abs: 1e-8, rel: 1e-6 };
/// Text of four digits: what agrees to the last one may still be rounded to either side. Arrays, and the sums in
/// `branches.tsv`, are held to [`FITTED`]; golden cases of exact text have stricter rules of their own.
const ROUNDED: Rule = Rule::Tolerance { abs: 1e-8, rel: 1.001e-3 };

/// Inputs, axes, constraints, outputs.
pub fn descriptor() -> Descriptor {
    Descriptor::new(
        "prune",
        env!("CARGO_PKG_VERSION"),
        "Gain and loss of gene families over a phylogeny: likelihoods, fits, ancestral states (as PERSISTE)",
    )
    .build(option_env!("SCALETUNE_BUILD").unwrap_or_default())
    .inputs(inputs())
    .axes([
        Axis::choice(
            "kernel",
            "How likelihoods are computed",
            &[
                ("auto", "distinct columns in lanes, small subtrees from tables; repeats where they save more"),
                ("per-family", "one family after the other"),
                ("lanes", "families in vector lanes"),
                ("patterns", "lanes over the distinct columns of the matrix"),
                ("repeats", "every distinct pattern of every subtree once"),
            ],
        ),
        Axis::threads("workers", "Threads that compute", Role::Compute, 1, IntegerDefault::MAX),
        Axis::size("chunk", "Families that a worker takes at a time", 64, 65_536, 4096),
    ])
    .constraints([
        Constraint::parse("workers <= threads").expect("a constraint of this file follows the grammar"),
        Constraint::parse("workers == 1 -> chunk == 4096").expect("a constraint of this file follows the grammar"),
    ])
    .helpers([Amount::parse("1").expect("an amount of this file follows the grammar")])
    .reference(Plan::parse("kernel=per-family,workers=1").expect("a plan of this file can be read"))
    .outputs(outputs())
    .stages(
        [
            ("read", "reads tree, matrix and tables"),
            ("compute", "likelihoods, fits"),
            ("posteriors", "states and changes, written as they are computed"),
        ]
        .map(|(name, help)| Stage::new(name, help)),
    )
    .simulates(simulation::offer())
}

fn inputs() -> Vec<Input> {
    let rate = |name, help| Input::new(name, InputKind::Float { min: Some(0.0), max: None }, help).named("RATE");
    vec![
        Input::path("tree", &["nwk", "nex", "gz"], "Rooted tree: Newick or NEXUS").required(),
        Input::path(
            "matrix",
            &["tsv", "csv", "Rtab", "phy", "fasta", "gz"],
            "Presence and absence: TSV, CSV, Roary's or Panaroo's tables, PHYLIP or FASTA",
        )
        .required(),
        Input::choice("trees", &["only", "first", "all"], "Trees of a file with several: an error, the first, or all")
            .or("only"),
        Input::choice(
            "match",
            &["exact", "newick", "prefix"],
            "When a name of the matrix stands for a tip of the tree",
        )
        .or("exact"),
        Input::choice("negative-branches", &["refuse", "zero"], "What to do with branches of negative length")
            .or("refuse"),
        Input::integer("present-from", 1, i64::from(u32::MAX), "Cells are counts; this many and more are presence"),
        rate("gain", "Rate of gain, for all families"),
        rate("loss", "Rate of loss, for all families"),
        Input::path("rates", &["tsv"], "Rates of each family: family, gain, loss"),
        Input::flag("fit", "Fit the rates; --gain and --loss are where the climb starts"),
        Input::choice("prior", &["none", "normal"], "Prior on the fitted log rates"),
        Input::float("missing-length", 0.0, f64::INFINITY, "Take this length where a branch has none"),
        Input::text("root-prior", "stationary, fit, or the probabilities of absence and presence")
            .or("stationary")
            .named("P0,P1"),
        Input::integer("gamma-categories", 1, 64, "Categories of discrete gamma rates"),
        Input::text("gamma-shape", "Shape of the gamma distribution, or fit").named("A|fit"),
        Input::choice("ascertainment", &["none", "absent"], "Families absent everywhere could not have been seen"),
        Input::path("retention", &["txt"], "Families to test for retention: one a line, or set and family"),
        Input::flag("ancestral", "Write probabilities of presence at the inner nodes"),
        Input::flag("branches", "Write expected gains and losses on every branch"),
        Input::choice(
            "ancestral-format",
            &["tsv", "tsv.gz", "npy"],
            "Form of --ancestral: text, packed text, or exact float64 for NumPy",
        ),
        Input::text(
            "digits",
            "Significant digits of the text of --ancestral and of families' changes: 1 to 17 (4 by default), or exact",
        )
        .named("N|exact"),
        Input::float(
            "min-expected",
            0.0,
            1.0,
            "List a family with a branch if it gains or loses with this probability there (0.01 by default; 0 lists all)",
        ),
    ]
}

fn outputs() -> Vec<Output> {
    let tsv = |name: &str, help: &str| Output::new(name, &format!("{name}.tsv"), "tsv", help);
    let of_one = of_tree();
    // The same files for every tree of a sample.
    let of_each = of_tree().into_iter().map(|mut output| {
        output.name = format!("tree_{}", output.name);
        output.file = format!("tree-*.{}", output.file);
        output.help = format!("With --trees all, one for each tree: {}", output.help);
        output
    });
    let of_sample = [
        tsv("trees", "With --trees all: figures of each tree").keyed_by(&["tree"]).compare("name", Rule::Exact),
        tsv("sample", "With --trees all: the spread of each figure over the trees").keyed_by(&["figure"]),
        tsv("sample_families", "With --trees all: the spread of each family's log-likelihood").keyed_by(&["family"]),
    ];
    let of_sample = of_sample.map(|output| output.optional().ruled(FITTED));
    of_one.into_iter().chain(of_each).chain(of_sample).collect()
}

/// What is written for one tree.
fn of_tree() -> Vec<Output> {
    let names = |name: &str, help: &str| Output::new(name, &format!("{name}.txt"), "text", help).optional();
    let tsv = |name: &str, help: &str| Output::new(name, &format!("{name}.tsv"), "tsv", help);
    vec![
        // Not at its place where there are several trees.
        tsv("families", "Rates and log-likelihood of each family")
            .keyed_by(&["family"])
            .optional()
            .ruled(FITTED)
            .compare("family", Rule::Exact)
            .compare("log_likelihood", VALUES),
        Output::new("summary", "summary.json", "json", "Total log-likelihood and sizes")
            .optional()
            .compare("log_likelihood", VALUES),
        Output::new("fit", "fit.json", "json", "The fit")
            .optional()
            .ruled(FITTED)
            .compare("log_likelihood", Rule::Tolerance { abs: 1e-8, rel: 1e-10 })
            .compare("standard_errors", Rule::Tolerance { abs: 1e-6, rel: 1e-4 })
            .compare("evaluations", Rule::Ignore)
            .compare("gradient_norm", Rule::Ignore),
        tsv("retention", "Retention tests").keyed_by(&["set"]).optional().ruled(FITTED),
        tsv("ancestral", "Probability of presence at the inner nodes").keyed_by(&["family"]).optional().ruled(ROUNDED),
        Output::new("ancestral_gz", "ancestral.tsv.gz", "tsv", "The same, packed")
            .keyed_by(&["family"])
            .optional()
            .ruled(ROUNDED),
        Output::new("ancestral_npy", "ancestral.npy", "npy", "The same, float64, families by inner nodes")
            .optional()
            .ruled(FITTED),
        names("ancestral_families", "The families of ancestral.npy, a line each"),
        names("ancestral_nodes", "The inner nodes of ancestral.npy, a line each"),
        tsv("branches", "Expected gains and losses on each branch").keyed_by(&["node"]).optional().ruled(FITTED),
        tsv("branch_families", "Families that change on a branch")
            .keyed_by(&["node", "family"])
            .optional()
            .ruled(ROUNDED),
        Output::new("tree", "tree.nwk", "newick", "The tree with the labels that the tables use").optional(),
    ]
}
