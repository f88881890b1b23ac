//! AVX-512 and AVX2 with FMA, chosen at run time.
//!
//! Every intrinsic below is called with values of `V512`, `V512d`, `V256` or `V256d`, or inside `vectorize` of a token. Both exist
//! only where [`ask`] has found the instruction set (`Avx512` and `Avx2` have a private field, and a vector is made through a
//! token), which is what makes the calls sound; the comments say the rest.

use super::sealed::{self, Vector};
use super::{Add, Div, Isa, Lanes, Mul, Neg, Sub};
use core::arch::x86_64::*;
use core::sync::atomic::{AtomicU8, Ordering::Relaxed};

/// 0 not asked yet, 1 neither, 2 AVX2 and FMA, 3 AVX-512 (F, VL, BW, DQ) as well.
static LEVEL: AtomicU8 = AtomicU8::new(0);

pub(super) fn limit(level: u8) -> u8 {
    let level = ask().min(level.max(1));
    LEVEL.store(level, Relaxed);
    level
}

#[inline]
fn level() -> u8 {
    match LEVEL.load(Relaxed) {
        0 => first_level(),
        known => known,
    }
}

#[cold]
fn first_level() -> u8 {
    let level = ask();
    LEVEL.store(level, Relaxed);
    level
}

/// Asks the processor, and through XCR0 the operating system (does it save the wide registers?).
#[allow(unused_unsafe)] // `__cpuid` is safe since Rust 1.94
fn ask() -> u8 {
    #[target_feature(enable = "xsave")]
    fn xcr0() -> u64 {
        // SAFETY: the function is only called where the processor and the system have XSAVE; 0 is a register that exists.
        unsafe { _xgetbv(0) }
    }
    if cfg!(miri) {
        return 1;
    }
    let has = |word: u32, bits: &[u32]| bits.iter().all(|b| word >> b & 1 == 1);
    // SAFETY: every x86-64 processor has CPUID.
    if unsafe { __cpuid(0) }.eax < 7 {
        return 1;
    }
    // SAFETY: as above.
    let (one, seven) = unsafe { (__cpuid(1).ecx, __cpuid_count(7, 0).ebx) };
    // FMA, OSXSAVE, AVX; AVX2
    if !has(one, &[12, 27, 28]) || !has(seven, &[5]) {
        return 1;
    }
    // SAFETY: OSXSAVE was found.
    let saved = unsafe { xcr0() } as u32;
    match (has(saved, &[1, 2]), has(saved, &[5, 6, 7]) && has(seven, &[16, 17, 30, 31])) {
        (true, true) => 3,
        (true, false) => 2,
        _ => 1,
    }
}

