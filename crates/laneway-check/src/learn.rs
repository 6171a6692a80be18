//! What stacks teach: which functions of libraries really blocked an event loop, as entries for a
//! project's own file of knowledge. Nothing is applied; a person reads and keeps them.

use std::collections::BTreeMap;
use std::path::Path;

use crate::check::{Options, read_program, read_text};
use crate::evidence::{Cause, Cost, Evidence, Frame, Locator, Sighting, Spotted};
use crate::knowledge::{Kind, Knowledge, Lane};
use crate::lines::Lines;
use crate::lowering::summarize;
use crate::program::{Place, Program};
use crate::resolve::Resolver;
use crate::summary::{Expr, ScopeKind};

/// What marks the path of a library's file.
const LIBRARY_FOLDERS: [&str; 2] = ["/site-packages/", "/dist-packages/"];

/// What was learned of one function of a library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lesson {
    /// Its names: as the program imports it, and where it is defined.
    pub names: Vec<String>,
    /// What it does to the thread that calls it.
    pub kind: Kind,
    /// Where such work goes.
    pub lane: Lane,
    /// What it cost.
    pub cost: Cost,
    /// Which lines called it, as `file:line function`, in the order of their cost.
    pub callers: Vec<String>,
}

/// A line from which nothing was learned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotLearned {
    /// The line, as `file:line function`.
    pub at: String,
    /// Why not.
    pub why: String,
    /// What it cost.
    pub cost: Cost,
}

/// All that the evidence teaches, and what it does not; what cost most comes first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lessons {
    /// Entries for a file of knowledge.
    pub learned: Vec<Lesson>,
    /// Lines that need another answer.
    pub left: Vec<NotLearned>,
}

/// Reads the code that the options name, and asks the evidence which functions of libraries
/// blocked it.
pub fn learn(options: &Options, knowledge: &Knowledge, evidence: &Evidence) -> Lessons {
    let (program, ..) = read_program(options);
    let resolver = Resolver::new(&program, knowledge);
    let locator = Locator::new(&program);
    let teacher = Teacher { program: &program, resolver: &resolver, knowledge };
    let mut learned: BTreeMap<Vec<String>, Lesson> = BTreeMap::new();
    let mut left: BTreeMap<(String, String), Cost> = BTreeMap::new();
    let mut sightings: Vec<&Sighting> = evidence.sightings.iter().collect();
    sightings.sort_by_key(|it| std::cmp::Reverse(it.total));
    for sighting in sightings {
        let taught = match locator.spot(sighting) {
            None => Err("none of the code that was read is on its stack".to_owned()),
            Some(spot) => teacher.names(spot, sighting).map(|names| (spot, names)),
        };
        match taught {
            Ok((spot, names)) => {
                let lesson =
                    learned.entry(names.clone()).or_insert_with(|| lesson(names, sighting));
                lesson.cost.add(sighting, evidence.loop_time);
                let caller = teacher.described(spot);
                if !lesson.callers.contains(&caller) {
                    lesson.callers.push(caller);
                }
            }
            Err(why) => {
                let Frame { file, line, function } = &sighting.frame;
                let at = format!("{file}:{line} {function}");
                left.entry((at, why)).or_default().add(sighting, evidence.loop_time);
            }
        }
    }
    let mut learned: Vec<Lesson> = learned.into_values().collect();
    learned.sort_by_key(|it| std::cmp::Reverse(it.cost.total));
    let left = left.into_iter().map(|((at, why), cost)| NotLearned { at, why, cost });
    let mut left: Vec<NotLearned> = left.collect();
    left.sort_by_key(|it| std::cmp::Reverse(it.cost.total));
    Lessons { learned, left }
}

fn lesson(names: Vec<String>, sighting: &Sighting) -> Lesson {
    let (kind, lane) = match sighting.cause {
        Cause::Computes => (Kind::CpuHeld, Lane::Process),
        Cause::Waits | Cause::WaitsForGil => (Kind::Wait, Lane::Thread),
    };
    Lesson { names, kind, lane, cost: Cost::default(), callers: Vec::new() }
}

struct Teacher<'a> {
    program: &'a Program,
    resolver: &'a Resolver<'a>,
    knowledge: &'a Knowledge,
}

