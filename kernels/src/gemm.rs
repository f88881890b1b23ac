//! Matrix products. Sizes are types where the program knows them ([`Mat`]); the number of samples never is.
//!
//! One register tile of `MR` rows by `NV` vectors does all of them: `acc[r][v] += a[r, k] * b[k, v]`, with `a` broadcast and `b` read
//! along rows. The sum over `k` runs upwards in one accumulator, so **the bits of an element depend on its `k` products only**: not on the
//! tile, the position, the batch size or a thread. [`Avx512`](crate::Avx512) and [`Avx2`](crate::Avx2) agree to the bit (both fuse
//! product and sum); [`Portable`](crate::Portable) rounds twice.
//!
//! Measured on random numbers in [-1/2, 1/2), `f32` sums of 1 to 10 000 products differ from `f64` by at most 9e-8 of the sum of the
//! products' sizes (`k * 2^-24` would be the bound), so long sums are not blocked.
//!
//! Operands are taken apart inside `vectorize`, so that what their types say is still a constant there.
//!
//! Epilogue: `f(z, at)` is applied to vectors of the result while they are in registers. It is a closure written in place,
//! `#[inline(always)] |z, at| (z + at.col(bias)).relu()`.

use crate::element::Element;
use crate::isa::{Isa, sealed::Vector as _};
use crate::matrix::{Mat, MatMut, row};
use crate::views::Lane;

/// Where an epilogue stands: some columns of a row of the result.
#[derive(Clone, Copy, Debug)]
pub struct At<S> {
    s: S,
    row: usize,
    col: usize,
    lanes: usize,
    columns: usize,
}

impl<S: Isa> At<S> {
    /// The row of the result.
    #[inline(always)]
    pub fn row(&self) -> usize {
        self.row
    }

    /// The values, at these columns, of a vector that is the same for all rows (a bias).
    ///
    /// # Panics
    /// If `x` has not a number for each column of the result.
    #[inline(always)]
    pub fn col<T: Element>(&self, x: &[T]) -> T::Vector<S> {
        let _ = self.s;
        assert!(x.len() == self.columns, "a vector has not the columns of the result");
        // SAFETY: `self.s` proves the instruction set. An `At` is only made with `col + lanes <= columns`, the length of `x`.
        unsafe { load::<S, T>(x.as_ptr().add(self.col), self.lanes) }
    }

    /// The values at this place of a matrix of the result's shape.
    ///
    /// # Panics
    /// If `x` has not the columns of the result, or too few rows.
    #[inline(always)]
    pub fn of<T: Element, M: Mat<T>>(&self, x: M) -> T::Vector<S> {
        self.col(row(&x, self.row))
    }
}

/// `lanes` numbers from `p`.
///
/// # Safety
/// * The machine has the instruction set.
/// * `lanes <= LANES`, and `p` points to that many numbers.
#[inline(always)]
unsafe fn load<S: Isa, T: Element>(p: *const T, lanes: usize) -> T::Vector<S> {
    // SAFETY: as above.
    unsafe { if lanes == T::LANES { T::Vector::<S>::load(p) } else { T::Vector::<S>::load_part(p, lanes) } }
}

/// Whether two sizes can be equal, 0 being one that only run time knows.
const fn agree(a: usize, b: usize) -> bool {
    a == 0 || b == 0 || a == b
}

/// `c[m, n] = f(sum(k) a[m, k] * b[k, n])`, read where they lie.
///
/// # Panics
/// If the shapes disagree (while compiling, where the sizes are types).
#[inline(always)]
pub fn nn<S: Isa, T: Element, A: Mat<T>, B: Mat<T>, C: MatMut<T>>(
    s: S,
    a: A,
    b: B,
    mut c: C,
    f: impl Fn(T::Vector<S>, At<S>) -> T::Vector<S>,
) {
    const { assert!(agree(A::COLUMNS, B::ROWS) && agree(B::COLUMNS, C::COLUMNS) && agree(A::ROWS, C::ROWS), "shapes disagree") };
    assert!(a.rows() == c.rows() && a.columns() == b.rows() && b.columns() == c.columns(), "shapes disagree");
    let outer = a.columns();
    s.vectorize(
        #[inline(always)]
        || {
            let (k, a, b, c) = (depth::<S>(a.columns(), outer), Left::rows(a), Rows(b.ptr(), b.stride()), Out::of::<C>(&mut c));
            // SAFETY: the shapes agree, so every element named by `m < c.m`, `k` and `n < c.n` exists.
            unsafe { product::<S, T, _, C, false>(s, k, a, b, c, &f) }
        },
    )
}

