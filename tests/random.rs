//! Random models over the language: the equations as they are derived and as they are simplified have the same values, and gradients are
//! the limits of differences.
//!
//! `NNC_MODELS=100000 cargo test --release --test random -- --nocapture` checks as many; `NNC_SEED` is the first seed. What fails is shown
//! with the fewest statements that still do.

mod common;
#[path = "common/random_models.rs"]
mod random_models;

use common::{Given, derived, difference, evaluate, is_real, ports, real, tensor_name};
use ndarray::{ArrayD, IxDyn};
use nnc_compiler::equations::Name;
use nnc_compiler::equations::interpret::Value;
use nnc_compiler::evaluate::{draws, value_of};
use nnc_compiler::model::{BATCH, Model, PortKind};
use nnc_compiler::{Settings, next_states, understand};
use nnc_grammar::render_all;
use random_models::random_model;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Simplified and unsimplified equations agree to this, over the largest magnitude of a tensor.
const ROUNDING: f64 = 1e-12;
/// Slopes agree with difference quotients to this.
const DIFFERENCES: f64 = 1e-6;

/// What is wrong with the model of a seed.
fn problem(seed: u64, statements: usize) -> Option<String> {
    let text = random_model("Random", seed, statements);
    let wrong = catch_unwind(AssertUnwindSafe(|| check(&text, seed)));
    let wrong = wrong.unwrap_or_else(|panic| {
        let message = panic.downcast_ref::<String>().cloned();
        Err(message.or_else(|| panic.downcast_ref::<&str>().map(|text| text.to_string())).unwrap_or_default())
    });
    wrong.err().map(|wrong| format!("NNC_SEED={seed}, {statements} statements: {wrong}\n{text}"))
}

fn check(text: &str, seed: u64) -> Result<(), String> {
    let mut load = |_: &str, path: &str| Err(format!("no file {path}"));
    let understood = understand("random.nn", text.as_bytes(), &mut load, &Settings::default());
    let models = understood.map_err(|failure| render_all(&failure.diagnostics, &failure.sources))?.models;
    let model = &models[0];
    let batch = [1, 2, 3, 0][seed as usize % 4];
    let sizes = BTreeMap::from([(BATCH.to_string(), batch as i64)]);
    let given = given(model, &sizes, seed);
    let by: Vec<Name> = differentiable(model);
    let wanted = |gradients: &[Name]| {
        let next = next_states(model).into_iter().map(|(_, next)| next);
        model.training.outputs.iter().copied().chain([model.training.loss]).chain(next).chain(gradients.iter().copied()).collect::<Vec<_>>()
    };
    let (plain, gradients) = derived(model, &by, false);
    let (simplified, simplified_gradients) = derived(model, &by, true);
    let (one, other) = (wanted(&gradients), wanted(&simplified_gradients));
    let expected = evaluate(&plain, batch, &given, &one);
    let found = evaluate(&simplified, batch, &given, &other);
    for ((name, found), expected) in one.iter().zip(&found).zip(&expected) {
        if let Some(difference) = difference(found, expected, ROUNDING) {
            return Err(format!("{} {difference}", plain.pool.text(*name)));
        }
    }
    // no difference passes where the text says that no gradient does
    if batch == 0 || text.contains("stop(") {
        return Ok(());
    }
    let at = |step: f64| {
        let mut moved = given.clone();
        for (&name, place) in by.iter().zip(0u32..) {
            let name = tensor_name(&model.training, name);
            let direction = direction(&real(given[&name].clone()), place);
            moved.insert(name.clone(), Value::Real(real(given[&name].clone()) + direction * step));
        }
        evaluate(&plain, batch, &moved, &[model.training.loss])[0].sum()
    };
    let tangents = by.iter().zip(0u32..).zip(&expected[expected.len() - by.len()..]);
    let slope: f64 = tangents
        .map(|((&name, place), gradient)| {
            let value = real(given[&tensor_name(&model.training, name)].clone());
            (direction(&value, place) * gradient).sum()
        })
        .sum();
    let h = 2.0f64.powi(-17);
    let (left, middle, right) = (at(-h), at(0.0), at(h));
    let quotient = (right - left) / (2.0 * h);
    if (slope - quotient).abs() <= DIFFERENCES * slope.abs().max(1.0) {
        return Ok(());
    }
    // at a kink the slopes to both sides differ, however small the step; where the function is smooth they do so in proportion to it
    let bend = |h: f64, left: f64, right: f64| ((right - middle) - (middle - left)).abs() / h;
    let smaller = h / 8.0;
    let bends = [bend(h, left, right), bend(smaller, at(-smaller), at(smaller)), bend(8.0 * h, at(-8.0 * h), at(8.0 * h))];
    if bends.iter().any(|&bend| bend > 1e-3 * slope.abs().max(1.0)) {
        return Ok(());
    }
    Err(format!("the slope is {slope}, the difference quotient {quotient}"))
}

