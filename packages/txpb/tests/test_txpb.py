"""Two real ends over loopback: both upgraded, or one of them stock."""

import functools
import gc
import inspect

from twisted.internet import reactor, task
from twisted.internet.defer import CancelledError, Deferred, TimeoutError, gatherResults, inlineCallbacks
from twisted.python.failure import Failure
from twisted.spread import pb
from twisted.trial.unittest import TestCase

import txpb
from txpb import _once
from txpb._pbx import Note
from txpb._values import trace_of

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Thing(pb.Referenceable):
    def remote_hi(self, who):
        return f"hi {who}"

    def remote_thing(self):
        return Thing()


class Seen(pb.Viewable):
    def view_hi(self, perspective, who):
        return f"seen {who}"


class User(pb.Avatar):
    def perspective_take(self, value):
        return value


class Server(pb.Root):
    def __init__(self):
        self.events = []
        self.gates = []

    def gate(self):
        """A Deferred that the test fires."""
        gate = Deferred(lambda _: self.events.append("cancelled"))
        self.gates.append(gate)
        self.events.append("started")
        return gate

    def remote_echo(self, value):
        return value

    def remote_wait(self):
        return self.gate()

    async def remote_coroutine(self):
        try:
            return await self.gate()
        except CancelledError:
            self.events.append("stopped")
            raise

    async def remote_stubborn(self):
        try:
            await self.gate()
        except CancelledError:
            pass
        return Thing()

    @inlineCallbacks
    def remote_generator(self):
        yield self.gate()
        return txpb.context().traceparent

    async def remote_context(self):
        await task.deferLater(reactor, 0)
        call = txpb.context()
        return [call.remaining(), call.traceparent, call.tracestate, call.baggage]

    async def remote_on(self, reference, timeout=None):
        """Calls on: the context goes along."""
        return await txpb.call(reference, "context", timeout=timeout)

    def remote_thing(self):
        return Thing()

    def remote_seen(self):
        return Seen()

    def remote_avatar(self):
        return pb.AsReferenceable(User(), "perspective")

    def remote_fail(self):
        raise pb.Error("no thing today")

    def remote_take(self, thing):
        return thing.callRemote("hi", "back")


def deferred(method):
    """An ``async def`` method as one that returns a Deferred."""
    return functools.wraps(method)(lambda self: Deferred.fromCoroutine(method(self)))


class Case(TestCase):
    """A server, and a client that is connected. Tests may be ``async def``: Twisted 22.4 does not run these."""

    timeout = 60
    server_is_upgraded = True
    client_is_upgraded = True
    new_server = Server

    def __init_subclass__(cls):
        for name, method in list(vars(cls).items()):
            if name.startswith("test") and inspect.iscoroutinefunction(method):
                setattr(cls, name, deferred(method))

    @deferred
    async def setUp(self):
        self.server = self.new_server()
        self.factory = pb.PBServerFactory(self.server)
        if self.server_is_upgraded:
            txpb.upgrade(self.factory)
        self.port = reactor.listenTCP(0, self.factory, interface="127.0.0.1")
        self.addCleanup(self.port.stopListening)
        self.client = pb.PBClientFactory()
        if self.client_is_upgraded:
            txpb.upgrade(self.client)
        self.accepted = []
        build = self.factory.buildProtocol
        self.factory.buildProtocol = lambda addr: self.accepted.append(build(addr)) or self.accepted[-1]
        self.connector = reactor.connectTCP("127.0.0.1", self.port.getHost().port, self.client)
        self.root = await self.client.getRootObject()
        await self.answered()

    @deferred
    async def tearDown(self):
        ends = []
        for broker in [self.root.broker, *self.accepted]:
            if not broker.disconnected:
                ends.append(Deferred())
                broker.notifyOnDisconnect(lambda end=ends[-1]: end.callback(None))
        self.connector.disconnect()
        await gatherResults(ends)

    async def until(self, condition):
        while not condition():
            await task.deferLater(reactor, 0.005)

    async def answered(self):
        """All that was sent before has been answered."""
        await self.root.callRemote("echo", 1)

    def pbx(self, message, *args):
        """Calls the object of the server directly, as any peer may."""
        return pb.RemoteReference(None, self.root.broker, b"pbx", 0).callRemote(message, *args)

    async def failing(self, deferred, error):
        try:
            await deferred
        except error as reason:
            return reason
        raise self.failureException(f"No {error.__name__}")


