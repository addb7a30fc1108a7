/* SPDX-License-Identifier: MIT */
#include "daemon/printable.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool is_control(unsigned char c)
{
    return c < 0x20 || c == 0x7f;
}

/* The length of the control character that text begins with; 0: none. A byte
   from 0x80 to 0x9f is one unless it goes on a character of UTF-8. */
static size_t control(const unsigned char *text, unsigned char before)
{
    if (is_control(text[0]))
        return 1;
    if (text[0] == 0xc2 && text[1] >= 0x80 && text[1] < 0xa0)
        return 2;
    return text[0] >= 0x80 && text[0] < 0xa0 && before < 0x80 ? 1 : 0;
}

void printable(const char *text, char *ret_text, size_t size)
{
    const unsigned char *c = (const unsigned char *)text;
    unsigned char before = 0;
    size_t length = 0;

    while (*c != '\0' && length + 1 < size) {
        size_t escaped = control(c, before);

        before = escaped == 0 ? *c : 0;
        if (escaped == 0)
            ret_text[length++] = (char)*c++;
        for (; escaped > 0 && length + 5 <= size; escaped--)
            length += (size_t)snprintf(ret_text + length, size - length,
                                       "\\x%02x", *c++);
        if (escaped > 0)
            break;
    }
    ret_text[length] = '\0';
}
