//! Which statements of a body hold, and the order in which they need each other.

use super::Elaboration;
use super::bodies::{in_statement, visit_statements};
use super::values::{Context, Frame, Labelled, Outcome, Reported, Value};
use super::walk::{self, Applied};
use nnc_grammar::tree::{Binder, DimKind, Expression, ExpressionKind, Flow, Name, Path, Stage, Statement, StatementKind};
use nnc_grammar::{Diagnostic, Span};
use std::collections::{BTreeMap, BTreeSet};

impl<'a> Elaboration<'a> {
    pub(super) fn later_recurrence(&mut self, name: &str, span: Span) {
        let message = format!("`{name}` is a recurrence: it reads itself, which is not built yet");
        let note = "An equation that reads earlier elements of itself along a time axis is a later part of the language.";
        self.report(Diagnostic::error("NN0701", span, message).label("defined by its own elements").note(note));
    }

    /// The statements that hold: `let` and compile-time `if` in the order in which they need each other.
    pub(super) fn choose_statements(
        &mut self,
        frame: &mut Frame<'a>,
        statements: &'a [Statement],
        outcome: &mut Outcome<()>,
    ) -> Vec<&'a Statement> {
        let mut waiting = Waiting::default();
        visit_statements(statements, &mut |statement| waiting.expect(statement));
        statements.iter().for_each(|statement| waiting.add(statement));
        while let Some(statement) = waiting.ready.pop_first().map(|number| waiting.all[number].0) {
            match &statement.kind {
                StatementKind::Let(name, value) => {
                    let defined = self.define_name(frame, name);
                    let mut context = Context::new(frame, frame.definition.clone());
                    let result = defined.and_then(|()| self.integer(frame, &mut context, value));
                    if result.is_err() {
                        *outcome = Err(Reported);
                    }
                    let value = result.map_or(Value::Broken, Value::Whole);
                    if defined.is_ok() {
                        frame.values.insert(name.text.clone(), value);
                    }
                    waiting.release(statement);
                }
                StatementKind::If { arms, otherwise } => {
                    let mut taken = otherwise.as_deref().unwrap_or_default();
                    for (condition, statements) in arms {
                        match self.decided(frame, condition) {
                            Ok(true) => {
                                taken = statements;
                                break;
                            }
                            Ok(false) => {}
                            Err(reported) => {
                                *outcome = Err(reported);
                                taken = &[];
                                break;
                            }
                        }
                    }
                    let branches = arms.iter().map(|(_, statements)| statements.as_slice()).chain(otherwise.as_deref());
                    for branch in branches.filter(|branch| !std::ptr::eq(*branch, taken)) {
                        visit_statements(branch, &mut |statement| waiting.release(statement));
                    }
                    taken.iter().for_each(|statement| waiting.add(statement));
                }
                _ => {}
            }
        }
        for (statement, needs) in &waiting.all {
            if let (StatementKind::Let(name, value), true) = (&statement.kind, *needs > 0) {
                let message = format!("`let {}` needs its own value", name.text);
                *outcome = Err(self.report(Diagnostic::error("NN0110", value.span, message)));
                frame.values.insert(name.text.clone(), Value::Broken);
            }
        }
        let mut chosen = waiting.chosen;
        chosen.sort_by_key(|statement| statement.span.start);
        chosen
    }

    /// Equations in the order in which they need each other; those in a circle are refused.
    pub(super) fn in_order(&mut self, frame: &mut Frame<'a>, chosen: &[&'a Statement], outcome: &mut Outcome<()>) -> Vec<&'a Statement> {
        let statements: Vec<&'a Statement> = chosen
            .iter()
            .copied()
            .filter(|statement| matches!(statement.kind, StatementKind::Equation { .. } | StatementKind::Destructure { .. }))
            .collect();
        let mut defines: BTreeMap<String, usize> = BTreeMap::new();
        let mut refused = BTreeSet::new();
        for (number, statement) in statements.iter().enumerate() {
            let names: Vec<&'a Name> = match &statement.kind {
                StatementKind::Equation { name, .. } => vec![name],
                StatementKind::Destructure { names, .. } => names.iter().collect(),
                _ => Vec::new(),
            };
            for name in names {
                if self.define_name(frame, name).is_err() {
                    *outcome = Err(Reported);
                    frame.values.entry(name.text.clone()).or_insert(Value::Broken);
                    refused.insert(number);
                    continue;
                }
                defines.insert(name.text.clone(), number);
            }
            // stages are defined where their labels stand, for `fc1.w` and for using `fc1` again
            in_statement(statement, &mut |flow| {
                walk::applications_in_flow(flow, &mut |one| {
                    let (label, name) = match one {
                        Applied::Stage(stage) => (stage.label.as_ref(), &stage.name),
                        Applied::First(argument) => match (&argument.label, &argument.value.value.kind) {
                            (label, ExpressionKind::Name(path) | ExpressionKind::Call { path, .. }) => (label.as_ref(), &path.segments[0]),
                            _ => return,
                        },
                        Applied::Call(expression) => match &expression.kind {
                            ExpressionKind::Call { path, .. } => (None, &path.segments[0]),
                            _ => return,
                        },
                    };
                    let local = match label {
                        Some(label) => label.text.clone(),
                        None => match frame.scopes[0].labels.get(name.text.as_str()) {
                            Some(Labelled::Block(_)) => name.text.clone(),
                            _ => format!("{}{}", name.text, frame.scopes[0].numbers.get(&name.span).copied().unwrap_or(1)),
                        },
                    };
                    defines.entry(local).or_insert(number);
                })
            });
        }
        let mut needs: Vec<BTreeSet<usize>> = Vec::new();
        let mut needed_by: Vec<Vec<usize>> = vec![Vec::new(); statements.len()];
        let mut own = vec![false; statements.len()];
        for (number, statement) in statements.iter().enumerate() {
            let mut found = BTreeSet::new();
            reads_of_statement(statement, &mut |name| {
                if let Some(&other) = defines.get(name) {
                    if other != number {
                        found.insert(other);
                    } else if matches!(&statement.kind, StatementKind::Equation { name: own, .. } if own.text == name) {
                        own[number] = true;
                    }
                }
            });
            for &other in &found {
                needed_by[other].push(number);
            }
            needs.push(found);
        }
        let mut ready: BTreeSet<usize> = (0..statements.len()).filter(|&number| needs[number].is_empty() && !own[number]).collect();
        let mut order = Vec::new();
        let mut done = vec![false; statements.len()];
        while let Some(number) = ready.pop_first() {
            done[number] = true;
            if !refused.contains(&number) {
                order.push(statements[number]);
            }
            for &other in &needed_by[number] {
                needs[other].remove(&number);
                if needs[other].is_empty() && !own[other] {
                    ready.insert(other);
                }
            }
        }
        // what is left is in a circle, or needs something that is
        let circle: Vec<usize> = (0..statements.len()).filter(|&number| !done[number]).collect();
        if !circle.is_empty() {
            *outcome = Err(Reported);
            let first = circle.iter().copied().find(|&number| own[number]).or_else(|| in_a_circle(&needs, &circle)).unwrap_or(circle[0]);
            let (name, span) = match &statements[first].kind {
                StatementKind::Equation { name, .. } => (name.text.clone(), name.span),
                StatementKind::Destructure { names, .. } => (names[0].text.clone(), names[0].span),
                _ => (String::new(), statements[first].span),
            };
            self.later_recurrence(&name, span);
            for number in circle {
                match &statements[number].kind {
                    StatementKind::Equation { name, .. } => {
                        frame.values.insert(name.text.clone(), Value::Broken);
                    }
                    StatementKind::Destructure { names, .. } => {
                        for name in names {
                            frame.values.insert(name.text.clone(), Value::Broken);
                        }
                    }
                    _ => {}
                }
            }
        }
        order
    }
}

