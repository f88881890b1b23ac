//! Calls in expressions, whole tensors, and what stands between them: a layer that is called in an equation with indices is applied
//! with the free indices of its arguments as front axes.

use super::Elaboration;
use super::apply::Link;
use super::define::Root;
use super::ranges::show_path;
use super::values::{Callee, Context, Frame, FrontAxis, Key, Outcome, Place, Position, Reported, Tensor, Value, address, required};
use crate::equations::{Function, Index, Scalar};
use nnc_grammar::tree::{Argument, Expression, ExpressionKind, Flow, ItemKind, Path};
use nnc_grammar::{Diagnostic, Span};

/// The functions of one number that the language itself has.
fn function(name: &str) -> Option<Function> {
    Some(match name {
        "exp" => Function::Exp,
        "log" => Function::Log,
        "tanh" => Function::Tanh,
        "sigmoid" => Function::Sigmoid,
        "softplus" => Function::Softplus,
        "erf" => Function::Erf,
        "sin" => Function::Sin,
        "cos" => Function::Cos,
        "abs" => Function::Abs,
        "floor" => Function::Floor,
        _ => return None,
    })
}

/// Whether a name is a function of one number that the language itself has.
pub(super) fn is_function(name: &str) -> bool {
    matches!(name, "sqrt" | "stop") || function(name).is_some()
}

impl<'a> Elaboration<'a> {
    /// A function of one number.
    pub(super) fn scalar_function(&mut self, name: &str, x: Scalar) -> Scalar {
        let pool = &mut self.equations.pool;
        match (name, function(name)) {
            ("sqrt", _) => pool.sqrt(x),
            ("stop", _) => pool.stop(x),
            (_, Some(function)) => pool.apply(function, x),
            _ => x,
        }
    }

    #[allow(clippy::too_many_arguments)]
    pub(super) fn call(
        &mut self,
        frame: &mut Frame<'a>,
        context: &mut Context,
        expression: &'a Expression,
        path: &'a Path,
        first: &'a [Argument],
        second: Option<&'a [Argument]>,
        position: Position,
    ) -> Outcome<Value> {
        if path.segments.len() > 1 {
            let message = format!("`{}` cannot be called", show_path(path));
            return Err(
                self.report(Diagnostic::error("NN0102", path.span, message).help("stages are called by their label in the same body"))
            );
        }
        let name = &path.segments[0];
        if !frame.scalar && self.labelled(frame, 0, &name.text).is_some() {
            return self.layer_element(frame, context, expression);
        }
        match self.callee(frame.module, &name.text) {
            Some(callee) => match &callee.item.kind {
                ItemKind::Function { .. } => {
                    if second.is_some() {
                        let message = format!("`{}` has one list of arguments", name.text);
                        return Err(self.report(Diagnostic::error("NN0503", expression.span, message)));
                    }
                    self.function_call(frame, context, callee, &name.text, first, expression.span)
                }
                ItemKind::Layer(_) | ItemKind::Model(_) => self.layer_element(frame, context, expression),
                _ => {
                    let message = format!("`{}` is not a layer or function", name.text);
                    Err(self.report(Diagnostic::error("NN0102", name.span, message)))
                }
            },
            None if is_function(&name.text) => {
                let [argument] = first else {
                    let message = format!("`{}` takes one argument, not {}", name.text, first.len());
                    return Err(self.report(Diagnostic::error("NN0501", expression.span, message)));
                };
                if argument.name.is_some() || argument.label.is_some() || second.is_some() {
                    let message = format!("`{}` takes one plain argument", name.text);
                    return Err(self.report(Diagnostic::error("NN0505", argument.span, message)));
                }
                let value = self.flow_value(frame, context, &argument.value.value, &argument.value, Position::Real)?;
                let number = self.number_of(&value);
                let x = self.real_of(value, argument.span)?;
                let result = self.scalar_function(&name.text, x);
                if position == Position::Integer {
                    return self.integer_of(Value::Real(result), expression.span).map(Value::Whole);
                }
                Ok(match (number, self.equations.pool.number_of(result)) {
                    (Some(_), Some(number)) => Value::Number(number),
                    _ => Value::Real(result),
                })
            }
            None => match name.text.as_str() {
                "grad" => self.layer_element(frame, context, expression),
                "uniform" | "normal" | "orthogonal" => self.draw(frame, context, &name.text, first, expression.span),
                text if super::names::BUILT_IN.contains(&text) => {
                    let message = format!("`{text}` stands only in a chain");
                    let given: Vec<&str> = first.iter().map(|argument| self.text(argument.span)).collect();
                    let written = match (text, &given[..]) {
                        ("flatten", [value]) => format!("{value} -> flatten"),
                        ("flatten", _) => "x -> flatten".to_string(),
                        ("reshape", [value, sizes @ ..]) if !sizes.is_empty() => format!("{value} -> reshape({})", sizes.join(", ")),
                        ("reshape", [value]) => format!("{value} -> reshape(…)"),
                        _ => format!("x -> {text}(…)"),
                    };
                    Err(self.report(Diagnostic::error("NN0503", expression.span, message).help(format!("write `{written}`"))))
                }
                _ => {
                    let diagnostic = self.unknown_callable(frame, 0, &name.text, name.span);
                    Err(self.report(diagnostic))
                }
            },
        }
    }

