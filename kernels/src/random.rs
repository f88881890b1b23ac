//! Random numbers by counter: a draw is a function of `(seed, stream, draw, index)`, so batches, threads and restarts cannot change it.
//!
//! Philox 4x32 with 10 rounds: Salmon, Moraes, Dror, Shaw, *Parallel random numbers: as easy as 1, 2, 3*, SC 2011. The same bits on
//! every machine: integers, correctly rounded operations, and no fused multiply-add.

/// The random bits of a counter under a key.
pub fn philox(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let ([mut a, mut b, mut c, mut d], [mut k, mut l]) = (counter, key);
    for _ in 0..10 {
        let (p, q) = (u64::from(a) * 0xd251_1f53, u64::from(c) * 0xcd9e_8d57);
        let next = [(q >> 32) as u32 ^ b ^ k, q as u32, (p >> 32) as u32 ^ d ^ l, p as u32];
        a = next[0];
        b = next[1];
        c = next[2];
        d = next[3];
        k = k.wrapping_add(0x9e37_79b9);
        l = l.wrapping_add(0xbb67_ae85);
    }
    [a, b, c, d]
}

/// Two numbers of 53 bits in [0, 1).
fn two(seed: u64, stream: u32, draw: u32, index: u64) -> [f64; 2] {
    let [a, b, c, d] = philox([index as u32, (index >> 32) as u32, draw, stream], [seed as u32, (seed >> 32) as u32]);
    let unit = |low: u32, high: u32| ((u64::from(high) << 32 | u64::from(low)) >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0);
    [unit(a, b), unit(c, d)]
}

/// Uniform in [0, 1), with 53 bits.
pub fn uniform(seed: u64, stream: u32, draw: u32, index: u64) -> f64 {
    two(seed, stream, draw, index)[0]
}

/// Normal with mean 0 and variance 1 (Box and Muller 1958); at most 8.6 in size.
pub fn normal(seed: u64, stream: u32, draw: u32, index: u64) -> f64 {
    let [u, v] = two(seed, stream, draw, index);
    // 1 - u is in (0, 1] and exact.
    let radius = super::root::f64(-2.0 * super::double::ln(super::Portable, 1.0 - u));
    radius * super::double::cos(super::Portable, core::f64::consts::TAU * v)
}
