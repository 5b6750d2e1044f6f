"""A broker that has the object ``pbx``, and the factories that make such brokers."""

from __future__ import annotations

import inspect
import time
from typing import Any, Callable, NamedTuple, Optional, TypeVar, Union, cast

from twisted.internet.defer import Deferred
from twisted.internet.protocol import connectionDone
from twisted.spread import pb

from ._context import Clock, current
from ._errors import AnswerNotKept, GoingAway
from ._kept import Kept
from ._once import INSTANCE, Answers, is_time
from ._pbx import NAME, Pbx, ReadArguments
from ._streams import Source, is_stream

Factory = TypeVar("Factory", bound=Union[pb.PBServerFactory, pb.PBClientFactory])


class Tracked:
    """What a call is for, for the time of this call."""

    def __init__(self, target: Any, request_id: int, wants_answer: bool) -> None:
        self._target = target
        self._request_id = request_id
        self._wants_answer = wants_answer

    def remoteMessageReceived(self, broker: PbxBroker, message: Any, args: Any, kw: Any) -> Any:
        return broker.pbx.run(self._request_id, self._wants_answer, self._target, message, args, kw)


class Instance(NamedTuple):
    """A peer that keeps the answers of calls that must run once."""

    name: str
    """The same as long as the peer has these answers."""
    clock: float
    """Seconds on the clock of the peer, at a time before ``answered_at``."""
    answered_at: float
    seconds: Callable[[], float]

    def now(self) -> float:
        """A time on the clock of the peer that is not later than the current one."""
        return self.clock + self.seconds() - self.answered_at


