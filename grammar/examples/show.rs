use nnc_grammar::*;
fn main() {
    let text = std::io::read_to_string(std::io::stdin()).unwrap();
    for case in text.split("\n----\n") {
        let mut sources = Sources::default();
        let case = case.trim_end_matches('\n');
        sources.add("model.nn", case);
        let result = if let Some(chain) = case.strip_prefix("nn!") {
            sources.0[0].text = chain.into();
            parse_inline(0, chain).map(drop)
        } else {
            parse(0, case).map(drop)
        };
        match result {
            Ok(()) => println!("OK: {case}\n"),
            Err(problems) => print!("{}", problems.iter().map(|p| render(p, &sources) + "\n").collect::<String>()),
        }
    }
}
