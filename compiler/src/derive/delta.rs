//! The delta solver: a scatter becomes a gather.
//!
//! The adjoint of a read `T[f(r)]` is a sum over the reduced axes `r` where `f(r) == t`, for each element `t`. Each such equation is
//! solved for a reduced axis, which then need not be summed over. With `v` a reduced axis of size `n`, `m >= 1` a number or size, and
//! `R` free of reduced axes, the rules are, in this order:
//!
//! 1. **split**: `v` inside `div m` or `mod m`, `n > m`: digits, `v = m * q + r` with `0 <= r < m`, `v < n` (reshapes, groups).
//! 2. **wrap**: `(v + S) mod m = R`, `n <= m`: `v = (R - S) mod m`, guarded by `0 <= R < m` and `v < n` (circular padding, rolls).
//! 3. **radix**: `v + m * (…) = R`, `n <= m`: `v = R mod m`, `(…) = R div m` (windows that do not overlap, channel groups).
//! 4. **phase**: `v + m * (…) = R`, `n > m`: digits `v = m * q + r`, so that *radix* applies to `r`: a window that overlaps `n / m`-fold
//!    is read at `n / m` places, and which ones follows from `R mod m` (strided convolutions).
//! 5. **unit**: `v + … = 0` or `-v + … = 0`: `v` is the opposite of the rest, guarded by `0 <= v < n`. Of several, the longest axis.
//! 6. **gcd**: `m * (…) = R`: `(…) = R div m`, guarded by `R mod m == 0`.
//!
//! All are exact, whatever the integers. Equations in which an axis of the result occurs come first: solving a window for its place
//! before the test for its maximum keeps that test a test. An equation that no rule solves stays a condition of the sum: it is then
//! computed as a scatter, over the domain as it was (digits that led to nothing are taken back).

use crate::equations::{AtomNode, Condition, ConditionNode, Domain, Index, Part, Parts, Pool, ReducedAxis, greatest_common_divisor};
use std::collections::BTreeMap;

/// One rule on the equation at a place among the conditions; whether it changed anything.
type Rule = fn(&mut Pool, &mut Domain, usize) -> bool;

const RULES: [Rule; 6] = [split, wrap, radix, phase, unit, gcd];
/// Without those that only prepare for another.
const DIRECT_RULES: [Rule; 4] = [wrap, radix, unit, gcd];
/// No sum of a sensible model comes near it; symbolic divisors that are not known to divide each other could otherwise go on splitting.
const MOST_STEPS: usize = 64;

/// Solves the equations among the conditions of a sum for its reduced axes, as far as the rules go.
pub fn solve(pool: &mut Pool, domain: &mut Domain) {
    let unsolved = domain.clone();
    solve_by(pool, domain, &RULES);
    let left = equations_left(pool, domain);
    if left > 0 && domain.reduced.iter().any(|axis| unsolved.find(axis.number).is_none()) {
        let mut direct = unsolved;
        solve_by(pool, &mut direct, &DIRECT_RULES);
        if equations_left(pool, &direct) <= left && direct.reduced.len() < domain.reduced.len() {
            *domain = direct;
        }
    }
}

fn solve_by(pool: &mut Pool, domain: &mut Domain, rules: &[Rule]) {
    let bounds = follow_reads(pool, domain);
    for _ in 0..MOST_STEPS {
        if !step(pool, domain, rules) {
            break;
        }
    }
    for (index, (least, greatest)) in std::mem::take(&mut domain.followed).into_iter().zip(bounds) {
        let (low, high) = (pool.at_most(least, index), pool.at_most(index, greatest));
        domain.restrict(pool, low);
        domain.restrict(pool, high);
    }
}

