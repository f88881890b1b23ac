//! Steps of training by the interpreter.
//!
//! A group of parameters is updated as one row of numbers, element by element, or each of its tensors for itself; the states of both are
//! kept by parameter.

use super::{Values, draws, given_of, number, one, reals, sizes};
use crate::equations::interpret::{Fault, Value, interpret};
use crate::equations::{Definition, Equation, Name, Role, Tensor};
use crate::model::{ALL, Group, GroupState, Model};
use std::collections::BTreeMap;

/// What steps of training lead to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Training {
    /// The loss before each step, and after the last one; of several losses their sum.
    pub losses: Vec<f64>,
    /// The same of each loss, by its name.
    pub by_name: Vec<(String, Vec<f64>)>,
    /// The parameters after the last step.
    pub parameters: Values,
    /// The states after the last step: of the model, `norm1.mean`, and of the optimizer, `adamw.m.fc1.w`.
    pub states: Values,
}

/// The states of an optimizer: the tensor of each state of each parameter, by name: `adamw.m.fc1.w`.
pub type States = Values;

/// `steps` steps of the optimizer on the same values; the seed decides what they draw.
///
/// # Errors
/// Values that are missing or do not fit.
pub fn train(model: &Model, values: &Values, steps: usize, seed: u64) -> Result<Training, Fault> {
    let forward = &model.training;
    let parameters = &model.interface.parameters;
    let (equations, gradients) = crate::derived(model);
    let (trained, gradients): (Vec<usize>, Vec<Name>) = gradients.into_iter().unzip();
    let judged = &forward.losses;
    let mut wanted = judged.clone();
    wanted.extend(gradients);
    wanted.extend(forward.updates.iter().map(|&(_, next)| next));
    let model_states = &model.interface.states;
    let changed: Vec<&String> = forward
        .updates
        .iter()
        .filter_map(|&(tensor, _)| model_states.iter().find(|state| state.tensor == tensor).map(|state| &state.name))
        .collect();
    let given = |values: &Values, step: usize| {
        let sizes = sizes(model, forward, values);
        let mut given = given_of(model, forward, values);
        given.extend(draws(&forward.equations.pool, &forward.random, &sizes, seed, step as u64)?);
        Ok((sizes, given))
    };

    let mut values = values.clone();
    let mut states = initial_states(model, &values)?;
    let mut losses = vec![Vec::with_capacity(steps + 1); judged.len()];
    let mut record = |values: &[Value]| losses.iter_mut().zip(values).for_each(|(losses, value)| losses.push(number(value)));
    for step in 1..=steps {
        let (sizes, numbers) = given(&values, step)?;
        let mut results = interpret(&equations, &sizes, &numbers, &wanted)?;
        record(&results);
        let next = results.split_off(judged.len() + trained.len());
        let names = trained.iter().map(|&position| parameters[position].name.clone());
        let gradients: Values = names.zip(results.into_iter().skip(judged.len())).collect();
        let updated = update(model, step, &values, &gradients, &mut states)?;
        values.extend(updated);
        values.extend(changed.iter().map(|name| name.to_string()).zip(next));
    }
    let (sizes, numbers) = given(&values, steps + 1)?;
    record(&interpret(&equations, &sizes, &numbers, judged)?);
    states.extend(model_states.iter().filter_map(|state| Some((state.name.clone(), values.get(&state.name)?.clone()))));
    let kept = parameters.iter().filter_map(|parameter| Some((parameter.name.clone(), values.get(&parameter.name)?.clone())));
    let all = (0..=steps).map(|step| losses.iter().map(|losses| losses[step]).sum()).collect();
    let by_name = model.interface.losses.iter().map(|loss| loss.name.clone()).zip(losses).collect();
    Ok(Training { losses: all, by_name, parameters: kept.collect(), states })
}

/// The positions of the parameters that are trained, ascending.
fn trained(model: &Model) -> Vec<usize> {
    let mut trained: Vec<usize> = model.optimizer.groups.iter().flat_map(|group| group.parameters.iter().copied()).collect();
    trained.sort_unstable();
    trained
}

fn flat(value: &Value) -> Vec<f64> {
    value.real().map(|array| array.iter().copied().collect()).unwrap_or_default()
}

fn row(numbers: Vec<f64>) -> Value {
    reals(&[numbers.len()], numbers)
}

fn value<'v>(values: &'v Values, name: &str) -> Result<&'v Value, Fault> {
    values.get(name).ok_or_else(|| Fault::NoValue { name: name.to_string() })
}

/// Some tensors, one after the other.
fn rows<'v>(values: &Values, names: impl Iterator<Item = &'v String>) -> Result<Vec<f64>, Fault> {
    let mut numbers = Vec::new();
    for name in names {
        numbers.extend(flat(value(values, name)?));
    }
    Ok(numbers)
}

fn state_name(state: &GroupState, parameter: &str) -> String {
    format!("{}.{parameter}", state.name)
}

/// The parameters of a group that are updated at once: all of them, or each for itself.
fn units<'m>(model: &'m Model, group: &Group) -> Vec<Vec<&'m String>> {
    let names: Vec<&String> = group.parameters.iter().map(|&position| &model.interface.parameters[position].name).collect();
    if group.elements.is_some() { vec![names] } else { names.into_iter().map(|name| vec![name]).collect() }
}

/// What a group is given of tensors: as one row, or as it is.
fn gathered(group: &Group, values: &Values, names: &[String]) -> Result<Value, Fault> {
    if group.elements.is_some() { Ok(row(rows(values, names.iter())?)) } else { value(values, &names[0]).cloned() }
}