class Once(Case):
    """What TypeScript clients use: a key in the note, and the same key again over another connection."""

    KEY = "0123456789abcdef" * 2

    async def connect(self):
        """Another connection to the server."""
        client = txpb.upgrade(pb.PBClientFactory())
        reactor.connectTCP("127.0.0.1", self.port.getHost().port, client)
        root = await client.getRootObject()
        ended = Deferred()
        root.broker.notifyOnDisconnect(lambda: ended.callback(None))

        def close():
            root.broker.transport.loseConnection()
            return ended

        self.addCleanup(close)
        return root, close

    async def send(self, root, name, *args, key=KEY, since=None):
        """Sends a call with a key. Returns a list, because awaiting a Deferred would wait for the answer."""
        hello = await pb.RemoteReference(None, root.broker, b"pbx", 0).callRemote("hello")
        note = {"key": key, "since": hello["clock"] if since is None else since}
        return [root.broker.send(None, root.luid, name, args, {}, note)[1]]

    async def result(self, *args, **kw):
        [answer] = await self.send(*args, **kw)
        return await answer

    async def refused(self, kind, *args, **kw):
        [answer] = await self.send(*args, **kw)
        reason = await self.failing(answer, pb.RemoteError)
        self.assertEqual(reason.remoteType, kind.encode())

    async def test_runs_once_and_repeats_the_answer_over_another_connection(self):
        first, close = await self.connect()
        [lost] = await self.send(first, "wait")
        await self.until(lambda: self.server.gates)
        close()
        await self.failing(lost, Exception)
        second, _ = await self.connect()
        [again] = await self.send(second, "wait")
        await self.until(lambda: self.accepted[-1].pbx.running)
        self.server.gates[0].callback("done")
        self.assertEqual(await again, "done")
        self.assertEqual(await self.result(self.root, "wait"), "done")
        self.assertEqual(self.server.events, ["started"])

    async def test_repeats_an_error(self):
        for _ in range(2):
            [answer] = await self.send(self.root, "fail")
            self.assertIn("no thing today", str(await self.failing(answer, Exception)))

    async def test_does_not_repeat_references(self):
        await self.result(self.root, "thing")
        await self.refused("pbx.AnswerNotKept", self.root, "thing")
        await self.refused("pbx.OnceRefused", self.root, "echo", 1)  # The key of another method.

    async def test_of_which_the_result_is_a_reference_after_the_connection_has_ended(self):
        first, close = await self.connect()
        [lost] = await self.send(first, "stubborn")
        await self.until(lambda: self.server.gates)
        close()
        await self.failing(lost, Exception)
        await self.until(lambda: self.accepted[-1].disconnected)
        self.server.gates[0].callback(None)
        await self.refused("pbx.AnswerNotKept", self.root, "stubborn")
        self.assertEqual(self.server.events, ["started"])

    async def test_can_be_canceled_over_another_connection(self):
        first, close = await self.connect()
        [lost] = await self.send(first, "wait")
        await self.until(lambda: self.server.gates)
        close()
        await self.failing(lost, Exception)
        [again] = await self.send(self.root, "wait")
        broker = self.accepted[0]
        await self.until(lambda: broker.pbx.running)
        [request_id] = broker.pbx.running
        await self.pbx("cancel", request_id)
        failures = []
        again.addErrback(lambda failure: failures.append(failure.type))
        await self.until(lambda: failures)
        self.assertEqual(failures, [b"pbx.Canceled"])
        self.assertEqual(self.server.events, ["started", "cancelled"])

    async def test_is_forgotten_when_the_caller_says_so_or_after_its_time(self):
        answers = self.accepted[0].pbx_answers
        for _ in range(2):
            await self.result(self.root, "echo", 1)
            await self.pbx("forget", self.KEY)
            self.assertEqual(len(answers._calls), 0)
        await self.result(self.root, "echo", 1)
        seconds = answers.seconds
        since = seconds()
        answers.seconds = lambda: seconds() + 1000
        await self.refused("pbx.AnswerForgotten", self.root, "echo", 1, since=since - 1)
        self.assertEqual(await self.result(self.root, "echo", 2), 2)

    async def test_is_refused_when_its_note_makes_no_sense_or_there_is_no_place(self):
        for key, since in [("short", 1), ("a" * 65, 1), (5, 1), ([1], 1), (self.KEY, "soon"), (self.KEY, float("nan"))]:
            await self.refused("pbx.OnceRefused", self.root, "echo", 1, key=key, since=since)
        self.patch(_once, "MAX_ANSWERS", 1)
        await self.result(self.root, "echo", 1)
        await self.refused("pbx.OnceRefused", self.root, "echo", 1, key=self.KEY[::-1])


