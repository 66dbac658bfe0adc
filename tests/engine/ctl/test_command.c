/* Protects the command socket: nothing that a peer sends can crash or block the engine, everything malformed gets an
 * answer that says what is wrong, and a repeated request is done once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "ctl/command.h"
#include "ctl/command_parts.h"

static char home[64];
static char path[128];
static struct error_trail trail;
static struct command_server *server;
static int call_count;
static struct command_request last;
static char last_args[1024];

static void handle(void *context, const struct command_request *request, struct command_answer *answer) {
    assert_ptr_equal(context, &call_count);
    call_count++;
    last = *request;
    snprintf(last_args, sizeof last_args, "%s", request->args);
    answer->status = COMMAND_DONE;
    snprintf(answer->code, sizeof answer->code, "OK");
    snprintf(answer->message, sizeof answer->message, "call %d", call_count);
    snprintf(answer->data, sizeof answer->data, "{\"calls\":%d}", call_count);
    if (strcmp(request->command, "bad_data") == 0) snprintf(answer->data, sizeof answer->data, "{\"cut");
    if (strcmp(request->command, "cut_text") == 0) snprintf(answer->message, sizeof answer->message, "caf\xc3");
    if (strcmp(request->command, "large") == 0) {
        memset(answer->data, 'x', sizeof answer->data - 1);
        memcpy(answer->data, "{\"x\":\"", 6);
        memcpy(answer->data + sizeof answer->data - 3, "\"}", 3);
    }
}

static int set_up(void **state) {
    (void)state;
    snprintf(home, sizeof home, "/tmp/arbdeck_command_XXXXXX");
    if (mkdtemp(home) == NULL) return 1;
    snprintf(path, sizeof path, "%s/run/test.sock", home);
    call_count = 0;
    log_init(LOG_FATAL);
    memset(&trail, 0, sizeof trail);
    server = command_open(path, handle, &call_count, &trail);
    if (server == NULL) return 1;
    command_view(server, "00ff", 17);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    command_close(server);
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", home);
    return access(path, F_OK) == 0 || system(command) != 0;
}

static int connect_peer(void) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static size_t make_frame(const char *text, size_t size, uint8_t *frame) {
    for (size_t i = 0; i < 4; i++)
        frame[i] = (uint8_t)(size >> (8 * i));
    memcpy(frame + 4, text, size);
    return size + 4;
}

static void send_bytes(int fd, const void *bytes, size_t size) {
    const uint8_t *left = bytes;
    while (size > 0) {
        ssize_t sent = send(fd, left, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) {
            command_serve(server, 0);
            continue;
        }
        assert_true(sent > 0);
        left += sent;
        size -= (size_t)sent;
    }
}

static void send_text(int fd, const char *text) {
    uint8_t *frame = malloc(strlen(text) + 4);
    send_bytes(fd, frame, make_frame(text, strlen(text), frame));
    free(frame);
}

/* Serves until `size` bytes have come; false when the server closed or 5 s went by. */
static bool receive_bytes(int fd, uint8_t *out, size_t size) {
    int64_t deadline = clock_mono_ns() + 5000000000;
    size_t got = 0;
    while (got < size && clock_mono_ns() < deadline) {
        ssize_t part = recv(fd, out + got, size - got, 0);
        if (part == 0 || (part < 0 && errno != EAGAIN)) return false;
        if (part > 0)
            got += (size_t)part;
        else
            command_serve(server, 1);
    }
    return got == size;
}

