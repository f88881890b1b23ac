//! Instruction sets as zero-sized tokens, and the vectors of each.
//!
//! A token is a proof that the machine has an instruction set: [`Portable`] can be made by anybody, the others only by
//! asking the machine ([`dispatch!`](crate::dispatch)). A vector can only be made through a token, so holding one is the same proof.
//!
//! Code that is to use an instruction set runs inside [`Isa::vectorize`], which is one function of the binary compiled with its
//! features. **Whatever is not inlined into that function loses them**, and nothing warns of it; therefore every closure handed to
//! `vectorize` or to a kernel is written `#[inline(always)] || ..`, and vectors are made inside such closures only.

use crate::element::Element;
use core::fmt::Debug;
use core::ops::{Add, Div, Mul, Neg, Sub};

/// Proof that the machine has an instruction set.
pub trait Isa: sealed::Token {
    /// How many vectors of a cache line the register file holds; chooses the register tiles.
    const REGISTERS: usize;
    /// Runs `f`, compiled for this instruction set. Never inlined: one call is one function in the binary.
    /// Write the closure in place and with its attribute: `s.vectorize(#[inline(always)] || ..)`.
    fn vectorize<R>(self, f: impl FnOnce() -> R) -> R;
    /// `a * b + c`: one rounding where the instruction set has a fused multiply-add, two elsewhere ([`Portable`]).
    #[inline(always)]
    fn mul_add<T: Element>(self, a: T, b: T, c: T) -> T {
        T::fused(self, a, b, c)
    }
    /// Square root, correctly rounded; NaN below zero, `-0` at `-0`.
    #[inline(always)]
    fn sqrt<T: Element>(self, x: T) -> T {
        T::root(x)
    }
    /// A vector of copies of `x`.
    #[inline(always)]
    fn splat<T: Element>(self, x: T) -> T::Vector<Self> {
        // SAFETY: `self` proves the instruction set.
        unsafe { sealed::Vector::splat(x) }
    }
    /// The first [`Element::LANES`] numbers of `x`.
    ///
    /// # Panics
    /// If `x` is shorter.
    #[inline(always)]
    fn load<T: Element>(self, x: &[T]) -> T::Vector<Self> {
        assert!(x.len() >= T::LANES, "a vector needs a whole cache line");
        // SAFETY: `self` proves the instruction set, and `x` holds `LANES` numbers.
        unsafe { sealed::Vector::load(x.as_ptr()) }
    }
}

/// A cache line of numbers in registers: 16 `f32` or 8 `f64`. What epilogues of products compute with.
pub trait Lanes<T>:
    sealed::Vector<T> + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self> + Neg<Output = Self>
{
    /// `self * b + c`, fused where the instruction set can.
    fn mul_add(self, b: Self, c: Self) -> Self;
    /// `max(self, 0)`; a NaN stays a NaN.
    fn relu(self) -> Self;
    /// Square root, correctly rounded.
    fn sqrt(self) -> Self;
    /// `|self|`
    fn abs(self) -> Self;
    /// The larger; NaN where either is NaN.
    #[inline(always)]
    fn max(self, b: Self) -> Self {
        let larger = self.select::<{ sealed::GT }>(b, self, b); // `b` where either is NaN
        self.select::<{ sealed::NE }>(self, self, larger)
    }
    /// The smaller; NaN where either is NaN.
    #[inline(always)]
    fn min(self, b: Self) -> Self {
        let smaller = self.select::<{ sealed::LT }>(b, self, b);
        self.select::<{ sealed::NE }>(self, self, smaller)
    }
    /// `x` in the lanes where `self > b`, `y` in the others (and where either is NaN).
    #[inline(always)]
    fn if_gt(self, b: Self, x: Self, y: Self) -> Self {
        self.select::<{ sealed::GT }>(b, x, y)
    }
    /// `x` in the lanes where `self >= b`, `y` in the others (and where either is NaN).
    #[inline(always)]
    fn if_ge(self, b: Self, x: Self, y: Self) -> Self {
        self.select::<{ sealed::GE }>(b, x, y)
    }
    /// `x` in the lanes where `self < b`, `y` in the others (and where either is NaN).
    #[inline(always)]
    fn if_lt(self, b: Self, x: Self, y: Self) -> Self {
        self.select::<{ sealed::LT }>(b, x, y)
    }
    /// `x` in the lanes where `self <= b`, `y` in the others (and where either is NaN).
    #[inline(always)]
    fn if_le(self, b: Self, x: Self, y: Self) -> Self {
        self.select::<{ sealed::LE }>(b, x, y)
    }
    /// `x` in the lanes where `self == b`, `y` in the others (and where either is NaN).
    #[inline(always)]
    fn if_eq(self, b: Self, x: Self, y: Self) -> Self {
        self.select::<{ sealed::EQ }>(b, x, y)
    }
    /// `x` in the lanes where `self != b` or either is NaN, `y` in the others.
    #[inline(always)]
    fn if_ne(self, b: Self, x: Self, y: Self) -> Self {
        self.select::<{ sealed::NE }>(b, x, y)
    }
    /// Writes the lanes to the first numbers of `to`.
    ///
    /// # Panics
    /// If `to` is shorter than a vector.
    #[inline(always)]
    fn store(self, to: &mut [T]) {
        assert!(to.len() >= Self::COUNT, "a vector needs a whole cache line");
        // SAFETY: `to` has room for all lanes.
        unsafe { self.write(to.as_mut_ptr()) }
    }
}

