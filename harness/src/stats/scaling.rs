//! What more threads brought.
//!
//! The denominators are honest: time is compared with one thread of the best serial plan, not with the same plan
//! slowed down to one thread, and efficiency counts every busy thread, those that decompress included.

use serde::{Deserialize, Serialize};

/// What a plan made of its threads.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scaling {
    /// Times as fast as the best one-thread plan.
    pub speedup: f64,
    /// Speedup per busy thread; 1 is perfect.
    pub efficiency: f64,
    /// Karp and Flatt's experimentally determined serial fraction; none for one thread.
    pub serial_fraction: Option<f64>,
}

impl Scaling {
    /// Figures of a plan that took `seconds` on `threads_used` busy threads where the best one-thread plan took
    /// `serial_s`. None where a time or the number of threads is not positive.
    pub fn new(serial_s: f64, seconds: f64, threads_used: i64) -> Option<Scaling> {
        let speedup = speedup(serial_s, seconds)?;
        let efficiency = efficiency(speedup, threads_used)?;
        Some(Scaling { speedup, efficiency, serial_fraction: karp_flatt(speedup, threads_used) })
    }
}

/// Times as fast as the best one-thread plan. None where a time is not positive.
pub fn speedup(serial_s: f64, seconds: f64) -> Option<f64> {
    let sound = serial_s > 0.0 && seconds > 0.0 && serial_s.is_finite() && seconds.is_finite();
    sound.then(|| serial_s / seconds)
}

/// Speedup per busy thread. None without a thread.
pub fn efficiency(speedup: f64, threads_used: i64) -> Option<f64> {
    (threads_used > 0).then(|| speedup / threads_used as f64)
}

/// The serial fraction that explains this speedup by Amdahl's law: `(1/S - 1/p) / (1 - 1/p)`; none for one thread.
///
/// Negative where the speedup is more than linear. A fraction that grows with the threads says that overhead grows, not
/// that the program is serial (A. H. Karp and H. P. Flatt, "Measuring parallel processor performance", CACM 33(5), 1990).
pub fn karp_flatt(speedup: f64, threads_used: i64) -> Option<f64> {
    let share = 1.0 / threads_used as f64;
    (threads_used > 1 && speedup > 0.0).then(|| (1.0 / speedup - share) / (1.0 - share))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_values() {
        let perfect = Scaling::new(8.0, 2.0, 4).unwrap();
        assert_eq!(perfect, Scaling { speedup: 4.0, efficiency: 1.0, serial_fraction: Some(0.0) });
        let useless = Scaling::new(8.0, 8.0, 4).unwrap();
        assert_eq!(useless, Scaling { speedup: 1.0, efficiency: 0.25, serial_fraction: Some(1.0) });
        assert_eq!(Scaling::new(8.0, 8.0, 1).unwrap().serial_fraction, None);
        assert_eq!(Scaling::new(0.0, 8.0, 1), None);
        assert_eq!(Scaling::new(8.0, 8.0, 0), None);
        assert_eq!(Scaling::new(f64::INFINITY, 8.0, 1), None);
    }

    proptest! {
        #[test]
        fn karp_flatt_turns_amdahl_around(serial in 0.0..1.0f64, threads in 2..1000i64) {
            let speedup = 1.0 / (serial + (1.0 - serial) / threads as f64);
            prop_assert!((karp_flatt(speedup, threads).unwrap() - serial).abs() < 1e-9);
        }
    }
}
