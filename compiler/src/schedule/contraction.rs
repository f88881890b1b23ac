//! Sums of products of two tensors as matrix products.
//!
//! `c[..] = sum(..) a[..] * b[..]` without conditions. Each axis longer than 1 belongs to one of four sets, by the tensors that depend on it:
//!
//! | set | depends on it | becomes |
//! |---|---|---|
//! | M | result, left | rows of the result |
//! | N | result, right | columns of the result |
//! | K | left, right (summed) | the length of the products |
//! | batch | all three | loops around the kernel |
//!
//! A set becomes one axis of the matrix where it is flat in both tensors: each stride is the next stride times the next size. What is
//! left over becomes a loop around the kernel; left over of K, the kernel adds. Columns are next to one another in memory, so the layout
//! follows from which axes have stride 1: K in the left and N in the right (plain), M in the left and N in the right (left transposed),
//! K in both (right transposed). Reshaped and sliced operands cost nothing, since only flat offsets are looked at.

use super::layout::{self, Strides};
use crate::equations::{Condition, Constant, Equations, Function, Index, Name, Pool, Reduction, Scalar, ScalarNode};
use crate::program::{Broadcast, Contraction, Epilogue, Layout, Matrix};
use std::collections::BTreeMap;

/// No epilogue has more operators and operands.
const LONGEST: usize = 40;

/// One of the three tensors, and how its elements move.
#[derive(Clone)]
struct Operand {
    tensor: Name,
    strides: Strides,
}

/// The kernel call that computes a tensor, if its equation is one. In a loop over time, `time` is the axis that has one value.
pub fn contraction(equations: &mut Equations, name: Name, time: Option<u32>) -> Option<Contraction> {
    let tensor = equations.tensors[&name].clone();
    let equation = tensor.equation()?;
    if equation.reduction != Some(Reduction::Sum) || equation.condition != Condition::TRUE {
        return None;
    }
    let ScalarNode::Mul(factors) = equations.pool.scalar(equation.body).clone() else { return None };
    let [left, right] = factors[..] else { return None };
    let own = equations.own_axes(name);
    let result = operand(equations, name, &own)?;
    let (left, right) = (read(equations, left)?, read(equations, right)?);
    if left.tensor == name || right.tensor == name {
        return None;
    }
    let sizes: Vec<Index> = tensor.axes.iter().chain(&equation.reduced).copied().collect();
    [(&left, &right), (&right, &left)].into_iter().find_map(|(left, right)| {
        let product = as_product(&mut equations.pool, name, &sizes, tensor.axes.len(), time, left, right, &result)?;
        let inside = [&product.left, &product.right, &product.result].into_iter().all(|matrix| is_inside(equations, matrix));
        inside.then_some(product)
    })
}

/// Whether a matrix is whole rows of its tensor: each of `stride` numbers, of which its columns are some. Rows that overlap, as those of
/// a window that slides, are none.
fn is_inside(equations: &mut Equations, matrix: &Matrix) -> bool {
    let axes = equations.tensors[&matrix.tensor].axes.clone();
    let pool = &mut equations.pool;
    let (row, first) = (pool.divide(matrix.offset, matrix.stride), pool.remainder(matrix.offset, matrix.stride));
    let (Some(last_row), Some(last_first)) = (pool.extreme(row, true), pool.extreme(first, true)) else { return false };
    let total = pool.count(&axes);
    let (end_row, end_column) = (pool.plus(last_row, matrix.rows), pool.plus(last_first, matrix.columns));
    let end = pool.times(end_row, matrix.stride);
    let (below, beside) = (pool.minus(total, end), pool.minus(matrix.stride, end_column));
    pool.never_negative(row) && pool.never_negative(below) && pool.never_negative(beside)
}

fn read(equations: &mut Equations, scalar: Scalar) -> Option<Operand> {
    let ScalarNode::Read { tensor, at } = equations.pool.scalar(scalar).clone() else { return None };
    operand(equations, tensor, &at)
}