/// What a group made, as tensors of their own shapes.
fn scattered(group: &Group, made: Value, shapes: &[Vec<usize>]) -> Vec<Value> {
    if group.elements.is_none() {
        return vec![made];
    }
    let numbers = flat(&made);
    let mut rest = numbers.as_slice();
    let mut tensors = Vec::new();
    for shape in shapes {
        let (head, tail) = rest.split_at(shape.iter().product::<usize>().min(rest.len()));
        tensors.push(reals(shape, head.to_vec()));
        rest = tail;
    }
    tensors
}

fn shapes(values: &Values, names: &[&String]) -> Result<Vec<Vec<usize>>, Fault> {
    let shape = |name: &&String| Ok(value(values, name)?.real().map(|array| array.shape().to_vec()).unwrap_or_default());
    names.iter().map(shape).collect()
}

/// The states before the first step.
///
/// # Errors
/// Values that are missing or do not fit.
pub fn initial_states(model: &Model, values: &Values) -> Result<States, Fault> {
    let mut states = States::new();
    for group in &model.optimizer.groups {
        for unit in units(model, group) {
            let names: Vec<String> = unit.iter().map(|&name| name.clone()).collect();
            let parameter = gathered(group, values, &names)?;
            let count = flat(&parameter).len() as i64;
            let given = Values::from([("parameter".to_string(), parameter)]);
            let sizes = group.elements.map(|elements| (group.equations.pool.text(elements).to_string(), count));
            let mut equations = group.equations.clone();
            for state in &group.states {
                let name = equations.fresh("initial");
                let axes = equations.tensors[&state.tensor].axes.clone();
                equations.insert(name, Tensor::defined(axes, Equation::pointwise(state.initial)));
                let made = one(interpret(&equations, &sizes.clone().into_iter().collect(), &given, &[name])?)?;
                let tensors = scattered(group, made, &shapes(values, &unit)?);
                states.extend(names.iter().map(|name| state_name(state, name)).zip(tensors));
            }
        }
    }
    Ok(states)
}

/// One step of the optimizer: the new parameters. Replaces the states.
///
/// # Errors
/// Values that are missing or do not fit.
pub fn update(model: &Model, step: usize, values: &Values, gradients: &Values, states: &mut States) -> Result<Values, Fault> {
    let mut updated = Values::new();
    let mut next_states = States::new();
    for group in &model.optimizer.groups {
        let pool = &group.equations.pool;
        for unit in units(model, group) {
            let names: Vec<String> = unit.iter().map(|&name| name.clone()).collect();
            let mut given = everywhere(model, group, values, gradients, states)?;
            given.insert("parameter".to_string(), gathered(group, values, &names)?);
            given.insert("gradient".to_string(), gathered(group, gradients, &names)?);
            given.insert("step".to_string(), reals(&[], vec![step as f64]));
            for field in &model.optimizer.fields {
                given.insert(field.name.clone(), reals(&[], vec![field.value]));
            }
            for state in &group.states {
                let kept: Vec<String> = names.iter().map(|name| state_name(state, name)).collect();
                given.insert(pool.text(state.tensor).to_string(), gathered(group, states, &kept)?);
            }
            let mut sizes = BTreeMap::from([(ALL.to_string(), total(model, values)?)]);
            if let Some(elements) = group.elements {
                sizes.insert(pool.text(elements).to_string(), flat(&given["parameter"]).len() as i64);
            }
            let wanted: Vec<Name> = [group.update].into_iter().chain(group.states.iter().map(|state| state.next)).collect();
            let mut results = interpret(&group.equations, &sizes, &given, &wanted)?.into_iter();
            let shapes = shapes(values, &unit)?;
            if let Some(made) = results.next() {
                updated.extend(names.iter().cloned().zip(scattered(group, made, &shapes)));
            }
            for (state, made) in group.states.iter().zip(results) {
                next_states.extend(names.iter().map(|name| state_name(state, name)).zip(scattered(group, made, &shapes)));
            }
        }
    }
    // all right sides have read the old values
    states.extend(next_states);
    Ok(updated)
}

/// How many elements all trained parameters have.
fn total(model: &Model, values: &Values) -> Result<i64, Fault> {
    let names = trained(model).into_iter().map(|position| &model.interface.parameters[position].name);
    Ok(rows(values, names)?.len() as i64)
}

/// What a group reads at the elements of all trained parameters.
fn everywhere(model: &Model, group: &Group, values: &Values, gradients: &Values, states: &States) -> Result<Values, Fault> {
    let names: Vec<&String> = trained(model).into_iter().map(|position| &model.interface.parameters[position].name).collect();
    let mut given = Values::new();
    for (&name, tensor) in &group.equations.tensors {
        let text = group.equations.pool.text(name);
        let Some(of) = text.strip_prefix(ALL).and_then(|rest| rest.strip_prefix('.')) else { continue };
        let numbers = match tensor.definition {
            Definition::Given(Role::Parameter) => rows(values, names.iter().copied())?,
            Definition::Given(Role::Input) => rows(gradients, names.iter().copied())?,
            Definition::Given(Role::State) => {
                let kept: Vec<String> = names.iter().map(|name| format!("{of}.{name}")).collect();
                rows(states, kept.iter())?
            }
            _ => continue,
        };
        given.insert(text.to_string(), row(numbers));
    }
    Ok(given)
}
