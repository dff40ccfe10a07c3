//! The Mersenne Twister as NumPy's legacy generator uses it: `np.random.seed(seed)` and `np.random.choice(n)`.
//! Source: Matsumoto and Nishimura 1998, doi:10.1145/272991.272995.

const LENGTH: usize = 624;
const OFFSET: usize = 397;
const UPPER: u32 = 0x8000_0000;
const TWIST: u32 = 0x9908_B0DF;

/// A stream of random numbers. A clone goes on from the same place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mt19937 {
    state: [u32; LENGTH],
    next: usize,
}

impl Mt19937 {
    /// `init_genrand(seed)`.
    pub fn new(seed: u32) -> Self {
        let mut state = [seed; LENGTH];
        for at in 1..LENGTH {
            let before = state[at - 1];
            state[at] = (before ^ (before >> 30)).wrapping_mul(1_812_433_253).wrapping_add(at as u32);
        }
        Self { state, next: LENGTH }
    }

    /// The next 32 random bits.
    pub fn next_u32(&mut self) -> u32 {
        if self.next == LENGTH {
            self.refill();
        }
        let mut bits = self.state[self.next];
        self.next += 1;
        bits ^= bits >> 11;
        bits ^= (bits << 7) & 0x9D2C_5680;
        bits ^= (bits << 15) & 0xEFC6_0000;
        bits ^ (bits >> 18)
    }

    fn refill(&mut self) {
        for at in 0..LENGTH {
            let bits = (self.state[at] & UPPER) | (self.state[(at + 1) % LENGTH] & !UPPER);
            let twist = if bits & 1 == 1 { TWIST } else { 0 };
            self.state[at] = self.state[(at + OFFSET) % LENGTH] ^ (bits >> 1) ^ twist;
        }
        self.next = 0;
    }

    /// A number below `count`, each equally likely, by masked rejection. Draws nothing where there is no choice.
    ///
    /// # Panics
    /// If `count` is 0.
    pub fn choice(&mut self, count: u32) -> u32 {
        assert!(count > 0, "nothing to choose from");
        let most = count - 1;
        if most == 0 {
            return 0;
        }
        let mask = u32::MAX >> most.leading_zeros();
        loop {
            let drawn = self.next_u32() & mask;
            if drawn <= most {
                return drawn;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Mt19937;

    /// The reference implementation's published output for `init_genrand(5489)`, its default seed.
    #[test]
    fn gives_the_reference_stream() {
        let mut stream = Mt19937::new(5489);
        assert_eq!(stream.next_u32(), 3_499_211_612);
        // The 10,000th number that std::mt19937 must give (C++ standard, [rand.predef]).
        let last = (1..10_000).map(|_| stream.next_u32()).last();
        assert_eq!(last, Some(4_123_659_995));
    }

    /// `np.random.seed(12345); [np.random.choice(n) for n in ...]`, NumPy 2.4.
    #[test]
    fn chooses_as_numpy_does() {
        let mut stream = Mt19937::new(12_345);
        let drawn: Vec<u32> = [2, 3, 5, 7, 1, 100, 2, 2, 33, 64, 65].map(|count| stream.choice(count)).to_vec();
        assert_eq!(drawn, CHOICES);
    }

    const CHOICES: [u32; 11] = [0, 1, 1, 4, 0, 41, 0, 0, 29, 1, 59];
}
