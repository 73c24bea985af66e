"""Finds stated places in prose of scripts without capital letters, weighted by the words around them.

The ladder is that of `conclusions`; in Japanese and Korean the words that conclude stand behind the name.
"""

from __future__ import annotations

from collections.abc import Iterator

from globe_eval import lazy_re as re
from globe_eval.answers.arranging import arranged
from globe_eval.answers.languages import MENTIONED, weight_of
from globe_eval.answers.lexicon import BEGINNINGS, UNNAMED
from globe_eval.answers.phrases import Phrase
from globe_eval.answers.scripts import chains
from globe_eval.answers.toponyms import is_ordinary, is_point, is_prominent, is_venue

_FRAGMENT = 8
"""Characters that may stand around a place in what names it and says nothing else."""

_FINAL = re.compile(
    r"最终|最終|答案|结论|結論|综上|綜上|总之|因此|所以|我(?:的)?(?:猜|推测|推測)|最(?:有)?可能|最も可能性|答え|回答|したがって|よって|最終的"
    r"|최종|정답|답변|결론|추측|따라서|그러므로|가장\s?가능성|الإجابة|الجواب|الخلاصة|ختام|الأرجح|المرجح|أعتقد|تخميني|لذلك|لذا|النهائي"
    r"|उत्तर\s?:|निष्कर्ष|अनुमान|सबसे अधिक संभाव|इसलिए|अतः|अंततः"
)
_STATED = re.compile(
    r"拍摄|拍攝|摄于|攝於|位于|位於|地点|地點|位置|照片|图片|圖片|图像|这是|這是|是在|看起来|看起來|似乎|应该是|應該是|很可能|大概率|认为|認為|取景|来自|來自|显示"
    r"|撮影|写真|場所|画像|おそらく|たぶん|촬영|찍|사진|장소|위치|아마"
    r"|التقط|الصورة|صورة|المكان|الموقع|موقع|تقع|يقع|هذه|هذا|يبدو|تبدو|غالبا|غالباً|إنها|أنها|تظهر"
    r"|तस्वीर|फोटो|फ़ोटो|चित्र|छवि|इमेज|स्थान|यह|ली गई|लिया गया|स्थित|संभवतः|लगता|लगती|प्रतीत"
)
_COPULA_BEFORE = re.compile(r"(?:是|更可能在)$|\b(?:بل|هو|هي|إنها|إنه)\s(?:في\s)?(?:مدينة\s)?$")
_COPULA_AFTER = re.compile(
    r"(?:、[^、。,]{0,10})?[^、。,]{0,10}?(?:です|である|だと|と思|でしょう|だろう|と考え|と見|推測|推定|らしい|だ(?=$|。))"
    r"|[^,.]{0,12}?(?:입니다|보입니다|보인다|보여|같습니다|같아요|같다|이에요|예요|이다|추정|생각|판단)"
)
_HEDGED = re.compile(
    r"(?<![很最极極更])可能(?!性(?:很|最|较|較)?(?:大|高))|也许|也許|或许|或許|或者|如果|假如|起初|最初|一开始"
    r"|かもしれ|可能性もあ|もし|あるいは|または|最初は|はじめは|수도\s?있|만약|또는|처음에|혹은"
    r"|शायद|हो सकत|संभावना|यदि|अगर|पहले"
    r"|\bقد\s(?:ت|ي)كون|ربما|\bإذا\b|يمكن أن|\bأو\b|في البداية|ظننت"
)
_EXAMPLE = re.compile(r"例如|比如|诸如|たとえば|例えば|예를\s?들|مثل|على سبيل المثال|उदाहरण|जैसे कि")
_DENIED_BEFORE = re.compile(
    r"(?:不是|并非|並非|而非|不像(?:是)?|不在|不位于|排除(?:了)?|不太可能(?:是|在)?|没有在|绝不是)[^,，、。]{0,6}$"
    r"|\b(?:ليست?|لا|لم|لن|بدلا من|بدلاً من|غير|وليست?)\s(?:[^\s,،]+\s){0,2}$"
)
_DENIED_AFTER = re.compile(
    r"[^、。,\s]{0,3}?(?:では(?:な|あり)|じゃ(?:な|あ)|でな|とは(?:限ら|異な|違)|以外|より(?:は|も)|というより)"
    r"|(?:\s[^\s,।]+){0,2}?\sनहीं"
    r"|[가-힣]{0,3}\s?(?:아니|아닌|아닙|말고|보다는)|[^，。,]{0,3}(?:的可能性(?:较|很|不)?(?:小|低|大)|不太可能|可以排除)"
)
_COMPARED_BEFORE = re.compile(
    r"(?:类似|類似|相似|让人|讓人|令人|模仿|受到?|像是从|源自|起源于|来自|不同于|常见于|流行于|使用|写着|寫著|穿着)[^,，、。]{0,8}$"
    r"|(?:تشبه|يشبه|مثل|شبيهة?|على طراز|نموذجي\w*|شائع\w*|مشابه\w*|مستوحى\w*|منتشر\w*|علم|يذكرنا?"
    r"|تذكرنا?)\s(?:\S+\s){0,3}$"
)
_COMPARED_AFTER = re.compile(
    r"(?:式|风格|風格|料理|菜|人|语|語|文|车|車|国旗|國旗|旗|货币|队|隊|品牌|城(?=的|里|中)|等地)|的?(?:国旗|國旗|语言|文化|典型|建筑风格|风格|特征|特色|影响|影響|游客|留学生|建筑(?:相似|类似)|首都)"
    r"|[^,，。]{0,8}?(?:很常见|常见|很普遍|类似|相似)"
    r"|(?:風|様式|製|料理|っぽ|のよう|に似|を思わせ|を連想|特有|の(?:国旗|文字|言語|よう|影響|典型|街並みに似|首都)|でよく|によく|ではよく|でも見|などで)"
    r"|(?:식|풍|어|산)(?![가-힣])|(?:의|에서)?\s?(?:스타일|양식|요리|국기|문화|전통|특유|같은|처럼|비슷|흔히|자주|영향|수도)|[과와]\s?(?:비슷|유사)|[를을]\s?연상"
    r"|\s(?:(?:के|की|का|से)\s)?(?:जैस|समान|शैली|याद|झंड|ध्वज|भाषा|व्यंजन|मिलत|संस्कृति|प्रसिद्ध)"
)
_CLAUSE = re.compile(r"[;,,，、،。]|但是?|不过|然而|而是|しかし|が、|하지만|지만|لكن|بل|लेकिन|परंतु|किंतु|बल्कि|।")


