//! Why a text was refused: the same grammar once more, over tokens, one token ahead, saying at each place what it expects.
//!
//! `nn.pest` alone decides what is accepted. A parser with backtracking knows only how far it came, so when it refuses, this reader
//! walks the tokens with the names of things at hand ("after the equation of `y`") and goes on behind an error: at the end of its
//! statement, or at the next item. What people write from the habit of other languages is recognised in [`mends`]. A test holds the
//! two grammars together: on broken texts both refuse, on whole ones both accept.

mod ends;
mod expressions;
mod mends;
mod statements;

use crate::scan::{Lexeme, Token, cut};
use crate::{Diagnostic, Span};

/// The words that begin an item.
pub(crate) const ITEMS: [&str; 6] = ["import", "const", "fn", "layer", "model", "optimizer"];
/// The words that begin a statement.
pub(crate) const STATEMENTS: [&str; 12] =
    ["param", "state", "random", "target", "let", "block", "check", "loss", "metric", "optimizer", "unbatched", "if"];
/// Words that are never names.
const RESERVED: [&str; 6] = ["if", "else", "where", "or", "true", "false"];
/// What could go on where something else is expected.
const OR_OPERATOR: &str = "an operator or ";
const OR_ARROW: &str = "`->` or ";
/// As many errors are reported.
pub(crate) const MOST: usize = 10;

/// What is wrong with the items of a file.
pub(crate) fn file(source: u32, text: &str, tokens: &[Token]) -> Vec<Diagnostic> {
    let mut reader = Reader::new(source, text, tokens);
    while reader.at < reader.tokens.len() && reader.problems.len() < MOST {
        let start = reader.at;
        if reader.item().is_err() {
            reader.next_item(start);
        }
    }
    reader.problems
}

/// What is wrong with the chain in `nn!( … )`.
pub(crate) fn inline(source: u32, text: &str, tokens: &[Token]) -> Vec<Diagnostic> {
    let mut reader = Reader::new(source, text, tokens);
    reader.inline = true;
    let _ = reader.whole_chain();
    reader.problems
}

/// An error has been reported; the caller recovers.
struct Stop;
type Read = Result<(), Stop>;

struct Reader<'t> {
    source: u32,
    text: &'t str,
    tokens: Vec<Token>,
    /// For each bracket its partner.
    partner: Vec<usize>,
    at: usize,
    /// A chain in `nn!( … )`, not a file.
    inline: bool,
    problems: Vec<Diagnostic>,
    /// How what was read last could have gone on: [`OR_OPERATOR`], [`OR_ARROW`] or not at all.
    or: &'static str,
}

impl<'t> Reader<'t> {
    fn new(source: u32, text: &'t str, tokens: &[Token]) -> Reader<'t> {
        let tokens: Vec<Token> = tokens.iter().copied().filter(|token| token.lexeme != Lexeme::Comment).collect();
        let mut partner = vec![usize::MAX; tokens.len()];
        let mut open = Vec::new();
        for (at, token) in tokens.iter().enumerate().filter(|(_, token)| token.lexeme == Lexeme::Sign) {
            match token.text(text) {
                "(" | "[" | "{" => open.push(at),
                ")" | "]" | "}" => {
                    if let Some(opener) = open.pop() {
                        partner[opener] = at;
                        partner[at] = opener;
                    }
                }
                _ => {}
            }
        }
        Reader { source, text, tokens, partner, at: 0, inline: false, problems: Vec::new(), or: "" }
    }

    // ---- looking at tokens

    /// The token `ahead` of the next one.
    fn token(&self, ahead: usize) -> Option<Token> {
        self.tokens.get(self.at + ahead).copied()
    }

    /// Its text, if it is a word or sign; else nothing.
    fn look(&self, ahead: usize) -> &'t str {
        match self.token(ahead) {
            Some(token) if matches!(token.lexeme, Lexeme::Word | Lexeme::Sign) => token.text(self.text),
            _ => "",
        }
    }

    fn is(&self, text: &str) -> bool {
        self.look(0) == text
    }

    fn lexeme(&self, ahead: usize) -> Option<Lexeme> {
        self.token(ahead).map(|token| token.lexeme)
    }

    /// Whether a name stands there.
    fn is_name(&self, ahead: usize) -> bool {
        self.lexeme(ahead) == Some(Lexeme::Word) && !RESERVED.contains(&self.look(ahead)) && self.look(ahead) != "_"
    }

    fn take(&mut self, text: &str) -> bool {
        let found = self.is(text);
        self.at += usize::from(found);
        found
    }

    fn span(&self, token: Token) -> Span {
        Span { source: self.source, start: token.start as u32, end: token.end as u32 }
    }

    /// The place of the next token, or the end.
    fn here(&self) -> Span {
        let end = self.text.trim_end().len() as u32;
        self.token(0).map_or(Span { source: self.source, start: end, end }, |token| self.span(token))
    }

    /// The token before the next one.
    fn before(&self) -> Option<Token> {
        self.at.checked_sub(1).map(|at| self.tokens[at])
    }

