//! Elementary functions of `f64`: plain scalar code that never fuses a product and a sum, so the same bits on every machine.
//! Polynomials are Chebyshev interpolants of the functions named at them, highest power first.

use super::Isa;

fn horner<const N: usize>(x: f64, c: [f64; N]) -> f64 {
    let mut y = c[0];
    for &c in &c[1..] {
        y = y * x + c;
    }
    y
}

pub fn abs(x: f64) -> f64 {
    f64::from_bits(x.to_bits() & 0x7fff_ffff_ffff_ffff)
}

/// The square root, for standalone files.
#[allow(dead_code)]
pub fn sqrt(x: f64) -> f64 {
    super::root::f64(x)
}

/// The larger, NaN where one is, for standalone files.
#[allow(dead_code)]
pub fn maximum(a: f64, b: f64) -> f64 {
    if a > b || a != a { a } else { b }
}

/// The smaller, NaN where one is, for standalone files.
#[allow(dead_code)]
pub fn minimum(a: f64, b: f64) -> f64 {
    if a < b || a != a { a } else { b }
}

fn copysign(x: f64, sign: f64) -> f64 {
    f64::from_bits(abs(x).to_bits() | (sign.to_bits() & 0x8000_0000_0000_0000))
}

/// Adding this to a number below 2^51 rounds it to an integer.
const ROUND: f64 = 6_755_399_441_055_744.0; // 1.5 * 2^52

/// `ln(2)` in two parts: a product of the first with a number below 2^20 is exact.
const LN_2_HIGH: f64 = 0.693_147_180_369_123_8; // 0x3fe62e42_fee00000
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10; // 0x3dea39ef_35793c76

/// 2^n, for -1022 <= n <= 1023
fn power(n: i64) -> f64 {
    f64::from_bits(((1023 + n) as u64) << 52)
}

/// `exp(x) = 2^n * exp(r)` with `x = n * ln(2) + r`, `|r| <= ln(2) / 2`
pub fn exp<S: Isa>(_: S, x: f64) -> f64 {
    if x > 710.0 {
        return f64::INFINITY;
    }
    if x < -746.0 {
        return 0.0;
    }
    // Not `x >= -746`: a NaN goes through.
    let n = (x * core::f64::consts::LOG2_E + ROUND) - ROUND;
    let high = x - n * LN_2_HIGH;
    let low = n * LN_2_LOW;
    let r = high - low;
    // (exp(r) - 1 - r) / r^2
    let p = horner(
        r,
        [
            2.510038549551032e-8,
            2.7620088445409746e-7,
            2.7557268459997064e-6,
            2.4801521295954376e-5,
            1.9841269863053618e-4,
            1.3888888917213717e-3,
            8.333333333330062e-3,
            4.166666666662413e-2,
            1.6666666666666669e-1,
            0.5,
        ],
    );
    let y = 1.0 + (high - (low - r * r * p));
    // 2^n in two factors: the first product is exact, the second rounds once, to a subnormal number too.
    let n = n as i64;
    y * power(n / 2) * power(n - n / 2)
}

/// `ln(1 + f) + e * ln(2)` for `sqrt(1/2) - 1 <= f <= sqrt(2) - 1`: with `t = f / (2 + f)`, `ln(1 + f) = 2 atanh(t)`, of which
/// `2 t = f - f^2 / 2 + t f^2 / 2` keeps the leading terms exact.
fn ln_near_1(f: f64, e: f64) -> f64 {
    let t = f / (2.0 + f);
    let z = t * t;
    // (2 atanh(t) / t - 2) / t^2
    let p = horner(
        z,
        [
            0.14616585424888623,
            0.15331710618210773,
            0.18182889455674947,
            0.22222211130259878,
            0.2857142862600327,
            0.39999999999899444,
            0.666666666666667,
        ],
    );
    let half = 0.5 * f * f;
    e * LN_2_HIGH - ((half - (t * (half + z * p) + e * LN_2_LOW)) - f)
}

/// `ln(x) = ln(m) + e * ln(2)` with `x = m * 2^e`, `sqrt(1/2) <= m < sqrt(2)`
pub fn ln<S: Isa>(_: S, x: f64) -> f64 {
    if x == 0.0 {
        return f64::NEG_INFINITY;
    }
    if x < 0.0 {
        return f64::NAN;
    }
    // Not `x < inf`: inf and NaN.
    if !(x < f64::INFINITY) {
        return x;
    }
    let tiny = x < f64::MIN_POSITIVE;
    let bits = (if tiny { x * 18_014_398_509_481_984.0 } else { x }).to_bits(); // 2^54
    let e = (bits.wrapping_sub(0x3fe6_a09e_667f_3bcd) as i64) >> 52;
    let f = f64::from_bits(bits.wrapping_sub((e as u64) << 52)) - 1.0;
    ln_near_1(f, e as f64 - if tiny { 54.0 } else { 0.0 })
}

