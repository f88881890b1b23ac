//! What a model costs, stage by stage, and its mathematics as text: what `nnc show` prints.
//!
//! A stage is what a definition makes of its ports in one place: equations with the same origin, as long as nothing between them comes
//! from elsewhere. Its cost follows from its equations:
//! ```text
//! multiply-adds   of a sum of products: (elements of the result) * (elements summed over), for one sample; guards are not counted off,
//!                 but an equality between axes leaves one axis fewer: sum(l, p where i == 2 * l + p) has as many as there are l and p
//! kept            elements of forward tensors that the derived equations read, after simplification: what training must remember
//! ```
//! All sizes are polynomials, in which the batch and run-time sizes stay names. What holds of a [`Report`]: stages stand after what they
//! read, and each parameter is counted in one of them.

use crate::equations::print::{axis_labels, print_each, print_index};
use crate::equations::{
    Atom, AtomNode, Condition, ConditionNode, Equation, Equations, Index, Name, Pool, Reduction, Rewrite, Rewriter, Scalar, ScalarNode,
};
use crate::model::{BATCH, Group, Model, Origin};
use crate::simplify::{is_view, simplify};
use nnc_grammar::on_large_stack;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// What a model costs.
#[derive(Clone, Debug)]
pub struct Report {
    /// What the sizes live in.
    pub pool: Pool,
    /// In the order of computation.
    pub stages: Vec<Stage>,
    /// Where each output of the interface comes from; nothing for one that is a parameter.
    pub outputs: Vec<Option<Read>>,
    /// Numbers of all parameters.
    pub parameters: Index,
    /// Numbers of those that are trained.
    pub trained: Index,
    /// Numbers of what layers and the model keep between steps.
    pub layer_states: Index,
    /// Numbers of the optimizer's state.
    pub states: Index,
    /// Of all stages, for one sample.
    pub multiply_adds: Index,
    /// Of the loss and all gradients, for one sample.
    pub training_multiply_adds: Index,
    /// Of all stages.
    pub kept: Index,
}

/// What a definition makes in one place.
#[derive(Clone, Debug)]
pub struct Stage {
    /// Where it stands: `tower.fc1`; for an equation of a body its tensor.
    pub name: String,
    /// The definition that is applied; nothing for an equation of the model's own body.
    pub definition: String,
    /// The sizes of what goes on to other stages.
    pub shape: Vec<Index>,
    /// Numbers of its parameters.
    pub parameters: Index,
    /// For one sample.
    pub multiply_adds: Index,
    /// Numbers that the backward pass reads.
    pub kept: Index,
    /// What it reads, each once, in the order of the text.
    pub reads: Vec<Read>,
}

/// What a stage reads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Read {
    /// An input or target, by its name.
    Port(String),
    /// Another stage, by its number.
    Stage(usize),
}

/// The equations of a model as text, a line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mathematics {
    /// What is given.
    pub given: Vec<String>,
    /// Of outputs, loss, and states after a step.
    pub forward: Vec<String>,
    /// Of the gradients.
    pub backward: Vec<String>,
    /// Of the optimizer: which parameters, and how they move.
    pub optimizer: Vec<(Vec<String>, Vec<String>)>,
}

/// A size by its name, and what it is.
struct Known<'a>(&'a str, i64);

impl Rewrite for Known<'_> {
    fn atom(&mut self, pool: &mut Pool, atom: Atom) -> Option<Index> {
        match pool.atom(atom) {
            AtomNode::Size { name, .. } if pool.text(*name) == self.0 => Some(pool.integer(self.1)),
            _ => None,
        }
    }
}

impl Report {
    /// The same where this size is a number.
    pub fn with_size(mut self, name: &str, size: i64) -> Report {
        let pool = &mut self.pool;
        let mut known = |index: &mut Index| *index = Rewriter::new(pool, Known(name, size)).index(*index);
        for stage in &mut self.stages {
            stage.shape.iter_mut().for_each(&mut known);
            [&mut stage.parameters, &mut stage.multiply_adds, &mut stage.kept].into_iter().for_each(&mut known);
        }
        let totals = [&mut self.parameters, &mut self.trained, &mut self.layer_states, &mut self.states, &mut self.multiply_adds];
        totals.into_iter().chain([&mut self.training_multiply_adds, &mut self.kept]).for_each(&mut known);
        self
    }
    /// A size as text: `32 * batch`.
    pub fn print(&self, size: Index) -> String {
        print_index(&self.pool, &[], size)
    }
}

