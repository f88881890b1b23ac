//! Parameters and trainings in files: tensors by name, in the format of [`safetensors`](crate::safetensors).
//!
//! A file of [`Model::save`] holds a tensor for each parameter, `fc1.w`, and for each state of a layer, `norm1.mean`. A file of
//! [`Model::save_training`] holds besides, behind `optimizer:` (which no name of a parameter contains), the tensors of the optimizer's
//! state, its numbers (`optimizer:lr`, F64), `optimizer:step` and `optimizer:seed` (I64; what layers draw depends on it): so many steps,
//! save, load, so many steps are all these steps at once, bit for bit.
//!
//! Numbers of another precision are converted: F32 into an `f64` network exactly, F64 into an `f32` network to the nearest number. One
//! that would become infinite by it is refused. Integers are refused.

use crate::model::Kept;
use crate::network::Tensor;
use crate::safetensors::{self, Numbers, Tensors};
use crate::{Error, Model, Network};
use nnc_kernels::Element;
use std::path::Path;

/// What stands before the names of all that is no parameter.
const OPTIMIZER: &str = "optimizer:";

impl<N: Network> Model<N> {
    /// Writes the parameters and states to a file, whole or not at all.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        safetensors::write(path, &self.kept())
    }

    /// Reads the parameters and states from a file. What else is known of a training is forgotten, as by [`Model::init`]; the state of an
    /// optimizer in the file is left there.
    ///
    /// # Errors
    /// The file cannot be read, or does not hold exactly the parameters and states of this network; the message says of each that is
    /// missing, unexpected or of another shape or type what was expected and found. The model is unchanged then.
    pub fn load(&mut self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        let tensors = safetensors::read(path)?;
        let mut reader = Reader::<N> { tensors: &tensors, problems: Vec::new(), network: std::marker::PhantomData };
        let kept = reader.kept();
        reader.unexpected(|name| name.starts_with(OPTIMIZER));
        reader.finish(path)?;
        let (optimizer, seed) = (self.optimizer().clone(), self.seed());
        self.resume(kept, Vec::new(), optimizer, 0, seed);
        Ok(())
    }

    /// Writes all that decides how the training goes on (but the data) to a file, whole or not at all.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save_training(&mut self, path: impl AsRef<Path>) -> Result<(), Error> {
        let mut tensors = self.kept();
        tensors.extend(collect(N::OPTIMIZER_STATES, OPTIMIZER, self.optimizer_state()));
        let scalar = |numbers| safetensors::Tensor { shape: Vec::new(), numbers };
        for name in N::FIELDS {
            let value = *self.optimizer_field(name)?;
            tensors.insert(format!("{OPTIMIZER}{name}"), scalar(Numbers::F64(vec![value])));
        }
        let step = i64::try_from(self.steps()).map_err(|_| Error::Data("more steps than a file can hold".into()))?;
        tensors.insert(format!("{OPTIMIZER}step"), scalar(Numbers::I64(vec![step])));
        tensors.insert(format!("{OPTIMIZER}seed"), scalar(Numbers::I64(vec![self.seed().cast_signed()])));
        safetensors::write(path, &tensors)
    }

    /// Continues the training that [`Model::save_training`] wrote, with the numbers of the optimizer that it had.
    ///
    /// # Errors
    /// As [`Model::load`], for the state of the optimizer as well. The model is unchanged then.
    pub fn load_training(&mut self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        let tensors = safetensors::read(path)?;
        let mut reader = Reader::<N> { tensors: &tensors, problems: Vec::new(), network: std::marker::PhantomData };
        let kept = reader.kept();
        let state = reader.numbers(N::OPTIMIZER_STATES, OPTIMIZER, N::OPTIMIZER_STATE_COUNT);
        let mut optimizer = N::Optimizer::default();
        for (number, name) in N::FIELDS.iter().enumerate() {
            let value = reader.scalar(name);
            if let (Some(value), Some(field)) = (value, N::field(&mut optimizer, number)) {
                *field = value;
            }
        }
        let step = reader.integer("step", "is missing: this is no file of a training");
        if step < 0 {
            reader.problems.push(format!("`{OPTIMIZER}step` should not be negative, but is {step}"));
        }
        let seed = reader.integer("seed", "is missing").cast_unsigned();
        reader.unexpected(|name| {
            let own = |name: &str| {
                matches!(name, "step" | "seed") || N::FIELDS.contains(&name) || N::OPTIMIZER_STATES.iter().any(|state| state.name == name)
            };
            name.strip_prefix(OPTIMIZER).is_some_and(own)
        });
        reader.finish(path)?;
        self.resume(kept, state, optimizer, step.unsigned_abs(), seed);
        Ok(())
    }

    /// The parameters and states by name.
    fn kept(&self) -> Tensors {
        let mut tensors = collect(N::PARAMETERS, "", self.parameters());
        tensors.extend(collect(N::STATES, "", self.states()));
        tensors
    }
}

