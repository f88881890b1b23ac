//! Adjoints are equations, not a traversal.
//!
//! The adjoint `d_T` of a tensor `T` says how the loss changes with each element. It is the sum, over every read `T[f(o, r)]` in every
//! equation `C` (with result axes `o` and reduced axes `r`), of one sum with a delta:
//!
//! ```text
//! d_T[t] = [T is the loss] + sum over reads of  sum over o, r where f(o, r) == t and C's condition  of  seed * d body / d T[f(o, r)]
//!
//! seed = d_C[o]                                                for a pointwise equation and for sum
//!      = d_C[o] * exp(body - C[o])                             for lse
//!      = d_C[o], and only where  number of r == argmax_C[o]    for max; the first maximum takes all
//!      = d_C[o] * others_C[o, r]                               for product: the product over all other elements, an equation of its own
//! ```
//! `d body / d T[…]` is a reverse sweep over one expression (`partials`). The deltas `f(o, r) == t` are then solved (`delta`), and
//! what is left of the sum takes its normal form ([`Domain`]). If nothing is left to sum over, the contribution is an expression.
//!
//! Nothing here asks for an order, so that cycles need no rule: the adjoint of `h[t - 1]` is read at `t + 1`. The result is
//! equations like any other, and can be derived again. There is no gradient to integer tensors, through `argmax`, conditions, `floor`
//! and `stop`. Work and output are linear in the equations: each body on the way is swept once, for all that it reads.
//!
//! Names: `d_x`; a part of it that is a sum of its own `d_x_via_y`, where `y` is what reads `x`.

mod delta;
mod partials;
#[cfg(test)]
mod tests;

pub use delta::solve;

use crate::equations::{
    Condition, Definition, Domain, Element, Equation, Equations, Function, Index, Name, Pool, Reduction, Scalar, ScalarNode, Tensor,
    unused_label,
};
use std::collections::{BTreeMap, BTreeSet};

/// Adds the adjoints of the sum of all elements of `loss`, and returns the name of the gradient of each tensor asked for, in that order.
/// A tensor that the loss does not reach has the gradient 0.
pub fn derive(equations: &mut Equations, loss: Name, with_respect_to: &[Name]) -> Vec<Name> {
    derive_by(equations, loss, with_respect_to, solve)
}

/// [`derive`] with another solver: that it may change the form of sums, never their value, is tested with one that does nothing.
fn derive_by(equations: &mut Equations, loss: Name, with_respect_to: &[Name], solver: fn(&mut Pool, &mut Domain)) -> Vec<Name> {
    let path = on_the_way(equations, loss, with_respect_to);
    let mut derivation = Derivation { equations, solver, adjoints: BTreeMap::new(), parts: BTreeMap::new() };
    // what comes later in the text is derived first, so that adjoints are named in the order in which they are needed
    for &tensor in path.iter().rev() {
        derivation.adjoint(tensor);
        derivation.send(tensor, &path);
    }
    for &tensor in path.iter().rev() {
        derivation.collect(tensor, tensor == loss);
    }
    for &tensor in with_respect_to {
        if !path.contains(&tensor) && !derivation.adjoints.contains_key(&tensor) {
            derivation.adjoint(tensor);
            derivation.collect(tensor, false);
        }
    }
    with_respect_to.iter().map(|tensor| derivation.adjoints[tensor]).collect()
}

/// Real tensors that a gradient passes: those that the loss depends on, and that depend on what is asked for.
fn on_the_way(equations: &Equations, loss: Name, with_respect_to: &[Name]) -> BTreeSet<Name> {
    let mut readers: BTreeMap<Name, Vec<Name>> = BTreeMap::new();
    let mut below = BTreeSet::new();
    let mut stack = vec![loss];
    while let Some(name) = stack.pop() {
        let is_real = equations.tensors.get(&name).is_some_and(|tensor| tensor.element == Element::Real);
        if !is_real || !below.insert(name) {
            continue;
        }
        for read in tensors_reached(equations, name) {
            readers.entry(read).or_default().push(name);
            stack.push(read);
        }
    }
    let mut path = BTreeSet::new();
    let mut stack: Vec<Name> = with_respect_to.iter().copied().filter(|name| below.contains(name)).collect();
    while let Some(name) = stack.pop() {
        if path.insert(name) {
            stack.extend(readers.get(&name).into_iter().flatten());
        }
    }
    path
}