/// What a model costs.
pub fn report(model: &Model) -> Report {
    on_large_stack(|| costs(model))
}

/// The equations of a model, as they are after simplification.
pub fn mathematics(model: &Model) -> Mathematics {
    on_large_stack(|| texts(model))
}

/// Equations that become a stage.
struct Part {
    stage: String,
    definition: String,
    /// Names within the definition: the same again is the same stage, used again.
    locals: BTreeSet<String>,
    tensors: Vec<Name>,
}

fn costs(model: &Model) -> Report {
    let forward = &model.training;
    let wanted: Vec<Name> = forward.outputs.iter().chain(&forward.losses).copied().collect();
    let order = order(&forward.equations, &wanted);
    let origins = origins(model, &order);
    let (parts, part_of) = parts(model, &order, &origins);
    let (kept, pool, training_multiply_adds) = kept(model, &origins);

    let mut equations = Equations { pool, tensors: forward.equations.tensors.clone() };
    let zero = equations.pool.integer(0);
    let ports = model.interface.inputs.iter().chain(&model.interface.targets);
    let ports: BTreeMap<Name, &str> = ports.map(|port| (port.tensor, port.name.as_str())).collect();
    // what goes on to other stages, and who reads a parameter first
    let mut goes_on: BTreeSet<Name> = wanted.iter().copied().collect();
    let mut reader: BTreeMap<Name, usize> = BTreeMap::new();
    for (number, part) in parts.iter().enumerate() {
        for read in part.tensors.iter().flat_map(|&name| equations.reads(name)) {
            reader.entry(read).or_insert(number);
            if part_of.get(&read) != Some(&number) {
                goes_on.insert(read);
            }
        }
    }
    let mut stages: Vec<Stage> = Vec::new();
    for (number, part) in parts.iter().enumerate() {
        let result = part.tensors.iter().rev().find(|name| goes_on.contains(name)).or(part.tensors.last());
        let shape = result.map(|name| equations.tensors[name].axes.clone()).unwrap_or_default();
        let mut reads = Vec::new();
        for read in part.tensors.iter().flat_map(|&name| equations.reads(name)) {
            let port = ports.get(&read).map(|&port| Read::Port(port.to_string()));
            let stage = part_of.get(&read).filter(|&&other| other != number).map(|&other| Read::Stage(other));
            reads.extend(port.or(stage).filter(|read| !reads.contains(read)));
        }
        let mut multiply_adds = zero;
        for &name in &part.tensors {
            let more = products(&mut equations, name);
            multiply_adds = equations.pool.plus(multiply_adds, more);
        }
        let name = part.stage.clone();
        let definition = part.definition.clone();
        stages.push(Stage { name, definition, shape, parameters: zero, multiply_adds, kept: zero, reads });
    }
    let mut homes: BTreeMap<&str, usize> = BTreeMap::new();
    for (number, part) in parts.iter().enumerate() {
        homes.entry(&part.stage).or_insert(number);
    }
    let (mut parameters, mut trained) = (zero, zero);
    for (position, parameter) in model.interface.parameters.iter().enumerate() {
        let count = equations.pool.count(&parameter.axes);
        parameters = equations.pool.plus(parameters, count);
        if model.optimizer.groups.iter().any(|group| group.parameters.contains(&position)) {
            trained = equations.pool.plus(trained, count);
        }
        let home = parameter.name.rsplit_once('.').map_or("", |(stage, _)| stage);
        let at = homes.get(home).or_else(|| reader.get(&parameter.tensor)).copied().unwrap_or_else(|| {
            // nothing reads it: its stage has no equations left
            let (name, definition) = (home.to_string(), String::new());
            stages.push(Stage {
                name,
                definition,
                shape: Vec::new(),
                parameters: zero,
                multiply_adds: zero,
                kept: zero,
                reads: Vec::new(),
            });
            homes.insert(home, stages.len() - 1);
            stages.len() - 1
        });
        stages[at].parameters = equations.pool.plus(stages[at].parameters, count);
    }
    let mut layer_states = zero;
    for state in &model.interface.states {
        let count = equations.pool.count(&state.axes);
        layer_states = equations.pool.plus(layer_states, count);
    }
    let mut states = zero;
    for group in &model.optimizer.groups {
        for &position in &group.parameters {
            let count = equations.pool.count(&model.interface.parameters[position].axes);
            let all = equations.pool.scaled(count, group.states.len() as i64);
            states = equations.pool.plus(states, all);
        }
    }
    let mut report = Report {
        stages: Vec::new(),
        outputs: Vec::new(),
        parameters,
        trained,
        layer_states,
        states,
        multiply_adds: zero,
        training_multiply_adds,
        kept: zero,
        pool: Pool::default(),
    };
    for (name, count) in kept {
        report.kept = equations.pool.plus(report.kept, count);
        if let Some(stage) = part_of.get(&name).and_then(|&part| stages.get_mut(part)) {
            stage.kept = equations.pool.plus(stage.kept, count);
        }
    }
    for stage in &stages {
        report.multiply_adds = equations.pool.plus(report.multiply_adds, stage.multiply_adds);
    }
    let port = |name: &Name| ports.get(name).map(|&port| Read::Port(port.to_string()));
    let stage = |name: &Name| part_of.get(name).map(|&part| Read::Stage(part));
    report.outputs = forward.outputs.iter().map(|name| port(name).or(stage(name))).collect();
    Report { stages, pool: equations.pool, ..report }
}

