//! One stage of a chain of optimizers: an optimizer's body with the parameter and its gradient for its ports.
//!
//! Where its ports have no axes it is read at an element, the axes of the parameter in front; where they have, the parameter is a tensor
//! of the body. What goes from one stage to the next is over all axes in both cases, and only changes which of them the body sees.

use super::Elaboration;
use super::apply::Link;
use super::define::Root;
use super::optimizers::all_front;
use super::values::{Bound, Callee, Context, Frame, Outcome, Place, Reported, Tensor, Value};
use crate::equations::{Index, Name as Tensors, Role};
use crate::model::{Field, GroupState};
use nnc_grammar::tree::{Binder, Definition, Dim, DimKind, Expression, ExpressionKind, Name, Port, Statement, StatementKind};
use nnc_grammar::{Diagnostic, Span};
use std::collections::{BTreeMap, BTreeSet};

/// The body of an optimizer in a chain.
pub(super) struct Stage<'s, 'a> {
    /// What it is called in the chain.
    pub local: &'s str,
    /// Whether that is a label.
    pub labelled: bool,
    pub ports: &'a [Port],
    pub statements: &'a [Statement],
    pub results: &'a [Name],
}

/// What a stage does.
pub(super) struct Done {
    /// The parameter after it.
    pub updated: Option<Tensor>,
    /// The gradient that it passes on.
    pub passed: Option<Tensor>,
    pub states: Vec<GroupState>,
}

/// Numbers of the generated optimizer.
#[derive(Default)]
pub(super) struct Fields {
    pub list: Vec<Field>,
    /// The chain that is being read.
    pub chain: usize,
    /// By chain, stage and hyper-parameter: a chain that is read for several shapes has its fields once.
    known: BTreeMap<(usize, String, String), String>,
}

impl Fields {
    /// The name of the field of a hyper-parameter; the label of its stage stands in it.
    fn name(&mut self, (stage, labelled): (&str, bool), hyper: &str, value: f64) -> String {
        let key = (self.chain, stage.to_string(), hyper.to_string());
        if let Some(name) = self.known.get(&key) {
            return name.clone();
        }
        let taken = |name: &str| {
            self.list.iter().any(|field| field.name == name) || matches!(name, "step" | "parameter" | "gradient" | "workspace")
        };
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
        self.list.push(Field { name: name.clone(), value, docs });
        self.known.insert(key, name.clone());
        name
    }
}

