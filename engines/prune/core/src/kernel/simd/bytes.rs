//! Bytes to bits, with what every processor of the kind has.

/// The lowest bit of each byte, the first byte's lowest.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(crate) fn low_bits(bytes: &[u8; 64]) -> u64 {
    use std::arch::x86_64::{_mm_loadu_si128, _mm_movemask_epi8, _mm_slli_epi16};
    let quarter = |bytes: &[u8; 16]| {
        // SAFETY: every processor of this kind has SSE2; the 16 bytes are there, and need not be aligned.
        unsafe { _mm_movemask_epi8(_mm_slli_epi16::<7>(_mm_loadu_si128(bytes.as_ptr().cast()))) as u16 }
    };
    let quarters = bytes.as_chunks::<16>().0.iter().enumerate();
    quarters.fold(0, |bits, (place, bytes)| bits | u64::from(quarter(bytes)) << (16 * place))
}

/// The lowest bit of each byte, the first byte's lowest.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn low_bits(bytes: &[u8; 64]) -> u64 {
    plain(bytes)
}

#[cfg(any(test, not(target_arch = "x86_64")))]
fn plain(bytes: &[u8; 64]) -> u64 {
    /// The lowest bit of each byte.
    const ONES: u64 = 0x0101_0101_0101_0101;
    /// Brings the lowest bits of eight bytes together in the highest one, the first byte lowest.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let eight = |bytes: &[u8; 8]| (u64::from_le_bytes(*bytes) & ONES).wrapping_mul(GATHER) >> 56;
    let eights = bytes.as_chunks::<8>().0.iter().enumerate();
    eights.fold(0, |bits, (place, bytes)| bits | eight(bytes) << (8 * place))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bits_stand_where_their_bytes_do(bytes in prop::collection::vec(any::<u8>(), 64)) {
            let bytes: [u8; 64] = bytes.try_into().unwrap();
            let expected = (0..64).fold(0, |bits, place| bits | u64::from(bytes[place] & 1) << place);
            prop_assert_eq!(low_bits(&bytes), expected);
            prop_assert_eq!(plain(&bytes), expected);
        }
    }
}
