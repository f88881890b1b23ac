//! Step 3 of the textbook road: a second layer. Two interleaved spirals cannot be told apart by a line; a layer of hidden units with an
//! activation (`tanh` on each real number) between two linear maps can. The same training with one layer is shown beside it, and a
//! network of L layers written with `repeat`.
//!
//! `cargo run --release --example two_layers`

use nnc::kernels::uniform;
use nnc::{Model, Network};

nnc::nn! {
    /// One layer: the classes are separated by a line.
    model Line(x[2]) -> p {
        p = x -> linear(2, 2) -> softmax;
        optimizer = adam(lr = 0.02);
    }

    /// Two layers: `h = tanh(x W1 + b1)`, `p = softmax(h W2 + b2)`.
    model TwoLayers(x[2]) -> p {
        p = x -> hidden: linear(2, 32) -> tanh -> out: linear(32, 2) -> softmax;
        optimizer = adam(lr = 0.02);
    }

    /// L layers of 16 units, here four of them.
    model Deep(x[2]) -> p {
        p = x -> first: linear(2, 16) -> tanh -> repeat(3, linear(16) -> tanh) -> out: linear(16, 2) -> softmax;
        optimizer = adam(lr = 0.01);
    }
}

/// 200 points on two spirals, and the spiral of each.
fn spirals() -> (Vec<[f32; 2]>, Vec<i32>) {
    let point = |i: u64| {
        let (t, noise) = (4.0 * uniform(1, 0, 0, i), 0.1 * (uniform(1, 1, 0, i) - 0.5));
        let (angle, radius) = (1.5 * t + std::f64::consts::PI * (i % 2) as f64, 0.2 + 0.25 * t + noise);
        [(radius * angle.cos()) as f32, (radius * angle.sin()) as f32]
    };
    (0..200).map(|i| (point(i), (i % 2) as i32)).unzip()
}

fn train<N: Network<Real = f32, Loss = f32>>() -> Result<f64, nnc::Error> {
    let (x, t) = spirals();
    let mut model = Model::<N>::new(0);
    for _ in 0..1000 {
        model.step(&x, &t)?;
    }
    let loss = model.evaluate(&x, &t)?.loss;
    let outputs = model.predict(&x)?;
    let hits = outputs.classes().zip(&t).filter(|(class, t)| *class as i32 == **t).count();
    let accuracy = hits as f64 / t.len() as f64;
    println!("{:10} {:5} parameters  loss {loss:.4}  accuracy {accuracy:.3}", N::NAME, N::PARAMETER_COUNT);
    Ok(accuracy)
}

fn main() -> Result<(), nnc::Error> {
    let (line, two, deep) = (train::<Line>()?, train::<TwoLayers>()?, train::<Deep>()?);
    assert!(line < 0.8 && two > 0.95 && deep > 0.95);
    Ok(())
}
