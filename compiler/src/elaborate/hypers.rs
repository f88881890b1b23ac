//! Hyper-parameters of an application: which argument belongs to which, their values and their defaults.

use super::Elaboration;
use super::values::{Frame, Outcome, Reported, Value, required};
use nnc_grammar::tree::{Argument, Body, Definition, DimKind, Expression, ExpressionKind, Hyper, KindKind, Name, Port};
use nnc_grammar::{Diagnostic, Span};
use std::collections::BTreeMap;

impl<'a> Elaboration<'a> {
    pub(super) fn no_such_hyper(&mut self, callee: &str, given: &Name, known: Vec<&str>) -> Reported {
        let message = format!("`{callee}` has no hyper-parameter `{}`", given.text);
        let mut diagnostic = Diagnostic::error("NN0505", given.span, message);
        if let Some(near) = super::names::nearest(&given.text, known.iter().copied()) {
            diagnostic = diagnostic.replace(format!("did you mean `{near}`?"), given.span, near);
        }
        if matches!(given.text.as_str(), "train" | "fixed") {
            let help = format!("it is given where a stage is used again: label it, `a: {callee}(…)`, and write `a({} = …)`", given.text);
            diagnostic = diagnostic.help(help);
        }
        diagnostic =
            if known.is_empty() { diagnostic.note("It has none.") } else { diagnostic.note(format!("It has {}.", known.join(", "))) };
        self.report(diagnostic)
    }

