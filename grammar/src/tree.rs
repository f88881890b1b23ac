//! What was written: plain data, a [`Span`] on each part, nothing resolved.
//!
//! Invariants: spans lie inside the source and inside the span of the part that contains them; lists that the grammar writes as
//! `a + b + c` or `a -> b -> c` are lists here, so that the depth of a tree is the nesting of its brackets (at most 64), and neither
//! a walk nor a drop depends on the stack. Equality ignores spans: `parse(print(file)) == file`.
//!
//! Between two brackets an expression may still be some ten levels deep, too deep for the smallest stacks. So a whole [`File`] or [`Chain`]
//! is dropped, cloned, compared and shown [`on_large_stack`]; who walks one on a small stack does the same.

// A tree is small and short-lived: boxes would cost its readers more than the bytes that they save.
#![allow(clippy::large_enum_variant)]

use crate::{Span, drop_on_large_stack, on_large_stack};
use std::fmt;

/// A name as written.
#[derive(Clone, Debug)]
pub struct Name {
    /// Its text.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

/// Names joined by dots: `w`, `fc1.w`, `deep.0.fc.w`.
#[derive(Clone, Debug)]
pub struct Path {
    /// The segments, names or digits.
    pub segments: Vec<Name>,
    /// All of it.
    pub span: Span,
}

/// A text in quotes, escapes resolved.
#[derive(Clone, Debug)]
pub struct Text {
    /// The characters that are meant.
    pub value: String,
    /// With the quotes.
    pub span: Span,
}

/// A `.nn` file, or the items of `nn!{ … }`.
#[derive(Default)]
pub struct File {
    /// In the order of the text.
    pub items: Vec<Item>,
}

/// What `nn!( … )` holds, or what stands behind `=` in the chain form.
pub struct Chain {
    /// At least one.
    pub stages: Vec<Stage>,
    /// All of it.
    pub span: Span,
}

/// One item of a file.
#[derive(Clone, Debug)]
pub struct Item {
    /// The `///` lines before it, without the slashes and one leading space.
    pub docs: Vec<Text>,
    /// What it is.
    pub kind: ItemKind,
    /// All of it, without the docs.
    pub span: Span,
}

/// The six kinds of item.
#[derive(Clone, Debug, PartialEq)]
pub enum ItemKind {
    /// `import "blocks.nn";`
    Import(Text),
    /// `const D = 4;`, or `const D;` for a constant of Rust
    Constant {
        /// Its name.
        name: Name,
        /// Nothing for a constant of Rust.
        value: Option<Expression>,
    },
    /// `fn elu(x, alpha = 1.0) = …;`
    Function {
        /// Its name.
        name: Name,
        /// Arguments; those with a default are hyper-parameters.
        hypers: Vec<Hyper>,
        /// The value.
        value: Expression,
    },
    /// `layer …`
    Layer(Definition),
    /// `model …`
    Model(Definition),
    /// `optimizer …`
    Optimizer(Definition),
}

/// A layer, model or optimizer.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// Its name.
    pub name: Name,
    /// Absent where the text has no list of them.
    pub hypers: Option<Vec<Hyper>>,
    /// What it does.
    pub body: Body,
}

/// The two forms of a definition.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// `= linear(4, 16) -> tanh;`
    Chain(Chain),
    /// `(x[d]) -> y { … }`
    Block {
        /// Tensors that come in.
        ports: Vec<Port>,
        /// Names of what goes out; none only for an optimizer.
        results: Vec<Name>,
        /// In the order of the text.
        statements: Vec<Statement>,
    },
}

/// A hyper-parameter: `eps = 1e-5`, `k: (kh, kw)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Hyper {
    /// Its name.
    pub name: Name,
    /// The names of the parts of a pair; empty for a single number.
    pub parts: Vec<Name>,
    /// The default.
    pub default: Option<Expression>,
}

/// A tensor that is declared: `x[d]`, `t: index(10)`.
#[derive(Clone, Debug)]
pub struct Port {
    /// Its name.
    pub name: Name,
    /// Its axes; none for a scalar.
    pub axes: Vec<Dim>,
    /// What its elements are.
    pub kind: Option<Kind>,
    /// All of it.
    pub span: Span,
}

/// What stands between commas in `[…]` of a port, a declaration or a read.
#[derive(Clone, Debug)]
pub struct Dim {
    /// Which form.
    pub kind: DimKind,
    /// All of it.
    pub span: Span,
}

/// The forms of [`Dim`].
#[derive(Clone, Debug, PartialEq)]
pub enum DimKind {
    /// `..S`
    Pack(Name),
    /// `g: 4`, an axis named for an initial value
    Named(Name, Expression),
    /// a size or an index
    Expression(Expression),
}

