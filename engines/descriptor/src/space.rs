//! The plans that a thread budget allows.

mod around;
mod strategies;

use crate::{Axis, Descriptor, Plan, Value};
use serde_json::Map;
use std::cell::Cell;

/// The plans of one engine under a thread budget, with some axes perhaps fixed by the user.
#[derive(Clone, Debug)]
pub struct PlanSpace<'a> {
    descriptor: &'a Descriptor,
    threads: i64,
    fixed: Plan,
    /// What the input class says on the facts that constraints may name.
    facts: Plan,
    /// Values that one search may try out.
    steps: u64,
}

/// No plan fits.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("no plan of `{engine}` fits {}{threads} thread{}: {}", wish(.fixed), plural(.threads), reason(self))]
pub struct NoPlan {
    engine: String,
    fixed: String,
    threads: i64,
    constraints: Vec<String>,
    needed: Option<i64>,
    /// Nobody knows: there are too many plans to look at them all.
    too_many: bool,
}

fn wish(fixed: &str) -> String {
    if fixed.is_empty() { String::new() } else { format!("{fixed} in ") }
}

fn plural(threads: &i64) -> &'static str {
    if *threads == 1 { "" } else { "s" }
}

fn reason(error: &NoPlan) -> String {
    if error.too_many {
        return "there are too many plans to look at; set some of its axes, or fewer threads".into();
    }
    format!("{}{}", broken(&error.constraints), remedy(&error.needed))
}

fn broken(constraints: &[String]) -> String {
    match constraints {
        [] => "its constraints exclude each other".into(),
        list => format!("`{}` can't hold", list.join("` and `")),
    }
}

fn remedy(needed: &Option<i64>) -> String {
    match needed {
        Some(needed) => format!("; {needed} threads would do"),
        None => "; no number of threads would do: change what is set".into(),
    }
}

/// Beyond this nobody asks "how many would do?".
const MOST_THREADS: i64 = 1 << 12;
/// Beyond this many plans nobody measures.
const MOST_PLANS: usize = 1 << 16;
/// Values that are tried out in one search. An engine's author may declare a space without end, and the harness looks
/// at it before it knows anything else of the engine.
const MOST_STEPS: u64 = 1 << 22;
/// Values that are tried out for the sake of an error's text.
const MOST_STEPS_OF_ADVICE: u64 = 1 << 17;

impl<'a> PlanSpace<'a> {
    /// The plans of `descriptor` that keep at most `threads` threads busy and give the axes in `fixed` the values there.
    /// An opt-in value is in the space only where `fixed` names it.
    pub fn new(descriptor: &'a Descriptor, threads: i64, fixed: &Plan) -> PlanSpace<'a> {
        PlanSpace { descriptor, threads, fixed: fixed.clone(), facts: Plan::new(), steps: MOST_STEPS }
    }

    /// The space for inputs of this class: constraints that name a fact see its value. Without this they rule nothing
    /// out.
    pub fn for_inputs(mut self, class: &Map<String, serde_json::Value>) -> PlanSpace<'a> {
        for name in self.descriptor.facts.keys() {
            if let Some(word) = class.get(name).and_then(serde_json::Value::as_str) {
                self.facts.set(name.as_str(), word);
            }
        }
        self
    }

    /// The engine's default: axis by axis in declared order, the most preferred value with which a plan still exists.
    ///
    /// # Errors
    /// No plan fits; the error names what stands in the way and how many threads would do.
    pub fn default_plan(&self) -> Result<Plan, NoPlan> {
        let steps = Cell::new(self.steps);
        let found = self.first(self.threads, None, Axis::by_preference, &steps);
        found.ok_or_else(|| self.no_plan(steps.get() == 0))
    }

    /// Every plan worth measuring, each once, in a fixed order. Of large budgets not every number of threads is listed
    /// (see [`Axis`]'s scales); what lies between is found by [`PlanSpace::around`].
    ///
    /// # Errors
    /// No plan fits.
    pub fn plans(&self) -> Result<Vec<Plan>, NoPlan> {
        let mut plans = Vec::new();
        let steps = Cell::new(self.steps);
        let (threads, candidates) = (self.threads, Axis::worth_trying as Candidates);
        let search = Search { space: self, threads, spared: None, candidates, steps: &steps };
        search.walk(0, &mut self.facts.clone(), &mut |plan| {
            plans.push(self.without_facts(plan));
            plans.len() > MOST_PLANS
        });
        if steps.get() == 0 || plans.len() > MOST_PLANS {
            return Err(self.no_plan(true));
        }
        // The scale of an axis may leave out what the constraints pin it to; the default is always worth measuring.
        if let Ok(default) = self.default_plan()
            && !plans.contains(&default)
        {
            plans.push(default);
        }
        if plans.is_empty() { Err(self.no_plan(false)) } else { Ok(plans) }
    }