static json_t *receive_answer(int fd) {
    static uint8_t frame[COMMAND_FRAME_SIZE];
    if (!receive_bytes(fd, frame, 4)) return NULL;
    uint32_t size = frame[0] | (uint32_t)frame[1] << 8 | (uint32_t)frame[2] << 16 | (uint32_t)frame[3] << 24;
    assert_true(size <= COMMAND_SIZE_MAX);
    assert_true(receive_bytes(fd, frame, size));
    json_t *answer = json_loadb((const char *)frame, size, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(answer);
    assert_int_equal(json_object_size(answer), 7);
    return answer;
}

static const char *member(const json_t *answer, const char *key) {
    return json_string_value(json_object_get(answer, key));
}

/* Sends one request and checks the answer; "" for `message` checks nothing of it. */
static void expect(int fd, const char *request, const char *status, const char *code, const char *message) {
    send_text(fd, request);
    json_t *answer = receive_answer(fd);
    if (answer == NULL) fail_msg("no answer to %s", request);
    if (strcmp(member(answer, "status"), status) != 0 || strcmp(member(answer, "code"), code) != 0 ||
        strstr(member(answer, "message"), message) == NULL)
        fail_msg("%s -> %s", request, json_dumps(answer, 0));
    json_decref(answer);
}

static void test_request_reaches_the_handler_and_the_answer_carries_the_view(void **state) {
    (void)state;
    int fd = connect_peer();
    send_text(
        fd, "{\"id\": \"a1\", \"command\": \"start_strategy\", \"args\": {\"strategy\": \"x\"}, \"actor\": \"ann\","
            "\"config_hash\": \"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\","
            "\"state_version\": 5}");
    json_t *answer = receive_answer(fd);
    assert_string_equal(member(answer, "id"), "a1");
    assert_string_equal(member(answer, "status"), "done");
    assert_string_equal(member(answer, "code"), "OK");
    assert_string_equal(member(answer, "config_hash"), "00ff");
    assert_int_equal(json_integer_value(json_object_get(answer, "state_version")), 17);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(answer, "data"), "calls")), 1);
    json_decref(answer);
    assert_string_equal(last.command, "start_strategy");
    assert_string_equal(last.actor, "ann");
    assert_int_equal(last.state_version, 5);
    assert_int_equal(last.peer_uid, geteuid());
    assert_string_equal(last_args, "{\"strategy\":\"x\"}");
    expect(fd, "{\"id\": \"a2\", \"command\": \"pause\"}", "done", "OK", "call 2");
    assert_string_equal(last_args, "{}");
    assert_int_equal(last.state_version, -1);
    assert_string_equal(last.config_hash, "");
    close(fd);
}

static void test_malformed_requests_are_refused_with_the_reason_and_never_handled(void **state) {
    (void)state;
    static const struct {
        const char *request;
        const char *message;
    } cases[] = {
        {" ", "not valid JSON"},
        {"{", "not valid JSON"},
        {"[]", "must be a JSON object"},
        {"3", "not valid JSON"},
        {"\xff\xfe", "not valid JSON"},
        {"{\"id\": \"1\", \"id\": \"2\", \"command\": \"kill\"}", "duplicate"},
        {"{\"command\": \"kill\"}", "id must be a text of 1 to 39 bytes"},
        {"{\"id\": 7, \"command\": \"kill\"}", "id must be a text"},
        {"{\"id\": \"\", \"command\": \"kill\"}", "id must be a text"},
        {"{\"id\": \"0123456789012345678901234567890123456789\", \"command\": \"kill\"}", "id must be a text"},
        {"{\"id\": \"a\\n\", \"command\": \"kill\"}", "without control characters"},
        {"{\"id\": \"a\\u0000\", \"command\": \"kill\"}", "not valid JSON"},
        {"{\"id\": \"1\"}", "command must be a text of 1 to 23 bytes"},
        {"{\"id\": \"1\", \"command\": \"012345678901234567890123\"}", "command must be a text"},
        {"{\"id\": \"1\", \"command\": \"kill\", \"args\": []}", "args must be an object"},
        {"{\"id\": \"1\", \"command\": \"kill\", \"actor\": 1}", "actor must be a text"},
        {"{\"id\": \"1\", \"command\": \"kill\", \"config_hash\": \"XY\"}", "config_hash must be 64 digits"},
        {"{\"id\": \"1\", \"command\": \"kill\", \"state_version\": -1}", "state_version must be an integer"},
        {"{\"id\": \"1\", \"command\": \"kill\", \"state_version\": 1.5}", "state_version must be an integer"},
        {"{\"id\": \"1\", \"command\": \"kill\", \"force\": true}", "force is no member of a request"},
        {"{\"id\": \"1\", \"command\": \"kill\", \"args\": {\"a\": [[[[[[[[[[[[[[[[[[0]]]]]]]]]]]]]]]]]]}}",
         "nested deeper"},
    };
    int fd = connect_peer();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect(fd, cases[i].request, "refused", "BAD_REQUEST", cases[i].message);
    assert_int_equal(call_count, 0);
    expect(fd, "{\"id\": \"1\", \"command\": \"kill\"}", "done", "OK", "call 1"); /* none of them used the id up */
    close(fd);
}

