//! Equations to a [`Program`]: in which order, by what, and where everything lies.
//!
//! 1. What is asked for, and what it reads, in an order in which everything is computed before it is read; gradients in the opposite
//!    order of their parameters, so that each is computed while what it reads is fresh.
//! 2. A pointwise equation that has the numbers of another tensor in the same order is a view and costs nothing.
//! 3. A sum of products is a kernel (`contraction`); pointwise equations that are its only reader, one after the other, are its epilogue.
//!    A sum over windows becomes one when the windows have been written down (`windows`).
//!    Equations that read each other are a loop over time of such calls (`recurrence`).
//! 4. Random numbers are drawn before they are first read. Everything else is loops (`nest`), and neighbours over the same elements
//!    share them (`fusion`).
//! 5. Lifetimes, and from them slots of the workspace (`workspace`).

mod contraction;
mod fusion;
mod layout;
mod nest;
mod recurrence;
mod windows;
mod workspace;

#[cfg(test)]
mod tests;

use crate::equations::{Definition, Element, Equations, Name, Role};
use crate::program::{Call, Destination, Form, Layout, Place, Program};
use std::collections::{BTreeMap, BTreeSet};

/// Schedules what is asked for.
pub fn schedule(mut equations: Equations, results: Vec<(Name, Destination)>) -> Program {
    for tensor in equations.tensors.values_mut() {
        for label in &mut tensor.labels {
            if !label.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
                label.clear();
            }
        }
    }
    let mut wanted = results.clone();
    wanted.sort_by_key(|&(_, destination)| match destination {
        Destination::Output(number) => (0, number),
        Destination::Loss(number) => (1, number),
        Destination::Metric(number) => (2, number),
        Destination::Gradient(number) => (3, usize::MAX - number),
        Destination::Untrained(number) => (4, number),
        Destination::Updated(number) => (5, number),
        Destination::Initial(number) => (6, number),
        Destination::State(number) => (7, number),
    });
    let groups = equations.groups(wanted.iter().map(|&(name, _)| name));
    let order: Vec<Name> = groups.iter().flatten().copied().collect();
    let mut recurrences: BTreeMap<Name, Vec<Name>> = BTreeMap::new();
    let mut recurrent: BTreeSet<Name> = BTreeSet::new();
    for group in groups {
        if equations.is_recurrence(&group) {
            recurrent.extend(&group);
            recurrences.insert(group[0], group);
        }
    }
    let mut readers: BTreeMap<Name, Vec<Name>> = BTreeMap::new();
    for &name in &order {
        for read in equations.reads(name) {
            readers.entry(read).or_default().push(name);
        }
    }
    let (mut places, mut calls) = places(&equations, &wanted);
    let mut panels = Vec::new();
    let mut kernels: BTreeMap<Name, Call> = BTreeMap::new();
    let mut inside: BTreeSet<Name> = BTreeSet::new();
    let mut computed = Vec::new();
    for &name in &order {
        if equations.tensors[&name].definition == Definition::Given(Role::Random) {
            computed.push(Call { computes: vec![name], form: Form::Draw });
            continue;
        }
        if equations.tensors[&name].equation().is_none() {
            places.insert(name, Place::Given);
            continue;
        }
        if let Some(group) = recurrences.get(&name) {
            let placed = places.keys().copied().collect();
            computed.push(recurrence::time_loop(&mut equations, group, &readers, &placed, &mut panels));
            continue;
        }
        if inside.contains(&name) || recurrent.contains(&name) {
            continue;
        }
        if let Some(call) = kernels.remove(&name) {
            computed.push(call);
            continue;
        }
        if !places.contains_key(&name)
            && let Some(of) = layout::viewed(&mut equations, name)
        {
            places.insert(name, Place::View(of));
            continue;
        }
        let plain = contraction::contraction(&mut equations, name, None);
        let product = plain.or_else(|| {
            let (made, product) = windows::product(&mut equations, name)?;
            for name in made {
                let form = Form::Nest(nest::nest(&mut equations, name, None));
                computed.push(Call { computes: vec![name], form });
            }
            Some(product)
        });
        let Some(mut product) = product else {
            let form = match contraction::column_sum(&mut equations, name) {
                Some(rows) => Form::ColumnSum(rows),
                None => Form::Nest(nest::nest(&mut equations, name, None)),
            };
            computed.push(Call { computes: vec![name], form });
            continue;
        };
        if product.layout == Layout::RightTransposed {
            panels.push(product.left.columns);
        }
        let mut members = vec![name];
        while let Some(&last) = members.last()
            && !product.adds
            && !places.contains_key(&last)
            && let [reader] = readers.get(&last).map_or(&[][..], |readers| &readers[..])
            && !recurrent.contains(reader)
            // of several products that meet in one equation it belongs to the first
            && !inside.contains(reader)
            && !kernels.contains_key(reader)
            && let Some(epilogue) = contraction::epilogue(&mut equations, &product, last, *reader, None)
        {
            product.epilogue = Some(epilogue);
            product.result.tensor = *reader;
            members.push(*reader);
        }
        let last = members[members.len() - 1];
        let call = Call { computes: members.clone(), form: Form::Contraction(product) };
        if members.len() == 1 {
            computed.push(call);
        } else {
            inside.extend(&members[..members.len() - 1]);
            kernels.insert(last, call);
        }
    }
    for call in &computed {
        for name in call.stored() {
            places.entry(name).or_insert(if equations.tensors[&name].axes.is_empty() { Place::Number } else { Place::Workspace(0) });
        }
    }
    fusion::fuse(&mut equations, &mut computed);
    calls.splice(0..0, computed);
    let mut program = Program { equations, results, buffers: places, calls, slots: Vec::new(), panels };
    workspace::assign(&mut program);
    if cfg!(debug_assertions) {
        program.verify();
    }
    program
}

/// Where results lie, and what must be copied or zeroed besides: a result that is given, a number, or asked for twice.
fn places(equations: &Equations, wanted: &[(Name, Destination)]) -> (BTreeMap<Name, Place>, Vec<Call>) {
    let (mut places, mut copies) = (BTreeMap::new(), Vec::new());
    for &(name, destination) in wanted {
        let returned = matches!(destination, Destination::Loss(_) | Destination::Metric(_));
        let tensor = &equations.tensors[&name];
        if tensor.axes.is_empty() && tensor.equation().is_some() {
            places.insert(name, Place::Number);
        }
        if returned {
            continue;
        }
        let real = tensor.element == Element::Real;
        let computed = tensor.equation().is_some() && !tensor.axes.is_empty();
        if matches!(destination, Destination::Updated(_)) && computed {
            // what is updated is read until all is computed, so this is no view of it
            places.insert(name, Place::Workspace(0));
        } else if real && computed && !places.contains_key(&name) {
            places.insert(name, Place::Result(destination));
            continue;
        }
        copies.push(Call { computes: Vec::new(), form: Form::Copy(name, destination) });
    }
    (places, copies)
}
