//! Elementary functions against those of `f64` (`erf`: of libm), on every instruction set of this machine: for `f32` at every 4099th of all
//! arguments, for `f64` at arguments spread in the same way. With `EXHAUSTIVE=1` (in release, half an hour) at all `f32`, with
//! `EXHAUSTIVE=near` (four minutes) at all from 2^-27 to 2^9 in size and every 61st of the others.

use nnc_kernels::*;

/// Applies one function to slices of either type.
trait Function: Copy {
    fn f32<S: Isa>(self, s: S, x: &[f32], y: &mut [f32]);
    fn f64<S: Isa>(self, s: S, x: f64) -> f64;
}

macro_rules! functions {
    ($($token:ident $name:ident)*) => {$(
        #[derive(Clone, Copy)]
        struct $token;
        impl Function for $token {
            fn f32<S: Isa>(self, s: S, x: &[f32], y: &mut [f32]) {
                s.vectorize(
                    #[inline(always)]
                    || {
                        for (y, x) in y.iter_mut().zip(x) {
                            *y = $name(s, *x);
                        }
                    },
                )
            }
            fn f64<S: Isa>(self, s: S, x: f64) -> f64 {
                $name(s, x)
            }
        }
    )*};
}
functions!(Exp exp Ln ln Tanh tanh Sigmoid sigmoid Softplus softplus Erf erf Sin sin Cos cos Sqrt sqrt Abs abs Floor floor);

/// Measures the error of `f`, which may be at most `single` and `double` ulp; where the truth is NaN or infinite it must be that.
#[track_caller]
fn check(name: &str, f: impl Function, want: fn(f64) -> f64, single: f64, double: f64) {
    let levels: Vec<u8> = (1..=3).filter(|&level| limit(level) == level).collect();
    let exhaustive = std::env::var("EXHAUSTIVE").ok();
    // By the exponent: 2^-27 to 2^9 is where most functions are more than 0, x or 1.
    let step = |bits: u64| match exhaustive.as_deref() {
        Some("near") if (100..136).contains(&(bits >> 23 & 0xff)) => 1,
        Some("near") => 61,
        Some(_) => 1,
        None => 4099,
    };
    let mut worst = [[0.0f64; 2]; 3];
    let (mut x, mut y) = (vec![0.0; 4096], vec![0.0; 4096]);
    let mut wants = vec![0.0; 4096];
    let mut bits = 0u64;
    while bits <= u64::from(u32::MAX) {
        for (x, w) in x.iter_mut().zip(&mut wants) {
            *x = f32::from_bits(bits.min(u64::from(u32::MAX)) as u32);
            *w = want(f64::from(*x));
            bits += step(bits);
        }
        for (&level, worst) in levels.iter().zip(&mut worst) {
            limit(level);
            dispatch!(single_on, f, &x, &mut y);
            for ((&x, &y), &w) in x.iter().zip(&y).zip(&wants) {
                // To `f32`: what is beyond its range is infinite.
                worst[0] = worst[0].max(distance(name, x, y, w as f32, (f64::from(y) - w).abs()));
            }
            if exhaustive.is_none() {
                for &x in &x {
                    let x = f64::from(x) * 1.000_000_123_456_789;
                    let (y, w) = (dispatch!(double_on, f, x), want(x));
                    worst[1] = worst[1].max(distance(name, x, y, w, (y - w).abs()));
                }
            }
        }
    }
    println!("{name}: ulp of f32, f64 on portable, AVX2, AVX-512: {worst:.2?}");
    assert!(worst.iter().all(|w| w[0] <= single && w[1] <= double), "{name}: {worst:?}");
}

fn single_on<S: Isa>(s: S, f: impl Function, x: &[f32], y: &mut [f32]) {
    f.f32(s, x, y)
}

fn double_on<S: Isa>(s: S, f: impl Function, x: f64) -> f64 {
    f.f64(s, x)
}

/// The error in units of the last place of `want`.
fn distance<T: Element>(name: &str, x: T, y: T, want: T, error: f64) -> f64 {
    let w = want.to_f64();
    if !w.is_finite() || !y.to_f64().is_finite() {
        assert!(y == want || (w.is_nan() && y.to_f64().is_nan()), "{name}({x}) is {y}, not {want}");
        return 0.0;
    }
    if w == 0.0 && y.to_f64() == 0.0 {
        assert_eq!(w.is_sign_negative(), y.to_f64().is_sign_negative(), "{name}({x}) has the wrong sign");
    }
    let ulp = if T::LANES == 16 {
        let w = (w as f32).abs();
        f64::from(f32::from_bits(w.to_bits() + 1)) - f64::from(w)
    } else {
        f64::from_bits(w.abs().to_bits() + 1) - w.abs()
    };
    error / ulp
}

