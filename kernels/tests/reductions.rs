//! Reductions against plain loops in `f64`, and that their bits depend on the length only.

use nnc_kernels::*;

fn numbers<T: Element>(n: usize) -> Vec<T> {
    (0..n as u64).map(|i| T::from_f64(normal(7, 0, 0, i))).collect()
}

fn check<S: Isa, T: Element>(s: S) {
    let unit = if T::LANES == 16 { f64::from(f32::EPSILON) } else { f64::EPSILON };
    for n in [0, 1, 2, 3, 15, 16, 17, 31, 33, 63, 64, 65, 100, 1023, 1024, 1025, 2048, 5000, 100_000] {
        let (x, y) = (numbers::<T>(2 * n), numbers::<T>(n + 1));
        let (x, y) = (&x[n..], &y[1..]);
        let wide = |x: &[T]| -> Vec<f64> { x.iter().map(|x| x.to_f64()).collect() };
        let (x64, y64) = (wide(x), wide(y));
        let sizes: f64 = x64.iter().map(|x| x.abs()).sum();
        assert!((sum(x).to_f64() - x64.iter().sum::<f64>()).abs() <= 5.0 * unit * sizes, "sum of {n}");
        let (products, sizes) = x64.iter().zip(&y64).fold((0.0, 0.0), |(p, q), (x, y)| (p + x * y, q + (x * y).abs()));
        assert!((dot(x, y).to_f64() - products).abs() <= 5.0 * unit * sizes, "dot of {n}");
        let top = x64.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        assert_eq!(max(x).to_f64(), top);
        let want = if n == 0 { f64::NEG_INFINITY } else { top + x64.iter().map(|x| (x - top).exp()).sum::<f64>().ln() };
        let got = lse(s, x).to_f64();
        assert!(got == want || (got - want).abs() <= 4.0 * unit * (1.0 + want.abs()), "lse of {n}: {got}, not {want}");
        // The same numbers elsewhere: the same bits.
        let moved: Vec<T> = [&[T::ONE], x].concat();
        assert_eq!((sum(x), lse(s, x)), (sum(&moved[1..]), lse(s, &moved[1..])));
        for i in [0, n / 2, n.saturating_sub(1)].into_iter().filter(|&i| i < n) {
            let mut x = x.to_vec();
            for special in [T::NAN, T::INFINITY, -T::INFINITY] {
                x[i] = special;
                let infinite = special > T::ZERO;
                let same = |got: T| if special.to_f64().is_nan() { got.to_f64().is_nan() } else { got == special };
                assert!(same(sum(&x)), "{n}");
                assert!(same(max(&x)) || special < T::ZERO, "{n}");
                assert!(same(lse(s, &x)) || (special < T::ZERO && n > 1), "{n} {special} {infinite}");
            }
        }
    }
    let minus = -T::INFINITY;
    assert_eq!((lse(s, &[minus, minus]), lse(s, &[minus, T::ONE]), lse(s, &[T::INFINITY, minus])), (minus, T::ONE, T::INFINITY));
    assert!(lse(s, &[T::INFINITY, T::NAN]).to_f64().is_nan());
    let large = T::from_f64(1e30);
    assert_eq!((lse(s, &[large, large]), lse(s, &[-large])), (large, -large));
    lse_of_rows::<S, T, 1>(s);
    lse_of_rows::<S, T, 3>(s);
    lse_of_rows::<S, T, 17>(s);
    lse_of_rows::<S, T, 65>(s);
    columns::<S, T, 1>(s);
    columns::<S, T, 17>(s);
}

fn lse_of_rows<S: Isa, T: Element, const N: usize>(s: S) {
    let unit = if T::LANES == 16 { f64::from(f32::EPSILON) } else { f64::EPSILON };
    for m in [0, 1, 2, 15, 16, 17, 33] {
        let mut x = numbers::<T>(1 + m * N);
        for (at, special) in [(1, T::NAN), (1 + 2 * N, T::INFINITY), (1 + 16 * N, T::from_f64(1e30)), (m * N, -T::INFINITY)] {
            if at < x.len() {
                x[at] = special;
            }
        }
        let x = rows::<T, [T; N]>(&x[1..]);
        let mut y = vec![T::ZERO; m];
        lse_rows(s, x, &mut y);
        for (x, &y) in x.iter().zip(&y) {
            let (want, got) = (lse(s, x).to_f64(), y.to_f64());
            let same = got == want || (got.is_nan() && want.is_nan()) || (got - want).abs() <= 4.0 * unit * (1.0 + want.abs());
            assert!(same, "{m} rows of {N}: {got}, not {want}");
            // What a row gives does not depend on the rows around it.
            let mut alone = [T::ZERO];
            lse_rows(s, core::slice::from_ref(x), &mut alone);
            assert!(alone[0] == y || (got.is_nan() && alone[0].to_f64().is_nan()));
        }
    }
}

fn columns<S: Isa, T: Element, const N: usize>(s: S) {
    for m in [0, 1, 2, 33] {
        let x = numbers::<T>(1 + m * N);
        let x = rows::<T, [T; N]>(&x[1..]);
        let mut want = [T::ZERO; N];
        for row in x {
            for n in 0..N {
                want[n] += row[n];
            }
        }
        let mut y = [T::NAN; N];
        sum_rows(s, x, &mut y);
        assert_eq!(y, want);
        sum_rows(s, Dyn::new(flat(x), N), &mut y);
        assert_eq!(y, want);
        add_sum_rows(s, x, &mut y);
        assert_eq!(y.map(|y| y.to_f64()).len(), N);
        for n in 0..N {
            assert!((y[n] - want[n] - want[n]).to_f64().abs() < 1e-4);
        }
    }
}

fn both<S: Isa>(s: S) {
    check::<S, f32>(s);
    check::<S, f64>(s);
}

#[test]
fn against_plain_loops() {
    both(Portable);
    Avx2::detect().into_iter().for_each(both);
    Avx512::detect().into_iter().for_each(both);
}

#[test]
fn a_million() {
    let x = vec![0.1f32; 1_000_000];
    let want = 1e6 * f64::from(0.1f32);
    assert!((f64::from(sum(&x)) - want).abs() < 1e-6 * want, "{}", sum(&x));
}
