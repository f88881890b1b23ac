//! Equations as text that people review: `y[n, o] = sum(i) x[n, i] * w[i, o] + b[o]`.
//!
//! The text is close to the language: reductions bind a product, `where` restricts them, a range stands where no read shows it.
//! It is for readers. An axis of size 1 is shown as `0`, a reciprocal as a quotient, `-max(-a, -b)` as `min(a, b)`; a reduction that one
//! pointwise equation reads once, each element for one of its own, is shown inside it.

use super::printer::{Printer, SUM};
use super::*;
use std::collections::BTreeSet;

/// All tensors, one a line: first what is given, then the equations, each after those it reads.
pub fn print(equations: &Equations) -> String {
    print_lines(equations, &shown_inside(equations))
}

/// [`print()`] with the equations of these tensors on lines of their own.
pub fn print_keeping(equations: &Equations, keep: &[Name]) -> String {
    let mut inside = shown_inside(equations);
    inside.retain(|name| !keep.contains(name));
    print_lines(equations, &inside)
}

/// [`print()`] with every reduction on a line of its own.
pub fn print_apart(equations: &Equations) -> String {
    print_lines(equations, &BTreeSet::new())
}

/// [`print_keeping`], line by line, each with its tensor.
pub fn print_each(equations: &Equations, keep: &[Name]) -> Vec<(Name, String)> {
    let mut inside = shown_inside(equations);
    inside.retain(|name| !keep.contains(name));
    lines(equations, &inside)
}

fn print_lines(equations: &Equations, inside: &BTreeSet<Name>) -> String {
    lines(equations, inside).into_iter().map(|(_, line)| line + "\n").collect()
}

fn lines(equations: &Equations, inside: &BTreeSet<Name>) -> Vec<(Name, String)> {
    let mut lines = Vec::new();
    for (&name, tensor) in &equations.tensors {
        if let Definition::Given(role) = tensor.definition {
            let role = match role {
                Role::Input => "input",
                Role::Target => "target",
                Role::Parameter => "param",
                Role::State => "state",
                Role::Random => "random",
                Role::Number => "number",
                Role::Derivative => "derivative",
            };
            lines.push((name, format!("{role} {}{}", print_signature(equations, name), kind(equations, tensor))));
        }
    }
    for name in equations.groups(equations.tensors.keys().copied()).into_iter().flatten() {
        if equations.tensors[&name].equation().is_some() && !inside.contains(&name) {
            lines.push((name, print_with(equations, name, inside)));
        }
    }
    lines
}

/// One equation: `y[n, o] = sum(i) x[n, i] * w[i, o] + b[o]`; the signature of a given tensor.
pub fn print_equation(equations: &Equations, name: Name) -> String {
    print_with(equations, name, &shown_inside(equations))
}

/// One equation, with every reduction that it reads by its name.
pub fn print_equation_apart(equations: &Equations, name: Name) -> String {
    print_with(equations, name, &BTreeSet::new())
}

/// A tensor and its sizes: `w[784, 128]`.
pub fn print_signature(equations: &Equations, name: Name) -> String {
    let sizes = equations.tensors.get(&name).map(|tensor| tensor.axes.as_slice()).unwrap_or_default();
    let sizes: Vec<String> = sizes.iter().map(|&size| print_index(&equations.pool, &[], size)).collect();
    bracketed(equations.pool.text(name), &sizes)
}

/// A scalar; `labels` are the names of the axes by number (see [`axis_labels`]).
pub fn print_scalar(pool: &Pool, labels: &[String], scalar: Scalar) -> String {
    Printer::new(pool, labels.to_vec()).scalar(scalar).at_least(SUM)
}

/// An index; `labels` are the names of the axes by number.
pub fn print_index(pool: &Pool, labels: &[String], index: Index) -> String {
    Printer::new(pool, labels.to_vec()).index(index).text
}

/// A condition; `labels` are the names of the axes by number.
pub fn print_condition(pool: &Pool, labels: &[String], condition: Condition) -> String {
    Printer::new(pool, labels.to_vec()).condition(condition).text
}

