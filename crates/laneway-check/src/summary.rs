//! What the analysis keeps of a file: its scopes, bindings, calls and loops, without its syntax.
//!
//! A summary depends on the file's text alone, so it can be kept on disk. All names are numbers of
//! its own table of strings; expressions are numbers of one table of nodes.

use serde::{Deserialize, Serialize};

/// Changes with the form or the meaning of a summary; an older one on disk is made again.
pub(crate) const VERSION: u32 = 11;

/// A piece of the text, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    pub(crate) const fn contains(self, offset: u32) -> bool {
        self.start <= offset && offset < self.end
    }
}

/// A number of a file's table of strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Name(pub(crate) u32);

/// A file's strings, one behind the other: there are too many to have memory of their own each.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Names {
    text: String,
    ends: Vec<u32>,
    /// Their numbers in the order of the texts.
    sorted: Vec<u32>,
}

impl Names {
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn text(&self, name: Name) -> &str {
        let at = name.0 as usize;
        let start = at.checked_sub(1).and_then(|before| self.ends.get(before)).copied();
        let start = start.unwrap_or(0) as usize;
        self.ends.get(at).and_then(|end| self.text.get(start..*end as usize)).unwrap_or("")
    }

    /// Adds a text that is not there yet.
    pub(crate) fn push(&mut self, text: &str) -> Name {
        let name = Name(u32::try_from(self.ends.len()).unwrap_or(u32::MAX));
        self.text.push_str(text);
        self.ends.push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
        name
    }

    /// Makes the texts to be found; nothing is added any more.
    pub(crate) fn sort(&mut self) {
        let mut sorted: Vec<u32> = (0..).take(self.len()).collect();
        sorted.sort_unstable_by_key(|at| self.text(Name(*at)));
        self.sorted = sorted;
        self.text.shrink_to_fit();
    }

    /// The number of a text.
    pub(crate) fn find(&self, text: &str) -> Option<Name> {
        let found = self.sorted.binary_search_by_key(&text, |at| self.text(Name(*at)));
        found.ok().and_then(|at| self.sorted.get(at)).map(|at| Name(*at))
    }
}

/// A number of a file's table of expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct ExprId(pub(crate) u32);

/// A number of a file's table of scopes; 0 is the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct ScopeId(pub(crate) u32);

impl ScopeId {
    pub(crate) const MODULE: Self = Self(0);
}

/// A number of a file's table of loops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct LoopId(pub(crate) u32);

/// A number of a file's table of branches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct BranchId(pub(crate) u32);

/// An expression, as far as it can say what is called on what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Expr {
    Name(Name),
    Attribute(ExprId, Name),
    Call {
        function: ExprId,
        arguments: Box<[Argument]>,
    },
    /// A number, a constant such as `None`, or a short string, as its source would be written.
    Literal(Name),
    Await(ExprId),
    Subscript(ExprId, ExprId),
    /// One of these, which is not known: `a or b`, `a if c else b`, `A | B`.
    Either(Box<[ExprId]>),
    /// Any other operation on two values.
    Binary(ExprId, ExprId),
    /// A tuple, list or set display.
    Sequence(Box<[ExprId]>),
    /// `lambda`, with the scope of its body.
    Lambda(ScopeId),
    /// A comprehension or generator expression.
    Comprehension {
        element: ExprId,
        iterated: ExprId,
    },
    Starred(ExprId),
    /// `not x`.
    Not(ExprId),
    Compare(ExprId, Comparison, ExprId),
    Other,
}

/// A comparison that can decide a branch before the program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Comparison {
    /// `is` or `==`.
    Same,
    /// `is not` or `!=`.
    Different,
}

/// An argument of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Argument {
    pub(crate) keyword: Option<Name>,
    pub(crate) value: ExprId,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) expr: Expr,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ScopeKind {
    Module,
    Class,
    Function,
    Async,
    Lambda,
}

impl ScopeKind {
    /// Whether names of it are seen from the scopes inside.
    pub(crate) const fn is_seen_inside(self) -> bool {
        !matches!(self, Self::Class)
    }

