//! States: kept between steps, outside of the gradient.
//!
//! All right sides of one application of a definition read the values before it. A stage that is applied again reads what the application
//! before made of its states; what the last one makes is the value after the step.

use super::Elaboration;
use super::define::Root;
use super::ranges::full_name;
use super::values::{Context, Drawn, Frame, Outcome, Place, Reported, Tensor, Value};
use crate::equations::{Index, Name};
use nnc_grammar::Diagnostic;
use nnc_grammar::tree::{Expression, Port, Statement, StatementKind};
use std::collections::BTreeMap;

impl<'a> Elaboration<'a> {
    /// `state mean[c] = 0;`: as this application finds it.
    pub(super) fn state(&mut self, frame: &mut Frame<'a>, port: &'a Port, initial: Option<&'a Expression>) -> Outcome<Tensor> {
        let full = full_name(frame.path(), &port.name.text);
        let kept = self.keep(frame, port, initial, Drawn::State)?;
        frame.states.insert(port.name.text.clone(), full.clone());
        let Some(next) = self.next_states.get(&full).cloned() else { return Ok(kept) };
        // no gradient flows through what an application before has made
        self.stopped(frame, &full, &kept, &next)
    }

    /// The value of a tensor that has no front axes, with gradient 0; its axes are called as those of `like`.
    pub(super) fn stopped(&mut self, frame: &Frame<'a>, base: &str, like: &Tensor, tensor: &Tensor) -> Outcome<Tensor> {
        let mut context = Context::new(frame, base.to_string());
        let labels = self.labels_of(like);
        let label = |k: usize| labels.get(k).filter(|label| !label.is_empty()).cloned().unwrap_or_else(|| super::whole::axis_label(k));
        let axes: Vec<u32> = tensor.axes.iter().enumerate().map(|(k, &size)| context.axis(&label(k), size)).collect();
        let at: Vec<Index> = axes.iter().map(|&axis| self.equations.pool.axis(axis, context.axes[axis as usize])).collect();
        let read = self.equations.pool.read(tensor.name, at);
        let value = self.equations.pool.stop(read);
        self.finish(frame, &context, base, &axes, Root::Value(value), None)
    }

    /// The next values of the states of a body.
    pub(super) fn next_states(&mut self, frame: &mut Frame<'a>, statements: &[&'a Statement]) -> Outcome<()> {
        let mut outcome = Ok(());
        let mut next: BTreeMap<String, (Tensor, &'a Statement)> = BTreeMap::new();
        for statement in statements.iter().copied().filter(|statement| matches!(statement.kind, StatementKind::Update { .. })) {
            frame.statement = statement.span;
            frame.docs = Vec::new();
            if frame.place == Place::ModelAsLayer && super::order::leave_behind(frame, statement) {
                continue;
            }
            match self.next_state(frame, statement) {
                Ok((full, tensor)) => match next.get(&full) {
                    Some((_, first)) => {
                        let message = "a state gets one next value";
                        let diagnostic = Diagnostic::error("NN0610", statement.span, message).also(first.span, "the first");
                        outcome = Err(self.report(diagnostic.help("choose between values: `s <- if … { a } else { b };`")));
                    }
                    None => {
                        next.insert(full, (tensor, statement));
                    }
                },
                Err(reported) => outcome = Err(reported),
            }
        }
        self.next_states.extend(next.into_iter().map(|(full, (tensor, _))| (full, tensor)));
        outcome
    }

    fn next_state(&mut self, frame: &mut Frame<'a>, statement: &'a Statement) -> Outcome<(String, Tensor)> {
        let StatementKind::Update { name, binders, value } = &statement.kind else { return Err(Reported) };
        let Some(full) = frame.states.get(&name.text).cloned() else {
            if matches!(frame.values.get(&name.text), Some(Value::Broken)) {
                return Err(Reported);
            }
            let message = format!("`{}` is not a state of `{}`", name.text, frame.definition);
            let mut diagnostic = Diagnostic::error("NN0610", name.span, message);
            if let Some(near) = super::names::nearest(&name.text, frame.states.keys().map(String::as_str)) {
                diagnostic = diagnostic.replace(format!("did you mean `{near}`?"), name.span, near);
            } else {
                diagnostic = diagnostic.help(format!("declare it: `state {} = 0;`", name.text));
            }
            return Err(self.report(diagnostic));
        };
        let tensor = self.equation_called(frame, name, format!("{full}.next"), binders, None, value)?;
        let kept = self.by_name.get(&full).cloned().ok_or(Reported)?;
        if tensor.front != 0 {
            let first = usize::from(frame.hides_batch);
            let (over, help) = match frame.front.iter().enumerate().skip(first).find(|&(axis, _)| tensor.front >> axis & 1 == 1) {
                Some((_, axis)) if tensor.front & first as u64 == 0 => (
                    format!("`{}`, an axis that `{}` is lifted over", axis.label, frame.definition),
                    "a state is one for all elements: reduce over the axis in a definition whose port shows it",
                ),
                _ => (
                    "the sample".to_string(),
                    "a state is one for the whole batch: write the batch in a port, `x[batch, …]`, and reduce over it: `mean(b) x[b]`",
                ),
            };
            let message = format!("the next value of state `{}` depends on {over}", name.text);
            return Err(self.report(Diagnostic::error("NN0703", value.span, message).help(help)));
        }
        if tensor.integer.is_some() {
            let message = format!("state `{}` is of reals, and this is an index tensor", name.text);
            return Err(self.report(Diagnostic::error("NN0402", value.span, message).help("use it as a number: `1 * t`")));
        }
        if tensor.axes != kept.axes {
            let (found, expected) = (self.show_shape(&tensor.axes), self.show_shape(&kept.axes));
            let message = format!("state `{}` has shape {expected}, and its next value has shape {found}", name.text);
            let help = format!("write the indices: `{}[…] <- …;`", name.text);
            return Err(self.report(Diagnostic::error("NN0202", value.span, message).help(help)));
        }
        Ok((full, tensor))
    }

    /// (state, next value) in the order of the text.
    pub(super) fn take_updates(&mut self) -> Vec<(Name, Name)> {
        let mut next = std::mem::take(&mut self.next_states);
        let mut order: Vec<(&Vec<u32>, usize)> = self.state_order.iter().map(|(place, number)| (place, *number)).collect();
        order.sort();
        let states = order.into_iter().map(|(_, number)| &self.states[number]);
        states.filter_map(|state| Some((state.tensor, next.remove(&state.name)?.name))).collect()
    }
}
