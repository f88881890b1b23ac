//! Scalars, indices and conditions as text, with as few brackets as they need.
//!
//! Each text knows how tightly it holds together, and is bracketed where something tighter takes it: `a * (b + c)`, `-x^2`,
//! `x / (y * z)`. Signs and reciprocals are moved to where readers expect them.

use super::print::{axis_labels, bracketed, fresh_label, plainly_read, print_index, taken_names};
use super::*;
use std::collections::BTreeSet;

/// How tightly a text holds together.
type Strength = u8;
pub(super) const SUM: Strength = 0;
const PRODUCT: Strength = 1;
/// A sign, a reduction, an `if`: what goes on to the right as far as a product does.
const OPEN: Strength = 2;
const POWER: Strength = 3;
const ATOM: Strength = 4;

pub(super) struct Text {
    pub text: String,
    strength: Strength,
}

impl Text {
    fn new(text: impl Into<String>, strength: Strength) -> Self {
        Text { text: text.into(), strength }
    }
    pub(super) fn at_least(self, strength: Strength) -> String {
        if self.strength >= strength { self.text } else { format!("({})", self.text) }
    }
}

/// Prints what an equation holds.
pub(super) struct Printer<'a> {
    pool: &'a Pool,
    /// The names of the axes by number.
    labels: Vec<String>,
    /// For reductions shown inside.
    pub equations: Option<&'a Equations>,
    /// The reductions shown inside.
    pub inside: &'a BTreeSet<Name>,
    /// Names that no axis of a reduction shown inside may have.
    pub taken: BTreeSet<String>,
}

static NONE: BTreeSet<Name> = BTreeSet::new();

impl<'a> Printer<'a> {
    pub(super) fn new(pool: &'a Pool, labels: Vec<String>) -> Self {
        Printer { pool, labels, equations: None, inside: &NONE, taken: BTreeSet::new() }
    }

    pub(super) fn reduction(&self, reduction: Reduction, equation: &Equation, rank: usize, labels: &[String]) -> Text {
        let name = match reduction {
            Reduction::Sum => "sum",
            Reduction::Product => "prod",
            Reduction::Max => "max",
            Reduction::LogSumExp => "lse",
            Reduction::ArgMax => "argmax",
        };
        let plain = self.equations.map(|equations| plainly_read(equations, equation)).unwrap_or_default();
        let mut binders = Vec::new();
        for (number, &size) in equation.reduced.iter().enumerate() {
            let label = labels.get(rank + number).cloned().unwrap_or_default();
            if plain.contains(&((rank + number) as u32)) {
                binders.push(label);
            } else {
                binders.push(format!("{label}: {}", print_index(self.pool, &[], size)));
            }
        }
        let mut binders = binders.join(", ");
        if equation.condition != Condition::TRUE {
            binders += &format!(" where {}", self.condition(equation.condition).text);
        }
        let body = self.scalar(equation.body);
        let signed = body.text.starts_with('-');
        let body = if signed { format!("({})", body.text) } else { body.at_least(PRODUCT) };
        Text::new(format!("{name}({}) {body}", binders.trim_start()), OPEN)
    }

    fn read(&self, tensor: Name, at: &[Index]) -> Text {
        if self.inside.contains(&tensor)
            && let Some(equations) = self.equations
            && let Some(equation) = equations.tensors.get(&tensor).and_then(Tensor::equation)
            && let Some(reduction) = equation.reduction
        {
            // The reduction's axes by the names that they have here, its reduced axes by names of their own.
            let own = axis_labels(equations, tensor);
            let mut taken = self.taken.clone();
            taken.extend(self.labels.iter().cloned());
            taken.extend(taken_names(equations, tensor));
            let mut labels: Vec<String> = at.iter().map(|&index| self.index(index).text).collect();
            for label in own.iter().skip(at.len()) {
                let known = equations.tensors[&tensor].labels.len() > labels.len();
                let label = fresh_label(if known { label } else { "" }, &taken);
                taken.insert(label.clone());
                labels.push(label);
            }
            let mut printer = Printer::new(self.pool, labels.clone());
            printer.equations = self.equations;
            return printer.reduction(reduction, equation, at.len(), &labels);
        }
        let at: Vec<String> = at.iter().map(|&index| self.index(index).text).collect();
        Text::new(bracketed(self.pool.text(tensor), &at), ATOM)
    }

