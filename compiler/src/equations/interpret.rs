//! The judge: evaluates any [`Equations`] in f64, as plainly as possible.
//!
//! Every element of every tensor that is asked for, and of those that these read, is computed by its equation, with a loop over all
//! reduced elements. Conditions and selects are lazy: what they exclude is not evaluated. In a recurrence elements are computed along
//! time, and on demand where one needs another first. Nothing here is shared with the generated code, and of the pool only [`evaluate`].

use super::functions::evaluate;
use super::*;
use ndarray::{ArrayD, IxDyn};
use std::fmt;

/// The elements of a tensor.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Of a real tensor.
    Real(ArrayD<f64>),
    /// Of an integer tensor.
    Integer(ArrayD<i64>),
}

impl Value {
    /// The reals, if they are reals.
    pub fn real(&self) -> Option<&ArrayD<f64>> {
        match self {
            Value::Real(array) => Some(array),
            Value::Integer(_) => None,
        }
    }
    /// The integers, if they are integers.
    pub fn integer(&self) -> Option<&ArrayD<i64>> {
        match self {
            Value::Real(_) => None,
            Value::Integer(array) => Some(array),
        }
    }
    fn shape(&self) -> &[usize] {
        match self {
            Value::Real(array) => array.shape(),
            Value::Integer(array) => array.shape(),
        }
    }
}

/// Why equations could not be evaluated on the values given.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Fault {
    /// There is no such tensor.
    NoTensor { name: String },
    /// A given tensor is needed and was not given.
    NoValue { name: String },
    /// A size is neither given nor the size of a given tensor's axis.
    NoSize { name: String },
    /// A size is below what it may be.
    SizeTooSmall { name: String, size: i64, least: i64 },
    /// Two given tensors, or a tensor and a given size, disagree.
    SizesDisagree { name: String, one: i64, other: i64 },
    /// A given tensor has another shape.
    Shape { name: String, expected: Vec<i64>, found: Vec<usize> },
    /// Reals were given for integers, or integers for reals.
    Element { name: String, expected: &'static str },
    /// An integer, given or computed, is not in its range.
    Range { name: String, value: i64, low: i64, high: i64 },
    /// A read out of range that no condition excludes.
    Read { reader: String, name: String, at: Vec<i64>, shape: Vec<i64> },
    /// An element that depends on itself.
    Cycle { name: String, element: Vec<i64> },
    /// Integer arithmetic beyond 64 bits, or a division by a size that is 0.
    Arithmetic { reader: String },
    /// More elements than can be held.
    TooLarge { name: String },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::NoTensor { name } => write!(f, "there is no tensor `{name}`"),
            Fault::NoValue { name } => write!(f, "no value was given for `{name}`"),
            Fault::NoSize { name } => write!(f, "the size `{name}` is not known: give it, or a tensor that has an axis of this size"),
            Fault::SizeTooSmall { name, size, least } => write!(f, "the size `{name}` is {size}, but at least {least} is needed"),
            Fault::SizesDisagree { name, one, other } => write!(f, "the size `{name}` is {one} in one place and {other} in another"),
            Fault::Shape { name, expected, found } => write!(f, "`{name}` has shape {found:?}, expected {expected:?}"),
            Fault::Element { name, expected } => write!(f, "`{name}` holds {expected}, but the value given does not"),
            Fault::Range { name, value, low, high } => write!(f, "`{name}` holds {value}, expected {low} .. {high}"),
            Fault::Read { reader, name, at, shape } => {
                write!(f, "`{reader}` reads `{name}` at {at:?}, which is outside of its shape {shape:?}")
            }
            Fault::Cycle { name, element } => write!(f, "the element {element:?} of `{name}` depends on itself"),
            Fault::Arithmetic { reader } => write!(f, "integer arithmetic in `{reader}` overflows or divides by 0"),
            Fault::TooLarge { name } => write!(f, "`{name}` has too many elements to evaluate"),
        }
    }
}

impl std::error::Error for Fault {}

