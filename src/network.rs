//! What every generated network implements: sizes, a table of parameters, and `predict`, `evaluate`, `gradient`, `step` on slices.
//!
//! A generated type is a name without data: parameters, gradients, optimizer state and workspace are slices of the caller, so that it
//! works without an allocator. [`Model`](crate::Model) owns such slices for those who have one. The generated type has typed functions of
//! the same names, which these call.

use core::fmt;
use core::ops::Range;
use nnc_kernels::{Element, Error, Lane};

/// A tensor of a network: its name, and where it stands among the numbers of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// `fc1.w`
    pub name: &'static str,
    /// Sizes of its axes.
    pub shape: &'static [usize],
    /// Its first number in the flat slice; numbers are row-major.
    pub offset: usize,
}

impl Tensor {
    /// How many numbers it has.
    pub fn length(&self) -> usize {
        self.shape.iter().product()
    }
    /// Where its numbers stand in the flat slice.
    pub fn range(&self) -> Range<usize> {
        self.offset..self.offset + self.length()
    }
}

/// What goes in or out at each call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Port {
    /// Its name in the model.
    pub name: &'static str,
    /// Whether one tensor of this shape comes for each sample.
    pub batched: bool,
    /// Sizes of its axes, without the batch.
    pub shape: &'static [Size],
    /// What its elements are.
    pub kind: Kind,
}

/// The size of an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Known when the network was generated.
    Fixed(usize),
    /// Computed at each call from the run-time sizes: see [`Network::port_length`].
    Dynamic(&'static str),
}

/// What the elements of a port are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Reals.
    Real,
    /// Reals in `[0, 1]`.
    Probability,
    /// Integers `low .. high`.
    Index {
        /// The least.
        low: i64,
        /// One past the largest.
        high: i64,
    },
}

/// The numbers of an input or target.
#[derive(Clone, Copy, Debug)]
pub enum Data<'a, T> {
    /// Of a real or probability port.
    Real(&'a [T]),
    /// Of an index port.
    Index(&'a [i32]),
}

impl<T> Default for Data<'_, T> {
    fn default() -> Self {
        Data::Real(&[])
    }
}

/// What random numbers depend on: the same seed and step draw the same numbers on every machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Draws {
    /// Chosen once for a training.
    pub seed: u64,
    /// The step that draws them, from 1.
    pub step: u64,
}

/// A network that nnc generated.
pub trait Network {
    /// `f32` or `f64`.
    type Real: Element;
    /// The numbers of its optimizer that may change between steps; `Default` gives those of the model's text.
    type Optimizer: Clone + Default;
    /// What training makes smaller: a number, or where the model names its losses a struct of numbers by their names.
    type Loss: Copy + fmt::Debug + PartialEq;

