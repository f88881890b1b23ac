//! Sums over windows as matrix products.
//!
//! In `z[n, o, i, j] = sum(c, p, q) x[n, c, i + p, j + q] * w[o, c, p, q]` the elements of `x` that belong to one element of the result do
//! not lie next to one another, and at a border some are missing. So they are first written down as an ordinary tensor,
//! `x_window[n, c, p, q, i, j] = x[n, c, i + p, j + q]`, with 0 where the condition of the sum does not hold; the sum is then a product
//! of two matrices (`contraction`). Nothing here asks for a convolution: derived gradients, strides, dilations and transposed
//! convolutions have the same form.
//!
//! The axes of the new tensor are in an order that makes rows and columns flat: first the axes around the product, then those that are
//! summed over, in the order of the other factor, then those that the result has from this factor alone; the last two are turned
//! round where the numbers next to one another in the result are those of the other factor. The other factor is written down anew in the
//! same manner where its own summed axes do not lie together.
//!
//! A window is written down only where each of its elements is used often enough to pay for it, and where it stays small.

use super::contraction;
use crate::equations::{BATCH, Condition, Definition, Equation, Equations, Index, Name, Pool, Reduction, Scalar, ScalarNode, Tensor};
use crate::program::Contraction;
use std::collections::{BTreeMap, BTreeSet};

/// Each element of a window is used at least this often: below, writing it down costs as much as the sum.
const USES: i64 = 4;

/// No window has more elements for one element of the batch: 1 MiB of `f32`, which a core's cache holds.
const LARGEST: i64 = 1 << 18;

/// A sum inside one call of a kernel has at least as many terms; below, its factor is written down anew so that more sums are one.
const SHORTEST: i64 = 8;

/// One of the two factors.
#[derive(Clone)]
struct Factor {
    tensor: Name,
    at: Vec<Index>,
    read: Scalar,
    /// The axes longer than 1 that it depends on.
    axes: BTreeSet<u32>,
}

/// The tensors to compute first, in this order, and the kernel call that then computes `name`, whose equation now reads them.
pub fn product(equations: &mut Equations, name: Name) -> Option<(Vec<Name>, Contraction)> {
    let before = equations.tensors[&name].clone();
    let made = rewrite(equations, name)?;
    match contraction::contraction(equations, name, None) {
        Some(product) => Some((made, product)),
        None => {
            equations.tensors.insert(name, before);
            for name in made {
                equations.tensors.remove(&name);
            }
            None
        }
    }
}

fn rewrite(equations: &mut Equations, name: Name) -> Option<Vec<Name>> {
    let tensor = equations.tensors[&name].clone();
    let equation = tensor.equation()?;
    if equation.reduction != Some(Reduction::Sum) {
        return None;
    }
    let ScalarNode::Mul(factors) = equations.pool.scalar(equation.body).clone() else { return None };
    let [first, second] = factors[..] else { return None };
    let rank = tensor.axes.len() as u32;
    let sizes: Vec<Index> = tensor.axes.iter().chain(&equation.reduced).copied().collect();
    let long: Vec<u32> = (0..sizes.len() as u32).filter(|&axis| equations.pool.constant_of(sizes[axis as usize]) != Some(1)).collect();
    let (first, second) = (factor(&equations.pool, first, &long)?, factor(&equations.pool, second, &long)?);
    let (window, other) = match (is_plain(&equations.pool, &first), is_plain(&equations.pool, &second)) {
        (false, true) => (first, second),
        (true, false) => (second, first),
        _ => return None,
    };
    let pool = &equations.pool;
    if !pool.is_integer(equation.condition) || !pool.axes_of_condition(equation.condition).is_subset(&window.axes) {
        return None;
    }

    let (mut both, mut summed, mut apart, mut others) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for &axis in &long {
        match (window.axes.contains(&axis), other.axes.contains(&axis), axis >= rank) {
            (true, true, true) => summed.push(axis),
            (true, true, false) => both.push(axis),
            (true, false, false) => apart.push(axis),
            (false, true, false) => others.push(axis),
            _ => return None,
        }
    }
    let &last = long.iter().rfind(|&&axis| axis < rank)?;
    let on_the_right = apart.contains(&last);
    if summed.is_empty() || apart.is_empty() || !(on_the_right || others.contains(&last)) {
        return None;
    }
    let is_batch = |axis: &u32| pool.size_name(sizes[*axis as usize]).is_some_and(|name| pool.text(name) == BATCH);
    let elements = count(pool, &sizes, window.axes.iter().filter(|axis| !is_batch(axis)))?;
    if elements > LARGEST || count(pool, &sizes, others.iter())? < USES {
        return None;
    }

    let order_there: Vec<u32> = other.at.iter().filter_map(|&index| pool.axis_of(index)).filter(|axis| long.contains(axis)).collect();
    let is_summed: Vec<bool> = order_there.iter().filter(|axis| !both.contains(axis)).map(|axis| summed.contains(axis)).collect();
    let changes = is_summed.windows(2).filter(|pair| pair[0] != pair[1]).count();
    let tail = order_there.iter().rev().take_while(|axis| summed.contains(axis));
    let together = changes == 1 || (changes == 2 && count(pool, &sizes, tail).is_none_or(|terms| terms >= SHORTEST));
    let mut made = Vec::new();
    let reads_other = if together {
        summed = order_there.iter().copied().filter(|axis| summed.contains(axis)).collect();
        other.read
    } else {
        let axes: Vec<u32> = if on_the_right { [&both[..], &others, &summed].concat() } else { [&both[..], &summed, &others].concat() };
        let (new, read) = written_down(equations, &tensor, &sizes, &other, Condition::TRUE, &axes, "turned");
        made.push(new);
        read
    };
    // Columns that are flat in the result stand behind all axes of the other factor there.
    let (outer, apart): (Vec<u32>, Vec<u32>) = apart.iter().partition(|&axis| on_the_right && others.iter().any(|other| other > axis));
    both.extend(outer);
    let axes: Vec<u32> = if on_the_right { [&both[..], &summed, &apart].concat() } else { [&both[..], &apart, &summed].concat() };
    let (new, reads_window) = written_down(equations, &tensor, &sizes, &window, equation.condition, &axes, "window");
    made.push(new);
    let body = equations.pool.mul(&[reads_window, reads_other]);
    let equation = Equation { condition: Condition::TRUE, body, ..equation.clone() };
    equations.insert(name, Tensor { definition: Definition::Equation(equation), ..tensor });
    Some(made)
}

