//! The tree as canonical text: `parse(print(file)) == file`.
//!
//! One space around operators that join, none around `^` and inside brackets; four spaces a level; lines of at most 120 characters,
//! broken at the outermost place that helps; a body of one plain statement stands on the line of its head. The tree holds each
//! bracket that was written, so none is added; only a tree that no text has gets those that keep its meaning.
//!
//! The printer counts the tokens that it writes. That is how [`format`](crate::format) keeps comments: they stand before the same
//! token as in the text.

use crate::format::Gaps;
use crate::layout::{self, Align, Doc};
use crate::on_large_stack;
use crate::scan::REDUCERS;
use crate::tree::*;

/// A whole file, with a new line at its end.
pub fn print(file: &File) -> String {
    on_large_stack(|| render(&Printer::default().file(file)))
}

/// A chain, on one line if it fits.
pub fn print_chain(chain: &Chain) -> String {
    on_large_stack(|| layout::render(&Printer::default().chain(chain)))
}

/// An expression, on one line if it fits.
pub fn print_expression(expression: &Expression) -> String {
    on_large_stack(|| layout::render(&Printer::default().expression(expression, LOWEST)))
}

/// With a new line at its end, if there is anything.
pub(crate) fn render(doc: &Doc) -> String {
    let mut text = layout::render(doc);
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

/// How tightly an operator binds.
type Level = u8;
const LOWEST: Level = 0;
const AND: Level = 1;
const COMPARE: Level = 2;
const SUM: Level = 3;
const PRODUCT: Level = 4;
const UNARY: Level = 5;
const POWER: Level = 6;
const OUTSIDE: Level = 7;
const ATOM: Level = 8;

fn level(kind: &ExpressionKind) -> Level {
    match kind {
        ExpressionKind::Any(_) => LOWEST,
        ExpressionKind::All(_) => AND,
        ExpressionKind::Compare(..) => COMPARE,
        ExpressionKind::Sum(..) => SUM,
        ExpressionKind::Product(..) => PRODUCT,
        ExpressionKind::Negative(_) | ExpressionKind::Not(_) => UNARY,
        ExpressionKind::Power(..) => POWER,
        ExpressionKind::Or(..) => OUTSIDE,
        _ => ATOM,
    }
}

/// Whether a factor written behind it would become part of it: it ends in a reduction.
fn takes_more(expression: &Expression) -> bool {
    match &expression.kind {
        ExpressionKind::Reduce { .. } => true,
        ExpressionKind::Negative(inner) | ExpressionKind::Not(inner) => takes_more(inner),
        ExpressionKind::Power(_, last) | ExpressionKind::Or(_, last) => takes_more(last),
        ExpressionKind::Product(_, rest) => rest.last().is_some_and(|(_, last)| takes_more(last)),
        _ => false,
    }
}

/// Whether its first token is one with which the body of a reduction can begin.
fn begins_body(expression: &Expression) -> bool {
    match &expression.kind {
        ExpressionKind::Negative(_) | ExpressionKind::Not(_) | ExpressionKind::Boolean(_) => false,
        ExpressionKind::Product(first, _) | ExpressionKind::Power(first, _) | ExpressionKind::Or(first, _) => begins_body(first),
        _ => true,
    }
}

/// Builds documents in the order of the text, counting tokens.
#[derive(Default)]
pub(crate) struct Printer {
    /// Comments and empty lines of the text, by the token that follows them; none when only a tree is printed.
    gaps: Option<Gaps>,
    /// Tokens so far.
    count: usize,
}

impl Printer {
    /// A printer that keeps what stood between the tokens.
    pub fn with(gaps: Gaps) -> Printer {
        Printer { gaps: Some(gaps), count: 0 }
    }

    /// One token, after the comments before it.
    fn token(&mut self, text: impl Into<String>) -> Doc {
        self.tokens(text, 1)
    }

    /// A text of `number` tokens.
    fn tokens(&mut self, text: impl Into<String>, number: usize) -> Doc {
        let comments = match &mut self.gaps {
            Some(gaps) => gaps.before(self.count),
            None => Vec::new(),
        };
        self.count += number;
        if comments.is_empty() {
            return Doc::text(text);
        }
        let mut parts: Vec<Doc> = comments.into_iter().map(|comment| Doc::comment(comment.text, comment.trailing)).collect();
        parts.push(Doc::text(text));
        Doc::concat(parts)
    }

    fn name(&mut self, name: &Name) -> Doc {
        self.token(&name.text)
    }

    fn path(&mut self, path: &Path) -> Doc {
        let text: Vec<&str> = path.segments.iter().map(|segment| segment.text.as_str()).collect();
        self.tokens(text.join("."), (2 * text.len()).saturating_sub(1))
    }

    fn quoted(&mut self, text: &Text) -> Doc {
        let mut written = String::from("\"");
        for letter in text.value.chars() {
            match letter {
                '"' => written.push_str("\\\""),
                '\\' => written.push_str("\\\\"),
                '\n' => written.push_str("\\n"),
                other => written.push(other),
            }
        }
        written.push('"');
        self.token(written)
    }

    /// `open a, b, c close`: on one line, or the list on lines of its own.
    fn list<T>(&mut self, open: &str, items: &[T], close: &str, mut each: impl FnMut(&mut Self, &T) -> Doc) -> Doc {
        let open = self.token(open);
        if items.is_empty() {
            let close = self.token(close);
            return Doc::concat(vec![open, close]);
        }
        let parts = self.separated(items, &mut each);
        let close = self.token(close);
        Doc::group(Doc::concat(vec![open, Doc::nest(Doc::concat(vec![Doc::soft(), Doc::fill(parts)])), Doc::soft(), close]))
    }

    /// `for *.b, enc.* `; nothing for all parameters.
    fn governed(&mut self, patterns: &[Pattern]) -> Vec<Doc> {
        if patterns.is_empty() {
            return Vec::new();
        }
        let word = self.token("for");
        let patterns = self.separated(patterns, |p, pattern| p.path(&pattern.path));
        vec![word, Doc::space(), Doc::nest(Doc::group(Doc::fill(patterns))), Doc::space()]
    }

    /// Items, each but the last with its comma.
    fn separated<T>(&mut self, items: &[T], mut each: impl FnMut(&mut Self, &T) -> Doc) -> Vec<Doc> {
        let mut parts = Vec::new();
        for (at, item) in items.iter().enumerate() {
            let part = each(self, item);
            if at + 1 < items.len() {
                let comma = self.token(",");
                parts.push(Doc::concat(vec![part, comma]));
            } else {
                parts.push(part);
            }
        }
        parts
    }

    // ---- items

    /// All items, with the comments around them.
    pub fn file(&mut self, file: &File) -> Doc {
        let mut parts = Vec::new();
        let mut tall = true;
        for (at, item) in file.items.iter().enumerate() {
            let lead = self.lead(at == 0);
            let before = self.docs(&item.docs);
            let doc = self.item(item);
            let was_tall = std::mem::replace(&mut tall, doc.flat > layout::WIDTH || !item.docs.is_empty());
            if self.gaps.is_none() && at > 0 && (tall || was_tall) {
                parts.push(Doc::blank());
            }
            parts.extend([lead, before, doc, Doc::hard()]);
        }
        let end = self.end(file.items.is_empty());
        parts.push(end);
        Doc::concat(parts)
    }

    /// Comments and empty lines before a statement or item.
    fn lead(&mut self, first: bool) -> Doc {
        let Some(gaps) = &mut self.gaps else { return Doc::nothing() };
        let blank = gaps.blank(self.count);
        let comments = gaps.before(self.count);
        let mut parts = Vec::new();
        let mut empty = first;
        for comment in comments {
            if comment.blank && !empty {
                parts.push(Doc::blank());
            }
            empty &= comment.trailing;
            parts.push(Doc::comment(comment.text, comment.trailing));
        }
        if blank && !empty {
            parts.push(Doc::blank());
        }
        Doc::concat(parts)
    }

    /// Comments before what closes a body, or before the end.
    fn end(&mut self, first: bool) -> Doc {
        let Some(gaps) = &mut self.gaps else { return Doc::nothing() };
        let comments = gaps.before(self.count);
        let mut parts = Vec::new();
        let mut empty = first;
        for comment in comments {
            if comment.blank && !empty {
                parts.push(Doc::blank());
            }
            empty &= comment.trailing;
            parts.push(Doc::comment(comment.text, comment.trailing));
        }
        Doc::concat(parts)
    }

    fn docs(&mut self, docs: &[Text]) -> Doc {
        let mut parts = Vec::new();
        for line in docs {
            let text = if line.value.is_empty() { "///".to_owned() } else { format!("/// {}", line.value) };
            parts.extend([self.token(text), Doc::hard()]);
        }
        Doc::concat(parts)
    }

    fn item(&mut self, item: &Item) -> Doc {
        match &item.kind {
            ItemKind::Import(text) => self.words(|p| vec![p.token("import"), Doc::space(), p.quoted(text), p.token(";")]),
            ItemKind::Constant { name, value } => {
                let mut parts = vec![self.token("const"), Doc::space(), self.name(name)];
                if let Some(value) = value {
                    parts.extend([Doc::space(), self.token("="), self.assigned(value)]);
                }
                parts.push(self.token(";"));
                Doc::concat(parts)
            }
            ItemKind::Function { name, hypers, value } => {
                let mut parts = vec![self.token("fn"), Doc::space(), self.name(name), self.hypers(hypers), Doc::space()];
                parts.extend([Doc::mark(Align::Function), self.token("="), self.assigned(value), self.token(";")]);
                Doc::concat(parts)
            }
            ItemKind::Layer(definition) => self.definition("layer", definition),
            ItemKind::Model(definition) => self.definition("model", definition),
            ItemKind::Optimizer(definition) => self.definition("optimizer", definition),
        }
    }

    fn words(&mut self, parts: impl FnOnce(&mut Self) -> Vec<Doc>) -> Doc {
        Doc::concat(parts(self))
    }

    fn definition(&mut self, word: &str, definition: &Definition) -> Doc {
        let mut parts = vec![self.token(word), Doc::space(), self.name(&definition.name)];
        if let Some(hypers) = &definition.hypers {
            parts.push(self.hypers(hypers));
        }
        match &definition.body {
            Body::Chain(chain) => {
                parts.extend([Doc::space(), self.token("=")]);
                let chain = self.chain(chain);
                parts.extend([Doc::assign(chain), self.token(";")]);
            }
            Body::Block { ports, results, statements } => {
                parts.push(self.list("(", ports, ")", Self::port));
                match results.as_slice() {
                    [] => {}
                    [one] => parts.extend([Doc::space(), self.token("->"), Doc::space(), self.name(one)]),
                    all => parts.extend([Doc::space(), self.token("->"), Doc::space(), self.list("(", all, ")", Self::name)]),
                }
                parts.push(Doc::space());
                parts.push(self.body(statements, true));
            }
        }
        Doc::concat(parts)
    }

    fn hypers(&mut self, hypers: &[Hyper]) -> Doc {
        self.list("(", hypers, ")", |p, hyper| {
            let mut parts = vec![p.name(&hyper.name)];
            if !hyper.parts.is_empty() {
                parts.extend([p.token(":"), Doc::space(), p.list("(", &hyper.parts, ")", Self::name)]);
            }
            if let Some(default) = &hyper.default {
                parts.extend([Doc::space(), p.token("="), Doc::space(), p.expression(default, LOWEST)]);
            }
            Doc::concat(parts)
        })
    }

    fn port(&mut self, port: &Port) -> Doc {
        let mut parts = vec![self.name(&port.name)];
        if !port.axes.is_empty() {
            parts.push(self.dims(&port.axes));
        }
        if let Some(kind) = &port.kind {
            parts.push(self.kind(kind));
        }
        Doc::concat(parts)
    }

    fn dims(&mut self, dims: &[Dim]) -> Doc {
        self.list("[", dims, "]", |p, dim| match &dim.kind {
            DimKind::Pack(name) => p.tokens(format!("..{}", name.text), 2),
            DimKind::Named(name, value) => p.words(|p| vec![p.name(name), p.token(":"), Doc::space(), p.expression(value, LOWEST)]),
            DimKind::Expression(value) => p.expression(value, LOWEST),
        })
    }

    /// With the colon before it.
    fn kind(&mut self, kind: &Kind) -> Doc {
        let mut parts = vec![self.token(":"), Doc::space()];
        match &kind.kind {
            KindKind::Probability => parts.push(self.token("prob")),
            KindKind::Index { low, high } => {
                parts.extend([self.token("index"), self.token("(")]);
                if let Some(low) = low {
                    parts.extend([self.expression(low, LOWEST), self.token("..")]);
                }
                parts.extend([self.expression(high, LOWEST), self.token(")")]);
            }
        }
        Doc::concat(parts)
    }

    // ---- statements

    /// `{ … }`; on the line of its head if it may be and fits.
    fn body(&mut self, statements: &[Statement], short: bool) -> Doc {
        let open = self.token("{");
        let short = short
            && match statements {
                [] => true,
                [one] => one.docs.is_empty() && !matches!(one.kind, StatementKind::If { .. }),
                _ => false,
            };
        let mut parts = Vec::new();
        for (at, statement) in statements.iter().enumerate() {
            if at > 0 {
                parts.push(Doc::hard());
            }
            let lead = self.lead(at == 0);
            let docs = self.docs(&statement.docs);
            parts.extend([lead, docs, self.statement(statement)]);
        }
        let end = self.end(statements.is_empty());
        let empty = statements.is_empty() && end.flat == 0;
        parts.push(end);
        let close = self.token("}");
        if empty {
            return Doc::concat(vec![open, Doc::space(), close]);
        }
        let between = || if short { Doc::line() } else { Doc::hard() };
        Doc::group(Doc::concat(vec![open, Doc::nest(Doc::concat(vec![between(), Doc::concat(parts)])), between(), close]))
    }

    fn statement(&mut self, statement: &Statement) -> Doc {
        let mut parts = Vec::new();
        match &statement.kind {
            StatementKind::If { arms, otherwise } => return self.when(arms, otherwise.as_deref()),
            StatementKind::Unbatched => parts.push(self.token("unbatched")),
            StatementKind::Declare { role, tensors } => {
                let word = match role {
                    Role::Parameter => "param",
                    Role::State => "state",
                    Role::Random => "random",
                    Role::Target => "target",
                };
                parts.extend([self.token(word), Doc::space()]);
                let tensors = self.separated(tensors, |p, (port, value)| {
                    let port = p.port(port);
                    match value {
                        None => port,
                        Some(value) => Doc::concat(vec![port, Doc::space(), p.token("="), Doc::space(), p.expression(value, LOWEST)]),
                    }
                });
                parts.push(Doc::nest(Doc::group(Doc::fill(tensors))));
            }
            StatementKind::Let(name, value) => {
                parts.extend([self.token("let"), Doc::space(), self.name(name), Doc::space(), Doc::mark(Align::Let)]);
                parts.extend([self.token("="), self.assigned(value)]);
            }
            StatementKind::Block(name, chain) => {
                parts.extend([self.token("block"), Doc::space(), self.name(name), Doc::space(), self.token("=")]);
                parts.push(Doc::assign(self.chain(chain)));
            }
            StatementKind::Check(condition, text) => {
                let condition = vec![self.token("check"), Doc::space(), self.expression(condition, LOWEST), self.token(",")];
                let parts_of = vec![Doc::concat(condition), self.quoted(text)];
                parts.push(Doc::nest(Doc::group(Doc::fill(parts_of))));
            }
            StatementKind::Loss { name, patterns, value } => {
                parts.extend([self.token("loss"), Doc::space()]);
                if let Some(name) = name {
                    parts.extend([self.name(name), Doc::space()]);
                }
                parts.extend(self.governed(patterns));
                if name.is_none() && patterns.is_empty() {
                    parts.push(Doc::mark(Align::Equation));
                }
                parts.extend([self.token("="), self.assigned_flow(value)]);
            }
            StatementKind::Metric(name, value) => {
                parts.extend([self.token("metric"), Doc::space(), self.name(name), Doc::space()]);
                parts.extend([self.token("="), self.assigned_flow(value)]);
            }
            StatementKind::Optimizer { patterns, chain } => {
                parts.extend([self.token("optimizer"), Doc::space()]);
                parts.extend(self.governed(patterns));
                if patterns.is_empty() {
                    parts.push(Doc::mark(Align::Equation));
                }
                parts.push(self.token("="));
                parts.push(Doc::assign(self.chain(chain)));
            }
            StatementKind::Update { name, binders, value } => {
                parts.extend([self.name(name), self.left_side(binders), Doc::space(), Doc::mark(Align::Update)]);
                parts.extend([self.token("<-"), self.assigned_flow(value)]);
            }
            StatementKind::Destructure { names, value } => {
                parts.extend([self.list("(", names, ")", Self::name), Doc::space(), self.token("="), self.assigned_flow(value)]);
            }
            StatementKind::Equation { name, binders, kind, value } => {
                parts.extend([self.name(name), self.left_side(binders)]);
                if let Some(kind) = kind {
                    parts.push(self.kind(kind));
                }
                parts.push(Doc::space());
                if binders.is_empty() && kind.is_none() {
                    parts.push(Doc::mark(Align::Equation));
                }
                parts.extend([self.token("="), self.assigned_flow(value)]);
            }
        }
        parts.push(self.token(";"));
        Doc::concat(parts)
    }

    fn when(&mut self, arms: &[(Expression, Vec<Statement>)], otherwise: Option<&[Statement]>) -> Doc {
        // All arms on one line, or none.
        let plain = |body: &[Statement]| body.len() <= 1;
        let short = arms.iter().all(|(_, body)| plain(body)) && otherwise.is_none_or(plain);
        let mut parts = Vec::new();
        for (at, (condition, body)) in arms.iter().enumerate() {
            if at > 0 {
                parts.extend([Doc::space(), self.token("else"), Doc::space()]);
            }
            parts.extend([self.token("if"), Doc::space(), self.expression(condition, LOWEST), Doc::space()]);
            parts.push(self.arm(body, short));
        }
        if let Some(body) = otherwise {
            parts.extend([Doc::space(), self.token("else"), Doc::space()]);
            parts.push(self.arm(body, short));
        }
        Doc::group(Doc::concat(parts))
    }

    /// A body that breaks together with the others of its `if`.
    fn arm(&mut self, statements: &[Statement], short: bool) -> Doc {
        self.body(statements, short).ungrouped()
    }

    fn left_side(&mut self, binders: &[Binder]) -> Doc {
        if binders.is_empty() { Doc::nothing() } else { self.list("[", binders, "]", Self::binder) }
    }

    fn binder(&mut self, binder: &Binder) -> Doc {
        let mut parts = vec![if binder.pack { self.tokens(format!("..{}", binder.name.text), 2) } else { self.name(&binder.name) }];
        if let Some(range) = &binder.range {
            parts.extend([self.token(":"), Doc::space(), self.expression(range, LOWEST)]);
        }
        Doc::concat(parts)
    }

    fn assigned(&mut self, value: &Expression) -> Doc {
        Doc::assign(Doc::group(self.expression(value, LOWEST)))
    }

    fn assigned_flow(&mut self, value: &Flow) -> Doc {
        Doc::assign(self.flow(value))
    }

    // ---- chains

    fn flow(&mut self, flow: &Flow) -> Doc {
        let value = self.expression(&flow.value, LOWEST);
        if flow.stages.is_empty() {
            return Doc::group(value);
        }
        let mut parts = vec![value];
        for stage in &flow.stages {
            parts.push(self.words(|p| vec![p.token("->"), Doc::space(), p.stage(stage)]));
        }
        Doc::group(Doc::nest(Doc::fill(parts)))
    }

    /// Stages with arrows between them.
    pub fn chain(&mut self, chain: &Chain) -> Doc {
        let mut parts = Vec::new();
        for (at, stage) in chain.stages.iter().enumerate() {
            parts.push(if at == 0 { self.stage(stage) } else { self.words(|p| vec![p.token("->"), Doc::space(), p.stage(stage)]) });
        }
        Doc::group(Doc::nest(Doc::fill(parts)))
    }

    fn stage(&mut self, stage: &Stage) -> Doc {
        let mut parts = Vec::new();
        if let Some(label) = &stage.label {
            parts.extend([self.name(label), self.token(":"), Doc::space()]);
        }
        parts.push(self.name(&stage.name));
        if let Some(arguments) = &stage.arguments {
            parts.push(self.arguments(arguments));
        }
        Doc::concat(parts)
    }

    fn arguments(&mut self, arguments: &[Argument]) -> Doc {
        self.list("(", arguments, ")", |p, argument| {
            let mut parts = Vec::new();
            if let Some(name) = &argument.name {
                parts.extend([p.name(name), Doc::space(), p.token("="), Doc::space()]);
            }
            if let Some(label) = &argument.label {
                parts.extend([p.name(label), p.token(":"), Doc::space()]);
            }
            parts.push(p.flow(&argument.value));
            Doc::concat(parts)
        })
    }

    // ---- expressions

    /// An expression where only what binds at least as tightly as `least` can stand without brackets.
    fn expression(&mut self, expression: &Expression, least: Level) -> Doc {
        if level(&expression.kind) < least {
            return self.bracketed(expression);
        }
        match &expression.kind {
            ExpressionKind::Number(text) => self.token(text),
            ExpressionKind::Boolean(value) => self.token(if *value { "true" } else { "false" }),
            ExpressionKind::Any(all) => self.joined("||", all, AND),
            ExpressionKind::All(all) => self.joined("&&", all, COMPARE),
            ExpressionKind::Compare(first, rest) => self.operators(first, rest, SUM, relation),
            ExpressionKind::Sum(first, rest) => self.operators(first, rest, PRODUCT, |sign| if sign == Sign::Plus { "+" } else { "-" }),
            ExpressionKind::Product(first, rest) => self.product(first, rest),
            ExpressionKind::Negative(inner) => self.words(|p| vec![p.token("-"), p.expression(inner, UNARY)]),
            ExpressionKind::Not(inner) => self.words(|p| vec![p.token("!"), p.expression(inner, UNARY)]),
            ExpressionKind::Power(base, exponent) => {
                self.words(|p| vec![p.closed(base, OUTSIDE), p.token("^"), p.expression(exponent, UNARY)])
            }
            ExpressionKind::Or(value, otherwise) => {
                self.words(|p| vec![p.closed(value, OUTSIDE), Doc::space(), p.token("or"), Doc::space(), p.otherwise(otherwise)])
            }
            ExpressionKind::If { arms, otherwise } => self.choice(arms, otherwise),
            ExpressionKind::Reduce { reducer, binders, condition, body } => {
                let mut parts = vec![self.token(word(*reducer)), self.token("(")];
                let mut inner = self.separated(binders, Self::binder);
                if let Some(condition) = condition {
                    inner.push(self.words(|p| vec![p.token("where"), Doc::space(), p.expression(condition, LOWEST)]));
                }
                let close = self.token(")");
                parts.push(Doc::group(Doc::concat(vec![Doc::nest(Doc::concat(vec![Doc::soft(), Doc::fill(inner)])), Doc::soft(), close])));
                parts.push(Doc::space());
                parts.push(if begins_body(body) { self.expression(body, PRODUCT) } else { self.bracketed(body) });
                Doc::concat(parts)
            }
            ExpressionKind::Total(reducer, flows) => {
                let head = self.token(word(*reducer));
                let flows = self.list("(", flows, ")", Self::flow);
                Doc::concat(vec![head, flows])
            }
            ExpressionKind::Name(path) => self.path(path),
            ExpressionKind::Read(path, dims) => self.words(|p| vec![p.path(path), p.dims(dims)]),
            ExpressionKind::Call { path, first, second } => {
                let mut parts = vec![self.path(path), self.arguments(first)];
                if let Some(second) = second {
                    parts.push(self.arguments(second));
                }
                Doc::concat(parts)
            }
            ExpressionKind::Array(all) => self.list("[", all, "]", |p, element| p.expression(element, LOWEST)),
            ExpressionKind::Group(flows) => self.list("(", flows, ")", Self::flow),
        }
    }

    /// In brackets that the tree does not have.
    fn bracketed(&mut self, expression: &Expression) -> Doc {
        self.words(|p| vec![p.token("("), p.expression(expression, LOWEST), p.token(")")])
    }

    /// An operand that something follows which a reduction would take in.
    fn closed(&mut self, expression: &Expression, least: Level) -> Doc {
        if takes_more(expression) { self.bracketed(expression) } else { self.expression(expression, least) }
    }

    fn joined(&mut self, sign: &str, all: &[Expression], least: Level) -> Doc {
        let mut parts = Vec::new();
        for (at, operand) in all.iter().enumerate() {
            parts.push(if at == 0 {
                self.expression(operand, least)
            } else {
                self.words(|p| vec![p.token(sign), Doc::space(), p.expression(operand, least)])
            });
        }
        Doc::group(Doc::nest(Doc::fill(parts)))
    }

    fn operators<T: Copy>(&mut self, first: &Expression, rest: &[(T, Expression)], least: Level, sign: impl Fn(T) -> &'static str) -> Doc {
        let mut parts = vec![self.expression(first, least)];
        for (operator, operand) in rest {
            parts.push(self.words(|p| vec![p.token(sign(*operator)), Doc::space(), p.expression(operand, least)]));
        }
        Doc::group(Doc::nest(Doc::fill(parts)))
    }

    fn product(&mut self, first: &Expression, rest: &[(Factor, Expression)]) -> Doc {
        let mut parts = vec![self.closed(first, UNARY)];
        for (at, (factor, operand)) in rest.iter().enumerate() {
            let sign = match factor {
                Factor::Times => "*",
                Factor::Divide => "/",
                Factor::Remainder => "%",
            };
            let sign = self.token(sign);
            let operand = if at + 1 < rest.len() { self.closed(operand, UNARY) } else { self.expression(operand, UNARY) };
            parts.push(Doc::concat(vec![sign, Doc::space(), operand]));
        }
        Doc::group(Doc::nest(Doc::fill(parts)))
    }

    /// Behind `or`: signs, then an atom.
    fn otherwise(&mut self, expression: &Expression) -> Doc {
        match &expression.kind {
            ExpressionKind::Negative(inner) => self.words(|p| vec![p.token("-"), p.otherwise(inner)]),
            ExpressionKind::Not(inner) => self.words(|p| vec![p.token("!"), p.otherwise(inner)]),
            _ => self.expression(expression, ATOM),
        }
    }

    fn choice(&mut self, arms: &[(Expression, Flow)], otherwise: &Flow) -> Doc {
        let mut parts = Vec::new();
        let arm = |p: &mut Self, value: &Flow| {
            let open = p.token("{");
            let value = p.flow(value);
            let close = p.token("}");
            Doc::concat(vec![open, Doc::nest(Doc::concat(vec![Doc::line(), value])), Doc::line(), close])
        };
        for (condition, value) in arms {
            parts.extend([self.token("if"), Doc::space(), self.expression(condition, LOWEST), Doc::space(), arm(self, value)]);
            parts.extend([Doc::space(), self.token("else"), Doc::space()]);
        }
        parts.push(arm(self, otherwise));
        Doc::group(Doc::concat(parts))
    }
}

fn relation(relation: Relation) -> &'static str {
    match relation {
        Relation::Equal => "==",
        Relation::NotEqual => "!=",
        Relation::LessEqual => "<=",
        Relation::GreaterEqual => ">=",
        Relation::Less => "<",
        Relation::Greater => ">",
    }
}

fn word(reducer: Reducer) -> &'static str {
    let at = match reducer {
        Reducer::Sum => 0,
        Reducer::Max => 1,
        Reducer::Min => 2,
        Reducer::Mean => 3,
        Reducer::Product => 4,
        Reducer::LogSumExp => 5,
        Reducer::ArgMax => 6,
    };
    REDUCERS[at]
}
