//! What a model means: the result of elaboration, and the last thing that knows what the user named.
//!
//! Invariants:
//! 1. Library layers are instantiated and hyper-parameters are gone; a scalar `fn` is inlined; a nested reduction is an equation of its own.
//! 2. Every index is proved in range or guarded; kinds are proved.
//! 3. [`Interface`] and [`Forward`] speak of the same pool: `inference` was elaborated after `training`, in a pool that continues the
//!    pool of `training`, so each `Index` and `Name` of the interface means the same in both. Pools only grow, so this stays true
//!    through derivation and simplification.
//! 4. The loss and every metric are tensors of rank 0: already averaged over the batch and whatever axes they had.
//! 5. The batch, where there is one, is the first axis of every batched tensor, of the size named [`BATCH`].

use crate::equations::{Equations, Index, Name, Scalar};
use nnc_grammar::Span;
use std::collections::{BTreeMap, BTreeSet};

pub use crate::equations::BATCH;

/// One model, ready to be derived.
#[derive(Clone, Debug)]
pub struct Model {
    /// What the user named.
    pub interface: Interface,
    /// The equations with `train` true.
    pub training: Forward,
    /// The equations with `train` false.
    pub inference: Forward,
    /// How parameters are updated.
    pub optimizer: Optimizer,
}

impl Model {
    /// Positions of the parameters that are trained by each loss, in the order of [`Interface::losses`].
    pub fn trained(&self) -> Vec<Vec<usize>> {
        let trained: BTreeSet<usize> = self.optimizer.groups.iter().flat_map(|group| group.parameters.iter().copied()).collect();
        let of = |loss: &Loss| loss.parameters.iter().copied().filter(|position| trained.contains(position)).collect();
        self.interface.losses.iter().map(of).collect()
    }
    /// What the loss has a gradient by, but is not trained: frozen parameters, then real inputs and targets; each with its name and axes.
    pub fn untrained(&self) -> Vec<(&str, Name, &[Index])> {
        let interface = &self.interface;
        let trained = |position: usize| self.optimizer.groups.iter().any(|group| group.parameters.contains(&position));
        let frozen = interface.parameters.iter().enumerate().filter(|&(position, _)| !trained(position)).map(|(_, frozen)| frozen);
        let real = interface.inputs.iter().chain(&interface.targets).filter(|port| !matches!(port.kind, PortKind::Index { .. }));
        let frozen = frozen.map(|parameter| (parameter.name.as_str(), parameter.tensor, parameter.axes.as_slice()));
        frozen.chain(real.map(|port| (port.name.as_str(), port.tensor, port.axes.as_slice()))).collect()
    }
}

/// Forward equations, and which of them are asked for.
#[derive(Clone, Debug)]
pub struct Forward {
    /// Inputs, targets and parameters as given tensors, everything else as equations.
    pub equations: Equations,
    /// The tensors of [`Interface::outputs`], in their order.
    pub outputs: Vec<Name>,
    /// Rank 0: the loss; where there are several, their sum.
    pub loss: Name,
    /// The tensors of [`Interface::losses`], in their order, rank 0.
    pub losses: Vec<Name>,
    /// The tensors of [`Interface::metrics`], in their order, rank 0.
    pub metrics: Vec<Name>,
    /// Next values of states: (state, value), in the order of [`Interface::states`]; none for a state that keeps its value.
    pub updates: Vec<(Name, Name)>,
    /// What is drawn anew at every call, in the order of the equations; elaboration refuses draws in inference.
    pub random: Vec<Random>,
    /// Where each equation came from; tensors that the compiler added are absent.
    pub origins: BTreeMap<Name, Origin>,
    /// Derivatives that equations read, in an order in which each is of what reads earlier ones only; none after they are derived.
    pub derivatives: Vec<Derivative>,
}

/// `tensor = grad(of, by)`: the derivative of the sum of all elements of one tensor by each element of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Derivative {
    /// Given in the equations, with the shape of `by`.
    pub tensor: Name,
    /// What is derived.
    pub of: Name,
    /// By what: an input, a parameter or an equation, which counts as given.
    pub by: Name,
}