fn factor(pool: &Pool, read: Scalar, long: &[u32]) -> Option<Factor> {
    let ScalarNode::Read { tensor, at } = pool.scalar(read).clone() else { return None };
    let axes = pool.axes_of_scalar(read).into_iter().filter(|axis| long.contains(axis)).collect();
    Some(Factor { tensor, at, read, axes })
}

/// The number of elements over these axes, where it is a constant.
fn count<'a>(pool: &Pool, sizes: &[Index], mut axes: impl Iterator<Item = &'a u32>) -> Option<i64> {
    axes.try_fold(1i64, |all, &axis| all.checked_mul(pool.constant_of(sizes[axis as usize])?))
}

/// Whether each axis of the tensor is one axis of the sum, or none.
fn is_plain(pool: &Pool, factor: &Factor) -> bool {
    let mut known = BTreeSet::new();
    factor.at.iter().all(|&index| match pool.axis_of(index) {
        Some(axis) => known.insert(axis),
        None => pool.constant_of(index).is_some(),
    })
}

/// A new tensor with these axes of the sum, in this order: the factor where the condition holds, and 0 elsewhere. Its name, and how the
/// sum reads it.
fn written_down(
    equations: &mut Equations,
    sum: &Tensor,
    sizes: &[Index],
    factor: &Factor,
    condition: Condition,
    axes: &[u32],
    what: &str,
) -> (Name, Scalar) {
    let text = equations.pool.text(factor.tensor).to_string();
    let name = equations.fresh(&if text.contains('.') { format!("{text}_{what}") } else { format!("{text}.{what}") });
    let pool = &mut equations.pool;
    let zero = pool.integer(0);
    let mut replace: BTreeMap<u32, Index> = (0..sizes.len() as u32).map(|axis| (axis, zero)).collect();
    let mut at = Vec::new();
    for (position, &axis) in axes.iter().enumerate() {
        let size = sizes[axis as usize];
        replace.insert(axis, pool.axis(position as u32, size));
        at.push(pool.axis(axis, size));
    }
    let (value, condition) = (pool.substitute_scalar(factor.read, &replace), pool.substitute_condition(condition, &replace));
    let nothing = pool.constant(0.0);
    let body = pool.select(condition, value, nothing);
    let labels = axes.iter().map(|&axis| sum.labels.get(axis as usize).cloned().unwrap_or_default()).collect();
    let tensor = Tensor::defined(axes.iter().map(|&axis| sizes[axis as usize]).collect(), Equation::pointwise(body));
    equations.insert(name, Tensor { labels, ..tensor });
    (name, equations.pool.read(name, at))
}
