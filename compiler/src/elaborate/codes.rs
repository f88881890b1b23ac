//! Every code, for `nnc explain`.

/// A code with what it means.
#[derive(Clone, Copy, Debug)]
pub struct Code {
    /// `NN0102`
    pub code: &'static str,
    /// A line.
    pub title: &'static str,
    /// Paragraphs, with a wrong and a right example.
    pub explanation: &'static str,
}

/// In the order of their numbers.
pub const CODES: &[Code] = &[];
