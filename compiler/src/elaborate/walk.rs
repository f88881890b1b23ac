//! Walks over trees: what an expression mentions.

use nnc_grammar::tree::{
    Argument, Binder, Body, Chain, Dim, DimKind, Expression, ExpressionKind, Flow, Hyper, Item, ItemKind, KindKind, Port, Stage, Statement,
    StatementKind,
};
use std::collections::BTreeSet;

/// Calls `f` for the expressions directly inside of one, flows and their stages' arguments among them.
pub(super) fn inside<'a>(expression: &'a Expression, f: &mut dyn FnMut(&'a Expression)) {
    match &expression.kind {
        ExpressionKind::Number(_) | ExpressionKind::Boolean(_) | ExpressionKind::Name(_) => {}
        ExpressionKind::Any(parts) | ExpressionKind::All(parts) | ExpressionKind::Array(parts) => parts.iter().for_each(f),
        ExpressionKind::Compare(first, rest) => {
            f(first);
            rest.iter().for_each(|(_, part)| f(part));
        }
        ExpressionKind::Sum(first, rest) => {
            f(first);
            rest.iter().for_each(|(_, part)| f(part));
        }
        ExpressionKind::Product(first, rest) => {
            f(first);
            rest.iter().for_each(|(_, part)| f(part));
        }
        ExpressionKind::Negative(part) | ExpressionKind::Not(part) => f(part),
        ExpressionKind::Power(a, b) | ExpressionKind::Or(a, b) => {
            f(a);
            f(b);
        }
        ExpressionKind::If { arms, otherwise } => {
            for (condition, flow) in arms {
                f(condition);
                in_flow(flow, f);
            }
            in_flow(otherwise, f);
        }
        ExpressionKind::Reduce { binders, condition, body, .. } => {
            binders.iter().filter_map(|binder| binder.range.as_ref()).for_each(&mut *f);
            if let Some(condition) = condition {
                f(condition);
            }
            f(body);
        }
        ExpressionKind::Total(_, flows) | ExpressionKind::Group(flows) => flows.iter().for_each(|flow| in_flow(flow, f)),
        ExpressionKind::Read(_, dims) => {
            for dim in dims {
                match &dim.kind {
                    DimKind::Pack(_) => {}
                    DimKind::Named(_, part) | DimKind::Expression(part) => f(part),
                }
            }
        }
        ExpressionKind::Call { first, second, .. } => {
            in_arguments(first, f);
            in_arguments(second.as_deref().unwrap_or_default(), f);
        }
    }
}

/// The expressions of a flow.
fn in_flow<'a>(flow: &'a Flow, f: &mut dyn FnMut(&'a Expression)) {
    f(&flow.value);
    in_stages(&flow.stages, f);
}

/// The expressions of stages.
pub(super) fn in_stages<'a>(stages: &'a [Stage], f: &mut dyn FnMut(&'a Expression)) {
    for stage in stages {
        in_arguments(stage.arguments.as_deref().unwrap_or_default(), f);
    }
}

fn in_arguments<'a>(arguments: &'a [Argument], f: &mut dyn FnMut(&'a Expression)) {
    for argument in arguments {
        in_flow(&argument.value, f);
    }
}

