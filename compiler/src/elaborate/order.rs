//! Which statements of a body hold, and the order in which they need each other.

use super::Elaboration;
use super::bodies::{in_statement, visit_statements};
use super::values::{Context, Frame, Labelled, Outcome, Reported, Value};
use super::walk::{self, Applied};
use nnc_grammar::Diagnostic;
use nnc_grammar::tree::{Binder, DimKind, Expression, ExpressionKind, Flow, Name, Path, Stage, Statement, StatementKind};
use std::collections::{BTreeMap, BTreeSet};

impl<'a> Elaboration<'a> {
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

    /// Equations in the order in which they need each other; those that need each other in a circle together.
    pub(super) fn in_order(&mut self, frame: &mut Frame<'a>, chosen: &[&'a Statement], outcome: &mut Outcome<()>) -> Vec<Ordered<'a>> {
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
        let mut circles: Vec<Vec<usize>> = components(&needs);
        circles.sort_by_key(|circle| circle[0]);
        let mut circle_of = vec![0; statements.len()];
        for (circle, members) in circles.iter().enumerate() {
            members.iter().for_each(|&member| circle_of[member] = circle);
        }
        // how many statements outside of each circle are still needed
        let mut waits_for: Vec<usize> = circles
            .iter()
            .enumerate()
            .map(|(circle, members)| members.iter().flat_map(|&member| &needs[member]).filter(|&&other| circle_of[other] != circle).count())
            .collect();
        let mut ready: BTreeSet<usize> = (0..circles.len()).filter(|&circle| waits_for[circle] == 0).collect();
        let mut order = Vec::new();
        while let Some(circle) = ready.pop_first() {
            let members: Vec<&'a Statement> =
                circles[circle].iter().filter(|number| !refused.contains(number)).map(|&number| statements[number]).collect();
            let is_circle = circles[circle].len() > 1 || own[circles[circle][0]];
            if !members.is_empty() {
                order.push(if is_circle { Ordered::Circle(members) } else { Ordered::Single(members[0]) });
            }
            for &other in circles[circle].iter().flat_map(|&member| &needed_by[member]) {
                let other = circle_of[other];
                if other != circle {
                    waits_for[other] -= 1;
                    if waits_for[other] == 0 {
                        ready.insert(other);
                    }
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

/// What is read next.
pub(super) enum Ordered<'a> {
    /// A statement whose needs have all been read.
    Single(&'a Statement),
    /// Statements that need themselves or each other, in the order of the text.
    Circle(Vec<&'a Statement>),
}

/// The strongly connected components, each with its members in order, by Tarjan's algorithm without recursion.
pub(super) fn components(needs: &[BTreeSet<usize>]) -> Vec<Vec<usize>> {
    let mut number: Vec<Option<usize>> = vec![None; needs.len()];
    let mut lowest = vec![usize::MAX; needs.len()];
    let (mut count, mut open, mut found) = (0, Vec::new(), Vec::new());
    for start in 0..needs.len() {
        let mut path: Vec<(usize, Vec<usize>)> = Vec::new();
        let mut enter = number[start].is_none().then_some(start);
        loop {
            if let Some(at) = enter.take() {
                (number[at], lowest[at]) = (Some(count), count);
                count += 1;
                open.push(at);
                path.push((at, needs[at].iter().copied().collect()));
            }
            let Some((at, left)) = path.last_mut() else { break };
            let at = *at;
            if let Some(next) = left.pop() {
                match number[next] {
                    None => enter = Some(next),
                    // a complete component is not open any more
                    Some(_) if lowest[next] != usize::MAX => lowest[at] = lowest[at].min(lowest[next]),
                    Some(_) => {}
                }
                continue;
            }
            path.pop();
            if let Some((reader, _)) = path.last() {
                lowest[*reader] = lowest[*reader].min(lowest[at]);
            }
            if Some(lowest[at]) == number[at] {
                let from = open.iter().rposition(|&member| member == at).unwrap_or(0);
                let mut members = open.split_off(from);
                members.iter().for_each(|&member| lowest[member] = usize::MAX);
                members.sort_unstable();
                found.push(members);
            }
        }
    }
    found
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