/// An odd polynomial up to 0.625, `1 - 2 / (exp(2 |x|) + 1)` above
pub fn tanh<S: Isa>(s: S, x: f64) -> f64 {
    let a = abs(x);
    if a < 0.625 {
        let z = x * x;
        // (tanh(x) / x - 1) / x^2
        let p = horner(
            z,
            [
                6.493991863218935e-6,
                -3.1219223628509665e-5,
                9.258719129109656e-5,
                -2.375986439279231e-4,
                5.8966312701239e-4,
                -1.4557759005870325e-3,
                3.5921218130319974e-3,
                -8.863235108109314e-3,
                2.1869488519230866e-2,
                -5.396825396790218e-2,
                0.13333333333333047,
                -0.3333333333333333,
            ],
        );
        return x + x * (z * p);
    }
    copysign(1.0 - 2.0 / (exp(s, 2.0 * a) + 1.0), x)
}

/// `e / (1 + e)` or `1 / (1 + e)` with `e = exp(-|x|)`, which cannot overflow
pub fn sigmoid<S: Isa>(s: S, x: f64) -> f64 {
    let e = exp(s, -abs(x));
    (if x < 0.0 { e } else { 1.0 }) / (1.0 + e)
}

/// `max(x, 0) + ln(1 + exp(-|x|))`
pub fn softplus<S: Isa>(s: S, x: f64) -> f64 {
    let u = exp(s, -abs(x));
    // ln(1 + u) = ln(1 + (u - 1) / 2) + ln(2): never rounds 1 + u
    let y = if u > 0.414_213_562_373_095 { ln_near_1(0.5 * (u - 1.0), 1.0) } else { ln_near_1(u, 0.0) };
    (if x < 0.0 { 0.0 } else { x }) + y
}

/// An odd polynomial below 1, `1 - exp(-x^2) * erfcx(|x|)` above
pub fn erf<S: Isa>(s: S, x: f64) -> f64 {
    let a = abs(x);
    let z = x * x;
    if a < 1.0 {
        // erf(x) / x - 1
        let p = horner(
            z,
            [
                5.957176147748911e-11,
                -1.1372848856791674e-9,
                1.4659775274047436e-8,
                -1.6350312701054695e-7,
                1.6461000484121368e-6,
                -1.4925595266831182e-5,
                1.205533111164271e-4,
                -8.54832698083379e-4,
                5.2239776248180145e-3,
                -2.6866170645076792e-2,
                0.11283791670954879,
                -0.3761263890318375,
                0.1283791670955126,
            ],
        );
        return x + x * p;
    }
    if a > 6.0 {
        return copysign(1.0, x);
    }
    // exp(x^2) * erfc(x), 1 <= x <= 6
    let p = horner(
        (a - 3.0) / (a + 3.0),
        [
            3.381355142042904e-9,
            1.2755818949624478e-6,
            2.0135111426447427e-6,
            -8.00978093907608e-6,
            -1.2845780030775907e-5,
            6.406279226046039e-5,
            4.525434558991009e-5,
            -5.970624964924544e-4,
            7.077464666941425e-4,
            4.269136356961225e-3,
            -2.4392499318915004e-2,
            7.166583719747308e-2,
            -0.15011593650077898,
            0.24560380171233487,
            -0.3262335600430372,
            0.17900115118138996,
        ],
    );
    copysign(1.0 - exp(s, -z) * p, x)
}