/// A name for each axis of a tensor's equation, those of the result and then the reduced ones: [`Tensor::labels`] where there are any,
/// all different, and different from the sizes and the single numbers that the equation reads.
pub fn axis_labels(equations: &Equations, name: Name) -> Vec<String> {
    let Some(tensor) = equations.tensors.get(&name) else { return Vec::new() };
    let reduced = tensor.equation().map(|equation| equation.reduced.as_slice()).unwrap_or_default();
    let mut taken = taken_names(equations, name);
    let mut labels = Vec::new();
    for (number, &size) in tensor.axes.iter().chain(reduced).enumerate() {
        let wish = tensor.labels.get(number).filter(|label| !label.is_empty()).cloned();
        let is_batch = print_index(&equations.pool, &[], size) == BATCH;
        let wish = wish.unwrap_or_else(|| if number == 0 && is_batch { "n".to_string() } else { String::new() });
        let label = fresh_label(&wish, &taken);
        taken.insert(label.clone());
        labels.push(label);
    }
    labels
}

/// The names that an equation reads bare: sizes, and tensors without axes.
pub(super) fn taken_names(equations: &Equations, name: Name) -> BTreeSet<String> {
    let mut taken = BTreeSet::new();
    let Some(equation) = equations.tensors.get(&name).and_then(Tensor::equation) else { return taken };
    let pool = &equations.pool;
    let mut note = |part| match part {
        Part::Atom(atom) => match pool.atom(atom) {
            AtomNode::Size { name, .. } => _ = taken.insert(pool.text(*name).to_string()),
            AtomNode::Read { tensor, at, .. } if at.is_empty() => _ = taken.insert(pool.text(*tensor).to_string()),
            _ => {}
        },
        Part::Scalar(scalar) => match pool.scalar(scalar) {
            ScalarNode::Read { tensor, at } if at.is_empty() => _ = taken.insert(pool.text(*tensor).to_string()),
            _ => {}
        },
        _ => {}
    };
    pool.visit(Parts::of_scalar(equation.body), &mut note);
    pool.visit(Parts::of_condition(equation.condition), &mut note);
    taken
}

pub(super) fn fresh_label(wish: &str, taken: &BTreeSet<String>) -> String {
    const USUAL: [&str; 16] = ["i", "j", "k", "l", "m", "p", "q", "r", "s", "t", "u", "v", "a", "b", "c", "d"];
    if wish.is_empty() {
        let numbered = (1..).flat_map(|number| USUAL.iter().map(move |label| format!("{label}{number}")));
        let mut all = USUAL.iter().map(|label| label.to_string()).chain(numbered);
        return all.find(|label| !taken.contains(label)).unwrap_or_default();
    }
    let mut numbered = (2..).map(|number| format!("{wish}{number}"));
    if taken.contains(wish) { numbered.find(|label| !taken.contains(label)).unwrap_or_default() } else { wish.to_string() }
}

/// Reductions that a single pointwise equation reads in a single place, at all of its axes, each used once.
fn shown_inside(equations: &Equations) -> BTreeSet<Name> {
    let mut readers: BTreeMap<Name, Vec<Name>> = BTreeMap::new();
    for &reader in equations.tensors.keys() {
        for read in equations.reads(reader) {
            readers.entry(read).or_default().push(reader);
        }
    }
    let mut inside = BTreeSet::new();
    for (name, readers) in readers {
        let [reader] = readers[..] else { continue };
        let (Some(tensor), Some(by)) = (equations.tensors.get(&name), equations.tensors[&reader].equation()) else { continue };
        if tensor.element != Element::Real || by.reduction.is_some() {
            continue;
        }
        let Some(Equation { reduction: Some(_), .. }) = tensor.equation() else { continue };
        let mut places = 0;
        let mut plain = true;
        let pool = &equations.pool;
        pool.visit(Parts::of_scalar(by.body), &mut |part| {
            if let Part::Scalar(scalar) = part
                && let ScalarNode::Read { tensor, at } = pool.scalar(scalar)
                && *tensor == name
            {
                places += 1;
                let axes: BTreeSet<u32> = at.iter().filter_map(|&index| pool.axis_of(index)).collect();
                let long = equations.tensors[&reader].axes.iter().filter(|&&size| pool.constant_of(size) != Some(1)).count();
                plain &= axes.len() == long && at.iter().all(|&index| pool.axis_of(index).is_some() || pool.constant_of(index) == Some(0));
            }
        });
        if places == 1 && plain && occurrences(pool, by.body, name) == 1 {
            inside.insert(name);
        }
    }
    inside
}