impl<'a> Elaboration<'a> {
    /// Reads one stage; `parameter` is that before the step, `current` what earlier stages made of it.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn optimizer_stage(
        &mut self,
        outer: &mut Frame<'a>,
        callee: Callee<'a>,
        definition: &'a Definition,
        link: &Link<'a>,
        stage: &Stage<'_, 'a>,
        [parameter, current, gradient]: [&Tensor; 3],
        fields: &mut Fields,
    ) -> Outcome<Done> {
        let name = &definition.name.text;
        let [p, g] = stage.ports else { return Err(Reported) };
        let whole = !p.axes.is_empty();
        if whole == g.axes.is_empty() {
            let message = format!("one port of optimizer `{name}` has axes and one has none");
            let help = "the gradient has the shape of the parameter: `(p[..S], g[..S])`";
            return Err(self.report(Diagnostic::error("NN0606", definition.name.span, message).help(help)));
        }
        let given = self.hypers(outer, definition, link.arguments, link.span)?;
        let mut inner = Frame::new(callee.module, name, Place::Optimizer, true);
        inner.scopes[0].path = stage.local.to_string();
        inner.statement = definition.name.span;
        inner.values = given;
        inner.values.extend(outer.values.iter().map(|(name, value)| (name.clone(), value.clone())));
        let hypers = definition.hypers.as_deref().unwrap_or_default();
        let inputs = [self.over_unit(outer, current, whole, link.span)?, self.over_unit(outer, gradient, whole, link.span)?];
        if whole {
            let lifted = self.bind_ports(&mut inner, definition, stage.ports, &inputs, link.span)?;
            self.defaults(&mut inner, hypers)?;
            self.check_ports(&mut inner, definition, stage.ports, &inputs, lifted, link.span)?;
        } else {
            inner.front = outer.front.clone();
            self.defaults(&mut inner, hypers)?;
            for (port, tensor) in [p, g].into_iter().zip(&inputs) {
                inner.values.insert(port.name.text.clone(), Value::Tensor(tensor.clone()));
                inner.places.insert(port.name.text.clone(), port.name.span);
            }
        }
        let fixed = fixed_names(stage.ports, stage.statements);
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
                        let field = fields.name((stage.local, stage.labelled), &hyper.name.text, number);
                        let field = self.given_element(&field, Role::Number, Vec::new()).name;
                        Some(Value::Field(self.equations.pool.read(field, Vec::new()), Box::new(value)))
                    }
                    _ => None,
                },
            };
            if let Some(changed) = changed {
                inner.values.insert(hyper.name.text.clone(), changed);
            }
        }
        let original = self.over_unit(outer, parameter, whole, link.span)?;
        self.states_open.push((p.name.text.clone(), original, Vec::new()));
        let rest = self.run_body(&mut inner, stage.statements);
        let (updates, outcome) = match rest {
            Ok(rest) => self.updates_of(&mut inner, p, rest, whole),
            Err(reported) => (BTreeMap::new(), Err(reported)),
        };
        let (_, _, opened) = self.states_open.pop().ok_or(Reported)?;
        outcome?;
        let passed = match stage.results {
            [] => None,
            [result, ..] => match inner.values.get(&result.text).cloned() {
                Some(Value::Tensor(tensor)) => Some(self.spread(outer, tensor, &result.text, result.span)?),
                Some(_) => return Err(Reported),
                None => {
                    let message = format!("result `{}` of `{name}` is not defined", result.text);
                    return Err(self.report(Diagnostic::error("NN0112", result.span, message)));
                }
            },
        };
        let mut states = Vec::new();
        for (state, tensor, initial) in opened {
            let next = match updates.get(state.as_str()) {
                Some((next, span)) => {
                    let axes = self.equations.tensors[&tensor].axes.clone();
                    self.spread_to(outer, next, &axes, &state, *span)?
                }
                None => tensor,
            };
            states.push(GroupState { name: format!("{}.{state}", stage.local), tensor, next, initial });
        }
        let updated = match updates.get(p.name.text.as_str()) {
            Some((next, span)) => Some(self.spread(outer, next.clone(), &p.name.text, *span)?),
            None => None,
        };
        Ok(Done { updated, passed, states })
    }

    /// The next values that a body states.
    fn updates_of(
        &mut self,
        inner: &mut Frame<'a>,
        p: &'a Port,
        rest: Vec<&'a Statement>,
        whole: bool,
    ) -> (BTreeMap<&'a str, (Tensor, Span)>, Outcome<()>) {
        let mut next: BTreeMap<&'a str, (Tensor, Span)> = BTreeMap::new();
        let mut outcome = Ok(());
        for statement in rest {
            inner.statement = statement.span;
            match &statement.kind {
                StatementKind::Update { name, binders, value } => {
                    let states = self.states_open.last().map_or(&[][..], |(_, _, opened)| opened.as_slice());
                    let known = states.iter().any(|(state, ..)| *state == name.text) || name.text == p.name.text;
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
                    if let Some(binder) = binders.first().filter(|_| !whole) {
                        let message = format!("`{}` is one element here and has no axes", name.text);
                        let help = format!("leave the indices out, or give the ports axes: `({}[..S], …)`", p.name.text);
                        outcome = Err(self.report(Diagnostic::error("NN0306", binder.span, message).help(help)));
                        continue;
                    }
                    let base = format!("{}.{}.next", inner.path(), name.text);
                    match self.equation_called(inner, name, base, binders, None, value) {
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
        (next, outcome)
    }

    /// A tensor over all axes of the parameter, as a body sees it: an element of it, or the whole.
    fn over_unit(&mut self, outer: &Frame<'a>, tensor: &Tensor, whole: bool, span: Span) -> Outcome<Tensor> {
        let tensor = self.spread(outer, tensor.clone(), "the gradient", span)?;
        let axes = outer.front.iter().map(|axis| axis.size).collect();
        Ok(if whole { Tensor { front: 0, axes, ..tensor } } else { tensor })
    }

    /// A value as one for each element of the parameter.
    fn spread(&mut self, outer: &Frame<'a>, tensor: Tensor, what: &str, span: Span) -> Outcome<Tensor> {
        let axes: Vec<Index> = outer.front.iter().map(|axis| axis.size).collect();
        let name = self.spread_to(outer, &tensor, &axes, what, span)?;
        Ok(Tensor { name, front: all_front(axes.len()), axes: Vec::new(), integer: None })
    }

    /// A value of this shape, or one number for all its elements.
    fn spread_to(&mut self, outer: &Frame<'a>, tensor: &Tensor, axes: &[Index], what: &str, span: Span) -> Outcome<Tensors> {
        let found = self.equations.tensors[&tensor.name].axes.clone();
        let same = found.len() == axes.len()
            && found.iter().zip(axes).all(|(&a, &b)| self.agree(a, b, format!("{what}: the shape must be that of the declaration")));
        if same {
            return Ok(tensor.name);
        }
        if !found.is_empty() {
            let (found, expected) = (self.show_shape(&found), self.show_shape(axes));
            let message = format!("`{what}` has shape {expected}, and this value has shape {found}");
            return Err(self.report(Diagnostic::error("NN0202", span, message)));
        }
        let base = format!("{}.each", self.equations.pool.text(tensor.name));
        let mut context = Context::new(outer, base.clone());
        // the axes may be those of a state, so they are the equation's own
        context.axes.clear();
        context.labels.clear();
        context.front = 0;
        let own: Vec<u32> = axes.iter().enumerate().map(|(k, &size)| context.axis(&super::whole::axis_label(k), size)).collect();
        let value = self.equations.pool.read(tensor.name, Vec::new());
        Ok(self.finish(outer, &context, &base, &own, Root::Value(value), None)?.name)
    }

    /// `state m = 0;` of an optimizer.
    pub(super) fn optimizer_state(&mut self, frame: &mut Frame<'a>, port: &'a Port, initial: Option<&'a Expression>) -> Outcome<Tensor> {
        let Some((p, parameter, _)) = self.states_open.last().cloned() else { return Err(Reported) };
        let whole = parameter.front == 0 && frame.front.is_empty();
        if !whole && !port.axes.is_empty() {
            let message = format!("state `{}` belongs to one element and has no axes", port.name.text);
            let help = format!("leave the axes out, or give the ports axes: `({p}[..S], …)`");
            return Err(self.report(Diagnostic::error("NN0306", port.span, message).help(help)));
        }
        let Some(initial) = initial else {
            let message = format!("state `{}` has no initial value", port.name.text);
            let help = format!("write `state {} = 0;`", self.text(port.span));
            return Err(self.report(Diagnostic::error("NN0603", port.span, message).help(help)));
        };
        let declared = self.declared_axes(frame, port)?;
        let mut context = Context::new(frame, format!("{}.{}", frame.path(), port.name.text));
        let mut axes = Vec::new();
        for &(size, label) in &declared {
            let axis = context.axis(label.unwrap_or(""), size);
            if let Some(label) = label {
                context.indices.insert(label.to_string(), Bound::Axis(axis));
            }
            axes.push(axis);
        }
        if whole && declared.iter().all(|(_, label)| label.is_none()) {
            context.whole = Some(axes);
        }
        let known = self.equations.tensors.len();
        let parameter_name = parameter.name;
        let current = frame.values.insert(p.clone(), Value::Tensor(parameter));
        let value = self.real(frame, &mut context, initial);
        if let Some(current) = current {
            frame.values.insert(p, current);
        }
        let value = value?;
        if self.equations.tensors.len() > known || self.equations.pool.tensors_of_scalar(value).iter().any(|&read| read != parameter_name) {
            let message = format!("the initial value of state `{}` is not an expression of the parameter's elements", port.name.text);
            let note =
                "It is made of numbers, sizes, the indices of its axes and elements of the parameter, without reductions and stages.";
            return Err(self.report(Diagnostic::error("NN0605", initial.span, message).note(note)));
        }
        let sizes: Vec<Index> = declared.iter().map(|&(size, _)| size).collect();
        let text = format!("{}.{}", frame.path(), port.name.text);
        let tensor = if whole {
            let name = self.given_element(&text, Role::State, sizes.clone()).name;
            Tensor { name, front: 0, axes: sizes, integer: None }
        } else {
            let axes = frame.front.iter().map(|axis| axis.size).collect();
            self.given_element(&text, Role::State, axes)
        };
        if let Some((_, _, opened)) = self.states_open.last_mut() {
            opened.push((port.name.text.clone(), tensor.name, value));
        }
        Ok(tensor)
    }
}

/// The names that sizes, initial values, indices, stages and the conditions around statements read: they cannot change between steps.
fn fixed_names<'s>(ports: &'s [Port], statements: &'s [Statement]) -> BTreeSet<&'s str> {
    fn note<'s>(expression: &'s Expression, names: &mut BTreeSet<&'s str>) {
        let mut stack = vec![expression];
        while let Some(expression) = stack.pop() {
            if let ExpressionKind::Name(path) = &expression.kind {
                names.insert(&path.segments[0].text);
            }
            super::walk::inside(expression, &mut |part| stack.push(part));
        }
    }
    fn note_dims<'s>(dims: &'s [Dim], names: &mut BTreeSet<&'s str>) {
        for dim in dims {
            if let DimKind::Expression(size) | DimKind::Named(_, size) = &dim.kind {
                note(size, names);
            }
        }
    }
    fn note_binders<'s>(binders: &'s [Binder], names: &mut BTreeSet<&'s str>) {
        binders.iter().filter_map(|binder| binder.range.as_ref()).for_each(|range| note(range, names));
    }
    fn note_stages<'s>(stages: &'s [nnc_grammar::tree::Stage], names: &mut BTreeSet<&'s str>) {
        let arguments = stages.iter().flat_map(|stage| stage.arguments.iter().flatten());
        arguments.for_each(|argument| note(&argument.value.value, names));
    }
    let mut names = BTreeSet::new();
    ports.iter().for_each(|port| note_dims(&port.axes, &mut names));
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
                        note_dims(&port.axes, &mut names);
                        if let Some(initial) = initial {
                            note(initial, &mut names);
                        }
                    }
                }
                StatementKind::Equation { binders, value, .. } | StatementKind::Update { binders, value, .. } => {
                    note_binders(binders, &mut names);
                    note_stages(&value.stages, &mut names);
                    let mut stack = vec![&value.value];
                    while let Some(expression) = stack.pop() {
                        match &expression.kind {
                            ExpressionKind::Read(_, dims) => note_dims(dims, &mut names),
                            ExpressionKind::Reduce { binders, .. } => note_binders(binders, &mut names),
                            ExpressionKind::Call { first, second: Some(_), .. } => {
                                first.iter().for_each(|argument| note(&argument.value.value, &mut names));
                            }
                            ExpressionKind::Group(flows) | ExpressionKind::Total(_, flows) => {
                                flows.iter().for_each(|flow| note_stages(&flow.stages, &mut names));
                            }
                            _ => {}
                        }
                        super::walk::inside(expression, &mut |part| stack.push(part));
                    }
                }
                StatementKind::Destructure { value, .. } => note_stages(&value.stages, &mut names),
                _ => {}
            }
        }
    }
    names
}
