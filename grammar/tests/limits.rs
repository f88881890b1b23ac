//! Whatever the text: a tree or diagnostics, within seconds, on a small stack.

use nnc_grammar::{Sources, format, parse, parse_bytes, parse_inline, print, render};
use std::time::{Duration, Instant};

/// Runs on a thread of 64 KiB.
fn on_small_stack(work: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(64 << 10).spawn(work).unwrap().join().unwrap();
}

/// `text` as a file and as a chain: no panic, at most five seconds each, at most ten diagnostics that can be shown. Says whether the
/// file was accepted.
#[track_caller]
fn check(name: &str, text: String, accepted: bool) {
    let name = name.to_owned();
    on_small_stack(move || {
        let mut sources = Sources::default();
        sources.add("model.nn", text.as_str());
        let start = Instant::now();
        let result = parse(0, &text);
        let took = start.elapsed();
        println!("{name}: {took:?}, {}", if result.is_ok() { "accepted" } else { "refused" });
        assert!(took < Duration::from_secs(5), "{name}: {took:?}");
        assert!(result.is_ok() == accepted, "{name}: {:?}", result.err().map(|problems| problems[0].to_string()));
        if let Err(problems) = result {
            assert!((1..=10).contains(&problems.len()), "{name}: {} problems", problems.len());
            for problem in &problems {
                assert!(render(problem, &sources).len() < 4000, "{name}: shown too long");
            }
        }
        let start = Instant::now();
        let _ = parse_inline(0, &text);
        assert!(start.elapsed() < Duration::from_secs(5), "{name} as a chain: {:?}", start.elapsed());
    });
}

fn body(expression: &str) -> String {
    format!("fn f(x) = {expression};")
}

#[test]
fn depth_is_bounded() {
    for depth in [10, 64, 65, 10_000] {
        let nested = |open: &str, close: &str| body(&format!("{}x{}", open.repeat(depth), close.repeat(depth)));
        let accepted = depth < 65;
        // The list of the function is closed before.
        check("parentheses", nested("(", ")"), accepted);
        check("brackets", nested("[", "]"), accepted);
        check("calls", nested("f(", ")"), accepted);
        check("reads", nested("x[", "]"), accepted);
        check("signs", nested("-", ""), accepted);
        check("negations", nested("!", ""), accepted);
        check("powers", nested("x^", ""), accepted);
        check("reductions", nested("sum(i) ", ""), accepted);
        check("or", body(&format!("{}0", "x[i] or ".repeat(depth))), accepted);
    }
    check("choices in the other case", body(&format!("{}0{}", "if x > 0 { 1 } else { ".repeat(64), " }".repeat(64))), true);
    check("choices", body(&format!("{}0{}", "if x > 0 { 1 } else { ".repeat(65), " }".repeat(65))), false);
    check("else if", body(&format!("if x > 0 {{ 1 }} {} else {{ 0 }}", "else if x > 1 { 2 }".repeat(5_000))), true);
}

#[test]
fn long_lists_are_no_depth() {
    check("sum", body(&format!("x{}", " + x".repeat(100_000))), true);
    check("product", body(&format!("x{}", " * x".repeat(20_000))), true);
    check("sums of reductions", body(&format!("x{}", " + sum(i) x[i]".repeat(10_000))), true);
    check("conditions", body(&format!("x{}", " && x".repeat(20_000))), true);
    check("chain", format!("model M = relu{};", " -> relu".repeat(10_000)), true);
    check("statements", format!("layer f(x) -> y {{ {} }}", "if c { y = x; } ".repeat(10_000)), true);
    check("array", body(&format!("[x{}]", ", x".repeat(20_000))), true);
}

