//! The house is as the picture says: `ARCHITECTURE.md` names every source file, arrows between stages point one way, no stage after
//! elaboration knows a layer's name, and what the README quotes is what the examples say.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The files below a folder, relative to the root, in order.
fn files(folder: &str, extension: &str) -> Vec<String> {
    fn walk(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        for path in entries.map(|entry| entry.expect("the folder can be read").path()) {
            if path.is_dir() {
                walk(&path, extension, found);
            } else if path.extension().is_some_and(|e| e == extension) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(folder), extension, &mut found);
    let relative = |path: &PathBuf| path.strip_prefix(root()).expect("below the root").to_string_lossy().replace('\\', "/");
    let mut found: Vec<String> = found.iter().map(relative).collect();
    found.sort();
    found
}

/// The paths that the picture names: a line is a file, or several of one folder separated by commas, then two spaces and what it is.
/// Names on indented lines are below the folder whose line comes before.
fn picture() -> BTreeSet<String> {
    let page = read("ARCHITECTURE.md");
    let picture = page.rsplit("```text\n").next().and_then(|rest| rest.split("```").next()).expect("the page ends with the picture");
    let mut folder = String::new();
    let mut named = BTreeSet::new();
    for line in picture.lines() {
        let name = line.trim().split("  ").next().unwrap_or_default();
        if !line.starts_with(' ') && name.ends_with('/') {
            folder = name.to_string();
            continue;
        }
        let base = if line.starts_with(' ') { folder.as_str() } else { "" };
        let names: Vec<&str> = name.split(", ").collect();
        let inside = names[0].rsplit_once('/').map(|(inside, _)| format!("{inside}/")).unwrap_or_default();
        for (position, name) in names.iter().enumerate() {
            let inside = if position > 0 && !name.contains('/') { inside.as_str() } else { "" };
            named.insert(format!("{base}{inside}{name}"));
        }
    }
    named
}

fn is_test(path: &str) -> bool {
    path.ends_with("tests.rs") || path.contains("/tests/") || path.contains("/benches/")
}

#[test]
fn the_picture_names_every_source_file_and_nothing_else() {
    let named = picture();
    let mut there = BTreeSet::new();
    for folder in ["grammar", "compiler", "macros", "kernels", "src"] {
        there.extend(files(folder, "rs").into_iter().filter(|path| !is_test(path)));
    }
    let missing: Vec<&String> = there.iter().filter(|path| !named.contains(*path)).collect();
    assert!(missing.is_empty(), "files that the picture in ARCHITECTURE.md does not name: {missing:#?}");
    let gone: Vec<&String> =
        named.iter().filter(|name| name.ends_with(".rs") && !name.contains('*') && !root().join(name).exists()).collect();
    assert!(gone.is_empty(), "files that are only in the picture: {gone:#?}");
}

/// For each module of the compiler, the modules that it may use.
const ARROWS: &[(&str, &[&str])] = &[
    ("equations", &[]),
    ("model", &["equations"]),
    ("library", &[]),
    ("elaborate", &["equations", "model", "library"]),
    ("derive", &["equations"]),
    ("simplify", &["equations"]),
    ("program", &["equations"]),
    ("initial", &["equations", "model"]),
    ("schedule", &["equations", "model", "program"]),
    ("emit", &["equations", "model", "program", "schedule", "initial"]),
];

#[test]
fn arrows_point_one_way() {
    let modules: Vec<&str> = ARROWS.iter().map(|(module, _)| *module).collect();
    for path in files("compiler/src", "rs").iter().filter(|path| !is_test(path)) {
        let inside = path.trim_start_matches("compiler/src/");
        let module = inside.split(['/', '.']).next().unwrap_or_default();
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == module) else { continue };
        for (number, line) in read(path).lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
            for other in modules.iter().filter(|other| **other != module && !allowed.contains(other)) {
                let uses = format!("crate::{other}");
                let whole_word = |at: usize| !line[at + uses.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_');
                let used = line.match_indices(&uses).any(|(at, _)| whole_word(at));
                assert!(!used, "{path}:{}: `{module}` uses `{other}`, which comes later or elsewhere: {line}", number + 1);
            }
        }
    }
}

