//! What pest matched, as a [tree](crate::tree): one function a rule, in the order of `nn.pest`. No other file sees a pair.
//!
//! The grammar has accepted the text before anything here runs, so each function takes the parts of its rule in the order in which
//! the rule lists them; a part that is missing is a mistake of this file, not of the text. Recursion goes as deep as brackets nest,
//! which [`scan`](crate::scan) has bounded.

use crate::Span;
use crate::parser::{Grammar, Rule};
use crate::tree::*;
use pest::Parser;
use pest::iterators::{Pair as PestPair, Pairs};

type Pair<'t> = PestPair<'t, Rule>;

/// A place where pest stopped: the byte before which it had to give up.
pub(crate) struct Refused {
    /// The byte.
    pub at: usize,
}

/// A whole file.
pub(crate) fn file(source: u32, text: &str) -> Result<File, Refused> {
    let root = matched(Rule::file, text)?;
    let items = root.into_inner().filter(|part| part.as_rule() == Rule::item).map(|part| item(source, part)).collect();
    Ok(File { items })
}

/// What `nn!( … )` holds.
pub(crate) fn inline(source: u32, text: &str) -> Result<Chain, Refused> {
    let root = matched(Rule::inline, text)?;
    Ok(chain(source, next(&mut root.into_inner())))
}

fn matched(rule: Rule, text: &str) -> Result<Pair<'_>, Refused> {
    match Grammar::parse(rule, text) {
        Ok(mut pairs) => Ok(next(&mut pairs)),
        Err(error) => {
            let at = match error.location {
                pest::error::InputLocation::Pos(at) => at,
                pest::error::InputLocation::Span((at, _)) => at,
            };
            Err(Refused { at })
        }
    }
}

/// The next part of a rule, which the grammar has made sure of.
fn next<'t>(parts: &mut Pairs<'t, Rule>) -> Pair<'t> {
    parts.next().expect("the grammar has matched this part")
}

/// The next part, if it is a `rule`.
fn next_if<'t>(parts: &mut Pairs<'t, Rule>, rule: Rule) -> Option<Pair<'t>> {
    if parts.peek()?.as_rule() == rule { parts.next() } else { None }
}

fn span(source: u32, pair: &Pair<'_>) -> Span {
    let place = pair.as_span();
    Span { source, start: place.start() as u32, end: place.end() as u32 }
}

fn name(source: u32, pair: Pair<'_>) -> Name {
    Name { text: pair.as_str().to_owned(), span: span(source, &pair) }
}

fn text(source: u32, pair: Pair<'_>) -> Text {
    let written = pair.as_str();
    let mut value = String::with_capacity(written.len());
    let mut letters = written[1..written.len() - 1].chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some('n') => value.push('\n'),
                escaped => value.extend(escaped),
            },
            other => value.push(other),
        }
    }
    Text { value, span: span(source, &pair) }
}

// ---- items

fn docs(source: u32, parts: &mut Pairs<'_, Rule>) -> Vec<Text> {
    let mut docs = Vec::new();
    while let Some(part) = next_if(parts, Rule::doc) {
        let place = span(source, &part);
        let line = next(&mut part.into_inner()).as_str();
        let line = line.strip_suffix('\r').unwrap_or(line);
        docs.push(Text { value: line.strip_prefix(' ').unwrap_or(line).to_owned(), span: place });
    }
    docs
}

fn item(source: u32, pair: Pair<'_>) -> Item {
    let mut parts = pair.into_inner();
    let docs = docs(source, &mut parts);
    let pair = next(&mut parts);
    let place = span(source, &pair);
    let rule = pair.as_rule();
    let mut parts = pair.into_inner();
    let keyword = parts.next();
    debug_assert!(keyword.is_some(), "each item begins with its word");
    let kind = match rule {
        Rule::import => ItemKind::Import(text(source, next(&mut parts))),
        Rule::constant => {
            ItemKind::Constant { name: name(source, next(&mut parts)), value: parts.next().map(|part| expression(source, part)) }
        }
        Rule::function => ItemKind::Function {
            name: name(source, next(&mut parts)),
            hypers: hypers(source, next(&mut parts)),
            value: expression(source, next(&mut parts)),
        },
        Rule::layer => ItemKind::Layer(definition(source, parts)),
        Rule::model => ItemKind::Model(definition(source, parts)),
        _ => ItemKind::Optimizer(definition(source, parts)),
    };
    Item { docs, kind, span: place }
}

