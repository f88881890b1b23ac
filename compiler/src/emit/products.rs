//! Sums of products as calls of the kernels: the operands as matrices, what follows the sum as an epilogue over vectors.

use super::expression::{Level, Scope, Shape, Text, identifier};
use super::shapes::{flat_view, row_of_numbers};
use crate::equations::{ConditionNode, Function as Elementary, Name, Relation, Scalar, ScalarNode};
use crate::program::{Broadcast, Contraction, Layout, Matrix};
use proc_macro2::TokenStream;
use quote::quote;
/// An operand of a kernel.
fn matrix(scope: &mut Scope, matrix: &Matrix, mutable: bool) -> TokenStream {
    let (name, shape) = scope.tensors[&matrix.tensor].clone();
    let pool = &mut scope.equations.pool;
    let zero = pool.integer(0);
    let whole = matrix.offset == zero && matrix.stride == matrix.columns;
    let plain = match &shape {
        Shape::Array(axes) => axes[..] == [matrix.rows, matrix.columns],
        Shape::Rows { leading, row } => row[..] == [matrix.columns] && pool.count(leading) == matrix.rows,
        _ => false,
    };
    if whole && plain {
        return quote!(#name);
    }
    let is_static =
        scope.style.is_static(&scope.equations.pool, matrix.columns) && scope.style.is_static(&scope.equations.pool, matrix.stride);
    let flat = flat_view(&name, &shape, mutable);
    let pool = &mut scope.equations.pool;
    let axes = scope.equations.tensors[&matrix.tensor].axes.clone();
    let everything = pool.count(&axes);
    let covered = pool.times(matrix.rows, matrix.stride);
    let (row, first) = (pool.divide(matrix.offset, matrix.stride), pool.remainder(matrix.offset, matrix.stride));
    let start = pool.times(row, matrix.stride);
    let part = if covered == everything {
        flat
    } else {
        let (start, covered) = (scope.count(start).tokens, scope.count(covered).tokens);
        let borrow = if mutable { quote!(&mut) } else { quote!(&) };
        quote!(#borrow #flat[#start..][..#covered])
    };
    let narrow = matrix.stride != matrix.columns;
    let (columns, stride, first) = (scope.count(matrix.columns).tokens, scope.count(matrix.stride).tokens, scope.count(first).tokens);
    let real = &scope.style.real;
    match (is_static, mutable, narrow) {
        (true, false, false) => quote!(kernels::rows::<#real, [#real; #columns]>(#part)),
        (true, true, false) => quote!(kernels::rows_mut::<#real, [#real; #columns]>(#part)),
        (true, false, true) => quote!(kernels::cols::<{ #columns }, { #stride }, #real>(kernels::rows(#part), #first)),
        (true, true, true) => quote!(kernels::cols_mut::<{ #columns }, { #stride }, #real>(kernels::rows_mut(#part), #first)),
        (false, false, false) => quote!(kernels::Dyn::new(#part, #stride)),
        (false, true, false) => quote!(kernels::DynMut::new(#part, #stride)),
        (false, false, true) => quote!(kernels::Dyn::new(#part, #stride).cols(#first, #columns)),
        (false, true, true) => quote!(kernels::DynMut::new(#part, #stride).cols(#first, #columns)),
    }
}

pub fn contraction(scope: &mut Scope, product: &Contraction) -> TokenStream {
    let result_name = scope.tensors[&product.result.tensor].clone();
    let in_time = !scope.axes.is_empty();
    let mut ranges = Vec::new();
    let labels = crate::equations::print::axis_labels(scope.equations, product.sum);
    for &(axis, size) in &product.outer {
        let label = labels.get(axis as usize).cloned().unwrap_or_default();
        let ident = scope.fresh(&label);
        scope.axes.insert(axis, ident.clone());
        let size = scope.count(size).within(Level::Sum);
        ranges.push((ident, size));
    }
    let epilogue = match &product.epilogue {
        None => quote!(|z, _| z),
        Some(epilogue) => {
            let (z, place) = (scope.fresh("z"), scope.fresh("at"));
            let own: Vec<Scalar> = scope.equations.pool.real_reads(epilogue.value);
            for read in own {
                if matches!(scope.equations.pool.scalar(read), ScalarNode::Read { tensor, .. } if *tensor == product.sum) {
                    scope.values.insert(read, Text::atom(quote!(#z)));
                }
            }
            let mut uses_place = false;
            for &(read, how) in &epilogue.reads {
                let ScalarNode::Read { tensor, .. } = *scope.equations.pool.scalar(read) else { continue };
                let (name, shape) = scope.tensors[&tensor].clone();
                uses_place |= how != Broadcast::Number;
                let text = match how {
                    Broadcast::Number => quote!(s.splat(#name)),
                    Broadcast::Row => {
                        let numbers = row_of_numbers(&name, &shape, false);
                        quote!(s.splat(#numbers[#place.row()]))
                    }
                    Broadcast::Column => {
                        let numbers = row_of_numbers(&name, &shape, false);
                        quote!(#place.col(#numbers))
                    }
                    Broadcast::Element => {
                        let zero = scope.equations.pool.integer(0);
                        let mut whole = Matrix { tensor, ..product.result.clone() };
                        if !in_time {
                            (whole.offset, whole.stride) = (zero, product.result.columns);
                        }
                        let whole = matrix(scope, &whole, false);
                        quote!(#place.of(#whole))
                    }
                };
                scope.values.insert(read, Text::atom(text));
            }
            let value = vector(scope, epilogue.value).tokens;
            let at = if uses_place { quote!(#place) } else { quote!(_) };
            quote!(|#z, #at| #value)
        }
    };
    let (left, right, mut result) =
        (matrix(scope, &product.left, false), matrix(scope, &product.right, false), matrix(scope, &product.result, true));
    // each turn of a loop borrows it anew
    if !product.outer.is_empty() && result_name.0 == result.to_string() {
        result = quote!(&mut *#result);
    }
    let call = match (product.layout, product.adds) {
        (Layout::Plain, false) => quote!(kernels::nn(s, #left, #right, #result, #[inline(always)] #epilogue);),
        (Layout::RightTransposed, false) => quote!(kernels::nt(s, #left, #right, #result, panel, #[inline(always)] #epilogue);),
        (Layout::LeftTransposed, false) => quote!(kernels::tn(s, #left, #right, #result);),
        (Layout::Plain, true) => quote!(kernels::nn_add(s, #left, #right, #result);),
        (Layout::RightTransposed, true) => quote!(kernels::nt_add(s, #left, #right, #result, panel);),
        (Layout::LeftTransposed, true) => quote!(kernels::add_tn(s, #left, #right, #result);),
    };
    let mut tokens = call;
    for (axis, size) in ranges.into_iter().rev() {
        tokens = quote!(for #axis in 0..#size { #tokens });
    }
    if product.adds {
        let flat = flat_view(&result_name.0, &result_name.1, true);
        let zero = scope.style.real(0.0).tokens;
        tokens = quote!(#flat.fill(#zero); #tokens);
    }
    tokens
}

pub fn column_sum(scope: &mut Scope, rows: &Matrix, result: Name) -> TokenStream {
    let (name, shape) = scope.tensors[&result].clone();
    let rows = matrix(scope, rows, false);
    let result = row_of_numbers(&name, &shape, true);
    quote!(kernels::sum_rows(s, #rows, #result);)
}

/// A real expression of vectors.
fn vector(scope: &mut Scope, scalar: Scalar) -> Text {
    if let Some(text) = scope.values.get(&scalar) {
        return text.clone();
    }
    let constant = |scope: &Scope, value: f64| {
        let (value, real) = (scope.style.real(value).tokens, &scope.style.real);
        Text::atom(quote!(s.splat::<#real>(#value)))
    };
    match scope.equations.pool.scalar(scalar).clone() {
        ScalarNode::Constant(value) => constant(scope, value.value()),
        ScalarNode::Add(terms) => {
            let mut parts: Vec<(bool, Text)> = Vec::new();
            for term in terms {
                let negative = match scope.equations.pool.scalar(term).clone() {
                    ScalarNode::Constant(value) if value.value() < 0.0 => Some(constant(scope, -value.value())),
                    ScalarNode::Mul(factors) if scope.equations.pool.number_of(factors[0]).is_some_and(|k| k < 0.0) => {
                        let opposite = scope.equations.pool.negative(term);
                        Some(vector(scope, opposite))
                    }
                    _ => None,
                };
                parts.push(match negative {
                    Some(text) => (true, text),
                    None => (false, vector(scope, term)),
                });
            }
            if let Some(first) = parts.iter().position(|&(negative, _)| !negative) {
                parts[..=first].rotate_right(1);
            }
            let mut tokens = TokenStream::new();
            for (position, (negative, text)) in parts.into_iter().enumerate() {
                let text = text.within(Level::Product);
                tokens.extend(match (position, negative) {
                    (0, false) => text,
                    (0, true) => quote!(-#text),
                    (_, false) => quote!(+ #text),
                    (_, true) => quote!(- #text),
                });
            }
            Text::new(tokens, Level::Sum)
        }
        ScalarNode::Mul(factors) => {
            let (mut above, mut below, mut negative) = (Vec::new(), Vec::new(), false);
            for factor in factors {
                match *scope.equations.pool.scalar(factor) {
                    ScalarNode::Constant(value) if value.value() == -1.0 => negative = true,
                    ScalarNode::Power(base, exponent) if exponent.value() < 0.0 => {
                        let positive = scope.equations.pool.power(base, -exponent.value());
                        below.push(vector(scope, positive));
                    }
                    _ => above.push(vector(scope, factor)),
                }
            }
            if above.is_empty() {
                above.push(constant(scope, 1.0));
            }
            let mut tokens = TokenStream::new();
            for (position, text) in above.iter().enumerate() {
                let text = text.within(Level::Unary);
                tokens.extend(if position > 0 { quote!(* #text) } else { text });
            }
            for text in &below {
                let text = text.within(Level::Unary);
                tokens.extend(quote!(/ #text));
            }
            Text::new(if negative { quote!(-#tokens) } else { tokens }, Level::Product)
        }
        ScalarNode::Power(base, exponent) => {
            let exponent = exponent.value();
            if exponent < 0.0 {
                let positive = scope.equations.pool.power(base, -exponent);
                let below = vector(scope, positive).within(Level::Unary);
                let one = constant(scope, 1.0).tokens;
                return Text::new(quote!(#one / #below), Level::Product);
            }
            let base = vector(scope, base);
            if exponent == 0.5 {
                let base = base.within(Level::Atom);
                return Text::atom(quote!(#base.sqrt()));
            }
            let base = base.tokens;
            let product = if exponent == 3.0 { quote!(t * t * t) } else { quote!(t * t) };
            Text::atom(quote!({ let t = #base; #product }))
        }
        ScalarNode::Max(a, b) => {
            let zero = scope.equations.pool.is_zero(b);
            let a = vector(scope, a).within(Level::Atom);
            if zero {
                return Text::atom(quote!(#a.relu()));
            }
            let b = vector(scope, b).tokens;
            Text::atom(quote!(#a.max(#b)))
        }
        ScalarNode::Select(condition, x, y) => {
            let ConditionNode::Compare(relation, a, b) = *scope.equations.pool.condition(condition) else {
                unreachable!("epilogues compare elements only")
            };
            let turned = scope.equations.pool.number_of(a).is_some();
            let (a, b) = if turned { (b, a) } else { (a, b) };
            let method = identifier(match (relation, turned) {
                (Relation::Less, false) => "if_lt",
                (Relation::Less, true) => "if_gt",
                (Relation::LessEqual, false) => "if_le",
                (Relation::LessEqual, true) => "if_ge",
                (Relation::Equal, _) => "if_eq",
            });
            let (a, b) = (vector(scope, a).within(Level::Atom), vector(scope, b).tokens);
            let (x, y) = (vector(scope, x).tokens, vector(scope, y).tokens);
            Text::atom(quote!(#a.#method(#b, #x, #y)))
        }
        ScalarNode::Apply(Elementary::Abs, x) => {
            let x = vector(scope, x).within(Level::Atom);
            Text::atom(quote!(#x.abs()))
        }
        ScalarNode::Stop(x) => vector(scope, x),
        ScalarNode::Read { .. } | ScalarNode::Real(_) | ScalarNode::Apply(..) => unreachable!("no vector has this"),
    }
}
