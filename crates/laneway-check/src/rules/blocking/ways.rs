//! Which way to a blocking call is shown: the shortest one that can be taken. What a call gives to
//! a function decides which of its branches are taken, and which class stands behind a parameter.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use rustc_hash::{FxHashMap, FxHashSet};

use super::guess;
use crate::graph::{Conditions, Constant, Edge, Given, Site, given};
use crate::program::Place;
use crate::resolve::{Spot, Value};
use crate::rules::Checkup;
use crate::summary::{BranchId, Expr, ExprId, Meaning};

/// How many expressions an object is followed through.
const STEPS_MAX: u8 = 12;
/// How many ways are looked at before the shortest one is believed.
const WAYS_MAX: usize = 1_000;
/// How often calls on them are judged, and asked what they give.
const CALLS_MAX: usize = 20_000;

/// A way to a call.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    pub(super) edges: Vec<Edge>,
    /// What stands behind a base class on it is of another class by all that the code says.
    pub(super) is_of_others: bool,
}

/// The ways to the calls in a branch of a function, as far as they were asked for.
pub(crate) type Ways = RefCell<FxHashMap<(Place, Option<BranchId>), Option<Way>>>;

/// The way that is shown; `None` where none can be taken.
pub(super) fn way(checkup: &Checkup<'_>, site: &Site) -> Option<Way> {
    let end = (site.place, branch_of(checkup, site.place, site.expr));
    if let Some(known) = checkup.ways.borrow().get(&end) {
        return known.clone();
    }
    let search = Search {
        checkup,
        conditions: Conditions::new(checkup.resolver),
        end,
        left: Cell::new(CALLS_MAX),
        is_open: Cell::new(false),
        followed: RefCell::default(),
    };
    let found = search.way();
    checkup.ways.borrow_mut().insert(end, found.clone());
    found
}

fn branch_of(checkup: &Checkup<'_>, place: Place, expr: ExprId) -> Option<BranchId> {
    checkup.program.calls(place).find(|call| call.expr == expr)?.branch
}

/// There are too many ways to look at them all.
struct TooMany;

/// What a way says of a call on it.
enum Judged {
    RuledOut,
    /// It depends on who calls the first function.
    Open,
    Taken,
}

/// The end of a way.
struct Suffix {
    edges: Vec<Edge>,
    /// The calls that are not decided yet, from the first to the last: how many edges each has from
    /// its own on.
    open: Vec<usize>,
}

/// What tells two ends apart: where they begin, their calls up to the last open one, and whether
/// that is the blocking one itself.
type Key = (Place, Vec<(Place, Place, ExprId)>, bool);

impl Suffix {
    /// The edges up to the last call that is not decided yet.
    fn undecided(&self) -> &[Edge] {
        let Some(behind) = self.open.last() else { return &[] };
        self.edges.get(..=self.edges.len() - behind).unwrap_or(&self.edges)
    }

    /// What comes before decides the same for all ends of one key.
    fn key(&self, from: Place) -> Key {
        let calls = self.undecided().iter().map(|it| (it.caller, it.callee, it.expr));
        (from, calls.collect(), self.open.last() == Some(&0))
    }
}

/// What so many first calls of the present way give to a parameter, and whether that is open.
type Followed<'a> = FxHashMap<(usize, u32), (Option<Constant<'a>>, bool)>;

/// The search for a way to the calls in one branch.
struct Search<'c, 'a> {
    checkup: &'c Checkup<'a>,
    conditions: Conditions<'a>,
    end: (Place, Option<BranchId>),
    /// How many calls may still be looked at.
    left: Cell<usize>,
    /// Whether something was asked that depends on who calls the first function.
    is_open: Cell<bool>,
    followed: RefCell<Followed<'a>>,
}