fn definition(source: u32, mut parts: Pairs<'_, Rule>) -> Definition {
    let name = name(source, next(&mut parts));
    let hypers = next_if(&mut parts, Rule::hypers).map(|part| hypers(source, part));
    if let Some(part) = next_if(&mut parts, Rule::chain) {
        return Definition { name, hypers, body: Body::Chain(chain(source, part)) };
    }
    let ports = next(&mut parts).into_inner().map(|part| port(source, part)).collect();
    let results = next_if(&mut parts, Rule::results).map_or(Vec::new(), |part| names(source, part.into_inner()));
    let statements = body(source, next(&mut parts));
    Definition { name, hypers, body: Body::Block { ports, results, statements } }
}

fn names(source: u32, parts: Pairs<'_, Rule>) -> Vec<Name> {
    parts.map(|part| name(source, part)).collect()
}

fn hypers(source: u32, pair: Pair<'_>) -> Vec<Hyper> {
    pair.into_inner()
        .map(|part| {
            let mut parts = part.into_inner();
            let name_of = name(source, next(&mut parts));
            let mut pieces = Vec::new();
            while let Some(part) = next_if(&mut parts, Rule::ident) {
                pieces.push(name(source, part));
            }
            Hyper { name: name_of, parts: pieces, default: parts.next().map(|part| expression(source, part)) }
        })
        .collect()
}

fn port(source: u32, pair: Pair<'_>) -> Port {
    let place = span(source, &pair);
    let mut parts = pair.into_inner();
    let name = name(source, next(&mut parts));
    let axes = next_if(&mut parts, Rule::dims).map_or(Vec::new(), |part| dims(source, part));
    Port { name, axes, kind: parts.next().map(|part| kind(source, part)), span: place }
}

fn dims(source: u32, pair: Pair<'_>) -> Vec<Dim> {
    pair.into_inner()
        .map(|part| {
            let place = span(source, &part);
            let mut parts = part.into_inner();
            let first = next(&mut parts);
            let kind = match first.as_rule() {
                Rule::pack => DimKind::Pack(name(source, next(&mut first.into_inner()))),
                Rule::ident => DimKind::Named(name(source, first), expression(source, next(&mut parts))),
                _ => DimKind::Expression(expression(source, first)),
            };
            Dim { kind, span: place }
        })
        .collect()
}

fn kind(source: u32, pair: Pair<'_>) -> Kind {
    let place = span(source, &pair);
    let mut parts = pair.into_inner();
    let kind = if next(&mut parts).as_rule() == Rule::kw_prob {
        KindKind::Probability
    } else {
        let first = expression(source, next(&mut parts));
        match parts.next() {
            None => KindKind::Index { low: None, high: first },
            Some(part) => KindKind::Index { low: Some(first), high: expression(source, part) },
        }
    };
    Kind { kind, span: place }
}

// ---- statements

fn body(source: u32, pair: Pair<'_>) -> Vec<Statement> {
    pair.into_inner().map(|part| statement(source, part)).collect()
}

