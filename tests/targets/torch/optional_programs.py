"""Programs with optional inputs, told apart by what their presence changes."""

PROGRAMS = {
    "other layers on both sides": """arch Net(x: [B, T, 8], m: [B, T, 8] = none) {
      if m != none { a: Linear(8); it + m } else { b: Linear(8); relu }
      c: Linear(3)
    }""",
    "chosen in expressions": """arch Net(x: [B, T, 8], m: [B, T, 8] = none) {
      y = x * 2 if m == none else x + m
      y + (m if m != none else x)
    }""",
    "two that do not meet": """arch Net(x: [B, T, 8], a: [B, T, 8] = none, b: [B, 8] = none) {
      y = x
      if a != none { y = y + a }
      if b != none { y = y * b[:, none] }
      y -> fc: Linear(4)
    }""",
    "one inside the other": """arch Net(x: [B, T, 8], a: [B, T, 8] = none, b: [B, T, 8] = none) {
      y = x
      if a != none {
        y = y + a
        if b != none { y = y * b } else { y = relu(y) }
      } else if b != none { y = y - b }
      y -> fc: Linear(4)
    }""",
    "both, and any": """arch Net(x: [B, T, 8], a: [B, T, 8] = none, b: [B, T, 8] = none) {
      y = x
      if a != none and b != none { y = y + a * b }
      if a != none or b != none { y = sigmoid(y) }
      y -> fc: Linear(4)
    }""",
    "defaults": """arch Net(x: [B, T, 8], a: [B, T, 8] = zeros, b: [B, T, 8] = ones, c: [B, T, 8] = 2 * x) { x + a * b - c }""",
    "blocks of a repeat": """
    block L(x: [B, T, D], m: [B, T] = none) -> [B, T, D] { skip { fc: Linear(D); if m != none { it * m[..., none] }; relu } }
    arch Net(x: [B, T, 8], m: [B, T] = none) { layers: repeat 3 { (it, m=m) -> L } }""",
    "a block with it and a block without": """
    block L(x: [B, T, D], m: [B, T] = none) -> [B, T, D] { fc: Linear(D); if m != none { it * m[..., none] } }
    arch Net(x: [B, T, 8], m: [B, T] = none) { a: L as y; (y, m=m) -> b: L }""",
    "one block with it and without": """
    block L(x: [B, T, D], m: [B, T] = none) -> [B, T, D] { fc: Linear(D); if m != none { it * m[..., none] } }
    arch Net(x: [B, T, 8], m: [B, T] = none) {
      shared f = L
      x -> f as y
      (y, m=m) -> f as z
      if m != none { z + x } else { z }
    }""",
    "one block always called in both ways": """
    block L(x: [B, D], m: [B, D] = none) -> [B, D] { fc: Linear(D); if m != none { it * m } }
    arch Net(x: [B, 8]) { shared f = L; x -> f as y; (y, m=x) -> f }""",
    "no sequence any more": """arch Net(x: [B, 8], m: [B, 8] = none) {
      net: { Linear(8); relu; if m != none { it + m }; Linear(4); relu }
    }""",
    "a sequence beside a layer of one way": """
    block L(x: [B, D], m: [B, D] = none) -> [B, 4] {
      net: { Linear(8); relu; Linear(6) }
      if m != none { it + (m -> other: Linear(6)) }
      out: Linear(4)
    }
    arch Net(x: [B, 8], m: [B, 8] = none) { (x, m) -> l: L }""",
    "read by a scan": """arch Net(x: [B, T, 8], m: [B, 8] = none, h0: [B, 8] = zeros) {
      scan xt in x over axis 1 {
        carry h = h0
        g = xt -> W: Linear(8)
        if m != none { g = g * m }
        h = tanh(g + h)
        yield h
      }
    }""",
    "before a scan": """arch Net(x: [B, T, 8], m: [B, 8] = none, h0: [B, 8] = zeros) {
      y = x + m[:, none] if m != none else x
      scan xt in y over axis 1 {
        carry h = h0
        carry c = zeros(B, 8)
        i, f, g, o = (xt -> W: Linear(32)) + (h -> U: Linear(32, bias=false)) -> chunk(4, axis=-1)
        c = sigmoid(f) * c + sigmoid(i) * tanh(g)
        h = sigmoid(o) * tanh(c)
        yield h
      }
    }""",
    "two scans": """arch Net(x: [B, T, 8], m: [B, T] = none) {
      if m != none {
        scan xt in x, mt in m over axis 1 {
          carry h = zeros(B, 8)
          n = tanh((xt -> W: Linear(8)) + h)
          h = h + mt[:, none] * (n - h)
          yield h
        }
      } else {
        scan xt in x over axis 1 { carry h = zeros(B, 8); h = tanh((xt -> W: Linear(8)) + h); yield h }
      }
    }""",
    "a tuple": """arch Net(x: [B, T, 8], m: [B, T] = none) -> y: [B, T, 8], z: [B, 8] {
      y = x * m[..., none] if m != none else x
      (y, mean(y, axis=1))
    }""",
    "a choice of training": """arch Net(x: [B, T, 8], m: [B, T] = none) {
      y = x -> fc: Linear(8)
      if training { relu(y) } else { if m != none { y * m[..., none] } else { y } }
    }""",
    "a head of training": """arch Net(x: [B, T, 8], m: [B, T] = none) -> y: [B, T, 8], aux: [B, T, 2] when training {
      z = x -> fc: Linear(8)
      if m != none { z = z * m[..., none] }
      head y { z }
      head aux { z -> cls: Linear(2) }
    }""",
    "a head of one way": """arch Net(x: [B, 8], m: [B, 8] = none) -> extra: [B, 2], y: [B, 4], aux: [B, 3] when training {
      h = x -> fc: Linear(8)
      if m != none { head extra { (h * m) -> e: Linear(2) } }
      head y { h -> o: Linear(4) }
      head aux { h -> ax: Linear(3) }
    }""",
    "an input as an output": """arch Net(x: [B, 8], m: [B, 8] = none) -> y: [B, 8], same: [B, 8] {
      head y { x -> fc: Linear(8) }
      if m != none { head same { m } }
    }""",
    "a layer of one way": """arch Net(x: [B, 8], m: [B, 4] = none) {
      h = x -> a: Linear(6)
      if m != none { h = h + (m -> b: Linear(6)) }
      h -> c: Linear(2)
    }""",
    "masks of attention": """arch Net(x: [B, T, 8], mask: bool[B, T] = none) {
      (x, x, x, key_padding_mask=mask) -> at: MultiheadAttention(2)
      attention(it, it, it, mask=mask[:, none, :])
    }""",
    "a mask and a bias": """arch Net(x: [B, H, T, 8], mask: bool[B, T] = none, bias: [H, T, T] = none) {
      attention(x, x, x, mask=mask[:, none, none, :], bias=bias, causal=true)
    }""",
    "one or the other as an argument": """
    block L(x: [B, D], m: [B, D] = none) -> [B, D] { if m != none { x * m } else { x + 1 } }
    arch Net(x: [B, 8], a: [B, 8] = none, b: [B, 8] = none) {
      (x, m=(a if a != none else b)) -> l: L
      (it, m=(none if a != none else x)) -> k: L
    }""",
    "configuration of a block": """
    block L(up: bool)(x: [B, D]) -> [B, D] { fc: Linear(D); if up { relu } else { tanh } }
    arch Net(x: [B, 8], m: [B, 8] = none) { l: L(m == none); if m != none { it + m } }""",
    "a size": """arch Net(x: [B, T, 8], more: [B, S, 8] = none) -> [B, _, 8] {
      y = concat(x, more, axis=1) if more != none else x
      y -> fc: Linear(8) -> softmax(axis=1)
    }""",
    "a size that is summed over": """arch Net(x: [B, T, 8], more: [B, S, 8] = none) -> [B, 8] {
      y = concat(x, more, axis=1) if more != none else x
      y -> fc: Linear(8) -> softmax(axis=1) -> sum(axis=1)
    }""",
    "the size of a block's result": """
    block J(x: [B, T, D], m: [B, S, D] = none) -> [B, _, D] { concat(x, m, axis=1) if m != none else x }
    arch Net(x: [B, T, 8], more: [B, S, 8] = none) -> [B, 8] {
      (x, m=more) -> j: J
      fc: Linear(8) -> softmax(axis=1) -> sum(axis=1)
    }""",
    "a block as configuration": """
    block W(f: layer)(x: [B, D], m: [B, D] = none) -> [B, D] { (x, m=m) -> f: f }
    block L(x: [B, D], m: [B, D] = none) -> [B, D] { fc: Linear(D); if m != none { it * m } }
    arch Net(x: [B, 8], m: [B, 8] = none) { (x, m=m) -> w: W(L) }""",
    "an instance that is lent": """
    block W(f: layer)(x: [B, D], m: [B, D] = none) -> [B, D] { (x, m=m) -> f as y; (y, m=x) -> f }
    block L(x: [B, D], m: [B, D] = none) -> [B, D] { fc: Linear(D); if m != none { it * m } }
    arch Net(x: [B, 8], m: [B, 8] = none) { shared g = L; x -> g as y; (y, m=m) -> w: W(g) }""",
    "its own requirements": """arch Net(x: [B, T, 8], m: [B, S] = none) {
      if m != none {
        require S % 2 == 0 and S <= T
        y = rearrange(m, "b (s k) -> b s k", k=2)
        x + sum(y, axis=[1, 2])[:, none, none]
      }
    }""",
    "its own sizes": """arch Net(x: [B, T, 8], m: i64[B, G] = none) {
      if m != none { z = zeros(B, G, 8); x + sum(z + cast(m, float)[..., none], axis=1, keepdim=true) * 2 }
    }""",
    "what was before is read after": """arch Net(x: [B, 8], m: [B, 8] = none) {
      a = x * 2
      b = a + m if m != none else a
      c = a - b
      d = c * m if m != none else c + a
      d + a + b
    }""",
    "three": """arch Net(x: [B, 8], a: [B, 8] = none, b: [B, 8] = none, c: [B, 8] = none) {
      y = x
      u = a if a != none else x
      v = b if b != none else u
      y = y + v
      if c != none { if a != none { y = y * a + c } else { y = y - c } }
      y -> f: Linear(8)
    }""",
    "a list": """arch Net(x: [B, 8], a: [B, 8] = none, b: [B, 8] = none) {
      xs = [x]
      if a != none { xs = xs + [a] }
      if b != none { xs = xs + [b] }
      y = x
      repeat v in xs { y = y + v * v }
      y
    }""",
    "a rectifier after it": """arch Net(x: [B, 3, 8, 8], m: [B, 4, 8, 8] = none) {
      c: Conv2d(4, 3, padding=1)
      if m != none { it + m }
      relu
      d: Conv2d(4, 3, padding=1)
      relu
    }""",
    "sequences around it": """
    block C(x: [N, C, H, W], m: [N, C, H, W] = none) -> [N, C, H, W] {
      conv: { Conv2d(C, 3, padding=1); BatchNorm2d; relu }
      if m != none { it + m }
      out: { Conv2d(C, 1); relu }
    }
    arch Net(x: [N, 4, H, W], m: [N, 4, H, W] = none) { blocks: repeat 2 { (it, m=m) -> C } }""",
    "a number": """arch Net(x: [B, T, 8], m: [B, T] = none) {
      let k = 2 if m != none else 3
      y = x * k
      if m != none { y * m[..., none] } else { y }
    }""",
    "a parameter in its place": """arch Net(x: [B, 8], m: [B, 8] = none) {
      param p: [8] = ones
      x * p + (m if m != none else p)
    }""",
    "a parameter of one way": """arch Net(x: [B, 8], m: [B, 8] = none) { if m != none { param p: [8] = ones; x * p + m } }""",
    "a derivative beside it": """
    block F(x: [B, D], t: [B, 1]) -> [B, D] { fc: Linear(D); tanh; it * t }
    arch Net(x: [B, 8], t: [B, 1], v: [B, 8] = ones, m: [B, 8] = none) {
      shared f = F
      y, d = (x, t, v) -> jvp(f, 0)
      y + d + (m if m != none else x)
    }""",
    "names like Python's": """arch Net(x: [B, 8], self_: [B, 8] = none, out: [B, 8] = none, forward: [B, 8] = zeros) {
      y = x if self_ == none else x + self_
      y * out + forward if out != none else y
    }""",
    "unlabelled layers after it": """arch Net(x: [B, 8], m: [B, 8] = none) {
      if m != none { it + m }
      Linear(8)
      relu
      Linear(4)
    }""",
}
