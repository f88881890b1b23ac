//! The invariants of a program, in the order of the module's head. A failure is a bug of the schedule.

use super::*;
use crate::equations::Parts;
use std::collections::BTreeSet;

impl Program {
    /// Panics, with the program, if something does not hold.
    pub fn verify(&self) {
        if let Err(message) = self.check() {
            panic!("{message}\n{}", self.print());
        }
    }
    /// What does not hold.
    pub fn check(&self) -> Result<(), String> {
        self.computed_before_read()?;
        self.results_are_computed()?;
        self.lifetimes()?;
        self.axes_are_bound()?;
        self.steps_are_apart()
    }
    fn text(&self, name: Name) -> &str {
        self.equations.pool.text(name)
    }
    fn computed_before_read(&self) -> Result<(), String> {
        let mut known: BTreeSet<Name> = self.buffers.iter().filter(|&(_, place)| *place == Place::Given).map(|(&name, _)| name).collect();
        for call in &self.calls {
            for name in self.reads(call) {
                if !known.contains(&self.storage(name)) {
                    return Err(format!("`{}` is read before it is computed", self.text(name)));
                }
            }
            known.extend(&call.computes);
        }
        Ok(())
    }
    fn results_are_computed(&self) -> Result<(), String> {
        let mut written: BTreeSet<Destination> = BTreeSet::new();
        let mut computed: BTreeSet<Name> = BTreeSet::new();
        for call in &self.calls {
            let mut destinations = Vec::new();
            if let Form::Copy(_, destination) = call.form {
                destinations.push(destination);
            }
            for name in call.stored() {
                if let Some(Place::Result(destination)) = self.buffers.get(&name) {
                    destinations.push(*destination);
                }
            }
            for destination in destinations {
                if !written.insert(destination) {
                    return Err(format!("{destination:?} is written twice"));
                }
            }
            for &name in &call.computes {
                if !computed.insert(name) {
                    return Err(format!("`{}` is computed twice", self.text(name)));
                }
            }
        }
        for &(name, destination) in &self.results {
            let returned = matches!(destination, Destination::Loss(_) | Destination::Metric(_));
            let known = computed.contains(&self.storage(name)) || self.buffers.get(&name) == Some(&Place::Given);
            if !written.contains(&destination) && (!returned || !known) {
                return Err(format!("{destination:?} is not written"));
            }
        }
        Ok(())
    }
    fn lifetimes(&self) -> Result<(), String> {
        // Which tensor a slot holds while the calls run: a reader must find what it reads.
        let mut holds: BTreeMap<usize, Name> = BTreeMap::new();
        for call in &self.calls {
            for name in self.reads(call) {
                let name = self.storage(name);
                if let Some(Place::Workspace(slot)) = self.buffers.get(&name)
                    && holds.get(slot) != Some(&name)
                {
                    return Err(format!("`{}` is read after its slot was taken", self.text(name)));
                }
            }
            let mut written = BTreeSet::new();
            for name in &call.computes {
                if let Some(Place::Workspace(slot)) = self.buffers.get(name) {
                    if !call.stored().contains(name) {
                        continue;
                    }
                    let read =
                        self.reads(call).into_iter().any(|read| self.buffers.get(&self.storage(read)) == Some(&Place::Workspace(*slot)));
                    if read || !written.insert(*slot) {
                        return Err(format!("`{}` is written over what its call reads or writes", self.text(*name)));
                    }
                    let shape = &self.slots[*slot].axes;
                    if *shape != self.equations.tensors[name].axes {
                        return Err(format!("`{}` has not the shape of its slot", self.text(*name)));
                    }
                    holds.insert(*slot, *name);
                }
            }
        }
        Ok(())
    }
    fn axes_are_bound(&self) -> Result<(), String> {
        for call in &self.calls {
            match &call.form {
                Form::Nest(nest) => self.check_steps(nest, &nest.steps, &mut Vec::new())?,
                Form::TimeLoop(time) => {
                    for moment in &time.steps {
                        if let Form::Nest(nest) = &moment.call.form {
                            self.check_steps(nest, &nest.steps, &mut vec![moment.time])?;
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
    fn steps_are_apart(&self) -> Result<(), String> {
        for call in &self.calls {
            let Form::TimeLoop(time) = &call.form else { continue };
            for moment in &time.steps {
                match &moment.call.form {
                    Form::Nest(_) => {}
                    Form::Contraction(product) => {
                        if [product.left.tensor, product.right.tensor].contains(&product.result.tensor) {
                            return Err(format!("`{}` is an operand of its own product", self.text(product.result.tensor)));
                        }
                    }
                    _ => return Err("a step of a time loop is a contraction or a nest".to_string()),
                }
            }
            for name in call.stored() {
                if let Some(Place::View(_)) = self.buffers.get(&name) {
                    return Err(format!("`{}` is computed in steps, and is a view", self.text(name)));
                }
            }
        }
        Ok(())
    }
    fn check_steps(&self, nest: &Nest, steps: &[Step], bound: &mut Vec<u32>) -> Result<(), String> {
        let pool = &self.equations.pool;
        for step in steps {
            match step {
                Step::Loop(range, inside) => {
                    self.check_range(nest, range, bound)?;
                    bound.push(range.axis);
                    self.check_steps(nest, inside, bound)?;
                    bound.pop();
                }
                Step::When(condition, inside) => {
                    self.check_axes(nest, Parts::of_condition(*condition), bound)?;
                    self.check_steps(nest, inside, bound)?;
                }
                Step::Set { at, value, .. } => {
                    for &index in at {
                        self.check_axes(nest, Parts::of_index(index), bound)?;
                    }
                    match value {
                        Value::Scalar(scalar) => self.check_axes(nest, Parts::of_scalar(*scalar), bound)?,
                        Value::Integer(index) => self.check_axes(nest, Parts::of_index(*index), bound)?,
                        Value::Reduce { domain, value, .. } => {
                            let depth = bound.len();
                            for range in domain {
                                self.check_range(nest, range, bound)?;
                                bound.push(range.axis);
                                self.check_axes(nest, Parts::of_condition(range.condition), bound)?;
                            }
                            self.check_axes(nest, Parts::of_scalar(*value), bound)?;
                            bound.truncate(depth);
                        }
                    }
                }
                Step::Add { at, value, .. } => {
                    for &index in at {
                        self.check_axes(nest, Parts::of_index(index), bound)?;
                    }
                    self.check_axes(nest, Parts::of_scalar(*value), bound)?;
                }
                Step::Fill(tensor, _) => {
                    if !pool.text(*tensor).is_empty() && !self.buffers.contains_key(tensor) {
                        return Err(format!("`{}` has no buffer", self.text(*tensor)));
                    }
                }
            }
        }
        Ok(())
    }
    fn check_range(&self, nest: &Nest, range: &Range, bound: &[u32]) -> Result<(), String> {
        if bound.contains(&range.axis) {
            return Err(format!("axis {} is bound twice", range.axis));
        }
        for limit in &range.bounds {
            self.check_axes(nest, Parts::of_index(limit.rest), bound)?;
        }
        Ok(())
    }
    fn check_axes(&self, nest: &Nest, parts: Parts, bound: &[u32]) -> Result<(), String> {
        use crate::equations::{AtomNode, Part};
        let mut wrong = None;
        self.equations.pool.visit(parts, &mut |part| {
            if let Part::Atom(atom) = part
                && let AtomNode::Axis { number, size } = *self.equations.pool.atom(atom)
            {
                let known = bound.contains(&number) && nest.axes.get(number as usize).is_some_and(|&(_, of)| of == size);
                if !known {
                    wrong = Some(format!("axis {number} is not bound"));
                }
            }
        });
        wrong.map_or(Ok(()), Err)
    }
}
