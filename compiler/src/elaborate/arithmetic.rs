//! `+ - * / % ^` on integers and reals.
//!
//! What is made of integers only stays an integer wherever it stands; in a real position `/` is exact there if it leaves no rest, and
//! real otherwise. In an integer position `/` and `%` round down.

use super::Elaboration;
use super::values::{Context, Frame, Outcome, Position, Value};
use crate::equations::{Function, Index, Scalar};
use nnc_grammar::tree::{Expression, Factor, Sign};
use nnc_grammar::{Diagnostic, Span};

impl<'a> Elaboration<'a> {
    pub(super) fn sum(
        &mut self,
        frame: &mut Frame<'a>,
        context: &mut Context,
        first: &'a Expression,
        rest: &'a [(Sign, Expression)],
        position: Position,
    ) -> Outcome<Value> {
        let terms = std::iter::once((Sign::Plus, first)).chain(rest.iter().map(|(sign, term)| (*sign, term)));
        let mut values = Vec::new();
        let mut outcome = Ok(());
        for (sign, term) in terms {
            match self.evaluate(frame, context, term, position) {
                Ok(value) => values.push((sign, value, term.span)),
                Err(reported) => outcome = Err(reported),
            }
        }
        outcome?;
        if position == Position::Integer {
            let mut parts = Vec::new();
            for (sign, value, span) in values {
                parts.push((self.integer_of(value, span)?, if sign == Sign::Plus { 1 } else { -1 }));
            }
            return Ok(Value::Whole(self.equations.pool.combine(&parts)));
        }
        if values.iter().all(|(_, value, _)| matches!(value, Value::Whole(_))) {
            let part = |(sign, value, _): &(Sign, Value, Span)| match value {
                Value::Whole(index) => Some((*index, if *sign == Sign::Plus { 1 } else { -1 })),
                _ => None,
            };
            let parts: Vec<(Index, i64)> = values.iter().filter_map(part).collect();
            return Ok(Value::Whole(self.equations.pool.combine(&parts)));
        }
        let numbers: Option<Vec<f64>> = values
            .iter()
            .map(|(sign, value, _)| Some(if *sign == Sign::Plus { self.number_of(value)? } else { -self.number_of(value)? }))
            .collect();
        if let Some(numbers) = numbers {
            return Ok(Value::Number(numbers.into_iter().sum()));
        }
        let mut terms = Vec::new();
        for (sign, value, span) in values {
            let term = self.real_of(value, span)?;
            terms.push(if sign == Sign::Plus { term } else { self.equations.pool.negative(term) });
        }
        Ok(Value::Real(self.equations.pool.add(&terms)))
    }

    /// The number, if a value is one that is known here.
    pub(super) fn number_of(&self, value: &Value) -> Option<f64> {
        match value {
            Value::Number(number) => Some(*number),
            Value::Whole(index) => self.equations.pool.constant_of(*index).map(|value| value as f64),
            _ => None,
        }
    }

    pub(super) fn product(
        &mut self,
        frame: &mut Frame<'a>,
        context: &mut Context,
        first: &'a Expression,
        rest: &'a [(Factor, Expression)],
        position: Position,
    ) -> Outcome<Value> {
        let mut left = self.evaluate(frame, context, first, position);
        // once a factor is real, all that follow are gathered
        let mut factors: Vec<Scalar> = Vec::new();
        let mut span = first.span;
        for (factor, part) in rest {
            let right = self.evaluate(frame, context, part, position);
            let (Ok(a), Ok(b)) = (left, right) else {
                left = Err(super::values::Reported);
                continue;
            };
            if *factor != Factor::Times && position == Position::Real && self.number_of(&b) == Some(0.0) {
                let message = format!("a division by {}", self.text(part.span));
                let help = "divide by what is not 0; infinity is written `inf`";
                self.warn_once(Diagnostic::warning("NN0807", part.span, message).label("this is 0").help(help));
            }
            let reals = matches!(a, Value::Real(_)) && *factor != Factor::Remainder;
            left = if reals {
                factors.push(self.real_of(a, span)?);
                let b = self.real_of(b, part.span)?;
                Ok(Value::Real(if *factor == Factor::Divide { self.equations.pool.power(b, -1.0) } else { b }))
            } else {
                let a = if factors.is_empty() {
                    a
                } else {
                    let last = self.real_of(a, span)?;
                    factors.push(last);
                    Value::Real(self.equations.pool.mul(&std::mem::take(&mut factors)))
                };
                self.multiply(*factor, (a, span), (b, part.span), position)
            };
            span = span.to(part.span);
        }
        let last = left?;
        if factors.is_empty() {
            return Ok(last);
        }
        let last = self.real_of(last, span)?;
        factors.push(last);
        Ok(Value::Real(self.equations.pool.mul(&factors)))
    }