/// Whether a statement reads a target of a model that is used as a layer, itself or through others: it stays behind with it.
pub(super) fn leave_behind(frame: &mut Frame<'_>, statement: &Statement) -> bool {
    let mut reads = false;
    reads_of_statement(statement, &mut |name| reads |= frame.left_behind.contains(name));
    if reads {
        let names: Vec<&Name> = match &statement.kind {
            StatementKind::Equation { name, .. } => vec![name],
            StatementKind::Destructure { names, .. } => names.iter().collect(),
            _ => Vec::new(),
        };
        frame.left_behind.extend(names.into_iter().map(|name| name.text.clone()));
    }
    reads
}

/// A statement that needs itself through others.
fn in_a_circle(needs: &[BTreeSet<usize>], left: &[usize]) -> Option<usize> {
    // following needs among those that are left must come back to a statement
    let mut at = *left.first()?;
    let mut seen = BTreeSet::new();
    while seen.insert(at) {
        at = *needs[at].first()?;
    }
    Some(at)
}

/// `let` and `if` statements that wait for the `let`s that they mention.
#[derive(Default)]
struct Waiting<'a> {
    /// Each with the number of names that it waits for.
    all: Vec<(&'a Statement, usize)>,
    /// Those that wait for nothing.
    ready: BTreeSet<usize>,
    /// How many `let`s of a name may still come.
    expected: BTreeMap<&'a str, usize>,
    /// Who waits for a name.
    waits_for: BTreeMap<&'a str, Vec<usize>>,
    /// The other statements, as they are met.
    chosen: Vec<&'a Statement>,
}

