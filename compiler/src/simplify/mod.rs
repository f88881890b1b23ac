//! Equations to fewer and simpler ones with the same values.
//!
//! Names that are asked for, and given tensors, stay; every other tensor may disappear. Each equation in turn, what it reads before it,
//! takes these steps; what a step changes is looked at again, nothing else:
//!
//! | step | rule | can change rounding |
//! |---|---|---|
//! | stop | `stop(x[i])` is `x[i]`, at the start: nothing is derived after this | no |
//! | drop | a tensor that nobody reads is not computed | no |
//! | inline | the reader of a cheap pointwise equation computes it itself (see [`inlining`]) | no |
//! | stabilise | `log` of `exp` and of `sigmoid` through the equations between them (see [`stable`]) | yes |
//! | domain | guards become ranges, sums over unused axes sizes, factors leave sums (see [`domain`]) | yes |
//! | share | one equation for equal ones; a subexpression reads the equation that already computes it (see [`sharing`]) | yes, where axes are summed in another order |
//! | rename | `y[i] = x[i]`: one of the two names goes; a suffix that tells nothing apart goes | no |
//!
//! **What falls.** Functions computed (`exp`, powers, ...) per element, added up over all equations, never grow: an equation that has
//! one is repeated in no reader. With every step falls the first of these that changes: what can still be stabilised; the factors that
//! stand in sums which do not need them, counted with the distance to the outputs (they only move towards what reads them); the number
//! of equations; the size of expressions. A reader grows to at most [`LARGEST`] scalars by inlining. So the number of steps is linear in
//! the size of the equations, and each costs as much as the equations that it touches.
//!
//! In a recurrence only what is read at the very element that it computes is inlined, so that the steps in time stay what they are.

pub mod domain;
pub mod inlining;
pub mod sharing;
pub mod stable;
#[cfg(test)]
mod tests;

pub use inlining::is_view;

pub use stable::stabilise_logarithms;

use crate::equations::{Definition, Equation, Equations, Name, Part, Parts, Pool, Rewrite, Rewriter, Scalar, ScalarNode, Tensor, verify};
use sharing::Key;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// No reader grows beyond this many distinct scalars by inlining. Functions of the generated code stay readable, and every rule sees
/// expressions of bounded size; layers of the library stay below 100.
pub const LARGEST: usize = 256;

/// Simplifies equations. The tensors `keep` keep their names, shapes and values.
pub fn simplify(mut equations: Equations, keep: &[Name]) -> Equations {
    forget_stops(&mut equations);
    run(Work::new(equations, keep))
}

/// A read whose gradient is stopped is a read. Sums under a `stop` stay together: they may be what makes a rounding exact.
fn forget_stops(equations: &mut Equations) {
    struct Reads;
    impl Rewrite for Reads {
        fn scalar(&mut self, pool: &mut Pool, scalar: Scalar) -> Option<Scalar> {
            match *pool.scalar(scalar) {
                ScalarNode::Stop(read) if matches!(pool.scalar(read), ScalarNode::Read { .. }) => Some(read),
                _ => None,
            }
        }
    }
    let Equations { pool, tensors } = equations;
    for tensor in tensors.values_mut() {
        let Definition::Equation(equation) = &mut tensor.definition else { continue };
        let mut rewriter = Rewriter::new(pool, Reads);
        (equation.body, equation.condition) = (rewriter.scalar(equation.body), rewriter.condition(equation.condition));
    }
}

/// What is to be done before derivation: [`simplify`], but nothing that costs something is inlined. What is worth keeping depends on
/// what the derived equations read, and is decided after them; logarithms must be stable before, so that their derivatives are.
pub fn stabilise(equations: Equations, keep: &[Name]) -> Equations {
    let mut work = Work::new(equations, keep);
    work.inlines = false;
    run(work)
}

