/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Send a real file through a shared memory segment:  mpirun -np 2 send_file [FILE]
 *
 * A complete RSMAPI program, and a good first one to read. It knows the public header and nothing
 * else: no MPI call is made here, mpirun only starts the ranks.
 *
 *   rank 0  exports a piece of its memory and goes to sleep in rsm_intr_signal_wait. It polls
 *           nothing and receives nothing: data appears in its memory, and signals wake it.
 *   rank 1  connects, writes FILE into that memory in vectors of 1 to 200 pieces, with one signal
 *           per vector, reads everything back, and compares.
 *
 * All they tell each other stands in the first page of the segment: size and checksum of the file
 * (rank 1 writes with putv), rank 0's own checksum (rank 0 writes, it is its memory), the verdict
 * (rank 1 again). A single wrong byte ends both ranks with exit code 1.
 *
 * Started as one rank, the program plays both parts and sends to itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <rsmapi.h>

#define MIB (1024UL * 1024UL)
#define SEGMENT_ID 0x00400000U   /* both ranks know it, as programs know a port number */
#define HEADER_BYTES 65536UL     /* the "first page", wherever pages have up to 64 KiB */
#define ROOM_BYTES (256UL * MIB) /* costs memory only where data arrives */
#define SEND_AT_LEAST (64UL * MIB)
#define COPIES_MAX 16384U /* so a tiny file makes less than that */
#define PIECES_MAX 200U
#define PIECE_BYTES_MAX 65536UL
#define PATIENCE_MS 300000 /* nobody waits for ever for a partner that is in trouble */

/* ---- What stands in the header ------------------------------------------------------------ */

/** Written by rank 1 only, as one piece of a vector. */
typedef struct letter {
    uint64_t file_bytes;
    uint64_t total_bytes; /* what will arrive: the file, several times over if it is small */
    uint64_t vectors;     /* number of data vectors; 0 until the last one, which brings it */
    uint64_t checksum;    /* of all bytes sent; valid when vectors is */
    uint64_t verdict;     /* VERDICT_…; the last thing rank 1 says */
} letter_t;

enum { VERDICT_NONE = 0, VERDICT_GOOD = 1, VERDICT_BAD = 2 };

/** Written by rank 0 only. No communication: the segment is its own memory. */
typedef struct answer {
    uint64_t checksum; /* of what arrived */
} answer_t;

typedef struct header {
    letter_t letter;
    answer_t answer;
} header_t;

/* ---- State of this rank ------------------------------------------------------------------- */

static struct {
    unsigned node; /* our rank */
    unsigned nodes;
    rsmapi_controller_handle_t controller;

    /* the receiver's side */
    rsm_memseg_export_handle_t segment;
    header_t *header; /* start of the exported memory */

    /* the sender's side */
    rsm_memseg_import_handle_t remote;
    const char *path;
    char *file;                     /* the file, mapped */
    rsm_localmemory_handle_t local; /* the same memory as a handle */
    letter_t letter;                /* what we last told rank 0 */
    uint64_t random;
} my;

