//! Declarations of what is kept, parameters and states with their initial values, and of targets.

use super::Elaboration;
use super::ranges::full_name;
use super::values::{Context, Drawn, Draws, Frame, Outcome, Place, Reported, Tensor};
use crate::equations::{Element, Index, Role as Given, Tensor as Defined};
use crate::model::{Parameter, Port as InterfacePort, PortKind};
use nnc_grammar::Diagnostic;
use nnc_grammar::tree::{DimKind, Expression, KindKind, Port, Role};

impl<'a> Elaboration<'a> {
    /// `param w[n] = …`, `target t: index(10)`.
    pub(super) fn declare(
        &mut self,
        frame: &mut Frame<'a>,
        role: Role,
        port: &'a Port,
        initial: Option<&'a Expression>,
    ) -> Outcome<Tensor> {
        match role {
            Role::Parameter => {
                let kept = self.keep(frame, port, initial, Drawn::Parameter)?;
                if frame.fixed { self.held(frame, &full_name(frame.path(), &port.name.text), &kept) } else { Ok(kept) }
            }
            Role::Target => self.target(frame, port, initial),
            Role::State if frame.place == Place::Optimizer => self.optimizer_state(frame, port, initial),
            Role::State => self.state(frame, port, initial),
            Role::Random => self.random(frame, port, initial),
        }
    }

    /// The sizes of a declaration, with the names of its axes.
    pub(super) fn declared_axes(&mut self, frame: &mut Frame<'a>, port: &'a Port) -> Outcome<Vec<(Index, Option<&'a str>)>> {
        let mut axes = Vec::new();
        let mut outcome = Ok(());
        for (number, dim) in port.axes.iter().enumerate() {
            let what = format!("axis {} of `{}`", number + 1, port.name.text);
            let (name, expression) = match &dim.kind {
                DimKind::Pack(pack) => {
                    match frame.values.get(&pack.text) {
                        Some(super::values::Value::Pack(sizes)) => axes.extend(sizes.iter().map(|&size| (size, None))),
                        _ => {
                            let message = format!("`..{}` is not a pack of axes", pack.text);
                            outcome = Err(self.report(Diagnostic::error("NN0101", dim.span, message)));
                        }
                    }
                    continue;
                }
                DimKind::Named(name, expression) => (Some(name.text.as_str()), expression),
                DimKind::Expression(expression) => (None, expression),
            };
            let mut context = Context::new(frame, frame.definition.clone());
            match self.size(frame, &mut context, expression, &what) {
                Ok(size) => axes.push((size, name)),
                Err(reported) => outcome = Err(reported),
            }
        }
        outcome?;
        let sizes: Vec<Index> = axes.iter().map(|&(size, _)| size).collect();
        self.check_shape(frame, &sizes)?;
        Ok(axes)
    }

    /// A parameter or a state: where a stage is used again, the one that it has.
    pub(super) fn keep(&mut self, frame: &mut Frame<'a>, port: &'a Port, initial: Option<&'a Expression>, of: Drawn) -> Outcome<Tensor> {
        let (word, keyword) = if of == Drawn::State { ("state", "state") } else { ("parameter", "param") };
        let full = full_name(frame.path(), &port.name.text);
        if frame.place == Place::Optimizer {
            let message = "an optimizer has no parameters of its own";
            return Err(self.report(Diagnostic::error("NN0606", port.span, message).help("what it keeps is a `state`")));
        }
        if let Some(kind) = &port.kind {
            let message = format!("{word} `{}` has a kind", port.name.text);
            let help = format!("{word}s are reals: leave the kind out");
            return Err(self.report(Diagnostic::error("NN0406", kind.span, message).help(help)));
        }
        let axes = self.declared_axes(frame, port)?;
        for (number, &(size, _)) in axes.iter().enumerate() {
            if let Some(name) = self.dynamic_in(size) {
                let name = self.equations.pool.text(name).to_string();
                let message = format!("axis {} of {word} `{full}` depends on `{name}`, which is known only at each call", number + 1);
                let span = port.axes.get(number).map_or(port.span, |dim| dim.span);
                let help = if name == crate::model::BATCH {
                    format!("leave the axis out: {word}s have the same shape at every call")
                } else {
                    format!("make `{name}` a number or a `const`: {word}s have the same shape at every call")
                };
                return Err(self.report(Diagnostic::error("NN0210", span, message).help(help)));
            }
        }
        let sizes: Vec<Index> = axes.iter().map(|&(size, _)| size).collect();
        if let Some(known) = self.by_name.get(&full).cloned() {
            // the stage is used again
            let again = known.axes.len() == sizes.len()
                && known.axes.iter().zip(&sizes).all(|(&a, &b)| self.agree(a, b, format!("{full}: one shape in every use")));
            if !again || self.parameter_places.get(&full) != Some(&port.span) {
                let (a, b) = (self.show_shape(&known.axes), self.show_shape(&sizes));
                let first = self.parameter_places.get(&full).copied().unwrap_or(port.span);
                let diagnostic = if first == port.span {
                    let message = format!("{word} `{full}` would have shape {a} in one use and {b} in another");
                    Diagnostic::error("NN0202", port.span, message).help("a stage that is used again gets inputs of the same size")
                } else {
                    super::names::defined_twice(&full, first, port.span)
                };
                return Err(self.report(diagnostic));
            }
            return Ok(known);
        }
        let Some(initial) = initial else {
            let message = format!("{word} `{}` has no initial value", port.name.text);
            let help = format!("write one: `{keyword} {} = 0;`, or a draw such as `normal(0, 0.02)`", self.text(port.span));
            return Err(self.report(Diagnostic::error("NN0603", port.span, message).help(help)));
        };
        let name = self.equations.pool.name(&full);
        let mut context = Context::new(frame, full.clone());
        // initial values know nothing of the front axes
        context.axes.clear();
        context.labels.clear();
        context.front = 0;
        context.declare(&axes);
        context.draws = Some(Draws { made: Vec::new(), axes: axes.len(), of });
        let value = self.real(frame, &mut context, initial)?;
        let role = if of == Drawn::State { Given::State } else { Given::Parameter };
        let mut defined = Defined::given(role, sizes.clone());
        defined.labels = axes.iter().map(|&(_, label)| label.unwrap_or("").to_string()).collect();
        self.equations.insert(name, defined);
        let mut place = self.trail.clone();
        place.push(port.span.start);
        let kept = Parameter {
            name: full.clone(),
            tensor: name,
            docs: frame.docs.clone(),
            axes: sizes.clone(),
            initial: value,
            draws: context.draws.map(|draws| draws.made).unwrap_or_default(),
            span: port.span,
        };
        if of == Drawn::State {
            self.state_order.push((place, self.states.len()));
            self.states.push(kept);
        } else {
            self.text_order.push((place, self.parameters.len()));
            self.parameters.push(kept);
        }
        let tensor = Tensor { name, front: 0, axes: sizes, integer: None };
        self.parameter_places.insert(full.clone(), port.span);
        self.by_name.insert(full, tensor.clone());
        Ok(tensor)
    }

