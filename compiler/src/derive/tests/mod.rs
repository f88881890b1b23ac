//! Derived equations against central differences, for gradients and for gradients of gradients.
//!
//! [`models`] also shows them as text, [`random`] compares solved with unsolved ones, [`conventions`] is about kinks and lazy branches.

mod conventions;
mod models;
mod random;

use super::*;
use crate::equations::interpret::{Value, interpret};
use crate::equations::notation::read;
use crate::equations::print::print;
use crate::equations::verify::violations;
use ndarray::{ArrayD, IxDyn};

type Sizes = BTreeMap<String, i64>;
type Values = BTreeMap<String, Value>;

/// A small generator of random numbers (splitmix64).
pub(super) struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    /// In `low ..= high`.
    fn integer(&mut self, low: i64, high: i64) -> i64 {
        low + (self.next() % (high - low + 1) as u64) as i64
    }
    fn real(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64 * 2.0 - 1.0
    }
    fn choose<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.integer(0, from.len() as i64 - 1) as usize].clone()
    }
}

/// The value of a size.
fn evaluate(pool: &Pool, sizes: &Sizes, size: Index) -> i64 {
    use crate::equations::AtomNode;
    let affine = pool.affine(size);
    let atom = |atom| match pool.atom(atom) {
        AtomNode::Size { name, .. } => sizes[pool.text(*name)],
        AtomNode::Product(atoms) => atoms
            .iter()
            .map(|&atom| match pool.atom(atom) {
                AtomNode::Size { name, .. } => sizes[pool.text(*name)],
                _ => panic!("a size of this form is not used in tests"),
            })
            .product(),
        AtomNode::Div(x, m) => evaluate(pool, sizes, *x).div_euclid(evaluate(pool, sizes, *m)),
        _ => panic!("a size of this form is not used in tests"),
    };
    affine.constant + affine.terms.iter().map(|&(a, k)| k * atom(a)).sum::<i64>()
}

/// Random values for all given tensors.
fn random_values(equations: &Equations, sizes: &Sizes, random: &mut Random) -> Values {
    let mut values = Values::new();
    for (&name, tensor) in &equations.tensors {
        if tensor.equation().is_some() {
            continue;
        }
        let shape: Vec<usize> = tensor.axes.iter().map(|&size| evaluate(&equations.pool, sizes, size) as usize).collect();
        let value = match tensor.element {
            Element::Real => Value::Real(ArrayD::from_shape_fn(IxDyn(&shape), |_| random.real())),
            Element::Integer { low, high } => {
                let (low, high) = (evaluate(&equations.pool, sizes, low), evaluate(&equations.pool, sizes, high));
                Value::Integer(ArrayD::from_shape_fn(IxDyn(&shape), |_| random.integer(low, high - 1)))
            }
        };
        values.insert(equations.pool.text(name).to_string(), value);
    }
    values
}

/// The real given tensors.
fn real_inputs(equations: &Equations) -> Vec<Name> {
    let is_real_input = |tensor: &Tensor| tensor.equation().is_none() && tensor.element == Element::Real;
    equations.tensors.iter().filter(|(_, tensor)| is_real_input(tensor)).map(|(&name, _)| name).collect()
}

fn sizes_of(sizes: &[(&str, i64)]) -> Sizes {
    sizes.iter().map(|&(name, size)| (name.to_string(), size)).collect()
}

#[track_caller]
fn values_of(equations: &Equations, sizes: &Sizes, values: &Values, wanted: &[Name]) -> Vec<ArrayD<f64>> {
    match interpret(equations, sizes, values, wanted) {
        Ok(found) => found.iter().map(|value| value.real().expect("reals").clone()).collect(),
        Err(fault) => panic!("{fault}\n{}", print(equations)),
    }
}

/// Compares with central differences of fourth order at some elements of a tensor: all if there are few.
#[track_caller]
fn check_differences(equations: &Equations, sizes: &Sizes, values: &Values, loss: Name, of: Name, gradient: &ArrayD<f64>, most: usize) {
    let text = equations.pool.text(of).to_string();
    let point = values[&text].real().expect("reals").clone();
    assert_eq!(gradient.shape(), point.shape(), "{text}");
    let at = |place: &IxDyn, change: f64| {
        let mut moved = point.clone();
        moved[place] += change;
        let mut values = values.clone();
        values.insert(text.clone(), Value::Real(moved));
        values_of(equations, sizes, &values, &[loss])[0].sum()
    };
    let step = 1e-4;
    let skip = point.len().div_ceil(most).max(1);
    for (place, _) in point.indexed_iter().step_by(skip) {
        let expected = (8.0 * (at(&place, step) - at(&place, -step)) - (at(&place, 2.0 * step) - at(&place, -2.0 * step))) / (12.0 * step);
        let found = gradient[&place];
        let close = (found - expected).abs() <= 1e-7 * (1.0 + found.abs());
        assert!(close, "the gradient of {text}{place:?} is {found}, by differences {expected}\n{}", print(equations));
    }
}

/// Derives `loss` by all real inputs at a random point and compares with central differences; `again` derives the sum of the squares of
/// the gradients once more.
#[track_caller]
fn check_at(equations: &Equations, loss: Name, sizes: &Sizes, values: &Values, again: bool) -> Equations {
    let inputs = real_inputs(equations);
    let mut derived = equations.clone();
    let gradients = derive(&mut derived, loss, &inputs);
    assert_eq!(violations(&derived), Vec::<String>::new(), "{}", print(&derived));
    let found = values_of(&derived, sizes, values, &gradients);
    for (&input, found) in inputs.iter().zip(&found) {
        check_differences(equations, sizes, values, loss, input, found, if again { 30 } else { 6 });
    }
    if again {
        let mut penalty = derived.clone();
        let total = squares(&mut penalty, &gradients);
        check_at(&penalty, total, sizes, values, false);
    }
    derived
}

/// A new loss: the sum of the squares of all elements of these tensors, half of each, in a way that is not the same in all places.
fn squares(equations: &mut Equations, tensors: &[Name]) -> Name {
    let mut terms = Vec::new();
    for &tensor in tensors {
        let sizes = equations.tensors[&tensor].axes.clone();
        let pool = &mut equations.pool;
        let axes = reduced_axes(pool, 0, &sizes);
        let element = pool.read(tensor, axes.clone());
        let number = pool.flat(&axes, &sizes);
        let number = pool.real(number);
        let place = pool.apply(Function::Cos, number);
        let square = pool.power(element, 2.0);
        let body = pool.mul(&[square, place]);
        let base = format!("penalty_{}", pool.text(tensor));
        let name = equations.fresh(&base);
        let sum = Equation { reduction: Some(Reduction::Sum), reduced: sizes, condition: Condition::TRUE, body };
        equations.insert(name, Tensor::defined(Vec::new(), sum));
        terms.push(equations.pool.read(name, Vec::new()));
    }
    let body = equations.pool.add(&terms);
    let name = equations.fresh("penalty");
    equations.insert(name, Tensor::defined(Vec::new(), Equation::pointwise(body)));
    name
}

/// [`check_at`] for the tensor `loss` of a text, at random values.
#[track_caller]
fn check_sized(text: &str, sizes: &[(&str, i64)]) -> Equations {
    let equations = read(text);
    assert_eq!(violations(&equations), Vec::<String>::new());
    let sizes = sizes_of(sizes);
    let values = random_values(&equations, &sizes, &mut Random(text.len() as u64));
    let loss = equations.pool.find_name("loss").expect("a loss");
    check_at(&equations, loss, &sizes, &values, true)
}
