//! Generated code against the interpreter: every model of `tests/library`, and of `tests/agreement` for what those are too small for, in
//! `f32` and `f64`, on every instruction set, at batches that are empty, one, and no multiple of a vector. Values, loss, metrics and the
//! gradient of every parameter. No call of a network allocates.
//!
//! The models of a file are compiled into one program, a package under `target/agreement`, which reads cases and writes results as text.
//! `NNC_AGREEMENT=dense,Mlp` restricts the test to these files or models.

#[path = "common/random_models.rs"]
mod random_models;

use ndarray::{ArrayD, IxDyn};
use nnc_compiler::equations::interpret::{Value, interpret};
use nnc_compiler::equations::{AtomNode, Equations, Index, Name, Pool};
use nnc_compiler::model::{BATCH, Model, PortKind};
use nnc_compiler::{Options, Precision, Settings, derived, generate_text, next_states, understand};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Numbers by counter, the same in every run.
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> f64 {
        self.0 += 1;
        nnc::kernels::uniform(17, 1, 2, self.0)
    }
}

/// The value of a size.
fn size(pool: &Pool, index: Index, sizes: &BTreeMap<String, i64>) -> i64 {
    let affine = pool.affine(index);
    affine.constant + affine.terms.iter().map(|&(atom, k)| k * atom_value(pool, atom, sizes)).sum::<i64>()
}

fn atom_value(pool: &Pool, atom: nnc_compiler::equations::Atom, sizes: &BTreeMap<String, i64>) -> i64 {
    match pool.atom(atom) {
        AtomNode::Size { name, .. } => sizes[pool.text(*name)],
        AtomNode::Product(atoms) => atoms.iter().map(|&atom| atom_value(pool, atom, sizes)).product(),
        AtomNode::Div(a, b) => size(pool, *a, sizes).div_euclid(size(pool, *b, sizes)),
        AtomNode::Mod(a, b) => size(pool, *a, sizes).rem_euclid(size(pool, *b, sizes)),
        AtomNode::Axis { .. } | AtomNode::Read { .. } => panic!("no size"),
    }
}

/// What a model is given, and what it should compute.
struct Case {
    name: String,
    sizes: Vec<i64>,
    parameters: Vec<f64>,
    states: Vec<f64>,
    data: Vec<Value>,
    outputs: Vec<usize>,
    expected: Vec<(String, Vec<f64>)>,
}

fn flat(value: &Value) -> Vec<f64> {
    match value {
        Value::Real(array) => array.iter().copied().collect(),
        Value::Integer(array) => array.iter().map(|&x| x as f64).collect(),
    }
}

/// A model with the gradients of its loss.
struct Derived {
    model: Model,
    training: Equations,
    gradients: Vec<(usize, Name)>,
}

impl Derived {
    fn new(model: &Model) -> Derived {
        let (training, gradients) = derived(model);
        Derived { model: model.clone(), training, gradients }
    }
}

