//! What is kept between steps, what is drawn, and what sees the batch.

use super::{model, print, read, show};
use crate::elaborate::Settings;
use crate::model::Model;

/// The equations of training and inference, and what is kept and drawn.
fn text(model: &Model) -> String {
    let pool = &model.training.equations.pool;
    let name = |name| pool.text(name);
    let mut text = format!("{}\n", print(&model.training.equations));
    for &(state, next) in &model.training.updates {
        text.push_str(&format!("{} <- {}\n", name(state), name(next)));
    }
    for random in &model.training.random {
        text.push_str(&format!("{:?} {} for {}\n", random.draw, name(random.tensor), random.name));
    }
    text.push_str(&format!("inference\n{}", print(&model.inference.equations)));
    text
}

/// What is said otherwise than by this code at this place.
fn refused(text: &str, code: &str, place: &str) -> String {
    let Err((problems, sources)) = read(text, &Settings::default()) else { return format!("{text} is accepted\n") };
    let span = problems[0].labels[0].span;
    let found = sources.0.get(span.source as usize).and_then(|source| source.text.get(span.range())).unwrap_or("?");
    if (problems[0].code, found) == (code, place) { String::new() } else { format!("{text}\n{}", show(&problems, &sources)) }
}

#[test]
fn moving_average() {
    let model = model(
        "layer moving(keep)(x[batch, n]) -> y {
            state s[n] = 0;
            if train {
                m[i] = mean(b) x[b, i];
                s[i] <- keep * s[i] + (1 - keep) * m[i];
                y[b, i] = x[b, i] - m[i];
            } else {
                y[b, i] = x[b, i] - s[i];
            }
        }
        model M(x[3]) -> y { y = x -> moving(0.9); loss = sum(y); }",
    );
    insta::assert_snapshot!(text(&model), @"
    input x[batch, 3]
    state moving1.s[3]
    moving1.m[i] = (sum(b) x[b, i]) / max(batch, 1)
    moving1.y[b, i] = x[b, i] - moving1.m[i]
    moving1.s.next[i] = 0.9 * moving1.s[i] + 0.09999999999999998 * moving1.m[i]
    loss.each[n] = sum(i) moving1.y[n, i]
    loss = (sum(n) loss.each[n]) / max(batch, 1)

    moving1.s <- moving1.s.next
    inference
    input x[batch, 3]
    state moving1.s[3]
    moving1.y[b, i] = x[b, i] - moving1.s[i]
    loss.each[n] = sum(i) moving1.y[n, i]
    loss = (sum(n) loss.each[n]) / max(batch, 1)
    ");
}

