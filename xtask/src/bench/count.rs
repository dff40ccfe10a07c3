//! The contenders of `cargo xtask bench count`.

use super::Contender;
use crate::setup::on_path;
use crate::{run, target};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The counting engine in several ways, and the peers that are installed, on one workload.
pub(super) fn contenders(workload: &Path) -> Result<Vec<Contender>, String> {
    let program = target().join("release/scaletune").display().to_string();
    let (bam, vcf) = (workload.join("simulated.bam"), workload.join("simulated.vcf.gz"));
    let (bam, vcf) = (bam.display(), vcf.display());
    let lists = site_lists(workload)?;
    let out = target().join("bench/counts.tsv");
    let scaletune = |variants: &str, plan: &str, threads: usize| {
        format!(
            "{program} run count -q --no-profile --threads {threads} --plan {plan} --bam {bam} {variants} -o {}",
            out.display()
        )
    };
    let panel = format!("--variants {vcf} --sample SIM1");
    let sparse = format!("--variants {}", lists.sparse.display());
    let (ours, peer) = (Contender::ours, Contender::peer);
    let mut contenders = vec![
        peer("bgzip -dc -@1 (unpacking alone)", format!("bgzip -dc -@1 {bam}")),
        ours("scaletune, 1 thread", scaletune(&panel, "reader=raw,workers=1", 1)),
        ours("scaletune, 2 threads", scaletune(&panel, "reader=raw,workers=2", 2)),
        ours("scaletune, 1 thread, reader=htslib", scaletune(&panel, "reader=htslib,workers=1", 1)),
        ours("scaletune, 1 thread, 1,000 sites", scaletune(&sparse, "reader=raw,workers=1", 1)),
        peer("samtools view -c", format!("samtools view -c {bam}")),
        peer("samtools mpileup -l", format!("samtools mpileup -B -Q 0 -d 0 -l {} {bam}", lists.bed.display())),
        peer(
            "bcftools mpileup -T",
            format!(
                "bcftools mpileup --no-reference -B -Q 0 -d 100000 -a AD -T {} -Ou {bam}",
                lists.positions.display()
            ),
        ),
        peer(
            "alleleCounter -d",
            format!("alleleCounter -d -m 0 -q 0 -l {} -b {bam} -o /dev/null", lists.positions.display()),
        ),
    ];
    if on_path("wasp2-count") && on_path("samtools") {
        let out = target().join("bench/wasp2.tsv");
        let without = without_padding(workload)?;
        let command = format!("wasp2-count count-variants {} {vcf} -s SIM1 -o {}", without.display(), out.display());
        contenders.push(peer("wasp2-count count-variants (CIGAR P, SEQ * left out)", command));
    }
    contenders.retain(|contender| {
        let name = contender.name.split(' ').next().unwrap_or_default().trim_end_matches(',');
        let found = name == "scaletune" || on_path(name);
        if !found {
            eprintln!("{name} is not installed and left out");
        }
        found
    });
    if !on_path("bgzip") {
        return Err("bgzip is missing, and it is the yardstick; install tabix (Debian) or htslib".into());
    }
    Ok(contenders)
}

/// The same alignments without records that WASP2 stops at: those with padding in their CIGAR, and those without
/// a sequence. Made once.
fn without_padding(workload: &Path) -> Result<PathBuf, String> {
    let path = workload.join("without-padding.bam");
    if !path.exists() {
        let half = workload.join("half.bam");
        let mut view = Command::new("samtools");
        run(view
            .args(["view", "-b", "-e", "cigar !~ \"P\" && seq =~ \"[ACGTN]\"", "-o"])
            .arg(&half)
            .arg(workload.join("simulated.bam")))?;
        run(Command::new("samtools").arg("index").arg(&half).arg(workload.join("without-padding.bam.bai")))?;
        std::fs::rename(&half, &path).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(path)
}

/// The same sites in the forms that others read.
struct SiteLists {
    bed: PathBuf,
    positions: PathBuf,
    /// VCF of a thousand of them.
    sparse: PathBuf,
}

/// Made from the expected table of the workload, whose columns are chrom, pos0, pos, ref, alt, GT, counts.
fn site_lists(workload: &Path) -> Result<SiteLists, String> {
    let table = workload.join("expected.tsv");
    let text = std::fs::read_to_string(&table).map_err(|error| format!("{}: {error}", table.display()))?;
    let rows: Vec<Vec<&str>> = text.lines().skip(1).map(|line| line.split('\t').collect()).collect();
    let write = |name: &str, text: String| {
        let path = workload.join(name);
        std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display())).map(|()| path)
    };
    let lines = |form: &dyn Fn(&[&str]) -> String| rows.iter().map(|row| form(row)).collect::<String>();
    write("probe.tsv", lines(&|row| format!("{}\t{}\t{}\t{}\n", row[0], row[2], row[3], row[4])))?;
    let every = (rows.len() / 1000).max(1);
    let mut vcf = String::from("##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n");
    for row in rows.iter().step_by(every).take(1000) {
        vcf += &format!("{}\t{}\t.\t{}\t{}\t.\t.\t.\n", row[0], row[2], row[3], row[4]);
    }
    Ok(SiteLists {
        bed: write("sites.bed", lines(&|row| format!("{}\t{}\t{}\n", row[0], row[1], row[2])))?,
        positions: write("sites.txt", lines(&|row| format!("{}\t{}\n", row[0], row[2])))?,
        sparse: write("sparse.vcf", vcf)?,
    })
}
