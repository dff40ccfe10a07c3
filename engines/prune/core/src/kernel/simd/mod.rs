//! Vectors of doubles, the same code for three instruction sets chosen at run time.
//!
//! Methods are `unsafe` because the processor must have the instruction set. They are inlined into functions
//! that enable it (see [`super::lanes`]), which is what makes them instructions instead of calls.
#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod bytes;
mod portable;

#[cfg(target_arch = "x86_64")]
pub(crate) use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) use avx512::Avx512;
pub(crate) use bytes::low_bits;
pub(crate) use portable::Portable;

use super::program::Table;

/// Defines `fn NAME(set, arguments)`, which runs a generic function compiled for that instruction set with so many
/// vectors a block.
///
/// The function is `unsafe`: the processor must have the set, and the arguments be what the generic one asks for.
macro_rules! for_every_set {
    (fn $name:ident($($argument:ident: $type:ty),* $(,)?) $(-> $output:ty)?
     = $generic:ident[$avx512:literal, $avx2:literal, $portable:literal]) => {
        unsafe fn $name(set: $crate::kernel::simd::InstructionSet, $($argument: $type),*) $(-> $output)? {
            use $crate::kernel::simd::InstructionSet;
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx2,fma")]
            unsafe fn avx512($($argument: $type),*) $(-> $output)? {
                // SAFETY: passed on.
                unsafe { $generic::<$crate::kernel::simd::Avx512, $avx512>($($argument),*) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            unsafe fn avx2($($argument: $type),*) $(-> $output)? {
                // SAFETY: passed on.
                unsafe { $generic::<$crate::kernel::simd::Avx2, $avx2>($($argument),*) }
            }
            // SAFETY: passed on.
            unsafe {
                match set {
                    #[cfg(target_arch = "x86_64")]
                    InstructionSet::Avx512 => avx512($($argument),*),
                    #[cfg(target_arch = "x86_64")]
                    InstructionSet::Avx2 => avx2($($argument),*),
                    _ => $generic::<$crate::kernel::simd::Portable, $portable>($($argument),*),
                }
            }
        }
    };
}
pub(crate) use for_every_set;

/// 2^(i / 16).
const SIXTEENTHS: [f64; 16] = [
    1.0,
    1.0442737824274138,
    1.0905077326652577,
    1.1387886347566916,
    1.189207115002721,
    1.241857812073484,
    1.2968395546510096,
    1.3542555469368927,
    std::f64::consts::SQRT_2,
    1.4768261459394993,
    1.5422108254079407,
    1.6104903319492543,
    1.681792830507429,
    1.7562521603732995,
    1.8340080864093424,
    1.9152065613971474,
];

/// Doubles in memory of vectors: no vector lies across two lines of the cache, which would take twice the time.
#[repr(C, align(64))]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line([f64; 8]);

impl Line {
    /// Room for at least so many doubles; those that are new are 0.
    pub(crate) fn make_room(lines: &mut Vec<Self>, doubles: usize) {
        lines.resize(doubles.div_ceil(8), Self([0.0; 8]));
    }

    /// All of them, one after the other.
    pub(crate) fn doubles(lines: &[Self]) -> &[f64] {
        // SAFETY: a line is eight doubles and nothing else.
        unsafe { std::slice::from_raw_parts(lines.as_ptr().cast(), lines.len() * 8) }
    }

    /// As [`Self::doubles`].
    pub(crate) fn doubles_mut(lines: &mut [Self]) -> &mut [f64] {
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts_mut(lines.as_mut_ptr().cast(), lines.len() * 8) }
    }
}

/// An instruction set that the lanes can be compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstructionSet {
    /// Eight families a vector.
    Avx512,
    /// Four families a vector, with fused multiply-add.
    Avx2,
    /// Plain Rust.
    Portable,
}

impl InstructionSet {
    /// What this processor can do, the fastest first.
    pub fn available() -> Vec<Self> {
        let mut sets = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("fma")
            {
                sets.push(Self::Avx512);
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                sets.push(Self::Avx2);
            }
        }
        sets.push(Self::Portable);
        sets
    }

    /// Its usual name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Avx512 => "avx512",
            Self::Avx2 => "avx2",
            Self::Portable => "portable",
        }
    }
}