fn statement(source: u32, pair: Pair<'_>) -> Statement {
    let end = span(source, &pair);
    let mut parts = pair.into_inner();
    let docs = docs(source, &mut parts);
    let pair = next(&mut parts);
    let place = span(source, &pair).to(end);
    let rule = pair.as_rule();
    let mut parts = pair.into_inner();
    if !matches!(rule, Rule::update | Rule::equations | Rule::equation) {
        // The word that the statement begins with; `decl` needs it.
        let role = next(&mut parts).as_rule();
        if rule == Rule::decl {
            let tensors = parts.map(|part| declared(source, part)).collect();
            return Statement { docs, kind: StatementKind::Declare { role: role_of(role), tensors }, span: place };
        }
    }
    let kind = match rule {
        Rule::when => when(source, parts),
        Rule::unbatched => StatementKind::Unbatched,
        Rule::let_ => StatementKind::Let(name(source, next(&mut parts)), expression(source, next(&mut parts))),
        Rule::block => StatementKind::Block(name(source, next(&mut parts)), chain(source, next(&mut parts))),
        Rule::check => StatementKind::Check(expression(source, next(&mut parts)), text(source, next(&mut parts))),
        Rule::loss => {
            let name = next_if(&mut parts, Rule::ident).map(|part| name(source, part));
            let patterns = patterns(source, &mut parts);
            StatementKind::Loss { name, patterns, value: flow(source, next(&mut parts)) }
        }
        Rule::metric => StatementKind::Metric(name(source, next(&mut parts)), flow(source, next(&mut parts))),
        Rule::train => train(source, parts),
        Rule::update => {
            let name = name(source, next(&mut parts));
            let binders = left_side(source, &mut parts);
            StatementKind::Update { name, binders, value: flow(source, next(&mut parts)) }
        }
        Rule::equations => {
            let mut names = Vec::new();
            while let Some(part) = next_if(&mut parts, Rule::ident) {
                names.push(name(source, part));
            }
            StatementKind::Destructure { names, value: flow(source, next(&mut parts)) }
        }
        _ => {
            let name = name(source, next(&mut parts));
            let binders = left_side(source, &mut parts);
            let kind = next_if(&mut parts, Rule::kind).map(|part| kind(source, part));
            StatementKind::Equation { name, binders, kind, value: flow(source, next(&mut parts)) }
        }
    };
    Statement { docs, kind, span: place }
}

fn role_of(keyword: Rule) -> Role {
    match keyword {
        Rule::kw_param => Role::Parameter,
        Rule::kw_state => Role::State,
        Rule::kw_random => Role::Random,
        _ => Role::Target,
    }
}

fn declared(source: u32, pair: Pair<'_>) -> (Port, Option<Expression>) {
    let mut parts = pair.into_inner();
    (port(source, next(&mut parts)), parts.next().map(|part| expression(source, part)))
}

/// Behind the first `if`.
fn when(source: u32, mut parts: Pairs<'_, Rule>) -> StatementKind {
    let mut arms = vec![(expression(source, next(&mut parts)), body(source, next(&mut parts)))];
    let mut otherwise = None;
    while next_if(&mut parts, Rule::kw_else).is_some() {
        if next_if(&mut parts, Rule::kw_if).is_some() {
            arms.push((expression(source, next(&mut parts)), body(source, next(&mut parts))));
        } else {
            otherwise = Some(body(source, next(&mut parts)));
        }
    }
    StatementKind::If { arms, otherwise }
}

fn train(source: u32, mut parts: Pairs<'_, Rule>) -> StatementKind {
    let patterns = patterns(source, &mut parts);
    StatementKind::Optimizer { patterns, chain: chain(source, next(&mut parts)) }
}

/// Behind `for`, if there is one.
fn patterns(source: u32, parts: &mut Pairs<'_, Rule>) -> Vec<Pattern> {
    let mut patterns = Vec::new();
    if next_if(parts, Rule::kw_for).is_some() {
        while let Some(part) = next_if(parts, Rule::pattern) {
            patterns.push(Pattern { path: pattern(source, part) });
        }
    }
    patterns
}

