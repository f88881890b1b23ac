//! Standalone files: compiled by plain rustc in every edition without a warning, and the same bits as this crate.
#![cfg(feature = "source")]

use nnc_kernels::{Lane, Portable, source};
use std::path::PathBuf;
use std::process::Command;

const PROGRAM: &str = include_str!("standalone/program.rs");
const USE: &str = "Cols, Dyn, DynMut, Element, Error, Isa, Lane, Lanes, add_sum_rows, add_tn, array_mut, check_index, check_length, \
    check_probability, check_size, cols, cols_mut, dot, erf, exp, flat, flat_mut, floor, abs, cos, sin, draw_normal, draw_uniform, lanes, ln, lse, max, maximum, minimum, \
    nn, nn_add, nn_wide, normal, nt, nt_add, orthogonal, panel, powi, rows, rows_mut, scratch, sigmoid, softplus, sqrt, sum, sum_rows, take, \
    tanh, tn, tn_rows, transpose, uniform";

mod here {
    use nnc_kernels::*;
    include!("standalone/program.rs");
}

fn folder() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("standalone");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Compiles `text` with `rustc arguments..`, which must be silent.
#[track_caller]
fn rustc(name: &str, text: &str, arguments: &[&str]) -> PathBuf {
    let file = folder().join(name).with_extension("rs");
    std::fs::write(&file, text).unwrap();
    let compiler = std::env::var("STANDALONE_RUSTC").unwrap_or("rustc".to_string());
    let output = folder().join(name);
    let run = Command::new(compiler).args(arguments).arg(&file).arg("-o").arg(&output).output().unwrap();
    let message = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success() && message.is_empty(), "{}: {message}", file.display());
    output
}

/// A program whose precision is `double` instead of single.
fn doubled(text: &str) -> String {
    text.replace("f32", "f64")
}

#[test]
fn every_edition() {
    for (double, program) in [(false, PROGRAM.to_string()), (true, doubled(PROGRAM))] {
        let names = USE.replace("Cols, ", "");
        let program = format!("use kernels::{{{names}}};\n{program}\n");
        let program = format!("#![no_std]\n#![deny(warnings)]\n{program}mod kernels {{\n{}}}\n", source(&program, double));
        for edition in ["2015", "2018", "2021", "2024"] {
            if edition == "2024" && std::env::var("STANDALONE_RUSTC").is_ok() {
                continue;
            }
            // In 2015 paths in `use` start at the root, which `kernels` is in.
            rustc(&format!("edition_{edition}_{double}"), &program, &["--edition", edition, "--crate-type", "lib", "--emit", "metadata"]);
        }
    }
}

#[test]
fn same_bits() {
    let main = r#"
fn main() {
    let (mut workspace, mut out) = ([Lane::ZERO; 64], [0.0; 4000]);
    let n = run(Portable, &mut workspace, &mut out);
    for x in &out[..n] {
        println!("{:x}", if x.is_nan() { 0 } else { x.to_bits() });
    }
}"#;
    let program = format!("{PROGRAM}\n{main}");
    let names = USE.replace("Cols, ", "Portable, ");
    let program = format!("use kernels::{{{names}}};\n{program}\n");
    let text = format!("{program}mod kernels {{\n{}}}\n", source(&program, false));
    let run = Command::new(rustc("same_bits", &text, &["--edition", "2021"])).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let mut workspace = vec![Lane::ZERO; 256];
    let mut out = [0.0; 4000];
    let n = here::run(Portable, &mut workspace, &mut out);
    let lines = String::from_utf8(run.stdout).unwrap();
    assert_eq!(lines.lines().count(), n);
    for (i, (line, x)) in lines.lines().zip(&out).enumerate() {
        // The sign of a NaN is not defined.
        assert_eq!(line, format!("{:x}", if x.is_nan() { 0 } else { x.to_bits() }), "number {i}, here {x}");
    }
    assert!(n > 500);
}

#[test]
fn small_programs_get_small_files() {
    assert!(source("fn run(x: f32) -> f32 { x }", false).lines().count() < 3);
    let text = source("fn linear<S: Isa>(s: S) { nn(s, x, w, y, |z, at| z + at.col(b)) }", false);
    for name in ["exp", "Lane", "Dyn", "unsafe", "relu", "f64::from_bits"] {
        assert!(!text.contains(name), "{name} in\n{text}");
    }
    let text = source("exp(s, x)", true);
    assert!(text.contains("mod double") && !text.contains("mod single") && text.lines().count() < 80, "{text}");
}