fn case(Derived { model, training, gradients }: &Derived, batch: i64, precision: Precision) -> Option<Case> {
    let interface = &model.interface;
    let pool = &model.training.equations.pool;
    let mut draws = Draws(batch as u64 * 1000);
    let mut sizes = BTreeMap::new();
    for (number, name) in interface.sizes.iter().enumerate() {
        sizes.insert(name.clone(), [5, 4, 3][number % 3]);
    }
    let order: Vec<String> = nnc_compiler::emit::run_time_sizes(interface);
    if order.iter().any(|name| name == BATCH) {
        sizes.insert(BATCH.to_string(), batch);
    } else if batch != 1 {
        return None;
    }
    let rounded = |x: f64| if precision == Precision::Single { f64::from(x as f32) } else { x };
    let mut given = BTreeMap::new();
    let (mut parameters, mut states) = (Vec::new(), Vec::new());
    for (kept, numbers, low) in [(&interface.parameters, &mut parameters, -0.4), (&interface.states, &mut states, 0.2)] {
        for one in kept {
            let shape: Vec<usize> = one.axes.iter().map(|&axis| size(pool, axis, &sizes) as usize).collect();
            let values = ArrayD::from_shape_fn(IxDyn(&shape), |_| rounded(draws.next() + low));
            numbers.extend(values.iter());
            given.insert(pool.text(one.tensor).to_string(), Value::Real(values));
        }
    }
    let mut data = Vec::new();
    for port in interface.inputs.iter().chain(&interface.targets) {
        let shape: Vec<usize> = port.axes.iter().map(|&axis| size(pool, axis, &sizes) as usize).collect();
        let value = match port.kind {
            PortKind::Real => Value::Real(ArrayD::from_shape_fn(IxDyn(&shape), |_| rounded(2.0 * draws.next() - 1.0))),
            PortKind::Probability => Value::Real(ArrayD::from_shape_fn(IxDyn(&shape), |_| rounded(0.05 + 0.9 * draws.next()))),
            PortKind::Index { low, high } => {
                let (low, high) = (size(pool, low, &sizes), size(pool, high, &sizes));
                Value::Integer(ArrayD::from_shape_fn(IxDyn(&shape), |_| low + (draws.next() * (high - low) as f64) as i64))
            }
        };
        given.insert(pool.text(port.tensor).to_string(), value.clone());
        data.push(value);
    }
    let mut expected = Vec::new();
    let mut outputs = Vec::new();
    let mut wanted = model.inference.outputs.clone();
    wanted.extend(&model.inference.losses);
    wanted.extend(&model.inference.metrics);
    let values =
        interpret(&model.inference.equations, &sizes, &given, &wanted).unwrap_or_else(|fault| panic!("{}: {fault}", interface.name));
    for (position, value) in values.iter().enumerate() {
        let name = if position < model.inference.outputs.len() {
            outputs.push(flat(value).len());
            format!("output {}", interface.outputs[position].name)
        } else {
            format!("number {}", position - model.inference.outputs.len())
        };
        expected.push((name, flat(value)));
    }
    let mut wanted = model.training.losses.clone();
    let losses = wanted.len();
    wanted.extend(gradients.iter().map(|&(_, name)| name));
    let next = next_states(model);
    wanted.extend(next.iter().map(|&(_, name)| name));
    let drawn = nnc_compiler::evaluate::draws(&training.pool, &model.training.random, &sizes, 11, 3).expect("all sizes are known");
    // numbers of f32 come out as those of f64, rounded
    given.extend(drawn.into_iter().map(|(name, value)| (name, Value::Real(value.real().expect("reals").mapv(rounded)))));
    let values = interpret(training, &sizes, &given, &wanted).unwrap_or_else(|fault| panic!("{}: {fault}", interface.name));
    let names = interface.losses.iter().map(|loss| format!("{} of training", loss.name));
    expected.extend(names.zip(values.iter().map(flat)));
    for (number, parameter) in interface.parameters.iter().enumerate() {
        let trained = gradients.iter().position(|&(of, _)| of == number);
        let count = parameter.axes.iter().map(|&axis| size(pool, axis, &sizes) as usize).product();
        let values = trained.map_or_else(|| vec![0.0; count], |position| flat(&values[losses + position]));
        expected.push((format!("gradient of {}", parameter.name), values));
    }
    for (&(number, _), value) in next.iter().zip(&values[losses + gradients.len()..]) {
        expected.push((format!("next {}", interface.states[number].name), flat(value)));
    }
    let sizes = order.iter().map(|name| sizes[name]).collect();
    Some(Case { name: interface.name.clone(), sizes, parameters, states, data, outputs, expected })
}

/// A line for the program; it computes the case on every instruction set.
fn encode(case: &Case) -> String {
    let mut line = format!("{} {}", case.name, case.sizes.len());
    for size in &case.sizes {
        let _ = write!(line, " {size}");
    }
    let _ = write!(line, " {} {} {}", case.parameters.len(), case.states.len(), case.data.len());
    for x in case.parameters.iter().chain(&case.states) {
        let _ = write!(line, " {x:e}");
    }
    for value in &case.data {
        let kind = if value.real().is_some() { "r" } else { "i" };
        let values = flat(value);
        let _ = write!(line, " {kind} {}", values.len());
        for x in values {
            let _ = write!(line, " {x:e}");
        }
    }
    let _ = write!(line, " {}", case.outputs.len());
    for length in &case.outputs {
        let _ = write!(line, " {length}");
    }
    line
}

