//! Fragments are reassigned: six ways to turn assignment weights into counts, on the final weights and on the
//! initial ones.
//!
//! One pass over the rows gathers what every mode needs, in stretches of rows that workers share. What must follow
//! the order of the rows (sums of fractions, random draws) is done afterwards, stretch by stretch. Ties are settled
//! by a stream of random numbers that is copied, never shared: counts "from a fresh stream" start at the seed, and
//! the report's final `choose` goes on where its initial `choose` ended.

mod assignment;
mod entries;
mod mt19937;
mod posterior;
mod stretch;

pub use assignment::{Assignments, Share};
pub use entries::{shares, weights};
pub use mt19937::Mt19937;
pub(crate) use posterior::Source;

use serde::{Deserialize, Serialize};

use crate::model::Model;
use crate::{EmError, EmFit, Monitor, Workers};
use stretch::{Side, Stretch};

/// A way to count fragments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The best feature, if there is one best.
    Exclude,
    /// One of the best, at random.
    Choose,
    /// Equal parts to all the best.
    Average,
    /// Features whose weight reaches the threshold, normalised.
    Conf,
    /// Fragments with one feature only.
    Unique,
    /// Every feature with a weight above 0.
    All,
}

impl Mode {
    /// Every mode.
    pub const ALL: [Self; 6] = [Self::Exclude, Self::Choose, Self::Average, Self::Conf, Self::Unique, Self::All];

    /// The name that users type.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exclude => "exclude",
            Self::Choose => "choose",
            Self::Average => "average",
            Self::Conf => "conf",
            Self::Unique => "unique",
            Self::All => "all",
        }
    }

    /// Whether the counts are whole numbers by nature.
    pub fn is_integer(self) -> bool {
        !matches!(self, Self::Average | Self::Conf)
    }
}

/// Counts by feature under every mode, each from a fresh random stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Counts([Vec<f64>; 6]);

impl Counts {
    /// Counts of one mode, one value a feature.
    pub fn mode(&self, mode: Mode) -> &[f64] {
        &self.0[mode as usize]
    }
}

/// Everything that reassignment yields.
#[derive(Debug, Clone, PartialEq)]
pub struct Reassignment {
    /// From the weights after the EM.
    pub last: Counts,
    /// From the scores alone.
    pub initial: Counts,
    /// Counts of the final `choose` where the report's stream stands: behind the initial `choose`.
    pub report_choose: Vec<f64>,
    report_stream: Mt19937,
    /// Rows whose best and second-best final weights differ by rounding only: another order of summation may call
    /// them another way.
    pub near_ties: u64,
}

impl Reassignment {
    /// Each fragment's answer under `mode`; over all rows they add up to [`report`](Self::report).
    pub fn assignments<'a>(&self, model: &'a Model<'a>, fit: &EmFit, mode: Mode, conf_prob: f64) -> Assignments<'a> {
        Assignments::new(model, fit, mode, conf_prob, self.report_stream.clone())
    }

    /// The counts of the selected mode, as the count table shows them.
    pub fn report(&self, mode: Mode) -> &[f64] {
        match mode {
            Mode::Choose => &self.report_choose,
            _ => self.last.mode(mode),
        }
    }
}

/// Rows in one task.
const STRETCH: usize = 1 << 14;

