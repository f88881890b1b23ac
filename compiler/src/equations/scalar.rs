//! Real expressions; their constructors are the rules on floats.
//!
//! Every rule is exact in real arithmetic. None removes a NaN or an infinity that the data bring (`x - x`, `x / x` and `x * 0` with a
//! computed 0 stay), and none evaluates a branch that is not taken. A factor that is the constant 0 makes a product 0, as the language
//! says. Rules that can change rounding say so.

use super::pool::{Condition, Index, Name, Pool, Scalar};
use std::collections::BTreeSet;

/// A real expression.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ScalarNode {
    /// A number.
    Constant(Constant),
    /// An element of a real tensor.
    Read {
        /// The tensor.
        tensor: Name,
        /// Which element.
        at: Vec<Index>,
    },
    /// The sum of two or more, in order, none of them a sum.
    Add(Vec<Scalar>),
    /// The product of two or more, in order, none of them a product; a constant comes first.
    Mul(Vec<Scalar>),
    /// A power by a constant that is not 0 or 1; 0.5 is the square root, -1 the reciprocal.
    Power(Scalar, Constant),
    /// The larger; NaN if one is NaN. A constant comes second.
    Max(Scalar, Scalar),
    /// The first where the condition holds, else the second; the other one is not evaluated.
    Select(Condition, Scalar, Scalar),
    /// An integer as a real.
    Real(Index),
    /// A function of one number.
    Apply(Function, Scalar),
    /// The value, with gradient 0.
    Stop(Scalar),
}

/// A number, compared by its bits; never -0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Constant(u64);

impl Constant {
    /// The constant of a number.
    pub fn new(value: f64) -> Self {
        Constant(if value == 0.0 { 0 } else { value.to_bits() })
    }
    /// The number.
    pub fn value(self) -> f64 {
        f64::from_bits(self.0)
    }
}

/// The functions that have no simpler form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Function {
    Exp,
    Log,
    Tanh,
    Sigmoid,
    /// `ln(1 + exp(x))`
    Softplus,
    Erf,
    Sin,
    Cos,
    Abs,
    Floor,
}

/// How two reals are compared; false where one is NaN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Relation {
    Less,
    LessEqual,
    Equal,
}

impl Relation {
    /// Whether it holds.
    pub fn holds(self, a: f64, b: f64) -> bool {
        match self {
            Relation::Less => a < b,
            Relation::LessEqual => a <= b,
            Relation::Equal => a == b,
        }
    }
}

impl Function {
    /// Its name in the language.
    pub fn name(self) -> &'static str {
        match self {
            Function::Exp => "exp",
            Function::Log => "log",
            Function::Tanh => "tanh",
            Function::Sigmoid => "sigmoid",
            Function::Softplus => "softplus",
            Function::Erf => "erf",
            Function::Sin => "sin",
            Function::Cos => "cos",
            Function::Abs => "abs",
            Function::Floor => "floor",
        }
    }
}

impl Pool {
    /// A number.
    pub fn constant(&mut self, value: f64) -> Scalar {
        self.intern_scalar(ScalarNode::Constant(Constant::new(value)))
    }
    /// The number, if it is one.
    pub fn number_of(&self, scalar: Scalar) -> Option<f64> {
        match self.scalar(scalar) {
            ScalarNode::Constant(constant) => Some(constant.value()),
            _ => None,
        }
    }
    /// Whether it is the constant 0.
    pub fn is_zero(&self, scalar: Scalar) -> bool {
        self.number_of(scalar) == Some(0.0)
    }
    /// An element of a real tensor.
    pub fn read(&mut self, tensor: Name, at: Vec<Index>) -> Scalar {
        self.intern_scalar(ScalarNode::Read { tensor, at })
    }
    /// An integer as a real.
    pub fn real(&mut self, index: Index) -> Scalar {
        match self.constant_of(index) {
            Some(value) => self.constant(value as f64),
            None => self.intern_scalar(ScalarNode::Real(index)),
        }
    }
    /// The value with gradient 0.
    pub fn stop(&mut self, x: Scalar) -> Scalar {
        match self.scalar(x) {
            ScalarNode::Constant(_) | ScalarNode::Stop(_) => x,
            // an element of an index tensor keeps it: that no gradient is meant there is said by it
            ScalarNode::Real(index) if self.tensors_of_index(*index).is_empty() => x,
            _ => self.intern_scalar(ScalarNode::Stop(x)),
        }
    }

