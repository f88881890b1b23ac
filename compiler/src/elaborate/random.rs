//! Draws: in the initial values of parameters and states, once; in `random`, anew at every call.
//!
//! A draw is a tensor of standard numbers that comes from outside, over the axes of its declaration; what is declared is an expression of
//! it. `random` is drawn for each element of the front axes too: for each sample, and for each element that a definition is lifted over.

use super::Elaboration;
use super::define::Root;
use super::ranges::full_name;
use super::values::{Context, Drawn, Draws, Frame, Outcome, Place, Reported, Tensor, Value};
use crate::equations::{Index, Role, Tensor as Defined};
use crate::model::{Draw, Forward, Random, stream};
use nnc_grammar::tree::{Argument, Expression, Port};
use nnc_grammar::{Diagnostic, Span};

impl Forward {
    /// Forgets draws that no result reads.
    pub(super) fn keep_reached_draws(&mut self) {
        let mut results = vec![self.loss];
        results.extend(self.outputs.iter().chain(&self.metrics));
        results.extend(self.updates.iter().map(|(_, next)| next));
        let reached = super::lints::reached(&self.equations, &self.derivatives, &results);
        self.random.retain(|random| reached.contains(&random.tensor));
    }
}

impl<'a> Elaboration<'a> {
    /// `uniform(lo, hi)`, `normal(mean, sd)` or `orthogonal()`.
    pub(super) fn draw(
        &mut self,
        frame: &mut Frame<'a>,
        context: &mut Context,
        name: &str,
        arguments: &'a [Argument],
        span: Span,
    ) -> Outcome<Value> {
        let Some(draws) = context.draws.clone() else {
            let message = format!("`{name}` draws a number outside of an initial value");
            let help = "draws stand in the initial value of a `param`, a `state` or a `random`";
            return Err(self.report(Diagnostic::error("NN0604", span, message).help(help)));
        };
        if context.axes.len() != draws.axes {
            let message = format!("`{name}` draws a number inside of a reduction");
            let help = "a number is drawn for each element of what is declared: declare a tensor with the axis, and reduce that";
            return Err(self.report(Diagnostic::error("NN0604", span, message).help(help)));
        }
        if name == "orthogonal" {
            return self.orthogonal(context, &draws, arguments, span);
        }
        let mut numbers = Vec::new();
        for argument in arguments {
            numbers.push(self.flow_value(frame, context, &argument.value.value, &argument.value, super::values::Position::Real)?);
        }
        let [a, b] = &numbers[..] else {
            let parts = if name == "uniform" { "uniform(low, high)" } else { "normal(mean, deviation)" };
            let message = format!("`{name}` takes two numbers, not {}", numbers.len());
            return Err(self.report(Diagnostic::error("NN0501", span, message).help(format!("write `{parts}`"))));
        };
        let (a, b) = (self.real_of(a.clone(), span)?, self.real_of(b.clone(), span)?);
        let kind = if name == "uniform" { Draw::Uniform } else { Draw::Normal };
        let drawn = self.drawn(context, kind);
        let pool = &mut self.equations.pool;
        let factor = if kind == Draw::Uniform { pool.subtract(b, a) } else { b };
        let product = pool.mul(&[factor, drawn]);
        Ok(Value::Real(pool.add(&[a, product])))
    }

    /// The element of a new draw at the axes of the declaration.
    fn drawn(&mut self, context: &mut Context, kind: Draw) -> crate::equations::Scalar {
        let Some(draws) = &mut context.draws else { return self.equations.pool.constant(0.0) };
        let text = format!("{}.draw{}", context.base, draws.made.len() + 1);
        let tensor = if draws.of == Drawn::Random {
            let name = self.fresh(&text);
            self.equations.insert(name, Defined::given(Role::Random, context.axes.clone()));
            name
        } else {
            self.equations.pool.name(&text)
        };
        draws.made.push((tensor, kind));
        let at: Vec<Index> =
            (0..context.axes.len() as u32).map(|axis| self.equations.pool.axis(axis, context.axes[axis as usize])).collect();
        self.equations.pool.read(tensor, at)
    }

