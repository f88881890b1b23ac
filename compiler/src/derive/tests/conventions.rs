//! Values of derivatives where they are a matter of convention, and at places that a lazy branch keeps out.

use super::*;

/// The derivative of a loss by its only input `x`, a vector, at these values.
#[track_caller]
fn gradient(text: &str, x: &[f64]) -> Vec<f64> {
    let mut equations = read(text);
    let loss = equations.pool.find_name("loss").expect("a loss");
    let input = equations.pool.find_name("x").expect("an input");
    let gradients = derive(&mut equations, loss, &[input]);
    assert_eq!(violations(&equations), Vec::<String>::new());
    let values = Values::from([("x".to_string(), Value::Real(ArrayD::from_shape_vec(IxDyn(&[x.len()]), x.to_vec()).expect("a vector")))]);
    values_of(&equations, &Sizes::new(), &values, &gradients)[0].iter().copied().collect()
}

/// The derivative of an expression in `x[0]`; it is multiplied by 3 on the way, so that what passes a kink is seen to be scaled.
#[track_caller]
fn check(expression: &str, at: f64, expected: f64) {
    let found = gradient(
        &format!("x[1]\n y = {}\n loss = 3 * y", expression.replace('x', "x[0]").replace("ex[0]p", "exp").replace("max[0]", "max")),
        &[at],
    )[0] / 3.0;
    let same = found == expected || (found.is_nan() && expected.is_nan()) || (found - expected).abs() < 1e-14;
    assert!(same, "{expression} at {at}: {found}, expected {expected}");
}

#[test]
fn kinks() {
    check("max(x, 0)", 0.0, 0.0);
    check("max(x, 0)", 1.0, 1.0);
    check("max(0, x)", -1.0, 0.0);
    check("max(x, 1 / 2)", 0.5, 0.0);
    check("2 * max(x, 0) + x", 0.0, 1.0);
    check("min(x, 2)", 2.0, 0.0);
    check("min(max(x, -1), 1)", -1.0, 0.0);
    check("min(max(x, -1), 1)", 0.5, 1.0);
    check("min(max(x, -1), 1)", 1.0, 0.0);
    check("max(2 * x, x)", 0.0, 1.5);
    check("min(2 * x, x)", 0.0, 1.5);
    check("min(x, 2 * x)", 0.0, 1.5);
    check("max(x, 2 * x)", -1.0, 1.0);
    check("abs(x)", 0.0, 0.0);
    check("abs(x)", -2.0, -1.0);
    check("sqrt(x)", 0.0, f64::INFINITY);
    check("if x > 0 { x } else { 0.1 * x }", 0.0, 0.1);
    check("if x > 0 { x } else { exp(x) - 1 }", 0.0, 1.0);
    check("floor(x)", 0.5, 0.0);
    check("stop(x) * x", 3.0, 3.0);
    check("x ^ -1", 2.0, -0.25);
    check("1 / sqrt(x)", 4.0, -1.0 / 16.0);
    check("x ^ 2", 0.0, 0.0);
    check("x ^ 1.5", 4.0, 3.0);
}

#[test]
fn a_nan_is_not_hidden_by_a_kink() {
    for expression in ["max(x, 0) ^ 2", "abs(x) ^ 2", "max(x, 2 * x) ^ 2", "min(max(x, 0), 6) ^ 2", "exp(x)", "x ^ 3"] {
        check(expression, f64::NAN, f64::NAN);
    }
}

#[test]
fn a_branch_that_is_not_taken_has_no_derivative() {
    check("if x > 0 { log(x) * sqrt(x) } else { 0 }", 0.0, 0.0);
    check("if x > 0 { log(x) * sqrt(x) } else { 2 * x }", -1.0, 2.0);
    check("if x > 0 { if x < 1 { sqrt(1 - x) } else { log(x - 1) } } else { 0 }", -1.0, 0.0);
    // one logarithm in two branches
    check("(if x > 2 { log(x) } else { 0 }) + (if x > 3 { 2 * log(x) } else { 1 })", 0.0, 0.0);
    check("(if x > 2 { log(x) } else { 0 }) * (if x > 3 { log(x) } else { 1 })", 0.0, 0.0);
    check("(if x > 2 { log(x) } else { 0 }) + (if x > 3 { 2 * log(x) } else { 1 })", 4.0, 0.75);
    let norm = "
        x[2]
        s = sum(i: 2) x[i]^2
        loss = if s > 0 { sqrt(s) } else { 0 }";
    assert_eq!(gradient(norm, &[0.0, 0.0]), [0.0, 0.0]);
    assert_eq!(gradient(norm, &[0.0, -2.0]), [0.0, -1.0]);
}

