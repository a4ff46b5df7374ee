/* The program of the conformance suite in C, with nothing but sockets: does what "do" says. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char answer[8 << 20], body[8 << 20], request_id[64], place[64];
static int port;

static const char *variable(const char *name) {
    const char *found = getenv(name);
    return found ? found : "";
}

/* One request on a connection of its own; gives the body of the answer. */
static char *call(const char *verb, const char *path, const char *error_type, const char *sent, size_t length) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    char head[512];
    inet_pton(AF_INET, place, &address.sin_addr);
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(connection, (struct sockaddr *)&address, sizeof address) != 0) exit(98);
    int head_length = snprintf(head, sizeof head,
        "%s /2018-06-01/runtime%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n"
        "Lambda-Runtime-Function-Error-Type: %s\r\nContent-Length: %zu\r\n\r\n", verb, path, place, error_type, length);
    if (write(connection, head, (size_t)head_length) != head_length) exit(98);
    while (length > 0) {
        ssize_t written = write(connection, sent, length);
        if (written <= 0) break;
        sent += written;
        length -= (size_t)written;
    }
    size_t filled = 0;
    ssize_t got;
    while ((got = read(connection, answer + filled, sizeof answer - 1 - filled)) > 0) filled += (size_t)got;
    answer[filled] = 0;
    close(connection);
    char *end = strstr(answer, "\r\n\r\n");
    return end ? end + 4 : answer;
}

static void respond(const char *how, const char *sent, size_t length) {
    char path[160];
    snprintf(path, sizeof path, "/invocation/%s/%s", request_id, how);
    call("POST", path, "Mine", sent, length);
}

static void respond_text(const char *text) {
    int length = snprintf(body, sizeof body, "\"%s\"", text);
    respond("response", body, (size_t)length);
}

int main(void) {
    char text[1024], mark[512];
    sscanf(variable("AWS_LAMBDA_RUNTIME_API"), "%63[^:]:%d", place, &port);
    snprintf(mark, sizeof mark, "%s/mark", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    for (;;) {
        char *event = call("GET", "/invocation/next", "", "", 0);
        const char *id = strcasestr(answer, "Lambda-Runtime-Aws-Request-Id: ");
        if (!id) return 97;
        sscanf(id + 31, "%63[^\r]", request_id);
        char what[16] = "";
        sscanf(event, "{\"do\": \"%15[a-z]", what);
        if (!strcmp(what, "fail")) {
            const char *error = "{\"errorMessage\":\"as asked\",\"errorType\":\"Mine\"}";
            respond("error", error, strlen(error));
        } else if (!strcmp(what, "hang")) {
            sleep(600);
        } else if (!strcmp(what, "exit")) {
            return 3;
        } else if (!strcmp(what, "memory")) {
            size_t size = 400u << 20;
            memset(malloc(size), 1, size);
            sleep(600);
        } else if (!strcmp(what, "variables")) {
            snprintf(text, sizeof text, "%s %s %s", variable("STAGE"), variable("AWS_LAMBDA_FUNCTION_NAME"), variable("_HANDLER"));
            respond_text(text);
        } else if (!strcmp(what, "tmp")) {
            int was_there = access(mark, F_OK) == 0;
            fclose(fopen(mark, "w"));
            respond_text(was_there ? "kept" : "new");
        } else if (!strcmp(what, "say")) {
            puts("to output");
            fflush(stdout);
            respond_text("said");
        } else if (!strcmp(what, "large")) {
            size_t size = strtoul(strstr(event, "\"size\":") + 7, NULL, 10);
            memset(body, 'x', size + 2);
            body[0] = body[size + 1] = '"';
            respond("response", body, size + 2);
        } else if (!strcmp(what, "layer")) {
            FILE *program = popen("layer-says", "r");
            text[0] = 0;
            if (!fgets(text, sizeof text, program)) return 96;
            text[strcspn(text, "\n")] = 0;
            pclose(program);
            respond_text(text);
        } else {
            size_t length = strlen(event);
            memcpy(body, event, length + 1);
            respond("response", body, length);
        }
    }
}
