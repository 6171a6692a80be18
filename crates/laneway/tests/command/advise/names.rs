//! What a name may stand for: a task, a rule, a code.

use super::*;

#[test]
fn a_task_that_nobody_knows_is_refused_with_the_closest_name() {
    let bench = measured();
    for (name, meant) in [
        ("shop.fetsh", "shop.fetch"),
        ("fetch", "shop.fetch"),
        ("fetsh", "shop.fetch"),
        ("calm", "shop.calm"),
    ] {
        for command in ["advise", "explain"] {
            let done = bench.run(&format!("{command} {name}"));
            done.expect_error(1, "LW2003");
            assert!(done.err.contains(&format!("did you mean `{meant}`?")), "{}", done.err);
        }
    }
    let done = bench.run("explain unheard");
    assert!(done.expect_error(1, "LW2003").err.contains("`laneway advise` lists"), "{}", done.err);
}

#[test]
fn rules_and_codes_are_explained_without_a_store() {
    let bench = Bench::new();
    let out = bench.run("explain r4").expect(0).out.clone();
    assert!(out.starts_with("R4  bound by the GIL\n"), "{out}");
    assert!(out.contains("CORES_USED_BOUND_LOW = 0.90 cores"), "{out}");
    let out = bench.run("explain lw2010").expect(0).out.clone();
    assert!(out.starts_with("LW2010  ") && out.contains("docs/errors/LW2010.md"), "{out}");
    let objects = bench.run("explain R4 --json").expect(0).objects();
    assert_eq!(objects[0]["name"], "bound by the GIL");
    let out = bench.run("explain lw101").expect(0).out.clone();
    assert!(out.starts_with("LW101  sleep on the event loop\n"), "{out}");
    assert!(out.contains("docs/check/LW101.md"), "{out}");
    let objects = bench.run("explain LW110 --json").expect(0).objects();
    assert_eq!(objects[0]["page"], "docs/check/LW110.md");
}

/// They were taken for the names of tasks.
#[test]
fn rules_and_codes_that_do_not_exist_are_refused_with_the_nearest() {
    let bench = Bench::new();
    for (name, nearest) in [
        ("R99", "R8"),
        ("r9", "R8"),
        ("LW108", "LW107"),
        ("LW9999", "LW9001"),
        ("lw1011", "LW1010"),
        ("LW20010", "LW2001"),
    ] {
        let done = bench.run(&format!("explain {name}"));
        done.expect_error(2, "LW1023");
        assert!(done.err.contains(&format!("did you mean `{nearest}`?")), "{}", done.err);
    }
    assert!(bench.run("explain R99").err.contains("the rules are `R0` to `R8`"));
    assert!(!bench.path(".laneway").exists(), "no store is asked");
}
