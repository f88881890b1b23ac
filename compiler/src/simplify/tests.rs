mod library;
mod models;
mod random;
mod rules;

use super::*;
use crate::derive::derive;
use crate::equations::interpret::{Value, interpret};
use crate::equations::notation::read;
use crate::equations::print::{print, print_keeping};
use crate::equations::tests::Build;
use crate::equations::tests::random::Random;
use crate::equations::*;
use ndarray::{ArrayD, IxDyn};

/// The equations as text; given tensors are not among them.
fn shown(equations: &Equations, keep: &[Name]) -> String {
    print_keeping(equations, keep).lines().filter(|line| line.contains(" = ")).map(|line| format!("{line}\n")).collect()
}

fn named(equations: &Equations, names: &[&str]) -> Vec<Name> {
    names.iter().map(|name| equations.pool.find_name(name).unwrap_or_else(|| panic!("no {name}"))).collect()
}

/// Values for all given tensors; all named sizes are 3.
fn some_values(equations: &Equations, random: &mut Random) -> (BTreeMap<String, i64>, BTreeMap<String, Value>) {
    let mut sizes = BTreeMap::new();
    let mut values = BTreeMap::new();
    for (&name, tensor) in &equations.tensors {
        for &size in &tensor.axes {
            for &(atom, _) in &equations.pool.affine(size).terms {
                if let AtomNode::Size { name, .. } = equations.pool.atom(atom) {
                    sizes.insert(equations.pool.text(*name).to_string(), 3);
                }
            }
        }
        if tensor.equation().is_some() {
            continue;
        }
        let shape: Vec<usize> = tensor.axes.iter().map(|&size| equations.pool.constant_of(size).unwrap_or(3) as usize).collect();
        let value = match tensor.element {
            Element::Real => {
                Value::Real(ArrayD::from_shape_simple_fn(IxDyn(&shape), || (random.next() >> 11) as f64 / (1u64 << 53) as f64 * 2.0 - 1.0))
            }
            Element::Integer { high, .. } => {
                let high = equations.pool.constant_of(high).unwrap_or(3);
                Value::Integer(ArrayD::from_shape_simple_fn(IxDyn(&shape), || random.between(0, high - 1)))
            }
        };
        values.insert(equations.pool.text(name).to_string(), value);
    }
    (sizes, values)
}

/// Both give the same values for some input.
#[track_caller]
fn agree(before: &Equations, after: &Equations, keep: &[Name]) {
    for seed in 0..3 {
        let (sizes, values) = some_values(before, &mut Random(seed));
        let expected = interpret(before, &sizes, &values, keep).unwrap();
        let found = interpret(after, &sizes, &values, keep).unwrap_or_else(|fault| panic!("{fault}\n{}", print(after)));
        for ((name, expected), found) in keep.iter().zip(&expected).zip(&found) {
            let text = before.pool.text(*name);
            match (expected, found) {
                (Value::Real(a), Value::Real(b)) => {
                    assert_eq!(a.shape(), b.shape(), "{text}");
                    let close =
                        a.iter().zip(b).all(|(a, b)| a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-10 * (1.0 + a.abs()));
                    assert!(close, "{text} is\n{b}\ninstead of\n{a}\n{}", print(after));
                }
                _ => assert_eq!(expected, found, "{text}"),
            }
        }
    }
}

/// What is left of the equations when these are asked for, after a check that they still have the same values.
#[track_caller]
fn check(text: &str, keep: &[&str]) -> String {
    let before = read(text);
    let keep = named(&before, keep);
    let after = simplify(before.clone(), &keep);
    agree(&before, &after, &keep);
    assert_eq!(shown(&simplify(after.clone(), &keep), &keep), shown(&after, &keep), "simplified twice");
    shown(&after, &keep)
}

/// The same with the gradients of `loss` by some tensors: stabilised, derived, simplified; the gradients are those of the equations as
/// they stand.
#[track_caller]
fn check_gradients(text: &str, keep: &[&str], by: &[&str]) -> String {
    let mut plain = read(text);
    let mut keep = named(&plain, keep);
    let (by, loss) = (named(&plain, by), named(&plain, &["loss"])[0]);
    keep.push(loss);
    let mut equations = stabilise(plain.clone(), &keep);
    let expected = derive(&mut plain, loss, &by);
    let found = derive(&mut equations, loss, &by);
    let names = |equations: &Equations, names: &[Name]| names.iter().map(|&name| equations.pool.text(name).to_string()).collect::<Vec<_>>();
    assert_eq!(names(&plain, &expected), names(&equations, &found));
    let keep: Vec<Name> = keep.into_iter().chain(found.iter().copied()).collect();
    let after = simplify(equations, &keep);
    for (&expected, &found) in expected.iter().zip(&found) {
        let (sizes, values) = some_values(&plain, &mut Random(7));
        let a = interpret(&plain, &sizes, &values, &[expected]).unwrap().remove(0);
        let b = interpret(&after, &sizes, &values, &[found]).unwrap_or_else(|fault| panic!("{fault}\n{}", print(&after))).remove(0);
        let (a, b) = (a.real().unwrap(), b.real().unwrap());
        assert_eq!(a.shape(), b.shape());
        let close = a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-9 * (1.0 + a.abs()));
        assert!(close, "{b}\ninstead of\n{a}\n{}", print(&after));
    }
    assert_eq!(shown(&simplify(after.clone(), &keep), &keep), shown(&after, &keep), "simplified twice");
    shown(&after, &keep)
}
