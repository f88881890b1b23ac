//! The text cut into tokens before pest sees it, and what can be said of it without a grammar.
//!
//! A scan is one pass that never recurses: it refuses what no `.nn` text contains (foreign characters, numbers and strings written
//! in another way, brackets that do not match) and bounds the depth of the tree, so that what runs afterwards may recurse. Depth is
//! what makes a tree deep: each bracket, and within a bracket each sign, `^`, `or`, reduction and `if` that stands before
//! another of them without anything in between that would end it. A wrong token still becomes the token that was probably meant, so
//! that the rest of the text can be judged too.

use crate::{Diagnostic, Span};

/// The deepest nesting that is read.
pub(crate) const DEEPEST: usize = 64;
/// The longest name; pest reads a name several times.
const LONGEST_NAME: usize = 1000;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lexeme {
    /// A name or a word of the language.
    Word,
    /// `1e-3`, or the `0` in `deep.0.w`.
    Number,
    /// With its quotes.
    Text,
    /// One of the signs.
    Sign,
    /// `/// …`
    Doc,
    /// `// …`
    Comment,
}

/// A token: its kind and its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    /// Its kind.
    pub lexeme: Lexeme,
    /// The first byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Token {
    /// As written.
    pub fn text(self, text: &str) -> &str {
        &text[self.start..self.end]
    }
}

/// All tokens of a text, and what is wrong with them.
pub(crate) struct Scan {
    /// In order, comments among them.
    pub tokens: Vec<Token>,
    /// In order.
    pub problems: Vec<Diagnostic>,
    /// Whether brackets match and are not too deep: only then may anything recurse.
    pub balanced: bool,
}

/// Cuts `text` into tokens.
pub(crate) fn scan(source: u32, text: &str) -> Scan {
    let mut scanner = Scanner { source, text, at: 0, tokens: Vec::new(), problems: Vec::new() };
    scanner.run();
    let complete = scanner.at == text.len();
    let Scanner { tokens, mut problems, .. } = scanner;
    let nesting = if complete { check_nesting(source, text, &tokens) } else { Vec::new() };
    let balanced = complete && nesting.is_empty();
    // A text that is not closed swallows brackets.
    if !problems.iter().any(|problem| problem.code == "NN0007") {
        problems.extend(nesting);
    }
    problems.sort_by_key(|problem| problem.labels[0].span.start);
    Scan { tokens, problems, balanced }
}

/// Signs of two characters; every other sign is one character.
const PAIRS: [&str; 9] = ["->", "<-", "==", "!=", "<=", ">=", "||", "&&", ".."];
const SINGLES: &str = "()[]{},;:=+-*/%^!<>.";

struct Scanner<'t> {
    source: u32,
    text: &'t str,
    at: usize,
    tokens: Vec<Token>,
    problems: Vec<Diagnostic>,
}

fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