    pub(crate) const fn is_function(self) -> bool {
        matches!(self, Self::Function | Self::Async | Self::Lambda)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Scope {
    pub(crate) kind: ScopeKind,
    pub(crate) name: Name,
    pub(crate) parent: ScopeId,
    pub(crate) span: Span,
    /// The name in its definition, or all of a lambda.
    pub(crate) name_span: Span,
    pub(crate) decorators: Vec<ExprId>,
    /// Base classes, or nothing.
    pub(crate) bases: Vec<ExprId>,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) returns_annotation: Option<ExprId>,
    pub(crate) returns: Vec<ExprId>,
    pub(crate) facts: Facts,
}

/// What the body of a function does, apart from its calls.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Facts {
    pub(crate) awaits: u32,
    pub(crate) yields: u32,
    pub(crate) statements: u32,
    /// The body is nothing but a docstring, `pass`, `...` or `raise NotImplementedError`.
    pub(crate) is_stub: bool,
    /// The body is nothing but a docstring and `return` with a literal.
    pub(crate) is_constant: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Parameter {
    pub(crate) name: Name,
    pub(crate) annotation: Option<ExprId>,
    pub(crate) default: Option<ExprId>,
    pub(crate) form: ParameterForm,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ParameterForm {
    Positional,
    KeywordOnly,
    Rest,
}

/// How a name comes to mean something.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Binding {
    pub(crate) scope: ScopeId,
    pub(crate) name: Name,
    /// Where it happens.
    pub(crate) at: u32,
    /// Where the block ends in which it happens: after it, another branch may have been taken.
    pub(crate) block_end: u32,
    pub(crate) meaning: Meaning,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Meaning {
    /// `import a.b` (binds `a`) or `import a.b as c` (binds all of it).
    Module(Name),
    /// `from module import name`, with the number of leading dots.
    From {
        module: Option<Name>,
        level: u32,
        name: Name,
    },
    Function(ScopeId),
    Class(ScopeId),
    Value {
        value: Option<ExprId>,
        annotation: Option<ExprId>,
    },
    Parameter(u32),
    /// What it was before, of which only objects of a class are left.
    Narrowed {
        value: ExprId,
        class: ExprId,
    },
    /// An element of what is iterated.
    Element(ExprId),
    /// What `with` gives.
    Entered {
        context: ExprId,
        is_async: bool,
    },
    /// One of several values unpacked from an expression.
    Unpacked(ExprId),
    /// The name is that of an outer scope: `global` or `nonlocal`.
    Outer {
        is_global: bool,
    },
    Unknown,
}

/// An assignment to an attribute, such as `self.client = …`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AttributeBinding {
    pub(crate) scope: ScopeId,
    pub(crate) object: ExprId,
    pub(crate) attribute: Name,
    pub(crate) value: Option<ExprId>,
    pub(crate) annotation: Option<ExprId>,
    pub(crate) span: Span,
}

/// What becomes of the value of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Use {
    Discarded,
    /// It is awaited, at once, by its name, or by a task that is made of it.
    Awaited,
    /// It is awaited if a test shows that it can be.
    Asked,
    /// `async with` enters it.
    Entered,
    /// `async for` iterates it.
    Iterated,
    Assigned(Name),
    /// It decides a condition.
    Tested,
    Other,
}

impl Use {
    /// Whether only what belongs to a loop can be used so.
    pub(crate) const fn is_asynchronous(self) -> bool {
        matches!(self, Self::Awaited | Self::Entered | Self::Iterated)
    }
}

