//! A crate in which every name that generated code might use means something else, and nothing may be warned of.
#![deny(warnings, missing_docs, unsafe_code, non_snake_case, non_camel_case_types, unused_qualifications, unreachable_pub)]
#![no_implicit_prelude]

mod hostile {
    //! What is in scope around the networks.
    #![allow(dead_code, non_camel_case_types, non_upper_case_globals, unused_macros, unused_macro_rules)]

    macro_rules! hostile_types {
        ($($name:ident)*) => {$(pub(crate) struct $name;)*};
    }
    hostile_types!(Vec Option Some None Result Ok Err String Box Default Clone Copy From Into Iterator IntoIterator Drop Fn FnMut FnOnce);
    hostile_types!(Debug PartialEq Eq Network Model Tensor Port Size Kind Data Element Error Lane Isa Lanes Sized Send Sync);
    hostile_types!(f32 f64 i32 i64 u8 u32 u64 usize isize bool str char);
    pub(crate) mod core {}
    pub(crate) mod std {}
    pub(crate) mod kernels {}
    pub(crate) mod network {}
    pub(crate) const x: () = ();
    pub(crate) const y: () = ();
    pub(crate) const w: () = ();
    pub(crate) const b: () = ();
    pub(crate) const s: () = ();
    pub(crate) const i: () = ();
    pub(crate) const n: () = ();
    pub(crate) const sum: () = ();
    pub(crate) const loss: () = ();
    pub(crate) const batch: () = ();
    pub(crate) const parameters: () = ();
    pub(crate) const workspace: () = ();
}

#[allow(unused_imports, non_upper_case_globals)]
use hostile::*;

/// Macros of the same names as those of Rust; not even one of them may be called.
#[allow(unused_macros)]
macro_rules! assert {
    ($($any:tt)*) => {
        ::core::compile_error!("this is no `assert!`");
    };
}
#[allow(unused_macros)]
macro_rules! debug_assert {
    ($($any:tt)*) => {
        ::core::compile_error!("this is no `debug_assert!`");
    };
}
#[allow(unused_macros)]
macro_rules! assert_eq {
    ($($any:tt)*) => {
        ::core::compile_error!("this is no `assert_eq!`");
    };
}
#[allow(unused_macros)]
macro_rules! panic {
    ($($any:tt)*) => {
        ::core::compile_error!("this is no `panic!`");
    };
}
#[allow(unused_macros)]
macro_rules! vec {
    ($($any:tt)*) => {
        ::core::compile_error!("this is no `vec!`");
    };
}
#[allow(unused_macros)]
macro_rules! dispatch {
    ($($any:tt)*) => {
        ::core::compile_error!("this is no `dispatch!`");
    };
}
#[allow(unused_macros)]
macro_rules! matches {
    ($($any:tt)*) => {
        ::core::compile_error!("this is no `matches!`");
    };
}

/// Networks at the root of the crate.
pub mod items {
    #[allow(unused_imports)]
    use super::hostile::*;

    /// How many pixels.
    pub const SIDE: ::core::primitive::usize = 3;

    ::nnc::nn! {
        const SIDE;

        /// Every name is a word of Rust.
        model r(self[SIDE], type[2]) -> match {
            param fn[SIDE, 2] = normal(0, 1), let[2] = 0;
            target loop[2];
            match[impl] = sum(struct) self[struct] * fn[struct, impl] + let[impl] * type[impl];
            loss = mse(match, loop);
            metric while = mse(match, loop);
            optimizer = sgd(lr = 0.01);
        }

        /// A model named as a type of Rust.
        model Vec2 = crate: linear(2, 2) -> super: linear(2, 2) -> softmax;
    }
}

#[::core::prelude::v1::test]
fn networks_in_functions() {
    #[allow(non_upper_case_globals)]
    const d: ::core::primitive::usize = 4;
    let mut network = ::nnc::nn!(linear(d, 3) -> relu -> linear(3, 2) -> softmax);
    let first = network.step(&[0.5, 0.25, -1.0, 2.0], &[1]);
    for _ in 0..50 {
        if let ::core::result::Result::Err(error) = network.step(&[0.5, 0.25, -1.0, 2.0], &[1]) {
            ::core::panic!("{error}");
        }
    }
    let last = network.step(&[0.5, 0.25, -1.0, 2.0], &[1]);
    ::core::assert!(last.unwrap() < first.unwrap());
}

#[::core::prelude::v1::test]
fn words_of_rust_are_names() {
    let mut network = ::nnc::Model::<items::r>::new(1);
    let before = network.evaluate((&[1.0, 2.0, 3.0], &[1.0, 1.0]), &[0.5, 0.5]).unwrap().loss;
    network.step((&[1.0, 2.0, 3.0], &[1.0, 1.0]), &[0.5, 0.5]).unwrap();
    let after = network.evaluate((&[1.0, 2.0, 3.0], &[1.0, 1.0]), &[0.5, 0.5]).unwrap();
    ::core::assert!(after.loss < before && after.metric("while").unwrap() == after.loss);
    ::core::assert!(network.parameter("fn").unwrap().len() == 6);
}

#[cfg(test)]
mod elsewhere {
    pub(super) use ::nnc as renamed;
}

#[::core::prelude::v1::test]
fn a_crate_may_say_where_it_has_nnc() {
    let mut network = elsewhere::renamed::nn!(#![crate(crate::elsewhere::renamed)] linear(2, 1) -> sigmoid);
    ::core::assert!(network.predict(&[0.0, 0.0]).unwrap().len() == 1);
}
