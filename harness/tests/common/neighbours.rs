//! Other work on the machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// Spins on so many threads until dropped.
pub(crate) struct Neighbours(Arc<AtomicBool>, Vec<JoinHandle<u64>>);

impl Neighbours {
    pub(crate) fn busy(count: usize) -> Neighbours {
        let stop = Arc::new(AtomicBool::new(false));
        let spin = |_| {
            let stop = stop.clone();
            std::thread::spawn(move || {
                let mut sum = 0u64;
                while !stop.load(Ordering::Relaxed) {
                    sum = std::hint::black_box(sum.wrapping_mul(31).wrapping_add(7));
                }
                sum
            })
        };
        let threads = (0..count).map(spin).collect();
        Neighbours(stop, threads)
    }
}

impl Drop for Neighbours {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
        self.1.drain(..).for_each(|thread| drop(thread.join()));
    }
}
