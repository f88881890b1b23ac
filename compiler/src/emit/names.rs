//! What things are called in generated code: by what they are, so that a change elsewhere changes no name.

use super::body::snake;
use super::expression::{Style, identifier_text};
use crate::equations::print::print_equation;
use crate::equations::{Affine, Definition, Equations, Index, Name, Part, Parts, Pool, Role, ScalarNode, Tensor};
use crate::model::Origin;
use crate::program::{Call, Form};
use std::collections::{BTreeMap, BTreeSet};

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
        let stages = origins.values().map(|origin| (origin.stage.clone(), origin.definition.clone())).collect();
        let origins = origins.iter().map(|(&name, origin)| (pool.text(name).to_string(), origin.clone())).collect();
        Names { origins, stages, model: model.to_string() }
    }
    /// How many times a tensor is an adjoint, and where what it is the adjoint of came from.
    fn origin(&self, text: &str) -> (String, Option<&Origin>) {
        let mut prefix = String::new();
        let mut rest = text;
        loop {
            if let Some(origin) = self.origins.get(rest) {
                return (prefix, Some(origin));
            }
            let Some(inner) = rest.strip_prefix("d_") else { break };
            prefix.push_str("d_");
            rest = inner;
        }
        // part of an adjoint, or one of several of a name
        let base = text.split("_via_").next().unwrap_or(text);
        let shorter = base.rsplit_once('_').filter(|(_, number)| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()));
        match shorter {
            _ if base != text => self.origin(base),
            Some((shorter, _)) => self.origin(shorter),
            None => (prefix, None),
        }
    }
    /// What a function calls a tensor.
    pub fn local(&self, pool: &Pool, name: Name) -> String {
        let text = pool.text(name);
        match self.origin(text) {
            (prefix, Some(origin)) => prefix + &origin.local,
            (prefix, None) => {
                let bare = text.trim_start_matches("d_").split("_via_").next().unwrap_or(text);
                prefix + bare.rsplit('.').next().unwrap_or(bare)
            }
        }
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
    /// The definition that a tensor came from, if it is not the model itself.
    fn definition(&self, text: &str) -> Option<String> {
        let (_, origin) = self.origin(text);
        let bare = text.trim_start_matches("d_").split("_via_").next().unwrap_or(text);
        // a parameter or a part of an equation belongs to the stage in front of its last dot
        let stage = bare.rsplit_once('.').map_or("", |(stage, _)| stage);
        let definition = origin.map(|origin| &origin.definition).or_else(|| self.stages.get(stage));
        definition.filter(|definition| **definition != self.model).cloned()
    }
    /// What a call's function is called: the definitions that its equations came from, what it computes of them, and its sizes.
    pub fn function(&self, equations: &Equations, style: &Style, call: &Call) -> String {
        let pool = &equations.pool;
        let Some(result) = call.result() else { return String::new() };
        let mut parts: Vec<String> = Vec::new();
        for &name in &call.computes {
            if !pool.text(name).starts_with("d_")
                && let Some(definition) = self.definition(pool.text(name))
                && !parts.contains(&snake(&definition))
            {
                parts.push(snake(&definition));
            }
        }
        let local = snake(&self.local(pool, result));
        let is_adjoint = local.starts_with("d_");
        if parts.is_empty() {
            parts.push(snake(&self.definition(pool.text(result)).unwrap_or_else(|| self.model.clone())));
        }
        // the result of a layer is what the layer is called for
        if is_adjoint || !["y", parts[parts.len() - 1].trim_end_matches(|c: char| c.is_ascii_digit())].contains(&&local[..]) {
            parts.push(local);
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
            Form::Copy(..) => Vec::new(),
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
        let texts: Vec<String> = computes.iter().map(|&name| print_equation(&few, name)).collect();
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
    /// A name in one function for each of these tensors: their names where they were defined; where those meet, what is read is `x`.
    pub fn locals(&self, pool: &Pool, style: &Style, reads: &[Name], computes: &[Name]) -> BTreeMap<Name, String> {
        const WORDS: [&str; 3] = ["s", "panel", "kernels"];
        let mut taken: BTreeSet<String> = WORDS.into_iter().map(String::from).chain(style.constants.iter().cloned()).collect();
        taken.insert(crate::model::BATCH.to_string());
        let mut locals = BTreeMap::new();
        // the tensor that is stored last has the first choice, then what is read, then what is computed on the way
        for &name in computes.last().into_iter().chain(reads).chain(computes) {
            if locals.contains_key(&name) {
                continue;
            }
            let wish = identifier_text(&self.local(pool, name));
            let prefix = &wish[..wish.len() - wish.trim_start_matches("d_").len()];
            let general = format!("{prefix}{}", if computes.contains(&name) { "z" } else { "x" });
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
