//! Where the elements of a tensor lie: flat offsets as linear combinations of axes.

use crate::equations::{AtomNode, Equations, Index, Name, Pool};
use std::collections::BTreeMap;

/// `offset + sum stride * axis`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strides {
    /// Free of axes.
    pub offset: Index,
    /// By axis number, none of them 0; free of axes.
    pub strides: BTreeMap<u32, Index>,
}

impl Strides {
    /// The stride of an axis, if the element depends on it.
    pub fn of(&self, axis: u32) -> Option<Index> {
        self.strides.get(&axis).copied()
    }
}

/// Takes a flat offset apart; nothing if it is not linear in its axes.
pub fn strides(pool: &mut Pool, flat: Index) -> Option<Strides> {
    let affine = pool.affine(flat).clone();
    let mut offset = pool.integer(affine.constant);
    let mut strides: BTreeMap<u32, Index> = BTreeMap::new();
    for (atom, k) in affine.terms {
        let factors = match pool.atom(atom).clone() {
            AtomNode::Product(factors) => factors,
            _ => vec![atom],
        };
        let mut axis = None;
        let mut others = Vec::new();
        for factor in factors {
            match *pool.atom(factor) {
                AtomNode::Axis { number, .. } if axis.is_none() => axis = Some(number),
                _ => {
                    let factor = pool.index_of_atom(factor);
                    if !pool.is_size(factor) {
                        return None;
                    }
                    others.push(factor);
                }
            }
        }
        let others = pool.count(&others);
        let stride = pool.scaled(others, k);
        match axis {
            None => offset = pool.plus(offset, stride),
            Some(number) => {
                let zero = pool.integer(0);
                let sum = *strides.entry(number).or_insert(zero);
                let sum = pool.plus(sum, stride);
                strides.insert(number, sum);
            }
        }
    }
    Some(Strides { offset, strides })
}

/// The flat number of the element of `tensor` that a read at `at` names.
pub fn flat(equations: &mut Equations, tensor: Name, at: &[Index]) -> Index {
    let axes = equations.tensors[&tensor].axes.clone();
    equations.pool.flat(at, &axes)
}

/// The tensor that a pointwise equation has the numbers of, in the same order.
pub fn viewed(equations: &mut Equations, name: Name) -> Option<Name> {
    use crate::equations::ScalarNode;
    let tensor = &equations.tensors[&name];
    let axes = tensor.axes.clone();
    let equation = tensor.equation()?;
    if equation.reduction.is_some() || tensor.axes.is_empty() {
        return None;
    }
    let ScalarNode::Read { tensor: of, at } = equations.pool.scalar(equation.body).clone() else { return None };
    let own = equations.own_axes(name);
    let mine = equations.pool.flat(&own, &axes);
    let theirs = flat(equations, of, &at);
    let their_axes = equations.tensors[&of].axes.clone();
    let (count, their_count) = (equations.pool.count(&axes), equations.pool.count(&their_axes));
    (mine == theirs && count == their_count).then_some(of)
}
