//! Generates `iris.rs` from the model; cargo runs it again when the model changes.

fn main() {
    nnc::build::compile("models/iris.nn");
}
