//! One equation for what is computed twice.
//!
//! Axes are positional, so that equations which differ only in names are equal as they stand. To find those that differ in the order of
//! their axes too, axes are renumbered in the order in which a walk over the expression meets them; equal results are then the same
//! numbers of the pool. Sums over axes in another order can differ in rounding; nothing else here can.

use super::Work;
use super::inlining::{is_heavy_root, with_equation};
use super::stable::Replace;
use crate::equations::{AtomNode, Condition, Element, Equation, Index, Name, Part, Parts, Pool, Reduction, Scalar, ScalarNode, Tensor};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What an equation computes, whatever its axes are called and in which order they stand.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    axes: Vec<Index>,
    range: Option<(Index, Index)>,
    reduction: Option<Reduction>,
    reduced: Vec<Index>,
    condition: Condition,
    body: Scalar,
}

impl Work {
    /// If another equation computes the same, one of the two goes; whether this one did.
    pub(super) fn share(&mut self, name: Name) -> bool {
        if self.recurrent.contains(&name) || self.inlined.contains(&name) {
            return false;
        }
        let tensor = self.equations.tensors[&name].clone();
        let Some(equation) = tensor.equation() else { return false };
        if equation.reduction.is_none() && matches!(self.equations.pool.scalar(equation.body), ScalarNode::Read { .. }) {
            return false;
        }
        let (key, order) = canonical(&mut self.equations.pool, &tensor, equation);
        let known = self.known.get(&key).copied().filter(|&known| known != name);
        let Some(known) = known else {
            self.forget_key(name);
            self.known.insert(key.clone(), name);
            self.keys.insert(name, key);
            return false;
        };
        let other = self.equations.tensors[&known].clone();
        let Some(other_equation) = other.equation() else { return false };
        let (_, other_order) = canonical(&mut self.equations.pool, &other, other_equation);
        self.equations.pool.fire("share-equation");
        if self.keep.contains(&name) && self.keep.contains(&known) {
            let own = self.equations.own_axes(name);
            let at = reordered(&other_order, &order).into_iter().map(|axis| own[axis]).collect();
            let body = match other.element {
                Element::Real => self.equations.pool.read(known, at),
                Element::Integer { low, high } => {
                    let index = self.equations.pool.read_integer(known, at, low, high);
                    self.equations.pool.real(index)
                }
            };
            self.set(name, with_equation(&tensor, Equation::pointwise(body)));
            return true;
        }
        // a name that is asked for stays, else the one that came first
        let (gone, stays) = if self.keep.contains(&name) { (known, name) } else { (name, known) };
        let (gone_order, stays_order) = if gone == name { (&order, &other_order) } else { (&other_order, &order) };
        let order = reordered(stays_order, gone_order);
        let position = self.position[&gone].min(self.position[&stays]);
        self.position.insert(stays, position);
        self.redirect(gone, stays, Some(&order));
        true
    }

    /// Value numbering: a function or power, and the whole of what a reduction reduces, reads the pointwise equation that already
    /// computes it. Whether there was any.
    pub(super) fn number_values(&mut self) -> bool {
        self.drop_unreachable();
        let names: Vec<Name> = self.equations.tensors.keys().copied().collect();
        // looked up only
        let mut known: HashMap<Scalar, (Name, Vec<u32>)> = HashMap::new();
        for &name in &names {
            let tensor = &self.equations.tensors[&name];
            let Some(Equation { reduction: None, body, .. }) = tensor.equation() else { continue };
            let body = *body;
            let costs =
                !matches!(self.equations.pool.scalar(body), ScalarNode::Constant(_) | ScalarNode::Read { .. } | ScalarNode::Real(_));
            if !costs || tensor.element != Element::Real || self.recurrent.contains(&name) {
                continue;
            }
            let long = tensor.axes.iter().filter(|&&size| self.equations.pool.constant_of(size) != Some(1)).count();
            let (value, order) = canonical_value(&mut self.equations.pool, body);
            if order.len() == long {
                known.entry(value).or_insert((name, order.into_iter().map(|(number, _)| number).collect()));
            }
        }
        let mut any = false;
        for &name in &names {
            let Some(equation) = self.equation(name).cloned() else { continue };
            if self.recurrent.contains(&name) {
                continue;
            }
            let mut candidates = Vec::new();
            let pool = &self.equations.pool;
            for start in [Parts::of_scalar(equation.body), Parts::of_condition(equation.condition)] {
                pool.visit(start, &mut |part| {
                    if let Part::Scalar(scalar) = part
                        && is_heavy_root(pool, scalar)
                    {
                        candidates.push(scalar);
                    }
                });
            }
            if equation.reduction.is_some() && !candidates.contains(&equation.body) {
                candidates.push(equation.body);
            }
            let mut replaced = BTreeMap::new();
            for candidate in candidates {
                let (value, order) = canonical_value(&mut self.equations.pool, candidate);
                let Some((by, by_order)) = known.get(&value) else { continue };
                if *by == name {
                    continue;
                }
                let pool = &mut self.equations.pool;
                let mut at = vec![pool.integer(0); self.equations.tensors[by].axes.len()];
                for (&(number, size), &axis) in order.iter().zip(by_order) {
                    at[axis as usize] = pool.axis(number, size);
                }
                replaced.insert(candidate, pool.read(*by, at));
            }
            if !replaced.is_empty() {
                self.equations.pool.fire("read-value");
                any |= self.rewrite(name, Replace(replaced));
            }
        }
        any
    }
    /// Drops equations on which nothing depends that is asked for: also recurrences that only read themselves.
    pub(super) fn drop_unreachable(&mut self) {
        let mut reached = BTreeSet::new();
        let mut stack: Vec<Name> = self.keep.iter().copied().collect();
        while let Some(name) = stack.pop() {
            if reached.insert(name) {
                stack.extend(self.uses.get(&name).into_iter().flat_map(|uses| uses.keys().copied()));
            }
        }
        let names: Vec<Name> = self.equations.tensors.keys().copied().collect();
        for name in names {
            if !reached.contains(&name) && self.equation(name).is_some() {
                self.equations.pool.fire("drop-unread");
                self.remove(name);
            }
        }
    }
}

