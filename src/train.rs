//! Training in epochs: each sees every sample once, in batches, in an order drawn by seed and epoch; then the loss on samples kept
//! back for validation decides whether the training still learns.

use crate::data::Dataset;
use crate::{Error, Model, Network};
use nnc_kernels::Element;
use std::fmt;
use std::time::{Duration, Instant};

/// How to train: `Trainer { epochs: 30, ..Trainer::default() }.train(&mut model, &data, |epoch, _| println!("{epoch}"))`.
#[derive(Clone, Debug, PartialEq)]
pub struct Trainer {
    /// How often each sample is seen, at most: 10.
    pub epochs: usize,
    /// How many samples a step sees: 32.
    pub batch: usize,
    /// Decides the order of the samples and which of them are kept back: 0.
    pub seed: u64,
    /// The fraction of the samples that [`Trainer::train`] keeps back for validation: 0, none.
    pub validation: f64,
    /// Stops after so many epochs without a smaller loss on the samples for validation (on those for training if there are none), and
    /// goes back to the parameters and states of the best epoch: off.
    pub patience: Option<usize>,
}

impl Default for Trainer {
    fn default() -> Self {
        Trainer { epochs: 10, batch: 32, seed: 0, validation: 0.0, patience: None }
    }
}

/// What an epoch reached; `Display` is a line of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Epoch {
    /// 1, 2, 3, …
    pub number: usize,
    /// The mean loss of its steps; where a model has several, their sum.
    pub loss: f64,
    /// The mean of each loss of its steps, by name; none where a model has one without a name.
    pub losses: Vec<(&'static str, f64)>,
    /// The loss on the samples for validation.
    pub validation: Option<f64>,
    /// The metrics on the samples for validation.
    pub metrics: Vec<(&'static str, f64)>,
    /// How long it took.
    pub elapsed: Duration,
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "epoch {:3}", self.number)?;
        match &self.losses[..] {
            [] => write!(f, "  loss {:.4}", self.loss)?,
            losses => losses.iter().try_for_each(|(name, loss)| write!(f, "  {name} {loss:.4}"))?,
        }
        if let Some(validation) = self.validation {
            write!(f, "  validation {validation:.4}")?;
        }
        for (name, value) in &self.metrics {
            write!(f, "  {name} {value:.4}")?;
        }
        Ok(())
    }
}

impl Trainer {
    /// Trains on `data`, but for the fraction kept back for validation. Calls `each_epoch` after every epoch, where the optimizer may be
    /// changed.
    ///
    /// # Errors
    /// Data that the network refuses.
    pub fn train<N: Network>(
        &self,
        model: &mut Model<N>,
        data: &Dataset<N::Real>,
        each_epoch: impl FnMut(&Epoch, &mut Model<N>),
    ) -> Result<Vec<Epoch>, Error> {
        if self.validation > 0.0 {
            let (data, validation) = data.split(self.validation, self.seed);
            self.train_with(model, &data, &validation, each_epoch)
        } else {
            self.train_with(model, data, &data.select(&[]), each_epoch)
        }
    }

