fn main() {
    let _ = nnc::nn!(linear(4, 16) -> tanh -> linear(17, 3) -> softmax);
}
