nnc::nn! {}

fn main() {
    let _ = nnc::nn!();
}
