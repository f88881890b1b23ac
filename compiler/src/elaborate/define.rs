//! From an expression with working axes to equations with positional ones.
//!
//! A reduction that does not stand at the root of its equation becomes an equation of its own, with exactly the free axes that it uses.

use super::Elaboration;
use super::values::{Context, Frame, Outcome, Tensor};
use crate::equations::{AtomNode, Condition, ConditionNode, Definition, Element, Equation, Index, Name, Part, Parts, Reduction};
use crate::equations::{Rewriter, Tensor as Defined};
use crate::equations::{Scalar, ScalarNode, Substitution};
use crate::model::Origin;
use nnc_grammar::Diagnostic;
use std::collections::BTreeMap;

/// A reduction with working axes.
#[derive(Clone, Debug)]
pub(super) struct Reduced {
    pub reduction: Reduction,
    pub axes: Vec<u32>,
    pub condition: Condition,
    pub body: Scalar,
}

/// The root of an equation.
#[derive(Clone, Debug)]
pub(super) enum Root {
    Value(Scalar),
    Reduced(Reduced),
}

/// No shape has more elements.
const MOST_ELEMENTS: i64 = 1 << 40;
/// No tensor has more axes.
pub(super) const MOST_AXES: usize = 32;

impl<'a> Elaboration<'a> {
    /// A name that no tensor has yet.
    pub(super) fn fresh(&mut self, base: &str) -> Name {
        let mut number = self.next_number.get(base).copied().unwrap_or(1);
        loop {
            let text = if number == 1 { base.to_string() } else { format!("{base}_{number}") };
            number += 1;
            let name = self.equations.pool.name(&text);
            if !self.equations.tensors.contains_key(&name) && !self.by_name.contains_key(&text) {
                self.next_number.insert(base.to_string(), number);
                return name;
            }
        }
    }

    /// Adds the equation `name[front axes that are used, own] = root`.
    pub(super) fn finish(
        &mut self,
        frame: &Frame<'a>,
        context: &Context,
        base: &str,
        own: &[u32],
        root: Root,
        integer: Option<(Index, Index)>,
    ) -> Outcome<Tensor> {
        let front = (0..context.front as u32).filter(|&axis| context.used >> axis & 1 == 1);
        let axes: Vec<u32> = front.chain(own.iter().copied()).collect();
        let local = base.strip_prefix(frame.path()).unwrap_or(base).trim_start_matches('.').to_string();
        let name = self.fresh(base);
        self.insert(frame, context, name, &axes, root, integer)?;
        self.note_origin(frame, name, local);
        let own = own.iter().map(|&axis| context.axes[axis as usize]).collect();
        Ok(Tensor { name, front: context.used, axes: own, integer })
    }

    /// Notes where a tensor came from.
    pub(super) fn note_origin(&mut self, frame: &Frame<'a>, name: Name, local: String) {
        let origin = Origin {
            stage: frame.path().to_string(),
            definition: frame.definition.clone(),
            local,
            span: frame.statement,
            docs: frame.docs.clone(),
        };
        self.origins.insert(name, origin);
    }

    /// The element of a reduction that stands inside of an expression.
    pub(super) fn lift(&mut self, frame: &Frame<'a>, context: &mut Context, suffix: &str, reduced: Reduced) -> Outcome<Scalar> {
        let mut used = self.equations.pool.axes_of_scalar(reduced.body);
        used.extend(self.equations.pool.axes_of_condition(reduced.condition));
        let axes: Vec<u32> = used.into_iter().filter(|axis| !reduced.axes.contains(axis)).collect();
        let name = self.fresh(&format!("{}.{suffix}", context.base));
        self.insert(frame, context, name, &axes, Root::Reduced(reduced), None)?;
        let at: Vec<Index> = axes.iter().map(|&axis| self.equations.pool.axis(axis, context.axes[axis as usize])).collect();
        Ok(self.equations.pool.read(name, at))
    }

