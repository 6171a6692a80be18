//! The lives of runners, and what becomes of their attempts.

use std::sync::Arc;
use std::time::Duration;

use laneway_core::error::{Code, Error};
use laneway_core::job::Failure;

use super::{Command, Course, Supervisor};
use crate::attempts::Stage;
use crate::clock::Moment;
use crate::deadlines::Due;
use crate::fleet::{Doom, Life, Role, Runner, RunnerId};
use crate::observer::Happening;
use crate::outcome;
use crate::protocol::{FromRunner, Hello, PROTOCOL_VERSION, StopReason, ToRunner};
use crate::restart::Died;
use crate::runner::Exit;
use crate::tasks::TaskTable;

/// The time a runner has that is to be killed, for telling what it measured last: it does so twice
/// a second, by a thread that an event loop does not block.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The time a runner that was told to end has for closing its resources.
const ENDING_TIME: Duration = Duration::from_secs(5);

impl Supervisor {
    pub(super) fn runner_said(&mut self, id: RunnerId, message: FromRunner, now: Moment) {
        match message {
            FromRunner::Hello(hello) => self.runner_ready(id, hello, now),
            FromRunner::Refused(error) => self.runner_refused(id, error, now),
            FromRunner::Started(attempts) => {
                for attempt in attempts {
                    self.attempt_started(id, attempt, now);
                }
            }
            FromRunner::Done(done) => self.attempts_done(id, done, now),
            FromRunner::Progress(reports) => self.attempts_progressed(reports),
            FromRunner::Pong(number) => self.runner_ponged(id, number, now),
            FromRunner::Measured(profiles) => self.runner_measured_attempts(profiles, now),
            FromRunner::Calibrated(costs) => self.runner_calibrated(costs),
            FromRunner::Stuck(stuck) => self.runner_stuck(id, stuck, now),
        }
    }

    /// A runner has imported the application.
    pub(super) fn runner_ready(&mut self, id: RunnerId, hello: Hello, now: Moment) {
        if hello.protocol != PROTOCOL_VERSION {
            let error = protocol_mismatch(&hello);
            return self.runner_garbled(id, error, now);
        }
        let table = if hello.app == *self.table.manifest() {
            Arc::clone(&self.table)
        } else {
            Arc::new(TaskTable::new(hello.app))
        };
        let is_running = self.course == Course::Running;
        let Some(runner) = self.fleet.get_mut(id).filter(|r| r.life == Life::Starting) else {
            return;
        };
        runner.life = Life::Ready;
        runner.ready_at = Some(now);
        runner.table = Some(Arc::clone(&table));
        let (role, started_at) = (runner.role, runner.started_at);
        self.deadlines.remove(started_at.plus(super::spawn::READY_TIME), Due::Ready(id));
        self.restart(role).ready();
        self.happenings.push(Happening::RunnerReady {
            runner: id.0,
            kind: role.kind(),
            pid: hello.pid,
            took: now.since(started_at),
        });
        if role == Role::Process {
            self.process_ready(id, now);
        }
        if role == Role::Main {
            self.application_loaded(&table);
            self.table = table;
            let older: Vec<_> =
                self.fleet.of_role(role).map(|r| r.id).filter(|r| *r < id).collect();
            for older in older {
                self.retire(older, "its replacement is ready", now);
            }
        }
        if !is_running {
            self.end_runner(id, now);
        }
    }

    /// A runner gets no more work.
    pub(super) fn retire(&mut self, id: RunnerId, why: &'static str, now: Moment) {
        let Some(runner) = self.fleet.get_mut(id).filter(|runner| runner.takes_work()) else {
            return;
        };
        let was_told = runner.life == Life::Worn;
        runner.life = Life::Retiring;
        let kind = runner.role.kind();
        if !was_told {
            self.happenings.push(Happening::RunnerRetired { runner: id.0, kind, why });
        }
        self.runner_lost_work(id, now);
    }

