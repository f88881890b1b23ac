nnc::nn! {
    import "no/such/blocks.nn";
    model M = linear(4, 3);
}

fn main() {}
