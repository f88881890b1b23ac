//! Places in sources, and what is to be said about them.
//!
//! A [`Diagnostic`] is a value: the command, the macro, build scripts and JSON output render the same one.

use std::fmt;
use std::ops::Range;

/// A range of bytes in a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// Which source: an index into [`Sources`].
    pub source: u32,
    /// The first byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The bytes as a range.
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
    /// From the start of `self` to the end of `other`, of the same source.
    pub fn to(self, other: Span) -> Span {
        Span { end: other.end.max(self.end), ..self }
    }
}

/// A text with the name that it is shown under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// A path as the user wrote it, `<stdin>`, `nn!`, or `library/layers.nn`.
    pub name: String,
    /// All of it.
    pub text: String,
}

/// All texts that a compilation read; spans refer to them by index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources(pub Vec<Source>);

impl Sources {
    /// Adds a source and returns its index.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> u32 {
        self.0.push(Source { name: name.into(), text: text.into() });
        self.0.len() as u32 - 1
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The model is refused.
    Error,
    /// A lint: the model compiles, but probably does not say what was meant.
    Warning,
}

/// A place with a remark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What is there; may be empty.
    pub text: String,
}

/// A way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Help {
    /// In words.
    pub text: String,
    /// The repair: replace this span by this text.
    pub replacement: Option<(Span, String)>,
}

/// One thing that is wrong, with its place in the user's own text, what was expected and found, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// `NN0102`; `nnc explain` knows each.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// One sentence without a full stop, naming what was found.
    pub message: String,
    /// The first is the primary one.
    pub labels: Vec<Label>,
    /// Background in full sentences.
    pub notes: Vec<String>,
    /// Ways out.
    pub help: Vec<Help>,
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        let labels = vec![Label { span, text: String::new() }];
        Diagnostic { code, severity: Severity::Error, message: message.into(), labels, notes: Vec::new(), help: Vec::new() }
    }
    /// A lint at a place.
    pub fn warning(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Diagnostic { severity: Severity::Warning, ..Self::error(code, span, message) }
    }
    /// The remark at the primary place.
    pub fn label(mut self, text: impl Into<String>) -> Self {
        self.labels[0].text = text.into();
        self
    }
    /// A second place.
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }
    /// Background.
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }
    /// A way out, in words.
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(Help { text: text.into(), replacement: None });
        self
    }
    /// A way out that needs no other words than what is to be written.
    pub(crate) fn write(self, span: Span, with: impl Into<String>) -> Self {
        let with = with.into();
        self.replace(format!("write `{with}`"), span, with)
    }
    /// A way out that the reader can paste.
    pub fn replace(mut self, text: impl Into<String>, span: Span, with: impl Into<String>) -> Self {
        self.help.push(Help { text: text.into(), replacement: Some((span, with.into())) });
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = if self.severity == Severity::Error { "error" } else { "warning" };
        write!(f, "{severity}[{}]: {}", self.code, self.message)
    }
}