/// `*` has no rule of its own: the segments are cut from the text.
fn pattern(source: u32, pair: Pair<'_>) -> Path {
    let place = span(source, &pair);
    let mut parts = pair.clone().into_inner();
    let mut at = place.start as usize;
    let mut segments = Vec::new();
    let written = pair.as_str();
    while at < place.end as usize {
        let rest = &written[at - place.start as usize..];
        if let Some(part) = parts.peek().filter(|part| part.as_span().start() == at) {
            parts.next();
            at = part.as_span().end();
            segments.push(name(source, part));
        } else if rest.starts_with("//") {
            at += rest.find('\n').unwrap_or(rest.len());
        } else {
            if rest.starts_with('*') {
                segments.push(Name { text: "*".to_owned(), span: Span { source, start: at as u32, end: at as u32 + 1 } });
            }
            at += 1;
        }
    }
    Path { segments, span: place }
}

fn left_side(source: u32, parts: &mut Pairs<'_, Rule>) -> Vec<Binder> {
    next_if(parts, Rule::lhs).map_or(Vec::new(), |part| part.into_inner().map(|part| binder(source, part)).collect())
}

fn binder(source: u32, pair: Pair<'_>) -> Binder {
    let place = span(source, &pair);
    let mut parts = pair.into_inner();
    let first = next(&mut parts);
    if first.as_rule() == Rule::pack {
        let bound = name(source, next(&mut first.into_inner()));
        let range = parts.next().map(|part| {
            let path = Path { span: span(source, &part), segments: vec![name(source, part)] };
            Expression { span: path.span, kind: ExpressionKind::Name(path) }
        });
        return Binder { name: bound, pack: true, range, span: place };
    }
    Binder { name: name(source, first), pack: false, range: parts.next().map(|part| expression(source, part)), span: place }
}

// ---- chains

fn flow(source: u32, pair: Pair<'_>) -> Flow {
    let place = span(source, &pair);
    let mut parts = pair.into_inner();
    let value = expression(source, next(&mut parts));
    Flow { value, stages: parts.map(|part| stage(source, part)).collect(), span: place }
}

fn chain(source: u32, pair: Pair<'_>) -> Chain {
    let place = span(source, &pair);
    Chain { stages: pair.into_inner().map(|part| stage(source, part)).collect(), span: place }
}

fn stage(source: u32, pair: Pair<'_>) -> Stage {
    let place = span(source, &pair);
    let mut parts = pair.into_inner();
    let first = name(source, next(&mut parts));
    let second = next_if(&mut parts, Rule::ident).map(|part| name(source, part));
    let arguments = parts.next().map(|part| arguments(source, part));
    match second {
        Some(second) => Stage { label: Some(first), name: second, arguments, span: place },
        None => Stage { label: None, name: first, arguments, span: place },
    }
}

fn arguments(source: u32, pair: Pair<'_>) -> Vec<Argument> {
    pair.into_inner()
        .map(|part| {
            let place = span(source, &part);
            let mut parts = part.into_inner();
            let mut named = None;
            let mut label = None;
            // `name =` and `label:` are told apart by the sign behind the name.
            while let Some(part) = next_if(&mut parts, Rule::ident) {
                let behind = part.as_span().end();
                let until = parts.peek().expect("an argument has a value").as_span().start();
                let sign = sign_between(part.get_input(), behind, until);
                if sign == '=' { named = Some(name(source, part)) } else { label = Some(name(source, part)) }
            }
            Argument { name: named, label, value: flow(source, next(&mut parts)), span: place }
        })
        .collect()
}

/// The sign between two bytes, past white space and comments.
fn sign_between(text: &str, mut at: usize, until: usize) -> char {
    while at < until {
        let rest = &text[at..until];
        if rest.starts_with("//") {
            at += rest.find('\n').unwrap_or(rest.len());
        } else if rest.starts_with([' ', '\t', '\r', '\n']) {
            at += 1;
        } else {
            return rest.chars().next().unwrap_or(' ');
        }
    }
    ' '
}

// ---- expressions

