//! Integer expressions: linear combinations of atoms, and the rules on them.
//!
//! Every axis carries its size, so bounds are known while an expression is built, and what bounds decide is simplified at once.
//! Sizes are polynomials over named sizes, each at least 1 (the batch at least 0). All rules are exact.

use super::pool::{Atom, Index, Name, Pool};
use std::collections::BTreeMap;

/// `constant + sum coefficient * atom`; atoms in the order of [`Pool::compare_atoms`], each once, coefficients not 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Affine {
    /// The part without atoms.
    pub constant: i64,
    /// The other parts.
    pub terms: Vec<(Atom, i64)>,
}

/// What an index is a linear combination of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AtomNode {
    /// An index that runs over `0 .. size`.
    Axis {
        /// Its place among the axes of its equation: those of the result, then the reduced ones.
        number: u32,
        /// Free of axes.
        size: Index,
    },
    /// A size known only by name: the batch, a run-time size, a constant of Rust.
    Size {
        /// The name.
        name: Name,
        /// The least it can be: 0 for the batch, 1 for all others.
        least: i64,
    },
    /// A product of two or more atoms, none of them a product, in order.
    Product(Vec<Atom>),
    /// Division that rounds down; the divisor is at least 1 and free of axes.
    Div(Index, Index),
    /// The remainder of [`AtomNode::Div`]: in `0 .. divisor`.
    Mod(Index, Index),
    /// An element of an integer tensor.
    Read {
        /// The tensor.
        tensor: Name,
        /// Which element.
        at: Vec<Index>,
        /// The least it can be; free of axes.
        low: Index,
        /// One past the largest; free of axes.
        high: Index,
    },
}

/// A polynomial over atoms that are at least 0: sorted atoms to coefficient.
type Polynomial = BTreeMap<Vec<Atom>, i128>;

impl Pool {
    /// A whole number.
    pub fn integer(&mut self, value: i64) -> Index {
        self.intern_index(Affine { constant: value, terms: Vec::new() })
    }
    /// Axis `number` of an equation, which runs over `0 .. size`; 0 itself where the size is 1.
    pub fn axis(&mut self, number: u32, size: Index) -> Index {
        if self.constant_of(size) == Some(1) {
            return self.integer(0);
        }
        let atom = self.intern_atom(AtomNode::Axis { number, size });
        self.index_of_atom(atom)
    }
    /// A size known by name, at least `least`.
    pub fn size(&mut self, name: &str, least: i64) -> Index {
        let name = self.name(name);
        let atom = self.intern_atom(AtomNode::Size { name, least });
        self.index_of_atom(atom)
    }
    /// An element of an integer tensor with values `low .. high`.
    pub fn read_integer(&mut self, tensor: Name, at: Vec<Index>, low: Index, high: Index) -> Index {
        let atom = self.intern_atom(AtomNode::Read { tensor, at, low, high });
        self.index_of_atom(atom)
    }
    /// One atom as an index.
    pub fn index_of_atom(&mut self, atom: Atom) -> Index {
        self.intern_index(Affine { constant: 0, terms: vec![(atom, 1)] })
    }
    /// The value, if it is a number.
    pub fn constant_of(&self, index: Index) -> Option<i64> {
        let affine = self.affine(index);
        affine.terms.is_empty().then_some(affine.constant)
    }
    /// The number of the axis, if the index is just that axis.
    pub fn axis_of(&self, index: Index) -> Option<u32> {
        let Affine { constant: 0, terms } = self.affine(index) else { return None };
        let [(atom, 1)] = terms[..] else { return None };
        match self.atom(atom) {
            AtomNode::Axis { number, .. } => Some(*number),
            _ => None,
        }
    }

    /// The name, if the index is just a size that is known by name.
    pub fn size_name(&self, index: Index) -> Option<Name> {
        let Affine { constant: 0, terms } = self.affine(index) else { return None };
        let [(atom, 1)] = terms[..] else { return None };
        match self.atom(atom) {
            AtomNode::Size { name, .. } => Some(*name),
            _ => None,
        }
    }

