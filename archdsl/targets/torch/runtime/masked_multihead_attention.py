"""`nn.MultiheadAttention` with masks, and with weights of 0 where there is nothing to attend."""

import torch


def masked_multihead_attention(
    layer: torch.nn.MultiheadAttention,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    key_padding_mask: torch.Tensor | None = None,
    attn_mask: torch.Tensor | None = None,
    need_weights: bool = False,
    average_attn_weights: bool = True,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """What `layer` computes, with masks that are true where a query may attend (PyTorch's say the reverse, and give NaN for
    a query with nothing to attend). Batch first; a float `attn_mask` is added to the scores."""
    functional = torch.nn.functional
    if layer._qkv_same_embed_dim:
        weights = layer.in_proj_weight.chunk(3)
    else:
        weights = (layer.q_proj_weight, layer.k_proj_weight, layer.v_proj_weight)
    biases = (None, None, None) if layer.in_proj_bias is None else layer.in_proj_bias.chunk(3)
    q, k, v = (functional.linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases, strict=True))
    if layer.bias_k is not None and layer.bias_v is not None:
        k = torch.cat((k, layer.bias_k.expand(k.shape[0], -1, -1)), dim=1)
        v = torch.cat((v, layer.bias_v.expand(v.shape[0], -1, -1)), dim=1)
    if layer.add_zero_attn:
        k, v = functional.pad(k, (0, 0, 0, 1)), functional.pad(v, (0, 0, 0, 1))
    q, k, v = (x.unflatten(-1, (layer.num_heads, layer.head_dim)).transpose(1, 2) for x in (q, k, v))
    extra = k.shape[2] - key.shape[1]
    mask = None
    if key_padding_mask is not None:
        mask = functional.pad(key_padding_mask, (0, extra), value=True)[:, None, None, :]
    bias = None
    if attn_mask is not None:
        table = attn_mask if attn_mask.dim() == 2 else attn_mask.unflatten(0, (-1, layer.num_heads))
        if table.dtype == torch.bool:
            table = functional.pad(table, (0, extra), value=True)
            mask = table if mask is None else mask & table
        else:
            bias = functional.pad(table, (0, extra))
    if bias is not None:
        mask = bias if mask is None else bias.masked_fill(~mask, float("-inf"))
    p = layer.dropout if layer.training else 0.0
    shares = None
    if need_weights:
        scores = (q * layer.head_dim**-0.5) @ k.transpose(-2, -1)
        if mask is not None:
            scores = scores.masked_fill(~mask, float("-inf")) if mask.dtype == torch.bool else scores + mask
        barred = scores == float("-inf")
        scores = scores.masked_fill(barred.all(dim=-1, keepdim=True), 0.0)
        shares = functional.dropout(scores.softmax(dim=-1).masked_fill(barred, 0.0), p)
        mixed = shares @ v
        shares = shares.mean(dim=1) if average_attn_weights else shares
    else:
        mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=p)
    return layer.out_proj(mixed.transpose(1, 2).flatten(2)), shares
