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

/// Each size costs compile time, so these are few: one past whole vectors, and less than one; `run_time_sizes` has the others.
fn check_single<S: Isa>(s: S) {
    check::<S, f32, 3, 17>(s);
    check::<S, f32, 17, 3>(s);
}

fn check_double<S: Isa>(s: S) {
    check::<S, f64, 5, 17>(s);
}

#[test]
fn products_f32() {
    on_each!(check_single);
}

#[test]
fn products_f64() {
    on_each!(check_double);
}

/// The error of sums of `k` products, against `f64` and relative to the sum of their sizes: it grows as a random walk, far below the bound
/// of `k` roundings.
fn check_long_sums<S: Isa>(s: S) {
    for k in [1, 10, 100, 1000, 10_000] {
        let (a, b) = (numbers::<f32>(4 * k, 1), numbers::<f32>(k * 16, 2));
        let mut c = vec![0.0; 4 * 16];
        nn(
            s,
            Dyn::new(&a, k),
            Dyn::new(&b, 16),
            DynMut::new(&mut c, 16),
            #[inline(always)]
            |z, _| z,
        );
        let at = |i: usize, j: usize, l: usize| f64::from(a[i * k + l]) * f64::from(b[l * 16 + j]);
        let mut worst = 0.0f64;
        for i in 0..4 {
            for j in 0..16 {
                let (sum, sizes) = (0..k).fold((0.0, 0.0), |(s, t), l| (s + at(i, j, l), t + at(i, j, l).abs()));
                worst = worst.max((f64::from(c[16 * i + j]) - sum).abs() / sizes);
            }
        }
        println!("k = {k}: {worst:.1e} of the sum of sizes");
        assert!(worst <= 6e-8 * (2.0 + 0.1 * (k as f64).sqrt()), "k = {k}: {worst:e}");
    }
}

#[test]
fn long_sums() {
    on_each!(check_long_sums);
}

/// Every extent around the vectors' lengths, as run-time sizes (whose bits are those of sizes in types, see `check`).
fn check_run_time_sizes<S: Isa, T: Element>(s: S) {
    let sizes = [1, 2, 3, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 40, 47, 48, 49, 64, 65];
    for (i, &n) in sizes.iter().enumerate() {
        for (j, &m) in [0, 1, 2, 3, 4, 5, 12, 13, 16, 17, 33].iter().enumerate() {
            let k = sizes[(3 * i + 5 * j) % sizes.len()];
            let (a, b, bias) = (numbers::<T>(m * k, 1), numbers::<T>(k * n, 2), numbers::<T>(n, 3));
            let mut turned = vec![T::ZERO; n * k];
            transpose(s, Dyn::new(&b, n), DynMut::new(&mut turned, k));
            let mut turned_a = vec![T::ZERO; m * k];
            if m > 0 {
                transpose(s, Dyn::new(&a, k), DynMut::new(&mut turned_a, m));
            }
            let want: Vec<f64> = plain(m, n, k, |i, l| a[i * k + l].to_f64(), |l, j| b[l * n + j].to_f64());
            let mut lines = vec![Lane::ZERO; panel::<T>(k)];
            let (mut c, mut d, mut e) = (vec![T::NAN; m * n], vec![T::NAN; m * n], vec![T::NAN; m * n]);
            nn(
                s,
                Dyn::new(&a, k),
                Dyn::new(&b, n),
                DynMut::new(&mut c, n),
                #[inline(always)]
                |z, at| z + at.col(&bias),
            );
            nt(
                s,
                Dyn::new(&a, k),
                Dyn::new(&turned, k),
                DynMut::new(&mut d, n),
                &mut lines,
                #[inline(always)]
                |z, at| z + at.col(&bias),
            );
            assert_eq!(c, d, "{m} {n} {k}");
            if m > 0 {
                tn(s, Dyn::new(&turned_a, m), Dyn::new(&b, n), DynMut::new(&mut e, n));
                close(&e, &want, k);
            }
            let want: Vec<f64> = (0..m * n).map(|i| want[i] + bias[i % n].to_f64()).collect();
            close(&c, &want, k);
        }
    }
}

#[test]
fn run_time_sizes() {
    on_each!(check_run_time_sizes::<f32>);
    on_each!(check_run_time_sizes::<f64>);
}