static void test_lost_framing_is_answered_and_the_peer_dropped(void **state) {
    (void)state;
    static const uint32_t bad[] = {0, COMMAND_SIZE_MAX + 1, 0xffffffffu};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int fd = connect_peer();
        send_bytes(fd, &bad[i], sizeof bad[i]);
        json_t *answer = receive_answer(fd);
        assert_string_equal(member(answer, "code"), "BAD_REQUEST");
        assert_non_null(strstr(member(answer, "message"), "allowed are 1 to 65536"));
        json_decref(answer);
        uint8_t byte;
        assert_false(receive_bytes(fd, &byte, 1));
        close(fd);
    }
    assert_int_equal(call_count, 0);
}

static void test_message_of_the_greatest_size_is_read(void **state) {
    (void)state;
    char *text = malloc(COMMAND_SIZE_MAX + 1);
    memset(text, ' ', COMMAND_SIZE_MAX);
    static const char request[] = "{\"id\": \"big\", \"command\": \"pause\"}";
    memcpy(text, request, sizeof request - 1);
    text[COMMAND_SIZE_MAX] = '\0';
    int fd = connect_peer();
    expect(fd, text, "done", "OK", "call 1");
    free(text);
    close(fd);
}

static void test_request_may_come_one_byte_at_a_time(void **state) {
    (void)state;
    int fd = connect_peer();
    uint8_t frame[128];
    static const char request[] = "{\"id\": \"slow\", \"command\": \"pause\"}";
    size_t size = make_frame(request, sizeof request - 1, frame);
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(call_count, 0);
        send_bytes(fd, frame + i, 1);
        command_serve(server, 0);
        command_serve(server, 0);
    }
    json_t *answer = receive_answer(fd);
    assert_string_equal(member(answer, "id"), "slow");
    json_decref(answer);
    assert_int_equal(call_count, 1);
    close(fd);
}

static void test_many_requests_at_once_are_answered_in_order(void **state) {
    (void)state;
    int fd = connect_peer();
    uint8_t frames[100 * 64];
    size_t size = 0;
    for (int i = 0; i < 100; i++) {
        char request[60];
        snprintf(request, sizeof request, "{\"id\": \"m%d\", \"command\": \"pause\"}", i);
        size += make_frame(request, strlen(request), frames + size);
    }
    send_bytes(fd, frames, size);
    for (int i = 0; i < 100; i++) {
        char id[16];
        snprintf(id, sizeof id, "m%d", i);
        json_t *answer = receive_answer(fd);
        assert_string_equal(member(answer, "id"), id);
        json_decref(answer);
    }
    close(fd);
}

static void test_repeated_id_gets_the_first_answer_and_is_done_once(void **state) {
    (void)state;
    static const char request[] = "{\"id\": \"same\", \"command\": \"kill\", \"args\": {\"reason\": \"r\"}}";
    int fd = connect_peer();
    expect(fd, request, "done", "OK", "call 1");
    command_view(server, "11", 99);
    close(fd);
    fd = connect_peer(); /* from another connection as well */
    send_text(fd, request);
    json_t *answer = receive_answer(fd);
    assert_string_equal(member(answer, "message"), "call 1");
    assert_int_equal(json_integer_value(json_object_get(answer, "state_version")), 17);
    json_decref(answer);
    assert_int_equal(call_count, 1);
    expect(fd, "{\"id\": \"same\", \"command\": \"arm\"}", "refused", "BAD_REQUEST", "used for another request");
    expect(fd, "{\"id\": \"same\", \"command\": \"kill\", \"args\": {\"reason\": \"other\"}}", "refused",
           "BAD_REQUEST", "used for another request");
    assert_int_equal(call_count, 1);
    /* Reads are not remembered, and do not push out what is. */
    for (int i = 0; i < COMMAND_ANSWERS_KEPT + 10; i++) {
        char status[64];
        snprintf(status, sizeof status, "{\"id\": \"s%d\", \"command\": \"status\"}", i);
        expect(fd, status, "done", "OK", "call");
    }
    expect(fd, request, "done", "OK", "call 1");
    close(fd);
}

