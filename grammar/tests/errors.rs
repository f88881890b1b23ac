//! What is said about wrong texts: each with its codes, some as they are shown.

use nnc_grammar::{CODES, Diagnostic, Sources, parse, parse_inline, render};

fn problems(text: &str) -> Vec<Diagnostic> {
    parse(0, text).err().unwrap_or_default()
}

/// The text as applied repair says: the first replacement of each diagnostic, from the end of the text.
fn mended(text: &str, problems: &[Diagnostic]) -> String {
    let mut mended = text.to_owned();
    for problem in problems.iter().rev() {
        if let Some((span, with)) = problem.help.iter().find_map(|help| help.replacement.as_ref()) {
            mended.replace_range(span.range(), with);
        }
    }
    mended
}

/// `text` is refused with exactly these messages, and accepted after the repairs that they propose.
#[track_caller]
fn check(text: &str, messages: &[&str]) {
    let found = problems(text);
    let shown: Vec<String> = found.iter().map(|problem| format!("{} {}", problem.code, problem.message)).collect();
    assert_eq!(shown, messages, "{text}");
    assert!(found.iter().all(|problem| problem.labels[0].span.range().end <= text.len()));
}

/// As [`check`], and what the repairs make of it is accepted.
#[track_caller]
fn check_mended(text: &str, messages: &[&str], right: &str) {
    check(text, messages);
    assert_eq!(mended(text, &problems(text)), right);
    assert!(problems(right).is_empty(), "{right}: {}", problems(right)[0]);
}

/// A statement of a layer.
fn body(statement: &str) -> String {
    format!("layer f(x) -> y {{ {statement} }}")
}

#[track_caller]
fn check_body(statement: &str, messages: &[&str], right: &str) {
    check_mended(&body(statement), messages, &body(right));
}

#[test]
fn statements_are_mended() {
    check_body("y = x", &["NN0012 expected `;` after the equation of `y`, found `}`"], "y = x;");
    check_body("y = x\n z = x;", &["NN0012 expected `;` after the equation of `y`, found `z`"], "y = x;\n z = x;");
    check_body("m <- x v <- x;", &["NN0012 expected `;` after the update of `m`, found `v`"], "m <- x; v <- x;");
    check_body("param w = 0\n param b = 0;", &["NN0012 expected `;` after this `param`, found `param`"], "param w = 0;\n param b = 0;");
    check_body("y := x;", &["NN0015 there is no `:=`"], "y = x;");
    check_body("y == x;", &["NN0015 expected `=` after `y`, found `==`"], "y = x;");
    check_body("loss == x;", &["NN0015 expected `=` after `loss`, found `==`"], "loss = x;");
    check_body("m += x;", &["NN0015 there is no `+=`"], "m <- m + x;");
    check_body("let n <- 3;", &["NN0015 expected `=` after `let n`, found `<-`"], "let n = 3;");
    check_body("parm w[3] = 0;", &["NN0020 `parm` begins no statement"], "param w[3] = 0;");
    check_body("assert n > 0, \"a\";", &["NN0020 `assert` begins no statement"], "check n > 0, \"a\";");
    check_body("y[] = x;", &["NN0024 there is nothing in these brackets"], "y = x;");
    check_body("(y) = x;", &["NN0024 one name in brackets"], "y = x;");
    check_body("if a { y = x; };", &["NN0026 no `;` follows `}`"], "if a { y = x; }");
    check_body("if a { y = x; } elif b { y = 0; }", &["NN0021 there is no `elif`"], "if a { y = x; } else if b { y = 0; }");
    check_body("y = x;;", &["NN0026 this `;` ends nothing"], "y = x;");
    check_body("where = x;", &["NN0014 `where` cannot be a name"], "where_ = x;");
    check_body("y = x; /// why\n", &["NN0023 this documentation documents nothing"], "y = x; // why\n");
}