impl<'a> Waiting<'a> {
    fn expect(&mut self, statement: &'a Statement) {
        if let StatementKind::Let(name, _) = &statement.kind {
            *self.expected.entry(&name.text).or_default() += 1;
        }
    }
    fn add(&mut self, statement: &'a Statement) {
        let expressions: Vec<&'a Expression> = match &statement.kind {
            StatementKind::Let(_, value) => vec![value],
            StatementKind::If { arms, .. } => arms.iter().map(|(condition, _)| condition).collect(),
            _ => {
                self.chosen.push(statement);
                return;
            }
        };
        let number = self.all.len();
        let mut needs = BTreeSet::new();
        let mut stack = expressions;
        while let Some(expression) = stack.pop() {
            if let ExpressionKind::Name(path) = &expression.kind
                && self.expected.contains_key(path.segments[0].text.as_str())
            {
                needs.insert(path.segments[0].text.as_str());
            }
            walk::inside(expression, &mut |part| stack.push(part));
        }
        for &need in &needs {
            self.waits_for.entry(need).or_default().push(number);
        }
        self.all.push((statement, needs.len()));
        if needs.is_empty() {
            self.ready.insert(number);
        }
    }
    /// A `let` has its value, or will not come.
    fn release(&mut self, statement: &'a Statement) {
        let StatementKind::Let(name, _) = &statement.kind else { return };
        let name = name.text.as_str();
        let Some(left) = self.expected.get_mut(name) else { return };
        *left -= 1;
        if *left > 0 {
            return;
        }
        self.expected.remove(name);
        for number in self.waits_for.remove(name).unwrap_or_default() {
            self.all[number].1 -= 1;
            if self.all[number].1 == 0 {
                self.ready.insert(number);
            }
        }
    }
}

/// The tensors, labels and blocks that a statement reads; index names are not among them.
pub(super) fn reads_of_statement<'a>(statement: &'a Statement, f: &mut dyn FnMut(&str)) {
    let binders: &[Binder] = match &statement.kind {
        StatementKind::Equation { binders, .. } | StatementKind::Update { binders, .. } => binders,
        _ => &[],
    };
    let mut bound: Vec<&str> = binders.iter().filter(|binder| !binder.pack).map(|binder| binder.name.text.as_str()).collect();
    in_statement(statement, &mut |flow| reads_of_flow(flow, &mut bound, f));
}

fn reads_of_flow<'a>(flow: &'a Flow, bound: &mut Vec<&'a str>, f: &mut dyn FnMut(&str)) {
    reads(&flow.value, bound, f);
    reads_of_stages(&flow.stages, bound, f);
}

fn reads_of_stages<'a>(stages: &'a [Stage], bound: &mut Vec<&'a str>, f: &mut dyn FnMut(&str)) {
    for stage in stages {
        f(&stage.name.text);
        for argument in stage.arguments.iter().flatten() {
            if let ExpressionKind::Name(path) = &argument.value.value.kind {
                f(&path.segments[0].text);
            }
            reads_of_flow(&argument.value, bound, f);
        }
    }
}

fn reads<'a>(expression: &'a Expression, bound: &mut Vec<&'a str>, f: &mut dyn FnMut(&str)) {
    match &expression.kind {
        ExpressionKind::Name(path) => {
            let name = path.segments[0].text.as_str();
            if path.segments.len() > 1 || !bound.contains(&name) {
                mention(path, f);
            }
        }
        ExpressionKind::Read(path, dims) => {
            mention(path, f);
            for dim in dims {
                if let DimKind::Expression(index) | DimKind::Named(_, index) = &dim.kind {
                    reads(index, bound, f);
                }
            }
        }
        ExpressionKind::Call { path, first, second } => {
            f(&path.segments[0].text);
            for argument in first.iter().chain(second.iter().flatten()) {
                reads_of_flow(&argument.value, bound, f);
            }
        }
        ExpressionKind::Reduce { binders, condition, body, .. } => {
            let known = bound.len();
            bound.extend(binders.iter().filter(|binder| !binder.pack).map(|binder| binder.name.text.as_str()));
            if let Some(condition) = condition {
                reads(condition, bound, f);
            }
            reads(body, bound, f);
            bound.truncate(known);
        }
        ExpressionKind::If { arms, otherwise } => {
            for (condition, flow) in arms {
                reads(condition, bound, f);
                reads_of_flow(flow, bound, f);
            }
            reads_of_flow(otherwise, bound, f);
        }
        ExpressionKind::Total(_, flows) | ExpressionKind::Group(flows) => flows.iter().for_each(|flow| reads_of_flow(flow, bound, f)),
        _ => {
            let mut inside = Vec::new();
            walk::inside(expression, &mut |part| inside.push(part));
            for part in inside {
                reads(part, bound, f);
            }
        }
    }
}

/// `deep.0.fc.w` needs the statement of `deep`; `linear1.w` that of the first unlabelled `linear`.
fn mention(path: &Path, f: &mut dyn FnMut(&str)) {
    f(&path.segments[0].text);
}
