//! A model run by the interpreter, in f64: what `nnc eval` prints, and what generated code and PyTorch are compared with.
//!
//! Everything goes in and out under the user's names. Nothing here is shared with schedule and emit.

use crate::derive::derive;
use crate::equations::interpret::{Fault, Value, interpret};
use crate::equations::{Affine, Atom, AtomNode, Equations, Index, Name, Pool, Role, Tensor};
use crate::model::{BATCH, Draw, Forward, Model, Parameter, Random, stream};
use crate::simplify::stabilise;
use ndarray::{ArrayD, IxDyn};
use nnc_kernels::{draw_normal, draw_uniform, normal, orthogonal, uniform};
use std::collections::{BTreeMap, BTreeSet};

mod steps;

pub use steps::{States, Training, initial_states, train, update};

/// Tensors by name.
pub type Values = BTreeMap<String, Value>;

/// Which program evaluates a model, and what it draws.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pass {
    /// That of training, not of inference.
    pub train: bool,
    /// Also the gradients.
    pub gradients: bool,
    /// What is drawn depends on the seed and on the step, which counts from 1.
    pub seed: u64,
    /// The first step of a training.
    pub step: u64,
}

impl Pass {
    /// Of inference, or of training at step 1 with seed 0.
    pub fn new(train: bool, gradients: bool) -> Self {
        Pass { train, gradients, seed: 0, step: 1 }
    }
}

/// What a model says about some values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evaluation {
    /// In the order of the model's results.
    pub outputs: Vec<(String, Value)>,
    /// If the targets were given; of several losses their sum.
    pub loss: Option<f64>,
    /// Each loss by its name, if the targets were given.
    pub losses: Vec<(String, f64)>,
    /// If the targets were given.
    pub metrics: Vec<(String, f64)>,
    /// If they were asked for: of each parameter, then of each real input and target. Where there are several losses, that of a parameter
    /// that is trained is by the loss that is for it, any other by their sum.
    pub gradients: Vec<(String, Value)>,
    /// In training, the states after this step.
    pub states: Vec<(String, Value)>,
}

/// The initial values of all parameters and states, as generated code draws them.
///
/// # Errors
/// Sizes that are constants of Rust, which have no value here.
pub fn initial_values(model: &Model, seed: u64) -> Result<Values, Fault> {
    initial_values_of(model, model.interface.parameters.iter().chain(&model.interface.states), seed)
}

