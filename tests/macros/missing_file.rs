nnc::nn_file!("no/such/model.nn");
nnc::nn_file!(Model);

fn main() {}
