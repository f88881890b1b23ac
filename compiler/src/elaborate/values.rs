//! What names and expressions stand for while a body is read.

use crate::equations::{Condition, Index, Name, Scalar};
use nnc_grammar::Span;
use nnc_grammar::tree::{Chain, Expression, Hyper, Item, Stage};
use std::collections::{BTreeMap, BTreeSet};

/// An error has been reported; whatever depends on it is silent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reported;

/// A value, or an error that has been reported.
pub(super) type Outcome<T> = Result<T, Reported>;

/// What an expression or a name stands for.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// An integer: of sizes, or of indices and elements of index tensors.
    Whole(Index),
    /// A number that is not whole.
    Number(f64),
    /// A truth value.
    Truth(Condition),
    /// A real element.
    Real(Scalar),
    /// A pair of hyper-parameters.
    Pair(Vec<Value>),
    /// The axes that a pack stands for.
    Pack(Vec<Index>),
    /// A whole tensor.
    Tensor(Tensor),
    /// A field of an optimizer: the number as it is read, and as it was written.
    Field(Scalar, Box<Value>),
    /// Its definition has an error.
    Broken,
}

/// A tensor as a body sees it: with its own axes, and with some of the frame's front axes hidden before them.
#[derive(Clone, Debug)]
pub(super) struct Tensor {
    /// Its name in the equations.
    pub name: Name,
    /// Bit `k`: it has front axis `k` of the frame.
    pub front: u64,
    /// The sizes of its own axes.
    pub axes: Vec<Index>,
    /// For an index tensor, `low .. high`.
    pub integer: Option<(Index, Index)>,
}

/// An axis that a body does not see: the batch, and those that a definition is lifted over.
#[derive(Clone, Debug)]
pub(super) struct FrontAxis {
    pub size: Index,
    pub label: String,
}

/// What can be applied.
#[derive(Clone, Copy, Debug)]
pub(super) struct Callee<'a> {
    /// Its item.
    pub item: &'a Item,
    /// The module that it stands in.
    pub module: usize,
}

/// A stage that has a label, or that has been bound under its name.
#[derive(Clone, Debug)]
pub(super) enum Labelled<'a> {
    /// `fc1: linear(64)`
    Stage(&'a Stage),
    /// `up: linear(8)` as the first stage of the argument of `residual` or `repeat`.
    First(&'a nnc_grammar::tree::Argument),
    /// `block tower = …;`
    Block(&'a Chain),
}

/// Labels and numbers of the stages of a body, of a block, or of one copy of `repeat`.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope<'a> {
    /// `tower`, `deep.0`; empty for the body of the model.
    pub path: String,
    /// The scope around it.
    pub parent: Option<usize>,
    /// Stages and blocks by name.
    pub labels: BTreeMap<&'a str, Labelled<'a>>,
    /// The number of each unlabelled stage among those of its name, by the place of its name.
    pub numbers: BTreeMap<Span, u32>,
}

/// A body that is being read: one application of one definition.
#[derive(Clone, Debug)]
pub(super) struct Frame<'a> {
    /// Where its names are looked up.
    pub module: usize,
    /// The name of the definition.
    pub definition: String,
    /// `train`
    pub train: bool,
    /// Whether no gradient goes to its parameters.
    pub fixed: bool,
    /// What each name stands for.
    pub values: BTreeMap<String, Value>,
    /// Where the names were defined, for messages.
    pub places: BTreeMap<String, Span>,
    /// The axes that its tensors may have in front.
    pub front: Vec<FrontAxis>,
    /// Whether the first of them is the batch.
    pub hides_batch: bool,
    /// The states that it declares, by their names in it, with their full names.
    pub states: BTreeMap<String, String>,
    /// What `check` has assured.
    pub facts: Vec<Condition>,
    /// The first is that of the body.
    pub scopes: Vec<Scope<'a>>,
    /// Whether this is a scalar `fn`: it has no stages.
    pub scalar: bool,
    /// What the body is, for what may stand in it.
    pub place: Place,
    /// Targets of a model that is used as a layer, and what reads them.
    pub left_behind: BTreeSet<String>,
    /// Tensors that have a name and axes, but no equation yet: those of a circle that is being read.
    pub reserved: BTreeMap<String, Tensor>,
    /// `///` lines of the statement that is being read.
    pub docs: Vec<String>,
    /// The statement that is being read.
    pub statement: Span,
}

/// Which kind of body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Of a model that is not used as a layer.
    Model,
    /// Of a model that is used as a layer: its target, loss, optimizer and metrics stay behind.
    ModelAsLayer,
    /// Of a layer.
    Layer,
    /// Of an optimizer.
    Optimizer,
    /// Of a `fn`.
    Function,
}