/// Where the conditions read integer tensors, and the least and greatest of each such index. The ranges of the axes keep these reads
/// inside their tensors; once an axis is replaced by a value, a guard does, and that guard may itself need the element that is read. So
/// the bounds become guards too, free of that read; mostly they are guards already.
fn follow_reads(pool: &mut Pool, domain: &mut Domain) -> Vec<(Index, Index)> {
    let mut indices = Vec::new();
    for &condition in &domain.conditions {
        pool.visit(Parts::of_condition(condition), &mut |part| {
            if let Part::Atom(atom) = part
                && let AtomNode::Read { at, .. } = pool.atom(atom)
            {
                indices.extend(at.iter().copied());
            }
        });
    }
    let mut bounds = Vec::new();
    domain.followed.clear();
    for index in indices {
        if let (Some(least), Some(greatest)) = (pool.extreme(index, false), pool.extreme(index, true)) {
            domain.followed.push(index);
            bounds.push((least, greatest));
        }
    }
    bounds
}

fn step(pool: &mut Pool, domain: &mut Domain, rules: &[Rule]) -> bool {
    let rank = domain.result.len() as u32;
    let of_result = |pool: &Pool, condition: Condition| pool.axes_of_condition(condition).first().is_some_and(|&number| number < rank);
    for result in [true, false] {
        for rule in rules {
            for at in 0..domain.conditions.len() {
                if of_result(pool, domain.conditions[at]) == result && rule(pool, domain, at) {
                    return true;
                }
            }
        }
    }
    false
}

/// How many equations still hold a reduced axis.
fn equations_left(pool: &Pool, domain: &Domain) -> usize {
    let is_left = |&&condition: &&Condition| {
        matches!(pool.condition(condition), ConditionNode::Zero(_)) && domain.is_reduced(&pool.axes_of_condition(condition))
    };
    domain.conditions.iter().filter(is_left).count()
}

/// `sum coefficient * axis + rest = 0`
struct Linear {
    /// Reduced axes that are not inside a division, remainder or read, and their coefficients, which are sizes.
    axes: Vec<(ReducedAxis, Index)>,
    /// May hold reduced axes further inside.
    rest: Index,
}