/// `c[m, n] += sum(k) a[m, k] * b[k, n]`; the sum is taken first, then added.
///
/// # Panics
/// If the shapes disagree.
#[inline(always)]
pub fn nn_add<S: Isa, T: Element, A: Mat<T>, B: Mat<T>, C: MatMut<T>>(s: S, a: A, b: B, mut c: C) {
    const { assert!(agree(A::COLUMNS, B::ROWS) && agree(B::COLUMNS, C::COLUMNS) && agree(A::ROWS, C::ROWS), "shapes disagree") };
    assert!(a.rows() == c.rows() && a.columns() == b.rows() && b.columns() == c.columns(), "shapes disagree");
    let outer = a.columns();
    s.vectorize(
        #[inline(always)]
        || {
            let (k, a, b, c) = (depth::<S>(a.columns(), outer), Left::rows(a), Rows(b.ptr(), b.stride()), Out::of::<C>(&mut c));
            // SAFETY: the shapes agree.
            unsafe { product::<S, T, _, C, true>(s, k, a, b, c, &keep::<S, T>) }
        },
    )
}

/// As [`nn`], for rows of `b` of 4 KiB or more: copies up to four vectors' columns of `b` at a time to `panel`, of [`panel`]`(k)` lines.
///
/// # Panics
/// If the shapes disagree or `panel` is too short.
#[inline(always)]
pub fn nn_wide<S: Isa, T: Element, A: Mat<T>, B: Mat<T>, C: MatMut<T>>(
    s: S,
    a: A,
    b: B,
    mut c: C,
    panel: &mut [Lane],
    f: impl Fn(T::Vector<S>, At<S>) -> T::Vector<S>,
) {
    const { assert!(agree(A::COLUMNS, B::ROWS) && agree(B::COLUMNS, C::COLUMNS) && agree(A::ROWS, C::ROWS), "shapes disagree") };
    assert!(a.rows() == c.rows() && a.columns() == b.rows() && b.columns() == c.columns(), "shapes disagree");
    assert!(panel.len() / 4 >= a.columns(), "the panel is too short");
    s.vectorize(
        #[inline(always)]
        || {
            let k = a.columns();
            let b = Copied { b: b.ptr(), stride: b.stride(), k, panel: panel.as_mut_ptr().cast() };
            let (a, c) = (Left::rows(a), Out::of::<C>(&mut c));
            // SAFETY: the shapes agree, and the panel holds four vectors for each k.
            unsafe { product::<S, T, _, C, false>(s, k, a, b, c, &f) }
        },
    )
}

/// `c[m, n] = f(sum(k) a[m, k] * b[n, k])`; up to four vectors' columns of the transpose of `b` at a time go through `panel`, of
/// [`panel`]`(k)` lines.
///
/// # Panics
/// If the shapes disagree or `panel` is too short.
#[inline(always)]
pub fn nt<S: Isa, T: Element, A: Mat<T>, B: Mat<T>, C: MatMut<T>>(
    s: S,
    a: A,
    b: B,
    mut c: C,
    panel: &mut [Lane],
    f: impl Fn(T::Vector<S>, At<S>) -> T::Vector<S>,
) {
    const { assert!(agree(A::COLUMNS, B::COLUMNS) && agree(B::ROWS, C::COLUMNS) && agree(A::ROWS, C::ROWS), "shapes disagree") };
    assert!(a.rows() == c.rows() && a.columns() == b.columns() && b.rows() == c.columns(), "shapes disagree");
    let outer = a.columns();
    s.vectorize(
        #[inline(always)]
        || {
            let (k, b) = (depth::<S>(a.columns(), outer), Transposed::new(b, panel));
            let (a, c) = (Left::rows(a), Out::of::<C>(&mut c));
            // SAFETY: the shapes agree, and the panel holds four vectors for each k, rounded up.
            unsafe { product::<S, T, _, C, false>(s, k, a, b, c, &f) }
        },
    )
}

