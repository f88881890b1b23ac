//! Elementary functions of one number, of either type. For `f32` they are free of branches and calls, so that loops over them become
//! vector code inside [`Isa::vectorize`]; for `f64` they are scalar code with the same bits on every machine.
//!
//! Largest errors in units in the last place (ulp: the distance to the next number), measured by `tests/elementary.rs` against the functions of
//! the standard library (`erf`: of libm) in `f64`, with [`Portable`](crate::Portable) and with fused products and sums. NaN gives NaN; zeros,
//! infinities and subnormal numbers give what mathematics says.
//!
//! | | `f32` | `f64` |
//! |---|---|---|
//! | `sqrt abs floor maximum minimum` | exact or correctly rounded | the same |
//! | `exp ln` | 1.1 | 1.0 |
//! | `tanh` | 2.6 | 2 |
//! | `sigmoid` | 2.6 | 2 |
//! | `softplus` | 2 | 2 |
//! | `erf` | 1.4 | 1.0 |
//! | `sin cos` | 0.6 | 1.0 |
//! | `powi` | 1 rounding for abs(n) <= 1 and n = 2, else 1.0 | about abs(n) / 2 |

use crate::element::Element;
use crate::isa::Isa;

/// `|x|`
#[inline(always)]
pub fn abs<S: Isa, T: Element>(_: S, x: T) -> T {
    T::magnitude(x)
}

/// The square root, correctly rounded.
#[inline(always)]
pub fn sqrt<S: Isa, T: Element>(_: S, x: T) -> T {
    T::root(x)
}

/// The greatest whole number not above `x`.
#[inline(always)]
pub fn floor<S: Isa, T: Element>(_: S, x: T) -> T {
    T::floor(x)
}

/// The larger of two; NaN if either is NaN.
#[inline(always)]
pub fn maximum<S: Isa, T: Element>(_: S, a: T, b: T) -> T {
    let larger = if a > b { a } else { b }; // `b` where either is NaN
    #[allow(clippy::eq_op)]
    if a != a { a } else { larger }
}

/// The smaller of two; NaN if either is NaN.
#[inline(always)]
pub fn minimum<S: Isa, T: Element>(_: S, a: T, b: T) -> T {
    let smaller = if a < b { a } else { b };
    #[allow(clippy::eq_op)]
    if a != a { a } else { smaller }
}

macro_rules! functions {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[inline(always)]
        pub fn $name<S: Isa, T: Element>(s: S, x: T) -> T {
            T::$name(s, x)
        }
    )*};
}
functions! {
    /// `exp(x)`: 0 from about -104 (`f32`) or -745 (`f64`) down, subnormal before that, `inf` from 88.7 or 709.8 up.
    exp
    /// `ln(x)`: `-inf` at 0, NaN below.
    ln
    /// `tanh(x)`: 1 at `inf`.
    tanh
    /// `1 / (1 + exp(-x))`, right in all digits at both ends.
    sigmoid
    /// `ln(1 + exp(x))`: never overflows, and is `exp(x)` where that is small.
    softplus
    /// The error function `2 / sqrt(pi) * integral(0 to x) exp(-t^2) dt`.
    erf
    /// `sin(x)`, right for every finite `x`, however large; NaN at infinity.
    sin
    /// `cos(x)`, right for every finite `x`, however large; NaN at infinity.
    cos
}

/// `x^n` by products; 1 for `n = 0`.
#[inline(always)]
pub fn powi<S: Isa, T: Element>(s: S, x: T, n: i32) -> T {
    T::powi(s, x, n)
}
