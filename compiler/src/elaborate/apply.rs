//! Applying a definition: ports and lifting (for hyper-parameters see [`hypers`](super::hypers)).
//!
//! An argument may have axes in front of those of its port. They become front axes of the definition's frame: hidden from its body,
//! and in front of every tensor in it that depends on a lifted argument.

use super::Elaboration;
use super::batch::{hide_batch, is_batch, sees_batch};
use super::define::Root;
use super::values::{Callee, Context, Frame, FrontAxis, Outcome, Place, Reported, Tensor, Value, required};
use crate::equations::Index;
use crate::model::BATCH;
use nnc_grammar::tree::{
    Argument, Body, Definition, DimKind, Expression, ExpressionKind, Hyper, ItemKind, KindKind, Name, Port, Stage, Statement, StatementKind,
};
use nnc_grammar::{Diagnostic, Span};
use std::collections::BTreeMap;

/// No more definitions are inside of each other.
const MOST_DEPTH: usize = 100;
/// No more stages are expanded for one model.
const MOST_STAGES: u64 = 25_000;

/// A stage as it is applied: of a chain, a call, or the head of a chain argument.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link<'a> {
    pub label: Option<&'a Name>,
    pub name: &'a Name,
    pub arguments: &'a [Argument],
    pub span: Span,
}

impl<'a> Link<'a> {
    pub(super) fn of_stage(stage: &'a Stage) -> Self {
        Link { label: stage.label.as_ref(), name: &stage.name, arguments: stage.arguments.as_deref().unwrap_or_default(), span: stage.span }
    }
}

