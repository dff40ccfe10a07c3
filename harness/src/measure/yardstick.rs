//! A fixed piece of arithmetic: what the machine gives at the moment.
//!
//! Times that are taken hours apart are compared in units of it, so that a clock that was turned down, or neighbours on
//! the same cores, don't look like a slower engine. It knows nothing of memory and disks.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// Steps of each thread: about 10 ms of a current core in a release build.
const STEPS: u64 = 8_000_000;

/// What the piece took, on each of `threads` threads at once: wall seconds until the last was done, and CPU seconds of
/// one, in the mean.
pub fn yardstick(threads: usize) -> (f64, f64) {
    let threads = threads.max(1);
    let began = Instant::now();
    let cpu_s: f64 = std::thread::scope(|scope| {
        let started: Vec<_> = (0..threads).map(|seed| scope.spawn(move || piece(seed as u64))).collect();
        // A thread of plain arithmetic can't fail.
        started.into_iter().map(|thread| thread.join().unwrap_or(f64::NAN)).sum()
    });
    (began.elapsed().as_secs_f64(), cpu_s / threads as f64)
}

/// CPU seconds of one piece on this thread.
fn piece(seed: u64) -> f64 {
    let began = thread_cpu_s();
    let mut state = black_box(seed + 1);
    for _ in 0..STEPS {
        // xorshift64 (G. Marsaglia, 2003): each step waits for the one before, whatever the compiler does.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
    }
    black_box(state);
    thread_cpu_s() - began
}

fn thread_cpu_s() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_time_on_every_thread() {
        for threads in [0, 1, 2] {
            let (wall_s, cpu_s) = yardstick(threads);
            assert!(wall_s > 0.0 && cpu_s > 0.0 && cpu_s <= wall_s * 1.01, "{wall_s} {cpu_s}");
        }
    }
}