    /// `a + b`
    pub fn plus(&mut self, a: Index, b: Index) -> Index {
        self.combine(&[(a, 1), (b, 1)])
    }
    /// `a - b`
    pub fn minus(&mut self, a: Index, b: Index) -> Index {
        self.combine(&[(a, 1), (b, -1)])
    }
    /// `a + k`
    pub fn offset(&mut self, a: Index, k: i64) -> Index {
        let mut affine = self.affine(a).clone();
        affine.constant = affine.constant.saturating_add(k);
        self.intern_index(affine)
    }
    /// `k * a`
    pub fn scaled(&mut self, a: Index, k: i64) -> Index {
        self.combine(&[(a, k)])
    }
    /// `sum coefficient * part`
    pub fn combine(&mut self, parts: &[(Index, i64)]) -> Index {
        let mut constant = 0i64;
        let mut terms: Vec<(Atom, i64)> = Vec::new();
        for &(part, k) in parts {
            let affine = self.affine(part);
            constant = constant.saturating_add(affine.constant.saturating_mul(k));
            terms.extend(affine.terms.iter().map(|&(atom, c)| (atom, c.saturating_mul(k))));
        }
        self.canonical(constant, terms)
    }
    fn canonical(&mut self, constant: i64, mut terms: Vec<(Atom, i64)>) -> Index {
        terms.sort_by(|&(a, _), &(b, _)| self.compare_atoms(a, b));
        terms.dedup_by(|(b, l), (a, k)| {
            let same = a == b;
            if same {
                *k = k.saturating_add(*l);
            }
            same
        });
        terms.retain(|&(_, k)| k != 0);
        // k * m * (x div m) + k * (x mod m) = k * x
        for position in 0..terms.len() {
            let (atom, k) = terms[position];
            let AtomNode::Mod(x, m) = *self.atom(atom) else { continue };
            let quotient = self.divide(x, m);
            let product = self.times(quotient, m);
            let product = self.affine(product).clone();
            let [(other, l)] = product.terms[..] else { continue };
            if product.constant != 0 || !matches!(self.atom(other), AtomNode::Div(..) | AtomNode::Product(_)) {
                continue;
            }
            if terms.iter().any(|&(a, c)| a == other && c == l.saturating_mul(k)) {
                self.fire("recompose-div-mod");
                terms.retain(|&(a, _)| a != atom && a != other);
                let rest = self.canonical(constant, terms);
                return self.combine(&[(rest, 1), (x, k)]);
            }
        }
        self.intern_index(Affine { constant, terms })
    }
    /// `a * b`, expanded.
    pub fn times(&mut self, a: Index, b: Index) -> Index {
        let (a, b) = (self.affine(a).clone(), self.affine(b).clone());
        let one = |affine: &Affine| {
            let mut parts: Vec<(Vec<Atom>, i64)> = affine.terms.iter().map(|&(atom, k)| (vec![atom], k)).collect();
            if affine.constant != 0 {
                parts.push((Vec::new(), affine.constant));
            }
            parts
        };
        let mut constant = 0i64;
        let mut terms = Vec::new();
        for (p, k) in one(&a) {
            for (q, l) in one(&b) {
                let product = k.saturating_mul(l);
                match self.product_atom(p.iter().chain(&q).copied().collect()) {
                    None => constant = constant.saturating_add(product),
                    Some(atom) => terms.push((atom, product)),
                }
            }
        }
        self.canonical(constant, terms)
    }
    fn product_atom(&mut self, atoms: Vec<Atom>) -> Option<Atom> {
        let mut flat = self.factors(&atoms);
        flat.sort_by(|&a, &b| self.compare_atoms(a, b));
        match flat.len() {
            0 => None,
            1 => Some(flat[0]),
            _ => Some(self.intern_atom(AtomNode::Product(flat))),
        }
    }
    fn factors(&self, atoms: &[Atom]) -> Vec<Atom> {
        let mut flat = Vec::new();
        for &atom in atoms {
            match self.atom(atom) {
                AtomNode::Product(parts) => flat.extend(parts),
                _ => flat.push(atom),
            }
        }
        flat
    }
    /// The product of all sizes: how many elements a shape has.
    pub fn count(&mut self, sizes: &[Index]) -> Index {
        let one = self.integer(1);
        sizes.iter().fold(one, |count, &size| self.times(count, size))
    }
    /// The row-major number of the element `at` of a tensor of this shape.
    pub fn flat(&mut self, at: &[Index], sizes: &[Index]) -> Index {
        let zero = self.integer(0);
        at.iter().zip(sizes).fold(zero, |flat, (&index, &size)| {
            let flat = self.times(flat, size);
            self.plus(flat, index)
        })
    }