impl Linear {
    /// The parts of an index that is to be 0.
    fn of(pool: &mut Pool, domain: &Domain, index: Index) -> Linear {
        let mut axes: Vec<(ReducedAxis, Index)> = Vec::new();
        let mut rest = index;
        for (atom, k) in pool.affine(index).terms.clone() {
            let factors = match pool.atom(atom) {
                AtomNode::Product(factors) => factors.clone(),
                _ => vec![atom],
            };
            let mut axis = None;
            let mut coefficient = pool.integer(k);
            for factor in factors {
                let reduced = match pool.atom(factor) {
                    AtomNode::Axis { number, .. } => domain.find(*number),
                    _ => None,
                };
                if let (Some(found), None) = (reduced, &axis) {
                    axis = Some(found.clone());
                } else {
                    let factor = pool.index_of_atom(factor);
                    coefficient = pool.times(coefficient, factor);
                }
            }
            let Some(axis) = axis.filter(|_| pool.is_size(coefficient)) else { continue };
            let term = pool.index_of_atom(atom);
            rest = pool.combine(&[(rest, 1), (term, -k)]);
            match axes.iter_mut().find(|(known, _)| known.number == axis.number) {
                Some((_, sum)) => *sum = pool.plus(*sum, coefficient),
                None => axes.push((axis, coefficient)),
            }
        }
        Linear { axes, rest }
    }
    /// The equation at a place among the conditions, if it is one.
    fn at(pool: &mut Pool, domain: &Domain, at: usize) -> Option<Linear> {
        match *pool.condition(domain.conditions[at]) {
            ConditionNode::Zero(index) => Some(Linear::of(pool, domain, index)),
            _ => None,
        }
    }
    /// Whether no reduced axis is in the rest.
    fn is_solvable(&self, pool: &Pool, domain: &Domain) -> bool {
        !domain.is_reduced(&pool.axes_of_index(self.rest))
    }
    /// 1 or -1 if that is the coefficient of the axis.
    fn unit(&self, pool: &Pool, at: usize) -> Option<i64> {
        pool.constant_of(self.axes[at].1).filter(|k| k.abs() == 1)
    }
    /// `sum coefficient / m * axis` without the axis `but`, times `sign`.
    fn divided(&self, pool: &mut Pool, m: Index, sign: i64, but: Option<usize>) -> Index {
        let mut sum = pool.integer(0);
        for (at, (axis, coefficient)) in self.axes.iter().enumerate() {
            if Some(at) != but {
                let quotient = pool.divide(*coefficient, m);
                let axis = pool.axis(axis.number, axis.size);
                let term = pool.times(quotient, axis);
                sum = pool.combine(&[(sum, 1), (term, sign)]);
            }
        }
        sum
    }
    /// The largest known `m` of which all coefficients but that of `but` are multiples; nothing if it is 1.
    fn common_divisor(&self, pool: &mut Pool, but: Option<usize>) -> Option<Index> {
        let coefficients: Vec<Index> =
            self.axes.iter().enumerate().filter(|&(at, _)| Some(at) != but).map(|(_, &(_, coefficient))| coefficient).collect();
        let mut constants = 0;
        let mut candidates = Vec::new();
        for &coefficient in &coefficients {
            match pool.constant_of(coefficient) {
                Some(k) => constants = greatest_common_divisor(constants, k.unsigned_abs()),
                None => {
                    for sign in [1, -1] {
                        let candidate = pool.scaled(coefficient, sign);
                        let positive = pool.offset(candidate, -1);
                        if pool.never_negative(positive) {
                            candidates.push(candidate);
                        }
                    }
                    let factors: Vec<i64> =
                        pool.affine(coefficient).terms.iter().map(|&(_, k)| k).chain([pool.affine(coefficient).constant]).collect();
                    constants = factors.iter().fold(constants, |gcd, k| greatest_common_divisor(gcd, k.unsigned_abs()));
                }
            }
        }
        candidates.push(pool.integer(constants as i64));
        candidates.into_iter().find(|&m| pool.constant_of(m).is_none_or(|m| m > 1) && coefficients.iter().all(|&c| is_multiple(pool, c, m)))
    }
}

/// Whether `m` is known to divide `a`.
fn is_multiple(pool: &mut Pool, a: Index, m: Index) -> bool {
    let quotient = pool.divide(a, m);
    pool.times(quotient, m) == a
}

/// Whether `a <= b` is known.
fn at_most(pool: &mut Pool, a: Index, b: Index) -> bool {
    let difference = pool.minus(b, a);
    pool.never_negative(difference)
}

/// Replaces the axis by `m * q + r`.
fn into_digits(pool: &mut Pool, domain: &mut Domain, axis: &ReducedAxis, m: Index) {
    let count = if is_multiple(pool, axis.size, m) {
        pool.divide(axis.size, m)
    } else {
        let (last, one) = (pool.offset(axis.size, -1), pool.integer(1));
        let last = pool.divide(last, m);
        pool.plus(last, one)
    };
    let quotient = domain.introduce(pool, count, &axis.label);
    let digit = domain.introduce(pool, m, &axis.label);
    let product = pool.times(quotient, m);
    let value = pool.plus(product, digit);
    domain.replace(pool, &BTreeMap::from([(axis.number, value)]));
    let inside = pool.less(value, axis.size);
    domain.restrict(pool, inside);
}

