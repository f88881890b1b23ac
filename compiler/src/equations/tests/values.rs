//! Values of functions, extremes of integers, and expressions that are large or deep.

#![allow(clippy::excessive_precision, clippy::approx_constant)] // expected values as they were computed

use crate::equations::functions::{erf, evaluate};
use crate::equations::*;

#[track_caller]
fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-15 * expected.abs(), "{found:e} instead of {expected:e}");
}

/// Expected values from 40-digit arithmetic.
#[test]
fn the_error_function() {
    for (x, expected) in [
        (1e-300, 1.128379167095512602172316e-300),
        (1e-8, 1.128379167095512559892102e-8),
        (0.1, 0.1124629160182848984047123),
        (0.5, 0.5204998778130465376827467),
        (1.0, 0.8427007929497148693412206),
        (1.5, 0.9661051464753107270669763),
        (2.0, 0.9953222650189527341620693),
        (2.5, 0.9995930479825550410604358),
        (2.999, 0.999977769831400165943085),
        (3.0, 0.9999779095030014145586272),
        (3.5, 0.9999992569016276585872545),
        (4.0, 0.9999999845827420997199811),
        (5.0, 0.999999999998462540205572),
        (5.9, 0.9999999999999999280959022),
    ] {
        close(erf(x), expected);
        close(erf(-x), -expected);
    }
    assert_eq!((erf(0.0), erf(f64::INFINITY), erf(f64::NEG_INFINITY)), (0.0, 1.0, -1.0));
    assert!(erf(f64::NAN).is_nan());
    // without a step where the series ends and the fraction begins
    close(erf(3.0 - 1e-15), erf(3.0));
}

#[test]
fn sigmoid_and_softplus() {
    for (x, sigmoid, softplus) in [
        (-40.0, 4.248354255291588977280721e-18, 4.248354255291588986304988e-18),
        (-20.0, 2.061153618190203581430862e-9, 2.061153620314380703238983e-9),
        (-1.0, 0.2689414213699951207488408, 0.3132616875182228340489955),
        (0.0, 0.5, 0.6931471805599453094172321),
        (1e-9, 0.50000000025, 0.6931471810599453095422322),
        (1.0, 0.7310585786300048792511592, 1.313261687518222834048995),
        (20.0, 0.9999999979388463818097964, 20.00000000206115362031438),
        (40.0, 0.9999999999999999957516457, 40.00000000000000000424835),
        (800.0, 1.0, 800.0),
    ] {
        close(evaluate(Function::Sigmoid, x), sigmoid);
        close(evaluate(Function::Softplus, x), softplus);
    }
    for function in [Function::Sigmoid, Function::Softplus] {
        assert_eq!(evaluate(function, f64::NEG_INFINITY), 0.0);
        assert!(evaluate(function, f64::NAN).is_nan());
    }
    assert_eq!(evaluate(Function::Softplus, f64::INFINITY), f64::INFINITY);
}

/// Integers beyond 64 bits are refused before; if some come here all the same, nothing panics.
#[test]
fn extremes_of_integers() {
    let mut pool = Pool::default();
    let mut all = Vec::new();
    for value in [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX] {
        all.push(pool.integer(value));
    }
    let size = pool.size("n", 1);
    let axis = pool.axis(0, size);
    let long = pool.integer(i64::MAX);
    let long = pool.axis(1, long);
    all.extend([size, axis, long]);
    for round in 0..2 {
        let of_round = all.clone();
        for &a in &of_round {
            for &b in &of_round {
                let product = pool.times(a, b);
                let made = [pool.plus(a, b), pool.minus(a, b), product, pool.scaled(a, i64::MIN), pool.offset(b, i64::MIN)];
                for index in made {
                    pool.non_negative(index);
                    pool.equal(index, a);
                    let less = pool.less(index, b);
                    pool.not(less);
                    let three = pool.integer(3);
                    for divisor in [three, size, long] {
                        if pool.is_size(divisor) {
                            pool.divide(index, divisor);
                            pool.remainder(index, divisor);
                        }
                    }
                    pool.extreme(index, true);
                }
                if round == 0 && all.len() < 24 {
                    all.push(product);
                }
            }
        }
    }
}

/// A sum of 100 000 terms, each of them made once.
#[test]
fn a_long_sum() {
    let mut pool = Pool::default();
    let (name, size) = (pool.name("x"), pool.integer(100_000));
    let terms: Vec<Scalar> = (0..100_000)
        .map(|at| {
            let index = pool.integer(99_999 - at);
            let read = pool.read(name, vec![index]);
            pool.power(read, 2.0)
        })
        .collect();
    let sum = pool.add(&terms);
    assert!(matches!(pool.scalar(sum), ScalarNode::Add(terms) if terms.len() == 100_000));
    let axis = pool.axis(0, size);
    let again = pool.substitute_scalar(sum, &BTreeMap::from([(0, axis)]));
    assert_eq!(again, sum);
    let product = pool.mul(&[sum, sum]);
    assert!(matches!(pool.scalar(product), ScalarNode::Power(..)));
}

/// An expression that has `2^200` parts as a tree, and 400 as it is held: nothing walks it as a tree.
#[test]
fn deep_sharing() {
    let mut pool = Pool::default();
    let (one, other) = (pool.name("x"), pool.name("y"));
    let build = |pool: &mut Pool, name: Name| {
        let mut value = pool.read(name, Vec::new());
        for _ in 0..200 {
            let tanh = pool.apply(Function::Tanh, value);
            let sine = pool.apply(Function::Sin, value);
            value = pool.mul(&[tanh, sine]);
        }
        value
    };
    let (a, b) = (build(&mut pool, one), build(&mut pool, other));
    assert!(pool.compare_scalars(a, b).is_lt());
    assert!(pool.compare_scalars(b, a).is_gt());
    let sum = pool.add(&[b, a]);
    assert_eq!(pool.tensors_of_scalar(sum), [one, other]);
    assert_eq!(pool.real_reads(sum).len(), 2);
    assert_eq!(pool.substitute_scalar(sum, &BTreeMap::new()), sum);
}
