fn main() {
    let mut net = nnc::nn!(linear(4, 16) -> tnah -> linear(16, 3) -> sofmax);
    let _ = net.predict(&[1.0, 2.0, 3.0, 4.0]);
}
