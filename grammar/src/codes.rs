//! What `nnc explain` says about the codes of this package: NN00xx, what a text cannot be.
//!
//! Each entry is the code, a title, and an explanation with a wrong and a right text; a test gives both to the parser.

/// Code, title, explanation; in the order of the codes.
pub const CODES: &[(&str, &str, &str)] = &[
    (
        "NN0001",
        "the file is not UTF-8",
        "A source is a text in UTF-8. The first byte that is none is named with its place. Save the file as UTF-8; outside of comments and texts only ASCII is used anyway.",
    ),
    ("NN0002", "the text is too long", "A source has less than 4 GiB, because a place in it is a number of 32 bits. Split it into files and `import` them."),
    (
        "NN0003",
        "the nesting is too deep",
        "\
Brackets may be nested 64 deep, so that no thread's stack decides whether a model compiles. Signs (`--x`), powers, `or`, `if` and
reductions that follow each other directly count as well. Long sums, products and chains are no nesting: they may have any length.
Give the inner part a name in an equation of its own.",
    ),
    (
        "NN0004",
        "brackets do not match",
        "\
Each `(`, `[` and `{` is closed by its own partner, and `;` never stands inside of `(` or `[`.

Wrong:
    fn f(x) = exp((x + 1) * 2;
Right:
    fn f(x) = exp((x + 1) * 2);",
    ),
    (
        "NN0005",
        "a character that is not used",
        "\
Outside of comments and texts only ASCII is read, and of it not `@ # $ \\ ~ backquote`. Greek letters are written out, a product of
matrices is written with its indices.

Wrong:
    fn f(x) = α * x;
Right:
    fn f(x, alpha = 1.0) = alpha * x;",
    ),
    (
        "NN0006",
        "not a number of this language",
        "\
Numbers are decimal: digits (with `_` between them), perhaps a point with digits on both sides, perhaps an exponent. They have no type
and no unit.

Wrong:
    fn f(x) = .5 * x + 0x10;
Right:
    fn f(x) = 0.5 * x + 16;",
    ),
    (
        "NN0007",
        "a text is not closed",
        "\
A text stands in `\"` on one line. `\\n` in it is a new line, `\\\"` a quote, `\\\\` a backslash.

Wrong:
    import \"blocks.nn;
Right:
    import \"blocks.nn\";",
    ),
    (
        "NN0008",
        "an unknown escape",
        "\
In a text `\\\"`, `\\\\` and `\\n` have a meaning, no other letter behind a backslash has.

Wrong:
    import \"models\\blocks.nn\";
Right:
    import \"models/blocks.nn\";",
    ),
    (
        "NN0009",
        "another kind of comment",
        "\
A comment goes from `//` to the end of the line; `///` documents the item or statement after it. There is no `/* */` and no `//!`.

Wrong:
    /* the activation */
    fn f(x) = max(x, 0);
Right:
    // the activation
    fn f(x) = max(x, 0);",
    ),
    (
        "NN0010",
        "a quote that is not used",
        "\
`'` quotes nothing and is no part of a name; `r#` is not needed, because words of Rust are ordinary names here.

Wrong:
    import 'blocks.nn';
Right:
    import \"blocks.nn\";",
    ),
    ("NN0011", "a name is too long", "A name has at most 1000 characters."),
    (
        "NN0012",
        "`;` is missing",
        "\
Every statement ends in `;`, and so does every item without braces. Line ends mean nothing: without the `;` what follows would belong to the same expression.

Wrong:
    model Iris = linear(4, 16) -> tanh -> linear(16, 3) -> softmax
Right:
    model Iris = linear(4, 16) -> tanh -> linear(16, 3) -> softmax;",
    ),
    (
        "NN0013",
        "something else was expected",
        "\
The text cannot go on in this way. The message says what could stand here, and after what; the label is on the token that was found.

Wrong:
    layer double(x) -> y { y = 2 * ; }
Right:
    layer double(x) -> y { y = 2 * x; }",
    ),
    (
        "NN0014",
        "a reserved word as a name",
        "\
`if`, `else`, `where`, `or`, `true` and `false` are never names, and neither is `_`. Every other word may be one.

Wrong:
    layer gate(x, where) -> y { y = x * where; }
Right:
    layer gate(x, mask) -> y { y = x * mask; }",
    ),
    (
        "NN0015",
        "the wrong sign of definition",
        "\
`=` defines, once; `<-` gives the next value of a state or parameter; `==` compares. There is no `:=` and no `+=`.

Wrong:
    layer count(x) -> y { state n = 0; n += 1; y := x; }
Right:
    layer count(x) -> y { state n = 0; n <- n + 1; y = x; }",
    ),
    (
        "NN0016",
        "an operator of another language",
        "\
The operators are `|| && == != <= >= < > + - * / % ^ ! or`, and `->` between stages. A power is `^`, and conditions are joined by `&&`
and `||` (`or` gives the value outside of a tensor: `x[i - 1] or 0`).

Wrong:
    fn f(x) = x ** 2;
Right:
    fn f(x) = x^2;",
    ),
    (
        "NN0017",
        "`<-` read as an arrow",
        "\
`<-` is one token, as in Rust, the arrow of an update. To compare with a negative number, write a space.

Wrong:
    fn f(x) = if x <-1 { 0 } else { x };
Right:
    fn f(x) = if x < -1 { 0 } else { x };",
    ),
    (
        "NN0018",
        "what is reduced is missing",
        "\
Behind the brackets of a reduction stands a product, which begins with a name, a number, `(`, `[` or `if`. A sign would read as a
difference, so a body that begins with one stands in brackets.

Wrong:
    layer least(x[n]) -> y { y = max(i: n) -x[i]; }
Right:
    layer least(x[n]) -> y { y = max(i: n) (-x[i]); }",
    ),
    (
        "NN0019",
        "the result has no name",
        "\
Behind the ports of a layer or model stands `->` and the name of the tensor that is its result, or several in brackets.

Wrong:
    layer double(x) { y = 2 * x; }
Right:
    layer double(x) -> y { y = 2 * x; }",
    ),
    (
        "NN0020",
        "no such item or statement",
        "\
A file consists of `import`, `const`, `fn`, `layer`, `model` and `optimizer`. A body consists of equations (`y = ...;`), updates (`s <- ...;`) and
the statements `param`, `state`, `random`, `target`, `let`, `block`, `check`, `loss`, `metric`, `optimizer`, `unbatched` and `if`.

Wrong:
    layer double(x) -> y { return 2 * x; }
Right:
    layer double(x) -> y { y = 2 * x; }",
    ),
    (
        "NN0021",
        "an incomplete `if`",
        "\
`if` has braces around both values and, where a value is needed, an `else`. There is no `c ? a : b`, no `then` and no `elif`.

Wrong:
    fn f(x) = x > 0 ? x : 0;
Right:
    fn f(x) = if x > 0 { x } else { 0 };",
    ),
    (
        "NN0022",
        "two values follow each other",
        "\
Between two values stands an operator, between two elements of a list a comma: a product is written with `*`. Only a name has indices.

Wrong:
    fn f(x) = 2 x;
Right:
    fn f(x) = 2 * x;",
    ),
    (
        "NN0023",
        "documentation of nothing",
        "\
`///` stands before the item or statement that it documents. For a remark at any other place write `//`.

Wrong:
    fn f(x) = 2 * x; /// doubles
Right:
    /// doubles
    fn f(x) = 2 * x;",
    ),
    (
        "NN0024",
        "an empty place in a list",
        "\
A list has no comma at its end. Indices and axes are at least one: what has none is written without brackets.

Wrong:
    layer first(x[n, ]) -> y { y[] = x[0]; }
Right:
    layer first(x[n]) -> y { y = x[0]; }",
    ),
    (
        "NN0025",
        "a chain where none can stand",
        "\
`x -> f -> g` is a value, then names of what is applied to it. It stands behind the `=` of an equation, as an argument, and in brackets;
the initial value of a parameter or a size is an expression.

Wrong:
    layer f(x) -> y { y = x -> relu -> ; }
Right:
    layer f(x) -> y { y = x -> relu; }",
    ),
    (
        "NN0026",
        "a needless `;`",
        "\
No `;` follows the `}` of a body, and none the chain in `nn!(...)`.

Wrong:
    layer double(x) -> y { y = 2 * x; };
Right:
    layer double(x) -> y { y = 2 * x; }",
    ),
    (
        "NN0027",
        "ports and hyper-parameters",
        "\
Hyper-parameters stand in the first list: a name, perhaps `: (a, b)` for a pair, perhaps a default. Ports stand in the last list: a name,
perhaps axes, perhaps the kind `: index(n)` or `: prob`. A model has ports only. Nothing has a type.

Wrong:
    layer scale(by: f32 = 1.0)(x[n]: f32) -> y { y = by * x; }
Right:
    layer scale(by = 1.0)(x[n]) -> y { y = by * x; }",
    ),
];