    pub(super) fn scalar(&self, scalar: Scalar) -> Text {
        match self.pool.scalar(scalar) {
            ScalarNode::Constant(value) => number(value.value()),
            ScalarNode::Read { tensor, at } => self.read(*tensor, at),
            ScalarNode::Add(terms) => self.sum(terms),
            ScalarNode::Mul(_) | ScalarNode::Power(..) => {
                let (negative, text) = self.signed(scalar);
                if negative { Text::new(format!("-{}", text.at_least(PRODUCT)), PRODUCT) } else { text }
            }
            ScalarNode::Max(a, b) => Text::new(format!("max({}, {})", self.scalar(*a).text, self.scalar(*b).text), ATOM),
            ScalarNode::Select(condition, a, b) => self.select(*condition, self.scalar(*a), self.scalar(*b)),
            ScalarNode::Real(index) => self.real(*index),
            ScalarNode::Apply(function, x) => Text::new(format!("{}({})", function.name(), self.scalar(*x).text), ATOM),
            ScalarNode::Stop(x) => Text::new(format!("stop({})", self.scalar(*x).text), ATOM),
        }
    }
    fn select(&self, condition: Condition, a: Text, b: Text) -> Text {
        Text::new(format!("if {} {{ {} }} else {{ {} }}", self.condition(condition).text, a.text, b.text), OPEN)
    }
    /// Among reals `/` is not rounded, so an index that is gets a mark.
    fn real(&self, index: Index) -> Text {
        let mut rounded = false;
        self.pool.visit(Parts::of_index(index), &mut |part| {
            if let Part::Atom(atom) = part {
                rounded |= matches!(self.pool.atom(atom), AtomNode::Div(..) | AtomNode::Mod(..));
            }
        });
        let text = self.index(index);
        if rounded { Text::new(format!("real({})", text.text), ATOM) } else { text }
    }
    /// The sign of a scalar, and the scalar without it.
    fn signed(&self, scalar: Scalar) -> (bool, Text) {
        match self.pool.scalar(scalar) {
            ScalarNode::Constant(value) if value.value() < 0.0 => (true, number(-value.value())),
            ScalarNode::Power(..) => (false, self.product(1.0, &[scalar])),
            ScalarNode::Select(condition, a, b) => {
                // a select whose branches are negative, or 0
                let is_zero = |scalar| self.pool.is_zero(scalar);
                let [negative_a, negative_b] = [*a, *b].map(|branch| self.is_negative(branch));
                if (negative_a && (negative_b || is_zero(*b))) || (negative_b && is_zero(*a)) {
                    let opposite = |branch| if is_zero(branch) { number(0.0) } else { self.opposite(branch) };
                    return (true, self.select(*condition, opposite(*a), opposite(*b)));
                }
                (false, self.scalar(scalar))
            }
            ScalarNode::Mul(factors) => match self.pool.number_of(factors[0]) {
                Some(constant) => {
                    if let Some((minimum, constant)) = self.minimum(constant, &factors[1..]) {
                        let factor = if constant == 1.0 {
                            minimum
                        } else {
                            Text::new(format!("{} * {}", number(constant.abs()).text, minimum.text), PRODUCT)
                        };
                        return (constant < 0.0, factor);
                    }
                    (constant < 0.0, self.product(constant.abs(), &factors[1..]))
                }
                None => (false, self.product(1.0, factors)),
            },
            _ => (false, self.scalar(scalar)),
        }
    }
    /// `-c * max(-a, -b)` as `c * min(a, b)`.
    fn minimum(&self, constant: f64, factors: &[Scalar]) -> Option<(Text, f64)> {
        let [factor] = factors else { return None };
        let ScalarNode::Max(a, b) = self.pool.scalar(*factor) else { return None };
        if constant >= 0.0 || !self.is_negative(*a) || !(self.is_negative(*b) || self.pool.number_of(*b).is_some()) {
            return None;
        }
        let text = format!("min({}, {})", self.opposite(*a).text, self.opposite(*b).text);
        Some((Text::new(text, ATOM), -constant))
    }
    /// Whether the opposite is the simpler text.
    fn is_negative(&self, scalar: Scalar) -> bool {
        match self.pool.scalar(scalar) {
            ScalarNode::Constant(value) => value.value() < 0.0,
            ScalarNode::Mul(factors) => self.pool.number_of(factors[0]).is_some_and(|constant| constant < 0.0),
            ScalarNode::Add(terms) => terms.iter().all(|&term| self.pool.number_of(term).is_some() || self.is_negative(term)),
            _ => false,
        }
    }
    fn opposite(&self, scalar: Scalar) -> Text {
        match self.pool.scalar(scalar) {
            ScalarNode::Add(terms) => self.sum_of(terms.iter().map(|&term| self.signed(term)).map(|(sign, text)| (!sign, text)).collect()),
            _ => match self.signed(scalar) {
                (true, text) => text,
                (false, text) => Text::new(format!("-{}", text.at_least(PRODUCT)), PRODUCT),
            },
        }
    }
    /// Terms with more axes first, then as they stand; a constant last.
    fn sum(&self, terms: &[Scalar]) -> Text {
        let mut order: Vec<Scalar> = terms.to_vec();
        let axes = |scalar: Scalar| self.pool.axes_of_scalar(scalar).len();
        let inside = |scalar: Scalar| self.pool.tensors_of_scalar(scalar).iter().any(|name| self.inside.contains(name));
        order.sort_by_cached_key(|&term| (self.pool.number_of(term).is_some(), std::cmp::Reverse(axes(term)), !inside(term)));
        self.sum_of(order.into_iter().map(|term| self.signed(term)).collect())
    }
    /// The first positive term first.
    fn sum_of(&self, mut terms: Vec<(bool, Text)>) -> Text {
        if let Some(at) = terms.iter().position(|&(negative, _)| !negative) {
            terms[..=at].rotate_right(1);
        }
        let mut text = String::new();
        for (position, (negative, term)) in terms.into_iter().enumerate() {
            let sign = match (position, negative) {
                (0, false) => "",
                (0, true) => "-",
                (_, false) => " + ",
                (_, true) => " - ",
            };
            text += sign;
            text += &term.at_least(PRODUCT);
        }
        Text::new(text, SUM)
    }
    /// A constant, numerators, and what they are divided by.
    fn product(&self, constant: f64, factors: &[Scalar]) -> Text {
        let (mut above, mut below) = (Vec::new(), Vec::new());
        let whole = 1.0 / constant;
        if constant != 1.0 {
            // 1 / 784 reads better than 0.0012755102040816326
            if whole.fract() == 0.0 && whole > 2.0 && whole < 1e15 && 1.0 / whole == constant && factors.len() < 9 {
                below.push(number(whole));
            } else {
                above.push(number(constant));
            }
        }
        for &factor in factors {
            match *self.pool.scalar(factor) {
                ScalarNode::Power(base, exponent) => {
                    let power = self.power(base, exponent.value().abs());
                    if exponent.value() < 0.0 { below.push(power) } else { above.push(power) }
                }
                _ => above.push(self.scalar(factor)),
            }
        }
        // What is open to the right stands last, or in brackets.
        above.sort_by_key(|text| text.strength == OPEN && below.is_empty());
        let last = above.len().saturating_sub(1);
        let strength = match (&above[..], &below[..]) {
            ([one], []) => one.strength,
            ([.., one], []) if one.strength == OPEN => OPEN,
            _ => PRODUCT,
        };
        let alone = below.is_empty();
        let above: Vec<String> = above
            .into_iter()
            .enumerate()
            .map(|(at, text)| {
                if alone && at == last && text.strength == OPEN {
                    text.text
                } else {
                    text.at_least(if last == 0 && alone { SUM } else { POWER })
                }
            })
            .collect();
        let above = if above.is_empty() { "1".to_string() } else { above.join(" * ") };
        let many = below.len() > 1;
        let below: Vec<String> = below.into_iter().map(|text| text.at_least(POWER)).collect();
        match (below.is_empty(), many) {
            (true, _) => Text::new(above, strength),
            (false, false) => Text::new(format!("{above} / {}", below[0]), PRODUCT),
            (false, true) => Text::new(format!("{above} / ({})", below.join(" * ")), PRODUCT),
        }
    }
    fn power(&self, base: Scalar, exponent: f64) -> Text {
        if exponent == 1.0 {
            self.scalar(base)
        } else if exponent == 0.5 {
            Text::new(format!("sqrt({})", self.scalar(base).text), ATOM)
        } else {
            Text::new(format!("{}^{}", self.scalar(base).at_least(ATOM), number(exponent).text), POWER)
        }
    }

