//! Tests that are decided before the program runs, by literals, members of enumerations, functions
//! that return one, and by the fact that it is a loop that runs the code.

use super::constants::{Constant, NUMBERED};
use crate::program::{Place, Program};
use crate::resolve::{Decoration, Resolver, Value};
use crate::summary::{BranchId, Comparison, Condition, Expr, ExprId, Meaning, Name};

/// The classes of the standard library whose members are each other's only equals.
const ENUMERATIONS: &[&str] =
    &["enum.Enum", "enum.IntEnum", "enum.StrEnum", "enum.Flag", "enum.IntFlag"];

/// Functions whose answer is yes, or a loop, where a loop runs.
const ANSWERED: &[&str] = &[
    "get_running_loop",
    "_get_running_loop",
    "current_async_library",
    "is_in_async_context",
    "in_async_context",
    "is_async_context",
    "in_event_loop",
    "is_in_event_loop",
    "has_running_loop",
];

/// How deep a test is looked into.
const STEPS_MAX: u8 = 8;

/// What a parameter of the function is, by its number.
pub(crate) type Parameters<'q, 'a> = &'q dyn Fn(u32) -> Option<Constant<'a>>;

/// What decides tests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Conditions<'a> {
    resolver: &'a Resolver<'a>,
}

/// A question about one function, and which parameters it was answered by.
struct Question<'q, 'a> {
    place: Place,
    value: Parameters<'q, 'a>,
    parameters: Vec<u32>,
    steps: u8,
}

impl<'a> Conditions<'a> {
    pub(crate) fn new(resolver: &'a Resolver<'a>) -> Self {
        Self { resolver }
    }