class Reconnecting(pb.PBClientFactory):
    """As in the README, and sooner."""

    def clientConnectionLost(self, connector, reason):
        super().clientConnectionLost(connector, reason, reconnecting=True)
        if self.is_active:
            reactor.callLater(0.01, connector.connect)

    def clientConnectionFailed(self, connector, reason):
        if self.is_active:
            reactor.callLater(0.01, connector.connect)


class CallingOnce(Case):
    """Clients of Python."""

    @deferred
    async def setUp(self):
        await super(CallingOnce, self).setUp()
        self.reconnecting = txpb.upgrade(Reconnecting())
        self.reconnecting.is_active = True
        self.link = reactor.connectTCP("127.0.0.1", self.port.getHost().port, self.reconnecting)
        await self.reconnecting.getRootObject()

    @deferred
    async def tearDown(self):
        self.reconnecting.is_active = False
        root = await self.reconnecting.getRootObject()
        ended = Deferred()
        root.broker.notifyOnDisconnect(lambda: ended.callback(None))
        self.link.disconnect()
        await ended
        await super(CallingOnce, self).tearDown()

    def once(self, *args, **kw):
        return txpb.call_once(self.reconnecting.getRootObject, *args, **kw)

    async def lose(self):
        """Ends the connection under the call that is running."""
        await self.until(lambda: self.server.gates)
        broker = self.accepted[-1]
        broker.transport.abortConnection()
        await self.until(lambda: broker.disconnected)

    async def test_runs_once_although_its_connection_is_lost(self):
        call = self.once("wait")
        for _ in range(2):
            await self.lose()
            await self.until(lambda: not self.accepted[-1].disconnected and self.accepted[-1].pbx.running)
        self.server.gates[0].callback("done")
        self.assertEqual(await call, "done")
        self.assertEqual(self.server.events, ["started"])

    async def test_is_forgotten_by_the_server_when_it_was_sent_once(self):
        answers = self.accepted[-1].pbx_answers
        self.assertEqual(await self.once("echo", 5), 5)
        self.assertIn("no thing today", str(await self.failing(self.once("fail"), Exception)))
        await self.once("echo", 1)
        await self.until(lambda: not answers._calls)

    async def test_is_not_sent_for_ever(self):
        call = self.once("wait")
        for _ in range(3):
            count = len(self.accepted)
            await self.until(lambda: self.accepted[-1].pbx.running)
            await self.lose()
            await self.until(lambda: len(self.accepted) > count)
        await self.failing(call, txpb.OutcomeUnknown)
        self.assertEqual(self.server.events, ["started"])
        self.server.gates[0].callback(None)

    async def test_has_an_unknown_outcome_when_the_server_has_other_answers(self):
        call = self.once("wait")
        await self.until(lambda: self.server.gates)
        self.accepted[-1].pbx_answers.instance = "another"
        await self.lose()
        await self.failing(call, txpb.OutcomeUnknown)
        self.server.gates[0].callback(None)

    async def test_has_an_unknown_outcome_when_the_answer_was_forgotten(self):
        call = self.once("wait")
        await self.until(lambda: self.server.gates)
        answers = self.accepted[-1].pbx_answers
        self.server.gates[0].callback(None)
        self.accepted[-1].transport.abortConnection()
        await self.until(lambda: answers._calls and next(iter(answers._calls.values())).finished is not None)
        seconds = answers.seconds
        answers.seconds = lambda: seconds() + 1000
        await self.failing(call, txpb.OutcomeUnknown)

    async def test_fails_as_its_method_and_as_what_finds_it(self):
        error = await self.failing(self.once("wait", 1), pb.RemoteError)
        self.assertEqual(error.remoteType, b"builtins.TypeError")

        def find():
            raise ZeroDivisionError

        await self.failing(txpb.call_once(find, "wait"), ZeroDivisionError)
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)

    async def test_can_be_canceled_and_has_a_timeout(self):
        call = self.once("wait")
        await self.until(lambda: self.server.gates)
        call.cancel()
        await self.failing(call, CancelledError)
        await self.failing(self.once("wait", timeout=0.01), TimeoutError)
        await self.until(lambda: self.server.events.count("cancelled") == 2)

    async def test_waits_for_another_connection_when_the_peer_goes_away(self):
        root = await self.reconnecting.getRootObject()
        root.broker.pbx.remote_goaway({})
        self.assertEqual(await self.once("echo", 7), 7)
        self.assertIs(root.broker.disconnected, 1)