    /// A runner has fewer attempts than before: one that retires may be done with them.
    pub(super) fn runner_lost_work(&mut self, id: RunnerId, now: Moment) {
        let limit = self.options.recycle_jobs;
        let Some(runner) = self.fleet.get(id) else {
            return;
        };
        if runner.role == Role::Process
            && runner.takes_work()
            && limit.is_some_and(|limit| runner.ended >= limit)
        {
            if runner.unstarted > 0 {
                self.commands.push_back(Command::TakeBack(id));
            }
            return self.retire(id, "it has run as many jobs as it may", now);
        }
        let is_idle = runner.held == 0;
        match (runner.life, runner.role) {
            (Life::Retiring, _) if is_idle && runner.abandoned > 0 => {
                self.deadlines.add(now.plus(LAST_WORDS), Due::LastWords(id));
            }
            (Life::Retiring, _) if is_idle => self.end_runner(id, now),
            (Life::Ready, Role::Process) if is_idle => self.process_idle(id, now),
            (Life::Ready, Role::Isolated) if is_idle && self.waiting.isolated.is_empty() => {
                self.end_runner(id, now);
            }
            _ => {}
        }
    }

    /// Tells a runner to close its resources and end.
    pub(super) fn end_runner(&mut self, id: RunnerId, now: Moment) {
        let Some(runner) = self.fleet.get_mut(id).filter(|r| r.life != Life::Ending) else {
            return;
        };
        runner.life = Life::Ending;
        self.deadlines.add(now.plus(ENDING_TIME), Due::Gone(id));
        self.commands.push_back(Command::Send(id, ToRunner::Drain));
    }

    /// Ends a runner by force. What it has is settled when its process is gone.
    pub(super) fn kill(&mut self, id: RunnerId, doom: Doom) {
        let Some(runner) = self.fleet.get_mut(id).filter(|runner| runner.doom.is_none()) else {
            return;
        };
        runner.life = Life::Ending;
        runner.doom = Some(doom);
        self.commands.push_back(Command::Kill(id));
    }

    /// A runner that has nothing left but attempts which were settled without it is of no use.
    pub(super) fn runner_has_told_all(&mut self, id: RunnerId) {
        let is_of_no_use = |r: &Runner| r.life == Life::Retiring && r.held == 0 && r.abandoned > 0;
        if self.fleet.get(id).is_some_and(is_of_no_use) {
            self.kill(id, Doom::Disobeyed);
        }
    }

    pub(super) fn runner_not_ready(&mut self, id: RunnerId) {
        if self.fleet.get(id).is_some_and(|runner| runner.life == Life::Starting) {
            self.kill(id, Doom::Unusable);
        }
    }

    pub(super) fn runner_not_gone(&mut self, id: RunnerId) {
        self.kill(id, Doom::Disobeyed);
    }

    /// It says why and ends; what the application left running in it must not keep it alive. It
    /// counts as dead at once: were it only when it has ended, the next one would be started
    /// without a pause.
    fn runner_refused(&mut self, id: RunnerId, error: Error, now: Moment) {
        let Some(runner) = self.fleet.get_mut(id).filter(|r| r.life == Life::Starting) else {
            return;
        };
        runner.life = Life::Ending;
        let role = runner.role;
        self.deadlines.add(now.plus(ENDING_TIME), Due::Gone(id));
        let how = format!("it refused to work: {}: {}", error.code(), error.what());
        self.last_refusal = Some(error);
        self.runner_died((id, role), &how, Died::Unready, now);
    }

    fn runner_died(&mut self, (id, role): (RunnerId, Role), how: &str, died: Died, now: Moment) {
        let kind = role.kind();
        self.report.runners_died += 1;
        self.happenings.push(Happening::RunnerDied { runner: id.0, kind, how: how.to_owned() });
        self.restart(role).died(died, now);
        if self.restart(role).is_hopeless() {
            let error = self.last_refusal.take().unwrap_or_else(|| unstable(kind.as_str(), how));
            self.end_because_of(error, now);
        }
    }

    /// A runner that was never understood is of another release, and so will the next one be.
    pub(super) fn runner_garbled(&mut self, id: RunnerId, error: Error, now: Moment) {
        if self.fleet.get(id).is_some_and(|runner| runner.ready_at.is_none()) {
            self.end_because_of(error, now);
        }
        self.kill(id, Doom::Unusable);
    }

    pub(super) fn runner_not_started(&mut self, id: RunnerId, error: Error, now: Moment) {
        self.last_refusal = Some(error);
        let exit = Exit { how: "it could not be started".to_owned() };
        self.runner_exited(id, &exit, now);
    }

