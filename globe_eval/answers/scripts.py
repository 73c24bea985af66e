"""Places in scripts without capitals: Chinese, Japanese, Korean, Arabic, Hindi. The gazetteer finds the names.

A name must stand where one can: at a sentence's beginning, behind another name, behind a word like 在 or في, before a
particle like で or 에서. So 中山 in 图中山峰 is none.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from globe_eval import lazy_re as re
from globe_eval.answers.toponyms import is_country, is_name, is_prominent, is_pure_region, town_of

with (Path(__file__).with_name("data") / "exonyms.csv").open(encoding="utf-8", newline="") as _file:
    EXONYMS: dict[str, str] = {row["name"]: row["known_as"] for row in csv.DictReader(_file)}
"""Names that the gazetteer lacks, in these scripts or as initials, and those under which it has them; each is also read
where it stands as a label's value or in a sentence."""

_CHINESE = "\u3005\u3007\u3400-\u9fff\uf900-\ufaff"
_KANA = "\u3041-\u30ff"
_HANGUL = "\uac00-\ud7a3"
_ARABIC = "\u0600-\u06ff"
_DEVANAGARI = "\u0900-\u0963\u0970-\u097f"
"""Without the signs that end a sentence; half of these are marks, which are no letters to a regular expression."""
_LETTER = re.compile(f"[{_CHINESE}{_KANA}{_HANGUL}{_ARABIC}{_DEVANAGARI}]")
_KATAKANA = re.compile("[\u30a1-\u30fa\u30fc]")
_LONGEST = 10
_WORDS = re.compile(rf"(?:[^\W\d_]|[{_DEVANAGARI}])+(?:\s(?:[^\W\d_]|[{_DEVANAGARI}])+)*")

_LEFT = re.compile(
    rf"(?:^|[^{_CHINESE}{_KANA}]|[\u3041-\u3096]"
    r"|[在於于是為为即像似到自从從向至属屬的之和或与與及乎能该該往去猜测測断斷應应約约系係址称稱叫定示说說选選指])$"
)
_KINDS = "[市省县縣府都道州区區郡町村镇鎮]"
_RIGHT_KOREAN = re.compile(
    r"(?:특별시|광역시|시내|시|도|주)?(?:에서|에서의|에|의|으로|로|은|는|이|가|을|를|과|와|이나|나|도|만|인|일|임|이다|다|라고|이라고|라는"
    r"|이라는|이며|이고|입니다|예요|이에요|일대|근처|처럼|보다|까지|부터|이지|이었|같은)?(?![가-힣])"
    r"|(?:특별시|광역시|시|도|주)?(?:인|일|이|이라|라|으로|입니다|일)[^\s]{0,5}(?![가-힣])"
)
_ARABIC_BEFORE = re.compile(
    r"(?:^|[^\w]|\b(?:في|بـ|من|إلى|نحو|هو|هي|إنها|إنه|أنها|أنه|مدينة|بمدينة|لمدينة|العاصمة|عاصمة|بلدة|دولة|حي"
    r"|قرب|بالقرب من|وسط"
    r"|بل|لكن|تحديدا|تحديداً|تكون|يكون|ليست?|محافظة|منطقة|ولاية|جمهورية|أو|و)\s)$"
)
_ARABIC_WORD = re.compile(rf"[{_ARABIC}]+")
_HINDI = re.compile(rf"[{_DEVANAGARI}]+(?:\s[{_DEVANAGARI}]+){{0,2}}")
_RIGHT_HINDI = re.compile(
    rf"(?:\s(?:शहर|नगर|राज्य|प्रांत|जिले|ज़िले|गाँव|गांव))?(?:\s?[,،()।|.]|\s?$|\s(?:में|के|की|का|से|पर|और|या|है|हो|स्थित|शहर)(?![{_DEVANAGARI}]))"
)
_GAP = re.compile(
    rf"(?:\s*[,、،·・/(]\s*|\s+|{_KINDS}?(?:的|の|之|にある|に位置する|内の|内的)?|의|에\s?있는|에\s?위치한|\s+في\s+|\s*[,،]\s*في\s+"
    r"|(?:\s(?:शहर|नगर|राज्य))?\s(?:के|की|का|में)(?:\sस्थित)?\s)"
    rf"(?:{_KINDS}?的?)?"
)
_SITE_CJ = re.compile(
    rf"{_KINDS}?(?:的|の|之|市内の|市内的|にある|に位置する|中心的|[,、・]\s?)?"
    rf"(?P<site>[{_CHINESE}\u30a1-\u30ffの]{{0,12}}?(?:寺|神社|神宮|神宫|大社|塔|タワー|桥|橋|ブリッジ|公园|公園|パーク|广场|廣場|広場|大学|大學|博物馆|博物館|美术馆|美術館|车站|車站|駅"
    r"|机场|機場|空港|教堂|教会|大聖堂|大教堂|宫|宮|宮殿|宫殿|城堡|城|故宫|长城|山|湖|海滩|海灘|ビーチ|街|路|大道|通り|胡同|外滩|斗兽场|竞技场|体育场|市场|市場|酒店|ホテル"
    r"|购物中心|纪念碑|紀念碑|凯旋门|凱旋門|门|門|楼|樓|港|岛|島|運河|运河|动物园|動物園|水族館|水族馆|遗址|遺跡|庭園|花园|花園|園|庙|廟|交差点|商店街))"
    rf"(?=$|[^{_CHINESE}\u30a1-\u30ff]|[的附一拍摄攝旁周前内里外上中和与與及区區景撮])"
)
_SITE_KATAKANA = re.compile(r"市?(?:の|にある|に位置する)(?P<site>[\u30a1-\u30ff・]{4,20})(?![\u30a1-\u30ff])")
_SITE_KOREAN = re.compile(
    r"(?:시|도)?(?:의|에\s?있는|에\s?위치한)?[\s,]\s*(?P<site>(?:[가-힣]{1,8}\s)?[가-힣]{1,8}?(?:궁|사|타워|공원|광장|대학교|역|공항|시장|해변|해수욕장|박물관|미술관|성당|대성당|교회|다리|대교|교|거리|탑"
    r"|에펠탑|성|산|섬|호수|경기장|극장|호텔|마을|사원|궁전|문))(?=(?:에서|에|의|으로|로|은|는|이|가|을|를|입니다|과|와|인|근처)?(?![가-힣]))"
)
_SITE_ARABIC = re.compile(
    r"(?P<site>\b(?:ميدان|ساحة|شارع|برج|جامع|مسجد|متحف|قلعة|قصر|حديقة|جسر|معبد|كنيسة|كاتدرائية|مطار|محطة|سوق|شاطئ|جامعة|مدرج|ملعب|فندق|كورنيش)"
    rf"\s[{_ARABIC}]+(?:\s(?!في\b)[{_ARABIC}]+)?)[\s,،]*(?:في\s|ب)?(?:مدينة\s)?$"
)


