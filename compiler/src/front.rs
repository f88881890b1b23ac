//! From text to models: parse and elaborate, with all that was read and all that is wrong.

use crate::derivatives::derive_requested;
use crate::elaborate::{self, CODES, Settings};
use crate::model::Model;
use nnc_grammar::{Diagnostic, Source, Sources, on_large_stack, parse_bytes};

/// Gives the text of an import: asked with the name of the source that imports, and the path as written there.
pub type Load<'a> = dyn FnMut(&str, &str) -> Result<Source, String> + Send + 'a;

/// What a text means.
#[derive(Clone, Debug)]
pub struct Understood {
    /// All texts that were read; the first is the one that was given. Texts of the library are among them.
    pub sources: Sources,
    /// How many of the sources are files of the user: the given one and its imports, which stand first.
    pub files: usize,
    /// In the order of the text.
    pub models: Vec<Model>,
    /// Lints.
    pub warnings: Vec<Diagnostic>,
}

/// Why a text is refused.
#[derive(Clone, Debug)]
pub struct Failure {
    /// All texts that were read, for the places of the diagnostics.
    pub sources: Sources,
    /// At least one error, at most ten.
    pub diagnostics: Vec<Diagnostic>,
}

/// What the items of a text mean. `name` is shown in messages, and is what `load` is asked with for an import.
///
/// # Errors
/// All that is wrong with it.
pub fn understand(name: &str, text: &[u8], load: &mut Load<'_>, settings: &Settings) -> Result<Understood, Failure> {
    let mut sources = Sources::default();
    let source = sources.add(name, String::from_utf8_lossy(text));
    let read = parse_bytes(source, text)
        .and_then(|file| on_large_stack(|| elaborate::elaborate(&file, &mut sources, load, settings).map(with_derivatives)));
    finish(read, sources)
}

/// What the chain of `nn!( … )` means: a model without a name.
///
/// # Errors
/// All that is wrong with it.
pub fn understand_chain(name: &str, text: &str, settings: &Settings) -> Result<Understood, Failure> {
    let mut sources = Sources::default();
    let source = sources.add(name, text);
    let read = nnc_grammar::parse_inline(source, text)
        .and_then(|chain| on_large_stack(|| elaborate::elaborate_chain(&chain, &mut sources, settings).map(with_derivatives)));
    finish(read, sources)
}

/// The models with equations for the derivatives that their text asks for.
fn with_derivatives(mut elaborated: elaborate::Elaborated) -> elaborate::Elaborated {
    for model in &mut elaborated.models {
        derive_requested(&mut model.training);
        derive_requested(&mut model.inference);
    }
    elaborated
}

fn finish(read: Result<elaborate::Elaborated, Vec<Diagnostic>>, sources: Sources) -> Result<Understood, Failure> {
    match read {
        Ok(elaborated) => {
            let files = sources.0.iter().take_while(|source| !source.name.starts_with("library/")).count();
            Ok(Understood { files, sources, models: elaborated.models, warnings: elaborated.warnings })
        }
        Err(diagnostics) => Err(Failure { sources, diagnostics }),
    }
}

/// Every code of a diagnostic, its title and its explanation, in their order.
pub fn codes() -> Vec<(&'static str, &'static str, &'static str)> {
    let mut codes = nnc_grammar::CODES.to_vec();
    codes.extend(CODES.iter().map(|code| (code.code, code.title, code.explanation)));
    codes.sort_unstable();
    codes
}
