//! Models in, Rust out.

use super::*;
use crate::equations::{Condition, Element, Equation, Equations, Index, Name, Reduction, Role, Scalar, Tensor};
use crate::model::*;
use nnc_grammar::Span;

/// A model written by hand, an equation at a time.
struct Writer {
    equations: Equations,
    origins: BTreeMap<Name, Origin>,
    parameters: Vec<Parameter>,
}

impl Writer {
    fn new() -> Self {
        Writer { equations: Equations::new(), origins: BTreeMap::new(), parameters: Vec::new() }
    }
    fn sizes(&mut self, sizes: &[i64]) -> Vec<Index> {
        sizes.iter().map(|&size| if size == 0 { self.equations.pool.size(BATCH, 0) } else { self.equations.pool.integer(size) }).collect()
    }
    fn given(&mut self, name: &str, role: Role, sizes: &[i64]) -> Name {
        let axes = self.sizes(sizes);
        let name = self.equations.pool.name(name);
        self.equations.insert(name, Tensor::given(role, axes));
        name
    }
    fn parameter(&mut self, text: &str, sizes: &[i64]) -> Name {
        let tensor = self.given(text, Role::Parameter, sizes);
        let axes = self.sizes(sizes);
        let draw = self.equations.pool.name(&format!("{text}.draw"));
        let own: Vec<Index> = axes.iter().enumerate().map(|(number, &size)| self.equations.pool.axis(number as u32, size)).collect();
        let pool = &mut self.equations.pool;
        let (u, half) = (pool.read(draw, own), pool.constant(-0.5));
        let (centred, scale) = (pool.add(&[u, half]), pool.constant(0.5));
        let initial = pool.mul(&[centred, scale]);
        self.parameters.push(Parameter {
            name: text.into(),
            tensor,
            docs: Vec::new(),
            axes,
            initial,
            draws: vec![(draw, Draw::Uniform)],
            span: Span::default(),
        });
        tensor
    }
    fn read(&mut self, tensor: Name, axes: &[u32], sizes: &[i64]) -> Scalar {
        let sizes = self.sizes(sizes);
        let at: Vec<Index> = axes.iter().map(|&axis| self.equations.pool.axis(axis, sizes[axis as usize])).collect();
        self.equations.pool.read(tensor, at)
    }
    #[allow(clippy::too_many_arguments)]
    fn define(
        &mut self,
        text: &str,
        from: (&str, &str, &str),
        sizes: &[i64],
        labels: &str,
        reduced: &[i64],
        reduction: Option<Reduction>,
        body: Scalar,
    ) -> Name {
        let name = self.equations.pool.name(text);
        let (axes, reduced) = (self.sizes(sizes), self.sizes(reduced));
        let equation = Equation { reduction, reduced, condition: Condition::TRUE, body };
        let labels = labels.chars().map(|c| c.to_string()).collect();
        self.equations.insert(name, Tensor { labels, ..Tensor::defined(axes, equation) });
        let (stage, definition, local) = from;
        if !local.is_empty() {
            let origin =
                Origin { stage: stage.into(), definition: definition.into(), local: local.into(), span: Span::default(), docs: Vec::new() };
            self.origins.insert(name, origin);
        }
        name
    }
    fn linear(&mut self, stage: &str, x: Name, i: i64, o: i64) -> Name {
        let (w, b) = (self.parameter(&format!("{stage}.w"), &[i, o]), self.parameter(&format!("{stage}.b"), &[o]));
        for (name, local) in [(w, "w"), (b, "b")] {
            let origin =
                Origin { stage: stage.into(), definition: "linear".into(), local: local.into(), span: Span::default(), docs: Vec::new() };
            self.origins.insert(name, origin);
        }
        let sizes = [0, o, i];
        let (xr, wr) = (self.read(x, &[0, 2], &sizes), self.read(w, &[2, 1], &sizes));
        let product = self.equations.pool.mul(&[xr, wr]);
        let sum = self.define(&format!("{stage}.y.sum"), (stage, "linear", ""), &[0, o], "noi", &[i], Some(Reduction::Sum), product);
        let (sum, b) = (self.read(sum, &[0, 1], &sizes), self.read(b, &[1], &sizes));
        let body = self.equations.pool.add(&[sum, b]);
        self.define(&format!("{stage}.y"), (stage, "linear", "y"), &[0, o], "no", &[], None, body)
    }
    fn relu(&mut self, stage: &str, x: Name, k: i64) -> Name {
        let (x, zero) = (self.read(x, &[0, 1], &[0, k]), self.equations.pool.constant(0.0));
        let body = self.equations.pool.max(x, zero);
        self.define(&format!("{stage}.y"), (stage, "relu", "y"), &[0, k], "ni", &[], None, body)
    }
}

