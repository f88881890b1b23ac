//! `nnc eval --compiled`: the generated code, in a file without dependencies, with a small program around it that reads and writes plain
//! numbers. rustc compiles it once; the program is kept in a folder for the next time.
//!
//! ```text
//! in:  gradients, judged, whether the states after a step are asked for, steps + 1 or 0, seed, sizes …: u64
//!      count of given parameters: u64;   each given parameter: offset, count: u64, numbers
//!      each input and target: count: u64, numbers;   the count of each output and of each gradient of what is not trained: u64
//!      given states as given parameters
//! out: outputs; loss, metrics; gradients; next states; losses, parameters, states: numbers one after the other
//! ```

use crate::Precision;
use crate::eval::{Arguments, loss_name};
use crate::values::Given;
use nnc::safetensors::{Numbers, Tensor};
use nnc_compiler::emit::identifier;
use nnc_compiler::equations::interpret::Value;
use nnc_compiler::equations::{Index, Pool};
use nnc_compiler::evaluate::value_of;
use nnc_compiler::model::{BATCH, Forward, Interface, Model, Parameter, PortKind};
use nnc_compiler::{Kernels, Options};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

/// What the generated code says.
pub fn run(
    model: &Model,
    given: Given,
    arguments: &Arguments,
    training: bool,
    precision: Precision,
) -> Result<Vec<(String, Tensor)>, String> {
    let mut model = model.clone();
    if training {
        model.inference = model.training.clone();
    }
    let options = Options { precision: precision.into(), kernels: Kernels::Standalone, network: None, untrained: arguments.gradients };
    let real = if precision == Precision::F32 { "f32" } else { "f64" };
    let text = nnc_compiler::generate_text(vec![model.clone()], &options);
    let program = built(&program(&model, &text, real, arguments.gradients))?;

    let (input, expected) = question(&model, &given, arguments, training, precision)?;
    let numbers = answer(&program, &input)?;
    let width = if precision == Precision::F32 { 4 } else { 8 };
    let total: usize = expected.iter().map(|(_, shape)| shape.iter().product::<usize>()).sum();
    if numbers.len() != total * width {
        return Err(format!("the compiled model wrote {} bytes, not {}", numbers.len(), total * width));
    }
    let mut rest = numbers.as_slice();
    let mut results = Vec::new();
    for (name, shape) in expected {
        let (head, tail) = rest.split_at(shape.iter().product::<usize>() * width);
        rest = tail;
        let Some(name) = name else { continue };
        let numbers = match precision {
            Precision::F32 => Numbers::F32(head.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()),
            Precision::F64 => Numbers::F64(head.as_chunks().0.iter().map(|&bytes| f64::from_le_bytes(bytes)).collect()),
        };
        results.push((name, Tensor { shape, numbers }));
    }
    Ok(results)
}

/// Sizes as each call takes them.
fn call_sizes(interface: &Interface) -> Vec<&str> {
    let batched = interface.batched || interface.inputs.iter().chain(&interface.targets).chain(&interface.outputs).any(|port| port.batched);
    batched.then_some(BATCH).into_iter().chain(interface.sizes.iter().map(String::as_str)).collect()
}

fn shape(pool: &Pool, axes: &[Index], sizes: &BTreeMap<String, i64>) -> Result<Vec<usize>, String> {
    let extent = |&axis: &Index| value_of(pool, axis, sizes).and_then(|size| usize::try_from(size).ok());
    axes.iter().map(extent).collect::<Option<Vec<usize>>>().ok_or_else(|| "a size is too large".to_string())
}

/// The shapes of what comes out, in order, with the names of those that are shown.
type Expected = Vec<(Option<String>, Vec<usize>)>;

