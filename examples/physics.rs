//! A physics-informed network: nothing is known of the solution but the differential equation, and that is the loss.
//!
//! `grad(u, t)` in the definition is a tensor like any other: here it is derived once more for the acceleration, and the derivative of the loss by the
//! parameters passes through both. The oscillation `u'' + 2 u' + 26 u = 0` that begins at 1 and at rest has the solution
//! `u(t) = exp(-t) (cos(5 t) + sin(5 t) / 5)`, against which the network is held at the end.
//!
//! Raissi, Perdikaris, Karniadakis 2019, "Physics-informed neural networks".
//!
//! `cargo run --release --example physics`

use nnc::Model;

nnc::nn_file!("examples/models/physics.nn");

/// As many times as there are points of `0..=2` where the equation is to hold.
const POINTS: usize = 100;

fn solution(t: f32) -> f32 {
    (-t).exp() * ((5.0 * t).cos() + (5.0 * t).sin() / 5.0)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut model = Model::<Oscillator>::new(0);
    let times: Vec<[f32; 1]> = (0..POINTS).map(|i| [2.0 * i as f32 / (POINTS - 1) as f32]).collect();
    for step in 0..8000 {
        let loss = model.step(&times, ())?;
        if step % 1000 == 0 {
            println!("step {step:4}  mean of the squared residual {loss:.6}");
        }
    }

    // Between the points of the training.
    let between: Vec<[f32; 1]> = times.windows(2).map(|pair| [(pair[0][0] + pair[1][0]) / 2.0]).collect();
    let found = model.predict(&between)?;
    let error = between.iter().zip(found.rows()).map(|(t, u)| (u[0] - solution(t[0])).abs()).fold(0.0, f32::max);
    println!("greatest error {error:.5}");
    if error > 0.01 {
        return Err("the equation has not been solved".into());
    }
    Ok(())
}
