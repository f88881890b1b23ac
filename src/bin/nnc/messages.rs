//! What the command says on standard error: diagnostics with the text they are about, or as objects of JSON, one a line.

use crate::Failure;
use annotate_snippets::{AnnotationKind, Group, Level, Patch, Renderer, Snippet};
use nnc_grammar::{Diagnostic, Severity, Source, Sources, Span};
use serde_json::{Value, json};
use std::fmt::Arguments;
use std::io::{IsTerminal, Write};
use std::ops::Range;

/// How many messages are shown: the text is gone through for each.
const MOST: usize = 100;

/// Where and how messages go.
pub struct Messages {
    json: bool,
}

impl Messages {
    /// As text for people, or as JSON.
    pub fn new(json: bool) -> Self {
        Messages { json }
    }

    /// Says something that is about no model text; returns the failure for the caller to return.
    pub fn plain(&self, message: &str, failure: Failure) -> Failure {
        if self.json {
            say(format_args!("{}", json!({ "severity": "error", "message": message })));
        } else {
            say(format_args!("error: {message}"));
        }
        failure
    }

    /// Says something that is no error.
    pub fn note(&self, message: &str) {
        if self.json {
            say(format_args!("{}", json!({ "severity": "note", "message": message })));
        } else {
            say(format_args!("{message}"));
        }
    }

    /// Shows errors and lints in their order, and says how many more there are than one reads.
    pub fn diagnostics(&self, diagnostics: &[Diagnostic], sources: &Sources) {
        for diagnostic in diagnostics.iter().take(MOST) {
            if self.json {
                say(format_args!("{}", object(diagnostic, sources)));
            } else {
                let color = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
                let renderer = if color { Renderer::styled() } else { Renderer::plain() };
                say(format_args!("{}\n", renderer.render(&groups(diagnostic, sources))));
            }
        }
        if diagnostics.len() > MOST {
            self.note(&format!("{} more are not shown", diagnostics.len() - MOST));
        }
    }
}

/// A line on standard error. Who has closed it does not want to know.
fn say(line: Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// A range that lies in the text and between characters, whatever the span says.
fn range(span: Span, text: &str) -> Range<usize> {
    let fit = |at: u32| {
        let mut at = (at as usize).min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    fit(span.start)..fit(span.end.max(span.start))
}

fn source(span: Span, sources: &Sources) -> Option<&Source> {
    sources.0.get(span.source as usize)
}

fn groups<'a>(diagnostic: &'a Diagnostic, sources: &'a Sources) -> Vec<Group<'a>> {
    let level = if diagnostic.severity == Severity::Error { Level::ERROR } else { Level::WARNING };
    let mut group = Group::with_title(level.primary_title(&diagnostic.message).id(diagnostic.code));
    // one snippet for each source, the primary label's first
    let mut order: Vec<u32> = Vec::new();
    for label in &diagnostic.labels {
        if !order.contains(&label.span.source) {
            order.push(label.span.source);
        }
    }
    for number in order {
        let Some(source) = sources.0.get(number as usize) else { continue };
        let mut snippet = Snippet::source(source.text.as_str()).path(source.name.as_str());
        for (position, label) in diagnostic.labels.iter().enumerate().filter(|(_, label)| label.span.source == number) {
            let kind = if position == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
            let mut annotation = kind.span(range(label.span, &source.text));
            if !label.text.is_empty() {
                annotation = annotation.label(label.text.as_str());
            }
            snippet = snippet.annotation(annotation);
        }
        group = group.element(snippet);
    }
    for note in &diagnostic.notes {
        group = group.element(Level::NOTE.message(note.as_str()));
    }
    let mut groups = vec![];
    for help in &diagnostic.help {
        let repair = help
            .replacement
            .as_ref()
            .and_then(|(span, with)| Some((source(*span, sources)?, range(*span, &source(*span, sources)?.text), with)));
        match repair {
            Some((source, span, with)) => {
                let patch = Snippet::source(source.text.as_str()).path(source.name.as_str()).patch(Patch::new(span, with.as_str()));
                groups.push(Level::HELP.secondary_title(help.text.as_str()).element(patch));
            }
            None => group = group.element(Level::HELP.message(help.text.as_str())),
        }
    }
    groups.insert(0, group);
    groups
}

fn object(diagnostic: &Diagnostic, sources: &Sources) -> Value {
    let place = |span: Span| {
        let (line, column) = sources.line_column(span);
        let end = sources.line_column(Span { start: span.end, ..span });
        json!({
            "file": source(span, sources).map(|source| source.name.as_str()),
            "start": span.start, "end": span.end, "line": line, "column": column, "end_line": end.0, "end_column": end.1,
        })
    };
    let labels: Vec<Value> = diagnostic.labels.iter().map(|label| json!({ "place": place(label.span), "text": label.text })).collect();
    let help: Vec<Value> = diagnostic
        .help
        .iter()
        .map(|help| {
            let replacement = help.replacement.as_ref().map(|(span, with)| json!({ "place": place(*span), "with": with }));
            json!({ "text": help.text, "replacement": replacement })
        })
        .collect();
    json!({
        "code": diagnostic.code,
        "severity": if diagnostic.severity == Severity::Error { "error" } else { "warning" },
        "message": diagnostic.message,
        "labels": labels,
        "notes": diagnostic.notes,
        "help": help,
    })
}
