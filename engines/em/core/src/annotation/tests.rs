use super::*;
use proptest::prelude::*;

/// (contig, first, last, strand, locus)
type Row = (usize, i32, i32, u8, usize);

const CONTIGS: [&str; 3] = ["a", "b", "c"];

fn strand(number: u8) -> Strand {
    [Strand::Forward, Strand::Reverse, Strand::None][usize::from(number)]
}

/// Row by row, as Telescope merges: each one with every interval of its locus that it overlaps.
fn one_by_one(rows: &[Row]) -> Vec<(usize, i32, i32, u8, usize)> {
    let mut intervals: Vec<Row> = Vec::new();
    for &(contig, first, last, strand, locus) in rows {
        let mut whole = (contig, first, last, strand, locus);
        intervals.retain(|other| {
            let overlaps = other.0 == contig && other.4 == locus && other.1 <= whole.2 && whole.1 <= other.2;
            if overlaps {
                whole = (contig, whole.1.min(other.1), whole.2.max(other.2), strand, locus);
            }
            !overlaps
        });
        intervals.push(whole);
    }
    intervals
}

proptest! {
    #[test]
    fn rows_are_merged_as_one_by_one(
        rows in prop::collection::vec((0..3_usize, 1..60_i32, 0..9_i32, 0..3_u8, 0..5_usize), 0..60)
    ) {
        let rows: Vec<Row> = rows.into_iter().map(|(c, first, more, s, locus)| (c, first, first + more, s, locus)).collect();
        let mut builder = Builder::default();
        for &(contig, first, last, number, locus) in &rows {
            builder.add(CONTIGS[contig], first, last, strand(number), &format!("L{locus}"));
        }
        let annotation = builder.finish().unwrap();
        let expected = one_by_one(&rows);
        for (number, contig) in CONTIGS.into_iter().enumerate() {
            let own = expected.iter().filter(|row| row.0 == number);
            let mut own: Vec<_> = own.map(|row| (format!("L{}", row.4), row.1, row.2, strand(row.3) as u8)).collect();
            let found = annotation.intervals(contig).iter();
            let mut found: Vec<_> = found
                .map(|it| (annotation.name(it.locus()).to_owned(), it.first, it.last, it.strand() as u8))
                .collect();
            own.sort();
            found.sort();
            prop_assert_eq!(found, own);
        }
        let mut lengths = vec![0; annotation.len()];
        annotation.add_lengths(&mut lengths, |locus| Some(locus as usize));
        for (name, length) in annotation.names().zip(lengths) {
            let own = expected.iter().filter(|row| format!("L{}", row.4) == name);
            prop_assert_eq!(length, own.map(|row| (row.2 - row.1 + 1) as u64).sum::<u64>());
        }
        let mut seen: Vec<String> = Vec::new();
        for row in &rows {
            let name = format!("L{}", row.4);
            if !seen.contains(&name) {
                seen.push(name);
            }
        }
        prop_assert_eq!(annotation.names().map(str::to_owned).collect::<Vec<_>>(), seen);
    }
}

#[test]
fn rows_keep_their_order_over_many_batches() {
    let mut builder = Builder::default();
    let rows = || (0..3_000).map(|at| (CONTIGS[at / 7 % 3], at as i32 * 10 + 1, format!("L{}", at * at % 1_009)));
    let mut names: Vec<String> = Vec::new();
    for (contig, first, name) in rows() {
        builder.add(contig, first, first + 4, Strand::Forward, &name);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let annotation = builder.finish().unwrap();
    assert!(annotation.names().eq(names.iter().map(String::as_str)));
    for contig in CONTIGS {
        let found = annotation.intervals(contig).iter().map(|it| (it.first, annotation.name(it.locus())));
        let mut found: Vec<_> = found.collect();
        found.sort_unstable();
        let own: Vec<_> = rows().filter(|row| row.0 == contig).map(|row| (row.1, row.2)).collect();
        assert!(found.into_iter().eq(own.iter().map(|(first, name)| (*first, name.as_str()))), "{contig}");
    }
}

#[test]
fn what_is_out_of_reach_is_counted() {
    let mut builder = Builder::default();
    for (contig, locus) in [("a", "L1"), ("b", "L1"), ("b", "L2"), ("c", "L3")] {
        builder.add(contig, 1, 5, Strand::None, locus);
    }
    let annotation = builder.finish().unwrap();
    assert_eq!(annotation.missing(["a", "b", "c", "d"]), Missing::default());
    assert_eq!(annotation.missing(["a"]), Missing { contigs: vec!["b", "c"], loci: 2 });
    assert_eq!(annotation.missing(["b"]), Missing { contigs: vec!["a", "c"], loci: 1 });
    assert_eq!(annotation.strandless(), 4);
}
