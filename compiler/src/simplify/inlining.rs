//! Recompute or keep: a pointwise equation is put into all its readers, and disappears, or it stays.
//!
//! It is put in
//! * where it is *trivial*: a single read, a number, an index; or
//! * where it is a number times a read and every reader is a contraction, which the number leaves; or
//! * where every reader computes as many elements as it has (the same sizes, in any order), no reader is a contraction of two tensors,
//!   which a sum of anything else would not be, and either it is read in a single place, or it is *cheap*: no function or power, and at
//!   most two reads.
//!
//! So no function is computed twice, nothing of low rank is recomputed for each element of a higher one, and contractions stay
//! contractions. A row-major view ([`is_view`]) that a reduction reads stays: it costs nothing, and the sum keeps plain axes. What alone
//! reads a reduction is its epilogue, and is not taken from it by several readers.

use super::{LARGEST, Work, size_of};
use crate::equations::{
    Atom, AtomNode, Definition, Element, Equation, Equations, Function, Index, Name, Part, Parts, Pool, Reduction, Rewrite, Scalar,
    ScalarNode, Tensor,
};
use std::collections::BTreeMap;

impl Work {
    /// Decides whether an equation is put into its readers.
    pub(super) fn decide(&mut self, name: Name) {
        if self.keep.contains(&name) || self.inlined.contains(&name) || !self.has_readers(name) {
            return;
        }
        if self.recurrent.contains(&name) && !self.is_read_in_place(name) {
            if let Some(of) = self.alias_of(name) {
                self.equations.pool.fire("alias");
                self.redirect(name, of, None);
            }
            return;
        }
        if !self.is_inlined(name) {
            return;
        }
        self.equations.pool.fire("inline");
        self.forget_key(name);
        self.inlined.insert(name);
        for reader in self.readers[&name].clone() {
            self.look_at(reader);
        }
    }
    fn is_inlined(&mut self, name: Name) -> bool {
        let tensor = &self.equations.tensors[&name];
        let Some(equation) = tensor.equation() else { return false };
        if equation.reduction.is_some() {
            return false;
        }
        let readers: Vec<Name> = self.readers[&name].iter().copied().collect();
        let reader = |work: &Self, reader: Name| work.equation(reader).cloned();
        if let Element::Integer { .. } = tensor.element {
            // an integer is an index; anything else that integers are computed from stays
            return matches!(self.equations.pool.scalar(equation.body), ScalarNode::Real(_));
        }
        let body = equation.body;
        let pool = &self.equations.pool;
        let reduces = |&by: &Name| self.equation(by).is_some_and(|equation| equation.reduction.is_some());
        if is_trivial(pool, body) {
            let keeps_views = readers.iter().any(reduces);
            return !(keeps_views && is_view(&mut self.equations, name));
        }
        if !self.inlines {
            return false;
        }
        let contracts = |&by: &Name| self.equation(by).is_some_and(|equation| is_contraction(pool, equation));
        if is_scaled_read(pool, body) && readers.iter().all(contracts) {
            return true; // the number leaves the sums again
        }
        let domain = self.domain_sizes(name);
        if readers.iter().any(|&reader| self.domain_sizes(reader) != domain) || readers.iter().any(contracts) {
            return false;
        }
        let places: usize = readers.iter().map(|reader| self.uses[reader].get(&name).copied().unwrap_or(0)).sum();
        let size = size_of(&self.equations.pool, body);
        let fits = readers
            .iter()
            .all(|&by| reader(self, by).is_some_and(|equation| size_of(&self.equations.pool, equation.body) + size <= LARGEST));
        if !fits {
            return false;
        }
        if places == 1 {
            return true;
        }
        let few_reads = self.uses[&name].values().sum::<usize>() <= 2;
        few_reads && !is_heavy(&self.equations.pool, body) && !self.is_epilogue(name)
    }
    /// Whether all its readers read it at the element that they compute, and it does not read itself.
    fn is_read_in_place(&self, name: Name) -> bool {
        let pool = &self.equations.pool;
        let axes = &self.equations.tensors[&name].axes;
        let in_place = |reader: &Name| {
            let Some(equation) = self.equation(*reader) else { return false };
            let mut plain = *reader != name && !pool.tensors_of_condition(equation.condition).contains(&name);
            pool.visit(Parts::of_scalar(equation.body), &mut |part| match part {
                Part::Scalar(scalar) => {
                    if let ScalarNode::Read { tensor, at } = pool.scalar(scalar)
                        && *tensor == name
                    {
                        plain &= is_own(pool, at, axes);
                    }
                }
                Part::Atom(atom) => plain &= !matches!(pool.atom(atom), AtomNode::Read { tensor, .. } if *tensor == name),
                _ => {}
            });
            plain
        };
        !self.uses[&name].contains_key(&name) && self.readers[&name].iter().all(in_place)
    }
    /// Whether it alone reads a reduction that is not asked for.
    fn is_epilogue(&self, name: Name) -> bool {
        self.uses[&name].keys().any(|&read| {
            let reduces = self.equation(read).is_some_and(|equation| equation.reduction.is_some());
            reduces && !self.keep.contains(&read) && self.readers[&read].len() == 1
        })
    }
    /// The sizes of all axes of an equation, without order; those of size 1 do not count.
    fn domain_sizes(&self, name: Name) -> Vec<Index> {
        let tensor = &self.equations.tensors[&name];
        let reduced = tensor.equation().map(|equation| equation.reduced.as_slice()).unwrap_or_default();
        let sizes = tensor.axes.iter().chain(reduced).copied();
        let mut sizes: Vec<Index> = sizes.filter(|&size| self.equations.pool.constant_of(size) != Some(1)).collect();
        sizes.sort_unstable();
        sizes
    }
    /// Puts in everything that this equation reads and that is to be put into its readers.
    pub(super) fn insert_inlined(&mut self, name: Name) {
        let Some(uses) = self.uses.get(&name) else { return };
        let mut bodies = BTreeMap::new();
        for read in uses.keys().filter(|read| self.inlined.contains(read)) {
            if let Some(equation) = self.equation(*read) {
                bodies.insert(*read, equation.body);
            }
        }
        if !bodies.is_empty() {
            self.rewrite(name, Inline(bodies));
        }
    }
    /// `y[i] = x[i]`: where `y` is asked for and `x` is not, or `x` is only a part of what `y` was, `y` takes the equation of `x`.
    pub(super) fn rename_alias(&mut self, name: Name) -> bool {
        let Some(of) = self.alias_of(name) else { return false };
        let pool = &self.equations.pool;
        let prefix = pool.text(of).strip_prefix(pool.text(name));
        let is_part = prefix.is_some_and(|rest| rest.starts_with("_via_") || rest.starts_with("_sum"));
        let takes = self.keep.contains(&name) || is_part;
        let free = !self.keep.contains(&of) && self.equation(of).is_some() && !self.recurrent.contains(&of) && !self.inlined.contains(&of);
        if !takes || !free {
            return false;
        }
        self.equations.pool.fire("alias");
        let mut moved = self.equations.tensors[&of].clone();
        if moved.labels.is_empty() {
            moved.labels = self.equations.tensors[&name].labels.clone();
        }
        self.position.insert(name, self.position[&of].min(self.position[&name]));
        self.set(name, moved);
        self.redirect(of, name, None);
        true
    }
    /// `x` where the equation is `y[i] = x[i]`.
    fn alias_of(&self, name: Name) -> Option<Name> {
        let tensor = &self.equations.tensors[&name];
        let Equation { reduction: None, body, .. } = tensor.equation()? else { return None };
        let ScalarNode::Read { tensor: of, at } = self.equations.pool.scalar(*body) else { return None };
        let other = self.equations.tensors.get(of)?;
        let same = *of != name && other.axes == tensor.axes && is_own(&self.equations.pool, at, &tensor.axes);
        same.then_some(*of)
    }
    /// Lets every reader of `from` read `to` instead, whose axis `k` is axis `order[k]` of `from`; `from` goes.
    pub(super) fn redirect(&mut self, from: Name, to: Name, order: Option<&[usize]>) {
        let readers: Vec<Name> = self.readers.get(&from).into_iter().flatten().copied().collect();
        for reader in readers {
            self.rewrite(reader, Redirect { from, to, order: order.map(<[usize]>::to_vec) });
        }
        if !self.keep.contains(&from) {
            self.remove(from);
        }
        self.look_at(to);
    }
    /// `d_x_via_y` is `d_x` where there is no other part of it, and no `d_x`.
    pub(super) fn drop_suffixes(&mut self) {
        let mut parts: BTreeMap<String, Vec<Name>> = BTreeMap::new();
        for &name in self.equations.tensors.keys() {
            if let Some((whole, _)) = self.equations.pool.text(name).split_once("_via_") {
                parts.entry(whole.to_string()).or_default().push(name);
            }
        }
        for (whole, names) in parts {
            let whole = self.equations.pool.name(&whole);
            let [name] = names[..] else { continue };
            if self.equations.tensors.contains_key(&whole) || self.keep.contains(&name) || self.recurrent.contains(&name) {
                continue;
            }
            self.position.insert(whole, self.position[&name]);
            let tensor = self.equations.tensors[&name].clone();
            self.set(whole, tensor);
            self.redirect(name, whole, None);
        }
    }
}

