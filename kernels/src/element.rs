//! The numbers that a program computes with: `f32` or `f64`. A generated program is the same text with one or the other.

use crate::isa::{Isa, Lanes};
use core::fmt::{Debug, Display};
use core::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

/// A primitive number, of which slices can be viewed as arrays. Any bits are a value, and a cache line holds a whole number of them.
pub trait Number: sealed::Number {}

/// A real number: `f32` or `f64`.
pub trait Element:
    Number
    + sealed::Functions
    + PartialEq
    + PartialOrd
    + Display
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + DivAssign
{
    /// 0
    const ZERO: Self;
    /// 1
    const ONE: Self;
    /// Infinity
    const INFINITY: Self;
    /// A quiet NaN
    const NAN: Self;
    /// How many numbers a cache line, and so a vector, holds: 16 `f32`, 8 `f64`.
    const LANES: usize;
    /// A cache line of numbers in the registers of an instruction set.
    type Vector<S: Isa>: Lanes<Self>;
    /// The nearest number.
    fn from_f64(x: f64) -> Self;
    /// The same number.
    fn to_f64(self) -> f64;
    /// The nearest number.
    fn from_i32(x: i32) -> Self;
    /// The nearest number.
    fn from_i64(x: i64) -> Self;
}

pub(crate) mod sealed {
    use super::{Debug, Isa};

    /// # Safety
    /// * Any bits are a value.
    /// * The size divides 64, and the alignment is at most 64.
    pub unsafe trait Number: Copy + PartialEq + Default + Debug + Send + Sync + 'static {}

    /// The functions of [`crate`] whose names they have, for one type.
    pub trait Functions: Sized {
        fn fused<S: Isa>(s: S, a: Self, b: Self, c: Self) -> Self;
        fn root(x: Self) -> Self;
        fn magnitude(x: Self) -> Self;
        fn floor(x: Self) -> Self;
        fn exp<S: Isa>(s: S, x: Self) -> Self;
        fn ln<S: Isa>(s: S, x: Self) -> Self;
        fn tanh<S: Isa>(s: S, x: Self) -> Self;
        fn sigmoid<S: Isa>(s: S, x: Self) -> Self;
        fn softplus<S: Isa>(s: S, x: Self) -> Self;
        fn erf<S: Isa>(s: S, x: Self) -> Self;
        fn sin<S: Isa>(s: S, x: Self) -> Self;
        fn cos<S: Isa>(s: S, x: Self) -> Self;
        fn powi<S: Isa>(s: S, x: Self, n: i32) -> Self;
    }
}

macro_rules! numbers {
    ($($t:ident)*) => {$(
        // SAFETY: a primitive number of 1, 2, 4 or 8 bytes.
        unsafe impl sealed::Number for $t {}
        impl Number for $t {}
    )*};
}
numbers!(f32 f64 i8 i16 i32 i64 isize u8 u16 u32 u64 usize);

macro_rules! element {
    ($t:ident $lanes:literal $vector:ident $fused:ident $functions:ident $sign:literal) => {
        impl Element for $t {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const INFINITY: Self = $t::INFINITY;
            const NAN: Self = $t::NAN;
            const LANES: usize = $lanes;
            type Vector<S: Isa> = S::$vector;
            #[inline(always)]
            fn from_f64(x: f64) -> Self {
                x as $t
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                self.into()
            }
            #[inline(always)]
            fn from_i32(x: i32) -> Self {
                x as $t
            }
            #[inline(always)]
            fn from_i64(x: i64) -> Self {
                x as $t
            }
        }
        impl sealed::Functions for $t {
            #[inline(always)]
            fn fused<S: Isa>(s: S, a: Self, b: Self, c: Self) -> Self {
                s.$fused(a, b, c)
            }
            #[inline(always)]
            fn root(x: Self) -> Self {
                crate::root::$t(x)
            }
            #[inline(always)]
            fn magnitude(x: Self) -> Self {
                <$t>::from_bits(x.to_bits() & $sign)
            }
            #[inline(always)]
            fn floor(x: Self) -> Self {
                crate::$functions::floor(x)
            }
            #[inline(always)]
            fn powi<S: Isa>(_: S, x: Self, n: i32) -> Self {
                crate::$functions::powi(x, n)
            }
            element!(@call $t $functions exp ln tanh sigmoid softplus erf sin cos);
        }
    };
    (@call $t:ident $functions:ident $($name:ident)*) => {$(
        #[inline(always)]
        fn $name<S: Isa>(s: S, x: Self) -> Self {
            crate::$functions::$name(s, x)
        }
    )*};
}
element!(f32 16 F32 mul_add_f32 single 0x7fff_ffff);
element!(f64 8 F64 mul_add_f64 double 0x7fff_ffff_ffff_ffff);
