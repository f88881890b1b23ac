//! `loss critic for d.* = …;`: which loss each parameter is trained by.
//!
//! The last statement that matches a parameter is its loss, as with optimizers; one without `for` matches all. All gradients are taken at
//! the same values, and all parameters move at once. The sum of the losses stands for all of them where one number is asked for.

use super::Elaboration;
use super::define::Root;
use super::models::Read;
use super::values::{Context, Frame, Outcome};
use crate::equations::{Name as Tensors, Role};
use crate::model::{Loss, Optimizer};
use nnc_grammar::tree::{Pattern, Statement, StatementKind};
use nnc_grammar::{Diagnostic, Span};
use std::collections::{BTreeMap, BTreeSet};

/// A loss as the text states it.
pub(super) struct Stated<'a> {
    /// [`crate::model::LOSS`] where it has none.
    pub name: String,
    /// Empty: all parameters.
    pub patterns: &'a [Pattern],
    pub docs: Vec<String>,
    pub tensor: Tensors,
    pub span: Span,
}

impl<'a> Elaboration<'a> {
    /// The losses of a body, in the order of the text. `names` are those of metrics and losses so far, with their places.
    pub(super) fn stated_loss(
        &mut self,
        frame: &mut Frame<'a>,
        statement: &'a Statement,
        stated: &mut Vec<Stated<'a>>,
        names: &mut BTreeMap<&'a str, Span>,
    ) -> Outcome<()> {
        let StatementKind::Loss { name, patterns, value } = &statement.kind else { return Ok(()) };
        let text = name.as_ref().map_or(crate::model::LOSS, |name| name.text.as_str());
        if let Some(name) = name
            && let Some(&first) = names.get(text)
        {
            return Err(self.report(super::names::defined_twice(text, first, name.span)));
        }
        if let (None, Some(&first)) = (name, names.get(text)) {
            let message = "a model has one loss without a name";
            let help = "add them: `loss = a + b;`, or name the parameters of each: `loss critic for d.* = …;`";
            return Err(self.report(Diagnostic::error("NN0601", statement.span, message).also(first, "the first").help(help)));
        }
        names.insert(text, name.as_ref().map_or(statement.span, |name| name.span));
        let base = if name.is_some() { format!("loss.{text}") } else { text.to_string() };
        let tensor = self.averaged(frame, &base, value)?;
        let docs = frame.docs.clone();
        stated.push(Stated { name: text.to_string(), patterns, docs, tensor, span: statement.span });
        Ok(())
    }

