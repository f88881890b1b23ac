//! Logarithms of what is an exponential in another equation.
//!
//! With `p[n, i] = exp(z[n, i] - lse(j) z[n, j])`, `log(p[n, t])` is `z[n, t] - lse(j) z[n, j]`: no overflow, no `log(0)`, and a
//! derivative without a quotient. So for `sigmoid`, whose logarithm and that of `1 - sigmoid` are `softplus` forms. The equation of the
//! read is put in at the indices of the read, through any number of equations that only read another one; the rules of the pool do the
//! rest. Nothing here knows a loss. Can change rounding, where `p` is tiny from infinite to right.

use super::Work;
use crate::equations::{Definition, Equation, Equations, Function, Name, Pool, Rewrite, Rewriter, Scalar, ScalarNode, Tensor};
use std::collections::{BTreeMap, BTreeSet};

/// How many equations that only read another one are looked through.
const LONGEST: usize = 16;

/// Makes the logarithms of what a tensor is computed from stable, without any other change.
pub fn stabilise_logarithms(equations: &mut Equations, from: Name) {
    let groups = equations.groups([from]);
    let is_recurrent = |group: &&Vec<Name>| group.len() > 1 || equations.reads(group[0]).contains(&group[0]);
    let recurrent: BTreeSet<Name> = groups.iter().filter(is_recurrent).flatten().copied().collect();
    for name in groups.into_iter().flatten() {
        let Some(Equation { reduction, reduced, condition, body }) = equations.tensors[&name].equation().cloned() else { continue };
        let stable = stable_logarithms(equations, &recurrent, name);
        if stable.is_empty() {
            continue;
        }
        let mut rewriter = Rewriter::new(&mut equations.pool, Replace(stable));
        let equation = Equation { reduction, reduced, condition: rewriter.condition(condition), body: rewriter.scalar(body) };
        let tensor = Tensor { definition: Definition::Equation(equation), ..equations.tensors[&name].clone() };
        equations.insert(name, tensor);
    }
}

impl Work {
    pub(super) fn stabilise(&mut self, name: Name) {
        let stable = stable_logarithms(&mut self.equations, &self.recurrent, name);
        if !stable.is_empty() {
            self.equations.pool.fire("stabilise-log");
            self.rewrite(name, Replace(stable));
        }
    }
}

/// The logarithms of an equation that can be stable, and what stands for them.
fn stable_logarithms(equations: &mut Equations, recurrent: &BTreeSet<Name>, name: Name) -> BTreeMap<Scalar, Scalar> {
    let mut reads = BTreeMap::new();
    let Some(equation) = equations.tensors.get(&name).and_then(Tensor::equation).cloned() else { return reads };
    let pool = &equations.pool;
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
        let read = match equations.pool.scalar(inner) {
            ScalarNode::Read { .. } => inner,
            // 1 - read
            ScalarNode::Add(terms) => match terms.iter().find_map(|&term| opposite_read(&equations.pool, term)) {
                Some(read) => read,
                None => continue,
            },
            _ => continue,
        };
        if let Some(value) = exponential_behind(equations, recurrent, name, read) {
            let with = Rewriter::new(&mut equations.pool, Replace(BTreeMap::from([(read, value)]))).scalar(inner);
            let log = equations.pool.apply(Function::Log, with);
            if !matches!(equations.pool.scalar(log), ScalarNode::Apply(Function::Log, _)) {
                let log_of_read = equations.pool.apply(Function::Log, inner);
                reads.insert(log_of_read, log);
            }
        }
    }
    reads
}

/// The `exp(…)` or `sigmoid(…)` that a read stands for.
fn exponential_behind(equations: &mut Equations, recurrent: &BTreeSet<Name>, reader: Name, read: Scalar) -> Option<Scalar> {
    let mut value = read;
    for _ in 0..LONGEST {
        // A recurrence stays one: what is put in could read what it is put into.
        if recurrent.contains(&reader)
            && let ScalarNode::Read { tensor, .. } = equations.pool.scalar(value)
            && recurrent.contains(tensor)
        {
            return None;
        }
        value = behind(equations, value)?;
        match equations.pool.scalar(value) {
            ScalarNode::Apply(Function::Exp | Function::Sigmoid, _) => return Some(value),
            ScalarNode::Read { .. } => {}
            _ => return None,
        }
    }
    None
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
