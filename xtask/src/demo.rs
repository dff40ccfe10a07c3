//! `cargo xtask demo`: from nothing to a tuned profile that a run uses.

use crate::{cargo, root, run, target};
use std::path::Path;
use std::process::Command;

/// Builds, simulates, tunes, runs, and compares the result with the simulator's own answer.
pub(crate) fn demo() -> Result<(), String> {
    run(&mut cargo(&["build", "--release"]))?;
    let program = target().join("release").join("scaletune");
    let folder = target().join("demo");
    let workload = folder.join("workload");
    if workload.exists() {
        std::fs::remove_dir_all(&workload).map_err(|error| format!("{}: {error}", workload.display()))?;
    }
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let (inputs, counts) = (workload.join("inputs.toml"), folder.join("counts.tsv"));
    let scaletune = |arguments: &[&str], paths: &[(&str, &Path)]| {
        let mut command = Command::new(&program);
        command.args(arguments).current_dir(root());
        for (flag, path) in paths {
            command.arg(flag).arg(path);
        }
        run(&mut command)
    };
    scaletune(&["simulate", "count"], &[("--out", &workload)])?;
    scaletune(&["tune", "count"], &[("--inputs", &inputs)])?;
    scaletune(&["run", "count"], &[("--inputs", &inputs), ("-o", &counts)])?;
    let read = |path: &Path| std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()));
    if read(&counts)? != read(&workload.join("expected.tsv"))? {
        return Err(format!("{} differs from the simulator's own answer", counts.display()));
    }
    eprintln!("\nThe counts equal the simulator's own answer.");
    eprintln!("  profile:  {}", root().join("profiles").display());
    eprintln!("  result:   {}", counts.display());
    eprintln!("  workload: {}", workload.display());
    eprintln!(
        "On your own data: {} run count --bam S.bam --variants V.vcf.gz --sample S -o counts.tsv",
        program.display()
    );
    Ok(())
}
