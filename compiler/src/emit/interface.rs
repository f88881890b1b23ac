//! The generated type: its page, its constants, and its typed entry points, which check everything that they are given.

use super::driver::{panel_length, port_ident, port_type, run_time_sizes, untrained_idents};
use super::expression::{Scope, Style, identifier};
use super::optimizer::Update;
use super::shapes::array_type;
use super::{Kernels, Network, Options};
use crate::equations::{Affine, Atom, AtomNode, Equations, Index, Pool};
use crate::model::{Forward, Interface, Loss, Parameter, Port, PortKind};
use crate::program::Program;
use proc_macro2::{Ident, Literal, TokenStream};
use quote::quote;

/// The names of the types beside a model's own: its optimizer, and what `evaluate` returns.
pub fn types(model: &str) -> (Ident, Ident) {
    (identifier(&format!("{model}Optimizer")), identifier(&format!("{model}Evaluation")))
}

/// What a call says of the losses: the type, the names that the numbers are bound to, and the value made of them.
pub struct Losses {
    /// The number type, or the struct beside the model.
    pub kind: TokenStream,
    /// A pattern part for each, in their order.
    pub bound: Vec<Ident>,
    /// The value of `kind`.
    pub value: TokenStream,
    /// The definition of the struct, if there is one.
    pub definition: TokenStream,
}

/// The name of the type of several losses, or of one that has a name.
pub fn loss_type(interface: &Interface) -> Option<Ident> {
    (!interface.has_plain_loss()).then(|| identifier(&format!("{}Loss", interface.name)))
}

