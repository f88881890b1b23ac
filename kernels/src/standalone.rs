/// Where a generated file without dependencies runs: wherever it is compiled for.
#[derive(Clone, Copy, Debug)]
pub struct Portable;

/// The instruction set of a function: in this file always [`Portable`].
pub trait Isa: Copy {
    const REGISTERS: usize = 4;

    #[inline(always)]
    fn vectorize<R>(self, f: impl FnOnce() -> R) -> R {
        f()
    }

    /// `a * b + c`
    #[inline(always)]
    fn mul_add<T: Element>(self, a: T, b: T, c: T) -> T {
        a * b + c
    }

    #[inline(always)]
    fn sqrt<T: Element>(self, x: T) -> T {
        x.root()
    }

    #[inline(always)]
    fn splat<T: Element>(self, x: T) -> Vector<T> {
        Vector(x)
    }

    #[inline(always)]
    fn load<T: Element>(self, x: &[T]) -> Vector<T> {
        Vector(x[0])
    }
}

impl Isa for Portable {}

/// A real number.
pub trait Element:
    Copy
    + PartialOrd
    + core::ops::Add<Output = Self>
    + core::ops::Sub<Output = Self>
    + core::ops::Mul<Output = Self>
    + core::ops::Div<Output = Self>
    + core::ops::Neg<Output = Self>
{
    const ZERO: Self;

    const ONE: Self;

    const INFINITY: Self;

    const NAN: Self;

    const LANES: usize = 1;

    fn from_f64(x: f64) -> Self;

    fn to_f64(self) -> f64;

    fn from_i32(x: i32) -> Self;

    fn from_i64(x: i64) -> Self;

    fn root(self) -> Self;

    fn magnitude(self) -> Self;
}

impl Element for f32 {
    const ZERO: Self = 0.0;

    const ONE: Self = 1.0;

    const INFINITY: Self = f32::INFINITY;

    const NAN: Self = f32::NAN;

    fn from_f64(x: f64) -> Self {
        x as f32
    }

    fn to_f64(self) -> f64 {
        self as f64
    }

    fn from_i32(x: i32) -> Self {
        x as f32
    }

    fn from_i64(x: i64) -> Self {
        x as f32
    }

    fn root(self) -> Self {
        root::f32(self)
    }

    fn magnitude(self) -> Self {
        f32::from_bits(self.to_bits() & 0x7fff_ffff)
    }
}

impl Element for f64 {
    const ZERO: Self = 0.0;

    const ONE: Self = 1.0;

    const INFINITY: Self = f64::INFINITY;

    const NAN: Self = f64::NAN;

    fn from_f64(x: f64) -> Self {
        x
    }

    fn to_f64(self) -> f64 {
        self
    }

    fn from_i32(x: i32) -> Self {
        x as f64
    }

    fn from_i64(x: i64) -> Self {
        x as f64
    }

    fn root(self) -> Self {
        root::f64(self)
    }

    fn magnitude(self) -> Self {
        f64::from_bits(self.to_bits() & 0x7fff_ffff_ffff_ffff)
    }
}

/// What the last step of a product computes with: here one number.
#[derive(Clone, Copy, Debug)]
pub struct Vector<T>(T);

macro_rules! operators {
    ($($trait:ident $f:ident $operator:tt)*) => {$(
        impl<T: Element> core::ops::$trait for Vector<T> {
            type Output = Self;
            #[inline(always)]
            fn $f(self, b: Self) -> Self {
                Vector(self.0 $operator b.0)
            }
        }
    )*};
}

operators!(Add add + Sub sub - Mul mul * Div div /);

impl<T: Element> core::ops::Neg for Vector<T> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Vector(-self.0)
    }
}

/// What can be done with a [`Vector`] besides arithmetic.
pub trait Lanes<T>: Copy {
    fn mul_add(self, b: Self, c: Self) -> Self;

    fn relu(self) -> Self;

