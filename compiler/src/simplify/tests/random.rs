//! Random equations have the same values before and after.

use super::*;
use crate::equations::tests::random::for_seeds;

/// A random model: equations over a few given tensors, and which are asked for.
struct Model {
    b: Build,
    keep: Vec<Name>,
    /// Tensors that can be read: name, sizes.
    tensors: Vec<(Name, Vec<Index>)>,
    labels: Name,
    /// Whether values may be NaN; then nothing multiplies by a constant 0, which would hide them.
    not_a_number: bool,
}

impl Model {
    fn random(random: &mut Random) -> Model {
        let mut b = Build::default();
        let n = b.batch();
        let sizes: Vec<Index> = [2, 3, 4, 6].iter().map(|&size| b.int(size)).collect();
        let [two, three, four, six] = sizes[..] else { unreachable!() };
        let shapes: [(&str, &[Index]); 7] =
            [("x", &[n, three]), ("w", &[three, four]), ("b", &[four]), ("v", &[n]), ("q", &[two, three]), ("f", &[n, six]), ("s", &[])];
        let mut tensors = Vec::new();
        for (name, axes) in shapes {
            tensors.push((b.given(name, axes), axes.to_vec()));
        }
        let labels = b.integers("t", &[n], four);
        let not_a_number = random.chance(25);
        let mut model = Model { b, keep: Vec::new(), tensors, labels, not_a_number };
        for number in 0..random.between(2, 9) {
            model.equation(random, number);
        }
        let defined: Vec<Name> = model.tensors[7..].iter().map(|&(name, _)| name).collect();
        model.keep.push(defined[defined.len() - 1]);
        for name in defined {
            if random.chance(25) && !model.keep.contains(&name) {
                model.keep.push(name);
            }
        }
        model
    }
    fn equation(&mut self, random: &mut Random, number: i64) {
        let n = self.b.batch();
        let choices: Vec<Index> = [1, 2, 3, 4, 6, 3, 4].iter().map(|&size| self.b.int(size)).chain([n, n]).collect();
        let name = format!("e{number}");
        if random.chance(12) {
            return self.view(random, &name);
        }
        if random.chance(20) && self.tensors.len() > 7 {
            return self.again(random, &name);
        }
        let axes: Vec<Index> = (0..random.between(0, 3)).map(|_| random.pick(&choices)).collect();
        let reduction = match random.below(8) {
            0..=2 => Some(Reduction::Sum),
            3 => Some(random.pick(&[Reduction::Max, Reduction::LogSumExp, Reduction::Product])),
            _ => None,
        };
        let reduced: Vec<Index> = match reduction {
            Some(_) => (0..random.between(1, 2)).map(|_| random.pick(&choices)).collect(),
            None => Vec::new(),
        };
        let all: Vec<Index> = axes.iter().chain(&reduced).copied().collect();
        let own: Vec<Index> = all.iter().enumerate().map(|(number, &size)| self.b.pool().axis(number as u32, size)).collect();
        let depth = random.between(1, 3) as usize;
        let body = self.scalar(random, &own, &all, depth);
        let condition = if reduction.is_some() && random.chance(30) { self.condition(random, &own, &all) } else { Condition::TRUE };
        let equation = Equation { reduction, reduced, condition, body };
        let name = self.b.define(&name, &axes, &[], equation);
        self.tensors.push((name, axes));
    }
    /// The same as an earlier equation, its axes in another order, or more than that.
    fn again(&mut self, random: &mut Random, name: &str) {
        let (of, sizes) = self.tensors[random.between(7, self.tensors.len() as i64 - 1) as usize].clone();
        let equation = self.b.equations.tensors[&of].equation().unwrap().clone();
        let mut order: Vec<usize> = (0..sizes.len()).collect();
        for at in (1..order.len()).rev() {
            order.swap(at, random.below(at + 1));
        }
        let axes: Vec<Index> = order.iter().map(|&axis| sizes[axis]).collect();
        let pool = self.b.pool();
        let mut renamed = BTreeMap::new();
        for (new, &old) in order.iter().enumerate() {
            renamed.insert(old as u32, pool.axis(new as u32, sizes[old]));
        }
        let mut body = pool.substitute_scalar(equation.body, &renamed);
        let condition = pool.substitute_condition(equation.condition, &renamed);
        let own: Vec<Index> = (0..).zip(&axes).map(|(number, &size)| pool.axis(number, size)).collect();
        if equation.reduction.is_none() && random.chance(50) {
            let other = self.read(random, &own, &axes);
            let is_function = matches!(self.b.pool().scalar(body), ScalarNode::Apply(..));
            let value = if is_function { body } else { self.b.pool().apply(Function::Sin, body) };
            body = self.b.pool().add(&[value, other]);
        }
        let name = self.b.define(name, &axes, &[], Equation { condition, body, ..equation });
        self.tensors.push((name, axes));
    }
    /// A reshape, or an alias, of a tensor.
    fn view(&mut self, random: &mut Random, name: &str) {
        let (of, sizes) = random.pick(&self.tensors);
        let pool = self.b.pool();
        let (axes, at) = if random.chance(50) || sizes.len() < 2 {
            let own = (0..).zip(&sizes).map(|(number, &size)| pool.axis(number, size)).collect();
            (sizes.clone(), own)
        } else {
            let rest = pool.count(&sizes[1..]);
            let (first, flat) = (pool.axis(0, sizes[0]), pool.axis(1, rest));
            let mut at = Vec::new();
            let mut left = flat;
            for &size in sizes[1..].iter().rev() {
                at.push(pool.remainder(left, size));
                left = pool.divide(left, size);
            }
            at.push(first);
            at.reverse();
            (vec![sizes[0], rest], at)
        };
        let read = pool.read(of, at);
        let name = self.b.define(name, &axes, &[], Equation::pointwise(read));
        self.tensors.push((name, axes));
    }
    /// An index below `size`, and the condition under which it is.
    fn index(&mut self, random: &mut Random, own: &[Index], all: &[Index], size: Index) -> (Index, Condition) {
        let same: Vec<Index> = own.iter().zip(all).filter(|&(_, &other)| other == size).map(|(&index, _)| index).collect();
        if !same.is_empty() && random.chance(75) {
            return (random.pick(&same), Condition::TRUE);
        }
        let pool = self.b.pool();
        let constant = pool.constant_of(size);
        let some = if own.is_empty() { pool.integer(1) } else { random.pick(own) };
        match random.below(5) {
            0 if constant.is_some() => (pool.integer(random.between(0, constant.unwrap_or(1) - 1)), Condition::TRUE),
            1 if constant.is_some() => (pool.remainder(some, size), Condition::TRUE),
            2 if constant == Some(4) => {
                let n = self.b.batch();
                if let Some(sample) = own.iter().zip(all).find(|&(_, &other)| other == n).map(|(&index, _)| index) {
                    let (low, t) = (self.b.int(0), self.labels);
                    let read = self.b.pool().read_integer(t, vec![sample], low, size);
                    return (read, Condition::TRUE);
                }
                let index = self.b.int(random.between(0, 3));
                (index, Condition::TRUE)
            }
            3 => {
                let half = pool.integer(2);
                let index = pool.divide(some, half);
                let condition = pool.in_range(index, size);
                (index, condition)
            }
            _ => {
                let scaled = pool.scaled(some, random.pick(&[1, 1, -1, 2]));
                let index = pool.offset(scaled, random.between(-2, 2));
                let condition = pool.in_range(index, size);
                (index, condition)
            }
        }
    }
    fn read(&mut self, random: &mut Random, own: &[Index], all: &[Index]) -> Scalar {
        let recent = self.tensors.len() > 8 && random.chance(60);
        let (tensor, sizes) = if recent {
            self.tensors[random.between(7, self.tensors.len() as i64 - 1) as usize].clone()
        } else {
            random.pick(&self.tensors)
        };
        let (mut at, mut conditions) = (Vec::new(), Vec::new());
        for size in sizes {
            let (index, condition) = self.index(random, own, all, size);
            at.push(index);
            conditions.push(condition);
        }
        let condition = self.b.pool().all(&conditions);
        let read = self.b.pool().read(tensor, at);
        let other = if self.not_a_number { 0.5 } else { random.pick(&[0.0, 0.0, 0.5]) };
        let other = self.b.pool().constant(other);
        self.b.pool().select(condition, read, other)
    }
    fn condition(&mut self, random: &mut Random, own: &[Index], all: &[Index]) -> Condition {
        if own.is_empty() || random.chance(30) {
            // reals of given tensors are the same before and after
            let (tensor, v) = (self.tensors[3].0, self.tensors[2].0);
            let (sample, four) = (self.index(random, own, all, self.tensors[3].1[0]), self.tensors[2].1[0]);
            let column = self.index(random, own, all, four);
            let (a, b) = (self.b.read(tensor, &[sample.0]), self.b.read(v, &[column.0]));
            let less = self.b.pool().compare(Relation::Less, a, b);
            return self.b.pool().all(&[sample.1, column.1, less]);
        }
        let pool = self.b.pool();
        let index = random.pick(own);
        let index = pool.offset(index, random.between(-3, 0));
        match random.below(3) {
            0 => {
                let zero = pool.integer(0);
                pool.equal(index, zero)
            }
            1 => pool.non_negative(index),
            _ => {
                let opposite = pool.scaled(index, -1);
                pool.non_negative(opposite)
            }
        }
    }
    fn scalar(&mut self, random: &mut Random, own: &[Index], all: &[Index], depth: usize) -> Scalar {
        if depth == 0 {
            return match random.below(8) {
                0 => {
                    let value = random.pick(&[-1.0, 0.5, 1.0, 2.0]);
                    self.b.pool().constant(value)
                }
                _ => self.read(random, own, all),
            };
        }
        let mut inner = |model: &mut Self| model.scalar(random, own, all, depth - 1);
        let (a, b) = (inner(self), inner(self));
        let c = inner(self);
        let choice = random.below(17);
        let condition = self.condition(random, own, all);
        let pool = self.b.pool();
        match choice {
            0 | 1 => pool.add(&[a, b]),
            2 => pool.subtract(a, b),
            3..=5 => pool.mul(&[a, b]),
            6 => {
                let x = pool.mul(&[a, b]);
                pool.add(&[x, c])
            }
            7 => {
                // away from 0
                let (square, one) = (pool.mul(&[b, b]), pool.constant(1.0));
                let below = pool.add(&[square, one]);
                if random.chance(50) { pool.quotient(a, below) } else { pool.power(below, random.pick(&[0.5, -0.5])) }
            }
            8 => pool.max(a, b),
            9 | 10 => {
                let other = if random.chance(50) && !self.not_a_number { pool.constant(0.0) } else { b };
                pool.select(condition, a, other)
            }
            11 | 16 => pool.apply(Function::Sigmoid, a),
            12 => {
                let bounded = pool.apply(Function::Tanh, a);
                pool.apply(Function::Exp, bounded)
            }
            13 if self.not_a_number => pool.apply(Function::Log, a),
            13 => self.logarithm(random, own, all, a),
            _ => {
                let function = random.pick(&[Function::Tanh, Function::Softplus, Function::Sin, Function::Erf, Function::Abs]);
                pool.apply(function, a)
            }
        }
    }
    /// The logarithm of something positive, of an element of an exponential if there is one. (A NaN times the 0 outside of a tensor is
    /// 0 where both stand in one equation: the one thing in which inlining shows.)
    fn logarithm(&mut self, random: &mut Random, own: &[Index], all: &[Index], a: Scalar) -> Scalar {
        let is_positive = |tensor: &&(Name, Vec<Index>)| {
            let body = self.b.equations.tensors[&tensor.0].equation().map(|equation| (equation.reduction, equation.body));
            let Some((None, body)) = body else { return false };
            matches!(self.b.equations.pool.scalar(body), ScalarNode::Apply(Function::Exp | Function::Sigmoid, _))
        };
        let positive: Vec<_> = self.tensors.iter().filter(is_positive).cloned().collect();
        if positive.is_empty() {
            let pool = self.b.pool();
            let (size, one) = (pool.apply(Function::Abs, a), pool.constant(1.0));
            let positive = pool.add(&[size, one]);
            return pool.apply(Function::Log, positive);
        }
        let (tensor, sizes) = random.pick(&positive);
        let (mut at, mut conditions) = (Vec::new(), Vec::new());
        for size in sizes {
            let (index, condition) = self.index(random, own, all, size);
            at.push(index);
            conditions.push(condition);
        }
        let sigmoid = self.b.equations.tensors[&tensor].equation().map(|equation| equation.body);
        let sigmoid = sigmoid.is_some_and(|body| matches!(self.b.equations.pool.scalar(body), ScalarNode::Apply(Function::Sigmoid, _)));
        let pool = self.b.pool();
        let (condition, mut read, one) = (pool.all(&conditions), pool.read(tensor, at), pool.constant(1.0));
        if sigmoid && random.chance(50) {
            read = pool.subtract(one, read);
        }
        let log = pool.apply(Function::Log, read);
        pool.select(condition, log, one)
    }
    fn values(&self, random: &mut Random, batch: i64) -> BTreeMap<String, Value> {
        let mut values = BTreeMap::new();
        for (name, axes) in &self.tensors[..7] {
            let shape: Vec<usize> = axes.iter().map(|&size| self.b.equations.pool.constant_of(size).unwrap_or(batch) as usize).collect();
            let array = ArrayD::from_shape_simple_fn(IxDyn(&shape), || {
                if self.not_a_number && random.chance(10) {
                    f64::NAN
                } else {
                    (random.next() >> 11) as f64 / (1u64 << 52) as f64 * 3.0 - 3.0
                }
            });
            values.insert(self.b.equations.pool.text(*name).to_string(), Value::Real(array));
        }
        let t = ArrayD::from_shape_simple_fn(IxDyn(&[batch as usize]), || random.between(0, 3));
        values.insert("t".to_string(), Value::Integer(t));
        values
    }
}