/// Evaluates the tensors `wanted`, in their order. `given` holds values of given tensors by name; sizes come from `sizes` and from the
/// shapes of what is given. Values for names that are not needed are ignored.
pub fn interpret(
    equations: &Equations,
    sizes: &BTreeMap<String, i64>,
    given: &BTreeMap<String, Value>,
    wanted: &[Name],
) -> Result<Vec<Value>, Fault> {
    for &name in wanted {
        if !equations.tensors.contains_key(&name) {
            return Err(Fault::NoTensor { name: equations.pool.text(name).to_string() });
        }
    }
    let groups = equations.groups(wanted.iter().copied());
    let mut evaluation = Evaluation::new(equations);
    for (name, &size) in sizes {
        evaluation.set_size(name, size)?;
    }
    let needed = groups.iter().flatten().copied();
    let inputs: Vec<Name> = needed.filter(|name| equations.tensors[name].equation().is_none()).collect();
    for &name in &inputs {
        evaluation.infer_sizes(name, given)?;
    }
    for &name in &inputs {
        evaluation.give(name, given)?;
    }
    for group in &groups {
        if group.len() == 1 && equations.tensors[&group[0]].equation().is_none() {
            continue;
        }
        for &name in group {
            evaluation.prepare(name)?;
        }
        if equations.is_recurrence(group)
            && let Ok(recurrence) = equations.recurrence(group)
        {
            evaluation.compute_in_time(&recurrence)?;
        }
        for &name in group {
            evaluation.compute(name)?;
        }
    }
    wanted.iter().map(|&name| evaluation.result(name)).collect()
}

/// The elements of one tensor, in row-major order.
struct Elements {
    shape: Vec<i64>,
    values: Numbers,
    /// Which of them are computed already.
    known: Vec<bool>,
}

enum Numbers {
    Real(Vec<f64>),
    /// With the range of the values.
    Integer(Vec<i64>, i64, i64),
}

/// Why the evaluation of an element stopped.
enum Stop {
    /// It reads an element that is not computed yet.
    Needs(Name, usize),
    Fault(Fault),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Stop::Fault(fault)
    }
}

/// What was computed for the present element, by expression; stale where the number is not that of the present element.
struct Memory<T> {
    values: Vec<(u64, T)>,
}

impl<T: Copy + Default> Memory<T> {
    fn get(&self, at: u32, now: u64) -> Option<T> {
        self.values.get(at as usize).and_then(|&(when, value)| (when == now).then_some(value))
    }
    fn set(&mut self, at: u32, now: u64, value: T) {
        let at = at as usize;
        if self.values.len() <= at {
            self.values.resize(at + 1, (0, T::default()));
        }
        self.values[at] = (now, value);
    }
}

struct Evaluation<'a> {
    equations: &'a Equations,
    sizes: BTreeMap<Name, i64>,
    /// By the number of the name.
    tensors: Vec<Option<Elements>>,
    /// Whose equation is evaluated.
    reader: Name,
    /// The value of each axis.
    axes: Vec<i64>,
    /// The number of the present choice of axes.
    now: u64,
    scalars: Memory<f64>,
    indices: Memory<i64>,
    atoms: Memory<i64>,
    conditions: Memory<bool>,
}

impl<'a> Evaluation<'a> {
    fn new(equations: &'a Equations) -> Self {
        Evaluation {
            equations,
            sizes: BTreeMap::new(),
            tensors: Vec::new(),
            reader: Name(0),
            axes: Vec::new(),
            now: 1,
            scalars: Memory { values: Vec::new() },
            indices: Memory { values: Vec::new() },
            atoms: Memory { values: Vec::new() },
            conditions: Memory { values: Vec::new() },
        }
    }
    fn text(&self, name: Name) -> String {
        self.equations.pool.text(name).to_string()
    }

