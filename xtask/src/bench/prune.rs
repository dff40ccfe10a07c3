//! The pruning engine at the sizes of its optimisation plan: whole programs beside peers, and the stage `run` alone.

use super::manifests::{interleaved, seconds};
use super::section::{Section, median};
use super::{Contender, Sample, rounds as measured, simulated};
use crate::setup::on_path;
use crate::target;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Taxa and families.
const SIZES: [(usize, usize); 4] = [(10, 100), (50, 500), (100, 1_000), (100, 5_000)];
const KERNELS: [&str; 5] = ["per-family", "lanes", "patterns", "repeats", "auto"];

/// One workload, in the forms that others read too.
struct Workload {
    taxa: usize,
    families: usize,
    inputs: PathBuf,
    tree: PathBuf,
    matrix: PathBuf,
    gain: f64,
    loss: f64,
    /// Every tip's states as one sequence.
    alignment: PathBuf,
    /// Lengths in expected changes per family, as others count them.
    scaled_tree: PathBuf,
}

/// Values, fits, and the engine's own stage.
pub(super) fn sections(rounds: usize) -> Result<Vec<Section>, String> {
    let workloads = SIZES.iter().map(|&size| workload(size)).collect::<Result<Vec<Workload>, String>>()?;
    let mut values = compared("prune: values at given rates, whole programs, one thread", &workloads, values, rounds)?;
    values.say(
        "Speedups published for these sizes (PERSISTE, over its own NumPy code) were taken on a tree where nearly every \
         likelihood is clamped to 1e-300: there is nothing right to compare with. synthetictest draws its own tips.",
    );
    let fits = compared("prune: two-parameter fit, whole programs, one thread", &workloads, fits, rounds)?;
    Ok(vec![values, fits, stage(&workloads, rounds)?])
}

fn workload((taxa, families): (usize, usize)) -> Result<Workload, String> {
    let (tips, count) = (taxa.to_string(), families.to_string());
    let sizes = ["--preset", "tiny", "--taxa", &tips, "--families", &count];
    let folder = simulated("prune", &format!("{taxa}x{families}"), &sizes)?;
    let read = |name: &str| {
        let path = folder.join(name);
        std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
    };
    let write = |name: &str, text: String| {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display())).map(|()| path)
    };
    let inputs: toml::Table =
        read("inputs.toml")?.parse().map_err(|error| format!("{}: {error}", folder.join("inputs.toml").display()))?;
    let rate = |name: &str| {
        let value = inputs["inputs"].get(name).and_then(toml::Value::as_float);
        value.ok_or_else(|| format!("{}: no `{name}`", folder.join("inputs.toml").display()))
    };
    let (gain, loss) = (rate("gain")?, rate("loss")?);
    Ok(Workload {
        taxa,
        families,
        inputs: folder.join("inputs.toml"),
        tree: folder.join("tree.nwk"),
        matrix: folder.join("matrix.tsv"),
        gain,
        loss,
        alignment: write("matrix.fa", fasta(&read("matrix.tsv")?)?)?,
        scaled_tree: write("scaled.nwk", scaled(&read("tree.nwk")?, 2.0 * gain * loss / (gain + loss))?)?,
    })
}

/// A table of families by taxa as one sequence a taxon.
fn fasta(table: &str) -> Result<String, String> {
    let mut lines = table.lines();
    let taxa: Vec<&str> = lines.next().unwrap_or_default().split('\t').skip(1).collect();
    let mut sequences = vec![String::new(); taxa.len()];
    for line in lines {
        let cells: Vec<&str> = line.split('\t').skip(1).collect();
        if cells.len() != taxa.len() {
            return Err(format!("a line of {} cells for {} taxa: {line}", cells.len(), taxa.len()));
        }
        sequences.iter_mut().zip(cells).for_each(|(sequence, cell)| sequence.push_str(cell));
    }
    Ok(taxa.iter().zip(sequences).map(|(taxon, sequence)| format!(">{taxon}\n{sequence}\n")).collect())
}

/// A Newick tree without quotes, every length times `factor`.
fn scaled(tree: &str, factor: f64) -> Result<String, String> {
    let mut parts = tree.split(':');
    let mut text = parts.next().unwrap_or_default().to_string();
    for part in parts {
        let end = part.find([',', ')', ';']).unwrap_or(part.len());
        let length: f64 =
            part[..end].trim().parse().map_err(|_| format!("`{}` is not a branch length", &part[..end]))?;
        text += &format!(":{}{}", length * factor, &part[end..]);
    }
    Ok(text)
}

/// Those that are installed; the others are named.
fn installed(contenders: Vec<Option<Contender>>) -> Vec<Contender> {
    contenders.into_iter().flatten().collect()
}

/// A peer by its program, if there is one of that name.
fn peer(name: &str, programs: &[&str], arguments: String) -> Option<Contender> {
    let program = programs.iter().find(|program| on_path(program));
    if program.is_none() {
        eprintln!("{} is not installed and left out", programs[0]);
    }
    program.map(|program| Contender::peer(name, format!("{program} {arguments}")))
}

fn ours(work: &Workload, name: &str, kernel: &str, rates: &str) -> Option<Contender> {
    let command = format!(
        "{} run prune -q --no-profile --threads 1 --plan kernel={kernel} --tree {} --matrix {} {rates} --outdir {}",
        target().join("release/scaletune").display(),
        work.tree.display(),
        work.matrix.display(),
        target().join("bench/prune-out").display()
    );
    Some(Contender::ours(name, command))
}

