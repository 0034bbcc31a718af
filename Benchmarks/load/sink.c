// A server that swallows what the load generator sends and answers as Sluice would, storing nothing: what the generator
// and the loopback give by themselves.
//
//   sink      prints its port, serves until it is killed

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CAPACITY = 1 << 20 };

struct client {
    int descriptor;
    size_t head, body_left;
    char bytes[4096];
};

static const char answer[] =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 41\r\n\r\n{\"failed_record_count\":0,\"records\":[]}   ";
static char buffer[CAPACITY];

int main(void) {
    int listener = socket(AF_INET, SOCK_STREAM, 0), epoll = epoll_create1(0), one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    if (bind(listener, (struct sockaddr *)&address, length) || listen(listener, 512)) return 1;
    getsockname(listener, (struct sockaddr *)&address, &length);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    struct epoll_event event = {.events = EPOLLIN}, events[64];
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int count = epoll_wait(epoll, events, 64, -1);
        for (int i = 0; i < count; i++) {
            struct client *c = events[i].data.ptr;
            if (!c) {
                c = calloc(1, sizeof *c);
                c->descriptor = accept(listener, NULL, NULL);
                setsockopt(c->descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                event = (struct epoll_event){.events = EPOLLIN, .data.ptr = c};
                epoll_ctl(epoll, EPOLL_CTL_ADD, c->descriptor, &event);
                continue;
            }
            ssize_t n = recv(c->descriptor, buffer, sizeof buffer - 1, MSG_DONTWAIT);
            if (n == 0 || c->head + (size_t)n >= sizeof buffer) {
                close(c->descriptor);
                free(c);
                continue;
            }
            if (n < 0) continue;
            size_t got = (size_t)n;
            if (!c->body_left) {
                // The generator sends a head in one piece.
                buffer[got] = 0;
                char *end = strstr(buffer, "\r\n\r\n"), *at = strcasestr(buffer, "content-length:");
                if (!end || !at) continue;
                size_t head = (size_t)(end + 4 - buffer);
                c->body_left = strtoul(at + 15, NULL, 10);
                got -= head;
            }
            c->body_left -= got;
            if (!c->body_left && send(c->descriptor, answer, sizeof answer - 1, MSG_NOSIGNAL) < 0) continue;
        }
    }
}