    fn set_size(&mut self, text: &str, size: i64) -> Result<(), Fault> {
        let Some(name) = self.equations.pool.find_name(text) else { return Ok(()) };
        match self.sizes.insert(name, size) {
            Some(other) if other != size => Err(Fault::SizesDisagree { name: text.to_string(), one: other, other: size }),
            _ => Ok(()),
        }
    }
    /// Sizes that stand alone as an axis of a given tensor are those of its value.
    fn infer_sizes(&mut self, name: Name, given: &BTreeMap<String, Value>) -> Result<(), Fault> {
        let Some(value) = given.get(self.equations.pool.text(name)) else { return Ok(()) };
        let tensor = &self.equations.tensors[&name];
        for (&axis, &extent) in tensor.axes.iter().zip(value.shape()) {
            let affine = self.equations.pool.affine(axis);
            if affine.constant == 0
                && let [(atom, 1)] = affine.terms[..]
                && let AtomNode::Size { name: size, .. } = *self.equations.pool.atom(atom)
            {
                let text = self.text(size);
                self.set_size(&text, extent as i64)?;
            }
        }
        Ok(())
    }
    fn give(&mut self, name: Name, given: &BTreeMap<String, Value>) -> Result<(), Fault> {
        let text = self.text(name);
        let Some(value) = given.get(&text) else { return Err(Fault::NoValue { name: text }) };
        let shape = self.shape(name)?;
        if shape.len() != value.shape().len() || shape.iter().zip(value.shape()).any(|(&a, &b)| a != b as i64) {
            return Err(Fault::Shape { name: text, expected: shape, found: value.shape().to_vec() });
        }
        let values = match (self.equations.tensors[&name].element, value) {
            (Element::Real, Value::Real(array)) => Numbers::Real(array.iter().copied().collect()),
            (Element::Integer { low, high }, Value::Integer(array)) => {
                let (low, high) = (self.size(name, low)?, self.size(name, high)?);
                if let Some(&value) = array.iter().find(|&&value| value < low || value >= high) {
                    return Err(Fault::Range { name: text, value, low, high });
                }
                Numbers::Integer(array.iter().copied().collect(), low, high)
            }
            (Element::Real, Value::Integer(_)) => return Err(Fault::Element { name: text, expected: "reals" }),
            (Element::Integer { .. }, Value::Real(_)) => return Err(Fault::Element { name: text, expected: "integers" }),
        };
        let known = vec![true; value.shape().iter().product()];
        self.store(name, Elements { shape, values, known });
        Ok(())
    }
    /// Room for the elements of an equation.
    fn prepare(&mut self, name: Name) -> Result<(), Fault> {
        let shape = self.shape(name)?;
        let count = shape.iter().try_fold(1i64, |count, &size| count.checked_mul(size)).filter(|&count| count <= 1 << 32);
        let Some(count) = count else { return Err(Fault::TooLarge { name: self.text(name) }) };
        let values = match self.equations.tensors[&name].element {
            Element::Real => Numbers::Real(vec![0.0; count as usize]),
            Element::Integer { low, high } => Numbers::Integer(vec![0; count as usize], self.size(name, low)?, self.size(name, high)?),
        };
        self.store(name, Elements { shape, values, known: vec![false; count as usize] });
        Ok(())
    }
    fn store(&mut self, name: Name, elements: Elements) {
        let at = name.0 as usize;
        if self.tensors.len() <= at {
            self.tensors.resize_with(at + 1, || None);
        }
        self.tensors[at] = Some(elements);
    }
    fn elements(&self, name: Name) -> Result<&Elements, Fault> {
        match self.tensors.get(name.0 as usize) {
            Some(Some(elements)) => Ok(elements),
            _ => Err(Fault::NoTensor { name: self.text(name) }),
        }
    }
    fn shape(&mut self, name: Name) -> Result<Vec<i64>, Fault> {
        let axes = self.equations.tensors[&name].axes.clone();
        axes.into_iter().map(|axis| self.size(name, axis)).collect()
    }
    /// The value of an index without axes, in the shape of `name`.
    fn size(&mut self, name: Name, index: Index) -> Result<i64, Fault> {
        self.now += 1;
        self.reader = name;
        match self.index(index) {
            Ok(value) => Ok(value),
            Err(Stop::Fault(fault)) => Err(fault),
            Err(Stop::Needs(name, _)) => Err(Fault::NoTensor { name: self.text(name) }),
        }
    }