    /// Whether the next token is the first of its line.
    fn begins_line(&self) -> bool {
        match (self.before(), self.token(0)) {
            (Some(before), Some(next)) => self.text[before.end..next.start].contains('\n'),
            _ => true,
        }
    }

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

    fn report(&mut self, problem: Diagnostic) -> Stop {
        self.problems.push(problem);
        Stop
    }

    // ---- going on behind an error

    /// The next item: a word of one that begins a line or stands behind `;` or `}`, outside of brackets.
    fn next_item(&mut self, start: usize) {
        let mut at = self.at.max(start + 1);
        while at < self.tokens.len() {
            let (before, token) = (self.tokens[at - 1], self.tokens[at]);
            let apart = self.text[before.end..token.start].contains('\n') || matches!(before.text(self.text), ";" | "}");
            let doc = token.lexeme == Lexeme::Doc;
            let begins = doc || (token.lexeme == Lexeme::Word && ITEMS.contains(&token.text(self.text)));
            if before.text(self.text) == ";" || (begins && apart && before.lexeme != Lexeme::Doc) {
                break;
            }
            at = self.jump(at) + 1;
        }
        self.at = at;
    }

    /// From a bracket that opens to the one that closes it; any other token stays.
    fn jump(&self, at: usize) -> usize {
        let opens = self.tokens[at].lexeme == Lexeme::Sign && matches!(self.tokens[at].text(self.text), "(" | "[" | "{");
        if opens && self.partner[at] != usize::MAX { self.partner[at] } else { at }
    }

    /// Behind the `;` of the statement that begins at `start`, or at the `}` of its body.
    fn next_statement(&mut self, start: usize) {
        let mut at = start;
        while at < self.tokens.len() {
            let close = self.jump(at);
            match self.tokens[at].text(self.text) {
                ";" => {
                    self.at = at + 1;
                    return;
                }
                "}" => {
                    self.at = at;
                    return;
                }
                "{" if close >= self.at => {
                    // `if c { … }` has no semicolon: what begins a line behind its `}` is the next statement.
                    let next = self.tokens.get(close + 1);
                    let line = next.is_some_and(|next| self.text[self.tokens[close].end..next.start].contains('\n'));
                    if line && next.is_some_and(|next| next.text(self.text) != "else") {
                        self.at = close + 1;
                        return;
                    }
                }
                _ => {}
            }
            at = close + 1;
        }
        self.at = self.tokens.len();
    }

    // ---- items

    fn docs(&mut self) -> usize {
        let start = self.at;
        while self.lexeme(0) == Some(Lexeme::Doc) {
            self.at += 1;
        }
        self.at - start
    }

    fn item(&mut self) -> Read {
        let docs = self.docs();
        if self.token(0).is_none() && docs > 0 {
            return Err(self.documents_nothing());
        }
        if self.is(";") {
            return self.needless_semicolon();
        }
        let word = self.look(0);
        if !ITEMS.contains(&word) || self.lexeme(0) != Some(Lexeme::Word) {
            return Err(self.no_item());
        }
        self.at += 1;
        match word {
            "import" => {
                if self.lexeme(0) != Some(Lexeme::Text) {
                    return Err(self.no_import());
                }
                if self.before().map(|before| before.end) == self.token(0).map(|text| text.start) {
                    return Err(self.glued_import());
                }
                self.at += 1;
                self.semicolon("the import")
            }
            "const" => {
                let name = self.name("the name of the constant")?;
                if self.is(":") {
                    self.typed("a constant")?;
                }
                if self.take("=") {
                    self.expression()?;
                } else if !self.is(";") {
                    return Err(self.unexpected("`=` or `;`", &format!("after the name of `{name}`")));
                }
                self.semicolon(&format!("the constant `{name}`"))
            }
            "fn" => {
                let name = self.name("the name of the function")?;
                self.hypers(&format!("the function `{name}`"))?;
                if !self.take("=") {
                    return Err(self.no_function_body(&name));
                }
                self.expression()?;
                self.semicolon(&format!("the function `{name}`"))
            }
            _ => self.definition(word),
        }
    }

    fn definition(&mut self, word: &str) -> Read {
        let name = self.name(&format!("the name of the {word}"))?;
        let what = format!("the {word} `{name}`");
        let chain = word != "optimizer";
        if chain && self.take("=") {
            self.chain()?;
            return self.semicolon(&what);
        }
        if !self.is("(") {
            let expected = if chain { "`(` or `=`" } else { "`(`" };
            return Err(self.unexpected(expected, &format!("after the name of {what}")));
        }
        // The first of two lists, or the only one of the chain form, holds hyper-parameters.
        let close = self.partner[self.at];
        let after = |ahead: usize| self.tokens.get(close.saturating_add(ahead)).map_or("", |token| token.text(self.text));
        let behind = if after(1) == "=" && after(2) == ">" { "=>" } else { after(1) };
        if behind == "(" || (behind == "=" && chain) {
            if word == "model" && behind == "=" {
                self.at = close + 1;
                return Err(self.chain_with_ports(&what));
            }
            if word == "model" {
                self.no_hypers(&name);
            }
            self.hypers(&what)?;
            if self.take("=") {
                self.chain()?;
                return self.semicolon(&what);
            }
        }
        self.ports(&what)?;
        if self.is("=") && self.look(1) == ">" {
            self.fat_arrow();
            self.results(&what)?;
        } else if self.is("=") {
            return Err(self.chain_with_ports(&what));
        } else if self.take("->") {
            self.results(&what)?;
        } else if word != "optimizer" {
            self.no_result(&what)?;
        }
        if !self.is("{") {
            return Err(self.no_body(&what));
        }
        self.body()
    }

