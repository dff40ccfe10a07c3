//! How far the sizes of two input classes are apart.

use super::{Misfit, Profile};
use serde_json::{Map, Value};

/// The size that lies farthest beyond the factor within which the profile holds. A size that only one of the classes has
/// says nothing.
pub(super) fn beyond(profile: &Profile, ours: &Map<String, Value>) -> Option<Misfit> {
    let size = |(name, there): (&String, &Value)| {
        let here = ours.get(name)?;
        let (left, right) = (here.as_f64()?, there.as_f64()?);
        let apart = match (left > 0.0, right > 0.0) {
            (true, true) => (left / right).max(right / left),
            (false, false) => 1.0,
            // Something where there was nothing.
            _ => f64::INFINITY,
        };
        let (here, there) = (here.to_string(), there.to_string());
        let factor = profile.size_factor.to_string();
        Some((apart, Misfit::Sizes { name: name.clone(), here, there, factor, larger: left > right }))
    };
    let farthest = profile.input_class.iter().filter_map(size).max_by(|left, right| left.0.total_cmp(&right.0));
    farthest.filter(|(apart, _)| *apart > profile.size_factor).map(|(_, misfit)| misfit)
}

/// How far two input classes are apart, and the size that differs most, in words. A size that only one of them has
/// counts as a factor of 10.
pub(super) fn distance(theirs: &Map<String, Value>, ours: &Map<String, Value>) -> (f64, Option<String>) {
    let mut sum = 0.0;
    let mut farthest: Option<(f64, String)> = None;
    let mut names: Vec<&String> = theirs.keys().chain(ours.keys()).collect();
    names.sort();
    names.dedup();
    for name in &names {
        let apart = match (theirs.get(*name), ours.get(*name)) {
            (left, right) if left == right => 0.0,
            (Some(left), Some(right)) => match (left.as_f64(), right.as_f64()) {
                (Some(left), Some(right)) if left > 0.0 && right > 0.0 => (left / right).ln().abs(),
                _ => 10f64.ln(),
            },
            _ => 10f64.ln(),
        };
        sum += apart;
        if apart > 0.0 && farthest.as_ref().is_none_or(|(most, _)| apart > *most) {
            let text = |class: &Map<String, Value>| class.get(*name).map_or("unknown".into(), Value::to_string);
            farthest = Some((apart, format!("{name} {} here, {} there", text(ours), text(theirs))));
        }
    }
    (sum / names.len().max(1) as f64, farthest.map(|(_, words)| words))
}
