//! A model: inputs, body, outputs, loss, metrics. A model without a loss gets the one that its last stage suggests.

use super::Elaboration;
use super::apply::Link;
use super::define::{Reduced, Root};
use super::losses::Stated;
use super::values::{Callee, Context, Frame, FrontAxis, Outcome, Place, Reported, Tensor, Value};
use crate::equations::{Condition, Index, Name as Tensors, Reduction, Role};
use crate::model::{BATCH, Forward, LOSS, Port as InterfacePort, PortKind};
use nnc_grammar::tree::{
    Body, Chain, Definition, DimKind, Expression, ExpressionKind, Flow, ItemKind, KindKind, Name, Port, Stage, Statement, StatementKind,
};
use nnc_grammar::{Diagnostic, Span};
use std::collections::BTreeMap;

/// What one reading of a model gives.
pub(super) struct Read<'a> {
    pub forward: Forward,
    pub outputs: Vec<InterfacePort>,
    /// In the order of the text: at least one.
    pub losses: Vec<Stated<'a>>,
    pub metrics: Vec<(String, Vec<String>)>,
    /// The optimizer statements, in order.
    pub optimizers: Vec<&'a Statement>,
    pub frame: Frame<'a>,
    pub batched: bool,
}

impl<'a> Elaboration<'a> {
    /// Reads a model once.
    pub(super) fn model(&mut self, module: usize, name: &str, span: Span, body: &'a Body, train: bool) -> Outcome<Read<'a>> {
        let mut frame = Frame::new(module, name, Place::Model, train);
        frame.statement = span;
        match body {
            Body::Chain(chain) => self.chain_model(frame, chain, span),
            Body::Block { ports, results, statements } => self.block_model(frame, ports, results, statements),
        }
    }

    fn add_batch(&mut self, frame: &mut Frame<'a>) {
        let size = self.equations.pool.size(BATCH, 0);
        frame.front.push(FrontAxis { size, label: "n".to_string() });
        frame.hides_batch = true;
    }

    fn block_model(
        &mut self,
        mut frame: Frame<'a>,
        ports: &'a [Port],
        results: &'a [Name],
        statements: &'a [Statement],
    ) -> Outcome<Read<'a>> {
        let unbatched = statements.iter().any(|statement| statement.kind == StatementKind::Unbatched);
        let mut target_span = None;
        let mut inside = None;
        super::bodies::visit_statements(statements, &mut |statement| {
            if statement.kind == StatementKind::Unbatched && !statements.iter().any(|own| own.span == statement.span) {
                inside.get_or_insert(statement.span);
            }
            if let StatementKind::Declare { role: nnc_grammar::tree::Role::Target, .. } = &statement.kind {
                target_span.get_or_insert(statement.span);
            }
        });
        if let Some(span) = inside {
            let message = "`unbatched` stands inside of an `if`";
            let help = "a model has a batch in all of its programs or in none: write it outside";
            return Err(self.report(Diagnostic::error("NN0602", span, message).help(help)));
        }
        let targets = target_span.is_some();
        let mut outcome = Ok(());
        let seen = ports.iter().find(|port| super::batch::sees_batch(port));
        if let (true, Some(port)) = (unbatched, seen) {
            let message = format!("model `{}` is unbatched, and port `{}` shows the batch", frame.definition, port.name.text);
            let help = "leave `unbatched` out, or name the axis otherwise";
            outcome = Err(self.report(Diagnostic::error("NN0704", port.span, message).help(help)));
        }
        let batched = !unbatched && !ports.is_empty();
        if seen.is_some() {
            let size = self.equations.pool.size(BATCH, 0);
            frame.values.insert(BATCH.to_string(), Value::Whole(size));
        } else if batched {
            self.add_batch(&mut frame);
        }
        for port in ports {
            frame.statement = port.span;
            if let Err(reported) = self.batch_is_first(port) {
                outcome = Err(reported);
                frame.values.insert(port.name.text.clone(), Value::Broken);
                continue;
            }
            if let Err(reported) = self.define_name(&mut frame, &port.name).and_then(|()| self.input(&mut frame, port)) {
                outcome = Err(reported);
                frame.values.insert(port.name.text.clone(), Value::Broken);
            }
        }
        let (body, read) = self.run_body_partly(&mut frame, statements);
        let mut outcome = read.and(outcome);
        let mut outputs = Vec::new();
        for result in results {
            match frame.values.get(&result.text).cloned() {
                Some(Value::Tensor(tensor)) => outputs.push(self.output(&frame, &result.text, &tensor)),
                Some(_) => outcome = Err(Reported),
                None if outcome.is_err() && body.is_empty() => {}
                None => {
                    let message = format!("result `{}` of `{}` is not defined", result.text, frame.definition);
                    let help = format!("add an equation: `{} = …;`", result.text);
                    outcome = Err(self.report(Diagnostic::error("NN0112", result.span, message).help(help)));
                }
            }
        }
        let mut losses = Vec::new();
        let mut metrics = Vec::new();
        let mut optimizers = Vec::new();
        let mut names: BTreeMap<&'a str, Span> = BTreeMap::new();
        for statement in body {
            frame.statement = statement.span;
            frame.docs = statement.docs.iter().map(|line| line.value.clone()).collect();
            match &statement.kind {
                StatementKind::Loss { .. } => {
                    outcome = self.stated_loss(&mut frame, statement, &mut losses, &mut names).and(outcome);
                }
                StatementKind::Metric(name, flow) => {
                    if let Some(&first) = names.get(name.text.as_str()) {
                        outcome = Err(self.report(super::names::defined_twice(&name.text, first, name.span)));
                        continue;
                    }
                    names.insert(&name.text, name.span);
                    match self.averaged(&mut frame, &format!("metric.{}", name.text), flow) {
                        Ok(tensor) => metrics.push((name.text.clone(), frame.docs.clone(), tensor)),
                        Err(reported) => outcome = Err(reported),
                    }
                }
                StatementKind::Optimizer { .. } => optimizers.push(statement),
                _ => {}
            }
        }
        outcome?;
        if losses.is_empty() && targets {
            let message = format!("model `{}` declares a target and states no loss", frame.definition);
            let help = "add `loss = cross_entropy(p, t);`, `loss = mse(y, t);` or another";
            return Err(self.report(Diagnostic::error("NN0601", target_span.unwrap_or(frame.statement), message).help(help)));
        }
        if losses.is_empty() {
            losses.push(self.default_loss(&mut frame, results, statements)?);
        }
        self.read_of(frame, outputs, losses, metrics, optimizers, batched)
    }