class CallingOnceAtAStockServer(Case):
    server_is_upgraded = False

    async def test_is_an_ordinary_call(self):
        self.assertEqual(await txpb.call_once(self.client.getRootObject, "echo", 5), 5)
        call = txpb.call_once(self.client.getRootObject, "wait")
        await self.until(lambda: self.server.gates)
        self.accepted[0].transport.abortConnection()
        await self.failing(call, txpb.OutcomeUnknown)


class CallingOnceWithAStockClient(CallingOnceAtAStockServer):
    server_is_upgraded = True
    client_is_upgraded = False


class Cancelling(Case):
    async def test_runs_the_canceller_of_a_deferred_once(self):
        call = txpb.call(self.root, "wait")
        await self.until(lambda: self.server.gates)
        call.cancel()
        await self.failing(call, CancelledError)
        await self.answered()
        self.assertEqual(self.server.events, ["started", "cancelled"])
        self.assertEqual(self.root.broker.waitingForAnswers, {})

    async def test_cancels_what_a_coroutine_waits_for(self):
        call = txpb.call(self.root, "coroutine")
        await self.until(lambda: self.server.gates)
        call.cancel()
        await self.failing(call, CancelledError)
        await self.answered()
        self.assertEqual(self.server.events, ["started", "cancelled", "stopped"])

    async def test_before_the_call_has_arrived(self):
        call = txpb.call(self.root, "wait")
        call.cancel()
        await self.failing(call, CancelledError)
        await self.answered()
        self.assertEqual(self.server.events, ["started", "cancelled"])

    async def test_drops_a_late_answer_and_releases_its_references(self):
        call = txpb.call(self.root, "stubborn")
        await self.until(lambda: self.server.gates)
        call.cancel()
        await self.failing(call, CancelledError)
        await self.answered()
        gc.collect()
        await self.answered()
        objects = self.accepted[0].localObjects
        self.assertEqual([name for name in objects if isinstance(name, int)], [])

    async def test_of_a_finished_call_does_nothing(self):
        self.assertEqual(await txpb.call(self.root, "echo", 5), 5)
        await self.pbx("cancel", self.root.broker.currentRequestID)
        self.assertEqual(await txpb.call(self.root, "echo", 6), 6)

    async def test_a_timeout_cancels(self):
        await self.failing(txpb.call(self.root, "coroutine", timeout=0.05), TimeoutError)
        await self.answered()
        self.assertEqual(self.server.events, ["started", "cancelled", "stopped"])

    async def test_the_peer_may_be_the_first_to_notice_that_the_time_is_over(self):
        def canceled_by_itself():
            raise txpb.Canceled("by a clock that is fast")

        self.server.remote_wait = canceled_by_itself
        await self.failing(txpb.call(self.root, "wait", timeout=50), TimeoutError)
        await self.failing(txpb.call(self.root, "wait"), pb.RemoteError)

    async def test_the_end_of_the_connection_cancels_what_is_running(self):
        call = txpb.call(self.root, "coroutine")
        await self.until(lambda: self.server.gates)
        self.connector.disconnect()
        await self.failing(call, pb.PBConnectionLost)
        await self.until(lambda: "stopped" in self.server.events)

    async def test_methods_of_the_client_can_be_cancelled_too(self):
        cancelled = []
        thing = pb.Referenceable()
        thing.remote_hi = lambda who: Deferred(cancelled.append)
        answer = self.root.callRemote("take", thing)
        await self.until(lambda: self.root.broker.pbx.running)
        self.connector.disconnect()
        await self.failing(answer, pb.PBConnectionLost)
        await self.until(lambda: len(cancelled) == 1)
        await self.until(lambda: self.accepted[0].disconnected)
        self.flushLoggedErrors(pb.PBConnectionLost)  # Of the method of the server, which called on.


