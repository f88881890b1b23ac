//! What texts mean, as printed equations; what is refused, as code and place.

use super::{Elaborated, Settings, elaborate};
use crate::equations::print::print;
use crate::equations::verify::verify;
use crate::model::Model;
use nnc_grammar::{Diagnostic, Source, Sources};

fn read(text: &str, settings: &Settings) -> Result<Elaborated, (Vec<Diagnostic>, Sources)> {
    let mut sources = Sources::default();
    let number = sources.add("test.nn", text);
    let result = nnc_grammar::parse(number, text).and_then(|file| {
        let mut load = |_: &str, path: &str| -> Result<Source, String> { Err(format!("no file {path}")) };
        nnc_grammar::on_large_stack(|| elaborate(&file, &mut sources, &mut load, settings))
    });
    result.map_err(|problems| (problems, sources))
}

#[track_caller]
fn model(text: &str) -> Model {
    let result = read(text, &Settings { rust_constants: true, model: None });
    let mut elaborated = result.unwrap_or_else(|(problems, sources)| panic!("{}", show(&problems, &sources)));
    for model in &elaborated.models {
        verify(&model.training.equations);
        verify(&model.inference.equations);
        for group in &model.optimizer.groups {
            verify(&group.equations);
        }
    }
    elaborated.models.remove(0)
}

fn show(problems: &[Diagnostic], sources: &Sources) -> String {
    let mut text = String::new();
    for problem in problems {
        text.push_str(&format!("{problem}\n"));
        for label in &problem.labels {
            let source = sources.0.get(label.span.source as usize);
            let there = source.and_then(|source| source.text.get(label.span.range())).unwrap_or("?");
            text.push_str(&format!("  `{there}`: {}\n", label.text));
        }
        for note in &problem.notes {
            text.push_str(&format!("  note: {note}\n"));
        }
        for help in &problem.help {
            let repair = help.replacement.as_ref().map(|(_, repair)| format!(" -> `{repair}`")).unwrap_or_default();
            text.push_str(&format!("  help: {}{repair}\n", help.text));
        }
    }
    text
}

#[test]
fn digits() {
    let model = model(
        "model Digits(x[64]) -> p {
            target digit: index(10);
            p         = x -> fc1: linear(64, 32) -> relu -> fc2: linear(32, 10) -> softmax;
            loss      = cross_entropy(p, digit);
            optimizer = clip_norm(1.0) -> adamw(lr = cosine(step, 1e-2, 1e-4, 2000));
            optimizer for *.b = adamw(lr = cosine(step, 1e-2, 1e-4, 2000), decay = 0);
            metric hits = accuracy(p, digit);
        }",
    );
    println!("{}", print(&model.training.equations));
    println!("{:#?}", model.interface);
    for group in &model.optimizer.groups {
        println!("{}", print(&group.equations));
        println!("{:?} {:?}", group.states, group.update);
    }
    println!("{:?}", model.optimizer.fields);
}
