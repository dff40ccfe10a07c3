//! Where a plugin is put through its paces: folders of our own all around it, and a worker for each run.

use super::super::exit::Exit;
use super::super::workload::Workload;
use crate::equiv;
use crate::publish::{Staging, Target};
use crate::scratch::Scratch;
use crate::trial::Equivalence;
use crate::worker::{Drill, Failure, Limits, Quiet, RepeatRule, Report, Run, Worker};
use scaletune_descriptor::{Descriptor, Plan};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Folders within each other, so that whoever climbs out of the innermost is still seen.
const FENCE: [&str; 3] = ["outer", "inner", "out"];

/// Folders, limits, and the worker.
pub(super) struct Bench {
    root: Scratch,
    target: Target,
    pub(super) worker: Worker,
    pub(super) limits: Limits,
}

/// What a run left: its report, and the folder with its files.
pub(super) struct Outcome {
    pub(super) report: Report,
    pub(super) staging: Staging,
}

impl Bench {
    pub(super) fn new(worker: &Worker, limits: Limits) -> Result<Bench, Exit> {
        let root = Scratch::new()?;
        let out = FENCE.iter().fold(root.path().to_path_buf(), |path, folder| path.join(folder));
        let target = Target::folder(&out)?;
        Ok(Bench { root, target, worker: worker.clone(), limits })
    }

    /// A new, empty folder for a workload.
    pub(super) fn workload_folder(&self, name: &str) -> Result<PathBuf, Exit> {
        let folder = self.root.path().join("workloads").join(name);
        std::fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// Runs one plan.
    pub(super) fn run(
        &self,
        plugin: &Path,
        workload: &Workload,
        (threads, plan): (i64, &Plan),
        repeat: RepeatRule,
        drill: Drill,
    ) -> Result<Result<Outcome, Failure>, Exit> {
        let staging = self.target.stage()?;
        let folder = staging.files();
        let run = Run { plugin, inputs: &workload.values, folder: &folder, repeat, limits: self.limits };
        let report = self.worker.drill(&run, drill, &mut |_| Ok((threads, plan.clone())), &mut Quiet);
        Ok(report.map(|report| Outcome { report, staging }))
    }

    /// Opens inputs and goes no further; true where they could be opened.
    pub(super) fn open(&self, plugin: &Path, inputs: &Map<String, Value>) -> Result<Result<bool, Failure>, Exit> {
        let staging = self.target.stage()?;
        let folder = staging.files();
        let run = Run { plugin, inputs, folder: &folder, repeat: RepeatRule::ONCE, limits: self.limits };
        let mut opened = false;
        let outcome = self.worker.run(
            &run,
            &mut |_| {
                opened = true;
                Err("no further".into())
            },
            &mut Quiet,
        );
        Ok(match outcome {
            Err(failure) if !opened => Err(failure),
            _ => Ok(true),
        })
    }

    /// A folder for what a session writes the second time.
    pub(super) fn second_folder(&self) -> Result<Staging, Exit> {
        Ok(self.target.stage()?)
    }

    /// Whether the declared files were written, and nothing else.
    pub(super) fn check_outputs(
        &self,
        staging: &Staging,
        descriptor: &Descriptor,
        workload: &Workload,
    ) -> Result<(), String> {
        let checked = self.target.check(staging, &descriptor.outputs, &workload.inputs);
        checked.map_err(|error| error.to_string().trim_start_matches("the engine ").to_string())
    }

    /// How the files of a run differ from the reference's.
    pub(super) fn difference(
        reference: &Staging,
        other: &Staging,
        descriptor: &Descriptor,
        workload: &Workload,
    ) -> Option<String> {
        let (expected, found) = (reference.files(), other.files());
        match equiv::compare_folders(&expected, &found, &descriptor.outputs, &workload.inputs) {
            Ok(Equivalence::Different(difference)) => Some(difference),
            Ok(_) => None,
            Err(error) => Some(error.to_string()),
        }
    }

    /// What lies where nobody was to write.
    pub(super) fn strays(&self) -> Result<Vec<String>, Exit> {
        let mut strays = Vec::new();
        let mut look = |folder: &Path, shown: &str, ours: &dyn Fn(&str) -> bool| -> Result<(), Exit> {
            for entry in std::fs::read_dir(folder)? {
                let name = entry?.file_name().to_string_lossy().into_owned();
                if !ours(&name) {
                    strays.push(format!("`{name}` in {shown}"));
                }
            }
            Ok(())
        };
        let mut folder = self.root.path().to_path_buf();
        for (depth, inner) in FENCE.iter().enumerate() {
            let ours = |name: &str| name == *inner || depth == 0 && name == "workloads";
            look(&folder, &format!("`{}`", "../".repeat(FENCE.len() + 2 - depth)), &ours)?;
            folder.push(inner);
        }
        look(&folder, "`../..`", &|name| name.starts_with(".run.scaletune-"))?;
        Ok(strays)
    }
}

/// Every file of a folder, by name.
pub(super) fn contents(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>, Exit> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            files.insert(entry.file_name().to_string_lossy().into_owned(), std::fs::read(entry.path())?);
        }
    }
    Ok(files)
}
