/* A runtime in a compiled language, with nothing but sockets. What an event asks for is in its text. */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char answer[1 << 20];
static char request_id[64];

static const char *header(const char *name) {
    const char *found = strcasestr(answer, name);
    return found ? found + strlen(name) + 2 : "";
}

/* One request on a connection of its own; gives the body of the answer. */
static char *call(const char *method, const char *path, const char *error_type, const char *body, size_t length) {
    char host[64], head[512];
    struct sockaddr_in place = {.sin_family = AF_INET};
    snprintf(host, sizeof host, "%s", getenv("AWS_LAMBDA_RUNTIME_API"));
    char *port = strchr(host, ':');
    *port++ = 0;
    place.sin_port = htons((unsigned short)atoi(port));
    inet_pton(AF_INET, host, &place.sin_addr);
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(connection, (struct sockaddr *)&place, sizeof place) != 0) exit(98);
    int head_length = snprintf(head, sizeof head,
        "%s /2018-06-01%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nLambda-Runtime-Function-Error-Type: %s\r\nContent-Length: %zu\r\n\r\n",
        method, path, host, error_type, length);
    if (write(connection, head, (size_t)head_length) != head_length) exit(98);
    while (length > 0) {
        ssize_t written = write(connection, body, length);
        if (written <= 0) exit(98);
        body += written;
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

static void respond(const char *verb, const char *error_type, const char *body, size_t length) {
    char path[160];
    snprintf(path, sizeof path, "/runtime/invocation/%s/%s", request_id, verb);
    call("POST", path, error_type, body, length);
}

static void respond_text(const char *text) { respond("response", "", text, strlen(text)); }

int main(void) {
    int count = 0;
    char number[32];
    printf("init of %s\n", getenv("_HANDLER"));
    fflush(stdout);
    if (getenv("FAIL_INIT")) {
        const char *error = "{\"errorType\":\"Runtime.NoLuck\",\"errorMessage\":\"not today\"}";
        call("POST", "/runtime/init/error", "Runtime.NoLuck", error, strlen(error));
        return 1;
    }
    for (;;) {
        char *event = call("GET", "/runtime/invocation/next", "", "", 0);
        sscanf(header("Lambda-Runtime-Aws-Request-Id"), "%63[^\r]", request_id);
        count++;
        if (strstr(event, "error")) {
            const char *error = "{\"errorMessage\":\"as asked\",\"errorType\":\"Mine\"}";
            respond("error", "Function.Mine", error, strlen(error));
        } else if (strstr(event, "answer-then-exit")) {
            respond_text("\"last\"");
            return 0;
        } else if (strstr(event, "exit-0")) {
            return 0;
        } else if (strstr(event, "exit-3")) {
            return 3;
        } else if (strstr(event, "kill")) {
            raise(SIGKILL);
        } else if (strstr(event, "hang")) {
            sleep(600);
        } else if (strstr(event, "leave")) {
            pid_t child = fork();
            if (child == 0) { sleep(600); _exit(0); }
            snprintf(number, sizeof number, "%d", child);
            respond_text(number);
        } else if (strstr(event, "print")) {
            fprintf(stdout, "to output\n"); fflush(stdout);
            fprintf(stderr, "to error\n");
            fprintf(stdout, "no end"); fflush(stdout);
            respond_text("\"printed\"");
        } else if (strstr(event, "large")) {
            static char large[7000000];
            memset(large, 'x', sizeof large);
            respond("response", "", large, sizeof large);
        } else if (strstr(event, "memory")) {
            size_t size = 400u << 20;
            char *much = malloc(size);
            memset(much, 1, size);
            sleep(600);
        } else if (strstr(event, "count")) {
            snprintf(number, sizeof number, "%d", count);
            respond_text(number);
        } else {
            char *copy = strdup(event);
            respond_text(copy);
            free(copy);
        }
    }
}
