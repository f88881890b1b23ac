//! Every item of the library, as the models of `tests/library` use it: values and gradients by the interpreter agree with PyTorch's (in
//! `tests/fixtures`), gradients agree with central differences, and an empty batch gives no rows, loss 0 and gradients 0.

mod common;

use common::{Given, derived, difference, evaluate, fixture, is_real, models, ports, real, reals, tensor_name, value, zeros};
use ndarray::{ArrayD, Axis, Dimension};
use nnc::safetensors::Tensors;
use nnc_compiler::equations::interpret::Value;
use nnc_compiler::equations::{Equation, Equations, Name, Role, Tensor};
use nnc_compiler::evaluate::{self as steps, Values};
use nnc_compiler::library::{item_name, trees};
use nnc_compiler::model::{Draw, Forward, Model};
use nnc_compiler::next_states;
use std::collections::BTreeSet;
use std::fs::read_to_string;

/// Values and gradients agree with PyTorch's to this, over the largest magnitude of the tensor.
const PYTORCH: f64 = 1e-10;
/// Gradients agree with central differences to this.
const DIFFERENCES: f64 = 1e-7;
/// Central differences are taken along one direction through all elements of a tensor, and at batch 1 of at most so many elements each.
const ELEMENTS: usize = 8;

macro_rules! subjects {
    ($($subject:ident),*) => {
        $(#[test]
        fn $subject() {
            check(stringify!($subject));
        })*
        /// Subjects with models of their own kind are tested elsewhere in this file.
        const SUBJECTS: &[&str] = &[$(stringify!($subject)),*, "initial", "optimizers", "schedules"];
    };
}
subjects!(
    activations,
    attention,
    convolution,
    dense,
    derivatives,
    losses,
    metrics,
    noise,
    normalization,
    padding,
    pooling,
    recurrent,
    resampling,
    shape,
    sizes
);

#[test]
fn every_file_of_models_is_tested() {
    let folder = std::fs::read_dir(common::tests("library")).expect("tests/library is there");
    let stem = |entry: std::fs::DirEntry| entry.path().file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let mut found: Vec<String> = folder.map(|entry| stem(entry.expect("tests/library can be read"))).collect();
    let mut known: Vec<&str> = SUBJECTS.to_vec();
    found.sort();
    known.sort();
    assert_eq!(found, known);
}

#[test]
fn every_item_of_the_library_has_docs_and_a_model() {
    let text: String =
        SUBJECTS.iter().map(|subject| read_to_string(common::tests(&format!("library/{subject}.nn"))).expect("it is there")).collect();
    let text = text + &read_to_string(common::tests("optimizers/optim_db.nn")).expect("it is there");
    let words: BTreeSet<&str> = text.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    for item in trees().iter().flat_map(|file| &file.items) {
        let name = item_name(item).expect("the library imports nothing");
        assert!(!item.docs.is_empty(), "{name} has no docs");
        assert!(words.contains(name), "no model of tests/library uses {name}");
    }
}

/// All models of a subject; what is wrong is reported at once.
fn check(subject: &str) {
    let tensors = fixture(subject);
    let mut problems = Vec::new();
    for model in models(subject) {
        let derived = Derived::new(&model);
        check_empty(&derived, &tensors, &mut problems);
        for batch in [1, 5] {
            check_batch(&derived, batch, &tensors, &mut problems);
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// The same mathematics in one of its forms.
struct Form {
    name: &'static str,
    equations: Equations,
    /// Outputs, loss, metrics and gradients, by their names in the fixture.
    wanted: Vec<(String, Name)>,
}

/// A model with the gradients of its loss.
struct Derived<'a> {
    model: &'a Model,
    /// As derived, and simplified before and after.
    forms: [Form; 2],
    /// Parameters and real ports: name in the fixture, tensor, gradient as derived.
    gradients: Vec<(String, Name, Name)>,
}

impl Derived<'_> {
    fn new(model: &Model) -> Derived<'_> {
        let parameters = model.interface.parameters.iter().map(|parameter| (parameter.name.clone(), parameter.tensor));
        let real_ports = ports(model).filter(|port| is_real(port)).map(|port| (port.name.clone(), port.tensor));
        let by: Vec<(String, Name)> = parameters.chain(real_ports).collect();
        let form = |name, simplified| {
            let (equations, gradients) = derived(model, &tensors_of(&by), simplified);
            let named = by.iter().zip(&gradients).map(|((name, _), gradient)| (format!("gradient.{name}"), *gradient));
            let next = next_states(model).into_iter().map(|(number, next)| (format!("next.{}", model.interface.states[number].name), next));
            let wanted = values(model, &model.training).into_iter().chain(named).chain(next).collect();
            (Form { name, equations, wanted }, gradients)
        };
        let (plain, gradients) = form("derived", false);
        let (simplified, _) = form("simplified", true);
        let gradients = by.into_iter().zip(gradients).map(|((name, tensor), gradient)| (name, tensor, gradient)).collect();
        Derived { model, forms: [plain, simplified], gradients }
    }

    fn name(&self) -> &str {
        &self.model.interface.name
    }

    /// Parameters and states of the fixture.
    fn parameters(&self, tensors: &Tensors) -> Given {
        let interface = &self.model.interface;
        let parameters = interface.parameters.iter().map(|kept| ("parameter", kept));
        let named = parameters.chain(interface.states.iter().map(|kept| ("state", kept))).map(|(kind, kept)| {
            let value = value(tensors, &format!("{}/{kind}.{}", self.name(), kept.name));
            (tensor_name(&self.model.training, kept.tensor), value)
        });
        named.collect()
    }

    /// Parameters, states, inputs, targets and draws of the fixture.
    fn given(&self, batch: usize, tensors: &Tensors) -> Given {
        let mut given = self.parameters(tensors);
        let inputs = self.model.interface.inputs.iter().map(|port| ("input", port));
        for (kind, port) in inputs.chain(self.model.interface.targets.iter().map(|port| ("target", port))) {
            let value = value(tensors, &format!("{}/{batch}/{kind}.{}", self.name(), port.name));
            given.insert(tensor_name(&self.model.training, port.tensor), value);
        }
        for random in &self.model.training.random {
            let name = tensor_name(&self.model.training, random.tensor);
            let value = value(tensors, &format!("{}/{batch}/draw.{name}", self.name()));
            given.insert(name, value);
        }
        given
    }
}

