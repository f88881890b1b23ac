//! Standalone files: every model of `tests/library` compiles with plain rustc, without `std`, in the oldest and newest edition, and some
//! compute and train as the interpreter does.

mod common;

use common::elaborated;
use ndarray::{ArrayD, IxDyn};
use nnc_compiler::equations::interpret::Value;
use nnc_compiler::evaluate::{Pass, Values, evaluate, initial_values, train};
use nnc_compiler::model::{Model, Port, PortKind};
use nnc_compiler::{Kernels, Options, Precision, Settings, generate_text, understand};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

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

/// Names that the file itself uses, or that Rust would have otherwise; in a crate that forbids what it can.
#[test]
fn any_name_and_the_lints_of_any_crate() {
    let texts = ["kernels", "kernels_", "f32", "Option", "type"].map(|name| {
        let body = "y = x -> linear(2, 3) -> tanh -> linear(3, 1)";
        format!("model {name}(x[2]) -> y {{ target t[1]; {body}; loss = mse(y, t); optimizer = adam(); }}\n")
    });
    let rust = generate("names", &texts.concat(), Precision::Single);
    let rust = format!("#![no_std]\n#![deny(warnings, unused, nonstandard_style, future_incompatible)]\n{rust}");
    rustc("names", &rust, &["--edition", "2021", "--crate-type", "lib", "--emit", "metadata"]);
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
    let training = train(&model, &values, 8, 0).expect("training");
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

/// States and random numbers without the kernels crate: the same numbers as the interpreter's.
#[test]
fn states_and_draws() {
    let text = "model Noisy(x[5]) -> y {
        target t[3];
        param w[5, 5] = orthogonal();
        z[j] = sum(i) x[i] * w[i, j];
        y = z -> norm1: batch_norm -> dropout(0.3) -> fc: linear(3) -> gaussian_noise(0.2);
        loss = mse(y, t);
        optimizer = sgd(lr = 0.1, momentum = 0.9);
    }";
    let main = "
        fn main() {
            let (n, steps, seed) = (6, 5, 3);
            let x: Vec<f64> = (0..n * 5).map(|i| ((i * i) as f64 * 0.37).sin()).collect();
            let t: Vec<f64> = (0..n * 3).map(|i| (i as f64 * 0.91).cos()).collect();
            let mut p = vec![0.0; Noisy::PARAMETER_COUNT];
            let mut states = vec![0.0; Noisy::STATE_COUNT];
            let (mut g, mut next, mut state) = (p.clone(), states.clone(), vec![0.0; Noisy::OPTIMIZER_STATE_COUNT]);
            Noisy::init(seed, &mut p).unwrap();
            Noisy::init_states(seed, &mut states).unwrap();
            Noisy::init_optimizer(&p, &mut state).unwrap();
            let mut workspace = vec![nnc_kernels::Lane::ZERO; Noisy::workspace(n)];
            let optimizer = NoisyOptimizer::default();
            for step in 1..=steps {
                let loss = Noisy::step(
                    n, &optimizer, seed, step, &mut p, &mut states, &mut next, &x, &t, &mut g, &mut state, &mut workspace,
                );
                println!(\"{:e}\", loss.unwrap());
            }
            for p in p.iter().chain(&states) {
                println!(\"{:e}\", p);
            }
        }";
    let rust = format!("{}\n{main}", generate("noisy", text, Precision::Double));
    let program = rustc("noisy", &rust, &["--edition", "2021"]);
    let run = Command::new(program).output().expect("the program runs");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let found: Vec<f64> = String::from_utf8_lossy(&run.stdout).lines().map(|line| line.parse().expect("a number")).collect();

    let mut load = |_: &str, path: &str| Err(format!("no file {path}"));
    let model = understand("noisy", text.as_bytes(), &mut load, &Settings::default()).expect("a model").models.remove(0);
    let mut values = initial_values(&model, 3).expect("initial values");
    let x = (0..30).map(|i| (f64::from(i * i) * 0.37).sin()).collect();
    let t = (0..18).map(|i| (f64::from(i) * 0.91).cos()).collect();
    values.insert("x".into(), Value::Real(ArrayD::from_shape_vec(IxDyn(&[6, 5]), x).expect("a shape")));
    values.insert("t".into(), Value::Real(ArrayD::from_shape_vec(IxDyn(&[6, 3]), t).expect("a shape")));
    let training = train(&model, &values, 5, 3).expect("training");
    let mut expected: Vec<f64> = training.losses[..5].to_vec();
    for (kept, after) in [(&model.interface.parameters, &training.parameters), (&model.interface.states, &training.states)] {
        kept.iter().for_each(|one| expected.extend(after[&one.name].real().expect("reals").iter()));
    }
    assert_eq!(found.len(), expected.len());
    for (number, (found, expected)) in found.iter().zip(&expected).enumerate() {
        assert!((found - expected).abs() < 1e-12, "number {number}: expected {expected}, found {found}");
    }
}

/// How many samples a program is given, and how many steps it makes.
const BATCH: usize = 5;
const STEPS: usize = 4;
/// What run-time sizes are.
const SIZE: usize = 6;

const CLASSIFIER: &str = "
/// Classifies points.
model Classifier(x[5]) -> p {
    target t: index(3);
    p = x -> fc1: linear(17) -> relu -> fc2: linear(3) -> softmax;
    loss = cross_entropy(p, t);
    optimizer = clip_norm(1.0) -> adam(lr = cosine(step, 1e-2, 1e-4, 100));
    metric hits = accuracy(p, t);
}";

const IMAGES: &str = "
model Images(x[1, 8, 7]) -> p {
    target t: index(3);
    p = x -> conv: conv2d(4, 3, padding = 1) -> relu -> max_pool2d(2) -> flatten -> fc: linear(3) -> softmax;
    loss = cross_entropy(p, t);
    optimizer = sgd(lr = 0.1, momentum = 0.9);
}";

const TEXTS: &str = "
model Texts(t[T]: index(5)) -> p {
    target next[T]: index(5);
    p = t -> token: embedding(5, 4) -> sinusoidal_position -> block: gpt_block(4, 2, 5) -> head: linear(5, bias = false) -> softmax;
    loss = cross_entropy(p, next);
    optimizer = adamw(lr = 1e-2);
}";

const FUNCTIONS: &str = "
model Functions(x[3]) -> y {
    target t[3];
    param a = 0.5, b[3] = 0.1;
    u = x -> fc: linear(3) -> layer_norm -> gelu;
    y[i] = a * sin(u[i]) * cos(x[i]) + softplus(b[i] * x[i]) - floor(x[i] / 2) + abs(u[i])^1.5 * sign(x[i])
         + log(1 + exp(tanh(x[i]))) / sqrt(1 + x[i]^2) + min(u[i], sigmoid(b[i])) + max(x[i], erf(u[i]));
    loss = logcosh(y, t) + huber(y, t) + lse(i) y[i] + max(i) abs(b[i] - x[i]);
    optimizer = lion(lr = 1e-3);
}";

/// A model, in a precision.
struct Subject {
    text: &'static str,
    precision: Precision,
    tolerance: f64,
}

const SINGLE: Precision = Precision::Single;
const DOUBLE: Precision = Precision::Double;

impl Subject {
    fn model(&self) -> Model {
        elaborated("standalone.nn", self.text).remove(0)
    }
    fn rust(&self) -> String {
        generate_text(
            vec![self.model()],
            &Options { precision: self.precision, kernels: Kernels::Standalone, network: None, ..Options::default() },
        )
    }
    fn real(&self) -> &'static str {
        if self.precision == DOUBLE { "f64" } else { "f32" }
    }
}

fn extents(model: &Model, port: &Port) -> Vec<usize> {
    let pool = &model.training.equations.pool;
    let batch = if port.batched { BATCH } else { SIZE };
    let extent = |(number, &axis)| pool.constant_of(axis).map_or(if number == 0 { batch } else { SIZE }, |size| size as usize);
    port.axes.iter().enumerate().map(extent).collect()
}

/// Inputs, then targets: numbers by counter.
fn data(model: &Model) -> Vec<(String, Value)> {
    let mut counter = 0;
    let mut draw = || {
        counter += 1;
        nnc::kernels::uniform(23, 4, 0, counter)
    };
    let ports = model.interface.inputs.iter().chain(&model.interface.targets);
    let value = |port: &Port| {
        let shape = IxDyn(&extents(model, port));
        let value = match port.kind {
            // Halves of a byte have no rounding in either precision.
            PortKind::Real => Value::Real(ArrayD::from_shape_simple_fn(shape, || (draw() * 1024.0).floor() / 256.0 - 2.0)),
            PortKind::Probability => Value::Real(ArrayD::from_shape_simple_fn(shape, || (draw() * 256.0).floor() / 256.0)),
            PortKind::Index { low, high } => {
                let pool = &model.training.equations.pool;
                let (low, high) = (pool.constant_of(low).expect("a number"), pool.constant_of(high).expect("a number"));
                Value::Integer(ArrayD::from_shape_simple_fn(shape, || low + (draw() * (high - low) as f64) as i64))
            }
        };
        (port.name.clone(), value)
    };
    ports.map(value).collect()
}

fn flat(value: &Value) -> Vec<f64> {
    match value {
        Value::Real(array) => array.iter().copied().collect(),
        Value::Integer(array) => array.iter().map(|&integer| integer as f64).collect(),
    }
}

/// A program that prints the outputs, the gradient at the initial parameters, and the losses of some steps.
fn program(subject: &Subject, model: &Model) -> String {
    let (name, real) = (&model.interface.name, subject.real());
    let batch = if model.interface.batched { format!("{BATCH}, ") } else { String::new() };
    let sizes = batch + &format!("{SIZE}, ").repeat(model.interface.sizes.len());
    let literal = |(_, value): &(String, Value)| match value {
        Value::Real(_) => format!("&{:?}, ", flat(value)),
        Value::Integer(array) => format!("&{:?}, ", array.iter().collect::<Vec<_>>()),
    };
    let data = data(model);
    let inputs: String = data[..model.interface.inputs.len()].iter().map(literal).collect();
    let targets: String = data[model.interface.inputs.len()..].iter().map(literal).collect();
    let outputs: usize = model.interface.outputs.iter().map(|port| extents(model, port).iter().product::<usize>()).sum();
    format!(
        "fn main() {{
    let mut parameters = vec![0.0; {name}::PARAMETER_COUNT];
    {name}::init(7, &mut parameters).unwrap();
    let mut state = vec![0.0; {name}::OPTIMIZER_STATE_COUNT];
    {name}::init_optimizer(&parameters, &mut state).unwrap();
    let mut workspace = vec![nnc_kernels::Lane::ZERO; {name}::workspace({sizes})];
    let mut output: Vec<{real}> = vec![0.0; {outputs}];
    {name}::predict({sizes}&parameters, {inputs}&mut output, &mut workspace).unwrap();
    println!(\"{{:?}}\", output);
    let mut gradient = vec![0.0; {name}::PARAMETER_COUNT];
    {name}::gradient({sizes}&parameters, {inputs}{targets}&mut gradient, &mut workspace).unwrap();
    println!(\"{{:?}}\", gradient);
    let mut losses: Vec<{real}> = vec![];
    for step in 1..={STEPS} {{
        losses.push(
            {name}::step({sizes}&{name}Optimizer::default(), step, &mut parameters, {inputs}{targets}&mut gradient, &mut state, &mut workspace)
                .unwrap(),
        );
    }}
    losses.push({name}::evaluate({sizes}&parameters, {inputs}{targets}&mut workspace).unwrap().loss);
    println!(\"{{:?}}\", losses);
    // Wrong lengths are refused in words.
    println!(\"{{}}\", {name}::init(7, &mut []).unwrap_err());
}}
"
    )
}

#[track_caller]
fn agree(what: &str, found: &str, expected: &[f64], tolerance: f64) {
    let found: Vec<f64> = found.trim_matches(['[', ']']).split(", ").map(|number| number.parse().expect("a number")).collect();
    assert_eq!(found.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(1.0f64, |scale, x| scale.max(x.abs()));
    for (position, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!((found - expected).abs() <= tolerance * scale, "{what}[{position}]: expected {expected}, found {found}");
    }
}

/// The program computes what the interpreter computes.
fn agrees(subject: &Subject, edition: &str) {
    let model = subject.model();
    let name = format!("run_{}_{}", model.interface.name, subject.real()).to_lowercase();
    let source = format!("#![deny(warnings)]\nuse network::*;\n{}\nmod network {{\n{}\n}}\n", program(subject, &model), subject.rust());
    let Output { status, stdout, stderr } =
        Command::new(rustc(&name, &source, &["--edition", edition, "-O"])).output().expect("the program runs");
    assert!(status.success(), "{name}: {}", String::from_utf8_lossy(&stderr));
    let stdout = String::from_utf8(stdout).expect("text");
    let [output, gradient, losses, refusal] = stdout.lines().collect::<Vec<_>>()[..] else { panic!("{stdout}") };

    let mut values: Values = initial_values(&model, 7).expect("sizes are known");
    values.extend(data(&model));
    let evaluation = evaluate(&model, &values, Pass::new(true, true)).expect("the values fit");
    let outputs: Vec<f64> = evaluation.outputs.iter().flat_map(|(_, value)| flat(value)).collect();
    agree("outputs", output, &outputs, subject.tolerance);
    let parameters = evaluation.gradients.iter().take(model.interface.parameters.len());
    agree("gradient", gradient, &parameters.flat_map(|(_, value)| flat(value)).collect::<Vec<_>>(), subject.tolerance);
    agree("losses", losses, &train(&model, &values, STEPS, 0).expect("the values fit").losses, subject.tolerance);
    assert!(refusal.starts_with("`parameters` should have"), "{refusal}");
}

#[test]
fn a_classifier_trains() {
    agrees(&Subject { text: CLASSIFIER, precision: SINGLE, tolerance: 2e-5 }, "2021");
}

#[test]
fn convolutions_train() {
    agrees(&Subject { text: IMAGES, precision: SINGLE, tolerance: 2e-5 }, "2018");
}

#[test]
fn texts_of_any_length_train() {
    agrees(&Subject { text: TEXTS, precision: DOUBLE, tolerance: 1e-10 }, "2024");
}

#[test]
fn functions_have_their_values() {
    agrees(&Subject { text: FUNCTIONS, precision: DOUBLE, tolerance: 1e-10 }, "2021");
}

#[test]
fn the_digits_of_the_examples_train() {
    agrees(&Subject { text: include_str!("../examples/models/digits.nn"), precision: SINGLE, tolerance: 2e-5 }, "2021");
}
