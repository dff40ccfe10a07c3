//! One evaluation, one gradient and one fit, by kernel and size. Throughput counts families times inner nodes.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use scaletune_prune_core::fit::{FitOptions, Group, fit};
use scaletune_prune_core::kernel::InstructionSet;
use scaletune_prune_core::kernel::evaluator::{Evaluator, Rating, Workers};
use scaletune_prune_core::likelihood::{Ascertainment, Likelihood};
use scaletune_prune_core::model::{Rates, RootPrior};
use scaletune_prune_core::monitor::Unwatched;
use scaletune_prune_core::plan::{Kernel, Plan};
use scaletune_prune_core::simulate::{Simulated, Simulation, simulate};

const RATES: Rates = Rates { gain: 0.5, loss: 1.5 };
const SIZES: [(usize, usize); 3] = [(100, 1000), (100, 5000), (2000, 1000)];

fn data(taxa: usize, families: usize) -> (Simulated, u64) {
    let drawn = simulate(&Simulation { taxa, families, seed: 7, ..Simulation::default() })
        .expect("the sizes of this bench are valid");
    (drawn, ((taxa - 1) * families) as u64)
}

fn evaluator(drawn: &Simulated, own: Option<&[Rates]>, kernel: Kernel, set: InstructionSet) -> Evaluator {
    let workers = Arc::new(Workers::new(1).expect("one worker needs no thread"));
    let plan = Plan { kernel, ..Plan::default() };
    let (tree, states) = (Arc::new(drawn.tree.clone()), Arc::new(drawn.states.clone()));
    Evaluator::with_instruction_set(tree, states, own, plan, workers, set).expect("the plan is valid")
}

fn values(c: &mut Criterion) {
    let sets = InstructionSet::available();
    for (taxa, families) in SIZES {
        let (drawn, updates) = data(taxa, families);
        let mut group = c.benchmark_group(format!("value/{taxa}x{families}"));
        group.throughput(Throughput::Elements(updates));
        for kernel in Kernel::ALL {
            for &set in &sets {
                let laned = matches!(kernel, Kernel::Lanes | Kernel::Auto);
                if set != sets[0] && !laned {
                    continue;
                }
                let evaluator = evaluator(&drawn, None, kernel, set);
                group.bench_function(BenchmarkId::new(kernel.name(), set.name()), |b| {
                    b.iter(|| {
                        black_box(evaluator.log_likelihoods(Rating::Same(RATES), RootPrior::Stationary, &Unwatched))
                    });
                });
            }
        }
        let own: Vec<Rates> =
            (0..families).map(|i| Rates { gain: 0.3 + i as f64 / families as f64, loss: 1.5 }).collect();
        for &set in &sets {
            let evaluator = evaluator(&drawn, Some(&own), Kernel::Lanes, set);
            group.bench_function(BenchmarkId::new("rates-per-family", set.name()), |b| {
                b.iter(|| {
                    let rating = Rating::Own { factor: 1.0 };
                    black_box(evaluator.log_likelihoods(rating, RootPrior::Stationary, &Unwatched))
                });
            });
        }
        group.finish();
    }
}

fn gradients(c: &mut Criterion) {
    for (taxa, families) in SIZES.into_iter().chain([(1000, 20_000)]) {
        let (drawn, updates) = data(taxa, families);
        let mut group = c.benchmark_group(format!("gradient/{taxa}x{families}"));
        group.throughput(Throughput::Elements(updates));
        for kernel in [Kernel::Lanes, Kernel::Repeats, Kernel::Auto] {
            let evaluator = evaluator(&drawn, None, kernel, InstructionSet::available()[0]);
            group.bench_function(kernel.name(), |b| {
                b.iter(|| black_box(evaluator.gradient(RATES, RootPrior::Stationary, None, &Unwatched)));
            });
        }
        group.finish();
    }
}

fn fits(c: &mut Criterion) {
    let (drawn, _) = data(100, 5000);
    let workers = Arc::new(Workers::new(1).expect("one worker needs no thread"));
    let (tree, states) = (Arc::new(drawn.tree), Arc::new(drawn.states));
    c.bench_function("fit/100x5000", |b| {
        b.iter(|| {
            let likelihood = Likelihood::new(&tree, &states, None, Ascertainment::None, Plan::default(), &workers)
                .expect("the plan is valid");
            let group = [Group { likelihood: &likelihood, tilted: false }];
            black_box(fit(&group, &FitOptions::default(), &Unwatched))
        });
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = values, gradients, fits
}
criterion_main!(benches);
