//! An engine to start from: the share of G and C in each sequence of a FASTA file.
//!
//! - `lib.rs`: the face towards scaletune: what it asks for, offers and writes; a session.
//! - `count.rs`: the work itself, which knows nothing of plugins.
//! - `workload.rs`: the workload that `simulate` and `--demo` make.

mod count;
mod workload;

use count::{Method, Sequence};
use scaletune_sdk::{
    Axis, Call, Constraint, Descriptor, Engine, Error, Input, InputClass, Inputs, IntegerDefault, Output, Plan, Role,
    Session, SimulationRequest, Stage,
};
use std::path::Path;

struct Gc;

scaletune_sdk::export_engine!(Gc);

impl Engine for Gc {
    type Session = Opened;

    fn describe() -> Descriptor {
        let constraint = |text| Constraint::parse(text).expect("a constraint of this file follows the grammar");
        Descriptor::new("gc", env!("CARGO_PKG_VERSION"), "Counts G and C in each sequence of a FASTA file")

            // Each becomes a flag of `run`, `tune` and `sweep`.
.inputs([
                Input::path("fasta", &["fa", "fasta"], "Sequences").required(),
                Input::flag("fold-case", "Count lower-case letters, too"),
            ])

            // What may be chosen without changing the answer.
.axes([
                Axis::choice(
                    "method",
                    "How letters are told apart",
                    &[("table", "a table of 256 entries"), ("compare", "one comparison after the other")],
                ),
                Axis::threads("workers", "Threads that count", Role::Compute, 1, IntegerDefault::MAX),
            ])
.constraints([constraint("workers <= threads")])

            // The main thread waits for the workers: one thread beyond the budget.
.helpers([scaletune_sdk::Amount::parse("1").expect("a number")])

            // Every other plan is compared with this one.
.reference(Plan::parse("method=compare,workers=1").expect("a plan of this file can be read"))
.outputs([Output::new("gc", "gc.tsv", "tsv", "Letters of each sequence").keyed_by(&["name"])])
.stages([Stage::new("count", "counts letters")])
.simulates(workload::offer())
    }

    fn open(_call: &Call<'_>, inputs: &Inputs) -> Result<Opened, Error> {
        let path = inputs.path("fasta").ok_or_else(|| Error::bad_input("input `fasta` is missing"))?;
        let bytes = std::fs::read(&path)
            .map_err(|error| Error::bad_input(format!("input `fasta`: {}: {error}", path.display())))?;
        let sequences = count::parse(&bytes)
            .map_err(|fault| Error::bad_input(format!("input `fasta`: {}: {fault}", path.display())))?;
        let fold_case = inputs.flag("fold-case");
        Ok(Opened { sequences, fold_case, method: Method::Table, workers: 1, counts: Vec::new() })
    }

    fn simulate(call: &Call<'_>, request: &SimulationRequest, folder: &Path) -> Result<(), Error> {
        workload::simulate(call, request, folder)
    }
}

/// A FASTA file that has been read, and what the last run made of it.
struct Opened {
    sequences: Vec<Sequence>,
    fold_case: bool,
    method: Method,
    workers: usize,
    counts: Vec<count::Counts>,
}

impl Session for Opened {
    fn input_class(&self) -> InputClass {
        let letters: usize = self.sequences.iter().map(|sequence| sequence.letters.len()).sum();
        InputClass::new().with("sequences", self.sequences.len()).with("letters", letters)
    }

    fn prepare(&mut self, _call: &Call<'_>, plan: &Plan) -> Result<(), Error> {
        self.method = match plan.word("method") {
            Some("table") => Method::Table,
            Some("compare") => Method::Compare,
            other => return Err(Error::unsupported_plan(format!("axis `method`: {other:?} is not known"))),
        };
        self.workers = plan.integer("workers").unwrap_or(1).max(1) as usize;
        Ok(())
    }

    fn run(&mut self, call: &Call<'_>) -> Result<(), Error> {
        // The host may be shared with threads; the call may not.
        let host = call.host();
        self.counts = call.stage("count", || {
            count::all(&self.sequences, self.fold_case, self.method, self.workers, &|done, total| {
                host.progress("count", done as u64, total as u64);
                !host.cancelled()
            })
        });
        // An empty answer to a file that is not empty: the host asked to stop.
        call.check_cancelled()?;
        call.metric("sequences", self.sequences.len() as f64, "count");
        Ok(())
    }

    fn write(&mut self, _call: &Call<'_>, folder: &Path) -> Result<(), Error> {
        let mut text = String::from("name\tletters\tgc\n");
        for (sequence, counts) in self.sequences.iter().zip(&self.counts) {
            text += &format!("{}\t{}\t{}\n", sequence.name, counts.letters, counts.gc);
        }
        let file = folder.join("gc.tsv");
        std::fs::write(&file, text).map_err(|error| Error::failed(format!("{}: {error}", file.display())))
    }
}
