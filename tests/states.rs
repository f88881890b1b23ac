//! What layers keep between steps, and what they draw: as a user of `nn!` meets them.

use nnc::network::Draws;
use nnc::{Model, Network, nn};

nn! {
    /// Batch normalization, noise, and an orthogonal matrix.
    model Noisy(x[6]) -> y {
        target t[2];
        param turn[6, 6] = orthogonal();
        z[j] = sum(i) x[i] * turn[i, j];
        y = z -> norm1: batch_norm -> fc1: linear(9) -> relu -> dropout(0.4) -> fc2: linear(2) -> gaussian_noise(0.1);
        loss = mse(y, t);
        optimizer = adam(lr = 1e-2);
    }
}

const ROWS: usize = 7;

fn data() -> (Vec<f32>, Vec<f32>) {
    let number = |index: u64, stream| nnc::kernels::normal(3, stream, 0, index) as f32;
    ((0..6 * ROWS as u64).map(|index| number(index, 1) + 2.0).collect(), (0..2 * ROWS as u64).map(|index| number(index, 2)).collect())
}

fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|x| x.to_bits()).collect()
}

#[test]
fn a_training_that_is_saved_goes_on_bit_for_bit() {
    let (x, t) = data();
    let path = std::env::temp_dir().join(format!("nnc-noisy-{}.safetensors", std::process::id()));
    let mut whole = Model::<Noisy>::new(5);
    let losses: Vec<f32> = (0..8).map(|_| whole.step(&x, &t).expect("the data fit")).collect();
    let mut part = Model::<Noisy>::new(5);
    (0..3).for_each(|_| _ = part.step(&x, &t).expect("the data fit"));
    part.save_training(&path).expect("a file");
    let mut rest = Model::<Noisy>::new(0);
    rest.load_training(&path).expect("the file");
    let more: Vec<f32> = (3..8).map(|_| rest.step(&x, &t).expect("the data fit")).collect();
    let _ = std::fs::remove_file(&path);
    assert_eq!(bits(&more), bits(&losses[3..]));
    assert_eq!((bits(whole.parameters()), bits(whole.states())), (bits(rest.parameters()), bits(rest.states())));
}

#[test]
fn states_move_with_steps_only() {
    let (x, t) = data();
    let mut model = Model::<Noisy>::new(1);
    assert_eq!(Noisy::STATES.iter().map(|state| state.name).collect::<Vec<_>>(), ["norm1.mean", "norm1.var"]);
    assert_eq!((model.state("norm1.mean").expect("a state"), model.state("norm1.var").expect("a state")), (&[0.0; 6][..], &[1.0; 6][..]));
    let before = model.states().to_vec();
    model.predict(&x).expect("the data fit");
    model.evaluate(&x, &t).expect("the data fit");
    model.gradient(&x, &t).expect("the data fit");
    assert_eq!(model.states(), before, "only an update changes them");
    model.update();
    assert_ne!(model.states(), before);
    // what is not finished changes nothing
    let after = model.states().to_vec();
    assert!(model.step(&x[1..], &t).is_err());
    model.update();
    assert_eq!(model.states(), after);
    let mut other = model.clone();
    other.init(1);
    assert_eq!(other.states(), before);
}

#[test]
fn seed_and_step_decide_what_is_drawn() {
    let (x, t) = data();
    let parameters = Model::<Noisy>::new(1).parameters().to_vec();
    let states = Model::<Noisy>::new(1).states().to_vec();
    let loss = |seed: u64, step: u64| {
        let (mut gradient, mut next) = (vec![0.0; Noisy::PARAMETER_COUNT], vec![0.0; Noisy::STATE_COUNT]);
        let mut workspace = vec![nnc::kernels::Lane::ZERO; <Noisy as Network>::workspace(&[ROWS]).expect("a size")];
        let data = [nnc::network::Data::Real(&x), nnc::network::Data::Real(&t)];
        let draws = Draws { seed, step };
        <Noisy as Network>::gradient(&parameters, &states, draws, &[ROWS], &data, &mut gradient, &mut next, &mut workspace)
            .expect("the data fit")
    };
    assert_eq!(loss(1, 1).to_bits(), loss(1, 1).to_bits());
    assert!(loss(1, 1) != loss(1, 2) && loss(1, 1) != loss(2, 1));
    // inference draws nothing
    let mut model = Model::<Noisy>::new(1);
    let first = model.predict(&x).expect("the data fit").to_vec();
    assert_eq!(*model.predict(&x).expect("the data fit"), first);
}

#[test]
fn orthogonal_parameters() {
    let model = Model::<Noisy>::new(4);
    let w = model.parameter("turn").expect("a parameter");
    for i in 0..6 {
        for j in 0..6 {
            let product: f32 = (0..6).map(|k| w[6 * i + k] * w[6 * j + k]).sum();
            assert!((product - f32::from(u8::from(i == j))).abs() < 1e-5);
        }
    }
}