/// `c[m, n] += sum(k) a[m, k] * b[n, k]`; otherwise as [`nt`].
///
/// # Panics
/// If the shapes disagree or `panel` is too short.
#[inline(always)]
pub fn nt_add<S: Isa, T: Element, A: Mat<T>, B: Mat<T>, C: MatMut<T>>(s: S, a: A, b: B, mut c: C, panel: &mut [Lane]) {
    const { assert!(agree(A::COLUMNS, B::COLUMNS) && agree(B::ROWS, C::COLUMNS) && agree(A::ROWS, C::ROWS), "shapes disagree") };
    assert!(a.rows() == c.rows() && a.columns() == b.columns() && b.rows() == c.columns(), "shapes disagree");
    let outer = a.columns();
    s.vectorize(
        #[inline(always)]
        || {
            let (k, b) = (depth::<S>(a.columns(), outer), Transposed::new(b, panel));
            let (a, c) = (Left::rows(a), Out::of::<C>(&mut c));
            // SAFETY: as in `nt`.
            unsafe { product::<S, T, _, C, true>(s, k, a, b, c, &keep::<S, T>) }
        },
    )
}

/// `c[m, n] = sum(k) a[k, m] * b[k, n]`
///
/// # Panics
/// If the shapes disagree.
#[inline(always)]
pub fn tn<S: Isa, T: Element, A: Mat<T>, B: Mat<T>, C: MatMut<T>>(s: S, a: A, b: B, c: C) {
    const { assert!(agree(A::COLUMNS, C::ROWS), "shapes disagree") };
    assert!(a.columns() == c.rows(), "shapes disagree");
    tn_rows(s, a, b, c, 0)
}

/// Rows `first .. first + rows of c` of what [`tn`] computes: a thread's share, the same bits as in the whole.
///
/// # Panics
/// If the shapes disagree.
#[inline(always)]
pub fn tn_rows<S: Isa, T: Element, A: Mat<T>, B: Mat<T>, C: MatMut<T>>(s: S, a: A, b: B, mut c: C, first: usize) {
    const { assert!(agree(A::ROWS, B::ROWS) && agree(B::COLUMNS, C::COLUMNS), "shapes disagree") };
    assert!(a.rows() == b.rows() && b.columns() == c.columns(), "shapes disagree");
    assert!(first <= a.columns() && c.rows() <= a.columns() - first, "shapes disagree");
    s.vectorize(
        #[inline(always)]
        || {
            let (k, a, b, c) = (a.rows(), Left::columns(a, first), Rows(b.ptr(), b.stride()), Out::of::<C>(&mut c));
            // SAFETY: the shapes agree.
            unsafe { product::<S, T, _, C, false>(s, k, a, b, c, &keep::<S, T>) }
        },
    )
}

/// `c[m, n] += sum(k) a[k, m] * b[k, n]`; the sum is taken first, then added.
///
/// # Panics
/// If the shapes disagree.
#[inline(always)]
pub fn add_tn<S: Isa, T: Element, A: Mat<T>, B: Mat<T>, C: MatMut<T>>(s: S, a: A, b: B, mut c: C) {
    const { assert!(agree(A::COLUMNS, C::ROWS) && agree(A::ROWS, B::ROWS) && agree(B::COLUMNS, C::COLUMNS), "shapes disagree") };
    assert!(a.columns() == c.rows() && a.rows() == b.rows() && b.columns() == c.columns(), "shapes disagree");
    s.vectorize(
        #[inline(always)]
        || {
            let (k, a, b, c) = (a.rows(), Left::columns(a, 0), Rows(b.ptr(), b.stride()), Out::of::<C>(&mut c));
            // SAFETY: the shapes agree.
            unsafe { product::<S, T, _, C, true>(s, k, a, b, c, &keep::<S, T>) }
        },
    )
}

/// How many cache lines [`nt`] and [`nn_wide`] want as `panel` for sums of `k` products.
pub const fn panel<T: Element>(k: usize) -> usize {
    4 * k.next_multiple_of(T::LANES)
}

