"""``*`` and ``?`` in actions, resources and condition values.

Compares from left to right and goes back only to the last star, so no text written by a user can keep it busy for longer than
(length of the pattern) x (length of the text); a regular expression could. A star that is meant as a star (``${*}``) travels
in patterns as a private character.
"""

from __future__ import annotations

#: Private characters -> the signs they stand for.
_SIGNS = {"\ue000": "*", "\ue001": "?"}
_PROTECTED = str.maketrans({sign: private for private, sign in _SIGNS.items()})
_PLAIN = str.maketrans(_SIGNS)


def protected(text: str) -> str:
    """A text whose stars and question marks are no wildcards when it becomes part of a pattern."""
    return text.translate(_PROTECTED)


def plain(pattern: str) -> str:
    """A pattern as the text it is, for comparisons without wildcards."""
    return pattern.translate(_PLAIN)


def _fits(sign: str, character: str) -> bool:
    return sign in ("?", character) or _SIGNS.get(sign) == character


def matches(pattern: str, text: str) -> bool:
    """Whether the whole text fits: ``*`` stands for any characters, none included, ``?`` for exactly one."""
    if pattern in ("*", text):
        return True
    at = position = from_star = 0
    star = -1
    while at < len(text):
        if position < len(pattern) and pattern[position] == "*":
            star, from_star = position, at
            position += 1
        elif position < len(pattern) and _fits(pattern[position], text[at]):
            position += 1
            at += 1
        elif star >= 0:
            from_star += 1
            position, at = star + 1, from_star
        else:
            return False
    return all(sign == "*" for sign in pattern[position:])


def arn_matches(pattern: str, text: str) -> bool:
    """Whether an ARN fits a pattern of an ARN: each of the six parts is compared by itself, so ``*`` crosses no colon
    before the resource."""
    wanted, given = pattern.split(":", 5), text.split(":", 5)
    if len(wanted) != len(given):
        return pattern == "*"
    return all(matches(part, value) for part, value in zip(wanted, given, strict=True))
