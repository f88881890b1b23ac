//! The table of derivatives, a row a function, and the reverse sweep over one expression that uses it.
//!
//! A row says what reaches an argument when `g` reaches the value `y`: `g * d y / d x`, through `y` where the derivative can be told from
//! it, so that `x` need not be kept. The conventions at kinks are those of the language: `abs'(0) = 0`, `sqrt'(0) = inf`; where the two
//! sides of a maximum are equal, a side that no tensor enters takes the gradient, else each side takes half; a choice has the
//! derivative of the branch that is taken. Comparisons are turned so that they hold at a kink and fail at NaN: a NaN in the forward
//! pass lets `g` through, which is NaN itself as soon as the loss is.
//!
//! Branches stay lazy: what reaches a branch is `g` under the guard of its condition, `if condition { g } else { 0 }`, and all that is
//! computed from `g` further down stays under its guards, so that no derivative of a branch that is not taken is evaluated.

use crate::equations::{Condition, Function, Pool, Relation, Scalar, ScalarNode};
use std::collections::{BTreeMap, BTreeSet};

/// What reaches the arguments of `node`, whose value is `y`, when `g` reaches its value. Arguments without gradient are left out.
fn partials(pool: &mut Pool, node: Scalar, y: Scalar, g: Scalar) -> Vec<(Scalar, Scalar)> {
    match pool.scalar(node).clone() {
        ScalarNode::Constant(_) | ScalarNode::Read { .. } | ScalarNode::Real(_) | ScalarNode::Stop(_) => Vec::new(),
        ScalarNode::Add(terms) => terms.into_iter().map(|term| (term, g)).collect(),
        ScalarNode::Mul(factors) => (0..factors.len())
            .filter(|&at| pool.number_of(factors[at]).is_none())
            .collect::<Vec<_>>()
            .into_iter()
            .map(|at| {
                let mut others = factors.clone();
                others[at] = g;
                (factors[at], pool.mul(&others))
            })
            .collect(),
        ScalarNode::Power(x, exponent) => {
            let k = exponent.value();
            // k * x^(k - 1); as k * y^((k - 1) / k) where that is a power by a whole number: sqrt, reciprocals of powers and roots
            let through_output = (k - 1.0) / k;
            let slope = if k < 1.0 && through_output.fract() == 0.0 { pool.power(y, through_output) } else { pool.power(x, k - 1.0) };
            let k = pool.constant(k);
            vec![(x, pool.mul(&[g, k, slope]))]
        }
        ScalarNode::Max(a, b) => maximum(pool, (a, b), (y != node).then_some(y), g),
        ScalarNode::Select(condition, a, b) => {
            let zero = pool.constant(0.0);
            vec![(a, pool.select(condition, g, zero)), (b, pool.select(condition, zero, g))]
        }
        ScalarNode::Apply(function, x) => {
            let slope = match function {
                Function::Exp => y,
                Function::Log => pool.power(x, -1.0),
                Function::Tanh => {
                    let square = pool.power(y, 2.0);
                    one_minus(pool, square)
                }
                Function::Sigmoid => {
                    let opposite = one_minus(pool, y);
                    pool.mul(&[y, opposite])
                }
                Function::Softplus => pool.apply(Function::Sigmoid, x),
                Function::Erf => {
                    let square = pool.power(x, 2.0);
                    let square = pool.negative(square);
                    let bell = pool.apply(Function::Exp, square);
                    let scale = pool.constant(std::f64::consts::FRAC_2_SQRT_PI);
                    pool.mul(&[scale, bell])
                }
                Function::Sin => pool.apply(Function::Cos, x),
                Function::Cos => {
                    let sine = pool.apply(Function::Sin, x);
                    pool.negative(sine)
                }
                Function::Abs => return vec![(x, absolute(pool, x, g))],
                Function::Floor => return Vec::new(),
            };
            vec![(x, pool.mul(&[g, slope]))]
        }
    }
}

fn one_minus(pool: &mut Pool, x: Scalar) -> Scalar {
    let one = pool.constant(1.0);
    pool.subtract(one, x)
}

/// `x > 0: g; x = 0: 0; else -g`
fn absolute(pool: &mut Pool, x: Scalar, g: Scalar) -> Scalar {
    let (zero, opposite) = (pool.constant(0.0), pool.negative(g));
    let (positive, kink) = (pool.compare(Relation::Less, zero, x), pool.compare(Relation::Equal, x, zero));
    let rest = pool.select(kink, zero, opposite);
    pool.select(positive, g, rest)
}

