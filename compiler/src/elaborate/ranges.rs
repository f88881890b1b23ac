//! Index ranges, and the proof that every access is in range.
//!
//! A range is that of the axes that an index addresses plainly (`x[i]`), or the written one. An access `x[e]` to an axis of size `n`
//! needs `e >= 0` and `n - 1 - e >= 0`, proved from the ranges of indices, from the facts that enclosing conditions give
//! (`f >= 0` proves `e >= 0` where `e - c * f >= 0` is proved), and from `m * (a div m) <= a`.

use super::Elaboration;
use super::values::{Bound, Context, Frame, Outcome, Tensor, Value};
use super::walk;
use crate::equations::{Atom, AtomNode, Condition, ConditionNode, Index, Part, Parts};
use nnc_grammar::tree::{Binder, DimKind, Expression, ExpressionKind, Path};
use nnc_grammar::{Diagnostic, Span};

/// Where an index addresses an axis plainly.
#[derive(Clone, Debug)]
struct Use {
    size: Vec<Index>,
    span: Span,
    tensor: String,
    /// Inside of `or`: counts only where nothing else tells the range.
    soft: bool,
}

impl<'a> Elaboration<'a> {
    /// A binder's range, written or found in `scope`; the axes are added and the name is bound.
    pub(super) fn bind(
        &mut self,
        frame: &mut Frame<'a>,
        context: &mut Context,
        binder: &'a Binder,
        scope: &[&'a Expression],
    ) -> Outcome<Vec<u32>> {
        let name = &binder.name;
        if super::names::FIXED.contains(&name.text.as_str()) {
            return Err(self.report(super::names::fixed_name(&name.text, name.span)));
        }
        if !binder.pack
            && let Some(value) = frame.values.get(&name.text)
            && !matches!(value, Value::Broken)
            && !matches!(value, Value::Tensor(tensor) if !tensor.axes.is_empty())
        {
            let place = frame.places.get(&name.text).copied();
            let mut diagnostic = Diagnostic::error("NN0304", name.span, format!("index `{}` has the name of a value", name.text))
                .help(format!("give the index another name: `{}0`", name.text));
            if let Some(place) = place {
                diagnostic = diagnostic.also(place, "the value");
            }
            return Err(self.report(diagnostic));
        }
        let key = if binder.pack { format!("..{}", name.text) } else { name.text.clone() };
        if context.indices.contains_key(&key) {
            return Err(self.bound_already(binder));
        }
        let sizes = self.range_of(frame, context, binder, scope)?;
        let axes: Vec<u32> = sizes
            .iter()
            .enumerate()
            .map(|(number, &size)| {
                let label = if binder.pack && sizes.len() > 1 { format!("{}{}", name.text, number + 1) } else { name.text.clone() };
                context.axis(&label, size)
            })
            .collect();
        let bound = if binder.pack { Bound::Pack(axes.clone()) } else { Bound::Axis(axes[0]) };
        context.indices.insert(key, bound);
        Ok(axes)
    }

    fn range_of(
        &mut self,
        frame: &mut Frame<'a>,
        context: &mut Context,
        binder: &'a Binder,
        scope: &[&'a Expression],
    ) -> Outcome<Vec<Index>> {
        let name = &binder.name;
        if let Some(range) = &binder.range {
            if binder.pack {
                let ExpressionKind::Name(path) = &range.kind else {
                    return Err(self.report(Diagnostic::error("NN0302", range.span, "the range of a pack is the name of a pack")));
                };
                let text = &path.segments[0].text;
                return match frame.values.get(text) {
                    Some(Value::Pack(sizes)) => Ok(sizes.clone()),
                    _ => {
                        let message = format!("`{text}` is not a pack of axes");
                        Err(self.report(Diagnostic::error("NN0302", range.span, message).help(format!("a port binds one: `x[..{text}]`"))))
                    }
                };
            }
            let size = self.size(frame, context, range, "an index range")?;
            return Ok(vec![size]);
        }
        let mut uses = Vec::new();
        for expression in scope {
            self.plain_uses(frame, &name.text, binder.pack, expression, false, &mut uses);
        }
        let hard = uses.iter().any(|found| !found.soft);
        uses.retain(|found| found.soft != hard);
        let Some(first) = uses.first().cloned() else {
            let mentioned = self.broken_inside(frame, scope);
            if mentioned {
                return Err(super::values::Reported);
            }
            let message = format!("nothing tells the range of index `{}`", name.text);
            let help = if binder.pack { format!("..{}: S", name.text) } else { format!("{}: n", name.text) };
            return Err(self.report(
                Diagnostic::error("NN0302", name.span, message)
                    .label("no tensor is indexed by it plainly")
                    .help(format!("write its range, where it is bound: `{help}`")),
            ));
        };
        for other in &uses[1..] {
            if other.size.len() != first.size.len() {
                return Err(self.disagree(&name.text, &first, other));
            }
            for (&a, &b) in first.size.iter().zip(&other.size) {
                if !self.agree(a, b, format!("index {}: {} and {}", name.text, first.tensor, other.tensor)) {
                    return Err(self.disagree(&name.text, &first, other));
                }
            }
        }
        Ok(first.size)
    }

    /// The range of a binder, if it is written or some tensor that is known is indexed by it plainly; says nothing. `soft` are accesses
    /// inside of `or`.
    pub(super) fn known_range(
        &mut self,
        frame: &mut Frame<'a>,
        context: &mut Context,
        binder: &'a Binder,
        scope: &[&'a Expression],
        soft: bool,
    ) -> Option<Vec<Index>> {
        if binder.range.is_some() {
            return self.range_of(frame, context, binder, scope).ok();
        }
        let mut uses = Vec::new();
        for expression in scope {
            self.plain_uses(frame, &binder.name.text, binder.pack, expression, false, &mut uses);
        }
        uses.into_iter().find(|found| soft || !found.soft).map(|found| found.size)
    }

    fn disagree(&mut self, name: &str, first: &Use, other: &Use) -> super::values::Reported {
        let (a, b) = (self.show_sizes(&first.size), self.show_sizes(&other.size));
        let message = format!("index `{name}` ranges over {a} in {} but over {b} in {}", first.tensor, other.tensor);
        self.report(
            Diagnostic::error("NN0303", other.span, message)
                .label(format!("this axis has {b} elements"))
                .also(first.span, format!("this axis has {a} elements"))
                .help(format!("write the range that is meant, `{name}: n`, and guard the other access")),
        )
    }

    /// Whether some tensor in an expression has an error already.
    fn broken_inside(&self, frame: &Frame<'a>, scope: &[&'a Expression]) -> bool {
        let mut stack = scope.to_vec();
        while let Some(expression) = stack.pop() {
            if let ExpressionKind::Name(path) | ExpressionKind::Read(path, _) = &expression.kind
                && matches!(frame.values.get(&path.segments[0].text), Some(Value::Broken))
            {
                return true;
            }
            walk::inside(expression, &mut |part| stack.push(part));
        }
        false
    }

    #[allow(clippy::too_many_arguments)]
    fn plain_uses(&mut self, frame: &Frame<'a>, name: &str, pack: bool, expression: &'a Expression, soft: bool, uses: &mut Vec<Use>) {
        match &expression.kind {
            ExpressionKind::Read(path, dims) => {
                if let Some(tensor) = self.find_tensor(frame, 0, path) {
                    let packs = dims.iter().filter(|dim| matches!(dim.kind, DimKind::Pack(_))).count();
                    let packed = (tensor.axes.len() + packs).checked_sub(dims.len());
                    let mut at = 0;
                    for dim in dims {
                        match &dim.kind {
                            DimKind::Pack(found) => {
                                let Some(packed) = packed else { break };
                                if pack && found.text == name && packs == 1 && at + packed <= tensor.axes.len() {
                                    let size = tensor.axes[at..at + packed].to_vec();
                                    uses.push(Use { size, span: dim.span, tensor: show_path(path), soft });
                                }
                                at += packed;
                            }
                            DimKind::Expression(index) => {
                                if !pack
                                    && let ExpressionKind::Name(found) = &index.kind
                                    && found.segments.len() == 1
                                    && found.segments[0].text == name
                                    && let Some(&size) = tensor.axes.get(at)
                                {
                                    uses.push(Use { size: vec![size], span: dim.span, tensor: show_path(path), soft });
                                }
                                at += 1;
                            }
                            DimKind::Named(..) => at += 1,
                        }
                    }
                }
                walk::inside(expression, &mut |part| self.plain_uses(frame, name, pack, part, soft, uses));
            }
            ExpressionKind::Or(access, otherwise) => {
                self.plain_uses(frame, name, pack, access, true, uses);
                self.plain_uses(frame, name, pack, otherwise, soft, uses);
            }
            ExpressionKind::Reduce { binders, .. } if binders.iter().any(|binder| binder.name.text == name && binder.pack == pack) => {}
            _ => walk::inside(expression, &mut |part| self.plain_uses(frame, name, pack, part, soft, uses)),
        }
    }

    /// Whether `index >= 0` follows from ranges and facts.
    pub(super) fn proved(&mut self, index: Index, facts: &[Condition]) -> bool {
        if self.equations.pool.never_negative(index) {
            return true;
        }
        let mut known = Vec::new();
        for &fact in facts {
            for part in self.equations.pool.parts_of(fact) {
                match *self.equations.pool.condition(part) {
                    ConditionNode::NonNegative(fact) => known.push(fact),
                    ConditionNode::Zero(fact) => {
                        known.push(fact);
                        known.push(self.equations.pool.scaled(fact, -1));
                    }
                    _ => {}
                }
            }
        }
        known.truncate(64);
        self.proved_from(index, &known, 3)
    }

    fn proved_from(&mut self, index: Index, known: &[Index], depth: u32) -> bool {
        if self.equations.pool.never_negative(index) {
            return true;
        }
        if depth == 0 {
            return false;
        }
        let relevant: Vec<Index> = known.iter().copied().filter(|&fact| self.shares_an_atom(index, fact)).collect();
        for &fact in &relevant {
            for c in self.ratios(index, fact) {
                let rest = self.equations.pool.combine(&[(index, 1), (fact, -c)]);
                if self.equations.pool.never_negative(rest) || (depth > 1 && known.len() <= 12 && self.proved_from(rest, known, depth - 1))
                {
                    return true;
                }
            }
        }
        // m * (a div m) is in a - m + 1 ..= a, and a div m >= 0 where a >= 0
        let terms = self.equations.pool.affine(index).terms.clone();
        for (atom, k) in terms {
            let &AtomNode::Div(inner, by) = self.equations.pool.atom(atom) else { continue };
            let quotient = self.equations.pool.index_of_atom(atom);
            let without = self.equations.pool.combine(&[(index, 1), (quotient, -k)]);
            if k > 0 && self.proved_from(inner, known, depth - 1) && self.proved_from(without, known, depth - 1) {
                return true;
            }
            let without = self.equations.pool.times(without, by);
            let bound = if k < 0 {
                inner
            } else {
                let by_less_one = self.equations.pool.offset(by, -1);
                self.equations.pool.minus(inner, by_less_one)
            };
            let scaled = self.equations.pool.combine(&[(without, 1), (bound, k)]);
            if self.proved_from(scaled, known, depth - 1) {
                return true;
            }
        }
        false
    }

    fn shares_an_atom(&self, index: Index, fact: Index) -> bool {
        let (index, fact) = (self.equations.pool.affine(index), self.equations.pool.affine(fact));
        index.terms.iter().any(|(atom, _)| fact.terms.iter().any(|(other, _)| other == atom))
    }

    /// The multiples of a fact that could cancel an atom of an index.
    fn ratios(&self, index: Index, fact: Index) -> Vec<i64> {
        let (index, fact) = (self.equations.pool.affine(index), self.equations.pool.affine(fact));
        let mut ratios = Vec::new();
        for &(atom, k) in &index.terms {
            if let Some(&(_, l)) = fact.terms.iter().find(|(other, _)| *other == atom)
                && k % l == 0
                && k / l > 0
                && !ratios.contains(&(k / l))
            {
                ratios.push(k / l);
            }
        }
        // once, if ranges account for the rest: `2 L - i >= 0` where `i <= L + 3`, from `L - 3 >= 0`
        if ratios.iter().any(|&ratio| ratio > 1) && !ratios.contains(&1) {
            ratios.push(1);
        }
        ratios
    }

    /// Refuses an index that is no sum of indices times sizes: products of indices, and `/` and `%` by an index.
    pub(super) fn affine_index(&mut self, context: &Context, path: &Path, index: Index, span: Span) -> Outcome<()> {
        let mut atoms = Vec::new();
        self.equations.pool.visit(Parts::of_index(index), &mut |part| {
            if let Part::Atom(atom) = part {
                atoms.push(atom);
            }
        });
        for atom in atoms {
            let why = match self.equations.pool.atom(atom).clone() {
                AtomNode::Product(parts) => {
                    let mut size = |&part: &Atom| {
                        let part = self.equations.pool.index_of_atom(part);
                        self.equations.pool.is_size(part)
                    };
                    (parts.len() - parts.iter().filter(|part| size(part)).count() > 1).then(|| "it multiplies indices".to_string())
                }
                AtomNode::Div(_, by) | AtomNode::Mod(_, by) => {
                    (!self.equations.pool.is_size(by)).then(|| "it divides by an index".to_string())
                }
                _ => None,
            };
            if let Some(why) = why {
                let (shown, tensor) = (self.show_index(context, index), show_path(path));
                let message = format!("index `{shown}` of `{tensor}` is not affine: {why}");
                let help = "an index is a sum of indices times numbers, with `/` and `%` by sizes; for another make an index tensor, \
                            `at[i]: index(n) = …`, and read it at `at[i]`";
                return Err(self.report(Diagnostic::error("NN0313", span, message).help(help)));
            }
        }
        Ok(())
    }

    /// Proves one index of an access in range.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn in_range(
        &mut self,
        context: &Context,
        tensor: &str,
        axis: usize,
        index: Index,
        size: Index,
        span: Span,
        access: (Span, &str),
    ) -> Outcome<()> {
        let last = self.equations.pool.offset(size, -1);
        let above = self.equations.pool.minus(last, index);
        let low = self.proved(index, &context.facts);
        let high = self.proved(above, &context.facts);
        if low && high {
            return Ok(());
        }
        let shown = self.show_index(context, index);
        let shown_size = self.show_size(size);
        let low_end = self.equations.pool.extreme(index, false).map(|end| self.show_size(end));
        let high_end = self.equations.pool.extreme(index, true).map(|end| self.show_size(end));
        let range = match (low_end, high_end) {
            (Some(low), Some(high)) if low == high => format!("it is {low}"),
            (Some(low), Some(high)) => format!("it runs from {low} to {high}"),
            _ => "its range cannot be told".to_string(),
        };
        let what = if low { format!("above {}", self.show_size(last)) } else { "below 0".to_string() };
        let message = format!("index `{shown}` of `{tensor}` can go {what}");
        let (whole, text) = access;
        let mut diagnostic = Diagnostic::error("NN0301", span, message)
            .label(format!("{range}; axis {} of `{tensor}` has {shown_size} elements", axis + 1))
            .help("guard it: `if 0 <= index && index < size { … }`, or a `where` of the reduction");
        if !text.is_empty() {
            diagnostic = diagnostic.replace("or give the value outside of the tensor", whole, format!("({text} or 0)"));
        }
        Err(self.report(diagnostic))
    }

    /// The tensor of a name or path, if it is known; says nothing.
    pub(super) fn find_tensor(&self, frame: &Frame<'a>, scope: usize, path: &Path) -> Option<Tensor> {
        match &path.segments[..] {
            [name] => match frame.values.get(&name.text) {
                Some(Value::Tensor(tensor)) => Some(tensor.clone()),
                _ => None,
            },
            _ => {
                let full = full_name(&frame.scopes[scope].path, &show_path(path));
                self.held.get(&full).filter(|_| frame.fixed).or_else(|| self.by_name.get(&full)).cloned()
            }
        }
    }
}

/// A path as it is written.
pub(super) fn show_path(path: &Path) -> String {
    path.segments.iter().map(|name| name.text.as_str()).collect::<Vec<_>>().join(".")
}

/// A name below a path.
pub(super) fn full_name(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_string() } else { format!("{path}.{name}") }
}