/// What goes in, and what comes out.
fn question(
    model: &Model,
    given: &Given,
    arguments: &Arguments,
    training: bool,
    precision: Precision,
) -> Result<(Vec<u8>, Expected), String> {
    let interface = &model.interface;
    let pool = &model.training.equations.pool;
    let shape = |axes: &[Index]| shape(pool, axes, &given.sizes);
    let mut input = Vec::new();
    let mut expected = Expected::new();
    let word = |input: &mut Vec<u8>, word: usize| input.extend((word as u64).to_le_bytes());
    word(&mut input, usize::from(arguments.gradients));
    word(&mut input, usize::from(given.targets));
    // the states after a pass of the training program, if those after steps are not asked for
    let stepped = training && given.targets && arguments.steps.is_none() && !interface.states.is_empty();
    word(&mut input, usize::from(stepped));
    word(&mut input, arguments.steps.map_or(0, |steps| steps.saturating_add(1)));
    input.extend(arguments.seed.to_le_bytes());
    for name in call_sizes(interface) {
        word(&mut input, given.sizes.get(name).and_then(|&size| usize::try_from(size).ok()).unwrap_or(1));
    }
    let reals = |input: &mut Vec<u8>, value: Option<&Value>| {
        for &number in value.and_then(Value::real).into_iter().flatten() {
            match precision {
                Precision::F32 => input.extend((number as f32).to_le_bytes()),
                Precision::F64 => input.extend(number.to_le_bytes()),
            }
        }
    };
    let kept = |kept: &[Parameter]| {
        let kept = kept.iter().map(|one| Ok((one.name.clone(), shape(&one.axes)?)));
        kept.collect::<Result<Vec<_>, String>>()
    };
    let (parameters, states) = (kept(&interface.parameters)?, kept(&interface.states)?);
    let given_kept = |input: &mut Vec<u8>, kept: &[(String, Vec<usize>)]| {
        word(input, kept.iter().filter(|(name, _)| given.values.contains_key(name)).count());
        let mut offset = 0;
        for (name, shape) in kept {
            let count = shape.iter().product();
            if given.values.contains_key(name) {
                word(input, offset);
                word(input, count);
                reals(input, given.values.get(name));
            }
            offset += count;
        }
    };
    given_kept(&mut input, &parameters);
    for port in interface.inputs.iter().chain(interface.targets.iter().filter(|_| given.targets)) {
        let value = given.values.get(&port.name);
        word(&mut input, shape(&port.axes)?.iter().product());
        reals(&mut input, value);
        for &number in value.and_then(Value::integer).into_iter().flatten() {
            let number = i32::try_from(number).map_err(|_| format!("`{}` holds {number}, which has more than 32 bits", port.name))?;
            input.extend(number.to_le_bytes());
        }
    }
    for port in &interface.outputs {
        let shape = shape(&port.axes)?;
        word(&mut input, shape.iter().product());
        expected.push((Some(port.name.clone()), shape));
    }
    if given.targets {
        expected.extend(interface.losses.iter().map(|loss| (Some(loss_name("loss", interface, &loss.name)), Vec::new())));
        expected.extend(interface.metrics.iter().map(|(name, _)| (Some(format!("metric.{name}")), Vec::new())));
    }
    if arguments.gradients {
        let untrained = model.untrained();
        for (name, shape) in &parameters {
            // that of a frozen one is not 0 as in training, and comes with those of inputs
            let trained = untrained.iter().all(|(other, ..)| other != name);
            expected.push((trained.then(|| format!("grad.{name}")), shape.clone()));
        }
        for (name, _, axes) in untrained {
            let shape = shape(axes)?;
            word(&mut input, shape.iter().product());
            expected.push((Some(format!("grad.{name}")), shape));
        }
    }
    given_kept(&mut input, &states);
    let state = |(name, shape): &(String, Vec<usize>)| (Some(format!("state.{name}")), shape.clone());
    if stepped {
        expected.extend(states.iter().map(state));
    }
    if let Some(steps) = arguments.steps {
        let shape = vec![steps.saturating_add(1)];
        expected.extend(interface.losses.iter().map(|loss| (Some(loss_name("losses", interface, &loss.name)), shape.clone())));
        expected.extend(parameters.iter().map(|(name, shape)| (Some(format!("param.{name}")), shape.clone())));
        expected.extend(states.iter().map(state));
        for group in &model.optimizer.groups {
            for state in &group.states {
                for &position in &group.parameters {
                    let (name, shape) = &parameters[position];
                    let shape = match group.elements {
                        Some(_) => shape.clone(),
                        None => group.shape_of(state).ok_or_else(|| format!("the shape of state `{}` is not known", state.name))?,
                    };
                    expected.push((Some(format!("state.{}.{name}", state.name)), shape));
                }
            }
        }
    }
    Ok((input, expected))
}

