//! Expressions to values: names, reads, conditions, choices, reductions. Arithmetic is in `arithmetic.rs`, calls in `calls.rs`.

use super::Elaboration;
use super::define::{Reduced, Root};
use super::ranges::{full_name, show_path};
use super::values::{Bound, Callee, Context, Frame, Outcome, Place, Position, Reported, Tensor, Value};
use crate::equations::{Condition, Index, Reduction, Relation as RealRelation, Scalar};
use nnc_grammar::tree::{Binder, Dim, DimKind, Expression, ExpressionKind, Flow, ItemKind, Path, Reducer, Relation};
use nnc_grammar::{Diagnostic, Span};

/// No more parts of expressions are read in one reading of a model.
const MOST_STEPS: u64 = 1_500_000;

impl<'a> Elaboration<'a> {
    /// The value of an expression.
    pub(super) fn evaluate(
        &mut self,
        frame: &mut Frame<'a>,
        context: &mut Context,
        expression: &'a Expression,
        position: Position,
    ) -> Outcome<Value> {
        self.steps += 1;
        if self.steps > MOST_STEPS {
            return Err(self.too_large(expression.span));
        }
        match &expression.kind {
            ExpressionKind::Number(text) => self.number(text, expression.span, position),
            ExpressionKind::Boolean(value) => Ok(Value::Truth(if *value { Condition::TRUE } else { Condition::FALSE })),
            ExpressionKind::Any(_) | ExpressionKind::All(_) | ExpressionKind::Not(_) | ExpressionKind::Compare(..) => {
                Ok(Value::Truth(self.condition(frame, context, expression)?))
            }
            ExpressionKind::Sum(first, rest) => self.sum(frame, context, first, rest, position),
            ExpressionKind::Product(first, rest) => self.product(frame, context, first, rest, position),
            ExpressionKind::Negative(part) => self.negative(frame, context, part, position),
            ExpressionKind::Power(base, exponent) => self.power(frame, context, base, exponent, position),
            ExpressionKind::Or(access, otherwise) => self.outside(frame, context, access, otherwise, position),
            ExpressionKind::If { arms, otherwise } => self.choose(frame, context, expression.span, arms, otherwise, position),
            ExpressionKind::Reduce { reducer, binders, condition, body } => {
                self.reduce(frame, context, expression.span, *reducer, binders, condition.as_deref(), body, position)
            }
            ExpressionKind::Total(reducer, flows) => self.total(frame, context, expression, *reducer, flows, position),
            ExpressionKind::Name(path) => self.name(frame, context, path),
            ExpressionKind::Read(path, dims) => self.element(frame, context, expression, path, dims, None, position),
            ExpressionKind::Call { path, first, second } => self.call(frame, context, expression, path, first, second.as_deref(), position),
            ExpressionKind::Array(_) => self.array_element(frame, context, expression),
            ExpressionKind::Group(flows) => match &flows[..] {
                [flow] => self.flow_value(frame, context, expression, flow, position),
                _ => {
                    let message = "several values stand where one is needed";
                    let help = "a list of values is the input of a stage: `(a, b) -> concat`";
                    Err(self.report(Diagnostic::error("NN0503", expression.span, message).help(help)))
                }
            },
        }
    }

    /// A flow as a value: its expression, or the element of what its stages make.
    pub(super) fn flow_value(
        &mut self,
        frame: &mut Frame<'a>,
        context: &mut Context,
        owner: &'a Expression,
        flow: &'a Flow,
        position: Position,
    ) -> Outcome<Value> {
        if flow.stages.is_empty() {
            return self.evaluate(frame, context, &flow.value, position);
        }
        self.flow_element(frame, context, owner, flow)
    }

    /// An expression as a real element.
    pub(super) fn real(&mut self, frame: &mut Frame<'a>, context: &mut Context, expression: &'a Expression) -> Outcome<Scalar> {
        let value = self.evaluate(frame, context, expression, Position::Real)?;
        self.to_real(value, expression.span)
    }

    /// A value as a real element.
    pub(super) fn to_real(&mut self, value: Value, span: Span) -> Outcome<Scalar> {
        match value {
            Value::Whole(index) => Ok(self.equations.pool.real(index)),
            Value::Number(number) => Ok(self.equations.pool.constant(number)),
            Value::Real(scalar) | Value::Field(scalar, _) => Ok(scalar),
            Value::Truth(_) => {
                let message = "a condition stands where a number is needed";
                Err(self.report(Diagnostic::error("NN0404", span, message).help("choose a number by it: `if … { 1 } else { 0 }`")))
            }
            Value::Pair(_) => {
                let message = "a pair stands where a number is needed";
                Err(self.report(Diagnostic::error("NN0404", span, message).help("use its parts, by the names in the definition")))
            }
            Value::Pack(_) => {
                let message = "a pack of axes stands where a number is needed";
                Err(self.report(Diagnostic::error("NN0404", span, message)))
            }
            Value::Tensor(_) | Value::Broken => Err(Reported),
        }
    }

