//! A sum under construction: `result[axes] = sum over [reduced] where [conditions] of body`, whose reduced axes are introduced, replaced
//! and dropped until it has its simplest form.
//!
//! While that goes on, axes have numbers that need not be dense: the axes of the result come first, every other number is used once.
//! [`Domain::equation`] numbers them as equations want it. An axis of size 1 is never among the reduced ones: it is the index 0.
//! All changes are exact in real arithmetic, and none evaluates what the conditions exclude.

use super::condition::ConditionNode;
use super::index::AtomNode;
use super::pool::{Condition, Index, Pool, Scalar};
use super::rewrite::{Rewriter, Substitution};
use super::scalar::ScalarNode;
use super::{Equation, Reduction, Tensor};
use std::collections::{BTreeMap, BTreeSet};

/// An axis that is summed over.
#[derive(Clone, Debug)]
pub struct ReducedAxis {
    /// Its number.
    pub number: u32,
    /// Free of axes; not 1.
    pub size: Index,
    /// What readers call it.
    pub label: String,
}

/// What is summed where.
#[derive(Clone, Debug)]
pub struct Domain {
    /// The size and label of each axis of the result; they are numbered from 0.
    pub result: Vec<(Index, String)>,
    /// The axes summed over.
    pub reduced: Vec<ReducedAxis>,
    /// All must hold; none is `TRUE`, `FALSE` or `All`.
    pub conditions: Vec<Condition>,
    /// What is summed; the constant 0 if the domain is empty.
    pub body: Scalar,
    /// Further indices that [`Domain::replace`] rewrites along with the rest.
    pub followed: Vec<Index>,
    next: u32,
}

impl Domain {
    /// A sum of `body` over everything, without reduced axes yet.
    pub fn new(result: Vec<(Index, String)>, body: Scalar) -> Self {
        let next = result.len() as u32;
        Domain { result, reduced: Vec::new(), conditions: Vec::new(), body, followed: Vec::new(), next }
    }
    /// A new reduced axis, as an index.
    pub fn introduce(&mut self, pool: &mut Pool, size: Index, label: &str) -> Index {
        let number = self.next;
        self.next += 1;
        let axis = pool.axis(number, size);
        if pool.axis_of(axis).is_some() {
            self.reduced.push(ReducedAxis { number, size, label: label.to_string() });
        }
        axis
    }
    /// Restricts the domain.
    pub fn restrict(&mut self, pool: &mut Pool, condition: Condition) {
        if condition == Condition::FALSE {
            self.body = pool.constant(0.0);
            self.conditions.clear();
        } else if !pool.is_zero(self.body) {
            for part in pool.parts_of(condition) {
                if !self.conditions.contains(&part) {
                    self.conditions.push(part);
                }
            }
        }
    }
    /// Reduced axes by number to what they are equal to: they are no longer summed over.
    pub fn replace(&mut self, pool: &mut Pool, axes: &BTreeMap<u32, Index>) {
        self.reduced.retain(|axis| !axes.contains_key(&axis.number));
        let mut rewriter = Rewriter::new(pool, Substitution(axes));
        self.body = rewriter.scalar(self.body);
        self.followed = self.followed.iter().map(|&index| rewriter.index(index)).collect();
        let conditions: Vec<Condition> = self.conditions.iter().map(|&condition| rewriter.condition(condition)).collect();
        self.conditions.clear();
        for condition in conditions {
            self.restrict(pool, condition);
        }
    }
    /// The reduced axis of this number.
    pub fn find(&self, number: u32) -> Option<&ReducedAxis> {
        self.reduced.iter().find(|axis| axis.number == number)
    }
    /// Whether a reduced axis is among these numbers.
    pub fn is_reduced(&self, numbers: &BTreeSet<u32>) -> bool {
        self.reduced.iter().any(|axis| numbers.contains(&axis.number))
    }
    /// Whether the sum has at least one element, whatever the sizes are.
    fn never_empty(&self, pool: &mut Pool) -> bool {
        self.conditions.is_empty() && self.reduced.iter().all(|axis| at_least_one(pool, axis.size))
    }

