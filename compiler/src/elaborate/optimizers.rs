//! `optimizer = clip_norm(1.0) -> adamw(lr = …);`: which chain governs which parameter, and the mathematics of one step of each.
//!
//! A chain whose stages all act on elements makes one group: the elements of all its parameters are one front axis, so an optimizer's
//! body is read as that of a scalar definition that is lifted over it. A chain with a stage that acts on whole tensors, `p[..S]` or
//! `p[M, N]`, makes a group for each different shape among its parameters; a stage that acts on elements is lifted over all axes there.

use super::Elaboration;
use super::apply::Link;
use super::models::Read;
use super::optimizer_stage::{Fields, Stage};
use super::values::{Frame, FrontAxis, Outcome, Place, Reported, Tensor, Value};
use crate::equations::{Definition as Defining, Index, Name as Tensors, Role};
use crate::model::{ALL, Group, Optimizer};
use nnc_grammar::tree::{Body, Definition, ItemKind, Pattern, Port, Statement, StatementKind};
use nnc_grammar::{Diagnostic, Span};
use std::collections::{BTreeMap, BTreeSet};

/// The size of the axis over the elements of a group.
const ELEMENTS: &str = "elements";

/// What a chain is applied to.
#[derive(Clone, Copy)]
enum Unit<'u> {
    /// Every element of its parameters.
    Element,
    /// Every tensor of this shape.
    Tensor(&'u [Index]),
}

