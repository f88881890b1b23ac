//! Handwritten digits with convolutions: the definition of `conv2d` is one equation of the library, its backward pass is derived.
//!
//! The first 1500 of 1797 pictures are for training, the last 297 (other writers) for the test. A digit moved by a pixel is the same
//! digit, so the network learns from each picture as it is and moved to the right, down, to the left and up.
//!
//! `cargo run --release --example digits_conv`

use nnc::{Dataset, Model, Table, Trainer};

nnc::nn_file!("examples/models/digits_conv.nn");

const SIDE: usize = 8;

fn main() -> Result<(), nnc::Error> {
    let table = Table::read("examples/data/digits.csv")?;
    let pixels: Vec<f32> = table.reals_without::<f32>(&["digit"])?.iter().map(|p| p / 16.0).collect();
    let digits = table.indices("digit")?;
    let (pixels, test_pixels) = pixels.split_at(1500 * SIDE * SIDE);
    let (digits, test_digits) = digits.split_at(1500);

    let moves = [(0, 0), (0, 1), (1, 0), (0, -1), (-1, 0)];
    let moved: Vec<f32> = moves.iter().flat_map(|&by| pixels.chunks(SIDE * SIDE).flat_map(move |picture| moved(picture, by))).collect();
    let train = Dataset::new(moves.len() * 1500, [moved.into(), digits.repeat(moves.len()).into()])?;

    let mut model = Model::<DigitsConv>::new(0);
    let trainer = Trainer { epochs: 10, batch: 32, ..Trainer::default() };
    let start = std::time::Instant::now();
    trainer.train(&mut model, &train, |epoch, _| println!("{epoch}"))?;
    println!("trained in {:.2} s", start.elapsed().as_secs_f64());

    let evaluation = model.evaluate(test_pixels, test_digits)?;
    println!("accuracy {:.3}", evaluation.metric("hits")?);
    Ok(())
}

/// A picture moved down and to the right, with empty pixels where nothing was before.
fn moved(picture: &[f32], (down, right): (isize, isize)) -> Vec<f32> {
    let pixel = |row: usize, column: usize| {
        let (row, column) = (row.checked_add_signed(-down)?, column.checked_add_signed(-right)?);
        (row < SIDE && column < SIDE).then(|| picture[row * SIDE + column])
    };
    (0..SIDE * SIDE).map(|at| pixel(at / SIDE, at % SIDE).unwrap_or(0.0)).collect()
}
