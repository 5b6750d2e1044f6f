"""Describes classes of a Python program that speaks Perspective Broker, as JSON: python describe.py TARGET ...

A target is module, module:Class, file.py or file.py:Class. Needs Python 3.8 or newer, and nothing but the standard
library and what the modules import. `pb typegen` runs it with the interpreter of the program, and writes the TypeScript.
"""
import collections.abc, dataclasses, datetime, decimal, enum, importlib, importlib.util, inspect, json, os, sys
import traceback, types, typing

from describe_source import assigned_fields, has_own_state, hints_of, Unresolved, updates_in

PREFIXES = {"Referenceable": "remote_", "Viewable": "view_", "Avatar": "perspective_"}
SCALARS = {
    bool: "boolean", int: "int", float: "float", str: "string", bytes: "bytes", bytearray: "bytes", memoryview: "bytes",
    type(None): "null", decimal.Decimal: "Decimal", datetime.datetime: "DateTime", datetime.date: "CalendarDate",
    datetime.time: "TimeOfDay", datetime.timedelta: "TimeDelta",
}
PLAIN_DEFAULTS = (type(None), bool, int, float, str, bytes)
UNKNOWN = {"kind": "unknown"}


class Refused(Exception):
    """A mistake in a target: its message is all that the user needs."""


def import_target(name):
    """The module of a target. A script may start a server when it is imported: the reactor does nothing then."""
    if not name.endswith(".py"):
        return importlib.import_module(name)
    path = os.path.abspath(name)
    if not os.path.isfile(path):
        raise Refused(f"there is no file {name}")
    sys.path.insert(0, os.path.dirname(path))
    stem = os.path.splitext(os.path.basename(path))[0]
    spec = importlib.util.spec_from_file_location(stem, path)
    module = sys.modules[stem] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Inert:
    """Takes the place of ports and connections: it has every method, and does nothing."""

    def __getattr__(self, _name):
        return lambda *_args, **_kwargs: self


def disarm_reactor():
    if importlib.util.find_spec("twisted") is None:
        raise Refused(f"{sys.executable} has no Twisted: pass the interpreter of the program as --python")
    from twisted.internet import reactor, task

    for name in dir(reactor):
        if name.startswith(("listen", "connect", "adopt", "spawn")):
            setattr(reactor, name, lambda *_args, **_kwargs: Inert())
    reactor.run = task.react = lambda *_args, **_kwargs: None


def text(name):
    return name.decode("utf8", "replace") if isinstance(name, bytes) else str(name)


def own_doc(thing):
    doc = vars(thing).get("__doc__") if isinstance(thing, type) else getattr(thing, "__doc__", None)
    is_generated = dataclasses.is_dataclass(thing) and (doc or "").startswith(thing.__name__ + "(")
    return inspect.cleandoc(doc) if isinstance(doc, str) and not is_generated else ""


def qualified(cls):
    return f"{cls.__module__}.{cls.__qualname__}"


