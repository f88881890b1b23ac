//! What can be wrong with the slices given to an entry point of a generated program, and the checks that find it.

use core::fmt;

/// Why an entry point refused its arguments. Nothing was computed or written.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// A slice has the wrong length.
    Length {
        /// The tensor.
        name: &'static str,
        /// How many numbers it should have.
        expected: usize,
        /// How many it has.
        found: usize,
    },
    /// An index is out of range.
    Index {
        /// The tensor.
        name: &'static str,
        /// Where in it.
        position: usize,
        /// What stands there.
        value: i64,
        /// The least index allowed.
        low: i64,
        /// The first index not allowed any more.
        high: i64,
    },
    /// A number that should be a probability is not in 0 to 1.
    Probability {
        /// The tensor.
        name: &'static str,
        /// Where in it.
        position: usize,
        /// What stands there.
        value: f64,
    },
    /// A run-time size is below 1, or disagrees with another.
    Size {
        /// The size.
        name: &'static str,
        /// What it should be; 0: anything from 1 on.
        expected: usize,
        /// What it is.
        found: usize,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Error::Length { name, expected, found } => write!(f, "`{}` should have {} numbers, but has {}", name, expected, found),
            Error::Index { name, position, value, low, high } => {
                write!(f, "`{}` should hold indices from {} to {}, but number {} is {}", name, low, high - 1, position, value)
            }
            Error::Probability { name, position, value } => {
                write!(f, "`{}` should hold probabilities from 0 to 1, but number {} is {}", name, position, value)
            }
            Error::Size { name, expected: 0, found } => write!(f, "the size `{}` should be at least 1, but is {}", name, found),
            Error::Size { name, expected, found } => write!(f, "the size `{}` should be {}, but is {}", name, expected, found),
        }
    }
}

impl core::error::Error for Error {}

/// [`Error::Length`] unless `found` is `expected`.
pub fn check_length(name: &'static str, expected: usize, found: usize) -> Result<(), Error> {
    if found == expected { Ok(()) } else { Err(Error::Length { name, expected, found }) }
}

/// [`Error::Index`] for the first of `x` that is not in `low..high`.
pub fn check_index<I: Copy + Into<i64>>(name: &'static str, x: &[I], low: i64, high: i64) -> Result<(), Error> {
    for (position, &value) in x.iter().enumerate() {
        let value = value.into();
        if value < low || value >= high {
            return Err(Error::Index { name, position, value, low, high });
        }
    }
    Ok(())
}

/// [`Error::Probability`] for the first of `x` that is not in 0 to 1 (a NaN is not).
pub fn check_probability<T: Copy + Into<f64>>(name: &'static str, x: &[T]) -> Result<(), Error> {
    for (position, &value) in x.iter().enumerate() {
        let value = value.into();
        // Not `value < 0 || value > 1`, which a NaN would pass.
        if !(0.0..=1.0).contains(&value) {
            return Err(Error::Probability { name, position, value });
        }
    }
    Ok(())
}

/// [`Error::Size`] unless `found` is at least 1, and `expected` if that is not 0.
pub fn check_size(name: &'static str, expected: usize, found: usize) -> Result<(), Error> {
    if found > 0 && (expected == 0 || found == expected) { Ok(()) } else { Err(Error::Size { name, expected, found }) }
}
