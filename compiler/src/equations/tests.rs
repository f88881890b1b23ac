pub(crate) mod random;
mod recurrences;
pub(crate) mod rules;
mod values;
mod verifier;

use super::print::*;
use super::verify::{verify, violations};
use super::*;

/// Equations under construction; names of sizes and axes as in the texts.
#[derive(Default)]
pub(crate) struct Build {
    pub equations: Equations,
}

impl Build {
    pub fn pool(&mut self) -> &mut Pool {
        &mut self.equations.pool
    }
    pub fn batch(&mut self) -> Index {
        self.pool().size(BATCH, 0)
    }
    pub fn int(&mut self, value: i64) -> Index {
        self.pool().integer(value)
    }
    pub fn given(&mut self, name: &str, axes: &[Index]) -> Name {
        let name = self.pool().name(name);
        self.equations.insert(name, Tensor::given(Role::Input, axes.to_vec()));
        name
    }
    pub fn integers(&mut self, name: &str, axes: &[Index], high: Index) -> Name {
        let name = self.given(name, axes);
        let low = self.int(0);
        if let Some(tensor) = self.equations.tensors.get_mut(&name) {
            tensor.element = Element::Integer { low, high };
        }
        name
    }
    pub fn define(&mut self, name: &str, axes: &[Index], labels: &[&str], equation: Equation) -> Name {
        let name = self.pool().name(name);
        let mut tensor = Tensor::defined(axes.to_vec(), equation);
        tensor.labels = labels.iter().map(|label| label.to_string()).collect();
        self.equations.insert(name, tensor);
        name
    }
    /// A read of a real tensor.
    pub fn read(&mut self, tensor: Name, at: &[Index]) -> Scalar {
        self.pool().read(tensor, at.to_vec())
    }
    pub fn reduce(&mut self, reduction: Reduction, reduced: &[Index], condition: Condition, body: Scalar) -> Equation {
        Equation { reduction: Some(reduction), reduced: reduced.to_vec(), condition, body }
    }
}

/// A linear layer, softmax over it, its logarithm at a target.
pub(crate) fn classifier() -> Build {
    let mut b = Build::default();
    let (n, d, k) = (b.batch(), b.int(784), b.int(10));
    let (x, w, bias) = (b.given("x", &[n, d]), b.given("w", &[d, k]), b.given("b", &[k]));
    let t = b.integers("t", &[n], k);
    let (i0, i1, i2) = (b.pool().axis(0, n), b.pool().axis(1, k), b.pool().axis(2, d));
    let (xr, wr) = (b.pool().read(x, vec![i0, i2]), b.pool().read(w, vec![i2, i1]));
    let product = b.pool().mul(&[xr, wr]);
    let sum = b.reduce(Reduction::Sum, &[d], Condition::TRUE, product);
    let z = b.define("z_sum", &[n, k], &["n", "o", "i"], sum);
    let (zr, br) = (b.pool().read(z, vec![i0, i1]), b.pool().read(bias, vec![i1]));
    let body = b.pool().add(&[zr, br]);
    let z = b.define("z", &[n, k], &["n", "o"], Equation::pointwise(body));
    let j = b.pool().axis(1, k);
    let zr = b.pool().read(z, vec![i0, j]);
    let lse = b.reduce(Reduction::LogSumExp, &[k], Condition::TRUE, zr);
    let lse = b.define("lse_z", &[n], &["n", "j"], lse);
    let (zr, lr) = (b.pool().read(z, vec![i0, i1]), b.pool().read(lse, vec![i0]));
    let difference = b.pool().subtract(zr, lr);
    let body = b.pool().apply(Function::Exp, difference);
    let p = b.define("p", &[n, k], &["n", "i"], Equation::pointwise(body));
    let (low, tr) = (b.int(0), vec![i0]);
    let tr = b.pool().read_integer(t, tr, low, k);
    let pr = b.pool().read(p, vec![i0, tr]);
    let log = b.pool().apply(Function::Log, pr);
    let body = b.pool().negative(log);
    b.define("loss", &[n], &["n"], Equation::pointwise(body));
    b
}

