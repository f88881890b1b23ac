//! What compiles, and probably does not say what was meant.

use super::Elaboration;
use super::models::Read;
use super::walk;
use crate::equations::{Equations, Function, Name, Part, Parts, ScalarNode};
use crate::library;
use crate::model::Derivative;
use nnc_grammar::tree::{File, Item, ItemKind};
use nnc_grammar::{Diagnostic, Span};
use std::collections::{BTreeMap, BTreeSet};

/// Definitions of a file that have the name of one of the library.
pub(super) fn shadowing(file: &File) -> Vec<Diagnostic> {
    let mut warnings = Vec::new();
    for item in &file.items {
        let (Some(name), Some(span)) = (library::item_name(item), super::names::name_span(item)) else { continue };
        let defines = matches!(item.kind, ItemKind::Layer(_) | ItemKind::Function { .. } | ItemKind::Optimizer(_));
        if defines && library::find(name).is_some() {
            let message = format!("`{name}` replaces the definition of the library in this file");
            let help = format!("if that is not meant, give it another name: `my_{name}`");
            warnings.push(Diagnostic::warning("NN0802", span, message).help(help));
        }
    }
    warnings
}

/// Definitions and imports of a file that nothing in it mentions; in a file without a model they are there for others.
pub(super) fn unused(file: &File, used: &dyn Fn(&Item) -> bool, imports: &[(Vec<&str>, Span)]) -> Vec<Diagnostic> {
    let words: Vec<BTreeSet<&str>> = file.items.iter().map(walk::mentioned).collect();
    // in how many items each word stands
    let mut mentions: BTreeMap<&str, usize> = BTreeMap::new();
    for word in words.iter().flatten() {
        *mentions.entry(word).or_default() += 1;
    }
    let mut warnings = Vec::new();
    for (item, own) in file.items.iter().zip(&words) {
        let (Some(name), Some(span)) = (library::item_name(item), super::names::name_span(item)) else { continue };
        let mentioned = mentions.get(name).is_some_and(|&count| count > usize::from(own.contains(name)));
        if !matches!(item.kind, ItemKind::Model(_)) && !mentioned && !used(item) {
            let message = format!("`{name}` is not used in this file");
            warnings.push(Diagnostic::warning("NN0801", span, message).help("leave it out, or apply it"));
        }
    }
    for (names, span) in imports {
        if !names.iter().any(|&name| mentions.contains_key(name)) {
            warnings.push(Diagnostic::warning("NN0801", *span, "nothing of this import is used").help("leave it out"));
        }
    }
    warnings
}

impl<'a> Elaboration<'a> {
    /// Parameters, inputs and targets without effect, and functions that may leave their domain.
    pub(super) fn lint(&mut self, read: &mut Read<'a>) {
        // intervals are those of the equations that are being made
        std::mem::swap(&mut self.equations, &mut read.forward.equations);
        let equations = &self.equations;
        let reached = |from: &[Name]| reached(equations, &read.forward.derivatives, from);
        let loss = reached(&[read.forward.loss]);
        let mut results = vec![read.forward.loss];
        results.extend(read.forward.outputs.iter().chain(&read.forward.metrics));
        let all = reached(&results);
        for parameter in &self.parameters {
            if !loss.contains(&parameter.tensor) && parameter.span.source < library::FIRST_SOURCE {
                let message = format!("parameter `{}` does not reach the loss: it is never trained", parameter.name);
                self.warnings.push(Diagnostic::warning("NN0801", parameter.span, message));
            }
        }
        for (ports, what) in [(&self.inputs, "input"), (&self.targets, "target")] {
            for port in ports {
                let span = read.frame.places.get(&port.name).copied();
                if let (false, Some(span)) = (all.contains(&port.tensor), span) {
                    let message = format!("{what} `{}` has no effect: no result reads it", port.name);
                    self.warnings.push(Diagnostic::warning("NN0801", span, message));
                }
            }
        }
        let users: Vec<(Name, Span)> = read
            .forward
            .origins
            .iter()
            .filter(|(_, origin)| origin.span.source < library::FIRST_SOURCE)
            .filter(|(_, origin)| self.applied_in_library(&origin.definition))
            .map(|(name, origin)| (*name, origin.span))
            .collect();
        for (name, span) in users {
            for (what, range) in self.unsafe_parts(name) {
                let message = format!("{what} is not proved to stay in its domain: its argument {range}");
                let help = "bound it by `max`, or add a small number";
                self.warnings.push(Diagnostic::warning("NN0803", span, message).help(help));
            }
        }
        self.lint_masks(read);
        std::mem::swap(&mut self.equations, &mut read.forward.equations);
    }

