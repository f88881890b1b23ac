//! A network with memory: parameters, states, gradient, state of the optimizer, workspace.
//!
//! ```text
//! step:  loss, gradient, next = N::gradient(parameters, states, (seed, step + 1), data)
//!        (parameters, state)  = N::update(step + 1, parameters, gradient, state);  states = next
//! ```
//! Nothing is allocated after the first call with the largest sizes, and nothing is changed by a call that fails.

use crate::list::with_list;
use crate::network::{Data, Draws, Tensor};
use crate::ports::{self, Given, Ports};
use crate::{Error, Network};
use nnc_kernels::{Element, Lane};
use std::fmt;
use std::ops::{Deref, Range};

/// A network with its parameters and all else that training and prediction need.
///
/// The number of samples and other run-time sizes follow from what is given at each call. A model is `Send` and `Sync`; threads that
/// predict with the same parameters each bring a [`Workspace`] to [`Model::predict_into`].
pub struct Model<N: Network> {
    parameters: Vec<N::Real>,
    /// What layers keep.
    states: Vec<N::Real>,
    /// The states after the step that the gradient belongs to; empty where there is no such.
    next: Vec<N::Real>,
    /// What the random numbers of training depend on, beside the step.
    seed: u64,
    /// Empty before the first gradient.
    gradient: Vec<N::Real>,
    /// Empty before the first update.
    state: Vec<N::Real>,
    optimizer: N::Optimizer,
    step: u64,
    metrics: Vec<N::Real>,
    outputs: Vec<N::Real>,
    ends: Vec<usize>,
    workspace: Workspace,
}

/// What the model itself is: all that [`Model::save`] writes.
pub(crate) struct Kept<N: Network> {
    pub parameters: Vec<N::Real>,
    pub states: Vec<N::Real>,
}

/// Memory for the intermediate tensors of a call; grows as needed, holds nothing between calls.
#[derive(Clone, Debug, Default)]
pub struct Workspace {
    lanes: Vec<Lane>,
    sizes: Vec<usize>,
}

impl<N: Network> Model<N> {
    /// A model with the initial parameters drawn from `seed`: the same numbers on every machine.
    pub fn new(seed: u64) -> Self {
        let mut model = Model {
            parameters: vec![N::Real::ZERO; N::PARAMETER_COUNT],
            states: vec![N::Real::ZERO; N::STATE_COUNT],
            next: Vec::new(),
            seed,
            gradient: Vec::new(),
            state: Vec::new(),
            optimizer: N::Optimizer::default(),
            step: 0,
            metrics: vec![N::Real::ZERO; N::METRICS.len()],
            outputs: Vec::new(),
            ends: Vec::new(),
            workspace: Workspace::default(),
        };
        model.init(seed);
        model
    }

    /// Draws the initial parameters anew, and forgets the training. What layers draw in training depends on this seed too.
    pub fn init(&mut self, seed: u64) {
        N::init(seed, &mut self.parameters).expect("the parameters have the length that the network states");
        N::init_states(seed, &mut self.states).expect("the states have the length that the network states");
        self.next.clear();
        self.seed = seed;
        self.state.clear();
        self.step = 0;
    }

