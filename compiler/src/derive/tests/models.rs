//! The kinds of layers there are: their derived equations as text, after a check against central differences.

use super::*;

/// The derived equations as text, without what was there before.
#[track_caller]
fn derived_text(text: &str, sizes: &[(&str, i64)]) -> String {
    let derived = check_sized(text, sizes);
    let before = print(&read(text));
    print(&derived).lines().filter(|line| !before.lines().any(|known| known == *line)).map(|line| format!("{line}\n")).collect()
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
    d_x[n, c, k: 7, l: 8] = sum(o, p: 2, q: 2 where 2 * p + (k + 1) % 2 < 3 && p <= (k + 1) / 2 && 2 * q + (l + 1) % 2 < 3 && 0 <= (l + 1) / 2 - q < 4) w[o, c, 2 * p + (k + 1) % 2, 2 * q + (l + 1) % 2] * d_y[n, o, (k + 1) / 2 - p, (l + 1) / 2 - q]
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
    d_x[n, c, k: 9] = sum(o, p where 0 <= k / 2 - p + 1 < 5 && k % 2 == 0) w[o, c, p] * d_y[n, o, k / 2 - p + 1]
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
    d_x[n, l: 7] = sum(i where 0 <= l - 7 * i / 3 < 3) d_s[n, i]
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
    d_z[n, i] = d_m[n] * exp(z[n, i] - m[n]) - if i == t[n] { d_l[n] } else { 0 }
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

#[test]
fn dilated_convolution() {
    let text = "
        x[batch, 2, 9]
        w[3, 2, 3]
        y[n: batch, o: 3, i: 9] = sum(c: 2, p: 3) (x[n, c, i + 2 * p - 2] or 0) * w[o, c, p]
        loss = sum(n: batch, o: 3, i: 9) y[n, o, i]^2";
    insta::assert_snapshot!(derived_text(text, &[("batch", 2)]), @r"
    d_loss = 1
    d_y[n, o, i] = 2 * y[n, o, i] * d_loss
    d_w[o, c, p: 3] = sum(n, i where 0 <= 2 * p + i - 2 < 9) x[n, c, 2 * p + i - 2] * d_y[n, o, i]
    d_x[n, c, k: 9] = sum(o, p where 0 <= k - 2 * p + 2 < 9) w[o, c, p] * d_y[n, o, k - 2 * p + 2]
    ");
}

#[test]
fn strided_convolution_of_named_length() {
    let text = "
        x[batch, 2, L]
        w[3, 2, 3]
        y[n: batch, o: 3, i: (L + 1) / 2] = sum(c: 2, p: 3) (x[n, c, 2 * i + p - 1] or 0) * w[o, c, p]
        loss = sum(n: batch, o: 3, i: (L + 1) / 2) y[n, o, i]^2";
    insta::assert_snapshot!(derived_text(text, &[("batch", 2), ("L", 6)]), @r"
    d_loss = 1
    d_y[n, o, i] = 2 * y[n, o, i] * d_loss
    d_w[o, c, p: 3] = sum(n, i where 0 <= p + 2 * i - 1 < L) x[n, c, p + 2 * i - 1] * d_y[n, o, i]
    d_x[n, c, k: L] = sum(o, p: 2 where 2 * p + (k + 1) % 2 < 3 && 0 <= (k + 1) / 2 - p < (L + 1) / 2) w[o, c, 2 * p + (k + 1) % 2] * d_y[n, o, (k + 1) / 2 - p]
    ");
}

#[test]
fn pool_of_named_sizes() {
    let text = "
        x[batch, H, W]
        y[n: batch, i: H / 2, j: W / 2] = max(p: 2, q: 2) (x[n, 2 * i + p, 2 * j + q] or -inf)
        loss = sum(n: batch, i: H / 2, j: W / 2) y[n, i, j]^2";
    insta::assert_snapshot!(derived_text(text, &[("batch", 2), ("H", 5), ("W", 4)]), @r"
    d_loss = 1
    d_y[n, i, j] = 2 * y[n, i, j] * d_loss
    argmax_y[n, i: H / 2, j: W / 2]: index(4) = argmax(p: 2, q: 2) x[n, 2 * i + p, 2 * j + q]
    d_x[n, i: H, j: W] = if i / 2 < H / 2 && j / 2 < W / 2 && 2 * (i % 2) + j % 2 == argmax_y[n, i / 2, j / 2] { d_y[n, i / 2, j / 2] } else { 0 }
    ");
}

#[test]
fn global_max_pool() {
    let text = "
        x[batch, 3, 2, 3]
        y[n: batch, c: 3] = max(i: 2, j: 3) x[n, c, i, j]
        loss = sum(n: batch, c: 3) y[n, c]^2";
    insta::assert_snapshot!(derived_text(text, &[("batch", 2)]), @r"
    d_loss = 1
    d_y[n, c] = 2 * y[n, c] * d_loss
    argmax_y[n, c]: index(6) = argmax(i, j) x[n, c, i, j]
    d_x[n, i, j: 2, k: 3] = if j == argmax_y[n, i] / 3 && k == argmax_y[n, i] % 3 { d_y[n, i] } else { 0 }
    ");
}

#[test]
fn reflection_pad() {
    let text = "
        x[batch, 5]
        y[n: batch, i: 9] = if i < 2 { x[n, 2 - i] } else { if i < 7 { x[n, i - 2] } else { x[n, 10 - i] } }
        loss = sum(n: batch, i: 9) y[n, i]^3";
    insta::assert_snapshot!(derived_text(text, &[("batch", 2)]), @r"
    d_loss = 1
    d_y[n, i] = 3 * d_loss * y[n, i]^2
    d_x[n, i: 5] = d_y[n, i + 2] + if 1 <= i < 3 { d_y[n, 2 - i] } else { 0 } + if 2 <= i < 4 { d_y[n, 10 - i] } else { 0 }
    ");
}

#[test]
fn circular_pad() {
    let text = "
        x[batch, 5]
        y[n: batch, i: 9] = x[n, (i + 3) % 5]
        loss = sum(n: batch, i: 9) y[n, i]^3";
    insta::assert_snapshot!(derived_text(text, &[("batch", 2)]), @r"
    d_loss = 1
    d_y[n, i] = 3 * d_loss * y[n, i]^2
    d_x[n, j: 5] = sum(i: 2 where 5 * i + (j + 2) % 5 < 9) d_y[n, 5 * i + (j + 2) % 5]
    ");
}

#[test]
fn linear_upsample() {
    let text = "
        x[batch, 4]
        a[n: batch, i: 8] = if 2 * i + 1 >= 2 { x[n, (2 * i - 1) / 4] } else { x[n, 0] }
        b[n: batch, i: 8] = if 2 * i + 1 >= 2 && (2 * i - 1) / 4 + 1 < 4 { x[n, (2 * i - 1) / 4 + 1] } else { if 2 * i + 1 < 2 { x[n, 0] } else { x[n, 3] } }
        loss = sum(n: batch, i: 8) a[n, i]^2 * b[n, i]";
    insta::assert_snapshot!(derived_text(text, &[("batch", 2)]), @r"
    d_loss = 1
    d_b[n, i] = d_loss * a[n, i]^2
    d_a[n, i] = 2 * a[n, i] * b[n, i] * d_loss
    d_x[n, j] = sum(i: 2 where (i + 1) / 2 <= j && 2 * ((i + 1) / 2) < 2 * j + i) d_b[n, 2 * j + i - 2 * ((i + 1) / 2)] + sum(i: 2 where j < (i + 1) / 2 + 3 && 2 * ((i + 1) / 2) < 2 * j + i + 2) d_a[n, 2 * j + i - 2 * ((i + 1) / 2) + 2] + sum(i: 7 where i / 2 >= 3 && j == 3) d_b[n, i + 1] + if j == 0 { d_b[n, 0] + d_a[n, 0] } else { 0 }
    ");
}

#[test]
fn repeated_heads() {
    let text = "
        k[batch, 2, T, 3]
        q[batch, 6, T, 3]
        z[n: batch, h: 6, t: T, u: T] = sum(i: 3) q[n, h, t, i] * k[n, h / 3, u, i]
        loss = sum(n: batch, h: 6, t: T, u: T) z[n, h, t, u]^2";
    insta::assert_snapshot!(derived_text(text, &[("batch", 2), ("T", 2)]), @r"
    d_loss = 1
    d_z[n, h, t, u] = 2 * z[n, h, t, u] * d_loss
    d_q[n, h, t, i] = sum(u) k[n, h / 3, u, i] * d_z[n, h, t, u]
    d_k[n, j: 2, u, i] = sum(t, h: 3) q[n, 3 * j + h, t, i] * d_z[n, 3 * j + h, t, u]
    ");
}

#[test]
fn patches() {
    let text = "
        x[batch, 4, 6]
        y[n: batch, p: 6, d: 4] = x[n, p / 3 * 2 + d / 2, p % 3 * 2 + d % 2]
        loss = sum(n: batch, p: 6, d: 4) y[n, p, d]^3";
    insta::assert_snapshot!(derived_text(text, &[("batch", 2)]), @r"
    d_loss = 1
    d_y[n, p, d] = 3 * d_loss * y[n, p, d]^2
    d_x[n, i: 4, j: 6] = d_y[n, 3 * (i / 2) + j / 2, 2 * (i % 2) + j % 2]
    ");
}

#[test]
fn a_diagonal_and_a_trace() {
    let text = "
        x[4, 4]
        d[i: 4] = x[i, i]
        e[i: 4] = x[i, 3 - i] * d[i]
        loss = sum(i: 4) e[i]^2";
    insta::assert_snapshot!(derived_text(text, &[]), @r"
    d_loss = 1
    d_e[i] = 2 * e[i] * d_loss
    d_d[i] = x[i, 3 - i] * d_e[i]
    d_x[i, j: 4] = if i == j { d_d[i] } else { 0 } + if i + j == 3 { d[i] * d_e[i] } else { 0 }
    ");
}

#[test]
fn recurrence_in_both_directions_with_lag_2() {
    let text = "
        x[T]
        w[2]
        f[t: T] = tanh(x[t] + w[0] * (f[t - 2] or 0.1))
        g[t: T] = tanh(f[t] + w[1] * (g[t + 1] or 0.2))
        loss = sum(t: T) g[t]^2";
    insta::assert_snapshot!(derived_text(text, &[("T", 5)]), @r"
    d_loss = 1
    d_g[t] = 2 * g[t] * d_loss + if t >= 1 { w[1] * d_g[t - 1] * (1 - g[t - 1]^2) } else { 0 }
    d_f[t] = d_g[t] * (1 - g[t]^2) + if t < T - 2 { w[0] * d_f[t + 2] * (1 - f[t + 2]^2) } else { 0 }
    d_w[i] = sum(t where i == 1) d_g[t] * (1 - g[t]^2) * if t < T - 1 { g[t + 1] } else { 0.2 } + sum(t where i == 0) d_f[t] * (1 - f[t]^2) * if t >= 2 { f[t - 2] } else { 0.1 }
    d_x[i] = d_f[i] * (1 - f[i]^2)
    ");
}

#[test]
fn losses_with_axes() {
    let text = "
        x[batch, 3]
        w[3]
        loss[n: batch] = sum(i: 3) x[n, i] * w[i]";
    insta::assert_snapshot!(derived_text(text, &[("batch", 2)]), @r"
    d_loss[n: batch] = 1
    d_w[i] = sum(n) x[n, i] * d_loss[n]
    d_x[n, i] = w[i] * d_loss[n]
    ");
}

#[test]
fn axes_of_size_1() {
    let text = "
        x[batch, 1]
        w[1, 3]
        v[3, 1]
        y[n: batch, o: 3] = sum(i: 1) x[n, i] * w[i, o]
        z[n: batch, o: 1] = sum(i: 3) y[n, i] * v[i, o]
        loss = sum(n: batch, o: 1) z[n, o]^2";
    insta::assert_snapshot!(derived_text(text, &[("batch", 2)]), @r"
    d_loss = 1
    d_z[n, 0] = 2 * z[n, 0] * d_loss
    d_y[n, o] = v[o, 0] * d_z[n, 0]
    d_v[i, 0] = sum(n) y[n, i] * d_z[n, 0]
    d_w[0, o] = sum(n) x[n, 0] * d_y[n, o]
    d_x[n, 0] = sum(o) w[0, o] * d_y[n, o]
    ");
}

/// A chain of layers, each with weights of its own, a residual connection and a normalisation.
fn tower(layers: usize) -> Equations {
    let mut text = String::from("x0[batch, 4]\n");
    for k in 1..=layers {
        let before = k - 1;
        text += &format!(
            "w{k}[4, 4]
            z{k}[n: batch, o: 4] = sum(i: 4) x{before}[n, i] * w{k}[i, o]
            r{k}[n: batch] = sum(i: 4) z{k}[n, i]^2
            x{k}[n: batch, o: 4] = x{before}[n, o] + max(z{k}[n, o], 0) / sqrt(r{k}[n] + 1)
            "
        );
    }
    text += &format!("loss = sum(n: batch, i: 4) x{layers}[n, i]^2");
    read(&text)
}

#[test]
fn work_and_output_are_linear_in_the_layers() {
    let [small, large] = [50, 100].map(|layers| {
        let mut equations = tower(layers);
        let before = (equations.tensors.len(), equations.pool.fired().values().sum::<u64>());
        let loss = equations.pool.find_name("loss").expect("a loss");
        let inputs = real_inputs(&equations);
        let gradients = derive(&mut equations, loss, &inputs);
        assert_eq!(gradients.len(), layers + 1);
        (equations.tensors.len() - before.0, equations.pool.fired().values().sum::<u64>() - before.1)
    });
    assert!(large.0 <= small.0 * 2, "{small:?} {large:?}");
    assert!(large.1 <= small.1 * 2, "{small:?} {large:?}");
}

/// Each rule of the solver, and of the normal form, by a text that fires it.
#[test]
fn every_rule_fires() {
    let rules = [
        ("delta-split", "x[6]\n y[i: 2, j: 3] = x[3 * i + j]\n z[k: 6] = y[k / 3, k % 3]\n loss = sum(k: 6) z[k]^2"),
        ("delta-wrap", "x[6]\n y[i: 6] = x[(i + 2) % 6]\n loss = sum(i: 6) y[i]^2"),
        ("delta-radix", "x[6]\n y[i: 2, j: 3] = x[3 * i + j]\n loss = sum(i: 2, j: 3) y[i, j]^2"),
        ("delta-phase", "x[9]\n w[3]\n y[i: 4] = sum(p: 3) x[2 * i + p] * w[p]\n loss = sum(i: 4) y[i]^2"),
        ("delta-unit", "x[6]\n y[i: 5] = x[i + 1]\n loss = sum(i: 5) y[i]^2"),
        ("delta-gcd", "x[6]\n y[i: 3] = x[2 * i]\n loss = sum(i: 3) y[i]^2"),
        ("lift-guard", "x[6]\n loss = sum(i: 7) (x[i - 1] or 0)^2"),
        ("sum-of-unused", "x[2]\n loss = sum(i: 2) x[1]"),
        ("guard-to-range", "x[6]\n w\n loss = sum(i: 6 where i >= 2) x[i] * w"),
        ("pull-out-factor", "x[6]\n w\n y[i: 6] = 3 * x[i] * w\n loss = sum(i: 6) y[i]"),
    ];
    for (rule, text) in rules {
        let derived = check_sized(text, &[]);
        assert!(derived.pool.fired().contains_key(rule), "{rule} is not fired by\n{text}");
    }
}
