//! A whole worker with real runner processes on a real store.

mod bench;
mod crashes;
mod drain;
mod ends;
mod launch;
mod stops;
mod store_trouble;