    fn sqrt(self) -> Self;

    fn abs(self) -> Self;

    fn max(self, b: Self) -> Self;

    fn min(self, b: Self) -> Self;

    fn if_gt(self, b: Self, x: Self, y: Self) -> Self;

    fn if_ge(self, b: Self, x: Self, y: Self) -> Self;

    fn if_lt(self, b: Self, x: Self, y: Self) -> Self;

    fn if_le(self, b: Self, x: Self, y: Self) -> Self;

    fn if_eq(self, b: Self, x: Self, y: Self) -> Self;

    fn if_ne(self, b: Self, x: Self, y: Self) -> Self;

    fn store(self, to: &mut [T]);
}

impl<T: Element> Lanes<T> for Vector<T> {
    #[inline(always)]
    fn mul_add(self, b: Self, c: Self) -> Self {
        self * b + c
    }

    #[inline(always)]
    fn relu(self) -> Self {
        if self.0 < T::ZERO {
            Vector(T::ZERO)
        } else {
            self
        }
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        Vector(self.0.root())
    }

    #[inline(always)]
    fn abs(self) -> Self {
        Vector(self.0.magnitude())
    }

    #[inline(always)]
    fn max(self, b: Self) -> Self {
        if self.0 > b.0 || self.0 != self.0 {
            self
        } else {
            b
        }
    }

    #[inline(always)]
    fn min(self, b: Self) -> Self {
        if self.0 < b.0 || self.0 != self.0 {
            self
        } else {
            b
        }
    }

    #[inline(always)]
    fn if_gt(self, b: Self, x: Self, y: Self) -> Self {
        if self.0 > b.0 {
            x
        } else {
            y
        }
    }

    #[inline(always)]
    fn if_ge(self, b: Self, x: Self, y: Self) -> Self {
        if self.0 >= b.0 {
            x
        } else {
            y
        }
    }

    #[inline(always)]
    fn if_lt(self, b: Self, x: Self, y: Self) -> Self {
        if self.0 < b.0 {
            x
        } else {
            y
        }
    }

    #[inline(always)]
    fn if_le(self, b: Self, x: Self, y: Self) -> Self {
        if self.0 <= b.0 {
            x
        } else {
            y
        }
    }

    #[inline(always)]
    fn if_eq(self, b: Self, x: Self, y: Self) -> Self {
        if self.0 == b.0 {
            x
        } else {
            y
        }
    }

    #[inline(always)]
    fn if_ne(self, b: Self, x: Self, y: Self) -> Self {
        if self.0 != b.0 {
            x
        } else {
            y
        }
    }

    #[inline(always)]
    fn store(self, to: &mut [T]) {
        to[0] = self.0;
    }
}

/// A primitive number: any bits are a value, and 64 bytes hold a whole number of them.
pub trait Number: Copy + 'static {}

macro_rules! numbers {
    ($($t:ident)*) => {$(
        impl Number for $t {}
    )*};
}

numbers!(f32 f64 i8 i16 i32 i64 isize u8 u16 u32 u64 usize);

/// A cache line: the unit of workspaces.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(64))]
pub struct Lane([u64; 8]);

impl Lane {
    pub const ZERO: Lane = Lane([0; 8]);

    /// The numbers of some lines, one after the other.
    pub fn flat<T: Number>(x: &[Lane]) -> &[T] {
        let n = x.len() * (64 / core::mem::size_of::<T>());
        // SAFETY: a line is 64 bytes without padding, any bits are a number, and numbers are less aligned than lines.
        unsafe { core::slice::from_raw_parts(x.as_ptr().cast(), n) }
    }

    /// The numbers of some lines, one after the other.
    pub fn flat_mut<T: Number>(x: &mut [Lane]) -> &mut [T] {
        let n = x.len() * (64 / core::mem::size_of::<T>());
        // SAFETY: a line is 64 bytes without padding, any bits are a number or a line, and numbers are less aligned than lines.
        unsafe { core::slice::from_raw_parts_mut(x.as_mut_ptr().cast(), n) }
    }
}

