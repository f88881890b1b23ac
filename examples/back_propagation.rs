//! Step 4 of the textbook road: back propagation, made visible. The compiler derives the gradient of every parameter by the chain rule,
//! from the loss back to the input, as equations like those of the forward pass; this program prints them and holds one against a
//! difference quotient.
//!
//! `cargo run --example back_propagation`

use nnc_compiler::equations::Name;
use nnc_compiler::equations::interpret::Value;
use nnc_compiler::equations::print::print_keeping;
use nnc_compiler::evaluate::{Pass, evaluate, initial_values};
use nnc_compiler::simplify::simplify;
use nnc_compiler::{Settings, derived, understand};

const NETWORK: &str = "
    model TwoLayers(x[3]) -> y {
        target t[2];
        y    = x -> fc1: linear(3, 4) -> tanh -> fc2: linear(4, 2);
        loss = mse(y, t);
    }";

fn main() {
    let mut no_imports = |_: &str, path: &str| Err(format!("{path} is not read here"));
    let understood = understand("two_layers.nn", NETWORK.as_bytes(), &mut no_imports, &Settings::default());
    let model = understood.expect("the network above is right").models.remove(0);
    println!("{NETWORK}\n");

    let (equations, gradients) = derived(&model);
    let mut keep: Vec<Name> = gradients.iter().map(|&(_, name)| name).collect();
    keep.push(model.training.loss);
    let equations = simplify(equations, &keep);
    let text = print_keeping(&equations, &keep);
    let (backward, forward): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.starts_with("d_"));
    println!("forward: what each layer computes (n is the sample)");
    for line in forward {
        println!("    {line}");
    }
    println!("\nbackward: d_x is the derivative of the loss with respect to x, from the last layer to the first;");
    println!("tanh is differentiated through its own value, which the forward pass kept");
    for line in backward {
        println!("    {line}");
    }

    // One derivative against a difference quotient, by the interpreter in f64.
    let mut values = initial_values(&model, 1).expect("all sizes are numbers");
    let samples = |numbers: &[f64], width: usize| {
        let shape = vec![numbers.len() / width, width];
        Value::Real(ndarray::ArrayD::from_shape_vec(shape, numbers.to_vec()).expect("whole rows"))
    };
    values.insert("x".into(), samples(&[0.5, -1.0, 2.0, 1.5, 0.0, -0.5], 3));
    values.insert("t".into(), samples(&[1.0, 0.0, -1.0, 0.5], 2));
    let derivative = evaluate(&model, &values, Pass::new(true, true)).expect("all values are given");
    let (_, gradient) = derivative.gradients.iter().find(|(name, _)| name == "fc1.w").expect("it is a parameter");
    let derived = gradient.real().expect("gradients are real")[[0, 0]];
    let loss_at = |shift: f64| {
        let mut moved = values.clone();
        let Some(Value::Real(w)) = moved.get_mut("fc1.w") else { unreachable!("it is a parameter") };
        w[[0, 0]] += shift;
        evaluate(&model, &moved, Pass::new(true, false)).expect("all values are given").loss.expect("the target is given")
    };
    let quotient = (loss_at(1e-6) - loss_at(-1e-6)) / 2e-6;
    println!("\nd_fc1.w[0, 0] derived {derived:.9}, as a difference quotient {quotient:.9}");
    assert!((derived - quotient).abs() < 1e-8);
}
