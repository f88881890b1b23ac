//! What can be given to a network, and the sizes that follow from it.
//!
//! A network takes flat slices and a list of run-time sizes. [`Values`] is anything that holds the numbers of one port; [`Ports`] is a
//! reference to such, or a tuple of references for several ports. Where values know their shape (arrays, rows, [`shaped`]) it is checked
//! against the port; the sizes follow from the shapes, and what is still unknown from the lengths:
//! `length = product of sizes`, solved wherever one factor is unknown.

use crate::Error;
use crate::network::{Data, Kind, Network, Port, Size};

/// The numbers given for one port, with what is known of their shape.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a, T> {
    /// Row-major.
    pub numbers: Data<'a, T>,
    /// What is known of their shape.
    pub shape: Shape<'a>,
}

/// What is known of the shape of given numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape<'a> {
    /// Only how many they are.
    Flat,
    /// Rows of equal length: one for each sample.
    Rows {
        /// How many rows.
        rows: usize,
        /// How many numbers each has.
        each: usize,
    },
    /// How many samples, if there is a batch.
    Samples(usize),
    /// The sizes of all axes, the batch among them.
    Axes(&'a [usize]),
}

/// Anything that holds the numbers of one port: slices, vectors and arrays of reals (`f32` or `f64`, as the network) or of `i32`, such
/// of rows, `ndarray` arrays, and [`shaped`] slices.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be given to a network of `{T}`",
    note = "a real port takes slices, vectors, rows or arrays of `{T}`, an index port those of `i32`"
)]
pub trait Values<T> {
    /// The numbers; nothing if they do not lie one after the other.
    fn given(&self) -> Option<Given<'_, T>>;
}

/// What is given for all ports: `&x`, `(&x, &y)`, or `()` for none. A list whose length is known at run time only is a `Vec` of [`Given`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be given to a network of `{T}`",
    note = "give a reference, `&x`, or a tuple of references for several ports, `(&x, &y)`",
    note = "a real port takes slices, vectors, rows or arrays of `{T}`, an index port those of `i32`"
)]
pub trait Ports<T> {
    /// Calls `f` with what was given for each port in order.
    fn visit<R>(&self, f: impl FnOnce(&[Option<Given<'_, T>>]) -> R) -> R;
}

impl<T, V: Values<T> + ?Sized> Values<T> for &V {
    fn given(&self) -> Option<Given<'_, T>> {
        (**self).given()
    }
}

impl<T, V: Values<T> + ?Sized> Ports<T> for &V {
    fn visit<R>(&self, f: impl FnOnce(&[Option<Given<'_, T>>]) -> R) -> R {
        f(&[self.given()])
    }
}

impl<T: Copy> Ports<T> for Vec<Given<'_, T>> {
    fn visit<R>(&self, f: impl FnOnce(&[Option<Given<'_, T>>]) -> R) -> R {
        f(&self.iter().copied().map(Some).collect::<Vec<_>>())
    }
}

macro_rules! tuples {
    ($(($($value:ident)*))*) => {$(
        impl<T, $($value: Values<T>),*> Ports<T> for ($($value,)*) {
            #[allow(non_snake_case)]
            fn visit<R>(&self, f: impl FnOnce(&[Option<Given<'_, T>>]) -> R) -> R {
                let ($($value,)*) = self;
                f(&[$($value.given()),*])
            }
        }
    )*};
}
tuples!(() (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) (A B C D E F G) (A B C D E F G H));

macro_rules! values {
    ($([$($generic:ident)?] $network:ident $element:ident $data:ident;)*) => {$(
        impl<$($generic)?> Values<$network> for [$element] {
            fn given(&self) -> Option<Given<'_, $network>> {
                Some(Given { numbers: Data::$data(self), shape: Shape::Flat })
            }
        }
        impl<$($generic,)? const EACH: usize> Values<$network> for [[$element; EACH]] {
            fn given(&self) -> Option<Given<'_, $network>> {
                let shape = Shape::Rows { rows: self.len(), each: EACH };
                Some(Given { numbers: Data::$data(self.as_flattened()), shape })
            }
        }
        impl<$($generic,)? const LENGTH: usize> Values<$network> for [$element; LENGTH] {
            fn given(&self) -> Option<Given<'_, $network>> {
                self.as_slice().given()
            }
        }
        impl<$($generic,)? const ROWS: usize, const EACH: usize> Values<$network> for [[$element; EACH]; ROWS] {
            fn given(&self) -> Option<Given<'_, $network>> {
                self.as_slice().given()
            }
        }
        impl<$($generic)?> Values<$network> for Vec<$element> {
            fn given(&self) -> Option<Given<'_, $network>> {
                self.as_slice().given()
            }
        }
        impl<$($generic,)? const EACH: usize> Values<$network> for Vec<[$element; EACH]> {
            fn given(&self) -> Option<Given<'_, $network>> {
                self.as_slice().given()
            }
        }
        #[cfg(feature = "ndarray")]
        impl<$($generic)?> arrays::Element<$network> for $element {
            fn data(numbers: &[Self]) -> Data<'_, $network> {
                Data::$data(numbers)
            }
        }
    )*};
}
values! {
    [] f32 f32 Real;
    [] f64 f64 Real;
    [T] T i32 Index;
}

