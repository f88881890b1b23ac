//! The operands of matrix products: rows whose length is a type (`&[[T; N]]`, `&[[T; N]; M]`, [`Cols`]) or a run-time number ([`Dyn`]).

use crate::element::Element;

/// A matrix that is read: `&[[T; N]]`, `&[[T; N]; M]`, [`Cols`], [`Dyn`].
pub trait Mat<T: Element>: sealed::Mat<T> + Copy {}

/// A matrix that is written: `&mut [[T; N]]`, `&mut [[T; N]; M]`, [`ColsMut`], [`DynMut`].
pub trait MatMut<T: Element>: sealed::MatMut<T> {}

pub(crate) mod sealed {
    /// Rows of numbers in memory.
    ///
    /// # Safety
    /// * For `m < rows()` and `n < columns()`, `ptr() + m * stride() + n` can be read as long as `self` lives.
    /// * `ROWS` and `COLUMNS` are `rows()` and `columns()`, or 0 where those are run-time numbers.
    pub unsafe trait Mat<T> {
        const ROWS: usize;
        const COLUMNS: usize;
        fn rows(&self) -> usize;
        fn columns(&self) -> usize;
        fn stride(&self) -> usize;
        fn ptr(&self) -> *const T;
    }

    /// As [`Mat`], to be written.
    ///
    /// # Safety
    /// * As for [`Mat`], and the numbers can be written and are nobody else's.
    pub unsafe trait MatMut<T> {
        const ROWS: usize;
        const COLUMNS: usize;
        fn rows(&self) -> usize;
        fn columns(&self) -> usize;
        fn stride(&self) -> usize;
        fn ptr(&mut self) -> *mut T;
    }
}

/// Columns `first .. first + N` of rows of `W`; made by [`cols`].
#[derive(Clone, Copy, Debug)]
pub struct Cols<'a, T, const N: usize, const W: usize>(&'a [[T; W]], usize);

/// Columns `first .. first + N` of rows of `W`, to be written; made by [`cols_mut`].
#[derive(Debug)]
pub struct ColsMut<'a, T, const N: usize, const W: usize>(&'a mut [[T; W]], usize);

/// Columns `first .. first + N` of `x`: `cols::<32, _, _>(qkv, 64)`.
///
/// # Panics
/// If `x` has fewer columns.
#[inline(always)]
pub fn cols<const N: usize, const W: usize, T: Element>(x: &[[T; W]], first: usize) -> Cols<'_, T, N, W> {
    assert!(first <= W && N <= W - first);
    Cols(x, first)
}

/// Columns `first .. first + N` of `x`, to be written.
///
/// # Panics
/// If `x` has fewer columns.
#[inline(always)]
pub fn cols_mut<const N: usize, const W: usize, T: Element>(x: &mut [[T; W]], first: usize) -> ColsMut<'_, T, N, W> {
    assert!(first <= W && N <= W - first);
    ColsMut(x, first)
}

/// A matrix whose row length is a run-time number.
#[derive(Clone, Copy, Debug)]
pub struct Dyn<'a, T> {
    x: &'a [T],
    rows: usize,
    columns: usize,
    stride: usize,
}

/// A matrix whose row length is a run-time number, to be written.
#[derive(Debug)]
pub struct DynMut<'a, T> {
    x: &'a mut [T],
    rows: usize,
    columns: usize,
    stride: usize,
}

/// How many rows of `columns` a slice of `length` holds; none of no columns.
#[track_caller]
fn whole(length: usize, columns: usize) -> usize {
    let rows = length.checked_div(columns).unwrap_or(0);
    assert!(rows * columns == length, "a slice of {length} numbers is no whole number of rows of {columns}");
    rows
}

impl<'a, T: Element> Dyn<'a, T> {
    /// `x` as rows of `columns`.
    ///
    /// # Panics
    /// If `x` is no whole number of rows.
    #[inline]
    #[track_caller]
    pub fn new(x: &'a [T], columns: usize) -> Self {
        Dyn { x, rows: whole(x.len(), columns), columns, stride: columns }
    }

    /// Columns `first .. first + columns` of these.
    ///
    /// # Panics
    /// If there are fewer.
    #[inline]
    #[track_caller]
    pub fn cols(self, first: usize, columns: usize) -> Self {
        assert!(first <= self.columns && columns <= self.columns - first);
        Dyn { x: self.x.get(first..).unwrap_or(&[]), columns, ..self }
    }
}