    /// The hyper-parameters that an application writes, by name; parts of pairs among them.
    pub(super) fn hypers(
        &mut self,
        frame: &mut Frame<'a>,
        definition: &'a Definition,
        arguments: &'a [Argument],
        span: Span,
    ) -> Outcome<BTreeMap<String, Value>> {
        let name = &definition.name.text;
        let hypers: &'a [Hyper] = definition.hypers.as_deref().unwrap_or_default();
        let ports: &'a [Port] = match &definition.body {
            Body::Block { ports, .. } => ports,
            Body::Chain(_) => &[],
        };
        let all: Vec<&Hyper> = hypers.iter().filter(|hyper| required(hyper)).collect();
        let needed: Vec<&Hyper> = all.iter().copied().filter(|hyper| !is_inferable(hyper, ports)).collect();
        let positional: Vec<&Argument> = arguments.iter().filter(|argument| argument.name.is_none()).collect();
        let mut values = BTreeMap::new();
        let mut outcome = Ok(());
        for given in arguments.iter().filter_map(|argument| argument.name.as_ref()) {
            match hypers.iter().find(|hyper| hyper.name.text == given.text) {
                Some(hyper) if !required(hyper) => {}
                Some(_) => {
                    let names: Vec<&str> = all.iter().map(|hyper| hyper.name.text.as_str()).collect();
                    outcome = Err(self.given_by_name(name, given, &names));
                }
                None => outcome = Err(self.no_such_hyper(name, given, hypers.iter().map(|hyper| hyper.name.text.as_str()).collect())),
            }
        }
        outcome?;
        let order = if positional.len() == all.len() {
            all.clone()
        } else if positional.len() == needed.len() {
            needed.clone()
        } else {
            let shown =
                |list: &[&Hyper]| format!("`{name}({})`", list.iter().map(|hyper| hyper.name.text.as_str()).collect::<Vec<_>>().join(", "));
            let help = if needed.len() == all.len() {
                format!("write {}", shown(&all))
            } else {
                format!("write {}, or {} and the rest is inferred", shown(&all), shown(&needed))
            };
            let code = if positional.len() > all.len() { "NN0507" } else { "NN0508" };
            let count = |n: usize| if n == 1 { "1 hyper-parameter".to_string() } else { format!("{n} hyper-parameters") };
            let message = match (positional.len() > all.len(), hypers.get(all.len())) {
                (true, Some(extra)) if hypers.len() > all.len() => {
                    format!(
                        "`{name}` takes {} by position, not {}: `{}` has a default and is given by name",
                        all.len(),
                        positional.len(),
                        extra.name.text
                    )
                }
                (true, _) => format!("`{name}` takes {} by position, not {}", count(all.len()), positional.len()),
                _ => format!(
                    "`{name}` needs {} by position, not {}",
                    if needed.len() == all.len() { count(all.len()) } else { format!("{} or {}", needed.len(), count(all.len())) },
                    positional.len()
                ),
            };
            let mut diagnostic = Diagnostic::error(code, span, message).also(definition.name.span, "defined here");
            // what stands too far back is given by the names of the next that have a default
            let free = |hyper: &&Hyper| {
                !required(hyper) && arguments.iter().filter_map(|one| one.name.as_ref()).all(|name| name.text != hyper.name.text)
            };
            let extra = positional.get(all.len()..).unwrap_or_default();
            let names: Vec<&Hyper> = hypers.iter().filter(free).take(extra.len()).collect();
            let fits = |(argument, hyper): (&&Argument, &&Hyper)| {
                let is_switch = |value: &Expression| matches!(value.kind, ExpressionKind::Boolean(_));
                hyper.default.as_ref().is_some_and(is_switch) == is_switch(&argument.value.value)
            };
            let fit = names.len() == extra.len() && extra.iter().zip(&names).all(fits);
            diagnostic = if let ([first, .., last] | [first @ last], true) = (extra, fit)
                && first.span.source == last.span.source
            {
                let named = extra.iter().zip(&names).map(|(argument, hyper)| format!("{} = {}", hyper.name.text, self.text(argument.span)));
                let named = named.collect::<Vec<_>>().join(", ");
                diagnostic.replace("give it by name", first.span.to(last.span), named)
            } else {
                diagnostic.help(help)
            };
            return Err(self.report(diagnostic));
        };
        let mut places = order.into_iter();
        for argument in arguments {
            let hyper = match &argument.name {
                None => places.next(),
                Some(given) => hypers.iter().find(|hyper| hyper.name.text == given.text),
            };
            let Some(hyper) = hyper else { continue };
            if values.contains_key(&hyper.name.text) {
                let message = format!("`{}` is given twice", hyper.name.text);
                outcome = Err(self.report(Diagnostic::error("NN0505", argument.span, message)));
                continue;
            }
            if argument.label.is_some() || !argument.value.stages.is_empty() {
                let message = format!("hyper-parameter `{}` is a number, not a chain", hyper.name.text);
                outcome = Err(self.report(Diagnostic::error("NN0503", argument.span, message)));
                continue;
            }
            match self.hyper_value(frame, hyper, &argument.value.value, argument.span) {
                Ok(value) => set_hyper(&mut values, hyper, value),
                Err(reported) => outcome = Err(reported),
            }
        }
        outcome?;
        Ok(values)
    }

    /// One hyper-parameter's value.
    fn hyper_value(&mut self, frame: &mut Frame<'a>, hyper: &'a Hyper, expression: &'a Expression, span: Span) -> Outcome<Value> {
        let value = match &expression.kind {
            ExpressionKind::Group(flows) if flows.len() > 1 => {
                let mut parts = Vec::new();
                for flow in flows {
                    parts.push(self.compile_time(frame, &flow.value)?);
                }
                Value::Pair(parts)
            }
            _ => self.compile_time(frame, expression)?,
        };
        match (value, hyper.parts.len()) {
            (Value::Pair(parts), count) if parts.len() == count => Ok(Value::Pair(parts)),
            (Value::Pair(parts), 0) => {
                let message = format!("`{}` is one number, not {}", hyper.name.text, parts.len());
                Err(self.report(Diagnostic::error("NN0509", span, message).also(hyper.name.span, "declared here")))
            }
            (Value::Pair(parts), count) => {
                let message = format!("`{}` has {count} parts, not {}", hyper.name.text, parts.len());
                Err(self.report(Diagnostic::error("NN0509", span, message).also(hyper.name.span, "declared here")))
            }
            (value, 0) => Ok(value),
            (value, count) => Ok(Value::Pair(vec![value; count])),
        }
    }

    pub(super) fn only_hypers(&self, frame: &Frame<'a>, hypers: &'a [Hyper]) -> BTreeMap<String, Value> {
        let names = hypers.iter().flat_map(|hyper| std::iter::once(&hyper.name).chain(&hyper.parts));
        names.filter_map(|name| Some((name.text.clone(), frame.values.get(&name.text)?.clone()))).collect()
    }

    /// Defaults of the hyper-parameters that are not given, in order.
    pub(super) fn defaults(&mut self, frame: &mut Frame<'a>, hypers: &'a [Hyper]) -> Outcome<()> {
        for hyper in hypers {
            if frame.values.contains_key(&hyper.name.text) {
                continue;
            }
            let Some(default) = &hyper.default else {
                let message =
                    format!("hyper-parameter `{}` of `{}` is not given and cannot be inferred", hyper.name.text, frame.definition);
                return Err(self.report(Diagnostic::error("NN0508", hyper.name.span, message)));
            };
            let value = self.hyper_value(frame, hyper, default, default.span)?;
            set_hyper(&mut frame.values, hyper, value);
        }
        Ok(())
    }
}

/// Whether a hyper-parameter is an axis or an index bound of a port.
fn is_inferable(hyper: &Hyper, ports: &[Port]) -> bool {
    let is = |expression: &Expression| matches!(&expression.kind, ExpressionKind::Name(path) if path.segments.len() == 1 && path.segments[0].text == hyper.name.text);
    ports.iter().any(|port| {
        port.axes.iter().any(|dim| matches!(&dim.kind, DimKind::Expression(expression) if is(expression)))
            || matches!(&port.kind, Some(kind) if matches!(&kind.kind, KindKind::Index { high, .. } if is(high)))
    })
}

fn set_hyper(values: &mut BTreeMap<String, Value>, hyper: &Hyper, value: Value) {
    if let Value::Pair(parts) = &value {
        for (name, part) in hyper.parts.iter().zip(parts) {
            values.insert(name.text.clone(), part.clone());
        }
    }
    values.insert(hyper.name.text.clone(), value);
}
