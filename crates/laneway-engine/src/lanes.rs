//! One value for each lane.

use laneway_core::job::Lane;

/// A value for each lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct LaneMap<T> {
    pub(crate) async_lane: T,
    pub(crate) thread: T,
    pub(crate) process: T,
}

impl<T> LaneMap<T> {
    pub(crate) const fn get(&self, lane: Lane) -> &T {
        match lane {
            Lane::Async => &self.async_lane,
            Lane::Thread => &self.thread,
            Lane::Process => &self.process,
        }
    }

    pub(crate) const fn get_mut(&mut self, lane: Lane) -> &mut T {
        match lane {
            Lane::Async => &mut self.async_lane,
            Lane::Thread => &mut self.thread,
            Lane::Process => &mut self.process,
        }
    }
}
