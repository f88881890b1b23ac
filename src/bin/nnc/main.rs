//! The command `nnc`: a file a verb, and what they share here: arguments, sources, exit codes.
//!
//! Exit codes: 0 success, 1 the model is refused, 2 the command is used wrongly (or a file cannot be read or written), 3 a committed file
//! is stale.
#![forbid(unsafe_code)]

mod build;
mod check;
mod compiled;
mod eval;
mod explain;
mod files;
mod fmt;
mod graph;
mod messages;
mod show;
mod values;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand, ValueEnum};
use messages::Messages;
use nnc_compiler::{Settings, Understood};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Compiles neural networks written in index notation into readable Rust.
#[derive(Parser)]
#[command(
    name = "nnc",
    version,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "`nnc FILE` is short for `nnc build FILE`; `-` as a file is standard input or output.\n\
        Exit codes: 0 success, 1 the model is refused, 2 wrong use or files, 3 a committed file is stale."
)]
struct Arguments {
    /// How messages are shown
    #[arg(long, global = true, value_enum, value_name = "FORMAT", default_value_t = Format::Human)]
    message_format: Format,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Generates Rust from a model file
    Build(build::Arguments),
    /// Reports errors and lints
    Check(check::Arguments),
    /// Shows stages with shapes and costs; the equations; or a drawing
    Show(show::Arguments),
    /// Formats model files in place
    Fmt(fmt::Arguments),
    /// Explains the code of a message
    Explain(explain::Arguments),
    /// Evaluates a model on tensors from a file
    Eval(eval::Arguments),
}

/// How messages are shown.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people, with the text they are about
    Human,
    /// An object a line
    Json,
}

/// The element type of generated code.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Precision {
    /// 32-bit floating point
    F32,
    /// 64-bit floating point
    F64,
}

impl From<Precision> for nnc_compiler::Precision {
    fn from(precision: Precision) -> Self {
        match precision {
            Precision::F32 => nnc_compiler::Precision::Single,
            Precision::F64 => nnc_compiler::Precision::Double,
        }
    }
}

/// Which model file, and which of its models.
#[derive(Args)]
struct ModelArguments {
    /// The model file; `-` is standard input
    file: PathBuf,
    /// Only the model of this name
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
}

/// Why a verb ended without success; what is to be said was said.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Failure {
    /// The model is refused.
    Model,
    /// Wrong use; or a file cannot be read or written.
    Usage,
    /// A committed file is not what would be generated.
    Stale,
}

impl Failure {
    /// The more important of two: what hides the other until it is mended.
    fn worse(self, other: Result<(), Failure>) -> Failure {
        let rank = |failure| [Failure::Stale, Failure::Model, Failure::Usage].iter().position(|&one| one == failure);
        other.err().filter(|&other| rank(other) > rank(self)).unwrap_or(self)
    }
}

fn main() -> ExitCode {
    let words = with_verb(std::env::args_os().collect());
    let arguments = match Arguments::try_parse_from(&words) {
        Ok(arguments) => arguments,
        Err(error) => return refused(&error, &words),
    };
    let json = arguments.message_format == Format::Json;
    let messages = Messages::new(json);
    let result = match arguments.verb {
        Verb::Build(arguments) => build::run(&arguments, &messages),
        Verb::Check(arguments) => check::run(&arguments, &messages),
        Verb::Show(arguments) => show::run(&arguments, json, &messages),
        Verb::Fmt(arguments) => fmt::run(&arguments, &messages),
        Verb::Explain(arguments) => explain::run(&arguments, &messages),
        Verb::Eval(arguments) => eval::run(&arguments, &messages),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Model) => ExitCode::from(1),
        Err(Failure::Usage) => ExitCode::from(2),
        Err(Failure::Stale) => ExitCode::from(3),
    }
}

/// What is to be said of words that are no command: help, or what is wrong with them.
fn refused(error: &clap::Error, words: &[OsString]) -> ExitCode {
    let help = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    let json = words.windows(2).any(|two| two[0] == "--message-format" && two[1] == "json")
        || words.iter().any(|word| word == "--message-format=json");
    if json && !help {
        let text = error.to_string();
        let message = text.trim().trim_start_matches("error: ");
        Messages::new(true).plain(message, Failure::Usage);
    } else {
        // A closed pipe is nobody's mistake.
        let _ = error.print();
    }
    ExitCode::from(if help { 0 } else { 2 })
}

/// `nnc model.nn` is `nnc build model.nn`: the verb is put in where the first word that is no option is none. A plain word that is no
/// file either is left alone, so that what was meant is suggested.
fn with_verb(mut words: Vec<OsString>) -> Vec<OsString> {
    const VERBS: [&str; 7] = ["build", "check", "show", "fmt", "explain", "eval", "help"];
    const WITH_VALUE: [&str; 5] = ["--message-format", "-o", "--output", "--precision", "--model"];
    let mut rest = words.iter().skip(1);
    let first = loop {
        let Some(word) = rest.next() else { return words };
        if word == "--" {
            break rest.next();
        }
        if WITH_VALUE.iter().any(|option| word == option) {
            rest.next();
        } else if word == "-" || !word.to_string_lossy().starts_with('-') {
            break Some(word);
        }
    };
    let is_verb = first.is_some_and(|word| VERBS.iter().any(|verb| word == verb));
    let is_word = first.is_some_and(|word| word.to_string_lossy().chars().all(char::is_alphabetic) && !Path::new(word).exists());
    if !is_verb && !is_word {
        words.insert(1, "build".into());
    }
    words
}

/// Parses and elaborates a file and what it imports; shows what is wrong with it.
fn understand(arguments: &ModelArguments, messages: &Messages) -> Result<Understood, Failure> {
    let (name, bytes) = files::read(&arguments.file, messages)?;
    let mut load = |importing: &str, import: &str| nnc_compiler::files::load(Path::new(""), importing, import);
    let mut understood = match nnc_compiler::understand(&name, &bytes, &mut load, &Settings::default()) {
        Ok(understood) => understood,
        Err(failure) => {
            messages.diagnostics(&failure.diagnostics, &failure.sources);
            return Err(Failure::Model);
        }
    };
    if let Some(wanted) = &arguments.model {
        let names: Vec<String> = understood.models.iter().map(|model| format!("`{}`", model.interface.name)).collect();
        understood.models.retain(|model| model.interface.name == *wanted);
        if understood.models.is_empty() {
            let known = match names.len() {
                0 => "no model".to_string(),
                1 => format!("the model {}", names[0]),
                _ => format!("the models {}", names.join(", ")),
            };
            let near = nnc_compiler::nearest(wanted, names.iter().map(|name| name.trim_matches('`')));
            let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            return Err(messages.plain(&format!("{name} has no model `{wanted}`; it has {known}{near}"), Failure::Usage));
        }
    }
    Ok(understood)
}
