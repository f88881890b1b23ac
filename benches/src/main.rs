//! Serves the workloads of `benches/models` to `torch_side.py`: a request a line of standard input, an answer a line of output.
//!
//! `time NAME` answers the median microseconds of a training step in one block of 0.2 s; `check NAME NUMBERS…` (parameters, inputs,
//! targets) answers the losses of five steps.
#![forbid(unsafe_code)]

use nnc::Network;
use nnc::kernels::Lane;
use nnc::network::{Data, Draws};
use std::io::{BufRead, Write};
use std::time::Instant;

nnc::nn_file!("models/w3.nn");
nnc::nn_file!("models/w4.nn");

/// A workload: parameters, one batch, and what a step needs.
struct Work<N: Network<Real = f32, Loss = f32>> {
    parameters: Vec<f32>,
    gradient: Vec<f32>,
    state: Vec<f32>,
    inputs: Vec<f32>,
    targets: Vec<i32>,
    batch: usize,
    workspace: Vec<Lane>,
    optimizer: N::Optimizer,
    step: u64,
}

impl<N: Network<Real = f32, Loss = f32>> Work<N> {
    fn new(batch: usize, features: usize, classes: usize) -> Self {
        let mut work = Work {
            parameters: vec![0.0; N::PARAMETER_COUNT],
            gradient: vec![0.0; N::PARAMETER_COUNT],
            state: vec![0.0; N::OPTIMIZER_STATE_COUNT],
            inputs: (0..batch * features).map(|i| ((i * 7919) % 2003) as f32 / 1001.0 - 1.0).collect(),
            targets: (0..batch).map(|i| (i * 7 % classes) as i32).collect(),
            batch,
            workspace: vec![Lane::ZERO; N::workspace(&[batch]).expect("the batch is a size")],
            optimizer: N::Optimizer::default(),
            step: 0,
        };
        N::init(0, &mut work.parameters).expect("the length is the count");
        N::init_optimizer(&work.parameters, &mut work.state).expect("the lengths are the counts");
        work
    }

    fn train(&mut self) -> f32 {
        self.step += 1;
        let data = [Data::Real(&self.inputs), Data::Index(&self.targets)];
        let loss =
            N::gradient(&self.parameters, &[], Draws::default(), &[self.batch], &data, &mut self.gradient, &mut [], &mut self.workspace);
        let loss = loss.expect("the data fit");
        N::update(&self.optimizer, self.step, &mut self.parameters, &self.gradient, &mut self.state, &mut self.workspace)
            .expect("the lengths are the counts");
        loss
    }

    /// The median of a block of 0.2 s, in microseconds.
    fn time(&mut self) -> f64 {
        let start = Instant::now();
        for _ in 0..3 {
            self.train();
        }
        let repeats = (0.0005 / (start.elapsed().as_secs_f64() / 3.0)).ceil() as usize;
        let mut samples = Vec::new();
        let start = Instant::now();
        while samples.len() < 5 || start.elapsed().as_secs_f64() < 0.2 {
            let sample = Instant::now();
            for _ in 0..repeats {
                std::hint::black_box(self.train());
            }
            samples.push(sample.elapsed().as_secs_f64() / repeats as f64 * 1e6);
        }
        samples.sort_by(f64::total_cmp);
        samples[samples.len() / 2]
    }

    fn answer(&mut self, request: &str, numbers: &[f32]) -> String {
        if request == "time" {
            return self.time().to_string();
        }
        let (parameters, rest) = numbers.split_at(self.parameters.len());
        let (inputs, targets) = rest.split_at(self.inputs.len());
        self.parameters.copy_from_slice(parameters);
        self.inputs.copy_from_slice(inputs);
        self.targets = targets.iter().map(|&t| t as i32).collect();
        self.step = 0;
        N::init_optimizer(&self.parameters, &mut self.state).expect("the lengths are the counts");
        let losses: Vec<String> = (0..5).map(|_| self.train().to_string()).collect();
        losses.join(" ")
    }
}

fn main() {
    let mut w3 = Work::<W3>::new(32, 4, 3);
    let mut w4 = Work::<W4>::new(128, 784, 10);
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let mut words = line.split(' ');
        let (request, name) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let numbers: Vec<f32> = words.filter_map(|word| word.parse().ok()).collect();
        let answer = match name {
            "w3" => w3.answer(request, &numbers),
            "w4" => w4.answer(request, &numbers),
            _ => format!("no workload {name}"),
        };
        println!("{answer}");
        std::io::stdout().flush().expect("standard output is open");
    }
}
