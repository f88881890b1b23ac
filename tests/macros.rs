//! `nn!` and `nn_file!` as a stranger uses them, and what rustc says when they are used wrongly (`tests/macros/*.rs`; `TRYBUILD=overwrite`
//! writes the messages).

use nnc::{Model, Network, nn};

#[test]
fn wrong_networks() {
    trybuild::TestCases::new().compile_fail("tests/macros/*.rs");
}

const INPUTS: [[f32; 2]; 4] = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
const XOR: [i32; 4] = [0, 1, 1, 0];

#[test]
fn a_value_learns() {
    let mut net = nn!(linear(2, 8) -> tanh -> linear(8, 2) -> softmax);
    let before = net.evaluate(&INPUTS, &XOR).unwrap().loss;
    for _ in 0..1000 {
        net.step(&INPUTS, &XOR).unwrap();
    }
    let after = net.evaluate(&INPUTS, &XOR).unwrap().loss;
    assert!(after < 0.1 && after < before, "{before} to {after}");
    assert_eq!(net.predict(&INPUTS).unwrap().classes().collect::<Vec<_>>(), [0, 1, 1, 0]);
}

#[test]
fn brackets_of_all_kinds() {
    let mut all = nn!(linear(2, 3) -> relu);
    let first = all.predict(&INPUTS).unwrap().to_vec();
    assert_eq!(*nn![linear(2, 3) -> relu].predict(&INPUTS).unwrap(), first);
    assert_eq!(*nn! { linear(2, 3) -> relu }.predict(&INPUTS).unwrap(), first);
    assert_eq!(*nn! {< linear(2, 3) -> relu >}.predict(&INPUTS).unwrap(), first);
    all.init(1);
    assert_ne!(*all.predict(&INPUTS).unwrap(), first);
}

/// Lower-case constants are as good as any, and the generated code has names of its own for all else.
#[test]
#[allow(non_upper_case_globals)]
fn sizes_are_constants_in_scope() {
    const d: usize = 2;
    const p: usize = HIDDEN + 1;
    const HIDDEN: usize = 4;
    let mut net = nn!(linear(d, p) -> relu -> linear(p, HIDDEN) -> softmax);
    assert_eq!(net.predict(&INPUTS).unwrap().len(), 4 * HIDDEN);
    assert_eq!(net.parameters().len(), d * p + p + p * HIDDEN + HIDDEN);
}

mod elsewhere {
    pub const SIZE: usize = 3;
    nnc::nn! {
        const SIZE;
        layer twice(x[n]) -> y { y[i] = 2 * x[i]; }
        /// Public, with its optimizer.
        model Twice(x[SIZE]) -> y {
            y = x -> twice;
            loss = mean(y);
        }
        model Other = linear(2, 2);
    }
    nnc::nn! { model Third = linear(2, 2); }
}

#[test]
fn items_stand_where_items_stand() {
    let mut twice = Model::<elsewhere::Twice>::new(0);
    assert_eq!(*twice.predict(&[1.0, 2.0, 3.0]).unwrap(), [2.0, 4.0, 6.0]);
    assert_eq!((elsewhere::Other::NAME, elsewhere::Third::NAME), ("Other", "Third"));
    nn! {
        model Inner = linear(2, elsewhere_size) -> relu;
        const elsewhere_size;
    }
    #[allow(non_upper_case_globals)]
    const elsewhere_size: usize = elsewhere::SIZE;
    assert_eq!(Model::<Inner>::new(0).predict(&INPUTS).unwrap().len(), 12);
}

macro_rules! network {
    ($inputs:expr, $hidden:literal, $activation:ident $(, $more:tt)*) => {
        nn!(linear($inputs, 2 * $hidden) -> $activation $(-> $more)*)
    };
}

#[test]
fn other_macros_pass_on() {
    let net = network!(1 + 1, 3, tanh, relu, softmax);
    assert_eq!(net.parameters().len(), 2 * 6 + 6);
}

mod from_file {
    nnc::nn_file!("tests/macros/net.nn");
}

#[test]
fn files_define_types() {
    let mut net = Model::<from_file::Net>::new(3);
    let before = net.evaluate(&INPUTS, &XOR).unwrap().loss;
    for _ in 0..100 {
        net.step(&INPUTS, &XOR).unwrap();
    }
    let after = net.evaluate(&INPUTS, &XOR).unwrap();
    assert!(after.loss < before && after.metric("hits").unwrap() >= 0.5);
    let mut optimizer: from_file::NetOptimizer = *net.optimizer();
    optimizer.lr *= 0.5;
    *net.optimizer_mut() = optimizer;
    assert_eq!(from_file::Net::INPUTS[0].name, "x");
}

/// Whoever adds nnc builds few crates besides: no more than 7, and no syntax tree of Rust.
#[test]
fn few_crates_are_built() {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let arguments = ["tree", "--offline", "-p", "nnc", "--no-default-features", "--features", "macros,std"];
    let tree = std::process::Command::new(cargo)
        .args(arguments)
        .args(["--edges", "normal,build", "--prefix", "none", "--format", "{p}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let tree = String::from_utf8(tree.stdout).unwrap();
    let mut crates: Vec<&str> = tree.lines().filter_map(|line| line.split(' ').next()).filter(|name| !name.starts_with("nnc")).collect();
    crates.sort();
    crates.dedup();
    assert!(!crates.is_empty() && crates.len() <= 7, "{crates:?}");
    assert!(!crates.contains(&"syn"), "{crates:?}");
}
