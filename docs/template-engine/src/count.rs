//! The work: plain Rust that could be used without scaletune.

use std::sync::atomic::{AtomicUsize, Ordering};

/// A sequence of a FASTA file.
pub struct Sequence {
    /// The first word behind `>`.
    pub name: String,
    /// Its letters, line breaks left out.
    pub letters: Vec<u8>,
}

/// What was counted in a sequence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All letters.
    pub letters: u64,
    /// G and C.
    pub gc: u64,
}

/// How letters are told apart: the answer is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Table,
    Compare,
}

/// Reads a FASTA file.
///
/// # Errors
/// The place and what is wrong there.
pub fn parse(bytes: &[u8]) -> Result<Vec<Sequence>, String> {
    let mut sequences: Vec<Sequence> = Vec::new();
    for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if let Some(header) = line.strip_prefix(b">") {
            let name = String::from_utf8_lossy(header).split_whitespace().next().unwrap_or_default().to_string();
            if name.is_empty() {
                return Err(format!("line {}: a sequence without a name", number + 1));
            }
            sequences.push(Sequence { name, letters: Vec::new() });
        } else if let Some(sequence) = sequences.last_mut() {
            sequence.letters.extend_from_slice(line);
        } else if !line.is_empty() {
            return Err(format!("line {}: letters before the first `>`; is this a FASTA file?", number + 1));
        }
    }
    Ok(sequences)
}

/// Counts all sequences with `workers` threads; `go_on(done, total)` is asked before each sequence. The result is in the
/// order of the sequences, whoever counted them.
pub fn all(
    sequences: &[Sequence],
    fold_case: bool,
    method: Method,
    workers: usize,
    go_on: &(dyn Fn(usize, usize) -> bool + Sync),
) -> Vec<Counts> {
    let next = AtomicUsize::new(0);
    // Each worker takes the next sequence until none is left: long ones do not hold up the rest.
    let work = || {
        let mut own = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= sequences.len() || !go_on(index, sequences.len()) {
                return own;
            }
            own.push((index, one(&sequences[index].letters, fold_case, method)));
        }
    };
    let mut counts = vec![Counts::default(); sequences.len()];
    std::thread::scope(|scope| {
        // Threads of the engine's own, as many as the plan says, joined here.
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            for (index, found) in worker.join().expect("counting does not panic") {
                counts[index] = found;
            }
        }
    });
    counts
}

fn one(letters: &[u8], fold_case: bool, method: Method) -> Counts {
    let gc = match method {
        Method::Table => {
            let mut counts = [0u64; 256];
            letters.iter().for_each(|letter| counts[usize::from(*letter)] += 1);
            let of = |wanted: &[u8]| wanted.iter().map(|letter| counts[usize::from(*letter)]).sum::<u64>();
            of(b"GC") + if fold_case { of(b"gc") } else { 0 }
        }
        Method::Compare => {
            let counts = |letter: &&u8| {
                let letter = if fold_case { letter.to_ascii_uppercase() } else { **letter };
                letter == b'G' || letter == b'C'
            };
            letters.iter().filter(counts).count() as u64
        }
    };
    Counts { letters: letters.len() as u64, gc }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_and_workers_agree() {
        let sequences = parse(b">a x\nACGT\nGG\n>b\n\n>c\nnnccgg\n").unwrap();
        let expected = [(6, 4, 4), (0, 0, 0), (6, 0, 4)];
        for method in [Method::Table, Method::Compare] {
            for workers in [1, 2, 5] {
                for fold_case in [false, true] {
                    let found = all(&sequences, fold_case, method, workers, &|_, _| true);
                    let wanted = expected.map(|(letters, upper, both)| Counts {
                        letters,
                        gc: if fold_case { both } else { upper },
                    });
                    assert_eq!(found, wanted, "{method:?} {workers} {fold_case}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_fasta_is_named() {
        assert!(parse(b"ACGT\n").is_err_and(|fault| fault.contains("line 1")));
        assert!(parse(b">a\nA\n> \n").is_err_and(|fault| fault.contains("line 3")));
    }
}
