//! `nnc explain NN0102`: what a message means, with a wrong text and a right one.

use crate::messages::Messages;
use crate::{Failure, files};

/// What `nnc explain` is asked.
#[derive(clap::Args)]
pub struct Arguments {
    /// The code of a message; without it, all codes are listed
    code: Option<String>,
}

/// Prints the explanation of a code, or the list of codes.
pub fn run(arguments: &Arguments, messages: &Messages) -> Result<(), Failure> {
    let codes = nnc_compiler::codes();
    let Some(wanted) = &arguments.code else {
        let lines: String = codes.iter().map(|(code, title, _)| format!("{code}  {title}\n")).collect();
        return files::print(&lines, messages);
    };
    // `nn202` and `202` are as good as `NN0202`
    let digits = wanted.trim_start_matches(['N', 'n']);
    let full = format!("NN{digits:0>4}");
    match codes.iter().find(|(code, ..)| *code == full) {
        Some((code, title, explanation)) => files::print(format!("{code}: {title}\n\n{}\n", explanation.trim()), messages),
        None => Err(messages.plain(&format!("there is no code `{wanted}`; `nnc explain` lists them"), Failure::Usage)),
    }
}
