//! Random models over the language, as text: a seed and a number of statements decide one, and fewer statements of a seed are the first of
//! them, so that what is wrong with many is looked for in few.

use std::fmt::Write as _;

/// Numbers that depend on the seed only (Steele, Lea and Flood, SplitMix64, 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
    /// From `low` to `high`.
    fn integer(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }
    fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }
}

/// A tensor of the text: its name and the sizes of its axes.
#[derive(Clone)]
struct Tensor {
    name: String,
    shape: Vec<usize>,
}

impl Tensor {
    /// At these indices.
    fn at(&self, indices: &[String]) -> String {
        if indices.is_empty() { self.name.clone() } else { format!("{}[{}]", self.name, indices.join(", ")) }
    }
}

/// A model that is being written.
struct Writer {
    random: Random,
    tensors: Vec<Tensor>,
    body: String,
    /// How many names are taken.
    count: usize,
    /// Stages that can be used again: label and the size that they take.
    shared: Vec<(String, usize, usize)>,
}

/// The model `name` of a seed, with so many statements.
pub fn random_model(name: &str, seed: u64, statements: usize) -> String {
    let mut random = Random(seed);
    let sizes = [1, 2, 3, 4, 5];
    let (a, b, c) = (random.pick(&sizes), random.pick(&sizes), random.pick(&sizes));
    let tensors = vec![
        Tensor { name: "x".into(), shape: vec![a] },
        Tensor { name: "m".into(), shape: vec![b, c] },
        Tensor { name: "s".into(), shape: Vec::new() },
    ];
    let classes = random.integer(1, 4);
    let mut writer = Writer { random, tensors, body: String::new(), count: 0, shared: Vec::new() };
    for _ in 0..statements {
        writer.statement(classes);
    }
    let mut text = format!("model {name}(x[{a}], m[{b}, {c}], s, k: index({classes})) -> y {{\n{}", writer.body);
    let last = &writer.tensors[writer.tensors.len() - 1];
    let _ = writeln!(text, "    y = tanh({});", last.name);
    // what nothing reads is an ordinary model too, so some are left out
    let mut terms = vec!["mean(y)".to_string()];
    for (number, tensor) in writer.tensors.iter().enumerate() {
        terms.extend((number % 3 != 2).then(|| {
            let whole = format!("tanh({} - 0.{number}) * 0.5", tensor.name);
            if tensor.shape.is_empty() { whole } else { format!("mean({whole})") }
        }));
    }
    if last.shape.is_empty() {
        terms[0] = "y".to_string();
    }
    let _ = writeln!(text, "    loss = {};\n}}", terms.join(" + "));
    text
}

const LETTERS: [&str; 5] = ["i", "j", "l", "n", "o"];

fn letters(count: usize) -> Vec<String> {
    LETTERS[..count].iter().map(|letter| letter.to_string()).collect()
}