    /// The outputs of these inputs.
    ///
    /// # Errors
    /// Inputs of another number, kind or shape than [`Network::INPUTS`], or with elements out of range.
    pub fn predict(&mut self, inputs: impl Ports<N::Real>) -> Result<Outputs<'_, N>, Error> {
        let Model { parameters, states, outputs, ends, workspace, .. } = self;
        let run = |data: &[Data<'_, N::Real>], workspace: &mut Workspace| {
            ends.clear();
            let mut end = 0;
            for port in N::OUTPUTS {
                end += N::port_length(port, &workspace.sizes)?;
                ends.push(end);
            }
            grow(outputs, end, N::Real::ZERO);
            let mut rest = &mut outputs[..end];
            let lengths = (0..ends.len()).map(|k| span(ends, k).len());
            let slices = lengths.map(|length| nnc_kernels::take(&mut rest, length));
            with_list(slices, |slices| Ok(N::predict(parameters, states, &workspace.sizes, data, slices, &mut workspace.lanes)?))
        };
        inputs.visit(|inputs| call::<N, _>(inputs, None, workspace, run))?;
        Ok(Outputs { model: self })
    }

    /// Writes the outputs of these inputs, in the order of [`Network::OUTPUTS`], without touching the model.
    ///
    /// # Errors
    /// As [`Model::predict`]; and an output of another length.
    pub fn predict_into(
        &self,
        inputs: impl Ports<N::Real>,
        outputs: &mut [&mut [N::Real]],
        workspace: &mut Workspace,
    ) -> Result<(), Error> {
        if outputs.len() != N::OUTPUTS.len() {
            return Err(Error::Count { ports: "outputs", expected: N::OUTPUTS.len(), found: outputs.len() });
        }
        inputs.visit(|inputs| {
            call::<N, _>(inputs, None, workspace, |data, workspace| {
                Ok(N::predict(&self.parameters, &self.states, &workspace.sizes, data, outputs, &mut workspace.lanes)?)
            })
        })
    }

    /// The loss and the metrics on these samples, without training.
    ///
    /// # Errors
    /// Data of another number, kind or shape than [`Network::INPUTS`] and [`Network::TARGETS`], or with elements out of range.
    pub fn evaluate(&mut self, inputs: impl Ports<N::Real>, targets: impl Ports<N::Real>) -> Result<Evaluation<'_, N>, Error> {
        let Model { parameters, states, metrics, workspace, .. } = self;
        let loss = visit(inputs, targets, |inputs, targets| {
            call::<N, _>(inputs, Some(targets), workspace, |data, workspace| {
                Ok(N::evaluate(parameters, states, &workspace.sizes, data, metrics, &mut workspace.lanes)?)
            })
        })?;
        Ok(Evaluation { loss, metrics: &self.metrics })
    }

    /// The loss on these samples, as training sees it; its gradient is in [`Model::gradients`] afterwards. Where a model names its losses
    /// they are a struct of numbers by their names, and the gradient of each parameter is that of the loss which is for it.
    ///
    /// # Errors
    /// As [`Model::evaluate`].
    pub fn gradient(&mut self, inputs: impl Ports<N::Real>, targets: impl Ports<N::Real>) -> Result<N::Loss, Error> {
        let Model { parameters, states, next, seed, step, gradient, workspace, .. } = self;
        let draws = Draws { seed: *seed, step: *step + 1 };
        next.clear();
        visit(inputs, targets, |inputs, targets| {
            call::<N, _>(inputs, Some(targets), workspace, |data, workspace| {
                gradient.resize(N::PARAMETER_COUNT, N::Real::ZERO);
                next.resize(N::STATE_COUNT, N::Real::ZERO);
                let loss = N::gradient(parameters, states, draws, &workspace.sizes, data, gradient, next, &mut workspace.lanes);
                if loss.is_err() {
                    next.clear();
                }
                Ok(loss?)
            })
        })
    }

    /// One step of the optimizer with the gradient in [`Model::gradients`]. The states become those after the last [`Model::gradient`].
    pub fn update(&mut self) {
        self.gradient.resize(N::PARAMETER_COUNT, N::Real::ZERO);
        self.ensure_state();
        let Model { parameters, gradient, state, optimizer, step, workspace, .. } = self;
        grow(&mut workspace.lanes, N::UPDATE_WORKSPACE, Lane::ZERO);
        N::update(optimizer, *step + 1, parameters, gradient, state, &mut workspace.lanes)
            .expect("all slices have the lengths that the network states");
        *step += 1;
        if !self.next.is_empty() {
            self.states.copy_from_slice(&self.next);
            self.next.clear();
        }
    }

    /// One step of training on these samples: [`Model::gradient`], then [`Model::update`]. Returns the loss before it.
    ///
    /// # Errors
    /// As [`Model::evaluate`].
    pub fn step(&mut self, inputs: impl Ports<N::Real>, targets: impl Ports<N::Real>) -> Result<N::Loss, Error> {
        let loss = self.gradient(inputs, targets)?;
        self.update();
        Ok(loss)
    }

    /// How many steps of training were made.
    pub fn steps(&self) -> u64 {
        self.step
    }

    /// All parameters, in the order of [`Network::PARAMETERS`].
    pub fn parameters(&self) -> &[N::Real] {
        &self.parameters
    }

    /// All parameters, to be changed.
    pub fn parameters_mut(&mut self) -> &mut [N::Real] {
        &mut self.parameters
    }

    /// The parameter of this name, row-major: `model.parameter("fc1.w")`.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn parameter(&self, name: &str) -> Result<&[N::Real], Error> {
        Ok(&self.parameters[place("parameter", N::PARAMETERS, name)?])
    }

    /// The parameter of this name, to be changed.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn parameter_mut(&mut self, name: &str) -> Result<&mut [N::Real], Error> {
        Ok(&mut self.parameters[place("parameter", N::PARAMETERS, name)?])
    }

    /// What layers keep between steps, in the order of [`Network::STATES`].
    pub fn states(&self) -> &[N::Real] {
        &self.states
    }

    /// What layers keep between steps, to be changed.
    pub fn states_mut(&mut self) -> &mut [N::Real] {
        &mut self.states
    }

    /// The state of this name, row-major: `model.state("norm1.mean")`.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn state(&self, name: &str) -> Result<&[N::Real], Error> {
        Ok(&self.states[place("state", N::STATES, name)?])
    }

    /// The state of this name, to be changed.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn state_mut(&mut self, name: &str) -> Result<&mut [N::Real], Error> {
        Ok(&mut self.states[place("state", N::STATES, name)?])
    }

    /// What the random numbers of training depend on, beside the step: the seed of [`Model::new`] or [`Model::init`].
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The gradient with respect to all parameters, in the order of [`Network::PARAMETERS`]; empty before the first was computed.
    pub fn gradients(&self) -> &[N::Real] {
        &self.gradient
    }

    /// The gradient with respect to all parameters, to be changed before [`Model::update`].
    pub fn gradients_mut(&mut self) -> &mut [N::Real] {
        self.gradient.resize(N::PARAMETER_COUNT, N::Real::ZERO);
        &mut self.gradient
    }

    /// The numbers of the optimizer, such as its learning rate.
    pub fn optimizer(&self) -> &N::Optimizer {
        &self.optimizer
    }

    /// The numbers of the optimizer, to be changed between steps: `model.optimizer_mut().lr = 1e-4`.
    pub fn optimizer_mut(&mut self) -> &mut N::Optimizer {
        &mut self.optimizer
    }

    /// A number of the optimizer by its name: `*model.optimizer_field("lr")? *= 0.5`.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn optimizer_field(&mut self, name: &str) -> Result<&mut f64, Error> {
        let number = N::FIELDS.iter().position(|field| *field == name);
        number
            .and_then(|number| N::field(&mut self.optimizer, number))
            .ok_or_else(|| Error::unknown("number of the optimizer", name, N::FIELDS.iter().copied()))
    }

    /// The state of the optimizer, in the order of [`Network::OPTIMIZER_STATES`].
    pub(crate) fn optimizer_state(&mut self) -> &[N::Real] {
        self.ensure_state();
        &self.state
    }

    /// Continues a training: all that decides the next step but the data.
    pub(crate) fn resume(&mut self, kept: Kept<N>, state: Vec<N::Real>, optimizer: N::Optimizer, step: u64, seed: u64) {
        (self.parameters, self.states) = (kept.parameters, kept.states);
        (self.state, self.optimizer, self.step, self.seed) = (state, optimizer, step, seed);
        self.next.clear();
    }

    /// The state before the first step is made late, because it may depend on parameters that were loaded.
    fn ensure_state(&mut self) {
        if self.step == 0 {
            self.state.resize(N::OPTIMIZER_STATE_COUNT, N::Real::ZERO);
            let made = N::init_optimizer(&self.parameters, &mut self.state);
            made.expect("both slices have the lengths that the network states");
        }
    }
}

