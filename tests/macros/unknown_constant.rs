fn main() {
    let _ = nnc::nn!(linear(INPUTS, 3) -> softmax);
}