/// Outputs, loss and metrics: name in the fixture, tensor.
fn values(model: &Model, forward: &Forward) -> Vec<(String, Name)> {
    let outputs = model.interface.outputs.iter().zip(&forward.outputs).map(|(port, tensor)| (format!("output.{}", port.name), *tensor));
    let metrics = model.interface.metrics.iter().zip(&forward.metrics).map(|((name, _), tensor)| (format!("metric.{name}"), *tensor));
    outputs.chain([("loss".to_string(), forward.loss)]).chain(metrics).collect()
}

/// The tensors of a list of named ones.
fn tensors_of(named: &[(String, Name)]) -> Vec<Name> {
    named.iter().map(|(_, tensor)| *tensor).collect()
}

/// No rows, loss 0, metrics 0, gradients exactly 0, states finite.
fn check_empty(derived: &Derived, tensors: &Tensors, problems: &mut Vec<String>) {
    let model = derived.model;
    let mut given = derived.parameters(tensors);
    for port in ports(model) {
        given.insert(tensor_name(&model.training, port.tensor), zeros(&model.training.equations, port.tensor, port.batched.then_some(0)));
    }
    for random in &model.training.random {
        given.insert(tensor_name(&model.training, random.tensor), zeros(&model.training.equations, random.tensor, Some(0)));
    }
    for Form { name: form, equations, wanted } in &derived.forms {
        for ((name, _), value) in wanted.iter().zip(evaluate(equations, 0, &given, &tensors_of(wanted))) {
            if name.starts_with("next.") {
                if value.iter().any(|x| !x.is_finite()) {
                    problems.push(format!("{}/0: {name} ({form}) is {value}", derived.name()));
                }
                continue;
            }
            if name.starts_with("output.") && !value.is_empty() || value.iter().any(|&x| x != 0.0) {
                problems.push(format!("{}/0: {name} ({form}) is {value}", derived.name()));
            }
        }
    }
}

