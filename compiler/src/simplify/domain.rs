//! Rules on what is summed where; the rules themselves are those of [`Domain`], derivation uses them too.
//!
//! ```text
//! sum(r) if c(r) { e } else { 0 }  =  sum(r where c(r)) e          for conditions on indices
//! sum(r where r >= a) e(r)         =  sum(r: n - a) e(r + a)
//! sum(r) e                         =  n * e                         r: n occurs nowhere
//! sum(r) f * e(r)                  =  f * sum(r) e(r)               can change rounding
//! y[o, q] = sum(r) e(o, r)         =  z[o], with z[o] = sum(r) e(o, r)
//! ```

use super::Work;
use crate::equations::print::axis_labels;
use crate::equations::{Domain, Equation, Name, Reduction, Tensor};

impl Work {
    /// Brings a sum to its simplest form. Factors that leave it, and axes that it does not need, make a second equation.
    pub(super) fn simplify_domain(&mut self, name: Name) {
        let tensor = self.equations.tensors[&name].clone();
        let Some(equation) = tensor.equation() else { return };
        if equation.reduction != Some(Reduction::Sum) || self.recurrent.contains(&name) {
            return;
        }
        let rank = tensor.axes.len();
        let labels = axis_labels(&self.equations, name);
        let label = |number: usize| labels[number].clone();
        let pool = &mut self.equations.pool;
        let result = tensor.axes.iter().enumerate().map(|(number, &size)| (size, label(number))).collect();
        let mut sum = Domain::new(result, equation.body);
        for (number, &size) in equation.reduced.iter().enumerate() {
            // reduced axes get the numbers that they have already
            sum.introduce(pool, size, &label(rank + number));
        }
        sum.restrict(pool, equation.condition);
        sum.lift_guards(pool);
        sum.guards_to_ranges(pool);
        let size = sum.drop_unused(pool);
        if sum.reduced.is_empty() || pool.is_zero(sum.body) {
            let value = sum.value(pool);
            let body = pool.mul(&[size, value]);
            let mut pointwise = Tensor { labels: tensor.labels[..rank.min(tensor.labels.len())].to_vec(), ..tensor.clone() };
            pointwise.definition = crate::equations::Definition::Equation(Equation::pointwise(body));
            self.set(name, pointwise);
            return;
        }
        let factor = sum.pull_out(pool);
        let factor = pool.mul(&[size, factor]);
        let needed = sum.needed(pool);
        let all: Vec<u32> = (0..rank as u32).collect();
        let missing = all.iter().any(|number| !needed.contains(number) && pool.constant_of(tensor.axes[*number as usize]) != Some(1));
        if pool.number_of(factor) == Some(1.0) && !missing {
            let new = sum.equation(pool, &all);
            if new.equation() != tensor.equation() {
                let labels = if tensor.labels.is_empty() { Vec::new() } else { new.labels };
                self.set(name, Tensor { labels, definition: new.definition, ..tensor });
            }
            return;
        }
        let mut new = sum.equation(pool, &needed);
        if tensor.labels.is_empty() {
            new.labels.clear();
        }
        let at = needed.iter().map(|&number| pool.axis(number, tensor.axes[number as usize])).collect();
        let base = format!("{}_sum", pool.text(name));
        let inner = self.equations.fresh(&base);
        let read = self.equations.pool.read(inner, at);
        let body = self.equations.pool.mul(&[factor, read]);
        self.position.insert(inner, self.position[&name]);
        self.set(inner, new);
        self.set_equation(name, Equation::pointwise(body));
    }
}
