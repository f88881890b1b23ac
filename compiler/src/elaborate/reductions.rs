//! Reductions inside of expressions: each becomes an equation of its own. `min` is a `max` of opposites, `mean` a `sum` over a count.

use super::Elaboration;
use super::define::{Reduced, Root};
use super::values::{Context, Frame, Outcome, Position, Value};
use crate::equations::{Condition, Index, Reduction, Scalar};
use nnc_grammar::tree::{Binder, Expression, Reducer};
use nnc_grammar::{Diagnostic, Span};

impl<'a> Elaboration<'a> {
    /// The parts of a reduction: axes, condition, body as a real element.
    pub(super) fn reduction_parts(
        &mut self,
        frame: &mut Frame<'a>,
        context: &mut Context,
        binders: &'a [Binder],
        condition: Option<&'a Expression>,
        body: &'a Expression,
    ) -> Outcome<(Vec<u32>, Condition, Scalar)> {
        let scope: Vec<&Expression> = condition.into_iter().chain([body]).collect();
        let outer = context.indices.clone();
        let known = context.facts.len();
        let whole = context.whole.take();
        let result = (|| {
            let mut axes = Vec::new();
            for binder in binders {
                axes.extend(self.bind(frame, context, binder, &scope)?);
            }
            let condition = match condition {
                None => Condition::TRUE,
                Some(condition) => self.condition(frame, context, condition)?,
            };
            context.facts.push(condition);
            let body = self.real(frame, context, body)?;
            Ok((axes, condition, body))
        })();
        context.indices = outer;
        context.facts.truncate(known);
        context.whole = whole;
        result
    }

    #[allow(clippy::too_many_arguments)]
    pub(super) fn reduce(
        &mut self,
        frame: &mut Frame<'a>,
        context: &mut Context,
        span: Span,
        reducer: Reducer,
        binders: &'a [Binder],
        condition: Option<&'a Expression>,
        body: &'a Expression,
        position: Position,
    ) -> Outcome<Value> {
        if let [binder] = binders
            && binder.name.text == "all"
            && !binder.pack
        {
            return self.over_all(frame, context, span, reducer, condition, body);
        }
        let (axes, condition, body) = self.reduction_parts(frame, context, binders, condition, body)?;
        self.reduced(frame, context, span, reducer, axes, condition, body, position)
    }

    /// The element of a reduction inside of an expression.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn reduced(
        &mut self,
        frame: &mut Frame<'a>,
        context: &mut Context,
        span: Span,
        reducer: Reducer,
        axes: Vec<u32>,
        condition: Condition,
        body: Scalar,
        position: Position,
    ) -> Outcome<Value> {
        let simple = |reduction| Reduced { reduction, axes: axes.clone(), condition, body };
        let value = match reducer {
            Reducer::Sum => self.lift(frame, context, "sum", simple(Reduction::Sum))?,
            Reducer::Product => self.lift(frame, context, "prod", simple(Reduction::Product))?,
            Reducer::Max => self.lift(frame, context, "max", simple(Reduction::Max))?,
            Reducer::LogSumExp => self.lift(frame, context, "lse", simple(Reduction::LogSumExp))?,
            Reducer::Min => {
                let body = self.equations.pool.negative(body);
                let max = self.lift(frame, context, "min", Reduced { reduction: Reduction::Max, axes, condition, body })?;
                self.equations.pool.negative(max)
            }
            Reducer::Mean => {
                let sum = self.lift(frame, context, "sum", simple(Reduction::Sum))?;
                let count = self.count(frame, context, axes, condition)?;
                self.equations.pool.quotient(sum, count)
            }
            Reducer::ArgMax => {
                let range = self.argmax_range(context, span, &axes, condition)?;
                let root = Root::Reduced(simple(Reduction::ArgMax));
                let index = self.lift_integer(frame, context, "argmax", root, range)?;
                return Ok(Value::Whole(index));
            }
        };
        if position == Position::Integer {
            return self.integer_of(Value::Real(value), span).map(Value::Whole);
        }
        Ok(Value::Real(value))
    }

    /// How many elements of the reduced axes count, at least 1.
    pub(super) fn count(&mut self, frame: &Frame<'a>, context: &mut Context, axes: Vec<u32>, condition: Condition) -> Outcome<Scalar> {
        let one = self.equations.pool.constant(1.0);
        if condition != Condition::TRUE {
            let counted = Reduced { reduction: Reduction::Sum, axes, condition, body: one };
            let count = self.lift(frame, context, "count", counted)?;
            return Ok(self.equations.pool.max(count, one));
        }
        let sizes: Vec<Index> = axes.iter().map(|&axis| context.axes[axis as usize]).collect();
        let count = self.equations.pool.count(&sizes);
        let less_one = self.equations.pool.offset(count, -1);
        let never_empty = self.equations.pool.never_negative(less_one);
        let count = self.equations.pool.real(count);
        Ok(if never_empty { count } else { self.equations.pool.max(count, one) })
    }

    /// The range of an `argmax`.
    pub(super) fn argmax_range(&mut self, context: &Context, span: Span, axes: &[u32], condition: Condition) -> Outcome<(Index, Index)> {
        let sizes: Vec<Index> = axes.iter().map(|&axis| context.axes[axis as usize]).collect();
        let count = self.equations.pool.count(&sizes);
        let less_one = self.equations.pool.offset(count, -1);
        if condition != Condition::TRUE || !self.equations.pool.never_negative(less_one) {
            let message = "`argmax` may be over no element";
            let help = "leave the condition out, and choose the value instead: `argmax(i) (if c { x[i] } else { -inf })`";
            return Err(self.report(Diagnostic::error("NN0311", span, message).help(help)));
        }
        Ok((self.equations.pool.integer(0), count))
    }
}
