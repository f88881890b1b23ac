//! Programs as text, for snapshots and for `verify`'s complaints.

use super::*;
use std::fmt::Write;

impl Program {
    /// The calls, a line each, with what they compute and where it lies; nests with their loops below.
    pub fn print(&self) -> String {
        let mut text = String::new();
        for call in &self.calls {
            self.print_call(call, 0, &mut text);
        }
        for (name, place) in &self.buffers {
            if let Place::View(of) = place {
                let _ = writeln!(text, "{} is a view of {}", self.equations.pool.text(*name), self.equations.pool.text(*of));
            }
        }
        text
    }
    fn print_call(&self, call: &Call, depth: usize, text: &mut String) {
        let indent = "  ".repeat(depth);
        if let Form::TimeLoop(time) = &call.form {
            let sizes: Vec<String> =
                time.sizes.iter().map(|&size| crate::equations::print::print_index(&self.equations.pool, &[], size)).collect();
            let direction = if time.reverse { ", last first" } else { "" };
            let _ = writeln!(text, "{indent}for each {} of {}{direction}", time.label, sizes.join(" or "));
            time.steps.iter().for_each(|moment| self.print_call(&moment.call, depth + 1, text));
            return;
        }
        let names: Vec<&str> = call.computes.iter().map(|&name| self.equations.pool.text(name)).collect();
        let place = call.result().map(|name| self.print_place(name)).unwrap_or_default();
        let what = match &call.form {
            Form::Contraction(product) => self.print_contraction(product),
            Form::Nest(nest) => (if nest.flat { "flat nest" } else { "nest" }).to_string(),
            Form::Copy(name, destination) => format!("copy {} to {destination:?}", self.equations.pool.text(*name)),
            Form::ColumnSum(matrix) => format!("column sums of {}", self.equations.pool.text(matrix.tensor)),
            Form::Draw => "draw".to_string(),
            Form::TimeLoop(_) => String::new(),
        };
        let (names, arrow) = (names.join(", "), if names.is_empty() { "" } else { " = " });
        let _ = writeln!(text, "{indent}{names}{place}{arrow}{what}");
        if let Form::Nest(nest) = &call.form {
            self.print_steps(&nest.steps, depth + 1, text);
        }
    }
    fn print_place(&self, name: Name) -> String {
        match self.buffers.get(&name) {
            Some(Place::Workspace(slot)) => format!(" @{slot}"),
            Some(Place::Result(destination)) => format!(" @{destination:?}"),
            _ => String::new(),
        }
    }
    fn print_contraction(&self, product: &Contraction) -> String {
        let layout = match product.layout {
            Layout::Plain => "nn",
            Layout::LeftTransposed => "tn",
            Layout::RightTransposed => "nt",
        };
        let mut text =
            format!("{layout}({}, {})", self.equations.pool.text(product.left.tensor), self.equations.pool.text(product.right.tensor));
        if !product.outer.is_empty() {
            let axes: Vec<String> = product.outer.iter().map(|(axis, _)| format!("#{axis}")).collect();
            let _ = write!(text, " for each {}", axes.join(", "));
        }
        if product.adds {
            text += ", added";
        }
        if let Some(epilogue) = &product.epilogue {
            text += ", epilogue";
            for (read, how) in &epilogue.reads {
                for name in self.equations.pool.tensors_of_scalar(*read) {
                    let _ = write!(text, " {} by {how:?}", self.equations.pool.text(name));
                }
            }
        }
        text
    }
    fn print_steps(&self, steps: &[Step], depth: usize, text: &mut String) {
        let indent = "  ".repeat(depth);
        let name = |name: &Name| self.equations.pool.text(*name);
        for step in steps {
            match step {
                Step::Loop(range, inside) => {
                    let _ = writeln!(text, "{indent}for {}", print_range(range));
                    self.print_steps(inside, depth + 1, text);
                }
                Step::When(_, inside) => {
                    let _ = writeln!(text, "{indent}if");
                    self.print_steps(inside, depth + 1, text);
                }
                Step::Set { tensor, value: Value::Reduce { reduction, domain, .. }, .. } => {
                    let domain: Vec<String> = domain.iter().map(print_range).collect();
                    let _ = writeln!(text, "{indent}{} = {reduction:?} over {}", name(tensor), domain.join(", "));
                }
                Step::Set { tensor, .. } => {
                    let _ = writeln!(text, "{indent}{} = ..", name(tensor));
                }
                Step::Add { tensor, .. } => {
                    let _ = writeln!(text, "{indent}{} += ..", name(tensor));
                }
                Step::Fill(tensor, value) => {
                    let _ = writeln!(text, "{indent}{} = {value} everywhere", name(tensor));
                }
            }
        }
    }
}

fn print_range(range: &Range) -> String {
    let bounds = if range.bounds.is_empty() { String::new() } else { format!(" within {} bounds", range.bounds.len()) };
    let condition = if range.condition == Condition::TRUE { "" } else { " if" };
    format!("#{}{bounds}{condition}", range.axis)
}
