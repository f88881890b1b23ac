//! Neural networks as source code.
#![forbid(unsafe_code)]
