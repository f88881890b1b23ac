//! Every model of the library's tests: values and gradients as the equations stand, and simplified.

use super::*;
use crate::elaborate::Settings;
use crate::equations::verify::violations;
use crate::model::Forward;
use std::path::PathBuf;

#[track_caller]
fn check_model(name: &str, forward: &Forward) {
    let mut plain = forward.equations.clone();
    let keep: Vec<Name> = forward.outputs.iter().copied().chain([forward.loss]).collect();
    let by: Vec<Name> = plain
        .tensors
        .iter()
        .filter(|(_, tensor)| tensor.equation().is_none() && tensor.element == Element::Real)
        .map(|(&name, _)| name)
        .collect();
    let mut equations = stabilise(plain.clone(), &keep);
    let expected = derive(&mut plain, forward.loss, &by);
    let found = derive(&mut equations, forward.loss, &by);
    let after = simplify(equations, &[keep.clone(), found.clone()].concat());
    assert_eq!(violations(&after), Vec::<String>::new(), "{name}");
    let (sizes, values) = some_values(&plain, &mut Random(3));
    let expected = match interpret(&plain, &sizes, &values, &[keep.clone(), expected].concat()) {
        Ok(expected) => expected,
        Err(fault) => panic!("{name}: {fault}"),
    };
    let wanted = [keep, found].concat();
    let found = interpret(&after, &sizes, &values, &wanted).unwrap_or_else(|fault| panic!("{name}: {fault}\n{}", print(&after)));
    for ((wanted, expected), found) in wanted.iter().zip(&expected).zip(&found) {
        let (Value::Real(a), Value::Real(b)) = (expected, found) else {
            assert_eq!(expected, found, "{name}");
            continue;
        };
        let close = |(&a, &b): (&f64, &f64)| a == b || !a.is_finite() || (a - b).abs() <= 1e-9 * (1.0 + a.abs());
        let text = after.pool.text(*wanted);
        assert!(a.iter().zip(b).all(close), "{name}: {text} is\n{b}\ninstead of\n{a}\n{}", print(&after));
    }
}

#[test]
fn every_model_of_the_library() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/library");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut models = 0;
    for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "nn")) {
        let text = std::fs::read(file).unwrap();
        let mut load = |_: &str, _: &str| Err("no imports".to_string());
        let understood = crate::understand(&file.to_string_lossy(), &text, &mut load, &Settings::default());
        let Ok(understood) = understood else { panic!("{} is refused", file.display()) };
        for model in &understood.models {
            models += 1;
            check_model(&model.interface.name, &model.training);
        }
    }
    assert!(models > 50, "{models} models");
}