def phrases(text: str) -> Iterator[Phrase]:
    """The places that a sentence names, in its order.

    >>> [(p.names.country, p.names.city, p.names.venue) for p in phrases("这张照片拍摄于日本京都的清水寺。")]
    [('日本', '京都', '清水寺')]
    """
    for start, end, parts in chains(text):
        if names := arranged(parts):
            yield Phrase(start, end, names)


_WORDS = re.compile(r"[a-zß-öø-ÿ]+(?:['’-][a-zß-öø-ÿ]+)*")
_LONGEST_NAME = 4


def capitalised(text: str) -> str:
    """A text that has no capital letter with one for each word of a large town, a region, a country or a landmark.

    >>> capitalised("it is in london england, near the shore")
    'it is in London England, near the shore'
    """
    words = list(_WORDS.finditer(text))
    result, at, i = "", 0, 0
    while i < len(words):
        for more in range(min(_LONGEST_NAME, len(words) - i), 0, -1):
            start, end = words[i].start(), words[i + more - 1].end()
            bare = text[start:end].title()
            known = (is_prominent(bare) and not is_venue(bare)) or (more > 1 and is_point(bare))
            if known and not is_ordinary(bare) and words[i][0] not in UNNAMED - BEGINNINGS:
                result, at = f"{result}{text[at:start]}{bare}", end
                i += more - 1
                break
        i += 1
    return result + text[at:]


def weight(text: str, heading: str, phrase: Phrase, *, alone: bool) -> int:
    """How much the words around a phrase make it an answer; `heading` stands above it, `alone` as of a sentence."""
    before, after = text[: phrase.start], text[phrase.end :]
    if _DENIED_BEFORE.search(before) or _DENIED_AFTER.match(after):
        return 0
    if _COMPARED_BEFORE.search(before) or _COMPARED_AFTER.match(after):
        return MENTIONED
    cut = max((match.end() for match in _CLAUSE.finditer(before)), default=0)
    stop = _CLAUSE.search(after)
    clause = before[cut:] + after[: stop.start() if stop else len(after)]
    return weight_of(
        example=bool(_EXAMPLE.search(clause)),
        final=bool(_FINAL.search(f"{heading} {before} {clause}")),
        stated=any((_STATED.search(f"{heading} {text}"), _COPULA_BEFORE.search(before), _COPULA_AFTER.match(after))),
        hedged=bool(_HEDGED.search(clause)),
        fragment=alone and len(before) + len(after) <= _FRAGMENT,
    )
