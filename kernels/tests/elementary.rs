//! Elementary functions against `f64`, on every instruction set of this machine.

use nnc_kernels::*;

#[test]
fn first_look() {
    fn look<S: Isa>(s: S) {
        let pairs: [(&str, fn(f64) -> f64); 9] = [
            ("exp", f64::exp),
            ("ln", f64::ln),
            ("tanh", f64::tanh),
            ("sigmoid", |x| if x < 0.0 { x.exp() / (1.0 + x.exp()) } else { 1.0 / (1.0 + (-x).exp()) }),
            ("softplus", |x| x.max(0.0) + (-x.abs()).exp().ln_1p()),
            ("erf", libm::erf),
            ("sin", f64::sin),
            ("cos", f64::cos),
            ("floor", f64::floor),
        ];
        for (i, (name, want)) in pairs.into_iter().enumerate() {
            let (mut worst, mut at, mut worst64, mut at64) = (0.0f64, 0.0, 0.0f64, 0.0);
            for bits in (0..=u32::MAX).step_by(4099) {
                let x = f32::from_bits(bits);
                let y = [exp::<S, f32>, ln, tanh, sigmoid, softplus, erf, sin, cos, floor][i](s, x);
                let w = want(f64::from(x));
                if w.is_nan() {
                    assert!(y.is_nan(), "{name}({x}) = {y}");
                    continue;
                }
                let w32 = w as f32;
                if w32.is_infinite() {
                    assert_eq!(y, w32, "{name}({x})");
                    continue;
                }
                let ulp = f64::from(f32::from_bits(w32.abs().to_bits() + 1)) - f64::from(w32.abs());
                let e = (f64::from(y) - w).abs() / ulp;
                if !(e <= worst) {
                    (worst, at) = (e, x);
                }
                let x = f64::from(x) * 1.000_000_123_456_789;
                let y = [exp::<S, f64>, ln, tanh, sigmoid, softplus, erf, sin, cos, floor][i](s, x);
                let w = want(x);
                if w.is_nan() || w.is_infinite() {
                    assert!(y == w || y.is_nan() == w.is_nan(), "{name}({x}) = {y}");
                    continue;
                }
                let ulp = f64::from_bits(w.abs().to_bits() + 1) - w.abs();
                let e = (y - w).abs() / ulp;
                if !(e <= worst64) {
                    (worst64, at64) = (e, x);
                }
            }
            println!("{name:10} f32 {worst:6.2} ulp at {at:e}   f64 {worst64:6.2} ulp at {at64:e}");
        }
    }
    look(Portable);
    Avx512::detect().map(look);
}
