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
use emit::Network;
use equations::Name;
use model::Model;
use program::Destination;
use schedule::schedule;
use simplify::simplify;

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
