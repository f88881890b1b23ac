//! Elementary functions of `f32`, free of branches and calls. Polynomials are Chebyshev interpolants of the functions named at
//! them, highest power first. The errors stated in `elementary.rs` are those of all 2^32 arguments.

use super::Isa;

#[inline(always)]
fn horner<S: Isa, const N: usize>(s: S, x: f32, c: [f32; N]) -> f32 {
    let mut y = c[0];
    for &c in &c[1..] {
        y = s.mul_add(y, x, c);
    }
    y
}

#[inline(always)]
fn horner_f64<S: Isa, const N: usize>(s: S, x: f64, c: [f64; N]) -> f64 {
    let mut y = c[0];
    for &c in &c[1..] {
        y = s.mul_add(y, x, c);
    }
    y
}

/// Adding this to a number below 2^22 rounds it to an integer, which then stands in the low bits.
const ROUND: f32 = 12_582_912.0; // 1.5 * 2^23

/// `ln(2)` in two parts: a product of the first with a number below 2^15 is exact.
const LN_2_HIGH: f32 = 0.693_359_4; // 355 / 512
const LN_2_LOW: f32 = -2.121_944_4e-4;

#[inline(always)]
pub fn abs(x: f32) -> f32 {
    f32::from_bits(x.to_bits() & 0x7fff_ffff)
}

#[inline(always)]
fn copysign(x: f32, sign: f32) -> f32 {
    f32::from_bits((x.to_bits() & 0x7fff_ffff) | (sign.to_bits() & 0x8000_0000))
}

/// `x = n * ln(2) + r` with `|r| <= ln(2) / 2`: `n` and `exp(r) - 1`
#[inline(always)]
fn exp_parts<S: Isa>(s: S, x: f32) -> (i32, f32) {
    let n = s.mul_add(x, core::f32::consts::LOG2_E, ROUND);
    let whole = n.to_bits().wrapping_sub(ROUND.to_bits()) as i32;
    let n = n - ROUND;
    let r = s.mul_add(n, -LN_2_HIGH, x);
    let r = s.mul_add(n, -LN_2_LOW, r);
    // (exp(r) - 1 - r) / r^2
    let p = horner(s, r, [1.3926184e-3, 8.363179e-3, 4.1666556e-2, 1.6666576e-1, 0.5]);
    (whole, s.mul_add(p * r, r, r))
}

/// `2^n`, for -126 <= n <= 127
#[inline(always)]
fn power(n: i32) -> f32 {
    f32::from_bits((n.wrapping_add(127) as u32) << 23)
}

/// `2^n * exp(r)`
#[inline(always)]
pub fn exp<S: Isa>(s: S, x: f32) -> f32 {
    let zero = x < -104.0;
    let y = if zero { 0.0 } else { x }; // keeps a NaN
    let (n, p) = exp_parts(s, if y > 89.0 { 89.0 } else { y });
    // Two factors: the first product is exact, the second rounds once, to a subnormal number too.
    let half = n >> 1;
    if zero { 0.0 } else { (p + 1.0) * power(half) * power(n.wrapping_sub(half)) }
}

/// [`exp`] for -87 <= x <= 88, or NaN
#[inline(always)]
fn exp_within<S: Isa>(s: S, x: f32) -> f32 {
    let (n, p) = exp_parts(s, x);
    (p + 1.0) * power(n)
}

/// `ln(1 + f) + e * ln(2)` for `sqrt(1/2) - 1 <= f <= sqrt(2) - 1`
#[inline(always)]
fn ln_near_1<S: Isa>(s: S, f: f32, e: f32) -> f32 {
    let z = f * f;
    // (ln(1 + f) - f + f^2 / 2) / f^3
    let p = horner(
        s,
        f,
        [6.971612e-2, -1.1479734e-1, 1.168542e-1, -1.2425687e-1, 1.4249058e-1, -1.6667803e-1, 2.0000716e-1, -2.4999997e-1, 3.333333e-1],
    );
    let y = s.mul_add(e, LN_2_LOW, p * f * z);
    let y = s.mul_add(z, -0.5, y) + f;
    s.mul_add(e, LN_2_HIGH, y)
}

