//! Tensors of a file as the values of a model: each has a place in it, the right shape and the right elements, or is named with what is
//! wrong with it.

use ndarray::{ArrayD, IxDyn};
use nnc::safetensors::{Numbers, Tensor, Tensors};
use nnc_compiler::equations::interpret::Value;
use nnc_compiler::equations::print::print_index;
use nnc_compiler::equations::{Index, Pool};
use nnc_compiler::evaluate::{Values, value_of};
use nnc_compiler::model::{BATCH, Model, Port, PortKind};
use std::collections::{BTreeMap, BTreeSet};

/// What a file says about a model.
pub struct Given {
    /// Parameters, states, inputs and targets by name; reals or integers as their places take them.
    pub values: Values,
    /// The batch and the run-time sizes.
    pub sizes: BTreeMap<String, i64>,
    /// Whether the targets are there.
    pub targets: bool,
}

/// Gives the tensors their places. `judged` says that the loss is needed, and so the targets.
///
/// # Errors
/// All that is wrong, a sentence each.
pub fn place(model: &Model, tensors: &Tensors, judged: bool) -> Result<Given, Vec<String>> {
    let interface = &model.interface;
    let pool = &model.training.equations.pool;
    let mut problems = Vec::new();
    let ports: Vec<&Port> = interface.inputs.iter().chain(&interface.targets).collect();
    let kept: Vec<_> = interface.parameters.iter().chain(&interface.states).collect();
    let known: BTreeSet<&str> = ports.iter().map(|port| port.name.as_str()).chain(kept.iter().map(|kept| kept.name.as_str())).collect();
    for name in tensors.keys().filter(|name| !known.contains(name.as_str())) {
        let names: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
        let near = nnc_compiler::nearest(name, known.iter().copied());
        let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        problems.push(format!("`{name}` is no parameter, input or target of `{}`, which has {}{near}", interface.name, names.join(", ")));
    }
    let some = interface.targets.iter().any(|target| tensors.contains_key(&target.name));
    let targets = judged || some || interface.targets.is_empty();
    for port in interface.inputs.iter().chain(interface.targets.iter().filter(|_| targets)) {
        if !tensors.contains_key(&port.name) {
            let what = if interface.inputs.iter().any(|input| input.name == port.name) { "input" } else { "target" };
            problems.push(format!("the {what} `{}` is missing; its shape is {}", port.name, shape(pool, &port.axes)));
        }
    }
    let sizes = sizes(model, tensors, &mut problems);
    let mut values = Values::new();
    for port in ports {
        if let Some(tensor) = tensors.get(&port.name) {
            let found = check_shape(pool, &sizes, &port.name, &port.axes, tensor).and_then(|()| elements(pool, &sizes, port, tensor));
            match found {
                Ok(value) => _ = values.insert(port.name.clone(), value),
                Err(problem) => problems.push(problem),
            }
        }
    }
    for kept in kept {
        if let Some(tensor) = tensors.get(&kept.name) {
            let found = check_shape(pool, &sizes, &kept.name, &kept.axes, tensor).and_then(|()| reals(&kept.name, tensor));
            match found {
                Ok(value) => _ = values.insert(kept.name.clone(), value),
                Err(problem) => problems.push(problem),
            }
        }
    }
    if problems.is_empty() { Ok(Given { values, sizes, targets }) } else { Err(problems) }
}

/// The sizes that the shapes tell. The first tensor with an axis of a size says what it is; a batch that no tensor has is 1.
fn sizes(model: &Model, tensors: &Tensors, problems: &mut Vec<String>) -> BTreeMap<String, i64> {
    let interface = &model.interface;
    let pool = &model.training.equations.pool;
    let ports = || interface.inputs.iter().chain(&interface.targets);
    let mut sizes = BTreeMap::new();
    for port in ports() {
        let Some(tensor) = tensors.get(&port.name).filter(|tensor| tensor.shape.len() == port.axes.len()) else { continue };
        for (&axis, &extent) in port.axes.iter().zip(&tensor.shape) {
            if let Some(name) = pool.size_name(axis) {
                let extent = i64::try_from(extent).unwrap_or(i64::MAX);
                sizes.entry(pool.text(name).to_string()).or_insert(extent);
            }
        }
    }
    for (name, size) in &sizes {
        if *size < 1 && name != BATCH {
            problems.push(format!("the size `{name}` should be at least 1, but is {size}"));
        }
    }
    if ports().all(|port| tensors.get(&port.name).is_some_and(|tensor| tensor.shape.len() == port.axes.len())) {
        for name in interface.sizes.iter().filter(|name| !sizes.contains_key(*name)) {
            problems.push(format!("the size `{name}` does not follow from the shapes"));
        }
    }
    sizes.entry(BATCH.to_string()).or_insert(1);
    for assertion in &interface.assertions {
        let (left, right) = (value_of(pool, assertion.left, &sizes), value_of(pool, assertion.right, &sizes));
        if let (Some(left), Some(right)) = (left, right)
            && (if assertion.equal { left != right } else { left > right })
        {
            problems.push(format!("{} ({left} and {right})", assertion.message));
        }
    }
    sizes
}

