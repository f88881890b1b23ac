//! Rows of numbers: from a file, split, normalised, in batches.
//!
//! A [`Table`] is a CSV file of numbers under a line of names. A [`Dataset`] holds one column for each input and target of a network, with
//! the same number of samples in each; parts of it and batches are datasets too.

use crate::Error;
use crate::list::with_list;
use crate::network::Data;
use crate::ports::{Given, Ports, Shape};
use nnc_kernels::Element;
use std::fs;
use std::ops::Range;
use std::path::Path;

/// Numbers in named columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    names: Vec<String>,
    /// Row-major.
    numbers: Vec<f64>,
}

impl Table {
    /// Reads a CSV file: a line of names, then lines of as many numbers.
    ///
    /// # Errors
    /// The file cannot be read, or a line is not so; the message has its number.
    pub fn read(path: impl AsRef<Path>) -> Result<Table, Error> {
        let path = path.as_ref();
        let text = fs::read_to_string(path).map_err(Error::io(path))?;
        Table::parse(&text).map_err(|error| Error::File { path: path.into(), message: error.to_string() })
    }

    /// [`Table::read`] of the text of a file.
    ///
    /// # Errors
    /// A line is not as it should be; the message has its number.
    pub fn parse(text: &str) -> Result<Table, Error> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let (_, header) = lines.next().ok_or_else(|| Error::Data("a line of names is expected, but there is none".into()))?;
        let names: Vec<String> = header.split(',').map(|name| name.trim().trim_matches('"').to_string()).collect();
        for (place, name) in names.iter().enumerate() {
            if names[..place].contains(name) {
                return Err(Error::Data(format!("the column `{name}` occurs twice")));
            }
        }
        let mut numbers = Vec::new();
        for (line, text) in lines {
            let before = numbers.len();
            for cell in text.split(',') {
                let name = names.get(numbers.len() - before).map_or("none", String::as_str);
                let number = cell.trim().parse();
                numbers.push(number.map_err(|_| {
                    let line = line + 1;
                    Error::Data(format!("line {line}, column `{name}`: `{}` is no number", cell.trim()))
                })?);
            }
            if numbers.len() - before != names.len() {
                let (line, found, expected) = (line + 1, numbers.len() - before, names.len());
                return Err(Error::Data(format!("line {line} has {found} numbers, but there are {expected} columns")));
            }
        }
        Ok(Table { names, numbers })
    }

    /// How many rows.
    pub fn rows(&self) -> usize {
        self.numbers.len() / self.names.len()
    }

    /// The names of the columns.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Some columns as reals, row by row.
    ///
    /// # Errors
    /// There is no column of a name.
    pub fn reals<T: Element>(&self, columns: &[impl AsRef<str>]) -> Result<Vec<T>, Error> {
        let places: Vec<usize> = columns.iter().map(|name| self.place(name.as_ref())).collect::<Result<_, _>>()?;
        let rows = self.numbers.chunks_exact(self.names.len());
        Ok(rows.flat_map(|row| places.iter().map(|&place| T::from_f64(row[place]))).collect())
    }

    /// All columns but some as reals, row by row.
    ///
    /// # Errors
    /// There is no column of a name.
    pub fn reals_without<T: Element>(&self, columns: &[impl AsRef<str>]) -> Result<Vec<T>, Error> {
        let left_out: Vec<usize> = columns.iter().map(|name| self.place(name.as_ref())).collect::<Result<_, _>>()?;
        let kept: Vec<&String> =
            self.names.iter().enumerate().filter(|(place, _)| !left_out.contains(place)).map(|(_, name)| name).collect();
        self.reals(&kept)
    }

    /// A column of integers, such as classes.
    ///
    /// # Errors
    /// There is no such column, or it holds a number that is no `i32`.
    pub fn indices(&self, column: &str) -> Result<Vec<i32>, Error> {
        let place = self.place(column)?;
        let rows = self.numbers.chunks_exact(self.names.len()).enumerate();
        rows.map(|(row, numbers)| {
            let number = numbers[place];
            let index = number as i32;
            let exact = f64::from(index) == number;
            if exact { Ok(index) } else { Err(Error::Data(format!("row {} of `{column}` is {number}, which is no integer", row + 1))) }
        })
        .collect()
    }

    fn place(&self, column: &str) -> Result<usize, Error> {
        let place = self.names.iter().position(|name| name == column);
        place.ok_or_else(|| Error::unknown("column", column, self.names.iter().map(String::as_str)))
    }
}

/// A column for each input and target of a network, in their order; the same number of samples in each.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset<T> {
    columns: Vec<Column<T>>,
    samples: usize,
}

/// The numbers of one input or target for all samples, row-major.
#[derive(Clone, Debug, PartialEq)]
pub enum Column<T> {
    /// Of a real or probability port.
    Real(Vec<T>),
    /// Of an index port.
    Index(Vec<i32>),
}

