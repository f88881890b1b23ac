//! Kinks, ties, NaN, infinity and lazy branches: the conventions of the language's section 12, in values and gradients.

mod common;

use common::{Given, derived, elaborated, evaluate, is_real, ports, tensor_name};
use ndarray::{ArrayD, IxDyn};
use nnc_compiler::equations::interpret::Value;
use nnc_compiler::equations::{Element, Name};

const NAN: f64 = f64::NAN;
const INF: f64 = f64::INFINITY;

/// One sample of a model: its first output, and the gradients of the inputs that are asked for; as derived and as simplified.
#[track_caller]
fn check(model: &str, inputs: &[(&str, &[f64])], output: &[f64], gradients: &[(&str, &[f64])]) {
    check_forms(model, inputs, output, gradients, &[false, true]);
}

/// [`check`] of the simplified equations alone, which compute some logarithms in another form.
#[track_caller]
fn check_simplified(model: &str, inputs: &[(&str, &[f64])], output: &[f64], gradients: &[(&str, &[f64])]) {
    check_forms(model, inputs, output, gradients, &[true]);
}

#[track_caller]
fn check_forms(model: &str, inputs: &[(&str, &[f64])], output: &[f64], gradients: &[(&str, &[f64])], simplified: &[bool]) {
    let [model] = &elaborated("conventions.nn", model)[..] else { panic!("one model") };
    let forward = &model.training.equations;
    let by: Vec<Name> = ports(model).filter(|port| is_real(port)).map(|port| port.tensor).collect();
    let names: Vec<&str> = ports(model).filter(|port| is_real(port)).map(|port| port.name.as_str()).collect();
    let mut given = Given::new();
    for port in ports(model) {
        let (_, numbers) = inputs.iter().find(|(name, _)| *name == port.name).unwrap_or_else(|| panic!("a value for {}", port.name));
        let tensor = &forward.tensors[&port.tensor];
        let sizes = tensor.axes.iter().map(|&size| forward.pool.constant_of(size).map_or(1, |size| size as usize));
        let array = ArrayD::from_shape_vec(IxDyn(&sizes.collect::<Vec<_>>()), numbers.to_vec()).expect("as many numbers as elements");
        let value = match tensor.element {
            Element::Real => Value::Real(array),
            Element::Integer { .. } => Value::Integer(array.mapv(|x| x as i64)),
        };
        given.insert(tensor_name(&model.training, port.tensor), value);
    }
    for &simple in simplified {
        let (equations, adjoints) = derived(model, &by, simple);
        let wanted = [&model.training.outputs[..1], &adjoints].concat();
        let form = if simple { "simplified" } else { "derived" };
        let values = evaluate(&equations, 1, &given, &wanted);
        agree(&format!("the output ({form})"), &values[0], output);
        for (name, expected) in gradients {
            let number = names.iter().position(|known| known == name).unwrap_or_else(|| panic!("{name} is no real input"));
            agree(&format!("the gradient of {name} ({form})"), &values[1 + number], expected);
        }
    }
}

#[track_caller]
fn agree(what: &str, found: &ArrayD<f64>, expected: &[f64]) {
    let same = |a: f64, b: f64| a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-12 * b.abs().max(1.0);
    let all = found.len() == expected.len() && found.iter().zip(expected).all(|(&a, &b)| same(a, b));
    assert!(all, "{what} is {found}, expected {expected:?}");
}

/// A function of a number: its value and derivative at each place.
#[track_caller]
fn function(body: &str, places: &[(f64, f64, f64)]) {
    for &(x, y, slope) in places {
        check(&format!("model Case(x) -> y {{ y = {body}; loss = y; }}"), &[("x", &[x])], &[y], &[("x", &[slope])]);
    }
}

/// A function of a number: its value at each place.
#[track_caller]
fn values(body: &str, places: &[(f64, f64)]) {
    for &(x, y) in places {
        check(&format!("model Case(x) -> y {{ y = {body}; loss = y; }}"), &[("x", &[x])], &[y], &[]);
    }
}

