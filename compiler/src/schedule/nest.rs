//! One equation as loops.
//!
//! The order of the loops follows memory: the innermost axis is one along which every read and the result move by one number or not at
//! all, where there is one. Three forms:
//! * a pointwise equation stores in loops over its axes, or in one loop over flat memory where every read has its own shape;
//! * a reduction is taken for each element of the result, its own loops innermost, so that sums go through partial sums;
//! * a sum whose result's last axis is the good innermost one, or whose condition says *which* element of the result a term belongs to
//!   (`axis == index`: a scatter), is zeroed and added to, with the loops of the sum outside.
//!
//! A condition that is linear in the innermost of its axes is a bound of that loop; another is tested where its axes are bound.

use super::layout;
use crate::equations::{
    AtomNode, Condition, ConditionNode, Element, Equation, Equations, Index, Name, Parts, Pool, Reduction, Rewrite, Rewriter, Scalar,
    ScalarNode,
};
use crate::program::{Bound, Nest, Range, Step, Value};
use std::collections::BTreeMap;

/// The loops that compute a tensor from its equation. In a loop over time, `time` is the axis that has one value.
pub fn nest(equations: &mut Equations, name: Name, time: Option<u32>) -> Nest {
    let tensor = equations.tensors[&name].clone();
    let Some(equation) = tensor.equation().cloned() else { unreachable!("only tensors with an equation are computed") };
    let rank = tensor.axes.len();
    let sizes: Vec<Index> = tensor.axes.iter().chain(&equation.reduced).copied().collect();
    let axes: Vec<(String, Index)> =
        sizes.iter().enumerate().map(|(number, &size)| (tensor.labels.get(number).cloned().unwrap_or_default(), size)).collect();
    let at = equations.own_axes(name);
    let long = |pool: &Pool, axis: &u32| pool.constant_of(sizes[*axis as usize]) != Some(1);
    let outer: Vec<u32> = (0..rank as u32).filter(|axis| Some(*axis) != time && long(&equations.pool, axis)).collect();
    let reduced: Vec<u32> = (rank as u32..sizes.len() as u32).filter(|axis| long(&equations.pool, axis)).collect();
    let Some(reduction) = equation.reduction else {
        let whole = if time.is_none() {
            flat(equations, name, &axes, equation.body)
                .or_else(|| within_zeros(&mut equations.pool, name, &axes, &at, &outer, equation.body, tensor.element))
        } else {
            None
        };
        return whole.unwrap_or_else(|| pointwise(&equations.pool, name, axes, at, &outer, equation.body, tensor.element));
    };
    if reduction == Reduction::Sum
        && let Some(mut steps) = added(&mut equations.pool, name, &equation, &sizes, at.clone(), &outer, &reduced)
    {
        if time.is_some() {
            // only this step's elements
            let value = Value::Scalar(equations.pool.constant(0.0));
            let zeros = around(outer.iter().map(|&axis| Range::full(axis)).collect(), vec![Step::Set { tensor: name, at, value }]);
            steps.splice(0..1, zeros);
        }
        return Nest { axes, flat: false, steps };
    }
    let pool = &mut equations.pool;
    let mut reduced = reduced;
    if let Some(position) = reduced.iter().rposition(|&axis| moves_by_one(pool, equation.body, axis)) {
        let inner = reduced.remove(position);
        reduced.push(inner);
    }
    // What only speaks of the axes of the result must not keep an element from being written.
    let value = if reduced.is_empty() {
        let nothing = identity(pool, reduction);
        let one = if reduction == Reduction::ArgMax { pool.constant(0.0) } else { equation.body };
        let value = pool.select(equation.condition, one, nothing);
        stored(pool, value, tensor.element)
    } else {
        let (before, mut domain) = place(pool, equation.condition, &reduced);
        let before: Vec<Condition> = before.into_iter().chain([domain[0].condition]).collect();
        domain[0].condition = pool.all(&before);
        let reduced_sizes = &sizes[rank..];
        let own: Vec<Index> = reduced_sizes.iter().enumerate().map(|(number, &size)| pool.axis((rank + number) as u32, size)).collect();
        let number = pool.flat(&own, reduced_sizes);
        Value::Reduce { reduction, domain, value: equation.body, number }
    };
    let steps = around(outer.iter().map(|&axis| Range::full(axis)).collect(), vec![Step::Set { tensor: name, at, value }]);
    Nest { axes, flat: false, steps }
}

/// The value of a reduction over no element.
fn identity(pool: &mut Pool, reduction: Reduction) -> Scalar {
    pool.constant(match reduction {
        Reduction::Sum | Reduction::ArgMax => 0.0,
        Reduction::Product => 1.0,
        Reduction::Max | Reduction::LogSumExp => f64::NEG_INFINITY,
    })
}

