//! Places of tokens cannot be asked for outside of a macro, but the text can: what rustc would hand over is read from text here.

use crate::spans::Text;
use proc_macro2::{Delimiter, Group, Literal, TokenStream, TokenTree};

#[track_caller]
fn check(rust: &str, expected: &str) {
    let text = Text::new(rust.parse().unwrap());
    assert_eq!(text.text.trim(), expected.trim());
    check_pieces(&text);
}

/// Each place of the text leads to some token, and the pieces are what the text is made of.
fn check_pieces(text: &Text) {
    let pieces: String = text.pieces().map(|piece| &text.text[piece]).collect();
    let bare = |text: &str| text.replace([' ', '\n'], "");
    assert_eq!(bare(&pieces), bare(&text.text));
    for at in 0..=text.text.len() {
        let _ = text.tokens(at..at + 1);
    }
}

#[test]
fn signs_stay_together_and_apart() {
    check("linear(d, p) -> relu -> softmax", "linear(d, p) -> relu -> softmax");
    check("a < -1 && b <- c", "a < -1 && b <- c");
    check("a<-1", "a <- 1");
    check("a - -1", "a - -1");
    check("0 <= i < n, x == y != z", "0 <= i < n, x == y != z");
    check("index(0..n)", "index(0..n)");
    check("x[..S] * 2.5e-3 + [1, 2][i]", "x[..S] * 2.5e-3 + [1, 2][i]");
    check("deep.0.fc.w", "deep.0.fc.w");
    check("deep.0.1.w", "deep.0.1.w");
    check("deep.0 .1", "deep.0 . 1");
    check("optimizer for *.b, enc.* = none;", "optimizer for *.b, enc.* = none;");
    check("!a || b^2", "!a || b ^ 2");
    check("if c { x } else { y }", "if c {x} else {y}");
    check("sum(i) x[i]", "sum(i) x[i]");
    check("{< linear(3) >}", "{<linear(3) >}");
}

#[test]
fn what_only_rust_has_is_printed_as_it_is() {
    check("r#type 'a 1. 1.5f32 0x10 'c' b\"x\" r\"y\" a::b", "r#type 'a 1. 1.5f32 0x10 'c' b\"x\" r\"y\" a:: b");
    check("@ $ ~ ?", "@ $ ~ ?");
}

#[test]
fn documentation() {
    check("/// One.\n/// Two \"2\".\nmodel M", "/// One.\n\n/// Two \"2\".\nmodel M");
    check("a; #[doc = \"x\\n/y \\u{e9}\"] b", "a;\n///x\n\n/// /y é\nb");
    check("#[doc = r#\"a\\n\"b\"#] c", "///a\\n\"b\nc");
    check("#[cfg(x)] a", "#[cfg(x)] a");
    check("#[doc(hidden)] a", "#[doc(hidden)] a");
}

/// `$e` inside of `before` and `after`, as a macro passes it on.
fn passed_on(before: &str, inner: TokenStream, after: &str) -> String {
    let mut tokens: TokenStream = before.parse().unwrap();
    tokens.extend([TokenTree::Group(Group::new(Delimiter::None, inner))]);
    tokens.extend(after.parse::<TokenStream>().unwrap());
    let text = Text::new(tokens);
    check_pieces(&text);
    text.text
}

#[test]
fn what_another_macro_passed_on_stays_whole() {
    let parse = |text: &str| text.parse::<TokenStream>().unwrap();
    assert_eq!(passed_on("2 *", parse("a + b"), "* 3"), "2 * (a + b) * 3");
    assert_eq!(passed_on("x ->", parse("linear(3, 4)"), "-> relu"), "x -> linear(3, 4) -> relu");
    assert_eq!(passed_on("linear", parse("d"), ""), "linear d");
    assert_eq!(passed_on("a -", TokenTree::from(Literal::i32_unsuffixed(-1)).into(), ""), "a - (-1)");
    let twice = TokenTree::Group(Group::new(Delimiter::None, parse("a + b")));
    assert_eq!(passed_on("", twice.into(), "^ 2"), "(a + b) ^ 2");
    assert_eq!(Text::new(TokenTree::from(Literal::f64_unsuffixed(-1.5)).into()).text, "-1.5");
}

#[test]
fn nesting_is_no_recursion() {
    let mut tokens = TokenStream::new();
    for _ in 0..1000 {
        tokens = TokenTree::Group(Group::new(Delimiter::Parenthesis, tokens)).into();
    }
    assert_eq!(Text::new(tokens).text.len(), 2000);
}

#[test]
fn any_text_that_rust_can_cut_is_printed_so_that_it_is_cut_the_same_way() {
    let (mut seed, signs) =
        (1_u64, ["a", "12", "1.5", "-", "<", ">", ".", "..", "=", "==", "(x)", "[y]", "\"s\"", ":", ",", "|", "&", "!", "/", "*", " "]);
    for _ in 0..3000 {
        let mut rust = String::new();
        for _ in 0..8 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            rust.push_str(signs[(seed >> 33) as usize % signs.len()]);
        }
        let Ok(tokens) = rust.parse::<TokenStream>() else { continue };
        if rust.contains("//") || rust.contains("/*") {
            continue;
        }
        let text = Text::new(tokens.clone());
        check_pieces(&text);
        let again: TokenStream = text.text.parse().unwrap();
        assert_eq!(flat(again), flat(tokens), "{rust:?} became {:?}", text.text);
    }
}

/// Tokens with what is joint, without groups.
fn flat(tokens: TokenStream) -> Vec<String> {
    let mut tokens = tokens.into_iter().peekable();
    let mut list = Vec::new();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Group(group) => {
                list.push("group".into());
                list.extend(flat(group.stream()));
            }
            TokenTree::Punct(sign) => {
                let joint = sign.spacing() == proc_macro2::Spacing::Joint && matches!(tokens.peek(), Some(TokenTree::Punct(_)));
                list.push(format!("{}{}", sign.as_char(), if joint { "+" } else { "" }));
            }
            other => list.push(other.to_string()),
        }
    }
    list
}

#[test]
fn errors_in_files_show_their_lines() {
    use crate::errors::Origin;
    use nnc_grammar::{Diagnostic, Sources, Span};
    let mut sources = Sources::default();
    let source = sources.add("models/digits.nn", "model Mlp = linear(3, 4)\n    -> rleu;\n");
    let place = Span { source, start: 32, end: 36 };
    let wrong = Diagnostic::error("NN0102", place, "no layer is called `rleu`").replace("did you mean", place, "relu");
    let call_site = proc_macro2::Span::call_site();
    let errors = Origin { sources: &sources, text: None, elsewhere: call_site }.errors(&[wrong]);
    let message =
        ["no layer is called `rleu` [NN0102]", " --> models/digits.nn:2:8", "  |", "2 |     -> rleu;", "  |        ^^^^"].join("\\n");
    let tokens = errors[0].to_string();
    assert!(tokens.starts_with(&format!(":: core :: compile_error ! {{ \"{message}")), "{tokens}");
}