    /// The sum.
    pub fn add(&mut self, terms: &[Scalar]) -> Scalar {
        let mut constant = 0.0;
        // term -> coefficient, in order of appearance; sorted at the end
        let mut parts: Vec<(Scalar, f64)> = Vec::new();
        let mut stack: Vec<Scalar> = terms.iter().rev().copied().collect();
        while let Some(term) = stack.pop() {
            let (term, coefficient) = match self.scalar(term) {
                ScalarNode::Add(inner) => {
                    stack.extend(inner.iter().rev());
                    continue;
                }
                ScalarNode::Constant(value) => {
                    constant += value.value();
                    continue;
                }
                ScalarNode::Mul(factors) if self.number_of(factors[0]).is_some() => {
                    let coefficient = self.number_of(factors[0]).unwrap_or(1.0);
                    let rest = factors[1..].to_vec();
                    (self.mul(&rest), coefficient)
                }
                _ => (term, 1.0),
            };
            parts.push((term, coefficient));
        }
        parts.sort_by(|&(a, k), &(b, l)| self.compare_scalars(a, b).then(k.total_cmp(&l)));
        // a * x + b * x = (a + b) * x for a, b of one sign, can change rounding; x - x and 2 * x - x would lose a NaN where x is infinite
        let before = parts.len();
        parts.dedup_by(|(b, l), (a, k)| {
            let same = a == b && (*k > 0.0) == (*l > 0.0) && (*k + *l).is_finite();
            if same {
                *k += *l;
            }
            same
        });
        if parts.len() < before {
            self.fire("like-terms");
        }
        // select(c, a, b) + select(c, x, y) = select(c, a + x, b + y)
        let mut conditions = BTreeSet::new();
        let repeated = parts.iter().find_map(|&(term, _)| match *self.scalar(term) {
            ScalarNode::Select(condition, ..) => (!conditions.insert(condition)).then_some(condition),
            _ => None,
        });
        if let Some(condition) = repeated {
            self.fire("merge-select");
            let (mut rest, mut yes, mut no) = (vec![self.constant(constant)], Vec::new(), Vec::new());
            for &(term, coefficient) in &parts {
                let coefficient = self.constant(coefficient);
                match *self.scalar(term) {
                    ScalarNode::Select(c, a, b) if c == condition => {
                        yes.push(self.mul(&[coefficient, a]));
                        no.push(self.mul(&[coefficient, b]));
                    }
                    _ => rest.push(self.mul(&[coefficient, term])),
                }
            }
            let (yes, no) = (self.add(&yes), self.add(&no));
            rest.push(self.select(condition, yes, no));
            return self.add(&rest);
        }
        let mut sum: Vec<Scalar> = Vec::with_capacity(parts.len() + 1);
        for (term, coefficient) in parts {
            let coefficient = self.constant(coefficient);
            sum.push(self.mul(&[coefficient, term]));
        }
        if constant != 0.0 {
            sum.push(self.constant(constant));
        }
        // a product may have become a sum or a constant
        if sum.iter().any(|&term| matches!(self.scalar(term), ScalarNode::Add(_))) {
            return self.add(&sum);
        }
        sum.sort_by(|&a, &b| self.compare_terms(a, b));
        match sum.len() {
            0 => self.constant(0.0),
            1 => sum[0],
            _ => self.intern_scalar(ScalarNode::Add(sum)),
        }
    }
    /// Terms of a sum by what stands behind their coefficient; a constant comes last.
    fn compare_terms(&self, a: Scalar, b: Scalar) -> std::cmp::Ordering {
        let constant = |x| self.number_of(x).is_some();
        let behind = |x: Scalar| match self.scalar(x) {
            ScalarNode::Mul(factors) if self.number_of(factors[0]).is_some() && factors.len() == 2 => factors[1],
            _ => x,
        };
        constant(a).cmp(&constant(b)).then_with(|| self.compare_scalars(behind(a), behind(b))).then_with(|| self.compare_scalars(a, b))
    }
    /// The product.
    pub fn mul(&mut self, factors: &[Scalar]) -> Scalar {
        let mut constant = 1.0;
        let mut parts: Vec<(Scalar, f64)> = Vec::new();
        let mut stack: Vec<Scalar> = factors.iter().rev().copied().collect();
        while let Some(factor) = stack.pop() {
            match self.scalar(factor) {
                ScalarNode::Mul(inner) => stack.extend(inner.iter().rev()),
                ScalarNode::Constant(value) => constant *= value.value(),
                ScalarNode::Power(base, exponent) => parts.push((*base, exponent.value())),
                _ => parts.push((factor, 1.0)),
            }
        }
        if constant == 0.0 {
            self.fire("mul-zero");
            return self.constant(0.0);
        }
        parts.sort_by(|&(a, k), &(b, l)| self.compare_scalars(a, b).then(k.total_cmp(&l)));
        // x^a * x^b = x^(a + b) for a, b of one sign (can change rounding); x * x^-1 would lose a NaN
        let before = parts.len();
        parts.dedup_by(|(b, l), (a, k)| {
            let whole = k.fract() == 0.0 && l.fract() == 0.0;
            let same = a == b && whole && *k * *l > 0.0;
            if same {
                *k += *l;
            }
            same
        });
        if parts.len() < before {
            self.fire("like-factors");
        }
        // x * select(c, a, 0) = select(c, x * a, 0)
        let zero_branch = parts.iter().position(|&(part, exponent)| {
            exponent == 1.0 && matches!(*self.scalar(part), ScalarNode::Select(_, a, b) if self.is_zero(a) || self.is_zero(b))
        });
        if let Some(at) = zero_branch {
            let (select, _) = parts.remove(at);
            let ScalarNode::Select(condition, a, b) = *self.scalar(select) else { unreachable!("position found a select") };
            self.fire("select-out-of-mul");
            let mut rest = vec![self.constant(constant)];
            for (part, exponent) in parts {
                rest.push(self.power(part, exponent));
            }
            let rest = self.mul(&rest);
            let (a, b) = (self.mul(&[rest, a]), self.mul(&[rest, b]));
            return self.select(condition, a, b);
        }
        // -1 * (a + b) = -1 * a + -1 * b
        if constant == -1.0
            && let [(sum, 1.0)] = parts[..]
            && let ScalarNode::Add(terms) = self.scalar(sum)
        {
            let terms = terms.clone();
            self.fire("minus-over-sum");
            let minus = self.constant(-1.0);
            let terms: Vec<Scalar> = terms.iter().map(|&term| self.mul(&[minus, term])).collect();
            return self.add(&terms);
        }
        let mut product: Vec<Scalar> = Vec::with_capacity(parts.len() + 1);
        for (part, exponent) in parts {
            product.push(self.power(part, exponent));
        }
        if constant != 1.0 {
            product.insert(0, self.constant(constant));
        }
        // a power of a product may have become a product or a constant
        let composed = |pool: &Pool, x: Scalar| matches!(pool.scalar(x), ScalarNode::Mul(_) | ScalarNode::Constant(_));
        if product.iter().skip(usize::from(constant != 1.0)).any(|&factor| composed(self, factor)) {
            return self.mul(&product);
        }
        match product.len() {
            0 => self.constant(constant),
            1 => product[0],
            _ => {
                product[usize::from(constant != 1.0)..].sort_by(|&a, &b| self.compare_scalars(a, b));
                self.intern_scalar(ScalarNode::Mul(product))
            }
        }
    }
    /// `-x`
    pub fn negative(&mut self, x: Scalar) -> Scalar {
        let minus = self.constant(-1.0);
        self.mul(&[minus, x])
    }
    /// `a - b`
    pub fn subtract(&mut self, a: Scalar, b: Scalar) -> Scalar {
        let b = self.negative(b);
        self.add(&[a, b])
    }
    /// `a / b`
    pub fn quotient(&mut self, a: Scalar, b: Scalar) -> Scalar {
        let b = self.power(b, -1.0);
        self.mul(&[a, b])
    }
    /// The square root.
    pub fn sqrt(&mut self, x: Scalar) -> Scalar {
        self.power(x, 0.5)
    }
    /// `x ^ exponent`
    pub fn power(&mut self, x: Scalar, exponent: f64) -> Scalar {
        if exponent == 0.0 {
            return self.constant(1.0);
        }
        if exponent == 1.0 {
            return x;
        }
        match self.scalar(x).clone() {
            ScalarNode::Constant(value) => self.constant(power(value.value(), exponent)),
            // (x^a)^b = x^(a * b) for whole a of one sign and whole b; can change rounding
            ScalarNode::Power(base, inner) if inner.value().fract() == 0.0 && exponent.fract() == 0.0 => {
                self.fire("power-of-power");
                self.power(base, inner.value() * exponent)
            }
            // (x^0.5)^-1 = x^-0.5
            ScalarNode::Power(base, inner) if inner.value() == 0.5 && exponent == -1.0 => {
                self.fire("reciprocal-of-root");
                self.power(base, -0.5)
            }
            // (c * x)^-1 = c^-1 * x^-1 for a constant c; can change rounding
            ScalarNode::Mul(factors) if exponent == -1.0 && self.number_of(factors[0]).is_some_and(|c| (1.0 / c).is_normal()) => {
                self.fire("reciprocal-of-constant");
                let reciprocal = self.power(factors[0], -1.0);
                let rest = self.mul(&factors[1..]);
                let rest = self.power(rest, -1.0);
                self.mul(&[reciprocal, rest])
            }
            // exp(x)^-1 = exp(-x)
            ScalarNode::Apply(Function::Exp, inner) if exponent == -1.0 => {
                self.fire("power-of-exp");
                let inner = self.negative(inner);
                self.apply(Function::Exp, inner)
            }
            // 1 / (1 + exp(z)) = sigmoid(-z)
            ScalarNode::Add(ref terms) if exponent == -1.0 && self.one_plus_exp(terms).is_some() => {
                self.fire("recognise-sigmoid");
                let inner = self.one_plus_exp(terms).unwrap_or(x);
                let inner = self.negative(inner);
                self.apply(Function::Sigmoid, inner)
            }
            _ => self.intern_scalar(ScalarNode::Power(x, Constant::new(exponent))),
        }
    }
    /// `z` of `1 + exp(z)`
    fn one_plus_exp(&self, terms: &[Scalar]) -> Option<Scalar> {
        let [a, b] = terms else { return None };
        let (exp, one) = if self.number_of(*b).is_some() { (*a, *b) } else { (*b, *a) };
        match self.scalar(exp) {
            ScalarNode::Apply(Function::Exp, inner) if self.number_of(one) == Some(1.0) => Some(*inner),
            _ => None,
        }
    }
    /// A function of one number.
    pub fn apply(&mut self, function: Function, x: Scalar) -> Scalar {
        if let Some(value) = self.number_of(x) {
            return self.constant(super::functions::evaluate(function, value));
        }
        match (function, self.scalar(x).clone()) {
            // log(exp(x)) = x
            (Function::Log, ScalarNode::Apply(Function::Exp, inner)) => {
                self.fire("log-exp");
                inner
            }
            // log(sigmoid(x)) = -softplus(-x)
            (Function::Log, ScalarNode::Apply(Function::Sigmoid, inner)) => {
                self.fire("log-sigmoid");
                let inner = self.negative(inner);
                let softplus = self.apply(Function::Softplus, inner);
                self.negative(softplus)
            }
            (Function::Log, ScalarNode::Add(terms)) => {
                if let Some(inner) = self.one_plus_exp(&terms) {
                    // log(1 + exp(x)) = softplus(x)
                    self.fire("recognise-softplus");
                    return self.apply(Function::Softplus, inner);
                }
                if let Some(inner) = self.one_minus_sigmoid(&terms) {
                    // log(1 - sigmoid(x)) = -softplus(x)
                    self.fire("log-one-minus-sigmoid");
                    let softplus = self.apply(Function::Softplus, inner);
                    return self.negative(softplus);
                }
                self.intern_scalar(ScalarNode::Apply(function, x))
            }
            (Function::Abs, ScalarNode::Apply(Function::Abs, _)) => x,
            (Function::Floor, ScalarNode::Real(_)) => x,
            _ => self.intern_scalar(ScalarNode::Apply(function, x)),
        }
    }
    /// `z` of `1 - sigmoid(z)`
    fn one_minus_sigmoid(&self, terms: &[Scalar]) -> Option<Scalar> {
        let [a, b] = terms else { return None };
        let (product, one) = if self.number_of(*b).is_some() { (*a, *b) } else { (*b, *a) };
        let ScalarNode::Mul(factors) = self.scalar(product) else { return None };
        let [minus, sigmoid] = factors[..] else { return None };
        match self.scalar(sigmoid) {
            ScalarNode::Apply(Function::Sigmoid, inner) if self.number_of(one) == Some(1.0) && self.number_of(minus) == Some(-1.0) => {
                Some(*inner)
            }
            _ => None,
        }
    }
    /// The larger; NaN if one is NaN.
    pub fn max(&mut self, a: Scalar, b: Scalar) -> Scalar {
        if a == b {
            return a;
        }
        if let (Some(x), Some(y)) = (self.number_of(a), self.number_of(b)) {
            return self.constant(maximum(x, y));
        }
        let constant_first = self.number_of(a).is_some();
        let in_order = self.number_of(b).is_some() || self.compare_scalars(a, b).is_lt();
        let (a, b) = if constant_first || !in_order { (b, a) } else { (a, b) };
        self.intern_scalar(ScalarNode::Max(a, b))
    }
    /// The smaller; NaN if one is NaN.
    pub fn min(&mut self, a: Scalar, b: Scalar) -> Scalar {
        let (a, b) = (self.negative(a), self.negative(b));
        let max = self.max(a, b);
        self.negative(max)
    }
    /// `a` where the condition holds, else `b`.
    pub fn select(&mut self, condition: Condition, a: Scalar, b: Scalar) -> Scalar {
        use super::condition::ConditionNode;
        if condition == Condition::TRUE || a == b {
            return a;
        }
        if condition == Condition::FALSE {
            return b;
        }
        if let ConditionNode::Not(inner) = *self.condition(condition) {
            return self.select(inner, b, a);
        }
        // select(c, select(c, a, _), b) = select(c, a, b), and so for b
        if let ScalarNode::Select(c, inner, _) = *self.scalar(a)
            && c == condition
        {
            return self.select(condition, inner, b);
        }
        if let ScalarNode::Select(c, _, inner) = *self.scalar(b)
            && c == condition
        {
            return self.select(condition, a, inner);
        }
        // select(c, select(d, a, 0), 0) = select(c && d, a, 0)
        if self.is_zero(b)
            && let ScalarNode::Select(c, inner, zero) = *self.scalar(a)
            && self.is_zero(zero)
        {
            self.fire("nest-select");
            let both = self.all(&[condition, c]);
            return self.select(both, inner, b);
        }
        self.intern_scalar(ScalarNode::Select(condition, a, b))
    }
}

/// The larger; NaN if one is NaN.
pub(super) fn maximum(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() {
        f64::NAN
    } else if a > b {
        a
    } else {
        b
    }
}

/// `x ^ exponent` as the language means it: a product for a whole exponent, the square root for 1/2.
pub(super) fn power(x: f64, exponent: f64) -> f64 {
    if exponent == 0.5 {
        x.sqrt()
    } else if exponent == -0.5 {
        1.0 / x.sqrt()
    } else if exponent.fract() == 0.0 && exponent.abs() < 1e9 {
        x.powi(exponent as i32)
    } else {
        x.powf(exponent)
    }
}