/// For each axis of `stays`: which axis of `gone` it is.
fn reordered(stays: &[usize], gone: &[usize]) -> Vec<usize> {
    let mut order = vec![0; stays.len()];
    for (&axis, &of) in stays.iter().zip(gone) {
        order[axis] = of;
    }
    order
}

/// Axes in the order in which a walk meets them.
fn axes_met(pool: &Pool, starts: &[Parts]) -> Vec<(u32, Index)> {
    let mut met = Vec::new();
    let mut seen = BTreeSet::new();
    for start in starts {
        pool.visit(start.clone(), &mut |part| {
            if let Part::Atom(atom) = part
                && let AtomNode::Axis { number, size } = *pool.atom(atom)
                && seen.insert(number)
            {
                met.push((number, size));
            }
        });
    }
    met
}

/// An equation with its axes in the order in which they are met, and for each axis of its result which one it was.
fn canonical(pool: &mut Pool, tensor: &Tensor, equation: &Equation) -> (Key, Vec<usize>) {
    let rank = tensor.axes.len();
    let met = axes_met(pool, &[Parts::of_scalar(equation.body), Parts::of_condition(equation.condition)]);
    let complete = |from: usize, to: usize, any_order: bool| {
        let inside = |number: usize| (from..to).contains(&number);
        let mut order: Vec<usize> = met.iter().map(|&(number, _)| number as usize).filter(|&number| any_order && inside(number)).collect();
        let missing: Vec<usize> = (from..to).filter(|number| !order.contains(number)).collect();
        order.extend(missing);
        order
    };
    let result = complete(0, rank, true);
    // an argmax is the number of an element, which depends on the order
    let reduced = complete(rank, rank + equation.reduced.len(), equation.reduction != Some(Reduction::ArgMax));
    let size = |number: usize| if number < rank { tensor.axes[number] } else { equation.reduced[number - rank] };
    let mut axes = BTreeMap::new();
    for (new, &old) in result.iter().chain(&reduced).enumerate() {
        axes.insert(old as u32, pool.axis(new as u32, size(old)));
    }
    let key = Key {
        axes: result.iter().map(|&number| size(number)).collect(),
        range: match tensor.element {
            Element::Real => None,
            Element::Integer { low, high } => Some((low, high)),
        },
        reduction: equation.reduction,
        reduced: reduced.iter().map(|&number| size(number)).collect(),
        condition: pool.substitute_condition(equation.condition, &axes),
        body: pool.substitute_scalar(equation.body, &axes),
    };
    (key, result)
}

/// A scalar with its axes numbered in the order in which they are met, and which axes these were.
fn canonical_value(pool: &mut Pool, scalar: Scalar) -> (Scalar, Vec<(u32, Index)>) {
    let met = axes_met(pool, &[Parts::of_scalar(scalar)]);
    let axes = (0..).zip(&met).map(|(new, &(old, size))| (old, pool.axis(new, size))).collect();
    (pool.substitute_scalar(scalar, &axes), met)
}
