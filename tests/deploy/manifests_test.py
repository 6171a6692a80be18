"""What is in `deploy/` is well formed, and true of this release. Nothing needs a network."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import jsonschema
import kubernetes_validate  # pyright: ignore[reportMissingTypeStubs] - it has types of its own
import pytest
import yaml

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
SCALED_OBJECT_SCHEMA = Path(__file__).with_name("scaledobject.schema.json")
COMPOSE = sorted((DEPLOY / "compose").glob("*.yaml"))
KUBERNETES = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
UNIT = DEPLOY / "systemd" / "laneway-worker.service"

# The oldest release that has everything that is used, and the newest that the schemas know.
KUBERNETES_VERSIONS = ("1.34", "1.37")

# A worker that was told to stop may take so long beyond its drain timeout: see the bounds in
# docs/concepts/delivery.md.
BEYOND_DRAIN_SECONDS = 10

PASSWORD = "pass1234"


def documents(path: Path) -> list[dict[str, Any]]:
    return [cast("dict[str, Any]", found) for found in yaml.safe_load_all(path.read_text())]


def objects() -> dict[tuple[str, str], dict[str, Any]]:
    """Every object for Kubernetes, by kind and name."""
    found = [one for path in KUBERNETES for one in documents(path)]
    return {(one["kind"], one["metadata"]["name"]): one for one in found if "metadata" in one}


def pods() -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """The name of each deployment, what its pods are, and their container."""
    for (kind, name), found in objects().items():
        if kind == "Deployment":
            pod = found["spec"]["template"]["spec"]
            yield from ((name, pod, container) for container in pod["containers"])


def workers() -> Iterator[tuple[str, dict[str, Any]]]:
    """The worker of each compose file."""
    return ((path.name, documents(path)[0]["services"]["worker"]) for path in COMPOSE)


def environment_of(container: dict[str, Any]) -> dict[str, str]:
    return {entry["name"]: entry.get("value", "") for entry in container["env"]}


def seconds(text: str) -> float:
    found = re.fullmatch(r"([0-9.]+)s?", text)
    assert found, f"{text} is not a number of seconds"
    return float(found[1])


def laneway(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("LANEWAY_")}
    return subprocess.run(
        [Path(sysconfig.get_path("scripts")) / "laneway", *words],
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )


def settings(**environment: str) -> dict[str, Any]:
    """The configuration that the command reads from an environment; none may be refused."""
    done = laneway("config", "show", "--json", **environment)
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr, done.stderr
    return json.loads(done.stdout.splitlines()[0])


def test_there_is_something_to_check() -> None:
    assert len(COMPOSE) == 2
    assert {path.name for path in KUBERNETES} == {
        "kustomization.yaml",
        "queues.yaml",
        "scaledobject.yaml",
        "worker.yaml",
    }


class TestCompose:
    @pytest.mark.parametrize("path", COMPOSE, ids=lambda path: path.name)
    def test_a_file_is_what_compose_reads(self, path: Path) -> None:
        check = Path(sysconfig.get_path("scripts")) / "check-jsonschema"
        done = subprocess.run(
            [check, "--builtin-schema", "vendor.compose-spec", path],
            capture_output=True,
            text=True,
            check=False,
            timeout=25,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    @pytest.mark.parametrize("path", COMPOSE, ids=lambda path: path.name)
    def test_every_part_is_watched_and_what_is_waited_for_is_there(self, path: Path) -> None:
        services = documents(path)[0]["services"]
        for service in services.values():
            assert "healthcheck" in service
            for other, condition in service.get("depends_on", {}).items():
                assert other in services
                assert condition == {"condition": "service_healthy"}

    def test_a_worker_has_time_to_drain(self) -> None:
        for name, worker in workers():
            drain = seconds(worker["environment"]["LANEWAY_DRAIN_TIMEOUT"])
            assert seconds(worker["stop_grace_period"]) > drain + BEYOND_DRAIN_SECONDS, name

    def test_what_a_worker_is_told_is_understood(self) -> None:
        for name, worker in workers():
            environment = {
                key: re.sub(r"\$\{STORE_PASSWORD:\?[^}]*\}", PASSWORD, value)
                for key, value in worker["environment"].items()
            }
            assert settings(**environment), name

    def test_the_health_of_a_worker_is_asked_where_it_answers(self) -> None:
        for name, worker in workers():
            port = worker["environment"]["LANEWAY_LISTEN"].rpartition(":")[2]
            asked = " ".join(worker["healthcheck"]["test"])
            assert f"http://127.0.0.1:{port}/ready" in asked, name

    def test_redis_neither_evicts_nor_forgets(self) -> None:
        configuration = documents(DEPLOY / "compose" / "redis.yaml")[0]["configs"]["redis.conf"]
        lines = configuration["content"].splitlines()
        assert {"appendonly yes", "maxmemory-policy noeviction"} <= set(lines)


class TestKubernetes:
    @pytest.mark.parametrize("version", KUBERNETES_VERSIONS)
    def test_an_object_is_what_kubernetes_reads(self, version: str) -> None:
        checked: list[str] = []
        for (kind, name), found in objects().items():
            if kind != "ScaledObject":
                kubernetes_validate.validate(found, version, strict=True)
                checked.append(name)
        assert len(checked) >= 5

    def test_a_slip_of_the_pen_would_be_found(self) -> None:
        found = objects()["Deployment", "laneway-worker"]
        found["spec"]["template"]["spec"]["terminationGracePeriod"] = 50
        with pytest.raises(kubernetes_validate.ValidationError):
            kubernetes_validate.validate(found, KUBERNETES_VERSIONS[-1], strict=True)

    def test_the_scaled_object_is_what_keda_reads(self) -> None:
        schema = json.loads(SCALED_OBJECT_SCHEMA.read_text())
        found = objects()["ScaledObject", "laneway-worker"]
        jsonschema.validate(found, schema)
        found["spec"]["triggers"][0]["metadata"]["targetValue"] = 100
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(found, schema)

    def test_every_file_is_in_the_kustomization(self) -> None:
        listed = documents(DEPLOY / "kubernetes" / "kustomization.yaml")[0]["resources"]
        assert sorted([*listed, "kustomization.yaml"]) == [path.name for path in KUBERNETES]

    def test_a_worker_has_time_to_drain_and_gets_one_signal_only(self) -> None:
        _, pod, worker = next(found for found in pods() if found[0] == "laneway-worker")
        drain = seconds(environment_of(worker)["LANEWAY_DRAIN_TIMEOUT"])
        assert pod["terminationGracePeriodSeconds"] > drain + BEYOND_DRAIN_SECONDS
        # A hook that sends the signal makes that of Kubernetes the second, which ends at once.
        assert "preStop" not in worker.get("lifecycle", {})

    def test_what_a_container_is_told_is_understood(self) -> None:
        stand_ins = {
            "LANEWAY_STORE": f"postgresql://shop:{PASSWORD}@db/shop",
            "LANEWAY_NAME": "laneway-worker-1",
            "LANEWAY_CONCURRENCY_PROCESS": "1",
        }
        for name, _, container in pods():
            told = environment_of(container)
            filled = {key: value or stand_ins[key] for key, value in told.items()}
            assert settings(**filled), name
            words = [word for word in container["args"] if not word[0].isdigit()]
            known = laneway(*words[:2] if words[0] == "queues" else words[:1], "--help")
            assert known.returncode == 0, known.stderr

    def test_probes_ask_where_it_answers(self) -> None:
        for name, _, container in pods():
            (port,) = container["ports"]
            told = [*environment_of(container).values(), *container["args"]]
            assert f"0.0.0.0:{port['containerPort']}" in told, name
            for probe in ("livenessProbe", "readinessProbe"):
                asked = container[probe]["httpGet"]
                assert asked["port"] == port["name"]
                assert asked["path"] in {"/live", "/ready"}

    def test_keda_asks_a_service_that_is_there_and_scales_a_deployment_that_is_there(self) -> None:
        found = objects()
        spec = found["ScaledObject", "laneway-worker"]["spec"]
        assert ("Deployment", spec["scaleTargetRef"]["name"]) in found
        assert "replicas" not in found["Deployment", spec["scaleTargetRef"]["name"]]["spec"]
        namespace = documents(DEPLOY / "kubernetes" / "kustomization.yaml")[0]["namespace"]
        asked: str = spec["triggers"][0]["metadata"]["url"]
        url = urlsplit(asked)
        assert url.hostname
        service, asked_namespace = url.hostname.split(".")[:2]
        (port,) = found["Service", service]["spec"]["ports"]
        assert (asked_namespace, url.port, url.path) == (namespace, port["port"], "/queues")


class TestSystemd:
    def unit(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for line in UNIT.read_text().splitlines():
            key, is_setting, value = line.partition("=")
            if is_setting and not line.startswith("#"):
                found.setdefault(key, []).append(value)
        return found

    @pytest.fixture
    def analyze(self) -> str:
        found = shutil.which("systemd-analyze")
        if not found:
            pytest.skip("systemd-analyze is not on this system")
        return found

    def test_the_unit_is_what_systemd_reads(self, analyze: str, tmp_path: Path) -> None:
        # It also looks whether the program is there, so another one takes its place.
        text = re.sub(r"(?m)^ExecStart=\S+", f"ExecStart={sys.executable}", UNIT.read_text())
        unit = tmp_path / UNIT.name
        unit.write_text(text)
        done = subprocess.run(
            [analyze, "verify", unit], capture_output=True, text=True, check=False, timeout=25
        )
        assert (done.returncode, done.stderr) == (0, "")

    def test_the_unit_is_hardened(self, analyze: str) -> None:
        done = subprocess.run(
            [analyze, "security", "--offline=true", "--threshold=20", UNIT],
            capture_output=True,
            text=True,
            check=False,
            timeout=25,
        )
        assert done.returncode == 0, done.stdout[-500:]

    def test_a_worker_has_time_to_drain_and_is_not_killed_with_a_runner(self) -> None:
        unit = self.unit()
        told = dict(entry.split("=", 1) for entry in unit["Environment"])
        (stop,) = unit["TimeoutStopSec"]
        assert seconds(stop) > seconds(told["LANEWAY_DRAIN_TIMEOUT"]) + BEYOND_DRAIN_SECONDS
        assert unit["KillMode"] == ["mixed"]
        assert unit["OOMPolicy"] == ["continue"]

    def test_what_the_worker_is_told_is_understood(self) -> None:
        assert settings(**dict(entry.split("=", 1) for entry in self.unit()["Environment"]))


def test_the_image_starts_the_worker_without_a_shell_between() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    starts = [line for line in lines if line.startswith(("ENTRYPOINT", "CMD"))]
    words = [json.loads(line.partition(" ")[2]) for line in starts]
    assert words == [["tini", "--", "laneway"], ["worker", "shop.tasks:app"]]
