//! Handwritten digits: a network from a `.nn` file, trained by the code that nnc generates from it.
//!
//! The first 1500 of 1797 pictures are for training, the last 297 (other writers) for the test.
//!
//! `cargo run --release --example digits`

use nnc::{Dataset, Model, Table, Trainer};

nnc::nn_file!("examples/models/digits.nn");

fn main() -> Result<(), nnc::Error> {
    let table = Table::read("examples/data/digits.csv")?;
    let pixels: Vec<f32> = table.reals_without::<f32>(&["digit"])?.iter().map(|p| p / 16.0).collect();
    let data = Dataset::new(table.rows(), [pixels.into(), table.indices("digit")?.into()])?;
    let (train, test) = data.split_at(1500);

    let mut model = Model::<Digits>::new(0);
    let trainer = Trainer { epochs: 40, batch: 30, ..Trainer::default() };
    let start = std::time::Instant::now();
    trainer.train_with(&mut model, &train, &train.select(&[]), |epoch, _| println!("{epoch}"))?;
    println!("trained in {:.2} s", start.elapsed().as_secs_f64());

    let evaluation = model.evaluate(test.ports(0..1), test.ports(1..2))?;
    println!("accuracy {:.3}", evaluation.metric("hits")?);
    Ok(())
}
