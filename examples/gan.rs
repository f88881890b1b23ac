//! Two networks that learn from each other, in one definition: a generative adversarial network with a penalty on the slope of the judge,
//! `grad(truth, real)`, which is derived once more for the gradient of the loss.
//!
//! The data are eight small heaps of points on a circle. Both losses are derived at the same values, each for its own parameters, and one
//! step moves both networks. At the end every heap has samples, and each sample is near a heap.
//!
//! `cargo run --release --example gan [samples.svg]`

use nnc::Model;
use nnc::kernels::{normal, uniform};
use std::fmt::Write;

nnc::nn_file!("examples/models/gan.nn");

const HEAPS: usize = 8;
const BATCH: usize = 128;
const STEPS: usize = 4000;
const SAMPLES: usize = 2000;
/// How far the points of a heap are from its middle.
const SPREAD: f32 = 0.1;

/// The middle of a heap.
fn middle(heap: usize) -> [f32; 2] {
    let angle = std::f32::consts::TAU * heap as f32 / HEAPS as f32;
    [2.0 * angle.cos(), 2.0 * angle.sin()]
}

/// Numbers by counter: the same on every machine.
fn noise(stream: u32, first: usize, count: usize) -> Vec<f32> {
    (first..first + 2 * count).map(|index| normal(1, stream, 0, index as u64) as f32).collect()
}

fn real(first: usize, count: usize) -> Vec<f32> {
    let spread = noise(2, 2 * first, count);
    let heap = |at: usize| (uniform(1, 3, 0, (first + at) as u64) * HEAPS as f64) as usize;
    (0..2 * count).map(|at| middle(heap(at / 2))[at % 2] + SPREAD * spread[at]).collect()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "target/gan.svg".to_string());
    let mut model = Model::<Gan>::new(0);
    let start = std::time::Instant::now();
    for step in 1..=STEPS {
        let first = step * BATCH;
        let GanLoss { judging, deceiving } = model.step(&noise(1, 2 * first, BATCH), &real(first, BATCH))?;
        if step % (STEPS / 8) == 0 {
            println!("step {step:5}  judging {judging:.4}  deceiving {deceiving:.4}");
        }
    }
    println!("trained in {:.2} s", start.elapsed().as_secs_f64());

    let points = model.predict(&noise(4, 0, SAMPLES))?.to_vec();
    let (mut found, mut sum) = ([0; HEAPS], 0.0);
    for point in points.chunks(2) {
        let distance = |heap: usize| (point[0] - middle(heap)[0]).hypot(point[1] - middle(heap)[1]);
        let nearest = (0..HEAPS).min_by(|&a, &b| distance(a).total_cmp(&distance(b))).expect("there are heaps");
        sum += distance(nearest);
        // a point is of a heap as nearly all of the data are
        found[nearest] += usize::from(distance(nearest) < 4.0 * SPREAD);
    }
    // a tenth of an even share
    let covered = found.iter().filter(|&&samples| samples > SAMPLES / HEAPS / 10).count();
    let good = found.iter().sum::<usize>() as f32 / SAMPLES as f32;
    std::fs::write(&path, drawing(&real(0, 400), &points[..800]))?;
    println!("heaps with samples: {covered} of {HEAPS}, samples in heaps {good:.3}, mean distance {:.3}", sum / SAMPLES as f32);
    println!("samples drawn in {path}");
    if covered < HEAPS || good < 0.8 {
        return Err("the samples are not like the data".into());
    }
    Ok(())
}

/// Points of the data in grey, samples in colour.
fn drawing(real: &[f32], samples: &[f32]) -> String {
    let mut svg = String::from("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"-3 -3 6 6\" width=\"480\" height=\"480\">\n");
    svg += "<rect x=\"-3\" y=\"-3\" width=\"6\" height=\"6\" fill=\"#fff\"/>\n";
    for (points, colour) in [(real, "#bbb"), (samples, "#c40")] {
        let _ = write!(svg, "<path stroke=\"{colour}\" stroke-width=\"0.05\" stroke-linecap=\"round\" d=\"");
        points.chunks(2).for_each(|point| _ = write!(svg, "M{:.2} {:.2}h0", point[0], point[1]));
        svg += "\"/>\n";
    }
    svg + "</svg>\n"
}