    fn first(&self, threads: i64, spared: Option<usize>, candidates: Candidates, steps: &Cell<u64>) -> Option<Plan> {
        let mut found = None;
        let search = Search { space: self, threads, spared, candidates, steps };
        search.walk(0, &mut self.facts.clone(), &mut |plan| {
            found = Some(self.without_facts(plan));
            true
        });
        found
    }

    fn without_facts(&self, plan: &Plan) -> Plan {
        let mut plan = plan.clone();
        self.facts.iter().for_each(|(name, _)| plan.unset(name));
        plan
    }

    fn fits(&self, threads: i64, steps: &Cell<u64>) -> bool {
        self.first(threads, None, Axis::worth_trying, steps).is_some()
            || self.first(threads, None, Axis::by_preference, steps).is_some()
    }

    fn no_plan(&self, too_many: bool) -> NoPlan {
        let constraints = &self.descriptor.constraints;
        let steps = Cell::new(if too_many { 0 } else { self.steps.min(MOST_STEPS_OF_ADVICE) });
        let guilty = (0..constraints.len())
            .filter(|index| self.first(self.threads, Some(*index), Axis::by_preference, &steps).is_some())
            .map(|index| constraints[index].to_string())
            .collect();
        let needed = self.needed(&steps);
        NoPlan {
            engine: self.descriptor.name.clone(),
            fixed: self.fixed.to_string(),
            threads: self.threads,
            constraints: guilty,
            needed,
            too_many: steps.get() == 0,
        }
    }

    /// The smallest budget that would do: doubled until it does, then halved in.
    fn needed(&self, steps: &Cell<u64>) -> Option<i64> {
        let mut low = self.threads.max(0);
        let mut high = low.max(1);
        while !self.fits(high, steps) {
            low = high;
            high = high.saturating_mul(2);
            if high > MOST_THREADS || steps.get() == 0 {
                return None;
            }
        }
        while high - low > 1 {
            let middle = low.midpoint(high);
            if self.fits(middle, steps) { high = middle } else { low = middle }
        }
        Some(high)
    }
}

/// The values of an axis to try under a budget, in order.
type Candidates = fn(&Axis, i64) -> Vec<Value>;

/// A depth-first walk over the axes in declared order that turns back at the first broken constraint.
struct Search<'s, 'a> {
    space: &'s PlanSpace<'a>,
    threads: i64,
    /// A constraint that is not asked, to find out whether it is the one that stands in the way.
    spared: Option<usize>,
    candidates: Candidates,
    /// Values that may still be tried out.
    steps: &'s Cell<u64>,
}

