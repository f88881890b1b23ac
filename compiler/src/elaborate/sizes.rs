//! Sizes: evaluated, compared, and where that is not decided here left as assertions.
//!
//! An equality that only rustc or a call can decide (`p == d`) becomes an [`Assertion`], and from then on one of the two stands for
//! both: the model is elaborated again with it, so that no equation depends on what was asserted.

use super::Elaboration;
use super::values::{Context, Frame, Outcome, Place, Position, Reported, Value};
use crate::equations::{AtomNode, Condition, Index, Name, Part, Parts};
use crate::model::Assertion;
use nnc_grammar::tree::Expression;
use nnc_grammar::{Diagnostic, Span};

/// The largest integer that can be a size.
const MOST: i64 = 1 << 31;

/// `name == value`, which rustc or a call decides.
pub(super) struct Solved {
    pub name: Name,
    pub value: Index,
    /// What went wrong where it does not hold.
    pub message: String,
    /// The application in the user's text that asks for it.
    pub span: Span,
}

impl<'a> Elaboration<'a> {
    /// An expression as a size: an integer that is at least 1 and free of indices.
    pub(super) fn size(&mut self, frame: &mut Frame<'a>, context: &mut Context, expression: &'a Expression, what: &str) -> Outcome<Index> {
        let whole = context.whole.take();
        let size = self.integer(frame, context, expression);
        context.whole = whole;
        let size = size?;
        self.check_size(size, expression.span, what)?;
        Ok(size)
    }

    /// Refuses what is no size.
    pub(super) fn check_size(&mut self, size: Index, span: Span, what: &str) -> Outcome<()> {
        let shown = self.show_size(size);
        if !self.equations.pool.is_size(size) {
            let message = format!("{what} cannot depend on an index");
            return Err(self.report(Diagnostic::error("NN0203", span, message).label("a size is made of numbers and sizes")));
        }
        if let Some(value) = self.equations.pool.constant_of(size) {
            if value < 1 {
                let message = format!("{what} is {value}: it must be at least 1");
                return Err(self.report(Diagnostic::error("NN0203", span, message).label(format!("this is {value}"))));
            }
            if value > MOST {
                let message = format!("{what} of {value} is beyond 2^31");
                return Err(self.report(Diagnostic::error("NN0205", span, message)));
            }
            return Ok(());
        }
        let less_one = self.equations.pool.offset(size, -1);
        if self.equations.pool.never_negative(less_one) {
            return Ok(());
        }
        // an empty batch is allowed
        if self.mentions_batch(size) && self.equations.pool.never_negative(size) {
            return Ok(());
        }
        if self.equations.pool.always_negative(less_one) {
            let message = format!("{what} is {shown}: it is below 1 always");
            return Err(self.report(Diagnostic::error("NN0203", span, message)));
        }
        let one = self.equations.pool.integer(1);
        self.assert(one, false, size, format!("{what} {shown} must be at least 1"));
        Ok(())
    }

    /// Notes what must hold and cannot be decided here.
    pub(super) fn assert(&mut self, left: Index, equal: bool, right: Index, message: String) {
        let assertion = Assertion { left, equal, right, message, span: self.applied_at() };
        if !self.assertions.iter().any(|known| known.left == left && known.right == right && known.equal == equal) {
            self.assertions.push(assertion);
        }
    }

    /// The user's application around what is read.
    fn applied_at(&self) -> Span {
        let users = self.applications.iter().rev().map(|application| application.span);
        users.into_iter().find(|span| span.source < crate::library::FIRST_SOURCE).unwrap_or_default()
    }

    /// Whether two sizes are equal; what is undecided is asserted.
    pub(super) fn agree(&mut self, a: Index, b: Index, message: String) -> bool {
        if a == b {
            return true;
        }
        let difference = self.equations.pool.minus(a, b);
        if self.equations.pool.constant_of(difference).is_some() || self.equations.pool.always_negative(difference) {
            return false;
        }
        let opposite = self.equations.pool.scaled(difference, -1);
        if self.equations.pool.always_negative(opposite) {
            return false;
        }
        if self.mentions_batch(a) || self.mentions_batch(b) {
            return false;
        }
        let Some((name, value)) = self.solve(difference) else { return false };
        let span = self.applied_at();
        self.solved.push(Solved { name, value, message, span });
        true
    }