    /// The element of an integer expression that becomes a tensor of its own.
    pub(super) fn lift_integer(
        &mut self,
        frame: &Frame<'a>,
        context: &mut Context,
        suffix: &str,
        root: Root,
        range: (Index, Index),
    ) -> Outcome<Index> {
        let pool = &self.equations.pool;
        let (mut used, reduced) = match &root {
            Root::Value(scalar) => (pool.axes_of_scalar(*scalar), Vec::new()),
            Root::Reduced(reduced) => (pool.axes_of_scalar(reduced.body), reduced.axes.clone()),
        };
        if let Root::Reduced(reduced) = &root {
            used.extend(pool.axes_of_condition(reduced.condition));
        }
        let axes: Vec<u32> = used.into_iter().filter(|axis| !reduced.contains(axis)).collect();
        let name = self.fresh(&format!("{}.{suffix}", context.base));
        self.insert(frame, context, name, &axes, root, Some(range))?;
        let at: Vec<Index> = axes.iter().map(|&axis| self.equations.pool.axis(axis, context.axes[axis as usize])).collect();
        Ok(self.equations.pool.read_integer(name, at, range.0, range.1))
    }

    pub(super) fn insert(
        &mut self,
        frame: &Frame<'a>,
        context: &Context,
        name: Name,
        axes: &[u32],
        root: Root,
        integer: Option<(Index, Index)>,
    ) -> Outcome<()> {
        let reduced: &[u32] = if let Root::Reduced(reduced) = &root { &reduced.axes } else { &[] };
        let order: Vec<u32> = axes.iter().chain(reduced).copied().collect();
        let sizes: Vec<Index> = order.iter().map(|&axis| context.axes[axis as usize]).collect();
        self.check_shape(frame, &sizes[..axes.len()])?;
        self.check_shape(frame, &sizes[axes.len()..])?;
        let mut places = BTreeMap::new();
        for (position, (&axis, &size)) in order.iter().zip(&sizes).enumerate() {
            if axis != position as u32 {
                places.insert(axis, self.equations.pool.axis(position as u32, size));
            }
        }
        let mut labels: Vec<String> = order.iter().map(|&axis| context.labels[axis as usize].clone()).collect();
        let front = axes.iter().filter(|&&axis| (axis as usize) < context.front).count();
        for position in 0..front.min(labels.len()) {
            let others: Vec<String> = labels.iter().enumerate().filter(|&(other, _)| other != position).map(|(_, l)| l.clone()).collect();
            if others.contains(&labels[position]) {
                let letters = ["n", "b", "s", "r", "q", "v"].iter().map(ToString::to_string);
                let free = letters.chain((2..).map(|k| format!("n{k}"))).find(|letter| !others.contains(letter));
                labels[position] = free.unwrap_or_default();
            }
        }
        let root = self.guarded(frame, context, &order, root);
        let interval = self.interval_of_root(&root, &context.facts);
        let mut rewriter = Rewriter::new(&mut self.equations.pool, Substitution(&places));
        let equation = match root {
            Root::Value(scalar) => Equation::pointwise(if places.is_empty() { scalar } else { rewriter.scalar(scalar) }),
            Root::Reduced(reduced) => Equation {
                reduction: Some(reduced.reduction),
                reduced: sizes[axes.len()..].to_vec(),
                condition: if places.is_empty() { reduced.condition } else { rewriter.condition(reduced.condition) },
                body: if places.is_empty() { reduced.body } else { rewriter.scalar(reduced.body) },
            },
        };
        let element = integer.map_or(Element::Real, |(low, high)| Element::Integer { low, high });
        let defined = Defined { axes: sizes[..axes.len()].to_vec(), element, definition: Definition::Equation(equation), labels };
        self.equations.insert(name, defined);
        if self.circles_open > 0 {
            self.created.push(name);
        }
        if let Some(interval) = interval {
            self.intervals.insert(name, interval);
        }
        Ok(())
    }

