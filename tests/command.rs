//! The command on files: what it prints, what it writes, how it ends.

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
    command.args(arguments).current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
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
