//! Statements: scopes, bindings, and what guards what.

use ruff_python_ast::{
    self as ast, Expr as AstExpr, Stmt, StmtClassDef, StmtFunctionDef, StmtWith,
};
use ruff_text_size::{Ranged, TextRange, TextSize};

use super::Lowering;
use crate::summary::{
    AttributeBinding, Binding, BranchId, Condition, Expr, ExprId, Facts, Handler, HandlerEnd,
    ImportStatement, LoopId, Meaning, Name, Parameter, ParameterForm, Scope, ScopeId, ScopeKind,
    Span, Use, With,
};

/// What is put aside while another scope is lowered.
pub(super) struct Outer {
    scope: ScopeId,
    facts: Facts,
    returns: Vec<ExprId>,
    inside: Option<LoopId>,
    exits: u32,
    block_end: u32,
    branch: Option<BranchId>,
}

impl Lowering<'_> {
    pub(super) fn suite(&mut self, body: &[Stmt]) {
        let outer = self.branch;
        for statement in body {
            self.nested(|lowering| lowering.statement(statement));
        }
        self.branch = outer;
    }

    /// A body that may not be run, or not to its end.
    pub(super) fn block(&mut self, body: &[Stmt], end: TextSize) {
        let outer = std::mem::replace(&mut self.block_end, end.to_u32());
        self.suite(body);
        self.block_end = outer;
    }

    fn statement(&mut self, statement: &Stmt) {
        self.facts.statements += 1;
        let range = statement.range();
        match statement {
            Stmt::FunctionDef(it) => self.function(it),
            Stmt::ClassDef(it) => self.class(it),
            Stmt::Return(it) => {
                self.exits += 1;
                if let Some(value) = &it.value {
                    let value = self.expression(value);
                    self.returns.push(value);
                }
            }
            Stmt::Delete(it) => it.targets.iter().for_each(|target| {
                self.attribute(target);
            }),
            Stmt::Assign(it) => self.assign(it),
            Stmt::AugAssign(it) => {
                self.attribute(&it.target);
                self.expression(&it.value);
                if let AstExpr::Name(name) = &*it.target {
                    self.bind(&name.id, range.end().to_u32(), Meaning::Unknown);
                }
            }
            Stmt::AnnAssign(it) => {
                let annotation = Some(self.annotation(&it.annotation));
                let value = it.value.as_deref().map(|value| self.expression(value));
                self.bind_target(&it.target, value, annotation, range);
            }
            Stmt::For(it) => self.for_loop(it),
            Stmt::While(it) => self.while_loop(it),
            Stmt::If(it) => self.conditional(it),
            Stmt::With(it) => self.with(it),
            Stmt::Match(it) => self.match_statement(it),
            Stmt::Raise(it) => {
                self.exits += 1;
                for part in [&it.exc, &it.cause].into_iter().flatten() {
                    self.expression(part);
                }
                self.raised(it.exc.as_deref());
            }
            Stmt::Try(it) => self.try_statement(it),
            Stmt::Assert(it) => {
                let test = self.used(&it.test, Use::Tested);
                self.assume(&it.test, test, true, range.end());
            }
            Stmt::Import(it) => self.import(it),
            Stmt::ImportFrom(it) => self.import_from(it),
            Stmt::Global(it) => self.outer_names(&it.names, true, range),
            Stmt::Nonlocal(it) => self.outer_names(&it.names, false, range),
            Stmt::Expr(it) => {
                self.used(&it.value, Use::Discarded);
            }
            Stmt::Break(_) => self.exits += 1,
            Stmt::TypeAlias(_) | Stmt::Pass(_) | Stmt::Continue(_) | Stmt::IpyEscapeCommand(_) => {}
        }
    }

    fn outer_names(&mut self, names: &[ast::Identifier], is_global: bool, range: TextRange) {
        for name in names {
            let at = range.start().to_u32();
            self.bind(name, at, Meaning::Outer { is_global });
            if !is_global {
                self.bind_outside(name, at);
            }
        }
    }

    /// `nonlocal x`: the function around may find its name with another value at any time.
    fn bind_outside(&mut self, name: &str, at: u32) {
        let name = self.name(name);
        let at_scope = |scope: ScopeId| self.summary.scope(scope);
        let parent = |scope: ScopeId| at_scope(scope).map(|it| it.parent);
        let scopes = std::iter::successors(parent(self.scope), |scope| parent(*scope));
        let mut scopes = scopes.take_while(|it| *it != ScopeId::MODULE);
        let owner = scopes.find(|scope| {
            let start = at_scope(*scope).map_or(0, |it| it.span.start);
            let mut inside = self.summary.bindings.iter().rev().take_while(|it| it.at >= start);
            let is_meant = |it: &Meaning| !matches!(it, Meaning::Outer { .. });
            inside.any(|it| it.scope == *scope && it.name == name && is_meant(&it.meaning))
        });
        if let Some(scope) = owner {
            let meaning = Meaning::Unknown;
            self.summary.bindings.push(Binding { scope, name, at, block_end: at, meaning });
        }
    }

    fn assign(&mut self, assign: &ast::StmtAssign) {
        let used = match assign.targets.as_slice() {
            [AstExpr::Name(name)] => Use::Assigned(self.name(&name.id)),
            _ => Use::Other,
        };
        let value = self.used(&assign.value, used);
        for target in &assign.targets {
            self.bind_target(target, Some(value), None, assign.range());
        }
    }

    fn bind_target(
        &mut self,
        target: &AstExpr,
        value: Option<ExprId>,
        annotation: Option<ExprId>,
        range: TextRange,
    ) {
        let at = range.end().to_u32();
        match target {
            AstExpr::Name(name) => self.bind(&name.id, at, Meaning::Value { value, annotation }),
            AstExpr::Attribute(attribute) => {
                let object = self.expression(&attribute.value);
                let name = self.name(&attribute.attr);
                let span = self.span(range);
                self.summary.attributes.push(AttributeBinding {
                    scope: self.scope,
                    object,
                    attribute: name,
                    value,
                    annotation,
                    span,
                });
            }
            AstExpr::Tuple(tuple) => self.unpack(&tuple.elts, value, range),
            AstExpr::List(list) => self.unpack(&list.elts, value, range),
            other => self.bind_unknown(other, at),
        }
    }

    fn unpack(&mut self, targets: &[AstExpr], value: Option<ExprId>, range: TextRange) {
        let parts = match value.map(|value| self.summary.expr(value)) {
            Some(Expr::Sequence(parts)) if parts.len() == targets.len() => parts.to_vec(),
            _ => Vec::new(),
        };
        for (index, target) in targets.iter().enumerate() {
            let part = parts.get(index).copied();
            match (target, part, value) {
                (_, Some(part), _) => self.bind_target(target, Some(part), None, range),
                (AstExpr::Name(name), None, Some(value)) => {
                    self.bind(&name.id, range.end().to_u32(), Meaning::Unpacked(value));
                }
                _ => self.bind_unknown(target, range.end().to_u32()),
            }
        }
    }

    fn with(&mut self, statement: &StmtWith) {
        let mut contexts = Vec::new();
        for item in &statement.items {
            let context = self.expression(&item.context_expr);
            if statement.is_async {
                self.want(context, Use::Entered);
            }
            contexts.push(context);
            if let Some(target) = &item.optional_vars {
                let at = item.range().end().to_u32();
                if let AstExpr::Name(name) = &**target {
                    let meaning = Meaning::Entered { context, is_async: statement.is_async };
                    self.bind(&name.id, at, meaning);
                } else {
                    self.bind_unknown(target, at);
                }
            }
        }
        if statement.is_async {
            self.facts.awaits += 1;
        }
        let before = self.facts.awaits;
        self.suite(&statement.body);
        let span = self.span(statement.range());
        self.summary.withs.push(With {
            scope: self.scope,
            span,
            contexts,
            is_async: statement.is_async,
            awaits: self.facts.awaits - before,
            is_guarded: self.guards > 0,
            branch: self.branch,
        });
    }

    pub(super) fn handler(
        &mut self,
        handler: &ast::ExceptHandlerExceptHandler,
        (guarded, guarded_awaits): (Span, u32),
        is_handled: bool,
    ) -> bool {
        let exceptions = match handler.type_.as_deref() {
            None => Vec::new(),
            Some(AstExpr::Tuple(tuple)) => {
                tuple.elts.iter().map(|it| self.expression(it)).collect()
            }
            Some(other) => vec![self.expression(other)],
        };
        if let Some(name) = &handler.name {
            self.bind(name, name.range().end().to_u32(), Meaning::Unknown);
        }
        let takes_cancellation =
            exceptions.iter().any(|it| self.summary.last_name(*it) == Some("CancelledError"));
        if self.finds_no_loop(&exceptions) {
            self.branch(Condition::NoLoop);
        }
        let calls = self.summary.calls.len();
        self.block(&handler.body, handler.range().end());
        let takes_back = self.takes_cancellation_back(calls);
        let head_end = handler
            .type_
            .as_deref()
            .map_or(handler.range().start() + TextSize::new(6), |it| it.range().end());
        let head = self.span(TextRange::new(handler.range().start(), head_end));
        let end = if takes_back { HandlerEnd::Raises } else { super::handlers::end(handler) };
        self.keep(handler);
        self.summary.handlers.push(Handler {
            scope: self.scope,
            head,
            exceptions,
            end,
            cancellation_is_handled: is_handled,
            guarded,
            guarded_awaits,
            inside: self.inside,
        });
        is_handled || takes_cancellation
    }

    fn import(&mut self, statement: &ast::StmtImport) {
        let at = statement.range().end().to_u32();
        for alias in &statement.names {
            let module = self.name(&alias.name);
            self.keep_import(statement.range(), Some(module), 0, Vec::new());
            if let Some(name) = &alias.asname {
                self.bind(name, at, Meaning::Module(module));
            } else {
                let first = alias.name.split('.').next().unwrap_or("").to_owned();
                let module = self.name(&first);
                self.bind(&first, at, Meaning::Module(module));
            }
        }
    }

    fn import_from(&mut self, statement: &ast::StmtImportFrom) {
        let at = statement.range().end().to_u32();
        let module = statement.module.as_deref().map(|module| self.name(module));
        let level = statement.level;
        let mut names = Vec::new();
        for alias in &statement.names {
            if alias.name.as_str() == "*" {
                self.summary.stars.push((module, level));
                continue;
            }
            let name = self.name(&alias.name);
            names.push(name);
            let bound = alias.asname.as_ref().unwrap_or(&alias.name);
            self.bind(bound, at, Meaning::From { module, level, name });
        }
        self.keep_import(statement.range(), module, level, names);
    }

    fn keep_import(
        &mut self,
        range: TextRange,
        module: Option<Name>,
        level: u32,
        names: Vec<Name>,
    ) {
        let span = self.span(range);
        self.summary.imports.push(ImportStatement {
            scope: self.scope,
            span,
            module,
            level,
            names,
            is_guarded: self.guards > 0,
        });
    }

    fn function(&mut self, function: &StmtFunctionDef) {
        let decorators: Vec<ExprId> =
            function.decorator_list.iter().map(|it| self.expression(&it.expression)).collect();
        let parameters = self.parameters(&function.parameters);
        let returns = function.returns.as_deref().map(|it| self.annotation(it));
        let kind = if function.is_async { ScopeKind::Async } else { ScopeKind::Function };
        let name = self.name(&function.name);
        let scope = self.open_scope(kind, name, function.range(), function.name.range());
        self.bind(&function.name, function.name.range().end().to_u32(), Meaning::Function(scope));
        let outer = self.enter(scope, function.range().end().to_u32());
        self.bind_parameters(&parameters);
        self.suite(&function.body);
        self.facts.is_stub = is_stub(&function.body);
        self.facts.is_constant = is_constant(&function.body);
        self.leave(scope, outer);
        if let Some(scope) = self.summary.scopes.get_mut(scope.0 as usize) {
            scope.decorators = decorators;
            scope.parameters = parameters;
            scope.returns_annotation = returns;
        }
    }

    fn class(&mut self, class: &StmtClassDef) {
        let decorators: Vec<ExprId> =
            class.decorator_list.iter().map(|it| self.expression(&it.expression)).collect();
        let mut bases = Vec::new();
        if let Some(arguments) = &class.arguments {
            bases.extend(arguments.args.iter().map(|it| self.expression(it)));
            for keyword in &arguments.keywords {
                self.expression(&keyword.value);
            }
        }
        let name = self.name(&class.name);
        let scope = self.open_scope(ScopeKind::Class, name, class.range(), class.name.range());
        self.bind(&class.name, class.name.range().end().to_u32(), Meaning::Class(scope));
        let outer = self.enter(scope, class.range().end().to_u32());
        self.suite(&class.body);
        self.leave(scope, outer);
        if let Some(scope) = self.summary.scopes.get_mut(scope.0 as usize) {
            scope.decorators = decorators;
            scope.bases = bases;
        }
    }

    pub(super) fn open_scope(
        &mut self,
        kind: ScopeKind,
        name: Name,
        span: TextRange,
        name_span: TextRange,
    ) -> ScopeId {
        let id = ScopeId(u32::try_from(self.summary.scopes.len()).unwrap_or(u32::MAX));
        let (span, name_span): (Span, Span) = (self.span(span), self.span(name_span));
        self.summary.scopes.push(Scope {
            kind,
            name,
            parent: self.scope,
            span,
            name_span,
            decorators: Vec::new(),
            bases: Vec::new(),
            parameters: Vec::new(),
            returns_annotation: None,
            returns: Vec::new(),
            facts: Facts::default(),
        });
        id
    }

    pub(super) fn enter(&mut self, scope: ScopeId, block_end: u32) -> Outer {
        Outer {
            scope: std::mem::replace(&mut self.scope, scope),
            facts: std::mem::take(&mut self.facts),
            returns: std::mem::take(&mut self.returns),
            inside: self.inside.take(),
            exits: std::mem::take(&mut self.exits),
            block_end: std::mem::replace(&mut self.block_end, block_end),
            branch: self.branch.take(),
        }
    }

    pub(super) fn leave(&mut self, scope: ScopeId, outer: Outer) {
        let facts = std::mem::replace(&mut self.facts, outer.facts);
        let returns = std::mem::replace(&mut self.returns, outer.returns);
        if let Some(scope) = self.summary.scopes.get_mut(scope.0 as usize) {
            scope.facts = facts;
            scope.returns = returns;
        }
        self.scope = outer.scope;
        self.inside = outer.inside;
        self.exits = outer.exits;
        self.block_end = outer.block_end;
        self.branch = outer.branch;
    }

    pub(super) fn bind_parameters(&mut self, parameters: &[Parameter]) {
        let start = self.summary.scope(self.scope).map_or(0, |scope| scope.span.start);
        for (index, parameter) in parameters.iter().enumerate() {
            let name = self.summary.text(parameter.name).to_owned();
            let meaning = match parameter.form {
                ParameterForm::Rest => Meaning::Unknown,
                _ => Meaning::Parameter(u32::try_from(index).unwrap_or(u32::MAX)),
            };
            self.bind(&name, start, meaning);
        }
    }
}

fn is_stub(body: &[Stmt]) -> bool {
    body.iter().all(|statement| match statement {
        Stmt::Pass(_) | Stmt::Raise(_) => true,
        Stmt::Expr(it) => {
            matches!(&*it.value, AstExpr::StringLiteral(_) | AstExpr::EllipsisLiteral(_))
        }
        _ => false,
    })
}

fn is_constant(body: &[Stmt]) -> bool {
    let is_docstring =
        |it: &Stmt| matches!(it, Stmt::Expr(it) if it.value.is_string_literal_expr());
    let body = match body {
        [first, rest @ ..] if is_docstring(first) => rest,
        body => body,
    };
    matches!(body, [Stmt::Return(it)] if it.value.as_deref().is_some_and(|it| {
        it.is_boolean_literal_expr() || it.is_none_literal_expr()
    }))
}