fn split(pool: &mut Pool, domain: &mut Domain, at: usize) -> bool {
    let ConditionNode::Zero(index) = *pool.condition(domain.conditions[at]) else { return false };
    let mut candidates = Vec::new();
    divisors_of_axes(pool, domain, index, &mut candidates);
    candidates.retain(|(axis, m)| {
        let known = pool.constant_of(*m).is_some() || is_multiple(pool, axis.size, *m);
        known && !at_most(pool, axis.size, *m)
    });
    // the smallest divisor first: the others are then divided by it
    let degree = |pool: &Pool, m: Index| {
        let terms = &pool.affine(m).terms;
        let factors = |&(atom, _): &_| match pool.atom(atom) {
            AtomNode::Product(factors) => factors.len(),
            _ => 1,
        };
        terms.iter().map(factors).max().unwrap_or(0)
    };
    let best = candidates.into_iter().min_by(|(axis, m), (other, n)| {
        degree(pool, *m)
            .cmp(&degree(pool, *n))
            .then_with(|| pool.constant_of(*m).cmp(&pool.constant_of(*n)))
            .then_with(|| pool.compare_indices(*m, *n))
            .then_with(|| axis.number.cmp(&other.number))
    });
    let Some((axis, m)) = best else { return false };
    pool.fire("delta-split");
    into_digits(pool, domain, &axis, m);
    true
}

/// Reduced axes that are divided, with their divisors, at any depth but not inside reads.
fn divisors_of_axes(pool: &mut Pool, domain: &Domain, index: Index, found: &mut Vec<(ReducedAxis, Index)>) {
    for (atom, _) in pool.affine(index).terms.clone() {
        let factors = match pool.atom(atom) {
            AtomNode::Product(factors) => factors.clone(),
            _ => vec![atom],
        };
        for factor in factors {
            if let AtomNode::Div(x, m) | AtomNode::Mod(x, m) = *pool.atom(factor) {
                let linear = Linear::of(pool, domain, x);
                found.extend(linear.axes.into_iter().map(|(axis, _)| (axis, m)));
                divisors_of_axes(pool, domain, x, found);
            }
        }
    }
}

fn wrap(pool: &mut Pool, domain: &mut Domain, at: usize) -> bool {
    let ConditionNode::Zero(index) = *pool.condition(domain.conditions[at]) else { return false };
    for (atom, k) in pool.affine(index).terms.clone() {
        let AtomNode::Mod(x, m) = *pool.atom(atom) else { continue };
        if k.abs() != 1 {
            continue;
        }
        let this = pool.index_of_atom(atom);
        let rest = pool.combine(&[(index, 1), (this, -k)]);
        let linear = Linear::of(pool, domain, x);
        let mut elsewhere = pool.axes_of_index(rest);
        elsewhere.extend(pool.axes_of_index(linear.rest));
        for turned in 0..linear.axes.len() {
            let Some(sign) = linear.unit(pool, turned) else { continue };
            let axis = linear.axes[turned].0.clone();
            if elsewhere.contains(&axis.number) || !at_most(pool, axis.size, m) {
                continue;
            }
            pool.fire("delta-wrap");
            let right = pool.scaled(rest, -k);
            let one = pool.integer(1);
            let others = linear.divided(pool, one, 1, Some(turned));
            let value = pool.combine(&[(right, sign), (others, -sign), (linear.rest, -sign)]);
            let value = pool.remainder(value, m);
            domain.conditions.remove(at);
            let (known, inside) = (pool.in_range(right, m), pool.less(value, axis.size));
            domain.restrict(pool, known);
            domain.restrict(pool, inside);
            domain.replace(pool, &BTreeMap::from([(axis.number, value)]));
            return true;
        }
    }
    false
}

fn radix(pool: &mut Pool, domain: &mut Domain, at: usize) -> bool {
    let Some(linear) = Linear::at(pool, domain, at) else { return false };
    if linear.axes.len() < 2 || !linear.is_solvable(pool, domain) {
        return false;
    }
    for digit in 0..linear.axes.len() {
        let Some(sign) = linear.unit(pool, digit) else { continue };
        let Some(m) = linear.common_divisor(pool, Some(digit)) else { continue };
        let axis = linear.axes[digit].0.clone();
        if !at_most(pool, axis.size, m) {
            continue;
        }
        pool.fire("delta-radix");
        let right = pool.scaled(linear.rest, -sign);
        let others = linear.divided(pool, m, sign, Some(digit));
        let (quotient, remainder) = (pool.divide(right, m), pool.remainder(right, m));
        domain.conditions.remove(at);
        let rest = pool.equal(others, quotient);
        let inside = pool.less(remainder, axis.size);
        domain.restrict(pool, rest);
        domain.restrict(pool, inside);
        domain.replace(pool, &BTreeMap::from([(axis.number, remainder)]));
        return true;
    }
    false
}

