//! `nnc eval`: outputs, loss, gradients and steps of training of a model on tensors from a file.

use crate::messages::Messages;
use crate::values::{Given, place};
use crate::{Failure, ModelArguments, Precision, compiled, files, understand};
use nnc::safetensors::{self, Numbers, Tensor, Tensors};
use nnc_compiler::equations::interpret::{Fault, Value};
use nnc_compiler::evaluate::{Pass, evaluate, initial_values_of, train};
use nnc_compiler::model::{Interface, Model};
use nnc_grammar::on_large_stack;
use std::path::PathBuf;

/// What `nnc eval` is asked.
#[derive(clap::Args)]
#[command(
    after_help = "The file of values holds tensors under the names of parameters (`fc1.w`), states, inputs and targets, as F32, F64, \
    I32 or I64, integers also as whole reals. Parameters and states that are not in it are initialised from the seed.\n\n\
    The file of results gets each output under its name; `loss`, or `loss.NAME` where losses have names, and `metric.NAME` if the \
    targets are given; with --gradients `grad.NAME` for each parameter and each real input and target; with --steps N `losses` or \
    `losses.NAME` (N + 1 numbers: before each step and after the last), `param.NAME` and `state.NAME` after them; of training without \
    --steps the `state.NAME` after one pass. Outputs, loss, metrics and gradients are those at the values given. Where there are several \
    losses the gradient of a trained parameter is by the loss that is for it, and any other by their sum.\n\n\
    Outputs, loss and metrics are those of inference, or of training with --train, --gradients or --steps."
)]
pub struct Arguments {
    #[command(flatten)]
    model: ModelArguments,
    /// Tensors by name, in the format safetensors; `-` is standard input
    #[arg(long, value_name = "FILE")]
    values: PathBuf,
    /// Where the results go, in the format safetensors; `-` is standard output
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Also the gradients of the loss
    #[arg(long)]
    pub gradients: bool,
    /// Also train on these values
    #[arg(long, value_name = "N")]
    pub steps: Option<usize>,
    /// What parameters are drawn from that are not in the file, and what layers draw in training
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    pub seed: u64,
    /// Outputs and loss of the training program
    #[arg(long)]
    train: bool,
    /// By the generated code, which `rustc` compiles, not by the interpreter
    #[arg(long)]
    compiled: bool,
    /// The element type of the generated code; the interpreter computes in f64 [default: f32]
    #[arg(long, value_enum, requires = "compiled", hide_default_value = true)]
    precision: Option<Precision>,
}

/// Evaluates, and writes what was asked for.
pub fn run(arguments: &Arguments, messages: &Messages) -> Result<(), Failure> {
    if files::is_standard(&arguments.model.file) && files::is_standard(&arguments.values) {
        return Err(messages.plain("standard input is either the model or the values", Failure::Usage));
    }
    let understood = understand(&arguments.model, messages)?;
    let model = match &understood.models[..] {
        [model] => model,
        [] => return Err(messages.plain(&format!("{} has no model", arguments.model.file.display()), Failure::Usage)),
        models => {
            let names: Vec<&str> = models.iter().map(|model| model.interface.name.as_str()).collect();
            return Err(messages.plain(&format!("choose one of the models with --model: {}", names.join(", ")), Failure::Usage));
        }
    };
    if !model.interface.constants.is_empty() {
        let constants = model.interface.constants.join(", ");
        return Err(messages.plain(&format!("constants of Rust have no value here: {constants}"), Failure::Model));
    }
    let (name, bytes) = files::read(&arguments.values, messages)?;
    let tensors = safetensors::parse(&bytes).map_err(|error| messages.plain(&format!("{name}: {error}"), Failure::Usage))?;
    let judged = arguments.gradients || arguments.steps.is_some();
    let given = place(model, &tensors, judged).map_err(|problems| {
        for problem in problems {
            messages.plain(&format!("{name}: {problem}"), Failure::Usage);
        }
        Failure::Usage
    })?;
    let training = arguments.train || judged;
    let results = if arguments.compiled {
        let precision = arguments.precision.unwrap_or(Precision::F32);
        compiled::run(model, given, arguments, training, precision).map_err(|error| messages.plain(&error, Failure::Usage))?
    } else {
        let results = on_large_stack(|| interpreted(model, given, arguments, training));
        results.map_err(|fault| messages.plain(&fault.to_string(), Failure::Model))?
    };
    let mut out = Tensors::new();
    for (name, tensor) in results {
        if out.insert(name.clone(), tensor).is_some() {
            return Err(messages.plain(&format!("two results are called `{name}`: rename the output"), Failure::Model));
        }
    }
    files::write(&arguments.out, safetensors::print(&out), messages)
}

/// By the interpreter.
fn interpreted(model: &Model, given: Given, arguments: &Arguments, training: bool) -> Result<Vec<(String, Tensor)>, Fault> {
    let mut values = given.values;
    let kept = model.interface.parameters.iter().chain(&model.interface.states);
    let missing = kept.filter(|kept| !values.contains_key(&kept.name));
    values.extend(initial_values_of(model, missing, arguments.seed)?);
    let pass = Pass { train: training, gradients: arguments.gradients, seed: arguments.seed, step: 1 };
    let evaluation = evaluate(model, &values, pass)?;
    let mut results: Vec<(String, Tensor)> = evaluation.outputs.iter().map(|(name, value)| (name.clone(), tensor(value))).collect();
    let losses = evaluation.losses.iter().map(|(name, loss)| (loss_name("loss", &model.interface, name), *loss));
    results.extend(losses.map(|(name, loss)| (name, numbers(Vec::new(), vec![loss]))));
    results.extend(evaluation.metrics.iter().map(|(name, metric)| (format!("metric.{name}"), numbers(Vec::new(), vec![*metric]))));
    results.extend(evaluation.gradients.iter().map(|(name, gradient)| (format!("grad.{name}"), tensor(gradient))));
    if arguments.steps.is_none() && given.targets {
        results.extend(evaluation.states.iter().map(|(name, value)| (format!("state.{name}"), tensor(value))));
    }
    if let Some(steps) = arguments.steps {
        let training = train(model, &values, steps, arguments.seed)?;
        let losses = training.by_name.into_iter().map(|(name, losses)| (loss_name("losses", &model.interface, &name), losses));
        results.extend(losses.map(|(name, losses)| (name, numbers(vec![losses.len()], losses))));
        results.extend(training.parameters.iter().map(|(name, value)| (format!("param.{name}"), tensor(value))));
        results.extend(training.states.iter().map(|(name, value)| (format!("state.{name}"), tensor(value))));
    }
    Ok(results)
}

/// `loss`, or `loss.critic` where losses have names.
pub fn loss_name(what: &str, interface: &Interface, name: &str) -> String {
    if interface.has_plain_loss() { what.to_string() } else { format!("{what}.{name}") }
}

fn numbers(shape: Vec<usize>, numbers: Vec<f64>) -> Tensor {
    Tensor { shape, numbers: Numbers::F64(numbers) }
}

fn tensor(value: &Value) -> Tensor {
    match value {
        Value::Real(array) => numbers(array.shape().to_vec(), array.iter().copied().collect()),
        Value::Integer(array) => numbers(array.shape().to_vec(), array.iter().map(|&integer| integer as f64).collect()),
    }
}
