//! Cycles as loops over time.
//!
//! In a step each equation of the cycle is computed at one value of its time axis, by the same means as outside of it: a sum of products
//! is a kernel, whose operands begin where that step's rows do, and everything else is loops over the other axes. What the cycle reads and
//! does not write has been computed for all steps before; what reads the cycle alone comes after it.

use super::{contraction, nest};
use crate::equations::{Equations, Index, Name, Recurrence};
use crate::program::{Call, Form, Layout, Moment, TimeLoop};
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
    // what is computed on the way in registers is stored nowhere
    let computes = steps.iter().flat_map(|moment| moment.call.computes.iter().copied()).collect();
    let (first, time) = recurrence.members[0];
    let label = equations.tensors[&first].labels.get(time as usize).cloned().unwrap_or_default();
    Call { computes, form: Form::TimeLoop(TimeLoop { label, sizes, reverse: recurrence.reverse, steps }) }
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
