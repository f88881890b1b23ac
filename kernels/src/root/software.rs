/// The square root of an `f32`: that of an `f64`, rounded. Its error of less than 2^-52 cannot move the rounding, because no root of
/// a number of 24 bits is that near to the middle between two such numbers.
#[inline(always)]
pub fn f32(x: f32) -> f32 {
    f64(x as f64) as f32
}

/// The square root of an `f64`: Newton's method for `1 / sqrt(m)`, where `x = m * 4^e` and `1 <= m < 4`, and one correction with the
/// exact remainder `m - y^2`.
#[inline(always)]
pub fn f64(x: f64) -> f64 {
    let tiny = x < f64::MIN_POSITIVE;
    let bits = (if tiny { x * 18_014_398_509_481_984.0 } else { x }).to_bits(); // 2^54
    let exponent = (bits >> 52) as i64 - 1023;
    let half = exponent >> 1;
    let m = f64::from_bits((bits & 0xf_ffff_ffff_ffff) | ((1023 + (exponent & 1)) as u64) << 52);
    let mut r = f64::from_bits(0x5fe6_eb50_c7b5_37a9 - (m.to_bits() >> 1));
    for _ in 0..4 {
        r *= 1.5 - 0.5 * m * r * r;
    }
    let y = m * r;
    // y^2 = square + low exactly (Dekker 1971, Veltkamp's splitting)
    let split = y * 134_217_729.0;
    let head = split - (split - y);
    let tail = y - head;
    let square = y * y;
    let low = (head * head - square) + 2.0 * head * tail + tail * tail;
    let y = y + 0.5 * r * ((m - square) - low);
    let scale = f64::from_bits(((1023 + half - if tiny { 27 } else { 0 }) as u64) << 52);
    if x > 0.0 && x < f64::INFINITY {
        y * scale
    } else if x == 0.0 || x == f64::INFINITY {
        x
    } else {
        f64::NAN
    }
}