    /// A `fn` with its arguments, inlined.
    fn function_call(
        &mut self,
        frame: &mut Frame<'a>,
        context: &mut Context,
        callee: Callee<'a>,
        name: &str,
        arguments: &'a [Argument],
        span: Span,
    ) -> Outcome<Value> {
        let ItemKind::Function { hypers, .. } = &callee.item.kind else { return Err(Reported) };
        let ports: Vec<&str> = hypers.iter().filter(|hyper| required(hyper)).map(|hyper| hyper.name.text.as_str()).collect();
        let mut values: Vec<(String, Value)> = Vec::new();
        let mut positional = 0;
        let mut outcome = Ok(());
        for argument in arguments {
            let given = match &argument.name {
                None => {
                    positional += 1;
                    match ports.get(positional - 1) {
                        Some(port) => port.to_string(),
                        None => continue,
                    }
                }
                Some(given) => match hypers.iter().find(|hyper| hyper.name.text == given.text) {
                    Some(hyper) if !required(hyper) => given.text.clone(),
                    Some(_) => return Err(self.given_by_name(name, given, &ports)),
                    None => return Err(self.no_such_hyper(name, given, hypers.iter().map(|hyper| hyper.name.text.as_str()).collect())),
                },
            };
            match self.flow_value(frame, context, &argument.value.value, &argument.value, Position::Real) {
                Ok(value) => values.push((given, value)),
                Err(reported) => outcome = Err(reported),
            }
        }
        outcome?;
        if positional != ports.len() {
            return Err(self.wrong_count(name, &ports, positional, span, callee));
        }
        self.inline(context, callee, values, span)
    }

    /// The value of a `fn` for arguments by name.
    pub(super) fn inline(&mut self, context: &mut Context, callee: Callee<'a>, given: Vec<(String, Value)>, span: Span) -> Outcome<Value> {
        let ItemKind::Function { name, hypers, value } = &callee.item.kind else { return Err(Reported) };
        let item = std::ptr::from_ref(callee.item) as usize;
        let keys: Option<Vec<Key>> = given.iter().map(|(_, value)| Key::of(value)).collect();
        // the names of what is given belong to the key: a default may be among them
        let names: usize =
            given.iter().flat_map(|(name, _)| name.bytes()).fold(given.len(), |hash, byte| hash.wrapping_mul(31) + usize::from(byte));
        let key = keys.map(|keys| (item ^ names, keys));
        if let Some(key) = &key
            && let Some(value) = context.inlined.get(key)
        {
            return Ok(value.clone());
        }
        self.enter(callee, &name.text, span)?;
        let drawn = context.draws.as_ref().map(|draws| draws.made.len());
        let mut frame = Frame::new(callee.module, &name.text, Place::Function, false);
        frame.statement = span;
        frame.values.extend(given);
        let result = (|| {
            for hyper in hypers {
                if !frame.values.contains_key(&hyper.name.text)
                    && let Some(default) = &hyper.default
                {
                    let value = self.evaluate(&mut frame, context, default, Position::Real)?;
                    frame.values.insert(hyper.name.text.clone(), value);
                }
                frame.places.insert(hyper.name.text.clone(), hyper.name.span);
            }
            let indices = std::mem::take(&mut context.indices);
            let whole = context.whole.take();
            let result = self.evaluate(&mut frame, context, value, Position::Real);
            context.indices = indices;
            context.whole = whole;
            result
        })();
        self.leave();
        let result = result?;
        // two calls that draw are two draws
        if let Some(key) = key
            && drawn == context.draws.as_ref().map(|draws| draws.made.len())
        {
            context.inlined.insert(key, result.clone());
        }
        Ok(result)
    }