#[track_caller]
fn agree_with(before: &Equations, after: &Equations, keep: &[Name], values: &BTreeMap<String, Value>, sizes: &BTreeMap<String, i64>) {
    let expected = interpret(before, sizes, values, keep).unwrap();
    let found =
        interpret(after, sizes, values, keep).unwrap_or_else(|fault| panic!("{fault}\nbefore\n{}\nafter\n{}", print(before), print(after)));
    // 0 * NaN is 0 where that 0 turns out to be a constant
    let zeros = |equations: &Equations| equations.pool.fired().get("mul-zero").copied();
    let hides = zeros(before) != zeros(after);
    for ((name, expected), found) in keep.iter().zip(&expected).zip(&found) {
        let (expected, found) = (expected.real().unwrap(), found.real().unwrap());
        assert_eq!(expected.shape(), found.shape());
        for (a, b) in expected.iter().zip(found) {
            let same = a == b || (a.is_nan() && (b.is_nan() || hides)) || (a - b).abs() <= 1e-8 * (1.0 + a.abs());
            assert!(same, "{}: {b} instead of {a}\nbefore\n{}\nafter\n{}", before.pool.text(*name), print(before), print(after));
        }
    }
}

/// The rules that fire when a random model is simplified.
pub(super) fn rules_fired(seed: u64) -> BTreeSet<&'static str> {
    let model = Model::random(&mut Random(seed));
    let before = model.b.equations.pool.fired().clone();
    let after = simplify(model.b.equations, &model.keep);
    after.pool.fired().iter().filter(|&(rule, times)| before.get(rule) != Some(times)).map(|(&rule, _)| rule).collect()
}

#[test]
fn random_equations_keep_their_values() {
    for_seeds(120, |random| {
        let model = Model::random(random);
        verify::verify(&model.b.equations);
        let after = simplify(model.b.equations.clone(), &model.keep);
        for batch in [2, 0, 3] {
            let values = model.values(random, batch);
            let sizes = BTreeMap::from([(BATCH.to_string(), batch)]);
            agree_with(&model.b.equations, &after, &model.keep, &values, &sizes);
        }
        let again = simplify(after.clone(), &model.keep);
        assert_eq!(print(&after), print(&again), "simplified twice is not simplified once:\n{}", print(&model.b.equations));
    });
}
