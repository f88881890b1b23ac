//! What is left of whole models.

use super::*;

const DENSE: &str = "
    x[batch, 5]
    w[5, 4]
    b[4]
    u[4, 3]
    c[3]
    s[n: batch, o: 4] = sum(i: 5) x[n, i] * w[i, o]
    h[n: batch, o: 4] = s[n, o] + b[o]
    r[n: batch, o: 4] = max(h[n, o], 0)
    q[n: batch, k: 3] = sum(i: 4) r[n, i] * u[i, k]
    z[n: batch, k: 3] = q[n, k] + c[k]
";

#[test]
fn cross_entropy_over_softmax() {
    let text = format!(
        "{DENSE}
        t[batch]: int 3
        a[n: batch] = lse(j: 3) z[n, j]
        p[n: batch, i: 3] = exp(z[n, i] - a[n])
        l[n: batch] = -log(p[n, t[n]])
        loss = sum(n: batch) l[n] / batch"
    );
    insta::assert_snapshot!(check_gradients(&text, &["p"], &["w", "b", "u", "c", "x"]), @r"
    r[n, o] = max(sum(i) x[n, i] * w[i, o] + b[o], 0)
    z[n, k] = sum(i) u[i, k] * r[n, i] + c[k]
    a[n] = lse(j) z[n, j]
    p[n, i] = exp(z[n, i] - a[n])
    loss = sum(n) (a[n] - z[n, t[n]]) / batch
    d_z[n, k] = p[n, k] / batch - if k == t[n] { 1 / batch } else { 0 }
    d_h[n, o] = if r[n, o] <= 0 { 0 } else { sum(k) u[o, k] * d_z[n, k] }
    d_c[k] = sum(n) d_z[n, k]
    d_u[i, k] = sum(n) r[n, i] * d_z[n, k]
    d_b[o] = sum(n) d_h[n, o]
    d_w[i, o] = sum(n) x[n, i] * d_h[n, o]
    d_x[n, i] = sum(o) w[i, o] * d_h[n, o]
    ");
    insta::assert_snapshot!(check_gradients(&text, &[], &["u"]), @r"
    r[n, o] = max(sum(i) x[n, i] * w[i, o] + b[o], 0)
    z[n, k] = sum(i) u[i, k] * r[n, i] + c[k]
    a[n] = lse(j) z[n, j]
    loss = sum(n) (a[n] - z[n, t[n]]) / batch
    d_q[n, k] = exp(z[n, k] - a[n]) / batch - if k == t[n] { 1 / batch } else { 0 }
    d_u[i, k] = sum(n) r[n, i] * d_q[n, k]
    ");
}

#[test]
fn binary_cross_entropy_over_sigmoid() {
    let text = format!(
        "{DENSE}
        t[batch, 3]
        p[n: batch, k: 3] = sigmoid(z[n, k])
        l[n: batch, k: 3] = -(t[n, k] * log(p[n, k]) + (1 - t[n, k]) * log(1 - p[n, k]))
        loss = sum(n: batch, k: 3) l[n, k] / (3 * batch)"
    );
    insta::assert_snapshot!(check_gradients(&text, &["p"], &["c"]), @r"
    r[n, o] = max(sum(i) x[n, i] * w[i, o] + b[o], 0)
    z[n, k] = sum(i) u[i, k] * r[n, i] + c[k]
    p[n, k] = sigmoid(z[n, k])
    loss = (sum(n, k) (t[n, k] * softplus(-z[n, k]) + softplus(z[n, k]) * (1 - t[n, k])) / batch) / 3
    d_c[k] = sum(n) (p[n, k] * (1 - t[n, k]) / (3 * batch) - t[n, k] * sigmoid(-z[n, k]) / (3 * batch))
    ");
}

#[test]
fn a_loss_on_the_flattened_probabilities() {
    let text = "
        z[batch, 2, 3]
        t[batch]: int 6
        f[n: batch, i: 6] = z[n, i / 3, i % 3]
        a[n: batch] = lse(j: 6) f[n, j]
        p[n: batch, i: 6] = exp(f[n, i] - a[n])
        y[n: batch, i: 2, j: 3] = p[n, 3 * i + j]
        v[n: batch, i: 6] = y[n, i / 3, i % 3]
        loss = sum(n: batch) -log(v[n, t[n]]) / batch";
    insta::assert_snapshot!(check_gradients(text, &["y"], &["z"]), @r"
    f[n, i: 6] = z[n, i / 3, i % 3]
    a[n] = lse(j) f[n, j]
    p[n, i] = exp(f[n, i] - a[n])
    y[n, i: 2, j: 3] = p[n, 3 * i + j]
    loss = -sum(n) (f[n, t[n]] - a[n]) / batch
    d_f[n, i] = p[n, i] / batch - if i == t[n] { 1 / batch } else { 0 }
    d_z[n, i: 2, j: 3] = d_f[n, 3 * i + j]
    ");
}

#[test]
fn residual_layers_and_a_squared_error() {
    let text = "
        x[batch, 4]
        w[4, 4]
        b[4]
        t[batch, 4]
        s[n: batch, o: 4] = sum(i: 4) x[n, i] * w[i, o]
        z[n: batch, o: 4] = s[n, o] + b[o]
        g[n: batch, o: 4] = z[n, o] * sigmoid(z[n, o])
        y[n: batch, o: 4] = x[n, o] + g[n, o]
        d[n: batch, o: 4] = y[n, o] - t[n, o]
        e[n: batch, o: 4] = d[n, o]^2
        loss = sum(n: batch, o: 4) e[n, o] / (4 * batch)";
    insta::assert_snapshot!(check_gradients(text, &["y"], &["w", "b"]), @r"
    z[n, o] = sum(i) x[n, i] * w[i, o] + b[o]
    y[n, o] = x[n, o] + z[n, o] * sigmoid(z[n, o])
    loss = (sum(n, o) (y[n, o] - t[n, o])^2 / batch) / 4
    d_z[n, o] = 0.5 * z[n, o] * sigmoid(z[n, o]) * (y[n, o] - t[n, o]) * (1 - sigmoid(z[n, o])) / batch + 0.5 * sigmoid(z[n, o]) * (y[n, o] - t[n, o]) / batch
    d_b[o] = sum(n) d_z[n, o]
    d_w[i, o] = sum(n) x[n, i] * d_z[n, o]
    ");
}

#[test]
fn layer_norm() {
    let text = "
        x[batch, 6]
        gain[6]
        bias[6]
        t[batch, 6]
        mu[n: batch] = sum(i: 6) x[n, i] / 6
        c[n: batch, i: 6] = x[n, i] - mu[n]
        v[n: batch] = sum(i: 6) c[n, i]^2 / 6
        r[n: batch] = 1 / sqrt(v[n] + 0.00001)
        y[n: batch, i: 6] = c[n, i] * r[n] * gain[i] + bias[i]
        loss = sum(n: batch, i: 6) y[n, i] * t[n, i]";
    insta::assert_snapshot!(check_gradients(text, &["y"], &["x", "gain", "bias"]), @r"
    mu[n] = (sum(i) x[n, i]) / 6
    r[n] = 1 / sqrt((sum(i) (x[n, i] - mu[n])^2) / 6 + 1e-5)
    y[n, i] = gain[i] * r[n] * (x[n, i] - mu[n]) + bias[i]
    loss = sum(n, i) t[n, i] * y[n, i]
    d_v_sum[n] = -(sum(i) gain[i] * t[n, i] * (x[n, i] - mu[n])) * r[n]^3 / 12
    d_c[n, i] = 2 * d_v_sum[n] * (x[n, i] - mu[n]) + gain[i] * t[n, i] * r[n]
    d_mu_sum[n] = -(sum(i) d_c[n, i]) / 6
    d_bias[i] = sum(n) t[n, i]
    d_gain[i] = sum(n) t[n, i] * r[n] * (x[n, i] - mu[n])
    d_x[n, i] = d_c[n, i] + d_mu_sum[n]
    ");
}

#[test]
fn attention() {
    let text = "
        x[batch, T, 4]
        wq[4, 2, 3]
        wk[4, 2, 3]
        wv[4, 2, 3]
        wo[2, 3, 4]
        q[n: batch, t: T, h: 2, d: 3] = sum(i: 4) x[n, t, i] * wq[i, h, d]
        k[n: batch, t: T, h: 2, d: 3] = sum(i: 4) x[n, t, i] * wk[i, h, d]
        v[n: batch, t: T, h: 2, d: 3] = sum(i: 4) x[n, t, i] * wv[i, h, d]
        s[n: batch, h: 2, t: T, u: T] = sum(d: 3) q[n, t, h, d] * k[n, u, h, d]
        c[n: batch, h: 2, t: T, u: T] = s[n, h, t, u] * 0.5
        l[n: batch, h: 2, t: T] = lse(u: T) c[n, h, t, u]
        p[n: batch, h: 2, t: T, u: T] = exp(c[n, h, t, u] - l[n, h, t])
        o[n: batch, t: T, h: 2, d: 3] = sum(u: T) p[n, h, t, u] * v[n, u, h, d]
        y[n: batch, t: T, i: 4] = sum(h: 2, d: 3) o[n, t, h, d] * wo[h, d, i]
        loss = sum(n: batch, t: T, i: 4) y[n, t, i]^2";
    insta::assert_snapshot!(check_gradients(text, &["y"], &["wq", "wv"]), @r"
    q[n, t, h, d] = sum(i) x[n, t, i] * wq[i, h, d]
    k[n, t, h, d] = sum(i) x[n, t, i] * wk[i, h, d]
    v[n, t, h, d] = sum(i) x[n, t, i] * wv[i, h, d]
    c[n, h, t, u] = 0.5 * sum(d) q[n, t, h, d] * k[n, u, h, d]
    l[n, h, t] = lse(u) c[n, h, t, u]
    p[n, h, t, u] = exp(c[n, h, t, u] - l[n, h, t])
    o[n, t, h, d] = sum(u) v[n, u, h, d] * p[n, h, t, u]
    y[n, t, i] = sum(h, d) wo[h, d, i] * o[n, t, h, d]
    loss = sum(n, t, i) y[n, t, i]^2
    d_o_sum[n, t, h, d] = sum(i) wo[h, d, i] * y[n, t, i]
    d_p[n, h, t, u] = 2 * sum(d) v[n, u, h, d] * d_o_sum[n, t, h, d]
    d_l[n, h, t] = -sum(u) p[n, h, t, u] * d_p[n, h, t, u]
    d_s[n, h, t, u] = 0.5 * (p[n, h, t, u] * d_p[n, h, t, u] + p[n, h, t, u] * d_l[n, h, t])
    d_q[n, t, h, d] = sum(u) k[n, u, h, d] * d_s[n, h, t, u]
    d_v_sum[n, t, h, d] = sum(t2) p[n, h, t2, t] * d_o_sum[n, t2, h, d]
    d_wv[i, h, d] = 2 * sum(n, t) x[n, t, i] * d_v_sum[n, t, h, d]
    d_wq[i, h, d] = sum(n, t) x[n, t, i] * d_q[n, t, h, d]
    ");
}

#[test]
fn a_convolution_with_relu_and_pooling() {
    let text = "
        x[batch, 2, 6, 6]
        w[3, 2, 3, 3]
        b[3]
        s[n: batch, o: 3, i: 6, j: 6] = sum(c: 2, p: 3, q: 3) (x[n, c, i + p - 1, j + q - 1] or 0) * w[o, c, p, q]
        z[n: batch, o: 3, i: 6, j: 6] = s[n, o, i, j] + b[o]
        r[n: batch, o: 3, i: 6, j: 6] = max(z[n, o, i, j], 0)
        m[n: batch, o: 3, i: 3, j: 3] = max(p: 2, q: 2) r[n, o, 2 * i + p, 2 * j + q]
        f[n: batch, k: 27] = m[n, k / 9, k / 3 % 3, k % 3]
        u[27, 2]
        y[n: batch, k: 2] = sum(i: 27) f[n, i] * u[i, k]
        loss = sum(n: batch, k: 2) y[n, k]^2";
    insta::assert_snapshot!(check_gradients(text, &["y"], &["w", "b", "u"]), @r"
    r[n, o, i, j] = max(sum(c, p, q where 0 <= i + p - 1 < 6 && 0 <= j + q - 1 < 6) x[n, c, i + p - 1, j + q - 1] * w[o, c, p, q] + b[o], 0)
    m[n, o, i: 3, j: 3] = max(p: 2, q: 2) r[n, o, 2 * i + p, 2 * j + q]
    f[n, k: 27] = m[n, k / 9, (k / 3) % 3, k % 3]
    y[n, k] = sum(i) f[n, i] * u[i, k]
    loss = sum(n, k) y[n, k]^2
    d_u[i, k] = 2 * sum(n) f[n, i] * y[n, k]
    d_f[n, k] = 2 * sum(k2) u[k, k2] * y[n, k2]
    argmax_m[n, o, i: 3, j: 3]: index(4) = argmax(p: 2, q: 2) r[n, o, 2 * i + p, 2 * j + q]
    d_z[n, o, i, j] = if r[n, o, i, j] <= 0 { 0 } else { if 2 * (i % 2) + j % 2 == argmax_m[n, o, i / 2, j / 2] { d_f[n, 9 * o + 3 * (i / 2) + j / 2] } else { 0 } }
    d_b[o] = sum(n, i, j) d_z[n, o, i, j]
    d_w[o, c, p: 3, q: 3] = sum(n, i, j where 0 <= p + i - 1 < 6 && 0 <= q + j - 1 < 6) x[n, c, p + i - 1, q + j - 1] * d_z[n, o, i, j]
    ");
}

#[test]
fn a_recurrence() {
    let text = "
        x[batch, T, 3]
        w[3, 4]
        u[4, 4]
        a[n: batch, t: T, j: 4] = sum(i: 3) x[n, t, i] * w[i, j]
        c[n: batch, t: T, j: 4] = sum(k: 4) (h[n, t - 1, k] or 0) * u[k, j]
        z[n: batch, t: T, j: 4] = a[n, t, j] + c[n, t, j]
        h[n: batch, t: T, j: 4] = tanh(z[n, t, j])
        y[n: batch, j: 4] = h[n, T - 1, j]
        loss = sum(n: batch, j: 4) y[n, j]^2";
    insta::assert_snapshot!(check_gradients(text, &["y"], &["w", "u"]), @r"
    h[n, t, j] = tanh(sum(i) x[n, t, i] * w[i, j] + sum(k) if t >= 1 { u[k, j] * h[n, t - 1, k] } else { 0 })
    y[n, j] = h[n, T - 1, j]
    loss = sum(n, j) y[n, j]^2
    d_y[n, j] = 2 * y[n, j]
    d_z[n, t, j] = (sum(j2 where t < T - 1) u[j, j2] * d_z[n, t + 1, j2] + if t + 1 == T { d_y[n, j] } else { 0 }) * (1 - h[n, t, j]^2)
    d_u[k, j] = sum(n, t where t >= 1) h[n, t - 1, k] * d_z[n, t, j]
    d_w[i, j] = sum(n, t) x[n, t, i] * d_z[n, t, j]
    ");
}
