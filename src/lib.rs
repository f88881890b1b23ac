//! Neural networks as source code: a model is mathematics in index notation, and nnc compiles it into specialised, readable Rust that
//! trains and predicts. The backward pass is derived symbolically, the optimizer step is part of the program, and there is no tape.
//!
//! # A value
//! `nn!` of a chain is an initialised `Model`, trained with the defaults (cross entropy, Adam). Numbers are slices, rows or arrays; the
//! number of samples is what is given:
#![cfg_attr(all(feature = "macros", feature = "std"), doc = "```")]
#![cfg_attr(not(all(feature = "macros", feature = "std")), doc = "```text")]
//! let x = [[5.1, 3.5, 1.4, 0.2], [7.0, 3.2, 4.7, 1.4], [6.3, 3.3, 6.0, 2.5]];
//! let species = [0, 1, 2];
//!
//! let mut net = nnc::nn!(linear(4, 16) -> tanh -> linear(16, 3) -> softmax);
//! for _ in 0..500 {
//!     let loss = net.step(&x, &species)?;
//!     # assert!(loss.is_finite());
//! }
//! let p = net.predict(&[[5.0, 3.4, 1.5, 0.2]])?;
//! assert_eq!(p.classes().next(), Some(0));
//! # Ok::<(), nnc::Error>(())
//! ```
//!
//! # A type
//! Models with a name, a loss and an optimizer of their own are items; they may also stand in a file, for `nn_file!` or a build script.
#![cfg_attr(all(feature = "macros", feature = "std"), doc = "```")]
#![cfg_attr(not(all(feature = "macros", feature = "std")), doc = "```text")]
//! nnc::nn! {
//!     /// Classifies 8x8 handwritten digits.
//!     model Digits(x[64]) -> p {
//!         target digit: index(10);
//!         p         = x -> fc1: linear(64, 32) -> relu -> fc2: linear(32, 10) -> softmax;
//!         loss      = cross_entropy(p, digit);
//!         optimizer = adamw(lr = cosine(step, 1e-2, 1e-4, 2000));
//!         metric hits = accuracy(p, digit);
//!     }
//! }
//!
//! # fn main() -> Result<(), nnc::Error> {
//! let digits = nnc::Table::parse(include_str!("../examples/data/digits.csv"))?;
//! let pixels: Vec<f32> = digits.reals_without(&["digit"])?;
//! let columns = [pixels.into(), digits.indices("digit")?.into()];
//! let (train, test) = nnc::Dataset::new(digits.rows(), columns)?.split_at(1500);
//! # let train = train.split_at(200).0;
//!
//! let mut net = nnc::Model::<Digits>::new(0);
//! let trainer = nnc::Trainer { epochs: 3, batch: 50, ..nnc::Trainer::default() };
//! trainer.train_with(&mut net, &train, &test, |epoch, _| println!("{epoch}"))?;
//! assert_eq!(net.parameter("fc1.w")?.len(), 64 * 32);
//! # Ok(())
//! # }
//! ```
//!
//! # What is where
//! | | |
//! |---|---|
//! | `nn!`, `nn_file!` | a model in Rust text, or from a `.nn` file |
//! | [`Network`] | what every generated type implements, on slices of the caller |
//! | `Model` | a network with memory: `predict`, `evaluate`, `step` |
//! | `Trainer`, `Dataset`, `Table` | epochs, validation, early stopping; rows, splits and batches; CSV files |
//! | `safetensors` | files of named tensors; `Model::save` and `load` use them |
//! | `build` | the compiler for build scripts |
//!
//! # Features
//! | feature | default | what it brings |
//! |---|---|---|
//! | `macros` | yes | `nn!` and `nn_file!` |
//! | `std` | yes | `Model`, training, data and files |
//! | `ndarray` | yes | arrays as inputs and outputs |
//! | `build` | no | `nnc::build` for build scripts |
//! | `cli` | no | the command `nnc` |
//!
//! Without `std` the crate is `no_std` and holds the trait [`Network`], its macros and the [kernels].
#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]

pub mod network;

#[cfg(feature = "build")]
pub mod build;
#[cfg(feature = "std")]
pub mod data;
#[cfg(feature = "std")]
mod error;
#[cfg(feature = "std")]
mod file;
#[cfg(feature = "std")]
mod list;
#[cfg(feature = "std")]
mod model;
#[cfg(feature = "std")]
pub mod ports;
#[cfg(feature = "std")]
pub mod safetensors;
#[cfg(all(test, feature = "std"))]
mod tests;
#[cfg(feature = "std")]
mod train;
#[cfg(feature = "std")]
mod weights;

pub use network::Network;
/// What generated code calls.
pub use nnc_kernels as kernels;
#[cfg(feature = "macros")]
pub use nnc_macros::{nn, nn_file};

#[cfg(feature = "std")]
pub use data::{Dataset, Table};
#[cfg(feature = "std")]
pub use error::Error;
#[cfg(feature = "std")]
pub use model::{Evaluation, Model, Outputs, Workspace};
#[cfg(feature = "std")]
pub use ports::shaped;
#[cfg(feature = "std")]
pub use train::{Epoch, Trainer};
