//! What texts mean, as printed equations; what is refused, as code and place.

mod circles;
mod kept;

use super::{Elaborated, Settings, elaborate, elaborate_chain};
use crate::equations::print::print;
use crate::equations::verify::verify;
use crate::model::Model;
use nnc_grammar::{Diagnostic, Source, Sources};

fn read(text: &str, settings: &Settings) -> Result<Elaborated, (Vec<Diagnostic>, Sources)> {
    let mut sources = Sources::default();
    let number = sources.add("test.nn", text);
    let result = nnc_grammar::parse(number, text).and_then(|file| {
        let mut load = |_: &str, path: &str| -> Result<Source, String> { Err(format!("no file {path}")) };
        nnc_grammar::on_large_stack(|| elaborate(&file, &mut sources, &mut load, settings))
    });
    result.map_err(|problems| (problems, sources))
}

#[track_caller]
fn model(text: &str) -> Model {
    let result = read(text, &Settings { rust_constants: true, model: None });
    let mut elaborated = result.unwrap_or_else(|(problems, sources)| panic!("{}", show(&problems, &sources)));
    for model in &elaborated.models {
        verify(&model.training.equations);
        verify(&model.inference.equations);
        for group in &model.optimizer.groups {
            verify(&group.equations);
        }
    }
    elaborated.models.remove(0)
}

fn show(problems: &[Diagnostic], sources: &Sources) -> String {
    let mut text = String::new();
    for problem in problems {
        text.push_str(&format!("{problem}\n"));
        for label in &problem.labels {
            let source = sources.0.get(label.span.source as usize);
            let there = source.and_then(|source| source.text.get(label.span.range())).unwrap_or("?");
            text.push_str(&format!("  `{there}`: {}\n", label.text));
        }
        for note in &problem.notes {
            text.push_str(&format!("  note: {note}\n"));
        }
        for help in &problem.help {
            let repair = help.replacement.as_ref().map(|(_, repair)| format!(" -> `{repair}`")).unwrap_or_default();
            text.push_str(&format!("  help: {}{repair}\n", help.text));
        }
    }
    text
}

