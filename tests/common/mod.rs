//! What the tests of the library share: models of `tests/library`, their fixtures, and evaluation by the interpreter.
#![allow(dead_code)] // each of them uses its part

use ndarray::{ArrayD, IxDyn};
use nnc::safetensors::{self, Numbers, Tensors};
use nnc_compiler::derive::derive;
use nnc_compiler::equations::interpret::{Value, interpret};
use nnc_compiler::equations::{Element, Equations, Name};
use nnc_compiler::model::{BATCH, Forward, Model, Port, PortKind};
use nnc_compiler::simplify::{simplify, stabilise};
use nnc_compiler::{Settings, next_states, understand};
use nnc_grammar::render_all;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Values of tensors by their names in the equations.
pub type Given = BTreeMap<String, Value>;

/// `tests/…`
pub fn tests(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(path)
}

/// The models of `tests/library/SUBJECT.nn`.
pub fn models(subject: &str) -> Vec<Model> {
    let path = tests(&format!("library/{subject}.nn"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    elaborated(&path.display().to_string(), &text)
}

/// The models of a text.
#[track_caller]
pub fn elaborated(name: &str, text: &str) -> Vec<Model> {
    let mut load = |_: &str, path: &str| Err(format!("{path} is not there"));
    match understand(name, text.as_bytes(), &mut load, &Settings::default()) {
        Ok(understood) => understood.models,
        Err(failure) => panic!("{}", render_all(&failure.diagnostics, &failure.sources)),
    }
}

/// The fixture `tests/fixtures/SUBJECT.safetensors`.
pub fn fixture(subject: &str) -> Tensors {
    let path = tests(&format!("fixtures/{subject}.safetensors"));
    safetensors::read(&path).unwrap_or_else(|error| panic!("{error}"))
}

/// A tensor of a fixture.
pub fn value(tensors: &Tensors, name: &str) -> Value {
    let tensor = tensors.get(name).unwrap_or_else(|| panic!("the fixture has no `{name}`"));
    let shape = IxDyn(&tensor.shape);
    match &tensor.numbers {
        Numbers::F64(numbers) => Value::Real(ArrayD::from_shape_vec(shape, numbers.clone()).expect("as many numbers as the shape says")),
        Numbers::I64(numbers) => Value::Integer(ArrayD::from_shape_vec(shape, numbers.clone()).expect("as many numbers as the shape says")),
        other => panic!("`{name}` is {}", other.dtype()),
    }
}

/// The reals of a tensor of a fixture.
pub fn reals(tensors: &Tensors, name: &str) -> ArrayD<f64> {
    real(value(tensors, name))
}

/// The reals of a value.
pub fn real(value: Value) -> ArrayD<f64> {
    match value {
        Value::Real(array) => array,
        Value::Integer(array) => array.mapv(|x| x as f64),
    }
}

/// Evaluates `wanted` at this batch.
#[track_caller]
pub fn evaluate(equations: &Equations, batch: usize, given: &Given, wanted: &[Name]) -> Vec<ArrayD<f64>> {
    evaluate_sized(equations, &[(BATCH, batch)], given, wanted)
}

/// Evaluates `wanted` at these sizes.
#[track_caller]
pub fn evaluate_sized(equations: &Equations, sizes: &[(&str, usize)], given: &Given, wanted: &[Name]) -> Vec<ArrayD<f64>> {
    let sizes = sizes.iter().map(|&(name, size)| (name.to_string(), size as i64)).collect();
    match interpret(equations, &sizes, given, wanted) {
        Ok(values) => values.into_iter().map(real).collect(),
        Err(fault) => panic!("{fault}"),
    }
}

/// The training equations of a model with the gradients of its loss by the tensors `by`: as they are derived or, `simplified`, with
/// simplification before (so that logarithms of probabilities have stable derivatives) and after.
pub fn derived(model: &Model, by: &[Name], simplified: bool) -> (Equations, Vec<Name>) {
    let training = &model.training;
    let mut keep: Vec<Name> = training.outputs.iter().chain([&training.loss]).chain(&training.metrics).copied().collect();
    keep.extend(next_states(model).into_iter().map(|(_, next)| next));
    let mut equations = training.equations.clone();
    if simplified {
        equations = stabilise(equations, &keep);
    }
    let gradients = derive(&mut equations, training.loss, by);
    if simplified {
        keep.extend(&gradients);
        equations = simplify(equations, &keep);
    }
    (equations, gradients)
}

/// The name of a port or parameter in the equations.
pub fn tensor_name(forward: &Forward, name: Name) -> String {
    forward.equations.pool.text(name).to_string()
}

/// Inputs, then targets.
pub fn ports(model: &Model) -> impl Iterator<Item = &Port> {
    model.interface.inputs.iter().chain(&model.interface.targets)
}

/// Whether the port has a gradient.
pub fn is_real(port: &Port) -> bool {
    !matches!(port.kind, PortKind::Index { .. })
}

/// What sizes that are known at run time are where nothing says otherwise.
const RUN_SIZE: usize = 3;

/// Zeros for a given tensor; `batch` is its first axis, if it has one of that kind.
pub fn zeros(equations: &Equations, name: Name, batch: Option<usize>) -> Value {
    let tensor = &equations.tensors[&name];
    let size = |&size| equations.pool.constant_of(size).map_or(RUN_SIZE, |size| size as usize);
    let mut shape: Vec<usize> = tensor.axes.iter().map(size).collect();
    if let Some(batch) = batch {
        shape[0] = batch;
    }
    match tensor.element {
        Element::Real => Value::Real(ArrayD::zeros(IxDyn(&shape))),
        Element::Integer { .. } => Value::Integer(ArrayD::zeros(IxDyn(&shape))),
    }
}

/// `one` and `other` differ by at most `tolerance` times the largest magnitude of `other`, or 1 if that is less.
pub fn difference(one: &ArrayD<f64>, other: &ArrayD<f64>, tolerance: f64) -> Option<String> {
    if one.shape() != other.shape() {
        return Some(format!("has shape {:?}, expected {:?}", one.shape(), other.shape()));
    }
    let scale = other.iter().fold(1.0f64, |scale, x| scale.max(x.abs()));
    let worst = one.iter().zip(other).map(|(a, b)| (a - b).abs()).fold(0.0f64, |worst, d| if d.is_nan() { d } else { worst.max(d) });
    if worst <= tolerance * scale {
        return None;
    }
    Some(format!("differs by {worst:e} (largest magnitude {scale:e})\n     found {one}\n  expected {other}"))
}
