//! Optimizers on whole tensors: a function for each group, that reads like a driver, called for each of its parameters.

use super::Functions;
use super::driver::{Driver, panel_length};
use super::expression::{Level, Scope, Shape, Style, identifier};
use super::names::Names;
use super::optimizer::{Span, spans, state_axes};
use super::totals::{Totals, is_total};
use crate::equations::{Definition, Equations, Name, Role};
use crate::model::{Group, Model};
use crate::program::{Destination, Program};
use crate::update::Update;
use proc_macro2::{Ident, TokenStream};
use quote::quote;
use std::collections::{BTreeMap, BTreeSet};

/// What a group of whole tensors adds to the optimizer.
pub struct Made {
    /// Statements of the update.
    pub update: TokenStream,
    /// Statements that set the states before the first step.
    pub initial: TokenStream,
    /// The functions that both call.
    pub functions: TokenStream,
    /// Cache lines of workspace.
    pub lanes: TokenStream,
}

/// The update of a group.
#[allow(clippy::too_many_arguments)]
pub fn group(
    model: &Model,
    group: &Group,
    update: &mut Update,
    suffix: &str,
    style: &Style,
    totals: &mut Totals<'_>,
    space: &mut Equations,
    functions: &mut Functions,
) -> Made {
    let real = &style.real;
    let (name, first) = (identifier(&format!("update_tensor{suffix}")), identifier(&format!("initial_state{suffix}")));
    let names = Names::new(&update.program.equations.pool, &group.origins, &model.interface.name);
    let (numbers, locals) = numbers(model, update, style, totals, space);
    let states: Vec<Ident> = group.states.iter().map(|state| identifier(&state.name)).collect();
    let needed: Vec<(Name, String)> = update.needed.iter().map(|&number| (number, update.numbers.pool.text(number).to_string())).collect();
    let step = function(&name, &mut update.program, group, &needed, false, style, &names, functions);
    let initial = function(&first, &mut update.initial, group, &[], true, style, &names, functions);
    let arguments: Vec<TokenStream> = needed
        .iter()
        .map(|(number, _)| match locals.get(number) {
            Some(local) if *real == "f64" => quote!(#local),
            Some(local) => quote!(#local as #real),
            None => quote!(0.0),
        })
        .collect();
    let counts: Vec<TokenStream> = group
        .states
        .iter()
        .map(|state| {
            let axes = state_axes(&mut space.pool, model, group, state, group.parameters[0]);
            let count = space.pool.count(&axes);
            Scope::new(space, style).count(count).within(Level::Product)
        })
        .collect();
    let members = match group.parameters.len() {
        1 => quote!(),
        count => {
            let count = proc_macro2::Literal::usize_unsuffixed(count);
            quote!(* #count)
        }
    };
    let (mut calls, mut sets) = (TokenStream::new(), TokenStream::new());
    for &parameter in &group.parameters {
        for Span { start, count, .. } in spans(space, style, model, &[parameter]) {
            let kept: Vec<TokenStream> =
                states.iter().zip(&counts).map(|(state, count)| quote!(kernels::take(&mut #state, #count))).collect();
            calls.extend(
                quote!(#name(s, #(#arguments,)* &mut parameters[#start..][..#count], &gradient[#start..][..#count], #(#kept,)* workspace);),
            );
            if !states.is_empty() {
                sets.extend(quote!(#first(kernels::Portable, &parameters[#start..][..#count], #(#kept),*);));
            }
        }
    }
    let takes = quote!(#(let mut #states = kernels::take(&mut state, #counts #members);)*);
    let lanes = lanes(&mut update.program, style);
    Made {
        update: quote!({ #takes #numbers #calls }),
        initial: quote!({ #takes #sets }),
        functions: if states.is_empty() { step } else { quote!(#step #initial) },
        lanes,
    }
}

/// Statements that compute the numbers of a step in `f64`, and what they are called.
fn numbers(
    model: &Model,
    update: &mut Update,
    style: &Style,
    totals: &mut Totals<'_>,
    space: &mut Equations,
) -> (TokenStream, BTreeMap<Name, Ident>) {
    let double = style.double();
    let mut taken: BTreeSet<String> = ["s", "optimizer", "step", "kernels", "parameters", "gradient", "state", "workspace"]
        .into_iter()
        .map(String::from)
        .chain(style.constants.iter().cloned())
        .collect();
    let mut fresh = |wish: &str| super::expression::fresh(&mut taken, wish);
    let mut tokens = TokenStream::new();
    let mut locals: BTreeMap<Name, Ident> = BTreeMap::new();
    for &number in &update.order.clone() {
        let text = update.numbers.pool.text(number).to_string();
        match update.numbers.tensors[&number].definition.clone() {
            Definition::Given(Role::Number) if text == "step" => {
                tokens.extend(quote!(let step = step as f64;));
                locals.insert(number, identifier("step"));
            }
            Definition::Given(_) => {
                let (local, field) = (fresh(&text), identifier(&text));
                if model.optimizer.fields.iter().any(|field| field.name == text) {
                    tokens.extend(quote!(let #local = optimizer.#field;));
                }
                locals.insert(number, local);
            }
            Definition::Equation(_) if is_total(&update.numbers, number) => {
                let total = totals.total(space, &mut update.numbers, number);
                let local = fresh(&text);
                tokens.extend(quote!(let #local = #total as f64;));
                locals.insert(number, local);
            }
            Definition::Equation(equation) => {
                let mut scope = Scope::new(&mut update.numbers, &double);
                scope.tensors = locals.iter().map(|(&name, ident)| (name, (ident.clone(), Shape::Number))).collect();
                let value = scope.block(equation.body).tokens;
                let local = fresh(&text);
                tokens.extend(quote!(let #local: f64 = #value;));
                locals.insert(number, local);
            }
        }
    }
    (tokens, locals)
}

/// The function of one tensor: of a step, or the one that sets its states before the first.
#[allow(clippy::too_many_arguments)]
fn function(
    name: &Ident,
    program: &mut Program,
    group: &Group,
    needed: &[(Name, String)],
    initial: bool,
    style: &Style,
    names: &Names,
    functions: &mut Functions,
) -> TokenStream {
    let real = style.real.clone();
    let taken = ["s", "workspace", "panel", "kernels"].into_iter().map(String::from).chain(style.constants.iter().cloned()).collect();
    let (mut driver, called) = Driver::new(program, style, names, functions, taken);
    let (mut signature, mut head) = (vec![quote!(s: S)], TokenStream::new());
    for (number, text) in needed {
        let ident = driver.fresh(text);
        signature.push(quote!(#ident: #real));
        driver.idents.insert(*number, ident);
    }
    let reads: BTreeSet<Name> = driver.program.calls.iter().flat_map(|call| driver.program.reads(call)).collect();
    let reads: BTreeSet<Name> = reads.iter().copied().chain(reads.iter().map(|&name| driver.program.storage(name))).collect();
    let placed: BTreeMap<Destination, Name> = driver
        .program
        .buffers
        .iter()
        .filter_map(|(&name, place)| if let crate::program::Place::Result(to) = place { Some((*to, name)) } else { None })
        .collect();
    let mut destinations: BTreeMap<Destination, TokenStream> = BTreeMap::new();
    let (parameter, gradient) = (driver.program.equations.pool.name("parameter"), driver.program.equations.pool.name("gradient"));
    let mut slices: Vec<(Name, String, Option<Destination>)> =
        vec![(parameter, "parameter".to_string(), (!initial).then_some(Destination::Updated(0)))];
    if !initial {
        slices.push((gradient, "gradient".to_string(), None));
    }
    for (number, state) in group.states.iter().enumerate() {
        let to = if initial { Destination::Initial(number) } else { Destination::Updated(number + 1) };
        slices.push((state.tensor, state.name.clone(), Some(to)));
    }
    for (tensor, text, destination) in slices {
        let reads_it = reads.contains(&tensor);
        // what is read has the name, and what it is stored in another
        let slice = if reads_it && destination.is_some() { driver.fresh(&format!("new_{text}")) } else { driver.fresh(&text) };
        signature.push(if destination.is_some() { quote!(#slice: &mut [#real]) } else { quote!(#slice: &[#real]) });
        if reads_it {
            let ident = if destination.is_some() { driver.fresh(&text) } else { slice.clone() };
            driver.idents.insert(tensor, ident.clone());
            if destination.is_some() {
                head.extend(quote!(let #ident = &*#slice;));
            }
            head.extend(driver.shaped(tensor, &ident, false));
        }
        if let Some(destination) = destination {
            if let Some(&result) = placed.get(&destination) {
                driver.idents.insert(result, slice.clone());
                head.extend(driver.shaped(result, &slice, true));
            }
            destinations.insert(destination, quote!(#slice));
        }
    }
    if !initial {
        signature.push(quote!(workspace: &mut [kernels::Lane]));
    }
    let (room, body) = driver.calls(&called, &destinations, &[], &BTreeSet::new());
    quote!(fn #name<S: kernels::Isa>(#(#signature),*) { #head #room #body })
}

/// Cache lines of workspace that a program needs; none of its sizes is known only at a call.
fn lanes(program: &mut Program, style: &Style) -> TokenStream {
    let real = &style.real;
    let mut sum = vec![quote!(0)];
    if !program.panels.is_empty() {
        sum.push(panel_length(program, style));
    }
    for slot in program.slots.clone() {
        let count = program.equations.pool.count(&slot.axes);
        let count = Scope::new(&mut program.equations, style).count(count).tokens;
        let kind = if slot.integer { quote!(i32) } else { quote!(#real) };
        sum.push(quote!(kernels::lanes::<#kind>(#count)));
    }
    quote!(#(#sum)+*)
}