    /// `x` as `m * whole + rest`, each term in `whole` if it can be.
    fn split(&mut self, x: Index, m: Index) -> (Index, Index) {
        let divisor = self.affine(m).clone();
        let affine = self.affine(x).clone();
        let (mut whole, mut rest) = (Vec::new(), Vec::new());
        let (whole_constant, rest_constant) = match (divisor.constant, &divisor.terms[..]) {
            (c, []) if c >= 1 => {
                for &(atom, k) in &affine.terms {
                    // k = c * floor(k / c) + rest: only whole multiples, so that the rest keeps its form
                    if k % c == 0 { whole.push((atom, k / c)) } else { rest.push((atom, k)) }
                }
                (affine.constant.div_euclid(c), affine.constant.rem_euclid(c))
            }
            (0, &[(by, c)]) => {
                let by = self.factors(&[by]);
                let mut whole_constant = 0;
                for &(atom, k) in &affine.terms {
                    let mut left = self.factors(&[atom]);
                    let contained = by.iter().all(|b| left.iter().position(|l| l == b).map(|at| left.remove(at)).is_some());
                    if contained && k % c == 0 {
                        match self.product_atom(left) {
                            None => whole_constant += k / c,
                            Some(atom) => whole.push((atom, k / c)),
                        }
                    } else {
                        rest.push((atom, k));
                    }
                }
                (whole_constant, affine.constant)
            }
            _ if x == m => (1, 0),
            _ => {
                rest = affine.terms;
                (0, affine.constant)
            }
        };
        (self.canonical(whole_constant, whole), self.canonical(rest_constant, rest))
    }
    /// Whether `0 <= x < m` always.
    fn below(&mut self, x: Index, m: Index) -> bool {
        let last = self.minus(m, x);
        let last = self.offset(last, -1);
        self.never_negative(x) && self.never_negative(last)
    }
    /// Whether `-m <= x < 0` always.
    fn just_below(&mut self, x: Index, m: Index) -> bool {
        let sum = self.plus(x, m);
        self.always_negative(x) && self.never_negative(sum)
    }
    /// `x / m`, rounded down; `m` is at least 1.
    pub fn divide(&mut self, x: Index, m: Index) -> Index {
        let (whole, rest) = self.split(x, m);
        if self.constant_of(rest) == Some(0) {
            return whole;
        }
        if self.below(rest, m) {
            self.fire("div-range");
            return whole;
        }
        if let Some((g, inner, left)) = self.common_step(rest, m) {
            // (g * p + q) div m = p div (m / g) where 0 <= q < g and g divides m
            self.fire("div-gcd");
            let _ = left;
            let quotient = self.divide(inner, g);
            return self.plus(whole, quotient);
        }
        if self.just_below(rest, m) {
            self.fire("div-range");
            return self.offset(whole, -1);
        }
        if let &Affine { constant: 0, ref terms } = self.affine(rest)
            && let [(atom, 1)] = terms[..]
            && let AtomNode::Div(inner, by) = *self.atom(atom)
        {
            self.fire("div-div");
            let by = self.times(by, m);
            let quotient = self.divide(inner, by);
            return self.plus(whole, quotient);
        }
        let atom = self.intern_atom(AtomNode::Div(rest, m));
        let quotient = self.index_of_atom(atom);
        self.plus(whole, quotient)
    }
    /// `x - m * (x / m)`, in `0 .. m`; `m` is at least 1.
    pub fn remainder(&mut self, x: Index, m: Index) -> Index {
        let (_, rest) = self.split(x, m);
        if self.constant_of(rest) == Some(0) {
            return rest;
        }
        if self.below(rest, m) {
            self.fire("mod-range");
            return rest;
        }
        if self.just_below(rest, m) {
            self.fire("mod-range");
            return self.plus(rest, m);
        }
        if let Some((quotient_by, inner, left)) = self.common_step(rest, m) {
            // (g * p + q) mod m = g * (p mod (m / g)) + q
            self.fire("mod-gcd");
            let remainder = self.remainder(inner, quotient_by);
            let g = self.exact_quotient(m, quotient_by);
            let scaled = self.times(remainder, g);
            return self.plus(scaled, left);
        }
        let atom = self.intern_atom(AtomNode::Mod(rest, m));
        self.index_of_atom(atom)
    }
    fn exact_quotient(&mut self, a: Index, b: Index) -> Index {
        let (whole, _) = self.split(a, b);
        whole
    }
    /// For `x = g * p + q` with `0 <= q < g`, `g > 1` and `g` dividing `m`: (`m / g`, `p`, `q`), for the largest such `g`.
    fn common_step(&mut self, x: Index, m: Index) -> Option<(Index, Index, Index)> {
        let mut candidates = Vec::new();
        let terms = self.affine(x).terms.clone();
        if let Some(m) = self.constant_of(m) {
            let mut steps: Vec<i64> =
                terms.iter().map(|&(_, k)| greatest_common_divisor(k.unsigned_abs(), m.unsigned_abs()) as i64).filter(|&g| g > 1).collect();
            steps.sort_unstable_by(|a, b| b.cmp(a));
            steps.dedup();
            for g in steps {
                candidates.push((self.integer(g), self.integer(m / g)));
            }
        } else if let Affine { constant: 0, terms: divisor } = self.affine(m).clone()
            && let [(by, c)] = divisor[..]
        {
            // m = c * a * b * …: try each single factor and the coefficient
            let factors = self.factors(&[by]);
            for at in (0..factors.len()).rev() {
                if factors.len() == 1 && c == 1 {
                    break;
                }
                let g = self.index_of_atom(factors[at]);
                let mut others = factors.clone();
                others.remove(at);
                let others = self.product_atom(others);
                let by = match others {
                    None => self.integer(c),
                    Some(atom) => self.canonical(0, vec![(atom, c)]),
                };
                candidates.push((g, by));
            }
            if c > 1 {
                let by = self.index_of_atom(by);
                candidates.push((self.integer(c), by));
            }
        }
        for (g, by) in candidates {
            let (p, q) = self.split(x, g);
            if self.constant_of(p) != Some(0) && self.below(q, g) {
                return Some((by, p, q));
            }
        }
        None
    }