    fn atom(&self, atom: Atom) -> Text {
        match self.pool.atom(atom) {
            AtomNode::Axis { number, .. } => {
                let label = self.labels.get(*number as usize).cloned();
                Text::new(label.unwrap_or_else(|| format!("axis{number}")), ATOM)
            }
            AtomNode::Size { name, .. } => Text::new(self.pool.text(*name), ATOM),
            AtomNode::Product(atoms) => {
                let parts: Vec<String> = atoms.iter().map(|&atom| self.atom(atom).at_least(POWER)).collect();
                Text::new(parts.join(" * "), PRODUCT)
            }
            AtomNode::Div(x, m) => self.division(*x, "/", *m),
            AtomNode::Mod(x, m) => self.division(*x, "%", *m),
            AtomNode::Read { tensor, at, .. } => {
                let at: Vec<String> = at.iter().map(|&index| self.index(index).text).collect();
                Text::new(bracketed(self.pool.text(*tensor), &at), ATOM)
            }
        }
    }
    fn division(&self, x: Index, sign: &str, m: Index) -> Text {
        let is_division = |&(atom, _): &(Atom, i64)| matches!(self.pool.atom(atom), AtomNode::Div(..) | AtomNode::Mod(..));
        let left = if self.pool.affine(x).terms.iter().any(is_division) { POWER } else { PRODUCT };
        Text::new(format!("{} {sign} {}", self.index(x).at_least(left), self.index(m).at_least(POWER)), PRODUCT)
    }
    pub(super) fn index(&self, index: Index) -> Text {
        let affine = self.pool.affine(index);
        self.linear(&affine.terms, affine.constant)
    }
    /// `constant + sum coefficient * atom`, the first positive part first.
    fn linear(&self, terms: &[(Atom, i64)], constant: i64) -> Text {
        let mut parts: Vec<(bool, Text)> = Vec::new();
        for &(atom, coefficient) in terms {
            let part = self.atom(atom);
            let part = match coefficient.unsigned_abs() {
                1 => part,
                size => {
                    let strength = if matches!(self.pool.atom(atom), AtomNode::Product(_)) { PRODUCT } else { POWER };
                    Text::new(format!("{size} * {}", part.at_least(strength)), PRODUCT)
                }
            };
            parts.push((coefficient < 0, part));
        }
        if constant != 0 || parts.is_empty() {
            parts.push((constant < 0, Text::new(constant.unsigned_abs().to_string(), ATOM)));
        }
        if parts.len() == 1 && !parts[0].0 {
            return parts.remove(0).1;
        }
        self.sum_of(parts)
    }