    /// `sum select(c, e, 0) = sum where c of e`, for what indices decide.
    pub fn lift_guards(&mut self, pool: &mut Pool) {
        while let ScalarNode::Select(condition, a, b) = *pool.scalar(self.body) {
            let (condition, inner) = if pool.is_zero(b) {
                (condition, a)
            } else if pool.is_zero(a) {
                (pool.not(condition), b)
            } else {
                return;
            };
            let parts = pool.parts_of(condition);
            let (integers, reals): (Vec<_>, Vec<_>) = parts.into_iter().partition(|&part| pool.is_integer(part));
            if integers.is_empty() {
                return;
            }
            pool.fire("lift-guard");
            self.body = if reals.is_empty() {
                inner
            } else {
                let (reals, zero) = (pool.all(&reals), pool.constant(0.0));
                pool.select(reals, inner, zero)
            };
            for part in integers {
                self.restrict(pool, part);
            }
        }
    }
    /// `sum over r of e = size of r * e` where `r` occurs nowhere; the factor is taken out and returned. An axis that may be empty stays
    /// unless `e` is a finite constant: the size 0 times an infinite `e` would not be 0.
    pub fn drop_unused(&mut self, pool: &mut Pool) -> Scalar {
        let mut used = pool.axes_of_scalar(self.body);
        for &condition in &self.conditions {
            used.extend(pool.axes_of_condition(condition));
        }
        let constant = pool.number_of(self.body).is_some_and(f64::is_finite);
        let mut factors = Vec::new();
        let mut kept = Vec::new();
        for axis in std::mem::take(&mut self.reduced) {
            if !used.contains(&axis.number) && (constant || at_least_one(pool, axis.size)) {
                pool.fire("sum-of-unused");
                factors.push(pool.real(axis.size));
            } else {
                kept.push(axis);
            }
        }
        self.reduced = kept;
        pool.mul(&factors)
    }
    /// `k * r + c >= 0` for a reduced axis `r` and a constant `c`: another range of `r`. So for sizes where `k` is 1 or -1.
    pub fn guards_to_ranges(&mut self, pool: &mut Pool) {
        let mut at = 0;
        while at < self.conditions.len() {
            if self.guard_to_range(pool, at) {
                pool.fire("guard-to-range");
                at = 0;
            } else {
                at += 1;
            }
        }
    }
    fn guard_to_range(&mut self, pool: &mut Pool, at: usize) -> bool {
        let ConditionNode::NonNegative(index) = *pool.condition(self.conditions[at]) else { return false };
        let reduced = pool.affine(index).terms.iter().find_map(|&(atom, k)| match pool.atom(atom) {
            AtomNode::Axis { number, .. } => self.find(*number).map(|axis| (axis.clone(), k)),
            _ => None,
        });
        let Some((axis, k)) = reduced else { return false };
        let this = pool.axis(axis.number, axis.size);
        let rest = pool.combine(&[(index, 1), (this, -k)]);
        if !pool.is_size(rest) || (k.abs() != 1 && pool.constant_of(rest).is_none()) {
            return false;
        }
        let steps = pool.integer(k.abs());
        // k * r + rest >= 0 is r >= -(rest div k); rest - k * r >= 0 is r <= rest div k
        let bound = pool.divide(rest, steps);
        let (first, size) =
            if k > 0 { (pool.scaled(bound, -1), pool.plus(axis.size, bound)) } else { (pool.integer(0), pool.offset(bound, 1)) };
        // both ends must be known to lie inside the range, and something must be left
        let dropped = pool.minus(axis.size, size);
        if !pool.never_negative(dropped) || !at_least_one(pool, size) {
            return false;
        }
        self.conditions.remove(at);
        let index = self.introduce(pool, size, &axis.label);
        self.reorder(pool, index, axis.number);
        let value = pool.plus(first, index);
        self.replace(pool, &BTreeMap::from([(axis.number, value)]));
        true
    }
    /// Puts the axis that was introduced last where the one that it stands for is.
    fn reorder(&mut self, pool: &Pool, new: Index, old: u32) {
        if let (Some(_), Some(place)) = (pool.axis_of(new), self.reduced.iter().position(|axis| axis.number == old))
            && let Some(axis) = self.reduced.pop()
        {
            self.reduced.insert(place + 1, axis);
        }
    }
    /// `sum f * e = f * sum e` for a factor `f` without reduced axes, which is returned: finite constants, and, where the sum is never
    /// empty, everything else (an empty sum is 0 even if `f` is infinite). Can change rounding.
    pub fn pull_out(&mut self, pool: &mut Pool) -> Scalar {
        let factors = match pool.scalar(self.body) {
            ScalarNode::Mul(factors) => factors.clone(),
            _ => vec![self.body],
        };
        let never_empty = self.never_empty(pool);
        let (outside, inside): (Vec<_>, Vec<_>) = factors.into_iter().partition(|&factor| match pool.number_of(factor) {
            Some(value) => value.is_finite() && value != 1.0,
            None => never_empty && !self.is_reduced(&pool.axes_of_scalar(factor)),
        });
        if !outside.is_empty() {
            pool.fire("pull-out-factor");
            self.body = pool.mul(&inside);
        }
        pool.mul(&outside)
    }
    /// The axes of the result on which the sum depends; those of size 1 too if that makes it all of them.
    pub fn needed(&self, pool: &Pool) -> Vec<u32> {
        let mut used = pool.axes_of_scalar(self.body);
        for &condition in &self.conditions {
            used.extend(pool.axes_of_condition(condition));
        }
        let all = 0..self.result.len() as u32;
        let depends_on_all =
            all.clone().all(|number| used.contains(&number) || pool.constant_of(self.result[number as usize].0) == Some(1));
        all.filter(|number| depends_on_all || used.contains(number)).collect()
    }
    /// The sum as an equation with these axes of the result, which must be the needed ones or more.
    pub fn equation(&self, pool: &mut Pool, axes: &[u32]) -> Tensor {
        let mut numbers = BTreeMap::new();
        let (mut sizes, mut labels) = (Vec::new(), Vec::new());
        for &number in axes {
            let (size, label) = &self.result[number as usize];
            numbers.insert(number, pool.axis(sizes.len() as u32, *size));
            sizes.push(*size);
            labels.push(label.clone());
        }
        let mut reduced = Vec::new();
        for axis in &self.reduced {
            numbers.insert(axis.number, pool.axis((sizes.len() + reduced.len()) as u32, axis.size));
            reduced.push(axis.size);
            labels.push(unused_label(&axis.label, &labels));
        }
        let mut rewriter = Rewriter::new(pool, Substitution(&numbers));
        let conditions: Vec<Condition> = self.conditions.iter().map(|&condition| rewriter.condition(condition)).collect();
        let body = rewriter.scalar(self.body);
        let condition = pool.all(&conditions);
        let mut tensor = Tensor::defined(sizes, Equation { reduction: Some(Reduction::Sum), reduced, condition, body });
        tensor.labels = labels;
        tensor
    }
    /// The value where no axis is left to sum over.
    pub fn value(&self, pool: &mut Pool) -> Scalar {
        let (condition, zero) = (pool.all(&self.conditions), pool.constant(0.0));
        pool.select(condition, self.body, zero)
    }
}

fn at_least_one(pool: &mut Pool, size: Index) -> bool {
    let more = pool.offset(size, -1);
    pool.never_negative(more)
}

/// `label`, or `label2`, `label3`, … if it is taken. No label stays none.
pub fn unused_label(label: &str, taken: &[String]) -> String {
    let mut text = label.to_string();
    let mut number = 1;
    while !label.is_empty() && taken.contains(&text) {
        number += 1;
        text = format!("{label}{number}");
    }
    text
}