class Description:
    def __init__(self):
        from twisted.spread import flavors, jelly

        self.flavors, self.jelly = flavors, jelly
        self.known, self.classes = {}, []
        self.before = set(self.registered())
        self.receivers = {}

    def registered(self):
        """What the program receives: names on the wire, and their classes (None for a factory)."""
        factories = getattr(self.jelly, "unjellyableFactoryRegistry", {})
        return {**{text(name): None for name in factories},
                **{text(name): cls for name, cls in self.jelly.unjellyableRegistry.items()}}

    def add_registrations(self):
        """Classes that were registered while the modules were imported."""
        new = {name: cls for name, cls in self.registered().items() if name not in self.before}
        self.receivers = {name: cls for name, cls in sorted(new.items()) if isinstance(cls, type)}

    def kind_of(self, cls):
        flavors = self.flavors
        if cls.__module__.startswith("twisted.spread."):
            return None
        if issubclass(cls, (flavors.Cacheable, flavors.RemoteCache)):
            return "cache"
        if issubclass(cls, (flavors.Copyable, flavors.RemoteCopy)):
            return "copy"
        if issubclass(cls, flavors.Referenceable):
            return "Referenceable"
        if issubclass(cls, flavors.Viewable):
            return "Viewable"
        from twisted.spread import pb

        if issubclass(cls, pb.Avatar):
            return "Avatar"
        for kind, prefix in PREFIXES.items():
            if any(name.startswith(prefix) for name in dir(cls)):
                return kind
        return "record" if hasattr(cls, "__total__") and issubclass(cls, dict) else None

    def add(self, cls, kind=None):
        """The id of a class in this description. None if no object of it can be sent."""
        try:
            return self.add_class(cls, kind)
        except Refused:
            raise
        except Exception as error:  # of a metaclass or a descriptor, which may do anything
            module, name = (type.__dict__[word].__get__(cls) for word in ("__module__", "__qualname__"))
            reason = f"{type(error).__name__}: {error}".replace("\n", " ")
            raise Refused(f"the class {module}.{name} cannot be described, because its metaclass or one of its attributes "
                          f"raises {reason}. Name the other classes instead of the module, as in {module}:Class")

    def add_class(self, cls, kind):
        if cls in self.known:
            return self.known[cls]
        kind = kind or self.kind_of(cls)
        if kind is None:
            return None
        wires = [name for name, receiver in self.receivers.items() if receiver is cls]
        sent = [self.sent_name(cls)] if kind in ("copy", "cache") and hasattr(cls, "getTypeToCopy") else []
        for other, known in self.known.items():  # a sender and the receiver that is registered for its name are one class
            if known is not None and set(wires) & set(self.classes[known]["wires"]):
                self.known[cls] = known
                return known
        self.known[cls] = number = len(self.classes)
        described = {"kind": kind, "module": cls.__module__, "name": cls.__qualname__, "doc": own_doc(cls)}
        self.classes.append(described)
        described["wires"] = list(dict.fromkeys(wires + sent))  # the first one is that of copies that Python receives
        receivers = [self.receivers[wire] for wire in described["wires"] if wire in self.receivers]
        holders = list(dict.fromkeys([cls, *receivers]))
        if kind in PREFIXES:
            described["methods"] = self.methods(cls, PREFIXES[kind])
        elif kind == "cache":
            described["methods"] = [method for holder in holders for method in self.methods(holder, "observe_")]
            described["methods"] = described["methods"] or updates_in(cls)
            described["fields"], described["isOpen"] = [], True
        else:
            described["fields"], described["isOpen"] = self.fields(holders)
        return number

    def sent_name(self, cls):
        try:
            return text(cls.getTypeToCopy(cls.__new__(cls)))
        except Exception:  # it needs an object that is complete
            return qualified(cls)

    def methods(self, cls, prefix):
        found = {}
        for base in reversed(cls.__mro__):
            for name in vars(base):
                if name.startswith(prefix) and len(name) > len(prefix) and callable(getattr(cls, name, None)):
                    found.setdefault(name)
        return [self.method(cls, name) for name in found]

    def method(self, cls, name):
        function = inspect.unwrap(getattr(cls, name))
        described = {"name": name, "doc": own_doc(function), "parameters": [], "result": UNKNOWN}
        described["isCoroutine"] = inspect.iscoroutinefunction(getattr(cls, name))
        try:
            signature = inspect.signature(function)
        except (TypeError, ValueError):  # written in C
            described["parameters"] = [{"name": "args", "kind": "rest", "type": UNKNOWN}]
            return described
        hints = hints_of(function)
        parameters = list(signature.parameters.values())
        if not isinstance(inspect.getattr_static(cls, name), (staticmethod, classmethod)):
            parameters = parameters[1:] if parameters and parameters[0].kind < 2 else parameters
        described["parameters"] = [self.parameter(parameter, hints) for parameter in parameters]
        if "return" in hints:
            described["result"] = self.type(hints["return"], is_result=True)
        return described

    def parameter(self, parameter, hints):
        kinds = ["positional", "positional", "rest", "keyword", "keywords"]
        described = {"name": parameter.name, "kind": kinds[parameter.kind]}
        described["type"] = self.type(hints[parameter.name]) if parameter.name in hints else UNKNOWN
        if parameter.default is not parameter.empty:
            default = parameter.default
            shown = repr(default) if type(default) in PLAIN_DEFAULTS else "..."
            described["default"] = shown if len(shown) <= 60 else "..."
        return described

    def fields(self, classes):
        """The fields of a copy or of a TypedDict, and whether it may have others."""
        fields, is_open = {}, False
        for cls in classes:
            hints = hints_of(cls)
            is_complete = dataclasses.is_dataclass(cls) or hasattr(cls, "__required_keys__")
            required = getattr(cls, "__required_keys__", None)
            for name, hint in hints.items():
                if typing.get_origin(hint) is typing.ClassVar or hint is typing.ClassVar:
                    continue
                has_default = hasattr(cls, name) and not is_complete
                is_optional = has_default if required is None else name not in required
                fields.setdefault(name, {"name": name, "type": self.type(hint), "isOptional": is_optional})
            if required is not None:
                continue
            for name, hint, is_optional in assigned_fields(cls):
                kind = UNKNOWN if hint is None else self.type(hint)
                fields.setdefault(name, {"name": name, "type": kind, "isOptional": is_optional})
            is_open = is_open or has_own_state(cls)
        if is_open:  # what is assigned is not what is sent
            fields = {name: field for name, field in fields.items() if any(name in hints_of(cls) for cls in classes)}
        return list(fields.values()), is_open

    def type(self, hint, is_result=False):
        """An annotation as JSON. The types are those of what arrives."""
        if isinstance(hint, Unresolved):
            return {"kind": "unknown", "text": hint.text}
        if isinstance(hint, typing.TypeVar):
            return self.type(hint.__bound__, is_result) if hint.__bound__ else UNKNOWN
        if hasattr(hint, "__supertype__"):  # NewType
            return self.type(hint.__supertype__, is_result)
        origin, args = typing.get_origin(hint), typing.get_args(hint)
        if origin is None:
            return self.plain_type(hint)
        if hasattr(hint, "__metadata__"):  # Annotated
            return self.type(hint.__origin__, is_result)
        if origin is typing.Union or origin is getattr(types, "UnionType", None):
            return {"kind": "union", "of": [self.type(arg, is_result) for arg in args]}
        if origin is typing.Literal:
            return {"kind": "union", "of": [literal(value) for value in args]}
        return self.generic_type(origin, args, is_result)

    def generic_type(self, origin, args, is_result):
        name = getattr(origin, "__name__", "")
        if name == "Deferred" or origin is collections.abc.Awaitable:
            return self.type(args[0], True) if args else UNKNOWN
        if origin in (collections.abc.Coroutine, collections.abc.Generator):  # inlineCallbacks
            return self.type(args[2], True) if len(args) == 3 else UNKNOWN
        if origin in (collections.abc.AsyncIterator, collections.abc.AsyncIterable, collections.abc.AsyncGenerator):
            return {"kind": "stream", "of": self.type(args[0])}
        if name in ("Required", "NotRequired", "Final", "ReadOnly"):
            return self.type(args[0])
        if origin is tuple:
            if len(args) == 2 and args[1] is Ellipsis:
                return {"kind": "tuple", "of": self.type(args[0])}
            return {"kind": "items", "of": [self.type(arg) for arg in args if arg != ()]}
        if isinstance(origin, type):
            if issubclass(origin, collections.abc.Mapping) and len(args) == 2:
                return {"kind": "dict", "key": self.type(args[0]), "of": self.type(args[1])}
            for kind, base in (("frozenset", frozenset), ("set", collections.abc.Set), ("list", collections.abc.Iterable)):
                if issubclass(origin, base) and len(args) == 1:
                    return {"kind": kind, "of": self.type(args[0])}
        return self.plain_type(origin)

    def plain_type(self, hint):
        if hint is None:
            return {"kind": "null"}
        if not isinstance(hint, type):
            return UNKNOWN
        for scalar, kind in SCALARS.items():
            if hint is scalar:
                return {"kind": kind}
        bare = {list: "list", set: "set", frozenset: "frozenset", tuple: "tuple"}
        if hint in bare:
            return {"kind": bare[hint], "of": UNKNOWN}
        if hint is dict:
            return {"kind": "dict", "key": UNKNOWN, "of": UNKNOWN}
        if hint.__name__ == "RemoteReference" and hint.__module__.startswith("twisted.spread"):
            return {"kind": "reference"}
        if issubclass(hint, enum.Enum):
            return UNKNOWN
        number = self.add(hint)
        return UNKNOWN if number is None else {"kind": "class", "of": number}