    /// A parameter as a stage sees it that is used with `fixed = true`: its value, and no gradient.
    fn held(&mut self, frame: &Frame<'a>, full: &str, kept: &Tensor) -> Outcome<Tensor> {
        if let Some(held) = self.held.get(full) {
            return Ok(held.clone());
        }
        let held = self.stopped(frame, &format!("{full}.fixed"), kept, kept)?;
        self.held.insert(full.to_string(), held.clone());
        Ok(held)
    }

    fn target(&mut self, frame: &mut Frame<'a>, port: &'a Port, initial: Option<&'a Expression>) -> Outcome<Tensor> {
        if frame.place != Place::Model {
            let message = format!("`target {}` stands outside of a model", port.name.text);
            return Err(self.report(Diagnostic::error("NN0602", port.span, message).help("targets belong to the `model` that trains")));
        }
        if let Some(initial) = initial {
            let message = format!("target `{}` has an initial value", port.name.text);
            return Err(self.report(Diagnostic::error("NN0603", initial.span, message).help("targets come from the data: leave it out")));
        }
        let axes = self.declared_axes(frame, port)?;
        let sizes: Vec<Index> = axes.iter().map(|&(size, _)| size).collect();
        let kind = self.port_kind(frame, port)?;
        self.given_port(frame, port.name.text.clone(), sizes, kind, Given::Target)
    }

    /// The kind of a port of a model.
    pub(super) fn port_kind(&mut self, frame: &mut Frame<'a>, port: &'a Port) -> Outcome<PortKind> {
        Ok(match &port.kind {
            None => PortKind::Real,
            Some(kind) if kind.kind == KindKind::Probability => PortKind::Probability,
            Some(kind) => {
                let Some((low, high)) = self.index_range(frame, kind)? else { return Err(Reported) };
                PortKind::Index { low, high }
            }
        })
    }

    /// A tensor that comes from outside at each call.
    pub(super) fn given_port(
        &mut self,
        frame: &Frame<'a>,
        name: String,
        sizes: Vec<Index>,
        kind: PortKind,
        role: Given,
    ) -> Outcome<Tensor> {
        let tensor = self.equations.pool.name(&name);
        let hidden = frame.hides_batch;
        let batched = hidden || sizes.first().is_some_and(|&size| self.is_batch(size));
        let mut axes: Vec<Index> = frame.front.iter().map(|axis| axis.size).collect();
        axes.extend(&sizes);
        let mut defined = Defined::given(role, axes.clone());
        let integer = match kind {
            PortKind::Index { low, high } => {
                defined.element = Element::Integer { low, high };
                Some((low, high))
            }
            _ => None,
        };
        if kind == PortKind::Probability {
            self.intervals.insert(tensor, (0.0, 1.0));
        }
        self.equations.insert(tensor, defined);
        let port = InterfacePort { name, tensor, docs: frame.docs.clone(), axes, batched, kind };
        if role == Given::Target {
            self.targets.push(port)
        } else {
            self.inputs.push(port)
        }
        Ok(Tensor { name: tensor, front: u64::from(hidden), axes: sizes, integer })
    }
}
