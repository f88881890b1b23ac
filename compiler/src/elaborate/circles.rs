//! Statements that need themselves or each other: recurrences.
//!
//! Nothing in a circle can be read first, unless its axes are known without the circle: from written ranges, `h[t: T, j: n]`, or from
//! reads of tensors that are known. Such tensors are *reserved*: they have a name and axes before their equation is read. This goes in
//! rounds, since a reserved tensor may tell the axes of another one. The statements are then read in an order in which each needs only
//! what is known or reserved. At the end the equations must have an axis that is time ([`crate::equations::Recurrence`]).

use super::Elaboration;
use super::order::{components, reads_of_statement};
use super::ranges::{full_name, show_path};
use super::values::{Context, Frame, Outcome, Reported, Tensor, Value};
use super::walk;
use crate::equations::print::{axis_labels, print_index};
use crate::equations::{Access, Element, Equation, Equations, Name, NoTime, Tensor as Defined};
use nnc_grammar::tree::{Expression, ExpressionKind, Flow, Kind, KindKind, Name as Written, Statement, StatementKind};
use nnc_grammar::{Diagnostic, Span};
use std::collections::{BTreeMap, BTreeSet};

/// A read of one of a circle's tensors in the text.
struct Mention {
    reader: Name,
    tensor: Name,
    span: Span,
}

