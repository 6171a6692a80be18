//! The verdicts on the tasks of a store: what was measured is read, judged and put in order.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use laneway_core::error::{Code, Error, closest_name};
use laneway_core::job::{Lane, TaskName};
use laneway_core::profile::{InLine, Loops, Move, Profile, SizeBucket};
use laneway_core::store::{ReadProfiles, RegisteredTask, Registry, Store};
use laneway_core::verdict::{
    Advice, Calibration, Change, Delay, Form, Mobility, Question, TaskFacts, advise,
};

use super::edit::Edit;
use super::event_loop::EventLoop;
use super::gil::told;
use crate::store::AnyStore;

/// The most tasks that are offered for a name.
const MEANT_MAX: usize = 3;

/// A task with all that its verdict depends on.
#[derive(Debug)]
pub(in crate::cli) struct Case {
    pub(in crate::cli) advice: Advice,
    /// How long others on its loop make it wait, if that is worth a word.
    pub(super) delay: Option<Delay>,
    pub(super) origin: Origin,
    pub(super) facts: TaskFacts,
    /// Where its application is found; `None` for a task that no application has any more.
    pub(super) application: Option<String>,
    pub(super) calibration: Calibration,
    /// Whether a worker has measured the calibration; if not, it is that of another machine.
    pub(super) is_calibrated: bool,
    /// What was measured, by lane, size and interpreter.
    pub(super) profiles: Vec<Profile>,
}

/// What ran a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// A worker, which has lanes.
    Worker,
    /// A program of its own.
    Program,
}

/// How much an advice matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::cli) enum Level {
    /// There is too little evidence.
    Unknown,
    /// Nothing is to do.
    Well,
    /// Something could be simpler, or is not the code's business.
    Hint,
    /// The code should change.
    Warning,
    /// The code is wrong.
    Error,
}

impl Level {
    pub(super) const fn of(change: &Change) -> Self {
        match change {
            Change::CollectMore => Self::Unknown,
            Change::Keep => Self::Well,
            Change::CallDirectly | Change::RelieveHost => Self::Hint,
            Change::UseAsyncLibrary { .. }
            | Change::MakeDef
            | Change::Offload { .. }
            | Change::AwaitMoreOften
            | Change::MoveLane { .. }
            | Change::SplitBySize => Self::Warning,
            Change::SerialThread => Self::Error,
        }
    }

    /// Whether the code should change.
    pub(in crate::cli) fn has_change(self) -> bool {
        self >= Self::Warning
    }
}

impl Case {
    pub(in crate::cli) const fn level(&self) -> Level {
        Level::of(&self.advice.change)
    }

    /// Whether there is more to tell of it than fits in a line.
    pub(super) fn has_block(&self) -> bool {
        self.level() >= Level::Hint || self.delay.is_some() || !self.moves().is_empty()
    }

    /// Whether a worker ran it, so that there are lanes.
    pub(super) fn is_of_worker(&self) -> bool {
        self.origin == Origin::Worker
    }

    /// Whether it is an endpoint of a web application, which is named after its method and path.
    pub(super) fn is_endpoint(&self) -> bool {
        let name = self.advice.task.as_str();
        let is_method = |method: &str| method.chars().all(|sign| sign.is_ascii_uppercase());
        !self.is_of_worker() && name.split_once(" /").is_some_and(|(method, _)| is_method(method))
    }

    /// What the auto lane did with the task, the latest last, with the size of the arguments.
    pub(super) fn moves(&self) -> Vec<(SizeBucket, &Move)> {
        moves(&self.profiles)
    }

    /// What the advice saves: seconds of the scarce resource in a second.
    fn saving(&self) -> f64 {
        let rate = self.advice.evidence.rate;
        let of_prediction = self.advice.prediction.map(|saved| saved.saved_seconds.likely * rate);
        of_prediction.unwrap_or_else(|| self.advice.lag.as_ref().map_or(0.0, |lag| lag.busy_share))
    }
}

/// The verdicts on these tasks, or on all; the worst first. `folder` is where the paths of their
/// code begin.
pub(super) async fn survey(
    store: &AnyStore,
    within: Option<Duration>,
    names: &[String],
    folder: &Path,
) -> Result<Vec<Case>, Error> {
    let registry = store.registry().await?;
    let profiles = store.profiles(ReadProfiles { task: None, within }).await?;
    let profiles = profiles.into_iter().map(|profile| told(profile, folder)).collect();
    let mut known = tasks(&registry, profiles);
    for name in names {
        if !known.iter().any(|task| task.name.as_str() == name) {
            return Err(unknown(name, &known));
        }
    }
    let event_loops = event_loops(&known);
    known.retain(|task| names.is_empty() || names.iter().any(|name| name == task.name.as_str()));
    let mut cases: Vec<Case> =
        known.into_iter().map(|task| judge(task, &registry, &event_loops, folder)).collect();
    sort(&mut cases);
    Ok(cases)
}

