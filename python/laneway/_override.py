"""`override` for type checkers.

At run time it does nothing: importing `typing_extensions` for it would take about as long as the
rest of `import laneway`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = ["override"]

if TYPE_CHECKING:
    from typing_extensions import override
else:

    def override(method: Any) -> Any:  # noqa: ANN401 - any method
        """Marks a method that replaces one of a base class.

        Args:
            method: The method.
        """
        return method