#[test]
fn derivatives_at_kinks() {
    function("relu(x)", &[(0.0, 0.0, 0.0), (-0.0, 0.0, 0.0)]);
    function("relu6(x)", &[(0.0, 0.0, 0.0), (6.0, 6.0, 0.0)]);
    function("abs(x)", &[(0.0, 0.0, 0.0), (-2.0, 2.0, -1.0)]);
    function("leaky_relu(x, slope = 0.25)", &[(0.0, 0.0, 0.25)]);
    function("elu(x)", &[(0.0, 0.0, 1.0)]);
    function("celu(x, alpha = 2.0)", &[(0.0, 0.0, 1.0)]);
    function("clamp(x)", &[(0.0, 0.0, 0.0), (1.0, 1.0, 0.0), (0.5, 0.5, 1.0)]);
    function("hardtanh(x)", &[(-1.0, -1.0, 0.0), (1.0, 1.0, 0.0)]);
    function("hardsigmoid(x)", &[(-3.0, 0.0, 0.0), (3.0, 1.0, 0.0)]);
    function("hardswish(x)", &[(-3.0, 0.0, 0.0), (3.0, 3.0, 1.0)]);
    function("softshrink(x)", &[(0.5, 0.0, 0.0), (-0.5, 0.0, 0.0)]);
    function("hardshrink(x)", &[(0.5, 0.0, 0.0), (-0.5, 0.0, 0.0)]);
    function("threshold(x, at = 1.0, value = 7.0)", &[(1.0, 7.0, 0.0)]);
    function("sign(x)", &[(0.0, 0.0, 0.0), (3.0, 1.0, 0.0)]);
    function("softsign(x)", &[(0.0, 0.0, 1.0)]);
    function("sqrt(x)", &[(0.0, 0.0, INF)]);
    function("floor(x)", &[(2.0, 2.0, 0.0), (2.5, 2.0, 0.0)]);
    function("x^2", &[(0.0, 0.0, 0.0), (-3.0, 9.0, -6.0)]);
    function("x^3", &[(0.0, 0.0, 0.0), (-2.0, -8.0, 12.0)]);
    function("x^-1", &[(-2.0, -0.5, -0.25)]);
    function("stop(x * x) * x", &[(3.0, 27.0, 9.0)]);
}

#[test]
fn the_constant_side_of_a_tie_takes_the_gradient() {
    function("max(x, 2)", &[(2.0, 2.0, 0.0)]);
    function("max(2, x)", &[(2.0, 2.0, 0.0)]);
    function("min(x, 2)", &[(2.0, 2.0, 0.0)]);
    function("min(2, x)", &[(2.0, 2.0, 0.0)]);
    for which in ["max", "min"] {
        let model = format!("model Case(a, b) -> y {{ y = {which}(a, b); loss = y; }}");
        check(&model, &[("a", &[2.0]), ("b", &[2.0])], &[2.0], &[("a", &[0.5]), ("b", &[0.5])]);
    }
}

#[test]
fn the_first_of_equal_elements_takes_the_gradient() {
    let x: (&str, &[f64]) = ("x", &[1.0, 3.0, 3.0, 1.0]);
    check("model Case(x[4]) -> y { y = max(i) x[i]; loss = y; }", &[x], &[3.0], &[("x", &[0.0, 1.0, 0.0, 0.0])]);
    check("model Case(x[4]) -> y { y = min(i) x[i]; loss = y; }", &[x], &[1.0], &[("x", &[1.0, 0.0, 0.0, 0.0])]);
    let rows: (&str, &[f64]) = ("x", &[1.0, 2.0, 2.0, 2.0]);
    check("model Case(x[1, 2, 2]) -> y { y = x -> max_pool2d(2); loss = sum(y); }", &[rows], &[2.0], &[("x", &[0.0, 1.0, 0.0, 0.0])]);
    check(
        "model Case(x[4]) -> y { best: index(4) = argmax(i) x[i]; y = if best == 1 { 1 } else { 0 }; loss = y; }",
        &[x],
        &[1.0],
        &[("x", &[0.0; 4])],
    );
}

#[test]
fn a_product_with_zeros_has_its_derivative() {
    let model = "model Case(x[3]) -> y { y = prod(i) x[i]; loss = y; }";
    check(model, &[("x", &[0.0, 2.0, 3.0])], &[0.0], &[("x", &[6.0, 0.0, 0.0])]);
    check(model, &[("x", &[0.0, 0.0, 3.0])], &[0.0], &[("x", &[0.0, 0.0, 0.0])]);
}

#[test]
fn nan_goes_through() {
    for body in [
        "relu(x)",
        "relu6(x)",
        "leaky_relu(x)",
        "elu(x)",
        "hardtanh(x)",
        "hardswish(x)",
        "hardsigmoid(x)",
        "softshrink(x)",
        "hardshrink(x)",
    ] {
        values(body, &[(NAN, NAN)]);
    }
    for body in [
        "threshold(x)",
        "gelu(x)",
        "mish(x)",
        "logsigmoid(x)",
        "max(x, 1)",
        "max(1, x)",
        "min(x, 1)",
        "x^2",
        "abs(x)",
        "floor(x)",
        "x - x",
        "x / x",
    ] {
        values(body, &[(NAN, NAN)]);
    }
    values("if x > 0 { 1 } else { 2 }", &[(NAN, 2.0)]);
    values("if x <= 0 { 1 } else { 2 }", &[(NAN, 2.0)]);
    let x: (&str, &[f64]) = ("x", &[1.0, NAN, 3.0]);
    for reduction in ["sum", "max", "min", "mean", "prod", "lse"] {
        check(&format!("model Case(x[3]) -> y {{ y = {reduction}(i) x[i]; loss = y; }}"), &[x], &[NAN], &[]);
    }
}