static void test_answers_with_bad_or_large_data_still_go_out(void **state) {
    (void)state;
    int fd = connect_peer();
    expect(fd, "{\"id\": \"1\", \"command\": \"bad_data\"}", "done", "OK", "call 1");
    expect(fd, "{\"id\": \"2\", \"command\": \"cut_text\"}", "done", "OK", "caf?");
    send_text(fd, "{\"id\": \"3\", \"command\": \"large\"}");
    json_t *answer = receive_answer(fd);
    assert_int_equal(json_string_length(json_object_get(json_object_get(answer, "data"), "x")), 32768 - 1 - 8);
    json_decref(answer);
    close(fd);
}

static void test_stalled_peer_is_dropped_and_others_are_served_meanwhile(void **state) {
    (void)state;
    int stalled = connect_peer();
    int idle = connect_peer();
    send_bytes(stalled, "\x20\0\0\0{", 5);
    int64_t begun = clock_mono_ns();
    int fd = connect_peer();
    for (int i = 0; i < 20; i++) {
        char request[64];
        snprintf(request, sizeof request, "{\"id\": \"w%d\", \"command\": \"pause\"}", i);
        expect(fd, request, "done", "OK", "call");
    }
    uint8_t byte;
    assert_false(receive_bytes(stalled, &byte, 1));
    int64_t waited = clock_mono_ns() - begun;
    assert_true(waited > 1900000000 && waited < 4000000000);
    expect(idle, "{\"id\": \"idle\", \"command\": \"pause\"}", "done", "OK", "call 21"); /* idle is not stalled */
    close(stalled);
    close(idle);
    close(fd);
}

static void test_seventeenth_peer_is_told_and_places_become_free_again(void **state) {
    (void)state;
    int fd[COMMAND_PEER_MAX + 1];
    for (int i = 0; i <= COMMAND_PEER_MAX; i++) {
        fd[i] = connect_peer();
        command_serve(server, 10);
    }
    json_t *answer = receive_answer(fd[COMMAND_PEER_MAX]);
    assert_string_equal(member(answer, "code"), "BUSY");
    json_decref(answer);
    for (int i = 0; i <= COMMAND_PEER_MAX; i++)
        close(fd[i]);
    int later = connect_peer();
    expect(later, "{\"id\": \"later\", \"command\": \"pause\"}", "done", "OK", "call 1");
    close(later);
}

static void test_random_bytes_never_reach_the_handler(void **state) {
    (void)state;
    unsigned seed = 20261122;
    print_message("seed %u\n", seed);
    srand(seed);
    for (int round = 0; round < 300; round++) {
        int fd = connect_peer();
        uint8_t bytes[256];
        size_t size = 1 + (size_t)rand() % sizeof bytes;
        for (size_t i = 0; i < size; i++)
            bytes[i] = (uint8_t)rand();
        if (round % 2 == 0 && size > 4) make_frame("", 0, bytes), bytes[0] = (uint8_t)(size - 4);
        send_bytes(fd, bytes, size);
        for (int i = 0; i < 3; i++)
            command_serve(server, 0);
        close(fd);
        command_serve(server, 0);
    }
    assert_int_equal(call_count, 0);
    int fd = connect_peer();
    expect(fd, "{\"id\": \"after\", \"command\": \"pause\"}", "done", "OK", "call 1");
    close(fd);
}

static void test_only_the_own_user_and_root_may_command(void **state) {
    (void)state;
    assert_true(command_uid_is_allowed(1000, 1000));
    assert_true(command_uid_is_allowed(0, 1000));
    assert_false(command_uid_is_allowed(1001, 1000));
    assert_false(command_uid_is_allowed(1000, 0));
    struct stat stat_of_socket;
    assert_int_equal(stat(path, &stat_of_socket), 0);
    assert_int_equal(stat_of_socket.st_mode & 0777, 0600);
    char run[80];
    snprintf(run, sizeof run, "%s/run", home);
    assert_int_equal(stat(run, &stat_of_socket), 0);
    assert_int_equal(stat_of_socket.st_mode & 0777, 0700);
}

