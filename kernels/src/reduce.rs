//! Reductions in a fixed order, which depends on the length only: not on the instruction set, nor on where the slice lies.
//!
//! A block of up to 1024 numbers: fewer than sixteen in order; else sixteen partial results, lane `i` taking the elements
//! `i, i + 16, ..`, then halves combined four times. Sums of blocks are added pairwise, so that the error of a sum of n numbers is at most about
//! `(68 + log2(n / 1024)) * 2^-24 * sum |x|` (`2^-53` for `f64`).

use super::Element;
use super::Isa;
use super::Mat;
use super::Portable;
use super::height;
use super::row;
use super::width;
use core::ops::Range;

/// Numbers in a block.
const BLOCK: usize = 1024;

/// Halves combined with halves, four times.
#[inline(always)]
fn fold<T: Element>(mut lanes: [T; 16], combine: &impl Fn(T, T) -> T) -> T {
    for n in [8, 4, 2, 1] {
        for i in 0..n {
            lanes[i] = combine(lanes[i], lanes[i + n]);
        }
    }
    lanes[0]
}

/// Combines `f(i)` for the `i` of a range.
#[inline(always)]
fn block<T: Element>(range: Range<usize>, start: T, f: &impl Fn(usize) -> T, combine: &impl Fn(T, T) -> T) -> T {
    let mut i = range.start;
    if range.end - i < 16 {
        // Folding sixteen lanes would cost more than the sum.
        let mut all = start;
        while i < range.end {
            all = combine(all, f(i));
            i += 1;
        }
        return all;
    }
    let mut lanes = [start; 16];
    while i + 16 <= range.end {
        for j in 0..16 {
            lanes[j] = combine(lanes[j], f(i + j));
        }
        i += 16;
    }
    for j in 0..range.end - i {
        lanes[j] = combine(lanes[j], f(i + j));
    }
    fold(lanes, combine)
}

// Named functions, because a closure behind `&` may not be inlined.
#[inline(always)]
fn plus<T: Element>(a: T, b: T) -> T {
    a + b
}

#[inline(always)]
fn larger<T: Element>(a: T, b: T) -> T {
    super::maximum(Portable, a, b)
}

