//! Definitions that see the batch.
//!
//! As soon as one port of a definition says `batch`, its body has no hidden axes: every port shows all its axes, `batch` is the extent of
//! the first of those that say so, and a port that does not is one tensor for all samples. A result that begins with the batch gets the
//! hidden axis back; any other is a value of the whole batch. Such a definition cannot be lifted over other axes.

use super::Elaboration;
use super::define::Root;
use super::values::{Context, Frame, Outcome, Tensor, Value};
use crate::equations::Index;
use crate::model::BATCH;
use nnc_grammar::tree::{Definition, Dim, DimKind, Expression, ExpressionKind, Port};
use nnc_grammar::{Diagnostic, Span};

/// Whether an axis of a port is the batch.
pub(super) fn is_batch(dim: &Dim) -> bool {
    matches!(&dim.kind, DimKind::Named(_, expression) | DimKind::Expression(expression) if is_batch_name(expression))
}

fn is_batch_name(expression: &Expression) -> bool {
    matches!(&expression.kind, ExpressionKind::Name(path) if path.segments.len() == 1 && path.segments[0].text == BATCH)
}

/// Whether a port shows the batch.
pub(super) fn sees_batch(port: &Port) -> bool {
    port.axes.iter().any(is_batch)
}

/// A result of a definition that sees the batch, as its caller sees it.
pub(super) fn hide_batch(frame: &Frame<'_>, mut tensor: Tensor) -> Tensor {
    if frame.hides_batch && tensor.axes.first() == Some(&frame.front[0].size) {
        tensor.axes.remove(0);
        tensor.front |= 1;
    }
    tensor
}

impl<'a> Elaboration<'a> {
    /// Refuses a port that shows the batch elsewhere than in front.
    pub(super) fn batch_is_first(&mut self, port: &Port) -> Outcome<()> {
        match port.axes.iter().skip(1).find(|dim| is_batch(dim)) {
            None => Ok(()),
            Some(dim) => {
                let message = format!("`batch` is not the first axis of port `{}`", port.name.text);
                let help = format!("write it first: `{}[batch, …]`", port.name.text);
                Err(self.report(Diagnostic::error("NN0704", dim.span, message).help(help)))
            }
        }
    }

    /// The inputs of a definition that sees the batch, with all their axes.
    pub(super) fn show_batch(
        &mut self,
        frame: &Frame<'a>,
        inner: &mut Frame<'a>,
        definition: &'a Definition,
        ports: &'a [Port],
        inputs: Vec<Tensor>,
        span: Span,
    ) -> Outcome<Vec<Tensor>> {
        let name = &definition.name.text;
        inner.front.clear();
        inner.hides_batch = false;
        let hidden = u64::from(frame.hides_batch);
        let mut shown = Vec::new();
        for (number, mut input) in inputs.into_iter().enumerate() {
            let Some(port) = ports.get(number) else {
                shown.push(input);
                continue;
            };
            self.batch_is_first(port)?;
            if input.front & !hidden != 0 {
                let lifted = frame.front.iter().enumerate().filter(|&(axis, _)| input.front & !hidden & 1 << axis != 0);
                let over: Vec<&str> = lifted.map(|(_, axis)| axis.label.as_str()).collect();
                let message = format!("`{name}` sees the batch and cannot be lifted over other axes");
                let label = format!("its input has one value for each `{}` here", over.join(", "));
                let help = "apply it to a whole tensor, outside of what is lifted";
                let diagnostic = Diagnostic::error("NN0704", span, message).label(label);
                return Err(self.report(diagnostic.also(port.span, "this port").help(help)));
            }
            if input.front != 0 && !sees_batch(port) {
                let port_name = &port.name.text;
                let message =
                    format!("`{port_name}` of `{name}` is one tensor for the whole batch, and its input differs from sample to sample");
                let help = format!("write the batch in the port, `{port_name}[batch, …]`, or give a parameter or constant");
                return Err(self.report(Diagnostic::error("NN0704", span, message).also(port.span, "this port").help(help)));
            }
            if input.front != 0 {
                input.axes.insert(0, frame.front[0].size);
                input.front = 0;
            } else if frame.hides_batch && sees_batch(port) {
                input = self.for_each_sample(inner, frame.front[0].size, &input, &port.name.text, span)?;
            }
            shown.push(input);
        }
        let outer = match frame.values.get(BATCH) {
            Some(Value::Whole(size)) => Some(*size),
            _ if frame.hides_batch => Some(frame.front[0].size),
            _ => None,
        };
        let first = ports.iter().zip(&shown).find(|(port, _)| sees_batch(port)).and_then(|(_, input)| input.axes.first().copied());
        if let Some(size) = outer.or(first) {
            inner.values.insert(BATCH.to_string(), Value::Whole(size));
        }
        Ok(shown)
    }

    /// What depends on no sample stands with every sample.
    fn for_each_sample(&mut self, inner: &Frame<'a>, batch: Index, input: &Tensor, port: &str, span: Span) -> Outcome<Tensor> {
        let base = super::ranges::full_name(inner.path(), port);
        let mut context = Context::new(inner, base.clone());
        let labels = self.labels_of(input);
        let mut axes = vec![context.axis("b", batch)];
        for (k, &size) in input.axes.iter().enumerate() {
            axes.push(context.axis(&labels.get(k).cloned().unwrap_or_else(|| super::whole::axis_label(k)), size));
        }
        let at = axes[1..].iter().map(|&axis| self.equations.pool.axis(axis, context.axes[axis as usize])).collect();
        let value = self.read(&mut context, input, at, span)?;
        let scalar = self.real_of(value, span)?;
        self.finish(inner, &context, &base, &axes, Root::Value(scalar), input.integer)
    }
}
