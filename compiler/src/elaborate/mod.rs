//! `File` to [`Model`]: the last stage that can fail.
//!
//! A model's body is read with tensors for names. Applying a definition reads its body again, in a frame in which its
//! hyper-parameters are numbers and its ports are tensors; what its ports do not show (the batch, axes that it is lifted over) are
//! front axes of the frame. So after reading there are equations only, with the names that the text gives them.
//!
//! A model is read twice, with `train` true and false, in one pool. Where sizes can only be compared by rustc or at each call, the
//! equality is asserted, and the model is read again with one name for both.
//!
//! An error is reported once, where it is; whatever depends on it is silent.

mod all;
mod apply;
mod arithmetic;
mod batch;
mod bodies;
mod calls;
mod chains;
mod circles;
mod codes;
mod conditions;
mod define;
mod derivatives;
mod evaluate;
mod gradients;
mod hypers;
mod initial;
mod kinds;
mod lints;
mod losses;
mod masks;
mod mentions;
mod models;
mod names;
mod optimizer_stage;
mod optimizers;
mod order;
mod random;
mod ranges;
mod reductions;
mod sizes;
mod states;
mod values;
mod walk;
mod whole;

#[cfg(test)]
mod tests;

pub use codes::{CODES, Code};
pub use names::nearest;

use crate::equations::{AtomNode, Equations, Index, Name, Pool, Scalar};
use crate::library;
use crate::model::{Assertion, Derivative, Interface, Model, Origin, Parameter, Port, Random};
use apply::Application;
use names::{Files, Module};
use nnc_grammar::tree::{Body, Chain, Definition, File, Item, ItemKind};
use nnc_grammar::{Diagnostic, Label, Source, Sources, Span};
use sizes::Solved;
use std::collections::{BTreeMap, BTreeSet};
use values::{Outcome, Reported, Tensor, Value};

/// No more errors are reported at once.
const MOST_ERRORS: usize = 10;

/// How a text is read.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// As `nn!` does: names of sizes that nothing defines are constants of Rust.
    pub rust_constants: bool,
    /// Only the model of this name; nothing for all of the file.
    pub model: Option<String>,
}

/// What a text means.
#[derive(Clone, Debug)]
pub struct Elaborated {
    /// The models, in the order of the text.
    pub models: Vec<Model>,
    /// Lints.
    pub warnings: Vec<Diagnostic>,
}

/// The models of a file and of what it imports. `load` gives the text of an import: it is
/// asked with the name of the source that imports, and the path as written.
///
/// # Errors
/// All that is wrong, at most ten, in the order of their places.
pub fn elaborate(
    root: &File,
    sources: &mut Sources,
    load: &mut dyn FnMut(&str, &str) -> Result<Source, String>,
    settings: &Settings,
) -> Result<Elaborated, Vec<Diagnostic>> {
    let mut problems = Vec::new();
    let source = root.items.first().map_or(0, |item| item.span.source);
    let files = Files::load(root, source, sources, load, &mut problems);
    let first = add_library(sources);
    let modules = files.modules(settings, &mut problems);
    let mut models = Vec::new();
    let mut warnings = Vec::new();
    let mut used = BTreeSet::new();
    let wanted: Vec<&Item> = root
        .items
        .iter()
        .filter(|item| matches!(&item.kind, ItemKind::Model(definition) if settings.model.as_ref().is_none_or(|name| *name == definition.name.text)))
        .collect();
    if let Some(name) = &settings.model
        && wanted.is_empty()
    {
        let span = root.items.first().map_or(Span::default(), |item| Span { end: item.span.start, ..item.span });
        let all: Vec<&str> =
            root.items.iter().filter(|item| matches!(item.kind, ItemKind::Model(_))).filter_map(library::item_name).collect();
        let mut diagnostic = Diagnostic::error("NN0113", span, format!("no model is called `{name}`"));
        if let Some(near) = nearest(name, all.iter().copied()) {
            diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
        }
        problems.push(diagnostic);
    }
    for item in wanted {
        let ItemKind::Model(definition) = &item.kind else { continue };
        if definition.name.text.starts_with("nnc_") {
            let message = format!("`{}` begins as the names of generated modules do", definition.name.text);
            let help = "`nnc_` is for the compiler: give the model another name";
            problems.push(Diagnostic::error("NN0114", definition.name.span, message).help(help));
        }
        let docs = item.docs.iter().map(|line| line.value.clone()).collect();
        let mut elaboration = Elaboration::new(&modules, settings, sources);
        let result = elaboration.read_model(item, definition, docs);
        problems.append(&mut elaboration.problems);
        warnings.append(&mut elaboration.warnings);
        used.append(&mut elaboration.used);
        models.extend(result);
    }
    warnings.extend(lints::shadowing(root));
    if settings.model.is_none() && !models.is_empty() {
        // the root's items are copies of those that were read
        let modules = &modules;
        let used = |item: &Item| {
            let found = library::item_name(item).and_then(|name| modules[0].items.get(name));
            found.is_some_and(|item| used.contains(&(std::ptr::from_ref::<Item>(item) as usize)))
        };
        let imports: Vec<(Vec<&str>, Span)> =
            files.imports[0].iter().map(|&(file, span)| (modules[file].items.keys().copied().collect(), span)).collect();
        warnings.extend(lints::unused(root, &used, &imports));
    }
    let mut elaboration = Elaboration::new(&modules, settings, sources);
    for (number, module) in modules.iter().enumerate().filter(|(_, module)| !module.library) {
        for item in module.items.values().filter(|item| !used.contains(&(std::ptr::from_ref::<Item>(item) as usize))) {
            elaboration.check_unused(number, &item.kind);
        }
    }
    problems.append(&mut elaboration.problems);
    finished(models, warnings, problems, first)
}

