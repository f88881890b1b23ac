//! Standalone files: every model of `tests/library` compiles with plain rustc, without `std`, in the oldest and newest edition, and one
//! computes and trains as the interpreter does.

use ndarray::{ArrayD, IxDyn};
use nnc_compiler::equations::interpret::Value;
use nnc_compiler::evaluate::{initial_values, train};
use nnc_compiler::{Kernels, Options, Precision, Settings, generate_text, understand};
use std::path::{Path, PathBuf};
use std::process::Command;

fn generate(name: &str, text: &str, precision: Precision) -> String {
    let mut load = |_: &str, path: &str| Err(format!("no file {path}"));
    let read = understand(name, text.as_bytes(), &mut load, &Settings::default());
    let models = read.unwrap_or_else(|failure| panic!("{:?}", failure.diagnostics)).models;
    generate_text(models, &Options { precision, kernels: Kernels::Standalone, network: None, ..Options::default() })
}

fn rustc(name: &str, text: &str, arguments: &[&str]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("standalone");
    std::fs::create_dir_all(&folder).expect("a folder");
    let (file, output) = (folder.join(format!("{name}.rs")), folder.join(name));
    std::fs::write(&file, text).expect("a file");
    let compiler = std::env::var("STANDALONE_RUSTC").unwrap_or("rustc".to_string());
    let run = Command::new(compiler).args(arguments).arg(&file).arg("-o").arg(&output).output().expect("rustc runs");
    let message = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success() && message.is_empty(), "{}: {message}", file.display());
    output
}

#[test]
fn every_model_compiles() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/library");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).expect("the models").map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("text");
        let subject = file.file_stem().map(|stem| stem.to_string_lossy().to_string()).unwrap_or_default();
        for (precision, edition) in [(Precision::Single, "2018"), (Precision::Double, "2024")] {
            let rust = generate(&subject, &text, precision);
            let rust = format!("#![no_std]\n#![deny(warnings)]\n#![forbid(unsafe_op_in_unsafe_fn)]\n{rust}");
            rustc(&format!("{subject}_{edition}"), &rust, &["--edition", edition, "--crate-type", "lib", "--emit", "metadata"]);
        }
    }
}

#[test]
fn it_trains_as_the_interpreter_does() {
    let text = "
        model Tiny(x[5]) -> p {
            target t: index(3);
            p = x -> fc1: linear(7) -> tanh -> fc2: linear(3) -> softmax;
            loss = cross_entropy(p, t);
            optimizer = clip_norm(0.5) -> adamw(lr = cosine(step, 1e-2, 1e-3, 10));
            optimizer for *.b = sgd(lr = 0.1, momentum = 0.9);
        }";
    let main = "
        fn main() {
            let (n, steps) = (6, 8);
            let x: Vec<f64> = (0..n * 5).map(|i| ((i * i) as f64 * 0.37).sin()).collect();
            let t: Vec<i32> = (0..n as i32).map(|i| i % 3).collect();
            let mut p = vec![0.0; Tiny::PARAMETER_COUNT];
            let (mut g, mut state) = (p.clone(), vec![0.0; Tiny::OPTIMIZER_STATE_COUNT]);
            Tiny::init(3, &mut p).unwrap();
            Tiny::init_optimizer(&p, &mut state).unwrap();
            let mut workspace = vec![nnc_kernels::Lane::ZERO; Tiny::workspace(n)];
            for step in 1..=steps {
                let loss = Tiny::step(n, &TinyOptimizer::default(), step, &mut p, &x, &t, &mut g, &mut state, &mut workspace).unwrap();
                println!(\"{:e}\", loss);
            }
            for p in p {
                println!(\"{:e}\", p);
            }
        }";
    let rust = format!("{}\n{main}", generate("tiny", text, Precision::Double));
    let program = rustc("tiny", &rust, &["--edition", "2021"]);
    let run = Command::new(program).output().expect("the program runs");
    let output = String::from_utf8_lossy(&run.stdout).to_string();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let found: Vec<f64> = output.lines().map(|line| line.parse().expect("a number")).collect();

    let mut load = |_: &str, path: &str| Err(format!("no file {path}"));
    let model = understand("tiny", text.as_bytes(), &mut load, &Settings::default()).expect("a model").models.remove(0);
    let mut values = initial_values(&model, 3).expect("initial values");
    let x = (0..30).map(|i| (f64::from(i * i) * 0.37).sin()).collect();
    values.insert("x".into(), Value::Real(ArrayD::from_shape_vec(IxDyn(&[6, 5]), x).expect("a shape")));
    values.insert("t".into(), Value::Integer(ArrayD::from_shape_vec(IxDyn(&[6]), (0..6).map(|i| i % 3).collect()).expect("a shape")));
    let training = train(&model, &values, 8).expect("training");
    let mut expected: Vec<f64> = training.losses[..8].to_vec();
    for parameter in &model.interface.parameters {
        let value = training.parameters[&parameter.name].real().expect("reals");
        expected.extend(value.iter());
    }
    assert_eq!(found.len(), expected.len());
    for (number, (found, expected)) in found.iter().zip(&expected).enumerate() {
        assert!((found - expected).abs() < 1e-12, "number {number}: expected {expected}, found {found}");
    }
}