def is_written_in(text: str) -> bool:
    """Whether at least half of a sentence's letters are of scripts without capitals."""
    found = len(_LETTER.findall(text))
    return found > 1 and 2 * found >= sum(map(str.isalpha, text))


@dataclass(frozen=True, slots=True)
class _Name:
    start: int
    end: int
    text: str


def chains(text: str) -> Iterator[tuple[int, int, list[str]]]:
    """From where to where the places stand that a sentence names, and the parts of each, finest or country first.

    >>> list(chains("这张照片拍摄于日本京都的清水寺。"))
    [(7, 15, ['清水寺', '京都', '日本'])]
    """
    chain: list[_Name] = []
    for name in _names(text):
        if chain and _GAP.fullmatch(text[chain[-1].end : name.start]) is None:
            yield _parts(text, chain)
            chain = []
        chain.append(name)
    if chain:
        yield _parts(text, chain)


def _parts(text: str, chain: list[_Name]) -> tuple[int, int, list[str]]:
    parts = [EXONYMS.get(name.text, name.text) for name in chain]
    start, end = chain[0].start, chain[-1].end
    for pattern in (_SITE_CJ, _SITE_KATAKANA, _SITE_KOREAN):
        if site := pattern.match(text, end):
            parts.append(site["site"])
            end = site.end()
            break
    if site := _SITE_ARABIC.search(text[max(start - 60, 0) : start]):
        parts.insert(0, site["site"])
    elif not _is_wide(parts[-1]) or _is_wide(parts[0]):
        parts.reverse()
    return start, end, parts


def _is_wide(part: str) -> bool:
    return is_country(part) or is_pure_region(part)


def segments(value: str) -> list[str] | None:
    """The names that a value written without spaces is made of; None where it is made of anything else.

    >>> segments("日本京都市"), segments("京都"), segments("建筑风格")
    (['京都市', '日本'], None, None)
    """
    if value.isascii() or not is_written_in(value):
        return None
    found = list(chains(value))
    if len(found) != 1 or len(found[0][2]) < 2 or value[: found[0][0]] or value[found[0][1] :].strip(_KINDS):
        return None
    return found[0][2]


