//! PyTorch's own configurations of its optimizers (`tests/fixtures/optim_db.py`), eight steps each on parameters of several shapes: the
//! interpreter gives PyTorch's numbers, and the generated code the interpreter's, in `f32` and `f64`, as it does for optimizers of a
//! user's own.

mod common;

use common::{difference, elaborated, fixture, real, reals, tests};
use ndarray::{ArrayD, Axis, IxDyn};
use nnc_compiler::equations::interpret::Value;
use nnc_compiler::evaluate::{States, Values, initial_states, update};
use nnc_compiler::model::Model;
use nnc_compiler::{Options, Precision, generate_text};
use std::path::Path;
use std::process::Command;

/// The steps after which the fixture has the parameters.
const STEPS: [usize; 3] = [1, 4, 8];

/// Where each parameter stands in the numbering of the fixture's values.
const NAMES: [&str; 6] = ["w", "v", "q", "k", "b", "s"];

/// The models of a file of `tests/optimizers`.
fn models(name: &str) -> Vec<Model> {
    let text = std::fs::read_to_string(tests(&format!("optimizers/{name}"))).expect("a file of models");
    elaborated(name, &text)
}

/// A parameter before the first step (`step` 0), or its gradient at a step.
fn values(model: &Model, step: usize) -> Values {
    let pool = &model.training.equations.pool;
    let tensor = |parameter: &nnc_compiler::model::Parameter| {
        let shape: Vec<usize> = parameter.axes.iter().map(|&axis| pool.constant_of(axis).expect("a number") as usize).collect();
        let number = NAMES.iter().position(|name| *name == parameter.name).expect("a parameter of the fixture") as f64;
        let (count, step) = (shape.iter().product(), step as f64);
        let element = |i: usize| (1.7 * i as f64 + 2.3 * number + 0.9 * step + 0.1 * step * i as f64).cos();
        let array = ArrayD::from_shape_vec(IxDyn(&shape), (0..count).map(element).collect()).expect("as many as the shape says");
        (parameter.name.clone(), Value::Real(array))
    };
    model.interface.parameters.iter().map(tensor).collect()
}

/// The parameters after each step, and the states after the last.
fn interpreted(model: &Model) -> (Vec<Values>, States) {
    let name = &model.interface.name;
    let mut parameters = values(model, 0);
    let mut states = initial_states(model, &parameters).unwrap_or_else(|fault| panic!("{name}: {fault}"));
    let mut after = Vec::new();
    for step in 1..=8 {
        let updated = update(model, step, &parameters, &values(model, step), &mut states).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        parameters.extend(updated);
        after.push(parameters.clone());
    }
    (after, states)
}