impl<'a> Elaboration<'a> {
    /// The groups of a model.
    pub(super) fn optimizer(&mut self, read: &Read<'a>, module: usize) -> Outcome<Optimizer> {
        let names: Vec<String> = self.parameters.iter().map(|parameter| parameter.name.clone()).collect();
        let mut governs: Vec<Option<usize>> = vec![None; names.len()];
        let mut chains: Vec<(Vec<Link<'a>>, Span)> = Vec::new();
        let mut outcome = Ok(());
        for statement in &read.optimizers {
            let StatementKind::Optimizer { patterns, chain } = &statement.kind else { continue };
            let number = chains.len();
            chains.push((chain.stages.iter().map(Link::of_stage).collect(), chain.span));
            outcome = self.govern(number, patterns, &names, &mut governs).and(outcome);
        }
        outcome?;
        for (number, statement) in read.optimizers.iter().enumerate() {
            if names.is_empty() || governs.contains(&Some(number)) {
                continue;
            }
            let message = "this optimizer governs no parameter: later statements take them all";
            let mut diagnostic = Diagnostic::error("NN0612", statement.span, message);
            if let Some(later) = read.optimizers.get(number + 1..).and_then(|later| later.last()) {
                diagnostic = diagnostic.also(later.span, "the last statement that matches governs");
            }
            let help = "leave it out, or write the general statement first and `optimizer for …` behind it";
            outcome = Err(self.report(diagnostic.help(help)));
        }
        outcome?;
        let library = self.modules.len() - 1;
        let mut module_of: Vec<usize> = vec![module; chains.len()];
        if governs.iter().any(Option::is_none)
            && let Some(ItemKind::Optimizer(adam)) = self.modules[library].items.get("adam").map(|item| &item.kind)
        {
            let number = chains.len();
            chains.push((vec![Link { label: None, name: &adam.name, arguments: &[], span: read.frame.statement }], read.frame.statement));
            module_of.push(library);
            governs.iter_mut().for_each(|governor| {
                governor.get_or_insert(number);
            });
        }
        let mut fields = Fields::default();
        let mut groups: Vec<(Group, Span)> = Vec::new();
        for (number, (links, span)) in chains.iter().enumerate() {
            let parameters: Vec<usize> = (0..names.len()).filter(|&parameter| governs[parameter] == Some(number)).collect();
            if parameters.is_empty() && !names.is_empty() {
                // every parameter has a later statement
                continue;
            }
            fields.chain = number;
            let module = module_of[number];
            let units: Vec<(Unit<'_>, Vec<usize>)>;
            let mut shapes: Vec<(Vec<Index>, Vec<usize>)> = Vec::new();
            if self.on_tensors(module, links) {
                self.equations.pool = read.forward.equations.pool.clone();
                if let Err(reported) = self.check_ranks(module, links, &parameters) {
                    outcome = Err(reported);
                    continue;
                }
                for &parameter in &parameters {
                    let axes = self.parameters[parameter].axes.clone();
                    match shapes.iter_mut().find(|(shape, _)| *shape == axes) {
                        Some((_, members)) => members.push(parameter),
                        None => shapes.push((axes, vec![parameter])),
                    }
                }
                units = shapes.iter().map(|(shape, members)| (Unit::Tensor(shape), members.clone())).collect();
            } else {
                units = vec![(Unit::Element, parameters)];
            }
            for (unit, parameters) in units {
                match self.group(read, module, links, *span, unit, &mut fields) {
                    Ok(Some(group)) if !parameters.is_empty() => groups.push((Group { parameters, ..group }, *span)),
                    Ok(_) => {}
                    Err(reported) => outcome = Err(reported),
                }
            }
        }
        outcome?;
        self.states_of_all(&groups)?;
        Ok(Optimizer { fields: fields.list, groups: groups.into_iter().map(|(group, _)| group).collect() })
    }

    /// The definitions that a chain applies, where they are optimizers.
    fn stages_of(&self, module: usize, links: &[Link<'a>]) -> Vec<(&'a Definition, Span)> {
        let definition = |link: &Link<'a>| match self.callee(module, &link.name.text)?.item {
            nnc_grammar::tree::Item { kind: ItemKind::Optimizer(definition), .. } => Some((definition, link.span)),
            _ => None,
        };
        links.iter().filter_map(definition).collect()
    }

    /// Whether a stage of a chain acts on whole tensors.
    fn on_tensors(&self, module: usize, links: &[Link<'a>]) -> bool {
        self.stages_of(module, links).iter().any(|(definition, _)| ports_of(definition).iter().any(|port| !port.axes.is_empty()))
    }

    /// Refuses parameters that have not as many axes as a stage takes.
    fn check_ranks(&mut self, module: usize, links: &[Link<'a>], parameters: &[usize]) -> Outcome<()> {
        for (definition, span) in self.stages_of(module, links) {
            let Some(port) = ports_of(definition).iter().find(|port| !port.axes.is_empty()) else { continue };
            let packs = port.axes.iter().filter(|dim| matches!(dim.kind, nnc_grammar::tree::DimKind::Pack(_))).count();
            let fixed = port.axes.len() - packs;
            let fits = |rank: usize| if packs == 0 { rank == fixed } else { rank >= fixed };
            let (good, bad): (Vec<usize>, Vec<usize>) =
                parameters.iter().partition(|&&parameter| fits(self.parameters[parameter].axes.len()));
            let Some(&first) = bad.first() else { continue };
            let name = |&parameter: &usize| self.parameters[parameter].name.as_str();
            let last = |name: &str| name.rsplit('.').next().unwrap_or(name).to_string();
            let ends: BTreeSet<String> = bad.iter().map(|parameter| last(name(parameter))).collect();
            let common = bad.len() > 1
                && bad.iter().all(|parameter| name(parameter).contains('.'))
                && good.iter().all(|parameter| !ends.contains(&last(name(parameter))));
            let patterns: Vec<String> = if common {
                ends.iter().map(|end| format!("*.{end}")).collect()
            } else {
                bad.iter().map(|p| name(p).to_string()).collect()
            };
            let takes = match (packs, fixed) {
                (0, 1) => "1 axis".to_string(),
                (0, count) => format!("{count} axes"),
                (_, count) => format!("{count} axes or more"),
            };
            let shown: Vec<String> = bad.iter().take(4).map(|p| format!("`{}`", name(p))).collect();
            let others = if bad.len() > shown.len() { format!(" and {} others have", bad.len() - shown.len()) } else { String::new() };
            let have = match (bad.len(), others.is_empty()) {
                (1, _) => format!("has shape {}", self.show_shape(&self.parameters[first].axes)),
                (_, true) => "have not".to_string(),
                _ => "not".to_string(),
            };
            let message = format!("`{}` takes parameters with {takes}, and {}{others} {have}", definition.name.text, shown.join(", "));
            let help = format!("state what updates the rest, after this: `optimizer for {} = adamw();`", patterns.join(", "));
            return Err(self.report(Diagnostic::error("NN0613", span, message).also(port.span, "this port").help(help)));
        }
        Ok(())
    }

    /// Refuses a state under `sum(all)` that some trained parameter has not.
    fn states_of_all(&mut self, groups: &[(Group, Span)]) -> Outcome<()> {
        for (group, span) in groups {
            for (&name, tensor) in &group.equations.tensors {
                let text = group.equations.pool.text(name);
                let Some(state) = text.strip_prefix(ALL).and_then(|rest| rest.strip_prefix('.')) else { continue };
                if tensor.definition != Defining::Given(Role::State) {
                    continue;
                }
                let has = |other: &Group| {
                    let pool = &other.equations.pool;
                    let shape = |name: Tensors| other.equations.tensors[&name].axes.clone();
                    other.states.iter().any(|kept| pool.text(kept.tensor) == state && shape(kept.tensor) == shape(other.update))
                };
                let Some((without, _)) = groups.iter().find(|(other, _)| !has(other)) else { continue };
                let parameter = without.parameters.first().map_or(String::new(), |&parameter| self.parameters[parameter].name.clone());
                let message = format!("`sum(all)` runs over the state `{state}`, and `{parameter}` has none");
                let help = "let one chain govern all parameters that are trained";
                return Err(self.report(Diagnostic::error("NN0607", *span, message).help(help)));
            }
        }
        Ok(())
    }

    pub(super) fn matches_nothing(&mut self, pattern: &Pattern, names: &[String]) -> Reported {
        let text = super::ranges::show_path(&pattern.path);
        let message = format!("no parameter is called `{text}`");
        let mut diagnostic = Diagnostic::error("NN0608", pattern.path.span, message);
        if let Some(near) = super::names::nearest(&text, names.iter().map(String::as_str)) {
            diagnostic = diagnostic.replace(format!("did you mean `{near}`?"), pattern.path.span, near);
        }
        let shown: Vec<&str> = names.iter().take(8).map(String::as_str).collect();
        let more = if names.len() > shown.len() { ", …" } else { "" };
        diagnostic = diagnostic.note(if shown.is_empty() {
            "There are none.".to_string()
        } else {
            format!("There are {}{more}.", shown.join(", "))
        });
        self.report(diagnostic)
    }

    /// The mathematics of one chain; nothing for one that freezes.
    fn group(
        &mut self,
        read: &Read<'a>,
        module: usize,
        links: &[Link<'a>],
        span: Span,
        unit: Unit<'_>,
        fields: &mut Fields,
    ) -> Outcome<Option<Group>> {
        // a pool of its own: whatever belongs to the pool of the model is put aside
        let equations = std::mem::take(&mut self.equations);
        let constants_done = std::mem::take(&mut self.constants_done);
        let replaced = std::mem::take(&mut self.replaced);
        let intervals = std::mem::take(&mut self.intervals);
        let origins = std::mem::take(&mut self.origins);
        let by_name = std::mem::take(&mut self.by_name);
        let next_number = std::mem::take(&mut self.next_number);
        let bound = std::mem::take(&mut self.bound);
        let (assertions, solved, parameters) = (self.assertions.len(), self.solved.len(), self.parameters.len());
        if let Unit::Tensor(_) = unit {
            // the sizes of shapes keep their meaning
            self.equations.pool = read.forward.equations.pool.clone();
        }
        let result = self.group_in_own_pool(&read.frame, module, links, span, unit, fields);
        let own = std::mem::replace(&mut self.equations, equations);
        let own_origins = std::mem::replace(&mut self.origins, origins);
        self.constants_done = constants_done;
        self.replaced = replaced;
        self.intervals = intervals;
        self.by_name = by_name;
        self.next_number = next_number;
        self.bound = bound;
        let result = result?;
        if self.parameters.len() > parameters {
            self.parameters.truncate(parameters);
            self.text_order.clear();
            let message = "an optimizer has no parameters of its own";
            return Err(self.report(Diagnostic::error("NN0606", span, message).help("apply layers without parameters, and keep a `state`")));
        }
        if self.assertions.len() > assertions || self.solved.len() > solved {
            self.assertions.truncate(assertions);
            self.solved.truncate(solved);
            let message = "this optimizer compares sizes that only rustc knows";
            return Err(self.report(Diagnostic::error("NN0204", span, message).help("write the sizes as numbers")));
        }
        Ok(result.map(|group| Group { equations: own, origins: own_origins, ..group }))
    }

    fn group_in_own_pool(
        &mut self,
        model: &Frame<'a>,
        module: usize,
        links: &[Link<'a>],
        span: Span,
        unit: Unit<'_>,
        fields: &mut Fields,
    ) -> Outcome<Option<Group>> {
        let mut outer = Frame::new(module, &model.definition, Place::Optimizer, true);
        outer.statement = span;
        let mut elements = None;
        let axes = match unit {
            Unit::Element => {
                let size = self.equations.pool.size(ELEMENTS, 1);
                elements = Some(self.equations.pool.name(ELEMENTS));
                outer.front.push(FrontAxis { size, label: "e".to_string() });
                vec![size]
            }
            Unit::Tensor(shape) => {
                let front = |(number, &size)| FrontAxis { size, label: super::whole::axis_label(number) };
                outer.front.extend(shape.iter().enumerate().map(front));
                shape.to_vec()
            }
        };
        let parameter = self.given_element("parameter", Role::Parameter, axes.clone());
        let mut gradient = self.given_element("gradient", Role::Input, axes);
        let step = self.given_element("step", Role::Number, Vec::new());
        let step = self.equations.pool.read(step.name, Vec::new());
        outer.values.insert("step".to_string(), Value::Real(step));
        let mut current = parameter.clone();
        let mut states = Vec::new();
        let mut updated = false;
        let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
        let mut labels: BTreeMap<&str, Span> = BTreeMap::new();
        for link in links {
            let Some(callee) = self.callee(module, &link.name.text) else {
                return Err(self.unknown_optimizer(module, link));
            };
            let ItemKind::Optimizer(definition) = &callee.item.kind else {
                let message = format!("`{}` is not an optimizer", link.name.text);
                return Err(self.report(Diagnostic::error("NN0606", link.name.span, message)));
            };
            let Body::Block { ports, results, statements } = &definition.body else { return Err(Reported) };
            if let Some(label) = link.label
                && let Some(first) = labels.insert(&label.text, label.span)
            {
                let diagnostic = super::names::defined_twice(&label.text, first, label.span);
                return Err(self.report(diagnostic));
            }
            self.check_optimizer_ports(definition, ports, statements)?;
            if results.is_empty() && statements.is_empty() {
                return Ok(None);
            }
            let count = counts.entry(&link.name.text).or_default();
            *count += 1;
            let local = match (link.label, *count) {
                (Some(label), _) => label.text.clone(),
                (None, 1) => link.name.text.clone(),
                (None, count) => format!("{}{count}", link.name.text),
            };
            self.enter(callee, &definition.name.text, link.span)?;
            let stage = Stage { local: &local, labelled: link.label.is_some(), ports, statements, results };
            let result = self.optimizer_stage(&mut outer, callee, definition, link, &stage, [&parameter, &current, &gradient], fields);
            self.leave();
            let done = result?;
            if let Some(next) = done.updated {
                current = next;
                updated = true;
            }
            if let Some(passed) = done.passed {
                gradient = passed;
            }
            states.extend(done.states);
        }
        if !updated {
            let message = "this optimizer updates nothing";
            let help = "end the chain in an update: `clip_norm(1.0) -> adam()`; `none` freezes";
            return Err(self.report(Diagnostic::error("NN0609", span, message).help(help)));
        }
        Ok(Some(Group {
            parameters: Vec::new(),
            equations: Default::default(),
            elements,
            update: current.name,
            states,
            origins: BTreeMap::new(),
        }))
    }

    /// An optimizer has two ports without kinds, and no say in the batch of a model.
    fn check_optimizer_ports(&mut self, definition: &'a Definition, ports: &'a [Port], statements: &'a [Statement]) -> Outcome<()> {
        let name = &definition.name.text;
        if ports.len() != 2 {
            let found = match ports {
                [] => "no port".to_string(),
                [one] => format!("one port, `{}`", one.name.text),
                more => format!("{} ports", more.len()),
            };
            let message = format!("optimizer `{name}` has {found}");
            let help = format!("an optimizer has two, the parameter and its gradient: `optimizer {name}(p, g) {{ … }}`");
            return Err(self.report(Diagnostic::error("NN0606", definition.name.span, message).help(help)));
        }
        if let Some(kind) = ports.iter().find_map(|port| port.kind.as_ref()) {
            let message = format!("a port of optimizer `{name}` has a kind");
            return Err(
                self.report(Diagnostic::error("NN0406", kind.span, message).help("parameters and gradients are reals: leave it out"))
            );
        }
        let mut unbatched = None;
        super::bodies::visit_statements(statements, &mut |statement| {
            if statement.kind == StatementKind::Unbatched {
                unbatched.get_or_insert(statement.span);
            }
        });
        if let Some(span) = unbatched {
            let message = "`unbatched` stands in an optimizer";
            return Err(self.report(Diagnostic::error("NN0602", span, message).help("it belongs to the `model`")));
        }
        Ok(())
    }

    fn unknown_optimizer(&mut self, module: usize, link: &Link<'a>) -> Reported {
        let library = self.modules.len() - 1;
        let mut names: BTreeSet<&str> = BTreeSet::new();
        for at in [module, library] {
            names.extend(
                self.modules[at].items.iter().filter(|(_, item)| matches!(item.kind, ItemKind::Optimizer(_))).map(|(name, _)| *name),
            );
        }
        let message = format!("no optimizer is called `{}`", link.name.text);
        let mut diagnostic = Diagnostic::error("NN0102", link.name.span, message);
        if let Some(near) = super::names::nearest(&link.name.text, names.into_iter()) {
            diagnostic = diagnostic.replace(format!("did you mean `{near}`?"), link.name.span, near);
        }
        self.report(diagnostic)
    }

    /// A tensor that the equations of a group are given: over all front axes of the chain, or a number.
    pub(super) fn given_element(&mut self, name: &str, role: Role, axes: Vec<Index>) -> Tensor {
        let name = self.equations.pool.name(name);
        let front = all_front(axes.len());
        self.equations.insert(name, crate::equations::Tensor::given(role, axes));
        Tensor { name, front, axes: Vec::new(), integer: None }
    }
}

/// The bits of all of so many front axes.
pub(super) fn all_front(count: usize) -> u64 {
    (1u64 << count.min(63)) - 1
}

/// The ports of an optimizer.
fn ports_of(definition: &Definition) -> &[Port] {
    match &definition.body {
        Body::Block { ports, .. } => ports,
        Body::Chain(_) => &[],
    }
}

/// Whether a pattern matches a name; `*` stands for one or more segments.
pub(super) fn matches(pattern: &Pattern, name: &str) -> bool {
    let segments: Vec<&str> = name.split('.').collect();
    // reached[k]: what has been read of the pattern matches the first k segments
    let mut reached = vec![false; segments.len() + 1];
    reached[0] = true;
    for part in &pattern.path.segments {
        let mut next = vec![false; segments.len() + 1];
        for k in 0..segments.len() {
            let goes_on = if part.text == "*" { reached[k] || next[k] } else { reached[k] && segments[k] == part.text };
            next[k + 1] = next[k + 1] || goes_on;
        }
        reached = next;
    }
    reached[segments.len()]
}