static double now(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/** Seconds of processor time that this thread has used. */
static double thread_time(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/** Every RSMAPI function that returns int returns RSM_SUCCESS (0) or one of the RSMERR_ numbers. */
static void expect_success(const char *call, int code)
{
    if (code != RSM_SUCCESS) {
        (void)fflush(stdout);
        (void)fprintf(stderr, "rank %u: %.*s failed with code %d (the RSMERR_ numbers are in %s)\n",
                      my.node, (int)strcspn(call, "("), call, code, "sys/rsm/rsm_common.h");
        exit(1);
    }
}

#define TRY(call) expect_success(#call, call)

static _Noreturn void give_up(const char *what, const char *which)
{
    (void)fflush(stdout);
    (void)fprintf(stderr, "rank %u: %s%s%s\n", my.node, which, which[0] == '\0' ? "" : ": ", what);
    exit(1);
}

/** FNV-1a, 64 bits: short, and good enough to notice a wrong, missing or misplaced byte. */
#define CHECKSUM_START 0xcbf29ce484222325U

static uint64_t checksum(uint64_t sum, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        sum = (sum ^ (unsigned char)bytes[i]) * 0x100000001b3U;
    }
    return sum;
}

/* ---- Progress and terminals: nothing of RSMAPI here (defined at the end) ------------------ */

static void show_progress(const char *what, uint64_t done, uint64_t of);
static void clear_progress(void);

/* ---- Rank 0: the receiver ----------------------------------------------------------------- */

/** Make memory reachable. From here on other ranks can use it whatever this rank does. */
static void export_room(void)
{
    rsm_memseg_id_t id = SEGMENT_ID;
    size_t bytes = HEADER_BYTES + ROOM_BYTES;
    void *memory = aligned_alloc(HEADER_BYTES, bytes); /* a segment is whole pages */

    if (memory == NULL) {
        give_up(strerror(errno), "aligned_alloc");
    }
    memset(memory, 0, HEADER_BYTES);
    TRY(rsm_memseg_export_create(my.controller, &my.segment, memory, bytes, 0));
    /* No access list (NULL, 0): the umask decides who may connect, as if this were a file. */
    TRY(rsm_memseg_export_publish(my.segment, &id, NULL, 0));
    my.header = memory;
    printf("rank 0: exported %lu MiB of memory as segment 0x%x; asleep until a signal comes\n",
           ROOM_BYTES / MIB, id);
    (void)fflush(stdout);
}

/** Sleep until everything has arrived, and answer with a checksum of it. */
static void receive(void)
{
    const letter_t *letter = &my.header->letter;
    double cpu = thread_time();
    uint64_t wakes = 0;

    /*
     * One event per vector. Ordinary loads are enough to look at the letter: a wait that returned
     * because of an event sees everything that was written before the event was posted. The letter
     * may be ahead of the events, so both are counted.
     */
    do {
        TRY(rsm_intr_signal_wait(my.segment, PATIENCE_MS));
        wakes++;
    } while (letter->vectors == 0 || wakes < letter->vectors);
    cpu = thread_time() - cpu;

    if (letter->total_bytes > ROOM_BYTES) {
        give_up("the letter makes no sense", "");
    }
    my.header->answer.checksum =
        checksum(CHECKSUM_START, (const char *)my.header + HEADER_BYTES, letter->total_bytes);
    printf("rank 0: woken by %llu signals, one per vector; waiting took %.1f ms of processor time\n"
           "rank 0: found %llu bytes in its memory, checksum %016llx\n",
           (unsigned long long)wakes, 1e3 * cpu, (unsigned long long)letter->total_bytes,
           (unsigned long long)my.header->answer.checksum);
    (void)fflush(stdout);
    /* Posting to an export handle wakes everyone who is connected to the segment. */
    TRY(rsm_intr_signal_post(my.segment, 0));
}

/** Sleep until rank 1 has read everything back. True: it found what it had sent. */
static bool hear_verdict(void)
{
    bool good;

    TRY(rsm_intr_signal_wait(my.segment, PATIENCE_MS));
    good = my.header->letter.verdict == VERDICT_GOOD &&
           my.header->letter.checksum == my.header->answer.checksum;
    printf("rank 0: rank %u has compared: %s\n", my.nodes > 1 ? 1U : 0U,
           good ? "every byte is right" : "SOMETHING IS WRONG");
    (void)fflush(stdout);
    /* Would cut importers off; there is none any more, or it is about to leave. */
    TRY(rsm_memseg_export_destroy(my.segment));
    return good;
}

/* ---- Rank 1: the sender ------------------------------------------------------------------- */

/** A generator of our own, so that every run sends the same pieces. */
static uint64_t draw(uint64_t below)
{
    my.random ^= my.random << 13;
    my.random ^= my.random >> 7;
    my.random ^= my.random << 17;
    return (my.random >> 11) % below;
}

/** Many small sizes, some large ones, hardly ever a round number. */
static size_t draw_piece_bytes(void)
{
    return 1 + draw((uint64_t)1 << draw(17)); /* 1 byte to 64 KiB */
}

static rsm_scat_gath_t make_request(rsm_iovec_t *pieces, unsigned count, unsigned flags)
{
    return (rsm_scat_gath_t){
        .io_request_count = count, .flags = flags, .remote_handle = my.remote, .iovec = pieces};
}

/** The piece that carries the letter to the start of the segment. */
static rsm_iovec_t letter_piece(void)
{
    return (rsm_iovec_t){.io_type = RSM_VA_TYPE,
                         .local.vaddr = (char *)&my.letter,
                         .remote_offset = offsetof(header_t, letter),
                         .transfer_length = sizeof my.letter};
}

/** The next random piece of the stream, from `done` on, without its local side. */
static rsm_iovec_t next_piece(uint64_t done, uint64_t *file_offset_p)
{
    size_t len = draw_piece_bytes();

    *file_offset_p = done % my.letter.file_bytes;
    if (len > my.letter.file_bytes - *file_offset_p) {
        len = my.letter.file_bytes - *file_offset_p;
    }
    return (rsm_iovec_t){.remote_offset = HEADER_BYTES + done, .transfer_length = len};
}

static void connect_to_rank_0(void)
{
    const struct timespec a_moment = {0, 1000000};
    int code;

    /* Rank 0 may not have come as far as publishing. Asking again is cheap. */
    while ((code = rsm_memseg_import_connect(my.controller, 0, SEGMENT_ID, RSM_PERM_RDWR,
                                             &my.remote)) == RSMERR_SEG_NOT_PUBLISHED) {
        (void)nanosleep(&a_moment, NULL);
    }
    expect_success("rsm_memseg_import_connect", code);
}

static void send_file(void)
{
    rsm_iovec_t pieces[PIECES_MAX];
    uint64_t total = my.letter.total_bytes;
    uint64_t done = 0;
    uint64_t all_pieces = 0;
    uint64_t vectors = 0;
    double seconds = 0;

    my.letter.checksum = CHECKSUM_START;
    while (done < total) {
        unsigned wanted = 1 + (unsigned)draw(PIECES_MAX - 1); /* room for the letter is left */
        unsigned count = 0;
        rsm_scat_gath_t request;
        double start;

        while (count < wanted && done < total) {
            uint64_t file_offset;
            rsm_iovec_t piece = next_piece(done, &file_offset);

            /* The local side of a piece: a handle and an offset, or just an address. */
            if (draw(2) == 0) {
                piece.io_type = RSM_HANDLE_TYPE;
                piece.local.handle = my.local;
                piece.local_offset = file_offset;
            } else {
                piece.io_type = RSM_VA_TYPE;
                piece.local.vaddr = my.file + file_offset;
            }
            my.letter.checksum =
                checksum(my.letter.checksum, my.file + file_offset, piece.transfer_length);
            done += piece.transfer_length;
            pieces[count++] = piece;
        }
        vectors++;
        if (done == total) {
            /* Pieces are complete one after the other, so who sees the letter has the data. */
            my.letter.vectors = vectors;
            pieces[count++] = letter_piece();
        }
        request = make_request(pieces, count, RSM_IMPLICIT_SIGPOST);
        start = now();
        TRY(rsm_memseg_import_putv(&request)); /* the data is there when this returns */
        seconds += now() - start;
        all_pieces += count;
        show_progress("sending", done, total);
    }
    clear_progress();
    printf("rank %u: sent %llu pieces in %llu vectors: %.0f MB/s\n"
           "rank %u: sent %llu bytes, checksum %016llx\n",
           my.node, (unsigned long long)all_pieces, (unsigned long long)vectors,
           1e-6 * (double)total / seconds, my.node, (unsigned long long)total,
           (unsigned long long)my.letter.checksum);
    (void)fflush(stdout);
}

/** Read everything back and compare it with the file. Returns the number of wrong bytes. */
static uint64_t read_back(void)
{
    rsm_iovec_t pieces[PIECES_MAX];
    uint64_t file_offsets[PIECES_MAX];
    size_t landing_bytes = PIECES_MAX * PIECE_BYTES_MAX;
    char *landing = aligned_alloc(HEADER_BYTES, landing_bytes);
    rsm_localmemory_handle_t landing_handle = NULL;
    uint64_t total = my.letter.total_bytes;
    uint64_t done = 0;
    uint64_t wrong = 0;
    double seconds = 0;

    if (landing == NULL) {
        give_up(strerror(errno), "aligned_alloc");
    }
    /* A handle wants an address at the start of a page. */
    TRY(rsm_create_localmemory_handle(my.controller, &landing_handle, landing, landing_bytes));
    while (done < total) {
        unsigned wanted = 1 + (unsigned)draw(PIECES_MAX);
        unsigned count = 0;
        size_t filled = 0;
        rsm_scat_gath_t request;
        double start;

        for (; count < wanted && done < total; count++) {
            rsm_iovec_t piece = next_piece(done, &file_offsets[count]);

            if (draw(2) == 0) {
                piece.io_type = RSM_HANDLE_TYPE;
                piece.local.handle = landing_handle;
            } else {
                piece.io_type = RSM_VA_TYPE;
                piece.local.vaddr = landing;
            }
            piece.local_offset = filled; /* an offset may be added to either */
            filled += piece.transfer_length;
            done += piece.transfer_length;
            pieces[count] = piece;
        }
        memset(landing, 0x5a, filled); /* no byte is right by chance */
        request = make_request(pieces, count, 0);
        start = now();
        TRY(rsm_memseg_import_getv(&request));
        seconds += now() - start;
        for (unsigned i = 0; i < count; i++) {
            const char *got = landing + pieces[i].local_offset;
            const char *sent = my.file + file_offsets[i];

            if (memcmp(got, sent, pieces[i].transfer_length) != 0) {
                for (size_t byte = 0; byte < pieces[i].transfer_length; byte++) {
                    wrong += got[byte] != sent[byte];
                }
            }
        }
        show_progress("reading back", done, total);
    }
    clear_progress();
    printf("rank %u: read it all back: %.0f MB/s, %llu wrong bytes\n", my.node,
           1e-6 * (double)total / seconds, (unsigned long long)wrong);
    (void)fflush(stdout);
    TRY(rsm_free_localmemory_handle(my.controller, landing_handle));
    free(landing);
    return wrong;
}

/** After rank 0's answer: read back, compare, tell rank 0 how it went. True: all is right. */
static bool check(void)
{
    header_t header = {0};
    rsm_iovec_t piece = {
        .io_type = RSM_VA_TYPE, .local.vaddr = (char *)&header, .transfer_length = sizeof header};
    rsm_scat_gath_t request = make_request(&piece, 1, 0);
    bool good;

    TRY(rsm_intr_signal_wait(my.remote, PATIENCE_MS)); /* rank 0 posts when it has added up */
    TRY(rsm_memseg_import_getv(&request));
    good = read_back() == 0 && header.answer.checksum == my.letter.checksum;

    my.letter.verdict = good ? VERDICT_GOOD : VERDICT_BAD;
    piece = letter_piece();
    request = make_request(&piece, 1, RSM_IMPLICIT_SIGPOST);
    TRY(rsm_memseg_import_putv(&request));
    TRY(rsm_memseg_import_disconnect(my.remote));
    TRY(rsm_free_localmemory_handle(my.controller, my.local));
    return good;
}

/* ---- Which file --------------------------------------------------------------------------- */

/**
 * A large file that every machine has: among the program and the libraries that this very process
 * runs from, the largest. Executable mappings only, as the others include buffers of MPI.
 */
static const char *find_large_file(void)
{
    static char largest[4096];
    char line[4352];
    char permissions[8];
    char path[sizeof largest];
    off_t largest_size = 0;
    struct stat status;
    FILE *maps = fopen("/proc/self/maps", "r");

    while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
        if (sscanf(line, "%*s %7s %*s %*s %*s %4095[^\n]", permissions, path) == 2 &&
            path[0] == '/' && permissions[2] == 'x' && stat(path, &status) == 0 &&
            S_ISREG(status.st_mode) && access(path, R_OK) == 0 && status.st_size > largest_size &&
            (size_t)status.st_size <= ROOM_BYTES) {
            largest_size = status.st_size;
            memcpy(largest, path, sizeof largest);
        }
    }
    if (maps != NULL) {
        (void)fclose(maps);
    }
    if (largest_size == 0) {
        give_up("please name one: send_file FILE", "found no file to send");
    }
    return largest;
}