/// One loss without a name is a number; others are a struct of numbers by name.
fn losses(interface: &Interface, real: &Ident) -> Losses {
    let bound: Vec<Ident> = interface.losses.iter().map(|loss| identifier(&loss.name)).collect();
    let Some(kind) = loss_type(interface) else {
        return Losses { kind: quote!(#real), bound, value: quote!(loss), definition: TokenStream::new() };
    };
    let doc = |loss: &Loss| match &loss.docs[..] {
        [] => format!(" The loss `{}`.", loss.name),
        docs => format!(" {}", docs.join(" ").trim()),
    };
    let docs = interface.losses.iter().map(doc);
    let title = format!(" The losses of `{}`, each with the parameters of its own.", interface.name);
    let definition = quote! {
        #[doc = #title]
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub struct #kind { #(#[doc = #docs] pub #bound: #real,)* }
    };
    Losses { value: quote!(#kind { #(#bound),* }), kind: quote!(#kind), bound, definition }
}

/// The page of the generated type.
pub fn docs(network: &Network, style: &Style) -> Vec<String> {
    let interface = &network.model.interface;
    let pool = &network.model.training.equations.pool;
    let size = |index: Index| crate::equations::print::print_index(pool, &[], index);
    let shape = |axes: &[Index]| axes.iter().map(|&axis| size(axis)).collect::<Vec<_>>().join(", ");
    let mut lines: Vec<String> = interface.docs.iter().map(|line| format!(" {}", line.trim())).collect();
    if lines.is_empty() {
        lines.push(format!(" The network `{}`.", interface.name));
    }
    let mut section = |title: &str, head: &str, rows: Vec<String>| {
        if !rows.is_empty() {
            lines.push(String::new());
            lines.push(format!(" # {title}"));
            let columns = head.matches('|').count() - 1;
            lines.push(format!(" {head}"));
            lines.push(format!(" |{}", "---|".repeat(columns)));
            lines.extend(rows);
        }
    };
    for (title, kept) in [("Parameters", &interface.parameters), ("States", &interface.states)] {
        let mut offset: Option<i64> = Some(0);
        let mut rows = Vec::new();
        for one in kept {
            let count: Option<i64> = one.axes.iter().map(|&axis| pool.constant_of(axis)).product();
            let place = offset.map_or(String::new(), |offset| offset.to_string());
            offset = offset.zip(count).map(|(offset, count)| offset + count);
            let about = one.docs.join(" ");
            rows.push(format!(" | `{}` | `[{}]` | {place} | {} |", one.name, shape(&one.axes), about.trim()));
        }
        section(title, "| name | shape | offset | |", rows);
    }
    let port = |port: &Port| {
        let kind = match port.kind {
            PortKind::Real => style.real.to_string(),
            PortKind::Probability => format!("{} in 0 to 1", style.real),
            PortKind::Index { low, high } => format!("i32 in {} .. {}", size(low), size(high)),
        };
        format!(" | `{}` | `[{}]` | {kind} | {} |", port.name, shape(&port.axes), port.docs.join(" ").trim())
    };
    section("Inputs", "| name | shape | elements | |", interface.inputs.iter().map(port).collect());
    section("Targets", "| name | shape | elements | |", interface.targets.iter().map(port).collect());
    section("Outputs", "| name | shape | elements | |", interface.outputs.iter().map(port).collect());
    lines
}

/// What a slice must be: its name, how many numbers, and what they are.
fn check_port(scope: &mut Scope, port: &Port) -> TokenStream {
    let (name, ident) = (&port.name, port_ident(&port.name));
    let count = scope.equations.pool.count(&port.axes);
    let count = saturating(scope, count);
    let mut tokens = quote!(kernels::check_length(#name, #count, #ident.len())?;);
    match port.kind {
        PortKind::Real => {}
        PortKind::Probability => tokens.extend(quote!(kernels::check_probability(#name, #ident)?;)),
        PortKind::Index { low, high } => {
            let (low, high) =
                (scope.signed(low).within(super::expression::Level::Cast), scope.signed(high).within(super::expression::Level::Cast));
            tokens.extend(quote!(kernels::check_index(#name, #ident, (#low) as i64, (#high) as i64)?;));
        }
    }
    tokens
}

/// How many elements a shape has, the largest number where they do not fit.
pub fn run_time_count(equations: &mut Equations, style: &Style, axes: &[Index]) -> TokenStream {
    let count = equations.pool.count(axes);
    saturating(&mut Scope::new(equations, style), count)
}

/// A size that is the largest number where it does not fit.
fn saturating(scope: &mut Scope, index: Index) -> TokenStream {
    if scope.style.is_static(&scope.equations.pool, index) {
        return scope.count(index).tokens;
    }
    let Affine { constant, terms } = scope.equations.pool.affine(index).clone();
    let mut tokens: Option<TokenStream> = None;
    for &(atom, k) in terms.iter().filter(|&&(_, k)| k > 0) {
        let term = saturating_term(scope, atom, k);
        tokens = Some(match tokens {
            None => term,
            Some(sum) => quote!(usize::saturating_add(#sum, #term)),
        });
    }
    let mut tokens = tokens.unwrap_or_else(|| quote!(0));
    if constant > 0 {
        let constant = Literal::i64_unsuffixed(constant);
        tokens = quote!(usize::saturating_add(#tokens, #constant));
    }
    for &(atom, k) in terms.iter().filter(|&&(_, k)| k < 0) {
        let term = saturating_term(scope, atom, -k);
        tokens = quote!(usize::saturating_sub(#tokens, #term));
    }
    if constant < 0 {
        let constant = Literal::i64_unsuffixed(-constant);
        tokens = quote!(usize::saturating_sub(#tokens, #constant));
    }
    tokens
}

fn saturating_term(scope: &mut Scope, atom: Atom, k: i64) -> TokenStream {
    let mut tokens = saturating_atom(scope, atom);
    if k != 1 {
        let k = Literal::i64_unsuffixed(k);
        tokens = quote!(usize::saturating_mul(#tokens, #k));
    }
    tokens
}

fn saturating_atom(scope: &mut Scope, atom: Atom) -> TokenStream {
    match scope.equations.pool.atom(atom).clone() {
        AtomNode::Product(atoms) => {
            let mut parts = atoms.into_iter().map(|atom| saturating_atom(scope, atom)).collect::<Vec<_>>().into_iter();
            let first = parts.next().unwrap_or_default();
            parts.fold(first, |product, part| quote!(usize::saturating_mul(#product, #part)))
        }
        AtomNode::Div(x, m) => {
            let (x, m) = (saturating(scope, x), scope.count(m).within(super::expression::Level::Cast));
            quote!((#x / #m))
        }
        AtomNode::Mod(x, m) => {
            let (x, m) = (saturating(scope, x), scope.count(m).within(super::expression::Level::Cast));
            quote!((#x % #m))
        }
        _ => {
            let index = scope.equations.pool.index_of_atom(atom);
            scope.count(index).tokens
        }
    }
}

/// Cache lines of workspace that a program needs.
fn workspace(name: &str, program: &mut Program, style: &Style, sizes: &[Ident]) -> TokenStream {
    let name = identifier(name);
    let real = &style.real;
    let mut sum: Vec<TokenStream> = Vec::new();
    if !program.panels.is_empty() {
        sum.push(panel_length(program, style));
    }
    for slot in program.slots.clone() {
        let mut scope = Scope::new(&mut program.equations, style);
        let count = scope.equations.pool.count(&slot.axes);
        let count = saturating(&mut scope, count);
        let kind = if slot.integer { quote!(i32) } else { quote!(#real) };
        sum.push(quote!(kernels::lanes::<#kind>(#count)));
    }
    let body = if sum.is_empty() {
        quote!(0)
    } else {
        quote! {
            let mut lanes = 0usize;
            #(lanes = lanes.saturating_add(#sum);)*
            lanes
        }
    };
    quote!(const fn #name(#(#sizes: usize),*) -> usize { #body })
}

/// The impl of the type, and the types beside it.
pub fn interface(network: &mut Network, style: &Style, update: &Update, options: &Options) -> TokenStream {
    let real = style.real.clone();
    let model = &network.model;
    let interface = &model.interface;
    let name = identifier(&interface.name);
    let (optimizer_type, evaluation_type) = types(&interface.name);
    let sizes: Vec<Ident> = run_time_sizes(interface).iter().map(|size| identifier(size)).collect();
    let mut equations = Equations { pool: model.training.equations.pool.clone(), tensors: Default::default() };
    let words = ("Parameters", "The parameters by name.", "Gradient", "The gradient by the names of the parameters.");
    let Kept { total, structs, init: initial } = kept(&mut equations, style, &interface.parameters, words, "parameters");
    let words = ("States", "The states by name.", "Next", "The next values by the names of the states.");
    let states = kept(&mut equations, style, &interface.states, words, "states");
    let (has_states, state_total, state_structs, init_kept) = (!interface.states.is_empty(), states.total, states.structs, states.init);
    let if_states = |tokens: TokenStream| if has_states { tokens } else { TokenStream::new() };
    let check_kept = |name: &str| {
        let ident = identifier(name);
        if_states(quote!(kernels::check_length(#name, Self::STATE_COUNT, #ident.len())?;))
    };
    let (check_states, check_next) = (check_kept("states"), check_kept("next"));
    let (states_argument, next_argument) = (if_states(quote!(states: &[#real],)), if_states(quote!(next: &mut [#real],)));
    let (states_ident, next_ident) = (if_states(quote!(states,)), if_states(quote!(next,)));
    // inference draws nothing, unless it stands for training, as in `nnc eval --train --compiled`
    let draws = |forward: &Forward| {
        if forward.random.is_empty() {
            (TokenStream::new(), TokenStream::new())
        } else {
            (quote!(seed: u64, step: u64,), quote!(seed, step,))
        }
    };
    let ((predict_draws, predict_drawn), (gradient_draws, gradient_drawn)) = (draws(&model.inference), draws(&model.training));
    let (evaluate_draws, evaluate_drawn) = (&predict_draws, &predict_drawn);
    let assertions = assertions(&mut equations, style, network);
    let run_time: Vec<&String> = interface.sizes.iter().collect();
    let run_time_idents: Vec<Ident> = run_time.iter().map(|size| identifier(size)).collect();
    let mut check_sizes = quote!(#(kernels::check_size(#run_time, 0, #run_time_idents)?;)*);
    check_sizes.extend(assertions.checks);
    let constant_assertions = assertions.constants;

    let mut scope = Scope::new(&mut equations, style);
    let check_parameters = quote!(kernels::check_length("parameters", Self::PARAMETER_COUNT, parameters.len())?;);
    let input_checks: Vec<TokenStream> = interface.inputs.iter().map(|port| check_port(&mut scope, port)).collect();
    let target_checks: Vec<TokenStream> = interface.targets.iter().map(|port| check_port(&mut scope, port)).collect();
    let output_checks: Vec<TokenStream> = interface
        .outputs
        .iter()
        .map(|port| {
            let (name, ident) = (&port.name, port_ident(&port.name));
            let count = scope.equations.pool.count(&port.axes);
            let count = saturating(&mut scope, count);
            quote!(kernels::check_length(#name, #count, #ident.len())?;)
        })
        .collect();
    let arguments = |ports: &[Port], mutable: bool| -> Vec<TokenStream> {
        ports
            .iter()
            .map(|port| {
                let (ident, kind) = (port_ident(&port.name), port_type(style, port.kind));
                if mutable { quote!(#ident: &mut [#real]) } else { quote!(#ident: &[#kind]) }
            })
            .collect()
    };
    let idents = |ports: &[Port]| -> Vec<Ident> { ports.iter().map(|port| port_ident(&port.name)).collect() };
    let (inputs, targets, outputs) =
        (arguments(&interface.inputs, false), arguments(&interface.targets, false), arguments(&interface.outputs, true));
    let (input_idents, target_idents, output_idents) = (idents(&interface.inputs), idents(&interface.targets), idents(&interface.outputs));
    let metrics: Vec<Ident> = interface.metrics.iter().map(|(name, _)| identifier(name)).collect();
    let Losses { kind: loss_kind, bound: losses, value: loss_value, definition: loss_definition } = losses(interface, &real);
    let metric_docs: Vec<String> = interface
        .metrics
        .iter()
        .map(|(name, docs)| if docs.is_empty() { format!(" The metric `{name}`.") } else { format!(" {}", docs.join(" ").trim()) })
        .collect();
    let mut workspaces: Vec<TokenStream> = [
        workspace("predict_workspace", &mut network.predict, style, &sizes),
        workspace("evaluate_workspace", &mut network.evaluate, style, &sizes),
        workspace("gradient_workspace", &mut network.gradient, style, &sizes),
    ]
    .into_iter()
    .collect();
    if let Some(program) = &mut network.untrained {
        workspaces.push(workspace("untrained_workspace", program, style, &sizes));
    }
    let check_workspace = |needed: &str| {
        let needed = identifier(needed);
        quote! {
            let needed = #needed(#(#sizes),*);
            if workspace.len() < needed {
                return Err(kernels::Error::Length { name: "workspace", expected: needed, found: workspace.len() });
            }
        }
    };
    let (predict_space, evaluate_space, gradient_space) =
        (check_workspace("predict_workspace"), check_workspace("evaluate_workspace"), check_workspace("gradient_workspace"));
    let dispatch = |function: &str, arguments: TokenStream| {
        let function = identifier(function);
        if options.kernels == Kernels::Standalone {
            return quote!(#function(kernels::Portable, #arguments));
        }
        quote! {
            match kernels::Level::detect() {
                kernels::Level::Avx512(s) => #function(s, #arguments),
                kernels::Level::Avx2(s) => #function(s, #arguments),
                kernels::Level::Portable(s) => #function(s, #arguments),
            }
        }
    };
    let run_predict = dispatch(
        "predict_on",
        quote!(#(#sizes,)* parameters, #states_ident #predict_drawn #(#input_idents,)* #(#output_idents,)* workspace),
    );
    let run_evaluate = dispatch(
        "evaluate_on",
        quote!(#(#sizes,)* parameters, #states_ident #evaluate_drawn #(#input_idents,)* #(#target_idents,)* workspace),
    );
    let run_gradient = dispatch(
        "gradient_on",
        quote!(#(#sizes,)* parameters, #states_ident #gradient_drawn #(#input_idents,)* #(#target_idents,)* gradient, #next_ident workspace),
    );
    let mut most = quote!(if most > c { most } else { c });
    // an update needs room only where it works on whole tensors
    let (mut update_room, mut update_argument, mut update_space) = (quote!(), quote!(), quote!());
    if let Some(body) = &update.workspace {
        most = quote!({ let (most, u) = (#most, update_workspace()); if most > u { most } else { u } });
        (update_room, update_argument) = (quote!(, workspace: &mut [kernels::Lane]), quote!(, workspace));
        update_space = quote! {
            let needed = update_workspace();
            if workspace.len() < needed {
                return Err(kernels::Error::Length { name: "workspace", expected: needed, found: workspace.len() });
            }
        };
        workspaces.push(quote!(const fn update_workspace() -> usize { #body }));
    }
    let run_update = dispatch("update_on", quote!(optimizer, step, parameters, gradient, state #update_argument));
    let mut untrained = quote!();
    if network.untrained.is_some() {
        most = quote!({ let (most, d) = (#most, untrained_workspace(#(#sizes),*)); if most > d { most } else { d } });
        let idents = untrained_idents(model);
        let space = check_workspace("untrained_workspace");
        let run = dispatch(
            "untrained_on",
            quote!(#(#sizes,)* parameters, #states_ident #gradient_drawn #(#input_idents,)* #(#target_idents,)* #(#idents,)* workspace),
        );
        let mut checks = Vec::new();
        for ((name, _, axes), ident) in model.untrained().into_iter().zip(&idents) {
            let count = scope.equations.pool.count(axes);
            let (count, name) = (saturating(&mut scope, count), format!("gradient of {name}"));
            checks.push(quote!(kernels::check_length(#name, #count, #ident.len())?;));
        }
        untrained = quote! {
            /// Writes the gradients of the loss in training with respect to what is not trained.
            pub fn untrained(#(#sizes: usize,)* parameters: &[#real], #states_argument #gradient_draws #(#inputs,)* #(#targets,)* #(#idents: &mut [#real],)* workspace: &mut [kernels::Lane]) -> Result<(), kernels::Error> {
                #check_sizes
                #check_parameters
                #check_states
                #(#input_checks)*
                #(#target_checks)*
                #(#checks)*
                #space
                #run;
                Ok(())
            }
        };
    }
    let returned = |numbers: &[&Ident]| match numbers {
        [only] => quote!(#only),
        several => quote!((#(#several),*)),
    };
    let judged = returned(&losses.iter().collect::<Vec<_>>());
    let evaluated = returned(&losses.iter().chain(&metrics).collect::<Vec<_>>());
    let (evaluated_loss, gradient_result) = match interface.has_plain_loss() {
        true => (quote!(loss), quote!(Ok(#run_gradient))),
        false => (quote!(loss: #loss_value), quote!(let #judged = #run_gradient; Ok(#loss_value))),
    };
    let (optimizer_fields, optimizer_defaults, optimizer_docs) = (&update.fields, &update.defaults, &update.docs);
    let state_count = &update.state_count;
    let state_constants = if_states(quote! {
        /// How many numbers the states are.
        pub const STATE_COUNT: usize = #state_total;
    });
    let init_states_function = if_states(quote! {
        /// The states before the first step: the same numbers for the same seed on every machine.
        pub fn init_states(seed: u64, states: &mut [#real]) -> Result<(), kernels::Error> {
            #check_states
            #init_kept
            Ok(())
        }
    });
    // what is drawn at a step, and what the states are after it
    let step_draws = if !model.training.random.is_empty() { quote!(seed: u64,) } else { quote!() };
    let step_states = if_states(quote!(states: &mut [#real], next: &mut [#real],));
    let keep_states = if_states(quote!(states.copy_from_slice(next);));
    let plain = interface.has_plain_loss();
    let loss_doc = if plain { " The loss." } else { " The losses." };
    let step_title = format!(
        " One step of training: the gradient and then the update. Returns the {} before it.",
        if plain { "loss" } else { "losses" }
    );
    let mut gradient_doc = String::from(if plain {
        " The loss in training; writes its gradient with respect to the parameters"
    } else {
        " The losses in training; writes the gradient with respect to the parameters, of each by the loss that is for it"
    });
    if has_states {
        gradient_doc += ", and the states after the step";
    }
    gradient_doc += if !model.training.random.is_empty() { ". What it draws depends on `seed` and `step`." } else { "." };
    let init_states = &update.init_states;
    let network_impl = options.network.as_ref().map(|path| super::network::implementation(network, style, update, path, &mut equations));
    let network_impl = network_impl.unwrap_or_default();
    let step_doc = if sizes.is_empty() { "" } else { " The first arguments are the sizes of the call." };
    let states_doc = if has_states { " `states` become those after it; `next` is room for them." } else { "" };
    let whole_step_doc = format!("{step_doc}{states_doc}");
    quote! {
        #constant_assertions

        /// The numbers of the optimizer that may change between steps.
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub struct #optimizer_type { #(#(#[doc = #optimizer_docs])* pub #optimizer_fields: f64,)* }

        impl Default for #optimizer_type {
            fn default() -> Self {
                #optimizer_type { #(#optimizer_fields: #optimizer_defaults,)* }
            }
        }

        #loss_definition

        /// What `evaluate` finds.
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub struct #evaluation_type {
            #[doc = #loss_doc]
            pub loss: #loss_kind,
            #(#[doc = #metric_docs] pub #metrics: #real,)*
        }

        impl super::#name {
            /// How many numbers all parameters are.
            pub const PARAMETER_COUNT: usize = #total;
            /// How many numbers the state of the optimizer is.
            pub const OPTIMIZER_STATE_COUNT: usize = #state_count;
            #state_constants

            /// How many cache lines of workspace any call needs.
            pub const fn workspace(#(#sizes: usize),*) -> usize {
                let (a, b, c) = (predict_workspace(#(#sizes),*), evaluate_workspace(#(#sizes),*), gradient_workspace(#(#sizes),*));
                let most = if a > b { a } else { b };
                #most
            }

            /// Draws the initial parameters: the same numbers for the same seed on every machine.
            pub fn init(seed: u64, parameters: &mut [#real]) -> Result<(), kernels::Error> {
                #check_parameters
                #initial
                Ok(())
            }

            #init_states_function

            /// The state of the optimizer before its first step.
            pub fn init_optimizer(parameters: &[#real], state: &mut [#real]) -> Result<(), kernels::Error> {
                #check_parameters
                kernels::check_length("state", Self::OPTIMIZER_STATE_COUNT, state.len())?;
                #init_states
                Ok(())
            }

            /// Writes the outputs of these inputs.
            #[doc = #step_doc]
            pub fn predict(#(#sizes: usize,)* parameters: &[#real], #states_argument #predict_draws #(#inputs,)* #(#outputs,)* workspace: &mut [kernels::Lane]) -> Result<(), kernels::Error> {
                #check_sizes
                #check_parameters
                #check_states
                #(#input_checks)*
                #(#output_checks)*
                #predict_space
                #run_predict;
                Ok(())
            }

            /// The loss and the metrics, without training.
            #[doc = #step_doc]
            pub fn evaluate(#(#sizes: usize,)* parameters: &[#real], #states_argument #evaluate_draws #(#inputs,)* #(#targets,)* workspace: &mut [kernels::Lane]) -> Result<#evaluation_type, kernels::Error> {
                #check_sizes
                #check_parameters
                #check_states
                #(#input_checks)*
                #(#target_checks)*
                #evaluate_space
                let #evaluated = #run_evaluate;
                Ok(#evaluation_type { #evaluated_loss, #(#metrics),* })
            }

            #[doc = #gradient_doc]
            #[doc = #step_doc]
            pub fn gradient(#(#sizes: usize,)* parameters: &[#real], #states_argument #gradient_draws #(#inputs,)* #(#targets,)* gradient: &mut [#real], #next_argument workspace: &mut [kernels::Lane]) -> Result<#loss_kind, kernels::Error> {
                #check_sizes
                #check_parameters
                #check_states
                #check_next
                kernels::check_length("gradient", Self::PARAMETER_COUNT, gradient.len())?;
                #(#input_checks)*
                #(#target_checks)*
                #gradient_space
                #gradient_result
            }

            #untrained

            /// Moves the parameters against a gradient; `step` counts from 1.
            pub fn update(optimizer: &#optimizer_type, step: u64, parameters: &mut [#real], gradient: &[#real], state: &mut [#real] #update_room) -> Result<(), kernels::Error> {
                #check_parameters
                kernels::check_length("gradient", Self::PARAMETER_COUNT, gradient.len())?;
                kernels::check_length("state", Self::OPTIMIZER_STATE_COUNT, state.len())?;
                #update_space
                #run_update;
                Ok(())
            }

            #[doc = #step_title]
            #[doc = #whole_step_doc]
            pub fn step(#(#sizes: usize,)* optimizer: &#optimizer_type, #step_draws step: u64, parameters: &mut [#real], #step_states #(#inputs,)* #(#targets,)* gradient: &mut [#real], state: &mut [#real], workspace: &mut [kernels::Lane]) -> Result<#loss_kind, kernels::Error> {
                kernels::check_length("state", Self::OPTIMIZER_STATE_COUNT, state.len())?;
                let loss = Self::gradient(#(#sizes,)* parameters, #states_ident #gradient_drawn #(#input_idents,)* #(#target_idents,)* gradient, #next_ident workspace)?;
                Self::update(optimizer, step, parameters, gradient, state #update_argument)?;
                #keep_states
                Ok(loss)
            }
        }

        #network_impl
        #(#workspaces)*
        #structs
        #state_structs
    }
}

/// What the interface says of tensors that are kept.
struct Kept {
    /// How many numbers they are.
    total: TokenStream,
    /// The types that cut slices by name.
    structs: TokenStream,
    /// Statements that set the slice to the initial values.
    init: TokenStream,
}

fn kept(
    equations: &mut Equations,
    style: &Style,
    kept: &[Parameter],
    (shared, shared_doc, unique, unique_doc): (&str, &str, &str, &str),
    slice: &str,
) -> Kept {
    let real = &style.real;
    let mut total = equations.pool.integer(0);
    let (mut fields, mut field_types, mut counts, mut calls) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for one in kept {
        let count = equations.pool.count(&one.axes);
        total = equations.pool.plus(total, count);
        let field = identifier(&one.name);
        field_types.push(array_type(equations, style, &one.axes, &quote!(#real)));
        counts.push(Scope::new(equations, style).count(count).tokens);
        let init = identifier(&format!("initial_{field}"));
        calls.push(if one.axes.is_empty() {
            quote!(#init(seed, ::core::slice::from_mut(values.#field));)
        } else {
            quote!(#init(seed, kernels::flat_mut(values.#field));)
        });
        fields.push(field);
    }
    let total = Scope::new(equations, style).count(total).tokens;
    if fields.is_empty() {
        return Kept { total, structs: TokenStream::new(), init: TokenStream::new() };
    }
    let (shared, unique, slice) = (identifier(shared), identifier(unique), identifier(slice));
    let (shared_doc, unique_doc) = (format!(" {shared_doc}"), format!(" {unique_doc}"));
    let structs = quote! {
        #[doc = #shared_doc]
        struct #shared<'a> { #(#fields: &'a #field_types,)* }
        impl<'a> #shared<'a> {
            fn new(mut numbers: &'a [#real]) -> Self {
                #shared { #(#fields: kernels::array(kernels::take(&mut numbers, #counts)),)* }
            }
        }
        #[doc = #unique_doc]
        struct #unique<'a> { #(#fields: &'a mut #field_types,)* }
        impl<'a> #unique<'a> {
            fn new(mut numbers: &'a mut [#real]) -> Self {
                #unique { #(#fields: kernels::array_mut(kernels::take(&mut numbers, #counts)),)* }
            }
        }
    };
    Kept { total, structs, init: quote!(let values = #unique::new(#slice); #(#calls)*) }
}

struct Assertions {
    constants: TokenStream,
    checks: TokenStream,
}

/// What could not be decided of sizes: now, where they are constants of Rust; at each call, where they are not.
fn assertions(equations: &mut Equations, style: &Style, network: &Network) -> Assertions {
    let (mut constants, mut checks) = (TokenStream::new(), TokenStream::new());
    for assertion in &network.model.interface.assertions {
        let mut scope = Scope::new(equations, style);
        let known =
            scope.style.is_static(&scope.equations.pool, assertion.left) && scope.style.is_static(&scope.equations.pool, assertion.right);
        // Without a minus sign: what is subtracted goes to the other side.
        let difference = scope.equations.pool.minus(assertion.right, assertion.left);
        let sides = sides(&mut scope, difference);
        let (more, less) = sides;
        if known {
            let message = assertion.message.replace('{', "{{").replace('}', "}}");
            let holds = if assertion.equal { quote!(#more == #less) } else { quote!(#more >= #less) };
            constants.extend(quote!(
                const _: () = ::core::assert!(#holds, #message);
            ));
        } else {
            let name = run_time_name(&scope.equations.pool, style, difference);
            let fails = if assertion.equal { quote!(#more != #less) } else { quote!(#more < #less) };
            checks.extend(quote!(if #fails { return Err(kernels::Error::Size { name: #name, expected: #less, found: #more }); }));
        }
    }
    Assertions { constants, checks }
}

fn sides(scope: &mut Scope, difference: Index) -> (TokenStream, TokenStream) {
    let Affine { constant, terms } = scope.equations.pool.affine(difference).clone();
    let mut parts = [Vec::new(), Vec::new()];
    for (atom, k) in terms {
        let this = scope.equations.pool.index_of_atom(atom);
        parts[usize::from(k < 0)].push((this, k.saturating_abs()));
    }
    let number = scope.equations.pool.integer(constant.saturating_abs());
    parts[usize::from(constant < 0)].push((number, 1));
    let [more, less] = parts.map(|parts| {
        let side = scope.equations.pool.combine(&parts);
        saturating(scope, side)
    });
    (more, less)
}

/// The first run-time size that an index speaks of.
fn run_time_name(pool: &Pool, style: &Style, index: Index) -> String {
    use crate::equations::{Part, Parts};
    let mut name = None;
    pool.visit(Parts::of_index(index), &mut |part| {
        if let Part::Atom(atom) = part
            && let AtomNode::Size { name: size, .. } = pool.atom(atom)
            && !style.constants.contains(pool.text(*size))
            && name.is_none()
        {
            name = Some(pool.text(*size).to_string());
        }
    });
    name.unwrap_or_default()
}
