const REAL: f32 = 4.0;

fn main() {
    let size = 4;
    let _ = size;
    let _ = nnc::nn!(linear(REAL, 3) -> softmax);
    let _ = nnc::nn!(linear(size, 3) -> softmax);
}
