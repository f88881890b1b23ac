//! A diagnostic as plain text, for build scripts, tests and terminals without colour: the message, the lines that it speaks of with
//! their labels below, notes, and help with the repaired line.
//!
//! Columns on paper are not bytes: a tab is set as four spaces, wide characters take two columns, combining ones none, and of a long
//! line only what surrounds its labels is shown. Spans that lie outside their text are pulled into it, so that nothing can fail.

use crate::{Diagnostic, Help, Label, Severity, Source, Sources, Span};
use std::collections::BTreeMap;
use std::fmt::Write;

/// How many columns of a line are shown.
const SHOWN: usize = 110;
/// How many columns stay visible before a label on a line that is cut.
const BEFORE: usize = 40;
const TAB: usize = 4;

/// `diagnostic` as several lines, each with its end.
pub fn render(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let mut out = format!("{diagnostic}\n");
    let gutter = gutter_width(diagnostic, sources);
    let mut order: Vec<u32> = Vec::new();
    for label in &diagnostic.labels {
        if !order.contains(&label.span.source) {
            order.push(label.span.source);
        }
    }
    for (at, &index) in order.iter().enumerate() {
        let Some(source) = sources.0.get(index as usize) else { continue };
        let labels: Vec<(bool, &Label)> = diagnostic
            .labels
            .iter()
            .enumerate()
            .filter(|(_, label)| label.span.source == index)
            .map(|(at, label)| (at == 0, label))
            .collect();
        let (line, column) = place(&source.text, labels[0].1.span.start as usize);
        let arrow = if at == 0 { "-->" } else { ":::" };
        let _ = writeln!(out, "{:gutter$}{arrow} {}:{line}:{column}", "", source.name);
        snippet(&mut out, source, &labels, gutter);
    }
    if !out.ends_with("|\n") && (!diagnostic.notes.is_empty() || !diagnostic.help.is_empty()) {
        let _ = writeln!(out, "{:gutter$} |", "");
    }
    for note in &diagnostic.notes {
        let _ = writeln!(out, "{:gutter$} = note: {note}", "");
    }
    for help in &diagnostic.help {
        suggest(&mut out, help, sources, gutter);
    }
    out
}

impl Sources {
    /// Line and column of the first character of `span`, both from 1, columns in characters.
    pub fn line_column(&self, span: Span) -> (usize, usize) {
        self.0.get(span.source as usize).map_or((1, 1), |source| place(&source.text, span.start as usize))
    }
}

fn place(text: &str, at: usize) -> (usize, usize) {
    let at = boundary(text, at);
    let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    (text[..at].matches('\n').count() + 1, text[start..at].chars().count() + 1)
}