/// What only this crate may implement or call.
pub(crate) mod sealed {
    use super::{Debug, Element};
    use crate::Lanes;

    /// Comparisons, by the numbers that x86 gives them (ordered, quiet; `NE` unordered).
    pub const EQ: i32 = 0x00;
    pub const NE: i32 = 0x04;
    pub const LT: i32 = 0x11;
    pub const LE: i32 = 0x12;
    pub const GE: i32 = 0x1d;
    pub const GT: i32 = 0x1e;

    /// The vectors and scalar instructions of an instruction set.
    pub trait Token: Copy + Debug + Send + Sync + 'static {
        type F32: Lanes<f32>;
        type F64: Lanes<f64>;
        fn mul_add_f32(self, a: f32, b: f32, c: f32) -> f32;
        fn mul_add_f64(self, a: f64, b: f64, c: f64) -> f64;
    }

    /// Vectors and memory. The constructors are unsafe because they are where an instruction set comes in without its token.
    pub trait Vector<T>: Copy {
        /// How many lanes.
        const COUNT: usize;
        /// Copies of `x`.
        ///
        /// # Safety
        /// * The machine has the instruction set.
        unsafe fn splat(x: T) -> Self;
        /// All lanes from `p`.
        ///
        /// # Safety
        /// * The machine has the instruction set.
        /// * `p` points to `COUNT` readable numbers, aligned as numbers are.
        unsafe fn load(p: *const T) -> Self;
        /// The first `n` lanes from `p`, zeros in the others.
        ///
        /// # Safety
        /// * The machine has the instruction set.
        /// * `n <= COUNT`, and `p` points to `n` readable numbers.
        unsafe fn load_part(p: *const T, n: usize) -> Self;
        /// Writes all lanes to `p`.
        ///
        /// # Safety
        /// * `p` points to `COUNT` writable numbers.
        unsafe fn write(self, p: *mut T);
        /// Writes the first `n` lanes to `p`.
        ///
        /// # Safety
        /// * `n <= COUNT`, and `p` points to `n` writable numbers.
        unsafe fn write_part(self, p: *mut T, n: usize);
        /// `x` where `self OP b` holds, `y` elsewhere.
        fn select<const OP: i32>(self, b: Self, x: Self, y: Self) -> Self;
        /// Turns the first `COUNT` rows into columns.
        #[inline(always)]
        fn transpose(rows: &mut [Self; 16])
        where
            T: Element,
        {
            let n = Self::COUNT;
            let (mut x, mut y) = ([T::ZERO; 256], [T::ZERO; 256]);
            for i in 0..n {
                // SAFETY: `16 * i + n <= 256`.
                unsafe { rows[i].write(x.as_mut_ptr().add(16 * i)) }
            }
            for i in 0..n {
                for j in 0..n {
                    y[16 * i + j] = x[16 * j + i];
                }
            }
            for i in 0..n {
                // SAFETY: the vectors in `rows` prove the instruction set; `16 * i + n <= 256`.
                rows[i] = unsafe { Self::load(y.as_ptr().add(16 * i)) };
            }
        }
    }
}

