/* SPDX-License-Identifier: Apache-2.0
 *
 * What the format takes for text: UTF-8 without control characters.
 */
#ifndef RNM_TEXT_H
#define RNM_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of the well-formed UTF-8 character at text, of at most `room` bytes; 0 where there is none,
 * or a control character. Overlong forms, surrogates and what lies above U+10FFFF are not
 * well-formed. */
size_t rnm_text_length(const uint8_t *text, size_t room);

#endif
