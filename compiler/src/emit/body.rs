//! Calls of a program as Rust functions: one short function each, its equation above it.

use super::expression::{Scope, Shape, Style, identifier};
use super::names::Names;
use super::{nests, products, shapes};
use crate::equations::{Equations, Name};
use crate::program::{Call, Form, Layout};
use proc_macro2::{Ident, TokenStream};
use quote::quote;

/// A function, without its name.
pub struct Function {
    /// What it should be called.
    pub name: String,
    /// Its equations.
    pub docs: Vec<String>,
    /// `<S: kernels::Isa>(s: S, x: &[[f32; 784]])`
    pub signature: TokenStream,
    /// What stands between its braces.
    pub body: TokenStream,
    /// What the driver passes, in order.
    pub arguments: Vec<Argument>,
    /// The tensor that it returns, if that is a number.
    pub returns: Vec<Name>,
}

/// What a driver passes to a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Argument {
    /// `s`
    Token,
    /// A tensor, read or written, in its own shape or as a row of numbers.
    Tensor {
        /// Which.
        name: Name,
        /// Whether it is written.
        mutable: bool,
        /// Whether as a row of numbers.
        flat: bool,
    },
    /// A run-time size.
    Size(Name),
    /// The present step of a loop over time.
    Time,
    /// Room for a panel.
    Panel,
}

/// The function of a call that computes something. In a loop over time, `time` is the axis of its equations that has one value.
pub fn function(equations: &mut Equations, style: &Style, names: &Names, call: &Call, time: Option<u32>) -> Function {
    let flat = matches!(&call.form, Form::Nest(nest) if nest.flat);
    let stored = call.stored();
    let mut reads: Vec<Name> = Vec::new();
    for &name in &call.computes {
        reads.extend(names.reads_in_order(equations, name));
    }
    let mut seen: Vec<Name> = call.computes.clone();
    reads.retain(|name| {
        let new = !seen.contains(name);
        seen.push(*name);
        new
    });
    let locals = names.locals(&equations.pool, style, &reads, &call.computes);
    let docs = names.docs(equations, &call.computes, &locals);
    let mut scope = Scope::new(equations, style);
    let mut arguments = Vec::new();
    for (&name, mutable) in reads.iter().map(|name| (name, false)).chain(stored.iter().map(|name| (name, true))) {
        let shape = style.shape(&scope.equations.pool, &scope.equations.tensors[&name].axes);
        let shape = if flat && shape != Shape::Number { Shape::Flat } else { shape };
        let local = scope.fresh(&locals[&name]);
        scope.tensors.insert(name, (local, shape.clone()));
        arguments.push((name, mutable, shape));
    }
    let name = names.function(scope.equations, style, call);
    let time = time.map(|axis| {
        let label = crate::equations::print::axis_labels(scope.equations, call.computes[0]).get(axis as usize).cloned();
        let ident = scope.fresh(&label.unwrap_or_else(|| "t".to_string()));
        scope.axes.insert(axis, ident.clone());
        ident
    });
    let mut panel = false;
    let body = match &call.form {
        Form::Contraction(product) => {
            panel = product.layout == Layout::RightTransposed;
            scope.uses_token = true;
            products::contraction(&mut scope, product)
        }
        Form::Nest(nest) if nest.flat => nests::flat_nest(&mut scope, nest, &stored),
        Form::Nest(nest) => {
            let head = if time.is_some() { nests::lengths(&mut scope, nest, &stored) } else { TokenStream::new() };
            nests::loops(&mut scope, nest, &head)
        }
        Form::ColumnSum(rows) => {
            scope.uses_token = true;
            products::column_sum(&mut scope, rows, call.computes[0])
        }
        Form::Copy(..) | Form::Draw | Form::TimeLoop(_) => unreachable!("the driver does this itself"),
    };
    assemble(&mut scope, name, docs, body, arguments, time, panel)
}

fn assemble(
    scope: &mut Scope,
    name: String,
    docs: Vec<String>,
    body: TokenStream,
    tensors: Vec<(Name, bool, Shape)>,
    time: Option<Ident>,
    panel: bool,
) -> Function {
    let style = scope.style;
    let mut parameters = vec![quote!(s: S)];
    let mut arguments = vec![Argument::Token];
    for &size in &scope.sizes {
        let ident = identifier(scope.equations.pool.text(size));
        parameters.push(quote!(#ident: usize));
        arguments.push(Argument::Size(size));
    }
    if let Some(time) = time {
        parameters.push(quote!(#time: usize));
        arguments.push(Argument::Time);
    }
    let mut returns = Vec::new();
    let mut types = Vec::new();
    for (tensor, mutable, shape) in tensors {
        let element = shapes::element_type(style, scope.equations.tensors[&tensor].element);
        let ident = scope.tensors[&tensor].0.clone();
        if shape == Shape::Number && mutable {
            returns.push(tensor);
            types.push(element);
            continue;
        }
        let kind = shapes::shape_type(scope.equations, style, &shape, &element);
        parameters.push(match (&shape, mutable) {
            (Shape::Number, _) => quote!(#ident: #kind),
            (_, false) => quote!(#ident: &#kind),
            (_, true) => quote!(#ident: &mut #kind),
        });
        arguments.push(Argument::Tensor { name: tensor, mutable, flat: shape == Shape::Flat });
    }
    if panel {
        parameters.push(quote!(panel: &mut [kernels::Lane]));
        arguments.push(Argument::Panel);
    }
    let result = match &types[..] {
        [] => quote!(),
        [one] => quote!(-> #one),
        many => quote!(-> (#(#many),*)),
    };
    Function { name, docs, signature: quote!(<S: kernels::Isa>(#(#parameters),*) #result), body, arguments, returns }
}
