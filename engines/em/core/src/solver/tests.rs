//! The solvers against each other and against brute force, on random matrices.

use proptest::prelude::*;

use super::*;
use crate::model::Model;
use crate::reassign::{Mode, reassign};
use crate::{MatrixBuilder, Unwatched};

/// Entries of a matrix with families of columns, a giant one among them, some columns empty, many ties.
fn entries() -> impl Strategy<Value = (usize, Vec<(u32, u32, u32)>)> {
    let score = prop_oneof![4 => 90_u32..=100, 1 => 1_u32..90, 1 => 65_530_u32..65_540];
    let row = (0_u32..6, prop::collection::vec((0_u32..5, score), 1..6), prop::bool::weighted(0.2));
    prop::collection::vec(row, 1..120).prop_map(|rows| {
        let mut entries = Vec::new();
        for (row, (family, hits, hub)) in rows.iter().enumerate() {
            // Families 0 to 2 are one giant component; columns 41 and up stay empty.
            let base = if *family < 3 { 1 } else { 1 + family * 6 };
            let width = if *family < 3 { 3 } else { 1 };
            for (at, score) in hits {
                entries.push((row as u32, base + at * width, *score));
            }
            if *hub {
                entries.push((row as u32, 0, hits[0].1));
            }
        }
        (rows.len(), entries)
    })
}

fn options() -> impl Strategy<Value = EmOptions> {
    (prop_oneof![Just(0.0), Just(1.0), Just(200_000.0)], prop_oneof![Just(0.0), Just(10.0)], any::<bool>()).prop_map(
        |(theta_prior, pi_prior, use_likelihood)| EmOptions {
            theta_prior,
            pi_prior,
            use_likelihood,
            trace_likelihood: true,
            max_iterations: 60,
            ..EmOptions::default()
        },
    )
}

/// One EM run, straight from the formulas.
fn brute_force(matrix: &ScoreMatrix, options: &EmOptions, steps: u32) -> (Vec<f64>, Vec<f64>) {
    let max = f64::from(matrix.max_score());
    let rows: Vec<Vec<(usize, f64)>> = (0..matrix.rows())
        .map(|row| matrix.row(row).map(|(column, raw)| (column, (f64::from(raw) / max * 100.0).exp_m1())).collect())
        .collect();
    let k = matrix.features();
    let weight = |row: &[(usize, f64)]| row.iter().map(|entry| entry.1).fold(0.0, f64::max);
    let total: f64 = rows.iter().map(|row| weight(row)).sum();
    let ambiguous: f64 = rows.iter().filter(|row| row.len() > 1).map(|row| weight(row)).sum();
    let largest = rows.iter().map(|row| weight(row)).fold(0.0, f64::max);
    let (p, h) = (options.pi_prior * largest, options.theta_prior * largest);
    let (mut pi, mut theta) = (vec![1.0 / k as f64; k], vec![1.0 / k as f64; k]);
    for _ in 0..steps {
        let (mut own, mut shared) = (vec![0.0; k], vec![0.0; k]);
        for row in &rows {
            if let [(column, q)] = row.as_slice() {
                own[*column] += q;
                continue;
            }
            let n: Vec<f64> = row.iter().map(|(column, q)| q * (pi[*column] * theta[*column])).collect();
            let sum: f64 = n.iter().sum();
            for ((column, _), n) in row.iter().zip(&n) {
                shared[*column] += if sum > 0.0 { weight(row) * n / sum } else { 0.0 };
            }
        }
        for j in 0..k {
            pi[j] = (own[j] + shared[j] + p) / (total + p * k as f64);
            let denominator = ambiguous + h * k as f64;
            theta[j] = if denominator > 0.0 { (shared[j] + h) / denominator } else { 0.0 };
        }
    }
    (pi, theta)
}

