//! Wrong models with what is said about them: `tests/errors/*.nn`.
//!
//! In each file pieces are separated by lines that begin with `// ====`; each piece is a text of its own. Below a line stand comments:
//! `^` marks the primary place of a diagnostic, with its code and message, `-` the other places, then notes and help with the repaired
//! line. `UPDATE_ERRORS=1 cargo test --test errors` writes them.

use nnc_compiler::{Settings, codes, understand};
use nnc_grammar::{Diagnostic, Severity, Source, Sources, Span};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A comment that this test has written.
fn is_mark(line: &str) -> bool {
    let Some(rest) = line.strip_prefix("//") else { return false };
    let rest = rest.trim_start();
    let word = rest.trim_start_matches('^').trim_start_matches('-');
    word.len() < rest.len() || ["note: ", "help: ", "at "].iter().any(|word| line.starts_with("//  ") && rest.starts_with(word))
}

fn without_marks(text: &str) -> String {
    text.lines().filter(|line| !is_mark(line)).map(|line| format!("{line}\n")).collect()
}

/// What is wrong with a text, or its lints.
fn diagnostics(text: &str) -> (Vec<Diagnostic>, Sources) {
    let mut load = |_: &str, path: &str| {
        let text = std::fs::read_to_string(folder().join("imports").join(path)).map_err(|_| "there is no such file".to_string())?;
        Ok(Source { name: path.to_string(), text })
    };
    match understand("model.nn", text.as_bytes(), &mut load, &Settings::default()) {
        Ok(understood) => (understood.warnings, understood.sources),
        Err(failure) => (failure.diagnostics, failure.sources),
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/errors")
}

/// Number of the line, column of the first byte and of the one past the last on that line.
fn place(text: &str, span: Span) -> (usize, usize, usize) {
    let start = (span.start as usize).min(text.len());
    let line = text[..start].matches('\n').count();
    let begin = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let end = text[start..].find('\n').map_or(text.len(), |at| start + at);
    (line, start - begin, (span.end as usize).clamp(start, end) - begin)
}

/// A comment whose signs stand below a place; what `//` covers is not marked.
fn mark(sign: &str, start: usize, end: usize, words: &str) -> String {
    let start = start.max(2);
    let line = format!("//{}{} {words}", " ".repeat(start - 2), sign.repeat(end.saturating_sub(start).max(1)));
    line.trim_end().to_string()
}

fn remark(start: usize, words: &str) -> String {
    format!("//{}{}", " ".repeat(start.max(4) - 2), words.trim_end().trim_end_matches(':'))
}

/// The text with comments for these diagnostics.
fn with_marks(text: &str, problems: &[Diagnostic], sources: &Sources) -> String {
    let mut marks: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for problem in problems {
        let primary = &problem.labels[0];
        // an error in another file is shown at the head
        let here = primary.span.source == 0;
        let (line, start, end) = if here { place(text, primary.span) } else { (0, 3, 4) };
        let severity = if problem.severity == Severity::Warning { "warning " } else { "" };
        let label = if primary.text.is_empty() { String::new() } else { format!(" -- {}", primary.text) };
        let lines = marks.entry(line).or_default();
        let elsewhere = |span: Span| {
            let source = &sources.0[span.source as usize];
            format!("at {} `{}`", source.name, source.text[span.range()].lines().next().unwrap_or_default())
        };
        lines.push(mark("^", start, end, &format!("{severity}{} {}{label}", problem.code, problem.message)));
        if !here {
            lines.push(remark(start, &elsewhere(primary.span)));
        }
        for note in &problem.notes {
            lines.push(remark(start, &format!("note: {note}")));
        }
        for help in &problem.help {
            let repaired = help.replacement.as_ref().map(|(span, with)| {
                let line = text.lines().nth(place(text, *span).0).unwrap_or_default();
                let begin = span.start as usize - place(text, *span).1;
                let mut line = line.to_string();
                let end = (span.end as usize - begin).min(line.len());
                line.replace_range(span.start as usize - begin..end, with);
                format!(": {}", line.trim())
            });
            lines.push(remark(start, &format!("help: {}{}", help.text, repaired.unwrap_or_default())));
        }
        for label in &problem.labels[1..] {
            if label.span.source == 0 {
                let (line, start, end) = place(text, label.span);
                marks.entry(line).or_default().push(mark("-", start, end, &format!("{} {}", problem.code, label.text)));
            } else {
                marks.entry(line).or_default().push(remark(start, &format!("{}: {}", elsewhere(label.span), label.text)));
            }
        }
    }
    let mut marked = String::new();
    for (number, line) in text.lines().enumerate() {
        marked.push_str(&format!("{line}\n"));
        for mark in marks.get(&number).into_iter().flatten() {
            marked.push_str(&format!("{mark}\n"));
        }
    }
    marked
}

/// A file as pieces: the line that begins each, and its text.
fn pieces(text: &str) -> Vec<(String, String)> {
    let mut pieces = vec![(String::new(), String::new())];
    for line in text.lines() {
        if line.starts_with("// ====") {
            pieces.push((format!("{line}\n"), String::new()));
        } else if let Some((_, piece)) = pieces.last_mut() {
            piece.push_str(&format!("{line}\n"));
        }
    }
    pieces.retain(|(head, piece)| !head.is_empty() || !piece.trim().is_empty());
    pieces
}

/// What a piece is refused with goes away by the repairs that are offered.
fn check_repairs(text: &str, problems: &[Diagnostic]) {
    for problem in problems {
        let Some((span, with)) = problem.help.iter().find_map(|help| help.replacement.as_ref()) else { continue };
        assert_eq!(span.source, 0, "a repair outside of the text: {problem}");
        let mut mended = text.to_string();
        mended.replace_range(span.range(), with);
        let (rest, _) = diagnostics(&mended);
        let same = |other: &Diagnostic| other.code == problem.code && other.message == problem.message;
        let count = |all: &[Diagnostic]| all.iter().filter(|other| same(other)).count();
        assert!(count(&rest) < count(problems), "the repair does not mend: {problem}\n{mended}");
    }
}

#[test]
fn refused_with_these_words() {
    let update = std::env::var_os("UPDATE_ERRORS").is_some();
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "nn"));
    files.sort();
    let mut different = BTreeSet::new();
    let mut wrong = Vec::new();
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let mut marked = String::new();
        for (head, piece) in pieces(&text) {
            let plain = without_marks(&piece);
            let (problems, sources) = diagnostics(&plain);
            assert!(problems.len() <= 10, "{name}: {} problems at once", problems.len());
            if problems.is_empty() {
                wrong.push(format!("{name} {head}accepted without a word:\n{plain}"));
            }
            check_repairs(&plain, &problems);
            different.extend(problems.iter().map(|problem| (problem.code, problem.message.clone())));
            marked.push_str(&head);
            marked.push_str(&with_marks(&plain, &problems, &sources));
        }
        if marked != text {
            if update {
                std::fs::write(&path, marked).unwrap();
            } else {
                let line = marked.lines().zip(text.lines()).position(|(a, b)| a != b).unwrap_or_default();
                let expected: Vec<&str> = text.lines().skip(line).take(3).collect();
                let found: Vec<&str> = marked.lines().skip(line).take(3).collect();
                wrong.push(format!("{name}, line {}: expected\n{}\nfound\n{}", line + 1, expected.join("\n"), found.join("\n")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    let semantic = different.iter().filter(|(code, _)| !code.starts_with("NN00")).count();
    assert!(semantic >= 80, "{semantic} different refusals");
    let shown: BTreeSet<&str> = different.iter().map(|&(code, _)| code).collect();
    let without = ["NN0100", "NN0113", "NN0611"]; // our own mistakes, a setting, and what the grammar refuses first
    let own = codes().into_iter().map(|code| code.0).filter(|code| !code.starts_with("NN00") && !without.contains(code));
    let missing: Vec<&str> = own.filter(|code| !shown.contains(code)).collect();
    assert!(missing.is_empty(), "codes without an example in tests/errors: {missing:?}");
}