#[cfg(feature = "ndarray")]
mod arrays {
    use super::{Data, Given, Shape, Values};
    use ndarray::{ArrayBase, Dimension};

    /// What an array can hold that is given to a network of `T`.
    pub trait Element<T>: Sized {
        fn data(numbers: &[Self]) -> Data<'_, T>;
    }

    impl<T, E: Element<T>, S: ndarray::Data<Elem = E>, D: Dimension> Values<T> for ArrayBase<S, D> {
        fn given(&self) -> Option<Given<'_, T>> {
            Some(Given { numbers: E::data(self.as_slice()?), shape: Shape::Axes(self.shape()) })
        }
    }
}

/// Numbers with the sizes of all their axes: see [`shaped`].
#[derive(Clone, Copy, Debug)]
pub struct Shaped<'a, V: ?Sized> {
    values: &'a V,
    shape: &'a [usize],
}

/// `values` with the sizes of all their axes, the batch first: `shaped(&x, &[8, 20, 16])`. Networks with run-time sizes need it where
/// the lengths alone leave several possibilities.
pub fn shaped<'a, V: ?Sized>(values: &'a V, shape: &'a [usize]) -> Shaped<'a, V> {
    Shaped { values, shape }
}

impl<T, V: Values<T> + ?Sized> Values<T> for Shaped<'_, V> {
    fn given(&self) -> Option<Given<'_, T>> {
        Some(Given { shape: Shape::Axes(self.shape), ..self.values.given()? })
    }
}

