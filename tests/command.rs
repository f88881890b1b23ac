//! The command on files: what it prints, what it writes, how it ends.

use nnc::safetensors::{self, Numbers, Tensor};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A folder of its own for a test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("nnc-command-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    /// With a file.
    fn with(self, name: &str, text: impl AsRef<[u8]>) -> Self {
        fs::write(self.0.join(name), text).unwrap();
        self
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn run(folder: &Path, arguments: &[&str], input: &[u8]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nnc"));
    command
        .args(arguments)
        .current_dir(folder)
        .env("NNC_CACHE", env!("CARGO_TARGET_TMPDIR"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // a command that does not read its input closes it
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

/// The exit code, and what went to standard output and to standard error.
#[track_caller]
fn nnc(folder: &Folder, arguments: &[&str]) -> String {
    nnc_on(folder, arguments, b"")
}

/// [`nnc`] with something on standard input.
#[track_caller]
fn nnc_on(folder: &Folder, arguments: &[&str], input: &[u8]) -> String {
    let (code, output, errors) = run(&folder.0, arguments, input);
    format!("exit {code}\n{output}{}{errors}", if errors.is_empty() { "" } else { "-- stderr --\n" })
}

const WRONG: &str = "model Wrong(x[3]) -> y { y = 2 x; }\nmodel Other = linear(4, 3) -> relu\n";
const GOOD: &str = "model Good(x[2]) -> y { param w[2] = 0; y = sum(i) x[i] * w[i]; }\n";

#[test]
fn errors_for_people() {
    let folder = Folder::new("human").with("wrong.nn", WRONG);
    insta::assert_snapshot!(nnc(&folder, &["check", "wrong.nn"]), @"
    exit 1
    -- stderr --
    error[NN0022]: expected an operator or `;` after the equation of `y`, found `x`
     --> wrong.nn:1:32
      |
    1 | model Wrong(x[3]) -> y { y = 2 x; }
      |                                ^ two values follow each other
      |
    help: a product is written
      |
    1 | model Wrong(x[3]) -> y { y = 2 * x; }
      |                                +

    error[NN0012]: expected `;` after the model `Other`, found the end of the file
     --> wrong.nn:2:35
      |
    2 | model Other = linear(4, 3) -> relu
      |                                   ^ expected `;`
      |
    help: end it with `;`
      |
    2 | model Other = linear(4, 3) -> relu;
      |                                   +
    ");
}

#[test]
fn errors_for_programs() {
    let folder = Folder::new("json").with("wrong.nn", WRONG);
    insta::assert_snapshot!(nnc(&folder, &["check", "wrong.nn", "--message-format", "json"]), @r#"
    exit 1
    -- stderr --
    {"code":"NN0022","help":[{"replacement":{"place":{"column":31,"end":30,"end_column":31,"end_line":1,"file":"wrong.nn","line":1,"start":30},"with":" *"},"text":"a product is written"}],"labels":[{"place":{"column":32,"end":32,"end_column":33,"end_line":1,"file":"wrong.nn","line":1,"start":31},"text":"two values follow each other"}],"message":"expected an operator or `;` after the equation of `y`, found `x`","notes":[],"severity":"error"}
    {"code":"NN0012","help":[{"replacement":{"place":{"column":35,"end":70,"end_column":35,"end_line":2,"file":"wrong.nn","line":2,"start":70},"with":";"},"text":"end it with `;`"}],"labels":[{"place":{"column":35,"end":70,"end_column":35,"end_line":2,"file":"wrong.nn","line":2,"start":70},"text":"expected `;`"}],"message":"expected `;` after the model `Other`, found the end of the file","notes":[],"severity":"error"}
    "#);
}

#[test]
fn a_file_is_written_once() {
    let folder = Folder::new("written").with("good.nn", GOOD);
    assert_eq!(nnc(&folder, &["good.nn"]), "exit 0\n");
    let text = folder.read("good.rs");
    assert_eq!(nnc(&folder, &["build", "good.nn", "-o", "-"]), format!("exit 0\n{text}"));
    assert_eq!(nnc_on(&folder, &["-"], GOOD.as_bytes()), format!("exit 0\n{text}"));
    let written = fs::metadata(folder.0.join("good.rs")).unwrap().modified().unwrap();
    assert_eq!(nnc(&folder, &["good.nn"]), "exit 0\n");
    assert_eq!(fs::metadata(folder.0.join("good.rs")).unwrap().modified().unwrap(), written, "it is left alone");
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 2, "nothing else is left there");
}

#[test]
fn a_stale_file_is_refused() {
    let folder = Folder::new("stale").with("good.nn", GOOD);
    insta::assert_snapshot!(nnc(&folder, &["good.nn", "--check"]), @"
    exit 3
    -- stderr --
    error: good.rs is missing: the same command without --check writes it
    ");
    assert_eq!(nnc(&folder, &["good.nn"]), "exit 0\n");
    assert_eq!(nnc(&folder, &["good.nn", "--check"]), "exit 0\n");
    let stale = folder.read("good.rs").replacen("/// The network `Good`.", "/// The network.", 1);
    let folder = folder.with("good.rs", &stale);
    insta::assert_snapshot!(nnc(&folder, &["good.nn", "--check"]), @"
    exit 3
    --- good.rs
    +++ generated
    @@ -1,4 +1,4 @@
    -/// The network.
    +/// The network `Good`.
     ///
     /// # Parameters
     /// | name | shape | offset | |
    -- stderr --
    error: good.rs is stale: the same command without --check writes it anew
    ");
    assert_eq!(folder.read("good.rs"), stale);
}

#[test]
fn precision_and_standalone() {
    let folder = Folder::new("standalone").with("good.nn", GOOD);
    let (code, text, _) = run(&folder.0, &["good.nn", "-o", "-", "--standalone", "--precision", "f64"], b"");
    assert_eq!(code, 0);
    assert!(text.contains("parameters: &[f64]") && text.contains("mod nnc_kernels {") && !text.contains("::nnc::"));
}

#[test]
fn files_are_formatted() {
    let folder = Folder::new("format").with("a.nn", "// first\nmodel  A=linear(2,3)->relu ;").with("b.nn", "model B = relu;\n");
    insta::assert_snapshot!(nnc(&folder, &["fmt", "--check", "a.nn", "b.nn"]), @r"
    exit 3
    --- a.nn
    +++ formatted
    @@ -1,2 +1,2 @@
     // first
    -model  A=linear(2,3)->relu ;
    \ No newline at end of file
    +model A = linear(2, 3) -> relu;
    ");
    assert_eq!(nnc(&folder, &["fmt", "a.nn", "b.nn"]), "exit 0\n");
    assert_eq!(nnc(&folder, &["fmt", "--check", "a.nn", "b.nn"]), "exit 0\n");
    assert_eq!(folder.read("a.nn"), "// first\nmodel A = linear(2, 3) -> relu;\n");
    assert_eq!(nnc_on(&folder, &["fmt", "-"], b"model  B=relu;"), "exit 0\nmodel B = relu;\n");
    let folder = folder.with("c.nn", "model C = ;").with("d.nn", "model  D=relu;");
    insta::assert_snapshot!(nnc(&folder, &["fmt", "c.nn", "d.nn"]), @"
    exit 1
    -- stderr --
    error[NN0025]: expected a stage, found `;`
     --> c.nn:1:11
      |
    1 | model C = ;
      |           ^ expected the name of a layer or function
    ");
    assert_eq!((folder.read("c.nn").as_str(), folder.read("d.nn").as_str()), ("model C = ;", "model D = relu;\n"));
}

#[test]
fn codes_are_explained() {
    let folder = Folder::new("explain");
    insta::assert_snapshot!(nnc(&folder, &["explain", "nn0011"]), @"
    exit 0
    NN0011: a name is too long

    A name has at most 1000 characters.
    ");
    for short in ["nn11", "NN11", "11", "0011"] {
        let (code, text, _) = run(&folder.0, &["explain", short], b"");
        assert!(code == 0 && text.starts_with("NN0011: a name is too long"), "{short}: {text}");
    }
    insta::assert_snapshot!(nnc(&folder, &["explain", "NN9999"]), @"
    exit 2
    -- stderr --
    error: there is no code `NN9999`; `nnc explain` lists them
    ");
    let (code, list, _) = run(&folder.0, &["explain"], b"");
    assert!(code == 0 && list.lines().count() > 20, "{list}");
}

#[test]
fn wrong_use() {
    let folder = Folder::new("use").with("good.nn", GOOD);
    insta::assert_snapshot!(nnc(&folder, &["chekc", "good.nn"]), @"
    exit 2
    -- stderr --
    error: unrecognized subcommand 'chekc'

      tip: a similar subcommand exists: 'check'

    Usage: nnc [OPTIONS] <COMMAND>

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(nnc(&folder, &["good.nn", "-o", "./good.nn"]), @"
    exit 2
    -- stderr --
    error: ./good.nn is a model file that is read: name another output with -o
    ");
    insta::assert_snapshot!(nnc(&folder, &["none.nn"]), @"
    exit 2
    -- stderr --
    error: none.nn: No such file or directory (os error 2)
    ");
    insta::assert_snapshot!(nnc(&folder, &["build", "good.nn", "--model", "Bad"]), @"
    exit 2
    -- stderr --
    error: good.nn has no model `Bad`; it has the model `Good`
    ");
    insta::assert_snapshot!(nnc(&folder, &["check", "."]), @"
    exit 2
    -- stderr --
    error: .: Is a directory (os error 21)
    ");
    insta::assert_snapshot!(nnc(&folder, &["good.nn", "-o", "."]), @"
    exit 2
    -- stderr --
    error: .: is a folder, not a file
    ");
    insta::assert_snapshot!(nnc(&folder, &["good.nn", "--message-format", "json", "--wrong"]), @r#"
    exit 2
    -- stderr --
    {"message":"unexpected argument '--wrong' found\n\n  tip: to pass '--wrong' as a value, use '-- --wrong'\n\nUsage: nnc build --message-format <FORMAT> <FILE>\n\nFor more information, try '--help'.","severity":"error"}
    "#);
    assert_eq!(folder.read("good.nn"), GOOD);
}

/// Tensors of a file for `eval`.
fn tensors(of: &[(&str, &[usize], Numbers)]) -> Vec<u8> {
    let tensor = |&(name, shape, ref numbers): &(&str, &[usize], Numbers)| {
        (name.to_string(), Tensor { shape: shape.to_vec(), numbers: numbers.clone() })
    };
    safetensors::print(&of.iter().map(tensor).collect())
}

/// The results of `eval`, each with its numbers as text.
#[track_caller]
fn evaluated(folder: &Folder, model: &str, arguments: &[&str]) -> BTreeMap<String, (Vec<usize>, Vec<f64>)> {
    let mut all = vec!["eval", model, "--values", "in", "--out", "out"];
    all.extend(arguments);
    assert_eq!(nnc(folder, &all), "exit 0\n");
    let numbers = |tensor: Tensor| match tensor.numbers {
        Numbers::F64(numbers) => numbers,
        Numbers::F32(numbers) => numbers.into_iter().map(f64::from).collect(),
        other => panic!("{other:?}"),
    };
    let results = safetensors::read(folder.0.join("out")).unwrap();
    results.into_iter().map(|(name, tensor)| (name, (tensor.shape.clone(), numbers(tensor)))).collect()
}

const LINE: &str = "model Line(x) -> y {
    target t;
    param w = 0, b = 0.5;
    y = w * x + b;
    loss = (y - t)^2;
    optimizer = momentum(0.1);
    metric off = y - t;
}
optimizer momentum(lr)(p, g) { state m = 0; m1 = 0.5 * m + g; m <- m1; p <- p - lr * m1; }
";

#[test]
fn numbers_by_hand() {
    let values =
        tensors(&[("w", &[], Numbers::I64(vec![2])), ("x", &[2], Numbers::F32(vec![1.0, 3.0])), ("t", &[2], Numbers::F64(vec![2.0, 6.0]))]);
    let folder = Folder::new("line").with("line.nn", LINE).with("in", &values);
    // y - t = 0.5 twice, so the gradient by w is the mean of 2 * 0.5 * x = 2, and by b it is 1
    let expected = |names: &[&str]| {
        let all: [(&str, &[usize], &[f64]); 12] = [
            ("y", &[2], &[2.5, 6.5]),
            ("loss", &[], &[0.25]),
            ("metric.off", &[], &[0.5]),
            ("grad.w", &[], &[2.0]),
            ("grad.b", &[], &[1.0]),
            ("grad.x", &[2], &[1.0, 1.0]),
            ("grad.t", &[2], &[-0.5, -0.5]),
            ("losses", &[2], &[0.25, 0.04]),
            ("param.w", &[], &[1.8]),
            ("param.b", &[], &[0.4]),
            ("state.momentum.m.w", &[], &[2.0]),
            ("state.momentum.m.b", &[], &[1.0]),
        ];
        let chosen = all.iter().filter(|(name, ..)| names.contains(name));
        chosen.map(|&(name, shape, numbers)| (name.to_string(), (shape.to_vec(), numbers.to_vec()))).collect::<BTreeMap<_, _>>()
    };
    let near = |found: BTreeMap<String, (Vec<usize>, Vec<f64>)>, expected: BTreeMap<String, (Vec<usize>, Vec<f64>)>| {
        assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
        for (name, (shape, numbers)) in expected {
            assert_eq!(found[&name].0, shape, "{name}");
            for (a, b) in found[&name].1.iter().zip(&numbers) {
                assert!((a - b).abs() < 1e-6, "{name}: {a}, not {b}");
            }
        }
    };
    near(evaluated(&folder, "line.nn", &[]), expected(&["y", "loss", "metric.off"]));
    let gradients = ["y", "loss", "metric.off", "grad.w", "grad.b", "grad.x", "grad.t"];
    near(evaluated(&folder, "line.nn", &["--gradients"]), expected(&gradients));
    // after the step y - t = 1.8 + 0.4 - 2 = 0.2 and 5.4 + 0.4 - 6 = -0.2
    let trained = ["y", "loss", "metric.off", "losses", "param.w", "param.b", "state.momentum.m.w", "state.momentum.m.b"];
    near(evaluated(&folder, "line.nn", &["--steps", "1"]), expected(&trained));
    near(evaluated(&folder, "line.nn", &["--steps", "1", "--compiled"]), expected(&trained));
    near(evaluated(&folder, "line.nn", &["--gradients", "--compiled"]), expected(&gradients));
    near(evaluated(&folder, "line.nn", &["--train", "--compiled", "--precision", "f64"]), expected(&["y", "loss", "metric.off"]));
    let folder = folder.with("in", tensors(&[("x", &[0], Numbers::F32(vec![])), ("t", &[0], Numbers::F32(vec![]))]));
    let empty = evaluated(&folder, "line.nn", &["--gradients"]);
    assert_eq!((empty["y"].0.as_slice(), &empty["grad.b"].1[..]), (&[0][..], &[0.0][..]));
}

#[test]
fn values_from_and_to_pipes() {
    let values = tensors(&[("x", &[1], Numbers::F32(vec![1.0]))]);
    let folder = Folder::new("pipes").with("line.nn", LINE).with("in", &values);
    let arguments = ["eval", "line.nn", "--values", "-", "--out", "-"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_nnc"));
    let command = command.args(arguments).current_dir(&folder.0).stdin(fs::File::open(folder.0.join("in")).unwrap());
    let output = safetensors::parse(&command.output().unwrap().stdout).unwrap();
    assert_eq!(output["y"].numbers, Numbers::F64(vec![0.5]));
}

#[test]
fn compiled_as_interpreted() {
    let text = "model Net(x[T, 3], k: index(T)) -> (p, z) {
    target t[T]: index(4);
    p = x -> a: linear(3, 5) -> tanh -> b: linear(5, 4) -> softmax;
    z = 2 * p[k, 0];
    loss = cross_entropy(p, t);
    optimizer = clip_norm(1.0) -> adamw(lr = cosine(step, 1e-2, 1e-4, 20));
    optimizer for a.w = none;
    metric hits = accuracy(p, t);
}
model Noisy(x[3]) -> y {
    target t[2];
    param w[3, 3] = 0.5 * orthogonal();
    z[j] = sum(i) x[i] * w[i, j];
    y = z -> norm1: batch_norm -> dropout(0.5) -> fc: linear(2) -> gaussian_noise(0.3);
    loss = mse(y, t);
    optimizer = adam(lr = 1e-2);
}
model Whole(a[3], d_a[2]) -> y { unbatched; param d_d_a[3] = uniform(0, 1); y[i, j] = a[i] * d_a[j]^2 * d_d_a[i]; loss = sum(y); }
";
    let x = (0..18).map(|i| (i as f64 * 0.7).sin()).collect();
    let values = tensors(&[
        ("x", &[2, 3, 3], Numbers::F64(x)),
        ("k", &[2], Numbers::I32(vec![2, 0])),
        ("t", &[2, 3], Numbers::I64(vec![3, 0, 1, 2, 2, 0])),
    ]);
    let folder = Folder::new("compiled").with("net.nn", text).with("in", &values);
    let check = |model: &str| {
        let arguments = ["--model", model, "--gradients", "--steps", "3", "--seed", "5"];
        let expected = evaluated(&folder, "net.nn", &arguments);
        for (precision, tolerance) in [("f32", 1e-5), ("f64", 1e-12)] {
            let found = evaluated(&folder, "net.nn", &[&arguments[..], &["--compiled", "--precision", precision]].concat());
            assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
            for (name, (shape, numbers)) in &expected {
                assert_eq!(found[name].0, *shape, "{name}");
                let far = numbers.iter().zip(&found[name].1).find(|(a, b)| (*a - *b).abs() > tolerance);
                assert_eq!(far, None, "{name} in {precision}");
            }
        }
        expected
    };
    let net = check("Net");
    assert!(net["grad.a.w"].1.iter().any(|gradient| *gradient != 0.0), "also what is frozen has a gradient");
    // states come under their names, as given or at first, and go out as `state.NAME`
    let x = (0..12).map(|i| (i as f64 * 0.9).cos()).collect();
    let t = (0..8).map(|i| (i as f64 * 0.4).sin()).collect();
    let mean = ("norm1.mean", &[3][..], Numbers::F64(vec![0.5, 0.25, -1.0]));
    fs::write(folder.0.join("in"), tensors(&[("x", &[4, 3], Numbers::F64(x)), ("t", &[4, 2], Numbers::F64(t)), mean])).unwrap();
    let noisy = check("Noisy");
    assert!(noisy.contains_key("state.norm1.mean") && noisy.contains_key("state.adam.m.fc.w"));
    for arguments in [&["--model", "Noisy"][..], &["--model", "Noisy", "--train"], &["--model", "Noisy", "--train", "--seed", "9"]] {
        let expected = evaluated(&folder, "net.nn", arguments);
        let found = evaluated(&folder, "net.nn", &[arguments, &["--compiled", "--precision", "f64"]].concat());
        assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
        for (name, (_, numbers)) in &expected {
            let far = numbers.iter().zip(&found[name].1).find(|(a, b)| (*a - *b).abs() > 1e-12);
            assert_eq!(far, None, "{name} with {arguments:?}");
        }
        assert_eq!(expected.contains_key("state.norm1.var"), arguments.contains(&"--train"));
    }
    let values = tensors(&[("a", &[3], Numbers::F64(vec![1.0, -2.0, 0.5])), ("d_a", &[2], Numbers::F64(vec![3.0, 1.0]))]);
    fs::write(folder.0.join("in"), values).unwrap();
    check("Whole");
}

#[test]
fn integers_of_any_type() {
    let text = "model Net(x[2]) -> p { target t: index(3); p = x -> fc: linear(2, 3) -> softmax; loss = cross_entropy(p, t); }";
    let folder = Folder::new("integers").with("net.nn", text);
    let loss = |target: Numbers, arguments: &[&str]| {
        let values = [("x", &[2, 2][..], Numbers::F32(vec![0.5, -1.0, 2.0, 0.0])), ("t", &[2], target)];
        fs::write(folder.0.join("in"), tensors(&values)).unwrap();
        evaluated(&folder, "net.nn", arguments)
    };
    let expected = loss(Numbers::I64(vec![2, 0]), &["--gradients"]);
    let names: Vec<&str> = expected.keys().map(String::as_str).collect();
    assert_eq!(names, ["grad.fc.b", "grad.fc.w", "grad.x", "loss", "p"], "a target that is an index has no gradient");
    for target in [Numbers::I32(vec![2, 0]), Numbers::F32(vec![2.0, 0.0]), Numbers::F64(vec![2.0, 0.0])] {
        assert_eq!(loss(target.clone(), &["--gradients"]), expected);
        let compiled = loss(target, &["--gradients", "--compiled", "--precision", "f64"]);
        assert_eq!(compiled.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
        assert!((compiled["loss"].1[0] - expected["loss"].1[0]).abs() < 1e-12);
    }
}

#[test]
fn wrong_values() {
    let values = tensors(&[
        ("x", &[2, 3], Numbers::F32(vec![0.0; 6])),
        ("w", &[], Numbers::F32(vec![1.0])),
        ("fc.w", &[2, 3], Numbers::F32(vec![0.0; 6])),
        ("k", &[3], Numbers::I64(vec![0, 7, 0])),
        ("j", &[2], Numbers::F32(vec![0.0, 2.5])),
        ("q", &[2], Numbers::F32(vec![0.0, 1.5])),
    ]);
    let text = "model Case(x[3], k: index(4), j: index(4), q: prob) -> y { target t[2]; y = x -> fc: linear(3, 2); loss = mse(y, t); }";
    let folder = Folder::new("values").with("case.nn", text).with("in", values).with("damaged", "no tensors").with("line.nn", LINE);
    insta::assert_snapshot!(nnc(&folder, &["eval", "case.nn", "--values", "in", "--out", "out", "--steps", "2"]), @"
    exit 2
    -- stderr --
    error: in: `w` is no parameter, input or target of `Case`, which has `fc.b`, `fc.w`, `j`, `k`, `q`, `t`, `x`
    error: in: the target `t` is missing; its shape is [batch, 2]
    error: in: `k` should have the shape [batch] with batch = 2, but has [3]
    error: in: `j` takes integers, but holds 2.5
    error: in: `q` takes probabilities from 0 to 1, but holds 1.5
    error: in: `fc.w` should have the shape [3, 2], but has [2, 3]
    ");
    insta::assert_snapshot!(nnc(&folder, &["eval", "case.nn", "--values", "damaged", "--out", "out"]), @"
    exit 2
    -- stderr --
    error: damaged: no safetensors file, or cut off: a header of 8030883942550761326 bytes, but 2 bytes follow
    ");
    insta::assert_snapshot!(nnc(&folder, &["eval", "-", "--values", "-", "--out", "out"]), @"
    exit 2
    -- stderr --
    error: standard input is either the model or the values
    ");
    assert!(!folder.0.join("out").exists());
}

#[test]
fn any_bytes() {
    let folder = Folder::new("bytes").with("line.nn", LINE).with("a", b"\xff\xfe").with("b", [0; 9]).with("c", [255; 40]);
    for file in ["a", "b", "c"] {
        for verb in ["build", "check", "fmt"] {
            let (code, _, errors) = run(&folder.0, &[verb, file], b"");
            assert_eq!(code, 1, "{verb} {file}: {errors}");
        }
        let (code, _, errors) = run(&folder.0, &["eval", "line.nn", "--values", file, "--out", "out"], b"");
        assert_eq!(code, 2, "{file}: {errors}");
    }
}

#[test]
fn more_messages_than_one_reads_are_counted() {
    let unused: String = (0..150).map(|number| format!("fn f{number}(x) = {number} * x;\n")).collect();
    let folder = Folder::new("many").with("many.nn", format!("{unused}{GOOD}"));
    for arguments in [&["check", "many.nn"][..], &["check", "many.nn", "--message-format", "json"]] {
        let said = nnc(&folder, arguments);
        assert_eq!(said.matches("is not used in this file").count(), 100, "{said}");
        assert!(said.contains("50 more are not shown"), "{said}");
    }
}
