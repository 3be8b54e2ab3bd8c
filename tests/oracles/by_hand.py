"""The examples that no library holds, written out in PyTorch from their papers' equations, over a state dict of the same keys."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

State = dict[str, Tensor]


def below(state: State, prefix: str) -> State:
    """The tensors under a prefix, without it."""
    return {name[len(prefix) + 1 :]: one for name, one in state.items() if name.startswith(prefix + ".")}


def linear(state: State, name: str, x: Tensor) -> Tensor:
    return x @ state[f"{name}.weight"].T + state.get(f"{name}.bias", torch.zeros((), dtype=x.dtype))


def lstm_step(state: State, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """One step of PyTorch's LSTM, gates in its order: input, forget, cell, output."""
    z = x @ state["weight_ih_l0"].T + state["bias_ih_l0"] + h @ state["weight_hh_l0"].T + state["bias_hh_l0"]
    i, f, g, o = z.chunk(4, dim=-1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def gru_step(state: State, suffix: str, x: Tensor, h: Tensor) -> Tensor:
    """One step of PyTorch's GRU, gates in its order: reset, update, new (Cho et al., 2014)."""
    xr, xz, xn = (x @ state[f"weight_ih{suffix}"].T + state[f"bias_ih{suffix}"]).chunk(3, dim=-1)
    hr, hz, hn = (h @ state[f"weight_hh{suffix}"].T + state[f"bias_hh{suffix}"]).chunk(3, dim=-1)
    r, z = torch.sigmoid(xr + hr), torch.sigmoid(xz + hz)
    n = torch.tanh(xn + r * hn)
    return (1 - z) * n + z * h


def gru(state: State, suffix: str, x: Tensor, reverse: bool = False) -> Tensor:
    h = x.new_zeros(x.shape[0], state[f"weight_hh{suffix}"].shape[1])
    made = {}
    for t in reversed(range(x.shape[1])) if reverse else range(x.shape[1]):
        h = made[t] = gru_step(state, suffix, x[:, t], h)
    return torch.stack([made[t] for t in range(x.shape[1])], dim=1)


def seq2seq(state: State, source: Tensor, target: Tensor) -> Tensor:
    """Bahdanau et al. (2015): each step looks over the whole memory with the state it had before."""
    x = state["encoder.embed.weight"][source]
    rnn = below(state, "encoder.rnn")
    memory = torch.cat([gru(rnn, "_l0", x), gru(rnn, "_l0_reverse", x, reverse=True)], dim=-1)
    h = torch.tanh(linear(state, "decoder.start", memory.mean(1)))
    cell = below(state, "decoder.cell")
    made = []
    for t in range(target.shape[1]):
        word = state["decoder.embed.weight"][target[:, t]]
        q = linear(state, "decoder.attention.W_query", h)
        keys = [linear(state, "decoder.attention.W_memory", memory[:, s]) for s in range(source.shape[1])]
        scores = torch.cat([linear(state, "decoder.attention.v", torch.tanh(q + k)) for k in keys], dim=1)
        weights = torch.exp(scores) / torch.exp(scores).sum(1, keepdim=True)
        context = (weights[:, :, None] * memory).sum(1)
        h = gru_step(cell, "", torch.cat([word, context], dim=-1), h)
        made.append(linear(state, "decoder.out", torch.cat([h, context], dim=-1)))
    return torch.stack(made, dim=1)


def neural_ode(state: State, x: Tensor, steps: int) -> Tensor:
    """Chen et al. (2018) with the classical Runge-Kutta method from 0 to 1."""

    def field(y: Tensor) -> Tensor:
        return linear(state, "flow.f.fc2", torch.tanh(linear(state, "flow.f.fc1", y)))

    h = 1.0 / steps
    for _ in range(steps):
        k1 = field(x)
        k2 = field(x + 0.5 * h * k1)
        k3 = field(x + 0.5 * h * k2)
        k4 = field(x + h * k3)
        x = x + h * (k1 / 6 + k2 / 3 + k3 / 3 + k4 / 6)
    return linear(state, "out", x)


def ffjord(state: State, x: Tensor, depth: int, steps: int) -> tuple[Tensor, Tensor, Tensor]:
    """Grathwohl et al. (2019): the point, the change of its log-density and that density; the trace of the field's Jacobian is
    taken row by row, by reverse differentiation."""

    def field(t: float, x: Tensor) -> Tensor:
        time = x.new_full((1,), t)
        for layer in range(depth):
            one = f"odefunc.layers.{layer}."
            gate = torch.sigmoid(linear(state, one + "_hyper_gate", time))
            x = linear(state, one + "_layer", x) * gate + linear(state, one + "_hyper_bias", time)
            x = torch.tanh(x) if layer + 1 < depth else x
        return x

    def change(t: float, x: Tensor) -> tuple[Tensor, Tensor]:
        x = x if x.requires_grad else x.detach().requires_grad_()
        v = field(t, x)
        rows = [torch.autograd.grad(v[:, i].sum(), x, create_graph=True)[0][:, i] for i in range(x.shape[1])]
        return v, -torch.stack(rows).sum(0)

    delta = x.new_zeros(x.shape[0])
    for i in range(steps):
        h, t = 1 / steps, i / steps
        a = change(t, x)
        b = change(t + h / 2, x + h / 2 * a[0])
        c = change(t + h / 2, x + h / 2 * b[0])
        d = change(t + h, x + h * c[0])
        x, delta = (
            old + h / 6 * (a[k] + 2 * b[k] + 2 * c[k] + d[k]) for k, old in enumerate((x, delta))
        )  # fmt: skip
    normal = torch.distributions.Normal(x.new_zeros(()), x.new_ones(()))
    return x, delta, normal.log_prob(x).sum(-1) - delta


def ntm_address(z: Tensor, before: Tensor, memory: Tensor) -> Tensor:
    """Graves et al. (2014), section 3.3, equations 5 to 9, one row and one slot at a time."""
    width, slots = memory.shape[2], memory.shape[1]
    made = []
    for row in range(z.shape[0]):
        key, rest = z[row, :width], z[row, width:]
        beta, gate, gamma = F.softplus(rest[0]), torch.sigmoid(rest[1]), 1 + F.softplus(rest[5])
        shift = torch.softmax(rest[2:5], dim=0)
        similar = [(memory[row, k] * key).sum() / (memory[row, k].norm() * key.norm() + 1e-16) for k in range(slots)]
        content = torch.softmax(beta * torch.stack(similar), dim=0)
        gated = gate * content + (1 - gate) * before[row]
        moved = torch.stack(
            [shift[0] * gated[(k - 1) % slots] + shift[1] * gated[k] + shift[2] * gated[(k + 1) % slots] for k in range(slots)]
        )
        sharp = moved**gamma
        made.append(sharp / (sharp.sum() + 1e-16))
    return torch.stack(made)


def ntm(state: State, x: Tensor) -> tuple[Tensor, Tensor]:
    """The neural Turing machine with one read and one write head, in this order."""
    batch = x.shape[0]
    memory = 0.1 * state["mem_bias"].expand(batch, -1, -1)
    read = 0.01 * state["read0_bias"].expand(batch, -1)
    w_read = w_write = x.new_zeros(batch, memory.shape[1])
    h, c = state["controller.lstm_h_bias"][0].expand(batch, -1), state["controller.lstm_c_bias"][0].expand(batch, -1)
    cell, width = below(state, "controller.lstm"), memory.shape[2]
    made = []
    for t in range(x.shape[1]):
        h, c = lstm_step(cell, torch.cat([x[:, t], read], dim=-1), h, c)
        w_read = ntm_address(linear(state, "heads.0.fc_read", h), w_read, memory)
        read = (w_read[:, :, None] * memory).sum(1)
        z = linear(state, "heads.1.fc_write", h)
        w_write = ntm_address(z[:, : width + 6], w_write, memory)
        erase, add = torch.sigmoid(z[:, width + 6 : 2 * width + 6]), z[:, 2 * width + 6 :]
        memory = memory * (1 - w_write[:, :, None] * erase[:, None, :]) + w_write[:, :, None] * add[:, None, :]
        made.append(torch.sigmoid(linear(state, "fc", torch.cat([h, read], dim=-1))))
    return torch.stack(made, dim=1), memory


def gat_layer(state: State, x: Tensor, edges: Tensor, heads: int) -> Tensor:
    """Veličković et al. (2018), node by node: each looks at the sources of the edges that end in it."""
    h = (x @ state["lin.weight"].T).reshape(x.shape[0], heads, -1)
    rows = []
    for node in range(x.shape[0]):
        sources = [int(s) for s, t in edges.T if int(t) == node]
        seen = []
        for head in range(heads):
            if not sources:
                seen.append(torch.zeros_like(h[0, 0]))
                continue
            own = (h[node, head] * state["att_dst"][0, head]).sum()
            scores = torch.stack([(h[s, head] * state["att_src"][0, head]).sum() + own for s in sources])
            weights = torch.softmax(F.leaky_relu(scores, 0.2), dim=0)
            seen.append(sum(weight * h[s, head] for weight, s in zip(weights, sources, strict=True)))
        rows.append(torch.cat(seen))
    return torch.stack(rows) + state["bias"]


def gat(state: State, nodes: Tensor, edges: Tensor) -> Tensor:
    hidden = F.elu(gat_layer(below(state, "conv1"), nodes, edges, 8))
    return gat_layer(below(state, "conv2"), hidden, edges, 1)


def unet(state: State, x: Tensor) -> Tensor:
    """Ronneberger et al. (2015) with padding: in evaluation, two levels."""

    def double(name: str, y: Tensor) -> Tensor:
        for conv, norm in (("0", "1"), ("3", "4")):
            part = below(state, f"{name}.{norm}")
            y = F.conv2d(y, state[f"{name}.{conv}.weight"], padding=1)
            y = (y - part["running_mean"][:, None, None]) / torch.sqrt(part["running_var"][:, None, None] + 1e-5)
            y = torch.clamp(y * part["weight"][:, None, None] + part["bias"][:, None, None], min=0)
        return y

    def up(name: str, y: Tensor, skip: Tensor) -> Tensor:
        wider = F.conv_transpose2d(y, state[f"{name}.weight"], state[f"{name}.bias"], stride=2)
        return torch.cat([wider, skip], dim=1)

    first = double("down1", x)
    second = double("down2", F.max_pool2d(first, 2))
    y = double("middle", F.max_pool2d(second, 2))
    y = double("merge2", up("up2", y, second))
    y = double("merge1", up("up1", y, first))
    return F.conv2d(y, state["classify.weight"], state["classify.bias"])


def tagger(state: State, words: Tensor, layers: int) -> Tensor:
    """A stack of bidirectional LSTMs by nn.LSTM, whose kernels hold W and U and whose second bias is zero."""
    x = state["embed.weight"][words]
    for layer in range(layers):
        parts = (f"rnn.{layer}.ahead", f"rnn.{layer}.back.1")
        hidden = state[f"{parts[0]}.U.weight"].shape[1]
        kernel = torch.nn.LSTM(x.shape[-1], hidden, batch_first=True, bidirectional=True, dtype=x.dtype)
        weights = {}
        for suffix, part in zip(("_l0", "_l0_reverse"), parts, strict=True):
            weights |= {
                f"weight_ih{suffix}": state[f"{part}.W.weight"],
                f"weight_hh{suffix}": state[f"{part}.U.weight"],
                f"bias_ih{suffix}": state[f"{part}.W.bias"],
                f"bias_hh{suffix}": torch.zeros_like(state[f"{part}.W.bias"]),
            }
        x = torch.func.functional_call(kernel, weights, (x,))[0]
    return linear(state, "out", x)
