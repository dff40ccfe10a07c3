//! Gates that go on from job to job, their evidence in a file between: do they err no more than they say?

use super::*;
use crate::gate::{About, Evidence, History};

/// Jobs after which a chain is given up.
const MOST_JOBS: usize = 12;

fn about(plugins: [&str; 2]) -> About {
    let case = Suite::of_engines(["e"].into_iter()).cases.remove(0);
    About::new(&case, plugins.map(Into::into), ["1", "2"].map(Into::into), Machine::this())
}

/// One job of at most `rounds` rounds that goes on where the document at `path` stands.
fn job(bench: &mut dyn Bench, path: &std::path::Path, about: &About, threads: &[i64], rounds: usize) -> Fought {
    let mut history = History::load(path).unwrap();
    let earlier = history.find(about).cloned();
    let points = points(threads);
    let looks = Looks::carrying(earlier.as_ref().map_or(0, |evidence| evidence.rounds), rounds);
    let carried = earlier.as_ref().map(|evidence| evidence.points.as_slice()).unwrap_or_default();
    let margins = Margins::default();
    let request = Duel { points: &points, margins, looks: &looks, max_time: None, seed: 1, carried };
    let fought = duel(&request, bench, &Still, &mut Silent).unwrap();
    let left = (!fought.left_open.is_empty()).then(|| Evidence {
        about: about.clone(),
        jobs: earlier.as_ref().map_or(1, |evidence| evidence.jobs + 1),
        updated: String::new(),
        rounds: fought.rounds,
        points: fought.left_open.clone(),
    });
    assert_eq!(left.as_ref().and_then(Evidence::fault), None);
    history.replace(about, left);
    history.save(path).unwrap();
    fought
}

/// Two plugins whose trials scatter apart: as two neighbours on two cores make them.
fn noisy(seed: u64, cost: f64) -> Fake {
    let mut fake = Fake::new(seed);
    (fake.noise, fake.cost[1]) = ([0.12, 0.4], cost);
    fake
}

/// The verdict of a chain and the jobs that it took.
fn chain(seed: u64, cost: f64) -> (Verdict, usize) {
    let home = tempfile::tempdir().unwrap();
    let (path, about) = (home.path().join("history.json"), about(["a", "b"]));
    let mut fake = noisy(seed, cost);
    for jobs in 1..=MOST_JOBS {
        let verdict = job(&mut fake, &path, &about, &[1], 64).points[0].verdict;
        if verdict != Verdict::Inconclusive {
            return (verdict, jobs);
        }
    }
    (Verdict::Inconclusive, MOST_JOBS)
}

#[test]
fn a_slowdown_that_one_job_cannot_tell_is_caught_over_several() {
    let chains: Vec<(Verdict, usize)> = (0..20).map(|seed| chain(seed, 1.10)).collect();
    let count = |wanted: &dyn Fn(&(Verdict, usize)) -> bool| chains.iter().filter(|chain| wanted(chain)).count();
    // A job alone leaves it open nearly always.
    assert!(count(&|(_, jobs)| *jobs == 1) <= 5, "{chains:?}");
    assert!(count(&|(verdict, _)| *verdict == Verdict::Regress) >= 19, "{chains:?}");
    assert_eq!(count(&|(verdict, _)| *verdict == Verdict::Pass), 0, "{chains:?}");
}

/// Verdicts of chains over ratios alone: with a median of 1 + margin, where each call is an error.
fn errors(chains: usize, looked_at: impl Fn(usize, &[f64]) -> Option<crate::stats::Estimate>) -> usize {
    let mut generator = Generator::new(7);
    let mut erred = 0;
    for _ in 0..chains {
        let mut ratios: Vec<f64> = Vec::new();
        for job in 0..MOST_JOBS {
            let looks = Looks::carrying(64 * job, 64);
            let mut verdict = Verdict::Inconclusive;
            for look in looks.rounds() {
                ratios.resize_with(*look, || 1.05 * (generator.unit() - 0.5).exp());
                let estimate = looked_at(job, &ratios);
                verdict = verdict.max(Check::new(Metric::Cpu, Role::Decides, 0.05, estimate).verdict);
            }
            if verdict == Verdict::Regress {
                erred += 1;
                break;
            }
        }
    }
    erred
}

#[test]
fn however_many_jobs_the_false_alarms_stay_within_the_rate() {
    // Half of the error is on the side of a false alarm: 2.5 of 100 chains at the most.
    let erred = errors(400, |job, ratios| Looks::carrying(64 * job, 64).estimate(ratios));
    assert!(erred <= 10, "{erred} of 400");
    // Who gives each job the whole error errs more often: the test can fail.
    let naive = errors(400, |_, ratios| crate::stats::Estimate::by_signs(ratios, 0.05));
    assert!(naive > 20, "{naive} of 400");
}

#[test]
fn chains_of_equal_plugins_end_in_a_pass() {
    let chains: Vec<(Verdict, usize)> = (100..120).map(|seed| chain(seed, 1.0)).collect();
    assert!(chains.iter().all(|(verdict, _)| *verdict != Verdict::Regress), "{chains:?}");
    assert!(chains.iter().filter(|(verdict, _)| *verdict == Verdict::Pass).count() >= 18, "{chains:?}");
}

/// Trials whose cost depends on nothing but the side and how many there were: no order, no clock.
struct Script([u64; 2]);

