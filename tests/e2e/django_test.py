"""Jobs that a Django application enqueues inside its own transactions."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from stories import Story

pytestmark = pytest.mark.timeout(120)

URL = "LANEWAY_TEST_POSTGRES_URL"

SETTINGS = """
import os
import sys
from urllib.parse import urlsplit

if os.environ["DRIVER"] == "psycopg2":
    # Django takes the newer driver where both are installed.
    sys.modules["psycopg"] = None
url = urlsplit(os.environ["DATABASE_URL"])
database = {
    "ENGINE": "django.db.backends.postgresql",
    "NAME": url.path.strip("/"),
    "USER": url.username,
    "PASSWORD": url.password,
    "HOST": url.hostname,
    "PORT": url.port,
}
DATABASES = {"default": database, "another connection": database}
INSTALLED_APPS = ["orders"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SECRET_KEY = "only for this test"
USE_TZ = True
"""

MODELS = """
from django.db import models


class Order(models.Model):
    total = models.IntegerField()
"""

# What a project has: its tasks read what the transaction has written.
TASKS = """
import django

django.setup()

from laneway import Laneway
from orders.models import Order

app = Laneway(name="shop")


@app.task(lane="thread")
def receipt(order_id: int) -> str:
    return f"{Order.objects.get(pk=order_id).total} paid"
"""

# What views do. `jobs` looks at the store over another connection.
VIEWS = """
import json

import tasks
from django.db import IntegrityError, connection, connections, transaction
from orders.models import Order


def jobs():
    with connections["another connection"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM laneway.job")
        return cursor.fetchone()[0]


def order(total, through=connection):
    made = Order.objects.create(total=total)
    return tasks.receipt.call(made.id).enqueue(connection=through)


with connection.schema_editor() as editor:
    editor.create_model(Order)
seen = {}

with transaction.atomic():
    committed = order(70)
    seen["inside"] = jobs()
seen["committed"] = jobs()

try:
    with transaction.atomic():
        order(80)
        raise IntegrityError("the card was refused")
except IntegrityError:
    seen["rolled back"] = jobs()

# A savepoint that is rolled back takes its job along, and no other.
with transaction.atomic():
    outer = order(90)
    try:
        with transaction.atomic():
            order(91)
            raise IntegrityError("sold out")
    except IntegrityError:
        pass
seen["savepoint"] = jobs()

with transaction.atomic(), connection.cursor() as cursor:
    by_cursor = order(100, cursor)
seen["cursor"] = jobs()

# Without a block, Django commits each statement by itself.
alone = order(110)
seen["alone"] = jobs()

seen["orders"] = sorted(Order.objects.values_list("total", flat=True))
seen["ids"] = [job.id for job in (committed, outer, by_cursor, alone)]
print(json.dumps(seen))
"""


@dataclass
class Project:
    """A Django project whose database is its own."""

    folder: Path
    database: str
    driver: str

    @property
    def environment(self) -> dict[str, str]:
        """What its processes are told."""
        return {
            "DATABASE_URL": self.database,
            "DRIVER": self.driver,
            "LANEWAY_STORE": self.database,
            "DJANGO_SETTINGS_MODULE": "settings",
            "PYTHONPATH": str(self.folder),
        }

    def views(self) -> dict[str, Any]:
        """Runs the views in a process of their own; gives what they have seen."""
        done = subprocess.run(
            [sys.executable, "-W", "error", str(self.folder / "views.py")],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        seen: dict[str, Any] = json.loads(done.stdout)
        return seen


@pytest.fixture(params=["psycopg", "psycopg2"])
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Project]:
    server = os.environ.get(URL)
    if server is None:
        pytest.fail(f"this test needs a PostgreSQL server: set {URL}, or run `make test`")
    name = f"django_{secrets.token_hex(4)}"
    folder = tmp_path / "project"
    (folder / "orders").mkdir(parents=True)
    (folder / "orders" / "__init__.py").touch()
    (folder / "orders" / "models.py").write_text(MODELS)
    (folder / "settings.py").write_text(SETTINGS)
    (folder / "tasks.py").write_text(TASKS)
    (folder / "views.py").write_text(VIEWS)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    try:
        database = urlsplit(server)._replace(path=f"/{name}").geturl()
        yield Project(folder, database, str(request.param))
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def test_a_job_is_there_when_the_transaction_of_django_has_committed(
    project: Project, story: Story
) -> None:
    story.app = project.folder / "tasks.py"
    story.environment.update(project.environment)
    assert story.run("migrate").returncode == 0
    seen = project.views()
    assert seen["inside"] == 0, "nobody sees it before the commit"
    assert [seen[name] for name in ("committed", "rolled back", "savepoint")] == [1, 1, 2]
    assert [seen[name] for name in ("cursor", "alone")] == [3, 4]
    assert seen["orders"] == [70, 90, 100, 110]
    story.worker()
    paid = [story.json("jobs", "wait", id)[0]["result"] for id in seen["ids"]]
    assert paid == ["70 paid", "90 paid", "100 paid", "110 paid"]