fn close(ours: &[f64], theirs: &[f64], tolerance: f64) -> bool {
    // Below 1e-200 the two may underflow at different points.
    ours.iter().zip(theirs).all(|(a, b)| (a - b).abs() <= tolerance * a.abs().max(b.abs()) + 1e-200)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn exact_solvers_give_the_same_bits_and_the_formulas_numbers((rows, entries) in entries(), options in options()) {
        let matrix = MatrixBuilder::from_entries(rows, 45, &entries).unwrap();
        let one = Workers::new(1).unwrap();
        let stock = fit(&matrix, &options, Solver::Stock, &one, &Unwatched).unwrap();
        for solver in [Solver::Fused, Solver::Blocked] {
            let other = fit(&matrix, &options, solver, &one, &Unwatched).unwrap();
            prop_assert_eq!(&other, &stock, "{:?}", solver);
        }
        let (pi, theta) = brute_force(&matrix, &options, stock.iterations);
        prop_assert!(close(&stock.parameters.pi, &pi, 1e-9), "{:?} {:?}", stock.parameters.pi, pi);
        prop_assert!(close(&stock.parameters.theta, &theta, 1e-9), "{:?} {:?}", stock.parameters.theta, theta);
    }

    #[test]
    fn one_component_a_block_gives_stocks_bits((rows, entries) in entries(), options in options()) {
        let matrix = MatrixBuilder::from_entries(rows, 45, &entries).unwrap();
        let model = Model::new(&matrix, &options);
        let product: Vec<f64> = (0..45).map(|j| 1.0 / f64::from(j + 3)).collect();
        let cut = packed::Cut { chunk_entries: usize::MAX, reorder: false, block_entries: 1 };
        let (mut stock, mut blocked) = (vec![0.0; 45], vec![f64::NAN; 45]);
        stock::Stock::new(&model).column_sums(&product, &mut stock, &Unwatched).unwrap();
        let workers = Workers::new(2).unwrap();
        blocked::build_cut(&model, &workers, cut).column_sums(&product, &mut blocked, &Unwatched).unwrap();
        prop_assert_eq!(blocked, stock);
    }

    #[test]
    fn reordered_chunks_give_the_same_bits_for_any_workers((rows, entries) in entries(), options in options()) {
        let matrix = MatrixBuilder::from_entries(rows, 45, &entries).unwrap();
        let model = Model::new(&matrix, &options);
        let product: Vec<f64> = (0..45).map(|j| 1.0 / f64::from(j + 3)).collect();
        let cut = packed::Cut { chunk_entries: 16, reorder: true, block_entries: 16 };
        let mut stock = vec![0.0; 45];
        stock::Stock::new(&model).column_sums(&product, &mut stock, &Unwatched).unwrap();
        let mut first: [Option<Vec<f64>>; 2] = [None, None];
        for count in [1, 2, 3, 8] {
            let workers = Workers::new(count).unwrap();
            let steps = [fused::build_cut(&model, &workers, cut), blocked::build_cut(&model, &workers, cut)];
            for (mut step, first) in steps.into_iter().zip(&mut first) {
                let mut sums = vec![f64::NAN; 45];
                step.column_sums(&product, &mut sums, &Unwatched).unwrap();
                prop_assert!(close(&sums, &stock, 1e-12));
                // A second call finds every block unchanged, and still answers.
                let mut again = vec![f64::NAN; 45];
                step.column_sums(&product, &mut again, &Unwatched).unwrap();
                prop_assert_eq!(&again, &sums);
                prop_assert_eq!(first.get_or_insert_with(|| sums.clone()), &sums);
            }
        }
    }
}

/// A matrix beyond one chunk: rows leave their order.
fn large(rows: u32) -> ScoreMatrix {
    let mut state = 7_u64;
    let mut random = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut builder = MatrixBuilder::new();
    let mut entries = Vec::new();
    for _ in 0..rows {
        entries.clear();
        let family = random(50).min(random(50)) as u32;
        for _ in 0..=random(9) {
            entries.push((1 + family * 20 + random(20) as u32, 250 + random(50) as u32));
        }
        if random(20) == 0 {
            entries.push((0, 240));
        }
        builder.push_row(&mut entries);
    }
    builder.finish(1_001).unwrap()
}

