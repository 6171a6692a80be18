//! Measurements joined with the code: what a finding cost, what reading did not see, and what the
//! stacks teach.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are test code too, but the lints know only test functions"
)]

use std::fs;
use std::path::Path;
use std::time::Duration;

use laneway_check::{
    Cause, Evidence, Finding, Frame, Kind, Knowledge, Lessons, Options, Rule, Sighting, check,
    learn,
};
use tempfile::TempDir;

/// A service: one call that reading finds, one of a library that nothing is known of, one whose
/// way is lost, and one that computes.
const APP: &str = "\
import time
from acme import Client
import acme.tools as tools

class Service:
    def __init__(self, client: Client, plugin):
        self.client = client
        self.plugin = plugin

    async def known(self):
        pause()

    async def unknown(self):
        self.client.fetch('x')

    async def lost(self):
        self.plugin.load()

    async def computes(self, rows):
        return [row * 2 for row in rows]

    async def native(self):
        tools.crunch(1)

def pause():
    time.sleep(0.2)
";
const LIBRARY: &str = "/venv/lib/python3.12/site-packages/acme/client.py";

fn frame(file: &str, line: u32, function: &str) -> Frame {
    Frame { file: file.to_owned(), line, function: function.to_owned() }
}

/// A sighting by its stack, outermost frame first; its own frame is the last one of `app.py`.
fn sighting(stack: &[Frame], cause: Cause, millis: u64) -> Sighting {
    let own = stack.iter().rev().find(|it| !it.file.contains("/site-packages/"));
    Sighting {
        frame: own.unwrap().clone(),
        stack: stack.to_vec(),
        task: "shop.work".to_owned(),
        cause,
        count: 3,
        total: Duration::from_millis(millis),
        longest: Duration::from_millis(millis / 2),
    }
}

fn project() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("shop")).unwrap();
    fs::write(folder.path().join("shop/__init__.py"), "").unwrap();
    fs::write(folder.path().join("shop/app.py"), APP).unwrap();
    folder
}

fn options(folder: &Path, evidence: Option<Evidence>) -> Options {
    Options {
        paths: vec![folder.to_owned()],
        base: folder.to_owned(),
        evidence,
        ..Options::default()
    }
}

fn findings(sightings: Vec<Sighting>) -> Vec<Finding> {
    let folder = project();
    let evidence = Evidence { sightings, loop_time: Duration::from_secs(100) };
    let options = options(folder.path(), Some(evidence));
    check(&options, &Knowledge::load(&[]).unwrap()).findings
}

fn lessons(sightings: Vec<Sighting>) -> Lessons {
    let folder = project();
    let evidence = Evidence { sightings, loop_time: Duration::from_secs(100) };
    learn(&options(folder.path(), None), &Knowledge::load(&[]).unwrap(), &evidence)
}

/// The program ran in another folder than the one that is checked.
const RAN: &str = "/srv/deployed/shop/app.py";

#[test]
fn a_finding_has_the_cost_of_its_line_from_all_tasks() {
    let stack = [frame(RAN, 11, "Service.known"), frame(RAN, 26, "pause")];
    let other = Sighting { task: "shop.other".to_owned(), ..sighting(&stack, Cause::Waits, 400) };
    let found = findings(vec![sighting(&stack, Cause::Waits, 600), other]);
    let finding = found.iter().find(|it| it.rule == Rule::Lw110).unwrap();
    let cost = finding.measured.as_ref().unwrap();
    assert_eq!((cost.count, cost.total), (6, Duration::from_secs(1)));
    assert_eq!(cost.longest, Duration::from_millis(300));
    assert_eq!(cost.per_hour(), Some(Duration::from_secs(36)));
    assert_eq!(cost.tasks, ["shop.other", "shop.work"]);
    assert!(found.iter().all(|it| it.rule != Rule::Lw002), "{found:#?}");
}

