//! `nnc build`: Rust from a model file.

use crate::messages::Messages;
use crate::{Failure, ModelArguments, Precision, files, understand};
use nnc_compiler::{Kernels, Options};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// What `nnc build` is asked.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    model: ModelArguments,
    /// Where the Rust goes: a file, or `-` for standard output; if not given, beside the model with the ending `rs`
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write nothing; if the file is not what would be written, show the difference and exit with 3
    #[arg(long)]
    check: bool,
    /// One file without dependencies, also for `no_std`
    #[arg(long)]
    standalone: bool,
    /// The element type
    #[arg(long, value_enum, default_value_t = Precision::F32)]
    precision: Precision,
}

/// Generates, and writes only what changed.
pub fn run(arguments: &Arguments, messages: &Messages) -> Result<(), Failure> {
    let input = &arguments.model.file;
    let output = match &arguments.output {
        Some(output) => output.clone(),
        None if files::is_standard(input) => PathBuf::from("-"),
        None => input.with_extension("rs"),
    };
    let to_standard = files::is_standard(&output);
    if arguments.check && to_standard {
        return Err(messages.plain("--check compares with a file: name it with -o", Failure::Usage));
    }
    let understood = understand(&arguments.model, messages)?;
    messages.diagnostics(&understood.warnings, &understood.sources);
    let read = understood.sources.0.iter().take(understood.files).map(|source| Path::new(&source.name));
    let name = output.display().to_string();
    if !to_standard && read.chain([input.as_path()]).any(|read| files::same(read, &output)) {
        return Err(messages.plain(&format!("{name} is a model file that is read: name another output with -o"), Failure::Usage));
    }
    let mut options = Options { precision: arguments.precision.into(), ..Options::default() };
    if arguments.standalone {
        options = Options { kernels: Kernels::Standalone, network: None, ..options };
    }
    let rust = nnc_compiler::generate_text(understood.models, &options);
    if arguments.check { check(&output, &rust, messages) } else { files::write(&output, &rust, messages) }
}

/// Compares a file with what would be written.
fn check(output: &Path, rust: &str, messages: &Messages) -> Result<(), Failure> {
    let name = output.display().to_string();
    let present = match std::fs::read(output) {
        Ok(bytes) if bytes == rust.as_bytes() => return Ok(()),
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(messages.plain(&format!("{name} is missing: the same command without --check writes it"), Failure::Stale));
        }
        Err(error) => return Err(messages.plain(&format!("{name}: {error}"), Failure::Usage)),
    };
    let present = String::from_utf8_lossy(&present);
    files::print(files::difference(&present, rust, [&name, "generated"]), messages)?;
    Err(messages.plain(&format!("{name} is stale: the same command without --check writes it anew"), Failure::Stale))
}