fn operand(equations: &mut Equations, tensor: Name, at: &[Index]) -> Option<Operand> {
    let flat = layout::flat(equations, tensor, at);
    Some(Operand { tensor, strides: layout::strides(&mut equations.pool, flat)? })
}

/// Axes that are one axis of a matrix, outermost first, and how many elements they have.
struct Run {
    axes: Vec<u32>,
    size: Index,
}

/// The longest run among `axes` that ends with `last` and is flat in both tensors.
fn run(pool: &mut Pool, sizes: &[Index], axes: &[u32], last: u32, tensors: [&Operand; 2]) -> Run {
    let mut chain = vec![last];
    let mut size = sizes[last as usize];
    loop {
        let first = chain[chain.len() - 1];
        let next = axes.iter().copied().find(|axis| {
            !chain.contains(axis)
                && tensors.iter().all(|tensor| {
                    let (Some(stride), Some(next)) = (tensor.strides.of(first), tensor.strides.of(*axis)) else { return false };
                    pool.times(stride, sizes[first as usize]) == next
                })
        });
        let Some(next) = next else { break };
        chain.push(next);
        size = pool.times(sizes[next as usize], size);
    }
    chain.reverse();
    Run { axes: chain, size }
}

#[allow(clippy::too_many_arguments)]
fn as_product(
    pool: &mut Pool,
    sum: Name,
    sizes: &[Index],
    rank: usize,
    time: Option<u32>,
    left: &Operand,
    right: &Operand,
    result: &Operand,
) -> Option<Contraction> {
    let (mut m, mut n, mut k) = (Vec::new(), Vec::new(), Vec::new());
    let long = |pool: &Pool, axis: &u32| Some(*axis) != time && pool.constant_of(sizes[*axis as usize]) != Some(1);
    for axis in (0..sizes.len() as u32).filter(|axis| long(pool, axis)) {
        let summed = axis as usize >= rank;
        match (left.strides.of(axis).is_some(), right.strides.of(axis).is_some()) {
            (true, true) if summed => k.push(axis),
            (true, true) => {}
            (true, false) if !summed => m.push(axis),
            (false, true) if !summed => n.push(axis),
            _ => return None,
        }
    }
    for operand in [left, right, result] {
        if !operand.strides.strides.values().all(|&stride| pool.never_negative(stride)) {
            return None;
        }
    }
    let one = pool.integer(1);
    let steps_by_one = |operand: &Operand, axis: u32| operand.strides.of(axis) == Some(one);
    let column = n.iter().copied().find(|&axis| steps_by_one(result, axis))?;
    // A row that may be empty does not tell how many there are.
    let mut never_empty = |axes: &[u32]| -> Vec<u32> {
        let mut is_long = |&&axis: &&u32| {
            let less = pool.offset(sizes[axis as usize], -1);
            pool.never_negative(less)
        };
        axes.iter().filter(&mut is_long).copied().collect()
    };
    let (n, m_in_rows, k_in_rows) = (never_empty(&n), never_empty(&m), never_empty(&k));
    let columns = run(pool, sizes, &n, column, [right, result]);
    // The innermost axis of a run that need not move by one: that which makes the run longest, the last where they are equal.
    let longest = |pool: &mut Pool, axes: &[u32], tensors: [&Operand; 2]| {
        let runs: Vec<Run> = axes.iter().map(|&last| run(pool, sizes, axes, last, tensors)).collect();
        runs.into_iter().max_by_key(|run| run.axes.len())
    };
    let (layout, rows, inner) = if steps_by_one(right, column) {
        if let Some(&last) = k_in_rows.iter().find(|&&axis| steps_by_one(left, axis)) {
            (Layout::Plain, longest(pool, &m, [left, result])?, run(pool, sizes, &k_in_rows, last, [left, right]))
        } else {
            let last = *m_in_rows.iter().find(|&&axis| steps_by_one(left, axis))?;
            (Layout::LeftTransposed, run(pool, sizes, &m_in_rows, last, [left, result]), longest(pool, &k, [left, right])?)
        }
    } else {
        let last = *k_in_rows.iter().find(|&&axis| steps_by_one(left, axis) && steps_by_one(right, axis))?;
        (Layout::RightTransposed, longest(pool, &m, [left, result])?, run(pool, sizes, &k_in_rows, last, [left, right]))
    };
    let inside = |axis: &u32| rows.axes.contains(axis) || columns.axes.contains(axis) || inner.axes.contains(axis);
    let outer: Vec<(u32, Index)> =
        (0..sizes.len() as u32).filter(|axis| long(pool, axis) && !inside(axis)).map(|axis| (axis, sizes[axis as usize])).collect();
    let adds = outer.iter().any(|&(axis, _)| axis as usize >= rank);
    let mut matrix = |operand: &Operand, rows: &Run, columns: &Run| {
        let mut offset = operand.strides.offset;
        for (number, size) in outer.iter().copied().chain(time.map(|time| (time, sizes[time as usize]))) {
            if let Some(stride) = operand.strides.of(number) {
                let axis = pool.axis(number, size);
                let step = pool.times(axis, stride);
                offset = pool.plus(offset, step);
            }
        }
        let stride = operand.strides.of(rows.axes[rows.axes.len() - 1]).unwrap_or(one);
        Matrix { tensor: operand.tensor, offset, rows: rows.size, columns: columns.size, stride }
    };
    let (left, right) = match layout {
        Layout::Plain => (matrix(left, &rows, &inner), matrix(right, &inner, &columns)),
        Layout::LeftTransposed => (matrix(left, &inner, &rows), matrix(right, &inner, &columns)),
        Layout::RightTransposed => (matrix(left, &rows, &inner), matrix(right, &columns, &inner)),
    };
    let result = matrix(result, &rows, &columns);
    Some(Contraction { layout, left, right, result, outer, adds, sum, epilogue: None })
}