    /// The model's name.
    const NAME: &'static str;
    /// Trained tensors in the order of memory.
    const PARAMETERS: &'static [Tensor];
    /// How many numbers all parameters are.
    const PARAMETER_COUNT: usize;
    /// What layers keep between steps, in the order of memory: `norm1.mean`. The slices of them are called `states`.
    const STATES: &'static [Tensor];
    /// How many numbers all states are.
    const STATE_COUNT: usize;
    /// Tensors of the optimizer's state in the order of memory: `adamw.m.fc1.w`.
    const OPTIMIZER_STATES: &'static [Tensor];
    /// How many numbers the state of the optimizer is.
    const OPTIMIZER_STATE_COUNT: usize;
    /// How many [`Lane`]s of workspace an update needs: some where an optimizer works on whole tensors.
    const UPDATE_WORKSPACE: usize = 0;
    /// Inputs in order.
    const INPUTS: &'static [Port];
    /// Targets in order.
    const TARGETS: &'static [Port];
    /// Outputs in order.
    const OUTPUTS: &'static [Port];
    /// Names of the losses; `loss` for one that the model gives no name.
    const LOSSES: &'static [&'static str];
    /// Names of the metrics.
    const METRICS: &'static [&'static str];
    /// Names of the sizes that each call is given: `batch` first if samples come in batches, then the model's run-time sizes.
    const SIZES: &'static [&'static str];
    /// Names of the fields of the optimizer.
    const FIELDS: &'static [&'static str];

    /// How many numbers an input, target or output has in all at these sizes (same order as [`Network::SIZES`]).
    ///
    /// # Errors
    /// Sizes below their least, or as many as overflow.
    fn port_length(port: &Port, sizes: &[usize]) -> Result<usize, Error>;
    /// How many [`Lane`]s of workspace any call needs at these sizes.
    ///
    /// # Errors
    /// As [`Network::port_length`].
    fn workspace(sizes: &[usize]) -> Result<usize, Error>;
    /// Draws the initial parameters: the same numbers for the same seed on every machine.
    ///
    /// # Errors
    /// `parameters` has another length than [`Network::PARAMETER_COUNT`].
    fn init(seed: u64, parameters: &mut [Self::Real]) -> Result<(), Error>;
    /// The states before the first step: the same numbers for the same seed on every machine.
    ///
    /// # Errors
    /// `states` has another length than [`Network::STATE_COUNT`].
    fn init_states(seed: u64, states: &mut [Self::Real]) -> Result<(), Error>;
    /// The optimizer's state before its first step.
    ///
    /// # Errors
    /// A slice has another length than its count.
    fn init_optimizer(parameters: &[Self::Real], state: &mut [Self::Real]) -> Result<(), Error>;
    /// Writes the outputs of these inputs.
    ///
    /// # Errors
    /// A slice that is too short or long, an integer or probability out of its range.
    fn predict(
        parameters: &[Self::Real],
        states: &[Self::Real],
        sizes: &[usize],
        inputs: &[Data<'_, Self::Real>],
        outputs: &mut [&mut [Self::Real]],
        workspace: &mut [Lane],
    ) -> Result<(), Error>;
    /// The losses, without training; writes the metrics. `data` are the inputs and then the targets.
    ///
    /// # Errors
    /// As [`Network::predict`].
    fn evaluate(
        parameters: &[Self::Real],
        states: &[Self::Real],
        sizes: &[usize],
        data: &[Data<'_, Self::Real>],
        metrics: &mut [Self::Real],
        workspace: &mut [Lane],
    ) -> Result<Self::Loss, Error>;
    /// The losses of the training program; writes the gradient with respect to all parameters, of each by the loss that is for it and 0 of
    /// one that is frozen, and the states after this step.
    ///
    /// # Errors
    /// As [`Network::predict`].
    #[allow(clippy::too_many_arguments)] // each is a slice or number of its own
    fn gradient(
        parameters: &[Self::Real],
        states: &[Self::Real],
        draws: Draws,
        sizes: &[usize],
        data: &[Data<'_, Self::Real>],
        gradient: &mut [Self::Real],
        next: &mut [Self::Real],
        workspace: &mut [Lane],
    ) -> Result<Self::Loss, Error>;
    /// Updates the parameters from a gradient; `step` counts from 1. The workspace has at least [`Network::UPDATE_WORKSPACE`] cache lines.
    ///
    /// # Errors
    /// A slice that is too short or long.
    fn update(
        optimizer: &Self::Optimizer,
        step: u64,
        parameters: &mut [Self::Real],
        gradient: &[Self::Real],
        state: &mut [Self::Real],
        workspace: &mut [Lane],
    ) -> Result<(), Error>;
    /// A number of the losses by its place in [`Network::LOSSES`].
    fn loss(loss: &Self::Loss, number: usize) -> Option<Self::Real>;
    /// Reads or changes a field of the optimizer by its place in [`Network::FIELDS`].
    fn field(optimizer: &mut Self::Optimizer, number: usize) -> Option<&mut f64>;
}
