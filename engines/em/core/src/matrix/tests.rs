use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn duplicates_keep_the_largest_score_whatever_the_order(
        entries in prop::collection::vec((0_u32..7, 0_u32..9, prop_oneof![1_u32..40, 65_000_u32..70_000, 1_u32 << 21..1 << 22]), 0..60),
    ) {
        let mut expected: BTreeMap<(u32, u32), u32> = BTreeMap::new();
        for &(row, column, score) in &entries {
            let best = expected.entry((row, column)).or_default();
            *best = score.max(*best);
        }
        let matrix = MatrixBuilder::from_entries(7, 9, &entries).unwrap();
        let found: BTreeMap<_, _> = (0..7)
            .flat_map(|row| matrix.row(row).map(move |(column, score)| ((row as u32, column as u32), score)))
            .collect();
        prop_assert_eq!(&found, &expected);
        prop_assert_eq!(matrix.entries(), expected.len());
        prop_assert_eq!(matrix.max_score(), entries.iter().map(|e| e.2).max().unwrap_or(0));
        let there_and_back = ScoreMatrix::from_sprs(&matrix.to_sprs()).unwrap();
        prop_assert_eq!(there_and_back, matrix);
    }
}

#[test]
fn widths_follow_the_numbers() {
    let wide = MatrixBuilder::from_entries(1, 70_000, &[(0, 69_999, 3)]).unwrap();
    assert!(matches!(wide.layout(), Layout::WideNarrow(_)));
    let entries: Vec<_> = (0..70_000).map(|i| (i, 0, i * 50 + 1)).collect();
    let many = MatrixBuilder::from_entries(70_000, 1, &entries).unwrap();
    assert!(matches!(many.layout(), Layout::NarrowWide(_)));
    assert_eq!(many.row(69_999).next(), Some((0, 69_999 * 50 + 1)));
    let narrow = MatrixBuilder::from_entries(2, 65_536, &[(0, 65_535, 70_000), (1, 0, 4)]).unwrap();
    assert!(matches!(narrow.layout(), Layout::NarrowNarrow(_)));
    assert_eq!(narrow.row(0).next(), Some((65_535, 70_000)));
    assert_eq!((narrow.unique_rows(), narrow.longest_row()), (2, 1));
}
