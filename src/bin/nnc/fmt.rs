//! `nnc fmt`: model files in their canonical form, comments kept.

use crate::messages::Messages;
use crate::{Failure, files};
use nnc_grammar::{Sources, format, parse_bytes};
use std::path::{Path, PathBuf};

/// What `nnc fmt` is asked.
#[derive(clap::Args)]
pub struct Arguments {
    /// Model files; `-` formats standard input to standard output
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Change nothing; show what would change, and exit with 3 if anything would
    #[arg(long)]
    check: bool,
}

/// Formats each file; one that does not parse is reported and left alone.
pub fn run(arguments: &Arguments, messages: &Messages) -> Result<(), Failure> {
    let mut result = Ok(());
    for path in &arguments.files {
        if let Err(failure) = one(path, arguments.check, messages) {
            result = Err(failure.worse(result));
        }
    }
    result
}

fn one(path: &Path, check: bool, messages: &Messages) -> Result<(), Failure> {
    let (name, bytes) = files::read(path, messages)?;
    let text = String::from_utf8_lossy(&bytes);
    let formatted = match parse_bytes(0, &bytes).and_then(|_| format(&text)) {
        Ok(formatted) => formatted,
        Err(diagnostics) => {
            let mut sources = Sources::default();
            sources.add(name, text);
            messages.diagnostics(&diagnostics, &sources);
            return Err(Failure::Model);
        }
    };
    if !check {
        return files::write(path, &formatted, messages);
    }
    if formatted == text {
        return Ok(());
    }
    files::print(files::difference(&text, &formatted, [&name, "formatted"]), messages)?;
    Err(Failure::Stale)
}
