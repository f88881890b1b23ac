//! A model run by the interpreter, in f64: what `nnc eval` prints, and what generated code and PyTorch are compared with.
//!
//! Everything goes in and out under the user's names. Nothing here is shared with schedule and emit.

use crate::derive::derive;
use crate::equations::interpret::{Fault, Value, interpret};
use crate::equations::{Affine, Atom, AtomNode, Equations, Index, Name, Pool, Role, Tensor};
use crate::initial::stream;
use crate::model::{BATCH, Draw, Forward, Model, Parameter};
use crate::simplify::stabilise;
use ndarray::{ArrayD, IxDyn};
use nnc_kernels::{normal, uniform};
use std::collections::BTreeMap;

mod steps;

pub use steps::{States, Training, initial_states, train, update};

/// Tensors by name.
pub type Values = BTreeMap<String, Value>;

/// What a model says about some values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evaluation {
    /// In the order of the model's results.
    pub outputs: Vec<(String, Value)>,
    /// If the targets were given.
    pub loss: Option<f64>,
    /// If the targets were given.
    pub metrics: Vec<(String, f64)>,
    /// If they were asked for: of each parameter, then of each real input and target.
    pub gradients: Vec<(String, Value)>,
}

/// The initial values of all parameters, as generated code draws them.
///
/// # Errors
/// Sizes that are constants of Rust, which have no value here.
pub fn initial_values(model: &Model, seed: u64) -> Result<Values, Fault> {
    model.interface.parameters.iter().map(|parameter| Ok((parameter.name.clone(), initial_value(model, parameter, seed)?))).collect()
}

/// The initial value of a parameter.
///
/// # Errors
/// As [`initial_values`].
pub fn initial_value(model: &Model, parameter: &Parameter, seed: u64) -> Result<Value, Fault> {
    let mut equations = model.training.equations.clone();
    let sizes = sizes_of(&equations, &parameter.axes)?;
    let count: usize = sizes.iter().product();
    let mut given = Values::new();
    for (number, &(name, draw)) in parameter.draws.iter().enumerate() {
        let sample = |index: usize| match draw {
            Draw::Uniform => uniform(seed, stream(&parameter.name), number as u32, index as u64),
            Draw::Normal => normal(seed, stream(&parameter.name), number as u32, index as u64),
        };
        equations.insert(name, Tensor::given(Role::Random, parameter.axes.clone()));
        given.insert(equations.pool.text(name).to_string(), reals(&sizes, (0..count).map(sample).collect()));
    }
    let name = equations.fresh("initial");
    equations.insert(name, Tensor::defined(parameter.axes.clone(), crate::equations::Equation::pointwise(parameter.initial)));
    one(interpret(&equations, &BTreeMap::new(), &given, &[name])?)
}

/// The value of a size, where each run-time size has the value given; nothing if one has none, or beyond 64 bits.
pub fn value_of(pool: &Pool, size: Index, sizes: &BTreeMap<String, i64>) -> Option<i64> {
    let Affine { constant, terms } = pool.affine(size);
    terms.iter().try_fold(*constant, |sum, &(atom, k)| sum.checked_add(value_of_atom(pool, atom, sizes)?.checked_mul(k)?))
}

fn value_of_atom(pool: &Pool, atom: Atom, sizes: &BTreeMap<String, i64>) -> Option<i64> {
    match pool.atom(atom) {
        AtomNode::Size { name, .. } => sizes.get(pool.text(*name)).copied(),
        AtomNode::Product(atoms) => atoms.iter().try_fold(1i64, |product, &atom| product.checked_mul(value_of_atom(pool, atom, sizes)?)),
        AtomNode::Div(x, m) => value_of(pool, *x, sizes)?.checked_div_euclid(value_of(pool, *m, sizes)?),
        AtomNode::Mod(x, m) => value_of(pool, *x, sizes)?.checked_rem_euclid(value_of(pool, *m, sizes)?),
        AtomNode::Axis { .. } | AtomNode::Read { .. } => None,
    }
}

/// The extents of axes without run-time sizes.
fn sizes_of(equations: &Equations, axes: &[Index]) -> Result<Vec<usize>, Fault> {
    let extent = |&axis: &Index| match equations.pool.constant_of(axis) {
        Some(extent) => Ok(extent as usize),
        None => Err(Fault::NoSize { name: crate::equations::print::print_index(&equations.pool, &[], axis) }),
    };
    axes.iter().map(extent).collect()
}