fn run(mut work: Work) -> Equations {
    verify::verify(&work.equations);
    work.drop_unreachable();
    loop {
        while let Some((_, name)) = work.dirty.pop_first() {
            work.step(name);
        }
        if !work.number_values() {
            break;
        }
    }
    work.drop_suffixes();
    verify::verify(&work.equations);
    work.equations
}

/// Equations under simplification, and who reads what.
struct Work {
    equations: Equations,
    keep: BTreeSet<Name>,
    /// Whether equations that cost something are inlined.
    inlines: bool,
    /// What each equation reads, and at how many different places.
    uses: BTreeMap<Name, BTreeMap<Name, usize>>,
    /// The equations that read each tensor.
    readers: BTreeMap<Name, BTreeSet<Name>>,
    /// Where each tensor stands: what is read stands before what reads it.
    position: BTreeMap<Name, usize>,
    /// Members of recurrences.
    recurrent: BTreeSet<Name>,
    /// Tensors whose readers compute them themselves from now on; they go when the last reader has been rewritten.
    inlined: BTreeSet<Name>,
    /// Equations to look at, by position.
    dirty: BTreeSet<(usize, Name)>,
    /// Equations that have taken the steps which depend on nothing but the equation itself, since it last changed.
    settled: BTreeSet<Name>,
    /// Equations by what they compute. Looked up only, never iterated.
    known: HashMap<Key, Name>,
    keys: BTreeMap<Name, Key>,
}

impl Work {
    fn new(equations: Equations, keep: &[Name]) -> Self {
        let keep: BTreeSet<Name> = keep.iter().copied().collect();
        let mut work = Work {
            keep,
            inlines: true,
            uses: BTreeMap::new(),
            readers: BTreeMap::new(),
            position: BTreeMap::new(),
            recurrent: BTreeSet::new(),
            inlined: BTreeSet::new(),
            dirty: BTreeSet::new(),
            settled: BTreeSet::new(),
            known: HashMap::new(),
            keys: BTreeMap::new(),
            equations,
        };
        let roots: Vec<Name> = work.keep.iter().chain(work.equations.tensors.keys()).copied().collect();
        for group in work.equations.groups(roots) {
            if work.equations.is_recurrence(&group) {
                work.recurrent.extend(&group);
            }
            for name in group {
                work.position.insert(name, work.position.len());
            }
        }
        let names: Vec<Name> = work.equations.tensors.keys().copied().collect();
        for name in names {
            work.note_uses(name);
            work.look_at(name);
        }
        work
    }

    /// One equation takes all steps.
    fn step(&mut self, name: Name) {
        if !self.equations.tensors.contains_key(&name) || self.drop_unread(name) || self.equation(name).is_none() {
            return;
        }
        self.insert_inlined(name);
        if self.inlined.contains(&name) {
            return;
        }
        self.stabilise(name);
        let changed = self.settled.insert(name);
        if changed {
            self.simplify_domain(name);
        }
        if self.rename_alias(name) || (changed && self.share(name)) {
            return;
        }
        self.decide(name);
    }