impl Scanner<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span { source: self.source, start: start as u32, end: end as u32 }
    }

    /// How many bytes from here on satisfy `test`.
    fn run_of(&self, test: impl Fn(char) -> bool) -> usize {
        let rest = self.rest();
        rest.find(|letter| !test(letter)).unwrap_or(rest.len())
    }

    fn token(&mut self, lexeme: Lexeme, length: usize) {
        self.tokens.push(Token { lexeme, start: self.at, end: self.at + length });
        self.at += length;
    }

    fn run(&mut self) {
        while let Some(first) = self.rest().chars().next() {
            // Ten are shown, and a binary file would make millions.
            if self.problems.len() >= 10 {
                return;
            }
            match first {
                ' ' | '\t' | '\r' | '\n' => self.at += 1,
                '/' if self.rest().starts_with("//") => self.comment(),
                '/' if self.rest().starts_with("/*") => self.block_comment(),
                '"' => self.string(),
                '\'' => self.quoted(),
                '0'..='9' => self.number(),
                '.' if self.fraction_without_whole() => self.number(),
                'r' if self.rest().starts_with("r#") => self.raw_name(),
                _ if is_word(first) => self.word(),
                _ => self.sign(first),
            }
        }
    }

    fn comment(&mut self) {
        let length = self.run_of(|letter| letter != '\n');
        let rest = self.rest();
        if rest.starts_with("//!") {
            let span = self.span(self.at, self.at + 3);
            let problem = Diagnostic::error("NN0009", span, "`//!` is no comment of this language")
                .label("a comment begins with `//`, the documentation of what follows with `///`")
                .write(span, "//");
            self.problems.push(problem);
            return self.token(Lexeme::Comment, length);
        }
        let doc = rest.starts_with("///") && !rest.starts_with("////");
        self.token(if doc { Lexeme::Doc } else { Lexeme::Comment }, length);
    }

    fn block_comment(&mut self) {
        let length = self.rest().find("*/").map_or(self.rest().len(), |end| end + 2);
        let span = self.span(self.at, self.at + 2);
        let mut problem = Diagnostic::error("NN0009", span, "there are no `/* */` comments").label("begins here");
        let whole = &self.rest()[..length];
        let inner = whole[2..].strip_suffix("*/").unwrap_or(&whole[2..]);
        if !inner.contains('\n') && self.rest()[length..].chars().find(|&letter| letter != ' ').is_none_or(|letter| "\r\n".contains(letter))
        {
            let all = self.span(self.at, self.at + length);
            problem = problem.replace("a comment goes from `//` to the end of the line", all, format!("// {}", inner.trim()));
        } else {
            problem = problem.help("a comment goes from `//` to the end of the line");
        }
        self.problems.push(problem);
        self.token(Lexeme::Comment, length);
    }

    fn string(&mut self) {
        let (start, mut end) = (self.at, None);
        let mut letters = self.text[start + 1..].char_indices();
        let mut problems = Vec::new();
        while let Some((offset, letter)) = letters.next() {
            let at = start + 1 + offset;
            match letter {
                '"' => {
                    end = Some(at + 1);
                    break;
                }
                '\n' => break,
                '\\' => {
                    let escaped = letters.next().map(|(_, escaped)| escaped);
                    match escaped {
                        Some('\\' | '"' | 'n') => {}
                        Some('\n') | None => break,
                        Some(other) => {
                            let span = self.span(at, at + 1 + other.len_utf8());
                            let problem = Diagnostic::error("NN0008", span, format!("`\\{}` means nothing in a text", shown(other)))
                                .label("unknown escape")
                                .note("In a text `\\\"` is a quote, `\\\\` a backslash and `\\n` a new line.")
                                .replace("for a backslash, write", span, format!("\\\\{other}"));
                            if problems.len() < 10 {
                                problems.push(problem);
                            }
                        }
                    }
                }
                _ => {}
            }
        }
        self.problems.extend(problems);
        let length = match end {
            Some(end) => end - start,
            None => {
                let length = self.run_of(|letter| letter != '\n' && letter != '\r');
                let written = self.rest()[..length].trim_end_matches([' ', '\t', ';', ',', ')', '}']).len();
                let close = self.span(start + written, start + written);
                let problem = Diagnostic::error("NN0007", self.span(start, start + length), "this text is not closed")
                    .label("no `\"` before the end of the line")
                    .replace("close it", close, "\"")
                    .note("A text stands on one line; `\\n` in it is a new line.");
                self.problems.push(problem);
                // What follows the place of the missing quote is read as usual.
                if self.rest()[1..written.max(1)].contains('"') { length } else { written.max(1) }
            }
        };
        self.token(Lexeme::Text, length);
    }

    fn quoted(&mut self) {
        let line = self.run_of(|letter| letter != '\n');
        match self.rest()[1..line].find('\'') {
            Some(inner) => {
                let length = inner + 2;
                let all = self.span(self.at, self.at + length);
                let with = format!("\"{}\"", self.rest()[1..length - 1].replace('"', "\\\""));
                let problem = Diagnostic::error("NN0010", all, "`'` does not quote").label("a text is written in `\"`");
                self.problems.push(problem.write(all, with));
                self.token(Lexeme::Text, length);
            }
            None => {
                let span = self.span(self.at, self.at + 1);
                let problem = Diagnostic::error("NN0010", span, "`'` is not used in this language");
                self.problems.push(problem.label("neither a quote nor a part of a name").help("for a second version of `x` write `x1`"));
                self.at += 1;
            }
        }
    }

    /// `.5` where no name precedes (`deep.5.w` is a path).
    fn fraction_without_whole(&self) -> bool {
        let digit = self.text[self.at + 1..].starts_with(|letter: char| letter.is_ascii_digit());
        digit && !self.behind_segment()
    }

    /// Whether the token before is a segment that a dot may follow.
    fn behind_segment(&self) -> bool {
        let mut before = self.tokens.iter().rev().filter(|token| token.lexeme != Lexeme::Comment);
        match before.next() {
            Some(last) if last.lexeme == Lexeme::Word => true,
            // In a pattern: `optimizer for *.0.w, *.5.b = …`.
            Some(last) if last.lexeme == Lexeme::Sign && last.text(self.text) == "*" => {
                before.next().is_some_and(|token| matches!(token.text(self.text), "for" | "," | "."))
            }
            Some(last) if last.lexeme == Lexeme::Number => {
                before.next().is_some_and(|dot| dot.lexeme == Lexeme::Sign && dot.text(self.text) == ".")
            }
            _ => false,
        }
    }

    fn number(&mut self) {
        let written = self.written_number();
        let word = self.rest()[..written].to_owned();
        let in_path = self.tokens.last().is_some_and(|dot| dot.lexeme == Lexeme::Sign && dot.text(self.text) == ".");
        if in_path {
            // A segment of a path holds digits only; the dot behind it begins the next.
            let digits = self.run_of(|letter| letter.is_ascii_digit()).max(1);
            let length = self.run_of(is_word).max(digits);
            if length > digits {
                let span = self.span(self.at, self.at + length);
                let problem = Diagnostic::error("NN0006", span, format!("`{}` is no part of a name", cut(&self.rest()[..length])));
                self.problems.push(problem.label("behind a dot stands a name or a whole number"));
            }
            return self.token(Lexeme::Number, length);
        }
        if let Some((reason, mend)) = wrong_number(&word) {
            let span = self.span(self.at, self.at + written);
            let mut problem = Diagnostic::error("NN0006", span, format!("`{}` is not a number of this language", cut(&word))).label(reason);
            if let Some(mend) = mend {
                problem = problem.write(span, mend);
            }
            self.problems.push(problem);
        }
        self.token(Lexeme::Number, written);
    }

    /// How much of the text belongs to a number, as people write them.
    fn written_number(&self) -> usize {
        let bytes = self.rest().as_bytes();
        let is = |at: usize, test: fn(&u8) -> bool| bytes.get(at).is_some_and(test);
        let word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let mut at = 0;
        let mut dotted = false;
        loop {
            let exponent = at > 0
                && matches!(bytes[at - 1], b'e' | b'E')
                && bytes[..at - 1].iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'_'));
            let sign = exponent && is(at, |byte| matches!(byte, b'+' | b'-')) && is(at + 1, u8::is_ascii_digit);
            let exponent = is(at + 1, |byte| matches!(byte, b'e' | b'E'))
                && (is(at + 2, u8::is_ascii_digit) || (is(at + 2, |byte| matches!(byte, b'+' | b'-')) && is(at + 3, u8::is_ascii_digit)));
            let apart = is(at + 1, |byte| *byte == b'.' || byte.is_ascii_alphabetic()) && !exponent;
            let point = !dotted && is(at, |byte| *byte == b'.') && !apart;
            dotted |= point;
            if !(is(at, word) || sign || point) {
                return at;
            }
            at += 1;
        }
    }

    fn raw_name(&mut self) {
        let length = 2 + self.rest()[2..].find(|letter| !is_word(letter)).unwrap_or(self.rest().len() - 2);
        let span = self.span(self.at, self.at + length);
        let name = self.rest()[2..length].to_owned();
        let mut problem = Diagnostic::error("NN0010", span, "there are no raw names").label("`r#` is not used in this language");
        if !name.is_empty() {
            let note = "Words of Rust are ordinary names here; the generated code puts `_` behind them.";
            problem = problem.write(span, name).note(note);
        }
        self.problems.push(problem);
        self.token(Lexeme::Word, length);
    }

    fn word(&mut self) {
        let length = self.run_of(is_word);
        if length > LONGEST_NAME {
            let span = self.span(self.at, self.at + length);
            let message = format!("a name of {length} characters is too long");
            self.problems.push(Diagnostic::error("NN0011", span, message).label(format!("a name has at most {LONGEST_NAME}")));
        }
        self.token(Lexeme::Word, length);
    }

    fn sign(&mut self, first: char) {
        if PAIRS.iter().any(|pair| self.rest().starts_with(pair)) {
            return self.token(Lexeme::Sign, 2);
        }
        if SINGLES.contains(first) {
            return self.token(Lexeme::Sign, 1);
        }
        let pipe = self.rest().starts_with("|>");
        let length = match first {
            _ if first.is_alphabetic() => self.run_of(|letter| letter.is_alphanumeric() || letter == '_'),
            _ if pipe => 2,
            _ => first.len_utf8(),
        };
        let span = self.span(self.at, self.at + length);
        let word = cut(&self.rest()[..length]);
        let mut problem = match first {
            _ if pipe => Diagnostic::error("NN0016", span, "`|>` is no operator").label("stages are joined by an arrow").write(span, "->"),
            '&' | '|' => {
                let label = "conditions are joined by a double sign";
                Diagnostic::error("NN0016", span, format!("`{first}` is no operator")).label(label).write(span, format!("{first}{first}"))
            }
            '?' => Diagnostic::error("NN0021", span, "there is no `c ? a : b`")
                .label("`?` is not used in this language")
                .help("write `if c { a } else { b }`"),
            '@' => Diagnostic::error("NN0005", span, "`@` is not used in this language")
                .label("no token begins so")
                .help("a product of matrices is written with indices: `y[i, j] = sum(k) a[i, k] * b[k, j];`"),
            '#' => Diagnostic::error("NN0005", span, "`#` is not used in this language")
                .label("no token begins so")
                .help("a comment begins with `//`"),
            _ if first.is_ascii_graphic() => {
                Diagnostic::error("NN0005", span, format!("`{first}` is not used in this language")).label("no token begins so")
            }
            _ if first.is_alphanumeric() => Diagnostic::error("NN0005", span, format!("`{word}` is not written in ASCII"))
                .label("names are made of `A-Z`, `a-z`, `0-9` and `_`"),
            _ => Diagnostic::error("NN0005", span, format!("the character {} stands outside comments and texts", shown_named(first)))
                .label("here only ASCII is read"),
        };
        let invisible = matches!(first, '\u{00a0}' | '\u{feff}' | '\u{200b}' | '\u{2009}');
        if invisible {
            problem = problem.replace("replace it by a space", span, " ");
        } else if let Some(with) = meant(&word) {
            problem = problem.write(span, with);
        }
        self.problems.push(problem);
        match first {
            // A foreign name stands for a name; a sign stays, and the reader stops at it in silence.
            _ if first.is_alphabetic() => self.token(Lexeme::Word, length),
            _ if invisible || first.is_control() || first.is_whitespace() => self.at += length,
            _ => self.token(Lexeme::Sign, length),
        }
    }
}

