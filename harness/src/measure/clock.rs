//! Seconds that only go forward.

use std::time::Instant;

/// A clock that only goes forward. Schedules are written against it, so that tests can run them without waiting.
pub trait Clock {
    /// Seconds since some moment that stays the same.
    fn now_s(&self) -> f64;
}

/// The system's monotonic clock, from when this was made.
#[derive(Clone, Copy, Debug)]
pub struct Monotonic(Instant);

impl Monotonic {
    /// A clock that starts at 0 now.
    pub fn start() -> Monotonic {
        Monotonic(Instant::now())
    }
}

impl Clock for Monotonic {
    fn now_s(&self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}
