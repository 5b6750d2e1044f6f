"""The object ``pbx``, which each end of a connection has: what it knows of the calls of its peer."""

from __future__ import annotations

import math
import re
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, Optional

from twisted.internet.defer import CancelledError, Deferred
from twisted.python import log
from twisted.python.failure import Failure
from twisted.spread import pb

from ._context import Call, Clock, Timer, current
from ._errors import Canceled, DependencyFailed, NotAReference, NotExpected
from ._kept import Kept
from ._once import OnceCall
from ._values import has_references, request_id_of, seconds_of, trace_of

if TYPE_CHECKING:
    from ._broker import PbxBroker

FEATURES = ["goaway", "note", "cancel", "expect", "once"]

FORM = re.compile("[A-Za-z0-9_-]{1,40}")
"""The name of a form of data that a peer reads."""

MAX_FORMS = 16

NAME = b"pbx"
"""The name of the object."""

RESULT_NAME = re.compile("pbx:(0|[1-9][0-9]{0,15})")
"""The name of a result: ``pbx:`` and the number of its call."""

MAX_NOTES = 64
"""Notes whose call has not arrived: a note stands directly before its call."""

MAX_EXPECTED = 64
"""Results that are expected, and whose call has not arrived."""

MAX_KEPT: int = pb.MAX_BROKER_REFS
"""Results that are expected or kept for pipelined calls: as many as there may be references."""

LONGEST_RETRY = 366 * 24 * 3600.0
"""In seconds: longer times are no times that an operator means."""

LONGEST_TIMER = 7 * 24 * 3600.0
"""In seconds: a deadline that is later than that has no timer."""


@dataclass(frozen=True)
class Note:
    """What the peer has said about a call. Only what is read of it: the rest may be large."""

    ends_at: Optional[float] = None
    """In seconds of the clock of this process. ``None`` if there is no deadline."""
    traceparent: Optional[str] = None
    tracestate: Optional[str] = None
    baggage: Optional[str] = None
    key: Any = None
    """Of a call that must run once."""
    since: Any = None


NO_NOTE = Note()