impl core::default::Default for Lane {
    fn default() -> Self {
        Lane([0; 8])
    }
}

/// How many lines `numbers` numbers need.
pub const fn lanes<T>(numbers: usize) -> usize {
    let line = 64 / core::mem::size_of::<T>();
    (numbers + line - 1) / line
}

/// `T`, `[T; N]`, `[[T; N]; M]`, ..
///
/// # Safety
/// A value is `NUMBERS` values of `T` one after the other, and nothing else.
pub unsafe trait Block<T> {
    const NUMBERS: usize;
}

// SAFETY: itself.
unsafe impl<T: Number> Block<T> for T {
    const NUMBERS: usize = 1;
}

// SAFETY: an array is its elements one after the other.
unsafe impl<T: Number, A: Block<T>, const N: usize> Block<T> for [A; N] {
    const NUMBERS: usize = N * A::NUMBERS;
}

/// How many blocks `length` numbers are.
fn count<T, A: Block<T>>(length: usize) -> usize {
    assert!(A::NUMBERS > 0 && length % A::NUMBERS == 0, "a slice is no whole number of rows");
    length / A::NUMBERS
}

/// `x` as rows.
#[inline(always)]
pub fn rows<T: Number, A: Block<T>>(x: &[T]) -> &[A] {
    let n = count::<T, A>(x.len());
    // SAFETY: `n` blocks have the numbers of `x`, and the alignment of a number.
    unsafe { core::slice::from_raw_parts(x.as_ptr().cast(), n) }
}

/// `x` as rows, to be written.
#[inline(always)]
pub fn rows_mut<T: Number, A: Block<T>>(x: &mut [T]) -> &mut [A] {
    let n = count::<T, A>(x.len());
    // SAFETY: `n` blocks have the numbers of `x`, and the alignment of a number.
    unsafe { core::slice::from_raw_parts_mut(x.as_mut_ptr().cast(), n) }
}

/// `x` as one array.
#[inline(always)]
pub fn array<T: Number, A: Block<T>>(x: &[T]) -> &A {
    assert!(x.len() == A::NUMBERS, "a slice has not the numbers of an array");
    // SAFETY: an `A` is the numbers of `x`.
    unsafe { &*x.as_ptr().cast() }
}

/// `x` as one array, to be written.
#[inline(always)]
pub fn array_mut<T: Number, A: Block<T>>(x: &mut [T]) -> &mut A {
    assert!(x.len() == A::NUMBERS, "a slice has not the numbers of an array");
    // SAFETY: an `A` is the numbers of `x`.
    unsafe { &mut *x.as_mut_ptr().cast() }
}

/// The numbers of some rows, one after the other.
#[inline(always)]
pub fn flat<T: Number, A: Block<T>>(x: &[A]) -> &[T] {
    // SAFETY: a block is its numbers one after the other.
    unsafe { core::slice::from_raw_parts(x.as_ptr().cast(), x.len() * A::NUMBERS) }
}

/// The numbers of some rows, one after the other, to be written.
#[inline(always)]
pub fn flat_mut<T: Number, A: Block<T>>(x: &mut [A]) -> &mut [T] {
    // SAFETY: a block is its numbers one after the other.
    unsafe { core::slice::from_raw_parts_mut(x.as_mut_ptr().cast(), x.len() * A::NUMBERS) }
}

/// A slice that can be cut: `&[T]` or `&mut [T]`.
pub trait Cut: Default {
    fn cut(self, n: usize) -> (Self, Self);
}

impl<'a, T> Cut for &'a [T] {
    fn cut(self, n: usize) -> (Self, Self) {
        self.split_at(n)
    }
}

impl<'a, T> Cut for &'a mut [T] {
    fn cut(self, n: usize) -> (Self, Self) {
        self.split_at_mut(n)
    }
}

