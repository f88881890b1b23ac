//! `src/parser.rs` is what pest_generator makes of `nn.pest`: `UPDATE=1 cargo test -p nnc-grammar` writes it.

use std::fs;

/// The text of `src/parser.rs`.
fn generate() -> String {
    let grammar = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/nn.pest")).unwrap();
    let input = format!("#[grammar_inline = {grammar:?}] pub struct Grammar;").parse().unwrap();
    let tokens = pest_generator::derive_parser(input, false);
    // A file of its own keeps the names that it needs to itself.
    let file: syn::File = syn::parse2(tokens).unwrap();
    let body = prettyplease::unparse(&file);
    format!(
        "//! Generated from `nn.pest` by pest_generator: nobody edits it. `UPDATE=1 cargo test -p nnc-grammar` writes it anew.\n\
         #![cfg_attr(rustfmt, rustfmt_skip)]\n#![allow(missing_docs, unused_qualifications, dead_code, clippy::all)]\n\n\
         /// The parser, one function a rule.\npub struct Grammar;\n\n{body}"
    )
}

#[test]
fn the_parser_is_fresh() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/parser.rs");
    let expected = generate();
    if std::env::var_os("UPDATE").is_some() {
        fs::write(path, expected).unwrap();
    } else {
        let found = fs::read_to_string(path).unwrap();
        assert!(found == expected, "src/parser.rs is stale; run UPDATE=1 cargo test -p nnc-grammar");
    }
}
