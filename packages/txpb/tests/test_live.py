"""Live states over loopback, with the viewer of the README, which does not need txpb."""

import copy
import gc
from pathlib import Path

from twisted.internet import task
from twisted.internet.defer import CancelledError, Deferred
from twisted.spread import pb

import txpb
from test_txpb import Case
from txpb._draft import differences
from txpb._live import MAX_UNANSWERED
from txpb._pack import EPOCH_PATCHES, Packing, Places, pack


README = Path(__file__).parent.parent / "README.md"
viewing = {"pb": pb}
exec(README.read_text().split("needs no txpb:\n\n```python\n")[1].split("```")[0], viewing)


class Copy(viewing["BoardCopy"]):
    """The viewer of the README, which counts."""

    patches = 0
    gone = None

    def observe_patch(self, rev, ops, since):
        self.patches += 1
        super().observe_patch(rev, ops, since)

    def observe_gone(self, code):
        self.gone = code


def patched(state, operations):
    copy = Copy()
    copy.setCopyableState({"rev": 0, "state": state})
    copy.observe_patch(1, operations, 0)
    return copy.state


pb.setUnjellyableForClass("test.Board", Copy)


class Board(txpb.Live):
    remote_type = "test.Board"
    key = "a"
    broken = ()

    def view_key(self, perspective):
        return self.key

    def view_of(self, key, state):
        if key in self.broken:
            raise ZeroDivisionError
        return {"shared": state["shared"], "mine": state["groups"][key]}


class Plain(txpb.Live):
    remote_type = "test.Board"


def state():
    return {"shared": [1], "groups": {"a": {"secret": "of a"}, "b": {"secret": "of b"}}}


