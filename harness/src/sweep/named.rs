//! Plans with a name: what a paper, a manual or another program does, to be measured beside the engine's best.
//!
//! ```toml
//! engine = "count"
//!
//! [[plan]]
//! name = "level 1"
//! help = "per-chromosome readers, some threads decompress"
//! set = { partition = "chromosome", decode = "per-reader" }
//!
//! [plan.threads]            # what changes with the budget
//! 4 = { workers = 2, decode-threads = 1 }
//! 8 = { workers = 4, decode-threads = 1 }
//!
//! [plan.claims]             # what others said of it, to be checked
//! 8 = { speedup = 5.6, efficiency = 0.7 }
//! ```
//! Axes that are set nowhere take the engine's default for the budget. A plan with a table `threads` is measured for the
//! budgets named there only.

use scaletune_descriptor::Plan;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A file of named plans.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NamedPlans {
    /// The engine that they are for; empty where there are none.
    pub engine: String,
    /// The plans, in the file's order.
    pub plans: Vec<NamedPlan>,
}

/// A plan with a name.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedPlan {
    /// As reports call it.
    pub name: String,
    /// One line.
    pub help: String,
    set: Plan,
    threads: BTreeMap<i64, Plan>,
    claims: BTreeMap<i64, Claim>,
}

/// What others said of a plan on a number of threads.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Times as fast as one thread.
    pub speedup: f64,
    /// Speedup per thread; none where only the speedup was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub efficiency: Option<f64>,
}

/// Why a file of named plans can't be used.
#[derive(Debug, thiserror::Error)]
pub enum NamedPlansError {
    /// It can't be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It does not have the form that is described in this module.
    #[error("{}: {fault}", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        fault: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileForm {
    engine: String,
    #[serde(rename = "plan")]
    plans: Vec<PlanForm>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanForm {
    name: String,
    #[serde(default)]
    help: String,
    #[serde(default)]
    set: Plan,
    #[serde(default)]
    threads: BTreeMap<String, Plan>,
    #[serde(default)]
    claims: BTreeMap<String, Claim>,
}

impl NamedPlans {
    /// Reads a file for `engine`.
    ///
    /// # Errors
    /// It can't be read, has another form, or is for another engine.
    pub fn read(path: &Path, engine: &str) -> Result<NamedPlans, NamedPlansError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| NamedPlansError::Read { path: path.into(), source })?;
        NamedPlans::parse(&text, engine).map_err(|fault| NamedPlansError::Form { path: path.into(), fault })
    }

    fn parse(text: &str, engine: &str) -> Result<NamedPlans, String> {
        let file: FileForm = toml::from_str(text).map_err(|error| error.to_string())?;
        if file.engine != engine {
            return Err(format!("is for engine `{}`, not `{engine}`", file.engine));
        }
        let mut plans: Vec<NamedPlan> = Vec::new();
        for form in file.plans {
            if form.name.trim().is_empty() || plans.iter().any(|plan| plan.name == form.name) {
                return Err(format!("plan name `{}` is empty or given twice", form.name));
            }
            let (threads, claims) = (by_count(&form.name, form.threads)?, by_count(&form.name, form.claims)?);
            if let Some(claim) = claims.values().find(|claim| !claim.is_sound()) {
                return Err(format!("plan `{}`: a claim of {} is none: figures are above 0", form.name, claim.speedup));
            }
            plans.push(NamedPlan { name: form.name, help: form.help, set: form.set, threads, claims });
        }
        Ok(NamedPlans { engine: file.engine, plans })
    }
}

/// A table whose keys are thread counts, with numbers for keys.
fn by_count<T>(plan: &str, table: BTreeMap<String, T>) -> Result<BTreeMap<i64, T>, String> {
    let number = |count: String, value: T| match count.parse() {
        Ok(number @ 1..) => Ok((number, value)),
        _ => Err(format!("plan `{plan}`: `{count}` is not a thread count")),
    };
    table.into_iter().map(|(count, value)| number(count, value)).collect()
}

impl Claim {
    fn is_sound(&self) -> bool {
        let sound = |figure: f64| figure > 0.0 && figure.is_finite();
        sound(self.speedup) && self.efficiency.is_none_or(sound)
    }
}

impl NamedPlan {
    /// What others said of it on so many threads.
    pub fn claim(&self, threads: i64) -> Option<Claim> {
        self.claims.get(&threads).copied()
    }

    /// The axes that it fixes for a budget; none where it is not for that budget.
    pub fn fixed(&self, threads: i64) -> Option<Plan> {
        let mut plan = self.set.clone();
        if !self.threads.is_empty() {
            for (axis, value) in self.threads.get(&threads)?.iter() {
                plan.set(axis, value.clone());
            }
        }
        Some(plan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
        engine = "count"
        [[plan]]
        name = "level 0"
        set = { partition = "chromosome", workers = 2 }
        [[plan]]
        name = "level 1"
        help = "some threads decompress"
        set = { decode = "per-reader", workers = 1 }
        [plan.threads]
        4 = { workers = 2, decode-threads = 1 }
        [plan.claims]
        4 = { speedup = 2.5 }
        8 = { speedup = 5.6, efficiency = 0.7 }
    "#;

    #[test]
    fn plans_depend_on_the_budget() {
        let file = NamedPlans::parse(FILE, "count").unwrap();
        let text = |index: usize, threads| file.plans[index].fixed(threads).map(|plan: Plan| plan.to_string());
        assert_eq!(text(0, 2).as_deref(), Some("partition=chromosome,workers=2"));
        assert_eq!(text(1, 4).as_deref(), Some("decode=per-reader,decode-threads=1,workers=2"));
        assert_eq!(text(1, 2), None);
        assert_eq!(file.plans[1].claim(8), Some(Claim { speedup: 5.6, efficiency: Some(0.7) }));
        assert_eq!((file.plans[1].claim(4).unwrap().efficiency, file.plans[0].claim(4)), (None, None));
        assert_eq!(file.plans[1].help, "some threads decompress");
    }

    #[test]
    fn faults_are_named() {
        let fault = |text: &str| NamedPlans::parse(text, "count").unwrap_err();
        assert_eq!(fault("engine = 'em'\nplan = []"), "is for engine `em`, not `count`");
        assert!(fault("engine = 'count'\nplans = []").contains("plans"));
        assert_eq!(
            fault("engine = 'count'\n[[plan]]\nname = 'a'\n[plan.threads]\nmany = {}"),
            "plan `a`: `many` is not a thread count"
        );
        assert!(fault("engine = 'count'\n[[plan]]\nname = 'a'\n[[plan]]\nname = 'a'").contains("given twice"));
        let claim = |text: &str| fault(&format!("engine = 'count'\n[[plan]]\nname = 'a'\n[plan.claims]\n{text}"));
        assert!(
            claim("8 = { speedup = 0 }").contains("above 0") && claim("0 = { speedup = 2 }").contains("thread count")
        );
        let error = NamedPlans::read(Path::new("/no/such.toml"), "count").unwrap_err().to_string();
        assert!(error.starts_with("/no/such.toml: "));
    }
}
