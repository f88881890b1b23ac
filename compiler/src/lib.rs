//! The compiler of nnc: a syntax tree to specialised Rust.
#![forbid(unsafe_code)]

pub mod derive;
pub mod elaborate;
pub mod equations;
pub mod library;
pub mod model;
pub mod simplify;