impl<N: Network> Clone for Model<N> {
    fn clone(&self) -> Self {
        Model {
            parameters: self.parameters.clone(),
            states: self.states.clone(),
            next: self.next.clone(),
            seed: self.seed,
            gradient: self.gradient.clone(),
            state: self.state.clone(),
            optimizer: self.optimizer.clone(),
            step: self.step,
            metrics: self.metrics.clone(),
            outputs: self.outputs.clone(),
            ends: self.ends.clone(),
            workspace: self.workspace.clone(),
        }
    }
}

impl<N: Network> Default for Model<N> {
    fn default() -> Self {
        Model::new(0)
    }
}

impl<N: Network> fmt::Debug for Model<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} parameters, {} steps)", N::NAME, N::PARAMETER_COUNT, self.step)
    }
}

/// The outputs of a [`Model::predict`]. As a slice it is the first output, row-major.
pub struct Outputs<'m, N: Network> {
    model: &'m Model<N>,
}

impl<'m, N: Network> Outputs<'m, N> {
    /// The output of this name, row-major.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn get(&self, name: &str) -> Result<&'m [N::Real], Error> {
        let number = N::OUTPUTS.iter().position(|port| port.name == name);
        let number = number.ok_or_else(|| Error::unknown("output", name, N::OUTPUTS.iter().map(|port| port.name)))?;
        Ok(self.numbers(number))
    }

    /// The rows of the first output: one for each sample, all of it if it has no batch.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &'m [N::Real]> + use<'m, N> {
        let numbers = self.numbers(0);
        let batch = match (N::OUTPUTS.first(), self.model.workspace.sizes.first()) {
            (Some(port), Some(&batch)) if port.batched => batch,
            _ => 1,
        };
        let each = numbers.len().checked_div(batch).unwrap_or(0);
        (0..batch).map(move |row| &numbers[row * each..(row + 1) * each])
    }

    /// For each row of the first output, where its largest number stands: the predicted class. The first of several.
    pub fn classes(&self) -> impl ExactSizeIterator<Item = usize> + use<'m, N> {
        self.rows().map(|row| (1..row.len()).fold(0, |best, k| if row[k] > row[best] { k } else { best }))
    }

    /// An output as an array; nothing if its shape does not follow from its length (two axes computed from run-time sizes).
    ///
    /// # Errors
    /// There is none of this name.
    #[cfg(feature = "ndarray")]
    pub fn array(&self, name: &str) -> Result<Option<ndarray::ArrayViewD<'m, N::Real>>, Error> {
        let numbers = self.get(name)?;
        let port = N::OUTPUTS.iter().find(|port| port.name == name);
        let shape = port.and_then(|port| ports::shape_of::<N>(port, numbers.len(), &self.model.workspace.sizes));
        Ok(shape.and_then(|shape| ndarray::ArrayView::from_shape(shape, numbers).ok()))
    }

    fn numbers(&self, number: usize) -> &'m [N::Real] {
        &self.model.outputs[span(&self.model.ends, number)]
    }
}

