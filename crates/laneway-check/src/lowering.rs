//! From a file's text to its summary: the only module that knows the parser.

use ruff_python_ast::token::{TokenKind, Tokens};
use ruff_python_ast::{Expr as AstExpr, Stmt};
use ruff_python_parser::{Mode, ParseOptions};
use ruff_text_size::{Ranged, TextRange};
use rustc_hash::FxHashMap;

use crate::summary::{
    Binding, BranchId, Directive, Expr, ExprId, Facts, Head, LoopId, Meaning, Name, Node, Scope,
    ScopeId, ScopeKind, Span, Summary, SyntaxError,
};

mod branches;
mod expressions;
mod handlers;
mod loops;
mod patterns;
mod statements;

/// The stack that must be left before another level of nesting is entered.
const STACK_RED_ZONE: usize = 128 * 1024;
const STACK_PIECE: usize = 4 * 1024 * 1024;

/// What a literal string may have at most to be kept, in bytes.
const TEXT_MAX: usize = 80;

/// Reads a file as Python and keeps what the analysis needs.
///
/// A file with a syntax error gives what the parser understood of it, and the first error.
pub(crate) fn summarize(source: &str) -> Summary {
    let parsed = ruff_python_parser::parse_unchecked(source, ParseOptions::from(Mode::Module));
    let mut lowering = Lowering::new(source);
    if let Some(error) = parsed.errors().first() {
        let message = error.error.to_string();
        lowering.summary.syntax_error =
            Some(SyntaxError { at: error.location.start().to_u32(), message });
    }
    if source.contains("laneway:") {
        lowering.summary.directives = directives(source, parsed.tokens());
    }
    if let ruff_python_ast::Mod::Module(module) = parsed.syntax() {
        lowering.suite(&module.body);
        lowering.finish(&module.body);
    }
    lowering.summary.names.sort();
    lowering.summary
}

struct Lowering<'a> {
    source: &'a str,
    summary: Summary,
    known: FxHashMap<Box<str>, Name>,
    scope: ScopeId,
    facts: Facts,
    returns: Vec<ExprId>,
    inside: Option<LoopId>,
    exits: u32,
    guards: u32,
    branch: Option<BranchId>,
    /// Whether what the handlers guard asks for the running loop.
    asks: bool,
    kept: Vec<handlers::Kept>,
    block_end: u32,
    /// All nodes are said to be here while the text of an annotation is read.
    quoted: Option<Span>,
}

impl<'a> Lowering<'a> {
    fn new(source: &'a str) -> Self {
        let end = u32::try_from(source.len()).unwrap_or(u32::MAX);
        let mut lowering = Self {
            source,
            summary: Summary::default(),
            known: FxHashMap::default(),
            scope: ScopeId::MODULE,
            facts: Facts::default(),
            returns: Vec::new(),
            inside: None,
            exits: 0,
            guards: 0,
            branch: None,
            asks: false,
            kept: Vec::new(),
            block_end: end,
            quoted: None,
        };
        let name = lowering.name("<module>");
        lowering.summary.scopes.push(Scope {
            kind: ScopeKind::Module,
            name,
            parent: ScopeId::MODULE,
            span: Span { start: 0, end },
            name_span: Span::default(),
            decorators: Vec::new(),
            bases: Vec::new(),
            parameters: Vec::new(),
            returns_annotation: None,
            returns: Vec::new(),
            facts: Facts::default(),
        });
        lowering
    }

    /// What is known once the whole module was read.
    fn finish(&mut self, body: &[Stmt]) {
        let facts = self.facts;
        if let Some(module) = self.summary.scopes.first_mut() {
            module.facts = facts;
        }
        let is_head = |statement: &&Stmt| match statement {
            Stmt::Import(_) | Stmt::ImportFrom(_) => true,
            Stmt::Expr(it) => matches!(&*it.value, AstExpr::StringLiteral(_)),
            _ => false,
        };
        if let Some(last) = body.iter().take_while(is_head).last() {
            self.summary.head = Head { at: last.range().end().to_u32(), is_behind: true };
        }
    }

    fn name(&mut self, text: &str) -> Name {
        if let Some(name) = self.known.get(text) {
            return *name;
        }
        let name = self.summary.names.push(text);
        self.known.insert(text.into(), name);
        name
    }

    fn span(&self, range: TextRange) -> Span {
        self.quoted.unwrap_or(Span { start: range.start().to_u32(), end: range.end().to_u32() })
    }