/// Row-major reshapes: a pointwise equation that reads another tensor at the element with the same number, but in another shape.
/// It needs no code: it is the same memory.
pub fn is_view(equations: &mut Equations, name: Name) -> bool {
    let tensor = equations.tensors[&name].clone();
    let Some(Equation { reduction: None, body, .. }) = tensor.equation() else { return false };
    let ScalarNode::Read { tensor: of, at } = equations.pool.scalar(*body).clone() else { return false };
    let Some(sizes) = equations.tensors.get(&of).map(|of| of.axes.clone()) else { return false };
    let own = equations.own_axes(name);
    if own == at {
        return false;
    }
    let pool = &mut equations.pool;
    pool.count(&sizes) == pool.count(&tensor.axes) && pool.flat(&at, &sizes) == pool.flat(&own, &tensor.axes)
}

/// Whether these indices are the axes themselves, in order.
fn is_own(pool: &Pool, at: &[Index], axes: &[Index]) -> bool {
    let mut numbered = at.iter().zip(axes).enumerate();
    numbered.all(|(number, (&index, &size))| pool.axis_of(index) == Some(number as u32) || pool.constant_of(size) == Some(1))
}

/// Whether an equation is a sum of the product of two tensors.
pub fn is_contraction(pool: &Pool, equation: &Equation) -> bool {
    let ScalarNode::Mul(factors) = pool.scalar(equation.body) else { return false };
    let is_read = |&&factor: &&Scalar| matches!(pool.scalar(factor), ScalarNode::Read { .. });
    let rest = factors.iter().filter(|factor| !is_read(factor) && pool.number_of(**factor).is_none()).count();
    equation.reduction == Some(Reduction::Sum) && rest == 0 && factors.iter().filter(is_read).count() == 2
}

