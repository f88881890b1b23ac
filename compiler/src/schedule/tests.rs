//! Equations in, programs out.
