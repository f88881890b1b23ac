nnc::nn! {
    /// The first.
    model One(x[4]) -> y {
        y = x -> linear(3)
        loss = mean(y);
    }
    model Two(x[4]) -> y {
        y[o] = sum(i) x[i] * w[i, o];
    }
    layer twice(x[n]) -> y { y[i] = x[i] + z[i]; }
}

fn main() {}
