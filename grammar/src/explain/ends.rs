//! What to say where an expression, a chain or a statement ends too early or goes on in a way that is not possible.

use super::{ITEMS, OR_ARROW, OR_OPERATOR, RESERVED, Read, Reader, STATEMENTS, Stop};
use crate::scan::{Lexeme, REDUCERS, begins_operand, cut};
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

impl Reader<'_> {
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