/// What follows the generated code; marks like `$MODEL` stand for what depends on the model.
const ENTRY: &str = r#"
pub mod $MODULE {
    use super::{$MODEL as Model, $OPTIMIZER as Optimizer, nnc_kernels::Lane};

    struct Input<'a>(&'a [u8]);

    impl<'a> Input<'a> {
        fn take(&mut self, count: usize) -> &'a [u8] {
            let (head, tail) = self.0.split_at(count);
            self.0 = tail;
            head
        }
        fn word(&mut self) -> usize {
            let bytes = self.take(8);
            u64::from_le_bytes(bytes.try_into().unwrap()) as usize
        }
        fn reals(&mut self, count: usize) -> Vec<$REAL> {
            self.take(count * $WIDTH).chunks($WIDTH).map(|bytes| $REAL::from_le_bytes(bytes.try_into().unwrap())).collect()
        }
        fn integers(&mut self, count: usize) -> Vec<i32> {
            self.take(count * 4).chunks(4).map(|bytes| i32::from_le_bytes(bytes.try_into().unwrap())).collect()
        }
    }

    pub fn run(bytes: &[u8]) -> Result<Vec<u8>, String> {
        run_input(Input(bytes)).map_err(|error| error.to_string())
    }

    fn run_input(mut input: Input<'_>) -> Result<Vec<u8>, super::nnc_kernels::Error> {
        let (gradients, judged, stepped, steps) = (input.word() == 1, input.word() == 1, input.word() == 1, input.word());
        let seed = input.word() as u64;
        $READ_SIZES
        let mut parameters: Vec<$REAL> = vec![0.0; Model::PARAMETER_COUNT];
        Model::init(seed, &mut parameters)?;
        for _ in 0..input.word() {
            let (offset, count) = (input.word(), input.word());
            parameters[offset..offset + count].copy_from_slice(&input.reals(count));
        }
        $READ_PORTS
        let mut workspace = vec![Lane::default(); Model::workspace($SIZES)];
        let mut output = Vec::new();
        let mut write = |numbers: &[$REAL]| output.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        let mut states: Vec<$REAL> = vec![0.0; $STATE_COUNT];
        $INIT_STATES
        for _ in 0..input.word() {
            let (offset, count) = (input.word(), input.word());
            states[offset..offset + count].copy_from_slice(&input.reals(count));
        }
        let mut next = states.clone();
        Model::predict($SIZES &parameters, $STATES $INFERRED $INPUTS $OUTPUTS &mut workspace)?;
        $WRITE_OUTPUTS
        if judged {
            let evaluation = Model::evaluate($SIZES &parameters, $STATES $INFERRED $INPUTS $TARGETS &mut workspace)?;
            let loss = evaluation.loss;
            write(&[$LOSSES $METRICS]);
        }
        let mut gradient: Vec<$REAL> = vec![0.0; Model::PARAMETER_COUNT];
        if gradients {
            Model::gradient($SIZES &parameters, $STATES $TRAINED $INPUTS $TARGETS &mut gradient, $NEXT &mut workspace)?;
            write(&gradient);
            $UNTRAINED
        }
        if stepped {
            Model::gradient($SIZES &parameters, $STATES $TRAINED $INPUTS $TARGETS &mut gradient, $NEXT &mut workspace)?;
            write(&next);
        }
        if steps > 0 {
            let optimizer = Optimizer::default();
            let mut state: Vec<$REAL> = vec![0.0; Model::OPTIMIZER_STATE_COUNT];
            Model::init_optimizer(&parameters, &mut state)?;
            let mut losses: Vec<Vec<$REAL>> = Vec::new();
            for step in 1..steps {
                let loss = Model::step($SIZES &optimizer, $SEED step as u64, &mut parameters, $CHANGED $INPUTS $TARGETS &mut gradient, &mut state, &mut workspace)?;
                losses.push(vec![$LOSSES]);
            }
            let loss = Model::gradient($SIZES &parameters, $STATES $LAST $INPUTS $TARGETS &mut gradient, $NEXT &mut workspace)?;
            losses.push(vec![$LOSSES]);
            for number in 0..losses[0].len() {
                write(&losses.iter().map(|losses| losses[number]).collect::<Vec<_>>());
            }
            write(&parameters);
            write(&states);
            write(&state);
        }
        Ok(output)
    }
}
"#;