/// Outputs, loss, metrics and gradients are PyTorch's; gradients are the limits of differences.
fn check_batch(derived: &Derived, batch: usize, tensors: &Tensors, problems: &mut Vec<String>) {
    let Derived { model, forms, gradients } = derived;
    let given = derived.given(batch, tensors);
    let prefix = format!("{}/{batch}", derived.name());
    let inference = values(model, &model.inference);
    let derived_forms = forms.iter().map(|form| (form.name, &form.equations, &form.wanted));
    for (form, equations, wanted) in derived_forms.chain([("inference", &model.inference.equations, &inference)]) {
        for ((name, _), found) in wanted.iter().zip(evaluate(equations, batch, &given, &tensors_of(wanted))) {
            let mut expected = format!("{prefix}/{name}");
            if form == "inference" && tensors.contains_key(&format!("{prefix}/inference.{name}")) {
                expected = format!("{prefix}/inference.{name}");
            }
            if tensors.contains_key(&expected) {
                let difference = difference(&found, &reals(tensors, &expected), PYTORCH);
                problems.extend(difference.map(|difference| format!("{prefix}: {name} ({form}) {difference}")));
            } else {
                // the gradient of `c` is an output; a few losses of PyTorch have no derivative by their target
                assert!(name == "gradient.c" || name == "gradient.t", "the fixture has no {expected}");
            }
        }
    }
    let found: Vec<Name> = gradients.iter().map(|(_, _, gradient)| *gradient).collect();
    let loss = |given: &Given| evaluate(&model.training.equations, batch, given, &[model.training.loss])[0].sum();
    for ((name, tensor, _), gradient) in gradients.iter().zip(evaluate(&forms[0].equations, batch, &given, &found)) {
        // no gradient flows through a state that the stage before has moved, but a difference does
        if derived.name() == "BatchNormFrozen" && name == "x" {
            continue;
        }
        let scale = gradient.iter().fold(1.0f64, |scale, x| scale.max(x.abs()));
        for (direction, slope) in
            central_differences(loss, &given, &tensor_name(&model.training, *tensor), if batch == 1 { ELEMENTS } else { 0 })
        {
            let derivative: f64 = direction.iter().zip(&gradient).map(|(d, g)| d * g).sum();
            let length: f64 = direction.iter().map(|d| d.abs()).sum();
            let close = (derivative - slope).abs() <= DIFFERENCES * scale * length;
            if !close {
                problems.push(format!(
                    "{prefix}: the derivative by {name} is {derivative}, the difference quotient {slope}, along {direction}"
                ));
            }
        }
    }
}

/// Directions in the space of `tensor`, `elements` of them single elements, and how `loss` changes along each: of `f(x + h d)` and
/// `f(x - h d)` with `h = 2^-17`, which balances what the third derivative leaves (`h^2`) and rounding (`2^-53 / h`).
fn central_differences(loss: impl Fn(&Given) -> f64, given: &Given, tensor: &str, elements: usize) -> Vec<(ArrayD<f64>, f64)> {
    let h = 2.0f64.powi(-17);
    let at = real(given[tensor].clone());
    let count = at.len();
    let elements = elements.min(count);
    let shaped = |numbers: Vec<f64>| ArrayD::from_shape_vec(at.raw_dim(), numbers).expect("a number for each element");
    let single = |number: usize| shaped((0..count).map(|element| f64::from(element == number * count / elements)).collect());
    let mut directions: Vec<ArrayD<f64>> = (0..elements).map(single).collect();
    // uneven, so that an error in one element does not cancel another
    directions.push(shaped((0..count).map(|element| (1.0 + element as f64).sin()).collect()));
    let along = |direction: ArrayD<f64>| {
        let moved = |step: f64| {
            let mut moved = given.clone();
            moved.insert(tensor.to_string(), Value::Real(&at + &(&direction * step)));
            loss(&moved)
        };
        let slope = (moved(h) - moved(-h)) / (2.0 * h);
        (direction, slope)
    };
    directions.into_iter().map(along).collect()
}

