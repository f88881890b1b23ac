//! The compiler of nnc: a syntax tree to specialised Rust.
#![forbid(unsafe_code)]

pub mod derive;
pub mod equations;
pub mod model;
pub mod simplify;
