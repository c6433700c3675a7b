"""Classification markings written inside a text: found by their words, compared with the portion's own label.

A heuristic, and only that: it finds what an author wrote by habit or copied along, not what one hides. It reads capital
letters, brackets and lines of their own as a marking, sees through Cyrillic letters that look Latin and the other way
round, and would rather refuse a sentence than let a marking pass. A marking of another policy than the label's is
refused whatever its grade, because no row says how they compare. The lowest grades mark nothing.
Source: architecture section 3; the vocabularies UKR, USA, NATO, GBR and DEU.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from google.protobuf.message import Message

from gateway.core.errors import Refused
from gateway.core.kinds.registry import portion_texts
from gateway.core.labels.label import Label

# Capital letters of both alphabets that print alike fold to the Latin one.
_ALIKE = tuple(zip("АВЕЅІЈКМНОРСТУХ", "ABESIJKMHOPCTYX", strict=True))
_WORDS = re.compile(r"\w+")
_BRACKETS = re.compile(r"[(\[]([^()\[\]]{1,64})[)\]]")
_ALONE = 64


@dataclass(frozen=True, slots=True)
class Marking:
    """What some words mark.

    levels: (policy, level) for each policy that writes them so; "" for a level means the words say none.
    needs: (tag, value) the label must carry; an empty value means it must not carry the tag.
    """

    words: str
    levels: tuple[tuple[str, str], ...]
    needs: tuple[str, str] | None = None

    def is_covered_by(self, label: Label) -> bool:
        """Whether a text so marked may stand in a portion with `label`."""
        level = dict(self.levels).get(label.policy)
        vocabulary = label.defined_by
        if level is None or (level and not 0 <= vocabulary.rank(level) <= label.rank):
            return False
        if self.needs is None:
            return True
        tag, value = self.needs
        return value in label.tags.get(tag, ()) if value else tag not in label.tags


@dataclass(frozen=True, slots=True)
class _Words:
    """How a marking is found: by `pattern` in the text as written, and `anywhere` also in the text put in capitals.

    key: the words as they stand alone on a line or in brackets, in any case; empty if that says nothing.
    """

    pattern: re.Pattern[str]
    anywhere: bool
    key: str


def _folded(text: str) -> str:
    for cyrillic, latin in _ALIKE:
        text = text.replace(cyrillic, latin)
    return text


def _words(words: str, *, anywhere: bool) -> _Words:
    """The words in capitals, or alone in any case; `anywhere`: in any case and in any place."""
    first, *others = _folded(words.upper()).split()
    # The literal stands first, so that the search jumps to it instead of trying every character.
    pattern = rf"{first}(?<!\w{first})" + "".join(rf"[\W_]+{word}" for word in others) + r"(?!\w)"
    return _Words(re.compile(pattern), anywhere, " ".join((first, *others)))


def _phrase(words: str) -> _Words:
    return _words(words, anywhere=True)


def _capitals(words: str) -> _Words:
    return _words(words, anywhere=False)


def _brackets(short: str) -> _Words:
    """A portion mark such as `(S//REL TO USA, GBR)` or `(TS)`; one letter alone in brackets is a list, no mark."""
    end = r"\s?(?=//)" if len(short) == 1 else r"\s?(?=//|\))"
    return _Words(re.compile(rf"\((?://)?\s?{short}{end}"), False, "")


_TOP_SECRET = (("USA", "TS"), ("GBR", "TS"))
_SECRET = (("USA", "S"), ("GBR", "S"))
# Longer words stand first: what one row has found, a later one does not find again inside it.
_KNOWN: tuple[tuple[_Words, Marking], ...] = (
    (_phrase("для службового користування"), Marking("ДСК", (("UKR", "DSK"),))),
    (_phrase("цілком таємно"), Marking("Цілком таємно", (("UKR", "TST"),))),
    (_capitals("особливої важливості"), Marking("Особливої важливості", (("UKR", "OV"),))),
    (_capitals("таємно"), Marking("Таємно", (("UKR", "T"),))),
    (_capitals("дск"), Marking("ДСК", (("UKR", "DSK"),))),
    (_phrase("cosmic top secret"), Marking("COSMIC TOP SECRET", (("NATO", "CTS"),))),
    (_phrase("nato secret"), Marking("NATO SECRET", (("NATO", "NS"),))),
    (_phrase("nato confidential"), Marking("NATO CONFIDENTIAL", (("NATO", "NC"),))),
    (_phrase("nato restricted"), Marking("NATO RESTRICTED", (("NATO", "NR"),))),
    (_brackets("CTS"), Marking("COSMIC TOP SECRET", (("NATO", "CTS"),))),
    (_brackets("NS"), Marking("NATO SECRET", (("NATO", "NS"),))),
    (_brackets("NC"), Marking("NATO CONFIDENTIAL", (("NATO", "NC"),))),
    (_brackets("NR"), Marking("NATO RESTRICTED", (("NATO", "NR"),))),
    (_capitals("atomal"), Marking("ATOMAL", (("NATO", ""),), ("SPECIAL", "ATOMAL"))),
    (_capitals("bohemia"), Marking("BOHEMIA", (("NATO", ""),), ("SPECIAL", "BOHEMIA"))),
    (_phrase("restreint ue"), Marking("RESTREINT UE", ())),
    (_phrase("eu restricted"), Marking("RESTREINT UE", ())),
    (_phrase("secret ue"), Marking("SECRET UE", ())),
    (_phrase("eu secret"), Marking("SECRET UE", ())),
    (_phrase("top secret"), Marking("TOP SECRET", _TOP_SECRET)),
    (_brackets("TS"), Marking("TOP SECRET", _TOP_SECRET)),
    (_capitals("secret"), Marking("SECRET", _SECRET)),
    (_brackets("S"), Marking("SECRET", _SECRET)),
    (_capitals("confidential"), Marking("CONFIDENTIAL", (("USA", "C"),))),
    (_brackets("C"), Marking("CONFIDENTIAL", (("USA", "C"),))),
    (_capitals("noforn"), Marking("NOFORN", (("USA", ""),), ("REL", ""))),
    (_Words(re.compile(r"/\s?NF(?!\w)"), False, ""), Marking("NOFORN", (("USA", ""),), ("REL", ""))),
    (_capitals("orcon"), Marking("ORCON", (("USA", ""),), ("DISSEM", "ORCON"))),
    (_capitals("propin"), Marking("PROPIN", (("USA", ""),), ("DISSEM", "PROPIN"))),
    (_capitals("imcon"), Marking("IMCON", (("USA", ""),), ("DISSEM", "IMCON"))),
    (_phrase("official sensitive"), Marking("OFFICIAL-SENSITIVE", (("GBR", "O"),), ("CAVEAT", "SENSITIVE"))),
    (_phrase("vs nfd"), Marking("VS-NfD", (("DEU", "VS-NFD"),))),
    (_phrase("nur für den dienstgebrauch"), Marking("VS-NfD", (("DEU", "VS-NFD"),))),
    (_phrase("vs vertraulich"), Marking("VS-VERTRAULICH", (("DEU", "VS-V"),))),
    (_phrase("streng geheim"), Marking("STRENG GEHEIM", (("DEU", "STRENG-GEHEIM"),))),
    (_capitals("geheim"), Marking("GEHEIM", (("DEU", "GEHEIM"),))),
)


def markings_in(text: str) -> tuple[Marking, ...]:
    """Every marking whose words stand in `text`, each once, in the order of the table; linear in its length."""
    written, capitals = _folded(text), _folded(text.upper())
    pieces = (piece for piece in (*capitals.split("\n"), *_BRACKETS.findall(capitals)) if len(piece) <= _ALONE)
    alone = {" ".join(_WORDS.findall(piece)) for piece in pieces}
    found: list[Marking] = []
    for words, marking in _KNOWN:
        written, count = words.pattern.subn(" ", written)
        if words.anywhere:
            capitals, in_any_case = words.pattern.subn(" ", capitals)
            count += in_any_case
        if (count or (words.key and words.key in alone)) and marking not in found:
            found.append(marking)
    return tuple(found)


def check_markings(schema: int, slot: int, message: Message, label: Label) -> None:
    """Refuses `marking-in-text` if a text of the portion is marked higher than, or otherwise than, its label."""
    for at, text in portion_texts(schema, slot, message):
        if not all(marking.is_covered_by(label) for marking in markings_in(text)):
            raise Refused("marking-in-text", "a text carries a marking that the portion's label does not cover", at=at)
