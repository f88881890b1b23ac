//! Files, imports and the library; where a name is looked up, and what was probably meant.

use super::values::{Callee, Frame, Labelled};
use super::{Elaboration, Settings};
use crate::library;
use nnc_grammar::tree::{File, Item, ItemKind};
use nnc_grammar::{Diagnostic, Source, Sources, Span};
use std::collections::{BTreeMap, BTreeSet};

/// Words that cannot be defined.
pub(super) const FIXED: &[&str] = &["batch", "train", "step", "all", "inf", "pi"];

/// The files of a compilation, imports resolved. The first is the root, the last stands for the whole library.
pub(super) struct Files {
    pub trees: Vec<(u32, File)>,
    pub imports: Vec<Vec<(usize, Span)>>,
}

/// The items of one file by name, and what it imports.
pub(super) struct Module<'a> {
    pub items: BTreeMap<&'a str, &'a Item>,
    pub imports: Vec<usize>,
    pub library: bool,
}

impl Files {
    /// The root and all that it imports, depth first. Missing files and cycles are reported.
    pub(super) fn load(
        root: &File,
        source: u32,
        sources: &mut Sources,
        load: &mut dyn FnMut(&str, &str) -> Result<Source, String>,
        problems: &mut Vec<Diagnostic>,
    ) -> Files {
        let mut files = Files { trees: vec![(source, root.clone())], imports: vec![Vec::new()] };
        // (file, the files that lead to it)
        let mut open = vec![(0usize, vec![0usize])];
        while let Some((at, road)) = open.pop() {
            let mut wanted = Vec::new();
            for item in &files.trees[at].1.items {
                if let ItemKind::Import(path) = &item.kind {
                    wanted.push((path.value.clone(), path.span));
                }
            }
            for (path, span) in wanted {
                let importing = sources.0.get(files.trees[at].0 as usize).map(|source| source.name.clone()).unwrap_or_default();
                let found = match load(&importing, &path) {
                    Ok(found) => found,
                    Err(why) => {
                        problems.push(Diagnostic::error("NN0103", span, format!("cannot read `{path}`: {why}")));
                        continue;
                    }
                };
                let known = files.trees.iter().position(|(number, _)| {
                    sources.0.get(*number as usize).is_some_and(|source| source.name == found.name && source.text == found.text)
                });
                if let Some(known) = known {
                    if road.contains(&known) {
                        let message = format!("`{path}` imports itself in a circle");
                        let help = "move what both files need into a third file";
                        problems.push(Diagnostic::error("NN0104", span, message).label("this import closes the circle").help(help));
                    } else if files.imports[at].iter().all(|&(other, _)| other != known) {
                        files.imports[at].push((known, span));
                    }
                    continue;
                }
                if files.trees.len() >= 1000 {
                    problems.push(Diagnostic::error("NN0103", span, "more than 1000 files are imported"));
                    return files;
                }
                let number = sources.add(found.name.clone(), found.text.clone());
                match nnc_grammar::parse(number, &found.text) {
                    Ok(tree) => {
                        let new = files.trees.len();
                        files.trees.push((number, tree));
                        files.imports.push(Vec::new());
                        files.imports[at].push((new, span));
                        let mut road = road.clone();
                        road.push(new);
                        open.push((new, road));
                    }
                    Err(more) => problems.extend(more),
                }
            }
        }
        files
    }