/// `ln(x) = ln(m) + e * ln(2)` with `x = m * 2^e`, `sqrt(1/2) <= m < sqrt(2)`
#[inline(always)]
pub fn ln<S: Isa>(s: S, x: f32) -> f32 {
    let tiny = x < f32::MIN_POSITIVE;
    let bits = (if tiny { x * 8_388_608.0 } else { x }).to_bits(); // 2^23
    let e = (bits.wrapping_sub(0x3f35_04f3) as i32) >> 23;
    let f = f32::from_bits(bits.wrapping_sub((e as u32) << 23)) - 1.0;
    let y = ln_near_1(s, f, e as f32 - if tiny { 23.0 } else { 0.0 });
    let y = if x == f32::INFINITY { x } else { y };
    let special = if x == 0.0 { f32::NEG_INFINITY } else { f32::NAN };
    if x > 0.0 { y } else { special }
}

/// `m / (m + 2)` with `m = exp(2 |x|) - 1 = 2^n * (exp(r) - 1) + (2^n - 1)`, which is exact in all its digits near 0
#[inline(always)]
pub fn tanh<S: Isa>(s: S, x: f32) -> f32 {
    let a = abs(x);
    let (n, p) = exp_parts(s, 2.0 * if a > 9.02 { 9.02 } else { a }); // keeps a NaN; from 9.02 on it is 1
    let t = power(n);
    let m = s.mul_add(p, t, t - 1.0);
    copysign(m / (m + 2.0), x)
}

/// `e / (1 + e)` or `1 / (1 + e)` with `e = exp(-|x|)`, which cannot overflow
#[inline(always)]
pub fn sigmoid<S: Isa>(s: S, x: f32) -> f32 {
    let e = exp(s, -abs(x));
    (if x < 0.0 { e } else { 1.0 }) / (1.0 + e)
}

/// `max(x, 0) + ln(1 + exp(-|x|))`
#[inline(always)]
pub fn softplus<S: Isa>(s: S, x: f32) -> f32 {
    let u = exp(s, -abs(x));
    // ln(1 + u) = ln(1 + (u - 1) / 2) + ln(2): never rounds 1 + u
    let e = u32::from(u > 0.414_213_57) as f32;
    let y = ln_near_1(s, (u - e) * (1.0 - 0.5 * e), e);
    (if x < 0.0 { 0.0 } else { x }) + y
}

/// An odd polynomial below 0.92, `1 - exp(ln(erfc(|x|)))` above
#[inline(always)]
pub fn erf<S: Isa>(s: S, x: f32) -> f32 {
    let t = abs(x);
    let z = t * t;
    // erf(x) / x - 1
    let p = horner(s, z, [8.399778e-5, -8.1500504e-4, 5.2017146e-3, -2.6859691e-2, 1.1283701e-1, -3.7612635e-1, 1.2837917e-1]);
    let small = s.mul_add(p, x, x);
    let t = if t > 4.0 { 4.0 } else { t };
    // ln(erfc(t)), 0.9 <= t <= 4
    let r = horner(
        s,
        t,
        [1.6430637e-6, -4.616386e-5, 5.9758575e-4, -4.762626e-3, 2.6427638e-2, -1.1008716e-1, -6.318239e-1, -1.130231, 3.1853965e-4],
    );
    let large = copysign(1.0 - exp_within(s, r), x);
    if t < 0.92 { small } else { large }
}

