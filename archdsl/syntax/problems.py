"""What can be wrong with the text of a program."""

from __future__ import annotations

from typing import ClassVar

from archdsl.problems.problem import Problem
from archdsl.records import facts


@facts
class UnexpectedToken(Problem):
    """Something stands where the grammar has no place for it.

    ```arch
    block B(x: [N, C]) {
      conv: Linear(64 32)
    }
    ```

    The message names what may stand there instead. Where the text looks like a habit from another language, a help line says
    how it is written here.
    """

    code: ClassVar[str] = "unexpected-token"
    found: str
    expected: tuple[str, ...] = ()
    said: str | None = None

    def message(self) -> str:
        if self.said is not None:
            return self.said
        if not self.expected:
            return f"{self.found} cannot stand here"
        *most, last = self.expected
        return f"expected {', '.join(most)} or {last}, found {self.found}" if most else f"expected {last}, found {self.found}"


@facts
class UnclosedBracket(Problem):
    """A bracket is opened and not closed.

    ```arch
    block B(x: [N, C]) {
      Linear(64
      relu
    }
    ```

    Close it where what it holds ends.
    """

    code: ClassVar[str] = "unclosed-bracket"
    bracket: str

    def message(self) -> str:
        return f"`{self.bracket}` is never closed"


@facts
class UnopenedBracket(Problem):
    """A bracket is closed that was not opened.

    ```arch
    block B(x: [N, C]) {
      Linear(64))
    }
    ```

    Remove it, or open it where what it holds begins.
    """

    code: ClassVar[str] = "unopened-bracket"
    bracket: str

    def message(self) -> str:
        return f"`{self.bracket}` closes nothing"


@facts
class UnterminatedString(Problem):
    """A string has no closing quote on its line.

    ```arch
    use "./blocks.arch
    ```

    Strings end on the line where they begin; a line break inside is written as a backslash and an `n`.
    """

    code: ClassVar[str] = "unterminated-string"

    def message(self) -> str:
        return 'this string has no closing `"`'


@facts
class SingleQuotes(Problem):
    """Strings stand in double quotes.

    ```arch
    use './blocks.arch'
    ```

    Write `"./blocks.arch"`.
    """

    code: ClassVar[str] = "single-quotes"

    def message(self) -> str:
        return "strings stand in double quotes"


@facts
class BadEscape(Problem):
    """A backslash in a string stands before a character that makes no escape.

    ```arch
    use "blocks\\d.arch"
    ```

    The escapes are a backslash before a quote, a backslash, `n` or `t`. For a backslash itself write two.
    """

    code: ClassVar[str] = "bad-escape"
    escape: str

    def message(self) -> str:
        return f"`{self.escape}` is no escape"


@facts
class StringTooLong(Problem):
    """A string is longer than a file may have it: 4096 bytes with its quotes.

    ```sh
    printf 'use "%05000d"\\n' 0 > long.arch; archdsl check long.arch
    ```

    The limit keeps labels and messages of a size that tools can show.
    """

    code: ClassVar[str] = "string-too-long"
    limit: int

    def message(self) -> str:
        return f"a string has at most {self.limit} bytes"


@facts
class ForbiddenCharacter(Problem):
    """A character that is not seen, or that makes the text look other than it is: a control character, a carriage return alone,
    a line separator of Unicode, a mark that changes the direction of writing. It is refused also in comments and strings.

    ```sh
    printf 'let n = 1 # one\\rlet n = 2\\n' > hidden.arch; archdsl check hidden.arch
    ```

    Remove it. `archdsl check` shows its place; many editors do not show the character.
    """

    code: ClassVar[str] = "forbidden-character"
    name: str

    def message(self) -> str:
        return f"{self.name} may not stand in a program"


@facts
class UnexpectedCharacter(Problem):
    """A character that begins no word, number, string or sign of the language. Names and numbers are written in ASCII.

    ```arch
    let größe = 3
    ```

    Names are `[A-Za-z_][A-Za-z0-9_]*`, so that two names that look alike are alike.
    """

    code: ClassVar[str] = "unexpected-character"
    characters: str

    def message(self) -> str:
        shown = self.characters if self.characters.isprintable() else ascii(self.characters)
        return f"`{shown}` is no part of the language"


