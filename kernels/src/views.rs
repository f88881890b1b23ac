//! Views: flat slices as rows of arrays and back, cache lines as numbers, and the cutting of workspaces. Nothing is copied.
//!
//! A view has as many numbers as what it is a view of, in the same order; that is checked, everything else is in the types:
//! `linear(s, rows(x), array(w), ..)` finds the sizes in the types of the parameters of `linear`.

use crate::element::Number;
use core::mem::size_of;
use core::slice::{from_raw_parts, from_raw_parts_mut};

/// A cache line: 64 bytes that start on a multiple of 64. The unit in which workspaces are allocated and cut.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(64))]
pub struct Lane([u64; 8]);

impl Default for Lane {
    fn default() -> Self {
        Self::ZERO
    }
}

impl Lane {
    /// Zeros, of any type of number.
    pub const ZERO: Lane = Lane([0; 8]);

    /// The numbers of some cache lines, one after the other: 16 `f32` or 8 `f64` a line.
    #[inline(always)]
    pub fn flat<T: Number>(x: &[Lane]) -> &[T] {
        // SAFETY: a line is 64 bytes without padding, any bits are a number, and numbers are less aligned than lines.
        unsafe { from_raw_parts(x.as_ptr().cast(), x.len() * (64 / size_of::<T>())) }
    }

    /// As [`Lane::flat`], to be written.
    #[inline(always)]
    pub fn flat_mut<T: Number>(x: &mut [Lane]) -> &mut [T] {
        // SAFETY: as in `flat`; any bits are a line too.
        unsafe { from_raw_parts_mut(x.as_mut_ptr().cast(), x.len() * (64 / size_of::<T>())) }
    }
}

/// How many cache lines `numbers` numbers need.
pub const fn lanes<T: Number>(numbers: usize) -> usize {
    numbers.div_ceil(64 / size_of::<T>())
}

/// A number or a nested array of them: `T`, `[T; N]`, `[[T; N]; M]`, ..., of one number at least.
pub trait Block<T>: sealed::Block<T> {}

mod sealed {
    /// # Safety
    /// * A value is `NUMBERS` values of `T` one after the other, and nothing else.
    pub unsafe trait Block<T>: Copy {
        const NUMBERS: usize;
    }
}

// SAFETY: itself.
unsafe impl<T: Number> sealed::Block<T> for T {
    const NUMBERS: usize = 1;
}
impl<T: Number> Block<T> for T {}
// SAFETY: an array is its elements one after the other.
unsafe impl<T: Number, A: sealed::Block<T>, const N: usize> sealed::Block<T> for [A; N] {
    const NUMBERS: usize = N * A::NUMBERS;
}
impl<T: Number, A: Block<T>, const N: usize> Block<T> for [A; N] {}

/// How many blocks `length` numbers are.
#[inline(always)]
#[track_caller]
fn count<T, A: Block<T>>(length: usize) -> usize {
    const { assert!(A::NUMBERS > 0, "a size is 0") };
    assert!(length % A::NUMBERS == 0, "a slice of {length} numbers is no whole number of rows of {}", A::NUMBERS);
    length / A::NUMBERS
}

/// `x` as rows: `rows::<f32, [f32; 784]>(x)`, or `rows(x)` where the type of the row is known.
///
/// # Panics
/// If `x` is no whole number of rows.
#[inline(always)]
#[track_caller]
pub fn rows<T: Number, A: Block<T>>(x: &[T]) -> &[A] {
    let n = count::<T, A>(x.len());
    // SAFETY: `n` blocks have the numbers of `x`, and the alignment of a number.
    unsafe { from_raw_parts(x.as_ptr().cast(), n) }
}

/// As [`rows`], to be written.
#[inline(always)]
#[track_caller]
pub fn rows_mut<T: Number, A: Block<T>>(x: &mut [T]) -> &mut [A] {
    let n = count::<T, A>(x.len());
    // SAFETY: `n` blocks have the numbers of `x`, and the alignment of a number.
    unsafe { from_raw_parts_mut(x.as_mut_ptr().cast(), n) }
}

/// `x` as one array: `array::<f32, [[f32; 256]; 784]>(x)`, or `array(x)` where its type is known.
///
/// # Panics
/// If `x` has another number of numbers.
#[inline(always)]
#[track_caller]
pub fn array<T: Number, A: Block<T>>(x: &[T]) -> &A {
    assert!(x.len() == A::NUMBERS, "a slice of {} numbers is no array of {}", x.len(), A::NUMBERS);
    // SAFETY: an `A` is the numbers of `x`.
    unsafe { &*x.as_ptr().cast() }
}

/// As [`array()`], to be written.
#[inline(always)]
#[track_caller]
pub fn array_mut<T: Number, A: Block<T>>(x: &mut [T]) -> &mut A {
    assert!(x.len() == A::NUMBERS, "a slice of {} numbers is no array of {}", x.len(), A::NUMBERS);
    // SAFETY: an `A` is the numbers of `x`.
    unsafe { &mut *x.as_mut_ptr().cast() }
}

/// The numbers of some rows, one after the other.
#[inline(always)]
pub fn flat<T: Number, A: Block<T>>(x: &[A]) -> &[T] {
    // SAFETY: a block is its numbers one after the other.
    unsafe { from_raw_parts(x.as_ptr().cast(), x.len() * A::NUMBERS) }
}

/// As [`flat`], to be written.
#[inline(always)]
pub fn flat_mut<T: Number, A: Block<T>>(x: &mut [A]) -> &mut [T] {
    // SAFETY: a block is its numbers one after the other.
    unsafe { from_raw_parts_mut(x.as_mut_ptr().cast(), x.len() * A::NUMBERS) }
}

/// A slice that can be cut: `&[T]` or `&mut [T]`.
pub trait Cut: Default {
    /// The first `n` and the others.
    fn cut(self, n: usize) -> (Self, Self);
}

impl<T> Cut for &[T] {
    #[inline(always)]
    #[track_caller]
    fn cut(self, n: usize) -> (Self, Self) {
        self.split_at(n)
    }
}

impl<T> Cut for &mut [T] {
    #[inline(always)]
    #[track_caller]
    fn cut(self, n: usize) -> (Self, Self) {
        self.split_at_mut(n)
    }
}

/// Takes the first `n` off `x`, which is a `&[T]` or a `&mut [T]`: `let head = take(&mut workspace, 12);`
///
/// # Panics
/// If `x` is shorter.
#[inline(always)]
#[track_caller]
pub fn take<X: Cut>(x: &mut X, n: usize) -> X {
    let (head, tail) = core::mem::take(x).cut(n);
    *x = tail;
    head
}

/// Takes `n` rows off a workspace, leaving it on a cache line: `lanes::<T>(n * size of a row)` of it. The rows are not cleared.
///
/// # Panics
/// If the workspace is shorter.
#[inline(always)]
#[track_caller]
pub fn scratch<'a, T: Number, A: Block<T>>(workspace: &mut &'a mut [Lane], n: usize) -> &'a mut [A] {
    let numbers = n * A::NUMBERS;
    rows_mut(&mut Lane::flat_mut(take(workspace, lanes::<T>(numbers)))[..numbers])
}
