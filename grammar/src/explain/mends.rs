//! What to say at the place where the reader stopped: what was found, what was expected, and how to mend what people write from
//! the habit of other languages.

use super::{ITEMS, OR_ARROW, OR_OPERATOR, RESERVED, Read, Reader, STATEMENTS, Stop};
use crate::scan::{Lexeme, REDUCERS, Token, begins_operand, cut};
use crate::{Diagnostic, Span};

/// `a`, `b` or `c`
fn any_of(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        Some((last, _)) => last.clone(),
        None => "the end".to_owned(),
    }
}

/// How many letters must be changed, inserted or removed to make one of the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, &y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// The word among `words` that was probably meant.
fn near<'w>(word: &str, words: &[&'w str]) -> Option<&'w str> {
    if word.len() > 20 {
        return None;
    }
    let lower = word.to_ascii_lowercase();
    let allowed = if word.len() < 4 { 1 } else { 2 };
    words.iter().map(|&other| (distance(&lower, other), other)).filter(|(distance, _)| *distance <= allowed).min().map(|(_, word)| word)
}

impl Reader<'_> {
    /// The next token for a message.
    fn found(&self) -> String {
        match self.token(0) {
            None if self.inline => "the end of the chain".to_owned(),
            None => "the end of the file".to_owned(),
            Some(token) => match token.lexeme {
                Lexeme::Doc => "documentation".to_owned(),
                Lexeme::Text => format!("the text {}", cut(token.text(self.text))),
                _ => format!("`{}`", cut(token.text(self.text))),
            },
        }
    }

    fn written(&self, token: Token) -> String {
        token.text(self.text).to_owned()
    }

    /// The place just behind the token before.
    fn behind(&self) -> Span {
        let end = self.before().map_or(0, |token| token.end as u32);
        Span { source: self.source, start: end, end }
    }

    /// Of the next `number` tokens, if they stand without a gap.
    fn glued(&self, number: usize) -> Option<Span> {
        let (first, last) = (self.token(0)?, self.token(number - 1)?);
        let apart = (1..number).any(|ahead| self.token(ahead).map(|token| token.start) != self.token(ahead - 1).map(|token| token.end));
        (!apart).then(|| self.span(first).to(self.span(last)))
    }

    /// Nothing special is known.
    pub(super) fn unexpected(&mut self, expected: &str, after: &str) -> Stop {
        if self.lexeme(0) == Some(Lexeme::Doc) {
            return self.documents_nothing();
        }
        let message = format!("expected {expected} {after}, found {}", self.found());
        let problem = Diagnostic::error("NN0013", self.here(), message).label(format!("expected {expected}"));
        self.report(problem)
    }

    // ---- items and statements

    pub(super) fn documents_nothing(&mut self) -> Stop {
        let doc = if self.lexeme(0) == Some(Lexeme::Doc) { self.token(0) } else { self.before() };
        let place = doc.map_or(self.here(), |doc| self.span(doc));
        let slashes = Span { end: place.start + 3, ..place };
        let problem = Diagnostic::error("NN0023", place, "this documentation documents nothing")
            .label("`///` stands before an item or a statement")
            .replace("for a comment, write", slashes, "//");
        self.report(problem)
    }

    pub(super) fn no_item(&mut self) -> Stop {
        let here = self.here();
        let found = self.found();
        let expected = "expected an item: `fn`, `layer`, `model`, `optimizer`, `const` or `import`";
        let word = self.look(0);
        let mut problem = Diagnostic::error("NN0020", here, format!("{found} begins no item")).label(expected);
        if self.lexeme(0) == Some(Lexeme::Word) {
            let meant = match word {
                "def" | "func" | "function" | "fun" | "proc" => Some("fn"),
                "class" | "network" | "net" | "nn" | "struct" | "module" | "sequential" | "Sequential" => Some("model"),
                "use" | "include" | "from" | "require" => Some("import"),
                "let" | "var" | "static" | "val" => Some("const"),
                "activation" => Some("fn"),
                "block" | "loss" | "metric" | "cell" => Some("layer"),
                _ => near(word, &ITEMS),
            };
            let statement = self.is_equation() || (STATEMENTS.contains(&word) && !matches!(word, "let" | "block" | "loss"));
            let chain = matches!(self.look(1), "->" | "(") || (self.look(1) == ":" && self.is_name(2));
            if let (Some(meant), true) = (meant, self.lexeme(1) == Some(Lexeme::Word)) {
                problem = problem.replace(format!("did you mean `{meant}`?"), here, meant);
            } else if statement {
                problem = problem.help("a statement stands in the body of a `layer`, `model` or `optimizer`");
            } else if chain {
                problem = problem.help("a chain has a name here: `model NAME = ...;`");
            }
        } else if self.lexeme(0) == Some(Lexeme::Sign) && word == "<" {
            problem = problem.help("`< chain >` stands in `nn!{ ... }`; in a file write `model NAME = chain;`");
        }
        self.report(problem)
    }

    pub(super) fn no_import(&mut self) -> Stop {
        let here = self.here();
        let mut problem = Diagnostic::error("NN0013", here, format!("expected a file name in `\"` after `import`, found {}", self.found()))
            .label("expected a text");
        if self.is_name(0) {
            // What was written up to the end of the statement, as a path.
            let mut last = self.at;
            while self.tokens.get(last + 1).is_some_and(|next| !matches!(next.text(self.text), ";") && next.start == self.tokens[last].end)
            {
                last += 1;
            }
            let all = here.to(self.span(self.tokens[last]));
            let path = self.text[all.range()].replace("::", "/").replace("\"", "");
            let path = if path.ends_with(".nn") { path } else { format!("{}.nn", path.replace('.', "/")) };
            problem = problem.write(all, format!("\"{path}\""));
        }
        self.report(problem)
    }

    pub(super) fn glued_import(&mut self) -> Stop {
        let place = self.behind();
        let problem = Diagnostic::error("NN0013", self.here(), "expected a space between `import` and the file name")
            .label("Rust would read both as one token")
            .write(place, " ");
        self.report(problem)
    }

    pub(super) fn no_function_body(&mut self, name: &str) -> Stop {
        let mut problem =
            Diagnostic::error("NN0013", self.here(), format!("expected `=` and the value of `{name}`, found {}", self.found()))
                .label("expected `=`");
        if self.is("{") {
            problem = problem.help(format!("a `fn` is one expression: `fn {name}(...) = ...;`"));
        } else if self.is("->") || self.is(":") {
            problem = problem.help(format!("a `fn` names no result and no type: `fn {name}(...) = ...;`"));
        }
        self.report(problem)
    }

    pub(super) fn no_hypers(&mut self, name: &str) {
        let close = self.tokens[self.partner[self.at]];
        let list = self.here().to(self.span(close));
        let problem = Diagnostic::error("NN0027", list, format!("the model `{name}` has hyper-parameters"))
            .label("a model has ports only")
            .help(format!("make it a `layer {name}(...)(...)` and give the sizes in a model: `model Small = {name}(64);`"));
        self.report(problem);
    }

    /// `=>` before a result: reported, and read as `->`.
    pub(super) fn fat_arrow(&mut self) {
        let place = self.token(1).map_or(self.here(), |token| self.here().to(self.span(token)));
        self.report(Diagnostic::error("NN0016", place, "`=>` is no arrow").label("results stand behind `->`").write(place, "->"));
        self.at += 2;
    }

    /// A type behind the colon: reported, and passed over.
    pub(super) fn typed(&mut self, what: &str) -> Read {
        let colon = self.here();
        let kind = self.token(1).map_or(colon, |token| self.span(token));
        let problem = Diagnostic::error("NN0027", kind, format!("{what} has no type")).label("nothing has a type");
        self.report(problem.replace("leave it out", Span { start: self.behind().start, ..colon.to(kind) }, ""));
        if !self.is_name(1) {
            return Err(Stop);
        }
        self.at += 2;
        Ok(())
    }

    pub(super) fn no_body(&mut self, what: &str) -> Stop {
        if !self.is("=") {
            return self.unexpected("`{`", &format!("before the body of {what}"));
        }
        let problem = Diagnostic::error("NN0013", self.here(), format!("expected `{{` before the body of {what}, found `=`"))
            .label("expected `{`")
            .help("a body stands in braces, `-> y { y = ...; }`; the chain form names no ports and no result: `= linear(4) -> relu;`");
        self.report(problem)
    }

    /// In the brackets of a reduction, behind the name of the index.
    pub(super) fn no_range(&mut self) -> Stop {
        let index = self.before().map_or(String::new(), |token| self.written(token));
        let problem = Diagnostic::error("NN0013", self.here(), format!("expected `:` and the range of `{index}`, found {}", self.found()))
            .label("an index has its range behind `:`")
            .help(format!("from 0 to n - 1 is `{index}: n`; often the range follows from what is indexed"));
        self.report(problem)
    }

    pub(super) fn chain_with_ports(&mut self, what: &str) -> Stop {
        let message = format!("expected `->` and the result of {what}, found `=`");
        let problem = Diagnostic::error("NN0013", self.here(), message)
            .label("the chain form has no ports")
            .help("write `-> y { y = x -> ...; }`, or leave the ports out: the first stage knows what goes in");
        self.report(problem)
    }

    /// Reported, and read as if a result stood there, if a body follows.
    pub(super) fn no_result(&mut self, what: &str) -> Read {
        if self.is_name(0) && self.look(1) == "{" {
            let message = format!("expected `->` before the result of {what}, found {}", self.found());
            let problem = Diagnostic::error("NN0019", self.here(), message).label("expected `->`");
            self.report(problem.write(self.behind(), " ->"));
            self.at += 1;
            return Ok(());
        }
        if !self.is("{") {
            return Err(self.unexpected("`->` and the name of the result", &format!("after the ports of {what}")));
        }
        let result = self.first_defined().unwrap_or_else(|| "y".to_owned());
        let problem = Diagnostic::error("NN0019", self.here(), format!("{what} names no result"))
            .label("expected `->` and a name")
            .replace("name what goes out", self.behind(), format!(" -> {result}"));
        self.report(problem);
        Ok(())
    }

    /// The last name that the body ahead defines by an equation.
    fn first_defined(&self) -> Option<String> {
        let close = self.partner[self.at];
        let mut found = None;
        let mut begins = true;
        let mut at = self.at + 1;
        while at < close {
            let token = self.tokens[at];
            let next = self.tokens.get(self.jump(at + 1) + usize::from(self.jump(at + 1) > at + 1)).map_or("", |next| next.text(self.text));
            let name = token.text(self.text);
            if begins && token.lexeme == Lexeme::Word && next == "=" && !["loss", "optimizer"].contains(&name) {
                found = Some(name.to_owned());
            }
            begins = matches!(name, ";" | "}");
            at = self.jump(at) + 1;
        }
        found
    }

    /// Reported, and a type is passed over.
    pub(super) fn typed_hyper(&mut self, name: &str) -> Read {
        let from = self.behind();
        let kind = self.here();
        let mut problem = Diagnostic::error("NN0027", kind, format!("hyper-parameters have no type, found {}", self.found()))
            .label(format!("`{name}` is a number, a boolean or a pair"))
            .note("Behind the colon of a hyper-parameter stand the names of the parts of a pair: `k: (kh, kw) = 3`.");
        if self.lexeme(0) != Some(Lexeme::Word) {
            return Err(self.report(problem));
        }
        let colon = Span { start: from.start - 1, end: kind.end, ..kind };
        problem = problem.replace("leave it out", colon, "");
        self.report(problem);
        self.at += 1;
        Ok(())
    }

    /// Reported, and the default is passed over.
    pub(super) fn port_with_default(&mut self) -> Read {
        let problem = Diagnostic::error("NN0027", self.here(), "a port has no default, found `=`")
            .label("expected `,` or `)`")
            .help("hyper-parameters stand in a list of their own, before the ports: `layer scale(by = 1.0)(x) -> y`");
        self.report(problem);
        self.at += 1;
        self.expression()
    }

    /// Reported, and what looks like a type is passed over.
    pub(super) fn no_kind(&mut self, name: &str) -> Read {
        let here = self.here();
        let word = self.look(0);
        let mut problem = Diagnostic::error("NN0027", here, format!("{} is no kind of tensor", self.found()))
            .label("expected `index(...)` or `prob`")
            .note("A tensor without a kind holds real numbers; `index(n)` holds whole numbers in `0..n`, `prob` reals in `[0, 1]`.");
        let real = ["f32", "f64", "float", "real", "Tensor", "tensor", "f16", "double", "number"];
        if real.contains(&word) {
            let colon = Span { start: self.behind().start - 1, end: here.end, ..here };
            problem = problem.replace("leave it out", colon, "");
        } else if ["index", "int", "usize", "i32", "i64", "u32", "long", "label", "class"].contains(&word) {
            problem = problem.help(format!("say how many values `{name}` can have: `{name}: index(10)`"));
        } else if word == "[" {
            problem = problem.help(format!("axes stand behind the name: `{name}[n]`"));
        } else if ["bool", "boolean"].contains(&word) {
            problem = problem.write(here, "index(2)");
        } else if near(word, &["prob", "probability"]).is_some() {
            problem = problem.write(here, "prob");
        }
        let stop = self.report(problem);
        if !self.is_name(0) {
            return Err(stop);
        }
        self.at += 1;
        if matches!(self.look(0), "(" | "[") {
            self.at = self.partner[self.at] + 1;
        }
        Ok(())
    }

    /// Reported, and passed over.
    pub(super) fn empty_brackets(&mut self) {
        self.at += 1;
        let all = self.before().map_or(self.here(), |open| self.span(open).to(self.here()));
        let problem = Diagnostic::error("NN0024", all, "there is nothing in these brackets").label("expected an axis or an index");
        let problem = problem.replace("a scalar and a whole tensor have no brackets", all, "");
        self.report(problem);
        self.at += 1;
    }

    /// Reported, and passed over.
    pub(super) fn needless_semicolon(&mut self) -> Read {
        let here = self.here();
        let brace = self.before().is_some_and(|before| before.text(self.text) == "}");
        let message = if brace { "no `;` follows `}`" } else { "this `;` ends nothing" };
        let problem = Diagnostic::error("NN0026", here, message).label("not needed").replace("remove it", here, "");
        self.report(problem);
        self.at += 1;
        Ok(())
    }

    pub(super) fn no_statement(&mut self) -> Stop {
        let here = self.here();
        let word = self.look(0);
        if RESERVED.contains(&word) && word != "else" {
            self.no_name("the name of a tensor");
            return Stop;
        }
        let next = self.look(1);
        if let Some(operator @ ("+" | "-" | "*" | "/" | "%" | "^")) = Some(next)
            && self.look(2) == "="
        {
            let name = word.to_owned();
            let mut place = here;
            (1..=2).filter_map(|ahead| self.token(ahead)).for_each(|token| place = place.to(self.span(token)));
            let place = Span { start: self.token(1).map_or(here.end, |token| token.start as u32), ..place };
            let problem = Diagnostic::error("NN0015", place, format!("there is no `{operator}=`"))
                .label("an equation defines a tensor once")
                .replace("for the next value of a state or parameter, write", place, format!("<- {name} {operator}"))
                .help(format!("for a new tensor, give it a name of its own: `{name}1 = {name} {operator} ...;`"));
            return self.report(problem);
        }
        let mut problem = Diagnostic::error("NN0020", here, format!("{} begins no statement", self.found()))
            .label("expected an equation `y = ...;`, an update `s <- ...;` or a word such as `param`");
        let follows_word = self.is_name(1);
        if word == "else" {
            problem = problem.help("`else` follows the `}` of its `if`");
        } else if matches!(word, "return" | "output" | "yield") {
            problem = problem.help("the result is the tensor that is named behind `->`; define it by an equation");
        } else if matches!(word, "for" | "while" | "loop") {
            problem = problem.help("there are no loops: an equation holds for all values of its indices, `y[i] = ...;`");
        } else if ITEMS.contains(&word) && follows_word {
            problem = problem.help("a definition stands outside of bodies");
        } else if matches!(word, "var" | "mut" | "const" | "auto" | "val") && follows_word {
            let meant = "for a size write `let`, for a tensor nothing";
            problem = problem.replace(meant, here, "let");
        } else if follows_word && matches!(self.look(2), "=" | "[" | ":" | ";" | ",") {
            let meant = match word {
                "parameter" | "weight" | "weights" | "Parameter" => Some("param"),
                "buffer" => Some("state"),
                "input" | "label" | "labels" => Some("target"),
                "assert" => Some("check"),
                _ => near(word, &STATEMENTS),
            };
            if let Some(meant) = meant {
                problem = problem.replace(format!("did you mean `{meant}`?"), here, meant);
            }
        } else if matches!(word, "assert" | "require" | "ensure") {
            problem = problem.replace("did you mean `check`?", here, "check");
        } else if matches!(next, "(" | "->") && self.is_name(0) {
            problem = problem.help("give its value a name: `y = ...;`");
        }
        self.report(problem)
    }

    pub(super) fn one_in_brackets(&mut self, start: usize) -> Stop {
        let (open, close) = (self.tokens[start], self.tokens[self.partner[start]]);
        let place = self.span(open).to(self.span(close));
        let name = self.text[open.end..close.start].trim().to_owned();
        let problem = Diagnostic::error("NN0024", place, "one name in brackets").label("brackets are for several results");
        let problem = problem.write(place, name);
        self.report(problem)
    }

    // ---- ends

    /// Whether the next token begins something new, so that only a `;` is missing before it.
    pub(super) fn semicolon_is_missing(&self) -> bool {
        let Some(next) = self.token(0) else { return true };
        let word = self.look(0);
        match next.lexeme {
            Lexeme::Doc => true,
            Lexeme::Word if self.is_name(0) => {
                let statement = (STATEMENTS.contains(&word) || ITEMS.contains(&word))
                    && (self.lexeme(1) == Some(Lexeme::Word) || matches!(self.look(1), "=" | "("));
                let equation = self.is_equation() && (self.look(1) != ":" || self.begins_line());
                // Two words in a row are never part of an expression.
                let words = self.is_name(1);
                (self.begins_line() && (statement || words)) || equation
            }
            Lexeme::Word => word == "if" && self.begins_line(),
            Lexeme::Sign if word == "}" => true,
            Lexeme::Sign if word == "(" && self.begins_line() => {
                self.tokens.get(self.partner[self.at].saturating_add(1)).is_some_and(|token| token.text(self.text) == "=")
            }
            _ => false,
        }
    }

    pub(super) fn no_semicolon(&mut self, what: &str) {
        let place = self.behind();
        let before = self.before().map_or(place, |token| self.span(token));
        let mut problem = Diagnostic::error("NN0012", place, format!("expected `;` after {what}, found {}", self.found()))
            .label("expected `;`")
            .replace("end it with `;`", place, ";");
        if self.token(0).is_some() && !self.begins_line() && !self.is("}") {
            problem = problem.also(self.here(), "the next statement begins here");
        }
        debug_assert!(before.end == place.start, "the place lies behind the last token");
        self.report(problem);
    }

    /// An expression or chain is over, but none of `expected` follows it.
    pub(super) fn not_ended(&mut self, expected: &[&str], after: &str) -> Stop {
        let here = self.here();
        let word = self.look(0);
        let next = self.look(1);
        let before = self.before().map_or(String::new(), |token| self.written(token));
        let wants = |sign: &str| expected.contains(&sign);
        let operator = |at: Span, found: &str, with: &str, what: &str| {
            Diagnostic::error("NN0016", at, format!("`{found}` is no operator")).label(what.to_owned()).write(at, with)
        };
        let problem = match word {
            "<-" => {
                let with = if next.is_empty() && self.lexeme(1) != Some(Lexeme::Number) { "<-" } else { "< -" };
                Diagnostic::error("NN0017", here, "`<-` is one token, an arrow to the left").label("here a comparison is possible").replace(
                    "to compare with a negative number, write",
                    here,
                    with,
                )
            }
            "and" => operator(here, "and", "&&", "conditions are joined by signs"),
            "mod" => operator(here, "mod", "%", "the remainder is a sign"),
            "is" => operator(here, "is", "==", "equality is a sign"),
            "xor" => operator(here, "xor", "!=", "of two conditions, one and not the other"),
            "not" | "in" if self.begins_operand(1) => Diagnostic::error("NN0016", here, format!("`{word}` is no operator"))
                .label("expected an operator")
                .help("compare with `==`, `!=`, `<=`, `<`, and join by `&&` and `||`"),
            "&" | "|" => return Stop,
            "=" if next == ">" && self.glued(2).is_some() => {
                let place = self.glued(2).unwrap_or(here);
                operator(place, "=>", "->", "stages are joined by an arrow")
            }
            "=" if before == "==" || before == "=" => operator(here, "===", "", "equality is `==`"),
            "==" if next == "=" => operator(here, "==", "==", "equality is `==`"),
            "=" => Diagnostic::error("NN0015", here, "`=` defines, `==` compares").label("expected an operator").write(here, "=="),
            ">" if before == "|" || before == "<" => operator(here, "|>", "->", "stages are joined by an arrow"),
            "->" => Diagnostic::error("NN0025", here, format!("expected {} {after}, found `->`", any_of(expected)))
                .label("a chain cannot stand here")
                .help("put it into brackets, `(x -> f)`, or give it a name in an equation of its own"),
            "if" => Diagnostic::error("NN0021", here, "`if` stands before its value")
                .label("expected an operator")
                .help("write `if c { a } else { b }`"),
            "then" => Diagnostic::error("NN0021", here, "there is no `then`").label("expected `{`").help("write `if c { a } else { b }`"),
            "where" => Diagnostic::error("NN0013", here, format!("expected {} {after}, found `where`", any_of(expected)))
                .label("not here")
                .help("`where` stands in the brackets of a reduction: `sum(i where c) x[i]`"),
            "!" => operator(here, "!", "!=", "for unequal, write `!=`"),
            ":" if wants("]") => Diagnostic::error("NN0013", here, format!("expected {} {after}, found `:`", any_of(expected)))
                .label("there are no slices")
                .help("an equation takes a part by its index: `y[i: n] = x[i + 1];`"),
            ":" if wants(";") || wants(",") => {
                Diagnostic::error("NN0013", here, format!("expected {} {after}, found `:`", any_of(expected)))
                    .label("neither a label nor a range can stand here")
            }
            ";" if wants(")") || wants("]") => {
                let message = format!("expected {} {after}, found `;`", any_of(expected));
                Diagnostic::error("NN0013", here, message).label("this bracket is still open")
            }
            "[" if matches!(before.as_str(), ")" | "]") => Diagnostic::error("NN0022", here, "only a name has indices, found `[`")
                .label("expected an operator")
                .help("give the value a name in an equation of its own, and index that"),
            "." => Diagnostic::error("NN0013", here, "only a name has parts, found `.`")
                .label(format!("expected {}{}", self.or, any_of(expected)))
                .help("`fc1.w` is the parameter `w` of the stage `fc1`; functions are called `f(x)`"),
            "{" => Diagnostic::error("NN0013", here, format!("expected {} {after}, found `{{`", any_of(expected))).label(format!(
                "expected {}{}",
                self.or,
                any_of(expected)
            )),
            _ if self.begins_operand(0) && self.ends_operand() => {
                let place = self.behind();
                let mut problem =
                    Diagnostic::error("NN0022", here, format!("expected {}{} {after}, found {}", self.or, any_of(expected), self.found()))
                        .label("two values follow each other");
                if self.or == OR_ARROW && self.lexeme(0) == Some(Lexeme::Number) {
                    let number = here;
                    let place = Span { start: place.start, ..number };
                    problem = problem.replace("sizes stand in brackets", place, format!("({})", &self.text[number.range()]));
                } else if self.or == OR_ARROW && !(wants(";") && self.begins_line()) {
                    problem = problem.replace("stages are joined by an arrow", place, " ->");
                } else if wants(";") && self.begins_line() {
                    problem = problem.replace("if a new statement begins, end this one", place, ";");
                } else if wants(",") {
                    problem = problem.replace("between elements of a list, write", place, ",");
                } else if self.or == OR_OPERATOR && (word != "(" || before.parse::<f64>().is_ok()) {
                    problem = problem.replace("a product is written", place, " *");
                }
                problem
            }
            _ => return self.unexpected(&format!("{}{}", self.or, any_of(expected)), after),
        };
        self.report(problem)
    }

    fn begins_operand(&self, ahead: usize) -> bool {
        self.token(ahead).is_some_and(|token| begins_operand(token, self.text))
    }

    fn ends_operand(&self) -> bool {
        self.before().is_some_and(|before| match before.lexeme {
            Lexeme::Number | Lexeme::Word => true,
            Lexeme::Sign => matches!(before.text(self.text), ")" | "]" | "}"),
            _ => false,
        })
    }

    // ---- operands, names, stages

    /// An operand is expected.
    pub(super) fn no_operand(&mut self) -> Stop {
        let here = self.here();
        let word = self.look(0);
        let before = self.before();
        let before_text = before.map_or(String::new(), |token| self.written(token));
        let both = before.map_or(here, |token| self.span(token).to(here));
        let problem = match (before_text.as_str(), word) {
            ("*", "*") => Diagnostic::error("NN0016", both, "`**` is no operator").label("a power is written `^`").write(both, "^"),
            ("/", "/") => Diagnostic::error("NN0016", both, "`//` begins a comment").label("a quotient is written `/`"),
            ("+", "+") => Diagnostic::error("NN0016", here, format!("`{before_text}{word}` is no operator")).label("expected a value"),
            ("==", "=") => Diagnostic::error("NN0016", both, "`===` is no operator").label("equality is `==`").write(both, "=="),
            ("!=", "=") => Diagnostic::error("NN0016", both, "`!==` is no operator").label("unequal is `!=`").write(both, "!="),
            ("<", ">") => Diagnostic::error("NN0016", both, "`<>` is no operator").label("unequal is `!=`").write(both, "!="),
            (">", ">") => Diagnostic::error("NN0016", both, "`>>` is no operator").label("a chain is joined by `->`").write(both, "->"),
            ("=", ">") => Diagnostic::error("NN0016", both, "`=>` is no operator").label("a chain is joined by `->`").write(both, "->"),
            ("&&", "&") | ("||", "|") => {
                Diagnostic::error("NN0016", both, format!("`{before_text}{word}` is no operator")).label("two signs are enough")
            }
            ("&" | "|", _) | (_, "&" | "|") => return Stop,
            ("(" | "[", ")" | "]") => Diagnostic::error("NN0024", both, "there is nothing in these brackets").label("expected a value"),
            (_, "+") => Diagnostic::error("NN0013", here, "expected a value, found `+`").label("there is no sign `+`").replace(
                "leave it out",
                here,
                "",
            ),
            (_, "not") | (_, "!") => Diagnostic::error("NN0016", here, format!("`{word}` is no operator here")).label("negation is `!`"),
            (_, "->") => Diagnostic::error("NN0025", here, "expected a value before `->`")
                .label("nothing goes into this chain")
                .help("write `x -> ...`"),
            (_, "<-") => Diagnostic::error("NN0017", here, "`<-` is one token, an arrow to the left").label("expected a value"),
            (_, "{") => Diagnostic::error("NN0013", here, "expected a value, found `{`")
                .label("braces enclose the values of an `if`, and bodies")
                .help("a vector is written `[1, 2]`, a group `(a + b)`"),
            (_, "else" | "where" | "or") => Diagnostic::error("NN0014", here, format!("expected a value, found the word `{word}`"))
                .label(format!("`{word}` is reserved")),
            (_, "_") => Diagnostic::error("NN0014", here, "`_` is no name").label("expected a value"),
            _ if self.lexeme(0) == Some(Lexeme::Text) => {
                Diagnostic::error("NN0013", here, "expected a value, found a text").label("texts stand only in `check` and `import`")
            }
            _ => {
                let after = if before_text.is_empty() { String::new() } else { format!(" after `{}`", cut(&before_text)) };
                let message = format!("expected a value{after}, found {}", self.found());
                Diagnostic::error("NN0013", here, message).label("expected a name, a number, `(`, `[` or `if`")
            }
        };
        self.report(problem)
    }

    /// Behind the comma.
    pub(super) fn trailing_comma(&mut self) {
        let comma = self.before().map_or(self.here(), |comma| self.span(comma));
        let problem = Diagnostic::error("NN0024", comma, "a list does not end in a comma").label("nothing follows");
        self.report(problem.replace("remove it", comma, ""));
    }

    /// Reported; a reserved word is read as the name.
    pub(super) fn no_name(&mut self, what: &str) -> Option<String> {
        let here = self.here();
        let word = self.look(0).to_owned();
        let reserved = RESERVED.contains(&word.as_str());
        let problem = if reserved {
            Diagnostic::error("NN0014", here, format!("`{word}` cannot be a name"))
                .label(format!("expected {what}"))
                .note("Reserved are `if`, `else`, `where`, `or`, `true` and `false`.")
                .replace("choose another, such as", here, format!("{word}_"))
        } else if word == "_" {
            Diagnostic::error("NN0014", here, "`_` is no name").label(format!("expected {what}"))
        } else {
            Diagnostic::error("NN0013", here, format!("expected {what}, found {}", self.found())).label("expected a name")
        };
        self.report(problem);
        if reserved || word == "_" {
            self.at += 1;
            return Some(word);
        }
        None
    }

    pub(super) fn no_index(&mut self) -> Read {
        if self.lexeme(0) == Some(Lexeme::Number) || matches!(self.look(0), "-" | "(") {
            let problem = Diagnostic::error("NN0013", self.here(), format!("expected the name of an index, found {}", self.found()))
                .label("only names are bound")
                .help("for one element, write a condition: `y[i: n] = if i == 0 { a } else { b };`");
            return Err(self.report(problem));
        }
        self.no_name("the name of an index").map_or(Err(Stop), |_| Ok(()))
    }

    /// Reported; another sign of definition is passed over.
    pub(super) fn no_equals(&mut self, after: &str) -> Read {
        let here = self.here();
        let problem = match self.look(0) {
            "==" => Diagnostic::error("NN0015", here, format!("expected `=` after {after}, found `==`"))
                .label("`==` compares, `=` defines")
                .write(here, "="),
            ":" if self.look(1) == "=" => return self.colon_equals(),
            "<-" => Diagnostic::error("NN0015", here, format!("expected `=` after {after}, found `<-`"))
                .label("`<-` is for the next value of a state")
                .write(here, "="),
            _ => return Err(self.unexpected("`=`", &format!("after {after}"))),
        };
        self.report(problem);
        self.at += 1;
        Ok(())
    }

    /// Reported, and passed over.
    pub(super) fn colon_equals(&mut self) -> Read {
        let place = self.token(1).map_or(self.here(), |token| self.here().to(self.span(token)));
        let problem = Diagnostic::error("NN0015", place, "there is no `:=`").label("an equation has `=`").write(place, "=");
        self.report(problem);
        self.at += 2;
        Ok(())
    }

    pub(super) fn no_brace(&mut self, after: &str) -> Stop {
        let word = self.look(0);
        if matches!(word, "=" | "and" | "<-" | "is" | "->") {
            return self.not_ended(&["{"], after);
        }
        let here = self.here();
        let mut problem = Diagnostic::error("NN0021", here, format!("expected `{{` {after}, found {}", self.found())).label("expected `{`");
        if matches!(word, "then" | ":") {
            problem = problem.write(here, "{");
        } else {
            problem = problem.help("write `if c { a } else { b }`, with the braces");
        }
        self.report(problem)
    }

    /// Reported, and read as `else if`: the next token takes the place of `if`.
    pub(super) fn else_if(&mut self) {
        let here = self.here();
        let problem =
            Diagnostic::error("NN0021", here, format!("there is no `{}`", self.look(0))).label("two words").write(here, "else if");
        self.report(problem);
    }

    /// Reported, and read as if a value stood there.
    pub(super) fn no_else(&mut self) {
        let problem =
            Diagnostic::error("NN0021", self.behind(), format!("expected `else` after the value of this `if`, found {}", self.found()))
                .label("no value for the other case")
                .replace("give one", self.behind(), " else { 0 }");
        self.report(problem);
    }

    pub(super) fn no_stage(&mut self) -> Stop {
        let here = self.here();
        let found = self.found();
        let word = self.look(0);
        let arrow = self.before().is_some_and(|before| before.text(self.text) == "->");
        let mut problem =
            Diagnostic::error("NN0025", here, format!("expected a stage, found {found}")).label("expected the name of a layer or function");
        if RESERVED.contains(&word) {
            problem = problem.help(format!("`{word}` is reserved and names no layer"));
        } else if arrow && matches!(word, "(" | "[") {
            problem = problem.help("behind `->` stands what is applied; what goes in stands at the beginning: `(a, b) -> concat`");
        } else if arrow && (word == ";" || word == ")" || self.token(0).is_none()) {
            problem = problem.help("a chain does not end in `->`");
        } else if self.lexeme(0) == Some(Lexeme::Number) {
            problem = problem.help("a layer has its size in brackets: `linear(64)`");
        } else if !arrow && word == "(" {
            problem = problem.help("the chain form has no input: write the first stage");
        }
        self.report(problem)
    }

    /// Reported; a sign is passed over.
    pub(super) fn no_reduced(&mut self, open: usize) -> Read {
        let reducer = open.checked_sub(1).map_or(String::new(), |at| self.written(self.tokens[at]));
        debug_assert!(REDUCERS.contains(&reducer.as_str()), "a reduction begins with its word");
        let here = self.here();
        let word = self.look(0);
        if !matches!(word, "-" | "!") && !matches!(word, "true" | "false") {
            let problem = Diagnostic::error("NN0018", here, format!("expected what `{reducer}` reduces, found {}", self.found()))
                .label("expected a product")
                .help(format!("for example `{reducer}(i) x[i]`"));
            return Err(self.report(problem));
        }
        // The body goes to the next sign that binds less than a product.
        let mut last = self.at;
        let mut at = self.at + usize::from(word == "-" || word == "!");
        while let Some(token) = self.tokens.get(at) {
            let text = token.text(self.text);
            if matches!(
                text,
                ";" | "," | "+" | "-" | "->" | ")" | "]" | "}" | "{" | "==" | "!=" | "<" | ">" | "<=" | ">=" | "&&" | "||" | "<-"
            ) {
                break;
            }
            last = self.jump(at);
            at = last + 1;
        }
        let body = here.to(self.span(self.tokens[last]));
        let with = format!("({})", &self.text[body.range()]);
        let problem = Diagnostic::error("NN0018", here, format!("what `{reducer}` reduces cannot begin with `{word}`"))
            .label("expected a name, a number, `(`, `[` or `if`")
            .note("Else `max(i) - x` could be a difference as well.")
            .replace("put it into brackets", body, with);
        self.report(problem);
        self.at += usize::from(matches!(word, "-" | "!"));
        self.operand()
    }

    /// Behind the chain of `nn!( … )`.
    pub(super) fn behind_chain(&mut self) -> Stop {
        self.or = OR_ARROW;
        let here = self.here();
        let first = self.tokens.first().map_or(String::new(), |token| self.written(*token));
        let word = self.look(0);
        let problem = if word == ";" || word == "," {
            Diagnostic::error("NN0026", here, format!("no `{word}` follows the chain")).label("not needed").replace("remove it", here, "")
        } else if ITEMS.contains(&first.as_str()) && self.at == 1 {
            Diagnostic::error("NN0020", here, format!("expected a chain, found the beginning of a {first}"))
                .label("an item is no value")
                .help("items stand in `nn!{ ... }`, where Rust items stand")
        } else {
            return self.not_ended(&[], "of this chain");
        };
        self.report(problem)
    }
}
