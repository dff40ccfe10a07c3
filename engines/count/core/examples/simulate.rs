//! A workload from plain Rust: `simulate FOLDER tiny|small|medium|large [SEED]`.

use std::{env, path::Path, time::Instant};

use scaletune_count_core::{
    Unwatched,
    simulate::{Preset, simulate},
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [folder, preset, rest @ ..] = arguments.as_slice() else {
        return Err("usage: simulate FOLDER tiny|small|medium|large [SEED]".into());
    };
    let preset = match preset.as_str() {
        "tiny" => Preset::Tiny,
        "small" => Preset::Small,
        "medium" => Preset::Medium,
        "large" => Preset::Large,
        other => return Err(format!("{other}: no preset").into()),
    };
    let seed = rest.first().map_or(Ok(1), |seed| seed.parse())?;
    let clock = Instant::now();
    let made = simulate(&preset.options(seed), Path::new(folder), &Unwatched)?;
    eprintln!("{} records in {:.1} s: {made:?}", made.records, clock.elapsed().as_secs_f64());
    Ok(())
}
