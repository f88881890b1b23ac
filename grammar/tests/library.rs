//! The whole draft of the library goes through.
use std::time::Instant;

#[test]
fn parses() {
    let text = include_str!("library.nn");
    let start = Instant::now();
    let file = nnc_grammar::parse(0, text).unwrap();
    println!("{:?}, {} items", start.elapsed(), file.items.len());
    for inline in ["linear(4, 3) -> relu", "< linear(d, p)->relu->softmax >"] {
        assert!(nnc_grammar::parse_inline(0, inline).is_ok());
    }
}