fn stored(pool: &Pool, value: Scalar, element: Element) -> Value {
    match (element, pool.scalar(value)) {
        (Element::Integer { .. }, &ScalarNode::Real(index)) => Value::Integer(index),
        _ => Value::Scalar(value),
    }
}

fn pointwise(pool: &Pool, name: Name, axes: Vec<(String, Index)>, at: Vec<Index>, outer: &[u32], body: Scalar, element: Element) -> Nest {
    let set = Step::Set { tensor: name, at, value: stored(pool, body, element) };
    Nest { axes, flat: false, steps: around(outer.iter().map(|&axis| Range::full(axis)).collect(), vec![set]) }
}

/// A pointwise equation that is 0 but where indices are within bounds: zeros, and loops within these bounds.
fn within_zeros(
    pool: &mut Pool,
    name: Name,
    axes: &[(String, Index)],
    at: &[Index],
    outer: &[u32],
    body: Scalar,
    element: Element,
) -> Option<Nest> {
    let ScalarNode::Select(condition, value, nothing) = *pool.scalar(body) else { return None };
    if !pool.is_zero(nothing) || !pool.is_integer(condition) || !matches!(element, Element::Real) {
        return None;
    }
    let (before, ranges) = place(pool, condition, outer);
    let bounds_only = before.is_empty() && ranges.iter().all(|range| range.condition == Condition::TRUE);
    let set = Step::Set { tensor: name, at: at.to_vec(), value: Value::Scalar(value) };
    let steps = [vec![Step::Fill(name, 0)], around(ranges, vec![set])].concat();
    bounds_only.then(|| Nest { axes: axes.to_vec(), flat: false, steps })
}

/// Reads of whole tensors as reads of one row of numbers.
struct Flatten {
    at: Index,
    numbers: Vec<Name>,
}

impl Rewrite for Flatten {
    fn scalar(&mut self, pool: &mut Pool, scalar: Scalar) -> Option<Scalar> {
        match *pool.scalar(scalar) {
            ScalarNode::Read { tensor, .. } if self.numbers.contains(&tensor) => Some(scalar),
            ScalarNode::Read { tensor, .. } => Some(pool.read(tensor, vec![self.at])),
            _ => None,
        }
    }
}

/// A pointwise equation all of whose reads are numbers, or elements at the same place of tensors of the same shape.
fn flat(equations: &mut Equations, name: Name, axes: &[(String, Index)], body: Scalar) -> Option<Nest> {
    if axes.is_empty() || !matches!(equations.tensors[&name].element, Element::Real) || uses_indices(&equations.pool, body) {
        return None;
    }
    let own = equations.own_axes(name);
    let sizes: Vec<Index> = axes.iter().map(|&(_, size)| size).collect();
    let (mine, count) = (equations.pool.flat(&own, &sizes), equations.pool.count(&sizes));
    let mut numbers = Vec::new();
    for read in equations.pool.real_reads(body) {
        let ScalarNode::Read { tensor, at } = equations.pool.scalar(read).clone() else { continue };
        let its_axes = equations.tensors[&tensor].axes.clone();
        if its_axes.is_empty() {
            numbers.push(tensor);
        } else if layout::flat(equations, tensor, &at) != mine || equations.pool.count(&its_axes) != count {
            return None;
        }
    }
    let axis = equations.pool.axis(0, count);
    let value = Rewriter::new(&mut equations.pool, Flatten { at: axis, numbers }).scalar(body);
    let set = Step::Set { tensor: name, at: vec![axis], value: Value::Scalar(value) };
    Some(Nest { axes: vec![("i".to_string(), count)], flat: true, steps: vec![Step::Loop(Range::full(0), vec![set])] })
}

/// Whether a scalar uses indices other than to read real tensors.
fn uses_indices(pool: &Pool, body: Scalar) -> bool {
    use crate::equations::Part;
    let mut found = false;
    pool.visit(Parts::of_scalar(body), &mut |part| {
        found |= match part {
            Part::Scalar(scalar) => matches!(pool.scalar(scalar), ScalarNode::Real(_)),
            Part::Condition(condition) => {
                matches!(pool.condition(condition), ConditionNode::NonNegative(_) | ConditionNode::Zero(_))
            }
            Part::Atom(atom) => matches!(pool.atom(atom), AtomNode::Read { .. }),
            Part::Index(_) => false,
        }
    });
    found
}

