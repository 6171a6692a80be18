"""Errors carry a code, what, why and fix, and belong to classes that programs can catch."""

from __future__ import annotations

import copy

import pytest

from laneway import errors
from laneway._bridge import error_codes
from laneway.errors import (
    ArgumentsMismatch,
    Failure,
    JobCancelled,
    JobFailed,
    JobParked,
    JobUnsuccessful,
    LanewayError,
    ResultTimeout,
    error_class,
)


def test_an_error_reads_as_the_command_prints_it() -> None:
    error = LanewayError("LW4003", "there is no queue `mial`", "known: `mail`", "say `mail`")
    expected = "error[LW4003]: there is no queue `mial`\n  why: known: `mail`\n  fix: say `mail`"
    assert str(error) == expected


def test_the_registry_gives_the_advice_that_an_error_lacks() -> None:
    assert LanewayError("LW3009", "no job").fix == error_codes["LW3009"][1]


@pytest.mark.parametrize("code", sorted(error_codes))
def test_every_code_has_a_class_of_its_own_kind(code: str) -> None:
    error = error_class(code)(code, "what", "why", "fix")
    assert (error.code, error.what, error.why, error.fix) == (code, "what", "why", "fix")


@pytest.mark.parametrize("name", errors.__all__)
def test_every_public_name_has_a_docstring(name: str) -> None:
    assert getattr(errors, name).__doc__


def test_classes_are_also_what_python_would_raise() -> None:
    assert issubclass(ArgumentsMismatch, TypeError)
    assert issubclass(ResultTimeout, TimeoutError)
    assert error_class("LW3007").retryable
    assert error_class("nonsense") is LanewayError


@pytest.mark.parametrize(
    ("kind", "code"), [(JobFailed, "LW3008"), (JobCancelled, "LW2009"), (JobParked, "LW3008")]
)
def test_an_unsuccessful_job_tells_its_remote_failure(
    kind: type[JobUnsuccessful], code: str
) -> None:
    failure = Failure("LW2010", "shop.SoldOut", "no tea\nat all", "Traceback …")
    error = kind.of("j1", failure)
    assert isinstance(error, kind)
    assert (error.code, error.job_id, error.failure) == (code, "j1", failure)
    assert error.why == "shop.SoldOut: no tea (LW2010)"


@pytest.mark.parametrize(
    ("failure", "why"),
    [
        (Failure("LW2010", "KeyError", "", ""), "KeyError (LW2010)"),
        (Failure("LW2010", "KeyError", " \n", ""), "KeyError (LW2010)"),
        (Failure("LW2006", "", "it died", ""), "it died (LW2006)"),
        (Failure("", "KeyError", "x", ""), "KeyError: x"),
    ],
)
def test_what_a_failure_lacks_leaves_no_trace(failure: Failure, why: str) -> None:
    assert JobFailed.of("j1", failure).why == why


def test_an_error_survives_being_copied_as_when_it_crosses_processes() -> None:
    error = JobFailed.of("j1", Failure("LW2010", "ValueError", "no", ""))
    twin = copy.copy(error)
    assert (str(twin), twin.job_id, twin.failure) == (str(error), "j1", error.failure)
