//! The proc macros of nnc: tokens -> text -> compiler -> tokens.
//!
//! What is generated stands in a module of its own, so that no name around the macro is seen inside: whatever a crate calls its types,
//! modules and macros, the generated code means what it says. Only constants of Rust that the text names as sizes are looked up around
//! the macro, also inside of functions. A module cannot see into a function, but an implementation can be written there:
//! ```text
//! mod nnc_macro_Mlp {
//!     trait NncConstants { const NNC_d: usize; }    struct NncGiven;
//!     const d: usize = <NncGiven as NncConstants>::NNC_d;    …
//! }
//! impl nnc_macro_Mlp::NncConstants for nnc_macro_Mlp::NncGiven { const NNC_d: usize = d; }
//! ```
#![forbid(unsafe_code)]

mod compile;
mod errors;
mod output;
mod spans;
#[cfg(test)]
mod tests;

use compile::Input;
use errors::{Origin, compile_error};
use nnc_compiler::Failure;
use proc_macro2::{Delimiter, Literal, Span, TokenStream, TokenTree};
use quote::quote;
use spans::Text;

/// A network in the language of nnc.
///
/// `nn!(linear(4, 16) -> tanh -> linear(16, 3) -> softmax)` is a value: a `Model` with parameters drawn from seed 0. `nn!{ … }` of items
/// stands where Rust items stand, and defines a type for each `model` in it.
///
/// Sizes may be constants of Rust that are in scope: `nn!(linear(D, 16) -> relu)`. An `import "blocks.nn";` is relative to the folder of
/// the crate's `Cargo.toml`. A crate that hands this macro on says where it has nnc: `nn!{ #![crate(my_crate::nnc)] … }`.
#[proc_macro]
pub fn nn(tokens: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let (path, tokens) = crate_path(tokens.into());
    if tokens.is_empty() {
        let message = "there is no network in `nn!`\n  help: write a chain, `nn!(linear(4, 16) -> relu -> linear(16, 3) -> softmax)`, which is a \
                       value\n  help: or items, `nn!{ model Net = linear(4, 3) -> softmax; }`, which define types";
        // this is an item and an expression
        return compile_error(message, (Span::call_site(), Span::call_site())).into();
    }
    let input = if begins_an_item(tokens.clone()) { Input::Items } else { Input::Chain };
    let text = Text::new(tokens);
    let tokens = match compile::compile(input, &text.text, &path) {
        Ok(_) if input == Input::Chain && !cfg!(feature = "std") => {
            let message = "a network as a value owns memory, which needs the feature `std` of nnc\n  help: give it a name: \
                           `nn!{ model Name = …; }` defines a type that works on slices";
            output::failed_value(vec![compile_error(message, (Span::call_site(), Span::call_site()))])
        }
        Ok(output) if input == Input::Chain => output.into_value(&text, &path),
        Ok(output) => output.in_module(Some(&text)).tokens,
        Err(Failure { diagnostics, sources }) => {
            let errors = Origin { sources: &sources, text: Some((0, &text)), elsewhere: Span::call_site() }.errors(&diagnostics);
            if input == Input::Chain { output::failed_value(errors) } else { errors.into_iter().collect() }
        }
    };
    tokens.into()
}

/// `nn_file!("models/digits.nn");` defines a type for each `model` of a file, which is relative to the folder of the crate's
/// `Cargo.toml`. A change of the file or of what it imports leads to a new build.
#[proc_macro]
pub fn nn_file(tokens: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let (path, tokens) = crate_path(tokens.into());
    let Some((file, span)) = file_name(tokens) else {
        let spans = (Span::call_site(), Span::call_site());
        return compile_error("`nn_file!` takes the name of a file: `nn_file!(\"models/digits.nn\");`", spans).into();
    };
    let text = match compile::read(&file) {
        Ok(text) => text,
        Err(message) => return compile_error(&message, (span, span)).into(),
    };
    let tokens = match compile::compile(Input::File(&file), &text, &path) {
        Ok(output) => output.in_module(None).tokens,
        Err(Failure { diagnostics, sources }) => {
            Origin { sources: &sources, text: None, elsewhere: span }.errors(&diagnostics).into_iter().collect()
        }
    };
    tokens.into()
}

/// The path of nnc, and the tokens behind `#![crate(path)]` if that is where they begin.
fn crate_path(tokens: TokenStream) -> (TokenStream, TokenStream) {
    let mut rest = tokens.clone().into_iter();
    if let (Some(TokenTree::Punct(hash)), Some(TokenTree::Punct(not)), Some(TokenTree::Group(group))) =
        (rest.next(), rest.next(), rest.next())
        && (hash.as_char(), not.as_char(), group.delimiter()) == ('#', '!', Delimiter::Bracket)
    {
        let mut inside = group.stream().into_iter();
        if let (Some(TokenTree::Ident(word)), Some(TokenTree::Group(path)), None) = (inside.next(), inside.next(), inside.next())
            && word == "crate"
        {
            return (path.stream(), rest.collect());
        }
    }
    (quote!(::nnc), tokens)
}

/// Whether the text is a list of items: it begins with documentation, with a word that begins an item and a name behind it, or with an
/// import. In a chain, a stage of such a name has brackets or `->` behind it.
fn begins_an_item(tokens: TokenStream) -> bool {
    let mut tokens = tokens.into_iter();
    match (tokens.next(), tokens.next()) {
        (Some(TokenTree::Punct(sign)), _) => sign.as_char() == '#',
        (Some(TokenTree::Ident(word)), Some(TokenTree::Ident(_))) => {
            ["model", "layer", "fn", "const", "optimizer", "import"].iter().any(|item| word == item)
        }
        (Some(TokenTree::Ident(word)), Some(TokenTree::Literal(_))) => word == "import",
        _ => false,
    }
}

/// The only token, if it is a string.
fn file_name(tokens: TokenStream) -> Option<(String, Span)> {
    let mut tokens = tokens.into_iter();
    match (tokens.next()?, tokens.next()) {
        (TokenTree::Literal(name), None) => Some((spans::unquote(&Literal::to_string(&name))?, name.span())),
        // As `$file:expr` passes it on.
        (TokenTree::Group(group), None) if group.delimiter() == Delimiter::None => file_name(group.stream()),
        _ => None,
    }
}
