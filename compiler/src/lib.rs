//! The compiler of nnc: the text of models to specialised, readable Rust that trains and predicts.
//!
//! ```text
//! text or tokens -parse-> File -elaborate-> Model -derive-> Equations -simplify-> Equations -schedule-> Program -emit-> Rust
//! ```
//! Each stage takes one type and returns the next, and knows nothing of those after it. Only `parse` and `elaborate` can fail, with
//! diagnostics; what a later stage finds wrong is a mistake of ours. Where a model asks for `grad(u, x)`, its request is derived first
//! ([`derivatives`]), so that all that follow see equations only. An optimizer on whole tensors takes the same way ([`update`]).
#![forbid(unsafe_code)]

pub mod derivatives;
pub mod derive;
pub mod elaborate;
pub mod emit;
pub mod equations;
#[cfg(feature = "interpret")]
pub mod evaluate;
pub mod files;
mod front;
pub mod library;
pub mod model;
pub mod program;
pub mod report;
pub mod schedule;
pub mod simplify;
#[cfg(all(test, feature = "text"))]
mod tests;
pub mod update;

pub use elaborate::{Settings, nearest};
pub use emit::{Kernels, Options, Precision};
pub use front::{Failure, Load, Understood, codes, understand, understand_chain};

use derive::derive;
use emit::{Network, emit};
use equations::{Equations, Name};
use model::{Forward, Model, Parameter};
use nnc_grammar::{Diagnostic, Sources, on_large_stack};
use proc_macro2::TokenStream;
use program::{Destination, Program};
use schedule::schedule;
use simplify::{simplify, stabilise};
use std::collections::BTreeMap;

/// What a compilation makes.
#[derive(Clone, Debug)]
pub struct Output {
    /// A file of Rust.
    pub rust: String,
    /// All texts that were read; the first [`Output::files`] are the user's.
    pub sources: Sources,
    /// How many of the sources are the user's: the given one and its imports.
    pub files: usize,
    /// Lints.
    pub warnings: Vec<Diagnostic>,
}

/// Compiles the models of a text to a file of Rust. `name` is shown in messages; `load` gives the texts of imports.
///
/// # Errors
/// All that is wrong with the text, at most ten errors at once.
#[cfg(feature = "text")]
pub fn compile(name: &str, text: &[u8], load: &mut Load<'_>, settings: &Settings, options: &Options) -> Result<Output, Failure> {
    let Understood { sources, files, models, warnings } = understand(name, text, load, settings)?;
    Ok(Output { rust: generate_text(models, options), sources, files, warnings })
}

/// The Rust of these models, formatted.
#[cfg(feature = "text")]
pub fn generate_text(models: Vec<Model>, options: &Options) -> String {
    on_large_stack(|| emit::file(&tokens(models, options), options))
}

/// The Rust of these models, without the kernels' text that a standalone file needs. Tokens cannot leave the thread that they are made on,
/// whose stack must be large: the caller gets them from their text.
pub fn generate(models: Vec<Model>, options: &Options) -> TokenStream {
    let text = on_large_stack(|| tokens(models, options).to_string());
    text.parse().expect("tokens are the tokens of their text")
}

fn tokens(models: Vec<Model>, options: &Options) -> TokenStream {
    let networks = models.into_iter().map(programs);
    let mut networks: Vec<Network> = networks.map(|network| if options.untrained { with_untrained(network) } else { network }).collect();
    emit(&mut networks, options)
}

/// The value of each state after a step, by its position.
pub fn next_states(model: &Model) -> Vec<(usize, Name)> {
    let updates: BTreeMap<Name, Name> = model.training.updates.iter().copied().collect();
    let next = |(position, state): (usize, &Parameter)| (position, updates.get(&state.tensor).copied().unwrap_or(state.tensor));
    model.interface.states.iter().enumerate().map(next).collect()
}

/// A model's programs: what is asked for, derived, simplified and scheduled.
pub fn programs(model: Model) -> Network {
    let inference = &model.inference;
    let outputs = inference.outputs.iter().enumerate().map(|(number, &name)| (name, Destination::Output(number)));
    let metrics = inference.metrics.iter().enumerate().map(|(number, &name)| (name, Destination::Metric(number)));
    let predict = program(inference.equations.clone(), outputs.collect());
    let evaluate = program(inference.equations.clone(), losses(inference).chain(metrics).collect());
    let (equations, gradients) = derived(&model);
    let gradients = gradients.into_iter().map(|(number, name)| (name, Destination::Gradient(number)));
    let states = next_states(&model).into_iter().map(|(number, name)| (name, Destination::State(number)));
    let gradient = program(equations, gradients.chain(losses(&model.training)).chain(states).collect());
    let updates = model.optimizer.groups.iter().map(|group| group.elements.is_none().then(|| update::update(group))).collect();
    Network { model, predict, evaluate, gradient, untrained: None, updates }
}

fn losses(forward: &Forward) -> impl Iterator<Item = (Name, Destination)> {
    forward.losses.iter().enumerate().map(|(number, &name)| (name, Destination::Loss(number)))
}

/// With the program for the gradients of what is not trained.
fn with_untrained(mut network: Network) -> Network {
    let forward = &network.model.training;
    let tensors: Vec<Name> = network.model.untrained().into_iter().map(|(_, tensor, _)| tensor).collect();
    let mut equations = stabilise(forward.equations.clone(), &[forward.loss]);
    let gradients = derive(&mut equations, forward.loss, &tensors).into_iter().enumerate();
    network.untrained = Some(program(equations, gradients.map(|(number, name)| (name, Destination::Untrained(number))).collect()));
    network
}

/// The equations of training with those of the gradients, and the gradient of each parameter that is trained, by its position: of the
/// loss that is for it, so that no other gradient has an equation. Logarithms become stable before their derivatives are taken.
pub fn derived(model: &Model) -> (Equations, Vec<(usize, Name)>) {
    derived_with(model, &[])
}

/// [`derived`], where these tensors of the forward equations stay too.
pub(crate) fn derived_with(model: &Model, kept: &[Name]) -> (Equations, Vec<(usize, Name)>) {
    let forward = &model.training;
    let mut keep: Vec<Name> = kept.iter().chain(&forward.losses).copied().collect();
    keep.extend(next_states(model).into_iter().map(|(_, next)| next));
    let mut equations = stabilise(forward.equations.clone(), &keep);
    let mut gradients = Vec::new();
    for (&loss, trained) in forward.losses.iter().zip(model.trained()) {
        let parameters: Vec<Name> = trained.iter().map(|&position| model.interface.parameters[position].tensor).collect();
        gradients.extend(trained.into_iter().zip(derive(&mut equations, loss, &parameters)));
    }
    gradients.sort_unstable_by_key(|&(position, _)| position);
    (equations, gradients)
}

fn program(equations: Equations, results: Vec<(Name, Destination)>) -> Program {
    let keep: Vec<Name> = results.iter().map(|&(name, _)| name).collect();
    schedule(simplify(equations, &keep), results)
}