/// What `wanted` need, in the order of the text as far as it can be computed in it.
fn order(equations: &Equations, wanted: &[Name]) -> Vec<Name> {
    let groups = equations.groups(wanted.iter().copied());
    let group_of: BTreeMap<Name, usize> =
        groups.iter().enumerate().flat_map(|(number, group)| group.iter().map(move |&name| (name, number))).collect();
    let mut waits: Vec<usize> = vec![0; groups.len()];
    let mut readers: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); groups.len()];
    for (number, group) in groups.iter().enumerate() {
        let reads = group.iter().flat_map(|&name| equations.reads(name));
        for read in reads.filter_map(|read| group_of.get(&read).copied()).filter(|&read| read != number) {
            waits[number] += usize::from(readers[read].insert(number));
        }
    }
    let ready = (0..groups.len()).filter(|&number| waits[number] == 0);
    let mut ready: BTreeSet<(Name, usize)> = ready.map(|number| (groups[number][0], number)).collect();
    let mut order = Vec::new();
    while let Some((_, number)) = ready.pop_first() {
        order.extend(&groups[number]);
        for &reader in &readers[number] {
            waits[reader] -= 1;
            if waits[reader] == 0 {
                ready.insert((groups[reader][0], reader));
            }
        }
    }
    order
}

/// The origin of each equation; one that the compiler added has that of what reads it.
fn origins<'a>(model: &'a Model, order: &[Name]) -> BTreeMap<Name, &'a Origin> {
    let forward = &model.training;
    let mut origins: BTreeMap<Name, &Origin> = BTreeMap::new();
    for &name in order.iter().rev() {
        if forward.equations.tensors[&name].equation().is_none() {
            continue;
        }
        let Some(origin) = forward.origins.get(&name).or_else(|| origins.get(&name).copied()) else { continue };
        origins.insert(name, origin);
        for read in forward.equations.reads(name) {
            origins.entry(read).or_insert(origin);
        }
    }
    origins
}

/// Equations by stage, and the part of each.
fn parts(model: &Model, order: &[Name], origins: &BTreeMap<Name, &Origin>) -> (Vec<Part>, BTreeMap<Name, usize>) {
    let equations = &model.training.equations;
    // stages with stages inside: their own equations stand apart, one by one
    let mut outer: BTreeSet<&str> = BTreeSet::from([""]);
    for origin in model.training.origins.values() {
        let mut path = origin.stage.as_str();
        while let Some((above, _)) = path.rsplit_once('.') {
            outer.insert(above);
            path = above;
        }
    }
    let mut parts: Vec<Part> = Vec::new();
    let mut part_of: BTreeMap<Name, usize> = BTreeMap::new();
    let mut last: BTreeMap<(String, String), usize> = BTreeMap::new();
    for &name in order.iter().filter(|&name| equations.tensors[name].equation().is_some()) {
        let (stage, definition, local) = match origins.get(&name) {
            Some(origin) => (origin.stage.as_str(), origin.definition.as_str(), origin.local.as_str()),
            None => ("", "", equations.pool.text(name)),
        };
        let apart = outer.contains(stage);
        let statement = local.split('.').next().unwrap_or(local);
        let shown = match (apart, stage) {
            (true, "") => statement.to_string(),
            (true, _) => format!("{stage}.{statement}"),
            (false, _) => stage.to_string(),
        };
        let added = !model.training.origins.contains_key(&name);
        let key = (shown.clone(), definition.to_string());
        let open = last.get(&key).copied().filter(|&open| {
            let again = !added && parts[open].locals.contains(local);
            !again && !reaches(equations, name, open, &parts, &part_of)
        });
        let part = open.unwrap_or_else(|| {
            let definition = if stage.is_empty() { String::new() } else { definition.to_string() };
            parts.push(Part { stage: shown, definition, locals: BTreeSet::new(), tensors: Vec::new() });
            parts.len() - 1
        });
        last.insert(key, part);
        if !added {
            parts[part].locals.insert(local.to_string());
        }
        parts[part].tensors.push(name);
        part_of.insert(name, part);
    }
    (parts, part_of)
}

