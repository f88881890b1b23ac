//! Rows that a mask may leave empty.
//!
//! `exp(x[i] - lse(j) x[j])` over a row that is -inf everywhere is NaN. An element is *kept* where no choice makes it -inf; a row of a
//! `lse` is not empty if some element of it (the first, the last, or that of the row's own index) is kept, whatever the row.

use super::Elaboration;
use super::models::Read;
use crate::equations::{Condition, Equation, Index, Name, Reduction, Scalar, ScalarNode};
use crate::library;
use nnc_grammar::{Diagnostic, Span};
use std::collections::{BTreeMap, BTreeSet};

/// Masks are looked for through no more equations.
const MOST_DEPTH: u32 = 6;
/// No more elements of a row are tried.
const MOST_TRIES: usize = 64;

impl<'a> Elaboration<'a> {
    /// Lints for every `lse` that may be over nothing but -inf.
    pub(super) fn lint_masks(&mut self, read: &Read<'a>) {
        let rows: Vec<(Name, Equation, Vec<Index>)> = self
            .equations
            .tensors
            .iter()
            .filter_map(|(&name, tensor)| Some((name, tensor.equation()?.clone(), tensor.axes.clone())))
            .filter(|(_, equation, _)| equation.reduction == Some(Reduction::LogSumExp))
            .collect();
        let mut places: BTreeSet<Span> = BTreeSet::new();
        for (name, equation, axes) in rows {
            let mut mask = None;
            let kept = self.kept(read, equation.body, 0, &mut mask);
            let kept = self.equations.pool.all(&[equation.condition, kept]);
            if kept == Condition::TRUE || self.some_element_holds(kept, &axes, &equation.reduced) {
                continue;
            }
            let own = mask.unwrap_or_else(|| self.user_place(read, &self.equations, name));
            if own.source < library::FIRST_SOURCE {
                places.insert(own);
            }
        }
        for span in places {
            let message = "a row of this mask may be empty: its `lse` is -inf, and a `softmax` of it NaN";
            let help = "keep one element of each row, or give empty rows a value of their own, as `masked_attention_core` does";
            self.warnings.push(Diagnostic::warning("NN0805", span, message).help(help));
        }
    }

    /// Where a scalar is not made -inf by a choice; the place of the mask.
    fn kept(&mut self, read: &Read<'a>, scalar: Scalar, depth: u32, mask: &mut Option<Span>) -> Condition {
        let is_minus_infinity = |this: &Self, scalar| this.equations.pool.number_of(scalar) == Some(f64::NEG_INFINITY);
        if depth > MOST_DEPTH {
            return Condition::TRUE;
        }
        match self.equations.pool.scalar(scalar).clone() {
            ScalarNode::Select(condition, a, b) => {
                let opposite = self.equations.pool.not(condition);
                let (yes, no) = (is_minus_infinity(self, a), is_minus_infinity(self, b));
                match (yes, no) {
                    (false, false) => Condition::TRUE,
                    (true, true) => Condition::FALSE,
                    (false, true) => {
                        let inner = self.kept(read, a, depth + 1, mask);
                        self.equations.pool.all(&[condition, inner])
                    }
                    (true, false) => {
                        let inner = self.kept(read, b, depth + 1, mask);
                        self.equations.pool.all(&[opposite, inner])
                    }
                }
            }
            ScalarNode::Add(parts) => {
                let kept: Vec<Condition> = parts.iter().map(|&part| self.kept(read, part, depth + 1, mask)).collect();
                self.equations.pool.all(&kept)
            }
            ScalarNode::Read { tensor, at } => {
                let Some(equation) = self.equations.tensors.get(&tensor).and_then(|tensor| tensor.equation()).cloned() else {
                    return Condition::TRUE;
                };
                if equation.reduction.is_some() {
                    return Condition::TRUE;
                }
                let inner = self.kept(read, equation.body, depth + 1, mask);
                if inner == Condition::TRUE {
                    return inner;
                }
                if let Some(origin) = read.forward.origins.get(&tensor).filter(|origin| origin.span.source < library::FIRST_SOURCE) {
                    mask.get_or_insert(origin.span);
                }
                let places: BTreeMap<u32, Index> = at.iter().enumerate().map(|(axis, &index)| (axis as u32, index)).collect();
                self.equations.pool.substitute_condition(inner, &places)
            }
            _ => Condition::TRUE,
        }
    }

    /// Whether a condition holds for some element of the reduced axes, whatever the others are.
    fn some_element_holds(&mut self, condition: Condition, axes: &[Index], reduced: &[Index]) -> bool {
        let zero = self.equations.pool.integer(0);
        let rank = axes.len();
        let own: Vec<Index> = axes.iter().enumerate().map(|(axis, &size)| self.equations.pool.axis(axis as u32, size)).collect();
        let mut tries: Vec<BTreeMap<u32, Index>> = vec![BTreeMap::new()];
        for (k, &size) in reduced.iter().enumerate() {
            let last = self.equations.pool.offset(size, -1);
            let mut values = vec![zero, last];
            values.extend(axes.iter().zip(&own).filter(|&(&other, _)| other == size).map(|(_, &index)| index));
            let grown: Vec<BTreeMap<u32, Index>> = tries
                .iter()
                .flat_map(|known| {
                    values.iter().map(move |&value| {
                        let mut known = known.clone();
                        known.insert((rank + k) as u32, value);
                        known
                    })
                })
                .take(MOST_TRIES)
                .collect();
            tries = grown;
        }
        tries.iter().any(|places| {
            let at = self.equations.pool.substitute_condition(condition, places);
            at == Condition::TRUE || self.equations.pool.parts_of(at).into_iter().all(|part| self.always(part))
        })
    }

    /// Whether ranges alone prove a condition.
    fn always(&mut self, condition: Condition) -> bool {
        match *self.equations.pool.condition(condition) {
            crate::equations::ConditionNode::True => true,
            crate::equations::ConditionNode::NonNegative(index) => self.proved(index, &[]),
            _ => false,
        }
    }
}
