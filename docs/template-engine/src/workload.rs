//! The workload that the engine makes for itself: the same request gives the same bytes.

use scaletune_sdk::{Call, Error, Input, Simulation, SimulationRequest};
use std::path::Path;

/// Name, sequences, letters in each.
const PRESETS: [(&str, usize, usize); 3] = [("tiny", 5, 200), ("small", 200, 50_000), ("medium", 500, 500_000)];

pub fn offer() -> Simulation {
    Simulation::new(PRESETS.iter().map(|(name, ..)| *name)).sizes([Input::integer("sequences", 1, 1 << 20, "Sequences").named("N")])
}

pub fn simulate(call: &Call<'_>, request: &SimulationRequest, folder: &Path) -> Result<(), Error> {
    let preset = PRESETS.iter().find(|(name, ..)| *name == request.preset);
    let (_, sequences, letters) =
        *preset.ok_or_else(|| Error::bad_input(format!("there is no preset `{}`", request.preset)))?;
    let sequences = request.sizes.integer("sequences").map_or(sequences, |number| number as usize);
    let mut state = request.seed;
    let mut fasta = String::new();
    for number in 0..sequences {
        call.check_cancelled()?;
        fasta += &format!(">sequence{number}\n");
        for column in 0..letters {
            // SplitMix64: a few lines that give the same letters everywhere.
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut word = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            fasta.push(b"ACGT"[(word >> 62) as usize] as char);
            if column % 80 == 79 {
                fasta.push('\n');
            }
        }
        fasta.push('\n');
    }
    let inputs = "# A simulated workload.\nengine = \"gc\"\n\n[inputs]\nfasta = \"sequences.fa\"\n";
    for (name, text) in [("sequences.fa", fasta.as_str()), ("inputs.toml", inputs)] {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|error| Error::failed(format!("{}: {error}", path.display())))?;
    }
    Ok(())
}
