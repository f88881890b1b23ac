//! The whole draft of the library goes through.
use nnc_grammar::{format, parse, print};
use std::time::Instant;

const LIBRARY: &str = include_str!("library.nn");

#[test]
fn the_library_survives_printing_and_formatting() {
    let start = Instant::now();
    let file = parse(0, LIBRARY).unwrap();
    println!("{:?}, {} items", start.elapsed(), file.items.len());
    let printed = print(&file);
    assert!(parse(0, &printed).unwrap() == file);
    assert!(format(&printed).unwrap() == printed);
    let formatted = format(LIBRARY).unwrap();
    assert!(parse(0, &formatted).unwrap() == file);
    assert!(format(&formatted).unwrap() == formatted);
}