    fn multiply(&mut self, factor: Factor, a: (Value, Span), b: (Value, Span), position: Position) -> Outcome<Value> {
        let ((a, a_span), (b, b_span)) = (a, b);
        if position == Position::Integer {
            let (a, b) = (self.integer_of(a, a_span)?, self.integer_of(b, b_span)?);
            if factor == Factor::Times {
                let product = self.equations.pool.times(a, b);
                self.check_integer(product, a_span.to(b_span))?;
                return Ok(Value::Whole(product));
            }
            self.check_divisor(b, b_span)?;
            let pool = &mut self.equations.pool;
            return Ok(Value::Whole(if factor == Factor::Divide { pool.divide(a, b) } else { pool.remainder(a, b) }));
        }
        if let (&Value::Whole(x), &Value::Whole(y)) = (&a, &b) {
            match factor {
                Factor::Times => {
                    let product = self.equations.pool.times(x, y);
                    if self.is_small(product) {
                        return Ok(Value::Whole(product));
                    }
                }
                Factor::Remainder => {
                    self.check_divisor(y, b_span)?;
                    return Ok(Value::Whole(self.equations.pool.remainder(x, y)));
                }
                Factor::Divide => {
                    let less_one = self.equations.pool.offset(y, -1);
                    if self.equations.pool.never_negative(less_one) {
                        let rest = self.equations.pool.remainder(x, y);
                        if self.equations.pool.constant_of(rest) == Some(0) {
                            return Ok(Value::Whole(self.equations.pool.divide(x, y)));
                        }
                    }
                }
            }
        }
        if let (Some(x), Some(y)) = (self.number_of(&a), self.number_of(&b)) {
            let result = match factor {
                Factor::Times => x * y,
                Factor::Divide => x / y,
                Factor::Remainder => x - y * (x / y).floor(),
            };
            self.lint_range(result, a_span.to(b_span));
            return Ok(Value::Number(result));
        }
        let (a, b) = (self.real_of(a, a_span)?, self.real_of(b, b_span)?);
        let pool = &mut self.equations.pool;
        Ok(Value::Real(match factor {
            Factor::Times => pool.mul(&[a, b]),
            Factor::Divide => pool.quotient(a, b),
            Factor::Remainder => {
                // a % b = a - b * floor(a / b)
                let quotient = pool.quotient(a, b);
                let whole = pool.apply(Function::Floor, quotient);
                let multiple = pool.mul(&[b, whole]);
                pool.subtract(a, multiple)
            }
        }))
    }

    fn check_divisor(&mut self, divisor: Index, span: Span) -> Outcome<()> {
        let less_one = self.equations.pool.offset(divisor, -1);
        if self.equations.pool.is_size(divisor) && self.equations.pool.never_negative(less_one) {
            return Ok(());
        }
        let message = match self.equations.pool.constant_of(divisor) {
            Some(value) => format!("an integer is divided by {value}"),
            None => "an integer is divided by something that may be below 1".to_string(),
        };
        let help = "divide by a number or size that is at least 1";
        Err(self.report(Diagnostic::error("NN0207", span, message).help(help)))
    }