impl<T, V: Values<T> + ?Sized> Ports<T> for Shaped<'_, V> {
    fn visit<R>(&self, f: impl FnOnce(&[Option<Given<'_, T>>]) -> R) -> R {
        f(&[self.given()])
    }
}

impl<T> Data<'_, T> {
    /// How many numbers.
    pub fn len(&self) -> usize {
        match self {
            Data::Real(numbers) => numbers.len(),
            Data::Index(numbers) => numbers.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What was given, port by port, checked in number and kind.
pub(crate) fn check<'g, 'a, T>(
    what: &'static str,
    ports: &'static [Port],
    given: &'g [Option<Given<'a, T>>],
) -> Result<impl Iterator<Item = (&'static Port, &'g Given<'a, T>)> + Clone, Error> {
    if ports.len() != given.len() {
        return Err(Error::Count { ports: what, expected: ports.len(), found: given.len() });
    }
    for (port, given) in ports.iter().zip(given) {
        let Some(given) = given else { return Err(Error::Layout { name: port.name }) };
        let (expected, found) = (matches!(port.kind, Kind::Index { .. }), matches!(given.numbers, Data::Index(_)));
        let word = |index| if index { "integers (`i32`)" } else { "reals" };
        if expected != found {
            return Err(Error::Kind { name: port.name, expected: word(expected), found: word(found) });
        }
    }
    Ok(ports.iter().zip(given.iter().flatten()))
}

/// No size can be this large.
const UNKNOWN: usize = usize::MAX;

/// Finds the sizes of [`Network::SIZES`], into `sizes`.
///
/// # Errors
/// A shape that is not its port's, or a size that does not follow.
pub(crate) fn infer_sizes<'g, N: Network, I>(given: I, sizes: &mut Vec<usize>) -> Result<(), Error>
where
    I: Iterator<Item = (&'static Port, &'g Given<'g, N::Real>)> + Clone,
{
    sizes.clear();
    sizes.resize(N::SIZES.len(), UNKNOWN);
    for (port, given) in given.clone() {
        read_shape::<N>(port, given.shape, sizes)?;
    }
    loop {
        let mut changed = false;
        for (port, given) in given.clone() {
            changed |= divide::<N>(port, given.numbers.len(), sizes)?;
        }
        if !changed {
            break;
        }
    }
    for (name, size) in N::SIZES.iter().zip(sizes) {
        if *size == UNKNOWN {
            // A size of targets alone means nothing to a prediction.
            if given.clone().any(|(port, _)| axes(port).any(|axis| matches!(axis, Size::Dynamic(text) if text.contains(name)))) {
                return Err(Error::Size { name });
            }
            *size = 1;
        }
    }
    Ok(())
}

/// Where a size stands in [`Network::SIZES`]; sizes computed from others stand nowhere.
fn number<N: Network>(name: &str) -> Option<usize> {
    N::SIZES.iter().position(|size| *size == name)
}

/// The axes of a port, the batch first.
fn axes(port: &Port) -> impl Iterator<Item = Size> + use<'_> {
    port.batched.then_some(Size::Dynamic("batch")).into_iter().chain(port.shape.iter().copied())
}

/// Takes the sizes that stand in a shape; refuses a shape that is not the port's.
fn read_shape<N: Network>(port: &Port, shape: Shape<'_>, sizes: &mut [usize]) -> Result<(), Error> {
    match shape {
        Shape::Samples(samples) if port.batched => set::<N>("batch", samples, sizes),
        Shape::Samples(_) | Shape::Flat => Ok(()),
        Shape::Rows { rows, each } => {
            let fixed = port.shape.iter().try_fold(1_usize, |product, size| match size {
                Size::Fixed(size) => product.checked_mul(*size),
                Size::Dynamic(_) => None,
            });
            match (port.batched, fixed) {
                (true, Some(fixed)) if fixed == each => set::<N>("batch", rows, sizes),
                (true, Some(_)) => Err(wrong_shape(port, &format!("{rows} rows of {each}"))),
                _ => Ok(()),
            }
        }
        Shape::Axes(found) => {
            if axes(port).count() != found.len() {
                return Err(wrong_shape(port, &format!("{found:?}")));
            }
            for (axis, &found_size) in axes(port).zip(found) {
                match axis {
                    Size::Fixed(size) if size == found_size => {}
                    Size::Fixed(_) => return Err(wrong_shape(port, &format!("{found:?}"))),
                    Size::Dynamic(name) => set::<N>(name, found_size, sizes)?,
                }
            }
            Ok(())
        }
    }
}

fn set<N: Network>(name: &str, found: usize, sizes: &mut [usize]) -> Result<(), Error> {
    let Some(number) = number::<N>(name) else { return Ok(()) };
    if sizes[number] != UNKNOWN && sizes[number] != found {
        return Err(nnc_kernels::Error::Size { name: N::SIZES[number], expected: sizes[number], found }.into());
    }
    sizes[number] = found;
    Ok(())
}

/// Solves `length = product of sizes` for a size that stands in it once, if it is the only one that is unknown.
fn divide<N: Network>(port: &Port, length: usize, sizes: &mut [usize]) -> Result<bool, Error> {
    let (mut known, mut unknown) = (1_usize, None);
    for axis in axes(port) {
        let size = match axis {
            Size::Fixed(size) => size,
            Size::Dynamic(name) => match number::<N>(name) {
                Some(number) if sizes[number] != UNKNOWN => sizes[number],
                Some(number) if unknown.is_none() => {
                    unknown = Some(number);
                    1
                }
                _ => return Ok(false),
            },
        };
        known = known.saturating_mul(size);
    }
    let Some(number) = unknown else { return Ok(false) };
    if known == 0 {
        return Ok(false);
    }
    if !length.is_multiple_of(known) {
        return Err(wrong_shape(port, &format!("{length} numbers")));
    }
    sizes[number] = length / known;
    Ok(true)
}

fn wrong_shape(port: &Port, found: &str) -> Error {
    let sizes: Vec<String> = axes(port)
        .map(|size| match size {
            Size::Fixed(size) => size.to_string(),
            Size::Dynamic(name) => name.into(),
        })
        .collect();
    Error::Shape { name: port.name.into(), expected: format!("[{}]", sizes.join(", ")), found: found.into() }
}

/// The sizes of the axes of an output of `length` numbers: those that are computed from others must be one at most.
#[cfg(feature = "ndarray")]
pub(crate) fn shape_of<N: Network>(port: &Port, length: usize, sizes: &[usize]) -> Option<Vec<usize>> {
    let mut shape: Vec<usize> = axes(port)
        .map(|axis| match axis {
            Size::Fixed(size) => size,
            Size::Dynamic(name) => number::<N>(name).map_or(UNKNOWN, |number| sizes[number]),
        })
        .collect();
    let known: usize = shape.iter().filter(|&&size| size != UNKNOWN).product();
    let mut unknown = shape.iter_mut().filter(|size| **size == UNKNOWN);
    if let Some(size) = unknown.next() {
        *size = length.checked_div(known)?;
    }
    if unknown.next().is_some() { None } else { Some(shape) }
}
