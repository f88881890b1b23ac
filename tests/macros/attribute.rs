nnc::nn! {
    #[derive(Clone)]
    model M = linear(4, 3);
}

fn main() {}
