//! `nnc show`: the stages of a model with what they cost, its equations, or a drawing.

use crate::messages::Messages;
use crate::{Failure, ModelArguments, files, graph, understand};
use nnc_compiler::equations::Index;
use nnc_compiler::equations::print::print_index;
use nnc_compiler::model::{BATCH, Interface, Loss, Model, Port, PortKind};
use nnc_compiler::report::{Report, mathematics, report};
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::PathBuf;

/// What `nnc show` is asked.
#[derive(clap::Args)]
#[command(
    after_help = "Parameters are numbers; multiply-adds are those of sums of products, for one sample; kept is how many numbers of the \
    forward pass the backward pass reads. Sizes that only a call knows stay names, such as `batch`."
)]
pub struct Arguments {
    #[command(flatten)]
    model: ModelArguments,
    /// The forward equations, those derived for the gradients, and those of the optimizer
    #[arg(long)]
    equations: bool,
    /// Draw the stages as SVG, to a file, or to standard output for `-`
    #[arg(long, value_name = "FILE", conflicts_with = "equations")]
    graph: Option<PathBuf>,
    /// Count what is kept for a batch of N samples
    #[arg(long, value_name = "N", conflicts_with = "equations")]
    batch: Option<u32>,
}

/// Shows each model.
pub fn run(arguments: &Arguments, json: bool, messages: &Messages) -> Result<(), Failure> {
    let models = understand(&arguments.model, messages)?.models;
    if let Some(path) = &arguments.graph {
        let [model] = &models[..] else {
            let names: Vec<&str> = models.iter().map(|model| model.interface.name.as_str()).collect();
            let message = format!("a drawing is of one model: choose it with --model ({})", names.join(", "));
            return Err(messages.plain(&message, Failure::Usage));
        };
        return files::write(path, graph::draw(&model.interface, &costs(model, arguments.batch)), messages);
    }
    let mut shown = String::new();
    for (number, model) in models.iter().enumerate() {
        if json {
            let object = if arguments.equations { equations_object(model) } else { object(model, arguments.batch) };
            shown += &format!("{object}\n");
            continue;
        }
        shown += if number > 0 { "\n" } else { "" };
        if arguments.equations {
            equations(model, &mut shown);
        } else {
            table(model, arguments.batch, &mut shown);
        }
    }
    files::print(shown, messages)
}

fn equations(model: &Model, shown: &mut String) {
    let mathematics = mathematics(model);
    let _ = writeln!(shown, "{}", model.interface.name);
    let mut section = |title: &str, lines: &[String]| {
        if !lines.is_empty() {
            let _ = writeln!(shown, "  {title}");
            lines.iter().for_each(|line| _ = writeln!(shown, "    {line}"));
        }
    };
    section("given", &mathematics.given);
    section("forward", &mathematics.forward);
    let of = if model.interface.has_plain_loss() { "the loss with respect to x" } else { "a loss with respect to x" };
    section(&format!("backward: d_x is the derivative of {of}"), &mathematics.backward);
    let parameters = |loss: &Loss| {
        let names: Vec<&str> = loss.parameters.iter().map(|&position| model.interface.parameters[position].name.as_str()).collect();
        if names.is_empty() { format!("{}: nothing", loss.name) } else { format!("{}: {}", loss.name, names.join(", ")) }
    };
    let losses: Vec<String> = model.interface.losses.iter().map(parameters).collect();
    section("losses, and what is trained by each", if model.interface.has_plain_loss() { &[] } else { &losses });
    for (parameters, lines) in &mathematics.optimizer {
        section(&format!("a step, for each element of {}", parameters.join(", ")), lines);
    }
}

fn equations_object(model: &Model) -> Value {
    let mathematics = mathematics(model);
    let steps = mathematics.optimizer.iter().map(|(parameters, lines)| json!({ "parameters": parameters, "equations": lines }));
    let losses = model.interface.losses.iter().map(|loss| {
        let names = loss.parameters.iter().map(|&position| &model.interface.parameters[position].name);
        json!({ "name": loss.name, "parameters": names.collect::<Vec<_>>() })
    });
    let mut object = json!({
        "model": model.interface.name,
        "given": mathematics.given,
        "forward": mathematics.forward,
        "backward": mathematics.backward,
        "optimizer": steps.collect::<Vec<_>>(),
    });
    if !model.interface.has_plain_loss() {
        object["losses"] = losses.collect();
    }
    object
}

/// A report at this batch, if one is given.
fn costs(model: &Model, batch: Option<u32>) -> Report {
    let report = report(model);
    match batch {
        Some(batch) => report.with_size(BATCH, i64::from(batch)),
        None => report,
    }
}

/// A size as it is shown: a number in groups of three digits, or a polynomial.
fn text(report: &Report, size: Index) -> String {
    report.pool.constant_of(size).map_or_else(|| report.print(size), grouped)
}

