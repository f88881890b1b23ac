//! The update of whole tensors as programs.
//!
//! What an optimizer's equations make of numbers alone (`step`, its fields, sums over all parameters) is the same for every tensor of a
//! group: it is computed once a step, in `f64`. A sum or product of such numbers and others is split for it. What is left is a program
//! like those of a model: it reads the parameter, its gradient and its states, and these numbers.

use crate::equations::{Definition, Equation, Equations, Index, Name, Pool, Rewrite, Rewriter, Role, Scalar, ScalarNode, Tensor};
use crate::model::{ALL, Group};
use crate::program::{Destination, Program};
use crate::schedule::schedule;
use crate::simplify::simplify;
use std::collections::{BTreeMap, BTreeSet};

/// An update of whole tensors.
#[derive(Clone, Debug)]
pub struct Update {
    /// Numbers of the step, of rank 0, in an order in which they can be computed.
    pub numbers: Equations,
    /// The order.
    pub order: Vec<Name>,
    /// What the program reads of them.
    pub needed: Vec<Name>,
    /// The new parameter and states.
    pub program: Program,
    /// The states before the first step.
    pub initial: Program,
}

/// The programs of a group that updates whole tensors.
pub fn update(group: &Group) -> Update {
    let wanted: Vec<Name> = [group.update].into_iter().chain(group.states.iter().map(|state| state.next)).collect();
    let mut equations = group.equations.clone();
    let order: Vec<Name> = equations.groups(wanted.iter().copied()).into_iter().flatten().collect();
    let (mut numbers, mut alike) = (BTreeMap::new(), BTreeSet::new());
    let mut in_order = Vec::new();
    let mut tensors: BTreeMap<Name, Tensor> = BTreeMap::new();
    let mut hoisted = Vec::new();
    let names: BTreeSet<Name> = equations.tensors.keys().copied().collect();
    for name in order {
        let tensor = equations.tensors[&name].clone();
        let everywhere = is_given(&tensor) && equations.pool.text(name).strip_prefix(ALL).is_some_and(|rest| rest.starts_with('.'));
        let number = tensor.definition == Definition::Given(Role::Number);
        let same = tensor.equation().is_some() && tensor.axes.is_empty() && equations.reads(name).iter().all(|read| alike.contains(read));
        if everywhere || number || same {
            alike.insert(name);
            numbers.insert(name, tensor);
            if !everywhere {
                in_order.push(name);
                tensors.insert(name, Tensor::given(Role::Number, Vec::new()));
            }
            continue;
        }
        let mut tensor = tensor;
        if let Definition::Equation(equation) = &mut tensor.definition {
            let before = hoisted.len();
            let hoist = Hoist { numbers: &alike, hoisted: &mut hoisted, taken: &names, keeps_reads: true };
            equation.body = Rewriter::new(&mut equations.pool, hoist).scalar(equation.body);
            for &(scalar, name) in &hoisted[before..] {
                numbers.insert(name, Tensor::defined(Vec::new(), Equation::pointwise(scalar)));
                in_order.push(name);
                tensors.insert(name, Tensor::given(Role::Number, Vec::new()));
            }
        }
        tensors.insert(name, tensor);
    }
    let mut left = Equations { pool: equations.pool.clone(), tensors };
    let mut results: Vec<(Name, Destination)> = Vec::new();
    for (number, name) in wanted.into_iter().enumerate() {
        let is_kept = number > 0 && name == group.states[number - 1].tensor;
        if is_kept {
            continue;
        }
        results.push((if is_given(&left.tensors[&name]) { copy(&mut left, name) } else { name }, Destination::Updated(number)));
    }
    let program = of(left, results);
    let mut needed: Vec<Name> = program.calls.iter().flat_map(|call| program.reads(call)).collect();
    needed.sort_unstable();
    needed.dedup();
    needed.retain(|name| numbers.contains_key(name));
    let numbers = Equations { pool: program.equations.pool.clone(), tensors: numbers };
    Update { numbers, order: in_order, needed, program, initial: initial(group, equations) }
}

fn is_given(tensor: &Tensor) -> bool {
    tensor.equation().is_none()
}