/// The number of products in a sum. Where registers are few a constant one does harm: LLVM unrolls short loops whole, and spills. So
/// there it is `outer`, the same number, of which the function behind `vectorize` knows nothing.
#[inline(always)]
fn depth<S: Isa>(constant: usize, outer: usize) -> usize {
    if const { S::REGISTERS == 32 } { constant } else { outer }
}

/// The result: `m` rows of `n`, `stride` apart.
#[derive(Clone, Copy)]
struct Out<T> {
    p: *mut T,
    m: usize,
    n: usize,
    stride: usize,
}

impl<T: Element> Out<T> {
    #[inline(always)]
    fn of<C: MatMut<T>>(c: &mut C) -> Self {
        Out { m: c.rows(), n: c.columns(), stride: c.stride(), p: c.ptr() }
    }
}

/// The epilogue of a product that is stored as it is.
#[inline(always)]
fn keep<S: Isa, T: Element>(z: T::Vector<S>, _: At<S>) -> T::Vector<S> {
    z
}

/// The left factor: element `(m, k)` is `p[m * self.m + k * self.k]`.
#[derive(Clone, Copy)]
struct Left<T> {
    p: *const T,
    m: usize,
    k: usize,
}

impl<T: Element> Left<T> {
    #[inline(always)]
    fn rows<A: Mat<T>>(a: A) -> Self {
        Left { p: a.ptr(), m: a.stride(), k: 1 }
    }
    #[inline(always)]
    fn columns<A: Mat<T>>(a: A, first: usize) -> Self {
        Left { p: a.ptr().wrapping_add(first), m: 1, k: a.stride() }
    }
}

/// The right factor, asked for one panel of columns at a time.
trait Right<T>: Copy {
    /// Where row 0 of the columns `col .. col + LANES * (vectors - 1) + last` is, and how far apart rows are.
    ///
    /// # Safety
    /// * The machine has the instruction set.
    /// * These columns exist; `vectors <= 4`.
    unsafe fn panel<S: Isa>(self, col: usize, vectors: usize, last: usize) -> (*const T, usize);
}

/// Used where it lies.
#[derive(Clone, Copy)]
struct Rows<T>(*const T, usize);

impl<T: Element> Right<T> for Rows<T> {
    #[inline(always)]
    unsafe fn panel<S: Isa>(self, col: usize, _: usize, _: usize) -> (*const T, usize) {
        (self.0.wrapping_add(col), self.1)
    }
}

/// Copied first, because rows that are pages apart collide in the cache.
#[derive(Clone, Copy)]
struct Copied<T> {
    b: *const T,
    stride: usize,
    k: usize,
    panel: *mut T,
}

impl<T: Element> Right<T> for Copied<T> {
    #[inline(always)]
    unsafe fn panel<S: Isa>(self, col: usize, vectors: usize, last: usize) -> (*const T, usize) {
        for k in 0..self.k {
            for v in 0..vectors {
                let lanes = if v + 1 == vectors { last } else { T::LANES };
                // SAFETY: the columns exist by contract; the panel holds `4 * k` vectors.
                unsafe {
                    let x = load::<S, T>(self.b.add(k * self.stride + col + T::LANES * v), lanes);
                    x.write(self.panel.add(T::LANES * (k * vectors + v)));
                }
            }
        }
        (self.panel, T::LANES * vectors)
    }
}

/// Stored with columns as rows: turned in square blocks of a vector's length.
#[derive(Clone, Copy)]
struct Transposed<T> {
    b: *const T,
    stride: usize,
    k: usize,
    panel: *mut T,
}

impl<T: Element> Transposed<T> {
    #[inline(always)]
    fn new<B: Mat<T>>(b: B, lanes: &mut [Lane]) -> Self {
        let k = b.columns();
        assert!(lanes.len() / 4 >= k.next_multiple_of(T::LANES), "the panel is too short");
        Transposed { b: b.ptr(), stride: b.stride(), k, panel: lanes.as_mut_ptr().cast() }
    }
}

