//! Workloads that the engine makes for itself.

use crate::session::error;
use scaletune_em_core::simulate::{
    AlignmentShape, MatrixShape, Preset, simulate_matrix, write_alignments, write_matrix,
};
use scaletune_sdk::{Call, Error, Input, Simulation, SimulationRequest};
use std::path::{Path, PathBuf};

const PRESETS: [(&str, Preset); 4] =
    [("tiny", Preset::Tiny), ("small", Preset::Small), ("medium", Preset::Medium), ("large", Preset::Large)];

pub(crate) fn offer() -> Simulation {
    Simulation::new(PRESETS.iter().map(|(name, _)| *name)).sizes([
        Input::choice("kind", &["alignments", "matrix"], "BAM and GTF, or a table of scores"),
        Input::integer("fragments", 1, 1 << 32, "Fragments").named("N"),
        Input::integer("loci", 2, 1 << 24, "Loci").named("N"),
    ])
}

pub(crate) fn simulate(call: &Call<'_>, request: &SimulationRequest, folder: &Path) -> Result<(), Error> {
    call.check_cancelled()?;
    let preset = PRESETS.iter().find(|(name, _)| *name == request.preset).map(|(_, preset)| *preset);
    let preset = preset.ok_or_else(|| Error::bad_input(format!("there is no preset `{}`", request.preset)))?;
    let seed = u32::try_from(request.seed).map_err(|_| Error::bad_input("the seed must be below 2^32"))?;
    let size =
        |name: &str, usual: usize| request.sizes.integer(name).map_or(usual, |size| size.unsigned_abs() as usize);
    let name = |path: &PathBuf| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let inputs = if request.sizes.text("kind") == Some("matrix") {
        let usual = MatrixShape::preset(preset);
        let shape =
            MatrixShape { fragments: size("fragments", usual.fragments), features: size("loci", usual.features) };
        let [scores, features, _] =
            simulate_matrix(shape, seed).and_then(|made| write_matrix(folder, &made)).map_err(error)?;
        format!("scores = \"{}\"\nfeatures = \"{}\"\n", name(&scores), name(&features))
    } else {
        let usual = AlignmentShape::preset(preset);
        let shape =
            AlignmentShape { fragments: size("fragments", usual.fragments), loci: size("loci", usual.loci), ..usual };
        let made = write_alignments(folder, shape, seed).map_err(error)?;
        format!("bam = \"{}\"\ngtf = \"{}\"\n", name(&made.collated), name(&made.gtf))
    };
    let text = format!("# A simulated workload.\nengine = \"em\"\n\n[inputs]\n{inputs}");
    std::fs::write(folder.join("inputs.toml"), text)
        .map_err(|error| Error::failed(format!("{}: {error}", folder.join("inputs.toml").display())))
}
