//! Random programs: the solver may change the form of an adjoint, never its value; expressions against central differences.

use super::*;
use crate::equations::ConditionNode;

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
    compare(&text, &sizes, seed, count);
}

fn compare(text: &str, sizes: &Sizes, seed: u64, count: &mut Count) {
    let equations = read(text);
    let values = random_values(&equations, sizes, &mut Random(seed));
    let loss = equations.pool.find_name("loss").expect("a loss");
    let inputs = real_inputs(&equations);
    let results = [solve, |_: &mut Pool, _: &mut Domain| ()].map(|solver: fn(&mut Pool, &mut Domain)| {
        let mut derived = equations.clone();
        let gradients = derive_by(&mut derived, loss, &inputs, solver);
        assert_eq!(violations(&derived), Vec::<String>::new(), "seed {seed}: {text}\n{}", print(&derived));
        (values_of(&derived, sizes, &values, &gradients), derived)
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

#[test]
fn a_read_in_a_guard_is_guarded_by_what_does_not_need_it() {
    let text = "
        x[6, 3]
        w[3, 3]
        y[i: A, j: 3] = max(k: 3, l: 3 where k % 2 == 0) (x[2 * i + k, 3 * l + i / 3] or 0) * w[k, l] + 0.1 * (x[k, l] or 0)
        loss = sum(i: A, j: 3) y[i, j] * (j + 1)";
    for seed in 1..5 {
        compare(text, &sizes_of(&[("A", 3)]), seed, &mut Count::default());
    }
}

/// `NNC_FUZZ=100000 cargo test --release -p nnc-compiler solved_adjoints -- --nocapture`; `NNC_SEED` is the first seed.
#[test]
fn solved_adjoints_are_the_unsolved_ones() {
    let number = |name: &str, default: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (programs, first) = (number("NNC_FUZZ", 1000), number("NNC_SEED", 1));
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get() as u64);
    let counts: Vec<Count> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|thread| {
                scope.spawn(move || {
                    let mut count = Count::default();
                    (first + thread..first + programs)
                        .step_by(threads as usize)
                        .for_each(|seed| compare_solved_with_unsolved(seed, &mut count));
                    count
                })
            })
            .collect();
        running.into_iter().map(|thread| thread.join().expect("its message stands above")).collect()
    });
    let count = Count { sums: counts.iter().map(|count| count.sums).sum(), solved: counts.iter().map(|count| count.solved).sum() };
    println!("{programs} programs from seed {first}: {} of {} sums without a delta", count.solved, count.sums);
    assert!(count.solved * 2 > count.sums, "{count:?}");
}

/// A smooth or kinked expression of `x[i]`, `x[i - 1]`, `w`, `v[i]` and `i`, as text.
fn random_expression(random: &mut Random, depth: u32) -> String {
    if depth == 0 {
        return random.choose(&["x[i]", "x[i]", "(x[i - 1] or 0.3)", "x[3 - i]", "v[i]", "w", "i", "0.7"]).to_string();
    }
    let a = random_expression(random, depth - 1);
    let other = random.integer(0, i64::from(depth) - 1) as u32;
    let b = random_expression(random, other);
    let form = random.choose(&[
        "A + B",
        "A - B",
        "A * B",
        "A * B",
        "tanh(A)",
        "sigmoid(A)",
        "softplus(A)",
        "sin(A)",
        "cos(A)",
        "erf(A)",
        "exp(tanh(A))",
        "(A)^2",
        "(A)^3",
        "abs(A)",
        "max(A, B)",
        "min(A, B)",
        "max(A, 0)",
        "min(A, 0.2)",
        "log(1.5 + (A)^2)",
        "sqrt(0.5 + (A)^2)",
        "(A) / (2 + (B)^2)",
        "(1 + (A)^2)^-1.5",
        "if A > B { A } else { sin(B) }",
        "if i < 2 { A } else { B }",
        "floor(A) + A * B",
        "stop(B) * 0",
    ]);
    let form = form.replace('A', "\u{1}").replace('B', "\u{2}");
    format!("({})", form.replace('\u{1}', &a).replace('\u{2}', &b))
}

#[test]
fn random_expressions_twice_derived() {
    for seed in 1..=40 {
        let mut random = Random(seed);
        let reduction =
            random.choose(&["sum(i: 4)", "lse(i: 4)", "max(i: 4)", "prod(i: 4)", "sum(i: 4 where i != 1)", "lse(i: 4 where i > 0)"]);
        let (first, second) = (random_expression(&mut random, 3), random_expression(&mut random, 3).replace("x[", "y["));
        let text = format!(
            "
            x[4]
            v[4]
            w
            y[i: 4] = {first}
            loss = {reduction} {second} + v[i]"
        );
        let equations = read(&text);
        let loss = equations.pool.find_name("loss").expect("a loss");
        let values = random_values(&equations, &Sizes::new(), &mut random);
        println!("seed {seed}: {text}");
        check_at(&equations, loss, &Sizes::new(), &values, true);
    }
}