#[test]
fn expressions_are_mended() {
    check_body("y = 2 x;", &["NN0022 expected an operator or `;` after the equation of `y`, found `x`"], "y = 2 * x;");
    check_body("y = f(x x);", &["NN0022 expected an operator or `,` or `)` in this list, found `x`"], "y = f(x, x);");
    check_body("y = x ** 2;", &["NN0016 `**` is no operator"], "y = x ^ 2;");
    check_body("y = x === 2;", &["NN0016 `===` is no operator"], "y = x == 2;");
    check_body("y = x <> 2;", &["NN0016 `<>` is no operator"], "y = x != 2;");
    check_body("y = x !== 2;", &["NN0016 `!==` is no operator"], "y = x != 2;");
    check_body("y = a and b;", &["NN0016 `and` is no operator"], "y = a && b;");
    check_body("y = a & b | c;", &["NN0016 `&` is no operator", "NN0016 `|` is no operator"], "y = a && b || c;");
    check_body("y = a mod b;", &["NN0016 `mod` is no operator"], "y = a % b;");
    check_body("y = x => f;", &["NN0016 `=>` is no operator"], "y = x -> f;");
    check_body("y = x |> f;", &["NN0016 `|>` is no operator"], "y = x -> f;");
    check_body("y = if x <-1 { 0 } else { 1 };", &["NN0017 `<-` is one token, an arrow to the left"], "y = if x < -1 { 0 } else { 1 };");
    check_body("y = if x = 1 { 0 } else { 1 };", &["NN0015 `=` defines, `==` compares"], "y = if x == 1 { 0 } else { 1 };");
    check_body(
        "y = if x > 1 { 0 };",
        &["NN0021 expected `else` after the value of this `if`, found `;`"],
        "y = if x > 1 { 0 } else { 0 };",
    );
    check_body("y = max(i: n) -x[i] * 2 + 1;", &["NN0018 what `max` reduces cannot begin with `-`"], "y = max(i: n) (-x[i] * 2) + 1;");
    check_body("y = [1, 2, ];", &["NN0024 a list does not end in a comma"], "y = [1, 2 ];");
    check_body("y = +x;", &["NN0013 expected a value, found `+`"], "y = x;");
    check_body("y = x – 1;", &["NN0005 the character `–` stands outside comments and texts"], "y = x - 1;");
    check_body("y = α * x;", &["NN0005 `α` is not written in ASCII"], "y = alpha * x;");
    check_body(
        "y = .5 * 1. + 0x1F;",
        &[
            "NN0006 `.5` is not a number of this language",
            "NN0006 `1.` is not a number of this language",
            "NN0006 `0x1F` is not a number of this language",
        ],
        "y = 0.5 * 1.0 + 31;",
    );
    check_body(
        "y = 4d + 1.5f32;",
        &["NN0006 `4d` is not a number of this language", "NN0006 `1.5f32` is not a number of this language"],
        "y = 4 * d + 1.5;",
    );
    check_body(
        "y = x*.5 + 1.e-3;",
        &["NN0006 `.5` is not a number of this language", "NN0006 `1.e-3` is not a number of this language"],
        "y = x*0.5 + 1.0e-3;",
    );
    check_body("y = r#type;", &["NN0010 there are no raw names"], "y = type;");
    check_body("check x, 'odd';", &["NN0010 `'` does not quote"], "check x, \"odd\";");
    check_body("check x, \"odd;", &["NN0007 this text is not closed"], "check x, \"odd\";");
    check_body("check x, \"\\d\";", &["NN0008 `\\d` means nothing in a text"], "check x, \"\\\\d\";");
    check_body("y = (x; z = 3;", &["NN0004 `(` is not closed before `;`"], "y = (x); z = 3;");
}

#[test]
fn items_are_mended() {
    check_mended(
        "model M = linear(4) -> relu",
        &["NN0012 expected `;` after the model `M`, found the end of the file"],
        "model M = linear(4) -> relu;",
    );
    check_mended(
        "model M = linear(4) relu;",
        &["NN0022 expected `->` or `;` after the model `M`, found `relu`"],
        "model M = linear(4) -> relu;",
    );
    check_mended("layer f(x) { y = x; }", &["NN0019 the layer `f` names no result"], "layer f(x) -> y { y = x; }");
    check_mended(
        "layer f(n: usize)(x[n]: f32) -> y { y = x; }",
        &["NN0027 hyper-parameters have no type, found `usize`", "NN0027 `f32` is no kind of tensor"],
        "layer f(n)(x[n]) -> y { y = x; }",
    );
    check_mended("layer f(x: bool) -> y { y = x; }", &["NN0027 `bool` is no kind of tensor"], "layer f(x: index(2)) -> y { y = x; }");
    check_mended("layer if(x) -> y { y = x; }", &["NN0014 `if` cannot be a name"], "layer if_(x) -> y { y = x; }");
    check_mended("def f(x) = x;", &["NN0020 `def` begins no item"], "fn f(x) = x;");
    check_mended("modle M = linear(4);", &["NN0020 `modle` begins no item"], "model M = linear(4);");
    check_mended(
        "import layers::blocks;",
        &["NN0013 expected a file name in `\"` after `import`, found `layers`"],
        "import \"layers/blocks.nn\";",
    );
    check_mended("import\"a.nn\";", &["NN0013 expected a space between `import` and the file name"], "import \"a.nn\";");
    check_mended(
        "layer f(a, b,) -> y { y = a; };",
        &["NN0024 a list does not end in a comma", "NN0026 no `;` follows `}`"],
        "layer f(a, b) -> y { y = a; }",
    );
    check_mended("fn f(x) = x /* twice */\n;", &["NN0009 there are no `/* */` comments"], "fn f(x) = x // twice\n;");
}

