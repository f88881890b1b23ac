//! Logarithms of what is an exponential in another equation.
//!
//! With `p[n, i] = exp(z[n, i] - lse(j) z[n, j])`, `log(p[n, t])` is `z[n, t] - lse(j) z[n, j]`: no overflow, no `log(0)`, and a
//! derivative without a quotient. So for `sigmoid`, whose logarithm and that of `1 - sigmoid` are `softplus` forms. The equation of the
//! read is put in at the indices of the read, through any number of equations that only read another one; the rules of the pool do the
//! rest. Nothing here knows a loss. Can change rounding, where `p` is tiny from infinite to right.

use super::Work;
use crate::equations::{Equations, Function, Name, Pool, Rewrite, Scalar, ScalarNode, Tensor};
use std::collections::BTreeMap;

/// How many equations that only read another one are looked through.
const LONGEST: usize = 16;

impl Work {
    pub(super) fn stabilise(&mut self, name: Name) {
        let Some(equation) = self.equation(name) else { return };
        let pool = &self.equations.pool;
        let mut reads = BTreeMap::new();
        let mut stack = vec![crate::equations::Parts::of_scalar(equation.body)];
        stack.push(crate::equations::Parts::of_condition(equation.condition));
        let mut logarithms = Vec::new();
        for start in stack {
            pool.visit(start, &mut |part| {
                if let crate::equations::Part::Scalar(scalar) = part
                    && let ScalarNode::Apply(Function::Log, inner) = *pool.scalar(scalar)
                {
                    logarithms.push(inner);
                }
            });
        }
        for inner in logarithms {
            let read = match self.equations.pool.scalar(inner) {
                ScalarNode::Read { .. } => inner,
                // 1 - read
                ScalarNode::Add(terms) => match terms.iter().find_map(|&term| opposite_read(&self.equations.pool, term)) {
                    Some(read) => read,
                    None => continue,
                },
                _ => continue,
            };
            if let Some(value) = self.exponential_behind(name, read) {
                let pool = &mut self.equations.pool;
                let mut replaced = crate::equations::Rewriter::new(pool, Replace(BTreeMap::from([(read, value)])));
                let with = replaced.scalar(inner);
                let log = self.equations.pool.apply(Function::Log, with);
                if !matches!(self.equations.pool.scalar(log), ScalarNode::Apply(Function::Log, _)) {
                    let log_of_read = self.equations.pool.apply(Function::Log, inner);
                    reads.insert(log_of_read, log);
                }
            }
        }
        if !reads.is_empty() {
            self.equations.pool.fire("stabilise-log");
            self.rewrite(name, Replace(reads));
        }
    }
    /// The `exp(…)` or `sigmoid(…)` that a read stands for.
    fn exponential_behind(&mut self, reader: Name, read: Scalar) -> Option<Scalar> {
        let mut value = read;
        for _ in 0..LONGEST {
            // A recurrence stays one: what is put in could read what it is put into.
            if self.recurrent.contains(&reader)
                && let ScalarNode::Read { tensor, .. } = self.equations.pool.scalar(value)
                && self.recurrent.contains(tensor)
            {
                return None;
            }
            value = behind(&mut self.equations, value)?;
            match self.equations.pool.scalar(value) {
                ScalarNode::Apply(Function::Exp | Function::Sigmoid, _) => return Some(value),
                ScalarNode::Read { .. } => {}
                _ => return None,
            }
        }
        None
    }
}

/// What a read of a pointwise equation stands for.
fn behind(equations: &mut Equations, read: Scalar) -> Option<Scalar> {
    let ScalarNode::Read { tensor, at } = equations.pool.scalar(read).clone() else { return None };
    let equation = equations.tensors.get(&tensor).and_then(Tensor::equation)?;
    if equation.reduction.is_some() {
        return None;
    }
    let body = equation.body;
    let axes = (0..).zip(at).collect();
    Some(equations.pool.substitute_scalar(body, &axes))
}

/// `read` of `-1 * read`
fn opposite_read(pool: &Pool, term: Scalar) -> Option<Scalar> {
    let ScalarNode::Mul(factors) = pool.scalar(term) else { return None };
    let [minus, read] = factors[..] else { return None };
    (pool.number_of(minus) == Some(-1.0) && matches!(pool.scalar(read), ScalarNode::Read { .. })).then_some(read)
}

/// Scalars to what stands for them.
pub(super) struct Replace(pub BTreeMap<Scalar, Scalar>);

impl Rewrite for Replace {
    fn scalar(&mut self, _: &mut Pool, scalar: Scalar) -> Option<Scalar> {
        self.0.get(&scalar).copied()
    }
}
