//! `->`: stages one after the other, `residual`, `repeat`, blocks, labels that share parameters, views.

use super::Elaboration;
use super::apply::Link;
use super::define::Root;
use super::ranges::full_name;
use super::values::{Context, Frame, Labelled, Outcome, Reported, Scope, Tensor, Value};
use super::walk::{self, Applied};
use crate::equations::Index;
use nnc_grammar::tree::{Argument, ExpressionKind, ItemKind, Name, Stage};
use nnc_grammar::{Diagnostic, Span};
use std::collections::BTreeMap;

impl<'a> Link<'a> {
    /// The head of a chain argument.
    fn of_head(argument: &'a Argument) -> Option<Self> {
        let (path, arguments): (_, &[Argument]) = match &argument.value.value.kind {
            ExpressionKind::Name(path) => (path, &[]),
            ExpressionKind::Call { path, first, second: None } => (path, first),
            _ => return None,
        };
        let [name] = &path.segments[..] else { return None };
        Some(Link { label: argument.label.as_ref(), name, arguments, span: argument.value.value.span })
    }
}

impl<'a> Elaboration<'a> {
    /// Gives a scope its labels and numbers.
    pub(super) fn fill_scope(&mut self, frame: &Frame<'a>, scope: &mut Scope<'a>, applied: &[Applied<'a>]) {
        let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
        for one in applied {
            let (label, name): (Option<&'a Name>, &'a Name) = match one {
                Applied::Stage(stage) => (stage.label.as_ref(), &stage.name),
                Applied::Call(expression) => match &expression.kind {
                    ExpressionKind::Call { path, .. } if path.segments.len() == 1 => (None, &path.segments[0]),
                    _ => continue,
                },
                Applied::First(argument) => match Link::of_head(argument) {
                    Some(link) => (link.label, link.name),
                    None => continue,
                },
            };
            let Some(label) = label else {
                let count = counts.entry(&name.text).or_default();
                *count += 1;
                scope.numbers.insert(name.span, *count);
                continue;
            };
            let labelled = match one {
                Applied::Stage(stage) => Labelled::Stage(stage),
                Applied::First(argument) => Labelled::First(argument),
                Applied::Call(_) => continue,
            };
            self.add_label(frame, scope, label, labelled);
        }
    }

    pub(super) fn add_label(&mut self, frame: &Frame<'a>, scope: &mut Scope<'a>, label: &'a Name, labelled: Labelled<'a>) {
        if super::names::FIXED.contains(&label.text.as_str()) {
            self.report(super::names::fixed_name(&label.text, label.span));
            return;
        }
        if matches!(frame.values.get(&label.text), Some(Value::Tensor(_))) {
            let message = format!("`{}` is the name of a tensor and of a stage", label.text);
            let mut diagnostic = Diagnostic::error("NN0109", label.span, message);
            if let Some(&place) = frame.places.get(&label.text) {
                diagnostic = diagnostic.also(place, "the tensor");
            }
            self.report(diagnostic.help(format!("label the stage otherwise: `{}_stage`", label.text)));
            return;
        }
        if let Some(first) = scope.labels.get(label.text.as_str()) {
            let first = label_span(first).unwrap_or(label.span);
            if first != label.span {
                let diagnostic = super::names::defined_twice(&label.text, first, label.span)
                    .help(format!("to use the stage again, write `-> {}`", label.text));
                self.report(diagnostic);
            }
            return;
        }
        scope.labels.insert(&label.text, labelled);
    }

    /// The scope of the body of a definition that is a chain.
    pub(super) fn scope_of_chain(&mut self, frame: &mut Frame<'a>, scope: usize, stages: &'a [Stage]) {
        let mut applied = Vec::new();
        walk::applications_in_stages(stages, &mut |one| applied.push(one));
        let mut filled = std::mem::take(&mut frame.scopes[scope]);
        self.fill_scope(frame, &mut filled, &applied);
        frame.scopes[scope] = filled;
    }

    /// Applies links one after the other; only the main result goes on. All results of the last.
    pub(super) fn run_links(
        &mut self,
        frame: &mut Frame<'a>,
        scope: usize,
        links: &[Link<'a>],
        inputs: Vec<Tensor>,
    ) -> Outcome<Vec<Tensor>> {
        let mut values = inputs;
        for (number, link) in links.iter().enumerate() {
            if number > 0 {
                values.truncate(1);
            }
            self.trail.push(link.span.start);
            let results = self.run_link(frame, scope, link, values);
            self.trail.pop();
            values = results?;
        }
        Ok(values)
    }

    fn run_link(&mut self, frame: &mut Frame<'a>, scope: usize, link: &Link<'a>, inputs: Vec<Tensor>) -> Outcome<Vec<Tensor>> {
        let text = link.name.text.as_str();
        // `decoder: decoder(…)` is the definition under a label of the same name.
        let itself = link.label.is_some_and(|label| label.text == text);
        if let Some((owner, labelled)) = self.labelled(frame, scope, text).filter(|_| !itself) {
            if let Some(label) = link.label {
                let message = format!("`{text}` has a label already and cannot get another, `{}`", label.text);
                return Err(self.report(Diagnostic::error("NN0504", label.span, message).help(format!("write `-> {text}`"))));
            }
            return self.run_again(frame, owner, labelled, link, inputs);
        }
        let local = match link.label {
            Some(label) => label.text.clone(),
            None => format!("{text}{}", frame.scopes[scope].numbers.get(&link.name.span).copied().unwrap_or(1)),
        };
        let path = full_name(&frame.scopes[scope].path, &local);
        self.run_stage(frame, scope, link, &path, inputs)
    }

    fn run_stage(&mut self, frame: &mut Frame<'a>, scope: usize, link: &Link<'a>, path: &str, inputs: Vec<Tensor>) -> Outcome<Vec<Tensor>> {
        let text = link.name.text.as_str();
        match text {
            "residual" => return self.residual(frame, scope, link, path, inputs),
            "repeat" => return self.repeat(frame, scope, link, path, inputs),
            "reshape" | "flatten" => return self.view(frame, link, path, inputs),
            _ => {}
        }
        match self.callee(frame.module, text) {
            Some(callee) => self.apply(frame, link, callee, path, inputs, None),
            None if super::calls::is_function(text) => {
                if let [argument, ..] = link.arguments {
                    let message = format!("`{text}` has no hyper-parameters");
                    return Err(self.report(Diagnostic::error("NN0505", argument.span, message)));
                }
                if inputs.len() != 1 {
                    let message = format!("`{text}` takes 1 input, not {}", inputs.len());
                    return Err(self.report(Diagnostic::error("NN0501", link.span, message)));
                }
                let name = text.to_string();
                let span = link.span;
                self.elementwise(frame, path, inputs, span, text, &mut |this, _, values| {
                    let Some(value) = values.into_iter().next() else { return Err(Reported) };
                    let x = this.real_of(value, span)?;
                    Ok(Value::Real(this.scalar_function(&name, x)))
                })
                .map(|tensor| vec![tensor])
            }
            None => {
                let diagnostic = self.unknown_callable(frame, scope, text, link.name.span);
                Err(self.report(diagnostic))
            }
        }
    }

    /// A label or block that is used again, or before the text that defines it.
    fn run_again(
        &mut self,
        frame: &mut Frame<'a>,
        owner: usize,
        labelled: Labelled<'a>,
        link: &Link<'a>,
        inputs: Vec<Tensor>,
    ) -> Outcome<Vec<Tensor>> {
        let text = link.name.text.as_str();
        let (mut train, mut fixed) = (frame.train, frame.fixed);
        for argument in link.arguments {
            match &argument.name {
                Some(name) if name.text == "train" => train = self.decided(frame, &argument.value.value)?,
                // what is around it holds it fixed
                Some(name) if name.text == "fixed" => fixed |= self.decided(frame, &argument.value.value)?,
                _ => {
                    let message = format!("`{text}` is used again: it keeps its hyper-parameters");
                    let help = "`train = false` uses it as in inference, `fixed = true` without a gradient for its parameters; nothing else is given";
                    return Err(self.report(Diagnostic::error("NN0504", argument.span, message).help(help)));
                }
            }
        }
        let path = full_name(&frame.scopes[owner].path, text);
        if self.open_labels.contains(&path) {
            let message = format!("`{text}` needs itself");
            return Err(self.report(Diagnostic::error("NN0111", link.span, message).label("applied inside of its own definition")));
        }
        self.open_labels.push(path.clone());
        let outer = (frame.train, frame.fixed);
        (frame.train, frame.fixed) = (train, fixed);
        let result = match labelled {
            Labelled::Block(chain) => {
                let inner = self.open_scope(frame, owner, path.clone());
                self.scope_of_chain(frame, inner, &chain.stages);
                let links: Vec<Link<'a>> = chain.stages.iter().map(Link::of_stage).collect();
                let result = self.run_links(frame, inner, &links, inputs);
                frame.scopes.truncate(inner);
                result
            }
            Labelled::Stage(stage) => self.run_bound(frame, owner, Link::of_stage(stage), link.span, &path, inputs),
            Labelled::First(argument) => match Link::of_head(argument) {
                Some(first) => self.run_bound(frame, owner, first, link.span, &path, inputs),
                None => Err(Reported),
            },
        };
        (frame.train, frame.fixed) = outer;
        self.open_labels.pop();
        result
    }

    fn run_bound(
        &mut self,
        frame: &mut Frame<'a>,
        owner: usize,
        first: Link<'a>,
        span: Span,
        path: &str,
        inputs: Vec<Tensor>,
    ) -> Outcome<Vec<Tensor>> {
        let link = Link { span, ..first };
        if super::names::BUILT_IN.contains(&link.name.text.as_str()) {
            return self.run_stage(frame, owner, &link, path, inputs);
        }
        match self.callee(frame.module, &link.name.text) {
            Some(callee) => {
                let bound = self.bound.get(path).cloned();
                self.apply(frame, &link, callee, path, inputs, bound)
            }
            None => self.run_stage(frame, owner, &link, path, inputs),
        }
    }

    fn open_scope(&mut self, frame: &mut Frame<'a>, parent: usize, path: String) -> usize {
        frame.scopes.push(Scope { path, parent: Some(parent), ..Scope::default() });
        frame.scopes.len() - 1
    }

    /// `residual(chain)` is `x + chain(x)`.
    fn residual(&mut self, frame: &mut Frame<'a>, scope: usize, link: &Link<'a>, path: &str, inputs: Vec<Tensor>) -> Outcome<Vec<Tensor>> {
        let ([argument], [input]) = (link.arguments, &inputs[..]) else {
            let message = "`residual` takes one chain, and one input from the left";
            return Err(self.report(Diagnostic::error("NN0501", link.span, message).help("write `x -> residual(linear(64) -> relu)`")));
        };
        let links = self.chain_argument(argument)?;
        let results = self.run_links(frame, scope, &links, vec![input.clone()])?;
        let Some(branch) = results.into_iter().next() else { return Err(Reported) };
        let equal = branch.axes.len() == input.axes.len()
            && input.axes.clone().iter().zip(&branch.axes).all(|(&a, &b)| self.agree(a, b, "residual: shapes must be equal".to_string()));
        if !equal {
            let (a, b) = (self.show_shape(&input.axes), self.show_shape(&branch.axes));
            let message = format!("`residual` adds its input of shape {a} to a result of shape {b}");
            let help = "let the chain end in the shape that it starts with";
            return Err(
                self.report(Diagnostic::error("NN0202", link.span, message).also(argument.span, format!("this makes {b}")).help(help))
            );
        }
        let (span, inputs) = (link.span, vec![input.clone(), branch]);
        let sum = self.elementwise(frame, path, inputs, span, "residual", &mut |this, _, values| {
            let mut terms = Vec::new();
            for value in values {
                terms.push(this.real_of(value, span)?);
            }
            Ok(Value::Real(this.equations.pool.add(&terms)))
        })?;
        Ok(vec![sum])
    }

    /// Refuses `repeat(chain, n)`, and says how it is meant.
    pub(super) fn repeat_in_order(&mut self, frame: &Frame<'a>, arguments: &'a [Argument]) -> Outcome<()> {
        let [chain, count] = arguments else { return Ok(()) };
        let Some(head) = Link::of_head(chain) else { return Ok(()) };
        let text = head.name.text.as_str();
        let stage = super::calls::is_function(text)
            || super::names::BUILT_IN.contains(&text)
            || self.labelled(frame, 0, text).is_some()
            || self.callee(frame.module, text).is_some_and(|callee| !matches!(callee.item.kind, ItemKind::Constant { .. }));
        let number = match &count.value.value.kind {
            ExpressionKind::Number(_) => true,
            ExpressionKind::Name(path) => frame.values.contains_key(&path.segments[0].text),
            _ => false,
        };
        if !stage || frame.values.contains_key(text) || !number || !count.value.stages.is_empty() {
            return Ok(());
        }
        let (first, second) = (self.text(chain.span).trim_end().to_string(), self.text(count.span).trim_end().to_string());
        let message = "`repeat` takes the number first, then the chain";
        let whole = chain.span.to(count.span);
        let diagnostic = Diagnostic::error("NN0503", whole, message).label(format!("`{first}` is a chain, `{second}` a number"));
        Err(self.report(diagnostic.replace("exchange them", whole, format!("{second}, {first}"))))
    }

    /// `repeat(n, chain)`: n copies one after the other, each with a scope of its own.
    fn repeat(&mut self, frame: &mut Frame<'a>, scope: usize, link: &Link<'a>, path: &str, inputs: Vec<Tensor>) -> Outcome<Vec<Tensor>> {
        self.repeat_in_order(frame, link.arguments)?;
        let [count, argument] = link.arguments else {
            let message = "`repeat` takes a number and a chain";
            return Err(self.report(Diagnostic::error("NN0501", link.span, message).help("write `repeat(3, linear(64) -> relu)`")));
        };
        if count.name.is_some() || count.label.is_some() || !count.value.stages.is_empty() {
            return Err(self.report(Diagnostic::error("NN0501", count.span, "the first argument of `repeat` is a number")));
        }
        let value = self.compile_time(frame, &count.value.value)?;
        let number = self.integer_of(value, count.span)?;
        let Some(number) = self.equations.pool.constant_of(number) else {
            let message = "how often `repeat` repeats must be known here";
            return Err(self.report(Diagnostic::error("NN0204", count.span, message)));
        };
        if number < 1 {
            let message = format!("`repeat` of {number} copies");
            return Err(self.report(Diagnostic::error("NN0203", count.span, message).label("at least one is needed")));
        }
        let links = self.chain_argument(argument)?;
        let mut values = inputs;
        for copy in 0..number {
            let inner = self.open_scope(frame, scope, format!("{path}.{copy}"));
            let mut applied = Vec::new();
            walk::applications_in_chain(argument, &mut |one| applied.push(one));
            let mut filled = std::mem::take(&mut frame.scopes[inner]);
            self.fill_scope(frame, &mut filled, &applied);
            frame.scopes[inner] = filled;
            values.truncate(if copy == 0 { values.len() } else { 1 });
            self.trail.push(copy as u32);
            let result = self.run_links(frame, inner, &links, values);
            self.trail.pop();
            frame.scopes.truncate(inner);
            values = result?;
            self.stages += 1;
        }
        Ok(values)
    }

    fn chain_argument(&mut self, argument: &'a Argument) -> Outcome<Vec<Link<'a>>> {
        let head = Link::of_head(argument).filter(|_| argument.name.is_none());
        let Some(head) = head else {
            let message = "the head of this chain is not a stage";
            let help = "write stages: `linear(64) -> relu`";
            return Err(self.report(Diagnostic::error("NN0503", argument.span, message).help(help)));
        };
        Ok(std::iter::once(head).chain(argument.value.stages.iter().map(Link::of_stage)).collect())
    }

    /// `reshape(4, 3, 2)` and `flatten`: row-major views of the sample.
    fn view(&mut self, frame: &mut Frame<'a>, link: &Link<'a>, path: &str, inputs: Vec<Tensor>) -> Outcome<Vec<Tensor>> {
        let text = link.name.text.as_str();
        let [input] = &inputs[..] else {
            let message = format!("`{text}` takes 1 input, not {}", inputs.len());
            return Err(self.report(Diagnostic::error("NN0501", link.span, message)));
        };
        let count = self.equations.pool.count(&input.axes);
        let mut shape: Vec<Index> = Vec::new();
        if text == "flatten" {
            if let [argument, ..] = link.arguments {
                return Err(self.report(Diagnostic::error("NN0507", argument.span, "`flatten` has no hyper-parameters")));
            }
            shape.push(count);
        } else {
            for argument in link.arguments {
                if argument.name.is_some() || argument.label.is_some() || !argument.value.stages.is_empty() {
                    return Err(self.report(Diagnostic::error("NN0505", argument.span, "`reshape` takes sizes, by position")));
                }
                let mut context = Context::new(frame, path.to_string());
                shape.push(self.size(frame, &mut context, &argument.value.value, "an axis of `reshape`")?);
            }
            let new = self.equations.pool.count(&shape);
            if !self.agree(count, new, "reshape: as many elements before as after".to_string()) {
                let (a, b) = (self.show_shape(&input.axes), self.show_shape(&shape));
                let (n, m) = (self.show_size(count), self.show_size(new));
                let message = format!("`reshape` to {b} has {m} elements, and its input of shape {a} has {n}");
                return Err(self.report(Diagnostic::error("NN0202", link.span, message)));
            }
        }
        if shape == input.axes {
            return Ok(vec![input.clone()]);
        }
        let mut context = Context::new(frame, path.to_string());
        let axes: Vec<u32> = shape.iter().enumerate().map(|(k, &size)| context.axis(&super::whole::axis_label(k), size)).collect();
        let own: Vec<Index> = axes.iter().map(|&axis| self.equations.pool.axis(axis, context.axes[axis as usize])).collect();
        let mut flat = self.equations.pool.flat(&own, &shape);
        let mut at = Vec::new();
        for &size in input.axes.iter().rev() {
            at.push(self.equations.pool.remainder(flat, size));
            flat = self.equations.pool.divide(flat, size);
        }
        at.reverse();
        let value = self.read(&mut context, input, at, link.span)?;
        let integer = input.integer;
        let scalar = self.real_of(value, link.span)?;
        Ok(vec![self.finish(frame, &context, path, &axes, Root::Value(scalar), integer)?])
    }
}

fn label_span(labelled: &Labelled<'_>) -> Option<Span> {
    match labelled {
        Labelled::Stage(stage) => stage.label.as_ref().map(|label| label.span),
        Labelled::First(argument) => argument.label.as_ref().map(|label| label.span),
        Labelled::Block(chain) => Some(chain.span),
    }
}