fn shape(pool: &Pool, axes: &[Index]) -> String {
    let sizes: Vec<String> = axes.iter().map(|&axis| print_index(pool, &[], axis)).collect();
    format!("[{}]", sizes.join(", "))
}

fn check_shape(pool: &Pool, sizes: &BTreeMap<String, i64>, name: &str, axes: &[Index], tensor: &Tensor) -> Result<(), String> {
    let fits = |(&axis, &extent): (&Index, &usize)| match value_of(pool, axis, sizes) {
        Some(size) => i64::try_from(extent) == Ok(size),
        None => true,
    };
    if axes.len() == tensor.shape.len() && axes.iter().zip(&tensor.shape).all(fits) {
        return Ok(());
    }
    let known: BTreeSet<String> = axes
        .iter()
        .filter(|&&axis| pool.constant_of(axis).is_none())
        .filter_map(|&axis| Some(format!("{} = {}", print_index(pool, &[], axis), value_of(pool, axis, sizes)?)))
        .collect();
    let known: Vec<String> = known.into_iter().collect();
    let known = if known.is_empty() || axes.len() != tensor.shape.len() { String::new() } else { format!(" with {}", known.join(", ")) };
    Err(format!("`{name}` should have the shape {}{known}, but has {:?}", shape(pool, axes), tensor.shape))
}

fn array<T>(tensor: &Tensor, numbers: Vec<T>) -> Result<ArrayD<T>, String> {
    ArrayD::from_shape_vec(IxDyn(&tensor.shape), numbers).map_err(|error| error.to_string())
}

/// Any numbers that are reals exactly.
fn reals(name: &str, tensor: &Tensor) -> Result<Value, String> {
    let numbers = match &tensor.numbers {
        Numbers::F32(numbers) => numbers.iter().map(|&number| f64::from(number)).collect(),
        Numbers::F64(numbers) => numbers.clone(),
        Numbers::I32(numbers) => numbers.iter().map(|&number| f64::from(number)).collect(),
        Numbers::I64(numbers) => {
            let exact = |number: i64| number as f64 as i128 == i128::from(number);
            if let Some(number) = numbers.iter().find(|&&number| !exact(number)) {
                return Err(format!("`{name}` takes reals, and {number} is not one exactly in 64 bits"));
            }
            numbers.iter().map(|&number| number as f64).collect()
        }
    };
    Ok(Value::Real(array(tensor, numbers)?))
}

/// Reals that are integers exactly.
fn whole(name: &str, numbers: impl Iterator<Item = f64>) -> Result<Vec<i64>, String> {
    let integer = |number: f64| {
        // every real of this range without a fraction is an `i64`
        let exact = number.fract() == 0.0 && number.abs() < 9.2e18;
        if exact { Ok(number as i64) } else { Err(format!("`{name}` takes integers, but holds {number}")) }
    };
    numbers.map(integer).collect()
}

/// The elements that a port takes.
fn elements(pool: &Pool, sizes: &BTreeMap<String, i64>, port: &Port, tensor: &Tensor) -> Result<Value, String> {
    let name = &port.name;
    let PortKind::Index { low, high } = port.kind else {
        let value = reals(name, tensor)?;
        let outside = |array: &ArrayD<f64>| array.iter().copied().find(|number| !(0.0..=1.0).contains(number));
        return match (port.kind, value.real().and_then(outside)) {
            (PortKind::Probability, Some(number)) => Err(format!("`{name}` takes probabilities from 0 to 1, but holds {number}")),
            _ => Ok(value),
        };
    };
    let numbers: Vec<i64> = match &tensor.numbers {
        Numbers::I32(numbers) => numbers.iter().map(|&number| i64::from(number)).collect(),
        Numbers::I64(numbers) => numbers.clone(),
        Numbers::F32(numbers) => whole(name, numbers.iter().map(|&number| f64::from(number)))?,
        Numbers::F64(numbers) => whole(name, numbers.iter().copied())?,
    };
    if let (Some(low), Some(high)) = (value_of(pool, low, sizes), value_of(pool, high, sizes))
        && let Some(number) = numbers.iter().find(|number| !(low..high).contains(number))
    {
        return Err(format!("`{name}` takes indices from {low} to {}, but holds {number}", high - 1));
    }
    Ok(Value::Integer(array(tensor, numbers)?))
}