    /// A call of a layer as an element.
    fn layer_element(&mut self, frame: &mut Frame<'a>, context: &mut Context, expression: &'a Expression) -> Outcome<Value> {
        let tensor = self.hoist(frame, context, expression)?;
        self.element_of_result(frame, context, &tensor, expression.span)
    }

    /// What stages make of a value, as an element.
    pub(super) fn flow_element(
        &mut self,
        frame: &mut Frame<'a>,
        context: &mut Context,
        owner: &'a Expression,
        flow: &'a Flow,
    ) -> Outcome<Value> {
        let tensor = self.hoist_flow(frame, context, owner, flow)?;
        self.element_of_result(frame, context, &tensor, flow.span)
    }

    fn element_of_result(&mut self, frame: &Frame<'a>, context: &mut Context, tensor: &Tensor, span: Span) -> Outcome<Value> {
        if tensor.axes.is_empty() {
            return self.read(context, tensor, Vec::new(), span);
        }
        if let Some(whole) = context.whole.clone() {
            return self.whole_element(frame, context, tensor, &whole, span);
        }
        let shape = self.show_shape(&tensor.axes);
        let message = format!("a result of shape {shape} stands where one element is needed");
        let help = "give it a name in an equation of its own, and read that with its indices";
        Err(self.report(Diagnostic::error("NN0308", span, message).help(help)))
    }

    /// The result of a call of a layer.
    pub(super) fn hoist(&mut self, frame: &mut Frame<'a>, context: &mut Context, expression: &'a Expression) -> Outcome<Tensor> {
        if let Some(tensor) = context.hoisted.get(&address(expression)) {
            return Ok(tensor.clone());
        }
        let results = self.call_results(frame, context, expression)?;
        let tensor = results.into_iter().next().ok_or(Reported)?;
        context.hoisted.insert(address(expression), tensor.clone());
        Ok(tensor)
    }

    /// All results of a call of a layer.
    pub(super) fn call_results(
        &mut self,
        frame: &mut Frame<'a>,
        context: &mut Context,
        expression: &'a Expression,
    ) -> Outcome<Vec<Tensor>> {
        let ExpressionKind::Call { path, first, second } = &expression.kind else { return Err(Reported) };
        let name = &path.segments[0].text;
        if name == "grad" && self.labelled(frame, 0, name).is_none() && self.callee(frame.module, name).is_none() {
            let tensor = self.gradient(frame, context, expression.span, first, second.is_some())?;
            return Ok(vec![tensor]);
        }
        let (hypers, ports): (&[Argument], &[Argument]) = match second {
            Some(second) => (first, second),
            None => (&[], first),
        };
        for port in ports {
            if let Some(name) = &port.name {
                let message = format!("the ports of `{}` are given by position", path.segments[0].text);
                let help = format!("hyper-parameters stand in a list of their own: `{}({} = …)(…)`", path.segments[0].text, name.text);
                return Err(self.report(Diagnostic::error("NN0505", port.span, message).help(help)));
            }
        }
        let link = Link { label: None, name: &path.segments[0], arguments: hypers, span: expression.span };
        let flows: Vec<(&'a Expression, &'a Flow)> = ports.iter().map(|port| (&port.value.value, &port.value)).collect();
        self.apply_in_context(frame, context, &flows, vec![link])
    }

    /// The result of a flow with stages.
    pub(super) fn hoist_flow(
        &mut self,
        frame: &mut Frame<'a>,
        context: &mut Context,
        _owner: &'a Expression,
        flow: &'a Flow,
    ) -> Outcome<Tensor> {
        let key = std::ptr::from_ref(flow) as usize;
        if let Some(tensor) = context.hoisted.get(&key) {
            return Ok(tensor.clone());
        }
        let results = self.flow_results(frame, context, flow)?;
        let tensor = results.into_iter().next().ok_or(Reported)?;
        context.hoisted.insert(key, tensor.clone());
        Ok(tensor)
    }

    /// All results of the last stage of a flow.
    pub(super) fn flow_results(&mut self, frame: &mut Frame<'a>, context: &mut Context, flow: &'a Flow) -> Outcome<Vec<Tensor>> {
        let inputs: Vec<(&'a Expression, &'a Flow)> = match &flow.value.kind {
            ExpressionKind::Group(flows) if flows.len() > 1 => flows.iter().map(|inner| (&inner.value, inner)).collect(),
            _ => Vec::new(),
        };
        let links = flow.stages.iter().map(Link::of_stage).collect();
        if inputs.is_empty() {
            return self.apply_to_expression(frame, context, &flow.value, links);
        }
        self.apply_in_context(frame, context, &inputs, links)
    }

