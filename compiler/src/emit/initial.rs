//! Initial values of parameters and states: each element's expression, in `f64`, with its own draws. An orthogonal matrix is made in the
//! place of the parameter first.

use super::expression::{Scope, Shape, Style, identifier};
use super::optimizer::stream;
use crate::equations::{Equations, Index};
use crate::model::{Draw, Model};
use proc_macro2::{Literal, TokenStream};
use quote::quote;

/// No longer formula stands in the docs of a function.
const LONGEST: usize = 400;

/// A function for each parameter and state.
pub fn initial(model: &Model, style: &Style) -> TokenStream {
    let real = style.real.clone();
    let double = style.double();
    let mut equations = Equations { pool: model.training.equations.pool.clone(), tensors: Default::default() };
    let mut functions = TokenStream::new();
    for parameter in model.interface.parameters.iter().chain(&model.interface.states) {
        let name = identifier(&format!("initial_{}", identifier(&parameter.name)));
        let stream = stream(&parameter.name);
        let axes: Vec<Index> = parameter.axes.iter().enumerate().map(|(number, &size)| equations.pool.axis(number as u32, size)).collect();
        let flat = equations.pool.flat(&axes, &parameter.axes);
        let text = crate::equations::print::print_scalar(
            &equations.pool,
            &["i".into(), "j".into(), "k".into(), "l".into(), "m".into()],
            parameter.initial,
        );
        // of a long one the code says it better: parts of it have names there
        let text = if text.len() > LONGEST { String::new() } else { format!(": `{text}`") };
        let doc = format!(" The initial value of `{}`{text}", parameter.name);
        let undrawn = without_draws(&mut equations, parameter);
        let uses_axes = !equations.pool.axes_of_scalar(undrawn).is_empty();
        let mut scope = Scope::new(&mut equations, &double);
        let mut draws = TokenStream::new();
        let mut matrix = TokenStream::new();
        for (number, (tensor, draw)) in parameter.draws.iter().enumerate() {
            let number = Literal::usize_unsuffixed(number);
            let name = match draw {
                Draw::Uniform => "uniform",
                Draw::Normal => "normal",
                Draw::Orthogonal => "orthogonal",
            };
            let (local, kernel) = (scope.fresh(name), identifier(name));
            if *draw == Draw::Orthogonal {
                let place = if uses_axes { quote!(values[index]) } else { quote!(*value) };
                let rows = scope.count(parameter.axes[0]).tokens;
                let columns = scope.equations.pool.count(&parameter.axes[1..]);
                let columns = scope.count(columns).tokens;
                matrix = quote!(kernels::orthogonal(seed, #stream, #number, #rows, #columns, values, |number| number as #real););
                draws.extend(quote!(let #local = #place as f64;));
            } else {
                draws.extend(quote!(let #local = kernels::#kernel(seed, #stream, #number, index as u64);));
            }
            scope.tensors.insert(*tensor, (local, Shape::Number));
        }
        let mut body;
        if uses_axes {
            for (number, label) in ["i", "j", "k", "l", "m", "n", "o", "p"].iter().enumerate().take(axes.len()) {
                let ident = scope.fresh(label);
                scope.axes.insert(number as u32, ident);
            }
            let (value, index) = (scope.block(parameter.initial).within(super::expression::Level::Unary), scope.count(flat).tokens);
            body = quote!(let index = #index; #draws values[index] = #value as #real;);
            for (number, &size) in parameter.axes.iter().enumerate().rev() {
                if scope.equations.pool.constant_of(size) == Some(1) {
                    continue;
                }
                let (axis, size) = (scope.axes[&(number as u32)].clone(), scope.count(size).within(super::expression::Level::Sum));
                body = quote!(for #axis in 0..#size { #body });
            }
        } else {
            let value = scope.block(parameter.initial).within(super::expression::Level::Unary);
            body = if parameter.draws.is_empty() {
                quote!(values.fill(#value as #real);)
            } else {
                quote!(for (index, value) in values.iter_mut().enumerate() { #draws *value = #value as #real; })
            };
        }
        let token = if scope.uses_token { quote!(let s = kernels::Portable;) } else { quote!() };
        functions.extend(quote! {
            #[doc = #doc]
            fn #name(seed: u64, values: &mut [#real]) { #token #matrix #body }
        });
    }
    functions
}

/// The initial value with its draws replaced by a number: what it says of its axes itself.
fn without_draws(equations: &mut Equations, parameter: &crate::model::Parameter) -> crate::equations::Scalar {
    use crate::equations::{Name, Pool, Rewrite, Rewriter, Scalar, ScalarNode};
    struct Draws<'a>(&'a [(Name, Draw)]);
    impl Rewrite for Draws<'_> {
        fn scalar(&mut self, pool: &mut Pool, scalar: Scalar) -> Option<Scalar> {
            match *pool.scalar(scalar) {
                ScalarNode::Read { tensor, .. } if self.0.iter().any(|&(name, _)| name == tensor) => Some(pool.constant(0.5)),
                _ => None,
            }
        }
    }
    Rewriter::new(&mut equations.pool, Draws(&parameter.draws)).scalar(parameter.initial)
}