#[test]
fn habits_of_other_languages_are_mended() {
    check_mended("layer f(x) => y { y = x; }", &["NN0016 `=>` is no arrow"], "layer f(x) -> y { y = x; }");
    check_mended(
        "layer f(x) y { y = x; }",
        &["NN0019 expected `->` before the result of the layer `f`, found `y`"],
        "layer f(x) -> y { y = x; }",
    );
    check_mended("const N: usize = 3;", &["NN0027 a constant has no type"], "const N = 3;");
    check_body("let n: usize = 3;", &["NN0027 a size has no type"], "let n = 3;");
    check_body("y = x -> linear 64;", &["NN0022 expected `->` or `;` after the equation of `y`, found `64`"], "y = x -> linear(64);");
    check(&body("y = x[1:3];"), &["NN0013 expected `,` or `]` in these brackets, found `:`"]);
    check(&body("y = sum(j=0..n) x[j];"), &["NN0013 expected `:` and the range of `j`, found `=`"]);
    check(&body("y = sum(j in x) x[j];"), &["NN0013 expected `:` and the range of `j`, found `in`"]);
    check(&body("param w: [3] = 0;"), &["NN0027 `[` is no kind of tensor"]);
    check("layer f(x) -> y = relu;", &["NN0013 expected `{` before the body of the layer `f`, found `=`"]);
}

#[test]
fn what_cannot_be_mended_is_explained() {
    check(&body("return x;"), &["NN0020 `return` begins no statement"]);
    check(&body("for i in x { y = i; }"), &["NN0020 `for` begins no statement"]);
    check(&body("relu(x);"), &["NN0020 `relu` begins no statement"]);
    check(&body("y = x ? 1 : 2;"), &["NN0021 there is no `c ? a : b`"]);
    check(&body("y = if x then 1 else 2;"), &["NN0021 expected `{` after the condition, found `then`"]);
    check(&body("y = 1 if x else 2;"), &["NN0021 `if` stands before its value"]);
    check(&body("y = a @ b;"), &["NN0005 `@` is not used in this language"]);
    check(&body("y = f(x)[1];"), &["NN0022 only a name has indices, found `[`"]);
    check(&body("y = f(x).w;"), &["NN0013 only a name has parts, found `.`"]);
    check(&body("let n = x -> f;"), &["NN0025 expected `;` after `let n`, found `->`"]);
    check(&body("y = x -> 3;"), &["NN0025 expected a stage, found `3`"]);
    check(&body("y = x -> ;"), &["NN0025 expected a stage, found `;`"]);
    check(&body("y = -> relu;"), &["NN0025 expected a value before `->`"]);
    check(&body("y[0] = x;"), &["NN0013 expected the name of an index, found `0`"]);
    check(&body("y = ;"), &["NN0013 expected a value after `=`, found `;`"]);
    check(&body("y = sum();"), &["NN0024 there is nothing in these brackets"]);
    check(&body("y = sum(i where c);"), &["NN0018 expected what `sum` reduces, found `;`"]);
    check(&body("y = {1};"), &["NN0013 expected a value, found `{`"]);
    check(&body("y = \"a\";"), &["NN0013 expected a value, found a text"]);
    check(&body("else { y = x; }"), &["NN0020 `else` begins no statement"]);
    check("y = 3;", &["NN0020 `y` begins no item"]);
    check("linear(4) -> relu;", &["NN0020 `linear` begins no item"]);
    check("fn f(x) { x }", &["NN0013 expected `=` and the value of `f`, found `{`"]);
    check("model M(n)(x) -> y { y = x; }", &["NN0027 the model `M` has hyper-parameters"]);
    check("model M(x[4]) = linear(4);", &["NN0013 expected `->` and the result of the model `M`, found `=`"]);
    check("layer f(x) -> y { y = x;", &["NN0004 `{` is never closed"]);
    check("fn f(x) = x]; ", &["NN0004 `]` closes nothing"]);
    check("/// nothing\n", &["NN0023 this documentation documents nothing"]);
}

#[test]
fn several_errors_of_a_file_are_found() {
    let text = "def f(x) = x;\nlayer g(x) -> y {\n    y = x x;\n    z = 1\n    return y;\n}\nmodel M = linear(4) ->;\nmodel N = relu";
    let codes: Vec<&str> = problems(text).iter().map(|problem| problem.code).collect();
    assert_eq!(codes, ["NN0020", "NN0022", "NN0012", "NN0020", "NN0025", "NN0012"]);
    assert_eq!(problems(&body(&"y = ; ".repeat(30))).len(), 10);
}

