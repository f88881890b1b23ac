//! Whether [`Equations`] are what the head of the module says: one function for each of its sentences, in that order.

use super::print::{print, print_condition, print_equation, print_index};
use super::*;
use std::collections::BTreeSet;

/// Panics, with the equations, if something does not hold. Does nothing in release builds: it is for finding mistakes of this compiler.
#[track_caller]
pub fn verify(equations: &Equations) {
    if cfg!(debug_assertions) {
        let found = violations(equations);
        assert!(found.is_empty(), "invalid equations:\n  {}\nin\n{}", found.join("\n  "), print(equations));
    }
}

/// Everything that does not hold, in words.
pub fn violations(equations: &Equations) -> Vec<String> {
    let mut found = tensors_are_there(equations);
    if !found.is_empty() {
        return found; // all else looks tensors up
    }
    found.extend(axes_are_positional(equations));
    found.extend(indices_are_in_range(equations));
    found.extend(reductions_are_well_formed(equations));
    found.extend(elements_are_used_as_what_they_are(equations));
    found.extend(cycles_are_shifted(equations));
    found
}

/// All distinct parts of an equation.
fn parts(equations: &Equations, equation: &Equation) -> Vec<Part> {
    let mut found = Vec::new();
    equations.pool.visit(Parts::of_scalar(equation.body), &mut |part| found.push(part));
    equations.pool.visit(Parts::of_condition(equation.condition), &mut |part| found.push(part));
    found
}

fn defined(equations: &Equations) -> impl Iterator<Item = (Name, &Tensor, &Equation)> {
    equations.tensors.iter().filter_map(|(&name, tensor)| tensor.equation().map(|equation| (name, tensor, equation)))
}

/// What a part reads, and where.
fn read(pool: &Pool, part: Part) -> Option<(Name, &[Index])> {
    match part {
        Part::Scalar(scalar) => match pool.scalar(scalar) {
            ScalarNode::Read { tensor, at } => Some((*tensor, at)),
            _ => None,
        },
        Part::Atom(atom) => match pool.atom(atom) {
            AtomNode::Read { tensor, at, .. } => Some((*tensor, at)),
            _ => None,
        },
        _ => None,
    }
}

/// 1. Every tensor that is read is there, and is read with as many indices as it has axes.
fn tensors_are_there(equations: &Equations) -> Vec<String> {
    let pool = &equations.pool;
    let mut found = Vec::new();
    for (name, _, equation) in defined(equations) {
        for part in parts(equations, equation) {
            let Some((tensor, at)) = read(pool, part) else { continue };
            let (reader, name) = (pool.text(name), pool.text(tensor));
            match equations.tensors.get(&tensor) {
                None => found.push(format!("`{reader}` reads `{name}`, which is not there")),
                Some(tensor) if tensor.axes.len() != at.len() => {
                    found.push(format!("`{reader}` reads `{name}`, which has {} axes, with {} indices", tensor.axes.len(), at.len()));
                }
                Some(_) => {}
            }
        }
    }
    found
}

/// 2. Axes are positional, each carries its size; no other axis occurs, and sizes contain no axes.
fn axes_are_positional(equations: &Equations) -> Vec<String> {
    let pool = &equations.pool;
    let mut found = Vec::new();
    for (&name, tensor) in &equations.tensors {
        let text = pool.text(name);
        let reduced = tensor.equation().map(|equation| equation.reduced.as_slice()).unwrap_or_default();
        let sizes: Vec<Index> = tensor.axes.iter().chain(reduced).copied().collect();
        let ends = match tensor.element {
            Element::Real => Vec::new(),
            Element::Integer { low, high } => vec![low, high],
        };
        for &size in sizes.iter().chain(&ends) {
            if !pool.is_size(size) {
                found.push(format!("a size of `{text}` is no size: {}", print_index(pool, &[], size)));
            }
        }
        let Some(equation) = tensor.equation() else { continue };
        for part in parts(equations, equation) {
            let Part::Atom(atom) = part else { continue };
            match *pool.atom(atom) {
                AtomNode::Axis { number, size } => match sizes.get(number as usize) {
                    None => found.push(format!("`{text}` has no axis {number}: {}", print_equation(equations, name))),
                    Some(&own) if own != size => found.push(format!(
                        "axis {number} of `{text}` has size {}, but occurs with {}",
                        print_index(pool, &[], own),
                        print_index(pool, &[], size)
                    )),
                    Some(_) if pool.constant_of(size) == Some(1) => found.push(format!("axis {number} of `{text}` is not shown as 0")),
                    Some(_) => {}
                },
                AtomNode::Read { low, high, .. } if !pool.is_size(low) || !pool.is_size(high) => {
                    found.push(format!("`{text}` reads an integer whose range has axes"));
                }
                _ => {}
            }
        }
    }
    found
}