    pub(super) fn condition(&self, condition: Condition) -> Text {
        match self.pool.condition(condition) {
            ConditionNode::True => Text::new("true", ATOM),
            ConditionNode::False => Text::new("false", ATOM),
            ConditionNode::NonNegative(index) => Text::new(self.bound(*index), POWER),
            ConditionNode::Zero(index) => Text::new(self.equality(*index, "=="), POWER),
            ConditionNode::Compare(relation, a, b) => {
                let relation = match relation {
                    Relation::Less => "<",
                    Relation::LessEqual => "<=",
                    Relation::Equal => "==",
                };
                let side = |scalar| {
                    let text = self.scalar(scalar);
                    if text.strength == OPEN { format!("({})", text.text) } else { text.text }
                };
                Text::new(format!("{} {relation} {}", side(*a), side(*b)), POWER)
            }
            ConditionNode::All(parts) => Text::new(self.all(parts), PRODUCT),
            ConditionNode::Not(part) => match self.pool.condition(*part) {
                ConditionNode::Zero(index) => Text::new(self.equality(*index, "!="), POWER),
                ConditionNode::All(parts) => {
                    let parts: Vec<String> = parts.iter().map(|&part| self.negation(part).at_least(PRODUCT)).collect();
                    Text::new(parts.join(" || "), SUM)
                }
                _ => Text::new(format!("!({})", self.condition(*part).text), POWER),
            },
        }
    }
    fn negation(&self, condition: Condition) -> Text {
        match self.pool.condition(condition) {
            ConditionNode::NonNegative(index) => {
                let affine = self.pool.affine(*index);
                let terms: Vec<(Atom, i64)> = affine.terms.iter().map(|&(atom, k)| (atom, k.saturating_neg())).collect();
                Text::new(self.bound_of(&terms, affine.constant.saturating_neg().saturating_sub(1)), POWER)
            }
            ConditionNode::Zero(index) => Text::new(self.equality(*index, "!="), POWER),
            ConditionNode::Not(inner) => self.condition(*inner),
            _ => Text::new(format!("!({})", self.condition(condition).text), POWER),
        }
    }
    /// All parts; a lower and an upper bound of the same index as a chain `0 <= i < n`.
    fn all(&self, parts: &[Condition]) -> String {
        let mut texts = Vec::new();
        let mut done = vec![false; parts.len()];
        for at in 0..parts.len() {
            if done[at] {
                continue;
            }
            let ConditionNode::NonNegative(one) = self.pool.condition(parts[at]) else {
                texts.push(self.condition(parts[at]).at_least(PRODUCT));
                continue;
            };
            let partner = (at + 1..parts.len()).find_map(|other| match self.pool.condition(parts[other]) {
                ConditionNode::NonNegative(index) if !done[other] => self.chain(*one, *index).map(|text| (other, text)),
                _ => None,
            });
            match partner {
                Some((other, text)) => {
                    done[other] = true;
                    texts.push(text);
                }
                None => texts.push(self.bound(*one)),
            }
        }
        texts.join(" && ")
    }
    /// `a >= 0 && b >= 0` where `a + b` has no axes.
    fn chain(&self, a: Index, b: Index) -> Option<String> {
        let is_size = |atom: Atom| self.pool.is_size_atom(atom);
        let split = |index: Index| {
            let affine = self.pool.affine(index);
            let (sizes, moving): (Vec<_>, Vec<_>) = affine.terms.iter().copied().partition(|&(atom, _)| is_size(atom));
            (moving, sizes, affine.constant)
        };
        let ((p, r, c), (q, s, d)) = (split(a), split(b));
        let opposite = p.len() == q.len() && !p.is_empty() && p.iter().zip(&q).all(|(&(x, k), &(y, l))| x == y && k == -l);
        if !opposite {
            return None;
        }
        // of `x` and `size - 1 - x` the one with the simpler constant part is the index, else the one that begins with a plus
        let part = |sizes: &[(Atom, i64)], constant: i64| (sizes.len(), constant.unsigned_abs());
        let first = match part(&r, c).cmp(&part(&s, d)) {
            order if order.is_ne() && p.len() > 1 => order.is_lt(),
            _ => p[0].1 > 0,
        };
        let ((moving, low_sizes, low), (high_sizes, high)) = if first { ((p, r, c), (s, d)) } else { ((q, s, d), (r, c)) };
        let high = high.saturating_add(1);
        if let [(_, 1)] = moving[..] {
            let negated: Vec<(Atom, i64)> = low_sizes.iter().map(|&(atom, k)| (atom, -k)).collect();
            let (low, index) = (self.linear(&negated, low.saturating_neg()).text, self.linear(&moving, 0).text);
            return Some(format!("{low} <= {index} < {}", self.linear(&high_sizes, high).text));
        }
        // the whole index between 0 and a size
        let mut all = moving;
        all.extend(&low_sizes);
        let mut sizes = high_sizes;
        for (atom, k) in low_sizes {
            match sizes.iter_mut().find(|(other, _)| *other == atom) {
                Some((_, l)) => *l += k,
                None => sizes.push((atom, k)),
            }
        }
        sizes.retain(|&(_, k)| k != 0);
        Some(format!("0 <= {} < {}", self.linear(&all, low).text, self.linear(&sizes, high.saturating_add(low)).text))
    }
    fn bound(&self, index: Index) -> String {
        let affine = self.pool.affine(index);
        self.bound_of(&affine.terms, affine.constant)
    }
    /// `constant + terms >= 0`, each side positive.
    fn bound_of(&self, terms: &[(Atom, i64)], constant: i64) -> String {
        let (above, below): (Vec<_>, Vec<_>) = terms.iter().copied().partition(|&(_, k)| k > 0);
        let below: Vec<(Atom, i64)> = below.into_iter().map(|(atom, k)| (atom, k.saturating_neg())).collect();
        let sizes = |terms: &[(Atom, i64)]| terms.iter().all(|&(atom, _)| self.pool.is_size_atom(atom));
        if below.is_empty() || (sizes(&below) && !sizes(&above)) {
            return format!("{} >= {}", self.linear(&above, 0).text, self.linear(&below, constant.saturating_neg()).text);
        }
        if constant == 0 && !above.is_empty() {
            return format!("{} <= {}", self.linear(&below, 0).text, self.linear(&above, 0).text);
        }
        format!("{} < {}", self.linear(&below, 0).text, self.linear(&above, constant.saturating_add(1)).text)
    }
    fn equality(&self, index: Index, relation: &str) -> String {
        let affine = self.pool.affine(index);
        let (above, below): (Vec<_>, Vec<_>) = affine.terms.iter().copied().partition(|&(_, k)| k > 0);
        let below: Vec<(Atom, i64)> = below.into_iter().map(|(atom, k)| (atom, k.saturating_neg())).collect();
        let (left, right) = if affine.constant > 0 && !below.is_empty() {
            (self.linear(&above, affine.constant), self.linear(&below, 0))
        } else {
            (self.linear(&above, 0), self.linear(&below, affine.constant.saturating_neg()))
        };
        format!("{} {relation} {}", left.text, right.text)
    }
}

fn number(value: f64) -> Text {
    let size = value.abs();
    let text = if value.is_nan() {
        "nan".to_string()
    } else if size.is_infinite() {
        "inf".to_string()
    } else if size == 0.0 || (1e-4..1e15).contains(&size) {
        format!("{size}")
    } else {
        format!("{size:e}")
    };
    if value < 0.0 { Text::new(format!("-{text}"), PRODUCT) } else { Text::new(text, ATOM) }
}
