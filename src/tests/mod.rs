//! The root library on two networks written by hand: what it promises must not depend on what nnc generates.

#[cfg(feature = "build")]
mod build;
mod data;
mod model;
mod networks;
mod safetensors;
mod train;
mod weights;
