"""Coordinates as other languages and map links spell them, written as `coordinates` reads them: "北纬35°" as "N 35°".

"O" is west in French, Spanish, Portuguese and Italian and east in German. Where the words around do not say which
language it is, the letter is left, and `coordinates` reads no number with it.
"""

from __future__ import annotations

from urllib.parse import unquote

from globe_eval import lazy_re as re

_EAST = re.compile(
    r"koordinaten|grad\b|ost\b|nord\s|\b(?:und|ist|die|der|das|länge|breite|ungefähr|etwa)\b", re.IGNORECASE
)
_WEST = re.compile(
    r"coordonn|coordenad|coordinate\b|latitud|longitud|ouest|oeste|ovest"
    r"|\b(?:et|est|le|la|el|los|il|y|de|du|del|di|dos|em|en)\b",
    re.IGNORECASE,
)
_ANGLE = r"(?:(?<=[\d°″′])|(?<=\d[\"”'’])|(?<=\d''))"
"""What an angle ends with: an apostrophe or a quotation mark only behind a digit, not that of "Gare de l'Est"."""
_O = re.compile(rf"{_ANGLE}(\s?)O(?![\w'’])")
_CHINESE = {
    word: f"{letter} "
    for letter, words in {
        "N": "北纬 北緯 북위", "S": "南纬 南緯 남위", "E": "东经 東经 東経 東經 동경", "W": "西经 西経 西經 서경",
    }.items()
    for word in words.split()
}  # fmt: skip
_DEGREES = (("°", "度도"), ("′", "分분"), ("″", "秒초"))
_BEFORE = re.compile("(" + "|".join(_CHINESE) + r")\s?(?:约|約|约为)?\s?(?=\d)")
_WORDS = (
    (r"(?:северной|с\.?\s?)(?:\s?широты|ш)(?!\w)\.?|norte|nord|kuzey|utara|szer\. geogr\. pn\.|شمال\w*", " N"),
    (r"(?:южной|ю\.?\s?)(?:\s?широты|ш)(?!\w)\.?|sur|sul|sud|süd|güney|zuid|جنوب\w*", " S"),
    (r"(?:восточной|в\.?\s?)(?:\s?долготы|д)(?!\w)\.?|este|leste|est|ost|doğu|oost|شرق\w*", " E"),
    (r"(?:западной|з\.?\s?)(?:\s?долготы|д)(?!\w)\.?|ouest|oeste|ovest|batı|غرب\w*", " W"),
)
_AFTER = [(re.compile(rf"{_ANGLE}\s?(?:de\s)?(?:{words})(?!\w)", re.IGNORECASE), letter) for words, letter in _WORDS]
_NOT_ENGLISH = re.compile(
    rf"{_ANGLE}\s?(?:de\s)?(?:O(?!\w)|nor[dt]e?\b(?!h)|s[uü][rdl]\b|l?este?\b|o(?:u?est|este|vest|ost|st)\b|zuid|kuzey|güney|doğu|batı|utara"
    r"|[сюзв]\.?\s?[шд]|[сюзв]\w+ой\s|szer|شمال|جنوب|شرق|غرب)",
    re.IGNORECASE,
)
_LINK = re.compile(r"https?://[^\s<>()\[\]\"']{1,400}")
_IN_LINK = re.compile(
    r"#map=\d{1,2}(?:\.\d+)?/(?=-?\d)|(?<=[?&])(?:query|q|ll|sll|daddr|saddr|destination|center|cbll|viewpoint|loc)=(?:loc:)?(?=-?\d)"
)

_POINT = re.compile(
    r"\bPOINT\s?(?:Z\s?)?\(\s{0,4}(-?\d{1,3}(?:\.\d{1,20})?)\s{1,4}(-?\d{1,2}(?:\.\d{1,20})?)"
    r"(?:\s[-\d.]{1,20})?\s{0,4}\)"
)


def coordinates_spelled(text: str) -> str:
    """The text with the hemispheres of other languages as letters and with positions in links and WKT marked by "@".

    >>> coordinates_spelled("北纬35.01°，东经135.76°"), coordinates_spelled("Coordonnées : 48.39° N, 4.49° O")
    ('N 35.01°，E 135.76°', 'Coordonnées : 48.39° N, 4.49° W')
    >>> coordinates_spelled("동경 139도 44분 43초")
    'E 139° 44′ 43″'
    >>> coordinates_spelled("https://maps.example.com/?api=1&query=48.85%2C2.29")
    'https://maps.example.com/?api=1&@48.85,2.29'
    >>> coordinates_spelled("POINT(2.29 48.85)")
    '@48.85,2.29'
    """
    if not text.isascii():
        spelled = _BEFORE.sub(lambda match: _CHINESE[match[1]], text)
        if spelled != text:
            for sign, units in _DEGREES:
                spelled = re.sub(rf"(?<=\d)\s?[{units}]", sign, spelled)
        text = spelled
    if _NOT_ENGLISH.search(text):
        for words, letter in _AFTER:
            text = words.sub(letter, text)
        if _O.search(text):
            west, east = _WEST.search(text), _EAST.search(text)
            if bool(west) != bool(east):
                text = _O.sub(r"\1W" if west else r"\1E", text)
    if "://" in text:
        text = _LINK.sub(lambda match: _IN_LINK.sub("@", match[0] if "%" not in match[0] else unquote(match[0])), text)
    if "POINT" in text:  # well-known text has the longitude first
        text = _POINT.sub(r"@\2,\1", text)
    return text