def _names(text: str) -> Iterator[_Name]:
    position, behind = 0, False
    while letter := _LETTER.search(text, position):
        at = letter.start()
        found = _name_at(text, at, behind and _GAP.fullmatch(text[position:at]) is not None)
        if found is None:
            position = at + 1 if not _is_spaced(text[at]) else _word_end(text, at)
            behind = False
        else:
            yield found
            position, behind = found.end, True


def _is_spaced(letter: str) -> bool:
    return "\u0600" <= letter <= "\u06ff" or "\u0900" <= letter <= "\u097f" or "\uac00" <= letter <= "\ud7a3"


_WORD_END = re.compile(rf"[\w{_DEVANAGARI}]+")


def _word_end(text: str, at: int) -> int:
    match = _WORD_END.match(text, at)
    return match.end() if match else at + 1


def _name_at(text: str, at: int, behind: bool) -> _Name | None:
    """The longest name that begins here; `behind` another name."""
    if "\u0600" <= text[at] <= "\u06ff":
        return _arabic(text, at, behind)
    if "\uac00" <= text[at] <= "\ud7a3":
        return _korean(text, at)
    if "\u0900" <= text[at] <= "\u097f":
        return _hindi(text, at)
    if not behind and not _LEFT.search(text[max(at - 1, 0) : at]):
        return None
    if at and _KATAKANA.match(text[at]) and _KATAKANA.match(text[at - 1]):
        return None
    last = min(at + _LONGEST, len(text))
    countries = [cut for cut in range(at + 2, last) if is_name(text[at:cut]) and is_country(text[at:cut])]
    for end in range(last, at + 1, -1):
        if any(cut < end and _goes_on(text[cut:end]) for cut in countries):
            continue  # "中国上海", "日本語"
        if end < len(text) and _KATAKANA.match(text[end - 1]) and _KATAKANA.match(text[end]):
            continue
        if is_place(text[at:end]):
            return _Name(at, end, text[at:end])
    return None


def _goes_on(rest: str) -> bool:
    """Whether what follows a country's name begins anew: another name, or what makes it a language, a people,
    a style."""
    return rest in "語语文人式製制風风車车" or (len(rest) > 1 and is_name(rest))


_ARABIC_PREFIX = re.compile("(?:و|ف)?(?:ب|ل|ك)?")


def _arabic(text: str, at: int, behind: bool) -> _Name | None:
    words = []
    end = at
    for _ in range(4):
        word = _ARABIC_WORD.match(text, end)
        if word is None:
            break
        end = word.end()
        words.append(end)
        if text[end : end + 1] != " ":
            break
        end += 1
    if not behind and not _ARABIC_BEFORE.search(text[max(at - 12, 0) : at]):
        return None
    for stop in reversed(words):
        prefix = _ARABIC_PREFIX.match(text, at)
        for start in {at, prefix.end() if prefix else at}:
            whole = text[start:stop].strip("،؛؟ ")
            if whole.startswith("ل") and text[at:start].endswith("ل"):
                whole = "ا" + whole
            if (start == at or text[start : start + 2] == "ال") and is_place(whole):
                return _Name(start, start + len(text[start:stop].rstrip("،؛؟ ")), whole)
    return None


def _korean(text: str, at: int) -> _Name | None:
    if at and _is_spaced(text[at - 1]):
        return None
    for end in range(_word_end(text, at), at + 1, -1):
        if is_place(text[at:end]) and _RIGHT_KOREAN.match(text, end):
            return _Name(at, end, text[at:end])
    return None


def _hindi(text: str, at: int) -> _Name | None:
    words = _HINDI.match(text, at)
    while words:
        if _RIGHT_HINDI.match(text, words.end()) and is_place(words[0]):
            return _Name(at, words.end(), words[0])
        words = _HINDI.match(text, at, text.rfind(" ", at, words.end()))
    return None


@lru_cache(maxsize=8192)
def is_place(text: str) -> bool:
    """Whether a name is one that is known by itself: a country, a first-level region, a large town."""
    if text in EXONYMS:
        return True
    if len(text) < 2 or not _WORDS.fullmatch(text) or not is_name(text):
        return False
    return is_country(text) or is_prominent(text) or (town_of(text, None, ()) is not None and len(text) > 2)