    /// An expression as an integer.
    pub(super) fn integer(&mut self, frame: &mut Frame<'a>, context: &mut Context, expression: &'a Expression) -> Outcome<Index> {
        let value = self.evaluate(frame, context, expression, Position::Integer)?;
        self.to_integer(value, expression.span)
    }

    /// A value as an integer.
    pub(super) fn to_integer(&mut self, value: Value, span: Span) -> Outcome<Index> {
        match value {
            Value::Whole(index) => {
                self.check_integer(index, span)?;
                Ok(index)
            }
            Value::Number(number) if number.fract() == 0.0 && number.abs() <= 2f64.powi(31) => {
                Ok(self.equations.pool.integer(number as i64))
            }
            Value::Number(number) if number.fract() == 0.0 => {
                let message = format!("{number} is beyond 2^31");
                Err(self.report(Diagnostic::error("NN0205", span, message).label("the largest integer is 2147483648")))
            }
            Value::Number(number) => {
                let message = format!("{number} is not a whole number");
                Err(self.report(Diagnostic::error("NN0201", span, message).label("an integer is needed here")))
            }
            Value::Field(_, number) => self.to_integer(*number, span),
            Value::Real(_) => {
                let message = "a real value stands where an integer is needed";
                let help = "an index is made of indices, sizes, whole numbers and elements of index tensors";
                Err(self.report(Diagnostic::error("NN0405", span, message).help(help)))
            }
            other => self.to_real(other, span).map(|_| self.equations.pool.integer(0)),
        }
    }

    /// A number as it is written.
    fn number(&mut self, text: &str, span: Span, position: Position) -> Outcome<Value> {
        let digits: String = text.chars().filter(|&c| c != '_').collect();
        if digits.bytes().all(|b| b.is_ascii_digit()) {
            return match digits.parse::<i64>() {
                Ok(value) if value <= 1 << 31 => Ok(Value::Whole(self.equations.pool.integer(value))),
                _ if position == Position::Integer => {
                    let message = format!("{} is beyond 2^31", cut(text));
                    Err(self.report(Diagnostic::error("NN0205", span, message).label("the largest integer is 2147483648")))
                }
                _ => Ok(Value::Number(digits.parse().unwrap_or(f64::INFINITY))),
            };
        }
        let value: f64 = digits.parse().unwrap_or(f64::INFINITY);
        if value.is_infinite() {
            let message = format!("{} is too large for a number", cut(text));
            return Err(self.report(Diagnostic::error("NN0205", span, message).help("infinity is written `inf`")));
        }
        Ok(Value::Number(value))
    }

    /// A truth value.
    pub(super) fn condition(&mut self, frame: &mut Frame<'a>, context: &mut Context, expression: &'a Expression) -> Outcome<Condition> {
        match &expression.kind {
            ExpressionKind::All(parts) => {
                let known = context.facts.len();
                let mut conditions = Vec::new();
                let mut outcome = Ok(());
                for part in parts {
                    match self.condition(frame, context, part) {
                        Ok(Condition::FALSE) if outcome.is_ok() => {
                            context.facts.truncate(known);
                            return Ok(Condition::FALSE);
                        }
                        Ok(condition) => {
                            context.facts.push(condition);
                            conditions.push(condition);
                        }
                        Err(reported) => outcome = Err(reported),
                    }
                }
                context.facts.truncate(known);
                outcome?;
                Ok(self.equations.pool.all(&conditions))
            }
            ExpressionKind::Any(parts) => {
                let known = context.facts.len();
                let mut conditions = Vec::new();
                for part in parts {
                    let condition = self.condition(frame, context, part);
                    let condition = match condition {
                        Ok(condition) => condition,
                        Err(reported) => {
                            context.facts.truncate(known);
                            return Err(reported);
                        }
                    };
                    if condition == Condition::TRUE {
                        context.facts.truncate(known);
                        return Ok(Condition::TRUE);
                    }
                    let opposite = self.equations.pool.not(condition);
                    context.facts.push(opposite);
                    conditions.push(condition);
                }
                context.facts.truncate(known);
                Ok(self.equations.pool.any(&conditions))
            }
            ExpressionKind::Not(part) => {
                let condition = self.condition(frame, context, part)?;
                Ok(self.equations.pool.not(condition))
            }
            ExpressionKind::Compare(first, rest) => self.comparison(frame, context, first, rest),
            ExpressionKind::Group(flows) if flows.len() == 1 && flows[0].stages.is_empty() => {
                self.condition(frame, context, &flows[0].value)
            }
            _ => match self.evaluate(frame, context, expression, Position::Real)? {
                Value::Truth(condition) => Ok(condition),
                Value::Field(_, value) if matches!(*value, Value::Truth(_)) => match *value {
                    Value::Truth(condition) => Ok(condition),
                    _ => Err(Reported),
                },
                Value::Broken => Err(Reported),
                _ => {
                    let message = "a number stands where a condition is needed";
                    Err(self.report(Diagnostic::error("NN0404", expression.span, message).help("compare it: `… > 0`")))
                }
            },
        }
    }