/// An `expr` or `product`.
fn expression(source: u32, pair: Pair<'_>) -> Expression {
    let mut operands = Operands { source, parts: pair.into_inner(), operator: "", level: NONE };
    operands.at_level(ANY)
}

/// How tightly an operator binds, from the loosest.
type Level = u8;
const ANY: Level = 0;
const ALL: Level = 1;
const COMPARE: Level = 2;
const SUM: Level = 3;
const PRODUCT: Level = 4;
const POWER: Level = 5;
const OUTSIDE: Level = 6;
/// Behind the last operand.
const NONE: Level = 7;

fn level(operator: &str) -> Level {
    match operator {
        "||" => ANY,
        "&&" => ALL,
        "+" | "-" => SUM,
        "*" | "/" | "%" => PRODUCT,
        "^" => POWER,
        "or" => OUTSIDE,
        _ => COMPARE,
    }
}

/// Signs, operands and operators as they were written, from which each level takes its part.
struct Operands<'t> {
    source: u32,
    parts: Pairs<'t, Rule>,
    /// What stands behind the last operand.
    operator: &'t str,
    level: Level,
}

impl Operands<'_> {
    /// All that binds at least as tightly as `level`, which is looser than a sign.
    fn at_level(&mut self, level: Level) -> Expression {
        if level > PRODUCT {
            return self.signed(Self::power);
        }
        let first = self.at_level(level + 1);
        if self.level != level {
            return first;
        }
        let mut rest = Vec::new();
        while self.level == level {
            let operator = self.operator;
            rest.push((operator, self.at_level(level + 1)));
        }
        let last = rest.last().map_or(first.span, |(_, last)| last.span);
        let span = first.span.to(last);
        let values =
            |rest: Vec<(&str, Expression)>, first| std::iter::once(first).chain(rest.into_iter().map(|(_, value)| value)).collect();
        let kind = match level {
            ANY => ExpressionKind::Any(values(rest, first)),
            ALL => ExpressionKind::All(values(rest, first)),
            COMPARE => ExpressionKind::Compare(Box::new(first), each(rest, relation)),
            SUM => ExpressionKind::Sum(Box::new(first), each(rest, |sign| if sign == "+" { Sign::Plus } else { Sign::Minus })),
            _ => ExpressionKind::Product(Box::new(first), each(rest, factor)),
        };
        Expression { kind, span }
    }

    /// `- !` before what `operand` reads.
    fn signed(&mut self, operand: impl Fn(&mut Self) -> Expression) -> Expression {
        let mut signs = Vec::new();
        while let Some(part) = next_if(&mut self.parts, Rule::sign) {
            signs.push((part.as_str() == "-", span(self.source, &part)));
        }
        let value = operand(self);
        signs.into_iter().rev().fold(value, |value, (negative, sign)| {
            let span = sign.to(value.span);
            let value = Box::new(value);
            Expression { kind: if negative { ExpressionKind::Negative(value) } else { ExpressionKind::Not(value) }, span }
        })
    }

    /// `a ^ -b ^ c` is `a ^ (-(b ^ c))`.
    fn power(&mut self) -> Expression {
        let base = self.outside();
        if self.level != POWER {
            return base;
        }
        let exponent = self.signed(Self::power);
        let span = base.span.to(exponent.span);
        Expression { kind: ExpressionKind::Power(Box::new(base), Box::new(exponent)), span }
    }

    fn outside(&mut self) -> Expression {
        let mut value = self.operand();
        while self.level == OUTSIDE {
            let otherwise = self.signed(Self::operand);
            let span = value.span.to(otherwise.span);
            value = Expression { kind: ExpressionKind::Or(Box::new(value), Box::new(otherwise)), span };
        }
        value
    }

    /// An atom; then the operator behind it is known.
    fn operand(&mut self) -> Expression {
        let value = atom(self.source, next(&mut next(&mut self.parts).into_inner()));
        self.operator = self.parts.next().map_or("", |part| part.as_str());
        self.level = if self.operator.is_empty() { NONE } else { level(self.operator) };
        value
    }
}

