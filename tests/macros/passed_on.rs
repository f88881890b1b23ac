macro_rules! network {
    ($inputs:expr, $activation:ident) => {
        nnc::nn!(linear($inputs, 3) -> $activation -> linear(2, 2))
    };
}

fn main() {
    let _ = network!(2 + 2, relu);
}
