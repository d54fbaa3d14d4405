#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes resample_expected.h: what Pillow's bilinear resize makes of small noise images.

Usage: make_resample_expected.py > resample_expected.h   (needs Pillow)
"""
from PIL import Image

# channels, width, height, new width, new height
CASES = [
    (3, 13, 9, 6, 4),
    (3, 13, 9, 17, 11),
    (1, 5, 7, 5, 3),
    (1, 16, 16, 8, 8),
    (1, 40, 3, 6, 7),
    (3, 1, 1, 3, 2),
]


def noise(count):
    """The bytes that test_preprocess.c makes too."""
    state, out = 1, bytearray()
    for _ in range(count):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        out.append(state >> 24)
    return bytes(out)


def main():
    print("/* SPDX-License-Identifier: Apache-2.0\n *")
    print(" * What Pillow's bilinear resize makes of noise; written by make_resample_expected.py.\n */")
    names = []
    for number, (channels, width, height, new_width, new_height) in enumerate(CASES):
        mode = "RGB" if channels == 3 else "L"
        image = Image.frombytes(mode, (width, height), noise(width * height * channels))
        data = image.resize((new_width, new_height), Image.BILINEAR).tobytes()
        print(f"static const uint8_t resample_{number}[] = {{")
        for start in range(0, len(data), 20):
            print("    " + " ".join(f"{byte}," for byte in data[start:start + 20]))
        print("};")
        names.append(f"    {{{channels}, {width}, {height}, {new_width}, {new_height}, "
                     f"resample_{number}}},")
    print("static const struct {\n    int channels, width, height, new_width, new_height;")
    print("    const uint8_t *expected;\n} resample_cases[] = {")
    print("\n".join(names) + "\n};")


main()