/// The tensors that an equation reads where a gradient can reach them.
fn tensors_reached(equations: &Equations, name: Name) -> BTreeSet<Name> {
    let Some(equation) = equations.tensors[&name].equation() else { return BTreeSet::new() };
    let reads = partials::reached_reads(&equations.pool, equation.body);
    let tensor_of = |read: Scalar| match equations.pool.scalar(read) {
        ScalarNode::Read { tensor, .. } => Some(*tensor),
        _ => None,
    };
    reads.into_iter().filter_map(tensor_of).collect()
}

/// What one reader contributes to an adjoint.
enum Part {
    /// An expression in the axes of the tensor.
    Value(Scalar),
    /// `factor * sum`; the sum has these of the tensor's axes.
    Sum { reader: Name, factor: Scalar, axes: Vec<u32>, sum: Tensor },
}

/// A derivation under way.
struct Derivation<'a> {
    equations: &'a mut Equations,
    solver: fn(&mut Pool, &mut Domain),
    /// Tensors to their adjoints. A name may be taken before there is an equation.
    adjoints: BTreeMap<Name, Name>,
    /// What has been sent to each tensor so far.
    parts: BTreeMap<Name, Vec<Part>>,
}

impl Derivation<'_> {
    /// The name of the adjoint of a tensor.
    fn adjoint(&mut self, tensor: Name) -> Name {
        if let Some(&name) = self.adjoints.get(&tensor) {
            return name;
        }
        let base = format!("d_{}", self.equations.pool.text(tensor));
        let name = self.reserve(&base);
        self.adjoints.insert(tensor, name);
        name
    }
    /// A new name that is taken from now on.
    fn reserve(&mut self, base: &str) -> Name {
        let name = self.equations.fresh(base);
        let zero = self.equations.pool.constant(0.0);
        self.equations.insert(name, Tensor::defined(Vec::new(), Equation::pointwise(zero)));
        name
    }

    /// Sends the adjoint of a tensor on to all tensors on the path that its equation reads.
    fn send(&mut self, reader: Name, path: &BTreeSet<Name>) {
        let Definition::Equation(equation) = self.equations.tensors[&reader].definition.clone() else { return };
        if !tensors_reached(self.equations, reader).iter().any(|read| path.contains(read)) {
            return;
        }
        let own = self.equations.own_axes(reader);
        let adjoint = self.adjoint(reader);
        let incoming = self.equations.pool.read(adjoint, own.clone());
        let output = self.equations.pool.read(reader, own.clone());
        let mut condition = equation.condition;
        let mut seed = incoming;
        match equation.reduction {
            None | Some(Reduction::Sum) => {}
            Some(Reduction::LogSumExp) => {
                let pool = &mut self.equations.pool;
                let difference = pool.subtract(equation.body, output);
                let share = pool.apply(Function::Exp, difference);
                seed = pool.mul(&[incoming, share]);
            }
            Some(Reduction::Max) => {
                let first = self.is_first_maximum(reader, &equation, &own);
                condition = self.equations.pool.all(&[condition, first]);
            }
            Some(Reduction::Product) => {
                let others = self.others(reader, &equation);
                seed = self.equations.pool.mul(&[incoming, others]);
            }
            Some(Reduction::ArgMax) => return,
        }
        let output = equation.reduction.is_none().then_some(output);
        for (read, partial) in partials::adjoints(&mut self.equations.pool, equation.body, seed, output) {
            let ScalarNode::Read { tensor, at } = self.equations.pool.scalar(read).clone() else { continue };
            if path.contains(&tensor) {
                self.send_to(tensor, &at, reader, &equation, condition, partial);
            }
        }
    }
    /// `d_tensor[t] += sum over the axes of the reader where at == t and condition of partial`
    fn send_to(&mut self, tensor: Name, at: &[Index], reader: Name, equation: &Equation, condition: Condition, partial: Scalar) {
        let reader_labels = self.equations.tensors[&reader].labels.clone();
        let label_of = |number: u32| reader_labels.get(number as usize).cloned();
        let target = self.equations.tensors[&tensor].clone();
        let pool = &mut self.equations.pool;
        // axes of the result: as the tensor's own equation calls them, else as this reader does
        let mut labels: Vec<String> = Vec::new();
        for (number, &index) in at.iter().enumerate() {
            let label = target.labels.get(number).cloned().or_else(|| pool.axis_of(index).and_then(label_of));
            labels.push(unused_label(&label.unwrap_or_else(|| default_label(number)), &labels));
        }
        let result = target.axes.iter().copied().zip(labels).collect();
        let mut domain = Domain::new(result, partial);
        // the axes of the reader, its own first, are all summed over
        let mut axes = BTreeMap::new();
        let sizes: Vec<Index> = self.equations.tensors[&reader].axes.iter().chain(&equation.reduced).copied().collect();
        for (number, size) in sizes.into_iter().enumerate() {
            let label = label_of(number as u32).unwrap_or_else(|| default_label(number));
            axes.insert(number as u32, domain.introduce(pool, size, &label));
        }
        domain.body = pool.substitute_scalar(partial, &axes);
        for (number, (&index, &size)) in at.iter().zip(&target.axes).enumerate() {
            let (index, place) = (pool.substitute_index(index, &axes), pool.axis(number as u32, size));
            let delta = pool.equal(index, place);
            domain.restrict(pool, delta);
        }
        let condition = pool.substitute_condition(condition, &axes);
        domain.restrict(pool, condition);
        domain.lift_guards(pool);
        (self.solver)(pool, &mut domain);
        if let Some(part) = normal_form(self.equations, domain, reader) {
            // entered now, so that the name stands among those of this reader
            let base = format!("d_{}_via_{}", self.equations.pool.text(tensor), self.equations.pool.text(reader));
            self.equations.pool.name(&base);
            self.parts.entry(tensor).or_default().push(part);
        }
    }
    /// Makes the equation of an adjoint from what was sent to its tensor.
    fn collect(&mut self, tensor: Name, is_loss: bool) {
        let parts = self.parts.remove(&tensor).unwrap_or_default();
        let name = self.adjoints[&tensor];
        let Tensor { axes, labels, .. } = self.equations.tensors[&tensor].clone();
        // a sum that is all of the adjoint is its equation
        if let [Part::Sum { factor, axes: needed, sum, .. }] = &parts[..]
            && !is_loss
            && needed.len() == axes.len()
            && self.equations.pool.number_of(*factor) == Some(1.0)
        {
            self.equations.insert(name, sum.clone());
            return;
        }
        let mut terms = vec![self.equations.pool.constant(if is_loss { 1.0 } else { 0.0 })];
        let mut names: Vec<String> = labels.into_iter().take(axes.len()).collect();
        for part in parts {
            match part {
                Part::Value(value) => terms.push(value),
                Part::Sum { reader, factor, axes: needed, sum } => {
                    if needed.len() == axes.len() && names.len() < axes.len() {
                        names = sum.labels[..axes.len()].to_vec();
                    }
                    let base = format!("d_{}_via_{}", self.equations.pool.text(tensor), self.equations.pool.text(reader));
                    let via = self.equations.fresh(&base);
                    self.equations.insert(via, sum);
                    let pool = &mut self.equations.pool;
                    let at = needed.iter().map(|&number| pool.axis(number, axes[number as usize])).collect();
                    let read = pool.read(via, at);
                    terms.push(pool.mul(&[factor, read]));
                }
            }
        }
        let body = self.equations.pool.add(&terms);
        let mut adjoint = Tensor::defined(axes, Equation::pointwise(body));
        adjoint.labels = names;
        self.equations.insert(name, adjoint);
    }

    /// `number of r == argmax[o]`, with an equation for the number of the first maximum.
    fn is_first_maximum(&mut self, reader: Name, equation: &Equation, own: &[Index]) -> Condition {
        let pool = &mut self.equations.pool;
        let reduced = reduced_axes(pool, own.len(), &equation.reduced);
        let number = pool.flat(&reduced, &equation.reduced);
        let (low, high) = (pool.integer(0), pool.count(&equation.reduced));
        let mut tensor = self.equations.tensors[&reader].clone();
        tensor.element = Element::Integer { low, high };
        tensor.definition = Definition::Equation(Equation { reduction: Some(Reduction::ArgMax), ..equation.clone() });
        let name = self.auxiliary("argmax", reader, tensor);
        let pool = &mut self.equations.pool;
        let first = pool.read_integer(name, own.to_vec(), low, high);
        pool.equal(number, first)
    }
    /// The product over all elements but the one at `r`, as a read at `[o, r]` of an equation.
    fn others(&mut self, reader: Name, equation: &Equation) -> Scalar {
        let product = self.equations.tensors[&reader].clone();
        let pool = &mut self.equations.pool;
        let rank = product.axes.len();
        // axes of the result: o, r; reduced: another r
        let axes: Vec<Index> = product.axes.iter().chain(&equation.reduced).copied().collect();
        let left_out = reduced_axes(pool, rank, &equation.reduced);
        let reduced = reduced_axes(pool, axes.len(), &equation.reduced);
        let renamed: BTreeMap<u32, Index> = (rank as u32..).zip(reduced.iter().copied()).collect();
        let body = pool.substitute_scalar(equation.body, &renamed);
        let condition = pool.substitute_condition(equation.condition, &renamed);
        let same: Vec<Condition> = reduced.iter().zip(&left_out).map(|(&a, &b)| pool.equal(a, b)).collect();
        let same = pool.all(&same);
        let other = pool.not(same);
        let condition = pool.all(&[condition, other]);
        let mut labels = product.labels;
        if labels.len() == axes.len() {
            for at in rank..axes.len() {
                labels.push(unused_label(&labels[at].clone(), &labels));
            }
        }
        let mut tensor =
            Tensor::defined(axes, Equation { reduction: Some(Reduction::Product), reduced: equation.reduced.clone(), condition, body });
        tensor.labels = labels;
        let name = self.auxiliary("others", reader, tensor);
        let own = self.equations.own_axes(name);
        self.equations.pool.read(name, own)
    }
    /// An equation that derivation needs besides adjoints: the one of an earlier derivation if it is the same.
    fn auxiliary(&mut self, prefix: &str, of: Name, tensor: Tensor) -> Name {
        let base = format!("{prefix}_{}", self.equations.pool.text(of));
        let known = self.equations.pool.name(&base);
        if self.equations.tensors.get(&known) == Some(&tensor) {
            return known;
        }
        let name = self.equations.fresh(&base);
        self.equations.insert(name, tensor);
        name
    }
}