fn phase(pool: &mut Pool, domain: &mut Domain, at: usize) -> bool {
    let Some(linear) = Linear::at(pool, domain, at) else { return false };
    if linear.axes.len() < 2 || !linear.is_solvable(pool, domain) {
        return false;
    }
    for window in 0..linear.axes.len() {
        if linear.unit(pool, window).is_none() {
            continue;
        }
        let Some(m) = linear.common_divisor(pool, Some(window)) else { continue };
        let axis = linear.axes[window].0.clone();
        let (Some(n), Some(step)) = (pool.constant_of(axis.size), pool.constant_of(m)) else { continue };
        // what is solved in place of the window must be longer than what remains of it
        let places = n.div_euclid(step) + i64::from(n % step > 0);
        let longer = linear.axes.iter().enumerate().any(|(at, (other, coefficient))| {
            at != window
                && pool.constant_of(*coefficient).is_some_and(|k| k.abs() == step)
                && pool.constant_of(other.size).is_none_or(|size| size > places)
        });
        if n > step && longer {
            pool.fire("delta-phase");
            into_digits(pool, domain, &axis, m);
            return true;
        }
    }
    false
}

fn unit(pool: &mut Pool, domain: &mut Domain, at: usize) -> bool {
    let Some(linear) = Linear::at(pool, domain, at) else { return false };
    let inside = pool.axes_of_index(linear.rest);
    let mut best: Option<usize> = None;
    for at in 0..linear.axes.len() {
        if linear.unit(pool, at).is_none() || inside.contains(&linear.axes[at].0.number) {
            continue;
        }
        let longer = match best {
            None => true,
            // a size known only by name counts as longer than a number, unless the opposite is known
            Some(best) => {
                let (size, longest) = (linear.axes[at].0.size, linear.axes[best].0.size);
                !at_most(pool, size, longest) && (pool.constant_of(size).is_none() || pool.constant_of(longest).is_some())
            }
        };
        if longer {
            best = Some(at);
        }
    }
    let Some(best) = best else { return false };
    let Some(sign) = linear.unit(pool, best) else { return false };
    pool.fire("delta-unit");
    let axis = linear.axes[best].0.clone();
    let one = pool.integer(1);
    let others = linear.divided(pool, one, 1, Some(best));
    let value = pool.combine(&[(others, -sign), (linear.rest, -sign)]);
    domain.conditions.remove(at);
    domain.replace(pool, &BTreeMap::from([(axis.number, value)]));
    let inside = pool.in_range(value, axis.size);
    domain.restrict(pool, inside);
    true
}

fn gcd(pool: &mut Pool, domain: &mut Domain, at: usize) -> bool {
    let Some(linear) = Linear::at(pool, domain, at) else { return false };
    if linear.axes.is_empty() || !linear.is_solvable(pool, domain) {
        return false;
    }
    let Some(m) = linear.common_divisor(pool, None) else { return false };
    pool.fire("delta-gcd");
    // the sign by which the first term on the right is positive
    let sign = if pool.affine(linear.rest).terms.first().is_some_and(|&(_, k)| k > 0) { 1 } else { -1 };
    let right = pool.scaled(linear.rest, sign);
    let left = linear.divided(pool, m, -sign, None);
    let (quotient, remainder, zero) = (pool.divide(right, m), pool.remainder(right, m), pool.integer(0));
    domain.conditions.remove(at);
    let rest = pool.equal(left, quotient);
    let whole = pool.equal(remainder, zero);
    domain.restrict(pool, rest);
    domain.restrict(pool, whole);
    true
}