/// Where a tensor came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The stage that it belongs to: `fc1`, `tower.fc1`; empty for the body of the model.
    pub stage: String,
    /// The definition that was applied: `linear`; the model's name for its own body.
    pub definition: String,
    /// Its name in that definition: `y`.
    pub local: String,
    /// The defining statement.
    pub span: Span,
    /// The `///` lines of the statement.
    pub docs: Vec<String>,
}

/// What stands between a model and its user.
#[derive(Clone, Debug)]
pub struct Interface {
    /// The model's name; for `nn!( chain )` it has none and this is `Network`.
    pub name: String,
    /// Its `///` lines.
    pub docs: Vec<String>,
    /// Where its item stands.
    pub span: Span,
    /// Whether samples come in batches.
    pub batched: bool,
    /// Sizes known at each call, in the order of their first use, without the batch.
    pub sizes: Vec<String>,
    /// Constants of Rust that are used as sizes.
    pub constants: Vec<String>,
    /// What must hold of sizes and cannot be decided here.
    pub assertions: Vec<Assertion>,
    /// In the order of the ports.
    pub inputs: Vec<Port>,
    /// In the order of the declarations; a default target is called `target`.
    pub targets: Vec<Port>,
    /// In the order of the results.
    pub outputs: Vec<Port>,
    /// In the order of the text, which is their order in memory.
    pub parameters: Vec<Parameter>,
    /// States of layers and of the model, in the order of the text, which is their order in memory.
    pub states: Vec<Parameter>,
    /// What parameters are trained by, in the order of the text: at least one.
    pub losses: Vec<Loss>,
    /// Their names, with their `///` lines.
    pub metrics: Vec<(String, Vec<String>)>,
}

impl Interface {
    /// Whether there is one loss and it has no name: a number, where several are known by their names.
    pub fn has_plain_loss(&self) -> bool {
        matches!(&self.losses[..], [loss] if loss.name == LOSS)
    }
}

/// What a loss is called that has no name.
pub const LOSS: &str = "loss";

/// What some parameters are trained by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Its name in the text; [`LOSS`] if it has none.
    pub name: String,
    /// Its `///` lines.
    pub docs: Vec<String>,
    /// Positions in [`Interface::parameters`], ascending: those whose gradient is of this loss, frozen ones among them.
    pub parameters: Vec<usize>,
}

/// A tensor that goes in or out at each call.
#[derive(Clone, Debug)]
pub struct Port {
    /// Its name in the text.
    pub name: String,
    /// Its name in the equations.
    pub tensor: Name,
    /// Its `///` lines, if it has any.
    pub docs: Vec<String>,
    /// The sizes of its axes, the batch among them where `batched`.
    pub axes: Vec<Index>,
    /// Whether the first axis is the batch.
    pub batched: bool,
    /// What its elements are; checked on entry.
    pub kind: PortKind,
}

/// What the elements of a port are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortKind {
    /// Reals.
    Real,
    /// Reals in `[0, 1]`.
    Probability,
    /// Integers `low .. high`.
    Index {
        /// The least.
        low: Index,
        /// One past the largest.
        high: Index,
    },
}

/// A tensor that is kept: trained, or a state.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name in files and in the text: `fc1.w`.
    pub name: String,
    /// Its name in the equations.
    pub tensor: Name,
    /// `///` lines of its declaration.
    pub docs: Vec<String>,
    /// The sizes of its axes; no run-time size occurs.
    pub axes: Vec<Index>,
    /// The initial value of the element at its axes: an expression of axes, constants and draws.
    pub initial: Scalar,
    /// What the initial value draws, in order: reads of these tensors at the element's own axes.
    pub draws: Vec<(Name, Draw)>,
    /// Where it was declared.
    pub span: Span,
}

/// The stream of random numbers of a name: its 32-bit FNV-1a hash. Draws are by counter, so that they are the same on every machine.
pub fn stream(name: &str) -> u32 {
    name.bytes().fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// A standard distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Draw {
    /// Uniform in `[0, 1)`.
    Uniform,
    /// Mean 0, standard deviation 1.
    Normal,
    /// A matrix, of the first axis by all others, drawn evenly among those with orthonormal rows or columns, whichever are fewer: only
    /// in the initial value of a parameter.
    Orthogonal,
}

