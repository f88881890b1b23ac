//! For each sentence at the head of the module: equations that break it.

use crate::equations::notation::read;
use crate::equations::tests::Build;
use crate::equations::verify::violations;
use crate::equations::*;

#[track_caller]
fn check(equations: &Equations, expected: &str) {
    let found = violations(equations);
    assert!(found.iter().any(|text| text.contains(expected)), "{found:?} instead of {expected}");
}

/// `y[i: 4] = x[i]`, which is right.
fn right() -> (Build, Name, Name) {
    let mut b = Build { equations: read("x[4]\n y[i: 4] = x[i]") };
    assert_eq!(violations(&b.equations), Vec::<String>::new());
    let (x, y) = (b.pool().name("x"), b.pool().name("y"));
    (b, x, y)
}

#[test]
fn tensors_are_there() {
    let (mut b, x, _) = right();
    b.equations.tensors.remove(&x);
    check(&b.equations, "`y` reads `x`, which is not there");
    let (mut b, x, _) = right();
    let four = b.int(4);
    b.given("x", &[four, four]);
    check(&b.equations, "`y` reads `x`, which has 2 axes, with 1 indices");
    let _ = x;
}

#[test]
fn axes_are_positional() {
    let (mut b, x, y) = right();
    let four = b.int(4);
    let other = b.pool().axis(1, four);
    let body = b.read(x, &[other]);
    b.define("y", &[four], &[], Equation::pointwise(body));
    check(&b.equations, "`y` has no axis 1");
    let three = b.int(3);
    let shorter = b.pool().axis(0, three);
    let body = b.read(x, &[shorter]);
    b.define("y", &[four], &[], Equation::pointwise(body));
    check(&b.equations, "axis 0 of `y` has size 4, but occurs with 3");
    let axis = b.pool().axis(0, four);
    b.equations.tensors.get_mut(&y).unwrap().axes = vec![axis];
    check(&b.equations, "a size of `y` is no size");
}

#[test]
fn indices_are_in_range() {
    check(&read("x[4]\n y[i: 4] = x[i + 1]"), "`y` reads `x` at i + 1 of 4 where [], which is out of range at [3]");
    check(&read("x[4]\n y[i: 4] = if i < 2 { 0 } else { x[i + 1] }"), "where [not i < 2], which is out of range at [3]");
    for text in [
        "x[4]\n y[i: 4] = x[i + 1] or 0",
        "x[4]\n y[i: 4] = if i >= 2 { 0 } else { x[i + 1] }",
        "x[4]\n y = sum(i: 4 where i < 3) x[i + 1]",
        "x[4]\n t[9]: int 3\n y[i: 9] = x[t[i] + 1]",
        "x[N]\n y[i: 2 * N] = x[i / 2]",
    ] {
        assert_eq!(violations(&read(text)), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn reductions_are_well_formed() {
    let (mut b, _, y) = right();
    let four = b.int(4);
    let mut equation = b.equations.tensors[&y].equation().unwrap().clone();
    equation.reduced = vec![four];
    b.define("y", &[four], &[], equation.clone());
    check(&b.equations, "`y` has no reduction, but reduced axes or a condition");
    equation.reduction = Some(Reduction::ArgMax);
    b.define("y", &[four], &[], equation);
    check(&b.equations, "`y` is an argmax, but does not hold integers below the number of elements");
}

#[test]
fn elements_are_used_as_what_they_are() {
    let (mut b, x, _) = right();
    let (low, four, five) = (b.int(0), b.int(4), b.int(5));
    let i = b.pool().axis(0, four);
    b.integers("x", &[four], four);
    check(&b.equations, "`y` reads integers of `x` as reals");
    let index = b.pool().read_integer(x, vec![i], low, five);
    let body = b.pool().real(index);
    b.define("y", &[four], &[], Equation::pointwise(body));
    check(&b.equations, "`y` reads `x` with another range than it has");
    b.given("x", &[four]);
    check(&b.equations, "`y` reads reals of `x` as integers");
}

#[test]
fn cycles_are_shifted() {
    check(&read("h[t: 4] = tanh(g[t])\n g[t: 4] = h[t] + 1"), "`h` depends on itself at the same element");
    let right = read("h[t: 4] = tanh(g[t])\n g[t: 4] = (h[t - 1] or 0) + 1");
    assert_eq!(violations(&right), Vec::<String>::new());
}