fn of(equations: Equations, results: Vec<(Name, Destination)>) -> Program {
    let keep: Vec<Name> = results.iter().map(|&(name, _)| name).collect();
    schedule(simplify(equations, &keep), results)
}

/// A tensor with the elements of another.
fn copy(equations: &mut Equations, name: Name) -> Name {
    let base = format!("{}.old", equations.pool.text(name));
    let (copied, at) = (equations.fresh(&base), equations.own_axes(name));
    let (body, axes) = (equations.pool.read(name, at), equations.tensors[&name].axes.clone());
    equations.insert(copied, Tensor::defined(axes, Equation::pointwise(body)));
    copied
}

fn initial(group: &Group, mut equations: Equations) -> Program {
    equations.tensors.retain(|_, tensor| is_given(tensor));
    let mut results = Vec::new();
    for (number, state) in group.states.iter().enumerate() {
        let axes: Vec<Index> = equations.tensors[&state.tensor].axes.clone();
        let name = equations.fresh(&format!("{}.initial", equations.pool.text(state.tensor)));
        equations.insert(name, Tensor::defined(axes, Equation::pointwise(state.initial)));
        results.push((name, Destination::Initial(number)));
    }
    of(equations, results)
}

/// Takes out what reads only numbers of the whole step.
pub struct Hoist<'a> {
    /// These numbers.
    pub numbers: &'a BTreeSet<Name>,
    /// What was taken out, and its name.
    pub hoisted: &'a mut Vec<(Scalar, Name)>,
    /// Names that something else has.
    pub taken: &'a BTreeSet<Name>,
    /// Whether a number that stands alone stays as it is.
    pub keeps_reads: bool,
}

impl Hoist<'_> {
    fn is_once(&self, pool: &Pool, scalar: Scalar) -> bool {
        pool.axes_of_scalar(scalar).is_empty() && pool.tensors_of_scalar(scalar).iter().all(|name| self.numbers.contains(name))
    }
    fn named(&mut self, pool: &mut Pool, scalar: Scalar) -> Scalar {
        if pool.number_of(scalar).is_some() {
            return scalar;
        }
        if let ScalarNode::Read { tensor, .. } = pool.scalar(scalar)
            && (self.keeps_reads || self.hoisted.iter().any(|(_, name)| name == tensor))
        {
            return scalar;
        }
        let name = match self.hoisted.iter().find(|&&(known, _)| known == scalar) {
            Some(&(_, name)) => name,
            None => {
                let mut number = self.hoisted.len() + 1;
                let mut name = pool.name(&format!("k{number}"));
                while self.taken.contains(&name) {
                    number += 1;
                    name = pool.name(&format!("k{number}"));
                }
                self.hoisted.push((scalar, name));
                name
            }
        };
        pool.read(name, Vec::new())
    }
}

impl Rewrite for Hoist<'_> {
    fn scalar(&mut self, pool: &mut Pool, scalar: Scalar) -> Option<Scalar> {
        if self.is_once(pool, scalar) {
            return Some(self.named(pool, scalar));
        }
        let (parts, is_sum) = match pool.scalar(scalar) {
            ScalarNode::Add(parts) => (parts.clone(), true),
            ScalarNode::Mul(parts) => (parts.clone(), false),
            _ => return None,
        };
        let (once, other): (Vec<Scalar>, Vec<Scalar>) = parts.into_iter().partition(|&part| self.is_once(pool, part));
        if once.is_empty() || other.is_empty() {
            return None;
        }
        let constant = if is_sum { pool.add(&once) } else { pool.mul(&once) };
        // A sign stays where a reader expects it.
        let (sign, constant) = match pool.scalar(constant) {
            ScalarNode::Mul(factors) if !is_sum && pool.number_of(factors[0]).is_some_and(|k| k < 0.0) => (true, pool.negative(constant)),
            _ => (false, constant),
        };
        let once = self.named(pool, constant);
        let mut parts = vec![once];
        for part in other {
            let hoist = Hoist { numbers: self.numbers, hoisted: self.hoisted, taken: self.taken, keeps_reads: self.keeps_reads };
            parts.push(Rewriter::new(pool, hoist).scalar(part));
        }
        if sign {
            parts.push(pool.constant(-1.0));
        }
        Some(if is_sum { pool.add(&parts) } else { pool.mul(&parts) })
    }
}
