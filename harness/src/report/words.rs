//! What a sweep found, in sentences.

use super::figures::{bytes, percent, seconds, threads, times};
use super::labels::Labels;
use super::section::Limits;
use super::trust::Trust;
use crate::stats::{Interval, LEAST_SAMPLES};
use crate::sweep::{Row, Sweep, Verdict};

/// A share of the time that is worth a sentence.
const WORTH_TELLING: f64 = 0.2;
/// The busiest worker's time over the mean from which on workers are uneven.
const UNEVEN: f64 = 1.1;
/// What takes so many times as long, and can't be told apart, is as good. Wide intervals overlap with anything.
const AS_GOOD: f64 = 1.1;
/// A limit of speedup is told where it is within so many times the threads.
const WITHIN_SIGHT: f64 = 4.0;
/// Efficiency that noise and caches do not explain.
const MORE_THAN_PERFECT: f64 = 1.1;
/// Efficiency that most people call good.
const GOOD_EFFICIENCY: f64 = 0.7;

/// What the sweep found, the most important first; each a sentence or two of plain text.
pub fn verdict(sweep: &Sweep) -> Vec<String> {
    let labels = Labels::new(sweep);
    let mut said: Vec<String> = wrong(sweep).into_iter().collect();
    let Some(best) = headline_row(sweep) else {
        said.push("No plan gave the right answer: there is nothing to recommend.".to_string());
        said.extend(trouble(sweep));
        return said;
    };
    said.push(headline(sweep, &labels, best));
    said.extend(provisional(best));
    said.extend(runner_up(sweep, &labels, best));
    said.extend(near_overhead(sweep, best));
    said.extend(enough_threads(sweep, best));
    if Trust::of(sweep).allows_blame() {
        said.extend(still_efficient(sweep, best));
        said.extend(limiting_stage(sweep, best));
        said.extend(uneven_workers(best));
        said.extend(added_work(best));
    }
    said.extend(trouble(sweep));
    said
}

/// The best row of the largest budget that the machine has cores for.
pub(super) fn headline_row(sweep: &Sweep) -> Option<&Row> {
    let best: Vec<&Row> = sweep.budgets().into_iter().filter_map(|threads| sweep.best(threads)).collect();
    let fits = |row: &&&Row| row.threads <= sweep.machine.usable_cores as i64;
    best.iter().rev().find(fits).or(best.last()).copied()
}

/// How much of a sweep that was stopped was measured.
fn measured_share(sweep: &Sweep) -> String {
    let measured = sweep.rows.iter().filter(|row| !row.samples.is_empty()).count();
    format!("; {measured} of {} plans measured", sweep.rows.len())
}

fn headline(sweep: &Sweep, labels: &Labels<'_>, best: &Row) -> String {
    let time = seconds(best.median_s.unwrap_or(f64::NAN));
    let gained = match (best.speedup, best.efficiency) {
        (Some(speedup), Some(efficiency)) => {
            format!(", {} as fast as one thread, efficiency {}", times(speedup), percent(efficiency))
        }
        _ => String::new(),
    };
    let share = if sweep.complete { String::new() } else { measured_share(sweep) };
    let gained = if best.threads_used > 1 { gained + &untried(sweep) } else { gained };
    format!("{}: {}, {time}{gained}{share}.", threads(best.threads), labels.full(best))
}

/// What a speedup is told against where not every plan with one thread has been measured.
fn untried(sweep: &Sweep) -> String {
    let with_one = || sweep.rows.iter().filter(|row| row.threads_used == 1);
    let tried = with_one().filter(|row| !row.samples.is_empty() || row.failure.is_some()).count();
    let all = with_one().count();
    if tried == all { String::new() } else { format!(" (the best of {tried} of {all} plans with one thread)") }
}

/// How far ahead the best row is of the best one with other strategies.
fn runner_up(sweep: &Sweep, labels: &Labels<'_>, best: &Row) -> Option<String> {
    let others = sweep.rows.iter().filter(|row| row.threads == best.threads && row.is_valid());
    let others = others.filter(|row| labels.strategy(row) != labels.strategy(best));
    let median = |row: &Row| row.median_s.unwrap_or(f64::INFINITY);
    let other = others.min_by(|left, right| median(left).total_cmp(&median(right)))?;
    let ahead = median(other) / median(best) - 1.0;
    let memory = match (best.peak_rss_bytes, other.peak_rss_bytes) {
        (Some(own), Some(theirs)) if own as f64 * 1.25 < theirs as f64 => {
            format!(", with {} of its memory", percent(own as f64 / theirs as f64))
        }
        (Some(own), Some(theirs)) if own as f64 > theirs as f64 * 1.25 => {
            format!(", for {} the memory", times(own as f64 / theirs as f64))
        }
        _ => String::new(),
    };
    let told_apart = interval(best).zip(interval(other)).is_some_and(|(own, other)| other.is_above(&own));
    let name = labels.strategy(other);
    Some(if told_apart {
        format!("That is {} faster than the runner-up, {name}{memory}.", percent(ahead))
    } else {
        format!("The runner-up, {name}, can't be told from it: their intervals overlap{memory}.")
    })
}

