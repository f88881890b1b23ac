//! Equations without indices: whole tensors, element by element. Their shape is found before they are read.

use super::Elaboration;
use super::values::{Context, Frame, Outcome, Position, Reported, Value};
use crate::equations::{Condition, Index, Scalar};
use nnc_grammar::tree::{Expression, ExpressionKind, Flow, ItemKind, Reducer};
use nnc_grammar::{Diagnostic, Span};

/// The most numbers in an array constant.
const MOST_NUMBERS: usize = 1 << 16;

impl<'a> Elaboration<'a> {
    /// `max(a, b)` of numbers, or the reduction of a whole tensor.
    pub(super) fn total(
        &mut self,
        frame: &mut Frame<'a>,
        context: &mut Context,
        expression: &'a Expression,
        reducer: Reducer,
        flows: &'a [Flow],
        position: Position,
    ) -> Outcome<Value> {
        if let [flow] = flows {
            return self.whole_reduction(frame, context, expression, reducer, flow, position);
        }
        let greatest = match (reducer, flows.len()) {
            (Reducer::Max, 2) => true,
            (Reducer::Min, 2) => false,
            _ => {
                let message = format!("`{}` of {} values", word(reducer), flows.len());
                let help = format!("a reduction binds an index: `{0}(i) x[i]`, or takes a whole tensor: `{0}(x)`", word(reducer));
                return Err(self.report(Diagnostic::error("NN0501", expression.span, message).help(help)));
            }
        };
        let a = self.flow_value(frame, context, &flows[0].value, &flows[0], position)?;
        let b = self.flow_value(frame, context, &flows[1].value, &flows[1], position)?;
        if let (&Value::Whole(x), &Value::Whole(y)) = (&a, &b) {
            let difference = self.equations.pool.minus(x, y);
            let opposite = self.equations.pool.scaled(difference, -1);
            if self.equations.pool.never_negative(difference) {
                return Ok(Value::Whole(if greatest { x } else { y }));
            }
            if self.equations.pool.never_negative(opposite) {
                return Ok(Value::Whole(if greatest { y } else { x }));
            }
        }
        if position == Position::Integer {
            let (x, y) = (self.integer_of(a, flows[0].span)?, self.integer_of(b, flows[1].span)?);
            let difference = self.equations.pool.minus(x, y);
            if self.equations.pool.never_negative(difference) {
                return Ok(Value::Whole(if greatest { x } else { y }));
            }
            let message = format!("the integers of `{}` cannot be compared here", word(reducer));
            return Err(self.report(Diagnostic::error("NN0204", expression.span, message)));
        }
        if let (Some(x), Some(y)) = (self.number_of(&a), self.number_of(&b)) {
            return Ok(Value::Number(if greatest { x.max(y) } else { x.min(y) }));
        }
        let (a, b) = (self.real_of(a, flows[0].span)?, self.real_of(b, flows[1].span)?);
        let pool = &mut self.equations.pool;
        Ok(Value::Real(if greatest { pool.max(a, b) } else { pool.min(a, b) }))
    }

    /// The reduction of all axes of a whole tensor.
    fn whole_reduction(
        &mut self,
        frame: &mut Frame<'a>,
        context: &mut Context,
        expression: &'a Expression,
        reducer: Reducer,
        flow: &'a Flow,
        position: Position,
    ) -> Outcome<Value> {
        let shape = self.flow_shape(frame, context, &flow.value, flow)?;
        if shape.is_empty() {
            let message = format!("`{}` of a single number", word(reducer));
            let help = format!("a reduction binds its indices: `{}(i) x[i]`", word(reducer));
            return Err(self.report(Diagnostic::error("NN0312", expression.span, message).label("this has no axes").help(help)));
        }
        let axes: Vec<u32> = shape.iter().enumerate().map(|(k, &size)| context.axis(&axis_label(k), size)).collect();
        let outer = context.whole.replace(axes.clone());
        let body = self.flow_value(frame, context, &flow.value, flow, Position::Real).and_then(|value| self.real_of(value, flow.span));
        context.whole = outer;
        self.reduced(frame, context, expression.span, reducer, axes, Condition::TRUE, body?, position)
    }

