//! The layout of `nnc fmt`: canonical text that keeps comments and single empty lines.
//!
//! Printing a tree writes the tokens of its text in their order, so a comment is kept by the number of tokens before it, together
//! with whether it stands behind a token on the same line. Formatting is idempotent, because its result is a function of the tokens,
//! the comments before each and the empty lines between statements, and keeps all three.

use crate::print::{Printer, render};
use crate::scan::{Lexeme, Scan, Token, scan};
use crate::{Diagnostic, on_large_stack, parse};
use std::collections::BTreeMap;

/// `text` in canonical layout.
///
/// # Errors
/// Those of [`parse`]: what cannot be read is left alone.
pub fn format(text: &str) -> Result<String, Vec<Diagnostic>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    on_large_stack(|| {
        let file = parse(0, text)?;
        let gaps = Gaps::of(text, &scan(0, text));
        Ok(render(&Printer::with(gaps).file(&file)))
    })
}

/// A comment of the text.
pub(crate) struct Comment {
    /// With its slashes.
    pub text: String,
    /// It stands behind a token, on the same line.
    pub trailing: bool,
    /// An empty line stands before it.
    pub blank: bool,
}

/// What stands between tokens, by the number of tokens before it.
pub(crate) struct Gaps {
    comments: BTreeMap<usize, Vec<Comment>>,
    blank: Vec<bool>,
}

impl Gaps {
    fn of(text: &str, scan: &Scan) -> Gaps {
        let dropped = result_brackets(text, &scan.tokens);
        let mut gaps = Gaps { comments: BTreeMap::new(), blank: Vec::new() };
        let mut count = 0;
        let mut end = 0;
        for (at, token) in scan.tokens.iter().enumerate() {
            let lines = text[end..token.start].matches('\n').count();
            if token.lexeme == Lexeme::Comment {
                let trailing = lines == 0 && at > 0;
                let comment = Comment { text: token.text(text).trim_end().to_owned(), trailing, blank: lines > 1 };
                gaps.comments.entry(count).or_default().push(comment);
            } else if !dropped.contains(&at) {
                gaps.blank.push(lines > 1);
                count += 1;
            }
            end = token.end;
        }
        gaps
    }

    /// Takes the comments before token `count`, and any that lie further back.
    pub fn before(&mut self, count: usize) -> Vec<Comment> {
        if self.comments.first_key_value().is_none_or(|(&first, _)| first > count) {
            return Vec::new();
        }
        let later = self.comments.split_off(&(count + 1));
        std::mem::replace(&mut self.comments, later).into_values().flatten().collect()
    }

    /// Whether an empty line stands before token `count`.
    pub fn blank(&self, count: usize) -> bool {
        self.blank.get(count).copied().unwrap_or(false)
    }
}

/// The brackets of `-> (y)`, which is printed `-> y`.
fn result_brackets(text: &str, tokens: &[Token]) -> Vec<usize> {
    let code: Vec<usize> = (0..tokens.len()).filter(|&at| tokens[at].lexeme != Lexeme::Comment).collect();
    let mut found = Vec::new();
    for four in code.windows(4) {
        let [arrow, open, name, close] = [0, 1, 2, 3].map(|at| tokens[four[at]]);
        if arrow.text(text) == "->" && open.text(text) == "(" && name.lexeme == Lexeme::Word && close.text(text) == ")" {
            found.extend([four[1], four[3]]);
        }
    }
    found
}
