//! Conditions, and choices by them: lazy in both branches, decided at once where they can be.
//!
//! A comparison is one of integers where both sides are built from indices, sizes, whole numbers and index tensors.

use super::Elaboration;
use super::define::Root;
use super::values::{Context, Frame, Outcome, Position, Reported, Value};
use crate::equations::{Condition, Index, Relation as RealRelation};
use nnc_grammar::tree::{Expression, ExpressionKind, Flow, ItemKind, Reducer, Relation};
use nnc_grammar::{Diagnostic, Span};

impl<'a> Elaboration<'a> {
    /// A truth value.
    pub(super) fn condition(&mut self, frame: &mut Frame<'a>, context: &mut Context, expression: &'a Expression) -> Outcome<Condition> {
        match &expression.kind {
            ExpressionKind::All(parts) => {
                let known = context.facts.len();
                let mut conditions = Vec::new();
                let mut outcome = Ok(());
                for part in parts {
                    match self.condition(frame, context, part) {
                        Ok(Condition::FALSE) if outcome.is_ok() => {
                            context.facts.truncate(known);
                            return Ok(Condition::FALSE);
                        }
                        Ok(condition) => {
                            context.facts.push(condition);
                            conditions.push(condition);
                        }
                        Err(reported) => outcome = Err(reported),
                    }
                }
                context.facts.truncate(known);
                outcome?;
                Ok(self.equations.pool.all(&conditions))
            }
            ExpressionKind::Any(parts) => {
                let known = context.facts.len();
                let mut conditions = Vec::new();
                for part in parts {
                    let condition = self.condition(frame, context, part);
                    let condition = match condition {
                        Ok(condition) => condition,
                        Err(reported) => {
                            context.facts.truncate(known);
                            return Err(reported);
                        }
                    };
                    if condition == Condition::TRUE {
                        context.facts.truncate(known);
                        return Ok(Condition::TRUE);
                    }
                    let opposite = self.equations.pool.not(condition);
                    context.facts.push(opposite);
                    conditions.push(condition);
                }
                context.facts.truncate(known);
                Ok(self.equations.pool.any(&conditions))
            }
            ExpressionKind::Not(part) => {
                let condition = self.condition(frame, context, part)?;
                Ok(self.equations.pool.not(condition))
            }
            ExpressionKind::Compare(first, rest) => self.comparison(frame, context, first, rest),
            ExpressionKind::Group(flows) if flows.len() == 1 && flows[0].stages.is_empty() => {
                self.condition(frame, context, &flows[0].value)
            }
            _ => match self.evaluate(frame, context, expression, Position::Real)? {
                Value::Truth(condition) => Ok(condition),
                Value::Field(_, value) if matches!(*value, Value::Truth(_)) => match *value {
                    Value::Truth(condition) => Ok(condition),
                    _ => Err(Reported),
                },
                Value::Broken => Err(Reported),
                _ => {
                    let message = "a number stands where a condition is needed";
                    Err(self.report(Diagnostic::error("NN0404", expression.span, message).help("compare it: `… > 0`")))
                }
            },
        }
    }

    fn comparison(
        &mut self,
        frame: &mut Frame<'a>,
        context: &mut Context,
        first: &'a Expression,
        rest: &'a [(Relation, Expression)],
    ) -> Outcome<Condition> {
        let mut conditions = Vec::new();
        let mut left = first;
        for (relation, right) in rest {
            let condition = if self.is_integral(frame, context, left) && self.is_integral(frame, context, right) {
                let a = self.integer(frame, context, left)?;
                let b = self.integer(frame, context, right)?;
                let pool = &mut self.equations.pool;
                match relation {
                    Relation::Equal => pool.equal(a, b),
                    Relation::NotEqual => {
                        let equal = pool.equal(a, b);
                        pool.not(equal)
                    }
                    Relation::LessEqual => pool.at_most(a, b),
                    Relation::GreaterEqual => pool.at_most(b, a),
                    Relation::Less => pool.less(a, b),
                    Relation::Greater => pool.less(b, a),
                }
            } else {
                let a = self.evaluate(frame, context, left, Position::Real)?;
                let b = self.evaluate(frame, context, right, Position::Real)?;
                if let (Value::Truth(_), _) | (_, Value::Truth(_)) = (&a, &b) {
                    let message = "conditions cannot be compared";
                    return Err(
                        self.report(Diagnostic::error("NN0404", left.span.to(right.span), message).help("join them with `&&` or `||`"))
                    );
                }
                let (a, b) = (self.real_of(a, left.span)?, self.real_of(b, right.span)?);
                let pool = &mut self.equations.pool;
                match relation {
                    Relation::Equal => pool.compare(RealRelation::Equal, a, b),
                    Relation::NotEqual => {
                        let equal = pool.compare(RealRelation::Equal, a, b);
                        pool.not(equal)
                    }
                    Relation::LessEqual => pool.compare(RealRelation::LessEqual, a, b),
                    Relation::GreaterEqual => pool.compare(RealRelation::LessEqual, b, a),
                    Relation::Less => pool.compare(RealRelation::Less, a, b),
                    Relation::Greater => pool.compare(RealRelation::Less, b, a),
                }
            };
            conditions.push(condition);
            left = right;
        }
        Ok(self.equations.pool.all(&conditions))
    }

