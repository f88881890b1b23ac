//! Diagnostics as errors of rustc, on the tokens that they speak of.
//!
//! Stable Rust underlines what the tokens of a `compile_error!` span: `::core::compile_error!` carries the first token of the place and
//! `{ "…" }` the last. Further places and ways out have no such way, so they are told in words, quoting the user's text; a place in
//! another file is shown as that file's lines.

use crate::spans::Text;
use nnc_grammar::{Diagnostic, Help, Sources, Span as Place};
use proc_macro2::{Delimiter, Group, Ident, Literal, Punct, Spacing, Span, TokenStream, TokenTree};
use std::fmt::Write;

/// What the diagnostics speak of: the text of the macro is the source `source`, all others are files.
pub struct Origin<'t> {
    /// All texts.
    pub sources: &'t Sources,
    /// The text of the macro, and its index among them.
    pub text: Option<(u32, &'t Text)>,
    /// What is underlined for a place in a file: the name of the file in the macro, if it stands there.
    pub elsewhere: Span,
}

impl Origin<'_> {
    /// An error for each diagnostic.
    pub fn errors(&self, diagnostics: &[Diagnostic]) -> Vec<TokenStream> {
        diagnostics.iter().map(|diagnostic| self.error(diagnostic)).collect()
    }

    fn error(&self, diagnostic: &Diagnostic) -> TokenStream {
        let primary = diagnostic.labels.first().map(|label| label.span);
        match (self.text, primary) {
            (Some((source, text)), Some(span)) if span.source == source => {
                compile_error(&self.message(diagnostic, text), text.tokens(span.range()))
            }
            _ => {
                let rendered = nnc_grammar::render(diagnostic, self.sources);
                let message = rendered.strip_prefix("error").unwrap_or(&rendered).trim_end();
                let message = message.strip_prefix(&format!("[{}]: ", diagnostic.code)).unwrap_or(message);
                let (first, rest) = message.split_once('\n').unwrap_or((message, ""));
                compile_error(&format!("{first} [{}]\n{rest}", diagnostic.code), (self.elsewhere, self.elsewhere))
            }
        }
    }

    /// What is said about a place in the macro.
    fn message(&self, diagnostic: &Diagnostic, text: &Text) -> String {
        let mut message = format!("{} [{}]", diagnostic.message, diagnostic.code);
        for (number, label) in diagnostic.labels.iter().enumerate() {
            // The first place is the one that is underlined.
            let _ = match (number, label.text.as_str()) {
                (_, "") => Ok(()),
                (0, label) => write!(message, "\n  {label}"),
                (_, words) => write!(message, "\n  {}: {words}", self.quote(label.span, text)),
            };
        }
        for note in &diagnostic.notes {
            let _ = write!(message, "\n  note: {note}");
        }
        for Help { text: help, replacement } in &diagnostic.help {
            let _ = match replacement {
                Some((span, with)) => {
                    let colon = if help.ends_with('?') { "" } else { ":" };
                    write!(message, "\n  help: {help}{colon} {}", self.repaired(*span, with, text))
                }
                None => write!(message, "\n  help: {help}"),
            };
        }
        message
    }

    /// The user's text at a place, or where in a file it is.
    fn quote(&self, place: Place, text: &Text) -> String {
        const LONGEST: usize = 50;
        if self.text.is_none_or(|(source, _)| source != place.source) {
            let name = self.sources.0.get(place.source as usize).map_or("", |source| source.name.as_str());
            let (line, column) = self.sources.line_column(place);
            return format!("{name}:{line}:{column}");
        }
        let words: Vec<&str> = text.text.get(place.range()).unwrap_or_default().split_whitespace().collect();
        let quoted = words.join(" ");
        match quoted.char_indices().nth(LONGEST) {
            Some((end, _)) => format!("`{}…`", &quoted[..end]),
            None if quoted.is_empty() => "here".into(),
            None => format!("`{quoted}`"),
        }
    }

    /// The statement around a place after the repair; only what is put there if it is long.
    fn repaired(&self, place: Place, with: &str, text: &Text) -> String {
        const LONGEST: usize = 90;
        let range = place.range();
        let (true, Some(before), Some(after)) =
            (self.text.is_some_and(|(source, _)| source == place.source), text.text.get(..range.start), text.text.get(range.end..))
        else {
            return format!("`{with}`");
        };
        let end = [';', '{', '}', '\n'];
        let before = &before[before.rfind(end).map_or(0, |end| end + 1)..];
        let after = &after[..after.find(end).map_or(after.len(), |end| end + usize::from(after.as_bytes()[end] == b';'))];
        let statement = format!("{before}{with}{after}");
        let statement = statement.trim();
        if statement.chars().count() > LONGEST { format!("`{with}`") } else { format!("`{statement}`") }
    }
}

/// An error of rustc under the tokens from the first to the last.
pub fn compile_error(message: &str, (first, last): (Span, Span)) -> TokenStream {
    let sign = |letter, spacing| {
        let mut sign = Punct::new(letter, spacing);
        sign.set_span(first);
        TokenTree::Punct(sign)
    };
    let mut text = Literal::string(message);
    text.set_span(last);
    let mut argument = Group::new(Delimiter::Brace, TokenTree::Literal(text).into());
    argument.set_span(last);
    TokenStream::from_iter([
        sign(':', Spacing::Joint),
        sign(':', Spacing::Alone),
        TokenTree::Ident(Ident::new("core", first)),
        sign(':', Spacing::Joint),
        sign(':', Spacing::Alone),
        TokenTree::Ident(Ident::new("compile_error", first)),
        sign('!', Spacing::Alone),
        TokenTree::Group(argument),
    ])
}
