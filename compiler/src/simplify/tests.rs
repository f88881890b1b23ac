mod random;

use super::*;
use crate::derive::derive;
use crate::equations::print::print;
use crate::equations::tests::{Build, classifier};
use crate::equations::*;

/// The equations that are left when only these tensors are asked for; given tensors are not shown.
fn simplified(equations: &Equations, keep: &[&str]) -> String {
    let keep: Vec<Name> = keep.iter().map(|name| equations.pool.find_name(name).unwrap()).collect();
    shown(&simplify(equations.clone(), &keep))
}
fn shown(equations: &Equations) -> String {
    let lines: Vec<String> = print(equations).lines().filter(|line| line.contains('=')).map(str::to_string).collect();
    lines.join("\n")
}

/// `mean = sum(n) loss[n] / batch`
fn mean_of(b: &mut Build, loss: &str) -> Name {
    let loss = b.pool().name(loss);
    let n = b.batch();
    let i = b.pool().axis(0, n);
    let read = b.read(loss, &[i]);
    let size = b.pool().real(n);
    let body = b.pool().quotient(read, size);
    let sum = b.reduce(Reduction::Sum, &[n], Condition::TRUE, body);
    b.define("mean", &[], &["n"], sum)
}

#[test]
fn cross_entropy_over_softmax_is_stable_and_has_the_textbook_gradient() {
    let mut b = classifier();
    let mean = mean_of(&mut b, "loss");
    let p = b.pool().name("p");
    insta::assert_snapshot!(simplified(&b.equations, &["mean"]), @r"
    z[n, o] = sum(i) x[n, i] * w[i, o] + b[o]
    lse_z[n] = lse(j) z[n, j]
    mean = sum(n) (lse_z[n] - z[n, t[n]]) / batch
    ");
    insta::assert_snapshot!(simplified(&b.equations, &["mean", "p"]), @r"
    z[n, o] = sum(i) x[n, i] * w[i, o] + b[o]
    lse_z[n] = lse(j) z[n, j]
    p[n, i] = exp(z[n, i] - lse_z[n])
    mean = sum(n) (lse_z[n] - z[n, t[n]]) / batch
    ");
    let mut equations = simplify(b.equations, &[mean, p]);
    let (w, bias) = (equations.pool.name("w"), equations.pool.name("b"));
    let gradients = derive(&mut equations, mean, &[w, bias]);
    insta::assert_snapshot!(shown(&equations), @r"
    z[n, o] = sum(i) x[n, i] * w[i, o] + b[o]
    lse_z[n] = lse(j) z[n, j]
    p[n, i] = exp(z[n, i] - lse_z[n])
    mean = sum(n) (lse_z[n] - z[n, t[n]]) / batch
    d_mean = 1
    d_lse_z[n: batch] = d_mean / batch
    d_z[n, o] = d_lse_z[n] * exp(z[n, o] - lse_z[n]) + if o == t[n] { -d_mean / batch } else { 0 }
    d_z_sum[n, o] = d_z[n, o]
    d_b[o] = sum(n) d_z[n, o]
    d_w[i, o] = sum(n) x[n, i] * d_z_sum[n, o]
    ");
    let keep = [vec![mean, p], gradients].concat();
    insta::assert_snapshot!(shown(&simplify(equations, &keep)), @r"
    z[n, o] = sum(i) x[n, i] * w[i, o] + b[o]
    lse_z[n] = lse(j) z[n, j]
    p[n, i] = exp(z[n, i] - lse_z[n])
    mean = sum(n) (lse_z[n] - z[n, t[n]]) / batch
    d_z[n, o] = p[n, o] / batch + if o == t[n] { -1 / batch } else { 0 }
    d_b[o] = sum(n) d_z[n, o]
    d_w[i, o] = sum(n) x[n, i] * d_z[n, o]
    ");
}
