//! What runs on an event loop: from every async function along the calls that stay on its thread.
//!
//! A sync function is a part of the graph once an async function reaches it. What is handed to a
//! thread, a process or an executor is not called there, so the way ends. The ways are searched
//! breadth first from all async functions at once: each function knows the shortest one.

use std::collections::VecDeque;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::knowledge::{Entry, Kind, Knowledge, Member, NodeId};
use crate::program::{Place, Program};
use crate::resolve::{Decoration, Resolver, Value};
use crate::summary::{Call, Expr, ExprId, LoopKind, ScopeKind, Use};

mod arguments;
mod branches;
mod conditions;
mod constants;
mod implicit;
mod reach;
mod stand_ins;

pub(crate) use arguments::{Given, given};
pub(crate) use conditions::Conditions;
pub(crate) use constants::Constant;
pub(crate) use reach::Reach;

/// A library's function, as it is called somewhere on a loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Callee {
    Named(NodeId),
    /// A member that is known as one of all members of a class.
    Every(NodeId),
}

impl Callee {
    pub(crate) fn entry(self, knowledge: &Knowledge) -> Option<&Entry> {
        match self {
            Self::Named(node) => knowledge.entry(node),
            Self::Every(class) => knowledge.every(class),
        }
    }
}

/// A call of a library's function on a loop.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Site {
    pub(crate) place: Place,
    pub(crate) expr: ExprId,
    pub(crate) callee: Callee,
    /// Whether it is all that the expression can mean.
    pub(crate) is_certain: bool,
    /// The expression is not the call itself, but what `with` or `for` calls.
    pub(crate) is_implicit: bool,
}

/// A call that keeps running on the same thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Edge {
    pub(crate) caller: Place,
    pub(crate) callee: Place,
    pub(crate) expr: ExprId,
    pub(crate) is_certain: bool,
}

/// All that runs on loops.
#[derive(Debug)]
pub(crate) struct Graph {
    pub(crate) sites: Vec<Site>,
    pub(crate) edges: Vec<Edge>,
    /// Where the loop begins to run code: async functions, and callbacks of the loop.
    pub(crate) entries: Vec<Place>,
    pub(crate) on_loop: FxHashSet<Place>,
    /// Parameters to which somebody passes a function that is known.
    pub(crate) passed: FxHashSet<(Place, u32)>,
    /// Edges to one of several classes that may stand behind a base.
    pub(crate) guesses: FxHashSet<(Place, Place, ExprId)>,
    /// Classes of which a loop makes objects, and their bases.
    pub(crate) constructed: FxHashSet<Place>,
    /// Functions that are called otherwise than their edges say: by a loop, as a value that was
    /// passed on, or by the language.
    pub(crate) open: FxHashSet<Place>,
    /// Who awaits an async function of the program.
    pub(crate) awaited_by: FxHashMap<Place, Vec<Place>>,
}

/// The search, while it goes on.
struct Search<'a> {
    resolver: &'a Resolver<'a>,
    program: &'a Program,
    queue: VecDeque<Place>,
    graph: Graph,
    known_edges: FxHashSet<(Place, Place, ExprId)>,
    /// Functions that call a parameter of theirs.
    called_parameters: FxHashSet<(Place, u32)>,
    /// What was passed to a parameter: who did it, where, and what.
    passed: FxHashMap<(Place, u32), Vec<Passed>>,
    properties: FxHashSet<String>,
    branches: branches::Branches<'a>,
}

#[derive(Debug, Clone, Copy)]
struct Passed {
    caller: Place,
    expr: ExprId,
    value: Value,
}

