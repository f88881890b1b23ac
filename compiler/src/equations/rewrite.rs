//! Rebuilding expressions bottom-up through the constructors, so that a rewritten expression is simplified like a new one.

use super::condition::ConditionNode;
use super::few::Few;
use super::index::AtomNode;
use super::pool::{Atom, Condition, Index, Pool, Scalar};
use super::scalar::ScalarNode;
use std::collections::BTreeMap;

/// What is to be replaced. Asked before a part is taken apart; `None` keeps the part and rewrites what is inside.
pub trait Rewrite {
    /// A scalar.
    fn scalar(&mut self, _pool: &mut Pool, _scalar: Scalar) -> Option<Scalar> {
        None
    }
    /// An atom.
    fn atom(&mut self, _pool: &mut Pool, _atom: Atom) -> Option<Index> {
        None
    }
    /// A condition.
    fn condition(&mut self, _pool: &mut Pool, _condition: Condition) -> Option<Condition> {
        None
    }
}

/// A rewrite under way, with what it has already rebuilt: use one for all parts of an equation.
pub struct Rewriter<'a, R> {
    pool: &'a mut Pool,
    rewrite: R,
    scalars: Few<Scalar, Scalar>,
    indices: Few<Index, Index>,
    conditions: Few<Condition, Condition>,
}

impl<'a, R: Rewrite> Rewriter<'a, R> {
    /// Nothing rebuilt yet.
    pub fn new(pool: &'a mut Pool, rewrite: R) -> Self {
        Rewriter { pool, rewrite, scalars: Few::default(), indices: Few::default(), conditions: Few::default() }
    }
    /// Rebuilds a scalar.
    pub fn scalar(&mut self, scalar: Scalar) -> Scalar {
        if let Some(done) = self.scalars.get(scalar) {
            return done;
        }
        let result = match self.rewrite.scalar(self.pool, scalar) {
            Some(replaced) => replaced,
            None => match self.pool.scalar(scalar).clone() {
                ScalarNode::Constant(_) => scalar,
                ScalarNode::Read { tensor, at } => {
                    let at = at.into_iter().map(|index| self.index(index)).collect();
                    self.pool.read(tensor, at)
                }
                ScalarNode::Add(terms) => {
                    let terms: Vec<Scalar> = terms.into_iter().map(|term| self.scalar(term)).collect();
                    self.pool.add(&terms)
                }
                ScalarNode::Mul(factors) => {
                    let factors: Vec<Scalar> = factors.into_iter().map(|factor| self.scalar(factor)).collect();
                    self.pool.mul(&factors)
                }
                ScalarNode::Power(base, exponent) => {
                    let base = self.scalar(base);
                    self.pool.power(base, exponent.value())
                }
                ScalarNode::Max(a, b) => {
                    let (a, b) = (self.scalar(a), self.scalar(b));
                    self.pool.max(a, b)
                }
                ScalarNode::Select(condition, a, b) => {
                    let condition = self.condition(condition);
                    let (a, b) = (self.scalar(a), self.scalar(b));
                    self.pool.select(condition, a, b)
                }
                ScalarNode::Real(index) => {
                    let index = self.index(index);
                    self.pool.real(index)
                }
                ScalarNode::Apply(function, x) => {
                    let x = self.scalar(x);
                    self.pool.apply(function, x)
                }
                ScalarNode::Stop(x) => {
                    let x = self.scalar(x);
                    self.pool.stop(x)
                }
            },
        };
        self.scalars.insert(scalar, result);
        result
    }
    /// Rebuilds an index.
    pub fn index(&mut self, index: Index) -> Index {
        if let Some(done) = self.indices.get(index) {
            return done;
        }
        let affine = self.pool.affine(index).clone();
        let mut parts = vec![(self.pool.integer(affine.constant), 1)];
        for (atom, coefficient) in affine.terms {
            parts.push((self.atom(atom), coefficient));
        }
        let result = self.pool.combine(&parts);
        self.indices.insert(index, result);
        result
    }
    fn atom(&mut self, atom: Atom) -> Index {
        if let Some(replaced) = self.rewrite.atom(self.pool, atom) {
            return replaced;
        }
        match self.pool.atom(atom).clone() {
            AtomNode::Axis { .. } | AtomNode::Size { .. } => self.pool.index_of_atom(atom),
            AtomNode::Product(atoms) => {
                let parts: Vec<Index> = atoms.into_iter().map(|atom| self.atom(atom)).collect();
                self.pool.count(&parts)
            }
            AtomNode::Div(x, m) => {
                let (x, m) = (self.index(x), self.index(m));
                self.pool.divide(x, m)
            }
            AtomNode::Mod(x, m) => {
                let (x, m) = (self.index(x), self.index(m));
                self.pool.remainder(x, m)
            }
            AtomNode::Read { tensor, at, low, high } => {
                let at = at.into_iter().map(|index| self.index(index)).collect();
                self.pool.read_integer(tensor, at, low, high)
            }
        }
    }
    /// Rebuilds a condition.
    pub fn condition(&mut self, condition: Condition) -> Condition {
        if let Some(done) = self.conditions.get(condition) {
            return done;
        }
        let result = match self.rewrite.condition(self.pool, condition) {
            Some(replaced) => replaced,
            None => match self.pool.condition(condition).clone() {
                ConditionNode::True | ConditionNode::False => condition,
                ConditionNode::NonNegative(index) => {
                    let index = self.index(index);
                    self.pool.non_negative(index)
                }
                ConditionNode::Zero(index) => {
                    let index = self.index(index);
                    let zero = self.pool.integer(0);
                    self.pool.equal(index, zero)
                }
                ConditionNode::Compare(relation, a, b) => {
                    let (a, b) = (self.scalar(a), self.scalar(b));
                    self.pool.compare(relation, a, b)
                }
                ConditionNode::All(parts) => {
                    let parts: Vec<Condition> = parts.into_iter().map(|part| self.condition(part)).collect();
                    self.pool.all(&parts)
                }
                ConditionNode::Not(inner) => {
                    let inner = self.condition(inner);
                    self.pool.not(inner)
                }
            },
        };
        self.conditions.insert(condition, result);
        result
    }
}

/// Axes by number to what stands for them.
pub struct Substitution<'a>(pub &'a BTreeMap<u32, Index>);

impl Rewrite for Substitution<'_> {
    fn atom(&mut self, pool: &mut Pool, atom: Atom) -> Option<Index> {
        match pool.atom(atom) {
            AtomNode::Axis { number, .. } => self.0.get(number).copied(),
            _ => None,
        }
    }
}

impl Pool {
    /// A scalar with its axes replaced.
    pub fn substitute_scalar(&mut self, scalar: Scalar, axes: &BTreeMap<u32, Index>) -> Scalar {
        Rewriter::new(self, Substitution(axes)).scalar(scalar)
    }
    /// An index with its axes replaced.
    pub fn substitute_index(&mut self, index: Index, axes: &BTreeMap<u32, Index>) -> Index {
        Rewriter::new(self, Substitution(axes)).index(index)
    }
    /// A condition with its axes replaced.
    pub fn substitute_condition(&mut self, condition: Condition, axes: &BTreeMap<u32, Index>) -> Condition {
        Rewriter::new(self, Substitution(axes)).condition(condition)
    }
}