/// Standard numbers that are drawn anew at every call: a function of the seed, the step, the stream, and the place of the element.
///
/// The stream is a hash of the tensor's name and not its place in the model, so that a change in one layer changes no other layer's
/// numbers.
#[derive(Clone, Debug)]
pub struct Random {
    /// What is declared: `dropout1.u`.
    pub name: String,
    /// Its draws in the equations.
    pub tensor: Name,
    /// The sizes of its axes, the batch among them.
    pub axes: Vec<Index>,
    /// From where.
    pub draw: Draw,
    /// Which numbers.
    pub stream: u32,
    /// How many draws before it have this stream: 0, unless two names have one hash.
    pub number: u32,
    /// Where it was declared.
    pub span: Span,
}

/// `left relation right`, about sizes only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assertion {
    /// One side.
    pub left: Index,
    /// Whether equality is asserted, else `left <= right`.
    pub equal: bool,
    /// The other side.
    pub right: Index,
    /// What went wrong where it does not hold, for the user.
    pub message: String,
    /// The application in the user's text that asks for it.
    pub span: Span,
}

/// How parameters are updated, after a step of the derivation.
#[derive(Clone, Debug, Default)]
pub struct Optimizer {
    /// Numbers that may be changed between steps: fields of the generated optimizer.
    pub fields: Vec<Field>,
    /// A group for each different chain; each trained parameter is in exactly one, a frozen one in none.
    pub groups: Vec<Group>,
}

/// A hyper-parameter of an optimizer that is a number at run time.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// A valid name of Rust: `lr`; where two stages have one of the same name, the later ones get the name of their stage in front.
    pub name: String,
    /// Its value in the text.
    pub value: f64,
    /// What it is, for the docs of the generated type.
    pub docs: Vec<String>,
}

/// The size of the axis over the elements of all trained parameters, and what the names of the tensors over it begin with.
pub const ALL: &str = "all";

/// Parameters with the same chain of updates: element by element, or each tensor for itself.
///
/// Element by element, `equations` describes all elements of the group as one axis, whose size is named `elements`. On whole tensors, all
/// parameters of the group have one shape, that of `parameter`, and the equations hold for each of them. Given tensors: `parameter` and
/// `gradient`; one for each state; rank 0 numbers: `step` (1, 2, 3, …) and each field by its name. A reduction over `all` reads
/// `all.parameter`, `all.gradient` and `all.` and the name of a state, over the size named `all`: the elements of all trained parameters,
/// and defines a tensor of rank 0; all groups have the states that are read so, with the shape of the parameter.
#[derive(Clone, Debug)]
pub struct Group {
    /// Positions in [`Interface::parameters`], ascending.
    pub parameters: Vec<usize>,
    /// The mathematics of one step.
    pub equations: Equations,
    /// The size of the axis over all elements of the group; nothing where each tensor is updated for itself.
    pub elements: Option<Name>,
    /// The next value of the parameters.
    pub update: Name,
    /// In the order of the text.
    pub states: Vec<GroupState>,
    /// Where each equation came from.
    pub origins: BTreeMap<Name, Origin>,
}

impl Group {
    /// The extents of a state of each parameter, where each tensor is updated for itself and no size is a constant of Rust.
    pub fn shape_of(&self, state: &GroupState) -> Option<Vec<usize>> {
        let axes = &self.equations.tensors[&state.tensor].axes;
        axes.iter().map(|&axis| usize::try_from(self.equations.pool.constant_of(axis)?).ok()).collect()
    }
}

/// A state of an optimizer.
#[derive(Clone, Debug)]
pub struct GroupState {
    /// Its name in files: `adamw.m`, before the name of the parameter.
    pub name: String,
    /// The given tensor that holds the old values.
    pub tensor: Name,
    /// The next value.
    pub next: Name,
    /// The value before the first step at the axes of `tensor`; may read `parameter`.
    pub initial: Scalar,
}
