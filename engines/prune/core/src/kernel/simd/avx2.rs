//! Four doubles a vector with AVX2 and FMA.

// Every block below calls intrinsics of AVX2 and FMA and reads memory that the caller vouches for.
#![allow(clippy::undocumented_unsafe_blocks)]

use std::arch::x86_64::*;

use super::{SIXTEENTHS, Simd};
use crate::kernel::program::Table;

pub(crate) struct Avx2;

impl Simd for Avx2 {
    type V = __m256d;
    type Mask = __m256d;
    const WIDTH: usize = 4;

    #[inline(always)]
    unsafe fn splat(x: f64) -> Self::V {
        unsafe { _mm256_set1_pd(x) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f64) -> Self::V {
        unsafe { _mm256_loadu_pd(from) }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f64, x: Self::V) {
        unsafe { _mm256_storeu_pd(to, x) }
    }
    #[inline(always)]
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
        unsafe { _mm256_add_pd(a, b) }
    }
    #[inline(always)]
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V {
        unsafe { _mm256_sub_pd(a, b) }
    }
    #[inline(always)]
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V {
        unsafe { _mm256_mul_pd(a, b) }
    }
    #[inline(always)]
    unsafe fn div(a: Self::V, b: Self::V) -> Self::V {
        unsafe { _mm256_div_pd(a, b) }
    }
    #[inline(always)]
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V {
        unsafe { _mm256_max_pd(a, b) }
    }
    #[inline(always)]
    unsafe fn mul_add(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        unsafe { _mm256_fmadd_pd(a, b, c) }
    }
    #[inline(always)]
    unsafe fn neg_mul_add(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        unsafe { _mm256_fnmadd_pd(a, b, c) }
    }
    #[inline(always)]
    unsafe fn mask(row: *const u8, vector: usize) -> Self::Mask {
        unsafe { Self::mask_from(*row.add(vector / 2) >> (4 * (vector % 2))) }
    }
    #[inline(always)]
    unsafe fn mask_from(bits: u8) -> Self::Mask {
        unsafe {
            // Bit i moves to the sign of lane i, which is what a blend looks at.
            let shifts = _mm256_set_epi64x(60, 61, 62, 63);
            _mm256_castsi256_pd(_mm256_sllv_epi64(_mm256_set1_epi64x(i64::from(bits)), shifts))
        }
    }
    #[inline(always)]
    unsafe fn select(mask: Self::Mask, a: Self::V, b: Self::V) -> Self::V {
        unsafe { _mm256_blendv_pd(a, b, mask) }
    }
    #[inline(always)]
    unsafe fn less(a: Self::V, b: Self::V) -> u8 {
        unsafe { _mm256_movemask_pd(_mm256_cmp_pd::<_CMP_LT_OQ>(a, b)) as u8 }
    }
    #[inline(always)]
    unsafe fn look_up(table: &Table, codes: *const u8, vector: usize) -> [Self::V; 2] {
        unsafe {
            let four = codes.add(vector * 2).cast::<u16>().read_unaligned();
            let at = |i: u32| usize::from(four >> (4 * i) & 15);
            let (a, b, c, d) = (at(0), at(1), at(2), at(3));
            table.0.each_ref().map(|half| _mm256_set_pd(half[d], half[c], half[b], half[a]))
        }
    }
    #[inline(always)]
    unsafe fn zip([a, b]: [Self::V; 2]) -> [Self::V; 2] {
        unsafe { [_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b)] }
    }
    #[inline(always)]
    unsafe fn copy_pairs(a: *const f64, b: *const f64, to: *mut f64) {
        unsafe {
            let low = _mm256_castpd128_pd256(_mm_loadu_pd(a));
            _mm256_storeu_pd(to, _mm256_insertf128_pd::<1>(low, _mm_loadu_pd(b)));
        }
    }
    #[inline(always)]
    unsafe fn split(x: Self::V) -> (Self::V, Self::V) {
        unsafe {
            // Moves numbers from [0.75, 1.5) times a power of two to one exponent field.
            let bits = _mm256_castpd_si256(x);
            let shifted = _mm256_add_epi64(bits, _mm256_set1_epi64x(0x0008_0000_0000_0000));
            let field = _mm256_srli_epi64::<52>(shifted);
            // A whole number below 2^52 in the low bits of 2^52 is that number above 2^52.
            let magic = _mm256_set1_pd(4_503_599_627_370_496.0);
            let biased = _mm256_sub_pd(_mm256_castsi256_pd(_mm256_or_si256(field, _mm256_castpd_si256(magic))), magic);
            let exponent = _mm256_sub_pd(biased, _mm256_set1_pd(1023.0));
            let unbiased = _mm256_sub_epi64(field, _mm256_set1_epi64x(1023));
            let mantissa = _mm256_sub_epi64(bits, _mm256_slli_epi64::<52>(unbiased));
            (exponent, _mm256_castsi256_pd(mantissa))
        }
    }
    #[inline(always)]
    unsafe fn sixteenth_power(n: Self::V) -> Self::V {
        unsafe {
            let magic = _mm256_set1_pd(6_755_399_441_055_744.0);
            let bits = _mm256_castpd_si256(_mm256_add_pd(n, magic));
            let index = _mm256_and_si256(bits, _mm256_set1_epi64x(15));
            let fraction = _mm256_i64gather_pd::<8>(SIXTEENTHS.as_ptr(), index);
            let whole = _mm256_slli_epi64::<48>(_mm256_sub_epi64(bits, index));
            _mm256_castsi256_pd(_mm256_add_epi64(_mm256_castpd_si256(fraction), whole))
        }
    }
    #[inline(always)]
    unsafe fn round(x: Self::V) -> Self::V {
        unsafe { _mm256_round_pd::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(x) }
    }
}