    /// Whether an expression is built from indices, sizes, whole numbers and index tensors only.
    fn is_integral(&mut self, frame: &Frame<'a>, context: &Context, expression: &'a Expression) -> bool {
        match &expression.kind {
            ExpressionKind::Number(text) => text.bytes().all(|b| b.is_ascii_digit() || b == b'_'),
            ExpressionKind::Sum(first, rest) => {
                self.is_integral(frame, context, first) && rest.iter().all(|(_, part)| self.is_integral(frame, context, part))
            }
            ExpressionKind::Product(first, rest) => {
                self.is_integral(frame, context, first) && rest.iter().all(|(_, part)| self.is_integral(frame, context, part))
            }
            ExpressionKind::Negative(part) => self.is_integral(frame, context, part),
            ExpressionKind::Power(a, b) => self.is_integral(frame, context, a) && self.is_integral(frame, context, b),
            ExpressionKind::Group(flows) => {
                flows.len() == 1 && flows[0].stages.is_empty() && self.is_integral(frame, context, &flows[0].value)
            }
            ExpressionKind::Or(a, b) => self.is_integral(frame, context, a) && self.is_integral(frame, context, b),
            ExpressionKind::If { arms, otherwise } => {
                arms.iter().all(|(_, flow)| flow.stages.is_empty() && self.is_integral(frame, context, &flow.value))
                    && otherwise.stages.is_empty()
                    && self.is_integral(frame, context, &otherwise.value)
            }
            ExpressionKind::Total(_, flows) if flows.len() > 1 => {
                flows.iter().all(|flow| flow.stages.is_empty() && self.is_integral(frame, context, &flow.value))
            }
            ExpressionKind::Reduce { reducer, .. } => *reducer == Reducer::ArgMax,
            ExpressionKind::Read(path, _) => self.find_tensor(frame, 0, path).is_some_and(|tensor| tensor.integer.is_some()),
            ExpressionKind::Name(path) => {
                let text = &path.segments[0].text;
                if path.segments.len() == 1 && context.indices.contains_key(text) {
                    return true;
                }
                match frame.values.get(text) {
                    Some(Value::Whole(_)) => true,
                    Some(Value::Number(number)) => number.fract() == 0.0,
                    Some(Value::Tensor(tensor)) => tensor.integer.is_some(),
                    Some(_) => false,
                    None => {
                        matches!(self.constant_item(frame, text), Some(ItemKind::Constant { .. }) | None if text != "inf" && text != "pi")
                    }
                }
            }
            _ => false,
        }
    }

