//! A text, character by character: a recurrent network and a small transformer learn to predict the next character of "Alice's Adventures in
//! Wonderland". Both are held against the best that the last character alone can tell (counted pairs), on the last tenth of the book.
//!
//! `cargo run --release --example characters`

use nnc::{Dataset, Model, Network, Trainer};
use std::collections::BTreeSet;

nnc::nn_file!("examples/models/characters.nn");

/// How many characters the networks see at once.
const WINDOW: usize = 64;
/// How many nats a character both must be better than pairs.
const MARGIN: f64 = 0.15;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let text = std::fs::read_to_string("examples/data/alice.txt")?;
    let alphabet: Vec<char> = text.chars().collect::<BTreeSet<char>>().into_iter().collect();
    let number = |c: char| alphabet.iter().position(|&other| other == c).unwrap_or(0);
    let codes: Vec<i32> = text.chars().map(|c| number(c) as i32).collect();
    let (train, held_out) = codes.split_at(codes.len() / 10 * 9);

    let pairs = loss_of_pairs(train, held_out, alphabet.len());
    println!("{} characters for training, {} held out; {} different ones", train.len(), held_out.len(), alphabet.len());
    println!("counted pairs: {pairs:.3} nats a character held out");
    let (train, held_out) = (windows(train)?, windows(held_out)?);
    let start: Vec<i32> = "Alice ".chars().map(|c| number(c) as i32).collect();
    let said = |codes: &[i32]| codes.iter().map(|&code| alphabet[code as usize]).collect::<String>();

    let mut recurrent = Model::<Recurrent>::new(0);
    learn("recurrent", 3, &mut recurrent, &train, &held_out, pairs)?;
    println!("{}\n", said(&continued(&mut recurrent, &start, &alphabet, |context| context.to_vec())?));

    let mut transformer = Model::<Transformer>::new(0);
    learn("transformer", 4, &mut transformer, &train, &held_out, pairs)?;
    // it takes whole windows: what stands behind the context does not matter, it is causal
    let whole = |context: &[i32]| context.iter().copied().chain(std::iter::repeat(0)).take(WINDOW).collect();
    println!("{}", said(&continued(&mut transformer, &start, &alphabet, whole)?));
    Ok(())
}

/// Pieces of the text, and the same a character later.
fn windows(codes: &[i32]) -> Result<Dataset<f32>, nnc::Error> {
    let count = (codes.len() - 1) / WINDOW;
    Dataset::new(count, [codes[..count * WINDOW].to_vec().into(), codes[1..=count * WINDOW].to_vec().into()])
}

/// The mean of `-log p(next | last)` by counted pairs, each counted a tenth more than it was seen.
fn loss_of_pairs(train: &[i32], held_out: &[i32], characters: usize) -> f64 {
    let mut seen = vec![vec![0.1_f64; characters]; characters];
    for pair in train.windows(2) {
        seen[pair[0] as usize][pair[1] as usize] += 1.0;
    }
    let loss = |pair: &[i32]| {
        let row = &seen[pair[0] as usize];
        -(row[pair[1] as usize] / row.iter().sum::<f64>()).ln()
    };
    held_out.windows(2).map(loss).sum::<f64>() / (held_out.len() - 1) as f64
}

/// Trains for some passes over the text, and says what is reached on the part held out.
fn learn<N: Network<Real = f32>>(
    name: &str,
    epochs: usize,
    model: &mut Model<N>,
    train: &Dataset<f32>,
    held_out: &Dataset<f32>,
    pairs: f64,
) -> Result<(), nnc::Error> {
    let start = std::time::Instant::now();
    let trainer = Trainer { epochs, batch: 16, ..Trainer::default() };
    let epochs = trainer.train_with(model, train, held_out, |epoch, _| println!("{name}: {epoch}"))?;
    let loss = epochs.last().and_then(|epoch| epoch.validation).unwrap_or(f64::INFINITY);
    let seconds = start.elapsed().as_secs_f64();
    println!("{name}: {loss:.3} nats a character held out, {:.3} better than pairs, in {seconds:.1} s", pairs - loss);
    assert!(loss < pairs - MARGIN);
    Ok(())
}

/// The start and 200 characters after it, each drawn by the probabilities that the network predicts from those before.
fn continued<N: Network<Real = f32>>(
    model: &mut Model<N>,
    start: &[i32],
    alphabet: &[char],
    input: impl Fn(&[i32]) -> Vec<i32>,
) -> Result<Vec<i32>, nnc::Error> {
    let mut text = start.to_vec();
    for drawn in 0..200 {
        let context = &text[text.len().saturating_sub(WINDOW)..];
        let given = input(context);
        let p = model.predict(nnc::shaped(&given, &[1, given.len()]))?;
        let p = &p[(context.len() - 1) * alphabet.len()..context.len() * alphabet.len()];
        let mut rest = nnc::kernels::uniform(0, 0, 0, drawn) as f32;
        let next = p.iter().position(|p| {
            rest -= p;
            rest < 0.0
        });
        text.push(next.unwrap_or(0) as i32);
    }
    Ok(text)
}
