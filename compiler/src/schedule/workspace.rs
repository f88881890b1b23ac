//! Lifetimes to slots: a tensor takes over the slot of one of the same shape that nobody reads any more.
//!
//! Shapes must be equal, so that a slot is one array for all its tensors; repeated layers have equal shapes.

use crate::equations::{Element, Index, Name};
use crate::program::{Place, Program, Slot};
use std::collections::BTreeMap;

/// Gives each tensor of the workspace its slot.
pub fn assign(program: &mut Program) {
    let mut ends: Vec<Vec<Name>> = vec![Vec::new(); program.calls.len()];
    for (name, last) in last_reads(program) {
        ends[last].push(name);
    }
    let mut free: BTreeMap<(Vec<Index>, bool), Vec<usize>> = BTreeMap::new();
    let mut slots: Vec<Slot> = Vec::new();
    for (position, ends) in ends.iter().enumerate() {
        let computes = program.calls[position].computes.clone();
        for name in computes {
            if !matches!(program.buffers.get(&name), Some(Place::Workspace(_))) {
                continue;
            }
            let tensor = &program.equations.tensors[&name];
            let shape = (tensor.axes.clone(), tensor.element != Element::Real);
            let slot = match free.get_mut(&shape).and_then(Vec::pop) {
                Some(slot) => slot,
                None => {
                    slots.push(Slot { axes: shape.0, integer: shape.1, tensors: Vec::new() });
                    slots.len() - 1
                }
            };
            slots[slot].tensors.push(name);
            program.buffers.insert(name, Place::Workspace(slot));
        }
        for name in ends {
            if let Some(&Place::Workspace(slot)) = program.buffers.get(name) {
                let shape = (slots[slot].axes.clone(), slots[slot].integer);
                free.entry(shape).or_default().push(slot);
            }
        }
    }
    program.slots = slots;
}

/// The number of the last call that reads, through views too, each tensor; of the call that computes it if nobody does.
pub fn last_reads(program: &Program) -> BTreeMap<Name, usize> {
    let mut last = BTreeMap::new();
    for (position, call) in program.calls.iter().enumerate() {
        for name in call.computes.iter().copied().chain(program.reads(call)) {
            last.insert(program.storage(name), position);
        }
    }
    last
}
