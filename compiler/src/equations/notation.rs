//! Equations from text, for tests: the notation in which they are printed, with the range of every index written out.
//!
//! ```text
//! x[batch, 3, 8]                                        a given tensor; `t[batch]: int 5` of integers below 5
//! y[n: batch, i: 4] = sum(p: 3 where p <= i) (x[n, p, 2 * i + p - 1] or 0) * exp(w[p])
//! ```
//! A name that is no index and no tensor is a size: `batch` at least 0, others at least 1. Comparisons are of integers if both sides
//! can be read as such. Wrong text panics.

use super::*;

/// The equations of a text, one a line.
#[track_caller]
pub(crate) fn read(text: &str) -> Equations {
    let mut reader = Reader { equations: Equations::new(), tokens: Vec::new(), at: 0, axes: Vec::new() };
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    // names first, so that equations may read what is defined below
    for pass in 0..2 {
        for line in &lines {
            reader.tokens = tokens(line);
            reader.at = 0;
            reader.axes.clear();
            reader.line(pass == 1).unwrap_or_else(|| panic!("cannot read `{line}` after {:?}", &reader.tokens[..reader.at]));
        }
    }
    reader.equations
}

fn tokens(line: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        let length = if word(first) {
            let mut length = rest.find(|c| !word(c)).unwrap_or(rest.len());
            // 1e-5
            if first.is_ascii_digit() && rest[..length].ends_with('e') && rest[length..].starts_with('-') {
                length += 1 + rest[length + 1..].find(|c| !word(c)).unwrap_or(rest.len() - length - 1);
            }
            length
        } else if ["<=", ">=", "==", "!=", "&&"].iter().any(|two| rest.starts_with(two)) {
            2
        } else {
            1
        };
        tokens.push(rest[..length].to_string());
        rest = rest[length..].trim_start();
    }
    tokens
}

struct Reader {
    equations: Equations,
    tokens: Vec<String>,
    at: usize,
    axes: Vec<(String, Index)>,
}

impl Reader {
    fn pool(&mut self) -> &mut Pool {
        &mut self.equations.pool
    }
    fn peek(&self) -> &str {
        self.tokens.get(self.at).map_or("", String::as_str)
    }
    fn take(&mut self, token: &str) -> Option<()> {
        self.accept(token).then_some(())
    }
    fn accept(&mut self, token: &str) -> bool {
        let found = self.peek() == token;
        self.at += usize::from(found);
        found
    }
    fn word(&mut self) -> Option<String> {
        let word = self.peek().to_string();
        word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_').then(|| self.at += 1)?;
        Some(word)
    }
    /// Tries a reading, and takes it back if it does not go on to one of `then`.
    fn attempt<T>(&mut self, then: &[&str], read: impl Fn(&mut Self) -> Option<T>) -> Option<T> {
        let at = self.at;
        let result = read(self).filter(|_| then.contains(&self.peek()));
        if result.is_none() {
            self.at = at;
        }
        result
    }

    fn line(&mut self, complete: bool) -> Option<()> {
        let name = self.word()?;
        let name = self.pool().name(&name);
        let (mut sizes, mut labels) = (Vec::new(), Vec::new());
        if self.accept("[") {
            while !self.accept("]") {
                self.axis(&mut sizes, &mut labels)?;
                self.accept(",");
            }
        }
        let integers = if self.accept(":") {
            self.take("int")?;
            Some(self.index()?)
        } else {
            None
        };
        let mut tensor = Tensor::given(Role::Input, sizes.clone());
        if let Some(high) = integers {
            let low = self.pool().integer(0);
            tensor.element = Element::Integer { low, high };
        }
        if complete && self.accept("=") {
            let reductions = [
                ("sum", Reduction::Sum),
                ("prod", Reduction::Product),
                ("max", Reduction::Max),
                ("lse", Reduction::LogSumExp),
                ("argmax", Reduction::ArgMax),
            ];
            let binds = self.tokens.get(self.at + 3).is_some_and(|token| token == ":");
            let reduction = reductions.iter().find(|(word, _)| *word == self.peek() && binds).map(|&(_, reduction)| reduction);
            let (mut reduced, mut condition) = (Vec::new(), Condition::TRUE);
            if reduction.is_some() {
                self.at += 1;
                self.take("(")?;
                while !self.accept(")") {
                    if self.accept("where") {
                        condition = self.condition()?;
                    } else {
                        // reduced axes are numbered after those of the result
                        let rank = sizes.len();
                        let mut all = [&sizes[..], &reduced[..]].concat();
                        self.axis(&mut all, &mut labels)?;
                        reduced = all.split_off(rank);
                        self.accept(",");
                    }
                }
            }
            let body = self.sum()?;
            tensor.definition = Definition::Equation(Equation { reduction, reduced, condition, body });
        } else if !complete {
            self.at = self.tokens.len();
        }
        tensor.labels = labels;
        self.equations.insert(name, tensor);
        (self.at == self.tokens.len()).then_some(())
    }
    /// `i: 4`, or `4` without a label.
    fn axis(&mut self, sizes: &mut Vec<Index>, labels: &mut Vec<String>) -> Option<()> {
        let label = if self.tokens.get(self.at + 1).is_some_and(|token| token == ":") { self.word() } else { None };
        if label.is_some() {
            self.take(":")?;
        }
        let size = self.index()?;
        if let Some(label) = label {
            let axis = self.pool().axis(sizes.len() as u32, size);
            self.axes.push((label.clone(), axis));
            labels.push(label);
        }
        sizes.push(size);
        Some(())
    }

