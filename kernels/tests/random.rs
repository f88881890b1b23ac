//! Random numbers: the published test vectors, bits that never change, and moments.

use nnc_kernels::{normal, philox, uniform};

/// `kat_vectors` of Random123 (Salmon and others), philox4x32 with 10 rounds.
#[test]
fn published_vectors() {
    let all = u32::MAX;
    assert_eq!(philox([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
    assert_eq!(philox([all; 4], [all; 2]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
    assert_eq!(
        philox([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0]),
        [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
    );
}

/// A program that was trained with a seed can be trained again.
#[test]
fn the_same_for_ever() {
    let bits: Vec<u64> = (0..3).flat_map(|i| [uniform(1, 2, 3, i), normal(1, 2, 3, i)]).map(f64::to_bits).collect();
    assert_eq!(bits, BITS, "{bits:#x?}");
}
const BITS: [u64; 6] = [
    0x3fd9_d404_69c9_2186,
    0x3fe2_d37b_979d_dcc8,
    0x3fd5_68a3_5cb1_8218,
    0xbfe3_fcca_df71_c2fb,
    0x3fe6_21f6_2945_c4af,
    0x3fed_5df5_8296_4ee0,
];

/// Each of the four arguments counts, in all its bits.
#[test]
fn all_arguments_count() {
    let zero = uniform(0, 0, 0, 0);
    for bit in 0..64 {
        assert_ne!(uniform(1 << bit, 0, 0, 0), zero);
        assert_ne!(uniform(0, 0, 0, 1 << bit), zero);
        assert_ne!(uniform(0, 1 << (bit % 32), 0, 0), zero);
        assert_ne!(uniform(0, 0, 1 << (bit % 32), 0), zero);
    }
}

#[test]
fn moments() {
    let n = 200_000;
    let mean = |f: &dyn Fn(u64) -> f64| (0..n).map(f).sum::<f64>() / n as f64;
    let u = |i| uniform(11, 5, 0, i);
    let z = |i| normal(11, 5, 0, i);
    assert!((0..n).all(|i| (0.0..1.0).contains(&u(i))));
    assert!((mean(&u) - 0.5).abs() < 0.003);
    assert!((mean(&|i| u(i) * u(i)) - 1.0 / 3.0).abs() < 0.003);
    assert!((mean(&|i| u(i) * u(i + 1)) - 0.25).abs() < 0.003);
    assert!(mean(&z).abs() < 0.01);
    assert!((mean(&|i| z(i).powi(2)) - 1.0).abs() < 0.015);
    assert!((mean(&|i| z(i).powi(4)) - 3.0).abs() < 0.15);
    assert!(mean(&|i| z(i) * z(i + 1)).abs() < 0.01);
    // How many lie within one and two standard deviations.
    assert!((mean(&|i| f64::from(u8::from(z(i).abs() < 1.0))) - 0.6827).abs() < 0.005);
    assert!((mean(&|i| f64::from(u8::from(z(i).abs() < 2.0))) - 0.9545).abs() < 0.005);
}

#[test]
fn draws_of_steps() {
    let uniform = |step: u64, count: usize| {
        let mut numbers = vec![0.0; count];
        nnc_kernels::draw_uniform(3, step, 1, 0, count, |index, x| numbers[index] = x);
        numbers
    };
    let normal = |step: u64, count: usize| {
        let mut numbers = vec![0.0; count];
        nnc_kernels::draw_normal(3, step, 1, 0, count, |index, x| numbers[index] = x);
        numbers
    };
    const COUNT: usize = 100_003;
    for (numbers, mean, deviation) in [(uniform(1, COUNT), 0.5, 1.0 / 12.0f64.sqrt()), (normal(1, COUNT), 0.0, 1.0)] {
        let found = numbers.iter().sum::<f64>() / COUNT as f64;
        let spread = (numbers.iter().map(|x| (x - found).powi(2)).sum::<f64>() / COUNT as f64).sqrt();
        assert!((found - mean).abs() < 0.01 && (spread - deviation).abs() < 0.01, "{found} {spread}");
        // neighbours, and the first and third of four, have nothing to do with each other
        for lag in [1, 2] {
            let product = numbers.windows(lag + 1).map(|pair| (pair[0] - mean) * (pair[lag] - mean)).sum::<f64>();
            assert!((product / COUNT as f64).abs() < 0.01, "{product}");
        }
    }
    // no end is met, and `f32` holds each
    assert!(uniform(1, COUNT).iter().all(|&x| x > 0.0 && x < 1.0 && f64::from(x as f32) == x && (x as f32) < 1.0));
    // how many are drawn changes none; another step changes all
    assert_eq!(uniform(1, 7), uniform(1, COUNT)[..7]);
    assert_eq!(normal(1, 7), normal(1, COUNT)[..7]);
    assert!(uniform(1, 50).iter().zip(uniform(2, 50)).all(|(a, b)| *a != b));
    // the same bits in every version and on every machine
    let bits: Vec<u64> = uniform(1 << 40, 5).into_iter().chain(normal(1 << 40, 5)).map(f64::to_bits).collect();
    let sum = bits.iter().fold(0u64, |hash, bits| hash.rotate_left(7) ^ bits);
    assert_eq!(sum, 7704602253866877216);
}

#[test]
fn orthogonal_matrices() {
    for (rows, columns) in [(1, 1), (3, 3), (2, 5), (7, 4), (1, 6), (33, 16)] {
        let mut values = vec![0.0f64; rows * columns];
        nnc_kernels::orthogonal(5, 1, 0, rows, columns, &mut values, |x| x);
        let at = |row: usize, column: usize| values[row * columns + column];
        let few = rows.min(columns);
        for i in 0..few {
            for j in 0..few {
                let product: f64 = if rows <= columns {
                    (0..columns).map(|k| at(i, k) * at(j, k)).sum()
                } else {
                    (0..rows).map(|k| at(k, i) * at(k, j)).sum()
                };
                assert!((product - f64::from(u8::from(i == j))).abs() < 1e-14, "{rows}x{columns}: {product}");
            }
        }
        let mut single = vec![0.0f32; rows * columns];
        nnc_kernels::orthogonal(5, 1, 0, rows, columns, &mut single, |x| x as f32);
        assert!(single.iter().zip(&values).all(|(a, b)| (f64::from(*a) - b).abs() < 1e-5));
    }
}