class Pbx(pb.Referenceable):
    """One for each connection. Its remote methods accept anything, and ignore what makes no sense."""

    def __init__(self, broker: PbxBroker, clock: Clock) -> None:
        self.broker = broker
        self.clock = clock
        self.notes: OrderedDict[int, Note] = OrderedDict()
        self.running: dict[Any, Deferred[Any]] = {}
        self.outlasting: set[int] = set()
        """Numbers of calls that run on when the connection ends: their answers are kept."""
        self.expected: dict[int, Kept] = {}
        """Results whose call has not arrived."""
        self.kept: dict[int, Kept] = {}
        """Results of calls that have arrived."""
        self.retry_after: Optional[float] = None
        """``None`` while the peer stays. Then the seconds after which it can be reached again."""
        self.go_away_callbacks: list[Callable[[float], object]] = []
        self.forms: frozenset[str] = frozenset()
        """The forms of data that the peer reads besides those that every peer reads."""
        self.last_result: Any = None
        """The object that was serialized last."""

    def remote_hello(self, *_: Any, **__: Any) -> dict[str, Any]:
        return {"version": 1, "features": FEATURES, **self.broker.pbx_answers.describe()}

    def remote_reads(self, forms: Any = None, *_: Any, **__: Any) -> None:
        if isinstance(forms, list):
            named = [form for form in forms[:MAX_FORMS] if isinstance(form, str) and FORM.fullmatch(form)]
            self.forms = frozenset(named)

    def remote_note(self, request_id: Any = None, note: Any = None, *_: Any, **__: Any) -> None:
        key = request_id_of(request_id)
        if key is not None and isinstance(note, dict):
            seconds = seconds_of(note.get("deadline"))
            ends_at = None if seconds is None or seconds == math.inf else self.clock.seconds() + seconds
            self.notes[key] = Note(ends_at, *trace_of(note), brief(note.get("key")), brief(note.get("since")))
            if len(self.notes) > MAX_NOTES:
                self.notes.popitem(last=False)

    def remote_cancel(self, request_id: Any = None, *_: Any, **__: Any) -> None:
        deferred = self.running.get(request_id_of(request_id) or -1)
        if deferred is not None:
            deferred.cancel()

    def remote_expect(self, request_id: Any = None, *_: Any, **__: Any) -> None:
        key = request_id_of(request_id)
        has_room = len(self.expected) < MAX_EXPECTED and len(self.expected) + len(self.kept) < MAX_KEPT
        if key is not None and has_room and key not in self.kept:
            self.expected.setdefault(key, Kept())

    def remote_forget(self, request_id: Any = None, *_: Any, **__: Any) -> None:
        if isinstance(request_id, str):
            self.broker.pbx_answers.release(request_id)
            return
        key = request_id_of(request_id)
        if key is not None:
            self.notes.pop(key, None)
            self.kept.pop(key, None)
            self.expected.pop(key, None)

    def remote_goaway(self, details: Any = None, *_: Any, **__: Any) -> None:
        if self.retry_after is not None:
            return
        seconds = seconds_of(details.get("retryAfter")) if isinstance(details, dict) else None
        if seconds is None or not math.isfinite(seconds):
            seconds = 0.0
        self.retry_after = min(seconds, LONGEST_RETRY)
        callbacks, self.go_away_callbacks = self.go_away_callbacks, []
        for callback in callbacks:
            self.notify_on_go_away(callback)
        self.close_if_idle()

    def notify_on_go_away(self, callback: Callable[[float], object]) -> None:
        if self.retry_after is None:
            self.go_away_callbacks.append(callback)
            return
        try:
            callback(self.retry_after)
        except Exception:
            log.err(None, "A callback for the goodbye of a peer failed")

    def find(self, name: Any) -> Optional[Kept]:
        """The result with the name ``pbx:<number of the call>``. ``None`` for all other names."""
        text = name.decode("latin-1") if isinstance(name, bytes) else name
        if not isinstance(text, str) or not text.startswith("pbx:"):
            return None
        # Not those that are expected: their call may never arrive.
        kept = self.kept.get(int(text[4:])) if RESULT_NAME.fullmatch(text) else None
        if kept is None:
            raise NotExpected()
        return kept

    def run(self, request_id: int, wants_answer: bool, target: Any, message: Any, args: Any, kw: Any) -> Any:
        """Runs a call. Returns its result serialized, or a Deferred. Keeps the result if the peer expects it."""
        note = self.notes.pop(request_id, NO_NOTE)
        if note.key is None or not wants_answer:
            return self._run(note, request_id, wants_answer, target, message, args, kw)
        answers = self.broker.pbx_answers
        method = message.decode() if isinstance(message, bytes) else message
        try:
            once, is_new = answers.arrive(note.key, note.since, method)
        except pb.Error:
            self._drop(args, kw)
            raise
        if not is_new:
            self._drop(args, kw)
            return self._answer_again(request_id, once)
        self.outlasting.add(request_id)
        try:
            result = self._run(note, request_id, wants_answer, target, message, args, kw)
        except BaseException:
            answers.finish(note.key, once, Failure())
            raise
        if not isinstance(result, Deferred):
            answers.finish(note.key, once, result)
            return result
        once.running = result

        def done(outcome: Any) -> Any:
            self.outlasting.discard(request_id)
            answers.finish(note.key, once, outcome)
            return outcome

        return result.addBoth(done)

    def _drop(self, *jellied: Any) -> None:
        """Releases the references in the arguments of a call that does not run."""
        for part in jellied:
            self.broker.unserialize(part)

    def _answer_again(self, request_id: int, once: OnceCall) -> Deferred[Any]:
        """The answer of a call that has run, or runs, for an earlier arrival. It can be canceled as that."""
        if once.running is not None and request_id not in self.running:
            self.running[request_id] = once.running
            self.outlasting.add(request_id)

        def done(outcome: Any) -> Any:
            self.running.pop(request_id, None)
            self.outlasting.discard(request_id)
            return outcome

        return once.answer.get().addBoth(done)

    def _run(
        self, note: Note, request_id: int, wants_answer: bool, target: Any, message: Any, args: Any, kw: Any
    ) -> Any:
        kept = self.expected.pop(request_id, None)
        if kept is not None:
            self.kept[request_id] = kept
            kept.perspective = target.perspective if isinstance(target, (Kept, pb.Referenceable)) else None
        call = Call(self.broker, note.traceparent, note.tracestate, note.baggage, note.ends_at, self.clock)

        def invoke(found: Any, *read: Any) -> Any:
            token = current.set(call)
            try:
                return found.remoteMessageReceived(self.broker, message, *(read or (args, kw)))
            finally:
                current.reset(token)

        try:
            result = self._run_later(target, args, kw, invoke) if isinstance(target, Kept) else invoke(target)
        except BaseException:
            if kept is not None:
                kept.settle(Failure())
            raise
        if isinstance(result, Deferred):
            return self._track(request_id, wants_answer, result, call.remaining(), kept)
        if kept is not None:
            kept.settle(self.last_result)
        self.last_result = None
        return result

    def _run_later(self, target: Kept, args: Any, kw: Any, invoke: Callable[..., Any]) -> Deferred[Any]:
        """Reads the arguments, and runs the call when its target is there."""
        read = [ReadArguments(self.broker, jellied, target.perspective) for jellied in (args, kw)]

        def run(found: Any) -> Any:
            if not isinstance(found, pb.Referenceable):
                raise NotAReference(f"The result of the call is a {type(found).__name__}, not a reference")
            return invoke(found, *read)

        def failed(failure: Failure) -> Any:
            if failure.check(NotExpected):
                return failure
            raise DependencyFailed(f"The call that this one depends on failed: {failure.getErrorMessage()}")

        return target.get().addCallbacks(run, failed)

    def _track(
        self,
        request_id: int,
        wants_answer: bool,
        result: Deferred[Any],
        deadline: Optional[float],
        kept: Optional[Kept],
    ) -> Deferred[Any]:
        key = result if request_id in self.running else request_id  # A peer may use a number twice.
        self.running[key] = result
        timer: Optional[Timer] = None
        if deadline is not None and deadline <= LONGEST_TIMER:
            timer = self.clock.callLater(deadline, result.cancel)

        def done(outcome: Any) -> Any:
            self.running.pop(key, None)
            if timer is not None and timer.active():
                timer.cancel()
            if isinstance(outcome, Failure) and outcome.check(CancelledError):
                outcome = Failure(Canceled("The call was canceled, or its deadline has passed"))
            if kept is not None:
                kept.settle(outcome if isinstance(outcome, Failure) else self.last_result)
            self.last_result = None
            if self.retry_after is not None:
                self.clock.callLater(0, self.close_if_idle)  # The answer is sent after this.
            is_expected = isinstance(outcome, Failure) and outcome.check(Canceled) is not None
            return outcome if wants_answer or not is_expected else None  # Nobody would handle it.

        return result.addBoth(done)

    def close_if_idle(self) -> None:
        """After the goodbye of the peer: closes when all calls are answered, in both directions."""
        if self.retry_after is not None and not self.broker.waitingForAnswers and not self.running:
            self.broker.transport.loseConnection()

    def connection_lost(self) -> None:
        """Cancels the calls that are running: nobody waits for them."""
        for request_id, deferred in list(self.running.items()):
            if request_id not in self.outlasting:
                deferred.cancel()
        for table in (self.running, self.notes, self.expected, self.kept):
            table.clear()


def brief(value: Any) -> Any:
    """Text and numbers as they are, unless they are long. Anything else makes no sense as a key or a time."""
    if value is None or (isinstance(value, (int, float, str)) and len(str(value)) <= 100):
        return value
    return False


class ReadArguments:
    """The arguments of a call to a result that is not there yet. They are read once: references in them are counted."""

    def __init__(self, broker: PbxBroker, jellied: Any, perspective: Any) -> None:
        self._value = broker.unserialize(jellied, perspective)
        self._perspective = perspective
        self._has_references = has_references(jellied)

    def for_perspective(self, perspective: Any) -> Any:
        if self._has_references and perspective is not self._perspective:
            raise pb.Error("The arguments contain references, and the result belongs to another perspective: wait for it")
        return self._value