impl Graph {
    /// Follows all calls from all async functions of a program.
    pub(crate) fn build(resolver: &Resolver<'_>, wanted: &[bool]) -> Self {
        let mut search = Search {
            resolver,
            program: resolver.program,
            queue: VecDeque::new(),
            graph: Self {
                sites: Vec::new(),
                edges: Vec::new(),
                entries: Vec::new(),
                on_loop: FxHashSet::default(),
                passed: FxHashSet::default(),
                guesses: FxHashSet::default(),
                constructed: FxHashSet::default(),
                open: FxHashSet::default(),
                awaited_by: FxHashMap::default(),
            },
            known_edges: FxHashSet::default(),
            called_parameters: FxHashSet::default(),
            passed: FxHashMap::default(),
            properties: properties(resolver.program),
            branches: branches::Branches::default(),
        };
        let wanted = wanted.iter().copied().chain(std::iter::repeat(true));
        for ((file, source), _) in search.program.files().zip(wanted).filter(|(_, it)| *it) {
            for (at, scope) in (0..).zip(&source.summary.scopes) {
                if scope.kind == ScopeKind::Async {
                    search.enter(Place { file, scope: crate::summary::ScopeId(at) });
                }
            }
        }
        search.wrappers();
        search.run();
        search.graph.passed = search.passed.keys().copied().collect();
        search.graph.open = std::mem::take(&mut search.branches.open);
        search.graph
    }

    /// Whether a loop runs a function.
    pub(crate) fn is_on_loop(&self, place: Place) -> bool {
        self.on_loop.contains(&place)
    }
}

/// The names of all properties: other attributes need not be looked at.
fn properties(program: &Program) -> FxHashSet<String> {
    let mut names = FxHashSet::default();
    for (_, file) in program.files() {
        let summary = &file.summary;
        for scope in &summary.scopes {
            let is_property = scope.decorators.iter().any(|decorator| {
                matches!(
                    summary.last_name(*decorator),
                    Some("property" | "cached_property" | "hybrid_property")
                )
            });
            if is_property && scope.kind == ScopeKind::Function {
                names.insert(summary.text(scope.name).to_owned());
            }
        }
    }
    names
}

