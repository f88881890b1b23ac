//! Derived equations against central differences, solved against unsolved, and as text.

use super::*;
use crate::equations::interpret::{Value, interpret};
use crate::equations::notation::read;
use crate::equations::print::print;
use crate::equations::verify::violations;
use crate::equations::{ConditionNode, Pool};
use ndarray::{ArrayD, IxDyn};

type Sizes = BTreeMap<String, i64>;
type Values = BTreeMap<String, Value>;

/// A small generator of random numbers (splitmix64).
pub(super) struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    /// In `low ..= high`.
    fn integer(&mut self, low: i64, high: i64) -> i64 {
        low + (self.next() % (high - low + 1) as u64) as i64
    }
    fn real(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64 * 2.0 - 1.0
    }
    fn choose<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.integer(0, from.len() as i64 - 1) as usize].clone()
    }
}

/// The value of a size.
fn evaluate(pool: &Pool, sizes: &Sizes, size: Index) -> i64 {
    use crate::equations::AtomNode;
    let affine = pool.affine(size);
    let atom = |atom| match pool.atom(atom) {
        AtomNode::Size { name, .. } => sizes[pool.text(*name)],
        AtomNode::Product(atoms) => atoms
            .iter()
            .map(|&atom| match pool.atom(atom) {
                AtomNode::Size { name, .. } => sizes[pool.text(*name)],
                _ => panic!("a size of this form is not used in tests"),
            })
            .product(),
        AtomNode::Div(x, m) => evaluate(pool, sizes, *x).div_euclid(evaluate(pool, sizes, *m)),
        _ => panic!("a size of this form is not used in tests"),
    };
    affine.constant + affine.terms.iter().map(|&(a, k)| k * atom(a)).sum::<i64>()
}

/// Random values for all given tensors.
fn random_values(equations: &Equations, sizes: &Sizes, random: &mut Random) -> Values {
    let mut values = Values::new();
    for (&name, tensor) in &equations.tensors {
        if tensor.equation().is_some() {
            continue;
        }
        let shape: Vec<usize> = tensor.axes.iter().map(|&size| evaluate(&equations.pool, sizes, size) as usize).collect();
        let value = match tensor.element {
            Element::Real => Value::Real(ArrayD::from_shape_fn(IxDyn(&shape), |_| random.real())),
            Element::Integer { low, high } => {
                let (low, high) = (evaluate(&equations.pool, sizes, low), evaluate(&equations.pool, sizes, high));
                Value::Integer(ArrayD::from_shape_fn(IxDyn(&shape), |_| random.integer(low, high - 1)))
            }
        };
        values.insert(equations.pool.text(name).to_string(), value);
    }
    values
}

/// The real given tensors.
fn real_inputs(equations: &Equations) -> Vec<Name> {
    let is_real_input = |tensor: &Tensor| tensor.equation().is_none() && tensor.element == Element::Real;
    equations.tensors.iter().filter(|(_, tensor)| is_real_input(tensor)).map(|(&name, _)| name).collect()
}

fn sizes_of(sizes: &[(&str, i64)]) -> Sizes {
    sizes.iter().map(|&(name, size)| (name.to_string(), size)).collect()
}

#[track_caller]
fn values_of(equations: &Equations, sizes: &Sizes, values: &Values, wanted: &[Name]) -> Vec<ArrayD<f64>> {
    match interpret(equations, sizes, values, wanted) {
        Ok(found) => found.iter().map(|value| value.real().expect("reals").clone()).collect(),
        Err(fault) => panic!("{fault}\n{}", print(equations)),
    }
}

/// Compares with central differences of fourth order at some elements of a tensor: all if there are few.
#[track_caller]
fn check_differences(equations: &Equations, sizes: &Sizes, values: &Values, loss: Name, of: Name, gradient: &ArrayD<f64>, most: usize) {
    let text = equations.pool.text(of).to_string();
    let point = values[&text].real().expect("reals").clone();
    assert_eq!(gradient.shape(), point.shape(), "{text}");
    let at = |place: &IxDyn, change: f64| {
        let mut moved = point.clone();
        moved[place] += change;
        let mut values = values.clone();
        values.insert(text.clone(), Value::Real(moved));
        values_of(equations, sizes, &values, &[loss])[0].sum()
    };
    let step = 1e-4;
    let skip = point.len().div_ceil(most).max(1);
    for (place, _) in point.indexed_iter().step_by(skip) {
        let expected = (8.0 * (at(&place, step) - at(&place, -step)) - (at(&place, 2.0 * step) - at(&place, -2.0 * step))) / (12.0 * step);
        let found = gradient[&place];
        let close = (found - expected).abs() <= 1e-7 * (1.0 + found.abs());
        assert!(close, "the gradient of {text}{place:?} is {found}, by differences {expected}\n{}", print(equations));
    }
}