    /// The least (or greatest) value, as a size; nothing if it cannot be told.
    pub fn extreme(&mut self, index: Index, greatest: bool) -> Option<Index> {
        let affine = self.affine(index).clone();
        let mut parts = vec![(self.integer(affine.constant), 1)];
        for (atom, k) in affine.terms {
            parts.push((self.atom_extreme(atom, greatest == (k > 0))?, k));
        }
        Some(self.combine(&parts))
    }
    fn atom_extreme(&mut self, atom: Atom, greatest: bool) -> Option<Index> {
        match self.atom(atom).clone() {
            AtomNode::Axis { size, .. } => Some(if greatest { self.offset(size, -1) } else { self.integer(0) }),
            AtomNode::Size { .. } => Some(self.index_of_atom(atom)),
            AtomNode::Read { low, high, .. } => Some(if greatest { self.offset(high, -1) } else { low }),
            AtomNode::Product(atoms) => {
                let one = self.integer(1);
                let mut product = one;
                for atom in atoms {
                    let least = self.atom_extreme(atom, false)?;
                    if !self.never_negative_size(least) {
                        return None;
                    }
                    let part = if greatest { self.atom_extreme(atom, true)? } else { least };
                    product = self.times(product, part);
                }
                Some(product)
            }
            AtomNode::Div(x, m) => {
                if self.is_size(x) {
                    return Some(self.index_of_atom(atom));
                }
                let x = self.extreme(x, greatest)?;
                Some(self.divide(x, m))
            }
            AtomNode::Mod(x, m) => {
                if self.is_size(x) {
                    return Some(self.index_of_atom(atom));
                }
                Some(if greatest { self.offset(m, -1) } else { self.integer(0) })
            }
        }
    }
    /// Whether no axis and no element of a tensor occurs.
    pub fn is_size(&self, index: Index) -> bool {
        self.affine(index).terms.iter().all(|&(atom, _)| self.is_size_atom(atom))
    }
    pub(super) fn is_size_atom(&self, atom: Atom) -> bool {
        match self.atom(atom) {
            AtomNode::Axis { .. } | AtomNode::Read { .. } => false,
            AtomNode::Size { .. } => true,
            AtomNode::Product(atoms) => atoms.iter().all(|&atom| self.is_size_atom(atom)),
            AtomNode::Div(x, m) | AtomNode::Mod(x, m) => self.is_size(*x) && self.is_size(*m),
        }
    }
    /// Whether `index >= 0` is proved, whatever axes, sizes and elements are.
    pub fn never_negative(&mut self, index: Index) -> bool {
        if let Some(value) = self.constant_of(index) {
            return value >= 0;
        }
        match self.extreme(index, false) {
            Some(least) => self.never_negative_size(least),
            None => false,
        }
    }
    /// Whether `index < 0` is proved.
    pub fn always_negative(&mut self, index: Index) -> bool {
        let opposite = self.scaled(index, -1);
        let opposite = self.offset(opposite, -1);
        self.never_negative(opposite)
    }
    /// [`Pool::never_negative`] of an expression without axes: every size is its least plus something that is at least 0; if then
    /// no coefficient is negative, neither is the whole. A quotient counts as what it is at least, or at most.
    fn never_negative_size(&mut self, index: Index) -> bool {
        if let Some(value) = self.constant_of(index) {
            return value >= 0;
        }
        [false, true].into_iter().any(|relax| self.polynomial(index, relax).is_some_and(|p| p.values().all(|&k| k >= 0)))
    }
    fn polynomial(&mut self, index: Index, relax: bool) -> Option<Polynomial> {
        // Quotients and remainders by constants, at most a few deep: replaced by bounds, everything multiplied by the divisor.
        let mut index = index;
        for _ in 0..8 {
            let affine = self.affine(index).clone();
            let replaced = affine.terms.iter().find_map(|&(atom, k)| match *self.atom(atom) {
                AtomNode::Div(x, m) if k < 0 || relax => Some((atom, k, x, self.constant_of(m)?, true)),
                AtomNode::Mod(x, m) if k < 0 => Some((atom, k, x, self.constant_of(m)?, false)),
                _ => None,
            });
            let Some((atom, k, x, m, quotient)) = replaced else { break };
            let this = self.index_of_atom(atom);
            index = if quotient {
                // x - (m - 1) <= m * (x div m) <= x
                let bound = if k < 0 { x } else { self.offset(x, 1 - m) };
                self.combine(&[(index, m), (this, k.checked_mul(-m)?), (bound, k)])
            } else {
                let bound = self.integer(m - 1);
                self.combine(&[(index, 1), (this, -k), (bound, k)])
            };
            index = self.extreme(index, false)?;
        }
        let affine = self.affine(index).clone();
        let mut total = Polynomial::from([(Vec::new(), i128::from(affine.constant))]);
        for (atom, k) in affine.terms {
            let mut product = Polynomial::from([(Vec::new(), i128::from(k))]);
            for factor in self.factors(&[atom]) {
                let least = match self.atom(factor).clone() {
                    AtomNode::Size { least, .. } => least,
                    AtomNode::Div(x, _) if self.never_negative(x) => 0,
                    AtomNode::Mod(..) => 0,
                    _ => return None,
                };
                let mut next = Polynomial::new();
                for (atoms, k) in product {
                    *next.entry(atoms.clone()).or_default() += k.checked_mul(i128::from(least))?;
                    let mut atoms = atoms;
                    atoms.push(factor);
                    atoms.sort_unstable();
                    *next.entry(atoms).or_default() += k;
                }
                product = next;
            }
            for (atoms, k) in product {
                let entry = total.entry(atoms).or_default();
                *entry = entry.checked_add(k)?;
            }
        }
        Some(total)
    }
}

/// The largest number that divides both; the other one if one is 0.
pub(crate) fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}