/// What stands around the generated code and [`ENTRY`].
const MAIN: &str = r#"
fn main() {
    use std::io::{Read, Write};
    let mut input = Vec::new();
    std::io::stdin().lock().read_to_end(&mut input).expect("the numbers can be read");
    match generated::$MODULE::run(&input) {
        Ok(output) => std::io::stdout().lock().write_all(&output).expect("the numbers can be written"),
        Err(message) => {
            eprintln!("{message}");
            std::process::exit(1);
        }
    }
}
"#;

/// The text of the whole program.
fn program(model: &Model, text: &str, real: &str, gradients: bool) -> String {
    let interface = &model.interface;
    let list = |count: usize, item: &dyn Fn(usize) -> String| (0..count).map(item).collect::<String>();
    let sizes = call_sizes(interface).len();
    let read = |letter: &str, number: usize, kind: PortKind, judged: &str| {
        let kind = if matches!(kind, PortKind::Index { .. }) { "integers" } else { "reals" };
        format!("let count = {judged}; let {letter}{number} = input.{kind}(count);\n")
    };
    let (inputs, targets, outputs) = (&interface.inputs, &interface.targets, interface.outputs.len());
    let untrained = if gradients { model.untrained().len() } else { 0 };
    let ports = list(inputs.len(), &|number| read("x", number, inputs[number].kind, "input.word()"))
        + &list(targets.len(), &|number| read("t", number, targets[number].kind, "if judged { input.word() } else { 0 }"))
        + &list(outputs, &|number| format!("let mut y{number}: Vec<{real}> = vec![0.0; input.word()];\n"))
        + &list(untrained, &|number| format!("let mut d{number}: Vec<{real}> = vec![0.0; input.word()];\n"));
    let call = format!(
        "Model::untrained($SIZES &parameters, $STATES $TRAINED $INPUTS $TARGETS {} &mut workspace)?;\n{}",
        list(untrained, &|number| format!("&mut d{number}, ")),
        list(untrained, &|number| format!("write(&d{number});\n")),
    );
    let drawn = |forward: &Forward, text: &str| if forward.random.is_empty() { String::new() } else { text.to_string() };
    let kept = |text: &str| if interface.states.is_empty() { String::new() } else { text.to_string() };
    let metric = |number: usize| format!("evaluation.{}, ", identifier(&interface.metrics[number].0));
    let loss = |number: usize| format!("loss.{}, ", identifier(&interface.losses[number].name));
    let parts = [
        ("$READ_SIZES", list(sizes, &|number| format!("let s{number} = input.word();\n"))),
        ("$READ_PORTS", ports),
        ("$WRITE_OUTPUTS", list(outputs, &|number| format!("write(&y{number});\n"))),
        ("$UNTRAINED", if gradients { call } else { String::new() }),
        ("$LOSSES", if interface.has_plain_loss() { "loss, ".to_string() } else { list(interface.losses.len(), &loss) }),
        ("$METRICS", list(interface.metrics.len(), &metric)),
        ("$STATE_COUNT", if interface.states.is_empty() { "0".to_string() } else { "Model::STATE_COUNT".to_string() }),
        ("$INIT_STATES", kept("Model::init_states(seed, &mut states)?;")),
        ("$STATES", kept("&states, ")),
        ("$NEXT", kept("&mut next, ")),
        ("$CHANGED", kept("&mut states, &mut next, ")),
        ("$INFERRED", drawn(&model.inference, "seed, 1, ")),
        ("$TRAINED", drawn(&model.training, "seed, 1, ")),
        ("$LAST", drawn(&model.training, "seed, steps as u64, ")),
        ("$SEED", drawn(&model.training, "seed, ")),
        ("$SIZES", list(sizes, &|number| format!("s{number}, "))),
        ("$INPUTS", list(inputs.len(), &|number| format!("&x{number}, "))),
        ("$TARGETS", list(targets.len(), &|number| format!("&t{number}, "))),
        ("$OUTPUTS", list(outputs, &|number| format!("&mut y{number}, "))),
        ("$MODEL", identifier(&interface.name).to_string()),
        ("$OPTIMIZER", identifier(&format!("{}Optimizer", interface.name)).to_string()),
        ("$WIDTH", if real == "f32" { "4" } else { "8" }.to_string()),
        ("$REAL", real.to_string()),
        ("$MODULE", format!("{}_main", interface.name)),
    ];
    let filled = |text: &str| parts.iter().fold(text.to_string(), |text, (mark, part)| text.replace(mark, part));
    format!("#![allow(warnings)]\nmod generated {{\n{text}{}}}\n{}", filled(ENTRY), filled(MAIN))
}

