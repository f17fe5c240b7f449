"""Words in file names that change what a time means: time zones, halves of the day, and what was done to a copy.

Words are casefolded, without full stops. Sources: the IANA time zone database, and the day periods of Unicode CLDR for
languages that recorders and phones are sold in.
"""

import re
import zoneinfo
from functools import cache
from typing import Final

__all__ = [
    "COPIED",
    "HALF_PARTS",
    "HALF_WORDS",
    "MONTH",
    "SHORT_HALVES",
    "SPACED_HALVES",
    "TIME_OF_PLACE",
    "UPPERCASE_ZONES",
    "ZONE_PARTS",
    "ZONE_PHRASE",
    "ZONE_WORDS",
    "find_zone_name",
]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ZONE_WORDS: Final = _words(
    "acdt acst acwst adt aedt aest aft akdt akst almt amst anat aqtt arst awst azost azot azt bdt bnt brst bst btt cct "
    "cdt cest cet chadt chast chot chst chut cidst ckt clst clt cst cvt cwst cxt davt ddut dft easst ect edt eest eet "
    "egst egt est fjt fkst fkt fnt galt gamt gft gilt gyt hadt hast hdt hkt hmt hovt hst ict idt irdt irkt irst jst "
    "kalt kdt kgt kost krat kst lhdt lhst magt mawt mdt mesz mest mez mht mmt msd msk mst mut mvt myt nct ndt nfst nft "
    "npt nst nzdt nzst omst orat pdt pett pgt phot pht phst pkst pkt pmdt pmst pst pwt pyst pyt rott sakt samt sast "
    "sbt sgt slst sret srt syot taht tft tjt tkt tlt tmt trt tvt uct ulat uyst uyt uzt vlat vut wakt wast wedt wemt "
    "wfst wft wgst wgt wib yakt yekt hae hac hap har hna hnc hne hnp hnr oez oesz wez wesz мск "
    "dst zulu tz timezone zeitzone sommerzeit winterzeit normalzeit ortszeit localtime sommertid zomertijd wintertijd "
    "eastern pacific"
)
"""Zones, and words about zones, that are hardly anything else."""

UPPERCASE_ZONES: Final = _words(
    "ACT AMT ART AST BOT BRT CAST CAT CIST COST COT CT EAST EAT ET FET GET GST IST LINT MART MET MIST MIT MT NUT PET "
    "PONT PT RET SCT SDT SST TOST TOT VET VOLT VOST WAT WEST WET WIT WITA"
)
"""Zones that are ordinary words too; they count in capitals, behind a time."""

ZONE_PARTS: Final = ("北京时间", "北京時間", "日本時間", "한국시간", "当地时间", "當地時間", "現地時間", "московск")
"""Zones in scripts that put no space between words, and stems."""

ZONE_PHRASE: Final = re.compile(
    r"(?:standard|daylight|summer|winter|local|eastern|central|mountain|pacific|atlantic|universal|european)[\W_]*time"
    r"|time[\W_]*zone|daylight[\W_]*sav|heure[\W_]*(?:d.?(?:été|hiver)|locale)|hora[\W_]*(?:local|de)",
    re.IGNORECASE,
)

TIME_OF_PLACE: Final = re.compile(
    r"[^\W\d_]+zeit(?![^\W\d_])|(?<![^\W\d_])(?:time|zeit)(?![^\W\d_])(?![\W_]*lapse)", re.IGNORECASE
)
"""Word behind the name of a place whose time it is, as in Berlin time."""

HALF_WORDS: Final = _words(
    "pm meridiem postmeridiem "
    "nachm nachmittag nachmittags vorm vormittag vormittags morgens mittags abends abend nachts früh frueh morning "
    "afternoon evening night noon midday midnight matin soir midi minuit nuit mañana tarde noche madrugada mediodía "
    "manhã manha noite mattina mattino pomeriggio sera notte ochtend ochtends middag middags avond avonds nacht "
    "voormiddag namiddag eftermiddag förmiddag formiddag ettermiddag kväll kveld aften morgen aamu aamulla aamupäivä "
    "ilta illalla iltapäivä iltap aamup rano ráno wieczorem wieczór popołudniu południu odpoledne dopoledne večer "
    "popoludní dopoludnia popoldne dopoldne popodne prijepodne délután délelőtt reggel este öğleden sabah akşam "
    "sáng chiều tối pagi siang sore petang malam asubuhi mchana jioni dimineața seara paradite pasdite "
    "hommikul pärastlõunal õhtul vakarā popiet priešpiet утра утро дня вечера вечер ночи ранку вечора ночі сутринта "
    "следобед πμ μμ πρωί απόγευμα βράδυ"
)

SHORT_HALVES: Final = _words("am vm nm fm em öö ös odp dop ptg дп пп")
"""Halves of the day that count only directly behind a time."""

SPACED_HALVES: Final = _words("a p ip ap du")
"""Halves of the day that count only directly behind a time, at most a space apart: recorders write _P."""

HALF_PARTS: Final = (
    *(
        "上午",
        "下午",
        "上昼",
        "下昼",
        "上晝",
        "下晝",
        "午前",
        "午後",
        "午后",
        "中午",
        "凌晨",
        "早上",
        "晚上",
        "清晨",
        "傍晚",
        "正午",
    ),
    *("夕方", "深夜", "夜中", "오전", "오후", "아침", "저녁", "새벽", "ก่อนเที่ยง", "หลังเที่ยง", "पूर्वाह्न", "अपराह्न"),
    *("صباح", "مساء", "ظهر", "صبح", "شام", "בבוקר", "בערב", "אחר הצהריים", "אחה", "երեկո", "დილ", "საღამ"),
)
"""Halves of the day in scripts that put no space between words, and stems."""

COPIED: Final = re.compile(
    r"(?<![^\W\d_])(copied|kopiert|exported|exportiert|export|saved|gespeichert|modified|geändert|edited|bearbeitet|"
    r"created|erstellt|downloaded|heruntergeladen|uploaded|hochgeladen|converted|konvertiert|copié|exporté|enregistré|"
    r"copiado|exportado|guardado|copiato|esportato|received|empfangen|sent|gesendet|archived|archiviert|restored)"
    r"[\W_]*(?:(?:on|at|am|um|vom|le|el|il)[\W_]+)?$",
    re.IGNORECASE,
)
"""What was done to footage at the time behind it."""

MONTH: Final = (
    r"(?:jan|feb|fév|fev|mar|mär|mrz|apr|avr|abr|may|mai(?!n)|maj|mei|mag|jun|jui|jul|giu|lug|aug|aoû|aou|ago|sep|set|"
    r"oct|okt|out|ott|nov|dec|dez|déc|dic|gen|ene)[^\W\d_]{0,8}"
)
"""Pattern of the name of a month."""


def find_zone_name(text: str) -> str:
    """Return the zone of the IANA database that a text names, with any separators; empty if it names none.

    >>> find_zone_name("gate [Europe-Berlin]"), find_zone_name("gate berlin")
    ('Europe/Berlin', '')
    """
    spelled = f"-{_spell(text)}-"
    return next((name for spelling, name in _zone_names() if spelling in spelled), "")


@cache
def _zone_names() -> tuple[tuple[str, str], ...]:
    return tuple((f"-{_spell(name)}-", name) for name in sorted(zoneinfo.available_timezones()) if "/" in name)


def _spell(text: str) -> str:
    return re.sub(r"[^a-z]+", "-", text.casefold())