/// `|x| = (n + f) * pi / 2` with `|f| <= 1/2`: the last two bits of `n`, and `f * pi / 2` as a sum of two numbers. Of the bits of
/// `2 / pi`, 192 are enough: those before make multiples of 4, those behind less than 2^-75 of the least `f` there is.
fn reduced(x: f64) -> (u32, f64, f64) {
    // 2 / pi, after 64 zeros
    const BITS: [u64; 21] = [
        0,
        0xa2f9_836e_4e44_1529,
        0xfc27_57d1_f534_ddc0,
        0xdb62_9599_3c43_9041,
        0xfe51_63ab_debb_c561,
        0xb724_6e3a_424d_d2e0,
        0x0649_2eea_09d1_921c,
        0xfe1d_eb1c_b129_a73e,
        0xe882_35f5_2ebb_4484,
        0xe99c_7026_b45f_7e41,
        0x3991_d639_8353_39f4,
        0x9c84_5f8b_bdf9_283b,
        0x1ff8_97ff_de05_980f,
        0xef2f_118b_5a0a_6d1f,
        0x6d36_7ecf_27cb_09b7,
        0x4f46_3f66_9e5f_ea2d,
        0x7527_bac7_ebe5_f17b,
        0x3d07_39f7_8a52_92ea,
        0x6bfb_5fb1_1f8d_5d08,
        0x5603_3046_fc7b_6bab,
        0xf0cf_bc20_9af4_361d,
    ];
    if abs(x) <= core::f64::consts::FRAC_PI_4 {
        return (0, abs(x), 0.0);
    }
    let bits = abs(x).to_bits();
    // |x| = m * 2^(start - 62): the window starts at the bit of 2 / pi that m turns into 2 and its multiples.
    let m = (bits & 0xf_ffff_ffff_ffff) | 0x10_0000_0000_0000;
    let start = (bits >> 52) as usize + 62 - 1075;
    let word = |i: usize| {
        let (i, shift) = (start / 64 + i, start % 64);
        if shift == 0 { BITS[i] } else { BITS[i] << shift | BITS[i + 1] >> (64 - shift) }
    };
    // m * window modulo 2^192, as a number of quadrants of 2 + 190 bits
    let low = u128::from(m) * u128::from(word(2));
    let middle = u128::from(m) * u128::from(word(1)) + (low >> 64);
    let high = m.wrapping_mul(word(0)).wrapping_add((middle >> 64) as u64);
    let turns = u128::from(high) << 64 | u128::from(middle as u64);
    let n = (turns >> 126) as u32;
    // The fraction, from -1/2 to 1/2, of 126 + 64 bits.
    let fraction = turns << 2 | u128::from(low as u64 >> 62);
    let up = fraction >> 127 == 1;
    let n = if up { n + 1 } else { n };
    let size = if up { fraction.wrapping_neg() } else { fraction };
    let zeros = size.leading_zeros();
    // 64 bits of it times 64 bits of pi / 2
    let product = u128::from((size << zeros >> 64) as u64) * 0xc90f_daa2_2168_c234;
    let head = (product >> 64) as u64 & !0x7ff;
    let tail = product - (u128::from(head) << 64);
    let scale = power(-63 - i64::from(zeros));
    let (a, b) = (head as f64 * scale, tail as f64 * scale * power(-64));
    if up { (n, -a, -b) } else { (n, a, b) }
}

/// `sin(r + low)` for `|r| <= pi / 4`
fn sine(r: f64, low: f64) -> f64 {
    let z = r * r;
    // (sin(r) / r - 1) / r^2
    let p = horner(
        z,
        [
            -7.586685070091267e-13,
            1.605853141458901e-10,
            -2.5052106231157904e-8,
            2.7557319219335453e-6,
            -1.984126984126506e-4,
            8.333333333333331e-3,
            -0.16666666666666666,
        ],
    );
    r + (r * (z * p) + low * (1.0 - 0.5 * z))
}

/// `cos(r + low)` for `|r| <= pi / 4`
fn cosine(r: f64, low: f64) -> f64 {
    let z = r * r;
    // (cos(r) - 1 + r^2 / 2) / r^4
    let p = horner(
        z,
        [
            -1.1382614868556325e-11,
            2.0876146024689747e-9,
            -2.7557317270560326e-7,
            2.4801587298763433e-5,
            -1.3888888888887395e-3,
            4.1666666666666664e-2,
        ],
    );
    let half = 0.5 * z;
    let y = 1.0 - half;
    y + (((1.0 - y) - half) + (z * z * p - r * low))
}

/// `sin(|x|)` by the quadrant, with the sign of `x`
pub fn sin<S: Isa>(_: S, x: f64) -> f64 {
    if !(abs(x) < f64::INFINITY) {
        return f64::NAN;
    }
    let (n, r, low) = reduced(x);
    let y = if n & 1 == 0 { sine(r, low) } else { cosine(r, low) };
    if (n & 2 == 2) != (x.to_bits() >> 63 == 1) { -y } else { y }
}

/// `cos(|x|)` by the quadrant
pub fn cos<S: Isa>(_: S, x: f64) -> f64 {
    if !(abs(x) < f64::INFINITY) {
        return f64::NAN;
    }
    let (n, r, low) = reduced(x);
    let y = if n & 1 == 0 { cosine(r, low) } else { sine(r, low) };
    if (n + 1) & 2 == 2 { -y } else { y }
}

/// Adding and subtracting 2^52 rounds to an integer; one is taken off where that was up.
#[inline(always)]
pub fn floor(x: f64) -> f64 {
    let y = copysign((abs(x) + 4_503_599_627_370_496.0) - 4_503_599_627_370_496.0, x);
    let y = if y > x { y - 1.0 } else { y };
    if abs(x) < 4_503_599_627_370_496.0 { y } else { x }
}

/// Squares and products; `x^-n = 1 / x^n`.
#[inline(always)]
pub fn powi(x: f64, n: i32) -> f64 {
    let (mut y, mut square, mut rest) = (1.0, x, n.unsigned_abs());
    while rest > 0 {
        if rest & 1 == 1 {
            y *= square;
        }
        rest >>= 1;
        if rest > 0 {
            square *= square;
        }
    }
    if n < 0 { 1.0 / y } else { y }
}