impl<N: Network> Deref for Outputs<'_, N> {
    type Target = [N::Real];
    fn deref(&self) -> &[N::Real] {
        self.numbers(0)
    }
}

impl<N: Network> fmt::Debug for Outputs<'_, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(N::OUTPUTS.iter().enumerate().map(|(k, port)| (port.name, self.numbers(k)))).finish()
    }
}

/// What [`Model::evaluate`] found.
pub struct Evaluation<'m, N: Network> {
    /// The loss, or the losses by their names: `evaluation.loss.critic`.
    pub loss: N::Loss,
    /// The metrics, in the order of [`Network::METRICS`].
    pub metrics: &'m [N::Real],
}

impl<N: Network> Evaluation<'_, N> {
    /// The metric of this name.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn metric(&self, name: &str) -> Result<N::Real, Error> {
        let number = N::METRICS.iter().position(|metric| *metric == name);
        let number = number.ok_or_else(|| Error::unknown("metric", name, N::METRICS.iter().copied()))?;
        Ok(self.metrics[number])
    }
}

impl<N: Network> fmt::Debug for Evaluation<'_, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let metrics = N::METRICS.iter().copied().zip(self.metrics);
        f.debug_map().entry(&"loss", &self.loss).entries(metrics).finish()
    }
}

/// Checks what was given, finds the sizes, makes room, and calls `run` with the numbers: inputs, then targets if there are any to be.
fn call<N: Network, R>(
    inputs: &[Option<Given<'_, N::Real>>],
    targets: Option<&[Option<Given<'_, N::Real>>]>,
    workspace: &mut Workspace,
    run: impl FnOnce(&[Data<'_, N::Real>], &mut Workspace) -> Result<R, Error>,
) -> Result<R, Error> {
    let inputs = ports::check("inputs", N::INPUTS, inputs)?;
    let targets = match targets {
        Some(targets) => ports::check("targets", N::TARGETS, targets)?,
        None => ports::check("targets", &[], &[])?,
    };
    let given = inputs.chain(targets);
    ports::infer_sizes::<N, _>(given.clone(), &mut workspace.sizes)?;
    grow(&mut workspace.lanes, N::workspace(&workspace.sizes)?, Lane::ZERO);
    with_list(given.map(|(_, given)| given.numbers), |data| run(data, workspace))
}

/// Both lists at once.
fn visit<T, R>(inputs: impl Ports<T>, targets: impl Ports<T>, f: impl FnOnce(&[Option<Given<'_, T>>], &[Option<Given<'_, T>>]) -> R) -> R {
    inputs.visit(|inputs| targets.visit(|targets| f(inputs, targets)))
}

fn grow<T: Copy>(numbers: &mut Vec<T>, length: usize, zero: T) {
    if numbers.len() < length {
        numbers.resize(length, zero);
    }
}

fn span(ends: &[usize], number: usize) -> Range<usize> {
    let start = if number == 0 { 0 } else { ends[number - 1] };
    start..ends[number]
}

/// Where the tensor of this name stands among the numbers of its kind.
fn place(what: &'static str, tensors: &[Tensor], name: &str) -> Result<Range<usize>, Error> {
    match tensors.iter().find(|tensor| tensor.name == name) {
        Some(tensor) => Ok(tensor.range()),
        None => Err(Error::unknown(what, name, tensors.iter().map(|tensor| tensor.name))),
    }
}
