//! The statements of a body, in the order in which they need each other: sizes and conditions first, then declarations, then
//! equations. An erroneous statement breaks the names that it defines, and nothing else.

use super::Elaboration;
use super::define::{Reduced, Root};
use super::names::{FIXED, defined_twice, fixed_name};
use super::order::Ordered;
use super::values::{Context, Frame, Labelled, Outcome, Place, Position, Reported, Tensor, Value};
use super::walk::{self, Applied};
use crate::equations::{Condition, Reduction};
use nnc_grammar::tree::{Binder, Expression, ExpressionKind, Flow, Kind, KindKind, Name, Reducer, Role, Statement, StatementKind};
use nnc_grammar::{Diagnostic, Span};

impl<'a> Elaboration<'a> {
    /// Reads all statements of a body. What a model alone may have (loss, metrics, optimizers) and updates are returned.
    pub(super) fn run_body(&mut self, frame: &mut Frame<'a>, statements: &'a [Statement]) -> Outcome<Vec<&'a Statement>> {
        let (rest, outcome) = self.run_body_partly(frame, statements);
        outcome.map(|()| rest)
    }

    /// [`Self::run_body`] that goes on after errors: names with an error are broken.
    pub(super) fn run_body_partly(&mut self, frame: &mut Frame<'a>, statements: &'a [Statement]) -> (Vec<&'a Statement>, Outcome<()>) {
        self.label_body(frame, statements);
        let mut outcome = Ok(());
        let mut chosen = self.choose_statements(frame, statements, &mut outcome);
        for statement in &chosen {
            if let StatementKind::Check(condition, message) = &statement.kind
                && let Err(reported) = self.check(frame, condition, &message.value, statement.span)
            {
                outcome = Err(reported);
            }
        }
        // a failed check or size makes everything after it doubtful
        if outcome.is_err() {
            return (Vec::new(), outcome);
        }
        for statement in &chosen {
            if let StatementKind::Declare { role, tensors } = &statement.kind {
                frame.docs = docs_of(statement);
                for (port, initial) in tensors {
                    frame.statement = port.span;
                    if *role == Role::Target && frame.place == Place::ModelAsLayer {
                        frame.left_behind.insert(port.name.text.clone());
                        continue;
                    }
                    if self.define_name(frame, &port.name).is_err() {
                        continue;
                    }
                    let declared = self.declare(frame, *role, port, initial.as_ref());
                    let value = declared.map_or(Value::Broken, Value::Tensor);
                    if matches!(value, Value::Broken) {
                        outcome = Err(Reported);
                    }
                    frame.values.insert(port.name.text.clone(), value);
                }
            }
        }
        let order = self.in_order(frame, &chosen, &mut outcome);
        for ordered in order {
            let result = match ordered {
                Ordered::Single(statement) => self.read_statement(frame, statement),
                Ordered::Circle(statements) => self.read_circle(frame, &statements),
            };
            outcome = outcome.and(result);
        }
        if frame.place != Place::Optimizer
            && let Err(reported) = self.next_states(frame, &chosen)
        {
            outcome = Err(reported);
        }
        let rest = |statement: &&Statement| {
            matches!(
                statement.kind,
                StatementKind::Loss { .. } | StatementKind::Metric(..) | StatementKind::Optimizer { .. } | StatementKind::Update { .. }
            )
        };
        chosen.retain(rest);
        (chosen, outcome)
    }

    /// One equation, or results of a stage by name.
    pub(super) fn read_statement(&mut self, frame: &mut Frame<'a>, statement: &'a Statement) -> Outcome<()> {
        frame.statement = statement.span;
        frame.docs = docs_of(statement);
        if !frame.left_behind.is_empty() && super::order::leave_behind(frame, statement) {
            return Ok(());
        }
        self.trail.push(statement.span.start);
        let outcome = self.equation_statement(frame, statement);
        self.trail.pop();
        outcome
    }

    /// Labels, blocks and numbers of the stages of a body, in the order of the text.
    pub(super) fn label_body(&mut self, frame: &mut Frame<'a>, statements: &'a [Statement]) {
        let mut applied = Vec::new();
        let mut blocks: Vec<(&'a Name, &'a nnc_grammar::tree::Chain)> = Vec::new();
        visit_statements(statements, &mut |statement| match &statement.kind {
            StatementKind::Block(name, chain) => blocks.push((name, chain)),
            _ => in_statement(statement, &mut |flow| walk::applications_in_flow(flow, &mut |one: Applied<'a>| applied.push(one))),
        });
        let mut scope = std::mem::take(&mut frame.scopes[0]);
        self.fill_scope(frame, &mut scope, &applied);
        for (name, chain) in blocks {
            self.add_label(frame, &mut scope, name, Labelled::Block(chain));
        }
        frame.scopes[0] = scope;
    }

    /// Notes that a statement defines a name; refuses a second definition.
    pub(super) fn define_name(&mut self, frame: &mut Frame<'a>, name: &'a Name) -> Outcome<()> {
        if FIXED.contains(&name.text.as_str()) {
            return Err(self.report(fixed_name(&name.text, name.span)));
        }
        if let Some(labelled) = frame.scopes[0].labels.get(name.text.as_str()) {
            let message = format!("`{}` is the name of a tensor and of a stage", name.text);
            let mut diagnostic = Diagnostic::error("NN0109", name.span, message);
            if let Labelled::Stage(stage) = labelled
                && let Some(label) = &stage.label
            {
                diagnostic = diagnostic.also(label.span, "the stage");
            }
            return Err(self.report(diagnostic.help(format!("label the stage otherwise: `{}_stage`", name.text))));
        }
        if let Some(&first) = frame.places.get(&name.text) {
            return Err(self.report(defined_twice(&name.text, first, name.span)));
        }
        frame.places.insert(name.text.clone(), name.span);
        Ok(())
    }

    /// `check cond, "message with {names}"`
    pub(super) fn check(&mut self, frame: &mut Frame<'a>, condition: &'a Expression, message: &str, span: Span) -> Outcome<()> {
        let mut context = Context::new(frame, frame.definition.clone());
        let result = self.condition(frame, &mut context, condition)?;
        let shown = self.fill_message(frame, message);
        if result == Condition::FALSE {
            return Err(self.report(Diagnostic::error("NN0209", span, shown).label("this must hold")));
        }
        for part in self.equations.pool.parts_of(result) {
            use crate::equations::ConditionNode;
            let zero = self.equations.pool.integer(0);
            match *self.equations.pool.condition(part) {
                ConditionNode::NonNegative(index) if self.equations.pool.is_size(index) => self.assert(zero, false, index, shown.clone()),
                ConditionNode::Zero(index) if self.equations.pool.is_size(index) => {
                    if !self.agree(index, zero, shown.clone()) {
                        self.assert(index, true, zero, shown.clone());
                    }
                }
                _ => {
                    let message = "this check is not decided while the model is compiled";
                    let help = "a check compares numbers and sizes, joined by `&&`";
                    return Err(self.report(Diagnostic::error("NN0204", condition.span, message).help(help)));
                }
            }
            frame.facts.push(part);
        }
        Ok(())
    }

    /// A message with its `{names}` filled in.
    fn fill_message(&self, frame: &Frame<'a>, message: &str) -> String {
        let mut text = String::new();
        let mut rest = message;
        while let Some(open) = rest.find('{') {
            text.push_str(&rest[..open]);
            rest = &rest[open..];
            let Some(close) = rest.find('}') else { break };
            match frame.values.get(&rest[1..close]) {
                Some(value) => text.push_str(&self.show_value(value)),
                None => text.push_str(&rest[..=close]),
            }
            rest = &rest[close + 1..];
        }
        text.push_str(rest);
        text
    }

    fn show_value(&self, value: &Value) -> String {
        match value {
            Value::Whole(index) => self.show_size(*index),
            Value::Number(number) => number.to_string(),
            Value::Truth(condition) => (*condition == Condition::TRUE).to_string(),
            Value::Pair(parts) => parts.iter().map(|part| self.show_value(part)).collect::<Vec<_>>().join("x"),
            Value::Pack(sizes) => self.show_shape(sizes),
            Value::Tensor(tensor) => self.show_shape(&tensor.axes),
            Value::Field(_, number) => self.show_value(number),
            Value::Real(_) | Value::Broken => "?".to_string(),
        }
    }

    fn equation_statement(&mut self, frame: &mut Frame<'a>, statement: &'a Statement) -> Outcome<()> {
        match &statement.kind {
            StatementKind::Equation { name, binders, kind, value } => {
                let result = self.equation(frame, name, binders, kind.as_ref(), value);
                let failed = result.is_err();
                frame.values.insert(name.text.clone(), result.map_or(Value::Broken, Value::Tensor));
                if failed { Err(Reported) } else { Ok(()) }
            }
            StatementKind::Destructure { names, value } => {
                let mut context = Context::new(frame, super::ranges::full_name(frame.path(), &names[0].text));
                let bound = self.check_flow(frame, &mut Vec::new(), value);
                let results = if bound.is_err() {
                    Err(Reported)
                } else if value.stages.is_empty()
                    && let ExpressionKind::Call { .. } = &value.value.kind
                {
                    self.call_results(frame, &mut context, &value.value)
                } else if value.stages.is_empty() {
                    let message = "only a stage has several results";
                    Err(self.report(
                        Diagnostic::error("NN0503", value.span, message)
                            .help("write `(y, a) = (q, k, v) -> attention_core;`, or `= attention_core(q, k, v);`"),
                    ))
                } else {
                    self.flow_results(frame, &mut context, value)
                };
                let results = match results {
                    Ok(results) if results.len() == names.len() => results,
                    Ok(results) => {
                        let message = format!("{} names for {} results", names.len(), results.len());
                        self.report(Diagnostic::error("NN0501", names[0].span.to(value.span), message));
                        Vec::new()
                    }
                    Err(Reported) => Vec::new(),
                };
                let mut outcome = Ok(());
                for (number, name) in names.iter().enumerate() {
                    let value = results.get(number).cloned().map_or(Value::Broken, Value::Tensor);
                    if matches!(value, Value::Broken) {
                        outcome = Err(Reported);
                    }
                    frame.values.insert(name.text.clone(), value);
                }
                outcome
            }
            _ => Ok(()),
        }
    }

    /// `y[o, i: n] = …`, or `y = …` element by element.
    pub(super) fn equation(
        &mut self,
        frame: &mut Frame<'a>,
        name: &'a Name,
        binders: &'a [Binder],
        kind: Option<&'a Kind>,
        value: &'a Flow,
    ) -> Outcome<Tensor> {
        let base = super::ranges::full_name(frame.path(), &name.text);
        self.equation_called(frame, name, base, binders, kind, value)
    }

    /// An equation whose tensor is called `base`, or like it.
    pub(super) fn equation_called(
        &mut self,
        frame: &mut Frame<'a>,
        name: &'a Name,
        base: String,
        binders: &'a [Binder],
        kind: Option<&'a Kind>,
        value: &'a Flow,
    ) -> Outcome<Tensor> {
        let mut context = Context::new(frame, base.clone());
        let range = match kind {
            Some(Kind { kind: KindKind::Probability, span }) => {
                let message = "a probability is proved, not stated, inside of a definition";
                return Err(self.report(Diagnostic::error("NN0406", *span, message).help("leave `: prob` out")));
            }
            Some(kind) => self.index_range(frame, kind)?,
            None => None,
        };
        let mut bound = binders.iter().filter(|binder| !binder.pack).map(|binder| binder.name.text.as_str()).collect();
        self.check_flow(frame, &mut bound, value)?;
        if binders.is_empty() && kind.is_none() {
            if !value.stages.is_empty() {
                let results = self.flow_results(frame, &mut context, value)?;
                return results.into_iter().next().ok_or(Reported);
            }
            // another name for the same tensor
            match &value.value.kind {
                ExpressionKind::Name(path) => {
                    if let Some(tensor) = self.find_tensor(frame, 0, path) {
                        return Ok(tensor);
                    }
                }
                ExpressionKind::Call { .. } => {
                    let shape = self.shape(frame, &mut context, &value.value)?;
                    let _ = shape;
                    if let Some(tensor) = context.hoisted.get(&super::values::address(&value.value)) {
                        return Ok(tensor.clone());
                    }
                }
                _ => {}
            }
        }
        let mut axes = Vec::new();
        if binders.is_empty() {
            let shape = self.shape(frame, &mut context, &value.value)?;
            let labels = self.labels_of_shape(frame, &value.value, shape.len());
            axes = shape.iter().enumerate().map(|(k, &size)| context.axis(&labels[k], size)).collect();
            context.whole = Some(axes.clone());
        } else {
            let scope = vec![&value.value];
            let mut scope = scope;
            walk::in_stages(&value.stages, &mut |expression| scope.push(expression));
            let mut outcome = Ok(());
            for binder in binders {
                match self.bind(frame, &mut context, binder, &scope) {
                    Ok(more) => axes.extend(more),
                    Err(reported) => outcome = Err(reported),
                }
            }
            outcome?;
        }
        let root = match range {
            Some(range) => self.integer_equation(frame, &mut context, value, range)?,
            None => self.root(frame, &mut context, value)?,
        };
        match frame.reserved.remove(&name.text) {
            Some(reserved) => self.finish_reserved(frame, &context, name, reserved, &axes, root),
            None => self.finish(frame, &context, &base, &axes, root, range),
        }
    }

    fn labels_of_shape(&self, frame: &Frame<'a>, expression: &'a Expression, rank: usize) -> Vec<String> {
        let mut stack = vec![expression];
        while let Some(expression) = stack.pop() {
            if let ExpressionKind::Name(path) = &expression.kind
                && let Some(tensor) = self.find_tensor(frame, 0, path)
                && tensor.axes.len() == rank
            {
                let labels = self.labels_of(&tensor);
                if labels.len() == rank {
                    return labels;
                }
            }
            let mut inside = Vec::new();
            walk::inside(expression, &mut |part| inside.push(part));
            stack.extend(inside.into_iter().rev());
        }
        (0..rank).map(super::whole::axis_label).collect()
    }

    /// The root of an equation: a reduction stays one.
    pub(super) fn root(&mut self, frame: &mut Frame<'a>, context: &mut Context, value: &'a Flow) -> Outcome<Root> {
        let mut expression = &value.value;
        while value.stages.is_empty()
            && let ExpressionKind::Group(flows) = &expression.kind
            && let [flow] = &flows[..]
            && flow.stages.is_empty()
        {
            expression = &flow.value;
        }
        if value.stages.is_empty()
            && let ExpressionKind::Reduce { reducer, binders, condition, body } = &expression.kind
            && !binders.iter().any(|binder| binder.name.text == "all")
        {
            let reduction = match reducer {
                Reducer::Sum => Some(Reduction::Sum),
                Reducer::Product => Some(Reduction::Product),
                Reducer::Max => Some(Reduction::Max),
                Reducer::LogSumExp => Some(Reduction::LogSumExp),
                _ => None,
            };
            if let Some(reduction) = reduction {
                let (axes, condition, body) = self.reduction_parts(frame, context, binders, condition.as_deref(), body)?;
                return Ok(Root::Reduced(Reduced { reduction, axes, condition, body }));
            }
        }
        let value = self.flow_value(frame, context, &value.value, value, Position::Real).map(|found| (found, value.span))?;
        self.real_of(value.0, value.1).map(Root::Value)
    }

    fn integer_equation(
        &mut self,
        frame: &mut Frame<'a>,
        context: &mut Context,
        value: &'a Flow,
        range: (crate::equations::Index, crate::equations::Index),
    ) -> Outcome<Root> {
        if !value.stages.is_empty() {
            let message = "an index tensor is made by an expression, not by stages";
            return Err(self.report(Diagnostic::error("NN0405", value.span, message)));
        }
        if let ExpressionKind::Reduce { reducer: Reducer::ArgMax, binders, condition, body } = &value.value.kind {
            let (axes, condition, body) = self.reduction_parts(frame, context, binders, condition.as_deref(), body)?;
            let (low, high) = self.argmax_range(context, value.span, &axes, condition)?;
            let below = self.equations.pool.minus(low, range.0);
            let above = self.equations.pool.minus(range.1, high);
            if !self.equations.pool.never_negative(below) || !self.equations.pool.never_negative(above) {
                let (found, stated) = (self.show_size(high), self.show_size(range.1));
                let message = format!("`argmax` is in 0..{found}, and {stated} is stated as the end of the range");
                return Err(self.report(Diagnostic::error("NN0403", value.span, message).help(format!("write `: index({found})`"))));
            }
            return Ok(Root::Reduced(Reduced { reduction: Reduction::ArgMax, axes, condition, body }));
        }
        self.integer_root(frame, context, &value.value, range).map(Root::Value)
    }
}

fn docs_of(statement: &Statement) -> Vec<String> {
    statement.docs.iter().map(|line| line.value.clone()).collect()
}

/// All statements, those inside of `if` among them.
pub(super) fn visit_statements<'a>(statements: &'a [Statement], f: &mut dyn FnMut(&'a Statement)) {
    for statement in statements {
        if let StatementKind::If { arms, otherwise } = &statement.kind {
            for (_, statements) in arms {
                visit_statements(statements, f);
            }
            if let Some(statements) = otherwise {
                visit_statements(statements, f);
            }
        } else {
            f(statement);
        }
    }
}

/// The flows of a statement.
pub(super) fn in_statement<'a>(statement: &'a Statement, f: &mut dyn FnMut(&'a Flow)) {
    match &statement.kind {
        StatementKind::Loss { value, .. }
        | StatementKind::Metric(_, value)
        | StatementKind::Update { value, .. }
        | StatementKind::Destructure { value, .. }
        | StatementKind::Equation { value, .. } => f(value),
        _ => {}
    }
}