class StockClient(Case):
    client_is_upgraded = False

    async def test_notices_nothing(self):
        self.assertEqual(await self.root.callRemote("echo", [1, "two"]), [1, "two"])
        self.assertEqual(await self.root.callRemote("context"), [None, None, None, None])

    async def test_is_called_with_a_timeout(self):
        self.assertEqual(await txpb.call(self.root, "echo", 1, timeout=5), 1)
        await self.failing(txpb.call(self.root, "wait", timeout=0.05), TimeoutError)

    async def test_pipelines_by_waiting(self):
        self.assertEqual(await txpb.pipe(self.root, "thing").callRemote("hi", "you"), "hi you")

    async def test_its_calls_are_cancelled_when_it_leaves(self):
        call = self.root.callRemote("wait")
        await self.until(lambda: self.server.gates)
        self.connector.disconnect()
        await self.failing(call, pb.PBConnectionLost)
        await self.until(lambda: "cancelled" in self.server.events)


class StockServer(Case):
    server_is_upgraded = False

    async def test_notices_nothing(self):
        self.assertEqual(await txpb.call(self.root, "echo", 1, timeout=5), 1)
        self.assertEqual(await txpb.call(self.root, "echo", 2, timeout=5), 2)
        self.assertEqual(self.root.broker.peer_features, frozenset())

    async def test_pipelines_by_waiting(self):
        first = txpb.pipe(self.root, "thing")
        second = txpb.pipe(first, "thing")
        self.assertEqual(await txpb.call(second, "hi", "you"), "hi you")
        self.assertEqual(await txpb.pipe(self.root, "thing").callRemote("hi", "again"), "hi again")

    async def test_cancels_at_this_end(self):
        call = txpb.call(self.root, "wait")
        call.cancel()
        await self.failing(call, CancelledError)
        await self.answered()
        self.assertEqual(self.server.events, ["started"])
        self.server.gates[0].callback(Thing())
        await self.answered()

    async def test_drains_when_its_calls_are_answered(self):
        thing = Thing()
        answer = self.root.callRemote("take", thing)
        drained = txpb.drain(self.client)
        self.assertEqual(await answer, "hi back")
        await drained


class TraceContext(TestCase):
    def test_has_the_form_of_version_00(self):
        """packages/broker/test/calls/trace-context.test.ts has the same rows."""
        ids = f"{'0a' * 16}-{'b2' * 8}"
        for value, expected in (
            (f"00-{ids}-01", f"00-{ids}-01"),
            (f"00-{ids}-ff", f"00-{ids}-ff"),
            (f"00-{ids}-01-more", None),
            (f"01-{ids}-00", f"00-{ids}-00"),
            (f"01-{ids}-03", f"00-{ids}-01"),
            (f"cc-{ids}-01-what a later version adds", f"00-{ids}-01"),
            (f"cc-{ids}-01" + "-x" * 50_000, f"00-{ids}-01"),
            (f"cc-{ids}-01.more", None),
            (f"ff-{ids}-01", None),
            (f"00-{'0' * 32}-{'b2' * 8}-01", None),
            (f"00-{'0a' * 16}-{'0' * 16}-01", None),
            (f"00-{ids.upper()}-01", None),
            (f"00-{ids}-01\n", None),
            (f"01-{ids}-01\n", None),
            (f"00-{ids}", None),
            ("", None),
            (5, None),
        ):
            note = {"traceparent": value, "tracestate": "a=1", "baggage": "b=2"}
            self.assertEqual(trace_of(note), (expected, expected and "a=1", expected and "b=2"), value)

    def test_has_a_state_of_at_most_512_printable_characters(self):
        for state, expected in (("a=1", "a=1"), ("x" * 512, "x" * 512), ("x" * 513, None), ("", None), ("é", None), (5, None)):
            self.assertEqual(trace_of({"traceparent": TRACE, "tracestate": state}), (TRACE, expected, None))

    def test_has_a_baggage_of_at_most_8192_printable_characters(self):
        for baggage, expected in (("a=1,b=2", "a=1,b=2"), ("x" * 8192, "x" * 8192), ("x" * 8193, None), ("\n", None), (b"a", None)):
            self.assertEqual(trace_of({"traceparent": TRACE, "baggage": baggage}), (TRACE, None, expected))