fn each<T>(rest: Vec<(&str, Expression)>, operator: impl Fn(&str) -> T) -> Vec<(T, Expression)> {
    rest.into_iter().map(|(text, value)| (operator(text), value)).collect()
}

fn relation(text: &str) -> Relation {
    match text {
        "==" => Relation::Equal,
        "!=" => Relation::NotEqual,
        "<=" => Relation::LessEqual,
        ">=" => Relation::GreaterEqual,
        "<" => Relation::Less,
        _ => Relation::Greater,
    }
}

fn factor(text: &str) -> Factor {
    match text {
        "*" => Factor::Times,
        "/" => Factor::Divide,
        _ => Factor::Remainder,
    }
}

/// What stands inside `atom`.
fn atom(source: u32, pair: Pair<'_>) -> Expression {
    let place = span(source, &pair);
    let rule = pair.as_rule();
    let written = pair.as_str();
    let mut parts = pair.into_inner();
    let kind = match rule {
        Rule::number => match written {
            "true" => ExpressionKind::Boolean(true),
            "false" => ExpressionKind::Boolean(false),
            _ => ExpressionKind::Number(written.to_owned()),
        },
        Rule::choice => choice(source, parts),
        Rule::reduction => {
            let reducer = reducer(next(&mut parts).as_str());
            let mut binders = Vec::new();
            while let Some(part) = next_if(&mut parts, Rule::binder) {
                binders.push(binder(source, part));
            }
            let condition = next_if(&mut parts, Rule::kw_where).map(|_| Box::new(expression(source, next(&mut parts))));
            ExpressionKind::Reduce { reducer, binders, condition, body: Box::new(expression(source, next(&mut parts))) }
        }
        Rule::total => {
            let reducer = reducer(next(&mut parts).as_str());
            ExpressionKind::Total(reducer, parts.map(|part| flow(source, part)).collect())
        }
        Rule::name => {
            let path = path(source, next(&mut parts));
            match parts.next() {
                None => ExpressionKind::Name(path),
                Some(part) if part.as_rule() == Rule::dims => ExpressionKind::Read(path, dims(source, part)),
                Some(part) => {
                    let first = arguments(source, part);
                    ExpressionKind::Call { path, first, second: parts.next().map(|part| arguments(source, part)) }
                }
            }
        }
        Rule::array => ExpressionKind::Array(parts.map(|part| expression(source, part)).collect()),
        _ => ExpressionKind::Group(parts.map(|part| flow(source, part)).collect()),
    };
    Expression { kind, span: place }
}

/// `if c { a } else if d { b } else { e }`
fn choice(source: u32, mut parts: Pairs<'_, Rule>) -> ExpressionKind {
    let arm = |pair: Pair<'_>| flow(source, next(&mut pair.into_inner()));
    let mut arms = Vec::new();
    loop {
        // Before a condition stands `if`, before the last value only `else`.
        if next_if(&mut parts, Rule::kw_if).is_none() {
            return ExpressionKind::If { arms, otherwise: Box::new(arm(next(&mut parts))) };
        }
        let condition = expression(source, next(&mut parts));
        arms.push((condition, arm(next(&mut parts))));
        let word = next(&mut parts);
        debug_assert!(word.as_rule() == Rule::kw_else, "a choice of values has an `else`");
    }
}

fn reducer(text: &str) -> Reducer {
    match text {
        "sum" => Reducer::Sum,
        "max" => Reducer::Max,
        "min" => Reducer::Min,
        "mean" => Reducer::Mean,
        "prod" => Reducer::Product,
        "lse" => Reducer::LogSumExp,
        _ => Reducer::ArgMax,
    }
}

fn path(source: u32, pair: Pair<'_>) -> Path {
    let place = span(source, &pair);
    Path { segments: names(source, pair.into_inner()), span: place }
}