    fn results(&mut self, what: &str) -> Read {
        if !self.take("(") {
            return self.name(&format!("the name of the result of {what}")).map(drop);
        }
        loop {
            self.name("the name of a result")?;
            if self.take(")") {
                return Ok(());
            }
            self.sign(",", "`,` or `)`", "after a result")?;
        }
    }

    /// `( … )` with something between commas, or nothing.
    fn bracket(&mut self, close: &str, after: &str, empty: bool, mut each: impl FnMut(&mut Self) -> Read) -> Read {
        self.at += 1;
        if empty && self.take(close) {
            return Ok(());
        }
        loop {
            each(self)?;
            if self.take(close) {
                return Ok(());
            }
            if !self.take(",") {
                return Err(self.not_ended(&[",", close], after));
            }
            if self.is(close) {
                self.trailing_comma();
                self.at += 1;
                return Ok(());
            }
        }
    }

    fn hypers(&mut self, what: &str) -> Read {
        if !self.is("(") {
            return Err(self.unexpected("`(`", &format!("after the name of {what}")));
        }
        self.bracket(")", "in this list", true, |reader| {
            let name = reader.name("the name of a hyper-parameter")?;
            if reader.take(":") {
                if !reader.is("(") {
                    reader.typed_hyper(&name)?;
                    return if reader.take("=") { reader.expression() } else { Ok(()) };
                }
                let mut parts = 0;
                reader.bracket(")", "in this pair", false, |reader| {
                    parts += 1;
                    reader.name("the name of a part").map(drop)
                })?;
                if parts < 2 {
                    return Err(reader.unexpected("a pair, as in `k: (kh, kw)`", "before this"));
                }
            }
            if reader.take("=") { reader.expression() } else { Ok(()) }
        })
    }

    fn ports(&mut self, what: &str) -> Read {
        if !self.is("(") {
            return Err(self.unexpected("`(`", &format!("before the ports of {what}")));
        }
        self.bracket(")", "in this list of ports", true, |reader| {
            reader.port()?;
            if reader.is("=") { reader.port_with_default() } else { Ok(()) }
        })
    }

    fn port(&mut self) -> Read {
        let name = self.name("the name of a tensor")?;
        if self.is("[") {
            self.dims()?;
        }
        if self.take(":") { self.kind(&name) } else { Ok(()) }
    }

    fn dims(&mut self) -> Read {
        if self.look(1) == "]" {
            self.empty_brackets();
            return Ok(());
        }
        self.bracket("]", "in these brackets", false, |reader| {
            if reader.take("..") {
                return reader.name("the name of a pack").map(drop);
            }
            if reader.is_name(0) && reader.look(1) == ":" {
                reader.at += 2;
            }
            reader.expression()
        })
    }

    /// Behind the colon.
    fn kind(&mut self, name: &str) -> Read {
        if self.take("prob") {
            return Ok(());
        }
        if !self.is("index") || self.look(1) != "(" {
            return self.no_kind(name);
        }
        self.at += 2;
        self.expression()?;
        if self.take("..") {
            self.expression()?;
        }
        if self.take(")") { Ok(()) } else { Err(self.not_ended(&["..", ")"], "in this kind")) }
    }

    // ---- what is needed at a place

    fn name(&mut self, what: &str) -> Result<String, Stop> {
        self.or = "";
        if self.is_name(0) {
            let name = self.look(0).to_owned();
            self.at += 1;
            return Ok(name);
        }
        self.no_name(what).ok_or(Stop)
    }

    fn sign(&mut self, sign: &str, expected: &str, after: &str) -> Read {
        if self.take(sign) { Ok(()) } else { Err(self.unexpected(expected, after)) }
    }

    fn equals(&mut self, after: &str) -> Read {
        if self.take("=") { Ok(()) } else { self.no_equals(after) }
    }

    fn semicolon(&mut self, what: &str) -> Read {
        self.ended(&[";"], what)
    }

    /// At the end of a statement or item: a `;` that is missing is reported, and taken as if it stood there.
    fn ended(&mut self, expected: &[&str], what: &str) -> Read {
        if self.take(";") {
            return Ok(());
        }
        if self.semicolon_is_missing() {
            self.no_semicolon(what);
            return Ok(());
        }
        Err(self.not_ended(expected, &format!("after {what}")))
    }
}
