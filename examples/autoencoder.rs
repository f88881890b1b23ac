//! A variational autoencoder on handwritten digits: `random` draws anew in each step of training, and the program that predicts has no draws.
//!
//! Two models stand in one file. `Autoencoder` is trained; `Decoder` is the same decoder alone: it takes over the parameters of these names and makes
//! pictures out of draws from the standard normal distribution, which the loss has pulled the codes to.
//!
//! `cargo run --release --example autoencoder [samples.svg]`

use nnc::kernels::normal;
use nnc::{Dataset, Model, Network, Table, Trainer};
use std::fmt::Write;

nnc::nn_file!("examples/models/autoencoder.nn");

/// Pixels of a picture, and how many numbers its code has.
const PIXELS: usize = 64;
const CODE: usize = 6;
/// Samples to draw, in a row and in all.
const COLUMNS: usize = 12;
const SAMPLES: usize = 5 * COLUMNS;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "target/autoencoder.svg".to_string());
    let table = Table::read("examples/data/digits.csv")?;
    let pixels: Vec<f32> = table.reals_without::<f32>(&["digit"])?.iter().map(|p| p / 16.0).collect();
    let (seen, unseen) = pixels.split_at(1500 * PIXELS);
    let data = Dataset::new(1500, [seen.to_vec().into()])?;

    let mut model = Model::<Autoencoder>::new(0);
    let trainer = Trainer { epochs: 60, batch: 25, ..Trainer::default() };
    let start = std::time::Instant::now();
    trainer.train_with(&mut model, &data, &data.select(&[]), |epoch, _| {
        if epoch.number % 10 == 0 {
            println!("{epoch}");
        }
    })?;
    println!("trained in {:.2} s", start.elapsed().as_secs_f64());

    // How well pictures that it has not seen come back, and how well the mean of all pictures stands for each of them.
    let found = model.evaluate(unseen, ())?.metric("nats")?;
    let mean: Vec<f32> = (0..PIXELS).map(|at| seen.iter().skip(at).step_by(PIXELS).sum::<f32>() / 1500.0).collect();
    let nats = |(at, x): (usize, &f32)| {
        let p = mean[at % PIXELS].clamp(1e-3, 1.0 - 1e-3);
        -x * p.ln() - (1.0 - x) * (1.0 - p).ln()
    };
    let guessed = unseen.iter().enumerate().map(nats).sum::<f32>() * PIXELS as f32 / unseen.len() as f32;
    println!("reconstruction of unseen pictures {found:.2} nats, by the mean picture {guessed:.2}");

    let mut decoder = Model::<Decoder>::new(0);
    for tensor in Decoder::PARAMETERS {
        decoder.parameter_mut(tensor.name)?.copy_from_slice(model.parameter(tensor.name)?);
    }
    let codes: Vec<f32> = (0..SAMPLES * CODE).map(|at| normal(1, 0, 0, at as u64) as f32).collect();
    let samples = decoder.predict(&codes)?.to_vec();
    for row in 0..8 {
        let line = |sample: &[f32]| sample[8 * row..8 * row + 8].iter().map(|&p| [' ', '.', ':', 'o', '#'][(p * 4.99) as usize]).collect();
        println!("{}", samples.chunks(PIXELS).take(COLUMNS / 2).map(line).collect::<Vec<String>>().join("  "));
    }
    std::fs::write(&path, drawing(&samples))?;
    println!("samples drawn in {path}");
    if found > 0.8 * guessed {
        return Err("the codes say too little of the pictures".into());
    }
    Ok(())
}

/// Pictures of 8 x 8 pixels side by side, dark where a pixel is near 1.
fn drawing(samples: &[f32]) -> String {
    let (width, height) = (10 * COLUMNS, 10 * SAMPLES / COLUMNS);
    let mut svg = format!("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{}\">\n", 6 * width);
    let _ = writeln!(svg, "<rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>");
    for (sample, picture) in samples.chunks(PIXELS).enumerate() {
        for (at, p) in picture.iter().enumerate().filter(|(_, p)| **p > 0.05) {
            let (x, y) = (10 * (sample % COLUMNS) + 1 + at % 8, 10 * (sample / COLUMNS) + 1 + at / 8);
            let _ = writeln!(svg, "<rect x=\"{x}\" y=\"{y}\" width=\"1\" height=\"1\" opacity=\"{p:.2}\"/>");
        }
    }
    svg + "</svg>\n"
}