    pub(super) fn negative(
        &mut self,
        frame: &mut Frame<'a>,
        context: &mut Context,
        part: &'a Expression,
        position: Position,
    ) -> Outcome<Value> {
        let value = self.evaluate(frame, context, part, position)?;
        Ok(match value {
            Value::Whole(index) => Value::Whole(self.equations.pool.scaled(index, -1)),
            Value::Number(number) => Value::Number(-number),
            other if position == Position::Integer => {
                let index = self.integer_of(other, part.span)?;
                Value::Whole(self.equations.pool.scaled(index, -1))
            }
            other => {
                let scalar = self.real_of(other, part.span)?;
                Value::Real(self.equations.pool.negative(scalar))
            }
        })
    }

    pub(super) fn power(
        &mut self,
        frame: &mut Frame<'a>,
        context: &mut Context,
        base: &'a Expression,
        exponent: &'a Expression,
        position: Position,
    ) -> Outcome<Value> {
        let a = self.evaluate(frame, context, base, position)?;
        let b = self.evaluate(frame, context, exponent, position)?;
        let whole = |value: &Value| match value {
            Value::Whole(index) => self.equations.pool.constant_of(*index),
            _ => None,
        };
        if let (Some(x), Some(y)) = (whole(&a), whole(&b))
            && let Ok(y) = u32::try_from(y)
        {
            match x.checked_pow(y) {
                Some(value) if value.abs() <= 1 << 31 => return Ok(Value::Whole(self.equations.pool.integer(value))),
                _ if position == Position::Integer => {
                    let message = format!("{x}^{y} is beyond 2^31");
                    return Err(self.report(Diagnostic::error("NN0205", base.span.to(exponent.span), message)));
                }
                _ => {}
            }
        }
        if position == Position::Integer {
            if let (&Value::Whole(x), Some(y @ 0..=16)) = (&a, whole(&b)) {
                let factors = vec![x; y as usize];
                let product = self.equations.pool.count(&factors);
                self.check_integer(product, base.span.to(exponent.span))?;
                return Ok(Value::Whole(product));
            }
            let message = "a power of integers needs a whole exponent from 0 to 16";
            return Err(self.report(Diagnostic::error("NN0405", base.span.to(exponent.span), message)));
        }
        let exponent_number = self.number_of(&b);
        if let (Some(x), Some(y)) = (self.number_of(&a), exponent_number) {
            let x = self.equations.pool.constant(x);
            let power = self.equations.pool.power(x, y);
            return Ok(match self.equations.pool.number_of(power) {
                Some(number) => Value::Number(number),
                None => Value::Real(power),
            });
        }
        let a = self.real_of(a, base.span)?;
        let b = match b {
            Value::Truth(_) | Value::Pair(_) | Value::Pack(_) => return self.real_of(b, exponent.span).map(Value::Real),
            _ => b,
        };
        Ok(Value::Real(match exponent_number {
            Some(y) => self.equations.pool.power(a, y),
            None => {
                let b = self.real_of(b, exponent.span)?;
                let pool = &mut self.equations.pool;
                let log = pool.apply(Function::Log, a);
                let product = pool.mul(&[b, log]);
                pool.apply(Function::Exp, product)
            }
        }))
    }

    /// Whether all numbers in an integer expression are far from overflow.
    fn is_small(&self, index: Index) -> bool {
        let affine = self.equations.pool.affine(index);
        affine.constant.abs() <= 1 << 40 && affine.terms.iter().all(|&(_, k)| k.abs() <= 1 << 40)
    }

    /// Refuses integers beyond 2^31 and products beyond 2^40.
    pub(super) fn check_integer(&mut self, index: Index, span: Span) -> Outcome<()> {
        let constant = self.equations.pool.constant_of(index);
        if self.is_small(index) && constant.is_none_or(|value| value.abs() <= 1 << 40) {
            return Ok(());
        }
        let message = "an integer is beyond 2^40";
        Err(self.report(Diagnostic::error("NN0205", span, message).label("this is too large")))
    }
}