/// The verdicts on coroutines that no worker ran, from their profiles, how many can stand in line,
/// and the time for which their loops ran; the worst first. `folder` is where the paths of their
/// code begin.
pub(in crate::cli) fn of_profiles(
    profiles: Vec<(Profile, InLine)>,
    loop_time: Duration,
    folder: &Path,
) -> Vec<Case> {
    let in_line = profiles.iter().map(|(profile, line)| (profile, *line));
    let event_loops = BTreeMap::from([(None, EventLoop::of(in_line.collect(), loop_time))]);
    let judged = |(profile, _): (Profile, InLine)| {
        let name = profile.key.task.clone();
        let task = Task {
            application: None,
            facts: TaskFacts::new(Form::AsyncDef, Lane::Async),
            profiles: vec![profile],
            name,
        };
        let case = judge(task, &Registry::default(), &event_loops, folder);
        Case { origin: Origin::Program, ..case }
    };
    let mut cases: Vec<Case> = profiles.into_iter().map(judged).collect();
    sort(&mut cases);
    cases
}

fn sort(cases: &mut [Case]) {
    cases.sort_by(|a, b| {
        (b.level().cmp(&a.level()))
            .then_with(|| b.saving().total_cmp(&a.saving()))
            .then_with(|| a.advice.task.cmp(&b.advice.task))
    });
}

/// What the store knows of a task.
struct Task {
    name: TaskName,
    application: Option<String>,
    facts: TaskFacts,
    profiles: Vec<Profile>,
}

/// Registered tasks and those that were only measured.
fn tasks(registry: &Registry, profiles: Vec<Profile>) -> Vec<Task> {
    let mut measured: BTreeMap<TaskName, Vec<Profile>> = BTreeMap::new();
    for profile in profiles {
        measured.entry(profile.key.task.clone()).or_default().push(profile);
    }
    let mut tasks = Vec::new();
    for RegisteredTask { task, application, facts } in &registry.tasks {
        tasks.push(Task {
            name: task.clone(),
            application: Some(application.clone()),
            facts: facts.clone(),
            profiles: measured.remove(task).unwrap_or_default(),
        });
    }
    tasks.extend(measured.into_iter().map(|(name, profiles)| Task {
        name,
        application: None,
        facts: guessed(&profiles),
        profiles,
    }));
    tasks
}

/// What can be said of a task that no application has any more.
fn guessed(profiles: &[Profile]) -> TaskFacts {
    let most = profiles.iter().max_by_key(|profile| profile.runs());
    let lane = most.map_or(Lane::Thread, |profile| profile.key.lane);
    let form = if lane == Lane::Async { Form::AsyncDef } else { Form::Def };
    TaskFacts::new(form, lane)
}

/// Each application's event loop, or the mean one where several ran, with the tasks that it runs by
/// now: what moved to another lane delays nobody there any more, and neither does a task that no
/// application has.
fn event_loops(tasks: &[Task]) -> BTreeMap<Option<String>, EventLoop> {
    let mut by_application: BTreeMap<_, Vec<&Profile>> = BTreeMap::new();
    let is_there = |task: &&Task| task.application.is_some() && task.facts.lane == Lane::Async;
    for task in tasks.iter().filter(is_there) {
        let on_loop = task.profiles.iter().filter(|profile| profile.key.lane == Lane::Async);
        by_application.entry(task.application.clone()).or_default().extend(on_loop);
    }
    let of_attempts = |profiles: Vec<&Profile>| {
        let time = loop_time(&profiles);
        let in_line = profiles.into_iter().map(|profile| (profile, InLine::Attempts));
        EventLoop::of(in_line.collect(), time)
    };
    by_application.into_iter().map(|(name, profiles)| (name, of_attempts(profiles))).collect()
}

/// The time that the loops had on which these attempts ran. Profiles of before do not tell loops
/// apart: all of theirs count as one.
pub(in crate::cli) fn loop_time(profiles: &[&Profile]) -> Duration {
    let mut loops = Loops::default();
    for profile in profiles {
        loops.join(&profile.loops);
    }
    let of_before = || profiles.iter().filter(|profile| profile.loops.is_empty());
    let first = of_before().filter_map(|profile| profile.first_at).min();
    let last = of_before().filter_map(|profile| profile.last_at).max();
    let before = first.zip(last).map_or(Duration::ZERO, |(first, last)| last.since(first));
    loops.time().saturating_add(before)
}

