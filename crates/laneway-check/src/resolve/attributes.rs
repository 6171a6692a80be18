//! What an attribute of a value means: modules, classes with their bases, objects.

use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::names::MethodForm;
use super::{Question, Resolver, Value, Values, set};
use crate::knowledge::{Member, NodeId};
use crate::program::{FileId, Place};
use crate::summary::{Binding, Expr, Meaning, Name, ScopeId, ScopeKind};

/// How many classes a method is looked for in.
const CLASSES_MAX: usize = 64;

impl Resolver<'_> {
    /// Adds what `value.name` may mean.
    pub(crate) fn attribute(&self, value: Value, name: &str, found: &mut Vec<Value>) {
        match value {
            Value::Module(file) => self.member_of_module(file, name, found),
            Value::Known(node) => match self.knowledge.child(node, name) {
                Some(child) => found.push(match self.knowledge.value(child) {
                    Some(class) => Value::Object(class),
                    None => Value::Known(child),
                }),
                None => self.member(node, name, found),
            },
            Value::Object(class) => self.member(class, name, found),
            Value::Class(class) => self.class_attribute(class, name, false, found),
            Value::Instance(class) => self.class_attribute(class, name, true, found),
            Value::Super(class) => {
                for base in self.bases(class).iter() {
                    match base {
                        Value::Class(base) => self.class_attribute(*base, name, true, found),
                        Value::Known(node) => self.member(*node, name, found),
                        _ => {}
                    }
                    if !found.is_empty() {
                        break;
                    }
                }
            }
            Value::Function(function) => self.task_attribute(function, name, found),
            _ => {}
        }
    }

    fn member(&self, class: NodeId, name: &str, found: &mut Vec<Value>) {
        match self.knowledge.member(class, name) {
            Some(Member::Named(node)) => found.push(match self.knowledge.value(node) {
                Some(class) => Value::Object(class),
                None => Value::Known(node),
            }),
            Some(Member::Every(class)) => found.push(Value::AnyMethod(class)),
            None => {
                // `database.orders`: the class makes up its attributes.
                if let Some(Member::Named(node)) = self.knowledge.member(class, "__getattr__") {
                    found.extend(self.knowledge.made_by_data(node).map(Value::Object));
                }
            }
        }
    }

    /// `job.delay` where a library's decorator has put an object in the place of the function.
    fn task_attribute(&self, function: Place, name: &str, found: &mut Vec<Value>) {
        let Some(scope) = self.program.scope(function) else { return };
        let summary = self.program.summary(function.file);
        let outer = Place { file: function.file, scope: scope.parent };
        for decorator in &scope.decorators {
            let maker = match summary.expr(*decorator) {
                Expr::Call { function, .. } => *function,
                _ => *decorator,
            };
            for value in self.values(outer, maker).iter() {
                if let Value::Known(node) = value
                    && let Some(class) = self.knowledge.made_by_data(*node)
                {
                    self.member(class, name, found);
                }
            }
        }
    }

    /// The classes of the program that have this one as a base.
    fn subclasses(&self, class: Place) -> &[Place] {
        let all = self.subclasses.get_or_init(|| {
            let mut all: FxHashMap<Place, Vec<Place>> = FxHashMap::default();
            for (file, source) in self.program.files() {
                for (scope, it) in (0..).map(ScopeId).zip(&source.summary.scopes) {
                    if it.kind != ScopeKind::Class || it.bases.is_empty() {
                        continue;
                    }
                    let subclass = Place { file, scope };
                    for base in self.bases(subclass).iter() {
                        if let Value::Class(base) = base {
                            all.entry(*base).or_default().push(subclass);
                        }
                    }
                }
            }
            all
        });
        all.get(&class).map(Vec::as_slice).unwrap_or_default()
    }

    /// What a method without a body means: those of the subclasses of the classes on which it is
    /// called, which stand in for it. Other subclasses of where it is defined cannot be meant.
    pub(crate) fn stand_ins(&self, method: Place, receivers: &[Place]) -> Vec<Place> {
        let Some(scope) = self.program.scope(method).filter(|it| it.facts.is_stub) else {
            return Vec::new();
        };
        let name = self.program.summary(method.file).text(scope.name);
        let mut found = Vec::new();
        for class in receivers {
            for function in self.overrides_below(*class, name) {
                if !found.contains(&function) {
                    found.push(function);
                }
            }
        }
        found
    }

    /// Whether a class is another one or has it among its bases.
    pub(crate) fn is_subclass(&self, class: Place, base: Place) -> bool {
        self.ancestors(class).contains(&Value::Class(base))
    }

    /// The methods of subclasses that replace this one.
    pub(crate) fn overrides(&self, method: Place) -> Vec<Place> {
        let Some(scope) = self.program.scope(method) else { return Vec::new() };
        let Some(class) = self.program.class_of(method) else { return Vec::new() };
        self.overrides_below(class, self.program.summary(method.file).text(scope.name))
    }

    /// Whether a subclass has something else under the name of a method.
    pub(crate) fn is_replaced(&self, method: Place) -> bool {
        let Some(scope) = self.program.scope(method) else { return false };
        let Some(class) = self.program.class_of(method) else { return false };
        let name = self.program.summary(method.file).text(scope.name);
        !self.bindings_below(class, name).is_empty()
    }

    fn overrides_below(&self, class: Place, name: &str) -> Vec<Place> {
        let bindings = self.bindings_below(class, name).into_iter();
        let methods = bindings.filter_map(|(file, binding)| match binding.meaning {
            Meaning::Function(scope) => Some(Place { file, scope }),
            _ => None,
        });
        methods.collect()
    }

    /// What the subclasses of a class last say of a name.
    fn bindings_below(&self, class: Place, name: &str) -> Vec<(FileId, &Binding)> {
        let mut found = Vec::new();
        let mut open = vec![class];
        let mut seen = vec![class];
        while let Some(class) = open.pop() {
            for subclass in self.subclasses(class) {
                if seen.contains(subclass) || seen.len() >= CLASSES_MAX {
                    continue;
                }
                seen.push(*subclass);
                open.push(*subclass);
                let Some(own) = self.program.name(subclass.file, name) else { continue };
                let bindings = self.program.bindings(*subclass, own);
                found.extend(bindings.last().map(|binding| (subclass.file, *binding)));
            }
        }
        found
    }

    fn class_attribute(&self, class: Place, name: &str, is_bound: bool, found: &mut Vec<Value>) {
        for ancestor in self.ancestors(class) {
            let before = found.len();
            match ancestor {
                Value::Class(ancestor) => self.own_attribute(ancestor, name, is_bound, found),
                Value::Known(node) => self.member(node, name, found),
                _ => {}
            }
            if found.len() > before {
                return;
            }
        }
    }

    /// What a class itself says of an attribute: in its body, or by assignments in its methods.
    fn own_attribute(&self, class: Place, name: &str, is_bound: bool, found: &mut Vec<Value>) {
        let Some(name) = self.program.name(class.file, name) else { return };
        let question = Question::Attribute { class, name, is_bound };
        let values = self.questions.ask(question, || self.said_by_class(class, name, is_bound));
        found.extend(values.iter());
    }

    fn said_by_class(&self, class: Place, own: Name, is_bound: bool) -> Values {
        let bindings = self.program.bindings(class, own);
        let mut found = Vec::new();
        // Later definitions of a method replace earlier ones; overloads come before.
        if let Some(Meaning::Function(scope)) = bindings.last().map(|binding| &binding.meaning) {
            let function = Place { file: class.file, scope: *scope };
            self.method(function, is_bound, &mut found);
            return set(found);
        }
        let is_field = |it: &&Binding| {
            // A field of a dataclass is put into the object, which binds nothing.
            matches!(it.meaning, Meaning::Value { annotation: Some(_), .. })
        };
        let is_bound = is_bound && !bindings.iter().any(is_field);
        let bind = |value: &Value| match *value {
            Value::Function(function) if is_bound && self.takes_object(function) => {
                Value::Method(function)
            }
            other => other,
        };
        found.extend(self.union(class, &bindings).iter().map(bind));
        for attribute in self.program.attributes(class, own) {
            let place = Place { file: class.file, scope: attribute.scope };
            if self.is_own_object(place, attribute.object) {
                self.assigned(place, attribute.value, attribute.annotation, &mut found);
            }
        }
        set(found)
    }

    /// Whether a function that a class has under another name is given the object on which it is
    /// called.
    fn takes_object(&self, function: Place) -> bool {
        self.is_called_as_written(function)
            && self.decorator_names(function).all(|it| it != "staticmethod")
    }

    fn is_own_object(&self, place: Place, object: crate::summary::ExprId) -> bool {
        matches!(
            self.program.summary(place.file).last_name(object),
            Some("self" | "cls" | "this" | "instance")
        )
    }

    fn method(&self, function: Place, is_bound: bool, found: &mut Vec<Value>) {
        if self.is_property(function) {
            if is_bound {
                found.extend(self.returns(function).iter());
            }
            return;
        }
        let form = self.method_form(function);
        let is_bound = form == MethodForm::Class || is_bound && form == MethodForm::Instance;
        found.extend(self.decorated(function).map(|value| match value {
            Value::Function(function) if is_bound => Value::Method(function),
            other => other,
        }));
    }

    /// The class and its bases in the order in which attributes are looked up; nearly Python's own.
    pub(crate) fn ancestors(&self, class: Place) -> Vec<Value> {
        let mut order = vec![Value::Class(class)];
        let mut at = 0;
        while let Some(value) = order.get(at).copied() {
            if let Value::Class(class) = value
                && order.len() < CLASSES_MAX
            {
                // Depth first: bases of the first base come before the second one.
                let bases = self.bases(class);
                let new = bases.iter().filter(|base| !order.contains(base)).copied();
                let new: Vec<Value> = new.collect();
                order.splice(at + 1..=at, new);
            }
            at += 1;
        }
        order
    }

    /// The bases of a class that have a meaning.
    pub(crate) fn bases(&self, class: Place) -> Rc<[Value]> {
        self.questions.ask(Question::Bases(class), || {
            let Some(scope) = self.program.scope(class) else { return Rc::default() };
            let outer = Place { file: class.file, scope: scope.parent };
            let values = scope.bases.iter().flat_map(|base| self.values(outer, *base).to_vec());
            values.filter(|it| matches!(it, Value::Class(_) | Value::Known(_))).collect()
        })
    }
}