    fn apply_to_expression(
        &mut self,
        frame: &mut Frame<'a>,
        context: &mut Context,
        value: &'a Expression,
        links: Vec<Link<'a>>,
    ) -> Outcome<Vec<Tensor>> {
        let given = self.given(frame, context, value, None)?;
        self.apply_given(frame, context, vec![(given, value.span)], links)
    }

    fn apply_in_context(
        &mut self,
        frame: &mut Frame<'a>,
        context: &mut Context,
        inputs: &[(&'a Expression, &'a Flow)],
        links: Vec<Link<'a>>,
    ) -> Outcome<Vec<Tensor>> {
        let mut given = Vec::new();
        let mut outcome = Ok(());
        for &(expression, flow) in inputs {
            match self.given(frame, context, expression, Some(flow)) {
                Ok(one) => given.push((one, flow.span)),
                Err(reported) => outcome = Err(reported),
            }
        }
        outcome?;
        self.apply_given(frame, context, given, links)
    }

    /// An input of a stage: a whole tensor, or an element with free indices.
    pub(super) fn given(
        &mut self,
        frame: &mut Frame<'a>,
        context: &mut Context,
        expression: &'a Expression,
        flow: Option<&'a Flow>,
    ) -> Outcome<Given> {
        if let Some(flow) = flow
            && !flow.stages.is_empty()
        {
            let tensor = self.hoist_flow(frame, context, expression, flow)?;
            if tensor.axes.is_empty() {
                return Ok(Given::Element(self.read(context, &tensor, Vec::new(), flow.span)?));
            }
            return Ok(Given::Tensor(tensor));
        }
        if let ExpressionKind::Group(flows) = &expression.kind
            && let [inner] = &flows[..]
        {
            return self.given(frame, context, &inner.value, Some(inner));
        }
        let shape = self.shape(frame, context, expression)?;
        if shape.is_empty() {
            return Ok(Given::Element(self.evaluate(frame, context, expression, Position::Real)?));
        }
        if let ExpressionKind::Name(path) = &expression.kind {
            return self.tensor(frame, 0, path).map(Given::Tensor);
        }
        if matches!(expression.kind, ExpressionKind::Call { .. })
            && let Some(tensor) = context.hoisted.get(&address(expression))
        {
            return Ok(Given::Tensor(tensor.clone()));
        }
        // an expression over whole tensors becomes an equation of its own
        let mut inner = Context::new(frame, format!("{}.input", context.base));
        inner.hoisted = std::mem::take(&mut context.hoisted);
        let axes: Vec<u32> = shape.iter().enumerate().map(|(k, &size)| inner.axis(&super::whole::axis_label(k), size)).collect();
        inner.whole = Some(axes.clone());
        let result = self.real(frame, &mut inner, expression);
        context.hoisted = std::mem::take(&mut inner.hoisted);
        let base = inner.base.clone();
        self.finish(frame, &inner, &base, &axes, Root::Value(result?), None).map(Given::Tensor)
    }

