//! `grad(u, x)`: asked for here, derived by the next stage. Its shape is that of `x`, so nothing else need be known of it.

use super::Elaboration;
use super::calls::Given;
use super::values::{Context, Frame, Outcome, Place, Tensor};
use crate::equations::{Role, Tensor as Defined};
use crate::model::Derivative;
use nnc_grammar::tree::{Argument, ExpressionKind};
use nnc_grammar::{Diagnostic, Span};

impl<'a> Elaboration<'a> {
    /// The derivative of the sum of a value by a tensor.
    pub(super) fn gradient(
        &mut self,
        frame: &mut Frame<'a>,
        context: &mut Context,
        span: Span,
        arguments: &'a [Argument],
        two_lists: bool,
    ) -> Outcome<Tensor> {
        if frame.scalar || frame.place == Place::Optimizer {
            let message = "`grad` stands in layers and models";
            let help = if frame.scalar { "make it a `layer`" } else { "an optimizer has the gradient of the loss: its second port" };
            return Err(self.report(Diagnostic::error("NN0705", span, message).help(help)));
        }
        let [of, by] = arguments else {
            let message = format!("`grad` takes 2 arguments, not {}", arguments.len());
            return Err(
                self.report(Diagnostic::error("NN0501", span, message).help("write `grad(u, x)`: the derivative of the sum of `u` by `x`"))
            );
        };
        if two_lists || of.name.is_some() || by.name.is_some() {
            let message = "`grad` takes two plain arguments";
            return Err(self.report(Diagnostic::error("NN0505", span, message).help("write `grad(u, x)`")));
        }
        let ExpressionKind::Name(path) = &by.value.value.kind else {
            let message = "`grad` derives by a tensor that has a name";
            let help = "give it a name in an equation of its own, before what is derived is made of it";
            return Err(self.report(Diagnostic::error("NN0705", by.span, message).label("no name").help(help)));
        };
        if !by.value.stages.is_empty() {
            let message = "`grad` derives by a tensor that has a name";
            return Err(self.report(Diagnostic::error("NN0705", by.span, message).label("no name")));
        }
        let by_tensor = self.tensor(frame, 0, path)?;
        let of_tensor = match self.given(frame, context, &of.value.value, Some(&of.value))? {
            Given::Tensor(tensor) => tensor,
            Given::Element(value) => {
                let tensor = self.element_as_tensor(frame, context, &[], value, of.span)?;
                if tensor.front >> context.front != 0 {
                    let message = "`grad` derives a whole tensor, and this is one element of it";
                    let help = "give the tensor a name in an equation of its own, and derive that";
                    return Err(
                        self.report(Diagnostic::error("NN0705", of.span, message).label("an element at the indices around it").help(help))
                    );
                }
                tensor
            }
        };
        for (tensor, span) in [(&of_tensor, of.span), (&by_tensor, by.span)] {
            if tensor.integer.is_some() {
                let message = "an index tensor has no gradient";
                return Err(self.report(Diagnostic::error("NN0402", span, message).help("derive a real tensor by a real tensor")));
            }
            if context.free.contains_key(&tensor.name) {
                let message = "`grad` derives a whole tensor, and this is made anew at each index around it";
                let help = "give the tensor a name in an equation of its own, and derive that";
                return Err(self.report(Diagnostic::error("NN0705", span, message).help(help)));
            }
        }
        let base = format!("{}.grad", context.base);
        let tensor = self.fresh(&base);
        let known = &self.equations.tensors[&by_tensor.name];
        let defined = Defined {
            labels: known.labels.iter().take(known.axes.len()).cloned().collect(),
            ..Defined::given(Role::Derivative, known.axes.clone())
        };
        self.equations.insert(tensor, defined);
        self.derivatives.push(Derivative { tensor, of: of_tensor.name, by: by_tensor.name });
        let local = base.strip_prefix(frame.path()).unwrap_or(&base).trim_start_matches('.').to_string();
        self.note_origin(frame, tensor, local);
        Ok(Tensor { name: tensor, ..by_tensor })
    }
}