/// The last place for a cut at or before `at`.
fn boundary(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

/// The bytes of the line that holds byte `at`, without its end.
fn line_of(text: &str, at: usize) -> (usize, usize) {
    let at = boundary(text, at);
    let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let end = text[at..].find('\n').map_or(text.len(), |length| at + length);
    (start, if text[start..end].ends_with('\r') { end - 1 } else { end })
}

fn gutter_width(diagnostic: &Diagnostic, sources: &Sources) -> usize {
    let replaced = diagnostic.help.iter().filter_map(|help| help.replacement.as_ref().map(|(span, _)| *span));
    let spans = diagnostic.labels.iter().map(|label| label.span).chain(replaced);
    let last = spans.map(|span| sources.line_column(span).0).max().unwrap_or(1);
    last.to_string().len()
}

/// How many columns a character takes.
fn width(letter: char) -> usize {
    match letter as u32 {
        0x09 => TAB,
        0x300..=0x36f | 0x200b..=0x200f | 0x20d0..=0x20ff | 0xfe00..=0xfe0f | 0xfeff => 0,
        0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f | 0xff00..=0xff60 | 0xffe0..=0xffe6 => 2,
        0x1f300..=0x1f64f | 0x1f680..=0x1f6ff | 0x1f900..=0x1f9ff | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

/// A piece of a line as it is shown.
struct Shown {
    text: String,
    /// The first column that is shown; what is left of it is cut.
    from: usize,
}

/// `line` with tabs set and its ends cut, so that the columns from `first` to `last` are seen.
fn shown(line: &str, first: usize, last: usize) -> Shown {
    let total: usize = line.chars().map(width).sum();
    if total <= SHOWN {
        return Shown { text: line.chars().map(set).collect(), from: 0 };
    }
    // Three columns are the least that is worth a cut.
    let from = if last <= SHOWN || first < BEFORE + 3 { 0 } else { first - BEFORE };
    let mut text = String::new();
    let mut column = 0;
    for letter in line.chars() {
        if column >= from && column + width(letter) <= from + SHOWN {
            text.push_str(&set(letter));
        }
        column += width(letter);
    }
    let mut from = from;
    if from > 0 {
        text.insert_str(0, "...");
        from -= 3;
    }
    if total > from + SHOWN {
        text.push_str("...");
    }
    Shown { text, from }
}

/// A character as it is shown: nothing that moves the cursor.
fn set(letter: char) -> String {
    match letter {
        '\t' => " ".repeat(TAB),
        letter if letter.is_control() => "\u{fffd}".to_owned(),
        letter => letter.to_string(),
    }
}

/// A label on its line, in columns.
struct Underlined<'l> {
    start: usize,
    end: usize,
    primary: bool,
    text: &'l str,
}

fn snippet(out: &mut String, source: &Source, labels: &[(bool, &Label)], gutter: usize) {
    let text = &source.text;
    let mut lines: BTreeMap<usize, Vec<Underlined<'_>>> = BTreeMap::new();
    for (primary, label) in labels {
        let at = boundary(text, label.span.start as usize);
        let (start, end) = line_of(text, at);
        let columns = |bytes: &str| bytes.chars().map(width).sum::<usize>();
        let first = columns(&text[start..at.min(end)]);
        // Of a span of several lines the first is underlined.
        let stop = boundary(text, label.span.end as usize).clamp(at.min(end), end);
        let last = columns(&text[start..stop]).max(first + 1);
        lines.entry(start).or_default().push(Underlined { start: first, end: last, primary: *primary, text: &label.text });
    }
    let _ = writeln!(out, "{:gutter$} |", "");
    let mut before = None;
    for (start, mut marks) in lines {
        marks.sort_by_key(|mark| (mark.start, mark.end));
        let (_, end) = line_of(text, start);
        let number = place(text, start).0;
        if before.is_some_and(|before| before + 1 < number) {
            let _ = writeln!(out, "...");
        }
        before = Some(number);
        let primary = marks.iter().find(|mark| mark.primary).unwrap_or(&marks[0]);
        let visible = shown(&text[start..end], primary.start, primary.end);
        let _ = writeln!(out, "{}", format!("{number:>gutter$} | {}", visible.text).trim_end());
        let edge = visible.from + SHOWN + 3;
        for mark in &mut marks {
            mark.start = mark.start.clamp(visible.from, edge) - visible.from;
            mark.end = mark.end.clamp(visible.from + mark.start + 1, edge + 1) - visible.from;
        }
        for row in underline(&marks) {
            let _ = writeln!(out, "{}", format!("{:gutter$} | {row}", "").trim_end());
        }
    }
}

/// The rows below a line: signs with the last text, then the other texts from right to left, hanging on bars.
fn underline(marks: &[Underlined<'_>]) -> Vec<String> {
    let mut row = vec![' '; marks.iter().map(|mark| mark.end).max().unwrap_or(0)];
    // The primary place is drawn last, over the others.
    for primary in [false, true] {
        for mark in marks.iter().filter(|mark| mark.primary == primary) {
            row[mark.start..mark.end].fill(if primary { '^' } else { '-' });
        }
    }
    let mut first: String = row.into_iter().collect();
    let mut texts: Vec<&Underlined<'_>> = marks.iter().filter(|mark| !mark.text.is_empty()).collect();
    let rightmost = texts.last().is_some_and(|last| marks.iter().all(|mark| mark.end <= last.end));
    if rightmost && let Some(last) = texts.pop() {
        first = format!("{first} {}", last.text);
    }
    let mut rows = vec![first];
    while let Some(last) = texts.pop() {
        let bars = |upto: usize, texts: &[&Underlined<'_>]| {
            let mut row = vec![' '; upto];
            texts.iter().filter(|mark| mark.start < upto).for_each(|mark| row[mark.start] = '|');
            row.into_iter().collect::<String>()
        };
        let all: Vec<&Underlined<'_>> = texts.iter().copied().chain([last]).collect();
        rows.push(bars(last.start + 1, &all));
        rows.push(format!("{}{}", bars(last.start, &texts), last.text));
    }
    rows
}

/// The help, and the line as it is after the repair.
fn suggest(out: &mut String, help: &Help, sources: &Sources, gutter: usize) {
    let Some((span, with)) = &help.replacement else {
        let _ = writeln!(out, "{:gutter$} = help: {}", "", help.text);
        return;
    };
    let Some(source) = sources.0.get(span.source as usize) else {
        let _ = writeln!(out, "{:gutter$} = help: {}: `{with}`", "", help.text);
        return;
    };
    let text = &source.text;
    let start = boundary(text, span.start as usize);
    let end = boundary(text, span.end as usize).max(start);
    let (first, _) = line_of(text, start);
    let (_, last) = line_of(text, end);
    let before = &text[first..start];
    let repaired = format!("{before}{with}{}", &text[end..last.max(end)]);
    let _ = writeln!(out, "{:gutter$} = help: {}", "", help.text);
    let _ = writeln!(out, "{:gutter$} |", "");
    let number = place(text, start).0;
    let indent: usize = before.chars().map(width).sum();
    for (at, line) in repaired.split('\n').enumerate().take(6) {
        let from = if at == 0 { indent } else { 0 };
        let length: usize = with.split('\n').nth(at).map_or(0, |line| line.chars().map(width).sum());
        let visible = shown(line.trim_end_matches('\r'), from, from + length);
        let _ = writeln!(out, "{}", format!("{:>gutter$} | {}", number + at, visible.text).trim_end());
        let from = from.saturating_sub(visible.from);
        if length > 0 && from + length <= SHOWN + 3 {
            let sign = if start == end { "+" } else { "~" };
            let _ = writeln!(out, "{:gutter$} | {}{}", "", " ".repeat(from), sign.repeat(length));
        }
    }
}

/// All of them with an empty line between, and how many there were.
pub fn render_all(diagnostics: &[Diagnostic], sources: &Sources) -> String {
    let mut out: String = diagnostics.iter().map(|diagnostic| render(diagnostic, sources) + "\n").collect();
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count();
    match errors {
        0 => {}
        1 => out.push_str("error: stopped at one error\n"),
        _ => {
            let _ = writeln!(out, "error: stopped at {errors} errors");
        }
    }
    out
}