/// What is left of `x` after multiples of 2 pi: with `|x| * 2 / pi = n + f`, `|f| <= 1/2`, the sine and cosine of `f * pi / 2` and the
/// last two bits of `n`. Of the bits of `2 / pi` those are taken that neither make multiples of 4 only nor vanish, so `f` is right for
/// every `x`; they are found by shifts, not in a table, so that loops become vector code.
#[inline(always)]
fn reduced<S: Isa>(s: S, x: f32) -> (f64, f64, u32) {
    // 2 / pi, after 34 zeros
    const BITS: [u64; 5] =
        [0x0000_0000_28be_60db, 0x9391_054a_7f09_d5f4, 0x7d4d_3770_36d8_a566, 0x4f10_e410_7f94_58ea, 0xf7ae_f158_6dc9_1b8e];
    // Below this biased exponent no bit of 2 / pi makes a multiple of 4.
    const FIRST: u32 = 118;
    let bits = x.to_bits() & 0x7fff_ffff;
    let exponent = bits >> 23;
    let start = u64::from(exponent.saturating_sub(FIRST));
    let (shift, second, third) = (start & 63, start >= 64, start >= 128);
    let (p, q, r) = if second { (BITS[1], BITS[2], BITS[3]) } else { (BITS[0], BITS[1], BITS[2]) };
    let (p, q, r) = if third { (BITS[2], BITS[3], BITS[4]) } else { (p, q, r) };
    let high = (p << shift) | ((q >> 1) >> (63 - shift));
    let low = (q << shift) | ((r >> 1) >> (63 - shift));
    // |x| = m * 2^(start - 32), and 2^(start - 32) * 2 / pi is, modulo 4, 2^-27 * (a + 2^-28 * (b + 2^-28 * c))
    let (a, b, c) = ((high >> 35) as i32, (high >> 7) as i32 & 0xfff_ffff, ((high << 21) | (low >> 43)) as i32 & 0xfff_ffff);
    let m = f32::from_bits(bits) as f64 * f64::from_bits((1055 - start) << 52);
    let q = m * (a as f64 * POWER_27); // exact: 24 + 29 bits
    let rest = m * (b as f64 * POWER_55 + c as f64 * POWER_83);
    let n = (q + rest) + ROUND_F64;
    let f = (q - (n - ROUND_F64)) + rest;
    let r = f * core::f64::consts::FRAC_PI_2;
    let z = r * r;
    // (sin(r) / r - 1) / r^2
    let sine =
        s.mul_add(r * z, horner_f64(s, z, [2.7249864655139585e-6, -1.9840086263755443e-4, 8.333331873837089e-3, -0.16666666663853044]), r);
    // (cos(r) - 1 + r^2 / 2) / r^4
    let p = horner_f64(s, z, [2.454789161981386e-5, -1.388830280230916e-3, 0.04166666465830042]);
    let cosine = s.mul_add(z, s.mul_add(z, p, -0.5), 1.0);
    (sine, cosine, n.to_bits() as u32)
}

/// `sin(|x|)` by the quadrant, with the sign of `x`
#[inline(always)]
pub fn sin<S: Isa>(s: S, x: f32) -> f32 {
    let (sine, cosine, n) = reduced(s, x);
    let y = (if n & 1 == 0 { sine } else { cosine }) as f32;
    let y = f32::from_bits(y.to_bits() ^ ((n & 2) << 30) ^ (x.to_bits() & 0x8000_0000));
    if abs(x) < f32::INFINITY { y } else { f32::NAN }
}

/// `cos(|x|)` by the quadrant
#[inline(always)]
pub fn cos<S: Isa>(s: S, x: f32) -> f32 {
    let (sine, cosine, n) = reduced(s, x);
    let y = (if n & 1 == 0 { cosine } else { sine }) as f32;
    let y = f32::from_bits(y.to_bits() ^ ((n.wrapping_add(1) & 2) << 30));
    if abs(x) < f32::INFINITY { y } else { f32::NAN }
}

/// Adding this to an `f64` below 2^51 rounds it to an integer, which then stands in the low bits.
const ROUND_F64: f64 = 6_755_399_441_055_744.0; // 1.5 * 2^52
const POWER_27: f64 = 1.0 / 134_217_728.0; // 2^-27
const POWER_55: f64 = POWER_27 / 268_435_456.0;
const POWER_83: f64 = POWER_55 / 268_435_456.0;

/// Adding and subtracting 2^23 rounds to an integer; one is taken off where that was up.
#[inline(always)]
pub fn floor(x: f32) -> f32 {
    let y = copysign((abs(x) + 8_388_608.0) - 8_388_608.0, x);
    let y = if y > x { y - 1.0 } else { y };
    if abs(x) < 8_388_608.0 { y } else { x }
}

/// Products of `f64`, rounded once at the end for `|n| > 2`.
#[inline(always)]
pub fn powi(x: f32, n: i32) -> f32 {
    match n {
        0 => 1.0,
        1 => x,
        2 => x * x,
        _ => super::double::powi(x as f64, n) as f32,
    }
}
