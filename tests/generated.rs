//! What is generated for each item of the library and each model of the examples, for people to review: the equations, derived and
//! simplified, and the Rust.
//!
//! The models are those of `tests/library`: `agreement.rs` compiles and runs the same text in both precisions on every instruction set,
//! and compares it with the interpreter; `standalone.rs` does so for the digits of the examples. Of the Rust a snapshot holds what
//! depends on the equations: parameters, drivers, functions. The entry points, the same for all, are in the snapshots of the examples.
//!
//! Gradients are shown by parameters and by real inputs and targets; generated Rust computes those by parameters.
//!
//! That a snapshot made by one process meets the text of another shows that the text is always the same.

mod common;

use common::elaborated;
use nnc_compiler::equations::Equations;
use nnc_compiler::equations::print::{print, print_equation};
use nnc_compiler::library::{FILES, item_name, trees};
use nnc_compiler::model::Model;
use nnc_compiler::simplify::{simplify, stabilise};
use nnc_compiler::{Options, generate_text};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

/// The pieces of a text that are models, each with its name; a piece may hold many lines.
fn models_of(text: &str) -> Vec<(String, String)> {
    let mut models: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("model ") {
            models.push((rest.split('(').next().unwrap_or_default().to_string(), String::new()));
        }
        if let Some((_, text)) = models.last_mut()
            && !line.is_empty()
            && !line.starts_with("//")
        {
            let _ = writeln!(text, "{line}");
        }
    }
    models
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|other| other == word)
}

/// The model that shows an item: the first of the item's file that uses it, or of any other file.
fn example(subject: &str, item: &str) -> Option<(String, String)> {
    let subjects = FILES.iter().map(|(name, _)| Path::new(name).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default());
    [subject].into_iter().chain(subjects).find_map(|subject| {
        let text = std::fs::read_to_string(common::tests(&format!("library/{subject}.nn"))).ok()?;
        models_of(&text).into_iter().find(|(_, text)| has_word(text, item))
    })
}

/// The equations of training after simplification, and those of the optimizer.
fn equations(model: &Model) -> String {
    let keep = |equations: Equations, names: &[_]| print(&simplify(equations, names));
    let mut text = String::from("// Forward\n");
    let training = &model.training;
    let mut wanted = training.outputs.clone();
    wanted.push(training.loss);
    text += &keep(stabilise(training.equations.clone(), &wanted), &wanted);
    let ports = common::ports(model).filter(|port| common::is_real(port)).map(|port| port.tensor);
    let by: Vec<_> = model.interface.parameters.iter().map(|parameter| parameter.tensor).chain(ports).collect();
    let (equations, gradients) = common::derived(model, &by, true);
    text += "\n// Gradient\n";
    for name in equations.groups(gradients.iter().copied()).into_iter().flatten() {
        let printed = print_equation(&equations, name);
        if equations.tensors[&name].equation().is_some() && !text.lines().any(|line| line == printed) {
            let _ = writeln!(text, "{printed}");
        }
    }
    for group in &model.optimizer.groups {
        let names: Vec<String> = group.parameters.iter().map(|&number| format!("`{}`", model.interface.parameters[number].name)).collect();
        let mut wanted = vec![group.update];
        wanted.extend(group.states.iter().map(|state| state.next));
        let _ = write!(text, "\n// Step of {}\n{}", names.join(", "), keep(group.equations.clone(), &wanted));
    }
    text
}

/// The items of a generated module, as they are indented there.
fn items(rust: &str) -> Vec<String> {
    let mut items = vec![String::new()];
    let mut lines = rust.lines().skip_while(|line| !line.starts_with("mod "));
    lines.next();
    for line in lines.take_while(|&line| line != "}") {
        if let Some(item) = items.last_mut() {
            let _ = writeln!(item, "{}", line.strip_prefix("    ").unwrap_or(line));
        }
        if line == "    }" || (line.starts_with("    ") && !line[4..].starts_with([' ', '/', '#']) && line.ends_with([';', '}'])) {
            items.push(String::new());
        }
    }
    items
}

/// The line of an item that says what it is.
fn head(item: &str) -> &str {
    item.lines().find(|line| !line.starts_with("//") && !line.starts_with("#[")).unwrap_or_default()
}

/// Functions by name, and the parameters.
fn functions(rust: &str) -> BTreeMap<String, String> {
    let name = |item: &String| {
        let rest = head(item).strip_prefix("fn ").or_else(|| head(item).strip_prefix("const fn "))?;
        Some(rest.split(['<', '(']).next().unwrap_or_default().to_string())
    };
    items(rust).into_iter().filter_map(|item| Some((name(&item)?, item))).collect()
}

/// What depends on the equations. `evaluate_on` calls what the other drivers call.
fn specific(rust: &str) -> String {
    let shown = |item: &&String| {
        let head = head(item);
        (head.starts_with("fn ") && !head.starts_with("fn evaluate_on")) || head.starts_with("struct Parameters")
    };
    items(rust).iter().filter(shown).map(|item| format!("{item}\n")).collect()
}

