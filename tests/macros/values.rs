fn main() {
    let mut net = nnc::nn!(linear(4, 3) -> softmax);
    let _ = net.predict(&[1.0_f64, 2.0, 3.0, 4.0]);
    let _ = net.predict(&["four"]);
    let _ = net.predict([1.0, 2.0, 3.0, 4.0]);
}