@facts
class MalformedNumber(Problem):
    """A word that begins like a number and is none.

    ```arch
    let width = 64px
    ```

    Numbers are `64`, `50_257`, `0.5`, `1e-5`. A name begins with a letter or `_`.
    """

    code: ClassVar[str] = "malformed-number"
    word: str

    def message(self) -> str:
        return f"`{self.word}` is neither a number nor a name"


@facts
class NumberTooLarge(Problem):
    """A number, as it is written or as configuration computes it, is above what the language can hold: int64 for whole numbers,
    double precision for the others.

    ```arch
    let n = 9_223_372_036_854_775_808
    ```

    Write a smaller one.
    """

    code: ClassVar[str] = "number-too-large"
    limit: str

    def message(self) -> str:
        return f"this number is too large: {self.limit}"


@facts
class NumberTooSmall(Problem):
    """A number is so near to 0 that it would be read as 0.

    ```arch
    let eps = 1e-400
    ```

    Write `0.0` if that is meant.
    """

    code: ClassVar[str] = "number-too-small"

    def message(self) -> str:
        return "this number would be read as 0: the smallest is about 4.9e-324"


@facts
class IdentifierTooLong(Problem):
    """A name has more than 128 characters.

    ```sh
    printf 'let n%0200d = 1\\n' 0 > name.arch; archdsl check name.arch
    ```

    Take a shorter one.
    """

    code: ClassVar[str] = "identifier-too-long"
    length: int

    def message(self) -> str:
        return f"a name has at most 128 characters, this one has {self.length}"


@facts
class NestingTooDeep(Problem):
    """Brackets, bodies or operators are nested more than 100 deep. A long sum nests too: each `+` holds what is left of it.

    ```arch
    let n =
    - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - -
    - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - -
    - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - 1
    ```

    Give a name to a part, or use a block, a `repeat` or `sum`.
    """

    code: ClassVar[str] = "nesting-too-deep"
    limit: int
    what: str = "levels of nesting"

    def message(self) -> str:
        return f"more than {self.limit} {self.what}"


@facts
class ReservedName(Problem):
    """A reserved word is used as the name of a value. As a label (`head: Linear(10)`), as the name of an argument or beside a
    dot it is an ordinary word.

    ```arch
    let scan = 3
    ```

    Take another name.
    """

    code: ClassVar[str] = "reserved-name"
    name: str

    def message(self) -> str:
        return f"`{self.name}` is a reserved word and cannot name a value"


@facts
class NotNames(Problem):
    """Left of `in` stands something else than a name or names in parentheses.

    ```arch
    block B(x: [N, C]) {
      repeat 3 in 0..4 { relu }
    }
    ```

    Write `repeat i in 0..4`, `repeat (a, b) in rows` or `repeat i, (a, b) in rows`.
    """

    code: ClassVar[str] = "not-names"

    def message(self) -> str:
        return "left of `in` stands a name, or names in parentheses"


@facts
class BadElementType(Problem):
    """The brackets of `list[…]` hold something else than one type.

    ```arch
    block B(widths: list[3])(x: [N, C]) { relu }
    ```

    Write `list[int]`, `list[list[int]]`.
    """

    code: ClassVar[str] = "bad-element-type"

    def message(self) -> str:
        return "`list[…]` takes the type of its elements, such as `list[int]`"


@facts
class UnknownType(Problem):
    """The word of a type is none.

    ```arch
    arch Net(x: float32[N, 8]) { relu }
    ```

    A tensor's type is `[N, 8]`, of the program's float type, or with a dtype: `f64 f32 f16 bf16 i64 i32 i16 i8 u8 bool`.
    Configuration is of type `int`, `float`, `bool`, `str`, `dtype`, `layer` or `list[int]`, or of one of several: `int | none`.
    """

    code: ClassVar[str] = "unknown-type"
    name: str

    def message(self) -> str:
        return f"there is no type `{self.name}`"
