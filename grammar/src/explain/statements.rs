//! The bodies of definitions: statements, and going on behind a wrong one.

use super::{MOST, Read, Reader};
use crate::scan::Lexeme;

impl Reader<'_> {
    pub(super) fn body(&mut self) -> Read {
        self.at += 1;
        while !self.is("}") && self.token(0).is_some() && self.problems.len() < MOST {
            let start = self.at;
            if self.statement().is_err() {
                self.next_statement(start);
            }
        }
        self.take("}");
        Ok(())
    }

    /// Whether an index list or nothing, then `=`, `<-` or a kind follows the name here.
    pub(super) fn is_equation(&self) -> bool {
        let behind = if self.look(1) == "[" {
            let close = self.partner[self.at + 1];
            if close == usize::MAX { "" } else { self.tokens.get(close + 1).map_or("", |token| token.text(self.text)) }
        } else {
            self.look(1)
        };
        matches!(behind, "=" | "<-" | ":" | "==") && self.is_name(0)
    }

    pub(super) fn statement(&mut self) -> Read {
        let docs = self.docs();
        if docs > 0 && (self.is("}") || self.token(0).is_none()) {
            return Err(self.documents_nothing());
        }
        let word = self.look(0);
        if word == "if" {
            return self.when();
        }
        if word == "(" {
            return self.equations();
        }
        if word == ";" {
            return self.needless_semicolon();
        }
        if self.lexeme(0) != Some(Lexeme::Word) {
            return Err(self.no_statement());
        }
        let chained = matches!(word, "loss" | "optimizer") && matches!(self.look(1), "=" | "==");
        if !chained && self.is_equation() {
            return self.equation();
        }
        match word {
            "unbatched" if self.look(1) == ";" => {
                self.at += 2;
                Ok(())
            }
            "unbatched" => {
                self.at += 1;
                self.semicolon("`unbatched`")
            }
            "param" | "state" | "random" | "target" => {
                self.at += 1;
                loop {
                    self.port()?;
                    if self.take("=") {
                        self.expression()?;
                    }
                    if !self.take(",") {
                        return self.ended(&[",", ";"], &format!("this `{word}`"));
                    }
                }
            }
            "let" => {
                self.at += 1;
                let name = self.name("the name of a size")?;
                if self.is(":") && self.look(1) != "=" {
                    self.typed("a size")?;
                }
                self.equals(&format!("`let {name}`"))?;
                self.expression()?;
                self.semicolon(&format!("`let {name}`"))
            }
            "block" => {
                self.at += 1;
                let name = self.name("the name of the block")?;
                self.equals(&format!("`block {name}`"))?;
                self.chain()?;
                self.semicolon(&format!("the block `{name}`"))
            }
            "check" => {
                self.at += 1;
                self.expression()?;
                if !self.take(",") {
                    return Err(self.not_ended(&[","], "of this check"));
                }
                if self.lexeme(0) != Some(Lexeme::Text) {
                    return Err(self.unexpected("a text in `\"`", "after the condition of this check"));
                }
                self.at += 1;
                self.semicolon("this check")
            }
            "loss" if chained || self.lexeme(1) == Some(Lexeme::Word) => {
                self.at += 1;
                let mut what = "`loss`".to_string();
                if !chained && self.look(0) != "for" {
                    what = format!("`loss {}`", self.name("the name of the loss")?);
                }
                self.governed()?;
                self.equals(&what)?;
                self.flow()?;
                self.semicolon("the loss")
            }
            "metric" => {
                self.at += 1;
                let name = self.name("the name of the metric")?;
                self.equals(&format!("`metric {name}`"))?;
                self.flow()?;
                self.semicolon(&format!("the metric `{name}`"))
            }
            "optimizer" if chained || self.look(1) == "for" => self.train(),
            _ => Err(self.no_statement()),
        }
    }

    pub(super) fn train(&mut self) -> Read {
        self.at += 1;
        self.governed()?;
        self.equals("the optimizer")?;
        self.chain()?;
        self.semicolon("the optimizer")
    }

    /// `for` and patterns, if they stand here.
    fn governed(&mut self) -> Read {
        if self.take("for") {
            loop {
                loop {
                    let segment = self.is("*") || self.is_name(0) || self.lexeme(0) == Some(Lexeme::Number);
                    if !segment {
                        return Err(self.unexpected("the name of a parameter or `*`", "in the pattern"));
                    }
                    self.at += 1;
                    if !self.take(".") {
                        break;
                    }
                }
                if !self.take(",") {
                    break;
                }
            }
        }
        Ok(())
    }

    pub(super) fn when(&mut self) -> Read {
        self.at += 1;
        self.expression()?;
        if !self.is("{") {
            return Err(self.no_brace("after the condition"));
        }
        self.body()?;
        loop {
            if self.is("elif") || self.is("elseif") {
                self.else_if();
            } else if !self.take("else") {
                break;
            }
            if self.take("if") || self.take("elif") || self.take("elseif") {
                self.expression()?;
            }
            if !self.is("{") {
                return Err(self.no_brace("after `else`"));
            }
            self.body()?;
        }
        if self.is(";") { self.needless_semicolon() } else { Ok(()) }
    }

    pub(super) fn equations(&mut self) -> Read {
        let start = self.at;
        let mut names = 0;
        self.bracket(")", "in this list of names", false, |reader| {
            names += 1;
            reader.name("the name of a result").map(drop)
        })?;
        if names < 2 {
            return Err(self.one_in_brackets(start));
        }
        self.equals("these names")?;
        self.flow()?;
        self.semicolon("this equation")
    }

    pub(super) fn equation(&mut self) -> Read {
        let name = self.name("the name of a tensor")?;
        if self.is("[") {
            if self.look(1) == "]" {
                self.empty_brackets();
            } else {
                self.bracket("]", "in these brackets", false, Self::binder)?;
            }
        }
        if self.take("<-") {
            self.flow()?;
            return self.semicolon(&format!("the update of `{name}`"));
        }
        if self.is(":") && self.look(1) != "=" {
            self.at += 1;
            self.kind(&name)?;
        }
        self.equals(&format!("`{name}`"))?;
        self.flow()?;
        self.semicolon(&format!("the equation of `{name}`"))
    }

    pub(super) fn binder(&mut self) -> Read {
        if self.take("..") {
            self.name("the name of a pack of indices")?;
            return if self.take(":") { self.name("the name of a pack").map(drop) } else { Ok(()) };
        }
        self.or = "";
        if self.is_name(0) {
            self.at += 1;
        } else {
            self.no_index()?;
        }
        if self.take(":") { self.expression() } else { Ok(()) }
    }
}