/// The rates of the steps 1 to 50 are those of PyTorch's schedulers.
#[test]
fn schedules() {
    let tensors = fixture("schedules");
    let mut problems = Vec::new();
    for model in models("schedules") {
        let name = &model.interface.name;
        let n = tensor_name(&model.training, model.interface.inputs[0].tensor);
        let given = Given::from([(n, value(&tensors, &format!("{name}/50/input.n")))]);
        let found = evaluate(&model.training.equations, 50, &given, &model.training.outputs);
        for (port, found) in model.interface.outputs.iter().zip(found) {
            let expected = reals(&tensors, &format!("{name}/50/output.{}", port.name));
            problems.extend(difference(&found, &expected, 1e-12).map(|difference| format!("{name}: {} {difference}", port.name)));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Eight steps of each optimizer are PyTorch's.
#[test]
fn optimizers() {
    let tensors = fixture("optimizers");
    let mut problems = Vec::new();
    for model in models("optimizers") {
        check_optimizer(&model, &tensors, &mut problems);
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

fn check_optimizer(model: &Model, tensors: &Tensors, problems: &mut Vec<String>) {
    let derived = Derived::new(model);
    let (name, training, declared) = (derived.name(), &model.training, &model.interface.parameters);
    let zero = |tensor| Value::Real(real(zeros(&training.equations, tensor, None)));
    let mut parameters: Values = declared.iter().map(|parameter| (parameter.name.clone(), zero(parameter.tensor))).collect();
    let mut states = steps::initial_states(model, &parameters).unwrap_or_else(|fault| panic!("{name}: {fault}"));
    for step in 0..8 {
        let before: Vec<ArrayD<f64>> = declared.iter().map(|parameter| real(parameters[&parameter.name].clone())).collect();
        let gradients = gradients_at(&derived, step, &before, tensors).into_iter().map(Value::Real);
        let gradients: Values = declared.iter().map(|parameter| parameter.name.clone()).zip(gradients).collect();
        let updated = steps::update(model, step + 1, &parameters, &gradients, &mut states);
        parameters.extend(updated.unwrap_or_else(|fault| panic!("{name}: {fault}")));
        // the states of PyTorch's optimizers have other forms; only averages are compared
        let averages = states.iter().filter_map(|(what, found)| Some((what.strip_suffix(".w")?.rsplit_once("ema.")?.1, found)));
        for (what, found) in parameters.iter().map(|(what, found)| (what.as_str(), found)).chain(averages) {
            let key = format!("{name}/steps.{what}");
            let Some(expected) = tensors.get(&key) else { continue };
            assert_eq!(expected.shape[0], 8);
            let expected = reals(tensors, &key).index_axis(Axis(0), step).to_owned();
            let found = real(found.clone());
            problems.extend(
                difference(&found, &expected, 1e-12).map(|difference| format!("{name}: {what} after step {}: {difference}", step + 1)),
            );
        }
    }
}

/// The gradients of all parameters where the inputs are those of a step.
fn gradients_at(derived: &Derived, step: usize, parameters: &[ArrayD<f64>], tensors: &Tensors) -> Vec<ArrayD<f64>> {
    let interface = &derived.model.interface;
    let mut given = Given::new();
    for port in &interface.inputs {
        let all = reals(tensors, &format!("{}/inputs.{}", derived.name(), port.name));
        let row = all.index_axis(Axis(0), step).insert_axis(Axis(0)).to_owned();
        given.insert(tensor_name(&derived.model.training, port.tensor), Value::Real(row));
    }
    for (parameter, value) in interface.parameters.iter().zip(parameters) {
        given.insert(tensor_name(&derived.model.training, parameter.tensor), Value::Real(value.clone()));
    }
    let wanted: Vec<Name> = derived.gradients[..parameters.len()].iter().map(|(_, _, gradient)| *gradient).collect();
    evaluate(&derived.forms[0].equations, 1, &given, &wanted)
}

/// Initial values have the standard deviations and bounds of PyTorch's.
#[test]
fn initial() {
    let tensors = fixture("initial");
    let [model] = &models("initial")[..] else { panic!("one model") };
    let mut random = Random(1);
    let mut compared = 0;
    for parameter in &model.interface.parameters {
        let name = &parameter.name;
        let Some(deviation) =
            tensors.get(&format!("Initial/deviation.{name}")).map(|_| reals(&tensors, &format!("Initial/deviation.{name}")).sum())
        else {
            continue;
        };
        let mut equations = model.training.equations.clone();
        let initial = equations.fresh("initial");
        equations.insert(initial, Tensor::defined(parameter.axes.clone(), Equation::pointwise(parameter.initial)));
        for &(tensor, _) in &parameter.draws {
            equations.insert(tensor, Tensor::given(Role::Random, parameter.axes.clone()));
        }
        // as many draws of the whole tensor as make 20 000 numbers
        let mut values: Vec<f64> = Vec::new();
        while values.len() < 20_000 {
            let mut given = Given::new();
            for &(tensor, draw) in &parameter.draws {
                let shape = real(zeros(&equations, tensor, None)).raw_dim();
                let drawn = match draw {
                    Draw::Uniform => ArrayD::from_shape_simple_fn(shape, || random.uniform()),
                    Draw::Normal => ArrayD::from_shape_simple_fn(shape, || random.normal()),
                    Draw::Orthogonal => {
                        let (rows, mut numbers) = (shape[0], vec![0.0; shape.size()]);
                        let (seed, columns) = ((random.uniform() * 1e9) as u64, numbers.len() / rows);
                        nnc::kernels::orthogonal(seed, 0, 0, rows, columns, &mut numbers, |x| x);
                        ArrayD::from_shape_vec(shape, numbers).expect("as many numbers as the shape says")
                    }
                };
                given.insert(equations.pool.text(tensor).to_string(), Value::Real(drawn));
            }
            values.extend(evaluate(&equations, 0, &given, &[initial])[0].iter());
        }
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let found = (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count).sqrt();
        assert!((found / deviation - 1.0).abs() < 0.03, "{name}: deviation {found}, PyTorch's is {deviation}");
        assert!(mean.abs() < 0.03 * deviation, "{name}: mean {mean}");
        if tensors.contains_key(&format!("Initial/bound.{name}")) {
            let bound = reals(&tensors, &format!("Initial/bound.{name}")).sum();
            let found = values.iter().fold(0.0f64, |bound, x| bound.max(x.abs()));
            assert!((found / bound - 1.0).abs() < 1e-2, "{name}: bound {found}, PyTorch's is {bound}");
        }
        compared += 1;
    }
    assert_eq!(compared, tensors.keys().filter(|name| name.starts_with("Initial/deviation.")).count());
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / 2.0f64.powi(53)
    }
    fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.uniform()).ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }
}
