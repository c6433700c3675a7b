"""Words to compare by voice: four of 256, drawn from a digest through a slow function.

Operator and party read them to each other over a line they know each other by, so that a bundle or profile exchanged
on the way is noticed. Four words are 32 bits: an attacker who wants the same words must try four thousand million
bundles, and scrypt makes each try cost a tenth of a second and 32 MiB. No two words share their first four letters.
Source: SPEC.md section 2.
"""

from __future__ import annotations

import hashlib

WORD_COUNT = 4
_SALT = b"SLUICE1/words\x00\x01"
_COST, _BLOCK = 1 << 15, 8
_LIST = """
acid acorn acrobat agent alarm algebra amber anchor angle antler apple apricot aquarium arrow atlas attic autumn
axiom bacon badge bakery balcony banana banjo barley basket beach beaver beetle bell bicycle birch bishop
blanket blossom bonfire bottle boulder bracket brass bread bridge broom bucket buffalo butter cabin cactus camel
candle canyon captain carbon castle cedar cement chalk cherry chimney cinema circle citrus clover cobalt coffee
comet compass copper coral cotton cradle crystal curtain cymbal daisy dancer decimal delta desert diamond
dinosaur doctor dolphin donkey dragon drawer drummer eagle easel echo eclipse elbow elephant embassy emerald
engine envelope fabric falcon farmer feather fiddle fisher flame flute forest fossil fountain fox frost funnel
galaxy garden garlic gazelle giraffe glacier glove goblet granite guitar hammer harbor hazel hedgehog helmet
hockey horizon hotel hunter iceberg igloo indigo ink insect iris island ivory jacket jaguar jasmine jelly jewel
jigsaw jungle kayak kennel kettle kitchen kiwi koala ladder lagoon lantern laurel lemon leopard library lily
lobster lotus lumber magnet mango maple marble meadow mercury mirror monsoon mosaic mustard napkin nectar needle
nine nutmeg oak oasis ocean olive onion opera orbit orchid otter owl oyster paddle palace panda parrot pebble
pencil pepper piano pigeon planet pocket poplar prism pumpkin puzzle quartz quill rabbit radio rainbow ribbon
river rooster rubber saffron salad salmon sandal satin scarlet seven shadow silver spanner spider sponge statue
sugar summit sunset swallow table talcum teapot temple thunder tiger timber tomato tractor trumpet tulip turbine
turtle umbrella unicorn vacuum valley velvet village violin voyage walnut whistle willow winter yellow zebra
"""
_WORDS = tuple(_LIST.split())


def spoken_words(digest_to_name: bytes) -> tuple[str, ...]:
    """The four words of a digest. scrypt, N = 2**15, r = 8, p = 1 (RFC 7914): about a tenth of a second."""
    drawn = hashlib.scrypt(
        digest_to_name, salt=_SALT, n=_COST, r=_BLOCK, p=1, maxmem=256 * _COST * _BLOCK, dklen=WORD_COUNT
    )
    return tuple(_WORDS[number] for number in drawn)
