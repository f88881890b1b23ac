//! How long an expression is when it is written out: shared parts count as often as they occur.

use super::condition::ConditionNode;
use super::pool::{Condition, Pool, Scalar};
use super::scalar::ScalarNode;
use std::collections::BTreeMap;

impl Pool {
    /// The scalars that a scalar is made of, those that its conditions compare among them.
    pub fn scalars_inside(&self, scalar: Scalar) -> Vec<Scalar> {
        match self.scalar(scalar) {
            ScalarNode::Constant(_) | ScalarNode::Read { .. } | ScalarNode::Real(_) => Vec::new(),
            ScalarNode::Add(parts) | ScalarNode::Mul(parts) => parts.clone(),
            ScalarNode::Power(x, _) | ScalarNode::Apply(_, x) | ScalarNode::Stop(x) => vec![*x],
            ScalarNode::Max(a, b) => vec![*a, *b],
            ScalarNode::Select(condition, a, b) => {
                let mut inside = self.compared(*condition);
                inside.extend([*a, *b]);
                inside
            }
        }
    }
    /// The scalars that a condition compares.
    pub fn compared(&self, condition: Condition) -> Vec<Scalar> {
        match self.condition(condition) {
            ConditionNode::Compare(_, a, b) => vec![*a, *b],
            ConditionNode::All(parts) => parts.iter().flat_map(|&part| self.compared(part)).collect(),
            ConditionNode::Not(inner) => self.compared(*inner),
            _ => Vec::new(),
        }
    }
    /// How many operators and operands a scalar is when it is written out, and so for each of its parts.
    pub fn written_sizes(&self, scalar: Scalar) -> BTreeMap<Scalar, usize> {
        let mut sizes: BTreeMap<Scalar, usize> = BTreeMap::new();
        let mut stack = vec![(scalar, false)];
        while let Some((scalar, ready)) = stack.pop() {
            if sizes.contains_key(&scalar) {
                continue;
            }
            let inside = self.scalars_inside(scalar);
            if ready {
                let total = inside.iter().map(|part| sizes.get(part).copied().unwrap_or(0)).fold(1, usize::saturating_add);
                sizes.insert(scalar, total);
            } else {
                stack.push((scalar, true));
                stack.extend(inside.into_iter().map(|part| (part, false)));
            }
        }
        sizes
    }
    /// How many operators and operands a scalar is when it is written out.
    pub fn written_size(&self, scalar: Scalar) -> usize {
        self.written_sizes(scalar)[&scalar]
    }
}
