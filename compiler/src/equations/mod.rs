//! The core language: every tensor is an equation, the only form that derivation and simplification know.
//!
//! ```text
//! Equation  = name [axes] = reduction? over [axes] where Condition of Scalar       // reductions only at the root
//! Reduction = sum | product | max | lse | argmax
//! Scalar    = constant | read(tensor, [Index]) | n-ary add, mul | power by a constant | max | select | real(Index) | function
//! Index     = c + sum k_i * atom_i;  atom = axis | size | product of atoms | Index div Index | Index mod Index | read of an integer tensor
//! ```
//! What holds of [`Equations`] (one function each in `verify`, in this order):
//! 1. Every tensor that is read is there, and is read with as many indices as it has axes.
//! 2. Axes are positional: axis `k` of an equation is its result axis `k`, and from its rank on its reduced axis; each carries its size.
//!    No other axis occurs, and sizes contain no axes.
//! 3. Every index is in the range of the axis that it reads, or the read stands where a condition guarantees it (conditions are lazy).
//! 4. A reduction stands only at the root of an equation; `argmax` has an integer result, its range the product of the reduced sizes.
//! 5. Integer tensors are read only as indices (or through `real`), real tensors only as scalars.
//! 6. A cycle between equations passes at least one read that is shifted along an axis.
//!
//! Expressions live in the [`Pool`]: hash-consed, so that equal expressions are the same number; their constructors simplify.

mod compare;
mod condition;
mod domain;
mod few;
pub mod functions;
mod index;
#[cfg(feature = "interpret")]
pub mod interpret;
#[cfg(test)]
pub(crate) mod notation;
mod order;
mod pool;
pub mod print;
mod printer;
mod recurrence;
mod rewrite;
mod scalar;
#[cfg(test)]
pub(crate) mod tests;
pub mod verify;
mod written;

pub use condition::ConditionNode;
pub use domain::{Domain, ReducedAxis, unused_label};
pub(crate) use index::greatest_common_divisor;
pub use index::{Affine, AtomNode};
pub use pool::{Atom, Condition, Index, Name, Pool, Scalar};
pub use pool::{Part, Parts};
pub use recurrence::{Access, NoTime, Recurrence};
pub use rewrite::{Rewrite, Rewriter, Substitution};
pub use scalar::{Constant, Function, Relation, ScalarNode};

use std::collections::BTreeMap;

/// The name of the size of the batch, the one size that may be 0; no name in a model's text can be this.
pub const BATCH: &str = "batch";

/// Tensors by name, and the pool that their expressions live in.
#[derive(Clone, Debug, Default)]
pub struct Equations {
    /// Names and expressions.
    pub pool: Pool,
    /// Every tensor. The order is that in which names entered the pool, which is the order of the model's text.
    pub tensors: BTreeMap<Name, Tensor>,
}

/// A tensor: its shape, what its elements are, and where they come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// The size of each axis; no axes occur in them.
    pub axes: Vec<Index>,
    /// Reals or integers.
    pub element: Element,
    /// Given or defined.
    pub definition: Definition,
    /// Names of the axes for readers: of the result, then of the reduction. May be shorter than that; no meaning.
    pub labels: Vec<String>,
}

/// What the elements of a tensor are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// Floating-point numbers.
    Real,
    /// Integers `low .. high`; no axes occur in the ends.
    Integer {
        /// The least.
        low: Index,
        /// One past the largest.
        high: Index,
    },
}

/// Where the elements of a tensor come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Definition {
    /// From outside.
    Given(Role),
    /// From an equation.
    Equation(Equation),
}

/// What a given tensor is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// An input of the model, per call.
    Input,
    /// An input that only training and evaluation need, per call.
    Target,
    /// Trained.
    Parameter,
    /// Kept from step to step; also the state of an optimizer.
    State,
    /// Drawn anew at every call.
    Random,
    /// A number known when the program runs: a field of an optimizer, its `step`.
    Number,
    /// The derivative of a tensor by another, until it is derived: `grad(u, x)` of the text.
    Derivative,
}

/// `result[axes] = reduction over [reduced] where [condition] of body`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Equation {
    /// Nothing for a pointwise equation.
    pub reduction: Option<Reduction>,
    /// Sizes of the reduced axes, which are numbered after those of the result.
    pub reduced: Vec<Index>,
    /// Elements of the reduced axes that count; `TRUE` for a pointwise equation.
    pub condition: Condition,
    /// What is reduced, or the value.
    pub body: Scalar,
}

/// How the elements of the reduced axes become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reduction {
    /// 0 over no element.
    Sum,
    /// 1 over no element.
    Product,
    /// -inf over no element; a NaN among them is the result.
    Max,
    /// `ln(sum exp)`; -inf over no element, or over -inf only.
    LogSumExp,
    /// The row-major number of the first largest element (the first NaN if there is one); made by derivation and by `argmax`.
    ArgMax,
}

impl Equation {
    /// A value for each element, no reduction.
    pub fn pointwise(body: Scalar) -> Self {
        Equation { reduction: None, reduced: Vec::new(), condition: Condition::TRUE, body }
    }
}

impl Tensor {
    /// A real tensor that comes from outside.
    pub fn given(role: Role, axes: Vec<Index>) -> Self {
        Tensor { axes, element: Element::Real, definition: Definition::Given(role), labels: Vec::new() }
    }
    /// A real tensor with an equation.
    pub fn defined(axes: Vec<Index>, equation: Equation) -> Self {
        Tensor { axes, element: Element::Real, definition: Definition::Equation(equation), labels: Vec::new() }
    }
    /// The equation, if it has one.
    pub fn equation(&self) -> Option<&Equation> {
        match &self.definition {
            Definition::Equation(equation) => Some(equation),
            Definition::Given(_) => None,
        }
    }
}

impl Equations {
    /// No tensors.
    pub fn new() -> Self {
        Self::default()
    }
    /// Adds or replaces a tensor.
    pub fn insert(&mut self, name: Name, tensor: Tensor) {
        self.tensors.insert(name, tensor);
    }
    /// A name that no tensor has yet: `base`, or `base_2`, `base_3`, ….
    pub fn fresh(&mut self, base: &str) -> Name {
        let mut text = base.to_string();
        let mut number = 1;
        loop {
            let name = self.pool.name(&text);
            if !self.tensors.contains_key(&name) {
                return name;
            }
            number += 1;
            text = format!("{base}_{number}");
        }
    }
    /// The axes of a tensor as indices: what its own equation calls its elements.
    pub fn own_axes(&mut self, name: Name) -> Vec<Index> {
        let sizes = self.tensors[&name].axes.clone();
        sizes.iter().enumerate().map(|(number, &size)| self.pool.axis(number as u32, size)).collect()
    }
    /// The tensors that the equation of `name` reads, each once, in name order; none for a given tensor.
    pub fn reads(&self, name: Name) -> Vec<Name> {
        let Some(equation) = self.tensors.get(&name).and_then(Tensor::equation) else { return Vec::new() };
        let mut names = self.pool.tensors_of_scalar(equation.body);
        names.extend(self.pool.tensors_of_condition(equation.condition));
        names.sort();
        names.dedup();
        names
    }
}