/// Derives `loss` by all real inputs at a random point and compares with central differences; `again` derives the sum of the squares of
/// the gradients once more.
#[track_caller]
fn check_at(equations: &Equations, loss: Name, sizes: &Sizes, values: &Values, again: bool) -> Equations {
    let inputs = real_inputs(equations);
    let mut derived = equations.clone();
    let gradients = derive(&mut derived, loss, &inputs);
    assert_eq!(violations(&derived), Vec::<String>::new(), "{}", print(&derived));
    let found = values_of(&derived, sizes, values, &gradients);
    for (&input, found) in inputs.iter().zip(&found) {
        check_differences(equations, sizes, values, loss, input, found, if again { 30 } else { 6 });
    }
    if again {
        let mut penalty = derived.clone();
        let total = squares(&mut penalty, &gradients);
        check_at(&penalty, total, sizes, values, false);
    }
    derived
}

/// A new loss: the sum of the squares of all elements of these tensors, half of each, in a way that is not the same in all places.
fn squares(equations: &mut Equations, tensors: &[Name]) -> Name {
    let mut terms = Vec::new();
    for &tensor in tensors {
        let sizes = equations.tensors[&tensor].axes.clone();
        let pool = &mut equations.pool;
        let axes = reduced_axes(pool, 0, &sizes);
        let element = pool.read(tensor, axes.clone());
        let number = pool.flat(&axes, &sizes);
        let number = pool.real(number);
        let place = pool.apply(Function::Cos, number);
        let square = pool.power(element, 2.0);
        let body = pool.mul(&[square, place]);
        let base = format!("penalty_{}", pool.text(tensor));
        let name = equations.fresh(&base);
        let sum = Equation { reduction: Some(Reduction::Sum), reduced: sizes, condition: Condition::TRUE, body };
        equations.insert(name, Tensor::defined(Vec::new(), sum));
        terms.push(equations.pool.read(name, Vec::new()));
    }
    let body = equations.pool.add(&terms);
    let name = equations.fresh("penalty");
    equations.insert(name, Tensor::defined(Vec::new(), Equation::pointwise(body)));
    name
}

/// [`check_at`] for the tensor `loss` of a text, at random values.
#[track_caller]
fn check_sized(text: &str, sizes: &[(&str, i64)]) -> Equations {
    let equations = read(text);
    assert_eq!(violations(&equations), Vec::<String>::new());
    let sizes = sizes_of(sizes);
    let values = random_values(&equations, &sizes, &mut Random(text.len() as u64));
    let loss = equations.pool.find_name("loss").expect("a loss");
    check_at(&equations, loss, &sizes, &values, true)
}

/// The derived equations as text, without what was there before.
#[track_caller]
fn derived_text(text: &str, sizes: &[(&str, i64)]) -> String {
    let derived = check_sized(text, sizes);
    let before = print(&read(text));
    print(&derived).lines().filter(|line| !before.lines().any(|known| known == *line)).map(|line| format!("{line}\n")).collect()
}

/// An index of random form over two axes, the second of this size.
fn random_place(random: &mut Random, first: &str, second: &str, size: &str) -> String {
    let coefficient = |random: &mut Random| random.choose(&[-3, -2, -1, 0, 1, 1, 1, 2, 3, 4]);
    match random.integer(0, 11) {
        0..=3 => format!("{} * {first} + {} * {second} + {}", coefficient(random), coefficient(random), coefficient(random)),
        4 => format!("{} * {first} + {} * {second} - {}", random.integer(1, 3), random.integer(1, 2), random.integer(0, 2)),
        5 => format!("({} * {first} + {second}) / {} + {}", random.integer(1, 4), random.integer(1, 4), coefficient(random)),
        6 => format!("{first} / {} * {} + {second} % {}", random.integer(1, 3), random.integer(1, 3), random.integer(1, 3)),
        7 => format!("({first} + {} * {second}) % {} + {}", random.integer(1, 3), random.integer(2, 5), coefficient(random)),
        8 => format!("{first} * {size} + {second}"),
        9 => format!("{first} / {size} + {second} * {}", random.integer(1, 3)),
        10 => format!("{first} % {size} + {second} / {size} * {}", random.integer(1, 2)),
        _ => format!("t[{first}] + {}", coefficient(random)),
    }
}

