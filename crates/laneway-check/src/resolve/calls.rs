//! Calls whose meaning is in their form: `super()`, `partial(f)`, `cast(T, x)`, `getattr(x, "y")`.

use super::{Resolver, Spot, Value};
use crate::program::Place;
use crate::summary::{Argument, ExprId};

impl Resolver<'_> {
    /// Adds the meaning of such a call, and says whether it was one.
    pub(super) fn special_call(
        &self,
        spot: Spot,
        function: ExprId,
        arguments: &[Argument],
        found: &mut Vec<Value>,
    ) -> bool {
        let place = spot.place;
        let summary = self.program.summary(place.file);
        let Some(name) = summary.last_name(function) else { return false };
        let first = arguments.first().map(|argument| argument.value);
        match (name, first) {
            ("super", _) => found.extend(self.method_class(place).map(Value::Super)),
            // What is entered or bound in part is still the thing itself.
            ("partial" | "partialmethod" | "wraps" | "enter_context", Some(first)) => {
                found.extend(self.values(place, first).iter());
            }
            ("cast", Some(first)) => {
                found.extend(self.annotation_values(place, first));
            }
            ("type", Some(first)) if arguments.len() == 1 => {
                for value in self.values(place, first).iter() {
                    match value {
                        Value::Instance(class) => found.push(Value::Class(*class)),
                        Value::Object(class) => found.push(Value::Known(*class)),
                        _ => {}
                    }
                }
            }
            ("getattr", Some(first)) => {
                let attribute = arguments.get(1).and_then(|it| summary.literal(it.value));
                let attribute = attribute.map(|text| text.trim_matches('\''));
                for value in self.values(place, first).iter() {
                    if let Some(attribute) = attribute {
                        self.attribute(*value, attribute, found);
                    }
                }
            }
            _ => return false,
        }
        true
    }

    /// The class around the method in which a scope lies.
    pub(super) fn method_class(&self, place: Place) -> Option<Place> {
        let mut here = Some(place);
        while let Some(function) = here {
            if let Some(class) = self.program.class_of(function) {
                return Some(class);
            }
            here = self.program.outer(function);
        }
        None
    }
}