impl Writer {
    fn line(&mut self, text: &str) {
        let _ = writeln!(self.body, "    {text}");
    }
    fn fresh(&mut self, letter: &str) -> String {
        self.count += 1;
        format!("{letter}{}", self.count)
    }
    /// A tensor of at least this rank.
    fn tensor(&mut self, rank: usize) -> Tensor {
        let fit: Vec<Tensor> = self.tensors.iter().filter(|tensor| tensor.shape.len() >= rank).cloned().collect();
        // what came last is read more often, so that models become deep
        let from = if self.random.below(2) == 0 { fit.len().saturating_sub(3) } else { 0 };
        self.random.pick(&fit[from..])
    }
    fn parameter(&mut self, shape: &[usize]) -> Tensor {
        let name = self.fresh("w");
        let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
        let sizes = if shape.is_empty() { String::new() } else { format!("[{}]", sizes.join(", ")) };
        self.line(&format!("param {name}{sizes} = normal(0, 0.5);"));
        Tensor { name, shape: shape.to_vec() }
    }
    fn define(&mut self, shape: Vec<usize>, text: impl Fn(&str) -> String) {
        let name = self.fresh("v");
        self.line(&text(&name));
        self.tensors.push(Tensor { name, shape });
    }
    /// An equation with a written range for each index.
    fn equation(&mut self, shape: &[usize], indices: &[String], body: &str) {
        let binders: Vec<String> = indices.iter().zip(shape).map(|(index, size)| format!("{index}: {size}")).collect();
        let binders = if shape.is_empty() { String::new() } else { format!("[{}]", binders.join(", ")) };
        self.define(shape.to_vec(), |name| format!("{name}{binders} = {body};"));
    }
    /// A scalar function of bounded growth around an expression.
    fn function(&mut self, inner: &str) -> String {
        let form = self.random.pick(&[
            "tanh(A)",
            "sigmoid(A)",
            "softplus(A)",
            "sin(A)",
            "cos(A)",
            "erf(A)",
            "exp(tanh(A))",
            "abs(A)",
            "max(A, 0)",
            "min(A, 0.3)",
            "log(1.5 + (A)^2)",
            "sqrt(0.5 + (A)^2)",
            "1 / (2 + (A)^2)",
            "(0.5 * tanh(A))^3",
            "(1 + (A)^2)^-1.5",
            "relu(A)",
            "gelu(A)",
            "elu(A)",
            "leaky_relu(A)",
            "hardswish(A)",
            "silu(A)",
            "if A > 0.1 { A } else { sin(A) }",
            "if A < 0 { 0.2 * A } else { tanh(A) }",
            "stop(sin(A)) * tanh(A)",
            "floor(A) + tanh(A)",
            "clamp(A, lo = -0.5, hi = 0.5)",
            "-A",
            "0.5 * A",
            "tanh(A)^2",
        ]);
        form.replace('A', &format!("({inner})"))
    }
    fn statement(&mut self, classes: usize) {
        match self.random.below(30) {
            0 | 1 => self.pointwise(),
            2 | 3 => self.combined(),
            4 | 5 => self.contraction(),
            6 | 7 => self.window(),
            8 => self.slice(),
            9 => self.concatenation(),
            10..=12 => self.reduction(),
            13 => self.transposed(),
            14 => self.flattened(),
            15 | 16 => self.recurrence(),
            17 => self.two_recurrences(),
            18 => self.stage(),
            19 => self.shared_stage(),
            20 => self.looked_up(classes),
            21 => self.state(),
            22 => self.noise(),
            23 => self.outer(),
            24 => self.argmax(),
            25 => self.derivative(),
            26 => self.matrix_recurrence(),
            27 => self.nested(),
            28 => self.pooled(),
            _ => self.chosen(),
        }
    }
    fn pointwise(&mut self) {
        let of = self.tensor(0);
        let body = self.function(&of.name);
        self.define(of.shape.clone(), |name| format!("{name} = {body};"));
    }
    /// Two tensors of one shape, or a tensor and one with the last of its axes.
    fn combined(&mut self) {
        let of = self.tensor(0);
        let indices = letters(of.shape.len());
        let rank = self.random.integer(0, of.shape.len());
        let tail = of.shape[of.shape.len() - rank..].to_vec();
        let found: Vec<Tensor> = self.tensors.iter().filter(|tensor| tensor.shape == tail).cloned().collect();
        let other = if found.is_empty() || self.random.below(3) == 0 { self.parameter(&tail) } else { self.random.pick(&found) };
        let (one, two) = (of.at(&indices), other.at(&indices[indices.len() - rank..]));
        let form = self.random.pick(&[
            "A + B",
            "A - B",
            "tanh(A) * B",
            "A / (1 + B^2)",
            "max(A, B)",
            "min(A, B)",
            "if A > B { A } else { 0.5 * B }",
        ]);
        let body = form.replace('A', "\u{1}").replace('B', &two).replace('\u{1}', &one);
        self.equation(&of.shape, &indices, &body);
    }
    fn contraction(&mut self) {
        let of = self.tensor(1);
        let (rank, size) = (of.shape.len(), self.random.integer(1, 5));
        let along = self.random.below(rank);
        let w = self.parameter(&[of.shape[along], size]);
        let mut indices = letters(rank);
        let mut shape = of.shape.clone();
        shape[along] = size;
        let result = indices.clone();
        indices[along] = "r".into();
        let factor = w.at(&["r".into(), result[along].clone()]);
        let body = format!("sum(r) {} * {factor}", of.at(&indices));
        let body = if self.random.below(3) == 0 { self.function(&body) } else { body };
        self.equation(&shape, &result, &body);
    }
    /// A window of any stride, dilation and padding along one axis.
    fn window(&mut self) {
        let of = self.tensor(1);
        let rank = of.shape.len();
        let along = self.random.below(rank);
        let (stride, dilation, padding) = (self.random.integer(1, 3), self.random.integer(1, 2), self.random.integer(0, 2));
        let (taps, length) = (self.random.integer(1, 3), self.random.integer(1, 4));
        let result = letters(rank);
        let mut indices = result.clone();
        indices[along] = format!("{stride} * {} + {dilation} * r - {padding}", result[along]);
        let mut shape = of.shape.clone();
        shape[along] = length;
        let read = format!("({} or {})", of.at(&indices), self.random.pick(&["0", "0", "0.3"]));
        let w = self.parameter(&[taps]);
        let reduction = self.random.pick(&["sum", "sum", "sum", "max", "mean", "lse"]);
        let body = format!("{reduction}(r: {taps}) {read} * {}", w.at(&["r".into()]));
        self.equation(&shape, &result, &body);
    }
    fn slice(&mut self) {
        let of = self.tensor(1);
        let along = self.random.below(of.shape.len());
        let size = of.shape[along];
        let step = self.random.integer(1, 2);
        let start = self.random.below(size);
        let length = (size - start).div_ceil(step);
        let result = letters(of.shape.len());
        let mut indices = result.clone();
        let index = &result[along];
        indices[along] = match self.random.below(3) {
            0 => format!("{} - {step} * {index}", size - 1 - start.min(size - 1)),
            1 => format!("({step} * {index} + {start}) % {size}"),
            _ => format!("{step} * {index} + {start}"),
        };
        let mut shape = of.shape.clone();
        shape[along] = length;
        self.equation(&shape, &result, &of.at(&indices));
    }
    fn concatenation(&mut self) {
        let (one, two) = (self.tensor(1), self.tensor(1));
        let (first, second) = (one.shape[0], two.shape[0]);
        let fixed = |tensor: &Tensor, index: String| {
            let rest = tensor.shape[1..].iter().map(|size| (size - 1).to_string());
            tensor.at(&[index].into_iter().chain(rest).collect::<Vec<_>>())
        };
        let body = format!("if i < {first} {{ {} }} else {{ {} }}", fixed(&one, "i".into()), fixed(&two, format!("i - {first}")));
        self.equation(&[first + second], &letters(1), &body);
    }
    fn reduction(&mut self) {
        let of = self.tensor(1);
        let rank = of.shape.len();
        let along = self.random.below(rank);
        let size = of.shape[along];
        let mut result = letters(rank);
        let mut indices = result.clone();
        indices[along] = "r".into();
        result.remove(along);
        let mut shape = of.shape.clone();
        shape.remove(along);
        let reduction = self.random.pick(&["sum", "sum", "mean", "max", "min", "prod", "lse"]);
        let mut condition = String::new();
        if size > 1 && self.random.below(2) == 0 {
            condition = self.random.pick(&[" where r != 1", " where r % 2 == 0", " where r < 2", " where 2 * r <= 3"]).to_string();
        }
        let factor = self.random.pick(&["", " * 0.5", " * (1 + r)"]);
        let read = of.at(&indices);
        let read = if self.random.below(2) == 0 { format!("({})", self.function(&read)) } else { read };
        let body = format!("{reduction}(r: {size}{condition}) {read}{factor}");
        self.equation(&shape, &result, &body);
    }
    fn transposed(&mut self) {
        let of = self.tensor(1);
        let mut order: Vec<usize> = (0..of.shape.len()).collect();
        for at in (1..order.len()).rev() {
            let other = self.random.below(at + 1);
            order.swap(at, other);
        }
        let indices = letters(of.shape.len());
        let result: Vec<String> = order.iter().map(|&at| indices[at].clone()).collect();
        let shape: Vec<usize> = order.iter().map(|&at| of.shape[at]).collect();
        self.equation(&shape, &result, &of.at(&indices));
    }
    fn flattened(&mut self) {
        let of = self.tensor(2);
        let [.., rows, columns] = of.shape[..] else { return };
        let mut indices: Vec<String> = of.shape[..of.shape.len() - 2].iter().map(|size| (size - 1).to_string()).collect();
        indices.extend([format!("i / {columns}"), format!("i % {columns}")]);
        self.equation(&[rows * columns], &letters(1), &of.at(&indices));
    }
    /// An equation that reads itself, earlier or later, along its first axis.
    fn recurrence(&mut self) {
        let of = self.tensor(1);
        let indices = letters(of.shape.len());
        let lag = self.random.integer(1, 2);
        let sign = self.random.pick(&["-", "+"]);
        let mut earlier = indices.clone();
        earlier[0] = format!("i {sign} {lag}");
        let start = self.random.pick(&["0", "0.2"]);
        let form = self.random.pick(&["tanh(A + 0.7 * B)", "0.5 * B + A", "sigmoid(A) * B + tanh(A)", "max(A, B)"]);
        let binders: Vec<String> = indices.iter().zip(&of.shape).map(|(index, size)| format!("{index}: {size}")).collect();
        let read = of.at(&indices);
        self.define(of.shape.clone(), |name| {
            let itself = format!("({name}[{}] or {start})", earlier.join(", "));
            let body = form.replace('A', &read).replace('B', &itself);
            format!("{name}[{}] = {body};", binders.join(", "))
        });
    }
    fn matrix_recurrence(&mut self) {
        let of = self.tensor(2);
        if of.shape.len() != 2 {
            return;
        }
        let width = of.shape[1];
        let w = self.parameter(&[width, width]);
        let sign = self.random.pick(&["-", "+"]);
        self.define(of.shape.clone(), |name| {
            format!("{name}[i, j: {width}] = tanh({}[i, j] + sum(r: {width}) ({name}[i {sign} 1, r] or 0) * {}[r, j]);", of.name, w.name)
        });
    }
    fn two_recurrences(&mut self) {
        let of = self.tensor(1);
        let size = of.shape[0];
        let rest: Vec<String> = of.shape[1..].iter().map(|_| "0".to_string()).collect();
        let read = of.at(&["i".to_string()].into_iter().chain(rest).collect::<Vec<_>>());
        let (a, b) = (self.fresh("v"), self.fresh("v"));
        self.line(&format!("{a}[i: {size}] = tanh({read} + ({b}[i - 1] or 0.1));"));
        self.line(&format!("{b}[i: {size}] = 0.5 * {a}[i] + sigmoid({read}) * ({b}[i - 1] or 0);"));
        self.tensors.extend([a, b].map(|name| Tensor { name, shape: vec![size] }));
    }
    fn stage(&mut self) {
        let of = self.tensor(1);
        let (stage, size) = match self.random.below(7) {
            0 => ("softmax".to_string(), None),
            1 => ("log_softmax".to_string(), None),
            2 => ("layer_norm".to_string(), None),
            3 => ("residual(linear(3) -> tanh -> linear(".to_string() + &of.shape[of.shape.len() - 1].to_string() + "))", None),
            4 => (format!("repeat(2, linear({}) -> tanh)", of.shape[of.shape.len() - 1]), None),
            5 => ("linear(4) -> relu".to_string(), Some(4)),
            _ => ("linear(3, bias = false)".to_string(), Some(3)),
        };
        let mut shape = of.shape.clone();
        if let (Some(size), Some(last)) = (size, shape.last_mut()) {
            *last = size;
        }
        self.define(shape, |name| format!("{name} = {} -> {stage};", of.name));
    }
    /// A stage that has a label, used again where something fits.
    fn shared_stage(&mut self) {
        let of = self.tensor(1);
        let last = of.shape[of.shape.len() - 1];
        let mut shape = of.shape.clone();
        let known = self.shared.iter().find(|&&(_, size, _)| size == last).cloned();
        let (stage, size) = match known {
            Some((label, _, size)) => (label, size),
            None => {
                let (label, size) = (self.fresh("f"), self.random.integer(1, 4));
                self.shared.push((label.clone(), last, size));
                (format!("{label}: linear({size})"), size)
            }
        };
        if let Some(last) = shape.last_mut() {
            *last = size;
        }
        self.define(shape, |name| format!("{name} = {} -> {stage};", of.name));
    }
    fn looked_up(&mut self, classes: usize) {
        let size = self.random.integer(1, 4);
        let w = self.parameter(&[classes, size]);
        self.equation(&[size], &letters(1), &format!("{}[k, i]", w.name));
    }
    /// A state that follows a parameter.
    fn state(&mut self) {
        let of = self.tensor(0);
        let w = self.parameter(&[]);
        let state = self.fresh("q");
        self.line(&format!("state {state} = 0.5;"));
        self.line(&format!("{state} <- 0.9 * {state} + 0.1 * {};", w.name));
        let indices = letters(of.shape.len());
        self.equation(&of.shape, &indices, &format!("{} * {state} + {}", of.at(&indices), w.name));
    }
    fn noise(&mut self) {
        let of = self.tensor(1);
        let stage = self.random.pick(&["dropout(0.3)", "batch_norm", "gaussian_noise(0.2)"]);
        self.define(of.shape.clone(), |name| format!("{name} = {} -> {stage};", of.name));
    }
    fn outer(&mut self) {
        let (one, two) = (self.tensor(1), self.tensor(1));
        if one.shape.len() > 1 || two.shape.len() > 1 {
            return;
        }
        let condition = self.random.pick(&["A * B", "if i <= j { A * B } else { 0 }", "if i + j == 1 { A } else { B }", "A - B"]);
        let body = condition.replace('A', &format!("{}[i]", one.name)).replace('B', &format!("{}[j]", two.name));
        self.equation(&[one.shape[0], two.shape[0]], &letters(2), &body);
    }
    fn argmax(&mut self) {
        let of = self.tensor(1);
        if of.shape.len() != 1 {
            return;
        }
        let (size, index) = (of.shape[0], self.fresh("z"));
        self.line(&format!("{index}: index({size}) = argmax(r) {}[r];", of.name));
        let w = self.parameter(&[size]);
        self.equation(&[], &[], &format!("{0}[{index}] * {1}[{index}]", w.name, of.name));
    }
    fn derivative(&mut self) {
        let of = self.tensor(0);
        let by = self.random.pick(&["x", "m"]);
        let shape = self.tensors.iter().find(|tensor| tensor.name == by).map(|tensor| tensor.shape.clone()).unwrap_or_default();
        self.define(shape, |name| format!("{name} = grad(tanh({}), {by});", of.name));
    }
    /// A reduction inside of a reduction.
    fn nested(&mut self) {
        let of = self.tensor(2);
        let indices: Vec<String> = of.shape[..of.shape.len() - 2].iter().map(|_| "0".to_string()).chain(["i".into(), "r".into()]).collect();
        let [.., rows, columns] = of.shape[..] else { return };
        let read = of.at(&indices);
        let (outer, inner) = (self.random.pick(&["sum", "mean", "max"]), self.random.pick(&["lse", "max", "sum", "prod"]));
        let body = format!(
            "{read_first} - {outer}(o: {rows}) ({inner}(r: {columns} where r <= o) {inside})",
            read_first = of.at(&indices[..indices.len() - 1].iter().cloned().chain(["0".into()]).collect::<Vec<_>>(),),
            inside = format_args!("({})", read.replace("[i,", "[o,").replace(", i,", ", o,"))
        );
        // a reduction over nothing is infinite for some: the first element always counts here
        self.equation(&[rows], &letters(1), &body);
    }
    fn pooled(&mut self) {
        let of = self.tensor(2);
        if of.shape.len() != 2 {
            return;
        }
        let stage = self.random.pick(&["global_avg_pool", "global_max_pool"]);
        self.define(vec![of.shape[0]], |name| format!("{name} = {} -> {stage};", of.name));
    }
    fn chosen(&mut self) {
        let of = self.tensor(1);
        let indices = letters(of.shape.len());
        let condition = self.random.pick(&["i < 1", "i % 2 == 0", "i == k", "k > 0 && i < 2"]);
        let read = of.at(&indices);
        let (one, two) = (self.function(&read), self.function(&read));
        self.equation(&of.shape, &indices, &format!("if {condition} {{ {one} }} else {{ {two} }}"));
    }
}