fn interval(row: &Row) -> Option<Interval> {
    Some(Interval { low: row.ci_low_s?, high: row.ci_high_s? })
}

/// The smallest budget that does as well, where one does.
fn enough_threads(sweep: &Sweep, best: &Row) -> Option<String> {
    let as_good = |row: &&Row| {
        let overlap = interval(row).zip(interval(best)).is_some_and(|(own, other)| own.overlaps(&other));
        let near = row.median_s.zip(best.median_s).is_some_and(|(own, best)| own <= best * AS_GOOD);
        row.median_s <= best.median_s || (overlap && near)
    };
    let budgets = sweep.budgets().into_iter().filter(|threads| *threads < best.threads);
    let enough = budgets.filter_map(|threads| sweep.best(threads)).find(as_good)?;
    let time = seconds(enough.median_s.unwrap_or(f64::NAN));
    Some(
        format!("{} do as well, in {time}: more threads do not pay here.", threads(enough.threads))
            .replace("1 thread do", "1 thread does"),
    )
}

/// Up to which budget threads are well used.
fn still_efficient(sweep: &Sweep, best: &Row) -> Option<String> {
    if best.efficiency? >= GOOD_EFFICIENCY {
        return None;
    }
    let good =
        |threads: &i64| sweep.best(*threads).and_then(|row| row.efficiency).is_some_and(|e| e >= GOOD_EFFICIENCY);
    // That one thread is used well is no news: speedup is told against it.
    let most = sweep.budgets().into_iter().filter(good).max().filter(|most| *most > 1)?;
    Some(format!("Up to {} the threads are used to {} or more.", threads(most), percent(GOOD_EFFICIENCY)))
}

/// The stage that keeps most of the time of one thread, where that ends speedup within sight.
fn limiting_stage(sweep: &Sweep, best: &Row) -> Option<String> {
    let limits = Limits::new(sweep)?;
    let (worst, share) = limits.worst()?;
    let interval = limits.told().filter(|interval| interval.high <= WITHIN_SIGHT * best.threads_used as f64)?;
    Some(format!(
        "The stage \"{}\" limits: it holds {} of what more threads would not shorten, which ends speedup at {} [{}, {}] \
         however many there are.",
        worst.name,
        percent(share),
        times(limits.most),
        times(interval.low),
        times(interval.high)
    ))
}

/// Work so short that starting a worker takes about as long.
fn near_overhead(sweep: &Sweep, best: &Row) -> Option<String> {
    let (time, start) = (best.median_s?, sweep.worker_start_s?);
    best.near_overhead.then(|| {
        format!(
            "It takes {}, starting a worker {}: on inputs so small the choice of a plan hardly shows; measure larger ones.",
            seconds(time),
            seconds(start)
        )
    })
}

/// Workers that wait for one another.
fn uneven_workers(best: &Row) -> Option<String> {
    let timeline = best.telling_timeline().filter(|timeline| timeline.busy_s.len() > 1)?;
    let share = percent(timeline.idle_share);
    if timeline.imbalance >= UNEVEN {
        return Some(format!(
            "Its workers are uneven: the busiest had {} the mean to do, and {share} of their time in the run passed without \
             a task.",
            times(timeline.imbalance)
        ));
    }
    (timeline.idle_share >= WORTH_TELLING).then(|| {
        format!("Its workers share the tasks evenly, but {share} of their time in the run passed without one.")
    })
}

/// CPU time beyond what one thread needs.
fn added_work(best: &Row) -> Option<String> {
    let added = best.cpu_inflation? - 1.0;
    (added >= WORTH_TELLING / 2.0 && best.threads_used > 1)
        .then(|| format!("It spends {} more CPU time than one thread: work that parallelism adds.", percent(added)))
}