def literal(value):
    if isinstance(value, enum.Enum) or isinstance(value, bytes):
        return {"kind": "bytes"} if isinstance(value, bytes) else UNKNOWN
    return {"kind": "literal", "of": value}


def describe(targets):
    disarm_reactor()
    description = Description()
    loaded = []
    for target in targets:
        name, colon, wanted = target.rpartition(":") if ":" in target else (target, "", "")
        loaded.append((import_target(name), wanted, name.endswith(".py")))
    description.add_registrations()
    scripts = {module.__name__ for module, _wanted, is_script in loaded if is_script}
    for module, wanted, _is_script in loaded:
        for cls in [class_in(module, wanted)] if wanted else vars(module).values():
            if isinstance(cls, type) and (wanted or cls.__module__ == module.__name__):
                if description.add(cls) is None and wanted:
                    raise Refused(f"{module.__name__}:{wanted} has no remote methods and is no copy")
    for wire, cls in description.receivers.items():
        description.add(cls)
    for cls in description.classes:  # a script that is started is the module __main__
        if cls["module"] in scripts:
            cls["aliases"] = ["__main__." + wire.split(".", 1)[1] for wire in cls["wires"] if wire.startswith(cls["module"] + ".")]
    if not description.classes:
        raise Refused("no class was found that a peer can call or copy")
    return {"classes": description.classes}


def class_in(module, path):
    found = module
    for name in path.split("."):
        found = getattr(found, name, None)
    if isinstance(found, type):
        return found
    near = [name for name, value in vars(module).items() if isinstance(value, type) and value.__module__ == module.__name__]
    raise Refused(f"the module {module.__name__} has no class {path}. Its classes: {', '.join(near) or 'none'}")


def main(targets):
    sys.path[0] = os.getcwd()  # instead of the folder of this file
    output = os.fdopen(os.dup(1), "w", encoding="utf8")
    os.dup2(2, 1)  # what the program prints is not part of the description
    try:
        result = describe(targets)
    except Refused as error:
        result = {"refused": str(error)}
    except BaseException:  # also SystemExit
        result = {"traceback": traceback.format_exc(limit=-4)}
    with output:
        json.dump(result, output)
    sys.stdout.flush()
    os._exit(0)  # threads of the program do not keep it running


if __name__ == "__main__":
    main(sys.argv[1:])
