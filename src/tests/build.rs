use super::weights::Folder;
use crate::build::{Build, Failure};
use std::fs;
use std::path::Path;

const MODEL: &str = "import \"blocks.nn\";\nmodel Mlp = hidden(3, 4) -> linear(4, 2) -> softmax;\n";
const BLOCKS: &str = "layer hidden(n_in, n) = linear(n_in, n) -> relu;\n";

fn compile(folder: &Folder, build: Build) -> Result<String, Failure> {
    let output = build.output(folder.file("mlp.rs")).compile(folder.file("mlp.nn"))?;
    assert_eq!(output, folder.file("mlp.rs"));
    Ok(fs::read_to_string(output).unwrap())
}

fn written(path: &Path) -> std::time::SystemTime {
    fs::metadata(path).unwrap().modified().unwrap()
}

#[test]
fn files_are_written_once() {
    let folder = Folder::new("build");
    fs::write(folder.file("mlp.nn"), MODEL).unwrap();
    fs::write(folder.file("blocks.nn"), BLOCKS).unwrap();
    let rust = compile(&folder, Build::new()).unwrap();
    assert!(rust.contains("pub struct Mlp") && rust.contains("::nnc::kernels"));
    let first = written(&folder.file("mlp.rs"));
    assert_eq!(compile(&folder, Build::new()).unwrap(), rust);
    assert_eq!(written(&folder.file("mlp.rs")), first, "what is fresh is left alone");
    compile(&folder, Build::new().check(true)).unwrap();

    fs::write(folder.file("blocks.nn"), BLOCKS.replace("relu", "tanh")).unwrap();
    let stale = compile(&folder, Build::new().check(true)).unwrap_err().to_string();
    let head = format!("{} is stale; a build without `check` writes it anew\n line ", folder.file("mlp.rs").display());
    assert!(stale.starts_with(&head), "{stale}");
    assert_eq!(fs::read_to_string(folder.file("mlp.rs")).unwrap(), rust);
    assert_ne!(compile(&folder, Build::new()).unwrap(), rust);

    fs::remove_file(folder.file("mlp.rs")).unwrap();
    let missing = compile(&folder, Build::new().check(true)).unwrap_err().to_string();
    assert!(missing.ends_with("mlp.rs does not exist; a build without `check` writes it"), "{missing}");
}

#[test]
fn standalone_files_need_no_crate() {
    let folder = Folder::new("standalone");
    fs::write(folder.file("mlp.nn"), "model Mlp = linear(3, 2);").unwrap();
    let rust = compile(&folder, Build::new().standalone(true)).unwrap();
    assert!(rust.contains("pub struct Mlp") && !rust.contains(" ::nnc"));
}

#[test]
fn what_is_wrong_is_shown_as_it_is() {
    let folder = Folder::new("wrong");
    fs::write(folder.file("mlp.nn"), "model Mlp = linear(3, 4) -> rleu;\nmodel Two = linear(3, 4) -> linear(5, 2);\n").unwrap();
    let failure = compile(&folder, Build::new()).unwrap_err();
    let message = format!("{failure:?}");
    for part in ["NN0102", "did you mean `relu`?", "mlp.nn:1:29", "NN0202", "mlp.nn:2:29", "stopped at 2 errors"] {
        assert!(message.contains(part), "{part} is not in\n{message}");
    }
    assert!(!folder.file("mlp.rs").exists());
    fs::write(folder.file("mlp.nn"), "import \"blocks.nn\";").unwrap();
    let message = compile(&folder, Build::new()).unwrap_err().to_string();
    assert!(message.contains("cannot read `blocks.nn`"), "{message}");
    fs::remove_file(folder.file("mlp.nn")).unwrap();
    let message = compile(&folder, Build::new()).unwrap_err().to_string();
    assert!(message.contains("mlp.nn: No such file"), "{message}");
}