/// 3. Every index is in the range of the axis that it reads, or the read stands where a condition guarantees it.
///
/// What is not proved here is not yet wrong: elaboration and the rules prove more than this function can. Where all sizes are numbers,
/// such a read is tried on some elements, and is wrong if one of them leaves the range although all conditions on indices hold.
fn indices_are_in_range(equations: &Equations) -> Vec<String> {
    let mut found = Vec::new();
    // Proofs make new indices, in a pool of their own.
    let mut pool = None;
    for (name, tensor, equation) in defined(equations) {
        if parts(equations, equation).into_iter().all(|part| read(&equations.pool, part).is_none()) {
            continue;
        }
        let sizes: Vec<Index> = tensor.axes.iter().chain(&equation.reduced).copied().collect();
        let mut reads = Vec::new();
        guarded_reads(equations, equation, &mut reads);
        for (tensor, at, conditions) in reads {
            for (&index, &size) in at.iter().zip(&equations.tensors[&tensor].axes) {
                if plainly_in_range(&equations.pool, index, size) {
                    continue;
                }
                let pool = pool.get_or_insert_with(|| equations.pool.clone());
                if proved(pool, index, size) {
                    continue;
                }
                if let Some(point) = counterexample(pool, &sizes, index, size, &conditions) {
                    let labels = print::axis_labels(equations, name);
                    let shown: Vec<String> = conditions
                        .iter()
                        .map(|&(c, holds)| format!("{}{}", if holds { "" } else { "not " }, print_condition(pool, &labels, c)))
                        .collect();
                    found.push(format!(
                        "`{}` reads `{}` at {} of {} where [{}], which is out of range at {point:?}: {}",
                        pool.text(name),
                        pool.text(tensor),
                        print_index(pool, &labels, index),
                        print_index(pool, &labels, size),
                        shown.join(", "),
                        print_equation(equations, name),
                    ));
                }
            }
        }
    }
    found
}

fn plainly_in_range(pool: &Pool, index: Index, size: Index) -> bool {
    let affine = pool.affine(index);
    match affine.terms[..] {
        [(atom, 1)] if affine.constant == 0 => match pool.atom(atom) {
            AtomNode::Axis { size: own, .. } => *own == size,
            AtomNode::Read { low, high, .. } => pool.constant_of(*low).is_some_and(|low| low >= 0) && *high == size,
            _ => false,
        },
        [] => affine.constant >= 0 && pool.constant_of(size).is_some_and(|size| affine.constant < size),
        _ => false,
    }
}

fn proved(pool: &mut Pool, index: Index, size: Index) -> bool {
    let last = pool.minus(size, index);
    let last = pool.offset(last, -1);
    pool.never_negative(index) && pool.never_negative(last)
}

/// What is read, where, and which conditions are known to hold (or not to) there.
type Guarded<'a> = (Name, &'a [Index], Vec<(Condition, bool)>);

