//! What the machine does for one entry point: calls in order, and where each tensor lies.
//!
//! ```text
//! Program  = buffer of each tensor, calls
//! Call     = contraction with epilogue | column sum | nest | copy | draw  computes one tensor, or several
//!          | time loop: calls, each for one value of its time axis
//! Nest     = loops with bounds, conditions, stores and reductions over expressions of the equations
//! ```
//! What holds of a [`Program`] (one function each in `verify`, in this order):
//! 1. Every tensor that a call reads was given, or was computed by an earlier call.
//! 2. Every tensor that is asked for is computed once, and lies where it is asked for.
//! 3. Two tensors share a slot of the workspace only where the last reader of one stands before the call that computes the other; a view
//!    keeps alive what it is a view of.
//! 4. Every axis that occurs in a step is bound by a loop around it, and each loop runs over the size of its axis.
//! 5. In a time loop no call reads what it computes but element by element, and what it stores lies in no view.

use crate::equations::{Condition, Equations, Index, Name, Reduction, Scalar};
use std::collections::BTreeMap;

mod print;
mod verify;

/// One entry point.
#[derive(Clone, Debug)]
pub struct Program {
    /// The mathematics; the calls speak of its tensors and live in its pool.
    pub equations: Equations,
    /// What is asked for.
    pub results: Vec<(Name, Destination)>,
    /// Every tensor that a call reads or writes.
    pub buffers: BTreeMap<Name, Place>,
    /// In order.
    pub calls: Vec<Call>,
    /// Pieces of the workspace.
    pub slots: Vec<Slot>,
    /// The lengths of the sums of products that go through a panel: it must hold the longest.
    pub panels: Vec<Index>,
}

/// Where the caller wants a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Destination {
    /// The output of this number.
    Output(usize),
    /// The gradient of the parameter of this number.
    Gradient(usize),
    /// The loss, returned.
    Loss(usize),
    /// The metric of this number, returned.
    Metric(usize),
    /// The gradient of what has this number in [`crate::model::Model::untrained`].
    Untrained(usize),
    /// What an update of whole tensors makes of what it reads: 0 of the parameter, then of each state. Stored when all is computed.
    Updated(usize),
    /// The state of this number before the first step.
    Initial(usize),
    /// The next value of the state of this number.
    State(usize),
}

/// Where a tensor lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// With the caller: an input, a target, a parameter.
    Given,
    /// In a slice of the caller.
    Result(Destination),
    /// A number without axes, in a variable.
    Number,
    /// In this slot of the workspace.
    Workspace(usize),
    /// The numbers of another tensor, in the same order, under another shape.
    View(Name),
}

/// A piece of the workspace: of tensors of one shape, one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The sizes of the axes of each of its tensors.
    pub axes: Vec<Index>,
    /// Whether they are integers.
    pub integer: bool,
    /// The tensors in the order in which they live there.
    pub tensors: Vec<Name>,
}

/// A step of the driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The tensors whose equations it computes; the last one is stored. A nest stores all of them.
    pub computes: Vec<Name>,
    /// How.
    pub form: Form,
}

/// How a call computes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// A sum of products of two tensors, by a kernel.
    Contraction(Contraction),
    /// The sum of the rows of a matrix, by a kernel.
    ColumnSum(Matrix),
    /// Loops.
    Nest(Nest),
    /// Equations that read each other, step by step along time.
    TimeLoop(TimeLoop),
    /// The tensor, which lies elsewhere, to where it is asked for.
    Copy(Name, Destination),
    /// Random numbers.
    Draw,
}

/// `for t in 0..T { calls at t }`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeLoop {
    /// What a reader calls time.
    pub label: String,
    /// The number of steps is the largest of these.
    pub sizes: Vec<Index>,
    /// Whether the last step comes first.
    pub reverse: bool,
    /// In order.
    pub steps: Vec<Moment>,
}

/// A call of a time loop, for one value of the time axis of its equations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// What is done: a contraction or a nest.
    pub call: Call,
    /// The number of the time axis.
    pub time: u32,
    /// How many steps it has, if that may be fewer than the loop has.
    pub within: Option<Index>,
}

/// `result = epilogue(left * right)`, or with one of them transposed, for each value of the outer axes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contraction {
    /// Which factor is transposed.
    pub layout: Layout,
    /// `rows` by `inner`, or `inner` by `rows` for [`Layout::LeftTransposed`].
    pub left: Matrix,
    /// `inner` by `columns`, or `columns` by `inner` for [`Layout::RightTransposed`].
    pub right: Matrix,
    /// `rows` by `columns`.
    pub result: Matrix,
    /// Axes of the equation around the kernel, outermost first: (number, size).
    pub outer: Vec<(u32, Index)>,
    /// Whether some outer axes are summed over, so that the kernel adds to zeros.
    pub adds: bool,
    /// The sum's own tensor; epilogues read it.
    pub sum: Name,
    /// The value stored, an expression of the axes of the result; nothing for the sum itself.
    pub epilogue: Option<Epilogue>,
}

