"""The result of a call, for those that use it before it is there."""

from __future__ import annotations

from typing import Any, Optional

from twisted.internet.defer import Deferred


class Kept:
    """The outcome of a call, known or not. Each user gets a Deferred of its own."""

    def __init__(self, perspective: Any = None) -> None:
        self.perspective = perspective
        """For which the arguments of calls to the result are read."""
        self.outcome: Any = None
        self._waiting: Optional[list[Deferred[Any]]] = []

    @property
    def is_known(self) -> bool:
        return self._waiting is None

    def settle(self, outcome: Any) -> None:
        """Says what the outcome is: the result, or a ``Failure``. The first outcome counts."""
        if self._waiting is None:
            return
        waiting, self._waiting, self.outcome = self._waiting, None, outcome
        for deferred in waiting:
            if not deferred.called:
                deferred.callback(outcome)

    def get(self) -> Deferred[Any]:
        """Fires with the outcome."""
        deferred: Deferred[Any] = Deferred()
        if self._waiting is None:
            deferred.callback(self.outcome)
        else:
            self._waiting.append(deferred)
        return deferred