/// The kind behind a colon.
#[derive(Clone, Debug)]
pub struct Kind {
    /// Which.
    pub kind: KindKind,
    /// All of it.
    pub span: Span,
}

/// The forms of [`Kind`].
#[derive(Clone, Debug, PartialEq)]
pub enum KindKind {
    /// `index(n)` (no low end) or `index(low .. high)`
    Index {
        /// 0 if absent.
        low: Option<Expression>,
        /// One past the largest.
        high: Expression,
    },
    /// `prob`
    Probability,
}

/// One statement.
#[derive(Clone, Debug)]
pub struct Statement {
    /// The `///` lines before it.
    pub docs: Vec<Text>,
    /// What it is.
    pub kind: StatementKind,
    /// All of it, without the docs.
    pub span: Span,
}

/// The forms of [`Statement`].
#[derive(Clone, Debug, PartialEq)]
pub enum StatementKind {
    /// `if c { … } else if d { … } else { … }`
    If {
        /// Conditions with their statements; at least one.
        arms: Vec<(Expression, Vec<Statement>)>,
        /// `else`
        otherwise: Option<Vec<Statement>>,
    },
    /// `unbatched;`
    Unbatched,
    /// `param w[n] = …, b[n];`
    Declare {
        /// `param`, `state`, `random` or `target`
        role: Role,
        /// At least one.
        tensors: Vec<(Port, Option<Expression>)>,
    },
    /// `let n = …;`
    Let(Name, Expression),
    /// `block tower = …;`
    Block(Name, Chain),
    /// `check n > 0, "…";`
    Check(Expression, Text),
    /// `loss critic for d.* = …;`
    Loss {
        /// Nothing where the text gives it none.
        name: Option<Name>,
        /// Empty: all parameters.
        patterns: Vec<Pattern>,
        /// What the parameters make smaller.
        value: Flow,
    },
    /// `metric hits = …;`
    Metric(Name, Flow),
    /// `optimizer for *.b = …;`
    Optimizer {
        /// Empty: all parameters.
        patterns: Vec<Pattern>,
        /// What updates them.
        chain: Chain,
    },
    /// `s[k] <- …;`
    Update {
        /// The state or parameter.
        name: Name,
        /// Its indices; none for the whole tensor.
        binders: Vec<Binder>,
        /// Its next value.
        value: Flow,
    },
    /// `(h, c) = …;`
    Destructure {
        /// At least two.
        names: Vec<Name>,
        /// A flow with as many results.
        value: Flow,
    },
    /// `y[o, i: n]: index(K) = …;`
    Equation {
        /// What is defined.
        name: Name,
        /// Its indices; none for a whole tensor.
        binders: Vec<Binder>,
        /// Stated kind.
        kind: Option<Kind>,
        /// The value.
        value: Flow,
    },
}

/// What a declared tensor is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// trained
    Parameter,
    /// kept between steps
    State,
    /// drawn anew at every call
    Random,
    /// an input that only training needs
    Target,
}

/// `*.b`, `enc.*`: segments, `*` among them.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    /// `*` stands for one or more segments.
    pub path: Path,
}

/// An index that is bound: `i`, `i: n`, `..s`, `..s: S`.
#[derive(Clone, Debug)]
pub struct Binder {
    /// Its name.
    pub name: Name,
    /// Whether it is a pack.
    pub pack: bool,
    /// The written range; for a pack the name of one.
    pub range: Option<Expression>,
    /// All of it.
    pub span: Span,
}

/// A value, then stages: `x -> fc1: linear(64) -> relu`.
#[derive(Clone, Debug)]
pub struct Flow {
    /// What goes in.
    pub value: Expression,
    /// None for a plain expression.
    pub stages: Vec<Stage>,
    /// All of it.
    pub span: Span,
}

/// `fc1: linear(64)`
#[derive(Clone, Debug)]
pub struct Stage {
    /// `fc1`
    pub label: Option<Name>,
    /// `linear`
    pub name: Name,
    /// Absent where no brackets are written.
    pub arguments: Option<Vec<Argument>>,
    /// All of it.
    pub span: Span,
}

/// What stands between commas in the brackets of a stage or call.
#[derive(Clone, Debug)]
pub struct Argument {
    /// `momentum` in `momentum = 0.9`
    pub name: Option<Name>,
    /// `up` in `residual(up: linear(8) -> relu)`: names the first stage of a chain argument
    pub label: Option<Name>,
    /// The value; as the argument of `residual` or `repeat` its `value` is the first stage (a name or call).
    pub value: Flow,
    /// All of it.
    pub span: Span,
}