    fn comparison(
        &mut self,
        frame: &mut Frame<'a>,
        context: &mut Context,
        first: &'a Expression,
        rest: &'a [(Relation, Expression)],
    ) -> Outcome<Condition> {
        let mut conditions = Vec::new();
        let mut left = first;
        for (relation, right) in rest {
            let condition = if self.is_integral(frame, context, left) && self.is_integral(frame, context, right) {
                let a = self.integer(frame, context, left)?;
                let b = self.integer(frame, context, right)?;
                let pool = &mut self.equations.pool;
                match relation {
                    Relation::Equal => pool.equal(a, b),
                    Relation::NotEqual => {
                        let equal = pool.equal(a, b);
                        pool.not(equal)
                    }
                    Relation::LessEqual => pool.at_most(a, b),
                    Relation::GreaterEqual => pool.at_most(b, a),
                    Relation::Less => pool.less(a, b),
                    Relation::Greater => pool.less(b, a),
                }
            } else {
                let a = self.evaluate(frame, context, left, Position::Real)?;
                let b = self.evaluate(frame, context, right, Position::Real)?;
                if let (Value::Truth(_), _) | (_, Value::Truth(_)) = (&a, &b) {
                    let message = "conditions cannot be compared";
                    return Err(
                        self.report(Diagnostic::error("NN0404", left.span.to(right.span), message).help("join them with `&&` or `||`"))
                    );
                }
                let (a, b) = (self.to_real(a, left.span)?, self.to_real(b, right.span)?);
                let pool = &mut self.equations.pool;
                match relation {
                    Relation::Equal => pool.compare(RealRelation::Equal, a, b),
                    Relation::NotEqual => {
                        let equal = pool.compare(RealRelation::Equal, a, b);
                        pool.not(equal)
                    }
                    Relation::LessEqual => pool.compare(RealRelation::LessEqual, a, b),
                    Relation::GreaterEqual => pool.compare(RealRelation::LessEqual, b, a),
                    Relation::Less => pool.compare(RealRelation::Less, a, b),
                    Relation::Greater => pool.compare(RealRelation::Less, b, a),
                }
            };
            conditions.push(condition);
            left = right;
        }
        Ok(self.equations.pool.all(&conditions))
    }

    /// Whether an expression is built from indices, sizes, whole numbers and index tensors only.
    pub(super) fn is_integral(&mut self, frame: &Frame<'a>, context: &Context, expression: &'a Expression) -> bool {
        match &expression.kind {
            ExpressionKind::Number(text) => text.bytes().all(|b| b.is_ascii_digit() || b == b'_'),
            ExpressionKind::Sum(first, rest) => {
                self.is_integral(frame, context, first) && rest.iter().all(|(_, part)| self.is_integral(frame, context, part))
            }
            ExpressionKind::Product(first, rest) => {
                self.is_integral(frame, context, first) && rest.iter().all(|(_, part)| self.is_integral(frame, context, part))
            }
            ExpressionKind::Negative(part) => self.is_integral(frame, context, part),
            ExpressionKind::Power(a, b) => self.is_integral(frame, context, a) && self.is_integral(frame, context, b),
            ExpressionKind::Group(flows) => {
                flows.len() == 1 && flows[0].stages.is_empty() && self.is_integral(frame, context, &flows[0].value)
            }
            ExpressionKind::Or(a, b) => self.is_integral(frame, context, a) && self.is_integral(frame, context, b),
            ExpressionKind::If { arms, otherwise } => {
                arms.iter().all(|(_, flow)| flow.stages.is_empty() && self.is_integral(frame, context, &flow.value))
                    && otherwise.stages.is_empty()
                    && self.is_integral(frame, context, &otherwise.value)
            }
            ExpressionKind::Total(_, flows) if flows.len() > 1 => {
                flows.iter().all(|flow| flow.stages.is_empty() && self.is_integral(frame, context, &flow.value))
            }
            ExpressionKind::Reduce { reducer, .. } => *reducer == Reducer::ArgMax,
            ExpressionKind::Read(path, _) => self.find_tensor(frame, 0, path).is_some_and(|tensor| tensor.integer.is_some()),
            ExpressionKind::Name(path) => {
                let text = &path.segments[0].text;
                if path.segments.len() == 1 && context.indices.contains_key(text) {
                    return true;
                }
                match frame.values.get(text) {
                    Some(Value::Whole(_)) => true,
                    Some(Value::Number(number)) => number.fract() == 0.0,
                    Some(Value::Tensor(tensor)) => tensor.integer.is_some(),
                    Some(_) => false,
                    None => {
                        matches!(self.constant_item(frame, text), Some(ItemKind::Constant { .. }) | None if text != "inf" && text != "pi")
                    }
                }
            }
            _ => false,
        }
    }

