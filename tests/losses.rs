//! Several losses in a model, and stages whose parameters are held fixed: which gradients there are, what they are, and how a user of
//! `nn!` meets them.

use ndarray::ArrayD;
use nnc::{Dataset, Model, Network, Trainer, nn};
use nnc_compiler::equations::interpret::Value;
use nnc_compiler::evaluate::{Pass, Values, evaluate, initial_values, train};
use nnc_compiler::model::Model as Meaning;
use nnc_compiler::report::mathematics;
use nnc_compiler::{Options, Settings, generate_text, understand};

fn model(text: &str) -> Meaning {
    let mut load = |_: &str, path: &str| Err(format!("no file {path}"));
    let read = understand("test.nn", text.as_bytes(), &mut load, &Settings::default());
    let read = read.unwrap_or_else(|failure| panic!("{}", nnc_grammar::render_all(&failure.diagnostics, &failure.sources)));
    read.models.into_iter().next().expect("a model")
}

/// The derived equations, as `nnc show --equations` prints them.
fn backward(text: &str) -> String {
    mathematics(&model(text)).backward.join("\n")
}

const TWO: &str = "
    model Two(x[3]) -> y {
        target t[2];
        h = x -> a: linear(4) -> tanh;
        y = h -> b: linear(2);
        loss first for a.* = sum(h^2);
        loss second for b.* = mse(y, t);
    }";