class Context(Case):
    async def test_the_deadline_arrives_as_the_time_that_is_left(self):
        remaining, *_ = await txpb.call(self.root, "context", timeout=50)
        self.assertTrue(40 < remaining <= 50, remaining)
        self.assertEqual(await txpb.call(self.root, "context"), [None, None, None, None])

    async def test_the_deadline_is_passed_on_and_shrinks(self):
        remaining, *_ = await txpb.call(self.root, "on", Server(), timeout=50)
        self.assertTrue(40 < remaining <= 50, remaining)
        shorter, *_ = await txpb.call(self.root, "on", Server(), 5, timeout=50)
        self.assertTrue(0 < shorter <= 5, shorter)

    async def test_the_trace_context_is_passed_on(self):
        broker = self.root.broker
        note = {"traceparent": TRACE, "tracestate": "a=1", "baggage": "b=2"}
        _, answer = broker.send(None, self.root.luid, "on", (Server(),), {}, note)
        self.assertEqual(await answer, [None, TRACE, "a=1", "b=2"])

    async def test_interleaved_calls_have_their_own(self):
        broker = self.root.broker
        calls = [broker.send(None, self.root.luid, "generator", (), {}, {"traceparent": TRACE[:-1] + str(n)})[1] for n in range(3)]
        await self.until(lambda: len(self.server.gates) == 3)
        for gate in reversed(self.server.gates):
            gate.callback(None)
        self.assertEqual(await gatherResults(calls), [TRACE[:-1] + n for n in "012"])
        self.assertIsNone(txpb.context())

    async def test_the_callee_keeps_the_deadline_by_itself(self):
        _, answer = self.root.broker.send(None, self.root.luid, "wait", (), {}, {"deadline": 0.05})
        await self.failing(answer, pb.RemoteError)
        self.assertEqual(self.server.events, ["started", "cancelled"])

    async def test_senseless_notes_are_ignored(self):
        deadlines = "soon", True, float("nan"), float("inf"), -(2**440), -1
        for note in [{"deadline": deadline} for deadline in deadlines] + [{"traceparent": 5}, {5: 6}]:
            _, answer = self.root.broker.send(None, self.root.luid, "context", (), {}, note)
            self.assertEqual(await answer, [None, None, None, None])

    async def test_notes_that_wait_keep_nothing_else(self):
        self.root.broker.tell(b"note", 999, {"traceparent": TRACE + "x" * 600_000, "other": ["x" * 600_000]})
        await self.answered()
        self.assertEqual([vars(note) for note in self.accepted[0].pbx.notes.values()], [vars(Note())])

    async def test_a_deadline_that_is_over_cancels_at_once(self):
        _, answer = self.root.broker.send(None, self.root.luid, "wait", (), {}, {"deadline": 0})
        await self.failing(answer, pb.RemoteError)