/// Whether computing it costs nothing: a read, a number, an index.
fn is_trivial(pool: &Pool, body: Scalar) -> bool {
    match pool.scalar(body) {
        ScalarNode::Constant(_) | ScalarNode::Read { .. } | ScalarNode::Real(_) => true,
        // made of sizes and numbers alone: computed once
        _ => pool.axes_of_scalar(body).is_empty() && pool.tensors_of_scalar(body).is_empty(),
    }
}

/// A number times a read.
fn is_scaled_read(pool: &Pool, body: Scalar) -> bool {
    let ScalarNode::Mul(factors) = pool.scalar(body) else { return false };
    matches!(factors[..], [number, read] if pool.number_of(number).is_some() && matches!(pool.scalar(read), ScalarNode::Read { .. }))
}

/// Whether a function or power is computed that costs much more than a sum or a product.
pub(super) fn is_heavy(pool: &Pool, scalar: Scalar) -> bool {
    let mut heavy = false;
    pool.visit(Parts::of_scalar(scalar), &mut |part| {
        if let Part::Scalar(scalar) = part {
            heavy |= is_heavy_root(pool, scalar);
        }
    });
    heavy
}

/// Whether the outermost step of an expression is such a function or power.
pub(super) fn is_heavy_root(pool: &Pool, scalar: Scalar) -> bool {
    match pool.scalar(scalar) {
        ScalarNode::Apply(function, _) => !matches!(function, Function::Abs | Function::Floor),
        ScalarNode::Power(_, exponent) => exponent.value() != 2.0 && exponent.value() != 3.0,
        _ => false,
    }
}

