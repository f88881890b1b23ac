//! The proc macros of nnc.
#![forbid(unsafe_code)]