/// What must be so where the code of a branch runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Branch {
    /// The branch around it in the same function.
    pub(crate) parent: Option<BranchId>,
    pub(crate) condition: Condition,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Condition {
    Holds(ExprId),
    Fails(ExprId),
    /// A question for the running loop has failed.
    NoLoop,
    /// Somebody takes the `BlockingIOError` of what would wait.
    WithoutWaiting,
    /// Somebody takes the `RuntimeError` of what needs a loop.
    WithoutLoop,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Call {
    pub(crate) expr: ExprId,
    pub(crate) scope: ScopeId,
    pub(crate) used: Use,
    pub(crate) inside: Option<LoopId>,
    /// It is only for type checkers, or only for a run as a script.
    pub(crate) is_guarded: bool,
    pub(crate) branch: Option<BranchId>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct With {
    pub(crate) scope: ScopeId,
    pub(crate) span: Span,
    pub(crate) contexts: Vec<ExprId>,
    pub(crate) is_async: bool,
    /// Awaits in its body.
    pub(crate) awaits: u32,
    pub(crate) is_guarded: bool,
    pub(crate) branch: Option<BranchId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum LoopKind {
    For,
    AsyncFor,
    While,
    Comprehension,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Loop {
    pub(crate) scope: ScopeId,
    pub(crate) parent: Option<LoopId>,
    pub(crate) kind: LoopKind,
    pub(crate) span: Span,
    /// The first line of it, as a piece of the text.
    pub(crate) head: Span,
    /// What is iterated, or the condition.
    pub(crate) subject: ExprId,
    pub(crate) targets: Vec<Name>,
    pub(crate) facts: LoopFacts,
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct LoopFacts {
    pub(crate) awaits: u32,
    /// Statements directly in its body.
    pub(crate) statements: u32,
    /// `break`, `return`, `raise` or `yield` somewhere in it.
    pub(crate) exits: u32,
    /// The condition of `while` always holds.
    pub(crate) is_endless: bool,
    /// The single await of the body, when it stands as a statement, an assignment or an argument
    /// of `append`.
    pub(crate) only_await: Option<ExprId>,
    /// A name is assigned in the body and read there before.
    pub(crate) carries: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Handler {
    pub(crate) scope: ScopeId,
    pub(crate) head: Span,
    /// Empty when it catches everything.
    pub(crate) exceptions: Vec<ExprId>,
    pub(crate) end: HandlerEnd,
    /// Whether an earlier handler of the same `try` takes `CancelledError` and raises it again.
    pub(crate) cancellation_is_handled: bool,
    /// What it guards.
    pub(crate) guarded: Span,
    /// Awaits in that.
    pub(crate) guarded_awaits: u32,
    pub(crate) inside: Option<LoopId>,
}

/// How a handler goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum HandlerEnd {
    /// A `raise` stands in it, it leaves with the exception for who will raise it, or it takes the
    /// cancellation back.
    Raises,
    /// It puts the exception, or that there was one, where others find it, and goes on.
    Tells,
    /// It tells by a test whether it was meant, and leaves then.
    Decides,
    /// It ends the function or the loop.
    Leaves,
    GoesOn,
}

/// An import, for rules that look at where it stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ImportStatement {
    pub(crate) scope: ScopeId,
    pub(crate) span: Span,
    pub(crate) module: Option<Name>,
    pub(crate) level: u32,
    pub(crate) names: Vec<Name>,
    pub(crate) is_guarded: bool,
}

/// A comment that speaks to the analysis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Directive {
    /// Where the line begins and ends that it is about.
    pub(crate) line: Span,
    /// The rules it is about; all when empty.
    pub(crate) rules: Vec<String>,
    /// A reason is what makes it a decision.
    pub(crate) has_reason: bool,
}

/// All that is kept of a file.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Summary {
    pub(crate) names: Names,
    pub(crate) nodes: Vec<Node>,
    pub(crate) scopes: Vec<Scope>,
    pub(crate) bindings: Vec<Binding>,
    pub(crate) attributes: Vec<AttributeBinding>,
    pub(crate) calls: Vec<Call>,
    pub(crate) branches: Vec<Branch>,
    /// Attributes that are read and not called, by scope.
    pub(crate) reads: Vec<(ExprId, ScopeId)>,
    pub(crate) withs: Vec<With>,
    pub(crate) loops: Vec<Loop>,
    pub(crate) handlers: Vec<Handler>,
    pub(crate) imports: Vec<ImportStatement>,
    pub(crate) directives: Vec<Directive>,
    /// What `__all__` and star imports need: the modules of `from … import *`.
    pub(crate) stars: Vec<(Option<Name>, u32)>,
    pub(crate) syntax_error: Option<SyntaxError>,
    /// Where an import can be put, and whether other imports or a docstring come before it.
    pub(crate) head: Head,
}

/// The end of the imports with which a file begins.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Head {
    pub(crate) at: u32,
    pub(crate) is_behind: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SyntaxError {
    pub(crate) at: u32,
    pub(crate) message: String,
}

const OTHER: Node = Node { span: Span { start: 0, end: 0 }, expr: Expr::Other };

impl Summary {
    pub(crate) fn text(&self, name: Name) -> &str {
        self.names.text(name)
    }

    pub(crate) fn node(&self, id: ExprId) -> &Node {
        self.nodes.get(id.0 as usize).unwrap_or(&OTHER)
    }

    pub(crate) fn expr(&self, id: ExprId) -> &Expr {
        &self.node(id).expr
    }

    pub(crate) fn scope(&self, id: ScopeId) -> Option<&Scope> {
        self.scopes.get(id.0 as usize)
    }

    pub(crate) fn loop_at(&self, id: LoopId) -> Option<&Loop> {
        self.loops.get(id.0 as usize)
    }

    /// The conditions of a branch and of all around it, from the inside.
    pub(crate) fn conditions(&self, branch: Option<BranchId>) -> impl Iterator<Item = Condition> {
        let at = |id: BranchId| self.branches.get(id.0 as usize);
        let all = std::iter::successors(branch.and_then(at), move |it| it.parent.and_then(at));
        all.map(|it| it.condition)
    }

    /// The dotted name that an expression spells, such as `asyncio.sleep`.
    pub(crate) fn dotted(&self, id: ExprId) -> Option<String> {
        match self.expr(id) {
            Expr::Name(name) => Some(self.text(*name).to_owned()),
            Expr::Attribute(object, name) => {
                Some(format!("{}.{}", self.dotted(*object)?, self.text(*name)))
            }
            _ => None,
        }
    }

    /// The last name of a dotted one.
    pub(crate) fn last_name(&self, id: ExprId) -> Option<&str> {
        match self.expr(id) {
            Expr::Name(name) | Expr::Attribute(_, name) => Some(self.text(*name)),
            _ => None,
        }
    }

    /// The text of a literal as its source would be written.
    pub(crate) fn literal(&self, id: ExprId) -> Option<&str> {
        match self.expr(id) {
            Expr::Literal(name) => Some(self.text(*name)),
            _ => None,
        }
    }
}
