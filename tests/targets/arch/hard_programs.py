"""Programs that are hard to print: what is shared, handed down, reached into, renamed, chosen and walked."""

from __future__ import annotations

PROGRAMS = {
    "tie by layer": """block B(w: layer)(x: [N, D]) -> [N, D] { fc: Linear(D, weight=w.weight) }
block C(w: layer)(x: [N, D]) -> [N, D] { a: B(w)
 b: B(w) }
arch A(x: [N, 8]) -> y: [N, 8] { shared e = emb: Linear(8)
 e
 c: C(e)
 c2: C(e) }
""",
    "tie by parameter": """block B(x: [N, D], w: [D, D]) -> [N, D] { x -> fc: Linear(D, weight=w, bias=false) }
block C(x: [N, D], v: [D, D]) -> [N, D] { (x, v) -> b: B
 (it, v) -> b2: B }
arch A(x: [N, 8]) -> y: [N, 8] { param m: [8, 8] = normal
 (x, m) -> c: C
 it @ m }
""",
    "lent": """block B(f: layer)(x: [N, D]) -> [N, D] { f
 relu
 f }
block C(g: layer)(x: [N, D]) -> [N, D] { a: B(g)
 g }
arch A(x: [N, 8]) -> y: [N, 8] { shared e = lin: Linear(8)
 c: C(e)
 d: C(e)
 e }
""",
    "lent two": """block B(f: layer, g: layer)(x: [N, D]) -> [N, D] { f
 relu
 g }
arch A(x: [N, 8]) -> y: [N, 8] { shared a = Linear(8)
 shared b = Linear(8)
 one: B(a, b)
 two: B(b, a)
 three: B(a, a) }
""",
    "alias inside": """block B(f: layer)(x: [N, D]) -> [N, D] { again: f
 q: Linear(D) }
arch A(x: [N, 8]) -> y: [N, 8] { shared e = lin: Linear(8)
 e
 c: B(e) }
""",
    "reach in": """block B(x: [N, D]) -> [N, D] { q: Linear(D) }
arch A(x: [N, 8]) -> y: [N, 8] { c: B
 c.extra: Linear(8)
 tanh }
""",
    "unused shared": """arch A(x: [N, 8]) -> y: [N, 8] { shared f = Linear(4, in_features=3)
 g: Linear(8) }
""",
    "symbolic": """block B(x: [N, C, H, W]) -> [N, C, _, _] { Conv2d(C, 3, stride=2, padding=1)
 reshape(N, C, ((H + 1) // 2) * ((W + 1) // 2)) -> reshape(N, C, (H + 1) // 2, (W + 1) // 2) }
arch A(x: [N, 4, H, W]) -> y: [N, 4, _, _] { a: B
 b: B
 c: B }
""",
    "config symbol": """block B(n: int)(x: [N, D]) -> [N, D] { it + sum(ones(n, 1)) * n }
arch A(x: [N, 8], z: [M]) -> y: [N, 8] { x -> a: B(M)
 it * sum(z) }
""",
    "facts": """block B(x: [N, H]) -> [N, _] { require H % 2 == 0, "even {H}"
 x[:, :H // 2] + x[:, H // 2:] }
arch A(x: [N, H]) -> y: [N, _] { require H % 8 == 0
 require H >= 16, "why"
 a: B
 b: B
 reshape(N, H // 8, 2) -> sum(axis=-1) }
""",
    "ellipsis": """block B(x: [..., D]) -> [..., D] { fc: Linear(D) }
arch A(x: [N, T, 8], z: [N, 8]) -> y: [N, 8] { a = x -> a: B -> mean(axis=1)
 z -> b: B
 it + a }
""",
    "heads": """arch A(x: [N, 8]) -> a: [N, 4], b: [N, 2], aux: [N, 3] when training { f: Linear(8)
 head a { p: Linear(4) }
 head aux { r: Linear(3) }
 relu
 head b { q: Linear(2) } }
""",
    "until": """arch A(x: [T, 8]) -> y: [8] { scan v in x over axis 0 {
 carry h: [8] = 0
 h = h + v
 final h
 until all(h > 3) } }
""",
    "reverse": """arch A(x: [N, T, 8]) -> y: [N, T, 8] { r: scan v in x over axis 1 reverse {
 carry h = zeros(N, 8)
 h = tanh((v -> W: Linear(8)) + (h -> U: Linear(8)))
 yield h } }
""",
    "nested scan": """arch A(x: [N, T, 8]) -> y: [N, T, 8] { scan v in x over axis 1 {
 carry h = zeros(N, 8)
 u = scan e in v over axis -1 { carry s = zeros(N)
 s = s + e * sum(h, axis=-1)
 yield s }
 h = h + u
 yield h } }
""",
    "old carry": """arch A(x: [T, 4]) -> y: [T, 4], z: [4] { a, b = scan v in x over axis 0 { carry p = zeros(4)
 carry q = ones(4)
 yield p
 p, q = (q, p + v)
 final q }
 (a, b) }
""",
    "train choice": """arch A(x: [N, 4]) -> y: [N, 4] { a: Linear(4)
 if training { b: Linear(4)
 relu } else { b: Linear(4) }
 if not training { it * 2 }
 c: if training { Dropout(0.5) } }
""",
    "optional": """block B(x: [N, D], m: [N, D] = none) -> [N, D] { if m != none { it + m } else { it * 2 } }
arch A(x: [N, 4], mask: [N, 4] = none) -> y: [N, 4] { x -> a: B
 (it, x) -> b: B
 (it, m=mask) -> c: B }
""",
    "shared several maps": """block Scale(x: [N, C, H, W]) -> [N, C, H, W] {
  layers: { Conv2d(C, 3, padding=1); relu }
  skip(mul) { mean(axis=[2, 3], keepdim=true); Conv2d(C, 1) }
}
block Heads(x: [N, C, H, W], y: [N, C, _, _], z: [N, C, _, _]) -> [N, C, H, W], [N, C, _, _], [N, C, _, _] {
  shared tower = { repeat 2 { Scale } }
  (x -> tower, y -> tower, z -> tower)
}
arch A(a: [N, 8, H, W], b: [N, 8, I, J], c: [N, 8, 5, 5]) -> x: [N, 8, _, _], y: [N, 8, I, J], z: [N, 8, _, _] {
  (c, b, a) -> Heads
}""",
    "shared two types": """arch A(x: [N, 5, 4], z: [N, 7, 4]) -> y: [N, 4] { shared f = { Linear(4)
 relu }
 a = x -> f -> mean(axis=1)
 b = z -> f -> mean(axis=1)
 a + b }
""",
    "inits": """block B(x: [N, D]) -> [N, D] { init Linear.bias = ones
 a: Linear(D, init=zeros)
 b: Linear(D) }
arch A(x: [N, 4]) -> y: [N, 4] { a: Linear(4)
 c: B
 { init Linear.weight = normal(std=0.3)
 d: Linear(4) } }
""",
    "inits all": """arch A(x: [N, 4]) -> y: [N, 4] { init Linear.weight = orthogonal(gain=2)
 init Conv1d.bias = 0.5
 init Linear.bias = uniform(-1, 1)
 a: Linear(4)
 b: Linear(4)
 it[:, none] -> c: Conv1d(1, 3, padding=1) -> squeeze(1) }
""",
    "params": """arch A(x: [N, 4]) -> y: [N, 4] { param p = a.b: [4] = ones
 buffer(persistent=false) q: [4] = arange(4)
 buffer r: bool[4, 4] = tril(ones(4, 4)) > 0
 param s: [1, 4] = linspace(0, 1, 4)
 x * p + q + sum(where(r, s, 0.5), axis=0) }
""",
    "labels": """arch A(x: [N, 4]) -> y: [N, 4] { "a-b": Linear(4)
 repeat i in 0..3 { "denselayer{i + 1}": { norm: LayerNorm
 fc: Linear(4) } }
 block: Linear(4)
 in.0: Linear(4)
 x1.y.z: { Linear(4)
 relu
 Linear(4)
 named: Linear(4) } }
""",
    "names": """arch A(x: [N, 4]) -> y: [N, 4] { relu_ = relu
 sum_ = x * 2
 concat(relu_, sum_, relu_, axis=1)
 sin
 fc: Linear(4) as T
 T * x + T }
""",
    "dtype": """arch A(t: i64[N], u: f16[N, 4], m: bool[N]) -> y: f16[N, 4], z: i32[N] { a = u * 2
 b = cast(t, i32) + cast(m, i32)
 (a, b) }
""",
    "lstm layer": """arch A(x: [N, T, 4]) -> y: [N, T, 6], h: [1, N, 6] { y, h, c = x -> rnn: LSTM(6, states=true)
 (y, h) }
""",
    "mha": """arch A(x: [N, T, 8], m: bool[N, T]) -> y: [N, T, 8] { skip { n: LayerNorm as q
 (q, q, q, key_padding_mask=m) -> attn: MultiheadAttention(2) } }
""",
    "jvp": """block F(x: [N, D], t: []) -> [N, D] { fc: Linear(D)
 tanh
 it * t }
arch A(x: [N, 4], v: [N, 4], t: []) -> y: [N, 4], d: [N, 4] { shared f = F
 (x, t, v) -> jvp(f, 0) }
""",
    "jvp lin": """arch A(x: [N, 4], v: [N, 4]) -> y: [N, 4], d: [N, 4] { shared f = { Linear(4)
 tanh }
 (x, v) -> jvp(f, 0) }
""",
    "doc braces": """## has {braces} and "quotes"
block B(x: [N, D]) -> [N, D] { relu }
## arch doc
arch A(x: [N, D]) -> y: [N, D] { require D <= 4, "D is {D}"
 B }
""",
    "list": """arch A(x: [N, 4]) -> y: [N, 12] { skips = []
 repeat i in 0..3 { "f{i}": Linear(4)
 skips = skips + [it] }
 concat(skips, axis=1) }
""",
    "block out tuple": """block B(x: [N, D]) -> [N, D], [N] { a: Linear(D)
 (it, sum(it, axis=1)) }
arch A(x: [N, 4]) -> y: [N, 4], z: [N] { B }
""",
    "same out": """arch A(x: [N, 4]) -> y: [N, 4], z: [N, 4] { f: Linear(4) as a
 (a, a) }
""",
    "identity": """block B(x: [N, D]) -> [N, D] { }
arch A(x: [N, 4]) -> y: [N, 4] { b: B }
""",
    "splice": """block B(x: [N, D]) -> [N, D] { Linear(D)
 relu
 Linear(D) }
arch A(x: [N, 4]) -> y: [N, 4] { net: { _: B
 relu
 _: B } }
""",
    "constant": """arch A(x: [N, 4]) -> y: [N, 4] {
  it @ constant([[1, 0.5, 0, -1], [0, 1, 0, 0], [0, 0, 1, 0], [1e-7, 0, 0, 1e20]]) }
""",
    "skip forms": """arch A(x: [N, 4]) -> y: [N, 20] { skip(mul) { a: Linear(4) }
 s: skip { b: Linear(4) } via t: Linear(4)
 skip(concat, axis=1) { c: Linear(4) }
 branch(concat, axis=1) { d: Linear(4); e: Linear(8) }
 branch(add) r in [1, 2] { k: Linear(20) } }
""",
    "keys gap": """arch A(x: [N, 4]) -> y: [N, 4] { relu
 Linear(4)
 relu
 relu
 Linear(4)
 s: { Linear(4)
 Dropout(0.1)
 Linear(4) } }
""",
    "dim 1": """arch A(x: [N, 4], w: [_, 4]) -> y: [N, _] { x @ transpose(w, 0, 1) }
""",
    "max dims": """arch A(x: [N, T], w: [M]) -> y: [N, _] { pad([0, max(T, 5) - T])
 it }
""",
    "a size that a requirement makes a number": """
arch A(x: [B, C, H], other: [B, H, 2*C]) -> y: [B, 4, H] {
  require C == 2, "two"
  Conv1d(4, 1)
  it + mean(other)
}
""",
    "further labels of a shared layer, of their own containers": """
block In(words: layer)(x: i64[B, T]) -> [B, T, 8] {
  shared again = far.away.table: words
  again -> Dropout(0.1)
}

arch A(x: i64[B, T]) -> y: [B, T, 8] {
  shared w = words: Embedding(10, 8)
  sub.deep: In(w)
  model: { x -> encoder.words: w; it + 1; fc: Linear(8) }
}
""",
}

UNSAYABLE = {
    "shared block two types": """block B(x: [N, T, D]) -> [N, D] { p: Linear(D)
 reshape(N, T*D) -> reshape(N, T, D) -> sum(axis=1) }
arch A(x: [N, 5, 4], z: [N, 7, 4]) -> y: [N, 4] { shared f = B
 a = x -> f
 b = z -> f
 a + b }
""",
    "shared init": """arch A(x: [N, 4]) -> y: [N, 4] { { init Linear.bias = ones
 shared f = Linear(4)
 f
 f }
 a: Linear(4) }
""",
}
