//! All plans that have been entered, and the batches of trials that measure them.

use super::contender::Contender;
use super::{Observer, Out, Request, TuneError, Wrong};
use crate::measure::Clock;
use crate::stats::Generator;
use crate::trial::{Equivalence, Executor, TrialError};
use scaletune_descriptor::Plan;
use std::collections::BTreeMap;

/// Of the time search and race get at least so much, whatever the fresh rounds need.
const LEAST_SHARE: f64 = 0.6;

/// All plans that have been entered, measured or not. Plans are named by their index here.
pub(super) struct Field<'a> {
    pub(super) request: &'a Request<'a>,
    pub(super) contenders: Vec<Contender>,
    pub(super) generator: Generator,
    pub(super) observer: &'a mut dyn Observer,
    executor: &'a mut dyn Executor,
    clock: &'a dyn Clock,
    known: BTreeMap<Plan, usize>,
    /// The part of the whole time that has to be enough for now.
    share: f64,
    /// Whether the time, or a part of it, was up before all was measured.
    is_cut: bool,
    batches: usize,
    /// The first batch of rounds that had no part in nominating a plan.
    fresh_from: usize,
    trials: usize,
    /// Strategies that gave another answer.
    pub(super) wrong: Vec<Wrong>,
    /// Seconds at the end that rounds against the default need.
    reserve_s: f64,
}