const MAIN: &str = r#"
use nnc::kernels::{Element, Lane, limit};
use nnc::network::{Data, Draws, Network};
use std::alloc::{GlobalAlloc, Layout, System};
use std::io::BufRead;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The system's, with a count of what is asked of it.
struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: all is done by `System`.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        unsafe { System.dealloc(memory, layout) }
    }
    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.realloc(memory, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What `call` gives, without an allocation.
fn without_allocation<R>(what: &str, call: impl FnOnce() -> R) -> R {
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    let result = call();
    let after = ALLOCATIONS.load(Ordering::Relaxed);
    assert_eq!(after, before, "{what} allocates");
    result
}

enum Numbers<T> {
    Real(Vec<T>),
    Index(Vec<i32>),
}

fn run<N: Network>(words: &mut dyn Iterator<Item = &str>) -> String {
    let mut number = || words.next().expect("a number").parse::<f64>().expect("a number");
    let count = |number: &mut dyn FnMut() -> f64| number() as usize;
    let sizes: Vec<usize> = (0..count(&mut number)).map(|_| number() as usize).collect();
    let (parameter_count, state_count, data_count) = (count(&mut number), count(&mut number), count(&mut number));
    assert_eq!((parameter_count, state_count), (N::PARAMETER_COUNT, N::STATE_COUNT));
    let parameters: Vec<N::Real> = (0..parameter_count).map(|_| N::Real::from_f64(number())).collect();
    let states: Vec<N::Real> = (0..state_count).map(|_| N::Real::from_f64(number())).collect();
    let mut numbers = Vec::new();
    for _ in 0..data_count {
        let kind = words.next().expect("a kind");
        let mut number = || words.next().expect("a number").parse::<f64>().expect("a number");
        let length = number() as usize;
        let values: Vec<f64> = (0..length).map(|_| number()).collect();
        numbers.push(if kind == "r" {
            Numbers::Real(values.iter().map(|&x| N::Real::from_f64(x)).collect())
        } else {
            Numbers::Index(values.iter().map(|&x| x as i32).collect())
        });
    }
    let data: Vec<Data<'_, N::Real>> = numbers
        .iter()
        .map(|numbers| match numbers {
            Numbers::Real(x) => Data::Real(x),
            Numbers::Index(x) => Data::Index(x),
        })
        .collect();
    let mut number = || words.next().expect("a number").parse::<f64>().expect("a number");
    let output_count = number() as usize;
    let lengths: Vec<usize> = (0..output_count).map(|_| number() as usize).collect();
    let on = |level: u8| {
        limit(level);
        let outputs = lengths.iter().map(|&length| vec![N::Real::NAN; length]).collect();
        compute::<N>(&parameters, &states, &sizes, &data, outputs)
    };
    [1, 2, 3].map(on).join(" ")
}

fn compute<N: Network>(
    parameters: &[N::Real],
    states: &[N::Real],
    sizes: &[usize],
    data: &[Data<'_, N::Real>],
    mut outputs: Vec<Vec<N::Real>>,
) -> String {
    for (port, output) in N::OUTPUTS.iter().zip(&outputs) {
        assert_eq!(N::port_length(port, sizes).expect("sizes"), output.len());
    }
    let mut workspace = vec![Lane::ZERO; N::workspace(sizes).expect("sizes")];
    // Whatever stood there before must not matter.
    for lane in Lane::flat_mut::<N::Real>(&mut workspace) {
        *lane = N::Real::NAN;
    }
    let mut results: Vec<f64> = Vec::new();
    {
        let mut slices: Vec<&mut [N::Real]> = outputs.iter_mut().map(|output| &mut output[..]).collect();
        without_allocation("predict", || N::predict(parameters, states, sizes, &data[..N::INPUTS.len()], &mut slices, &mut workspace)).expect("predict");
    }
    results.extend(outputs.iter().flatten().map(|x| x.to_f64()));
    let mut metrics = vec![N::Real::NAN; N::METRICS.len()];
    let loss = without_allocation("evaluate", || N::evaluate(parameters, states, sizes, data, &mut metrics, &mut workspace)).expect("evaluate");
    results.extend((0..N::LOSSES.len()).map(|number| N::loss(&loss, number).expect("a number").to_f64()));
    results.extend(metrics.iter().map(|x| x.to_f64()));
    let mut gradient = vec![N::Real::NAN; N::PARAMETER_COUNT];
    let (draws, mut next) = (Draws { seed: 11, step: 3 }, vec![N::Real::NAN; N::STATE_COUNT]);
    let loss = without_allocation("gradient", || N::gradient(parameters, states, draws, sizes, data, &mut gradient, &mut next, &mut workspace)).expect("gradient");
    results.extend((0..N::LOSSES.len()).map(|number| N::loss(&loss, number).expect("a number").to_f64()));
    results.extend(gradient.iter().chain(&next).map(|x| x.to_f64()));
    let mut state = vec![N::Real::NAN; N::OPTIMIZER_STATE_COUNT];
    without_allocation("init_optimizer", || N::init_optimizer(parameters, &mut state)).expect("init_optimizer");
    let mut trained = parameters.to_vec();
    without_allocation("update", || N::update(&N::Optimizer::default(), 1, &mut trained, &gradient, &mut state, &mut workspace)).expect("update");
    without_allocation("init", || N::init(0, &mut trained)).expect("init");
    without_allocation("init_states", || N::init_states(0, &mut next)).expect("init_states");
    let texts: Vec<String> = results.iter().map(|x| format!("{x:e}")).collect();
    texts.join(" ")
}

fn main() {
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("text");
        let mut words = line.split(' ');
        let name = words.next().expect("a name").to_string();
        println!("{}", one(&name, &mut words));
    }
}
"#;

/// Where packages are made; the lock file is that of the workspace, so that nothing is looked up.
fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("agreement").join(name)
}