/// The profiles of a task. Lines of attempts that did not end have no size of arguments; they
/// stand beside the runs in the same lane if these are of one size, and else apart.
pub(super) fn seen(profiles: &[Profile]) -> Vec<Profile> {
    let (mut measured, unmeasured): (Vec<Profile>, Vec<Profile>) =
        profiles.iter().cloned().partition(|profile| profile.runs() > 0);
    let mut apart = Vec::new();
    for lines in unmeasured {
        let is_same = |profile: &&mut Profile| {
            profile.key.lane == lines.key.lane && profile.key.interpreter == lines.key.interpreter
        };
        let mut same: Vec<&mut Profile> = measured.iter_mut().filter(is_same).collect();
        match same.as_mut_slice() {
            [one] => one.merge(&lines),
            _ => apart.push(lines),
        }
    }
    measured.extend(apart);
    measured
}

fn moves(profiles: &[Profile]) -> Vec<(SizeBucket, &Move)> {
    let of = |profile: &'_ Profile| profile.key.size_bucket;
    let mut moves: Vec<_> = profiles
        .iter()
        .flat_map(|profile| profile.moves.iter().map(move |event| (of(profile), event)))
        .collect();
    moves.sort_by_key(|(_, event)| (event.at, event.runs));
    moves
}

/// A task that moves is judged where it runs by now.
fn present(facts: TaskFacts, profiles: &[Profile]) -> TaskFacts {
    let last = moves(profiles).pop().filter(|_| facts.mobility == Some(Mobility::Movable));
    let lane = last.map_or(facts.lane, |(_, event)| event.lane_since());
    TaskFacts { lane, ..facts }
}

/// The verdict. `folder` is where the paths of the code begin.
fn judge(
    task: Task,
    registry: &Registry,
    event_loops: &BTreeMap<Option<String>, EventLoop>,
    folder: &Path,
) -> Case {
    let measured = task.application.as_ref().and_then(|name| registry.calibrations.get(name));
    let calibration = measured.copied().unwrap_or_default();
    let event_loop = event_loops.get(&task.application);
    let ask = |facts: &TaskFacts, profiles: &[Profile]| {
        advise(&Question {
            task: &task.name,
            profiles,
            calibration: &calibration,
            facts,
            lag: event_loop.and_then(|event_loop| event_loop.share(&task.name)),
        })
    };
    let facts = present(task.facts, &task.profiles);
    let advice = ask(&facts, &task.profiles);
    let delay = event_loop.and_then(|it| Delay::of(&advice, &it.neighbours(&task.name)));
    let mut case = Case {
        advice,
        delay,
        origin: Origin::Worker,
        facts,
        application: task.application.clone(),
        calibration,
        is_calibrated: measured.is_some(),
        profiles: task.profiles,
    };
    // What leaves no frame of its own on a stack, as `time.sleep`, is told from the line: where it
    // can be awaited, no other lane is better.
    if case.facts.async_library.is_none()
        && let Some(twin) = Edit::of(&case, folder).and_then(|edit| edit.twin)
    {
        let facts = TaskFacts { async_library: Some(twin.to_owned()), ..case.facts.clone() };
        let advice = ask(&facts, &case.profiles);
        if matches!(advice.change, Change::UseAsyncLibrary { .. }) {
            (case.facts, case.advice) = (facts, advice);
        }
    }
    case
}

fn unknown(name: &str, known: &[Task]) -> Error {
    let names = || known.iter().map(|task| task.name.as_str());
    let why = match known {
        [] => "no worker has registered a task in this store".to_owned(),
        _ => "no application that used this store has it, and none of its runs was measured".into(),
    };
    let error = Error::new(Code::TaskUnknown, format!("there is no task `{name}`"))
        .why(why)
        .fix("`laneway advise` lists the tasks; a worker registers its own when it starts");
    match in_modules(name, names()).as_slice() {
        [] => error.closest(name, names()),
        meant => error.fix(format!("did you mean {}?", meant.join(" or "))),
    }
}

/// The tasks that were meant by the end of their names, or by a function's name close to it.
fn in_modules<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> Vec<String> {
    let end = format!(".{name}");
    let mut meant: Vec<&str> = known.clone().filter(|known| known.ends_with(&end)).collect();
    if meant.is_empty() && !name.contains('.') {
        let function = |known: &'a str| known.rsplit_once('.').map(|(_, last)| last);
        let close = closest_name(name, known.clone().filter_map(function));
        meant.extend(known.filter(|known| close.is_some() && function(known) == close));
    }
    meant.into_iter().take(MEANT_MAX).map(|known| format!("`{known}`")).collect()
}