    fn index(&mut self) -> Option<Index> {
        let mut sum = self.pool().integer(0);
        let mut sign = if self.accept("-") { -1 } else { 1 };
        loop {
            let term = self.index_product()?;
            sum = self.pool().combine(&[(sum, 1), (term, sign)]);
            sign = match self.peek() {
                "+" => 1,
                "-" => -1,
                _ => return Some(sum),
            };
            self.at += 1;
        }
    }
    fn index_product(&mut self) -> Option<Index> {
        let mut product = self.index_factor()?;
        loop {
            let operator = self.peek().to_string();
            if !["*", "/", "%"].contains(&operator.as_str()) {
                return Some(product);
            }
            self.at += 1;
            let factor = self.index_factor()?;
            product = match operator.as_str() {
                "*" => self.pool().times(product, factor),
                "/" => self.pool().divide(product, factor),
                _ => self.pool().remainder(product, factor),
            };
        }
    }
    fn index_factor(&mut self) -> Option<Index> {
        if self.accept("(") {
            let index = self.index()?;
            self.take(")")?;
            return Some(index);
        }
        if self.accept("-") {
            let index = self.index_factor()?;
            return Some(self.pool().scaled(index, -1));
        }
        if let Ok(value) = self.peek().parse() {
            self.at += 1;
            return Some(self.pool().integer(value));
        }
        let word = self.word()?;
        if let Some((_, axis)) = self.axes.iter().rev().find(|(label, _)| *label == word) {
            return Some(*axis);
        }
        let name = self.pool().name(&word);
        match self.equations.tensors.get(&name).map(|tensor| tensor.element) {
            Some(Element::Integer { low, high }) => {
                let at = self.places()?;
                Some(self.pool().read_integer(name, at, low, high))
            }
            Some(Element::Real) => None,
            None => Some(self.pool().size(&word, if word == BATCH { 0 } else { 1 })),
        }
    }
    fn places(&mut self) -> Option<Vec<Index>> {
        let mut at = Vec::new();
        if self.accept("[") {
            while !self.accept("]") {
                at.push(self.index()?);
                self.accept(",");
            }
        }
        Some(at)
    }

    fn condition(&mut self) -> Option<Condition> {
        let mut parts = Vec::new();
        loop {
            parts.push(self.comparison()?);
            if !self.accept("&&") {
                return Some(self.pool().all(&parts));
            }
        }
    }
    fn comparison(&mut self) -> Option<Condition> {
        const RELATIONS: [&str; 6] = ["<", "<=", "==", ">=", ">", "!="];
        let integers = self.attempt(&["{", ")", "&&"], |reader| {
            let a = reader.index()?;
            let relation = RELATIONS.iter().find(|&&relation| reader.accept(relation))?;
            Some((a, *relation, reader.index()?))
        });
        if let Some((a, relation, b)) = integers {
            let pool = self.pool();
            return Some(match relation {
                "<" => pool.less(a, b),
                "<=" => pool.at_most(a, b),
                "==" => pool.equal(a, b),
                ">=" => pool.at_most(b, a),
                ">" => pool.less(b, a),
                _ => {
                    let equal = pool.equal(a, b);
                    pool.not(equal)
                }
            });
        }
        let a = self.sum()?;
        let relation = *RELATIONS.iter().find(|&&relation| self.accept(relation))?;
        let b = self.sum()?;
        let pool = self.pool();
        Some(match relation {
            "<" => pool.compare(Relation::Less, a, b),
            "<=" => pool.compare(Relation::LessEqual, a, b),
            "==" => pool.compare(Relation::Equal, a, b),
            ">=" => pool.compare(Relation::LessEqual, b, a),
            ">" => pool.compare(Relation::Less, b, a),
            _ => return None,
        })
    }

