//! What strict runs say of calls that could not be followed: the reason, once, and what would tell.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are test code too, but the lints know only test functions"
)]

use std::fs;

use laneway_check::{Finding, Knowledge, Options, Rule, Tier, check};

fn lost(files: &[(&str, &str)], is_strict: bool) -> Vec<Finding> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let options = Options {
        paths: vec![folder.path().to_owned()],
        base: folder.path().to_owned(),
        includes_tests: true,
        is_strict,
        ..Options::default()
    };
    let report = check(&options, &Knowledge::load(&[]).unwrap());
    report.findings.into_iter().filter(|it| it.rule == Rule::Lw001).collect()
}

/// The reasons for which calls of one file are lost.
fn reasons(text: &str) -> Vec<String> {
    let findings = lost(&[("app.py", text)], true);
    let reason = |finding: &Finding| finding.message.split_once(": ").unwrap().1.to_owned();
    findings.iter().map(reason).collect()
}

#[test]
fn nothing_is_said_without_being_asked() {
    let text = "async def f(x):\n    x.read()\n";
    assert!(lost(&[("app.py", text)], false).is_empty());
    assert_eq!(lost(&[("app.py", text)], true).len(), 1);
}

#[test]
fn each_reason_names_what_would_tell() {
    for (text, reason) in [
        (
            "async def f(client):\n    client.read()\n",
            "nothing says what the parameter `client` of `f` is",
        ),
        (
            "from typing import Any\nasync def f(client: Any):\n    client.read()\n",
            "nothing says what the parameter `client` of `f` is",
        ),
        ("async def f(work):\n    work()\n", "no call says which function `f` is given as `work`"),
        (
            "class A:\n    def __init__(self, db):\n        self.db = db\n    async def f(self):\n        self.db.load()\n",
            "nothing says what the parameter `db` of `A.__init__` is",
        ),
        (
            "class A:\n    async def f(self):\n        self.hook()\n",
            "nothing says what the attribute `hook` of `A` is",
        ),
        (
            "from typing import Any\ndef make() -> Any:\n    return 1\nasync def f():\n    make().load()\n",
            "nothing says what `make` returns",
        ),
        (
            "import acme\nasync def f():\n    acme.fetch()\n",
            "nothing is known of the library `acme`",
        ),
        (
            "from acme import Client\nasync def f(c: Client | None):\n    c.fetch()\n",
            "nothing is known of the library `acme`",
        ),
        (
            "from acme import Base\nclass A(Base):\n    async def f(self):\n        self.load()\n",
            "nothing is known of the library `acme`",
        ),
        (
            "HANDLERS = {}\nasync def f(kind):\n    HANDLERS[kind]()\n",
            "what it calls is only known at run time",
        ),
        (
            "async def f(thing, name):\n    getattr(thing, name)()\n",
            "what it calls is only known at run time",
        ),
    ] {
        assert_eq!(reasons(text), [reason], "{text}");
    }
}

#[test]
fn what_need_not_be_known_is_silent() {
    for text in [
        "import json, logging\nlog = logging.getLogger()\nasync def f(x: str):\n    log.info(json.dumps(x))\n",
        "async def f(rows):\n    return [row.strip().lower() for row in rows]\n",
        "async def f(client):\n    await client.read()\n    async with client.open() as it:\n        pass\n",
        "import asyncio\nasync def f(client):\n    await asyncio.gather(*[client.get(u) for u in 'ab'])\n",
        "def g():\n    return 1\nasync def f():\n    work = g\n    return run(work)\ndef run(w):\n    return w()\n",
        "def f(client):\n    client.read()\n",
        "async def f():\n    text = 'a b'\n    return text.find('b'), [].copy(), f'{text}'.count('a')\n",
        "async def f(path: str | None, n: int):\n    return path.count('/'), n.bit_length()\n",
    ] {
        assert!(reasons(text).is_empty(), "{text}: {:?}", reasons(text));
    }
}

#[test]
fn calls_that_fail_for_one_reason_are_one_finding_with_all_places() {
    let main = "import acme\nfrom app import more\nasync def f():\n    acme.a()\n    more.g()\n";
    let more = "import acme\ndef g():\n    acme.b()\n    acme.c()\n";
    let files = [("app/__init__.py", ""), ("app/main.py", main), ("app/more.py", more)];
    let [finding] = lost(&files, true).try_into().unwrap();
    assert_eq!(finding.tier, Tier::Hint);
    assert!(finding.message.ends_with("; 2 more calls depend on it"), "{}", finding.message);
    let others: Vec<_> = finding.others.iter().map(|it| (&*it.path, it.line)).collect();
    assert_eq!(others, [("app/more.py", 3), ("app/more.py", 4)]);
    assert_eq!(finding.fingerprint, "LW001:library acme:1");
}

#[test]
fn a_comment_answers_one_call_and_not_the_others() {
    let text = "async def f(client):\n    client.read()  # laneway: ok(fast)\n    client.write()\n";
    let [finding] = lost(&[("app.py", text)], true).try_into().unwrap();
    assert_eq!((finding.location.line, finding.others.len()), (3, 0));
}