    pub(super) fn runner_exited(&mut self, id: RunnerId, exit: &Exit, now: Moment) {
        let numbers = self.attempts.of_runner(id);
        let was_at_work = numbers
            .iter()
            .any(|number| self.attempts.get(*number).is_some_and(|a| a.started_at().is_some()));
        let Some(runner) = self.fleet.get(id) else {
            return;
        };
        let how = how_it_ended(runner, exit);
        let cause = cause_of_death(runner, &how, self.options.memory_bytes_max);
        for number in numbers {
            let Some(attempt) = self.attempts.get(number) else {
                continue;
            };
            let outcome = outcome::of_death(attempt, cause.clone(), self.rng.f64());
            self.end_unreported(number, outcome, now);
        }
        self.measure_lost_attempt(id, now);
        let Some(runner) = self.fleet.remove(id) else {
            return;
        };
        // One that refused to work was counted when it said so, and is ending since then.
        let was_expected = match runner.doom {
            Some(Doom::Disobeyed | Doom::Fenced) => true,
            Some(Doom::Memory(_) | Doom::Unusable) => false,
            None => runner.life == Life::Ending,
        };
        if was_expected {
            return;
        }
        let died = match runner.ready_at {
            None => Died::Unready,
            Some(_) if was_at_work => Died::AtWork,
            Some(ready_at) => Died::Idle(now.since(ready_at)),
        };
        self.runner_died((id, runner.role), &how, died, now);
    }

    fn attempt_started(&mut self, id: RunnerId, number: u64, now: Moment) {
        let Some(attempt) = self.attempts.get_mut(number) else {
            return;
        };
        if attempt.stage != Stage::Sent(id) {
            return;
        }
        attempt.stage = Stage::Started(id, now);
        if attempt.stop.is_none()
            && let Some(timeout) = attempt.policy.timeout
        {
            let (at, due) = (now.plus(timeout), Due::Timeout(number));
            attempt.due = Some((at, due));
            self.deadlines.add(at, due);
        }
        let stop = attempt.stop;
        let Some(runner) = self.fleet.get_mut(id) else {
            return;
        };
        runner.unstarted -= 1;
        if let (Some(reason), Role::Process) = (stop, runner.role) {
            self.send_stop(id, number, reason);
        }
    }

    pub(super) fn send_stop(&mut self, id: RunnerId, attempt: u64, reason: StopReason) {
        self.commands.push_back(Command::Send(id, ToRunner::Stop { attempt, reason }));
        if self.fleet.get(id).is_some_and(|runner| runner.role == Role::Process) {
            self.commands.push_back(Command::Interrupt(id));
        }
    }
}

/// How a runner came to its end. What its supervisor did by force is not told as the kernel's deed.
fn how_it_ended(runner: &Runner, exit: &Exit) -> String {
    let how = match runner.doom {
        None => return exit.how.clone(),
        Some(Doom::Disobeyed) => "it did not do what it was told, and was killed",
        Some(Doom::Fenced) => "its session was lost, and it was killed",
        Some(Doom::Memory(_)) => "it used too much memory, and was killed",
        Some(Doom::Unusable) => "it was not ready in time or not understood, and was killed",
    };
    how.to_owned()
}

fn cause_of_death(runner: &Runner, how: &str, memory_bytes_max: Option<u64>) -> Failure {
    if let (Some(Doom::Memory(bytes)), Some(max)) = (&runner.doom, memory_bytes_max) {
        let (used, max) = (bytes >> 20, max >> 20);
        let message = format!("its runner used {used} MiB of memory, more than {max} MiB");
        return Failure::new(Code::MemoryExceeded, message);
    }
    Failure::new(Code::RunnerDied, format!("its runner died: {how}"))
}

fn unstable(kind: &str, how: &str) -> Error {
    Error::new(Code::RunnerUnstable, format!("the {kind} runner does not get ready"))
        .why(format!("the last of several tries ended like this: {how}"))
}

/// The error for a runner of another release.
pub(crate) fn protocol_mismatch(hello: &Hello) -> Error {
    Error::new(Code::RunnerMismatch, "the runner speaks another version of the protocol").why(
        format!("it has version {}, this worker {PROTOCOL_VERSION}", hello.protocol)
            + &format!("; Laneway is {} there", hello.version),
    )
}