impl<'a> Field<'a> {
    /// A field with the reference plan, index 0, measured.
    pub(super) fn new(
        request: &'a Request<'a>,
        executor: &'a mut dyn Executor,
        clock: &'a dyn Clock,
        observer: &'a mut dyn Observer,
    ) -> Field<'a> {
        let mut field = Field {
            request,
            contenders: Vec::new(),
            generator: Generator::new(request.seed),
            observer,
            executor,
            clock,
            known: BTreeMap::new(),
            share: 1.0,
            is_cut: false,
            batches: 1,
            fresh_from: usize::MAX,
            trials: 1,
            wrong: Vec::new(),
            reserve_s: 0.0,
        };
        let reference = field.enter(&request.reference.plan);
        let measurement = request.reference.measurement.clone();
        field.contenders[reference].out = field.too_much_memory(measurement.peak_rss_bytes);
        field.contenders[reference].add(0, measurement);
        field
    }

    /// The index of `plan`, which is entered if it is new.
    pub(super) fn enter(&mut self, plan: &Plan) -> usize {
        if let Some(index) = self.known.get(plan) {
            return *index;
        }
        let index = self.contenders.len();
        let mut contender = Contender::new(plan.clone(), self.request.descriptor.threads_used(plan));
        contender.out = self.fault_of(plan);
        self.contenders.push(contender);
        self.known.insert(plan.clone(), index);
        index
    }

    /// A strategy was seen to give another answer: its plans are out, measured or not, whatever the budget. The reference
    /// plan alone stays: its answer is the one that counts.
    pub(super) fn taint(&mut self, mut wrong: Wrong) {
        wrong.strategy = self.request.descriptor.strategy(&wrong.under);
        if self.wrong.iter().any(|known| known.strategy == wrong.strategy) {
            return;
        }
        self.wrong.push(wrong);
        for index in 0..self.contenders.len() {
            if self.contenders[index].out.is_none() {
                self.contenders[index].out = self.fault_of(&self.contenders[index].plan);
            }
        }
    }

    /// Why `plan` is out for what was seen of its strategy.
    fn fault_of(&self, plan: &Plan) -> Option<Out> {
        if *plan == self.request.reference.plan {
            return None;
        }
        let strategy = self.request.descriptor.strategy(plan);
        let wrong = self.wrong.iter().find(|wrong| wrong.strategy == strategy)?;
        let (under, on, difference) = (wrong.under.to_string(), wrong.on.clone(), wrong.difference.clone());
        Some(Out::WrongStrategy { under, on, difference })
    }

    /// Batches from here on are fresh rounds.
    pub(super) fn begin_fresh_rounds(&mut self) {
        self.fresh_from = self.fresh_from.min(self.batches + 1);
        self.reserve_s = 0.0;
    }

    /// The first batch of fresh rounds.
    pub(super) fn fresh_from(&self) -> usize {
        self.fresh_from
    }

    /// Keeps so many seconds at the end of the time, at most two fifths of it, for rounds against the default.
    pub(super) fn reserve(&mut self, seconds: f64) {
        self.reserve_s = seconds;
    }

    /// Measures each of `plans` that has not been measured, however late it is.
    pub(super) fn measure_once(&mut self, plans: &[usize]) -> Result<(), TuneError> {
        for index in plans {
            if self.contenders[*index].out.is_none() && self.contenders[*index].times().is_empty() {
                self.observer.trial(&self.contenders[*index].plan, self.trials, self.trials + plans.len());
                self.measure(*index)?;
            }
        }
        self.batches += 1;
        Ok(())
    }

    /// Measures each of `plans` that is not out once more, in random order. `later` is how many trials are expected to
    /// follow. False where the time was up before all were measured.
    pub(super) fn batch(&mut self, plans: &[usize], later: usize) -> Result<bool, TuneError> {
        let mut order: Vec<usize> =
            plans.iter().copied().filter(|index| self.contenders[*index].out.is_none()).collect();
        self.generator.shuffle(&mut order);
        // Half a batch is one, too: what it measured must not pair with the next.
        self.batches += 1;
        for (place, index) in order.iter().enumerate() {
            if self.time_is_up() {
                return Ok(false);
            }
            // A strategy may have fallen since the order was drawn.
            if self.contenders[*index].out.is_some() {
                continue;
            }
            let expected = self.trials + order.len() - place + later;
            self.observer.trial(&self.contenders[*index].plan, self.trials, expected);
            self.measure(*index)?;
        }
        Ok(true)
    }

    /// One more than the trials done, the reference's counted in.
    pub(super) fn trials(&self) -> usize {
        self.trials
    }

    pub(super) fn elapsed_s(&self) -> f64 {
        self.clock.now_s()
    }

    /// From now on `share` of the whole time has to be enough.
    pub(super) fn grant(&mut self, share: f64) {
        self.share = share;
    }

    /// Whether what was granted of the time is spent. Only asked where there is more to measure.
    pub(super) fn time_is_up(&mut self) -> bool {
        let is_up = self.limit_s().is_some_and(|limit_s| self.clock.now_s() >= limit_s * self.share);
        self.is_cut |= is_up;
        is_up
    }

    /// Seconds until the time is up; none where it has no end.
    pub(super) fn time_left_s(&self) -> Option<f64> {
        self.limit_s().map(|limit_s| (limit_s - self.clock.now_s()).max(0.0))
    }

    /// The reading of the clock at which measuring ends, less what is reserved.
    fn limit_s(&self) -> Option<f64> {
        let limit_s = self.request.max_time?.as_secs_f64();
        Some((limit_s - self.reserve_s).max(LEAST_SHARE * limit_s))
    }

    /// Something is left out for want of time.
    pub(super) fn leave_out(&mut self) {
        self.is_cut = true;
    }

    /// Whether something was left out for want of time.
    pub(super) fn is_cut(&self) -> bool {
        self.is_cut
    }

    fn too_much_memory(&self, bytes: u64) -> Option<Out> {
        self.request.max_memory.filter(|limit| bytes > *limit).map(|_| Out::Memory(bytes))
    }

    fn measure(&mut self, index: usize) -> Result<(), TuneError> {
        let contender = &mut self.contenders[index];
        let result = self.executor.measure(&contender.plan);
        self.trials += 1;
        let out = match result {
            Ok(measurement) => {
                let out = match &measurement.equivalence {
                    Equivalence::Same => None,
                    Equivalence::Different(difference) => Some(Out::Wrong(difference.clone())),
                    Equivalence::NotCompared => Some(Out::NotCompared),
                };
                self.observer.measured(&contender.plan, &measurement);
                let memory = measurement.peak_rss_bytes;
                contender.add(self.batches, measurement);
                out.or_else(|| self.too_much_memory(memory))
            }
            Err(TrialError::UnsupportedPlan(why)) => Some(Out::Unsupported(why)),
            Err(TrialError::Failed(why)) => Some(Out::Failed(why)),
            Err(TrialError::Memory(held)) => Some(Out::Memory(held)),
            Err(TrialError::BadInput(why)) => return Err(TuneError::BadInput(why)),
            Err(TrialError::Cancelled) => return Err(TuneError::Cancelled),
        };
        if let Some(out) = out {
            self.observer.out(&self.contenders[index].plan, &out);
            self.contenders[index].out = Some(out.clone());
            if let Out::Wrong(difference) = out {
                let under = self.contenders[index].plan.clone();
                self.taint(Wrong { strategy: Plan::new(), under, on: "these inputs".into(), difference });
            }
        }
        Ok(())
    }
}