#[test]
fn packages_depend_one_way() {
    let ours = |package: &str| -> BTreeSet<String> {
        let text = read(&format!("{package}/Cargo.toml"));
        let dependencies = text.split("\n[dependencies]").nth(1).unwrap_or_default();
        let dependencies = dependencies.split("\n[").next().unwrap_or_default();
        let names = dependencies.lines().filter_map(|line| line.split(['.', ' ', '=']).next());
        names.filter(|name| name.starts_with("nnc")).map(str::to_string).collect()
    };
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_string()).collect::<BTreeSet<String>>();
    assert_eq!(ours("kernels"), set(&[]));
    assert_eq!(ours("grammar"), set(&[]));
    assert_eq!(ours("compiler"), set(&["nnc-grammar", "nnc-kernels"]));
    assert!(ours("macros").is_subset(&set(&["nnc-compiler", "nnc-grammar"])));
}

#[test]
fn no_stage_after_elaboration_knows_a_name_of_the_library() {
    let mut names = BTreeSet::new();
    for path in files("compiler/library", "nn") {
        for line in read(&path).lines() {
            let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
            if matches!(words.next(), Some("layer" | "optimizer")) {
                names.extend(words.next().map(str::to_string));
            }
        }
    }
    assert!(names.contains("linear") && names.contains("softmax"));
    for stage in ["derive", "simplify", "schedule", "emit"] {
        for path in files(&format!("compiler/src/{stage}"), "rs").iter().filter(|path| !is_test(path)) {
            let text = read(path);
            for name in &names {
                assert!(!text.contains(&format!("\"{name}\"")), "{path} knows the library's `{name}`");
            }
        }
    }
}

#[test]
fn only_the_kernels_are_unsafe() {
    for path in ["grammar/src/lib.rs", "compiler/src/lib.rs", "macros/src/lib.rs", "src/lib.rs"] {
        assert!(read(path).contains("#![forbid(unsafe_code)]"), "{path}");
    }
}

/// A fenced block after `<!-- FILE -->` stands in that file line by line; `…` alone on a line stands for lines left out.
#[test]
fn documents_quote_what_is_there() {
    for page in ["README.md"] {
        let text = read(page);
        let mut quotes = 0;
        for part in text.split("<!-- ").skip(1) {
            let Some((file, rest)) = part.split_once(" -->\n") else { continue };
            let Some((_, block)) = rest.strip_prefix("```").and_then(|rest| rest.split_once('\n')) else { continue };
            let quoted = block.split("\n```").next().unwrap_or_default();
            let source: Vec<String> = read(file).lines().map(|line| line.trim().to_string()).collect();
            for piece in quoted.split("\n…\n") {
                let wanted: Vec<String> = piece.lines().map(|line| line.trim().to_string()).collect();
                let found = source.windows(wanted.len()).any(|window| window == wanted);
                assert!(found, "{page} quotes {file} otherwise than it is:\n{piece}");
            }
            quotes += 1;
        }
        assert!(quotes >= 3, "{page} quotes {quotes} files");
    }
}

#[test]
fn snapshots_belong_to_a_test() {
    for path in files("tests", "snap").iter().chain(&files("compiler/src", "snap")) {
        let snapshot = read(path);
        let line = |key: &str| snapshot.lines().find_map(|line| line.strip_prefix(key)).map(str::to_string);
        let source = line("source: ").unwrap_or_default();
        assert!(root().join(&source).exists(), "{path} says that it comes from {source:?}, which is gone");
        if let Some(input) = line("input_file: ") {
            assert!(root().join(&input).exists(), "{path} is the snapshot of {input}, which is gone");
        }
    }
}

/// What compiling a file of the repository gives: Rust, or the messages.
fn compiled(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or_default();
    let mut no_imports = |_: &str, import: &str| Err(format!("{import} is not read here"));
    let settings = nnc_compiler::Settings::default();
    match nnc_compiler::compile(name, read(path).as_bytes(), &mut no_imports, &settings, &nnc_compiler::Options::default()) {
        Ok(output) => output.rust,
        Err(failure) => nnc_grammar::render_all(&failure.diagnostics, &failure.sources),
    }
}

/// Generated Rust stands beside the model, and the messages of a wrong model beside it. `UPDATE=1` writes them anew.
#[test]
fn what_the_examples_show_is_fresh() {
    for (model, shown) in
        [("examples/models/digits.nn", "examples/models/digits.rs"), ("examples/wrong/shape.nn", "examples/wrong/shape.txt")]
    {
        let now = compiled(model);
        if std::env::var_os("UPDATE").is_some() {
            fs::write(root().join(shown), &now).expect("the file can be written");
        }
        assert!(read(shown) == now, "{shown} is stale: UPDATE=1 cargo test --test house");
    }
}
