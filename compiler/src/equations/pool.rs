//! Hash-consing of names and expressions: equal ones are the same small number.
//!
//! Nodes are only added. A number says nothing about order: what must be ordered uses [`Pool::compare_scalars`] and its kin, which
//! look at structure.

use super::condition::ConditionNode;
use super::few::Few;
use super::index::{Affine, AtomNode};
use super::scalar::ScalarNode;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasher, Hash};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub(super) u32);
    )*};
}
ids! {
    /// The name of a tensor or size, by order of first use.
    Name,
    /// An integer expression.
    Index,
    /// What an integer expression is a linear combination of.
    Atom,
    /// A truth value.
    Condition,
    /// A real expression.
    Scalar,
}

impl Condition {
    /// Always.
    pub const TRUE: Condition = Condition(0);
    /// Never.
    pub const FALSE: Condition = Condition(1);
}

/// One kind of node: by number, and back.
#[derive(Clone, Debug)]
struct Table<T> {
    nodes: Vec<T>,
    /// The number of the node with a hash, or with the first free number after its hash. Looked up only, never iterated: its order reaches
    /// no output.
    numbers: HashMap<u64, u32, foldhash::fast::RandomState>,
}

impl<T: Eq + Hash> Table<T> {
    fn intern(&mut self, node: T) -> u32 {
        let mut hash = self.numbers.hasher().hash_one(&node);
        loop {
            match self.numbers.entry(hash) {
                Entry::Vacant(place) => {
                    let number = self.nodes.len() as u32;
                    place.insert(number);
                    self.nodes.push(node);
                    return number;
                }
                Entry::Occupied(place) if self.nodes[*place.get() as usize] == node => return *place.get(),
                Entry::Occupied(_) => hash = hash.wrapping_add(1),
            }
        }
    }
}

impl Table<String> {
    fn find(&self, text: &str) -> Option<u32> {
        let mut hash = self.numbers.hasher().hash_one(text);
        loop {
            let number = *self.numbers.get(&hash)?;
            if self.nodes[number as usize] == text {
                return Some(number);
            }
            hash = hash.wrapping_add(1);
        }
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Table { nodes: Vec::new(), numbers: HashMap::default() }
    }
}

/// Names and expressions.
#[derive(Clone, Debug)]
pub struct Pool {
    names: Table<String>,
    indices: Table<Affine>,
    atoms: Table<AtomNode>,
    conditions: Table<ConditionNode>,
    scalars: Table<ScalarNode>,
    /// How often each rule fired, by its name: tests hold that no rule is without one that fires it.
    fired: BTreeMap<&'static str, u64>,
}

impl Default for Pool {
    fn default() -> Self {
        let mut pool = Pool {
            names: Table::default(),
            indices: Table::default(),
            atoms: Table::default(),
            conditions: Table::default(),
            scalars: Table::default(),
            fired: BTreeMap::new(),
        };
        assert_eq!(pool.intern_condition(ConditionNode::True), Condition::TRUE);
        assert_eq!(pool.intern_condition(ConditionNode::False), Condition::FALSE);
        pool
    }
}