impl<'a> Frame<'a> {
    pub(super) fn new(module: usize, definition: &str, place: Place, train: bool) -> Self {
        Frame {
            module,
            definition: definition.to_string(),
            train,
            fixed: false,
            values: BTreeMap::new(),
            places: BTreeMap::new(),
            front: Vec::new(),
            hides_batch: false,
            states: BTreeMap::new(),
            facts: Vec::new(),
            scopes: vec![Scope::default()],
            scalar: place == Place::Function,
            place,
            left_behind: BTreeSet::new(),
            reserved: BTreeMap::new(),
            docs: Vec::new(),
            statement: Span::default(),
        }
    }
    /// The path of the body.
    pub(super) fn path(&self) -> &str {
        &self.scopes[0].path
    }
}

/// What an index name is bound to.
#[derive(Clone, Debug)]
pub(super) enum Bound {
    /// One axis, by its working number.
    Axis(u32),
    /// The axes of a pack.
    Pack(Vec<u32>),
}

/// An equation under construction. Its axes have working numbers: first the front axes of the frame, then as they are met.
#[derive(Clone, Debug)]
pub(super) struct Context {
    /// The size of each axis.
    pub axes: Vec<Index>,
    /// The name of each axis.
    pub labels: Vec<String>,
    /// How many of them are front axes.
    pub front: usize,
    /// The front axes that are read.
    pub used: u64,
    /// Index names.
    pub indices: BTreeMap<String, Bound>,
    /// What holds where the expression stands.
    pub facts: Vec<Condition>,
    /// In a whole-tensor equation: the axes of its elements.
    pub whole: Option<Vec<u32>>,
    /// The full name of what is defined, for equations that are lifted out of it.
    pub base: String,
    /// Calls that have been applied already, by the place of their expression in memory.
    pub hoisted: BTreeMap<usize, Tensor>,
    /// Values of `fn` calls, by item and arguments.
    pub inlined: BTreeMap<(usize, Vec<Key>), Value>,
    /// Draws of an initial value; nothing where none may stand.
    pub draws: Option<Draws>,
    /// The axis of `sum(all)`, inside of one.
    pub all: Option<u32>,
    /// Results of calls over free indices: their axes between the front axes and their own.
    pub free: BTreeMap<Name, Vec<u32>>,
}

/// The draws of a declaration.
#[derive(Clone, Debug)]
pub(super) struct Draws {
    /// In the order of the text: reads of these tensors at the declaration's own axes.
    pub made: Vec<(Name, crate::model::Draw)>,
    /// How many axes the context had before the expression was read: a number is drawn for each element of these.
    pub axes: usize,
    /// For whom.
    pub of: Drawn,
}

/// What is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Drawn {
    /// A parameter, once.
    Parameter,
    /// A state, once.
    State,
    /// A `random` tensor, anew at every call.
    Random,
}

/// A value that can be compared: the key of an inlined call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Whole(Index),
    Number(u64),
    Truth(Condition),
    Real(Scalar),
}

impl Key {
    /// Nothing for a value that is no scalar.
    pub(super) fn of(value: &Value) -> Option<Key> {
        Some(match value {
            Value::Whole(index) => Key::Whole(*index),
            Value::Number(number) => Key::Number(number.to_bits()),
            Value::Truth(condition) => Key::Truth(*condition),
            Value::Real(scalar) => Key::Real(*scalar),
            _ => return None,
        })
    }
}

impl Context {
    /// With the front axes of a frame.
    pub(super) fn new(frame: &Frame<'_>, base: String) -> Self {
        Context {
            axes: frame.front.iter().map(|axis| axis.size).collect(),
            labels: frame.front.iter().map(|axis| axis.label.clone()).collect(),
            front: frame.front.len(),
            used: 0,
            indices: BTreeMap::new(),
            facts: frame.facts.clone(),
            whole: None,
            base,
            hoisted: BTreeMap::new(),
            inlined: BTreeMap::new(),
            draws: None,
            all: None,
            free: BTreeMap::new(),
        }
    }
    /// The axes of a declaration; those that have a name can be used as indices.
    pub(super) fn declare(&mut self, axes: &[(Index, Option<&str>)]) -> Vec<u32> {
        let mut own = Vec::new();
        for &(size, label) in axes {
            let axis = self.axis(label.unwrap_or(""), size);
            if let Some(label) = label {
                self.indices.insert(label.to_string(), Bound::Axis(axis));
            }
            own.push(axis);
        }
        own
    }
    /// A new axis.
    pub(super) fn axis(&mut self, label: &str, size: Index) -> u32 {
        self.axes.push(size);
        self.labels.push(label.to_string());
        self.axes.len() as u32 - 1
    }
}

/// Where an expression stands: `/` rounds down in one and not in the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Position {
    Integer,
    Real,
}

/// A default and its hyper-parameter.
pub(super) fn required(hyper: &Hyper) -> bool {
    hyper.default.is_none()
}

/// The place of an expression in memory: trees do not move.
pub(super) fn address(expression: &Expression) -> usize {
    std::ptr::from_ref(expression) as usize
}