    /// `if c { a } else { b }`, lazy in both.
    fn choose(
        &mut self,
        frame: &mut Frame<'a>,
        context: &mut Context,
        span: Span,
        arms: &'a [(Expression, Flow)],
        otherwise: &'a Flow,
        position: Position,
    ) -> Outcome<Value> {
        let known = context.facts.len();
        let result = self.choose_within(frame, context, span, arms, otherwise, position);
        context.facts.truncate(known);
        result
    }

    fn choose_within(
        &mut self,
        frame: &mut Frame<'a>,
        context: &mut Context,
        span: Span,
        arms: &'a [(Expression, Flow)],
        otherwise: &'a Flow,
        position: Position,
    ) -> Outcome<Value> {
        let mut taken: Vec<(Condition, Value, Span)> = Vec::new();
        let mut last = None;
        for (test, flow) in arms {
            let condition = self.condition(frame, context, test)?;
            if condition == Condition::FALSE {
                continue;
            }
            let known = context.facts.len();
            context.facts.push(condition);
            let value = self.flow_value(frame, context, &flow.value, flow, position);
            context.facts.truncate(known);
            let value = value?;
            if condition == Condition::TRUE {
                last = Some((value, flow.span));
                break;
            }
            taken.push((condition, value, flow.span));
            let opposite = self.equations.pool.not(condition);
            context.facts.push(opposite);
        }
        let (last, last_span) = match last {
            Some(last) => last,
            None => (self.flow_value(frame, context, &otherwise.value, otherwise, position)?, otherwise.span),
        };
        if taken.is_empty() {
            return Ok(last);
        }
        if position == Position::Integer {
            return self.choose_integer(frame, context, span, taken, (last, last_span));
        }
        if matches!(last, Value::Truth(_)) {
            // if c { a } else { b } of conditions: (c && a) || (!c && b)
            let Value::Truth(mut result) = last else { return Err(Reported) };
            for (condition, value, span) in taken.into_iter().rev() {
                let Value::Truth(value) = value else { return self.to_real(Value::Truth(condition), span).map(Value::Real) };
                let pool = &mut self.equations.pool;
                let opposite = pool.not(condition);
                let (yes, no) = (pool.all(&[condition, value]), pool.all(&[opposite, result]));
                result = pool.any(&[yes, no]);
            }
            return Ok(Value::Truth(result));
        }
        let mut result = self.to_real(last, last_span)?;
        for (condition, value, span) in taken.into_iter().rev() {
            let value = self.to_real(value, span)?;
            result = self.equations.pool.select(condition, value, result);
        }
        Ok(Value::Real(result))
    }

    /// A choice between integers becomes an integer tensor of its own.
    fn choose_integer(
        &mut self,
        frame: &mut Frame<'a>,
        context: &mut Context,
        span: Span,
        taken: Vec<(Condition, Value, Span)>,
        last: (Value, Span),
    ) -> Outcome<Value> {
        let last = self.to_integer(last.0, last.1)?;
        let mut all = vec![last];
        let mut result = self.equations.pool.real(last);
        for (condition, value, span) in taken.into_iter().rev() {
            let value = self.to_integer(value, span)?;
            all.push(value);
            let value = self.equations.pool.real(value);
            result = self.equations.pool.select(condition, value, result);
        }
        let Some(range) = self.range_of_all(&all) else {
            let message = "the ranges of these integers cannot be compared";
            return Err(
                self.report(Diagnostic::error("NN0301", span, message).help("define it as an equation of its own: `k: index(n) = if …`"))
            );
        };
        let index = self.lift_integer(frame, context, "choice", Root::Value(result), range)?;
        Ok(Value::Whole(index))
    }

    /// The least range that holds all of these integers, if sizes can be compared.
    pub(super) fn range_of_all(&mut self, indices: &[Index]) -> Option<(Index, Index)> {
        let mut low: Option<Index> = None;
        let mut high: Option<Index> = None;
        for &index in indices {
            let least = self.equations.pool.extreme(index, false)?;
            let most = self.equations.pool.extreme(index, true)?;
            let end = self.equations.pool.offset(most, 1);
            low = Some(match low {
                None => least,
                Some(low) => self.smaller(low, least)?,
            });
            high = Some(match high {
                None => end,
                Some(high) => {
                    let smaller = self.smaller(high, end)?;
                    if smaller == high { end } else { high }
                }
            });
        }
        Some((low?, high?))
    }

    fn smaller(&mut self, a: Index, b: Index) -> Option<Index> {
        let difference = self.equations.pool.minus(b, a);
        if self.equations.pool.never_negative(difference) {
            return Some(a);
        }
        let opposite = self.equations.pool.scaled(difference, -1);
        self.equations.pool.never_negative(opposite).then_some(b)
    }