    /// Trains on `data`, with these samples for validation.
    ///
    /// # Errors
    /// Data that the network refuses.
    pub fn train_with<N: Network>(
        &self,
        model: &mut Model<N>,
        data: &Dataset<N::Real>,
        validation: &Dataset<N::Real>,
        mut each_epoch: impl FnMut(&Epoch, &mut Model<N>),
    ) -> Result<Vec<Epoch>, Error> {
        let (mut epochs, mut best) =
            (Vec::new(), Best::<N::Real> { loss: f64::INFINITY, epoch: 0, parameters: Vec::new(), states: Vec::new() });
        for number in 1..=self.epochs {
            let start = Instant::now();
            let losses = self.epoch(model, data, number)?;
            let loss = losses.iter().sum();
            let (validation, metrics) = match evaluate(model, validation, self.batch)? {
                Some((loss, metrics)) => (Some(loss), metrics),
                None => (None, Vec::new()),
            };
            let names = if N::LOSSES == ["loss"] { &[] } else { N::LOSSES };
            let losses = names.iter().copied().zip(losses).collect();
            let epoch = Epoch { number, loss, losses, validation, metrics, elapsed: start.elapsed() };
            each_epoch(&epoch, model);
            epochs.push(epoch);
            if let Some(patience) = self.patience {
                if validation.unwrap_or(loss) < best.loss {
                    best.loss = validation.unwrap_or(loss);
                    best.epoch = number;
                    (best.parameters, best.states) = (model.parameters().to_vec(), model.states().to_vec());
                } else if number - best.epoch >= patience.max(1) {
                    break;
                }
            }
        }
        if self.patience.is_some() && best.epoch > 0 {
            model.parameters_mut().copy_from_slice(&best.parameters);
            model.states_mut().copy_from_slice(&best.states);
        }
        Ok(epochs)
    }

    /// One pass over the data; the mean of each loss, of each sample before the step that saw it.
    fn epoch<N: Network>(&self, model: &mut Model<N>, data: &Dataset<N::Real>, number: usize) -> Result<Vec<f64>, Error> {
        let (inputs, all) = (N::INPUTS.len(), N::INPUTS.len() + N::TARGETS.len());
        check_columns::<N>(data)?;
        let mut sums = vec![0.0; N::LOSSES.len()];
        let mut batches = data.batches(self.batch, self.seed, number as u32);
        while let Some(batch) = batches.next() {
            let loss = model.step(batch.ports(0..inputs), batch.ports(inputs..all))?;
            sums.iter_mut().zip(each_loss::<N>(&loss)).for_each(|(sum, loss)| *sum += loss * batch.len() as f64);
        }
        sums.iter_mut().for_each(|sum| *sum /= data.len().max(1) as f64);
        Ok(sums)
    }
}

/// What the training goes back to.
struct Best<T> {
    loss: f64,
    epoch: usize,
    parameters: Vec<T>,
    states: Vec<T>,
}

/// The loss and the metrics on all of `data`; nothing if there are no samples.
type Evaluated = Option<(f64, Vec<(&'static str, f64)>)>;

fn evaluate<N: Network>(model: &mut Model<N>, data: &Dataset<N::Real>, batch: usize) -> Result<Evaluated, Error> {
    let (inputs, all) = (N::INPUTS.len(), N::INPUTS.len() + N::TARGETS.len());
    if data.is_empty() {
        return Ok(None);
    }
    check_columns::<N>(data)?;
    let (mut loss, mut metrics) = (0.0, vec![0.0; N::METRICS.len()]);
    let mut batches = data.batches_in_order(batch);
    while let Some(batch) = batches.next() {
        let weight = batch.len() as f64 / data.len() as f64;
        let found = model.evaluate(batch.ports(0..inputs), batch.ports(inputs..all))?;
        loss += each_loss::<N>(&found.loss).sum::<f64>() * weight;
        metrics.iter_mut().zip(found.metrics).for_each(|(sum, metric)| *sum += metric.to_f64() * weight);
    }
    Ok(Some((loss, N::METRICS.iter().copied().zip(metrics).collect())))
}

/// The numbers of the losses, in the order of [`Network::LOSSES`].
fn each_loss<N: Network>(loss: &N::Loss) -> impl Iterator<Item = f64> {
    (0..N::LOSSES.len()).filter_map(|number| N::loss(loss, number)).map(Element::to_f64)
}

fn check_columns<N: Network>(data: &Dataset<N::Real>) -> Result<(), Error> {
    let (expected, found) = (N::INPUTS.len() + N::TARGETS.len(), data.columns().len());
    if expected == found { Ok(()) } else { Err(Error::Count { ports: "inputs and targets", expected, found }) }
}
