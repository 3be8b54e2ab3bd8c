"""Questions for what is given, as one would write them: in one line, or as one question."""

from __future__ import annotations

import re
from collections.abc import Mapping

from archdsl.targets.torch.statements import FOLD_WIDTH, LOCAL, Block, Line, Statement

ASKS = re.compile(r"if [^:]* is (not )?None:")
ASKED = re.compile(rf"if ({LOCAL.pattern}) is not None:")


def tidied(statements: list[Statement], stems: Mapping[str, str]) -> list[Statement]:
    """`m = None` and `if mask is not None: m = …` as one line, where that is short; one question for two in each other."""
    out: list[Statement] = []
    for one in statements:
        if isinstance(one, Block):
            one = _joined(one)
            one.body, one.other = tidied(one.body, stems), tidied(one.other, stems)
            before, body = out[-1] if out else None, one.body[0] if one.body else None
            if isinstance(before, Line) and isinstance(body, Line) and before.code == "None" and not (one.body[1:] or one.other):
                asked = ASKED.fullmatch(one.head)
                code = f"None if {asked[1] if asked else ''} is None else {body.code}"
                short = len(LOCAL.sub(lambda found: stems[found[0]], code)) <= FOLD_WIDTH - 16
                if asked and short and before.targets == body.targets == one.state:
                    out[-1] = Line(body.targets, code, body.note)
                    continue
        out.append(one)
    return out


def _joined(one: Block) -> Block:
    """`if a is not None: if b is not None: …` as `if a is not None and b is not None: …`."""
    inner = one.body[0] if len(one.body) == 1 and not one.other else None
    if isinstance(inner, Block) and not inner.other and ASKS.fullmatch(one.head) and ASKS.fullmatch(inner.head):
        both = Block(
            f"{one.head[:-1]} and {inner.head[3:]}", inner.body, [], (), tuple(dict.fromkeys((*one.state, *inner.state)))
        )
        return _joined(both)
    return one


def is_elif(one: Block) -> bool:
    """Whether what else is done begins with a question too, and is nothing more."""
    inner = one.other[0] if len(one.other) == 1 else None
    return isinstance(inner, Block) and bool(ASKS.fullmatch(one.head)) and inner.head.startswith("if ")
