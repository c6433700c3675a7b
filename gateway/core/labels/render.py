"""How a nation prints a label. Print is for people: nothing reads it back and nothing is decided on it.

banner("USA.1 S//REL GBR,UKR")     SECRET//REL TO USA, GBR, UKR
portion("USA.1 S//REL GBR,UKR")    (S//REL TO USA, GBR, UKR)
portion("UKR.1 DSK//REL USA")      ДСК//REL USA
"""

from __future__ import annotations

from gateway.core.labels.label import Label


def banner(label: Label) -> str:
    """The full form: level spelled out, then every tag."""
    return _print(label, label.defined_by.level_names[label.level].name)


def portion(label: Label) -> str:
    """The short form, in brackets where the nation writes them."""
    vocabulary = label.defined_by
    text = _print(label, vocabulary.level_names[label.level].short)
    return f"({text})" if vocabulary.brackets else text


def _print(label: Label, level: str) -> str:
    vocabulary = label.defined_by
    parts = [f"{vocabulary.prefix}{level}"]
    for code, tag in vocabulary.tags.items():
        values = label.tags.get(code, ())
        if values:
            owner = vocabulary.owner_printed if code == vocabulary.releasability else ()
            parts.append(f"{tag.printed} {', '.join((*owner, *values))}")
        elif tag.absent_printed:
            parts.append(tag.absent_printed)
    return "//".join(parts)
