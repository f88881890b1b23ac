//! Step 1 of the textbook road: linear regression, `Y = XW + b`, as a network.
//!
//! Ten measurements of 442 patients predict the progression of their disease. The loss (mean squared error) is a quadratic function of
//! `W` and `b`, so gradient descent must arrive at the solution of the normal equations; this program solves these too and compares.
//!
//! `cargo run --release --example linear_regression`

use nnc::{Model, Table};

nnc::nn! {
    /// `y[n, o] = sum(i) x[n, i] * w[i, o] + b[o]`, from n x 10 to n x 1.
    model Diabetes(x[10]) -> y {
        y         = x -> fc: linear(10, 1);
        optimizer = sgd(lr = 0.1, momentum = 0.95); // no loss is stated: mean squared error
    }
}

fn main() -> Result<(), nnc::Error> {
    let table = Table::read("examples/data/diabetes.csv")?;
    let mut x: Vec<f32> = table.reals_without(&["progression"])?;
    let y: Vec<f32> = table.reals(&["progression"])?;
    nnc::data::Normalization::of(&x, 10).apply(&mut x); // mean 0 and standard deviation 1 in each column

    let mut model = Model::<Diabetes>::new(1);
    for step in 0..=1000 {
        if step % 200 == 0 {
            println!("step {step:4}  loss {:.3}", model.evaluate(&x, &y)?.loss);
        }
        model.step(&x, &y)?; // all samples at once
    }

    let exact = least_squares(&x, &y, 10);
    let found: Vec<f64> = model.parameters().iter().map(|&p| f64::from(p)).collect(); // w, then b
    println!("\n{:>16}  {:>10}  {:>13}", "", "trained", "least squares");
    let names = table.names().iter().filter(|name| *name != "progression").map(String::as_str).chain(["b"]);
    for ((name, found), exact) in names.zip(&found).zip(&exact) {
        println!("{name:>16}  {found:10.4}  {exact:13.4}");
    }
    let difference = found.iter().zip(&exact).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    println!("largest difference {difference:.4}");
    assert!(difference < 0.01, "gradient descent has not reached the least-squares solution");
    Ok(())
}

/// `(XᵀX) w = Xᵀy` with a column of ones for `b`, by elimination.
fn least_squares(x: &[f32], y: &[f32], columns: usize) -> Vec<f64> {
    let size = columns + 1;
    let mut a = vec![vec![0.0f64; size + 1]; size];
    for (row, y) in x.chunks(columns).zip(y) {
        let row: Vec<f64> = row.iter().map(|&v| f64::from(v)).chain([1.0]).collect();
        for i in 0..size {
            for j in 0..size {
                a[i][j] += row[i] * row[j];
            }
            a[i][size] += row[i] * f64::from(*y);
        }
    }
    for pivot in 0..size {
        let pivot_row = a[pivot].clone();
        for (_, row) in a.iter_mut().enumerate().filter(|(row, _)| *row != pivot) {
            let factor = row[pivot] / pivot_row[pivot];
            for (number, pivot_number) in row.iter_mut().zip(&pivot_row) {
                *number -= factor * pivot_number;
            }
        }
    }
    (0..size).map(|i| a[i][size] / a[i][i]).collect()
}