/// One test, because `limit` is for the whole process.
#[test]
fn all_functions() {
    check("exp", Exp, f64::exp, 1.1, 1.0);
    check("ln", Ln, f64::ln, 1.1, 1.0);
    check("tanh", Tanh, f64::tanh, 2.6, 2.0);
    let logistic = |x: f64| if x < 0.0 { x.exp() / (1.0 + x.exp()) } else { 1.0 / (1.0 + (-x).exp()) };
    check("sigmoid", Sigmoid, logistic, 2.6, 2.0);
    check("softplus", Softplus, |x| (if x < 0.0 { 0.0 } else { x }) + (-x.abs()).exp().ln_1p(), 2.0, 2.0);
    check("erf", Erf, libm::erf, 1.4, 1.0);
    check("sin", Sin, f64::sin, 0.6, 1.0);
    check("cos", Cos, f64::cos, 0.6, 1.0);
    check("sqrt", Sqrt, f64::sqrt, 0.5, 0.0);
    check("abs", Abs, f64::abs, 0.0, 0.0);
    check("floor", Floor, f64::floor, 0.0, 0.0);
    corners(Portable);
    Avx2::detect().into_iter().for_each(corners);
    Avx512::detect().into_iter().for_each(corners);
}

fn corners<S: Isa>(s: S) {
    let inf = f32::INFINITY;
    assert_eq!((exp(s, -inf), exp(s, inf), exp(s, -200.0f32), exp(s, 0.0)), (0.0, inf, 0.0, 1.0));
    assert!(exp(s, -100.0) > 0.0, "a subnormal number");
    assert_eq!((ln(s, 0.0), ln(s, -0.0), ln(s, inf), ln(s, 1.0)), (-inf, -inf, inf, 0.0));
    assert_eq!((tanh(s, inf), tanh(s, -inf), tanh(s, 1e-30f32), tanh(s, 20.0)), (1.0, -1.0, 1e-30, 1.0));
    assert_eq!((sigmoid(s, inf), sigmoid(s, -inf), sigmoid(s, 0.0)), (1.0, 0.0, 0.5));
    assert_eq!((softplus(s, inf), softplus(s, -inf), softplus(s, 1e10)), (inf, 0.0, 1e10));
    assert_eq!((erf(s, inf), erf(s, -inf), erf(s, 10.0)), (1.0, -1.0, 1.0));
    assert_eq!((exp(s, -f64::INFINITY), exp(s, f64::INFINITY), exp(s, -800.0)), (0.0, f64::INFINITY, 0.0));
    assert_eq!((tanh(s, f64::INFINITY), softplus(s, -f64::INFINITY), erf(s, -f64::INFINITY)), (1.0, 0.0, -1.0));
    assert!((sin(s, 1e22) - 1e22f64.sin()).abs() < 1e-16 && (cos(s, f64::MAX) - f64::MAX.cos()).abs() < 1e-16);
    assert!(maximum(s, f32::NAN, 1.0).is_nan() && maximum(s, 1.0, f32::NAN).is_nan());
    assert!(minimum(s, f64::NAN, 1.0).is_nan() && minimum(s, 1.0, f64::NAN).is_nan());
    assert_eq!((maximum(s, 1.0, 2.0), maximum(s, 2.0, 1.0), minimum(s, 1.0, 2.0), minimum(s, 2.0, 1.0)), (2.0, 2.0, 1.0, 1.0));
    assert_eq!((maximum(s, -inf, inf), minimum(s, -inf, inf)), (inf, -inf));
    for n in -20..=20 {
        for x in [-1.5f32, -0.3, 0.0, 0.7, 1.0, 13.0] {
            let (got, want) = (powi(s, x, n), f64::from(x).powi(n) as f32);
            assert!(got == want || (got - want).abs() <= f32::EPSILON * want.abs(), "{x}^{n} = {got}, not {want}");
            let (got, want) = (powi(s, f64::from(x), n), f64::from(x).powi(n));
            assert!(got == want || (got - want).abs() <= 2e-15 * want.abs(), "{x}^{n} = {got}, not {want}");
        }
    }
    assert!(powi(s, f32::NAN, 3).is_nan());
    assert_eq!(powi(s, f32::NAN, 0), 1.0);
    assert_eq!(s.mul_add(3.0, 4.0, 5.0f32), 17.0);
    assert_eq!(s.sqrt(9.0f64), 3.0);
}
