//! An engine that misbehaves as told, for the harness's tests. It sleeps for a stated time where others work, so that
//! its speed under a plan is known.

use scaletune_sdk::{
    Axis, Call, Constraint, Descriptor, Engine, Error, InputClass, Inputs, IntegerDefault, Output, Plan, Role, Session,
};
use std::path::Path;
use std::time::Duration;

/// What it can be told to do.
const DEEDS: &[&str] = &[
    "behave",
    "panic-in-open",
    "panic-in-prepare",
    "panic-in-run",
    "panic-in-thread",
    "panic-in-write",
    "panic-in-close",
    "hang",
    "deaf",
    "segfault",
    "abort",
    "exit",
    "print",
    "chatter",
    "fail",
    "refuse-two-workers",
    "wrong-answer",
    "missing-output",
    "undeclared-output",
    "too-many-threads",
    "leave-thread",
];

struct Hostile;

struct Told {
    deed: String,
    milliseconds: u64,
    workers: i64,
    style: String,
}

impl Engine for Hostile {
    type Session = Told;

    fn describe() -> Descriptor {
        Descriptor {
            name: "hostile".into(),
            version: "1.0.0".into(),
            build: String::new(),
            summary: "Misbehaves as told".into(),
            inputs: vec![
                scaletune_sdk::Input::choice("deed", DEEDS, "What to do"),
                scaletune_sdk::Input::integer("milliseconds", 0, 3_600_000, "How long the work takes in one thread")
                    .or(1),
            ],
            axes: vec![
                Axis::choice(
                    "style",
                    "One that is slower than the other",
                    &[("plain", "the time stated"), ("slow", "twice that")],
                ),
                Axis::threads("workers", "Threads that share the work", Role::Compute, 1, IntegerDefault::MAX),
            ],
            constraints: vec![Constraint::parse("workers <= threads").expect("the grammar is kept")],
            facts: Default::default(),
            helpers: vec![scaletune_sdk::Amount::parse("1").expect("the grammar is kept")],
            reference: Plan::parse("style=plain,workers=1").expect("a plan"),
            outputs: vec![Output::new("answer", "answer.tsv", "tsv", "The answer").keyed_by(&["question"])],
            stages: vec![],
            simulate: None,
        }
    }

    fn open(_: &Call<'_>, inputs: &Inputs) -> Result<Told, Error> {
        let deed = inputs.text("deed").unwrap_or_default().to_string();
        assert_ne!(deed, "panic-in-open", "as told");
        let milliseconds = inputs.integer("milliseconds").unwrap_or(1).unsigned_abs();
        Ok(Told { deed, milliseconds, workers: 1, style: String::new() })
    }
}

impl Session for Told {
    fn input_class(&self) -> InputClass {
        [("milliseconds".to_string(), self.milliseconds.into())].into_iter().collect()
    }

    fn prepare(&mut self, _: &Call<'_>, plan: &Plan) -> Result<(), Error> {
        assert_ne!(self.deed, "panic-in-prepare", "as told");
        self.workers = plan.integer("workers").unwrap_or(1);
        self.style = plan.word("style").unwrap_or_default().to_string();
        if self.deed == "refuse-two-workers" && self.workers == 2 {
            return Err(Error::unsupported_plan("axis `workers`: not two"));
        }
        Ok(())
    }

    fn run(&mut self, call: &Call<'_>) -> Result<(), Error> {
        match self.deed.as_str() {
            "panic-in-run" => panic!("as told"),
            "panic-in-thread" => std::thread::scope(|scope| {
                let thread = scope.spawn(|| panic!("as told, in a thread"));
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            }),
            "hang" => loop {
                call.check_cancelled()?;
                std::thread::sleep(Duration::from_millis(5));
            },
            "deaf" => loop {
                std::thread::sleep(Duration::from_secs(1));
            },
            // SAFETY: none; that is the point.
            "segfault" => unsafe { std::ptr::without_provenance_mut::<u8>(64).write_volatile(1) },
            "abort" => std::process::abort(),
            "exit" => std::process::exit(7),
            "print" => println!("{{\"event\":\"done\"}}"),
            "chatter" => {
                for done in 0..2_000_000 {
                    call.progress("chatter", done, 2_000_000);
                    if done % 10 == 0 {
                        call.info("and so on");
                    }
                }
            }
            "fail" => return Err(Error::failed("disk on fire")),
            "too-many-threads" => std::thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| std::thread::sleep(Duration::from_millis(300)));
                }
            }),
            "leave-thread" => drop(std::thread::spawn(|| std::thread::sleep(Duration::from_secs(3600)))),
            _ => {}
        }
        let slower = if self.style == "slow" { 2 } else { 1 };
        let share = Duration::from_millis(self.milliseconds * slower) / self.workers.max(1) as u32;
        std::thread::scope(|scope| {
            for _ in 0..self.workers {
                scope.spawn(move || std::thread::sleep(share));
            }
        });
        Ok(())
    }

    fn write(&mut self, _: &Call<'_>, folder: &Path) -> Result<(), Error> {
        assert_ne!(self.deed, "panic-in-write", "as told");
        let wrong = self.deed == "wrong-answer" && self.workers == 2;
        let write = |name: &str, text: String| {
            std::fs::write(folder.join(name), text).map_err(|error| Error::failed(format!("{name}: {error}")))
        };
        if self.deed == "undeclared-output" {
            write("stray.tsv", String::new())?;
        }
        if self.deed == "missing-output" {
            return Ok(());
        }
        write("answer.tsv", format!("question\tanswer\nall\t{}\n", if wrong { 43 } else { 42 }))
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        assert_ne!(self.deed, "panic-in-close", "as told");
    }
}

scaletune_sdk::export_engine!(Hostile);