impl Search<'_, '_> {
    /// Calls `found` for every plan until it says stop; true = stopped.
    fn walk(&self, depth: usize, plan: &mut Plan, found: &mut dyn FnMut(&Plan) -> bool) -> bool {
        let descriptor = self.space.descriptor;
        let Some(axis) = descriptor.axes.get(depth) else { return found(plan) };
        let candidates = match self.space.fixed.get(&axis.name) {
            Some(value) => vec![value.clone()],
            None => (self.candidates)(axis, self.threads),
        };
        for value in candidates {
            match self.steps.get().checked_sub(1) {
                Some(left) => self.steps.set(left),
                None => break,
            }
            plan.set(axis.name.as_str(), value);
            let sound = descriptor.constraints.iter().enumerate().all(|(index, constraint)| {
                Some(index) == self.spared || constraint.holds(plan, self.threads) != Some(false)
            });
            if sound && self.walk(depth + 1, plan, found) {
                return true;
            }
        }
        plan.unset(&axis.name);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptor::tests::counter;
    use std::collections::BTreeSet;

    fn default(threads: i64, fixed: &str) -> Result<String, String> {
        let (descriptor, fixed) = (counter(), Plan::parse(fixed).unwrap());
        let plan = PlanSpace::new(&descriptor, threads, &fixed).default_plan();
        plan.map(|plan| plan.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_default_fills_the_budget() {
        assert_eq!(default(1, "").unwrap(), "decode=inline,decode-threads=0,tasks-per-worker=1,workers=1");
        assert_eq!(default(4, "").unwrap(), "decode=inline,decode-threads=0,tasks-per-worker=4,workers=4");
    }

    #[test]
    fn what_is_set_bends_the_rest() {
        let plan = |threads, fixed| Plan::parse(&default(threads, fixed).unwrap()).unwrap();
        let shared = plan(4, "decode=shared-pool");
        assert_eq!((shared.integer("workers"), shared.integer("decode-threads")), (Some(3), Some(1)));
        let per_reader = plan(4, "decode=per-reader");
        assert_eq!((per_reader.integer("workers"), per_reader.integer("decode-threads")), (Some(2), Some(1)));
        let pool = plan(8, "decode-threads=3,decode=shared-pool");
        assert_eq!(pool.integer("workers"), Some(5));
    }

    #[test]
    fn a_wish_that_does_not_fit_says_what_would() {
        assert_eq!(
            default(2, "decode=shared-pool,workers=4").unwrap_err(),
            "no plan of `counter` fits decode=shared-pool,workers=4 in 2 threads: \
             `decode != per-reader -> workers + decode-threads <= threads` can't hold; 5 threads would do"
        );
        let never = default(2, "decode=inline,decode-threads=1").unwrap_err();
        assert!(never.contains("`decode == inline -> decode-threads == 0` can't hold"), "{never}");
        assert!(never.contains("no number of threads"), "{never}");
    }

    #[test]
    fn the_space_holds_each_plan_once_and_none_that_breaks_a_rule() {
        let (descriptor, fixed) = (counter(), Plan::new());
        for threads in 1..=6 {
            let plans = PlanSpace::new(&descriptor, threads, &fixed).plans().unwrap();
            assert_eq!(plans.iter().collect::<BTreeSet<_>>().len(), plans.len());
            for plan in &plans {
                assert!(descriptor.threads_used(plan) <= threads, "{plan}");
                assert!(descriptor.constraints.iter().all(|c| c.holds(plan, threads) != Some(false)), "{plan}");
            }
        }
        // Brute force over one budget: decode x workers x decode-threads x the powers of two up to 16.
        let mut expected = 0;
        for decode in ["inline", "per-reader", "shared-pool"] {
            for workers in 1..=4i64 {
                for inflaters in 0..=4i64 {
                    let busy = if decode == "per-reader" { workers * (1 + inflaters) } else { workers + inflaters };
                    let sound = (decode == "inline") == (inflaters == 0);
                    if sound && busy <= 4 {
                        expected += if workers == 1 { 1 } else { 5 };
                    }
                }
            }
        }
        assert_eq!(PlanSpace::new(&descriptor, 4, &fixed).plans().unwrap().len(), expected);
    }

    #[test]
    fn facts_of_the_inputs_rule_plans_out() {
        let (descriptor, none) = (counter(), Plan::new());
        let pooled = |space: PlanSpace<'_>| {
            space.plans().unwrap().iter().filter(|plan| plan.word("decode") == Some("shared-pool")).count()
        };
        let class = |format: &str| Map::from_iter([("format".to_string(), format.into())]);
        assert!(pooled(PlanSpace::new(&descriptor, 4, &none)) > 0);
        assert!(pooled(PlanSpace::new(&descriptor, 4, &none).for_inputs(&class("bam"))) > 0);
        assert_eq!(pooled(PlanSpace::new(&descriptor, 4, &none).for_inputs(&class("cram"))), 0);
        let plan = PlanSpace::new(&descriptor, 4, &none).for_inputs(&class("cram")).default_plan().unwrap();
        descriptor.check_plan(&plan).unwrap();
    }

    #[test]
    fn opt_in_values_come_only_when_called() {
        let mut descriptor = counter();
        descriptor.axes[0] = descriptor.axes[0].clone().with_opt_in("shared-pool");
        let none = Plan::new();
        let plans = PlanSpace::new(&descriptor, 4, &none).plans().unwrap();
        assert!(plans.iter().all(|plan| !descriptor.is_opt_in(plan)));
        let named = Plan::parse("decode=shared-pool").unwrap();
        let plans = PlanSpace::new(&descriptor, 4, &named).plans().unwrap();
        assert!(!plans.is_empty() && plans.iter().all(|plan| descriptor.is_opt_in(plan)));
    }

    #[test]
    fn a_space_without_end_is_refused_in_the_end() {
        let mut descriptor = counter();
        descriptor.constraints.clear();
        descriptor.constraints.push(crate::Constraint::parse("z == 3 -> workers <= threads").unwrap());
        for name in ["t", "u", "v", "w", "x", "y", "z"] {
            descriptor.axes.push(Axis::size(name, "", 1, 1 << 40, 1));
        }
        let nothing = Plan::new();
        let refusal = |descriptor: &Descriptor, of: fn(&PlanSpace<'_>) -> Option<NoPlan>| {
            let space = PlanSpace { steps: 1 << 12, ..PlanSpace::new(descriptor, 4, &nothing) };
            of(&space).map(|error| error.to_string()).unwrap_or_default()
        };
        let error = refusal(&descriptor, |space| space.plans().err());
        assert!(error.contains("too many plans"), "{error}");
        // What no plan can meet, found at the last axis only.
        descriptor.constraints.push(crate::Constraint::parse("z == 3").unwrap());
        let error = refusal(&descriptor, |space| space.default_plan().err());
        assert!(error.contains("too many plans"), "{error}");
    }
}
