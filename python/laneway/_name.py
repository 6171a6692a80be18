"""The names of tasks, queues, keys and limits: what stores can keep and people can read."""

from __future__ import annotations

from laneway.errors import SettingError

NAME_BYTES_MAX = 200


def checked_name(option: str, value: object) -> str:
    """The name that was given, if it is one.

    Args:
        option: What it was given for.
        value: What was given.
    """
    is_name = (
        isinstance(value, str)
        and 0 < len(value.encode(errors="replace")) <= NAME_BYTES_MAX
        and value == value.strip()
        and value.isprintable()
    )
    if isinstance(value, str) and is_name:
        return value
    raise SettingError(
        "LW1021",
        f"`{option}={value!r}`",
        "a name has 1 to 200 bytes, no control characters and no blanks at its ends",
        "choose a shorter, plain name such as `mail` or `billing.charge`",
    )