impl<T: Element> Right<T> for Transposed<T> {
    #[inline(always)]
    unsafe fn panel<S: Isa>(self, col: usize, vectors: usize, last: usize) -> (*const T, usize) {
        for k in (0..self.k).step_by(T::LANES) {
            let columns = T::LANES.min(self.k - k);
            for v in 0..vectors {
                let rows = if v + 1 == vectors { last } else { T::LANES };
                // SAFETY: rows `col ..` of the transposed factor exist by contract, `columns` stay within its `k`, and the panel
                // holds four vectors for each k, rounded up to whole blocks.
                unsafe {
                    let mut block = [T::Vector::<S>::splat(T::ZERO); 16];
                    for i in 0..rows {
                        block[i] = load::<S, T>(self.b.add((col + T::LANES * v + i) * self.stride + k), columns);
                    }
                    T::Vector::<S>::transpose(&mut block);
                    for i in 0..T::LANES {
                        block[i].write(self.panel.add(T::LANES * ((k + i) * vectors + v)));
                    }
                }
            }
        }
        (self.panel, T::LANES * vectors)
    }
}

/// How many vectors wide the tiles are for a result of `vectors` vectors a row (0: run time knows). Rows in a tile spare reads of `b`,
/// so few and tall it is.
const fn width(vectors: usize, registers: usize) -> usize {
    match (registers, vectors) {
        (32, 3) => 3,
        (32, 0 | 2..) => 2,
        _ => 1,
    }
}

/// Rows in the main tile, 2 or multiples of four: what the registers hold beside `width` vectors of `b` and one of `a`.
const fn height(width: usize, registers: usize) -> usize {
    match (registers, width) {
        (32, 1) => 16,
        (32, 2) => 12,
        (32, _) => 8,
        (8, _) => 4,
        _ => 2,
    }
}

/// `rows` over all columns: panels of `NV` vectors, then what is left in one of two, or in ones.
/// `const` blocks, because what they exclude is not compiled at all.
macro_rules! panels {
    ($mr:literal, $nv:literal, $s:ident, $rows:expr, $k:ident, $a:ident, $b:ident, $c:ident, $f:ident) => {{
        let (mut col, n) = (0, $c.n);
        while n - col >= T::LANES * $nv {
            // SAFETY: the contract of `product`, and `col + LANES * NV <= n`.
            unsafe { rows::<S, T, B, $mr, $nv, ADD, false>($s, $rows, $k, $a, $b, $c, col, T::LANES, $f) }
            col += T::LANES * $nv;
        }
        if const { C::COLUMNS == 0 } {
            while n - col >= T::LANES {
                // SAFETY: the contract of `product`, and `col + LANES <= n`.
                unsafe { rows::<S, T, B, $mr, 1, ADD, false>($s, $rows, $k, $a, $b, $c, col, T::LANES, $f) }
                col += T::LANES;
            }
            if col < n {
                // SAFETY: the contract of `product`, and `col + (n - col) <= n`.
                unsafe { rows::<S, T, B, $mr, 1, ADD, true>($s, $rows, $k, $a, $b, $c, col, n - col, $f) }
            }
            return;
        }
        let last = const { C::COLUMNS % T::LANES };
        if const { (C::COLUMNS % (T::LANES * $nv)).div_ceil(T::LANES) == 2 } {
            // SAFETY: the contract of `product`; two vectors are left, the second whole or of `last`.
            unsafe {
                if const { C::COLUMNS % T::LANES == 0 } {
                    rows::<S, T, B, $mr, 2, ADD, false>($s, $rows, $k, $a, $b, $c, col, T::LANES, $f)
                } else {
                    rows::<S, T, B, $mr, 2, ADD, true>($s, $rows, $k, $a, $b, $c, col, last, $f)
                }
            }
        } else if const { C::COLUMNS % (T::LANES * $nv) != 0 } {
            if const { C::COLUMNS % (T::LANES * $nv) >= T::LANES } {
                while n - col >= T::LANES {
                    // SAFETY: the contract of `product`, and `col + LANES <= n`.
                    unsafe { rows::<S, T, B, $mr, 1, ADD, false>($s, $rows, $k, $a, $b, $c, col, T::LANES, $f) }
                    col += T::LANES;
                }
            }
            if const { C::COLUMNS % T::LANES != 0 } {
                // SAFETY: the contract of `product`; `last` columns are left.
                unsafe { rows::<S, T, B, $mr, 1, ADD, true>($s, $rows, $k, $a, $b, $c, col, last, $f) }
            }
        }
    }};
}