class Pipelining(Case):
    async def test_dependent_calls_do_not_wait(self):
        gate = Deferred()
        self.server.remote_thing = lambda: gate
        first = txpb.pipe(self.root, "thing")
        answers = [first.callRemote("hi", n) for n in range(3)] + [txpb.pipe(first, "thing").callRemote("hi", 3)]
        await self.until(lambda: len(self.accepted[0].pbx.running) == 6)
        gate.callback(Thing())
        self.assertEqual(await gatherResults(answers), ["hi 0", "hi 1", "hi 2", "hi 3"])
        await self.answered()
        self.assertEqual(self.accepted[0].pbx.kept, {})

    async def test_to_a_result_that_is_there(self):
        first = txpb.pipe(self.root, "thing")
        thing = await first
        self.assertIsInstance(thing, pb.RemoteReference)
        self.assertEqual(await first.callRemote("hi", "you"), "hi you")

    async def test_to_a_viewable(self):
        self.assertEqual(await txpb.pipe(self.root, "seen").callRemote("hi", "it"), "seen it")

    async def test_dependent_calls_fail_as_the_first_one(self):
        for method, text in ("fail", "no thing today"), ("echo", "a list, not a reference"):
            first = txpb.pipe(self.root, method, *([[1]] if method == "echo" else []))
            second = txpb.pipe(first, "thing")
            for pipelined in first.callRemote("hi", 1), second.callRemote("hi", 2):
                self.assertIn(text, str(await self.failing(pipelined, pb.RemoteError)))

    async def test_to_the_result_of_a_coroutine_that_does_not_wait(self):
        async def thing():
            return Thing()

        self.server.remote_thing = thing
        self.assertEqual(await txpb.pipe(self.root, "thing").callRemote("hi", "you"), "hi you")
        self.assertEqual(await txpb.pipe(txpb.pipe(self.root, "thing"), "thing").callRemote("hi", "you"), "hi you")

    async def test_is_cancelled_with_the_calls_that_depend_on_it(self):
        first = txpb.pipe(self.root, "coroutine")
        dependent = first.callRemote("hi", 1)
        await self.until(lambda: self.server.gates)
        first.cancel()
        await self.failing(first.get(), CancelledError)
        await self.failing(dependent, pb.RemoteError)
        self.assertEqual(self.server.events, ["started", "cancelled", "stopped"])

    async def test_to_a_result_that_is_an_argument_too_early(self):
        await self.root.broker.ask()
        early = txpb.pipe(self.root, "thing")
        await self.failing(txpb.pipe(self.root, "echo", early).get(), TypeError)
        await self.failing(txpb.call(self.root, "echo", early, timeout=5), TypeError)
        self.assertEqual(await txpb.call(self.root, "echo", await early), await early)
        await self.answered()
        pbx = self.accepted[0].pbx
        self.assertEqual([len(pbx.kept), len(pbx.expected), len(pbx.notes)], [0, 0, 0])

    async def test_with_arguments_that_contain_themselves(self):
        value = [1]
        value.append(value)
        shown = await self.server_that_waits().callRemote("echo", value)
        self.assertIs(shown[1], shown)

    async def test_with_references_in_the_arguments(self):
        self.assertEqual(await self.server_that_waits().callRemote("take", Thing()), "hi back")

    def server_that_waits(self):
        """The result of a call that is answered later, of a method that returns another server."""
        self.server.remote_thing = lambda: task.deferLater(reactor, 0.01, Server)
        return txpb.pipe(self.root, "thing")

    async def test_references_in_arguments_are_released_when_the_first_call_fails(self):
        await self.root.broker.ask()
        dependent = txpb.pipe(self.root, "fail").callRemote("take", Thing())
        reason = await self.failing(dependent, pb.RemoteError)
        self.assertEqual(reason.remoteType, b"pbx.DependencyFailed")
        await self.answered()
        gc.collect()
        await self.answered()
        self.assertEqual([name for name in self.root.broker.localObjects if isinstance(name, int)], [])

    async def test_with_references_that_belong_to_another_perspective(self):
        await self.root.broker.ask()
        reason = await self.failing(txpb.pipe(self.root, "avatar").callRemote("take", Thing()), pb.RemoteError)
        self.assertIn("another perspective", str(reason))
        self.assertEqual(await txpb.pipe(self.root, "avatar").callRemote("take", 5), 5)
        avatar = await txpb.pipe(self.root, "avatar")
        self.assertEqual(await avatar.callRemote("take", 6), 6)

    async def test_a_dependent_call_that_is_cancelled_does_not_start(self):
        gate = Deferred()
        self.server.remote_thing = lambda: gate
        first = txpb.pipe(self.root, "thing")
        dependent = first.callRemote("hi", 1)
        other = first.callRemote("hi", 2)
        dependent.cancel()
        await self.failing(dependent, CancelledError)
        await self.answered()
        gate.callback(Thing())
        self.assertEqual(await other, "hi 2")

    async def test_to_a_result_that_is_no_reference(self):
        first = txpb.pipe(self.root, "echo", 5)
        self.assertEqual(await first, 5)
        await self.failing(first.callRemote("hi", 1), txpb.NotAReference)

    async def test_results_of_no_call_are_bounded_and_forgotten(self):
        for number in range(3000):
            self.root.broker.tell(b"expect", 10_000 + number)
            self.root.broker.tell(b"note", 10_000 + number, {})
        await self.answered()
        pbx = self.accepted[0].pbx
        self.assertEqual([len(pbx.expected), len(pbx.notes)], [64, 64])
        # There is no room for the result, so the dependent call waits at this end.
        self.assertEqual(await txpb.pipe(self.root, "thing").callRemote("hi", "you"), "hi you")
        for number in range(3000):
            self.root.broker.tell(b"forget", 10_000 + number)
        await self.answered()
        self.assertEqual([len(pbx.kept), len(pbx.expected), len(pbx.notes)], [0, 0, 0])