/// Whether a tensor reads `part` through another part that came later: then it cannot belong to it.
fn reaches(equations: &Equations, name: Name, part: usize, parts: &[Part], part_of: &BTreeMap<Name, usize>) -> bool {
    if part + 1 == parts.len() {
        return false;
    }
    let mut open: Vec<Name> = equations.reads(name);
    let mut seen: BTreeSet<Name> = BTreeSet::new();
    while let Some(read) = open.pop() {
        if part_of.get(&read).is_none_or(|&other| other <= part) || !seen.insert(read) {
            continue;
        }
        let reads = equations.reads(read);
        if reads.iter().any(|read| part_of.get(read) == Some(&part)) {
            return true;
        }
        open.extend(reads);
    }
    false
}

/// What the backward pass reads of the forward pass: each tensor under its name before simplification, where it has one, and how many
/// numbers; the pool of the sizes; the multiply-adds of loss and gradients for one sample.
fn kept(model: &Model, origins: &BTreeMap<Name, &Origin>) -> (Vec<(Name, Index)>, Pool, Index) {
    let (equations, gradients) = crate::derived(model);
    let mut keep: Vec<Name> = gradients.iter().map(|&(_, name)| name).collect();
    keep.extend(&model.training.losses);
    let mut equations = simplify(equations, &keep);
    let forward: BTreeSet<Name> = equations.groups(model.training.losses.iter().copied()).into_iter().flatten().collect();
    let all: Vec<Name> = equations.groups(keep).into_iter().flatten().collect();
    let mut read: BTreeSet<Name> = BTreeSet::new();
    for &name in all.iter().filter(|name| !forward.contains(name)) {
        read.extend(equations.reads(name).into_iter().filter(|read| forward.contains(read)));
    }
    let mut storage: BTreeSet<Name> = BTreeSet::new();
    for mut name in read {
        while is_view(&mut equations, name) {
            let of = equations.reads(name);
            let [of] = of[..] else { break };
            name = of;
        }
        if equations.tensors[&name].equation().is_some() {
            storage.insert(name);
        }
    }
    let mut multiply_adds = equations.pool.integer(0);
    for &name in &all {
        let more = products(&mut equations, name);
        multiply_adds = equations.pool.plus(multiply_adds, more);
    }
    let mut kept = Vec::new();
    for name in storage {
        let axes = equations.tensors[&name].axes.clone();
        let count = equations.pool.count(&axes);
        // what derivation and simplification made belongs where it reads from
        let mut home = name;
        let mut seen = BTreeSet::new();
        while !origins.contains_key(&home) && seen.insert(home) {
            let reads = equations.reads(home);
            home = reads.iter().copied().rev().find(|read| equations.tensors[read].equation().is_some()).unwrap_or(home);
        }
        kept.push((home, count));
    }
    (kept, equations.pool, multiply_adds)
}

