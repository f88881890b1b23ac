fn main() {
    let _ = nnc::nn!(linear('a, 1.) -> r#type -> softmax(0x10));
    let _ = nnc::nn!(linear(4, 3) -> -> relu);
    let _ = nnc::nn!();
}
