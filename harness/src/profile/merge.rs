//! Several profiles of the same thing in one.

use super::document::file_systems_difference;
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
    // Named only where all its parts are of it.
    merged.plugin_sha256 = common(profiles, |profile| profile.plugin_sha256.clone());
    merged.file_systems = common(profiles, |profile| profile.file_systems.clone());
    for (place, other) in profiles.iter().enumerate() {
        // Each with each: what one of them does not say lets two others pass that differ in it.
        for earlier in &profiles[..place] {
            let differences = differences(&earlier.profile, &other.profile);
            if !differences.is_empty() {
                return Err(MergeError::Unlike { first: earlier.path.clone(), other: other.path.clone(), differences });
            }
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

/// What all of them have in common; nothing where one differs, or does not say.
fn common<T: PartialEq + Default>(profiles: &[Stored], part: impl Fn(&Profile) -> T) -> T {
    let mut parts = profiles.iter().map(|stored| part(&stored.profile));
    let first = parts.next().unwrap_or_default();
    if parts.all(|other| other == first) { first } else { T::default() }
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
    let reworded = |words: &String| {
        let words = words.replacen(" here,", " in the first,", 1);
        format!("{} in the other", words.strip_suffix(" there").unwrap_or(&words))
    };
    let build = other.build_difference(one.plugin_sha256.as_deref());
    let inputs = file_systems_difference(&one.file_systems, &other.file_systems);
    found.extend(build.iter().chain(&inputs).map(reworded));
    let machine = one.machine.differences(&other.machine);
    found.extend(machine.iter().map(|words| format!("machine: {}", reworded(words))));
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
    fn a_build_is_named_only_where_all_parts_are_of_it() {
        let built = |sha256: Option<&str>, threads| Profile {
            plugin_sha256: sha256.map(str::to_string),
            file_systems: sha256.map(|_| "ext4".to_string()).into_iter().collect(),
            ..profile(&[threads])
        };
        let same = merged(vec![built(Some("aa"), 1), built(Some("aa"), 2)]).unwrap();
        assert_eq!((same.plugin_sha256.as_deref(), same.file_systems), (Some("aa"), vec!["ext4".to_string()]));
        for mixed in [[Some("aa"), None], [None, Some("aa")]] {
            let merged = merged(vec![built(mixed[0], 1), built(mixed[1], 2)]).unwrap();
            assert_eq!((merged.plugin_sha256, merged.file_systems, merged.points.len()), (None, vec![], 2));
        }
        let error = merged(vec![built(None, 1), built(Some("aa"), 2), built(Some("bb"), 4)]).unwrap_err().to_string();
        assert_eq!(error, "p1 and p2 can't be merged: build aa in the first, bb in the other");
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
        let built = |sha256: &str| Profile { plugin_sha256: Some(sha256.into()), ..profile(&[1]) };
        assert_eq!(
            merged(vec![built("aa"), built("bb")]).unwrap_err().to_string(),
            "p0 and p1 can't be merged: build aa in the first, bb in the other"
        );
        assert_eq!(merged(vec![profile(&[1])]), Err(MergeError::Few));
        assert_eq!(merged(vec![]), Err(MergeError::Few));
    }
}
