//! Kinds: which integers an index tensor holds, and that a probability is one. Proved by interval arithmetic over the equations.
//!
//! Each tensor's interval is found when its equation is made, from those of the tensors that it reads. `exp(x[f] - z)` is in `[0, 1]`
//! where `z` is the `lse` of a body that is `x[f]` for some element of its reduced axes.

use super::Elaboration;
use super::define::Root;
use super::values::{Context, Frame, Outcome, Position, Reported, Tensor};
use crate::equations::{Condition, Definition, Function, Index, Name, Reduction, Scalar, ScalarNode};
use nnc_grammar::tree::{Kind, KindKind, Port};
use nnc_grammar::{Diagnostic, Span};
use std::collections::BTreeMap;

/// The least and the greatest value.
pub(super) type Interval = (f64, f64);

/// Intervals that are known under the facts of a branch.
#[derive(Default)]
struct Known {
    intervals: BTreeMap<(Scalar, u32), Interval>,
    /// The number of the branch.
    at: u32,
    branches: u32,
    /// A scalar that branches share is looked at in each: after many looks nothing is known.
    looks: u32,
}

impl Known {
    fn enter(&mut self) {
        self.branches += 1;
        self.at = self.branches;
    }
}

const ALL: Interval = (f64::NEG_INFINITY, f64::INFINITY);

impl<'a> Elaboration<'a> {
    /// The ends of a kind `index(low .. high)`.
    pub(super) fn index_range(&mut self, frame: &mut Frame<'a>, kind: &'a Kind) -> Outcome<Option<(Index, Index)>> {
        let KindKind::Index { low, high } = &kind.kind else { return Ok(None) };
        let mut context = Context::new(frame, frame.definition.clone());
        let low = match low {
            None => self.equations.pool.integer(0),
            Some(low) => self.integer(frame, &mut context, low)?,
        };
        let high = self.integer(frame, &mut context, high)?;
        let count = self.equations.pool.minus(high, low);
        if !self.equations.pool.is_size(low) || !self.equations.pool.is_size(high) {
            return Err(self.report(Diagnostic::error("NN0203", kind.span, "the range of a kind cannot depend on an index")));
        }
        self.check_size(count, kind.span, "the range of an index")?;
        Ok(Some((low, high)))
    }

    /// Whether an input has the kind of its port.
    pub(super) fn check_kind(&mut self, frame: &mut Frame<'a>, name: &str, port: &'a Port, input: &Tensor, span: Span) -> Outcome<()> {
        match (&port.kind, input.integer) {
            (None, None) => Ok(()),
            (None | Some(Kind { kind: KindKind::Probability, .. }), Some(_)) => {
                let message = format!("`{name}` takes reals in `{}`, and its input is an index tensor", port.name.text);
                let help = "an index tensor is used as an index, in comparisons, or as a number: `1 * t`";
                Err(self.report(Diagnostic::error("NN0402", span, message).also(port.span, "this port").help(help)))
            }
            (Some(Kind { kind: KindKind::Probability, .. }), None) => {
                let (low, high) = self.interval(input.name);
                if low >= 0.0 && high <= 1.0 {
                    return Ok(());
                }
                let range = if (low, high) == ALL { "may be any number".to_string() } else { format!("is in {low} ..= {high}") };
                let message = format!("`{name}` takes probabilities in `{}`, and its input {range}", port.name.text);
                let given = self.inputs.iter().chain(&self.targets).find(|given| given.tensor == input.name);
                let help = match given {
                    Some(given) => format!("if it holds probabilities, write `: prob` behind `{}` where it is declared", given.name),
                    None => "end it in `softmax` or `sigmoid`, or supply the bounds: `-> clamp`".to_string(),
                };
                Err(self.report(Diagnostic::error("NN0401", span, message).also(port.span, "this port").help(help)))
            }
            (Some(kind), found) => {
                let Some((low, high)) = self.index_range(frame, kind)? else { return Err(Reported) };
                let shown = format!("index({}..{})", self.show_size(low), self.show_size(high));
                let Some((found_low, found_high)) = found else {
                    let message = format!("`{name}` takes an index tensor in `{}`, and its input holds reals", port.name.text);
                    let help = format!("declare it as `{shown}`, or choose by `argmax`");
                    return Err(self.report(Diagnostic::error("NN0403", span, message).also(port.span, "this port").help(help)));
                };
                let below = self.equations.pool.minus(found_low, low);
                let above = self.equations.pool.minus(high, found_high);
                for side in [below, above] {
                    if self.equations.pool.never_negative(side) {
                        continue;
                    }
                    if !self.equations.pool.always_negative(side) && !self.has_batch(side) {
                        let zero = self.equations.pool.integer(0);
                        self.assert(zero, false, side, format!("{name}: `{}` needs values in {shown}", port.name.text));
                        continue;
                    }
                    let found = format!("index({}..{})", self.show_size(found_low), self.show_size(found_high));
                    let message = format!("`{name}` takes `{shown}` in `{}`, and its input is `{found}`", port.name.text);
                    return Err(self.report(Diagnostic::error("NN0403", span, message).also(port.span, "this port")));
                }
                Ok(())
            }
        }
    }