    /// An equation that is made of a part of an expression holds at all elements, also where a choice around that part keeps an access in
    /// range: the choice becomes a condition of the equation.
    fn guarded(&mut self, frame: &Frame<'a>, context: &Context, axes: &[u32], root: Root) -> Root {
        match root {
            Root::Value(_) => root,
            Root::Reduced(reduced) => {
                let facts = self.facts_for(frame, context, axes, reduced.body);
                Root::Reduced(Reduced { condition: self.equations.pool.all(&[facts, reduced.condition]), ..reduced })
            }
        }
    }

    /// [`Self::guarded`] for a value: 0 where the choice does not hold.
    pub(super) fn guarded_value(&mut self, frame: &Frame<'a>, context: &Context, axes: &[u32], value: Scalar) -> Scalar {
        let facts = self.facts_for(frame, context, axes, value);
        let zero = self.equations.pool.constant(0.0);
        self.equations.pool.select(facts, value, zero)
    }

    /// What the choices around an expression say of these axes, if its accesses need it.
    fn facts_for(&mut self, frame: &Frame<'a>, context: &Context, axes: &[u32], body: Scalar) -> Condition {
        let pool = &self.equations.pool;
        let index_only = |&part: &Condition| match pool.condition(part) {
            ConditionNode::NonNegative(_) | ConditionNode::Zero(_) => true,
            ConditionNode::Not(inner) => matches!(pool.condition(*inner), ConditionNode::NonNegative(_) | ConditionNode::Zero(_)),
            _ => false,
        };
        let around = context.facts.get(frame.facts.len()..).unwrap_or_default();
        let parts = around.iter().flat_map(|&fact| pool.parts_of(fact));
        let facts: Vec<Condition> =
            parts.filter(index_only).filter(|&part| pool.axes_of_condition(part).iter().all(|axis| axes.contains(axis))).collect();
        if facts.is_empty() || self.is_plainly_in_range(body) { Condition::TRUE } else { self.equations.pool.all(&facts) }
    }

    /// Whether ranges alone keep every access of an expression inside of its tensor.
    fn is_plainly_in_range(&mut self, body: Scalar) -> bool {
        let mut accesses = Vec::new();
        let pool = &self.equations.pool;
        pool.visit(Parts::of_scalar(body), &mut |part| match part {
            Part::Scalar(scalar) => {
                if let ScalarNode::Read { tensor, at } = pool.scalar(scalar) {
                    accesses.push((*tensor, at.clone()));
                }
            }
            Part::Atom(atom) => {
                if let AtomNode::Read { tensor, at, .. } = pool.atom(atom) {
                    accesses.push((*tensor, at.clone()));
                }
            }
            _ => {}
        });
        accesses.into_iter().all(|(tensor, at)| {
            let Some(sizes) = self.equations.tensors.get(&tensor).map(|tensor| tensor.axes.clone()) else { return true };
            at.into_iter().zip(sizes).all(|(index, size)| {
                let above = self.equations.pool.minus(size, index);
                let above = self.equations.pool.offset(above, -1);
                self.equations.pool.never_negative(index) && self.equations.pool.never_negative(above)
            })
        })
    }

    /// Refuses shapes with too many axes or elements.
    pub(super) fn check_shape(&mut self, frame: &Frame<'a>, sizes: &[Index]) -> Outcome<()> {
        if sizes.len() > MOST_AXES {
            let message = format!("a tensor of {} axes: {MOST_AXES} are the most", sizes.len());
            return Err(self.report(Diagnostic::error("NN0206", frame.statement, message)));
        }
        let mut count = 1i64;
        for &size in sizes {
            count = count.saturating_mul(self.equations.pool.constant_of(size).unwrap_or(1).max(1));
        }
        if count > MOST_ELEMENTS {
            let shape = self.show_shape(sizes);
            let message = format!("a tensor of shape {shape} has more than 2^40 elements");
            return Err(self.report(Diagnostic::error("NN0206", frame.statement, message)));
        }
        Ok(())
    }
}