#[test]
fn the_first_of_several_maxima_takes_all() {
    let text = "
        x[4]
        loss = max(i: 4) x[i]";
    assert_eq!(gradient(text, &[1.0, 2.0, 2.0, 0.0]), [0.0, 1.0, 0.0, 0.0]);
    assert_eq!(gradient(text, &[1.0, 2.0, f64::NAN, f64::NAN]), [0.0, 0.0, 1.0, 0.0]);
    let infinity = f64::NEG_INFINITY;
    assert_eq!(gradient(text, &[infinity; 4]), [1.0, 0.0, 0.0, 0.0]);
    let windows = "
        x[3]
        y[i: 2] = max(p: 2) x[i + p]
        loss = sum(i: 2) y[i] * (i + 1)";
    assert_eq!(gradient(windows, &[1.0, 1.0, 1.0]), [1.0, 2.0, 0.0]);
}

#[test]
fn products_with_zeros() {
    let text = "
        x[3]
        loss = prod(i: 3) x[i]";
    assert_eq!(gradient(text, &[5.0, 3.0, 2.0]), [6.0, 10.0, 15.0]);
    assert_eq!(gradient(text, &[0.0, 3.0, 2.0]), [6.0, 0.0, 0.0]);
    assert_eq!(gradient(text, &[0.0, 0.0, 2.0]), [0.0, 0.0, 0.0]);
}

#[test]
fn a_masked_element_of_a_softmax_has_no_gradient() {
    let text = "
        x[3]
        s[i: 3] = if i == 1 { -inf } else { x[i] }
        l = lse(i: 3) s[i]
        loss = exp(s[0] - l)";
    let found = gradient(text, &[0.0, 7.0, 0.0]);
    assert_eq!((found[1], found[0], found[2]), (0.0, 0.25, -0.25));
}

#[test]
fn what_the_loss_does_not_reach_has_gradient_0() {
    let mut equations = read(
        "
        x[batch, 3]
        t[batch]: int 3
        u[2]
        y[n: batch] = x[n, t[n]]
        best[n: batch] = floor(u[0]) + y[n]
        loss = sum(n: batch where t[n] > 0) best[n]",
    );
    let names = ["u", "x", "t", "y", "u", "loss"].map(|name| equations.pool.find_name(name).expect("a tensor"));
    let gradients = derive(&mut equations, names[5], &names);
    let texts: Vec<&str> = gradients.iter().map(|&name| equations.pool.text(name)).collect();
    assert_eq!(texts, ["d_u", "d_x", "d_t", "d_y", "d_u", "d_loss"]);
    insta::assert_snapshot!(print(&equations).lines().filter(|line| line.starts_with("d_")).collect::<Vec<_>>().join("\n"), @r"
    d_loss = 1
    d_best[n] = if t[n] >= 1 { d_loss } else { 0 }
    d_y[n] = d_best[n]
    d_x[n, i: 3] = if i == t[n] { d_y[n] } else { 0 }
    d_u[i: 2] = 0
    d_t[n: batch] = 0
    ");
}

#[test]
fn an_empty_batch_has_gradients_of_0() {
    let text = "
        x[batch, 2]
        w[2, 3]
        z[n: batch, o: 3] = sum(i: 2) x[n, i] * w[i, o]
        m[n: batch] = max(o: 3) z[n, o]
        l[n: batch] = lse(o: 3) z[n, o]
        s = sum(n: batch) (l[n] + m[n] / batch)
        loss = if batch >= 1 { s / batch } else { 0 }";
    let mut equations = read(text);
    let names = ["loss", "x", "w"].map(|name| equations.pool.find_name(name).expect("a tensor"));
    let gradients = derive(&mut equations, names[0], &names[1..]);
    let sizes = sizes_of(&[("batch", 0)]);
    let values = random_values(&equations, &sizes, &mut Random(1));
    let found = values_of(&equations, &sizes, &values, &gradients);
    assert_eq!((found[0].len(), found[1].len()), (0, 6));
    assert!(found[1].iter().all(|&value| value == 0.0));
}

#[test]
fn a_condition_is_asked_only_inside_the_guard_of_its_reads() {
    let text = "
        x[3]
        y[i: 3] = if i >= 1 { if x[i - 1] > 0.5 { x[i] * x[i - 1] } else { x[i]^2 } } else { 0 }
        loss = sum(i: 3) y[i]";
    assert_eq!(gradient(text, &[1.0, 0.0, 3.0]), [0.0, 1.0, 6.0]);
}
