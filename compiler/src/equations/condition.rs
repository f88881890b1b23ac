//! Truth values, and the rules on guards. All are exact; comparisons of reals are never turned around, because of NaN.

use super::index::greatest_common_divisor;
use super::pool::{Condition, Index, Pool, Scalar};
use super::scalar::{Relation, ScalarNode};

/// A truth value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ConditionNode {
    /// Always; [`Condition::TRUE`].
    True,
    /// Never; [`Condition::FALSE`].
    False,
    /// `index >= 0`
    NonNegative(Index),
    /// `index == 0`, its first coefficient positive
    Zero(Index),
    /// A comparison of reals, false where one is NaN.
    Compare(Relation, Scalar, Scalar),
    /// All of two or more, in order, none of them `All`.
    All(Vec<Condition>),
    /// The opposite; never of `NonNegative`, of `Not`, or of a constant.
    Not(Condition),
}

impl Pool {
    /// `index >= 0`
    pub fn non_negative(&mut self, index: Index) -> Condition {
        if self.never_negative(index) {
            self.fire("guard-proved");
            return Condition::TRUE;
        }
        if self.always_negative(index) {
            self.fire("guard-refuted");
            return Condition::FALSE;
        }
        // g * x + c >= 0 just where x + floor(c / g) >= 0
        let (step, parts) = self.over_common_factor(index);
        if step > 1 {
            self.fire("guard-gcd");
            return self.non_negative(parts);
        }
        self.intern_condition(ConditionNode::NonNegative(index))
    }
    /// `a <= b`
    pub fn at_most(&mut self, a: Index, b: Index) -> Condition {
        let difference = self.minus(b, a);
        self.non_negative(difference)
    }
    /// `a < b`
    pub fn less(&mut self, a: Index, b: Index) -> Condition {
        let difference = self.minus(b, a);
        let difference = self.offset(difference, -1);
        self.non_negative(difference)
    }
    /// The greatest common divisor of all coefficients, and the index divided by it, its constant rounded down.
    fn over_common_factor(&mut self, index: Index) -> (i64, Index) {
        let terms = &self.affine(index).terms;
        let step = terms.iter().fold(0, |step, &(_, k)| greatest_common_divisor(step, k.unsigned_abs())) as i64;
        if step <= 1 {
            return (1, index);
        }
        let step_size = self.integer(step);
        (step, self.divide(index, step_size))
    }
    /// `0 <= index < size`
    pub fn in_range(&mut self, index: Index, size: Index) -> Condition {
        let low = self.non_negative(index);
        let high = self.less(index, size);
        self.all(&[low, high])
    }
    /// `a == b`
    pub fn equal(&mut self, a: Index, b: Index) -> Condition {
        let mut difference = self.minus(a, b);
        if let Some(value) = self.constant_of(difference) {
            return if value == 0 { Condition::TRUE } else { Condition::FALSE };
        }
        if self.always_negative(difference) {
            self.fire("equality-refuted");
            return Condition::FALSE;
        }
        let opposite = self.scaled(difference, -1);
        if self.always_negative(opposite) {
            self.fire("equality-refuted");
            return Condition::FALSE;
        }
        if self.affine(difference).terms[0].1 < 0 {
            difference = opposite;
        }
        // g * x + c = 0 nowhere, or just where x + c / g = 0
        let (step, parts) = self.over_common_factor(difference);
        if step > 1 {
            self.fire("equality-gcd");
            let whole = self.scaled(parts, step) == difference;
            return if whole { self.intern_condition(ConditionNode::Zero(parts)) } else { Condition::FALSE };
        }
        self.intern_condition(ConditionNode::Zero(difference))
    }
    /// A comparison of reals.
    pub fn compare(&mut self, relation: Relation, a: Scalar, b: Scalar) -> Condition {
        if let (&ScalarNode::Constant(x), &ScalarNode::Constant(y)) = (self.scalar(a), self.scalar(b)) {
            self.fire("compare-constants");
            return if relation.holds(x.value(), y.value()) { Condition::TRUE } else { Condition::FALSE };
        }
        if let (&ScalarNode::Real(x), &ScalarNode::Real(y)) = (self.scalar(a), self.scalar(b)) {
            return match relation {
                Relation::Less => self.less(x, y),
                Relation::LessEqual => self.at_most(x, y),
                Relation::Equal => self.equal(x, y),
            };
        }
        self.intern_condition(ConditionNode::Compare(relation, a, b))
    }
    /// All of them.
    pub fn all(&mut self, parts: &[Condition]) -> Condition {
        let mut flat = Vec::new();
        for &part in parts {
            match self.condition(part) {
                ConditionNode::True => {}
                ConditionNode::False => return Condition::FALSE,
                ConditionNode::All(inner) => flat.extend(inner.iter().copied()),
                _ => flat.push(part),
            }
        }
        flat.sort_by(|&a, &b| self.compare_conditions(a, b));
        flat.dedup();
        match flat.len() {
            0 => Condition::TRUE,
            1 => flat[0],
            _ => self.intern_condition(ConditionNode::All(flat)),
        }
    }
    /// The parts that must all hold: none for `TRUE`.
    pub fn parts_of(&self, condition: Condition) -> Vec<Condition> {
        match self.condition(condition) {
            ConditionNode::True => Vec::new(),
            ConditionNode::All(parts) => parts.clone(),
            _ => vec![condition],
        }
    }
    /// The opposite.
    pub fn not(&mut self, condition: Condition) -> Condition {
        match *self.condition(condition) {
            ConditionNode::True => Condition::FALSE,
            ConditionNode::False => Condition::TRUE,
            ConditionNode::Not(inner) => inner,
            ConditionNode::NonNegative(index) => {
                self.fire("not-guard");
                let opposite = self.scaled(index, -1);
                let opposite = self.offset(opposite, -1);
                self.non_negative(opposite)
            }
            _ => self.intern_condition(ConditionNode::Not(condition)),
        }
    }
    /// At least one of them.
    pub fn any(&mut self, parts: &[Condition]) -> Condition {
        let opposites: Vec<Condition> = parts.iter().map(|&part| self.not(part)).collect();
        let none = self.all(&opposites);
        self.not(none)
    }
    /// Whether only indices decide it: no real is compared.
    pub fn is_integer(&self, condition: Condition) -> bool {
        match self.condition(condition) {
            ConditionNode::Compare(..) => false,
            ConditionNode::All(parts) => parts.iter().all(|&part| self.is_integer(part)),
            ConditionNode::Not(inner) => self.is_integer(*inner),
            _ => true,
        }
    }
}