impl Bench for Script {
    fn measure(&mut self, side: Side, _: &Plan) -> Result<Measurement, TrialError> {
        let count = &mut self.0[side as usize];
        *count += 1;
        let cost = [1.0, 1.08][side as usize] * (0.3 * Generator::new(2 * *count + side as u64).unit()).exp();
        Ok(Measurement { wall_s: cost, cpu_s: cost, equivalence: Equivalence::Same, ..Measurement::default() })
    }

    fn yardstick(&mut self, _: i64) -> Yardstick {
        Yardstick { wall_s: 1.0, cpu_s: 1.0 }
    }
}

#[test]
fn a_gate_in_pieces_says_what_it_says_in_one() {
    let home = tempfile::tempdir().unwrap();
    let whole = job(&mut Script([0; 2]), &home.path().join("whole.json"), &about(["a", "b"]), &[1], 256);
    assert!(whole.rounds > 32, "{whole:?}");
    for rounds in [8, 20, 100] {
        let path = home.path().join(format!("{rounds}.json"));
        let mut script = Script([0; 2]);
        let fought = loop {
            let fought = job(&mut script, &path, &about(["a", "b"]), &[1], rounds);
            if fought.left_open.is_empty() || fought.rounds >= 256 {
                break fought;
            }
        };
        assert_eq!(fought.points[0].verdict, whole.points[0].verdict, "{rounds} rounds a job");
        if whole.left_open.is_empty() {
            assert_eq!((&fought.points, fought.rounds), (&whole.points, whole.rounds), "{rounds} rounds a job");
        }
    }
}

#[test]
fn what_is_decided_stays_so_and_the_rest_goes_on() {
    let home = tempfile::tempdir().unwrap();
    let (path, about) = (home.path().join("history.json"), about(["a", "b"]));
    // One thread is clear at once; two wait for the wall, which is too noisy.
    let mut fake = Fake::new(3);
    (fake.noise, fake.parallel[1]) = ([0.01, 0.6], 0.85);
    let first = job(&mut fake, &path, &about, &[1, 2], 32);
    assert_eq!((first.points[0].verdict, first.points[1].verdict), (Verdict::Pass, Verdict::Inconclusive));
    assert_eq!(first.points[0].checks[0].ratio.unwrap().samples, 8);
    let second = job(&mut fake, &path, &about, &[1, 2], 32);
    assert_eq!(second.rounds, 64);
    assert_eq!(second.points[0].checks, first.points[0].checks);
    assert_eq!(second.points[1].checks[0].ratio.unwrap().samples, 64);
}

#[test]
fn a_verdict_ends_it_and_other_plugins_or_machines_have_none_of_it() {
    let home = tempfile::tempdir().unwrap();
    let (path, mine) = (home.path().join("history.json"), about(["a", "b"]));
    let find =
        |about: &About| History::load(&path).unwrap().find(about).map(|evidence| (evidence.jobs, evidence.rounds));
    assert_eq!(find(&mine), None);
    job(&mut noisy(1, 1.10), &path, &mine, &[1], 8);
    job(&mut noisy(2, 1.10), &path, &mine, &[1], 8);
    assert_eq!(find(&mine), Some((2, 16)));
    let mut moved = mine.clone();
    moved.machine.cpu = "another".into();
    assert_eq!(find(&moved), None);
    assert!(History::load(&path).unwrap().elsewhere(&moved)[0].contains("another here"));
    for other in [
        about(["a", "c"]),
        About { debug_build: !mine.debug_build, ..mine.clone() },
        About { margins: Margins { cpu: 0.1, ..mine.margins }, ..mine.clone() },
        About { engine_versions: ["1", "3"].map(Into::into), ..mine.clone() },
    ] {
        assert_eq!((find(&other), History::load(&path).unwrap().elsewhere(&other).len()), (None, 0));
    }
    // Of other points nothing is gone on with.
    let evidence = History::load(&path).unwrap().find(&mine).cloned().unwrap();
    assert_eq!((evidence.misfit(&points(&[1])), evidence.misfit(&points(&[1, 2])).is_some()), (None, true));
    // A clear case takes it out.
    let mut clear = Fake::new(1);
    clear.cost[1] = 2.0;
    assert_eq!(job(&mut clear, &path, &mine, &[1], 256).points[0].verdict, Verdict::Regress);
    assert_eq!(find(&mine), None);
}

#[test]
fn what_is_not_a_history_is_told() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("h.json");
    job(&mut noisy(1, 1.10), &path, &about(["a", "b"]), &[1], 8);
    let sound = std::fs::read_to_string(&path).unwrap();
    let fault = |text: &str| {
        std::fs::write(&path, text).unwrap();
        History::load(&path).map(drop).map_err(|error| error.to_string())
    };
    assert_eq!(fault(&sound), Ok(()));
    let negative = sound.replacen("\"cpu_s\":", "\"cpu_s\":-", 1);
    let short = sound.replacen("\"rounds\":8", "\"rounds\":9", 1);
    for (text, cause) in [
        ("[", "is not JSON"),
        ("{}", "it has no schema_version"),
        (r#"{"schema_version": 9}"#, "has form 9; this scaletune reads form 1"),
        (r#"{"schema_version": 1}"#, "is not a history: missing field"),
        (&negative, "case `e` has a time that is not above zero"),
        (&short, "case `e` does not have a pair of trials for each round"),
    ] {
        let error = fault(text).unwrap_err();
        assert!(
            error.contains("h.json: ") && error.contains(cause) && error.ends_with("remove it to begin anew"),
            "{error}"
        );
    }
}
