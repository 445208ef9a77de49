"""Liquid that staff write: it reaches declared values only, and can neither run long nor grow large.

The library limits loops, output and variables. It does not limit what one filter makes, ranges that are no loop,
or a loop's body times its rounds; that is done here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, wraps
from itertools import takewhile
from typing import Any

from liquid import BoundTemplate, DictLoader, Environment, Expression, Node, RenderContext, StrictUndefined
from liquid.builtin.expressions.primitive import RangeLiteral
from liquid.exceptions import FilterError, LiquidError, LiquidSyntaxError, LoopIterationLimitError, ResourceLimitError
from liquid.token import Token

SOURCE_LIMIT = 128 * 1024
"""Characters of a text; mail programs clip a mail at about a hundred thousand."""
OUTPUT_LIMIT = 256 * 1024
LOOP_LIMIT = 1000
"""Rounds of all loops, nested ones multiplied."""
WORK_LIMIT = 20_000
"""Parts of a text times the rounds they may be repeated."""
MARKUP_LIMIT = 16 * 1024
"""Characters within ``{{ }}`` and ``{% %}`` of one text: reading them takes longer than all else."""
TAG_LENGTH_LIMIT = 1000
"""Characters of one tag: reading it takes time by the square of its length."""
VALUE_LIMIT = 32 * 1024
"""Characters, entries or binary digits of what one filter makes."""
FILTER_LIMIT = 1_000_000
"""What all filters of one rendering may make together."""

SPENT = "retention.spent"


class _Environment(Environment):
    output_stream_limit = OUTPUT_LIMIT
    local_namespace_limit = 100_000
    context_depth_limit = 10


@lru_cache(maxsize=256)
def compile_text(source: str, *, html: bool) -> BoundTemplate:
    """Return the compiled text; ``html``: values are escaped. Raises LiquidError."""
    _check_source(source)
    environment = _Environment(undefined=StrictUndefined, autoescape=html, loader=DictLoader({}))
    del environment.filters["safe"]  # a name with a tag in it would be one
    environment.filters = {name: _bounded(name, filter_) for name, filter_ in environment.filters.items()}
    template = environment.from_string(source)
    parts = _check(template)
    if parts > WORK_LIMIT:
        raise ResourceLimitError(f"a text has at most {WORK_LIMIT} parts", token=None)
    environment.loop_iteration_limit = min(LOOP_LIMIT, WORK_LIMIT // max(parts, 1))  # type: ignore[misc]
    return template


OPEN = re.compile(r"\{\{|\{%")
CLOSE = {"{{": "}}", "{%": "%}"}
RAW = re.compile(r"\{%-?\s*(?:raw|doc)\b")
RAW_LIMIT = 20


def _check_source(source: str) -> None:
    """Refuse what the library would read for minutes: its time grows with the square of what is long or left open."""
    if len(source) > SOURCE_LIMIT:
        raise ResourceLimitError(f"a text has at most {SOURCE_LIMIT} characters", token=None)
    if len(RAW.findall(source)) > RAW_LIMIT:
        raise ResourceLimitError(f"a text has at most {RAW_LIMIT} parts that are raw or doc", token=None)
    end, left = 0, MARKUP_LIMIT
    while found := OPEN.search(source, end):
        start, opened = found.start(), found.group()
        token = Token("output", opened, start, source)
        end = source.find(CLOSE[opened], start) + 2
        if end == 1:
            raise LiquidSyntaxError(f"expected '{CLOSE[opened]}' after '{opened}'", token=token)
        if end - start > TAG_LENGTH_LIMIT:
            raise ResourceLimitError(f"this tag has more than {TAG_LENGTH_LIMIT} characters", token=token)
        left -= end - start
        if left < 0:
            raise ResourceLimitError(f"the tags of a text have at most {MARKUP_LIMIT} characters", token=token)


def _check(template: BoundTemplate) -> int:
    """Return how many parts a text has. Raises LoopIterationLimitError for a range without two near ends."""
    context = RenderContext(template)
    parts = 0
    waiting: list[Node | Expression] = list(template.nodes)
    while waiting:
        part = waiting.pop()
        parts += 1
        if isinstance(part, RangeLiteral):
            _check_range(part)
        waiting.extend(_inside(part, context))
    return parts


def _inside(part: Node | Expression, context: RenderContext) -> Iterator[Node | Expression]:
    if isinstance(part, Node):
        yield from part.children(context, include_partials=False)
        yield from part.expressions()
    else:
        yield from part.children()


def _check_range(part: RangeLiteral) -> None:
    """A range is also an argument of filters and has an offset, where no limit of loops is asked."""
    ends: list[Any] = [getattr(end, "value", None) for end in (part.start, part.stop)]
    if not all(isinstance(end, int) for end in ends) or ends[1] - ends[0] > LOOP_LIMIT:
        raise LoopIterationLimitError(f"a range needs two numbers at most {LOOP_LIMIT} apart", token=part.token)


def _bounded(name: str, filter_: Callable[..., Any]) -> Callable[..., Any]:
    """Return the filter with a limit to what it makes; whatever it raises is an error of the text."""
    wants_context = getattr(filter_, "with_context", False)

    @wraps(filter_)
    def bounded(value: Any, *args: Any, context: RenderContext, **given: Any) -> Any:
        _foresee(name, value, args)
        if wants_context:
            given["context"] = context
        try:
            made = filter_(value, *args, **given)
        except LiquidError:
            raise
        except (ArithmeticError, LookupError, RecursionError, ValueError) as error:
            raise FilterError(f"{name}: {error}", token=None) from error
        size = _size(made)
        spent = context.tag_namespace.get(SPENT, 0) + size + 1
        context.tag_namespace[SPENT] = spent
        if size > VALUE_LIMIT or spent > FILTER_LIMIT:
            raise ResourceLimitError(f"{name} makes too much", token=None)
        return made

    bounded.with_context = True  # type: ignore[attr-defined]
    return bounded


def _foresee(name: str, value: Any, args: Sequence[Any]) -> None:
    """Refuse before it is made what multiplies its arguments."""
    if name == "replace" and len(args) == 2:
        text, old, new = (str(part) for part in (value, *args))
        size = len(text) + text.count(old) * len(new)
    elif name == "join" and isinstance(value, Sequence):
        glue = len(str(args[0])) if args else 1
        size = sum(glue + (len(entry) if isinstance(entry, str) else 20) for entry in value)
    else:
        return
    if size > VALUE_LIMIT:
        raise ResourceLimitError(f"{name} makes too much", token=None)


def _size(made: Any) -> int:
    if isinstance(made, int):
        return made.bit_length()
    return len(made) if isinstance(made, Sequence) else 1


@dataclass(frozen=True, kw_only=True)
class Named:
    """A value that a text uses, and where."""

    path: tuple[str | int, ...]
    """``("shop", "name")``; a part that is a value itself ends it."""
    line: int


def line_of(error: LiquidError) -> int | None:
    """Return the line that an error is about, from 1; None where it is about the whole text."""
    token = error.token
    if token is None or token.start_index < 0:
        return None
    return token.source.count("\n", 0, token.start_index) + 1


def names(source: str, *, html: bool) -> list[Named]:
    """Return the values from outside that a text uses, in whichever branch. Raises LiquidError."""
    found = compile_text(source, html=html).analyze(include_partials=False).globals
    named = []
    for variable in (one for ones in found.values() for one in ones):
        path = takewhile(lambda part: not isinstance(part, list), variable.segments)
        line = source.count("\n", 0, variable.span.index) + 1
        named.append(Named(path=tuple(path), line=line))  # type: ignore[arg-type]  # no list is left in it
    return sorted(named, key=lambda one: one.line)
