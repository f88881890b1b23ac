//! `parse(print(file)) == file`, and the formatter: on random trees, on the library, on the examples of the language.

use nnc_grammar::tree::*;
use nnc_grammar::{Span, format, on_large_stack, parse, parse_inline, print, print_chain};
use std::fs;

/// A small generator, the same on every machine (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
    fn some<T>(&mut self, least: usize, most: usize, mut each: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..least + self.below(most - least + 1)).map(|_| each(self)).collect()
    }

    // ---- trees that a text can have, at most `depth` deep

    fn name(&mut self) -> Name {
        const NAMES: [&str; 16] = [
            "x",
            "y",
            "w",
            "a1",
            "long_name_of_a_tensor",
            "sum",
            "param",
            "loss_",
            "fn",
            "layer",
            "index",
            "prob",
            "for_",
            "_k",
            "import",
            "unbatched",
        ];
        Name { text: NAMES[self.below(NAMES.len())].to_owned(), span: Span::default() }
    }
    /// A name that is no reduction, so that brackets may follow.
    fn callable(&mut self) -> Name {
        let name = self.name();
        if name.text == "sum" { Name { text: "f".to_owned(), ..name } } else { name }
    }
    fn text(&mut self) -> Text {
        let value =
            self.some(0, 12, |r| ['a', 'Z', ' ', '"', '\\', '\n', '{', '/', 'é', '\'', '\t', '漢'][r.below(12)]).into_iter().collect();
        Text { value, span: Span::default() }
    }
    fn docs(&mut self) -> Vec<Text> {
        if !self.one_in(4) {
            return Vec::new();
        }
        self.some(1, 3, |r| {
            let value = ["", "One line.", "  indented", "`x·W`", "//", "\"quoted\""][r.below(6)].to_owned();
            Text { value, span: Span::default() }
        })
    }
    fn path(&mut self, first: Name) -> Path {
        let mut segments = vec![first];
        while self.one_in(5) {
            segments.push(if self.one_in(3) {
                Name { text: ["0", "12", "007"][self.below(3)].to_owned(), span: Span::default() }
            } else {
                self.name()
            });
        }
        Path { segments, span: Span::default() }
    }

    fn file(&mut self) -> File {
        let items = self.some(0, 6, |r| Item { docs: r.docs(), kind: r.item(), span: Span::default() });
        File { items }
    }
    fn item(&mut self) -> ItemKind {
        match self.below(7) {
            0 => ItemKind::Import(self.text()),
            1 => ItemKind::Constant { name: self.name(), value: (!self.one_in(3)).then(|| self.expression(3)) },
            2 => ItemKind::Function { name: self.name(), hypers: self.hypers(), value: self.expression(4) },
            3 => {
                let hypers = self.one_in(2).then(|| self.hypers());
                ItemKind::Layer(Definition { name: self.name(), hypers, body: Body::Chain(self.chain(3)) })
            }
            4 => {
                let hypers = self.one_in(2).then(|| self.hypers());
                ItemKind::Layer(Definition { name: self.name(), hypers, body: self.block(1) })
            }
            5 => {
                let body = if self.one_in(2) { Body::Chain(self.chain(3)) } else { self.block(1) };
                ItemKind::Model(Definition { name: self.name(), hypers: None, body })
            }
            _ => {
                let hypers = self.one_in(2).then(|| self.hypers());
                ItemKind::Optimizer(Definition { name: self.name(), hypers, body: self.block(0) })
            }
        }
    }
    fn hypers(&mut self) -> Vec<Hyper> {
        self.some(0, 5, |r| Hyper {
            name: r.name(),
            parts: if r.one_in(4) { r.some(2, 3, Self::name) } else { Vec::new() },
            default: r.one_in(2).then(|| r.expression(2)),
        })
    }
    fn block(&mut self, results: usize) -> Body {
        Body::Block {
            ports: self.some(0, 4, Self::port),
            results: self.some(results, 3, Self::name),
            statements: self.some(0, 6, |r| r.statement(2)),
        }
    }
    fn port(&mut self) -> Port {
        let axes = if self.one_in(2) { self.some(1, 3, |r| r.dim(2)) } else { Vec::new() };
        Port { name: self.name(), axes, kind: self.one_in(4).then(|| self.kind()), span: Span::default() }
    }
    fn dim(&mut self, depth: usize) -> Dim {
        let kind = match self.below(6) {
            0 => DimKind::Pack(self.name()),
            1 => DimKind::Named(self.name(), self.expression(depth)),
            _ => DimKind::Expression(self.expression(depth)),
        };
        Dim { kind, span: Span::default() }
    }
    fn kind(&mut self) -> Kind {
        let kind = match self.below(3) {
            0 => KindKind::Probability,
            1 => KindKind::Index { low: Some(self.expression(1)), high: self.expression(1) },
            _ => KindKind::Index { low: None, high: self.expression(2) },
        };
        Kind { kind, span: Span::default() }
    }
    fn binder(&mut self) -> Binder {
        let pack = self.one_in(4);
        let range = if !self.one_in(2) {
            None
        } else if pack {
            Some(expression(ExpressionKind::Name(Path { segments: vec![self.name()], span: Span::default() })))
        } else {
            Some(self.expression(2))
        };
        Binder { name: self.name(), pack, range, span: Span::default() }
    }
    fn binders(&mut self) -> Vec<Binder> {
        if self.one_in(3) { Vec::new() } else { self.some(1, 3, Self::binder) }
    }
    fn patterns(&mut self) -> Vec<Pattern> {
        if self.one_in(2) {
            return Vec::new();
        }
        self.some(1, 3, |r| Pattern {
            path: Path {
                segments: r.some(1, 3, |r| if r.one_in(2) { Name { text: "*".to_owned(), span: Span::default() } } else { r.name() }),
                span: Span::default(),
            },
        })
    }
    fn statement(&mut self, depth: usize) -> Statement {
        let kind = match self.below(if depth == 0 { 11 } else { 13 }) {
            0 => StatementKind::Unbatched,
            1 | 2 => {
                let role = [Role::Parameter, Role::State, Role::Random, Role::Target][self.below(4)];
                StatementKind::Declare { role, tensors: self.some(1, 3, |r| (r.port(), r.one_in(2).then(|| r.expression(3)))) }
            }
            3 => StatementKind::Let(self.name(), self.expression(3)),
            4 => StatementKind::Block(self.name(), self.chain(3)),
            5 => StatementKind::Check(self.expression(3), self.text()),
            6 => {
                let name = self.one_in(2).then(|| self.name()).filter(|name| name.text != "for");
                StatementKind::Loss { name, patterns: self.patterns(), value: self.flow(3) }
            }
            7 => StatementKind::Metric(self.name(), self.flow(3)),
            8 => StatementKind::Optimizer { patterns: self.patterns(), chain: self.chain(3) },
            9 => StatementKind::Update { name: self.name(), binders: self.binders(), value: self.flow(3) },
            10 => StatementKind::Destructure { names: self.some(2, 3, Self::name), value: self.flow(3) },
            11 => StatementKind::If {
                arms: self.some(1, 3, |r| (r.expression(3), r.some(0, 3, |r| r.statement(depth - 1)))),
                otherwise: self.one_in(2).then(|| self.some(0, 3, |r| r.statement(depth - 1))),
            },
            _ => {
                let (name, binders, kind) = (self.name(), self.binders(), self.one_in(5).then(|| self.kind()));
                StatementKind::Equation { name, binders, kind, value: self.flow(5) }
            }
        };
        Statement { docs: self.docs(), kind, span: Span::default() }
    }
    fn chain(&mut self, depth: usize) -> Chain {
        Chain { stages: self.some(1, 5, |r| r.stage(depth)), span: Span::default() }
    }
    fn stage(&mut self, depth: usize) -> Stage {
        let label = self.one_in(3).then(|| self.name());
        let arguments = if depth > 0 && self.one_in(2) { Some(self.arguments(depth)) } else { None };
        Stage { label, name: self.name(), arguments, span: Span::default() }
    }
    fn arguments(&mut self, depth: usize) -> Vec<Argument> {
        self.some(0, 3, |r| Argument {
            name: r.one_in(4).then(|| r.name()),
            label: r.one_in(6).then(|| r.name()),
            value: r.flow(depth - 1),
            span: Span::default(),
        })
    }
    fn flow(&mut self, depth: usize) -> Flow {
        let stages = if self.one_in(4) { self.some(1, 3, |r| r.stage(depth.min(2))) } else { Vec::new() };
        Flow { value: self.expression(depth), stages, span: Span::default() }
    }
    fn expression(&mut self, depth: usize) -> Expression {
        self.level(depth, 0)
    }

    /// An expression that binds at least as tightly as `least`: `||`, `&&`, relations, `+`, `*`, signs, `^`, `or`, atoms.
    fn level(&mut self, depth: usize, least: usize) -> Expression {
        let level = if depth == 0 { 8 } else { least + self.below(9 - least.min(8)) };
        let depth = depth.saturating_sub(1);
        expression(match level {
            0 => ExpressionKind::Any(self.some(2, 3, |r| r.level(depth, 1))),
            1 => ExpressionKind::All(self.some(2, 3, |r| r.level(depth, 2))),
            2 => {
                let relations =
                    [Relation::Equal, Relation::NotEqual, Relation::LessEqual, Relation::GreaterEqual, Relation::Less, Relation::Greater];
                ExpressionKind::Compare(Box::new(self.level(depth, 3)), self.some(1, 2, |r| (relations[r.below(6)], r.level(depth, 3))))
            }
            3 => {
                let rest = self.some(1, 4, |r| (if r.one_in(2) { Sign::Plus } else { Sign::Minus }, r.level(depth, 4)));
                ExpressionKind::Sum(Box::new(self.level(depth, 4)), rest)
            }
            4 => {
                let factors = [Factor::Times, Factor::Divide, Factor::Remainder];
                // Only the last factor may end in a reduction, which would take what follows.
                let mut rest = self.some(1, 3, |r| (factors[r.below(3)], r.closed(depth, 5)));
                let last = (factors[self.below(3)], self.level(depth, 5));
                rest.push(last);
                ExpressionKind::Product(Box::new(self.closed(depth, 5)), rest)
            }
            5 if self.one_in(3) => ExpressionKind::Not(Box::new(self.level(depth, 5))),
            5 => ExpressionKind::Negative(Box::new(self.level(depth, 5))),
            6 => ExpressionKind::Power(Box::new(self.closed(depth, 7)), Box::new(self.level(depth, 5))),
            7 => {
                let mut otherwise = self.level(depth, 8);
                if self.one_in(3) {
                    otherwise = expression(ExpressionKind::Negative(Box::new(otherwise)));
                }
                ExpressionKind::Or(Box::new(self.closed(depth, 7)), Box::new(otherwise))
            }
            _ => return self.atom(depth),
        })
    }

    /// One that ends in no reduction.
    fn closed(&mut self, depth: usize, least: usize) -> Expression {
        loop {
            let value = self.level(depth, least);
            if !takes_more(&value) {
                return value;
            }
        }
    }

    fn atom(&mut self, depth: usize) -> Expression {
        let reducers = [Reducer::Sum, Reducer::Max, Reducer::Min, Reducer::Mean, Reducer::Product, Reducer::LogSumExp, Reducer::ArgMax];
        expression(match self.below(if depth == 0 { 4 } else { 12 }) {
            0 => ExpressionKind::Number(["1", "0", "1_000", "0.5", "1e-3", "2.5E+10", "007"][self.below(7)].to_owned()),
            1 => ExpressionKind::Boolean(self.one_in(2)),
            2 | 3 => {
                let name = self.name();
                ExpressionKind::Name(self.path(name))
            }
            4 => ExpressionKind::If {
                arms: self.some(1, 3, |r| (r.expression(depth), r.flow(depth))),
                otherwise: Box::new(self.flow(depth)),
            },
            5 | 6 => {
                let body = loop {
                    let body = self.level(depth, 4);
                    if begins_body(&body) {
                        break body;
                    }
                };
                ExpressionKind::Reduce {
                    reducer: reducers[self.below(7)],
                    binders: self.some(1, 3, Self::binder),
                    condition: self.one_in(3).then(|| Box::new(self.expression(depth))),
                    body: Box::new(body),
                }
            }
            7 => ExpressionKind::Total(reducers[self.below(7)], self.some(1, 3, |r| r.flow(depth))),
            8 => {
                let name = self.name();
                ExpressionKind::Read(self.path(name), self.some(1, 3, |r| r.dim(depth)))
            }
            9 => {
                let name = self.callable();
                let second = self.one_in(3).then(|| self.arguments(depth));
                ExpressionKind::Call { path: self.path(name), first: self.arguments(depth), second }
            }
            10 => ExpressionKind::Array(self.some(1, 4, |r| r.expression(depth))),
            _ => ExpressionKind::Group(self.some(1, 3, |r| r.flow(depth))),
        })
    }
}