/// `c[m, n] = f(sum(k) a[m, k] * b[k, n])`, or `+=` with `ADD`.
///
/// # Safety
/// * `c` was made from a `C`, and for `m < c.m`, `n < c.n` and all `k < k`, `a` has an element `(m, k)` and `b` one `(k, n)`.
/// * `b`'s panel, if it has one, holds `4 * k` vectors (`k` rounded up to a multiple of `LANES` where it is transposed).
#[inline(always)]
unsafe fn product<S: Isa, T: Element, B: Right<T>, C: MatMut<T>, const ADD: bool>(
    s: S,
    k: usize,
    a: Left<T>,
    b: B,
    c: Out<T>,
    f: &impl Fn(T::Vector<S>, At<S>) -> T::Vector<S>,
) {
    // Rows by fours in tall tiles; those left over one at a time.
    // SAFETY: the contract of this function.
    unsafe {
        tall::<S, T, B, C, ADD>(s, k, a, b, c, f);
        if c.m % 4 != 0 {
            single::<S, T, B, C, ADD>(s, k, a, b, c, f);
        }
    }
}

/// The rows up to the last multiple of four.
///
/// # Safety
/// As for [`product`].
#[inline(always)]
unsafe fn tall<S: Isa, T: Element, B: Right<T>, C: MatMut<T>, const ADD: bool>(
    s: S,
    k: usize,
    a: Left<T>,
    b: B,
    c: Out<T>,
    f: &impl Fn(T::Vector<S>, At<S>) -> T::Vector<S>,
) {
    let four = c.m - c.m % 4;
    if four == 0 {
        return;
    }
    macro_rules! tall {
        ($mr:literal, $nv:literal) => {
            if const {
                let width = width(C::COLUMNS.div_ceil(T::LANES), S::REGISTERS);
                width == $nv && height(width, S::REGISTERS) == $mr
            } {
                panels!($mr, $nv, s, 0..four, k, a, b, c, f)
            }
        };
    }
    tall!(16, 1);
    tall!(12, 2);
    tall!(8, 3);
    tall!(4, 1);
    tall!(2, 1);
}

/// The rows after the last multiple of four, one at a time and four vectors wide: as many sums under way as the latency of an addition
/// asks for.
///
/// # Safety
/// As for [`product`].
#[inline(always)]
unsafe fn single<S: Isa, T: Element, B: Right<T>, C: MatMut<T>, const ADD: bool>(
    s: S,
    k: usize,
    a: Left<T>,
    b: B,
    c: Out<T>,
    f: &impl Fn(T::Vector<S>, At<S>) -> T::Vector<S>,
) {
    let four = c.m - c.m % 4;
    if const { S::REGISTERS == 32 } { panels!(1, 4, s, four..c.m, k, a, b, c, f) } else { panels!(1, 1, s, four..c.m, k, a, b, c, f) }
}

/// Some rows of one panel of `NV` vectors, the last of `last` lanes (fewer than all with `PART`), `MR` at a time and then four.
///
/// # Safety
/// As for [`product`]; and the columns `col .. col + LANES * (NV - 1) + last` and the rows exist.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn rows<S: Isa, T: Element, B: Right<T>, const MR: usize, const NV: usize, const ADD: bool, const PART: bool>(
    s: S,
    rows: core::ops::Range<usize>,
    k: usize,
    a: Left<T>,
    b: B,
    c: Out<T>,
    col: usize,
    last: usize,
    f: &impl Fn(T::Vector<S>, At<S>) -> T::Vector<S>,
) {
    // SAFETY: `s` proves the instruction set; the columns exist.
    let b = unsafe { b.panel::<S>(col, NV, last) };
    let mut row = rows.start;
    while rows.end - row >= MR {
        // SAFETY: the contract of this function, and `row + MR <= rows.end`.
        unsafe { tile::<S, T, MR, NV, ADD, PART>(s, k, a, b, c, row, col, last, f) }
        row += MR;
    }
    if const { MR > 4 } {
        while row < rows.end {
            // SAFETY: as above; rows are a multiple of four where tiles are tall.
            unsafe { tile::<S, T, 4, NV, ADD, PART>(s, k, a, b, c, row, col, last, f) }
            row += 4;
        }
    }
}