    /// A name that an equation `difference == 0` gives, and its value.
    fn solve(&mut self, difference: Index) -> Option<(Name, Index)> {
        let affine = self.equations.pool.affine(difference).clone();
        let mut best: Option<(Name, i64, crate::equations::Atom)> = None;
        for &(atom, k) in &affine.terms {
            if let AtomNode::Size { name, .. } = *self.equations.pool.atom(atom)
                && k.abs() == 1
                && best.is_none_or(|(other, ..)| other < name)
            {
                let elsewhere = affine.terms.iter().filter(|&&(other, _)| other != atom).any(|&(other, _)| {
                    let other = self.equations.pool.index_of_atom(other);
                    self.names_in(other).contains(&name)
                });
                if !elsewhere {
                    best = Some((name, k, atom));
                }
            }
        }
        let (name, k, atom) = best?;
        // k * name + rest == 0
        let this = self.equations.pool.index_of_atom(atom);
        let rest = self.equations.pool.combine(&[(difference, 1), (this, -k)]);
        Some((name, self.equations.pool.scaled(rest, -k)))
    }

    /// The names of sizes in an index.
    pub(super) fn names_in(&self, index: Index) -> Vec<Name> {
        let mut names = Vec::new();
        self.equations.pool.visit(Parts::of_index(index), &mut |part| {
            if let Part::Atom(atom) = part
                && let AtomNode::Size { name, .. } = *self.equations.pool.atom(atom)
            {
                names.push(name);
            }
        });
        names
    }

    /// Whether a size is the extent of the batch.
    pub(super) fn is_batch(&self, size: Index) -> bool {
        self.equations.pool.size_name(size).is_some_and(|name| self.equations.pool.text(name) == crate::model::BATCH)
    }

    fn mentions_batch(&self, index: Index) -> bool {
        self.names_in(index).iter().any(|&name| self.equations.pool.text(name) == crate::model::BATCH)
    }

    /// The first dynamic size in an index.
    pub(super) fn dynamic_in(&self, index: Index) -> Option<Name> {
        let batch = self.equations.pool.find_name(crate::model::BATCH);
        self.names_in(index).into_iter().find(|name| self.dynamic.contains(name) || Some(*name) == batch)
    }

    /// A size that is known by name only, or what was found to equal it.
    fn named_size(&mut self, text: &str) -> Index {
        let size = self.equations.pool.size(text, 1);
        let name = self.equations.pool.name(text);
        self.replaced.get(&name).copied().unwrap_or(size)
    }

    /// A constant of Rust.
    pub(super) fn rust_constant(&mut self, text: &str) -> Index {
        if !self.constants.iter().any(|known| known == text) {
            self.constants.push(text.to_string());
        }
        self.named_size(text)
    }

    /// A dynamic size of the model.
    pub(super) fn dynamic_size(&mut self, text: &str) -> Index {
        let name = self.equations.pool.name(text);
        self.dynamic.insert(name);
        if !self.replaced.contains_key(&name) && !self.sizes.iter().any(|known| known == text) {
            self.sizes.push(text.to_string());
        }
        self.named_size(text)
    }

    /// A value that must be known while the model is expanded.
    pub(super) fn compile_time(&mut self, frame: &mut Frame<'a>, expression: &'a Expression) -> Outcome<Value> {
        let mut context = Context::new(frame, frame.definition.clone());
        let value = self.evaluate(frame, &mut context, expression, Position::Real)?;
        match value {
            Value::Number(_) | Value::Pair(_) | Value::Field(..) => Ok(value),
            // a schedule
            Value::Real(_) if frame.place == Place::Optimizer => Ok(value),
            Value::Whole(index) if self.equations.pool.is_size(index) => {
                self.check_integer(index, expression.span)?;
                Ok(value)
            }
            Value::Truth(condition) if self.equations.pool.is_integer(condition) => Ok(value),
            Value::Broken => Err(Reported),
            _ => {
                let message = "this is not known while the model is compiled";
                let help = "a hyper-parameter is made of numbers and sizes";
                Err(self.report(Diagnostic::error("NN0204", expression.span, message).help(help)))
            }
        }
    }

