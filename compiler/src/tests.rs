//! The whole way from text to Rust: work and output by the number of layers, and stacks that decide nothing.

use super::*;

/// How many tokens a model with this body becomes, and how many bytes of text.
fn check(body: &str) -> (f64, f64) {
    let text = format!("model M(x[8, 4]) -> y {{ y = x{body}; loss = sum(y^2); optimizer = sgd(lr = 0.1); }}");
    let load: &mut Load<'_> = &mut |_, path| Err(path.to_string());
    let (settings, options) = (Settings::default(), Options::default());
    let understood = match understand("model.nn", text.as_bytes(), load, &settings) {
        Ok(understood) => understood,
        Err(failure) => panic!("{}", failure.diagnostics[0]),
    };
    let tokens = count(generate(understood.models.clone(), &options));
    (tokens as f64, generate_text(understood.models, &options).len() as f64)
}

fn count(tokens: TokenStream) -> usize {
    let mut count = 0;
    let mut streams = vec![tokens];
    while let Some(tokens) = streams.pop() {
        for token in tokens {
            count += 1;
            if let proc_macro2::TokenTree::Group(group) = token {
                streams.push(group.stream());
            }
        }
    }
    count
}

/// Tokens and bytes for each further layer are the same, but for digits of numbers.
#[test]
fn output_is_linear_in_the_number_of_layers() {
    for layer in
        [" -> linear(4, 4) -> relu", " -> residual(layer_norm -> linear(4, 4) -> relu)", " -> transformer_encoder_layer(4, 2, hidden = 8)"]
    {
        let [few, some, many] = [10, 15, 25].map(|layers| check(&layer.repeat(layers)));
        let (first, second) = (some.0 - few.0, (many.0 - some.0) / 2.0);
        assert!(second <= first * 1.01, "{layer}: {first} tokens for 5 layers, then {second}");
        let (first, second) = (some.1 - few.1, (many.1 - some.1) / 2.0);
        assert!(second <= first * 1.02, "{layer}: {first} bytes for 5 layers, then {second}");
    }
}

/// Text and tokens are made on a thread of 64 KiB: deep functions, choices, chains and long sums.
#[test]
fn small_stacks_suffice() {
    let nested = |open: &str, close: &str, depth: usize| format!("{}x{}", open.repeat(depth), close.repeat(depth));
    let bodies = [
        " -> tanh".repeat(200),
        format!(" + {}", nested("exp(2 * tanh(", "))", 30)),
        format!(" + {}", nested("if x > 0 { 1 } else { exp(", ") }", 30)),
        " + 2 * x".repeat(2_000),
        (0..200).map(|k| format!(" + exp({k} * x)")).collect(),
    ];
    for body in bodies {
        let work = move || assert!(check(&body).0 > 0.0);
        std::thread::Builder::new().stack_size(64 << 10).spawn(work).unwrap().join().unwrap();
    }
}
