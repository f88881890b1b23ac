//! `nnc show`: costs that are counted by hand here, equations that read as mathematics, drawings that are XML.

use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

/// The exit code of `nnc show …` in the root of the repository, and what went to standard output and to standard error.
fn run(arguments: &[&str], input: &str) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nnc"));
    command.arg("show").args(arguments).current_dir(env!("CARGO_MANIFEST_DIR"));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // a command that does not read its input closes it
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

/// What is shown of a text on standard input, or of a file.
#[track_caller]
fn show(arguments: &[&str], input: &str) -> String {
    let (code, output, errors) = run(arguments, input);
    assert_eq!((code, errors.as_str()), (0, ""), "{arguments:?}");
    output
}

/// The same as JSON, an object for each model.
#[track_caller]
fn objects(arguments: &[&str], input: &str) -> Vec<Value> {
    let lines = show(&[arguments, &["--message-format", "json"]].concat(), input);
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What a refusal says.
#[track_caller]
fn refused(arguments: &[&str], input: &str) -> String {
    let (code, output, errors) = run(arguments, input);
    assert_eq!(output, "");
    format!("exit {code}\n{errors}")
}

#[test]
fn stages() {
    insta::assert_snapshot!(show(&["examples/models/digits.nn"], ""), @"
    Digits
      inputs   x[batch, 64]
      targets  digit[batch]: index(10)
      outputs  p[batch, 10]: prob

      stage           definition     output       parameters  multiply-adds        kept
      ---------------------------------------------------------------------------------
      fc1             linear         [batch, 32]       2,080          2,048
      relu1                          [batch, 32]                             32 * batch
      fc2             linear         [batch, 10]         330            320  10 * batch
      softmax1        softmax        [batch, 10]                                  batch
      cross_entropy1  cross_entropy  [batch]
      loss                           []
      ---------------------------------------------------------------------------------
      total                                            2,410          2,368  43 * batch

      parameters       2,410 (9.4 KiB)
      optimizer state  4,820 (18.8 KiB)
      kept             43 * batch (172 * batch bytes)
      multiply-adds    2,368 forward, 5,056 with gradients, for a sample
    ");
}

#[test]
fn stages_of_a_batch() {
    insta::assert_snapshot!(show(&["examples/models/digits_conv.nn", "--batch", "32"], ""), @"
    DigitsConv
      inputs   x[batch, 1, 8, 8]
      targets  digit[batch]: index(10)
      outputs  p[batch, 10]: prob

      stage           definition     output          parameters  multiply-adds     kept
      ---------------------------------------------------------------------------------
      conv1           conv2d         [32, 16, 8, 8]         160          9,216
      relu1                          [32, 16, 8, 8]                              32,768
      conv2           conv2d         [32, 32, 8, 8]       4,640        294,912
      relu2                          [32, 32, 8, 8]                              65,536
      max_pool2d1     max_pool2d     [32, 32, 4, 4]                              16,384
      flatten1                       [32, 512]
      fc1             linear         [32, 64]            32,832         32,768
      relu3                          [32, 64]                                     2,048
      fc2             linear         [32, 10]               650            640      320
      softmax1        softmax        [32, 10]                                        32
      cross_entropy1  cross_entropy  [32]
      loss                           []
      ---------------------------------------------------------------------------------
      total                                              38,282        337,536  117,088

      parameters       38,282 (149.5 KiB)
      optimizer state  76,564 (299.1 KiB)
      kept             117,088 (457.4 KiB)
      multiply-adds    337,536 forward, 1,003,392 with gradients, for a sample
    ");
}

#[test]
fn equations() {
    insta::assert_snapshot!(show(&["examples/models/digits.nn", "--equations"], ""), @"
    Digits
      given
        input x[batch, 64]
        target digit[batch]: index(10)
        param fc1.w[64, 32]
        param fc1.b[32]
        param fc2.w[32, 10]
        param fc2.b[10]
      forward
        relu1[n, o] = max(sum(i) x[n, i] * fc1.w[i, o] + fc1.b[o], 0)
        fc2.y[n, o] = sum(i) relu1[n, i] * fc2.w[i, o] + fc2.b[o]
        softmax1.y.lse[n] = lse(j) fc2.y[n, j]
        softmax1.y[n, i] = exp(fc2.y[n, i] - softmax1.y.lse[n])
        loss = (sum(n) (softmax1.y.lse[n] - fc2.y[n, digit[n]])) / max(batch, 1)
      backward: d_x is the derivative of the loss with respect to x
        d_fc2.y[n, o] = softmax1.y[n, o] / max(batch, 1) - if o == digit[n] { 1 / max(batch, 1) } else { 0 }
        d_fc2.b[i] = sum(n) d_fc2.y[n, i]
        d_fc2.w[i, j] = sum(n) relu1[n, i] * d_fc2.y[n, j]
        d_fc1.y[n, o] = if relu1[n, o] <= 0 { 0 } else { sum(o2) fc2.w[o, o2] * d_fc2.y[n, o2] }
        d_fc1.b[i] = sum(n) d_fc1.y[n, i]
        d_fc1.w[i, j] = sum(n) x[n, i] * d_fc1.y[n, j]
      a step, for each element of fc1.w, fc2.w
        clip_norm.u.sum = sum(e) all.gradient[e]^2
        clip_norm.u[e] = -gradient[e] * max(-bound / (sqrt(clip_norm.u.sum) + 1e-6), -1)
        adamw.lr = 0.00495 * (cos(3.141592653589793 * min((step - 1) / 2000, 1)) + 1) + 0.0001
        adamw.m1[e] = clip_norm.u[e] * (1 - beta1) + beta1 * adamw.m[e]
        adamw.v1[e] = beta2 * adamw.v[e] + clip_norm.u[e]^2 * (1 - beta2)
        adamw.p.next[e] = parameter[e] * (1 - adamw.lr * decay) - adamw.lr * adamw.m1[e] / ((sqrt(adamw.v1[e] / (1 - exp(step * log(beta2)))) + eps) * (1 - exp(step * log(beta1))))
        adamw.m[e] <- adamw.m1[e]
        adamw.v[e] <- adamw.v1[e]
        parameter[e] <- adamw.p.next[e]
      a step, for each element of fc1.b, fc2.b
        adamw.lr = 0.00495 * (cos(3.141592653589793 * min((step - 1) / 2000, 1)) + 1) + 0.0001
        adamw.m1[e] = gradient[e] * (1 - adamw_beta1) + adamw_beta1 * adamw.m[e]
        adamw.v1[e] = adamw_beta2 * adamw.v[e] + gradient[e]^2 * (1 - adamw_beta2)
        adamw.p.next[e] = parameter[e] * (1 - adamw.lr * adamw_decay) - adamw.lr * adamw.m1[e] / ((sqrt(adamw.v1[e] / (1 - exp(step * log(adamw_beta2)))) + adamw_eps) * (1 - exp(step * log(adamw_beta1))))
        adamw.m[e] <- adamw.m1[e]
        adamw.v[e] <- adamw.v1[e]
        parameter[e] <- adamw.p.next[e]
    ");
    let text = "model Line(x) -> y { target t; param a = 0; y = a * x; loss = (y - t)^2; optimizer = sgd(lr = 0.1); }";
    insta::assert_snapshot!(show(&["-", "--equations", "--message-format", "json"], text), @r#"{"backward":["d_y[n] = 2 * (y[n] - t[n]) / max(batch, 1)","d_a = sum(n) x[n] * d_y[n]"],"forward":["y[n] = x[n] * a","loss = (sum(n) (y[n] - t[n])^2) / max(batch, 1)"],"given":["input x[batch]","target t[batch]","param a"],"model":"Line","optimizer":[{"equations":["sgd.p.next[e] = parameter[e] - lr * (gradient[e] + parameter[e] * decay)","parameter[e] <- sgd.p.next[e]"],"parameters":["a"]}]}"#);
}

/// Checks the costs of the first model of a text: parameters, multiply-adds forward and with gradients, numbers that are kept at a batch
/// of 10, numbers of the optimizer's state.
#[track_caller]
fn check(text: &str, costs: [i64; 5]) {
    let object = &objects(&["-", "--batch", "10"], text)[0];
    let found = ["parameters", "multiply_adds", "training_multiply_adds", "kept", "optimizer_state"].map(|key| object[key].clone());
    assert_eq!(found, costs.map(|cost| json!(cost)), "{text}");
}

#[test]
fn costs_of_linear() {
    // forward: 17 * 15; gradients: w as much, b sums only; the gradient of y is read from y and t
    let text = "model A(x[17]) -> y { target t[15]; y = x -> fc: linear(17, 15); loss = sum(y * t); optimizer = adam; }";
    check(text, [17 * 15 + 15, 17 * 15 + 15, 2 * 17 * 15 + 15, 0, 2 * (17 * 15 + 15)]);
    // two layers: x and the first layer's result, after relu, are read again; the second layer has also a gradient of its input
    let text = "model B(x[4]) -> y {
        target t[2]; y = x -> fc1: linear(4, 3) -> relu -> fc2: linear(3, 2); loss = sum(y * t); optimizer = sgd(lr = 0.1);
    }";
    check(text, [4 * 3 + 3 + 3 * 2 + 2, 12 + 6 + 2, (12 + 6 + 2) + (12 + 6 + 6), 10 * 3, 0]);
    // only biases are trained: no gradient of w
    let text = "model C(x[4]) -> y {
        target t[3]; y = x -> fc: linear(4, 3); loss = sum(y * t); optimizer = sgd(momentum = 0.9); optimizer for *.w = none;
    }";
    check(text, [15, 12 + 3, 12 + 3, 0, 3]);
}

#[test]
fn costs_of_conv2d() {
    // 3 x 6 x 5 -> 2 x 4 x 3 by 3 x 3: 24 results of 27 products; each as often in the gradient of w
    let text = "model A(x[3, 6, 5]) -> y { target t[2, 4, 3]; y = x -> conv: conv2d(3, 2, 3); loss = sum(y * t); optimizer = adam; }";
    check(text, [2 * 27 + 2, 24 * 27 + 24, 2 * 24 * 27 + 24, 0, 2 * 56]);
    // transposed: each of the 2 * 5 numbers of x goes to 3 results, in forward and gradient
    let text = "model B(x[2, 5]) -> y { target t[1, 11]; y = x -> conv: conv_transpose1d(2, 1, 3, stride = 2); loss = sum(y * t); optimizer = sgd(lr = 0.1); }";
    check(text, [2 * 3 + 1, 30 + 11, 30 + 30 + 11, 0, 0]);
}

#[test]
fn costs_of_attention() {
    // 3 places of 4 channels, 2 heads of 2: query, key, value and out are 3 * 4 * 4 each, scores and mixture 2 * 3 * 3 * 2 each
    let text = "model A(x[3, 4]) -> y { target t[3, 4]; y = x -> mix: attention(4, 2); loss = sum(y * t); optimizer = adam; }";
    let (maps, scores) = (4 * 48, 36);
    let forward = maps + 2 * scores + 12;
    // each map has a gradient of its w, out also of its input; scores and mixture have gradients of both factors; the softmax's sum is
    // over 3 in each of 2 * 3 rows
    let training = forward + (maps + 48) + 4 * scores + 18;
    // query, key, value and mixture of 12, probabilities of 2 * 3 * 3
    check(text, [4 * 20, forward, training, 10 * (4 * 12 + 18), 2 * 80]);
}

#[test]
fn costs_of_layer_norm() {
    // forward: squares of 7; the gradient of gamma is a sum of 7 products; mean and deviation of each sample are kept
    let text = "model A(x[7]) -> y { target t[7]; y = x -> norm: layer_norm; loss = sum(y * t); optimizer = adam; }";
    check(text, [14, 7 + 7, 7 + 7 + 7, 10 * 2, 28]);
}

#[test]
fn every_model_of_the_library() {
    let mut models = 0;
    let files = ["tests/library", "examples/models"].map(|folder| fs::read_dir(folder).unwrap());
    for file in files.into_iter().flatten().map(|file| file.unwrap().path()).filter(|file| file.extension().is_some_and(|e| e == "nn")) {
        let file = file.to_str().unwrap();
        for object in objects(&[file], "") {
            models += 1;
            let stages = object["stages"].as_array().unwrap();
            for key in ["parameters", "multiply_adds", "kept"] {
                // each is counted in one stage; a polynomial counts as text
                let parts: Option<i64> = stages.iter().map(|stage| stage[key].as_i64()).sum();
                assert!(parts.is_none() || object[key].as_i64() == parts, "{file} {}: {key}", object["model"]);
            }
        }
    }
    assert!(models > 100, "{models}");
}

#[test]
fn drawings() {
    for model in ["MaskedAttentionCoreCausal", "TransformerDecoderLayer"] {
        let arguments = ["tests/library/attention.nn", "--model", model, "--graph", "-"];
        let drawing = show(&arguments, "");
        assert_eq!(drawing, show(&arguments, ""));
        let document = roxmltree::Document::parse(&drawing).unwrap();
        let root = document.root_element();
        assert_eq!((root.tag_name().name(), root.tag_name().namespace()), ("svg", Some("http://www.w3.org/2000/svg")));
        let extent = |name: &str| root.attribute(name).unwrap().parse::<f64>().unwrap();
        let (width, height) = (extent("width"), extent("height"));
        let boxes: Vec<[f64; 4]> = document
            .descendants()
            .filter(|element| element.has_tag_name(("http://www.w3.org/2000/svg", "rect")))
            .map(|element| ["x", "y", "width", "height"].map(|name| element.attribute(name).unwrap().parse().unwrap()))
            .collect();
        assert!(boxes.len() > 5, "ports and stages");
        for (number, [x, y, w, h]) in boxes.iter().enumerate() {
            assert!(*x >= 0.0 && *y >= 0.0 && x + w <= width && y + h <= height, "{model}: a box leaves the drawing");
            let apart = |[a, b, c, d]: &[f64; 4]| x + w <= *a || a + c <= *x || y + h <= *b || b + d <= *y;
            assert!(boxes[..number].iter().all(apart), "{model}: boxes overlap");
        }
    }
    insta::assert_snapshot!(show(&["examples/models/digits.nn", "--graph", "-"], ""), @r#"
    <svg xmlns="http://www.w3.org/2000/svg" width="476" height="550" viewBox="0 0 476 550" role="img">
    <title>Digits</title>
    <style>
    text { font: 12px ui-monospace, Menlo, Consolas, monospace; text-anchor: middle; fill: #33475b; }
    .name { font-weight: bold; fill: #10202f; }
    rect { fill: #eef4fb; stroke: #4a7fb5; }
    .input rect { fill: #eaf6ec; stroke: #4c9a5c; }
    .target rect { fill: #fdf3e4; stroke: #c58a2a; }
    .output rect { fill: #f5ecfa; stroke: #8a5bb0; }
    .arrow { fill: none; stroke: #5b6b7a; stroke-width: 1.3; marker-end: url(#tip); }
    marker path { fill: #5b6b7a; }
    </style>
    <defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>
    <path class="arrow" d="M238 70V100"/>
    <path class="arrow" d="M238 146V176"/>
    <path class="arrow" d="M238 222V252"/>
    <path class="arrow" d="M238 298C238 313 125 313 125 328"/>
    <path class="arrow" d="M327 374C327 389 331 389 331 404"/>
    <path class="arrow" d="M125 374C125 389 331 389 331 404"/>
    <path class="arrow" d="M331 450C331 465 238 465 238 480"/>
    <path class="arrow" d="M125 374C125 389 103 389 103 404"/>
    <g class="input"><rect x="181" y="24" width="114" height="46" rx="6"/><text class="name" x="238" y="43">input</text><text x="238" y="60">x[batch, 64]</text></g>
    <g class="target"><rect x="229" y="328" width="196" height="46" rx="6"/><text class="name" x="327" y="347">target</text><text x="327" y="364">digit[batch]: index(10)</text></g>
    <g class="stage"><rect x="183" y="100" width="110" height="46" rx="6"/><text class="name" x="238" y="119">fc1: linear</text><text x="238" y="136">[batch, 32]</text></g>
    <g class="stage"><rect x="183" y="176" width="110" height="46" rx="6"/><text class="name" x="238" y="195">relu1</text><text x="238" y="212">[batch, 32]</text></g>
    <g class="stage"><rect x="183" y="252" width="110" height="46" rx="6"/><text class="name" x="238" y="271">fc2: linear</text><text x="238" y="288">[batch, 10]</text></g>
    <g class="stage"><rect x="50" y="328" width="151" height="46" rx="6"/><text class="name" x="125" y="347">softmax1: softmax</text><text x="125" y="364">[batch, 10]</text></g>
    <g class="stage"><rect x="211" y="404" width="241" height="46" rx="6"/><text class="name" x="331" y="423">cross_entropy1: cross_entropy</text><text x="331" y="440">[batch]</text></g>
    <g class="stage"><rect x="183" y="480" width="110" height="46" rx="6"/><text class="name" x="238" y="499">loss</text><text x="238" y="516">[]</text></g>
    <g class="output"><rect x="24" y="404" width="159" height="46" rx="6"/><text class="name" x="103" y="423">output</text><text x="103" y="440">p[batch, 10]: prob</text></g>
    </svg>
    "#);
}

#[test]
fn models_of_a_file() {
    let two = "model A(x[2]) -> y { y = x -> relu; } model B(x[3]) -> y { y = x -> fc: linear(3, 1); }";
    insta::assert_snapshot!(show(&["-"], two), @"
    A
      inputs   x[batch, 2]
      targets  target[batch, 2]
      outputs  y[batch, 2]

      stage  definition  output      parameters  multiply-adds  kept
      --------------------------------------------------------------
      relu1              [batch, 2]
      loss   mse         [batch]                             2
      loss               []
      --------------------------------------------------------------
      total                                   0              2     0

      parameters       0 (0 bytes)
      optimizer state  0 (0 bytes)
      kept             0 (0 bytes)
      multiply-adds    2 forward, 2 with gradients, for a sample

    B
      inputs   x[batch, 3]
      targets  target[batch, 1]
      outputs  y[batch, 1]

      stage  definition  output      parameters  multiply-adds   kept
      ---------------------------------------------------------------
      fc     linear      [batch, 1]           4              3  batch
      loss   mse         [batch]                             1
      loss               []
      ---------------------------------------------------------------
      total                                   4              4  batch

      parameters       4 (16 bytes)
      optimizer state  8 (32 bytes)
      kept             batch (4 * batch bytes)
      multiply-adds    4 forward, 7 with gradients, for a sample
    ");
    assert!(show(&["-"], two).starts_with(&format!("{}\n", show(&["-", "--model", "A"], two))));
    insta::assert_snapshot!(refused(&["-", "--graph", "-"], two), @"
    exit 2
    error: a drawing is of one model: choose it with --model (A, B)
    ");
    insta::assert_snapshot!(refused(&["-", "--model", "C"], two), @"
    exit 2
    error: <stdin> has no model `C`; it has the models `A`, `B`
    ");
    insta::assert_snapshot!(refused(&["-", "--equations", "--batch", "3"], two), @"
    exit 2
    error: the argument '--equations' cannot be used with '--batch <N>'

    Usage: nnc show --equations <FILE>

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(refused(&["-", "--message-format", "json"], "model A(x[2]) -> y { y = x -> rleu; }"), @r#"
    exit 1
    {"code":"NN0102","help":[{"replacement":{"place":{"column":31,"end":34,"end_column":35,"end_line":1,"file":"<stdin>","line":1,"start":30},"with":"relu"},"text":"did you mean `relu`?"}],"labels":[{"place":{"column":31,"end":34,"end_column":35,"end_line":1,"file":"<stdin>","line":1,"start":30},"text":"not defined in this file, its imports or the library"}],"message":"no layer or function is called `rleu`","notes":[],"severity":"error"}
    "#);
}