    /// A condition that encloses statements: it must be decided here.
    pub(super) fn decided(&mut self, frame: &mut Frame<'a>, expression: &'a Expression) -> Outcome<bool> {
        let mut context = Context::new(frame, frame.definition.clone());
        match self.condition(frame, &mut context, expression)? {
            Condition::TRUE => Ok(true),
            Condition::FALSE => Ok(false),
            _ => {
                let message = "a condition that encloses statements is not decided while the model is compiled";
                let help = "choose between values instead: `y = if … { a } else { b };`";
                Err(self.report(Diagnostic::error("NN0204", expression.span, message).help(help)))
            }
        }
    }

    /// A size for a message.
    pub(super) fn show_size(&self, size: Index) -> String {
        self.show_with(size, &|_| None)
    }
    /// An index for a message, its axes by name.
    pub(super) fn show_index(&self, context: &Context, index: Index) -> String {
        self.show_with(index, &|axis| context.labels.get(axis as usize).cloned())
    }
    /// Sizes without brackets.
    pub(super) fn show_sizes(&self, sizes: &[Index]) -> String {
        if sizes.is_empty() {
            return "nothing".to_string();
        }
        sizes.iter().map(|&size| self.show_size(size)).collect::<Vec<_>>().join(" x ")
    }
    /// A shape with brackets.
    pub(super) fn show_shape(&self, sizes: &[Index]) -> String {
        format!("[{}]", sizes.iter().map(|&size| self.show_size(size)).collect::<Vec<_>>().join(", "))
    }

    fn show_with(&self, index: Index, label: &dyn Fn(u32) -> Option<String>) -> String {
        let affine = self.equations.pool.affine(index);
        let mut text = String::new();
        for &(atom, k) in &affine.terms {
            let shown = self.show_atom(atom, label);
            let sign = if k < 0 { "-" } else { "+" };
            if text.is_empty() {
                text.push_str(if k < 0 { "-" } else { "" });
            } else {
                text.push_str(&format!(" {sign} "));
            }
            if k.abs() != 1 {
                text.push_str(&format!("{} * ", k.unsigned_abs()));
            }
            text.push_str(&shown);
        }
        if text.is_empty() {
            return affine.constant.to_string();
        }
        if affine.constant != 0 {
            let sign = if affine.constant < 0 { "-" } else { "+" };
            text.push_str(&format!(" {sign} {}", affine.constant.unsigned_abs()));
        }
        text
    }

    fn show_atom(&self, atom: crate::equations::Atom, label: &dyn Fn(u32) -> Option<String>) -> String {
        let pool = &self.equations.pool;
        let inner = |index: Index| {
            let text = self.show_with(index, label);
            let affine = pool.affine(index);
            let plain = affine.terms.is_empty() || (affine.terms.len() == 1 && affine.constant == 0 && affine.terms[0].1 == 1);
            if plain { text } else { format!("({text})") }
        };
        match pool.atom(atom) {
            AtomNode::Axis { number, .. } => label(*number).unwrap_or_else(|| format!("i{number}")),
            AtomNode::Size { name, .. } => pool.text(*name).to_string(),
            AtomNode::Product(parts) => parts.iter().map(|&part| self.show_atom(part, label)).collect::<Vec<_>>().join(" * "),
            AtomNode::Div(a, b) => format!("{} / {}", inner(*a), inner(*b)),
            AtomNode::Mod(a, b) => format!("{} % {}", inner(*a), inner(*b)),
            AtomNode::Read { tensor, at, .. } => {
                let at: Vec<String> = at.iter().map(|&index| self.show_with(index, label)).collect();
                if at.is_empty() { pool.text(*tensor).to_string() } else { format!("{}[{}]", pool.text(*tensor), at.join(", ")) }
            }
        }
    }
}
