//! Parts of an expression that are used more than once get a name, where they are evaluated in any case: what stands only in the branch
//! of a choice is named inside the branch. So the text is as long as the expression has distinct parts, however they are shared.

use super::expression::{Level, Scope, Text};
use crate::equations::{ConditionNode, Pool, Scalar, ScalarNode};
use proc_macro2::TokenStream;
use quote::quote;
use std::collections::{BTreeMap, BTreeSet};

/// Shared parts that are written out in less than this are repeated.
const SHORT: usize = 5;

impl Scope<'_> {
    /// An expression as statements that name its shared parts, and the rest.
    pub fn value(&mut self, scalar: Scalar) -> (TokenStream, Text) {
        let mut statements = TokenStream::new();
        for part in self.shared(scalar) {
            let text = self.scalar(part).tokens;
            let name = self.fresh("t");
            let real = &self.style.real;
            statements.extend(quote!(let #name: #real = #text;));
            self.values.insert(part, Text::atom(quote!(#name)));
        }
        (statements, self.scalar(scalar))
    }
    /// An expression as one: a block if parts of it have names. The names end with it.
    pub fn block(&mut self, scalar: Scalar) -> Text {
        let before = self.values.clone();
        let (statements, value) = self.value(scalar);
        self.values = before;
        if statements.is_empty() {
            return value;
        }
        let value = value.tokens;
        Text::new(quote!({ #statements #value }), Level::Atom)
    }
    /// The parts of an expression that are evaluated in any case and used more than once, each after those inside it.
    fn shared(&self, root: Scalar) -> Vec<Scalar> {
        let pool = &self.equations.pool;
        let mut uses: BTreeMap<Scalar, usize> = BTreeMap::new();
        let mut strict: BTreeSet<Scalar> = BTreeSet::new();
        let mut order = Vec::new();
        // those in any case, each after its parts
        let mut stack = vec![(root, false)];
        while let Some((scalar, done)) = stack.pop() {
            if done {
                order.push(scalar);
                continue;
            }
            if self.values.contains_key(&scalar) || !strict.insert(scalar) {
                continue;
            }
            stack.push((scalar, true));
            for part in parts(pool, scalar, false) {
                *uses.entry(part).or_default() += 1;
                stack.push((part, false));
            }
        }
        // and those in branches
        let mut seen = strict.clone();
        let mut stack: Vec<Scalar> = order.iter().flat_map(|&scalar| branches(pool, scalar)).collect();
        for &scalar in &stack {
            *uses.entry(scalar).or_default() += 1;
        }
        while let Some(scalar) = stack.pop() {
            if self.values.contains_key(&scalar) || !seen.insert(scalar) {
                continue;
            }
            for part in parts(pool, scalar, true) {
                *uses.entry(part).or_default() += 1;
                stack.push(part);
            }
        }
        let sizes = pool.written_sizes(root);
        order.retain(|&scalar| scalar != root && uses.get(&scalar).is_some_and(|&uses| uses > 1) && sizes[&scalar] >= SHORT);
        order
    }
}

/// What is inside a scalar: with what may not be evaluated, or without.
fn parts(pool: &Pool, scalar: Scalar, all: bool) -> Vec<Scalar> {
    match pool.scalar(scalar) {
        ScalarNode::Select(condition, ..) if !all => match *pool.condition(*condition) {
            ConditionNode::Compare(_, x, y) => vec![x, y],
            _ => Vec::new(),
        },
        _ => pool.scalars_inside(scalar),
    }
}

/// What is inside a scalar and may not be evaluated.
fn branches(pool: &Pool, scalar: Scalar) -> Vec<Scalar> {
    match pool.scalar(scalar) {
        ScalarNode::Select(condition, a, b) => {
            let mut inside = vec![*a, *b];
            if !matches!(pool.condition(*condition), ConditionNode::Compare(..)) {
                inside.extend(pool.compared(*condition));
            }
            inside
        }
        _ => Vec::new(),
    }
}
