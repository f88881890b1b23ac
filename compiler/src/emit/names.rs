//! What things are called in generated code: by what they are, so that a change elsewhere changes no name.

use super::expression::{Style, identifier_text};
use crate::equations::print::print_equation;
use crate::equations::{Affine, Definition, Equations, Index, Name, Part, Parts, Pool, Role, ScalarNode, Tensor};
use crate::model::Origin;
use crate::program::{Call, Form};
use std::collections::{BTreeMap, BTreeSet};

/// No equation with more operators and operands is printed.
const LONGEST: usize = 2000;

/// What the library calls the result of a layer.
const RESULT: &str = "y";

/// Where a tensor belongs.
struct Place {
    /// `d_` for each time that it is an adjoint.
    prefix: String,
    /// The stage, empty for the body of the model.
    stage: String,
    /// The definition of the stage.
    definition: String,
    /// The name in the definition.
    local: String,
}

/// Where tensors came from.
pub struct Names {
    origins: BTreeMap<String, Origin>,
    /// Stages and their definitions.
    stages: BTreeMap<String, String>,
    model: String,
}

impl Names {
    /// The names of one program of a model.
    pub fn new(pool: &Pool, origins: &BTreeMap<Name, Origin>, model: &str) -> Self {
        let mut known = BTreeMap::new();
        for (&name, origin) in origins {
            let mut origin = origin.clone();
            let kind = origin.local.trim_end_matches(|c: char| c.is_ascii_digit());
            // a `fn` that is a stage without a label is its own result: `relu1`
            if origin.stage.is_empty() && kind.len() < origin.local.len() && !kind.is_empty() {
                origin = Origin { stage: origin.local.clone(), definition: kind.to_string(), local: RESULT.to_string(), ..origin };
            }
            known.insert(pool.text(name).to_string(), origin);
        }
        let stages = known.values().map(|origin| (origin.stage.clone(), origin.definition.clone())).collect();
        Names { origins: known, stages, model: model.to_string() }
    }
    /// Where a tensor belongs, by its name.
    fn place(&self, text: &str) -> Place {
        let mut prefix = String::new();
        let mut rest = text;
        while !self.origins.contains_key(rest)
            && let Some(inner) = rest.strip_prefix("d_")
        {
            prefix.push_str("d_");
            rest = inner;
        }
        // part of an adjoint, or one of several of a name
        let base = rest.split("_via_").next().unwrap_or(rest);
        let shorter = base.rsplit_once('_').filter(|(_, number)| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()));
        let at = |base: &str| -> Option<Place> {
            if let Some(origin) = self.origins.get(base) {
                let (stage, definition) = (origin.stage.clone(), origin.definition.clone());
                return Some(Place { prefix: prefix.clone(), stage, definition, local: origin.local.clone() });
            }
            // a parameter, or a part of an equation
            let (before, last) = base.rsplit_once('.')?;
            let part_of = self.origins.get(before).map(|origin| (origin.stage.clone(), origin.definition.clone()));
            let of_stage = || self.stages.get(before).map(|definition| (before.to_string(), definition.clone()));
            let (stage, definition) = part_of.or_else(of_stage)?;
            Some(Place { prefix: prefix.clone(), stage, definition, local: last.to_string() })
        };
        at(base).or_else(|| at(shorter?.0)).unwrap_or_else(|| Place {
            prefix: prefix.clone(),
            stage: String::new(),
            definition: self.model.clone(),
            local: base.rsplit('.').next().unwrap_or(base).to_string(),
        })
    }
    /// The tensors that an equation reads, as a reader meets them.
    pub fn reads_in_order(&self, equations: &Equations, name: Name) -> Vec<Name> {
        use crate::equations::AtomNode;
        let Some(equation) = equations.tensors[&name].equation() else { return Vec::new() };
        let pool = &equations.pool;
        let mut names = Vec::new();
        let mut note = |part| match part {
            Part::Scalar(scalar) => {
                if let ScalarNode::Read { tensor, .. } = pool.scalar(scalar) {
                    names.push(*tensor);
                }
            }
            Part::Atom(atom) => {
                if let AtomNode::Read { tensor, .. } = pool.atom(atom) {
                    names.push(*tensor);
                }
            }
            _ => {}
        };
        pool.visit(Parts::of_scalar(equation.body), &mut note);
        pool.visit(Parts::of_condition(equation.condition), &mut note);
        names
    }
    /// What a call's function is called: the definitions that its equations came from, what it computes of them, and its sizes.
    pub fn function(&self, equations: &Equations, style: &Style, call: &Call) -> String {
        let pool = &equations.pool;
        let Some(result) = call.result() else { return String::new() };
        let result = self.place(pool.text(result));
        let mut parts: Vec<String> = Vec::new();
        for &name in &call.computes {
            let place = self.place(pool.text(name));
            let definition = snake(&place.definition);
            if place.prefix == result.prefix
                && (place.definition != self.model || result.definition == self.model)
                && !parts.contains(&definition)
            {
                parts.push(definition);
            }
        }
        // the result of a layer is what the layer is called for
        if !result.prefix.is_empty() || result.local != RESULT {
            parts.push(snake(&format!("{}{}", result.prefix, result.local)));
        }
        let sizes = self.sizes(equations, style, call);
        if !sizes.is_empty() {
            parts.push(sizes);
        }
        parts.join("_")
    }
    fn sizes(&self, equations: &Equations, style: &Style, call: &Call) -> String {
        let pool = &equations.pool;
        let sizes: Vec<Index> = match &call.form {
            Form::Nest(nest) if nest.flat => Vec::new(),
            Form::Nest(nest) => nest.axes.iter().map(|&(_, size)| size).collect(),
            Form::Contraction(product) => {
                let outer = product.outer.iter().map(|&(_, size)| size);
                outer.chain([product.result.rows, product.left.columns, product.left.rows, product.result.columns]).collect()
            }
            Form::ColumnSum(rows) => vec![rows.columns],
            Form::Copy(..) | Form::Draw | Form::TimeLoop(_) => Vec::new(),
        };
        let mut texts: Vec<String> = Vec::new();
        for size in sizes {
            let text = match pool.affine(size) {
                Affine { constant, terms } if terms.is_empty() => constant.to_string(),
                _ if style.is_static(pool, size) => snake(&crate::equations::print::print_index(pool, &[], size).replace(' ', "")),
                _ => continue,
            };
            if text != "1" && (!matches!(call.form, Form::Contraction(_)) || texts.last() != Some(&text)) {
                texts.push(text);
            }
        }
        texts.join("x")
    }
    /// The equations of a call, with the names that its function uses.
    pub fn docs(&self, equations: &mut Equations, computes: &[Name], locals: &BTreeMap<Name, String>) -> Vec<String> {
        let mut few = Equations { pool: std::mem::take(&mut equations.pool), tensors: BTreeMap::new() };
        for &name in computes {
            few.tensors.insert(name, equations.tensors[&name].clone());
        }
        for &name in computes {
            for read in few.reads(name) {
                let Some(tensor) = equations.tensors.get(&read) else { continue };
                few.tensors.entry(read).or_insert_with(|| Tensor { definition: Definition::Given(Role::Input), ..tensor.clone() });
            }
        }
        let print = |&name: &Name| {
            let size = few.tensors[&name].equation().map_or(0, |equation| few.pool.written_size(equation.body));
            let text = few.pool.text(name);
            if size > LONGEST { format!("{text}: written out, {size} operators and operands") } else { print_equation(&few, name) }
        };
        let texts: Vec<String> = computes.iter().map(print).collect();
        let mut docs = Vec::new();
        for (position, text) in texts.iter().enumerate() {
            let name = few.pool.text(computes[position]);
            let shown = texts.iter().enumerate().any(|(other, text)| other != position && words(text).any(|word| word == name));
            let is_reduction = few.tensors[&computes[position]].equation().is_some_and(|equation| equation.reduction.is_some());
            if position + 1 == texts.len() || shown || !is_reduction {
                docs.push(renamed(&few, locals, text));
            }
        }
        equations.pool = few.pool;
        docs
    }
    /// A name in one function for each of these tensors: its name in its definition; but the result of another layer is `x`, and its
    /// adjoint `d_z`.
    pub fn locals(&self, pool: &Pool, style: &Style, reads: &[Name], computes: &[Name]) -> BTreeMap<Name, String> {
        const WORDS: [&str; 3] = ["s", "panel", "kernels"];
        let mut taken: BTreeSet<String> = WORDS.into_iter().map(String::from).chain(style.constants.iter().cloned()).collect();
        taken.extend(style.sizes.iter().cloned());
        let mut locals = BTreeMap::new();
        let stages: BTreeSet<String> = computes.iter().map(|&name| self.place(pool.text(name)).stage).collect();
        // the tensor that is stored last has the first choice, then what is read, then what is computed on the way
        for &name in computes.last().into_iter().chain(reads).chain(computes) {
            if locals.contains_key(&name) {
                continue;
            }
            let place = self.place(pool.text(name));
            let own = identifier_text(&format!("{}{}", place.prefix, place.local));
            let general = match (computes.contains(&name), &place.prefix[..]) {
                (false, "") => "x".to_string(),
                (_, prefix) => format!("{prefix}z"),
            };
            let is_known = place.local != RESULT || stages.contains(&place.stage) || stages.contains("");
            let wish = if is_known { own } else { general.clone() };
            let numbered = (2..).map(|number| format!("{general}{number}"));
            let mut wishes = [wish.clone(), general.clone()].into_iter().chain(numbered);
            let text = wishes.find(|text| !taken.contains(text)).unwrap_or(wish);
            taken.insert(text.clone());
            locals.insert(name, text);
        }
        locals
    }
}

/// The text with local names.
fn renamed(equations: &Equations, locals: &BTreeMap<Name, String>, text: &str) -> String {
    let locals: BTreeMap<&str, &String> = locals.iter().map(|(&name, local)| (equations.pool.text(name), local)).collect();
    let mut renamed = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = word_length(rest);
        if length == 0 {
            renamed.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        }
        let (word, after) = rest.split_at(length);
        renamed.push_str(locals.get(word).map_or(word, |local| local.as_str()));
        rest = after;
    }
    renamed
}

/// The length of the name that a text begins with; 0 if it begins with none.
fn word_length(text: &str) -> usize {
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !starts {
        return 0;
    }
    text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.')).unwrap_or(text.len())
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'))
}

/// A name of the text as a part of a function's name.
fn snake(text: &str) -> String {
    let mut snake = String::new();
    for c in identifier_text(text).chars() {
        if c.is_ascii_uppercase() {
            if !snake.is_empty() && !snake.ends_with('_') {
                snake.push('_');
            }
            snake.push(c.to_ascii_lowercase());
        } else {
            snake.push(c);
        }
    }
    snake
}
