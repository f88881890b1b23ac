//! Every name of an expression resolves, whatever ranges and sizes are: checked before an equation is read, so that several unknown
//! names are reported at once, and in definitions that no model uses.

use super::Elaboration;
use super::names::{BUILT_IN, FIXED};
use super::ranges::show_path;
use super::values::{Frame, Outcome, Place, Reported, Value};
use super::{bodies, walk};
use nnc_grammar::Diagnostic;
use nnc_grammar::tree::{
    Argument, Binder, Body, Definition, DimKind, Expression, ExpressionKind, Flow, ItemKind, Name, Path, Port, Stage, Statement,
    StatementKind,
};

/// Functions that have a meaning in some places only, which is checked when they are read.
const PLACED: [&str; 4] = ["uniform", "normal", "orthogonal", "grad"];

impl<'a> Elaboration<'a> {
    /// Reports every name in an expression that nothing defines; `bound` are the index names around it.
    fn check_names(&mut self, frame: &Frame<'a>, bound: &mut Vec<&'a str>, expression: &'a Expression) -> Outcome<()> {
        match &expression.kind {
            ExpressionKind::Name(path) => self.check_value(frame, bound, path),
            ExpressionKind::Read(path, dims) => {
                let mut outcome = self.check_tensor(frame, bound, path);
                for dim in dims {
                    if let DimKind::Expression(Expression { kind: ExpressionKind::Name(index), .. }) = &dim.kind
                        && let [name] = &index.segments[..]
                        && outcome.is_ok()
                        && self.is_free(frame, bound, &name.text)
                    {
                        outcome = Err(self.free_index(path, name));
                        continue;
                    }
                    if let DimKind::Expression(index) | DimKind::Named(_, index) = &dim.kind {
                        outcome = self.check_names(frame, bound, index).and(outcome);
                    }
                }
                outcome
            }
            ExpressionKind::Call { path, first, second } => {
                let mut outcome = match &path.segments[..] {
                    [name] => self.check_callable(frame, name),
                    _ => Ok(()),
                };
                for argument in first.iter().chain(second.iter().flatten()) {
                    outcome = self.check_flow(frame, bound, &argument.value).and(outcome);
                }
                outcome
            }
            ExpressionKind::Reduce { binders, condition, body, .. } => {
                let known = bound.len();
                let mut outcome = Ok(());
                for binder in binders {
                    if !binder.pack && bound.contains(&binder.name.text.as_str()) {
                        outcome = Err(self.bound_already(binder));
                    }
                    if let Some(range) = &binder.range
                        && !binder.pack
                    {
                        outcome = self.check_names(frame, bound, range).and(outcome);
                    }
                }
                bound.extend(binders.iter().filter(|binder| !binder.pack).map(|binder| binder.name.text.as_str()));
                if let Some(condition) = condition {
                    outcome = self.check_names(frame, bound, condition).and(outcome);
                }
                outcome = self.check_names(frame, bound, body).and(outcome);
                bound.truncate(known);
                outcome
            }
            ExpressionKind::If { arms, otherwise } => {
                // a branch that is not taken may read what only the other configuration defines
                let mut outcome = Ok(());
                for (condition, flow) in arms {
                    outcome = self.check_names(frame, bound, condition).and(outcome);
                    outcome = self.check_flow(frame, bound, flow).and(outcome);
                }
                self.check_flow(frame, bound, otherwise).and(outcome)
            }
            ExpressionKind::Total(_, flows) | ExpressionKind::Group(flows) => {
                let mut outcome = Ok(());
                for flow in flows {
                    outcome = self.check_flow(frame, bound, flow).and(outcome);
                }
                outcome
            }
            _ => {
                let mut inside = Vec::new();
                walk::inside(expression, &mut |part| inside.push(part));
                let mut outcome = Ok(());
                for part in inside {
                    outcome = self.check_names(frame, bound, part).and(outcome);
                }
                outcome
            }
        }
    }

    /// [`Self::check_names`] of a flow and its stages.
    pub(super) fn check_flow(&mut self, frame: &Frame<'a>, bound: &mut Vec<&'a str>, flow: &'a Flow) -> Outcome<()> {
        let outcome = self.check_names(frame, bound, &flow.value);
        self.check_stages(frame, bound, &flow.stages).and(outcome)
    }

    fn check_stages(&mut self, frame: &Frame<'a>, bound: &mut Vec<&'a str>, stages: &'a [Stage]) -> Outcome<()> {
        let mut outcome = Ok(());
        for stage in stages {
            let arguments = stage.arguments.as_deref().unwrap_or_default();
            outcome = self.check_application(frame, bound, &stage.name, arguments).and(outcome);
        }
        outcome
    }