    /// The elements of a recurrence, one step after the other. What a step needs first nevertheless is computed first.
    fn compute_in_time(&mut self, recurrence: &Recurrence) -> Result<(), Fault> {
        let mut steps = 0;
        for &(name, axis) in &recurrence.members {
            steps = steps.max(self.elements(name)?.shape[axis as usize]);
        }
        for step in 0..steps {
            let now = if recurrence.reverse { steps - 1 - step } else { step };
            for &(name, axis) in &recurrence.members {
                let shape = self.elements(name)?.shape.clone();
                let (before, after) = shape.split_at(axis as usize);
                let (size, inner) = (after[0], after[1..].iter().product::<i64>());
                if now >= size {
                    continue;
                }
                for outer in 0..before.iter().product() {
                    for element in 0..inner {
                        self.settle(name, ((outer * size + now) * inner + element) as usize)?;
                    }
                }
            }
        }
        Ok(())
    }
    /// Every element of a tensor.
    fn compute(&mut self, name: Name) -> Result<(), Fault> {
        for element in 0..self.elements(name)?.known.len() {
            self.settle(name, element)?;
        }
        Ok(())
    }
    /// An element; those that it needs first are computed first.
    fn settle(&mut self, name: Name, element: usize) -> Result<(), Fault> {
        let mut waiting = vec![(name, element)];
        while let Some(&(name, element)) = waiting.last() {
            if self.elements(name)?.known[element] {
                waiting.pop();
                continue;
            }
            match self.element(name, element) {
                Ok(value) => {
                    self.keep(name, element, value)?;
                    waiting.pop();
                }
                Err(Stop::Fault(fault)) => return Err(fault),
                Err(Stop::Needs(first, at)) => {
                    // Those that wait are each needed by the one before: one of them again is a cycle. There are at most as many
                    // as elements, and only a cycle gets near that.
                    let elements: usize = self.tensors.iter().flatten().map(|tensor| tensor.known.len()).sum();
                    if (first, at) == (name, element) || waiting.len() > elements {
                        let shape = &self.elements(first)?.shape;
                        return Err(Fault::Cycle { name: self.text(first), element: unflatten(at, shape) });
                    }
                    waiting.push((first, at));
                }
            }
        }
        Ok(())
    }
    fn keep(&mut self, name: Name, element: usize, value: f64) -> Result<(), Fault> {
        let text = self.equations.pool.text(name);
        let Some(Some(elements)) = self.tensors.get_mut(name.0 as usize) else {
            return Err(Fault::NoTensor { name: text.to_string() });
        };
        match &mut elements.values {
            Numbers::Real(values) => values[element] = value,
            Numbers::Integer(values, low, high) => {
                let value = value.round() as i64;
                if value < *low || value >= *high {
                    return Err(Fault::Range { name: text.to_string(), value, low: *low, high: *high });
                }
                values[element] = value;
            }
        }
        elements.known[element] = true;
        Ok(())
    }
    fn result(&self, name: Name) -> Result<Value, Fault> {
        let elements = self.elements(name)?;
        let shape = IxDyn(&elements.shape.iter().map(|&size| size as usize).collect::<Vec<_>>());
        let too_large = |_| Fault::TooLarge { name: self.text(name) };
        Ok(match &elements.values {
            Numbers::Real(values) => Value::Real(ArrayD::from_shape_vec(shape, values.clone()).map_err(too_large)?),
            Numbers::Integer(values, ..) => Value::Integer(ArrayD::from_shape_vec(shape, values.clone()).map_err(too_large)?),
        })
    }

