"""Characters of standards, by Python's codecs: prints them as one JSON string.

  python characters.py gb2312      the 6,763 hanzi of levels 1 and 2
  python characters.py gb18030     the double-byte characters without the private-use ones
"""

import json
import sys
import unicodedata


def decoded(codec, firsts, seconds):
    for first in firsts:
        for second in seconds:
            try:
                yield bytes([first, second]).decode(codec)
            except UnicodeDecodeError:
                pass


match sys.argv[1:]:
    case ["gb2312"]:
        found = decoded("gb2312", range(0xB0, 0xF8), range(0xA1, 0xFF))
    case ["gb18030"]:
        found = decoded("gb18030", range(0x81, 0xFF), [*range(0x40, 0x7F), *range(0x80, 0xFF)])
    case _:
        sys.exit(__doc__)
json.dump("".join(c for c in found if len(c) == 1 and unicodedata.category(c) != "Co"), sys.stdout)
