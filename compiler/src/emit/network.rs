//! The trait `Network` for a generated type: tables, and calls of its typed functions.

use super::Network;
use super::driver::{port_ident, run_time_sizes};
use super::expression::{Scope, Style, identifier};
use super::interface::{loss_type, run_time_count, types};
use super::optimizer::Update;
use crate::equations::{Equations, Index};
use crate::model::{Port, PortKind};
use proc_macro2::{Ident, Literal, TokenStream};
use quote::quote;

/// The impl of `path::Network`.
pub fn implementation(network: &Network, style: &Style, update: &Update, path: &str, equations: &mut Equations) -> TokenStream {
    let path: TokenStream = path.parse().unwrap_or_default();
    let real = style.real.clone();
    let interface = &network.model.interface;
    let (name, text) = (identifier(&interface.name), &interface.name);
    let (optimizer_type, _) = types(&interface.name);
    let module = quote!(#path::network);

    let mut table = |tensors: &mut dyn Iterator<Item = (&String, &[Index])>| -> Vec<TokenStream> {
        let mut offset = equations.pool.integer(0);
        let mut place = |(name, axes): (&String, &[Index])| {
            let tokens = tensor(equations, style, &module, name, axes, offset);
            let count = equations.pool.count(axes);
            offset = equations.pool.plus(offset, count);
            tokens
        };
        tensors.map(&mut place).collect()
    };
    let places = table(&mut interface.parameters.iter().map(|parameter| (&parameter.name, &parameter.axes[..])));
    let kept_states = table(&mut interface.states.iter().map(|state| (&state.name, &state.axes[..])));
    let states = table(&mut update.states.iter().map(|(name, axes)| (name, &axes[..])));
    let mut ports = |ports: &[Port]| -> Vec<TokenStream> { ports.iter().map(|port| self::port(equations, style, &module, port)).collect() };
    let (inputs, targets, outputs) = (ports(&interface.inputs), ports(&interface.targets), ports(&interface.outputs));
    let metrics: Vec<&String> = interface.metrics.iter().map(|(name, _)| name).collect();
    let losses: Vec<&String> = interface.losses.iter().map(|loss| &loss.name).collect();
    let (loss_kind, loss_numbers) = match loss_type(interface) {
        None => (quote!(#real), quote!(0 => Some(*loss),)),
        Some(kind) => {
            let (numbers, names) = ((0..losses.len()).map(Literal::usize_unsuffixed), losses.iter().map(|name| identifier(name)));
            (quote!(#kind), quote!(#(#numbers => Some(loss.#names),)*))
        }
    };
    let metric_idents: Vec<Ident> = metrics.iter().map(|name| identifier(name)).collect();
    let sizes = run_time_sizes(interface);
    let size_idents: Vec<Ident> = sizes.iter().map(|size| identifier(size)).collect();
    let field_names: Vec<&String> = network.model.optimizer.fields.iter().map(|field| &field.name).collect();
    let (fields, numbers) = (&update.fields, (0..update.fields.len()).map(Literal::usize_unsuffixed));

    let kept = !interface.states.is_empty();
    let state_count = if kept { quote!(super::#name::STATE_COUNT) } else { quote!(0) };
    let init_states =
        if kept { quote!(super::#name::init_states(seed, states)) } else { quote!(kernels::check_length("states", 0, states.len())) };
    let (states_argument, next_argument) = if kept { (quote!(states,), quote!(next,)) } else { (quote!(), quote!()) };
    let draw_arguments = if !network.model.training.random.is_empty() { quote!(draws.seed, draws.step,) } else { quote!() };
    let count = |number: usize| Literal::usize_unsuffixed(number);
    let size_count = count(sizes.len());
    let take_sizes = quote! {
        let &[#(#size_idents),*] = sizes else {
            return Err(kernels::Error::Length { name: "sizes", expected: #size_count, found: sizes.len() });
        };
    };
    let take_data = |slice: &str, ports: &[&Port]| {
        let (text, slice, expected) = (slice, identifier(slice), count(ports.len()));
        let patterns = ports.iter().map(|port| {
            let ident = port_ident(&port.name);
            if matches!(port.kind, PortKind::Index { .. }) {
                quote!(#module::Data::Index(#ident))
            } else {
                quote!(#module::Data::Real(#ident))
            }
        });
        quote! {
            let &[#(#patterns),*] = #slice else {
                return Err(kernels::Error::Length { name: #text, expected: #expected, found: #slice.len() });
            };
        }
    };
    let all_inputs: Vec<&Port> = interface.inputs.iter().collect();
    let all_data: Vec<&Port> = interface.inputs.iter().chain(&interface.targets).collect();
    let (take_inputs, take_all) = (take_data("inputs", &all_inputs), take_data("data", &all_data));
    let input_idents: Vec<Ident> = all_inputs.iter().map(|port| port_ident(&port.name)).collect();
    let data_idents: Vec<Ident> = all_data.iter().map(|port| port_ident(&port.name)).collect();
    let output_idents: Vec<Ident> = interface.outputs.iter().map(|port| port_ident(&port.name)).collect();
    let (output_count, metric_count) = (count(interface.outputs.len()), count(metrics.len()));
    let mut lengths = Vec::new();
    for port in interface.inputs.iter().chain(&interface.targets).chain(&interface.outputs) {
        let name = &port.name;
        let length = run_time_count(equations, style, &port.axes);
        lengths.push(quote!(#name => #length));
    }
    let check_sizes: TokenStream = interface
        .sizes
        .iter()
        .map(|size| {
            let ident = identifier(size);
            quote!(kernels::check_size(#size, 0, #ident)?;)
        })
        .collect();
    let update_workspace = if update.workspace.is_some() {
        quote!(
            const UPDATE_WORKSPACE: usize = update_workspace();
        )
    } else {
        quote!()
    };
    let update_argument = if update.workspace.is_some() { quote!(, workspace) } else { quote!() };
    let metric_numbers = (0..metrics.len()).map(Literal::usize_unsuffixed);
    quote! {
        impl #path::Network for super::#name {
            type Real = #real;
            type Optimizer = #optimizer_type;
            type Loss = #loss_kind;

            const NAME: &'static str = #text;
            const PARAMETERS: &'static [#module::Tensor] = &[#(#places),*];
            const PARAMETER_COUNT: usize = super::#name::PARAMETER_COUNT;
            const STATES: &'static [#module::Tensor] = &[#(#kept_states),*];
            const STATE_COUNT: usize = #state_count;
            const OPTIMIZER_STATES: &'static [#module::Tensor] = &[#(#states),*];
            const OPTIMIZER_STATE_COUNT: usize = super::#name::OPTIMIZER_STATE_COUNT;
            const INPUTS: &'static [#module::Port] = &[#(#inputs),*];
            const TARGETS: &'static [#module::Port] = &[#(#targets),*];
            const OUTPUTS: &'static [#module::Port] = &[#(#outputs),*];
            const LOSSES: &'static [&'static str] = &[#(#losses),*];
            const METRICS: &'static [&'static str] = &[#(#metrics),*];
            const SIZES: &'static [&'static str] = &[#(#sizes),*];
            const FIELDS: &'static [&'static str] = &[#(#field_names),*];
            #update_workspace

            fn port_length(port: &#module::Port, sizes: &[usize]) -> Result<usize, kernels::Error> {
                #take_sizes
                #check_sizes
                let length = match port.name {
                    #(#lengths,)*
                    _ => 0,
                };
                if length == usize::MAX {
                    return Err(kernels::Error::Length { name: port.name, expected: length, found: 0 });
                }
                Ok(length)
            }
            fn workspace(sizes: &[usize]) -> Result<usize, kernels::Error> {
                #take_sizes
                #check_sizes
                let lanes = super::#name::workspace(#(#size_idents),*);
                if lanes == usize::MAX {
                    return Err(kernels::Error::Length { name: "workspace", expected: lanes, found: 0 });
                }
                Ok(lanes)
            }
            fn init(seed: u64, parameters: &mut [#real]) -> Result<(), kernels::Error> {
                super::#name::init(seed, parameters)
            }
            fn init_states(seed: u64, states: &mut [#real]) -> Result<(), kernels::Error> {
                #init_states
            }
            fn init_optimizer(parameters: &[#real], state: &mut [#real]) -> Result<(), kernels::Error> {
                super::#name::init_optimizer(parameters, state)
            }
            fn predict(
                parameters: &[#real],
                states: &[#real],
                sizes: &[usize],
                inputs: &[#module::Data<'_, #real>],
                outputs: &mut [&mut [#real]],
                workspace: &mut [kernels::Lane],
            ) -> Result<(), kernels::Error> {
                #take_sizes
                #take_inputs
                let found = outputs.len();
                let [#(#output_idents),*] = outputs else {
                    return Err(kernels::Error::Length { name: "outputs", expected: #output_count, found });
                };
                super::#name::predict(#(#size_idents,)* parameters, #states_argument #(#input_idents,)* #(#output_idents,)* workspace)
            }
            fn evaluate(
                parameters: &[#real],
                states: &[#real],
                sizes: &[usize],
                data: &[#module::Data<'_, #real>],
                metrics: &mut [#real],
                workspace: &mut [kernels::Lane],
            ) -> Result<#loss_kind, kernels::Error> {
                #take_sizes
                #take_all
                kernels::check_length("metrics", #metric_count, metrics.len())?;
                let evaluation = super::#name::evaluate(#(#size_idents,)* parameters, #states_argument #(#data_idents,)* workspace)?;
                #(metrics[#metric_numbers] = evaluation.#metric_idents;)*
                Ok(evaluation.loss)
            }
            fn gradient(
                parameters: &[#real],
                states: &[#real],
                draws: #module::Draws,
                sizes: &[usize],
                data: &[#module::Data<'_, #real>],
                gradient: &mut [#real],
                next: &mut [#real],
                workspace: &mut [kernels::Lane],
            ) -> Result<#loss_kind, kernels::Error> {
                #take_sizes
                #take_all
                super::#name::gradient(#(#size_idents,)* parameters, #states_argument #draw_arguments #(#data_idents,)* gradient, #next_argument workspace)
            }
            fn update(
                optimizer: &#optimizer_type,
                step: u64,
                parameters: &mut [#real],
                gradient: &[#real],
                state: &mut [#real],
                workspace: &mut [kernels::Lane],
            ) -> Result<(), kernels::Error> {
                super::#name::update(optimizer, step, parameters, gradient, state #update_argument)
            }
            fn loss(loss: &#loss_kind, number: usize) -> Option<#real> {
                match number {
                    #loss_numbers
                    _ => None,
                }
            }
            fn field(optimizer: &mut #optimizer_type, number: usize) -> Option<&mut f64> {
                match number {
                    #(#numbers => Some(&mut optimizer.#fields),)*
                    _ => None,
                }
            }
        }
    }
}

fn tensor(equations: &mut Equations, style: &Style, module: &TokenStream, name: &str, axes: &[Index], offset: Index) -> TokenStream {
    let mut scope = Scope::new(equations, style);
    let shape: Vec<TokenStream> = axes.iter().map(|&axis| scope.count(axis).tokens).collect();
    let offset = scope.count(offset).tokens;
    quote!(#module::Tensor { name: #name, shape: &[#(#shape),*], offset: #offset })
}

fn port(equations: &mut Equations, style: &Style, module: &TokenStream, port: &Port) -> TokenStream {
    let (name, batched) = (&port.name, port.batched);
    let axes = &port.axes[usize::from(batched)..];
    let mut shape = Vec::new();
    for &axis in axes {
        shape.push(if style.is_static(&equations.pool, axis) {
            let size = Scope::new(equations, style).count(axis).tokens;
            quote!(#module::Size::Fixed(#size))
        } else {
            let text = crate::equations::print::print_index(&equations.pool, &[], axis);
            quote!(#module::Size::Dynamic(#text))
        });
    }
    let kind = match port.kind {
        PortKind::Real => quote!(Real),
        PortKind::Probability => quote!(Probability),
        PortKind::Index { low, high } => {
            // An end that only a call knows is no constant: the call checks it.
            let mut end = |index: Index, open: &str| {
                if style.is_static(&equations.pool, index) {
                    let end = Scope::new(equations, style).signed(index).tokens;
                    quote!((#end) as i64)
                } else {
                    let open = identifier(open);
                    quote!(i64::#open)
                }
            };
            let (low, high) = (end(low, "MIN"), end(high, "MAX"));
            quote!(Index { low: #low, high: #high })
        }
    };
    quote!(#module::Port { name: #name, batched: #batched, shape: &[#(#shape),*], kind: #module::Kind::#kind })
}
