//! Calls of a program as Rust functions: one short function each, its equation above it.

use super::expression::{Level, Scope, Shape, Style, Text, identifier, identifier_text};
use super::names::Names;
use crate::equations::{
    Condition, ConditionNode, Element, Equations, Function as Elementary, Index, Name, Reduction, Relation, Scalar, ScalarNode,
};
use crate::program::{Bound, Broadcast, Call, Contraction, Form, Layout, Matrix, Nest, Range, Step, Value};
use proc_macro2::{Ident, Literal, TokenStream};
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
            contraction(&mut scope, product)
        }
        Form::Nest(nest) if nest.flat => flat_nest(&mut scope, nest, &stored),
        Form::Nest(nest) => {
            let head = if time.is_some() { lengths(&mut scope, nest, &stored) } else { TokenStream::new() };
            loops(&mut scope, nest, &head)
        }
        Form::ColumnSum(rows) => {
            scope.uses_token = true;
            column_sum(&mut scope, rows, call.computes[0])
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
        let element = element_type(style, scope.equations.tensors[&tensor].element);
        let ident = scope.tensors[&tensor].0.clone();
        if shape == Shape::Number && mutable {
            returns.push(tensor);
            types.push(element);
            continue;
        }
        let kind = shape_type(scope.equations, style, &shape, &element);
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

fn flat_view(name: &Ident, shape: &Shape, mutable: bool) -> TokenStream {
    match (shape, mutable) {
        (Shape::Rows { row, .. }, _) if row.is_empty() => quote!(#name),
        (_, false) => quote!(kernels::flat(#name)),
        (_, true) => quote!(kernels::flat_mut(#name)),
    }
}

/// A tensor as a slice of numbers, or as what can be taken for one.
fn row_of_numbers(name: &Ident, shape: &Shape, mutable: bool) -> TokenStream {
    match shape {
        Shape::Array(axes) if axes.len() == 1 => quote!(#name),
        _ => flat_view(name, shape, mutable),
    }
}

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

fn contraction(scope: &mut Scope, product: &Contraction) -> TokenStream {
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

fn column_sum(scope: &mut Scope, rows: &Matrix, result: Name) -> TokenStream {
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

/// One loop over elements that lie at the same places.
fn flat_nest(scope: &mut Scope, nest: &Nest, stored: &[Name]) -> TokenStream {
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
fn lengths(scope: &mut Scope, nest: &Nest, stored: &[Name]) -> TokenStream {
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

fn loops(scope: &mut Scope, nest: &Nest, head: &TokenStream) -> TokenStream {
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

/// A name of the text as a part of a function's name.
pub fn snake(text: &str) -> String {
    let mut snake = String::new();
    for c in identifier_text(text).chars() {
        if c.is_ascii_uppercase() {
            if !snake.is_empty() && !snake.ends_with('_') {
                snake.push('_');
            }
            snake.push(c.to_ascii_lowercase());
        } else {
            snake.push(c);
        }
    }
    snake
}
