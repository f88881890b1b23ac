//! Each rule alone.

use super::*;

#[test]
fn what_nobody_reads_goes() {
    let text = "
        x[4]
        a[i: 4] = exp(x[i])
        b[i: 4] = a[i] + 1
        y[i: 4] = 2 * x[i]";
    insta::assert_snapshot!(check(text, &["y"]), @"y[i] = 2 * x[i]");
    // a recurrence that only reads itself
    let text = "
        x[4]
        h[t: 4] = tanh(x[t] + (h[t - 1] or 0))
        y[i: 4] = 2 * x[i]";
    insta::assert_snapshot!(check(text, &["y"]), @"y[i] = 2 * x[i]");
}

#[test]
fn one_reader_of_the_same_elements() {
    let text = "
        x[batch, 4]
        a[n: batch, i: 4] = exp(x[n, i])
        b[n: batch, i: 4] = tanh(a[n, i] + 1)
        y[n: batch] = sum(i: 4) b[n, i]";
    insta::assert_snapshot!(check(text, &["y"]), @"y[n] = sum(i) tanh(exp(x[n, i]) + 1)");
}

#[test]
fn functions_are_not_repeated() {
    // by two readers
    let text = "
        x[batch, 4]
        a[n: batch, i: 4] = exp(x[n, i])
        y[n: batch, i: 4] = a[n, i] + 1
        z[n: batch, i: 4] = a[n, i] * x[n, i]";
    insta::assert_snapshot!(check(text, &["y", "z"]), @r"
    a[n, i] = exp(x[n, i])
    y[n, i] = a[n, i] + 1
    z[n, i] = x[n, i] * a[n, i]
    ");
    // by one of higher rank
    let text = "
        x[batch, 4]
        v[batch]
        r[n: batch] = 1 / sqrt(v[n])
        y[n: batch, i: 4] = x[n, i] * r[n]";
    insta::assert_snapshot!(check(text, &["y"]), @r"
    r[n] = 1 / sqrt(v[n])
    y[n, i] = x[n, i] * r[n]
    ");
    // by one reader in two places
    let text = "
        x[9]
        a[i: 9] = exp(x[i])
        y[i: 9] = a[i] + (a[i - 1] or 0)";
    insta::assert_snapshot!(check(text, &["y"]), @r"
    a[i] = exp(x[i])
    y[i] = a[i] + if i >= 1 { a[i - 1] } else { 0 }
    ");
}

#[test]
fn what_is_cheap_is_repeated() {
    let text = "
        x[batch, 4]
        b[4]
        a[n: batch, i: 4] = x[n, i] - b[i]
        y[n: batch, i: 4] = exp(a[n, i])
        z[n: batch, i: 4] = a[n, i]^2";
    insta::assert_snapshot!(check(text, &["y", "z"]), @r"
    y[n, i] = exp(x[n, i] - b[i])
    z[n, i] = (x[n, i] - b[i])^2
    ");
}

#[test]
fn the_epilogue_of_a_sum_stays_with_it() {
    let text = "
        x[batch, 5]
        w[5, 4]
        b[4]
        s[n: batch, o: 4] = sum(i: 5) x[n, i] * w[i, o]
        a[n: batch, o: 4] = s[n, o] + b[o]
        y[n: batch, o: 4] = exp(a[n, o])
        z[n: batch, o: 4] = a[n, o]^2";
    insta::assert_snapshot!(check(text, &["y", "z"]), @r"
    a[n, o] = sum(i) x[n, i] * w[i, o] + b[o]
    y[n, o] = exp(a[n, o])
    z[n, o] = a[n, o]^2
    ");
}

#[test]
fn contractions_stay_contractions() {
    // a transposed or scaled operand is still one
    let text = "
        x[batch, 5]
        w[4, 5]
        v[i: 5, o: 4] = w[o, i]
        a[n: batch, i: 5] = 2 * x[n, i]
        y[n: batch, o: 4] = sum(i: 5) a[n, i] * v[i, o]";
    insta::assert_snapshot!(check(text, &["y"]), @"y[n, o] = 2 * sum(i) x[n, i] * w[o, i]");
    let text = "
        x[batch, 5]
        w[5, 5]
        a[n: batch, i: 5] = x[n, i] + 1
        y[n: batch, o: 5] = sum(i: 5) a[n, i] * w[i, o]";
    insta::assert_snapshot!(check(text, &["y"]), @r"
    a[n, i] = x[n, i] + 1
    y[n, o] = sum(i) w[i, o] * a[n, i]
    ");
}

#[test]
fn views_stay_operands() {
    let text = "
        x[batch, 2, 3]
        w[6, 4]
        f[n: batch, i: 6] = x[n, i / 3, i % 3]
        y[n: batch, o: 4] = sum(i: 6) f[n, i] * w[i, o]";
    insta::assert_snapshot!(check(text, &["y"]), @r"
    f[n, i: 6] = x[n, i / 3, i % 3]
    y[n, o] = sum(i) w[i, o] * f[n, i]
    ");
    // but not of what is computed element by element
    let text = "
        x[batch, 2, 3]
        f[n: batch, i: 6] = x[n, i / 3, i % 3]
        e[n: batch, i: 6] = exp(f[n, i])
        y[n: batch, i: 2, j: 3] = e[n, 3 * i + j]";
    insta::assert_snapshot!(check(text, &["y"]), @r"
    e[n, i: 6] = exp(x[n, i / 3, i % 3])
    y[n, i: 2, j: 3] = e[n, 3 * i + j]
    ");
}

#[test]
fn a_view_reads_the_element_with_the_same_number() {
    #[track_caller]
    fn view(text: &str, expected: bool) {
        let mut equations = read(text);
        let name = named(&equations, &["y"])[0];
        assert_eq!(is_view(&mut equations, name), expected);
    }
    view("x[batch, 2, 3]\n y[n: batch, i: 6] = x[n, i / 3, i % 3]", true);
    view("x[batch, 6]\n y[n: batch, i: 2, j: 3] = x[n, 3 * i + j]", true);
    view("x[batch, 2, 3]\n y[i: 2 * batch, j: 3] = x[i / 2, i % 2, j]", true);
    view("x[2, 3]\n y[i: 3, j: 2] = x[j, i]", false);
    view("x[6]\n y[i: 4] = x[i]", false);
    view("x[6]\n y[i: 6] = x[i]", false);
    view("x[6]\n y[i: 6] = 2 * x[i]", false);
}

#[test]
fn aliases_go() {
    let text = "
        x[batch, 5]
        s[n: batch] = sum(i: 5) x[n, i]
        a[n: batch] = s[n]
        y[n: batch] = a[n]
        z[n: batch] = tanh(s[n])";
    insta::assert_snapshot!(check(text, &["y", "z"]), @r"
    y[n] = sum(i) x[n, i]
    z[n] = tanh(y[n])
    ");
    // what is given stays given
    insta::assert_snapshot!(check("x[5]\n y[i: 5] = x[i]", &["y"]), @"y[i] = x[i]");
    // a part is no alias
    insta::assert_snapshot!(check("x[5]\n a[i: 5] = exp(x[i])\n y[i: 4] = a[i]\n z[i: 5] = a[i]", &["y", "z"]), @r"
    z[i] = exp(x[i])
    y[i: 4] = z[i]
    ");
}

#[test]
fn suffixes_that_tell_nothing_apart_go() {
    let text = "
        x[batch, 5]
        w[5]
        d_x_via_y[n: batch] = sum(i: 5) x[n, i] * w[i]
        d_z_via_a[n: batch] = sum(i: 5) x[n, i]^2
        d_z_via_b[n: batch] = sum(i: 5) x[n, i]^3
        y[n: batch, i: 5] = d_x_via_y[n] + w[i]
        z[n: batch, i: 5] = (d_z_via_a[n] + w[i]) * (d_z_via_b[n] + w[i])";
    insta::assert_snapshot!(check(text, &["y", "z"]), @r"
    d_z_via_a[n] = sum(i) x[n, i]^2
    d_z_via_b[n] = sum(i) x[n, i]^3
    d_x[n] = sum(i) x[n, i] * w[i]
    y[n, i] = w[i] + d_x[n]
    z[n, i] = (w[i] + d_z_via_a[n]) * (w[i] + d_z_via_b[n])
    ");
}

#[test]
fn equal_equations_are_one() {
    let text = "
        x[batch, 5]
        w[5, 4]
        a[n: batch, o: 4] = sum(i: 5) x[n, i] * w[i, o]
        b[o: 4, n: batch] = sum(i: 5) x[n, i] * w[i, o]
        y[n: batch, o: 4] = exp(a[n, o])
        z[o: 4, n: batch] = tanh(b[o, n])";
    insta::assert_snapshot!(check(text, &["y", "z"]), @r"
    a[n, o] = sum(i) x[n, i] * w[i, o]
    y[n, o] = exp(a[n, o])
    z[o, n] = tanh(a[n, o])
    ");
    let text = "
        x[3, 4]
        y = sum(i: 3, j: 4) x[i, j]
        z = sum(j: 4, i: 3) x[i, j]";
    insta::assert_snapshot!(check(text, &["y", "z"]), @r"
    y = sum(i, j) x[i, j]
    z = y
    ");
    // the number of the largest element depends on the order of axes
    let text = "
        x[3, 4]
        m[j: 4] = max(i: 3) x[i, j]
        y = sum(j: 4) m[j]
        z = max(j: 4) m[j]";
    insta::assert_snapshot!(check(text, &["y", "z"]), @r"
    m[j] = max(i) x[i, j]
    y = sum(j) m[j]
    z = max(j) m[j]
    ");
}

#[test]
fn a_value_that_is_computed_is_read() {
    let text = "
        x[batch, 4]
        v[batch]
        a[n: batch, i: 4] = exp(x[n, i] - v[n])
        s[i: 4, n: batch] = exp(x[n, i] - v[n]) * x[n, i]";
    insta::assert_snapshot!(check(text, &["a", "s"]), @r"
    a[n, i] = exp(x[n, i] - v[n])
    s[i, n] = x[n, i] * a[n, i]
    ");
    // all of what a sum adds up
    let text = "
        x[batch, 4]
        v[batch, 4]
        a[n: batch, i: 4] = x[n, i] * v[n, i] + v[n, i]
        s[i: 4] = sum(n: batch) (x[n, i] * v[n, i] + v[n, i])";
    insta::assert_snapshot!(check(text, &["a", "s"]), @r"
    a[n, i] = v[n, i] + x[n, i] * v[n, i]
    s[i] = sum(n) a[n, i]
    ");
    // elsewhere it is another value
    let text = "
        x[4]
        a[i: 4] = exp(x[i])
        y[i: 3] = exp(x[i + 1])";
    insta::assert_snapshot!(check(text, &["a", "y"]), @r"
    a[i] = exp(x[i])
    y[i: 3] = exp(x[i + 1])
    ");
}

#[test]
fn domains() {
    let text = "
        x[batch, 8]
        y[n: batch] = sum(i: 8) (if i >= 2 { x[n, i] } else { 0 })";
    insta::assert_snapshot!(check(text, &["y"]), @"y[n] = sum(i: 6) x[n, i + 2]");
    insta::assert_snapshot!(check("x[batch]\n y[n: batch] = sum(i: 8) exp(x[n])", &["y"]), @"y[n] = 8 * exp(x[n])");
    insta::assert_snapshot!(check("x[batch]\n y[n: batch, i: 3] = sum(m: batch) exp(x[m])", &["y"]), @r"
    y_sum = sum(m) exp(x[m])
    y[n: batch, i: 3] = y_sum
    ");
    let text = "
        x[batch, 8]
        s[batch]
        w[8, 4]
        y[n: batch, o: 4] = sum(i: 8) 3 * s[n] * x[n, i] * w[i, o]";
    insta::assert_snapshot!(check(text, &["y"]), @"y[n, o] = 3 * s[n] * sum(i) x[n, i] * w[i, o]");
    insta::assert_snapshot!(check("x[8]\n y = sum(i: 8 where i < 0) x[i]", &["y"]), @"y = 0");
}

#[test]
fn logarithms() {
    let text = "
        z[4]
        t: int 4
        p[i: 4] = exp(z[i])
        q[i: 4] = sigmoid(z[i])
        a = log(p[t])
        b = log(q[t])
        c = log(1 - q[t])
        d = log(q[t] + 1)
        e = log(2 - q[t])";
    insta::assert_snapshot!(check(text, &["a", "b", "c", "d", "e"]), @r"
    q[i] = sigmoid(z[i])
    a = z[t]
    b = -softplus(-z[t])
    c = -softplus(z[t])
    d = log(q[t] + 1)
    e = log(2 - q[t])
    ");
}

#[test]
fn integers_are_put_in() {
    let mut b = Build::default();
    let (n, four, five) = (b.batch(), b.int(4), b.int(5));
    let (x, t) = (b.given("x", &[n, five]), b.integers("t", &[n], four));
    let (i, low) = (b.pool().axis(0, n), b.int(0));
    let index = b.pool().read_integer(t, vec![i], low, four);
    let next = b.pool().offset(index, 1);
    let body = b.pool().real(next);
    let u = b.define("u", &[n], &[], Equation::pointwise(body));
    b.equations.tensors.get_mut(&u).unwrap().element = Element::Integer { low, high: five };
    let index = b.pool().read_integer(u, vec![i], low, five);
    let body = b.read(x, &[i, index]);
    let y = b.define("y", &[n], &[], Equation::pointwise(body));
    let after = simplify(b.equations.clone(), &[y]);
    agree(&b.equations, &after, &[y]);
    insta::assert_snapshot!(shown(&after, &[y]), @"y[n] = x[n, t[n] + 1]");
}

#[test]
fn a_recurrence_keeps_its_steps() {
    let text = "
        x[T, 3]
        a[t: T, j: 3] = x[t, j] + 0.5 * (h[t - 1, j] or 0)
        b[t: T, j: 3] = a[t, j]
        h[t: T, j: 3] = tanh(b[t, j])
        c[t: T, j: 3] = h[t, j]
        y[t: T, j: 3] = 2 * c[t, j]";
    insta::assert_snapshot!(check(text, &["y"]), @r"
    h[t, j] = tanh(x[t, j] + if t >= 1 { 0.5 * h[t - 1, j] } else { 0 })
    y[t, j] = 2 * h[t, j]
    ");
}

/// Every rule fires in random models (what they do there is checked in `random`).
#[test]
fn no_rule_without_a_case() {
    let sources = [
        include_str!("../mod.rs"),
        include_str!("../domain.rs"),
        include_str!("../inlining.rs"),
        include_str!("../sharing.rs"),
        include_str!("../stable.rs"),
        include_str!("../../equations/domain.rs"),
    ];
    let mut missing: BTreeSet<&str> = sources.into_iter().flat_map(crate::equations::tests::rules::rules_in).collect();
    for seed in 0..300 {
        let fired = random::rules_fired(seed);
        missing.retain(|rule| !fired.contains(rule));
    }
    assert_eq!(missing, BTreeSet::new());
}

/// `layers` residual layers, each with a linear map, a bias and a tanh, and the squared error.
fn residual(layers: usize) -> String {
    let mut text = "x[batch, 8]\n t[batch, 8]\n h0[n: batch, i: 8] = x[n, i]\n".to_string();
    for layer in 1..=layers {
        let before = layer - 1;
        text += &format!(
            "w{layer}[8, 8]
            b{layer}[8]
            s{layer}[n: batch, o: 8] = sum(i: 8) h{before}[n, i] * w{layer}[i, o]
            z{layer}[n: batch, o: 8] = s{layer}[n, o] + b{layer}[o]
            a{layer}[n: batch, o: 8] = tanh(z{layer}[n, o])
            h{layer}[n: batch, o: 8] = h{before}[n, o] + a{layer}[n, o]\n"
        );
    }
    text + &format!(
        "e[n: batch, o: 8] = (h{layers}[n, o] - t[n, o])^2
        loss = sum(n: batch, o: 8) e[n, o] / (8 * batch)"
    )
}

/// Steps of simplification, counted and not timed: how often an equation was looked at.
#[test]
fn work_is_linear_in_the_number_of_layers() {
    let steps = |layers: usize| {
        let mut equations = read(&residual(layers));
        let loss = named(&equations, &["loss"])[0];
        let by: Vec<Name> = (1..=layers).map(|layer| equations.pool.find_name(&format!("w{layer}")).unwrap()).collect();
        equations = stabilise(equations, &[loss]);
        let gradients = derive(&mut equations, loss, &by);
        let keep = [vec![loss], gradients].concat();
        let mut work = Work::new(equations, &keep);
        let mut steps = 0;
        loop {
            while let Some((_, name)) = work.dirty.pop_first() {
                steps += 1;
                work.step(name);
            }
            if !work.number_values() {
                return (steps, work.equations.tensors.len());
            }
        }
    };
    let ((few, small), (many, large)) = (steps(24), steps(48));
    assert!(many <= 2 * few + 20, "{few} steps for 24 layers, {many} for 48");
    assert!(large <= 2 * small, "{small} tensors for 24 layers, {large} for 48");
}
