//! What a macro turns into: generated items in a module of their own.

use crate::errors::compile_error;
use crate::spans::Text;
use proc_macro2::{Delimiter, Group, Ident, Literal, Span, TokenStream, TokenTree};
use quote::{format_ident, quote};
use std::ops::Range;
use std::path::PathBuf;

/// Generated items, and what they need around them.
pub struct Output {
    /// A `pub struct` for each model, and modules beside them.
    pub items: TokenStream,
    /// Constants of Rust that the items read from `super`: as Rust names them, and as the text does.
    pub constants: Vec<(Ident, String)>,
    /// Files that decide what was generated.
    pub files: Vec<PathBuf>,
    /// What the items assert of constants, in their order: the message, and the place in the text of the macro.
    pub assertions: Vec<(String, Range<usize>)>,
}

/// Items in their module.
pub struct Module {
    /// The module, and what takes its public names out of it.
    pub tokens: TokenStream,
    /// Its name.
    pub name: Ident,
    /// The public names.
    pub public: Vec<Ident>,
}

impl Output {
    /// The items in a module, which gives out what is public in them. `text` knows where the user wrote the constants.
    pub fn in_module(self, text: Option<&Text>) -> Module {
        let public = public_names(&self.items);
        let name = format_ident!("nnc_macro_{}", public.first().map_or_else(|| "empty".into(), Ident::to_string));
        let items = match text {
            Some(text) => with_places(self.items, text, &self.constants, &mut { self.assertions }),
            None => self.items,
        };
        let items = with_prelude(items);
        let files = self.files.iter().map(|path| Literal::string(&path.to_string_lossy()));
        let (mut declared, mut given) = (TokenStream::new(), TokenStream::new());
        if !self.constants.is_empty() {
            let names: Vec<&Ident> = self.constants.iter().map(|(name, _)| name).collect();
            // Not the same name, or rustc would propose the trait's constant for one that is missing.
            let passed: Vec<Ident> = names.iter().map(|name| format_ident!("NNC_{name}")).collect();
            let written = self.constants.iter().map(|(name, written)| {
                let mut name = name.clone();
                name.set_span(text.and_then(|text| text.name(written)).unwrap_or_else(Span::call_site));
                name
            });
            declared = quote! {
                pub trait NncConstants { #(const #passed: usize;)* }
                pub struct NncGiven;
                #(const #names: usize = <NncGiven as NncConstants>::#passed;)*
            };
            given = quote! {
                #[allow(warnings, unused, nonstandard_style)]
                impl #name::NncConstants for #name::NncGiven { #(const #passed: ::core::primitive::usize = #written;)* }
            };
        }
        let tokens = quote! {
            #[allow(warnings, unused, nonstandard_style, clippy::all, clippy::pedantic)]
            mod #name {
                #declared
                #items
                #(const _: &[u8] = ::core::include_bytes!(#files);)*
            }
            #given
            #(#[allow(unused_imports)] pub use #name::#public;)*
        };
        Module { tokens, name, public }
    }

    /// A value: the model, initialised. `path` is that of nnc.
    pub fn into_value(self, text: &Text, path: &TokenStream) -> TokenStream {
        let Module { tokens, name, public } = self.in_module(Some(text));
        let network = public.first();
        quote!({ #tokens #path::Model::<#name::#network>::new(0) })
    }
}

/// Errors where a value is expected. The last one is the value, so that rustc knows no type of it and complains of nothing more.
pub fn failed_value(mut errors: Vec<TokenStream>) -> TokenStream {
    let last = errors.pop().unwrap_or_else(|| compile_error("nothing was generated", (Span::call_site(), Span::call_site())));
    quote!({ #(#errors)* #last })
}

/// What is public in `items`: types, and what is taken out of modules.
fn public_names(items: &TokenStream) -> Vec<Ident> {
    let (mut names, mut before) = (Vec::new(), [const { String::new() }; 2]);
    let mut is_use = false;
    for token in items.clone() {
        match &token {
            TokenTree::Ident(name) => {
                let [public, item] = &before;
                is_use |= item == "pub" && name == "use";
                if public == "pub" && item == "struct" {
                    names.push(name.clone());
                }
                let [_, last] = before;
                before = [last, name.to_string()];
            }
            TokenTree::Group(group) if is_use && group.delimiter() == Delimiter::Brace => {
                let inside = group.stream().into_iter();
                names.extend(inside.filter_map(|token| if let TokenTree::Ident(name) = token { Some(name) } else { None }));
                is_use = false;
            }
            _ => {}
        }
    }
    names
}

/// The items with the user's places on what is asserted of constants, `const _: () = ::core::assert!(A == B, "…");`: rustc underlines
/// the constant in the application that asks for it.
fn with_places(
    items: TokenStream,
    text: &Text,
    constants: &[(Ident, String)],
    assertions: &mut Vec<(String, Range<usize>)>,
) -> TokenStream {
    let mut tokens: Vec<TokenTree> = items.into_iter().collect();
    for at in 0..tokens.len() {
        let TokenTree::Group(group) = &tokens[at] else { continue };
        if assertions.is_empty() {
            break;
        }
        let (inside, delimiter) = (group.stream(), group.delimiter());
        let known = assertions.iter().position(|(message, _)| is_assertion(&tokens[..at], &inside, message));
        let (inside, span) = match known {
            Some(known) => {
                let (_, place) = assertions.remove(known);
                let named: Vec<&str> =
                    constants.iter().filter(|(name, _)| mentions(&inside, name)).map(|(_, name)| name.as_str()).collect();
                let span = Span::call_site().located_at(text.one_of(place, &named).unwrap_or_else(Span::call_site));
                tokens[at - 7..at].iter_mut().for_each(|token| token.set_span(span));
                (inside, span)
            }
            None => (with_places(inside, text, constants, assertions), group.span()),
        };
        let mut group = Group::new(delimiter, inside);
        group.set_span(span);
        tokens[at] = TokenTree::Group(group);
    }
    tokens.into_iter().collect()
}

/// Whether these are the brackets of `::core::assert!(…, "message")`.
fn is_assertion(before: &[TokenTree], inside: &TokenStream, message: &str) -> bool {
    let is_assert = before.len() >= 7 && matches!(&before[before.len() - 2], TokenTree::Ident(word) if word == "assert");
    let last = inside.clone().into_iter().last();
    is_assert && matches!(last, Some(TokenTree::Literal(text)) if text.to_string() == Literal::string(message).to_string())
}

fn mentions(tokens: &TokenStream, name: &Ident) -> bool {
    tokens.clone().into_iter().any(|token| match token {
        TokenTree::Ident(word) => word == *name,
        TokenTree::Group(group) => mentions(&group.stream(), name),
        _ => false,
    })
}

/// Every module with the prelude of Rust in it, for crates that do without an implicit one.
fn with_prelude(items: TokenStream) -> TokenStream {
    let (mut tokens, mut last_was_mod, mut opens) = (TokenStream::new(), false, false);
    for token in items {
        let (was_mod, opened) = (last_was_mod, opens);
        last_was_mod = matches!(&token, TokenTree::Ident(word) if word == "mod");
        opens = was_mod && matches!(&token, TokenTree::Ident(_));
        match token {
            TokenTree::Group(group) if opened && group.delimiter() == Delimiter::Brace => {
                let inside = group.stream();
                let inside = quote!(use ::core::prelude::rust_2024::*; #inside);
                tokens.extend([TokenTree::Group(Group::new(Delimiter::Brace, inside))]);
            }
            token => tokens.extend([token]),
        }
    }
    tokens
}