fn build(name: &str, rust: &str, models: &[Model]) -> PathBuf {
    let folder = folder(name);
    std::fs::create_dir_all(folder.join("src")).expect("a folder");
    let root = env!("CARGO_MANIFEST_DIR");
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\nnnc = {{ path = {root:?}, default-features = false }}\n\n[workspace]\n"
    );
    let arms: String =
        models.iter().map(|model| format!("        {0:?} => run::<networks::{0}>(words),\n", model.interface.name)).collect();
    let main = format!(
        "#![deny(warnings)]\n{MAIN}\nfn one(name: &str, words: &mut dyn Iterator<Item = &str>) -> String {{\n    match name {{\n{arms}        _ => String::new(),\n    }}\n}}\n\nmod networks;\n"
    );
    let write = |path: PathBuf, text: &str| {
        if std::fs::read_to_string(&path).is_ok_and(|old| old == text) {
            return;
        }
        std::fs::write(path, text).expect("a file that can be written");
    };
    write(folder.join("Cargo.toml"), &manifest);
    write(folder.join("src/main.rs"), &main);
    write(folder.join("src/networks.rs"), rust);
    std::fs::copy(Path::new(root).join("Cargo.lock"), folder.join("Cargo.lock")).expect("the lock file");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("agreement").join("target");
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--offline"])
        .current_dir(&folder)
        .env("CARGO_TARGET_DIR", &target)
        .env("CARGO_PROFILE_DEV_DEBUG", "0") // two fifths of the compiler's time
        .env("CARGO_INCREMENTAL", "0")
        .status()
        .expect("cargo runs");
    assert!(status.success(), "the generated code of {name} does not compile: see {}", folder.display());
    target.join("debug").join(name)
}

fn run(program: &Path, cases: &[Case]) -> Vec<Vec<f64>> {
    let lines: Vec<String> = cases.iter().map(encode).collect();
    let mut child = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the program runs");
    let mut input = child.stdin.take().expect("a pipe");
    let text = lines.join("\n") + "\n";
    let writer = std::thread::spawn(move || std::io::Write::write_all(&mut input, text.as_bytes()));
    let output = child.wait_with_output().expect("the program ends");
    let _ = writer.join();
    let text = String::from_utf8(output.stdout).expect("text");
    let results: Vec<Vec<f64>> = text.lines().map(|line| line.split(' ').filter_map(|word| word.parse().ok()).collect()).collect();
    assert!(
        output.status.success() && results.len() == cases.len(),
        "the program stopped at {}",
        encode(&cases[results.len().min(cases.len() - 1)])
    );
    results
}

/// Differences that are more than rounding, on every instruction set.
fn differences(case: &Case, found: &[f64], tolerance: f64) -> Vec<String> {
    let count = case.expected.iter().map(|(_, numbers)| numbers.len()).sum::<usize>();
    let on = |level: usize| differences_on(level, case, found.get((level - 1) * count..level * count).unwrap_or_default(), tolerance);
    let extra = (found.len() > 3 * count).then(|| format!("{}: {} numbers, expected {}", case.name, found.len(), 3 * count));
    (1..=3).flat_map(on).chain(extra).collect()
}