/// What is left of a sum after its deltas are solved; nothing if it is 0 everywhere.
fn normal_form(equations: &mut Equations, mut domain: Domain, reader: Name) -> Option<Part> {
    let pool = &mut equations.pool;
    domain.lift_guards(pool);
    if pool.is_zero(domain.body) {
        return None;
    }
    domain.guards_to_ranges(pool);
    let size = domain.drop_unused(pool);
    if domain.reduced.is_empty() {
        let value = domain.value(pool);
        return Some(Part::Value(pool.mul(&[size, value])));
    }
    let factor = domain.pull_out(pool);
    let factor = pool.mul(&[size, factor]);
    let axes = domain.needed(pool);
    let sum = domain.equation(pool, &axes);
    Some(Part::Sum { reader, factor, axes, sum })
}

/// The reduced axes of an equation of this rank.
fn reduced_axes(pool: &mut Pool, rank: usize, sizes: &[Index]) -> Vec<Index> {
    (rank as u32..).zip(sizes).map(|(number, &size)| pool.axis(number, size)).collect()
}

/// What an axis is called that has no name: `i`, `j`, `k`, `l`, `i2`, ….
fn default_label(number: usize) -> String {
    let letter = ["i", "j", "k", "l"][number % 4];
    match number / 4 {
        0 => letter.to_string(),
        round => format!("{letter}{}", round + 1),
    }
}