/** Map the file and decide how often to send it. */
static void open_file(void)
{
    int fd = open(my.path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    uint64_t copies;

    if (fd < 0 || fstat(fd, &status) != 0) {
        give_up(strerror(errno), my.path);
    }
    if (!S_ISREG(status.st_mode) || status.st_size == 0) {
        give_up("not a file with something in it", my.path);
    }
    if ((uint64_t)status.st_size > ROOM_BYTES) {
        give_up("more than the 256 MiB that rank 0 has room for", my.path);
    }
    my.letter.file_bytes = (uint64_t)status.st_size;
    copies = (SEND_AT_LEAST + my.letter.file_bytes - 1) / my.letter.file_bytes;
    copies = copies < COPIES_MAX ? copies : COPIES_MAX;
    my.letter.total_bytes = copies * my.letter.file_bytes;

    /* No copy is made: pieces go from the file's pages to rank 0's memory. We never write to them,
     * but some networks take writable memory only; the mapping is private either way. */
    my.file = mmap(NULL, my.letter.file_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    if (my.file == MAP_FAILED) {
        give_up(strerror(errno), my.path);
    }
    (void)close(fd);
    TRY(rsm_create_localmemory_handle(my.controller, &my.local, my.file, my.letter.file_bytes));

    printf("rank %u: sending %s\n"
           "rank %u: %llu bytes, %llu time%s over: %.1f MiB\n",
           my.node, my.path, my.node, (unsigned long long)my.letter.file_bytes,
           (unsigned long long)copies, copies == 1 ? "" : "s",
           (double)my.letter.total_bytes / (double)MIB);
    (void)fflush(stdout);
}

/* ---- All together ------------------------------------------------------------------------- */

/** Who are we, and how many? A node of RSMAPI is a rank of the job. */
static void look_around(void)
{
    rsm_topology_t *topology = NULL;

    TRY(rsm_get_interconnect_topology(&topology));
    my.node = topology->topology_hdr.local_nodeid;
    my.nodes = 1;
    if (topology->topology_hdr.local_cntlr_count > 0) {
        my.nodes += (unsigned)topology->connections[0]->hdr.remote_cntlr_count;
    }
    rsm_free_interconnect_topology(topology);
}

int main(int argc, char **argv)
{
    bool receiver;
    bool sender;
    bool good = true;

    my.random = 20240229; /* any number but 0 */
    /* Starts MPI as well, and it will be ended at exit. All ranks make this call. */
    TRY(rsm_get_controller("mpi0", &my.controller));
    look_around();
    receiver = my.node == 0;
    sender = my.node == 1 || my.nodes == 1;

    /* Each rank does its part; a single one does both, step by step, as signals do not get lost. */
    if (my.nodes == 1) {
        printf("rank 0: alone, so it sends to itself; try mpirun -np 2\n");
    }
    if (receiver) {
        export_room();
    }
    if (sender) {
        my.path = argc > 1 ? argv[1] : find_large_file();
        connect_to_rank_0();
        open_file();
        send_file();
    }
    if (receiver) {
        receive();
    }
    if (sender) {
        good = check();
    }
    if (receiver) {
        good = hear_verdict() && good;
    }
    if (!receiver && !sender) {
        printf("rank %u: two ranks are enough, this one only watches\n", my.node);
    }
    TRY(rsm_release_controller(my.controller));
    return good ? 0 : 1;
}

/* ---- Progress and terminals --------------------------------------------------------------- */

/** The parent of process `pid`, and the command it runs. 0: unknown. */
static pid_t parent_of(pid_t pid, char *command, size_t command_bytes)
{
    char path[64];
    char line[512] = "";
    char *start;
    char *end;
    FILE *file;

    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    file = fopen(path, "r");
    if (file != NULL) {
        if (fgets(line, sizeof line, file) == NULL) {
            line[0] = '\0';
        }
        (void)fclose(file);
    }
    start = strchr(line, '('); /* pid (command) state parent … */
    end = strrchr(line, ')');
    if (start == NULL || end == NULL || strlen(end) < 5) {
        return 0;
    }
    (void)snprintf(command, command_bytes, "%.*s", (int)(end - start - 1), start + 1);
    return (pid_t)strtol(end + 4, NULL, 10);
}

/**
 * Will a human see the line change in place? Our own standard output does not tell: under mpirun
 * it is a pipe of the launcher's, or a terminal made up by it. What counts is where the launcher
 * writes to, and that is our parent process (or, behind a helper of Hydra's, its parent).
 */
static bool look_for_terminal(void)
{
    pid_t launcher = getppid();
    pid_t parent;
    char command[64] = "";
    char path[64];
    char target[64];
    ssize_t len;

    if (getenv("PMIX_RANK") == NULL && getenv("PMI_RANK") == NULL) {
        return isatty(STDOUT_FILENO) != 0; /* no launcher */
    }
    parent = parent_of(launcher, command, sizeof command);
    if (parent != 0 && strncmp(command, "hydra", 5) == 0) {
        launcher = parent;
    }
    (void)snprintf(path, sizeof path, "/proc/%d/fd/1", (int)launcher);
    len = readlink(path, target, sizeof target - 1);
    target[len > 0 ? len : 0] = '\0';
    return strncmp(target, "/dev/pts/", 9) == 0 || strncmp(target, "/dev/tty", 8) == 0 ||
           strcmp(target, "/dev/console") == 0;
}

static bool on_terminal(void)
{
    static int known = -1;

    if (known < 0) {
        known = look_for_terminal();
    }
    return known != 0;
}

/** Ten times a second are enough for the eye. */
static void show_progress(const char *what, uint64_t done, uint64_t of)
{
    static double shown;

    if (on_terminal() && now() - shown > 0.1) {
        shown = now();
        printf("\rrank %u: %s, %3.0f %% of %.1f MiB ", my.node, what,
               100.0 * (double)done / (double)of, (double)of / (double)MIB);
        (void)fflush(stdout);
    }
}

static void clear_progress(void)
{
    if (on_terminal()) {
        printf("\r%60s\r", "");
    }
}