    fn has_batch(&self, index: Index) -> bool {
        self.names_in(index).iter().any(|&name| self.equations.pool.text(name) == crate::model::BATCH)
    }

    /// The interval of a tensor's elements.
    pub(super) fn interval(&self, name: Name) -> Interval {
        self.intervals.get(&name).copied().unwrap_or(ALL)
    }

    /// The interval of what an equation makes, if it is not the whole line.
    pub(super) fn interval_of_root(&mut self, root: &Root, facts: &[Condition]) -> Option<Interval> {
        let mut known = Known::default();
        let interval = match root {
            Root::Value(scalar) => self.interval_of(*scalar, &mut facts.to_vec(), &mut known),
            Root::Reduced(reduced) => {
                let mut facts = facts.to_vec();
                facts.push(reduced.condition);
                let (low, high) = self.interval_of(reduced.body, &mut facts, &mut known);
                match reduced.reduction {
                    // over no element it is 0
                    Reduction::Sum if low >= 0.0 => (0.0, if high == 0.0 { 0.0 } else { f64::INFINITY }),
                    Reduction::Sum if high <= 0.0 => (f64::NEG_INFINITY, 0.0),
                    Reduction::Product if low >= 0.0 && high <= 1.0 => (0.0, 1.0),
                    Reduction::Max if reduced.condition == Condition::TRUE => (low, high),
                    Reduction::Max => (f64::NEG_INFINITY, high),
                    _ => ALL,
                }
            }
        };
        (interval != ALL).then_some(interval)
    }

    /// The interval of a scalar under a condition.
    pub(super) fn interval_under(&mut self, scalar: Scalar, condition: Condition) -> Interval {
        self.interval_of(scalar, &mut vec![condition], &mut Known::default())
    }