/// Takes the first `n` off `x`.
pub fn take<X: Cut>(x: &mut X, n: usize) -> X {
    let (head, tail) = core::mem::replace(x, X::default()).cut(n);
    *x = tail;
    head
}

/// Takes `n` rows off a workspace, leaving it on a cache line.
pub fn scratch<'a, T: Number, A: Block<T>>(workspace: &mut &'a mut [Lane], n: usize) -> &'a mut [A] {
    let numbers = n * A::NUMBERS;
    rows_mut(&mut Lane::flat_mut(take(workspace, lanes::<T>(numbers)))[..numbers])
}

/// A matrix that is read.
pub trait Mat<T>: Copy {
    fn height(&self) -> usize;

    fn width(&self) -> usize;

    fn line(&self, m: usize) -> &[T];
}

impl<'a, T: Element, const N: usize> Mat<T> for &'a [[T; N]] {
    #[inline(always)]
    fn height(&self) -> usize {
        self.len()
    }

    #[inline(always)]
    fn width(&self) -> usize {
        N
    }

    #[inline(always)]
    fn line(&self, m: usize) -> &[T] {
        &self[m]
    }
}

impl<'a, T: Element, const N: usize, const M: usize> Mat<T> for &'a [[T; N]; M] {
    #[inline(always)]
    fn height(&self) -> usize {
        M
    }

    #[inline(always)]
    fn width(&self) -> usize {
        N
    }

    #[inline(always)]
    fn line(&self, m: usize) -> &[T] {
        &self[m]
    }
}

impl<'a, T: Element, const N: usize, const W: usize> Mat<T> for Cols<'a, T, N, W> {
    #[inline(always)]
    fn height(&self) -> usize {
        self.0.len()
    }

    #[inline(always)]
    fn width(&self) -> usize {
        N
    }

    #[inline(always)]
    fn line(&self, m: usize) -> &[T] {
        &self.0[m][self.1..self.1 + N]
    }
}

impl<'a, T: Element> Mat<T> for Dyn<'a, T> {
    #[inline(always)]
    fn height(&self) -> usize {
        self.rows
    }

    #[inline(always)]
    fn width(&self) -> usize {
        self.columns
    }

    #[inline(always)]
    fn line(&self, m: usize) -> &[T] {
        &self.x[m * self.stride..][..self.columns]
    }
}

/// A matrix that is written.
pub trait MatMut<T> {
    fn height(&self) -> usize;

    fn width(&self) -> usize;

    fn line_mut(&mut self, m: usize) -> &mut [T];
}

impl<'a, T: Element, const N: usize> MatMut<T> for &'a mut [[T; N]] {
    #[inline(always)]
    fn height(&self) -> usize {
        self.len()
    }

    #[inline(always)]
    fn width(&self) -> usize {
        N
    }

    #[inline(always)]
    fn line_mut(&mut self, m: usize) -> &mut [T] {
        &mut self[m]
    }
}

impl<'a, T: Element, const N: usize, const M: usize> MatMut<T> for &'a mut [[T; N]; M] {
    #[inline(always)]
    fn height(&self) -> usize {
        M
    }

    #[inline(always)]
    fn width(&self) -> usize {
        N
    }

    #[inline(always)]
    fn line_mut(&mut self, m: usize) -> &mut [T] {
        &mut self[m]
    }
}

impl<'a, T: Element, const N: usize, const W: usize> MatMut<T> for ColsMut<'a, T, N, W> {
    #[inline(always)]
    fn height(&self) -> usize {
        self.0.len()
    }

    #[inline(always)]
    fn width(&self) -> usize {
        N
    }

    #[inline(always)]
    fn line_mut(&mut self, m: usize) -> &mut [T] {
        &mut self.0[m][self.1..self.1 + N]
    }
}

impl<'a, T: Element> MatMut<T> for DynMut<'a, T> {
    #[inline(always)]
    fn height(&self) -> usize {
        self.rows
    }