class PbxBroker(pb.Broker):
    """Knows the calls of the peer that are running, and whether the peer has the object ``pbx``."""

    transport: Any
    pbx_clock: Clock
    pbx_connections: set[PbxBroker]
    """The connections of the factory, from the end of the negotiation on."""
    pbx_answers: Answers
    """Those of calls that must run once, of all connections of the factory."""
    pbx: Pbx
    peer_features: Optional[frozenset[str]] = None
    """What the peer can do. ``None`` until it has said so, or has said that it does not know the question."""
    peer_instance: Optional[Instance] = None
    """Set if the peer keeps the answers of calls that must run once."""
    _greeting: Optional[Kept] = None
    _next_request_id: Optional[int] = None

    def __init__(self, *args: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        self.pbx = Pbx(self, self.pbx_clock)
        self.pbx_sources: set[Source] = set()
        """The streams that the peer has not read to their end."""
        self.pbx_before_sending: set[Callable[[], None]] = set()
        """Sends patches of live states, which must arrive before later calls and answers."""

    def connectionReady(self) -> None:
        super().setNameForLocal(NAME, self.pbx)
        self.pbx_connections.add(self)
        super().connectionReady()

    def connectionLost(self, reason: Any = connectionDone) -> None:
        self.pbx_connections.discard(self)
        super().connectionLost(reason)
        self.pbx.connection_lost()

    def setNameForLocal(self, name: Any, object: Any) -> None:
        text = name if isinstance(name, bytes) else name.encode()
        if text == NAME or text.startswith(NAME + b":"):
            raise ValueError(f"The name {name!r} is reserved for txpb")
        super().setNameForLocal(name, object)

    # Calls of the peer

    def _recvMessage(
        self, findObjMethod: Any, requestID: Any, objectID: Any, message: Any, answer: Any, args: Any, kw: Any
    ) -> None:
        def find(object_id: Any) -> Any:
            target = self.pbx.find(object_id) or findObjMethod(object_id)
            return target if target is None or target is self.pbx else Tracked(target, requestID, bool(answer))

        super()._recvMessage(find, requestID, objectID, message, answer, args, kw)

    def serialize(self, object: Any, perspective: Any = None, method: Any = None, args: Any = None, kw: Any = None) -> Any:
        if inspect.iscoroutine(object):  # The result of `async def remote_x`.
            object = Deferred.fromCoroutine(object)
        elif is_stream(object):
            object = Source(object)
        try:
            result = super().serialize(object, perspective, method, args, kw)
        except Exception:
            if self.disconnected:  # The result of a call whose answer is kept. It contains references.
                raise AnswerNotKept("The method has run, but its answer was lost and cannot be sent again") from None
            raise
        if isinstance(object, Deferred):
            return result  # What it fires with is serialized too: it may have been already.
        # The last object of a call is its result.
        self.pbx.last_result = pb.ViewPoint(perspective, object) if isinstance(object, pb.Viewable) else object
        return result

    def unserialize(self, sexp: Any, perspective: Any = None) -> Any:
        if isinstance(sexp, ReadArguments):
            return sexp.for_perspective(perspective)
        return super().unserialize(sexp, perspective)

    def _sendAnswer(self, netResult: Any, requestID: Any) -> None:
        self._send_patches()
        if not self.disconnected:
            super()._sendAnswer(netResult, requestID)

    def _sendError(self, fail: Any, requestID: Any) -> None:
        self._send_patches()
        if not self.disconnected:
            super()._sendError(fail, requestID)

    def _send_patches(self) -> None:
        while self.pbx_before_sending:
            self.pbx_before_sending.pop()()

    # Calls of this end

    def newRequestID(self) -> int:
        reserved, self._next_request_id = self._next_request_id, None
        return super().newRequestID() if reserved is None else reserved

    def _sendMessage(self, prefix: Any, perspective: Any, objectID: Any, message: Any, args: Any, kw: Any) -> Any:
        self._send_patches()
        if not self.disconnected and self.pbx.retry_after is not None and objectID != NAME:
            call = current.get()
            if call is None or call.broker is not self:  # The peer still waits for the calls that are running.
                raise GoingAway("The peer is about to close the connection")
        args = tuple(Source(value) if is_stream(value) else value for value in args)
        kw = {key: Source(value) if is_stream(value) else value for key, value in kw.items()}
        return super()._sendMessage(prefix, perspective, objectID, message, args, kw)

    def proto_answer(self, requestID: Any, netResult: Any) -> None:
        super().proto_answer(requestID, netResult)
        self.pbx.close_if_idle()

    def proto_error(self, requestID: Any, fail: Any) -> None:
        super().proto_error(requestID, fail)
        self.pbx.close_if_idle()

    def ask(self) -> Deferred[frozenset[str]]:
        """Fires with what the peer can do. Asks it at the first time."""
        if self._greeting is None:
            self._greeting = Kept()
            hello = self._sendMessage(b"", None, NAME, b"hello", (), {})
            hello.addErrback(lambda _: None)
            hello.addCallback(self._learn)
        return self._greeting.get()

    def _learn(self, hello: Any) -> None:
        self.peer_features = features = features_of(hello)
        if features >= {"once", "note"}:
            self.peer_instance = instance_of(hello, self.pbx_answers.seconds)
        assert self._greeting is not None
        self._greeting.settle(features)

    def may(self, feature: str) -> bool:
        """Whether the peer may know the feature."""
        if self._greeting is None:
            self.ask()
        return self.peer_features is None or feature in self.peer_features

    def tell(self, message: bytes, *args: Any) -> None:
        """Calls the ``pbx`` of the peer, without an answer. A stock peer ignores that."""
        if not self.disconnected:
            self._sendMessage(b"", None, NAME, message, args, {"pbanswer": 0})

    def send(
        self, perspective: Any, object_id: Any, name: str, args: Any, kw: Any, note: dict[str, Any], expect: bool = False
    ) -> tuple[int, Deferred[Any]]:
        """Calls a method, with a note. Returns the number of the call and what Perspective Broker returns."""
        self._send_patches()  # These are calls, too.
        request_id = self.newRequestID()
        if note and self.may("note"):
            self.tell(b"note", request_id, note)
        if expect and self.may("expect"):
            self.tell(b"expect", request_id)
        self._next_request_id = request_id
        try:
            answer = self._sendMessage(b"", perspective, object_id, name.encode(), args, kw)
        finally:
            self._next_request_id = None
        if note and not expect and answer.called and self.may("expect"):  # Its arguments cannot be sent.
            self.tell(b"forget", request_id)
        return request_id, answer


def features_of(hello: Any) -> frozenset[str]:
    features = hello.get("features") if isinstance(hello, dict) else None
    return frozenset(item for item in features if isinstance(item, str)) if isinstance(features, list) else frozenset()


def instance_of(hello: Any, seconds: Callable[[], float]) -> Optional[Instance]:
    """What an answer to ``hello`` says about answers that are kept. ``None`` if it makes no sense."""
    name, clock = hello.get("instance"), hello.get("clock")
    if not isinstance(name, str) or INSTANCE.fullmatch(name) is None or not is_time(clock):
        return None
    return Instance(name, float(clock), seconds(), seconds)


def upgrade(factory: Factory, clock: Optional[Clock] = None) -> Factory:
    """Makes a ``PBServerFactory`` or ``PBClientFactory`` use brokers with these extensions, for new connections.

    A protocol class of its own is kept as the base class. ``clock`` is the reactor by default. Returns the factory.
    """
    seconds = time.monotonic if clock is None else clock.seconds
    if clock is None:
        from twisted.internet import reactor

        clock = cast(Clock, reactor)
    upgraded: Any = factory
    base = upgraded.protocol
    if not issubclass(base, PbxBroker):
        own = {"pbx_clock": clock, "pbx_connections": set(), "pbx_answers": Answers(seconds)}
        upgraded.protocol = type("UpgradedBroker", (PbxBroker, base), own)
    return factory