#[test]
fn infinity_has_its_limits() {
    values("relu(x)", &[(INF, INF), (-INF, 0.0)]);
    values("softplus(x)", &[(INF, INF), (-INF, 0.0), (800.0, 800.0), (-800.0, 0.0)]);
    values("sigmoid(x)", &[(INF, 1.0), (-INF, 0.0), (-800.0, 0.0)]);
    values("tanh(x)", &[(INF, 1.0), (-INF, -1.0)]);
    values("erf(x)", &[(INF, 1.0), (-INF, -1.0)]);
    values("exp(x)", &[(-INF, 0.0), (INF, INF)]);
    values("log(x)", &[(0.0, -INF), (INF, INF), (-1.0, NAN)]);
    values("elu(x)", &[(-INF, -1.0), (INF, INF)]);
    values("logsigmoid(x)", &[(-INF, -INF), (INF, 0.0)]);
    values("1 / x", &[(INF, 0.0), (0.0, INF)]);
    values("x - x", &[(INF, NAN)]);
    values("x / x", &[(0.0, NAN)]);
    values("x * (x - x)", &[(INF, NAN)]);
    function("softplus(x)", &[(800.0, 800.0, 1.0), (-800.0, 0.0, 0.0)]);
    function("sigmoid(x)", &[(800.0, 1.0, 0.0), (-800.0, 0.0, 0.0)]);
    function("tanh(x)", &[(800.0, 1.0, 0.0)]);
}

#[test]
fn log_sum_exp_is_stable() {
    let lse = "model Case(x[2]) -> y { y = lse(i) x[i]; loss = y; }";
    check(lse, &[("x", &[1000.0, 0.0])], &[1000.0], &[("x", &[1.0, 0.0])]);
    check(lse, &[("x", &[-1000.0, -1000.0])], &[-1000.0 + 2.0f64.ln()], &[("x", &[0.5, 0.5])]);
    check(lse, &[("x", &[-INF, 3.0])], &[3.0], &[("x", &[0.0, 1.0])]);
    check(lse, &[("x", &[-INF, -INF])], &[-INF], &[]);
    let softmax = "model Case(x[2]) -> y { y = x -> softmax; loss = sum(y); }";
    check(softmax, &[("x", &[1000.0, 0.0])], &[1.0, 0.0], &[("x", &[0.0, 0.0])]);
    check(softmax, &[("x", &[-INF, 0.0])], &[0.0, 1.0], &[("x", &[0.0, 0.0])]);
    check(softmax, &[("x", &[-INF, -INF])], &[NAN, NAN], &[]);
    check(
        "model Case(x[2]) -> y { y = x -> log_softmax; loss = sum(y); }",
        &[("x", &[1000.0, 0.0])],
        &[0.0, -1000.0],
        &[("x", &[-1.0, 1.0])],
    );
}

#[test]
fn logarithms_of_probabilities_are_stable() {
    let entropy = "model Case(z[2], t: index(2)) -> y { y = cross_entropy(z -> softmax, t); loss = y; }";
    check_simplified(entropy, &[("z", &[1000.0, 0.0]), ("t", &[1.0])], &[1000.0], &[("z", &[1.0, -1.0])]);
    check_simplified(entropy, &[("z", &[0.0, 1000.0]), ("t", &[1.0])], &[0.0], &[("z", &[0.0, 0.0])]);
    let smooth = "model Case(z[2], t: index(2)) -> y { y = cross_entropy(smoothing = 0.5)(z -> softmax, t); loss = y; }";
    check_simplified(smooth, &[("z", &[1000.0, 0.0]), ("t", &[0.0])], &[250.0], &[("z", &[0.25, -0.25])]);
    let soft = "model Case(z[2], q[2]: prob) -> y { y = soft_cross_entropy(z -> softmax, q); loss = y; }";
    check_simplified(soft, &[("z", &[1000.0, 0.0]), ("q", &[0.25, 0.75])], &[750.0], &[("z", &[0.75, -0.75])]);
    let binary = "model Case(z, t: prob) -> y { y = binary_cross_entropy(z -> sigmoid, t); loss = y; }";
    check_simplified(binary, &[("z", &[800.0]), ("t", &[0.0])], &[800.0], &[("z", &[1.0])]);
    check_simplified(binary, &[("z", &[-800.0]), ("t", &[1.0])], &[800.0], &[("z", &[-1.0])]);
    check_simplified(binary, &[("z", &[800.0]), ("t", &[0.5])], &[400.0], &[("z", &[0.5])]);
    check(
        "model Case(z, t: prob) -> y { y = binary_cross_entropy_with_logits(z, t); loss = y; }",
        &[("z", &[800.0]), ("t", &[0.0])],
        &[800.0],
        &[("z", &[1.0])],
    );
}