    fn add(&mut self, range: TextRange, expr: Expr) -> ExprId {
        let id = ExprId(u32::try_from(self.summary.nodes.len()).unwrap_or(u32::MAX));
        let span = self.span(range);
        self.summary.nodes.push(Node { span, expr });
        id
    }

    fn bind(&mut self, name: &str, at: u32, meaning: Meaning) {
        let name = self.name(name);
        self.summary.bindings.push(Binding {
            scope: self.scope,
            name,
            at,
            block_end: self.block_end,
            meaning,
        });
    }

    /// Runs with more stack where little is left: nesting is as deep as the file likes.
    fn nested<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        stacker::maybe_grow(STACK_RED_ZONE, STACK_PIECE, || work(self))
    }

    /// An annotation, which may be written as a string.
    fn annotation(&mut self, annotation: &AstExpr) -> ExprId {
        let range = annotation.range();
        match annotation {
            AstExpr::StringLiteral(text) => {
                let value = text.value.to_str().to_owned();
                let Ok(parsed) = ruff_python_parser::parse_expression(value.trim()) else {
                    return self.add(range, Expr::Other);
                };
                let outer = self.quoted.replace(self.span(range));
                let id = self.nested(|lowering| lowering.annotation(parsed.expr()));
                self.quoted = outer;
                id
            }
            AstExpr::Name(name) => {
                let name = self.name(&name.id);
                self.add(range, Expr::Name(name))
            }
            AstExpr::Attribute(attribute) => {
                let object = self.nested(|lowering| lowering.annotation(&attribute.value));
                let name = self.name(&attribute.attr);
                self.add(range, Expr::Attribute(object, name))
            }
            AstExpr::BinOp(pair) => {
                let left = self.nested(|lowering| lowering.annotation(&pair.left));
                let right = self.annotation(&pair.right);
                self.add(range, Expr::Either(Box::new([left, right])))
            }
            AstExpr::Subscript(subscript) => {
                let value = self.annotation(&subscript.value);
                let index = self.nested(|lowering| lowering.annotation(&subscript.slice));
                self.add(range, Expr::Subscript(value, index))
            }
            AstExpr::Tuple(tuple) => {
                let parts = tuple.elts.iter().map(|part| self.annotation(part)).collect();
                self.add(range, Expr::Sequence(parts))
            }
            AstExpr::NoneLiteral(_) => {
                let name = self.name("None");
                self.add(range, Expr::Literal(name))
            }
            _ => self.add(range, Expr::Other),
        }
    }
}

/// Comments such as `# laneway: ok(read at start only)` or `# laneway: ok[LW104](small file)`.
fn directives(source: &str, tokens: &Tokens) -> Vec<Directive> {
    let comments = tokens.iter().filter(|token| token.kind() == TokenKind::Comment);
    comments.filter_map(|token| directive(source, token.range())).collect()
}

fn directive(source: &str, range: TextRange) -> Option<Directive> {
    let (start, end) = (range.start().to_usize(), range.end().to_usize());
    let text = source.get(start..end)?;
    let (_, rest) = text.split_once("laneway:")?;
    let rest = rest.trim_start().strip_prefix("ok")?;
    let (rules, rest) = match rest.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => ("", rest),
    };
    // `okay` is another word.
    if rest.starts_with(|it: char| it.is_alphanumeric() || it == '_') {
        return None;
    }
    let reason = rest.trim_start().strip_prefix('(').and_then(|rest| rest.rsplit_once(')'));
    let has_reason = reason.is_some_and(|(reason, _)| !reason.trim().is_empty());
    let line_start = source.get(..start)?.rfind('\n').map_or(0, |at| at + 1);
    let stands_alone = source.get(line_start..start)?.trim().is_empty();
    let line_end = |from: usize| {
        source.get(from..).and_then(|rest| rest.find('\n')).map_or(source.len(), |at| from + at)
    };
    let end = line_end(end);
    let (start, end) =
        if stands_alone { (end, line_end((end + 1).min(source.len()))) } else { (line_start, end) };
    let rules = rules.split(',').map(|rule| rule.trim().to_owned());
    Some(Directive {
        line: Span {
            start: u32::try_from(start).ok()?,
            end: u32::try_from(end).ok()?.saturating_add(1),
        },
        rules: rules.filter(|rule| !rule.is_empty()).collect(),
        has_reason,
    })
}