class BadInput(Case):
    async def test_senseless_calls_are_ignored(self):
        for message in ("note", "cancel", "expect", "forget"):
            for args in [(), (None,), ("x", "y"), (-1, {}), (2**70, {}), ([], []), (True, {}), (5, 6, 7, 8)]:
                self.assertIsNone(await self.pbx(message, *args))
        self.assertEqual(await self.root.callRemote("echo", 1), 1)

    async def test_names_of_results_that_are_not_expected(self):
        self.root.broker.tell(b"expect", self.root.broker.currentRequestID + 2)
        await self.answered()
        number = max(self.accepted[0].pbx.kept)
        odd = f"pbx:0{number}".encode(), f"pbx:{number}".translate({48 + n: 0x660 + n for n in range(10)}).encode()
        for name in (*odd, b"pbx:0", b"pbx:", b"pbx:-1", b"pbx:\xff", b"pbx:" + b"9" * 600, b"pbx:1:2"):
            reference = pb.RemoteReference(None, self.root.broker, name, 0)
            reason = await self.failing(reference.callRemote("hi", 1), pb.RemoteError)
            self.assertEqual(str(reason), "Invalid Object ID")

    async def test_two_calls_with_one_number_are_both_cancelled_at_the_end(self):
        for _ in range(2):
            self.root.broker._sendMessage(b"", None, self.root.luid, b"wait", (), {"pbanswer": 0})
            self.root.broker.currentRequestID -= 1
        await self.until(lambda: len(self.server.gates) == 2)
        self.assertEqual(len(self.accepted[0].pbx.running), 2)
        self.connector.disconnect()
        await self.until(lambda: self.server.events.count("cancelled") == 2)
        gc.collect()  # Would log errors that nobody has handled.

    async def test_a_result_whose_call_has_not_arrived(self):
        self.root.broker.tell(b"expect", 999)
        early = pb.RemoteReference(None, self.root.broker, b"pbx:999", 0).callRemote("hi", 1)
        self.assertEqual((await self.failing(early, pb.RemoteError)).remoteType, b"pbx.NotExpected")

    async def test_a_stock_peer_with_an_object_of_that_name(self):
        for hello in ({"features": 5}, 7, {"features": [1, None]}, Failure(pb.Error("no"))):
            other = pb.Referenceable()
            other.remote_hello = lambda: hello
            self.root.broker._greeting = None
            self.accepted[0].localObjects[b"pbx"] = pb.Local(other)
            self.assertEqual(await self.root.broker.ask(), frozenset())

    async def test_reserved_names(self):
        for name in ("pbx", b"pbx:1"):
            self.assertRaises(ValueError, self.accepted[0].setNameForLocal, name, Thing())


class Goodbye(Case):
    async def test_calls_in_flight_are_answered_and_no_more_are_sent(self):
        told = []
        txpb.notify_on_go_away(self.root, told.append)
        call = self.root.callRemote("wait")
        await self.until(lambda: self.server.gates)
        drained = txpb.drain(self.factory, retry_after=86400)
        await self.until(lambda: told)
        await self.failing(txpb.call(self.root, "echo", 1), txpb.GoingAway)
        self.assertRaises(txpb.GoingAway, self.root.callRemote, "echo", 1)
        self.server.gates[0].callback("done")
        self.assertEqual(await call, "done")
        await drained
        self.assertEqual(told, [86400.0])

    async def test_methods_that_the_goodbye_waits_for_may_call(self):
        class Caller(pb.Referenceable):
            async def remote_hi(_, who):
                await self.until(lambda: self.root.broker.pbx.retry_after is not None)
                return await txpb.call(self.root, "echo", who)

        answer = self.root.callRemote("take", Caller())
        await self.until(lambda: self.root.broker.pbx.running)
        drained = txpb.drain(self.factory)
        self.assertEqual(await answer, "back")
        await drained

    async def test_ends_after_the_timeout(self):
        call = self.root.callRemote("wait")
        await self.until(lambda: self.server.gates)
        await txpb.drain(self.factory, timeout=0.05)
        await self.failing(call, pb.PBConnectionLost)

    async def test_a_failing_callback_is_logged(self):
        txpb.notify_on_go_away(self.root, lambda _: 1 / 0)
        await txpb.drain(self.factory)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class Upgrading(TestCase):
    def test_keeps_a_protocol_of_the_program_and_is_done_once(self):
        class Own(pb.Broker):
            pass

        factory = pb.PBServerFactory(pb.Root())
        factory.protocol = Own
        self.assertIs(txpb.upgrade(factory), factory)
        upgraded = factory.protocol
        self.assertTrue(issubclass(upgraded, Own))
        self.assertIs(txpb.upgrade(factory).protocol, upgraded)
        self.assertIs(pb.PBServerFactory.protocol, pb.Broker)
