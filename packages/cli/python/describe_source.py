"""What describe.py reads from the source of a class: annotations, fields that methods set, and updates of caches."""
import ast, inspect, sys, textwrap, typing


class Unresolved:
    def __init__(self, annotation):
        self.text = annotation if isinstance(annotation, str) else str(annotation)


def hints_of(thing):
    """The annotations of a class or a function. One that cannot be resolved does not affect the others."""
    try:
        return typing.get_type_hints(thing, **({"include_extras": True} if sys.version_info >= (3, 9) else {}))
    except Exception:
        pass
    scope = vars(sys.modules.get(thing.__module__, typing))
    annotations = {}
    for holder in reversed(thing.__mro__) if isinstance(thing, type) else [thing]:
        own = vars(holder).get("__annotations__", {}) if isinstance(thing, type) else getattr(thing, "__annotations__", {})
        annotations.update(own)
    hints = {}
    for name, annotation in annotations.items():
        try:
            resolved = eval(annotation, scope) if isinstance(annotation, str) else annotation
            hints[name] = Unresolved(resolved) if isinstance(resolved, str) else resolved
        except Exception:
            hints[name] = Unresolved(annotation)
    return hints


def syntax_of(cls):
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]
    except Exception:  # no source
        return None


def assigned_fields(cls):
    """Names that the methods of a class set on self: (name, annotation or None, whether only outside of __init__)."""
    found = {}
    for base in reversed(cls.__mro__):
        tree = None if base.__module__.startswith(("twisted.", "builtins")) else syntax_of(base)
        for function in getattr(tree, "body", []):
            if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) or not function.args.args:
                continue
            own, hints = function.args.args[0].arg, hints_of(vars(base).get(function.name, base))
            for node in ast.walk(function):
                value = getattr(node, "value", None)
                targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
                if not isinstance(node, (ast.Assign, ast.AnnAssign)):
                    continue
                for target, source in pairs(targets, value):
                    if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == own:
                        name = target.attr
                        is_private = name.startswith("__") and not name.endswith("__")
                        name = f"_{base.__name__.lstrip('_')}{name}" if is_private else name
                        hint = hints.get(source.id) if isinstance(source, ast.Name) else None
                        if name not in found or function.name == "__init__":
                            found[name] = (name, hint, function.name != "__init__")
    return list(found.values())


def pairs(targets, value):
    """The targets and values of an assignment, also of `a, b = c, d`."""
    for target in targets:
        if isinstance(target, ast.Tuple):
            values = value.elts if isinstance(value, ast.Tuple) else [None] * len(target.elts)
            yield from zip(target.elts, values)
        else:
            yield target, value


def has_own_state(cls):
    return any(
        name in vars(base)
        for base in cls.__mro__
        if not base.__module__.startswith("twisted.")
        for name in ("getStateToCopy", "getStateToCopyFor", "setCopyableState")
    )


def updates_in(cls):
    """The updates that a Cacheable sends, by the names in its calls of callRemote."""
    tree, found = syntax_of(cls), {}
    for node in ast.walk(tree) if tree is not None else []:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "callRemote":
            name = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
            if isinstance(name, str) and name.isidentifier():
                found.setdefault(name)
    rest = [{"name": "args", "kind": "rest", "type": {"kind": "unknown"}}]
    return [{"name": f"observe_{name}", "doc": "", "parameters": rest, "result": {"kind": "unknown"}} for name in found]
