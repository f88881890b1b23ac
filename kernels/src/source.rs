//! The text of this crate as standalone files: one module that a generated file embeds, `no_std`, for Rust 1.63 and any edition.
//!
//! `standalone.rs` says in plain loops what the crate says with vectors: the same names and signatures, only [`Portable`](crate::Portable), and
//! products with the same bits as its. Functions, reductions, random numbers and checks are the very text of this crate.
//!
//! A file holds what it uses and no more: of the items of these texts (and the members of traits) those are taken whose names a program
//! mentions, and those that these mention. A name counts where it is no field, binding, comment or string: so a program that has a
//! variable named as a function of this crate gets a function too many, never one too few.
//! The texts are formatted by rustfmt, which makes their items easy to find: an item is a paragraph that starts at the margin, up to the next.

extern crate alloc;

use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloc::{format, vec};

/// A module of a standalone file; the first is the file itself.
struct Module {
    name: &'static str,
    items: Vec<Item>,
}

/// An item of a module, or a part of one that can be left out.
struct Item {
    /// What it defines; empty if it is taken whenever all of `with` are.
    name: String,
    /// Items without which it is nothing: the type and trait of an `impl`.
    with: Vec<String>,
    text: String,
    /// For a trait or an `impl` in the first module: its members, by name. `text` is then what stands before them.
    members: Vec<(String, String)>,
}

/// The text of the module `kernels` of a standalone file with this `program`, which computes in `f32`, or in `f64` if `double`.
///
/// Write it as `mod kernels { text }`, or under another name that the program imports as `kernels`. The program uses it as it would use this crate, except that entry points call `f(Portable, ..)`
/// where they would write `dispatch!(f, ..)`, and a program in `f32` finds functions of `f64` in `kernels::double`. `program` may be the program itself or the names that it uses.
pub fn source(program: &str, double: bool) -> String {
    let modules = modules(double);
    let mut taken: BTreeSet<(usize, usize)> = BTreeSet::new();
    let mut mentioned = BTreeSet::new();
    mention(program, 0, &modules, &mut mentioned);
    // Until nothing new is mentioned.
    loop {
        let mut texts = vec![];
        for (m, module) in modules.iter().enumerate() {
            for (i, item) in module.items.iter().enumerate() {
                let named = |name: &str| mentioned.contains(&(m, name.to_string()));
                let foreign = |name: &String| module.items.iter().all(|item| item.name != *name);
                let wanted = if item.name.is_empty() { item.with.iter().all(|w| foreign(w) || named(w)) } else { named(&item.name) };
                if wanted {
                    if taken.insert((m, i)) {
                        texts.push((m, item.text.clone()));
                    }
                    for (name, text) in &item.members {
                        if mentioned.contains(&(MEMBER, name.clone())) {
                            texts.push((m, text.clone()));
                        }
                    }
                }
            }
        }
        let before = mentioned.len();
        for (m, text) in texts {
            mention(&text, m, &modules, &mut mentioned);
        }
        if mentioned.len() == before {
            break;
        }
    }
    print(&modules, &taken, &mentioned)
}

/// In the place of a module's number: the members of traits.
const MEMBER: usize = usize::MAX;

fn modules(double: bool) -> Vec<Module> {
    let mut base = include_str!("standalone.rs").to_string();
    let mut reduce = include_str!("reduce.rs").to_string();
    for (from, to) in [
        ("<T: Element>", ""),
        (", T: Element", ""),
        ("-T::INFINITY", "f32::NEG_INFINITY"),
        ("T::INFINITY", "f32::INFINITY"),
        ("T::ZERO", "0.0"),
    ] {
        reduce = reduce.replace(from, to);
    }
    reduce = replace_word(&reduce, "T", "f32");
    if double {
        // `Element` is for both; what follows the products is for one.
        let at = base.find("/// How many rows `x` has.").unwrap_or(0);
        let tail = replace_word(&replace_word(&base[at..], "f32", "f64"), "single", "double");
        base.truncate(at);
        base.push_str(&tail);
        reduce = replace_word(&reduce, "f32", "f64");
    }
    let texts = [
        ("", base.as_str()),
        ("root", include_str!("root/software.rs")),
        ("single", include_str!("single.rs")),
        ("double", include_str!("double.rs")),
        ("reduce", &reduce),
        ("random", include_str!("random.rs")),
        ("error", include_str!("error.rs")),
    ];
    texts.into_iter().map(|(name, text)| Module { name, items: items(text, name.is_empty()) }).collect()
}

