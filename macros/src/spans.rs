//! Tokens to the text that the compiler reads, and places in that text back to tokens.
//!
//! The text holds every token as Rust spells it; what stands together in Rust (`->`, `1.5`, `0..n`) stands together in the text, what
//! stands apart stays apart (`a < -1`). That is decided by the tokens alone: the lines and columns of tokens that another macro put
//! together say nothing about their neighbours. `#[doc = "…"]`, which is what rustc makes of `///`, becomes `///` again. What another
//! macro passed on as a whole (`$e:expr`) stands in brackets if it has an operator, as it would be evaluated.
//!
//! Invariants: the pieces are in the order of the text and do not overlap; each is one token.

use proc_macro2::{Delimiter, Literal, Punct, Spacing, Span, TokenStream, TokenTree, token_stream};
use std::ops::Range;

/// A text, and which token each part of it is.
pub struct Text {
    /// What the compiler reads.
    pub text: String,
    pieces: Vec<(Range<usize>, Span)>,
}

impl Text {
    /// The text of `tokens`.
    pub fn new(tokens: TokenStream) -> Text {
        let mut printer = Printer { text: String::new(), pieces: Vec::new(), last: Last::Open };
        printer.all(tokens);
        Text { text: printer.text, pieces: printer.pieces }
    }

    /// The first and the last token of a place in the text; for an empty place the token that it stands at, or the last one before it.
    pub fn tokens(&self, place: Range<usize>) -> (Span, Span) {
        let touched = |piece: &&(Range<usize>, Span)| piece.0.start < place.end && piece.0.end > place.start;
        let first = self.pieces.iter().find(touched).or_else(|| self.pieces.iter().find(|piece| piece.0.contains(&place.start)));
        let Some(first) = first.or_else(|| self.pieces.iter().rfind(|piece| piece.0.start < place.start)) else {
            return (Span::call_site(), Span::call_site());
        };
        (first.1, self.pieces.iter().rfind(touched).unwrap_or(first).1)
    }

    /// The places of the tokens.
    #[cfg(test)]
    pub fn pieces(&self) -> impl Iterator<Item = Range<usize>> {
        self.pieces.iter().map(|piece| piece.0.clone())
    }

    /// The first token in a place that is one of these names, or the first in all of the text.
    pub fn one_of(&self, place: Range<usize>, names: &[&str]) -> Option<Span> {
        let is_one = |piece: &&(Range<usize>, Span)| self.text.get(piece.0.clone()).is_some_and(|text| names.contains(&text));
        let inside = |piece: &&(Range<usize>, Span)| piece.0.start >= place.start && piece.0.end <= place.end && is_one(piece);
        self.pieces.iter().find(inside).or_else(|| self.pieces.iter().find(is_one)).map(|piece| piece.1)
    }

    /// The token of the first name that reads `name`.
    pub fn name(&self, name: &str) -> Option<Span> {
        self.pieces.iter().find(|piece| self.text.get(piece.0.clone()) == Some(name)).map(|piece| piece.1)
    }
}

/// What decides whether a space must or should come before the next token.
#[derive(Clone, Copy, PartialEq)]
enum Last {
    /// The beginning, or an opening bracket.
    Open,
    /// An identifier, or a literal that is no number.
    Word,
    Number,
    Close,
    /// A sign that the next one belongs to; whether it joins two operands.
    Joint {
        binary: bool,
    },
    /// A sign between two operands.
    Binary,
    /// A sign before an operand.
    Prefix,
    /// `,` `;` `:`
    Separator,
    /// `.`; whether behind a number.
    Dot {
        number: bool,
    },
}

impl Last {
    fn is_operand(self) -> bool {
        matches!(self, Last::Word | Last::Number | Last::Close)
    }
    /// Whether a sign would become part of the one before it.
    fn is_sign(self) -> bool {
        matches!(self, Last::Binary | Last::Prefix | Last::Separator | Last::Dot { .. })
    }
}

/// Tokens still to be printed, and what closes them.
struct Rest {
    tokens: std::iter::Peekable<token_stream::IntoIter>,
    close: &'static str,
    span: Span,
}

struct Printer {
    text: String,
    pieces: Vec<(Range<usize>, Span)>,
    last: Last,
}

impl Printer {
    /// A list of what is still open takes the place of recursion, so that no nesting is too deep.
    fn all(&mut self, tokens: TokenStream) {
        let mut open = vec![Rest { tokens: tokens.into_iter().peekable(), close: "", span: Span::call_site() }];
        while let Some(rest) = open.last_mut() {
            let Some(token) = rest.tokens.next() else {
                let (close, span) = (rest.close, rest.span);
                self.glue(close, span, Last::Close);
                open.pop();
                continue;
            };
            match token {
                TokenTree::Punct(sign) => {
                    if sign.as_char() == '#'
                        && let Some(TokenTree::Group(group)) = rest.tokens.peek()
                        && let Some((docs, span)) = documentation(group)
                    {
                        rest.tokens.next();
                        self.docs(&docs, span);
                        continue;
                    }
                    let continues = match rest.tokens.peek() {
                        Some(TokenTree::Ident(_)) => true,
                        Some(TokenTree::Punct(next)) => next.as_char() == '.' && sign.spacing() == Spacing::Joint,
                        _ => false,
                    };
                    // `12 .` is no `12.`, unless what follows makes it `12..` or `12.w`.
                    self.apart(sign.as_char() == '.' && self.last == Last::Number && !continues);
                    self.sign(&sign);
                }
                TokenTree::Ident(name) => {
                    self.apart(self.last.is_operand() || matches!(self.last, Last::Binary | Last::Separator));
                    self.glue(&name.to_string(), name.span(), Last::Word);
                }
                TokenTree::Literal(literal) => self.literal(&literal),
                TokenTree::Group(group) => {
                    let (start, close) = match group.delimiter() {
                        Delimiter::Parenthesis => ("(", ")"),
                        Delimiter::Bracket => ("[", "]"),
                        Delimiter::Brace => ("{", "}"),
                        Delimiter::None if has_operator(group.stream()) => ("(", ")"),
                        Delimiter::None => ("", ""),
                    };
                    if !start.is_empty() {
                        let block = start == "{" && self.last.is_operand();
                        self.apart(block || matches!(self.last, Last::Binary | Last::Separator));
                        self.glue(start, group.span_open(), Last::Open);
                    }
                    open.push(Rest { tokens: group.stream().into_iter().peekable(), close, span: group.span_close() });
                }
            }
        }
    }