#[test]
fn what_reading_did_not_see_says_why() {
    for (stack, cause, line, why) in [
        (
            vec![frame(RAN, 14, "Service.unknown"), frame(LIBRARY, 9, "Client.fetch")],
            Cause::Waits,
            14,
            "nothing is known of the library `acme`",
        ),
        (
            vec![frame(RAN, 17, "Service.lost")],
            Cause::Waits,
            17,
            "nothing says what the parameter `plugin` of `Service.__init__` is",
        ),
        (
            vec![frame(RAN, 20, "Service.computes")],
            Cause::Computes,
            20,
            "it computes, and reading cannot tell for how long",
        ),
        (
            // A library has a file of the same name, which is another one.
            vec![frame(RAN, 17, "Service.lost"), frame("/v/site-packages/shop/app.py", 1, "x")],
            Cause::Waits,
            17,
            "nothing says what the parameter `plugin` of `Service.__init__` is",
        ),
        (
            vec![frame(RAN, 26, "resume")],
            Cause::Waits,
            26,
            "the line belongs to another function by now",
        ),
        (
            vec![frame("/srv/other/tool.py", 3, "main")],
            Cause::Waits,
            3,
            "the file is none of those that were read",
        ),
    ] {
        let found = findings(vec![sighting(&stack, cause, 100)]);
        let missed: Vec<_> = found.iter().filter(|it| it.rule == Rule::Lw002).collect();
        assert_eq!(missed.len(), 1, "{stack:?}");
        assert!(missed[0].message.ends_with(why), "{}", missed[0].message);
        assert_eq!(missed[0].location.line, line);
        assert_eq!(missed[0].measured.as_ref().unwrap().count, 3);
        assert!(found.iter().filter(|it| it.measured.is_some()).count() == 1);
    }
}

#[test]
fn stacks_teach_the_names_of_libraries_functions() {
    let fetch = [frame(RAN, 14, "Service.unknown"), frame(LIBRARY, 9, "Client.fetch")];
    let native = [frame(RAN, 23, "Service.native")];
    let Lessons { learned, left } = lessons(vec![
        sighting(&native, Cause::Computes, 100),
        sighting(&fetch, Cause::Waits, 900),
        sighting(&fetch, Cause::Waits, 100),
    ]);
    assert!(left.is_empty(), "{left:#?}");
    // As the program imports it, and where it is defined.
    assert_eq!(learned[0].names, ["acme.Client.fetch", "acme.client.Client.fetch"]);
    assert_eq!(learned[0].cost.total, Duration::from_secs(1));
    assert_eq!(learned[0].callers, ["shop/app.py:14 shop.app.Service.unknown"]);
    assert_eq!(learned[1].names, ["acme.tools.crunch"]);
    assert_eq!((learned[0].kind, learned[1].kind), (Kind::Wait, Kind::CpuHeld));
}

#[test]
fn lines_that_teach_nothing_say_why() {
    for (stack, cause, why) in [
        (vec![frame(RAN, 26, "pause")], Cause::Waits, "`time.sleep` is known to block"),
        (
            vec![frame(RAN, 20, "Service.computes")],
            Cause::Computes,
            "the code of the project itself computes there",
        ),
        (
            vec![frame(RAN, 14, "Service.unknown")],
            Cause::WaitsForGil,
            "it waited for the GIL, which another thread held",
        ),
        (
            vec![frame("/srv/other/tool.py", 3, "main")],
            Cause::Waits,
            "none of the code that was read is on its stack",
        ),
        (
            vec![frame(RAN, 17, "Service.lost")],
            Cause::Waits,
            "it calls no function of a library by a name that can be told",
        ),
    ] {
        let Lessons { learned, left } = lessons(vec![sighting(&stack, cause, 100)]);
        assert!(learned.is_empty(), "{learned:#?}");
        assert_eq!(left[0].why, why);
    }
}

#[test]
fn what_was_learned_is_found_by_reading() {
    let text = "[[entry]]\nnames = [\"acme.Client.fetch\"]\nkind = \"wait\"\ntier = 1\nrule = \"LW105\"\nwhat = \"waits\"\n";
    let folder = project();
    let knowledge = Knowledge::load(&[("own.toml".to_owned(), text.to_owned())]).unwrap();
    let found = check(&options(folder.path(), None), &knowledge).findings;
    let finding = found.iter().find(|it| it.rule == Rule::Lw105).unwrap();
    assert_eq!(finding.location.line, 14);
}
