//! What to say of wrong items and statements: what was found, what was expected, and how to mend what people write from the habit of
//! other languages.

use super::{ITEMS, RESERVED, Read, Reader, STATEMENTS, Stop};
use crate::scan::Lexeme;
use crate::{Diagnostic, Span};

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
}