    /// The value of one element by its equation.
    fn element(&mut self, name: Name, element: usize) -> Result<f64, Stop> {
        self.reader = name;
        let tensor = &self.equations.tensors[&name];
        let Some(equation) = tensor.equation() else { return Err(Fault::NoValue { name: self.text(name) }.into()) };
        self.axes.clear();
        self.now += 1;
        let sizes: Vec<i64> = equation.reduced.iter().map(|&size| self.index(size)).collect::<Result<_, _>>()?;
        self.axes = unflatten(element, &self.elements(name)?.shape);
        let rank = self.axes.len();
        let Some(reduction) = equation.reduction else {
            self.now += 1;
            return self.scalar(equation.body);
        };
        let count: i64 = sizes.iter().product();
        self.axes.resize(rank + sizes.len(), 0);
        let mut values = Vec::new();
        for number in 0..count {
            let point = unflatten(number as usize, &sizes);
            self.axes[rank..].copy_from_slice(&point);
            self.now += 1;
            if self.condition(equation.condition)? {
                values.push((number, self.scalar(equation.body)?));
            }
        }
        Ok(reduce(reduction, &values))
    }
    fn scalar(&mut self, scalar: Scalar) -> Result<f64, Stop> {
        if let Some(value) = self.scalars.get(scalar.0, self.now) {
            return Ok(value);
        }
        let equations = self.equations;
        let value = match equations.pool.scalar(scalar) {
            ScalarNode::Constant(value) => value.value(),
            ScalarNode::Read { tensor, at } => {
                let flat = self.read(*tensor, at)?;
                match &self.elements(*tensor)?.values {
                    Numbers::Real(values) => values[flat],
                    Numbers::Integer(..) => return Err(Fault::Element { name: self.text(*tensor), expected: "integers" }.into()),
                }
            }
            ScalarNode::Add(terms) => {
                let mut sum = 0.0;
                for &term in terms {
                    sum += self.scalar(term)?;
                }
                sum
            }
            ScalarNode::Mul(factors) => {
                let mut product = 1.0;
                for &factor in factors {
                    product *= self.scalar(factor)?;
                }
                product
            }
            ScalarNode::Power(base, exponent) => power(self.scalar(*base)?, exponent.value()),
            ScalarNode::Max(a, b) => {
                let (a, b) = (self.scalar(*a)?, self.scalar(*b)?);
                if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
            }
            ScalarNode::Select(condition, a, b) => {
                let taken = if self.condition(*condition)? { a } else { b };
                self.scalar(*taken)?
            }
            ScalarNode::Real(index) => self.index(*index)? as f64,
            ScalarNode::Apply(function, x) => evaluate(*function, self.scalar(*x)?),
            ScalarNode::Stop(x) => self.scalar(*x)?,
        };
        self.scalars.set(scalar.0, self.now, value);
        Ok(value)
    }
    fn condition(&mut self, condition: Condition) -> Result<bool, Stop> {
        if let Some(value) = self.conditions.get(condition.0, self.now) {
            return Ok(value);
        }
        let equations = self.equations;
        let value = match equations.pool.condition(condition) {
            ConditionNode::True => true,
            ConditionNode::False => false,
            ConditionNode::NonNegative(index) => self.index(*index)? >= 0,
            ConditionNode::Zero(index) => self.index(*index)? == 0,
            ConditionNode::Compare(relation, a, b) => {
                let (a, b) = (self.scalar(*a)?, self.scalar(*b)?);
                match relation {
                    Relation::Less => a < b,
                    Relation::LessEqual => a <= b,
                    Relation::Equal => a == b,
                }
            }
            ConditionNode::All(parts) => self.all(parts)?,
            ConditionNode::Not(part) => !self.condition(*part)?,
        };
        self.conditions.set(condition.0, self.now, value);
        Ok(value)
    }
    /// Whether all hold. The order in which parts stand says nothing: a part that cannot be evaluated matters only if all others hold,
    /// because one of them may be what keeps its reads in range.
    fn all(&mut self, parts: &[Condition]) -> Result<bool, Stop> {
        let mut stopped = None;
        for &part in parts {
            match self.condition(part) {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(stop) => stopped = stopped.or(Some(stop)),
            }
        }
        stopped.map_or(Ok(true), Err)
    }
    fn index(&mut self, index: Index) -> Result<i64, Stop> {
        if let Some(value) = self.indices.get(index.0, self.now) {
            return Ok(value);
        }
        let equations = self.equations;
        let affine = equations.pool.affine(index);
        let mut sum = affine.constant;
        for &(atom, coefficient) in &affine.terms {
            let value = self.atom(atom)?;
            let term = value.checked_mul(coefficient);
            sum = self.exact(term.and_then(|term| sum.checked_add(term)))?;
        }
        self.indices.set(index.0, self.now, sum);
        Ok(sum)
    }
    fn atom(&mut self, atom: Atom) -> Result<i64, Stop> {
        if let Some(value) = self.atoms.get(atom.0, self.now) {
            return Ok(value);
        }
        let equations = self.equations;
        let value = match equations.pool.atom(atom) {
            AtomNode::Axis { number, .. } => self.exact(self.axes.get(*number as usize).copied())?,
            AtomNode::Size { name, least } => match self.sizes.get(name) {
                Some(&size) if size < *least => {
                    return Err(Fault::SizeTooSmall { name: self.text(*name), size, least: *least }.into());
                }
                Some(&size) => size,
                None => return Err(Fault::NoSize { name: self.text(*name) }.into()),
            },
            AtomNode::Product(atoms) => {
                let mut product = 1i64;
                for &atom in atoms {
                    let value = self.atom(atom)?;
                    product = self.exact(product.checked_mul(value))?;
                }
                product
            }
            AtomNode::Div(x, m) => {
                let (x, m) = (self.index(*x)?, self.index(*m)?);
                self.exact(x.checked_div_euclid(m))?
            }
            AtomNode::Mod(x, m) => {
                let (x, m) = (self.index(*x)?, self.index(*m)?);
                self.exact(x.checked_rem_euclid(m))?
            }
            AtomNode::Read { tensor, at, .. } => {
                let flat = self.read(*tensor, at)?;
                match &self.elements(*tensor)?.values {
                    Numbers::Integer(values, ..) => values[flat],
                    Numbers::Real(_) => return Err(Fault::Element { name: self.text(*tensor), expected: "reals" }.into()),
                }
            }
        };
        self.atoms.set(atom.0, self.now, value);
        Ok(value)
    }
    fn exact(&self, value: Option<i64>) -> Result<i64, Stop> {
        value.ok_or_else(|| Fault::Arithmetic { reader: self.text(self.reader) }.into())
    }
    /// The row-major number of the element that is read.
    fn read(&mut self, tensor: Name, at: &[Index]) -> Result<usize, Stop> {
        let at: Vec<i64> = at.iter().map(|&index| self.index(index)).collect::<Result<_, _>>()?;
        let elements = self.elements(tensor)?;
        if at.len() != elements.shape.len() || at.iter().zip(&elements.shape).any(|(&index, &size)| index < 0 || index >= size) {
            let (reader, name) = (self.text(self.reader), self.text(tensor));
            return Err(Fault::Read { reader, name, at, shape: elements.shape.clone() }.into());
        }
        let flat = at.iter().zip(&elements.shape).fold(0, |flat, (&index, &size)| flat * size + index) as usize;
        if elements.known[flat] { Ok(flat) } else { Err(Stop::Needs(tensor, flat)) }
    }
}