macro_rules! token {
    ($(#[$doc:meta])* $name:ident, $level:expr, $features:expr, $f32:ident, $f64:ident, $registers:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name(());
        impl $name {
            /// The token, if this machine has the instruction set (and [`limit`](crate::limit) does not forbid it).
            #[inline]
            pub fn detect() -> Option<Self> {
                if level() >= $level { Some($name(())) } else { None }
            }
        }
        impl Isa for $name {
            const REGISTERS: usize = $registers;
            #[inline(always)]
            fn vectorize<R>(self, f: impl FnOnce() -> R) -> R {
                #[inline(never)]
                #[target_feature(enable = $features)]
                fn run<R>(f: impl FnOnce() -> R) -> R {
                    f()
                }
                // SAFETY: the token proves the features.
                unsafe { run(f) }
            }
        }
        impl sealed::Token for $name {
            type F32 = $f32;
            type F64 = $f64;
            #[inline(always)]
            fn mul_add_f32(self, a: f32, b: f32, c: f32) -> f32 {
                // SAFETY: the token proves FMA.
                unsafe { _mm_cvtss_f32(_mm_fmadd_ss(_mm_set_ss(a), _mm_set_ss(b), _mm_set_ss(c))) }
            }
            #[inline(always)]
            fn mul_add_f64(self, a: f64, b: f64, c: f64) -> f64 {
                // SAFETY: the token proves FMA.
                unsafe { _mm_cvtsd_f64(_mm_fmadd_sd(_mm_set_sd(a), _mm_set_sd(b), _mm_set_sd(c))) }
            }
        }
    };
}
token!(
    /// AVX-512 (F, BW, DQ, VL) with FMA, of x86-64.
    Avx512, 3, "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma", V512, V512d, 32
);
token!(
    /// AVX2 with FMA, of x86-64.
    Avx2, 2, "avx2,fma", V256, V256d, 8
);

/// The operators and [`Lanes`] of a vector whose registers are the fields `$i`. What is written is the same for all.
macro_rules! lanes {
    ($name:ident $t:ident [$($i:tt)*] $add:ident $sub:ident $mul:ident $div:ident $fmadd:ident $max:ident $sqrt:ident $set1:ident $andnot:ident $xor:ident) => {
        lanes!(@binary $name Add add $add [$($i)*]);
        lanes!(@binary $name Sub sub $sub [$($i)*]);
        lanes!(@binary $name Mul mul $mul [$($i)*]);
        lanes!(@binary $name Div div $div [$($i)*]);
        impl Neg for $name {
            type Output = Self;
            #[inline(always)]
            fn neg(self) -> Self {
                // SAFETY: `self` proves the instruction set.
                unsafe { $name($($xor($set1(-0.0), self.$i)),*) }
            }
        }
        impl Lanes<$t> for $name {
            #[inline(always)]
            fn mul_add(self, b: Self, c: Self) -> Self {
                // SAFETY: `self` proves the instruction set.
                unsafe { $name($($fmadd(self.$i, b.$i, c.$i)),*) }
            }
            #[inline(always)]
            fn relu(self) -> Self {
                // SAFETY: `self` proves the instruction set. The instruction takes its second operand where either is NaN.
                unsafe { $name($($max($set1(0.0), self.$i)),*) }
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                // SAFETY: `self` proves the instruction set.
                unsafe { $name($($sqrt(self.$i)),*) }
            }
            #[inline(always)]
            fn abs(self) -> Self {
                // SAFETY: `self` proves the instruction set.
                unsafe { $name($($andnot($set1(-0.0), self.$i)),*) }
            }
        }
    };
    (@binary $name:ident $op:ident $f:ident $instruction:ident [$($i:tt)*]) => {
        impl $op for $name {
            type Output = Self;
            #[inline(always)]
            fn $f(self, b: Self) -> Self {
                // SAFETY: `self` proves the instruction set.
                unsafe { $name($($instruction(self.$i, b.$i)),*) }
            }
        }
    };
}

/// Sixteen `f32` in a 512-bit register.
#[derive(Clone, Copy, Debug)]
pub struct V512(__m512);
/// Eight `f64` in a 512-bit register.
#[derive(Clone, Copy, Debug)]
pub struct V512d(__m512d);
/// Sixteen `f32` in two 256-bit registers.
#[derive(Clone, Copy, Debug)]
pub struct V256(__m256, __m256);
/// Eight `f64` in two 256-bit registers.
#[derive(Clone, Copy, Debug)]
pub struct V256d(__m256d, __m256d);

lanes!(V512 f32 [0] _mm512_add_ps _mm512_sub_ps _mm512_mul_ps _mm512_div_ps _mm512_fmadd_ps _mm512_max_ps _mm512_sqrt_ps _mm512_set1_ps _mm512_andnot_ps _mm512_xor_ps);
lanes!(V512d f64 [0] _mm512_add_pd _mm512_sub_pd _mm512_mul_pd _mm512_div_pd _mm512_fmadd_pd _mm512_max_pd _mm512_sqrt_pd _mm512_set1_pd _mm512_andnot_pd _mm512_xor_pd);
lanes!(V256 f32 [0 1] _mm256_add_ps _mm256_sub_ps _mm256_mul_ps _mm256_div_ps _mm256_fmadd_ps _mm256_max_ps _mm256_sqrt_ps _mm256_set1_ps _mm256_andnot_ps _mm256_xor_ps);
lanes!(V256d f64 [0 1] _mm256_add_pd _mm256_sub_pd _mm256_mul_pd _mm256_div_pd _mm256_fmadd_pd _mm256_max_pd _mm256_sqrt_pd _mm256_set1_pd _mm256_andnot_pd _mm256_xor_pd);

macro_rules! vector512 {
    ($name:ident $t:ident $n:literal $mask:ident $set1:ident $load:ident $load_part:ident $store:ident $store_part:ident $compare:ident $blend:ident $($transpose:item)?) => {
        impl Vector<$t> for $name {
            const COUNT: usize = $n;
            #[inline(always)]
            unsafe fn splat(x: $t) -> Self {
                // SAFETY: the caller vouches for the instruction set.
                $name(unsafe { $set1(x) })
            }
            #[inline(always)]
            unsafe fn load(p: *const $t) -> Self {
                // SAFETY: the caller vouches for the instruction set and the memory.
                $name(unsafe { $load(p) })
            }
            #[inline(always)]
            unsafe fn load_part(p: *const $t, n: usize) -> Self {
                // SAFETY: the caller vouches for the instruction set and `n` numbers; the mask leaves out the others.
                $name(unsafe { $load_part(((1u32 << n) - 1) as $mask, p) })
            }
            #[inline(always)]
            unsafe fn write(self, p: *mut $t) {
                // SAFETY: the caller vouches for the memory.
                unsafe { $store(p, self.0) }
            }
            #[inline(always)]
            unsafe fn write_part(self, p: *mut $t, n: usize) {
                // SAFETY: the caller vouches for `n` numbers; the mask leaves out the others.
                unsafe { $store_part(p, ((1u32 << n) - 1) as $mask, self.0) }
            }
            #[inline(always)]
            fn select<const OP: i32>(self, b: Self, x: Self, y: Self) -> Self {
                // SAFETY: `self` proves the instruction set.
                $name(unsafe { $blend($compare::<OP>(self.0, b.0), y.0, x.0) })
            }
            $($transpose)?
        }
    };
}

vector512! {
    V512 f32 16 __mmask16 _mm512_set1_ps _mm512_loadu_ps _mm512_maskz_loadu_ps _mm512_storeu_ps _mm512_mask_storeu_ps _mm512_cmp_ps_mask _mm512_mask_blend_ps
    /// Pairs, quadruples, then quarters of registers: 64 shuffles.
    #[inline(always)]
    fn transpose(x: &mut [Self; 16]) {
        let mut y = *x;
        // SAFETY: the vectors prove the instruction set.
        unsafe {
            for i in (0..16).step_by(2) {
                y[i].0 = _mm512_unpacklo_ps(x[i].0, x[i + 1].0);
                y[i + 1].0 = _mm512_unpackhi_ps(x[i].0, x[i + 1].0);
            }
            for i in (0..16).step_by(4) {
                x[i].0 = _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(y[i].0), _mm512_castps_pd(y[i + 2].0)));
                x[i + 1].0 = _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(y[i].0), _mm512_castps_pd(y[i + 2].0)));
                x[i + 2].0 = _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(y[i + 1].0), _mm512_castps_pd(y[i + 3].0)));
                x[i + 3].0 = _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(y[i + 1].0), _mm512_castps_pd(y[i + 3].0)));
            }
            for i in 0..4 {
                y[i].0 = _mm512_shuffle_f32x4::<0x88>(x[i].0, x[i + 4].0);
                y[i + 4].0 = _mm512_shuffle_f32x4::<0xdd>(x[i].0, x[i + 4].0);
                y[i + 8].0 = _mm512_shuffle_f32x4::<0x88>(x[i + 8].0, x[i + 12].0);
                y[i + 12].0 = _mm512_shuffle_f32x4::<0xdd>(x[i + 8].0, x[i + 12].0);
            }
            for i in 0..4 {
                x[i].0 = _mm512_shuffle_f32x4::<0x88>(y[i].0, y[i + 8].0);
                x[i + 8].0 = _mm512_shuffle_f32x4::<0xdd>(y[i].0, y[i + 8].0);
                x[i + 4].0 = _mm512_shuffle_f32x4::<0x88>(y[i + 4].0, y[i + 12].0);
                x[i + 12].0 = _mm512_shuffle_f32x4::<0xdd>(y[i + 4].0, y[i + 12].0);
            }
        }
    }
}
vector512! {
    V512d f64 8 __mmask8 _mm512_set1_pd _mm512_loadu_pd _mm512_maskz_loadu_pd _mm512_storeu_pd _mm512_mask_storeu_pd _mm512_cmp_pd_mask _mm512_mask_blend_pd
}

