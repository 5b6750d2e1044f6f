"""State that stays in step at all viewers: a Cacheable that sends one patch per turn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Optional, cast

from twisted.python import log
from twisted.spread import pb
from twisted.spread.jelly import Jellyable

from ._broker import PbxBroker
from ._draft import differences, draft_of, jellied, plain
from ._errors import GoingAway, NotPlain, ViewFailed
from ._pack import PACKED_FORM, PACKED_VERSION, Packing, pack_state

if TYPE_CHECKING:
    from ._context import Clock, Timer

MAX_UNANSWERED = 16
"""Patches that a viewer has not answered. A viewer that is slower gets fewer patches, each for all that has changed."""


class Tree(Jellyable):
    """Plain data that is jellied once for all connections. What a view is made of is checked here."""

    def __init__(self, value: Any) -> None:
        try:
            self._jellied = jellied(value)
        except (NotPlain, RecursionError):
            log.err(None, "A view cannot travel")
            raise ViewFailed("LIVE_VIEW_FAILED") from None

    def jellyFor(self, jellier: Any) -> Any:
        return self._jellied


class Viewer:
    def __init__(self, observer: Any, revision: int, view: Any) -> None:
        self.observer = observer
        self.revision = revision
        self.view = view
        self.unanswered = 0
        self.packs = isinstance(observer.broker, PbxBroker) and PACKED_FORM in observer.broker.pbx.forms
        """Whether it has said that it reads packed patches, at the start of the connection or in an answer."""
        self.epoch: Optional[int] = None


class Live(pb.Cacheable):
    """State of plain data, such as ``{"price": 40, "bids": []}``, that stays in step at all viewers.

    Return it from a method, as any Cacheable. With a factory that :func:`upgrade` has upgraded, all updates of a turn of
    the reactor are one patch, which is sent before any later call or answer on the connection. Towards other factories,
    each update is a patch. ``clock`` is the reactor by default.
    """

    remote_type = "pb.Live"
    """The name of the class for viewers."""

    def __init__(self, state: Any, clock: Optional[Clock] = None) -> None:
        if clock is None:
            from twisted.internet import reactor

            clock = cast("Clock", reactor)
        self._clock = clock
        self._state = plain(state)
        self._revision = 0
        self._groups: dict[Any, dict[Any, Viewer]] = {}
        """The viewers that see the same, by their broker: a connection observes an object once."""
        self._packings: dict[Any, Packing] = {}
        self._timer: Optional[Timer] = None
        self._is_updating = False

    @property
    def state(self) -> Any:
        """The state. Read it only: :meth:`update` changes it."""
        return self._state

    @property
    def revision(self) -> int:
        return self._revision

    def view_key(self, perspective: Any) -> Any:
        """The group of a viewer. Override it together with :meth:`view_of`. ``perspective`` is that of the connection."""
        return None

    def view_of(self, key: Any, state: Any) -> Any:
        """What a group sees: a part of the state, or plain data that is made of it. By default the whole state."""
        return state

    @contextmanager
    def update(self) -> Iterator[Any]:
        """``with board.update() as draft: draft["price"] = 45``: a draft is changed as dicts and lists are.

        When the block ends, raises :class:`NotPlain`, a ``ValueError``, if the state cannot travel. Raises
        ``RuntimeError`` inside another update of the same state. Then, and when the block raises, nothing has changed.
        """
        session = [True]
        with self._alone():
            draft = draft_of(self._state, session) if type(self._state) in (dict, list) else self._state
            try:
                yield draft
                state = plain(draft) if draft is self._state else draft.finish("state")
            finally:
                session.clear()
        self._set(state)

    def replace(self, state: Any) -> None:
        """Sets the whole state. Viewers get what differs.

        Raises :class:`NotPlain` and changes nothing if it cannot travel.
        """
        with self._alone():
            state = plain(state)
        self._set(state)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if self._is_updating:
            raise RuntimeError("An update inside an update of the same state")
        self._is_updating = True
        try:
            yield
        finally:
            self._is_updating = False

    def _set(self, state: Any) -> None:
        if state is self._state:
            return
        self._state = state
        self._revision += 1
        brokers = [broker for viewers in self._groups.values() for broker in viewers]
        if not all(isinstance(broker, PbxBroker) for broker in brokers):
            self.flush()
        elif brokers:
            for broker in brokers:
                broker.pbx_before_sending.add(self.flush)
            if self._timer is None:
                self._timer = self._clock.callLater(0, self.flush)

    def flush(self) -> None:
        """Sends the patches now that otherwise leave at the end of the turn."""
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()
        for key, viewers in list(self._groups.items()):
            try:
                self._send(key, self._view(key), viewers)
            except ViewFailed:
                del self._groups[key]
                self._packings.pop(key, None)
                for viewer in viewers.values():
                    self._call(viewer, "gone", "LIVE_VIEW_FAILED")

    def _send(self, key: Any, view: Any, viewers: dict[Any, Viewer]) -> None:
        """Sends what each viewer does not have yet. Viewers that have the same get the same patch, which is made once."""
        patches: dict[int, Optional[tuple[list[Any], Tree]]] = {}
        alone: dict[int, Optional[bytes]] = {}
        for viewer in list(viewers.values()):
            since = viewer.revision
            if viewer.unanswered >= MAX_UNANSWERED or since == self._revision:
                continue
            if since not in patches:
                operations = differences(viewer.view, view)
                patches[since] = (operations, Tree(operations)) if operations else None
            patch = patches[since]
            if patch is None:
                continue
            viewer.revision, viewer.view = self._revision, view
            packed: Optional[bytes] = None
            if viewer.packs:
                packing = self._packings.setdefault(key, Packing())
                packed, viewer.epoch = packing.pack(since, self._revision, patch[0], viewer.epoch, alone)
            if packed is None:
                viewer.epoch = None
                self._call(viewer, "patch", self._revision, patch[1], since)
            else:
                self._call(viewer, "p", packed)

    def _call(self, viewer: Viewer, name: str, *args: Any) -> None:
        if viewer.observer.broker.disconnected:
            return
        try:
            answer = viewer.observer.callRemote(name, *args)
        except GoingAway:
            return  # The viewer is about to close the connection.
        viewer.unanswered += 1
        answer.addBoth(self._answered, viewer, name)

    def _answered(self, answer: Any, viewer: Viewer, name: str) -> None:
        """An error too: a viewer that cannot apply a patch asks for the state again."""
        viewer.unanswered -= 1
        if name == "patch":
            viewer.packs = type(answer) is int and answer >= PACKED_VERSION
        if viewer.unanswered == MAX_UNANSWERED - 1 and viewer.revision != self._revision:
            self.flush()

    def _view(self, key: Any) -> Any:
        try:
            with self._alone():
                return self.view_of(key, self._state)
        except Exception:
            log.err(None, f"The view of the group {key!r} of {type(self).__name__} failed")
            raise ViewFailed("LIVE_VIEW_FAILED") from None

    def getTypeToCopyFor(self, perspective: Any) -> bytes:
        return self.remote_type.encode()

    def getStateToCacheAndObserveFor(self, perspective: Any, observer: Any) -> Any:
        broker = observer.broker
        try:
            key = self.view_key(perspective)
            view = self._view(key)
            tree = Tree(view)
        except Exception:
            # The viewer does not get it, so it must not be taken for one that has it.
            del broker.remotelyCachedObjects[broker.remotelyCachedLUIDs.pop(self.processUniqueID())]
            raise
        viewer = self._groups.setdefault(key, {})[broker] = Viewer(observer, self._revision, view)
        packed = pack_state(view) if viewer.packs else None
        return {"rev": self._revision, **({"state": tree} if packed is None else {"packed": packed})}

    def stoppedObserving(self, perspective: Any, observer: Any) -> None:
        for key, viewers in list(self._groups.items()):
            viewers.pop(observer.broker, None)
            if not viewers:
                del self._groups[key]
                self._packings.pop(key, None)
