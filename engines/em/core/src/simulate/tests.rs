use scaletune_hts::{AlignmentFile, IndexKind, OpenOptions, index_alignments};

use super::*;
use crate::annotation::{GtfOptions, read_gtf};
use crate::load::{InputOrder, LoadOptions, LoadPlan, Loading, load};
use crate::scores::read_table;
use crate::{EmOptions, Solver, Unwatched, Workers, fit};

#[test]
fn a_matrix_survives_its_files_and_is_the_same_each_time() {
    let simulated = simulate_matrix(MatrixShape::preset(Preset::Tiny), 1).unwrap();
    assert_eq!(simulated, simulate_matrix(MatrixShape::preset(Preset::Tiny), 1).unwrap());
    assert_ne!(simulated, simulate_matrix(MatrixShape::preset(Preset::Tiny), 2).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let [scores, features, _] = write_matrix(folder.path(), &simulated).unwrap();
    let again = read_table(&scores, Some(&features), "__no_feature").unwrap();
    assert_eq!(again, simulated.scores);
    assert_eq!(simulated.truth.iter().sum::<u64>(), 1_000);
    // The EM finds most of what was put in.
    let workers = Workers::new(1).unwrap();
    let found = fit(&again.matrix, &EmOptions::default(), Solver::Fused, &workers, &Unwatched).unwrap();
    let apart: f64 =
        found.parameters.pi.iter().zip(&simulated.truth).map(|(pi, truth)| (pi - *truth as f64 / 1_000.0).abs()).sum();
    assert!(apart < 0.8, "{apart}");
}

#[test]
fn alignments_load_alike_in_both_orders_and_in_every_way() {
    let folder = tempfile::tempdir().unwrap();
    let written = write_alignments(folder.path(), AlignmentShape::preset(Preset::Tiny), 3).unwrap();
    let again = tempfile::tempdir().unwrap();
    let twice = write_alignments(again.path(), AlignmentShape::preset(Preset::Tiny), 3).unwrap();
    assert_eq!(std::fs::read(&written.collated).unwrap(), std::fs::read(twice.collated).unwrap());
    index_alignments(&written.sorted, IndexKind::Bai).unwrap();
    let annotation = read_gtf(&written.gtf, &GtfOptions::default(), &Unwatched).unwrap();
    let run = |path: &std::path::Path, loading, workers| {
        let file = AlignmentFile::open(path, &OpenOptions::default()).unwrap();
        let plan = LoadPlan { loading, decoder: scaletune_hts::Decoder::Raw, decode_threads: 0, shared_pool: false };
        let workers = Workers::new(workers).unwrap();
        load(&file, &annotation, &LoadOptions::default(), &plan, &workers, &Unwatched).unwrap()
    };
    let collated = run(&written.collated, Loading::Sequential, 1);
    assert_eq!(collated.order, InputOrder::Collated);
    assert_eq!(collated.scores.run_info.total_fragments, 2_000);
    assert!(collated.scores.matrix.rows() > 300);
    assert_eq!(run(&written.collated, Loading::Parallel, 4), collated);
    let sorted = run(&written.sorted, Loading::Sequential, 1);
    assert_eq!(sorted.order, InputOrder::Sorted);
    assert_eq!(sorted.scores.run_info, collated.scores.run_info);
    for (loading, workers) in
        [(Loading::Parallel, 1), (Loading::Parallel, 4), (Loading::Indexed, 1), (Loading::Indexed, 3)]
    {
        assert_eq!(run(&written.sorted, loading, workers), sorted, "{loading:?} {workers}");
    }
}
