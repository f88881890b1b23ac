//! Broken texts: no panic, and the explanation agrees with the grammar: it finds something in what is refused.

use nnc_grammar::{Sources, format, on_large_stack, parse, parse_bytes, parse_inline, render};
use std::fs;

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % n as u64) as usize
    }
}

/// Definitions of the library, a few hundred bytes each.
fn pieces() -> Vec<String> {
    let text = include_str!("library.nn");
    let mut pieces: Vec<String> = Vec::new();
    for line in text.lines() {
        let begins = ["fn ", "layer ", "model ", "optimizer ", "///"].iter().any(|word| line.starts_with(word));
        match pieces.last_mut() {
            Some(last) if !begins => last.push_str(&format!("{line}\n")),
            _ => pieces.push(format!("{line}\n")),
        }
    }
    pieces
}

/// Says whether the text was accepted.
fn check(text: &str) -> bool {
    let mut sources = Sources::default();
    sources.add("model.nn", text);
    if let Err(problems) = parse_inline(0, text) {
        assert!(!problems[0].message.ends_with("is not expected here"), "not explained: {}\n{text}", problems[0].message);
    }
    match parse(0, text) {
        Ok(file) => {
            let formatted = format(text).unwrap();
            assert!(parse(0, &formatted).unwrap() == file, "formatting changes\n{text}\n{formatted}");
            // Nothing in it is accused because of another item.
            let problems = parse(0, &format!("{text}\nfn f(x) = ;\n")).unwrap_err();
            let messages: Vec<String> = problems.iter().map(|problem| problem.message.clone()).collect();
            assert_eq!(messages, ["expected a value after `=`, found `;`"], "{text}");
            true
        }
        Err(problems) => {
            assert!((1..=10).contains(&problems.len()), "{text}");
            for problem in &problems {
                render(problem, &sources);
                // What only pest knows has this message: then the explanation has missed it.
                assert!(!problem.message.ends_with("is not expected here"), "not explained: {}\n{text}", problem.message);
                for (span, _) in problem.help.iter().filter_map(|help| help.replacement.as_ref()) {
                    assert!(text.get(span.range()).is_some(), "a repair outside of the text\n{text}");
                }
            }
            false
        }
    }
}

/// How many texts of each kind; more on request: `FUZZ=100000 cargo test -p nnc-grammar --test fuzz`.
fn rounds(usual: usize) -> usize {
    std::env::var("FUZZ").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

#[test]
fn mutated_text() {
    const TOKENS: [&str; 48] = [
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ";",
        ",",
        ":",
        "=",
        "==",
        "<-",
        "->",
        "-",
        "+",
        "*",
        "^",
        "!",
        "<",
        ">",
        "..",
        ".",
        "||",
        "&&",
        "if ",
        "else ",
        "where ",
        "or ",
        "true",
        "x",
        "sum",
        "sum(i)",
        "1",
        "0.5",
        "\"a\"",
        "param ",
        "layer ",
        "fn ",
        "model ",
        "optimizer ",
        "loss ",
        "check ",
        "/// d\n",
        "// c\n",
        "\n",
        "é",
        "'",
        "index(3)",
    ];
    on_large_stack(|| {
        let pieces = pieces();
        let mut accepted = 0;
        for seed in 0..rounds(3000) {
            let mut random = Random(seed as u64);
            let mut text = pieces[random.below(pieces.len())].clone();
            for _ in 0..1 + random.below(3) {
                let places: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
                let at = places[random.below(places.len())];
                let to = places[(places.binary_search(&at).unwrap() + random.below(8)).min(places.len() - 1)];
                match random.below(4) {
                    0 => text.replace_range(at..to, ""),
                    1 => text.insert_str(at, TOKENS[random.below(TOKENS.len())]),
                    2 => text.replace_range(at..to, TOKENS[random.below(TOKENS.len())]),
                    _ => {
                        let copy = text[at..to].to_owned();
                        text.insert_str(places[random.below(places.len())], &copy);
                    }
                }
            }
            accepted += usize::from(check(&text));
        }
        println!("{accepted} accepted");
    });
}

#[test]
fn random_bytes() {
    on_large_stack(|| {
        let letters: Vec<char> = "abfilmnorstux_019.,;:()[]{}<>=+-*/%^!&|\"'\\ \n\té漢\u{0}#@".chars().collect();
        for seed in 0..rounds(3000) {
            let mut random = Random(seed as u64);
            let bytes: Vec<u8> = (0..random.below(200)).map(|_| random.below(256) as u8).collect();
            if let Err(problems) = parse_bytes(0, &bytes) {
                assert!(!problems.is_empty());
            }
            let text: String = (0..random.below(100)).map(|_| letters[random.below(letters.len())]).collect();
            check(&text);
        }
    });
}

#[test]
fn truncated_at_every_byte() {
    on_large_stack(|| {
        for piece in pieces().iter().filter(|piece| piece.len() < 700).step_by(4) {
            for at in (0..piece.len()).filter(|&at| piece.is_char_boundary(at)) {
                check(&piece[..at]);
                check(&piece[at..]);
            }
        }
    });
}

/// The library is accepted, with nothing to explain.
#[test]
fn the_library_is_not_accused() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../compiler/library");
    for entry in fs::read_dir(folder).unwrap() {
        assert!(check(&fs::read_to_string(entry.unwrap().path()).unwrap()));
    }
}
