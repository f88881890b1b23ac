//! `docs/library.md`, the reference of the library, is made of what stands elsewhere: the comment and the mathematics of each definition in
//! `compiler/library`, and its derived gradient in `tests/snapshots/library`, which `generated.rs` keeps fresh. `UPDATE=1` writes it anew.

use nnc_compiler::library::{FILES, item_name, trees};
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// The comment of an item and its text.
fn item(file: &str, name: &str) -> (String, String) {
    let lines: Vec<&str> = file.lines().collect();
    let is_head = |line: &&str| {
        ["layer ", "fn ", "optimizer "]
            .iter()
            .any(|word| line.strip_prefix(word).is_some_and(|rest| rest.split(['(', ' ']).next() == Some(name)))
    };
    let head = lines.iter().position(is_head).unwrap_or_else(|| panic!("no head of `{name}`"));
    let first = lines[..head].iter().rposition(|line| !line.starts_with("///")).map_or(0, |before| before + 1);
    let comment: Vec<&str> = lines[first..head].iter().map(|line| line.trim_start_matches("///").trim()).collect();
    let (mut depth, mut text) = (0_i32, String::new());
    for line in &lines[head..] {
        let _ = writeln!(text, "{line}");
        let code = line.split("//").next().unwrap_or_default().trim_end();
        depth += code.matches(['(', '{', '[']).count() as i32 - code.matches([')', '}', ']']).count() as i32;
        if depth == 0 && code.ends_with(['}', ';']) {
            break;
        }
    }
    (comment.join("\n"), text)
}

/// The model of a snapshot, and its equations by their heads: `Forward`, `Gradient`, `Step of …`.
fn shown(name: &str) -> (String, Vec<(String, String)>) {
    let path = format!("{}/tests/snapshots/library/{name}.snap", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let model = text.lines().find_map(|line| line.strip_prefix("description: ")).expect("the snapshot says its model");
    let model = model.trim_matches('"').replace("\\n", "\n").replace("\\\"", "\"");
    let mut parts: Vec<(String, String)> = Vec::new();
    let is_rust = |line: &str| ["fn ", "const fn ", "struct ", "///", "#["].iter().any(|word| line.starts_with(word));
    for line in text.lines().skip_while(|line| !line.starts_with("// ")).take_while(|line| !is_rust(line)) {
        match line.strip_prefix("// ") {
            Some(head) => parts.push((head.to_string(), String::new())),
            None if line.is_empty() => {}
            None => {
                if let Some((_, text)) = parts.last_mut() {
                    let _ = writeln!(text, "{line}");
                }
            }
        }
    }
    (model, parts)
}

fn reference() -> String {
    let mut page = String::from(
        "# The library\n\nEach definition: what it is, its shapes, defaults and source; the definition itself, which is its mathematics; and what the compiler\n\
         derives from it, in a small model (`n` is the sample, `d_x` the derivative of the loss with respect to `x`). `UPDATE=1 cargo test --test reference`\n\
         writes this page.\n",
    );
    for ((path, text), tree) in FILES.iter().zip(trees()) {
        let subject = Path::new(path).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let _ = writeln!(page, "\n## {subject}\n\n[`compiler/{path}`](../compiler/{path})");
        for name in tree.items.iter().filter_map(item_name) {
            let (comment, text) = item(text, name);
            let _ = write!(page, "\n### {name}\n\n{comment}\n\n```text\n{text}```\n");
            let (model, parts) = shown(name);
            let wanted = |head: &str| match subject {
                "optimizers" | "schedules" => head.starts_with("Step"),
                _ => matches!(head, "Forward" | "Gradient"),
            };
            let parts: Vec<_> = parts.iter().filter(|(head, text)| wanted(head) && !text.is_empty()).collect();
            if !parts.is_empty() {
                let _ = writeln!(page, "\n<details><summary>derived</summary>\n\n```text\n{}\n", model.trim_end());
                for (head, text) in parts {
                    let _ = write!(page, "// {head}\n{text}");
                }
                page += "```\n\n</details>\n";
            }
        }
    }
    page
}

#[test]
fn the_reference_is_fresh() {
    let path = format!("{}/docs/library.md", env!("CARGO_MANIFEST_DIR"));
    let page = reference();
    if std::env::var_os("UPDATE").is_some() {
        fs::create_dir_all(Path::new(&path).with_file_name("")).expect("a folder");
        fs::write(&path, &page).expect("a file");
    }
    assert!(fs::read_to_string(&path).unwrap_or_default() == page, "docs/library.md is stale: UPDATE=1 cargo test --test reference");
}
