"""First values keyed by path: what a tensor starts as follows from the seed and its key, not from what was drawn before it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from archdsl.ir.graph import Call, Graph, Initializer, Layer, Parameter
from archdsl.targets.torch.initial import init_call

_FIXED = frozenset({"zeros", "ones", "full", "constant", "eye", "dirac"})
"""Initializers that draw nothing."""
_LATER: frozenset[Callable[..., Any]] = frozenset([nn.init.uniform_, nn.init.normal_, nn.init.kaiming_uniform_])
"""What PyTorch's layers draw with while they are made: it is drawn again by key, so the first time is left out."""
_DRAWING: frozenset[Callable[..., Any]] = _LATER | {Tensor.uniform_, Tensor.normal_}


def undrawn(made: type[nn.Module]) -> nn.Module:
    """An instance of a printed class, without the random numbers that `draw` gives it."""
    module = made.__new__(made)
    module.__dict__["reset_parameters"] = lambda: None  # the arch's own loop: `draw` knows what it does from the graph
    with Undrawn():
        module.__init__()  # type: ignore[misc]
    del module.__dict__["reset_parameters"]
    return module


class Undrawn(TorchFunctionMode):
    """`with Undrawn():` PyTorch's layers are made without their random numbers."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func in _LATER:
            return args[0] if args else (kwargs or {})["tensor"]
        return func(*args, **(kwargs or {}))


def draw(module: nn.Module, graph: Graph, seed: int) -> None:
    """Give each random tensor of a module its first values, from `seed` and its key.

    `module` is an instance of the class that is printed for `graph`. PyTorch's own distributions come from its layers'
    `reset_parameters`, the others from the graph's initializers, as in the printed constructors. Draws from the default generator
    of the tensors' device.
    """
    tensors = {**dict(module.named_parameters(remove_duplicate=False)), **dict(module.named_buffers(remove_duplicate=False))}
    keys = {id(tensors[key]): key for key in (".".join(path) for path, _ in graph.tensors())}
    members = list(_members(graph, ""))
    own = {f"{key}{leaf}" for key, _, inits in members for leaf, _ in inits}
    with _in_order(module.parameters()):
        with _Keyed(keys, own, seed):
            for key, layer, _ in members:
                if layer is not None:
                    _reset(module.get_submodule(key.removesuffix(".")))
        for key, _, inits in members:
            for leaf, init in inits:
                tensor = tensors[key + leaf]
                _seed(tensor.device, seed, keys[id(tensor)])
                exec(init_call(init, "tensor"), {"nn": nn, "tensor": tensor})


class _Keyed(TorchFunctionMode):
    """Each tensor is drawn from a stream of its own; not at all where another initializer follows, or under an alias."""

    def __init__(self, keys: Mapping[int, str], own: set[str], seed: int) -> None:
        super().__init__()
        self.keys = keys
        self.own = own
        self.seed = seed
        self.drawn: set[str] = set()

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func in _DRAWING:
            tensor = args[0] if args else (kwargs or {})["tensor"]
            key = self.keys.get(id(tensor))
            if key is not None:
                if key in self.own or key in self.drawn:
                    return tensor
                self.drawn.add(key)
                _seed(tensor.device, self.seed, key)
        return func(*args, **(kwargs or {}))


@contextmanager
def _in_order(tensors: Iterable[Tensor]) -> Iterator[None]:
    """Those that lie channels last lie in the order of their axes meanwhile: that must not count for what is drawn."""
    turned = [one for one in tensors if one.dim() == 4 and not one.is_contiguous()]
    for one in turned:
        one.data = one.data.contiguous()
    yield
    for one in turned:
        one.data = one.data.contiguous(memory_format=torch.channels_last)


def _members(graph: Graph, prefix: str) -> Iterator[tuple[str, Layer | None, list[tuple[str, Initializer]]]]:
    """The layers that own tensors with their dotted keys, and what their tensors are started with; the graph's own tensors, that
    are drawn, come without a layer."""
    for path, member in graph.members.items():
        key = f"{prefix}{'.'.join(path)}"
        if isinstance(member, Call):
            yield from _members(member.graph, f"{key}.")
        elif isinstance(member, Parameter):
            if member.init.name not in _FIXED:
                yield "", None, [(key, member.init)]
        elif member.op.parameters():
            yield f"{key}.", member, list(member.inits)


def _reset(layer: nn.Module) -> None:
    """PyTorch's own first values; inner layers first, as they are made first."""
    for one in reversed(list(layer.modules())):
        reset = getattr(one, "reset_parameters", None) or getattr(one, "_reset_parameters", None)
        if reset is not None:
            reset()


def _seed(device: torch.device, seed: int, key: str) -> None:
    """Start the stream of a tensor."""
    number = int.from_bytes(hashlib.blake2b(f"{seed} {key}".encode(), digest_size=8).digest(), "little") >> 1
    if device.type == "cpu":
        torch.default_generator.manual_seed(number)
    elif device.type == "cuda":
        torch.cuda.default_generators[device.index or 0].manual_seed(number)
    else:
        torch.get_device_module(device).manual_seed(number)