    fn sum(&mut self) -> Option<Scalar> {
        let mut terms = Vec::new();
        let mut minus = self.accept("-");
        loop {
            let term = self.product()?;
            terms.push(if minus { self.pool().negative(term) } else { term });
            minus = match self.peek() {
                "+" => false,
                "-" => true,
                _ => return Some(self.pool().add(&terms)),
            };
            self.at += 1;
        }
    }
    fn product(&mut self) -> Option<Scalar> {
        let mut product = self.power()?;
        loop {
            if self.accept("*") {
                let factor = self.power()?;
                product = self.pool().mul(&[product, factor]);
            } else if self.accept("/") {
                let factor = self.power()?;
                product = self.pool().quotient(product, factor);
            } else {
                return Some(product);
            }
        }
    }
    fn power(&mut self) -> Option<Scalar> {
        let base = self.primary()?;
        if !self.accept("^") {
            return Some(base);
        }
        let sign = if self.accept("-") { -1.0 } else { 1.0 };
        let exponent: f64 = self.peek().parse().ok()?;
        self.at += 1;
        Some(self.pool().power(base, sign * exponent))
    }
    fn primary(&mut self) -> Option<Scalar> {
        if self.accept("(") {
            let inner = self.sum()?;
            self.take(")")?;
            return Some(inner);
        }
        if self.accept("-") {
            let inner = self.power()?;
            return Some(self.pool().negative(inner));
        }
        if self.accept("if") {
            let condition = self.condition()?;
            self.take("{")?;
            let yes = self.sum()?;
            self.take("}")?;
            self.take("else")?;
            self.take("{")?;
            let no = self.sum()?;
            self.take("}")?;
            return Some(self.pool().select(condition, yes, no));
        }
        if self.peek().starts_with(|c: char| c.is_ascii_digit() || c == '.') || self.peek() == "inf" {
            let value = self.peek().parse().ok()?;
            self.at += 1;
            return Some(self.pool().constant(value));
        }
        let word = self.word()?;
        let functions = [
            Function::Exp,
            Function::Log,
            Function::Tanh,
            Function::Sigmoid,
            Function::Softplus,
            Function::Erf,
            Function::Sin,
            Function::Cos,
            Function::Abs,
            Function::Floor,
        ];
        if self.peek() == "(" {
            self.at += 1;
            let first = self.sum()?;
            let second = if self.accept(",") { Some(self.sum()?) } else { None };
            self.take(")")?;
            let pool = self.pool();
            return Some(match (word.as_str(), second) {
                ("max", Some(second)) => pool.max(first, second),
                ("min", Some(second)) => pool.min(first, second),
                ("sqrt", None) => pool.sqrt(first),
                ("stop", None) => pool.stop(first),
                (word, None) => {
                    let function = *functions.iter().find(|function| function.name() == word)?;
                    pool.apply(function, first)
                }
                _ => return None,
            });
        }
        let name = self.pool().name(&word);
        let is_index = self.axes.iter().any(|(label, _)| *label == word)
            || self.equations.tensors.get(&name).is_none_or(|tensor| tensor.element != Element::Real);
        if is_index {
            self.at -= 1;
            let index = self.index_factor()?;
            return Some(self.pool().real(index));
        }
        let at = self.places()?;
        let read = self.pool().read(name, at.clone());
        if !self.accept("or") {
            return Some(read);
        }
        let default = self.primary()?;
        let sizes = self.equations.tensors[&name].axes.clone();
        let pool = self.pool();
        let inside: Vec<Condition> = at.iter().zip(sizes).map(|(&index, size)| pool.in_range(index, size)).collect();
        let inside = pool.all(&inside);
        Some(pool.select(inside, read, default))
    }
}
