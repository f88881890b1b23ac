//! The compiler, as the macros use it.

use crate::output::Output;
use nnc_compiler::emit::identifier_text;
use nnc_compiler::{Failure, Kernels, Options, Settings, Understood, files, understand, understand_chain};
use proc_macro2::{Ident, Span, TokenStream};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// What a text holds.
#[derive(Clone, Copy, PartialEq)]
pub enum Input<'n> {
    /// Models and other items, in the macro.
    Items,
    /// A chain, in the macro.
    Chain,
    /// Models and other items, in the file of this name.
    File(&'n str),
}

/// The folder of the crate's `Cargo.toml`.
fn folder() -> PathBuf {
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default())
}

/// The text of a file of the crate.
pub fn read(file: &str) -> Result<String, String> {
    files::read(&folder().join(file)).map_err(|error| format!("cannot read `{file}` in the folder of `Cargo.toml`: {error}"))
}

/// Generated items for a text. `path` is that of nnc.
pub fn compile(input: Input<'_>, text: &str, path: &TokenStream) -> Result<Output, Failure> {
    let folder = folder();
    let mut load = |importing: &str, path: &str| files::load(&folder, importing, path);
    let in_rust = Settings { rust_constants: true, ..Settings::default() };
    let (understood, own) = match input {
        Input::Chain => (understand_chain("nn!", text, &in_rust)?, 1),
        Input::Items => (understand("nn!", text.as_bytes(), &mut load, &in_rust)?, 1),
        // In a file, a name that nothing defines is a mistake.
        Input::File(name) => (understand(name, text.as_bytes(), &mut load, &Settings::default())?, 0),
    };
    let Understood { sources, files, models, .. } = understood;
    let constants: BTreeSet<String> = models.iter().flat_map(|model| model.interface.constants.iter().cloned()).collect();
    // as the generated code writes them, see `assertions` of the compiler's interface
    let assertions = models.iter().flat_map(|model| &model.interface.assertions);
    let assertions = assertions.map(|one| {
        let place = if one.span.source == 0 { one.span.range() } else { 0..0 };
        (one.message.replace('{', "{{").replace('}', "}}"), place)
    });
    let assertions = assertions.collect();
    let constants = constants.into_iter().map(|name| (Ident::new(&identifier_text(&name), Span::call_site()), name)).collect();
    let kernels = Kernels::Path(format!("{path}::kernels"));
    let options = Options { kernels, network: Some(path.to_string()), ..Options::default() };
    let items = {
        let _tokens = TokensOfRustc;
        nnc_compiler::generate(models, &options).to_string()
    };
    let items = items.parse().expect("generated code is made of tokens");
    let files = sources.0[own..files].iter().map(|source| folder.join(&source.name)).collect();
    Ok(Output { items, constants, files, assertions })
}

/// The compiler makes tokens that are its own, which is quicker than to ask rustc for each. When this goes, tokens are those of rustc
/// again.
struct TokensOfRustc;

impl Drop for TokensOfRustc {
    fn drop(&mut self) {
        proc_macro2::fallback::unforce();
    }
}