/// What a character or word of another writing was to be.
fn meant(word: &str) -> Option<&'static str> {
    Some(match word {
        "\u{2212}" | "\u{2013}" | "\u{2014}" => "-",
        "\u{00b7}" | "\u{00d7}" | "\u{2217}" | "\u{22c5}" => "*",
        "\u{00f7}" => "/",
        "\u{2192}" => "->",
        "\u{2190}" => "<-",
        "\u{2264}" => "<=",
        "\u{2265}" => ">=",
        "\u{2260}" => "!=",
        "\u{2211}" => "sum(i)",
        "\u{221e}" => "inf",
        "\u{00b2}" => "^2",
        "\u{00b3}" => "^3",
        "\u{201c}" | "\u{201d}" | "\u{201e}" => "\"",
        "α" => "alpha",
        "β" => "beta",
        "γ" => "gamma",
        "δ" => "delta",
        "ε" => "eps",
        "η" => "eta",
        "θ" => "theta",
        "λ" => "lambda",
        "μ" => "mu",
        "π" => "pi",
        "ρ" => "rho",
        "σ" => "sigma",
        "τ" => "tau",
        _ => return None,
    })
}

/// Why a word that begins like a number is none, and what it was to be.
fn wrong_number(word: &str) -> Option<(String, Option<String>)> {
    let lower = word.to_ascii_lowercase();
    if lower.starts_with("0x") || lower.starts_with("0b") || lower.starts_with("0o") {
        let radix =
            [("0x", 16), ("0b", 2), ("0o", 8)].into_iter().find(|(prefix, _)| lower.starts_with(prefix)).map_or(10, |(_, radix)| radix);
        let value = u128::from_str_radix(&lower[2..].replace('_', ""), radix).ok();
        return Some(("numbers are decimal".to_owned(), value.map(|value| value.to_string())));
    }
    if word.starts_with('.') {
        let rest = wrong_number(&format!("0{word}")).is_none();
        return Some(("a digit stands before the point".to_owned(), rest.then(|| format!("0{word}"))));
    }
    let digits = |part: &str| part.bytes().next().is_some_and(|byte| byte.is_ascii_digit());
    let whole = |part: &str| digits(part) && part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    let (mantissa, exponent) = match word.find(['e', 'E']) {
        Some(at) if word[..at].bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'_' | b'.')) => {
            (&word[..at], Some(&word[at + 1..]))
        }
        _ => (word, None),
    };
    let (integer, fraction) = match mantissa.split_once('.') {
        Some((integer, fraction)) => (integer, Some(fraction)),
        None => (mantissa, None),
    };
    if fraction == Some("") {
        let exponent = exponent.map_or(String::new(), |exponent| format!("e{exponent}"));
        return Some(("a digit stands behind the point".to_owned(), Some(format!("{integer}.0{exponent}"))));
    }
    if let Some(exponent) = exponent
        && !whole(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))
    {
        return Some(("a whole number stands behind the `e`".to_owned(), None));
    }
    if whole(integer) && fraction.is_none_or(whole) {
        return None;
    }
    let at = word.find(|letter: char| letter.is_ascii_alphabetic()).unwrap_or(word.len());
    let (number, unit) = word.split_at(at);
    let number = number.trim_end_matches('_');
    if number.is_empty() || unit.is_empty() || wrong_number(number).is_some() {
        return Some(("digits, with a point and an exponent at most".to_owned(), None));
    }
    if ["f32", "f64", "f", "i32", "u32", "usize", "i64", "u8", "u64"].contains(&unit) {
        return Some(("numbers have no type".to_owned(), Some(number.to_owned())));
    }
    Some((format!("`{}` is glued to the number", cut(unit)), Some(format!("{number} * {unit}"))))
}

