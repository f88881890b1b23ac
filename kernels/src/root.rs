//! Square roots, correctly rounded on every machine.

#[cfg(target_arch = "x86_64")]
mod instruction {
    use core::arch::x86_64::*;

    #[inline(always)]
    pub fn f32(x: f32) -> f32 {
        // SAFETY: every x86-64 processor has SSE2.
        unsafe { _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(x))) }
    }

    #[inline(always)]
    pub fn f64(x: f64) -> f64 {
        // SAFETY: every x86-64 processor has SSE2.
        unsafe { _mm_cvtsd_f64(_mm_sqrt_sd(_mm_setzero_pd(), _mm_set_sd(x))) }
    }
}

#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
mod instruction {
    use core::arch::aarch64::*;

    #[inline(always)]
    pub fn f32(x: f32) -> f32 {
        // SAFETY: compiled for NEON.
        unsafe { vget_lane_f32::<0>(vsqrt_f32(vdup_n_f32(x))) }
    }

    #[inline(always)]
    pub fn f64(x: f64) -> f64 {
        // SAFETY: compiled for NEON.
        unsafe { vget_lane_f64::<0>(vsqrt_f64(vdup_n_f64(x))) }
    }
}

#[cfg(any(target_arch = "x86_64", all(target_arch = "aarch64", target_feature = "neon")))]
pub use instruction::{f32, f64};
#[cfg(not(any(target_arch = "x86_64", all(target_arch = "aarch64", target_feature = "neon"))))]
pub use software::{f32, f64};

#[cfg_attr(any(target_arch = "x86_64", all(target_arch = "aarch64", target_feature = "neon")), allow(dead_code))]
pub mod software;

#[cfg(test)]
mod tests {
    extern crate std;

    /// The software of machines without an instruction, against the instruction: over all exponents, and near squares.
    #[test]
    fn software_is_correctly_rounded() {
        let mut bits = 1u64;
        for i in 0..2_000_000u64 {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let x = f64::from_bits(bits >> (i % 7 / 6 * 12)); // one in seven is subnormal
            let square = f64::from(bits as u32) * f64::from(bits as u32);
            for x in [x, square, f64::from_bits(square.to_bits() + 1), f64::from_bits(square.to_bits().saturating_sub(1))] {
                let (got, want) = (super::software::f64(x), x.sqrt());
                assert!(got.to_bits() == want.to_bits() || got.is_nan() && want.is_nan(), "{x:e}: {got:e}, not {want:e}");
            }
            let x = f32::from_bits(bits as u32);
            let (got, want) = (super::software::f32(x), x.sqrt());
            assert!(got.to_bits() == want.to_bits() || got.is_nan() && want.is_nan(), "{x:e}: {got:e}, not {want:e}");
        }
        for x in [0.0, -0.0, f64::INFINITY, f64::MIN_POSITIVE, 5e-324, f64::MAX] {
            assert_eq!(super::software::f64(x).to_bits(), x.sqrt().to_bits());
        }
    }
}
