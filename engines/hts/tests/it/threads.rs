//! Decompression on other threads changes no record.

use std::{sync::Arc, thread};

use scaletune_hts::{Decode, Decoder, Error, Fields, Pool, Reader, ReaderPlan};

use crate::common::{Seen, open, reader, small_file, walk};

#[test]
fn a_pool_shared_by_readers_on_several_threads_gives_identical_records() {
    let (_folder, path) = small_file(4000);
    let file = open(&path).unwrap();
    let expected = walk(&mut reader(&file, Decoder::Raw, Decode::Inline), &file.whole_file()).unwrap();
    let placed = expected.len() - 5;
    for round in 0..6 {
        let pool = Pool::new(1 + round % 3).unwrap();
        let units = file.planner().unwrap().by_bytes(12);
        let found: Vec<Vec<Seen>> = thread::scope(|scope| {
            let workers: Vec<_> = (0..3)
                .map(|worker| {
                    let (file, units, pool) = (&file, &units, Arc::clone(&pool));
                    scope.spawn(move || {
                        let mut reader = reader(file, Decoder::Htslib, Decode::SharedPool(pool));
                        let own = units.iter().enumerate().filter(|(number, _)| number % 3 == worker);
                        own.map(|(number, unit)| (number, walk(&mut reader, unit).unwrap())).collect::<Vec<_>>()
                    })
                })
                .collect();
            // Every worker's reader is gone; ours is the last owner of the pool.
            let mut all: Vec<_> = workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect();
            all.sort_by_key(|(number, _)| *number);
            all.into_iter().map(|(_, found)| found).collect()
        });
        assert_eq!(Arc::strong_count(&pool), 1);
        assert_eq!(found.concat(), expected[..placed]);
    }
}

#[test]
fn threads_of_a_readers_own_give_identical_records_on_every_walk() {
    let (_folder, path) = small_file(4000);
    let file = open(&path).unwrap();
    let expected = walk(&mut reader(&file, Decoder::Raw, Decode::Inline), &file.whole_file()).unwrap();
    for threads in [1, 2, 4] {
        let mut reader = reader(&file, Decoder::Htslib, Decode::PerReader(threads));
        for _ in 0..3 {
            assert_eq!(walk(&mut reader, &file.whole_file()).unwrap(), expected);
        }
        let units = file.planner().unwrap().by_bytes(7);
        let found: Vec<_> = units.iter().flat_map(|unit| walk(&mut reader, unit).unwrap()).collect();
        assert_eq!(found, expected[..expected.len() - 5]);
    }
}

#[test]
fn a_pool_outlives_the_caller_of_its_readers() {
    let (_folder, path) = small_file(500);
    let file = open(&path).unwrap();
    let pool = Pool::new(2).unwrap();
    assert_eq!(pool.threads(), 2);
    let mut reader = reader(&file, Decoder::Htslib, Decode::SharedPool(pool));
    // The caller's handle is gone; the reader's own keeps the pool.
    assert_eq!(walk(&mut reader, &file.whole_file()).unwrap().len(), 505);
}

#[test]
fn a_reader_dropped_in_the_middle_of_a_walk_leaves_the_pool_usable() {
    let (_folder, path) = small_file(4000);
    let file = open(&path).unwrap();
    let pool = Pool::new(2).unwrap();
    for _ in 0..20 {
        let mut reader = reader(&file, Decoder::Htslib, Decode::SharedPool(Arc::clone(&pool)));
        let mut stop = StopAt(100);
        assert!(matches!(reader.walk(&file.whole_file(), &mut stop), Err(Stopped::Early)));
    }
    let mut reader = reader(&file, Decoder::Htslib, Decode::SharedPool(pool));
    assert_eq!(walk(&mut reader, &file.whole_file()).unwrap().len(), 4005);
}

struct StopAt(usize);

#[derive(Debug)]
enum Stopped {
    Early,
    Failed,
}

impl From<Error> for Stopped {
    fn from(_: Error) -> Self {
        Stopped::Failed
    }
}

impl scaletune_hts::Visitor for StopAt {
    type Error = Stopped;

    fn record<A: scaletune_hts::Alignment>(&mut self, _: &A) -> Result<(), Stopped> {
        self.0 -= 1;
        if self.0 == 0 { Err(Stopped::Early) } else { Ok(()) }
    }
}

#[test]
fn threads_are_settled_when_a_reader_is_made() {
    // htslib loses records when threads are set twice, so there is no call for it: the plan is all there is, and a reader made
    // from one with threads is read here from beginning to end many times without a record lost.
    let (_folder, path) = small_file(6000);
    let file = open(&path).unwrap();
    for _ in 0..10 {
        let plan = ReaderPlan { decoder: Decoder::Htslib, decode: Decode::PerReader(2), fields: Fields::ALL };
        let mut reader = Reader::open(&file, &plan).unwrap();
        assert_eq!(walk(&mut reader, &file.whole_file()).unwrap().len(), 6005);
    }
}

#[test]
fn plans_that_a_reader_does_not_support_are_refused_in_words() {
    let (_folder, path) = small_file(10);
    let file = open(&path).unwrap();
    let refused = |decoder, decode| match Reader::open(&file, &ReaderPlan { decoder, decode, fields: Fields::ALL }) {
        Ok(_) => panic!("a plan that can't be done was taken"),
        Err(error) => error.to_string(),
    };
    assert!(refused(Decoder::Raw, Decode::PerReader(1)).contains("use decode=inline, or the reader 'htslib'"));
    let pool = Pool::new(1).unwrap();
    assert!(
        refused(Decoder::Noodles, Decode::SharedPool(pool)).contains("the reader 'noodles' decompresses inline only")
    );
    assert!(refused(Decoder::Htslib, Decode::PerReader(0)).contains("0 threads asked for; give 1 to"));
    assert!(Pool::new(0).unwrap_err().to_string().contains("0 threads asked for"));
}
