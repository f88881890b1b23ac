//! Recurrences as equations, and what is said of those that are none.

use super::{model, read, show};
use crate::elaborate::Settings;
use crate::equations::print::print;

#[track_caller]
fn refused(text: &str) -> String {
    match read(text, &Settings::default()) {
        Ok(_) => panic!("nothing is refused"),
        Err((problems, sources)) => show(&problems, &sources),
    }
}

#[test]
fn axes_are_found_in_rounds() {
    let model = model(
        "layer lstm(n)(x[T, m]) -> (h, c) {
            param w[m, 4, n] = 0, u[n, 4, n] = 0, b[4, n] = 0;
            z[t, g, j] = sum(i) x[t, i] * w[i, g, j] + b[g, j] + sum(k) (h[t - 1, k] or 0) * u[k, g, j];
            c[t, j] = sigmoid(z[t, 1, j]) * (c[t - 1, j] or 0) + sigmoid(z[t, 0, j]) * tanh(z[t, 2, j]);
            h[t, j] = sigmoid(z[t, 3, j]) * tanh(c[t, j]);
        }
        model M(x[T, 3]) -> y { y = x -> lstm(2); target t[T, 2]; loss = mse(y, t); }",
    );
    insta::assert_snapshot!(print(&model.training.equations), @r"
    input x[batch, T, 3]
    target t[batch, T, 2]
    param lstm1.w[3, 4, 2]
    param lstm1.u[2, 4, 2]
    param lstm1.b[4, 2]
    lstm1.z[n, t, g, j] = sum(i) x[n, t, i] * lstm1.w[i, g, j] + sum(k) if t >= 1 { lstm1.u[k, g, j] * lstm1.h[n, t - 1, k] } else { 0 } + lstm1.b[g, j]
    lstm1.c[n, t, j] = tanh(lstm1.z[n, t, 2, j]) * sigmoid(lstm1.z[n, t, 0, j]) + if t >= 1 { lstm1.c[n, t - 1, j] * sigmoid(lstm1.z[n, t, 1, j]) } else { 0 }
    lstm1.h[n, t, j] = tanh(lstm1.c[n, t, j]) * sigmoid(lstm1.z[n, t, 3, j])
    mse1.l[n] = (sum(s1, s2) (lstm1.h[n, s1, s2] - t[n, s1, s2])^2) / (2 * T)
    loss = (sum(n) mse1.l[n]) / max(batch, 1)
    ");
}