/// A random program: sums and maxima over reads at random places, as text and with values for its sizes.
fn random_program(random: &mut Random) -> (String, Sizes) {
    let mut sizes = Sizes::new();
    // sizes of i, j (result) and k, l (reduced): numbers, or names with a value
    let axis = [("A", "i"), ("B", "j"), ("K", "k"), ("L", "l")].map(|(name, _)| {
        let value = random.choose(&[1, 2, 2, 3, 3, 4]);
        sizes.insert(name.to_string(), value);
        if random.integer(0, 3) == 0 { name.to_string() } else { value.to_string() }
    });
    let [a, b, k, l] = &axis;
    let (one, mut other) = (random_place(random, "i", "k", k), random_place(random, "j", "l", l));
    if random.integer(0, 4) == 0 {
        other = random_place(random, "i", "l", l);
    }
    let inner = random_place(random, "k", "l", l);
    let condition = random.choose(&[
        "",
        "",
        " where i + k < 5",
        " where k <= i && l + 2 >= j",
        " where 2 * k + l == i",
        " where k % 2 == 0",
        " where k / 2 + l == j",
    ]);
    let reduction = random.choose(&["sum", "sum", "sum", "max"]);
    let factor = random.choose(&["w[k, l]", "w[k, l] * v[i % 2, j % 2]", "tanh(w[k, l] + i)", "(if l <= j { w[k, l] } else { v[0, 1] })"]);
    let (x, y) = (random.integer(2, 6), random.integer(2, 6));
    let text = format!(
        "
        x[{x}, {y}]
        w[{k}, {l}]
        v[2, 2]
        g[{a}, {b}]
        t[8]: int 5
        y[i: {a}, j: {b}] = {reduction}(k: {k}, l: {l}{condition}) (x[{one}, {other}] or 0) * {factor} + 0.1 * (x[{inner}, l] or 0)
        z[i: {a}, j: {b}] = if y[i, j] > -9 {{ y[i, j] }} else {{ 0 }}
        loss = sum(i: {a}, j: {b}) g[i, j] * z[i, j]"
    );
    (text, sizes)
}

#[track_caller]
fn assert_close(what: &str, found: &ArrayD<f64>, expected: &ArrayD<f64>, tolerance: f64, equations: &Equations) {
    assert_eq!(found.shape(), expected.shape(), "{what}");
    for (place, &value) in found.indexed_iter() {
        let other = expected[&place];
        let close = (value - other).abs() <= tolerance * (1.0 + value.abs().max(other.abs()));
        assert!(close, "{what}{place:?} is {value}, expected {other}\n{}", print(equations));
    }
}

/// What a run of [`solved_adjoints_are_the_unsolved_ones`] saw.
#[derive(Default, Debug)]
struct Count {
    sums: usize,
    solved: usize,
}

fn compare_solved_with_unsolved(seed: u64, count: &mut Count) {
    let mut random = Random(seed);
    let (text, sizes) = random_program(&mut random);
    let equations = read(&text);
    let values = random_values(&equations, &sizes, &mut random);
    let loss = equations.pool.find_name("loss").expect("a loss");
    let inputs = real_inputs(&equations);
    let results = [solve, |_: &mut Pool, _: &mut Domain| ()].map(|solver: fn(&mut Pool, &mut Domain)| {
        let mut derived = equations.clone();
        let gradients = derive_by(&mut derived, loss, &inputs, solver);
        assert_eq!(violations(&derived), Vec::<String>::new(), "seed {seed}: {text}\n{}", print(&derived));
        (values_of(&derived, &sizes, &values, &gradients), derived)
    });
    let [(solved, derived), (unsolved, _)] = &results;
    for (found, expected) in solved.iter().zip(unsolved) {
        assert_close(&format!("seed {seed}:{text}\n"), found, expected, 1e-12, derived);
    }
    for (&name, tensor) in &derived.tensors {
        if let Some(equation) = tensor.equation()
            && equation.reduction == Some(Reduction::Sum)
            && derived.pool.text(name).starts_with("d_")
        {
            count.sums += 1;
            let rank = tensor.axes.len() as u32;
            let pool = &derived.pool;
            let is_delta = |&part: &Condition| {
                matches!(pool.condition(part), ConditionNode::Zero(_))
                    && pool.axes_of_condition(part).last().is_some_and(|&last| last >= rank)
            };
            count.solved += usize::from(!derived.pool.parts_of(equation.condition).iter().any(is_delta));
        }
    }
}

/// `NNC_FUZZ=100000 cargo test --release -p nnc-compiler solved_adjoints -- --nocapture`; `NNC_SEED` is the first seed.
#[test]
fn solved_adjoints_are_the_unsolved_ones() {
    let number = |name: &str, default: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (programs, first) = (number("NNC_FUZZ", 1000), number("NNC_SEED", 1));
    let mut count = Count::default();
    for seed in first..first + programs {
        compare_solved_with_unsolved(seed, &mut count);
    }
    println!("{programs} programs from seed {first}: {} of {} sums without a delta", count.solved, count.sums);
    assert!(count.solved * 2 > count.sums, "{count:?}");
}

