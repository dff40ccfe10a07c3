//! One EM step and the whole EM on a simulated matrix. Small by default; `EM_BENCH_PRESET=medium` or `large` for the
//! sizes at which the tables leave the caches.
#![allow(missing_docs)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use scaletune_em_core::simulate::{MatrixShape, Preset, simulate_matrix};
use scaletune_em_core::{EmOptions, Mode, Solver, Unwatched, Workers, fit, model::Model, reassign};

fn preset() -> Preset {
    match std::env::var("EM_BENCH_PRESET").as_deref() {
        Ok("large") => Preset::Large,
        Ok("medium") => Preset::Medium,
        Ok("tiny") => Preset::Tiny,
        _ => Preset::Small,
    }
}

/// Steps of one measurement: enough that packing the rows does not count for much.
const STEPS: u32 = 50;

fn em(criterion: &mut Criterion) {
    let simulated = simulate_matrix(MatrixShape::preset(preset()), 1).expect("a preset can be simulated");
    let matrix = &simulated.scores.matrix;
    let options = EmOptions { epsilon: 0.0, max_iterations: STEPS, ..EmOptions::default() };
    let mut group = criterion.benchmark_group("em");
    group.sample_size(10).throughput(Throughput::Elements(matrix.entries() as u64 * u64::from(STEPS)));
    for (name, solver, count) in [
        ("stock", Solver::Stock, 1),
        ("fused/1", Solver::Fused, 1),
        ("fused/2", Solver::Fused, 2),
        ("blocked/1", Solver::Blocked, 1),
        ("blocked/2", Solver::Blocked, 2),
    ] {
        let workers = Workers::new(count).expect("threads can be started");
        group.bench_function(name, |bencher| {
            bencher.iter(|| fit(black_box(matrix), &options, solver, &workers, &Unwatched).expect("the EM runs"));
        });
    }
    group.finish();
}

fn reassignment(criterion: &mut Criterion) {
    let simulated = simulate_matrix(MatrixShape::preset(preset()), 1).expect("a preset can be simulated");
    let matrix = &simulated.scores.matrix;
    let options = EmOptions { max_iterations: 5, ..EmOptions::default() };
    let workers = Workers::new(1).expect("threads can be started");
    let found = fit(matrix, &options, Solver::Fused, &workers, &Unwatched).expect("the EM runs");
    let model = Model::new(matrix, &options);
    let mut group = criterion.benchmark_group("reassign");
    group.sample_size(10).throughput(Throughput::Elements(matrix.entries() as u64));
    group.bench_function("all modes", |bencher| {
        bencher.iter(|| {
            let counts = reassign(&model, black_box(&found), 0.9, 1, &workers, &Unwatched).expect("it runs");
            counts.report(Mode::Exclude)[0]
        });
    });
    group.finish();
}

criterion_group!(benches, em, reassignment);
criterion_main!(benches);