fn differences_on(level: usize, case: &Case, found: &[f64], tolerance: f64) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut at = 0;
    for (what, expected) in &case.expected {
        let Some(found) = found.get(at..at + expected.len()) else {
            wrong.push(format!("{what}: missing"));
            break;
        };
        at += expected.len();
        let scale = expected.iter().filter(|x| x.is_finite()).fold(1.0f64, |scale, x| scale.max(x.abs()));
        let worst =
            expected.iter().zip(found).position(|(e, f)| !(e == f || (e.is_nan() && f.is_nan()) || (e - f).abs() <= tolerance * scale));
        if let Some(position) = worst {
            wrong.push(format!("{what}[{position}]: expected {}, found {}", expected[position], found[position]));
        }
    }
    wrong.iter().map(|what| format!("{} at {:?}, level {level}: {what}", case.name, case.sizes)).collect()
}

fn check(subject: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = |folder: &str| std::fs::read_to_string(root.join(folder).join(format!("{subject}.nn")));
    let text = file("tests/library").or_else(|_| file("tests/agreement")).expect("a file of models");
    let wrong = compare(subject, &text, &[Precision::Single, Precision::Double], &[0, 1, 5, 17]);
    assert!(wrong.is_empty(), "{} differences\n{}", wrong.len(), wrong[..wrong.len().min(40)].join("\n"));
}

/// How the models of a text, compiled, differ from the interpreter.
fn compare(subject: &str, text: &str, precisions: &[Precision], batches: &[i64]) -> Vec<String> {
    let only = std::env::var("NNC_AGREEMENT").unwrap_or_default();
    let only: Vec<&str> = only.split(',').filter(|word| !word.is_empty()).collect();
    let mut load = |_: &str, path: &str| Err(format!("no file {path}"));
    let read = understand(&format!("{subject}.nn"), text.as_bytes(), &mut load, &Settings::default());
    let models = read.unwrap_or_else(|failure| panic!("{:?}", failure.diagnostics)).models;
    let asked = |model: &&Model| only.is_empty() || only.contains(&subject) || only.contains(&&model.interface.name[..]);
    let derived: Vec<Derived> = models.iter().filter(asked).map(Derived::new).collect();
    let mut wrong = Vec::new();
    for &precision in precisions {
        let rust = generate_text(models.clone(), &Options { precision, ..Options::default() });
        let name = format!("{subject}_{}", if precision == Precision::Single { "f32" } else { "f64" });
        let program = build(&name, &rust, &models);
        let cases: Vec<Case> =
            derived.iter().flat_map(|derived| batches.iter().map(|&batch| case(derived, batch, precision))).flatten().collect();
        let results = run(&program, &cases);
        let tolerance = if precision == Precision::Single { 2e-5 } else { 1e-12 };
        wrong.extend(
            cases.iter().zip(&results).flat_map(|(case, found)| differences(case, found, tolerance)).map(|text| format!("{name}: {text}")),
        );
    }
    wrong
}

/// Random models, in `f64`. `NNC_COMPILED=2000` asks for more than 50; `NNC_SEED` is the first seed, and `R7` is the model of seed 7.
#[test]
fn random() {
    let number = |name: &str, default: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (models, first) = (number("NNC_COMPILED", 50), number("NNC_SEED", 1));
    let seeds: Vec<u64> = (first..first + models).collect();
    let mut wrong = Vec::new();
    for seeds in seeds.chunks(50) {
        let texts = seeds.iter().map(|&seed| random_models::random_model(&format!("R{seed}"), seed, 2 + seed as usize % 7));
        wrong.extend(compare("random", &texts.collect::<Vec<_>>().join("\n"), &[Precision::Double], &[0, 1, 5]));
    }
    println!("{models} models from seed {first}: {} differences", wrong.len());
    assert!(wrong.is_empty(), "{} differences\n{}", wrong.len(), wrong[..wrong.len().min(40)].join("\n"));
}

macro_rules! subjects {
    ($($subject:ident)*) => {$(
        #[test]
        fn $subject() {
            check(stringify!($subject));
        }
    )*};
}
subjects!(activations attention convolution dense derivatives initial kept losses metrics noise normalization optimizers padding pooling recurrent resampling schedules shape sizes trained windows);