/// `text` with the word `from` replaced by `to`.
fn replace_word(text: &str, from: &str, to: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(from) {
        let (head, tail) = (&rest[..at], &rest[at + from.len()..]);
        let inside = head.ends_with(is_name) || tail.starts_with(is_name);
        out.push_str(head);
        out.push_str(if inside { from } else { to });
        rest = tail;
    }
    out.push_str(rest);
    out
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The items of a formatted text.
fn items(text: &str, members: bool) -> Vec<Item> {
    let mut items = vec![];
    for paragraph in paragraphs(text, "") {
        // The first line that is no comment and no attribute says what it is.
        let Some(head) = paragraph.lines().find(|l| !l.starts_with("//") && !l.starts_with("#[")) else { continue };
        if paragraph.starts_with("//!") || head.contains("core::error") {
            continue;
        }
        let words: Vec<&str> = head.split(|c| !is_name(c)).filter(|w| !w.is_empty()).collect();
        let after = |key: &str| words.iter().position(|w| *w == key).and_then(|i| words.get(i + 1)).map(|w| w.to_string());
        let mut item = Item { name: String::new(), with: vec![], text: paragraph.clone(), members: vec![] };
        if head.starts_with("use ") || head.starts_with("pub use ") {
            item.name = words.last().map(|w| w.to_string()).unwrap_or_default();
        } else if head.starts_with("impl") || head.starts_with("unsafe impl") {
            item.with = belongs(head);
        } else if head.starts_with("macro_rules!") || head.contains("!(") {
            // The use of a macro, or its definition: with the type or trait that it implements something for.
            let of = if paragraph.contains("operators") { "Vector" } else { "Number" };
            item.with = vec![of.to_string()];
        } else {
            item.name = ["fn", "struct", "enum", "trait", "static", "const"].iter().find_map(|k| after(k)).unwrap_or_default();
        }
        if members && (head.contains("trait ") || head.starts_with("impl")) && !head.contains("core::") {
            split_members(&mut item);
        }
        items.push(item);
    }
    items
}

/// The paragraphs of a text that start behind `indent`: a blank line ends one where what follows is not further in and no bracket.
fn paragraphs(text: &str, indent: &str) -> Vec<String> {
    let mut out: Vec<String> = vec![];
    let mut fresh = true;
    let mut use_line = false;
    for line in text.lines() {
        if line.is_empty() {
            fresh = true;
            continue;
        }
        let starts = line.strip_prefix(indent).is_some_and(|rest| !rest.starts_with([' ', '}', ')', ']', '+', '{']));
        let is_use = line.starts_with("use ");
        if starts && (fresh || use_line || is_use) {
            out.push(String::new());
        }
        use_line = is_use;
        if let Some(last) = out.last_mut() {
            if fresh && !starts {
                last.push('\n');
            }
            last.push_str(line);
            last.push('\n');
        }
        fresh = false;
    }
    out
}

/// The names of the trait and the type in the head of an `impl`, without its parameters.
fn belongs(head: &str) -> Vec<String> {
    let mut depth = 0;
    let mut words = vec![String::new()];
    let body = head.trim_start_matches("unsafe ").trim_start_matches("impl");
    for c in body.chars() {
        match c {
            '<' | '[' => depth += 1,
            '>' | ']' => depth -= 1,
            '{' => break,
            _ if depth > 0 => {}
            _ if is_name(c) || c == ':' => {
                if let Some(w) = words.last_mut() {
                    w.push(c);
                }
            }
            _ => words.push(String::new()),
        }
    }
    let known = |w: &String| w.chars().next().is_some_and(|c| c.is_ascii_uppercase()) && w.len() > 1;
    words.into_iter().filter(known).collect()
}

/// Takes the members out of a trait or an `impl`.
fn split_members(item: &mut Item) {
    let Some(open) = item.text.find(" {\n").or_else(|| item.text.find("\n{\n")) else { return };
    let (head, body) = item.text.split_at(open + 3);
    let Some(body) = body.strip_suffix("}\n") else { return };
    for text in paragraphs(body, "    ") {
        let line = text.lines().map(str::trim_start).find(|l| !l.starts_with("//") && !l.starts_with("#[")).unwrap_or_default();
        let words: Vec<&str> = line.split(|c| !is_name(c)).filter(|w| !w.is_empty()).collect();
        let name = words.iter().position(|w| *w == "fn").or_else(|| words.iter().position(|w| *w == "const"));
        let name = name.and_then(|i| words.get(i + 1)).map(|w| w.to_string()).unwrap_or_default();
        item.members.push((name, text));
    }
    item.text = head.to_string();
}

/// Notes what `text`, which stands in module `m`, mentions.
fn mention(text: &str, m: usize, modules: &[Module], out: &mut BTreeSet<(usize, String)>) {
    let mut code = String::new();
    for line in text.lines() {
        code.push_str(line.split("//").next().unwrap_or_default());
        code.push('\n');
    }
    // Strings hold no names.
    let code: Vec<&str> = code.split('"').step_by(2).collect();
    for code in code {
        let mut path: Vec<&str> = vec![];
        let mut previous = "";
        let mut dot = false;
        let mut rest = code;
        while let Some(c) = rest.chars().next() {
            if !is_name(c) {
                if let Some(tail) = rest.strip_prefix("::") {
                    rest = tail;
                    continue;
                }
                if let Some(tail) = rest.strip_prefix("..") {
                    (rest, dot) = (tail, false);
                    path.clear();
                    continue;
                }
                dot = c == '.';
                if !c.is_whitespace() {
                    previous = "";
                }
                path.clear();
                rest = &rest[c.len_utf8()..];
                continue;
            }
            let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
            let name = &rest[..end];
            rest = &rest[end..];
            if dot || !path.is_empty() {
                out.insert((MEMBER, name.to_string()));
            }
            let binding = rest.starts_with(':') && !rest.starts_with("::");
            if !dot && !binding && previous != "fn" {
                let home = match path.as_slice() {
                    [] => Some(m),
                    ["super" | "kernels"] => Some(0),
                    [.., module] => modules.iter().position(|x| !x.name.is_empty() && x.name == *module),
                };
                if let Some(home) = home {
                    out.insert((home, name.to_string()));
                }
            }
            previous = name;
            dot = false;
            if rest.starts_with("::") {
                path.push(name);
            } else {
                path.clear();
            }
        }
    }
}

fn print(modules: &[Module], taken: &BTreeSet<(usize, usize)>, mentioned: &BTreeSet<(usize, String)>) -> String {
    let mut out = String::from("#![allow(dead_code, clippy::all)]\n");
    for (m, module) in modules.iter().enumerate() {
        let items: Vec<&Item> = module.items.iter().enumerate().filter(|(i, _)| taken.contains(&(m, *i))).map(|(_, x)| x).collect();
        if items.is_empty() {
            continue;
        }
        let mut text = String::new();
        for item in items {
            if !item.text.starts_with("use ") || text.is_empty() {
                text.push('\n');
            }
            text.push_str(&item.text);
            let members = item.members.iter().filter(|(name, _)| mentioned.contains(&(MEMBER, name.clone())));
            let members: Vec<&str> = members.map(|(_, text)| text.as_str()).collect();
            text.push_str(&members.join("\n"));
            if !item.members.is_empty() {
                text.push_str("}\n");
            }
        }
        if module.name.is_empty() {
            out.push_str(&text);
        } else {
            out.push_str(&format!("\npub mod {} {{", module.name));
            for line in text.lines() {
                out.push_str(if line.is_empty() { "" } else { "    " });
                out.push_str(line);
                out.push('\n');
            }
            out.push_str("}\n");
        }
    }
    out
}
