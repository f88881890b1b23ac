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