/// The indices of an element by its row-major number.
fn unflatten(flat: usize, shape: &[i64]) -> Vec<i64> {
    let mut at = vec![0; shape.len()];
    let mut left = flat as i64;
    for (index, &size) in at.iter_mut().zip(shape).rev() {
        *index = left % size;
        left /= size;
    }
    at
}

/// `x ^ exponent`: a product for a whole exponent, a root for halves.
fn power(x: f64, exponent: f64) -> f64 {
    if exponent == 0.5 {
        x.sqrt()
    } else if exponent == -0.5 {
        1.0 / x.sqrt()
    } else if exponent.fract() == 0.0 && exponent.abs() <= 1024.0 {
        x.powi(exponent as i32)
    } else {
        x.powf(exponent)
    }
}

/// Reduces values, each with its row-major number among all elements of the reduced axes.
fn reduce(reduction: Reduction, values: &[(i64, f64)]) -> f64 {
    let numbers = values.iter().map(|&(_, value)| value);
    let any_nan = numbers.clone().any(f64::is_nan);
    let largest = numbers.clone().fold(f64::NEG_INFINITY, f64::max);
    match reduction {
        Reduction::Sum => numbers.fold(0.0, |sum, value| sum + value),
        Reduction::Product => numbers.fold(1.0, |product, value| product * value),
        Reduction::Max if any_nan => f64::NAN,
        Reduction::Max => largest,
        Reduction::LogSumExp if any_nan => f64::NAN,
        Reduction::LogSumExp if largest.is_infinite() => largest,
        Reduction::LogSumExp => largest + numbers.fold(0.0, |sum, value| sum + (value - largest).exp()).ln(),
        Reduction::ArgMax => {
            let first = values.iter().find(|&&(_, value)| if any_nan { value.is_nan() } else { value == largest });
            first.map_or(0.0, |&(number, _)| number as f64)
        }
    }
}