/// A text for a message: its beginning, if it is long.
pub(crate) fn cut(text: &str) -> String {
    let visible = |letter: char| if letter.is_control() { '\u{fffd}' } else { letter };
    let short = text.chars().count() <= 40;
    let mut shown: String = text.chars().take(if short { 40 } else { 37 }).map(visible).collect();
    if !short {
        shown.push_str("...");
    }
    shown
}

/// A character that can stand in a message.
fn shown(letter: char) -> String {
    if letter.is_control() { letter.escape_default().to_string() } else { letter.to_string() }
}

fn shown_named(letter: char) -> String {
    if letter.is_control() || letter.is_whitespace() || letter == '\u{feff}' || letter == '\u{200b}' {
        format!("U+{:04X}", letter as u32)
    } else {
        format!("`{letter}`")
    }
}

// ---- brackets and depth

/// A bracket that is open, and how much deeper than it the text has become since without brackets.
struct Open {
    /// Its token.
    token: usize,
    /// `sum` and the like stand before it.
    reduction: bool,
    /// Signs, powers, `or` that follow each other.
    signs: usize,
    /// Reductions whose body goes on.
    reductions: usize,
    /// `if` whose `{` has not come.
    conditions: usize,
}

impl Open {
    fn deeper(&self) -> usize {
        self.signs + self.reductions + self.conditions
    }
}

