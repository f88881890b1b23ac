const A: usize = 16;
const B: usize = 17;

fn main() {
    let _ = nnc::nn!(linear(4, A) -> relu -> linear(B, 3) -> softmax);
}