/// Operations on vectors of [`Self::WIDTH`] doubles.
///
/// # Safety
/// Every method needs the instruction set of its implementation.
pub(crate) trait Simd {
    type V: Copy;
    type Mask: Copy;
    const WIDTH: usize;

    unsafe fn splat(x: f64) -> Self::V;
    /// Reads [`Self::WIDTH`] doubles.
    unsafe fn load(from: *const f64) -> Self::V;
    /// Writes [`Self::WIDTH`] doubles.
    unsafe fn store(to: *mut f64, x: Self::V);
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn div(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V;
    /// `a * b + c`, fused where the instruction set can.
    unsafe fn mul_add(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `c - a * b`, fused where the instruction set can.
    unsafe fn neg_mul_add(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// Bits of vector number `vector` of a row of bits.
    unsafe fn mask(row: *const u8, vector: usize) -> Self::Mask;
    /// A mask from its low bits.
    unsafe fn mask_from(bits: u8) -> Self::Mask;
    /// `b` where the mask is set, else `a`.
    unsafe fn select(mask: Self::Mask, a: Self::V, b: Self::V) -> Self::V;
    /// Where `a < b`, as bits.
    unsafe fn less(a: Self::V, b: Self::V) -> u8;
    /// Entries of a table for vector number `vector` of a row of codes.
    unsafe fn look_up(table: &Table, codes: *const u8, vector: usize) -> [Self::V; 2];
    /// Lanes of even number of both, in turn, and those of odd number: from two vectors of states to two of pairs, and
    /// back.
    unsafe fn zip(pair: [Self::V; 2]) -> [Self::V; 2];
    /// Copies a pair of doubles from each of two places to one, which has room for both.
    unsafe fn copy_pairs(a: *const f64, b: *const f64, to: *mut f64);
    /// Exponent and mantissa in [0.75, 1.5) of positive normal numbers.
    unsafe fn split(x: Self::V) -> (Self::V, Self::V);
    /// 2^(n / 16) for whole n from -16,368 to 0.
    unsafe fn sixteenth_power(n: Self::V) -> Self::V;
    /// The nearest whole number, for sizes below 2^51.
    unsafe fn round(x: Self::V) -> Self::V;
}

/// Natural logarithm of `x * 2^(-256 * steps)`, for normal `x`; 1 to 2 units in the last place.
///
/// With `m` in [0.75, 1.5) and `s = (m - 1) / (m + 1)`: `ln m = 2 artanh s`, by its series.
///
/// # Safety
/// The processor must have the instruction set of `S`.
#[inline(always)]
pub(crate) unsafe fn ln<S: Simd>(x: S::V, steps: S::V) -> S::V {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        let (exponent, m) = S::split(x);
        let exponent = S::neg_mul_add(S::splat(256.0), steps, exponent);
        let one = S::splat(1.0);
        let s = S::div(S::sub(m, one), S::add(m, one));
        let square = S::mul(s, s);
        let fourth = S::mul(square, square);
        // |s| <= 0.2: the first term left out is 0.2^24 / 25 of the result.
        let term = |k: f64| S::splat(2.0 / (2.0 * k + 1.0));
        let mut even = term(10.0);
        let mut odd = term(11.0);
        for k in [8.0, 6.0, 4.0, 2.0] {
            even = S::mul_add(even, fourth, term(k));
            odd = S::mul_add(odd, fourth, term(k + 1.0));
        }
        odd = S::mul_add(odd, fourth, term(1.0));
        let tail = S::mul_add(S::mul(even, square), square, S::mul(odd, square));
        let mantissa_ln = S::mul_add(tail, s, S::add(s, s));
        // ln 2 in two parts: the first has so few bits that its product with the exponent is exact.
        let low = S::mul_add(exponent, S::splat(1.908_214_929_270_587_7e-10), mantissa_ln);
        S::mul_add(exponent, S::splat(6.931_471_803_691_238e-1), low)
    }
}

/// `1 - exp(x)` and `exp(x)` for `x` from -708 to 0 (smaller ones count as -708), relative error of the
/// first 2^-51, of the second `(2 + |x|) * 2^-52`.
///
/// `exp(x) = 2^(n/16) exp(r)` with `|r| <= ln 2 / 32`.
///
/// # Safety
/// The processor must have the instruction set of `S`.
#[inline(always)]
pub(crate) unsafe fn decay<S: Simd>(x: S::V) -> (S::V, S::V) {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        let x = S::max(x, S::splat(-708.0));
        let n = S::round(S::mul(x, S::splat(16.0 * std::f64::consts::LOG2_E)));
        // n is 0 near 0; elsewhere the rounding of ln 2 / 16 costs |x| units in the last place of exp(x).
        let r = S::neg_mul_add(n, S::splat(std::f64::consts::LN_2 / 16.0), x);
        let square = S::mul(r, r);
        // expm1(r) = r + r^2 (1/2 + r/6 + ... + r^5/5040)
        let low = S::mul_add(r, S::splat(1.0 / 6.0), S::splat(0.5));
        let middle = S::mul_add(r, S::splat(1.0 / 120.0), S::splat(1.0 / 24.0));
        let high = S::mul_add(r, S::splat(1.0 / 5040.0), S::splat(1.0 / 720.0));
        let tail = S::mul_add(S::mul_add(high, square, middle), square, low);
        let expm1 = S::mul_add(tail, square, r);
        let power = S::sixteenth_power(n);
        let changed = S::neg_mul_add(power, expm1, S::sub(S::splat(1.0), power));
        (changed, S::mul_add(power, expm1, power))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    unsafe fn lanes_of<S: Simd>(f: impl Fn(S::V) -> (S::V, S::V), inputs: &[f64]) -> Vec<(f64, f64)> {
        let mut results = Vec::new();
        for chunk in inputs.chunks(S::WIDTH) {
            let mut from = [chunk[0]; 8];
            from[..chunk.len()].copy_from_slice(chunk);
            let (mut a, mut b) = ([0.0; 8], [0.0; 8]);
            // SAFETY: arrays of 8 hold any vector; the caller vouches for the instruction set.
            unsafe {
                let (x, y) = f(S::load(from.as_ptr()));
                S::store(a.as_mut_ptr(), x);
                S::store(b.as_mut_ptr(), y);
            }
            results.extend(a.into_iter().zip(b).take(chunk.len()));
        }
        results
    }

    unsafe fn check<S: Simd>() {
        let exponents: Vec<f64> = (-1400..1).map(|i| -(1.03f64.powi(i)) * 700.0).chain([0.0, -0.0, -1e-300]).collect();
        // SAFETY: the caller vouches for the instruction set.
        let found = unsafe { lanes_of::<S>(|x| decay::<S>(x), &exponents) };
        for (&x, (changed, kept)) in exponents.iter().zip(found) {
            let (c, k) = (-x.exp_m1(), x.exp());
            assert!((changed - c).abs() <= 4e-15 * c, "1 - exp({x}): {changed:e} {c:e}");
            assert!((kept - k).abs() <= 4e-16 * (2.0 - x) * k, "exp({x}): {kept:e} {k:e}");
        }
        let numbers: Vec<f64> =
            (-3000..3001).map(|i| 1.15f64.powi(i)).chain((1..4000).map(|i| f64::from(i) / 1999.5)).collect();
        // SAFETY: the caller vouches for the instruction set.
        let found = unsafe { lanes_of::<S>(|x| (ln::<S>(x, S::splat(0.0)), ln::<S>(x, S::splat(3.0))), &numbers) };
        for (&x, (plain, scaled)) in numbers.iter().zip(found) {
            let expected = x.ln();
            assert!((plain - expected).abs() <= 5e-16 * expected.abs(), "ln {x:e}: {plain:e} {expected:e}");
            let expected = expected - 768.0 * std::f64::consts::LN_2;
            assert!((scaled - expected).abs() <= 5e-16 * expected.abs().max(500.0), "ln {x:e}, scaled");
        }
    }

    #[test]
    fn logarithms_and_exponentials_keep_their_digits() {
        for set in InstructionSet::available() {
            // SAFETY: the set is available.
            unsafe {
                match set {
                    #[cfg(target_arch = "x86_64")]
                    InstructionSet::Avx512 => check::<Avx512>(),
                    #[cfg(target_arch = "x86_64")]
                    InstructionSet::Avx2 => check::<Avx2>(),
                    _ => check::<Portable>(),
                }
            }
        }
    }
}