/// An expression.
#[derive(Clone, Debug)]
pub struct Expression {
    /// Which form.
    pub kind: ExpressionKind,
    /// All of it.
    pub span: Span,
}

/// The forms of [`Expression`].
#[derive(Clone, Debug, PartialEq)]
pub enum ExpressionKind {
    /// `1_000`, `0.5`, `1e-3`, exactly as written
    Number(String),
    /// `true`, `false`
    Boolean(bool),
    /// `a || b || c`, at least two
    Any(Vec<Expression>),
    /// `a && b && c`, at least two
    All(Vec<Expression>),
    /// `0 <= i < n`
    Compare(Box<Expression>, Vec<(Relation, Expression)>),
    /// `a + b - c`
    Sum(Box<Expression>, Vec<(Sign, Expression)>),
    /// `a * b / c`
    Product(Box<Expression>, Vec<(Factor, Expression)>),
    /// `-a`
    Negative(Box<Expression>),
    /// `!a`
    Not(Box<Expression>),
    /// `a ^ b`, to the right
    Power(Box<Expression>, Box<Expression>),
    /// `x[i - 1] or 0`
    Or(Box<Expression>, Box<Expression>),
    /// `if c { a } else { b }`
    If {
        /// Conditions with their values; at least one.
        arms: Vec<(Expression, Flow)>,
        /// `else`
        otherwise: Box<Flow>,
    },
    /// `sum(i, j: n where c) product`
    Reduce {
        /// Which.
        reducer: Reducer,
        /// At least one.
        binders: Vec<Binder>,
        /// `where`
        condition: Option<Box<Expression>>,
        /// What is reduced.
        body: Box<Expression>,
    },
    /// `max(a, b)`, `mean(x)`: a scalar function, or the reduction of a whole tensor
    Total(Reducer, Vec<Flow>),
    /// `w`, `fc1.w`
    Name(Path),
    /// `x[i, j]`
    Read(Path, Vec<Dim>),
    /// `f(x)`, `huber(delta = 0.7)(y, t)`
    Call {
        /// What is called.
        path: Path,
        /// The first list.
        first: Vec<Argument>,
        /// The second list.
        second: Option<Vec<Argument>>,
    },
    /// `[1, 2, 3]`
    Array(Vec<Expression>),
    /// `(a)`, `(a, b)`, `(x -> f)`
    Group(Vec<Flow>),
}

/// How two sides of a comparison relate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Relation {
    Equal,
    NotEqual,
    LessEqual,
    GreaterEqual,
    Less,
    Greater,
}

/// The sign of a term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Sign {
    Plus,
    Minus,
}

/// What joins a factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Factor {
    Times,
    Divide,
    Remainder,
}

/// The reductions that can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Reducer {
    Sum,
    Max,
    Min,
    Mean,
    Product,
    LogSumExp,
    ArgMax,
}

/// Equality of parts that carry a span: of all but the span.
macro_rules! equal_without_span {
    ($($type:ident { $($field:ident),* }),* $(,)?) => {$(
        impl PartialEq for $type {
            fn eq(&self, other: &Self) -> bool {
                $(self.$field == other.$field)&&*
            }
        }
    )*};
}
equal_without_span! {
    Name { text }, Path { segments }, Text { value }, Item { docs, kind }, Port { name, axes, kind }, Dim { kind }, Kind { kind },
    Statement { docs, kind }, Binder { name, pack, range }, Stage { label, name, arguments }, Argument { name, label, value },
    Expression { kind }, Flow { value, stages },
}

/// A part of a tree with all that is in it, of any depth.
macro_rules! whole {
    ($type:ident { $list:ident $(, $span:ident)? }) => {
        impl Drop for $type {
            fn drop(&mut self) {
                drop_on_large_stack(std::mem::take(&mut self.$list));
            }
        }
        impl Clone for $type {
            fn clone(&self) -> Self {
                $type { $list: on_large_stack(|| self.$list.clone()) $(, $span: self.$span)? }
            }
        }
        impl PartialEq for $type {
            fn eq(&self, other: &Self) -> bool {
                on_large_stack(|| self.$list == other.$list)
            }
        }
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let wide = f.alternate();
                f.write_str(stringify!($type))?;
                f.write_str(" ")?;
                f.write_str(&on_large_stack(|| if wide { format!("{:#?}", self.$list) } else { format!("{:?}", self.$list) }))
            }
        }
    };
}
whole!(File { items });
whole!(Chain { stages, span });
