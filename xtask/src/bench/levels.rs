//! The four levels of an optimisation plan for the counter, at 1 to 8 threads, beside today's best: the plan's own table,
//! with measured figures.

use super::section::Section;
use crate::{root, run, target};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

/// Threads of the published table.
const THREADS: &str = "1,2,4,8";

/// Measures the plans named in `profiles/levels.toml` by `scaletune sweep`.
pub(super) fn section(workload: &Path, rounds: usize) -> Result<Section, String> {
    let out = target().join("bench/levels");
    if out.exists() {
        std::fs::remove_dir_all(&out).map_err(|error| format!("{}: {error}", out.display()))?;
    }
    let mut sweep = Command::new(target().join("release/scaletune"));
    sweep.args(["sweep", "count", "-q", "--no-progress", "--axes", "reader", "--threads", THREADS]);
    sweep.args(["--repeat", &rounds.to_string(), "--inputs"]).arg(workload.join("inputs.toml"));
    run(sweep.arg("--plans").arg(root().join("profiles/levels.toml")).arg("--out").arg(&out))?;
    let document = out.join("sweep.json");
    let text = std::fs::read_to_string(&document).map_err(|error| format!("{}: {error}", document.display()))?;
    let sweep: Value = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", document.display()))?;
    Ok(table(&sweep))
}

fn table(sweep: &Value) -> Section {
    let columns = ["plan", "threads", "median s", "speedup", "efficiency", "answer", "point", "published"];
    let mut section = Section::with_columns("Levels of the counter's optimisation plan".into(), &columns);
    let rows: Vec<&Value> = sweep["rows"].as_array().into_iter().flatten().collect();
    let mut budgets: Vec<i64> = rows.iter().filter_map(|row| row["threads"].as_i64()).collect();
    budgets.sort_unstable();
    budgets.dedup();
    let named = rows.iter().filter(|row| row["name"].is_string());
    let best = budgets.iter().filter_map(|threads| {
        let own = rows.iter().filter(|row| row["threads"] == *threads && row["equivalence"] == "same");
        let timed = own.filter_map(|row| Some((row["median_s"].as_f64()?, *row)));
        timed.min_by(|left, right| left.0.total_cmp(&right.0)).map(|(_, row)| row)
    });
    let named: Vec<(String, &Value)> =
        named.map(|row| (row["name"].as_str().unwrap_or_default().to_string(), *row)).collect();
    let best: Vec<(String, &Value)> = best.map(|row| ("best of all".to_string(), row)).collect();
    let mut lines = [named, best].concat();
    lines.sort_by_key(|(name, row)| (name == "best of all", name.clone(), row["threads"].as_i64()));
    for (name, row) in lines {
        let figure = |key: &str, unit: &str, scale: f64, digits: usize| {
            row[key].as_f64().map_or("-".into(), |value| format!("{:.digits$}{unit}", value * scale))
        };
        let point = if row["oversubscribed"] == true { "oversubscribed" } else { "measured" };
        let claim = &row["claim"];
        let published = match (claim["speedup"].as_f64(), claim["efficiency"].as_f64()) {
            (Some(speedup), Some(efficiency)) => format!("{speedup:.1}x, {:.0} %", 100.0 * efficiency),
            (Some(speedup), None) => format!("{speedup:.1}x"),
            _ => "-".into(),
        };
        section.push(
            &[
                name.clone(),
                row["threads"].to_string(),
                figure("median_s", "", 1.0, 3),
                figure("speedup", "x", 1.0, 2),
                figure("efficiency", " %", 100.0, 0),
                row["equivalence"].as_str().unwrap_or_default().replace('_', " "),
                point.into(),
                published,
            ],
            json!({
                "plan": name, "threads": row["threads"], "threads_used": row["threads_used"],
                "median_s": row["median_s"], "speedup": row["speedup"], "efficiency": row["efficiency"],
                "equivalence": row["equivalence"], "point": point, "published": claim,
            }),
        );
    }
    section.say(
        "Speedup is against one thread of the best plan. Where a level has no plan for so few threads, it has no row. \
         Published figures stand beside the level and the threads that they were given for.",
    );
    section
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_come_first_and_the_best_of_each_budget_last() {
        let row = |name: Value, threads: i64, seconds: f64, same: &str| {
            json!({"name": name, "threads": threads, "median_s": seconds, "equivalence": same,
                   "speedup": 1.0, "efficiency": 0.5, "oversubscribed": threads > 2})
        };
        let mut claimed = row(json!("level 0"), 8, 2.0, "same");
        claimed["claim"] = json!({"speedup": 5.6, "efficiency": 0.7});
        let sweep = json!({"rows": [
            row(Value::Null, 1, 4.0, "same"), row(json!("level 0"), 1, 5.0, "same"), claimed,
            row(Value::Null, 8, 1.0, "different"), row(Value::Null, 8, 1.5, "same"),
        ]});
        let section = table(&sweep);
        let plans: Vec<_> = section.rows.iter().map(|row| (row["plan"].as_str().unwrap(), &row["median_s"])).collect();
        assert_eq!(
            plans,
            [
                ("level 0", &json!(5.0)),
                ("level 0", &json!(2.0)),
                ("best of all", &json!(4.0)),
                ("best of all", &json!(1.5))
            ]
        );
        assert!(section.text.contains("| level 0 | 8 | 2.000 | 1.00x | 50 % | same | oversubscribed | 5.6x, 70 % |"));
    }
}