/// The multiply-adds of an equation for one sample.
fn products(equations: &mut Equations, name: Name) -> Index {
    let zero = equations.pool.integer(0);
    let tensor = &equations.tensors[&name];
    let Some(Equation { reduction: Some(Reduction::Sum), reduced, condition, body }) = tensor.equation() else { return zero };
    let pool = &equations.pool;
    if !multiplies(pool, *body) {
        return zero;
    }
    let axes: Vec<Index> = tensor.axes.iter().chain(reduced).copied().collect();
    let is_batch = |axis: Index| pool.size_name(axis).is_some_and(|name| pool.text(name) == BATCH);
    let mut fixed: BTreeSet<usize> = (0..axes.len()).filter(|&number| is_batch(axes[number])).collect();
    for equality in equalities(pool, *condition) {
        let terms = &pool.affine(equality).terms;
        let solved = terms.iter().filter(|(_, coefficient)| coefficient.abs() == 1).filter_map(|&(atom, _)| match pool.atom(atom) {
            AtomNode::Axis { number, .. } => Some(*number as usize).filter(|number| !fixed.contains(number)),
            _ => None,
        });
        // the longest; one whose size only a call knows is taken for longer than numbers
        let longest = solved.max_by_key(|&number| (pool.constant_of(axes[number]).unwrap_or(i64::MAX), Reverse(number)));
        fixed.extend(longest);
    }
    let free: Vec<Index> = (0..axes.len()).filter(|number| !fixed.contains(number)).map(|number| axes[number]).collect();
    equations.pool.count(&free)
}

/// The indices that are 0 wherever the condition holds.
fn equalities(pool: &Pool, condition: Condition) -> Vec<Index> {
    match pool.condition(condition) {
        ConditionNode::Zero(index) => vec![*index],
        ConditionNode::All(parts) => parts.iter().flat_map(|&part| equalities(pool, part)).collect(),
        _ => Vec::new(),
    }
}

/// Whether an element of a sum is a square, or a product of two things that read tensors; numbers and sizes are factors of the whole sum.
fn multiplies(pool: &Pool, body: Scalar) -> bool {
    match pool.scalar(body) {
        ScalarNode::Mul(factors) => {
            let reads = |&&factor: &&Scalar| !pool.tensors_of_scalar(factor).is_empty();
            factors.iter().filter(reads).count() > 1 || factors.iter().any(|&factor| multiplies(pool, factor))
        }
        ScalarNode::Power(_, exponent) => exponent.value() == 2.0,
        ScalarNode::Select(_, a, b) => multiplies(pool, *a) || multiplies(pool, *b),
        _ => false,
    }
}

fn texts(model: &Model) -> Mathematics {
    let forward = &model.training;
    let mut results: Vec<Name> = forward.outputs.iter().chain(&forward.losses).copied().collect();
    results.extend(forward.updates.iter().map(|&(_, next)| next));
    let (equations, gradients) = crate::derived_with(model, &forward.outputs);
    let keep: Vec<Name> = results.iter().copied().chain(gradients.into_iter().map(|(_, gradient)| gradient)).collect();
    let equations = simplify(equations, &keep);
    let first: BTreeSet<Name> = equations.groups(results).into_iter().flatten().collect();
    let mut texts = Mathematics { given: Vec::new(), forward: Vec::new(), backward: Vec::new(), optimizer: Vec::new() };
    for (name, line) in print_each(&equations, &keep) {
        if equations.tensors[&name].equation().is_none() {
            texts.given.push(line);
        } else if first.contains(&name) {
            texts.forward.push(line);
        } else {
            texts.backward.push(line);
        }
    }
    for &(state, next) in &forward.updates {
        let labels = axis_labels(&equations, next);
        let at = if labels.is_empty() { String::new() } else { format!("[{}]", labels.join(", ")) };
        let name = |name: Name| format!("{}{at}", equations.pool.text(name));
        texts.forward.push(format!("{} <- {}", name(state), name(next)));
    }
    for group in &model.optimizer.groups {
        let names = group.parameters.iter().map(|&position| model.interface.parameters[position].name.clone());
        texts.optimizer.push((names.collect(), update(group)));
    }
    texts
}

/// One step of a group of parameters.
fn update(group: &Group) -> Vec<String> {
    let mut keep = vec![group.update];
    keep.extend(group.states.iter().map(|state| state.next));
    let equations = simplify(group.equations.clone(), &keep);
    let label = axis_labels(&equations, group.update).into_iter().next().unwrap_or_default();
    let printed = print_each(&equations, &keep).into_iter().filter(|(name, _)| equations.tensors[name].equation().is_some());
    let mut lines: Vec<String> = printed.map(|(_, line)| line).collect();
    let element = |name: Name| format!("{}[{label}]", equations.pool.text(name));
    for state in &group.states {
        lines.push(format!("{} <- {}", element(state.tensor), element(state.next)));
    }
    lines.push(format!("parameter[{label}] <- {}", element(group.update)));
    lines
}