/// The folder of compiled models.
fn cache() -> PathBuf {
    let folder = |name: &str| env::var_os(name).filter(|folder| !folder.is_empty()).map(PathBuf::from);
    if let Some(folder) = folder("NNC_CACHE") {
        return folder;
    }
    let home = folder("HOME");
    let platform = if cfg!(windows) {
        folder("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        home.map(|home| home.join("Library/Caches"))
    } else {
        folder("XDG_CACHE_HOME").or_else(|| home.map(|home| home.join(".cache")))
    };
    platform.unwrap_or_else(env::temp_dir).join("nnc")
}

/// The compiled program of a text: from the cache, or built and put there. Two processes may do so at once: each builds in a folder of its
/// own, and moves what it built to its place.
fn built(text: &str) -> Result<PathBuf, String> {
    let compiler = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(&compiler).arg("-vV").stdin(Stdio::null()).output();
    let version = match version {
        Ok(version) if version.status.success() => version.stdout,
        Ok(version) => return Err(format!("rustc does not run: {}", String::from_utf8_lossy(&version.stderr).trim())),
        Err(error) => {
            return Err(format!("--compiled needs rustc, and `{}` does not run: {error}", compiler.to_string_lossy()));
        }
    };
    let mut key = String::new();
    for half in 0..2 {
        let mut hasher = DefaultHasher::new();
        (half, text, &version).hash(&mut hasher);
        key += &format!("{:016x}", hasher.finish());
    }
    let cache = cache();
    let program = cache.join(format!("{key}{}", env::consts::EXE_SUFFIX));
    if program.is_file() {
        return Ok(program);
    }
    let place = cache.join(format!("{key}.{}", std::process::id()));
    let result = build(&compiler, text, &place, &program);
    // what is left of it is of no use
    let _ = fs::remove_dir_all(&place);
    result.map(|()| program)
}

/// Compiles a text in a folder of its own, and moves the result to its place.
fn build(compiler: &std::ffi::OsStr, text: &str, place: &Path, program: &Path) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", place.display());
    fs::create_dir_all(place).map_err(failed)?;
    let source = place.join("model.rs");
    fs::write(&source, text).map_err(failed)?;
    let output = place.join("model");
    let mut command = Command::new(compiler);
    command.args(["--edition", "2021", "-O", "--crate-name", "model", "--crate-type", "bin"]).arg(&source).arg("-o").arg(&output);
    let run = command.stdin(Stdio::null()).output().map_err(failed)?;
    if !run.status.success() {
        let message = String::from_utf8_lossy(&run.stderr);
        return Err(format!("rustc refuses the generated code:\n{}", message.trim()));
    }
    fs::rename(&output, program).map_err(failed)
}

/// Runs a program on its input.
fn answer(program: &Path, input: &[u8]) -> Result<Vec<u8>, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", program.display());
    let mut command = Command::new(program);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        // it reads all before it writes; if it ends early, its message says why
        let _ = stdin.write_all(input);
    }
    let output = child.wait_with_output().map_err(failed)?;
    if output.status.success() { Ok(output.stdout) } else { Err(String::from_utf8_lossy(&output.stderr).trim().to_string()) }
}