/// Reassigns every fragment under every mode.
///
/// # Errors
/// If `conf_prob` is not between 0 and 1, or the caller asked to stop.
pub fn reassign(
    model: &Model<'_>,
    fit: &EmFit,
    conf_prob: f64,
    seed: u32,
    workers: &Workers,
    monitor: &dyn Monitor,
) -> Result<Reassignment, EmError> {
    check_conf_prob(conf_prob)?;
    let rows = model.matrix.rows();
    let features = model.matrix.features();
    let sources = [Source::after(&fit.previous), Source::Initial];
    let mut tables = [Tally::new(features), Tally::new(features)];
    let mut ties: [Vec<Vec<u32>>; 2] = Default::default();
    let mut near_ties = 0;
    // A wave of stretches at a time bounds what waits to be added up.
    let wave = STRETCH * workers.count() * 4;
    for from in (0..rows).step_by(wave) {
        let to = rows.min(from + wave);
        let mut stretches: Vec<Stretch> =
            (from..to).step_by(STRETCH).map(|start| Stretch::new(start..to.min(start + STRETCH), features)).collect();
        workers.for_each(monitor, "reassign", &mut stretches, |_, stretch| {
            stretch.gather(model, &sources, conf_prob);
        })?;
        for stretch in stretches {
            near_ties += stretch.near_ties;
            for ((side, tally), ties) in stretch.sides.into_iter().zip(&mut tables).zip(&mut ties) {
                tally.add(&side);
                ties.push(side.tie_columns_by_size);
            }
        }
        monitor.progress("reassign", to as u64, rows as u64);
    }
    let [last_ties, initial_ties] = &ties;
    let [last, initial] = tables;
    let fresh = Mt19937::new(seed);
    let mut stream = fresh.clone();
    let initial_choose = initial.choose(initial_ties, &mut stream);
    let report_stream = stream.clone();
    let report_choose = last.choose(last_ties, &mut stream);
    let last_choose = last.choose(last_ties, &mut fresh.clone());
    Ok(Reassignment {
        last: last.counts(last_choose),
        initial: initial.counts(initial_choose),
        report_choose,
        report_stream,
        near_ties,
    })
}

/// # Errors
/// If `conf_prob` is not between 0 and 1.
pub fn check_conf_prob(conf_prob: f64) -> Result<(), EmError> {
    if (0.0..=1.0).contains(&conf_prob) {
        return Ok(());
    }
    Err(EmError::Option { option: "conf-prob", value: conf_prob.to_string(), remedy: "give a number from 0 to 1" })
}

/// The counts of one side, summed so far.
struct Tally {
    single_best: Vec<u64>,
    unique: Vec<u64>,
    all: Vec<u64>,
    average: Vec<f64>,
    conf: Vec<f64>,
}

impl Tally {
    fn new(features: usize) -> Self {
        Self {
            single_best: vec![0; features],
            unique: vec![0; features],
            all: vec![0; features],
            average: vec![0.0; features],
            conf: vec![0.0; features],
        }
    }

    fn add(&mut self, side: &Side) {
        let pairs =
            [(&mut self.single_best, &side.single_best), (&mut self.unique, &side.unique), (&mut self.all, &side.all)];
        for (total, part) in pairs {
            total.iter_mut().zip(part).for_each(|(total, part)| *total += u64::from(*part));
        }
        for &(column, share) in &side.average {
            self.average[column as usize] += share;
        }
        for &(column, share) in &side.conf {
            self.conf[column as usize] += share;
        }
    }

    /// Counts of `choose`: the single best, and a draw for every tie in the order of the rows. Each list of `ties`
    /// holds the size of a tie, then its columns, again and again.
    fn choose(&self, ties: &[Vec<u32>], stream: &mut Mt19937) -> Vec<f64> {
        let mut counts: Vec<u64> = self.single_best.clone();
        for list in ties {
            let mut rest = list.as_slice();
            while let [size, columns @ ..] = rest {
                let drawn = stream.choice(*size);
                counts[columns[drawn as usize] as usize] += 1;
                rest = &columns[*size as usize..];
            }
        }
        as_floats(&counts)
    }

    fn counts(self, choose: Vec<f64>) -> Counts {
        Counts([
            as_floats(&self.single_best),
            choose,
            self.average,
            self.conf,
            as_floats(&self.unique),
            as_floats(&self.all),
        ])
    }
}

fn as_floats(counts: &[u64]) -> Vec<f64> {
    counts.iter().map(|&count| count as f64).collect()
}