/// Flat numbers as tensors by name.
fn collect<T: Element>(table: &[Tensor], prefix: &str, numbers: &[T]) -> Tensors {
    let single = size_of::<T>() == size_of::<f32>();
    let tensor = |tensor: &Tensor| {
        let numbers = numbers[tensor.range()].iter().map(|number| number.to_f64());
        let numbers = if single { Numbers::F32(numbers.map(|number| number as f32).collect()) } else { Numbers::F64(numbers.collect()) };
        (format!("{prefix}{}", tensor.name), safetensors::Tensor { shape: tensor.shape.to_vec(), numbers })
    };
    table.iter().map(tensor).collect()
}

/// Takes tensors out of a file, and notes all that is not as it should be.
struct Reader<'t, N> {
    tensors: &'t Tensors,
    problems: Vec<String>,
    network: std::marker::PhantomData<N>,
}

impl<N: Network> Reader<'_, N> {
    fn kept(&mut self) -> Kept<N> {
        let parameters = self.numbers(N::PARAMETERS, "", N::PARAMETER_COUNT);
        Kept { parameters, states: self.numbers(N::STATES, "", N::STATE_COUNT) }
    }

    /// The numbers of a table of tensors, in its order.
    fn numbers(&mut self, table: &[Tensor], prefix: &str, count: usize) -> Vec<N::Real> {
        let mut numbers = vec![N::Real::ZERO; count];
        for tensor in table {
            let name = format!("{prefix}{}", tensor.name);
            if let Err(problem) = self.read(&name, tensor.shape, &mut numbers[tensor.range()]) {
                self.problems.push(problem);
            }
        }
        numbers
    }

    fn read(&self, name: &str, shape: &[usize], to: &mut [N::Real]) -> Result<(), String> {
        let Some(tensor) = self.tensors.get(name) else {
            return Err(format!("`{name}` is missing; a tensor of the shape {shape:?} is expected"));
        };
        if tensor.shape != shape {
            return Err(format!("`{name}` should have the shape {shape:?}, but has {:?}", tensor.shape));
        }
        match &tensor.numbers {
            Numbers::F32(numbers) => copy(name, numbers.iter().copied().map(f64::from), to),
            Numbers::F64(numbers) => copy(name, numbers.iter().copied(), to),
            other => Err(format!("`{name}` should hold F32 or F64, but holds {}", other.dtype())),
        }
    }

    /// A number of the optimizer.
    fn scalar(&mut self, name: &str) -> Option<f64> {
        let name = format!("{OPTIMIZER}{name}");
        let problem = match self.tensors.get(&name) {
            Some(safetensors::Tensor { numbers: Numbers::F64(numbers), .. }) if numbers.len() == 1 => return Some(numbers[0]),
            Some(tensor) => format!("`{name}` should be one F64, but is {} {}", tensor.numbers.len(), tensor.numbers.dtype()),
            None => format!("`{name}` is missing; one F64 is expected"),
        };
        self.problems.push(problem);
        None
    }

    fn integer(&mut self, name: &str, missing: &str) -> i64 {
        let name = format!("{OPTIMIZER}{name}");
        if let Some(safetensors::Tensor { numbers: Numbers::I64(numbers), .. }) = self.tensors.get(&name)
            && let [number] = numbers[..]
        {
            return number;
        }
        let problem = if self.tensors.contains_key(&name) { "should be one I64" } else { missing };
        self.problems.push(format!("`{name}` {problem}"));
        0
    }

    /// Notes the tensors that are neither parameters, nor states, nor `expected`.
    fn unexpected(&mut self, expected: impl Fn(&str) -> bool) {
        for name in self.tensors.keys() {
            if !expected(name) && !N::PARAMETERS.iter().chain(N::STATES).any(|kept| kept.name == name) {
                self.problems.push(format!("`{name}` is no tensor of `{}`", N::NAME));
            }
        }
    }

    fn finish(mut self, path: &Path) -> Result<(), Error> {
        const MOST: usize = 10;
        if self.problems.is_empty() {
            return Ok(());
        }
        let more = self.problems.len().saturating_sub(MOST);
        self.problems.truncate(MOST);
        if more > 0 {
            self.problems.push(format!("and {more} more"));
        }
        Err(Error::File { path: path.into(), message: self.problems.join("\n") })
    }
}

/// Converts numbers to the nearest of the network's.
fn copy<T: Element>(name: &str, numbers: impl Iterator<Item = f64>, to: &mut [T]) -> Result<(), String> {
    for (place, (to, number)) in to.iter_mut().zip(numbers).enumerate() {
        *to = T::from_f64(number);
        if number.is_finite() && !to.to_f64().is_finite() {
            return Err(format!("number {place} of `{name}` is {number:e}, which is too large for f32"));
        }
    }
    Ok(())
}