#[test]
fn a_stage_twice_continues_from_the_first() {
    let model = model(
        "layer count(x[batch, n]) -> y { state s = 1; s <- 2 * s; y[b, i] = s * x[b, i]; }
        model M(x[3]) -> y { a = x -> c: count; y = a -> c -> c(train = false); loss = sum(y) + c.s; }",
    );
    insta::assert_snapshot!(text(&model), @"
    input x[batch, 3]
    state c.s
    c.y[b, i] = x[b, i] * c.s
    c.s.next = 2 * c.s
    c.s_2 = stop(c.s.next)
    c.y_2[b, i] = c.y[b, i] * c.s_2
    c.s.next_2 = 2 * c.s_2
    c.s_3 = stop(c.s.next_2)
    c.y_3[b, i] = c.y_2[b, i] * c.s_3
    c.s.next_3 = 2 * c.s_3
    loss.each[n] = sum(i) c.y_3[n, i] + c.s
    loss = (sum(n) loss.each[n]) / max(batch, 1)

    c.s <- c.s.next_3
    inference
    input x[batch, 3]
    state c.s
    c.y[b, i] = x[b, i] * c.s
    c.s.next = 2 * c.s
    c.s_2 = stop(c.s.next)
    c.y_2[b, i] = c.y[b, i] * c.s_2
    c.s.next_2 = 2 * c.s_2
    c.s_3 = stop(c.s.next_2)
    c.y_3[b, i] = c.y_2[b, i] * c.s_3
    c.s.next_3 = 2 * c.s_3
    loss.each[n] = sum(i) c.y_3[n, i] + c.s
    loss = (sum(n) loss.each[n]) / max(batch, 1)
    ");
}

#[test]
fn draws_are_for_each_sample_and_lifted_element() {
    let model = model(
        "layer drop(p)(x) -> y { if train { random u = uniform(0, 1); y = if u < p { 0 } else { x / (1 - p) }; } else { y = x; } }
        model M(x[3, 2]) -> y {
            a = x -> d: drop(0.5) -> d;
            if train { random e[2] = normal(1, 2) + normal(0, 1); y[i, j] = a[i, j] * e[j]; } else { y = a; }
            loss = sum(y);
        }",
    );
    insta::assert_snapshot!(text(&model), @"
    input x[batch, 3, 2]
    random e.draw1[batch, 2]
    random e.draw2[batch, 2]
    random d.u.draw1[batch, 3, 2]
    random d.u.draw1_2[batch, 3, 2]
    e[n, i] = 2 * e.draw1[n, i] + e.draw2[n, i] + 1
    d.u[n, f1, f2] = d.u.draw1[n, f1, f2]
    d.y[n, f1, f2] = if d.u[n, f1, f2] < 0.5 { 0 } else { 2 * x[n, f1, f2] }
    d.u_2[n, f1, f2] = d.u.draw1_2[n, f1, f2]
    d.y_2[n, f1, f2] = if d.u_2[n, f1, f2] < 0.5 { 0 } else { 2 * d.y[n, f1, f2] }
    y[n, i, j] = e[n, j] * d.y_2[n, i, j]
    loss.each[n] = sum(i, j) y[n, i, j]
    loss = (sum(n) loss.each[n]) / max(batch, 1)

    Normal e.draw1 for e
    Normal e.draw2 for e
    Uniform d.u.draw1 for d.u
    Uniform d.u.draw1_2 for d.u
    inference
    input x[batch, 3, 2]
    loss.each[n] = sum(i, j) x[n, i, j]
    loss = (sum(n) loss.each[n]) / max(batch, 1)
    ");
}

#[test]
fn models_that_see_the_batch() {
    let model = model(
        "model Gcn(x[batch, N, 4], adj[N, N]) -> y {
            target t[batch, N]: index(3);
            h[b, i, k] = sum(j) adj[i, j] * x[b, j, k];
            y = h -> linear(3) -> softmax;
            loss = cross_entropy(y, t);
        }",
    );
    let ports: Vec<_> = model.interface.inputs.iter().chain(&model.interface.targets).chain(&model.interface.outputs).collect();
    let batched: Vec<_> = ports.iter().map(|port| (port.name.as_str(), port.batched, port.axes.len())).collect();
    assert_eq!(batched, [("x", true, 3), ("adj", false, 2), ("t", true, 2), ("y", true, 3)]);
    assert!(model.interface.batched && model.interface.sizes == ["N"]);
    insta::assert_snapshot!(text(&model).split("inference").next().unwrap_or_default(), @"
    input x[batch, N, 4]
    input adj[N, N]
    target t[batch, N]: index(3)
    param linear1.w[4, 3]
    param linear1.b[3]
    h[b, i, k] = sum(j) x[b, j, k] * adj[i, j]
    linear1.y[b, i, o] = sum(i2) h[b, i, i2] * linear1.w[i2, o] + linear1.b[o]
    softmax1.y.lse[b, i] = lse(j) linear1.y[b, i, j]
    softmax1.y[b, n, i] = exp(linear1.y[b, n, i] - softmax1.y.lse[b, n])
    cross_entropy1.l[b, n] = -log(softmax1.y[b, n, t[b, n]])
    loss = (sum(b, n) cross_entropy1.l[b, n]) / max(batch * N, 1)
    ");
}

#[test]
fn values_of_the_batch() {
    let model = model(
        "model M(x[3], w[3]) -> (y, g) {
            target t;
            y[i] = x[i] * w[i];
            s = sum(y);
            g = gram(y);
            loss = total(s -> square) + mse(s, t);
            metric m = total(1);
        }
        layer total(l[batch]) -> s { s = sum(b) l[b]; }
        layer gram(x[batch, n]) -> g { g[b, c] = sum(i) x[b, i] * x[c, i]; }",
    );
    insta::assert_snapshot!(text(&model).split("inference").next().unwrap_or_default(), @"
    input x[batch, 3]
    input w[batch, 3]
    target t[batch]
    y[n, i] = x[n, i] * w[n, i]
    s[n] = sum(i) y[n, i]
    gram1.g[b, c] = sum(i) y[b, i] * y[c, i]
    square1[n] = s[n]^2
    total1.s = sum(b) square1[b]
    mse1.l[n] = sum() (s[n] - t[n])^2
    loss.each[n] = mse1.l[n] + total1.s
    loss = (sum(n) loss.each[n]) / max(batch, 1)
    metric.m.input = 1
    total2.l[b: batch] = metric.m.input
    total2.s = sum(b) total2.l[b]
    ");
}

#[test]
fn refusals() {
    let mut wrong = String::new();
    for (text, code, place) in [
        // the batch
        ("model M(x[4, batch]) -> y { y = x; }", "NN0704", "batch"),
        ("model M(x[batch, 4]) -> y { unbatched; y = x; }", "NN0704", "x[batch, 4]"),
        ("layer c(x[n, batch]) -> y { y = x; } model M(x[4]) -> y { y = x -> c; }", "NN0704", "batch"),
        ("layer c(x[batch, n]) -> y { y = x; } model M(x[5, 4]) -> y { y = x -> c; }", "NN0704", "c"),
        ("layer c(x[batch]) -> y { y = x; } model M(x[4]) -> y { y[i] = c(x[i]); }", "NN0704", "c(x[i])"),
        ("layer c(x[batch, n], w[n]) -> y { y = x; } model M(x[4]) -> y { y = (x, x) -> c; }", "NN0704", "c"),
        (
            "layer l(x[n]) -> y { y[i] = c(x[i]); } layer c(x[batch]) -> y { y = x; } model M(x[4]) -> y { y = x -> l; }",
            "NN0704",
            "c(x[i])",
        ),
        ("layer c(x[batch, n]) -> y { param w[batch] = 0; y = x; } model M(x[4]) -> y { y = x -> c; }", "NN0210", "batch"),
        ("layer c(x[batch, n]) -> y { y[i] = x[0, i]; } model M(x[4]) -> y { y = x -> c; }", "NN0301", "0"),
        ("model M(x[4]) -> y { y[i] = batch * x[i]; }", "NN0704", "batch"),
        ("model M = c -> linear(3); layer c(x[batch, n]) -> y { y = x; }", "NN0212", "c"),
        // states
        ("model M(x[4]) -> y { state s[4] = 0; s <- x; y = x; }", "NN0703", "x"),
        ("model M(x[4]) -> y { state s = 0; s <- mean(x); y = x; }", "NN0703", "mean(x)"),
        ("layer c(w) -> y { state s = 0; s <- w; y = s; } model M(x[4]) -> y { param w[4] = 0; y[i] = x[i] * c(w[i]); }", "NN0703", "w"),
        ("model M(x[4]) -> y { state s = 0; s <- 1; s <- 2; y = x; }", "NN0610", "s <- 2;"),
        ("model M(x[4]) -> y { z = 3; z <- 1; y = x; }", "NN0610", "z"),
        ("model M(x[4]) -> y { param p = 3; p <- 1; y = x; }", "NN0610", "p"),
        ("model M(x[4]) -> y { state mean = 0; maen <- 1; y = x; }", "NN0610", "maen"),
        ("model M(x[4]) -> y { state s[4] = 0; s <- 1; y = x; }", "NN0202", "1"),
        ("model M(x[4]) -> y { state s[4]; y = x; }", "NN0603", "s[4]"),
        ("model M(x[T, 4]) -> y { state s[T] = 0; y = x; }", "NN0210", "T"),
        ("model M(x[4]) -> y { state s: prob = 0; y = x; }", "NN0406", "prob"),
        ("model M(x[4]) -> y { if train { y = x; } else { state s = 0; y = x * s; } }", "NN0614", "s"),
        ("model M(x[4]) -> y { if train { y = x; } else { param s = 0; y = x * s; } }", "NN0614", "s"),
        ("model M(x[4]) -> y { state a_b = 0; y = x -> a: l; } layer l(x[n]) -> y { state b = 0; y = x; }", "NN0114", "b"),
        // draws
        ("model M(x[4]) -> y { random r = uniform(0, 1); y = x * r; }", "NN0702", "r"),
        (
            "model M(x[4]) -> y { y = x; loss = noise(y); } layer noise(x[n]) -> l { random r = normal(0, 1); l = r * sum(x); }",
            "NN0702",
            "r",
        ),
        ("model M(x[4]) -> y { random r = 0; y = x * r; }", "NN0603", "0"),
        ("model M(x[4]) -> y { random r; y = x * r; }", "NN0603", "r"),
        ("model M(x[4]) -> y { param w = sum(k: 12) uniform(0, 1); y = x * w; }", "NN0604", "uniform(0, 1)"),
        (
            "model M(x[4]) -> y { y = x -> linear(1); optimizer = o(); } optimizer o(p, g) { random r = uniform(0, 1); p <- p - r * g; }",
            "NN0606",
            "r",
        ),
        ("model M(x[4]) -> y { param w[4] = orthogonal(); y = x * w; }", "NN0604", "orthogonal()"),
        ("model M(x[4]) -> y { state w[4, 4] = orthogonal(); y = x; }", "NN0604", "orthogonal()"),
        ("model M(x[4]) -> y { param w[4, 4] = orthogonal() + orthogonal(); y = x; }", "NN0604", "orthogonal()"),
        ("model M(x[4]) -> y { param w[4, 4] = orthogonal(1.5); y = x; }", "NN0501", "orthogonal(1.5)"),
        ("model M(x[4]) -> y { y = x * orthogonal(); }", "NN0604", "orthogonal()"),
    ] {
        wrong += &refused(text, code, place);
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn two_calls_that_draw_are_two_draws() {
    let model = model("fn noise(s) = s * uniform(-1, 1); model M(x[4]) -> y { param w[4] = noise(2) + noise(2); y = x * w; }");
    assert_eq!(model.interface.parameters[0].draws.len(), 2);
}

#[test]
fn a_draw_that_only_a_derivative_reaches_is_kept() {
    let model = model(
        "model M(x[4]) -> y { y = x -> linear(1); loss = mean(y^2) + penalty(x); }
         layer penalty(x[n]) -> l {
             if train { random e[n] = normal(0, 1); z = e * x^2; l = mean(grad(z, x)^2); } else { l = 0; }
         }",
    );
    let drawn: Vec<&str> = model.training.random.iter().map(|random| random.name.as_str()).collect();
    assert_eq!((drawn, model.inference.random.len()), (vec!["penalty1.e"], 0));
}
