"""Classifying by words alone, where no local model is at hand: careful, and closed in doubt.

Two kinds of text are let down to level 1: pages that are plainly technical and speak of nobody, and short
lines of an everyday activity at a time. Anything with a word of private life in it, and everything else,
goes to the fallback; the detectors' floor applies as always.
"""

import re

from vault.classification import Classification

_READ = 64 * 1024
_CODE = re.compile(r"```[^`]{0,20000}```|`[^`\n]{1,200}`")
_TECHNICAL = re.compile(
    r"^(?:```|    \S|\$ |> |#{1,6} |[-*] .{0,60}:$)|`[^`\n]{2,80}`|https?://|"
    r"\b(?:def|class|import|return|function|const|select|from|sudo|git|docker|pip|npm|curl|apt|install|"
    r"command|config|"
    r"file|directory|server|database|query|version|python|javascript|linux|api|html|css|json|yaml)\b",
    re.IGNORECASE | re.MULTILINE,
)
_PERSONAL = re.compile(
    r"\b(?:i|i'm|i've|i'll|me|my|mine|we|our|us|he|she|him|her|his|ich|mir|mich|mein\w*|wir|uns\w*|er|"
    r"sie|ihr\w*|sein\w*|je|j'\w+|moi|"
    r"mon|ma|mes|nous|notre|il|elle|yo|mi|mis|nosotros|él|ella|io|mio|mia|noi|lui|lei|eu|meu|minha|nós|"
    r"ele|ela|ik|mijn|wij|ons|hij|zij)\b",
    re.IGNORECASE,
)
_PRIVATE = re.compile(
    r"therap|psych|depress|anxi|panic|diagnos|doctor|clinic|hospital|surgery|medic|tablet|pill|dose|"
    r"\bmg\b|pregnan|miscarr|ivf|cancer|hiv|"
    r"blood|test result|salary|raise|debt|loan|mortgage|\btax|owe|owed|bonus|bankrupt|divorc|affair|"
    r"broke up|cheat|argu|fight|fought|row with|"
    r"boyfriend|girlfriend|lover|dating|sex|gay|lesbian|trans\b|church|mosque|faith|pray|vote|voted|"
    r"party member|review|fired|lawyer|court|"
    r"lawsuit|custody|police|confess|secret|private|confiden|nobody|don't tell|do not tell|address|"
    r"phone|password|passphrase|pin\b|code|"
    r"token|seed|recovery|arzt|ärzt|krank|gehalt|schulden|steuer|scheid|streit|anwalt|gericht|geheim|"
    r"vertraulich|diagnose|tablette|"
    r"médecin|malad|salaire|dette|impôt|dispute|avocat|tribunal|médic|sueldo|deuda|médico|enferm|"
    r"abogado|juicio|stipendio|debito|"
    r"medico|malatt|avvocato|salário|dívida|doen|advogad|dokter|ziek|schuld|salaris|advocaat|alcohol|"
    r"drunk|drinking|aa meeting|sober",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"\b(?:\d{1,2}[:.h]\d{2}|\d{1,2}\s?(?:am|pm|uhr|h)\b|at \d{1,2}\b|noon|midnight|today|tonight|"
    r"tomorrow|yesterday|this (?:morning|afternoon|evening)|"
    r"last (?:night|week)|(?:mon|tues|wednes|thurs|fri|satur|sun)day|heute|gestern|morgen|abend|montag|"
    r"dienstag|mittwoch|donnerstag|freitag|"
    r"samstag|sonntag|aujourd'hui|hier|demain|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|hoy|"
    r"ayer|mañana|lunes|martes|miércoles|"
    r"jueves|viernes|sábado|domingo|oggi|ieri|domani|lunedì|martedì|mercoledì|giovedì|venerdì|sabato|"
    r"domenica|hoje|ontem|amanhã|vandaag|"
    r"gisteren|maandag|dinsdag|woensdag|donderdag|vrijdag|zaterdag|zondag)\b",
    re.IGNORECASE,
)
_EVERYDAY = re.compile(
    r"\b(?:ran|run|jog|walk|walked|swim|swam|hike|hiked|cycled|bike|gym|yoga|coffee|lunch|dinner|"
    r"breakfast|brunch|train|flight|plane|bus|ferry|"
    r"bought|shopping|groceries|cooked|baked|watered|planted|cleaned|repaired|film|movie|concert|museum|"
    r"library|haircut|deployed|released|"
    r"merged|stand-?up|meeting|call with|kaffee|gelaufen|einkauf\w*|gekocht|zug|flug|kino|konzert|café|"
    r"déjeuner|dîner|couru|courses|cinéma|"
    r"comida|cena|corr\w+|compra|tren|vuelo|cine|pranzo|treno|volo|corso|spesa|almoço|jantar|corri|"
    r"comboio|voo|koffie|gelopen|trein|film)\b",
    re.IGNORECASE,
)


def by_words(text: str) -> tuple[Classification, str] | None:
    """The class that plain words allow and why, or None where the text must stay at the fallback."""
    read = text[:_READ]
    prose = _CODE.sub(" ", read)
    if _PRIVATE.search(read) and not _is_page(read):
        return None
    if _TECHNICAL.search(read) and not _PERSONAL.search(prose) and not _TIME.search(prose):
        return Classification.GENERAL, "rules: technical words, and nobody spoken of"
    if _is_page(read):
        return Classification.GENERAL, "rules: a technical page"
    if len(read) <= 160 and _TIME.search(read) and _EVERYDAY.search(read):  # noqa: PLR2004 (a line)
        return Classification.CHRONOLOGICAL, "rules: an everyday activity at a time"
    return None


def _is_page(text: str) -> bool:
    """Longer text full of code marks and technical words, hardly in the first person."""
    words = len(text.split())
    marks = sum(1 for _ in _TECHNICAL.finditer(text))
    persons = sum(1 for _ in _PERSONAL.finditer(_CODE.sub(" ", text)))
    return words >= 25 and marks * 12 >= words and persons * 25 <= words  # noqa: PLR2004 (one in 12, one in 25)
