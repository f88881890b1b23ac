//! The value of each scalar function in f64: for constants, and for the interpreter.

use super::scalar::Function;

/// `function(x)`
pub fn evaluate(function: Function, x: f64) -> f64 {
    match function {
        Function::Exp => x.exp(),
        Function::Log => x.ln(),
        Function::Tanh => x.tanh(),
        Function::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        Function::Softplus => {
            // ln(1 + exp(x)) without overflow: the larger part taken out
            if x > 0.0 { x + (-x).exp().ln_1p() } else { x.exp().ln_1p() }
        }
        Function::Erf => erf(x),
        Function::Sin => x.sin(),
        Function::Cos => x.cos(),
        Function::Abs => x.abs(),
        Function::Floor => x.floor(),
    }
}

/// The error function: its Taylor series below 3, one minus the continued fraction of `erfc` above. Good to about 1e-15.
pub fn erf(x: f64) -> f64 {
    let a = x.abs();
    if a.is_nan() {
        return x;
    }
    let value = if a < 3.0 {
        // 2 / sqrt(pi) * exp(-x^2) * sum 2^n x^(2n+1) / (2n+1)!!: all terms positive
        let (mut term, mut sum, mut n) = (a, a, 0.0);
        while term > sum * 1e-17 {
            n += 1.0;
            term *= 2.0 * a * a / (2.0 * n + 1.0);
            sum += term;
        }
        sum * (-a * a).exp() * std::f64::consts::FRAC_2_SQRT_PI
    } else if a > 6.5 {
        1.0
    } else {
        // erfc(x) = exp(-x^2) / sqrt(pi) / (x + (1/2) / (x + 1 / (x + (3/2) / (x + …))))
        let mut fraction = a;
        for k in (1..=120).rev() {
            fraction = a + f64::from(k) * 0.5 / fraction;
        }
        1.0 - (-a * a).exp() / std::f64::consts::PI.sqrt() / fraction
    };
    value.copysign(x)
}