    /// The shape of an expression in which tensors stand whole; layers in it are applied.
    pub(super) fn shape(&mut self, frame: &mut Frame<'a>, context: &mut Context, expression: &'a Expression) -> Outcome<Vec<Index>> {
        self.steps += 1;
        match &expression.kind {
            ExpressionKind::Name(path) => {
                if path.segments.len() == 1 && context.indices.contains_key(&path.segments[0].text) {
                    return Ok(Vec::new());
                }
                match self.find_tensor(frame, 0, path) {
                    Some(tensor) => Ok(tensor.axes),
                    None if path.segments.len() > 1 => self.tensor(frame, 0, path).map(|tensor| tensor.axes),
                    None if matches!(frame.values.get(&path.segments[0].text), Some(Value::Broken)) => Err(Reported),
                    None => Ok(Vec::new()),
                }
            }
            ExpressionKind::Number(_) | ExpressionKind::Boolean(_) | ExpressionKind::Read(..) | ExpressionKind::Reduce { .. } => {
                Ok(Vec::new())
            }
            ExpressionKind::Or(..) => Ok(Vec::new()),
            ExpressionKind::Total(_, flows) if flows.len() == 1 => Ok(Vec::new()),
            ExpressionKind::Array(_) => self.array_shape(expression),
            ExpressionKind::Group(flows) if flows.len() == 1 => self.flow_shape(frame, context, expression, &flows[0]),
            ExpressionKind::Call { path, first, second } => {
                let name = &path.segments[0].text;
                let layer = path.segments.len() == 1
                    && match self.callee(frame.module, name) {
                        _ if !frame.scalar && self.labelled(frame, 0, name).is_some() => true,
                        Some(callee) => matches!(callee.item.kind, ItemKind::Layer(_) | ItemKind::Model(_)),
                        None => name == "grad",
                    };
                if layer {
                    return self.hoist(frame, context, expression).map(|tensor| tensor.axes);
                }
                let mut parts = Vec::new();
                for argument in first.iter().chain(second.iter().flatten()) {
                    parts.push((self.flow_shape(frame, context, &argument.value.value, &argument.value)?, argument.span));
                }
                self.one_shape(parts)
            }
            ExpressionKind::If { arms, otherwise } => {
                let mut parts = Vec::new();
                for (test, flow) in arms {
                    if !self.mentions_tensor(frame, test) {
                        match self.condition(frame, context, test)? {
                            Condition::FALSE => continue,
                            Condition::TRUE => {
                                parts.push((self.flow_shape(frame, context, &flow.value, flow)?, flow.span));
                                return self.one_shape(parts);
                            }
                            _ => {}
                        }
                    }
                    parts.push((self.shape(frame, context, test)?, test.span));
                    parts.push((self.flow_shape(frame, context, &flow.value, flow)?, flow.span));
                }
                parts.push((self.flow_shape(frame, context, &otherwise.value, otherwise)?, otherwise.span));
                self.one_shape(parts)
            }
            _ => {
                let mut inside = Vec::new();
                super::walk::inside(expression, &mut |part| inside.push(part));
                let mut parts = Vec::new();
                let mut outcome = Ok(());
                for part in inside {
                    match self.shape(frame, context, part) {
                        Ok(shape) => parts.push((shape, part.span)),
                        Err(reported) => outcome = Err(reported),
                    }
                }
                outcome?;
                self.one_shape(parts)
            }
        }
    }

    fn flow_shape(&mut self, frame: &mut Frame<'a>, context: &mut Context, owner: &'a Expression, flow: &'a Flow) -> Outcome<Vec<Index>> {
        if flow.stages.is_empty() {
            return self.shape(frame, context, &flow.value);
        }
        self.hoist_flow(frame, context, owner, flow).map(|tensor| tensor.axes)
    }

    /// The shape of parts that stand element by element: all equal, or scalars.
    fn one_shape(&mut self, parts: Vec<(Vec<Index>, Span)>) -> Outcome<Vec<Index>> {
        let mut shape: Option<(Vec<Index>, Span)> = None;
        for (part, span) in parts {
            if part.is_empty() {
                continue;
            }
            match &shape {
                None => shape = Some((part, span)),
                Some((known, first)) => {
                    let equal = known.len() == part.len()
                        && known
                            .clone()
                            .iter()
                            .zip(&part)
                            .all(|(&a, &b)| self.agree(a, b, "element by element: sizes must be equal".to_string()));
                    if !equal {
                        let (a, b) = (self.show_shape(known), self.show_shape(&part));
                        let message = format!("shapes {a} and {b} stand element by element");
                        let help = "there is no broadcasting: write the indices, as in `y[t, d] = x[t, d] + b[d]`";
                        return Err(self.report(
                            Diagnostic::error("NN0202", span, message)
                                .label(format!("this has shape {b}"))
                                .also(*first, format!("this has shape {a}"))
                                .help(help),
                        ));
                    }
                }
            }
        }
        Ok(shape.map_or(Vec::new(), |(shape, _)| shape))
    }

