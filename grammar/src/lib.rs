//! The grammar of nnc: text to [`tree::File`], canonical text back, and [`Diagnostic`]s. It knows no size, no layer and no Rust.
#![forbid(unsafe_code)]

pub mod diagnostic;
pub mod tree;

pub use diagnostic::{Diagnostic, Help, Label, Severity, Source, Sources, Span};

/// Runs `work` on a thread with a stack of 256 MiB (only what is touched is paid for), so that the caller's stack decides nothing.
///
/// # Panics
/// With the panic of `work`, if it panics; or when the system has no memory for a thread.
pub fn on_large_stack<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(256 << 20).spawn_scoped(scope, work);
        match thread.expect("the system has memory for a thread").join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}
