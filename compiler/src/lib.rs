//! The compiler of nnc: a syntax tree to specialised Rust.
#![forbid(unsafe_code)]

pub mod derive;
pub mod elaborate;
pub mod emit;
pub mod equations;
pub mod initial;
pub mod library;
pub mod model;
pub mod program;
pub mod schedule;
pub mod simplify;

use derive::derive;
use elaborate::{Elaborated, Settings, elaborate, elaborate_chain};
use emit::{Network, emit};
use equations::Name;
use model::Model;
use nnc_grammar::{Diagnostic, Source, Sources, on_large_stack, parse, parse_inline};
use program::Destination;
use schedule::schedule;
use simplify::simplify;

/// How a text is compiled.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// How it is read.
    pub settings: Settings,
    /// How Rust is written.
    pub emit: emit::Options,
    /// The text is a chain, `linear(4, 16) -> tanh`, and not a file: its type is `Network`.
    pub inline: bool,
}

/// What a text was compiled to.
#[derive(Clone, Debug)]
pub struct Output {
    /// Rust; formatted with the feature `text`.
    pub rust: String,
    /// The models and their programs, in the order of the text.
    pub networks: Vec<Network>,
    /// Lints.
    pub warnings: Vec<Diagnostic>,
}

/// Compiles the source of the number `root`. `load` gives the text of an import, as seen from the source that imports it; what it gives
/// is added to `sources`.
///
/// # Errors
/// All that is wrong, at most ten, in the order of their places.
pub fn compile(
    sources: &mut Sources,
    root: u32,
    load: &mut (dyn FnMut(u32, &str) -> Result<Source, String> + Send),
    options: &Options,
) -> Result<Output, Vec<Diagnostic>> {
    on_large_stack(|| {
        let Elaborated { models, warnings } = read(sources, root, load, options)?;
        let mut networks: Vec<Network> = models.into_iter().map(programs).collect();
        let rust = emit::file(&emit(&mut networks, &options.emit), &options.emit);
        Ok(Output { rust, networks, warnings })
    })
}

fn read(
    sources: &mut Sources,
    root: u32,
    load: &mut dyn FnMut(u32, &str) -> Result<Source, String>,
    options: &Options,
) -> Result<Elaborated, Vec<Diagnostic>> {
    let text = sources.0.get(root as usize).map(|source| source.text.clone()).unwrap_or_default();
    if options.inline {
        elaborate_chain(&parse_inline(root, &text)?, sources, &options.settings)
    } else {
        elaborate(&parse(root, &text)?, sources, load, &options.settings)
    }
}

/// A model's programs: what is asked for, derived, simplified and scheduled.
pub fn programs(model: Model) -> Network {
    let inference = &model.inference;
    let outputs = inference.outputs.iter().enumerate().map(|(number, &name)| (name, Destination::Output(number)));
    let metrics = inference.metrics.iter().enumerate().map(|(number, &name)| (name, Destination::Metric(number)));
    let predict = program(inference.equations.clone(), outputs.collect());
    let evaluate = program(inference.equations.clone(), [(inference.loss, Destination::Loss)].into_iter().chain(metrics).collect());

    let mut training = model.training.equations.clone();
    let parameters: Vec<Name> = model.interface.parameters.iter().map(|parameter| parameter.tensor).collect();
    let adjoints = derive(&mut training, model.training.loss, &parameters);
    let gradients = adjoints.into_iter().enumerate().map(|(number, name)| (name, Destination::Gradient(number)));
    let gradient = program(training, gradients.chain([(model.training.loss, Destination::Loss)]).collect());
    Network { model, predict, evaluate, gradient }
}

fn program(equations: equations::Equations, results: Vec<(Name, Destination)>) -> program::Program {
    let keep: Vec<Name> = results.iter().map(|&(name, _)| name).collect();
    schedule(simplify(equations, &keep), results)
}
