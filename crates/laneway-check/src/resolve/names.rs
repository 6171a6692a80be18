//! What a name means where it stands: scopes, imports and what was assigned last.

use super::{Question, Resolver, Spot, Value, Values, set};
use crate::program::{FileId, Place};
use crate::summary::{Binding, Expr, ExprId, Meaning, Name, ScopeId};

impl Resolver<'_> {
    /// What a name means at an offset of a scope.
    pub(super) fn name(&self, place: Place, name: Name, at: u32) -> Values {
        match self.lookup(place, name, at) {
            Some((scope, bindings)) => self.union(scope, &bindings),
            None => self.star_or_builtin(place.file, name),
        }
    }

    /// The scope that binds a name, as it is seen at an offset of another one, and the bindings
    /// that may hold there.
    pub(crate) fn lookup(
        &self,
        place: Place,
        name: Name,
        at: u32,
    ) -> Option<(Place, Vec<&'_ Binding>)> {
        let mut here = place;
        let mut is_own = true;
        loop {
            let scope = self.program.scope(here)?;
            if is_own || scope.kind.is_seen_inside() {
                let bindings = self.program.bindings(here, name);
                if let Some(outer) = is_own.then(|| outer_binding(&bindings)).flatten() {
                    return self.outer_bindings(here, name, outer);
                }
                if !bindings.is_empty() {
                    let reaching = if is_own && scope.kind.is_function() {
                        reaching(&bindings, at)
                    } else {
                        bindings
                    };
                    return Some((here, reaching));
                }
            }
            is_own = false;
            here = self.program.outer(here)?;
        }
    }

    fn outer_bindings(
        &self,
        place: Place,
        name: Name,
        is_global: bool,
    ) -> Option<(Place, Vec<&'_ Binding>)> {
        let module = Place { file: place.file, scope: ScopeId::MODULE };
        let mut here = if is_global { Some(module) } else { self.program.outer(place) };
        while let Some(place) = here {
            let bindings = self.program.bindings(place, name);
            if !bindings.is_empty() {
                return Some((place, bindings));
            }
            here = self.program.outer(place);
        }
        None
    }

    fn star_or_builtin(&self, file: FileId, name: Name) -> Values {
        let text = self.text(file, name);
        let mut found = self.starred(file, text).to_vec();
        for (module, level) in &self.program.summary(file).stars {
            let module = module.map_or("", |module| self.text(file, module));
            let path = self.program.absolute(file, module, *level);
            if let Some(path) = path.filter(|path| self.program.module(path, file).is_none()) {
                self.member_of_path(file, &path, text, &mut found);
            }
        }
        if found.is_empty() {
            let builtins = self.knowledge.find("builtins");
            let known = builtins.and_then(|module| self.knowledge.child(module, text));
            found.extend(known.map(Value::Known));
        }
        set(found)
    }

    pub(super) fn union(&self, place: Place, bindings: &[&Binding]) -> Values {
        let mut found = Vec::new();
        let is_unset = |binding: &&&Binding| self.is_unset(place.file, binding);
        for binding in bindings.iter().filter(|it| !is_unset(it)) {
            self.meaning(Place { file: place.file, scope: binding.scope }, binding, &mut found);
        }
        // What is only said of a name that is `None` at first counts where nothing shows it.
        if found.is_empty() {
            for binding in bindings.iter().filter(is_unset) {
                self.meaning(Place { file: place.file, scope: binding.scope }, binding, &mut found);
            }
        }
        set(found)
    }

    /// `client: Client | None = None`.
    fn is_unset(&self, file: FileId, binding: &Binding) -> bool {
        let Meaning::Value { value: Some(value), annotation: Some(_) } = binding.meaning else {
            return false;
        };
        self.program.summary(file).literal(value) == Some("None")
    }

    /// What `isinstance(value, class)` leaves of what a name meant before.
    fn narrowed(&self, place: Place, value: ExprId, class: ExprId, found: &mut Vec<Value>) {
        let before = self.values(place, value);
        let summary = self.program.summary(place.file);
        let classes: Vec<Value> = match summary.expr(class) {
            Expr::Sequence(parts) => {
                parts.iter().flat_map(|part| self.annotation_values(place, *part)).collect()
            }
            _ => self.annotation_values(place, class),
        };
        let is_left = |value: &Value| match *value {
            Value::Instance(own) => {
                let ancestors = self.ancestors(own);
                ancestors.into_iter().any(|it| match it {
                    Value::Class(it) => classes.contains(&Value::Instance(it)),
                    Value::Known(it) => classes.contains(&Value::Object(it)),
                    _ => false,
                })
            }
            other => classes.contains(&other),
        };
        let start = found.len();
        found.extend(before.iter().filter(|it| is_left(it)));
        if found.len() == start && !before.is_empty() {
            // A class of which nothing is known is another one than those that are.
            found.extend(classes);
        }
    }

    fn meaning(&self, place: Place, binding: &Binding, found: &mut Vec<Value>) {
        let file = place.file;
        let inner = |scope: ScopeId| Place { file, scope };
        match &binding.meaning {
            Meaning::Module(module) => self.module(file, self.text(file, *module), found),
            Meaning::From { module, level, name } => {
                let module = module.map_or("", |module| self.text(file, module));
                if let Some(path) = self.program.absolute(file, module, *level) {
                    self.member_of_path(file, &path, self.text(file, *name), found);
                }
            }
            Meaning::Function(scope) => found.extend(self.decorated(inner(*scope))),
            Meaning::Class(scope) => found.push(Value::Class(inner(*scope))),
            Meaning::Value { value, annotation } => {
                self.assigned(place, *value, *annotation, found);
            }
            Meaning::Narrowed { value, class } => self.narrowed(place, *value, *class, found),
            Meaning::Parameter(index) => self.parameter(place, *index, found),
            Meaning::Element(subject) => {
                for value in self.values(place, *subject).iter() {
                    self.element(*value, found);
                }
            }
            Meaning::Entered { context, is_async } => {
                for value in self.values(place, *context).iter() {
                    self.entered(*value, *is_async, found);
                }
            }
            // Which of the elements it is, is not known any more.
            Meaning::Unpacked(value) => {
                for value in self.values(place, *value).iter() {
                    if let Value::Items(file, scope, expr) = value {
                        let place = Place { file: *file, scope: *scope };
                        found.extend(self.values(place, *expr).iter());
                    }
                }
            }
            Meaning::Outer { .. } | Meaning::Unknown => {}
        }
    }

    /// A value that was assigned with or without an annotation: what it is says more than what it
    /// is called.
    pub(super) fn assigned(
        &self,
        place: Place,
        value: Option<ExprId>,
        annotation: Option<ExprId>,
        found: &mut Vec<Value>,
    ) {
        let before = found.len();
        if let Some(value) = value {
            found.extend(self.values(place, value).iter());
        }
        if let (Some(annotation), true) = (annotation, found.len() == before) {
            self.annotated(Spot { place, expr: annotation }, found);
        }
    }

    fn parameter(&self, place: Place, index: u32, found: &mut Vec<Value>) {
        let Some(scope) = self.program.scope(place) else { return };
        let Some(parameter) = scope.parameters.get(index as usize) else { return };
        let before = found.len();
        if let Some(annotation) = parameter.annotation {
            let outer = Place { file: place.file, scope: scope.parent };
            self.annotated(Spot { place: outer, expr: annotation }, found);
        }
        if found.len() > before {
            return;
        }
        if index == 0
            && let Some(class) = self.program.class_of(place)
        {
            match self.method_form(place) {
                MethodForm::Static => {}
                MethodForm::Class => return found.push(Value::Class(class)),
                MethodForm::Instance => return found.push(Value::Instance(class)),
            }
        }
        if let Some(default) = parameter.default {
            let outer = Place { file: place.file, scope: scope.parent };
            found.extend(self.values(outer, default).iter());
        }
        found.push(Value::Parameter(place, index));
    }

    /// What the first parameter of a method is.
    pub(super) fn method_form(&self, function: Place) -> MethodForm {
        let Some(scope) = self.program.scope(function) else { return MethodForm::Instance };
        let summary = self.program.summary(function.file);
        let name = summary.text(scope.name);
        if matches!(name, "__new__" | "__init_subclass__" | "__class_getitem__") {
            return MethodForm::Class;
        }
        for decorator in &scope.decorators {
            match summary.last_name(*decorator) {
                Some("staticmethod") => return MethodForm::Static,
                Some("classmethod") => return MethodForm::Class,
                _ => {}
            }
        }
        MethodForm::Instance
    }

    /// What `with … as` binds.
    fn entered(&self, value: Value, is_async: bool, found: &mut Vec<Value>) {
        match value {
            Value::Object(class) => found.push(Value::Object(self.knowledge.entered(class))),
            Value::Instance(class) => {
                let before = found.len();
                let (method, other) = if is_async {
                    ("__aenter__", "__enter__")
                } else {
                    ("__enter__", "__aenter__")
                };
                let mut callees = Vec::new();
                self.attribute(value, method, &mut callees);
                if callees.is_empty() {
                    // A class that can only be entered the other way is not what is entered here.
                    let mut others = Vec::new();
                    self.attribute(value, other, &mut others);
                    if !others.is_empty() {
                        return;
                    }
                }
                for callee in callees {
                    if let Value::Method(function) = callee {
                        found.extend(self.returns(function).iter());
                    }
                }
                if found.len() == before {
                    found.push(Value::Instance(class));
                }
            }
            Value::ItemsOf(..) => self.element(value, found),
            _ => {}
        }
    }

    /// `import a.b`: a module of the program, or a library's.
    fn module(&self, from: FileId, path: &str, found: &mut Vec<Value>) {
        if let Some(file) = self.program.module(path, from) {
            found.push(Value::Module(file));
        } else if !self.program.is_namespace(path) {
            found.extend(self.knowledge.find(path).map(Value::Known));
        }
    }

    /// `from path import name`.
    pub(super) fn member_of_path(
        &self,
        from: FileId,
        path: &str,
        name: &str,
        found: &mut Vec<Value>,
    ) {
        if let Some(module) = self.program.module(path, from) {
            self.member_of_module(module, name, found);
        } else {
            let full = format!("{path}.{name}");
            if let Some(module) = self.program.module(&full, from) {
                found.push(Value::Module(module));
            } else {
                found.extend(self.knowledge.find(&full).map(Value::Known));
            }
        }
    }

    /// A name of a module of the program: bound there, imported by `*`, or a module below it.
    pub(super) fn member_of_module(&self, module: FileId, name: &str, found: &mut Vec<Value>) {
        let question = Question::Member(module, self.questions.word(name));
        let values = self.questions.ask(question, || {
            if self.has_own(module, name) {
                self.own_member(module, name)
            } else {
                self.starred(module, name)
            }
        });
        found.extend(values.iter());
    }

    /// `package.module` where the package has no file of its own.
    pub(super) fn namespace_attribute(
        &self,
        spot: Spot,
        object: ExprId,
        name: &str,
        found: &mut Vec<Value>,
    ) {
        if !found.is_empty() {
            return;
        }
        let summary = self.program.summary(spot.place.file);
        let mut root = object;
        while let Expr::Attribute(inner, _) = summary.expr(root) {
            root = *inner;
        }
        let Expr::Name(first) = summary.expr(root) else { return };
        let module = Place { file: spot.place.file, scope: ScopeId::MODULE };
        let bindings = self.program.bindings(module, *first);
        let imports = |binding: &&Binding| matches!(binding.meaning, Meaning::Module(_));
        if bindings.iter().any(imports)
            && let Some(path) = summary.dotted(object)
            && self.program.module(&path, spot.place.file).is_none()
        {
            let full = format!("{path}.{name}");
            found.extend(self.program.module(&full, spot.place.file).map(Value::Module));
        }
    }
}

/// What a method's first parameter is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MethodForm {
    Instance,
    Class,
    Static,
}

fn outer_binding(bindings: &[&Binding]) -> Option<bool> {
    bindings.iter().find_map(|binding| match binding.meaning {
        Meaning::Outer { is_global } => Some(is_global),
        _ => None,
    })
}

/// The bindings that may hold at an offset: from the last one before it backwards, until one that
/// was certainly made. A use before all of them comes around in a loop, and sees them all.
fn reaching<'b>(bindings: &[&'b Binding], at: u32) -> Vec<&'b Binding> {
    let mut found = Vec::new();
    for binding in bindings.iter().rev().filter(|binding| binding.at <= at) {
        found.push(*binding);
        if at < binding.block_end {
            break;
        }
    }
    if found.is_empty() { bindings.to_vec() } else { found }
}
