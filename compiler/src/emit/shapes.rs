//! The types of tensors in generated code, and a tensor seen as a slice of numbers or of rows.

use super::expression::{Scope, Shape, Style};
use crate::equations::{Element, Equations, Index};
use proc_macro2::{Ident, TokenStream};
use quote::quote;

/// `f32`, or `i32` for integers.
pub fn element_type(style: &Style, element: Element) -> TokenStream {
    match element {
        Element::Real => {
            let real = &style.real;
            quote!(#real)
        }
        Element::Integer { .. } => quote!(i32),
    }
}

/// `[[f32; 256]; 784]`
pub fn array_type(equations: &mut Equations, style: &Style, axes: &[Index], element: &TokenStream) -> TokenStream {
    let mut kind = element.clone();
    for &size in axes.iter().rev() {
        let size = Scope::new(equations, style).count(size).tokens;
        kind = quote!([#kind; #size]);
    }
    kind
}

/// The type of a tensor, without `&`.
pub fn shape_type(equations: &mut Equations, style: &Style, shape: &Shape, element: &TokenStream) -> TokenStream {
    match shape {
        Shape::Number | Shape::Element => element.clone(),
        Shape::Array(axes) => array_type(equations, style, axes, element),
        Shape::Rows { row, .. } => {
            let row = array_type(equations, style, row, element);
            quote!([#row])
        }
        Shape::Flat => quote!([#element]),
    }
}

pub fn flat_view(name: &Ident, shape: &Shape, mutable: bool) -> TokenStream {
    match (shape, mutable) {
        (Shape::Rows { row, .. }, _) if row.is_empty() => quote!(#name),
        (_, false) => quote!(kernels::flat(#name)),
        (_, true) => quote!(kernels::flat_mut(#name)),
    }
}

/// A tensor as a slice of numbers, or as what can be taken for one.
pub fn row_of_numbers(name: &Ident, shape: &Shape, mutable: bool) -> TokenStream {
    match shape {
        Shape::Array(axes) if axes.len() == 1 => quote!(#name),
        _ => flat_view(name, shape, mutable),
    }
}
