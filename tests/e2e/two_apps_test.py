"""Two applications that share a store do not run each other's jobs."""

from __future__ import annotations

import json
from pathlib import Path

from stories import Story

APP = """
from laneway import Laneway
app = Laneway({arguments})
@app.task(name="mail.send")
async def send(to: str) -> str: return "{word} " + to
"""


def application(folder: Path, module: str, word: str, arguments: str = "") -> Path:
    """Writes an application whose task `mail.send` says a word."""
    path = folder / f"{module}.py"
    path.write_text(APP.format(word=word, arguments=arguments))
    return path


def test_a_worker_is_refused_whose_task_belongs_to_another_application(tmp_path: Path) -> None:
    shop = Story(tmp_path, app=application(tmp_path, "shop", "sold"))
    blog = Story(tmp_path, app=application(tmp_path, "blog", "written"))
    try:
        shop.worker()
        shop.end()
        waiting = shop.delay("send('Ada')")
        refused = blog.run("--json", "worker", str(blog.app))
        error = json.loads(refused.stdout.splitlines()[-1])["error"]
        assert refused.returncode == 2
        assert error["code"] == "LW1037"
        assert "mail.send" in error["what"]
        assert "`shop:app`" in error["why"]
        assert "`blog:app`" in error["why"]
        assert "--take-over" in error["fix"]
        assert shop.job(waiting)["state"] == "ready"
        shop.worker()
        assert shop.wait_for(waiting, "succeeded")["result"] == "sold Ada"
    finally:
        shop.end()
        blog.end()


def test_an_application_that_moved_takes_its_tasks_along(tmp_path: Path) -> None:
    old = Story(tmp_path, app=application(tmp_path, "old", "old"))
    new = Story(tmp_path, app=application(tmp_path, "new", "new"))
    try:
        old.worker()
        old.end()
        waiting = old.delay("send('Ada')")
        new.worker("--take-over")
        assert new.wait_for(waiting, "succeeded")["result"] == "new Ada"
        assert old.run("worker", str(old.app)).returncode == 2
        findings = new.json("doctor", "--no-python")[0]["findings"]
        facts = {finding["name"]: finding["text"] for finding in findings}
        assert facts["applications"] == "new:app (1 task)"
    finally:
        old.end()
        new.end()


def test_an_application_with_a_name_moves_without_a_word(tmp_path: Path) -> None:
    named = 'name="shop"'
    old = Story(tmp_path, app=application(tmp_path, "old", "old", named))
    new = Story(tmp_path, app=application(tmp_path, "new", "new", named))
    other = Story(tmp_path, app=application(tmp_path, "other", "other", 'name="blog"'))
    try:
        old.worker()
        old.end()
        waiting = old.delay("send('Ada')")
        refused = other.run("worker", str(other.app))
        assert (refused.returncode, "is of `shop`" in refused.stderr) == (2, True)
        new.worker()
        assert new.wait_for(waiting, "succeeded")["result"] == "new Ada"
        findings = new.json("doctor", "--no-python")[0]["findings"]
        facts = {finding["name"]: finding["text"] for finding in findings}
        assert facts["applications"] == "shop (1 task)"
    finally:
        for story in (old, new, other):
            story.end()


def test_one_application_is_the_same_however_it_is_named(tmp_path: Path) -> None:
    story = Story(tmp_path, app=application(tmp_path, "shop", "sold"))
    by_module = Story(tmp_path, app=Path("shop:app"))
    try:
        story.worker()
        story.end()
        by_module.worker()
        by_module.end()
        script = (
            "import asyncio, shop\n"
            "async def main():\n"
            "    async with shop.app.worker():\n"
            "        job = await shop.send.enqueue('Ada')\n"
            "        print(await job.result(timeout=20))\n"
            "asyncio.run(main())\n"
        )
        assert story.python(script).splitlines()[-1] == "sold Ada"
    finally:
        story.end()
        by_module.end()
