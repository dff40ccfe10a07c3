//! Inputs and plans of the contract, as the core's own types.

use scaletune_em_core::annotation::GtfOptions;
use scaletune_em_core::fragment::{OverlapMode, OverlapOptions, OverlapRule, SameEnds, StrandRule, StrandedMode};
use scaletune_em_core::load::{LoadOptions, LoadPlan, Loading};
use scaletune_em_core::session::{Options, Plan as EmPlan, Source};
use scaletune_em_core::{EmOptions, Mode, Solver};
use scaletune_hts::Decoder;
use scaletune_sdk::{Error, Inputs, Plan, TypedInputs, TypedPlan};

/// Where the scores come from: exactly one of alignments, a table, a checkpoint.
///
/// # Errors
/// Inputs that do not go together.
pub fn source(inputs: &Inputs) -> Result<Source, Error> {
    let files = inputs.paths("bam");
    let given = [!files.is_empty(), inputs.flag("scores"), inputs.flag("resume")];
    match given {
        [true, false, false] => {
            let gtf =
                inputs.path("gtf").ok_or_else(|| Error::bad_input("alignments need an annotation: give --gtf"))?;
            Ok(Source::Alignments {
                files,
                reference: inputs.path("reference"),
                gtf,
                gtf_options: GtfOptions {
                    attribute: text(inputs, "attribute"),
                    feature_type: text(inputs, "feature-type"),
                },
            })
        }
        [false, true, false] => {
            let scores = inputs.path("scores").unwrap_or_default();
            Ok(Source::Table { scores, features: inputs.path("features") })
        }
        [false, false, true] => Ok(Source::Checkpoint(inputs.path("resume").unwrap_or_default())),
        [false, false, false] => {
            Err(Error::bad_input("nothing to work on: give --bam and --gtf, --scores, or --resume"))
        }
        _ => Err(Error::bad_input("--bam, --scores and --resume exclude each other: give one of them")),
    }
}

/// What the user wants, whatever the plan.
///
/// # Errors
/// Inputs that do not go together.
pub fn options(inputs: &Inputs) -> Result<Options, Error> {
    let float = |name: &str| inputs.float(name).unwrap_or_default();
    Ok(Options {
        load: LoadOptions {
            overlap: OverlapOptions {
                mode: choice(
                    inputs,
                    "overlap-mode",
                    &[
                        ("threshold", OverlapMode::Threshold),
                        ("union", OverlapMode::Union),
                        ("intersection-strict", OverlapMode::IntersectionStrict),
                    ],
                )?,
                threshold: float("overlap-threshold"),
                rule: choice(
                    inputs,
                    "overlap-rule",
                    &[("telescope", OverlapRule::Telescope), ("exact", OverlapRule::Exact)],
                )?,
                stranded: choice(
                    inputs,
                    "stranded-mode",
                    &[
                        ("None", StrandedMode::None),
                        ("RF", StrandedMode::RF),
                        ("R", StrandedMode::R),
                        ("FR", StrandedMode::FR),
                        ("F", StrandedMode::F),
                    ],
                )?,
                strand_rule: choice(
                    inputs,
                    "strand-rule",
                    &[("telescope", StrandRule::Telescope), ("exact", StrandRule::Exact)],
                )?,
            },
            no_feature_key: text(inputs, "no-feature-key"),
            same_ends: choice(inputs, "same-ends", &[("telescope", SameEnds::Telescope), ("keep", SameEnds::Keep)])?,
            keep_tags: inputs.flag("updated-sam"),
        },
        em: EmOptions {
            pi_prior: float("pi-prior"),
            theta_prior: float("theta-prior"),
            epsilon: float("em-epsilon"),
            max_iterations: inputs.number("max-iter")?.unwrap_or_default(),
            use_likelihood: inputs.flag("use-likelihood"),
            trace_likelihood: inputs.flag("trace-likelihood"),
        },
        mode: choice(
            inputs,
            "reassign-mode",
            &[
                ("exclude", Mode::Exclude),
                ("choose", Mode::Choose),
                ("average", Mode::Average),
                ("conf", Mode::Conf),
                ("unique", Mode::Unique),
                ("all", Mode::All),
            ],
        )?,
        conf_prob: float("conf-prob"),
        seed: inputs.number("seed")?,
        skip_em: inputs.flag("skip-em"),
    })
}

/// The core's plan.
///
/// # Errors
/// The plan lacks an axis, or has a value that the engine does not know.
pub fn plan(plan: &Plan) -> Result<EmPlan, Error> {
    Ok(EmPlan {
        workers: plan.count("workers")?,
        solver: plan.one_of(
            "solver",
            &[
                ("fused", Solver::Fused),
                ("stock", Solver::Stock),
                ("blocked", Solver::Blocked),
                ("squarem", Solver::Squarem),
            ],
        )?,
        load: LoadPlan {
            loading: plan.one_of(
                "loading",
                &[("sequential", Loading::Sequential), ("parallel", Loading::Parallel), ("indexed", Loading::Indexed)],
            )?,
            decoder: plan.one_of(
                "reader",
                &[("raw", Decoder::Raw), ("htslib", Decoder::Htslib), ("noodles", Decoder::Noodles)],
            )?,
            decode_threads: plan.count("decode-threads")?,
            shared_pool: plan.word("decode") == Some("shared-pool"),
        },
    })
}

fn text(inputs: &Inputs, name: &str) -> String {
    inputs.text(name).unwrap_or_default().to_string()
}

/// An input whose default the descriptor states.
fn choice<T: Copy>(inputs: &Inputs, name: &str, values: &[(&str, T)]) -> Result<T, Error> {
    inputs.one_of(name, values)?.ok_or_else(|| Error::bad_input(format!("input `{name}` is missing")))
}
