//! Expressions to values: names, reads, conditions, choices, reductions. Arithmetic is in `arithmetic.rs`, calls in `calls.rs`.

use super::Elaboration;
use super::ranges::{full_name, show_path};
use super::values::{Bound, Callee, Context, Frame, Outcome, Place, Position, Reported, Tensor, Value};
use crate::equations::{Condition, Index, Scalar};
use nnc_grammar::tree::{Dim, DimKind, Expression, ExpressionKind, Flow, ItemKind, Path};
use nnc_grammar::{Diagnostic, Span};

/// No more parts of expressions are read in one reading of a model.
pub(super) const MOST_STEPS: u64 = 1_500_000;

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
        self.real_of(value, expression.span)
    }

    /// A value as a real element.
    pub(super) fn real_of(&mut self, value: Value, span: Span) -> Outcome<Scalar> {
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
        self.integer_of(value, expression.span)
    }

    /// A value as an integer.
    pub(super) fn integer_of(&mut self, value: Value, span: Span) -> Outcome<Index> {
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
            Value::Field(_, number) => self.integer_of(*number, span),
            Value::Real(_) => {
                let message = "a real value stands where an integer is needed";
                let help = "an index is made of indices, sizes, whole numbers and elements of index tensors";
                Err(self.report(Diagnostic::error("NN0405", span, message).help(help)))
            }
            other => self.real_of(other, span).map(|_| self.equations.pool.integer(0)),
        }
    }

    /// A number as it is written.
    pub(super) fn number(&mut self, text: &str, span: Span, position: Position) -> Outcome<Value> {
        let digits: String = text.chars().filter(|&c| c != '_').collect();
        if digits.bytes().all(|b| b.is_ascii_digit()) {
            return match digits.parse::<i64>() {
                Ok(value) if value <= 1 << 31 => Ok(Value::Whole(self.equations.pool.integer(value))),
                _ if position == Position::Integer => {
                    let message = format!("{} is beyond 2^31", cut(text));
                    Err(self.report(Diagnostic::error("NN0205", span, message).label("the largest integer is 2147483648")))
                }
                _ => self.finite(text, &digits, span),
            };
        }
        self.finite(text, &digits, span)
    }

    fn finite(&mut self, text: &str, digits: &str, span: Span) -> Outcome<Value> {
        let value: f64 = digits.parse().unwrap_or(f64::INFINITY);
        if value.is_infinite() {
            let message = format!("{} is too large for a number", cut(text));
            return Err(self.report(Diagnostic::error("NN0205", span, message).help("infinity is written `inf`")));
        }
        self.lint_range(value, span);
        Ok(Value::Number(value))
    }

    /// Warns of a number that single precision does not hold.
    pub(super) fn lint_range(&mut self, number: f64, span: Span) {
        if number.is_finite() && !(number as f32).is_finite() {
            let message = format!("{} is beyond the range of `f32`, where it becomes infinity", cut(self.text(span)));
            let help = "infinity is written `inf`; code in `f64` holds numbers up to 1.8e308";
            self.warn_once(Diagnostic::warning("NN0806", span, message).label("the largest number of `f32` is about 3.4e38").help(help));
        }
    }

    /// A bare name.
    pub(super) fn name(&mut self, frame: &mut Frame<'a>, context: &mut Context, path: &'a Path) -> Outcome<Value> {
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
                let help = "write it as the first axis of a port: `layer f(x[batch, n]) -> y { … }`";
                let diagnostic = Diagnostic::error("NN0704", span, message).label("the extent of the batch is hidden here");
                return Err(self.report(diagnostic.help(help)));
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
    pub(super) fn constant_item(&self, frame: &Frame<'a>, text: &str) -> Option<&'a ItemKind> {
        self.callee(frame.module, text).map(|callee| &callee.item.kind)
    }

    pub(super) fn constant(&mut self, callee: Callee<'a>, name: &'a str, value: Option<&'a Expression>) -> Outcome<Value> {
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
    pub(super) fn bare(&mut self, frame: &Frame<'a>, context: &mut Context, tensor: &Tensor, path: &Path) -> Outcome<Value> {
        if tensor.axes.is_empty() || context.all.is_some() {
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
            if own.is_empty() {
                return self.read_all(context, tensor, all, span);
            }
            let message = "under `sum(all)` tensors stand without indices";
            let help = "it runs over all elements of all parameters: `sum(all) g^2`";
            return Err(self.report(Diagnostic::error("NN0607", span, message).help(help)));
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
    pub(super) fn element(
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
        let (inside, default) = (self.real_of(inside, access.span)?, self.real_of(default, otherwise.span)?);
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
                    Ok(value) => {
                        outcome = self.affine_index(context, path, value, dim.span).and(outcome);
                        own.push((value, dim.span));
                    }
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
            if own.len() == dims.len() {
                // what is written, and more names or fewer, until there is one for each axis
                let mut all: Vec<String> = dims.iter().take(tensor.axes.len()).map(|dim| self.text(dim.span).trim().to_string()).collect();
                let free = ["i", "j", "k", "l", "m", "n"].into_iter().filter(|&letter| {
                    !context.indices.contains_key(letter) && !frame.values.contains_key(letter) && all.iter().all(|index| index != letter)
                });
                let more: Vec<String> = free.take(tensor.axes.len() - all.len()).map(str::to_string).collect();
                let sums = more.join(", ");
                all.extend(more);
                let whole = format!("{name}[{}]", all.join(", "));
                if all.len() == tensor.axes.len() {
                    diagnostic = diagnostic.help(if sums.is_empty() {
                        format!("write `{whole}`")
                    } else {
                        format!("write `{whole}`; an index that is not on the left is reduced: `sum({sums}) {whole}`")
                    });
                }
            }
            return Err(self.report(diagnostic));
        }
        Ok(own)
    }

    pub(super) fn outside(
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

    /// The repair of an expansion without end.
    pub(super) fn too_large(&mut self, span: Span) -> Reported {
        let message = "the model grows too large while it is expanded";
        self.report(
            Diagnostic::error("NN0510", span, message).note("More than 1.5 million expressions or 25 000 stages would have to be read."),
        )
    }
}

/// A text that fits into a message.
fn cut(text: &str) -> String {
    if text.len() <= 40 { text.to_string() } else { format!("{}…", text.chars().take(40).collect::<String>()) }
}