    /// The sum of the losses: the one that there is, in most models.
    pub(super) fn sum_of_losses(&mut self, frame: &mut Frame<'a>, stated: &[Stated<'a>]) -> Outcome<Tensors> {
        if let [only] = stated {
            return Ok(only.tensor);
        }
        frame.docs = Vec::new();
        let pool = &mut self.equations.pool;
        let terms: Vec<_> = stated.iter().map(|loss| pool.read(loss.tensor, Vec::new())).collect();
        let sum = pool.add(&terms);
        // nothing of the batch is left in front of a loss
        let context = Context { used: 0, ..Context::new(frame, "losses".to_string()) };
        Ok(self.finish(frame, &context, "losses", &[], Root::Value(sum), None)?.name)
    }

    /// The parameters of each loss.
    pub(super) fn losses(&mut self, read: &Read<'a>) -> Outcome<Vec<Loss>> {
        let names: Vec<String> = self.parameters.iter().map(|parameter| parameter.name.clone()).collect();
        let mut governs: Vec<Option<usize>> = vec![None; names.len()];
        let mut outcome = Ok(());
        for (number, loss) in read.losses.iter().enumerate() {
            outcome = self.govern(number, loss.patterns, &names, &mut governs).and(outcome);
        }
        outcome?;
        for (number, loss) in read.losses.iter().enumerate() {
            if names.is_empty() || governs.contains(&Some(number)) {
                continue;
            }
            let message = format!("loss `{}` is for no parameter: later statements take them all", loss.name);
            let mut diagnostic = Diagnostic::error("NN0612", loss.span, message);
            if let Some(later) = read.losses.get(number + 1..).and_then(|later| later.last()) {
                diagnostic = diagnostic.also(later.span, "each parameter is trained by the last loss that matches");
            }
            let help = "name the parameters of each loss: `loss critic for d.* = …;`; a number that trains nothing is a `metric`";
            outcome = Err(self.report(diagnostic.help(help)));
        }
        outcome?;
        let parameters = |number| (0..names.len()).filter(|&position| governs[position] == Some(number)).collect();
        let loss = |(number, loss): (usize, &Stated<'a>)| Loss {
            name: loss.name.clone(),
            docs: loss.docs.clone(),
            parameters: parameters(number),
        };
        Ok(read.losses.iter().enumerate().map(loss).collect())
    }

    /// Gives the parameters that patterns match to a statement, all where there are none; refuses a pattern that matches nothing.
    pub(super) fn govern(&mut self, number: usize, patterns: &[Pattern], names: &[String], governs: &mut [Option<usize>]) -> Outcome<()> {
        if patterns.is_empty() {
            governs.fill(Some(number));
        }
        let mut outcome = Ok(());
        for pattern in patterns {
            let mut any = false;
            for (governor, name) in governs.iter_mut().zip(names) {
                if super::optimizers::matches(pattern, name) {
                    *governor = Some(number);
                    any = true;
                }
            }
            if !any {
                outcome = Err(self.matches_nothing(pattern, names));
            }
        }
        outcome
    }

    /// Refuses a parameter that is to be trained, and that no loss is for; lints a loss without a gradient.
    pub(super) fn check_losses(&mut self, read: &Read<'a>, losses: &[Loss], optimizer: &Optimizer) -> Outcome<()> {
        let trained: BTreeSet<usize> = optimizer.groups.iter().flat_map(|group| group.parameters.iter().copied()).collect();
        let without: Vec<usize> =
            trained.iter().copied().filter(|position| losses.iter().all(|loss| !loss.parameters.contains(position))).collect();
        if let (Some(&first), Some(last)) = (without.first(), read.losses.last()) {
            let names: Vec<String> = without.iter().take(4).map(|&position| format!("`{}`", self.parameters[position].name)).collect();
            let more = if without.len() > names.len() { format!(" and {} others", without.len() - names.len()) } else { String::new() };
            let name = self.parameters[first].name.clone();
            let pattern = name.rsplit_once('.').map_or(name.clone(), |(stage, _)| format!("{stage}.*"));
            let (what, frozen) = if without.len() == 1 { ("parameter", "it") } else { ("parameters", "them") };
            let message = format!("no loss is for {what} {}{more}", names.join(", "));
            let help = format!("add a loss, `loss … for {pattern} = …;`, or freeze {frozen}: `optimizer for {pattern} = none;`");
            let mut diagnostic = Diagnostic::error("NN0615", last.span, message);
            if self.parameters[first].span.source < crate::library::FIRST_SOURCE {
                diagnostic = diagnostic.also(self.parameters[first].span, "declared here");
            }
            return Err(self.report(diagnostic.help(help)));
        }
        if let ([only], true) = (&read.losses[..], read.losses[0].patterns.is_empty())
            && only.name == crate::model::LOSS
        {
            return Ok(());
        }
        for (stated, loss) in read.losses.iter().zip(losses) {
            let own: Vec<usize> = loss.parameters.iter().copied().filter(|position| trained.contains(position)).collect();
            let reached = self.reached_by_value(read, stated.tensor);
            if !own.is_empty() && own.iter().all(|&position| !reached.contains(&self.parameters[position].tensor)) {
                let message = format!("loss `{}` has the gradient 0 by all parameters that it is for", stated.name);
                let help = "it reads them nowhere, or only where they are held fixed: `fixed = true`, `stop(…)`";
                self.warnings.push(Diagnostic::warning("NN0804", stated.span, message).help(help));
            }
        }
        Ok(())
    }

    /// The parameters that a tensor depends on by their values.
    fn reached_by_value(&self, read: &Read<'a>, from: Tensors) -> BTreeSet<Tensors> {
        let equations = &read.forward.equations;
        let (mut seen, mut found, mut open) = (BTreeSet::new(), BTreeSet::new(), vec![from]);
        while let Some(name) = open.pop() {
            if !seen.insert(name) {
                continue;
            }
            let Some(tensor) = equations.tensors.get(&name) else { continue };
            if matches!(tensor.definition, crate::equations::Definition::Given(Role::Parameter)) {
                found.insert(name);
            }
            open.extend(super::gradients::behind(&read.forward.derivatives, name));
            open.extend(tensor.equation().into_iter().flat_map(|equation| super::gradients::by_value(equations, equation.body)));
        }
        found
    }
}