    fn sign(&mut self, sign: &Punct) {
        let (letter, before) = (sign.as_char(), self.last);
        let binary = matches!(before, Last::Joint { binary: true }) || before.is_operand() || letter == '=';
        let last = match letter {
            _ if sign.spacing() == Spacing::Joint => Last::Joint { binary },
            '.' if matches!(before, Last::Joint { .. }) => Last::Prefix, // `..`
            '.' => Last::Dot { number: before == Last::Number },
            ',' | ';' | ':' => Last::Separator,
            _ if binary => Last::Binary,
            _ => Last::Prefix,
        };
        self.apart(before.is_sign() || (before.is_operand() && !matches!(letter, '.' | ',' | ';' | ':')));
        self.glue(letter.encode_utf8(&mut [0; 4]), sign.span(), last);
    }

    fn literal(&mut self, literal: &Literal) {
        let text = literal.to_string();
        let number = text.starts_with(|first: char| first.is_ascii_digit() || first == '-');
        let glued = match self.last {
            Last::Prefix => text.starts_with('-'),
            Last::Dot { number: after_number } => number && (after_number || text.starts_with('-')),
            last => last.is_operand() || matches!(last, Last::Binary | Last::Separator),
        };
        self.apart(glued);
        self.glue(&text, literal.span(), if number { Last::Number } else { Last::Word });
    }

    fn apart(&mut self, apart: bool) {
        if apart {
            self.text.push(' ');
        }
    }

    /// Nothing is no token: what a group without brackets ends with leaves the last token the last.
    fn glue(&mut self, text: &str, span: Span, last: Last) {
        if !text.is_empty() {
            let start = self.text.len();
            self.text.push_str(text);
            self.pieces.push((start..self.text.len(), span));
            self.last = last;
        }
    }

    fn docs(&mut self, docs: &str, span: Span) {
        for line in docs.split('\n') {
            // `////` would be a plain comment.
            let space = if line.starts_with('/') { " " } else { "" };
            self.text.push('\n');
            self.glue(&format!("///{space}{}", line.trim_end_matches('\r')), span, Last::Open);
            self.text.push('\n');
        }
    }
}

/// Whether what was passed on as a whole needs brackets to stay whole: anything but names, numbers, calls and reads of elements.
fn has_operator(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Punct(sign) => sign.as_char() != '.',
        TokenTree::Literal(literal) => literal.to_string().starts_with('-'),
        _ => false,
    })
}

/// The text of `[doc = "…"]`.
fn documentation(group: &proc_macro2::Group) -> Option<(String, Span)> {
    let mut tokens = group.stream().into_iter();
    match (group.delimiter(), tokens.next()?, tokens.next()?, tokens.next()?, tokens.next()) {
        (Delimiter::Bracket, TokenTree::Ident(doc), TokenTree::Punct(is), TokenTree::Literal(text), None)
            if doc == "doc" && is.as_char() == '=' =>
        {
            Some((unquote(&text.to_string())?, text.span()))
        }
        _ => None,
    }
}

/// The characters that a string literal of Rust means.
pub fn unquote(literal: &str) -> Option<String> {
    if let Some(raw) = literal.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        return Some(raw.get(hashes + 1..raw.len().checked_sub(hashes + 1)?)?.to_string());
    }
    let mut rest = literal.strip_prefix('"')?.strip_suffix('"')?;
    let mut text = String::new();
    while let Some(slash) = rest.find('\\') {
        text.push_str(&rest[..slash]);
        rest = &rest[slash + 1..];
        let letter = rest.chars().next()?;
        rest = &rest[letter.len_utf8()..];
        match letter {
            'n' => text.push('\n'),
            'r' => text.push('\r'),
            't' => text.push('\t'),
            '0' => text.push('\0'),
            '\\' | '"' | '\'' => text.push(letter),
            '\n' => rest = rest.trim_start(),
            'x' => {
                text.push(char::from(u8::from_str_radix(rest.get(..2)?, 16).ok()?));
                rest = &rest[2..];
            }
            'u' => {
                let (code, after) = rest.strip_prefix('{')?.split_once('}')?;
                text.push(char::from_u32(u32::from_str_radix(&code.replace('_', ""), 16).ok()?)?);
                rest = after;
            }
            _ => return None,
        }
    }
    text.push_str(rest);
    Some(text)
}