#[test]
fn a_classifier_reads_like_mathematics() {
    let b = classifier();
    verify(&b.equations);
    insta::assert_snapshot!(print(&b.equations), @r"
    input x[batch, 784]
    input w[784, 10]
    input b[10]
    input t[batch]: index(10)
    z[n, o] = sum(i) x[n, i] * w[i, o] + b[o]
    lse_z[n] = lse(j) z[n, j]
    p[n, i] = exp(z[n, i] - lse_z[n])
    loss[n] = -log(p[n, t[n]])
    ");
    insta::assert_snapshot!(print_apart(&b.equations), @r"
    input x[batch, 784]
    input w[784, 10]
    input b[10]
    input t[batch]: index(10)
    z_sum[n, o] = sum(i) x[n, i] * w[i, o]
    z[n, o] = z_sum[n, o] + b[o]
    lse_z[n] = lse(j) z[n, j]
    p[n, i] = exp(z[n, i] - lse_z[n])
    loss[n] = -log(p[n, t[n]])
    ");
    assert_eq!(violations(&b.equations), Vec::<String>::new());
}

#[cfg(feature = "interpret")]
mod interpreter {
    use super::*;
    use crate::equations::interpret::{Fault, Value, interpret};
    use ndarray::{ArrayD, IxDyn};

    fn real(shape: &[usize], values: &[f64]) -> Value {
        Value::Real(ArrayD::from_shape_vec(IxDyn(shape), values.to_vec()).unwrap())
    }
    fn integer(shape: &[usize], values: &[i64]) -> Value {
        Value::Integer(ArrayD::from_shape_vec(IxDyn(shape), values.to_vec()).unwrap())
    }

    /// Evaluates `name` on the values given; sizes come from their shapes.
    fn run(equations: &Equations, given: &[(&str, Value)], name: &str) -> Result<Value, Fault> {
        let given = given.iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
        let name = equations.pool.find_name(name).unwrap();
        interpret(equations, &BTreeMap::new(), &given, &[name]).map(|mut values| values.remove(0))
    }
    #[track_caller]
    fn check(equations: &Equations, given: &[(&str, Value)], name: &str, shape: &[usize], expected: &[f64]) {
        let found = run(equations, given, name).unwrap();
        let found = found.real().unwrap();
        assert_eq!(found.shape(), shape);
        for (a, b) in found.iter().zip(expected) {
            assert!(a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-14 * b.abs().max(1.0), "{a} instead of {b}");
        }
    }

    #[test]
    fn a_matrix_product() {
        let mut b = Build::default();
        let (n, d, k) = (b.batch(), b.int(3), b.int(2));
        let (x, w) = (b.given("x", &[n, d]), b.given("w", &[d, k]));
        let (i0, i1, i2) = (b.pool().axis(0, n), b.pool().axis(1, k), b.pool().axis(2, d));
        let (xr, wr) = (b.pool().read(x, vec![i0, i2]), b.pool().read(w, vec![i2, i1]));
        let body = b.pool().mul(&[xr, wr]);
        let sum = b.reduce(Reduction::Sum, &[d], Condition::TRUE, body);
        b.define("y", &[n, k], &[], sum);
        let w = real(&[3, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let x = real(&[2, 3], &[1.0, 0.0, -1.0, 0.5, 1.0, 2.0]);
        check(&b.equations, &[("x", x), ("w", w.clone())], "y", &[2, 2], &[-4.0, -4.0, 13.5, 17.0]);
        check(&b.equations, &[("x", real(&[0, 3], &[])), ("w", w.clone())], "y", &[0, 2], &[]);
        assert_eq!(run(&b.equations, &[("w", w.clone())], "y"), Err(Fault::NoValue { name: "x".into() }));
        let x = real(&[2, 4], &[0.0; 8]);
        let fault = run(&b.equations, &[("x", x), ("w", w)], "y").unwrap_err();
        assert_eq!(fault.to_string(), "`x` has shape [2, 4], expected [2, 3]");
    }

    #[test]
    fn the_loss_of_a_classifier() {
        let mut given: Vec<(&str, Value)> = vec![("t", integer(&[2], &[3, 9]))];
        given.push(("x", real(&[2, 784], &[0.0; 2 * 784])));
        given.push(("w", real(&[784, 10], &[0.5; 7840])));
        given.push(("b", real(&[10], &[0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])));
        let lse = (9.0 + 1f64.exp()).ln();
        check(&classifier().equations, &given, "loss", &[2], &[lse - 1.0, lse]);
        given[0].1 = integer(&[2], &[3, 10]);
        let fault = run(&classifier().equations, &given, "loss").unwrap_err();
        assert_eq!(fault.to_string(), "`t` holds 10, expected 0 .. 10");
    }

    /// `r = reduction(i where i >= from) x[i]`
    fn reduced(reduction: Reduction, from: i64, values: &[f64]) -> Value {
        let mut b = Build::default();
        let n = b.batch();
        let x = b.given("x", &[n]);
        let i = b.pool().axis(0, n);
        let body = b.pool().read(x, vec![i]);
        let from = b.pool().offset(i, -from);
        let condition = b.pool().non_negative(from);
        let equation = b.reduce(reduction, &[n], condition, body);
        let r = b.define("r", &[], &[], equation);
        if reduction == Reduction::ArgMax {
            let low = b.int(0);
            b.equations.tensors.get_mut(&r).unwrap().element = Element::Integer { low, high: n };
        }
        run(&b.equations, &[("x", real(&[values.len()], values))], "r").unwrap()
    }

    #[test]
    fn reductions_over_no_element_and_over_extremes() {
        const INF: f64 = f64::INFINITY;
        const NAN: f64 = f64::NAN;
        let real = |reduction, from, values: &[f64]| reduced(reduction, from, values).real().unwrap()[[].as_slice()];
        assert_eq!(real(Reduction::Sum, 0, &[]).to_bits(), 0);
        assert_eq!(real(Reduction::Sum, 2, &[1.0, 2.0]), 0.0);
        assert_eq!(real(Reduction::Product, 0, &[]), 1.0);
        assert_eq!(real(Reduction::Max, 0, &[]), -INF);
        assert_eq!(real(Reduction::LogSumExp, 0, &[]), -INF);
        assert_eq!(real(Reduction::LogSumExp, 0, &[-INF, -INF]), -INF);
        assert_eq!(real(Reduction::LogSumExp, 0, &[1.0, INF]), INF);
        assert_eq!(real(Reduction::LogSumExp, 0, &[1000.0, 1000.0]), 1000.0 + 2f64.ln());
        assert!(real(Reduction::LogSumExp, 0, &[1.0, NAN, INF]).is_nan());
        assert!(real(Reduction::Max, 0, &[1.0, NAN, 3.0]).is_nan());
        assert_eq!(real(Reduction::Max, 2, &[1.0, NAN, 3.0]), 3.0);
        let argmax = |from, values: &[f64]| reduced(Reduction::ArgMax, from, values).integer().unwrap()[[].as_slice()];
        assert_eq!(argmax(0, &[1.0, 3.0, 3.0]), 1);
        assert_eq!(argmax(1, &[9.0, 3.0, 4.0]), 2);
        assert_eq!(argmax(0, &[9.0, NAN, NAN]), 1);
    }

    #[test]
    fn a_recurrence_runs_in_either_direction() {
        for step in [-1, 1] {
            let mut b = Build::default();
            let t = b.int(5);
            let x = b.given("x", &[t]);
            let h = b.pool().name("h");
            let i = b.pool().axis(0, t);
            let before = b.pool().offset(i, step);
            let (inside, read) = (b.pool().in_range(before, t), b.pool().read(h, vec![before]));
            let zero = b.pool().constant(0.0);
            let previous = b.pool().select(inside, read, zero);
            let half = b.pool().constant(0.5);
            let previous = b.pool().mul(&[half, previous]);
            let xr = b.pool().read(x, vec![i]);
            let body = b.pool().add(&[previous, xr]);
            b.define("h", &[t], &["t"], Equation::pointwise(body));
            verify(&b.equations);
            let mut expected = [1.0, 2.5, 4.25, 6.125, 8.0625];
            let mut given = [1.0, 2.0, 3.0, 4.0, 5.0];
            if step == 1 {
                expected.reverse();
                given.reverse();
            }
            check(&b.equations, &[("x", real(&[5], &given))], "h", &[5], &expected);
        }
    }

    #[test]
    fn an_element_that_needs_itself_is_an_error() {
        let mut b = Build::default();
        let t = b.int(3);
        let (h, g) = (b.pool().name("h"), b.pool().name("g"));
        let i = b.pool().axis(0, t);
        let read = b.pool().read(g, vec![i]);
        b.define("h", &[t], &[], Equation::pointwise(read));
        let read = b.pool().read(h, vec![i]);
        b.define("g", &[t], &[], Equation::pointwise(read));
        assert_eq!(violations(&b.equations), ["`h` depends on itself at the same element"]);
        assert!(matches!(run(&b.equations, &[], "g"), Err(Fault::Cycle { .. })));
    }

    #[test]
    fn a_branch_not_taken_is_not_evaluated() {
        let mut b = Build::default();
        let n = b.int(3);
        let x = b.given("x", &[n]);
        let i = b.pool().axis(0, n);
        let next = b.pool().offset(i, 1);
        let (inside, read, one) = (b.pool().in_range(next, n), b.pool().read(x, vec![next]), b.pool().constant(-1.0));
        let body = b.pool().select(inside, read, one);
        b.define("y", &[n], &[], Equation::pointwise(body));
        verify(&b.equations);
        check(&b.equations, &[("x", real(&[3], &[1.0, 2.0, 3.0]))], "y", &[3], &[2.0, 3.0, -1.0]);
        // without the condition it is out of range
        b.define("y", &[n], &[], Equation::pointwise(read));
        let fault = run(&b.equations, &[("x", real(&[3], &[1.0, 2.0, 3.0]))], "y").unwrap_err();
        assert_eq!(fault.to_string(), "`y` reads `x` at [3], which is outside of its shape [3]");
        assert_eq!(violations(&b.equations), ["`y` reads `x` at i + 1 of 3 where [], which is out of range at [2]: y[i: 3] = x[i + 1]"]);
    }
}
