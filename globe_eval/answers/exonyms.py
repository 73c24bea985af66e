"""Names that the gazetteer lacks, in scripts without capitals or as initials, and those under which it has them."""

from __future__ import annotations

_NAMES = """
    교토 Kyoto|오사카 Osaka|후쿠오카 Fukuoka|삿포로 Sapporo|히로시마 Hiroshima|요코하마 Yokohama|나고야 Nagoya|고베 Kobe
    가나자와 Kanazawa|나가사키 Nagasaki|하코네 Hakone|닛코 Nikko|가마쿠라 Kamakura|오키나와 Okinawa
    센다이 Sendai|나라시 Nara
    구마모토 Kumamoto|가고시마 Kagoshima|하코다테 Hakodate|오타루 Otaru|다카야마 Takayama|홋카이도 Hokkaido
    시안 Xi'an|선전 Shenzhen|청두 Chengdu|쑤저우 Suzhou|칭다오 Qingdao|충칭 Chongqing|난징 Nanjing|우한 Wuhan
    다롄 Dalian
    하얼빈 Harbin|샤먼 Xiamen|쿤밍 Kunming|구이린 Guilin|라싸 Lhasa|가오슝 Kaohsiung|타이난 Tainan|타이중 Taichung
    페트라 Petra|페스 Fes|마라케시 Marrakesh|잔지바르 Zanzibar|브뤼헤 Bruges|두브로브니크 Dubrovnik|키이우 Kyiv
    발리 Bali
    족자카르타 Yogyakarta|통영 Tongyeong|포르투 Porto|경주 Gyeongju|터키 Turkey|남아프리카공화국 South Africa
    호주 Australia
    남아공 South Africa|스코틀랜드 Scotland|잉글랜드 England|웨일스 Wales|하와이 Hawaii|캘리포니아 California
    ジュネーブ Geneva|ブルージュ Bruges|キエフ Kyiv|ケベック Quebec|ジョグジャカルタ Yogyakarta|セブ Cebu
    チェンマイ Chiang Mai
    プーケット Phuket|ジャイプール Jaipur|ベネチア Venice|済州 Jeju|米国 USA|スコットランド Scotland
    イングランド England
    ハワイ Hawaii|カリフォルニア California|バリ島 Bali
    杜布罗夫尼克 Dubrovnik|卑尔根 Bergen|基辅 Kyiv|渥太华 Ottawa|宿务 Cebu|会安 Hoi An|加德满都 Kathmandu|斋浦尔 Jaipur
    丽江 Lijiang|花莲 Hualien|镰仓 Kamakura|金泽 Kanazawa|仁川 Incheon|开普敦 Cape Town|波尔图 Porto|西雅图 Seattle
    库斯科 Cusco|河内 Hanoi|苏格兰 Scotland|英格兰 England|威尔士 Wales|夏威夷 Hawaii|巴厘岛 Bali|加州 California
    بريطانيا UK|المجر Hungary|الدنمارك Denmark|أمريكا USA|السعودية Saudi Arabia|بيرغن Bergen|كوسكو Cusco
    L.A Los Angeles|L.A. Los Angeles|اسكتلندا Scotland|هاواي Hawaii|كاليفورنيا California
"""
EXONYMS = dict(name.strip().split(" ", 1) for line in _NAMES.strip().split("\n") for name in line.split("|"))
"""Each is also read where it stands as a label's value or in a sentence."""
