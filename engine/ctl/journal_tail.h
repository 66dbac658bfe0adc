#pragma once
/* The journal's tail: a ring of records in shared memory, /arbdeck-<instance>-<generation>-tail. The hot thread
 * appends (no system call, no lock, no wait); the control thread copies to files and says how far it got; the next
 * start recovers what a dead process left. Nothing is ever overwritten before it is on disk: a full tail refuses. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/error.h"
#include "../journal.h"

#define JOURNAL_TAIL_RECORDS  32768u /* 8 MiB */
#define JOURNAL_FILE_SIZE_MAX (64u << 20)

struct journal_tail;

/* ---- hot thread ---- */
/* Fills seq, crc32c, generation; payload, type, version, input_seq, time_ns are the caller's. 0 or ERROR_FULL. */
int journal_append(struct journal_tail *tail, struct journal_record *record);
uint64_t journal_last_seq(const struct journal_tail *tail);
uint64_t journal_disk_seq(const struct journal_tail *tail); /* any thread */
uint32_t journal_free(const struct journal_tail *tail);     /* records that still fit */

/* ---- control thread ---- */
struct journal_writer;
/* Creates the tail and the first file <directory>/<generation as 10 digits>-<part as 5 digits>.aj. */
struct journal_writer *journal_open(const char *instance, const char *directory, uint64_t generation,
                                    int64_t wall_offset_ns, const char *version, struct journal_tail **tail,
                                    struct error_trail *trail);
/* Copies what was appended to disk, syncs when `sync`, rolls files at JOURNAL_FILE_SIZE_MAX. Returns records written,
 * or a negative code (disk full, I/O error): nothing is lost, the next call goes on. */
int64_t journal_flush(struct journal_writer *writer, bool sync, struct error_trail *trail);
void journal_close(struct journal_writer *writer); /* flushes, syncs, removes the tail */

/* ---- start-up ---- */
/* Appends to the files of every dead generation what its tail still holds, then removes that tail. */
int journal_recover_tails(const char *instance, const char *directory, struct error_trail *trail);

/* Reader over all files of one generation, in order. Stops at the first record that is torn, altered or out of
 * sequence: *torn is then true. */
struct journal_reader;
struct journal_reader *journal_reader_open(const char *directory, uint64_t generation, struct error_trail *trail);
/* 1: record; 0: end; negative: I/O error. Records of an earlier release come in today's layout. */
int journal_reader_next(struct journal_reader *reader, struct journal_record *out);
const struct journal_file_head *journal_reader_head(const struct journal_reader *reader);
/* False: another version of the engine wrote it, with another journal.h. */
bool journal_reader_is_ours(const struct journal_reader *reader);
bool journal_reader_torn(const struct journal_reader *reader);
void journal_reader_close(struct journal_reader *reader);
/* Greatest generation with a file that holds a SNAPSHOT_END; 0: none. */
uint64_t journal_latest_generation(const char *directory);