impl<'a, T: Element> DynMut<'a, T> {
    /// `x` as rows of `columns`.
    ///
    /// # Panics
    /// If `x` is no whole number of rows.
    #[inline]
    #[track_caller]
    pub fn new(x: &'a mut [T], columns: usize) -> Self {
        DynMut { rows: whole(x.len(), columns), columns, stride: columns, x }
    }

    /// Columns `first .. first + columns` of these.
    ///
    /// # Panics
    /// If there are fewer.
    #[inline]
    #[track_caller]
    pub fn cols(self, first: usize, columns: usize) -> Self {
        assert!(first <= self.columns && columns <= self.columns - first);
        DynMut { x: self.x.get_mut(first..).unwrap_or(&mut []), columns, ..self }
    }
}

macro_rules! matrix {
    ($trait:ident $marker:ident [$($g:tt)*] $t:ty, $self:ident, rows $known:expr, $rows:expr; columns $constant:expr, $columns:expr; stride $stride:expr; $p:ty = $ptr:expr; $($m:tt)?) => {
        // SAFETY: the numbers are those of slices or arrays of rows that the value borrows, in whole rows `stride` apart.
        unsafe impl<$($g)*, T: Element> sealed::$trait<T> for $t {
            const ROWS: usize = $known;
            const COLUMNS: usize = $constant;
            #[inline(always)]
            fn rows(&$self) -> usize {
                $rows
            }
            #[inline(always)]
            fn columns(&$self) -> usize {
                $columns
            }
            #[inline(always)]
            fn stride(&$self) -> usize {
                $stride
            }
            #[inline(always)]
            fn ptr(&$($m)? $self) -> $p {
                $ptr
            }
        }
        impl<$($g)*, T: Element> $marker<T> for $t {}
    };
}
matrix!(Mat Mat [const N: usize] &[[T; N]], self, rows 0, self.len(); columns N, N; stride N; *const T = self.as_ptr().cast(););
matrix!(Mat Mat [const N: usize, const M: usize] &[[T; N]; M], self, rows M, M; columns N, N; stride N; *const T = self.as_ptr().cast(););
matrix!(Mat Mat [const N: usize, const W: usize] Cols<'_, T, N, W>, self, rows 0, self.0.len(); columns N, N; stride W; *const T = self.0.as_ptr().cast::<T>().wrapping_add(self.1););
matrix!(Mat Mat ['a] Dyn<'a, T>, self, rows 0, self.rows; columns 0, self.columns; stride self.stride; *const T = self.x.as_ptr(););
matrix!(MatMut MatMut [const N: usize] &mut [[T; N]], self, rows 0, self.len(); columns N, N; stride N; *mut T = self.as_mut_ptr().cast(); mut);
matrix!(MatMut MatMut [const N: usize, const M: usize] &mut [[T; N]; M], self, rows M, M; columns N, N; stride N; *mut T = self.as_mut_ptr().cast(); mut);
matrix!(MatMut MatMut [const N: usize, const W: usize] ColsMut<'_, T, N, W>, self, rows 0, self.0.len(); columns N, N; stride W; *mut T = self.0.as_mut_ptr().cast::<T>().wrapping_add(self.1); mut);
matrix!(MatMut MatMut ['a] DynMut<'a, T>, self, rows 0, self.rows; columns 0, self.columns; stride self.stride; *mut T = self.x.as_mut_ptr(); mut);

/// Row `m` of `x`.
#[inline(always)]
pub(crate) fn row<T: Element, A: Mat<T>>(x: &A, m: usize) -> &[T] {
    assert!(m < x.rows());
    // SAFETY: by the contract of the trait, row `m` has `columns()` numbers that can be read as long as `x` lives.
    unsafe { core::slice::from_raw_parts(x.ptr().add(m * x.stride()), x.columns()) }
}

/// How many rows `x` has.
#[inline(always)]
pub(crate) fn height<T: Element, A: Mat<T>>(x: &A) -> usize {
    x.rows()
}

/// How many columns `x` has.
#[inline(always)]
pub(crate) fn width<T: Element, A: Mat<T>>(x: &A) -> usize {
    x.columns()
}
