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

/// The random bits of four neighbours among the draws of a step.
fn four(seed: u64, step: u64, stream: u32, number: u32, block: u64) -> [u32; 4] {
    // a key for each step; the last word keeps its counter apart from those of initial values
    let [a, b, _, _] = philox([step as u32, (step >> 32) as u32, u32::MAX, 0x7374_6570], [seed as u32, (seed >> 32) as u32]);
    philox([block as u32, (block >> 32) as u32, number, stream], [a, b])
}

/// Draws of a step, uniform in (0, 1): `put(index, number)` for each index below `count`. They are the odd multiples of 2^-24, so that
/// `f32` holds them exactly, no end is met, and `f32` and `f64` programs have the same numbers.
pub fn draw_uniform(seed: u64, step: u64, stream: u32, number: u32, count: usize, mut put: impl FnMut(usize, f64)) {
    let mut index = 0;
    while index < count {
        for word in four(seed, step, stream, number, index as u64 / 4) {
            if index < count {
                put(index, (2 * (word >> 9) + 1) as f64 * (1.0 / 16_777_216.0));
            }
            index += 1;
        }
    }
}

/// Draws of a step, normal with mean 0 and variance 1 (Box and Muller 1958), at most 6.8 in size: `put(index, number)` for each index
/// below `count`.
pub fn draw_normal(seed: u64, step: u64, stream: u32, number: u32, count: usize, mut put: impl FnMut(usize, f64)) {
    let mut index = 0;
    while index < count {
        let [a, b, c, d] = four(seed, step, stream, number, index as u64 / 4);
        for [u, v] in [[a, b], [c, d]] {
            let [u, v] = [(u as f64 + 0.5) * (1.0 / 4_294_967_296.0), v as f64 * (1.0 / 4_294_967_296.0)];
            let radius = super::root::f64(-2.0 * super::double::ln(super::Portable, u));
            let angle = core::f64::consts::TAU * v;
            for z in [super::double::cos(super::Portable, angle), super::double::sin(super::Portable, angle)] {
                if index < count {
                    put(index, radius * z);
                }
                index += 1;
            }
        }
    }
}

/// A matrix of `rows` by `columns`, drawn evenly among those with orthonormal rows or columns, whichever are fewer: normal numbers,
/// made orthogonal one vector after the other (Gram and Schmidt; twice, for what rounding leaves).
pub fn orthogonal<T: Copy + Into<f64>>(
    seed: u64,
    stream: u32,
    draw: u32,
    rows: usize,
    columns: usize,
    values: &mut [T],
    nearest: impl Fn(f64) -> T,
) {
    for (index, value) in values.iter_mut().enumerate() {
        *value = nearest(normal(seed, stream, draw, index as u64));
    }
    // vectors of `length` numbers, `along` from one to the next, `across` from one vector to the next
    let (vectors, length, across, along) = if rows <= columns { (rows, columns, columns, 1) } else { (columns, rows, 1, columns) };
    for this in 0..vectors {
        for _ in 0..2 {
            for other in 0..this {
                let product = inner(values, length, along, this * across, other * across);
                for k in 0..length {
                    let part: f64 = values[other * across + k * along].into();
                    let place = this * across + k * along;
                    let whole: f64 = values[place].into();
                    values[place] = nearest(whole - product * part);
                }
            }
            let size = super::root::f64(inner(values, length, along, this * across, this * across));
            for k in 0..length {
                let place = this * across + k * along;
                let number: f64 = values[place].into();
                values[place] = nearest(number / size);
            }
        }
    }
}

/// The sum of products of two vectors among `values`.
fn inner<T: Copy + Into<f64>>(values: &[T], length: usize, along: usize, one: usize, other: usize) -> f64 {
    let mut sum = 0.0;
    for k in 0..length {
        let (a, b): (f64, f64) = (values[one + k * along].into(), values[other + k * along].into());
        sum += a * b;
    }
    sum
}