/// Calls `f(token, arguments..)` with the best token of this machine: an atomic load and a branch.
///
/// ```
/// use nnc_kernels::{dispatch, Isa};
/// fn halve<S: Isa>(s: S, x: &mut [f32]) {
///     s.vectorize(
///         #[inline(always)]
///         || x.iter_mut().for_each(|x| *x *= 0.5),
///     )
/// }
/// let mut x = [2.0, 4.0];
/// dispatch!(halve, &mut x);
/// assert_eq!(x, [1.0, 2.0]);
/// ```
#[macro_export]
macro_rules! dispatch {
    ($f:path $(, $arg:expr)* $(,)?) => {
        match $crate::Level::detect() {
            $crate::Level::Avx512(s) => $f(s $(, $arg)*),
            $crate::Level::Avx2(s) => $f(s $(, $arg)*),
            $crate::Level::Portable(s) => $f(s $(, $arg)*),
        }
    };
}

/// The best token of this machine, or a lower one after [`limit`].
#[derive(Clone, Copy, Debug)]
pub enum Level {
    /// AVX-512 (F, BW, DQ, VL).
    Avx512(Avx512),
    /// AVX2 and FMA.
    Avx2(Avx2),
    /// What the crate is compiled for.
    Portable(Portable),
}

impl Level {
    /// Asks the machine, once a process.
    #[inline]
    pub fn detect() -> Self {
        if let Some(s) = Avx512::detect() {
            Level::Avx512(s)
        } else if let Some(s) = Avx2::detect() {
            Level::Avx2(s)
        } else {
            Level::Portable(Portable)
        }
    }
}

/// The name of what [`dispatch!`](crate::dispatch) chooses: `AVX-512`, `AVX2` or `portable`.
pub fn level_name() -> &'static str {
    match Level::detect() {
        Level::Avx512(_) => "AVX-512",
        Level::Avx2(_) => "AVX2",
        Level::Portable(_) => "portable",
    }
}

/// Lowers what [`dispatch!`](crate::dispatch) may choose: 1 portable, 2 AVX2, 3 AVX-512. For tests that run every instruction set on
/// one machine; a level that the machine does not have is lowered to one that it has. Returns the level that is in force now.
pub fn limit(level: u8) -> u8 {
    #[cfg(target_arch = "x86_64")]
    return x86::limit(level);
    #[cfg(not(target_arch = "x86_64"))]
    return level.min(1);
}

#[cfg(target_arch = "x86_64")]
mod x86;
#[cfg(target_arch = "x86_64")]
pub use x86::{Avx2, Avx512};