/// The rows whose sum a tensor is, if its equation is one: `y[o] = sum(n) x[n, o]`.
pub fn column_sum(equations: &mut Equations, name: Name) -> Option<Matrix> {
    let tensor = equations.tensors[&name].clone();
    let equation = tensor.equation()?;
    if equation.reduction != Some(Reduction::Sum) || equation.condition != Condition::TRUE {
        return None;
    }
    let own = equations.own_axes(name);
    let (result, rows) = (operand(equations, name, &own)?, read(equations, equation.body)?);
    let sizes: Vec<Index> = tensor.axes.iter().chain(&equation.reduced).copied().collect();
    let rank = tensor.axes.len() as u32;
    let pool = &mut equations.pool;
    let long = |pool: &Pool, axis: &u32| pool.constant_of(sizes[*axis as usize]) != Some(1);
    let summed: Vec<u32> = (rank..sizes.len() as u32).filter(|axis| long(pool, axis)).collect();
    let kept: Vec<u32> = (0..rank).filter(|axis| long(pool, axis)).collect();
    let (one, &last_kept, &last_summed) = (pool.integer(1), kept.last()?, summed.last()?);
    let columns = run(pool, &sizes, &kept, last_kept, [&rows, &result]);
    let over = run(pool, &sizes, &summed, last_summed, [&rows, &rows]);
    let all = columns.axes.len() == kept.len() && over.axes.len() == summed.len();
    let stride = rows.strides.of(last_summed)?;
    let by_one = rows.strides.of(last_kept) == Some(one) && result.strides.of(last_kept) == Some(one);
    let rows = Matrix { tensor: rows.tensor, offset: rows.strides.offset, rows: over.size, columns: columns.size, stride };
    (all && by_one && is_inside(equations, &rows)).then_some(rows)
}

