//! Loops, and what their bodies do.

use ruff_python_ast::{Expr as AstExpr, Stmt, StmtFor, StmtWhile};
use ruff_text_size::{Ranged, TextRange, TextSize};

use super::Lowering;
use crate::summary::{Expr, ExprId, Loop, LoopFacts, LoopId, LoopKind, Meaning, Name, Use};

/// The counters as they were before a loop's body.
struct Before {
    awaits: u32,
    exits: u32,
    nodes: usize,
    bindings: usize,
    outer: Option<LoopId>,
}

impl Lowering<'_> {
    pub(super) fn for_loop(&mut self, statement: &StmtFor) {
        let subject = self.expression(&statement.iter);
        let at = statement.iter.range().end().to_u32();
        self.bind_elements(&statement.target, subject, at);
        let targets = self.target_names(&statement.target);
        let kind = if statement.is_async { LoopKind::AsyncFor } else { LoopKind::For };
        if statement.is_async {
            self.want(subject, Use::Iterated);
            self.facts.awaits += 1;
        }
        let head = TextRange::new(statement.range().start(), statement.iter.range().end());
        let id = self.open_loop(kind, (statement.range(), head), subject, targets);
        self.loop_body(id, &statement.body, false);
        self.block(&statement.orelse, statement.range().end());
    }

    pub(super) fn while_loop(&mut self, statement: &StmtWhile) {
        let awaits = self.facts.awaits;
        let head = TextRange::new(statement.range().start(), statement.test.range().end());
        let id = self.open_loop(LoopKind::While, (statement.range(), head), ExprId(0), Vec::new());
        let outer = self.inside.replace(id);
        let subject = self.used(&statement.test, Use::Tested);
        self.inside = outer;
        let is_endless = is_true(&statement.test);
        if let Some(this) = self.summary.loops.get_mut(id.0 as usize) {
            this.subject = subject;
            this.facts.awaits = self.facts.awaits - awaits;
        }
        self.loop_body(id, &statement.body, is_endless);
        self.block(&statement.orelse, statement.range().end());
    }

    pub(super) fn open_loop(
        &mut self,
        kind: LoopKind,
        (span, head): (TextRange, TextRange),
        subject: ExprId,
        targets: Vec<Name>,
    ) -> LoopId {
        let id = LoopId(u32::try_from(self.summary.loops.len()).unwrap_or(u32::MAX));
        let (span, head) = (self.span(span), self.span(head));
        self.summary.loops.push(Loop {
            scope: self.scope,
            parent: self.inside,
            kind,
            span,
            head,
            subject,
            targets,
            facts: LoopFacts::default(),
        });
        id
    }

    fn loop_body(&mut self, id: LoopId, body: &[Stmt], is_endless: bool) {
        let before = Before {
            awaits: self.facts.awaits,
            exits: self.exits,
            nodes: self.summary.nodes.len(),
            bindings: self.summary.bindings.len(),
            outer: self.inside.replace(id),
        };
        let end = body.last().map_or(TextSize::new(0), |last| last.range().end());
        self.block(body, end);
        self.inside = before.outer;
        let only_await = match self.facts.awaits - before.awaits {
            1 => self.only_await(before.nodes),
            _ => None,
        };
        let carries = self.carries(&before);
        let facts = self.facts;
        let exits = self.exits - before.exits;
        if let Some(this) = self.summary.loops.get_mut(id.0 as usize) {
            this.facts.awaits += facts.awaits - before.awaits;
            this.facts.statements = u32::try_from(body.len()).unwrap_or(u32::MAX);
            this.facts.exits = exits;
            this.facts.is_endless = is_endless;
            this.facts.only_await = only_await;
            this.facts.carries = carries;
        }
    }

    /// What the element of a comprehension does.
    pub(super) fn comprehended(&mut self, id: Option<LoopId>, awaits: u32, nodes: usize) {
        let only_await = if awaits == 1 { self.only_await(nodes) } else { None };
        let this = id.and_then(|id| self.summary.loops.get_mut(id.0 as usize));
        if let Some(this) = this {
            this.facts.awaits += awaits;
            this.facts.statements = 1;
            this.facts.only_await = only_await;
        }
    }

    fn only_await(&self, from: usize) -> Option<ExprId> {
        let nodes = self.summary.nodes.get(from..)?;
        let at = nodes.iter().position(|node| matches!(node.expr, Expr::Await(_)))?;
        u32::try_from(from + at).ok().map(ExprId)
    }

    /// Whether one turn of the loop reads what an earlier one assigned.
    fn carries(&self, before: &Before) -> bool {
        let bound = self.summary.bindings.get(before.bindings..).unwrap_or_default();
        let nodes = self.summary.nodes.get(before.nodes..).unwrap_or_default();
        bound.iter().filter(|binding| binding.scope == self.scope).any(|binding| {
            nodes
                .iter()
                .any(|node| node.expr == Expr::Name(binding.name) && node.span.start < binding.at)
        })
    }

    pub(super) fn bind_elements(&mut self, target: &AstExpr, subject: ExprId, at: u32) {
        match target {
            AstExpr::Name(name) => self.bind(&name.id, at, Meaning::Element(subject)),
            AstExpr::Tuple(tuple) => {
                for part in &tuple.elts {
                    self.bind_unknown(part, at);
                }
            }
            other => self.bind_unknown(other, at),
        }
    }

    pub(super) fn bind_unknown(&mut self, target: &AstExpr, at: u32) {
        match target {
            AstExpr::Name(name) => self.bind(&name.id, at, Meaning::Unknown),
            AstExpr::Tuple(tuple) => {
                self.nested(|lowering| {
                    tuple.elts.iter().for_each(|part| lowering.bind_unknown(part, at));
                });
            }
            AstExpr::List(list) => {
                self.nested(|lowering| {
                    list.elts.iter().for_each(|part| lowering.bind_unknown(part, at));
                });
            }
            AstExpr::Starred(starred) => {
                self.nested(|lowering| lowering.bind_unknown(&starred.value, at));
            }
            other => {
                self.attribute(other);
            }
        }
    }

    pub(super) fn target_names(&mut self, target: &AstExpr) -> Vec<Name> {
        match target {
            AstExpr::Name(name) => vec![self.name(&name.id)],
            AstExpr::Tuple(tuple) => self.nested(|lowering| {
                tuple.elts.iter().flat_map(|part| lowering.target_names(part)).collect()
            }),
            _ => Vec::new(),
        }
    }
}

fn is_true(test: &AstExpr) -> bool {
    match test {
        AstExpr::BooleanLiteral(it) => it.value,
        AstExpr::NumberLiteral(it) => {
            matches!(&it.value, ruff_python_ast::Number::Int(number) if number.as_u8() == Some(1))
        }
        _ => false,
    }
}
