"""What can go wrong with a call. Those that are sent to the peer are not logged."""

from twisted.spread import pb


class Canceled(pb.Error):
    """The caller canceled the call, or its deadline has passed, and the method stopped."""

    __module__ = "pbx"


class NotExpected(pb.Error):
    """There is no result of this name to call. Has the text by which a stock broker says so."""

    __module__ = "pbx"

    def __init__(self) -> None:
        super().__init__(UNKNOWN_OBJECT)


class DependencyFailed(pb.Error):
    """The call that this one depends on has failed. Has the text of that error."""

    __module__ = "pbx"


class NotAReference(pb.Error):
    """The result of the call that this one depends on is not an object that can be called."""

    __module__ = "pbx"


class OnceRefused(pb.Error):
    """A call that must run once does not run: its key is malformed or of another call, or there is no place."""

    __module__ = "pbx"


class AnswerNotKept(pb.Error):
    """A call that must run once has run, but its answer cannot be sent again."""

    __module__ = "pbx"


class AnswerForgotten(pb.Error):
    """A call that must run once may have run: its answer would have been forgotten by now."""

    __module__ = "pbx"


class OutcomeUnknown(pb.Error):
    """The connection was lost, and nobody can tell whether the method of the call has run."""


class GoingAway(pb.DeadReferenceError):
    """The peer is about to close the connection. The call was not sent: repeat it over a new connection."""


UNKNOWN_OBJECT = "Invalid Object ID"


class NotPlain(ValueError):
    """Data that cannot be part of a live state: only text, numbers, booleans, ``None``, lists and dicts can."""


class ViewFailed(pb.Error):
    """The method ``view_of`` of a live state failed for a group of viewers. The reason is in the log of the server."""