macro_rules! vector256 {
    ($name:ident $t:ident $n:literal $int:ident $set1:ident $load:ident $load_part:ident $store:ident $store_part:ident $compare:ident $blend:ident) => {
        impl $name {
            /// The masks of the first `n` lanes.
            #[inline(always)]
            fn masks(n: usize) -> (__m256i, __m256i) {
                const ONES: [$int; 2 * $n] = {
                    let mut a = [0; 2 * $n];
                    let mut i = 0;
                    while i < $n {
                        a[i] = -1;
                        i += 1;
                    }
                    a
                };
                let p = ONES[$n - n..].as_ptr().cast::<__m256i>();
                // SAFETY: from `$n - n` on there are at least `$n` entries. Only reached where the instruction set is proved.
                unsafe { (_mm256_loadu_si256(p), _mm256_loadu_si256(p.add(1))) }
            }
        }
        impl Vector<$t> for $name {
            const COUNT: usize = $n;
            #[inline(always)]
            unsafe fn splat(x: $t) -> Self {
                // SAFETY: the caller vouches for the instruction set.
                let v = unsafe { $set1(x) };
                $name(v, v)
            }
            #[inline(always)]
            unsafe fn load(p: *const $t) -> Self {
                // SAFETY: the caller vouches for the instruction set and the memory.
                unsafe { $name($load(p), $load(p.add($n / 2))) }
            }
            #[inline(always)]
            unsafe fn load_part(p: *const $t, n: usize) -> Self {
                let (a, b) = Self::masks(n);
                // SAFETY: the caller vouches for the instruction set and `n` numbers; the masks leave out the others.
                unsafe { $name($load_part(p, a), $load_part(p.wrapping_add($n / 2), b)) }
            }
            #[inline(always)]
            unsafe fn write(self, p: *mut $t) {
                // SAFETY: the caller vouches for the memory.
                unsafe {
                    $store(p, self.0);
                    $store(p.add($n / 2), self.1);
                }
            }
            #[inline(always)]
            unsafe fn write_part(self, p: *mut $t, n: usize) {
                let (a, b) = Self::masks(n);
                // SAFETY: the caller vouches for `n` numbers; the masks leave out the others.
                unsafe {
                    $store_part(p, a, self.0);
                    $store_part(p.wrapping_add($n / 2), b, self.1);
                }
            }
            #[inline(always)]
            fn select<const OP: i32>(self, b: Self, x: Self, y: Self) -> Self {
                // SAFETY: `self` proves the instruction set.
                unsafe { $name($blend(y.0, x.0, $compare::<OP>(self.0, b.0)), $blend(y.1, x.1, $compare::<OP>(self.1, b.1))) }
            }
        }
    };
}

vector256!(V256 f32 16 i32 _mm256_set1_ps _mm256_loadu_ps _mm256_maskload_ps _mm256_storeu_ps _mm256_maskstore_ps _mm256_cmp_ps _mm256_blendv_ps);
vector256!(V256d f64 8 i64 _mm256_set1_pd _mm256_loadu_pd _mm256_maskload_pd _mm256_storeu_pd _mm256_maskstore_pd _mm256_cmp_pd _mm256_blendv_pd);