    fn read_of(
        &mut self,
        mut frame: Frame<'a>,
        outputs: Vec<InterfacePort>,
        losses: Vec<Stated<'a>>,
        metrics: Vec<(String, Vec<String>, Tensors)>,
        optimizers: Vec<&'a Statement>,
        batched: bool,
    ) -> Outcome<Read<'a>> {
        let loss = self.sum_of_losses(&mut frame, &losses)?;
        let forward = Forward {
            equations: std::mem::take(&mut self.equations),
            outputs: outputs.iter().map(|port| port.tensor).collect(),
            loss,
            losses: losses.iter().map(|loss| loss.tensor).collect(),
            metrics: metrics.iter().map(|(_, _, tensor)| *tensor).collect(),
            updates: self.take_updates(),
            random: std::mem::take(&mut self.random),
            origins: std::mem::take(&mut self.origins),
            derivatives: std::mem::take(&mut self.derivatives),
        };
        let metrics = metrics.into_iter().map(|(name, docs, _)| (name, docs)).collect();
        Ok(Read { forward, outputs, losses, metrics, optimizers, frame, batched })
    }

    fn output(&mut self, frame: &Frame<'a>, name: &str, tensor: &Tensor) -> InterfacePort {
        let hidden = tensor.front & 1 == 1 && frame.hides_batch;
        let batched = hidden || tensor.axes.first().is_some_and(|&size| self.is_batch(size));
        let mut axes: Vec<Index> = if hidden { vec![frame.front[0].size] } else { Vec::new() };
        axes.extend(&tensor.axes);
        let kind = match tensor.integer {
            Some((low, high)) => PortKind::Index { low, high },
            None => {
                let (low, high) = self.interval(tensor.name);
                if low >= 0.0 && high <= 1.0 { PortKind::Probability } else { PortKind::Real }
            }
        };
        InterfacePort { name: name.to_string(), tensor: tensor.name, docs: Vec::new(), axes, batched, kind }
    }

    /// An input: names in it that are no constants are sizes known at each call.
    fn input(&mut self, frame: &mut Frame<'a>, port: &'a Port) -> Outcome<()> {
        let mut sizes = Vec::new();
        for (number, dim) in port.axes.iter().enumerate() {
            match &dim.kind {
                DimKind::Pack(pack) => {
                    let message = format!("input `{}` has a pack of axes, `..{}`", port.name.text, pack.text);
                    let help = "a model has inputs of known rank: name each axis";
                    return Err(self.report(Diagnostic::error("NN0211", dim.span, message).help(help)));
                }
                DimKind::Named(_, expression) | DimKind::Expression(expression) => {
                    self.dynamic_names(frame, expression);
                    let mut context = Context::new(frame, frame.definition.clone());
                    let what = format!("axis {} of `{}`", number + 1, port.name.text);
                    sizes.push(self.size(frame, &mut context, expression, &what)?);
                }
            }
        }
        if let Some(kind) = &port.kind
            && let KindKind::Index { low, high } = &kind.kind
        {
            for end in low.iter().chain([high]) {
                self.dynamic_names(frame, end);
            }
        }
        self.check_shape(frame, &sizes)?;
        let kind = self.port_kind(frame, port)?;
        let tensor = self.given_port(frame, port.name.text.clone(), sizes, kind, Role::Input)?;
        frame.values.insert(port.name.text.clone(), Value::Tensor(tensor));
        Ok(())
    }

    fn dynamic_names(&mut self, frame: &mut Frame<'a>, expression: &'a Expression) {
        let mut stack = vec![expression];
        while let Some(expression) = stack.pop() {
            if let ExpressionKind::Name(path) = &expression.kind
                && let [name] = &path.segments[..]
                && !frame.values.contains_key(&name.text)
                && !super::names::FIXED.contains(&name.text.as_str())
                && !self.callee(frame.module, &name.text).is_some_and(|callee| matches!(callee.item.kind, ItemKind::Constant { .. }))
            {
                let size = self.dynamic_size(&name.text);
                frame.values.insert(name.text.clone(), Value::Whole(size));
                frame.places.insert(name.text.clone(), name.span);
            }
            super::walk::inside(expression, &mut |part| stack.push(part));
        }
    }

    /// A loss or metric: the mean over the axes that it has, the batch among them.
    pub(super) fn averaged(&mut self, frame: &mut Frame<'a>, base: &str, flow: &'a Flow) -> Outcome<Tensors> {
        // the statement defines no name: its value is an equation that nothing else can read
        self.check_flow(frame, &mut Vec::new(), flow)?;
        let mut context = Context::new(frame, base.to_string());
        let tensor = if flow.stages.is_empty() {
            let shape = self.shape(frame, &mut context, &flow.value)?;
            match (&flow.value.kind, context.hoisted.get(&super::values::address(&flow.value)).cloned()) {
                (_, Some(tensor)) => tensor,
                (ExpressionKind::Name(path), None) if self.find_tensor(frame, 0, path).is_some() => self.tensor(frame, 0, path)?,
                _ => {
                    let axes: Vec<u32> =
                        shape.iter().enumerate().map(|(k, &size)| context.axis(&super::whole::axis_label(k), size)).collect();
                    context.whole = Some(axes.clone());
                    let value = self.real(frame, &mut context, &flow.value)?;
                    self.finish(frame, &context, &format!("{base}.each"), &axes, Root::Value(value), None)?
                }
            }
        } else {
            self.flow_results(frame, &mut context, flow)?.into_iter().next().ok_or(Reported)?
        };
        if tensor.integer.is_some() {
            let message = "a loss or metric is a real, and this is an index tensor";
            return Err(self.report(Diagnostic::error("NN0402", flow.span, message).help("use it as a number: `1 * t`")));
        }
        self.mean_of(frame, base, &tensor)
    }

    /// The mean over all axes of a tensor, 0 over none.
    fn mean_of(&mut self, frame: &Frame<'a>, base: &str, tensor: &Tensor) -> Outcome<Tensors> {
        if tensor.axes.is_empty() && tensor.front == 0 {
            return Ok(tensor.name);
        }
        let mut context = Context::new(frame, base.to_string());
        let front: Vec<u32> = (0..context.front as u32).filter(|&axis| tensor.front >> axis & 1 == 1).collect();
        let labels = self.labels_of(tensor);
        let own: Vec<u32> = tensor
            .axes
            .iter()
            .enumerate()
            .map(|(k, &size)| context.axis(&labels.get(k).cloned().unwrap_or_else(|| super::whole::axis_label(k)), size))
            .collect();
        let axes: Vec<u32> = front.iter().chain(&own).copied().collect();
        let at: Vec<Index> = axes.iter().map(|&axis| self.equations.pool.axis(axis, context.axes[axis as usize])).collect();
        let body = self.equations.pool.read(tensor.name, at);
        // the sum is over front axes too: nothing is left in front of it
        context.used = 0;
        let sizes: Vec<Index> = axes.iter().map(|&axis| context.axes[axis as usize]).collect();
        let reduced = Reduced { reduction: Reduction::Sum, axes, condition: Condition::TRUE, body };
        let sum = self.finish(frame, &context, &format!("{base}.sum"), &[], Root::Reduced(reduced), None)?;
        let count = self.equations.pool.count(&sizes);
        let less_one = self.equations.pool.offset(count, -1);
        let never_empty = self.equations.pool.never_negative(less_one);
        let pool = &mut self.equations.pool;
        let one = pool.constant(1.0);
        let mut count = pool.real(count);
        if !never_empty {
            count = pool.max(count, one);
        }
        let sum = pool.read(sum.name, Vec::new());
        let mean = pool.quotient(sum, count);
        let mean = self.finish(frame, &context, base, &[], Root::Value(mean), None)?;
        Ok(mean.name)
    }

    /// The loss that the last stage of the first output suggests.
    fn default_loss(&mut self, frame: &mut Frame<'a>, results: &'a [Name], statements: &'a [Statement]) -> Outcome<Stated<'a>> {
        let Some(first) = results.first() else { return Err(Reported) };
        let Some(Value::Tensor(output)) = frame.values.get(&first.text).cloned() else { return Err(Reported) };
        let last = self.last_of_result(frame.module, &first.text, statements, 0);
        self.loss_of(frame, output, last, first.span)
    }

    fn loss_of(&mut self, frame: &mut Frame<'a>, output: Tensor, last: Option<&'a str>, span: Span) -> Outcome<Stated<'a>> {
        if let Some(place) = frame.places.get("target").copied() {
            let message = "the default loss declares a target, and the name `target` is taken";
            return Err(self.report(Diagnostic::error("NN0601", place, message).help("state the loss, or give this another name")));
        }
        if output.integer.is_some() {
            let message = "an index tensor has no default loss";
            return Err(self.report(Diagnostic::error("NN0601", span, message).help("state one: `loss = …;`")));
        }
        frame.docs = Vec::new();
        let (axes, kind, definition) = match (last, output.axes.split_last()) {
            (Some("softmax"), Some((&classes, positions))) => {
                let low = self.equations.pool.integer(0);
                (positions.to_vec(), PortKind::Index { low, high: classes }, "cross_entropy")
            }
            (Some("sigmoid"), _) => (output.axes.clone(), PortKind::Probability, "binary_cross_entropy"),
            _ => (output.axes.clone(), PortKind::Real, "mse"),
        };
        let target = self.given_port(frame, "target".to_string(), axes, kind, Role::Target)?;
        let library = self.modules.len() - 1;
        let Some(&item) = self.modules[library].items.get(definition) else { return Err(Reported) };
        let ItemKind::Layer(layer) = &item.kind else { return Err(Reported) };
        let link = Link { label: None, name: &layer.name, arguments: &[], span };
        let callee = Callee { item, module: library };
        let results = self.apply(frame, &link, callee, "loss", vec![output, target], None)?;
        let Some(each) = results.into_iter().next() else { return Err(Reported) };
        let tensor = self.mean_of(frame, LOSS, &each)?;
        Ok(Stated { name: LOSS.to_string(), patterns: &[], docs: Vec::new(), tensor, span })
    }

    /// The name of the last stage that makes a result, through definitions that are chains.
    fn last_of_result(&self, module: usize, result: &str, statements: &'a [Statement], depth: u32) -> Option<&'a str> {
        let mut found = None;
        super::bodies::visit_statements(statements, &mut |statement| {
            if let StatementKind::Equation { name, binders, value, .. } = &statement.kind
                && name.text == result
                && binders.is_empty()
                && found.is_none()
            {
                found = Some(value);
            }
        });
        let value = found?;
        match (value.stages.last(), &value.value.kind) {
            (Some(stage), _) => self.last_of_stage(module, stage, statements, depth),
            (None, ExpressionKind::Name(path)) if path.segments.len() == 1 && depth < 20 => {
                self.last_of_result(module, &path.segments[0].text, statements, depth + 1)
            }
            (None, ExpressionKind::Call { path, .. }) => self.last_of_name(module, &path.segments[0].text, depth),
            _ => None,
        }
    }

    fn last_of_stage(&self, module: usize, stage: &'a Stage, statements: &'a [Statement], depth: u32) -> Option<&'a str> {
        let mut block = None;
        super::bodies::visit_statements(statements, &mut |statement| {
            if let StatementKind::Block(name, chain) = &statement.kind
                && name.text == stage.name.text
            {
                block = Some(chain);
            }
        });
        match block {
            Some(chain) if depth < 20 => self.last_of_stage(module, chain.stages.last()?, statements, depth + 1),
            Some(_) => None,
            None => self.last_of_name(module, &stage.name.text, depth),
        }
    }

    fn last_of_name(&self, module: usize, name: &'a str, depth: u32) -> Option<&'a str> {
        if depth >= 20 {
            return None;
        }
        let Some(callee) = self.callee(module, name) else { return Some(name) };
        match &callee.item.kind {
            _ if self.modules[callee.module].library => Some(name),
            ItemKind::Layer(definition) | ItemKind::Model(definition) => match &definition.body {
                Body::Chain(chain) => self.last_of_stage(callee.module, chain.stages.last()?, &[], depth + 1),
                Body::Block { results, statements, .. } => {
                    self.last_of_result(callee.module, &results.first()?.text, statements, depth + 1)
                }
            },
            _ => None,
        }
    }

    /// `model Iris = linear(4, 16) -> …`: the first stage tells what comes in.
    fn chain_model(&mut self, mut frame: Frame<'a>, chain: &'a Chain, span: Span) -> Outcome<Read<'a>> {
        self.add_batch(&mut frame);
        let Some(first) = chain.stages.first() else { return Err(Reported) };
        let link = Link::of_stage(first);
        let inputs = self.inputs_of(&mut frame, &link, first.span)?;
        let links: Vec<Link<'a>> = chain.stages.iter().map(Link::of_stage).collect();
        self.scope_of_chain(&mut frame, 0, &chain.stages);
        let results = self.run_links(&mut frame, 0, &links, inputs)?;
        let mut outputs = Vec::new();
        for (number, result) in results.iter().enumerate() {
            let name = if number == 0 { "y".to_string() } else { format!("y{}", number + 1) };
            outputs.push(self.output(&frame, &name, result));
        }
        let last = chain.stages.last().and_then(|stage| self.last_of_stage(frame.module, stage, &[], 0));
        let Some(main) = results.into_iter().next() else { return Err(Reported) };
        let loss = self.loss_of(&mut frame, main, last, span)?;
        self.read_of(frame, outputs, vec![loss], Vec::new(), Vec::new(), true)
    }

    /// The inputs that the first stage of a chain needs.
    fn inputs_of(&mut self, frame: &mut Frame<'a>, link: &Link<'a>, span: Span) -> Outcome<Vec<Tensor>> {
        let text = link.name.text.as_str();
        let unknown = |missing: &str| {
            let message = format!("`{text}` at the head of a chain does not tell the shape of the input");
            let help = format!("write the input: `model Net(x[…]) -> y {{ y = x -> {text} -> …; }}`");
            Diagnostic::error("NN0212", span, message).label(missing.to_string()).help(help)
        };
        if matches!(text, "residual" | "repeat")
            && let Some(argument) = link.arguments.last()
        {
            let inner = match &argument.value.value.kind {
                ExpressionKind::Call { path, first, second: None } => Some((path, first.as_slice())),
                ExpressionKind::Name(path) => Some((path, [].as_slice())),
                _ => None,
            };
            if let Some((path, arguments)) = inner {
                let inner = Link { label: None, name: &path.segments[0], arguments, span: argument.span };
                return self.inputs_of(frame, &inner, span);
            }
        }
        let Some(callee) = self.callee(frame.module, text) else {
            if super::calls::is_function(text) || super::names::BUILT_IN.contains(&text) {
                return Err(self.report(unknown("it takes any shape")));
            }
            let diagnostic = self.unknown_callable(frame, 0, text, link.name.span);
            return Err(self.report(diagnostic));
        };
        let definition: &'a Definition = match &callee.item.kind {
            ItemKind::Layer(definition) | ItemKind::Model(definition) => definition,
            _ => return Err(self.report(unknown("it takes any shape"))),
        };
        let given = self.hypers(frame, definition, link.arguments, link.span)?;
        let mut inner = Frame::new(callee.module, &definition.name.text, Place::Layer, frame.train);
        inner.values = given;
        match &definition.body {
            Body::Chain(chain) => {
                self.defaults(&mut inner, definition.hypers.as_deref().unwrap_or_default())?;
                let Some(first) = chain.stages.first() else { return Err(Reported) };
                let head = Link::of_stage(first);
                inner.front = frame.front.clone();
                inner.hides_batch = frame.hides_batch;
                self.enter(callee, text, link.span)?;
                let inputs = self.inputs_of(&mut inner, &head, span);
                self.leave();
                inputs
            }
            Body::Block { ports, .. } => {
                let mut missing = Vec::new();
                let known = |inner: &Frame<'a>, this: &Self, name: &str| {
                    inner.values.contains_key(name) || this.callee(inner.module, name).is_some()
                };
                for port in ports {
                    for dim in port.axes.iter().filter(|dim| !super::batch::is_batch(dim)) {
                        match &dim.kind {
                            DimKind::Pack(pack) => missing.push(format!("..{}", pack.text)),
                            DimKind::Expression(Expression { kind: ExpressionKind::Name(path), .. })
                                if !known(&inner, self, &path.segments[0].text) =>
                            {
                                missing.push(path.segments[0].text.clone());
                            }
                            _ => {}
                        }
                    }
                    if let Some(kind) = &port.kind
                        && let KindKind::Index { high: Expression { kind: ExpressionKind::Name(path), .. }, .. } = &kind.kind
                        && !known(&inner, self, &path.segments[0].text)
                    {
                        missing.push(path.segments[0].text.clone());
                    }
                }
                if !missing.is_empty() {
                    missing.dedup();
                    let shown: Vec<String> = missing.iter().map(|name| format!("`{name}`")).collect();
                    let label = format!("{} of its input {} not given", shown.join(", "), if shown.len() == 1 { "is" } else { "are" });
                    return Err(self.report(unknown(&label)));
                }
                if ports.is_empty() || ports.iter().all(|port| port.axes.is_empty() && port.kind.is_none()) {
                    return Err(self.report(unknown("it takes any shape")));
                }
                self.defaults(&mut inner, definition.hypers.as_deref().unwrap_or_default())?;
                let mut tensors = Vec::new();
                for port in ports {
                    let mut sizes = Vec::new();
                    for dim in port.axes.iter().filter(|dim| !super::batch::is_batch(dim)) {
                        if let DimKind::Expression(expression) | DimKind::Named(_, expression) = &dim.kind {
                            let mut context = Context::new(&inner, definition.name.text.clone());
                            sizes.push(self.size(&mut inner, &mut context, expression, "an axis of the input")?);
                        }
                    }
                    let kind = self.port_kind(&mut inner, port)?;
                    frame.places.insert(port.name.text.clone(), link.span);
                    tensors.push(self.given_port(frame, port.name.text.clone(), sizes, kind, Role::Input)?);
                }
                Ok(tensors)
            }
        }
    }
}
