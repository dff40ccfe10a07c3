//! The contenders of `cargo xtask bench em` and `bench prune`: the engine's strategies against its reference plan, and
//! peers that read the same files. Others are brought in by `--also`.

use super::Contender;
use crate::setup::on_path;
use crate::target;
use std::path::Path;

/// Name, threads, plan; the reference first.
pub(super) type Plans = &'static [(&'static str, usize, &'static str)];

pub(super) const EM: Plans = &[
    ("stock, one thread, htslib (reference)", 1, "solver=stock,loading=sequential,reader=htslib"),
    ("stock, one thread", 1, "solver=stock,loading=sequential,reader=raw"),
    ("fused, one thread", 1, "solver=fused,loading=sequential,reader=raw"),
    ("blocked, one thread", 1, "solver=blocked,loading=sequential,reader=raw"),
    ("fused, two threads", 2, "solver=fused,loading=parallel,reader=raw,workers=2"),
];

const PRUNE: Plans = &[
    ("per-family, one thread (reference)", 1, "kernel=per-family"),
    ("lanes, one thread", 1, "kernel=lanes"),
    ("patterns, one thread", 1, "kernel=patterns"),
    ("repeats, one thread", 1, "kernel=repeats"),
    ("auto, one thread", 1, "kernel=auto"),
    ("auto, two threads", 2, "kernel=auto,workers=2"),
];

/// The strategies of `engine` on a workload.
pub(super) fn contenders(engine: &str, workload: &Path) -> Vec<Contender> {
    let program = target().join("release/scaletune");
    let out = target().join("bench").join(format!("{engine}-out"));
    let inputs = workload.join("inputs.toml");
    let plans = if engine == "em" { EM } else { PRUNE };
    let contender = |(name, threads, plan): &(&str, usize, &str)| {
        let command = format!(
            "{} run {engine} -q --no-profile --threads {threads} --plan {plan} --inputs {} --outdir {}",
            program.display(),
            inputs.display(),
            out.display()
        );
        Contender::ours(name, command)
    };
    let mut contenders: Vec<Contender> = plans.iter().map(contender).collect();
    if engine == "em" && on_path("telescope") {
        let (bam, gtf) = (workload.join("collated.bam"), workload.join("annotation.gtf"));
        let command = format!("telescope assign {} {} --outdir {}", bam.display(), gtf.display(), out.display());
        contenders.push(Contender::peer("telescope assign", command));
    }
    contenders
}