/// # Safety
/// As for [`rows`], for rows `row .. row + MR`; `b` is the panel of these columns.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn tile<S: Isa, T: Element, const MR: usize, const NV: usize, const ADD: bool, const PART: bool>(
    s: S,
    k: usize,
    a: Left<T>,
    (b, b_k): (*const T, usize),
    c: Out<T>,
    row: usize,
    col: usize,
    last: usize,
    f: &impl Fn(T::Vector<S>, At<S>) -> T::Vector<S>,
) {
    use crate::isa::Lanes;
    // SAFETY: `s` proves the instruction set; the elements exist by contract, and pointers past the last `k` are not read.
    unsafe {
        let mut acc = [[T::Vector::<S>::splat(T::ZERO); NV]; MR];
        let (mut pa, mut pb) = (a.p.wrapping_add(row * a.m), b);
        for _ in 0..k {
            let mut bv = [T::Vector::<S>::splat(T::ZERO); NV];
            for v in 0..NV {
                let p = pb.add(T::LANES * v);
                bv[v] = if PART && v + 1 == NV { T::Vector::<S>::load_part(p, last) } else { T::Vector::<S>::load(p) };
            }
            for r in 0..MR {
                let ar = T::Vector::<S>::splat(*pa.add(r * a.m));
                for v in 0..NV {
                    acc[r][v] = ar.mul_add(bv[v], acc[r][v]);
                }
            }
            pa = pa.wrapping_add(a.k);
            pb = pb.wrapping_add(b_k);
        }
        for r in 0..MR {
            for v in 0..NV {
                let part = PART && v + 1 == NV;
                let lanes = if part { last } else { T::LANES };
                let at = At { s, row: row + r, col: col + T::LANES * v, lanes, columns: c.n };
                let p = c.p.add((row + r) * c.stride + col + T::LANES * v);
                let sum = if ADD { acc[r][v] + load::<S, T>(p, lanes) } else { acc[r][v] };
                let y = f(sum, at);
                if part { y.write_part(p, last) } else { y.write(p) }
            }
        }
    }
}

/// `y[n, m] = x[m, n]`, in square blocks of a vector's length.
///
/// # Panics
/// If the shapes disagree.
#[inline(always)]
pub fn transpose<S: Isa, T: Element, A: Mat<T>, B: MatMut<T>>(s: S, x: A, mut y: B) {
    const { assert!(agree(A::ROWS, B::COLUMNS) && agree(A::COLUMNS, B::ROWS), "shapes disagree") };
    assert!(x.rows() == y.columns() && x.columns() == y.rows(), "shapes disagree");
    s.vectorize(
        #[inline(always)]
        || {
            let (m_end, n_end, from_stride, to_stride) = (x.rows(), x.columns(), x.stride(), y.stride());
            let (from, to) = (x.ptr(), y.ptr());
            for m in (0..m_end).step_by(T::LANES) {
                for n in (0..n_end).step_by(T::LANES) {
                    let (rows, columns) = (T::LANES.min(m_end - m), T::LANES.min(n_end - n));
                    // SAFETY: `s` proves the instruction set; rows and columns stay within both matrices.
                    unsafe {
                        let mut block = [T::Vector::<S>::splat(T::ZERO); 16];
                        if rows == T::LANES && columns == T::LANES {
                            for i in 0..T::LANES {
                                block[i] = T::Vector::<S>::load(from.add((m + i) * from_stride + n));
                            }
                            T::Vector::<S>::transpose(&mut block);
                            for i in 0..T::LANES {
                                block[i].write(to.add((n + i) * to_stride + m));
                            }
                        } else {
                            for i in 0..rows {
                                block[i] = T::Vector::<S>::load_part(from.add((m + i) * from_stride + n), columns);
                            }
                            T::Vector::<S>::transpose(&mut block);
                            for i in 0..columns {
                                block[i].write_part(to.add((n + i) * to_stride + m), rows);
                            }
                        }
                    }
                }
            }
        },
    )
}
