//! Labels without times: connectionist temporal classification learns where each symbol was from their order alone. The loss `ctc` is a
//! recurrence of the library, a sum over all alignments; its derivative is derived like any other.
//!
//! Each sample is 4 symbols of 1 to 5. Each symbol lasts for 1 to 3 steps, with silence between (always between equal ones), and is heard as
//! a pattern of 6 measurements under noise. The network never learns when.
//!
//! `cargo run --release --example alignment`

use nnc::data::Column;
use nnc::kernels::{normal, uniform};
use nnc::{Dataset, Model, Trainer};

nnc::nn_file!("examples/models/alignment.nn");

const STEPS: usize = 20;
const MEASURED: usize = 6;
const SYMBOLS: usize = 4;
const CLASSES: usize = 6;
const NOISE: f64 = 0.3;

fn main() -> Result<(), nnc::Error> {
    let train = samples(1, 2000)?;
    let test = samples(2, 500)?;
    let mut model = Model::<Alignment>::new(0);
    let trainer = Trainer { epochs: 8, batch: 32, ..Trainer::default() };
    let start = std::time::Instant::now();
    trainer.train(&mut model, &train, |epoch, _| println!("{epoch}"))?;
    println!("trained in {:.2} s", start.elapsed().as_secs_f64());

    let Column::Index(labels) = &test.columns()[1] else { unreachable!("labels are numbers of classes") };
    let outputs = model.predict(test.ports(0..1))?;
    let right = outputs.rows().zip(labels.chunks(SYMBOLS)).filter(|(logp, labels)| decoded(logp) == **labels).count();
    let first = outputs.rows().next().unwrap_or_default();
    println!("said {:?}, the likeliest class at each step {:?}", &labels[..SYMBOLS], likeliest(first));
    println!("decoded right {:.3}", right as f64 / test.len() as f64);
    assert!(right * 100 > test.len() * 95);
    Ok(())
}

/// The likeliest class at each step.
fn likeliest(logp: &[f32]) -> Vec<i32> {
    let best = |row: &[f32]| (1..row.len()).fold(0, |best, k| if row[k] > row[best] { k } else { best });
    logp.chunks(CLASSES).map(|row| best(row) as i32).collect()
}

/// Greedy decoding: of the likeliest classes, repeated ones once, and no blanks.
fn decoded(logp: &[f32]) -> Vec<i32> {
    let mut path = likeliest(logp);
    path.dedup();
    path.retain(|&class| class != 0);
    path
}

/// Samples of what is measured and what was said.
fn samples(seed: u64, count: usize) -> Result<Dataset<f32>, nnc::Error> {
    let mut draws = 0;
    let mut below = |n: usize| {
        draws += 1;
        (uniform(seed, 0, 0, draws) * n as f64) as usize
    };
    let pattern = |symbol: usize, k: usize| if symbol == 0 { 0.0 } else { normal(0, 1, symbol as u32, k as u64) };
    let (mut measured, mut said) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let mut heard = Vec::new();
        let mut before = 0;
        for _ in 0..SYMBOLS {
            let symbol = 1 + below(CLASSES - 1);
            let silence = below(2) + usize::from(symbol == before);
            heard.extend(vec![0; silence]);
            heard.extend(vec![symbol; 1 + below(3)]);
            said.push(symbol as i32);
            before = symbol;
        }
        heard.resize(STEPS, 0);
        for symbol in heard {
            for k in 0..MEASURED {
                let noise = NOISE * normal(seed, 2, 0, measured.len() as u64);
                measured.push((pattern(symbol, k) + noise) as f32);
            }
        }
    }
    Dataset::new(count, [measured.into(), said.into()])
}
