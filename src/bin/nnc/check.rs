//! `nnc check`: errors and lints, no output.

use crate::messages::Messages;
use crate::{Failure, ModelArguments, understand};
use std::path::PathBuf;

/// What `nnc check` is asked.
#[derive(clap::Args)]
pub struct Arguments {
    /// Model files; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What is an error too
    #[arg(long, value_name = "WHAT", value_parser = ["warnings"])]
    deny: Option<String>,
}

/// Checks every file, and says at the end how it went.
pub fn run(arguments: &Arguments, messages: &Messages) -> Result<(), Failure> {
    let (mut result, mut models, mut lints) = (Ok(()), 0, 0);
    for file in &arguments.files {
        match understand(&ModelArguments { file: file.clone(), model: None }, messages) {
            Ok(understood) => {
                messages.diagnostics(&understood.warnings, &understood.sources);
                models += understood.models.len();
                lints += understood.warnings.len();
            }
            Err(failure) => result = Err(failure.worse(result)),
        }
    }
    if lints > 0 && arguments.deny.is_some() {
        let denied = messages.plain(&format!("{}, denied by --deny warnings", counted(lints, "warning")), Failure::Model);
        result = Err(denied.worse(result));
    }
    if result.is_ok() {
        let lints = if lints == 0 { String::new() } else { format!(", {}", counted(lints, "warning")) };
        let files = counted(arguments.files.len(), "file");
        messages.note(&format!("{files}, {}: no errors{lints}", counted(models, "model")));
    }
    result
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