    /// A bare name.
    fn name(&mut self, frame: &mut Frame<'a>, context: &mut Context, path: &'a Path) -> Outcome<Value> {
        let text = path.segments[0].text.as_str();
        if path.segments.len() > 1 {
            let tensor = self.tensor(frame, 0, path)?;
            return self.bare(frame, context, &tensor, path);
        }
        match context.indices.get(text) {
            Some(Bound::Axis(axis)) => {
                let size = context.axes[*axis as usize];
                return Ok(Value::Whole(self.equations.pool.axis(*axis, size)));
            }
            Some(Bound::Pack(_)) => {
                let message = format!("`..{text}` is a pack of indices, not one index");
                return Err(self.report(Diagnostic::error("NN0306", path.span, message)));
            }
            None => {}
        }
        if let Some(value) = frame.values.get(text).cloned() {
            return match value {
                Value::Tensor(tensor) => self.bare(frame, context, &tensor, path),
                Value::Broken => Err(Reported),
                value => Ok(value),
            };
        }
        if let Some(value) = self.fixed_or_constant(frame, text, path.span)? {
            return Ok(value);
        }
        let names: Vec<String> = context.indices.keys().map(|name| name.trim_start_matches("..").to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let diagnostic = self.unknown_value(frame, text, path.span, &names);
        Err(self.report(diagnostic))
    }

    /// Words with a meaning of their own, `const` items, and constants of Rust.
    fn fixed_or_constant(&mut self, frame: &Frame<'a>, text: &'a str, span: Span) -> Outcome<Option<Value>> {
        match text {
            "inf" => return Ok(Some(Value::Number(f64::INFINITY))),
            "pi" => return Ok(Some(Value::Number(std::f64::consts::PI))),
            "train" => return Ok(Some(Value::Truth(if frame.train { Condition::TRUE } else { Condition::FALSE }))),
            "batch" => {
                let message = "`batch` is seen only by a definition whose port shows it";
                return Err(self.report(Diagnostic::error("NN0704", span, message).label("the extent of the batch is hidden here")));
            }
            "step" => {
                let message = "`step` has a meaning only in an optimizer and in its hyper-parameters";
                return Err(self.report(Diagnostic::error("NN0607", span, message)));
            }
            "all" => {
                let message = "`all` is the index of `sum(all)` in an optimizer";
                return Err(self.report(Diagnostic::error("NN0607", span, message)));
            }
            _ => {}
        }
        if let Some(callee) = self.callee(frame.module, text)
            && let ItemKind::Constant { value, .. } = &callee.item.kind
        {
            return Ok(Some(self.constant(callee, text, value.as_ref())?));
        }
        if self.settings.rust_constants && self.callee(frame.module, text).is_none() && !self.modules[frame.module].library {
            return Ok(Some(Value::Whole(self.rust_constant(text))));
        }
        Ok(None)
    }

    /// What item a constant's name leads to.
    fn constant_item(&self, frame: &Frame<'a>, text: &str) -> Option<&'a ItemKind> {
        self.callee(frame.module, text).map(|callee| &callee.item.kind)
    }

    fn constant(&mut self, callee: Callee<'a>, name: &'a str, value: Option<&'a Expression>) -> Outcome<Value> {
        let Some(expression) = value else { return Ok(Value::Whole(self.rust_constant(name))) };
        let key = (callee.module, name);
        match self.constants_done.get(&key) {
            Some(Some(value)) => return Ok(value.clone()),
            Some(None) => {
                let message = format!("constant `{name}` needs its own value");
                return Err(self.report(Diagnostic::error("NN0110", expression.span, message)));
            }
            None => {}
        }
        self.constants_done.insert(key, None);
        let mut frame = Frame::new(callee.module, name, Place::Function, false);
        frame.statement = expression.span;
        let mut context = Context::new(&frame, name.to_string());
        let result = self.evaluate(&mut frame, &mut context, expression, Position::Real);
        let result = match result {
            Ok(value @ (Value::Whole(_) | Value::Number(_) | Value::Truth(_))) => Ok(value),
            Ok(_) => {
                let message = format!("the value of constant `{name}` is not known here");
                Err(self.report(Diagnostic::error("NN0201", expression.span, message)))
            }
            Err(reported) => Err(reported),
        };
        self.constants_done.insert(key, Some(result.clone().unwrap_or(Value::Broken)));
        match result? {
            Value::Broken => Err(Reported),
            value => Ok(value),
        }
    }

    /// The tensor of a name or path.
    pub(super) fn tensor(&mut self, frame: &Frame<'a>, scope: usize, path: &Path) -> Outcome<Tensor> {
        if let Some(tensor) = self.find_tensor(frame, scope, path) {
            return Ok(tensor);
        }
        let text = show_path(path);
        if path.segments.len() > 1 {
            let full = full_name(&frame.scopes[scope].path, &text);
            if self.broken_stages.iter().any(|stage| full.starts_with(stage.as_str())) {
                return Err(Reported);
            }
            let prefix = if frame.path().is_empty() { String::new() } else { format!("{}.", frame.path()) };
            let known: Vec<String> = self.by_name.keys().filter_map(|name| name.strip_prefix(&prefix).map(str::to_string)).collect();
            let mut diagnostic = Diagnostic::error("NN0101", path.span, format!("no parameter is called `{text}`"));
            if let Some(near) = super::names::nearest(&text, known.iter().map(String::as_str)) {
                diagnostic = diagnostic.replace(format!("did you mean `{near}`?"), path.span, near);
            } else if !known.is_empty() {
                let shown: Vec<&str> = known.iter().take(8).map(String::as_str).collect();
                diagnostic = diagnostic.note(format!("There are {}.", shown.join(", ")));
            }
            return Err(self.report(diagnostic));
        }
        match frame.values.get(&path.segments[0].text) {
            Some(Value::Broken) => Err(Reported),
            Some(_) => {
                let message = format!("`{text}` is not a tensor");
                let mut diagnostic = Diagnostic::error("NN0307", path.span, message).label("a number has no elements");
                if let Some(&place) = frame.places.get(&text) {
                    diagnostic = diagnostic.also(place, "defined here");
                }
                Err(self.report(diagnostic))
            }
            None => {
                let diagnostic = self.unknown_value(frame, &text, path.span, &[]);
                Err(self.report(diagnostic))
            }
        }
    }

    /// A tensor without indices: a scalar, or an element of a whole-tensor equation.
    fn bare(&mut self, frame: &Frame<'a>, context: &mut Context, tensor: &Tensor, path: &Path) -> Outcome<Value> {
        if tensor.axes.is_empty() {
            return self.read(context, tensor, Vec::new(), path.span);
        }
        if let Some(whole) = context.whole.clone() {
            return self.whole_element(frame, context, tensor, &whole, path.span);
        }
        let text = show_path(path);
        let axes: Vec<String> =
            (0..tensor.axes.len()).map(|k| ["i", "j", "k", "l"].get(k).map_or(format!("i{k}"), ToString::to_string)).collect();
        let message = format!("`{text}` stands without its indices");
        let shape = self.show_shape(&tensor.axes);
        Err(self.report(
            Diagnostic::error("NN0308", path.span, message)
                .label(format!("a tensor of shape {shape}"))
                .note("In a reduction or an equation with indices every tensor stands with its indices.")
                .help(format!("write `{text}[{}]`", axes.join(", "))),
        ))
    }

    /// An element of a tensor at the axes of a whole-tensor equation.
    pub(super) fn whole_element(
        &mut self,
        _frame: &Frame<'a>,
        context: &mut Context,
        tensor: &Tensor,
        whole: &[u32],
        span: Span,
    ) -> Outcome<Value> {
        if tensor.axes.is_empty() {
            return self.read(context, tensor, Vec::new(), span);
        }
        if tensor.axes.len() != whole.len() {
            return Err(Reported);
        }
        let at = whole.iter().map(|&axis| self.equations.pool.axis(axis, context.axes[axis as usize])).collect();
        self.read(context, tensor, at, span)
    }

    /// An element of a tensor, its own indices given.
    pub(super) fn read(&mut self, context: &mut Context, tensor: &Tensor, own: Vec<Index>, span: Span) -> Outcome<Value> {
        if context.draws.is_some() {
            let message = "an initial value cannot depend on a tensor";
            return Err(self
                .report(Diagnostic::error("NN0605", span, message).help("initial values are made of sizes, numbers, indices and draws")));
        }
        if let Some(all) = context.all {
            return self.read_all(context, tensor, all, span);
        }
        let mut at: Vec<Index> = Vec::new();
        for axis in 0..context.front.min(64) as u32 {
            if tensor.front >> axis & 1 == 1 {
                at.push(self.equations.pool.axis(axis, context.axes[axis as usize]));
            }
        }
        context.used |= tensor.front;
        for &axis in context.free.get(&tensor.name).map_or(&[][..], Vec::as_slice) {
            at.push(self.equations.pool.axis(axis, context.axes[axis as usize]));
        }
        at.extend(own);
        Ok(match tensor.integer {
            Some((low, high)) => Value::Whole(self.equations.pool.read_integer(tensor.name, at, low, high)),
            None => Value::Real(self.equations.pool.read(tensor.name, at)),
        })
    }

    /// `x[i, j + 1]`, or `x[i - 1] or 0` where `otherwise` is given.
    #[allow(clippy::too_many_arguments)]
    fn element(
        &mut self,
        frame: &mut Frame<'a>,
        context: &mut Context,
        access: &'a Expression,
        path: &'a Path,
        dims: &'a [Dim],
        otherwise: Option<&'a Expression>,
        position: Position,
    ) -> Outcome<Value> {
        let tensor = self.tensor(frame, 0, path)?;
        let own = self.own_indices(frame, context, access, path, &tensor, dims)?;
        let Some(otherwise) = otherwise else {
            let text = self.text(access.span).to_string();
            for (axis, (&(index, span), &size)) in own.iter().zip(&tensor.axes).enumerate() {
                self.in_range(context, &show_path(path), axis, index, size, span, (access.span, &text))?;
            }
            return self.read(context, &tensor, own.into_iter().map(|(index, _)| index).collect(), access.span);
        };
        let mut guards = Vec::new();
        for (&(index, _), &size) in own.iter().zip(&tensor.axes) {
            let last = self.equations.pool.offset(size, -1);
            let above = self.equations.pool.minus(last, index);
            for side in [index, above] {
                if !self.proved(side, &context.facts) {
                    guards.push(self.equations.pool.non_negative(side));
                }
            }
        }
        let guard = self.equations.pool.all(&guards);
        let default = self.evaluate(frame, context, otherwise, position)?;
        if guard == Condition::FALSE {
            return Ok(default);
        }
        let inside = self.read(context, &tensor, own.into_iter().map(|(index, _)| index).collect(), access.span)?;
        if guard == Condition::TRUE {
            return Ok(inside);
        }
        if position == Position::Integer || matches!((&inside, &default), (Value::Whole(_), Value::Whole(_))) {
            return self.choose_integer(frame, context, access.span, vec![(guard, inside, access.span)], (default, otherwise.span));
        }
        let (inside, default) = (self.to_real(inside, access.span)?, self.to_real(default, otherwise.span)?);
        Ok(Value::Real(self.equations.pool.select(guard, inside, default)))
    }

    /// The indices of an access, each with its place.
    fn own_indices(
        &mut self,
        frame: &mut Frame<'a>,
        context: &mut Context,
        access: &'a Expression,
        path: &'a Path,
        tensor: &Tensor,
        dims: &'a [Dim],
    ) -> Outcome<Vec<(Index, Span)>> {
        let mut own = Vec::new();
        let mut outcome = Ok(());
        for dim in dims {
            match &dim.kind {
                DimKind::Pack(name) => match context.indices.get(&format!("..{}", name.text)) {
                    Some(Bound::Pack(axes)) => {
                        for &axis in axes {
                            own.push((self.equations.pool.axis(axis, context.axes[axis as usize]), dim.span));
                        }
                    }
                    _ => {
                        let message = format!("the pack of indices `..{}` is not bound", name.text);
                        let help = "bind it on the left or in a reduction: `sum(..s)`";
                        return Err(self.report(Diagnostic::error("NN0306", dim.span, message).help(help)));
                    }
                },
                DimKind::Named(name, _) => {
                    let message = format!("an axis cannot be named `{}` in a read", name.text);
                    let help = "ranges are written where an index is bound";
                    return Err(self.report(Diagnostic::error("NN0306", dim.span, message).help(help)));
                }
                DimKind::Expression(index) => match self.integer(frame, context, index) {
                    Ok(value) => own.push((value, dim.span)),
                    Err(reported) => outcome = Err(reported),
                },
            }
        }
        outcome?;
        if own.len() != tensor.axes.len() {
            let shape = self.show_shape(&tensor.axes);
            let axes = if tensor.axes.len() == 1 { "1 axis".to_string() } else { format!("{} axes", tensor.axes.len()) };
            let indices = if own.len() == 1 { "1 index".to_string() } else { format!("{} indices", own.len()) };
            let name = show_path(path);
            let message = format!("`{name}` has {axes} but is read with {indices}");
            let mut diagnostic = Diagnostic::error("NN0309", access.span, message).label(format!("its shape is {shape}"));
            if let Some(&place) = frame.places.get(&name) {
                diagnostic = diagnostic.also(place, "defined here");
            }
            return Err(self.report(diagnostic));
        }
        Ok(own)
    }

    fn outside(
        &mut self,
        frame: &mut Frame<'a>,
        context: &mut Context,
        access: &'a Expression,
        otherwise: &'a Expression,
        position: Position,
    ) -> Outcome<Value> {
        let mut inner = access;
        while let ExpressionKind::Group(flows) = &inner.kind
            && let [flow] = &flows[..]
            && flow.stages.is_empty()
        {
            inner = &flow.value;
        }
        match &inner.kind {
            ExpressionKind::Read(path, dims) => self.element(frame, context, inner, path, dims, Some(otherwise), position),
            _ => {
                let message = "`or` stands behind something that is not an access";
                let help = "`or` gives the value outside of a tensor: `x[i - 1] or 0`; conditions are joined by `||`";
                Err(self.report(Diagnostic::error("NN0310", access.span, message).label("this is no `x[…]`").help(help)))
            }
        }
    }

    /// The parts of a reduction: axes, condition, body as a real element.
    pub(super) fn reduction_parts(
        &mut self,
        frame: &mut Frame<'a>,
        context: &mut Context,
        binders: &'a [Binder],
        condition: Option<&'a Expression>,
        body: &'a Expression,
    ) -> Outcome<(Vec<u32>, Condition, Scalar)> {
        let scope: Vec<&Expression> = condition.into_iter().chain([body]).collect();
        let outer = context.indices.clone();
        let known = context.facts.len();
        let whole = context.whole.take();
        let result = (|| {
            let mut axes = Vec::new();
            for binder in binders {
                axes.extend(self.bind(frame, context, binder, &scope)?);
            }
            let condition = match condition {
                None => Condition::TRUE,
                Some(condition) => self.condition(frame, context, condition)?,
            };
            context.facts.push(condition);
            let body = self.real(frame, context, body)?;
            Ok((axes, condition, body))
        })();
        context.indices = outer;
        context.facts.truncate(known);
        context.whole = whole;
        result
    }

    #[allow(clippy::too_many_arguments)]
    fn reduce(
        &mut self,
        frame: &mut Frame<'a>,
        context: &mut Context,
        span: Span,
        reducer: Reducer,
        binders: &'a [Binder],
        condition: Option<&'a Expression>,
        body: &'a Expression,
        position: Position,
    ) -> Outcome<Value> {
        if let [binder] = binders
            && binder.name.text == "all"
            && !binder.pack
        {
            return self.over_all(frame, context, span, reducer, condition, body);
        }
        let (axes, condition, body) = self.reduction_parts(frame, context, binders, condition, body)?;
        self.reduced(frame, context, span, reducer, axes, condition, body, position)
    }

    /// The element of a reduction inside of an expression.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn reduced(
        &mut self,
        frame: &mut Frame<'a>,
        context: &mut Context,
        span: Span,
        reducer: Reducer,
        axes: Vec<u32>,
        condition: Condition,
        body: Scalar,
        position: Position,
    ) -> Outcome<Value> {
        let simple = |reduction| Reduced { reduction, axes: axes.clone(), condition, body };
        let value = match reducer {
            Reducer::Sum => self.lift(frame, context, "sum", simple(Reduction::Sum))?,
            Reducer::Product => self.lift(frame, context, "prod", simple(Reduction::Product))?,
            Reducer::Max => self.lift(frame, context, "max", simple(Reduction::Max))?,
            Reducer::LogSumExp => self.lift(frame, context, "lse", simple(Reduction::LogSumExp))?,
            Reducer::Min => {
                let body = self.equations.pool.negative(body);
                let max = self.lift(frame, context, "min", Reduced { reduction: Reduction::Max, axes, condition, body })?;
                self.equations.pool.negative(max)
            }
            Reducer::Mean => {
                let sum = self.lift(frame, context, "sum", simple(Reduction::Sum))?;
                let count = self.count(frame, context, axes, condition)?;
                self.equations.pool.quotient(sum, count)
            }
            Reducer::ArgMax => {
                let range = self.argmax_range(context, span, &axes, condition)?;
                let root = Root::Reduced(simple(Reduction::ArgMax));
                let index = self.lift_integer(frame, context, "argmax", root, range)?;
                return Ok(Value::Whole(index));
            }
        };
        if position == Position::Integer {
            return self.to_integer(Value::Real(value), span).map(Value::Whole);
        }
        Ok(Value::Real(value))
    }

    /// How many elements of the reduced axes count, at least 1.
    fn count(&mut self, frame: &Frame<'a>, context: &mut Context, axes: Vec<u32>, condition: Condition) -> Outcome<Scalar> {
        let one = self.equations.pool.constant(1.0);
        if condition != Condition::TRUE {
            let counted = Reduced { reduction: Reduction::Sum, axes, condition, body: one };
            let count = self.lift(frame, context, "count", counted)?;
            return Ok(self.equations.pool.max(count, one));
        }
        let sizes: Vec<Index> = axes.iter().map(|&axis| context.axes[axis as usize]).collect();
        let count = self.equations.pool.count(&sizes);
        let less_one = self.equations.pool.offset(count, -1);
        let never_empty = self.equations.pool.never_negative(less_one);
        let count = self.equations.pool.real(count);
        Ok(if never_empty { count } else { self.equations.pool.max(count, one) })
    }

    /// The range of an `argmax`.
    pub(super) fn argmax_range(&mut self, context: &Context, span: Span, axes: &[u32], condition: Condition) -> Outcome<(Index, Index)> {
        let sizes: Vec<Index> = axes.iter().map(|&axis| context.axes[axis as usize]).collect();
        let count = self.equations.pool.count(&sizes);
        let less_one = self.equations.pool.offset(count, -1);
        if condition != Condition::TRUE || !self.equations.pool.never_negative(less_one) {
            let message = "`argmax` may be over no element";
            let help = "leave the condition out, and choose the value instead: `argmax(i) (if c { x[i] } else { -inf })`";
            return Err(self.report(Diagnostic::error("NN0311", span, message).help(help)));
        }
        Ok((self.equations.pool.integer(0), count))
    }

    /// The repair of an expansion without end.
    pub(super) fn too_large(&mut self, span: Span) -> Reported {
        let message = "the model grows too large while it is expanded";
        self.report(
            Diagnostic::error("NN0510", span, message).note("More than 1.5 million expressions or 25 000 stages would have to be read."),
        )
    }
}

/// A text that fits into a message.
pub(super) fn cut(text: &str) -> String {
    if text.len() <= 40 { text.to_string() } else { format!("{}…", text.chars().take(40).collect::<String>()) }
}