#[test]
fn large_matrices_agree_across_solvers_and_workers() {
    let matrix = large(80_000);
    let options = EmOptions { max_iterations: 12, trace_likelihood: true, ..EmOptions::default() };
    let one = Workers::new(1).unwrap();
    let stock = fit(&matrix, &options, Solver::Stock, &one, &Unwatched).unwrap();
    let model = Model::new(&matrix, &options);
    let stock_counts = reassign(&model, &stock, 0.9, 5, &one, &Unwatched).unwrap();
    for solver in [Solver::Fused, Solver::Blocked] {
        let mut first: Option<EmFit> = None;
        for count in [1, 2, 3, 8] {
            let workers = Workers::new(count).unwrap();
            let found = fit(&matrix, &options, solver, &workers, &Unwatched).unwrap();
            assert_eq!(found.iterations, stock.iterations);
            assert!(close(&found.parameters.pi, &stock.parameters.pi, 1e-12));
            assert!(close(&[found.log_likelihood], &[stock.log_likelihood], 1e-13));
            assert_eq!(first.get_or_insert_with(|| found.clone()), &found, "{solver:?} with {count} workers");
            let counts = reassign(&model, &found, 0.9, 5, &workers, &Unwatched).unwrap();
            for mode in [Mode::Exclude, Mode::Choose, Mode::Unique, Mode::All] {
                assert_eq!(counts.last.mode(mode), stock_counts.last.mode(mode), "{solver:?} {mode:?}");
            }
            assert_eq!(counts.near_ties, 0);
        }
    }
    assert!(packed::Cut::of(&matrix).reorder, "the matrix is too small for this test");
}

#[test]
fn squarem_reaches_the_fixed_point_of_a_long_em_in_fewer_steps() {
    let matrix = large(3_000);
    let workers = Workers::new(2).unwrap();
    let options = EmOptions { epsilon: 1e-12, max_iterations: 5_000, ..EmOptions::default() };
    let em = fit(&matrix, &options, Solver::Fused, &workers, &Unwatched).unwrap();
    let squarem = fit(&matrix, &options, Solver::Squarem, &workers, &Unwatched).unwrap();
    assert!(em.converged && squarem.converged);
    assert!(squarem.iterations * 2 < em.iterations, "{} against {}", squarem.iterations, em.iterations);
    let apart: f64 = em.parameters.pi.iter().zip(&squarem.parameters.pi).map(|(a, b)| (a - b).abs()).sum();
    assert!(apart < 1e-8, "{apart}");
    let weak = EmOptions { theta_prior: 9_999.0, ..options };
    let refused = fit(&matrix, &weak, Solver::Squarem, &workers, &Unwatched).unwrap_err();
    assert!(refused.to_string().contains("theta-prior of at least 10000"), "{refused}");
}

#[test]
fn a_cancelled_run_stops() {
    struct Cancelled;
    impl Monitor for Cancelled {
        fn cancelled(&self) -> bool {
            true
        }
    }
    let matrix = large(500);
    for solver in [Solver::Stock, Solver::Fused, Solver::Blocked, Solver::Squarem] {
        let workers = Workers::new(2).unwrap();
        let stopped = fit(&matrix, &EmOptions::default(), solver, &workers, &Cancelled);
        assert!(matches!(stopped, Err(EmError::Cancelled)), "{solver:?}");
    }
}

#[test]
fn components_leave_the_hub_out() {
    let entries = [(0, 0, 5), (0, 3, 5), (1, 0, 5), (1, 4, 5), (2, 4, 5), (2, 6, 5), (3, 7, 5), (4, 0, 5)];
    let matrix = MatrixBuilder::from_entries(5, 8, &entries).unwrap();
    let components = Components::of(&matrix);
    assert_eq!(components.of_column, [None, None, None, Some(0), Some(1), None, Some(1), None]);
    assert_eq!(components.count, 2);
}

#[test]
fn an_empty_matrix_gives_an_empty_answer() {
    let matrix = MatrixBuilder::from_entries(0, 3, &[]).unwrap();
    let workers = Workers::new(1).unwrap();
    let found = fit(&matrix, &EmOptions::default(), Solver::Fused, &workers, &Unwatched).unwrap();
    assert_eq!((found.iterations, found.converged), (0, true));
    assert_eq!(found.parameters.pi, [0.0; 3]);
}