#[test]
fn chains_of_the_macro() {
    #[track_caller]
    fn check(text: &str, message: &str) {
        let problems = parse_inline(0, text).unwrap_err();
        assert_eq!(format!("{} {}", problems[0].code, problems[0].message), message);
        assert_eq!(problems.len(), 1);
    }
    assert!(parse_inline(0, "< linear(d, p)->relu->softmax >").is_ok());
    check("linear(4) -> relu;", "NN0026 no `;` follows the chain");
    check("linear(4) relu", "NN0022 expected `->` or the end of this chain, found `relu`");
    check("model M = linear(4);", "NN0020 expected a chain, found the beginning of a model");
    check("< linear(4)", "NN0013 expected `->` or `>` of this chain, found the end of the chain");
    check("linear(4) ->", "NN0025 expected a stage, found the end of the chain");
    check("", "NN0025 expected a stage, found the end of the chain");
}

/// The wrong and right texts of the explanations.
#[test]
fn explanations_hold() {
    let example = |text: &str, from: &str| -> Option<String> {
        let block = text.split_once(from)?.1;
        Some(block.lines().skip(1).take_while(|line| line.starts_with("    ")).map(|line| format!("{}\n", &line[4..])).collect())
    };
    for (at, (code, title, text)) in CODES.iter().enumerate() {
        assert_eq!(*code, format!("NN{:04}", at + 1));
        assert!(!title.ends_with('.'));
        let (Some(wrong), Some(right)) = (example(text, "Wrong:"), example(text, "Right:")) else {
            assert!(["NN0001", "NN0002", "NN0003", "NN0011"].contains(code), "{code} has no example");
            continue;
        };
        let found = problems(&wrong);
        assert!(found.iter().any(|problem| problem.code == *code), "{code}: {found:?}");
        assert!(problems(&right).is_empty(), "{code}: {:?}", problems(&right));
    }
}

#[track_caller]
fn check_shown(text: &str, expected: &str) {
    let mut sources = Sources::default();
    sources.add("model.nn", text);
    let shown: String = problems(text).iter().map(|problem| render(problem, &sources)).collect();
    assert!(shown == expected, "expected\n{expected}\nfound\n{shown}");
}

#[test]
fn shown_as_text() {
    check_shown(
        "layer f(x[4]) -> y {\n\ty[i] = 2 x[i];\n}\n",
        "\
error[NN0022]: expected an operator or `;` after the equation of `y`, found `x`
 --> model.nn:2:11
  |
2 |     y[i] = 2 x[i];
  |              ^ two values follow each other
  |
  = help: a product is written
  |
2 |     y[i] = 2 * x[i];
  |             ++
",
    );
    // Wide characters take two columns.
    check_shown(
        "layer f(x) -> y {\n    check x, \"漢字\"; y = ;\n}\n",
        "\
error[NN0013]: expected a value after `=`, found `;`
 --> model.nn:2:24
  |
2 |     check x, \"漢字\"; y = ;
  |                          ^ expected a name, a number, `(`, `[` or `if`
",
    );
    // Several places on a line, several lines.
    check_shown(
        "layer f(x) -> y {\n\n\n\n    y = (x;\n    z = x\n}",
        "\
error[NN0004]: `(` is not closed before `;`
 --> model.nn:5:11
  |
5 |     y = (x;
  |         - ^ expected `)`
  |         |
  |         this bracket is open
  |
  = help: close it
  |
5 |     y = (x);
  |           +
",
    );
    // A place that is wider than what is shown, near the beginning of its line.
    for before in 0..60 {
        let text = format!("{}fn f(x) = \"{}\";", " ".repeat(before), "a".repeat(200));
        let mut sources = Sources::default();
        sources.add("model.nn", text.as_str());
        let shown = render(&problems(&text)[0], &sources);
        assert!(shown.contains(" | ") && shown.lines().all(|line| line.chars().count() < 240), "{shown}");
    }
    // A long line is cut around its label.
    let long = format!("fn f(x) = {}x x{};", "x + ".repeat(100), " + x".repeat(100));
    let shown = {
        let mut sources = Sources::default();
        sources.add("model.nn", long.as_str());
        render(&problems(&long)[0], &sources)
    };
    assert!(shown.lines().all(|line| line.chars().count() < 140), "{shown}");
    assert!(shown.contains(" ^ two values follow each other"), "{shown}");
    let column = shown.lines().find_map(|line| line.find('^')).unwrap();
    assert_eq!(&shown.lines().nth(3).unwrap()[column - 2..column + 3], "x x +", "{shown}");
}