    /// Whether a definition is not the library's: stages of a chain carry the place of the chain, and the name of their definition.
    fn applied_in_library(&self, definition: &str) -> bool {
        self.modules.iter().filter(|module| !module.library).any(|module| module.items.contains_key(definition))
    }

    fn unsafe_parts(&mut self, name: Name) -> Vec<(&'static str, String)> {
        let equations = &self.equations;
        let Some(equation) = equations.tensors.get(&name).and_then(|tensor| tensor.equation()) else { return Vec::new() };
        let (body, condition) = (equation.body, equation.condition);
        let mut asked = Vec::new();
        let pool = &equations.pool;
        // a choice may be what keeps its branches in their domain
        let mut guarded = BTreeSet::new();
        pool.visit(Parts::of_scalar(body), &mut |part| {
            if let Part::Scalar(scalar) = part
                && !guarded.contains(&part)
                && let ScalarNode::Select(_, a, b) = *pool.scalar(scalar)
            {
                for branch in [a, b] {
                    pool.visit(Parts::of_scalar(branch), &mut |part| {
                        guarded.insert(part);
                    });
                }
            }
        });
        pool.visit(Parts::of_scalar(body), &mut |part| {
            let Part::Scalar(scalar) = part else { return };
            if guarded.contains(&part) {
                return;
            }
            match *pool.scalar(scalar) {
                ScalarNode::Apply(Function::Log, x) if !is_exponential(equations, x) => asked.push(("a logarithm", x, 'l')),
                ScalarNode::Power(x, exponent) if exponent.value() < 0.0 => asked.push(("a division", x, 'd')),
                ScalarNode::Power(x, exponent) if exponent.value().fract() != 0.0 => asked.push(("a root or power", x, 'r')),
                _ => {}
            }
        });
        let mut found: Vec<(&'static str, String)> = Vec::new();
        for (what, x, kind) in asked {
            let (low, high) = self.interval_under(x, condition);
            let safe = match kind {
                'l' => low > 0.0,
                'd' => low > 0.0 || high < 0.0,
                _ => low >= 0.0,
            };
            if !safe && found.iter().all(|&(other, _)| other != what) {
                let range = match (low.is_infinite(), high.is_infinite()) {
                    (true, true) => "may be any number".to_string(),
                    _ => format!("is in {low} ..= {high}"),
                };
                found.push((what, range));
            }
        }
        found
    }
}

/// Whether a scalar is an element of a tensor whose logarithm is taken of an exponential: it becomes stable.
fn is_exponential(equations: &Equations, x: crate::equations::Scalar) -> bool {
    let is = |scalar| matches!(equations.pool.scalar(scalar), ScalarNode::Apply(Function::Exp | Function::Sigmoid | Function::Softplus, _));
    match equations.pool.scalar(x) {
        ScalarNode::Read { tensor, .. } => equations
            .tensors
            .get(tensor)
            .and_then(|tensor| tensor.equation())
            .is_some_and(|equation| equation.reduction.is_none() && is(equation.body)),
        _ => is(x),
    }
}

pub(super) fn reached(equations: &Equations, derivatives: &[Derivative], from: &[Name]) -> BTreeSet<Name> {
    let mut found: BTreeSet<Name> = BTreeSet::new();
    let mut open = from.to_vec();
    while let Some(name) = open.pop() {
        if found.insert(name) {
            open.extend(equations.reads(name));
            open.extend(
                derivatives.iter().filter(|derivative| derivative.tensor == name).flat_map(|derivative| [derivative.of, derivative.by]),
            );
        }
    }
    found
}