/// What is applied to a product while it is in registers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Epilogue {
    /// The value, in terms of the sum and of `reads`.
    pub value: Scalar,
    /// How each other read comes into a vector.
    pub reads: Vec<(Scalar, Broadcast)>,
}

/// How a read in an epilogue depends on the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broadcast {
    /// The same number everywhere.
    Number,
    /// A number for each column.
    Column,
    /// A number for each row.
    Row,
    /// A number for each element.
    Element,
}

/// Which of the factors of a product is stored with rows as columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// None.
    Plain,
    /// The left one.
    LeftTransposed,
    /// The right one.
    RightTransposed,
}

/// Part of a tensor as rows of numbers next to one another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matrix {
    /// The tensor.
    pub tensor: Name,
    /// The flat number of its first element, an expression of the outer axes.
    pub offset: Index,
    /// How many rows.
    pub rows: Index,
    /// How many columns.
    pub columns: Index,
    /// From one row to the next.
    pub stride: Index,
}

/// Loops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nest {
    /// The axes by number: what a reader calls it, and its size.
    pub axes: Vec<(String, Index)>,
    /// Whether every tensor is taken as one row of numbers, indexed by axis 0, or is a single number.
    pub flat: bool,
    /// In order.
    pub steps: Vec<Step>,
}

/// A statement of a nest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// For each value of an axis.
    Loop(Range, Vec<Step>),
    /// Where a condition holds.
    When(Condition, Vec<Step>),
    /// `tensor[at] = value`
    Set {
        /// What is written.
        tensor: Name,
        /// Where.
        at: Vec<Index>,
        /// The value.
        value: Value,
    },
    /// `tensor[at] += value`
    Add {
        /// What is written.
        tensor: Name,
        /// Where.
        at: Vec<Index>,
        /// The term.
        value: Scalar,
    },
    /// All elements of a tensor to a number.
    Fill(Name, i64),
}

/// What is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// An expression.
    Scalar(Scalar),
    /// An integer.
    Integer(Index),
    /// An expression reduced over a domain.
    Reduce {
        /// How.
        reduction: Reduction,
        /// Outermost first.
        domain: Vec<Range>,
        /// Of each element of the domain.
        value: Scalar,
        /// The row-major number of the element of the domain, for `argmax`.
        number: Index,
    },
}

/// The values of an axis: `0 .. size` within bounds; inside, a condition that is no bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// The axis.
    pub axis: u32,
    /// All hold.
    pub bounds: Vec<Bound>,
    /// Checked for each value; may speak of the axis and of those around it.
    pub condition: Condition,
}

/// `coefficient * axis + rest >= 0`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Not 0.
    pub coefficient: i64,
    /// Free of the axis.
    pub rest: Index,
}

impl Range {
    /// All values.
    pub fn full(axis: u32) -> Self {
        Range { axis, bounds: Vec::new(), condition: Condition::TRUE }
    }
}

impl Call {
    /// The tensor that it writes, if it writes one of the program's.
    pub fn result(&self) -> Option<Name> {
        self.computes.last().copied()
    }
    /// The tensors that it writes to memory.
    pub fn stored(&self) -> Vec<Name> {
        match &self.form {
            Form::Nest(_) => self.computes.clone(),
            Form::TimeLoop(time) => time.steps.iter().flat_map(|moment| moment.call.stored()).collect(),
            Form::Contraction(_) | Form::ColumnSum(_) | Form::Copy(..) | Form::Draw => self.result().into_iter().collect(),
        }
    }
}

impl Program {
    /// The tensor whose numbers these are: what a view, of a view, is a view of.
    pub fn storage(&self, mut name: Name) -> Name {
        while let Some(Place::View(of)) = self.buffers.get(&name) {
            name = *of;
        }
        name
    }
    /// The tensors that a call reads, each once, in name order, without those that it computes itself before it reads them.
    pub fn reads(&self, call: &Call) -> Vec<Name> {
        let mut names = Vec::new();
        match &call.form {
            Form::Copy(from, _) => names.push(*from),
            Form::Draw => {}
            Form::Contraction(_) | Form::ColumnSum(_) | Form::Nest(_) | Form::TimeLoop(_) => {
                names.extend(call.computes.iter().flat_map(|&name| self.equations.reads(name)));
                names.retain(|name| !call.computes.contains(name));
            }
        }
        names.sort_unstable();
        names.dedup();
        names
    }
}