    fn check_application(&mut self, frame: &Frame<'a>, bound: &mut Vec<&'a str>, name: &'a Name, arguments: &'a [Argument]) -> Outcome<()> {
        // labels inside of a copy of `repeat` are known only there
        let repeats = name.text == "repeat";
        if repeats {
            self.repeat_in_order(frame, arguments)?;
        }
        let mut outcome = self.check_callable(frame, name);
        for (number, argument) in arguments.iter().enumerate() {
            let chain = matches!(name.text.as_str(), "residual" | "repeat") && number + 1 == arguments.len();
            if !chain {
                outcome = self.check_flow(frame, bound, &argument.value).and(outcome);
            } else if !repeats {
                match &argument.value.value.kind {
                    ExpressionKind::Name(path) if path.segments.len() == 1 => {
                        outcome = self.check_callable(frame, &path.segments[0]).and(outcome);
                    }
                    ExpressionKind::Call { path, first, second: None } if path.segments.len() == 1 => {
                        outcome = self.check_application(frame, bound, &path.segments[0], first).and(outcome);
                    }
                    _ => {}
                }
                outcome = self.check_stages(frame, bound, &argument.value.stages).and(outcome);
            }
        }
        outcome
    }

    fn check_callable(&mut self, frame: &Frame<'a>, name: &'a Name) -> Outcome<()> {
        let text = name.text.as_str();
        let known = self.labelled(frame, 0, text).is_some()
            || self.callee(frame.module, text).is_some()
            || super::calls::is_function(text)
            || BUILT_IN.contains(&text)
            || PLACED.contains(&text);
        if known {
            return Ok(());
        }
        let diagnostic = self.unknown_callable(frame, 0, text, name.span);
        Err(self.report(diagnostic))
    }