#[test]
fn the_interpreter_agrees_with_pytorch() {
    let tensors = fixture("optim_db");
    let (mut problems, mut compared) = (Vec::new(), 0);
    for model in models("optim_db.nn") {
        let (after, _) = interpreted(&model);
        for parameter in &model.interface.parameters {
            let key = format!("{}/{}", model.interface.name, parameter.name);
            let expected = reals(&tensors, &key);
            for (row, step) in STEPS.into_iter().enumerate() {
                let found = real(after[step - 1][&parameter.name].clone());
                let expected = expected.index_axis(Axis(0), row).to_owned();
                problems.extend(difference(&found, &expected, 1e-10).map(|text| format!("{key} after step {step}: {text}")));
                compared += 1;
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert_eq!(compared, 3 * tensors.len());
}

/// Steps of every model, by the trait, in a package of its own.
const MAIN: &str = r#"
use nnc::kernels::{Element, Lane};
use nnc::network::Network;

fn value<N: Network>(step: usize) -> Vec<N::Real> {
    let element = |number: usize, i: usize| {
        let (i, number, step) = (i as f64, number as f64, step as f64);
        N::Real::from_f64((1.7 * i + 2.3 * number + 0.9 * step + 0.1 * step * i).cos())
    };
    let number = |name: &str| ["w", "v", "q", "k", "b", "s"].iter().position(|other| *other == name).expect("a parameter of the fixture");
    N::PARAMETERS
        .iter()
        .flat_map(|tensor| (0..tensor.shape.iter().product()).map(|i| element(number(tensor.name), i)).collect::<Vec<_>>())
        .collect()
}

fn run<N: Network>() {
    let mut parameters = value::<N>(0);
    let mut state = vec![N::Real::NAN; N::OPTIMIZER_STATE_COUNT];
    N::init_optimizer(&parameters, &mut state).expect("the lengths are right");
    let mut workspace = vec![Lane::ZERO; N::UPDATE_WORKSPACE];
    for lane in Lane::flat_mut::<N::Real>(&mut workspace) {
        *lane = N::Real::NAN;
    }
    for step in 1..=8 {
        N::update(&N::Optimizer::default(), step, &mut parameters, &value::<N>(step as usize), &mut state, &mut workspace).expect("the lengths are right");
    }
    for (tensors, numbers) in [(N::PARAMETERS, &parameters), (N::OPTIMIZER_STATES, &state)] {
        for tensor in tensors {
            print!("{}/{}", N::NAME, tensor.name);
            for number in &numbers[tensor.range()] {
                print!(" {:e}", number.to_f64());
            }
            println!();
        }
    }
}
"#;

fn compiled(models: &[Model], precision: Precision) -> String {
    let options = Options { precision, ..Options::default() };
    let rust = generate_text(models.to_vec(), &options);
    let name = if precision == Precision::Single { "optim_db_f32" } else { "optim_db_f64" };
    let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let folder = place.join("optimizers").join(name);
    std::fs::create_dir_all(folder.join("src")).expect("a folder");
    let root = env!("CARGO_MANIFEST_DIR");
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\nnnc = {{ path = {root:?}, default-features = false }}\n\n[workspace]\n"
    );
    let calls: String = models.iter().map(|model| format!("    run::<networks::{}>();\n", model.interface.name)).collect();
    let write = |path: &str, text: &str| std::fs::write(folder.join(path), text).expect("a file that can be written");
    write("Cargo.toml", &manifest);
    write("src/main.rs", &format!("#![deny(warnings)]\n{MAIN}\nfn main() {{\n{calls}}}\n\nmod networks;\n"));
    write("src/networks.rs", &rust);
    std::fs::copy(Path::new(root).join("Cargo.lock"), folder.join("Cargo.lock")).expect("the lock file");
    let mut command = Command::new(env!("CARGO"));
    command.args(["run", "--quiet", "--offline"]).current_dir(&folder).env("CARGO_TARGET_DIR", place.join("agreement").join("target"));
    command.env("CARGO_PROFILE_DEV_DEBUG", "0").env("CARGO_INCREMENTAL", "0"); // as there
    let output = command.output().expect("cargo runs");
    assert!(output.status.success(), "{}\nsee {}", String::from_utf8_lossy(&output.stderr), folder.display());
    String::from_utf8(output.stdout).expect("text")
}

#[track_caller]
fn check_compiled(precision: Precision, tolerance: f64) {
    let mut all = models("optim_db.nn");
    all.extend(models("own.nn"));
    let models = all;
    let text = compiled(&models, precision);
    let mut lines = text.lines();
    let (mut problems, mut compared) = (Vec::new(), 0);
    for model in &models {
        let (after, states) = interpreted(model);
        let last = after.last().expect("eight steps");
        let tensors = last.iter().chain(&states).count();
        let known = |name: &str| last.get(name).or_else(|| states.get(name)).cloned();
        for _ in 0..tensors {
            let mut words = lines.next().expect("a line for each tensor").split(' ');
            let key = words.next().expect("a name");
            let (_, name) = key.split_once('/').expect("a model and a tensor");
            let expected = real(known(name).unwrap_or_else(|| panic!("{key}: the interpreter has no such tensor")));
            let found: Vec<f64> = words.map(|word| word.parse().expect("a number")).collect();
            let found = ArrayD::from_shape_vec(expected.raw_dim(), found).unwrap_or_else(|error| panic!("{key}: {error}"));
            problems.extend(difference(&found, &expected, tolerance).map(|text| format!("{key}: {text}")));
            compared += 1;
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(lines.next().is_none() && compared > 800);
}

#[test]
fn generated_code_agrees_with_the_interpreter_in_double_precision() {
    check_compiled(Precision::Double, 1e-12);
}

#[test]
fn generated_code_agrees_with_the_interpreter_in_single_precision() {
    check_compiled(Precision::Single, 1e-4);
}