#[test]
fn a_branch_not_taken_makes_no_nan() {
    function("if x > 0 { log(x) } else { 0 }", &[(0.0, 0.0, 0.0), (-1.0, 0.0, 0.0), (1.0, 0.0, 1.0)]);
    function("if x > 0 { sqrt(x) } else { x }", &[(0.0, 0.0, 1.0), (-4.0, -4.0, 1.0)]);
    function("if x != 0 { 1 / x } else { 5 }", &[(0.0, 5.0, 0.0), (2.0, 0.5, -0.25)]);
    function("if x < 0 { 1 } else { if x > 0 { log(x) } else { 2 } }", &[(0.0, 2.0, 0.0), (-1.0, 1.0, 0.0)]);
    function("if x > 0 { 0 } else { x }", &[(INF, 0.0, 0.0)]);
    let where_ = "model Case(x[3]) -> y { y = sum(i where x[i] > 0) log(x[i]); loss = y; }";
    check(where_, &[("x", &[0.0, 1.0, -1.0])], &[0.0], &[("x", &[0.0, 1.0, 0.0])]);
    let norm = "model Case(x[2]) -> y { y = norm(x); loss = y; }";
    check(norm, &[("x", &[0.0, 0.0])], &[0.0], &[("x", &[0.0, 0.0])]);
    check(
        "model Case(x[2]) -> y { y = x -> normalize(eps = 0.5); loss = sum(y); }",
        &[("x", &[0.0, 0.0])],
        &[0.0, 0.0],
        &[("x", &[2.0, 2.0])],
    );
}

#[test]
fn probabilities_of_zero_that_do_not_count() {
    let zero_one: (&str, &[f64]) = ("p", &[0.0, 1.0]);
    let model = "model Case(p[2]: prob, q[2]: prob) -> y { y = LOSS; loss = y; }";
    for (loss, gradient) in [("soft_cross_entropy(p, q)", [0.0, -1.0]), ("binary_cross_entropy(p, q)", [0.5, -0.5])] {
        check(&model.replace("LOSS", loss), &[zero_one, ("q", &[0.0, 1.0])], &[0.0], &[("p", &gradient)]);
    }
    let divergence = "model Case(z[2], q[2]: prob) -> y { y = kl_div(z, q); loss = y; }";
    check(divergence, &[("z", &[-5.0, 0.0]), ("q", &[0.0, 1.0])], &[0.0], &[("z", &[0.0, -1.0])]);
}

#[test]
fn masks_hide_completely() {
    let model =
        "model Case(q[1, 1], k[2, 1], v[2, 1], keep[2]: index(2)) -> y { y = masked_attention_core(q, k, v, keep); loss = sum(y); }";
    let values: [(&str, &[f64]); 3] = [("q", &[1.0]), ("k", &[2.0, 50.0]), ("v", &[3.0, 7.0])];
    let given = |keep: &'static [f64]| [&values[..], &[("keep", keep)]].concat();
    check(model, &given(&[1.0, 0.0]), &[3.0], &[]);
    check(model, &given(&[0.0, 0.0]), &[0.0], &[("q", &[0.0]), ("k", &[0.0, 0.0]), ("v", &[0.0, 0.0])]);
    let causal = "model Case(x[2, 1]) -> y { y = attention_core(causal = true)(x, x, x); loss = sum(y); }";
    check(causal, &[("x", &[1.0, 1.0])], &[1.0, 1.0], &[("x", &[1.5, 0.5])]);
}

#[test]
fn reductions_over_nothing() {
    let nothing = [("sum", 0.0), ("prod", 1.0), ("mean", 0.0), ("max", -INF), ("min", INF), ("lse", -INF)];
    for (reduction, value) in nothing {
        let model = format!("model Case(x[2]) -> y {{ y = {reduction}(i where x[i] > 5) x[i]; loss = y; }}");
        check(&model, &[("x", &[1.0, 2.0])], &[value], &[("x", &[0.0, 0.0])]);
    }
    // padding is no element: a window of which only half lies inside
    let pool = "model Case(x[1, 2]) -> y { y = x -> max_pool1d(2, stride = 2, padding = 1); loss = sum(y); }";
    check(pool, &[("x", &[-1.0, -2.0])], &[-1.0, -2.0], &[("x", &[1.0, 1.0])]);
}