    #[inline(always)]
    fn width(&self) -> usize {
        self.columns
    }

    #[inline(always)]
    fn line_mut(&mut self, m: usize) -> &mut [T] {
        &mut self.x[m * self.stride..][..self.columns]
    }
}

/// Columns `first .. first + N` of rows of `W`.
#[derive(Clone, Copy)]
pub struct Cols<'a, T, const N: usize, const W: usize>(&'a [[T; W]], usize);

/// Columns `first .. first + N` of rows of `W`, to be written.
pub struct ColsMut<'a, T, const N: usize, const W: usize>(&'a mut [[T; W]], usize);

/// Columns `first .. first + N` of `x`.
pub fn cols<const N: usize, const W: usize, T: Element>(x: &[[T; W]], first: usize) -> Cols<'_, T, N, W> {
    Cols(x, first)
}

/// Columns `first .. first + N` of `x`, to be written.
pub fn cols_mut<const N: usize, const W: usize, T: Element>(x: &mut [[T; W]], first: usize) -> ColsMut<'_, T, N, W> {
    ColsMut(x, first)
}

/// A matrix whose row length is a run-time number.
#[derive(Clone, Copy)]
pub struct Dyn<'a, T> {
    x: &'a [T],
    rows: usize,
    columns: usize,
    stride: usize,
}

impl<'a, T: Element> Dyn<'a, T> {
    /// `x` as rows of `columns`.
    pub fn new(x: &'a [T], columns: usize) -> Self {
        let rows = x.len().checked_div(columns).unwrap_or(0);
        assert!(rows * columns == x.len(), "a slice is no whole number of rows");
        Dyn { x, rows, columns, stride: columns }
    }

    /// Columns `first .. first + columns` of these.
    pub fn cols(self, first: usize, columns: usize) -> Self {
        assert!(first + columns <= self.columns);
        Dyn { x: self.x.get(first..).unwrap_or(&[]), columns, ..self }
    }
}

/// A matrix whose row length is a run-time number, to be written.
pub struct DynMut<'a, T> {
    x: &'a mut [T],
    rows: usize,
    columns: usize,
    stride: usize,
}

impl<'a, T: Element> DynMut<'a, T> {
    /// `x` as rows of `columns`.
    pub fn new(x: &'a mut [T], columns: usize) -> Self {
        let rows = x.len().checked_div(columns).unwrap_or(0);
        assert!(rows * columns == x.len(), "a slice is no whole number of rows");
        DynMut { rows, columns, stride: columns, x }
    }

    /// Columns `first .. first + columns` of these.
    pub fn cols(self, first: usize, columns: usize) -> Self {
        assert!(first + columns <= self.columns);
        DynMut { x: self.x.get_mut(first..).unwrap_or(&mut []), columns, ..self }
    }
}

/// Where the last step of a product stands.
#[derive(Clone, Copy)]
pub struct At {
    row: usize,
    column: usize,
    columns: usize,
}

impl At {
    /// The row of the result.
    #[inline(always)]
    pub fn row(&self) -> usize {
        self.row
    }

    /// The value, at this column, of a vector that is the same for all rows.
    #[inline(always)]
    pub fn col<T: Element>(&self, x: &[T]) -> Vector<T> {
        assert!(x.len() == self.columns, "a vector has not the columns of the result");
        Vector(x[self.column])
    }

    /// The value at this place of a matrix of the result's shape.
    #[inline(always)]
    pub fn of<T: Element, M: Mat<T>>(&self, x: M) -> Vector<T> {
        let x = x.line(self.row);
        assert!(x.len() == self.columns, "a matrix has not the columns of the result");
        Vector(x[self.column])
    }
}

