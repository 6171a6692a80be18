//! What the loss of the session means.

use laneway_core::id::SessionId;
use laneway_core::job::Lane;
use laneway_core::store::Outcome;

use super::{Command, Supervisor};
use crate::attempts::Stage;
use crate::clock::Moment;
use crate::fleet::{Doom, Role};
use crate::observer::Happening;
use crate::protocol::StopReason;

impl Supervisor {
    /// Work may begin, or begin again.
    pub(super) fn session_opened(&mut self, session: SessionId) {
        self.claims.open_session(session);
        self.happenings.push(if self.has_had_session {
            Happening::SessionOpened { session }
        } else {
            Happening::Ready { session, queues: self.queues.to_vec() }
        });
        self.has_had_session = true;
    }

    /// The store has given the session's jobs to others: whatever happens to them here counts for
    /// nothing. Their attempts are stopped, and nothing of them is settled.
    pub(super) fn session_lost(&mut self, session: SessionId, now: Moment) {
        if self.claims.session() != Some(session) {
            return;
        }
        self.claims.close_session();
        self.settlements.forget();
        self.measurements.forget_session();
        self.commands.push_back(Command::ReplaceSession(session));
        let held = self.attempts.len();
        self.happenings.push(Happening::SessionLost { session, held });
        if let Some(after) = self.trouble.forget_session(now) {
            self.happenings.push(Happening::StoreRecovered { after });
        }
        let busy = |role| {
            let held = self.fleet.of_role(role).filter(|runner| runner.held > 0);
            held.map(|runner| runner.id).collect::<Vec<_>>()
        };
        let (mains, processes) = (busy(Role::Main), busy(Role::Process));
        for number in self.attempts.numbers() {
            self.fence(number, now);
        }
        self.commands.extend(mains.into_iter().map(Command::TakeBack));
        for id in processes {
            self.kill(id, Doom::Fenced);
        }
    }

    fn fence(&mut self, number: u64, now: Moment) {
        let Some(attempt) = self.attempts.get_mut(number) else {
            return;
        };
        attempt.is_fenced = true;
        let is_waiting = matches!(attempt.stage, Stage::Waiting(_));
        if is_waiting {
            self.end_unreported(number, Outcome::Release, now);
        } else if attempt.lane != Lane::Process {
            self.ask_to_stop(number, StopReason::Cancel, now);
        }
    }
}
