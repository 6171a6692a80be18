use std::fs;
use std::path::Path;

use super::*;

/// Every cell of the table, spelled out: a row a state, a column an event in the order of
/// [`Event::ALL`]; a dot is an illegal change.
const EXPECTED: &str = "
    scheduled  ready . . . . cancelled . . . .
    ready      . running . . . cancelled . . . .
    running    . . succeeded scheduled failed cancelled ready scheduled parked .
    succeeded  . . . . . . . . . .
    failed     . . . . . . . . . ready
    cancelled  . . . . . . . . . ready
    parked     . . . . . cancelled . . . ready
";

fn expected(row: &str) -> (State, Vec<Option<State>>) {
    let mut words = row.split_whitespace();
    let state = words.next().unwrap().parse().unwrap();
    let cells = words.map(|word| (word != ".").then(|| word.parse().unwrap())).collect();
    (state, cells)
}

#[test]
fn every_state_and_event_has_the_expected_successor() {
    let rows: Vec<_> = EXPECTED.lines().filter(|l| !l.trim().is_empty()).map(expected).collect();
    assert_eq!(rows.len(), State::ALL.len());
    for (state, cells) in rows {
        assert_eq!(cells.len(), Event::ALL.len(), "{state}");
        for (event, cell) in Event::ALL.into_iter().zip(cells) {
            assert_eq!(next(state, event), cell, "{state} × {event}");
        }
    }
}

#[test]
fn a_succeeded_job_never_changes_again() {
    assert!(Event::ALL.into_iter().all(|event| next(State::Succeeded, event).is_none()));
}

#[test]
fn only_a_running_job_can_be_settled_by_an_attempt() {
    let settlements =
        [Event::Succeed, Event::Retry, Event::Fail, Event::Release, Event::Defer, Event::Park];
    for state in State::ALL.into_iter().filter(|state| *state != State::Running) {
        assert!(settlements.into_iter().all(|event| next(state, event).is_none()), "{state}");
    }
}

/// The page is generated; run with `LANEWAY_BLESS=1` to write it anew.
#[test]
#[expect(clippy::disallowed_methods, reason = "the test reads no setting, only whether to write")]
fn the_documented_table_and_diagram_are_up_to_date() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/concepts/states.md");
    let text = format!(
        "# States of a job\n\nGenerated from `laneway-core/src/transition.rs`; do not edit.\n\n\
         ```mermaid\n{}```\n\nA row a state, a column an event; a dot is an illegal change.\n\n{}",
        diagram_mermaid(),
        table_markdown(),
    );
    if std::env::var_os("LANEWAY_BLESS").is_some() {
        fs::create_dir_all(page.parent().unwrap()).unwrap();
        fs::write(&page, &text).unwrap();
    }
    assert_eq!(fs::read_to_string(&page).unwrap(), text, "run again with LANEWAY_BLESS=1");
}