/// What stands at each element, of the values there.
type Pointwise<'f, 'a> = dyn FnMut(&mut Elaboration<'a>, &mut Context, Vec<Value>) -> Outcome<Value> + 'f;

/// A definition that is being applied.
#[derive(Clone, Debug)]
pub(super) struct Application {
    pub span: Span,
    pub name: String,
    pub item: usize,
}

impl<'a> Elaboration<'a> {
    /// Notes that a definition is applied; refuses one inside of itself, and nesting without end.
    pub(super) fn enter(&mut self, callee: Callee<'a>, name: &str, span: Span) -> Outcome<()> {
        let item = std::ptr::from_ref(callee.item) as usize;
        if let Some(first) = self.applications.iter().position(|application| application.item == item) {
            let message = format!("`{name}` needs itself");
            let help = "a definition cannot be recursive: repeat it, as in `repeat(3, block)`";
            let mut diagnostic = Diagnostic::error("NN0111", span, message).label("applied inside of its own definition");
            let others: Vec<String> = self.applications[first + 1..].iter().map(|application| format!("`{}`", application.name)).collect();
            if !others.is_empty() {
                diagnostic = diagnostic.note(format!("`{name}` applies {}, which applies `{name}`", others.join(", which applies ")));
            }
            return Err(self.report(diagnostic.help(help)));
        }
        if self.applications.len() >= MOST_DEPTH {
            let message = format!("definitions stand inside of each other more than {MOST_DEPTH} deep");
            return Err(self.report(Diagnostic::error("NN0510", span, message)));
        }
        self.used.insert(item);
        self.applications.push(Application { span, name: name.to_string(), item });
        Ok(())
    }
    pub(super) fn leave(&mut self) {
        self.applications.pop();
    }

    pub(super) fn given_by_name(&mut self, callee: &str, given: &Name, ports: &[&str]) -> Reported {
        let message = format!("`{}` of `{callee}` is given by position", given.text);
        let help = format!("only those with a default are given by name: `{callee}({})`", ports.join(", "));
        self.report(Diagnostic::error("NN0506", given.span, message).help(help))
    }
    pub(super) fn wrong_count(&mut self, name: &str, ports: &[&str], given: usize, span: Span, callee: Callee<'a>) -> Reported {
        let expected = if ports.len() == 1 { "1 argument".to_string() } else { format!("{} arguments", ports.len()) };
        let message = format!("`{name}` takes {expected}, not {given}");
        let help = format!("write `{name}({})`; what has a default is given by name", ports.join(", "));
        let mut diagnostic = Diagnostic::error("NN0501", span, message).help(help);
        if let Some(place) = super::names::name_span(callee.item) {
            diagnostic = diagnostic.also(place, "defined here");
        }
        self.report(diagnostic)
    }

    /// Applies what a link names to tensors: all results, the main one first.
    pub(super) fn apply(
        &mut self,
        frame: &mut Frame<'a>,
        link: &Link<'a>,
        callee: Callee<'a>,
        path: &str,
        inputs: Vec<Tensor>,
        bound: Option<BTreeMap<String, Value>>,
    ) -> Outcome<Vec<Tensor>> {
        let train = frame.train;
        self.stages += 1;
        if self.stages > MOST_STAGES {
            return Err(self.too_large(link.span));
        }
        match &callee.item.kind {
            ItemKind::Function { .. } => self.apply_function(frame, link, callee, path, inputs),
            ItemKind::Layer(definition) | ItemKind::Model(definition) => {
                let given = match bound {
                    Some(bound) => bound,
                    None => self.hypers(frame, definition, link.arguments, link.span)?,
                };
                self.enter(callee, &definition.name.text, link.span)?;
                let results = self.instantiate(frame, callee, definition, path, given, inputs, link.span, train);
                self.leave();
                if results.is_err() {
                    self.broken_stages.insert(path.to_string());
                }
                results
            }
            _ => {
                let message = format!("`{}` is not a layer or function", link.name.text);
                Err(self.report(Diagnostic::error("NN0102", link.name.span, message)))
            }
        }
    }

    /// A `fn` as a stage: on every element.
    fn apply_function(
        &mut self,
        frame: &mut Frame<'a>,
        link: &Link<'a>,
        callee: Callee<'a>,
        path: &str,
        inputs: Vec<Tensor>,
    ) -> Outcome<Vec<Tensor>> {
        let ItemKind::Function { name, hypers, .. } = &callee.item.kind else { return Err(Reported) };
        let ports: Vec<&str> = hypers.iter().filter(|hyper| required(hyper)).map(|hyper| hyper.name.text.as_str()).collect();
        if inputs.len() != ports.len() {
            return Err(self.wrong_count(&name.text, &ports, inputs.len(), link.span, callee));
        }
        let mut given: Vec<(String, Value)> = Vec::new();
        for argument in link.arguments {
            let Some(by_name) = &argument.name else {
                let message = format!("`{}` takes nothing by position here", name.text);
                let help = "the value comes from the left; what has a default is given by name";
                return Err(self.report(Diagnostic::error("NN0507", argument.span, message).help(help)));
            };
            match hypers.iter().find(|hyper| hyper.name.text == by_name.text) {
                Some(hyper) if !required(hyper) => {}
                Some(_) => return Err(self.given_by_name(&name.text, by_name, &ports)),
                None => {
                    let known = hypers.iter().filter(|hyper| !required(hyper)).map(|hyper| hyper.name.text.as_str()).collect();
                    return Err(self.no_such_hyper(&name.text, by_name, known));
                }
            }
            let value = self.compile_time(frame, &argument.value.value)?;
            given.push((by_name.text.clone(), value));
        }
        let ports: Vec<String> = ports.into_iter().map(str::to_string).collect();
        self.elementwise(frame, path, inputs, link.span, &name.text, &mut |this, context, values| {
            let mut all: Vec<(String, Value)> = ports.iter().cloned().zip(values).collect();
            all.extend(given.iter().cloned());
            this.inline(context, callee, all, link.span)
        })
        .map(|tensor| vec![tensor])
    }

    /// A pointwise equation over inputs of one shape.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn elementwise(
        &mut self,
        frame: &mut Frame<'a>,
        base: &str,
        inputs: Vec<Tensor>,
        span: Span,
        name: &str,
        body: &mut Pointwise<'_, 'a>,
    ) -> Outcome<Tensor> {
        let mut shape: Vec<Index> = Vec::new();
        for input in &inputs {
            if input.integer.is_some() {
                let message = format!("`{name}` takes reals, and this is an index tensor");
                return Err(self.report(
                    Diagnostic::error("NN0402", span, message)
                        .help("an index tensor is used as an index, in comparisons, or as a number in an expression"),
                ));
            }
            if input.axes.is_empty() {
                continue;
            }
            if shape.is_empty() {
                shape = input.axes.clone();
                continue;
            }
            let equal = shape.len() == input.axes.len()
                && shape.clone().iter().zip(&input.axes).all(|(&a, &b)| self.agree(a, b, format!("{name}: shapes must be equal")));
            if !equal {
                let (a, b) = (self.show_shape(&shape), self.show_shape(&input.axes));
                let message = format!("`{name}` is applied element by element to shapes {a} and {b}");
                return Err(self.report(Diagnostic::error("NN0202", span, message)));
            }
        }
        let mut context = Context::new(frame, base.to_string());
        let labels = inputs.iter().find(|input| !input.axes.is_empty()).map(|input| self.labels_of(input)).unwrap_or_default();
        let axes: Vec<u32> = shape
            .iter()
            .enumerate()
            .map(|(k, &size)| context.axis(&labels.get(k).cloned().unwrap_or_else(|| super::whole::axis_label(k)), size))
            .collect();
        context.whole = Some(axes.clone());
        let mut values = Vec::new();
        for input in &inputs {
            values.push(self.whole_element(frame, &mut context, input, &axes, span)?);
        }
        let value = body(self, &mut context, values)?;
        let scalar = self.real_of(value, span)?;
        self.finish(frame, &context, base, &axes, Root::Value(scalar), None)
    }

    /// The names of a tensor's own axes.
    pub(super) fn labels_of(&self, tensor: &Tensor) -> Vec<String> {
        let front = tensor.front.count_ones() as usize;
        let labels = self.equations.tensors.get(&tensor.name).map(|defined| defined.labels.as_slice()).unwrap_or_default();
        labels.iter().skip(front).take(tensor.axes.len()).cloned().collect()
    }

    #[allow(clippy::too_many_arguments)]
    fn instantiate(
        &mut self,
        frame: &mut Frame<'a>,
        callee: Callee<'a>,
        definition: &'a Definition,
        path: &str,
        mut given: BTreeMap<String, Value>,
        inputs: Vec<Tensor>,
        span: Span,
        train: bool,
    ) -> Outcome<Vec<Tensor>> {
        let hypers: &'a [Hyper] = definition.hypers.as_deref().unwrap_or_default();
        let place = if matches!(callee.item.kind, ItemKind::Model(_)) { Place::ModelAsLayer } else { Place::Layer };
        let mut inner = Frame::new(callee.module, &definition.name.text, place, train);
        inner.scopes[0].path = path.to_string();
        inner.statement = definition.name.span;
        inner.front = frame.front.clone();
        inner.hides_batch = frame.hides_batch;
        inner.fixed = frame.fixed;
        inner.values.append(&mut given);
        for hyper in hypers {
            for name in std::iter::once(&hyper.name).chain(&hyper.parts) {
                inner.places.insert(name.text.clone(), name.span);
            }
        }
        match &definition.body {
            Body::Chain(chain) => {
                self.defaults(&mut inner, hypers)?;
                self.bound.insert(path.to_string(), self.only_hypers(&inner, hypers));
                let links: Vec<Link<'a>> = chain.stages.iter().map(Link::of_stage).collect();
                self.scope_of_chain(&mut inner, 0, &chain.stages);
                self.run_links(&mut inner, 0, &links, inputs)
            }
            Body::Block { ports, results, statements } => {
                let sees = ports.iter().any(sees_batch);
                let inputs = if sees { self.show_batch(frame, &mut inner, definition, ports, inputs, span)? } else { inputs };
                let lifted = self.bind_ports(&mut inner, definition, ports, &inputs, span)?;
                self.defaults(&mut inner, hypers)?;
                self.check_ports(&mut inner, definition, ports, &inputs, lifted, span)?;
                self.bound.insert(path.to_string(), self.only_hypers(&inner, hypers));
                let rest = self.run_body(&mut inner, statements)?;
                self.only_in_models(place, statements, rest)?;
                let mut tensors = Vec::new();
                for result in results {
                    let outer = if sees { 0 } else { frame.front.len() };
                    let tensor = self.result(&inner, result, outer)?;
                    tensors.push(if sees { hide_batch(frame, tensor) } else { tensor });
                }
                Ok(tensors)
            }
        }
    }

    /// Refuses in a layer what belongs to a model.
    fn only_in_models(&mut self, place: Place, statements: &'a [Statement], rest: Vec<&'a Statement>) -> Outcome<()> {
        let mut outcome = Ok(());
        let unbatched = statements.iter().filter(|statement| statement.kind == StatementKind::Unbatched);
        for statement in rest.into_iter().chain(unbatched) {
            let what = match &statement.kind {
                _ if place == Place::ModelAsLayer => continue,
                StatementKind::Loss { .. } => "loss",
                StatementKind::Metric(..) => "metric",
                StatementKind::Optimizer { .. } => "optimizer",
                StatementKind::Unbatched => "unbatched",
                _ => continue,
            };
            let message = format!("`{what}` stands in a layer");
            let help = "it belongs to the `model` that uses the layer";
            outcome = Err(self.report(Diagnostic::error("NN0602", statement.span, message).help(help)));
        }
        outcome
    }

    /// Binds sizes that ports name plainly, and packs; finds the axes that are lifted over. Returns for each input how many they are.
    pub(super) fn bind_ports(
        &mut self,
        frame: &mut Frame<'a>,
        definition: &'a Definition,
        ports: &'a [Port],
        inputs: &[Tensor],
        span: Span,
    ) -> Outcome<Vec<usize>> {
        let name = &definition.name.text;
        for (number, port) in ports.iter().enumerate() {
            if let Some(first) = ports[..number].iter().find(|other| other.name.text == port.name.text) {
                return Err(self.report(super::names::defined_twice(&port.name.text, first.name.span, port.name.span)));
            }
        }
        if inputs.len() != ports.len() {
            let takes = if ports.len() == 1 { "1 input".to_string() } else { format!("{} inputs", ports.len()) };
            let message = format!("`{name}` takes {takes}, not {}", inputs.len());
            let shown: Vec<&str> = ports.iter().map(|port| port.name.text.as_str()).collect();
            let help = format!("write `({}) -> {name}`", shown.join(", "));
            return Err(self.report(Diagnostic::error("NN0501", span, message).also(definition.name.span, "defined here").help(help)));
        }
        let mut lifted = Vec::new();
        let mut front: Option<(Vec<Index>, &str)> = None;
        for (port, input) in ports.iter().zip(inputs) {
            let packs = port.axes.iter().filter(|dim| matches!(dim.kind, DimKind::Pack(_))).count();
            if packs > 1 {
                let message = format!("port `{}` has more than one pack", port.name.text);
                return Err(self.report(Diagnostic::error("NN0208", port.span, message)));
            }
            let fixed = port.axes.len() - packs;
            let Some(extra) = input.axes.len().checked_sub(fixed) else {
                let shape = self.show_shape(&input.axes);
                let needs = if fixed == 1 { "1 axis".to_string() } else { format!("{fixed} axes") };
                let message = format!("`{name}` needs {needs} in `{}`, and its input has shape {shape}", port.name.text);
                return Err(self.report(Diagnostic::error("NN0208", span, message).also(port.span, "this port")));
            };
            let extra = if packs == 1 { 0 } else { extra };
            if extra > 0 && ports.iter().any(sees_batch) {
                let shape = self.show_shape(&input.axes);
                let message = format!("`{name}` sees the batch and cannot be lifted: its input has shape {shape}, batch and all");
                let help = format!("`{}` takes {fixed} of these axes; `..S` in the port would take any number", port.name.text);
                return Err(self.report(Diagnostic::error("NN0704", span, message).also(port.span, "this port").help(help)));
            }
            lifted.push(extra);
            let packed = if packs == 1 { input.axes.len() - fixed } else { 0 };
            if extra > 0 {
                let axes = &input.axes[..extra];
                match &front {
                    None => {
                        front = Some((axes.to_vec(), &port.name.text));
                        let labels = self.labels_of(input);
                        for (k, &size) in axes.iter().enumerate() {
                            let label = labels.get(k).cloned().unwrap_or_else(|| format!("f{}", k + 1));
                            frame.front.push(FrontAxis { size, label });
                        }
                    }
                    Some((known, other)) => {
                        let equal = known.len() == axes.len()
                            && known
                                .clone()
                                .iter()
                                .zip(axes)
                                .all(|(&a, &b)| self.agree(a, b, format!("{name}: axes in front must be equal")));
                        if !equal {
                            let (a, b) = (self.show_shape(known), self.show_shape(axes));
                            let message = format!("`{name}` is lifted over {a} in `{other}` but over {b} in `{}`", port.name.text);
                            let help = "inputs have the same axes in front of those of their ports, or none";
                            return Err(self.report(Diagnostic::error("NN0502", span, message).also(port.span, "this port").help(help)));
                        }
                    }
                }
            }
            let mut at = extra;
            for dim in &port.axes {
                match &dim.kind {
                    DimKind::Pack(pack) => {
                        let sizes = input.axes[at..at + packed].to_vec();
                        at += packed;
                        if let Some(Value::Pack(known)) = frame.values.get(&pack.text).cloned() {
                            let equal = known.len() == sizes.len()
                                && known
                                    .iter()
                                    .zip(&sizes)
                                    .all(|(&a, &b)| self.agree(a, b, format!("{name}: axes ..{} must be equal", pack.text)));
                            if !equal {
                                let (a, b) = (self.show_shape(&known), self.show_shape(&sizes));
                                let message = format!("`..{}` of `{name}` is {a} in one input and {b} in `{}`", pack.text, port.name.text);
                                return Err(self.report(Diagnostic::error("NN0202", span, message).also(port.span, "this port")));
                            }
                        } else {
                            frame.values.insert(pack.text.clone(), Value::Pack(sizes));
                            frame.places.insert(pack.text.clone(), pack.span);
                        }
                    }
                    DimKind::Expression(Expression { kind: ExpressionKind::Name(path), .. }) if path.segments.len() == 1 => {
                        let size = &path.segments[0];
                        if !frame.values.contains_key(&size.text) && !self.is_constant(frame, &size.text) {
                            frame.values.insert(size.text.clone(), Value::Whole(input.axes[at]));
                            frame.places.insert(size.text.clone(), size.span);
                        }
                        at += 1;
                    }
                    _ => at += 1,
                }
            }
            if let Some(kind) = &port.kind
                && let KindKind::Index { high: Expression { kind: ExpressionKind::Name(path), .. }, .. } = &kind.kind
                && let [high_name] = &path.segments[..]
                && let Some((_, high)) = input.integer
                && !frame.values.contains_key(&high_name.text)
                && !self.is_constant(frame, &high_name.text)
            {
                frame.values.insert(high_name.text.clone(), Value::Whole(high));
                frame.places.insert(high_name.text.clone(), high_name.span);
            }
        }
        if frame.front.len() > 48 {
            let message = format!("`{name}` is lifted over too many axes");
            return Err(self.report(Diagnostic::error("NN0206", span, message)));
        }
        Ok(lifted)
    }

    fn is_constant(&self, frame: &Frame<'a>, name: &str) -> bool {
        self.callee(frame.module, name).is_some_and(|callee| matches!(callee.item.kind, ItemKind::Constant { .. }))
    }

    /// Checks every axis and kind, and gives the body its inputs.
    pub(super) fn check_ports(
        &mut self,
        frame: &mut Frame<'a>,
        definition: &'a Definition,
        ports: &'a [Port],
        inputs: &[Tensor],
        lifted: Vec<usize>,
        span: Span,
    ) -> Outcome<()> {
        let name = &definition.name.text;
        let outer = frame.front.len() - lifted.iter().copied().max().unwrap_or(0);
        let mut outcome = Ok(());
        for ((port, input), extra) in ports.iter().zip(inputs).zip(lifted) {
            let fixed = port.axes.iter().filter(|dim| !matches!(dim.kind, DimKind::Pack(_))).count();
            let packed = input.axes.len() - extra - fixed;
            let mut at = extra;
            for dim in &port.axes {
                let expression = match &dim.kind {
                    DimKind::Pack(_) => {
                        at += packed;
                        continue;
                    }
                    DimKind::Named(_, expression) | DimKind::Expression(expression) => expression,
                };
                let size = input.axes[at];
                at += 1;
                if is_batch(dim) {
                    if !matches!(frame.values.get(BATCH), Some(Value::Whole(batch)) if *batch == size) {
                        let (shape, found) = (self.show_shape(&input.axes), self.show_size(size));
                        let message = format!("`{name}` sees the batch in `{}`, and its input has {found} there", port.name.text);
                        let label = format!("the input has shape {shape}");
                        outcome = Err(self.report(Diagnostic::error("NN0704", span, message).label(label).also(dim.span, "this axis")));
                    }
                    continue;
                }
                let mut context = Context::new(frame, name.clone());
                let expected = match self.size(frame, &mut context, expression, &format!("axis {} of `{}`", at - extra, port.name.text)) {
                    Ok(expected) => expected,
                    Err(reported) => {
                        outcome = Err(reported);
                        continue;
                    }
                };
                let written = self.text(expression.span).to_string();
                if !self.agree(size, expected, format!("{name}: {written} must be the size of the input")) {
                    let (found, expected) = (self.show_size(size), self.show_size(expected));
                    let shape = self.show_shape(&input.axes);
                    let text = if written == expected { expected.clone() } else { format!("{written} = {expected}") };
                    let message =
                        format!("`{name}` takes {text} in axis {} of `{}`, and its input has {found}", at - extra, port.name.text);
                    let diagnostic = Diagnostic::error("NN0202", span, message)
                        .label(format!("the input has shape {shape}"))
                        .also(dim.span, format!("this axis is {text}"));
                    let diagnostic = if written == expected {
                        diagnostic.help(format!("give `{name}` an input that has {expected} there"))
                    } else {
                        diagnostic.help(format!("give {written} = {found}, or leave {written} out where the input tells it"))
                    };
                    outcome = Err(self.report(diagnostic));
                }
            }
            if let Err(reported) = self.check_kind(frame, name, port, input, span) {
                outcome = Err(reported);
            }
            let mut tensor = input.clone();
            if extra > 0 {
                tensor.axes = input.axes[extra..].to_vec();
                for axis in outer..frame.front.len() {
                    tensor.front |= 1 << axis;
                }
            }
            frame.values.insert(port.name.text.clone(), Value::Tensor(tensor));
            frame.places.insert(port.name.text.clone(), port.name.span);
        }
        outcome
    }

    /// A result of a body as its caller sees it.
    fn result(&mut self, frame: &Frame<'a>, name: &'a Name, outer: usize) -> Outcome<Tensor> {
        match frame.values.get(&name.text) {
            Some(Value::Tensor(tensor)) => {
                let mut tensor = tensor.clone();
                let lifted: Vec<usize> = (outer..frame.front.len()).filter(|axis| tensor.front >> axis & 1 == 1).collect();
                let mut axes: Vec<Index> = lifted.iter().map(|&axis| frame.front[axis].size).collect();
                axes.append(&mut tensor.axes);
                Ok(Tensor { front: tensor.front & ((1u64 << outer) - 1), axes, ..tensor })
            }
            Some(Value::Broken) => Err(Reported),
            Some(_) => {
                let message = format!("result `{}` of `{}` is a number of the definition, not a tensor", name.text, frame.definition);
                let help = format!("name an equation: `y = {};`", name.text);
                Err(self.report(Diagnostic::error("NN0112", name.span, message).help(help)))
            }
            None if frame.left_behind.contains(&name.text) => {
                let message = format!("result `{}` of model `{}` depends on a target", name.text, frame.definition);
                let note = "A model that is used as a layer leaves its targets behind.";
                Err(self.report(Diagnostic::error("NN0602", name.span, message).note(note)))
            }
            None => {
                let message = format!("result `{}` of `{}` is not defined", name.text, frame.definition);
                Err(self.report(Diagnostic::error("NN0112", name.span, message).help(format!("add an equation: `{} = …;`", name.text))))
            }
        }
    }
}