/// The initial values of some parameters and states. They are evaluated at once: equations are copied once.
///
/// # Errors
/// As [`initial_values`].
pub fn initial_values_of<'m>(model: &Model, kept: impl IntoIterator<Item = &'m Parameter>, seed: u64) -> Result<Values, Fault> {
    let mut equations = model.training.equations.clone();
    let (mut names, mut wanted, mut given) = (Vec::new(), Vec::new(), Values::new());
    for parameter in kept {
        let sizes = sizes_of(&equations, &parameter.axes)?;
        let count: usize = sizes.iter().product();
        for (number, &(name, draw)) in parameter.draws.iter().enumerate() {
            let (stream, number) = (stream(&parameter.name), number as u32);
            let numbers = match draw {
                Draw::Uniform => (0..count as u64).map(|index| uniform(seed, stream, number, index)).collect(),
                Draw::Normal => (0..count as u64).map(|index| normal(seed, stream, number, index)).collect(),
                Draw::Orthogonal => {
                    let mut numbers = vec![0.0; count];
                    let rows = sizes.first().copied().unwrap_or(1);
                    orthogonal(seed, stream, number, rows, count / rows.max(1), &mut numbers, |number| number);
                    numbers
                }
            };
            equations.insert(name, Tensor::given(Role::Random, parameter.axes.clone()));
            given.insert(equations.pool.text(name).to_string(), reals(&sizes, numbers));
        }
        let name = equations.fresh(&format!("initial.{}", parameter.name));
        equations.insert(name, Tensor::defined(parameter.axes.clone(), crate::equations::Equation::pointwise(parameter.initial)));
        names.push(parameter.name.clone());
        wanted.push(name);
    }
    Ok(names.into_iter().zip(interpret(&equations, &BTreeMap::new(), &given, &wanted)?).collect())
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

/// The numbers that a step draws, under the names of their tensors; sizes by name.
///
/// # Errors
/// A size that is not known.
pub fn draws(pool: &Pool, random: &[Random], sizes: &BTreeMap<String, i64>, seed: u64, step: u64) -> Result<Values, Fault> {
    let one = |random: &Random| {
        let extent = |&axis: &Index| value_of(pool, axis, sizes).and_then(|size| usize::try_from(size).ok());
        let unknown = || Fault::NoSize { name: random.name.clone() };
        let shape = random.axes.iter().map(extent).collect::<Option<Vec<usize>>>().ok_or_else(unknown)?;
        let mut numbers = vec![0.0; shape.iter().product()];
        let (stream, number, count) = (random.stream, random.number, numbers.len());
        let put = |index: usize, x: f64| numbers[index] = x;
        match random.draw {
            Draw::Normal => draw_normal(seed, step, stream, number, count, put),
            Draw::Uniform | Draw::Orthogonal => draw_uniform(seed, step, stream, number, count, put),
        }
        Ok((pool.text(random.tensor).to_string(), reals(&shape, numbers)))
    };
    random.iter().map(one).collect()
}

/// Outputs, and with the targets the loss and metrics; gradients where asked. `values` holds parameters, states, inputs and targets by
/// name.
///
/// # Errors
/// Values that are missing or do not fit.
pub fn evaluate(model: &Model, values: &Values, pass: Pass) -> Result<Evaluation, Fault> {
    let Pass { train, gradients, seed, step } = pass;
    let forward = if train { &model.training } else { &model.inference };
    let mut given = given_of(model, forward, values);
    let sizes = sizes(model, forward, values);
    given.extend(draws(&forward.equations.pool, &forward.random, &sizes, seed, step)?);
    let run = |equations: &Equations, wanted: &[Name]| interpret(equations, &sizes, &given, wanted);
    // what the language promises of logarithms holds here too
    let mut keep: Vec<Name> =
        forward.outputs.iter().chain([&forward.loss]).chain(&forward.losses).chain(&forward.metrics).copied().collect();
    let judged_count = keep.len();
    let updates: BTreeMap<Name, Name> = forward.updates.iter().copied().collect();
    keep.extend(updates.values());
    let mut equations = stabilise(forward.equations.clone(), &keep);
    let judged = gradients || model.interface.targets.iter().all(|target| values.contains_key(&target.name));
    let wanted = if judged { &keep[..judged_count] } else { &forward.outputs };
    let mut results = run(&equations, wanted)?.into_iter();
    let outputs = model.interface.outputs.iter().map(|port| port.name.clone()).zip(results.by_ref()).collect();
    let mut evaluation = Evaluation { outputs, ..Evaluation::default() };
    evaluation.loss = results.next().as_ref().map(number);
    let losses = model.interface.losses.iter().map(|loss| loss.name.clone());
    evaluation.losses = losses.zip(results.by_ref().map(|value| number(&value))).collect();
    let metrics = model.interface.metrics.iter().map(|(name, _)| name.clone());
    evaluation.metrics = metrics.zip(results.by_ref().map(|value| number(&value))).collect();
    if gradients {
        let asked = differentiable(model);
        let losses: BTreeSet<Name> = asked.iter().map(|&(_, _, loss)| loss).collect();
        let mut adjoints = BTreeMap::new();
        for loss in losses {
            let tensors: Vec<Name> = asked.iter().filter(|&&(.., of)| of == loss).map(|&(_, tensor, _)| tensor).collect();
            let derived = derive(&mut equations, loss, &tensors);
            adjoints.extend(tensors.into_iter().zip(derived));
        }
        let wanted: Vec<Name> = asked.iter().map(|(_, tensor, _)| adjoints[tensor]).collect();
        evaluation.gradients = asked.into_iter().map(|(name, ..)| name).zip(run(&equations, &wanted)?).collect();
    }
    if train {
        let next = |state: &Parameter| updates.get(&state.tensor).copied().unwrap_or(state.tensor);
        let (names, tensors): (Vec<String>, Vec<Name>) =
            model.interface.states.iter().map(|state| (state.name.clone(), next(state))).unzip();
        match run(&equations, &tensors) {
            Ok(values) => evaluation.states = names.into_iter().zip(values).collect(),
            Err(fault) if judged => return Err(fault),
            // what targets decide is not known without them
            Err(_) => {}
        }
    }
    Ok(evaluation)
}

/// Parameters, then real inputs and targets: name, tensor, and by which loss its gradient is.
fn differentiable(model: &Model) -> Vec<(String, Name, Name)> {
    let (interface, forward) = (&model.interface, &model.training);
    let trained = model.trained();
    let loss_of = |position: usize| {
        let own = trained.iter().position(|trained| trained.contains(&position));
        own.map_or(forward.loss, |number| forward.losses[number])
    };
    let real = |port: &&crate::model::Port| !matches!(port.kind, crate::model::PortKind::Index { .. });
    let parameters = interface.parameters.iter().enumerate();
    let parameters = parameters.map(|(position, parameter)| (parameter.name.clone(), parameter.tensor, loss_of(position)));
    let ports = interface.inputs.iter().chain(&interface.targets).filter(real);
    parameters.chain(ports.map(|port| (port.name.clone(), port.tensor, forward.loss))).collect()
}