/// Reads of some pointwise equations to what they stand for.
struct Inline(BTreeMap<Name, Scalar>);

impl Rewrite for Inline {
    fn scalar(&mut self, pool: &mut Pool, scalar: Scalar) -> Option<Scalar> {
        let ScalarNode::Read { tensor, at } = pool.scalar(scalar).clone() else { return None };
        let &body = self.0.get(&tensor)?;
        let at = self.inside(pool, at);
        Some(pool.substitute_scalar(body, &at))
    }
    fn atom(&mut self, pool: &mut Pool, atom: Atom) -> Option<Index> {
        let AtomNode::Read { tensor, at, .. } = pool.atom(atom).clone() else { return None };
        let &body = self.0.get(&tensor)?;
        let ScalarNode::Real(index) = *pool.scalar(body) else { return None };
        let at = self.inside(pool, at);
        Some(pool.substitute_index(index, &at))
    }
}

impl Inline {
    /// Indices may read integers that are to be put in too.
    fn inside(&mut self, pool: &mut Pool, at: Vec<Index>) -> BTreeMap<u32, Index> {
        let bodies = self.0.clone();
        let mut rewriter = crate::equations::Rewriter::new(pool, Inline(bodies));
        (0..).zip(at.into_iter().map(|index| rewriter.index(index))).collect()
    }
}

/// Reads of one tensor to reads of another.
struct Redirect {
    from: Name,
    to: Name,
    order: Option<Vec<usize>>,
}

impl Redirect {
    fn places(&self, pool: &mut Pool, at: Vec<Index>) -> Vec<Index> {
        let again = Redirect { from: self.from, to: self.to, order: self.order.clone() };
        let mut rewriter = crate::equations::Rewriter::new(pool, again);
        let at: Vec<Index> = at.into_iter().map(|index| rewriter.index(index)).collect();
        match &self.order {
            Some(order) => order.iter().map(|&axis| at[axis]).collect(),
            None => at,
        }
    }
}

impl Rewrite for Redirect {
    fn scalar(&mut self, pool: &mut Pool, scalar: Scalar) -> Option<Scalar> {
        let ScalarNode::Read { tensor, at } = pool.scalar(scalar).clone() else { return None };
        if tensor != self.from {
            return None;
        }
        let at = self.places(pool, at);
        Some(pool.read(self.to, at))
    }
    fn atom(&mut self, pool: &mut Pool, atom: Atom) -> Option<Index> {
        let AtomNode::Read { tensor, at, low, high } = pool.atom(atom).clone() else { return None };
        if tensor != self.from {
            return None;
        }
        let at = self.places(pool, at);
        Some(pool.read_integer(self.to, at, low, high))
    }
}

/// A tensor with another equation.
pub(super) fn with_equation(tensor: &Tensor, equation: Equation) -> Tensor {
    Tensor { definition: Definition::Equation(equation), ..tensor.clone() }
}
