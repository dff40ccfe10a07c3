//! A score matrix with a known origin for every fragment.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::families::Families;
use super::random::Random;
use crate::scores::{Feature, RunInfo, Scores};
use crate::{EmError, MatrixBuilder};

/// Share of fragments with one feature only.
const UNIQUE: f64 = 0.35;
/// Further features of the others, on average.
const FURTHER: f64 = 4.0;
/// Share of fragments that hit no locus with one of their alignments, too.
const NO_FEATURE: f64 = 0.0008;
/// The best possible raw score.
const BEST: usize = 300;

/// The size of a matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MatrixShape {
    /// Rows.
    pub fragments: usize,
    /// Loci; the matrix has a column more.
    pub features: usize,
}

/// A simulated matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedMatrix {
    /// The scores.
    pub scores: Scores,
    /// How many fragments come from each column.
    pub truth: Vec<u64>,
}

/// Draws a matrix.
///
/// # Errors
/// If the shape is empty or too large to number.
pub fn simulate_matrix(shape: MatrixShape, seed: u32) -> Result<SimulatedMatrix, EmError> {
    let MatrixShape { fragments, features } = shape;
    if fragments == 0 || features < 2 {
        let value = format!("{fragments} by {features}");
        return Err(EmError::Option { option: "size", value, remedy: "give at least 1 fragment and 2 features" });
    }
    let mut random = Random::new(seed);
    let families = Families::new(features, &mut random);
    let mut truth = vec![0; features + 1];
    let mut builder = MatrixBuilder::new();
    let mut entries = Vec::new();
    for _ in 0..fragments {
        let (family, rank) = families.draw(&mut random);
        let own = families.locus(family, rank) + 1;
        truth[own] += 1;
        let loss = random.geometric(0.25) - 1 + if random.chance(0.3) { random.below(100) } else { 0 };
        let best = BEST - loss.min(160);
        entries.clear();
        entries.push((own as u32, best as u32));
        let further = if random.chance(UNIQUE) { 0 } else { random.geometric(1.0 / FURTHER) };
        for _ in 0..further.min(99).min(families.size(family) - 1) {
            // Mostly neighbours by rank, as copies that arose late are alike.
            let far = if random.chance(0.85) { random.geometric(0.12) } else { random.below(features) };
            let other = families.locus(family, rank + far) + 1;
            let mismatches = (random.geometric(0.35) - 1).min(25) * 3;
            entries.push((other as u32, (best - mismatches) as u32));
        }
        if random.chance(NO_FEATURE) {
            entries.push((0, (best - random.below(30)) as u32));
        }
        builder.push_row(&mut entries);
    }
    let matrix = builder.finish(features + 1)?;
    let name = |column| if column == 0 { "__no_feature".to_owned() } else { format!("L{column:05}") };
    let features: Vec<Feature> = (0..=features).map(|column| Feature { name: name(column), length: 0 }).collect();
    let unique = matrix.unique_rows() as u64;
    let run_info = RunInfo {
        annotated_features: features.len() as u64 - 1,
        total_fragments: fragments as u64,
        overlap_unique: unique,
        overlap_ambig: fragments as u64 - unique,
        ..RunInfo::default()
    };
    Ok(SimulatedMatrix { scores: Scores { matrix, features, run_info, findings: None }, truth })
}

/// Writes `scores.tsv`, `features.tsv` and `truth.tsv` (locus, fragments that come from it) into `folder`; their paths.
///
/// # Errors
/// If a file cannot be written.
pub fn write_matrix(folder: &Path, simulated: &SimulatedMatrix) -> Result<[PathBuf; 3], EmError> {
    let Scores { matrix, features, .. } = &simulated.scores;
    let paths = ["scores.tsv", "features.tsv", "truth.tsv"].map(|name| folder.join(name));
    write_lines(&paths[0], |out| {
        writeln!(out, "#fragment\tlocus\traw")?;
        for row in 0..matrix.rows() {
            for (column, score) in matrix.row(row) {
                writeln!(out, "r{row}\t{}\t{score}", features[column].name)?;
            }
        }
        Ok(())
    })?;
    write_lines(&paths[1], |out| {
        writeln!(out, "#col\tlocus\tlength")?;
        let mut lines = features.iter().enumerate();
        lines.try_for_each(|(column, feature)| writeln!(out, "{column}\t{}\t{}", feature.name, feature.length))
    })?;
    write_truth(&paths[2], features.iter().map(|feature| feature.name.as_str()).zip(simulated.truth.iter().copied()))?;
    Ok(paths)
}

pub(super) fn write_truth<'a>(path: &Path, counts: impl Iterator<Item = (&'a str, u64)>) -> Result<(), EmError> {
    write_lines(path, |out| {
        writeln!(out, "transcript\tcount")?;
        let mut counts = counts;
        counts.try_for_each(|(name, count)| writeln!(out, "{name}\t{count}"))
    })
}

pub(super) fn write_lines(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), EmError> {
    let create = || {
        let mut file = BufWriter::new(File::create(path)?);
        write(&mut file)?;
        file.flush()
    };
    create().map_err(|error| EmError::write(path, error))
}