    fn check_value(&mut self, frame: &Frame<'a>, bound: &[&'a str], path: &'a Path) -> Outcome<()> {
        let text = path.segments[0].text.as_str();
        if path.segments.len() > 1 || bound.contains(&text) || FIXED.contains(&text) || self.is_value(frame, text) {
            return Ok(());
        }
        let diagnostic = self.unknown_value(frame, text, path.span, bound);
        Err(self.report(diagnostic))
    }

    /// Whether an index is bound nowhere, and is not nearly a name that is.
    fn is_free(&self, frame: &Frame<'a>, bound: &[&'a str], name: &str) -> bool {
        let known = bound.contains(&name) || FIXED.contains(&name) || self.is_value(frame, name);
        let names = bound.iter().copied().chain(frame.values.keys().map(String::as_str));
        !known && super::names::nearest(name, names).is_none()
    }

    fn free_index(&mut self, path: &Path, index: &Name) -> Reported {
        let (tensor, text) = (show_path(path), &index.text);
        let message = format!("index `{text}` of `{tensor}` is free: nothing binds it");
        let help = format!("bind it on the left, as in `y[{text}] = …`, or by a reduction around the access, as in `sum({text}) …`");
        self.report(Diagnostic::error("NN0314", index.span, message).help(help))
    }

    fn check_tensor(&mut self, frame: &Frame<'a>, bound: &[&'a str], path: &'a Path) -> Outcome<()> {
        let text = path.segments[0].text.as_str();
        if path.segments.len() > 1 || self.is_value(frame, text) || FIXED.contains(&text) {
            return Ok(());
        }
        if bound.contains(&text) {
            let message = format!("index `{}` is read like a tensor", show_path(path));
            return Err(self.report(Diagnostic::error("NN0307", path.span, message).label("an index has no elements")));
        }
        let diagnostic = self.unknown_value(frame, text, path.span, bound);
        Err(self.report(diagnostic))
    }

    fn is_value(&self, frame: &Frame<'a>, text: &str) -> bool {
        frame.values.contains_key(text)
            || match self.callee(frame.module, text) {
                Some(callee) => matches!(callee.item.kind, ItemKind::Constant { .. }),
                None => self.settings.rust_constants && !self.modules[frame.module].library,
            }
    }

    /// An index that is bound where it is bound already.
    pub(super) fn bound_already(&mut self, binder: &Binder) -> Reported {
        let name = &binder.name;
        let message = format!("index `{}` is bound already", name.text);
        let help = format!("give this one another name: `{}2`", name.text);
        self.report(Diagnostic::error("NN0305", name.span, message).help(help))
    }

    /// Checks the names of a definition that no model has used.
    pub(super) fn check_unused(&mut self, module: usize, kind: &'a ItemKind) {
        match kind {
            ItemKind::Function { name, hypers, value } => {
                let mut frame = Frame::new(module, &name.text, Place::Function, false);
                for hyper in hypers {
                    let _ = self.define_name(&mut frame, &hyper.name);
                    frame.values.insert(hyper.name.text.clone(), Value::Broken);
                }
                let _ = self.check_names(&frame, &mut Vec::new(), value);
            }
            ItemKind::Layer(definition) => self.check_unused_definition(module, definition, Place::Layer),
            ItemKind::Optimizer(definition) => self.check_unused_definition(module, definition, Place::Optimizer),
            _ => {}
        }
    }

    fn check_unused_definition(&mut self, module: usize, definition: &'a Definition, place: Place) {
        let mut frame = Frame::new(module, &definition.name.text, place, false);
        for hyper in definition.hypers.iter().flatten() {
            for name in std::iter::once(&hyper.name).chain(&hyper.parts) {
                let _ = self.define_name(&mut frame, name);
                frame.values.insert(name.text.clone(), Value::Broken);
            }
        }
        match &definition.body {
            Body::Chain(chain) => {
                self.scope_of_chain(&mut frame, 0, &chain.stages);
                let _ = self.check_stages(&frame, &mut Vec::new(), &chain.stages);
            }
            Body::Block { ports, statements, .. } => {
                for port in ports {
                    let _ = self.batch_is_first(port);
                }
                for port in ports {
                    self.port_names(&mut frame, port);
                    let _ = self.define_name(&mut frame, &port.name);
                    frame.values.insert(port.name.text.clone(), Value::Broken);
                }
                self.label_body(&mut frame, statements);
                bodies::visit_statements(statements, &mut |statement| {
                    for name in names_of(statement) {
                        frame.values.insert(name.text.clone(), Value::Broken);
                    }
                });
                for statement in statements {
                    for name in names_of(statement) {
                        let _ = self.define_name(&mut frame, name);
                    }
                }
                let mut all = Vec::new();
                bodies::visit_statements(statements, &mut |statement| all.push(statement));
                for statement in all {
                    self.check_statement(&frame, statement);
                }
            }
        }
    }

    fn port_names(&mut self, frame: &mut Frame<'a>, port: &'a Port) {
        for dim in &port.axes {
            match &dim.kind {
                DimKind::Pack(pack) => {
                    frame.values.insert(pack.text.clone(), Value::Broken);
                }
                DimKind::Named(_, size) | DimKind::Expression(size) => note_names(frame, size),
            }
        }
        if let Some(nnc_grammar::tree::KindKind::Index { low, high }) = port.kind.as_ref().map(|kind| &kind.kind) {
            for end in low.iter().chain([high]) {
                note_names(frame, end);
            }
        }
    }

    fn check_statement(&mut self, frame: &Frame<'a>, statement: &'a Statement) {
        let mut bound: Vec<&'a str> = Vec::new();
        match &statement.kind {
            StatementKind::Let(_, value) | StatementKind::Check(value, _) => {
                let _ = self.check_names(frame, &mut bound, value);
            }
            StatementKind::Block(_, chain) => {
                let _ = self.check_stages(frame, &mut bound, &chain.stages);
            }
            StatementKind::Declare { tensors, .. } => {
                for (port, initial) in tensors {
                    bound.clear();
                    for dim in &port.axes {
                        if let DimKind::Named(_, size) | DimKind::Expression(size) = &dim.kind {
                            let _ = self.check_names(frame, &mut bound, size);
                        }
                    }
                    bound.extend(port.axes.iter().filter_map(|dim| match &dim.kind {
                        DimKind::Named(name, _) => Some(name.text.as_str()),
                        _ => None,
                    }));
                    if let Some(initial) = initial {
                        let _ = self.check_names(frame, &mut bound, initial);
                    }
                }
            }
            StatementKind::Equation { binders, .. } | StatementKind::Update { binders, .. } => {
                bound.extend(binders.iter().filter(|binder| !binder.pack).map(|binder| binder.name.text.as_str()));
                bodies::in_statement(statement, &mut |flow| {
                    let _ = self.check_flow(frame, &mut bound, flow);
                });
            }
            _ => bodies::in_statement(statement, &mut |flow| {
                let _ = self.check_flow(frame, &mut Vec::new(), flow);
            }),
        }
    }
}

fn note_names(frame: &mut Frame<'_>, size: &Expression) {
    let mut stack = vec![size];
    while let Some(expression) = stack.pop() {
        if let ExpressionKind::Name(path) = &expression.kind {
            frame.values.entry(path.segments[0].text.clone()).or_insert(Value::Broken);
        }
        walk::inside(expression, &mut |part| stack.push(part));
    }
}

/// The names that a statement defines.
fn names_of(statement: &Statement) -> Vec<&Name> {
    match &statement.kind {
        StatementKind::Let(name, _) | StatementKind::Equation { name, .. } => vec![name],
        StatementKind::Destructure { names, .. } => names.iter().collect(),
        StatementKind::Declare { tensors, .. } => tensors.iter().map(|(port, _)| &port.name).collect(),
        _ => Vec::new(),
    }
}