class Viewing(Case):
    async def view(self, live=None):
        self.live = live if live is not None else Board(state())
        self.server.remote_board = lambda: self.live
        self.copy = await self.root.callRemote("board")

    async def test_sends_one_patch_per_turn_before_the_answer(self):
        await self.view()

        def change():
            for number in range(5):
                with self.live.update() as draft:
                    draft["shared"].append(number)
                    draft["groups"]["a"]["n"] = number
            return "changed"

        self.server.remote_change = change
        answer = await self.root.callRemote("change")
        self.assertEqual(answer, "changed")
        self.assertEqual(self.copy.state, {"shared": [1, 0, 1, 2, 3, 4], "mine": {"secret": "of a", "n": 4}})
        self.assertEqual((self.copy.rev, self.copy.patches), (5, 1 if self.server_is_upgraded else 5))

    async def test_sends_a_patch_without_a_call(self):
        await self.view()
        with self.live.update() as draft:
            draft["shared"][0] = 2
        await self.until(lambda: self.copy.rev == 1)
        self.assertEqual(self.copy.state["shared"], [2])

    async def test_sends_nothing_of_other_groups(self):
        sent = []
        write = self.accepted[0].sendEncoded
        self.accepted[0].sendEncoded = lambda obj: sent.append(repr(obj)) or write(obj)
        await self.view()
        with self.live.update() as draft:
            draft["groups"]["b"]["secret"] = "changed of b"
        await self.answered()
        self.assertEqual(self.copy.patches, 0)
        self.assertIn("of a", "".join(sent))
        self.assertNotIn("of b", "".join(sent))

    async def test_ends_a_group_whose_view_fails(self):
        await self.view()
        self.live.broken = ("a",)
        with self.live.update() as draft:
            draft["shared"] = []
        await self.until(lambda: self.copy.gone)
        self.assertEqual(self.copy.gone, "LIVE_VIEW_FAILED")
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    async def test_a_view_that_fails_at_first_fails_the_call_only(self):
        board = Board(state())
        board.broken = ("a",)
        await self.failing(self.view(board), pb.RemoteError)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.flushLoggedErrors(txpb.ViewFailed)
        board.broken = ()
        await self.view(board)
        self.assertEqual(self.copy.state["mine"], {"secret": "of a"})

    async def test_a_view_that_cannot_travel_fails(self):
        board = Board(state())
        board.view_of = lambda key, state: {"number": state["shared"][0] / 3 + float("inf")}
        await self.failing(self.view(board), pb.RemoteError)
        self.assertEqual(len(self.flushLoggedErrors(txpb.NotPlain)), 1)
        self.flushLoggedErrors(txpb.ViewFailed)

    async def test_a_slow_viewer_gets_merged_patches(self):
        await self.view()
        gate = Deferred()
        apply = self.copy.observe_patch

        def observe_patch(rev, ops, since):
            apply(rev, ops, since)
            return gate

        self.copy.observe_patch = observe_patch
        for number in range(100):
            with self.live.update() as draft:
                draft["shared"].append(number)
            self.live.flush()
        await self.answered()
        self.assertEqual((self.copy.patches, self.copy.rev), (MAX_UNANSWERED, MAX_UNANSWERED))
        gate.callback(None)
        await self.until(lambda: self.copy.rev == 100)
        self.assertEqual(self.copy.state["shared"], [1, *range(100)])
        self.assertEqual(self.copy.patches, MAX_UNANSWERED + 1)

    async def test_forgets_viewers_that_have_gone(self):
        await self.view()
        del self.copy
        gc.collect()
        await self.until(lambda: not self.live._groups)
        await self.view(self.live)
        self.connector.disconnect()
        await self.until(lambda: not self.live._groups)
        with self.live.update() as draft:
            draft["shared"].append(2)

    async def test_replaces_the_whole_state(self):
        await self.view(Plain({"a": [1, 2], "b": "x"}))
        self.live.replace({"a": [1, 2, 3], "c/~": None})
        await self.answered()
        self.assertEqual(self.copy.state, {"a": [1, 2, 3], "c/~": None})
        self.live.replace([True])
        await self.answered()
        self.assertEqual(self.copy.state, [True])
        with self.live.update() as draft:
            draft[0] = 1
        await self.answered()
        self.assertIs(type(self.copy.state[0]), int)

    async def test_values_arrive_as_they_are(self):
        value = {"text": "ä𝄞", "numbers": [0, -1, 2**53 - 1, 1.5], "others": [True, False, None, {}, []]}
        await self.view(Plain({}))
        with self.live.update() as draft:
            draft["value"] = value
        await self.answered()
        self.assertEqual(repr(self.copy.state), repr({"value": value}))


    async def test_a_viewer_that_reads_packed_patches_gets_them_from_the_second_one_on(self):
        await self.view(Plain({"a": 0}))
        packed = []
        apply = self.copy.observe_patch
        self.copy.observe_patch = lambda *args: apply(*args) or 1
        self.copy.observe_p = packed.append
        for value in [1, 60_000, "hé", 2**60 // 2**8]:
            with self.live.update() as draft:
                draft["a"] = value
            self.live.flush()
            (viewer,) = self.live._groups[None].values()
            await self.until(lambda: viewer.packs and viewer.unanswered == 0)
        self.assertEqual(self.copy.state, {"a": 1})
        expected = ["01 03 04 022f61 ea60", "02 02 05 03 68c3a9", "03 02 02 03 80808080808080 08"]
        self.assertEqual(packed, list(map(bytes_of, expected)))


    async def test_a_viewer_that_names_the_packed_form_gets_packed_states_and_patches(self):
        self.root.broker._sendMessage(b"", None, b"pbx", b"reads", (["other", "live-packed-1"],), {"pbanswer": 0})
        states, packed = [], []
        original = Copy.setCopyableState

        def set_state(cache, state):
            states.append(copy.deepcopy(state))
            original(cache, {"state": None, **state})

        self.patch(Copy, "setCopyableState", set_state)
        Copy.observe_p = lambda cache, patch: packed.append(patch)
        self.addCleanup(delattr, Copy, "observe_p")
        await self.view(Plain({"a": 1.5, "b": ["hé", -1]}))
        with self.live.update() as draft:
            draft["a"] = 7
        self.live.flush()
        await self.answered()
        if not self.server_is_upgraded:  # It has no object that is told.
            self.assertEqual(states, [{"rev": 0, "state": {"a": 1.5, "b": ["hé", -1]}}])
            self.assertEqual((packed, self.copy.state["a"]), ([], 7))
            return
        expected = bytes_of("08 02 0161 05 3ff8000000000000 0162 07 02 06 03 68c3a9 04 00")
        self.assertEqual(states, [{"rev": 0, "packed": expected}])
        self.assertEqual(packed, [bytes_of("00 03 03 022f61 07")])

    async def test_a_state_that_is_too_large_to_be_packed_is_sent_as_jelly(self):
        self.root.broker._sendMessage(b"", None, b"pbx", b"reads", (["live-packed-1"],), {"pbanswer": 0})
        await self.view(Plain({"a": "x" * 70_000}))
        self.assertEqual(self.copy.state, {"a": "x" * 70_000})

    async def test_names_of_forms_that_make_no_sense_are_ignored(self):
        too_many = [f"x{n}" for n in range(16)] + ["live-packed-1"]
        for forms in [None, 1, "live-packed-1", [1, None, "x" * 41, "a b"], too_many]:
            self.root.broker._sendMessage(b"", None, b"pbx", b"reads", (forms,), {"pbanswer": 0})
        await self.view(Plain({"a": 1}))
        self.assertEqual(self.copy.state, {"a": 1})


class ViewingAtAStockServer(Viewing):
    server_is_upgraded = False


class ViewingWithAStockClient(Viewing):
    client_is_upgraded = False


class CallingWithLiveState(Case):
    async def test_a_patch_does_not_take_the_number_of_a_call(self):
        """The notes of a call stand directly before it."""
        board = Plain({"n": 0})
        self.server.remote_board = lambda: board
        copy = await self.root.callRemote("board")

        class Caller(pb.Referenceable):
            def remote_hi(self, who):
                return copy.state["n"]

        async def call(reference):
            with board.update() as draft:
                draft["n"] = 1
            return await txpb.call(reference, "hi", "you", timeout=50)

        self.server.remote_back = call
        self.assertEqual(await self.root.callRemote("back", Caller()), 1)

    async def test_a_viewer_that_is_canceled_meanwhile(self):
        board = Plain({"n": 0})
        self.server.remote_board = lambda: board
        copy = await self.root.callRemote("board")
        call = txpb.call(self.root, "wait")
        with board.update() as draft:
            draft["n"] = 1
        call.cancel()
        await self.failing(call, CancelledError)
        await self.answered()
        self.assertEqual(copy.state, {"n": 1})


class Updating(Case):
    def refuses(self, error, change):
        live = txpb.Live(state(), clock=task.Clock())
        before = live.state
        with self.assertRaises(error):
            with live.update() as draft:
                draft["shared"].append(2)
                change(draft)
        self.assertIs(live.state, before)
        self.assertEqual((live.state, live.revision), (state(), 0))

    def test_what_cannot_travel_changes_nothing(self):
        itself = []
        itself.append(itself)
        for value in [float("nan"), float("inf"), 2**53, b"x", (1,), {1}, object(), itself, {1: 2}, {"__proto__": 1}]:
            self.refuses(txpb.NotPlain, lambda draft: draft.update(x=value))
        self.refuses(txpb.NotPlain, lambda draft: draft.update(x="\ud800"))
        self.refuses(txpb.NotPlain, lambda draft: draft.update(x="x" * 700_000))
        self.refuses(txpb.NotPlain, lambda draft: draft.update({1: 2}))
        self.refuses(txpb.NotPlain, lambda draft: draft["shared"].append({"y": [b""]}))
        self.refuses(ZeroDivisionError, lambda draft: 1 / 0)

    def test_says_where_it_is(self):
        live = txpb.Live({"a": {}})
        with self.assertRaises(txpb.NotPlain) as raised:
            with live.update() as draft:
                draft["a"]["b"] = [1, {"c": b""}]
        self.assertIn("state['a']['b'][1]['c']", str(raised.exception))

    def test_no_updates_inside_updates(self):
        live = txpb.Live(state())
        with self.assertRaises(RuntimeError):
            with live.update():
                live.replace(1)
        with self.assertRaises(RuntimeError):
            with live.update():
                with live.update():
                    pass
        self.assertEqual(live.revision, 0)

    def test_no_updates_inside_views(self):
        live = txpb.Live(state())
        live.view_of = lambda key, state: live.replace(1)
        self.assertRaises(txpb.ViewFailed, live._view, "a")
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.assertEqual(live.revision, 0)

    def test_a_draft_ends_with_its_update(self):
        live = txpb.Live(state())
        with live.update() as draft:
            groups = draft["groups"]
        for change in [lambda: groups["a"], lambda: groups.update(c=1), lambda: len(draft)]:
            self.assertRaises(RuntimeError, change)

    def test_unchanged_parts_keep_their_identity(self):
        live = txpb.Live(state())
        before = live.state
        with live.update() as draft:
            self.assertEqual(draft["groups"]["a"], {"secret": "of a"})
            draft["shared"].append(2)
        self.assertIs(live.state["groups"], before["groups"])
        with live.update() as draft:
            draft["shared"][:] = list(draft["shared"])
        self.assertEqual(live.revision, 1)

    def test_a_part_in_two_places_is_copied(self):
        live = txpb.Live({"list": [[1]], "dict": {}})
        with live.update() as draft:
            part = draft["list"][0]
            draft["dict"]["part"] = part
            draft["list"].extend([part, part])
            draft["list"].append({"in": part})
            part.append(2)
        self.assertEqual(live.state, {"list": [[1, 2], [1, 2], [1, 2], {"in": [1, 2]}], "dict": {"part": [1, 2]}})
        parts = [*live.state["list"][:3], live.state["list"][3]["in"], live.state["dict"]["part"]]
        self.assertEqual(len({id(each) for each in parts}), 5)

    def test_lists_change_as_lists_do(self):
        live = txpb.Live([3, [1], {"n": 2}])
        with live.update() as draft:
            del draft[0]
            draft.insert(0, draft.pop())
            draft[0]["n"] += 1
            draft.reverse()
            draft += [5, 4]
            self.assertEqual(draft[2:], [5, 4])
        self.assertEqual(live.state, [[1], {"n": 3}, 5, 4])
        with live.update() as draft:
            del draft[:2]
            draft.sort()
        self.assertEqual(live.state, [4, 5])

    def test_a_list_may_lose_and_gain_items(self):
        a, b, c, d = ({"n": n} for n in range(4))
        for old, new, operations in [
            ([a, b, c], [b, c, d], [["", 0, 1, []], ["", 2, 0, [d]]]),
            ([a, b, c], [c], [["", 0, 2, []]]),
            ([a, b, c], [b, {"n": 3}], [["", 0, 1, []], ["/1/n", 3]]),
            ([a, b], [a, b, c], [["", 2, 0, [c]]]),
            ([a, b], [], [["", 0, 2, []]]),
            ([], [a], [["", 0, 0, [a]]]),
        ]:
            self.assertEqual(differences(old, new), operations)
            self.assertEqual(patched(copy.deepcopy(old), operations), new)

    def test_differences_can_be_applied(self):
        old = {"a": [1, 2, 3, {"x": 1}], "b": {"c": True}, "d": 1, "e~/": {"": 1}}
        new = {"a": [1, {"x": 1}], "b": {"c": 1}, "f": [[]], "e~/": {"": 2}}
        operations = differences(old, new)
        self.assertEqual(
            operations,
            [["/d"], ["/a", 1, 2, []], ["/b/c", 1], ["/f", [[]]], ["/e~0~1/", 2]],
        )
        result = {"a": [1, {"x": 1}], "b": {"c": 1}, "e~/": {"": 2}, "f": [[]]}
        self.assertEqual(repr(patched(old, operations)), repr(result))


class PackingPatches(Case):
    def test_bytes(self):
        """Those of the tests of @pb/live."""
        for operation, bytes in [
            (["/a", 7], "03 022f61 07"),
            (["/a", 60_000], "04 022f61 ea60"),
            (["/a", "hé"], "05 022f61 03 68c3a9"),
            (["/a"], "00 022f61"),
            (["/a", 1, 300, [None, True]], "01 022f61 01 ac02 02 00 02"),
            (["/a", 65_536], "02 022f61 03 808004"),
            (["/a", -1], "02 022f61 04 00"),
            (["/a", 0.5], "02 022f61 05 3fe0000000000000"),
            (["/a", {"k": [False]}], "02 022f61 08 01 016b 07 01 01"),
        ]:
            self.assertEqual(pack(5, 6, [operation], Places(), True), bytes_of(f"05 03 {bytes}"))

    def test_what_is_not_packed(self):
        for operations in [
            [["/a", "x" * 65_536]],
            [["/a", [None] * 70_000]],
            [["/a", {str(n): n for n in range(30_000)}]],
            [["/a", 2**53]],
            [[f"/{n}"] for n in range(4097)],
        ]:
            self.assertIsNone(pack(0, 1, operations, Places(), True))
        places = Places()
        sizes = [pack(0, 1, [[f"/{n:060000}"]], places, False) is None for n in range(5)]
        self.assertEqual(sizes, [False] * 4 + [True])

    def test_viewers_that_miss_a_patch_get_all_names_and_join_the_others_later(self):
        packing, epochs = Packing(), {"a": None, "b": None}
        results = []
        revisions = {"a": 0, "b": 0}
        for revision in range(1, 3 + EPOCH_PATCHES):
            alone = {}
            for name, since in revisions.items():
                if (name, revision) == ("b", 2):
                    continue
                packed, epochs[name] = packing.pack(since, revision, [["/a", revision]], epochs[name], alone)
                results.append((revision, name, packed.hex(), epochs[name]))
                revisions[name] = revision
        first, second = "000303022f6101", "01020302"
        self.assertEqual(results[:3], [(1, "a", first, 1), (1, "b", first, 1), (2, "a", second, 1)])
        self.assertEqual(results[3:5], [(3, "a", "02020303", 1), (3, "b", "010503022f6103", None)])
        self.assertEqual({result[2:] for result in results[-6:-4]}, {("1f020320", 1), ("1f0303022f6120", None)})
        self.assertEqual([result[3] for result in results[-4:]], [2, 2, 2, 2])

    def test_a_patch_that_is_too_large_begins_the_numbers_again(self):
        packing = Packing()
        self.assertEqual(packing.pack(0, 1, [["/a", 1]], None, {}), (bytes_of("00 03 03 022f61 01"), 1))
        self.assertEqual(packing.pack(1, 2, [["/b", "x" * 70_000]], 1, {}), (None, None))
        self.assertEqual(packing.pack(2, 3, [["/a", 1]], None, {}), (bytes_of("02 03 03 022f61 01"), 3))


def bytes_of(text):
    return bytes.fromhex(text.replace(" ", ""))
