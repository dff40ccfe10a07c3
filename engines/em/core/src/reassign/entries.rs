//! The answer for every entry of the matrix, in its order: weights, and the part of a fragment that a mode assigns. The
//! counts are the column sums.

use super::{Mode, Mt19937, Source, check_conf_prob};
use crate::matrix::with_view;
use crate::model::{Model, check};
use crate::numeric::row_sum;
use crate::solver::reciprocal;
use crate::{EmError, EmFit, Monitor};

/// Rows between two questions whether to go on.
const POLLED: usize = 1 << 14;

/// The weights z of every entry: after the EM, or without a fit from the scores alone. One value an entry.
///
/// # Errors
/// If the caller asked to stop.
pub fn weights(model: &Model<'_>, fit: Option<&EmFit>, monitor: &dyn Monitor) -> Result<Vec<f64>, EmError> {
    let mut all = Vec::with_capacity(model.matrix.entries());
    each_row(model, fit, monitor, |z| all.extend_from_slice(z))?;
    Ok(all)
}

/// The part of its fragment that `mode` assigns to every entry, with random draws from `seed`; without a fit from the
/// scores alone. One value an entry, 0 where nothing is assigned.
///
/// # Errors
/// If `conf_prob` is not between 0 and 1, or the caller asked to stop.
pub fn shares(
    model: &Model<'_>,
    fit: Option<&EmFit>,
    mode: Mode,
    conf_prob: f64,
    seed: u32,
    monitor: &dyn Monitor,
) -> Result<Vec<f64>, EmError> {
    check_conf_prob(conf_prob)?;
    let mut stream = Mt19937::new(seed);
    let mut all = Vec::with_capacity(model.matrix.entries());
    each_row(model, fit, monitor, |z| {
        let largest = z.iter().copied().fold(0.0, f64::max);
        let is_best = |value: f64| value == largest && largest > 0.0;
        let best = z.iter().filter(|value| is_best(**value)).count();
        let flag = |it: bool| f64::from(u8::from(it));
        match mode {
            Mode::Exclude => all.extend(z.iter().map(|&value| flag(best == 1 && is_best(value)))),
            Mode::Choose => {
                // Only ties draw.
                let chosen = if best > 1 { stream.choice(best as u32) } else { 0 };
                let mut seen = 0;
                all.extend(z.iter().map(|&value| {
                    seen += u32::from(is_best(value));
                    flag(is_best(value) && seen == chosen + 1)
                }));
            }
            Mode::Average => all.extend(z.iter().map(|&value| if is_best(value) { 1.0 / best as f64 } else { 0.0 })),
            Mode::Conf => {
                let start = all.len();
                all.extend(z.iter().map(|&value| if value >= conf_prob { value } else { 0.0 }));
                let factor = reciprocal(row_sum(&all[start..]));
                all[start..].iter_mut().for_each(|value| *value *= factor);
            }
            Mode::Unique => all.extend(z.iter().map(|&value| flag(value > 0.0 && z.len() == 1))),
            Mode::All => all.extend(z.iter().map(|&value| flag(value > 0.0))),
        }
    })?;
    Ok(all)
}

fn each_row(
    model: &Model<'_>,
    fit: Option<&EmFit>,
    monitor: &dyn Monitor,
    mut row_done: impl FnMut(&[f64]),
) -> Result<(), EmError> {
    let source = fit.map_or(Source::Initial, |fit| Source::after(&fit.previous));
    let mut z = Vec::new();
    for row in 0..model.matrix.rows() {
        if row.is_multiple_of(POLLED) {
            check(monitor)?;
        }
        with_view!(model.matrix, view => source.row(view, &model.weights, row, &mut z));
        row_done(&z);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EmOptions, MatrixBuilder, Solver, Unwatched, Workers, fit, reassign};

    #[test]
    fn columns_add_up_to_the_counts() {
        let mut builder = MatrixBuilder::new();
        for entries in [
            vec![(1, 90), (2, 90)],
            vec![(1, 90), (2, 90), (3, 90)],
            vec![(0, 50)],
            vec![(0, 70), (3, 100)],
            vec![],
            vec![(3, 80)],
            vec![(1, 60), (2, 60)],
        ] {
            builder.push_row(&mut entries.clone());
        }
        let matrix = builder.finish(4).unwrap();
        let (options, workers) = (EmOptions::default(), Workers::new(1).unwrap());
        let fitted = fit(&matrix, &options, Solver::Fused, &workers, &Unwatched).unwrap();
        let model = Model::new(&matrix, &options);
        for seed in 0..20 {
            let counts = reassign(&model, &fitted, 0.4, seed, &workers, &Unwatched).unwrap();
            for mode in Mode::ALL {
                for (fit, expected) in [(Some(&fitted), &counts.last), (None, &counts.initial)] {
                    let shares = shares(&model, fit, mode, 0.4, seed, &Unwatched).unwrap();
                    let mut sums = vec![0.0; 4];
                    let columns = (0..matrix.rows()).flat_map(|row| matrix.row(row)).map(|(column, _)| column);
                    columns.zip(shares).for_each(|(column, share)| sums[column] += share);
                    assert_eq!(sums, expected.mode(mode), "{mode:?}, seed {seed}");
                }
            }
        }
        assert_eq!(weights(&model, Some(&fitted), &Unwatched).unwrap().len(), matrix.entries());
    }
}
