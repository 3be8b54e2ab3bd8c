"""Names that are taken in the PyTorch class: labels that would hide a method, and names that its callers could not write.
Tests compare both with torch and with what is generated."""

from __future__ import annotations

import keyword

RESERVED = frozenset(
    [
        "T_destination",
        "_apply",
        "_backward_hooks",
        "_backward_pre_hooks",
        "_buffers",
        "_call_impl",
        "_compiled_call_impl",
        "_forward_hooks",
        "_forward_hooks_always_called",
        "_forward_hooks_with_kwargs",
        "_forward_pre_hooks",
        "_forward_pre_hooks_with_kwargs",
        "_get_backward_hooks",
        "_get_backward_pre_hooks",
        "_get_name",
        "_is_full_backward_hook",
        "_load_from_state_dict",
        "_load_state_dict_post_hooks",
        "_load_state_dict_pre_hooks",
        "_maybe_warn_non_full_backward_hook",
        "_modules",
        "_named_members",
        "_non_persistent_buffers_set",
        "_parameters",
        "_register_load_state_dict_pre_hook",
        "_register_state_dict_hook",
        "_replicate_for_data_parallel",
        "_save_to_state_dict",
        "_slow_forward",
        "_state_dict_hooks",
        "_state_dict_pre_hooks",
        "_version",
        "_wrapped_call_impl",
        "add_module",
        "apply",
        "bfloat16",
        "buffers",
        "call_super_init",
        "children",
        "compile",
        "cpu",
        "cuda",
        "double",
        "dump_patches",
        "eval",
        "extra_repr",
        "float",
        "forward",
        "get_buffer",
        "get_extra_state",
        "get_parameter",
        "get_submodule",
        "half",
        "ipu",
        "load_state_dict",
        "modules",
        "mtia",
        "named_buffers",
        "named_children",
        "named_modules",
        "named_parameters",
        "parameters",
        "register_backward_hook",
        "register_buffer",
        "register_forward_hook",
        "register_forward_pre_hook",
        "register_full_backward_hook",
        "register_full_backward_pre_hook",
        "register_load_state_dict_post_hook",
        "register_load_state_dict_pre_hook",
        "register_module",
        "register_parameter",
        "register_state_dict_post_hook",
        "register_state_dict_pre_hook",
        "requires_grad_",
        "set_extra_state",
        "set_submodule",
        "share_memory",
        "state_dict",
        "to",
        "to_empty",
        "train",
        "training",
        "type",
        "xpu",
        "zero_grad",
    ]
)
"""The names that `torch.nn.Module` owns: a label among them would hide a method. With them go all like `__init__`."""

GENERATED = frozenset(
    [
        "Any",
        "Callable",
        "DropPath",
        "F",
        "GroupedConv1d",
        "Iterable",
        "Iterator",
        "NamedTuple",
        "QuantizedLinear",
        "Recurrence",
        "Sequence",
        "Tensor",
        "TransposedLinear",
        "ValueError",
        "affine_scan",
        "all",
        "any",
        "before_after_last",
        "bool",
        "buffers_kept",
        "checkpoint",
        "checkpointed",
        "chunked_states",
        "contextmanager",
        "contracted_scan",
        "enumerate",
        "float",
        "getattr",
        "gru_scan",
        "hasattr",
        "in_half",
        "int",
        "isinstance",
        "iter",
        "len",
        "list",
        "lstm_scan",
        "masked_multihead_attention",
        "math",
        "matrix_scan",
        "max",
        "maxplus_scan",
        "min",
        "next",
        "nn",
        "nullcontext",
        "onto_start",
        "onto_states",
        "promoted",
        "range",
        "register",
        "reversed",
        "rnn_scan",
        "rotary",
        "scan",
        "segment_max",
        "segment_mean",
        "segment_softmax",
        "self",
        "setattr",
        "sinusoidal",
        "slice",
        "solved",
        "sorted",
        "states_of",
        "staticmethod",
        "str",
        "super",
        "torch",
        "tuple",
        "vars",
        "window_mask",
        "zip",
    ]
)
"""What a generated file refers to: builtins, imports, and the functions and classes that are printed into it."""

TUPLE = ("count", "index")
"""The methods of a named tuple."""


def hides_method(label: str) -> bool:
    """Whether a module with a child of this name would lose a method or an attribute of its own."""
    return label in RESERVED or (label.startswith("__") and label.endswith("__"))


def why_unwritable(name: str, *, output: bool = False) -> str:
    """Why a name of an arch cannot be one of its class: an argument, or the field of an output; empty where it can."""
    if keyword.iskeyword(name):
        return "is a keyword of Python"
    if name in GENERATED:
        return "means something else in the generated PyTorch file"
    if name.startswith("__"):
        return "starts with two underscores, which Python keeps for itself"
    if output and name.startswith("_"):
        return "starts with an underscore, which no field of a named tuple may"
    return "is a method of the named tuple of outputs" if output and name in TUPLE else ""


def renamed(name: str) -> str:
    """What a name that cannot be one of the class is called there."""
    return f"{name.strip('_')}_"
