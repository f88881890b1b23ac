//! A total order on expressions that looks at structure only, so that canonical forms do not depend on when a node was made.
//! Names compare by order of first use, which is the order of the model's text.

use super::condition::ConditionNode;
use super::index::AtomNode;
use super::pool::{Atom, Condition, Index, Pool, Scalar};
use super::scalar::ScalarNode;
use std::cmp::Ordering;

impl Pool {
    /// Orders atoms: axes first, by number.
    pub fn compare_atoms(&self, a: Atom, b: Atom) -> Ordering {
        if a == b {
            return Ordering::Equal;
        }
        fn rank(node: &AtomNode) -> u8 {
            match node {
                AtomNode::Axis { .. } => 0,
                AtomNode::Size { .. } => 1,
                AtomNode::Product(_) => 2,
                AtomNode::Div(..) => 3,
                AtomNode::Mod(..) => 4,
                AtomNode::Read { .. } => 5,
            }
        }
        match (self.atom(a), self.atom(b)) {
            (AtomNode::Axis { number: m, size: s }, AtomNode::Axis { number: n, size: t }) => {
                m.cmp(n).then_with(|| self.compare_indices(*s, *t))
            }
            (AtomNode::Size { name: m, least: s }, AtomNode::Size { name: n, least: t }) => m.cmp(n).then(s.cmp(t)),
            (AtomNode::Product(p), AtomNode::Product(q)) => by_parts(p, q, |&a, &b| self.compare_atoms(a, b)),
            (AtomNode::Div(a, m), AtomNode::Div(b, n)) | (AtomNode::Mod(a, m), AtomNode::Mod(b, n)) => {
                self.compare_indices(*a, *b).then_with(|| self.compare_indices(*m, *n))
            }
            (AtomNode::Read { tensor: t, at: p, low: a, high: b }, AtomNode::Read { tensor: u, at: q, low: c, high: d }) => t
                .cmp(u)
                .then_with(|| by_parts(p, q, |&a, &b| self.compare_indices(a, b)))
                .then_with(|| self.compare_indices(*a, *c))
                .then_with(|| self.compare_indices(*b, *d)),
            (a, b) => rank(a).cmp(&rank(b)),
        }
    }
    /// Orders indices.
    pub fn compare_indices(&self, a: Index, b: Index) -> Ordering {
        if a == b {
            return Ordering::Equal;
        }
        let (a, b) = (self.affine(a), self.affine(b));
        by_parts(&a.terms, &b.terms, |&(p, k), &(q, l)| self.compare_atoms(p, q).then(k.cmp(&l))).then(a.constant.cmp(&b.constant))
    }
    /// Orders conditions.
    pub fn compare_conditions(&self, a: Condition, b: Condition) -> Ordering {
        if a == b {
            return Ordering::Equal;
        }
        fn rank(node: &ConditionNode) -> u8 {
            match node {
                ConditionNode::True => 0,
                ConditionNode::False => 1,
                ConditionNode::NonNegative(_) => 2,
                ConditionNode::Zero(_) => 3,
                ConditionNode::Compare(..) => 4,
                ConditionNode::All(_) => 5,
                ConditionNode::Not(_) => 6,
            }
        }
        match (self.condition(a), self.condition(b)) {
            (ConditionNode::NonNegative(a), ConditionNode::NonNegative(b)) | (ConditionNode::Zero(a), ConditionNode::Zero(b)) => {
                self.compare_indices(*a, *b)
            }
            (ConditionNode::Compare(r, a, b), ConditionNode::Compare(s, c, d)) => {
                r.cmp(s).then_with(|| self.compare_scalars(*a, *c)).then_with(|| self.compare_scalars(*b, *d))
            }
            (ConditionNode::All(a), ConditionNode::All(b)) => by_parts(a, b, |&a, &b| self.compare_conditions(a, b)),
            (ConditionNode::Not(a), ConditionNode::Not(b)) => self.compare_conditions(*a, *b),
            (a, b) => rank(a).cmp(&rank(b)),
        }
    }
    /// Orders scalars: constants first, then numbers from indices, reads by name, functions, and composed ones.
    pub fn compare_scalars(&self, a: Scalar, b: Scalar) -> Ordering {
        if a == b {
            return Ordering::Equal;
        }
        fn rank(node: &ScalarNode) -> u8 {
            match node {
                ScalarNode::Constant(_) => 0,
                ScalarNode::Real(_) => 1,
                ScalarNode::Read { .. } => 2,
                ScalarNode::Power(..) => 3,
                ScalarNode::Apply(..) => 4,
                ScalarNode::Max(..) => 5,
                ScalarNode::Mul(_) => 6,
                ScalarNode::Add(_) => 7,
                ScalarNode::Select(..) => 8,
                ScalarNode::Stop(_) => 9,
            }
        }
        match (self.scalar(a), self.scalar(b)) {
            (ScalarNode::Constant(a), ScalarNode::Constant(b)) => a.value().total_cmp(&b.value()),
            (ScalarNode::Real(a), ScalarNode::Real(b)) => self.compare_indices(*a, *b),
            (ScalarNode::Read { tensor: t, at: p }, ScalarNode::Read { tensor: u, at: q }) => {
                t.cmp(u).then_with(|| by_parts(p, q, |&a, &b| self.compare_indices(a, b)))
            }
            (ScalarNode::Power(a, m), ScalarNode::Power(b, n)) => {
                self.compare_scalars(*a, *b).then_with(|| m.value().total_cmp(&n.value()))
            }
            (ScalarNode::Apply(f, a), ScalarNode::Apply(g, b)) => f.cmp(g).then_with(|| self.compare_scalars(*a, *b)),
            (ScalarNode::Max(a, b), ScalarNode::Max(c, d)) => self.compare_scalars(*a, *c).then_with(|| self.compare_scalars(*b, *d)),
            (ScalarNode::Mul(a), ScalarNode::Mul(b)) | (ScalarNode::Add(a), ScalarNode::Add(b)) => {
                by_parts(a, b, |&a, &b| self.compare_scalars(a, b))
            }
            (ScalarNode::Select(c, a, b), ScalarNode::Select(d, x, y)) => {
                self.compare_conditions(*c, *d).then_with(|| self.compare_scalars(*a, *x)).then_with(|| self.compare_scalars(*b, *y))
            }
            (ScalarNode::Stop(a), ScalarNode::Stop(b)) => self.compare_scalars(*a, *b),
            (a, b) => rank(a).cmp(&rank(b)),
        }
    }
}

fn by_parts<T>(a: &[T], b: &[T], compare: impl Fn(&T, &T) -> Ordering) -> Ordering {
    a.iter().zip(b).map(|(a, b)| compare(a, b)).find(|order| order.is_ne()).unwrap_or(a.len().cmp(&b.len()))
}