impl Pool {
    /// The number of a name.
    pub fn name(&mut self, text: &str) -> Name {
        match self.names.find(text) {
            Some(number) => Name(number),
            None => Name(self.names.intern(text.to_string())),
        }
    }
    /// The number of a name that is already known.
    pub fn find_name(&self, text: &str) -> Option<Name> {
        self.names.find(text).map(Name)
    }
    /// The text of a name.
    pub fn text(&self, name: Name) -> &str {
        &self.names.nodes[name.0 as usize]
    }
    /// What an index is made of.
    pub fn affine(&self, index: Index) -> &Affine {
        &self.indices.nodes[index.0 as usize]
    }
    /// What an atom is.
    pub fn atom(&self, atom: Atom) -> &AtomNode {
        &self.atoms.nodes[atom.0 as usize]
    }
    /// What a condition is.
    pub fn condition(&self, condition: Condition) -> &ConditionNode {
        &self.conditions.nodes[condition.0 as usize]
    }
    /// What a scalar is.
    pub fn scalar(&self, scalar: Scalar) -> &ScalarNode {
        &self.scalars.nodes[scalar.0 as usize]
    }
    pub(super) fn intern_index(&mut self, node: Affine) -> Index {
        Index(self.indices.intern(node))
    }
    pub(super) fn intern_atom(&mut self, node: AtomNode) -> Atom {
        Atom(self.atoms.intern(node))
    }
    pub(super) fn intern_condition(&mut self, node: ConditionNode) -> Condition {
        Condition(self.conditions.intern(node))
    }
    pub(super) fn intern_scalar(&mut self, node: ScalarNode) -> Scalar {
        Scalar(self.scalars.intern(node))
    }
    /// Notes that a rule fired.
    pub fn fire(&mut self, rule: &'static str) {
        *self.fired.entry(rule).or_default() += 1;
    }
    /// How often each rule fired.
    pub fn fired(&self) -> &BTreeMap<&'static str, u64> {
        &self.fired
    }

    /// The tensors read in a scalar, each once, in name order.
    pub fn tensors_of_scalar(&self, scalar: Scalar) -> Vec<Name> {
        let mut found = BTreeSet::new();
        self.visit(Parts::of_scalar(scalar), &mut |part| self.note_tensor(part, &mut found));
        found.into_iter().collect()
    }
    /// The tensors read in a condition, each once, in name order.
    pub fn tensors_of_condition(&self, condition: Condition) -> Vec<Name> {
        let mut found = BTreeSet::new();
        self.visit(Parts::of_condition(condition), &mut |part| self.note_tensor(part, &mut found));
        found.into_iter().collect()
    }
    /// The integer tensors read in an index, each once, in name order.
    pub fn tensors_of_index(&self, index: Index) -> Vec<Name> {
        let mut found = BTreeSet::new();
        self.visit(Parts::of_index(index), &mut |part| self.note_tensor(part, &mut found));
        found.into_iter().collect()
    }
    fn note_tensor(&self, part: Part, found: &mut BTreeSet<Name>) {
        match part {
            Part::Scalar(scalar) => {
                if let ScalarNode::Read { tensor, .. } = self.scalar(scalar) {
                    found.insert(*tensor);
                }
            }
            Part::Atom(atom) => {
                if let AtomNode::Read { tensor, .. } = self.atom(atom) {
                    found.insert(*tensor);
                }
            }
            _ => {}
        }
    }
    /// The numbers of the axes that occur in an index.
    pub fn axes_of_index(&self, index: Index) -> BTreeSet<u32> {
        self.axes_of(Parts::of_index(index))
    }
    /// The numbers of the axes that occur in a condition.
    pub fn axes_of_condition(&self, condition: Condition) -> BTreeSet<u32> {
        self.axes_of(Parts::of_condition(condition))
    }
    /// The numbers of the axes that occur in a scalar.
    pub fn axes_of_scalar(&self, scalar: Scalar) -> BTreeSet<u32> {
        self.axes_of(Parts::of_scalar(scalar))
    }
    /// The numbers of the axes that occur in an atom.
    pub fn axes_of_atom(&self, atom: Atom) -> BTreeSet<u32> {
        self.axes_of(Parts(vec![Part::Atom(atom)]))
    }
    fn axes_of(&self, parts: Parts) -> BTreeSet<u32> {
        let mut found = BTreeSet::new();
        self.visit(parts, &mut |part| {
            if let Part::Atom(atom) = part
                && let AtomNode::Axis { number, .. } = self.atom(atom)
            {
                found.insert(*number);
            }
        });
        found
    }
    /// The reads of real tensors in a scalar (not those of integer tensors inside indices), each distinct one once, in the order of
    /// a walk from left to right.
    pub fn real_reads(&self, scalar: Scalar) -> Vec<Scalar> {
        let mut found = Vec::new();
        self.visit(Parts::of_scalar(scalar), &mut |part| {
            if let Part::Scalar(scalar) = part
                && matches!(self.scalar(scalar), ScalarNode::Read { .. })
            {
                found.push(scalar);
            }
        });
        found
    }

    /// Calls `f` once for each distinct part of an expression, itself included, before the parts inside it, from left to right.
    pub fn visit(&self, start: Parts, f: &mut dyn FnMut(Part)) {
        let mut seen = Few::default();
        let mut stack = start.0;
        while let Some(part) = stack.pop() {
            if seen.insert(part, ()) {
                f(part);
                let inside = stack.len();
                self.inside(part, &mut stack);
                stack[inside..].reverse();
            }
        }
    }
    /// Appends the parts directly inside a part, from left to right.
    pub fn inside(&self, part: Part, parts: &mut Vec<Part>) {
        match part {
            Part::Scalar(scalar) => match self.scalar(scalar) {
                ScalarNode::Constant(_) => {}
                ScalarNode::Read { at, .. } => parts.extend(at.iter().copied().map(Part::Index)),
                ScalarNode::Add(terms) | ScalarNode::Mul(terms) => parts.extend(terms.iter().copied().map(Part::Scalar)),
                ScalarNode::Power(x, _) | ScalarNode::Apply(_, x) | ScalarNode::Stop(x) => parts.push(Part::Scalar(*x)),
                ScalarNode::Max(a, b) => parts.extend([Part::Scalar(*a), Part::Scalar(*b)]),
                ScalarNode::Select(c, a, b) => parts.extend([Part::Condition(*c), Part::Scalar(*a), Part::Scalar(*b)]),
                ScalarNode::Real(index) => parts.push(Part::Index(*index)),
            },
            Part::Condition(condition) => match self.condition(condition) {
                ConditionNode::True | ConditionNode::False => {}
                ConditionNode::NonNegative(index) | ConditionNode::Zero(index) => parts.push(Part::Index(*index)),
                ConditionNode::Compare(_, a, b) => parts.extend([Part::Scalar(*a), Part::Scalar(*b)]),
                ConditionNode::All(all) => parts.extend(all.iter().copied().map(Part::Condition)),
                ConditionNode::Not(part) => parts.push(Part::Condition(*part)),
            },
            Part::Index(index) => parts.extend(self.affine(index).terms.iter().map(|&(atom, _)| Part::Atom(atom))),
            Part::Atom(atom) => match self.atom(atom) {
                AtomNode::Axis { .. } | AtomNode::Size { .. } => {}
                AtomNode::Product(atoms) => parts.extend(atoms.iter().copied().map(Part::Atom)),
                AtomNode::Div(a, b) | AtomNode::Mod(a, b) => parts.extend([Part::Index(*a), Part::Index(*b)]),
                AtomNode::Read { at, .. } => parts.extend(at.iter().copied().map(Part::Index)),
            },
        }
    }
}

/// A part of an expression. The sizes that axes carry are not among the parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Part {
    Scalar(Scalar),
    Condition(Condition),
    Index(Index),
    Atom(Atom),
}

/// Where a walk starts.
#[derive(Clone, Debug)]
pub struct Parts(Vec<Part>);

#[allow(missing_docs)]
impl Parts {
    pub fn of_scalar(scalar: Scalar) -> Self {
        Parts(vec![Part::Scalar(scalar)])
    }
    pub fn of_condition(condition: Condition) -> Self {
        Parts(vec![Part::Condition(condition)])
    }
    pub fn of_index(index: Index) -> Self {
        Parts(vec![Part::Index(index)])
    }
}
