//! Each rule of the constructors alone: what is asked for, and what it becomes.

use crate::equations::notation::read;
use crate::equations::print::{axis_labels, print_equation};
use crate::equations::*;
use std::collections::BTreeSet;

/// Given tensors that all cases can read.
const GIVEN: &str = "
    x[8]
    z[8]
    v
    s
    t: int 5
";

/// Rules, the right side of `y[i: 8, j: 3, k: 4, n: N] = …` on which each fires, and that side as the pool has it.
const CASES: &[(&str, &str, &str)] = &[
    // integers
    ("div-range", "x[(2 * j + 1) / 6]", "x[0]"),
    ("div-range", "x[(4 * j + k) / 4]", "x[j]"),
    ("mod-range", "x[(4 * j + k) % 4]", "x[k]"),
    ("div-gcd", "x[(4 * i + k) / 8]", "x[i / 2]"),
    ("mod-gcd", "x[(4 * i + k) % 8]", "x[k + 4 * (i % 2)]"),
    ("div-div", "x[(i / 2) / 2]", "x[i / 4]"),
    ("recompose-div-mod", "x[3 * (i / 3) + i % 3]", "x[i]"),
    ("div-gcd", "x[(3 * i * N + n) / (2 * N)]", "x[3 * i / 2]"),
    // conditions
    ("guard-proved", "if i < 8 { v } else { s }", "v"),
    ("guard-refuted", "if i >= 8 { v } else { s }", "s"),
    ("guard-proved", "if n < N { v } else { s }", "v"),
    ("equality-refuted", "if j == k + 3 { v } else { s }", "s"),
    ("guard-gcd", "if 2 * i >= 3 { v } else { s }", "if i >= 2 { v } else { s }"),
    ("equality-gcd", "if 2 * i == 3 { v } else { s }", "s"),
    ("equality-gcd", "if 2 * i == 4 { v } else { s }", "if i == 2 { v } else { s }"),
    ("compare-constants", "if 1.5 < 2.5 { v } else { s }", "v"),
    // sums and products
    ("like-terms", "x[i] + v + 2 * x[i]", "3 * x[i] + v"),
    ("like-factors", "x[i] * v * x[i]", "v * x[i]^2"),
    ("mul-zero", "0 * x[i] + v", "v"),
    ("minus-over-sum", "v - (s - x[i])", "x[i] + v - s"),
    ("merge-select", "(if i < 3 { v } else { s }) + (if i < 3 { s } else { 1 })", "if i < 3 { v + s } else { s + 1 }"),
    ("select-out-of-mul", "v * (if i < 3 { x[i] } else { 0 })", "if i < 3 { x[i] * v } else { 0 }"),
    ("nest-select", "if i < 3 { if k < 2 { v } else { 0 } } else { 0 }", "if i < 3 && k < 2 { v } else { 0 }"),
    // powers and functions
    ("power-of-power", "1 / x[i]^2", "1 / x[i]^2"),
    ("reciprocal-of-root", "1 / sqrt(x[i])", "1 / sqrt(x[i])"),
    ("reciprocal-of-constant", "v / (4 * x[i])", "v / (4 * x[i])"),
    ("power-of-exp", "v / exp(x[i])", "v * exp(-x[i])"),
    ("recognise-sigmoid", "1 / (1 + exp(-x[i]))", "sigmoid(x[i])"),
    ("recognise-softplus", "log(1 + exp(x[i]))", "softplus(x[i])"),
    ("log-exp", "log(exp(x[i]))", "x[i]"),
    ("log-sigmoid", "log(sigmoid(x[i]))", "-softplus(-x[i])"),
    ("log-one-minus-sigmoid", "log(1 - sigmoid(x[i]))", "-softplus(x[i])"),
];

#[test]
fn each_rule() {
    for &(rule, text, expected) in CASES {
        let equations = read(&format!("{GIVEN}\n y[i: 8, j: 3, k: 4, n: N] = {text}"));
        let y = equations.pool.find_name("y").unwrap();
        assert_eq!(axis_labels(&equations, y), ["i", "j", "k", "n"]);
        let shown = print_equation(&equations, y);
        assert_eq!(shown.split_once(" = ").unwrap().1, expected, "{text}");
        let fired: BTreeSet<&str> = equations.pool.fired().keys().copied().collect();
        assert!(fired.contains(rule), "{text}: {rule} did not fire, but {fired:?}");
    }
}

#[test]
fn the_opposite_of_a_bound_is_a_bound() {
    let mut pool = Pool::default();
    let eight = pool.integer(8);
    let i = pool.axis(0, eight);
    let three = pool.integer(3);
    let bound = pool.at_most(three, i);
    let opposite = pool.not(bound);
    assert_eq!(opposite, pool.less(i, three));
    assert_eq!(pool.not(opposite), bound);
    assert!(pool.fired().contains_key("not-guard"));
}

/// The names in `fire("…")` of a source text.
pub(crate) fn rules_in(source: &str) -> BTreeSet<&str> {
    source.split("fire(\"").skip(1).filter_map(|rest| rest.split_once('"')).map(|(name, _)| name).collect()
}

#[test]
fn no_rule_without_a_case() {
    let sources = [include_str!("../index.rs"), include_str!("../condition.rs"), include_str!("../scalar.rs")];
    let rules: BTreeSet<&str> = sources.into_iter().flat_map(rules_in).collect();
    let cases: BTreeSet<&str> = CASES.iter().map(|&(rule, ..)| rule).chain(["not-guard"]).collect();
    assert_eq!(rules, cases);
}

/// What would hide a NaN or an infinity of the data, or give one where there is none, is no rule.
#[test]
fn what_is_kept_as_it_is() {
    for (text, expected) in [
        ("x[i] - x[i]", "x[i] - x[i]"),
        ("2 * x[i] - x[i]", "2 * x[i] - x[i]"),
        ("x[i] / x[i]", "x[i] / x[i]"),
        ("x[i]^2 / x[i]", "x[i]^2 / x[i]"),
        ("sqrt(x[i])^2", "sqrt(x[i])^2"),
        ("sqrt(x[i]^2)", "sqrt(x[i]^2)"),
        ("exp(log(x[i]))", "exp(log(x[i]))"),
        ("v * (x[i] + s)", "v * (x[i] + s)"),
        ("if x[i] < v { s } else { x[i] }", "if x[i] < v { s } else { x[i] }"),
    ] {
        let equations = read(&format!("{GIVEN}\n y[i: 8] = {text}"));
        let y = equations.pool.find_name("y").unwrap();
        assert_eq!(print_equation(&equations, y), format!("y[i] = {expected}"));
    }
}