    /// Applies stages; the free indices of elements become front axes while they are.
    fn apply_given(
        &mut self,
        frame: &mut Frame<'a>,
        context: &mut Context,
        given: Vec<(Given, Span)>,
        links: Vec<Link<'a>>,
    ) -> Outcome<Vec<Tensor>> {
        if frame.scalar {
            let message = format!("`{}` is a `fn`: it has no stages", frame.definition);
            let span = links.first().map_or(frame.statement, |link| link.span);
            return Err(self.report(Diagnostic::error("NN0503", span, message).help("make it a `layer`")));
        }
        let pool = &self.equations.pool;
        let front = context.front as u32;
        let mut free = std::collections::BTreeSet::new();
        for (one, _) in &given {
            match one {
                Given::Element(Value::Real(scalar)) => free.extend(pool.axes_of_scalar(*scalar)),
                Given::Element(Value::Whole(index)) => free.extend(pool.axes_of_index(*index)),
                Given::Tensor(tensor) => free.extend(context.free.get(&tensor.name).into_iter().flatten().copied()),
                Given::Element(_) => {}
            }
        }
        let free: Vec<u32> = free.into_iter().filter(|&axis| axis >= front).collect();
        for &axis in &free {
            frame.front.push(FrontAxis { size: context.axes[axis as usize], label: context.labels[axis as usize].clone() });
        }
        let result = (|| {
            let mut inputs = Vec::new();
            for (one, span) in given {
                inputs.push(match one {
                    Given::Tensor(mut tensor) => {
                        for axis in context.free.get(&tensor.name).into_iter().flatten() {
                            tensor.front |= free.iter().position(|other| other == axis).map_or(0, |place| 1 << (front as usize + place));
                        }
                        tensor
                    }
                    Given::Element(value) => self.element_as_tensor(frame, context, &free, value, span)?,
                });
            }
            self.run_links(frame, 0, &links, inputs)
        })();
        frame.front.truncate(front as usize);
        let mut results = result?;
        if free.is_empty() {
            return Ok(results);
        }
        // back to an element at the free indices: a tensor without axes of its own
        for result in &mut results {
            let used = free.iter().enumerate().filter(|(k, _)| result.front >> (front as usize + k) & 1 == 1);
            context.free.insert(result.name, used.map(|(_, &axis)| axis).collect());
            result.front &= (1u64 << front) - 1;
        }
        Ok(results)
    }

    /// An element as a tensor over the front axes that it uses.
    pub(super) fn element_as_tensor(
        &mut self,
        frame: &Frame<'a>,
        context: &Context,
        free: &[u32],
        value: Value,
        span: Span,
    ) -> Outcome<Tensor> {
        let mut inner = Context::new(frame, format!("{}.input", context.base));
        let front = context.front as u32;
        let (root, integer, used) = match value {
            Value::Whole(index) if !self.equations.pool.tensors_of_index(index).is_empty() => {
                let Some(range) = self.range_of_all(&[index]) else {
                    return Err(self.report(Diagnostic::error("NN0301", span, "the range of this integer cannot be told")));
                };
                let used = self.equations.pool.axes_of_index(index);
                (self.equations.pool.real(index), Some(range), used)
            }
            other => {
                let scalar = self.real_of(other, span)?;
                let axes: Vec<u32> = (0..front).chain(free.iter().copied()).collect();
                let scalar = self.guarded_value(frame, context, &axes, scalar);
                let used = self.equations.pool.axes_of_scalar(scalar);
                (scalar, None, used)
            }
        };
        let mut places = std::collections::BTreeMap::new();
        for axis in used {
            let number = match free.iter().position(|&other| other == axis) {
                Some(place) => front + place as u32,
                None => axis,
            };
            if number < 64 {
                inner.used |= 1 << number;
            }
            if number != axis {
                places.insert(axis, self.equations.pool.axis(number, context.axes[axis as usize]));
            }
        }
        let root = if places.is_empty() { root } else { self.equations.pool.substitute_scalar(root, &places) };
        // an element that is read plainly needs no equation of its own
        if let Some(tensor) = self.plain_read(&inner, root, integer) {
            return Ok(tensor);
        }
        let base = inner.base.clone();
        self.finish(frame, &inner, &base, &[], Root::Value(root), integer)
    }

    /// The tensor of which a scalar is the element at exactly its front axes, in order.
    fn plain_read(&self, context: &Context, root: Scalar, integer: Option<(Index, Index)>) -> Option<Tensor> {
        use crate::equations::{AtomNode, ScalarNode};
        let pool = &self.equations.pool;
        let (name, at) = match pool.scalar(root) {
            ScalarNode::Read { tensor, at } => (*tensor, at.clone()),
            ScalarNode::Real(index) => match &pool.affine(*index).terms[..] {
                [(atom, 1)] if pool.affine(*index).constant == 0 => match pool.atom(*atom) {
                    AtomNode::Read { tensor, at, .. } => (*tensor, at.clone()),
                    _ => return None,
                },
                _ => return None,
            },
            _ => return None,
        };
        let axes: Option<Vec<u32>> = at.iter().map(|&index| pool.axis_of(index)).collect();
        let axes = axes?;
        if !axes.windows(2).all(|pair| pair[0] < pair[1]) || axes.iter().any(|&axis| axis as usize >= context.front) {
            return None;
        }
        Some(Tensor { name, front: context.used, axes: Vec::new(), integer })
    }
}

/// An input of a stage.
pub(super) enum Given {
    Tensor(Tensor),
    Element(Value),
}
