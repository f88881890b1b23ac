//! Nests of loops, one step for each equation in them, and rows of numbers in vectors where a nest is flat.

use super::expression::{Level, Scope, Shape, Text, identifier};
use super::shapes::flat_view;
use crate::equations::{Condition, Element, Index, Name, Reduction, Scalar, ScalarNode};
use crate::program::{Bound, Nest, Range, Step, Value};
use proc_macro2::{Ident, Literal, TokenStream};
use quote::quote;
/// One loop over elements that lie at the same places.
pub fn flat_nest(scope: &mut Scope, nest: &Nest, stored: &[Name]) -> TokenStream {
    let mut results: Vec<Ident> = Vec::new();
    let mut others: Vec<Ident> = Vec::new();
    for (name, (ident, shape)) in &mut scope.tensors {
        if *shape == Shape::Flat {
            *shape = Shape::Element;
            if stored.contains(name) { results.push(ident.clone()) } else { others.push(ident.clone()) }
        }
    }
    let [Step::Loop(_, steps)] = &nest.steps[..] else { unreachable!("a flat nest is one loop") };
    let mut body = TokenStream::new();
    for step in steps {
        let Step::Set { tensor, at, value: Value::Scalar(value) } = step else { unreachable!("a flat nest stores expressions") };
        let (place, (statements, value)) = (scope.element(*tensor, at).tokens, scope.value(*value));
        let value = value.tokens;
        body.extend(quote!(#statements #place = #value;));
    }
    let first = &results[0];
    let (mut pattern, mut elements) = (quote!(#first), quote!(#first.iter_mut()));
    if results.len() + others.len() == 1 {
        elements = quote!(#first);
    }
    for other in &results[1..] {
        pattern = quote!((#pattern, #other));
        elements = quote!(#elements.zip(#other.iter_mut()));
    }
    for other in &others {
        pattern = quote!((#pattern, #other));
        elements = quote!(#elements.zip(#other));
    }
    in_vectors(scope, quote!(for #pattern in #elements { #body }))
}

/// Compiled for the instruction set.
fn in_vectors(scope: &mut Scope, body: TokenStream) -> TokenStream {
    scope.uses_token = true;
    quote!(s.vectorize(#[inline(always)] || { #body }))
}

/// What rustc must know in a step of a loop over time for loops without a check in each turn: that time is inside of its axis, and how
/// many rows there are.
pub fn lengths(scope: &mut Scope, nest: &Nest, stored: &[Name]) -> TokenStream {
    let mut head = TokenStream::new();
    let bound: Vec<(u32, Ident)> = scope.axes.iter().map(|(&axis, ident)| (axis, ident.clone())).collect();
    for (axis, ident) in bound {
        let size = nest.axes[axis as usize].1;
        if scope.style.is_static(&scope.equations.pool, size) {
            let size = scope.count(size).within(Level::Sum);
            head.extend(quote!(assert!(#ident < #size);));
        }
    }
    for (name, (ident, shape)) in scope.tensors.clone() {
        if let Shape::Rows { leading, .. } = shape
            && let [rows] = leading[..]
        {
            let rows = scope.count(rows).tokens;
            head.extend(if stored.contains(&name) {
                quote!(let #ident = &mut #ident[..#rows];)
            } else {
                quote!(let #ident = &#ident[..#rows];)
            });
        }
    }
    head
}

pub fn loops(scope: &mut Scope, nest: &Nest, head: &TokenStream) -> TokenStream {
    let labels: Vec<(u32, String)> = nest.axes.iter().enumerate().map(|(number, (label, _))| (number as u32, label.clone())).collect();
    const USUAL: [&str; 8] = ["i", "j", "k", "l", "m", "p", "q", "r"];
    for (number, label) in labels {
        if scope.axes.contains_key(&number) {
            continue;
        }
        let batch = number == 0 && matches!(scope.equations.pool.affine(nest.axes[0].1).terms[..], [(atom, 1)] if is_batch(scope, atom));
        let wish = match &label[..] {
            "" if batch => "n",
            "" => USUAL.iter().find(|usual| !scope.taken.contains(**usual)).copied().unwrap_or("i"),
            label => label,
        };
        let ident = scope.fresh(wish);
        scope.axes.insert(number, ident);
    }
    let sizes: Vec<Index> = nest.axes.iter().map(|&(_, size)| size).collect();
    // A number is returned, not stored.
    if let [Step::Set { tensor, value, .. }] = &nest.steps[..]
        && scope.tensors[tensor].1 == Shape::Number
    {
        let value = stored_value(scope, &sizes, value);
        return in_vectors(scope, value);
    }
    if let Some(call) = lse_of_rows(scope, &sizes, &nest.steps) {
        return call;
    }
    let body = steps(scope, &sizes, &nest.steps);
    in_vectors(scope, quote!(#head #body))
}

/// `kernels::lse_rows(s, x, y)`, where every number of `y` is that of the row of `x` at the same place.
fn lse_of_rows(scope: &mut Scope, sizes: &[Index], steps: &[Step]) -> Option<TokenStream> {
    let [Step::Loop(rows, inside)] = steps else { return None };
    let [Step::Set { tensor, at, value: Value::Reduce { reduction: Reduction::LogSumExp, domain, value, .. } }] = &inside[..] else {
        return None;
    };
    let ScalarNode::Read { tensor: read, at: from } = scope.equations.pool.scalar(*value).clone() else { return None };
    let (result, kind) = scope.tensors[tensor].clone();
    let (name, shape) = scope.tensors[&read].clone();
    let same_place =
        matches!((&at[..], &from[..]), ([place], [row, _]) if place == row && scope.equations.pool.axis_of(*row) == Some(rows.axis));
    let one_axis = |shape: &Shape, width: usize| matches!(shape, Shape::Rows { leading, row } if leading.len() == 1 && row.len() == width);
    let whole = *rows == Range::full(rows.axis) && one_axis(&kind, 0) && one_axis(&shape, 1);
    if !(same_place && whole) {
        return None;
    }
    whole_row(scope, sizes, Reduction::LogSumExp, domain, *value)?;
    scope.uses_token = true;
    Some(quote!(kernels::lse_rows(s, #name, #result);))
}

fn is_batch(scope: &Scope, atom: crate::equations::Atom) -> bool {
    use crate::equations::AtomNode;
    matches!(scope.equations.pool.atom(atom), AtomNode::Size { name, .. } if scope.equations.pool.text(*name) == crate::model::BATCH)
}

fn steps(scope: &mut Scope, sizes: &[Index], steps_: &[Step]) -> TokenStream {
    let mut tokens = TokenStream::new();
    for step in steps_ {
        tokens.extend(match step {
            Step::Loop(range, inside) => {
                let (low, high) = limits(scope, sizes, range);
                let axis = scope.axes[&range.axis].clone();
                let low = low.map_or(quote!(0), |low| low.within(Level::Sum));
                let high = high.within(Level::Sum);
                let inside = steps(scope, sizes, inside);
                quote!(for #axis in #low..#high { #inside })
            }
            Step::When(condition, inside) => {
                let condition = scope.condition(*condition).tokens;
                let inside = steps(scope, sizes, inside);
                quote!(if #condition { #inside })
            }
            Step::Set { tensor, at, value: Value::Scalar(value) } => {
                let before = scope.values.clone();
                let (place, (statements, value)) = (scope.element(*tensor, at).tokens, scope.value(*value));
                scope.values = before;
                let value = value.tokens;
                if matches!(scope.equations.tensors[tensor].element, Element::Integer { .. }) {
                    quote!(#statements #place = (#value) as i32;)
                } else {
                    quote!(#statements #place = #value;)
                }
            }
            Step::Set { tensor, at, value } => {
                let value = stored_value(scope, sizes, value);
                let place = scope.element(*tensor, at).tokens;
                quote!(#place = #value;)
            }
            Step::Add { tensor, at, value } => {
                let (place, (statements, value)) = (scope.element(*tensor, at).tokens, scope.value(*value));
                let value = value.tokens;
                quote!(#statements #place += #value;)
            }
            Step::Fill(tensor, value) => {
                let (name, shape) = scope.tensors[tensor].clone();
                let flat = flat_view(&name, &shape, true);
                let value = scope.style.real(*value as f64).tokens;
                quote!(#flat.fill(#value);)
            }
        });
    }
    tokens
}

fn stored_value(scope: &mut Scope, sizes: &[Index], value: &Value) -> TokenStream {
    match value {
        Value::Scalar(scalar) => scope.block(*scalar).tokens,
        Value::Integer(index) => {
            let index = scope.signed(*index).within(Level::Cast);
            quote!(#index as i32)
        }
        Value::Reduce { reduction, domain, value, number } => reduce(scope, sizes, *reduction, domain, *value, *number),
    }
}

/// Where the values of an axis begin, if not at 0, and end.
fn limits(scope: &mut Scope, sizes: &[Index], range: &Range) -> (Option<Text>, Text) {
    let size = sizes[range.axis as usize];
    let mut high = scope.count(size);
    let mut low: Option<Text> = None;
    for &Bound { coefficient, rest } in &range.bounds {
        let step = coefficient.unsigned_abs() as i64;
        let pool = &mut scope.equations.pool;
        if coefficient > 0 {
            // axis >= ceil(-rest / step)
            let least = pool.scaled(rest, -1);
            let text = rounded_up(scope, least, step);
            low = Some(match low {
                None => text,
                Some(other) => {
                    let (other, text) = (other.within(Level::Atom), text.tokens);
                    Text::atom(quote!(#other.max(#text)))
                }
            });
        } else {
            // axis < floor(rest / step) + 1 = floor((rest + step) / step)
            let end = pool.offset(rest, step);
            let (beyond, within) = (pool.minus(end, size), pool.minus(size, end));
            if step == 1 && pool.never_negative(beyond) {
                continue;
            }
            if step == 1 && pool.never_negative(within) && pool.never_negative(end) && is_only_end(range) {
                high = scope.count(end);
                continue;
            }
            let text = clamped(scope, end, step);
            let (other, text) = (high.within(Level::Atom), text.tokens);
            high = Text::atom(quote!(usize::min(#other, #text)));
        }
    }
    (low, high)
}

/// Whether at most one bound of a range is an end.
fn is_only_end(range: &Range) -> bool {
    range.bounds.iter().filter(|bound| bound.coefficient < 0).count() <= 1
}

/// `max(0, index) / step`
fn clamped(scope: &mut Scope, index: Index, step: i64) -> Text {
    let text = positive_part(scope, index);
    if step == 1 {
        return text;
    }
    let (text, step) = (text.within(Level::Product), Literal::i64_unsuffixed(step));
    Text::new(quote!(#text / #step), Level::Product)
}

/// `max(0, index)`, divided by `step` and rounded up
fn rounded_up(scope: &mut Scope, index: Index, step: i64) -> Text {
    if step == 1 {
        return positive_part(scope, index);
    }
    let text = positive_part(scope, index).within(Level::Sum);
    let (step, gap) = (Literal::i64_unsuffixed(step), Literal::i64_unsuffixed(step - 1));
    Text::new(quote!((#text + #gap) / #step), Level::Product)
}

/// `max(0, index)` as `usize`
fn positive_part(scope: &mut Scope, index: Index) -> Text {
    if scope.equations.pool.never_negative(index) {
        return scope.count(index);
    }
    let affine = scope.equations.pool.affine(index).clone();
    let mut parts = [Vec::new(), Vec::new()];
    for (atom, k) in affine.terms {
        let this = scope.equations.pool.index_of_atom(atom);
        parts[usize::from(k < 0)].push((this, k.saturating_abs()));
    }
    let constant = scope.equations.pool.integer(affine.constant.saturating_abs());
    parts[usize::from(affine.constant < 0)].push((constant, 1));
    let [above, below] = parts.map(|parts| scope.equations.pool.combine(&parts));
    let natural = [above, below].into_iter().all(|side| scope.equations.pool.never_negative(side));
    if !natural {
        let signed = scope.signed(index).within(Level::Atom);
        return Text::new(quote!(#signed.max(0) as usize), Level::Cast);
    }
    let (above, below) = (scope.count(above).within(Level::Atom), scope.count(below).tokens);
    Text::atom(quote!(usize::saturating_sub(#above, #below)))
}

fn reduce(scope: &mut Scope, sizes: &[Index], reduction: Reduction, domain: &[Range], value: Scalar, number: Index) -> TokenStream {
    match reduction {
        Reduction::Sum | Reduction::Max => {
            if let Some(text) = whole_row(scope, sizes, reduction, domain, value) {
                return text;
            }
            let inner = scope.block(value).tokens;
            nested(scope, sizes, reduction, domain, inner)
        }
        Reduction::LogSumExp => {
            if let Some(text) = whole_row(scope, sizes, reduction, domain, value) {
                return text;
            }
            let real = scope.style.real.clone();
            scope.uses_token = true;
            let inner = scope.block(value);
            let top = scope.fresh("top");
            let largest = nested(scope, sizes, Reduction::Max, domain, inner.tokens.clone());
            let inner = inner.within(Level::Sum);
            let total = nested(scope, sizes, Reduction::Sum, domain, quote!(kernels::exp(s, #inner - #top)));
            quote!({
                let #top = #largest;
                if #top > #real::NEG_INFINITY && #top < #real::INFINITY { #top + kernels::ln(s, #total) } else { #top }
            })
        }
        Reduction::Product => {
            let product = scope.fresh("product");
            let inner = scope.block(value).within(Level::Product);
            let one = scope.style.real(1.0).tokens;
            let body = plain_loops(scope, sizes, domain, quote!(#product *= #inner;));
            quote!({ let mut #product = #one; #body #product })
        }
        Reduction::ArgMax => {
            let (best, largest, element) = (scope.fresh("best"), scope.fresh("largest"), scope.fresh("element"));
            let inner = scope.block(value).tokens;
            let number = scope.signed(number).within(Level::Cast);
            let least = scope.style.real(f64::NEG_INFINITY).tokens;
            let body = plain_loops(
                scope,
                sizes,
                domain,
                quote!(
                    let #element = #inner;
                    if #best < 0 || #element > #largest || (#element.is_nan() && !#largest.is_nan()) {
                        #largest = #element;
                        #best = #number as i32;
                    }
                ),
            );
            quote!({ let mut #best = -1i32; let mut #largest = #least; #body if #best < 0 { 0 } else { #best } })
        }
    }
}

/// Loops with conditions around a statement.
fn plain_loops(scope: &mut Scope, sizes: &[Index], domain: &[Range], inner: TokenStream) -> TokenStream {
    let mut tokens = inner;
    for range in domain.iter().rev() {
        if range.condition != Condition::TRUE {
            let condition = scope.condition(range.condition).tokens;
            tokens = quote!(if #condition { #tokens });
        }
        let (low, high) = limits(scope, sizes, range);
        let (low, high) = (low.map_or(quote!(0), |low| low.within(Level::Sum)), high.within(Level::Sum));
        let axis = &scope.axes[&range.axis];
        tokens = quote!(for #axis in #low..#high { #tokens });
    }
    tokens
}

/// A sum or maximum, an axis inside the other: partial results of each.
fn nested(scope: &mut Scope, sizes: &[Index], reduction: Reduction, domain: &[Range], inner: TokenStream) -> TokenStream {
    let (kernel, nothing) = match reduction {
        Reduction::Sum => ("sum_of", 0.0),
        _ => ("max_of", f64::NEG_INFINITY),
    };
    let (kernel, nothing) = (identifier(kernel), scope.style.real(nothing).tokens);
    let mut tokens = inner;
    for range in domain.iter().rev() {
        if range.condition != Condition::TRUE {
            let condition = scope.condition(range.condition).tokens;
            tokens = quote!(if #condition { #tokens } else { #nothing });
        }
        let axis = scope.axes[&range.axis].clone();
        let (low, high) = limits(scope, sizes, range);
        tokens = match low {
            None => {
                let high = high.tokens;
                quote!(kernels::#kernel(#high, #[inline(always)] |#axis| #tokens))
            }
            Some(low) => {
                let (low, high) = (low.tokens, high.tokens);
                let first = scope.fresh("first");
                quote!({
                    let #first = #low;
                    kernels::#kernel(usize::saturating_sub(#high, #first), #[inline(always)] |#axis| {
                        let #axis = #first + #axis;
                        #tokens
                    })
                })
            }
        };
    }
    tokens
}

/// `kernels::sum(&x[n])`, where a whole row is reduced.
fn whole_row(scope: &mut Scope, sizes: &[Index], reduction: Reduction, domain: &[Range], value: Scalar) -> Option<TokenStream> {
    let [range] = domain else { return None };
    if !range.bounds.is_empty() || range.condition != Condition::TRUE {
        return None;
    }
    let ScalarNode::Read { tensor, at } = scope.equations.pool.scalar(value).clone() else { return None };
    let (last, before) = at.split_last()?;
    let elsewhere = before.iter().any(|&index| scope.equations.pool.axes_of_index(index).contains(&range.axis));
    let whole = scope.equations.pool.axis_of(*last) == Some(range.axis)
        && scope.equations.tensors[&tensor].axes.last() == Some(&sizes[range.axis as usize]);
    let (name, shape) = scope.tensors[&tensor].clone();
    if elsewhere || !whole {
        return None;
    }
    let row = match shape {
        Shape::Rows { leading, row } if row.len() == 1 => {
            let index = scope.equations.pool.flat(before, &leading);
            let index = scope.count(index).tokens;
            quote!(&#name[#index])
        }
        Shape::Rows { leading, row } if row.is_empty() && leading.len() == 1 => quote!(#name),
        Shape::Array(axes) if axes.len() == 1 => quote!(#name),
        Shape::Array(_) => {
            let at: Vec<TokenStream> = before.iter().map(|&index| scope.count(index).tokens).collect();
            quote!(&#name #([#at])*)
        }
        _ => return None,
    };
    Some(match reduction {
        Reduction::Sum => quote!(kernels::sum(#row)),
        Reduction::Max => quote!(kernels::max(#row)),
        _ => {
            scope.uses_token = true;
            quote!(kernels::lse(s, #row))
        }
    })
}
