//! Derivatives that a model's text asks for, `grad(u, x)`, before anything else is made of its equations.
//!
//! Each is asked for after those that its `u` reads, so they are derived in their order, and what is derived can be derived again. While
//! it is derived `x` counts as given: what `x` is made of does not matter, and no logarithm looks through it.

use crate::derive::derive;
use crate::equations::{Definition, Equation, Role, Tensor};
use crate::model::{Derivative, Forward};
use crate::simplify::stabilise_logarithms;

/// Puts equations in place of the derivatives that are asked for.
pub fn derive_requested(forward: &mut Forward) {
    let equations = &mut forward.equations;
    for Derivative { tensor, of, by } in std::mem::take(&mut forward.derivatives) {
        let defined = equations.tensors[&by].clone();
        equations.insert(by, Tensor { definition: Definition::Given(Role::Input), ..defined.clone() });
        stabilise_logarithms(equations, of);
        let adjoint = derive(equations, of, &[by])[0];
        equations.insert(by, defined);
        let own = equations.own_axes(adjoint);
        let body = equations.pool.read(adjoint, own);
        let asked = &equations.tensors[&tensor];
        let derived = Tensor { labels: asked.labels.clone(), ..Tensor::defined(asked.axes.clone(), Equation::pointwise(body)) };
        equations.insert(tensor, derived);
    }
}