impl<'a> Elaboration<'a> {
    /// Reads the statements of a circle.
    pub(super) fn read_circle(&mut self, frame: &mut Frame<'a>, statements: &[&'a Statement]) -> Outcome<()> {
        let problems = self.problems.len();
        let first_created = self.created.len();
        self.circles_open += 1;
        let reserved = self.reserve_circle(frame, statements);
        let outcome = self.read_members(frame, statements, &reserved, problems);
        self.circles_open -= 1;
        let created = self.created.split_off(first_created);
        if self.circles_open > 0 {
            self.created.extend(&created);
        }
        outcome?;
        self.check_time(frame, statements, &reserved, &created)
    }

    /// Gives names and axes to the tensors whose axes are known without the circle.
    fn reserve_circle(&mut self, frame: &mut Frame<'a>, statements: &[&'a Statement]) -> BTreeMap<usize, Tensor> {
        // what any of them depends on, all of them do
        let mut front = 0;
        for statement in statements {
            reads_of_statement(statement, &mut |name| {
                if let Some(Value::Tensor(tensor)) = frame.values.get(name) {
                    front |= tensor.front;
                }
            });
        }
        let mut reserved = BTreeMap::new();
        // accesses inside of `or` tell a range only where no others do
        let mut soft = false;
        loop {
            let before = reserved.len();
            for (number, statement) in statements.iter().enumerate() {
                self.steps += 1;
                if reserved.contains_key(&number) || self.steps > super::evaluate::MOST_STEPS {
                    continue;
                }
                frame.statement = statement.span;
                if let Some(tensor) = self.reserve(frame, statement, front, soft) {
                    reserved.insert(number, tensor);
                }
            }
            match (reserved.len() == before, soft) {
                (true, true) => break,
                (stuck, _) => soft = stuck,
            }
        }
        reserved
    }

    fn reserve(&mut self, frame: &mut Frame<'a>, statement: &'a Statement, front: u64, soft: bool) -> Option<Tensor> {
        let StatementKind::Equation { name, binders, kind, value } = &statement.kind else { return None };
        if binders.is_empty() || !matches!(kind, None | Some(Kind { kind: KindKind::Index { .. }, .. })) {
            return None;
        }
        let scope = expressions(value);
        let mut context = Context::new(frame, full_name(frame.path(), &name.text));
        let (mut own, mut labels) = (Vec::new(), Vec::new());
        for binder in binders {
            let sizes = self.known_range(frame, &mut context, binder, &scope, soft)?;
            labels.extend(sizes.iter().map(|_| binder.name.text.clone()));
            own.extend(sizes);
        }
        let integer = match kind {
            Some(kind) => self.index_range(frame, kind).ok()?,
            None => None,
        };
        let fronts = frame.front.iter().enumerate().filter(|(axis, _)| front >> axis & 1 == 1);
        let (mut axes, mut all_labels): (Vec<_>, Vec<_>) = fronts.map(|(_, axis)| (axis.size, axis.label.clone())).unzip();
        axes.extend(&own);
        all_labels.append(&mut labels);
        self.check_shape(frame, &axes).ok()?;
        let reserved = self.fresh(&context.base);
        let zero = self.equations.pool.constant(0.0);
        let mut defined = Defined::defined(axes, Equation::pointwise(zero));
        defined.labels = all_labels;
        if let Some((low, high)) = integer {
            defined.element = Element::Integer { low, high };
        }
        self.equations.insert(reserved, defined);
        let tensor = Tensor { name: reserved, front, axes: own, integer };
        frame.values.insert(name.text.clone(), Value::Tensor(tensor.clone()));
        frame.reserved.insert(name.text.clone(), tensor.clone());
        Some(tensor)
    }

    /// Reads the statements, each after those that it needs and that are not reserved.
    fn read_members(
        &mut self,
        frame: &mut Frame<'a>,
        statements: &[&'a Statement],
        reserved: &BTreeMap<usize, Tensor>,
        problems: usize,
    ) -> Outcome<()> {
        let mut defined_by: BTreeMap<&str, usize> = BTreeMap::new();
        for (number, statement) in statements.iter().enumerate().filter(|(number, _)| !reserved.contains_key(number)) {
            names_of(statement).into_iter().for_each(|name| _ = defined_by.insert(&name.text, number));
        }
        let mut needs: Vec<BTreeSet<usize>> = Vec::new();
        for statement in statements {
            let mut found = BTreeSet::new();
            reads_of_statement(statement, &mut |name| found.extend(defined_by.get(name)));
            needs.push(found);
        }
        let mut outcome = Ok(());
        // components come after those that they need
        for members in components(&needs) {
            let number = members[0];
            if members.len() == 1 && !needs[number].contains(&number) {
                outcome = self.read_statement(frame, statements[number]).and(outcome);
                continue;
            }
            outcome = Err(Reported);
            let names: Vec<&'a Written> = members.iter().flat_map(|&member| names_of(statements[member])).collect();
            if self.problems.len() == problems {
                self.nothing_known(&names, statements[number]);
            }
            for name in names {
                frame.values.insert(name.text.clone(), Value::Broken);
            }
        }
        outcome
    }

    /// Nothing tells the axes of a circle.
    fn nothing_known(&mut self, names: &[&'a Written], statement: &'a Statement) -> Reported {
        let Some(first) = names.first() else {
            return self.report(Diagnostic::error("NN0701", statement.span, "this statement needs itself"));
        };
        let message = match names {
            [only] => format!("`{}` needs itself, and nothing tells its axes", only.text),
            _ => format!("{} need each other, and nothing tells their axes", listed(names.iter().map(|name| name.text.as_str()))),
        };
        let mut diagnostic = Diagnostic::error("NN0701", first.span, message).label("defined by its own elements");
        for other in names.iter().skip(1).take(3) {
            diagnostic = diagnostic.also(other.span, "and this");
        }
        let help = format!("write the axes of one of them, with their ranges: `{}[t: T, j: n] = …`", first.text);
        self.report(diagnostic.note("A recurrence is an equation that reads earlier elements of itself: `h[t - 1, j] or 0`.").help(help))
    }

    /// The equation of a reserved tensor.
    pub(super) fn finish_reserved(
        &mut self,
        frame: &Frame<'a>,
        context: &Context,
        name: &'a Written,
        reserved: Tensor,
        own: &[u32],
        root: super::define::Root,
    ) -> Outcome<Tensor> {
        for (&axis, &size) in own.iter().zip(&reserved.axes) {
            let found = context.axes[axis as usize];
            if !self.agree(found, size, format!("an axis of {}", name.text)) {
                let (a, b) = (self.show_size(size), self.show_size(found));
                let message = format!("index `{}` ranges over {a} and over {b}", context.labels[axis as usize]);
                let help = format!("write the range that is meant: `{}: {a}`", context.labels[axis as usize]);
                return Err(self.report(Diagnostic::error("NN0303", name.span, message).help(help)));
            }
        }
        if context.used & !reserved.front != 0 {
            let message = format!("`{}` depends on what nothing in its circle shows", name.text);
            let help = "give the stage that it comes from a name of its own, before the recurrence";
            return Err(self.report(Diagnostic::error("NN0701", name.span, message).help(help)));
        }
        let front = (0..context.front as u32).filter(|&axis| reserved.front >> axis & 1 == 1);
        let axes: Vec<u32> = front.chain(own.iter().copied()).collect();
        self.insert(frame, context, reserved.name, &axes, root, reserved.integer)?;
        self.note_origin(frame, reserved.name, name.text.clone());
        Ok(reserved)
    }

    /// Refuses a circle that cannot be computed step by step along one axis.
    fn check_time(
        &mut self,
        frame: &Frame<'a>,
        statements: &[&'a Statement],
        reserved: &BTreeMap<usize, Tensor>,
        created: &[Name],
    ) -> Outcome<()> {
        let mut few = Equations { pool: std::mem::take(&mut self.equations.pool), tensors: BTreeMap::new() };
        for &name in created {
            if let Some(tensor) = self.equations.tensors.get(&name) {
                few.tensors.insert(name, tensor.clone());
            }
        }
        let mut wrong = None;
        for group in few.groups(reserved.values().map(|tensor| tensor.name)) {
            if few.is_recurrence(&group)
                && let Err(why) = few.recurrence(&group)
            {
                wrong = Some((group, why));
                break;
            }
        }
        let result = match wrong {
            None => Ok(()),
            Some((group, why)) => {
                let mentions = mentions(frame, statements, reserved);
                Err(self.without_time(&few, statements, reserved, &group, &why, &mentions))
            }
        };
        self.equations.pool = few.pool;
        match result {
            Ok(()) => Ok(()),
            Err(diagnostic) => Err(self.report(diagnostic)),
        }
    }

    fn without_time(
        &self,
        equations: &Equations,
        statements: &[&'a Statement],
        reserved: &BTreeMap<usize, Tensor>,
        group: &[Name],
        why: &NoTime,
        mentions: &[Mention],
    ) -> Diagnostic {
        let named: Vec<(&'a Written, Name)> = reserved
            .iter()
            .filter(|(_, tensor)| group.contains(&tensor.name))
            .flat_map(|(&number, tensor)| names_of(statements[number]).into_iter().map(|name| (name, tensor.name)))
            .collect();
        let span = named.first().map_or(statements[0].span, |(name, _)| name.span);
        let texts: Vec<&str> = named.iter().map(|(name, _)| name.text.as_str()).collect();
        let (subject, verb, itself) = match texts.len() {
            0 | 1 => (listed(texts.iter().copied()), "", "itself"),
            _ => (listed(texts.iter().copied()), "s", "each other"),
        };
        let reads = if verb.is_empty() { "reads" } else { "read" };
        let reason = if !why.other.is_empty() {
            "at no constant distance"
        } else if !why.same.is_empty() {
            "at the same element"
        } else {
            "at earlier and at later elements"
        };
        let message = format!("no time axis: {subject} {reads} {itself} {reason}");
        let mut diagnostic = Diagnostic::error("NN0701", span, message).label("a recurrence");
        let lists =
            [(&why.other, "not at `t` plus a constant"), (&why.same, "the same element"), (&why.earlier, "earlier"), (&why.later, "later")];
        for (accesses, what) in lists {
            for access in accesses.iter().take(3) {
                let labels = axis_labels(equations, access.reader);
                let at: Vec<String> = access.at.iter().map(|&index| print_index(&equations.pool, &labels, index)).collect();
                for span in self.places_of(equations, access, &at, mentions) {
                    diagnostic = diagnostic.also(span, what);
                }
            }
        }
        diagnostic
            .note("Along one axis all reads of a recurrence must be earlier, or all later; others may be at the same element, if not in a circle.")
            .help("read an element before the one that is defined: `h[t - 1, j] or 0`")
    }

    /// Where an access stands in the text: the read with its indices, or every read of the tensor in that statement.
    fn places_of(&self, equations: &Equations, access: &Access, at: &[String], mentions: &[Mention]) -> Vec<Span> {
        let text = |name: Name| equations.pool.text(name);
        let of = |mention: &&Mention| {
            let below = text(access.reader).strip_prefix(text(mention.reader));
            mention.tensor == access.tensor && below.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let squeezed = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        let all: Vec<&Mention> = mentions.iter().filter(of).collect();
        let same = |mention: &&&Mention| {
            let written = squeezed(self.text(mention.span));
            let inside = written.split_once('[').map_or("", |(_, rest)| rest.trim_end_matches(']'));
            squeezed(&at.join(",")).ends_with(inside)
        };
        let exact: Vec<Span> = all.iter().filter(same).map(|mention| mention.span).collect();
        if exact.is_empty() { all.into_iter().map(|mention| mention.span).collect() } else { exact }
    }
}

/// The reads of a circle's tensors in its statements.
fn mentions(frame: &Frame<'_>, statements: &[&Statement], reserved: &BTreeMap<usize, Tensor>) -> Vec<Mention> {
    let tensors: BTreeSet<Name> = reserved.values().map(|tensor| tensor.name).collect();
    let mut found = Vec::new();
    for (number, statement) in statements.iter().enumerate() {
        let Some(reader) = reserved.get(&number).map(|tensor| tensor.name) else { continue };
        super::bodies::in_statement(statement, &mut |flow| {
            let mut stack = expressions(flow);
            while let Some(expression) = stack.pop() {
                if let ExpressionKind::Read(path, _) = &expression.kind
                    && let Some(Value::Tensor(tensor)) = frame.values.get(&show_path(path))
                    && tensors.contains(&tensor.name)
                {
                    found.push(Mention { reader, tensor: tensor.name, span: expression.span });
                }
                walk::inside(expression, &mut |part| stack.push(part));
            }
        });
    }
    found.sort_by_key(|mention| mention.span.start);
    found
}

/// The outermost expressions of a flow.
fn expressions(flow: &Flow) -> Vec<&Expression> {
    let mut all = vec![&flow.value];
    walk::in_stages(&flow.stages, &mut |expression| all.push(expression));
    all
}

/// What a statement defines.
fn names_of(statement: &Statement) -> Vec<&Written> {
    match &statement.kind {
        StatementKind::Equation { name, .. } => vec![name],
        StatementKind::Destructure { names, .. } => names.iter().collect(),
        _ => Vec::new(),
    }
}

/// `a`, `b` and `c`
fn listed<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    match &names[..] {
        [] => "it".to_string(),
        [only] => only.clone(),
        [before @ .., last] => format!("{} and {last}", before.join(", ")),
    }
}
