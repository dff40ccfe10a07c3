//! Several profiles of the same thing in one.

use super::{Evidence, Point, Profile, Stored};
use crate::stats::Interval;
use std::path::PathBuf;

/// Why profiles can't be merged.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum MergeError {
    /// Fewer than two.
    #[error("nothing to merge: name two profiles or more")]
    Few,
    /// They are of different things: their times can't be compared.
    #[error("{} and {} can't be merged: {}", .first.display(), .other.display(), .differences.join("; "))]
    Unlike {
        /// The first profile.
        first: PathBuf,
        /// The one that differs.
        other: PathBuf,
        /// In what they differ, in words.
        differences: Vec<String>,
    },
}

/// One profile of several of the same engine and version, made on machines alike for inputs of the same class: for each
/// thread budget the plan with the best evidence (see `is_better`).
///
/// # Errors
/// They are fewer than two, or of different things.
pub fn merge(profiles: &[Stored]) -> Result<Profile, MergeError> {
    let [first, others @ ..] = profiles else { return Err(MergeError::Few) };
    if others.is_empty() {
        return Err(MergeError::Few);
    }
    let (engine, version) = (&first.profile.engine, &first.profile.engine_version);
    let machine = first.profile.machine.clone();
    let mut merged = Profile::new(engine, version, machine, first.profile.input_class.clone());
    merged.worker_s = first.profile.worker_s;
    for other in profiles {
        let differences = differences(&first.profile, &other.profile);
        if !differences.is_empty() {
            return Err(MergeError::Unlike { first: first.path.clone(), other: other.path.clone(), differences });
        }
        for point in &other.profile.points {
            let known = merged.points.iter().find(|known| known.threads == point.threads);
            if known.is_none_or(|known| is_better(point, known)) {
                merged.set(point.clone());
            }
        }
    }
    Ok(merged)
}

/// In what two profiles differ so that their times can't be compared.
fn differences(one: &Profile, other: &Profile) -> Vec<String> {
    let mut found = Vec::new();
    let mut differ = |name: &str, one: &str, other: &str| {
        if one != other {
            found.push(format!("{name} {one} in the first, {other} in the other"));
        }
    };
    differ("engine", &one.engine, &other.engine);
    differ("engine version", &one.engine_version, &other.engine_version);
    let mut names: Vec<&String> = one.input_class.keys().chain(other.input_class.keys()).collect();
    names.sort();
    names.dedup();
    for name in names {
        let text =
            |profile: &Profile| profile.input_class.get(name).map_or("unknown".into(), |value| value.to_string());
        differ(&format!("input class: {name}"), &text(one), &text(other));
    }
    let here_and_there = one.machine.differences(&other.machine);
    found.extend(here_and_there.iter().map(|words| {
        let words = words.replacen(" here,", " in the first,", 1);
        format!("machine: {} in the other", words.strip_suffix(" there").unwrap_or(&words))
    }));
    found
}

/// Whether `point` has better evidence than `known`, for the same budget: a plan that is faster beyond doubt; where the
/// intervals overlap, more trials, then the narrower interval. What is provisional is never better than what is not.
pub fn is_better(point: &Point, known: &Point) -> bool {
    if point.doubt().is_some() != known.doubt().is_some() {
        return known.doubt().is_some();
    }
    let interval = |evidence: &Evidence| Interval { low: evidence.ci_low_s, high: evidence.ci_high_s };
    let (new, old) = (interval(&point.evidence), interval(&known.evidence));
    if old.is_above(&new) || new.is_above(&old) {
        return old.is_above(&new);
    }
    let width = |evidence: &Evidence| (evidence.ci_high_s - evidence.ci_low_s) / evidence.median_s;
    let by_trials = point.evidence.samples.cmp(&known.evidence.samples);
    by_trials.then(width(&known.evidence).total_cmp(&width(&point.evidence))).is_gt()
}

#[cfg(test)]
mod tests {
    use super::super::document::tests::profile;
    use super::*;

    fn stored(name: &str, profile: Profile) -> Stored {
        Stored { path: name.into(), profile }
    }

    /// A profile for two threads with this interval and so many trials.
    fn with(low: f64, high: f64, samples: usize) -> Profile {
        let mut profile = profile(&[2]);
        let evidence = &mut profile.points[0].evidence;
        (evidence.ci_low_s, evidence.median_s, evidence.ci_high_s) = (low, (low + high) / 2.0, high);
        evidence.samples = samples;
        profile
    }

    fn merged(profiles: Vec<Profile>) -> Result<Profile, MergeError> {
        let name = |(index, profile)| stored(&format!("p{index}"), profile);
        merge(&profiles.into_iter().enumerate().map(name).collect::<Vec<_>>())
    }

    #[test]
    fn budgets_come_together() {
        let merged = merged(vec![profile(&[1, 4]), profile(&[2])]).unwrap();
        assert_eq!(merged.points.iter().map(|point| point.threads).collect::<Vec<_>>(), [1, 2, 4]);
        assert_eq!(merged.engine, "count");
    }

    #[test]
    fn the_best_evidence_wins_wherever_it_stands() {
        let low = |profiles: Vec<Profile>| merged(profiles).unwrap().points[0].evidence.ci_low_s;
        let (clearly_faster, slower, many, wide) =
            (with(0.5, 0.6, 5), with(0.9, 1.1, 11), with(0.95, 1.0, 25), with(0.7, 1.2, 11));
        for (better, worse) in [(&clearly_faster, &slower), (&many, &slower), (&slower, &wide)] {
            let expected = better.points[0].evidence.ci_low_s;
            assert_eq!(low(vec![better.clone(), worse.clone()]), expected);
            assert_eq!(low(vec![worse.clone(), better.clone()]), expected);
        }
        // Of equals the first.
        let mut same = slower.clone();
        same.points[0].plan.set("decode", "other");
        assert_eq!(merged(vec![slower.clone(), same]).unwrap().points, slower.points);
    }

    #[test]
    fn what_can_not_be_compared_is_refused_with_reasons() {
        let refuse = |change: fn(&mut Profile)| {
            let mut other = profile(&[2]);
            change(&mut other);
            merged(vec![profile(&[1]), other]).unwrap_err().to_string()
        };
        assert!(refuse(|it| it.engine = "em".into()).contains("engine count in the first, em in the other"));
        assert!(refuse(|it| it.engine_version = "2".into()).contains("version 1.0.0 in the first, 2 in the other"));
        assert_eq!(
            refuse(|it| drop(it.input_class.insert("records".into(), 5.into()))),
            "p0 and p1 can't be merged: input class: records 1000 in the first, 5 in the other"
        );
        assert_eq!(
            refuse(|it| it.machine.usable_cores = 8),
            "p0 and p1 can't be merged: machine: usable cores 4 in the first, 8 in the other"
        );
        assert_eq!(merged(vec![profile(&[1])]), Err(MergeError::Few));
        assert_eq!(merged(vec![]), Err(MergeError::Few));
    }
}
