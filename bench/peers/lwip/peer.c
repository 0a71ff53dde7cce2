/* sink, source, echo, accept-echo-close and check on lwIP's callbacks, in one thread, on a TUN device:
   peer DEVICE ADDRESS */

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lwip/init.h"
#include "lwip/ip.h"
#include "lwip/netif.h"
#include "lwip/tcp.h"
#include "lwip/timeouts.h"

enum { SINK = 5001, SOURCE, ECHO, SERVE, CHECK };
enum { MTU = 1500, PERIOD = 251, BLOCK = PERIOD * 1024, BATCH = 64 };

/* What a connection remembers. */
struct state {
    u16_t port;
    unsigned at;
    int faithful;
    struct pbuf *waiting;
};

static unsigned char pattern[BLOCK];
static int device;
static struct netif nif;

static err_t forget(struct tcp_pcb *pcb, struct state *state)
{
    tcp_arg(pcb, NULL);
    tcp_recv(pcb, NULL);
    tcp_sent(pcb, NULL);
    tcp_err(pcb, NULL);
    if (state->waiting != NULL)
        pbuf_free(state->waiting);
    free(state);
    if (tcp_close(pcb) == ERR_OK)
        return ERR_OK;
    tcp_abort(pcb);
    return ERR_ABRT;
}

static void fill(struct tcp_pcb *pcb, struct state *state)
{
    for (;;) {
        unsigned room = tcp_sndbuf(pcb);
        unsigned size = LWIP_MIN(room, BLOCK - state->at);
        if (size == 0 || tcp_write(pcb, pattern + state->at, (u16_t)LWIP_MIN(size, 0xffff), 0) != ERR_OK)
            break;
        state->at = (state->at + LWIP_MIN(size, 0xffff)) % BLOCK;
    }
    tcp_output(pcb);
}

/* Echo what waits, as far as there is room. */
static void answer(struct tcp_pcb *pcb, struct state *state)
{
    while (state->waiting != NULL) {
        struct pbuf *first = state->waiting;
        if (tcp_write(pcb, first->payload, first->len, TCP_WRITE_FLAG_COPY) != ERR_OK)
            break;
        state->waiting = first->next;
        if (first->next != NULL)
            pbuf_ref(first->next);
        tcp_recved(pcb, first->len);
        pbuf_free(first);
    }
    tcp_output(pcb);
}

static void compare(struct state *state, const struct pbuf *data)
{
    for (; data != NULL; data = data->next) {
        /* A segment is far smaller than the pattern's block. */
        if (memcmp(data->payload, pattern + state->at, data->len) != 0)
            state->faithful = 0;
        state->at = (state->at + data->len) % PERIOD;
    }
}

static err_t on_receive(void *arg, struct tcp_pcb *pcb, struct pbuf *data, err_t error)
{
    struct state *state = arg;
    (void)error;
    if (data == NULL) {
        if (state->port == CHECK)
            tcp_write(pcb, state->faithful ? "y" : "n", 1, TCP_WRITE_FLAG_COPY);
        return forget(pcb, state);
    }
    if (state->port == ECHO || state->port == SERVE) {
        if (state->waiting == NULL)
            state->waiting = data;
        else
            pbuf_cat(state->waiting, data);
        answer(pcb, state);
        return state->port == SERVE ? forget(pcb, state) : ERR_OK;
    }
    if (state->port == CHECK)
        compare(state, data);
    tcp_recved(pcb, data->tot_len);
    pbuf_free(data);
    return ERR_OK;
}

static err_t on_sent(void *arg, struct tcp_pcb *pcb, u16_t size)
{
    struct state *state = arg;
    (void)size;
    if (state->port == SOURCE)
        fill(pcb, state);
    else if (state->port == ECHO)
        answer(pcb, state);
    return ERR_OK;
}

static void on_error(void *arg, err_t error)
{
    struct state *state = arg;
    (void)error;
    if (state->waiting != NULL)
        pbuf_free(state->waiting);
    free(state);
}

static err_t on_accept(void *arg, struct tcp_pcb *pcb, err_t error)
{
    struct state *state = calloc(1, sizeof *state);
    (void)arg;
    if (error != ERR_OK || state == NULL)
        return ERR_MEM;
    state->port = pcb->local_port;
    state->faithful = 1;
    tcp_nagle_disable(pcb);
    tcp_arg(pcb, state);
    tcp_recv(pcb, on_receive);
    tcp_sent(pcb, on_sent);
    tcp_err(pcb, on_error);
    if (state->port == SOURCE)
        fill(pcb, state);
    return ERR_OK;
}

static err_t emit(struct netif *netif, struct pbuf *packet, const ip4_addr_t *address)
{
    (void)netif;
    (void)address;
    /* LWIP_NETIF_TX_SINGLE_PBUF: a packet is one piece. */
    return write(device, packet->payload, packet->len) < 0 ? ERR_IF : ERR_OK;
}

static err_t set_up(struct netif *netif)
{
    netif->output = emit;
    netif->mtu = MTU;
    return ERR_OK;
}

static void take(void)
{
    for (int i = 0; i < BATCH; i++) {
        struct pbuf *packet = pbuf_alloc(PBUF_RAW, MTU, PBUF_RAM);
        ssize_t size;
        if (packet == NULL)
            return;
        size = read(device, packet->payload, MTU);
        if (size <= 0) {
            pbuf_free(packet);
            return;
        }
        pbuf_realloc(packet, (u16_t)size);
        if (nif.input(packet, &nif) != ERR_OK)
            pbuf_free(packet);
    }
}

static int open_device(const char *name)
{
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0) {
        perror(name);
        exit(1);
    }
    return fd;
}

int main(int argc, char **argv)
{
    ip4_addr_t address, mask;
    if (argc != 3 || !ip4addr_aton(argv[2], &address)) {
        fprintf(stderr, "usage: peer DEVICE ADDRESS\n");
        return 2;
    }
    for (int i = 0; i < BLOCK; i++)
        pattern[i] = (unsigned char)(i % PERIOD);
    device = open_device(argv[1]);
    IP4_ADDR(&mask, 255, 255, 255, 0);
    lwip_init();
    netif_add(&nif, &address, &mask, &address, NULL, set_up, ip_input);
    netif_set_default(&nif);
    netif_set_up(&nif);
    netif_set_link_up(&nif);
    for (u16_t port = SINK; port <= CHECK; port++) {
        struct tcp_pcb *pcb = tcp_new();
        tcp_bind(pcb, IP_ADDR_ANY, port);
        tcp_accept(tcp_listen_with_backlog(pcb, 255), on_accept);
    }
    puts("ready");
    fflush(stdout);
    for (;;) {
        struct pollfd waiting = {.fd = device, .events = POLLIN};
        poll(&waiting, 1, (int)LWIP_MIN(sys_timeouts_sleeptime(), 1000));
        take();
        sys_check_timeouts();
    }
}
