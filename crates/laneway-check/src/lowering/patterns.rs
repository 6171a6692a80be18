//! `match`: the names that patterns bind, and what they compare with.

use ruff_python_ast::{Identifier, Pattern, StmtMatch};
use ruff_text_size::{Ranged, TextSize};

use super::Lowering;
use crate::summary::{Meaning, Use};

impl Lowering<'_> {
    pub(super) fn match_statement(&mut self, statement: &StmtMatch) {
        self.expression(&statement.subject);
        for case in &statement.cases {
            let end = case.range().end();
            let outer = std::mem::replace(&mut self.block_end, end.to_u32());
            self.pattern(&case.pattern);
            if let Some(guard) = &case.guard {
                self.used(guard, Use::Tested);
            }
            self.block_end = outer;
            self.block(&case.body, end);
        }
    }

    /// Which part of the subject a name takes, is not followed.
    fn pattern(&mut self, pattern: &Pattern) {
        let end = pattern.range().end();
        match pattern {
            Pattern::MatchValue(it) => {
                self.expression(&it.value);
            }
            Pattern::MatchSingleton(_) => {}
            Pattern::MatchSequence(it) => self.patterns(&it.patterns),
            Pattern::MatchOr(it) => self.patterns(&it.patterns),
            Pattern::MatchMapping(it) => {
                for key in &it.keys {
                    self.expression(key);
                }
                self.patterns(&it.patterns);
                self.capture(it.rest.as_ref(), end);
            }
            Pattern::MatchClass(it) => {
                self.expression(&it.cls);
                self.patterns(&it.arguments.patterns);
                for keyword in &it.arguments.keywords {
                    self.nested(|lowering| lowering.pattern(&keyword.pattern));
                }
            }
            Pattern::MatchStar(it) => self.capture(it.name.as_ref(), end),
            Pattern::MatchAs(it) => {
                if let Some(inner) = it.pattern.as_deref() {
                    self.nested(|lowering| lowering.pattern(inner));
                }
                self.capture(it.name.as_ref(), end);
            }
        }
    }

    fn patterns(&mut self, patterns: &[Pattern]) {
        for pattern in patterns {
            self.nested(|lowering| lowering.pattern(pattern));
        }
    }

    fn capture(&mut self, name: Option<&Identifier>, at: TextSize) {
        if let Some(name) = name {
            self.bind(name, at.to_u32(), Meaning::Unknown);
        }
    }
}
