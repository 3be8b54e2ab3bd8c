"""Names of ONNX nodes and values: the label path, then the operator, unique in a model."""

from __future__ import annotations


class Names:
    """Gives each name once. A graph and its subgraphs share one, since ONNX lets no inner name hide an outer one."""

    def __init__(self) -> None:
        self._taken: dict[str, int] = {}

    def fresh(self, hint: str) -> str:
        """`hint`, or `hint_2`, `hint_3`, … where it is taken."""
        count = self._taken.get(hint, 0) + 1
        self._taken[hint] = count
        if count == 1:
            return hint
        name = f"{hint}_{count}"
        return self.fresh(name) if name in self._taken else self._claim(name)

    def _claim(self, name: str) -> str:
        self._taken[name] = 1
        return name

    def step(self, path: str, op_type: str) -> str:
        """The name of a node that stands at that label path: `layer1.0.conv1/Conv`."""
        return self.fresh(f"{path}/{op_type}" if path else op_type)