/// The model of a chain without a name: `nn!( linear(d, p) -> relu )`.
///
/// # Errors
/// All that is wrong, at most ten, in the order of their places.
pub fn elaborate_chain(chain: &Chain, sources: &mut Sources, settings: &Settings) -> Result<Elaborated, Vec<Diagnostic>> {
    let name = nnc_grammar::tree::Name { text: "Network".to_string(), span: chain.span };
    let definition = Definition { name, hypers: None, body: Body::Chain(chain.clone()) };
    let item = Item { docs: Vec::new(), kind: ItemKind::Model(definition), span: chain.span };
    elaborate(&File { items: vec![item] }, sources, &mut |_, _| Err("nothing can be imported here".to_string()), settings)
}

/// Adds the library to the sources, once; the number of its first file.
fn add_library(sources: &mut Sources) -> u32 {
    let known = sources.0.iter().position(|source| source.name == library::FILES[0].0 && source.text == library::FILES[0].1);
    if let Some(known) = known {
        return known as u32;
    }
    let first = sources.0.len() as u32;
    for (name, text) in library::FILES {
        sources.add(*name, *text);
    }
    first
}

/// Moves spans of the library to where its texts are in the sources, and decides.
fn finished(
    mut models: Vec<Model>,
    mut warnings: Vec<Diagnostic>,
    mut problems: Vec<Diagnostic>,
    first: u32,
) -> Result<Elaborated, Vec<Diagnostic>> {
    let place = |span: &mut Span| {
        if span.source >= library::FIRST_SOURCE {
            span.source = span.source - library::FIRST_SOURCE + first;
        }
    };
    for diagnostic in problems.iter_mut().chain(&mut warnings) {
        diagnostic.labels.iter_mut().for_each(|label| place(&mut label.span));
        diagnostic.help.iter_mut().filter_map(|help| help.replacement.as_mut()).for_each(|(span, _)| place(span));
    }
    if !problems.is_empty() {
        problems.sort_by_key(|problem| problem.labels.first().map(|label| (label.span.source, label.span.start)));
        let mut seen = BTreeSet::new();
        problems.retain(|problem| {
            // what is wrong inside of a definition of the library is wrong with its application: once is enough
            let library = |label: &Label| (first..first + library::FILES.len() as u32).contains(&label.span.source);
            let inside = problem.labels.get(1).is_some_and(library) && problem.labels[0].text.starts_with("while `");
            let message = if inside { String::new() } else { problem.message.clone() };
            seen.insert((problem.code, problem.labels.first().map(|label| label.span), message))
        });
        problems.truncate(MOST_ERRORS);
        return Err(problems);
    }
    warnings.sort_by_key(|warning| warning.labels.first().map(|label| (label.span.source, label.span.start)));
    for model in &mut models {
        for origin in model.training.origins.values_mut().chain(model.inference.origins.values_mut()) {
            place(&mut origin.span);
        }
        for parameter in model.interface.parameters.iter_mut().chain(&mut model.interface.states) {
            place(&mut parameter.span);
        }
    }
    Ok(Elaborated { models, warnings })
}