/// Every read of an equation with the conditions that stand around it. A read under different conditions is found several times; those
/// under the same ones once.
fn guarded_reads<'a>(equations: &'a Equations, equation: &Equation, found: &mut Vec<Guarded<'a>>) {
    let pool = &equations.pool;
    let with = |known: &[(Condition, bool)], more: &mut dyn Iterator<Item = (Condition, bool)>| {
        let mut all = known.to_vec();
        all.extend(more);
        all.sort_unstable();
        all.dedup();
        all
    };
    let all = pool.parts_of(equation.condition);
    let mut seen = BTreeSet::new();
    let mut stack = vec![(Part::Scalar(equation.body), with(&[], &mut all.iter().map(|&part| (part, true))))];
    stack.push((Part::Condition(equation.condition), Vec::new()));
    while let Some((part, known)) = stack.pop() {
        if seen.len() > 100_000 || !seen.insert((part, known.clone())) {
            continue;
        }
        if let Some((tensor, at)) = read(pool, part) {
            found.push((tensor, at, known.clone()));
        }
        if let Part::Scalar(scalar) = part
            && let ScalarNode::Select(condition, a, b) = *pool.scalar(scalar)
        {
            stack.push((Part::Condition(condition), known.clone()));
            stack.push((Part::Scalar(a), with(&known, &mut pool.parts_of(condition).into_iter().map(|part| (part, true)))));
            stack.push((Part::Scalar(b), with(&known, &mut std::iter::once((condition, false)))));
        } else if let Part::Condition(condition) = part
            && let ConditionNode::All(parts) = pool.condition(condition)
        {
            // Every part may rely on all the others: they are evaluated until one is false.
            for &part in parts {
                let mut others = parts.iter().filter(|&&other| other != part).map(|&other| (other, true));
                stack.push((Part::Condition(part), with(&known, &mut others)));
            }
        } else {
            let mut inside = Vec::new();
            pool.inside(part, &mut inside);
            stack.extend(inside.into_iter().map(|inside| (inside, known.clone())));
        }
    }
}

/// Axes at which all conditions on indices hold and the index is not in `0 .. size`.
fn counterexample(pool: &Pool, sizes: &[Index], index: Index, size: Index, known: &[(Condition, bool)]) -> Option<Vec<i64>> {
    let extents: Vec<i64> = sizes.iter().map(|&size| pool.constant_of(size)).collect::<Option<_>>()?;
    let size = pool.constant_of(size)?;
    let count = extents.iter().try_fold(1u64, |count, &extent| count.checked_mul(extent as u64)).unwrap_or(u64::MAX);
    let tries = count.min(2_000);
    for attempt in 0..tries {
        // All elements where there are few, else some that are spread over all.
        let mut left = if count <= tries { attempt } else { attempt.wrapping_mul(0x9E37_79B9_7F4A_7C15) % count };
        let mut point = vec![0; extents.len()];
        for (axis, &extent) in point.iter_mut().zip(&extents).rev() {
            *axis = (left % extent as u64) as i64;
            left /= extent as u64;
        }
        let mut holds = true;
        for &(condition, expected) in known {
            holds &= holds_at(pool, condition, &point)? == expected;
        }
        if holds && !(0..size).contains(&index_at(pool, index, &point)?) {
            return Some(point);
        }
    }
    None
}

/// The value of an index at an element; nothing if it depends on the data or on a named size.
pub(super) fn index_at(pool: &Pool, index: Index, point: &[i64]) -> Option<i64> {
    let affine = pool.affine(index);
    let mut sum = affine.constant;
    for &(atom, coefficient) in &affine.terms {
        sum = sum.checked_add(atom_at(pool, atom, point)?.checked_mul(coefficient)?)?;
    }
    Some(sum)
}
fn atom_at(pool: &Pool, atom: Atom, point: &[i64]) -> Option<i64> {
    match pool.atom(atom) {
        AtomNode::Axis { number, .. } => point.get(*number as usize).copied(),
        AtomNode::Size { .. } | AtomNode::Read { .. } => None,
        AtomNode::Product(atoms) => atoms.iter().try_fold(1i64, |product, &atom| product.checked_mul(atom_at(pool, atom, point)?)),
        AtomNode::Div(x, m) => index_at(pool, *x, point)?.checked_div_euclid(index_at(pool, *m, point)?),
        AtomNode::Mod(x, m) => index_at(pool, *x, point)?.checked_rem_euclid(index_at(pool, *m, point)?),
    }
}
/// Whether a condition holds at an element; nothing if that depends on the data or on a named size.
fn holds_at(pool: &Pool, condition: Condition, point: &[i64]) -> Option<bool> {
    match pool.condition(condition) {
        ConditionNode::True => Some(true),
        ConditionNode::False => Some(false),
        ConditionNode::NonNegative(index) => Some(index_at(pool, *index, point)? >= 0),
        ConditionNode::Zero(index) => Some(index_at(pool, *index, point)? == 0),
        ConditionNode::Compare(..) => None,
        ConditionNode::All(parts) => parts.iter().map(|&part| holds_at(pool, part, point)).try_fold(true, |all, holds| Some(all && holds?)),
        ConditionNode::Not(part) => Some(!holds_at(pool, *part, point)?),
    }
}

