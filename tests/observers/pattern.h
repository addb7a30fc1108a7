/* SPDX-License-Identifier: MIT */
/*
 * pattern - a log whose every byte is known from its place.
 *
 * Record n is a line of a length that is a function of n, so that bytes and
 * positions of the stream and of every segment's files follow from numbers
 * alone. It shares no line with the log library.
 */
#ifndef OBSERVERS_PATTERN_H
#define OBSERVERS_PATTERN_H

#include <stddef.h>
#include <stdint.h>

/* The longest record, in bytes. */
#define PATTERN_RECORD 6000

/* The digits of its own number that each record begins with. */
#define PATTERN_DIGITS 12

/* To be called first, once. */
void pattern_init(void);

/* The length of record n, in bytes, in [14, PATTERN_RECORD]. */
size_t pattern_length(uint64_t n);

/* Where record n begins in the stream of all records from 0 on. */
uint64_t pattern_start(uint64_t n);

/* The record that holds byte position of the stream. */
uint64_t pattern_at(uint64_t position);

/* Writes record n to data, which has room for it; its length. */
size_t pattern_record(uint64_t n, char *data);

/* The number that a record begins with, or UINT64_MAX: it has none. */
uint64_t pattern_number(const char *data, size_t size);

/* Bytes [position, position + size) of the stream. */
void pattern_stream(uint64_t position, char *data, size_t size);

/* The same of the store and of the index of the segment with that base. */
void pattern_store(uint64_t base, uint64_t position, char *data, size_t size);
void pattern_index(uint64_t base, uint64_t position, char *data, size_t size);

/* The record that holds byte position of that store, its frame counted in. */
uint64_t pattern_stored(uint64_t base, uint64_t position);

/*
 * Does stamp, 16 bytes, belong to record n of the segment with that base? If
 * so its time is stored in *ret_time.
 */
int pattern_stamp(uint64_t base, uint64_t n, const unsigned char *stamp,
                  uint64_t *ret_time);

#endif