    /// `if c { a } else { b }`, lazy in both.
    pub(super) fn choose(
        &mut self,
        frame: &mut Frame<'a>,
        context: &mut Context,
        span: Span,
        arms: &'a [(Expression, Flow)],
        otherwise: &'a Flow,
        position: Position,
    ) -> Outcome<Value> {
        let known = context.facts.len();
        let arms = self.arms(frame, context, arms, otherwise, position);
        context.facts.truncate(known);
        let (taken, (last, last_span)) = arms?;
        if taken.is_empty() {
            return Ok(last);
        }
        if position == Position::Integer {
            return self.choose_integer(frame, context, span, taken, (last, last_span));
        }
        if matches!(last, Value::Truth(_)) {
            // if c { a } else { b } of conditions: (c && a) || (!c && b)
            let Value::Truth(mut result) = last else { return Err(Reported) };
            for (condition, value, span) in taken.into_iter().rev() {
                let Value::Truth(value) = value else { return self.real_of(Value::Truth(condition), span).map(Value::Real) };
                let pool = &mut self.equations.pool;
                let opposite = pool.not(condition);
                let (yes, no) = (pool.all(&[condition, value]), pool.all(&[opposite, result]));
                result = pool.any(&[yes, no]);
            }
            return Ok(Value::Truth(result));
        }
        let mut result = self.real_of(last, last_span)?;
        for (condition, value, span) in taken.into_iter().rev() {
            let value = self.real_of(value, span)?;
            result = self.equations.pool.select(condition, value, result);
        }
        Ok(Value::Real(result))
    }

    /// The values that may be chosen, each with its condition, and what is left if no condition holds. The facts that each value may rely
    /// on stay in the context.
    fn arms(
        &mut self,
        frame: &mut Frame<'a>,
        context: &mut Context,
        arms: &'a [(Expression, Flow)],
        otherwise: &'a Flow,
        position: Position,
    ) -> Outcome<(Vec<(Condition, Value, Span)>, (Value, Span))> {
        let mut taken = Vec::new();
        for (test, flow) in arms {
            let condition = self.condition(frame, context, test)?;
            if condition == Condition::FALSE {
                continue;
            }
            let known = context.facts.len();
            context.facts.push(condition);
            let value = self.flow_value(frame, context, &flow.value, flow, position);
            context.facts.truncate(known);
            let value = value?;
            if condition == Condition::TRUE {
                return Ok((taken, (value, flow.span)));
            }
            taken.push((condition, value, flow.span));
            let opposite = self.equations.pool.not(condition);
            context.facts.push(opposite);
        }
        Ok((taken, (self.flow_value(frame, context, &otherwise.value, otherwise, position)?, otherwise.span)))
    }

    /// A choice between integers becomes an integer tensor of its own.
    pub(super) fn choose_integer(
        &mut self,
        frame: &mut Frame<'a>,
        context: &mut Context,
        span: Span,
        taken: Vec<(Condition, Value, Span)>,
        last: (Value, Span),
    ) -> Outcome<Value> {
        let last = self.integer_of(last.0, last.1)?;
        let mut all = vec![last];
        let mut result = self.equations.pool.real(last);
        for (condition, value, span) in taken.into_iter().rev() {
            let value = self.integer_of(value, span)?;
            all.push(value);
            let value = self.equations.pool.real(value);
            result = self.equations.pool.select(condition, value, result);
        }
        let Some(range) = self.range_of_all(&all) else {
            let message = "the ranges of these integers cannot be compared";
            return Err(
                self.report(Diagnostic::error("NN0301", span, message).help("define it as an equation of its own: `k: index(n) = if …`"))
            );
        };
        let index = self.lift_integer(frame, context, "choice", Root::Value(result), range)?;
        Ok(Value::Whole(index))
    }

    /// The least range that holds all of these integers, if sizes can be compared.
    pub(super) fn range_of_all(&mut self, indices: &[Index]) -> Option<(Index, Index)> {
        let mut low: Option<Index> = None;
        let mut high: Option<Index> = None;
        for &index in indices {
            let least = self.equations.pool.extreme(index, false)?;
            let most = self.equations.pool.extreme(index, true)?;
            let end = self.equations.pool.offset(most, 1);
            low = Some(match low {
                None => least,
                Some(low) => self.smaller(low, least)?,
            });
            high = Some(match high {
                None => end,
                Some(high) => {
                    let smaller = self.smaller(high, end)?;
                    if smaller == high { end } else { high }
                }
            });
        }
        Some((low?, high?))
    }

    fn smaller(&mut self, a: Index, b: Index) -> Option<Index> {
        let difference = self.equations.pool.minus(b, a);
        if self.equations.pool.never_negative(difference) {
            return Some(a);
        }
        let opposite = self.equations.pool.scaled(difference, -1);
        self.equations.pool.never_negative(opposite).then_some(b)
    }
}
