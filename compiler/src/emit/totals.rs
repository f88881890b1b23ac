//! Numbers over the elements of all trained parameters, `sum(all) g^2`: each by one function, that is called for every run of parameters
//! before anything moves.

use super::expression::{Scope, Shape, Style, identifier};
use super::optimizer::{Span, spans, state_axes};
use crate::equations::{Definition, Equations, Name, Reduction, Role};
use crate::model::{ALL, Group, Model};
use proc_macro2::{Ident, TokenStream};
use quote::quote;
use std::collections::BTreeMap;

/// Whether a tensor is a reduction over all elements.
pub fn is_total(equations: &Equations, name: Name) -> bool {
    let over_all = |name: &Name| equations.pool.text(*name).strip_prefix(ALL).is_some_and(|rest| rest.starts_with('.'));
    let Some(equation) = equations.tensors[&name].equation() else { return false };
    let is_all = |&size: &_| equations.pool.size_name(size).is_some_and(|name| equations.pool.text(name) == ALL);
    equation.reduction.is_some() && (equation.reduced.iter().any(is_all) || equations.reads(name).iter().any(over_all))
}

/// The totals of an optimizer.
pub struct Totals<'a> {
    model: &'a Model,
    style: &'a Style,
    names: BTreeMap<String, Ident>,
    head: TokenStream,
    functions: TokenStream,
    /// Runs of all trained parameters.
    runs: Vec<Span>,
}

impl<'a> Totals<'a> {
    /// None.
    pub fn new(space: &mut Equations, model: &'a Model, style: &'a Style) -> Self {
        let mut trained: Vec<usize> = model.optimizer.groups.iter().flat_map(|group| group.parameters.clone()).collect();
        trained.sort_unstable();
        let runs = spans(space, style, model, &trained);
        Totals { model, style, names: BTreeMap::new(), head: TokenStream::new(), functions: TokenStream::new(), runs }
    }
    /// The variable that holds a reduction over all elements.
    pub fn total(&mut self, space: &mut Equations, equations: &mut Equations, name: Name) -> Ident {
        let text = crate::equations::print::print_equation_apart(equations, name);
        if let Some(ident) = self.names.get(&text) {
            return ident.clone();
        }
        let real = &self.style.real;
        let ident = identifier(&if self.names.is_empty() { "total".to_string() } else { format!("total_{}", self.names.len() + 1) });
        let Some(equation) = equations.tensors[&name].equation().cloned() else { return ident };
        let is_sum = equation.reduction == Some(Reduction::Sum);
        let nothing = equations.pool.constant(if is_sum { 0.0 } else { f64::NEG_INFINITY });
        let body = equations.pool.select(equation.condition, equation.body, nothing);
        let reads = equations.reads(name);
        let is_state = |name: &Name| equations.tensors[name].definition == Definition::Given(Role::State);
        let states: Vec<String> = reads.iter().filter(|name| is_state(name)).map(|&name| equations.pool.text(name).to_string()).collect();
        let mut scope = Scope::new(equations, self.style);
        let mut parameters = vec![quote!(parameters: &[#real]), quote!(gradient: &[#real])];
        for read in reads {
            let text = scope.equations.pool.text(read).to_string();
            let local = match text.as_str() {
                "all.parameter" => identifier("parameters"),
                "all.gradient" => identifier("gradient"),
                _ if scope.equations.tensors[&read].axes.is_empty() => continue,
                state => identifier(&state[ALL.len() + 1..]),
            };
            if states.contains(&text) {
                parameters.push(quote!(#local: &[#real]));
            }
            scope.tensors.insert(read, (local, Shape::Flat));
        }
        scope.axes.insert(0, identifier("i"));
        let value = scope.block(body).tokens;
        let reduce = if is_sum { quote!(sum_of) } else { quote!(max_of) };
        let doc = format!(" `{text}`");
        self.functions.extend(quote! {
            #[doc = #doc]
            fn #ident<S: kernels::Isa>(s: S, #(#parameters),*) -> #real {
                s.vectorize(#[inline(always)] || kernels::#reduce(gradient.len(), #[inline(always)] |i| #value))
            }
        });
        let parts = if states.is_empty() {
            let part = |Span { start, count, .. }: &Span| quote!(#ident(s, &parameters[#start..][..#count], &gradient[#start..][..#count]));
            self.runs.iter().map(part).collect()
        } else {
            self.parts_with_states(space, &ident, &states)
        };
        self.head.extend(match (&parts[..], is_sum) {
            ([], _) => {
                let nothing = self.style.real(if is_sum { 0.0 } else { f64::NEG_INFINITY }).tokens;
                quote!(let #ident = #nothing;)
            }
            (_, true) => quote!(let #ident = #(#parts)+*;),
            (_, false) => quote!(let #ident = kernels::max(&[#(#parts),*]);),
        });
        self.names.insert(text, ident.clone());
        ident
    }
    /// A call for each run of parameters whose states lie side by side too.
    fn parts_with_states(&self, space: &mut Equations, ident: &Ident, states: &[String]) -> Vec<TokenStream> {
        let mut parts = Vec::new();
        let mut offset = space.pool.integer(0);
        for group in &self.model.optimizer.groups {
            let mut starts = Vec::new();
            for state in &group.states {
                starts.push((format!("{ALL}.{}", group.equations.pool.text(state.tensor)), offset));
                for &parameter in &group.parameters {
                    let count = {
                        let axes = state_axes(&mut space.pool, self.model, group, state, parameter);
                        space.pool.count(&axes)
                    };
                    offset = space.pool.plus(offset, count);
                }
            }
            for Span { start, count, parameters } in spans(space, self.style, self.model, &group.parameters) {
                let before = self.before(space, group, &parameters);
                let mut arguments = vec![quote!(&parameters[#start..][..#count]), quote!(&gradient[#start..][..#count])];
                for state in states {
                    let Some(&(_, first)) = starts.iter().find(|(text, _)| text == state) else { continue };
                    let first = space.pool.plus(first, before);
                    let first = Scope::new(space, self.style).count(first).tokens;
                    arguments.push(quote!(&state[#first..][..#count]));
                }
                parts.push(quote!(#ident(s, #(#arguments),*)));
            }
        }
        parts
    }
    /// How many elements of a group lie before these of its parameters.
    fn before(&self, space: &mut Equations, group: &Group, parameters: &[usize]) -> crate::equations::Index {
        let earlier: Vec<usize> = group.parameters.iter().copied().take_while(|parameter| !parameters.contains(parameter)).collect();
        super::optimizer::elements(space, self.model, &earlier)
    }
    /// Statements that compute all totals, and the functions that they call.
    pub fn tokens(self) -> (TokenStream, TokenStream) {
        (self.head, self.functions)
    }
}