#[test]
fn a_megabyte_of_anything() {
    const MEGABYTE: usize = 1 << 20;
    check("name", body(&"a".repeat(MEGABYTE)), false);
    check("number", body(&"1".repeat(MEGABYTE)), true);
    check("text", format!("layer f(x) -> y {{ check x, \"{}\"; }}", "a".repeat(MEGABYTE)), true);
    check("comment", format!("//{}\n", "a".repeat(MEGABYTE)), true);
    check("spaces", " ".repeat(MEGABYTE), true);
    check("lines", "\n".repeat(MEGABYTE), true);
    for unit in ["(", "-", "!", "if ", "sum(i) ", "x[", "\"", "'", "/*", "->", ";", ",", "a ", "é"] {
        check(unit, unit.repeat(MEGABYTE / unit.len()), false);
    }
}

#[test]
fn any_token_repeated() {
    for unit in [
        ")",
        "[",
        "]",
        "{",
        "}",
        "^",
        "else ",
        "or ",
        "where ",
        "sum(",
        "f(",
        "/* */",
        "///\n",
        "<-",
        ":",
        "=",
        "..",
        ".",
        "1.",
        "1 ",
        "\\",
        "layer ",
        "layer f(",
        "fn f(x)=",
        "x->",
        "if x{",
        "{;",
        "(x=",
        "\u{0}",
        "x:",
        "sum(i:",
        "sum(where ",
        "if if{",
        "-(",
        "max(i where ",
        "else if",
        "x(",
        "let ",
        "f(x:",
        "f(x=y:",
        "[x:",
        "if x {x} else ",
        "+",
        "<",
        "x.",
        "0.",
        "&&",
        "layer f(x) -> y {",
        "max(i, ",
        "x = ",
        "x <- ",
    ] {
        check(unit, unit.repeat(50_000 / unit.len()), false);
        check(unit, body(&unit.repeat(50_000 / unit.len())), false);
        check(unit, format!("layer f(x) -> y {{ y = {}; }}", unit.repeat(50_000 / unit.len())), false);
    }
}

#[test]
fn small_stacks_suffice_for_the_deepest_tree() {
    on_small_stack(|| {
        let deep = |unit: &str, close: &str, depth| body(&format!("{}x{}", unit.repeat(depth), close.repeat(depth)));
        let texts = [
            deep("(", ")", 64),
            deep("1 + 2 * -x^f(", ")", 21),
            deep("a || b && c < 1 + 2 * x[", "]", 64),
            deep("a || b && c < 1 + 2 * f(x = y: ", ")", 64),
            deep("if a || b && x[i] < 0 { 1 } else { 1 + 2 * ", "}", 63),
            deep("sum(i) ", "", 64),
            format!("layer f(x) -> y {{ {}{} }}", "if a { ".repeat(63), "}".repeat(63)),
        ];
        for text in texts {
            let Ok(file) = parse(0, &text) else { panic!("refused: {text}") };
            let copy = file.clone();
            assert!(copy == file);
            assert!(parse(0, &print(&file)).unwrap() == copy);
            assert!(parse(0, &format(&text).unwrap()).unwrap() == file);
        }
    });
}

#[test]
fn a_byte_order_mark_is_no_text() {
    let (marked, plain) = ("\u{feff}// a\nfn f(x) = x + y;\n", "// a\nfn f(x) = x + y;\n");
    assert!(parse(0, marked).unwrap() == parse(0, plain).unwrap());
    assert_eq!(format(marked).unwrap(), plain);
    let place = |text: &str| parse(0, text).unwrap_err()[0].labels[0].span.start;
    assert_eq!(place("\u{feff}fn f(x) = ;"), place("   fn f(x) = ;"));
    assert!(parse(0, "fn f(x) = \u{feff}x;").is_err(), "only at the beginning");
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let problems = parse_bytes(0, b"fn f(x) = x;\n// \xff\n").unwrap_err();
    assert_eq!(problems[0].to_string(), "error[NN0001]: byte 16 (0xff, in line 2) is not UTF-8");
    assert!(parse_bytes(0, "fn f(x) = x; // é\n".as_bytes()).is_ok());
}
