//! Where the gradient of the loss goes, and where it is 0 whatever the parameters are.
//!
//! The loss depends on a tensor *by its values* if a read of it stands outside of indices, conditions and `stop`. An index tensor
//! that is used as a number has no derivative: if it is made of parameters or inputs the gradient would be 0 without a word, so that
//! is refused. `floor`, and a choice between constants by a comparison, have the derivative 0 too; as they are used on purpose
//! (quantization, hard decisions) this is a lint.

use super::Elaboration;
use super::models::Read;
use super::values::{Outcome, Reported};
use crate::equations::{
    AtomNode, Condition, Definition, Element, Equations, Function, Name, Part, Parts, Reduction, Role, Scalar, ScalarNode,
};
use crate::library;
use crate::model::Derivative;
use nnc_grammar::{Diagnostic, Span};
use std::collections::{BTreeMap, BTreeSet};

/// What an equation does to the gradient.
#[derive(Default)]
struct Ways {
    /// Tensors that it depends on by their values.
    by_value: BTreeSet<Name>,
    /// Index tensors that it uses as numbers.
    as_numbers: BTreeSet<Name>,
    /// Arguments of `floor`.
    floors: Vec<Scalar>,
    /// Conditions that choose between constants.
    choices: Vec<Condition>,
}

fn ways(equations: &Equations, scalar: Scalar) -> Ways {
    let pool = &equations.pool;
    let mut ways = Ways::default();
    let mut seen = BTreeSet::new();
    let mut stack = vec![scalar];
    while let Some(scalar) = stack.pop() {
        if !seen.insert(scalar) {
            continue;
        }
        match pool.scalar(scalar) {
            ScalarNode::Constant(_) | ScalarNode::Stop(_) => {}
            ScalarNode::Read { tensor, .. } => {
                ways.by_value.insert(*tensor);
            }
            ScalarNode::Add(parts) | ScalarNode::Mul(parts) => stack.extend(parts),
            ScalarNode::Power(base, _) => stack.push(*base),
            ScalarNode::Max(a, b) => stack.extend([*a, *b]),
            ScalarNode::Select(condition, a, b) => {
                if pool.real_reads(*a).is_empty() && pool.real_reads(*b).is_empty() {
                    ways.choices.push(*condition);
                }
                stack.extend([*a, *b]);
            }
            ScalarNode::Real(index) => pool.visit(Parts::of_index(*index), &mut |part| {
                if let Part::Atom(atom) = part
                    && let AtomNode::Read { tensor, .. } = pool.atom(atom)
                {
                    ways.as_numbers.insert(*tensor);
                }
            }),
            ScalarNode::Apply(Function::Floor, x) => ways.floors.push(*x),
            ScalarNode::Apply(_, x) => stack.push(*x),
        }
    }
    ways
}

/// Tensors that an expression depends on by their values.
pub(super) fn by_value(equations: &Equations, scalar: Scalar) -> BTreeSet<Name> {
    ways(equations, scalar).by_value
}

/// Given tensors with a role, or what is made of them.
fn made_of(equations: &Equations, derivatives: &[Derivative], name: Name, is: fn(Role) -> bool) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![name];
    while let Some(name) = open.pop() {
        if !seen.insert(name) {
            continue;
        }
        match equations.tensors.get(&name) {
            Some(tensor) if tensor.element == Element::Real && matches!(tensor.definition, Definition::Given(role) if is(role)) => {
                return true;
            }
            _ => open.extend(equations.reads(name).into_iter().chain(behind(derivatives, name))),
        }
    }
    false
}

/// What a derivative that is asked for depends on.
pub(super) fn behind(derivatives: &[Derivative], name: Name) -> impl Iterator<Item = Name> {
    derivatives.iter().filter(move |derivative| derivative.tensor == name).flat_map(|derivative| [derivative.of, derivative.by])
}