/// The port of an optimizer's parameter, the parameter, and its states so far: name, tensor, initial value.
type OpenStates = (String, Tensor, Vec<(String, Name, Scalar)>);

/// One model that is being read.
struct Elaboration<'a> {
    modules: &'a [Module<'a>],
    settings: &'a Settings,
    sources: &'a Sources,
    problems: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
    /// Lints that an expression has had, whose place may be read often.
    warned: BTreeSet<(&'static str, Span)>,
    /// Items that have been applied, by their place in memory.
    used: BTreeSet<usize>,
    /// The definitions that are being applied, innermost last.
    applications: Vec<Application>,
    /// Labels and blocks that are being applied.
    open_labels: Vec<String>,
    equations: Equations,
    origins: BTreeMap<Name, Origin>,
    /// Derivatives that have been asked for.
    derivatives: Vec<Derivative>,
    /// Where the elements of a tensor lie, if that is not the whole line.
    intervals: BTreeMap<Name, (f64, f64)>,
    /// The number of the next tensor of a name.
    next_number: BTreeMap<String, u32>,
    parameters: Vec<Parameter>,
    /// The place of each parameter in the text, outermost first, and its number.
    text_order: Vec<(Vec<u32>, usize)>,
    /// States of layers and models.
    states: Vec<Parameter>,
    /// As [`Self::text_order`].
    state_order: Vec<(Vec<u32>, usize)>,
    /// What the applications so far make of a state, by its full name.
    next_states: BTreeMap<String, Tensor>,
    /// What is drawn anew at every call.
    random: Vec<Random>,
    /// The places of the statements and stages that are being read, outermost first.
    trail: Vec<u32>,
    /// Parameters by their full names.
    by_name: BTreeMap<String, Tensor>,
    /// Parameters without their gradients, by their full names.
    held: BTreeMap<String, Tensor>,
    parameter_places: BTreeMap<String, Span>,
    /// Stages with errors: what they would define is not missed.
    broken_stages: BTreeSet<String>,
    /// Hyper-parameters of stages by path.
    bound: BTreeMap<String, BTreeMap<String, Value>>,
    inputs: Vec<Port>,
    targets: Vec<Port>,
    assertions: Vec<Assertion>,
    /// Sizes that are known at each call.
    dynamic: BTreeSet<Name>,
    sizes: Vec<String>,
    constants: Vec<String>,
    /// Names of sizes, and what was asserted to equal them.
    replaced: BTreeMap<Name, Index>,
    /// Equalities found in this reading.
    solved: Vec<Solved>,
    /// Values of `const` items; nothing while one is being found.
    constants_done: BTreeMap<(usize, &'a str), Option<Value>>,
    /// The states of the optimizers that are being read: the port of the parameter, the parameter, what is declared.
    states_open: Vec<OpenStates>,
    /// How many circles of statements are being read, one inside of the other, and the tensors made since.
    circles_open: usize,
    created: Vec<Name>,
    steps: u64,
    stages: u64,
}

impl<'a> Elaboration<'a> {
    fn new(modules: &'a [Module<'a>], settings: &'a Settings, sources: &'a Sources) -> Self {
        Elaboration {
            modules,
            settings,
            sources,
            problems: Vec::new(),
            warnings: Vec::new(),
            warned: BTreeSet::new(),
            used: BTreeSet::new(),
            applications: Vec::new(),
            open_labels: Vec::new(),
            equations: Equations::new(),
            origins: BTreeMap::new(),
            derivatives: Vec::new(),
            intervals: BTreeMap::new(),
            next_number: BTreeMap::new(),
            parameters: Vec::new(),
            text_order: Vec::new(),
            states: Vec::new(),
            state_order: Vec::new(),
            next_states: BTreeMap::new(),
            random: Vec::new(),
            trail: Vec::new(),
            by_name: BTreeMap::new(),
            held: BTreeMap::new(),
            parameter_places: BTreeMap::new(),
            broken_stages: BTreeSet::new(),
            bound: BTreeMap::new(),
            inputs: Vec::new(),
            targets: Vec::new(),
            assertions: Vec::new(),
            dynamic: BTreeSet::new(),
            sizes: Vec::new(),
            constants: Vec::new(),
            replaced: BTreeMap::new(),
            solved: Vec::new(),
            constants_done: BTreeMap::new(),
            states_open: Vec::new(),
            circles_open: 0,
            created: Vec::new(),
            steps: 0,
            stages: 0,
        }
    }

    /// Forgets what a reading made, but not the pool, nor what was found equal.
    fn again(&mut self) {
        let pool = std::mem::take(&mut self.equations.pool);
        let replaced = std::mem::take(&mut self.replaced);
        let constants = std::mem::take(&mut self.constants);
        let used = std::mem::take(&mut self.used);
        *self = Elaboration { replaced, constants, used, ..Elaboration::new(self.modules, self.settings, self.sources) };
        self.equations.pool = pool;
    }

    /// Reads one model, as often as equalities are found.
    fn read_model(&mut self, item: &'a Item, definition: &'a Definition, docs: Vec<String>) -> Option<Model> {
        let mut asserted: Vec<Solved> = Vec::new();
        for _ in 0..32 {
            let model = self.read_twice(item, definition, docs.clone());
            if self.solved.is_empty() {
                if model.is_err() && self.problems.is_empty() {
                    let message = format!("model `{}` cannot be read", definition.name.text);
                    let note = "This is a mistake of the compiler: nothing that it knows is wrong with the text.";
                    self.report(Diagnostic::error("NN0100", definition.name.span, message).note(note));
                }
                let mut model = model.ok()?;
                self.add_equalities(&mut model, &asserted);
                return Some(model);
            }
            // the rest of what this reading found may follow from the first
            let Solved { name, value, message, span } = self.solved.remove(0);
            let single: BTreeMap<Name, Index> = [(name, value)].into();
            let replaced = self.replaced.clone();
            for (&other, &index) in &replaced {
                let index = self.substitute_size(index, &single);
                self.replaced.insert(other, index);
            }
            self.replaced.insert(name, value);
            asserted.push(Solved { name, value, message, span });
            self.again();
        }
        let message = "more than 32 sizes would have to be equal";
        self.report(Diagnostic::error("NN0201", definition.name.span, message));
        None
    }

    fn substitute_size(&mut self, index: Index, values: &BTreeMap<Name, Index>) -> Index {
        struct Sizes<'s>(&'s BTreeMap<Name, Index>);
        impl crate::equations::Rewrite for Sizes<'_> {
            fn atom(&mut self, pool: &mut Pool, atom: crate::equations::Atom) -> Option<Index> {
                match pool.atom(atom) {
                    AtomNode::Size { name, .. } => self.0.get(name).copied(),
                    _ => None,
                }
            }
        }
        crate::equations::Rewriter::new(&mut self.equations.pool, Sizes(values)).index(index)
    }

    /// Equalities of constants of Rust are asserted; those of dynamic sizes are what the shapes at the entry say.
    fn add_equalities(&mut self, model: &mut Model, asserted: &[Solved]) {
        for Solved { name, value, message, span } in asserted {
            let pool = &mut model.training.equations.pool;
            let text = pool.text(*name).to_string();
            if !model.interface.constants.contains(&text) {
                continue;
            }
            let left = pool.size(&text, 1);
            let message = message.clone();
            let assertion = Assertion { left, equal: true, right: *value, message, span: *span };
            model.interface.assertions.push(assertion);
        }
        // both pools know what the interface speaks of
        model.inference.equations.pool = {
            let pool = &model.inference.equations.pool;
            let mut pool = pool.clone();
            for Solved { name, .. } in asserted {
                let text = pool.text(*name).to_string();
                pool.size(&text, 1);
            }
            pool
        };
    }

    fn read_twice(&mut self, item: &'a Item, definition: &'a Definition, docs: Vec<String>) -> Outcome<Model> {
        let (name, span) = (&definition.name.text, definition.name.span);
        if definition.hypers.is_some() {
            let message = format!("model `{name}` has hyper-parameters");
            return Err(self.report(Diagnostic::error("NN0611", span, message).help("make it a `layer`, and write `model Small = …(64);`")));
        }
        let item_number = std::ptr::from_ref(item) as usize;
        self.applications.push(Application { span, name: name.clone(), item: item_number });
        let training = self.model(0, name, span, &definition.body, true);
        self.applications.pop();
        let mut training = training?;
        training.forward.keep_reached_draws();
        if !self.solved.is_empty() {
            self.equations = training.forward.equations;
            return Err(Reported);
        }
        self.bind_dynamic(&training.forward.equations.pool, span);
        self.in_text_order();
        self.check_rust_names();
        self.lint(&mut training);
        let gradient = self.check_gradient(&training);
        let losses = self.losses(&training);
        let optimizer = self.optimizer(&training, 0)?;
        let losses = losses?;
        self.check_losses(&training, &losses, &optimizer)?;
        gradient?;
        let (parameters, states) = (std::mem::take(&mut self.parameters), std::mem::take(&mut self.states));
        let (inputs, targets) = (std::mem::take(&mut self.inputs), std::mem::take(&mut self.targets));
        // the pool goes on, the tensors are made again
        self.equations.pool = training.forward.equations.pool.clone();
        (self.steps, self.stages) = (0, 0);
        self.next_number.clear();
        self.by_name.clear();
        self.held.clear();
        self.next_states.clear();
        self.intervals.clear();
        self.bound.clear();
        self.parameter_places.clear();
        self.applications.push(Application { span, name: name.clone(), item: item_number });
        let inference = self.model(0, name, span, &definition.body, false);
        self.applications.pop();
        let mut inference = inference?;
        if !self.solved.is_empty() {
            self.equations = inference.forward.equations;
            return Err(Reported);
        }
        self.refuse_draws(&mut inference.forward)?;
        self.refuse_untrained(&parameters, &states)?;
        let interface = Interface {
            name: name.clone(),
            docs,
            span: item.span,
            batched: training.batched,
            sizes: self.sizes.clone(),
            constants: self.constants.clone(),
            assertions: self.assertions.clone(),
            inputs,
            targets,
            outputs: training.outputs,
            parameters,
            states,
            losses,
            metrics: training.metrics,
        };
        if !self.problems.is_empty() {
            return Err(Reported);
        }
        Ok(Model { interface, training: training.forward, inference: inference.forward, optimizer })
    }

    /// Parameters stand in the order of the text, whatever the order in which equations need each other.
    fn in_text_order(&mut self) {
        let sorted = |mut order: Vec<(Vec<u32>, usize)>, kept: Vec<Parameter>| {
            order.sort();
            let mut kept: Vec<Option<Parameter>> = kept.into_iter().map(Some).collect();
            order.into_iter().filter_map(|(_, number)| kept[number].take()).collect()
        };
        self.parameters = sorted(std::mem::take(&mut self.text_order), std::mem::take(&mut self.parameters));
        self.states = sorted(std::mem::take(&mut self.state_order), std::mem::take(&mut self.states));
    }

    /// Refuses what only inference declares: nothing would train or update it.
    fn refuse_untrained(&mut self, parameters: &[Parameter], states: &[Parameter]) -> Outcome<()> {
        let mut outcome = Ok(());
        let (inferred, kept) = (std::mem::take(&mut self.parameters), std::mem::take(&mut self.states));
        let all = inferred.iter().zip(std::iter::repeat(("parameter", parameters)));
        for (one, (word, trained)) in all.chain(kept.iter().zip(std::iter::repeat(("state", states)))) {
            if trained.iter().all(|other| other.name != one.name) {
                let message = format!("{word} `{}` is declared in inference only: nothing would change it", one.name);
                let help = "declare it outside of the `if` on `train`";
                outcome = Err(self.report(Diagnostic::error("NN0614", one.span, message).help(help)));
            }
        }
        outcome
    }

    /// In Rust the dots of a name become `_`: two names may not meet there.
    fn check_rust_names(&mut self) {
        let mut names: BTreeMap<String, (String, Span)> = BTreeMap::new();
        let mut clashes = Vec::new();
        for parameter in self.parameters.iter().chain(&self.states) {
            let rust = parameter.name.replace('.', "_");
            match names.get(&rust) {
                Some((other, span)) => clashes.push((rust, parameter.name.clone(), parameter.span, other.clone(), *span)),
                None => {
                    names.insert(rust, (parameter.name.clone(), parameter.span));
                }
            }
        }
        for (rust, name, span, other, first) in clashes {
            let message = format!("parameters `{other}` and `{name}` are both `{rust}` in Rust");
            let help = "label a stage otherwise, or give the parameter another name";
            self.report(Diagnostic::error("NN0114", span, message).also(first, format!("`{other}`")).help(help));
        }
    }

    /// Refuses a dynamic size that no axis of an input or target is: nothing would tell it at a call.
    fn bind_dynamic(&mut self, pool: &Pool, span: Span) {
        let names: BTreeSet<Name> = self.dynamic.iter().copied().filter(|name| !self.replaced.contains_key(name)).collect();
        for name in names {
            let plain = |&axis: &Index| {
                matches!(pool.affine(axis).terms[..], [(atom, 1)] if pool.affine(axis).constant == 0
                && matches!(*pool.atom(atom), AtomNode::Size { name: other, .. } if other == name))
            };
            if self.inputs.iter().chain(&self.targets).any(|port| port.axes.iter().any(plain)) {
                continue;
            }
            let text = pool.text(name).to_string();
            let message = format!("nothing tells the size `{text}` at a call");
            let help = format!("some axis of an input must be just `{text}`");
            self.report(Diagnostic::error("NN0213", span, message).help(help));
        }
    }

    /// Notes an error. Inside of a library definition the place is the user's application of it.
    fn report(&mut self, mut diagnostic: Diagnostic) -> Reported {
        for label in &mut diagnostic.labels {
            // white space behind a place is not part of it
            let text = self.text(label.span);
            label.span.end -= (text.len() - text.trim_end().len()) as u32;
        }
        if diagnostic.labels[0].span.source >= library::FIRST_SOURCE {
            let users = self.applications.iter().rev().find(|application| application.span.source < library::FIRST_SOURCE);
            if let Some(application) = users {
                let text = format!("while `{}` is applied here", application.name);
                diagnostic.labels.insert(0, Label { span: application.span, text });
            }
        } else if let Some(application) = self.applications.last()
            && application.span.start != diagnostic.labels[0].span.start
            && self.applications.len() > 1
            && application.span.source < library::FIRST_SOURCE
        {
            let text = format!("while `{}` is applied here", application.name);
            diagnostic.labels.push(Label { span: application.span, text });
        }
        // what is applied twice at a place, or read twice for training and inference, is wrong once
        if self.problems.len() < 1000 && !self.problems.contains(&diagnostic) {
            self.problems.push(diagnostic);
        }
        Reported
    }

    /// Notes a lint on the text of the user, once.
    fn warn_once(&mut self, warning: Diagnostic) {
        let span = warning.labels[0].span;
        if span.source < library::FIRST_SOURCE && self.warned.insert((warning.code, span)) {
            self.warnings.push(warning);
        }
    }

    /// The text of a place.
    fn text(&self, span: Span) -> &str {
        let source = if span.source >= library::FIRST_SOURCE {
            library::FILES.get((span.source - library::FIRST_SOURCE) as usize).map(|(_, text)| *text)
        } else {
            self.sources.0.get(span.source as usize).map(|source| source.text.as_str())
        };
        source.and_then(|text| text.get(span.range())).unwrap_or_default()
    }
}
