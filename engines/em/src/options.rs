//! Inputs and plans of the contract, as the core's own types.

use scaletune_em_core::annotation::GtfOptions;
use scaletune_em_core::fragment::{OverlapMode, OverlapOptions, OverlapRule, StrandedMode};
use scaletune_em_core::load::{LoadOptions, LoadPlan, Loading};
use scaletune_em_core::session::{Options, Plan as EmPlan, Source};
use scaletune_em_core::{EmOptions, Mode, Solver};
use scaletune_hts::Decoder;
use scaletune_sdk::{Error, Inputs, Plan};

/// Where the scores come from: exactly one of alignments, a table, a checkpoint.
pub(crate) fn source(inputs: &Inputs) -> Result<Source, Error> {
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
pub(crate) fn options(inputs: &Inputs) -> Result<Options, Error> {
    let float = |name: &str| inputs.float(name).unwrap_or_default();
    Ok(Options {
        load: LoadOptions {
            overlap: OverlapOptions {
                mode: word(
                    inputs,
                    "overlap-mode",
                    &[
                        ("threshold", OverlapMode::Threshold),
                        ("union", OverlapMode::Union),
                        ("intersection-strict", OverlapMode::IntersectionStrict),
                    ],
                )?,
                threshold: float("overlap-threshold"),
                rule: word(
                    inputs,
                    "overlap-rule",
                    &[("telescope", OverlapRule::Telescope), ("exact", OverlapRule::Exact)],
                )?,
                stranded: word(
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
            },
            no_feature_key: text(inputs, "no-feature-key"),
            keep_tags: inputs.flag("updated-sam"),
        },
        em: EmOptions {
            pi_prior: float("pi-prior"),
            theta_prior: float("theta-prior"),
            epsilon: float("em-epsilon"),
            max_iterations: number(inputs.integer("max-iter"), "max-iter")?,
            use_likelihood: inputs.flag("use-likelihood"),
            trace_likelihood: inputs.flag("trace-likelihood"),
        },
        mode: word(
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
        seed: inputs.integer("seed").map(|seed| number(Some(seed), "seed")).transpose()?,
        skip_em: inputs.flag("skip-em"),
    })
}

/// The core's plan.
pub(crate) fn plan(plan: &Plan) -> Result<EmPlan, Error> {
    let count = |name: &str| {
        let number = plan.integer(name).and_then(|number| usize::try_from(number).ok());
        number.ok_or_else(|| Error::unsupported_plan(format!("axis `{name}` is missing or below zero")))
    };
    Ok(EmPlan {
        workers: count("workers")?,
        solver: axis(
            plan,
            "solver",
            &[
                ("fused", Solver::Fused),
                ("stock", Solver::Stock),
                ("blocked", Solver::Blocked),
                ("squarem", Solver::Squarem),
            ],
        )?,
        load: LoadPlan {
            loading: axis(
                plan,
                "loading",
                &[("sequential", Loading::Sequential), ("parallel", Loading::Parallel), ("indexed", Loading::Indexed)],
            )?,
            decoder: axis(
                plan,
                "reader",
                &[("raw", Decoder::Raw), ("htslib", Decoder::Htslib), ("noodles", Decoder::Noodles)],
            )?,
            decode_threads: count("decode-threads")?,
            shared_pool: plan.word("decode") == Some("shared-pool"),
        },
    })
}

fn text(inputs: &Inputs, name: &str) -> String {
    inputs.text(name).unwrap_or_default().to_string()
}

fn number(number: Option<i64>, name: &str) -> Result<u32, Error> {
    let number = number.unwrap_or_default();
    u32::try_from(number).map_err(|_| Error::bad_input(format!("input `{name}` can't be {number}")))
}

fn word<T: Copy>(inputs: &Inputs, name: &str, values: &[(&str, T)]) -> Result<T, Error> {
    let word = inputs.text(name).unwrap_or_default();
    pick(word, values).ok_or_else(|| Error::bad_input(format!("input `{name}` can't be `{word}`")))
}

fn axis<T: Copy>(plan: &Plan, name: &str, values: &[(&str, T)]) -> Result<T, Error> {
    let value = plan.word(name).and_then(|word| pick(word, values));
    value.ok_or_else(|| Error::unsupported_plan(format!("axis `{name}` is missing or unknown")))
}

fn pick<T: Copy>(word: &str, values: &[(&str, T)]) -> Option<T> {
    values.iter().find(|(name, _)| *name == word).map(|(_, value)| *value)
}
