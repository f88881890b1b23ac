//! `optimizer = clip_norm(1.0) -> adamw(lr = …);`: which chain governs which parameter, and the mathematics of one step of each.
//!
//! The elements of all parameters of a group are one front axis, so an optimizer's body is read as that of a scalar definition that is
//! lifted over it. `sum(all)` reads the gradient at every element of every trained parameter: what stands in front of it in the
//! chain is put in place of the gradient, element by element.

use super::Elaboration;
use super::apply::Link;
use super::define::{Reduced, Root};
use super::models::Read;
use super::values::{Context, Frame, FrontAxis, Outcome, Place, Reported, Tensor, Value};
use crate::equations::{Condition, Definition as Defining, Equations, Index, Name as Tensors, Reduction, Rewrite, Rewriter, Role, Scalar};
use crate::equations::{Pool, ScalarNode, Tensor as Defined};
use crate::model::{Field, Group, GroupState, Optimizer};
use nnc_grammar::tree::{
    Body, Definition, DimKind, Expression, ExpressionKind, ItemKind, Pattern, Port, Reducer, Statement, StatementKind,
};
use nnc_grammar::{Diagnostic, Span};
use std::collections::{BTreeMap, BTreeSet};

/// The size of the axis over the elements of a group.
const ELEMENTS: &str = "elements";
/// The size of the axis over the elements of all trained parameters.
const ALL: &str = "all";

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
            if patterns.is_empty() {
                governs.iter_mut().for_each(|governor| *governor = Some(number));
            }
            for pattern in patterns {
                let mut any = false;
                for (governor, name) in governs.iter_mut().zip(&names) {
                    if matches(pattern, name) {
                        *governor = Some(number);
                        any = true;
                    }
                }
                if !any {
                    outcome = Err(self.matches_nothing(pattern, &names));
                }
            }
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
        let mut optimizer = Optimizer::default();
        for (number, (links, span)) in chains.iter().enumerate() {
            let parameters: Vec<usize> = (0..names.len()).filter(|&parameter| governs[parameter] == Some(number)).collect();
            if parameters.is_empty() && !names.is_empty() {
                // every parameter has a later statement
                continue;
            }
            match self.group(&read.frame, module_of[number], links, *span, &mut optimizer.fields) {
                Ok(Some((equations, elements, update, states))) if !parameters.is_empty() => {
                    optimizer.groups.push(Group { parameters, equations, elements, update, states });
                }
                Ok(_) => {}
                Err(reported) => outcome = Err(reported),
            }
        }
        outcome?;
        Ok(optimizer)
    }

    fn matches_nothing(&mut self, pattern: &Pattern, names: &[String]) -> Reported {
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
    #[allow(clippy::type_complexity)]
    fn group(
        &mut self,
        model: &Frame<'a>,
        module: usize,
        links: &[Link<'a>],
        span: Span,
        fields: &mut Vec<Field>,
    ) -> Outcome<Option<(Equations, Tensors, Tensors, Vec<GroupState>)>> {
        // a pool of its own: whatever belongs to the pool of the model is put aside
        let equations = std::mem::take(&mut self.equations);
        let constants_done = std::mem::take(&mut self.constants_done);
        let replaced = std::mem::take(&mut self.replaced);
        let intervals = std::mem::take(&mut self.intervals);
        let origins = std::mem::take(&mut self.origins);
        let by_name = std::mem::take(&mut self.by_name);
        let next_number = std::mem::take(&mut self.next_number);
        let bound = std::mem::take(&mut self.bound);
        let result = self.group_in_own_pool(model, module, links, span, fields);
        let own = std::mem::replace(&mut self.equations, equations);
        self.constants_done = constants_done;
        self.replaced = replaced;
        self.intervals = intervals;
        self.origins = origins;
        self.by_name = by_name;
        self.next_number = next_number;
        self.bound = bound;
        Ok(result?.map(|(elements, update, states)| (own, elements, update, states)))
    }

    fn group_in_own_pool(
        &mut self,
        model: &Frame<'a>,
        module: usize,
        links: &[Link<'a>],
        span: Span,
        fields: &mut Vec<Field>,
    ) -> Outcome<Option<(Tensors, Tensors, Vec<GroupState>)>> {
        let size = self.equations.pool.size(ELEMENTS, 1);
        let elements = self.equations.pool.name(ELEMENTS);
        let mut outer = Frame::new(module, &model.definition, Place::Optimizer, true);
        outer.statement = span;
        outer.front.push(FrontAxis { size, label: "e".to_string() });
        let parameter = self.given_element("parameter", Role::Parameter, vec![size]);
        let mut gradient = self.given_element("gradient", Role::Input, vec![size]);
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
            let stage = Stage { local: &local, ports, statements, results };
            let result =
                self.optimizer_stage(&mut outer, callee.module, definition, link, &stage, [&parameter, &current, &gradient], fields);
            self.leave();
            let (next, passed, more) = result?;
            if let Some(next) = next {
                current = next;
                updated = true;
            }
            if let Some(passed) = passed {
                gradient = passed;
            }
            states.extend(more);
        }
        if !updated {
            let message = "this optimizer updates nothing";
            let help = "end the chain in an update: `clip_norm(1.0) -> adam()`; `none` freezes";
            return Err(self.report(Diagnostic::error("NN0609", span, message).help(help)));
        }
        Ok(Some((elements, current.name, states)))
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

    fn given_element(&mut self, name: &str, role: Role, axes: Vec<Index>) -> Tensor {
        let name = self.equations.pool.name(name);
        let front = u64::from(!axes.is_empty());
        self.equations.insert(name, Defined::given(role, axes));
        Tensor { name, front, axes: Vec::new(), integer: None }
    }

    /// One stage: the updated parameter, the gradient that it passes on, its states.
    #[allow(clippy::type_complexity, clippy::too_many_arguments)]
    fn optimizer_stage(
        &mut self,
        outer: &mut Frame<'a>,
        module: usize,
        definition: &'a Definition,
        link: &Link<'a>,
        stage: &Stage<'_, 'a>,
        [parameter, current, gradient]: [&Tensor; 3],
        fields: &mut Vec<Field>,
    ) -> Outcome<(Option<Tensor>, Option<Tensor>, Vec<GroupState>)> {
        let name = &definition.name.text;
        if let Some(port) = stage.ports.iter().find(|port| !port.axes.is_empty()) {
            let message = format!("`{name}` works on whole tensors, which is not built yet");
            let note = "Optimizers whose ports have axes, `p[..S]` or `p[M, N]`, are a later part of the language.";
            return Err(self.report(Diagnostic::error("NN0707", link.span, message).also(port.span, "this port has axes").note(note)));
        }
        let [p, g] = stage.ports else { return Err(Reported) };
        let given = self.hypers(outer, definition, link.arguments, link.span)?;
        let mut inner = Frame::new(module, name, Place::Optimizer, true);
        inner.scopes[0].path = stage.local.to_string();
        inner.statement = definition.name.span;
        inner.front = outer.front.clone();
        inner.values = given;
        inner.values.extend(outer.values.iter().map(|(name, value)| (name.clone(), value.clone())));
        let hypers = definition.hypers.as_deref().unwrap_or_default();
        self.defaults(&mut inner, hypers)?;
        let fixed = fixed_names(stage.statements);
        for hyper in hypers {
            inner.places.insert(hyper.name.text.clone(), hyper.name.span);
            let Some(value) = inner.values.get(&hyper.name.text).cloned() else { continue };
            let changed = match value {
                Value::Real(_) if fixed.contains(hyper.name.text.as_str()) => {
                    let message = format!("`{}` of `{name}` cannot be a schedule", hyper.name.text);
                    let note = "An initial value, a size or a condition around statements reads it, so it is one number for all steps.";
                    return Err(
                        self.report(Diagnostic::error("NN0204", link.span, message).also(hyper.name.span, "declared here").note(note))
                    );
                }
                Value::Real(schedule) => {
                    // one number for the whole step
                    let context = Context::new(&inner, String::new());
                    let base = format!("{}.{}", stage.local, hyper.name.text);
                    let tensor = self.finish(&inner, &context, &base, &[], Root::Value(schedule), None)?;
                    Some(Value::Real(self.equations.pool.read(tensor.name, Vec::new())))
                }
                value => match self.number_of(&value) {
                    Some(number) if !fixed.contains(hyper.name.text.as_str()) => {
                        let field = self.field(fields, (stage.local, link.label.is_some()), &hyper.name.text, number);
                        Some(Value::Field(self.equations.pool.read(field, Vec::new()), Box::new(value)))
                    }
                    _ => None,
                },
            };
            if let Some(changed) = changed {
                inner.values.insert(hyper.name.text.clone(), changed);
            }
        }
        for (port, tensor) in [(p, current), (g, gradient)] {
            inner.values.insert(port.name.text.clone(), Value::Tensor(tensor.clone()));
            inner.places.insert(port.name.text.clone(), port.name.span);
        }
        self.states_open.push((p.name.text.clone(), parameter.clone(), Vec::new()));
        let rest = self.run_body(&mut inner, stage.statements);
        let (_, _, opened) = self.states_open.pop().ok_or(Reported)?;
        let rest = rest?;
        let mut next: BTreeMap<&str, (Tensor, Span)> = BTreeMap::new();
        let mut outcome = Ok(());
        for statement in rest {
            inner.statement = statement.span;
            match &statement.kind {
                StatementKind::Update { name, binders, value } => {
                    if let Some(binder) = binders.first() {
                        let message = format!("an update of whole tensors, `{}[…] <- …`, is not built yet", name.text);
                        outcome = Err(self.report(Diagnostic::error("NN0707", binder.span, message)));
                        continue;
                    }
                    let known = opened.iter().any(|(state, ..)| *state == name.text) || name.text == p.name.text;
                    if !known {
                        let message = format!("`{}` is neither the parameter nor a state", name.text);
                        let help = format!("declare `state {} = 0;`", name.text);
                        outcome = Err(self.report(Diagnostic::error("NN0610", name.span, message).help(help)));
                        continue;
                    }
                    if let Some((_, first)) = next.get(name.text.as_str()) {
                        let diagnostic =
                            Diagnostic::error("NN0610", name.span, format!("`{}` is updated twice", name.text)).also(*first, "the first");
                        outcome = Err(self.report(diagnostic));
                        continue;
                    }
                    match self.equation_of_update(&mut inner, &name.text, value) {
                        Ok(tensor) => {
                            next.insert(&name.text, (tensor, name.span));
                        }
                        Err(reported) => outcome = Err(reported),
                    }
                }
                _ => {
                    let message = "an optimizer has no loss, metric or optimizer of its own";
                    outcome = Err(self.report(Diagnostic::error("NN0602", statement.span, message)));
                }
            }
        }
        outcome?;
        let passed = match stage.results {
            [] => None,
            [result, ..] => match inner.values.get(&result.text).cloned() {
                Some(Value::Tensor(tensor)) => Some(tensor),
                Some(_) => return Err(Reported),
                None => {
                    let message = format!("result `{}` of `{name}` is not defined", result.text);
                    return Err(self.report(Diagnostic::error("NN0112", result.span, message)));
                }
            },
        };
        let states = opened
            .into_iter()
            .map(|(state, tensor, initial)| GroupState {
                name: format!("{}.{state}", stage.local),
                tensor,
                next: next.get(state.as_str()).map_or(tensor, |(tensor, _)| tensor.name),
                initial,
            })
            .collect();
        let updated = next.remove(p.name.text.as_str()).map(|(tensor, _)| tensor);
        Ok((updated, passed, states))
    }

    /// The next value of a parameter or state: a tensor over the elements.
    fn equation_of_update(&mut self, frame: &mut Frame<'a>, name: &str, value: &'a nnc_grammar::tree::Flow) -> Outcome<Tensor> {
        if value.stages.is_empty()
            && let ExpressionKind::Name(path) = &value.value.kind
            && let Some(tensor) = self.find_tensor(frame, 0, path)
            && tensor.front == 1
        {
            return Ok(tensor);
        }
        let base = format!("{}.{name}.next", frame.path());
        let mut context = Context::new(frame, base.clone());
        let scalar = if value.stages.is_empty() {
            self.real(frame, &mut context, &value.value)?
        } else {
            let found = self.flow_element(frame, &mut context, &value.value, value)?;
            self.real_of(found, value.span)?
        };
        // one value for each element, whatever it is made of
        context.used = 1;
        self.finish(frame, &context, &base, &[], Root::Value(scalar), None)
    }

    /// A number of the generated optimizer; the label of its stage stands in its name.
    fn field(&mut self, fields: &mut Vec<Field>, (stage, labelled): (&str, bool), hyper: &str, value: f64) -> Tensors {
        let taken = |name: &str| fields.iter().any(|field| field.name == name) || matches!(name, "step" | "parameter" | "gradient");
        let mut name = hyper.to_string();
        if labelled || taken(&name) {
            name = format!("{stage}_{hyper}");
        }
        let mut number = 2;
        while taken(&name) {
            name = format!("{stage}{number}_{hyper}");
            number += 1;
        }
        let docs = vec![format!("`{hyper}` of `{stage}`.")];
        fields.push(Field { name: name.clone(), value, docs });
        self.given_element(&name, Role::Number, Vec::new()).name
    }

    /// `state m = 0;` of an optimizer.
    pub(super) fn optimizer_state(&mut self, frame: &mut Frame<'a>, port: &'a Port, initial: Option<&'a Expression>) -> Outcome<Tensor> {
        if !port.axes.is_empty() {
            let message = format!("state `{}` of whole tensors is not built yet", port.name.text);
            return Err(self.report(Diagnostic::error("NN0707", port.span, message)));
        }
        let Some(initial) = initial else {
            let message = format!("state `{}` has no initial value", port.name.text);
            let help = format!("write `state {} = 0;`", port.name.text);
            return Err(self.report(Diagnostic::error("NN0603", port.span, message).help(help)));
        };
        let Some((p, parameter, _)) = self.states_open.last().cloned() else { return Err(Reported) };
        let current = frame.values.insert(p.clone(), Value::Tensor(parameter));
        let mut context = Context::new(frame, String::new());
        let value = self.real(frame, &mut context, initial);
        if let Some(current) = current {
            frame.values.insert(p, current);
        }
        let value = value?;
        let size = frame.front[0].size;
        let tensor = self.given_element(&format!("{}.{}", frame.path(), port.name.text), Role::State, vec![size]);
        if let Some((_, _, opened)) = self.states_open.last_mut() {
            opened.push((port.name.text.clone(), tensor.name, value));
        }
        Ok(tensor)
    }

    /// `sum(all) …`: over all elements of all trained parameters.
    pub(super) fn over_all(
        &mut self,
        frame: &mut Frame<'a>,
        context: &mut Context,
        span: Span,
        reducer: Reducer,
        condition: Option<&'a Expression>,
        body: &'a Expression,
    ) -> Outcome<Value> {
        if frame.place != Place::Optimizer || context.all.is_some() {
            let message = "`all` runs over the elements of all parameters, in an optimizer only";
            return Err(self.report(Diagnostic::error("NN0607", span, message)));
        }
        let size = self.equations.pool.size(ALL, 1);
        let axis = context.axis("e", size);
        let used = context.used;
        context.all = Some(axis);
        let condition = match condition {
            Some(condition) => self.condition(frame, context, condition),
            None => Ok(Condition::TRUE),
        };
        let body = self.real(frame, context, body);
        context.all = None;
        context.used = used;
        let (condition, body) = (condition?, body?);
        let simple = |reduction| Reduced { reduction, axes: vec![axis], condition, body };
        match reducer {
            Reducer::Sum => self.lift(frame, context, "sum", simple(Reduction::Sum)).map(Value::Real),
            Reducer::Max => self.lift(frame, context, "max", simple(Reduction::Max)).map(Value::Real),
            _ => {
                let message = format!("`{}(all)` is not defined", super::whole::word(reducer));
                Err(self.report(Diagnostic::error("NN0607", span, message).help("`sum(all)` and `max(all)` are")))
            }
        }
    }

    /// What a tensor over the elements is at an element of all parameters.
    pub(super) fn read_all(&mut self, context: &mut Context, tensor: &Tensor, axis: u32, span: Span) -> Outcome<Value> {
        if tensor.front == 0 {
            return Ok(Value::Real(self.equations.pool.read(tensor.name, Vec::new())));
        }
        let at = self.equations.pool.axis(axis, context.axes[axis as usize]);
        self.at_all(tensor.name, at, span, 0).map(Value::Real)
    }

    fn at_all(&mut self, name: Tensors, at: Index, span: Span, depth: u32) -> Outcome<Scalar> {
        let Some(defined) = self.equations.tensors.get(&name).cloned() else { return Err(Reported) };
        let text = self.equations.pool.text(name).to_string();
        match defined.definition {
            Defining::Given(role @ (Role::Parameter | Role::Input)) => {
                let size = self.equations.pool.size(ALL, 1);
                let all = self.equations.pool.name(&format!("{ALL}.{text}"));
                self.equations.insert(all, Defined::given(role, vec![size]));
                Ok(self.equations.pool.read(all, vec![at]))
            }
            Defining::Equation(equation) if equation.reduction.is_none() && depth < 64 => {
                let mut known = BTreeMap::new();
                for read in self.equations.pool.real_reads(equation.body) {
                    if let ScalarNode::Read { tensor, at: own } = self.equations.pool.scalar(read).clone()
                        && !own.is_empty()
                    {
                        known.insert(read, self.at_all(tensor, at, span, depth + 1)?);
                    }
                }
                Ok(Rewriter::new(&mut self.equations.pool, Replace(known)).scalar(equation.body))
            }
            _ => {
                let message = format!("`{text}` is not known at the elements of all parameters");
                let note = "In `sum(all)` stand the gradient, the parameter, and what is made of them element by element without a state.";
                Err(self.report(Diagnostic::error("NN0607", span, message).note(note)))
            }
        }
    }
}

/// Reads, and what stands for them.
struct Replace(BTreeMap<Scalar, Scalar>);

impl Rewrite for Replace {
    fn scalar(&mut self, _pool: &mut Pool, scalar: Scalar) -> Option<Scalar> {
        self.0.get(&scalar).copied()
    }
}

/// The body of an optimizer in a chain.
struct Stage<'s, 'a> {
    local: &'s str,
    ports: &'a [Port],
    statements: &'a [Statement],
    results: &'a [nnc_grammar::tree::Name],
}

/// The names that sizes, initial values and the conditions around statements read: they cannot change between steps.
fn fixed_names(statements: &[Statement]) -> BTreeSet<&str> {
    fn note<'s>(expression: &'s Expression, names: &mut BTreeSet<&'s str>) {
        let mut stack = vec![expression];
        while let Some(expression) = stack.pop() {
            if let ExpressionKind::Name(path) = &expression.kind {
                names.insert(&path.segments[0].text);
            }
            super::walk::inside(expression, &mut |part| stack.push(part));
        }
    }
    let mut names = BTreeSet::new();
    let mut open = vec![statements];
    while let Some(statements) = open.pop() {
        for statement in statements {
            match &statement.kind {
                StatementKind::If { arms, otherwise } => {
                    for (condition, statements) in arms {
                        note(condition, &mut names);
                        open.push(statements);
                    }
                    open.extend(otherwise.as_deref());
                }
                StatementKind::Let(_, value) => note(value, &mut names),
                StatementKind::Declare { tensors, .. } => {
                    for (port, initial) in tensors {
                        for dim in &port.axes {
                            if let DimKind::Expression(size) | DimKind::Named(_, size) = &dim.kind {
                                note(size, &mut names);
                            }
                        }
                        if let Some(initial) = initial {
                            note(initial, &mut names);
                        }
                    }
                }
                _ => {}
            }
        }
    }
    names
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
