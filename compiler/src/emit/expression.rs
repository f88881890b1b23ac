//! Expressions of the equations as Rust, with no brackets that a person would not write.
//!
//! Indices are `usize`. A sum of indices that is in range is written with its positive parts first, so that no part of it falls below 0;
//! where a part may (a negative index below a division, a negative element), the whole is computed in `isize`.

use crate::equations::{
    Affine, Atom, AtomNode, Condition, ConditionNode, Equations, Function, Index, Name, Pool, Relation, Scalar, ScalarNode,
};
use crate::model::BATCH;
use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::quote;
use std::collections::{BTreeMap, BTreeSet};

/// How loosely the outermost operator of an expression binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Atom,
    Unary,
    Cast,
    Product,
    Sum,
    Comparison,
    And,
    Open,
}

/// Rust, and how loosely it binds.
#[derive(Clone, Debug)]
pub struct Text {
    pub tokens: TokenStream,
    pub level: Level,
}

impl Text {
    pub fn new(tokens: TokenStream, level: Level) -> Self {
        Text { tokens, level }
    }
    pub fn atom(tokens: TokenStream) -> Self {
        Text { tokens, level: Level::Atom }
    }
    /// In brackets if it binds more loosely than `level`.
    pub fn within(&self, level: Level) -> TokenStream {
        let tokens = &self.tokens;
        if self.level <= level { tokens.clone() } else { quote!((#tokens)) }
    }
}

/// What is the same in all functions of a file.
#[derive(Clone, Debug)]
pub struct Style {
    /// `f32` or `f64`.
    pub real: Ident,
    /// Sizes that are constants of Rust.
    pub constants: BTreeSet<String>,
    /// Sizes that each call is given.
    pub sizes: BTreeSet<String>,
    /// Whether functions of `f64` stand apart, as in a standalone file of `f32`.
    pub apart: bool,
}

impl Style {
    /// The style of what is computed in `f64` whatever the model is computed in.
    pub fn double(&self) -> Self {
        Style {
            real: identifier("f64"),
            constants: self.constants.clone(),
            sizes: self.sizes.clone(),
            apart: self.apart && self.real == "f32",
        }
    }
    /// Whether the value is known when rustc compiles.
    pub fn is_static(&self, pool: &Pool, size: Index) -> bool {
        pool.affine(size).terms.iter().all(|&(atom, _)| self.is_static_atom(pool, atom))
    }
    fn is_static_atom(&self, pool: &Pool, atom: Atom) -> bool {
        match pool.atom(atom) {
            AtomNode::Size { name, .. } => self.constants.contains(pool.text(*name)),
            AtomNode::Product(atoms) => atoms.iter().all(|&atom| self.is_static_atom(pool, atom)),
            AtomNode::Div(a, b) | AtomNode::Mod(a, b) => self.is_static(pool, *a) && self.is_static(pool, *b),
            AtomNode::Axis { .. } | AtomNode::Read { .. } => false,
        }
    }
    /// How a tensor of this shape is held: leading axes up to the last run-time size are one run of rows.
    pub fn shape(&self, pool: &Pool, axes: &[Index]) -> Shape {
        if axes.is_empty() {
            return Shape::Number;
        }
        let leading = axes.iter().rposition(|&size| !self.is_static(pool, size)).map_or(0, |last| last + 1);
        if leading == 0 {
            Shape::Array(axes.to_vec())
        } else {
            Shape::Rows { leading: axes[..leading].to_vec(), row: axes[leading..].to_vec() }
        }
    }
    /// A literal of the element type that reads back as the same number.
    pub fn real(&self, value: f64) -> Text {
        let is_single = self.real == "f32";
        let single = value as f32;
        let real = &self.real;
        let size = if is_single { f64::from(single) } else { value };
        if size.is_nan() {
            return Text::atom(quote!(#real::NAN));
        }
        if size.is_infinite() {
            return if size > 0.0 { Text::atom(quote!(#real::INFINITY)) } else { Text::atom(quote!(#real::NEG_INFINITY)) };
        }
        let digits = if is_single { format!("{:?}", single.abs()) } else { format!("{:?}", value.abs()) };
        let literal: TokenStream = digits.parse().unwrap_or_else(|_| {
            let literal = Literal::f64_unsuffixed(value.abs());
            quote!(#literal)
        });
        if value < 0.0 { Text::new(quote!(-#literal), Level::Unary) } else { Text::atom(literal) }
    }
}

/// How a tensor is held in Rust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `f32`
    Number,
    /// `[[f32; 256]; 784]`
    Array(Vec<Index>),
    /// `[[f32; 784]]`: as many rows as the product of the leading sizes.
    Rows {
        /// Outermost first.
        leading: Vec<Index>,
        /// The sizes of a row; none for a row of numbers.
        row: Vec<Index>,
    },
    /// `[f32]`: all elements in a row, indexed by one number.
    Flat,
    /// `*x` in a loop over elements.
    Element,
}

/// The names of one function, and what its text needs from outside.
pub struct Scope<'a> {
    pub equations: &'a mut Equations,
    pub style: &'a Style,
    /// Tensors that can be read.
    pub tensors: BTreeMap<Name, (Ident, Shape)>,
    /// Axes that are bound.
    pub axes: BTreeMap<u32, Ident>,
    /// Run-time sizes that the text uses.
    pub sizes: BTreeSet<Name>,
    /// Scalars that have a name by now.
    pub values: BTreeMap<Scalar, Text>,
    /// Whether the text uses the instruction set.
    pub uses_token: bool,
    /// Identifiers that are taken.
    pub taken: BTreeSet<String>,
}

impl<'a> Scope<'a> {
    pub fn new(equations: &'a mut Equations, style: &'a Style) -> Self {
        let mut taken: BTreeSet<String> = ["s", "panel", "kernels", "parameters", "gradient", "workspace", "state", "optimizer", BATCH]
            .into_iter()
            .map(String::from)
            .collect();
        taken.extend(style.constants.iter().chain(&style.sizes).cloned());
        Scope {
            equations,
            style,
            tensors: BTreeMap::new(),
            axes: BTreeMap::new(),
            sizes: BTreeSet::new(),
            values: BTreeMap::new(),
            uses_token: false,
            taken,
        }
    }
    /// An identifier that nothing else here has.
    pub fn fresh(&mut self, wish: &str) -> Ident {
        fresh(&mut self.taken, wish)
    }
    /// The call of an elementary function.
    fn call(&mut self, name: &str, arguments: &[TokenStream]) -> Text {
        let function = identifier(name);
        if !self.style.apart || self.style.real != "f64" {
            self.uses_token = true;
            return Text::atom(quote!(kernels::#function(s, #(#arguments),*)));
        }
        let plain = ["abs", "floor", "powi", "sqrt", "maximum", "minimum"].contains(&name);
        self.uses_token |= !plain;
        Text::atom(if plain {
            quote!(kernels::double::#function(#(#arguments),*))
        } else {
            quote!(kernels::double::#function(s, #(#arguments),*))
        })
    }
    fn pool(&mut self) -> &mut Pool {
        &mut self.equations.pool
    }

    /// A position or count: never negative where it is used.
    pub fn count(&mut self, index: Index) -> Text {
        if self.is_natural(index) {
            let affine = self.equations.pool.affine(index).clone();
            self.linear(&affine, false)
        } else {
            let signed = self.signed(index).within(Level::Cast);
            Text::new(quote!(#signed as usize), Level::Cast)
        }
    }
    /// As `isize`.
    pub fn signed(&mut self, index: Index) -> Text {
        let affine = self.equations.pool.affine(index).clone();
        self.linear(&affine, true)
    }
    /// Whether all parts can be computed in `usize`.
    fn is_natural(&mut self, index: Index) -> bool {
        let terms = self.equations.pool.affine(index).terms.clone();
        terms.into_iter().all(|(atom, _)| self.is_natural_atom(atom))
    }
    fn is_natural_atom(&mut self, atom: Atom) -> bool {
        match self.equations.pool.atom(atom).clone() {
            AtomNode::Axis { .. } | AtomNode::Size { .. } => true,
            AtomNode::Product(atoms) => atoms.into_iter().all(|atom| self.is_natural_atom(atom)),
            AtomNode::Div(x, m) | AtomNode::Mod(x, m) => self.pool().never_negative(x) && self.is_natural(x) && self.is_natural(m),
            AtomNode::Read { low, .. } => self.pool().never_negative(low),
        }
    }
    fn linear(&mut self, affine: &Affine, signed: bool) -> Text {
        let mut tokens = TokenStream::new();
        let mut parts = 0;
        let mut level = Level::Atom;
        let positive: Vec<(Atom, i64)> = affine.terms.iter().copied().filter(|&(_, k)| k > 0).collect();
        let negative: Vec<(Atom, i64)> = affine.terms.iter().copied().filter(|&(_, k)| k < 0).collect();
        for &(atom, k) in &positive {
            let term = self.term(atom, k, signed);
            if parts > 0 {
                let term = term.within(Level::Product);
                tokens.extend(quote!(+ #term));
            } else {
                level = term.level;
                tokens = term.tokens;
            }
            parts += 1;
        }
        let constant = affine.constant;
        if constant > 0 || parts == 0 {
            let literal = if constant < 0 { Literal::i64_unsuffixed(0) } else { Literal::i64_unsuffixed(constant) };
            if !(constant <= 0 && parts == 0 && negative.is_empty() && constant != 0) {
                tokens.extend(if parts > 0 { quote!(+ #literal) } else { quote!(#literal) });
                parts += 1;
            }
        }
        for &(atom, k) in &negative {
            let term = self.term(atom, -k, signed).within(Level::Product);
            tokens.extend(quote!(- #term));
            parts += 1;
        }
        if constant < 0 {
            let literal = Literal::i64_unsuffixed(-constant);
            tokens.extend(quote!(- #literal));
            if parts == 0 {
                return Text::new(tokens, Level::Unary);
            }
            parts += 1;
        }
        Text::new(tokens, if parts > 1 { Level::Sum } else { level })
    }
    fn term(&mut self, atom: Atom, k: i64, signed: bool) -> Text {
        let atom = self.atom(atom, signed);
        if k == 1 {
            return atom;
        }
        let (literal, atom) = (Literal::i64_unsuffixed(k), atom.within(if signed { Level::Cast } else { Level::Unary }));
        Text::new(quote!(#literal * #atom), Level::Product)
    }
    fn atom(&mut self, atom: Atom, signed: bool) -> Text {
        let text = match self.equations.pool.atom(atom).clone() {
            AtomNode::Axis { number, .. } => {
                let axis = self.axes.get(&number).cloned().unwrap_or_else(|| identifier("unbound"));
                Text::atom(quote!(#axis))
            }
            AtomNode::Size { name, .. } => {
                let text = self.equations.pool.text(name).to_string();
                if !self.style.constants.contains(&text) {
                    self.sizes.insert(name);
                }
                let size = identifier(&text);
                Text::atom(quote!(#size))
            }
            AtomNode::Product(atoms) => {
                let mut tokens = TokenStream::new();
                for (position, atom) in atoms.into_iter().enumerate() {
                    let atom = self.atom(atom, signed).within(Level::Cast);
                    tokens.extend(if position > 0 { quote!(* #atom) } else { quote!(#atom) });
                }
                return Text::new(tokens, Level::Product);
            }
            AtomNode::Div(x, m) if signed => {
                let (x, m) = (self.signed(x).within(Level::Atom), self.signed(m).tokens);
                return Text::atom(quote!(#x.div_euclid(#m)));
            }
            AtomNode::Mod(x, m) if signed => {
                let (x, m) = (self.signed(x).within(Level::Atom), self.signed(m).tokens);
                return Text::atom(quote!(#x.rem_euclid(#m)));
            }
            AtomNode::Div(x, m) => {
                let (x, m) = (self.count(x).within(Level::Product), self.count(m).within(Level::Cast));
                return Text::new(quote!(#x / #m), Level::Product);
            }
            AtomNode::Mod(x, m) => {
                let (x, m) = (self.count(x).within(Level::Product), self.count(m).within(Level::Cast));
                return Text::new(quote!(#x % #m), Level::Product);
            }
            AtomNode::Read { tensor, at, .. } => {
                let element = self.element(tensor, &at).within(Level::Cast);
                let integer = if signed { quote!(isize) } else { quote!(usize) };
                return Text::new(quote!(#element as #integer), Level::Cast);
            }
        };
        if signed {
            let text = text.within(Level::Cast);
            return Text::new(quote!(#text as isize), Level::Cast);
        }
        text
    }

    /// An element of a tensor, as a place.
    pub fn element(&mut self, tensor: Name, at: &[Index]) -> Text {
        let (name, shape) = match self.tensors.get(&tensor) {
            Some((name, shape)) => (name.clone(), shape.clone()),
            None => (identifier("unknown"), Shape::Number),
        };
        match shape {
            Shape::Number => Text::atom(quote!(#name)),
            Shape::Element => Text::new(quote!(*#name), Level::Unary),
            Shape::Flat => {
                let axes = self.equations.tensors[&tensor].axes.clone();
                let position = if at.len() == 1 { at[0] } else { self.pool().flat(at, &axes) };
                let position = self.count(position).tokens;
                Text::atom(quote!(#name[#position]))
            }
            Shape::Array(_) => {
                let at: Vec<TokenStream> = at.iter().map(|&index| self.count(index).tokens).collect();
                Text::atom(quote!(#name #([#at])*))
            }
            Shape::Rows { leading, row } => {
                let all: Vec<Index> = leading.iter().chain(&row).copied().collect();
                let mut indices = Vec::new();
                if row.is_empty() {
                    indices.push(self.pool().flat(at, &all));
                } else {
                    let (first, rest) = at.split_at(leading.len());
                    indices.push(self.pool().flat(first, &leading));
                    indices.extend(rest);
                }
                let at: Vec<TokenStream> = indices.into_iter().map(|index| self.count(index).tokens).collect();
                Text::atom(quote!(#name #([#at])*))
            }
        }
    }

    /// A real expression.
    pub fn scalar(&mut self, scalar: Scalar) -> Text {
        if let Some(text) = self.values.get(&scalar) {
            return text.clone();
        }
        match self.equations.pool.scalar(scalar).clone() {
            ScalarNode::Constant(value) => self.style.real(value.value()),
            ScalarNode::Read { tensor, at } => self.element(tensor, &at),
            ScalarNode::Add(terms) => self.sum(&terms),
            ScalarNode::Mul(factors) => self.product(&factors),
            ScalarNode::Power(base, exponent) => self.power(base, exponent.value()),
            ScalarNode::Max(a, b) => {
                let (a, b) = (self.scalar(a).tokens, self.scalar(b).tokens);
                self.call("maximum", &[a, b])
            }
            ScalarNode::Select(condition, a, b) => {
                let condition = self.condition(condition).tokens;
                let (a, b) = (self.branch(a), self.branch(b));
                Text::new(quote!(if #condition { #a } else { #b }), Level::Open)
            }
            ScalarNode::Real(index) => {
                let natural = self.is_natural(index) && self.pool().never_negative(index);
                let text = if natural { self.count(index) } else { self.signed(index) };
                let (text, real) = (text.within(Level::Cast), self.style.real.clone());
                Text::new(quote!(#text as #real), Level::Cast)
            }
            ScalarNode::Apply(function, x) => {
                let x = self.scalar(x).tokens;
                let name = match function {
                    Function::Exp => "exp",
                    Function::Log => "ln",
                    Function::Tanh => "tanh",
                    Function::Sigmoid => "sigmoid",
                    Function::Softplus => "softplus",
                    Function::Erf => "erf",
                    Function::Sin => "sin",
                    Function::Cos => "cos",
                    Function::Abs => "abs",
                    Function::Floor => "floor",
                };
                self.call(name, &[x])
            }
            ScalarNode::Stop(x) => self.scalar(x),
        }
    }
    /// What stands between the braces of a branch.
    fn branch(&mut self, scalar: Scalar) -> TokenStream {
        let before = self.values.clone();
        let (statements, value) = self.value(scalar);
        self.values = before;
        let value = value.tokens;
        quote!(#statements #value)
    }
    /// A term without its sign, and whether it is subtracted.
    fn signed_term(&mut self, term: Scalar) -> (bool, Text) {
        let pool = &self.equations.pool;
        if self.values.contains_key(&term) {
            return (false, self.scalar(term));
        }
        match pool.scalar(term).clone() {
            ScalarNode::Constant(value) if value.value() < 0.0 => (true, self.style.real(-value.value())),
            ScalarNode::Mul(factors) if pool.number_of(factors[0]).is_some_and(|k| k < 0.0) => {
                let k = pool.number_of(factors[0]).unwrap_or(-1.0);
                // -max(-a, -b) is min(a, b)
                if k == -1.0 && factors.len() == 2 && self.minimum_of(factors[1]).is_some() {
                    return (false, self.product(&factors));
                }
                let mut positive = factors[1..].to_vec();
                if k != -1.0 {
                    let k = self.pool().constant(-k);
                    positive.insert(0, k);
                }
                (true, if positive.len() == 1 { self.scalar(positive[0]) } else { self.product(&positive) })
            }
            _ => (false, self.scalar(term)),
        }
    }
    fn sum(&mut self, terms: &[Scalar]) -> Text {
        let mut parts: Vec<(bool, Text)> = terms.iter().map(|&term| self.signed_term(term)).collect();
        if let Some(first) = parts.iter().position(|&(negative, _)| !negative) {
            parts[..=first].rotate_right(1);
        }
        let mut tokens = TokenStream::new();
        for (position, (negative, text)) in parts.into_iter().enumerate() {
            let text = text.within(Level::Product);
            tokens.extend(match (position, negative) {
                (0, false) => text,
                (0, true) => quote!(-#text),
                (_, false) => quote!(+ #text),
                (_, true) => quote!(- #text),
            });
        }
        Text::new(tokens, Level::Sum)
    }
    /// `(-a, -b)` negated, of `max(-a, -b)`.
    fn minimum_of(&mut self, scalar: Scalar) -> Option<(Scalar, Scalar)> {
        let ScalarNode::Max(a, b) = *self.equations.pool.scalar(scalar) else { return None };
        let negative = |pool: &Pool, x: Scalar| match pool.scalar(x) {
            ScalarNode::Constant(_) => true,
            ScalarNode::Mul(factors) => pool.number_of(factors[0]).is_some_and(|k| k < 0.0),
            _ => false,
        };
        if !negative(&self.equations.pool, a) || !negative(&self.equations.pool, b) {
            return None;
        }
        let pool = self.pool();
        Some((pool.negative(a), pool.negative(b)))
    }
    fn product(&mut self, factors: &[Scalar]) -> Text {
        if let [minus, other] = factors[..]
            && self.equations.pool.number_of(minus) == Some(-1.0)
            && let Some((a, b)) = self.minimum_of(other)
        {
            let (a, b) = (self.scalar(a).tokens, self.scalar(b).tokens);
            return self.call("minimum", &[a, b]);
        }
        let (mut above, mut below, mut negative) = (Vec::new(), Vec::new(), false);
        for &factor in factors {
            if self.values.contains_key(&factor) {
                above.push(self.scalar(factor));
                continue;
            }
            match *self.equations.pool.scalar(factor) {
                ScalarNode::Constant(value) if value.value() == -1.0 => negative = true,
                ScalarNode::Constant(value) if value.value() < 0.0 => {
                    negative = true;
                    above.push(self.style.real(-value.value()));
                }
                ScalarNode::Power(base, exponent) if exponent.value() < 0.0 => below.push(self.positive_power(base, -exponent.value())),
                _ => above.push(self.scalar(factor)),
            }
        }
        if above.is_empty() {
            above.push(self.style.real(1.0));
        }
        let mut tokens = TokenStream::new();
        let count = above.len() + below.len();
        let level = above[0].level;
        for (position, text) in above.iter().enumerate() {
            let text = text.within(Level::Unary);
            tokens.extend(if position > 0 { quote!(* #text) } else { text });
        }
        for text in below {
            let text = text.within(Level::Unary);
            tokens.extend(quote!(/ #text));
        }
        match (negative, count) {
            (false, 1) => Text::new(tokens, level),
            (false, _) => Text::new(tokens, Level::Product),
            (true, 1) => {
                let text = Text::new(tokens, level).within(Level::Unary);
                Text::new(quote!(-#text), Level::Unary)
            }
            (true, _) => Text::new(quote!(-#tokens), Level::Product),
        }
    }
    fn power(&mut self, base: Scalar, exponent: f64) -> Text {
        if exponent > 0.0 {
            return self.positive_power(base, exponent);
        }
        let (one, below) = (self.style.real(1.0).tokens, self.positive_power(base, -exponent).within(Level::Unary));
        Text::new(quote!(#one / #below), Level::Product)
    }
    fn positive_power(&mut self, base: Scalar, exponent: f64) -> Text {
        let text = self.scalar(base);
        if exponent == 1.0 {
            return text;
        }
        let tokens = text.tokens.clone();
        if exponent == 0.5 {
            self.call("sqrt", &[tokens])
        } else if (exponent == 2.0 || exponent == 3.0)
            && text.level <= Level::Unary
            && (is_short(&self.equations.pool, base) || self.values.contains_key(&base))
        {
            let text = text.within(Level::Unary);
            let cube = if exponent == 3.0 { quote!(* #text) } else { quote!() };
            Text::new(quote!(#text * #text #cube), Level::Product)
        } else if exponent.fract() == 0.0 && exponent < 1e9 {
            let exponent = Literal::i64_unsuffixed(exponent as i64);
            self.call("powi", &[tokens, quote!(#exponent)])
        } else {
            let exponent = self.style.real(exponent).tokens;
            let logarithm = self.call("ln", &[tokens]).tokens;
            self.call("exp", &[quote!(#exponent * #logarithm)])
        }
    }

    /// A truth value.
    pub fn condition(&mut self, condition: Condition) -> Text {
        match self.equations.pool.condition(condition).clone() {
            ConditionNode::True => Text::atom(quote!(true)),
            ConditionNode::False => Text::atom(quote!(false)),
            ConditionNode::NonNegative(index) => self.sides(index, quote!(>=), quote!(<=)),
            ConditionNode::Zero(index) => self.sides(index, quote!(==), quote!(==)),
            ConditionNode::Compare(relation, a, b) => {
                let (a, b) = (self.scalar(a).within(Level::Unary), self.scalar(b));
                let b = if b.level == Level::Cast { b.tokens } else { b.within(Level::Sum) };
                let relation = match relation {
                    Relation::Less => quote!(<),
                    Relation::LessEqual => quote!(<=),
                    Relation::Equal => quote!(==),
                };
                Text::new(quote!(#a #relation #b), Level::Comparison)
            }
            ConditionNode::All(parts) => {
                let mut tokens = TokenStream::new();
                // Bounds first: a comparison of elements may stand where only they hold.
                for (position, part) in parts.into_iter().enumerate() {
                    let part = self.condition(part).within(Level::Comparison);
                    tokens.extend(if position > 0 { quote!(&& #part) } else { part });
                }
                Text::new(tokens, Level::And)
            }
            ConditionNode::Not(inner) => match *self.equations.pool.condition(inner) {
                ConditionNode::Zero(index) => self.sides(index, quote!(!=), quote!(!=)),
                _ => {
                    let inner = self.condition(inner).tokens;
                    Text::new(quote!(!(#inner)), Level::Unary)
                }
            },
        }
    }
    /// `positive parts RELATION negative parts`, of `index RELATION 0`; axes on the left if they are on one side only.
    fn sides(&mut self, index: Index, relation: TokenStream, turned: TokenStream) -> Text {
        let affine = self.equations.pool.affine(index).clone();
        let natural = self.is_natural(index);
        let mut left = Affine { constant: affine.constant.max(0), terms: Vec::new() };
        let mut right = Affine { constant: affine.constant.saturating_neg().max(0), terms: Vec::new() };
        for (atom, k) in affine.terms {
            if k > 0 { left.terms.push((atom, k)) } else { right.terms.push((atom, k.saturating_neg())) }
        }
        let moving = |pool: &Pool, side: &Affine| side.terms.iter().any(|&(atom, _)| !pool.axes_of_atom(atom).is_empty());
        let turn = !moving(&self.equations.pool, &left) && moving(&self.equations.pool, &right);
        let (left, right) = (self.linear(&left, !natural), self.linear(&right, !natural));
        let (left, right, relation) = if turn { (right, left, turned) } else { (left, right, relation) };
        // `a as usize < b` would open generics.
        let (left, right) = (left.within(if left.level == Level::Cast { Level::Atom } else { Level::Sum }), right.within(Level::Sum));
        Text::new(quote!(#left #relation #right), Level::Comparison)
    }
}

/// Whether an expression is short enough to be written twice.
fn is_short(pool: &Pool, scalar: Scalar) -> bool {
    matches!(pool.scalar(scalar), ScalarNode::Read { .. } | ScalarNode::Constant(_))
}

/// A valid identifier that reads like a name: dots become `_`, and a word of Rust gets `_` behind.
pub fn identifier_text(name: &str) -> String {
    let mut text: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect();
    if text.is_empty() || text.starts_with(|c: char| c.is_ascii_digit()) {
        text.insert(0, '_');
    }
    if is_word_of_rust(&text) || text.chars().all(|c| c == '_') {
        text.push('_');
    }
    text
}

/// [`identifier_text`] as a token.
pub fn identifier(name: &str) -> Ident {
    Ident::new(&identifier_text(name), Span::call_site())
}

/// Keywords of any edition, and what tokens treat like one.
fn is_word_of_rust(text: &str) -> bool {
    const WORDS: [&str; 53] = [
        "Self", "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn", "else", "enum",
        "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod", "move", "mut",
        "override", "priv", "pub", "ref", "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof", "union",
        "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
    ];
    WORDS.contains(&text)
}

/// An identifier like `wish` that is not taken, and is from now on.
pub fn fresh(taken: &mut BTreeSet<String>, wish: &str) -> Ident {
    let wish = identifier_text(wish);
    let (mut text, mut number) = (wish.clone(), 1);
    while !taken.insert(text.clone()) {
        number += 1;
        text = format!("{wish}_{number}");
    }
    identifier(&text)
}

/// A literal of `f64`.
pub fn double(value: f64) -> TokenStream {
    Style { real: identifier("f64"), constants: BTreeSet::new(), sizes: BTreeSet::new(), apart: false }.real(value).tokens
}