/// A sum as additions to zeros, where that is the better form or the only good one.
fn added(
    pool: &mut Pool,
    name: Name,
    equation: &Equation,
    sizes: &[Index],
    mut at: Vec<Index>,
    outer: &[u32],
    reduced: &[u32],
) -> Option<Vec<Step>> {
    let (mut body, mut condition) = (equation.body, equation.condition);
    let (all, mut outer) = (outer.len(), outer.to_vec());
    while let Some((axis, solved)) = which_element(pool, condition, &outer, reduced) {
        let known = pool.in_range(solved, sizes[axis as usize]);
        let replace = BTreeMap::from([(axis, solved)]);
        body = pool.substitute_scalar(body, &replace);
        condition = pool.substitute_condition(condition, &replace);
        condition = pool.all(&[condition, known]);
        for index in &mut at {
            *index = pool.substitute_index(*index, &replace);
        }
        outer.retain(|&other| other != axis);
    }
    let scatter = outer.len() < all;
    let last = outer.last().copied();
    let good = |pool: &Pool, axis: u32| moves_by_one(pool, body, axis);
    let along_result = last.is_some_and(|axis| good(pool, axis) && pool.constant_of(sizes[axis as usize]).is_none_or(|size| size >= 4));
    if !scatter && (!along_result || reduced.is_empty()) {
        return None;
    }
    let mut order: Vec<u32> = if scatter { reduced.iter().chain(&outer).copied().collect() } else { outer.clone() };
    if !scatter && let Some(last) = order.pop() {
        order.extend(reduced);
        order.push(last);
    }
    let (before, ranges) = place(pool, condition, &order);
    let mut steps = around(ranges, vec![Step::Add { tensor: name, at, value: body }]);
    let before = pool.all(&before);
    if before != Condition::TRUE {
        steps = vec![Step::When(before, steps)];
    }
    steps.insert(0, Step::Fill(name, 0));
    Some(steps)
}

/// An axis of the result that an equality ties to the axes of the sum, and what it equals.
fn which_element(pool: &mut Pool, condition: Condition, outer: &[u32], reduced: &[u32]) -> Option<(u32, Index)> {
    for part in pool.parts_of(condition) {
        let ConditionNode::Zero(index) = *pool.condition(part) else { continue };
        for &axis in outer {
            let Some((coefficient, rest)) = linear_in(pool, index, axis) else { continue };
            if coefficient.abs() == 1 && pool.axes_of_index(rest).iter().any(|axis| reduced.contains(axis)) {
                return Some((axis, pool.scaled(rest, -coefficient)));
            }
        }
    }
    None
}

/// `index = coefficient * axis + rest`, the rest free of the axis.
fn linear_in(pool: &mut Pool, index: Index, axis: u32) -> Option<(i64, Index)> {
    let mut found = None;
    for &(atom, k) in &pool.affine(index).terms {
        if matches!(*pool.atom(atom), AtomNode::Axis { number, .. } if number == axis) {
            found = Some((atom, k));
        }
    }
    let (atom, k) = found?;
    let this = pool.index_of_atom(atom);
    let rest = pool.combine(&[(index, 1), (this, -k)]);
    (!pool.axes_of_index(rest).contains(&axis)).then_some((k, rest))
}

/// Whether every element that is read moves by one number or not at all along an axis.
fn moves_by_one(pool: &Pool, body: Scalar, axis: u32) -> bool {
    let mut good = true;
    pool.visit(Parts::of_scalar(body), &mut |part| {
        let crate::equations::Part::Scalar(scalar) = part else { return };
        let ScalarNode::Read { at, .. } = pool.scalar(scalar) else { return };
        for (position, &index) in at.iter().enumerate() {
            let affine = pool.affine(index);
            for &(atom, k) in &affine.terms {
                let this = matches!(*pool.atom(atom), AtomNode::Axis { number, .. } if number == axis);
                let inside = !this && pool.axes_of_atom(atom).contains(&axis);
                good &= !inside && (!this || (k == 1 && position + 1 == at.len()));
            }
        }
    });
    good
}

/// Each part of a condition at the innermost loop of `order` that it names: as a bound if it is linear there. Parts that name none of
/// `order` come back first.
fn place(pool: &mut Pool, condition: Condition, order: &[u32]) -> (Vec<Condition>, Vec<Range>) {
    let mut ranges: Vec<Range> = order.iter().map(|&axis| Range::full(axis)).collect();
    let mut before = Vec::new();
    for condition in pool.parts_of(condition) {
        let axes = pool.axes_of_condition(condition);
        let Some(depth) = order.iter().rposition(|axis| axes.contains(axis)) else {
            before.push(condition);
            continue;
        };
        let bound = match *pool.condition(condition) {
            ConditionNode::NonNegative(index) => linear_in(pool, index, order[depth]),
            _ => None,
        };
        match bound {
            Some((coefficient, rest)) => ranges[depth].bounds.push(Bound { coefficient, rest }),
            None => ranges[depth].condition = pool.all(&[ranges[depth].condition, condition]),
        }
    }
    (before, ranges)
}

/// Loops around steps; the condition of a loop stands inside it.
fn around(ranges: Vec<Range>, mut steps: Vec<Step>) -> Vec<Step> {
    for mut range in ranges.into_iter().rev() {
        let condition = std::mem::replace(&mut range.condition, Condition::TRUE);
        if condition != Condition::TRUE {
            steps = vec![Step::When(condition, steps)];
        }
        steps = vec![Step::Loop(range, steps)];
    }
    steps
}