fn snapshot(folder: &str, name: &str, description: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(format!("snapshots/{folder}"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_description(description.trim_end());
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// The items of a file of the library.
fn check(subject: &str) {
    let number = FILES.iter().position(|(name, _)| *name == format!("library/{subject}.nn")).expect("a file of the library");
    for item in trees()[number].items.iter().filter_map(item_name) {
        let (name, text) = example(subject, item).unwrap_or_else(|| panic!("no model of tests/library uses `{item}`"));
        let mut models = elaborated(&format!("{name}.nn"), &text);
        let equations = equations(&models[0]);
        let rust = generate_text(vec![models.remove(0)], &Options::default());
        let shown = if subject == "initial" {
            // Of their model the parameters `a`, `b`, .. show them.
            let draw = |text: &&String| head(text).strip_prefix("fn initial_").is_some_and(|rest| rest[1..].starts_with('('));
            items(&rust).iter().filter(draw).map(|item| format!("{item}\n")).collect()
        } else {
            format!("{equations}\n{}", specific(&rust))
        };
        snapshot("library", item, &text, &shown);
    }
}

macro_rules! subjects {
    ($($subject:ident)*) => {
        const SUBJECTS: &[&str] = &[$(stringify!($subject)),*];
        $(
            #[test]
            fn $subject() {
                check(stringify!($subject));
            }
        )*
    };
}
subjects!(activations dense convolution pooling padding resampling shape normalization noise attention recurrent losses metrics initial optimizers schedules);

#[test]
fn every_item_has_a_snapshot_and_every_snapshot_an_item() {
    let subjects: Vec<String> = SUBJECTS.iter().map(|subject| format!("library/{subject}.nn")).collect();
    assert_eq!(subjects, FILES.iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>());
    let items: BTreeSet<String> = trees().iter().flat_map(|file| &file.items).filter_map(item_name).map(str::to_string).collect();
    let name = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.expect("a file").path();
        (path.extension()? == "snap").then(|| path.file_stem().unwrap_or_default().to_string_lossy().to_string())
    };
    let folder = std::fs::read_dir(common::tests("snapshots/library")).expect("the folder of snapshots");
    assert_eq!(folder.filter_map(name).collect::<BTreeSet<_>>(), items);
}

/// The models of the examples, whole.
#[test]
fn examples() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/models");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("the folder of models") {
        let path = entry.expect("a file").path();
        if path.extension().is_some_and(|extension| extension == "nn") {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().to_string();
            let text = std::fs::read_to_string(&path).expect("text");
            let models = elaborated(&format!("{name}.nn"), &text);
            let equations: Vec<String> = models.iter().map(equations).collect();
            let rust = generate_text(models, &Options::default());
            snapshot("examples", &name, &text, &format!("{}\n{rust}", equations.join("\n")));
            count += 1;
        }
    }
    assert!(count > 1);
}

const DEEP: &str = "
model Deep(x[6]) -> p {
    target t: index(3);
    p = x -> fc1: linear(8) -> relu -> fc2: linear(7) -> tanh -> fc3: linear(5) -> sigmoid -> fc4: linear(3) -> softmax;
    loss = cross_entropy(p, t);
    optimizer = adam();
}";

fn rust(text: &str) -> String {
    generate_text(elaborated("deep.nn", text), &Options::default())
}

#[test]
fn threads_write_the_same_bytes() {
    let texts: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| rust(DEEP))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    assert!(texts.iter().all(|text| *text == texts[0]));
}

/// The names of the functions that are not in both, or not the same in both.
fn changed(from: &str, to: &str) -> Vec<String> {
    let (before, after) = (functions(&rust(from)), functions(&rust(to)));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    names.into_iter().filter(|&name| before.get(name) != after.get(name)).cloned().collect()
}

/// The stage itself, what reads its output beside it, and the drivers: nothing of `fc1`, `relu`, `fc4`, `softmax`, the loss, the update,
/// the initial values or the parameters.
#[test]
fn another_activation_changes_its_functions_and_those_beside_it() {
    insta::assert_snapshot!(changed(DEEP, &DEEP.replace("tanh", "softplus")).join(" "), @"evaluate_on gradient_on gradient_workspace linear_8x7 linear_d_y predict_on softplus softplus_7 softplus_d_y_5x7 tanh_7 tanh_linear_d_y_5x7");
}

/// Functions with the size in their names, its parameters, the drivers and their workspaces.
#[test]
fn another_size_changes_the_functions_with_that_size() {
    insta::assert_snapshot!(changed(DEEP, &DEEP.replace("linear(7)", "linear(9)")).join(" "), @"evaluate_on evaluate_workspace gradient_on gradient_workspace initial_fc3_b initial_fc3_w linear_d_b_7 linear_d_b_9 linear_d_w_7x5 linear_d_w_8x7 linear_d_w_8x9 linear_d_w_9x5 linear_sum_7x5 linear_sum_8x7 linear_sum_8x9 linear_sum_9x5 predict_on predict_workspace relu_linear_d_y_7x8 relu_linear_d_y_9x8 tanh_7 tanh_9 tanh_linear_d_y_5x7 tanh_linear_d_y_5x9 update_on");
}
