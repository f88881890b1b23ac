//! The compiler for build scripts: `nnc::build::compile("models/digits.nn")` in `build.rs` writes `digits.rs` to the folder that cargo
//! gives to the script, for `include!(concat!(env!("OUT_DIR"), "/digits.rs"));`.
//!
//! The file is replaced whole, and only if its contents change. Cargo runs the script again when a file that was read changes. What is
//! wrong with a model is shown as it is by the command, and ends the build.
//!
//! A repository that wants to see its generated code in review writes it beside its sources, [`Build::output`], and lets its tests or its
//! continuous integration refuse a stale one, [`Build::check`]:
//! ```no_run
//! fn main() -> Result<(), nnc::build::Failure> {
//!     let check = std::env::var_os("CI").is_some();
//!     nnc::build::Build::new().output("src/digits.rs").check(check).compile("models/digits.nn")?;
//!     Ok(())
//! }
//! ```

use std::env;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use nnc_compiler::{Kernels, Options, Settings, files};
use nnc_grammar::render_all;

#[doc(hidden)] // for the command
pub use crate::file::write;
pub use nnc_compiler::Precision;

/// Generates `OUT_DIR/NAME.rs` from the models in `NAME.nn`, which is relative to the folder of `Cargo.toml`. If something is wrong it
/// says so and ends the script, and with it the build.
pub fn compile(path: impl AsRef<Path>) {
    if let Err(failure) = Build::new().compile(path) {
        eprintln!("{failure}");
        std::process::exit(1);
    }
}

/// How to generate: [`compile`] with choices.
#[derive(Clone, Debug, Default)]
pub struct Build {
    precision: Precision,
    standalone: bool,
    output: Option<PathBuf>,
    check: bool,
}

/// Why a file was not generated. `Debug` is the message too, so that a script may return it from `main`.
pub struct Failure(String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Failure {}

impl Build {
    /// Code in `f32` that calls this crate, in `OUT_DIR`.
    pub fn new() -> Self {
        Build::default()
    }

    /// What numbers are.
    pub fn precision(mut self, precision: Precision) -> Self {
        self.precision = precision;
        self
    }

    /// Whether the file shall need no crate: the kernels' text is copied into it.
    pub fn standalone(mut self, standalone: bool) -> Self {
        self.standalone = standalone;
        self
    }

    /// Where to write, relative to the folder of `Cargo.toml`.
    pub fn output(mut self, path: impl Into<PathBuf>) -> Self {
        self.output = Some(path.into());
        self
    }

    /// Whether to write nothing, and to refuse a file that is not what would be written.
    pub fn check(mut self, check: bool) -> Self {
        self.check = check;
        self
    }

    /// Generates the file, and returns its path.
    ///
    /// # Errors
    /// What is wrong with the models, or with a file; or a file that is stale.
    pub fn compile(&self, path: impl AsRef<Path>) -> Result<PathBuf, Failure> {
        let folder = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
        let path = path.as_ref();
        let output = match &self.output {
            Some(output) => folder.join(output),
            None => {
                let folder = env::var_os("OUT_DIR").ok_or_else(|| Failure("OUT_DIR is not set: this is no build script".into()))?;
                PathBuf::from(folder).join(path.file_name().unwrap_or_default()).with_extension("rs")
            }
        };
        let generated = self.generate(&folder, path)?;
        self.place(&output, &generated)?;
        Ok(output)
    }

    /// The text of the file.
    fn generate(&self, folder: &Path, path: &Path) -> Result<String, Failure> {
        rerun_if_changed(&folder.join(path));
        let text = fs::read(folder.join(path)).map_err(|error| Failure(format!("{}: {error}", path.display())))?;
        let mut options = Options { precision: self.precision, ..Options::default() };
        if self.standalone {
            options = Options { kernels: Kernels::Standalone, network: None, ..options };
        }
        let mut load = |importing: &str, path: &str| {
            let imported = files::load(folder, importing, path);
            imported.inspect(|source| rerun_if_changed(&folder.join(&source.name)))
        };
        match nnc_compiler::compile(&path.to_string_lossy(), &text, &mut load, &Settings::default(), &options) {
            Ok(output) => Ok(output.rust),
            Err(failure) => Err(Failure(render_all(&failure.diagnostics, &failure.sources).trim_end().to_string())),
        }
    }

    /// Writes, or checks, the file.
    fn place(&self, output: &Path, generated: &str) -> Result<(), Failure> {
        if self.output.is_some() {
            rerun_if_changed(output);
        }
        let present = fs::read(output).ok();
        if present.as_deref() == Some(generated.as_bytes()) {
            return Ok(());
        }
        if self.check {
            return Err(Failure(stale(output, present.as_deref(), generated)));
        }
        if let Some(folder) = output.parent() {
            fs::create_dir_all(folder).map_err(|error| Failure(format!("{}: {error}", folder.display())))?;
        }
        write(output, generated.as_bytes()).map_err(|error| Failure(error.to_string()))
    }
}

/// Asks cargo to run the script again when this file changes.
fn rerun_if_changed(path: &Path) {
    println!("cargo::rerun-if-changed={}", path.display());
}

/// Where the file first differs from what would be generated.
fn stale(output: &Path, present: Option<&[u8]>, generated: &str) -> String {
    let output = output.display();
    let Some(present) = present else { return format!("{output} does not exist; a build without `check` writes it") };
    let present = String::from_utf8_lossy(present);
    let (mut before, mut after) = (present.lines(), generated.lines());
    let mut line = 0;
    loop {
        line += 1;
        match (before.next(), after.next()) {
            (before, after) if before == after && before.is_some() => {}
            (before, after) => {
                let [before, after] = [before, after].map(|line| line.unwrap_or("(the end of the file)"));
                return format!(
                    "{output} is stale; a build without `check` writes it anew\n line {line} is: {before}\n should be: {after}"
                );
            }
        }
    }
}