#[test]
fn linear() {
    let text = "
        x[batch, 4]
        w[4, 3]
        b[3]
        z[n: batch, o: 3] = sum(i: 4) x[n, i] * w[i, o]
        y[n: batch, o: 3] = tanh(z[n, o] + b[o])
        loss = sum(n: batch, o: 3) y[n, o]^2";
    insta::assert_snapshot!(derived_text(text, &[("batch", 3)]), @r"
    d_loss = 1
    d_y[n, o] = 2 * y[n, o] * d_loss
    d_z[n, o] = d_y[n, o] * (1 - y[n, o]^2)
    d_b[o] = sum(n) d_y[n, o] * (1 - y[n, o]^2)
    d_w[i, o] = sum(n) x[n, i] * d_z[n, o]
    d_x[n, i] = sum(o) w[i, o] * d_z[n, o]
    ");
}

#[test]
fn convolution_stride_1() {
    let text = "
        x[batch, 3, 6, 5]
        w[4, 3, 3, 3]
        y[n: batch, o: 4, i: 6, j: 5] = sum(c: 3, p: 3, q: 3) (x[n, c, i + p - 1, j + q - 1] or 0) * w[o, c, p, q]
        loss = sum(n: batch, o: 4, i: 6, j: 5) y[n, o, i, j]^2";
    insta::assert_snapshot!(derived_text(text, &[("batch", 1)]), @r"
    d_loss = 1
    d_y[n, o, i, j] = 2 * y[n, o, i, j] * d_loss
    d_w[o, c, p: 3, q: 3] = sum(n, i, j where 0 <= p + i - 1 < 6 && 0 <= q + j - 1 < 5) x[n, c, p + i - 1, q + j - 1] * d_y[n, o, i, j]
    d_x[n, c, k: 6, l: 5] = sum(o, p, q where 0 <= k - p + 1 < 6 && 0 <= l - q + 1 < 5) w[o, c, p, q] * d_y[n, o, k - p + 1, l - q + 1]
    ");
}

#[test]
fn convolution_stride_2() {
    let text = "
        x[batch, 2, 7, 8]
        w[3, 2, 3, 3]
        y[n: batch, o: 3, i: 4, j: 4] = sum(c: 2, p: 3, q: 3) (x[n, c, 2 * i + p - 1, 2 * j + q - 1] or 0) * w[o, c, p, q]
        loss = sum(n: batch, o: 3, i: 4, j: 4) y[n, o, i, j]^2";
    insta::assert_snapshot!(derived_text(text, &[("batch", 1)]), @r"
    d_loss = 1
    d_y[n, o, i, j] = 2 * y[n, o, i, j] * d_loss
    d_w[o, c, p: 3, q: 3] = sum(n, i, j where 0 <= p + 2 * i - 1 < 7 && q + 2 * j >= 1) x[n, c, p + 2 * i - 1, q + 2 * j - 1] * d_y[n, o, i, j]
    d_x[n, c, k: 7, l: 8] = sum(o, p: 2, q: 2 where 2 * p + (k + 1) % 2 < 3 && p <= (k + 1) / 2 && 2 * q + (l + 1) % 2 < 3 && 0 <= q - (l + 1) / 2 + 3 < 4) w[o, c, 2 * p + (k + 1) % 2, 2 * q + (l + 1) % 2] * d_y[n, o, (k + 1) / 2 - p, (l + 1) / 2 - q]
    ");
}

#[test]
fn convolution_stride_3_window_2() {
    let text = "
        x[batch, 2, 8]
        w[3, 2, 2]
        y[n: batch, o: 3, i: 3] = sum(c: 2, p: 2) x[n, c, 3 * i + p] * w[o, c, p]
        loss = sum(n: batch, o: 3, i: 3) y[n, o, i]^2";
    insta::assert_snapshot!(derived_text(text, &[("batch", 2)]), @r"
    d_loss = 1
    d_y[n, o, i] = 2 * y[n, o, i] * d_loss
    d_w[o, c, p: 2] = sum(n, i) x[n, c, p + 3 * i] * d_y[n, o, i]
    d_x[n, c, k: 8] = sum(o where k % 3 < 2) w[o, c, k % 3] * d_y[n, o, k / 3]
    ");
}

#[test]
fn convolution_stride_2_dilation_2() {
    let text = "
        x[batch, 2, 9]
        w[3, 2, 3]
        y[n: batch, o: 3, i: 5] = sum(c: 2, p: 3) (x[n, c, 2 * i + 2 * p - 2] or 0) * w[o, c, p]
        loss = sum(n: batch, o: 3, i: 5) y[n, o, i]^2";
    insta::assert_snapshot!(derived_text(text, &[("batch", 2)]), @r"
    d_loss = 1
    d_y[n, o, i] = 2 * y[n, o, i] * d_loss
    d_w[o, c, p: 3] = sum(n, i where 0 <= p + i - 1 < 5) x[n, c, 2 * p + 2 * i - 2] * d_y[n, o, i]
    d_x[n, c, k: 9] = sum(o, p where 0 <= p - k / 2 + 3 < 5 && k % 2 == 0) w[o, c, p] * d_y[n, o, k / 2 - p + 1]
    ");
}

#[test]
fn convolution_in_groups() {
    let text = "
        x[batch, 4, 5]
        w[6, 2, 3]
        y[n: batch, o: 6, i: 5] = sum(c: 2, p: 3) (x[n, o / 3 * 2 + c, i + p - 1] or 0) * w[o, c, p]
        loss = sum(n: batch, o: 6, i: 5) y[n, o, i]^2";
    insta::assert_snapshot!(derived_text(text, &[("batch", 2)]), @r"
    d_loss = 1
    d_y[n, o, i] = 2 * y[n, o, i] * d_loss
    d_w[o, c: 2, p: 3] = sum(n, i where 0 <= p + i - 1 < 5) x[n, c + 2 * (o / 3), p + i - 1] * d_y[n, o, i]
    d_x[n, j: 4, k: 5] = sum(p, o: 3 where 0 <= k - p + 1 < 5) w[o + 3 * (j / 2), j % 2, p] * d_y[n, o + 3 * (j / 2), k - p + 1]
    ");
}

#[test]
fn depthwise_convolution() {
    let text = "
        x[batch, 4, 5]
        w[4, 3]
        y[n: batch, o: 4, i: 5] = sum(p: 3) (x[n, o, i + p - 1] or 0) * w[o, p]
        loss = sum(n: batch, o: 4, i: 5) y[n, o, i]^2";
    insta::assert_snapshot!(derived_text(text, &[("batch", 2)]), @r"
    d_loss = 1
    d_y[n, o, i] = 2 * y[n, o, i] * d_loss
    d_w[o, p: 3] = sum(n, i where 0 <= p + i - 1 < 5) x[n, o, p + i - 1] * d_y[n, o, i]
    d_x[n, o, k: 5] = sum(p where 0 <= k - p + 1 < 5) w[o, p] * d_y[n, o, k - p + 1]
    ");
}

#[test]
fn transposed_convolution() {
    let text = "
        x[batch, 2, 4]
        w[2, 3, 3]
        y[n: batch, o: 3, i: 8] = sum(c: 2, l: 4, p: 3 where 2 * l + p - 1 == i) x[n, c, l] * w[c, o, p]
        loss = sum(n: batch, o: 3, i: 8) y[n, o, i]^2";
    insta::assert_snapshot!(derived_text(text, &[("batch", 2)]), @r"
    d_loss = 1
    d_y[n, o, i] = 2 * y[n, o, i] * d_loss
    d_w[c, o, p: 3] = sum(n, l where p + 2 * l >= 1) x[n, c, l] * d_y[n, o, p + 2 * l - 1]
    d_x[n, c, l: 4] = sum(o, p where 2 * l + p >= 1) w[c, o, p] * d_y[n, o, 2 * l + p - 1]
    ");
}

#[test]
fn max_pool_2_2() {
    let text = "
        x[batch, 2, 7, 6]
        y[n: batch, c: 2, i: 3, j: 3] = max(p: 2, q: 2) x[n, c, 2 * i + p, 2 * j + q]
        loss = sum(n: batch, c: 2, i: 3, j: 3) y[n, c, i, j]^2";
    insta::assert_snapshot!(derived_text(text, &[("batch", 2)]), @r"
    d_loss = 1
    d_y[n, c, i, j] = 2 * y[n, c, i, j] * d_loss
    argmax_y[n, c, i: 3, j: 3]: index(4) = argmax(p: 2, q: 2) x[n, c, 2 * i + p, 2 * j + q]
    d_x[n, i, j: 7, k: 6] = if j / 2 < 3 && 2 * (j % 2) + k % 2 == argmax_y[n, i, j / 2, k / 2] { d_y[n, i, j / 2, k / 2] } else { 0 }
    ");
}

#[test]
fn max_pool_3_2_padded() {
    let text = "
        x[batch, 2, 7]
        y[n: batch, c: 2, i: 4] = max(p: 3) (x[n, c, 2 * i + p - 1] or -inf)
        loss = sum(n: batch, c: 2, i: 4) y[n, c, i]^2";
    insta::assert_snapshot!(derived_text(text, &[("batch", 2)]), @r"
    d_loss = 1
    d_y[n, c, i] = 2 * y[n, c, i] * d_loss
    argmax_y[n, c, i: 4]: index(3) = argmax(p: 3) if 0 <= 2 * i + p - 1 < 7 { x[n, c, 2 * i + p - 1] } else { -inf }
    d_x[n, c, k: 7] = sum(p: 2 where 2 * p + (k + 1) % 2 < 3 && p <= (k + 1) / 2 && 2 * p + (k + 1) % 2 == argmax_y[n, c, (k + 1) / 2 - p]) d_y[n, c, (k + 1) / 2 - p]
    ");
}

#[test]
fn average_pool_3_1() {
    let text = "
        x[batch, 2, 7]
        s[n: batch, c: 2, i: 5] = sum(p: 3) x[n, c, i + p]
        y[n: batch, c: 2, i: 5] = s[n, c, i] / 3
        loss = sum(n: batch, c: 2, i: 5) y[n, c, i]^2";
    insta::assert_snapshot!(derived_text(text, &[("batch", 2)]), @r"
    d_loss = 1
    d_y[n, c, i] = 2 * y[n, c, i] * d_loss
    d_s[n, c, i] = d_y[n, c, i] / 3
    d_x[n, c, k: 7] = sum(p: 3 where 0 <= k - p < 5) d_s[n, c, k - p]
    ");
}

#[test]
fn adaptive_pool() {
    let text = "
        x[batch, 7]
        s[n: batch, i: 3] = sum(l: 7 where i * 7 / 3 <= l && l < (i * 7 + 9) / 3) x[n, l]
        loss = sum(n: batch, i: 3) s[n, i]^2";
    insta::assert_snapshot!(derived_text(text, &[("batch", 2)]), @r"
    d_loss = 1
    d_s[n, i] = 2 * s[n, i] * d_loss
    d_x[n, l: 7] = sum(i where 0 <= l - (7 * i) / 3 < 3) d_s[n, i]
    ");
}

#[test]
fn flatten() {
    let text = "
        x[batch, 3, 4, 5]
        y[n: batch, i: 60] = x[n, i / 20, i / 5 % 4, i % 5]
        loss = sum(n: batch, i: 60) y[n, i]^3";
    insta::assert_snapshot!(derived_text(text, &[("batch", 2)]), @r"
    d_loss = 1
    d_y[n, i] = 3 * d_loss * y[n, i]^2
    d_x[n, i: 3, j: 4, k: 5] = d_y[n, 20 * i + 5 * j + k]
    ");
}

#[test]
fn flatten_of_named_sizes() {
    let text = "
        x[batch, C, H, W]
        y[n: batch, i: C * H * W] = x[n, i / (H * W), i / W % H, i % W]
        loss = sum(n: batch, i: C * H * W) y[n, i]^3";
    insta::assert_snapshot!(derived_text(text, &[("batch", 2), ("C", 2), ("H", 3), ("W", 4)]), @r"
    d_loss = 1
    d_y[n, i] = 3 * d_loss * y[n, i]^2
    d_x[n, i: C, j: H, k: W] = d_y[n, k + i * H * W + j * W]
    ");
}

#[test]
fn unflatten_of_named_sizes() {
    let text = "
        x[batch, C * H * W]
        y[n: batch, c: C, h: H, w: W] = x[n, c * H * W + h * W + w]
        loss = sum(n: batch, c: C, h: H, w: W) y[n, c, h, w]^3";
    insta::assert_snapshot!(derived_text(text, &[("batch", 2), ("C", 2), ("H", 3), ("W", 4)]), @r"
    d_loss = 1
    d_y[n, c, h, w] = 3 * d_loss * y[n, c, h, w]^2
    d_x[n, i: C * H * W] = d_y[n, i / (H * W), (i / W) % H, i % W]
    ");
}

#[test]
fn pixel_shuffle() {
    let text = "
        x[batch, 8, 2, 3]
        y[n: batch, c: 2, i: 4, j: 6] = x[n, c * 4 + i % 2 * 2 + j % 2, i / 2, j / 2]
        loss = sum(n: batch, c: 2, i: 4, j: 6) y[n, c, i, j]^3";
    insta::assert_snapshot!(derived_text(text, &[("batch", 2)]), @r"
    d_loss = 1
    d_y[n, c, i, j] = 3 * d_loss * y[n, c, i, j]^2
    d_x[n, i: 8, j: 2, k: 3] = d_y[n, i / 4, 2 * j + (i / 2) % 2, 2 * k + i % 2]
    ");
}

#[test]
fn upsample() {
    let text = "
        x[batch, 3, 4]
        y[n: batch, i: 6, j: 8] = x[n, i / 2, j / 2]
        loss = sum(n: batch, i: 6, j: 8) y[n, i, j]^3";
    insta::assert_snapshot!(derived_text(text, &[("batch", 2)]), @r"
    d_loss = 1
    d_y[n, i, j] = 3 * d_loss * y[n, i, j]^2
    d_x[n, j: 3, k: 4] = sum(i: 2, j2: 2) d_y[n, 2 * j + i, 2 * k + j2]
    ");
}

#[test]
fn concat_slice_reverse_constant_place() {
    let text = "
        a[batch, 3]
        b[batch, 2]
        c[n: batch, i: 5] = if i < 3 { a[n, i] } else { b[n, i - 3] }
        d[n: batch, i: 3] = c[n, 4 - i] * c[n, i + 1]
        loss = sum(n: batch, i: 3) d[n, i]^2 * a[n, 2]";
    insta::assert_snapshot!(derived_text(text, &[("batch", 2)]), @r"
    d_loss = 1
    d_d[n, i] = 2 * a[n, 2] * d[n, i] * d_loss
    d_c[n, i: 5] = if i >= 2 { c[n, 5 - i] * d_d[n, 4 - i] } else { 0 } + if 1 <= i < 4 { c[n, 5 - i] * d_d[n, i - 1] } else { 0 }
    d_b[n, i: 2] = d_c[n, i + 3]
    d_a[n, j] = sum(i where j == 2) d_loss * d[n, i]^2 + d_c[n, j]
    ");
}

#[test]
fn softmax() {
    let text = "
        x[batch, 5]
        t[batch]: int 5
        l[n: batch] = lse(j: 5) x[n, j]
        y[n: batch, i: 5] = exp(x[n, i] - l[n])
        loss = sum(n: batch, i: 5) y[n, i]^2";
    insta::assert_snapshot!(derived_text(text, &[("batch", 2)]), @r"
    l[n] = lse(j) x[n, j]
    y[n, i] = exp(x[n, i] - l[n])
    d_loss = 1
    d_y[n, i] = 2 * y[n, i] * d_loss
    d_l[n] = -sum(i) y[n, i] * d_y[n, i]
    d_x[n, i] = y[n, i] * d_y[n, i] + d_l[n] * exp(x[n, i] - l[n])
    ");
}

#[test]
fn cross_entropy() {
    let text = "
        z[batch, 5]
        t[batch]: int 5
        m[n: batch] = lse(j: 5) z[n, j]
        l[n: batch] = m[n] - z[n, t[n]]
        s = sum(n: batch) l[n]
        loss = s / batch";
    insta::assert_snapshot!(derived_text(text, &[("batch", 3)]), @r"
    m[n] = lse(j) z[n, j]
    l[n] = m[n] - z[n, t[n]]
    d_loss = 1
    d_s = d_loss / batch
    d_l[n: batch] = d_s
    d_m[n] = d_l[n]
    d_z[n, i] = d_m[n] * exp(z[n, i] - m[n]) + if i == t[n] { -d_l[n] } else { 0 }
    ");
}

#[test]
fn embedding() {
    let text = "
        w[7, 3]
        t[batch, T]: int 7
        y[n: batch, u: T, d: 3] = w[t[n, u], d]
        loss = sum(n: batch, u: T, d: 3) y[n, u, d]^3";
    insta::assert_snapshot!(derived_text(text, &[("batch", 2), ("T", 3)]), @r"
    d_loss = 1
    d_y[n, u, d] = 3 * d_loss * y[n, u, d]^2
    d_w[i: 7, d] = sum(n, u where i == t[n, u]) d_y[n, u, d]
    ");
}

#[test]
fn layer_norm() {
    let text = "
        x[batch, 5]
        g[5]
        b[5]
        s[n: batch] = sum(i: 5) x[n, i]
        m[n: batch] = s[n] / 5
        d[n: batch, i: 5] = x[n, i] - m[n]
        v[n: batch] = sum(i: 5) d[n, i]^2
        r[n: batch] = 1 / sqrt(v[n] / 5 + 1e-5)
        y[n: batch, i: 5] = d[n, i] * r[n] * g[i] + b[i]
        loss = sum(n: batch, i: 5) y[n, i]^2";
    insta::assert_snapshot!(derived_text(text, &[("batch", 2)]), @r"
    d_loss = 1
    d_y[n, i] = 2 * y[n, i] * d_loss
    d_v[n] = -(sum(i) g[i] * d[n, i] * d_y[n, i]) * r[n]^3 / 10
    d_d[n, i] = 2 * d[n, i] * d_v[n] + g[i] * r[n] * d_y[n, i]
    d_m[n] = -sum(i) d_d[n, i]
    d_s[n] = d_m[n] / 5
    d_b[i] = sum(n) d_y[n, i]
    d_g[i] = sum(n) d[n, i] * r[n] * d_y[n, i]
    d_x[n, i] = d_d[n, i] + d_s[n]
    ");
}

#[test]
fn attention() {
    let text = "
        q[batch, T, 2, 4]
        k[batch, S, 2, 4]
        v[batch, S, 2, 4]
        z[n: batch, h: 2, t: T, u: S] = sum(i: 4) q[n, t, h, i] * k[n, u, h, i]
        s[n: batch, h: 2, t: T, u: S] = if u > t { -inf } else { z[n, h, t, u] / 2 }
        l[n: batch, h: 2, t: T] = lse(u: S) s[n, h, t, u]
        a[n: batch, h: 2, t: T, u: S] = exp(s[n, h, t, u] - l[n, h, t])
        y[n: batch, t: T, h: 2, j: 4] = sum(u: S) a[n, h, t, u] * v[n, u, h, j]
        loss = sum(n: batch, t: T, h: 2, j: 4) y[n, t, h, j]^2";
    insta::assert_snapshot!(derived_text(text, &[("batch", 2), ("T", 3), ("S", 4)]), @r"
    l[n, h, t] = lse(u) s[n, h, t, u]
    a[n, h, t, u] = exp(s[n, h, t, u] - l[n, h, t])
    d_loss = 1
    d_y[n, t, h, j] = 2 * y[n, t, h, j] * d_loss
    d_a[n, h, t, u] = sum(j) v[n, u, h, j] * d_y[n, t, h, j]
    d_l[n, h, t] = -sum(u) a[n, h, t, u] * d_a[n, h, t, u]
    d_s[n, h, t, u] = a[n, h, t, u] * d_a[n, h, t, u] + d_l[n, h, t] * exp(s[n, h, t, u] - l[n, h, t])
    d_z[n, h, t, u] = if u <= t { 0.5 * d_s[n, h, t, u] } else { 0 }
    d_v[n, u, h, j] = sum(t) a[n, h, t, u] * d_y[n, t, h, j]
    d_k[n, u, h, i] = sum(t) q[n, t, h, i] * d_z[n, h, t, u]
    d_q[n, t, h, i] = sum(u) k[n, u, h, i] * d_z[n, h, t, u]
    ");
}

#[test]
fn recurrence() {
    let text = "
        x[batch, T, 3]
        w[3, 4]
        u[4, 4]
        a[n: batch, t: T, j: 4] = sum(i: 3) x[n, t, i] * w[i, j]
        s[n: batch, t: T, j: 4] = sum(k: 4) (h[n, t - 1, k] or 0) * u[k, j]
        h[n: batch, t: T, j: 4] = tanh(a[n, t, j] + s[n, t, j])
        loss = sum(n: batch, t: T, j: 4) h[n, t, j]^2";
    insta::assert_snapshot!(derived_text(text, &[("batch", 2), ("T", 4)]), @r"
    d_loss = 1
    d_h[n, t, j] = sum(j2 where t < T - 1) u[j, j2] * d_s[n, t + 1, j2] + 2 * h[n, t, j] * d_loss
    d_s[n, t, j] = d_h[n, t, j] * (1 - h[n, t, j]^2)
    d_a[n, t, j] = d_h[n, t, j] * (1 - h[n, t, j]^2)
    d_u[k, j] = sum(n, t where t >= 1) h[n, t - 1, k] * d_s[n, t, j]
    d_w[i, j] = sum(n, t) x[n, t, i] * d_a[n, t, j]
    d_x[n, t, i] = sum(j) w[i, j] * d_a[n, t, j]
    ");
}

#[test]
fn products() {
    let text = "
        x[batch, 4]
        y[n: batch] = prod(i: 4 where i != 2) (x[n, i] + 1)
        loss = sum(n: batch) y[n]^2";
    insta::assert_snapshot!(derived_text(text, &[("batch", 2)]), @r"
    d_loss = 1
    d_y[n] = 2 * y[n] * d_loss
    d_x[n, i] = if i == 2 { 0 } else { d_y[n] * prod(i2 where i != i2 && i2 != 2) (x[n, i2] + 1) }
    ");
}
