//! Operations on vectors in epilogues: the same as on numbers, lane by lane, NaN and infinity included, in whole and partial vectors.

use nnc_kernels::*;

/// One product of one factor: `c = f(a, a)`, so the epilogue sees the numbers themselves; the second operand is `y`.
fn check<S: Isa, T: Element>(s: S) {
    let specials = [0.0, -0.0, 1.0, -1.0, 2.5, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 1e30, -1e-30, 3.0];
    // Every pair, in 121 columns: whole vectors and a part.
    let x: Vec<T> = (0..121).map(|i| T::from_f64(specials[i / 11])).collect();
    let y: Vec<T> = (0..121).map(|i| T::from_f64(specials[i % 11])).collect();
    let (x, y): (&[[T; 121]; 1], &[[T; 121]; 1]) = (array(&x), array(&y));
    let larger = |a: T, b: T| maximum(s, a, b);
    let smaller = |a: T, b: T| minimum(s, a, b);
    let choose = |holds: bool, a: T, b: T| if holds { a } else { b };
    macro_rules! same {
        ($name:literal, |$a:ident, $b:ident| $vector:expr, $number:expr) => {{
            let mut c = [[T::ZERO; 121]];
            nn(
                s,
                &[[T::ONE]],
                &[[T::ONE; 121]],
                &mut c,
                #[inline(always)]
                |_, at| {
                    let ($a, $b) = (at.of(x), at.of(y));
                    $vector
                },
            );
            for i in 0..121 {
                let ($a, $b) = (x[0][i], y[0][i]);
                let (got, want): (T, T) = (c[0][i], $number);
                let (g, w) = (got.to_f64(), want.to_f64());
                assert!(g.to_bits() == w.to_bits() || g.is_nan() && w.is_nan(), "{}({}, {}) = {g}, not {w}", $name, $a, $b);
            }
        }};
    }
    same!("+", |a, b| a + b, a + b);
    same!("-", |a, b| a - b, a - b);
    same!("*", |a, b| a * b, a * b);
    same!("/", |a, b| a / b, a / b);
    same!("-", |a, _b| -a, -a);
    same!("abs", |a, _b| a.abs(), abs(s, a));
    same!("sqrt", |a, _b| a.sqrt(), sqrt(s, a));
    same!("relu", |a, _b| a.relu(), choose(a < T::ZERO, T::ZERO, a));
    same!("mul_add", |a, b| a.mul_add(b, a), s.mul_add(a, b, a));
    same!("max", |a, b| a.max(b), larger(a, b));
    same!("min", |a, b| a.min(b), smaller(a, b));
    same!("if_gt", |a, b| a.if_gt(b, a, b), choose(a > b, a, b));
    same!("if_ge", |a, b| a.if_ge(b, b, a), choose(a >= b, b, a));
    same!("if_lt", |a, b| a.if_lt(b, b, a), choose(a < b, b, a));
    same!("if_le", |a, b| a.if_le(b, a, b), choose(a <= b, a, b));
    same!("if_eq", |a, b| a.if_eq(b, s.splat(T::ONE), s.splat(T::ZERO)), choose(a == b, T::ONE, T::ZERO));
    same!("if_ne", |a, b| a.if_ne(b, s.splat(T::ONE), s.splat(T::ZERO)), choose(a != b, T::ONE, T::ZERO));
    // From memory and back, at an odd place.
    let numbers: Vec<T> = (0..T::LANES as i32 + 1).map(T::from_i32).collect();
    let mut back = vec![T::ZERO; T::LANES + 1];
    s.vectorize(
        #[inline(always)]
        || s.load(&numbers[1..]).store(&mut back[1..]),
    );
    assert_eq!((back[0], &back[1..]), (T::ZERO, &numbers[1..]));
    // A NaN or an infinity in a factor reaches all that depend on it, and nothing else.
    for special in [T::NAN, T::INFINITY] {
        let (mut a, mut b, mut c) = ([[T::ONE; 3]; 5], [[T::ONE; 19]; 3], [[T::ZERO; 19]; 5]);
        (a[2][1], b[0][17]) = (special, special);
        nn(
            s,
            &a,
            &b,
            &mut c,
            #[inline(always)]
            |z, _| z.relu(),
        );
        for (m, c) in c.iter().enumerate() {
            for (n, c) in c.iter().enumerate() {
                let hit = m == 2 || n == 17;
                assert_eq!(c.to_f64().is_finite(), !hit, "{special} at {m}, {n}: {c}");
            }
        }
    }
}

fn both<S: Isa>(s: S) {
    check::<S, f32>(s);
    check::<S, f64>(s);
}

#[test]
fn as_numbers() {
    both(Portable);
    Avx2::detect().into_iter().for_each(both);
    Avx512::detect().into_iter().for_each(both);
}
