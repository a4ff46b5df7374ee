"""Every bound of the wire layer, in one place. What a service limits itself is in its model; these protect the process."""

from __future__ import annotations

from typing import Final

#: Range of the model's integer. count
INTEGER_MAX: Final = 2**31 - 1
#: Range of the model's long. count
LONG_MAX: Final = 2**63 - 1
#: The begin of the year 1, the first that ISO 8601 can write. seconds
TIMESTAMP_MIN: Final = -62_135_596_800.0
#: The end of the year 9999, the last that ISO 8601 can write. seconds
TIMESTAMP_MAX: Final = 253_402_300_799.999

#: Elements of a list are not looked at any more after so many clauses of a constraint failure. count
CLAUSES_MAX: Final = 100
#: A value that a constraint failure repeats is cut, so that a refusal is not as large as the request. characters
VALUE_TEXT_MAX: Final = 8_192
#: A longer value is compared with its length limits only, so that no value can keep an expression busy. characters
MATCHED_TEXT_MAX: Final = 20_000

#: Fields of a form. count
FORM_FIELDS_MAX: Final = 10_000
#: Parts of a form field's dotted name. count
FORM_NAME_PARTS_MAX: Final = 32
#: Digits of a number in a form field's name. count
FORM_INDEX_DIGITS_MAX: Final = 6

#: Segments of a path; a longer one is unknown. count
PATH_SEGMENTS_MAX: Final = 64
#: Paths of REST requests whose operation is remembered, and how long they may be. count; characters
PATHS_REMEMBERED_MAX: Final = 4_096
PATH_REMEMBERED_CHARACTERS_MAX: Final = 512
#: CBOR maps and lists within each other. count
CBOR_DEPTH_MAX: Final = 200

#: Service models kept; the oldest goes first and is read again when needed. One takes up to some ten megabytes. count
MODELS_MAX: Final = 32