fn expression(kind: ExpressionKind) -> Expression {
    Expression { kind, span: Span::default() }
}

fn takes_more(value: &Expression) -> bool {
    match &value.kind {
        ExpressionKind::Reduce { .. } => true,
        ExpressionKind::Negative(inner) | ExpressionKind::Not(inner) => takes_more(inner),
        ExpressionKind::Power(_, last) | ExpressionKind::Or(_, last) => takes_more(last),
        ExpressionKind::Product(_, rest) => rest.last().is_some_and(|(_, last)| takes_more(last)),
        _ => false,
    }
}

fn begins_body(value: &Expression) -> bool {
    match &value.kind {
        ExpressionKind::Negative(_) | ExpressionKind::Not(_) | ExpressionKind::Boolean(_) => false,
        ExpressionKind::Product(first, _) | ExpressionKind::Power(first, _) | ExpressionKind::Or(first, _) => begins_body(first),
        _ => true,
    }
}

/// Text that is canonical for `file`, and stays so.
#[track_caller]
fn check(file: &File, seed: u64) {
    let text = print(file);
    match parse(0, &text) {
        Ok(read) => assert!(read == *file, "seed {seed}: another tree\n{text}\n{:#?}\n{:#?}", read, file),
        Err(problems) => panic!("seed {seed}: {}\n{text}", problems[0]),
    }
    assert!(text.lines().all(|line| line.trim_end() == line), "seed {seed}: spaces at the end of a line\n{text}");
    let formatted = format(&text).unwrap();
    assert!(formatted == text, "seed {seed}: formatting changes what was printed\n{text}\n{formatted}");
}