#[test]
fn digits() {
    let model = model(
        "model Digits(x[64]) -> p {
            target digit: index(10);
            p         = x -> fc1: linear(64, 32) -> relu -> fc2: linear(32, 10) -> softmax;
            loss      = cross_entropy(p, digit);
            optimizer = clip_norm(1.0) -> adamw(lr = cosine(step, 1e-2, 1e-4, 2000));
            optimizer for *.b = adamw(lr = cosine(step, 1e-2, 1e-4, 2000), decay = 0);
            metric hits = accuracy(p, digit);
        }",
    );
    insta::assert_snapshot!(print(&model.training.equations), @r"
    input x[batch, 64]
    target digit[batch]: index(10)
    param fc1.w[64, 32]
    param fc1.b[32]
    param fc2.w[32, 10]
    param fc2.b[10]
    fc1.y[n, o] = sum(i) x[n, i] * fc1.w[i, o] + fc1.b[o]
    relu1[n, o] = max(fc1.y[n, o], 0)
    fc2.y[n, o] = sum(i) relu1[n, i] * fc2.w[i, o] + fc2.b[o]
    softmax1.y.lse[n] = lse(j) fc2.y[n, j]
    softmax1.y[n, i] = exp(fc2.y[n, i] - softmax1.y.lse[n])
    cross_entropy1.l[n] = -log(softmax1.y[n, digit[n]])
    loss = (sum(n) cross_entropy1.l[n]) / max(batch, 1)
    accuracy1.best[n]: index(10) = argmax(j) softmax1.y[n, j]
    accuracy1.a[n] = if digit[n] == accuracy1.best[n] { 1 } else { 0 }
    metric.hits = (sum(n) accuracy1.a[n]) / max(batch, 1)
    ");
    let groups: Vec<String> = model.optimizer.groups.iter().map(|group| print(&group.equations)).collect();
    insta::assert_snapshot!(groups.join("\n"), @r"
    param parameter[elements]
    input gradient[elements]
    number step
    number bound
    input all.gradient[all]
    number beta1
    number beta2
    number eps
    number decay
    state adamw.m[elements]
    state adamw.v[elements]
    clip_norm.u.sum = sum(e) all.gradient[e]^2
    clip_norm.u[e] = -gradient[e] * max(-bound / (sqrt(clip_norm.u.sum) + 1e-6), -1)
    adamw.lr = 0.00495 * (cos(3.141592653589793 * min((step - 1) / 2000, 1)) + 1) + 0.0001
    adamw.m1[e] = clip_norm.u[e] * (1 - beta1) + beta1 * adamw.m[e]
    adamw.v1[e] = beta2 * adamw.v[e] + clip_norm.u[e]^2 * (1 - beta2)
    adamw.p.next[e] = parameter[e] * (1 - adamw.lr * decay) - adamw.lr * adamw.m1[e] / ((sqrt(adamw.v1[e] / (1 - exp(step * log(beta2)))) + eps) * (1 - exp(step * log(beta1))))

    param parameter[elements]
    input gradient[elements]
    number step
    number adamw_beta1
    number adamw_beta2
    number adamw_eps
    number adamw_decay
    state adamw.m[elements]
    state adamw.v[elements]
    adamw.lr = 0.00495 * (cos(3.141592653589793 * min((step - 1) / 2000, 1)) + 1) + 0.0001
    adamw.m1[e] = gradient[e] * (1 - adamw_beta1) + adamw_beta1 * adamw.m[e]
    adamw.v1[e] = adamw_beta2 * adamw.v[e] + gradient[e]^2 * (1 - adamw_beta2)
    adamw.p.next[e] = parameter[e] * (1 - adamw.lr * adamw_decay) - adamw.lr * adamw.m1[e] / ((sqrt(adamw.v1[e] / (1 - exp(step * log(adamw_beta2)))) + adamw_eps) * (1 - exp(step * log(adamw_beta1))))
    ");
}

/// Every layer of the library, applied once: (ports, value).
const APPLIED: &[(&str, &str)] = &[
    ("x[5]", "x -> relu -> identity -> relu6 -> leaky_relu(slope = 0.2) -> elu -> celu -> selu -> gelu -> gelu_tanh -> silu -> mish"),
    ("x[5]", "x -> hardsigmoid -> hardswish -> hardtanh -> clamp -> softsign -> logsigmoid -> tanhshrink -> softshrink -> hardshrink"),
    ("x[5]", "x -> threshold(at = 0.5) -> sign -> square -> scale(by = 3) -> prelu -> exp -> log -> tanh -> sigmoid -> softplus"),
    ("a[2, 5], b[2, 5]", "(a, b) -> add"),
    ("a[2, 5], b[2, 5]", "mul(a, b)"),
    ("x[3, 4, 5]", "x -> channel_prelu"),
    ("x[3, 5]", "x -> softmax -> log_softmax -> softmin"),
    ("x[3, 4, 5]", "x -> softmax2d"),
    ("x[3, 6]", "x -> glu -> swiglu(3, 7) -> geglu(3, 5)"),
    ("q[3, 4], k[5, 4], v[5, 2]", "(q, k, v) -> attention_core"),
    ("q[3, 4], k[5, 4], v[5, 2]", "attention_core(causal = true)(q, k, v)"),
    ("q[3, 4], k[5, 4], v[5, 2], keep[5]: index(2)", "(q, k, v, keep) -> masked_attention_core"),
    ("x[3, 4]", "x -> attention(4, 2)"),
    ("x[3, 4]", "x -> attention(2, causal = true, bias = false)"),
    ("x[3, 4], keep[3]: index(2)", "(x, keep) -> masked_attention(2)"),
    ("x[3, 4], m[5, 6]", "(x, m) -> cross_attention(2)"),
    ("x[3, 4], m[5, 6], keep[5]: index(2)", "(x, m, keep) -> masked_cross_attention(2)"),
    ("x[3, 4]", "x -> rope -> sinusoidal_position -> learned_position"),
    ("x[3, 4]", "x -> transformer_encoder_layer(2, hidden = 8) -> gpt_block(2, 8)"),
    ("x[3, 4], m[5, 4]", "(x, m) -> transformer_decoder_layer(4, 2, hidden = 8)"),
    ("x[2, 9]", "x -> conv1d(4, 3, stride = 2, padding = 1) -> causal_conv1d(2, 2, dilation = 2)"),
    ("x[4, 9]", "x -> conv1d(4, 6, 3, groups = 2, bias = false) -> separable_conv1d(3, 3)"),
    ("x[2, 7, 8]", "x -> conv2d(4, (3, 2), stride = (2, 1), padding = 1) -> separable_conv2d(3, 2) -> conv2d(2, 1)"),
    ("x[2, 7]", "x -> conv_transpose1d(2, 3, 3, stride = 2, padding = 1, output_padding = 1)"),
    ("x[2, 4, 3]", "x -> conv_transpose2d(3, 3, stride = 2)"),
    ("x[2, 4, 3]", "x -> flatten -> linear(24, 5) -> reshape(5, 1)"),
    ("u[3], v[4]", "(u, v) -> bilinear(5)"),
    ("t[4]: index(7)", "t -> embedding(7, 3) -> mean_over_time"),
    ("t[4]: index(7)", "t -> embedding(3) -> max_over_time"),
    ("t[4]: index(7)", "t -> embedding_bag(3)"),
    ("x[3, 4]", "x -> layer_norm -> rms_norm -> group_norm(3) -> instance_norm"),
    ("x[3, 4, 5]", "x -> instance_norm(affine = true) -> local_response_norm(3) -> normalize"),
    ("x[3, 8]", "x -> max_pool1d(2) -> avg_pool1d(2, stride = 1, padding = 1)"),
    ("x[3, 8, 9]", "x -> max_pool2d(2, padding = 1) -> avg_pool2d((2, 3), count_include_pad = false, padding = 1)"),
    ("x[3, 8]", "x -> adaptive_max_pool1d(5) -> adaptive_avg_pool1d(2)"),
    ("x[3, 8, 7]", "x -> adaptive_avg_pool2d((3, 5)) -> adaptive_max_pool2d(2) -> global_avg_pool"),
    ("x[3, 8, 7]", "x -> global_max_pool"),
    ("x[3, 8]", "x -> pad1d((1, 2)) -> reflection_pad1d(2) -> replication_pad1d((1, 2)) -> circular_pad1d(3)"),
    ("x[3, 8, 5]", "x -> pad2d(1) -> zero_pad2d(1, 2, 0, 1) -> reflection_pad2d(2) -> replication_pad2d((1, 2)) -> circular_pad2d(3)"),
    ("x[3, 8]", "x -> upsample_nearest1d(2) -> upsample_linear1d(3)"),
    ("x[4, 4, 5]", "x -> upsample_nearest2d(2) -> upsample_bilinear2d((3, 2))"),
    ("x[8, 4, 5]", "x -> pixel_shuffle(2) -> pixel_unshuffle(2)"),
    ("a[2, 3], b[2, 4]", "(a, b) -> concat -> slice(1, 4) -> transpose -> reverse -> last"),
    ("a[2, 3], b[4, 3]", "(a, b) -> concat_channels -> channel_shuffle(3)"),
    ("y[2, 3], t[2, 3]", "mse(y, t) + mae(y, t) + huber(y, t) + smooth_l1(beta = 0.5)(y, t) + logcosh(y, t) + quantile(0.3)(y, t)"),
    ("z[4], t: index(4)", "cross_entropy_with_logits(z, t) + cross_entropy(smoothing = 0.1)(z -> softmax, t) + nll(z -> log_softmax, t)"),
    ("z[4], q[4]: prob", "soft_cross_entropy_with_logits(z, q) + kl_div(z -> log_softmax, q) + soft_cross_entropy(z -> softmax, q)"),
    (
        "z[4], t[4]: prob",
        "binary_cross_entropy(z -> sigmoid, t) + binary_cross_entropy_with_logits(pos_weight = 2.0)(z, t) + dice(z -> sigmoid, t)",
    ),
    ("z[4], t: index(4), b: index(2), s", "focal(z -> softmax, t) + binary_focal(s -> sigmoid, b) + multi_margin(z, t)"),
    (
        "y[4], t[4], v[4]",
        "poisson_nll(y, t) + gaussian_nll(y, t, v) + hinge(y, t) + squared_hinge(y, t) + soft_margin(y, t) + hinge_embedding(y, t)",
    ),
    ("a, b, t", "margin_ranking(margin = 0.1)(a, b, t)"),
    (
        "a[3], p[3], n[3], t: index(2)",
        "triplet(a, p, n) + cosine_similarity(a, p) + cosine_embedding(a, n, t) + pairwise_distance(a, p) + norm(a)",
    ),
    ("z[4], t: index(4), s, u", "accuracy(z, t) + top_k(2)(z, t) + binary_accuracy(s, u)"),
];

#[test]
fn library() {
    let mut failed = String::new();
    for (ports, value) in APPLIED {
        let text = format!("model Net({ports}) -> out {{ out = {value}; loss = mean(0 * w + 1); param w[2] = 0; }}");
        match read(&text, &Settings::default()) {
            Ok(elaborated) => {
                for forward in [&elaborated.models[0].training, &elaborated.models[0].inference] {
                    for violation in crate::equations::verify::violations(&forward.equations) {
                        failed.push_str(&format!("{value}: {violation}\n"));
                    }
                }
            }
            Err((problems, sources)) => failed.push_str(&format!("{value}\n{}", show(&problems, &sources))),
        }
    }
    assert!(failed.is_empty(), "{failed}");
}

/// Wrong texts, each with the code and the place of its errors.
const REFUSED: &[(&str, &[(&str, &str)])] = &[
    ("model M(x[4]) -> y { y = x -> linaer(4, 3); }", &[("NN0102", "linaer")]),
    ("model M(x[4]) -> y { y[i] = z[i]; }", &[("NN0101", "z")]),
    ("model M(x[4]) -> y { y[i] = x[i] + alhpa; let alpha = 3; }", &[("NN0101", "alhpa")]),
    ("model M(x[4]) -> y { y = x -> linear(5, 3); }", &[("NN0202", "linear(5, 3)")]),
    ("model M(x[4]) -> y { y = x -> linear(3, bias = fals); }", &[("NN0101", "fals")]),
    ("model M(x[4]) -> y { y = x -> linear(3, biass = false); }", &[("NN0505", "biass")]),
    ("model M(x[4]) -> y { y = x -> linear(4, 3, false); }", &[("NN0507", "linear(4, 3, false)")]),
    ("model M(x[4]) -> y { y = x -> linear(n_in = 4, 3); }", &[("NN0506", "n_in")]),
    ("model M(x[4]) -> y { y = x -> linear(); }", &[("NN0508", "linear()")]),
    ("model M(x[4]) -> y { y[i] = x[i + 1]; }", &[("NN0302", "i")]),
    ("model M(x[4]) -> y { y[i: 3] = x[i - 1]; }", &[("NN0301", "i - 1")]),
    ("model M(x[4], w[5]) -> y { y[i] = x[i] * w[i]; }", &[("NN0303", "i")]),
    ("model M(x[4]) -> y { y[i] = x[i, j]; }", &[("NN0314", "j")]),
    ("model M(x[4]) -> y { y[i, i] = x[i]; }", &[("NN0305", "i")]),
    ("model M(x[4]) -> y { y[i, j] = x[i]; }", &[("NN0302", "j")]),
    ("model M(x[4]) -> y { y[i] = sum(i) x[i]; }", &[("NN0305", "i")]),
    ("model M(x[4]) -> y { y[i] = x[j]; }", &[("NN0314", "j")]),
    ("model M(x[4]) -> y { y = x; y = x -> relu; }", &[("NN0106", "y")]),
    ("model M(x[4]) -> y { y[i] = h[i]; h[i] = y[i]; }", &[("NN0701", "y")]),
    ("model M(x[4]) -> y { y[i] = y[i - 1] or 0; }", &[("NN0701", "y")]),
    ("layer a(x[N]) -> y { y = x -> b; } layer b(x[N]) -> y { y = x -> a; } model M(x[4]) -> y { y = x -> a; }", &[("NN0111", "a")]),
    ("fn f(x) = f(x) + 1; model M(x[4]) -> y { y = x -> f; }", &[("NN0111", "f(x)")]),
    ("model M(x[4]) -> y { target t: index(3); y = x -> linear(3); loss = cross_entropy(y, t); }", &[("NN0401", "cross_entropy(y, t)")]),
    (
        "model M(x[4]) -> y { target t: index(5); y = x -> linear(3) -> softmax; loss = cross_entropy(y, t); }",
        &[("NN0403", "cross_entropy(y, t)")],
    ),
    ("model M(x[4]) -> y { target t; y = x -> linear(3) -> softmax; loss = cross_entropy(y, t); }", &[("NN0403", "cross_entropy(y, t)")]),
    ("model M(x[4], t: index(3)) -> y { y = t -> linear(3); }", &[("NN0208", "linear(3)")]),
    ("model M(x[4], t[4]: index(3)) -> y { y = t -> relu; }", &[("NN0402", "relu")]),
    ("model M(x[T, 4]) -> y { y = x -> flatten -> linear(3); }", &[("NN0210", "linear(3)")]),
    ("model M(x[4]) -> y { param w[0] = 1; y = x; }", &[("NN0203", "0")]),
    ("model M(x[4]) -> y { param w[2.5] = 1; y = x; }", &[("NN0201", "2.5")]),
    ("model M(x[4]) -> y { param w[3000000000] = 1; y = x; }", &[("NN0205", "3000000000")]),
    ("model M(x[4]) -> y { param w[2000000000, 2000000000] = 1; y = x; }", &[("NN0206", "w[2000000000, 2000000000]")]),
    ("model M(x[4]) -> y { param w[4]; y[i] = w[i] * x[i]; }", &[("NN0603", "w[4]")]),
    ("model M(x[4]) -> y { y = x + uniform(0, 1); }", &[("NN0604", "uniform(0, 1)")]),
    ("model M(x[4]) -> y { y[i] = (x[i] + 1) or 0; }", &[("NN0310", "(x[i] + 1)")]),
    ("layer l(x[N]) -> y { y = x; loss = sum(i) x[i]; } model M(x[4]) -> y { y = x -> l; }", &[("NN0602", "loss = sum(i) x[i];")]),
    ("layer l(x[N]) -> y { target t; y = x; } model M(x[4]) -> y { y = x -> l; }", &[("NN0602", "t")]),
    ("model M(x[4]) -> y { y = x -> conv2d(3, 3); }", &[("NN0208", "conv2d(3, 3)")]),
    ("model M(x[2, 4, 4]) -> y { y = x -> conv2d(3, 5); }", &[("NN0209", "conv2d(3, 5)")]),
    ("model M(x[4]) -> y { y = x -> reshape(3, 2); }", &[("NN0202", "reshape(3, 2)")]),
    ("model M(x[4]) -> y { y = x -> residual(linear(3)); }", &[("NN0202", "residual(linear(3))")]),
    ("model M(x[4]) -> y { y = x -> repeat(0, linear(3)); }", &[("NN0203", "0")]),
    ("model M(x[4]) -> y { y = x -> fc: linear(4) -> fc(3); }", &[("NN0504", "3")]),
    ("model M(x[4]) -> y { y = x -> fc: linear(4) -> fc: linear(4); }", &[("NN0106", "fc")]),
    ("model M(x[4]) -> y { y = x -> x: linear(4); }", &[("NN0109", "x")]),
    ("model M(x[4]) -> y { y = x -> linear(4); optimizer for z.* = adam(); }", &[("NN0608", "z.*")]),
    ("model M(x[4]) -> y { y = x -> linear(4); optimizer = adma(); }", &[("NN0102", "adma")]),
    ("model M(x[4]) -> y { y = x -> linear(4); optimizer = clip_norm(1.0); }", &[("NN0609", "clip_norm(1.0)")]),
    ("model M(x[4]) -> y { y = x -> linear(4); optimizer = adam(lr = foo(step)); }", &[("NN0102", "foo")]),
    ("model M(x[4]) -> y { y = x -> linear(4); optimizer = adam(0.1); }", &[("NN0507", "adam(0.1)")]),
    ("model M(x[4]) -> y { y = x; loss = sum(grad(y, 2 * x)); }", &[("NN0705", "2 * x")]),
    ("model M(x[4]) -> y { y[i] = step * x[i]; }", &[("NN0607", "step")]),
    ("model M(x[4]) -> y { let train = 3; y = x; }", &[("NN0108", "train")]),
    ("const inf = 3; model M(x[4]) -> y { y = x; }", &[("NN0108", "inf")]),
    (r#"model M(x[4]) -> y { check 4 < 3, "four is {x}"; y = x; }"#, &[("NN0209", r#"check 4 < 3, "four is {x}";"#)]),
    ("model M(x[4]) -> z { y = x; }", &[("NN0112", "z")]),
    ("model M(x[4]) -> y { target t; y = x; }", &[("NN0601", "target t;")]),
    ("model M(x[4]) -> y { y = x; loss = sum(i) x[i]; loss = 1; }", &[("NN0601", "loss = 1;")]),
    ("model M(x[..S]) -> y { y = x; }", &[("NN0211", "..S")]),
    ("model M = relu -> linear(4, 3);", &[("NN0212", "relu")]),
    ("model M = conv2d(1, 6, 5) -> relu;", &[("NN0212", "conv2d(1, 6, 5)")]),
    ("model M = linear(4, 3) -> linear(5, 3);", &[("NN0202", "linear(5, 3)")]),
    ("model M(x[4]) -> y { y[i] = x; }", &[("NN0302", "i")]),
    ("model M(x[4], z[5]) -> y { y = x + z; }", &[("NN0202", "z")]),
    ("model M(x[4]) -> y { y = x[i]; }", &[("NN0314", "i")]),
    ("model M(x[4]) -> y { y = argmax(i where x[i] > 0) x[i]; }", &[("NN0311", "argmax(i where x[i] > 0) x[i]")]),
    ("model M(x[4]) -> y { if x[0] > 0 { y = x; } else { y = 2 * x; } }", &[("NN0204", "x[0] > 0")]),
    ("model M(x[4]) -> y { y[i] = if i { x[i] } else { 0 }; }", &[("NN0404", "i")]),
    ("model M(x[4]) -> y { y[i] = x[i] / (i > 2); }", &[("NN0404", "(i > 2)")]),
    ("model M(x[4]) -> y { y[i: 0] = 3; }", &[("NN0203", "0")]),
    ("model M(x[4]) -> y { y = relu(x, 3); }", &[("NN0501", "relu(x, 3)")]),
    ("model M(x[4]) -> y { y = leaky_relu(x, slop = 3); }", &[("NN0505", "slop")]),
    ("model M(x[4]) -> y { y = x -> leaky_relu(0.1); }", &[("NN0507", "0.1")]),
    ("model M(x[4]) -> y { (a, b) = x -> linear(3); y = a; }", &[("NN0501", "a, b) = x -> linear(3)")]),
    ("model M(x[4]) -> y { y = (x, x) -> linear(3); }", &[("NN0501", "linear(3)")]),
    ("model M(x[4]) -> y { e: index(3) = argmax(j) x[j]; y[i] = x[i] * e; }", &[("NN0403", "argmax(j) x[j]")]),
    ("model M(x[4]) -> y { y = x; metric a = 1; metric a = 2; }", &[("NN0106", "a")]),
    ("model M(x[4]) -> y { y[k: 3] = x[x[k]]; }", &[("NN0405", "x[k]")]),
    ("model M(x[4]) -> y { y = x -> clip_norm(1); }", &[("NN0102", "clip_norm")]),
    ("model M(x[4]) -> y { y = [1, [2, 3]]; }", &[("NN0208", "[2, 3]")]),
    ("model M(x[4]) -> y { y[i] = max(x[i], 1, 2); }", &[("NN0501", "max(x[i], 1, 2)")]),
    ("model M(x[4]) -> y { y = mean(i) mean(x[i]); }", &[("NN0312", "mean(x[i])")]),
    ("model M(x[4], x[3]) -> y { y = x; }", &[("NN0106", "x")]),
    ("model M(x[4]) -> y { y = x -> linear(2^40); }", &[("NN0205", "linear(2^40)")]),
    ("model M(x[4]) -> y { y = x -> linear(1/0); }", &[("NN0201", "linear(1/0)")]),
    ("model M(x[4]) -> y { y[i] = x[i / 0]; }", &[("NN0302", "i")]),
    ("model M(x[4]) -> y { p = x -> softmax; y = soft_cross_entropy(p, x); }", &[("NN0401", "soft_cross_entropy(p, x)")]),
    ("model M(x[4]) -> y { y = x -> linear(4); loss = mean(fc.w); }", &[("NN0101", "fc.w")]),
    ("model M(x[4]) -> y { block t = linear(4) -> t; y = x -> t; }", &[("NN0111", "t")]),
    (
        "model M(x[4]) -> y { y = unknwn(x); z = x -> lnear(3); q[i] = x[i + 9]; }",
        &[("NN0102", "unknwn"), ("NN0102", "lnear"), ("NN0302", "i")],
    ),
    (r#"import "foo.nn"; model M(x[4]) -> y { y = x; }"#, &[("NN0103", r#""foo.nn""#)]),
    ("const D; model M(x[D]) -> y { y = x; }", &[("NN0107", "D")]),
    ("const D = 4; const D = 3; model M(x[D]) -> y { y = x; }", &[("NN0106", "D")]),
    ("const D = E; const E = D; model M(x[D]) -> y { y = x; }", &[("NN0110", "E")]),
    (
        "model A(x[4]) -> y { target t; y = x -> linear(4); loss = mse(y, t); metric m = mae(y, t); } model M(x[4]) -> y { y = x -> A -> A; }",
        &[("NN0202", "mse(y, t)"), ("NN0202", "mae(y, t)")],
    ),
    ("model A(x[4]) -> y { target t; y[i] = x[i] * t; loss = mean(y); } model M(x[4]) -> y { y = x -> A -> A; }", &[("NN0602", "y")]),
    (
        "layer u(x[N]) -> y { y[i] = x[i] * foo + bar; y = x -> qux; } model M(x[4]) -> y { y = x; }",
        &[("NN0101", "foo"), ("NN0101", "bar"), ("NN0106", "y"), ("NN0102", "qux")],
    ),
    ("layer u(x[N]) -> y { y[i] = x[i] * (sum(i) x[i]); } model M(x[4]) -> y { y = x; }", &[("NN0305", "i")]),
    (
        "model M(x[4]) -> y { y[i] = x[i] * foo + bar; z = y -> qux; w[i] = x[i + 2]; }",
        &[("NN0101", "foo"), ("NN0101", "bar"), ("NN0102", "qux"), ("NN0302", "i")],
    ),
    ("model M(a[2, 3], b[2, 3]) -> y { y[i] = sum(j) a[i, j] * norm(b[i, j]); }", &[("NN0208", "norm(b[i, j])")]),
    ("model M(x[4], k: index(-1..4)) -> y { y = x[k]; }", &[("NN0301", "k")]),
    ("model M(x[T, 3], m[2 * S, 3]) -> y { y = x + m; }", &[("NN0213", "M")]),
    ("model M(x[T, 3]) -> y { y[t, d] = x[T - 1 - t, d]; }", &[("NN0302", "t")]),
    ("model M(x[3]) -> y { y[i: 2] = if i == 0 { x[i] } else if i == 1 { x[i + 1] } else { x[i + 7] }; }", &[("NN0301", "i + 7")]),
];

/// Texts that are right.
const ACCEPTED: &[&str] = &[
    "model M(a[2, 3], b[2, 3]) -> y { y[i, j] = mul(a[i, j], relu(b[i, j])) * (a[i, j] -> tanh -> square); }",
    "layer sq(x) -> y { y = x^2; } model M(a[2, 3], b[2, 3]) -> y { y[i, j] = sq(a[i, j] * b[i, j]) + (a[i, j] -> sq); }",
    "model M(a[2, 3]) -> y { y[i, j] = a[i, j] / norm(a -> flatten); }",
    "model M(x[4], k: index(4)) -> y { y = x[k]; }",
    "model M(x[4], k: index(-1..4)) -> y { y = x[k] or 0; }",
    "model M(x[4], k: index(-1..4)) -> y { y = if k >= 0 { x[k] } else { 0 }; }",
    "model M(x[T, 3], m[S, 3]) -> y { y = x + m; }",
    "model M(x[T, 3]) -> y { y[t: T, d] = x[T - 1 - t, d]; }",
    "model M(x[10]) -> y { y = x -> residual(residual(linear(10))) -> deep: repeat(2, fc: linear(10) -> relu); loss = mean(y) + 0.1 * sum(deep.1.fc.w); }",
    "model M(x[10]) -> y { y = x -> enc: linear(4) -> dec; block dec = relu -> up: linear(10); loss = mean(y) + sum(dec.up.w) + sum(enc.b); optimizer for dec.* = none; }",
    "model M(x[10]) -> y { y[o] = sum(i) enc.w[o, i] * h[i]; h = x -> enc: linear(4); }",
    "model M(x[10]) -> y { kernel = [0.25, 0.5, 0.25]; y[i: 8] = sum(k) x[i + k] * kernel[k]; }",
    "model M() -> y { param w[3] = 1; y = w; loss = sum(w); }",
    "model M(x[3]) -> y { unbatched; y = x -> linear(2); }",
    "model M(x[3]) -> y { n = sum(i) (if x[i] > 0 { 1 } else { 0 }); y = mean(i where x[i] > 0) x[i] + n; }",
    "model M(x[3]) -> y { y: index(3) = argmax(i) x[i]; loss = x[y]; }",
    "model M(x[3]) -> y { let a = b + 1; let b = 2; y[i: a] = x[i % b]; }",
];

#[test]
fn refusals() {
    let mut failed = String::new();
    for (text, expected) in REFUSED {
        let found: Vec<(String, String)> = match read(text, &Settings::default()) {
            Ok(_) => Vec::new(),
            Err((problems, sources)) => problems
                .iter()
                .map(|problem| {
                    let span = problem.labels[0].span;
                    (problem.code.to_string(), sources.0[span.source as usize].text[span.range()].to_string())
                })
                .collect(),
        };
        let same = found.len() == expected.len()
            && found.iter().zip(*expected).all(|(found, expected)| found.0 == expected.0 && found.1 == expected.1);
        if !same {
            failed.push_str(&format!("{text}\n  expected {expected:?}\n  found {found:?}\n"));
        }
    }
    assert!(failed.is_empty(), "{failed}");
}

#[test]
fn acceptance() {
    for text in ACCEPTED {
        model(text);
    }
}

#[test]
fn codes() {
    use super::CODES;
    let mut failed = String::new();
    assert!(CODES.windows(2).all(|pair| pair[0].code < pair[1].code));
    for code in CODES {
        let example = |head: &str| {
            let at = code.explanation.find(head)?;
            Some(code.explanation[at + head.len()..].lines().next().unwrap_or_default().to_string())
        };
        let found = |text: &str| match read(text, &Settings::default()) {
            Ok(elaborated) => (true, elaborated.warnings.iter().map(|warning| warning.code).collect::<Vec<_>>()),
            Err((problems, _)) => (false, problems.iter().map(|problem| problem.code).collect()),
        };
        if let Some(wrong) = example("Wrong:\n    ")
            && found(&wrong) != (false, vec![code.code])
        {
            failed.push_str(&format!("{}: {wrong}: {:?}\n", code.code, found(&wrong)));
        }
        if let Some(lint) = example("Not good:\n    ")
            && found(&lint) != (true, vec![code.code])
        {
            failed.push_str(&format!("{}: {lint}: {:?}\n", code.code, found(&lint)));
        }
        if let Some(right) = example("Right:\n    ")
            && (!found(&right).0 || found(&right).1.contains(&code.code))
        {
            failed.push_str(&format!("{}: right: {right}: {:?}\n", code.code, found(&right)));
        }
    }
    // every code that is used is explained
    for file in [
        include_str!("apply.rs"),
        include_str!("batch.rs"),
        include_str!("arithmetic.rs"),
        include_str!("bodies.rs"),
        include_str!("calls.rs"),
        include_str!("chains.rs"),
        include_str!("define.rs"),
        include_str!("evaluate.rs"),
        include_str!("initial.rs"),
        include_str!("kinds.rs"),
        include_str!("lints.rs"),
        include_str!("mentions.rs"),
        include_str!("mod.rs"),
        include_str!("models.rs"),
        include_str!("names.rs"),
        include_str!("optimizers.rs"),
        include_str!("random.rs"),
        include_str!("ranges.rs"),
        include_str!("sizes.rs"),
        include_str!("states.rs"),
    ] {
        for (at, _) in file.match_indices("\"NN0") {
            let used = &file[at + 1..at + 7];
            if !CODES.iter().any(|code| code.code == used) {
                failed.push_str(&format!("{used} is not explained\n"));
            }
        }
    }
    assert!(failed.is_empty(), "{failed}");
}

/// Texts that are large, deep, or grow: an answer, soon.
#[test]
fn limits() {
    let chain = |stages: usize| "model M(x[4]) -> y { y = x".to_string() + &" -> linear(4) -> relu".repeat(stages / 2) + "; }";
    let sum = "model M(x[4]) -> y { y = x".to_string() + &" + 2 * x".repeat(100_000) + "; }";
    let different =
        "model M(x[4]) -> y { y[i] = 0".to_string() + &(0..5_000).map(|k| format!(" + {k} * exp({k} * x[i])")).collect::<String>() + "; }";
    let equations = "model M(x[4]) -> y { y = e0;".to_string()
        + &(0..2_000).map(|k| format!(" e{k} = 2 * e{} + 1;", k + 1)).collect::<String>()
        + " e2000 = x; }";
    let lets = "model M(x[4]) -> y { y = x;".to_string()
        + &(0..3_000).map(|k| format!(" let l{k} = l{} + 1;", k + 1)).collect::<String>()
        + " let l3000 = 1; }";
    let doubling = (0..30).map(|k| format!("fn f{}(x) = f{k}(x) + f{k}(2 * x) * f{k}(x + 1);", k + 1)).collect::<String>()
        + "fn f0(x) = exp(x); model M(x[4]) -> y { y = x -> f30; }";
    let same = (0..30).map(|k| format!("fn f{}(x) = tanh(f{k}(x)) * f{k}(x);", k + 1)).collect::<String>()
        + "fn f0(x) = exp(x); model M(x[4]) -> y { y = x -> f30; }";
    let branches = (0..30).map(|k| format!("fn f{}(x) = if f{k}(x) > 0 {{ f{k}(x) }} else {{ 2 * f{k}(x) }};", k + 1)).collect::<String>()
        + "fn f0(x) = exp(x); model M(x[4]) -> y { y = x -> f30; }";
    let layers = (0..30).map(|k| format!("layer l{}(x[N]) -> y {{ y = x -> l{k} -> l{k}; }}", k + 1)).collect::<String>()
        + "layer l0(x[N]) -> y { y = 2 * x; } model M(x[4]) -> y { y = x -> l30; }";
    let nested = "model M(x[4]) -> y { y = x -> ".to_string() + &"repeat(1000000, ".repeat(10) + "relu" + &")".repeat(10) + "; }";
    let name = format!("model M(x[4]) -> y {{ y[i] = x[i] * {}; }}", "a".repeat(1_000_000));
    let choice = "model M(x[4]) -> y { y[i] = ".to_string()
        + &(0..1_000).map(|k| format!("if x[i] > {k} {{ {k} }} else ")).collect::<String>()
        + "{ 0 }; }";
    let unused = (0..10_000).map(|k| format!("fn f{k}(x) = {k} * x; ")).collect::<String>() + "model M(x[4]) -> y { y = x; }";
    let texts = [
        ("chain", chain(10_000), true),
        ("unused", unused, true),
        ("sum", sum, true),
        ("different", different, true),
        ("equations", equations, true),
        ("lets", lets, true),
        ("doubling", doubling, false),
        ("same", same, true),
        ("branches", branches, true),
        ("layers", layers, false),
        ("nested", nested, false),
        ("name", name, false),
        ("choice", choice, true),
    ];
    for (what, text, accepted) in texts {
        let result = read(&text, &Settings::default());
        assert_eq!(result.is_ok(), accepted, "{what}");
    }
}

/// Whatever the text, there is an answer: pieces of the library and of models, cut and mixed.
#[test]
fn any_text() {
    let mut seed = 0x2545_F491_4F6C_DD1D_u64;
    let mut random = move |n: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % n.max(1) as u64) as usize
    };
    let mut words: Vec<String> = Vec::new();
    for (_, text) in crate::library::FILES {
        let mut word = String::new();
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for c in line.chars() {
                if c.is_alphanumeric() || c == '_' {
                    word.push(c);
                } else {
                    if !word.is_empty() {
                        words.push(std::mem::take(&mut word));
                    }
                    if !c.is_whitespace() && c.is_ascii() {
                        words.push(c.to_string());
                    }
                }
            }
        }
    }
    let models: Vec<String> = APPLIED
        .iter()
        .map(|(ports, value)| format!("model Net({ports}) -> out {{ out = {value}; }}"))
        .chain(ACCEPTED.iter().map(|text| text.to_string()))
        .collect();
    let rounds = std::env::var("FUZZ_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(300);
    let mut understood = 0;
    for _ in 0..rounds {
        let mut text = models[random(models.len())].clone();
        if random(3) == 0 {
            let (_, library) = crate::library::FILES[random(crate::library::FILES.len())];
            text = library.to_string() + &text;
        }
        for _ in 0..1 + random(3) {
            // a piece that is a word of the text is replaced by another
            let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
            let at = places[random(places.len())];
            let rest = &text[at..];
            let end = at + rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len()).max(1);
            let end = (end..=text.len()).find(|&end| text.is_char_boundary(end)).unwrap_or(text.len());
            let word = match random(4) {
                0 => String::new(),
                1 => random(12).to_string(),
                _ => words[random(words.len())].clone(),
            };
            text.replace_range(at..end, &word);
        }
        let settings = Settings { rust_constants: random(2) == 0, model: None };
        if let Ok(elaborated) = read(&text, &settings) {
            understood += 1;
            for model in &elaborated.models {
                for forward in [&model.training, &model.inference] {
                    let violations = crate::equations::verify::violations(&forward.equations);
                    assert!(violations.is_empty(), "{text}\n{violations:?}");
                }
            }
        }
    }
    assert!(understood > 0);
}

