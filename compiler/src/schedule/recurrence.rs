//! Cycles as loops over time.
//!
//! In a step each equation of the cycle is computed at one value of its time axis, by the same means as outside of it: a sum of products
//! is a kernel, whose operands begin where that step's rows do, and everything else is loops over the other axes. Pointwise equations over
//! the same elements that follow one another share these loops: a cell is one product and one pass. What the cycle reads and does not
//! write has been computed for all steps before; what only reads the cycle comes after it.

use super::{contraction, nest};
use crate::equations::{AtomNode, Equations, Index, Name, Part, Parts, Recurrence, ScalarNode};
use crate::program::{Call, Form, Layout, Moment, Nest, Range, Step, TimeLoop, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The loop that computes a group of equations that read each other. `placed` are asked for where they lie.
pub fn time_loop(
    equations: &mut Equations,
    group: &[Name],
    readers: &BTreeMap<Name, Vec<Name>>,
    placed: &BTreeSet<Name>,
    panels: &mut Vec<Index>,
) -> Call {
    let recurrence = match equations.recurrence(group) {
        Ok(recurrence) => recurrence,
        Err(why) => panic!("a cycle without a time axis: {why:?}\n{}", crate::equations::print::print(equations)),
    };
    let sizes = longest(equations, &recurrence);
    let mut steps: Vec<Moment> = Vec::new();
    let mut inside: BTreeSet<Name> = BTreeSet::new();
    for &(name, time) in &recurrence.members {
        if inside.contains(&name) {
            continue;
        }
        let size = equations.tensors[&name].axes[time as usize];
        let within = (sizes[..] != [size]).then_some(size);
        let (members, form) = moment(equations, &recurrence, (name, time), readers, placed, &inside, panels);
        inside.extend(&members);
        steps.push(Moment { call: Call { computes: members, form }, time, within });
    }
    let steps = fused(equations, steps);
    let computes = steps.iter().flat_map(|moment| moment.call.computes.iter().copied()).collect();
    let (first, time) = recurrence.members[0];
    let label = equations.tensors[&first].labels.get(time as usize).cloned().unwrap_or_default();
    Call { computes, form: Form::TimeLoop(TimeLoop { label, sizes, reverse: recurrence.reverse, steps }) }
}

/// Neighbours that compute the same elements one by one, and read of each other only the element that they compute, in one nest.
fn fused(equations: &Equations, steps: Vec<Moment>) -> Vec<Moment> {
    let mut all: Vec<Moment> = Vec::new();
    for moment in steps {
        if let Some(last) = all.last_mut()
            && let (Form::Nest(before), Form::Nest(nest)) = (&last.call.form, &moment.call.form)
            && (last.time, last.within) == (moment.time, moment.within)
            && let Some(steps) = joined(&before.steps, &nest.steps)
            && before.axes.iter().map(|&(_, size)| size).eq(nest.axes.iter().map(|&(_, size)| size))
            && moment.call.computes.iter().all(|&name| reads_in_place(equations, name, moment.time, &last.call.computes))
        {
            let axes = before.axes.clone();
            last.call.computes.extend(moment.call.computes);
            last.call.form = Form::Nest(Nest { axes, flat: false, steps });
            continue;
        }
        all.push(moment);
    }
    all
}

/// Two nests of the same full loops around stored values as one.
fn joined(one: &[Step], other: &[Step]) -> Option<Vec<Step>> {
    if let ([Step::Loop(range, inside)], [Step::Loop(second, other)]) = (one, other) {
        let full = *range == Range::full(range.axis) && range == second;
        return full.then(|| joined(inside, other))?.map(|inside| vec![Step::Loop(range.clone(), inside)]);
    }
    let stores = |step: &Step| matches!(step, Step::Set { value: Value::Scalar(_) | Value::Integer(_), .. });
    one.iter().chain(other).all(stores).then(|| one.iter().chain(other).cloned().collect())
}

/// Whether an equation reads each of these tensors at another time, or at the very element that it computes.
fn reads_in_place(equations: &Equations, name: Name, time: u32, of: &[Name]) -> bool {
    let pool = &equations.pool;
    let Some(equation) = equations.tensors[&name].equation() else { return false };
    let own = |number: usize, index: Index, size: Index| pool.axis_of(index) == Some(number as u32) || pool.constant_of(size) == Some(1);
    let mut in_place = true;
    pool.visit(Parts::of_scalar(equation.body), &mut |part| {
        let (tensor, at) = match part {
            Part::Scalar(scalar) => match pool.scalar(scalar) {
                ScalarNode::Read { tensor, at } => (tensor, at),
                _ => return,
            },
            Part::Atom(atom) => match pool.atom(atom) {
                AtomNode::Read { tensor, at, .. } => (tensor, at),
                _ => return,
            },
            _ => return,
        };
        if of.contains(tensor) {
            let axes = &equations.tensors[tensor].axes;
            let now = at.get(time as usize).is_none_or(|&index| own(time as usize, index, axes[time as usize]));
            let here = at.iter().zip(axes).enumerate().all(|(number, (&index, &size))| own(number, index, size));
            in_place &= here || !now;
        }
    });
    in_place
}

/// The sizes of the time axes without those that are no longer than another one.
fn longest(equations: &mut Equations, recurrence: &Recurrence) -> Vec<Index> {
    let mut sizes: Vec<Index> = Vec::new();
    for &(name, time) in &recurrence.members {
        let size = equations.tensors[&name].axes[time as usize];
        let mut covers = |a: Index, b: Index| {
            let more = equations.pool.minus(a, b);
            equations.pool.never_negative(more)
        };
        if !sizes.iter().any(|&other| covers(other, size)) {
            sizes.retain(|&other| !covers(size, other));
            sizes.push(size);
        }
    }
    sizes
}

/// How a tensor is computed at one time, with the pointwise equations that a kernel applies to it, the stored one last. `done` are those
/// that the step has computed already.
fn moment(
    equations: &mut Equations,
    recurrence: &Recurrence,
    (name, time): (Name, u32),
    readers: &BTreeMap<Name, Vec<Name>>,
    placed: &BTreeSet<Name>,
    done: &BTreeSet<Name>,
    panels: &mut Vec<Index>,
) -> (Vec<Name>, Form) {
    let Some(mut product) = contraction::contraction(equations, name, Some(time)) else {
        return (vec![name], Form::Nest(nest::nest(equations, name, Some(time))));
    };
    if product.layout == Layout::RightTransposed {
        panels.push(product.left.columns);
    }
    let mut members = vec![name];
    let operands = [product.left.tensor, product.right.tensor];
    let of_cycle: BTreeSet<Name> = recurrence.members.iter().map(|&(name, _)| name).collect();
    let is_ready = |equations: &Equations, reader: Name, members: &[Name]| {
        equations.reads(reader).iter().all(|read| !of_cycle.contains(read) || done.contains(read) || members.contains(read))
    };
    while let Some(&last) = members.last()
        && !product.adds
        && !placed.contains(&last)
        && let [reader] = readers.get(&last).map_or(&[][..], |readers| &readers[..])
        && recurrence.members.contains(&(*reader, time))
        && !operands.contains(reader)
        && is_ready(equations, *reader, &members)
        && let Some(epilogue) = contraction::epilogue(equations, &product, last, *reader, Some(time))
    {
        product.epilogue = Some(epilogue);
        product.result.tensor = *reader;
        members.push(*reader);
    }
    (members, Form::Contraction(product))
}
