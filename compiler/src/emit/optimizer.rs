//! The optimizer: for each group of parameters one loop over flat memory, or one function that is called for each of its tensors
//! (`tensors`).
//!
//! The state is a row of numbers: group by group, of each its states, of each state the parameters. What depends on the step and the fields only is computed once a step, in `f64`, and rounded; a product or sum of such factors and
//! others is split, so that as much as can be is computed once. Right sides read old values: they are all computed before the first is
//! stored.

use super::Functions;
use super::expression::{Scope, Shape, Style, identifier};
use super::interface::types;
use super::totals::{Totals, is_total};
use crate::equations::{Affine, Atom, AtomNode, Definition, Equations, Index, Name, Pool, Rewriter, Role, Scalar};
use crate::model::{Group, GroupState, Model};
use crate::update::{Hoist, Update as Tensors};
use proc_macro2::{Ident, Literal, TokenStream};
use quote::quote;
use std::collections::{BTreeMap, BTreeSet};

/// What the rest of the file needs of the optimizer.
pub struct Update {
    /// The driver and what it calls.
    pub functions: TokenStream,
    /// Fields of the optimizer.
    pub fields: Vec<Ident>,
    /// Their values in the text.
    pub defaults: Vec<TokenStream>,
    /// Their docs.
    pub docs: Vec<Vec<String>>,
    /// How many numbers the state is.
    pub state_count: TokenStream,
    /// Statements that set `state` from `parameters`.
    pub init_states: TokenStream,
    /// The state's tensors in the order of memory: name and axes.
    pub states: Vec<(String, Vec<Index>)>,
    /// Cache lines of workspace that an update needs; nothing where it needs none.
    pub workspace: Option<TokenStream>,
}

/// A run of parameters that lie side by side.
pub struct Span {
    pub start: TokenStream,
    pub count: TokenStream,
    pub parameters: Vec<usize>,
}

/// The axes of a state of a parameter, in a pool that knows the sizes of the model.
pub fn state_axes(pool: &mut Pool, model: &Model, group: &Group, state: &GroupState, parameter: usize) -> Vec<Index> {
    if group.elements.is_some() {
        return model.interface.parameters[parameter].axes.clone();
    }
    let axes = group.equations.tensors[&state.tensor].axes.clone();
    axes.into_iter().map(|size| known_to(pool, &group.equations.pool, size)).collect()
}

/// A size of one pool in another.
fn known_to(pool: &mut Pool, of: &Pool, size: Index) -> Index {
    let Affine { constant, terms } = of.affine(size).clone();
    let mut sum = pool.integer(constant);
    for (atom, k) in terms {
        let term = of_atom(pool, of, atom);
        let term = pool.scaled(term, k);
        sum = pool.plus(sum, term);
    }
    sum
}

fn of_atom(pool: &mut Pool, of: &Pool, atom: Atom) -> Index {
    match of.atom(atom).clone() {
        AtomNode::Size { name, least } => pool.size(of.text(name), least),
        AtomNode::Div(x, m) => {
            let (x, m) = (known_to(pool, of, x), known_to(pool, of, m));
            pool.divide(x, m)
        }
        AtomNode::Mod(x, m) => {
            let (x, m) = (known_to(pool, of, x), known_to(pool, of, m));
            pool.remainder(x, m)
        }
        AtomNode::Product(atoms) => {
            let one = pool.integer(1);
            atoms.into_iter().fold(one, |product, atom| {
                let factor = of_atom(pool, of, atom);
                pool.times(product, factor)
            })
        }
        AtomNode::Axis { .. } | AtomNode::Read { .. } => unreachable!("no axes occur in sizes"),
    }
}

