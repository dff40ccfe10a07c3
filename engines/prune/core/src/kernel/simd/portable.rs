//! Four doubles a vector in plain Rust, for processors without AVX2; no fused multiply-add, which would be a call.

// The only unsafe operations are reads and writes that the caller vouches for.
#![allow(clippy::undocumented_unsafe_blocks)]

use super::{SIXTEENTHS, Simd};
use crate::kernel::program::Table;

pub(crate) struct Portable;

type Four = [f64; 4];

#[inline(always)]
fn each(f: impl Fn(usize) -> f64) -> Four {
    std::array::from_fn(f)
}

impl Simd for Portable {
    type V = Four;
    type Mask = u8;
    const WIDTH: usize = 4;

    #[inline(always)]
    unsafe fn splat(x: f64) -> Four {
        [x; 4]
    }
    #[inline(always)]
    unsafe fn load(from: *const f64) -> Four {
        unsafe { from.cast::<Four>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f64, x: Four) {
        unsafe { to.cast::<Four>().write_unaligned(x) }
    }
    #[inline(always)]
    unsafe fn add(a: Four, b: Four) -> Four {
        each(|i| a[i] + b[i])
    }
    #[inline(always)]
    unsafe fn sub(a: Four, b: Four) -> Four {
        each(|i| a[i] - b[i])
    }
    #[inline(always)]
    unsafe fn mul(a: Four, b: Four) -> Four {
        each(|i| a[i] * b[i])
    }
    #[inline(always)]
    unsafe fn div(a: Four, b: Four) -> Four {
        each(|i| a[i] / b[i])
    }
    #[inline(always)]
    unsafe fn max(a: Four, b: Four) -> Four {
        each(|i| if a[i] > b[i] { a[i] } else { b[i] })
    }
    #[inline(always)]
    unsafe fn mul_add(a: Four, b: Four, c: Four) -> Four {
        each(|i| a[i] * b[i] + c[i])
    }
    #[inline(always)]
    unsafe fn neg_mul_add(a: Four, b: Four, c: Four) -> Four {
        each(|i| c[i] - a[i] * b[i])
    }
    #[inline(always)]
    unsafe fn mask(row: *const u8, vector: usize) -> u8 {
        unsafe { *row.add(vector / 2) >> (4 * (vector % 2)) }
    }
    #[inline(always)]
    unsafe fn mask_from(bits: u8) -> u8 {
        bits
    }
    #[inline(always)]
    unsafe fn select(mask: u8, a: Four, b: Four) -> Four {
        each(|i| if mask >> i & 1 == 1 { b[i] } else { a[i] })
    }
    #[inline(always)]
    unsafe fn less(a: Four, b: Four) -> u8 {
        (0..4).fold(0, |bits, i| bits | u8::from(a[i] < b[i]) << i)
    }
    #[inline(always)]
    unsafe fn look_up(table: &Table, codes: *const u8, vector: usize) -> [Four; 2] {
        let four = u16::from_le_bytes(unsafe { codes.add(vector * 2).cast::<[u8; 2]>().read() });
        table.0.each_ref().map(|half| each(|i| half[usize::from(four >> (4 * i) & 15)]))
    }
    #[inline(always)]
    unsafe fn zip([a, b]: [Four; 2]) -> [Four; 2] {
        [[a[0], b[0], a[2], b[2]], [a[1], b[1], a[3], b[3]]]
    }
    #[inline(always)]
    unsafe fn copy_pairs(a: *const f64, b: *const f64, to: *mut f64) {
        unsafe {
            to.copy_from_nonoverlapping(a, 2);
            to.add(2).copy_from_nonoverlapping(b, 2);
        }
    }
    #[inline(always)]
    unsafe fn split(x: Four) -> (Four, Four) {
        let field = |i: usize| (x[i].to_bits() + 0x0008_0000_0000_0000) >> 52;
        let exponent = each(|i| field(i) as f64 - 1023.0);
        let mantissa = each(|i| f64::from_bits(x[i].to_bits().wrapping_sub(field(i).wrapping_sub(1023) << 52)));
        (exponent, mantissa)
    }
    #[inline(always)]
    unsafe fn sixteenth_power(n: Four) -> Four {
        each(|i| {
            let n = n[i] as i64;
            let fraction = SIXTEENTHS[(n & 15) as usize];
            f64::from_bits((fraction.to_bits() as i64 + ((n >> 4) << 52)) as u64)
        })
    }
    #[inline(always)]
    unsafe fn round(x: Four) -> Four {
        const MAGIC: f64 = 6_755_399_441_055_744.0;
        each(|i| (x[i] + MAGIC) - MAGIC)
    }
}