/// The flows and stages of a statement's expression: calls `stage` for each stage and for each call that may be one.
pub(super) enum Applied<'a> {
    /// A stage of a chain.
    Stage(&'a Stage),
    /// A call in an expression, or the first stage of a chain argument.
    Call(&'a Expression),
    /// An argument of a built-in stage, whose head is a stage.
    First(&'a Argument),
}

/// All applications in an expression, in the order of the text.
pub(super) fn applications<'a>(expression: &'a Expression, f: &mut dyn FnMut(Applied<'a>)) {
    match &expression.kind {
        ExpressionKind::Call { first, second, .. } => {
            f(Applied::Call(expression));
            for argument in first.iter().chain(second.iter().flatten()) {
                applications_in_flow(&argument.value, f);
            }
        }
        ExpressionKind::If { arms, otherwise } => {
            for (condition, flow) in arms {
                applications(condition, f);
                applications_in_flow(flow, f);
            }
            applications_in_flow(otherwise, f);
        }
        ExpressionKind::Total(_, flows) | ExpressionKind::Group(flows) => flows.iter().for_each(|flow| applications_in_flow(flow, f)),
        _ => inside(expression, &mut |part| applications(part, f)),
    }
}

/// All applications in a flow.
pub(super) fn applications_in_flow<'a>(flow: &'a Flow, f: &mut dyn FnMut(Applied<'a>)) {
    applications(&flow.value, f);
    applications_in_stages(&flow.stages, f);
}

/// All applications in stages. What `repeat` holds is not among them: each copy has a scope of its own.
pub(super) fn applications_in_stages<'a>(stages: &'a [Stage], f: &mut dyn FnMut(Applied<'a>)) {
    for stage in stages {
        f(Applied::Stage(stage));
        applications_in_arguments(&stage.name.text, stage.arguments.as_deref().unwrap_or_default(), f);
    }
}

fn applications_in_arguments<'a>(name: &str, arguments: &'a [Argument], f: &mut dyn FnMut(Applied<'a>)) {
    for (number, argument) in arguments.iter().enumerate() {
        let last = number + 1 == arguments.len();
        match name {
            "repeat" if last => {}
            "residual" if last => applications_in_chain(argument, f),
            _ => applications_in_flow(&argument.value, f),
        }
    }
}

/// All applications in the chain that is an argument of a built-in stage: its head is a stage.
pub(super) fn applications_in_chain<'a>(argument: &'a Argument, f: &mut dyn FnMut(Applied<'a>)) {
    f(Applied::First(argument));
    if let ExpressionKind::Call { path, first, .. } = &argument.value.value.kind {
        applications_in_arguments(path.segments.first().map_or("", |name| &name.text), first, f);
    }
    applications_in_stages(&argument.value.stages, f);
}

/// The names that an item reads or applies. Names that it binds itself may be among them where it reads them.
pub(super) fn mentioned(item: &Item) -> BTreeSet<&str> {
    let mut found = Mentioned(BTreeSet::new());
    match &item.kind {
        ItemKind::Import(_) => {}
        ItemKind::Constant { value, .. } => value.iter().for_each(|value| found.expression(value)),
        ItemKind::Function { hypers, value, .. } => {
            found.hypers(hypers);
            found.expression(value);
        }
        ItemKind::Layer(definition) | ItemKind::Model(definition) | ItemKind::Optimizer(definition) => {
            found.hypers(definition.hypers.as_deref().unwrap_or_default());
            match &definition.body {
                Body::Chain(chain) => found.chain(chain),
                Body::Block { ports, statements, .. } => {
                    ports.iter().for_each(|port| found.port(port));
                    statements.iter().for_each(|statement| found.statement(statement));
                }
            }
        }
    }
    found.0
}

struct Mentioned<'a>(BTreeSet<&'a str>);

impl<'a> Mentioned<'a> {
    fn hypers(&mut self, hypers: &'a [Hyper]) {
        hypers.iter().filter_map(|hyper| hyper.default.as_ref()).for_each(|default| self.expression(default));
    }

    fn port(&mut self, port: &'a Port) {
        self.dims(&port.axes);
        if let Some(kind) = &port.kind {
            self.kind(&kind.kind);
        }
    }

    fn kind(&mut self, kind: &'a KindKind) {
        if let KindKind::Index { low, high } = kind {
            low.iter().chain([high]).for_each(|bound| self.expression(bound));
        }
    }

    fn dims(&mut self, dims: &'a [Dim]) {
        for dim in dims {
            if let DimKind::Named(_, expression) | DimKind::Expression(expression) = &dim.kind {
                self.expression(expression);
            }
        }
    }

    fn binders(&mut self, binders: &'a [Binder]) {
        binders.iter().filter_map(|binder| binder.range.as_ref()).for_each(|range| self.expression(range));
    }

    fn statement(&mut self, statement: &'a Statement) {
        match &statement.kind {
            StatementKind::Unbatched => {}
            StatementKind::If { arms, otherwise } => {
                for (condition, statements) in arms {
                    self.expression(condition);
                    statements.iter().for_each(|statement| self.statement(statement));
                }
                otherwise.iter().flatten().for_each(|statement| self.statement(statement));
            }
            StatementKind::Declare { tensors, .. } => {
                for (port, initial) in tensors {
                    self.port(port);
                    initial.iter().for_each(|initial| self.expression(initial));
                }
            }
            StatementKind::Let(_, value) | StatementKind::Check(value, _) => self.expression(value),
            StatementKind::Block(_, chain) | StatementKind::Optimizer { chain, .. } => self.chain(chain),
            StatementKind::Loss { value: flow, .. } | StatementKind::Metric(_, flow) | StatementKind::Destructure { value: flow, .. } => {
                self.flow(flow)
            }
            StatementKind::Update { binders, value, .. } => {
                self.binders(binders);
                self.flow(value);
            }
            StatementKind::Equation { binders, kind, value, .. } => {
                self.binders(binders);
                kind.iter().for_each(|kind| self.kind(&kind.kind));
                self.flow(value);
            }
        }
    }

    fn chain(&mut self, chain: &'a Chain) {
        self.stages(&chain.stages);
    }

    fn flow(&mut self, flow: &'a Flow) {
        self.expression(&flow.value);
        self.stages(&flow.stages);
    }

    fn stages(&mut self, stages: &'a [Stage]) {
        for stage in stages {
            self.0.insert(&stage.name.text);
            stage.arguments.iter().flatten().for_each(|argument| self.flow(&argument.value));
        }
    }

    fn expression(&mut self, expression: &'a Expression) {
        match &expression.kind {
            ExpressionKind::Name(path) | ExpressionKind::Read(path, _) | ExpressionKind::Call { path, .. } => {
                self.0.extend(path.segments.first().map(|name| name.text.as_str()));
            }
            _ => {}
        }
        match &expression.kind {
            ExpressionKind::If { arms, otherwise } => {
                for (condition, flow) in arms {
                    self.expression(condition);
                    self.flow(flow);
                }
                self.flow(otherwise);
            }
            ExpressionKind::Total(_, flows) | ExpressionKind::Group(flows) => flows.iter().for_each(|flow| self.flow(flow)),
            ExpressionKind::Call { first, second, .. } => {
                first.iter().chain(second.iter().flatten()).for_each(|argument| self.flow(&argument.value));
            }
            _ => inside(expression, &mut |part| self.expression(part)),
        }
    }
}