/// 4. `argmax` has an integer result, its range the product of the reduced sizes; an equation without a reduction reduces nothing.
fn reductions_are_well_formed(equations: &Equations) -> Vec<String> {
    let mut found = Vec::new();
    let mut pool = None;
    for (name, tensor, equation) in defined(equations) {
        let text = equations.pool.text(name);
        match equation.reduction {
            None if !equation.reduced.is_empty() || equation.condition != Condition::TRUE => {
                found.push(format!("`{text}` has no reduction, but reduced axes or a condition"));
            }
            Some(Reduction::ArgMax) => {
                let pool = pool.get_or_insert_with(|| equations.pool.clone());
                let count = pool.count(&equation.reduced);
                let right = matches!(tensor.element, Element::Integer { low, high } if pool.constant_of(low) == Some(0) && high == count);
                if !right {
                    found.push(format!("`{text}` is an argmax, but does not hold integers below the number of elements"));
                }
            }
            _ => {}
        }
    }
    found
}

/// 5. Integer tensors are read only as indices, with their own range, and real tensors only as scalars.
fn elements_are_used_as_what_they_are(equations: &Equations) -> Vec<String> {
    let pool = &equations.pool;
    let mut found = Vec::new();
    for (name, _, equation) in defined(equations) {
        for part in parts(equations, equation) {
            let Some((tensor, _)) = read(pool, part) else { continue };
            let (reader, text) = (pool.text(name), pool.text(tensor));
            match (equations.tensors[&tensor].element, part) {
                (Element::Real, Part::Scalar(_)) => {}
                (Element::Real, _) => found.push(format!("`{reader}` reads reals of `{text}` as integers")),
                (Element::Integer { .. }, Part::Scalar(_)) => found.push(format!("`{reader}` reads integers of `{text}` as reals")),
                (Element::Integer { low, high }, Part::Atom(atom)) => {
                    if !matches!(*pool.atom(atom), AtomNode::Read { low: l, high: h, .. } if l == low && h == high) {
                        found.push(format!("`{reader}` reads `{text}` with another range than it has"));
                    }
                }
                (Element::Integer { .. }, _) => {}
            }
        }
    }
    found
}

/// 6. A cycle between equations passes at least one read that is shifted along an axis.
fn cycles_are_shifted(equations: &Equations) -> Vec<String> {
    let pool = &equations.pool;
    let mut found = Vec::new();
    for group in equations.groups(equations.tensors.keys().copied()) {
        if !equations.is_recurrence(&group) {
            continue;
        }
        // Members whose unshifted reads within the group are all settled can be settled; what is left is a cycle without a shift.
        let mut left: BTreeMap<Name, BTreeSet<Name>> = group.iter().map(|&name| (name, BTreeSet::new())).collect();
        for &name in &group {
            let Some(equation) = equations.tensors[&name].equation() else { continue };
            for part in parts(equations, equation) {
                let Some((tensor, at)) = read(pool, part) else { continue };
                let shifted = at.iter().any(|&index| pool.axis_of(index).is_none() && pool.constant_of(index).is_none());
                if !shifted && group.contains(&tensor) {
                    left.entry(name).or_default().insert(tensor);
                }
            }
        }
        loop {
            let settled: Vec<Name> = left.iter().filter(|(_, reads)| reads.is_empty()).map(|(&name, _)| name).collect();
            if settled.is_empty() {
                break;
            }
            for name in settled {
                left.remove(&name);
                left.values_mut().for_each(|reads| _ = reads.remove(&name));
            }
        }
        if let Some((&name, _)) = left.iter().next() {
            found.push(format!("`{}` depends on itself at the same element", pool.text(name)));
        }
    }
    found
}