/// `c[m, n] = f(c[m, n], sum(k) a(m, k) * b(k, n))`, eight columns at a time, `k` upwards.
fn product<T: Element, C: MatMut<T>>(
    k: usize,
    a: impl Fn(usize, usize) -> T,
    b: impl Fn(usize, usize) -> T,
    mut c: C,
    f: impl Fn(T, T, At) -> T,
) {
    let columns = c.width();
    for row in 0..c.height() {
        let mut first = 0;
        while first < columns {
            let wide = if columns - first < 8 { columns - first } else { 8 };
            let mut sums = [T::ZERO; 8];
            for k in 0..k {
                let a = a(row, k);
                for j in 0..wide {
                    sums[j] = a * b(k, first + j) + sums[j];
                }
            }
            for j in 0..wide {
                let column = first + j;
                let c = &mut c.line_mut(row)[column];
                *c = f(*c, sums[j], At { row, column, columns });
            }
            first += 8;
        }
    }
}

/// `c[m, n] = f(sum(k) a[m, k] * b[k, n])`
pub fn nn<S: Isa, T: Element, A: Mat<T>, B: Mat<T>, C: MatMut<T>>(_: S, a: A, b: B, c: C, f: impl Fn(Vector<T>, At) -> Vector<T>) {
    assert!(a.height() == c.height() && a.width() == b.height() && b.width() == c.width(), "shapes disagree");
    product(a.width(), |m, k| a.line(m)[k], |k, n| b.line(k)[n], c, |_, z, at| f(Vector(z), at).0)
}

/// `c[m, n] += sum(k) a[m, k] * b[k, n]`
pub fn nn_add<S: Isa, T: Element, A: Mat<T>, B: Mat<T>, C: MatMut<T>>(_: S, a: A, b: B, c: C) {
    assert!(a.height() == c.height() && a.width() == b.height() && b.width() == c.width(), "shapes disagree");
    product(a.width(), |m, k| a.line(m)[k], |k, n| b.line(k)[n], c, |c, z, _| z + c)
}

/// As [`nn`]; `panel` is not used.
pub fn nn_wide<S: Isa, T: Element, A: Mat<T>, B: Mat<T>, C: MatMut<T>>(
    s: S,
    a: A,
    b: B,
    c: C,
    _: &mut [Lane],
    f: impl Fn(Vector<T>, At) -> Vector<T>,
) {
    nn(s, a, b, c, f)
}

/// `c[m, n] = f(sum(k) a[m, k] * b[n, k])`; `panel` is not used.
pub fn nt<S: Isa, T: Element, A: Mat<T>, B: Mat<T>, C: MatMut<T>>(
    _: S,
    a: A,
    b: B,
    c: C,
    _: &mut [Lane],
    f: impl Fn(Vector<T>, At) -> Vector<T>,
) {
    assert!(a.height() == c.height() && a.width() == b.width() && b.height() == c.width(), "shapes disagree");
    product(a.width(), |m, k| a.line(m)[k], |k, n| b.line(n)[k], c, |_, z, at| f(Vector(z), at).0)
}

/// `c[m, n] += sum(k) a[m, k] * b[n, k]`; `panel` is not used.
pub fn nt_add<S: Isa, T: Element, A: Mat<T>, B: Mat<T>, C: MatMut<T>>(_: S, a: A, b: B, c: C, _: &mut [Lane]) {
    assert!(a.height() == c.height() && a.width() == b.width() && b.height() == c.width(), "shapes disagree");
    product(a.width(), |m, k| a.line(m)[k], |k, n| b.line(n)[k], c, |c, z, _| z + c)
}

/// `c[m, n] = sum(k) a[k, m] * b[k, n]`
pub fn tn<S: Isa, T: Element, A: Mat<T>, B: Mat<T>, C: MatMut<T>>(_: S, a: A, b: B, c: C) {
    assert!(a.width() == c.height() && a.height() == b.height() && b.width() == c.width(), "shapes disagree");
    product(a.height(), |m, k| a.line(k)[m], |k, n| b.line(k)[n], c, |_, z, _| z)
}