    fn equation(&self, name: Name) -> Option<&Equation> {
        self.equations.tensors.get(&name).and_then(Tensor::equation)
    }
    fn look_at(&mut self, name: Name) {
        if let Some(&position) = self.position.get(&name) {
            self.dirty.insert((position, name));
        }
    }
    /// How many different places of each tensor an equation reads.
    fn reads_of(&self, name: Name) -> BTreeMap<Name, usize> {
        let mut reads = BTreeMap::new();
        let Some(equation) = self.equation(name) else { return reads };
        let pool = &self.equations.pool;
        let mut seen = BTreeSet::new();
        for start in [Parts::of_scalar(equation.body), Parts::of_condition(equation.condition)] {
            pool.visit(start, &mut |part| {
                if let Some(tensor) = tensor_read(pool, part)
                    && seen.insert(part)
                {
                    *reads.entry(tensor).or_default() += 1;
                }
            });
        }
        reads
    }
    fn note_uses(&mut self, name: Name) {
        let new = self.reads_of(name);
        for &read in new.keys() {
            self.readers.entry(read).or_default().insert(name);
        }
        self.uses.insert(name, new);
    }
    /// Gives a tensor another equation, and looks again at whatever that concerns.
    fn set(&mut self, name: Name, tensor: Tensor) {
        self.forget_key(name);
        self.settled.remove(&name);
        let before = self.uses.remove(&name).unwrap_or_default();
        self.equations.insert(name, tensor);
        self.note_uses(name);
        let after: Vec<Name> = self.uses[&name].keys().copied().collect();
        for &read in before.keys() {
            if !after.contains(&read)
                && let Some(readers) = self.readers.get_mut(&read)
            {
                readers.remove(&name);
            }
        }
        for read in before.into_keys().chain(after).collect::<BTreeSet<_>>() {
            self.look_at(read);
        }
        self.look_at(name);
    }
    fn set_equation(&mut self, name: Name, equation: Equation) {
        let mut tensor = self.equations.tensors[&name].clone();
        if tensor.equation() != Some(&equation) {
            tensor.labels.truncate(tensor.axes.len() + equation.reduced.len());
            tensor.definition = Definition::Equation(equation);
            self.set(name, tensor);
        }
    }
    fn remove(&mut self, name: Name) {
        self.forget_key(name);
        self.settled.remove(&name);
        self.equations.tensors.remove(&name);
        self.readers.remove(&name);
        self.inlined.remove(&name);
        for read in self.uses.remove(&name).unwrap_or_default().into_keys() {
            if let Some(readers) = self.readers.get_mut(&read) {
                readers.remove(&name);
            }
            self.look_at(read);
        }
    }
    fn forget_key(&mut self, name: Name) {
        if let Some(key) = self.keys.remove(&name)
            && self.known.get(&key) == Some(&name)
        {
            self.known.remove(&key);
        }
    }
    fn has_readers(&self, name: Name) -> bool {
        self.readers.get(&name).is_some_and(|readers| !readers.is_empty())
    }
    /// A tensor that nobody reads is not computed.
    fn drop_unread(&mut self, name: Name) -> bool {
        let only_itself = self.readers.get(&name).is_none_or(|readers| readers.iter().all(|&reader| reader == name));
        if self.keep.contains(&name) || !only_itself || self.equation(name).is_none() {
            return false;
        }
        self.equations.pool.fire("drop-unread");
        self.remove(name);
        true
    }
    /// Rewrites an equation with a rule; whether that changed it.
    fn rewrite(&mut self, name: Name, rule: impl Rewrite) -> bool {
        let Some(equation) = self.equation(name).cloned() else { return false };
        let mut rewriter = Rewriter::new(&mut self.equations.pool, rule);
        let body = rewriter.scalar(equation.body);
        let condition = rewriter.condition(equation.condition);
        let changed = body != equation.body || condition != equation.condition;
        self.set_equation(name, Equation { body, condition, ..equation });
        changed
    }
}

/// The tensor that a part reads.
fn tensor_read(pool: &Pool, part: Part) -> Option<Name> {
    use crate::equations::AtomNode;
    match part {
        Part::Scalar(scalar) => match pool.scalar(scalar) {
            ScalarNode::Read { tensor, .. } => Some(*tensor),
            _ => None,
        },
        Part::Atom(atom) => match pool.atom(atom) {
            AtomNode::Read { tensor, .. } => Some(*tensor),
            _ => None,
        },
        _ => None,
    }
}

/// How many distinct scalars an expression has.
fn size_of(pool: &Pool, scalar: Scalar) -> usize {
    let mut count = 0;
    pool.visit(Parts::of_scalar(scalar), &mut |part| count += usize::from(matches!(part, Part::Scalar(_))));
    count
}