/// Tokens of x86, which no other machine can make.
#[cfg(not(target_arch = "x86_64"))]
mod absent {
    use super::{Array, Isa, sealed};
    macro_rules! token {
        ($($(#[$doc:meta])* $name:ident)*) => {$(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug)]
            pub enum $name {}
            impl $name {
                /// `None`: this is no x86-64 machine.
                #[inline(always)]
                pub fn detect() -> Option<Self> {
                    None
                }
            }
            impl sealed::Token for $name {
                type F32 = Array<f32, 16>;
                type F64 = Array<f64, 8>;
                fn mul_add_f32(self, _: f32, _: f32, _: f32) -> f32 {
                    match self {}
                }
                fn mul_add_f64(self, _: f64, _: f64, _: f64) -> f64 {
                    match self {}
                }
            }
            impl Isa for $name {
                const REGISTERS: usize = 4;
                fn vectorize<R>(self, _: impl FnOnce() -> R) -> R {
                    match self {}
                }
            }
        )*};
    }
    token! {
        /// AVX-512 (F, BW, DQ, VL) with FMA, of x86-64.
        Avx512
        /// AVX2 with FMA, of x86-64.
        Avx2
    }
}
#[cfg(not(target_arch = "x86_64"))]
pub use absent::{Avx2, Avx512};

/// Whatever the program is compiled for: SSE2, NEON, WebAssembly or scalar code. Never fuses a product and a sum.
#[derive(Clone, Copy, Debug)]
pub struct Portable;

impl sealed::Token for Portable {
    type F32 = Array<f32, 16>;
    type F64 = Array<f64, 8>;
    #[inline(always)]
    fn mul_add_f32(self, a: f32, b: f32, c: f32) -> f32 {
        a * b + c
    }
    #[inline(always)]
    fn mul_add_f64(self, a: f64, b: f64, c: f64) -> f64 {
        a * b + c
    }
}

impl Isa for Portable {
    const REGISTERS: usize = if cfg!(target_arch = "aarch64") { 8 } else { 4 };
    #[inline(never)]
    fn vectorize<R>(self, f: impl FnOnce() -> R) -> R {
        f()
    }
}

/// The vector of [`Portable`]: an array that the compiler maps to registers.
#[derive(Clone, Copy, Debug)]
pub struct Array<T, const N: usize>([T; N]);

macro_rules! array_op {
    ($($op:ident $f:ident $e:tt),*) => {$(
        impl<T: Element, const N: usize> $op for Array<T, N> {
            type Output = Self;
            #[inline(always)]
            fn $f(mut self, b: Self) -> Self {
                for i in 0..N {
                    self.0[i] = self.0[i] $e b.0[i];
                }
                self
            }
        }
    )*};
}
array_op!(Add add +, Sub sub -, Mul mul *, Div div /);

impl<T: Element, const N: usize> Neg for Array<T, N> {
    type Output = Self;
    #[inline(always)]
    fn neg(mut self) -> Self {
        for x in &mut self.0 {
            *x = -*x;
        }
        self
    }
}

impl<T: Element, const N: usize> sealed::Vector<T> for Array<T, N> {
    const COUNT: usize = N;
    #[inline(always)]
    unsafe fn splat(x: T) -> Self {
        Array([x; N])
    }
    #[inline(always)]
    unsafe fn load(p: *const T) -> Self {
        // SAFETY: `p` points to `N` readable numbers.
        Array(unsafe { p.cast::<[T; N]>().read() })
    }
    #[inline(always)]
    unsafe fn load_part(p: *const T, n: usize) -> Self {
        let mut x = [T::ZERO; N];
        for i in 0..n {
            // SAFETY: `p` points to `n` readable numbers.
            x[i] = unsafe { *p.add(i) };
        }
        Array(x)
    }
    #[inline(always)]
    unsafe fn write(self, p: *mut T) {
        // SAFETY: `p` points to `N` writable numbers.
        unsafe { p.cast::<[T; N]>().write(self.0) }
    }
    #[inline(always)]
    unsafe fn write_part(self, p: *mut T, n: usize) {
        for i in 0..n {
            // SAFETY: `p` points to `n` writable numbers.
            unsafe { *p.add(i) = self.0[i] }
        }
    }
    #[inline(always)]
    fn select<const OP: i32>(mut self, b: Self, x: Self, y: Self) -> Self {
        for i in 0..N {
            let (a, b) = (self.0[i], b.0[i]);
            let holds = match OP {
                sealed::EQ => a == b,
                sealed::NE => a != b,
                sealed::LT => a < b,
                sealed::LE => a <= b,
                sealed::GE => a >= b,
                _ => a > b,
            };
            self.0[i] = if holds { x.0[i] } else { y.0[i] };
        }
        self
    }
}

impl<T: Element, const N: usize> Lanes<T> for Array<T, N> {
    #[inline(always)]
    fn mul_add(self, b: Self, c: Self) -> Self {
        self * b + c
    }
    #[inline(always)]
    fn relu(mut self) -> Self {
        for x in &mut self.0 {
            *x = if *x < T::ZERO { T::ZERO } else { *x };
        }
        self
    }
    #[inline(always)]
    fn sqrt(mut self) -> Self {
        for x in &mut self.0 {
            *x = T::root(*x);
        }
        self
    }
    #[inline(always)]
    fn abs(mut self) -> Self {
        for x in &mut self.0 {
            *x = T::magnitude(*x);
        }
        self
    }
}