    /// `orthogonal()`: a matrix of the first axis by all others, with orthonormal rows or columns, whichever are fewer.
    fn orthogonal(&mut self, context: &mut Context, draws: &Draws, arguments: &'a [Argument], span: Span) -> Outcome<Value> {
        let problem = if draws.of != Drawn::Parameter {
            Some(("`orthogonal()` is an initial value of a `param` only", "draw with `uniform` or `normal`"))
        } else if !arguments.is_empty() {
            Some(("`orthogonal()` takes nothing", "multiply it: `1.4 * orthogonal()`"))
        } else if context.axes.len() < 2 {
            Some(("`orthogonal()` needs a parameter with at least two axes", "it is a matrix of the first axis by all others"))
        } else if draws.made.iter().any(|&(_, draw)| draw == Draw::Orthogonal) {
            Some(("an initial value has one `orthogonal()`", "multiply or add numbers to it"))
        } else {
            None
        };
        if let Some((message, help)) = problem {
            let code = if arguments.is_empty() { "NN0604" } else { "NN0501" };
            return Err(self.report(Diagnostic::error(code, span, message).help(help)));
        }
        Ok(Value::Real(self.drawn(context, Draw::Orthogonal)))
    }

    /// `random u[C] = uniform(0, 1);`
    pub(super) fn random(&mut self, frame: &mut Frame<'a>, port: &'a Port, initial: Option<&'a Expression>) -> Outcome<Tensor> {
        let name = &port.name.text;
        if frame.place == Place::Optimizer {
            let message = "an optimizer draws nothing";
            return Err(self.report(Diagnostic::error("NN0606", port.span, message).help("noise belongs to a layer or a model")));
        }
        if let Some(kind) = &port.kind {
            let message = format!("random tensor `{name}` has a kind");
            return Err(self.report(Diagnostic::error("NN0406", kind.span, message).help("draws are reals: leave the kind out")));
        }
        let Some(initial) = initial else {
            let message = format!("random tensor `{name}` does not say what is drawn");
            let help = format!("write it: `random {} = uniform(0, 1);` or `normal(0, 1)`", self.text(port.span));
            return Err(self.report(Diagnostic::error("NN0603", port.span, message).help(help)));
        };
        let declared = self.declared_axes(frame, port)?;
        let mut context = Context::new(frame, full_name(frame.path(), name));
        let own = context.declare(&declared);
        context.draws = Some(Draws { made: Vec::new(), axes: context.axes.len(), of: Drawn::Random });
        let value = self.real(frame, &mut context, initial)?;
        let made = context.draws.take().map(|draws| draws.made).unwrap_or_default();
        if made.is_empty() {
            let message = format!("nothing is drawn for random tensor `{name}`");
            let help = "write `uniform(low, high)` or `normal(mean, deviation)`, or make it an equation: leave `random` out";
            return Err(self.report(Diagnostic::error("NN0603", initial.span, message).help(help)));
        }
        // a number for each element, whatever else depends on it
        context.used = (1u64 << context.front) - 1;
        for (tensor, draw) in made {
            let stream = stream(self.equations.pool.text(tensor));
            let number = self.random.iter().filter(|random| random.stream == stream).count() as u32;
            let axes = context.axes[..].to_vec();
            self.random.push(Random { name: context.base.clone(), tensor, axes, draw, stream, number, span: port.span });
        }
        let base = context.base.clone();
        self.finish(frame, &context, &base, &own, Root::Value(value), None)
    }

    /// Refuses draws that inference reaches: it must give the same answer every time.
    pub(super) fn refuse_draws(&mut self, inference: &mut Forward) -> Outcome<()> {
        // nobody asks inference for the next states
        inference.updates.clear();
        inference.keep_reached_draws();
        let mut outcome = Ok(());
        for random in &inference.random {
            let message = format!("inference would draw `{}`: it has no random numbers", random.name);
            let help = "draw in training only: `if train { random … } else { … }`, with what stands for it otherwise";
            self.report(Diagnostic::error("NN0702", random.span, message).label("reached by an output, the loss or a metric").help(help));
            outcome = Err(Reported);
        }
        outcome
    }
}