#[test]
fn a_cell_in_a_circle() {
    let model = model(
        "layer cell(n)(x[m], h[n]) -> y { param w[m, n] = 0, u[n, n] = 0; y[j] = tanh(sum(i) x[i] * w[i, j] + sum(k) h[k] * u[k, j]); }
        model M(x[5, 3]) -> h { prev[t: 5, j: 2] = h[t - 1, j] or 0; h = (x, prev) -> cell(2); target t[5, 2]; loss = mse(h, t); }",
    );
    insta::assert_snapshot!(print(&model.training.equations), @r"
    input x[batch, 5, 3]
    target t[batch, 5, 2]
    param cell1.w[3, 2]
    param cell1.u[2, 2]
    prev[n, t: 5, j] = if t >= 1 { cell1.y[n, t - 1, j] } else { 0 }
    cell1.y[n, f1, j] = tanh(sum(i) x[n, f1, i] * cell1.w[i, j] + sum(k) prev[n, f1, k] * cell1.u[k, j])
    mse1.l[n] = (sum(s1, s2) (cell1.y[n, s1, s2] - t[n, s1, s2])^2) / 10
    loss = (sum(n) mse1.l[n]) / max(batch, 1)
    ");
}

#[test]
fn in_reverse_with_integers_and_two_axes() {
    let model = model(
        "model M(x[4, 5]) -> (a, b, c) {
            a[t, s] = max((a[t - 1, s] or 0), (a[t - 1, s - 1] or 0)) + x[t, s];
            b[t, s] = (b[t + 2, s] or 0) * x[t, s];
            c[t] = x[t, k[t]];
            k[t: 4]: index(5) = if t > 0 { (k[t - 1] + 1) % 5 } else { 0 };
            unbatched; loss = mean(a);
        }",
    );
    insta::assert_snapshot!(print(&model.training.equations), @r"
    input x[4, 5]
    a[t, s] = x[t, s] + max(if t >= 1 { a[t - 1, s] } else { 0 }, if t >= 1 && s >= 1 { a[t - 1, s - 1] } else { 0 })
    b[t, s] = if t < 2 { x[t, s] * b[t + 2, s] } else { 0 }
    k[t: 4]: index(5) = if t >= 1 { real((k[t - 1] + 1) % 5) } else { 0 }
    c[t] = x[t, k[t]]
    loss.each = (sum(i, j) a[i, j]) / 20
    ");
}

#[test]
fn a_choice_around_a_reduction_keeps_it_in_range() {
    let model = model(
        "layer scaled(x) -> y { param w = 1; y = x * w; }
        model M(x[4, 3]) -> (y, z) {
            y[t: 4] = if t > 0 { max(j) x[t - 1, j] } else { 0 };
            z[t: 4, j: 3] = if t > 0 { scaled(x[t - 1, j]) } else { 0 };
            unbatched; loss = sum(y) + sum(z);
        }",
    );
    insta::assert_snapshot!(print(&model.training.equations), @r"
    input x[4, 3]
    param scaled1.w
    y[t] = if t >= 1 { max(j where t >= 1) x[t - 1, j] } else { 0 }
    z.input[t: 4, j] = if t >= 1 { x[t - 1, j] } else { 0 }
    scaled1.y[t, j] = z.input[t, j] * scaled1.w
    z[t, j] = if t >= 1 { scaled1.y[t, j] } else { 0 }
    loss.each = sum(i) y[i] + sum(i, j) z[i, j]
    ");
}

#[test]
fn without_time() {
    let texts = [
        "model M(x[4]) -> y { y[i] = y[i] + x[i]; }",
        "model M(x[4]) -> y { y[i] = (y[i - 1] or 0) + (y[i + 1] or 0) + x[i]; }",
        "model M(x[4]) -> y { y[i] = (y[3 - i] or 0) + x[i]; }",
        "model M(x[4]) -> y { a[i] = x[i] + b[i]; b[i] = 2 * a[i]; y = a; }",
        "model M(x[4]) -> y { a = x + b; b = 2 * a; y = a; }",
        "model M(x[4]) -> y { y[i] = y[i - 1] or 0; }",
        "model M(x[4]) -> y { y[t: 4, j: 2] = sum(s: 4) y[s, j]; }",
        "model M(x[4]) -> y { y[t: 4] = if t > 0 { y[t - 1, 0] } else { x[0] }; }",
        "model M(x[4]) -> y { y[t: 4] = y[t - 1]; }",
        "model M(x[3, 4]) -> y { y[i, j] = (y[i - 1, j] or 0) + (y[i, j - 1] or 0) + x[i, j]; }",
    ];
    let said: Vec<String> = texts.iter().map(|text| format!("{text}\n{}", refused(text))).collect();
    insta::assert_snapshot!(said.join("\n"), @r"
    model M(x[4]) -> y { y[i] = y[i] + x[i]; }
    error[NN0701]: no time axis: `y` reads itself at the same element
      `y`: a recurrence
      `y[i]`: the same element
      note: Along one axis all reads of a recurrence must be earlier, or all later; others may be at the same element, if not in a circle.
      help: read an element before the one that is defined: `h[t - 1, j] or 0`

    model M(x[4]) -> y { y[i] = (y[i - 1] or 0) + (y[i + 1] or 0) + x[i]; }
    error[NN0701]: no time axis: `y` reads itself at earlier and at later elements
      `y`: a recurrence
      `y[i - 1]`: earlier
      `y[i + 1]`: later
      note: Along one axis all reads of a recurrence must be earlier, or all later; others may be at the same element, if not in a circle.
      help: read an element before the one that is defined: `h[t - 1, j] or 0`

    model M(x[4]) -> y { y[i] = (y[3 - i] or 0) + x[i]; }
    error[NN0701]: no time axis: `y` reads itself at no constant distance
      `y`: a recurrence
      `y[3 - i]`: not at `t` plus a constant
      note: Along one axis all reads of a recurrence must be earlier, or all later; others may be at the same element, if not in a circle.
      help: read an element before the one that is defined: `h[t - 1, j] or 0`

    model M(x[4]) -> y { a[i] = x[i] + b[i]; b[i] = 2 * a[i]; y = a; }
    error[NN0701]: no time axis: `a` and `b` read each other at the same element
      `a`: a recurrence
      `b[i]`: the same element
      `a[i]`: the same element
      note: Along one axis all reads of a recurrence must be earlier, or all later; others may be at the same element, if not in a circle.
      help: read an element before the one that is defined: `h[t - 1, j] or 0`

    model M(x[4]) -> y { a = x + b; b = 2 * a; y = a; }
    error[NN0701]: `a` and `b` need each other, and nothing tells their axes
      `a`: defined by its own elements
      `b`: and this
      note: A recurrence is an equation that reads earlier elements of itself: `h[t - 1, j] or 0`.
      help: write the axes of one of them, with their ranges: `a[t: T, j: n] = …`

    model M(x[4]) -> y { y[i] = y[i - 1] or 0; }
    error[NN0701]: `y` needs itself, and nothing tells its axes
      `y`: defined by its own elements
      note: A recurrence is an equation that reads earlier elements of itself: `h[t - 1, j] or 0`.
      help: write the axes of one of them, with their ranges: `y[t: T, j: n] = …`

    model M(x[4]) -> y { y[t: 4, j: 2] = sum(s: 4) y[s, j]; }
    error[NN0701]: no time axis: `y` reads itself at no constant distance
      `y`: a recurrence
      `y[s, j]`: not at `t` plus a constant
      note: Along one axis all reads of a recurrence must be earlier, or all later; others may be at the same element, if not in a circle.
      help: read an element before the one that is defined: `h[t - 1, j] or 0`

    model M(x[4]) -> y { y[t: 4] = if t > 0 { y[t - 1, 0] } else { x[0] }; }
    error[NN0309]: `y` has 1 axis but is read with 2 indices
      `y[t - 1, 0]`: its shape is [4]
      `y`: defined here
      help: write `y[t - 1]`

    model M(x[4]) -> y { y[t: 4] = y[t - 1]; }
    error[NN0301]: index `t - 1` of `y` can go below 0
      `t - 1`: it runs from -1 to 2; axis 1 of `y` has 4 elements
      help: guard it: `if 0 <= index && index < size { … }`, or a `where` of the reduction
      help: or give the value outside of the tensor -> `(y[t - 1] or 0)`

    model M(x[3, 4]) -> y { y[i, j] = (y[i - 1, j] or 0) + (y[i, j - 1] or 0) + x[i, j]; }
    error[NN0701]: no time axis: `y` reads itself at the same element
      `y`: a recurrence
      `y[i, j - 1]`: the same element
      note: Along one axis all reads of a recurrence must be earlier, or all later; others may be at the same element, if not in a circle.
      help: read an element before the one that is defined: `h[t - 1, j] or 0`
    ");
}