impl Teacher<'_> {
    /// The names of the library's function that a line of the program called and that blocked.
    fn names(&self, spot: Spotted, sighting: &Sighting) -> Result<Vec<String>, String> {
        if sighting.cause == Cause::WaitsForGil {
            return Err("it waited for the GIL, which another thread held".to_owned());
        }
        if spot.has_moved {
            return Err("the line belongs to another function by now".to_owned());
        }
        let written = self.written(spot);
        let below = spot.depth.map(|at| sighting.stack.get(at + 1..).unwrap_or_default());
        let names = match below.unwrap_or_default() {
            [] => self.of_line(&written, sighting)?,
            below => of_stack(&written, below)?,
        };
        if let Some(known) = names.iter().find(|name| self.is_known(name)) {
            return Err(format!("`{known}` is known to block"));
        }
        Ok(names)
    }

    /// A function that is not written in Python has none: it is what the line calls, if that is
    /// one thing.
    fn of_line(&self, written: &[String], sighting: &Sighting) -> Result<Vec<String>, String> {
        if let Some(known) = written.iter().find(|name| self.is_known(name)) {
            return Err(format!("`{known}` is known to block"));
        }
        let mut unknown = written.to_vec();
        unknown.sort();
        unknown.dedup();
        match unknown.as_slice() {
            [_] => Ok(unknown),
            [] if sighting.cause == Cause::Computes => {
                Err("the code of the project itself computes there".to_owned())
            }
            [] => Err("it calls no function of a library by a name that can be told".to_owned()),
            many => Err(format!("it may be any of `{}`", many.join("`, `"))),
        }
    }

    /// The libraries' functions that the line calls, as the program imports them.
    fn written(&self, spot: Spotted) -> Vec<String> {
        let Some(source) = self.program.file(spot.place.file) else { return Vec::new() };
        let on_line = self.program.calls(spot.place).filter(|call| {
            let span = source.summary.node(call.expr).span;
            let (first, _) = source.lines.line(span.start);
            let (last, _) = source.lines.line(span.end);
            (first..=last).contains(&spot.line)
        });
        let names = on_line.filter_map(|call| match source.summary.expr(call.expr) {
            Expr::Call { function, .. } => self.resolver.library_path(spot.place, *function),
            _ => None,
        });
        names.filter(|name| name.contains('.') && !name.starts_with("builtins.")).collect()
    }

    fn is_known(&self, name: &str) -> bool {
        let entry = self.knowledge.find(name).and_then(|node| self.knowledge.entry(node));
        entry.is_some_and(|entry| entry.kind.blocks())
    }

    fn described(&self, spot: Spotted) -> String {
        let Place { file, .. } = spot.place;
        let path = self.program.file(file).map_or("", |file| &file.path);
        format!("{path}:{} {}", spot.line, self.program.qualified_name(spot.place))
    }
}

/// A function written in Python has a frame of its own.
fn of_stack(written: &[String], below: &[Frame]) -> Result<Vec<String>, String> {
    let frame = below.iter().find(|frame| !frame.function.contains('<'));
    let frame = frame.ok_or("what it calls has no name of its own")?;
    let defined = defined(frame).ok_or_else(|| {
        format!("`{}` is called, of `{}`, which is no library", frame.function, frame.file)
    })?;
    let last = frame.last_name();
    let last = if last == "__init__" { class_of(&defined) } else { Some(last) };
    let is_same = |name: &str| name.rsplit('.').next() == last;
    let mut names: Vec<String> = written.iter().filter(|name| is_same(name)).cloned().collect();
    let defined = defined.strip_suffix(".__init__").unwrap_or(&defined).to_owned();
    if !names.contains(&defined) {
        names.push(defined);
    }
    names.sort();
    names.dedup();
    Ok(names)
}

fn class_of(defined: &str) -> Option<&str> {
    defined.strip_suffix(".__init__")?.rsplit('.').next()
}

/// Where a function is defined, such as `acme.client.Client.fetch`, from its frame. The file says
/// it best, if it is at hand: before Python 3.11 a stack does not know classes.
fn defined(frame: &Frame) -> Option<String> {
    let module = module_of(&frame.file)?;
    let function = qualified(frame).unwrap_or_else(|| frame.function.clone());
    Some(format!("{module}.{function}"))
}

/// The module of a library's file.
fn module_of(file: &str) -> Option<String> {
    let folders = LIBRARY_FOLDERS.iter().filter_map(|mark| file.rsplit_once(mark));
    let inside = folders.map(|(_, inside)| inside).min_by_key(|inside| inside.len());
    let inside = inside.or_else(|| {
        // Python's own: behind `lib/python3.13/`.
        let (_, rest) = file.rsplit_once("/lib/python3.")?;
        rest.split_once('/').map(|(_, inside)| inside)
    })?;
    let path = inside.strip_suffix(".py")?;
    let path = path.strip_suffix("/__init__").unwrap_or(path);
    Some(path.replace('/', "."))
}

/// The name of the function around a line of a library's file, with its classes.
fn qualified(frame: &Frame) -> Option<String> {
    let path = Path::new(&frame.file);
    if path.extension().is_none_or(|it| it != "py") || !path.is_file() {
        return None;
    }
    let text = read_text(path).ok()?;
    let (summary, lines) = (summarize(&text), Lines::of(&text));
    let at = lines.end(frame.line)?;
    let around = summary.scopes.iter().filter(|it| {
        it.kind.is_function() && it.span.start <= at && at <= it.span.end.saturating_add(1)
    });
    let mut scope = around.min_by_key(|it| it.span.end - it.span.start)?;
    if summary.text(scope.name) != frame.last_name() {
        return None;
    }
    let mut names = vec![summary.text(scope.name)];
    loop {
        scope = summary.scope(scope.parent)?;
        match scope.kind {
            ScopeKind::Module => break,
            ScopeKind::Class => names.push(summary.text(scope.name)),
            _ => return None,
        }
    }
    names.reverse();
    Some(names.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_module_of_a_library_is_told_from_its_path() {
        for (file, module) in [
            ("/v/lib/python3.12/site-packages/acme/client.py", Some("acme.client")),
            ("/usr/lib/python3/dist-packages/acme/__init__.py", Some("acme")),
            ("/usr/lib/python3.12/json/decoder.py", Some("json.decoder")),
            ("/srv/app/shop/db.py", None),
            ("/v/lib/python3.12/site-packages/acme/native.so", None),
        ] {
            assert_eq!(module_of(file).as_deref(), module, "{file}");
        }
    }
}