impl From<Vec<f32>> for Column<f32> {
    fn from(numbers: Vec<f32>) -> Self {
        Column::Real(numbers)
    }
}

impl From<Vec<f64>> for Column<f64> {
    fn from(numbers: Vec<f64>) -> Self {
        Column::Real(numbers)
    }
}

impl<T> From<Vec<i32>> for Column<T> {
    fn from(numbers: Vec<i32>) -> Self {
        Column::Index(numbers)
    }
}

impl<T> Column<T> {
    fn len(&self) -> usize {
        match self {
            Column::Real(numbers) => numbers.len(),
            Column::Index(numbers) => numbers.len(),
        }
    }
}

impl<T: Element> Dataset<T> {
    /// `Dataset::new(150, [x.into(), species.into()])`: the inputs and then the targets of a network.
    ///
    /// # Errors
    /// A column that is no whole number of numbers for each sample.
    pub fn new(samples: usize, columns: impl IntoIterator<Item = Column<T>>) -> Result<Self, Error> {
        let columns: Vec<_> = columns.into_iter().collect();
        for (place, column) in columns.iter().enumerate() {
            let length = column.len();
            if length.checked_rem(samples).unwrap_or(length) != 0 {
                let place = place + 1;
                return Err(Error::Data(format!("column {place} has {length} numbers, which do not make {samples} samples")));
            }
        }
        Ok(Dataset { columns, samples })
    }

    /// How many samples.
    pub fn len(&self) -> usize {
        self.samples
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.samples == 0
    }

    /// The columns.
    pub fn columns(&self) -> &[Column<T>] {
        &self.columns
    }

    /// The samples before and from `samples` on (none if there are fewer).
    pub fn split_at(&self, samples: usize) -> (Self, Self) {
        let middle = samples.min(self.samples);
        let rows: Vec<usize> = (0..self.samples).collect();
        (self.select(&rows[..middle]), self.select(&rows[middle..]))
    }

    /// A part with this fraction of the samples, drawn by `seed`, after the rest: `let (train, test) = data.split(0.2, 1);`
    pub fn split(&self, fraction: f64, seed: u64) -> (Self, Self) {
        let order = shuffled(self.samples, seed, 0);
        let second = (self.samples as f64 * fraction.clamp(0.0, 1.0)).round() as usize;
        let (first, second) = order.split_at(self.samples - second);
        (self.select(first), self.select(second))
    }

    /// The samples in these rows, in this order.
    ///
    /// # Panics
    /// There is no such row.
    pub fn select(&self, rows: &[usize]) -> Self {
        let empty = |column: &Column<T>| match column {
            Column::Real(_) => Column::Real(Vec::new()),
            Column::Index(_) => Column::Index(Vec::new()),
        };
        let mut selected = Dataset { columns: self.columns.iter().map(empty).collect(), samples: 0 };
        selected.gather(self, rows);
        selected
    }

    /// The samples in batches of `size`, the last one smaller if need be, in an order drawn by `seed` and `epoch`.
    pub fn batches(&self, size: usize, seed: u64, epoch: u32) -> Batches<'_, T> {
        self.in_batches(size, shuffled(self.samples, seed, epoch))
    }

    /// The samples in batches of `size`, in their order.
    pub fn batches_in_order(&self, size: usize) -> Batches<'_, T> {
        self.in_batches(size, (0..self.samples).collect())
    }

    fn in_batches(&self, size: usize, order: Vec<usize>) -> Batches<'_, T> {
        Batches { data: self, batch: self.select(&[]), order, next: 0, size: size.max(1) }
    }

    /// Becomes the samples in these rows of `from`, which has columns of the same kinds.
    fn gather(&mut self, from: &Self, rows: &[usize]) {
        fn rows_of<T: Copy>(to: &mut Vec<T>, from: &[T], rows: &[usize], samples: usize) {
            to.clear();
            let each = from.len().checked_div(samples).unwrap_or(0);
            rows.iter().for_each(|row| to.extend_from_slice(&from[row * each..(row + 1) * each]));
        }
        for columns in self.columns.iter_mut().zip(&from.columns) {
            match columns {
                (Column::Real(to), Column::Real(from_)) => rows_of(to, from_, rows, from.samples),
                (Column::Index(to), Column::Index(from_)) => rows_of(to, from_, rows, from.samples),
                (to, from) => *to = from.clone(),
            }
        }
        self.samples = rows.len();
    }

    /// Some columns, to be given to a model: `model.step(batch.ports(0..1), batch.ports(1..2))`.
    pub fn ports(&self, columns: Range<usize>) -> impl Ports<T> + Copy + use<'_, T> {
        let columns = self.columns.get(columns).unwrap_or_default();
        Columns { columns, samples: self.samples }
    }
}

