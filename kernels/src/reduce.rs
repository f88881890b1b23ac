//! Reductions in a fixed order, which depends on the length only: not on the instruction set, nor on where the slice lies.
//!
//! A block of up to 1024 numbers: sixteen partial results, lane `i` taking the elements `i, i + 16, ..`, then halves combined four
//! times. Sums of blocks are added pairwise, so that the error of a sum of n numbers is at most about
//! `(68 + log2(n / 1024)) * 2^-24 * sum |x|` (`2^-53` for `f64`).

use crate::element::Element;
use crate::isa::{Isa, Portable};
use crate::matrix::{Mat, row};

/// Numbers in a block.
const BLOCK: usize = 1024;

/// Combines `f(0)`, .., `f(n - 1)`, of one block.
#[inline(always)]
fn block<T: Element>(range: core::ops::Range<usize>, start: T, f: impl Fn(usize) -> T, combine: impl Fn(T, T) -> T) -> T {
    let mut lanes = [start; 16];
    let mut i = range.start;
    while i + 16 <= range.end {
        for j in 0..16 {
            lanes[j] = combine(lanes[j], f(i + j));
        }
        i += 16;
    }
    for j in 0..range.end - i {
        lanes[j] = combine(lanes[j], f(i + j));
    }
    for n in [8, 4, 2, 1] {
        for i in 0..n {
            lanes[i] = combine(lanes[i], lanes[i + n]);
        }
    }
    lanes[0]
}

/// The sum of `f(0)`, .., `f(n - 1)`.
#[inline(always)]
fn total<T: Element>(n: usize, f: impl Fn(usize) -> T) -> T {
    if n <= BLOCK {
        return block(
            0..n,
            T::ZERO,
            &f,
            #[inline(always)]
            |a, b| a + b,
        );
    }
    // As a binary counter: after block number b, `pending[i]` is the sum of 2^i blocks where bit i of b + 1 is set.
    let mut pending = [T::ZERO; 64];
    let blocks = n.div_ceil(BLOCK);
    for b in 0..blocks {
        let mut sum = block(
            b * BLOCK..n.min((b + 1) * BLOCK),
            T::ZERO,
            &f,
            #[inline(always)]
            |a, b| a + b,
        );
        let mut i = 0;
        while (b >> i) & 1 == 1 {
            sum = pending[i] + sum;
            i += 1;
        }
        pending[i] = sum;
    }
    let mut sum = T::ZERO;
    for i in 0..64 {
        if (blocks >> i) & 1 == 1 {
            sum = pending[i] + sum;
        }
    }
    sum
}

/// The sum of `x`; 0 if there is none.
#[inline(always)]
pub fn sum<T: Element>(x: &[T]) -> T {
    total(
        x.len(),
        #[inline(always)]
        |i| x[i],
    )
}

/// `sum(i) x[i] * y[i]`. Products are rounded before they are added, so it is the same on every machine.
///
/// # Panics
/// If the lengths differ.
#[inline(always)]
pub fn dot<T: Element>(x: &[T], y: &[T]) -> T {
    assert!(x.len() == y.len());
    total(
        x.len(),
        #[inline(always)]
        |i| x[i] * y[i],
    )
}

/// The largest of `x`: NaN if one is, `-inf` if there is none.
#[inline(always)]
pub fn max<T: Element>(x: &[T]) -> T {
    block(
        0..x.len(),
        -T::INFINITY,
        #[inline(always)]
        |i| x[i],
        #[inline(always)]
        |a, b| crate::maximum(Portable, a, b),
    )
}

/// `ln(sum(i) exp(x[i]))`, taken relative to the largest so that nothing overflows: NaN if one is, else `inf` if one is, and `-inf` if all
/// are or there is none.
#[inline(always)]
pub fn lse<S: Isa, T: Element>(s: S, x: &[T]) -> T {
    let top = max(x);
    // Of infinities the differences would be NaN.
    if !(top < T::INFINITY && top > -T::INFINITY) {
        return top;
    }
    let sum = total(
        x.len(),
        #[inline(always)]
        |i| crate::exp(s, x[i] - top),
    );
    top + crate::ln(s, sum)
}

/// `y[n] = sum(m) x[m, n]`, rows added in order.
///
/// # Panics
/// If `x` has not as many columns as `y` numbers.
#[inline(always)]
pub fn sum_rows<S: Isa, T: Element, A: Mat<T>>(s: S, x: A, y: &mut [T]) {
    assert!(x.columns() == y.len());
    s.vectorize(
        #[inline(always)]
        || {
            y.fill(T::ZERO);
            for m in 0..x.rows() {
                let row = row(&x, m);
                for n in 0..y.len() {
                    y[n] += row[n];
                }
            }
        },
    )
}

/// `y[n] += sum(m) x[m, n]`, rows added in order.
///
/// # Panics
/// If `x` has not as many columns as `y` numbers.
#[inline(always)]
pub fn add_sum_rows<S: Isa, T: Element, A: Mat<T>>(s: S, x: A, y: &mut [T]) {
    assert!(x.columns() == y.len());
    s.vectorize(
        #[inline(always)]
        || {
            for m in 0..x.rows() {
                let row = row(&x, m);
                for n in 0..y.len() {
                    y[n] += row[n];
                }
            }
        },
    )
}