    /// The items of each file by name, the library as the last module. Names that are defined twice are reported.
    pub(super) fn modules<'a>(&'a self, settings: &Settings, problems: &mut Vec<Diagnostic>) -> Vec<Module<'a>> {
        let mut modules = Vec::new();
        for (number, (_, tree)) in self.trees.iter().enumerate() {
            let mut items: BTreeMap<&str, &Item> = BTreeMap::new();
            for item in &tree.items {
                let (Some(name), Some(span)) = (library::item_name(item), name_span(item)) else { continue };
                if FIXED.contains(&name) || BUILT_IN.contains(&name) {
                    problems.push(fixed_name(name, span));
                }
                if let ItemKind::Constant { value: None, .. } = &item.kind
                    && !settings.rust_constants
                {
                    let message = format!("`const {name};` names a constant of Rust, which a file cannot see");
                    let help = format!("give it a value: `const {name} = 4;`");
                    problems.push(Diagnostic::error("NN0107", span, message).help(help));
                }
                if let Some(first) = items.get(name) {
                    let first = name_span(first).unwrap_or(span);
                    problems.push(defined_twice(name, first, span));
                    continue;
                }
                items.insert(name, item);
            }
            let imports = self.imports[number].iter().map(|&(file, _)| file).collect();
            modules.push(Module { items, imports, library: false });
        }
        for (number, module) in self.imports.iter().enumerate() {
            let mut seen: BTreeMap<&str, (usize, Span)> = BTreeMap::new();
            let mut clashes = BTreeSet::new();
            for &(file, span) in module {
                for &name in modules[file].items.keys() {
                    match seen.get(name) {
                        Some(&(other, first)) if other != file && !modules[number].items.contains_key(name) && clashes.insert(name) => {
                            let message = format!("two imports define `{name}`");
                            let help = format!("define `{name}` in this file, or import one of the two");
                            problems.push(Diagnostic::error("NN0105", span, message).also(first, "the other import").help(help));
                        }
                        Some(_) => {}
                        None => {
                            seen.insert(name, (file, span));
                        }
                    }
                }
            }
        }
        let items = library::trees().iter().flat_map(|tree| &tree.items);
        let items = items.filter_map(|item| Some((library::item_name(item)?, item))).collect();
        modules.push(Module { items, imports: Vec::new(), library: true });
        modules
    }
}

/// The place of the name that an item defines.
pub(super) fn name_span(item: &Item) -> Option<Span> {
    match &item.kind {
        ItemKind::Import(_) => None,
        ItemKind::Constant { name, .. } | ItemKind::Function { name, .. } => Some(name.span),
        ItemKind::Layer(definition) | ItemKind::Model(definition) | ItemKind::Optimizer(definition) => Some(definition.name.span),
    }
}

/// A second definition of a name.
pub(super) fn defined_twice(name: &str, first: Span, second: Span) -> Diagnostic {
    Diagnostic::error("NN0106", second, format!("`{name}` is defined twice"))
        .label("defined again here")
        .also(first, "first defined here")
        .help(format!("give one of them another name: `{name}2`"))
}

/// A definition of a word with a meaning of its own.
pub(super) fn fixed_name(name: &str, span: Span) -> Diagnostic {
    let meaning = match name {
        "batch" => "the number of samples of a call",
        "train" => "whether the program trains",
        "step" => "the number of the optimizer's step",
        "all" => "the elements of all parameters",
        "inf" => "infinity",
        "pi" => "3.14159…",
        _ => "a stage of the language",
    };
    Diagnostic::error("NN0108", span, format!("`{name}` cannot be defined: it is {meaning}")).help(format!("take another name: `{name}_`"))
}