/// Both sides of `max(a, b)`, which is also read as `output` if that is given.
fn maximum(pool: &mut Pool, (a, b): (Scalar, Scalar), output: Option<Scalar>, g: Scalar) -> Vec<(Scalar, Scalar)> {
    let zero = pool.constant(0.0);
    let fixed = |pool: &Pool, x: Scalar| pool.tensors_of_scalar(x).is_empty();
    if fixed(pool, a) || fixed(pool, b) {
        let (side, bound) = if fixed(pool, b) { (a, b) } else { (b, a) };
        // side <= bound just where the maximum is
        let closed = pool.compare(Relation::LessEqual, output.unwrap_or(side), bound);
        return vec![(side, pool.select(closed, zero, g))];
    }
    let half = pool.constant(0.5);
    let half = pool.mul(&[half, g]);
    let mut of = |x: Scalar, other: Scalar| {
        let (larger, smaller) = (pool.compare(Relation::Less, other, x), pool.compare(Relation::Less, x, other));
        let equal = pool.select(smaller, zero, half);
        pool.select(larger, g, equal)
    };
    vec![(a, of(a, b)), (b, of(b, a))]
}

/// What reaches each distinct read of a real tensor in `body` when `seed` reaches its value, in the order of a walk from left to right.
/// `output` is a read of the value itself, where the body is all of its equation.
pub fn adjoints(pool: &mut Pool, body: Scalar, seed: Scalar, output: Option<Scalar>) -> Vec<(Scalar, Scalar)> {
    let order = arguments_first(pool, body);
    let mut reached: BTreeMap<Scalar, Vec<Scalar>> = BTreeMap::from([(body, vec![seed])]);
    let mut found = Vec::new();
    for &node in order.iter().rev() {
        let Some(terms) = reached.remove(&node) else { continue };
        if let ScalarNode::Read { .. } = pool.scalar(node) {
            let sum = pool.add(&terms);
            if !pool.is_zero(sum) {
                found.push((node, sum));
            }
            continue;
        }
        let g = total(pool, &terms);
        if pool.is_zero(g) {
            continue;
        }
        let (guards, g) = without_guards(pool, g);
        let y = output.filter(|_| node == body).unwrap_or(node);
        for (argument, term) in partials(pool, node, y, g) {
            let term = guarded(pool, &guards, term);
            reached.entry(argument).or_default().push(term);
        }
    }
    let place: BTreeMap<Scalar, usize> = order.iter().enumerate().map(|(place, &node)| (node, place)).collect();
    found.sort_by_key(|(read, _)| place[read]);
    found
}

/// The reads of real tensors that a gradient can reach: not those in conditions, under `stop` or `floor`.
pub fn reached_reads(pool: &Pool, body: Scalar) -> Vec<Scalar> {
    let mut order = arguments_first(pool, body);
    order.retain(|&node| matches!(pool.scalar(node), ScalarNode::Read { .. }));
    order
}

/// The sum of all that reaches a value. If every term is guarded, the value counts only where one of them is taken, and so does its
/// derivative: the whole sum is guarded too.
fn total(pool: &mut Pool, terms: &[Scalar]) -> Scalar {
    let sum = pool.add(terms);
    if !matches!(pool.scalar(sum), ScalarNode::Add(_)) {
        return sum;
    }
    let mut alternatives = Vec::new();
    for &term in terms {
        let (guards, _) = without_guards(pool, term);
        alternatives.push(pool.all(&guards));
    }
    let condition = pool.any(&alternatives);
    guarded(pool, &[condition], sum)
}

/// `if a { if b { g } else { 0 } } else { 0 }` as `a`, `b` and `g`.
fn without_guards(pool: &mut Pool, mut g: Scalar) -> (Vec<Condition>, Scalar) {
    let mut guards = Vec::new();
    while let ScalarNode::Select(condition, a, b) = *pool.scalar(g) {
        if pool.is_zero(b) {
            guards.push(condition);
            g = a;
        } else if pool.is_zero(a) {
            guards.push(pool.not(condition));
            g = b;
        } else {
            break;
        }
    }
    (guards, g)
}

/// The opposite: the first guard is asked first, since it may be what keeps the reads of the next one in range.
fn guarded(pool: &mut Pool, guards: &[Condition], g: Scalar) -> Scalar {
    let zero = pool.constant(0.0);
    guards.iter().rev().fold(g, |g, &guard| pool.select(guard, g, zero))
}

/// Every part of `body` that a gradient can reach, once, each after its arguments.
fn arguments_first(pool: &Pool, body: Scalar) -> Vec<Scalar> {
    let mut order = Vec::new();
    let mut entered = BTreeSet::new();
    // a node is met twice: first its arguments are put before it, then it is done
    let mut stack = vec![(body, false)];
    while let Some((node, arguments_done)) = stack.pop() {
        if arguments_done {
            order.push(node);
            continue;
        }
        if !entered.insert(node) {
            continue;
        }
        stack.push((node, true));
        let mut push = |arguments: &[Scalar]| stack.extend(arguments.iter().rev().map(|&argument| (argument, false)));
        match pool.scalar(node) {
            ScalarNode::Add(terms) | ScalarNode::Mul(terms) => push(terms),
            ScalarNode::Max(a, b) | ScalarNode::Select(_, a, b) => push(&[*a, *b]),
            ScalarNode::Apply(Function::Floor, _) => {}
            ScalarNode::Power(x, _) | ScalarNode::Apply(_, x) => push(&[*x]),
            ScalarNode::Constant(_) | ScalarNode::Read { .. } | ScalarNode::Real(_) | ScalarNode::Stop(_) => {}
        }
    }
    order
}
