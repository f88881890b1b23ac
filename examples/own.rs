//! A layer, a loss and an optimizer of one's own, a few lines of mathematics each, with the same standing as the library's:
//! `nnc show examples/models/own.nn --equations` prints the gradients that the compiler derives for them.
//!
//! A surface is to be found under measurements of which one in ten is nonsense. The squared error would bend towards these; the loss of this file hardly
//! does.
//!
//! `cargo run --release --example own`

use nnc::kernels::uniform;
use nnc::{Dataset, Model, Trainer};

nnc::nn_file!("examples/models/own.nn");

fn surface(x: &[f32]) -> f32 {
    x[0] * x[1] + (2.0 * x[0]).sin()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let number = |stream, at: usize| uniform(0, stream, 0, at as u64) as f32;
    let points: Vec<f32> = (0..2 * 2000).map(|at| 4.0 * number(0, at) - 2.0).collect();
    let true_heights: Vec<f32> = points.chunks(2).map(surface).collect();
    let measured: Vec<f32> =
        true_heights.iter().enumerate().map(|(at, z)| if number(1, at) < 0.1 { z + 40.0 * number(2, at) } else { *z }).collect();
    let (seen, unseen) = points.split_at(2 * 1500);

    let mut model = Model::<Surface>::new(0);
    let data = Dataset::new(1500, [seen.to_vec().into(), measured[..1500].to_vec().into()])?;
    Trainer { epochs: 100, batch: 50, ..Trainer::default() }.train(&mut model, &data, |epoch, _| {
        if epoch.number % 20 == 0 {
            println!("{epoch}");
        }
    })?;

    let found = model.evaluate(unseen, &true_heights[1500..])?;
    let error = found.metric("error")?;
    println!("mean error on the true surface {error:.4}");
    if error > 0.1 {
        return Err("the nonsense has bent the surface".into());
    }
    Ok(())
}
