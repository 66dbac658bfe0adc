/* Throughput until backlog: frames of all books, many in a write, as fast as the engine takes them; then a ping on each
 * feed, whose pong says that everything before it was worked off. The rate is messages over the time from the first
 * write to the last pong: nothing is left waiting anywhere. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../base/error.h"
#include "load.h"

#define CHUNKS     16 /* different ones per feed */
#define FRAMES_MAX 64
#define CHUNK_SIZE (FRAMES_MAX * (QUOTE_TEXT_SIZE_MAX + 8))
#define FEEDS_MAX  64
#define PONG_NS    20000000000

struct chunk {
    size_t size;
    uint32_t count;
    uint32_t seq_at[FRAMES_MAX]; /* where each frame's number stands */
    uint8_t bytes[CHUNK_SIZE];
};

struct feed {
    struct load_connection *connection;
    uint32_t venue;
    uint32_t next; /* chunk */
    uint32_t symbol_count;
    uint32_t symbol[LOAD_SYMBOL_MAX];
    size_t begin, size; /* of what the kernel has not taken yet */
    uint8_t out[LOAD_OUT_SIZE];
    struct chunk chunk[CHUNKS];
};

/* Feeds in the order in which their first symbols come. */
static uint32_t feeds_find(struct load *load, struct feed *feeds) {
    uint32_t count = 0;
    for (uint32_t v = 0; v < load->venue_count; v++)
        for (uint32_t s = 0; s < load->symbol_count; s++) {
            uint32_t i = 0;
            while (i < count && feeds[i].connection != load->venue[v].feed[s])
                i++;
            if (i == count) {
                if (count == FEEDS_MAX || load->venue[v].feed[s] == NULL) continue;
                feeds[count].connection = load->venue[v].feed[s];
                feeds[count].venue = v;
                feeds[count++].symbol_count = 0;
            }
            feeds[i].symbol[feeds[i].symbol_count++] = s;
        }
    return count;
}

static void chunk_make(struct load *load, struct feed *feed, struct chunk *chunk, uint32_t frames) {
    static uint64_t random = 2463534242u;
    chunk->size = 0;
    chunk->count = frames;
    for (uint32_t i = 0; i < frames; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        uint32_t symbol = feed->symbol[(random >> 33) % feed->symbol_count];
        int64_t mid = load_mid(symbol) + (int64_t)(random >> 40) % 3 - 1;
        uint8_t *frame = chunk->bytes + chunk->size;
        size_t size = load_quote(load, feed->venue, symbol, (struct load_touch){mid - 1, mid + 1}, frame);
        char digits[24];
        snprintf(digits, sizeof digits, "%llu", (unsigned long long)(QUOTE_SEQ_FIRST + load->seq));
        uint8_t *at = memmem(frame, size, digits, QUOTE_SEQ_DIGITS);
        chunk->seq_at[i] = (uint32_t)(at - chunk->bytes);
        chunk->size += size;
    }
}

/* The number counts on from frame to frame; only as many digits are touched as change. */
static void chunk_number(struct load *load, struct chunk *chunk) {
    char digits[24];
    snprintf(digits, sizeof digits, "%llu", (unsigned long long)(QUOTE_SEQ_FIRST + load->seq));
    for (uint32_t i = 0; i < chunk->count; i++) {
        for (int place = QUOTE_SEQ_DIGITS - 1; place >= 0; place--) {
            digits[place] = digits[place] == '9' ? '0' : (char)(digits[place] + 1);
            if (digits[place] != '0') break;
        }
        memcpy(chunk->bytes + chunk->seq_at[i], digits, QUOTE_SEQ_DIGITS);
    }
    load->seq += chunk->count;
}

/* True when the kernel took something. */
static bool feed_write(struct feed *feed) {
    ssize_t took = send(feed->connection->fd, feed->out + feed->begin, feed->size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (took <= 0) return false;
    feed->begin += (size_t)took;
    feed->size -= (size_t)took;
    return true;
}

static uint64_t feeds_blast(struct load *load, struct feed *feeds, uint32_t count, int64_t end_ns) {
    uint64_t messages = 0;
    while (bench_mono_ns() < end_ns) {
        bool any = false;
        for (uint32_t i = 0; i < count; i++) {
            struct feed *feed = &feeds[i];
            if (feed->size == 0) {
                struct chunk *chunk = &feed->chunk[feed->next++ % CHUNKS];
                chunk_number(load, chunk);
                feed->begin = 0;
                feed->size = load_seal(feed->connection, chunk->bytes, chunk->size, feed->out);
                messages += chunk->count;
            }
            any |= feed_write(feed);
        }
        if (any) continue;
        struct pollfd wait = {.fd = feeds[0].connection->fd, .events = POLLOUT};
        (void)poll(&wait, 1, 1);
    }
    for (uint32_t i = 0; i < count; i++)
        load_push(feeds[i].connection, feeds[i].out + feeds[i].begin, feeds[i].size);
    return messages;
}

static int feeds_settle(struct load *load, struct feed *feeds, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        feeds[i].connection->pings++;
        load_send_frame(feeds[i].connection, FRAME_PING, "end", 3);
    }
    int64_t deadline = bench_mono_ns() + PONG_NS;
    for (uint32_t i = 0; i < count; i++)
        while (feeds[i].connection->pongs < feeds[i].connection->pings) {
            load_serve(load, 0);
            if (!feeds[i].connection->used || bench_mono_ns() > deadline) return ERROR_TIMEOUT;
        }
    return 0;
}

int load_blast(struct load *load, uint32_t seconds_tenths, uint32_t frames, FILE *out) {
    struct feed *feeds = calloc(FEEDS_MAX, sizeof *feeds);
    if (feeds == NULL) return ERROR_SYSTEM;
    if (frames == 0 || frames > FRAMES_MAX) frames = FRAMES_MAX;
    uint32_t count = feeds_find(load, feeds);
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t c = 0; c < CHUNKS; c++)
            chunk_make(load, &feeds[i], &feeds[i].chunk[c], frames);
    int code = feeds_settle(load, feeds, count);
    int64_t begin = bench_mono_ns();
    uint64_t messages = 0;
    if (code == 0) messages = feeds_blast(load, feeds, count, begin + (int64_t)seconds_tenths * 100000000);
    int64_t written = bench_mono_ns();
    if (code == 0) code = feeds_settle(load, feeds, count);
    int64_t end = bench_mono_ns();
    figure_print(out, "throughput_msgs_per_s", (double)messages * 1e9 / (double)(end - begin), "messages/s",
                 messages);
    fprintf(out, ",\"feeds\":%u,\"frames_per_write\":%u,\"backlog_ms\":%.3f", count, frames,
            (double)(end - written) / 1e6);
    free(feeds);
    return code;
}
