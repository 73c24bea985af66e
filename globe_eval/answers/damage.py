"""Text that was decoded wrongly on its way, and back: "Â°" and "â€™" (UTF-8 read as cp1252), "¬∞" (as MacRoman)."""

from __future__ import annotations

from functools import partial

from globe_eval import lazy_re as re

_TIMES = 3
_LONGEST = 200_000
"""No longer text is looked at sequence by sequence."""
_UNHEARD_OF = re.compile("[\u0700-\u08ff]")
"""Scripts that no answer is written in: "ß°" is no letter of N'Ko."""
_AGAIN = re.compile("[ÂÃâ¬√‚]|[\u00c2-\u00f4][\x80-\x9f]")
"""What damage that was damaged again begins with."""
_FOREIGN = re.compile(r"[\x00-\x7f]+")
"""Some text was damaged more than once."""


def _bytes(*codecs: str) -> dict[str, int]:
    """Character -> the byte that it was read from, for the bytes beyond ASCII; the first codec that has it counts."""
    found: dict[str, int] = {}
    for codec in codecs:
        for byte in range(0x80, 0x100):
            try:
                found.setdefault(bytes([byte]).decode(codec), byte)
            except UnicodeDecodeError:
                continue
    return found


def _sequences(codes: dict[str, int], leads: str) -> re.Pattern[str]:
    """What a UTF-8 sequence of two to four bytes looks like in a wrong encoding."""

    def signs(low: int, high: int) -> str:
        return "".join(
            re.escape(char) for char, byte in codes.items() if low <= byte < high and (high <= 0xC0 or byte >= 0xC0)
        )

    def lead(low: int, high: int) -> str:
        return "".join(
            re.escape(char) for char, byte in codes.items() if low <= byte < high and (not leads or char in leads)
        )

    more = f"[{signs(0x80, 0xC0)}]"
    sizes = [(lead(0xC2, 0xE0), 1), (lead(0xE0, 0xF0), 2), (lead(0xF0, 0xF5), 3)]
    return re.compile("|".join(f"[{first}]{more}{{{n}}}" for first, n in sizes if first))


_WINDOWS = _bytes("cp1252", "latin-1")
_MAC = _bytes("mac_roman")
_WRONG = [
    (re.compile("[\u00c2-\u00f4]"), _sequences(_WINDOWS, ""), _WINDOWS),
    (re.compile("[¬√‚]"), _sequences(_MAC, "¬√‚"), _MAC),
]


def repaired(text: str) -> str:
    r"""The text with every sequence decoded again that is UTF-8 in the bytes it was read from.

    Only where such sequences are nearly all that is beyond ASCII: "café\xa0»" in French is no damage.

    >>> repaired("43.77Â° N, SÃ£o Paulo, canâ\x80\x99t"), repaired("36¬∞51'"), repaired("Ångström, São Paulo, 48°")
    ('43.77° N, São Paulo, can’t', "36°51'", 'Ångström, São Paulo, 48°')
    """
    if text.isascii():
        return text
    for trace, sequences, codes in _WRONG:
        for time in range(_TIMES):
            if not (_AGAIN if time else trace).search(text) or len(text) > _LONGEST:
                break
            pieces = [piece for match in sequences.finditer(text) if _decoded(piece := match[0], codes) != piece]
            strange = sum(char in codes for char in _FOREIGN.sub("", text))
            if not pieces or 5 * sum(map(len, pieces)) < 4 * strange:
                break
            text = sequences.sub(partial(_decoded_match, codes), text)
    return text


def _decoded_match(codes: dict[str, int], match: re.Match[str]) -> str:
    return _decoded(match[0], codes)


def _decoded(run: str, codes: dict[str, int]) -> str:
    """The characters of a sequence, or the sequence where it is none."""
    try:
        decoded = bytes(codes[char] for char in run).decode()
    except UnicodeDecodeError:
        return run
    return run if _UNHEARD_OF.match(decoded) else decoded