#[test]
fn a_loss_has_gradients_of_its_own_parameters_only() {
    // nothing of `second` goes on to `h`
    insta::assert_snapshot!(backward(TWO), @r"
    d_a.y[n, o] = 2 * tanh1[n, o] * (1 - tanh1[n, o]^2) / max(batch, 1)
    d_a.b[i] = sum(n) d_a.y[n, i]
    d_a.w[i, j] = sum(n) x[n, i] * d_a.y[n, j]
    d_b.y[n, o] = (b.y[n, o] - t[n, o]) / max(batch, 1)
    d_b.b[i] = sum(n) d_b.y[n, i]
    d_b.w[i, j] = sum(n) tanh1[n, i] * d_b.y[n, j]
    ");
    // the last loss that matches, and one for all
    let both = TWO.replace("first for a.*", "first").replace("second for b.*", "second for *.b");
    let of = |number: usize| {
        let model = model(&both);
        let loss = &model.interface.losses[number];
        loss.parameters.iter().map(|&position| model.interface.parameters[position].name.clone()).collect::<Vec<_>>()
    };
    assert_eq!((of(0), of(1)), (vec!["a.w".to_string(), "b.w".into()], vec!["a.b".to_string(), "b.b".into()]));
}

#[test]
fn what_is_frozen_leaves_no_equation() {
    let text = "
        model Frozen(x[3]) -> y {
            target t[2];
            y = x -> enc: linear(4) -> tanh -> mid: linear(4) -> tanh -> head: linear(2);
            loss = mse(y, t);
            optimizer for enc.*, mid.* = none;
        }";
    insta::assert_snapshot!(backward(text), @r"
    d_head.y[n, o] = (head.y[n, o] - t[n, o]) / max(batch, 1)
    d_head.b[i] = sum(n) d_head.y[n, i]
    d_head.w[i, j] = sum(n) tanh2[n, i] * d_head.y[n, j]
    ");
    let rust = generate_text(vec![model(text)], &Options::default());
    // each function has the equations that it computes above it
    let computed = rust.lines().filter_map(|line| line.trim().strip_prefix("/// `d_")?.split(['[', ' ']).next());
    assert_eq!(computed.collect::<Vec<_>>(), ["y", "b", "w"], "of one linear layer");
    let named: Vec<&str> = rust.lines().map(str::trim).filter(|line| line.contains("d_enc_w")).collect();
    assert_eq!(named, ["enc_w: d_enc_w,", "kernels::flat_mut(d_enc_w).fill(0.0);"], "its part of the gradient is 0");
}

#[test]
fn a_stage_held_fixed_passes_the_gradient_on() {
    let text = |fixed: &str| {
        format!(
            "layer twice(x[n]) -> y {{ y = x -> in: linear(3) -> tanh -> residual(out: linear(3)); }}
            model Fixed(x[2]) -> y {{
                h = x -> g: linear(3);
                u = h -> d: twice;
                y = u -> d{fixed};
                loss = sum(y^2);
            }}"
        )
    };
    // held fixed twice is held fixed; `false` is the same stage
    assert_eq!(backward(&text("(fixed = false)")), backward(&text("")));
    insta::assert_snapshot!(backward(&text("(fixed = true)")), @r"
    d_d.residual1_2[n, o] = 2 * d.residual1_2[n, o] / max(batch, 1)
    d_d.in.y.sum_2[n, o] = (sum(o2) d.out.w[o, o2] * d_d.residual1_2[n, o2] + d_d.residual1_2[n, o]) * (1 - d.tanh1_2[n, o]^2)
    d_d.residual1[n, o] = sum(o2) d.in.w[o, o2] * d_d.in.y.sum_2[n, o2]
    d_d.out.b[i] = sum(n) d_d.residual1[n, i]
    d_d.out.w[i, j] = sum(n) d.tanh1[n, i] * d_d.residual1[n, j]
    d_d.in.y[n, o] = (sum(o2) d.out.w[o, o2] * d_d.residual1[n, o2] + d_d.residual1[n, o]) * (1 - d.tanh1[n, o]^2)
    d_d.in.b[i] = sum(n) d_d.in.y[n, i]
    d_d.in.w[i, j] = sum(n) g.y[n, i] * d_d.in.y[n, j]
    d_g.y[n, o] = sum(o2) d.in.w[o, o2] * d_d.in.y[n, o2]
    d_g.b[i] = sum(n) d_g.y[n, i]
    d_g.w[i, j] = sum(n) x[n, i] * d_g.y[n, j]
    ");
}

/// Central differences of each loss by the parameters that it is for.
fn against_differences(text: &str, data: &[(&str, &[usize])]) {
    let model = model(text);
    let mut values: Values = initial_values(&model, 3).expect("all sizes are numbers");
    let mut counter = 0;
    for (name, shape) in data {
        let array = ArrayD::from_shape_simple_fn(shape.to_vec(), || {
            counter += 1;
            nnc::kernels::uniform(5, 1, 0, counter)
        });
        values.insert(name.to_string(), Value::Real(array));
    }
    let losses = |values: &Values| evaluate(&model, values, Pass::new(true, false)).expect("the values fit").losses;
    let found = evaluate(&model, &values, Pass::new(true, true)).expect("the values fit").gradients;
    for (number, loss) in model.interface.losses.iter().enumerate() {
        assert!(!loss.parameters.is_empty());
        for &position in &loss.parameters {
            let name = &model.interface.parameters[position].name;
            let (_, gradient) = found.iter().find(|(other, _)| other == name).expect("a gradient");
            for (at, &slope) in gradient.real().expect("reals").iter().enumerate() {
                let moved = |by: f64| {
                    let mut values = values.clone();
                    let Some(Value::Real(array)) = values.get_mut(name) else { panic!("a parameter") };
                    *array.iter_mut().nth(at).expect("an element") += by;
                    losses(&values)[number].1
                };
                let quotient = (moved(1e-5) - moved(-1e-5)) / 2e-5;
                assert!((slope - quotient).abs() < 1e-7 * slope.abs().max(1.0), "{name}[{at}]: {slope}, difference {quotient}");
            }
        }
    }
}

#[test]
fn gradients_are_limits_of_differences() {
    against_differences(TWO, &[("x", &[5, 3]), ("t", &[5, 2])]);
    let adversaries = "
        model Adversaries(z[2]) -> y {
            target real[2], mix: prob;
            y = z -> g: linear(3) -> tanh -> out: linear(2);
            block d = linear(4) -> tanh -> linear(1);
            between[i] = mix * real[i] + (1 - mix) * y[i];
            a = real -> d; b = y -> d; m = between -> d;
            slope = grad(m, between);
            loss critic for d.* = b[0] - a[0] + 10 * (sqrt(sum(i) slope[i]^2 + 1e-12) - 1)^2;
            loss generator for g.*, out.* = -b[0];
        }";
    against_differences(adversaries, &[("z", &[5, 2]), ("real", &[5, 2]), ("mix", &[5])]);
}

#[test]
fn a_loss_by_a_stage_held_fixed_is_that_of_a_copy() {
    // `d` held fixed in the second use: its gradient is that of a model in which the second use is another stage
    let text = |again: &str, rest: &str| {
        format!(
            "model M(x[3]) -> y {{
                h = x -> g: linear(3) -> tanh; u = h -> d: linear(3) -> tanh;
                y = u -> {again} -> sum2; loss = y; {rest}
            }}
            layer sum2(x[n]) -> s {{ s = sum(i) x[i]^2; }}"
        )
    };
    let (fixed, copy) = (model(&text("d(fixed = true)", "")), model(&text("e: linear(3)", "optimizer for e.* = none;")));
    let mut values = initial_values(&fixed, 4).expect("all sizes are numbers");
    values.insert("x".into(), Value::Real(ArrayD::from_shape_fn(vec![4, 3], |at| (at[0] * 3 + at[1]) as f64 / 7.0 - 0.8)));
    let mut copied = values.clone();
    for name in ["w", "b"] {
        copied.insert(format!("e.{name}"), values[&format!("d.{name}")].clone());
    }
    let pass = Pass::new(true, true);
    let (fixed, copy) = (evaluate(&fixed, &values, pass).expect("fits"), evaluate(&copy, &copied, pass).expect("fits"));
    assert_eq!(fixed.loss, copy.loss);
    for (name, gradient) in &fixed.gradients {
        let (_, other) = copy.gradients.iter().find(|(other, _)| other == name).expect("the same parameter");
        let difference = gradient.real().expect("reals") - other.real().expect("reals");
        assert!(difference.iter().all(|x| x.abs() < 1e-12), "{name}: {gradient:?} and {other:?}");
    }
}

#[test]
fn all_parameters_move_at_once_from_the_old_values() {
    let text = "
        model Both(x) -> y {
            param a = 1, b = 2;
            y = a * b * x;
            loss up for a = a * b * x;
            loss down for b = -a * b * x;
            optimizer = sgd(lr = 0.5);
        }";
    let mut values = initial_values(&model(text), 0).expect("numbers");
    values.insert("x".into(), Value::Real(ArrayD::from_elem(vec![1], 1.0)));
    let trained = train(&model(text), &values, 1, 0).expect("the values fit");
    let number = |name: &str| trained.parameters[name].real().expect("a real").sum();
    // a - 0.5 b, b + 0.5 a
    assert_eq!((number("a"), number("b")), (0.0, 2.5));
    assert_eq!(trained.by_name, [("up".to_string(), vec![2.0, 0.0]), ("down".to_string(), vec![-2.0, 0.0])]);
    assert_eq!(trained.losses, [0.0, 0.0]);
}

nn! {
    /// A copy that follows, and what it follows.
    model Follow(x[2]) -> y {
        target t[1];
        y = x -> fast: linear(1);
        /// Squared errors.
        loss errors for fast.* = mse(y, t);
        loss distance for slow.* = sum(i, o) (slow.w[i, o] - fast.w[i, o])^2 / 2;
        metric apart = mean(abs(z - y));
        z = x -> slow: linear(1, bias = false);
        optimizer = sgd(lr = 0.1);
    }

    model Plain(x[2]) -> y { target t[1]; y = x -> fast: linear(1); loss = mse(y, t); optimizer = sgd(lr = 0.1); }
}

#[test]
fn losses_are_known_by_their_names() {
    assert_eq!((Follow::LOSSES, Plain::LOSSES), (&["errors", "distance"][..], &["loss"][..]));
    let (x, t) = ([0.5f32, -1.0, 2.0, 0.25], [1.0f32, -1.0]);
    let mut model = Model::<Follow>::new(1);
    let (fast, slow) = (model.parameter("fast.w").expect("there").to_vec(), model.parameter("slow.w").expect("there").to_vec());
    let before = model.evaluate(&x, &t).expect("the data fit").loss;
    let FollowLoss { errors, distance } = model.step(&x, &t).expect("the data fit");
    assert_eq!(before, FollowLoss { errors, distance });
    let expected: f32 = fast.iter().zip(&slow).map(|(fast, slow)| (slow - fast).powi(2) / 2.0).sum();
    assert!((distance - expected).abs() < 1e-6 && errors > 0.0);
    // the copy follows the old values
    for ((now, slow), fast) in model.parameter("slow.w").expect("there").iter().zip(&slow).zip(&fast) {
        assert!((now - (slow - 0.1 * (slow - fast))).abs() < 1e-6);
    }
    // one loss is a number, and trains as it does beside another
    let mut plain = Model::<Plain>::new(1);
    plain.parameter_mut("fast.w").expect("there").copy_from_slice(&fast);
    let error: f32 = plain.step(&x, &t).expect("the data fit");
    assert_eq!((error, plain.parameter("fast.w").expect("there")), (errors, model.parameter("fast.w").expect("there")));
}

#[test]
fn epochs_show_each_loss() {
    let data = Dataset::new(2, [vec![0.5f32, -1.0, 2.0, 0.25].into(), vec![1.0f32, -1.0].into()]).expect("columns of two rows");
    let trainer = Trainer { epochs: 2, batch: 2, ..Trainer::default() };
    let epochs = trainer.train(&mut Model::<Follow>::new(1), &data, |_, _| {}).expect("the data fit");
    let [(first, errors), (second, distance)] = epochs[0].losses[..] else { panic!("two losses") };
    assert_eq!((first, second, errors + distance), ("errors", "distance", epochs[0].loss));
    assert!(epochs[0].to_string().starts_with(&format!("epoch   1  errors {errors:.4}  distance {distance:.4}")));
    let plain = trainer.train(&mut Model::<Plain>::new(1), &data, |_, _| {}).expect("the data fit");
    assert!(plain[0].losses.is_empty() && plain[0].to_string().starts_with("epoch   1  loss "));
}
