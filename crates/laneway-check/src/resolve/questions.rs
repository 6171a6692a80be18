//! Questions and their answers: each is asked once, also where questions lead back to themselves.
//!
//! A question inside its own answer is answered by nothing at first. With what comes out of that,
//! it is asked again until it adds nothing, for a few rounds. What was answered on the way may lack
//! what the open question adds: such an answer serves until the next round, and is then forgotten.
//! So who asks first decides an answer only where that does not suffice: where rings lie within
//! rings, where more questions than a limit lie within each other, and where thousands of functions
//! lead to each other. There, when most of what is asked was asked before, answers are kept as they
//! are.

use std::cell::{Cell, RefCell};

use rustc_hash::FxHashMap;

use super::Values;
use crate::program::{FileId, Place};
use crate::summary::{ExprId, Name};

/// How many questions may wait for another one's answer.
const DEPTH_MAX: u32 = 80;
/// How often questions may be asked again, for each question.
const AGAIN_FOR_EACH: usize = 2;
/// How often they may be asked again in any case.
const AGAIN_MIN: usize = 20_000;
/// How often a question is asked that leads back to itself.
const ROUNDS_MAX: u32 = 4;
/// What an answer depends on that depends on no open question.
const NOTHING: u32 = u32::MAX;

/// What may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Question {
    /// What an expression means.
    Expression(FileId, ExprId),
    /// What a function returns.
    Returned(Place),
    /// What a name of a module means.
    Member(FileId, Word),
    /// What a name of a module means that comes from others by `*`.
    Starred(FileId, Word),
    /// What a class itself says of an attribute, of its objects or of the class.
    Attribute { class: Place, name: Name, is_bound: bool },
    /// The bases of a class.
    Bases(Place),
}

/// A name that does not stand in the table of its module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Word(u32);

#[derive(Debug)]
enum Answer {
    /// It is being asked, inside so many other questions; this came out the last time.
    Open(Values, u32),
    /// It lacks what the open question adds that is inside so many others.
    Incomplete(Values, u32),
    /// It was incomplete, and is asked again.
    Forgotten,
    Complete(Values),
}

/// All that was asked.
#[derive(Debug)]
pub(super) struct Questions {
    answers: RefCell<FxHashMap<Question, Answer>>,
    /// The questions whose answers are incomplete, in the order in which they were asked.
    incomplete: RefCell<Vec<Question>>,
    words: RefCell<FxHashMap<Box<str>, Word>>,
    /// How many questions were asked again.
    again: Cell<usize>,
    /// How many questions are open.
    depth: Cell<u32>,
    /// The outermost open question on which the innermost one's answer depends so far.
    outermost: Cell<u32>,
}

impl Default for Questions {
    fn default() -> Self {
        Self {
            answers: RefCell::default(),
            incomplete: RefCell::default(),
            words: RefCell::default(),
            again: Cell::new(0),
            depth: Cell::new(0),
            outermost: Cell::new(NOTHING),
        }
    }
}

impl Questions {
    /// The answer to a question, which is found by asking others.
    pub(super) fn ask(&self, question: Question, find: impl Fn() -> Values) -> Values {
        match self.answers.borrow().get(&question) {
            Some(Answer::Complete(values)) => return values.clone(),
            Some(Answer::Incomplete(values, outermost) | Answer::Open(values, outermost)) => {
                self.depend_on(*outermost);
                return values.clone();
            }
            Some(Answer::Forgotten) => self.again.set(self.again.get() + 1),
            None => {}
        }
        let depth = self.depth.get();
        if depth >= DEPTH_MAX {
            self.depend_on(0);
            return Values::default();
        }
        let mut values = Values::default();
        let mut answer = None;
        for _ in 0..ROUNDS_MAX {
            let open = Answer::Open(values.clone(), depth);
            self.answers.borrow_mut().insert(question, open);
            let asked_inside = self.incomplete.borrow().len();
            self.depth.set(depth + 1);
            let (found, outermost) = self.watched(&find);
            self.depth.set(depth);
            let is_same = found == values;
            values = found;
            if outermost < depth {
                self.depend_on(outermost);
                self.incomplete.borrow_mut().push(question);
                answer = Some(Answer::Incomplete(values.clone(), outermost));
                break;
            }
            self.forget(asked_inside);
            if outermost > depth || is_same || self.is_spent() {
                break;
            }
        }
        let answer = answer.unwrap_or_else(|| Answer::Complete(values.clone()));
        self.answers.borrow_mut().insert(question, answer);
        values
    }

    /// Whether most of what is asked was asked before.
    fn is_spent(&self) -> bool {
        self.again.get() > AGAIN_MIN + AGAIN_FOR_EACH * self.answers.borrow().len()
    }

    /// What was answered inside and lacks something is asked anew when somebody asks.
    fn forget(&self, asked_inside: usize) {
        let is_spent = self.is_spent();
        let mut answers = self.answers.borrow_mut();
        for inside in self.incomplete.borrow_mut().drain(asked_inside..) {
            let Some(answer) = answers.get_mut(&inside) else { continue };
            *answer = match std::mem::replace(answer, Answer::Forgotten) {
                Answer::Incomplete(values, _) if is_spent => Answer::Complete(values),
                _ => Answer::Forgotten,
            };
        }
    }

    /// What is found by asking, and whether it lacks nothing that an open question would add.
    pub(super) fn is_complete<T>(&self, find: impl FnOnce() -> T) -> (T, bool) {
        let (found, outermost) = self.watched(find);
        self.depend_on(outermost);
        (found, outermost == NOTHING)
    }

    /// What is found, and the outermost open question on which it depends.
    fn watched<T>(&self, find: impl FnOnce() -> T) -> (T, u32) {
        let around = self.outermost.replace(NOTHING);
        let found = find();
        (found, self.outermost.replace(around))
    }

    fn depend_on(&self, depth: u32) {
        self.outermost.set(self.outermost.get().min(depth));
    }

    /// The number of a name.
    pub(super) fn word(&self, text: &str) -> Word {
        if let Some(known) = self.words.borrow().get(text) {
            return *known;
        }
        let mut words = self.words.borrow_mut();
        let word = Word(u32::try_from(words.len()).unwrap_or(u32::MAX));
        words.insert(text.into(), word);
        word
    }
}