/// Plans whose answer is wrong: before anything is called fast.
fn wrong(sweep: &Sweep) -> Option<String> {
    let wrong: Vec<&Row> = sweep.rows.iter().filter(|row| row.equivalence == Verdict::Different).collect();
    let first = wrong.first()?;
    let plans = if wrong.len() == 1 { "1 plan".to_string() } else { format!("{} plans", wrong.len()) };
    let tainted = sweep.rows.iter().filter(|row| row.equivalence == Verdict::Same && row.tainted.is_some()).count();
    let others = match tainted {
        0 => String::new(),
        1 => ", nor can 1 other plan with the same strategy".into(),
        _ => format!(", nor can {tainted} other plans with the same strategy"),
    };
    Some(format!(
        "{plans} gave another answer than the reference and can't be called fast{others}: {}: {}.",
        first.plan,
        first.difference.as_deref().unwrap_or("the first difference is not known")
    ))
}

/// A best plan that rests on too little.
fn provisional(best: &Row) -> Option<String> {
    let trials = best.samples.len();
    let plural = if trials == 1 { "" } else { "s" };
    (trials < LEAST_SAMPLES).then(|| {
        format!("Provisional: this rests on {trials} trial{plural}, and fewer than {LEAST_SAMPLES} decide nothing.")
    })
}

/// What went wrong.
fn trouble(sweep: &Sweep) -> Vec<String> {
    let mut said = Vec::new();
    let count = |wanted: &dyn Fn(&Row) -> bool| sweep.rows.iter().filter(|row| wanted(row)).count();
    let rows = |count: usize| if count == 1 { "1 plan".to_string() } else { format!("{count} plans") };
    let failed = count(&|row| row.failure.is_some());
    if failed > 0 {
        said.push(format!("{} failed; the table says how.", rows(failed)));
    }
    if sweep.budgets().iter().any(|threads| *threads > sweep.machine.usable_cores as i64) {
        let cores = threads(sweep.machine.usable_cores as i64).replace("thread", "usable core");
        said.push(format!(
            "Points with more busy threads than the {cores} are marked: they say nothing of a larger machine."
        ));
    }
    let too_good = count(&|row| row.efficiency.is_some_and(|efficiency| efficiency > MORE_THAN_PERFECT));
    if too_good > 0 {
        said.push(format!(
            "{} used their threads to more than 100 %: more likely the one-thread trials were disturbed than that this is \
             true. Measure again on a quiet machine.",
            rows(too_good)
        ).replace("1 plan used their", "1 plan used its"));
    }
    if !sweep.complete {
        said.push("The sweep was stopped before everything was measured; it can be continued.".into());
    }
    said
}

/// The machine and how it was measured, in sentences.
pub(super) fn method(sweep: &Sweep) -> Vec<String> {
    let samples: Vec<usize> = sweep.rows.iter().map(|row| row.samples.len()).filter(|count| *count > 0).collect();
    let (fewest, most) = (samples.iter().min().unwrap_or(&0), samples.iter().max().unwrap_or(&0));
    let samples = if fewest == most { fewest.to_string() } else { format!("{fewest} to {most}") };
    let cache = if sweep.cold {
        "The inputs were dropped from the page cache before each trial."
    } else {
        "The inputs were in the page cache as far as it holds them."
    };
    let mut sentences = vec![match sweep.machine.cpu_quota {
        Some(cores) => format!("Machine: {}; a CPU quota of {cores:.2} cores.", sweep.machine),
        None => format!("Machine: {}.", sweep.machine),
    }];
    sentences.extend(hardware_and_build(sweep));
    sentences.extend([
        format!(
            "Each plan ran in a process of its own, {samples} times, in rounds of random order (seed {}). {cache}",
            sweep.seed
        ),
        "Times are medians of a whole production run, opening and writing included, with 95 % bootstrap intervals. \
         Speedup is told against the fastest right plan with one thread; efficiency is speedup per busy thread, those \
         that decompress included; Karp-Flatt is the serial fraction that would explain the speedup. Every plan's output was compared with the reference plan's."
            .into(),
        format!(
            "{} trials in {}.{}",
            sweep.trials,
            seconds(sweep.elapsed_s),
            sweep.worker_start_s.map_or_else(String::new, |start_s| format!(
                " Figures exclude worker start-up and shut-down ({}).",
                seconds(start_s)
            ))
        ),
    ]);
    sentences
}

/// What tells this machine, plugin and place apart from others of the same name, as far as the document says.
fn hardware_and_build(sweep: &Sweep) -> Vec<String> {
    let hardware = &sweep.machine.hardware;
    let file_systems = sweep.file_systems();
    [
        (!hardware.is_unknown()).then(|| format!("Hardware: {hardware}.")),
        sweep.plugin_sha256.as_ref().map(|sha256| format!("Plugin: the file whose sha256 is {sha256}.")),
        (!file_systems.is_empty()).then(|| format!("The input files lay on {}.", file_systems.join(" and "))),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Peak memory in words.
pub(super) fn memory(row: &Row) -> String {
    row.peak_rss_bytes.map_or("–".into(), bytes)
}
