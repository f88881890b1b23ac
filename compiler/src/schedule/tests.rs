//! Equations in, programs out.

use super::schedule;
use crate::derive::derive;
use crate::equations::notation::read;
use crate::equations::{Condition, Equation, Name, Reduction, Tensor};
use crate::program::Destination;
use crate::simplify::simplify;

/// The program for `loss` and its gradients by these tensors; or, `again`, for those of the squares of all elements of the first of them.
#[track_caller]
fn program(text: &str, by: &[&str], again: bool) -> String {
    let mut equations = read(text);
    let mut loss = equations.pool.find_name("loss").expect("a loss");
    let by: Vec<Name> = by.iter().map(|name| equations.pool.find_name(name).expect("a tensor")).collect();
    let mut gradients = derive(&mut equations, loss, &by);
    if again {
        let axes = equations.own_axes(gradients[0]);
        let reduced = equations.tensors[&gradients[0]].axes.clone();
        let element = equations.pool.read(gradients[0], axes);
        let body = equations.pool.power(element, 2.0);
        loss = equations.fresh("squares");
        let equation = Equation { reduction: Some(Reduction::Sum), reduced, condition: Condition::TRUE, body };
        equations.insert(loss, Tensor::defined(Vec::new(), equation));
        gradients = derive(&mut equations, loss, &by);
    }
    let gradients = gradients.into_iter().enumerate().map(|(number, name)| (name, Destination::Gradient(number)));
    let results: Vec<(Name, Destination)> = gradients.chain([(loss, Destination::Loss(0))]).collect();
    let keep: Vec<Name> = results.iter().map(|&(name, _)| name).collect();
    let program = schedule(simplify(equations, &keep), results);
    assert_eq!(program.check(), Ok(()));
    program.print()
}

const PLAIN: &str = "
    x[batch, T, 3]
    u[4, 4]
    w[3, 4]
    before[n: batch, t: T, j: 4] = h[n, t - 1, j] or 0
    s[n: batch, t: T, j: 4] = sum(k: 4) before[n, t, k] * u[k, j]
    a[n: batch, t: T, j: 4] = sum(i: 3) x[n, t, i] * w[i, j]
    h[n: batch, t: T, j: 4] = tanh(a[n, t, j] + s[n, t, j])
    loss = sum(n: batch, t: T, j: 4) h[n, t, j] * h[n, t, j]
";

#[test]
fn what_does_not_depend_on_the_cycle_stands_outside_of_its_loop() {
    insta::assert_snapshot!(program(PLAIN, &["u", "w"], false), @r"
    a @0 = nn(x, w)
    for each t of T
      before @1 = nest
        for #0
          for #2
            before = ..
      s @2 = nn(before, u)
      h @3 = nest
        for #0
          for #2
            h = ..
    loss = nest
      loss = Sum over #0, #1, #2
    for each t of T, last first
      d_h, d_s @2 = nest
        for #0
          for #2
            d_h = ..
            d_s = ..
      d_before @4 = nt(d_s, u)
    d_a @4 = flat nest
      for #0
        d_a = ..
    d_w @Gradient(1) = tn(x, d_a)
    d_u @Gradient(0) = tn(before, d_s)
    ");
}

#[test]
fn the_gradient_of_a_gradient_has_loops_in_both_directions() {
    insta::assert_snapshot!(program(PLAIN, &["u"], true), @r"
    a @0 = nn(x, w)
    for each t of T
      before @1 = nest
        for #0
          for #2
            before = ..
      s @2 = nn(before, u)
      h @3 = nest
        for #0
          for #2
            h = ..
    for each t of T, last first
      d_h, d_s @2 = nest
        for #0
          for #2
            d_h = ..
            d_s = ..
      d_before @4 = nt(d_s, u)
    d_u @5 = tn(before, d_s)
    squares = nest
      squares = Sum over #0, #1
    d_d_s_via_d_u_sum @4 = nn(before, d_u)
    for each t of T
      d_d_before @6 = nest
        for #0
          for #2
            d_d_before = ..
      d_d_s_via_d_before, d_d_s @7 = nn(d_d_before, u), epilogue d_d_s_via_d_u_sum by Element
      d_d_h @8 = nest
        for #0
          for #2
            d_d_h = ..
    d_before_via_d_u_sum @4 = nt(d_s, d_u)
    for each t of T, last first
      d_s_2 @9 = nest
        for #0
          for #2
            d_s_2 = ..
      d_before_via_s, d_before_2 @10 = nt(d_s_2, u), epilogue d_before_via_d_u_sum by Element
    d_u_via_s @5 = tn(before, d_s_2)
    d_u_via_d_before @11 = tn(d_d_before, d_s)
    d_u_2 @Gradient(0) = flat nest
      for #0
        d_u_2 = ..
    ");
}

#[test]
fn an_equation_that_reads_itself_is_no_product_of_its_own() {
    let text = "
        u[4, 4]
        x[batch, 5, 4]
        h[n: batch, t: 5, j: 4] = if t > 0 { x[n, t, j] * h[n, t - 1, j] } else { x[n, t, j] }
        y[n: batch, t: 6, j: 4] = if t > 0 { z[n, t - 1, j] } else { 1 }
        z[n: batch, t: 5, j: 4] = y[n, t, j] * h[n, t, j] + (z[n, t - 2, j] or 0)
        loss = sum(n: batch, t: 5, j: 4) z[n, t, j]
    ";
    insta::assert_snapshot!(program(text, &["x"], false), @r"
    for each t of 5
      h @0 = nest
        for #0
          for #2
            h = ..
    for each t of 6
      y @1 = nest
        for #0
          for #2
            y = ..
      z @2 = nest
        for #0
          for #2
            z = ..
    loss = nest
      loss = Sum over #0, #1, #2
    for each t of 6, last first
      d_z @2 = nest
        for #0
          for #2
            d_z = ..
      d_y @3 = nest
        for #0
          for #2
            d_y = ..
    for each t of 5, last first
      d_h @4 = nest
        for #0
          for #2
            d_h = ..
    d_x @Gradient(0) = nest
      for #0
        for #1
          for #2
            d_x = ..
    ");
}