/// How often a read of a tensor is printed in a scalar, up to 2.
fn occurrences(pool: &Pool, scalar: Scalar, name: Name) -> usize {
    fn count(pool: &Pool, scalar: Scalar, name: Name, known: &mut BTreeMap<Scalar, usize>) -> usize {
        if let Some(&count) = known.get(&scalar) {
            return count;
        }
        let mut total = 0;
        let mut add = |inner: Scalar| total += count(pool, inner, name, known);
        match pool.scalar(scalar) {
            ScalarNode::Constant(_) | ScalarNode::Real(_) => {}
            ScalarNode::Read { tensor, .. } => total += usize::from(*tensor == name),
            ScalarNode::Add(parts) | ScalarNode::Mul(parts) => parts.iter().for_each(|&part| add(part)),
            ScalarNode::Power(x, _) | ScalarNode::Apply(_, x) | ScalarNode::Stop(x) => add(*x),
            ScalarNode::Max(a, b) => [*a, *b].into_iter().for_each(add),
            ScalarNode::Select(condition, a, b) => {
                [*a, *b].into_iter().for_each(&mut add);
                // A condition is printed in a place of its own: one more read there is one too many.
                total += 2 * usize::from(pool.tensors_of_condition(*condition).contains(&name));
            }
        }
        let total = total.min(2);
        known.insert(scalar, total);
        total
    }
    count(pool, scalar, name, &mut BTreeMap::new())
}

fn kind(equations: &Equations, tensor: &Tensor) -> String {
    match tensor.element {
        Element::Real => String::new(),
        Element::Integer { low, high } => {
            let (low, high) = (print_index(&equations.pool, &[], low), print_index(&equations.pool, &[], high));
            if low == "0" { format!(": index({high})") } else { format!(": index({low}..{high})") }
        }
    }
}

fn print_with(equations: &Equations, name: Name, inside: &BTreeSet<Name>) -> String {
    let Some(tensor) = equations.tensors.get(&name) else { return equations.pool.text(name).to_string() };
    let Some(equation) = tensor.equation() else { return print_signature(equations, name) + &kind(equations, tensor) };
    let labels = axis_labels(equations, name);
    let pool = &equations.pool;
    let mut printer = Printer::new(pool, labels.clone());
    printer.equations = Some(equations);
    printer.inside = inside;
    printer.taken = taken_names(equations, name);
    let rank = tensor.axes.len();
    let plain = plainly_read(equations, equation);
    let axes = tensor.axes.iter().enumerate().map(|(number, &size)| {
        if pool.constant_of(size) == Some(1) {
            "0".to_string()
        } else if plain.contains(&(number as u32)) {
            labels[number].clone()
        } else {
            format!("{}: {}", labels[number], print_index(pool, &[], size))
        }
    });
    let left = bracketed(pool.text(name), &axes.collect::<Vec<_>>());
    let right = match equation.reduction {
        None => printer.scalar(equation.body),
        Some(reduction) => printer.reduction(reduction, equation, rank, &labels),
    };
    format!("{left}{} = {}", kind(equations, tensor), right.at_least(SUM))
}

/// The axes that some read of an equation shows: they index, alone, an axis of the same size.
pub(super) fn plainly_read(equations: &Equations, equation: &Equation) -> BTreeSet<u32> {
    let pool = &equations.pool;
    let mut plain = BTreeSet::new();
    let mut note = |tensor: Name, at: &[Index]| {
        let Some(read) = equations.tensors.get(&tensor) else { return };
        for (&index, &size) in at.iter().zip(&read.axes) {
            if let [(atom, 1)] = pool.affine(index).terms[..]
                && pool.affine(index).constant == 0
                && let AtomNode::Axis { number, size: own } = *pool.atom(atom)
                && own == size
            {
                plain.insert(number);
            }
        }
    };
    let mut visit = |part| match part {
        Part::Scalar(scalar) => {
            if let ScalarNode::Read { tensor, at } = pool.scalar(scalar) {
                note(*tensor, at);
            }
        }
        Part::Atom(atom) => {
            if let AtomNode::Read { tensor, at, .. } = pool.atom(atom) {
                note(*tensor, at);
            }
        }
        _ => {}
    };
    pool.visit(Parts::of_scalar(equation.body), &mut visit);
    pool.visit(Parts::of_condition(equation.condition), &mut visit);
    plain
}

pub(super) fn bracketed(name: &str, parts: &[String]) -> String {
    if parts.is_empty() { name.to_string() } else { format!("{name}[{}]", parts.join(", ")) }
}
