//! A file without dependencies: the kernels' text, as much of it as the program uses, in a module of the file.

/// The program and its kernels.
pub fn file(program: &str, double: bool) -> String {
    let kernels = nnc_kernels::source(program, double);
    // Public, because callers make workspaces of its `Lane`s.
    format!(
        "{program}\n/// What the program calls.\n#[allow(warnings, unused, nonstandard_style, clippy::all, clippy::pedantic)]\npub mod nnc_kernels {{\n{kernels}\n}}\n"
    )
}