static void test_open_refuses_a_loose_directory_and_a_live_socket_and_replaces_a_stale_one(void **state) {
    (void)state;
    assert_null(command_open(path, handle, NULL, &trail));
    assert_int_equal(trail.code, ERROR_BUSY);
    char run[80], other[128];
    snprintf(run, sizeof run, "%s/loose", home);
    snprintf(other, sizeof other, "%s/x.sock", run);
    assert_int_equal(mkdir(run, 0755), 0);
    assert_null(command_open(other, handle, NULL, &trail));
    assert_int_equal(trail.code, ERROR_REFUSED);
    assert_non_null(strstr(trail.text, "has mode 0755: the command socket needs 0700"));
    assert_int_equal(chmod(run, 0700), 0);
    int file = open(other, O_CREAT | O_WRONLY, 0600);
    close(file);
    assert_null(command_open(other, handle, NULL, &trail));
    assert_int_equal(trail.code, ERROR_REFUSED);
    assert_int_equal(unlink(other), 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, other, strlen(other) + 1);
    int stale = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(stale, (const struct sockaddr *)&address, sizeof address), 0);
    close(stale);
    struct command_server *second = command_open(other, handle, NULL, &trail);
    assert_non_null(second);
    command_close(second);
    char longer[200];
    memset(longer, 'x', sizeof longer - 1);
    longer[0] = '/';
    longer[sizeof longer - 1] = '\0';
    assert_null(command_open(longer, handle, NULL, &trail));
    assert_int_equal(trail.code, ERROR_RANGE);
}

static void test_arguments_are_read_strictly(void **state) {
    (void)state;
    struct command_request request = {
        .command = "release",
        .args = "{\"symbol\":\"BTCUSDT\",\"alarm\":7,\"empty\":\"\",\"updates\":{\"b\":1,\"a\":2.5}}"};
    char text[8], json[64];
    int64_t number;
    assert_int_equal(command_arg_text(&request, "symbol", text, sizeof text, &trail), 0);
    assert_string_equal(text, "BTCUSDT");
    assert_int_equal(command_arg_text(&request, "symbol", text, 7, &trail), ERROR_BAD);
    assert_string_equal(trail.text, "args.symbol must be a text of 1 to 6 bytes");
    assert_int_equal(command_arg_text(&request, "alarm", text, sizeof text, &trail), ERROR_BAD);
    assert_int_equal(command_arg_text(&request, "empty", text, sizeof text, &trail), ERROR_BAD);
    assert_int_equal(command_arg_text(&request, "venue", text, sizeof text, &trail), ERROR_NOT_FOUND);
    assert_string_equal(trail.text, "args.venue is missing");
    assert_int_equal(command_arg_integer(&request, "alarm", &number, &trail), 0);
    assert_int_equal(number, 7);
    assert_int_equal(command_arg_integer(&request, "symbol", &number, &trail), ERROR_BAD);
    assert_int_equal(command_arg_integer(&request, "none", &number, &trail), ERROR_NOT_FOUND);
    assert_int_equal(command_arg_json(&request, "updates", json, sizeof json, &trail), 0);
    assert_string_equal(json, "{\"b\":1,\"a\":2.5}");
    assert_int_equal(command_arg_json(&request, "updates", json, 15, &trail), ERROR_BAD);
    static const char *const all[] = {"symbol", "alarm", "empty", "updates", NULL};
    static const char *const some[] = {"symbol", "alarm", "empty", NULL};
    assert_int_equal(command_arg_only(&request, all, &trail), 0);
    assert_int_equal(command_arg_only(&request, some, &trail), ERROR_BAD);
    assert_string_equal(trail.text, "args.updates is no argument of release");
}

int main(void) {
#define SERVED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        SERVED(test_malformed_requests_are_refused_with_the_reason_and_never_handled),
        SERVED(test_lost_framing_is_answered_and_the_peer_dropped),
        SERVED(test_random_bytes_never_reach_the_handler),
        SERVED(test_request_may_come_one_byte_at_a_time),
        SERVED(test_message_of_the_greatest_size_is_read),
        SERVED(test_many_requests_at_once_are_answered_in_order),
        SERVED(test_request_reaches_the_handler_and_the_answer_carries_the_view),
        SERVED(test_repeated_id_gets_the_first_answer_and_is_done_once),
        SERVED(test_answers_with_bad_or_large_data_still_go_out),
        SERVED(test_stalled_peer_is_dropped_and_others_are_served_meanwhile),
        SERVED(test_seventeenth_peer_is_told_and_places_become_free_again),
        SERVED(test_only_the_own_user_and_root_may_command),
        SERVED(test_open_refuses_a_loose_directory_and_a_live_socket_and_replaces_a_stale_one),
        cmocka_unit_test(test_arguments_are_read_strictly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