/// `x -> fc1: linear(i, h) -> relu -> fc2: linear(h, o) -> softmax`, with cross entropy and plain gradient descent.
fn classifier(sizes: &[i64]) -> Network {
    let mut writer = Writer::new();
    let (i, o) = (sizes[0], sizes[sizes.len() - 1]);
    let x = writer.given("x", Role::Input, &[0, i]);
    let digit = writer.given("digit", Role::Target, &[0]);
    let (low, high) = (writer.equations.pool.integer(0), writer.equations.pool.integer(o));
    writer.equations.tensors.get_mut(&digit).expect("given").element = Element::Integer { low, high };
    let mut h = x;
    for layer in 1..sizes.len() {
        h = writer.linear(&format!("fc{layer}"), h, sizes[layer - 1], sizes[layer]);
        if layer + 1 < sizes.len() {
            h = writer.relu(&format!("relu{layer}"), h, sizes[layer]);
        }
    }
    let z = h;
    let zr = writer.read(z, &[0, 1], &[0, o]);
    let lse = writer.define("softmax1.y.lse", ("softmax1", "softmax", ""), &[0], "nj", &[o], Some(Reduction::LogSumExp), zr);
    let (zr, lr) = (writer.read(z, &[0, 1], &[0, o]), writer.read(lse, &[0], &[0]));
    let difference = writer.equations.pool.subtract(zr, lr);
    let p = writer.equations.pool.apply(crate::equations::Function::Exp, difference);
    let p = writer.define("softmax1.y", ("softmax1", "softmax", "y"), &[0, o], "ni", &[], None, p);
    let batch = writer.equations.pool.size(BATCH, 0);
    let n = writer.equations.pool.axis(0, batch);
    let t = writer.equations.pool.read_integer(digit, vec![n], low, high);
    let zt = writer.equations.pool.read(z, vec![n, t]);
    let loss = writer.equations.pool.subtract(lr, zt);
    let all = writer.define("loss.sum", ("", "Digits", ""), &[], "n", &[0], Some(Reduction::Sum), loss);
    let all = writer.equations.pool.read(all, Vec::new());
    let count = writer.equations.pool.real(batch);
    let one = writer.equations.pool.constant(1.0);
    let count = writer.equations.pool.max(count, one);
    let mean = writer.equations.pool.quotient(all, count);
    let loss = writer.define("loss", ("", "Digits", "loss"), &[], "", &[], None, mean);
    let batch_of = |sizes: Vec<Index>, name: &str, tensor: Name, kind: PortKind| Port {
        name: name.into(),
        tensor,
        docs: Vec::new(),
        axes: sizes,
        batched: true,
        kind,
    };
    let (x_axes, p_axes) = (writer.sizes(&[0, i]), writer.sizes(&[0, o]));
    let interface = Interface {
        name: "Digits".into(),
        docs: vec!["Classifies handwritten digits.".into()],
        span: Span::default(),
        batched: true,
        sizes: Vec::new(),
        constants: Vec::new(),
        assertions: Vec::new(),
        inputs: vec![batch_of(x_axes, "x", x, PortKind::Real)],
        targets: vec![batch_of(vec![batch], "digit", digit, PortKind::Index { low, high })],
        outputs: vec![batch_of(p_axes, "p", p, PortKind::Real)],
        parameters: writer.parameters.clone(),
        states: Vec::new(),
        losses: vec![Loss { name: LOSS.into(), docs: Vec::new(), parameters: (0..writer.parameters.len()).collect() }],
        metrics: Vec::new(),
    };
    let forward = Forward {
        equations: writer.equations,
        outputs: vec![p],
        loss,
        losses: vec![loss],
        metrics: Vec::new(),
        updates: Vec::new(),
        random: Vec::new(),
        origins: writer.origins,
        derivatives: Vec::new(),
    };
    let model = Model { interface, training: forward.clone(), inference: forward, optimizer: adam(writer.parameters.len()) };
    crate::programs(model)
}

