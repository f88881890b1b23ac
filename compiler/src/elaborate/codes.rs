//! Every code, for `nnc explain`. A test holds that each wrong example is refused with its code, and each right one accepted.

/// A code with what it means.
#[derive(Clone, Copy, Debug)]
pub struct Code {
    /// `NN0102`
    pub code: &'static str,
    /// A line.
    pub title: &'static str,
    /// Paragraphs, with a wrong and a right example.
    pub explanation: &'static str,
}

const fn code(code: &'static str, title: &'static str, explanation: &'static str) -> Code {
    Code { code, title, explanation }
}

/// In the order of their numbers.
#[rustfmt::skip]
pub const CODES: &[Code] = &[
    code("NN0100", "a model cannot be read", "\
The compiler gave up on a model without finding anything wrong with its text. This is a mistake of the compiler: please
report it with the text."),
    code("NN0101", "a value is not defined", "\
A name that stands bare or with `[…]` is a tensor, a size, a hyper-parameter, a constant or an index. Values are looked
up in the body itself, then among the `const` items of the file, its imports and the library. In a file every name is
defined; in `nn!` a size that nothing defines is a constant of Rust.

Wrong:
    model M(x[4]) -> y { y[i] = x[i] * scael; let scale = 2; }

Right:
    model M(x[4]) -> y { y[i] = x[i] * scale; let scale = 2; }"),
    code("NN0102", "a layer, function or optimizer is not defined", "\
A name that stands behind `->` or with `(…)` is a definition. It is looked up among the labels and blocks of the body,
then in the file, its imports and the library.

Wrong:
    model M(x[4]) -> y { y = x -> linaer(3); }

Right:
    model M(x[4]) -> y { y = x -> linear(3); }"),
    code("NN0103", "an import cannot be read", "\
The text of an import is looked for relative to the file that imports it, in `nn!` relative to the crate."),
    code("NN0104", "imports in a circle", "\
A file may not import itself, directly or through others. Move what both need into a third file."),
    code("NN0105", "two imports define one name", "\
Two imported files define the same name, and the importing file does not. Define the name in the file itself, or import
one of the two only."),
    code("NN0106", "a name is defined twice", "\
Each name of a body, and each item of a file, is defined once. An `if`/`else` on a compile-time condition may define a
name in both branches.

Wrong:
    model M(x[4]) -> y { y = x; y = x -> relu; }

Right:
    model M(x[4]) -> y { h = x; y = h -> relu; }"),
    code("NN0107", "a constant of Rust in a file", "\
`const D;` says that `D` is a `const` of the Rust code around `nn!`. A file has no Rust code around it: give the
constant a value.

Wrong:
    const D; model M(x[D]) -> y { y = x; }

Right:
    const D = 4; model M(x[D]) -> y { y = x; }"),
    code("NN0108", "a word that cannot be defined", "\
`batch`, `train`, `step`, `all`, `inf` and `pi` have a meaning of their own, and so do the stages `residual`, `repeat`,
`reshape` and `flatten`.

Wrong:
    model M(x[4]) -> y { let step = 2; y = x; }

Right:
    model M(x[4]) -> y { let width = 2; y = x; }"),
    code("NN0109", "a tensor and a stage of one name", "\
A label or block may not have the name of a tensor of the same body: `h.w` and `h[i]` would be too easily confused.

Wrong:
    model M(x[4]) -> y { h = x -> h: linear(3); y = h; }

Right:
    model M(x[4]) -> y { h = x -> hidden: linear(3); y = h; }"),
    code("NN0110", "a constant that needs itself", "\
The value of a `const` or `let` may not lead back to it.

Wrong:
    const A = B; const B = A; model M(x[A]) -> y { y = x; }

Right:
    const A = B; const B = 4; model M(x[A]) -> y { y = x; }"),
    code("NN0111", "a definition that needs itself", "\
A definition is applied by putting its body in place, so it may not be applied inside of itself. Repeat a stage by
`repeat(n, stage)`.

Wrong:
    layer deep(x[N]) -> y { y = x -> deep; } model M(x[4]) -> y { y = x -> deep; }

Right:
    layer step_of(x[N]) -> y { y = x -> linear(N, N); } model M(x[4]) -> y { y = x -> repeat(3, step_of); }"),
    code("NN0112", "a result is not defined", "\
Each name behind `->` of a definition is defined by an equation of its body.

Wrong:
    model M(x[4]) -> y { z = x; }

Right:
    model M(x[4]) -> y { y = x; }"),
    code("NN0113", "no such model", "\
The model that was asked for is not in the file."),
    code("NN0114", "two names meet in Rust", "\
In Rust the dots of a parameter's name become `_`, so `fc.w` and `fc_w` would be one name there. The later is refused.
Generated modules are called `nnc_` and the model's name, so no model's name begins so.

Wrong:
    model M(x[4]) -> y { param fc_w[4] = 1; h = x -> fc: linear(4); y = h * fc_w; }

Right:
    model M(x[4]) -> y { param scale[4] = 1; h = x -> fc: linear(4); y = h * scale; }"),
    code("NN0201", "a number that is not whole", "\
A size, a count or an index is a whole number. Hyper-parameters are exact numbers, and one that is used as a size must
be whole.

Wrong:
    model M(x[4]) -> y { param w[2.5] = 0; y = x; }

Right:
    model M(x[4]) -> y { param w[2] = 0; y = x; }"),
    code("NN0202", "shapes that disagree", "\
Two sizes that must be equal differ: of an input and the port that it goes to, or of tensors that stand element by
element. There is no broadcasting but that of a scalar: write the indices where shapes differ, as in `y[t, d] = x[t, d]
+ b[d]`.

Wrong:
    model M(x[4]) -> y { y = x -> linear(5, 3); }

Right:
    model M(x[4]) -> y { y = x -> linear(4, 3); }"),
    code("NN0203", "a size below 1, or one that is no size", "\
Every axis has at least one element, and its size depends on numbers and other sizes only.

Wrong:
    model M(x[4]) -> y { y[i: 0] = 3; }

Right:
    model M(x[4]) -> y { y[i: 1] = 3; }"),
    code("NN0204", "not known while the model is compiled", "\
Hyper-parameters, checks and the conditions around statements are decided while the model is compiled: they depend on
numbers and sizes, not on tensors.

Wrong:
    model M(x[4]) -> y { if x[0] > 0 { y = x; } else { y = 2 * x; } }

Right:
    model M(x[4]) -> y { y = if x[0] > 0 { x } else { 2 * x }; }"),
    code("NN0205", "a number that is too large", "\
Integers lie within 2^31, their products within 2^40.

Wrong:
    model M(x[4]) -> y { y[i: 3000000000] = 1; }

Right:
    model M(x[4]) -> y { y[i: 300] = 1; }"),
    code("NN0206", "a tensor that is too large", "\
A tensor has at most 32 axes and 2^40 elements.

Wrong:
    model M(x[4]) -> y { y[i: 2000000, j: 2000000] = 1; }

Right:
    model M(x[4]) -> y { y[i: 200, j: 200] = 1; }"),
    code("NN0207", "an integer division by something that may be 0", "\
In an integer position `/` and `%` round down, and divide by a number or size that is at least 1.

Wrong:
    model M(x[4]) -> y { y[i: 4] = x[i / 0]; }

Right:
    model M(x[4]) -> y { y[i: 4] = x[i / 2]; }"),
    code("NN0208", "a wrong number of axes", "\
An input has fewer axes than its port needs, or the rows of an array constant differ in length. Axes in front of those
of a port are lifted over; missing ones cannot be made up.

Wrong:
    model M(x[4]) -> y { y = x -> conv1d(1, 2, 3); }

Right:
    model M(x[1, 4]) -> y { y = x -> conv1d(1, 2, 3); }"),
    code("NN0209", "a check of a definition fails", "\
A definition states by `check` what must hold of its hyper-parameters and sizes; the message is its own.

Wrong:
    model M(x[1, 4]) -> y { y = x -> conv1d(1, 2, 9); }

Right:
    model M(x[1, 4]) -> y { y = x -> conv1d(1, 2, 3); }"),
    code("NN0210", "a parameter of dynamic size", "\
A name in a port of a model is a size that is known only at each call. Parameters have the same shape at every call, so
no axis of one may depend on such a size.

Wrong:
    model M(x[T, 4]) -> y { y = x -> flatten -> linear(3); }

Right:
    model M(x[T, 4]) -> y { y = x -> linear(3); }"),
    code("NN0211", "an input of unknown rank", "\
`..S` binds any number of axes in a port of a layer. The inputs of a model have a known number of axes: name each.

Wrong:
    model M(x[..S]) -> y { y = x; }

Right:
    model M(x[T, 4]) -> y { y = x; }"),
    code("NN0212", "a chain that does not tell its input", "\
In the chain form `model M = …;` and in `nn!( … )` the first stage tells the shape of the input, by its hyper-parameters
alone.

Wrong:
    model M = relu -> linear(4, 3);

Right:
    model M = linear(4, 3) -> relu;"),
    code("NN0213", "a dynamic size that nothing tells", "\
A size that is known only at each call is told by the shapes of the inputs: some axis must be just that name.

Wrong:
    model M(x[2 * T]) -> y { y = x; }

Right:
    model M(x[T], z[2 * T]) -> y { y = x; }"),
    code("NN0301", "an access that may leave the tensor", "\
Every access is proved in range, from the ranges of its indices and from the conditions around it. Give the value
outside by `or`, guard the access by `if` or `where`, or choose another range.

Wrong:
    model M(x[4]) -> y { y[i: 4] = x[i - 1]; }

Right:
    model M(x[4]) -> y { y[i: 4] = x[i - 1] or 0; }"),
    code("NN0302", "an index of unknown range", "\
The range of an index is that of the axes that it addresses plainly, as in `x[i]`. An index that addresses none needs a
written range where it is bound: `y[i: n]`, `sum(k: 3)`.

Wrong:
    model M(x[4]) -> y { y[i] = x[(i + 1) % 4]; }

Right:
    model M(x[4]) -> y { y[i: 4] = x[(i + 1) % 4]; }"),
    code("NN0303", "an index with two ranges", "\
An index addresses two axes of different sizes plainly. If the shorter range is meant, write it.

Wrong:
    model M(x[4], z[5]) -> y { y[i] = x[i] * z[i]; }

Right:
    model M(x[4], z[5]) -> y { y[i: 4] = x[i] * z[i]; }"),
    code("NN0304", "an index with the name of a value", "\
An index may not have the name of a size, a number or a scalar of the same body.

Wrong:
    layer l(n)(x[n]) -> y { y[n] = x[n]; } model M(x[4]) -> y { y = x -> l; }

Right:
    layer l(n)(x[n]) -> y { y[i] = x[i]; } model M(x[4]) -> y { y = x -> l; }"),
    code("NN0305", "an index that is bound twice", "\
An index stands once on the left, and a reduction may not be over an index that is bound around it.

Wrong:
    model M(x[4]) -> y { y[i] = sum(i) x[i]; }

Right:
    model M(x[4]) -> y { y[i] = x[i] / (sum(j) x[j]); }"),
    code("NN0306", "a pack where an index is expected", "\
`..s` is a pack of indices: it stands for several axes in `x[c, ..s]`, is bound like an index, and is no number.

Wrong:
    model M(x[4]) -> y { y = x[..s]; }

Right:
    model M(x[4]) -> y { y = sum(..s) x[..s]; }"),
    code("NN0307", "a number that is read like a tensor", "\
Only tensors have elements.

Wrong:
    model M(x[4]) -> y { let n = 3; y[i] = x[i] * n[i]; }

Right:
    model M(x[4]) -> y { let n = 3; y[i] = x[i] * n; }"),
    code("NN0308", "a tensor without its indices", "\
In a reduction or an equation with indices every tensor stands with its indices. An equation without indices means whole
tensors, element by element.

Wrong:
    model M(x[4]) -> y { y[i] = x[i] + x; }

Right:
    model M(x[4]) -> y { y[i] = x[i] + x[i]; }"),
    code("NN0309", "a wrong number of indices", "\
A tensor is read with one index for each of its axes; `..s` stands for several.

Wrong:
    model M(x[4]) -> y { y[i] = x[i, 0]; }

Right:
    model M(x[4]) -> y { y[i] = x[i]; }"),
    code("NN0310", "`or` on what is no access", "\
`x[i - 1] or 0` is the value outside of the tensor. Conditions are joined by `||`.

Wrong:
    model M(x[4]) -> y { y[i] = (x[i] + 1) or 0; }

Right:
    model M(x[4]) -> y { y[i] = (x[i] or 0) + 1; }"),
    code("NN0311", "`argmax` over no element", "\
`argmax` gives the number of the first largest element, so there must be one: it has no condition.

Wrong:
    model M(x[4]) -> y { y[i] = x[i]; metric best = argmax(i where x[i] > 0) x[i]; }

Right:
    model M(x[4]) -> y { y[i] = x[i]; metric best = argmax(i) (if x[i] > 0 { x[i] } else { -inf }); }"),
    code("NN0312", "a reduction of a single number", "\
`mean(x)` reduces all axes of a whole tensor. An element has none: bind the indices, `mean(i) x[i]`.

Wrong:
    model M(x[4]) -> y { y = mean(x[0]); }

Right:
    model M(x[4]) -> y { y = mean(x); }"),
    code("NN0313", "an index that is not affine", "\
An index is a sum of indices times sizes (`2 * i + k - 1`), with `/` and `%` by sizes, or an element of an index tensor. A
product of indices is made an index tensor first.

Wrong:
    model M(x[9]) -> y { y[i: 3] = x[i * i]; }

Right:
    model M(x[9]) -> y { at[i: 3]: index(9) = i * i; y[i] = x[at[i]]; }"),
    code("NN0314", "a free index", "\
Every index is bound: on the left of its equation, or by a reduction around the access.

Wrong:
    model M(x[4, 3]) -> y { y[i] = 2 * x[i, j]; }

Right:
    model M(x[4, 3]) -> y { y[i] = sum(j) 2 * x[i, j]; }"),
    code("NN0401", "a probability that is not proved", "\
A port `: prob` takes reals in `[0, 1]`, proved by interval arithmetic. That follows from `softmax`, `sigmoid`,
products, `1 - p`, `min`, `max`, means and branches of probabilities; `clamp` supplies it.

Wrong:
    model M(x[4]) -> y { target t: index(4); y = x; loss = cross_entropy(y, t); }

Right:
    model M(x[4]) -> y { target t: index(4); y = x -> softmax; loss = cross_entropy(y, t); }"),
    code("NN0402", "an index tensor where reals are needed", "\
An index tensor is used as an index, in comparisons, or as a number in an expression. A port without a kind takes reals.

Wrong:
    model M(t[4]: index(3)) -> y { y = t -> relu; }

Right:
    model M(t[4]: index(3)) -> y { y[i] = 1 * t[i]; }"),
    code("NN0403", "an index tensor that is not proved in range", "\
A port `: index(n)` takes integers in `0..n`, an equation `y: index(n) = …` makes them. The range is part of the kind:
checked where data enter, proved inside.

Wrong:
    model M(x[4]) -> y { target t: index(5); y = x -> softmax; loss = cross_entropy(y, t); }

Right:
    model M(x[4]) -> y { target t: index(4); y = x -> softmax; loss = cross_entropy(y, t); }"),
    code("NN0404", "a condition and a number are confused", "\
Conditions are made by comparisons, and joined by `&&`, `||` and `!`. A number is made from one by `if c { 1 } else { 0
}`.

Wrong:
    model M(x[4]) -> y { y[i] = x[i] * (i > 2); }

Right:
    model M(x[4]) -> y { y[i] = x[i] * (if i > 2 { 1 } else { 0 }); }"),
    code("NN0405", "a real where an integer is needed", "\
In `[…]`, ranges and sizes arithmetic is on integers: indices, sizes, whole numbers, elements of index tensors.

Wrong:
    model M(x[4]) -> y { y[i] = x[i] + x[x[i]]; }

Right:
    model M(x[4], t: index(4)) -> y { y[i] = x[i] + x[t]; }"),
    code("NN0406", "a kind where none may be stated", "\
Parameters are reals, and a probability inside of a definition is proved, not stated.

Wrong:
    model M(x[4]) -> y { y: prob = x; }

Right:
    model M(x[4]) -> y { y = x; }"),
    code("NN0407", "a gradient through an index tensor", "\
`argmax` and index tensors are integers: they do not change with small changes of what they are made of. A loss that
depends on them as numbers would have the gradient 0 on this way without a word. Where none is meant, say `stop(…)`; as an
index and in comparisons they need nothing.

Wrong:
    model M(x[4]) -> y { y = x -> linear(4); loss = argmax(i) y[i]; }

Right:
    model M(x[4]) -> y { y = x -> linear(4); loss = mean(y) * stop(argmax(y)); }"),
    code("NN0501", "a wrong number of inputs or arguments", "\
A definition is applied to as many tensors as it has ports. In a chain the value comes from the left, several as `(a, b)
-> concat`.

Wrong:
    model M(x[4]) -> y { y = (x, x) -> linear(3); }

Right:
    model M(x[4]) -> y { y = x -> linear(3); }"),
    code("NN0502", "inputs that are lifted over different axes", "\
An argument may have axes in front of those of its port; the definition is then applied at each of their elements.
Several arguments have the same front axes, or none.

Wrong:
    model M(q[2, 3, 4], k[5, 3, 4], v[5, 3, 4]) -> y { y = (q, k, v) -> attention_core; }

Right:
    model M(q[5, 3, 4], k[5, 3, 4], v[5, 3, 4]) -> y { y = (q, k, v) -> attention_core; }"),
    code("NN0503", "a form that does not belong here", "\
Stages stand in chains, numbers in the brackets of hyper-parameters, and the argument of `residual` and `repeat` is a
chain.

Wrong:
    model M(x[4]) -> y { y = x -> residual(1 + 2); }

Right:
    model M(x[4]) -> y { y = x -> residual(linear(4)); }"),
    code("NN0504", "a stage that is used again with new arguments", "\
A label that is used again is the same stage with the same parameters. Only two things may be given: `train = false` uses
it as in inference; `fixed = true` holds its parameters fixed, so that no gradient goes to them by this use, but one goes
through it to what comes in.

Wrong:
    model M(x[4]) -> y { y = x -> fc: linear(4) -> fc(5); }

Right:
    model M(x[4]) -> y { y = x -> fc: linear(4) -> fc; }"),
    code("NN0505", "no such hyper-parameter", "\
A hyper-parameter is given by a name that the definition does not have, or twice.

Wrong:
    model M(x[4]) -> y { y = x -> linear(3, biass = false); }

Right:
    model M(x[4]) -> y { y = x -> linear(3, bias = false); }"),
    code("NN0506", "a required hyper-parameter by name", "\
Hyper-parameters without a default are given by position, those with one by name.

Wrong:
    model M(x[4]) -> y { y = x -> linear(n_out = 3); }

Right:
    model M(x[4]) -> y { y = x -> linear(3); }"),
    code("NN0507", "a hyper-parameter with a default by position", "\
Hyper-parameters with a default are given by name.

Wrong:
    model M(x[4]) -> y { y = x -> linear(4, 3, false); }

Right:
    model M(x[4]) -> y { y = x -> linear(4, 3, bias = false); }"),
    code("NN0508", "a hyper-parameter is missing", "\
All required hyper-parameters are given, or all but those that a port tells (an axis or the bound of an index).

Wrong:
    model M(x[4]) -> y { y = x -> linear; }

Right:
    model M(x[4]) -> y { y = x -> linear(3); }"),
    code("NN0509", "a pair and a number are confused", "\
`k: (kh, kw)` is a pair: `3` means `(3, 3)`. A hyper-parameter without parts is one number.

Wrong:
    model M(x[4]) -> y { y = x -> linear((3, 4)); }

Right:
    model M(x[4]) -> y { y = x -> linear(3); }"),
    code("NN0510", "a model that grows too large", "\
Definitions are expanded where they are applied. A model has at most 25 000 stages and 1.5 million expressions, and
definitions stand at most 100 deep inside of each other.

Wrong:
    model M(x[4]) -> y { y = x -> repeat(1000000, linear(4)); }

Right:
    model M(x[4]) -> y { y = x -> repeat(10, linear(4)); }"),
    code("NN0601", "the loss of a model", "\
A model states one loss, or several, of which all but one have names. Without one, the last stage of its first output
suggests a target and a loss; a model that declares a target states its loss.

Wrong:
    model M(x[4]) -> y { target t[4]; y = x -> linear(4); }

Right:
    model M(x[4]) -> y { target t[4]; y = x -> linear(4); loss = mse(y, t); }"),
    code("NN0602", "a statement that belongs to a model", "\
`loss`, `metric`, `optimizer`, `target` and `unbatched` stand in models, not in layers or optimizers. A model that is
used as a layer leaves them behind.

Wrong:
    layer l(x[N]) -> y { y = x; loss = mean(y); } model M(x[4]) -> y { y = x -> l; }

Right:
    layer l(x[N]) -> y { y = x; } model M(x[4]) -> y { y = x -> l; loss = mean(y); }"),
    code("NN0603", "an initial value is missing", "\
A `param` and a `state` have an initial value for each element; a `target` comes from the data and has none.

Wrong:
    model M(x[4]) -> y { param w[4]; y = x * w; }

Right:
    model M(x[4]) -> y { param w[4] = 1; y = x * w; }"),
    code("NN0604", "a draw outside of an initial value", "\
`uniform(low, high)` and `normal(mean, deviation)` draw numbers in the initial value of a `param`.

Wrong:
    model M(x[4]) -> y { y = x + uniform(0, 1); }

Right:
    model M(x[4]) -> y { param w[4] = uniform(0, 1); y = x + w; }"),
    code("NN0605", "an initial value that reads a tensor", "\
The initial value of a parameter is made of sizes, numbers, the indices of its axes, and draws.

Wrong:
    model M(x[4]) -> y { param w[4] = mean(x); y = x * w; }

Right:
    model M(x[4]) -> y { param w[i: 4] = i / 4; y = x * w; }"),
    code("NN0606", "not an optimizer", "\
An optimizer has two ports, the parameter and its gradient, and keeps states; stages of an optimizer chain are
optimizers.

Wrong:
    model M(x[4]) -> y { y = x -> linear(4); optimizer = relu; }

Right:
    model M(x[4]) -> y { y = x -> linear(4); optimizer = adam(); }"),
    code("NN0607", "a word of optimizers elsewhere", "\
`step` is the number of the step, 1, 2, 3, …, in optimizers and schedules. `sum(all)` runs over the elements of all
trained parameters in an optimizer, of what is made of gradient, parameter and states element by element.

Wrong:
    model M(x[4]) -> y { y[i] = step * x[i]; }

Right:
    model M(x[4]) -> y { y = x -> linear(4); optimizer = adam(lr = warmup(step, 10, 1e-3)); }"),
    code("NN0608", "a pattern that matches no parameter", "\
`optimizer for enc.*` and `loss critic for enc.*` are for the parameters whose names match; `*` stands for one or more
segments. A pattern that matches nothing is a mistake.

Wrong:
    model M(x[4]) -> y { y = x -> fc: linear(4); optimizer for enc.* = none; }

Right:
    model M(x[4]) -> y { y = x -> fc: linear(4); optimizer for fc.* = none; }"),
    code("NN0609", "an optimizer that updates nothing", "\
A chain of optimizers ends in one that updates the parameter, `p <- …`. `none` freezes.

Wrong:
    model M(x[4]) -> y { y = x -> linear(4); optimizer = clip_norm(1.0); }

Right:
    model M(x[4]) -> y { y = x -> linear(4); optimizer = clip_norm(1.0) -> adam(); }"),
    code("NN0610", "an update of what is not kept", "\
`s <- e` gives the next value of a `state` of the same body, or of the parameter of an optimizer, once.

Wrong:
    optimizer o(p, g) { d = g; d <- 2 * g; p <- p - d; } model M(x[4]) -> y { y = x -> linear(4); optimizer = o(); }

Right:
    optimizer o(p, g) { state d = 0; d <- 2 * g; p <- p - d; } model M(x[4]) -> y { y = x -> linear(4); optimizer = o(); }"),
    code("NN0611", "a model with hyper-parameters", "\
There are no generic models: a family is a `layer` with hyper-parameters, and a model a chain that gives them."),
    code("NN0612", "an optimizer or a loss that governs nothing", "\
The last `optimizer` statement that matches a parameter governs it, and the last `loss` trains it. A statement of which
later ones take every parameter does nothing: the general one comes first.

Wrong:
    model M(x[4]) -> y { y = x -> linear(4); optimizer for *.b = none; optimizer = adam(); }

Right:
    model M(x[4]) -> y { y = x -> linear(4); optimizer = adam(); optimizer for *.b = none; }"),
    code("NN0613", "an optimizer for parameters of another rank", "\
An optimizer whose ports are `(p[M, N], g[M, N])` updates matrices, one whose ports are `(p[..S], g[..S])` any tensor.
Parameters that a chain cannot take get a chain of their own.

Wrong:
    optimizer o(p[M, N], g[M, N]) { p[i, j] <- p[i, j] - g[i, j]; } model M(x[4]) -> y { y = x -> linear(4); optimizer = o(); }

Right:
    optimizer o(p[M, N], g[M, N]) { p[i, j] <- p[i, j] - g[i, j]; }
    model M(x[4]) -> y { y = x -> fc: linear(4); optimizer = o(); optimizer for fc.b = adam(); }"),
    code("NN0614", "a parameter or state of inference only", "\
What only the program with `train` false declares is never trained or updated. Declare it for both.

Wrong:
    model M(x[4]) -> y { if train { y = x; } else { param w[4] = 2; y = x * w; } }

Right:
    model M(x[4]) -> y { param w[4] = 2; y = x * w; }"),
    code("NN0615", "a parameter that no loss is for", "\
The gradient of a parameter is that of the last loss that matches it. A parameter that is to be trained has one; others
are frozen.

Wrong:
    model M(x[4]) -> y { h = x -> a: linear(4); y = h -> b: linear(3); loss first for a.* = mean(h); }

Right:
    model M(x[4]) -> y { h = x -> a: linear(4); y = h -> b: linear(3); loss = mean(y); loss first for a.* = mean(h); }"),
    code("NN0701", "a recurrence without time, or without axes", "\
An equation may read itself, and equations may read each other in a circle, if there is one axis, time, along which
all these reads are earlier, or all later: `h[t - 1, j]`, `h[t - 2, j]`. Reads at the same element are fine where they
make no circle of their own. Outside of the tensor stands a first value: `h[t - 1, j] or 0`, or
`if t > 0 { h[t - 1, j] } else { h0[j] }`.

The axes of a tensor in a circle must be told by written ranges, `h[t: T, j: n]`, or by reads of tensors that are
not in it: `h[t, j] = x[t, j] + …`.

Wrong:
    model M(x[4]) -> y { y[i] = (y[i - 1] or 0) + (y[i + 1] or 0); }

Right:
    model M(x[4]) -> y { y[i] = x[i] + 0.5 * (y[i - 1] or 0); }"),
    code("NN0702", "random numbers in inference", "\
`random` is drawn anew at every step of training. `predict` and `evaluate` give the same answer every time: they draw
nothing, and need a value that stands for what is drawn.

Wrong:
    model M(x[4]) -> y { random r[4] = uniform(0, 1); y = x * r; }

Right:
    model M(x[4]) -> y { if train { random r[4] = uniform(0, 1); y = x * r; } else { y = 0.5 * x; } }"),
    code("NN0703", "a next value that depends on the sample", "\
A state of a layer or model is one for the whole batch, and for all elements that a definition is lifted over. Its next
value is made of parameters, states, and what is reduced over the batch.

Wrong:
    model M(x[4]) -> y { state s[4] = 0; s <- 0.9 * s + 0.1 * x; y = x - s; }

Right:
    layer c(x[batch, n]) -> y { state s[n] = 0; s[i] <- 0.9 * s[i] + 0.1 * mean(b) x[b, i]; y = x; } model M(x[4]) -> y { y = x -> c; }"),
    code("NN0704", "the batch, shown and hidden", "\
Shapes are those of a sample; the batch is a hidden axis in front. A definition that must see it writes `batch` as the
first axis of a port. Then every port of it shows all its axes, one without `batch` is one tensor for all samples, and
the definition cannot be lifted over other axes.

Wrong:
    layer centred(x[n]) -> y { y[i] = x[i] - sum(b: batch) x[i] / batch; } model M(x[4]) -> y { y = x -> centred; }

Right:
    layer centred(x[batch, n]) -> y { y[b, i] = x[b, i] - mean(c) x[c, i]; } model M(x[4]) -> y { y = x -> centred; }"),
    code("NN0705", "what `grad` derives by or of", "\
`grad(u, x)` is the derivative of the sum of all elements of `u` by each element of `x`, a tensor of the shape of `x`. Both
are whole tensors, and `x` has a name: an input, a parameter, or the left side of an equation that `u` is made of. It stands
in layers and models.

Wrong:
    model M(x[4]) -> y { y = x -> linear(1); loss = mean(grad(y, 2 * x)^2); }

Right:
    model M(x[4]) -> y { z = 2 * x; y = z -> linear(1); loss = mean(grad(y, z)^2); }"),
    code("NN0801", "a parameter, input, target, definition or import without effect (lint)", "\
A definition or import that nothing in the file mentions is left over. A parameter or target that the loss does not reach has gradient 0 and no code; an input that no result reaches is read
for nothing.

Not good:
    model M(x[4]) -> y { param w[4] = 1; y = x -> linear(3); }

Right:
    model M(x[4]) -> y { param w[4] = 1; y = x * w -> linear(3); }"),
    code("NN0802", "a definition that replaces one of the library (lint)", "\
A definition of the file has the name of one of the library, and is used instead of it in this file. The library's own
definitions keep using theirs.

Not good:
    layer linear(x[N]) -> y { y = x; } model M(x[4]) -> y { y = x -> linear; }

Right:
    layer line(x[N]) -> y { y = x; } model M(x[4]) -> y { y = x -> line; }"),
    code("NN0803", "a logarithm, division or root that may leave its domain (lint)", "\
The argument of a logarithm is not proved above 0, a divisor not proved different from 0, or the argument of a root not
proved at least 0. Add a small number, or bound it by `max`.

Not good:
    model M(x[4]) -> y { y[i] = log(x[i]); }

Right:
    model M(x[4]) -> y { y[i] = log(exp(x[i]) + 1); }"),
    code("NN0804", "a gradient that is 0 (lint)", "\
`floor`, and a choice between constants by a comparison, are flat: what stands before them gets no gradient on this way. If
that is meant, `stop(…)` says so. A loss that is for some parameters, and reads none of them but where they are held fixed,
trains nothing.

Not good:
    model M(x[4]) -> y { h = x -> linear(4); y = floor(h); }

Right:
    model M(x[4]) -> y { h = x -> linear(4); y = h + stop(floor(h) - h); }"),
    code("NN0805", "a mask whose row may be empty (lint)", "\
Masked elements count as -inf in `lse` and `softmax`. A row in which every element is masked has the `lse` -inf, and its
`softmax` is NaN. A row keeps an element for sure if the mask does, as `j <= i` does at `j = 0`.

Not good:
    model M(x[4], m[4]: index(2)) -> y { s[i] = if m[i] == 1 { x[i] } else { -inf }; y = s -> softmax; }

Right:
    model M(x[4], m[4]: index(2)) -> y { s[i] = if i == 0 || m[i] == 1 { x[i] } else { -inf }; y = s -> softmax; }"),
    code("NN0806", "a number beyond the range of f32 (lint)", "\
Numbers are read in double precision. Generated code computes in `f32` if nothing else is asked for, and what is larger
than about 3.4e38 is infinite there.

Not good:
    model M(x[4]) -> y { y[i] = min(x[i], 1e39); }

Right:
    model M(x[4]) -> y { y[i] = min(x[i], 1e38); }"),
    code("NN0807", "a division by 0 (lint)", "\
A divisor that is 0 makes every element infinite or NaN. Where integers are divided, it is refused.

Not good:
    const EPS = 0; model M(x[4]) -> y { y[i] = x[i] / EPS; }

Right:
    const EPS = 1e-6; model M(x[4]) -> y { y[i] = x[i] / EPS; }"),
];