    fn interval_of(&mut self, scalar: Scalar, facts: &mut Vec<Condition>, known: &mut Known) -> Interval {
        known.looks += 1;
        if known.looks > 50_000 {
            return ALL;
        }
        if let Some(&interval) = known.intervals.get(&(scalar, known.at)) {
            return interval;
        }
        let interval = match self.equations.pool.scalar(scalar).clone() {
            ScalarNode::Constant(value) => (value.value(), value.value()),
            ScalarNode::Read { tensor, .. } => self.interval(tensor),
            ScalarNode::Add(terms) => {
                terms.iter().map(|&term| self.interval_of(term, facts, known)).fold((0.0, 0.0), |a, b| clean((a.0 + b.0, a.1 + b.1)))
            }
            ScalarNode::Mul(factors) => match self.interval_of_mean(&factors) {
                Some(interval) => interval,
                None => factors.iter().map(|&factor| self.interval_of(factor, facts, known)).fold((1.0, 1.0), multiplied),
            },
            ScalarNode::Power(base, exponent) => {
                let (low, high) = self.interval_of(base, facts, known);
                let exponent = exponent.value();
                let power = |x: f64| x.powf(exponent);
                if exponent > 0.0 && low >= 0.0 {
                    (power(low), power(high))
                } else if exponent < 0.0 && low >= 0.0 {
                    clean((power(high), power(low)))
                } else if exponent.fract() == 0.0 && exponent % 2.0 == 0.0 && exponent > 0.0 {
                    (0.0, power(low.abs().max(high.abs())))
                } else {
                    ALL
                }
            }
            ScalarNode::Max(a, b) => {
                let (a, b) = (self.interval_of(a, facts, known), self.interval_of(b, facts, known));
                (a.0.max(b.0), a.1.max(b.1))
            }
            ScalarNode::Select(condition, a, b) => {
                let outer = known.at;
                known.enter();
                facts.push(condition);
                let yes = self.interval_of(a, facts, known);
                facts.pop();
                let opposite = self.equations.pool.not(condition);
                known.enter();
                facts.push(opposite);
                let no = self.interval_of(b, facts, known);
                facts.pop();
                known.at = outer;
                (yes.0.min(no.0), yes.1.max(no.1))
            }
            ScalarNode::Real(index) => {
                let end = |this: &mut Self, greatest| {
                    let end = this.equations.pool.extreme(index, greatest)?;
                    this.equations.pool.constant_of(end).map(|value| value as f64)
                };
                let low = end(self, false).or_else(|| self.equations.pool.never_negative(index).then_some(0.0));
                let high = end(self, true);
                (low.unwrap_or(f64::NEG_INFINITY), high.unwrap_or(f64::INFINITY))
            }
            ScalarNode::Apply(function, x) => {
                let (low, high) = self.interval_of(x, facts, known);
                match function {
                    Function::Exp if self.below_lse(x, facts) => (0.0, 1.0),
                    Function::Exp => clean((low.exp(), high.exp())),
                    Function::Log if low > 0.0 => (low.ln(), high.ln()),
                    Function::Log => (f64::NEG_INFINITY, if high > 0.0 { high.ln() } else { f64::INFINITY }),
                    Function::Tanh => (low.tanh(), high.tanh()),
                    Function::Sigmoid => (1.0 / (1.0 + (-low).exp()), 1.0 / (1.0 + (-high).exp())),
                    Function::Softplus => (0.0, f64::INFINITY),
                    Function::Erf | Function::Sin | Function::Cos => (-1.0, 1.0),
                    Function::Abs if low >= 0.0 => (low, high),
                    Function::Abs => (0.0, low.abs().max(high.abs())),
                    Function::Floor => (low.floor(), high.floor()),
                }
            }
            ScalarNode::Stop(x) => self.interval_of(x, facts, known),
        };
        let interval = clean(interval);
        known.intervals.insert((scalar, known.at), interval);
        interval
    }

    /// A sum over `n` elements times `1 / n` lies between the ends of its body.
    fn interval_of_mean(&mut self, factors: &[Scalar]) -> Option<Interval> {
        let mut others = factors.to_vec();
        let at = others.iter().position(|&factor| self.mean_body(factor).is_some())?;
        let (body, reduced, condition) = self.mean_body(others.remove(at))?;
        // what is left is exactly the reciprocal of the count
        let one = self.equations.pool.constant(1.0);
        let matches = if condition == Condition::TRUE {
            let count = self.equations.pool.count(&reduced);
            let count = self.equations.pool.real(count);
            let guarded = self.equations.pool.max(count, one);
            let left = self.equations.pool.mul(&others);
            let (plain, guarded) = (self.equations.pool.power(count, -1.0), self.equations.pool.power(guarded, -1.0));
            left == plain || left == guarded
        } else {
            let [reciprocal] = others[..] else { return None };
            let ScalarNode::Power(base, exponent) = *self.equations.pool.scalar(reciprocal) else { return None };
            let ScalarNode::Max(count, least) = *self.equations.pool.scalar(base) else { return None };
            let ScalarNode::Read { tensor, .. } = *self.equations.pool.scalar(count) else { return None };
            let equation = self.equations.tensors.get(&tensor)?.equation()?;
            exponent.value() == -1.0
                && least == one
                && equation.condition == condition
                && equation.body == one
                && equation.reduced == reduced
        };
        if !matches {
            return None;
        }
        let (low, high) = self.interval_of(body, &mut vec![condition], &mut Known::default());
        // over no element it is 0
        Some(if condition == Condition::TRUE { (low, high) } else { (low.min(0.0), high.max(0.0)) })
    }