fn reals(shape: &[usize], numbers: Vec<f64>) -> Value {
    Value::Real(ArrayD::from_shape_vec(IxDyn(shape), numbers).unwrap_or_else(|_| ArrayD::zeros(IxDyn(shape))))
}

fn one(values: Vec<Value>) -> Result<Value, Fault> {
    values.into_iter().next().ok_or(Fault::NoTensor { name: String::new() })
}

fn number(value: &Value) -> f64 {
    match value {
        Value::Real(array) => array.first().copied().unwrap_or(f64::NAN),
        Value::Integer(array) => array.first().map_or(f64::NAN, |&integer| integer as f64),
    }
}

/// Renames what the user named to what the equations call it. Sizes come from the shapes.
fn given_of(model: &Model, forward: &Forward, values: &Values) -> Values {
    let interface = &model.interface;
    let ports = interface.inputs.iter().chain(&interface.targets).map(|port| (&port.name, port.tensor));
    let kept = interface.parameters.iter().chain(&interface.states).map(|kept| (&kept.name, kept.tensor));
    let pool = &forward.equations.pool;
    ports.chain(kept).filter_map(|(name, tensor)| Some((pool.text(tensor).to_string(), values.get(name)?.clone()))).collect()
}

/// Sizes of the names that no shape tells: an unread batch has one sample.
fn sizes(model: &Model, forward: &Forward, values: &Values) -> BTreeMap<String, i64> {
    let interface = &model.interface;
    let mut sizes = BTreeMap::new();
    for port in interface.inputs.iter().chain(&interface.targets) {
        let Some(value) = values.get(&port.name) else { continue };
        let shape = match value {
            Value::Real(array) => array.shape(),
            Value::Integer(array) => array.shape(),
        };
        for (&axis, &extent) in port.axes.iter().zip(shape) {
            if let Some(name) = forward.equations.pool.size_name(axis) {
                sizes.insert(forward.equations.pool.text(name).to_string(), extent as i64);
            }
        }
    }
    if interface.batched {
        sizes.entry(BATCH.to_string()).or_insert(1);
    }
    sizes
}

/// Outputs, and with the targets the loss and metrics; gradients where asked. `values` holds parameters, inputs and targets by name.
///
/// # Errors
/// Values that are missing or do not fit.
pub fn evaluate(model: &Model, values: &Values, train: bool, gradients: bool) -> Result<Evaluation, Fault> {
    let forward = if train { &model.training } else { &model.inference };
    let given = given_of(model, forward, values);
    let sizes = sizes(model, forward, values);
    let run = |equations: &Equations, wanted: &[Name]| interpret(equations, &sizes, &given, wanted);
    // what the language promises of logarithms holds here too
    let keep: Vec<Name> = forward.outputs.iter().chain([&forward.loss]).chain(&forward.metrics).copied().collect();
    let mut equations = stabilise(forward.equations.clone(), &keep);
    let judged = gradients || model.interface.targets.iter().all(|target| values.contains_key(&target.name));
    let wanted = if judged { keep.as_slice() } else { &forward.outputs };
    let mut results = run(&equations, wanted)?.into_iter();
    let outputs = model.interface.outputs.iter().map(|port| port.name.clone()).zip(results.by_ref()).collect();
    let mut evaluation = Evaluation { outputs, ..Evaluation::default() };
    evaluation.loss = results.next().as_ref().map(number);
    let metrics = model.interface.metrics.iter().map(|(name, _)| name.clone());
    evaluation.metrics = metrics.zip(results.by_ref().map(|value| number(&value))).collect();
    if gradients {
        let (names, tensors): (Vec<String>, Vec<Name>) = differentiable(model).into_iter().unzip();
        let adjoints = derive(&mut equations, forward.loss, &tensors);
        evaluation.gradients = names.into_iter().zip(run(&equations, &adjoints)?).collect();
    }
    Ok(evaluation)
}

/// Parameters, then real inputs and targets.
fn differentiable(model: &Model) -> Vec<(String, Name)> {
    let interface = &model.interface;
    let real = |port: &&crate::model::Port| !matches!(port.kind, crate::model::PortKind::Index { .. });
    let parameters = interface.parameters.iter().map(|parameter| (parameter.name.clone(), parameter.tensor));
    let ports = interface.inputs.iter().chain(&interface.targets).filter(real).map(|port| (port.name.clone(), port.tensor));
    parameters.chain(ports).collect()
}
