//! `sum(all) …` in an optimizer: over the elements of all trained parameters.
//!
//! `sum(all) g^2` reads the gradient at every element of every trained parameter: `all.gradient`, a row of numbers. What a chain has made
//! of the gradient before is put in place of it, element by element, so that a value is known at all elements if it is made of the
//! parameter, the gradient and states at the same element, and of numbers that are the same for all.

use super::Elaboration;
use super::define::Reduced;
use super::values::{Context, Frame, Outcome, Place, Reported, Tensor, Value};
use crate::equations::{Condition, Definition as Defining, Index, Name as Tensors, Pool, Reduction, Rewrite, Rewriter, Role, Scalar};
use crate::equations::{ScalarNode, Tensor as Defined};
use crate::model::ALL;
use nnc_grammar::tree::{Expression, Reducer};
use nnc_grammar::{Diagnostic, Span};
use std::collections::BTreeMap;

impl<'a> Elaboration<'a> {
    /// A reduction over `all`, as a number.
    pub(super) fn over_all(
        &mut self,
        frame: &mut Frame<'a>,
        context: &mut Context,
        span: Span,
        reducer: Reducer,
        condition: Option<&'a Expression>,
        body: &'a Expression,
    ) -> Outcome<Value> {
        if frame.place != Place::Optimizer || context.all.is_some() {
            let message = "`all` runs over the elements of all parameters, in an optimizer only";
            return Err(self.report(Diagnostic::error("NN0607", span, message)));
        }
        let size = self.equations.pool.size(ALL, 1);
        let axis = context.axis("e", size);
        let used = context.used;
        context.all = Some(axis);
        let condition = match condition {
            Some(condition) => self.condition(frame, context, condition),
            None => Ok(Condition::TRUE),
        };
        let body = self.real(frame, context, body);
        context.all = None;
        context.used = used;
        let (condition, body) = (condition?, body?);
        let simple = |reduction, body| Reduced { reduction, axes: vec![axis], condition, body };
        match reducer {
            Reducer::Sum => self.lift(frame, context, "sum", simple(Reduction::Sum, body)).map(Value::Real),
            Reducer::Max => self.lift(frame, context, "max", simple(Reduction::Max, body)).map(Value::Real),
            Reducer::Min => {
                let body = self.equations.pool.negative(body);
                let max = self.lift(frame, context, "min", simple(Reduction::Max, body))?;
                Ok(Value::Real(self.equations.pool.negative(max)))
            }
            Reducer::Mean => {
                let sum = self.lift(frame, context, "sum", simple(Reduction::Sum, body))?;
                let one = self.equations.pool.constant(1.0);
                let count = self.lift(frame, context, "count", simple(Reduction::Sum, one))?;
                let count = if condition == Condition::TRUE { count } else { self.equations.pool.max(count, one) };
                Ok(Value::Real(self.equations.pool.quotient(sum, count)))
            }
            _ => {
                let message = format!("`{}(all)` is not defined", super::whole::word(reducer));
                let help = "`sum(all)`, `mean(all)`, `max(all)` and `min(all)` are";
                Err(self.report(Diagnostic::error("NN0607", span, message).help(help)))
            }
        }
    }

    /// What a tensor is at an element of all parameters.
    pub(super) fn read_all(&mut self, context: &mut Context, tensor: &Tensor, axis: u32, span: Span) -> Outcome<Value> {
        let at = self.equations.pool.axis(axis, context.axes[axis as usize]);
        self.at_all(tensor.name, at, span, 0).map(Value::Real)
    }

    fn at_all(&mut self, name: Tensors, at: Index, span: Span, depth: u32) -> Outcome<Scalar> {
        let Some(defined) = self.equations.tensors.get(&name).cloned() else { return Err(Reported) };
        if defined.axes.is_empty() && !self.belongs_to_one(name) {
            return Ok(self.equations.pool.read(name, Vec::new()));
        }
        let parameter = self.states_open.last().map(|(_, parameter, _)| parameter.name);
        let unit = parameter.and_then(|parameter| self.equations.tensors.get(&parameter)).map(|parameter| parameter.axes.clone());
        let text = self.equations.pool.text(name).to_string();
        let same = unit == Some(defined.axes.clone());
        match defined.definition {
            Defining::Given(role) if same => {
                let size = self.equations.pool.size(ALL, 1);
                let all = self.equations.pool.name(&format!("{ALL}.{text}"));
                self.equations.insert(all, Defined::given(role, vec![size]));
                Ok(self.equations.pool.read(all, vec![at]))
            }
            Defining::Equation(equation) if same && equation.reduction.is_none() && depth < 64 => {
                let own = self.equations.own_axes(name);
                let mut known = BTreeMap::new();
                for read in self.equations.pool.real_reads(equation.body) {
                    if let ScalarNode::Read { tensor, at: place } = self.equations.pool.scalar(read).clone() {
                        if place != own && !place.is_empty() {
                            return Err(self.not_known_at_all(&text, span));
                        }
                        known.insert(read, self.at_all(tensor, at, span, depth + 1)?);
                    }
                }
                // an index stands for a place in one tensor
                let mut axes = self.equations.pool.axes_of_scalar(equation.body);
                for &read in known.keys() {
                    axes.retain(|axis| !self.equations.pool.axes_of_scalar(read).contains(axis));
                }
                if !axes.is_empty() {
                    return Err(self.not_known_at_all(&text, span));
                }
                Ok(Rewriter::new(&mut self.equations.pool, Replace(known)).scalar(equation.body))
            }
            _ => Err(self.not_known_at_all(&text, span)),
        }
    }

    fn not_known_at_all(&mut self, text: &str, span: Span) -> Reported {
        let message = format!("`{text}` is not known at the elements of all parameters");
        let note = "Under `sum(all)` stand the gradient, the parameter and states, and what is made of them element by element. A number that \
             each tensor has for itself is none of these.";
        self.report(Diagnostic::error("NN0607", span, message).note(note))
    }

    /// Whether a tensor depends on the element or tensor that is updated, and not on all of them alike.
    fn belongs_to_one(&self, name: Tensors) -> bool {
        let mut seen = std::collections::BTreeSet::new();
        let mut stack = vec![name];
        while let Some(name) = stack.pop() {
            if !seen.insert(name) {
                continue;
            }
            match self.equations.tensors.get(&name).map(|tensor| &tensor.definition) {
                Some(Defining::Given(Role::Number)) | None => {}
                Some(Defining::Given(_)) if self.equations.pool.text(name).starts_with("all.") => {}
                Some(Defining::Given(_)) => return true,
                Some(Defining::Equation(_)) => stack.extend(self.equations.reads(name)),
            }
        }
        false
    }
}

/// Reads, and what stands for them.
struct Replace(BTreeMap<Scalar, Scalar>);

impl Rewrite for Replace {
    fn scalar(&mut self, _pool: &mut Pool, scalar: Scalar) -> Option<Scalar> {
        self.0.get(&scalar).copied()
    }
}
