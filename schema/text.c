/* SPDX-License-Identifier: Apache-2.0
 *
 * Well-formed text, a character at a time.
 */
#include "text.h"

size_t rnm_text_length(const uint8_t *text, size_t room) {
    static const struct {
        uint8_t first_least, first_most, second_least, second_most, length;
    } forms[] = {
        {0x20, 0x7e, 0x80, 0xbf, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t f = 0; f < sizeof forms / sizeof *forms; f++) {
        if (text[0] < forms[f].first_least || text[0] > forms[f].first_most) {
            continue;
        }
        size_t length = forms[f].length;
        if (length > room ||
            (length > 1 && (text[1] < forms[f].second_least || text[1] > forms[f].second_most))) {
            return 0;
        }
        for (size_t k = 2; k < length; k++) {
            if (text[k] < 0x80 || text[k] > 0xbf) {
                return 0;
            }
        }
        return length;
    }
    return 0;
}
