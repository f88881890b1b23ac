//! Matrix products against the plain loop in `f64`, on every instruction set of this machine, at the sizes around the vectors' lengths.

use nnc_kernels::*;

/// Calls `f(token)` for every instruction set of this machine.
macro_rules! on_each {
    ($f:ident $(::<$($g:tt),*>)?) => {{
        $f $(::<_, $($g),*>)? (Portable);
        Avx2::detect().map(|s| $f $(::<_, $($g),*>)? (s));
        Avx512::detect().map(|s| $f $(::<_, $($g),*>)? (s));
    }};
}

/// Numbers in [-1/2, 1/2), other ones for each `stream`.
fn numbers<T: Element>(n: usize, stream: u32) -> Vec<T> {
    (0..n as u64).map(|i| T::from_f64(uniform(1, stream, 0, i) - 0.5)).collect()
}

/// `want[i]` is a sum of `k` products below 1/4 (then of two more numbers).
#[track_caller]
fn close<T: Element>(got: &[T], want: &[f64], k: usize) {
    assert_eq!(got.len(), want.len());
    let unit = if T::LANES == 16 { f64::from(f32::EPSILON) } else { f64::EPSILON };
    for (i, (g, w)) in got.iter().zip(want).enumerate() {
        assert!((g.to_f64() - w).abs() <= unit * (1.0 + 0.5 * k as f64), "number {i}: {g} instead of {w}");
    }
}

/// The plain loop: `c[m, n] = sum(k) a(m, k) * b(k, n)`.
fn plain(m: usize, n: usize, k: usize, a: impl Fn(usize, usize) -> f64, b: impl Fn(usize, usize) -> f64) -> Vec<f64> {
    let mut c = Vec::new();
    for i in 0..m {
        for j in 0..n {
            c.push((0..k).map(|l| a(i, l) * b(l, j)).sum());
        }
    }
    c
}

const ROWS: [usize; 12] = [0, 1, 2, 3, 4, 5, 8, 12, 13, 16, 17, 33];

fn check<S: Isa, T: Element, const K: usize, const N: usize>(s: S) {
    for m in ROWS {
        // One number in front, so that no row lies on a multiple of anything.
        let (a, b, bias, y) = (numbers::<T>(1 + m * K, 1), numbers::<T>(1 + K * N, 2), numbers::<T>(N, 3), numbers::<T>(1 + m * N, 4));
        let (a, b, y) = (&a[1..], &b[1..], &y[1..]);
        let mut c = vec![T::ONE; 1 + m * N];
        let c = &mut c[1..];
        let mut lines = vec![Lane::ZERO; panel::<T>(K)];
        let z = plain(m, N, K, |i, l| a[i * K + l].to_f64(), |l, j| b[l * N + j].to_f64());
        let want: Vec<f64> = (0..m * N).map(|i| (z[i] + bias[i % N].to_f64()).max(0.0) - y[i].to_f64()).collect();
        let (rows_a, array_b): (&[[T; K]], &[[T; N]; K]) = (rows(a), array(b));
        nn(
            s,
            rows_a,
            array_b,
            rows_mut::<T, [T; N]>(c),
            #[inline(always)]
            |z, at| (z + at.col(&bias)).relu() - at.of(rows::<T, [T; N]>(y)),
        );
        close(c, &want, K);
        // The same, with rows of run-time length: the same bits.
        let known = c.to_vec();
        c.fill(T::NAN);
        nn(
            s,
            Dyn::new(a, K),
            Dyn::new(b, N),
            DynMut::new(c, N),
            #[inline(always)]
            |z, at| (z + at.col(&bias)).relu() - at.of(Dyn::new(y, N)),
        );
        assert_eq!(c, known);
        c.fill(T::NAN);
        nn_wide(
            s,
            rows_a,
            array_b,
            rows_mut::<T, [T; N]>(c),
            &mut lines,
            #[inline(always)]
            |z, at| (z + at.col(&bias)).relu() - at.of(rows::<T, [T; N]>(y)),
        );
        assert_eq!(c, known);
        // Transposed: b as N rows of K.
        let mut turned = vec![T::ZERO; K * N];
        transpose(s, array_b, array_mut::<T, [[T; K]; N]>(&mut turned));
        for l in 0..K {
            for j in 0..N {
                assert_eq!(turned[j * K + l], b[l * N + j]);
            }
        }
        c.fill(T::NAN);
        nt(
            s,
            rows_a,
            array::<T, [[T; K]; N]>(&turned),
            rows_mut::<T, [T; N]>(c),
            &mut lines,
            #[inline(always)]
            |z, at| (z + at.col(&bias)).relu() - at.of(rows::<T, [T; N]>(y)),
        );
        assert_eq!(c, known);
        c.fill(T::NAN);
        nt(
            s,
            Dyn::new(a, K),
            Dyn::new(&turned, K),
            DynMut::new(c, N),
            &mut lines,
            #[inline(always)]
            |z, at| (z + at.col(&bias)).relu() - at.of(Dyn::new(y, N)),
        );
        assert_eq!(c, known);
        // Sums into what is there.
        let want: Vec<f64> = (0..m * N).map(|i| z[i] + y[i].to_f64()).collect();
        c.copy_from_slice(y);
        nn_add(s, rows_a, array_b, rows_mut::<T, [T; N]>(c));
        close(c, &want, K);
        let known = c.to_vec();
        c.copy_from_slice(y);
        nt_add(s, rows_a, array::<T, [[T; K]; N]>(&turned), rows_mut::<T, [T; N]>(c), &mut lines);
        assert_eq!(c, known);
        // Weight gradients: the sum over the `m` rows of a and y.
        let z = plain(K, N, m, |i, l| a[l * K + i].to_f64(), |l, j| y[l * N + j].to_f64());
        let mut d = vec![T::NAN; K * N];
        tn(s, rows_a, rows::<T, [T; N]>(y), array_mut::<T, [[T; N]; K]>(&mut d));
        close(&d, &z, m);
        let known = d.clone();
        d.fill(T::NAN);
        tn(s, Dyn::new(a, K), Dyn::new(y, N), DynMut::new(&mut d, N));
        assert_eq!(d, known);
        d.fill(T::NAN);
        let first = K / 2;
        tn_rows(s, rows_a, rows::<T, [T; N]>(y), rows_mut::<T, [T; N]>(&mut d[first * N..]), first);
        assert_eq!(d[first * N..], known[first * N..]);
        d.copy_from_slice(b);
        add_tn(s, rows_a, rows::<T, [T; N]>(y), array_mut::<T, [[T; N]; K]>(&mut d));
        let want: Vec<f64> = (0..K * N).map(|i| z[i] + b[i].to_f64()).collect();
        close(&d, &want, m);
    }
}

/// Each size costs compile time, so these are few; `run_time_sizes` has the others.
fn check_sizes<S: Isa, T: Element>(s: S) {
    check::<S, T, 3, 17>(s);
    check::<S, T, 17, 3>(s);
}

#[test]
fn products_f32() {
    on_each!(check_sizes::<f32>);
}

#[test]
fn products_f64() {
    on_each!(check_sizes::<f64>);
}
