//! `gate --selftest`: what the gate makes of equal plugins on this machine.

use super::super::exit::Exit;
use super::super::trials::Trials;
use super::super::{Context, as_json, print};
use super::bench::{Inputs, Pair, points, reference_plan};
use super::{Case, Gate, INCONCLUSIVE, Watch, Work, suite};
use crate::gate::{Pairs, SelfTest, SelfTestCase, Verdict, selftest};
use crate::plugin::Plugin;
use crate::trial::Executor;

/// Pairs measured and gates replayed: in full, and in short.
const FULL: (usize, usize) = (96, 400);
const QUICK: (usize, usize) = (16, 60);

pub(super) fn run(context: &mut Context, gate: &Gate<'_>) -> Result<(), Exit> {
    let mut notes = Vec::new();
    let suite = suite(context, gate, None, &mut notes)?;
    let mut cases = Vec::new();
    for (index, case) in suite.cases.iter().enumerate() {
        let plugin = context.catalogue.find(&case.engine)?;
        let case = if gate.arguments.quick { smallest(case, &plugin) } else { case.clone() };
        cases.push(measure(context, gate, &case, &plugin, suite.cases.len() - index, &mut notes)?);
    }
    context.terminal.finish();
    let selftest = SelfTest::new(gate.machine.clone(), &gate.looks, cases);
    if context.json {
        print(&as_json(&selftest)?)?;
    } else {
        notes.iter().for_each(|note| context.terminal.note(&format!("note: {note}")));
        print(&selftest.lines().join("\n"))?;
    }
    match selftest.verdict() {
        Verdict::Pass => return Ok(()),
        Verdict::Inconclusive => {
            let message = "selftest: inconclusive; there was no time for the first look; give it a longer --max-time";
            if gate.arguments.strict {
                return Err(Exit { status: INCONCLUSIVE, message: message.into() });
            }
            context.terminal.warn(message);
            return Ok(());
        }
        Verdict::Regress => {}
    }
    let message = "selftest: equal plugins are called a regress in more than 5 of 100 gates; this machine is too noisy \
                   for these margins";
    if gate.arguments.quick {
        // Sixteen pairs show that the gate works; they can't carry a rate.
        context.terminal.warn(message);
        return Ok(());
    }
    Err(Exit { status: 1, message: message.into() })
}

/// The case on the engine's smallest workload, where it is a simulated one.
fn smallest(case: &Case, plugin: &Plugin) -> Case {
    let mut case = case.clone();
    let presets = plugin.descriptor.simulate.as_ref().map(|offer| offer.presets.as_slice()).unwrap_or_default();
    if let (Work::Simulated { preset, .. }, Some(first)) = (&mut case.work, presets.first()) {
        preset.clone_from(first);
    }
    case
}

/// Measures one case; `left` cases, this one counted in, share the time that is left.
fn measure(
    context: &mut Context,
    gate: &Gate<'_>,
    case: &Case,
    plugin: &Plugin,
    left: usize,
    notes: &mut Vec<String>,
) -> Result<SelfTestCase, Exit> {
    let descriptor = &plugin.descriptor;
    let named = |why: String| Exit::input(format!("case `{}`: {why}", case.name));
    descriptor.check_plan(&case.fixed).map_err(|error| named(error.to_string()))?;
    let workload = Inputs::of(context, case, plugin)?.workload(plugin)?;
    let worker = context.worker.clone();
    let limit = gate.arguments.measuring.time_limit;
    let mut baseline = Trials::new(&worker, plugin, &workload, limit)?;
    let plan = reference_plan(descriptor, case).map_err(|error| named(error.to_string()))?;
    baseline.measure(&plan).map_err(|error| Exit::of_trial(&format!("case `{}`", case.name), &plan, &error))?;
    let class = baseline.input_class().clone();
    let points = points([(descriptor, &class), (descriptor, &class)], case, gate.budget.threads, notes);
    let points = points.map_err(|error| named(error.to_string()))?;
    let answer = baseline.reference().map(std::path::Path::to_path_buf).unwrap_or_default();
    let candidate = Trials::new(&worker, plugin, &workload, limit)?.answering_to(answer, &descriptor.outputs);
    let (pairs, replays) = if gate.arguments.quick { QUICK } else { FULL };
    let max_time = gate.share(left).map(|share| gate.clock_time() + share);
    let request = Pairs { points: &points, margins: case.margins, looks: &gate.looks, pairs, replays, max_time };
    let mut pair = Pair { baseline: Some(baseline), candidate };
    let mut watch = Watch { terminal: &mut context.terminal, case: &case.name };
    let tested = selftest(&request, &mut pair, &gate.clock, &mut watch)
        .map_err(|_| Exit::interrupted())?
        .map_err(|why| Exit::failed(format!("case `{}`: {why}", case.name)))?;
    if !tested.points.is_empty() && tested.rounds < pairs {
        notes.push(format!(
            "case `{}`: {} of {pairs} pairs were measured when the time was up",
            case.name, tested.rounds
        ));
    }
    Ok(SelfTestCase { name: case.name.clone(), points: tested.points, rounds: tested.rounds })
}