/// Equations, sizes, constants and assertions of a model with constants of Rust or dynamic sizes.
fn sizes_of(model: &Model) -> String {
    let pool = &model.training.equations.pool;
    let show = |index| crate::equations::print::print_index(pool, &[], index);
    let mut text = print(&model.training.equations);
    text.push_str(&format!("sizes {:?}, constants {:?}\n", model.interface.sizes, model.interface.constants));
    for assertion in &model.interface.assertions {
        let relation = if assertion.equal { "==" } else { "<=" };
        text.push_str(&format!("assert {} {relation} {}: {}\n", show(assertion.left), show(assertion.right), assertion.message));
    }
    text
}

fn inline(text: &str) -> Model {
    let mut sources = Sources::default();
    let number = sources.add("nn!", text);
    let chain = nnc_grammar::parse_inline(number, text).expect("a chain");
    let settings = Settings { rust_constants: true, model: None };
    let result = nnc_grammar::on_large_stack(|| elaborate_chain(&chain, &mut sources, &settings));
    let mut elaborated = result.unwrap_or_else(|problems| panic!("{}", show(&problems, &sources)));
    verify(&elaborated.models[0].training.equations);
    verify(&elaborated.models[0].inference.equations);
    elaborated.models.remove(0)
}

#[test]
fn constants_of_rust() {
    insta::assert_snapshot!(sizes_of(&inline("linear(d, p) -> relu -> linear(q, 3) -> softmax")), @r#"
    input x[batch, d]
    param linear1.w[d, p]
    param linear1.b[p]
    param linear2.w[p, 3]
    param linear2.b[3]
    target target[batch]: index(3)
    linear1.y[n, o] = sum(i) x[n, i] * linear1.w[i, o] + linear1.b[o]
    relu1[n, o] = max(linear1.y[n, o], 0)
    linear2.y[n, o] = sum(i) relu1[n, i] * linear2.w[i, o] + linear2.b[o]
    softmax1.y.lse[n] = lse(j) linear2.y[n, j]
    softmax1.y[n, i] = exp(linear2.y[n, i] - softmax1.y.lse[n])
    loss.l[n] = -log(softmax1.y[n, target[n]])
    loss = (sum(n) loss.l[n]) / max(batch, 1)
    sizes [], constants ["d", "p", "q"]
    assert q == p: linear: n_in must be the size of the input
    "#);
    insta::assert_snapshot!(sizes_of(&inline("linear(2 * d, p) -> residual(linear(r)) -> glu -> linear(3)")), @r#"
    input x[batch, 2 * d]
    param linear1.w[2 * d, p]
    param linear1.b[p]
    param linear2.w[p, p]
    param linear2.b[p]
    param linear3.w[p / 2, 3]
    param linear3.b[3]
    target target[batch, 3]
    linear1.y[n, o] = sum(i) x[n, i] * linear1.w[i, o] + linear1.b[o]
    linear2.y[n, o] = sum(i) linear1.y[n, i] * linear2.w[i, o] + linear2.b[o]
    residual1[n, o] = linear1.y[n, o] + linear2.y[n, o]
    glu1.y[n, i: p / 2] = residual1[n, i] * sigmoid(residual1[n, i + p / 2])
    linear3.y[n, o] = sum(i) glu1.y[n, i] * linear3.w[i, o] + linear3.b[o]
    loss.l[n] = (sum(s) (linear3.y[n, s] - target[n, s])^2) / 3
    loss = (sum(n) loss.l[n]) / max(batch, 1)
    sizes [], constants ["d", "p", "r"]
    assert p % 2 == 0: glu: p is odd
    assert 1 <= p / 2: an index range p / 2 must be at least 1
    assert r == p: residual: shapes must be equal
    "#);
}

#[test]
fn sizes_of_calls() {
    insta::assert_snapshot!(sizes_of(&model("model M(x[T, 4], m[S, 4]) -> y { h = x -> linear(3) -> softmax; k = m -> linear(3); y = h + k; }")), @r#"
    input x[batch, T, 4]
    input m[batch, T, 4]
    param linear1.w[4, 3]
    param linear1.b[3]
    param linear2.w[4, 3]
    param linear2.b[3]
    target target[batch, T, 3]
    linear1.y[n, f1, o] = sum(i) x[n, f1, i] * linear1.w[i, o] + linear1.b[o]
    softmax1.y.lse[n, f1] = lse(j) linear1.y[n, f1, j]
    softmax1.y[n, f1, i] = exp(linear1.y[n, f1, i] - softmax1.y.lse[n, f1])
    linear2.y[n, f1, o] = sum(i) m[n, f1, i] * linear2.w[i, o] + linear2.b[o]
    y[n, f1, i] = softmax1.y[n, f1, i] + linear2.y[n, f1, i]
    loss.l[n] = (sum(s1, s2) (y[n, s1, s2] - target[n, s1, s2])^2) / (3 * T)
    loss = (sum(n) loss.l[n]) / max(batch, 1)
    sizes ["T"], constants []
    "#);
    insta::assert_snapshot!(sizes_of(&model("model M(x[1, T]) -> y { y = x -> conv1d(2, 3, stride = 2) -> max_pool1d(2) -> global_avg_pool; }")), @r#"
    input x[batch, 1, T]
    param conv1d1.w[2, 1, 3]
    param conv1d1.b[2]
    target target[batch, 2]
    conv1d1.y[n, o, i] = sum(c: 1, p) x[n, 0, 2 * i + p] * conv1d1.w[o, 0, p] + conv1d1.b[o]
    max_pool1d1.y[n, c, i: ((T + 1) / 2 + 1) / 2 - 1] = max(p: 2) conv1d1.y[n, c, 2 * i + p]
    global_avg_pool1.y[n, c] = (sum(s) max_pool1d1.y[n, c, s]) / max(real(((T + 1) / 2 + 1) / 2 - 1), 1)
    loss.l[n] = 0.5 * sum(s) (global_avg_pool1.y[n, s] - target[n, s])^2
    loss = (sum(n) loss.l[n]) / max(batch, 1)
    sizes ["T"], constants []
    assert 0 <= T - 3: conv1d: filter 3 (dilation 1) does not fit length T with padding 0
    assert 1 <= (T + 1) / 2 - 1: an index range (T + 1) / 2 - 1 must be at least 1
    assert 0 <= (T + 1) / 2 - 3: max_pool1d: window 2 (dilation 1) does not fit length (T + 1) / 2 - 1 with padding 0
    assert 1 <= ((T + 1) / 2 + 1) / 2 - 1: an index range ((T + 1) / 2 + 1) / 2 - 1 must be at least 1
    "#);
}

#[test]
fn sharing() {
    let text = "model M(a[4], b[4]) -> y {
        block tower = fc1: linear(4) -> tanh -> fc2: linear(2);
        y = (a -> tower, b -> tower) -> concat -> deep: repeat(2, fc: linear(4) -> relu) -> last;
        last = y0; y0 = a -> shared: linear(4) -> shared;
    }";
    let result = read(text, &Settings::default());
    assert!(result.is_err());
    let text = "model M(a[4], b[4]) -> y {
        block tower = fc1: linear(4) -> tanh -> fc2: linear(2);
        y = (a -> tower, b -> tower) -> concat -> deep: repeat(2, fc: linear(4) -> residual(linear(4) -> relu)) -> shared: linear(4) -> shared;
        optimizer for tower.*, deep.0.fc.b = sgd();
        optimizer for *.b = none;
        optimizer for shared.* = sgd(momentum = 0.9) -> ema(0.99);
    }";
    let model = model(text);
    insta::assert_snapshot!(print(&model.training.equations), @r"
    input a[batch, 4]
    input b[batch, 4]
    param tower.fc1.w[4, 4]
    param tower.fc1.b[4]
    param tower.fc2.w[4, 2]
    param tower.fc2.b[2]
    param deep.0.fc.w[4, 4]
    param deep.0.fc.b[4]
    param deep.0.linear1.w[4, 4]
    param deep.0.linear1.b[4]
    param deep.1.fc.w[4, 4]
    param deep.1.fc.b[4]
    param deep.1.linear1.w[4, 4]
    param deep.1.linear1.b[4]
    param shared.w[4, 4]
    param shared.b[4]
    target target[batch, 4]
    tower.fc1.y[n, o] = sum(i) a[n, i] * tower.fc1.w[i, o] + tower.fc1.b[o]
    tower.tanh1[n, o] = tanh(tower.fc1.y[n, o])
    tower.fc2.y[n, o] = sum(i) tower.tanh1[n, i] * tower.fc2.w[i, o] + tower.fc2.b[o]
    tower.fc1.y_2[n, o] = sum(i) b[n, i] * tower.fc1.w[i, o] + tower.fc1.b[o]
    tower.tanh1_2[n, o] = tanh(tower.fc1.y_2[n, o])
    tower.fc2.y_2[n, o] = sum(i) tower.fc2.w[i, o] * tower.tanh1_2[n, i] + tower.fc2.b[o]
    concat1.y[n, i: 4] = if i < 2 { tower.fc2.y[n, i] } else { tower.fc2.y_2[n, i - 2] }
    deep.0.fc.y[n, o] = sum(i) concat1.y[n, i] * deep.0.fc.w[i, o] + deep.0.fc.b[o]
    deep.0.linear1.y[n, o] = sum(i) deep.0.fc.y[n, i] * deep.0.linear1.w[i, o] + deep.0.linear1.b[o]
    deep.0.relu1[n, o] = max(deep.0.linear1.y[n, o], 0)
    deep.0.residual1[n, o] = deep.0.fc.y[n, o] + deep.0.relu1[n, o]
    deep.1.fc.y[n, o] = sum(i) deep.0.residual1[n, i] * deep.1.fc.w[i, o] + deep.1.fc.b[o]
    deep.1.linear1.y[n, o] = sum(i) deep.1.fc.y[n, i] * deep.1.linear1.w[i, o] + deep.1.linear1.b[o]
    deep.1.relu1[n, o] = max(deep.1.linear1.y[n, o], 0)
    deep.1.residual1[n, o] = deep.1.fc.y[n, o] + deep.1.relu1[n, o]
    shared.y[n, o] = sum(i) deep.1.residual1[n, i] * shared.w[i, o] + shared.b[o]
    shared.y_2[n, o] = sum(i) shared.w[i, o] * shared.y[n, i] + shared.b[o]
    loss.l[n] = (sum(s) (shared.y_2[n, s] - target[n, s])^2) / 4
    loss = (sum(n) loss.l[n]) / max(batch, 1)
    ");
    let names: Vec<&str> = model.interface.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
    let groups: Vec<String> = model
        .optimizer
        .groups
        .iter()
        .map(|group| {
            let members: Vec<&str> = group.parameters.iter().map(|&parameter| names[parameter]).collect();
            let states: Vec<&str> = group.states.iter().map(|state| state.name.as_str()).collect();
            format!("{members:?} {states:?}\n")
        })
        .collect();
    insta::assert_snapshot!(groups.concat(), @r#"
    ["tower.fc1.w", "tower.fc2.w"] []
    ["shared.w", "shared.b"] ["sgd.m", "ema.average"]
    ["deep.0.fc.w", "deep.0.linear1.w", "deep.1.fc.w", "deep.1.linear1.w"] ["adam.m", "adam.v"]
    "#);
}

#[test]
fn parameters_in_text_order() {
    let model = model(
        "model M(x[4]) -> y { y = h -> b: linear(4); h = x -> a: linear(4) -> repeat(2, linear(4, bias = false)); param c[4] = 0; loss = sum(c) + sum(y); }",
    );
    let names: Vec<&str> = model.interface.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
    assert_eq!(names, ["b.w", "b.b", "a.w", "a.b", "repeat1.0.linear1.w", "repeat1.1.linear1.w", "c"]);
}

#[test]
fn lints() {
    let text = "layer relu(x[N]) -> y { y[i] = max(x[i], 0); }
        model M(x[4], z[3]) -> y { param w[4] = 1; h = x -> relu -> linear(3); y[i] = log(h[i]) / h[0]; v = w; }";
    let Ok(elaborated) = read(text, &Settings::default()) else { panic!("refused") };
    let shown: Vec<String> = elaborated.warnings.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(shown.join("\n"), @r"
    warning[NN0802]: `relu` replaces the definition of the library in this file
    warning[NN0801]: input `z` has no effect: no result reads it
    warning[NN0801]: parameter `w` does not reach the loss: it is never trained
    warning[NN0803]: a division is not proved to stay in its domain: its argument may be any number
    warning[NN0803]: a logarithm is not proved to stay in its domain: its argument may be any number
    ");
}