impl<'a> Elaboration<'a> {
    /// The definition of a callable, seen from a module: the file, its imports, the library.
    pub(super) fn callee(&self, module: usize, name: &str) -> Option<Callee<'a>> {
        let library = self.modules.len() - 1;
        let imports = self.modules[module].imports.iter().copied();
        std::iter::once(module)
            .chain(imports)
            .chain(std::iter::once(library))
            .find_map(|module| Some(Callee { item: self.modules[module].items.get(name).copied()?, module }))
    }
    /// A label or block of the body, innermost first, with the number of its scope.
    pub(super) fn labelled(&self, frame: &Frame<'a>, scope: usize, name: &str) -> Option<(usize, Labelled<'a>)> {
        let mut at = Some(scope);
        while let Some(number) = at {
            if let Some(found) = frame.scopes[number].labels.get(name) {
                return Some((number, found.clone()));
            }
            at = frame.scopes[number].parent;
        }
        None
    }
    /// An unknown name, with the nearest ones.
    pub(super) fn unknown_value(&self, frame: &Frame<'a>, name: &str, span: Span, more: &[&str]) -> Diagnostic {
        let message = format!("`{name}` is not defined");
        let mut diagnostic = Diagnostic::error("NN0101", span, message).label(format!("nothing in `{}` has this name", frame.definition));
        let values = frame.values.keys().map(String::as_str);
        let constants = self.modules[frame.module].items.iter().filter(|(_, item)| matches!(item.kind, ItemKind::Constant { .. }));
        if frame.scalar {
            diagnostic = diagnostic.note(format!("A `fn` reads its arguments and `const` items only: `{name}` may be one of them."));
        }
        let candidates = values.chain(constants.map(|(&name, _)| name)).chain(more.iter().copied());
        if let Some(near) = nearest(name, candidates.chain(["train", "inf", "pi", "true", "false"])) {
            diagnostic = diagnostic.replace(format!("did you mean `{near}`?"), span, near);
        } else if self.callee(frame.module, name).is_some() {
            diagnostic = diagnostic.help(format!("`{name}` is a definition: apply it, as in `x -> {name}` or `{name}(x)`"));
        }
        diagnostic
    }
    /// An unknown callable, with the nearest ones.
    pub(super) fn unknown_callable(&self, frame: &Frame<'a>, scope: usize, name: &str, span: Span) -> Diagnostic {
        let mut names: BTreeSet<&str> = SCALAR_FUNCTIONS.iter().copied().chain(BUILT_IN).collect();
        let mut at = Some(scope);
        while let Some(number) = at {
            names.extend(frame.scopes.get(number).into_iter().flat_map(|scope| scope.labels.keys().copied()));
            at = frame.scopes.get(number).and_then(|scope| scope.parent);
        }
        let library = self.modules.len() - 1;
        for &module in self.modules[frame.module].imports.iter().chain(&[frame.module, library]) {
            names.extend(self.modules[module].items.keys().copied());
        }
        let mut diagnostic = Diagnostic::error("NN0102", span, format!("no layer or function is called `{name}`"))
            .label("not defined in this file, its imports or the library");
        if let Some(near) = nearest(name, names.iter().copied()) {
            diagnostic = diagnostic.replace(format!("did you mean `{near}`?"), span, near);
        } else if frame.values.contains_key(name) {
            diagnostic = diagnostic.help(format!("`{name}` is a value; an element of it is written `{name}[…]`"));
        }
        diagnostic
    }
}

/// Stages that the language itself has.
pub(super) const BUILT_IN: [&str; 4] = ["residual", "repeat", "reshape", "flatten"];

/// Functions of one number that the language itself has.
pub(super) const SCALAR_FUNCTIONS: &[&str] =
    &["exp", "log", "tanh", "sigmoid", "softplus", "erf", "sin", "cos", "sqrt", "abs", "floor", "stop"];

/// The name that is nearest to a wrong one, if one is near.
pub fn nearest<'n>(wrong: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    if wrong.len() > 64 {
        return None;
    }
    let limit = match wrong.len() {
        0 | 1 => 0,
        2 => 1,
        length => 1 + length / 4,
    };
    let simple = |text: &str| text.to_ascii_lowercase().replace('_', "");
    let wrong_simple = simple(wrong);
    names
        .filter(|name| *name != wrong && name.len() <= 64)
        .map(|name| {
            let by_letters = if simple(name) == wrong_simple { 0 } else { distance(wrong, name) };
            (by_letters, name)
        })
        .filter(|&(distance, name)| distance <= limit && distance < name.len().max(wrong.len()))
        .min_by(|a, b| a.0.cmp(&b.0).then(a.1.cmp(b.1)))
        .map(|(_, name)| name)
}

/// How many letters must be changed, added, dropped, or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for i in 0..a.len() {
        let mut next = vec![i + 1];
        for j in 0..b.len() {
            let mut best = (row[j] + usize::from(a[i] != b[j])).min(row[j + 1] + 1).min(next[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                best = best.min(before[j - 1] + 1);
            }
            next.push(best);
        }
        before = std::mem::replace(&mut row, next);
    }
    row[b.len()]
}
