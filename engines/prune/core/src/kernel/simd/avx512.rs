//! Eight doubles a vector with AVX-512 F, DQ, VL.

// Every block below calls intrinsics of AVX-512 and nothing else.
#![allow(clippy::undocumented_unsafe_blocks)]

use std::arch::x86_64::*;

use super::avx2::Avx2;
use super::{SIXTEENTHS, Simd};
use crate::kernel::program::Table;

pub(crate) struct Avx512;

impl Simd for Avx512 {
    type V = __m512d;
    type Mask = __mmask8;
    const WIDTH: usize = 8;

    #[inline(always)]
    unsafe fn splat(x: f64) -> Self::V {
        unsafe { _mm512_set1_pd(x) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f64) -> Self::V {
        unsafe { _mm512_loadu_pd(from) }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f64, x: Self::V) {
        unsafe { _mm512_storeu_pd(to, x) }
    }
    #[inline(always)]
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
        unsafe { _mm512_add_pd(a, b) }
    }
    #[inline(always)]
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V {
        unsafe { _mm512_sub_pd(a, b) }
    }
    #[inline(always)]
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V {
        unsafe { _mm512_mul_pd(a, b) }
    }
    #[inline(always)]
    unsafe fn div(a: Self::V, b: Self::V) -> Self::V {
        unsafe { _mm512_div_pd(a, b) }
    }
    #[inline(always)]
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V {
        unsafe { _mm512_max_pd(a, b) }
    }
    #[inline(always)]
    unsafe fn mul_add(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        unsafe { _mm512_fmadd_pd(a, b, c) }
    }
    #[inline(always)]
    unsafe fn neg_mul_add(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        unsafe { _mm512_fnmadd_pd(a, b, c) }
    }
    #[inline(always)]
    unsafe fn mask(row: *const u8, vector: usize) -> Self::Mask {
        unsafe { *row.add(vector) }
    }
    #[inline(always)]
    unsafe fn mask_from(bits: u8) -> Self::Mask {
        bits
    }
    #[inline(always)]
    unsafe fn select(mask: Self::Mask, a: Self::V, b: Self::V) -> Self::V {
        unsafe { _mm512_mask_blend_pd(mask, a, b) }
    }
    #[inline(always)]
    unsafe fn less(a: Self::V, b: Self::V) -> u8 {
        unsafe { _mm512_cmp_pd_mask::<_CMP_LT_OQ>(a, b) }
    }
    #[inline(always)]
    unsafe fn look_up(table: &Table, codes: *const u8, vector: usize) -> [Self::V; 2] {
        unsafe {
            // Eight codes of four bits; the permutation looks at the low four bits of each lane only.
            let eight = codes.add(vector * 4).cast::<i32>().read_unaligned();
            let shifts = _mm512_set_epi64(28, 24, 20, 16, 12, 8, 4, 0);
            let index = _mm512_srlv_epi64(_mm512_set1_epi64(i64::from(eight)), shifts);
            table.0.each_ref().map(|half| {
                let (low, high) = (_mm512_loadu_pd(half.as_ptr()), _mm512_loadu_pd(half.as_ptr().add(8)));
                _mm512_permutex2var_pd(low, index, high)
            })
        }
    }
    #[inline(always)]
    unsafe fn zip([a, b]: [Self::V; 2]) -> [Self::V; 2] {
        unsafe { [_mm512_unpacklo_pd(a, b), _mm512_unpackhi_pd(a, b)] }
    }
    #[inline(always)]
    unsafe fn copy_pairs(a: *const f64, b: *const f64, to: *mut f64) {
        unsafe { Avx2::copy_pairs(a, b, to) }
    }
    #[inline(always)]
    unsafe fn split(x: Self::V) -> (Self::V, Self::V) {
        unsafe {
            let mantissa = _mm512_getmant_pd::<_MM_MANT_NORM_P75_1P5, _MM_MANT_SIGN_SRC>(x);
            // A mantissa below 1 was doubled less often: its exponent is one more.
            let exponent = _mm512_getexp_pd(x);
            let low = _mm512_cmp_pd_mask::<_CMP_LT_OQ>(mantissa, _mm512_set1_pd(1.0));
            (_mm512_mask_add_pd(exponent, low, exponent, _mm512_set1_pd(1.0)), mantissa)
        }
    }
    #[inline(always)]
    unsafe fn sixteenth_power(n: Self::V) -> Self::V {
        unsafe {
            // Adding 1.5 * 2^52 puts the whole number into the low bits.
            let bits = _mm512_castpd_si512(_mm512_add_pd(n, _mm512_set1_pd(6_755_399_441_055_744.0)));
            let (low, high) = (_mm512_loadu_pd(SIXTEENTHS.as_ptr()), _mm512_loadu_pd(SIXTEENTHS.as_ptr().add(8)));
            let fraction = _mm512_permutex2var_pd(low, bits, high);
            // scalef takes the floor of its exponent.
            _mm512_scalef_pd(fraction, _mm512_mul_pd(n, _mm512_set1_pd(0.0625)))
        }
    }
    #[inline(always)]
    unsafe fn round(x: Self::V) -> Self::V {
        unsafe { _mm512_roundscale_pd::<8>(x) }
    }
}
