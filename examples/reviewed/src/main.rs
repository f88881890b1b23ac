//! Trains the network a little: every third flower is kept for the test.
//!
//! `cargo run -p reviewed`

use nnc::data::Normalization;
use nnc::{Dataset, Model, Table, Trainer};
use reviewed::Iris;

fn main() -> Result<(), nnc::Error> {
    let table = Table::parse(include_str!("../../data/iris.csv"))?;
    let mut x: Vec<f32> = table.reals_without(&["species"])?;
    Normalization::of(&x, 4).apply(&mut x);
    let data = Dataset::new(table.rows(), [x.into(), table.indices("species")?.into()])?;
    let (test, train): (Vec<usize>, Vec<usize>) = (0..table.rows()).partition(|flower| flower % 3 == 2);

    let mut model = Model::<Iris>::new(0);
    let trainer = Trainer { epochs: 40, batch: 20, ..Trainer::default() };
    trainer.train_with(&mut model, &data.select(&train), &data.select(&[]), |epoch, _| println!("{epoch}"))?;

    let test = data.select(&test);
    let accuracy = model.evaluate(test.ports(0..1), test.ports(1..2))?.metric("hits")?;
    println!("accuracy {accuracy:.3}");
    assert!(accuracy >= 0.9);
    Ok(())
}
