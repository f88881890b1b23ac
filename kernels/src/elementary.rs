//! Elementary functions of one number, of either type. For `f32` they are free of branches and calls, so that loops over them become
//! vector code inside [`Isa::vectorize`].

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
    /// `exp(x)`
    exp
    /// `ln(x)`
    ln
    /// `tanh(x)`
    tanh
    /// `1 / (1 + exp(-x))`
    sigmoid
    /// `ln(1 + exp(x))`
    softplus
    /// The error function
    erf
    /// `sin(x)`
    sin
    /// `cos(x)`
    cos
}

/// `x^n` by products; 1 for `n = 0`.
#[inline(always)]
pub fn powi<S: Isa, T: Element>(s: S, x: T, n: i32) -> T {
    T::powi(s, x, n)
}
