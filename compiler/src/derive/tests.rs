use super::*;
use crate::equations::Role;

/// `y[n, o] = sum(i) x[n, i] * w[i, o]`, `loss = sum(n, o) y[n, o]^2`
fn linear() -> (Equations, Name, Name, Name) {
    let mut equations = Equations::new();
    let pool = &mut equations.pool;
    let (n, i, o) = (pool.size("batch", 0), pool.integer(4), pool.integer(3));
    let (x, w, y, loss) = (pool.name("x"), pool.name("w"), pool.name("y"), pool.name("loss"));
    let (a0, a1, a2) = (pool.axis(0, n), pool.axis(1, o), pool.axis(2, i));
    let (xr, wr) = (pool.read(x, vec![a0, a2]), pool.read(w, vec![a2, a1]));
    let product = pool.mul(&[xr, wr]);
    let yr = pool.read(y, vec![a0, a1]);
    let square = pool.power(yr, 2.0);
    let sum = |reduced: Vec<Index>, body| Equation { reduction: Some(Reduction::Sum), reduced, condition: Condition::TRUE, body };
    equations.insert(x, Tensor::given(Role::Input, vec![n, i]));
    equations.insert(w, Tensor::given(Role::Parameter, vec![i, o]));
    equations.insert(y, Tensor { labels: vec!["n".into(), "o".into(), "i".into()], ..Tensor::defined(vec![n, o], sum(vec![i], product)) });
    equations.insert(loss, Tensor::defined(Vec::new(), sum(vec![n, o], square)));
    (equations, x, w, loss)
}

#[test]
fn a_linear_layer_has_two_contractions() {
    let (mut equations, x, w, loss) = linear();
    let gradients = derive(&mut equations, loss, &[w, x]);
    let names: Vec<&str> = gradients.iter().map(|&name| equations.pool.text(name)).collect();
    assert_eq!(names, ["d_w", "d_x"]);
    let d_w = &equations.tensors[&gradients[0]];
    let equation = d_w.equation().expect("an equation");
    assert_eq!((equation.reduction, equation.reduced.len(), equation.condition), (Some(Reduction::Sum), 1, Condition::TRUE));
    assert_eq!(d_w.labels, ["i", "o", "n"]);
}