/// The pointwise equation of `name` as what is applied to the product while it is in registers; it reads the stored value of the
/// product, `of`, at its own place only.
pub fn epilogue(equations: &mut Equations, contraction: &Contraction, of: Name, name: Name, time: Option<u32>) -> Option<Epilogue> {
    let tensor = equations.tensors[&name].clone();
    let body = tensor.equation().filter(|equation| equation.reduction.is_none())?.body;
    if contraction.layout == Layout::LeftTransposed || !contraction.outer.is_empty() || equations.tensors[&of].axes != tensor.axes {
        return None;
    }
    let own = equations.own_axes(name);
    let tensor_axes = tensor.axes;
    let place = layout::flat(equations, name, &own);
    let row_and_column = split(&mut equations.pool, place, contraction.result.columns);
    // The epilogue so far takes the place of the read of its result.
    let before = contraction.epilogue.clone().unwrap_or_else(|| {
        let value = equations.pool.read(contraction.sum, own.clone());
        Epilogue { value, reads: Vec::new() }
    });
    let here = equations.pool.read(of, own.clone());
    let mut reads = before.reads;
    for read in equations.pool.real_reads(body) {
        let ScalarNode::Read { tensor, at } = equations.pool.scalar(read).clone() else { continue };
        if read == here || reads.iter().any(|&(other, _)| other == read) {
            continue;
        }
        if tensor == of {
            return None;
        }
        let flat = layout::flat(equations, tensor, &at);
        let its_axes = equations.tensors[&tensor].axes.clone();
        let count = equations.pool.count(&its_axes);
        let (rows, columns) = (contraction.result.rows, contraction.result.columns);
        let all = equations.pool.times(rows, columns);
        let how = match row_and_column {
            _ if its_axes.is_empty() => Broadcast::Number,
            _ if flat == place && (count == all || (time.is_some() && its_axes == tensor_axes)) => Broadcast::Element,
            Some((_, column)) if flat == column && count == columns => Broadcast::Column,
            Some((row, _)) if flat == row && count == rows => Broadcast::Row,
            _ => return None,
        };
        reads.push((read, how));
    }
    let replaced = replace(&mut equations.pool, body, here, before.value);
    // A vector's expression is written out, and its operands are registers.
    let short = equations.pool.written_size(replaced) <= LONGEST;
    (short && vectors_have(&equations.pool, replaced)).then_some(Epilogue { value: replaced, reads })
}

/// The row and the column of a flat place.
fn split(pool: &mut Pool, place: Index, columns: Index) -> Option<(Index, Index)> {
    let (row, column) = (pool.divide(place, columns), pool.remainder(place, columns));
    let back = pool.times(row, columns);
    (pool.plus(back, column) == place).then_some((row, column))
}

fn replace(pool: &mut Pool, body: Scalar, what: Scalar, by: Scalar) -> Scalar {
    use crate::equations::{Rewrite, Rewriter};
    struct One(Scalar, Scalar);
    impl Rewrite for One {
        fn scalar(&mut self, _: &mut Pool, scalar: Scalar) -> Option<Scalar> {
            (scalar == self.0).then_some(self.1)
        }
    }
    Rewriter::new(pool, One(what, by)).scalar(body)
}

/// Whether vectors in registers have every operation of a scalar; both branches of a choice are evaluated.
fn vectors_have(pool: &Pool, scalar: Scalar) -> bool {
    use crate::equations::ConditionNode;
    let mut known: BTreeMap<Scalar, ()> = BTreeMap::new();
    let mut stack = vec![scalar];
    while let Some(scalar) = stack.pop() {
        if known.insert(scalar, ()).is_some() {
            continue;
        }
        match pool.scalar(scalar) {
            ScalarNode::Constant(_) | ScalarNode::Read { .. } => {}
            ScalarNode::Add(parts) | ScalarNode::Mul(parts) => stack.extend(parts),
            ScalarNode::Power(base, exponent) if is_simple(*exponent) => stack.push(*base),
            ScalarNode::Max(a, b) => stack.extend([a, b]),
            ScalarNode::Select(condition, a, b) => match *pool.condition(*condition) {
                ConditionNode::Compare(_, x, y) => stack.extend([*a, *b, x, y]),
                _ => return false,
            },
            ScalarNode::Apply(Function::Abs, x) | ScalarNode::Stop(x) => stack.push(*x),
            ScalarNode::Power(..) | ScalarNode::Apply(..) | ScalarNode::Real(_) => return false,
        }
    }
    true
}

fn is_simple(exponent: Constant) -> bool {
    [2.0, 3.0, -1.0, -2.0, 0.5, -0.5].contains(&exponent.value())
}