/// Some rows of what [`tn`] computes, from `first`.
pub fn tn_rows<S: Isa, T: Element, A: Mat<T>, B: Mat<T>, C: MatMut<T>>(_: S, a: A, b: B, c: C, first: usize) {
    assert!(a.height() == b.height() && b.width() == c.width(), "shapes disagree");
    product(a.height(), |m, k| a.line(k)[first + m], |k, n| b.line(k)[n], c, |_, z, _| z)
}

/// `c[m, n] += sum(k) a[k, m] * b[k, n]`
pub fn add_tn<S: Isa, T: Element, A: Mat<T>, B: Mat<T>, C: MatMut<T>>(_: S, a: A, b: B, c: C) {
    assert!(a.width() == c.height() && a.height() == b.height() && b.width() == c.width(), "shapes disagree");
    product(a.height(), |m, k| a.line(k)[m], |k, n| b.line(k)[n], c, |c, z, _| z + c)
}

/// How many cache lines a product wants as `panel`: none here.
pub const fn panel<T>(_: usize) -> usize {
    0
}

/// `y[n, m] = x[m, n]`
pub fn transpose<S: Isa, T: Element, A: Mat<T>, B: MatMut<T>>(_: S, x: A, mut y: B) {
    assert!(x.height() == y.width() && x.width() == y.height(), "shapes disagree");
    for m in 0..x.height() {
        for n in 0..x.width() {
            y.line_mut(n)[m] = x.line(m)[n];
        }
    }
}

/// Row `m` of `x`.
#[inline(always)]
pub fn row<T: Element, A: Mat<T>>(x: &A, m: usize) -> &[T] {
    x.line(m)
}

/// How many rows `x` has.
#[inline(always)]
fn height<T: Element, A: Mat<T>>(x: &A) -> usize {
    x.height()
}

/// How many columns `x` has.
#[inline(always)]
fn width<T: Element, A: Mat<T>>(x: &A) -> usize {
    x.width()
}

pub use self::single::exp;

pub use self::single::ln;

pub use self::single::tanh;

pub use self::single::sigmoid;

pub use self::single::softplus;

pub use self::single::erf;

pub use self::single::sin;

pub use self::single::cos;

/// `|x|`
#[inline(always)]
pub fn abs<S: Isa>(_: S, x: f32) -> f32 {
    single::abs(x)
}

/// The square root.
#[inline(always)]
pub fn sqrt<S: Isa>(_: S, x: f32) -> f32 {
    root::f32(x)
}

/// The greatest whole number not above `x`.
#[inline(always)]
pub fn floor<S: Isa>(_: S, x: f32) -> f32 {
    single::floor(x)
}

/// `x^n` by products.
#[inline(always)]
pub fn powi<S: Isa>(_: S, x: f32, n: i32) -> f32 {
    single::powi(x, n)
}

/// The larger of two; NaN if either is NaN.
#[inline(always)]
pub fn maximum<S: Isa>(_: S, a: f32, b: f32) -> f32 {
    if a > b || a != a {
        a
    } else {
        b
    }
}

/// The smaller of two; NaN if either is NaN.
#[inline(always)]
pub fn minimum<S: Isa>(_: S, a: f32, b: f32) -> f32 {
    if a < b || a != a {
        a
    } else {
        b
    }
}

pub use self::reduce::sum;

pub use self::reduce::max;

pub use self::reduce::dot;

pub use self::reduce::lse;

pub use self::reduce::sum_of;

pub use self::reduce::max_of;

pub use self::reduce::lse_rows;

pub use self::reduce::sum_rows;

pub use self::reduce::add_sum_rows;

pub use self::random::uniform;

pub use self::random::normal;

pub use self::random::philox;

pub use self::random::draw_uniform;

pub use self::random::draw_normal;

pub use self::random::orthogonal;

pub use self::error::Error;

pub use self::error::check_length;

pub use self::error::check_index;

pub use self::error::check_probability;

pub use self::error::check_size;