    fn mean_body(&self, factor: Scalar) -> Option<(Scalar, Vec<Index>, Condition)> {
        let ScalarNode::Read { tensor, .. } = *self.equations.pool.scalar(factor) else { return None };
        let equation = self.equations.tensors.get(&tensor)?.equation()?;
        (equation.reduction == Some(Reduction::Sum)).then(|| (equation.body, equation.reduced.clone(), equation.condition))
    }

    /// Whether a difference is `b(r) - lse(r) b(r)` for some `r`.
    fn below_lse(&mut self, difference: Scalar, facts: &[Condition]) -> bool {
        let ScalarNode::Add(terms) = self.equations.pool.scalar(difference).clone() else { return false };
        for (at, &term) in terms.iter().enumerate() {
            let ScalarNode::Mul(factors) = self.equations.pool.scalar(term) else { continue };
            let [minus, read] = factors[..] else { continue };
            if self.equations.pool.number_of(minus) != Some(-1.0) {
                continue;
            }
            let ScalarNode::Read { tensor, at: indices } = self.equations.pool.scalar(read).clone() else { continue };
            let Some(defined) = self.equations.tensors.get(&tensor) else { continue };
            let Definition::Equation(equation) = &defined.definition else { continue };
            if equation.reduction != Some(Reduction::LogSumExp) {
                continue;
            }
            let (body, condition, reduced, rank) = (equation.body, equation.condition, equation.reduced.clone(), defined.axes.len());
            let mut rest = terms.clone();
            rest.remove(at);
            let rest = self.equations.pool.add(&rest);
            let mut places: BTreeMap<u32, Index> = indices.iter().enumerate().map(|(axis, &index)| (axis as u32, index)).collect();
            if !self.match_scalars(body, rest, rank as u32, &mut places) {
                continue;
            }
            let in_range = reduced.iter().enumerate().all(|(k, &size)| match places.get(&((rank + k) as u32)) {
                Some(&index) => {
                    let last = self.equations.pool.offset(size, -1);
                    let above = self.equations.pool.minus(last, index);
                    self.proved(index, facts) && self.proved(above, facts)
                }
                None => true,
            });
            if !in_range {
                continue;
            }
            let needed = self.equations.pool.substitute_condition(condition, &places);
            let held: Vec<Condition> = facts.iter().flat_map(|&fact| self.equations.pool.parts_of(fact)).collect();
            if self.equations.pool.parts_of(needed).iter().all(|part| held.contains(part)) {
                return true;
            }
        }
        false
    }

