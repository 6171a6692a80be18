//! The static analyser behind `laneway check`: what keeps an event loop from turning, found by
//! reading the code, across functions and files.
//!
//! **What it promises.** It never runs the code it reads, and never guesses: a name whose meaning
//! is not known is silent. Each finding stands at the blocking call, once, with the shortest way
//! from an async function to it. No file makes it crash: what cannot be read is a [`FileProblem`].
//!
//! **What it does not do.** It does not read the libraries a project has installed; what is known
//! of them is data, in `knowledge/`. It prints nothing and knows no command line.
//!
//! **Where to start reading.** [`mod@check`] is the pipeline: find files ([`discovery`]), read each
//! into a summary ([`lowering`], the only module that knows the parser), link them ([`program`],
//! [`resolve`]), follow calls from the loop ([`graph`]), apply the rules ([`rules`]). A
//! [`Workspace`] keeps what was read, for those who ask again.
#![cfg_attr(
    not(test),
    expect(rustdoc::private_intra_doc_links, reason = "the map of the crate names its modules")
)]

mod answers;
mod cache;
mod check;
mod discovery;
mod evidence;
mod finding;
mod finish;
mod fixes;
mod graph;
mod knowledge;
mod learn;
mod lines;
mod lowering;
mod program;
mod resolve;
mod rules;
mod source;
mod summary;
mod workspace;

pub use check::{Options, Report, check};
pub use evidence::{Cause, Cost, Evidence, Frame, Sighting};
pub use finding::{Confidence, FileProblem, Finding, Fix, Location, Replacement, Step, Tier};
pub use fixes::{fixed, replacements};
pub use knowledge::{Kind, Knowledge, KnowledgeError, Lane};
pub use learn::{Lesson, Lessons, NotLearned, learn};
pub use rules::{RULES, Rule, RuleEntry};
pub use workspace::Workspace;
