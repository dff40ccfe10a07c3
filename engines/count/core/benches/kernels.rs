//! The kernels of counting, and a whole count of a simulated file by every reader and policy.

#![allow(missing_docs, clippy::unwrap_used)]

use std::{fs, hint::black_box};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use scaletune_count_core::{
    CountOptions, CountPlan, Policy, Reader, Session, Unwatched,
    kernels::{candidates, covered, resolve},
    simulate::{Preset, simulate},
};

fn kernels(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("kernels");
    let positions: Vec<i32> = (0..100_000).map(|index| index * 100).collect();
    let cigars: [&[(u32, u32)]; 3] = [&[(100, 0)], &[(40, 0), (800, 3), (60, 0)], &[(5, 4), (50, 0), (2, 1), (43, 0)]];
    let records: Vec<(Vec<u8>, i64)> = (0..30_000)
        .map(|index| {
            let words =
                cigars[index as usize % 3].iter().flat_map(|&(length, kind)| (length << 4 | kind).to_le_bytes());
            (words.collect(), index * 300)
        })
        .collect();
    group.throughput(Throughput::Elements(records.len() as u64));
    group.bench_function("covered", |bencher| bencher.iter(|| covered(black_box(&records), black_box(&positions))));
    let made = candidates(200_000, 10_000);
    group.throughput(Throughput::Elements(400_000));
    for (name, policy) in [("wasp2", Policy::Wasp2), ("fragment", Policy::Fragment)] {
        group.bench_function(format!("names/{name}"), |bencher| bencher.iter(|| resolve(black_box(&made), policy)));
    }
    group.finish();
}

fn whole(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let made = simulate(&Preset::Small.options(1), folder.path(), &Unwatched).unwrap();
    let alignments = folder.path().join(made.alignments);
    let bytes = fs::metadata(&alignments).unwrap().len();
    let mut group = criterion.benchmark_group("count");
    group.throughput(Throughput::Bytes(bytes)).sample_size(10);
    for (reader, name) in [(Reader::Raw, "raw"), (Reader::Htslib, "htslib"), (Reader::Noodles, "noodles")] {
        for (policy, rule) in [(Policy::Wasp2, "wasp2"), (Policy::Fragment, "fragment"), (Policy::Read, "read")] {
            let options = CountOptions {
                alignments: alignments.clone(),
                variants: folder.path().join(made.variants),
                policy,
                ..Default::default()
            };
            let mut session = Session::open(options, &Unwatched).unwrap();
            session.prepare(&CountPlan { reader, ..CountPlan::default() }).unwrap();
            group.bench_function(format!("{name}/{rule}"), |bencher| bencher.iter(|| session.run(&Unwatched).unwrap()));
        }
    }
    group.finish();
}

criterion_group!(benches, kernels, whole);
criterion_main!(benches);
