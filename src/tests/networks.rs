//! `Line`: `y[n] = sum(i) x[n, i] * w[i] + b`, mean squares, gradient descent with momentum. `Steps`: a sum over a run-time size.

use crate::kernels::{Element, Error, Lane, check_index, check_length};
use crate::network::{Data, Draws, Kind, Network, Port, Size, Tensor};
use std::marker::PhantomData;

pub struct Line<T>(PhantomData<T>);

#[derive(Clone, Debug, PartialEq)]
pub struct Momentum {
    pub lr: f64,
    pub momentum: f64,
}

impl Default for Momentum {
    fn default() -> Self {
        Momentum { lr: 0.1, momentum: 0.9 }
    }
}

fn reals<'a, T>(data: &Data<'a, T>) -> &'a [T] {
    match data {
        Data::Real(numbers) => numbers,
        Data::Index(_) => panic!("a model checks the kinds"),
    }
}

impl<T: Element> Network for Line<T> {
    type Real = T;
    type Optimizer = Momentum;
    type Loss = T;

    const NAME: &'static str = "Line";
    const PARAMETERS: &'static [Tensor] = &[Tensor { name: "w", shape: &[2], offset: 0 }, Tensor { name: "b", shape: &[], offset: 2 }];
    const PARAMETER_COUNT: usize = 3;
    const STATES: &'static [Tensor] = &[];
    const STATE_COUNT: usize = 0;
    const OPTIMIZER_STATES: &'static [Tensor] =
        &[Tensor { name: "sgd.v.w", shape: &[2], offset: 0 }, Tensor { name: "sgd.v.b", shape: &[], offset: 2 }];
    const OPTIMIZER_STATE_COUNT: usize = 3;
    const INPUTS: &'static [Port] = &[Port { name: "x", batched: true, shape: &[Size::Fixed(2)], kind: Kind::Real }];
    const TARGETS: &'static [Port] = &[Port { name: "t", batched: true, shape: &[], kind: Kind::Real }];
    const OUTPUTS: &'static [Port] = &[Port { name: "y", batched: true, shape: &[], kind: Kind::Real }];
    const LOSSES: &'static [&'static str] = &["loss"];
    const METRICS: &'static [&'static str] = &["absolute"];
    const SIZES: &'static [&'static str] = &["batch"];
    const FIELDS: &'static [&'static str] = &["lr", "momentum"];

    fn port_length(port: &Port, sizes: &[usize]) -> Result<usize, Error> {
        Ok(if port.name == "x" { 2 * sizes[0] } else { sizes[0] })
    }
    fn workspace(sizes: &[usize]) -> Result<usize, Error> {
        Ok(crate::kernels::lanes::<T>(sizes[0]))
    }
    fn init(seed: u64, parameters: &mut [T]) -> Result<(), Error> {
        check_length("parameters", 3, parameters.len())?;
        for (index, number) in parameters.iter_mut().enumerate() {
            *number = T::from_f64(crate::kernels::uniform(seed, 0, 0, index as u64));
        }
        Ok(())
    }
    fn init_states(_: u64, states: &mut [T]) -> Result<(), Error> {
        check_length("states", 0, states.len())
    }
    fn init_optimizer(parameters: &[T], state: &mut [T]) -> Result<(), Error> {
        check_length("parameters", 3, parameters.len())?;
        check_length("state", 3, state.len())?;
        state.fill(T::ZERO);
        Ok(())
    }
    fn predict(p: &[T], _: &[T], sizes: &[usize], inputs: &[Data<'_, T>], outputs: &mut [&mut [T]], _: &mut [Lane]) -> Result<(), Error> {
        let x = reals(&inputs[0]);
        check_length("x", 2 * sizes[0], x.len())?;
        check_length("y", sizes[0], outputs[0].len())?;
        for (y, x) in outputs[0].iter_mut().zip(x.chunks(2)) {
            *y = x[0] * p[0] + x[1] * p[1] + p[2];
        }
        Ok(())
    }
    fn evaluate(p: &[T], s: &[T], sizes: &[usize], data: &[Data<'_, T>], metrics: &mut [T], w: &mut [Lane]) -> Result<T, Error> {
        let mut g = [T::ZERO; 3];
        let loss = Self::gradient(p, s, Draws::default(), sizes, data, &mut g, &mut [], w)?;
        metrics[0] = T::from_f64(loss.to_f64().sqrt());
        Ok(loss)
    }
    fn gradient(
        p: &[T],
        states: &[T],
        _: Draws,
        sizes: &[usize],
        data: &[Data<'_, T>],
        g: &mut [T],
        _: &mut [T],
        workspace: &mut [Lane],
    ) -> Result<T, Error> {
        let (x, t) = (reals(&data[0]), reals(&data[1]));
        check_length("t", sizes[0], t.len())?;
        let y = &mut Lane::flat_mut(workspace)[..sizes[0]];
        Self::predict(p, states, sizes, &data[..1], &mut [y], &mut [])?;
        let (scale, mut loss) = (T::ONE / T::from_i64(sizes[0].max(1) as i64), T::ZERO);
        g.fill(T::ZERO);
        for ((y, x), t) in y.iter().zip(x.chunks(2)).zip(t) {
            let d = *y - *t;
            loss += d * d * scale;
            let d = (d + d) * scale;
            g[0] += d * x[0];
            g[1] += d * x[1];
            g[2] += d;
        }
        Ok(loss)
    }
    fn update(optimizer: &Momentum, step: u64, p: &mut [T], g: &[T], state: &mut [T], _: &mut [Lane]) -> Result<(), Error> {
        check_length("state", 3, state.len())?;
        // The rate falls with the steps, so that a training which forgets them is found out.
        let lr = T::from_f64(optimizer.lr / (1.0 + step as f64 / 100.0));
        for ((p, g), v) in p.iter_mut().zip(g).zip(state) {
            *v = T::from_f64(optimizer.momentum) * *v + *g;
            *p -= lr * *v;
        }
        Ok(())
    }
    fn loss(loss: &Self::Loss, _: usize) -> Option<Self::Real> {
        Some(*loss)
    }
    fn field(optimizer: &mut Momentum, number: usize) -> Option<&mut f64> {
        [&mut optimizer.lr, &mut optimizer.momentum].into_iter().nth(number)
    }
}

/// `y[n, k] = sum(t) x[n, t, k]`, and for every position of `mark[n, U]`, which only a target has, nothing.
pub struct Steps;

impl Network for Steps {
    type Real = f32;
    type Optimizer = Momentum;
    type Loss = f32;

    const NAME: &'static str = "Steps";
    const PARAMETERS: &'static [Tensor] = &[];
    const PARAMETER_COUNT: usize = 0;
    const STATES: &'static [Tensor] = &[];
    const STATE_COUNT: usize = 0;
    const OPTIMIZER_STATES: &'static [Tensor] = &[];
    const OPTIMIZER_STATE_COUNT: usize = 0;
    const INPUTS: &'static [Port] = &[
        Port { name: "x", batched: true, shape: &[Size::Dynamic("T"), Size::Fixed(3)], kind: Kind::Real },
        Port { name: "word", batched: true, shape: &[], kind: Kind::Index { low: 0, high: 10 } },
    ];
    const TARGETS: &'static [Port] = &[Port { name: "mark", batched: true, shape: &[Size::Dynamic("U")], kind: Kind::Real }];
    const OUTPUTS: &'static [Port] = &[Port { name: "y", batched: true, shape: &[Size::Fixed(3)], kind: Kind::Real }];
    const LOSSES: &'static [&'static str] = &["loss"];
    const METRICS: &'static [&'static str] = &[];
    const SIZES: &'static [&'static str] = &["batch", "T", "U"];
    const FIELDS: &'static [&'static str] = &[];

    fn port_length(port: &Port, sizes: &[usize]) -> Result<usize, Error> {
        Ok(match port.name {
            "x" => sizes[0] * sizes[1] * 3,
            "y" => sizes[0] * 3,
            "mark" => sizes[0] * sizes[2],
            _ => sizes[0],
        })
    }
    fn workspace(_: &[usize]) -> Result<usize, Error> {
        Ok(0)
    }
    fn init(_: u64, _: &mut [f32]) -> Result<(), Error> {
        Ok(())
    }
    fn init_states(_: u64, _: &mut [f32]) -> Result<(), Error> {
        Ok(())
    }
    fn init_optimizer(_: &[f32], _: &mut [f32]) -> Result<(), Error> {
        Ok(())
    }
    fn predict(
        _: &[f32],
        _: &[f32],
        sizes: &[usize],
        inputs: &[Data<'_, f32>],
        outputs: &mut [&mut [f32]],
        _: &mut [Lane],
    ) -> Result<(), Error> {
        let x = reals(&inputs[0]);
        check_length("x", sizes[0] * sizes[1] * 3, x.len())?;
        if let Data::Index(words) = inputs[1] {
            check_length("word", sizes[0], words.len())?;
            check_index("word", words, 0, 10)?;
        }
        for (sample, y) in outputs[0].chunks_mut(3).enumerate() {
            y.fill(0.0);
            for row in x[sample * sizes[1] * 3..][..sizes[1] * 3].chunks(3) {
                y.iter_mut().zip(row).for_each(|(y, x)| *y += x);
            }
        }
        Ok(())
    }
    fn evaluate(_: &[f32], _: &[f32], sizes: &[usize], _: &[Data<'_, f32>], _: &mut [f32], _: &mut [Lane]) -> Result<f32, Error> {
        Ok(sizes[2] as f32)
    }
    fn gradient(
        _: &[f32],
        _: &[f32],
        _: Draws,
        sizes: &[usize],
        _: &[Data<'_, f32>],
        _: &mut [f32],
        _: &mut [f32],
        _: &mut [Lane],
    ) -> Result<f32, Error> {
        Ok(sizes[2] as f32)
    }
    fn update(_: &Momentum, _: u64, _: &mut [f32], _: &[f32], _: &mut [f32], _: &mut [Lane]) -> Result<(), Error> {
        Ok(())
    }
    fn loss(loss: &Self::Loss, _: usize) -> Option<Self::Real> {
        Some(*loss)
    }
    fn field(_: &mut Momentum, _: usize) -> Option<&mut f64> {
        None
    }
}