/// The optimizer of a model.
pub fn update(model: &Model, programs: &mut [Option<Tensors>], style: &Style, shared: &mut Functions) -> Update {
    let real = style.real.clone();
    let (optimizer_type, _) = types(&model.interface.name);
    let mut space = Equations { pool: model.training.equations.pool.clone(), tensors: BTreeMap::new() };
    let fields: Vec<Ident> = model.optimizer.fields.iter().map(|field| identifier(&field.name)).collect();
    let defaults = model.optimizer.fields.iter().map(|field| super::expression::double(field.value)).collect();
    let docs = model
        .optimizer
        .fields
        .iter()
        .map(|field| {
            if field.docs.is_empty() {
                vec![format!(" The optimizer's `{}`.", field.name)]
            } else {
                field.docs.iter().map(|line| format!(" {}", line.trim())).collect()
            }
        })
        .collect();
    let (mut body, mut functions, mut init_states, mut states) = (TokenStream::new(), TokenStream::new(), TokenStream::new(), Vec::new());
    let mut state_count = space.pool.integer(0);
    let has_states = model.optimizer.groups.iter().any(|group| !group.states.is_empty());
    let mut totals = Totals::new(&mut space, model, style);
    let mut lanes = Vec::new();
    for (number, group) in model.optimizer.groups.iter().enumerate() {
        let suffix = if model.optimizer.groups.len() == 1 { String::new() } else { format!("_{}", number + 1) };
        for state in &group.states {
            for &parameter in &group.parameters {
                let axes = state_axes(&mut space.pool, model, group, state, parameter);
                let count = space.pool.count(&axes);
                state_count = space.pool.plus(state_count, count);
                states.push((format!("{}.{}", state.name, model.interface.parameters[parameter].name), axes));
            }
        }
        if let Some(Some(update)) = programs.get_mut(number) {
            let made = super::tensors::group(model, group, update, &suffix, style, &mut totals, &mut space, shared);
            body.extend(made.update);
            init_states.extend(made.initial);
            functions.extend(made.functions);
            lanes.push(made.lanes);
            continue;
        }
        let mut group = group.clone();
        let spans = spans(&mut space, style, model, &group.parameters);
        let size = elements(&mut space, model, &group.parameters);
        let size_tokens = Scope::new(&mut space, style).count(size).tokens;
        let name = identifier(&format!("update_parameters{suffix}"));
        let mut sum_arguments = Vec::new();
        functions.extend(group_function(&mut group, style, &name, &optimizer_type, &fields, &mut totals, &mut space, &mut sum_arguments));
        let state_idents: Vec<Ident> = group.states.iter().map(|state| identifier(&state.name)).collect();
        for ident in &state_idents {
            body.extend(quote!(let mut #ident = kernels::take(&mut state, #size_tokens);));
            init_states.extend(quote!(let mut #ident = kernels::take(&mut state, #size_tokens);));
        }
        for span in &spans {
            let Span { start, count, .. } = span;
            let arguments: Vec<TokenStream> = state_idents.iter().map(|ident| quote!(kernels::take(&mut #ident, #count))).collect();
            body.extend(quote!(#name(s, optimizer, step as f64, #(#sum_arguments,)* &mut parameters[#start..][..#count], &gradient[#start..][..#count], #(#arguments),*);));
        }
        for state in &group.states {
            let ident = identifier(&state.name);
            for Span { start, count, .. } in &spans {
                let value = initial_state(&mut group.equations, style, state.initial);
                init_states.extend(quote! {
                    for (state, &parameter) in kernels::take(&mut #ident, #count).iter_mut().zip(&parameters[#start..][..#count]) { *state = #value; }
                });
            }
        }
    }
    let (head, total_functions) = totals.tokens();
    functions.extend(total_functions);
    let state_count = Scope::new(&mut space, style).count(state_count).tokens;
    let state = if has_states { quote!(let mut state = state;) } else { quote!() };
    init_states = quote!(#state #init_states);
    let workspace = (!lanes.is_empty()).then(|| {
        quote! {
            let mut lanes = 0usize;
            #({
                let needed = #lanes;
                if needed > lanes { lanes = needed; }
            })*
            lanes
        }
    });
    let room = if workspace.is_some() { quote!(, workspace: &mut [kernels::Lane]) } else { quote!() };
    functions = quote! {
        fn update_on<S: kernels::Isa>(s: S, optimizer: &#optimizer_type, step: u64, parameters: &mut [#real], gradient: &[#real], state: &mut [#real] #room) {
            #head
            #state
            #body
        }
        #functions
    };
    Update { functions, fields, defaults, docs, state_count, init_states, states, workspace }
}

/// The total size of some parameters.
pub fn elements(space: &mut Equations, model: &Model, parameters: &[usize]) -> Index {
    let mut total = space.pool.integer(0);
    for &parameter in parameters {
        let count = space.pool.count(&model.interface.parameters[parameter].axes);
        total = space.pool.plus(total, count);
    }
    total
}

/// Runs of neighbours.
pub fn spans(space: &mut Equations, style: &Style, model: &Model, parameters: &[usize]) -> Vec<Span> {
    let mut runs: Vec<Vec<usize>> = Vec::new();
    for &parameter in parameters {
        match runs.last_mut() {
            Some(run) if run.last().is_some_and(|&last| last + 1 == parameter) => run.push(parameter),
            _ => runs.push(vec![parameter]),
        }
    }
    let mut spans = Vec::new();
    let (mut start, mut reached) = (space.pool.integer(0), 0);
    for run in runs {
        let before: Vec<usize> = (reached..run[0]).collect();
        let gap = elements(space, model, &before);
        start = space.pool.plus(start, gap);
        let count = elements(space, model, &run);
        let end = space.pool.plus(start, count);
        reached = run[run.len() - 1] + 1;
        let first = std::mem::replace(&mut start, end);
        let (start, count) = (Scope::new(space, style).count(first).tokens, Scope::new(space, style).count(count).tokens);
        spans.push(Span { start, count, parameters: run });
    }
    spans
}

/// The value of a state before the first step; it may read `parameter`.
fn initial_state(equations: &mut Equations, style: &Style, initial: Scalar) -> TokenStream {
    let mut scope = Scope::new(equations, style);
    let names: Vec<Name> = scope.equations.pool.tensors_of_scalar(initial);
    for name in names {
        scope.tensors.insert(name, (identifier("parameter"), Shape::Number));
    }
    scope.scalar(initial).tokens
}

/// The loop of a group. `sums` receives the numbers over all elements that it takes.
#[allow(clippy::too_many_arguments)]
fn group_function(
    group: &mut Group,
    style: &Style,
    name: &Ident,
    optimizer_type: &Ident,
    fields: &[Ident],
    totals: &mut Totals<'_>,
    space: &mut Equations,
    sums: &mut Vec<Ident>,
) -> TokenStream {
    let real = style.real.clone();
    let double = style.double();
    let mut wanted: Vec<Name> = vec![group.update];
    wanted.extend(group.states.iter().map(|state| state.next));
    let order: Vec<Name> = group.equations.groups(wanted.iter().copied()).into_iter().flatten().collect();
    // numbers of the whole step
    let mut numbers: BTreeSet<Name> = BTreeSet::new();
    let mut once = TokenStream::new();
    let mut sum_parameters = Vec::new();
    let equations = &mut group.equations;
    let (parameter, gradient) = (equations.pool.name("parameter"), equations.pool.name("gradient"));
    let known: BTreeSet<Name> = equations.tensors.keys().copied().collect();
    let docs: Vec<String> = order
        .iter()
        .filter(|name| equations.tensors[name].equation().is_some())
        .map(|&name| format!(" `{}`", crate::equations::print::print_equation(equations, name)))
        .collect();
    let mut locals: BTreeMap<Name, Ident> = BTreeMap::new();
    let mut taken: BTreeSet<String> = ["s", "optimizer", "step", "kernels"].into_iter().map(String::from).collect();
    let mut fresh = |wish: &str| super::expression::fresh(&mut taken, wish);
    let (parameter_ident, gradient_ident) = (fresh("parameter"), fresh("gradient"));
    locals.insert(parameter, parameter_ident.clone());
    locals.insert(gradient, gradient_ident.clone());
    for state in &group.states {
        let text = equations.pool.text(state.tensor).to_string();
        locals.insert(state.tensor, fresh(&text));
    }
    let mut steps: Vec<Name> = Vec::new();
    for &tensor in &order {
        let text = equations.pool.text(tensor).to_string();
        match equations.tensors[&tensor].definition.clone() {
            Definition::Given(Role::Number) => {
                numbers.insert(tensor);
                if text == "step" {
                    locals.insert(tensor, identifier("step"));
                } else {
                    let (local, field) = (fresh(&text), identifier(&text));
                    once.extend(if fields.contains(&field) { quote!(let #local = optimizer.#field;) } else { quote!() });
                    locals.insert(tensor, local);
                }
            }
            Definition::Given(_) => {}
            Definition::Equation(_) if is_total(equations, tensor) => {
                numbers.insert(tensor);
                let local = fresh(&text);
                sum_parameters.push(local.clone());
                // what is computed once in a step is computed in f64
                once.extend(quote!(let #local = #local as f64;));
                locals.insert(tensor, local.clone());
                sums.push(totals.total(space, equations, tensor));
            }
            Definition::Equation(equation) if equations.tensors[&tensor].axes.is_empty() => {
                numbers.insert(tensor);
                let local = fresh(&text);
                locals.insert(tensor, local.clone());
                let mut scope = Scope::new(equations, &double);
                scope.tensors = held(&locals);
                let value = scope.block(equation.body).tokens;
                once.extend(quote!(let #local: f64 = #value;));
            }
            Definition::Equation(_) => {
                let local = fresh(&text);
                locals.insert(tensor, local);
                steps.push(tensor);
            }
        }
    }
    // the loop, with what can be computed once taken out
    let mut hoisted: Vec<(Scalar, Name)> = Vec::new();
    let mut inside = TokenStream::new();
    for &tensor in &steps {
        let Some(equation) = equations.tensors[&tensor].equation().cloned() else { continue };
        let hoist = Hoist { numbers: &numbers, hoisted: &mut hoisted, taken: &known, keeps_reads: false };
        let body = Rewriter::new(&mut equations.pool, hoist).scalar(equation.body);
        for &(_, name) in &hoisted[once_count(&locals, &hoisted)..] {
            let local = fresh(equations.pool.text(name));
            locals.insert(name, local);
        }
        let mut scope = Scope::new(equations, style);
        scope.tensors = held(&locals);
        let value = scope.block(body).tokens;
        let local = &locals[&tensor];
        inside.extend(quote!(let #local = #value;));
    }
    for &(scalar, name) in &hoisted {
        let mut scope = Scope::new(equations, &double);
        scope.tensors = held(&locals);
        let value = scope.block(scalar).within(super::expression::Level::Unary);
        let local = &locals[&name];
        once.extend(quote!(let #local = #value as #real;));
    }
    let places: Vec<Ident> = group.states.iter().map(|state| locals[&state.tensor].clone()).collect();
    let mut stores = TokenStream::new();
    let (mut pattern, mut elements) =
        (quote!((#parameter_ident, #gradient_ident)), quote!(#parameter_ident.iter_mut().zip(#gradient_ident)));
    let mut old = TokenStream::new();
    for (state, place) in group.states.iter().zip(&places) {
        pattern = quote!((#pattern, #place));
        elements = quote!(#elements.zip(#place.iter_mut()));
        let next = &locals[&state.next];
        let cell = fresh(&format!("{place}_place"));
        pattern = replace_last(&pattern, place, &cell);
        old.extend(quote!(let #place = *#cell;));
        stores.extend(quote!(*#cell = #next;));
    }
    let (new, cell) = (&locals[&group.update], fresh("parameter_place"));
    let pattern = replace_last(&pattern, &parameter_ident, &cell);
    let old = quote!(let #parameter_ident = *#cell; let #gradient_ident = *#gradient_ident; #old);
    stores.extend(quote!(*#cell = #new;));
    quote! {
        #(#[doc = #docs])*
        fn #name<S: kernels::Isa>(s: S, optimizer: &#optimizer_type, step: f64, #(#sum_parameters: #real,)* #parameter_ident: &mut [#real], #gradient_ident: &[#real], #(#places: &mut [#real]),*) {
            #once
            s.vectorize(#[inline(always)] || {
                for #pattern in #elements {
                    #old
                    #inside
                    #stores
                }
            })
        }
    }
}

/// How many of the hoisted have a name by now.
fn once_count(locals: &BTreeMap<Name, Ident>, hoisted: &[(Scalar, Name)]) -> usize {
    hoisted.iter().take_while(|(_, name)| locals.contains_key(name)).count()
}

fn held(locals: &BTreeMap<Name, Ident>) -> BTreeMap<Name, (Ident, Shape)> {
    locals.iter().map(|(&name, ident)| (name, (ident.clone(), Shape::Number))).collect()
}

/// The pattern with one identifier instead of another.
fn replace_last(pattern: &TokenStream, from: &Ident, to: &Ident) -> TokenStream {
    use proc_macro2::{Group, TokenTree};
    pattern
        .clone()
        .into_iter()
        .map(|tree| match tree {
            TokenTree::Ident(ident) if ident == *from => TokenTree::Ident(to.clone()),
            TokenTree::Group(group) => TokenTree::Group(Group::new(group.delimiter(), replace_last(&group.stream(), from, to))),
            other => other,
        })
        .collect()
}

/// A literal of the stream of a parameter: the 32-bit FNV-1a hash of its name.
pub fn stream(name: &str) -> Literal {
    Literal::u32_unsuffixed(crate::model::stream(name))
}