fn iqtree(work: &Workload, name: &str, model: &str) -> Option<Contender> {
    let arguments = format!(
        "-s {} -st BIN -te {} {model} -blmin 1e-12 -keep-ident -redo -nt 1 -pre {}",
        work.alignment.display(),
        work.scaled_tree.display(),
        target().join("bench/iqtree").display()
    );
    peer(name, &["iqtree2", "iqtree"], arguments)
}

/// Programs that compute likelihoods at rates that are given; the first is the yardstick.
fn values(work: &Workload) -> Vec<Contender> {
    let (gain, loss) = (work.gain, work.loss);
    let rates = format!("--gain {gain} --loss {loss}");
    // Others take the stationary probabilities.
    let (absent, present) = (loss / (gain + loss), gain / (gain + loss));
    let raxml = format!(
        "--evaluate --msa {} --tree {} --model 'BIN+FU{{{absent}/{present}}}' --opt-model off --opt-branches off \
         --threads 1 --redo --prefix {}",
        work.alignment.display(),
        work.scaled_tree.display(),
        target().join("bench/raxml").display()
    );
    let beagle = format!(
        "--states 2 --taxa {} --sites {} --rates 1 --reps 1 --rsrc 0 --doubleprecision --manualscale",
        work.taxa, work.families
    );
    installed(vec![
        ours(work, "scaletune, auto", "auto", &rates),
        ours(work, "scaletune, per-family (reference)", "per-family", &rates),
        iqtree(work, "IQ-TREE, GTR2+F{...} -blfix", &format!("-blfix -m 'GTR2+F{{{absent},{present}}}'")),
        peer("RAxML-NG (libpll), BIN+FU{...}", &["raxml-ng"], raxml),
        peer("BEAGLE, synthetictest", &["synthetictest"], beagle),
    ])
}

/// Programs that fit two parameters.
fn fits(work: &Workload) -> Vec<Contender> {
    installed(vec![
        ours(work, "scaletune, auto", "auto", "--fit"),
        iqtree(work, "IQ-TREE, GTR2+FO -blscale", "-blscale -m GTR2+FO"),
    ])
}

/// One table of all sizes; ratios are to the first program of each, pair by pair.
fn compared(
    title: &str,
    workloads: &[Workload],
    contenders: fn(&Workload) -> Vec<Contender>,
    rounds: usize,
) -> Result<Section, String> {
    let columns = ["taxa x families", "program", "wall s", "CPU s", "CPU, as a ratio", "wall, as a ratio"];
    let mut section = Section::with_columns(title.into(), &columns);
    for work in workloads {
        let mut contenders = contenders(work);
        let samples = measured(&mut contenders, rounds)?;
        for (contender, own) in contenders.iter().zip(&samples) {
            let of = |part: fn(&Sample) -> f64| median(own.iter().map(part));
            let ratio = |part: fn(&Sample) -> f64| median(own.iter().zip(&samples[0]).map(|(a, b)| part(a) / part(b)));
            let (wall, cpu) = (|s: &Sample| s.wall, |s: &Sample| s.cpu);
            let figures = [of(wall), of(cpu), ratio(cpu), ratio(wall)];
            let size = format!("{}x{}", work.taxa, work.families);
            let row = json!({
                "taxa": work.taxa, "families": work.families, "name": contender.name, "wall_s": figures[0],
                "cpu_s": figures[1], "cpu_ratio": figures[2], "wall_ratio": figures[3],
            });
            let cells = [vec![size, contender.name.clone()], figures.map(|figure| format!("{figure:.3}")).to_vec()];
            section.push(&cells.concat(), row);
        }
    }
    Ok(section)
}

/// Node updates a second of the stage `run`, by kernel.
fn stage(workloads: &[Workload], rounds: usize) -> Result<Section, String> {
    let columns = [&["taxa x families"][..], &KERNELS[..]].concat();
    let mut section = Section::with_columns("prune: stage `run`, million node updates a second".into(), &columns);
    for work in workloads {
        let lines: Vec<Vec<String>> = KERNELS.iter().map(|kernel| line(&work.inputs, kernel)).collect();
        let runs = interleaved("prune", &lines, rounds)?;
        let updates = (work.families * (work.taxa - 1)) as f64;
        let medians = runs.iter().map(|own| median(own.iter().filter_map(|manifest| seconds(manifest, "run"))));
        let rates: Vec<f64> = medians.map(|seconds| updates / seconds / 1e6).collect();
        let size = format!("{}x{}", work.taxa, work.families);
        let figures: serde_json::Map<String, serde_json::Value> =
            KERNELS.iter().zip(&rates).map(|(kernel, rate)| (kernel.to_string(), json!(rate))).collect();
        let row = json!({"taxa": work.taxa, "families": work.families, "million_updates_per_s": figures});
        let cells: Vec<String> = std::iter::once(size).chain(rates.iter().map(|rate| format!("{rate:.0}"))).collect();
        section.push(&cells, row);
    }
    section.say("One thread, one run a process, so that page faults and cold caches are in it.");
    Ok(section)
}

fn line(inputs: &Path, kernel: &str) -> Vec<String> {
    let plan = format!("kernel={kernel}");
    ["--no-profile", "--threads", "1", "--plan", &plan, "--inputs", &inputs.display().to_string()]
        .map(String::from)
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_read_the_same_data() {
        assert_eq!(fasta("family\ta\tb\nf1\t0\t1\nf2\t?\t0\n").unwrap(), ">a\n0?\n>b\n10\n");
        assert!(fasta("family\ta\tb\nf1\t0\n").unwrap_err().contains("a line of 1 cells"));
        assert_eq!(scaled("((a:1,b:0.25)x:2e-1,c:4);", 0.5).unwrap(), "((a:0.5,b:0.125)x:0.1,c:2);");
        assert!(scaled("(a:x,b:1);", 1.0).unwrap_err().contains("`x` is not a branch length"));
    }
}