/// The sum of the sums of the blocks of `0..n`, which `block` computes.
#[inline(always)]
fn total<T: Element>(n: usize, block: impl Fn(Range<usize>) -> T) -> T {
    if n <= BLOCK {
        return block(0..n);
    }
    // As a binary counter: after block number b, `pending[i]` is the sum of 2^i blocks where bit i of b + 1 is set.
    let mut pending = [T::ZERO; 64];
    let blocks = (n + BLOCK - 1) / BLOCK;
    for b in 0..blocks {
        let mut sum = block(b * BLOCK..n.min((b + 1) * BLOCK));
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

/// The sum of `f(i)` for the `i` of a block.
#[inline(always)]
fn sum_block<T: Element>(range: Range<usize>, f: impl Fn(usize) -> T) -> T {
    block(range, T::ZERO, &f, &plus)
}

/// The sum of `exp(x[i] - top)` of a block: by 64, so that the exponentials are a loop of their own, which becomes vector code.
#[inline(always)]
fn exp_block<S: Isa, T: Element>(s: S, x: &[T], top: T) -> T {
    let mut lanes = [T::ZERO; 16];
    for x in x.chunks(64) {
        let mut e = [T::ZERO; 64];
        for (e, x) in e.iter_mut().zip(x) {
            *e = super::exp(s, *x - top);
        }
        for i in 0..4 {
            for j in 0..16 {
                lanes[j] += e[16 * i + j];
            }
        }
    }
    fold(lanes, &plus)
}

/// The largest of `f(0)`, .., `f(n - 1)`.
#[inline(always)]
fn largest<T: Element>(n: usize, f: impl Fn(usize) -> T) -> T {
    block(0..n, -T::INFINITY, &f, &larger)
}

/// The sum of `x`; 0 if there is none.
#[inline(always)]
pub fn sum<T: Element>(x: &[T]) -> T {
    total(
        x.len(),
        #[inline(always)]
        |range| {
            sum_block(
                range,
                #[inline(always)]
                |i| x[i],
            )
        },
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
        |range| {
            sum_block(
                range,
                #[inline(always)]
                |i| x[i] * y[i],
            )
        },
    )
}

/// `sum(i) f(i)` for `i` from 0 to `n - 1`, in the order of [`sum`]. Write the closure in place: `#[inline(always)] |i| ..`.
#[inline(always)]
pub fn sum_of<T: Element>(n: usize, f: impl Fn(usize) -> T) -> T {
    total(
        n,
        #[inline(always)]
        |range| block(range, T::ZERO, &f, &plus),
    )
}

/// The largest of `f(0)`, .., `f(n - 1)`: NaN if one is, `-inf` if there is none. Write the closure in place: `#[inline(always)] |i| ..`.
#[inline(always)]
pub fn max_of<T: Element>(n: usize, f: impl Fn(usize) -> T) -> T {
    largest(n, f)
}

/// The largest of `x`: NaN if one is, `-inf` if there is none.
#[inline(always)]
pub fn max<T: Element>(x: &[T]) -> T {
    largest(
        x.len(),
        #[inline(always)]
        |i| x[i],
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
        |range| exp_block(s, &x[range], top),
    );
    top + super::ln(s, sum)
}

/// `y[m] = ln(sum(n) exp(x[m, n]))`, each as [`lse`] says. Of short rows sixteen lie side by side, and terms are added in order; so what a
/// row gives depends on the row only.
///
/// # Panics
/// If `x` has not as many rows as `y` numbers.
#[inline(always)]
pub fn lse_rows<S: Isa, T: Element, A: Mat<T>>(s: S, x: A, y: &mut [T]) {
    assert!(height(&x) == y.len());
    s.vectorize(
        #[inline(always)]
        || {
            if width(&x) > 64 {
                for m in 0..y.len() {
                    y[m] = lse(s, row(&x, m));
                }
                return;
            }
            for start in (0..y.len()).step_by(16) {
                let rows = if y.len() - start < 16 { y.len() - start } else { 16 };
                let (mut top, mut sum, mut at) = ([-T::INFINITY; 16], [T::ZERO; 16], [T::ZERO; 16]);
                for n in 0..width(&x) {
                    for m in 0..rows {
                        at[m] = row(&x, start + m)[n];
                    }
                    for m in 0..16 {
                        top[m] = larger(top[m], at[m]);
                    }
                }
                // Of infinities the differences would be NaN: they are taken relative to 0.
                let mut base = [T::ZERO; 16];
                for m in 0..16 {
                    base[m] = if top[m] < T::INFINITY && top[m] > -T::INFINITY { top[m] } else { T::ZERO };
                }
                for n in 0..width(&x) {
                    for m in 0..rows {
                        at[m] = row(&x, start + m)[n];
                    }
                    for m in 0..16 {
                        sum[m] += super::exp(s, at[m] - base[m]);
                    }
                }
                for m in 0..16 {
                    sum[m] = super::ln(s, sum[m]) + base[m];
                }
                // A NaN among them stays one, infinity too: `exp` and `ln` keep both.
                y[start..start + rows].copy_from_slice(&sum[..rows]);
            }
        },
    )
}

/// `y[n] = sum(m) x[m, n]`, rows added in order.
///
/// # Panics
/// If `x` has not as many columns as `y` numbers.
#[inline(always)]
pub fn sum_rows<S: Isa, T: Element, A: Mat<T>>(s: S, x: A, y: &mut [T]) {
    assert!(width(&x) == y.len());
    s.vectorize(
        #[inline(always)]
        || {
            y.fill(T::ZERO);
            for m in 0..height(&x) {
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
    assert!(width(&x) == y.len());
    s.vectorize(
        #[inline(always)]
        || {
            for m in 0..height(&x) {
                let row = row(&x, m);
                for n in 0..y.len() {
                    y[n] += row[n];
                }
            }
        },
    )
}
