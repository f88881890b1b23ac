//! Chains and expressions: operands with operators between them; how tightly they bind does not matter here.

use super::{OR_ARROW, OR_OPERATOR, Read, Reader};
use crate::scan::{Lexeme, REDUCERS, begins_operand};

impl Reader<'_> {
    pub(super) fn whole_chain(&mut self) -> Read {
        let angled = self.take("<");
        self.chain()?;
        if angled && !self.take(">") {
            return Err(self.not_ended(&[">"], "of this chain"));
        }
        if self.token(0).is_some() { Err(self.behind_chain()) } else { Ok(()) }
    }

    pub(super) fn chain(&mut self) -> Read {
        self.stage()?;
        self.stages()
    }

    pub(super) fn stages(&mut self) -> Read {
        while self.take("->") {
            self.stage()?;
        }
        Ok(())
    }

    pub(super) fn flow(&mut self) -> Read {
        self.expression()?;
        self.stages()
    }

    pub(super) fn stage(&mut self) -> Read {
        if self.is_name(0) && self.look(1) == ":" {
            self.at += 2;
        }
        if !self.is_name(0) {
            return Err(self.no_stage());
        }
        self.at += 1;
        if self.is("(") {
            self.arguments()?;
        }
        self.or = OR_ARROW;
        Ok(())
    }

    pub(super) fn arguments(&mut self) -> Read {
        self.bracket(")", "in this list", true, |reader| {
            if reader.is_name(0) && reader.look(1) == "=" {
                reader.at += 2;
            }
            if reader.is_name(0) && reader.look(1) == ":" {
                reader.at += 2;
            }
            reader.flow()
        })
    }

    // ---- expressions: operands with operators between them; how tightly they bind does not matter here

    pub(super) fn expression(&mut self) -> Read {
        loop {
            while matches!(self.look(0), "-" | "!") {
                self.at += 1;
            }
            self.operand()?;
            self.or = OR_OPERATOR;
            match self.look(0) {
                "||" | "&&" | "==" | "!=" | "<=" | ">=" | "<" | "+" | "-" | "*" | "/" | "%" | "^" | "or" => {}
                // In `nn!{< … >}` it may close the chain.
                ">" if !(self.inline && self.at + 1 == self.tokens.len()) => {}
                _ => return Ok(()),
            }
            let sign = self.look(0);
            self.at += 1;
            if matches!(self.look(0), "!") && !matches!(sign, "^" | "or") && self.look(1) == "=" {
                return Err(self.no_operand());
            }
        }
    }

    pub(super) fn operand(&mut self) -> Read {
        match self.lexeme(0) {
            Some(Lexeme::Number) => {
                self.at += 1;
                return Ok(());
            }
            Some(Lexeme::Sign) if self.is("(") => {
                if self.look(1) == ")" {
                    self.at += 1;
                    return Err(self.no_operand());
                }
                return self.bracket(")", "in these brackets", false, Self::flow);
            }
            Some(Lexeme::Sign) if self.is("[") => {
                if self.look(1) == "]" {
                    self.at += 1;
                    return Err(self.no_operand());
                }
                return self.bracket("]", "in this vector", false, Self::expression);
            }
            Some(Lexeme::Word) => {}
            _ => return Err(self.no_operand()),
        }
        match self.look(0) {
            "true" | "false" => {
                self.at += 1;
                Ok(())
            }
            "if" => self.choice(),
            word if REDUCERS.contains(&word) && self.look(1) == "(" => self.reduction(),
            _ if self.is_name(0) => self.path(),
            _ => Err(self.no_operand()),
        }
    }

    pub(super) fn choice(&mut self) -> Read {
        loop {
            self.at += 1;
            self.expression()?;
            self.value_arm("after the condition")?;
            if self.is("elif") || self.is("elseif") {
                self.else_if();
                continue;
            }
            if !self.take("else") {
                self.no_else();
                return Ok(());
            }
            if !self.is("if") {
                return self.value_arm("after `else`");
            }
        }
    }

    pub(super) fn value_arm(&mut self, after: &str) -> Read {
        if !self.is("{") {
            return Err(self.no_brace(after));
        }
        self.at += 1;
        self.flow()?;
        if self.take("}") { Ok(()) } else { Err(self.not_ended(&["}"], "of this value")) }
    }

    /// `sum(i, j: n where c) product`, or `max(a, b)`.
    pub(super) fn reduction(&mut self) -> Read {
        let open = self.at + 1;
        let close = self.partner[open];
        let bound = self.look(2) == ".." || (self.is_name(2) && self.look(3) == ":") || self.has_where(open);
        let body = self
            .tokens
            .get(close.saturating_add(1))
            .is_some_and(|&token| begins_operand(token, self.text) && !matches!(token.text(self.text), "true" | "false"));
        let binders = self.is_name(2) && matches!(self.look(3), "," | ")");
        if bound || (binders && body) {
            self.at += 2;
            loop {
                self.binder()?;
                if !self.take(",") {
                    break;
                }
            }
            if self.take("where") {
                self.expression()?;
            }
            if !self.take(")") {
                return Err(self.not_ended(&[",", "where", ")"], "in this reduction"));
            }
            if !body {
                return self.no_reduced(open);
            }
            return self.operand();
        }
        self.at += 1;
        if self.look(1) == ")" {
            self.at += 1;
            return Err(self.no_operand());
        }
        if self.is_name(1) && matches!(self.look(2), "=" | "in") && (self.look(2) == "in" || body) {
            self.at += 2;
            return Err(self.no_range());
        }
        self.bracket(")", "in this list", false, Self::flow)
    }

    /// Whether `where` stands in this bracket, not in one inside of it.
    pub(super) fn has_where(&self, open: usize) -> bool {
        let mut at = open + 1;
        while at < self.partner[open].min(self.tokens.len()) {
            if self.tokens[at].text(self.text) == "where" {
                return true;
            }
            at = self.jump(at) + 1;
        }
        false
    }

    pub(super) fn path(&mut self) -> Read {
        self.at += 1;
        while self.is(".") && (self.is_name(1) || self.lexeme(1) == Some(Lexeme::Number)) {
            self.at += 2;
        }
        if self.is("[") {
            return self.dims();
        }
        if self.is("(") {
            self.arguments()?;
            if self.is("(") {
                return self.arguments();
            }
        }
        Ok(())
    }
}