/// A direction in the space of a tensor, another for each.
fn direction(value: &ArrayD<f64>, place: u32) -> ArrayD<f64> {
    let numbers = (0..value.len()).map(|element| (1.0 + element as f64 + 7.0 * f64::from(place)).sin()).collect();
    ArrayD::from_shape_vec(value.raw_dim(), numbers).expect("a number for each element")
}

/// Parameters and real ports.
fn differentiable(model: &Model) -> Vec<Name> {
    let parameters = model.interface.parameters.iter().map(|parameter| parameter.tensor);
    parameters.chain(ports(model).filter(|port| is_real(port)).map(|port| port.tensor)).collect()
}

fn given(model: &Model, sizes: &BTreeMap<String, i64>, seed: u64) -> Given {
    let pool = &model.training.equations.pool;
    let mut count = 0;
    let mut next = || {
        count += 1;
        nnc::kernels::uniform(seed, 1, 2, count)
    };
    let shape = |axes: &[_]| -> Vec<usize> {
        axes.iter().map(|&axis| value_of(pool, axis, sizes).expect("all sizes are known") as usize).collect()
    };
    let mut given = Given::new();
    for kept in model.interface.parameters.iter().chain(&model.interface.states) {
        let value = ArrayD::from_shape_fn(IxDyn(&shape(&kept.axes)), |_| next() - 0.3);
        given.insert(pool.text(kept.tensor).to_string(), Value::Real(value));
    }
    // a variance is positive
    for kept in model.interface.states.iter().filter(|state| state.name.ends_with("var")) {
        given.insert(pool.text(kept.tensor).to_string(), Value::Real(ArrayD::from_shape_fn(IxDyn(&shape(&kept.axes)), |_| 0.5 + next())));
    }
    for port in ports(model) {
        let shape = IxDyn(&shape(&port.axes));
        let value = match port.kind {
            PortKind::Index { high, .. } => {
                let high = value_of(pool, high, sizes).expect("all sizes are known");
                Value::Integer(ArrayD::from_shape_fn(shape, |_| (next() * high as f64) as i64))
            }
            _ => Value::Real(ArrayD::from_shape_fn(shape, |_| 2.0 * next() - 1.0)),
        };
        given.insert(pool.text(port.tensor).to_string(), value);
    }
    given.extend(draws(pool, &model.training.random, sizes, seed, 1).expect("all sizes are known"));
    given
}

/// The problem of a seed with the fewest statements.
fn smallest(seed: u64, statements: usize) -> Option<String> {
    problem(seed, statements)?;
    (1..=statements).find_map(|statements| problem(seed, statements))
}

#[test]
fn random_models_simplify_and_derive() {
    let number = |name: &str, default: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (models, first) = (number("NNC_MODELS", 1000), number("NNC_SEED", 1));
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get() as u64);
    let run = |thread: u64| {
        let seeds = (first + thread..first + models).step_by(threads as usize);
        seeds.filter_map(|seed| smallest(seed, 2 + seed as usize % 7)).take(12).collect::<Vec<String>>()
    };
    let problems: Vec<String> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|thread| scope.spawn(move || run(thread))).collect();
        running.into_iter().flat_map(|thread| thread.join().expect("panics are caught")).collect()
    });
    println!("{models} models from seed {first}: {} problems", problems.len());
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
