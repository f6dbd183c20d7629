"""Which operations of Azure's SDK the product calls, and the role action that each needs.

The calls are read from the syntax tree: ``azure.network(…).network_interfaces.get(…)``, also where the group
of operations has a name first. Each operation is then called once with made-up arguments, over a transport
that notes the request and sends nothing; the request tells the action.
"""

import ast
import inspect
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from azure.core.credentials import AzureKeyCredential
from azure.core.pipeline.transport import AsyncHttpTransport, HttpRequest

from workers.arm.session import sdk
from workers.arm.session.clients import Azure
from workers.arm.session.errors import right_for

CLIENTS = {
    name: typing.cast("str", hint)
    for name, method in vars(Azure).items()
    if isinstance(hint := getattr(method, "__annotations__", {}).get("return"), str)
    and hint.strip('"') in sdk.__all__
}
"""Method of ``Azure`` → the client that it answers."""


class Call(NamedTuple):
    """An operation that a file calls; without a method where only its group is named.

    Without a group it is the client's own.
    """

    path: Path
    line: int
    client: str
    group: str
    method: str


class Noted(Exception):
    """Carries the request that would have been sent."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request


class Noting(AsyncHttpTransport[Any, Any]):
    """Sends nothing."""

    async def send(self, request: HttpRequest, **_: Any) -> Any:
        raise Noted(request)

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def __aexit__(self, *_: object) -> None: ...


def calls(*folders: Path) -> Iterator[Call]:
    """Every operation that is named in these folders."""
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            yield from _calls_in(path, ast.parse(path.read_text(encoding="utf-8")))


def _calls_in(path: Path, tree: ast.Module) -> Iterator[Call]:
    for scope in ast.walk(tree):
        if not isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        named = {
            node.targets[0].id: chain
            for node in ast.walk(scope)
            if isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and (chain := _chain(node.value)) is not None
            and len(chain) < _WHOLE
        }
        for node in ast.walk(scope):
            chain = _chain(node, named) if isinstance(node, ast.Attribute) else None
            if chain is not None and len(chain) == _WHOLE:
                yield Call(path, node.lineno, *chain)
            chain = _chain(node.func, named) if isinstance(node, ast.Call) else None
            if chain is not None and len(chain) == _OF_THE_CLIENT:
                yield Call(path, node.lineno, chain[0], "", chain[1])
        told = {name for name in named if any(_names(scope, name))}
        for name, chain in named.items():
            if name not in told:
                yield Call(path, scope.lineno, chain[0], (*chain, "")[1], "")


_WHOLE = 3
"""Client, group and method."""
_OF_THE_CLIENT = 2
"""A few operations are the client's own, and are in no group."""


def _names(scope: ast.AST, name: str) -> Iterator[ast.Attribute]:
    for node in ast.walk(scope):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name:
            yield node


def _chain(node: ast.AST, named: dict[str, tuple[str, ...]] | None = None) -> tuple[str, ...] | None:
    """Such as ``("network", "network_interfaces", "get")``; ``None`` for what is no chain from a client."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.insert(0, node.attr)
        node = node.value
    if isinstance(node, ast.Name) and named and node.id in named and names:
        return (*named[node.id], *names)[:_WHOLE]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CLIENTS:
        return (node.func.attr, *names)[:_WHOLE]
    return None


async def action_of(call: Call) -> str:
    """The role action that the operation needs."""
    request = await request_of(call)
    return right_for(request.method, request.url)


async def request_of(call: Call) -> HttpRequest:
    """The request that the operation sends first."""
    make = getattr(sdk, CLIENTS[call.client])
    ours = {"subscription_id": "s"} if "subscription_id" in inspect.signature(make).parameters else {}
    client = make(
        AzureKeyCredential("x"), **ours, base_url="https://arm.invalid", transport=Noting(), policies=[]
    )
    operation = getattr(getattr(client, call.group) if call.group else client, call.method)
    try:
        answered = operation(*_made_up(operation))
        if inspect.isawaitable(answered):
            await answered
        else:
            async for _ in answered:
                break
    except Noted as noted:
        return noted.request
    raise AssertionError(f"{call.client}.{call.group}.{call.method} sends nothing")


def _made_up(operation: Any) -> Iterator[Any]:
    """An argument for each parameter that has no default."""
    for parameter in inspect.signature(operation).parameters.values():
        if parameter.default is not parameter.empty or parameter.kind in (
            parameter.VAR_KEYWORD,
            parameter.VAR_POSITIONAL,
            parameter.KEYWORD_ONLY,
        ):
            continue
        yield "x" if "str" in str(parameter.annotation) and "IO" not in str(parameter.annotation) else {}