impl<'a> Search<'_, 'a> {
    fn way(&self) -> Option<Way> {
        let shortest = self.shortest(self.end.0);
        let found = match self.can_be_taken(&shortest) {
            Ok(true) => return Some(Way { edges: shortest, is_of_others: false }),
            Ok(false) => self.another(),
            Err(TooMany) => Err(TooMany),
        };
        match found {
            Ok(Some(edges)) => Some(Way { edges, is_of_others: false }),
            Ok(None) => {
                self.followed.borrow_mut().clear();
                let takes_branches =
                    (0..=shortest.len()).all(|at| self.takes_branch(&shortest, at));
                takes_branches.then_some(Way { edges: shortest, is_of_others: true })
            }
            Err(TooMany) => Some(Way { edges: shortest, is_of_others: false }),
        }
    }

    fn shortest(&self, place: Place) -> Vec<Edge> {
        self.checkup.reach.way(place).into_iter().copied().collect()
    }

    /// The shortest way that can be taken, found from its end.
    fn another(&self) -> Result<Option<Vec<Edge>>, TooMany> {
        let Checkup { reach, program, resolver, .. } = self.checkup;
        let mut ends = VecDeque::from([Suffix { edges: Vec::new(), open: vec![0] }]);
        let mut seen = FxHashSet::default();
        let (mut of_example, mut unseen) = (None, None);
        while let Some(end) = ends.pop_front() {
            let from = end.edges.first().map_or(self.end.0, |edge| edge.caller);
            if reach.is_entry(from) {
                if !program.is_example(from.file) {
                    return Ok(Some(end.edges));
                }
                of_example.get_or_insert(end.edges);
                continue;
            }
            if unseen.is_none() && resolver.is_called_unseen(from) {
                // Who is handed a function may call it with what takes the branch.
                let edges = self.shortest(from).into_iter().chain(end.edges.iter().copied());
                unseen = Some(edges.collect());
            }
            for edge in reach.calls_of(from) {
                // A function that calls itself hands on what it was given itself.
                if end.undecided().contains(edge) {
                    continue;
                }
                let Some(longer) = self.longer(&end, **edge)? else { continue };
                if seen.insert(longer.key(edge.caller)) {
                    ends.push_back(longer);
                }
                if seen.len() > WAYS_MAX {
                    return Err(TooMany);
                }
            }
        }
        Ok(of_example.or(unseen))
    }

    /// The end of a way with one more call before it, unless that rules out a later one.
    fn longer(&self, end: &Suffix, edge: Edge) -> Result<Option<Suffix>, TooMany> {
        let edges: Vec<Edge> = std::iter::once(edge).chain(end.edges.iter().copied()).collect();
        let mut open = Vec::new();
        self.followed.borrow_mut().clear();
        for behind in std::iter::once(edges.len()).chain(end.open.iter().copied()) {
            match self.judge(&edges, edges.len() - behind)? {
                Judged::RuledOut => return Ok(None),
                Judged::Open => open.push(behind),
                Judged::Taken => {}
            }
        }
        Ok(Some(Suffix { edges, open }))
    }

    /// Whether nothing on a way rules out a call that comes later on it.
    fn can_be_taken(&self, way: &[Edge]) -> Result<bool, TooMany> {
        self.followed.borrow_mut().clear();
        for at in 0..=way.len() {
            if let Judged::RuledOut = self.judge(way, at)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What the calls before one say of it.
    fn judge(&self, way: &[Edge], at: usize) -> Result<Judged, TooMany> {
        self.is_open.set(false);
        let is_taken = self.look()
            && way
                .get(at)
                .is_none_or(|edge| self.may_be_meant(way.get(..at).unwrap_or_default(), edge))
            && self.takes_branch(way, at);
        if self.left.get() == 0 {
            return Err(TooMany);
        }
        Ok(match (is_taken, self.is_open.get()) {
            (false, _) => Judged::RuledOut,
            (true, true) => Judged::Open,
            (true, false) => Judged::Taken,
        })
    }

    /// Counts a look at a call.
    fn look(&self) -> bool {
        self.left.set(self.left.get().saturating_sub(1));
        self.left.get() > 0
    }

    /// Whether a call of a way stands in a branch that what comes before takes.
    fn takes_branch(&self, way: &[Edge], at: usize) -> bool {
        let (place, branch) = way.get(at).map_or(self.end, |edge| {
            (edge.caller, branch_of(self.checkup, edge.caller, edge.expr))
        });
        let before = way.get(..at).unwrap_or_default();
        if branch.is_none() {
            return true;
        }
        if before.is_empty() {
            // Nobody knows what the first function is given.
            self.is_open.set(true);
            return true;
        }
        let value = |index| self.value(before, index);
        let mut waits = Vec::new();
        self.conditions.is_taken((place, branch), &value, &mut waits) && waits.is_empty()
    }

    /// What the last call of a way gives to a parameter, if the code says it.
    fn value(&self, way: &[Edge], index: u32) -> Option<Constant<'a>> {
        let is_open = self.is_open.replace(false);
        let value = self.follow(way, index);
        self.followed.borrow_mut().insert((way.len(), index), (value, self.is_open.get()));
        self.is_open.set(self.is_open.get() || is_open);
        value
    }

    fn follow(&self, mut way: &[Edge], mut index: u32) -> Option<Constant<'a>> {
        loop {
            if let Some((value, is_open)) = self.followed.borrow().get(&(way.len(), index)) {
                self.is_open.set(*is_open);
                return *value;
            }
            let (last, before) = self.last(way)?;
            let expr = match self.given_by(last, index)? {
                Given::Unknown => return None,
                Given::Default => return self.conditions.default(last.callee, index),
                Given::Value(expr) => expr,
            };
            let Expr::Name(name) = self.checkup.program.summary(last.caller.file).expr(expr) else {
                return self.conditions.known(last.caller, expr);
            };
            index = self.conditions.parameter(last.caller, *name)?;
            way = before;
        }
    }

    /// The last call of a way, and those before it.
    fn last<'w>(&self, way: &'w [Edge]) -> Option<(&'w Edge, &'w [Edge])> {
        let last = way.split_last();
        self.is_open.set(self.is_open.get() || last.is_none());
        last
    }

    fn given_by(&self, edge: &Edge, index: u32) -> Option<Given> {
        let Checkup { graph, resolver, .. } = self.checkup;
        let is_as_written = self.look()
            && !graph.open.contains(&edge.callee)
            && resolver.is_called_as_written(edge.callee);
        let values = is_as_written.then(|| given(resolver, *edge))?;
        values.get(index as usize).copied()
    }

    /// Whether the object may be of the class of a method that stands in for one without a body.
    fn may_be_meant(&self, before: &[Edge], edge: &Edge) -> bool {
        let checkup = self.checkup;
        let Some(class) = checkup.program.class_of(edge.callee) else { return true };
        let summary = checkup.program.summary(edge.caller.file);
        let Expr::Call { function, .. } = summary.expr(edge.expr) else { return true };
        let Expr::Attribute(object, _) = summary.expr(*function) else { return true };
        if !guess::is_choice(checkup, edge) {
            return true;
        }
        let spot = Spot { place: edge.caller, expr: *object };
        !guess::is_of_others(checkup, &self.objects(before, spot, STEPS_MAX), class)
    }

    /// What an expression means where it is evaluated on a way: parameters are what the way gives
    /// them.
    fn objects(&self, before: &[Edge], spot: Spot, steps: u8) -> Vec<Value> {
        let Spot { place, expr } = spot;
        let program = self.checkup.program;
        let anything = || self.checkup.values(place, expr).to_vec();
        let Some(steps) = steps.checked_sub(1) else { return anything() };
        match program.summary(place.file).expr(expr) {
            Expr::Name(name) => match program.bindings(place, *name).as_slice() {
                [only] => match only.meaning {
                    Meaning::Parameter(index) => self
                        .passed(before, index)
                        .map_or_else(anything, |(spot, before)| self.objects(before, spot, steps)),
                    Meaning::Value { value: Some(value), annotation: None } => {
                        self.objects(before, Spot { place, expr: value }, steps)
                    }
                    _ => anything(),
                },
                _ => anything(),
            },
            Expr::Call { function, .. } => {
                self.made(before, (place, *function), steps).unwrap_or_else(anything)
            }
            _ => anything(),
        }
    }

    /// The expression that a way gives to a parameter of its last function, and the way to it.
    fn passed<'w>(&self, before: &'w [Edge], index: u32) -> Option<(Spot, &'w [Edge])> {
        let (last, before) = self.last(before)?;
        match self.given_by(last, index)? {
            Given::Value(expr) => Some((Spot { place: last.caller, expr }, before)),
            _ => None,
        }
    }

    /// What a method of an object gives that the way knows better than its function.
    fn made(
        &self,
        before: &[Edge],
        (place, function): (Place, ExprId),
        steps: u8,
    ) -> Option<Vec<Value>> {
        let summary = self.checkup.program.summary(place.file);
        let Expr::Attribute(object, method) = summary.expr(function) else { return None };
        let objects = self.objects(before, Spot { place, expr: *object }, steps);
        let mut found = Vec::new();
        for object in &objects {
            let Value::Instance(_) = object else { return None };
            let mut methods = Vec::new();
            self.checkup.resolver.attribute(*object, summary.text(*method), &mut methods);
            for method in methods {
                self.checkup.resolver.result(method, &mut found);
            }
        }
        (!found.is_empty()).then_some(found)
    }
}