/// The words of reductions.
pub(crate) const REDUCERS: [&str; 7] = ["sum", "max", "min", "mean", "prod", "lse", "argmax"];

/// Whether an operand can begin with this token.
pub(crate) fn begins_operand(token: Token, text: &str) -> bool {
    match token.lexeme {
        Lexeme::Word => !matches!(token.text(text), "else" | "where" | "or"),
        Lexeme::Number => true,
        Lexeme::Sign => matches!(token.text(text), "(" | "["),
        _ => false,
    }
}

/// Brackets that match, and a depth of at most [`DEEPEST`]; else what is wrong, at most once each.
fn check_nesting(source: u32, text: &str, tokens: &[Token]) -> Vec<Diagnostic> {
    let span = |token: Token| Span { source, start: token.start as u32, end: token.end as u32 };
    let all: Vec<Token> = tokens.iter().copied().filter(|token| !matches!(token.lexeme, Lexeme::Comment | Lexeme::Doc)).collect();
    let root = Open { token: usize::MAX, reduction: false, signs: 0, reductions: 0, conditions: 0 };
    let mut open = vec![root];
    // The depth of all that encloses the innermost bracket.
    let mut enclosing = 0;
    let mut operand = false;
    for (at, &token) in all.iter().enumerate() {
        let word = token.text(text);
        let Some(inner) = open.last_mut() else { break };
        let was_operand = operand;
        operand = match token.lexeme {
            Lexeme::Word => !matches!(word, "if" | "else" | "where" | "or"),
            Lexeme::Sign => matches!(word, ")" | "]" | "}"),
            _ => true,
        };
        if word == ";" && token.lexeme == Lexeme::Sign && inner.token != usize::MAX && all[inner.token].text(text) != "{" {
            let opener = all[inner.token];
            let (wanted, behind) = (closing(opener.text(text)), all[at - 1].end as u32);
            let place = Span { source, start: behind, end: behind };
            let problem = Diagnostic::error("NN0004", span(token), format!("`{}` is not closed before `;`", opener.text(text)));
            let problem = problem.label(format!("expected `{wanted}`")).also(span(opener), "this bracket is open");
            return vec![problem.replace("close it", place, wanted)];
        }
        match (token.lexeme, word) {
            (Lexeme::Word, "if") => inner.conditions += 1,
            (Lexeme::Word, "or") => inner.signs += 1,
            (Lexeme::Sign, "^" | "!") => inner.signs += 1,
            (Lexeme::Sign, "-") if !was_operand => inner.signs += 1,
            (Lexeme::Sign, "*" | "/" | "%") => inner.signs = 0,
            (Lexeme::Sign, "+" | "-" | "==" | "!=" | "<=" | ">=" | "<" | ">" | "&&" | "||") => {
                inner.signs = 0;
                inner.reductions = 0;
            }
            (Lexeme::Sign, "," | ";" | "->" | "<-" | "=") => {
                inner.signs = 0;
                inner.reductions = 0;
                inner.conditions = 0;
            }
            (Lexeme::Sign, "(" | "[" | "{") => {
                if word == "{" {
                    inner.conditions = inner.conditions.saturating_sub(1);
                }
                enclosing += 1 + inner.deeper();
                let reduction = word == "(" && at > 0 && all[at - 1].lexeme == Lexeme::Word && REDUCERS.contains(&all[at - 1].text(text));
                open.push(Open { token: at, reduction, signs: 0, reductions: 0, conditions: 0 });
            }
            (Lexeme::Sign, ")" | "]" | "}") => {
                let closed = open.pop();
                let (Some(closed), Some(outer)) = (closed, open.last_mut()) else {
                    let problem = Diagnostic::error("NN0004", span(token), format!("`{word}` closes nothing"));
                    return vec![problem.label("no bracket is open here").replace("remove it", span(token), "")];
                };
                let opener = all[closed.token];
                let wanted = closing(opener.text(text));
                if wanted != word {
                    let message = format!("`{word}` does not close `{}`", opener.text(text));
                    let problem = Diagnostic::error("NN0004", span(token), message).label(format!("expected `{wanted}`"));
                    return vec![problem.also(span(opener), "this bracket is open")];
                }
                enclosing -= 1 + outer.deeper();
                if word == "}" {
                    outer.signs = 0;
                }
                if closed.reduction && all.get(at + 1).is_some_and(|&next| begins_operand(next, text)) {
                    outer.reductions += 1;
                }
            }
            _ => {}
        }
        let depth = enclosing + open.last().map_or(0, Open::deeper);
        if depth > DEEPEST {
            let problem = Diagnostic::error("NN0003", span(token), format!("this is nested deeper than {DEEPEST}"))
                .label("one too deep")
                .note("Brackets nest, and so do signs, powers, `or`, `if` and reductions that follow each other.")
                .help("give the inner part a name of its own, in an equation before this one");
            return vec![problem];
        }
    }
    if let Some(unclosed) = open.get(1..).and_then(|open| open.last()) {
        let opener = all[unclosed.token];
        let end = Span { source, start: text.trim_end().len() as u32, end: text.trim_end().len() as u32 };
        let wanted = closing(opener.text(text));
        let problem = Diagnostic::error("NN0004", span(opener), format!("`{}` is never closed", opener.text(text)));
        return vec![problem.label("opened here").also(end, format!("expected `{wanted}` at the latest here"))];
    }
    Vec::new()
}

fn closing(opener: &str) -> &'static str {
    match opener {
        "(" => ")",
        "[" => "]",
        _ => "}",
    }
}