    fn program(self) -> &'a Program {
        self.resolver.program
    }

    /// Whether a branch may be taken; if that needs parameters that were not given, it says which.
    pub(crate) fn is_taken(
        self,
        (place, branch): (Place, Option<BranchId>),
        value: Parameters<'_, 'a>,
        waits: &mut Vec<u32>,
    ) -> bool {
        for condition in self.program().summary(place.file).conditions(branch) {
            let (test, holds) = match condition {
                Condition::Holds(test) => (test, true),
                Condition::Fails(test) => (test, false),
                Condition::NoLoop => return false,
                Condition::WithoutWaiting | Condition::WithoutLoop => continue,
            };
            let mut question = Question { place, value, parameters: Vec::new(), steps: STEPS_MAX };
            if self.truth(&mut question, test).is_some_and(|truth| truth != holds) {
                if question.parameters.is_empty() {
                    return false;
                }
                waits.append(&mut question.parameters);
            }
        }
        true
    }

    /// Whether a test holds, where that is certain.
    fn truth(self, question: &mut Question<'_, 'a>, test: ExprId) -> Option<bool> {
        question.steps = question.steps.checked_sub(1)?;
        let summary = self.program().summary(question.place.file);
        match summary.expr(test) {
            Expr::Not(inner) => self.truth(question, *inner).map(|it| !it),
            Expr::Compare(left, comparison, right) => {
                let same = self.are_same(question, *left, *right)?;
                Some(same == (*comparison == Comparison::Same))
            }
            _ if self.is_answered(question.place, test) => Some(true),
            _ => self.constant(question, test)?.truth(),
        }
    }

    fn are_same(
        self,
        question: &mut Question<'_, 'a>,
        left: ExprId,
        right: ExprId,
    ) -> Option<bool> {
        let place = question.place;
        // The thread that asks is the loop's.
        if self.is_thread(place, left) && self.is_thread(place, right)
            || self.is_thread(place, left) && self.names_loop(place, right)
            || self.is_thread(place, right) && self.names_loop(place, left)
        {
            return Some(true);
        }
        let is_none = |it: ExprId| self.program().summary(place.file).literal(it) == Some("None");
        if self.is_answered(place, left) && is_none(right) {
            return Some(false);
        }
        self.constant(question, left)?.is_same(self.constant(question, right)?)
    }

    /// `threading.get_ident()`, `threading.current_thread()` and what belongs to them.
    fn is_thread(self, place: Place, expr: ExprId) -> bool {
        let summary = self.program().summary(place.file);
        match summary.expr(expr) {
            Expr::Call { function, .. } => matches!(
                summary.last_name(*function),
                Some("get_ident" | "get_native_id" | "current_thread" | "main_thread")
            ),
            Expr::Attribute(object, _) => self.is_thread(place, *object),
            _ => false,
        }
    }

    /// Whether a name says that it is the loop's or the main thread.
    fn names_loop(self, place: Place, expr: ExprId) -> bool {
        let dotted = self.program().summary(place.file).dotted(expr).unwrap_or_default();
        let dotted = dotted.to_ascii_lowercase();
        dotted.contains("thread") && (dotted.contains("loop") || dotted.contains("main"))
    }

    /// Whether an expression asks for the running loop, or is the answer to that.
    fn is_answered(self, place: Place, expr: ExprId) -> bool {
        let summary = self.program().summary(place.file);
        match summary.expr(expr) {
            Expr::Call { function, .. } => {
                let name = summary.last_name(*function).unwrap_or("");
                let is_of_loop = || {
                    let Expr::Attribute(object, _) = summary.expr(*function) else { return false };
                    let object = match summary.expr(*object) {
                        Expr::Call { function, .. } => summary.last_name(*function),
                        _ => summary.last_name(*object),
                    };
                    object.is_some_and(|it| it.to_ascii_lowercase().ends_with("loop"))
                };
                ANSWERED.contains(&name) || name == "is_running" && is_of_loop()
            }
            Expr::Name(name) => self.program().bindings(place, *name).iter().any(|it| {
                matches!(it.meaning, Meaning::Value { value: Some(value), .. }
                    if matches!(summary.expr(value), Expr::Call { function, .. }
                        if summary.last_name(*function).is_some_and(|it| ANSWERED.contains(&it))))
            }),
            _ => false,
        }
    }

    /// What an expression is for certain.
    fn constant(self, question: &mut Question<'_, 'a>, expr: ExprId) -> Option<Constant<'a>> {
        let place = question.place;
        let program = self.program();
        let summary = program.summary(place.file);
        match summary.expr(expr) {
            _ if summary.last_name(expr) == Some("TYPE_CHECKING") => {
                Some(Constant::Literal("False"))
            }
            Expr::Name(name) => {
                let index = self.parameter(place, *name)?;
                let value = (question.value)(index)?;
                question.parameters.push(index);
                Some(value)
            }
            Expr::Call { function, .. } => self.answer(place, *function).map(Constant::Literal),
            _ => self.known(place, expr),
        }
    }

    /// What a function returns that does nothing else.
    fn answer(self, place: Place, function: ExprId) -> Option<&'a str> {
        let callees = self.resolver.values(place, function);
        let [Value::Function(callee) | Value::Method(callee)] = *callees else { return None };
        let program = self.program();
        let scope = program.scope(callee).filter(|it| it.facts.is_constant)?;
        let is_plain = self.resolver.decoration(callee) == Decoration::Plain
            && !self.resolver.is_replaced(callee);
        let returned = *scope.returns.first()?;
        program.summary(callee.file).literal(returned).filter(|_| is_plain)
    }

    /// A parameter that is never assigned.
    pub(crate) fn parameter(self, place: Place, name: Name) -> Option<u32> {
        let program = self.program();
        let bindings = program.bindings(place, name);
        let mut meanings = bindings
            .iter()
            .map(|it| &it.meaning)
            .filter(|it| !matches!(it, Meaning::Narrowed { .. }));
        match (meanings.next(), meanings.next()) {
            (Some(Meaning::Parameter(index)), None) => Some(*index),
            _ => None,
        }
    }

    /// The default of a parameter, if it is known.
    pub(crate) fn default(self, function: Place, index: u32) -> Option<Constant<'a>> {
        let scope = self.program().scope(function)?;
        let outer = Place { file: function.file, scope: scope.parent };
        self.known(outer, scope.parameters.get(index as usize)?.default?)
    }

    /// A literal or a member of an enumeration, as it is written.
    pub(crate) fn known(self, place: Place, expr: ExprId) -> Option<Constant<'a>> {
        let program = self.program();
        let summary = program.summary(place.file);
        match summary.expr(expr) {
            Expr::Literal(text) => Some(Constant::Literal(summary.text(*text))),
            Expr::Attribute(class, member) => self.member(place, *class, summary.text(*member)),
            _ => None,
        }
    }

    fn member(self, place: Place, class: ExprId, name: &str) -> Option<Constant<'a>> {
        let values = self.resolver.values(place, class);
        let [Value::Class(class)] = *values else { return None };
        let program = self.program();
        let summary = program.summary(class.file);
        let own = program.name(class.file, name)?;
        let bindings = program.bindings(class, own);
        let [only] = bindings.as_slice() else { return None };
        let Meaning::Value { value: Some(value), .. } = only.meaning else { return None };
        let value = match summary.expr(value) {
            Expr::Literal(text) => Some(summary.text(*text)),
            Expr::Call { function, .. } if summary.last_name(*function) == Some("auto") => {
                Some(NUMBERED)
            }
            _ => None,
        };
        let name = summary.text(own);
        let is_usual = self.is_enumeration(class) && !self.compares_itself(class);
        is_usual.then_some(Constant::Member { class, name, value })
    }

    /// Whether the program says when members of a class are equal.
    fn compares_itself(self, class: Place) -> bool {
        self.resolver.ancestors(class).into_iter().any(|ancestor| {
            let Value::Class(ancestor) = ancestor else { return false };
            let own = self.program().name(ancestor.file, "__eq__");
            own.is_some_and(|own| !self.program().bindings(ancestor, own).is_empty())
        })
    }

    fn is_enumeration(self, class: Place) -> bool {
        let program = self.program();
        self.resolver.ancestors(class).into_iter().any(|ancestor| {
            let Value::Class(ancestor) = ancestor else { return false };
            let Some(scope) = program.scope(ancestor) else { return false };
            let outer = Place { file: ancestor.file, scope: scope.parent };
            scope.bases.iter().any(|base| {
                let path = self.resolver.library_path(outer, *base);
                path.is_some_and(|path| ENUMERATIONS.contains(&path.as_str()))
            })
        })
    }
}
