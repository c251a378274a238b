/* SPDX-License-Identifier: BSD-3-Clause */
/* Interruptible sleeps; see interrupt.h. */
#include "interrupt.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "nap.h"

void rsmi_interrupt_begin(rsmi_interrupt_t *intr)
{
    sigset_t all;

    (void)sigfillset(&all);
    /* Faults of this very thread cannot wait; blocked, they would kill the process. */
    (void)sigdelset(&all, SIGSEGV);
    (void)sigdelset(&all, SIGBUS);
    (void)sigdelset(&all, SIGFPE);
    (void)sigdelset(&all, SIGILL);
    intr->seen = false;
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &intr->cancel);
    (void)pthread_sigmask(SIG_SETMASK, &all, &intr->before);
}

void rsmi_interrupt_end(const rsmi_interrupt_t *intr)
{
    (void)pthread_sigmask(SIG_SETMASK, &intr->before, NULL);
    (void)pthread_setcancelstate(intr->cancel, NULL);
}

int rsmi_interrupt_poll(rsmi_interrupt_t *intr, struct pollfd *fds, nfds_t nfds, uint64_t deadline)
{
    struct timespec left;
    struct timespec *limit = NULL;
    int n;

    if (deadline != 0) {
        uint64_t now = rsmi_now();
        uint64_t ns = deadline > now ? deadline - now : 0;

        left.tv_sec = (time_t)(ns / 1000000000U);
        left.tv_nsec = (long)(ns % 1000000000U);
        limit = &left;
    }
    n = ppoll(fds, nfds, limit, &intr->before);
    if (n >= 0) {
        return n;
    }
    n = -errno;
    intr->seen = intr->seen || n == -EINTR;
    return n;
}

int rsmi_interrupt_sleep(rsmi_interrupt_t *intr, int fd, uint64_t deadline)
{
    struct pollfd pfd = {.fd = fd, .events = POLLIN};
    int n = rsmi_interrupt_poll(intr, &pfd, 1, deadline);

    if (n >= 0) {
        return n;
    }
    return n == -EINTR ? -1 : -2;
}