#[test]
fn random_trees_survive() {
    on_large_stack(|| {
        for seed in 0..2000 {
            check(&Random(seed).file(), seed);
        }
    });
}

#[test]
fn random_chains_survive() {
    for seed in 0..500 {
        let chain = Random(seed).chain(3);
        let text = print_chain(&chain);
        assert!(parse_inline(0, &text).unwrap() == chain, "seed {seed}\n{text}");
        assert!(parse_inline(0, &format!("< {text} >")).unwrap() == chain, "seed {seed}\n{text}");
    }
}

/// The comments of a text, in order.
fn comments(text: &str) -> Vec<String> {
    let comment = |line: &str| line.find("//c").map(|at| line[at..].trim_end().to_owned());
    text.lines().filter_map(comment).collect()
}

#[test]
fn formatting_keeps_comments_and_the_tree() {
    on_large_stack(|| {
        for seed in 0..400 {
            let mut random = Random(seed);
            let file = random.file();
            let text = print(&file);
            // A comment may stand wherever a line may end: behind any space that no text and no documentation holds.
            let mut sprinkled = String::new();
            let mut number = 0;
            for line in text.lines() {
                let plain = !line.contains('"') && !line.contains("///");
                for letter in line.chars() {
                    sprinkled.push(letter);
                    if plain && letter == ' ' && random.one_in(12) {
                        number += 1;
                        let gap = ["", "\n", "\n\n\n", "\t"][random.below(4)];
                        sprinkled.push_str(&format!("{gap}//c{number} é  \n"));
                    }
                }
                if random.one_in(6) && !line.contains("///") {
                    number += 1;
                    sprinkled.push_str(&format!(" //c{number}"));
                }
                sprinkled.push_str(if random.one_in(8) { "\r\n\n\n" } else { "\n" });
            }
            let once = format(&sprinkled).unwrap_or_else(|problems| panic!("seed {seed}: {}\n{sprinkled}", problems[0]));
            assert!(parse(0, &once).unwrap() == file, "seed {seed}: another tree\n{sprinkled}\n{once}");
            assert_eq!(comments(&once), comments(&sprinkled), "seed {seed}\n{sprinkled}\n{once}");
            let twice = format(&once).unwrap();
            assert!(twice == once, "seed {seed}: formatting twice\n{once}\n{twice}");
            assert!(!once.contains("\n\n\n") && !once.contains(" \n"), "seed {seed}\n{once}");
        }
    });
}

#[test]
fn the_library_survives() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../compiler/library");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 5, "the library has files");
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let file = parse(0, &text).unwrap_or_else(|problems| panic!("{}: {}", path.display(), problems[0]));
        check(&file, 0);
        let formatted = format(&text).unwrap();
        assert!(parse(0, &formatted).unwrap() == file, "{}", path.display());
        assert!(format(&formatted).unwrap() == formatted, "{}", path.display());
        assert!(formatted == text, "{} is not in canonical layout: run `nnc fmt`", path.display());
        assert!(formatted.lines().all(|line| line.chars().count() <= 120 || line.contains("//")), "{}", path.display());
    }
}

#[test]
fn the_draft_of_the_library_and_the_examples_survive() {
    for text in [include_str!("library.nn"), include_str!("language.nn")] {
        let file = parse(0, text).unwrap();
        check(&file, 0);
        let formatted = format(text).unwrap();
        assert!(parse(0, &formatted).unwrap() == file);
        assert!(format(&formatted).unwrap() == formatted);
    }
}
