//! Expressions: kept as far as they say what is called on what.

use ruff_python_ast::{
    Comprehension, Expr as AstExpr, ExprCall, ExprLambda, InterpolatedStringElement, Number,
    Operator, Parameters, UnaryOp,
};
use ruff_text_size::{Ranged, TextRange};

use super::{Lowering, TEXT_MAX};
use crate::summary::{
    Argument, Call, Expr, ExprId, LoopKind, Meaning, Parameter, ParameterForm, ScopeKind, Use,
};

impl Lowering<'_> {
    /// An expression whose value is used in no way of interest.
    pub(super) fn expression(&mut self, expr: &AstExpr) -> ExprId {
        self.used(expr, Use::Other)
    }

    /// An expression, with what becomes of its value.
    pub(super) fn used(&mut self, expr: &AstExpr, used: Use) -> ExprId {
        self.nested(|lowering| lowering.shallow(expr, used))
    }

    fn shallow(&mut self, expr: &AstExpr, used: Use) -> ExprId {
        let range = expr.range();
        match expr {
            AstExpr::Call(call) => self.call(call, used),
            AstExpr::Attribute(attribute) => {
                let id = self.attribute(expr);
                self.summary.reads.push((id, self.scope));
                debug_assert_eq!(attribute.range(), range, "the node is the attribute itself");
                id
            }
            AstExpr::Name(name) => {
                let name = self.name(&name.id);
                self.add(range, Expr::Name(name))
            }
            AstExpr::Await(awaited) => {
                self.facts.awaits += 1;
                let inner = self.used(&awaited.value, Use::Awaited);
                self.want(inner, Use::Awaited);
                self.add(range, Expr::Await(inner))
            }
            AstExpr::Lambda(lambda) => self.lambda(lambda),
            AstExpr::Named(named) => {
                let value = self.expression(&named.value);
                if let AstExpr::Name(name) = &*named.target {
                    let meaning = Meaning::Value { value: Some(value), annotation: None };
                    self.bind(&name.id, range.end().to_u32(), meaning);
                }
                value
            }
            AstExpr::If(choice) => self.choice(choice, used),
            AstExpr::BoolOp(operation) => self.operands(operation),
            AstExpr::BinOp(operation) => {
                let left = self.expression(&operation.left);
                let right = self.expression(&operation.right);
                let expr = match operation.op {
                    Operator::BitOr => Expr::Either(Box::new([left, right])),
                    _ => Expr::Binary(left, right),
                };
                self.add(range, expr)
            }
            AstExpr::UnaryOp(operation) => {
                let used = if used == Use::Tested { used } else { Use::Other };
                let operand = self.used(&operation.operand, used);
                match operation.op {
                    UnaryOp::Not => self.add(range, Expr::Not(operand)),
                    _ => self.literal_or_other(expr),
                }
            }
            AstExpr::Subscript(subscript) => {
                let value = self.expression(&subscript.value);
                let index = self.expression(&subscript.slice);
                self.add(range, Expr::Subscript(value, index))
            }
            AstExpr::Starred(starred) => {
                let value = self.expression(&starred.value);
                self.add(range, Expr::Starred(value))
            }
            _ => self.compound(expr),
        }
    }

    fn compound(&mut self, expr: &AstExpr) -> ExprId {
        let range = expr.range();
        match expr {
            AstExpr::List(list) => self.sequence(&list.elts, range),
            AstExpr::Tuple(tuple) => self.sequence(&tuple.elts, range),
            AstExpr::Set(set) => self.sequence(&set.elts, range),
            AstExpr::ListComp(it) => self.comprehension(&[&it.elt], &it.generators, range),
            AstExpr::SetComp(it) => self.comprehension(&[&it.elt], &it.generators, range),
            AstExpr::Generator(it) => self.comprehension(&[&it.elt], &it.generators, range),
            AstExpr::DictComp(it) => {
                let mut parts: Vec<&AstExpr> = it.key.as_deref().into_iter().collect();
                parts.push(&it.value);
                self.comprehension(&parts, &it.generators, range)
            }
            AstExpr::Dict(dict) => {
                for item in &dict.items {
                    if let Some(key) = &item.key {
                        self.expression(key);
                    }
                    self.expression(&item.value);
                }
                self.add(range, Expr::Other)
            }
            AstExpr::Compare(comparison) => self.compare(comparison),
            AstExpr::Yield(it) => {
                self.facts.yields += 1;
                self.exits += 1;
                if let Some(value) = &it.value {
                    self.expression(value);
                }
                self.add(range, Expr::Other)
            }
            AstExpr::YieldFrom(it) => {
                self.facts.yields += 1;
                self.exits += 1;
                self.expression(&it.value);
                self.add(range, Expr::Other)
            }
            AstExpr::Slice(slice) => {
                for part in [&slice.lower, &slice.upper, &slice.step].into_iter().flatten() {
                    self.expression(part);
                }
                self.add(range, Expr::Other)
            }
            AstExpr::FString(text) => {
                for element in text.value.elements() {
                    self.interpolated(element);
                }
                self.add(range, Expr::Other)
            }
            _ => self.literal_or_other(expr),
        }
    }

    fn interpolated(&mut self, element: &InterpolatedStringElement) {
        let InterpolatedStringElement::Interpolation(inner) = element else { return };
        self.expression(&inner.expression);
        if let Some(format) = &inner.format_spec {
            self.nested(|lowering| {
                for element in &format.elements {
                    lowering.interpolated(element);
                }
            });
        }
    }

    fn sequence(&mut self, elements: &[AstExpr], range: TextRange) -> ExprId {
        // Tables of data have thousands of elements, and none of them matters.
        let parts: Vec<ExprId> = elements.iter().map(|part| self.expression(part)).collect();
        let kept = if parts.len() <= 64 { parts.into_boxed_slice() } else { Box::default() };
        self.add(range, Expr::Sequence(kept))
    }

    /// An attribute that is called or assigned: a value of its own is not read.
    pub(super) fn attribute(&mut self, expr: &AstExpr) -> ExprId {
        let AstExpr::Attribute(attribute) = expr else { return self.expression(expr) };
        let object = self.expression(&attribute.value);
        let name = self.name(&attribute.attr);
        self.add(expr.range(), Expr::Attribute(object, name))
    }

    fn call(&mut self, call: &ExprCall, used: Use) -> ExprId {
        let function = self.nested(|lowering| lowering.attribute(&call.func));
        let mut arguments = Vec::new();
        for argument in &call.arguments.args {
            let value = self.expression(argument);
            arguments.push(Argument { keyword: None, value });
        }
        for keyword in &call.arguments.keywords {
            let value = self.expression(&keyword.value);
            let keyword = match &keyword.arg {
                Some(name) => self.name(name),
                None => self.name("**"),
            };
            arguments.push(Argument { keyword: Some(keyword), value });
        }
        let arguments = arguments.into_boxed_slice();
        let expr = self.add(call.range(), Expr::Call { function, arguments });
        self.summary.calls.push(Call {
            expr,
            scope: self.scope,
            used,
            inside: self.inside,
            is_guarded: self.guards > 0,
            branch: self.branch,
        });
        self.want_arguments(expr);
        expr
    }

    fn lambda(&mut self, lambda: &ExprLambda) -> ExprId {
        let range = lambda.range();
        let parameters = match &lambda.parameters {
            Some(parameters) => self.parameters(parameters),
            None => Vec::new(),
        };
        let name = self.name("<lambda>");
        let scope = self.open_scope(ScopeKind::Lambda, name, range, range);
        let outer = self.enter(scope, range.end().to_u32());
        self.bind_parameters(&parameters);
        let body = self.expression(&lambda.body);
        self.returns.push(body);
        self.leave(scope, outer);
        if let Some(scope) = self.summary.scopes.get_mut(scope.0 as usize) {
            scope.parameters = parameters;
        }
        self.add(range, Expr::Lambda(scope))
    }

    pub(super) fn parameters(&mut self, parameters: &Parameters) -> Vec<Parameter> {
        let mut all = Vec::new();
        let positional = parameters.posonlyargs.iter().chain(&parameters.args);
        let positional = positional.map(|it| (it, ParameterForm::Positional));
        let named = parameters.kwonlyargs.iter().map(|it| (it, ParameterForm::KeywordOnly));
        for (parameter, form) in positional.chain(named) {
            let annotation =
                parameter.parameter.annotation.as_deref().map(|it| self.annotation(it));
            let default = parameter.default.as_deref().map(|it| self.expression(it));
            let name = self.name(&parameter.parameter.name);
            all.push(Parameter { name, annotation, default, form });
        }
        for rest in [&parameters.vararg, &parameters.kwarg].into_iter().flatten() {
            let name = self.name(&rest.name);
            all.push(Parameter {
                name,
                annotation: None,
                default: None,
                form: ParameterForm::Rest,
            });
        }
        all
    }

    fn comprehension(
        &mut self,
        elements: &[&AstExpr],
        generators: &[Comprehension],
        range: TextRange,
    ) -> ExprId {
        let outer = self.inside;
        let mut iterated = None;
        for generator in generators {
            let subject = self.expression(&generator.iter);
            iterated.get_or_insert(subject);
            let at = generator.iter.range().end().to_u32().min(range.start().to_u32());
            self.bind_elements(&generator.target, subject, at);
            let kind =
                if generator.is_async { LoopKind::AsyncFor } else { LoopKind::Comprehension };
            if generator.is_async {
                self.want(subject, Use::Iterated);
                self.facts.awaits += 1;
            }
            let targets = self.target_names(&generator.target);
            let id = self.open_loop(kind, (range, range), subject, targets);
            self.inside = Some(id);
            for condition in &generator.ifs {
                self.used(condition, Use::Tested);
            }
        }
        let mut element = None;
        let (awaits, nodes, innermost) = (self.facts.awaits, self.summary.nodes.len(), self.inside);
        for part in elements {
            element = Some(self.expression(part));
        }
        self.comprehended(innermost, self.facts.awaits - awaits, nodes);
        self.inside = outer;
        match (element, iterated) {
            (Some(element), Some(iterated)) => {
                self.add(range, Expr::Comprehension { element, iterated })
            }
            _ => self.add(range, Expr::Other),
        }
    }

    fn literal_or_other(&mut self, expr: &AstExpr) -> ExprId {
        let text = match expr {
            AstExpr::NoneLiteral(_) => Some("None".to_owned()),
            AstExpr::EllipsisLiteral(_) => Some("...".to_owned()),
            AstExpr::BooleanLiteral(it) => Some(if it.value { "True" } else { "False" }.to_owned()),
            AstExpr::NumberLiteral(it) => match &it.value {
                Number::Int(number) => Some(number.to_string()),
                Number::Float(number) => Some(format!("{number:?}")),
                Number::Complex { .. } => None,
            },
            AstExpr::UnaryOp(it) => match &*it.operand {
                AstExpr::NumberLiteral(_) => self
                    .source
                    .get(it.range().start().to_usize()..it.range().end().to_usize())
                    .filter(|text| text.len() <= TEXT_MAX)
                    .map(str::to_owned),
                _ => None,
            },
            AstExpr::StringLiteral(it) => {
                let text = it.value.to_str();
                (text.len() <= TEXT_MAX).then(|| format!("'{text}'"))
            }
            AstExpr::BytesLiteral(_) => Some("b''".to_owned()),
            _ => None,
        };
        match text {
            Some(text) => {
                let name = self.name(&text);
                self.add(expr.range(), Expr::Literal(name))
            }
            None => self.add(expr.range(), Expr::Other),
        }
    }
}