impl<'a> Elaboration<'a> {
    /// Refuses a gradient through an index tensor; lints one that is 0 through `floor` or a comparison.
    pub(super) fn check_gradient(&mut self, read: &Read<'a>) -> Outcome<()> {
        let (equations, derivatives) = (&read.forward.equations, read.forward.derivatives.as_slice());
        let trained = |role| role == Role::Parameter;
        let mut known: BTreeMap<Name, bool> = BTreeMap::new();
        let mut from_parameters = |names: &BTreeSet<Name>| {
            names.iter().any(|&name| *known.entry(name).or_insert_with(|| made_of(equations, derivatives, name, trained)))
        };
        let mut seen = BTreeSet::new();
        let mut open = vec![read.forward.loss];
        let mut refused = Vec::new();
        let mut lints: BTreeMap<Span, &'static str> = BTreeMap::new();
        while let Some(name) = open.pop() {
            open.extend(behind(derivatives, name).filter(|name| !seen.contains(name)));
            let Some(tensor) = equations.tensors.get(&name) else { continue };
            let Some(equation) = tensor.equation().filter(|_| tensor.element == Element::Real && seen.insert(name)) else { continue };
            let ways = ways(equations, equation.body);
            let place = self.user_place(read, equations, name);
            let numbers = ways.as_numbers.iter().copied();
            let given = |role| matches!(role, Role::Parameter | Role::Input);
            if let Some(index) = numbers.into_iter().find(|&index| made_of(equations, derivatives, index, given)) {
                refused.push((place, equations.pool.text(index).to_string()));
            }
            let reads = |parts: Parts| {
                let mut names = BTreeSet::new();
                equations.pool.visit(parts, &mut |part| {
                    if let Part::Scalar(scalar) = part
                        && let ScalarNode::Read { tensor, .. } = equations.pool.scalar(scalar)
                    {
                        names.insert(*tensor);
                    }
                });
                names
            };
            if place.source < library::FIRST_SOURCE && equation.reduction != Some(Reduction::ArgMax) {
                if ways.floors.iter().any(|&x| from_parameters(&reads(Parts::of_scalar(x)))) {
                    lints.insert(place, "`floor`");
                } else if ways.choices.iter().any(|&condition| from_parameters(&reads(Parts::of_condition(condition)))) {
                    lints.insert(place, "a comparison that chooses between constants");
                }
            }
            open.extend(ways.by_value);
        }
        for (span, what) in lints {
            let message = format!("the gradient is 0 through {what}");
            let help = "parameters before it get none on this way; if that is meant, say so by `stop(…)`";
            self.warnings.push(Diagnostic::warning("NN0804", span, message).help(help));
        }
        let mut outcome = Ok(());
        for (span, index) in refused {
            let local = index.rsplit('.').next().unwrap_or(&index).to_string();
            let what = if local.starts_with("argmax") { "`argmax`".to_string() } else { format!("index tensor `{local}`") };
            let message = format!("the loss depends on {what} as a number, and there is no gradient through it");
            let note = "It is made of parameters or inputs, which would get the gradient 0 without a word.";
            let shown = if local.starts_with("argmax") { "argmax(…)" } else { &local };
            let help = format!("say that none is meant, `stop({shown})`, or use it as an index or in a comparison");
            outcome = Err(Reported);
            self.report(Diagnostic::error("NN0407", span, message).note(note).help(help));
        }
        outcome
    }

    /// The place of an equation in the user's text: its own, or that of the statement which reads it.
    pub(super) fn user_place(&self, read: &Read<'a>, equations: &Equations, name: Name) -> Span {
        if let Some(origin) = read.forward.origins.get(&name) {
            return origin.span;
        }
        // what is lifted out of an equation has the name of it in front
        let mut cut = equations.pool.text(name);
        while let Some(at) = cut.rfind('.') {
            cut = &cut[..at];
            let outer = equations.pool.find_name(cut);
            if let Some(origin) = outer.and_then(|outer| read.forward.origins.get(&outer)) {
                return origin.span;
            }
        }
        read.frame.statement
    }
}