impl Search<'_> {
    /// The loop itself runs this.
    fn enter(&mut self, place: Place) {
        self.give_all(place);
        if self.graph.on_loop.insert(place) {
            self.graph.entries.push(place);
            self.queue.push_back(place);
        }
    }

    fn run(&mut self) {
        loop {
            if let Some(place) = self.queue.pop_front() {
                self.visit(place);
            } else if let Some((place, call)) = self.woken() {
                self.consider(place, call);
            } else {
                return;
            }
        }
    }

    fn visit(&mut self, place: Place) {
        let program = self.program;
        for call in program.calls(place).filter(|call| !call.is_guarded) {
            self.consider(place, call);
        }
        self.implicit_calls(place);
    }

    fn edge(&mut self, edge: Edge) {
        let Some(scope) = self.program.scope(edge.callee) else { return };
        self.give(edge);
        if !scope.kind.is_function()
            || !self.known_edges.insert((edge.caller, edge.callee, edge.expr))
        {
            return;
        }
        self.graph.edges.push(edge);
        if scope.kind != ScopeKind::Async && self.graph.on_loop.insert(edge.callee) {
            self.queue.push_back(edge.callee);
        }
    }

    fn call(&mut self, place: Place, call: &Call) {
        let summary = self.program.summary(place.file);
        let Expr::Call { function, arguments } = summary.expr(call.expr) else { return };
        let callees = self.resolver.values(place, *function);
        let is_certain = callees.len() == 1;
        // What is awaited is the async one of a client's two forms.
        let is_async = call.used.is_asynchronous()
            && callees
                .iter()
                .any(|it| function_of(*it).is_some_and(|it| self.resolver.is_async(it)));
        for callee in callees.iter() {
            let has_twin = |it: Place| {
                // Who asks whether it can be awaited means both.
                call.used != Use::Asked && self.has_twin(place, it, &callees)
            };
            if function_of(*callee).is_some_and(|it| is_async || has_twin(it)) {
                continue;
            }
            match *callee {
                Value::Known(node) => {
                    let callee = Callee::Named(node);
                    self.library_call(place, call, callee, is_certain);
                }
                Value::AnyMethod(class) => {
                    self.library_call(place, call, Callee::Every(class), is_certain);
                }
                Value::Function(callee) | Value::Method(callee) => {
                    let edge = Edge { caller: place, callee, expr: call.expr, is_certain };
                    self.function_call(edge, call.used);
                    let is_bound = matches!(
                        self.resolver.values(place, *function).first(),
                        Some(Value::Method(_))
                    );
                    self.pass_arguments(edge, arguments, is_bound);
                }
                Value::Class(class) => self.construct(place, call, class, is_certain),
                Value::Instance(class) => {
                    self.method_call(place, call.expr, Value::Instance(class), "__call__");
                }
                Value::Object(class) => {
                    let member = self.resolver.knowledge.member(class, "__call__");
                    if let Some(Member::Named(node)) = member {
                        self.library_call(place, call, Callee::Named(node), is_certain);
                    }
                }
                Value::Parameter(owner, index) if owner == place => {
                    self.parameter_is_called(owner, index);
                }
                _ => {}
            }
        }
    }

    /// Whether a function stands beside its form for event loops, in code of a loop: it is for
    /// the other case, whichever way that is told.
    fn has_twin(&self, place: Place, function: Place, callees: &[Value]) -> bool {
        let name = |place: Place| {
            let name = self.program.scope(place)?.name;
            Some(self.program.summary(place.file).text(name))
        };
        let is_async = || self.program.scope(place).is_some_and(|it| it.kind == ScopeKind::Async);
        let Some(own) = name(function).filter(|_| callees.len() > 1 && is_async()) else {
            return false;
        };
        callees.iter().filter_map(|it| function_of(*it)).any(|other| {
            let is_async = self.resolver.is_async(other);
            let is_named_so = name(other).is_some_and(|name| {
                let prefix = name.strip_suffix(own);
                name.strip_prefix(own) == Some("_async")
                    || prefix == Some("async_")
                    // Many a word begins so.
                    || prefix == Some("a") && is_async
            });
            is_named_so && (is_async || self.may_be_of_loop(other))
        })
    }

    /// Whether a sync function may be a form for event loops: what it gives is entered or awaited.
    fn may_be_of_loop(&self, function: Place) -> bool {
        let mut decorators = self.resolver.decorator_names(function);
        decorators.any(|name| matches!(name, "contextmanager" | "asynccontextmanager"))
            || self.is_said_to_be_awaited(function)
    }

    /// A call of a function of the program.
    fn function_call(&mut self, edge: Edge, used: Use) {
        if self.resolver.is_async(edge.callee) {
            self.graph.awaited_by.entry(edge.callee).or_default().push(edge.caller);
        }
        if !self.may_be_used(edge.callee, used) {
            return;
        }
        match self.resolver.decoration(edge.callee) {
            Decoration::Cut | Decoration::Known(_) | Decoration::Async(_) => {}
            Decoration::Sync(wrapper) => {
                self.give_all(wrapper);
                self.edge(Edge { callee: wrapper, ..edge });
                // What is awaited is what the wrapper has put in the place of the function.
                if !used.is_asynchronous() {
                    self.edge(edge);
                }
            }
            Decoration::Plain => {
                // A sync function that is awaited behind a decorator is not sync any more.
                let is_decorated = self
                    .program
                    .scope(edge.callee)
                    .is_some_and(|scope| !scope.decorators.is_empty());
                let is_made_async = is_decorated
                    && used.is_asynchronous()
                    && !self.resolver.is_async(edge.callee)
                    && !self.is_plain_method(edge.callee);
                if !is_made_async && !self.resolver.is_async(edge.callee) {
                    let stand_ins = self.stand_ins(edge);
                    let is_guess = stand_ins.len() > 1;
                    for callee in stand_ins {
                        if !self.resolver.is_async(callee) {
                            if is_guess {
                                self.graph.guesses.insert((edge.caller, callee, edge.expr));
                            }
                            self.edge(Edge { callee, is_certain: false, ..edge });
                        }
                    }
                    self.edge(edge);
                }
            }
        }
    }

    /// Whether a sync function may give what is used so; if not, another one is called here.
    fn may_be_used(&self, function: Place, used: Use) -> bool {
        const ENTERED: &[&str] = &["Generator", "Iterator", "ContextManager"];
        const ITERATED: &[&str] = &["Generator", "Iterator", "Iterable", "list", "List", "dict"];
        let is_async = self.resolver.is_async(function);
        match used {
            Use::Awaited => self.may_be_awaited(function),
            Use::Entered if !is_async => {
                let mut names = self.resolver.decorator_names(function);
                names.all(|name| name != "contextmanager") && !self.gives(function, ENTERED)
            }
            Use::Iterated if !is_async => !self.gives(function, ITERATED),
            _ => true,
        }
    }

    /// Whether a function is a generator, or is annotated to give `None` or one of these.
    fn gives(&self, function: Place, classes: &[&str]) -> bool {
        let Some(scope) = self.program.scope(function) else { return false };
        let summary = self.program.summary(function.file);
        let is_annotated = scope.returns_annotation.is_some_and(|annotation| {
            let name = match summary.expr(annotation) {
                Expr::Subscript(generic, _) => summary.last_name(*generic),
                _ => summary.last_name(annotation),
            };
            name.is_some_and(|name| classes.contains(&name))
                || summary.literal(annotation).is_some()
        });
        scope.facts.yields > 0 || is_annotated
    }

    /// Whether a sync function may give something to await; if not, another one is called here.
    fn may_be_awaited(&self, function: Place) -> bool {
        const AWAITED: &[&str] =
            &["Awaitable", "Coroutine", "Future", "Task", "Any", "Self", "T", "R", "object"];
        let Some(scope) = self.program.scope(function) else { return false };
        let summary = self.program.summary(function.file);
        match scope.returns_annotation {
            _ if scope.kind == ScopeKind::Async => true,
            None => !scope.returns.is_empty() || scope.facts.is_stub,
            Some(annotation) => {
                let name = match summary.expr(annotation) {
                    Expr::Subscript(generic, _) => summary.last_name(*generic),
                    Expr::Either(_) => return true,
                    _ => summary.last_name(annotation),
                };
                name.is_none_or(|name| {
                    AWAITED.contains(&name) || name.ends_with("Future") || name.ends_with("Task")
                }) && summary.literal(annotation).is_none()
            }
        }
    }

    fn is_plain_method(&self, function: Place) -> bool {
        self.resolver.decorator_names(function).all(|name| {
            matches!(
                name,
                "staticmethod" | "classmethod" | "override" | "abstractmethod" | "overload"
            )
        })
    }

    /// A method of a value, called by the language or by name.
    pub(super) fn method_call(&mut self, place: Place, expr: ExprId, object: Value, method: &str) {
        let mut callees = Vec::new();
        self.resolver.attribute(object, method, &mut callees);
        for callee in callees {
            match callee {
                Value::Function(callee) | Value::Method(callee) => {
                    let edge = Edge { caller: place, callee, expr, is_certain: true };
                    self.function_call(edge, Use::Other);
                }
                Value::Known(node) => self.site(Site {
                    place,
                    expr,
                    callee: Callee::Named(node),
                    is_certain: true,
                    is_implicit: true,
                }),
                _ => {}
            }
        }
    }

    fn construct(&mut self, place: Place, call: &Call, class: Place, is_certain: bool) {
        if !self.graph.constructed.contains(&class) {
            let ancestors = self.resolver.ancestors(class).into_iter();
            self.graph.constructed.extend(ancestors.filter_map(|it| match it {
                Value::Class(it) => Some(it),
                _ => None,
            }));
        }
        for method in ["__new__", "__init__", "__post_init__"] {
            self.method_call(place, call.expr, Value::Instance(class), method);
        }
        // A class of the program behind which a library's constructor waits.
        let own_init = self.program.name(class.file, "__init__");
        let has_init = own_init.is_some_and(|name| !self.program.bindings(class, name).is_empty());
        if !has_init {
            for base in self.resolver.bases(class).iter() {
                if let Value::Known(node) = base {
                    self.library_call(place, call, Callee::Named(*node), is_certain);
                }
            }
        }
    }

    fn library_call(&mut self, place: Place, call: &Call, callee: Callee, is_certain: bool) {
        let summary = self.program.summary(place.file);
        let Some(entry) = callee.entry(self.resolver.knowledge) else { return };
        let Expr::Call { arguments, .. } = summary.expr(call.expr) else { return };
        match entry.kind {
            Kind::Calls => self.call_arguments(place, call.expr, arguments),
            Kind::Callback => {
                let at = entry.callable.unwrap_or(0);
                if let Some(argument) = crate::knowledge::positional(summary, arguments, at) {
                    for value in self.resolver.values(place, argument.value).iter() {
                        if let Value::Function(function) | Value::Method(function) = value {
                            self.enter(*function);
                        }
                    }
                }
            }
            _ => {}
        }
        let is_async = call.used.is_asynchronous() || self.gives_awaitable(place, call);
        if is_async && entry.kind.blocks() {
            return;
        }
        if entry.is_guilty(summary, arguments) {
            self.site(Site { place, expr: call.expr, callee, is_certain, is_implicit: false });
        }
    }

    /// Whether a call is what its function returns, which is said to be there to be awaited.
    fn gives_awaitable(&self, place: Place, call: &Call) -> bool {
        let Some(scope) = self.program.scope(place) else { return false };
        scope.kind == ScopeKind::Function
            && scope.returns.contains(&call.expr)
            && self.is_said_to_be_awaited(place)
    }

    /// Whether a function is annotated to give something that is there to be awaited.
    fn is_said_to_be_awaited(&self, function: Place) -> bool {
        let Some(scope) = self.program.scope(function) else { return false };
        let Some(annotation) = scope.returns_annotation else { return false };
        let class = match self.program.summary(function.file).expr(annotation) {
            Expr::Subscript(generic, _) => *generic,
            _ => annotation,
        };
        let outer = Place { file: function.file, scope: scope.parent };
        // A program may have a `Task` of its own.
        self.resolver.library_path(outer, class).is_some_and(|path| {
            let (module, name) = path.rsplit_once('.').unwrap_or_default();
            match name {
                "Awaitable" | "Coroutine" => matches!(module, "typing" | "collections.abc"),
                "Future" | "Task" => module == "asyncio",
                _ => false,
            }
        })
    }

    pub(super) fn site(&mut self, site: Site) {
        if site.callee.entry(self.resolver.knowledge).is_some() {
            self.graph.sites.push(site);
        }
    }

    /// Async wrappers of decorators run the sync functions they were put around.
    fn wrappers(&mut self) {
        let program = self.program;
        for (file, source) in program.files() {
            for (at, scope) in (0..).zip(&source.summary.scopes) {
                let function = Place { file, scope: crate::summary::ScopeId(at) };
                if scope.kind != ScopeKind::Function || scope.decorators.is_empty() {
                    continue;
                }
                let Decoration::Async(wrapper) = self.resolver.decoration(function) else {
                    continue;
                };
                let Some(decorator) = program.outer(wrapper) else { continue };
                if self.resolver.calls_parameter(wrapper, decorator)
                    && let Some(call) = program.calls(wrapper).next()
                {
                    let expr = self.parameter_call(wrapper, decorator).unwrap_or(call.expr);
                    self.give_all(function);
                    self.edge(Edge { caller: wrapper, callee: function, expr, is_certain: true });
                }
            }
        }
    }

    fn parameter_call(&self, wrapper: Place, decorator: Place) -> Option<ExprId> {
        let summary = self.program.summary(wrapper.file);
        let mut calls = self.program.calls(wrapper).filter(|call| !call.used.is_asynchronous());
        let found = calls.find(|call| {
            let Expr::Call { function, .. } = summary.expr(call.expr) else { return false };
            let callees = self.resolver.values(wrapper, *function);
            callees.iter().any(|it| matches!(it, Value::Parameter(place, _) if *place == decorator))
        });
        found.map(|call| call.expr)
    }
}

fn function_of(value: Value) -> Option<Place> {
    match value {
        Value::Function(function) | Value::Method(function) => Some(function),
        _ => None,
    }
}

/// Whether a loop of the text runs its iterated value's methods.
const fn is_sync_loop(kind: LoopKind) -> bool {
    matches!(kind, LoopKind::For | LoopKind::Comprehension)
}
