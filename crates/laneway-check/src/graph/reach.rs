//! The ways from async functions to each function they reach.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Edge, Graph};
use crate::program::{Place, Program};

/// The shortest way to every function, and who calls whom.
#[derive(Debug)]
pub(crate) struct Reach<'g> {
    /// The last call of the shortest way to a function.
    before: FxHashMap<Place, &'g Edge>,
    callers: FxHashMap<Place, Vec<&'g Edge>>,
    entries: FxHashSet<Place>,
    /// Who reaches a function, as far as it was asked.
    reached_by: RefCell<FxHashMap<Place, Rc<[Place]>>>,
}

impl<'g> Reach<'g> {
    /// The ways of a graph. What is an example is shown only where nothing else leads.
    pub(crate) fn of(graph: &'g Graph, program: &Program) -> Self {
        let mut calls: FxHashMap<Place, Vec<&Edge>> = FxHashMap::default();
        let mut callers: FxHashMap<Place, Vec<&Edge>> = FxHashMap::default();
        for edge in &graph.edges {
            calls.entry(edge.caller).or_default().push(edge);
            callers.entry(edge.callee).or_default().push(edge);
        }
        let entries: FxHashSet<Place> = graph.entries.iter().copied().collect();
        let mut before: FxHashMap<Place, &Edge> = FxHashMap::default();
        let (examples, own): (Vec<Place>, Vec<Place>) =
            graph.entries.iter().copied().partition(|entry| program.is_example(entry.file));
        for from in [own, examples] {
            let mut queue = VecDeque::from(from);
            while let Some(place) = queue.pop_front() {
                for edge in calls.get(&place).into_iter().flatten() {
                    if !entries.contains(&edge.callee) && !before.contains_key(&edge.callee) {
                        before.insert(edge.callee, edge);
                        queue.push_back(edge.callee);
                    }
                }
            }
        }
        Self { before, callers, entries, reached_by: RefCell::default() }
    }

    /// The calls from an async function to this one, in their order; empty for an entry itself.
    pub(crate) fn way(&self, place: Place) -> Vec<&'g Edge> {
        let mut way = Vec::new();
        let mut here = place;
        while let Some(edge) = self.before.get(&here) {
            way.push(*edge);
            here = edge.caller;
        }
        way.reverse();
        way
    }

    /// Whether a loop begins to run code here.
    pub(crate) fn is_entry(&self, place: Place) -> bool {
        self.entries.contains(&place)
    }

    /// The calls of a function.
    pub(crate) fn calls_of(&self, place: Place) -> &[&'g Edge] {
        self.callers.get(&place).map(Vec::as_slice).unwrap_or_default()
    }

    /// All entries that reach a function.
    pub(crate) fn entries_of(&self, place: Place) -> Rc<[Place]> {
        if let Some(known) = self.reached_by.borrow().get(&place) {
            return known.clone();
        }
        let mut seen = FxHashSet::from_iter([place]);
        let mut stack = vec![place];
        let mut found = Vec::new();
        while let Some(here) = stack.pop() {
            if self.entries.contains(&here) {
                found.push(here);
                continue;
            }
            for edge in self.callers.get(&here).into_iter().flatten() {
                if seen.insert(edge.caller) {
                    stack.push(edge.caller);
                }
            }
        }
        let found: Rc<[Place]> = found.into();
        self.reached_by.borrow_mut().insert(place, found.clone());
        found
    }

    /// The sync function farthest from the blocking call through which all ways to it go.
    pub(crate) fn choke_point(&self, place: Place) -> Place {
        let mut here = place;
        let mut seen = FxHashSet::from_iter([place]);
        loop {
            let callers = self.callers.get(&here).map(Vec::as_slice).unwrap_or_default();
            let Some(first) = callers.first().map(|edge| edge.caller) else { return here };
            let is_only = callers.iter().all(|edge| edge.caller == first);
            if !is_only || self.entries.contains(&first) || !seen.insert(first) {
                return here;
            }
            here = first;
        }
    }
}