/// `m <- 0.9 m + 0.1 g`, `p <- p - lr * m / (1 - 0.9^step)`
fn adam(parameters: usize) -> Optimizer {
    let mut equations = Equations::new();
    let size = equations.pool.size("elements", 1);
    let i = equations.pool.axis(0, size);
    let given = |equations: &mut Equations, name: &str, role: Role, axes: Vec<Index>| {
        let name = equations.pool.name(name);
        equations.insert(name, Tensor::given(role, axes.clone()));
        let at = if axes.is_empty() { Vec::new() } else { vec![i] };
        (name, equations.pool.read(name, at))
    };
    let (_, p) = given(&mut equations, "parameter", Role::Parameter, vec![size]);
    let (_, g) = given(&mut equations, "gradient", Role::Input, vec![size]);
    let (m_name, m) = given(&mut equations, "m", Role::State, vec![size]);
    let (_, step) = given(&mut equations, "step", Role::Number, vec![]);
    let (_, lr) = given(&mut equations, "lr", Role::Number, vec![]);
    let pool = &mut equations.pool;
    let (nine, one_tenth) = (pool.constant(0.9), pool.constant(0.1));
    let (a, b) = (pool.mul(&[nine, m]), pool.mul(&[one_tenth, g]));
    let next = pool.add(&[a, b]);
    let m1 = pool.name("m1");
    let m1_read = pool.read(m1, vec![i]);
    let ln = pool.constant(0.9f64.ln());
    let power = pool.mul(&[step, ln]);
    let power = pool.apply(crate::equations::Function::Exp, power);
    let one = pool.constant(1.0);
    let correction = pool.subtract(one, power);
    let moved = pool.mul(&[lr, m1_read]);
    let moved = pool.quotient(moved, correction);
    let new = pool.subtract(p, moved);
    let update = pool.name("p1");
    let elements = pool.name("elements");
    let zero = pool.constant(0.0);
    equations.insert(m1, Tensor::defined(vec![size], Equation::pointwise(next)));
    equations.insert(update, Tensor::defined(vec![size], Equation::pointwise(new)));
    let state = GroupState { name: "momentum.m".into(), tensor: m_name, next: m1, initial: zero };
    let group = Group {
        parameters: (0..parameters).collect(),
        equations,
        elements: Some(elements),
        update,
        states: vec![state],
        origins: BTreeMap::new(),
    };
    Optimizer { fields: vec![Field { name: "lr".into(), value: 0.001, docs: Vec::new() }], groups: vec![group] }
}

#[test]
fn a_classifier() {
    let mut network = classifier(&[64, 32, 10]);
    insta::assert_snapshot!("classifier_gradient_program", network.gradient.print());
    let options = Options { network: None, ..Options::default() };
    let text = file(&emit(std::slice::from_mut(&mut network), &options), &options);
    if let Ok(path) = std::env::var("NNC_EMIT_TO") {
        std::fs::write(path, &text).expect("a path that can be written");
    }
    insta::assert_snapshot!("classifier", text);
}

/// Rust of a text.
fn rust(text: &str, options: &Options) -> String {
    let mut load = |_: &str, path: &str| Err(format!("no file {path}"));
    let read = crate::understand("test.nn", text.as_bytes(), &mut load, &crate::Settings::default());
    crate::generate_text(read.unwrap_or_else(|failure| panic!("{:?}", failure.diagnostics)).models, options)
}

#[test]
fn shared_parts_are_written_once() {
    let mut text = String::from("model Deep(x[3]) -> y { a0 = x * x;");
    for number in 1..40 {
        text += &format!("a{number} = a{0} * a{0} + sin(a{0});", number - 1);
    }
    text += "y = if a39 > 0 { sin(a39) * a39 } else { a38 }; loss = sum(y); }";
    let text = rust(&text, &Options::default());
    assert!(text.len() < 100_000, "{} bytes", text.len());
}

#[test]
fn the_same_text_makes_the_same_bytes() {
    let text = "model M(x[T, 4]) -> y { target c[T, 4]; y = x -> mix: attention(4, 2) -> norm: layer_norm -> gelu; loss = mse(y, c); }";
    assert_eq!(rust(text, &Options::default()), rust(text, &Options::default()));
}

/// The names and texts of the functions of a file.
fn functions(text: &str) -> BTreeMap<String, String> {
    let file = syn::parse_file(text).expect("Rust");
    let mut found = BTreeMap::new();
    for item in file.items {
        let syn::Item::Mod(module) = item else { continue };
        for item in module.content.into_iter().flat_map(|(_, items)| items) {
            if let syn::Item::Fn(function) = &item {
                let name = function.sig.ident.to_string();
                let file = syn::File { shebang: None, frontmatter: None, attrs: Vec::new(), items: vec![item] };
                found.insert(name, prettyplease::unparse(&file));
            }
        }
    }
    found
}

#[test]
fn a_change_of_a_layer_changes_its_functions_only() {
    let model = |middle: &str| format!("model M(x[8]) -> p {{ p = x -> linear(8) -> relu -> {middle} -> linear(5) -> softmax; }}");
    let (before, after) = (functions(&rust(&model("tanh"), &Options::default())), functions(&rust(&model("gelu"), &Options::default())));
    let drivers = |name: &str| name.ends_with("_on") || name.ends_with("_workspace");
    for (name, text) in &before {
        if !drivers(name) && !name.contains("tanh") && !name.contains("linear_d_y") {
            assert_eq!(Some(text), after.get(name), "{name}");
        }
    }
}
