//! A model run by the interpreter under the user's names, as `nnc eval` does it.

mod common;

use common::elaborated;
use ndarray::ArrayD;
use nnc_compiler::equations::interpret::Value;
use nnc_compiler::evaluate::{Pass, Values, evaluate, initial_values, initial_values_of, train};

fn values(named: &[(&str, &[usize], &[f64])]) -> Values {
    let value = |shape: &[usize], numbers: &[f64]| Value::Real(ArrayD::from_shape_vec(shape, numbers.to_vec()).expect("they fit"));
    named.iter().map(|(name, shape, numbers)| (name.to_string(), value(shape, numbers))).collect()
}

#[track_caller]
fn numbers(value: &Value) -> Vec<f64> {
    value.real().expect("reals").iter().copied().collect()
}

#[test]
fn logarithms_of_probabilities_are_stable() {
    let models = elaborated("test.nn", "model Case(z) -> p { target t: prob; p = z -> sigmoid; loss = binary_cross_entropy(p, t); }");
    let evaluation = evaluate(&models[0], &values(&[("z", &[1], &[800.0]), ("t", &[1], &[0.0])]), Pass::new(true, true)).expect("it fits");
    assert_eq!(evaluation.loss, Some(800.0));
    assert_eq!(evaluation.gradients[0].0, "z");
    assert_eq!(numbers(&evaluation.gradients[0].1), [1.0]);
}

#[test]
fn a_state_may_start_at_a_hyper_parameter() {
    let text = "model Case(x) -> y { param w = 0; y = w * x; loss = y; optimizer = adagrad(lr = 1.0, eps = 0.0, start = 3.0); }";
    let models = elaborated("test.nn", text);
    assert!(models[0].optimizer.fields.iter().all(|field| field.name != "start"), "it is no number that may change");
    // the gradient is 1, so the first sum of squares is 4
    let trained = train(&models[0], &values(&[("w", &[], &[0.0]), ("x", &[1], &[1.0])]), 1, 0).expect("it fits");
    assert_eq!(trained.losses, [0.0, -0.5]);
    assert_eq!(numbers(&trained.states["adagrad.s.w"]), [4.0]);
}

#[test]
fn an_initial_value_is_no_schedule() {
    let text = "model Case(x) -> y { param w = 0; y = w * x; loss = y; optimizer = adagrad(start = step); }";
    let refused = std::panic::catch_unwind(|| elaborated("test.nn", text)).expect_err("it is refused");
    let message = refused.downcast_ref::<String>().expect("a message");
    assert!(message.contains("`start` of `adagrad` cannot be a schedule"), "{message}");
}

#[test]
fn initial_values_are_the_same_alone_and_together() {
    let models = elaborated("test.nn", "model Case(x[3]) -> y { y = x -> linear(3) -> tanh -> linear(3) -> layer_norm; }");
    let together = initial_values(&models[0], 5).expect("all sizes are numbers");
    let parameters = &models[0].interface.parameters;
    assert_eq!(together.len(), parameters.len());
    for parameter in parameters {
        let alone = initial_values_of(&models[0], [parameter], 5).expect("all sizes are numbers");
        assert_eq!(alone.len(), 1);
        assert_eq!(alone[&parameter.name], together[&parameter.name], "{}", parameter.name);
    }
    assert_ne!(together["linear1.w"], together["linear2.w"]);
}
