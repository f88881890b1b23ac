//! What can go wrong around a network: always a value, and always with the name of the tensor or file.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why something was refused. Nothing was changed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The generated code refused its arguments.
    Arguments(nnc_kernels::Error),
    /// Another number of tensors was given than the network has ports.
    Count {
        /// `inputs`, `targets` or `outputs`.
        ports: &'static str,
        /// How many the network has.
        expected: usize,
        /// How many were given.
        found: usize,
    },
    /// Reals were given where integers belong, or integers where reals belong.
    Kind {
        /// The port.
        name: &'static str,
        /// What belongs there.
        expected: &'static str,
        /// What was given.
        found: &'static str,
    },
    /// An array whose numbers do not lie one after the other, row by row.
    Layout {
        /// The port.
        name: &'static str,
    },
    /// A tensor has another shape.
    Shape {
        /// The tensor.
        name: String,
        /// Its shape, such as `[batch, 64]`.
        expected: String,
        /// What was given.
        found: String,
    },
    /// A run-time size does not follow from what was given.
    Size {
        /// The size.
        name: &'static str,
    },
    /// There is nothing of this name.
    Name {
        /// `parameter`, `output`, `column`, …
        what: &'static str,
        /// What was asked for.
        name: String,
        /// All names that there are.
        known: String,
    },
    /// Numbers that cannot be used as they were to be used.
    Data(String),
    /// The file system refused.
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The contents of a file are not what they should be.
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the tensor or line.
        message: String,
    },
}

impl Error {
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Error {
        let path = path.to_path_buf();
        move |source| Error::Io { path, source }
    }

    pub(crate) fn unknown<'a>(what: &'static str, name: &str, known: impl Iterator<Item = &'a str>) -> Error {
        let known: Vec<_> = known.map(|name| format!("`{name}`")).collect();
        let known = if known.is_empty() { "there is none".into() } else { format!("there are {}", known.join(", ")) };
        Error::Name { what, name: name.into(), known }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Arguments(error) => error.fmt(f),
            Error::Count { ports, expected, found } => write!(f, "{ports}: the network has {expected}, but {found} were given"),
            Error::Kind { name, expected, found } => write!(f, "`{name}` takes {expected}, but {found} were given"),
            Error::Layout { name } => {
                write!(f, "the array given for `{name}` does not lie in memory row by row; `as_standard_layout()` makes one that does")
            }
            Error::Shape { name, expected, found } => write!(f, "`{name}` should have the shape {expected}, but has {found}"),
            Error::Size { name } => {
                write!(f, "the size `{name}` does not follow from what was given: give an array, or `nnc::shaped(&numbers, &[sizes])`")
            }
            Error::Name { what, name, known } => write!(f, "there is no {what} `{name}`: {known}"),
            Error::Data(message) => f.write_str(message),
            Error::Io { path, source } => write!(f, "{}: {source}", path.display()),
            Error::File { path, message } => write!(f, "{}: {message}", path.display()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl From<nnc_kernels::Error> for Error {
    fn from(error: nnc_kernels::Error) -> Self {
        Error::Arguments(error)
    }
}