    fn mentions_tensor(&self, frame: &Frame<'a>, expression: &'a Expression) -> bool {
        let mut stack = vec![expression];
        while let Some(expression) = stack.pop() {
            match &expression.kind {
                ExpressionKind::Read(..) | ExpressionKind::Call { .. } | ExpressionKind::Reduce { .. } | ExpressionKind::Total(..) => {
                    return true;
                }
                ExpressionKind::Name(path) => match frame.values.get(&path.segments[0].text) {
                    Some(Value::Tensor(_) | Value::Broken | Value::Real(_)) => return true,
                    None if path.segments.len() > 1 => return true,
                    _ => {}
                },
                _ => {}
            }
            super::walk::inside(expression, &mut |part| stack.push(part));
        }
        false
    }

    /// The shape of an array constant.
    fn array_shape(&mut self, expression: &'a Expression) -> Outcome<Vec<Index>> {
        let mut sizes = Vec::new();
        let mut count = 1usize;
        let mut at = expression;
        while let ExpressionKind::Array(parts) = &at.kind {
            sizes.push(parts.len());
            count = count.saturating_mul(parts.len());
            at = &parts[0];
        }
        if count > MOST_NUMBERS {
            let message = format!("an array of {count} numbers: {MOST_NUMBERS} are the most");
            return Err(self.report(Diagnostic::error("NN0206", expression.span, message).help("make it an input or a parameter")));
        }
        let mut level = vec![expression];
        for &size in &sizes {
            let mut next = Vec::new();
            for part in level {
                match &part.kind {
                    ExpressionKind::Array(parts) if parts.len() == size => next.extend(parts.iter()),
                    _ => {
                        let message = "the rows of an array constant differ in length";
                        return Err(
                            self.report(Diagnostic::error("NN0208", part.span, message).label(format!("{size} entries are expected here")))
                        );
                    }
                }
            }
            level = next;
        }
        Ok(sizes.into_iter().map(|size| self.equations.pool.integer(size as i64)).collect())
    }

    /// An element of an array constant at the axes of a whole-tensor equation: a balanced choice by the indices.
    pub(super) fn array_element(&mut self, frame: &mut Frame<'a>, context: &mut Context, expression: &'a Expression) -> Outcome<Value> {
        let shape = self.array_shape(expression)?;
        let Some(whole) = context.whole.clone().filter(|whole| whole.len() == shape.len()) else {
            let message = "an array constant stands where one number is needed";
            let help = "give it a name: `kernel = [1, 2, 1];`, and read `kernel[i]`";
            return Err(self.report(Diagnostic::error("NN0308", expression.span, message).help(help)));
        };
        self.array_part(frame, context, expression, &whole).map(Value::Real)
    }

    fn array_part(&mut self, frame: &mut Frame<'a>, context: &mut Context, part: &'a Expression, axes: &[u32]) -> Outcome<Scalar> {
        let ExpressionKind::Array(parts) = &part.kind else {
            let outer = context.whole.take();
            let value = self.real(frame, context, part);
            context.whole = outer;
            return value;
        };
        let [axis, rest @ ..] = axes else {
            let message = "an array stands where a number is expected";
            return Err(self.report(Diagnostic::error("NN0208", part.span, message).help("all rows of an array constant have one shape")));
        };
        let mut values = Vec::new();
        for part in parts {
            values.push(self.array_part(frame, context, part, rest)?);
        }
        let axis = self.equations.pool.axis(*axis, context.axes[*axis as usize]);
        Ok(self.choose_between(axis, 0, &values))
    }

    fn choose_between(&mut self, axis: Index, first: i64, values: &[Scalar]) -> Scalar {
        if values.len() == 1 {
            return values[0];
        }
        let middle = values.len() / 2;
        let low = self.choose_between(axis, first, &values[..middle]);
        let high = self.choose_between(axis, first + middle as i64, &values[middle..]);
        let bound = self.equations.pool.integer(first + middle as i64);
        let condition = self.equations.pool.less(axis, bound);
        self.equations.pool.select(condition, low, high)
    }
}

/// Names for the axes of a whole-tensor equation.
pub(super) fn axis_label(number: usize) -> String {
    ["i", "j", "k", "l"].get(number).map_or(format!("i{number}"), ToString::to_string)
}

/// A reduction as it is written.
pub(super) fn word(reducer: Reducer) -> &'static str {
    match reducer {
        Reducer::Sum => "sum",
        Reducer::Max => "max",
        Reducer::Min => "min",
        Reducer::Mean => "mean",
        Reducer::Product => "prod",
        Reducer::LogSumExp => "lse",
        Reducer::ArgMax => "argmax",
    }
}