    /// Whether `pattern` becomes `found` when the axes from `first` on stand for some indices; these are noted.
    fn match_scalars(&mut self, pattern: Scalar, found: Scalar, first: u32, places: &mut BTreeMap<u32, Index>) -> bool {
        let pool = &self.equations.pool;
        match (pool.scalar(pattern).clone(), pool.scalar(found).clone()) {
            (ScalarNode::Read { tensor: a, at: p }, ScalarNode::Read { tensor: b, at: f }) if a == b && p.len() == f.len() => {
                for (&p, &f) in p.iter().zip(&f) {
                    if let Some(axis) = self.equations.pool.axis_of(p).filter(|axis| *axis >= first)
                        && !places.contains_key(&axis)
                    {
                        places.insert(axis, f);
                    }
                    if self.equations.pool.substitute_index(p, places) != f {
                        return false;
                    }
                }
                true
            }
            (ScalarNode::Mul(a), ScalarNode::Mul(b)) | (ScalarNode::Add(a), ScalarNode::Add(b)) if a.len() == b.len() => {
                a.iter().zip(&b).all(|(&a, &b)| self.match_scalars(a, b, first, places))
            }
            (ScalarNode::Select(c, a, b), ScalarNode::Select(d, x, y)) => {
                self.match_scalars(a, x, first, places)
                    && self.match_scalars(b, y, first, places)
                    && self.equations.pool.substitute_condition(c, places) == d
            }
            (ScalarNode::Apply(f, a), ScalarNode::Apply(g, b)) if f == g => self.match_scalars(a, b, first, places),
            _ => self.equations.pool.substitute_scalar(pattern, places) == found,
        }
    }

    /// The body of an integer tensor, its range proved.
    pub(super) fn integer_root(
        &mut self,
        frame: &mut Frame<'a>,
        context: &mut Context,
        expression: &'a nnc_grammar::tree::Expression,
        range: (Index, Index),
    ) -> Outcome<Scalar> {
        use nnc_grammar::tree::ExpressionKind;
        match &expression.kind {
            ExpressionKind::Group(flows) if flows.len() == 1 && flows[0].stages.is_empty() => {
                self.integer_root(frame, context, &flows[0].value, range)
            }
            ExpressionKind::If { arms, otherwise } => {
                let known = context.facts.len();
                let result = (|| {
                    let mut taken = Vec::new();
                    for (test, flow) in arms {
                        let condition = self.condition(frame, context, test)?;
                        if condition == Condition::FALSE {
                            continue;
                        }
                        context.facts.push(condition);
                        let value = self.integer_root(frame, context, &flow.value, range);
                        context.facts.pop();
                        taken.push((condition, value?));
                        let opposite = self.equations.pool.not(condition);
                        context.facts.push(opposite);
                        if condition == Condition::TRUE {
                            break;
                        }
                    }
                    let mut result = match taken.last() {
                        Some(&(Condition::TRUE, value)) => value,
                        _ => self.integer_root(frame, context, &otherwise.value, range)?,
                    };
                    for (condition, value) in taken.into_iter().rev() {
                        result = self.equations.pool.select(condition, value, result);
                    }
                    Ok(result)
                })();
                context.facts.truncate(known);
                result
            }
            _ => {
                let value = self.evaluate(frame, context, expression, Position::Integer)?;
                let index = self.integer_of(value, expression.span)?;
                let below = self.equations.pool.minus(index, range.0);
                let last = self.equations.pool.offset(range.1, -1);
                let above = self.equations.pool.minus(last, index);
                if self.proved(below, &context.facts) && self.proved(above, &context.facts) {
                    return Ok(self.equations.pool.real(index));
                }
                let shown = self.show_index(context, index);
                let range = format!("{}..{}", self.show_size(range.0), self.show_size(range.1));
                let message = format!("`{shown}` is not proved to be in {range}");
                let help = "choose another value outside of the range: `if … { … } else { 0 }`";
                Err(self.report(Diagnostic::error("NN0403", expression.span, message).help(help)))
            }
        }
    }
}

fn clean(interval: Interval) -> Interval {
    let low = if interval.0.is_nan() { f64::NEG_INFINITY } else { interval.0 };
    let high = if interval.1.is_nan() { f64::INFINITY } else { interval.1 };
    (low, high)
}

fn multiplied(a: Interval, b: Interval) -> Interval {
    // 0 times an end at infinity is 0: the end itself is not taken
    let times = |x: f64, y: f64| if x == 0.0 || y == 0.0 { 0.0 } else { x * y };
    let products = [times(a.0, b.0), times(a.0, b.1), times(a.1, b.0), times(a.1, b.1)];
    (products.iter().copied().fold(f64::INFINITY, f64::min), products.iter().copied().fold(f64::NEG_INFINITY, f64::max))
}
