"""TestEventPattern: a pattern against an event, without bus or rule."""

from __future__ import annotations

import msgspec

from bascule.api import events as api
from bascule.kernel.context import Context
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.patterns import Pattern, PatternError
from bascule.services.events.errors import InvalidPattern, ParameterInvalid

#: ``resources`` is documented as mandatory, but not asked for.
_REQUIRED = frozenset({"id", "account", "source", "time", "region", "detail-type"})
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


@operation("TestEventPattern", reads=True)
def test_event_pattern(ctx: Context, tx: Tx, inp: api.TestEventPatternRequest) -> api.TestEventPatternResponse:
    """Whether the event matches.

    Raises   InvalidPattern; ParameterInvalid when the event is not a JSON object with the six mandatory fields.
    """
    try:
        pattern = Pattern.parse(inp.event_pattern)
    except PatternError as error:
        raise InvalidPattern(str(error)) from None
    try:
        members = _members(inp.event)
    except msgspec.DecodeError:
        raise ParameterInvalid("Event") from None
    if not members.keys() >= _REQUIRED:
        raise ParameterInvalid("Event")
    return api.TestEventPatternResponse(result=pattern.matches(inp.event.encode()))
