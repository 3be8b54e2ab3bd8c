"""Weights in and out of a live module: every key that does not fit is told at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

_SHOWN = 20


class WeightsError(ValueError):
    """Weights that do not fit a module: `missing`, `extra`, `misshapen` and `disagreeing` keys."""

    def __init__(self, missing: list[str], extra: list[str], misshapen: list[str], disagreeing: list[str]) -> None:
        self.missing = missing
        self.extra = extra
        self.misshapen = misshapen
        self.disagreeing = disagreeing
        groups = [("missing", missing), ("not in the model", extra), ("of another shape or kind", misshapen),
                  ("tied in the model, and different here", disagreeing)]  # fmt: skip
        lines = ["the weights do not fit the model"]
        for what, keys in groups:
            if keys:
                lines.append(f"  {len(keys)} {what}:")
                lines += [f"    {key}" for key in keys[:_SHOWN]]
                if len(keys) > _SHOWN:
                    lines.append(f"    … and {len(keys) - _SHOWN} more")
        super().__init__("\n".join(lines))


def load_weights(module: torch.nn.Module, weights: str | Path | Mapping[str, torch.Tensor]) -> None:
    """Copy a safetensors file or a state dict into the module. Raises `WeightsError`, and then nothing was changed.

    A module on the meta device gets tensors of its own in their place.
    """
    given = fitted(module, read_weights(weights) if isinstance(weights, (str, Path)) else weights)
    module.load_state_dict(given, assign=any(one.is_meta for one in module.state_dict().values()))


def fitted(module: torch.nn.Module, given: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The state dict as the module takes it, each tied tensor under all its keys. Raises `WeightsError`."""
    own = module.state_dict(keep_vars=True)
    aliases = alias_groups(own)
    given = _with_aliases(given, aliases)
    missing = [key for key in own if key not in given]
    extra = [key for key in given if key not in own]
    misshapen = [
        f"{key}: {_said(given[key])}, the model has {_said(tensor)}"
        for key, tensor in own.items()
        if key in given and (given[key].shape != tensor.shape or given[key].is_floating_point() != tensor.is_floating_point())
    ]
    disagreeing = [
        " and ".join(keys)
        for keys in aliases
        if len({id(given[key]) for key in keys if key in given}) > 1 and not _agree(given, keys)
    ]
    if missing or extra or misshapen or disagreeing:
        raise WeightsError(missing, extra, misshapen, disagreeing)
    return dict(given)


def read_weights(path: str | Path) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file, in memory of their own. Raises ValueError where it is none."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    data = Path(path).read_bytes()
    try:
        return dict(load(data))
    except SafetensorError as fault:
        raise ValueError(f"{Path(path).name} is no safetensors file: {fault}") from None


def weights_bytes(module: torch.nn.Module) -> bytes:
    """The module's `state_dict` as safetensors; each alias is stored under its own key."""
    from safetensors.torch import save

    return bytes(save({key: tensor.detach().cpu().contiguous().clone() for key, tensor in module.state_dict().items()}))


def alias_groups(state: Mapping[str, torch.Tensor]) -> list[list[str]]:
    """The keys that are one tensor, where several are."""
    groups: dict[int, list[str]] = {}
    for key, tensor in state.items():
        groups.setdefault(id(tensor), []).append(key)
    return [keys for keys in groups.values() if len(keys) > 1]


def _with_aliases(given: Mapping[str, torch.Tensor], aliases: list[list[str]]) -> dict[str, torch.Tensor]:
    """One key of a tied tensor is enough, as safetensors files have it."""
    out = dict(given)
    for keys in aliases:
        here = [key for key in keys if key in given]
        out.update((key, given[here[0]]) for key in keys if here and key not in given)
    return out


def _agree(given: Mapping[str, torch.Tensor], keys: list[str]) -> bool:
    first, *others = (given[key] for key in keys)
    return all(torch.equal(first, one) for one in others)


def _said(tensor: torch.Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')}[{', '.join(map(str, tensor.shape))}]"
