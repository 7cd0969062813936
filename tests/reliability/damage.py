"""Bytes as a bad disk, a broken transfer or somebody malicious leaves them."""

import struct

# Ends of ranges, and what begins an element of a MAT file or an operation of a pickle.
BYTES = (0, 1, 2, 9, 14, 15, 0x28, 0x51, 0x52, 0x7F, 0x80, 0xFF)
WORDS = (0, 1, 2, 9, 14, 15, 2**31 - 1, 2**31, 2**32 - 1)
LONG_WORDS = (0, 1, 2**31, 2**40, 2**63 - 1, 2**64 - 1)


def damaged(content, chance, head=None):
    """Flip, replace, insert, delete or repeat some bytes, or cut the rest off.

    Args:
        content: A whole file.
        chance: A `random.Random`.
        head: How many bytes at its beginning describe the others; half of the damages
            are there. Defaults to `None`: anywhere.
    """
    content = bytearray(content)
    for _ in range(chance.choice([1, 1, 2, 5])):
        reach = len(content)
        if head is not None and chance.random() < 0.5:
            reach = min(reach, head)
        if not reach:
            break
        at = chance.randrange(reach)
        few = chance.choice([1, 4, 8, 64])
        how = chance.choice(
            ["flip", "flip", "replace", "word", "long", "insert", "delete", "repeat"]
        )
        if chance.random() < 0.05:
            how = "cut"
        if how == "flip":
            content[at] ^= 1 << chance.randrange(8)
        elif how == "replace":
            content[at] = chance.choice([*BYTES, chance.randrange(256)])
        elif how == "word":
            word = chance.choice([*WORDS, chance.randrange(2**32)])
            content[at & ~3 : (at & ~3) + 4] = struct.pack("<I", word)
        elif how == "long":
            word = chance.choice(LONG_WORDS)
            content[at & ~7 : (at & ~7) + 8] = struct.pack("<Q", word)
        elif how == "insert":
            content[at:at] = chance.randbytes(few)
        elif how == "delete":
            del content[at : at + few]
        elif how == "repeat":
            content[at:at] = content[at : at + 40]
        else:
            del content[at:]
    return bytes(content)