/// The bytes of so many numbers of `f32`.
fn bytes(report: &Report, size: Index) -> String {
    let Some(bytes) = report.pool.constant_of(size).map(|number| number.saturating_mul(4)) else {
        let mut pool = report.pool.clone();
        let bytes = pool.scaled(size, 4);
        return format!("{} bytes", print_index(&pool, &[], bytes));
    };
    let units = [(1i64 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match units.into_iter().find(|&(unit, _)| bytes >= unit) {
        Some((unit, name)) => format!("{:.1} {name}", bytes as f64 / unit as f64),
        None => format!("{bytes} bytes"),
    }
}

fn number(report: &Report, size: Index) -> Value {
    report.pool.constant_of(size).map_or_else(|| json!(report.print(size)), |number| json!(number))
}

/// `1234567` as `1,234,567`.
fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::from(if number < 0 { "-" } else { "" });
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `x[batch, 64]`, with its kind.
pub fn signature(report: &Report, port: &Port) -> String {
    let sizes: Vec<String> = port.axes.iter().map(|&axis| report.print(axis)).collect();
    let shape = if sizes.is_empty() { String::new() } else { format!("[{}]", sizes.join(", ")) };
    let kind = match port.kind {
        PortKind::Real => String::new(),
        PortKind::Probability => ": prob".to_string(),
        PortKind::Index { low, high } if report.pool.constant_of(low) == Some(0) => format!(": index({})", report.print(high)),
        PortKind::Index { low, high } => format!(": index({}..{})", report.print(low), report.print(high)),
    };
    format!("{}{shape}{kind}", port.name)
}

fn table(model: &Model, batch: Option<u32>, shown: &mut String) {
    let report = costs(model, batch);
    let Interface { name, inputs, targets, outputs, .. } = &model.interface;
    let list = |ports: &[Port]| ports.iter().map(|port| signature(&report, port)).collect::<Vec<_>>().join(", ");
    let _ = writeln!(shown, "{name}");
    for (what, ports) in [("inputs", inputs), ("targets", targets), ("outputs", outputs)] {
        if !ports.is_empty() {
            let _ = writeln!(shown, "  {what:<8} {}", list(ports));
        }
    }
    let nothing = |size: Index, text: String| if report.pool.constant_of(size) == Some(0) { String::new() } else { text };
    let mut rows = vec![["stage", "definition", "output", "parameters", "multiply-adds", "kept"].map(str::to_string)];
    for stage in &report.stages {
        let shape: Vec<String> = stage.shape.iter().map(|&axis| report.print(axis)).collect();
        let count = |size: Index| nothing(size, text(&report, size));
        let costs = [stage.parameters, stage.multiply_adds, stage.kept].map(count);
        let [parameters, multiply_adds, kept] = costs;
        rows.push([stage.name.clone(), stage.definition.clone(), format!("[{}]", shape.join(", ")), parameters, multiply_adds, kept]);
    }
    let [parameters, multiply_adds, kept] = [report.parameters, report.multiply_adds, report.kept].map(|size| text(&report, size));
    rows.push(["total".to_string(), String::new(), String::new(), parameters, multiply_adds, kept]);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 6] = std::array::from_fn(width);
    shown.push('\n');
    for (number, row) in rows.iter().enumerate() {
        let mut line = String::from(" ");
        for (column, (text, &width)) in row.iter().zip(&widths).enumerate() {
            let _ = if column < 3 { write!(line, " {text:<width$} ") } else { write!(line, " {text:>width$} ") };
        }
        let _ = writeln!(shown, "{}", line.trim_end());
        if number == 0 || number + 2 == rows.len() {
            let _ = writeln!(shown, "  {}", "-".repeat(widths.iter().sum::<usize>() + 10));
        }
    }
    shown.push('\n');
    let _ = writeln!(shown, "  parameters       {} ({})", text(&report, report.parameters), bytes(&report, report.parameters));
    if report.trained != report.parameters {
        let _ = writeln!(shown, "  trained          {}", text(&report, report.trained));
    }
    if report.pool.constant_of(report.layer_states) != Some(0) {
        let _ = writeln!(shown, "  states           {} ({})", text(&report, report.layer_states), bytes(&report, report.layer_states));
    }
    let _ = writeln!(shown, "  optimizer state  {} ({})", text(&report, report.states), bytes(&report, report.states));
    let _ = writeln!(shown, "  kept             {} ({})", text(&report, report.kept), bytes(&report, report.kept));
    let (forward, training) = (text(&report, report.multiply_adds), text(&report, report.training_multiply_adds));
    let _ = writeln!(shown, "  multiply-adds    {forward} forward, {training} with gradients, for a sample");
}

fn object(model: &Model, batch: Option<u32>) -> Value {
    let report = costs(model, batch);
    let ports = |ports: &[Port]| ports.iter().map(|port| signature(&report, port)).collect::<Vec<_>>();
    let stage = |stage: &nnc_compiler::report::Stage| {
        json!({
            "name": stage.name,
            "definition": stage.definition,
            "shape": stage.shape.iter().map(|&axis| number(&report, axis)).collect::<Vec<_>>(),
            "parameters": number(&report, stage.parameters),
            "multiply_adds": number(&report, stage.multiply_adds),
            "kept": number(&report, stage.kept),
        })
    };
    json!({
        "model": model.interface.name,
        "inputs": ports(&model.interface.inputs),
        "targets": ports(&model.interface.targets),
        "outputs": ports(&model.interface.outputs),
        "stages": report.stages.iter().map(stage).collect::<Vec<_>>(),
        "parameters": number(&report, report.parameters),
        "trained": number(&report, report.trained),
        "states": number(&report, report.layer_states),
        "optimizer_state": number(&report, report.states),
        "multiply_adds": number(&report, report.multiply_adds),
        "training_multiply_adds": number(&report, report.training_multiply_adds),
        "kept": number(&report, report.kept),
    })
}
