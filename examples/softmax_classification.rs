//! Step 2 of the textbook road: classification. A linear map gives a number for each class, softmax makes them probabilities, and the
//! prediction is a one-hot vector: 1 at the largest probability.
//!
//! Four measurements of 150 irises, three species; every third flower is kept for the test.
//!
//! `cargo run --release --example softmax_classification`

use nnc::Table;
use nnc::data::{Normalization, one_hot};

const MEASUREMENTS: usize = 4;
const SPECIES: usize = 3;

fn main() -> Result<(), nnc::Error> {
    let table = Table::read("examples/data/iris.csv")?;
    let mut x: Vec<f32> = table.reals_without(&["species"])?;
    let species = table.indices("species")?;
    Normalization::of(&x, MEASUREMENTS).apply(&mut x);

    // A network inline, its sizes constants of this program. The chain ends in softmax, so its target is an index of a class and its
    // loss the cross-entropy.
    let mut model = nnc::nn!(linear(MEASUREMENTS, SPECIES) -> softmax);

    let is_test = |flower: &usize| flower % 3 == 2;
    let (test, train): (Vec<usize>, Vec<usize>) = (0..species.len()).partition(is_test);
    let rows = |flowers: &[usize]| -> (Vec<[f32; MEASUREMENTS]>, Vec<i32>) {
        let x = x.as_chunks::<MEASUREMENTS>().0;
        (flowers.iter().map(|&i| x[i]).collect(), flowers.iter().map(|&i| species[i]).collect())
    };
    let ((train_x, train_t), (test_x, test_t)) = (rows(&train), rows(&test));

    *model.optimizer_field("lr")? = 0.05;
    for step in 0..=300 {
        let loss = model.step(&train_x, &train_t)?;
        if step % 60 == 0 {
            println!("step {step:3}  loss {loss:.4}");
        }
    }

    let outputs = model.predict(&test_x)?;
    let predicted: Vec<i32> = outputs.classes().map(|class| class as i32).collect();
    let one_hot: Vec<f32> = one_hot(&predicted, SPECIES)?;
    println!("\nprobabilities -> one-hot, species");
    for i in (0..test_t.len()).step_by(10) {
        let p: Vec<String> = outputs[SPECIES * i..][..SPECIES].iter().map(|p| format!("{p:.3}")).collect();
        println!("{} -> {:?}, {}", p.join(" "), &one_hot[SPECIES * i..][..SPECIES], test_t[i]);
    }
    let hits = predicted.iter().zip(&test_t).filter(|(p, t)| p == t).count();
    let accuracy = hits as f64 / test_t.len() as f64;
    println!("accuracy {accuracy:.3}");
    assert!(accuracy >= 0.9);
    Ok(())
}