#[derive(Clone, Copy)]
struct Columns<'d, T> {
    columns: &'d [Column<T>],
    samples: usize,
}

impl<T: Element> Ports<T> for Columns<'_, T> {
    fn visit<R>(&self, f: impl FnOnce(&[Option<Given<'_, T>>]) -> R) -> R {
        let given = self.columns.iter().map(|column| {
            let numbers = match column {
                Column::Real(numbers) => Data::Real(numbers.as_slice()),
                Column::Index(numbers) => Data::Index(numbers.as_slice()),
            };
            Some(Given { numbers, shape: Shape::Samples(self.samples) })
        });
        with_list(given, |list| f(list))
    }
}

/// Batches of a dataset: see [`Dataset::batches`].
pub struct Batches<'d, T> {
    data: &'d Dataset<T>,
    batch: Dataset<T>,
    order: Vec<usize>,
    next: usize,
    size: usize,
}

impl<T: Element> Batches<'_, T> {
    /// The next batch, in the memory of the one before it.
    #[allow(clippy::should_implement_trait)] // an `Iterator` could not lend its memory
    pub fn next(&mut self) -> Option<&Dataset<T>> {
        let rows = &self.order[self.next..(self.next + self.size).min(self.order.len())];
        if rows.is_empty() {
            return None;
        }
        self.next += rows.len();
        self.batch.gather(self.data, rows);
        Some(&self.batch)
    }
}

/// `0..length` in an order drawn by `seed` and `stream` (Fisher and Yates), the same on every machine.
fn shuffled(length: usize, seed: u64, stream: u32) -> Vec<usize> {
    let mut order: Vec<usize> = (0..length).collect();
    for last in (1..length).rev() {
        let drawn = nnc_kernels::uniform(seed, stream, 0, last as u64) * (last + 1) as f64;
        order.swap(last, (drawn as usize).min(last));
    }
    order
}

/// Shifts and scales columns to mean 0 and standard deviation 1, as learned from some rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Normalization {
    mean: Vec<f64>,
    deviation: Vec<f64>,
}

impl Normalization {
    /// Learns from rows of `columns` numbers. A column of equal numbers is only shifted.
    ///
    /// # Panics
    /// `rows` is no whole number of rows.
    pub fn of<T: Element>(rows: &[T], columns: usize) -> Self {
        let count = check_rows(rows, columns);
        let mean_of = |f: &dyn Fn(usize, f64) -> f64| -> Vec<f64> {
            let sum = |column| (0..count).map(|row| f(column, rows[row * columns + column].to_f64())).sum::<f64>();
            (0..columns).map(|column| sum(column) / (count.max(1) as f64)).collect()
        };
        let mean = mean_of(&|_, x| x);
        let variance = mean_of(&|column, x| (x - mean[column]).powi(2));
        let deviation = variance.into_iter().map(|variance| if variance > 0.0 { variance.sqrt() } else { 1.0 }).collect();
        Normalization { mean, deviation }
    }

    /// `(x - mean) / deviation`
    ///
    /// # Panics
    /// `rows` is no whole number of rows.
    pub fn apply<T: Element>(&self, rows: &mut [T]) {
        self.each(rows, |x, mean, deviation| (x - mean) / deviation);
    }

    /// `x * deviation + mean`: what [`Normalization::apply`] did is undone.
    ///
    /// # Panics
    /// `rows` is no whole number of rows.
    pub fn undo<T: Element>(&self, rows: &mut [T]) {
        self.each(rows, |x, mean, deviation| x * deviation + mean);
    }

    fn each<T: Element>(&self, rows: &mut [T], f: impl Fn(f64, f64, f64) -> f64) {
        check_rows(rows, self.mean.len());
        for (place, x) in rows.iter_mut().enumerate() {
            let column = place % self.mean.len();
            *x = T::from_f64(f(x.to_f64(), self.mean[column], self.deviation[column]));
        }
    }
}

fn check_rows<T>(rows: &[T], columns: usize) -> usize {
    assert!(columns > 0 && rows.len().is_multiple_of(columns), "{} numbers are no rows of {columns}", rows.len());
    rows.len() / columns
}

/// Rows of `classes` numbers: 1 at the index, 0 elsewhere.
///
/// # Errors
/// An index that is not in `0..classes`.
pub fn one_hot<T: Element>(indices: &[i32], classes: usize) -> Result<Vec<T>, Error> {
    let mut rows = vec![T::ZERO; indices.len() * classes];
    for (place, &index) in indices.iter().enumerate() {
        match usize::try_from(index) {
            Ok(class) if class < classes => rows[place * classes + class] = T::ONE,
            _ => return Err(Error::Data(format!("number {place} is {index}, which is no class in 0..{classes}"))),
        }
    }
    Ok(rows)
}
