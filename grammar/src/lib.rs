//! The grammar of nnc: text to [`tree::File`], canonical text back, and [`Diagnostic`]s. It knows no size, no layer and no Rust.
//!
//! `nn.pest` is the language on one page. A text is scanned for what no grammar needs, parsed by pest, and read into the tree; what is
//! refused is explained. [`print`](print()) sets a tree, [`format`](format()) a text with its comments.
//! ```
//! use nnc_grammar::{Sources, format, parse, render};
//!
//! assert_eq!(format("fn  f( x )=x ^ 2 ;// square").unwrap(), "fn f(x) = x^2;  // square\n");
//!
//! let mut sources = Sources::default();
//! let source = sources.add("model.nn", "fn f(x) = 2 x;");
//! let problems = parse(source, "fn f(x) = 2 x;").unwrap_err();
//! assert!(render(&problems[0], &sources).contains("1 | fn f(x) = 2 * x;"));
//! ```
#![forbid(unsafe_code)]

mod codes;
pub mod diagnostic;
mod explain;
mod format;
mod layout;
mod parser;
mod print;
mod read;
mod render;
mod scan;
pub mod tree;

pub use codes::CODES;
pub use diagnostic::{Diagnostic, Help, Label, Severity, Source, Sources, Span};
pub use format::format;
pub use print::{print, print_chain, print_expression};
pub use render::{render, render_all};

use std::cell::Cell;
use std::io;

/// The tree of a `.nn` file, or of the items in `nn!{ … }`. `source` is the index under which the caller keeps the text in [`Sources`].
///
/// # Errors
/// All that is wrong with the text, at most ten, in the order of their places.
pub fn parse(source: u32, text: &str) -> Result<tree::File, Vec<Diagnostic>> {
    parsed(source, text, read::file, explain::file)
}

/// The tree of what `nn!( … )` holds: a chain, in `< … >` or not.
///
/// # Errors
/// All that is wrong with the text, at most ten, in the order of their places.
pub fn parse_inline(source: u32, text: &str) -> Result<tree::Chain, Vec<Diagnostic>> {
    parsed(source, text, read::inline, explain::inline)
}

/// [`parse`] of bytes that may not be a text at all.
///
/// # Errors
/// The place of the first byte that is not UTF-8, or those of [`parse`].
pub fn parse_bytes(source: u32, bytes: &[u8]) -> Result<tree::File, Vec<Diagnostic>> {
    match std::str::from_utf8(bytes) {
        Ok(text) => parse(source, text),
        Err(error) => {
            let at = u32::try_from(error.valid_up_to()).unwrap_or(u32::MAX);
            let byte = bytes.get(error.valid_up_to()).copied().unwrap_or(0);
            let line = bytes[..error.valid_up_to()].iter().filter(|&&byte| byte == b'\n').count() + 1;
            let span = Span { source, start: at, end: at };
            let message = format!("byte {} (0x{byte:02x}, in line {line}) is not UTF-8", error.valid_up_to());
            Err(vec![Diagnostic::error("NN0001", span, message).help("save the file as UTF-8")])
        }
    }
}

/// One way for both entries: scan, and only what a scan accepts goes to pest. What is refused is explained.
fn parsed<T: Send>(
    source: u32,
    text: &str,
    read: fn(u32, &str) -> Result<T, read::Refused>,
    explain: fn(u32, &str, &[scan::Token]) -> Vec<Diagnostic>,
) -> Result<T, Vec<Diagnostic>> {
    if u32::try_from(text.len()).is_err() {
        let span = Span { source, start: 0, end: 0 };
        return Err(vec![Diagnostic::error("NN0002", span, format!("a text of {} bytes is too long", text.len()))]);
    }
    // a byte order mark is no text; spaces of the same length keep every place
    let unmarked = text.strip_prefix('\u{feff}').map(|rest| format!("   {rest}"));
    let text = unmarked.as_deref().unwrap_or(text);
    on_large_stack(|| {
        let scan::Scan { tokens, mut problems, balanced } = scan::scan(source, text);
        let mut stopped = 0;
        if problems.is_empty() {
            match read(source, text) {
                Ok(tree) => return Ok(tree),
                Err(refused) => stopped = refused.at,
            }
        }
        if balanced {
            let more = explain(source, text, &tokens);
            // A token that is wrong by itself explains what goes wrong at it.
            let known = |span: Span| problems.iter().any(|problem| touches(problem.labels[0].span, span));
            let more: Vec<Diagnostic> = more.into_iter().filter(|problem| !known(problem.labels[0].span)).collect();
            problems.extend(more);
        }
        if problems.is_empty() {
            let found = tokens.iter().find(|token| token.end > stopped);
            let (start, end) = found.map_or((text.len(), text.len()), |token| (token.start, token.end));
            let span = Span { source, start: start as u32, end: end as u32 };
            problems.push(Diagnostic::error("NN0013", span, format!("`{}` is not expected here", scan::cut(&text[start..end]))));
        }
        problems.sort_by_key(|problem| problem.labels[0].span.start);
        problems.truncate(explain::MOST);
        Err(problems)
    })
}

fn touches(a: Span, b: Span) -> bool {
    a.start <= b.end && b.start <= a.end
}

thread_local! {
    static ON_LARGE_STACK: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` on a thread with a stack of 256 MiB (only what is touched is paid for), so that the caller's stack decides nothing.
/// What runs inside of another such call stays where it is.
///
/// # Panics
/// With the panic of `work`, if it panics; or when the system has no memory for a thread.
pub fn on_large_stack<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    match large_stack(work) {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => std::panic::resume_unwind(panic),
        Err(error) => panic!("the system has no memory for a thread: {error}"),
    }
}

/// Drops `value` on a large stack; on this one, if there is no memory for another.
fn drop_on_large_stack<T: Send>(value: Vec<T>) {
    if !value.is_empty() {
        let _ = large_stack(|| drop(value));
    }
}

/// The result of `work` or its panic; or why there is no thread.
fn large_stack<R: Send>(work: impl FnOnce() -> R + Send) -> io::Result<std::thread::Result<R>> {
    if ON_LARGE_STACK.try_with(Cell::get).unwrap_or(false) {
        return Ok(Ok(work()));
    }
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(256 << 20).spawn_scoped(scope, || {
            let _ = ON_LARGE_STACK.try_with(|here| here.set(true));
            work()
        })?;
        Ok(thread.join())
    })
}
