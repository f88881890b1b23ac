//! The generated code as it was last reviewed: fails when a model, or another version of nnc, changes it.

#[test]
fn the_network_is_as_reviewed() {
    insta::assert_snapshot!("iris", include_str!(concat!(env!("OUT_DIR"), "/iris.rs")));
}
